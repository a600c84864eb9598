/* SPDX-License-Identifier: ISC */
#include "tests/sim/clients_impl.h"
#include "tests/sim/scenarios.h"

#include "codec/manifest.h"

#include <string.h>

/* What has stopped public networks (H1 to H9), played to ours. */

/* ---- H1 ---- */

static bool no_sets(void *ctx, struct world *w, uint32_t from, uint32_t to, const struct msg *m)
{
	const bool *on = ctx;

	(void)w;
	(void)from;
	return !*on || to < 5 ||
	       (m->type != MSG_TXS && m->type != MSG_SET && m->type != MSG_TX_DATA);
}

/* Two of seven get no transactions and no sets until their acquisitions have failed: without them
 * there is no quorum. Named again, the sets are asked for again. */
void h1_a_blocked_set_is_asked_for_again(void **state)
{
	struct world_plan p = world_defaults(101);
	struct hash256 id;
	struct world *w;
	bool on = true;
	int64_t ms;

	(void)state;
	p.validators = 7;
	w = play(&p);
	play_filter(w, ALL5, no_sets, &on);
	id = play_pay(w, 'A', 1);
	play_run(w, 60000);
	on = false;
	ms = play_goes_on(w, 1, 120000);
	play_validated(w, 'G', &id, 60000);
	says(
	    "H1",
	    "sets kept from two of seven for 60 s: the next ledger %.1f s after, the payment in it",
	    (double)ms / 1000);
	play_filter(w, ALL5, NULL, NULL);
	play_end(w);
}

/* ---- H3 ---- */

/* Nodes that were just started have read little of the state, others hold all of it: what they
 * build is compared at every ledger (P13). */
static uint32_t waves(uint32_t cold)
{
	struct world_plan p = world_defaults(103);
	struct hash256 ids[40];
	struct world *w = play(&p);
	uint32_t i, k, last;

	for (i = 0; i < 40; i++) {
		ids[i] = play_pay(w, (char)('A' + i % 5), i % 10);
		play_run(w, 700);
		for (k = 0; k < cold && i % 8 == 7; k++) {
			char name[2] = {(char)('A' + (i / 8 + k) % 5), 0};

			world_kill(w, name);
			world_start(w, name);
		}
	}
	for (i = 0; i < 40; i++)
		play_validated(w, 'A', &ids[i], 60000);
	play_goes_on(w, 2, 60000);
	last = world_validated_min(w);
	play_end(w);
	return last;
}

/* Payments under waves of restarts, of none, of one node or of most at a time. (Objects of another
 * type than expected: view_read calls them absent, tests/ledger/test_view.c; a transaction that
 * names an object by its id comes with payment channels.) */
void h3_caches_and_restarts_change_nothing(void **state)
{
	uint32_t last[3];

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		last[i] = waves(i * 2);
		assert_true(last[i] > 8);
	}
	says("H3", "0, 2 and 4 of five nodes read everything anew, five times: %u to %u ledgers",
	     last[2], last[0]);
}

/* ---- H4 ---- */

/* E proposes a set of one item, and hands it out: the item is no transaction (its id is right), or
 * it is one, under the id of another. */
struct bad_set {
	struct hash256 set, item;
	struct bytes blob;
	uint32_t served;
};

static bool serve_bad(void *ctx, struct world *w, uint32_t from, uint32_t to, const struct msg *m)
{
	struct bad_set *b = ctx;
	struct msg out = {.type = MSG_SET};

	if (m->type != MSG_NAK || !hash256_eq(&m->nak.id, &b->set))
		return true;
	b->served++;
	if (m->nak.request == MSG_GET_SET) {
		out.set.id = b->set;
		out.set.ids = (struct msg_hashes){.v = &b->item, .n = 1};
	} else {
		out.type = MSG_TX_DATA;
		out.txs = (struct msg_blobs){.v = &b->blob, .n = 1};
	}
	world_send_as(w, from, to, &out);
	return false;
}

static void propose_bad(struct world *w, struct bad_set *b, uint32_t number)
{
	struct cons_position p = {.seq = number, .set = b->set};

	p.prev = node_closed(world_node(w, 0))->hash;
	p.close = node_closed(world_node(w, 0))->header.close;
	p.close.s += 10;
	for (uint32_t to = 0; to < 4; to++)
		play_position(w, 4, to, &p);
}

