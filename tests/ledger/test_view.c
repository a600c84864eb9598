/* SPDX-License-Identifier: ISC */
#include "tests/codec/support.h"

#include "base/rng.h"
#include "codec/format.h"
#include "crypto/keys.h"
#include "ledger/genesis.h"
#include "ledger/view.h"

#include <stdlib.h>
#include <string.h>

/* Views: sandboxes over a ledger view over a tree, against a model that is an array; and the
 * metadata of what changed. */

enum { KEYS = 24 };

/* The model: what is under key i at each of three levels; 0 = nothing. */
struct level {
	uint32_t value[KEYS];
};

static struct keylet key_of(unsigned i)
{
	struct keylet k = {.type = ltTicket};

	memset(k.key.b, (int)(i * 11), sizeof(k.key.b));
	k.key.b[0] = (uint8_t)(i * 10);
	return k;
}

static struct rules *no_rules;

static struct view_info info_of(struct rules *rules)
{
	return (struct view_info){.seq = 77, .rules = rules, .parent_hash = {{5}}};
}

static void put(struct tree *t, struct keylet k, const struct st_object *o)
{
	struct buf b = BUF_INIT;

	st_encode(&b, o, ST_ALL);
	assert_int_equal(tree_put(t, &k.key, buf_bytes(&b)), FOUND);
	buf_close(&b);
}

static void expect_level(struct view *v, const struct level *want)
{
	for (unsigned i = 0; i < KEYS; i++) {
		const struct st_object *o;
		enum found f = view_read(v, key_of(i), &o);
		struct keylet other = key_of(i);

		other.type = ltOffer;
		assert_int_equal(view_read(v, other, &o), ABSENT);
		f = view_read(v, key_of(i), &o);
		assert_int_equal(f, want->value[i] ? FOUND : ABSENT);
		if (f == FOUND)
			assert_int_equal(st_u32_or(o, sfTicketSequence, 0), want->value[i]);
	}
}

static void expect_walk(struct view *v, const struct level *want)
{
	struct hash256 at, *after = NULL;
	unsigned i = 0;

	while (view_next(v, after, &at) == FOUND) {
		struct keylet k;

		while (i < KEYS && !want->value[i])
			i++;
		assert_true(i < KEYS);
		k = key_of(i++);
		assert_true(hash256_eq(&k.key, &at));
		after = &at;
	}
	while (i < KEYS && !want->value[i])
		i++;
	assert_int_equal(i, KEYS);
}

struct change_ctx {
	const struct level *before, *after;
	unsigned seen;
};

static bool check_change(void *ctx, const struct hash256 *key, enum view_change how,
			 const struct st_object *before, const struct st_object *after)
{
	struct change_ctx *c = ctx;
	unsigned i = key->b[0] / 10u;

	assert_int_equal(before ? st_u32_or(before, sfTicketSequence, 0) : 0, c->before->value[i]);
	assert_int_equal(after ? st_u32_or(after, sfTicketSequence, 0) : 0, c->after->value[i]);
	assert_int_equal(how == VIEW_INSERTED, !before);
	assert_int_equal(how == VIEW_ERASED, !after);
	c->seen++;
	return true;
}

static void expect_changes(struct view *v, const struct level *before, const struct level *after)
{
	struct change_ctx c = {.before = before, .after = after};
	unsigned want = 0;

	assert_true(view_each_change(v, check_change, &c));
	for (unsigned i = 0; i < KEYS; i++)
		want += before->value[i] != after->value[i];
	assert_int_equal(c.seen, want);
}

