/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "codec/format.h"
#include "tx/ops.h"

/* What transactions do beyond their result. */

static struct tx_outcome apply_meta(struct world *w, const char *signer, struct st_object *fields,
				    unsigned flags)
{
	struct tx *t = signed_by(signer, fields);
	struct tx_outcome out = tx_apply(w->view, t, flags, 0, &w->arena);

	tx_unref(t);
	return out;
}

/* AccountSet: every field and flag appears and goes again. */

static const uint32_t simple_flags[][2] = {
    {asfRequireDest, lsfRequireDestTag},
    {asfRequireAuth, lsfRequireAuth},
    {asfDisallowXRP, lsfDisallowXRP},
    {asfGlobalFreeze, lsfGlobalFreeze},
    {asfDefaultRipple, lsfDefaultRipple},
    {asfDepositAuth, lsfDepositAuth},
    {asfDisallowIncomingNFTokenOffer, lsfDisallowIncomingNFTokenOffer},
    {asfDisallowIncomingCheck, lsfDisallowIncomingCheck},
    {asfDisallowIncomingPayChan, lsfDisallowIncomingPayChan},
    {asfDisallowIncomingTrustline, lsfDisallowIncomingTrustline},
};

static uint32_t flags_now(struct world *w)
{
	return st_u32_or(account_of(w, "alice"), sfFlags, 0);
}

static uint32_t set_flag(struct world *w, uint32_t *seq, enum sf field, uint32_t asf)
{
	struct st_object *o = account_set(w, "alice", (*seq)++);

	st_set_u(o, field, asf);
	assert_int_equal(submit(w, "alice", o, 0), tesSUCCESS);
	return flags_now(w);
}

static void test_flags(void **state)
{
	struct world w;
	uint32_t seq = 1;

	(void)state;
	world_open(&w, NULL);
	for (size_t i = 0; i < sizeof(simple_flags) / sizeof(simple_flags[0]); i++) {
		uint32_t asf = simple_flags[i][0], lsf = simple_flags[i][1];

		assert_int_equal(set_flag(&w, &seq, sfSetFlag, asf), lsf);
		assert_int_equal(set_flag(&w, &seq, sfSetFlag, asf), lsf);
		assert_int_equal(set_flag(&w, &seq, sfClearFlag, asf), 0);
	}
	/* Locking needs an amendment that is not on. */
	assert_int_equal(set_flag(&w, &seq, sfSetFlag, asfAllowTrustLineLocking), 0);
	/* No freeze is for good, and keeps a global freeze. */
	set_flag(&w, &seq, sfSetFlag, asfGlobalFreeze);
	set_flag(&w, &seq, sfSetFlag, asfNoFreeze);
	assert_int_equal(set_flag(&w, &seq, sfClearFlag, asfNoFreeze),
			 lsfNoFreeze | lsfGlobalFreeze);
	assert_int_equal(set_flag(&w, &seq, sfClearFlag, asfGlobalFreeze),
			 lsfNoFreeze | lsfGlobalFreeze);
	world_close(&w);
}

static void test_transaction_flags(void **state)
{
	static const uint32_t pairs[][3] = {
	    {tfRequireDestTag, tfOptionalDestTag, lsfRequireDestTag},
	    {tfRequireAuth, tfOptionalAuth, lsfRequireAuth},
	    {tfDisallowXRP, tfAllowXRP, lsfDisallowXRP}};
	struct world w;
	uint32_t seq = 1;

	(void)state;
	world_open(&w, NULL);
	for (size_t i = 0; i < 3; i++) {
		struct st_object *o = account_set(&w, "alice", seq++);

		st_set_u(o, sfFlags, pairs[i][0]);
		assert_int_equal(submit(&w, "alice", o, 0), tesSUCCESS);
		assert_int_equal(flags_now(&w), pairs[i][2]);
		o = account_set(&w, "alice", seq++);
		st_set_u(o, sfFlags, pairs[i][1]);
		assert_int_equal(submit(&w, "alice", o, 0), tesSUCCESS);
		assert_int_equal(flags_now(&w), 0);
	}
	world_close(&w);
}

