/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/topics_kit.h"

#include <stdio.h>

struct topics_box box;

static void host_wake(void *ctx, uint32_t ms)
{
	(void)ctx;
	box.woken_ms = ms;
}

static size_t host_queued(void *ctx, uint64_t conn)
{
	(void)ctx, (void)conn;
	return box.queued;
}

static bool host_push(void *ctx, uint64_t conn, struct rpc_text *text)
{
	box.f->host.push(ctx, conn, text);
	if (conn != box.close_on_push)
		return true;
	rpc_conn_closed(box.f->rpc, conn);
	return false;
}

static uint64_t host_hook(void *ctx, const struct rpc_hook *want, bool make, struct why *why)
{
	(void)ctx;
	if (strncmp(want->url, "http", 4) != 0) {
		why_set(why, ERR_INVALID, "Only http and https is supported.");
		return 0;
	}
	if (!make)
		return strcmp(want->url, box.url) == 0 ? HOOK_ID : 0;
	(void)snprintf(box.url, sizeof(box.url), "%s", want->url);
	(void)snprintf(box.username, sizeof(box.username), "%s",
		       want->username ? want->username : "-");
	(void)snprintf(box.password, sizeof(box.password), "%s",
		       want->password ? want->password : "-");
	box.made++;
	return HOOK_ID;
}

static void host_hook_end(void *ctx, uint64_t conn)
{
	(void)ctx;
	assert_true(conn == HOOK_ID);
	box.ended++;
	box.url[0] = '\0';
}

static struct history_range searchable(void *ctx)
{
	struct history_range r = box.f->history.complete(ctx);

	if (box.searchable_from > r.first)
		r.first = box.searchable_from;
	return r;
}

int topics_set_up(void **state)
{
	struct rpc_host host;

	(void)state;
	memset(&box, 0, sizeof(box));
	box.f = scenario_open(false, false);
	host = box.f->host;
	host.wake = host_wake;
	host.queued = host_queued;
	host.push = host_push;
	host.hook = host_hook;
	host.hook_end = host_hook_end;
	box.f->history.searchable = searchable;
	rpc_close(box.f->rpc);
	box.f->rpc = rpc_open(&host);
	return 0;
}

int topics_tear_down(void **state)
{
	(void)state;
	fake_close(box.f);
	return 0;
}

/* The reply to subscribe or unsubscribe with these members. */
json_t *topics_ask(uint64_t conn, const char *command, unsigned version, const char *what)
{
	struct fake_via via = {.websocket = true, .conn = conn, .admin = conn == 99};
	char text[900];

	(void)snprintf(text, sizeof(text), "{\"id\":1,\"command\":\"%s\",\"api_version\":%u,%s}",
		       command, version, what);
	return fake_ask(box.f, via, text);
}

json_t *topics_subscribe(uint64_t conn, const char *what)
{
	json_t *j = topics_ask(conn, "subscribe", 2, what), *result;

	assert_string_equal(text_of(j, "status"), "success");
	result = json_incref(json_object_get(j, "result"));
	json_decref(j);
	return result;
}

void topics_unsubscribe(uint64_t conn, const char *what)
{
	json_t *j = topics_ask(conn, "unsubscribe", 2, what);

	assert_string_equal(text_of(j, "status"), "success");
	json_decref(j);
}
