/* SPDX-License-Identifier: ISC */

/* What each type of transaction costs: applied with its metadata encoded, signatures apart, in
 * microseconds and in multiples of one Ed25519 verification that is measured in the same rounds.
 * Each round applies a row's transaction once for each of some accounts, on a tree in which what
 * it needs (a list to replace, tickets to use) was made before; the best round counts. Multi-signed
 * payments are verified, too. */

#include "base/mem.h"
#include "crypto/hash.h"
#include "ledger/genesis.h"
#include "tx/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ACCOUNTS 300
#define ROUNDS   7
#define SIGNERS  8
#define VERIFIED 100 /* verifications of a round */

struct bench {
	struct account_id ids[ACCOUNTS];
	uint8_t keys[ACCOUNTS][33];
	struct tree base;
	struct view_info info;
	struct secret_key *signer_keys[SIGNERS]; /* by account */
	struct account_id signers[SIGNERS];
};

static double cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void make_signers(struct bench *b)
{
	for (uint8_t i = 0; i < SIGNERS; i++) {
		struct seed seed = {{i}};
		struct secret_key *key;
		struct public_key pub;
		struct account_id id;
		size_t at = i;

		must(secret_key_of_seed(&key, &pub, KEY_ED25519, &seed) == ERR_NONE);
		account_of_key(&id, &pub);
		for (; at > 0 && account_cmp(&b->signers[at - 1], &id) > 0; at--) {
			b->signers[at] = b->signers[at - 1];
			b->signer_keys[at] = b->signer_keys[at - 1];
		}
		b->signers[at] = id;
		b->signer_keys[at] = key;
	}
}

static void make_state(struct bench *b)
{
	struct ledger *first, *second;
	struct genesis g;
	uint64_t each = DROPS_MAX / ACCOUNTS;

	genesis_default(&g, true);
	g.accounts = mem_resize(g.accounts, ACCOUNTS, sizeof(g.accounts[0]));
	g.n_accounts = ACCOUNTS;
	for (uint32_t i = 0; i < ACCOUNTS; i++) {
		struct public_key k = {{0xED}};

		store_be32(k.b + 1, i);
		memcpy(b->keys[i], k.b, sizeof(k.b));
		account_of_key(&b->ids[i], &k);
		g.accounts[i] = (struct genesis_account){b->ids[i], drops_of(each)};
	}
	g.total = drops_of(each * ACCOUNTS);
	must(genesis_build(&g, &first, &second, NULL) == ERR_NONE);
	tree_share(&b->base, &second->state);
	/* Late enough for accounts to be deleted, and a flag ledger. */
	b->info = (struct view_info){.seq = 1024, .parent_close = second->header.close};
	must(ledger_fees_read(&b->base, &b->info.fees) == FOUND);
	must(rules_read(&b->base, &b->info.rules) == FOUND);
	ledger_unref(first);
	ledger_unref(second);
	genesis_close(&g);
}

/* Transactions: of account i, with its sequence. */

static struct st_object *common(struct bench *b, struct arena *a, uint16_t type, uint32_t i,
				uint32_t seq)
{
	struct st_object *o = st_new(a);

	st_set_u(o, sfTransactionType, type);
	st_set_u(o, sfSequence, seq);
	st_set_u(o, sfLastLedgerSequence, 1000000);
	st_set_drops(o, sfFee, drops_of(type == ttAccountDelete ? 2000000 : 100));
	st_set_raw(o, sfSigningPubKey, bytes_of(b->keys[i], 33));
	st_set_raw(o, sfTxnSignature, bytes_of(b->keys[i], 33));
	st_set_account(o, sfAccount, &b->ids[i]);
	return o;
}

static struct st_object *payment(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = common(b, a, ttPayment, i, seq);

	st_set_drops(o, sfAmount, drops_of(1000000 + i));
	st_set_account(o, sfDestination, &b->ids[(i + 1) % ACCOUNTS]);
	return o;
}