static void put_all_fields(struct st_object *o, bool empty)
{
	uint8_t hash[32] = {0}, email[16] = {0};
	struct person bob = person("bob");

	hash[0] = email[0] = !empty;
	st_set_raw(o, sfEmailHash, bytes_of(email, sizeof(email)));
	st_set_raw(o, sfWalletLocator, bytes_of(hash, sizeof(hash)));
	st_set_u(o, sfWalletSize, 7);
	st_set_raw(o, sfMessageKey, bytes_of(bob.pub.b, empty ? 0 : sizeof(bob.pub.b)));
	st_set_raw(o, sfDomain, bytes_of("example.com", empty ? 0 : 11));
	st_set_u(o, sfTransferRate, empty ? 1000000000 : 1005000000);
	st_set_u(o, sfTickSize, empty ? 16 : 5);
	if (empty) {
		st_set_u(o, sfClearFlag, asfAuthorizedNFTokenMinter);
	} else {
		st_set_u(o, sfSetFlag, asfAuthorizedNFTokenMinter);
		st_set_account(o, sfNFTokenMinter, &bob.id);
	}
}

static void test_fields(void **state)
{
	static const enum sf fields[] = {sfEmailHash,    sfWalletLocator, sfMessageKey,   sfDomain,
					 sfTransferRate, sfTickSize,      sfNFTokenMinter};
	const size_t n = sizeof(fields) / sizeof(fields[0]);
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	o = account_set(&w, "alice", 1);
	put_all_fields(o, false);
	assert_int_equal(submit(&w, "alice", o, 0), tesSUCCESS);
	for (size_t i = 0; i < n; i++) {
		const struct st_value *v = st_find(account_of(&w, "alice"), fields[i]);

		assert_non_null(v);
		assert_true(st_value_eq(v, st_find(o, fields[i])));
	}
	assert_false(st_has(account_of(&w, "alice"), sfWalletSize));
	o = account_set(&w, "alice", 2);
	put_all_fields(o, true);
	assert_int_equal(submit(&w, "alice", o, 0), tesSUCCESS);
	for (size_t i = 0; i < n; i++)
		assert_false(st_has(account_of(&w, "alice"), fields[i]));
	world_close(&w);
}

/* AccountTxnID follows an account from when it is asked for; a claimed fee leaves it alone. */
static void test_account_txn_id(void **state)
{
	struct hash256 id, zero = {{0}};
	struct st_object *o;
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, NULL);
	o = account_set(&w, "alice", 1);
	st_set_u(o, sfSetFlag, asfAccountTxnID);
	assert_int_equal(submit(&w, "alice", o, 0), tesSUCCESS);
	assert_true(st_get_hash256(account_of(&w, "alice"), sfAccountTxnID, &id));
	assert_true(hash256_eq(&id, &zero));

	t = signed_by("alice", payment(&w, "alice", 2, "bob", 1));
	assert_int_equal(tx_apply(w.view, t, 0, 0, NULL).result, tesSUCCESS);
	assert_true(st_get_hash256(account_of(&w, "alice"), sfAccountTxnID, &id));
	assert_true(hash256_eq(&id, &t->id));

	o = payment(&w, "alice", 3, "dave", 1); /* tecNO_DST_INSUF_XRP */
	st_set_hash256(o, sfAccountTxnID, &t->id);
	assert_int_equal(submit(&w, "alice", o, 0), tecNO_DST_INSUF_XRP);
	assert_true(st_get_hash256(account_of(&w, "alice"), sfAccountTxnID, &id));
	assert_true(hash256_eq(&id, &t->id));
	tx_unref(t);

	o = account_set(&w, "alice", 4);
	st_set_u(o, sfClearFlag, asfAccountTxnID);
	assert_int_equal(submit(&w, "alice", o, 0), tesSUCCESS);
	assert_false(st_has(account_of(&w, "alice"), sfAccountTxnID));
	world_close(&w);
}

static void spent(struct st_object *o)
{
	st_set_u(o, sfFlags, lsfPasswordSpent | lsfDefaultRipple);
}

static void plant_spent(struct tree *s)
{
	plant_account(s, "bob", spent);
}