static void change(struct view *v, struct level *l, struct rng *rng)
{
	unsigned i = (unsigned)rng_below(rng, KEYS);
	uint32_t value = 1 + (uint32_t)rng_below(rng, 3);
	struct keylet k = key_of(i);
	struct st_object *o;

	if (!l->value[i]) {
		assert_int_equal(view_peek(v, k, &o), ABSENT);
		o = view_insert(v, k);
		st_set_u(o, sfTicketSequence, value);
		l->value[i] = value;
		return;
	}
	assert_int_equal(view_peek(v, k, &o), FOUND);
	switch (rng_below(rng, 4)) {
	case 0:
		view_erase(v, k);
		l->value[i] = 0;
		break;
	case 1: /* touched, not changed */
		view_update(v, k);
		break;
	default:
		st_set_u(o, sfTicketSequence, value);
		if (rng_below(rng, 2))
			st_set_u(o, sfOwnerNode, rng_next(rng));
		view_update(v, k);
		l->value[i] = value;
		break;
	}
}

static void make_base(struct tree *t, struct level *l, struct rng *rng)
{
	struct arena a = ARENA_INIT;

	tree_init_empty(t, TREE_STATE, NULL);
	for (unsigned i = 0; i < KEYS; i++) {
		struct st_object *o = st_new(&a);

		l->value[i] = (uint32_t)rng_below(rng, 3);
		if (!l->value[i])
			continue;
		st_set_u(o, sfLedgerEntryType, ltTicket);
		st_set_u(o, sfFlags, 0);
		st_set_u(o, sfTicketSequence, l->value[i]);
		put(t, key_of(i), o);
	}
	(void)tree_hash(t);
	arena_close(&a);
}

/* Levels: 0 tree, 1 ledger view, 2 sandbox, 3 sandbox over it. */
static void run_model(uint64_t seed)
{
	struct level level[4] = {0};
	struct view *v[4] = {NULL};
	struct view_info info = info_of(no_rules);
	struct tree base, flushed;
	struct rng rng;

	rng_init(&rng, seed);
	make_base(&base, &level[0], &rng);
	v[1] = view_open_tree(&base, &info);
	level[1] = level[0];
	for (int round = 0; round < 12; round++) {
		v[2] = view_open_sandbox(v[1]);
		level[2] = level[1];
		for (uint64_t n = rng_below(&rng, 12); n > 0; n--)
			change(v[2], &level[2], &rng);
		v[3] = view_open_sandbox(v[2]);
		level[3] = level[2];
		for (uint64_t n = rng_below(&rng, 12); n > 0; n--)
			change(v[3], &level[3], &rng);
		expect_level(v[3], &level[3]);
		expect_walk(v[3], &level[3]);
		expect_level(v[2], &level[2]);
		if (rng_below(&rng, 2)) {
			view_merge(v[3]);
			level[2] = level[3];
		}
		view_close(v[3]);
		expect_level(v[2], &level[2]);
		expect_walk(v[2], &level[2]);
		if (rng_below(&rng, 3)) {
			view_merge(v[2]);
			level[1] = level[2];
		}
		view_close(v[2]);
		expect_level(v[1], &level[1]);
		expect_walk(v[1], &level[1]);
	}
	tree_share(&flushed, &base);
	assert_int_equal(view_flush(v[1], &flushed), FOUND);
	view_close(v[1]);
	v[1] = view_open_tree(&flushed, &info);
	expect_level(v[1], &level[1]);
	expect_walk(v[1], &level[1]);
	view_close(v[1]);
	tree_close(&flushed);
	tree_close(&base);
}

static void test_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++)
		run_model(seed);
}

static void test_changes(void **state)
{
	struct view_info info = info_of(no_rules);
	struct tree base;

	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct level before = {0}, after;
		struct view *v, *s;
		struct rng rng;

		rng_init(&rng, seed + 1000);
		make_base(&base, &before, &rng);
		after = before;
		v = view_open_tree(&base, &info);
		s = view_open_sandbox(v);
		for (int n = 0; n < 10; n++) {
			unsigned i = (unsigned)rng_below(&rng, KEYS);
			struct st_object *o;

			if (!after.value[i])
				o = view_insert(s, key_of(i));
			else
				assert_int_equal(view_peek(s, key_of(i), &o), FOUND);
			after.value[i] = 1 + (uint32_t)rng_below(&rng, 2);
			st_set_u(o, sfTicketSequence, after.value[i]);
			view_update(s, key_of(i));
		}
		expect_changes(s, &before, &after);
		view_merge(s);
		expect_changes(s, &after, &after);
		expect_changes(v, &before, &after);
		view_close(s);
		view_close(v);
		tree_close(&base);
	}
}

