/* SPDX-License-Identifier: ISC */
#include "txq_bench.h"

#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct txq_setup bench_small(void)
{
	struct txq_setup s = txq_setup_default();

	s.minimum_txn_in_ledger = s.minimum_txn_in_ledger_standalone = 3;
	s.ledgers_in_queue = 2;
	s.minimum_queue_size = 2;
	return s;
}

static void came_in(struct txq_bench *b, struct tx *t)
{
	if (b->n_in == b->cap_in) {
		b->cap_in = b->cap_in ? b->cap_in * 2 : 64;
		b->in = mem_resize(b->in, b->cap_in, sizeof(struct tx *));
	}
	b->in[b->n_in++] = tx_ref(t);
}

static void on_left(void *ctx, struct tx *t, bool applied, enum ter result)
{
	struct txq_bench *b = ctx;

	b->left[b->n_left++ % BENCH_LEFT_MAX] = (struct left){t->id, applied, result};
	if (applied)
		came_in(b, t);
}

static void new_view(struct txq_bench *b)
{
	b->o = (struct txq_open){.view = view_open_tree(&b->state, &b->info), .load = 256};
}

void txq_bench_open(struct txq_bench *b, const struct txq_setup *s, uint32_t accounts)
{
	struct txq_hooks hooks = {.left = on_left, .ctx = b};
	struct why why = {""};

	*b = (struct txq_bench){.n_in = 0};
	wallet_genesis(&b->genesis, accounts);
	if (genesis_build(&b->genesis, &b->first, &b->second, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	tree_share(&b->state, &b->second->state);
	b->info = (struct view_info){
	    .seq = 3,
	    .parent_hash = b->second->hash,
	    .fees = {.base = drops_of(10), .reserve = drops_of(200), .increment = drops_of(50)},
	    .network_id = WALLET_NETWORK,
	    .open = true};
	assert_int_equal(rules_read(&b->state, &b->info.rules), FOUND);
	txq_init(&b->q, s, false, 1, &hooks);
	new_view(b);
	txq_closed(&b->q, NULL, 0, false, 2);
	txq_accept(&b->q, &b->o, &b->info.parent_hash);
}

static void forget_in(struct txq_bench *b)
{
	while (b->n_in)
		tx_unref(b->in[--b->n_in]);
}

void txq_bench_close(struct txq_bench *b)
{
	assert_null(txq_wrong(&b->q));
	forget_in(b);
	mem_free(b->in);
	txq_close(&b->q);
	view_close(b->o.view);
	tree_close(&b->state);
	rules_unref(b->info.rules);
	ledger_unref(b->first);
	ledger_unref(b->second);
	genesis_close(&b->genesis);
}

enum ter bench_give(struct txq_bench *b, struct tx *t, unsigned flags)
{
	struct tx_outcome out;

	atomic_store(&t->signature, TX_SIG_GOOD);
	out = txq_try(&b->q, &b->o, t, flags);
	assert_int_equal(out.result == terQUEUED, txq_find(&b->q, t) != NULL);
	if (out.applied)
		came_in(b, t);
	tx_unref(t);
	return out.result;
}

void bench_next(struct txq_bench *b, bool slow)
{
	uint64_t *levels = mem_alloc((b->n_in + 1) * sizeof(*levels));
	struct tree state;
	uint8_t seq[4];
	uint32_t n = b->n_in;

	tree_share(&state, &b->state);
	assert_int_equal(view_flush(b->o.view, &state), FOUND);
	view_close(b->o.view);
	tree_close(&b->state);
	b->state = state;
	for (uint32_t i = 0; i < 4; i++)
		seq[i] = (uint8_t)(b->info.seq >> (8 * i));
	sha512_half(&b->info.parent_hash, seq, sizeof(seq));
	b->info.seq++;
	new_view(b);
	for (uint32_t i = 0; i < n; i++)
		levels[i] = fee_level_of(b->in[i], b->o.view);
	forget_in(b);
	txq_closed(&b->q, levels, n, slow, b->info.seq - 1);
	txq_accept(&b->q, &b->o, &b->info.parent_hash);
	assert_null(txq_wrong(&b->q));
	mem_free(levels);
}

enum ter bench_pay(struct txq_bench *b, uint32_t from, uint32_t seq, uint64_t fee)
{
	return bench_pay_until(b, from, seq, fee, 0);
}

enum ter bench_pay_until(struct txq_bench *b, uint32_t from, uint32_t seq, uint64_t fee,
			 uint32_t last)
{
	struct payment p = {
	    .from = from, .to = from ? 0 : 1, .seq = seq, .fee = fee, .last_ledger = last};

	return bench_give(b, wallet_pay(&p), 0);
}

enum ter bench_spend(struct txq_bench *b, uint32_t from, uint32_t seq, uint64_t fee, uint64_t drops)
{
	struct payment p = {
	    .from = from, .to = from ? 0 : 1, .seq = seq, .fee = fee, .drops = drops};

	return bench_give(b, wallet_pay(&p), 0);
}

static struct tx *plain(uint16_t type, uint32_t from, uint32_t seq, uint32_t ticket, uint64_t fee,
			uint32_t count)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct account_id key = wallet_account(9999);
	struct tx *t;

	st_set_u(o, sfTransactionType, type);
	st_set_u(o, sfFlags, 0);
	st_set_u(o, sfSequence, seq);
	if (ticket)
		st_set_u(o, sfTicketSequence, ticket);
	if (count)
		st_set_u(o, sfTicketCount, count);
	if (type == ttSetRegularKey)
		st_set_account(o, sfRegularKey, &key);
	st_set_drops(o, sfFee, drops_of(fee ? fee : 10));
	t = wallet_sign(from, o);
	arena_close(&a);
	return t;
}

struct tx *bench_ticketed(uint32_t from, uint32_t ticket, uint64_t fee)
{
	return plain(ttAccountSet, from, 0, ticket, fee, 0);
}

struct tx *bench_tickets(uint32_t from, uint32_t seq, uint32_t count)
{
	return plain(ttTicketCreate, from, seq, 0, 10, count);
}

struct tx *bench_blocker(uint32_t from, uint32_t seq, uint32_t ticket, uint64_t fee)
{
	return plain(ttSetRegularKey, from, seq, ticket, fee, 0);
}

uint32_t bench_seq(struct txq_bench *b, uint32_t account)
{
	struct account_id id = wallet_account(account);
	const struct st_object *root;

	assert_int_equal(view_read(b->o.view, keylet_account(&id), &root), FOUND);
	return st_u32_or(root, sfSequence, 0);
}

void bench_fill(struct txq_bench *b, uint32_t from)
{
	while (fee_level_required(&b->q.fees, b->o.txs) == FEE_LEVEL_BASE)
		assert_int_equal(bench_pay(b, from, bench_seq(b, from), 0), tesSUCCESS);
}

uint64_t bench_cost(const struct txq_bench *b)
{
	uint64_t level = fee_level_required(&b->q.fees, b->o.txs);

	return (level * 10 + 255) / 256;
}

uint32_t bench_waiting(const struct txq_bench *b, uint32_t account)
{
	struct account_id id = wallet_account(account);
	const struct txq_account *a = txq_account_of(&b->q, &id);

	return a ? a->n : 0;
}

const struct left *bench_told(const struct txq_bench *b, const struct hash256 *id)
{
	for (uint32_t i = b->n_left; i-- > 0;)
		if (hash256_eq(&b->left[i % BENCH_LEFT_MAX].id, id))
			return &b->left[i % BENCH_LEFT_MAX];
	return NULL;
}
