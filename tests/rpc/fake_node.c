/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/fake_node.h"

#include "base/limits.h"
#include "crypto/hash.h"
#include "ledger/affected.h"
#include "ledger/tx_set.h"
#include "tx/engine.h"

#include <stdlib.h>

/* ---- history.h */

static struct ledger *committed(const struct fake *f, uint32_t seq)
{
	return seq > 0 && seq <= f->node.validated ? f->node.chain[seq - 1] : NULL;
}

static enum err history_header(void *ctx, uint32_t seq, struct ledger_header *out,
			       struct hash256 *hash)
{
	struct fake *f = ctx;
	struct ledger *l = committed(f, seq);

	if (f->history_err)
		return f->history_err;
	if (!l)
		return ERR_ABSENT;
	*out = l->header;
	*hash = l->hash;
	return ERR_NONE;
}

static enum err history_seq(void *ctx, const struct hash256 *hash, uint32_t *seq)
{
	struct fake *f = ctx;

	if (f->history_err)
		return f->history_err;
	for (uint32_t i = 1; i <= f->node.validated; i++)
		if (hash256_eq(&f->node.chain[i - 1]->hash, hash)) {
			*seq = i;
			return ERR_NONE;
		}
	return ERR_ABSENT;
}

static enum err history_ledger(void *ctx, uint32_t seq, struct ledger **out)
{
	struct fake *f = ctx;
	struct ledger *l = committed(f, seq);

	if (f->history_err)
		return f->history_err;
	if (!l || (f->no_state && seq != f->node.validated))
		return ERR_ABSENT;
	*out = ledger_ref(l);
	return ERR_NONE;
}

/* The rows of a ledger in the order of TransactionIndex. */
static uint32_t rows_of(const struct ledger *l, struct history_tx *rows, struct arena *a)
{
	struct hash256 id, at;
	struct bytes leaf;
	struct st_object *meta;
	uint32_t n = 0;
	enum found f = tree_next(&l->txs, NULL, &id, &leaf);

	while (f == FOUND) {
		struct history_tx r = {.id = id, .ledger_seq = l->header.seq};
		uint32_t i;

		assert_true(n < FAKE_OPEN_MAX);
		assert_int_equal(tx_leaf_split(leaf, &r.blob, &r.meta), ERR_NONE);
		assert_int_equal(st_decode(&meta, a, r.meta, NULL), ERR_NONE);
		assert_true(st_get_u32(meta, sfTransactionIndex, &r.index));
		for (i = n++; i > 0 && rows[i - 1].index > r.index; i--)
			rows[i] = rows[i - 1];
		rows[i] = r;
		at = id;
		f = tree_next(&l->txs, &at, &id, &leaf);
	}
	return n;
}

static enum err history_tx(void *ctx, const struct hash256 *id, struct history_tx *out,
			   struct buf *store)
{
	struct fake *f = ctx;
	struct arena a = ARENA_INIT;
	struct history_tx rows[FAKE_OPEN_MAX];
	enum err e = f->history_err ? f->history_err : ERR_ABSENT;

	for (uint32_t seq = 1; e == ERR_ABSENT && seq <= f->node.validated; seq++) {
		uint32_t n = rows_of(f->node.chain[seq - 1], rows, &a);

		for (uint32_t i = 0; i < n; i++) {
			if (!hash256_eq(&rows[i].id, id))
				continue;
			*out = rows[i];
			buf_put(store, rows[i].blob.p, rows[i].blob.n);
			buf_put(store, rows[i].meta.p, rows[i].meta.n);
			out->blob = bytes_of(store->p, rows[i].blob.n);
			out->meta = bytes_of(store->p + rows[i].blob.n, rows[i].meta.n);
			e = ERR_NONE;
		}
	}
	arena_close(&a);
	return e;
}

static bool affects(const struct history_tx *row, const struct account_id *account)
{
	struct arena a = ARENA_INIT;
	struct account_id *ids;
	struct st_object *meta;
	bool hit = false;
	size_t n;

	assert_int_equal(st_decode(&meta, &a, row->meta, NULL), ERR_NONE);
	n = affected_accounts(meta, &a, &ids);
	for (size_t i = 0; i < n; i++)
		hit |= account_eq(&ids[i], account);
	arena_close(&a);
	return hit;
}

