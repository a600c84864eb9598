/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "tests/tx/signing.h"
#include "tx/engine.h"

#include <stdio.h>
#include <string.h>

/* Transactions that several sign (cases after rippled's MultiSign_test). Of the names here only
 * alice, bob and carol have accounts from the beginning. */

#define EIGHT "bogie=1 k1_demon=1 ghost=1 k1_haunt=1 jinni=1 k1_phase=1 shade=1 k1_spook=1"

/* "s0=1 s1=1 ..." */
static const char *entries_of(unsigned n)
{
	static char text[512];
	size_t at = 0;

	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "s%u=1 ", i);
	return text;
}

/* The last way to sign is never taken away: the nine cases of MultiSign_test. */
static void test_key_disable(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tecNO_ALTERNATIVE_KEY);
	expect(&w, "alice", regular_key(&w, "alice", "alie"), tesSUCCESS);
	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect(&w, "alie", regular_key(&w, "alice", NULL), tecNO_ALTERNATIVE_KEY);
	expect(&w, "alie", signer_list(&w, "alice", 1, "bogie=1"), tesSUCCESS);
	expect(&w, "alie", regular_key(&w, "alice", NULL), tesSUCCESS);
	expect_multi(&w, "bogie", signer_list(&w, "alice", 0, NULL), tecNO_ALTERNATIVE_KEY);
	expect_multi(&w, "bogie", clear_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect_multi(&w, "bogie", signer_list(&w, "alice", 0, NULL), tesSUCCESS);
	expect(&w, "alice", signer_list(&w, "alice", 1, "bogie=1"), tesSUCCESS);
	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect_multi(&w, "bogie", regular_key(&w, "alice", "alie"), tesSUCCESS);
	expect(&w, "alie", signer_list(&w, "alice", 0, NULL), tesSUCCESS);
	/* A list may be replaced although it is the last one. */
	expect(&w, "alie", signer_list(&w, "alice", 1, "bogie=1"), tesSUCCESS);
	expect(&w, "alie", regular_key(&w, "alice", NULL), tesSUCCESS);
	expect_multi(&w, "bogie", signer_list(&w, "alice", 1, "demon=1"), tesSUCCESS);
	expect_multi(&w, "bogie", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "demon", noop(&w, "alice"), tesSUCCESS);
	world_close(&w);
}

static void test_quorum(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect_multi(&w, "bob k1_demon", noop(&w, "alice"), tefNOT_MULTI_SIGNING);
	expect(&w, "alice", signer_list(&w, "alice", 4, "bob=3 carol=4"), tesSUCCESS);
	expect_multi(&w, "carol", noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "bob", noop(&w, "alice"), tefBAD_QUORUM);
	expect_multi(&w, "bob carol", noop(&w, "alice"), tesSUCCESS);
	/* A stranger spoils what would be enough without him. */
	expect_multi(&w, "carol spook", noop(&w, "alice"), tefBAD_SIGNATURE);
	/* The account's own key remains good for it. */
	expect(&w, "alice", noop(&w, "alice"), tesSUCCESS);
	expect(&w, "alice",
	       signer_list(&w, "alice", 0x3FFFC,
			   "bob=65535 carol=65535 jinni=65535 "
			   "ghost=65535"),
	       tesSUCCESS);
	expect_multi(&w, "bob carol jinni", noop(&w, "alice"), tefBAD_QUORUM);
	expect_multi(&w, "bob carol jinni ghost", noop(&w, "alice"), tesSUCCESS);
	world_close(&w);
}

/* Accounts that do not exist sign with the key of their address. */
static void test_phantoms(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 1, "k1_bogie=1 demon=1"), tesSUCCESS);
	expect_multi(&w, "k1_bogie demon", noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "k1_bogie", noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "demon", noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "demon demon", noop(&w, "alice"), temBAD_SIGNATURE);
	expect_multi(&w, "k1_bogie spook", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "demon:k1_bogie", noop(&w, "alice"), tefBAD_SIGNATURE);
	/* Once the account is there, its own rules hold. */
	fund(&w, "demon", 50000000);
	expect(&w, "demon", regular_key(&w, "demon", "ghost"), tesSUCCESS);
	expect_multi(&w, "demon:ghost", noop(&w, "alice"), tesSUCCESS);
	expect(&w, "demon", set_flag(&w, "demon", asfDisableMaster), tesSUCCESS);
	expect_multi(&w, "demon", noop(&w, "alice"), tefMASTER_DISABLED);
	world_close(&w);
}

