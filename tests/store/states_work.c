/* SPDX-License-Identifier: ISC */
#include "states_work.h"

#include "base/mem.h"
#include "store/journal.h"

#include <limits.h>
#include <lmdb.h>

#define ACCOUNTS   16
#define PER_LEDGER 2
#define MAP_BYTES  (1u << 20)

static struct store *open_store(const char *folder)
{
	struct store *s;
	struct why why = {""};

	if (chain_store_open(&s, folder, 256, MAP_BYTES, &why) != ERR_NONE)
		fatal("%s", why.text);
	return s;
}

static void commit(struct store *s, const struct ledger *l, const struct ledger *last)
{
	struct tree_keys *keys;
	struct why why = {""};

	if (store_commit(s, l, last, &keys, &why) != ERR_NONE)
		fatal("%s", why.text);
	tree_keys_publish(keys);
}

/* The vote for a ledger: all that would rebuild it, of a length that differs from ledger to
 * ledger. */
static void vote_of(const struct ledger *l, struct arena *a, struct journal_record *out)
{
	struct journal_ledger *jl = arena_zalloc(a, 1, sizeof(*jl));
	size_t n = 100 + l->header.seq * 131 % 9000;
	uint8_t *bytes = arena_zalloc(a, 1, n);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(l->header.seq * 31 + i);
	jl->parent = l->header.parent;
	jl->hash = l->hash;
	jl->seq = l->header.seq;
	jl->n_txs = 1;
	jl->txs = arena_zalloc(a, 1, sizeof(*jl->txs));
	jl->txs[0] = bytes_of(bytes, n);
	*out = (struct journal_record){.validation = bytes_of(bytes, 90),
				       .seq = l->header.seq,
				       .hash = l->hash,
				       .ledgers = jl,
				       .n_ledgers = 1,
				       .proposal_prev = l->header.parent,
				       .proposal_next = l->header.seq * 8};
}

void work_prepare(const char *folder, const struct work_plan *plan)
{
	struct store *s;
	struct chain c;

	if (!plan->before)
		return;
	s = open_store(folder);
	chain_init(&c, 1, ACCOUNTS, PER_LEDGER, store_node_source(s));
	commit(s, c.tip, NULL);
	while (c.tip->header.seq < plan->before) {
		struct ledger *last = ledger_ref(c.tip);

		chain_next(&c);
		commit(s, c.tip, last);
		ledger_unref(last);
	}
	chain_close(&c);
	store_close(s);
}

uint32_t work_first(const struct work_plan *plan)
{
	return plan->jump ? plan->jump : plan->before + 1;
}

struct life {
	struct store *s;
	struct journal *j;
	struct chain chain;
	const struct work_plan *plan;
	void (*promised)(void *ctx, enum work_mark what, uint64_t number);
	void *ctx;
	uint64_t steps;
	struct ledger **past; /* by number: to be filled in */
	uint32_t filled;      /* the oldest that is there */
};

static void step_done(struct life *life)
{
	life->promised(life->ctx, WORK_STORE, ++life->steps);
}

static void vote(struct life *life)
{
	struct journal_record record;
	struct arena a = ARENA_INIT;
	struct why why = {""};

	vote_of(life->chain.tip, &a, &record);
	if (journal_write(life->j, &record, &why) != ERR_NONE)
		fatal("%s", why.text);
	life->promised(life->ctx, WORK_VOTE, record.seq);
	arena_close(&a);
}

/* The next older ledgers, as a peer would have given them. */
static void fill(struct life *life)
{
	struct history_ledger l[8];
	struct why why = {""};
	uint32_t n = 0;

	must(life->plan->fill <= 8);
	for (; n < life->plan->fill && life->filled > 1; n++) {
		const struct ledger *from = life->past[--life->filled];

		l[n] = (struct history_ledger){.header = from->header, .hash = from->hash};
		tree_share(&l[n].txs, &from->txs);
	}
	if (n && store_fill(life->s, l, n, &why) != ERR_NONE)
		fatal("%s", why.text);
	for (uint32_t i = 0; i < n; i++)
		tree_close(&l[i].txs);
	if (n)
		step_done(life);
}

