/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/golden.h"
#include "tests/rpc/scenario.h"

#include "crypto/base58.h"
#include "rpc/settings.h"

#include <stdio.h>

/* What administrators set: outlives the process, is told to the host, and is never lost to a text
 * that cannot be read or written. */

static struct base58_text key_of(const char *who)
{
	struct public_key key = person(who).pub;

	return node_public_text(&key);
}

static void golden_upkeep(void **state)
{
	(void)state;
	golden_run(scenario_open(true, true), "upkeep");
}

static void golden_reservations(void **state)
{
	(void)state;
	golden_run(scenario_open(true, false), "reservations");
}

static void again(struct fake *f)
{
	rpc_close(f->rpc);
	f->reserved = f->deletable = 7777;
	f->rpc = rpc_open(&f->host);
}

static json_t *call(struct fake *f, const char *method, const char *params)
{
	json_t *r = fake_call(f, VIA_ADMIN, method, params);

	assert_string_equal(text_of(r, "status"), "success");
	return r;
}

static json_t *add(struct fake *f, const char *who, const char *description)
{
	char params[300];

	(void)snprintf(params, sizeof(params), "{\"public_key\":\"%s\",\"description\":\"%s\"}",
		       key_of(who).s, description);
	return call(f, "peer_reservations_add", params);
}

static void settings_outlive_the_process(void **state)
{
	struct fake *f = scenario_open(true, false);
	json_t *r;

	(void)state;
	assert_int_equal(f->reserved, 0);
	json_decref(add(f, "v1", "one"));
	json_decref(add(f, "v2", ""));
	json_decref(call(f, "can_delete", "{\"can_delete\":5}"));
	assert_int_equal(f->reserved, 2);
	assert_int_equal(f->deletable, 5);
	again(f);
	assert_int_equal(f->reserved, 2);
	assert_int_equal(f->deletable, 5);
	r = call(f, "peer_reservations_list", "{}");
	assert_int_equal(json_array_size(json_object_get(r, "reservations")), 2);
	json_decref(r);
	r = add(f, "v1", "other");
	assert_string_equal(text_of(json_object_get(r, "previous"), "description"), "one");
	json_decref(r);
	r = call(f, "can_delete", "{}");
	assert_int_equal(number_of(r, "can_delete"), 5);
	json_decref(r);
	fake_close(f);
}

static bool vetoed(struct fake *f)
{
	json_t *r = call(f, "feature", "{\"feature\":\"MPTokensV2\"}"), *v;
	const char *key;
	bool is = false;

	json_object_foreach(r, key, v) if (json_is_object(v))
	    is = json_is_true(json_object_get(v, "vetoed"));
	json_decref(r);
	return is;
}

static void votes_outlive_the_process(void **state)
{
	struct fake *f = scenario_open(true, false);

	(void)state;
	assert_true(vetoed(f));
	json_decref(call(f, "feature", "{\"feature\":\"MPTokensV2\",\"vetoed\":false}"));
	assert_false(vetoed(f));
	again(f);
	assert_false(vetoed(f));
	json_decref(call(f, "feature", "{\"feature\":\"MPTokensV2\",\"vetoed\":true}"));
	again(f);
	assert_true(vetoed(f));
	fake_close(f);
}

static bool wanted(struct fake *f, const char *name)
{
	const struct amendment *a = amendment_by_name(name, strlen(name));

	for (uint32_t i = 0; i < f->n_wanted; i++)
		if (hash256_eq(&f->wanted[i], &a->id))
			return true;
	return false;
}

/* By default, then as configured, then as was said by the API; the node hears of each change. */
static void the_node_votes_so(void **state)
{
	struct fake *f = scenario_open(true, false);
	struct rpc_vote configured[2] = {
	    {amendment_by_name("fixCleanup3_2_0", 15)->id, false},
	    {amendment_by_name("fixCleanup3_1_3", 15)->id, true},
	};
	json_t *r;

	(void)state;
	assert_true(wanted(f, "fixCleanup3_1_3")); /* by default */
	assert_false(wanted(f, "fixCleanup3_2_0"));
	json_decref(call(f, "feature", "{\"feature\":\"MPTokensV2\",\"vetoed\":false}"));
	assert_true(wanted(f, "MPTokensV2"));
	f->host.votes = configured;
	f->host.n_votes = 2;
	again(f);
	assert_false(wanted(f, "fixCleanup3_1_3"));
	assert_true(wanted(f, "fixCleanup3_2_0"));
	assert_true(wanted(f, "MPTokensV2"));
	json_decref(call(f, "feature", "{\"feature\":\"fixCleanup3_2_0\",\"vetoed\":true}"));
	again(f);
	assert_false(wanted(f, "fixCleanup3_2_0"));
	/* what is obsolete stays so */
	r = call(f, "feature", "{\"feature\":\"Escrow\",\"vetoed\":false}");
	assert_string_equal(
	    text_of(json_object_get(r, hash256_hex(&amendment_by_name("Escrow", 6)->id).s),
		    "vetoed"),
	    "Obsolete");
	json_decref(r);
	assert_false(wanted(f, "Escrow"));
	fake_close(f);
}

