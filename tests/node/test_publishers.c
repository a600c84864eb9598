/* SPDX-License-Identifier: ISC */
#include "node/publishers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Signed lists: whose they are, which of them is in force when, and what follows for the UNL. */

static struct secret_key *key_of(char kind, uint32_t i, enum key_type type)
{
	struct secret_key *key;
	struct seed seed = {{0}};

	seed.b[0] = (uint8_t)kind;
	store_be32(seed.b + 1, i);
	assert_int_equal(secret_key_of_node_seed(&key, NULL, type, &seed), ERR_NONE);
	return key;
}

static struct public_key public_of(char kind, uint32_t i)
{
	struct secret_key *key = key_of(kind, i, KEY_ED25519);
	struct public_key pub = *secret_key_public(key);

	secret_key_close(key);
	return pub;
}

/* A list of publisher `who`, signed with its key number `signing` (of manifest `signing`). */
struct made {
	uint32_t who, signing, seq, from, until;
	uint32_t first, n; /* validators */
};

static void blob_of(struct list_document *d, struct arena *a, const struct made *m)
{
	struct secret_key *master = key_of('P', m->who, KEY_ED25519);
	struct secret_key *signing = key_of('s', m->who * 100 + m->signing, KEY_SECP256K1);
	struct list_entry *v = arena_zalloc(a, m->n + 1, sizeof(*v));
	struct list l = {.seq = m->seq, .effective = {m->from}, .expiration = {m->until}};
	struct list_blob *b = &d->blobs[d->n++];
	struct buf t = BUF_INIT;
	uint8_t sig[SIGNATURE_MAX];
	size_t k;
	uint32_t i;

	for (i = 0; i < m->n; i++)
		v[i].master = public_of('v', m->first + i);
	l.v = v;
	l.n = m->n;
	list_print(&t, &l);
	b->blob = bytes_of(arena_copy(a, t.p, t.n), t.n);
	k = signature_make(signing, b->blob, sig);
	b->signature = bytes_of(arena_copy(a, sig, k), k);
	buf_clear(&t);
	manifest_make(&t, master, signing, m->signing, NULL);
	b->manifest = bytes_of(arena_copy(a, t.p, t.n), t.n);
	d->manifest = b->manifest;
	buf_close(&t);
	secret_key_close(master);
	secret_key_close(signing);
}

static enum list_fate offer(struct publishers *p, uint32_t now, const struct made *m, uint32_t n)
{
	struct list_document d = {.version = n > 1 ? 2 : 1};
	struct arena a = ARENA_INIT;
	struct buf t = BUF_INIT;
	struct why why = {""};
	enum list_fate f;

	while (n--)
		blob_of(&d, &a, m++);
	list_document_print(&t, &d);
	f = publishers_offer(p, buf_bytes(&t), (struct net_time){now}, "test", &why);
	if (f >= LIST_UNTRUSTED)
		assert_true(why.text[0]);
	buf_close(&t);
	arena_close(&a);
	return f;
}

static struct publishers *open_n(uint32_t n, uint32_t threshold, uint32_t n_own)
{
	struct public_key keys[PUBLISHERS_MAX], own[8];
	struct publishers_config c = {
	    .keys = keys, .n = n, .threshold = threshold, .own = own, .n_own = n_own};
	uint32_t i;

	for (i = 0; i < n; i++)
		keys[i] = public_of('P', i);
	for (i = 0; i < n_own; i++)
		own[i] = public_of('o', i);
	return publishers_open(&c);
}

/* How many are trusted; fails the test when `blocked` is not so. */
static uint32_t unl(struct publishers *p, bool blocked)
{
	struct arena a = ARENA_INIT;
	struct publishers_unl u;
	uint32_t i;

	publishers_unl(p, &a, &u);
	assert_int_equal(u.blocked, blocked);
	for (i = 1; i < u.n; i++)
		assert_true(public_key_cmp(&u.keys[i - 1], &u.keys[i]) < 0);
	arena_close(&a);
	return u.n;
}

static void only_keys_of_our_own(void **state)
{
	struct publishers *p = open_n(0, 0, 4);
	struct net_time at;

	(void)state;
	assert_int_equal(unl(p, false), 4);
	assert_true(publishers_expire(p, &at));
	assert_int_equal(at.s, UINT32_MAX);
	publishers_close(p);
}

static void the_higher_sequence_is_in_force(void **state)
{
	struct publishers *p = open_n(1, 0, 0);
	struct made m = {.signing = 1, .seq = 5, .until = 1000, .n = 5};
	uint64_t was;

	(void)state;
	assert_int_equal(unl(p, true), 0);
	assert_int_equal(offer(p, 100, &m, 1), LIST_ACCEPTED);
	assert_int_equal(unl(p, false), 5);
	was = publishers_version(p);
	assert_int_equal(offer(p, 100, &m, 1), LIST_SAME_SEQUENCE);
	m.seq = 4;
	m.n = 3;
	assert_int_equal(offer(p, 100, &m, 1), LIST_STALE);
	assert_int_equal(publishers_version(p), was);
	assert_int_equal(unl(p, false), 5);
	m.seq = 6;
	assert_int_equal(offer(p, 100, &m, 1), LIST_ACCEPTED);
	assert_int_equal(unl(p, false), 3);
	assert_true(publishers_version(p) > was);
	publishers_close(p);
}

