/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/fake_node.h"

#include "crypto/base58.h"
#include "rpc/signing.h"

#include <stdio.h>
#include <stdlib.h>

/* sign, submit with a secret, sign_for, submit_multisigned: of requests with one fault or several,
 * all four say what the reference says (cases/signing.json: what is changed in a usual request and
 * in its transaction, null takes away; then the four messages), and what comes out when they work.
 */

static struct secret_key *key_of(const char *passphrase, struct account_id *id)
{
	struct secret_key *key;
	struct public_key pub;
	struct seed seed;

	seed_of_passphrase(&seed, bytes_str(passphrase));
	assert_int_equal(secret_key_of_seed(&key, &pub, KEY_SECP256K1, &seed), ERR_NONE);
	account_of_key(id, &pub);
	return key;
}

static struct account_id id_of(const char *passphrase)
{
	struct account_id id;

	secret_key_close(key_of(passphrase, &id));
	return id;
}

static void plant_root(struct tree *state, const struct account_id *id, uint32_t flags,
		       const struct account_id *regular)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	st_set_u(o, sfLedgerEntryType, ltAccountRoot);
	st_set_account(o, sfAccount, id);
	st_set_u(o, sfFlags, flags);
	st_set_u(o, sfSequence, 3);
	st_set_u(o, sfOwnerCount, 0);
	st_set_drops(o, sfBalance, drops_of(100000 * DROPS_PER_XRP));
	if (regular)
		st_set_account(o, sfRegularKey, regular);
	plant_entry(state, keylet_account(id), o);
	arena_close(&a);
}

/* a, g and an account of an Ed25519 key; m has its master key disabled and r's as regular key. */
static void plant(struct tree *state)
{
	struct account_id a = id_of("a"), g = id_of("g"), m = id_of("m"), r = id_of("r"), ed;

	assert_int_equal(account_parse(&ed, "rJrxi4Wxev4bnAGVNP9YCdKPdAoKfAmcsi"), ERR_NONE);
	plant_root(state, &a, 0, NULL);
	plant_root(state, &g, 0, NULL);
	plant_root(state, &ed, 0, NULL);
	plant_root(state, &m, lsfDisableMaster, &r);
}

static struct fake *open_fake(bool network)
{
	struct fake_options o = {.network = network, .plant = plant};

	return fake_open(&o);
}

/* ---- The table */

/* Takes every transaction with good signatures, and changes nothing. */
static void take(void *ctx, struct tx *tx, bool fail_hard, uint64_t token)
{
	struct fake *f = ctx;
	struct node_submitted s = {.token = token, .tx = tx};

	(void)fail_hard;
	s.result = tx_check_signature(tx) == TX_SIG_GOOD ? tesSUCCESS : temBAD_SIGNATURE;
	rpc_submitted(f->rpc, &s);
}

static void merge(json_t *into, const json_t *changes)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)changes, key, v)
	{
		if (json_is_null(v))
			json_object_del(into, key);
		else
			json_object_set(into, key, v);
	}
}

static json_t *request_of(const json_t *row)
{
	json_t *request = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}}", "account",
				    "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", "secret",
				    "masterpassphrase", "tx_json", "TransactionType", "Payment",
				    "Account", "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", "Destination",
				    "rnUy2SHTrB9DubsPmkJZUXTf5FcNDGrYEA", "Amount", "1000000000");

	merge(json_object_get(request, "tx_json"), json_object_get(row, "tx"));
	merge(request, json_object_get(row, "request"));
	return request;
}

static json_t *ask(struct fake *f, const char *method, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	json_t *r = fake_call(f, VIA_ADMIN, method, text);

	free(text);
	return r;
}

static void check_row(struct fake *f, size_t i, const json_t *row, const char *method, int version)
{
	const char *wanted = text_of(row, method), *got;
	json_t *request = request_of(row), *r;

	json_object_set_new(request, "api_version", json_integer(version));
	r = ask(f, method, request);
	got = json_string_value(json_object_get(r, wanted[0] == '?' ? "error" : "error_message"));
	got = got ? got : "";
	if (wanted[0] == '?')
		wanted++;
	if (strcmp(got, wanted) != 0)
		fail_msg("row %zu, %s: \"%s\" instead of \"%s\"\n%.*s", i, method, got, wanted,
			 (int)f->reply.n, (char *)f->reply.p);
	json_decref(request);
	json_decref(r);
}