/* becky has her master key alone, cheri a regular key beside it, daria a regular key only, jinni no
 * account. */
static void set_up_mixed(struct world *w)
{
	fund(w, "becky", 50000000);
	fund(w, "k1_cheri", 50000000);
	fund(w, "daria", 50000000);
	expect(w, "k1_cheri", regular_key(w, "k1_cheri", "k1_cher"), tesSUCCESS);
	expect(w, "daria", regular_key(w, "daria", "k1_dari"), tesSUCCESS);
	expect(w, "daria", set_flag(w, "daria", asfDisableMaster), tesSUCCESS);
	expect(w, "alice", regular_key(w, "alice", "k1_alie"), tesSUCCESS);
	expect(w, "alice", set_flag(w, "alice", asfDisableMaster), tesSUCCESS);
}

static void test_mixed_signers(void **state)
{
	static const char *good[] = {
	    "becky",          "k1_cheri", "k1_cheri:k1_cher",
	    "daria:k1_dari",  "jinni",    "becky k1_cheri:k1_cher daria:k1_dari jinni",
	    "k1_cheri jinni",
	};
	struct world w;

	(void)state;
	world_open(&w, NULL);
	set_up_mixed(&w);
	expect(&w, "k1_alie", signer_list(&w, "alice", 1, "becky=1 k1_cheri=1 daria=1 jinni=1"),
	       tesSUCCESS);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect_multi(&w, good[i], noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "daria", noop(&w, "alice"), tefMASTER_DISABLED);
	expect_multi(&w, "becky:k1_cher", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "k1_cheri:k1_dari", noop(&w, "alice"), tefBAD_SIGNATURE);
	/* The first that is wrong, in the order of accounts, names the reason; the quorum is judged
	 * at last. */
	expect(&w, "k1_alie", signer_list(&w, "alice", 9, "daria=1 jinni=9"), tesSUCCESS);
	expect_multi(&w, "daria", noop(&w, "alice"), tefMASTER_DISABLED);
	expect_multi(&w, "daria:k1_dari", noop(&w, "alice"), tefBAD_QUORUM);
	world_close(&w);
}

/* A signer signs for himself: his own signer list does not count. */
static void test_no_second_level(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 1, "bob=1"), tesSUCCESS);
	expect(&w, "bob", signer_list(&w, "bob", 1, "bogie=1 demon=1"), tesSUCCESS);
	expect_multi(&w, "bob", noop(&w, "alice"), tesSUCCESS);
	expect(&w, "bob", set_flag(&w, "bob", asfDisableMaster), tesSUCCESS);
	expect_multi(&w, "bob", noop(&w, "alice"), tefMASTER_DISABLED);
	expect_multi(&w, "bob:bogie", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "bogie", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "bob:beck", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "demon", regular_key(&w, "bob", "beck"), tesSUCCESS);
	expect_multi(&w, "bob:beck", noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "bob:demon", noop(&w, "alice"), tefBAD_SIGNATURE);
	world_close(&w);
}

/* The fee counts the signers; a free change of the key is none with many hands. */
static void test_fee(void **state)
{
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.open = true});
	expect(&w, "alice", signer_list(&w, "alice", 1, EIGHT), tesSUCCESS);
	expect_multi(&w, "bogie", noop(&w, "alice"), tesSUCCESS);
	expect_multi(&w, "bogie k1_demon ghost k1_haunt jinni k1_phase shade k1_spook",
		     payment(&w, "alice", sequence_of(&w, "alice"), "bob", 1), tesSUCCESS);
	o = with_fee(noop(&w, "alice"), 19);
	add_signers(o, "bogie");
	assert_int_equal(apply_as_is(&w, o, 0), telINSUF_FEE_P);
	o = with_fee(noop(&w, "alice"), 89);
	add_signers(o, "bogie k1_demon ghost k1_haunt jinni k1_phase shade k1_spook");
	assert_int_equal(apply_as_is(&w, o, 0), telINSUF_FEE_P);
	o = with_fee(regular_key(&w, "alice", "bob"), 0);
	add_signers(o, "bogie");
	assert_int_equal(apply_as_is(&w, o, 0), telINSUF_FEE_P);
	world_close(&w);
}

static struct st_object *signer_at(struct st_object *o, uint32_t i)
{
	return st_get_array(o, sfSigners)->e[i].object;
}

static struct st_object *signed_noop(struct world *w, const char *signers)
{
	struct st_object *o = with_fee(noop(w, "alice"), 1000);

