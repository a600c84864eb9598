/* SPDX-License-Identifier: ISC */
#include "cluster.h"
#include "node/manifests.h"
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Validators with master keys and signing keys that change, UNLs that change, UNLs that differ, and
 * clocks that are wrong. */

#define OLD 0   /* signing keys: the first of each validator, */
#define NEW 100 /* and the one that follows it */

static struct secret_key *master_key(uint32_t i)
{
	struct secret_key *key;
	struct seed seed = {{0}};

	seed.b[0] = (uint8_t)(i + 1);
	seed.b[1] = 'm';
	assert_int_equal(secret_key_of_node_seed(&key, NULL, KEY_ED25519, &seed), ERR_NONE);
	return key;
}

static struct public_key master_of(uint32_t i)
{
	struct secret_key *key = master_key(i);
	struct public_key pub = *secret_key_public(key);

	secret_key_close(key);
	return pub;
}

/* The manifest of validator i: its key OLD or NEW; seq 0 revokes. */
static void manifest_of(struct buf *out, uint32_t i, uint32_t which, uint32_t seq)
{
	struct secret_key *master = master_key(i);
	struct secret_key *signing = validator_key(i + which, NULL);

	buf_clear(out);
	manifest_make(out, master, seq ? signing : NULL, seq, NULL);
	secret_key_close(master);
	secret_key_close(signing);
}

/* What the nodes of a cluster are opened with. */
struct setup {
	struct public_key unl[CLUSTER_MAX]; /* masters */
	uint32_t n;
	struct buf manifest[CLUSTER_MAX];
	struct secret_key *rotated[CLUSTER_MAX]; /* NULL: the first key */
	bool unsafe;
	bool apart; /* S1: the first three trust 0 to 4, the others 2 to 6 */
};

static void tune(struct node_config *c, uint32_t i, void *ctx)
{
	struct setup *s = ctx;

	c->unl = s->unl;
	c->unl_n = s->n;
	if (s->apart) {
		c->unl += i < 3 ? 0 : 2;
		c->unl_n = 5;
	}
	c->manifest = buf_bytes(&s->manifest[i]);
	if (s->rotated[i])
		c->validator = s->rotated[i];
	c->unsafe_overlap = s->unsafe;
}

static void setup_init(struct setup *s, uint32_t n, uint32_t in_unl)
{
	uint32_t i;

	*s = (struct setup){.n = in_unl};
	for (i = 0; i < n; i++) {
		s->unl[i] = master_of(i);
		manifest_of(&s->manifest[i], i, OLD, 1);
	}
}

static void setup_close(struct setup *s)
{
	uint32_t i;

	for (i = 0; i < CLUSTER_MAX; i++) {
		buf_close(&s->manifest[i]);
		secret_key_close(s->rotated[i]);
	}
}

static struct cluster *open_with(struct setup *s, uint32_t n, uint64_t seed)
{
	struct cluster_options o = {.validators = n,
				    .delay_ms = 5,
				    .accounts = 10,
				    .seed = seed,
				    .tune = tune,
				    .tune_ctx = s};

	return cluster_open(&o);
}

static struct node_status status_of(struct cluster *c, uint32_t i)
{
	struct node_status s;
	struct now now = {.steady = {0}};

	node_get_status(cluster_node(c, i), now, &s);
	return s;
}

static uint32_t progress(struct cluster *c, uint32_t i, uint32_t ms)
{
	uint32_t was = cluster_validated(c, i);

	cluster_run_ms(c, ms);
	return cluster_validated(c, i) - was;
}

/* ---- signing keys ---- */

static void tokens_validate(void **state)
{
	struct setup s;
	struct cluster *c;
	uint32_t i;

	(void)state;
	setup_init(&s, 5, 5);
	c = open_with(&s, 5, 41);
	cluster_run_ms(c, 15000);
	for (i = 0; i < 5; i++) {
		struct node_status st = status_of(c, i);
		const struct manifest *m = node_manifest(cluster_node(c, 0), &s.unl[i]);

		assert_true(cluster_validated(c, i) > 3);
		assert_int_equal(st.unl_n, 5);
		assert_int_equal(public_key_cmp(&st.validator_master, &s.unl[i]), 0);
		assert_non_null(m);
		assert_int_equal(m->seq, 1);
		assert_int_equal(public_key_cmp(&m->signing, &st.validator_key), 0);
	}
	cluster_expect_agreement(c);
	cluster_close(c);
	setup_close(&s);
}