static void the_table(void **state)
{
	static const char *const methods[] = {"sign", "submit", "sign_for", "submit_multisigned"};
	struct fake *f = open_fake(false);
	json_error_t error;
	json_t *rows = json_load_file("tests/rpc/cases/signing.json", 0, &error), *row;
	size_t i;

	(void)state;
	if (!rows)
		fail_msg("line %d: %s", error.line, error.text);
	rpc_close(f->rpc);
	f->host.submit = take;
	f->rpc = rpc_open(&f->host);
	assert_true(json_array_size(rows) > 100);
	json_array_foreach(rows, i, row)
	{
		for (size_t k = 0; k < 8; k++)
			check_row(f, i, row, methods[k / 2], 1 + (int)(k % 2));
	}
	json_decref(rows);
	fake_close(f);
}

/* ---- What is signed */

static struct tx *tx_of(const json_t *answer)
{
	const char *hex = json_string_value(json_object_get(answer, "tx_blob"));
	struct arena a = ARENA_INIT;
	struct why why = {.text = ""};
	struct tx *tx = NULL;

	if (!hex)
		fail_msg("no tx_blob: %s", json_dumps(answer, JSON_COMPACT));
	if (tx_parse(&tx, unhex(&a, hex), &why) != ERR_NONE)
		fail_msg("%s", why.text);
	arena_close(&a);
	return tx;
}

/* The answer to a request given as text, which has to be good. */
static json_t *good(struct fake *f, const char *method, const char *params)
{
	json_t *r = fake_call(f, VIA_ADMIN, method, params);

	if (strcmp(text_of(r, "status"), "success") != 0)
		fail_msg("%s: %.*s", method, (int)f->reply.n, (char *)f->reply.p);
	return r;
}

static const char *member_of(const json_t *r, const char *key)
{
	return text_of(json_object_get(r, "tx_json"), key);
}

#define A "rnUy2SHTrB9DubsPmkJZUXTf5FcNDGrYEA" /* of the passphrase "a" */
#define M "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh" /* of "masterpassphrase" */

static void one_signature(void **state)
{
	struct fake *f = open_fake(true);
	json_t *r = good(f, "sign",
			 "{\"secret\":\"a\",\"tx_json\":{\"TransactionType\":\"AccountSet\","
			 "\"Account\":\"" A "\"},\"api_version\":2}");
	struct tx *tx = tx_of(r);

	(void)state;
	assert_true(tx_signature_valid(tx));
	assert_string_equal(text_of(r, "hash"), hash256_hex(&tx->id).s);
	assert_null(json_object_get(json_object_get(r, "tx_json"), "hash"));
	assert_int_equal(tx->seq, 3);
	assert_int_equal(st_u32_or(tx->fields, sfNetworkID, 0), 21337);
	assert_string_equal(member_of(r, "Fee"), "10");
	tx_unref(tx);
	json_decref(r);

	/* A ticket takes the place of the sequence. */
	r = good(f, "sign",
		 "{\"secret\":\"a\",\"tx_json\":{\"TransactionType\":\"AccountSet\","
		 "\"Account\":\"" A "\",\"TicketSequence\":77}}");
	tx = tx_of(r);
	assert_true(tx->has_ticket && tx->ticket == 77 && tx_signature_valid(tx));
	assert_string_equal(member_of(r, "hash"), hash256_hex(&tx->id).s);
	tx_unref(tx);
	json_decref(r);
	fake_close(f);
}

static void keys_that_fit(void **state)
{
	struct fake *f = open_fake(false);
	struct account_id m = id_of("m");
	char text[300];
	json_t *r;

	(void)state;
	(void)snprintf(text, sizeof(text),
		       "{\"tx_json\":{\"TransactionType\":\"AccountSet\",\"Account\":\"%s\"},"
		       "\"secret\":\"m\"}",
		       account_text(&m).s);
	fake_ask_fails(f, "sign", text, "masterDisabled");
	text[strlen(text) - 3] = 'r'; /* the regular key's */
	r = good(f, "sign", text);
	json_decref(r);
	text[strlen(text) - 3] = 'a';
	fake_ask_fails(f, "sign", text, "badSecret");
	fake_close(f);
}

/* Signed by people in whatever order, the Signers come sorted, and all signatures hold. */
static void several_signatures(void **state)
{
	static const char *const who[] = {"c", "b", "masterpassphrase", "x", "g"};
	struct fake *f = open_fake(true);
	json_t *tx_json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "TransactionType",
				    "Payment", "Account", A, "Destination", M, "Amount", "5", "Fee",
				    "60", "Sequence", 3, "NetworkID", 21337);
	struct tx *tx = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		struct account_id id = id_of(who[i]);
		json_t *request = json_pack("{s:s, s:s, s:O, s:i}", "account", account_text(&id).s,
					    "secret", who[i], "tx_json", tx_json, "api_version",
					    i % 2 ? 1 : 2);
		json_t *r = ask(f, "sign_for", request);

		tx_unref(tx);
		tx = tx_of(r);
		assert_true(tx_signature_valid(tx));
		assert_int_equal(tx->signers, i + 1);
		json_decref(tx_json);
		tx_json = json_incref(json_object_get(r, "tx_json"));
		json_decref(request);
		json_decref(r);
	}
	tx_unref(tx);
	json_decref(tx_json);
	fake_close(f);
}