	add_signers(o, signers);
	return o;
}

/* Signatures that are not what they say (MultiSign_test: Bad Signature Text). */
static void test_bad_signatures(void **state)
{
	char crowd[512] = "";
	struct st_element swap, *e;
	struct st_object *o;
	struct world w;
	uint8_t sig[64];
	struct bytes b;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 1, "bogie=1 demon=1"), tesSUCCESS);
	/* Changed after it was signed. */
	o = signed_noop(&w, "bogie");
	st_set_u(o, sfSourceTag, 1);
	refused(&w, o, "Invalid signature", "bogie");
	/* A key beside the signers; a signature beside them. */
	o = signed_noop(&w, "bogie");
	st_set_raw(o, sfSigningPubKey, bytes_of(person("alice").pub.b, 33));
	refused(&w, o, "Cannot both single- and multi-sign", NULL);
	o = noop(&w, "alice");
	tx_sign(o, person("alice").key);
	add_signers(o, "bogie");
	refused(&w, o, "Cannot both single- and multi-sign", NULL);
	o = signed_noop(&w, "bogie");
	tx_sign(o, person("alice").key);
	refused(&w, o, "Cannot both single- and multi-sign", NULL);
	st_remove(o, sfSigners);
	assert_int_equal(apply_as_is(&w, o, TX_FAIL_HARD), tesSUCCESS);
	/* No key and no signers; no signers in the list of signers. */
	o = noop(&w, "alice");
	st_set_raw(o, sfTxnSignature, bytes_of(sig, sizeof(sig)));
	refused(&w, o, "Empty SigningPubKey", NULL);
	refused(&w, signed_noop(&w, ""), "Invalid Signers array size", NULL);
	/* One bit of one signature. */
	o = signed_noop(&w, "bogie demon");
	assert_true(st_get_raw(signer_at(o, 1), sfTxnSignature, &b));
	memcpy(sig, b.p, sizeof(sig));
	sig[20] ^= 0x80;
	st_set_raw(signer_at(o, 1), sfTxnSignature, bytes_of(sig, sizeof(sig)));
	refused(&w, o, "Invalid signature", "bogie");
	/* A signer without a key, with a key of no curve. */
	o = signed_noop(&w, "bogie");
	st_set_raw(signer_at(o, 0), sfSigningPubKey, bytes_of(NULL, 0));
	refused(&w, o, "Invalid signature", "bogie");
	o = signed_noop(&w, "bogie");
	st_set_raw(signer_at(o, 0), sfSigningPubKey, bytes_of(sig, 33));
	refused(&w, o, "Invalid signature", "bogie");
	/* The account itself, the same one twice, a wrong order, too many. */
	refused(&w, signed_noop(&w, "alice"), "Invalid multisigner", NULL);
	refused(&w, signed_noop(&w, "bogie bogie"), "Duplicate Signers not allowed", NULL);
	o = signed_noop(&w, "bogie demon");
	e = st_get_array(o, sfSigners)->e;
	swap = e[0];
	e[0] = e[1];
	e[1] = swap;
	refused(&w, o, "Unsorted Signers array", NULL);
	for (unsigned i = 0; i < 33; i++)
		(void)snprintf(crowd + strlen(crowd), sizeof(crowd) - strlen(crowd), "s%u ", i);
	refused(&w, signed_noop(&w, crowd), "Invalid Signers array size", NULL);
	world_close(&w);
}

/* A signer has an account, a key and a signature, and nothing else is among them. */
static void test_signer_format(void **state)
{
	static const enum sf parts[] = {sfAccount, sfSigningPubKey, sfTxnSignature};
	struct buf b = BUF_INIT;
	struct st_object *o;
	struct tx *t = NULL;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	for (size_t i = 0; i < 5; i++) {
		o = signed_noop(&w, "bogie demon");
		if (i < 3)
			st_remove(signer_at(o, 1), parts[i]);
		else if (i == 3)
			st_set_u(signer_at(o, 1), sfFlags, 0);
		else
			st_get_array(o, sfSigners)->e[1].field = sfMemo;
		buf_clear(&b);
		st_encode(&b, o, ST_ALL);
		assert_int_equal(tx_parse(&t, buf_bytes(&b), NULL), ERR_INVALID);
	}
	buf_close(&b);
	world_close(&w);
}

