/* SPDX-License-Identifier: ISC */
#include "ledger/genesis.h"

#include "base/limits.h"
#include "base/mem.h"
#include "codec/st.h"
#include "ledger/entry_drops.h"
#include "ledger/keylet.h"

#include <stdio.h>

void genesis_default(struct genesis *g, bool with_amendments)
{
	struct secret_key *key;
	struct public_key pub;
	struct seed seed;
	const struct amendment *all;
	size_t n;

	memset(g, 0, sizeof(*g));
	g->close_resolution = 10;
	g->fees.base = drops_of(10);
	g->fees.reserve = drops_of(10 * DROPS_PER_XRP);
	g->fees.increment = drops_of(2 * DROPS_PER_XRP);
	g->xrp_fees = with_amendments;
	g->total = drops_of(DROPS_MAX);
	all = amendments_all(&n);
	g->amendments = mem_zalloc(n, sizeof(g->amendments[0]));
	for (size_t i = 0; with_amendments && i < n; i++)
		if (all[i].supported)
			g->amendments[g->n_amendments++] = all[i].id;
	seed_of_passphrase(&seed, bytes_str("masterpassphrase"));
	must(secret_key_of_seed(&key, &pub, KEY_SECP256K1, &seed) == ERR_NONE);
	secret_key_close(key);
	g->accounts = mem_zalloc(1, sizeof(g->accounts[0]));
	g->n_accounts = 1;
	account_of_key(&g->accounts[0].id, &pub);
	g->accounts[0].balance = g->total;
}

void genesis_generated_seed(struct seed *out, uint32_t i)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "tally test account %u", i);

	must(n > 0 && (size_t)n < sizeof(text));
	seed_of_passphrase(out, bytes_of(text, (size_t)n));
}

static enum err put_entry(struct tree *state, struct keylet k, const struct st_object *o)
{
	struct buf b = BUF_INIT;
	enum found f;

	st_encode(&b, o, ST_ALL);
	f = tree_put(state, &k.key, buf_bytes(&b));
	buf_close(&b);
	must(f != UNAVAILABLE); /* a new tree is all in memory */
	return ERR_NONE;
}

static enum err put_account(struct tree *state, struct arena *a, const struct account_id *id,
			    struct drops balance, struct why *why)
{
	struct keylet k = keylet_account(id);
	struct st_object *o;
	struct bytes there;

	if (tree_get(state, &k.key, &there) != ABSENT)
		return why_set(why, ERR_DUPLICATE, "an account is there twice");
	arena_reset(a);
	o = st_new(a);
	st_set_u(o, sfLedgerEntryType, ltAccountRoot);
	st_set_u(o, sfFlags, 0);
	st_set_u(o, sfSequence, 1);
	st_set_u(o, sfPreviousTxnLgrSeq, 0);
	st_set_u(o, sfOwnerCount, 0);
	st_set_hash256(o, sfPreviousTxnID, &HASH256_ZERO);
	st_set_drops(o, sfBalance, balance);
	st_set_account(o, sfAccount, id);
	return put_entry(state, k, o);
}

static enum err put_generated(struct tree *state, struct arena *a, const struct genesis *g,
			      struct why *why)
{
	for (uint32_t i = 0; i < g->generated; i++) {
		struct account_id id;
		struct public_key pub;
		struct seed seed;
		enum err e;

		genesis_generated_seed(&seed, i);
		ed25519_public_of_seed(&pub, &seed);
		account_of_key(&id, &pub);
		e = put_account(state, a, &id, g->generated_balance, why);
		if (e != ERR_NONE)
			return e;
	}
	return ERR_NONE;
}

static enum err put_amendments(struct tree *state, struct arena *a, const struct genesis *g)
{
	struct st_object *o = st_new(a);

	if (g->n_amendments == 0)
		return ERR_NONE;
	st_set_u(o, sfLedgerEntryType, ltAmendments);
	st_set_u(o, sfFlags, 0);
	st_set_raw(o, sfAmendments,
		   bytes_of(g->amendments, g->n_amendments * sizeof(g->amendments[0])));
	return put_entry(state, keylet_amendments(), o);
}