static int place_cmp(const uint32_t a[2], const uint32_t b[2])
{
	if (a[0] != b[0])
		return a[0] < b[0] ? -1 : 1;
	return a[1] == b[1] ? 0 : a[1] < b[1] ? -1 : 1;
}

static enum err history_account_txs(void *ctx, const struct account_id *account, uint32_t min_seq,
				    uint32_t max_seq, bool forward, const uint32_t from[2],
				    uint32_t limit,
				    bool (*visit)(void *vctx, const struct history_tx *tx),
				    void *vctx, bool *more, uint32_t next[2])
{
	struct fake *f = ctx;
	struct history_tx rows[FAKE_OPEN_MAX];
	struct arena a = ARENA_INIT;
	uint32_t shown = 0;
	bool full = false;

	*more = false;
	if (f->history_err)
		return f->history_err;
	if (max_seq > f->node.validated)
		max_seq = f->node.validated;
	for (uint32_t k = 0; min_seq + k <= max_seq && !full; k++) {
		uint32_t seq = forward ? min_seq + k : max_seq - k;
		uint32_t n = seq > 0 ? rows_of(f->node.chain[seq - 1], rows, &a) : 0;

		for (uint32_t j = 0; j < n && !full; j++) {
			const struct history_tx *r = &rows[forward ? j : n - 1 - j];
			uint32_t place[2] = {r->ledger_seq, r->index};
			int order = from ? place_cmp(place, from) : 0;

			if (!affects(r, account) || (forward ? order < 0 : order > 0))
				continue;
			if (shown == limit || !visit(vctx, r)) {
				*more = full = true;
				next[0] = place[0];
				next[1] = place[1];
			}
			shown++;
		}
	}
	arena_close(&a);
	return ERR_NONE;
}

static enum err history_recent(void *ctx, uint32_t skip, uint32_t limit,
			       void (*visit)(void *vctx, const struct history_tx *tx), void *vctx)
{
	struct fake *f = ctx;
	struct history_tx rows[FAKE_OPEN_MAX];
	struct arena a = ARENA_INIT;

	for (uint32_t seq = f->node.validated; seq > 0 && limit > 0; seq--) {
		uint32_t n = rows_of(f->node.chain[seq - 1], rows, &a);

		for (uint32_t i = n; i > 0 && limit > 0; i--) {
			if (skip > 0) {
				skip--;
				continue;
			}
			visit(vctx, &rows[i - 1]);
			limit--;
		}
	}
	arena_close(&a);
	return f->history_err;
}

static struct history_range history_complete(void *ctx)
{
	struct fake *f = ctx;

	return f->node.validated ? (struct history_range){1, f->node.validated}
				 : (struct history_range){0, 0};
}

/* ---- rpc_host */

static struct now host_now(void *ctx)
{
	struct fake *f = ctx;

	return (struct now){.steady = {f->steady_ms}, .net = f->clock};
}

static uint64_t host_unix_ms(void *ctx)
{
	struct fake *f = ctx;

	return ((uint64_t)f->clock.s + LEDGER_EPOCH_UNIX) * 1000 + 123;
}

static void host_random(void *ctx, void *p, size_t n)
{
	struct fake *f = ctx;

	for (size_t i = 0; i < n; i++)
		((uint8_t *)p)[i] = ++f->entropy;
}

static void answer_submit(struct fake *f, struct tx *tx, uint64_t token)
{
	struct node_submitted s = {.token = token, .tx = tx};

	fake_apply(f, tx, &s);
	rpc_submitted(f->rpc, &s);
}

static void host_submit(void *ctx, struct tx *tx, bool fail_hard, uint64_t token)
{
	struct fake *f = ctx;

	(void)fail_hard;
	if (!f->deferred) {
		answer_submit(f, tx, token);
		return;
	}
	assert_null(f->waiting);
	f->waiting = tx_ref(tx);
	f->waiting_token = token;
}

static void host_accept(void *ctx, uint64_t token)
{
	struct fake *f = ctx;

	if (f->deferred) {
		f->accept_waits = true;
		f->accept_token = token;
		return;
	}
	fake_close_ledger(f, true);
	rpc_accepted(f->rpc, token, f->node.n + 1, ERR_NONE);
}

