/* SPDX-License-Identifier: ISC */
#include "rpc/history_feed.h"

#include "base/limits.h"
#include "rpc/state.h"

#define PAGE_ROWS       40 /* transactions sent at once to one connection */
#define TICK_FEEDS      4  /* feeds that get a page in one tick */
#define TICK_MS         20
#define QUEUED_MAX      (256u << 10) /* bytes that wait for the connection: then it is not fed */
#define LOOK_AGAIN_MS   4000         /* for history that is not here */
#define ROWS_PER_CHARGE 1000

struct history_feed {
	struct rpc *r;
	struct sub_conn *conn;
	struct account_id id;
	struct rpc_origin from; /* who is charged */
	char address[64];
	uint32_t since;          /* the past ends with this ledger; 0: not begun */
	uint32_t seen_seq, seen; /* the last new transaction: its ledger, and index + 1 */
	int64_t up, down;        /* account_history_tx_index of the next one */
	bool active;             /* there may be more of the past */
	bool had_past;
	uint32_t top;     /* ledger from which the past goes on */
	uint32_t next[2]; /* and the place in it, when marked */
	bool marked;
	uint32_t rows; /* since the last charge */
	int64_t not_before;
	struct history_feed *prev, *after;
};

/* The account that holds all drops of a genesis ledger at first (rippled: kGenesisAccountId). */
static const struct account_id genesis_account = {{0xB5, 0xF7, 0x62, 0x79, 0x8A, 0x53, 0xD5,
						   0x43, 0xA0, 0x14, 0xCA, 0xF8, 0xB2, 0x97,
						   0xCF, 0xF8, 0xF2, 0xF9, 0x37, 0xE8}};

/* ---- The list: the first is the next to be fed */

static void list_put(struct history_feed *f)
{
	struct history_feed **at = &f->r->feeds, *last = NULL;

	while (*at) {
		last = *at;
		at = &(*at)->after;
	}
	*at = f;
	f->prev = last;
	f->after = NULL;
}

static void list_take(struct history_feed *f)
{
	if (f->prev)
		f->prev->after = f->after;
	else
		f->r->feeds = f->after;
	if (f->after)
		f->after->prev = f->prev;
}

static void wake(struct rpc *r, uint32_t ms)
{
	if (r->host.wake)
		r->host.wake(r->host.ctx, ms);
}

/* ---- Beginning and end */

/* The root account of the genesis has no transaction that made it, and perhaps none at all. */
static bool has_past(const struct history_feed *f, const struct ledger *l)
{
	struct keylet k = keylet_account(&f->id);
	struct arena a = ARENA_INIT;
	struct st_object *root;
	struct bytes data;
	bool past = tree_get(&l->state, &k.key, &data) == FOUND &&
		    st_decode(&root, &a, data, NULL) == ERR_NONE;

	if (past && account_eq(&f->id, &genesis_account))
		past = st_u32_or(root, sfSequence, 0) != 1;
	arena_close(&a);
	return past;
}

static void begin(struct history_feed *f, const struct ledger *l)
{
	f->since = f->top = l->header.seq;
	f->active = f->had_past = has_past(f, l);
	if (f->active)
		wake(f->r, TICK_MS);
}

struct history_feed *history_feed_open(struct rpc *r, struct sub_conn *c,
				       const struct account_id *id, const struct rpc_origin *from)
{
	const struct ledger *l = node_validated(r->host.node);
	struct history_feed *f = mem_zalloc(1, sizeof(*f));

	f->r = r;
	f->conn = c;
	f->id = *id;
	f->from = *from;
	memcpy(f->address, from->address, strnlen(from->address, sizeof(f->address) - 1));
	f->from.address = f->address;
	f->down = -1;
	list_put(f);
	if (l)
		begin(f, l);
	return f;
}

void history_feed_close(struct history_feed *f)
{
	if (!f)
		return;
	if (f->r->feed_now == f)
		f->r->feed_now = NULL;
	list_take(f);
	mem_free(f);
}

void history_feed_stop_past(struct history_feed *f)
{
	f->active = false;
}