static void one_ledger(struct life *life)
{
	struct ledger *last = NULL;
	struct why why = {""};
	bool more;

	if (life->chain.tip->header.seq < work_first(life->plan) || life->steps > 1) {
		last = ledger_ref(life->chain.tip);
		chain_next(&life->chain);
	}
	vote(life);
	commit(life->s, life->chain.tip, last);
	step_done(life);
	if (life->plan->prune) {
		if (store_prune(life->s, life->plan->prune, &more, &why) != ERR_NONE)
			fatal("%s", why.text);
		step_done(life);
	}
	if (life->plan->fill)
		fill(life);
	ledger_unref(last);
}

/* The chain at ledger plan->before, its tip from the store. */
static void take_up(struct life *life)
{
	struct ledger *tip;
	struct why why = {""};

	chain_init(&life->chain, 1, ACCOUNTS, PER_LEDGER, NULL);
	life->filled = life->plan->jump;
	life->past = mem_zalloc((size_t)life->filled + 1, sizeof(struct ledger *));
	while (life->chain.tip->header.seq < life->plan->before ||
	       life->chain.tip->header.seq < life->plan->jump) {
		if (life->plan->jump)
			life->past[life->chain.tip->header.seq] = ledger_ref(life->chain.tip);
		chain_next(&life->chain);
	}
	if (store_load_tip(life->s, &tip, &why) != ERR_NONE)
		fatal("%s", why.text);
	life->chain.source = store_node_source(life->s);
	if (tip)
		chain_replace_tip(&life->chain, tip);
}

static void life_begin(struct life *life, const char *folder)
{
	struct why why = {""};

	life->s = open_store(folder);
	step_done(life);
	if (journal_open(&life->j, folder, &why) != ERR_NONE)
		fatal("%s", why.text);
	take_up(life);
}

static void life_end(struct life *life)
{
	for (uint32_t i = 0; i < life->plan->jump; i++)
		ledger_unref(life->past[i]);
	mem_free(life->past);
	journal_close(life->j);
	chain_close(&life->chain);
	store_close(life->s);
}

void work_live(const char *folder, const struct work_plan *plan,
	       void (*promised)(void *ctx, enum work_mark what, uint64_t number), void *ctx)
{
	struct life life = {.plan = plan, .promised = promised, .ctx = ctx};

	life_begin(&life, folder);
	for (uint32_t i = 0; i < plan->ledgers; i++)
		one_ledger(&life);
	life_end(&life);
}

/* ---- rows, read without the store's code ---- */

struct dump {
	bool compare;
	struct buf *out;
	const struct buf *want;
	size_t at;
};

static bool dump_bytes(struct dump *d, const void *p, size_t n)
{
	if (!d->compare) {
		buf_put(d->out, p, n);
		return true;
	}
	if (d->at + n > d->want->n || memcmp(d->want->p + d->at, p, n) != 0)
		return false;
	d->at += n;
	return true;
}

static bool dump_val(struct dump *d, MDB_val v)
{
	uint64_t n = v.mv_size;

	return dump_bytes(d, &n, sizeof(n)) && dump_bytes(d, v.mv_data, v.mv_size);
}

static bool dump_table(struct dump *d, MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cur;
	MDB_val k, v;
	bool same = true;
	int rc = mdb_cursor_open(txn, dbi, &cur);

	if (rc)
		return false;
	rc = mdb_cursor_get(cur, &k, &v, MDB_FIRST);
	while (same && !rc) {
		same = dump_val(d, k) && dump_val(d, v);
		rc = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
	}
	mdb_cursor_close(cur);
	return same && (rc == MDB_NOTFOUND || rc == 0);
}