/* A leaf that is no entry is damage: unavailable, for good, never absent. */
static void test_damage(void **state)
{
	struct view_info info = info_of(no_rules);
	const struct st_object *o;
	struct st_object *own;
	struct hash256 at;
	struct view *v, *s;
	struct tree base;
	struct keylet k = key_of(3);

	(void)state;
	tree_init_empty(&base, TREE_STATE, NULL);
	assert_int_equal(tree_put(&base, &k.key, bytes_str("garbage")), FOUND);
	v = view_open_tree(&base, &info);
	s = view_open_sandbox(v);
	assert_int_equal(view_read(s, key_of(4), &o), ABSENT);
	assert_int_equal(view_read(s, k, &o), UNAVAILABLE);
	assert_true(view_failed(s));
	assert_true(view_failed(v));
	assert_int_equal(view_read(s, key_of(4), &o), UNAVAILABLE);
	assert_int_equal(view_peek(v, key_of(4), &own), UNAVAILABLE);
	assert_int_equal(view_next(v, NULL, &at), UNAVAILABLE);
	view_close(s);
	assert_int_equal(view_flush(v, &base), UNAVAILABLE);
	view_close(v);
	tree_close(&base);
}

/* An onlooker sees what the view shows, and leaves no trace: nothing is kept, and damage that only
 * it met does not make the view fail. */
static void test_onlookers(void **state)
{
	struct view_info info = info_of(no_rules);
	struct level l = {0};
	struct tree base;
	struct rng rng;
	struct view *v;

	(void)state;
	rng_init(&rng, 7);
	make_base(&base, &l, &rng);
	v = view_open_tree(&base, &info);
	for (int n = 0; n < 200; n++) {
		struct arena a = ARENA_INIT;

		change(v, &l, &rng);
		for (unsigned i = 0; i < KEYS; i++) {
			const struct st_object *o = NULL;
			enum found f = view_look(v, key_of(i), &a, &o);

			assert_int_equal(f, l.value[i] ? FOUND : ABSENT);
			if (o)
				assert_int_equal(st_u32_or(o, sfTicketSequence, 0), l.value[i]);
		}
		arena_close(&a);
	}
	view_close(v);
	tree_close(&base);
}

static void test_onlookers_leave_no_trace(void **state)
{
	struct view_info info = info_of(no_rules);
	const struct st_object *o;
	struct arena a = ARENA_INIT;
	struct keylet k = key_of(3);
	struct view *v;
	struct tree base;

	(void)state;
	tree_init_empty(&base, TREE_STATE, NULL);
	assert_int_equal(tree_put(&base, &k.key, bytes_str("garbage")), FOUND);
	v = view_open_tree(&base, &info);
	assert_int_equal(view_look(v, k, &a, &o), UNAVAILABLE);
	assert_false(view_failed(v));
	assert_int_equal(view_look(v, key_of(4), &a, &o), ABSENT);
	assert_int_equal(view_count_changes(v), 0);
	view_close(v);
	tree_close(&base);
	arena_close(&a);
}

/* Metadata: alice and bob, an offer of alice's that comes, changes and goes. */

static struct account_id who(uint8_t n)
{
	struct account_id id;

	memset(id.b, n, sizeof(id.b));
	return id;
}

static void make_accounts(struct tree *t, const struct hash256 *last)
{
	struct arena a = ARENA_INIT;

	tree_init_empty(t, TREE_STATE, NULL);
	for (uint8_t n = 1; n <= 2; n++) {
		struct account_id id = who(n);
		struct st_object *o = st_new(&a);

		st_set_u(o, sfLedgerEntryType, ltAccountRoot);
		st_set_u(o, sfFlags, 0);
		st_set_u(o, sfSequence, 4);
		st_set_u(o, sfOwnerCount, 0);
		st_set_hash256(o, sfPreviousTxnID, last);
		st_set_u(o, sfPreviousTxnLgrSeq, 70);
		st_set_drops(o, sfBalance, drops_of(1000));
		st_set_account(o, sfAccount, &id);
		put(t, keylet_account(&id), o);
	}
	arena_close(&a);
}

