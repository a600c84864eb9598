/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/scenario.h"

#include "crypto/base58.h"
#include "rpc/call.h"

#include <stdio.h>
#include <stdlib.h>

/* What an account owns, made by transactions: hundreds of tickets over many directory pages, read
 * page by page while they come and go; types, blockers, signer lists, deposits. */

#define TICKETS 250

struct own {
	struct fake *f;
	struct person alice;
	uint32_t seq; /* alice's next */
};

static struct st_object *fields_of(struct own *o, struct arena *a, uint16_t type)
{
	struct st_object *tx = st_new(a);

	st_set_u(tx, sfTransactionType, type);
	st_set_account(tx, sfAccount, &o->alice.id);
	st_set_drops(tx, sfFee, drops_of(10));
	st_set_u(tx, sfFlags, 0);
	st_set_u(tx, sfSequence, o->seq);
	return tx;
}

static void apply(struct own *o, struct st_object *fields)
{
	struct tx *tx = signed_by("alice", fields);

	assert_int_equal(fake_apply(o->f, tx, NULL), tesSUCCESS);
	tx_unref(tx);
	o->seq = node_next_sequence(&o->f->node, &o->alice.id);
}

static void create_tickets(struct own *o, uint32_t n)
{
	struct arena a = ARENA_INIT;
	struct st_object *tx = fields_of(o, &a, ttTicketCreate);

	st_set_u(tx, sfTicketCount, n);
	apply(o, tx);
	arena_close(&a);
}

static void use_ticket(struct own *o, uint32_t ticket)
{
	struct arena a = ARENA_INIT;
	struct st_object *tx = fields_of(o, &a, ttAccountSet);

	st_set_u(tx, sfSequence, 0);
	st_set_u(tx, sfTicketSequence, ticket);
	apply(o, tx);
	arena_close(&a);
}

static void own_open(struct own *o)
{
	o->f = scenario_open(false, false);
	o->alice = person("alice");
	o->seq = node_next_sequence(&o->f->node, &o->alice.id);
}

/* One page; the caller's reference. */
static json_t *page_of(struct own *o, uint32_t limit, const char *marker, const char *more)
{
	char params[500];

	(void)snprintf(params, sizeof(params), "{\"account\":\"%s\",\"limit\":%u%s%s%s%s}",
		       account_text(&o->alice.id).s, limit, marker ? ",\"marker\":\"" : "",
		       marker ? marker : "", marker ? "\"" : "", more);
	return fake_call(o->f, VIA_ADMIN, "account_objects", params);
}

/* Every entry's index, page by page. */
static json_t *indexes_of(struct own *o, uint32_t limit, const char *more)
{
	json_t *all = json_array(), *entry;
	char marker[120];
	bool on = false;
	size_t i;

	do {
		json_t *r = page_of(o, limit, on ? marker : NULL, more);
		json_t *list = json_object_get(r, "account_objects");
		const char *next = json_string_value(json_object_get(r, "marker"));

		assert_string_equal(text_of(r, "status"), "success");
		assert_true(json_array_size(list) <= limit);
		assert_true(!next == !json_object_get(r, "limit"));
		json_array_foreach(list, i, entry)
		    json_array_append(all, json_object_get(entry, "index"));
		on = next != NULL;
		(void)snprintf(marker, sizeof(marker), "%s", next ? next : "");
		json_decref(r);
	} while (on);
	return all;
}

static void pages_of_any_size(void **state)
{
	static const uint32_t limits[] = {1, 7, 31, 32, 33, 64, 100, 249, 250, 251};
	struct own o;
	json_t *all, *some;

	(void)state;
	own_open(&o);
	create_tickets(&o, TICKETS);
	all = indexes_of(&o, 400, "");
	assert_int_equal(json_array_size(all), TICKETS);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		some = indexes_of(&o, limits[i], "");
		assert_true(json_equal(all, some));
		json_decref(some);
	}
	some = indexes_of(&o, 40, ",\"type\":\"ticket\"");
	assert_true(json_equal(all, some));
	json_decref(some);
	some = indexes_of(&o, 40, ",\"type\":\"signer_list\"");
	assert_int_equal(json_array_size(some), 0);
	json_decref(some);
	some = indexes_of(&o, 40, ",\"deletion_blockers_only\":true");
	assert_int_equal(json_array_size(some), 0);
	json_decref(some);
	json_decref(all);
	fake_close(o.f);
}

