/* SPDX-License-Identifier: ISC */
#include "rig.h"

#include "ledger/tx_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Transaction sets: one validator of four, whose peers 1 to 3 are the others. */

struct set {
	struct tx **txs; /* by id */
	struct hash256 *ids;
	struct hash256 id;
	uint32_t n;
};

static int by_id(const void *a, const void *b)
{
	return hash256_cmp(&(*(struct tx *const *)a)->id, &(*(struct tx *const *)b)->id);
}

/* Takes the references; sorts. */
static struct set set_of(struct tx **txs, uint32_t n)
{
	struct set s = {.txs = txs, .n = n};
	uint32_t i;

	qsort(txs, n, sizeof(*txs), by_id);
	s.ids = mem_alloc(n * sizeof(*s.ids));
	for (i = 0; i < n; i++)
		s.ids[i] = txs[i]->id;
	tx_set_id(&s.id, s.ids, n);
	return s;
}

static struct set payments(uint32_t n, uint32_t memo)
{
	struct tx **txs = mem_alloc(n * sizeof(struct tx *));
	uint32_t i;

	for (i = 0; i < n; i++) {
		struct payment p = {.from = i % 20, .to = 20, .seq = 1 + i / 20, .memo = memo};

		txs[i] = wallet_pay(&p);
	}
	return set_of(txs, n);
}

static void set_close(struct set *s)
{
	uint32_t i;

	for (i = 0; i < s->n; i++)
		tx_unref(s->txs[i]);
	mem_free(s->txs);
	mem_free(s->ids);
}

/* In a round, with peers 1 to 3. */
static struct rig *bench(void)
{
	struct rig_options o = {.validators = 4, .accounts = 21};
	struct rig *r = rig_open(&o);
	uint32_t i;

	for (i = 1; i <= 3; i++)
		rig_peer_up(r, i);
	rig_run(r, 2200);
	assert_true(rig_count(r, MSG_PROPOSAL, 1) > 0);
	rig_forget(r);
	return r;
}

/* Validator `who`, heard by way of peer `who`, takes this position. */
static void propose(struct rig *r, uint32_t who, const struct hash256 *set, uint32_t seq)
{
	struct cons_position p = {
	    .prev = node_closed(r->node)->hash, .set = *set, .close = {800000010}, .seq = seq};

	rig_hear(r, who, validator_proposal(who, &p));
}

static void give_list(struct rig *r, uint32_t peer, const struct set *s)
{
	struct msg m = {.type = MSG_SET};

	m.set.id = s->id;
	m.set.ids = (struct msg_hashes){.v = s->ids, .n = s->n};
	rig_hear_msg(r, peer, &m);
}

static void give_txs(struct rig *r, uint32_t peer, const struct set *s, const struct msg *ask,
		     uint32_t most)
{
	struct bytes *blobs = mem_alloc((s->n + 1) * sizeof(*blobs));
	struct msg m = {.type = MSG_TX_DATA, .txs = {.v = blobs}};
	uint32_t i;

	for (i = 0; i < ask->get_txs.ids.n && m.txs.n < most; i++) {
		struct tx key = {.id = ask->get_txs.ids.v[i]}, *at = &key;
		struct tx **found = bsearch(&at, s->txs, s->n, sizeof(at), by_id);

		assert_non_null(found);
		blobs[m.txs.n++] = (*found)->blob;
	}
	m.txs.n = wire_blobs_fit(MSG_TX_DATA, blobs, m.txs.n);
	rig_hear_msg(r, peer, &m);
	mem_free(blobs);
}

/* Answers whatever is asked, as an honest peer would, until nothing more is. */
static uint32_t serve(struct rig *r, const struct set *s, uint32_t most)
{
	struct msg m;
	uint32_t rounds = 0, to;

	while (rig_heard(r, MSG_GET_TXS, 0, 0, &m, &to)) {
		struct rig_sent *at = r->sent;
		uint32_t n = r->n_sent, k;

		r->sent = NULL; /* what this answer causes comes after */
		r->n_sent = r->cap_sent = 0;
		assert_true(m.get_txs.ids.n <= 2048);
		give_txs(r, to, s, &m, most);
		for (k = 0; k < n; k++)
			wire_frame_unref(at[k].frame);
		mem_free(at);
		rounds++;
		assert_true(rounds < 100);
	}
	return rounds;
}

static void nak(struct rig *r, uint32_t peer, enum msg_type request, const struct hash256 *id)
{
	struct msg m = {.type = MSG_NAK};

	m.nak.request = request;
	m.nak.id = *id;
	m.nak.reason = NAK_UNKNOWN;
	rig_hear_msg(r, peer, &m);
}