static const struct st_object *node_of(const struct st_object *meta, struct keylet k, enum sf how)
{
	const struct st_array *nodes = st_get_array(meta, sfAffectedNodes);
	struct hash256 index;

	for (uint32_t i = 0; i < nodes->n; i++) {
		assert_true(st_get_hash256(nodes->e[i].object, sfLedgerIndex, &index));
		if (!hash256_eq(&index, &k.key))
			continue;
		assert_int_equal(nodes->e[i].field, how);
		return nodes->e[i].object;
	}
	fail_msg("no node");
	return NULL;
}

static void expect_sorted(const struct st_object *meta)
{
	const struct st_array *nodes = st_get_array(meta, sfAffectedNodes);
	struct hash256 last, index;

	for (uint32_t i = 0; i < nodes->n; i++, last = index) {
		assert_true(st_get_hash256(nodes->e[i].object, sfLedgerIndex, &index));
		assert_true(i == 0 || hash256_cmp(&last, &index) < 0);
	}
}

/* One transaction over v: changes, then metadata, then the merge. */
struct scene {
	struct arena a;
	struct tree base;
	struct view *v, *s;
	struct account_id alice, bob;
	struct keylet offer, ka, kb;
	struct hash256 before;
};

static void scene_open(struct scene *c)
{
	struct view_info info = info_of(no_rules);

	memset(c, 0, sizeof(*c));
	c->before.b[0] = 7;
	c->alice = who(1);
	c->bob = who(2);
	c->offer = keylet_offer(&c->alice, 4);
	c->ka = keylet_account(&c->alice);
	c->kb = keylet_account(&c->bob);
	make_accounts(&c->base, &c->before);
	c->v = view_open_tree(&c->base, &info);
}

static void scene_close(struct scene *c)
{
	view_close(c->v);
	tree_close(&c->base);
	arena_close(&c->a);
}

static struct st_object *scene_finish(struct scene *c, uint8_t tx, uint32_t index, int result,
				      uint32_t nodes)
{
	struct hash256 id = {{tx}};
	struct st_object *meta = view_make_metadata(c->s, &c->a, &id, index, result, NULL);

	assert_non_null(meta);
	expect_sorted(meta);
	assert_int_equal(st_u32_or(meta, sfTransactionIndex, 99), index);
	assert_int_equal(st_get_array(meta, sfAffectedNodes)->n, nodes);
	view_merge(c->s);
	view_close(c->s);
	return meta;
}

static void expect_last(const struct st_object *o, uint8_t tx, uint32_t seq)
{
	struct hash256 want = {{tx}}, got;

	assert_true(st_get_hash256(o, sfPreviousTxnID, &got) && hash256_eq(&got, &want));
	assert_int_equal(st_u32_or(o, sfPreviousTxnLgrSeq, 0), seq);
}

static const struct st_object *now(struct scene *c, struct keylet k)
{
	const struct st_object *o;

	assert_int_equal(view_read(c->v, k, &o), FOUND);
	return o;
}