void h4_sets_with_wrong_items(void **state)
{
	struct world_plan p = world_defaults(104);
	struct bad_set b = {.served = 0};
	uint8_t garbage[64];
	struct hash256 id;
	struct world *w;
	struct tx *other;

	(void)state;
	memset(garbage, 0x5A, sizeof(garbage));
	p.byzantine = 1;
	w = play(&p);
	play_filter(w, "E", serve_bad, &b);
	b.blob = bytes_of(garbage, sizeof(garbage)); /* under its own id */
	tx_id(&b.item, b.blob);
	tx_set_id(&b.set, &b.item, 1);
	for (uint32_t i = 0; i < 5; i++) {
		propose_bad(w, &b, 1000000 + i);
		play_run(w, 700);
	}
	other = world_payment(w, &(struct world_pay){.from = 8, .to = 9, .drops = 1});
	b.blob = other->blob; /* a transaction, under an id that is not its own */
	b.item.b[0] ^= 1;
	tx_set_id(&b.set, &b.item, 1);
	for (uint32_t i = 0; i < 5; i++) {
		propose_bad(w, &b, 2000000 + i);
		play_run(w, 700);
	}
	assert_true(b.served > 4);
	play_goes_on(w, 3, 60000);
	id = play_pay(w, 'A', 1);
	play_validated(w, 'D', &id, 60000);
	assert_false(world_tx_validated(w, 'A', &other->id));
	says("H4",
	     "sets whose item is no transaction, or another one, served %u times: nobody stops",
	     b.served);
	tx_unref(other);
	play_filter(w, "E", NULL, NULL);
	play_end(w);
}

/* ---- H5 ---- */

struct flood {
	struct secret_key *key;
	struct buf made[64];
	uint32_t serial, sent;
};

static void flood_tick(void *ctx, struct world *w, uint32_t node)
{
	struct flood *f = ctx;
	struct msg m = {.type = MSG_MANIFESTS};
	struct bytes v[64];
	struct public_key pub;

	for (uint32_t i = 0; i < 64; i++) {
		uint8_t secret[32] = {1, 2, 3, (uint8_t)(f->serial >> 8), (uint8_t)f->serial};
		struct secret_key *master;

		f->serial++;
		assert_int_equal(secret_key_of_bytes(&master, &pub, KEY_ED25519, secret), ERR_NONE);
		buf_clear(&f->made[i]);
		manifest_make(&f->made[i], master, f->key, 1, NULL);
		secret_key_close(master);
		v[i] = buf_bytes(&f->made[i]);
	}
	m.manifests = (struct msg_blobs){.v = v, .n = 64};
	for (uint32_t to = 0; to < 5; to++) {
		world_send_as(w, node, to, &m);
		f->sent += 64;
	}
}

static void flood_through(void *ctx, struct world *w, uint32_t from, uint32_t to,
			  const struct msg *m)
{
	(void)ctx;
	world_send_as(w, from, to, m);
}

/* F, a peer without a vote, sends 640 new manifests of validators that nobody trusts each second to
 * each of five. They cost the rounds nothing, and are not passed on without end. */
void h5_a_flood_of_manifests(void **state)
{
	static struct flood f;
	struct world_mangler m = {.ctx = &f, .send = flood_through, .tick = flood_tick};
	struct world_plan p = world_defaults(105);
	uint8_t secret[32] = {9};
	struct public_key pub;
	struct tally_of t;
	struct world *w;
	int64_t calm, under;

	(void)state;
	assert_int_equal(secret_key_of_bytes(&f.key, &pub, KEY_ED25519, secret), ERR_NONE);
	p.validators = 6;
	p.byzantine = 1;
	p.sessions = true;
	for (uint32_t i = 0; i < 6; i++)
		p.unl[i] = ALL5;
	w = play(&p);
	calm = play_goes_on(w, 6, 60000) / 6;
	play_count(w, &t);
	world_mangle(w, 5, &m);
	under = play_goes_on(w, 6, 60000) / 6;
	world_mangle(w, 5, NULL);
	assert_true(under < 2 * calm);
	assert_true(t.sent[MSG_MANIFESTS] < f.sent / 64 * 2);
	says("H5",
	     "%u manifests of strangers: a ledger in %.1f s, %.1f s without; %llu messages with "
	     "manifests in all",
	     f.sent, (double)under / 1000, (double)calm / 1000,
	     (unsigned long long)t.sent[MSG_MANIFESTS]);
	for (uint32_t i = 0; i < 64; i++)
		buf_close(&f.made[i]);
	secret_key_close(f.key);
	play_end(w);
}