/* Without any key there is nobody who may sign, whatever is known of the signature. */
static void test_no_key(void **state)
{
	struct tx *t;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	t = trusted(noop(&w, "alice"));
	assert_int_equal(tx_apply(w.view, t, 0, 0, NULL).result, tefBAD_AUTH);
	assert_int_equal(tx_apply(w.view, t, TX_DRY_RUN, 0, NULL).result, tesSUCCESS);
	tx_unref(t);
	world_close(&w);
}

/* Signed by the stock client (xrpl.js 5: Wallet.sign for several, xrpl.multisign) with the same
 * keys: the same id, so the same bytes, signatures among them. */
static void test_stock_client(void **state)
{
	static const struct {
		const char *signers, *id;
	} rows[] = {
	    {"bob k1_demon carol k1_bogie",
	     "5C567CE7D8A0C1883D0E2420993500F47B7186E33A853C627B5E905A1113DF80"},
	    {"bob carol:k1_cher",
	     "BDBF9D07DCD32FD5C96EA9197711D3E330872A02120B3E8BCBFD675E11969EDE"},
	};
	struct hash256 id;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	for (size_t i = 0; i < 2; i++) {
		struct st_object *o = with_fee(set_flag(&w, "alice", asfDefaultRipple), 50);
		struct tx *t;

		st_set_u(o, sfSequence, 7);
		add_signers(o, rows[i].signers);
		t = trusted(o);
		id = hash_of_hex(rows[i].id);
		assert_true(hash256_eq(&t->id, &id));
		assert_true(tx_signature_valid(t));
		tx_unref(t);
	}
	world_close(&w);
}

/* Every third signer has no account, every third his master key, the others a regular key. */
static void set_up_crowd(struct world *w, unsigned n, char *crowd, size_t size)
{
	crowd[0] = 0;
	for (unsigned i = 0; i < n; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "s%u", i);
		if (i % 3 != 0)
			fund(w, name, 20000000);
		if (i % 3 == 2)
			expect(w, name, regular_key(w, name, "k1_reg"), tesSUCCESS);
		(void)snprintf(crowd + strlen(crowd), size - strlen(crowd), "%s%s ", name,
			       i % 3 == 2 ? ":k1_reg" : "");
	}
	expect(w, "alice", signer_list(w, "alice", n, entries_of(n)), tesSUCCESS);
}

/* Gives the member a good signature of somebody else's. */
static void forge(struct st_object *o, struct st_object *signer)
{
	struct person k = person("mallory");
	struct account_id id;
	struct buf payload = BUF_INIT;
	uint8_t sig[SIGNATURE_MAX];

	assert_true(st_get_account(signer, sfAccount, &id));
	tx_multisign_payload(&payload, o, &id);
	st_set_raw(signer, sfSigningPubKey, bytes_of(k.pub.b, sizeof(k.pub.b)));
	st_set_raw(signer, sfTxnSignature,
		   bytes_of(sig, signature_make(k.key, buf_bytes(&payload), sig)));
	buf_close(&payload);
}

static void flip(struct st_object *signer, enum sf f)
{
	uint8_t copy[SIGNATURE_MAX];
	struct bytes b;

	assert_true(st_get_raw(signer, f, &b));
	memcpy(copy, b.p, b.n);
	copy[b.n - 1] ^= 1;
	st_set_raw(signer, f, bytes_of(copy, b.n));
}

static void leave_out(struct st_object *o, uint32_t at)
{
	struct st_array *list = (struct st_array *)st_get_array(o, sfSigners);

	memmove(&list->e[at], &list->e[at + 1], (list->n - at - 1) * sizeof(list->e[0]));
	list->n--;
}

/* All are needed, and each one's signature counts: without it, with another bit in it or in its
 * key, or with somebody else's in its place nothing happens, whichever it is. */
static void test_each_counts(void **state)
{
	static const unsigned sizes[] = {1, 2, 3, 8, 32};
	char crowd[512];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct world w;

		world_open(&w, NULL);
		set_up_crowd(&w, sizes[i], crowd, sizeof(crowd));
		for (uint32_t k = 0; k < sizes[i]; k++) {
			struct st_object *good = signed_noop(&w, crowd), *o;

			o = st_copy(&w.arena, good);
			leave_out(o, k);
			assert_int_equal(apply_as_is(&w, o, 0),
					 sizes[i] == 1 ? temBAD_SIGNATURE : tefBAD_QUORUM);
			o = st_copy(&w.arena, good);
			flip(signer_at(o, k), sfTxnSignature);
			assert_int_equal(apply_as_is(&w, o, 0), temBAD_SIGNATURE);
			o = st_copy(&w.arena, good);
			flip(signer_at(o, k), sfSigningPubKey);
			assert_int_equal(apply_as_is(&w, o, 0), temBAD_SIGNATURE);
			o = st_copy(&w.arena, good);
			forge(o, signer_at(o, k));
			assert_int_equal(apply_as_is(&w, o, 0), tefBAD_SIGNATURE);
			if (k + 1 == sizes[i])
				assert_int_equal(apply_as_is(&w, good, 0), tesSUCCESS);
		}
		world_close(&w);
	}
}