static void a_text_that_cannot_be_read_is_not_written_over(void **state)
{
	static const char *const bad[] = {"", "{", "{}", "{\"value\":7}",
					  "{\"value\":[{\"node\":1}]}"};
	struct fake *f = scenario_open(true, false);
	char params[100];

	(void)state;
	json_decref(add(f, "v1", "one"));
	(void)snprintf(params, sizeof(params), "{\"public_key\":\"%s\"}", key_of("v2").s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_clear(&f->setting[0]);
		buf_put(&f->setting[0], bad[i], strlen(bad[i]));
		again(f);
		assert_int_equal(f->reserved, 0);
		fake_ask_fails(f, "peer_reservations_add", params, "internal");
		assert_int_equal(f->setting[0].n, strlen(bad[i]));
	}
	fake_close(f);
}

static void history_stays_when_the_setting_is_damaged(void **state)
{
	struct fake *f = scenario_open(true, false);

	(void)state;
	json_decref(call(f, "can_delete", "{\"can_delete\":\"always\"}"));
	assert_int_equal(f->deletable, UINT32_MAX);
	buf_clear(&f->setting[0]);
	again(f);
	assert_int_equal(f->deletable, 0);
	fake_close(f);
}

static void what_cannot_be_kept_is_not_set(void **state)
{
	struct fake *f = scenario_open(true, false);
	char params[100];
	json_t *r;

	(void)state;
	json_decref(add(f, "v1", "one"));
	f->settings_full = true;
	(void)snprintf(params, sizeof(params), "{\"public_key\":\"%s\"}", key_of("v1").s);
	fake_ask_fails(f, "peer_reservations_del", params, "internal");
	fake_ask_fails(f, "can_delete", "{\"can_delete\":5}", "internal");
	fake_ask_fails(f, "feature", "{\"feature\":\"MPTokensV2\",\"vetoed\":false}", "internal");
	assert_true(vetoed(f));
	assert_false(wanted(f, "MPTokensV2"));
	assert_int_equal(f->reserved, 1);
	r = call(f, "peer_reservations_list", "{}");
	assert_int_equal(json_array_size(json_object_get(r, "reservations")), 1);
	json_decref(r);
	r = call(f, "can_delete", "{}");
	assert_true(json_integer_value(json_object_get(r, "can_delete")) == UINT32_MAX);
	json_decref(r);
	fake_close(f);
}

static void there_are_so_many_places(void **state)
{
	struct fake *f = scenario_open(true, false);
	char params[120];

	(void)state;
	for (int i = 0; i < PEERS_RESERVED_MAX; i++) {
		struct seed seed = {{(uint8_t)i, 1}};
		struct public_key key;

		ed25519_public_of_seed(&key, &seed);
		(void)snprintf(params, sizeof(params), "{\"public_key\":\"%s\"}",
			       node_public_text(&key).s);
		json_decref(call(f, "peer_reservations_add", params));
	}
	assert_int_equal(f->reserved, PEERS_RESERVED_MAX);
	json_decref(call(f, "peer_reservations_add", params)); /* again: it is there */
	(void)snprintf(params, sizeof(params), "{\"public_key\":\"%s\"}", key_of("v1").s);
	fake_ask_fails(f, "peer_reservations_add", params, "invalidParams");
	assert_int_equal(f->reserved, PEERS_RESERVED_MAX);
	fake_close(f);
}

static void without_a_host_for_them(void **state)
{
	struct fake *f = scenario_open(true, false);
	char params[120];

	(void)state;
	rpc_close(f->rpc);
	f->host.setting_read = NULL;
	f->host.setting_write = NULL;
	f->host.deletable = NULL;
	f->host.check = NULL;
	f->host.charged = NULL;
	f->rpc = rpc_open(&f->host);
	(void)snprintf(params, sizeof(params), "{\"public_key\":\"%s\"}", key_of("v1").s);
	fake_ask_fails(f, "peer_reservations_add", params, "internal");
	fake_ask_fails(f, "can_delete", "{}", "notEnabled");
	fake_ask_fails(f, "ledger_cleaner", "{}", "notEnabled");
	json_decref(call(f, "blacklist", "{}"));
	fake_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_upkeep),
	    cmocka_unit_test(golden_reservations),
	    cmocka_unit_test(settings_outlive_the_process),
	    cmocka_unit_test(votes_outlive_the_process),
	    cmocka_unit_test(the_node_votes_so),
	    cmocka_unit_test(a_text_that_cannot_be_read_is_not_written_over),
	    cmocka_unit_test(history_stays_when_the_setting_is_damaged),
	    cmocka_unit_test(what_cannot_be_kept_is_not_set),
	    cmocka_unit_test(there_are_so_many_places),
	    cmocka_unit_test(without_a_host_for_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
