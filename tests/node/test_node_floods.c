/* SPDX-License-Identifier: ISC */
#include "codec/manifest.h"
#include "rig.h"
#include "tests/net/msgs.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* One peer sends nothing but messages of one type, at the rate that wire.def permits, for twenty
 * seconds: what it leaves behind is at most what wire.def says, whoever sends wrong ones goes, and
 * the others are heard as before. Every type of the table is tried; where honest-looking contents
 * get further than drawn ones, they are made. */

#define SECONDS      20
#define MESSAGES_MAX 6000
#define BYTES_MAX    (96u << 20) /* of one flood */
#define SLACK_BYTES  (1u << 20)  /* of the rig, and of tables that grow once */
#define RETURNS_MAX  100         /* then the peer has understood */
#define FLOODER      1
#define OTHER        2
#define ACCOUNTS     8

struct flood {
	struct rig *r;
	struct rng rng;
	struct arena arena;
	struct buf text; /* what a message points to */
	uint32_t i, drops;
};

static void make_payments(struct flood *f, struct msg *m)
{
	struct payment p = {.from = f->i % (2 * ACCOUNTS), /* one half of them do not exist */
			    .to = (f->i + 1) % ACCOUNTS,
			    .seq = 2 + f->i / (2 * ACCOUNTS),
			    .memo = 900};
	struct tx *t = wallet_pay(&p);

	m->txs.n = 1;
	m->txs.v = arena_alloc(&f->arena, sizeof(*m->txs.v));
	m->txs.v[0] = bytes_of(arena_copy(&f->arena, t->blob.p, t->blob.n), t->blob.n);
	tx_unref(t);
}

static struct wire_frame *make_proposal(const struct flood *f)
{
	struct cons_position p = {
	    .prev = node_closed(f->r->node)->hash, .seq = f->i, .close = {800000010}};

	store_be32(p.set.b, f->i);
	return validator_proposal(FLOODER, &p);
}

static struct wire_frame *make_validation(const struct flood *f)
{
	struct cons_validation v = {
	    .seq = 3 + f->i / 2, .signed_at = {800000000 + f->i}, .full = true};

	store_be32(v.ledger.b, f->i);
	return validator_validation(FLOODER, &v, f->i);
}

static void make_manifests(struct flood *f, struct msg *m)
{
	struct secret_key *key, *master;
	struct seed seed = {{0}};

	store_be32(seed.b, 5000 + f->i);
	seed.b[9] = 1;
	assert_int_equal(secret_key_of_node_seed(&master, NULL, KEY_ED25519, &seed), ERR_NONE);
	seed.b[9] = 2;
	assert_int_equal(secret_key_of_node_seed(&key, NULL, KEY_ED25519, &seed), ERR_NONE);
	buf_clear(&f->text);
	manifest_make(&f->text, master, key, 1, NULL);
	m->manifests.n = 1;
	m->manifests.v = arena_alloc(&f->arena, sizeof(*m->manifests.v));
	m->manifests.v[0] = buf_bytes(&f->text);
	secret_key_close(key);
	secret_key_close(master);
}

/* A validator of the UNL that changes its mind about its own all the time. */
static void make_trust(struct flood *f, struct msg *m)
{
	struct secret_key *key = validator_key(FLOODER, &m->trust.key);
	uint8_t *members = arena_zalloc(&f->arena, 256, WIRE_KEY_BYTES);
	uint8_t *signature = arena_alloc(&f->arena, SIGNATURE_MAX);
	struct buf payload = BUF_INIT;

	for (uint32_t k = 0; k < 256; k++) {
		members[k * WIRE_KEY_BYTES] = 0xED;
		store_be32(members + k * WIRE_KEY_BYTES + 1, f->i + k);
	}
	m->trust.at.s = 800000000 + f->i;
	m->trust.members = bytes_of(members, (size_t)256 * WIRE_KEY_BYTES);
	trust_payload(&payload, WALLET_NETWORK, m);
	m->trust.signature = bytes_of(signature,
				      signature_make(key, buf_bytes(&payload), signature));
	buf_close(&payload);
	secret_key_close(key);
}