/* ---- H6 ---- */

static struct tx *spoilt(const struct tx *t)
{
	struct arena a = ARENA_INIT;
	struct buf bytes = BUF_INIT;
	struct st_object *o;
	struct tx *out = NULL;

	assert_int_equal(st_decode(&o, &a, t->blob, NULL), ERR_NONE);
	st_set_drops(o, sfAmount, drops_of(6)); /* not what was signed */
	st_encode(&bytes, o, ST_ALL);
	assert_int_equal(tx_parse(&out, buf_bytes(&bytes), NULL), ERR_NONE);
	buf_close(&bytes);
	arena_close(&a);
	return out;
}

/* A transaction that its account has not signed: submitted, and put into a set by a validator. It
 * moves no money, takes no fee and no sequence. */
void h6_no_fee_without_a_signature(void **state)
{
	struct world_plan p = world_defaults(106);
	struct bad_set b = {.served = 0};
	struct world *w;
	struct tx *good, *bad;
	uint64_t before;

	(void)state;
	p.byzantine = 1;
	w = play(&p);
	before = world_balance(w, 'A', 7);
	good = world_payment(w, &(struct world_pay){.from = 7, .to = 8, .drops = 5});
	bad = spoilt(good);
	world_submit(w, 'A', bad, 1);
	play_run(w, 3000);
	b.item = bad->id;
	b.blob = bad->blob;
	tx_set_id(&b.set, &b.item, 1);
	play_filter(w, "E", serve_bad, &b);
	for (uint32_t i = 0; i < 20; i++) {
		propose_bad(w, &b, 3000000 + i);
		play_run(w, 500);
	}
	assert_true(b.served > 0);
	play_goes_on(w, 3, 60000);
	assert_false(world_tx_validated(w, 'A', &bad->id));
	assert_int_equal(world_balance(w, 'A', 7), before);
	world_submit(w, 'A', good, 2); /* its sequence is still free */
	play_validated(w, 'D', &good->id, 60000);
	says(
	    "H6",
	    "an unsigned payment submitted and proposed: no fee, no sequence; the signed one pays");
	tx_unref(good);
	tx_unref(bad);
	play_filter(w, "E", NULL, NULL);
	play_end(w);
}

/* ---- H7 ---- */

#define SIGNERS 8
#define SPOILT  (3 * SIGNERS + 1)
struct told { /* what came of the spoilt ones, by token */
	enum ter result[SPOILT], want[SPOILT];
	struct hash256 id[SPOILT];
	uint32_t n, answers;
};

static void on_told(void *ctx, uint32_t node, const struct node_submitted *a)
{
	struct told *t = ctx;

	(void)node;
	if (a->token == 0 || a->token > SPOILT)
		return;
	t->result[a->token - 1] = a->result;
	t->answers++;
}

/* Accounts 2 to 5, two that do not exist, and 6 and 7 with other keys than their own. */
static const struct draft_signer eight[SIGNERS] = {
    {2, 2},
    {3, 3},
    {4, 4},
    {5, 5},
    {KEY_PHANTOM, KEY_PHANTOM},
    {KEY_PHANTOM + 1, KEY_PHANTOM + 1},
    {6, KEY_REGULAR},
    {7, KEY_REGULAR + 1},
};

static void settle(struct world *w, struct draft *d, uint32_t from, enum draft_kind kind)
{
	struct tx *t;

	d->kind = kind;
	d->from = from;
	t = draft_sign(d);
	world_submit(w, 'A', t, 0);
	play_validated(w, 'A', &t->id, 60000);
	tx_unref(t);
}

