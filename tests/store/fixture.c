/* SPDX-License-Identifier: ISC */
#include "tests/store/fixture.h"

#include "base/mem.h"

char folder[128];

int make_folder(void **state)
{
	(void)state;
	chain_folder_make(folder);
	return 0;
}

int remove_folder(void **state)
{
	(void)state;
	chain_folder_remove(folder);
	return 0;
}

int make_memory(void **state)
{
	(void)state;
	chain_memory = kv_mem_disk_open(1 << 20);
	return 0;
}

int remove_memory(void **state)
{
	(void)state;
	kv_mem_disk_close(chain_memory);
	chain_memory = NULL;
	return 0;
}

struct store *open_store(uint32_t history)
{
	struct store *s;
	struct why why = {""};

	if (chain_store_open(&s, folder, history, 1 << 20, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	return s;
}

void commit(struct store *s, const struct ledger *l, const struct ledger *last)
{
	struct tree_keys *keys;
	struct why why = {""};

	if (store_commit(s, l, last, &keys, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	tree_keys_publish(keys);
}

void advance(struct store *s, struct chain *c)
{
	struct ledger *last = ledger_ref(c->tip);

	commit(s, chain_next(c), last);
	ledger_unref(last);
}

void start(struct store **s, struct chain *c, uint64_t seed, uint32_t accounts, uint32_t per_ledger,
	   uint32_t history)
{
	*s = open_store(history);
	chain_init(c, seed, accounts, per_ledger, store_node_source(*s));
	commit(*s, c->tip, NULL);
}

struct ledger *load_tip(struct store *s)
{
	struct ledger *l;
	struct why why = {""};

	if (store_load_tip(s, &l, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	return l;
}

void expect_verified(struct store *s)
{
	struct buf report = BUF_INIT;
	struct why why = {""};

	if (store_verify(s, &report, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	assert_true(report.n > 50);
	buf_close(&report);
}

void expect_txs(struct store *s, const struct chain *c, uint32_t first)
{
	const struct history *h = store_history(s);

	for (size_t i = 0; i < c->tx_n; i++) {
		struct buf b = BUF_INIT;
		struct history_tx tx;
		enum err e = h->tx(h->ctx, &c->tx[i].id, &tx, &b);

		if (c->tx[i].seq < first) {
			assert_int_equal(e, ERR_ABSENT);
			assert_int_equal(b.n, 0);
			continue;
		}
		assert_int_equal(e, ERR_NONE);
		assert_memory_equal(tx.id.b, c->tx[i].id.b, 32);
		assert_int_equal(tx.ledger_seq, c->tx[i].seq);
		assert_int_equal(tx.index, c->tx[i].index);
		assert_int_equal(tx.blob.n + tx.meta.n, b.n);
		buf_close(&b);
	}
}

void expect_same_state(const struct tree *a, const struct tree *b)
{
	struct hash256 ka, kb, at, *after = NULL;
	struct bytes da, db;
	enum found f;

	do {
		f = tree_next(a, after, &ka, &da);
		assert_int_equal(f, tree_next(b, after, &kb, &db));
		assert_int_not_equal(f, UNAVAILABLE);
		if (f == FOUND) {
			assert_memory_equal(ka.b, kb.b, 32);
			assert_true(bytes_eq(da, db));
		}
		at = ka;
		after = &at;
	} while (f == FOUND);
}

void expect_ledger(struct store *s, const struct ledger *want)
{
	const struct history *h = store_history(s);
	uint32_t seq = want->header.seq, found;
	struct ledger_header header;
	struct hash256 hash;
	struct ledger *l;

	assert_int_equal(h->header(h->ctx, seq, &header, &hash), ERR_NONE);
	assert_memory_equal(hash.b, want->hash.b, 32);
	assert_int_equal(header.close.s, want->header.close.s);
	assert_int_equal(h->seq_of_hash(h->ctx, &hash, &found), ERR_NONE);
	assert_int_equal(found, seq);
	assert_int_equal(h->ledger(h->ctx, seq, &l), ERR_NONE);
	assert_memory_equal(l->hash.b, want->hash.b, 32);
	expect_same_state(&l->state, &want->state);
	expect_same_state(&l->txs, &want->txs);
	ledger_unref(l);
}

void expect_nothing_beyond(struct store *s, uint32_t last)
{
	const struct history *h = store_history(s);
	struct history_range range = h->complete(h->ctx);
	struct hash256 hash = {{1}};
	struct ledger_header header;
	struct ledger *l;
	uint32_t seq;

	assert_int_equal(range.first, 1);
	assert_int_equal(range.last, last);
	assert_int_equal(h->header(h->ctx, last + 1, &header, &hash), ERR_ABSENT);
	assert_int_equal(h->ledger(h->ctx, last + 1, &l), ERR_ABSENT);
	assert_int_equal(h->ledger(h->ctx, 0, &l), ERR_ABSENT);
	assert_int_equal(h->seq_of_hash(h->ctx, &hash, &seq), ERR_ABSENT);
}

void prune_all(struct store *s, uint32_t budget)
{
	struct why why = {""};
	bool more = true;

	for (int i = 0; more; i++) {
		assert_true(i < 100000);
		if (store_prune(s, budget, &more, &why) != ERR_NONE)
			fail_msg("%s", why.text);
	}
}