/* The fee of a simulated transaction is that of as many signatures as it names. */
static void fees_of_signers(void **state)
{
	struct fake *f = open_fake(false);
	json_t *list = json_array(), *request, *r;
	char wanted[24];

	(void)state;
	for (int n = 1; n <= 33; n++) {
		char name[8];
		struct account_id id;

		(void)snprintf(name, sizeof(name), "s%d", n);
		id = id_of(name);
		json_array_append_new(
		    list, json_pack("{s:{s:s}}", "Signer", "Account", account_text(&id).s));
		request = json_pack("{s:{s:s, s:s, s:O}}", "tx_json", "TransactionType",
				    "AccountSet", "Account", A, "Signers", list);
		r = ask(f, "simulate", request);
		/* More than 32 make no transaction, whose fee could be said. */
		(void)snprintf(wanted, sizeof(wanted), "%d", n <= 32 ? 10 * (n + 1) : 10);
		assert_string_equal(member_of(r, "Fee"), wanted);
		json_decref(request);
		json_decref(r);
	}
	json_decref(list);
	fake_close(f);
}

#define LOAN                                                                                       \
	"{\"TransactionType\":\"LoanSet\",\"Account\":\"" A "\",\"Counterparty\":\"" M "\","       \
	"\"LoanBrokerID\":\"AA00000000000000000000000000000000000000000000000000000000000000\","   \
	"\"PrincipalRequested\":\"5\"}"

/* Both sides of a loan sign the same transaction. */
static void signature_of_the_other_side(void **state)
{
	struct fake *f = open_fake(false);
	const struct st_object *part;
	char text[3000];
	char *signed_json;
	struct tx *tx;
	json_t *r;

	(void)state;
	(void)snprintf(text, sizeof(text), "{\"secret\":\"a\",\"tx_json\":%s}", LOAN);
	r = good(f, "sign", text);
	signed_json = json_dumps(json_object_get(r, "tx_json"), JSON_COMPACT);
	json_decref(r);
	(void)snprintf(text, sizeof(text),
		       "{\"secret\":\"masterpassphrase\",\"signature_target\":"
		       "\"CounterpartySignature\",\"tx_json\":%s}",
		       signed_json);
	r = good(f, "sign", text);
	tx = tx_of(r);
	part = st_get_object(tx->fields, sfCounterpartySignature);
	assert_true(tx_signature_valid(tx));
	assert_non_null(part);
	assert_true(st_has(part, sfSigningPubKey) && st_has(part, sfTxnSignature));
	tx_unref(tx);
	json_decref(r);

	free(signed_json);
	fake_close(f);
}

/* Both sides with several signatures each. */
static void signatures_of_both_sides(void **state)
{
	static const char *const who[] = {"g", "c", "d", "x"};
	struct fake *f = open_fake(false);
	json_t *tx_json = json_loads(LOAN, 0, NULL);
	const struct st_object *part;
	struct tx *tx = NULL;

	(void)state;
	json_object_set_new(tx_json, "Fee", json_string("50"));
	json_object_set_new(tx_json, "Sequence", json_integer(3));
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		struct account_id id = id_of(who[i]);
		json_t *request = json_pack("{s:s, s:s, s:O}", "account", account_text(&id).s,
					    "secret", who[i], "tx_json", tx_json);
		json_t *r;

		if (i >= 2)
			json_object_set_new(request, "signature_target",
					    json_string("CounterpartySignature"));
		r = ask(f, "sign_for", request);
		tx_unref(tx);
		tx = tx_of(r);
		json_decref(tx_json);
		tx_json = json_incref(json_object_get(r, "tx_json"));
		json_decref(request);
		json_decref(r);
	}
	part = st_get_object(tx->fields, sfCounterpartySignature);
	assert_int_equal(tx->signers, 2);
	assert_non_null(part);
	assert_int_equal(st_get_array(part, sfSigners)->n, 2);
	assert_true(tx_signature_valid(tx));
	tx_unref(tx);
	json_decref(tx_json);
	fake_close(f);
}

/* ---- What is submitted signed already */