static struct st_object *payment_new(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = payment(b, a, i, seq);
	struct account_id id = b->ids[i];

	id.b[0] ^= 1;
	st_set_drops(o, sfAmount, drops_of(50000000));
	st_set_account(o, sfDestination, &id);
	return o;
}

static struct st_object *payment_ticket(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = payment(b, a, i, 0);

	(void)seq;
	st_set_u(o, sfTicketSequence, 2);
	return o;
}

static struct st_object *account_set(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = common(b, a, ttAccountSet, i, seq);

	st_set_raw(o, sfDomain, bytes_str("example.com"));
	return o;
}

static struct st_object *regular_key(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = common(b, a, ttSetRegularKey, i, seq);

	st_set_account(o, sfRegularKey, &b->ids[(i + 1) % ACCOUNTS]);
	return o;
}

static struct st_object *list(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = common(b, a, ttSignerListSet, i, seq);
	struct st_array *entries = st_set_array(o, sfSignerEntries);

	st_set_u(o, sfSignerQuorum, SIGNERS);
	for (uint32_t s = 0; s < SIGNERS; s++) {
		struct st_object *e = st_array_add(entries, a, sfSignerEntry);

		st_set_u(e, sfSignerWeight, 1 + (seq > 1));
		st_set_account(e, sfAccount, &b->signers[s]);
	}
	return o;
}

static struct st_object *no_list(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = common(b, a, ttSignerListSet, i, seq);

	st_set_u(o, sfSignerQuorum, 0);
	return o;
}

static struct st_object *authorize(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = common(b, a, ttDepositPreauth, i, seq);

	st_set_account(o, sfAuthorize, &b->ids[(i + 1) % ACCOUNTS]);
	return o;
}

static struct st_object *unauthorize(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = common(b, a, ttDepositPreauth, i, seq);

	st_set_account(o, sfUnauthorize, &b->ids[(i + 1) % ACCOUNTS]);
	return o;
}

static struct st_object *tickets(struct bench *b, struct arena *a, uint32_t i, uint32_t seq,
				 uint32_t n)
{
	struct st_object *o = common(b, a, ttTicketCreate, i, seq);

	st_set_u(o, sfTicketCount, n);
	return o;
}

static struct st_object *tickets_1(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	return tickets(b, a, i, seq, 1);
}

static struct st_object *tickets_10(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	return tickets(b, a, i, seq, 10);
}

static struct st_object *tickets_250(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	return tickets(b, a, i, seq, 250);
}

/* To an account that does not go itself. */
static struct st_object *delete (struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = common(b, a, ttAccountDelete, i, seq);

	st_set_account(o, sfDestination, &b->ids[ACCOUNTS - 1]);
	return o;
}

static struct st_object *pseudo(struct bench *b, struct arena *a, uint16_t type, uint32_t i)
{
	static const struct account_id nobody;
	struct st_object *o = common(b, a, type, i, 0);

	st_remove(o, sfTxnSignature);
	st_remove(o, sfLastLedgerSequence);
	st_set_drops(o, sfFee, drops_of(0));
	st_set_raw(o, sfSigningPubKey, bytes_of(NULL, 0));
	st_set_account(o, sfAccount, &nobody);
	return o;
}

static struct st_object *set_fee(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = pseudo(b, a, ttSetFee, i);

	(void)seq;
	st_set_drops(o, sfBaseFeeDrops, drops_of(20));
	st_set_drops(o, sfReserveBaseDrops, drops_of(1000000));
	st_set_drops(o, sfReserveIncrementDrops, drops_of(200000));
	return o;
}

static struct st_object *amend(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = pseudo(b, a, ttEnableAmendment, i);
	struct hash256 id = {{1}};

	(void)seq;
	st_set_u(o, sfFlags, tfGotMajority);
	st_set_u(o, sfLedgerSequence, b->info.seq);
	st_set_hash256(o, sfAmendment, &id);
	return o;
}