void history_feeds_ledger(struct rpc *r, const struct ledger *l)
{
	for (struct history_feed *f = r->feeds; f; f = f->after)
		if (f->since == 0)
			begin(f, l);
}

/* ---- New transactions */

struct news {
	const struct tx_message *m;
	bool last;
};

/* A feed is met twice when others end while it is sent to: each transaction goes out once. */
static void send_new(void *ctx, struct history_feed *f)
{
	const struct news *n = ctx;
	struct tx_message m = *n->m;
	uint32_t index = st_u32_or(m.meta, sfTransactionIndex, 0);

	if (m.seq <= f->since || (m.seq == f->seen_seq && index < f->seen))
		return;
	f->seen_seq = m.seq;
	f->seen = index + 1;
	m.in_history = true;
	m.first = f->up == 0 && !f->had_past;
	m.boundary = n->last;
	m.index = f->up++;
	subs_send(f->r->subs, f->conn, stream_write_tx, &m);
}

void history_feeds_tx(const struct tx_message *m, const struct account_id *id, bool last)
{
	struct hash256 key = topic_of_account(id);
	struct news n = {.m = m, .last = last};

	subs_each_feed(m->r->subs, &key, send_new, &n);
}

/* ---- The past */

struct page {
	struct arena *arena;
	struct history_tx row[PAGE_ROWS];
	uint32_t n;
};

static struct bytes keep(struct arena *a, struct bytes b)
{
	uint8_t *p = arena_alloc(a, b.n);

	memcpy(p, b.p, b.n);
	return bytes_of(p, b.n);
}

static bool visit(void *ctx, const struct history_tx *row)
{
	struct page *p = ctx;

	must(p->n < PAGE_ROWS);
	p->row[p->n] = *row;
	p->row[p->n].blob = keep(p->arena, row->blob);
	p->row[p->n].meta = keep(p->arena, row->meta);
	p->n++;
	return true;
}

/* Whether this transaction made the account; for the genesis account, its first. */
static bool made_account(const struct history_feed *f, const struct tx_message *m)
{
	const struct st_array *nodes = st_get_array(m->meta, sfAffectedNodes);
	struct account_id id;
	uint16_t type;

	if (account_eq(&f->id, &genesis_account) && st_get_account(m->tx, sfAccount, &id) &&
	    account_eq(&id, &f->id) && st_u32_or(m->tx, sfSequence, 0) == 1)
		return true;
	for (uint32_t i = 0; nodes && i < nodes->n; i++) {
		const struct st_object *made = st_get_object(nodes->e[i].object, sfNewFields);

		if (made && st_get_u16(nodes->e[i].object, sfLedgerEntryType, &type) &&
		    type == ltAccountRoot && st_get_account(made, sfAccount, &id) &&
		    account_eq(&id, &f->id))
			return true;
	}
	return false;
}

static bool message_of(const struct history_feed *f, const struct history_tx *row, struct arena *a,
		       struct tx_message *m)
{
	struct st_object *tx, *meta;
	struct ledger_header h;
	uint8_t result = 0;

	*m = (struct tx_message){.r = f->r,
				 .validated = true,
				 .seq = row->ledger_seq,
				 .id = row->id,
				 .in_history = true};
	if (!rpc_header_of(&f->r->host, row->ledger_seq, &h, &m->ledger_hash) ||
	    st_decode(&tx, a, row->blob, NULL) != ERR_NONE ||
	    st_decode(&meta, a, row->meta, NULL) != ERR_NONE)
		return false;
	st_get_u8(meta, sfTransactionResult, &result);
	m->close = h.close;
	m->tx = tx;
	m->meta = meta;
	m->result = (enum ter)result;
	return true;
}

static void write_internal(struct jw *w, void *ctx, unsigned version)
{
	(void)ctx, (void)version;
	jw_put_str(w, "error", rpc_error_token(RPC_INTERNAL));
	jw_put_u64(w, "error_code", RPC_INTERNAL);
	jw_put_str(w, "error_message", rpc_error_message(RPC_INTERNAL));
}