/* The network needs the one that has rotated: another one is down. */
static void a_rotated_key_counts_at_once(void **state)
{
	struct setup s;
	struct cluster *c;

	(void)state;
	setup_init(&s, 5, 5);
	c = open_with(&s, 5, 42);
	cluster_run_ms(c, 10000);
	cluster_kill(c, 0);
	manifest_of(&s.manifest[0], 0, NEW, 2);
	s.rotated[0] = validator_key(NEW, NULL);
	cluster_restart(c, 0);
	cluster_run_ms(c, 3000);
	cluster_kill(c, 1);
	assert_true(progress(c, 2, 15000) > 2);
	assert_int_equal(node_manifest(cluster_node(c, 3), &s.unl[0])->seq, 2);
	assert_false(status_of(c, 0).key_replaced);
	assert_int_equal(status_of(c, 0).state, NODE_PROPOSING);
	cluster_expect_agreement(c);
	cluster_close(c);
	setup_close(&s);
}

/* The old process runs on when its master has named another key: it notices and is silent. */
static void an_old_key_counts_no_more(void **state)
{
	struct buf m = BUF_INIT;
	struct setup s;
	struct cluster *c;

	(void)state;
	setup_init(&s, 5, 5);
	c = open_with(&s, 5, 43);
	cluster_run_ms(c, 10000);
	manifest_of(&m, 0, NEW, 2);
	cluster_manifest(c, 3, buf_bytes(&m));
	assert_true(progress(c, 2, 15000) > 2);
	assert_true(status_of(c, 0).key_replaced);
	assert_int_equal(status_of(c, 0).state, NODE_FULL);
	cluster_kill(c, 1);
	cluster_run_ms(c, 5000);
	assert_int_equal(progress(c, 2, 10000), 0); /* three are not four */
	/* an older manifest, again, changes nothing */
	manifest_of(&m, 0, OLD, 1);
	cluster_manifest(c, 3, buf_bytes(&m));
	assert_int_equal(progress(c, 2, 10000), 0);
	buf_close(&m);
	cluster_close(c);
	setup_close(&s);
}

static void a_revoked_master_leaves_the_unl(void **state)
{
	struct buf m = BUF_INIT;
	struct setup s;
	struct cluster *c;
	uint32_t i;

	(void)state;
	setup_init(&s, 5, 5);
	c = open_with(&s, 5, 44);
	cluster_run_ms(c, 10000);
	manifest_of(&m, 0, OLD, 0);
	cluster_manifest(c, 3, buf_bytes(&m));
	cluster_run_ms(c, 8000);
	assert_true(status_of(c, 0).key_replaced);
	for (i = 1; i < 5; i++)
		assert_int_equal(status_of(c, i).unl_n, 4);
	assert_true(progress(c, 2, 10000) > 1);
	manifest_of(&m, 0, NEW, 7); /* nothing brings it back */
	cluster_manifest(c, 3, buf_bytes(&m));
	cluster_run_ms(c, 5000);
	assert_int_equal(status_of(c, 3).unl_n, 4);
	cluster_expect_agreement(c);
	buf_close(&m);
	cluster_close(c);
	setup_close(&s);
}

/* Rotated between two lives: what the journal says was signed with the old key binds the new one.
 * The watch fails the test when one key, and the chain when one validator, says two things. */
static void the_journal_binds_the_next_key(void **state)
{
	struct setup s;
	struct cluster *c;
	uint32_t i, k;

	(void)state;
	setup_init(&s, 5, 5);
	c = open_with(&s, 5, 45);
	cluster_run_ms(c, 8000);
	for (i = 0; i < 5; i++)
		cluster_hold_commits(c, i, true);
	cluster_run_ms(c, 4000);
	for (i = 0; i < 5; i++)
		cluster_kill(c, i);
	for (i = 0; i < 5; i++) {
		cluster_hold_commits(c, i, false);
		manifest_of(&s.manifest[i], i, NEW, 2);
		s.rotated[i] = validator_key(NEW + i, NULL);
		cluster_restart(c, i);
	}
	cluster_run_ms(c, 20000);
	for (k = 0; k < 5; k++)
		assert_true(progress(c, k, 4000) > 0);
	cluster_expect_agreement(c);
	cluster_close(c);
	setup_close(&s);
}

/* ---- another UNL while the network runs ---- */