static void settle_keys(struct world *w)
{
	struct draft d = {.network_id = 21337, .fee = 10, .seq = 1};

	d.regular = KEY_REGULAR;
	settle(w, &d, 6, DRAFT_KEY);
	d.regular = KEY_REGULAR + 1;
	settle(w, &d, 7, DRAFT_KEY);
	d.list.quorum = d.list.n = SIGNERS;
	for (uint32_t i = 0; i < SIGNERS; i++)
		d.list.member[i] = (struct member){eight[i].account, 1};
	settle(w, &d, 1, DRAFT_LIST);
	d.seq = 2;
	d.set = 4; /* the own key of 6 is good no more */
	settle(w, &d, 6, DRAFT_SET);
}

/* One bit of the signature of the k-th. */
static struct tx *altered(const struct tx *t, uint32_t k)
{
	const struct st_array *signers = st_get_array(t->fields, sfSigners);
	struct buf b = BUF_INIT;
	struct bytes sig = {0};
	struct tx *out;

	assert_true(st_get_raw(signers->e[k].object, sfTxnSignature, &sig));
	buf_put(&b, t->blob.p, t->blob.n);
	b.p[sig.p - t->blob.p + 9] ^= 4;
	assert_int_equal(tx_parse(&out, buf_bytes(&b), NULL), ERR_NONE);
	buf_close(&b);
	return out;
}

/* Takes the reference. */
static void submit_spoilt(struct world *w, struct told *t, struct tx *bad, enum ter want)
{
	t->want[t->n] = want;
	t->id[t->n] = bad->id;
	t->n++;
	world_submit(w, (char)('A' + t->n % 4), bad, t->n);
	tx_unref(bad);
	play_run(w, 50);
}

static void submit_all_spoilt(struct world *w, struct told *t, const struct draft *good)
{
	struct tx *whole = draft_sign(good);
	struct draft d;

	for (uint32_t k = 0; k < SIGNERS; k++) {
		d = *good;
		d.signer[k] = d.signer[--d.n_signers];
		d.fee = 20;
		submit_spoilt(w, t, draft_sign(&d), tefBAD_QUORUM);
		submit_spoilt(w, t, altered(whole, k), temBAD_SIGNATURE);
		d = *good;
		d.signer[k].key = KEY_REGULAR + 5;
		submit_spoilt(w, t, draft_sign(&d), tefBAD_SIGNATURE);
	}
	d = *good;
	d.signer[6].key = 6;
	submit_spoilt(w, t, draft_sign(&d), tefMASTER_DISABLED);
	tx_unref(whole);
}

static void judge_spoilt(struct world *w, const struct told *t)
{
	assert_int_equal(t->n, SPOILT);
	assert_int_equal(t->answers, SPOILT);
	for (uint32_t i = 0; i < SPOILT; i++) {
		if (t->result[i] != t->want[i])
			fail_msg("H7: the %u-th spoilt one is told %d, not %d", i,
				 (int)t->result[i], (int)t->want[i]);
		assert_false(world_tx_validated(w, 'A', &t->id[i]));
	}
}

/* Eight must sign, whatever they are. Each signature in turn is left out, altered, or made with
 * another key: submitted, and one of them proposed. Only the whole eight pay. */