static struct st_object *unl(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = pseudo(b, a, ttUNLModify, i);

	(void)seq;
	st_set_u(o, sfUNLModifyDisabling, 1);
	st_set_u(o, sfLedgerSequence, b->info.seq);
	st_set_raw(o, sfUNLModifyValidator, bytes_of(b->keys[i], 33));
	return o;
}

/* A payment signed by all of the sender's list. */
static struct st_object *payment_by_8(struct bench *b, struct arena *a, uint32_t i, uint32_t seq)
{
	struct st_object *o = payment(b, a, i, seq);

	st_remove(o, sfTxnSignature);
	st_set_raw(o, sfSigningPubKey, bytes_of(NULL, 0));
	for (uint32_t s = 0; s < SIGNERS; s++)
		tx_sign_for(o, o, &b->signers[s], b->signer_keys[s]);
	return o;
}

typedef struct st_object *make_tx(struct bench *b, struct arena *a, uint32_t i, uint32_t seq);

static const struct row {
	const char *name;
	make_tx *before, *timed; /* before: NULL, or what has to be there */
	uint32_t seq;            /* of the timed one */
	uint32_t n;              /* accounts that take part; 0: all */
} rows[] = {
    {"Payment of XRP", NULL, payment, 1, 0},
    {"Payment that makes an account", NULL, payment_new, 1, 0},
    {"Payment with a ticket", tickets_10, payment_ticket, 0, 0},
    {"Payment signed by 8, applied", list, payment_by_8, 2, VERIFIED},
    {"AccountSet, a domain", NULL, account_set, 1, 0},
    {"SetRegularKey", NULL, regular_key, 1, 0},
    {"SignerListSet of 8, the first", NULL, list, 1, 0},
    {"SignerListSet of 8, another", list, list, 2, 0},
    {"SignerListSet, none any more", list, no_list, 2, 0},
    {"DepositPreauth, given", NULL, authorize, 1, 0},
    {"DepositPreauth, taken back", authorize, unauthorize, 2, 0},
    {"TicketCreate, 1", NULL, tickets_1, 1, 0},
    {"TicketCreate, 10", NULL, tickets_10, 1, 0},
    {"TicketCreate, 250", NULL, tickets_250, 1, 20},
    {"AccountDelete, nothing owned", NULL, delete, 1, ACCOUNTS - 1},
    {"AccountDelete, 10 tickets", tickets_10, delete, 12, ACCOUNTS - 1},
    {"AccountDelete, 250 tickets", tickets_250, delete, 252, 20},
    {"SetFee", NULL, set_fee, 0, 1},
    {"EnableAmendment, got a majority", NULL, amend, 0, 1},
    {"UNLModify", NULL, unl, 0, 1},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static struct tx *parse(struct st_object *o)
{
	struct buf blob = BUF_INIT;
	struct why why = {{0}};
	struct tx *t;

	st_encode(&blob, o, ST_ALL);
	if (tx_parse(&t, buf_bytes(&blob), &why) != ERR_NONE) {
		fprintf(stderr, "%s\n", why.text);
		exit(1);
	}
	buf_close(&blob);
	atomic_store(&t->signature, TX_SIG_GOOD);
	return t;
}

static void apply(struct view *v, struct tx *t, struct arena *meta, struct buf *encoded)
{
	struct tx_outcome out;

	arena_reset(meta);
	buf_clear(encoded);
	out = tx_apply(v, t, 0, 0, meta);
	if (out.result != tesSUCCESS) {
		fprintf(stderr, "%s: %s\n", tx_type_name(t->type), result_name((int)out.result));
		exit(1);
	}
	st_encode(encoded, out.meta, ST_ALL);
}

/* One transaction of each of n accounts on the view; the time per transaction. */
static double apply_all(struct bench *b, struct view *v, make_tx *what, uint32_t seq, uint32_t n)
{
	struct tx **txs = mem_zalloc(n, sizeof(txs[0]));
	struct arena a = ARENA_INIT, meta = ARENA_INIT;
	struct buf encoded = BUF_INIT;
	double began;

	for (uint32_t i = 0; i < n; i++) {
		arena_reset(&a);
		txs[i] = parse(what(b, &a, i, seq));
	}
	began = cpu_us();
	for (uint32_t i = 0; i < n; i++)
		apply(v, txs[i], &meta, &encoded);
	began = (cpu_us() - began) / n;
	for (uint32_t i = 0; i < n; i++)
		tx_unref(txs[i]);
	mem_free(txs);
	buf_close(&encoded);
	arena_close(&a);
	arena_close(&meta);
	return began;
}

/* What has to be there is put into a tree first, as it would be in a ledger. */
static double round_of(struct bench *b, const struct row *r)
{
	uint32_t n = r->n ? r->n : ACCOUNTS;
	struct tree state;
	struct view *v;
	double us;

	tree_share(&state, &b->base);
	if (r->before) {
		v = view_open_tree(&state, &b->info);
		(void)apply_all(b, v, r->before, 1, n);
		must(view_flush(v, &state) == FOUND);
		view_close(v);
		(void)tree_hash(&state);
	}
	v = view_open_tree(&state, &b->info);
	us = apply_all(b, v, r->timed, r->seq, n);
	view_close(v);
	tree_close(&state);
	return us;
}

static double verify_one(struct bench *b)
{
	const struct public_key *pub = secret_key_public(b->signer_keys[0]);
	uint8_t msg[150] = {0}, sig[SIGNATURE_MAX];
	size_t n = signature_make(b->signer_keys[0], bytes_of(msg, sizeof(msg)), sig);
	double began = cpu_us();

	for (int i = 0; i < VERIFIED; i++)
		must(signature_check(bytes_of(pub->b, sizeof(pub->b)), bytes_of(msg, sizeof(msg)),
				     bytes_of(sig, n)));
	return (cpu_us() - began) / VERIFIED;
}

static double verify_8(struct bench *b)
{
	struct arena a = ARENA_INIT;
	struct tx *t = parse(payment_by_8(b, &a, 0, 2));
	double began = cpu_us();

	for (int i = 0; i < VERIFIED / SIGNERS; i++)
		must(tx_signature_valid(t));
	began = (cpu_us() - began) / (VERIFIED / SIGNERS); /* a whole number of rounds */
	tx_unref(t);
	arena_close(&a);
	return began;
}

static void keep_best(double *best, double us)
{
	if (*best == 0 || us < *best)
		*best = us;
}

static void print(const char *name, double us, double floor)
{
	printf("  %-40s %8.2f us %7.2f\n", name, us, us / floor);
}

int main(void)
{
	struct bench *b = mem_zalloc(1, sizeof(*b));
	double best[ROWS] = {0}, one = 0, eight = 0;

	must(crypto_init(NULL) == ERR_NONE);
	make_signers(b);
	make_state(b);
	/* Rounds outermost: what disturbs the machine for a while disturbs all rows alike. */
	for (int round = 0; round < ROUNDS; round++) {
		keep_best(&one, verify_one(b));
		keep_best(&eight, verify_8(b));
		for (size_t i = 0; i < ROWS; i++)
			keep_best(&best[i], round_of(b, &rows[i]));
	}
	printf("each type applied with metadata, and in Ed25519 verifications\n");
	print("Ed25519 verification", one, one);
	print("verification of 8 signers", eight, one);
	for (size_t i = 0; i < ROWS; i++)
		print(rows[i].name, best[i], one);
	print("Payment signed by 8, verified and applied", eight + best[3], one);
	for (int s = 0; s < SIGNERS; s++)
		secret_key_close(b->signer_keys[s]);
	rules_unref(b->info.rules);
	tree_close(&b->base);
	mem_free(b);
	return 0;
}