static void the_unl_changes_while_rounds_go_on(void **state)
{
	struct setup s;
	struct cluster *c;
	uint32_t i;

	(void)state;
	setup_init(&s, 6, 5);
	c = open_with(&s, 6, 46); /* the sixth has a key and is not listed */
	cluster_run_ms(c, 10000);
	assert_int_equal(status_of(c, 5).state, NODE_FULL);
	for (i = 0; i < 6; i++)
		cluster_unl(c, i, s.unl, 6, false);
	cluster_run_ms(c, 8000);
	for (i = 0; i < 6; i++)
		assert_int_equal(status_of(c, i).unl_n, 6);
	cluster_kill(c, 0); /* five of six: the sixth is needed */
	assert_true(progress(c, 1, 15000) > 2);
	assert_int_equal(status_of(c, 5).state, NODE_PROPOSING);
	for (i = 1; i < 6; i++)
		cluster_unl(c, i, s.unl + 1, 4, false);
	cluster_run_ms(c, 8000);
	assert_int_equal(status_of(c, 1).quorum, 4);
	assert_int_equal(status_of(c, 5).state, NODE_FULL);
	assert_true(progress(c, 1, 10000) > 2);
	cluster_expect_agreement(c);
	cluster_close(c);
	setup_close(&s);
}

static void expired_lists_validate_nothing(void **state)
{
	struct setup s;
	struct cluster *c;
	uint32_t i;

	(void)state;
	setup_init(&s, 5, 5);
	c = open_with(&s, 5, 47);
	cluster_run_ms(c, 10000);
	for (i = 0; i < 5; i++)
		cluster_unl(c, i, NULL, 0, true);
	cluster_run_ms(c, 1000);
	assert_true(status_of(c, 0).unl_blocked);
	assert_int_equal(progress(c, 0, 15000), 0);
	for (i = 0; i < 5; i++)
		cluster_unl(c, i, s.unl, 5, false);
	cluster_run_ms(c, 15000);
	assert_false(status_of(c, 0).unl_blocked);
	assert_true(progress(c, 0, 15000) > 2);
	cluster_expect_agreement(c);
	cluster_close(c);
	setup_close(&s);
}

/* A node that begins without any list waits for the first. */
static void the_first_list_comes_late(void **state)
{
	struct setup s;
	struct cluster *c;
	uint32_t i;

	(void)state;
	setup_init(&s, 5, 0);
	c = open_with(&s, 5, 48);
	cluster_run_ms(c, 5000);
	assert_int_equal(status_of(c, 0).unl_n, 0);
	for (i = 0; i < 5; i++)
		cluster_unl(c, i, s.unl, 5, false);
	cluster_run_ms(c, 15000);
	for (i = 0; i < 5; i++)
		assert_true(cluster_validated(c, i) > 3);
	cluster_expect_agreement(c);
	cluster_close(c);
	setup_close(&s);
}

/* ---- UNLs that differ ---- */

static int key_cmp(const void *a, const void *b)
{
	return public_key_cmp(a, b);
}

static void safe_overlap(void **state)
{
	static const struct {
		uint32_t a, b, shared;
		bool safe;
	} rows[] = {{5, 5, 5, true},    {5, 5, 4, false},   {5, 6, 5, false},   {5, 5, 3, false},
		    {10, 11, 10, true}, {10, 10, 9, false}, {35, 35, 32, true}, {35, 35, 31, false},
		    {1, 1, 1, true},    {1, 1, 0, false}};
	struct public_key a[40], b[40];
	size_t k;
	uint32_t i;

	(void)state;
	for (k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		memset(a, 0, sizeof(a));
		memset(b, 0, sizeof(b));
		for (i = 0; i < rows[k].a; i++)
			a[i].b[1] = (uint8_t)(i + 1);
		for (i = 0; i < rows[k].b; i++)
			b[i].b[1] = (uint8_t)(i < rows[k].shared ? i + 1 : 100 + i);
		assert_int_equal(node_unl_apart(a, rows[k].a, b, rows[k].b),
				 rows[k].a + rows[k].b - 2 * rows[k].shared);
		assert_int_equal(node_unl_safe(a, rows[k].a, b, rows[k].b), rows[k].safe);
		assert_int_equal(node_unl_safe(b, rows[k].b, a, rows[k].a), rows[k].safe);
	}
}