static void test_payment(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.plant = plant_spent});
	assert_int_equal(submit(&w, "alice", payment(&w, "alice", 1, "bob", 5000000), 0),
			 tesSUCCESS);
	assert_int_equal(balance_of(&w, "alice"), 1000 * DROPS_PER_XRP - 5000010);
	assert_int_equal(balance_of(&w, "bob"), 1000 * DROPS_PER_XRP + 5000000);
	assert_int_equal(st_u32_or(account_of(&w, "bob"), sfFlags, 0), lsfDefaultRipple);
	/* A new account begins with the ledger's sequence. */
	assert_int_equal(submit(&w, "bob", payment(&w, "bob", 1, "dave", 10000000), 0), tesSUCCESS);
	assert_int_equal(balance_of(&w, "dave"), 10000000);
	assert_int_equal(sequence_of(&w, "dave"), w.info.seq);
	assert_int_equal(view_burned(w.view).raw, 20);
	/* The reserve may be spent on fees, but not sent away. */
	assert_int_equal(submit(&w, "dave", payment(&w, "dave", 3, "bob", 1), 0),
			 tecUNFUNDED_PAYMENT);
	assert_int_equal(balance_of(&w, "dave"), 9999990);
	world_close(&w);
}

/* Signatures */

static void test_signatures(void **state)
{
	struct st_object *o;
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, NULL);
	/* A changed byte is noticed, on both curves. */
	for (int i = 0; i < 2; i++) {
		const char *who = i ? "master" : "alice";

		t = signed_by(who, payment(&w, who, 1, "bob", 1));
		assert_true(tx_signature_valid(t));
		o = st_copy(&w.arena, t->fields);
		st_set_u(o, sfSequence, 2);
		tx_unref(t);
		t = trusted(o);
		assert_false(tx_signature_valid(t));
		tx_unref(t);
	}
	/* Signed both ways is signed in no way. */
	o = payment(&w, "alice", 1, "bob", 1);
	tx_sign(o, person("alice").key);
	st_array_add(st_set_array(o, sfSigners), &w.arena, sfSigner);
	{
		struct buf b = BUF_INIT;
		struct why why;

		st_encode(&b, o, ST_ALL);
		assert_int_equal(tx_parse(&t, buf_bytes(&b), &why), ERR_INVALID);
		buf_close(&b);
	}
	world_close(&w);
}

/* Parsing: what the bytes alone can have wrong. */

static enum err parse_error(struct st_object *o, size_t cut, size_t extra)
{
	struct buf b = BUF_INIT;
	struct why why = {{0}};
	struct tx *t;
	enum err e;

	st_encode(&b, o, ST_ALL);
	for (size_t i = 0; i < extra; i++)
		buf_put_u8(&b, 0);
	e = tx_parse(&t, bytes_of(b.p, b.n - cut), &why);
	assert_int_equal(e != ERR_NONE, why.text[0] != 0);
	if (e == ERR_NONE)
		tx_unref(t);
	buf_close(&b);
	return e;
}

static void test_parse(void **state)
{
	struct st_object *o;
	struct world w;
	uint8_t *big;

	(void)state;
	world_open(&w, NULL);
	assert_int_equal(parse_error(payment(&w, "alice", 1, "bob", 1), 0, 0), ERR_NONE);
	assert_int_equal(parse_error(payment(&w, "alice", 1, "bob", 1), 1, 0), ERR_SHORT);
	assert_int_not_equal(parse_error(payment(&w, "alice", 1, "bob", 1), 0, 1), ERR_NONE);
	o = payment(&w, "alice", 1, "bob", 1);
	st_remove(o, sfTransactionType);
	assert_int_equal(parse_error(o, 0, 0), ERR_INVALID);
	o = payment(&w, "alice", 1, "bob", 1);
	st_remove(o, sfDestination);
	assert_int_not_equal(parse_error(o, 0, 0), ERR_NONE);
	o = payment(&w, "alice", 1, "bob", 1);
	st_set_u(o, sfOfferSequence, 1);
	assert_int_not_equal(parse_error(o, 0, 0), ERR_NONE);
	o = st_new(&w.arena);
	st_set_u(o, sfTransactionType, ttPayment);
	assert_int_equal(parse_error(o, 0, 0), ERR_SHORT);
	o = account_set(&w, "alice", 1);
	big = arena_zalloc(&w.arena, 128 * 1024, 1);
	st_set_raw(o, sfDomain, bytes_of(big, 128 * 1024 - 100));
	assert_int_equal(parse_error(o, 0, 0), ERR_NONE);
	st_set_raw(o, sfDomain, bytes_of(big, 128 * 1024));
	assert_int_equal(parse_error(o, 0, 0), ERR_TOO_LARGE);
	world_close(&w);
}