static void lists_expire(void **state)
{
	struct publishers *p = open_n(1, 0, 2);
	struct made m = {.signing = 1, .seq = 5, .until = 1000, .n = 5};
	struct net_time at;

	(void)state;
	assert_int_equal(unl(p, true), 2); /* our own alone do not make a quorum */
	assert_false(publishers_expire(p, &at));
	assert_int_equal(offer(p, 999, &m, 1), LIST_ACCEPTED);
	assert_true(publishers_expire(p, &at));
	assert_int_equal(at.s, 1000);
	publishers_tick(p, (struct net_time){999});
	assert_int_equal(unl(p, false), 7);
	publishers_tick(p, (struct net_time){1000});
	assert_int_equal(unl(p, true), 2);
	m.seq = 6;
	assert_int_equal(offer(p, 1000, &m, 1), LIST_EXPIRED);
	assert_int_equal(unl(p, true), 2);
	m.seq = 7;
	m.until = 2000;
	assert_int_equal(offer(p, 1000, &m, 1), LIST_ACCEPTED);
	assert_int_equal(unl(p, false), 7);
	publishers_close(p);
}

static void later_lists_wait_for_their_time(void **state)
{
	struct publishers *p = open_n(1, 0, 0);
	struct made m[] = {{.signing = 1, .seq = 1, .until = 1000, .n = 3},
			   {.signing = 1, .seq = 2, .from = 900, .until = 1900, .n = 4},
			   {.signing = 1, .seq = 3, .from = 1800, .until = 2900, .n = 5}};
	struct publisher_info info;
	struct net_time at;

	(void)state;
	assert_int_equal(offer(p, 100, m, 3), LIST_ACCEPTED);
	assert_int_equal(unl(p, false), 3);
	publishers_get(p, 0, &info);
	assert_int_equal(info.n_later, 2);
	assert_int_equal(info.version, 2);
	assert_true(publishers_expire(p, &at));
	assert_int_equal(at.s, 2900); /* one follows the other without a gap */
	assert_int_equal(offer(p, 100, m + 1, 1), LIST_KNOWN_SEQUENCE);
	publishers_tick(p, (struct net_time){900});
	assert_int_equal(unl(p, false), 4);
	publishers_tick(p, (struct net_time){2000}); /* over one that was asleep meanwhile */
	assert_int_equal(unl(p, false), 5);
	publishers_tick(p, (struct net_time){2900});
	assert_int_equal(unl(p, true), 0);
	publishers_close(p);
}

static void a_later_list_may_come_first(void **state)
{
	struct publishers *p = open_n(1, 0, 0);
	struct made m = {.signing = 1, .seq = 9, .from = 500, .until = 1900, .n = 4};

	(void)state;
	assert_int_equal(offer(p, 100, &m, 1), LIST_PENDING);
	assert_int_equal(unl(p, true), 0);
	publishers_tick(p, (struct net_time){500});
	assert_int_equal(unl(p, false), 4);
	publishers_close(p);
}

static void many_later_lists_are_bounded(void **state)
{
	struct publishers *p = open_n(1, 0, 0);
	struct made m = {.signing = 1, .until = 90000, .n = 1};
	struct publisher_info info;

	(void)state;
	for (m.seq = 1; m.seq < 40; m.seq++) {
		m.from = 1000 + m.seq;
		assert_int_equal(offer(p, 100, &m, 1), LIST_PENDING);
	}
	publishers_get(p, 0, &info);
	assert_int_equal(info.n_later, LIST_BLOBS_MAX);
	assert_int_equal(info.later[LIST_BLOBS_MAX - 1].seq, 39);
	publishers_close(p);
}

static void strangers_and_forgers(void **state)
{
	struct publishers *p = open_n(2, 0, 0);
	struct made stranger = {.who = 7, .signing = 1, .seq = 5, .until = 1000, .n = 5};
	struct made good = {.who = 1, .signing = 2, .seq = 5, .until = 1000, .n = 5};
	struct made old = {.who = 1, .signing = 1, .seq = 6, .until = 1000, .n = 1};
	struct list_document d = {.version = 1};
	struct arena a = ARENA_INIT;
	struct buf t = BUF_INIT;
	struct why why = {""};

	(void)state;
	assert_int_equal(offer(p, 100, &stranger, 1), LIST_UNTRUSTED);
	assert_int_equal(offer(p, 100, &good, 1), LIST_ACCEPTED);
	/* the publisher has gone on to another signing key: the old one signs nothing */
	assert_int_equal(offer(p, 100, &old, 1), LIST_INVALID);
	blob_of(&d, &a, &(struct made){.who = 1, .signing = 2, .seq = 8, .until = 1000, .n = 2});
	((uint8_t *)(uintptr_t)d.blobs[0].blob.p)[12] ^= 1; /* "sequence":9 */
	list_document_print(&t, &d);
	assert_int_equal(publishers_offer(p, buf_bytes(&t), (struct net_time){100}, "", &why),
			 LIST_INVALID);
	assert_int_equal(publishers_offer(p, bytes_str("{}"), (struct net_time){100}, "", &why),
			 LIST_INVALID);
	assert_int_equal(
	    publishers_offer(p, bytes_str("{\"version\":3}"), (struct net_time){100}, "", &why),
	    LIST_UNSUPPORTED);
	buf_close(&t);
	arena_close(&a);
	publishers_close(p);
}