/* "meta" first: it differs soonest. */
static bool dump_tables(struct dump *d, MDB_txn *txn)
{
	static const char *const tables[] = {"meta",     "headers", "hashes", "nodes",
					     "obsolete", "tx_ids",  "txs",    "account_txs"};
	bool same = true;

	for (size_t i = 0; same && i < sizeof(tables) / sizeof(tables[0]); i++) {
		MDB_dbi dbi;

		same = mdb_dbi_open(txn, tables[i], 0, &dbi) == 0 &&
		       dump_bytes(d, tables[i], strlen(tables[i])) && dump_table(d, txn, dbi);
	}
	return same;
}

static bool dump(const char *folder, struct dump *d)
{
	char path[PATH_MAX];
	MDB_env *env;
	MDB_txn *txn;
	bool same = false;

	snprintf(path, sizeof(path), "%s/data", folder);
	if (mdb_env_create(&env))
		return false;
	mdb_env_set_maxdbs(env, 8);
	mdb_env_set_mapsize(env, 64u << 20);
	if (mdb_env_open(env, path, MDB_RDONLY | MDB_NOLOCK, 0) == 0 &&
	    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0) {
		same = dump_tables(d, txn);
		mdb_txn_abort(txn);
	}
	mdb_env_close(env);
	return same;
}

bool work_dump(const char *folder, struct buf *out)
{
	struct dump d = {.out = out};

	buf_clear(out);
	return dump(folder, &d);
}

bool work_dump_is(const char *folder, const struct buf *want)
{
	struct dump d = {.compare = true, .want = want};

	return dump(folder, &d) && d.at == want->n;
}

/* ---- the model ---- */

struct modelling {
	struct model *m;
	struct life *life;
	const char *folder;
};

static void note(void *ctx, enum work_mark what, uint64_t number)
{
	struct modelling *at = ctx;
	struct buf report = BUF_INIT;
	struct why why = {""};

	if (what == WORK_VOTE)
		return;
	must(number == at->m->n_steps);
	if (!work_dump(at->folder, &at->m->step[at->m->n_steps++]))
		fatal("the model cannot be read");
	if (store_verify(at->life->s, &report, &why) != ERR_NONE)
		fatal("%s", why.text);
	buf_close(&report);
}

static void take_chain(struct model *m)
{
	struct journal_record record;
	struct arena a = ARENA_INIT;
	struct chain c;

	chain_init(&c, 1, ACCOUNTS, PER_LEDGER, NULL);
	for (uint32_t seq = 1; seq <= model_ledgers(m); seq++) {
		m->ledger[seq] = ledger_ref(c.tip);
		vote_of(c.tip, &a, &record);
		journal_encode(&m->vote[seq], &record);
		arena_reset(&a);
		chain_next(&c);
	}
	arena_close(&a);
	chain_close(&c);
}

void model_make(struct model *m, const char *folder, const struct work_plan *plan)
{
	struct life life = {.plan = plan, .promised = note};
	struct modelling at = {m, &life, folder};
	size_t n;

	*m = (struct model){.plan = *plan, .n_steps = 1};
	n = (size_t)model_ledgers(m) + 1;
	m->step = mem_zalloc(2 + 2 * (size_t)plan->ledgers, sizeof(*m->step));
	m->vote = mem_zalloc(n, sizeof(*m->vote));
	m->ledger = mem_zalloc(n, sizeof(struct ledger *));
	take_chain(m);
	life.ctx = &at;
	life_begin(&life, folder);
	for (uint32_t i = 0; i < plan->ledgers; i++)
		one_ledger(&life);
	life_end(&life);
}

void model_close(struct model *m)
{
	for (size_t i = 0; i < m->n_steps; i++)
		buf_close(&m->step[i]);
	for (uint32_t seq = 1; seq <= model_ledgers(m); seq++) {
		buf_close(&m->vote[seq]);
		ledger_unref(m->ledger[seq]);
	}
	mem_free(m->step);
	mem_free(m->vote);
	mem_free(m->ledger);
}

uint32_t model_ledgers(const struct model *m)
{
	return work_first(&m->plan) + m->plan.ledgers;
}