static void a_large_set_comes_in_pieces(void **state)
{
	struct set s = payments(4500, 0);
	struct rig *r = bench();
	struct msg m;
	uint32_t to;

	(void)state;
	propose(r, 1, &s.id, 0);
	assert_true(rig_heard(r, MSG_GET_SET, 0, 0, &m, &to));
	assert_memory_equal(&m.set.id, &s.id, 32);
	rig_forget(r);
	give_list(r, to, &s);
	assert_int_equal(serve(r, &s, 700), 7);
	assert_int_equal(rig_status(r).counters.sets_acquired, 1);
	rig_run(r, 10); /* its transactions are pending here from now on */
	assert_non_null(node_pending_tx(r->node, &s.ids[17]));
	rig_close(r);
	set_close(&s);
}

static void who_does_not_deliver_is_passed_over(void **state)
{
	struct set s = payments(5, 0), other = payments(4, 0);
	struct rig *r = bench();
	struct msg m;
	uint32_t to, next;

	(void)state;
	propose(r, 1, &s.id, 0);
	assert_true(rig_heard(r, MSG_GET_SET, 0, 0, &m, &to));
	rig_forget(r);
	nak(r, to, MSG_GET_SET, &s.id); /* at once */
	assert_true(rig_heard(r, MSG_GET_SET, 0, 0, &m, &next));
	assert_int_not_equal(to, next);
	rig_forget(r);
	rig_run(r, 299);
	assert_int_equal(rig_count(r, MSG_GET_SET, 0), 0);
	rig_run(r, 2); /* silence: after a while */
	assert_int_equal(rig_count(r, MSG_GET_SET, 0), 1);
	assert_true(rig_heard(r, MSG_GET_SET, 0, 0, &m, &next));
	m = (struct msg){.type = MSG_SET};
	m.set.id = s.id;
	m.set.ids = (struct msg_hashes){.v = other.ids, .n = other.n};
	rig_hear_msg(r, next, &m);
	assert_non_null(r->dropped[next]); /* nonsense */
	rig_forget(r);
	rig_peer_down(r, next);
	rig_run(r, 301);
	assert_true(rig_heard(r, MSG_GET_SET, 0, 0, &m, &to));
	assert_int_not_equal(to, next);
	give_list(r, to, &s);
	assert_int_equal(serve(r, &s, 9999), 1);
	assert_int_equal(rig_status(r).counters.sets_acquired, 1);
	rig_close(r);
	set_close(&s);
	set_close(&other);
}

/* A blob that is no transaction, under its own true id: the validator who named it is to blame,
 * not the peer who delivers it. */
static void a_set_with_a_blob_that_is_no_transaction(void **state)
{
	struct tx **txs = mem_alloc(2 * sizeof(struct tx *));
	struct payment p = {.from = 1, .to = 2, .seq = 1};
	struct tx *good = wallet_pay(&p);
	uint8_t junk[50] = {7};
	struct rig *r = bench();
	struct set s;
	struct msg m;
	uint32_t to;

	(void)state;
	txs[0] = good;
	txs[1] = mem_zalloc(1, sizeof(struct tx));
	txs[1]->refs = 1;
	txs[1]->blob = bytes_of(junk, sizeof(junk));
	tx_id(&txs[1]->id, txs[1]->blob);
	s = set_of(txs, 2);
	propose(r, 1, &s.id, 0);
	assert_true(rig_heard(r, MSG_GET_SET, 0, 0, &m, &to));
	rig_forget(r);
	give_list(r, to, &s);
	serve(r, &s, 9999);
	assert_null(r->dropped[to]);
	assert_int_equal(rig_status(r).counters.sets_acquired, 0);
	rig_forget(r);
	propose(r, 2, &s.id, 0); /* named again: known to be worth nothing */
	rig_run(r, 2000);
	assert_int_equal(rig_count(r, MSG_GET_SET, 0) + rig_count(r, MSG_GET_TXS, 0), 0);
	rig_close(r);
	tx_unref(good);
	for (to = 0; to < 2; to++)
		if (txs[to] != good)
			mem_free(txs[to]);
	mem_free(s.txs);
	mem_free(s.ids);
}

static void a_bad_signature_in_a_set_is_not_the_deliverers_fault(void **state)
{
	struct payment p = {.from = 1, .to = 2, .seq = 1, .bad_signature = true};
	struct tx **txs = mem_alloc(sizeof(struct tx *));
	struct rig *r = bench();
	struct set s;
	struct msg m;
	uint32_t to;

	(void)state;
	txs[0] = wallet_pay(&p);
	s = set_of(txs, 1);
	propose(r, 1, &s.id, 0);
	assert_true(rig_heard(r, MSG_GET_SET, 0, 0, &m, &to));
	rig_forget(r);
	give_list(r, to, &s);
	serve(r, &s, 9999);
	rig_run(r, 10);
	assert_int_equal(rig_status(r).counters.tx_bad_signature, 1);
	assert_null(r->dropped[to]);
	rig_close(r);
	set_close(&s);
}