/* S1: 0 to 2 trust {0..4}, the others {2..6}: refused by every one of them. */
static void s1_is_refused(void **state)
{
	struct setup s;
	struct cluster *c;
	uint32_t i;

	(void)state;
	setup_init(&s, 7, 7);
	qsort(s.unl, 7, sizeof(s.unl[0]), key_cmp);
	s.apart = true;
	for (i = 0; i < 7; i++) { /* the places of S1 are those in the order of the keys */
		uint32_t k = 0;
		struct public_key m;

		while (m = master_of(k), public_key_cmp(&m, &s.unl[i]))
			k++;
		manifest_of(&s.manifest[i], k, OLD, 1);
		s.rotated[i] = validator_key(k, NULL);
	}
	c = open_with(&s, 7, 49);
	cluster_run_ms(c, 40000);
	for (i = 0; i < 7; i++) {
		struct node_status st = status_of(c, i);

		assert_true(cluster_validated(c, i) <= 2);
		assert_true(st.overlap_unsafe && st.unl_unsafe > 0);
		assert_false(st.overlap_overridden);
	}
	cluster_close(c);
	s.unsafe = true; /* overridden aloud: they validate, and it is shown */
	c = open_with(&s, 7, 49);
	cluster_run_ms(c, 40000);
	assert_true(cluster_validated(c, 0) > 3);
	assert_true(status_of(c, 0).overlap_overridden && status_of(c, 0).unl_unsafe > 0);
	assert_false(status_of(c, 0).overlap_unsafe);
	cluster_close(c);
	setup_close(&s);
}

/* What one of five says is no reason to stop a network that works; what two say is. */
static void a_working_network_is_not_stopped_by_a_liar(void **state)
{
	struct public_key other[5];
	struct setup s;
	struct cluster *c;
	uint32_t i;

	(void)state;
	setup_init(&s, 7, 5);
	c = open_with(&s, 5, 50);
	cluster_run_ms(c, 10000);
	memcpy(other, s.unl + 2, sizeof(other));
	cluster_unl(c, 4, other, 5, false);
	assert_true(progress(c, 0, 15000) > 2);
	for (i = 0; i < 4; i++) {
		assert_int_equal(status_of(c, i).unl_unsafe, 1);
		assert_false(status_of(c, i).overlap_unsafe);
	}
	cluster_unl(c, 3, other, 5, false);
	cluster_run_ms(c, 15000);
	assert_int_equal(status_of(c, 0).unl_unsafe, 2);
	assert_false(status_of(c, 0).overlap_unsafe); /* a new list may be on its way */
	cluster_run_ms(c, 600000);
	assert_true(status_of(c, 0).overlap_unsafe);
	cluster_unl(c, 3, s.unl, 5, false);
	cluster_unl(c, 4, s.unl, 5, false);
	cluster_run_ms(c, 20000);
	assert_false(status_of(c, 0).overlap_unsafe);
	assert_true(progress(c, 0, 15000) > 2);
	cluster_expect_agreement(c);
	cluster_close(c);
	setup_close(&s);
}

/* Nor is it once validators have started again, which have voted in it before. */
static void a_liar_does_not_stop_those_that_start_again(void **state)
{
	struct public_key other[5];
	struct setup s;
	struct cluster *c;
	uint32_t i;

	(void)state;
	setup_init(&s, 7, 5);
	c = open_with(&s, 5, 51);
	cluster_run_ms(c, 10000);
	memcpy(other, s.unl + 2, sizeof(other));
	cluster_unl(c, 4, other, 5, false);
	cluster_run_ms(c, 5000);
	for (i = 0; i < 4; i++) {
		cluster_kill(c, i);
		cluster_run_ms(c, i % 2 ? 20000 : 1000);
		cluster_restart(c, i);
		cluster_run_ms(c, 15000);
	}
	cluster_kill(c, 4); /* now each of the others is needed */
	assert_true(progress(c, 0, 20000) > 2);
	for (i = 0; i < 4; i++)
		assert_false(status_of(c, i).overlap_unsafe);
	cluster_close(c);
	setup_close(&s);
}

/* ---- clocks ---- */