static enum err put_fees(struct tree *state, struct arena *a, const struct genesis *g)
{
	struct st_object *o = st_new(a);

	st_set_u(o, sfLedgerEntryType, ltFeeSettings);
	st_set_u(o, sfFlags, 0);
	if (g->xrp_fees) {
		st_set_drops(o, sfBaseFeeDrops, g->fees.base);
		st_set_drops(o, sfReserveBaseDrops, g->fees.reserve);
		st_set_drops(o, sfReserveIncrementDrops, g->fees.increment);
	} else {
		st_set_u(o, sfBaseFee, g->fees.base.raw); /* raw: this form has plain numbers */
		st_set_u(o, sfReserveBase, g->fees.reserve.raw);
		st_set_u(o, sfReserveIncrement, g->fees.increment.raw);
		st_set_u(o, sfReferenceFeeUnits, REFERENCE_FEE_UNITS);
	}
	return put_entry(state, keylet_fees(), o);
}

static enum err put_taken(struct tree *state, const struct genesis *g)
{
	struct bytes rest = buf_bytes(&g->entries), data;
	struct hash256 key;

	while (genesis_next_entry(&rest, &key, &data))
		must(tree_put(state, &key, data) == FOUND);
	return ERR_NONE;
}

static enum err check_total(const struct genesis *g, struct why *why)
{
	struct bytes rest = buf_bytes(&g->entries), data;
	struct hash256 key;
	struct drops sum;

	if (!drops_mul(&sum, g->generated_balance, g->generated))
		return why_set(why, ERR_RANGE, "more than all XRP there can be");
	for (size_t i = 0; i < g->n_accounts; i++)
		if (!drops_add(&sum, sum, g->accounts[i].balance))
			return why_set(why, ERR_RANGE, "more than all XRP there can be");
	while (genesis_next_entry(&rest, &key, &data))
		if (!entry_add_drops(&sum, data))
			return why_set(why, ERR_RANGE, "more than all XRP there can be");
	if (drops_cmp(sum, g->total) != 0)
		return why_set(why, ERR_RANGE, "the balances sum to %llu, total_drops is %llu",
			       (unsigned long long)sum.raw,       /* raw: printing */
			       (unsigned long long)g->total.raw); /* raw: printing */
	return ERR_NONE;
}

static enum err fill_state(struct tree *state, const struct genesis *g, struct why *why)
{
	struct arena a = ARENA_INIT;
	enum err e = check_total(g, why);

	if (e == ERR_NONE)
		e = put_amendments(state, &a, g);
	if (e == ERR_NONE)
		e = put_fees(state, &a, g);
	if (e == ERR_NONE)
		e = put_taken(state, g);
	for (size_t i = 0; e == ERR_NONE && i < g->n_accounts; i++)
		e = put_account(state, &a, &g->accounts[i].id, g->accounts[i].balance, why);
	if (e == ERR_NONE)
		e = put_generated(state, &a, g, why);
	arena_close(&a);
	return e;
}

/* Ledger 2: nothing in it, the parent's close time, the skip list begun. */
static struct ledger *make_second(const struct ledger *first)
{
	struct ledger_header h = first->header;
	struct tree state, txs;

	h.seq = 2;
	h.parent = first->hash;
	h.parent_close = first->header.close;
	tree_share(&state, &first->state);
	tree_init_empty(&txs, TREE_TX_META, NULL);
	must(skip_list_update(&state, h.seq, &h.parent) == FOUND);
	return ledger_make(&h, &state, &txs);
}

enum err genesis_build(const struct genesis *g, struct ledger **first, struct ledger **second,
		       struct why *why)
{
	struct ledger_header h = {.seq = 1,
				  .drops = g->total,
				  .close = g->close_time,
				  .close_resolution = g->close_resolution};
	struct tree state, txs;
	enum err e;

	tree_init_empty(&state, TREE_STATE, NULL);
	tree_init_empty(&txs, TREE_TX_META, NULL);
	e = fill_state(&state, g, why);
	if (e == ERR_NONE) {
		*first = ledger_make(&h, &state, &txs);
		*second = make_second(*first);
	}
	tree_close(&state);
	tree_close(&txs);
	return e;
}