/* The store failed: the client is told, and the feed is over. */
static void give_up(struct history_feed *f)
{
	f->active = false;
	subs_send(f->r->subs, f->conn, write_internal, NULL);
}

/* False: the feed is gone. */
static bool send_page(struct history_feed *f, const struct page *p, bool more)
{
	struct rpc *r = f->r;

	for (uint32_t i = 0; i < p->n && f->active; i++) {
		uint32_t then = i + 1 < p->n ? p->row[i + 1].ledger_seq : more ? f->next[0] : 0;
		struct tx_message m;

		if (!message_of(f, &p->row[i], p->arena, &m)) {
			give_up(f);
			return r->feed_now != NULL;
		}
		m.index = f->down--;
		m.boundary = then != m.seq;
		m.first = made_account(f, &m);
		f->active = !m.first;
		subs_send(r->subs, f->conn, stream_write_tx, &m);
		if (!r->feed_now)
			return false;
	}
	return true;
}

static void charge(struct history_feed *f, uint32_t rows)
{
	const struct rpc_host *host = &f->r->host;

	f->rows += rows + 1;
	if (f->rows < ROWS_PER_CHARGE)
		return;
	f->rows = 0;
	if (host->charge)
		host->charge(host->ctx, &f->from, RPC_COST_MEDIUM);
}

static void feed(struct history_feed *f, struct history_range held, int64_t now)
{
	const struct history *h = f->r->host.history;
	struct arena a = ARENA_INIT;
	struct page p = {.arena = &a};
	uint32_t first = held.first > 2 ? held.first : 2, next[2];
	bool more;
	enum err e;

	e = h->account_txs(h->ctx, &f->id, first, f->top, false, f->marked ? f->next : NULL,
			   PAGE_ROWS, visit, &p, &more, next);
	if (e != ERR_NONE && e != ERR_ABSENT) {
		give_up(f);
		goto out;
	}
	f->not_before = now + TICK_MS;
	f->marked = more;
	f->next[0] = next[0];
	f->next[1] = next[1];
	if (!more) {
		f->top = first - 1; /* from where it goes on when more is filled in */
		f->not_before = now + LOOK_AGAIN_MS;
	}
	charge(f, p.n);
	if (send_page(f, &p, more) && f->top < 2)
		f->active = false;
out:
	arena_close(&a);
}

static bool is_due(const struct history_feed *f, struct history_range held, int64_t now)
{
	const struct rpc_host *host = &f->r->host;

	if (!f->active || now < f->not_before || held.first == 0 || f->top > held.last ||
	    f->top < held.first)
		return false;
	return !host->queued || host->queued(host->ctx, sub_conn_id(f->conn)) <= QUEUED_MAX;
}

/* When anything can be done again; UINT32_MAX: nothing is left to do. */
static uint32_t soonest(const struct rpc *r, struct history_range held, int64_t now)
{
	int64_t ms = UINT32_MAX;

	for (const struct history_feed *f = r->feeds; f; f = f->after) {
		int64_t mine = f->top < held.first || f->top > held.last ? LOOK_AGAIN_MS : TICK_MS;

		if (f->not_before - now > mine)
			mine = f->not_before - now;
		if (f->active && mine < ms)
			ms = mine;
	}
	return (uint32_t)ms;
}

void history_feeds_tick(struct rpc *r)
{
	const struct rpc_host *host = &r->host;
	struct history_range held = rpc_searchable(host);
	int64_t now = host->now(host->ctx).steady.ms;
	struct history_feed *f = r->feeds;
	uint32_t ms;

	for (uint32_t n = 0; n < TICK_FEEDS; n++) {
		while (f && !is_due(f, held, now))
			f = f->after;
		if (!f)
			break;
		r->feed_now = f;
		feed(f, held, now);
		if (!r->feed_now)
			break; /* it is gone, and perhaps others: the next tick goes on */
		r->feed_now = NULL;
		list_take(f);
		list_put(f); /* whoever has waited longest is next */
		f = r->feeds;
	}
	ms = soonest(r, held, now);
	if (ms != UINT32_MAX)
		wake(r, ms);
}