/* Entries that stay are shown once each, whatever else comes and goes between two pages; a marker
 * whose entry is gone is refused. A page of a validated ledger does not change at all. */
static void pages_that_change(void **state)
{
	struct own o;
	json_t *before, *r, *again;
	const char *marker;

	(void)state;
	own_open(&o);
	create_tickets(&o, TICKETS);
	fake_close_ledger(o.f, true);
	r = page_of(&o, 100, NULL, "");
	marker = text_of(r, "marker");
	before = json_incref(json_object_get(r, "account_objects"));
	/* The first hundred but the last shown go; new ones come. */
	for (size_t i = 0; i < 99; i++)
		use_ticket(&o, number_of(json_array_get(before, i), "TicketSequence"));
	create_tickets(&o, 5);
	again = page_of(&o, 400, marker, "");
	assert_int_equal(json_array_size(json_object_get(again, "account_objects")), 155);
	json_decref(again);
	again = page_of(&o, 400, marker, ",\"ledger_index\":\"validated\"");
	assert_int_equal(json_array_size(json_object_get(again, "account_objects")), 150);
	json_decref(again);
	use_ticket(&o, number_of(json_array_get(before, 99), "TicketSequence"));
	again = page_of(&o, 400, marker, "");
	fake_assert_error(again, "invalidParams");
	json_decref(again);
	again = indexes_of(&o, 50, "");
	assert_int_equal(json_array_size(again), 155);
	json_decref(again);
	json_decref(before);
	json_decref(r);
	fake_close(o.f);
}

/* ---- Other kinds */

static void add_list(struct own *o)
{
	struct arena a = ARENA_INIT;
	struct st_object *tx = fields_of(o, &a, ttSignerListSet);
	struct person bob = person("bob");
	struct st_object *e = st_array_add(st_set_array(tx, sfSignerEntries), &a, sfSignerEntry);

	st_set_account(e, sfAccount, &bob.id);
	st_set_u(e, sfSignerWeight, 1);
	st_set_u(tx, sfSignerQuorum, 1);
	apply(o, tx);
	arena_close(&a);
}

static void allow_bob(struct own *o)
{
	struct arena a = ARENA_INIT;
	struct st_object *tx = fields_of(o, &a, ttDepositPreauth);
	struct person bob = person("bob");

	st_set_account(tx, sfAuthorize, &bob.id);
	apply(o, tx);
	arena_close(&a);
}

static void want_consent(struct own *o)
{
	struct arena a = ARENA_INIT;
	struct st_object *tx = fields_of(o, &a, ttAccountSet);

	st_set_u(tx, sfSetFlag, asfDepositAuth);
	apply(o, tx);
	arena_close(&a);
}

/* ${alice} and ${bob} in the parameters are their addresses. */
static json_t *ask(struct own *o, const char *method, const char *params)
{
	json_t *in = json_loads(params, 0, NULL), *filled = scenario_fill(o->f, in), *r;
	char *text = json_dumps(filled, JSON_COMPACT);

	r = fake_call(o->f, VIA_HTTP, method, text);
	assert_string_equal(text_of(r, "status"), "success");
	free(text);
	json_decref(filled);
	json_decref(in);
	return r;
}

static bool bob_may_pay(struct own *o)
{
	json_t *r = ask(o, "deposit_authorized",
			"{\"source_account\":\"${bob}\",\"destination_account\":\"${alice}\"}");
	bool may = json_is_true(json_object_get(r, "deposit_authorized"));

	json_decref(r);
	return may;
}

static size_t count_of(struct own *o, const char *type)
{
	char more[100];
	json_t *all;
	size_t n;

	(void)snprintf(more, sizeof(more), ",\"type\":\"%s\"", type);
	all = indexes_of(o, 20, more);
	n = json_array_size(all);
	json_decref(all);
	return n;
}

