/* SPDX-License-Identifier: ISC */
#include "rpc/idempotency.h"

#include "base/limits.h"
#include "crypto/hash.h"
#include "rpc/methods.h"
#include "rpc/state.h"

#define RECORD_VERSION 1
#define RECORD_HEAD    34 /* version, state, digest */
#define REPLAYED       "Idempotent-Replayed: true\r\n"
#define RETRY          "Retry-After: 1\r\n"

enum record_state { RECORD_SIGNED = 1, RECORD_ANSWERED = 2 };

/* A request that is being worked on, by the digest of its key. */
struct idem {
	struct hash256 key, digest;
	bool admin;
	struct bytes blob; /* on the call's arena: signed by an earlier attempt */
	bool resumed, keep_answer;
	uint64_t token;        /* of the write that is waited for */
	struct rpc_call *held; /* the call that waits for it; owned */
	/* or the answer that does */
	uint64_t request;
	int status;
	struct buf body;
	struct idem *prev, *next;
};

/* ---- The table of what is being worked on: short, since it is bounded by the calls in flight. */

static struct idem *find(const struct rpc *r, const struct hash256 *key)
{
	return hmap_get(&r->idem_keys, key);
}

static struct idem *idem_new(struct rpc *r, const struct hash256 *key)
{
	struct idem *i = mem_zalloc(1, sizeof(*i));

	i->key = *key;
	i->next = r->idems;
	if (i->next)
		i->next->prev = i;
	r->idems = i;
	hmap_put(&r->idem_keys, key, i);
	return i;
}

static void idem_free(struct rpc *r, struct idem *i)
{
	must(hmap_del(&r->idem_keys, &i->key) == i);
	if (i->prev)
		i->prev->next = i->next;
	else
		r->idems = i->next;
	if (i->next)
		i->next->prev = i->prev;
	buf_close(&i->body);
	mem_free(i);
}

void idem_close(struct rpc *r)
{
	while (r->idems) {
		struct idem *i = r->idems;

		if (i->held)
			rpc_call_free(i->held);
		idem_free(r, i);
	}
	hmap_close(&r->idem_keys);
}

/* ---- Digests */

static bool key_is_sound(struct bytes key)
{
	for (size_t i = 0; i < key.n; i++)
		if (key.p[i] < 0x20 || key.p[i] > 0x7E)
			return false;
	return key.n >= 1 && key.n <= IDEMPOTENCY_KEY_MAX;
}

static struct hash256 digest_of_key(const struct rpc_call *c)
{
	struct bytes key = c->from.idempotency_key;
	struct hash256 out;
	struct sha512 h;

	sha512_init(&h);
	sha512_put(&h, c->from.admin ? "idempotency admin " : "idempotency ",
		   c->from.admin ? 18 : 12);
	sha512_put(&h, key.p, key.n);
	sha512_end_half(&h, &out);
	return out;
}

static int put_text(const char *text, size_t n, void *h)
{
	sha512_put(h, text, n);
	return 0;
}

/* Over method and parameters, in an order of its own, secrets taken out: the same request written
 * in another way is the same request. */
static struct hash256 digest_of_body(const struct rpc_call *c)
{
	static const char *const secrets[] = {"passphrase", "secret", "seed", "seed_hex"};
	json_t *shown = json_copy(c->p);
	struct hash256 out;
	struct sha512 h;

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		json_object_del(shown, secrets[i]);
	sha512_init(&h);
	sha512_put(&h, c->method->name, strlen(c->method->name) + 1);
	must(!json_dump_callback(shown, put_text, &h, JSON_COMPACT | JSON_SORT_KEYS));
	json_decref(shown);
	sha512_end_half(&h, &out);
	return out;
}

/* ---- Records */

static void record_begin(struct buf *out, const struct idem *i, enum record_state state)
{
	buf_put_u8(out, RECORD_VERSION);
	buf_put_u8(out, (uint8_t)state);
	buf_put(out, i->digest.b, sizeof(i->digest.b));
}

static void write(struct rpc *r, struct idem *i, const struct buf *record)
{
	struct rpc_keep row = {.key = i->key,
			       .until_ms = r->host.unix_ms(r->host.ctx) + IDEMPOTENCY_MS,
			       .privileged = i->admin,
			       .value = buf_bytes(record)};

	i->token = ++r->keep_token;
	r->host.keep(r->host.ctx, &row, i->token);
}

/* ---- Answers that are no answer of the method */

static bool refuse(struct rpc_call *c, int status, const char *token, const char *headers,
		   const char *message)
{
	rpc_forget_written(c);
	jw_put_str(&c->w, "error_message", message);
	rpc_fail_token(c, token);
	rpc_finish_with(c, status, headers);
	return false;
}

/* The process that gave the answer may have died before others had the transaction: it is handed to
 * the node again when it is nowhere. It is the same transaction, so that it can have one effect. */
static void hand_over_again(struct rpc_call *c, struct bytes blob)
{
	const struct history *h = c->host->history;
	struct buf store = BUF_INIT;
	struct history_tx row;
	struct tx *tx;

	if (tx_parse(&tx, blob, NULL) != ERR_NONE)
		return;
	if (!node_pending_tx(c->host->node, &tx->id) &&
	    h->tx(h->ctx, &tx->id, &row, &store) == ERR_ABSENT)
		c->host->submit(c->host->ctx, tx, json_is_true(json_object_get(c->p, "fail_hard")),
				0);
	buf_close(&store);
	tx_unref(tx);
}