/* As many as there may be. */
static void test_32_signers(void **state)
{
	char crowd[512] = "";
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 32, entries_of(32)), tesSUCCESS);
	for (unsigned i = 0; i < 31; i++)
		(void)snprintf(crowd + strlen(crowd), sizeof(crowd) - strlen(crowd), "s%u ", i);
	expect_multi(&w, crowd, noop(&w, "alice"), tefBAD_QUORUM);
	strcat(crowd, "s31");
	expect_multi(&w, crowd, noop(&w, "alice"), tesSUCCESS);
	world_close(&w);
}

/* Simulation: signers who would sign, without signatures. */
static struct st_object *would_sign(struct world *w, const char *signers)
{
	struct st_object *o = signed_noop(w, signers);
	const struct st_array *list = st_get_array(o, sfSigners);

	for (uint32_t i = 0; i < list->n; i++)
		st_set_raw(list->e[i].object, sfTxnSignature, bytes_of(NULL, 0));
	return o;
}

static void test_dry_run(void **state)
{
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	assert_int_equal(apply_as_is(&w, would_sign(&w, "bob"), TX_DRY_RUN), tefNOT_MULTI_SIGNING);
	expect(&w, "alice", signer_list(&w, "alice", 3, "bob=1 bogie=2"), tesSUCCESS);
	assert_int_equal(apply_as_is(&w, would_sign(&w, "bob bogie"), TX_DRY_RUN), tesSUCCESS);
	assert_int_equal(apply_as_is(&w, would_sign(&w, "bob"), TX_DRY_RUN), tefBAD_QUORUM);
	assert_int_equal(apply_as_is(&w, would_sign(&w, ""), TX_DRY_RUN), tefBAD_QUORUM);
	assert_int_equal(apply_as_is(&w, would_sign(&w, "alice"), TX_DRY_RUN), tefBAD_SIGNATURE);
	assert_int_equal(apply_as_is(&w, would_sign(&w, "bob:carol bogie"), TX_DRY_RUN),
			 tefBAD_SIGNATURE);
	/* Who it is may be left open: the signer's master key is meant. */
	o = would_sign(&w, "bob bogie");
	st_set_raw(signer_at(o, 0), sfSigningPubKey, bytes_of(NULL, 0));
	st_set_raw(signer_at(o, 1), sfSigningPubKey, bytes_of(NULL, 0));
	assert_int_equal(apply_as_is(&w, o, TX_DRY_RUN), tesSUCCESS);
	expect(&w, "bob", regular_key(&w, "bob", "beck"), tesSUCCESS);
	expect(&w, "bob", set_flag(&w, "bob", asfDisableMaster), tesSUCCESS);
	assert_int_equal(apply_as_is(&w, o, TX_DRY_RUN), tefMASTER_DISABLED);
	/* A key of no curve; a signature; a key beside the signers. */
	st_set_raw(signer_at(o, 0), sfSigningPubKey, bytes_str("key"));
	st_set_raw(signer_at(o, 1), sfSigningPubKey, bytes_str("key"));
	assert_int_equal(apply_as_is(&w, o, TX_DRY_RUN), tefBAD_SIGNATURE);
	assert_int_equal(apply_as_is(&w, signed_noop(&w, "bogie"), TX_DRY_RUN), temINVALID);
	o = would_sign(&w, "bogie");
	st_set_raw(o, sfSigningPubKey, bytes_of(person("alice").pub.b, 33));
	assert_int_equal(apply_as_is(&w, o, TX_DRY_RUN), temINVALID);
	/* One key, unsigned: whether it may sign. */
	o = noop(&w, "alice");
	st_set_raw(o, sfSigningPubKey, bytes_of(person("carol").pub.b, 33));
	assert_int_equal(apply_as_is(&w, o, TX_DRY_RUN), tefBAD_AUTH);
	st_set_raw(o, sfSigningPubKey, bytes_of(person("alice").pub.b, 33));
	assert_int_equal(apply_as_is(&w, o, TX_DRY_RUN), tesSUCCESS);
	world_close(&w);
}