static void all_kinds(void **state)
{
	struct own o;
	json_t *r;

	(void)state;
	own_open(&o);
	assert_true(bob_may_pay(&o));
	want_consent(&o);
	assert_false(bob_may_pay(&o));
	allow_bob(&o);
	assert_true(bob_may_pay(&o));
	add_list(&o);
	create_tickets(&o, 3);
	assert_int_equal(count_of(&o, "ticket"), 3);
	assert_int_equal(count_of(&o, "TICKET"), 3);
	assert_int_equal(count_of(&o, "signer_list"), 1);
	assert_int_equal(count_of(&o, "SignerList"), 1);
	assert_int_equal(count_of(&o, "deposit_preauth"), 1);
	assert_int_equal(count_of(&o, "DepositPreauth"), 1);
	assert_int_equal(count_of(&o, "account"), 0);
	/* None of them keeps the account from being deleted. */
	r = page_of(&o, 20, NULL, ",\"deletion_blockers_only\":true");
	assert_int_equal(json_array_size(json_object_get(r, "account_objects")), 0);
	json_decref(r);
	r = ask(&o, "account_info",
		"{\"account\":\"${alice}\",\"signer_lists\":true,\"api_version\":2}");
	assert_int_equal(json_array_size(json_object_get(r, "signer_lists")), 1);
	assert_true(
	    json_is_true(json_object_get(json_object_get(r, "account_flags"), "depositAuth")));
	json_decref(r);
	r = ask(&o, "noripple_check", "{\"account\":\"${alice}\",\"role\":\"user\"}");
	assert_int_equal(json_array_size(json_object_get(r, "problems")), 0);
	json_decref(r);
	r = ask(&o, "gateway_balances", "{\"account\":\"${alice}\"}");
	assert_null(json_object_get(r, "obligations"));
	json_decref(r);
	fake_close(o.f);
}

/* Signers without signatures: whether they may sign is looked at all the same. */
static void assert_signer(struct own *o, const char *key, const char *account, const char *result)
{
	char text[500];
	json_t *r;

	(void)snprintf(text, sizeof(text),
		       "{\"tx_json\":{\"TransactionType\":\"AccountSet\",\"Account\":\"${alice}\","
		       "\"Signers\":[{\"Signer\":{\"Account\":\"%s\"%s%s%s}}]}}",
		       account, key ? ",\"SigningPubKey\":\"" : "", key ? key : "",
		       key ? "\"" : "");
	r = ask(o, "simulate", text);
	assert_string_equal(text_of(r, "engine_result"), result);
	assert_string_equal(text_of(json_object_get(r, "tx_json"), "Fee"), "20");
	json_decref(r);
}

static void simulated_signers(void **state)
{
	struct person bob = person("bob"), carol = person("carol");
	char bobs[80], carols[80];
	struct own o;

	(void)state;
	own_open(&o);
	hex_encode(bobs, bob.pub.b, sizeof(bob.pub.b));
	hex_encode(carols, carol.pub.b, sizeof(carol.pub.b));
	assert_signer(&o, NULL, "${bob}", "tefNOT_MULTI_SIGNING");
	add_list(&o);
	assert_signer(&o, NULL, "${bob}", "tesSUCCESS");
	assert_signer(&o, bobs, "${bob}", "tesSUCCESS");
	assert_signer(&o, carols, "${bob}", "tefBAD_SIGNATURE");
	assert_signer(&o, NULL, "${carol}", "tefBAD_SIGNATURE");
	assert_signer(&o, NULL, "${nobody}", "tefBAD_SIGNATURE");
	fake_close(o.f);
}

/* Each type's short and long name, and what is none that an account owns. */
static void names_of_types(void **state)
{
	static const char *const never[] = {"amendments",  "directory", "fee", "hashes",     "nunl",
					    "FeeSettings", "nonsense",  "",    "Signer_List"};
	struct own o;
	json_t *r;
	char more[100];
	uint32_t names = 0;

	(void)state;
	own_open(&o);
	for (uint16_t type = 1; type < 256; type++) {
		const char *name = entry_short_name(type);

		if (!name || type == ltAmendments || type == ltDirectoryNode ||
		    type == ltFeeSettings || type == ltLedgerHashes || type == ltNegativeUNL)
			continue;
		names++;
		assert_int_equal(count_of(&o, name), 0);
		assert_int_equal(count_of(&o, entry_type_name(type)), 0);
	}
	assert_true(names >= 25);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		(void)snprintf(more, sizeof(more), ",\"type\":\"%s\"", never[i]);
		r = page_of(&o, 20, NULL, more);
		fake_assert_error(r, "invalidParams");
		assert_string_equal(text_of(r, "error_message"), "Invalid field 'type'.");
		json_decref(r);
	}
	fake_close(o.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pages_of_any_size), cmocka_unit_test(pages_that_change),
	    cmocka_unit_test(all_kinds),         cmocka_unit_test(simulated_signers),
	    cmocka_unit_test(names_of_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