static void test_parsed_fields(void **state)
{
	struct account_id alice = person("alice").id;
	struct keylet k = keylet_account(&alice);
	struct hash256 id;
	struct st_object *o;
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, NULL);
	o = payment(&w, "alice", 7, "bob", 1);
	st_set_u(o, sfFlags, (uint32_t)tfFullyCanonicalSig);
	st_set_u(o, sfLastLedgerSequence, 99);
	t = signed_by("alice", o);
	assert_int_equal(t->type, ttPayment);
	assert_false(t->pseudo);
	assert_true(account_eq(&t->account, &alice));
	assert_true(hash256_eq(&t->account_key, &k.key));
	assert_int_equal(t->seq, 7);
	assert_false(t->has_ticket);
	assert_int_equal(t->last_ledger, 99);
	assert_int_equal(t->flags, (uint32_t)tfFullyCanonicalSig);
	assert_int_equal(t->fee.raw, 10);
	tx_id(&id, t->blob);
	assert_true(hash256_eq(&id, &t->id));
	assert_true(st_eq(o, t->fields));
	assert_ptr_equal(tx_ref(t), t);
	tx_unref(t);
	tx_unref(t);
	world_close(&w);
}

/* Dry runs */

static void test_dry_run(void **state)
{
	struct tx_outcome out;
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, &(struct world_options){.open = true});
	t = trusted(payment(&w, "alice", 1, "bob", 1000));
	atomic_store(&t->signature, TX_SIG_UNKNOWN);
	out = tx_apply(w.view, t, TX_DRY_RUN, 0, &w.arena);
	assert_int_equal(out.result, tesSUCCESS);
	assert_false(out.applied);
	assert_int_equal(st_get_array(out.meta, sfAffectedNodes)->n, 2);
	assert_int_equal(balance_of(&w, "alice"), 1000 * DROPS_PER_XRP);
	assert_int_equal(view_count_changes(w.view), 0);
	tx_unref(t);
	/* A dry run is not signed. */
	t = signed_by("alice", payment(&w, "alice", 1, "bob", 1000));
	assert_int_equal(tx_apply(w.view, t, TX_DRY_RUN, 0, NULL).result, temINVALID);
	tx_unref(t);
	world_close(&w);
}

/* Invariants: a type of the test's own breaks them one at a time. */

static int evil; /* which one */

static enum ter evil_preflight(const struct tx_static *s)
{
	(void)s;
	return tesSUCCESS;
}

static struct st_object *peek(struct tx_run *r, const char *name)
{
	struct person p = person(name);
	struct st_object *o;

	assert_int_equal(view_peek(r->view, keylet_account(&p.id), &o), FOUND);
	view_update(r->view, keylet_account(&p.id));
	return o;
}

static void insert_account(struct tx_run *r, const char *name, uint32_t seq)
{
	struct person p = person(name);
	struct st_object *o = view_insert(r->view, keylet_account(&p.id));

	st_set_account(o, sfAccount, &p.id);
	st_set_u(o, sfSequence, seq);
	st_set_drops(o, sfBalance, drops_of(0));
}

static enum ter evil_apply(struct tx_run *r)
{
	struct person carol = person("carol");
	struct hash256 h = {{9}};
	struct st_object *o;

	switch (evil) {
	case 0: /* harmless */
		return tesSUCCESS;
	case 1: /* XRP is made */
		st_set_drops(peek(r, "bob"), sfBalance, drops_of(1000 * DROPS_PER_XRP + 1));
		return tesSUCCESS;
	case 2: /* XRP is lost */
		st_set_drops(peek(r, "bob"), sfBalance, drops_of(0));
		return tesSUCCESS;
	case 3: /* a balance that is none, the sum left alone */
		o = peek(r, "carol");
		st_set_drops(peek(r, "bob"), sfBalance, drops_of(2000 * DROPS_PER_XRP));
		st_remove(o, sfBalance);
		return tesSUCCESS;
	case 4: /* an account is deleted, its XRP saved */
		o = peek(r, "carol");
		st_set_drops(peek(r, "bob"), sfBalance, drops_of(2000 * DROPS_PER_XRP));
		st_set_drops(o, sfBalance, drops_of(0));
		view_erase(r->view, keylet_account(&carol.id));
		return tesSUCCESS;
	case 5: /* an entry changes its type */
		st_set_u(peek(r, "carol"), sfLedgerEntryType, ltOffer);
		st_set_drops(peek(r, "bob"), sfBalance, drops_of(2000 * DROPS_PER_XRP));
		return tesSUCCESS;
	case 6: /* an account too many */
		insert_account(r, "dave", r->info->seq);
		insert_account(r, "erin", r->info->seq);
		return tesSUCCESS;
	case 7: /* an account that begins elsewhere */
		insert_account(r, "dave", r->info->seq - 1);
		return tesSUCCESS;
	case 8: /* another's sequence moves */
		st_set_u(peek(r, "bob"), sfSequence, 2);
		return tesSUCCESS;
	case 9: /* the sender's goes back */
		st_set_u(peek(r, "alice"), sfSequence, 0);
		return tesSUCCESS;
	case 10: /* an account of a ledger object that can sign */
		st_set_hash256(peek(r, "bob"), sfAMMID, &h);
		return tesSUCCESS;
	default: /* more entries than metadata may have */
		for (unsigned i = 0; i < 5200; i++) {
			struct keylet k = {.key = h, .type = ltTicket};

			store_be32(k.key.b + 4, i);
			view_insert(r->view, k);
		}
		return tesSUCCESS;
	}
}

