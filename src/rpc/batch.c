/* SPDX-License-Identifier: ISC */
#include "rpc/batch.h"

#include "rpc/envelope.h"
#include "rpc/state.h"

#include "base/limits.h"

struct batch {
	struct rpc *r;
	struct rpc_origin from;
	char address[64];
	json_t *items; /* a list; a reference */
	size_t next;
	struct buf out; /* the answers so far */
	bool running;   /* batch_run() is on the stack */
	bool waiting;   /* for the answer of item next - 1 */
};

/* The reference's numbers, of JSON-RPC's range for servers. */
static const struct {
	const char *text;
	int code;
} codes[] = {
    {"Server is overloaded", -32604},
    {"Forbidden", -32605},
    {"invalid_API_version", -32606},
};
#define METHOD_NOT_FOUND (-32601)

bool batch_wanted(const struct rpc_call *c)
{
	const char *name = json_string_value(json_object_get(c->request, "method"));

	return !c->batch && name && strcmp(name, "batch") == 0;
}

static void batch_free(struct batch *b)
{
	json_decref(b->items);
	buf_close(&b->out);
	mem_free(b);
}

static void write_error(struct jw *w, const char *text)
{
	int code = METHOD_NOT_FOUND;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(text, codes[i].text) == 0)
			code = codes[i].code;
	jw_put_open(w, "error", '{');
	jw_put_i64(w, "code", code);
	jw_put_str(w, "message", text);
	jw_end(w, '}');
}

/* {"request": item, "error"}: what the reference shows of items it has not looked into. */
static void write_around(struct jw *w, const json_t *item, const char *text)
{
	jw_open(w, '{');
	jw_put_json(w, "request", item);
	write_error(w, text);
	jw_end(w, '}');
}

void batch_write_refusal(struct rpc_call *c, const char *text)
{
	const char *key;
	json_t *v;

	rpc_mask_secrets(c->request);
	if (strcmp(text, "invalid_API_version") == 0) {
		write_around(&c->w, c->request, text);
		return;
	}
	jw_open(&c->w, '{');
	json_object_foreach(c->request, key, v) if (strcmp(key, "error") != 0)
	    jw_put_json(&c->w, key, v);
	write_error(&c->w, text);
	jw_end(&c->w, '}');
}

unsigned batch_item_version(const json_t *item)
{
	const json_t *first = json_array_get(json_object_get(item, "params"), 0);
	unsigned version = json_is_object(first) ? rpc_version_of(first) : RPC_VERSION_DEFAULT;

	return version == RPC_VERSION_DEFAULT ? rpc_version_of(item) : version;
}

static void append(struct batch *b, struct bytes text)
{
	if (b->out.n > 1)
		buf_put_u8(&b->out, ',');
	buf_put(&b->out, text.p, text.n);
}

/* An item that gets no call. */
static void refuse_item(struct batch *b, const json_t *item, const char *text)
{
	struct jw w = JW_INIT;

	if (b->r->host.charge)
		b->r->host.charge(b->r->host.ctx, &b->from, RPC_COST_MALFORMED);
	write_around(&w, item, text);
	append(b, buf_bytes(&w.out));
	jw_close(&w);
}

static void start_item(struct batch *b, json_t *item)
{
	if (!json_is_object(item)) {
		refuse_item(b, item, "Method not found");
	} else if (b->out.n > RPC_BATCH_REPLY_MAX) {
		refuse_item(b, item, "Server is overloaded");
	} else {
		b->waiting = true;
		rpc_request_item(b->r, &b->from, item, b);
	}
}

static void batch_run(struct batch *b)
{
	const struct rpc_host *host = &b->r->host;

	b->running = true;
	while (!b->waiting && b->next < json_array_size(b->items))
		start_item(b, json_array_get(b->items, b->next++));
	b->running = false;
	if (b->waiting)
		return;
	buf_put(&b->out, "]\n", 2);
	host->reply(host->ctx, b->from.request, 200, buf_bytes(&b->out));
	batch_free(b);
}

void batch_take(struct rpc_call *c)
{
	struct batch *b = c->batch;

	must(b->waiting);
	c->batch = NULL;
	b->waiting = false;
	append(b, buf_bytes(&c->w.out));
	if (!b->running)
		batch_run(b);
}

void batch_drop(struct rpc_call *c)
{
	if (c->batch)
		batch_free(c->batch);
	c->batch = NULL;
}

void batch_begin(struct rpc_call *c)
{
	json_t *items = json_object_get(c->request, "params");
	struct batch *b;

	if (!json_is_array(items) || json_array_size(items) > RPC_BATCH_MAX) {
		rpc_refuse_http(c, 400, "Malformed batch request");
		return;
	}
	if (c->from.idempotency_key.p) {
		rpc_refuse_http(c, 400, "Idempotency-Key names one call, not a batch");
		return;
	}
	b = mem_zalloc(1, sizeof(*b));
	b->r = c->r;
	b->from = c->from;
	memcpy(b->address, c->address, sizeof(b->address));
	b->from.address = b->address;
	b->items = json_incref(items);
	buf_put_u8(&b->out, '[');
	rpc_call_free(c);
	batch_run(b);
}