void fake_answer(struct fake *f)
{
	if (f->waiting) {
		struct tx *tx = f->waiting;

		f->waiting = NULL;
		answer_submit(f, tx, f->waiting_token);
		tx_unref(tx);
	}
	if (f->accept_waits) {
		f->accept_waits = false;
		fake_close_ledger(f, true);
		rpc_accepted(f->rpc, f->accept_token, f->node.n + 1, ERR_NONE);
	}
}

static uint32_t host_peers(void *ctx, struct rpc_peer *out, uint32_t max)
{
	struct fake *f = ctx;

	if (f->node.standalone || max == 0)
		return 0;
	out[0] = (struct rpc_peer){.id = 1,
				   .key = f->node.unl[1],
				   .inbound = true,
				   .address = "127.0.0.1:51235",
				   .rtt_ms = 3,
				   .bytes_in = 1000,
				   .bytes_out = 2000,
				   .uptime_s = 60};
	return 1;
}

static enum err host_connect(void *ctx, const char *address, struct why *why)
{
	(void)ctx;
	if (strncmp(address, "10.", 3) == 0)
		return ERR_NONE;
	return why_set(why, ERR_INVALID, "%s: no such address", address);
}

static void host_stop(void *ctx)
{
	struct fake *f = ctx;

	assert_int_equal(f->replies, 1); /* the reply went out first */
	f->stopped = true;
}

static const char *const log_areas[FAKE_LOG_AREAS] = {"net", "rpc"};

static const char *host_log_area(void *ctx, uint32_t i)
{
	(void)ctx;
	return i < FAKE_LOG_AREAS ? log_areas[i] : NULL;
}

static int host_log_level(void *ctx, const char *area, int level)
{
	struct fake *f = ctx;
	int i;

	for (i = 0; i < FAKE_LOG_AREAS; i++) {
		if (!area && level >= 0)
			f->area_level[i] = level;
		if (area && !strcmp(area, log_areas[i])) {
			if (level >= 0)
				f->area_level[i] = level;
			return f->area_level[i];
		}
	}
	if (!area && level >= 0)
		f->log_level = level;
	return area ? -1 : f->log_level;
}

static enum err host_log_rotate(void *ctx, struct why *why)
{
	struct fake *f = ctx;

	(void)why;
	f->rotations++;
	return ERR_NONE;
}

static struct buf *setting_of(struct fake *f, const char *name, bool make)
{
	for (int i = 0; i < FAKE_SETTINGS; i++) {
		if (!f->setting_name[i][0] && make)
			strcpy(f->setting_name[i], name);
		if (strcmp(f->setting_name[i], name) == 0)
			return &f->setting[i];
	}
	return NULL;
}

static enum err host_setting_read(void *ctx, const char *name, struct buf *out, struct why *why)
{
	const struct buf *b = setting_of(ctx, name, false);

	if (!b)
		return why_set(why, ERR_ABSENT, "%s is absent", name);
	buf_put(out, b->p, b->n);
	return ERR_NONE;
}

static enum err host_setting_write(void *ctx, const char *name, struct bytes text, struct why *why)
{
	struct fake *f = ctx;
	struct buf *b = setting_of(f, name, true);

	if (f->settings_full)
		return why_set(why, ERR_NO_SPACE, "settings/%s.json: no space", name);
	buf_clear(b);
	buf_put(b, text.p, text.n);
	return ERR_NONE;
}

static void host_reserve(void *ctx, const struct public_key *keys, uint32_t n)
{
	struct fake *f = ctx;

	for (uint32_t i = 1; i < n; i++)
		assert_true(public_key_cmp(&keys[i - 1], &keys[i]) < 0);
	f->reserved = n;
}

static void host_deletable(void *ctx, uint32_t seq)
{
	struct fake *f = ctx;

	f->deletable = seq;
}

static void host_vote(void *ctx, const struct hash256 *amendments, uint32_t n)
{
	struct fake *f = ctx;

	f->n_wanted = n;
	memcpy(f->wanted, amendments, n * sizeof(*amendments));
}

static void host_traffic(void *ctx, struct rpc_traffic *out)
{
	(void)ctx;
	*out = (struct rpc_traffic){3, 12, 2};
}

static void host_check(void *ctx, bool begin)
{
	struct fake *f = ctx;

	f->checks = begin ? f->checks + 1 : 0;
}