static void assert_refused(struct fake *f, struct st_object *fields, const char *reason)
{
	struct buf blob = BUF_INIT;
	struct person alice = person("alice");
	json_t *params = json_object(), *r;
	char hex[4000];

	tx_sign(fields, alice.key);
	st_encode(&blob, fields, ST_ALL);
	assert_true(2 * blob.n < sizeof(hex));
	hex_encode(hex, blob.p, blob.n);
	json_object_set_new(params, "tx_blob", json_string(hex));
	r = ask(f, "submit", params);
	fake_assert_error(r, "invalidTransaction");
	assert_string_equal(text_of(r, "error_exception"), reason);
	json_decref(params);
	json_decref(r);
	buf_close(&blob);
}

static struct st_object *fields_of(struct arena *a, uint16_t type)
{
	struct person alice = person("alice");
	struct st_object *o = st_new(a);

	st_set_u(o, sfTransactionType, type);
	st_set_account(o, sfAccount, &alice.id);
	st_set_drops(o, sfFee, drops_of(10));
	st_set_u(o, sfSequence, 5);
	return o;
}

static struct st_object *with_memo(struct arena *a, enum sf f, const char *value, size_t n)
{
	struct st_object *o = fields_of(a, ttAccountSet);
	struct st_object *memo = st_array_add(st_set_array(o, sfMemos), a, sfMemo);
	uint8_t *raw = arena_alloc(a, n);

	memset(raw, value[0], n);
	st_set_raw(memo, f, bytes_of(raw, n));
	return o;
}

static void blobs_are_checked(void **state)
{
	struct fake *f = open_fake(false);
	struct arena a = ARENA_INIT;
	struct st_object *o;

	(void)state;
	assert_refused(f, with_memo(&a, sfMemoData, "x", 1100),
		       "fails local checks: The memo exceeds the maximum allowed size.");
	assert_refused(f, with_memo(&a, sfMemoType, " ", 1),
		       "fails local checks: The MemoType and MemoFormat fields may only contain "
		       "characters that are allowed in URLs under RFC 3986.");
	assert_refused(f, with_memo(&a, sfTxnSignature, "x", 1),
		       "fails local checks: A memo may contain only MemoType, MemoData or "
		       "MemoFormat fields.");
	assert_refused(f, fields_of(&a, ttPayment), "Field 'Destination' is required but missing.");
	o = fields_of(&a, ttAccountSet);
	st_set_u(o, sfTicketCount, 1);
	assert_refused(f, o, "Field 'TicketCount' found in disallowed location.");
	arena_close(&a);
	fake_close(f);
}

/* ---- What the fee is when others want the same */

static json_t *simulate(struct fake *f, struct fake_via via, const char *more)
{
	char text[400];

	(void)snprintf(text, sizeof(text),
		       "{\"tx_json\":{\"TransactionType\":\"AccountSet\",\"Account\":\"" A "\"%s}}",
		       more);
	return fake_call(f, via, "simulate", text);
}

static void assert_fee(struct fake *f, struct fake_via via, uint32_t load, uint64_t level,
		       const char *fee)
{
	json_t *r;

	f->node.load = load;
	f->node.open_level = level;
	r = simulate(f, via, "");
	if (fee) {
		assert_string_equal(member_of(r, "Fee"), fee);
		assert_string_equal(text_of(r, "engine_result"), "tesSUCCESS");
	} else {
		fake_assert_error(r, "highFee");
	}
	json_decref(r);
}

/* As rippled's JSONRPC_test.cpp has the numbers. */
static void fees_under_load(void **state)
{
	struct fake *f = open_fake(false);
	json_t *r;

	(void)state;
	assert_fee(f, VIA_HTTP, 256, 256, "10");
	assert_fee(f, VIA_HTTP, 600, 256, "23");
	assert_fee(f, VIA_ADMIN, 600, 256, "10");
	assert_fee(f, VIA_HTTP, 1220, 256, "47");
	assert_fee(f, VIA_ADMIN, 1220, 256, "47");
	assert_fee(f, VIA_HTTP, 256, 257, "11");
	assert_fee(f, VIA_HTTP, 256, 2560, "100");
	assert_fee(f, VIA_HTTP, 1220, 2560, "100");
	assert_fee(f, VIA_HTTP, 256, 2816, NULL);
	assert_fee(f, VIA_HTTP, 2817, 256, NULL);
	/* Bounds are for sign; its caller may ask for more, or for less. */
	f->node.load = 256;
	f->node.open_level = 128000;
	r = good(f, "sign",
		 "{\"secret\":\"a\",\"fee_mult_max\":700,\"tx_json\":{\"TransactionType\":"
		 "\"AccountSet\",\"Account\":\"" A "\"}}");
	assert_string_equal(member_of(r, "Fee"), "5000");
	json_decref(r);
	fake_ask_fails(f, "sign",
		       "{\"secret\":\"a\",\"fee_mult_max\":999,\"fee_div_max\":2,\"tx_json\":"
		       "{\"TransactionType\":\"AccountSet\",\"Account\":\"" A "\"}}",
		       "highFee");
	fake_close(f);
}