/* Every type that is here, signed by others, with every kind of key. */
static void test_types(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 2, "bob=1 k1_demon=1"), tesSUCCESS);
	expect(&w, "alice", regular_key(&w, "alice", "carol"), tesSUCCESS);
	expect(&w, "alice", set_flag(&w, "alice", asfDisableMaster), tesSUCCESS);
	expect_multi(&w, "bob k1_demon",
		     payment(&w, "alice", sequence_of(&w, "alice"), "erin", 20000000), tesSUCCESS);
	expect_multi(&w, "bob k1_demon", regular_key(&w, "alice", NULL), tesSUCCESS);
	expect_multi(&w, "bob k1_demon", authorize(&w, "alice", "bob"), tesSUCCESS);
	expect_multi(&w, "bob k1_demon", set_flag(&w, "alice", asfDepositAuth), tesSUCCESS);
	expect_multi(&w, "bob k1_demon", signer_list(&w, "alice", 1, "carol=1"), tesSUCCESS);
	expect_multi(&w, "bob k1_demon", noop(&w, "alice"), tefBAD_SIGNATURE);
	expect_multi(&w, "carol", noop(&w, "alice"), tesSUCCESS);
	world_close(&w);
}

/* Tickets in place of sequences, made and used by many hands. */
static void test_tickets(void **state)
{
	struct st_object *o;
	struct world w;
	uint32_t seq;

	(void)state;
	world_open(&w, NULL);
	expect(&w, "alice", signer_list(&w, "alice", 2, "bogie=1 k1_demon=1"), tesSUCCESS);
	o = act(&w, ttTicketCreate, "alice");
	st_set_u(o, sfTicketCount, 2);
	expect_multi(&w, "bogie k1_demon", o, tesSUCCESS);
	seq = sequence_of(&w, "alice");
	assert_int_equal(owned_by(&w, "alice"), 3);
	expect_multi(&w, "bogie", with_ticket(noop(&w, "alice"), seq - 1), tefBAD_QUORUM);
	expect_multi(&w, "bogie k1_demon", with_ticket(noop(&w, "alice"), seq - 1), tesSUCCESS);
	expect_multi(&w, "bogie k1_demon", with_ticket(noop(&w, "alice"), seq - 1), tefNO_TICKET);
	expect_multi(&w, "bogie k1_demon", with_ticket(signer_list(&w, "alice", 0, NULL), seq - 2),
		     tesSUCCESS);
	assert_int_equal(sequence_of(&w, "alice"), seq);
	assert_int_equal(owned_by(&w, "alice"), 0);
	world_close(&w);
}

/* The order in which a transaction is judged: sequence, then who signed it, then the fee. */
static void test_order(void **state)
{
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.open = true});
	o = with_fee(noop(&w, "alice"), 1);
	st_set_u(o, sfSequence, 7);
	add_signers(o, "bogie");
	assert_int_equal(apply_as_is(&w, o, 0), terPRE_SEQ);
	st_set_u(o, sfSequence, sequence_of(&w, "alice"));
	add_signers(o, "bogie");
	assert_int_equal(apply_as_is(&w, o, 0), tefNOT_MULTI_SIGNING);
	st_set_u(o, sfLastLedgerSequence, 1);
	add_signers(o, "bogie");
	assert_int_equal(apply_as_is(&w, o, 0), tefMAX_LEDGER);
	expect(&w, "alice", signer_list(&w, "alice", 1, "bogie=1"), tesSUCCESS);
	o = with_fee(noop(&w, "alice"), 1);
	add_signers(o, "bogie");
	assert_int_equal(apply_as_is(&w, o, 0), telINSUF_FEE_P);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_key_disable),     cmocka_unit_test(test_quorum),
	    cmocka_unit_test(test_phantoms),        cmocka_unit_test(test_mixed_signers),
	    cmocka_unit_test(test_no_second_level), cmocka_unit_test(test_fee),
	    cmocka_unit_test(test_bad_signatures),  cmocka_unit_test(test_signer_format),
	    cmocka_unit_test(test_no_key),          cmocka_unit_test(test_stock_client),
	    cmocka_unit_test(test_each_counts),     cmocka_unit_test(test_32_signers),
	    cmocka_unit_test(test_dry_run),         cmocka_unit_test(test_types),
	    cmocka_unit_test(test_tickets),         cmocka_unit_test(test_order),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
