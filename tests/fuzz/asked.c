/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/fuzz/asked.h"

#include "tx/engine.h"

#include <stdlib.h>

static struct fake *world;

static void answer(void *ctx, struct tx *tx, bool fail_hard, uint64_t token)
{
	struct fake *f = ctx;
	struct node_submitted s = {.token = token, .tx = tx, .result = terQUEUED, .queued = true};

	(void)fail_hard;
	rpc_submitted(f->rpc, &s);
}

static void stop(void *ctx)
{
	(void)ctx;
}

static bool push(void *ctx, uint64_t conn, struct rpc_text *text)
{
	(void)ctx;
	return conn == 1 && text->n > 2;
}

static void close_world(void)
{
	fake_close(world);
}

struct fake *asked_world(void)
{
	if (world)
		return world;
	world = scenario_open(true, true);
	rpc_close(world->rpc);
	world->host.submit = answer;
	world->host.stop = stop;
	world->host.push = push;
	world->rpc = rpc_open(&world->host);
	(void)atexit(close_world);
	return world;
}

void asked_request(struct fake *f, uint8_t how, struct bytes request)
{
	struct rpc_origin from = {.request = 1,
				  .address = "[::1]",
				  .websocket = how & 1,
				  .admin = how & 2,
				  .conn = how & 1};

	f->replies = 0;
	rpc_request(f->rpc, &from, request);
	must(f->replies == 1);
}

void asked_reply_is_json(struct fake *f)
{
	json_error_t error;
	json_t *j = json_loadb((const char *)f->reply.p, f->reply.n,
			       JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	must(j != NULL);
	json_decref(j);
	rpc_conn_closed(f->rpc, 1);
}
