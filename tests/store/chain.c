/* SPDX-License-Identifier: ISC */
#include "chain.h"

#include "base/mem.h"
#include "base/rng.h"
#include "codec/format.h"
#include "crypto/hash.h"
#include "ledger/affected.h"
#include "ledger/keylet.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FEE 10u

const struct hash256 CHAIN_GENESIS = {{0xC4, 0xA1}};

struct account_id chain_account(uint32_t i)
{
	struct account_id id;
	uint8_t n[4];

	store_be32(n, i);
	hash160(&id, n, sizeof(n));
	return id;
}

static struct st_object *account_entry(const struct chain *c, uint32_t i, struct arena *a)
{
	struct st_object *o = st_new(a);
	struct account_id id = chain_account(i);

	st_set_u(o, sfLedgerEntryType, ltAccountRoot);
	st_set_u(o, sfFlags, 0);
	st_set_u(o, sfSequence, c->sequence[i]);
	st_set_u(o, sfOwnerCount, 0);
	st_set_drops(o, sfBalance, drops_of(c->balance[i]));
	st_set_account(o, sfAccount, &id);
	return o;
}

static void put_account(const struct chain *c, uint32_t i, struct tree *state, struct arena *a)
{
	struct account_id id = chain_account(i);
	struct keylet k = keylet_account(&id);
	struct buf b = BUF_INIT;

	st_encode(&b, account_entry(c, i, a), ST_ALL);
	must(tree_put(state, &k.key, buf_bytes(&b)) == FOUND);
	buf_close(&b);
}

void chain_init(struct chain *c, uint64_t seed, uint32_t accounts, uint32_t per_ledger,
		struct node_source *source)
{
	struct ledger_header h = {.seq = 1, .close_resolution = 10};
	struct arena a = ARENA_INIT;
	struct tree state, txs;
	uint64_t sum = 0;

	*c = (struct chain){
	    .seed = seed, .accounts = accounts, .per_ledger = per_ledger, .source = source};
	c->balance = mem_zalloc(accounts, sizeof(*c->balance));
	c->sequence = mem_zalloc(accounts, sizeof(*c->sequence));
	tree_init_empty(&state, TREE_STATE, source);
	tree_init_empty(&txs, TREE_TX_META, NULL);
	for (uint32_t i = 0; i < accounts; i++) {
		c->balance[i] = 1000000000ull + i;
		c->sequence[i] = 1;
		sum += c->balance[i];
		put_account(c, i, &state, &a);
		arena_reset(&a);
	}
	h.drops = drops_of(sum);
	c->tip = ledger_make(&h, &state, &txs);
	arena_close(&a);
}

void chain_close(struct chain *c)
{
	ledger_unref(c->tip);
	mem_free(c->balance);
	mem_free(c->sequence);
	mem_free(c->tx);
	*c = (struct chain){.seed = 0};
}

static void encode_payment(const struct chain *c, uint32_t from, uint32_t to, uint64_t drops,
			   struct rng *r, struct arena *a, struct buf *out)
{
	struct account_id src = chain_account(from), dst = chain_account(to);
	struct st_object *o = st_new(a);
	uint8_t random[33 + 71];

	for (size_t i = 0; i < sizeof(random); i++)
		random[i] = (uint8_t)rng_next(r);
	st_set_u(o, sfTransactionType, ttPayment);
	st_set_u(o, sfFlags, 0);
	st_set_u(o, sfSequence, c->sequence[from]);
	st_set_drops(o, sfAmount, drops_of(drops));
	st_set_drops(o, sfFee, drops_of(FEE));
	st_set_raw(o, sfSigningPubKey, bytes_of(random, 33));
	st_set_raw(o, sfTxnSignature, bytes_of(random + 33, 71));
	st_set_account(o, sfAccount, &src);
	st_set_account(o, sfDestination, &dst);
	st_encode(out, o, ST_ALL);
}

static void affected_node(const struct chain *c, uint32_t i, uint64_t before,
			  struct st_array *nodes, struct arena *a)
{
	struct st_object *node = st_array_add(nodes, a, sfModifiedNode), *fields;
	struct account_id id = chain_account(i);
	struct keylet k = keylet_account(&id);

	st_set_u(node, sfLedgerEntryType, ltAccountRoot);
	st_set_hash256(node, sfLedgerIndex, &k.key);
	fields = account_entry(c, i, a);
	st_remove(fields, sfLedgerEntryType);
	st_set_object(node, sfFinalFields, fields);
	fields = st_new(a);
	st_set_drops(fields, sfBalance, drops_of(before));
	st_set_object(node, sfPreviousFields, fields);
}