static void a_set_that_failed_is_asked_for_when_named_again(void **state)
{
	struct set s = payments(3, 0);
	struct rig *r = bench();
	struct msg m;
	uint32_t to;

	(void)state;
	propose(r, 1, &s.id, 0);
	rig_run(r, 9000); /* nobody answers: it fails */
	rig_forget(r);
	rig_run(r, 3000);
	assert_int_equal(rig_count(r, MSG_GET_SET, 0), 0);
	propose(r, 2, &s.id, 0);
	assert_true(rig_heard(r, MSG_GET_SET, 0, 0, &m, &to));
	rig_forget(r);
	give_list(r, to, &s);
	serve(r, &s, 9999);
	assert_int_equal(rig_status(r).counters.sets_acquired, 1);
	rig_close(r);
	set_close(&s);
}

static void a_set_of_too_many_bytes_is_given_up(void **state)
{
	struct set s = payments(80, 120000);
	struct rig *r = bench();
	struct msg m;
	uint32_t to;

	(void)state;
	propose(r, 1, &s.id, 0);
	assert_true(rig_heard(r, MSG_GET_SET, 0, 0, &m, &to));
	rig_forget(r);
	give_list(r, to, &s);
	assert_in_range(serve(r, &s, 9999), 2, 12);
	assert_int_equal(rig_status(r).counters.sets_acquired, 0);
	assert_null(r->dropped[to]);
	rig_close(r);
	set_close(&s);
}

static void serving_is_bounded(void **state)
{
	struct set s = payments(3000, 600);
	struct rig *r = bench();
	struct msg m, ask = {.type = MSG_GET_TXS}, list = {.type = MSG_GET_SET};
	uint32_t to, i;

	(void)state;
	propose(r, 1, &s.id, 0);
	assert_true(rig_heard(r, MSG_GET_SET, 0, 0, &m, &to));
	rig_forget(r);
	give_list(r, to, &s);
	serve(r, &s, 9999);
	assert_int_equal(rig_status(r).counters.sets_acquired, 1);
	rig_run(r, 1);
	rig_forget(r);
	list.set.id = s.id;
	rig_hear_msg(r, 2, &list);
	assert_true(rig_heard(r, MSG_SET, 2, 0, &m, NULL));
	assert_int_equal(m.set.ids.n, s.n);
	ask.get_txs.set = s.id;
	ask.get_txs.ids = (struct msg_hashes){.v = s.ids, .n = 2048};
	rig_hear_msg(r, 2, &ask);
	assert_true(rig_heard(r, MSG_TX_DATA, 2, 0, &m, NULL));
	assert_in_range(m.txs.n, 900, 2047); /* as much as a frame takes */
	for (i = 0; i < 40; i++)
		rig_hear_msg(r, 2, &ask); /* a flood: an allowance, then NAK */
	assert_true(rig_heard(r, MSG_NAK, 2, 0, &m, NULL));
	assert_int_equal(m.nak.reason, NAK_BUSY);
	assert_in_range(rig_count(r, MSG_TX_DATA, 2), 10, 25);
	rig_hear_msg(r, 3, &ask); /* others have theirs */
	assert_int_equal(rig_count(r, MSG_TX_DATA, 3), 1);
	rig_run(r, 1000);
	rig_forget(r);
	rig_hear_msg(r, 2, &ask);
	assert_int_equal(rig_count(r, MSG_TX_DATA, 2), 1);
	list.set.id.b[0] ^= 1;
	rig_hear_msg(r, 2, &list);
	assert_true(rig_heard(r, MSG_NAK, 2, 0, &m, NULL));
	assert_int_equal(m.nak.reason, NAK_UNKNOWN);
	rig_close(r);
	set_close(&s);
}

/* One validator that names ever new sets: what is kept stays bounded, the round goes on. */
static void sets_of_a_spammer_are_bounded(void **state)
{
	struct rig *r = bench();
	struct hash256 id = {{1}};
	uint32_t i;

	(void)state;
	for (i = 0; i < 3000; i++) {
		id.b[1] = (uint8_t)i;
		id.b[2] = (uint8_t)(i >> 8);
		propose(r, 1, &id, i);
		if (i % 100 == 0)
			rig_run(r, 50);
	}
	assert_in_range(rig_status(r).counters.proposals_in, 32, 100);
	assert_null(r->dropped[1]);
	rig_run(r, 20000);
	rig_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_large_set_comes_in_pieces),
	    cmocka_unit_test(who_does_not_deliver_is_passed_over),
	    cmocka_unit_test(a_set_with_a_blob_that_is_no_transaction),
	    cmocka_unit_test(a_bad_signature_in_a_set_is_not_the_deliverers_fault),
	    cmocka_unit_test(a_set_that_failed_is_asked_for_when_named_again),
	    cmocka_unit_test(a_set_of_too_many_bytes_is_given_up),
	    cmocka_unit_test(serving_is_bounded),
	    cmocka_unit_test(sets_of_a_spammer_are_bounded),
	};

	bench_setup();
	return cmocka_run_group_tests_name("sets", tests, NULL, NULL);
}
