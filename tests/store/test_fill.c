/* SPDX-License-Identifier: ISC */
#include "chain.h"

#include "base/mem.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Ledgers that are filled in before those that are there; and the file of a join. */

#include "store/join.h"

#include <unistd.h>

#define LEDGERS_MAX 1200

static char folder[128];

static int make_folder(void **state)
{
	(void)state;
	chain_folder_make(folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	chain_folder_remove(folder);
	return 0;
}

static int make_memory(void **state)
{
	(void)state;
	chain_memory = kv_mem_disk_open(1 << 20);
	return 0;
}

static int remove_memory(void **state)
{
	(void)state;
	kv_mem_disk_close(chain_memory);
	chain_memory = NULL;
	return 0;
}

/* A chain of which every ledger is kept, and a store that has some of it. */
struct world {
	struct chain c;
	struct ledger *at[LEDGERS_MAX];
	struct store *s;
	uint32_t history, committed;
};

static void open_store(struct world *w)
{
	struct why why = {""};

	if (chain_store_open(&w->s, folder, w->history, 1 << 20, &why) != ERR_NONE)
		fail_msg("%s", why.text);
}

static struct world *world_open(uint32_t ledgers, uint32_t history)
{
	struct world *w = mem_zalloc(1, sizeof(*w));
	uint32_t i;

	chain_init(&w->c, 11, 40, 3, NULL);
	w->at[1] = ledger_ref(w->c.tip);
	for (i = 2; i <= ledgers; i++)
		w->at[i] = ledger_ref(chain_next(&w->c));
	w->history = history;
	open_store(w);
	return w;
}

static void world_close(struct world *w)
{
	uint32_t i;

	for (i = 0; i < LEDGERS_MAX; i++)
		ledger_unref(w->at[i]);
	chain_close(&w->c);
	store_close(w->s);
	mem_free(w);
}

static void commit(struct world *w, uint32_t seq)
{
	struct tree_keys *keys;
	struct why why = {""};

	if (store_commit(w->s, w->at[seq], w->committed ? w->at[w->committed] : NULL, &keys,
			 &why) != ERR_NONE)
		fail_msg("%s", why.text);
	tree_keys_publish(keys);
	w->committed = seq;
}

static enum err fill(struct world *w, uint32_t from, uint32_t n)
{
	struct history_ledger *l = mem_zalloc(n, sizeof(*l));
	struct why why = {""};
	enum err e;
	uint32_t i;

	for (i = 0; i < n; i++) {
		l[i].header = w->at[from - i]->header;
		l[i].hash = w->at[from - i]->hash;
		l[i].txs = w->at[from - i]->txs; /* a view: the ledger keeps it */
	}
	e = store_fill(w->s, l, n, &why);
	mem_free(l);
	return e;
}

/* Fills in all that is wanted, some at a time, with a commit between every two. */
static void fill_all(struct world *w, uint32_t each)
{
	const struct history *h = store_history(w->s);
	uint32_t seq, until, commits = 0;
	struct hash256 hash;

	while (h->lacks(h->ctx, &seq, &hash, &until) == ERR_NONE) {
		uint32_t n = seq - until + 1 < each ? seq - until + 1 : each;
		struct history_range before = h->complete(h->ctx);

		assert_true(seq >= until);
		assert_memory_equal(&hash, &w->at[seq]->hash, 32);
		assert_int_equal(fill(w, seq, n), ERR_NONE);
		assert_int_equal(h->complete(h->ctx).first, before.first);
		assert_int_equal(h->complete(h->ctx).last, before.last); /* never back */
		if (commits++ < 20 && w->at[w->committed + 1])
			commit(w, w->committed + 1);
	}
}

static void expect_verified(struct world *w)
{
	struct buf report = BUF_INIT;
	struct why why = {""};

	if (store_verify(w->s, &report, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	buf_close(&report);
}

/* Transactions from `first` on are found by id, those before are not. */
static void expect_txs(struct world *w, uint32_t first)
{
	const struct history *h = store_history(w->s);
	size_t i;

	for (i = 0; i < w->c.tx_n; i++) {
		struct buf b = BUF_INIT;
		struct history_tx tx;
		enum err e;

		if (w->c.tx[i].seq > w->committed)
			break;
		e = h->tx(h->ctx, &w->c.tx[i].id, &tx, &b);
		if (w->c.tx[i].seq < first)
			assert_int_equal(e, ERR_ABSENT);
		else if (e != ERR_NONE || tx.ledger_seq != w->c.tx[i].seq ||
			 tx.index != w->c.tx[i].index)
			fail_msg("transaction of ledger %u", w->c.tx[i].seq);
		buf_close(&b);
	}
}

struct seen {
	uint64_t *place;
	size_t n;
};

static bool see(void *ctx, const struct history_tx *tx)
{
	struct seen *s = ctx;

	s->place[s->n++] = (uint64_t)tx->ledger_seq << 32 | tx->index;
	return true;
}

/* Each account has the transactions of the chain that name it, in order, in both directions, also
 * page by page. */
static void expect_accounts(struct world *w, uint32_t first)
{
	const struct history *h = store_history(w->s);
	struct seen s = {.place = mem_alloc((w->c.tx_n + 1) * sizeof(uint64_t))};
	uint32_t a;
	int forward;

	for (a = 0; a < 40; a++)
		for (forward = 0; forward < 2; forward++) {
			struct account_id id = chain_account(a);
			uint32_t next[2], *from = NULL;
			size_t i, want = 0;
			bool more = true;

			s.n = 0;
			while (more) {
				assert_int_equal(h->account_txs(h->ctx, &id, 0, UINT32_MAX, forward,
								from, 7, see, &s, &more, next),
						 ERR_NONE);
				from = next;
			}
			for (i = 1; i < s.n; i++)
				assert_true(forward ? s.place[i - 1] < s.place[i]
						    : s.place[i - 1] > s.place[i]);
			for (i = 0; i < w->c.tx_n; i++)
				want += (w->c.tx[i].from == a || w->c.tx[i].to == a) &&
					w->c.tx[i].seq >= first && w->c.tx[i].seq <= w->committed;
			assert_int_equal(s.n, want);
		}
	mem_free(s.place);
}

static void expect_range(struct world *w, uint32_t searchable, uint32_t complete)
{
	const struct history *h = store_history(w->s);
	uint32_t seq;

	assert_int_equal(h->searchable(h->ctx).first, searchable);
	assert_int_equal(h->searchable(h->ctx).last, w->committed);
	assert_int_equal(h->complete(h->ctx).first, complete);
	for (seq = searchable; seq < complete; seq += 37) {
		struct history_ledger past;
		struct ledger_header header;
		struct hash256 hash;

		assert_int_equal(h->header(h->ctx, seq, &header, &hash), ERR_NONE);
		assert_memory_equal(&hash, &w->at[seq]->hash, 32);
		assert_int_equal(h->past(h->ctx, seq, &past), ERR_NONE);
		hash = tree_hash(&past.txs);
		assert_memory_equal(&hash, &header.tx_hash, 32);
		tree_close(&past.txs);
	}
}

/* A node begins, is away for long, jumps, and fills in what lies between. */
static void what_lies_before_a_jump_is_filled_in(void **state)
{
	struct world *w = world_open(640, STORE_HISTORY_FULL);
	const struct history *h = store_history(w->s);
	struct ledger *l;
	uint32_t seq;

	(void)state;
	for (seq = 1; seq <= 30; seq++)
		commit(w, seq);
	commit(w, 600);
	expect_range(w, 600, 600);
	fill_all(w, 50);
	expect_range(w, 1, 600); /* and the stretch before the gap was taken over */
	expect_txs(w, 1);
	expect_accounts(w, 1);
	assert_int_equal(h->ledger(h->ctx, 300, &l), ERR_ABSENT); /* its state is not here */
	expect_verified(w);
	store_close(w->s);
	open_store(w);
	expect_range(w, 1, 600);
	expect_accounts(w, 1);
	world_close(w);
}

/* A second jump, and a restart while the first gap is half filled. */
static void two_gaps_are_filled_one_after_the_other(void **state)
{
	struct world *w = world_open(900, STORE_HISTORY_FULL);
	uint32_t seq;

	(void)state;
	for (seq = 1; seq <= 5; seq++)
		commit(w, seq);
	commit(w, 300);
	assert_int_equal(fill(w, 299, 64), ERR_NONE);
	for (seq = 301; seq <= 320; seq++)
		commit(w, seq);
	commit(w, 850);
	expect_range(w, 850, 850);
	store_close(w->s);
	open_store(w);
	fill_all(w, 33);
	expect_range(w, 1, 850);
	expect_txs(w, 1);
	expect_accounts(w, 1);
	expect_verified(w);
	world_close(w);
}

/* Only as much as is kept anyway; then pruning takes it away again. */
static void no_more_is_wanted_than_is_kept(void **state)
{
	struct world *w = world_open(1100, 256);
	const struct history *h = store_history(w->s);
	uint32_t seq, first;
	struct why why = {""};
	bool more = true;

	(void)state;
	commit(w, 700);
	fill_all(w, 64);
	first = h->searchable(h->ctx).first;
	assert_in_range(first, w->committed - 256 + 1 - 20, w->committed - 256 + 1);
	expect_accounts(w, first);
	for (seq = w->committed + 1; seq <= 1100; seq++) {
		commit(w, seq);
		assert_int_equal(store_prune(w->s, 500, &more, &why), ERR_NONE);
	}
	while (more)
		assert_int_equal(store_prune(w->s, 1000, &more, &why), ERR_NONE);
	first = h->searchable(h->ctx).first;
	assert_in_range(first, 1100 - 256 - 32 + 1, 1100 - 256 + 1);
	assert_int_equal(h->complete(h->ctx).first, first);
	expect_txs(w, first);
	expect_accounts(w, first);
	expect_verified(w);
	world_close(w);
}

static void what_does_not_join_on_is_refused(void **state)
{
	struct world *w = world_open(120, STORE_HISTORY_FULL);
	struct history_ledger wrong;
	struct why why = {""};

	(void)state;
	commit(w, 1);
	commit(w, 100);
	assert_int_equal(fill(w, 98, 1), ERR_STATE);
	assert_int_equal(fill(w, 100, 1), ERR_STATE);
	wrong.header = w->at[99]->header;
	wrong.header.close.s++;
	ledger_header_hash(&wrong.hash, &wrong.header);
	wrong.txs = w->at[99]->txs;
	assert_int_equal(store_fill(w->s, &wrong, 1, &why), ERR_STATE);
	assert_int_equal(fill(w, 99, 3), ERR_NONE);
	assert_int_equal(fill(w, 99, 3), ERR_STATE); /* twice */
	expect_range(w, 97, 100);
	expect_verified(w);
	world_close(w);
}

/* ---- the file of a join ---- */

static bool count_entry(void *ctx, const struct hash256 *key, struct bytes data)
{
	uint32_t *n = ctx;

	assert_int_equal(key->b[0], *n & 255);
	assert_int_equal(data.n, 1 + *n % 300);
	++*n;
	return true;
}

static void some_entries(struct buf *b, uint32_t first, uint32_t n)
{
	uint8_t data[300] = {7};
	uint32_t i;

	for (i = first; i < first + n; i++) {
		struct hash256 key = {{(uint8_t)i}};

		join_entry_put(b, &key, bytes_of(data, 1 + i % 300));
	}
}

static uint32_t entries_in(const struct hash256 *genesis)
{
	uint32_t n = 0;
	enum err e = join_read(folder, genesis, count_entry, &n, NULL);

	return e == ERR_NONE ? n : UINT32_MAX;
}

/* Cut off at every place: the whole blocks are there, and it goes on from them. */
static void a_torn_join_loses_its_last_block(void **state)
{
	struct hash256 genesis = {{9}}, other = {{8}};
	struct buf a = BUF_INIT, b = BUF_INIT;
	size_t whole = 40 + 8, cut;
	char path[200];

	(void)state;
	snprintf(path, sizeof(path), "%s/join", folder);
	assert_int_equal(entries_in(&genesis), UINT32_MAX);
	some_entries(&a, 0, 20);
	some_entries(&b, 20, 20);
	whole += a.n;
	for (cut = 0; cut <= whole + 8 + b.n; cut += cut < 60 ? 1 : 97) {
		uint32_t n;

		assert_int_equal(join_append(folder, &genesis, buf_bytes(&a), NULL), ERR_NONE);
		assert_int_equal(join_append(folder, &genesis, buf_bytes(&b), NULL), ERR_NONE);
		assert_int_equal(truncate(path, (off_t)cut), 0);
		n = entries_in(&genesis);
		if (cut >= 40) {
			assert_int_equal(n, cut >= whole + 8 + b.n ? 40 : cut >= whole ? 20 : 0);
			if (n == 20) {
				assert_int_equal(join_append(folder, &genesis, buf_bytes(&b), NULL),
						 ERR_NONE);
				assert_int_equal(entries_in(&genesis), 40);
			}
		}
		assert_int_equal(join_forget(folder, NULL), ERR_NONE);
	}
	assert_int_equal(join_append(folder, &genesis, buf_bytes(&a), NULL), ERR_NONE);
	assert_int_equal(entries_in(&other), 0); /* of another network: removed */
	assert_int_equal(entries_in(&genesis), UINT32_MAX);
	buf_close(&a);
	buf_close(&b);
}

int main(void)
{
#define TEST(f)        cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
#define TEST_MEMORY(f) cmocka_unit_test_setup_teardown(f, make_memory, remove_memory)
	const struct CMUnitTest tests[] = {
	    TEST(what_lies_before_a_jump_is_filled_in),
	    TEST_MEMORY(two_gaps_are_filled_one_after_the_other),
	    TEST_MEMORY(no_more_is_wanted_than_is_kept),
	    TEST_MEMORY(what_does_not_join_on_is_refused),
	    TEST(a_torn_join_loses_its_last_block),
	};

	return cmocka_run_group_tests_name("fill", tests, NULL, NULL);
}