static void remember(struct chain *c, const struct chain_tx *tx)
{
	if (c->tx_n == c->tx_cap) {
		c->tx_cap = c->tx_cap ? c->tx_cap * 2 : 256;
		c->tx = mem_resize(c->tx, c->tx_cap, sizeof(*c->tx));
	}
	c->tx[c->tx_n++] = *tx;
}

static void pay(struct chain *c, struct tree *state, struct tree *txs, uint32_t seq, uint32_t index,
		struct rng *r, struct arena *a)
{
	uint32_t from = (uint32_t)rng_below(r, c->accounts), to;
	uint64_t drops = 1 + rng_below(r, 1000), from_had = c->balance[from], to_had;
	struct st_object *meta = st_new(a);
	struct buf blob = BUF_INIT, m = BUF_INIT, leaf = BUF_INIT;
	struct chain_tx tx = {.seq = seq, .index = index, .from = from};
	struct st_array *nodes;
	struct bytes part;

	/* A few accounts get most payments, as in life. */
	to = (uint32_t)rng_below(r, rng_below(r, 2) ? c->accounts : c->accounts / 10 + 1);
	tx.to = to == from ? (to + 1) % c->accounts : to;
	to = tx.to;
	to_had = c->balance[to];
	encode_payment(c, from, to, drops, r, a, &blob);
	c->sequence[from]++;
	c->balance[from] -= drops + FEE;
	c->balance[to] += drops;
	put_account(c, from, state, a);
	put_account(c, to, state, a);
	st_set_u(meta, sfTransactionResult, 0);
	st_set_u(meta, sfTransactionIndex, index);
	nodes = st_set_array(meta, sfAffectedNodes);
	affected_node(c, from, from_had, nodes, a);
	affected_node(c, to, to_had, nodes, a);
	st_encode(&m, meta, ST_ALL);
	part = buf_bytes(&blob);
	sha512_half_parts(&tx.id, HASH_PREFIX_TX_ID, &part, 1);
	tx_leaf_join(&leaf, part, buf_bytes(&m));
	must(tree_put(txs, &tx.id, buf_bytes(&leaf)) == FOUND);
	remember(c, &tx);
	buf_close(&blob);
	buf_close(&m);
	buf_close(&leaf);
}

struct ledger *chain_next(struct chain *c)
{
	struct ledger_header h = c->tip->header;
	struct arena a = ARENA_INIT;
	struct tree state, txs;
	struct rng r;

	h.seq++;
	h.parent = c->tip->hash;
	h.parent_close = h.close;
	h.close.s += 4;
	rng_init(&r, c->seed * 1000003 + h.seq);
	tree_share(&state, &c->tip->state);
	tree_init_empty(&txs, TREE_TX_META, NULL);
	for (uint32_t i = 0; i < c->per_ledger; i++) {
		pay(c, &state, &txs, h.seq, i, &r, &a);
		arena_reset(&a);
	}
	must(drops_sub(&h.drops, h.drops, drops_of((uint64_t)FEE * c->per_ledger)));
	ledger_unref(c->tip);
	c->tip = ledger_make(&h, &state, &txs);
	arena_close(&a);
	return c->tip;
}

void chain_replace_tip(struct chain *c, struct ledger *same)
{
	must(hash256_eq(&same->hash, &c->tip->hash));
	ledger_unref(c->tip);
	c->tip = same;
}

struct kv_mem_disk *chain_memory;

enum err chain_store_open(struct store **s, const char *folder, uint32_t history,
			  uint64_t map_bytes, struct why *why)
{
	struct store_options o = {
	    .folder = folder,
	    .network_id = CHAIN_NETWORK,
	    .genesis = CHAIN_GENESIS,
	    .history = history,
	    .map_bytes_min = map_bytes,
	};
	enum err e = chain_memory ? kv_mem_open(&o.db, chain_memory, why) : ERR_NONE;

	return e == ERR_NONE ? store_open(s, &o, why) : e;
}

void chain_folder_make(char out[128])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(out, 128, "%s/tally_store_XXXXXX", tmp ? tmp : "/tmp");
	must(mkdtemp(out) != NULL);
}

void chain_folder_remove(const char *folder)
{
	static const char *const parts[] = {
	    "data/data.mdb", "data/lock.mdb", "data",  "data.tmp/data.mdb", "data.tmp/lock.mdb",
	    "data.tmp",      "lock",          "votes", "votes.tmp"};
	char path[256];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, parts[i]);
		remove(path);
	}
	rmdir(folder);
}