/* Created by bob: alice, whose it is, is threaded and otherwise left alone. */
static void create_offer(struct scene *c)
{
	const struct st_object *node, *part, *meta;
	struct st_object *o;

	c->s = view_open_sandbox(c->v);
	assert_int_equal(view_peek(c->s, c->kb, &o), FOUND);
	st_set_u(o, sfSequence, 5);
	view_update(c->s, c->kb);
	o = view_insert(c->s, c->offer);
	st_set_u(o, sfSequence, 4);
	st_set_account(o, sfAccount, &c->alice);
	st_set_drops(o, sfTakerPays, drops_of(5));
	meta = scene_finish(c, 1, 9, 0, 3);
	node = node_of(meta, c->ka, sfModifiedNode);
	assert_false(st_has(node, sfFinalFields));
	assert_false(st_has(node, sfPreviousFields));
	expect_last(node, 7, 70);
	node = node_of(meta, c->kb, sfModifiedNode);
	part = st_get_object(node, sfPreviousFields);
	assert_int_equal(part->n, 1);
	assert_int_equal(st_u32_or(part, sfSequence, 0), 4);
	assert_int_equal(st_get_object(node, sfFinalFields)->n, 5); /* no PreviousTxnID there */
	node = node_of(meta, c->offer, sfCreatedNode);
	assert_false(st_has(node, sfPreviousTxnID));
	assert_int_equal(st_get_object(node, sfNewFields)->n, 3); /* no defaults */
	expect_last(now(c, c->ka), 1, 77);
	expect_last(now(c, c->offer), 1, 77);
}

/* Changed: only what changed is in PreviousFields; a new field makes it appear, empty. */
static void change_offer(struct scene *c)
{
	const struct st_object *node, *meta;
	struct st_object *o;

	c->s = view_open_sandbox(c->v);
	assert_int_equal(view_peek(c->s, c->offer, &o), FOUND);
	st_set_u(o, sfExpiration, 5);
	view_update(c->s, c->offer);
	meta = scene_finish(c, 2, 0, 100, 1);
	node = node_of(meta, c->offer, sfModifiedNode);
	assert_int_equal(st_get_object(node, sfPreviousFields)->n, 0);
	assert_true(st_has(st_get_object(node, sfFinalFields), sfExpiration));
	expect_last(node, 1, 77);
}

/* Gone: its last fields with the transaction before; alice is threaded. */
static void erase_offer(struct scene *c)
{
	const struct st_object *node, *part, *meta;
	struct st_object *o;

	c->s = view_open_sandbox(c->v);
	assert_int_equal(view_peek(c->s, c->offer, &o), FOUND);
	st_set_drops(o, sfTakerPays, drops_of(1));
	view_erase(c->s, c->offer);
	meta = scene_finish(c, 3, 0, 0, 2);
	node = node_of(meta, c->offer, sfDeletedNode);
	assert_int_equal(st_get_object(node, sfPreviousFields)->n, 1);
	part = st_get_object(node, sfFinalFields);
	expect_last(part, 2, 77);
	assert_false(st_has(part, sfLedgerEntryType));
	expect_last(node_of(meta, c->ka, sfModifiedNode), 1, 77);
	expect_last(now(c, c->ka), 3, 77);
}

static void test_metadata(void **state)
{
	struct scene c;

	(void)state;
	scene_open(&c);
	create_offer(&c);
	change_offer(&c);
	erase_offer(&c);
	scene_close(&c);
}

static struct st_object *insert_owned(struct scene *c, struct keylet k)
{
	struct st_object *o = view_insert(c->s, k);

	st_set_account(o, sfAccount, &c->alice);
	st_set_account(o, sfDestination, &c->bob);
	return o;
}

/* Owners of several entries are threaded once, whether the transaction changes them itself, comes
 * to them before or after, or not at all; who does not exist is passed over. */
static void test_owners(void **state)
{
	struct account_id nobody = who(9);
	const struct st_object *meta;
	struct st_object *o;
	struct scene c;

	(void)state;
	for (int changed = 0; changed < 4; changed++) {
		scene_open(&c);
		c.s = view_open_sandbox(c.v);
		for (uint32_t i = 0; i < 8; i++)
			insert_owned(&c, keylet_check(&c.alice, i));
		st_set_account(insert_owned(&c, keylet_check(&nobody, 1)), sfAccount, &nobody);
		assert_int_equal(view_peek(c.s, c.ka, &o), FOUND);
		st_set_u(o, sfSequence, 5); /* seen only when it is published */
		if (changed & 1)
			view_update(c.s, c.ka);
		if (changed & 2) { /* published, but the same as before */
			assert_int_equal(view_peek(c.s, c.kb, &o), FOUND);
			view_update(c.s, c.kb);
		}
		meta = scene_finish(&c, 1, 0, 0, 11);
		expect_last(node_of(meta, c.ka, sfModifiedNode), 7, 70);
		expect_last(node_of(meta, c.kb, sfModifiedNode), 7, 70);
		assert_int_equal(st_has(node_of(meta, c.ka, sfModifiedNode), sfPreviousFields),
				 changed & 1);
		expect_last(now(&c, c.ka), 1, 77);
		expect_last(now(&c, c.kb), 1, 77);
		assert_int_equal(st_u32_or(now(&c, c.ka), sfSequence, 0), changed & 1 ? 5 : 4);
		scene_close(&c);
	}
}