/* What would have to wait, or whose turn has not come, is not tried. */
static void simulated_only_what_goes_in(void **state)
{
	static const struct {
		const char *more, *result;
	} rows[] = {
	    {",\"Sequence\":3", "tesSUCCESS"},
	    {",\"Sequence\":2", "telCAN_NOT_QUEUE"},
	    {",\"Sequence\":4", "telCAN_NOT_QUEUE"},
	    {",\"Fee\":\"9\"", "telCAN_NOT_QUEUE"},
	    {",\"Fee\":9", "telCAN_NOT_QUEUE"},
	    {",\"TicketSequence\":2", "tefNO_TICKET"},
	    {",\"TicketSequence\":9", "terPRE_TICKET"},
	    {",\"Flags\":32", "temINVALID_FLAG"},
	    {",\"Sequence\":4,\"Flags\":32", "temINVALID_FLAG"},
	    {",\"LastLedgerSequence\":2", "tefMAX_LEDGER"},
	    {",\"Signers\":[{\"Signer\":{\"Account\":\"" M "\"}}]", "tefNOT_MULTI_SIGNING"},
	};
	struct fake *f = open_fake(false);
	json_t *r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = simulate(f, VIA_HTTP, rows[i].more);
		if (strcmp(text_of(r, "status"), "success") != 0 ||
		    strcmp(text_of(r, "engine_result"), rows[i].result) != 0)
			fail_msg("%s: %.*s", rows[i].more, (int)f->reply.n, (char *)f->reply.p);
		assert_true(json_is_false(json_object_get(r, "applied")));
		json_decref(r);
	}
	/* Nobody, pseudo-transactions, and types that are not there. */
	r = fake_call(f, VIA_HTTP, "simulate",
		      "{\"tx_json\":{\"TransactionType\":\"AccountSet\",\"Account\":"
		      "\"rDg53Haik2475DJx8bjMDSDPj4VX7htaMd\",\"Sequence\":5}}");
	assert_string_equal(text_of(r, "engine_result"), "telCAN_NOT_QUEUE");
	json_decref(r);
	r = fake_call(f, VIA_HTTP, "simulate",
		      "{\"tx_json\":{\"TransactionType\":\"EnableAmendment\",\"Account\":"
		      "\"rrrrrrrrrrrrrrrrrrrrrhoLvTp\",\"Sequence\":0,\"Fee\":\"0\","
		      "\"LedgerSequence\":9,\"Amendment\":"
		      "\"AA00000000000000000000000000000000000000000000000000000000000000\"}}");
	assert_string_equal(text_of(r, "engine_result"), "telCAN_NOT_QUEUE");
	json_decref(r);
	r = fake_call(f, VIA_HTTP, "simulate",
		      "{\"tx_json\":{\"TransactionType\":\"CheckCreate\",\"Account\":\"" A
		      "\",\"Destination\":\"" M "\",\"SendMax\":\"5\"}}");
	assert_string_equal(text_of(r, "engine_result"), "temDISABLED");
	json_decref(r);
	fake_close(f);
}

static void busy_for_others(void **state)
{
	struct fake *f = open_fake(false);
	json_t *r;

	(void)state;
	f->node.load = 320;
	r = fake_call(f, VIA_HTTP, "submit_multisigned",
		      "{\"tx_json\":{\"TransactionType\":\"AccountSet\",\"Account\":\"" A
		      "\",\"Sequence\":3,\"SigningPubKey\":\"\"}}");
	fake_assert_error(r, "tooBusy");
	json_decref(r);
	fake_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_table),
	    cmocka_unit_test(one_signature),
	    cmocka_unit_test(keys_that_fit),
	    cmocka_unit_test(several_signatures),
	    cmocka_unit_test(fees_of_signers),
	    cmocka_unit_test(signature_of_the_other_side),
	    cmocka_unit_test(signatures_of_both_sides),
	    cmocka_unit_test(blobs_are_checked),
	    cmocka_unit_test(fees_under_load),
	    cmocka_unit_test(simulated_only_what_goes_in),
	    cmocka_unit_test(busy_for_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