static const struct tx_ops evil_ops = {
    .accounts_created_max = 1, .preflight = evil_preflight, .apply = evil_apply};

static void test_invariants(void **state)
{
	(void)state;
	for (evil = 0; evil <= 11; evil++) {
		enum ter want = evil == 0    ? tesSUCCESS
				: evil == 11 ? tecOVERSIZE
					     : tecINVARIANT_FAILED;
		struct tx_outcome out;
		struct world w;
		struct tx *t;

		world_open(&w, NULL);
		t = signed_by("alice", account_set(&w, "alice", 1));
		out = tx_apply_with(w.view, t, &evil_ops, 0, 0, &w.arena);
		if (out.result != want)
			fail_msg("evil %d: %s", evil, result_name((int)out.result));
		assert_true(out.applied);
		assert_int_equal(balance_of(&w, "alice"), 1000 * DROPS_PER_XRP - 10);
		assert_int_equal(sequence_of(&w, "alice"), 2);
		assert_int_equal(balance_of(&w, "bob"), 1000 * DROPS_PER_XRP);
		assert_int_equal(balance_of(&w, "carol"), 1000 * DROPS_PER_XRP);
		assert_int_equal(balance_of(&w, "dave"), 0);
		assert_int_equal(view_count_changes(w.view), 1);
		assert_int_equal(view_burned(w.view).raw, 10);
		assert_int_equal(st_get_array(out.meta, sfAffectedNodes)->n, 1);
		tx_unref(t);
		world_close(&w);
	}
}

/* Metadata of a payment that makes an account, in words. */
static void test_metadata(void **state)
{
	const struct st_array *nodes;
	struct tx_outcome out;
	struct world w;
	int created = 0;

	(void)state;
	world_open(&w, NULL);
	out = apply_meta(&w, "alice", payment(&w, "alice", 1, "dave", 20000000), 0);
	assert_int_equal(out.result, tesSUCCESS);
	nodes = st_get_array(out.meta, sfAffectedNodes);
	assert_int_equal(nodes->n, 2);
	for (uint32_t i = 0; i < nodes->n; i++) {
		const struct st_object *o = nodes->e[i].object;

		if (nodes->e[i].field == sfCreatedNode) {
			const struct st_object *fields = st_get_object(o, sfNewFields);

			assert_int_equal(fields->n, 3);
			assert_int_equal(st_u32_or(fields, sfSequence, 0), w.info.seq);
			created++;
		} else {
			assert_int_equal(nodes->e[i].field, sfModifiedNode);
			assert_int_equal(st_get_object(o, sfPreviousFields)->n, 2);
			assert_int_equal(st_get_object(o, sfFinalFields)->n, 5);
		}
	}
	assert_int_equal(created, 1);
	/* The next transaction names this one. */
	out = apply_meta(&w, "alice", payment(&w, "alice", 2, "dave", 1), 0);
	nodes = st_get_array(out.meta, sfAffectedNodes);
	for (uint32_t i = 0; i < nodes->n; i++)
		assert_true(st_has(nodes->e[i].object, sfPreviousTxnID));
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_flags),    cmocka_unit_test(test_transaction_flags),
	    cmocka_unit_test(test_fields),   cmocka_unit_test(test_account_txn_id),
	    cmocka_unit_test(test_payment),  cmocka_unit_test(test_signatures),
	    cmocka_unit_test(test_parse),    cmocka_unit_test(test_parsed_fields),
	    cmocka_unit_test(test_dry_run),  cmocka_unit_test(test_invariants),
	    cmocka_unit_test(test_metadata),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