static bool replay(struct rpc_call *c, struct cursor rec)
{
	int status = cursor_be16(&rec);
	struct bytes blob = cursor_take(&rec, cursor_be32(&rec));
	struct bytes body = cursor_take(&rec, rec.left);

	if (rec.dead)
		return refuse(c, 503, "idempotencyUnavailable", RETRY,
			      "What is kept for this key cannot be read.");
	hand_over_again(c, blob);
	buf_clear(&c->w.out);
	buf_put(&c->w.out, body.p, body.n);
	rpc_finish_raw(c, status, REPLAYED);
	return false;
}

/* What an earlier process or attempt has left. */
static bool go_on(struct rpc_call *c, struct idem *i, struct bytes record)
{
	struct cursor rec = cursor_of(record);
	uint8_t version = cursor_u8(&rec), state = cursor_u8(&rec);
	struct hash256 digest;

	cursor_copy(&rec, digest.b, sizeof(digest.b));
	if (rec.dead || version != RECORD_VERSION)
		return refuse(c, 503, "idempotencyUnavailable", RETRY,
			      "What is kept for this key cannot be read.");
	if (!hash256_eq(&digest, &i->digest))
		return refuse(c, 409, "idempotencyKeyReused", NULL,
			      "This Idempotency-Key was used with another request.");
	if (state == RECORD_ANSWERED)
		return replay(c, rec);
	i->blob = cursor_take(&rec, rec.left);
	return true;
}

static bool begin(struct rpc_call *c, struct idem *i)
{
	struct buf record = BUF_INIT;
	enum err e = c->host->kept(c->host->ctx, &i->key, &record);
	uint8_t *copy = arena_alloc(&c->arena, record.n);
	size_t n = record.n;

	if (n > 0)
		memcpy(copy, record.p, n);
	buf_close(&record);
	if (e == ERR_ABSENT)
		return true;
	return go_on(c, i, bytes_of(copy, e == ERR_NONE ? n : 0));
}

static bool is_wanted(const struct rpc_call *c)
{
	return c->from.idempotency_key.p && !c->from.websocket &&
	       (c->method->run == method_submit || c->method->run == method_submit_multisigned);
}

bool idem_begin(struct rpc_call *c)
{
	struct rpc *r = c->r;
	struct hash256 key;
	struct idem *i;

	if (!is_wanted(c))
		return true;
	if (!key_is_sound(c->from.idempotency_key))
		return refuse(c, 400, "invalidIdempotencyKey", NULL,
			      "An Idempotency-Key has 1 to 255 printable characters.");
	if (!c->host->keep)
		return refuse(c, 503, "idempotencyUnavailable", NULL,
			      "This server keeps no answers.");
	key = digest_of_key(c);
	i = find(r, &key);
	if (i)
		return refuse(c, 409, "idempotencyKeyInUse", RETRY,
			      "A request with this Idempotency-Key is being worked on.");
	i = idem_new(r, &key);
	i->digest = digest_of_body(c);
	i->admin = c->from.admin;
	c->idem = i;
	return begin(c, i);
}

struct tx *idem_resume(struct rpc_call *c)
{
	struct tx *tx = NULL;

	if (!c->idem || !c->idem->blob.n || tx_parse(&tx, c->idem->blob, NULL) != ERR_NONE)
		return NULL;
	c->idem->resumed = true;
	return tx;
}

/* ---- Before and after the node */

bool idem_hold(struct rpc_call *c)
{
	struct idem *i = c->idem;
	struct buf record = BUF_INIT;

	if (!i || i->resumed || !c->later.signed_here)
		return false;
	record_begin(&record, i, RECORD_SIGNED);
	buf_put(&record, c->later.tx->blob.p, c->later.tx->blob.n);
	i->held = c;
	write(c->r, i, &record);
	buf_close(&record);
	return true;
}

void idem_outcome(struct rpc_call *c, enum ter result)
{
	if (c->idem)
		c->idem->keep_answer = !ter_is_tel(result) && !ter_is_tem(result);
}

void idem_reply(struct rpc_call *c, int status)
{
	struct idem *i = c->idem;
	struct buf record = BUF_INIT;

	c->idem = NULL;
	if (!i->keep_answer) {
		idem_free(c->r, i);
		rpc_send(c, status);
		return;
	}
	i->request = c->from.request;
	i->status = status;
	buf_put(&i->body, c->w.out.p, c->w.out.n);
	record_begin(&record, i, RECORD_ANSWERED);
	buf_put_be16(&record, (uint16_t)status);
	buf_put_be32(&record, (uint32_t)c->later.tx->blob.n);
	buf_put(&record, c->later.tx->blob.p, c->later.tx->blob.n);
	buf_put(&record, i->body.p, i->body.n);
	write(c->r, i, &record);
	buf_close(&record);
}

/* A blob that is not kept is not handed over: a repetition would sign another. An answer that is
 * not kept is given all the same: the transaction is out, and its blob the same next time. */
void idem_kept(struct rpc *r, uint64_t token, enum err err)
{
	struct idem *i = r->idems;
	struct rpc_call *c;

	while (i && i->token != token)
		i = i->next;
	if (!i)
		return;
	i->token = 0;
	c = i->held;
	i->held = NULL;
	if (!c) {
		r->host.reply(r->host.ctx, i->request, i->status, buf_bytes(&i->body));
		idem_free(r, i);
	} else if (err != ERR_NONE) {
		refuse(c, 503, "idempotencyUnavailable", RETRY,
		       "What would be signed cannot be kept now.");
	} else {
		rpc_submit_now(c);
	}
}