/* Requests for what is really there, so that they are answered. */
static void make_request(const struct flood *f, struct msg *m)
{
	m->get_ledger.hash = node_closed(f->r->node)->hash;
	m->get_ledger.seq = 0;
	m->get_ledger.from = 0;
}

static struct wire_frame *make(struct flood *f, enum msg_type t)
{
	struct msg m = {.type = t};

	if (t == MSG_PROPOSAL)
		return make_proposal(f);
	if (t == MSG_VALIDATION)
		return make_validation(f);
	if (t == MSG_TXS)
		make_payments(f, &m);
	else if (t == MSG_MANIFESTS)
		make_manifests(f, &m);
	else if (t == MSG_TRUST)
		make_trust(f, &m);
	else if (t == MSG_GET_LEDGER || t == MSG_GET_PAST)
		make_request(f, &m);
	else if (f->i % 50 == 0) /* as large as they may be */
		msg_make(&m, t, &f->arena, &f->rng, msg_count_max(t), 60);
	else
		msg_draw(&m, t, &f->arena, &f->rng);
	return wire_encode(&m);
}

static size_t in_use(void)
{
	return mallinfo2().uordblks;
}

/* One message, then its share of a second. A flooder that was dropped comes back. */
static uint32_t send_one(struct flood *f, enum msg_type t, uint32_t per_second)
{
	struct wire_frame *frame = make(f, t);
	uint32_t n = frame->n;

	rig_hear(f->r, FLOODER, frame);
	if (f->r->dropped[FLOODER]) {
		f->drops++;
		f->r->dropped[FLOODER] = NULL;
		rig_peer_down(f->r, FLOODER);
		rig_peer_up(f->r, FLOODER);
	}
	if (per_second < 100 || f->i % (per_second / 100) == 0)
		rig_run(f->r, per_second < 100 ? 1000 / per_second : 10);
	if (f->i % 100 == 0)
		rig_forget(f->r);
	arena_reset(&f->arena);
	f->i++;
	return n;
}

static struct rig *quiet_rig(void)
{
	struct rig_options o = {.validators = 5, .accounts = ACCOUNTS};
	struct rig *r = rig_open(&o);

	rig_peer_up(r, FLOODER);
	rig_peer_up(r, OTHER);
	rig_run(r, 1000);
	rig_forget(r);
	return r;
}

static void expect_heard(struct rig *r)
{
	struct cons_position p = {
	    .prev = node_closed(r->node)->hash, .seq = 1, .close = {800000010}};

	assert_null(r->dropped[OTHER]);
	rig_forget(r);
	rig_hear(r, OTHER, validator_proposal(OTHER, &p));
	assert_true(rig_count(r, MSG_PROPOSAL, 0) > 0);
	assert_null(r->dropped[OTHER]);
}

static void flood_with(enum msg_type t)
{
	struct flood f = {.r = quiet_rig(), .arena = ARENA_INIT};
	uint32_t rate = msg_per_second(t), n = rate * SECONDS, bytes = 0;
	size_t before = in_use(), left;

	rng_init(&f.rng, 77 + t);
	n = n < MESSAGES_MAX ? n : MESSAGES_MAX;
	while (f.i < n && bytes < BYTES_MAX && f.drops < RETURNS_MAX)
		bytes += send_one(&f, t, rate);
	rig_run(f.r, 100);
	rig_forget(f.r);
	arena_close(&f.arena);
	buf_close(&f.text);
	left = in_use() > before ? in_use() - before : 0;
	print_message("%-10s %5u messages, %8u bytes, %3u times dropped, %8zu bytes left of %u\n",
		      msg_type_name(t), f.i, bytes, f.drops, left, msg_kept_max(t));
	assert_true(left <= msg_kept_max(t) + SLACK_BYTES);
	expect_heard(f.r);
	rig_close(f.r);
}

static void every_type_leaves_no_more_than_it_may(void **state)
{
	(void)state;
	FOR_EACH_TYPE(t)
	if (t != MSG_PING && t != MSG_PONG && t != MSG_BYE) /* the session's own business */
		flood_with(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_type_leaves_no_more_than_it_may),
	};

	bench_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