static void a_wrong_clock_stops_its_validator_alone(void **state)
{
	static const int64_t skews[] = {3600, -3600, 15, -15};
	uint32_t k;

	(void)state;
	for (k = 0; k < sizeof(skews) / sizeof(skews[0]); k++) {
		struct cluster_options o = {
		    .validators = 5, .delay_ms = 5, .accounts = 10, .seed = 51 + k};
		struct cluster *c = cluster_open(&o);

		cluster_run_ms(c, 10000);
		cluster_skew(c, 0, skews[k]);
		cluster_run_ms(c, 45000);
		assert_true(status_of(c, 0).clock_off);
		assert_false(status_of(c, 1).clock_off);
		assert_in_range(status_of(c, 0).clock_offset_s + skews[k] + 3, 0, 6);
		assert_true(progress(c, 1, 10000) > 2);
		cluster_skew(c, 0, 0);
		cluster_run_ms(c, 60000);
		assert_false(status_of(c, 0).clock_off);
		assert_int_equal(status_of(c, 0).state, NODE_PROPOSING);
		cluster_expect_agreement(c);
		cluster_close(c);
	}
}

/* Two of five are no more than the quorum lacks: nobody validates, so nothing tells them that their
 * clocks have been set. */
static void clocks_that_stop_the_network_stop_it_no_longer_than_they_are_wrong(void **state)
{
	struct cluster_options o = {.validators = 5, .delay_ms = 5, .accounts = 10, .seed = 57};
	struct cluster *c = cluster_open(&o);

	(void)state;
	cluster_run_ms(c, 10000);
	cluster_skew(c, 0, 100);
	cluster_skew(c, 1, -100);
	cluster_run_ms(c, 120000);
	cluster_skew(c, 0, 0);
	cluster_skew(c, 1, 0);
	assert_true(progress(c, 2, 60000) > 2);
	assert_false(status_of(c, 0).clock_off);
	assert_false(status_of(c, 1).clock_off);
	cluster_expect_agreement(c);
	cluster_close(c);
}

static void a_clock_a_little_off_is_only_told(void **state)
{
	struct cluster_options o = {.validators = 5, .delay_ms = 5, .accounts = 10, .seed = 55};
	struct cluster *c = cluster_open(&o);

	(void)state;
	cluster_skew(c, 0, 7);
	cluster_run_ms(c, 60000);
	assert_false(status_of(c, 0).clock_off);
	assert_true(status_of(c, 0).clock_known);
	assert_in_range(-status_of(c, 0).clock_offset_s, 5, 9);
	assert_int_equal(status_of(c, 0).state, NODE_PROPOSING);
	cluster_close(c);
}

/* What they have said before the pause comes again and looks old: that is no clock's fault. */
static void all_come_back_after_a_long_pause(void **state)
{
	struct cluster_options o = {.validators = 5, .delay_ms = 5, .accounts = 10, .seed = 56};
	struct cluster *c = cluster_open(&o);
	uint32_t i;

	(void)state;
	cluster_run_ms(c, 10000);
	for (i = 0; i < 5; i++)
		cluster_kill(c, i);
	cluster_run_ms(c, 120000);
	for (i = 0; i < 5; i++)
		cluster_restart(c, i);
	cluster_run_ms(c, 20000);
	for (i = 0; i < 5; i++)
		assert_false(status_of(c, i).clock_off);
	assert_true(progress(c, 0, 15000) > 2);
	cluster_close(c);
}

/* ---- H5: a flood of manifests ---- */

static void tune_rig(struct node_config *c, void *ctx)
{
	const struct setup *s = ctx;

	c->unl = s->unl;
	c->unl_n = s->n;
	c->manifest = buf_bytes(&s->manifest[0]);
}

static void hear(struct rig *r, uint32_t peer, struct bytes manifest)
{
	struct msg m = {.type = MSG_MANIFESTS};

	m.manifests.v = &manifest;
	m.manifests.n = 1;
	rig_hear_msg(r, peer, &m);
}

static uint32_t manifests_sent(struct rig *r, uint32_t peer)
{
	uint32_t i, n = 0;
	struct msg m;

	for (i = 0; rig_heard(r, MSG_MANIFESTS, peer, i, &m, NULL); i++)
		n += m.manifests.n;
	return n;
}