static void set_limit(struct st_object *o, enum sf f, const struct account_id *issuer)
{
	struct amount a = {.kind = AMOUNT_IOU, .exponent = -100, .issuer = *issuer};
	uint8_t b[AMOUNT_BYTES_MAX];

	a.currency.b[12] = 'A';
	st_set_raw(o, f, bytes_of(b, amount_encode(b, &a)));
}

/* A trust line belongs to the issuers of its limits. */
static void test_line_owners(void **state)
{
	struct currency usd = {{[12] = 'A'}};
	struct bytes delivered;
	const struct st_object *meta;
	struct hash256 id = {{1}};
	uint8_t amount[AMOUNT_BYTES_MAX];
	struct amount a = amount_of_drops(drops_of(7));
	struct st_object *o;
	struct scene c;

	(void)state;
	scene_open(&c);
	c.s = view_open_sandbox(c.v);
	o = view_insert(c.s, keylet_line(&c.alice, &c.bob, &usd));
	set_limit(o, sfLowLimit, &c.alice);
	set_limit(o, sfHighLimit, &c.bob);
	delivered = bytes_of(amount, amount_encode(amount, &a));
	meta = view_make_metadata(c.s, &c.a, &id, 0, 0, &delivered);
	assert_int_equal(st_get_array(meta, sfAffectedNodes)->n, 3);
	expect_last(node_of(meta, c.ka, sfModifiedNode), 7, 70);
	expect_last(node_of(meta, c.kb, sfModifiedNode), 7, 70);
	assert_true(st_get_raw(meta, sfDeliveredAmount, &delivered));
	view_close(c.s);
	scene_close(&c);
}

/* Five types carry PreviousTxnID only since fixPreviousTxnID. */
static void test_threaded_types(void **state)
{
	const struct amendment *fix = amendment_by_name("fixPreviousTxnID", 16);
	struct rules *on = rules_of_list(&fix->id, 1);
	struct hash256 tx = {{1}};

	(void)state;
	for (int with = 0; with < 2; with++) {
		struct view_info info = info_of(with ? on : no_rules);
		struct arena a = ARENA_INIT;
		struct view *v, *s;
		struct st_object *o;
		struct tree base;

		tree_init_empty(&base, TREE_STATE, NULL);
		v = view_open_tree(&base, &info);
		s = view_open_sandbox(v);
		o = view_insert(s, keylet_fees());
		st_set_drops(o, sfBaseFeeDrops, drops_of(1));
		assert_non_null(view_make_metadata(s, &a, &tx, 0, 0, NULL));
		assert_int_equal(st_has(o, sfPreviousTxnID), with);
		view_close(s);
		view_close(v);
		tree_close(&base);
		arena_close(&a);
	}
	rules_unref(on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_model),          cmocka_unit_test(test_changes),
	    cmocka_unit_test(test_onlookers),      cmocka_unit_test(test_onlookers_leave_no_trace),
	    cmocka_unit_test(test_damage),         cmocka_unit_test(test_metadata),
	    cmocka_unit_test(test_owners),         cmocka_unit_test(test_line_owners),
	    cmocka_unit_test(test_threaded_types),
	};
	int failed;

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	no_rules = rules_of_list(NULL, 0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rules_unref(no_rules);
	return failed;
}