static void host_charged(void *ctx, uint32_t at_least,
			 void (*visit)(void *vctx, const char *address, uint32_t balance,
				       bool refused),
			 void *vctx)
{
	(void)ctx;
	if (at_least <= 6000)
		visit(vctx, "192.0.2.1", 6000, true);
	if (at_least <= 40)
		visit(vctx, "2001:db8::1", 40, false);
}

static bool host_push(void *ctx, uint64_t conn, struct rpc_text *text)
{
	struct fake *f = ctx;

	if (conn == f->gone)
		return false;
	assert_true(f->n_pushes < FAKE_PUSHES_MAX);
	f->pushes[f->n_pushes++] = (struct push){conn, rpc_text_ref(text)};
	return true;
}

static void host_reply(void *ctx, uint64_t request, int status, struct bytes body)
{
	struct fake *f = ctx;

	buf_clear(&f->reply);
	buf_put(&f->reply, body.p, body.n);
	f->status = status;
	f->replied = request;
	f->replies++;
}

/* ---- The chain */

static void open_next(struct fake *f)
{
	struct node *n = &f->node;
	const struct ledger *tip = n->chain[n->n - 1];
	struct view_info info = {.seq = tip->header.seq + 1,
				 .parent_close = tip->header.close,
				 .parent_hash = tip->hash,
				 .network_id = n->network_id,
				 .open = true};

	view_close(n->open);
	rules_unref(n->rules);
	n->rules = NULL;
	assert_int_not_equal(rules_read(&tip->state, &n->rules), UNAVAILABLE);
	if (!n->rules)
		n->rules = rules_of_list(NULL, 0);
	info.rules = n->rules;
	assert_int_not_equal(ledger_fees_read(&tip->state, &info.fees), UNAVAILABLE);
	n->open = view_open_tree(&tip->state, &info);
	for (uint32_t i = 0; i < n->n_open; i++)
		tx_unref(n->open_txs[i]);
	n->n_open = 0;
}

enum ter fake_apply(struct fake *f, struct tx *tx, struct node_submitted *out)
{
	struct node *n = &f->node;
	struct node_submitted ignored;
	struct tx_outcome o = {.result = temBAD_SIGNATURE};

	out = out ? out : &ignored;
	if (node_pending_tx(n, &tx->id))
		o.result = tefALREADY;
	else if (tx_check_signature(tx) == TX_SIG_GOOD)
		o = tx_apply(n->open, tx, 0, n->n_open, NULL);
	if (o.applied) {
		assert_true(n->n_open < FAKE_OPEN_MAX);
		n->open_txs[n->n_open++] = tx_ref(tx);
	}
	out->result = o.result;
	out->applied = out->accepted = out->broadcast = o.applied;
	out->account_seq_next = out->account_seq_available = node_next_sequence(n, &tx->account);
	out->open_ledger_cost = view_get_info(n->open)->fees.base;
	out->validated_seq = n->validated;
	if (o.applied && f->rpc)
		rpc_on_proposed(f->rpc, tx, o.result);
	return o.result;
}

static void push_ledger(struct fake *f, struct ledger *l, bool validated)
{
	struct node *n = &f->node;

	assert_true(n->n < FAKE_LEDGERS_MAX && l->header.seq == n->n + 1);
	n->chain[n->n++] = l;
	if (validated)
		n->validated = n->n;
	open_next(f);
	if (validated && f->rpc)
		rpc_on_ledger(f->rpc, l);
}

void fake_close_ledger(struct fake *f, bool validated)
{
	struct node *n = &f->node;
	const struct ledger *tip = n->chain[n->n - 1];
	struct hash256 ids[FAKE_OPEN_MAX];
	struct ledger_build b = {.parent = tip,
				 .txs = n->open_txs,
				 .n = n->n_open,
				 .close = {tip->header.close.s + 10},
				 .close_resolution = 10,
				 .close_agreed = true,
				 .network_id = n->network_id};

	for (uint32_t i = 0; i < n->n_open; i++)
		ids[i] = n->open_txs[i]->id;
	qsort(ids, n->n_open, sizeof(ids[0]), hash256_qsort_cmp);
	tx_set_id(&b.salt, ids, n->n_open);
	ledger_build_run(&b);
	assert_non_null(b.ledger);
	mem_free(b.applied);
	mem_free(b.failed);
	f->clock.s = b.ledger->header.close.s + 2;
	f->steady_ms += 4000;
	push_ledger(f, b.ledger, validated);
}