/* So many strangers' manifests from peer 1, 300 a second. */
static void flood(struct rig *r, uint32_t n)
{
	struct buf m = BUF_INIT;

	for (uint32_t i = 0; i < n; i++) {
		struct secret_key *key, *master;
		struct seed seed = {{0}};

		store_be32(seed.b, 1000 + i);
		seed.b[9] = 1;
		assert_int_equal(secret_key_of_node_seed(&master, NULL, KEY_ED25519, &seed),
				 ERR_NONE);
		seed.b[9] = 2;
		assert_int_equal(secret_key_of_node_seed(&key, NULL, KEY_ED25519, &seed), ERR_NONE);
		buf_clear(&m);
		manifest_make(&m, master, key, 1, NULL);
		hear(r, 1, buf_bytes(&m));
		secret_key_close(key);
		secret_key_close(master);
		if (i % 300 == 299)
			rig_run(r, 1000);
	}
	buf_close(&m);
}

static void h5_a_flood_of_manifests(void **state)
{
	struct rig_options o = {.validators = 5, .accounts = 2, .tune = tune_rig};
	struct buf m = BUF_INIT;
	struct setup s;
	struct rig *r;
	uint32_t i;

	(void)state;
	setup_init(&s, 5, 5);
	o.tune_ctx = &s;
	r = rig_open(&o);
	rig_peer_up(r, 1);
	rig_peer_up(r, 2);
	rig_forget(r);
	flood(r, 3000);
	assert_null(r->dropped[1]);
	/* what is passed on is bounded by the budget: the burst and ten seconds of it */
	assert_in_range(manifests_sent(r, 2), 50, 100 + 12 * 20);
	rig_forget(r);
	/* those of members have a budget of their own, and are passed on at once */
	manifest_of(&m, 3, OLD, 1);
	hear(r, 1, buf_bytes(&m));
	assert_int_equal(manifests_sent(r, 2), 1);
	assert_non_null(node_manifest(r->node, &s.unl[3]));
	rig_forget(r);
	/* a peer that connects anew gets the members' only, again and again */
	for (i = 0; i < 5; i++) {
		rig_peer_down(r, 2);
		rig_peer_up(r, 2);
		assert_int_equal(manifests_sent(r, 2), 2 * (i + 1));
	}
	/* known ones and stale ones cost nothing and go nowhere */
	rig_forget(r);
	for (i = 0; i < 100; i++)
		hear(r, 1, buf_bytes(&m));
	assert_int_equal(manifests_sent(r, 2), 0);
	/* nor is one member's worth more than a few at once; its revocation always is */
	for (i = 2; i < 200; i++) {
		manifest_of(&m, 3, OLD, i);
		hear(r, 1, buf_bytes(&m));
	}
	assert_int_equal(manifests_sent(r, 2), MANIFESTS_OF_ONE);
	rig_run(r, 60000);
	rig_forget(r);
	/* a forged one is the end of its sender */
	manifest_of(&m, 3, OLD, 300);
	m.p[m.n - 1] ^= 1;
	hear(r, 1, buf_bytes(&m));
	assert_non_null(r->dropped[1]);
	assert_int_equal(node_manifest(r->node, &s.unl[3])->seq, 1 + MANIFESTS_OF_ONE);
	for (i = 301; i < 320; i++) {
		manifest_of(&m, 3, OLD, i);
		hear(r, 2, buf_bytes(&m));
	}
	manifest_of(&m, 3, OLD, 0);
	hear(r, 2, buf_bytes(&m));
	assert_true(manifest_revokes(node_manifest(r->node, &s.unl[3])));
	rig_close(r);
	buf_close(&m);
	setup_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tokens_validate),
	    cmocka_unit_test(a_rotated_key_counts_at_once),
	    cmocka_unit_test(an_old_key_counts_no_more),
	    cmocka_unit_test(a_revoked_master_leaves_the_unl),
	    cmocka_unit_test(the_journal_binds_the_next_key),
	    cmocka_unit_test(the_unl_changes_while_rounds_go_on),
	    cmocka_unit_test(expired_lists_validate_nothing),
	    cmocka_unit_test(the_first_list_comes_late),
	    cmocka_unit_test(safe_overlap),
	    cmocka_unit_test(s1_is_refused),
	    cmocka_unit_test(a_working_network_is_not_stopped_by_a_liar),
	    cmocka_unit_test(a_liar_does_not_stop_those_that_start_again),
	    cmocka_unit_test(a_wrong_clock_stops_its_validator_alone),
	    cmocka_unit_test(clocks_that_stop_the_network_stop_it_no_longer_than_they_are_wrong),
	    cmocka_unit_test(a_clock_a_little_off_is_only_told),
	    cmocka_unit_test(all_come_back_after_a_long_pause),
	    cmocka_unit_test(h5_a_flood_of_manifests),
	};

	bench_setup();
	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
