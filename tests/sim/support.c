/* SPDX-License-Identifier: ISC */
#include "tests/sim/support.h"

#include "codec/st.h"
#include "tests/sim/keys.h"
#include "tx/tx.h"

#include <stdio.h>
#include <stdlib.h>

void bench_begin(void)
{
	struct why why;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (crypto_init(&why) != ERR_NONE)
		abort();
	amendments_init();
}

void bench_open(struct bench *b, uint64_t seed)
{
	struct world_plan plan = world_defaults(seed);

	memset(b, 0, sizeof(*b));
	b->w = world_open(&plan);
	b->p = props_attach(b->w);
	world_start(b->w, "ABCDE");
	world_run_ms(b->w, 3000);
}

void bench_pay(struct bench *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct world_pay pay = {.from = 0, .to = 1 + i % 5, .drops = 100 + i};
		struct tx *t = world_payment(b->w, &pay);

		world_submit(b->w, (char)('A' + i % 5), t, i);
		if (!b->paid)
			b->paid = tx_ref(t);
		tx_unref(t);
	}
}

void bench_run(struct bench *b, uint64_t seed)
{
	bench_open(b, seed);
	bench_pay(b, 6);
	world_run_ms(b->w, 20000);
	for (uint32_t i = 0; i < 5; i++) {
		struct ledger *v = node_validated(world_node(b->w, i));

		assert_non_null(v);
		if (v->header.seq == b->p->top && !b->newest)
			b->newest = ledger_ref(v);
	}
	assert_null(world_failure(b->w));
	assert_non_null(b->newest);
	assert_int_equal(model_seq(b->p->model), b->p->top);
}

void bench_close(struct bench *b)
{
	ledger_unref(b->newest);
	tx_unref(b->paid);
	world_close(b->w);
}

void bench_expect(struct bench *b, const char *property, const char *words)
{
	if (!world_failure(b->w))
		fail_msg("%s did not fire", property);
	if (strcmp(world_failed_property(b->w), property) != 0 ||
	    !strstr(world_failure(b->w), words))
		fail_msg("%s was to fire, and it was: %s", property, world_failure(b->w));
	bench_close(b);
}

struct tx *bench_tx(struct bench *b, uint32_t from, uint32_t seq, uint32_t last_ledger)
{
	struct world_pay pay = {
	    .from = from, .to = from + 1, .drops = 7, .seq = seq, .last_seq = last_ledger};
	struct tx *t = world_payment(b->w, &pay);

	props_submitted(b->p, t);
	return t;
}

struct tx *bench_spoil_signature(struct bench *b, struct tx *t)
{
	struct arena a = ARENA_INIT;
	struct buf bytes = BUF_INIT;
	struct st_object *o;
	struct tx *out = NULL;
	struct drops d;

	assert_int_equal(st_decode(&o, &a, t->blob, NULL), ERR_NONE);
	assert_true(st_get_drops(o, sfAmount, &d));
	st_set_drops(o, sfAmount, drops_of(d.raw + 1)); /* raw: any other amount */
	st_encode(&bytes, o, ST_ALL);
	assert_int_equal(tx_parse(&out, buf_bytes(&bytes), NULL), ERR_NONE);
	props_submitted(b->p, out);
	buf_close(&bytes);
	arena_close(&a);
	return out;
}

/* ---- ledgers that never were ---- */

void forge_begin(struct forged *f, struct bench *b)
{
	memset(f, 0, sizeof(*f));
	f->header = b->newest->header;
	f->header.seq++;
	f->header.parent = b->newest->hash;
	f->header.parent_close = b->newest->header.close;
	f->header.close.s += 10;
	tree_share(&f->state, &b->newest->state);
	tree_init_empty(&f->txs, TREE_TX_META, NULL);
}

void forge_balance(struct forged *f, uint32_t account, int64_t drops)
{
	struct arena a = ARENA_INIT;
	struct buf bytes = BUF_INIT;
	struct account_id id;
	struct st_object *o;
	struct bytes entry;
	struct drops d;
	struct keylet k;

	(void)keys_account(account, &id);
	k = keylet_account(&id);
	assert_int_equal(tree_get(&f->state, &k.key, &entry), FOUND);
	assert_int_equal(st_decode(&o, &a, entry, NULL), ERR_NONE);
	assert_true(st_get_drops(o, sfBalance, &d));
	/* raw: a forged balance */
	st_set_drops(o, sfBalance, drops_of((uint64_t)((int64_t)d.raw + drops)));
	st_encode(&bytes, o, ST_ALL);
	assert_int_equal(tree_put(&f->state, &k.key, buf_bytes(&bytes)), FOUND);
	buf_close(&bytes);
	arena_close(&a);
}

void forge_tx(struct forged *f, const struct tx *t, uint8_t result, int64_t drops)
{
	struct arena a = ARENA_INIT;
	struct st_object *meta = st_new(&a), *node, *part;
	struct st_array *nodes = st_set_array(meta, sfAffectedNodes);
	struct buf bytes = BUF_INIT, leaf = BUF_INIT;

	st_set_u(meta, sfTransactionIndex, f->n_txs++);
	st_set_u(meta, sfTransactionResult, result);
	node = st_array_add(nodes, &a, sfModifiedNode);
	st_set_u(node, sfLedgerEntryType, ltAccountRoot);
	part = st_new(&a);
	st_set_drops(part, sfBalance, drops_of(1000));
	st_set_object(node, sfPreviousFields, part);
	part = st_new(&a);
	st_set_drops(part, sfBalance, drops_of((uint64_t)(1000 + drops)));
	st_set_object(node, sfFinalFields, part);
	st_encode(&bytes, meta, ST_ALL);
	st_encode_length(&leaf, t->blob.n);
	buf_put(&leaf, t->blob.p, t->blob.n);
	st_encode_length(&leaf, bytes.n);
	buf_put(&leaf, bytes.p, bytes.n);
	assert_int_equal(tree_put(&f->txs, &t->id, buf_bytes(&leaf)), FOUND);
	buf_close(&bytes);
	buf_close(&leaf);
	arena_close(&a);
}

void forge_seal(struct forged *f)
{
	if (!f->ledger)
		f->ledger = ledger_make(&f->header, &f->state, &f->txs);
}

void bench_feed(struct bench *b, struct forged *f, uint32_t node)
{
	forge_seal(f);
	props_ledger(b->p, node, f->ledger);
	ledger_unref(f->ledger);
}