void h7_every_signature_counts(void **state)
{
	struct world_plan p = world_defaults(107);
	struct draft good = {.network_id = 21337, .from = 1, .to = 9, .seq = 2, .drops = 5};
	struct bad_set b = {.served = 0};
	struct told t = {.n = 0};
	struct world_observer o = {.ctx = &t, .answered = on_told};
	struct world *w;
	struct tx *tx;
	uint64_t before;

	(void)state;
	p.byzantine = 1;
	w = play(&p);
	world_observe(w, &o);
	settle_keys(w);
	before = world_balance(w, 'A', 1);
	good.fee = 10;
	good.n_signers = SIGNERS;
	memcpy(good.signer, eight, sizeof(eight));
	submit_all_spoilt(w, &t, &good);
	good.signer[3].key = KEY_REGULAR + 5;
	tx = draft_sign(&good);
	b.item = tx->id;
	b.blob = tx->blob;
	tx_set_id(&b.set, &b.item, 1);
	play_filter(w, "E", serve_bad, &b);
	for (uint32_t i = 0; i < 20; i++) {
		propose_bad(w, &b, 4000000 + i);
		play_run(w, 500);
	}
	assert_true(b.served > 0);
	play_goes_on(w, 3, 60000);
	judge_spoilt(w, &t);
	assert_int_equal(world_balance(w, 'A', 1), before);
	tx_unref(tx);
	good.signer[3].key = 5;
	tx = draft_sign(&good);
	world_submit(w, 'B', tx, 0);
	play_validated(w, 'D', &tx->id, 60000);
	says("H7", "%u ways to spoil one of %u signatures: none moves anything; all %u together do",
	     SPOILT, SIGNERS, SIGNERS);
	tx_unref(tx);
	play_filter(w, "E", NULL, NULL);
	play_end(w);
}

/* ---- H8 ---- */

/* How many validators may go before the network halts, as A's operator sees it. */
static int spare(struct world *w)
{
	struct node_status s;

	node_get_status(world_node(w, 0), (struct now){{world_now_ms(w)}, {0}}, &s);
	return (int)s.unl_present - (int)s.quorum;
}

/* Two of five are down for maintenance at once, which is one too many; they come back one by one,
 * and then each of the five is restarted in turn without a pause in the ledgers. */
void h8_maintenance_and_staged_restarts(void **state)
{
	struct world *w = play_five(108);
	int64_t first, worst = 0;

	(void)state;
	assert_int_equal(spare(w), 1);
	world_stop(w, "D");
	play_goes_on(w, 3, 60000);
	play_run(w, 20000);
	assert_int_equal(spare(w), 0); /* the operator's word of warning */
	world_stop(w, "E");
	play_stands(w, 60000);
	assert_true(spare(w) < 0);
	world_start(w, "E");
	first = play_goes_on(w, 1, 60000);
	world_start(w, "D");
	play_goes_on(w, 3, 60000);
	for (char c = 'A'; c <= 'E'; c++) {
		char name[2] = {c, 0};
		int64_t ms;

		world_stop(w, name);
		play_run(w, 3000);
		world_start(w, name);
		ms = play_goes_on(w, 2, 60000);
		worst = ms > worst ? ms : worst;
	}
	play_run(w, 20000);
	assert_int_equal(spare(w), 1);
	says("H8",
	     "two of five down: halted, as a spare of -1 says; one back: a ledger within %.1f s; "
	     "each restarted in turn: two ledgers within %.1f s",
	     (double)first / 1000, (double)worst / 1000);
	play_end(w);
}

/* One of six is away for good. Past two flag ledgers nobody waits for it any more, and the network
 * outlives a second one; whoever of them comes back is waited for again. */
void h8_a_lasting_outage(void **state)
{
	struct world_plan p = world_defaults(109);
	uint32_t listed, second;
	struct world *w;
	int64_t ms;

	(void)state;
	p.validators = 6;
	p.sessions = false;
	p.history = 256;
	w = play(&p);
	world_kill(w, "F");
	while (!node_negative_unl(world_node(w, 0))->n && world_validated_max(w) < 1100) {
		play_pay(w, 'B', 3);
		play_run(w, 20000);
	}
	listed = world_validated_max(w);
	assert_in_range(listed, 1024, 1060);
	assert_int_equal(node_negative_unl(world_node(w, 0))->n, 1);
	world_kill(w, "E");
	ms = play_goes_on(w, 5, 60000);
	world_start(w, "F");
	play_goes_on(w, 3, 300000);
	second = world_validated_min(w);
	while (world_validated_min(w) < 1540) {
		play_pay(w, 'F', 4);
		play_run(w, 20000);
	}
	assert_int_equal(node_negative_unl(world_node(w, 5))->n, 1);
	assert_int_equal(spare(w), 1); /* F is back, E is not waited for */
	says("H8",
	     "one of six away: disabled by ledger %u, five ledgers in %.1f s without a second "
	     "one; back at %u, enabled again",
	     listed, (double)ms / 1000, second);
	play_end(w);
}