/* Ledger 3: the genesis with what the test planted. */
static void plant_ledger(struct fake *f, void (*plant)(struct tree *state))
{
	const struct ledger *tip = f->node.chain[f->node.n - 1];
	struct ledger_header h = tip->header;
	struct tree state, txs;

	h.seq++;
	h.parent = tip->hash;
	h.parent_close = h.close;
	h.close.s += 10;
	tree_share(&state, &tip->state);
	tree_init_empty(&txs, TREE_TX_META, NULL);
	if (plant)
		plant(&state);
	assert_int_equal(skip_list_update(&state, h.seq, &h.parent), FOUND);
	push_ledger(f, ledger_make(&h, &state, &txs), true);
}

void fake_add_ledger(struct fake *f, struct bytes tx, struct bytes meta)
{
	const struct ledger *tip = f->node.chain[f->node.n - 1];
	struct ledger_header h = tip->header;
	struct tree state, txs;
	struct buf leaf = BUF_INIT;
	struct hash256 id;

	h.seq++;
	h.parent = tip->hash;
	h.parent_close = h.close;
	h.close.s += 10;
	tree_share(&state, &tip->state);
	tree_init_empty(&txs, TREE_TX_META, NULL);
	tx_leaf_join(&leaf, tx, meta);
	sha512_half_parts(&id, HASH_PREFIX_TX_ID, &tx, 1);
	assert_int_equal(tree_put(&txs, &id, buf_bytes(&leaf)), FOUND);
	buf_close(&leaf);
	assert_int_equal(skip_list_update(&state, h.seq, &h.parent), FOUND);
	f->clock.s = h.close.s + 2;
	push_ledger(f, ledger_make(&h, &state, &txs), true);
}

static void fill_host(struct fake *f)
{
	f->history = (struct history){.ctx = f,
				      .header = history_header,
				      .seq_of_hash = history_seq,
				      .ledger = history_ledger,
				      .tx = history_tx,
				      .account_txs = history_account_txs,
				      .complete = history_complete,
				      .recent = history_recent};
	f->host = (struct rpc_host){.ctx = f,
				    .node = &f->node,
				    .history = &f->history,
				    .now = host_now,
				    .unix_ms = host_unix_ms,
				    .random = host_random,
				    .submit = host_submit,
				    .accept = host_accept,
				    .peers = host_peers,
				    .connect = host_connect,
				    .stop = host_stop,
				    .log_level = host_log_level,
				    .log_area = host_log_area,
				    .log_rotate = host_log_rotate,
				    .push = host_push,
				    .setting_read = host_setting_read,
				    .setting_write = host_setting_write,
				    .reserve = host_reserve,
				    .deletable = host_deletable,
				    .vote = host_vote,
				    .check = host_check,
				    .traffic = host_traffic,
				    .charged = host_charged,
				    .history_kept = 3,
				    .reply = host_reply,
				    .hostname = "host-of-tests",
				    .build_version = "2.4.0",
				    .tally_version = "0.0.0-test",
				    .node_key = &f->node_key};
}

static void fill_unl(struct fake *f)
{
	static const char *names[] = {"v1", "v2", "v3", "v4", "v5"};

	f->node.unl_n = 5;
	f->node.validator = true;
	for (int i = 0; i < 5; i++)
		f->node.unl[i] = person(names[i]).pub;
}

struct fake *fake_open(const struct fake_options *options)
{
	struct fake_options o = options ? *options : (struct fake_options){0};
	struct fake *f = mem_zalloc(1, sizeof(*f));
	struct ledger *first, *second;
	struct why why = {.text = ""};
	struct genesis g;

