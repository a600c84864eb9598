/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/scenario.h"

#include "tx/engine.h"

#include <stdlib.h>

/* Requests of all kinds to a node with a chain of a few ledgers. The first byte says how the rest
 * came: bit 0 WebSocket, bit 1 administrator. Exactly one reply, and it is JSON without duplicate
 * members (or plain text with a status of 400 or more). */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fake *world_of_requests;

/* Every submission is answered at once and changes nothing. */
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

static struct fake *open_world(void)
{
	struct fake *f = scenario_open(true, true);

	rpc_close(f->rpc);
	f->host.submit = answer;
	f->host.stop = stop;
	f->host.push = push;
	f->rpc = rpc_open(&f->host);
	return f;
}

static void close_world(void)
{
	fake_close(world_of_requests);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake *f = world_of_requests;
	struct rpc_origin from = {.request = 1, .address = "[::1]"};
	json_error_t error;
	json_t *j;

	if (!f) {
		f = world_of_requests = open_world();
		atexit(close_world);
	}
	if (size == 0)
		return 0;
	from.websocket = data[0] & 1;
	from.admin = data[0] & 2;
	from.conn = from.websocket ? 1 : 0;
	f->replies = 0;
	rpc_request(f->rpc, &from, bytes_of(data + 1, size - 1));
	must(f->replies == 1);
	if (f->status >= 400 && f->reply.p[0] != '{')
		return 0;
	j = json_loadb((const char *)f->reply.p, f->reply.n,
		       JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	must(j != NULL);
	json_decref(j);
	rpc_on_state(f->rpc, NODE_FULL);
	rpc_conn_closed(f->rpc, 1);
	return 0;
}