static void a_publisher_that_revokes_its_key_is_none(void **state)
{
	struct publishers *p = open_n(1, 0, 0);
	struct made m = {.signing = 1, .seq = 5, .until = 1000, .n = 5};
	struct secret_key *master = key_of('P', 0, KEY_ED25519);
	struct list_document d = {.version = 1};
	struct arena a = ARENA_INIT;
	struct buf t = BUF_INIT, revoked = BUF_INIT;
	struct publisher_info info;

	(void)state;
	assert_int_equal(offer(p, 100, &m, 1), LIST_ACCEPTED);
	blob_of(&d, &a, &m);
	manifest_make(&revoked, master, NULL, 0, NULL);
	d.manifest = d.blobs[0].manifest = buf_bytes(&revoked);
	list_document_print(&t, &d);
	assert_int_equal(publishers_offer(p, buf_bytes(&t), (struct net_time){100}, "", NULL),
			 LIST_UNTRUSTED);
	assert_int_equal(unl(p, true), 0);
	publishers_get(p, 0, &info);
	assert_int_equal(info.status, PUBLISHER_REVOKED);
	m.seq = 6;
	m.signing = 2;
	assert_int_equal(offer(p, 100, &m, 1), LIST_UNTRUSTED);
	secret_key_close(master);
	buf_close(&t);
	buf_close(&revoked);
	arena_close(&a);
	publishers_close(p);
}

/* Of three publishers two must agree; while two have no list in force nothing is validated. */
static void several_publishers(void **state)
{
	struct publishers *p = open_n(3, 0, 0);
	struct made m[] = {{.who = 0, .signing = 1, .seq = 1, .until = 1000, .first = 0, .n = 5},
			   {.who = 1, .signing = 1, .seq = 1, .until = 2000, .first = 1, .n = 5},
			   {.who = 2, .signing = 1, .seq = 1, .until = 3000, .first = 2, .n = 5}};

	(void)state;
	assert_int_equal(publishers_threshold(p), 2);
	assert_int_equal(offer(p, 1, &m[0], 1), LIST_ACCEPTED);
	assert_int_equal(unl(p, true), 0);
	assert_int_equal(offer(p, 1, &m[1], 1), LIST_ACCEPTED);
	assert_int_equal(unl(p, false), 4); /* 1 to 4 */
	assert_int_equal(offer(p, 1, &m[2], 1), LIST_ACCEPTED);
	assert_int_equal(unl(p, false), 5); /* and 5 */
	publishers_tick(p, (struct net_time){1000});
	assert_int_equal(unl(p, false), 4); /* 2 to 5 */
	publishers_tick(p, (struct net_time){2000});
	assert_int_equal(unl(p, true), 0);
	publishers_close(p);
}

/* What is kept on disk brings the same back. */
static void what_is_printed_is_taken_again(void **state)
{
	struct publishers *p = open_n(1, 0, 0), *q = open_n(1, 0, 0);
	struct made m[] = {{.signing = 1, .seq = 1, .until = 1000, .n = 3},
			   {.signing = 1, .seq = 2, .from = 900, .until = 1900, .n = 4}};
	struct buf t = BUF_INIT;

	(void)state;
	assert_false(publishers_print(p, 0, &t));
	assert_int_equal(offer(p, 100, m, 2), LIST_ACCEPTED);
	assert_true(publishers_print(p, 0, &t));
	assert_int_equal(publishers_offer(q, buf_bytes(&t), (struct net_time){100}, "", NULL),
			 LIST_ACCEPTED);
	assert_int_equal(unl(q, false), 3);
	publishers_tick(q, (struct net_time){900});
	assert_int_equal(unl(q, false), 4);
	buf_close(&t);
	publishers_close(p);
	publishers_close(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_keys_of_our_own),
	    cmocka_unit_test(the_higher_sequence_is_in_force),
	    cmocka_unit_test(lists_expire),
	    cmocka_unit_test(later_lists_wait_for_their_time),
	    cmocka_unit_test(a_later_list_may_come_first),
	    cmocka_unit_test(many_later_lists_are_bounded),
	    cmocka_unit_test(strangers_and_forgers),
	    cmocka_unit_test(a_publisher_that_revokes_its_key_is_none),
	    cmocka_unit_test(several_publishers),
	    cmocka_unit_test(what_is_printed_is_taken_again),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests_name("publishers", tests, NULL, NULL);
}