	if (crypto_init(&why) != ERR_NONE)
		fail_msg("%s", why.text);
	f->node.standalone = !o.network;
	f->node.state = o.network ? NODE_PROPOSING : NODE_FULL;
	f->node.network_id = o.network ? 21337 : 0;
	f->node_key = person("node").pub;
	f->steady_ms = 10000;
	f->log_level = f->area_level[0] = f->area_level[1] = 2;
	if (o.network)
		fill_unl(f);
	genesis_default(&g, !o.no_amendments);
	g.network_id = f->node.network_id;
	g.close_time = (struct net_time){800000000};
	if (genesis_build(&g, &first, &second, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	genesis_close(&g);
	f->node.chain[f->node.n++] = first;
	push_ledger(f, second, true);
	plant_ledger(f, o.plant);
	f->clock.s = 800000012;
	fill_host(f);
	f->rpc = rpc_open(&f->host);
	return f;
}

void fake_close(struct fake *f)
{
	rpc_close(f->rpc);
	fake_forget_pushes(f);
	tx_unref(f->waiting);
	view_close(f->node.open);
	rules_unref(f->node.rules);
	for (uint32_t i = 0; i < f->node.n_open; i++)
		tx_unref(f->node.open_txs[i]);
	for (uint32_t i = 0; i < f->node.n; i++)
		ledger_unref(f->node.chain[i]);
	for (uint32_t i = 0; i < f->node.n_waiting; i++)
		tx_unref(f->node.waiting[i]);
	buf_close(&f->reply);
	for (int i = 0; i < FAKE_SETTINGS; i++)
		buf_close(&f->setting[i]);
	mem_free(f);
}

/* ---- Asking */

void fake_ask_text(struct fake *f, struct fake_via via, const char *text)
{
	struct rpc_origin from = {.request = ++f->next_request,
				  .conn = via.websocket ? via.conn : 0,
				  .websocket = via.websocket,
				  .admin = via.admin,
				  .address = "127.0.0.1"};

	f->replies = 0;
	rpc_request(f->rpc, &from, bytes_str(text));
	if (f->deferred && f->replies == 0)
		return;
	assert_int_equal(f->replies, 1);
	assert_int_equal(f->replied, from.request);
}

json_t *fake_ask(struct fake *f, struct fake_via via, const char *text)
{
	json_error_t error;
	json_t *j;

	fake_ask_text(f, via, text);
	if (f->status >= 400 && f->reply.n > 0 && f->reply.p[0] != '{')
		return json_pack("{s:i, s:s%}", "http", f->status, "text", (const char *)f->reply.p,
				 f->reply.n);
	j = json_loadb((const char *)f->reply.p, f->reply.n, JSON_REJECT_DUPLICATES, &error);
	if (!j)
		fail_msg("%s\n%s\n%.*s", text, error.text, (int)f->reply.n,
			 (const char *)f->reply.p);
	return j;
}

json_t *fake_call(struct fake *f, struct fake_via via, const char *method, const char *params)
{
	struct buf text = BUF_INIT;
	json_t *all, *result;

	buf_printf(&text, "{\"method\":\"%s\",\"params\":[%s]}", method, params);
	buf_put_u8(&text, 0);
	all = fake_ask(f, via, (const char *)text.p);
	buf_close(&text);
	result = json_incref(json_object_get(all, "result"));
	json_decref(all);
	assert_non_null(result);
	return result;
}

uint32_t fake_pushed_count(const struct fake *f, uint64_t conn)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->n_pushes; i++)
		n += f->pushes[i].conn == conn;
	return n;
}

json_t *fake_pushed(struct fake *f, uint64_t conn, uint32_t i)
{
	for (uint32_t k = 0; k < f->n_pushes; k++) {
		const struct rpc_text *t = f->pushes[k].text;
		json_error_t error;
		json_t *j;

		if (f->pushes[k].conn != conn || i-- > 0)
			continue;
		j = json_loadb(t->s, t->n, JSON_REJECT_DUPLICATES, &error);
		if (!j)
			fail_msg("%s\n%.*s", error.text, (int)t->n, t->s);
		return j;
	}
	return NULL;
}

void fake_forget_pushes(struct fake *f)
{
	for (uint32_t i = 0; i < f->n_pushes; i++)
		rpc_text_unref(f->pushes[i].text);
	f->n_pushes = 0;
}

void fake_assert_error(const json_t *reply, const char *token)
{
	const char *got = json_string_value(json_object_get(reply, "error"));

	if (!got || strcmp(got, token) != 0)
		fail_msg("error %s instead of %s", got ? got : "(none)", token);
}

void fake_ask_fails(struct fake *f, const char *method, const char *params, const char *token)
{
	json_t *r = fake_call(f, VIA_ADMIN, method, params);

	fake_assert_error(r, token);
	assert_string_equal(text_of(r, "status"), "error");
	json_decref(r);
}
