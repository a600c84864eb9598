/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/golden.h"
#include "tests/rpc/scenario.h"

#include "base/limits.h"
#include "crypto/base58.h"
#include "rpc/call.h"

#include <stdio.h>

/* Every error token once. Most come from requests alone: their table is the transcripts,
 * golden/tokens.json for those that no other transcript has. Here are those that a node has to be
 * in trouble for. tests/checks/api.py finds tokens of src/rpc that neither has. */

/* ---- Troubles: what is done to the scenario's node before it is asked */

static void behind(struct fake *f)
{
	f->clock.s += RPC_VALIDATED_AGE_MAX + 100;
}

static void connected(struct fake *f)
{
	f->node.state = NODE_CONNECTED;
}

static void unread(struct fake *f)
{
	f->history_err = ERR_IO;
}

static void no_index(struct fake *f)
{
	f->history.recent = NULL;
}

static void lists_expired(struct fake *f)
{
	f->node.unl_blocked = true;
}

static void too_old(struct fake *f)
{
	f->node.amendment_blocked = true;
}

static void never_answered(void *ctx, struct tx *tx, bool fail_hard, uint64_t token)
{
	(void)ctx;
	(void)tx;
	(void)fail_hard;
	(void)token;
}

static char *submit_text(struct fake *f)
{
	static char text[1000];
	char *blob = scenario_payment(f, "alice", 7, "bob", 100);

	assert_true((size_t)snprintf(text, sizeof(text), "{\"tx_blob\":\"%s\"}", blob) <
		    sizeof(text));
	mem_free(blob);
	return text;
}

/* As many calls wait for the node as may. */
static void crowded(struct fake *f)
{
	char text[1100];

	(void)snprintf(text, sizeof(text), "{\"method\":\"submit\",\"params\":[%s]}",
		       submit_text(f));
	rpc_close(f->rpc);
	f->host.submit = never_answered;
	f->rpc = rpc_open(&f->host);
	f->deferred = true;
	for (uint32_t i = 0; i < RPC_PENDING_MAX; i++)
		fake_ask_text(f, VIA_HTTP, text);
}

struct row {
	const char *token;
	void (*trouble)(struct fake *f);
	const char *method, *params; /* params NULL: a payment */
	unsigned version;
};

/* clang-format off */
static const struct row rows[] = {
	{"noCurrent",  behind,        "fee",         "{}",                                 1},
	{"notSynced",  behind,        "fee",         "{}",                                 2},
	{"notSynced",  connected,     "tx",          "{}",                                 2},
	{"noNetwork",  connected,     "tx",          "{}",                                 1},
	{"noNetwork",  behind,        "ledger",      "{\"ledger_index\":\"validated\"}",   1},
	{"internal",   unread,        "ledger",      "{\"ledger_index\":2}",               1},
	{"internal",   unread,        "ledger",      "{\"ledger_index\":2}",               2},
	{"notEnabled", no_index,      "tx_history",  "{\"start\":0}",                      1},
	{"unlBlocked", lists_expired, "fee",         "{}",                                 1},
	{"unlBlocked", lists_expired, "submit",      NULL,                                 2},
	{"amendmentBlocked", too_old, "fee",         "{}",                                 1},
	{"amendmentBlocked", too_old, "submit",      NULL,                                 2},
	{"tooBusy",    crowded,       "submit",      NULL,                                 1},
	{"tooBusy",    crowded,       "submit",      NULL,                                 2},
};
/* clang-format on */

static void ask(struct fake *f, const struct row *row, struct fake_via via)
{
	const char *params = row->params ? row->params : submit_text(f);
	char text[1200];
	json_t *reply, *error;

	(void)snprintf(text, sizeof(text),
		       via.websocket ? "{\"command\":\"%s\",\"api_version\":%u%s%s"
				     : "{\"method\":\"%s\",\"params\":[{\"api_version\":%u%s%s]}",
		       row->method, row->version, params[1] == '}' ? "" : ",", params + 1);
	reply = fake_ask(f, via, text);
	error = via.websocket ? reply : json_object_get(reply, "result");
	fake_assert_error(error, row->token);
	json_decref(reply);
}

static void tokens_of_troubles(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake *f = scenario_open(true, false);

		rows[i].trouble(f);
		ask(f, &rows[i], VIA_HTTP);
		ask(f, &rows[i], VIA_WS);
		fake_close(f);
	}
}

/* ---- Numbers */

/* A number with a fraction or an exponent is none that a method counts with, however whole. */
static void numbers_are_whole(void **state)
{
	static const char *const bad[][2] = {
	    {"account_lines", "\"limit\":10.0"},
	    {"account_lines", "\"limit\":1e1"},
	    {"account_lines", "\"limit\":-1"},
	    {"account_lines", "\"limit\":0"},
	    {"account_lines", "\"limit\":4294967296"},
	    {"account_lines", "\"limit\":9223372036854775807"},
	    {"account_lines", "\"limit\":\"10\""},
	    {"account_lines", "\"limit\":true"},
	    {"account_lines", "\"limit\":[10]"},
	    {"account_info", "\"ledger_index\":5.0"},
	    {"account_info", "\"ledger_index\":5e0"},
	    {"account_info", "\"ledger_index\":-5"},
	    {"account_info", "\"ledger_index\":4294967296"},
	    {"account_info", "\"ledger_index\":\"5.0\""},
	    {"account_info", "\"ledger_index\":\" 5\""},
	    {"account_info", "\"ledger_index\":\"0x5\""},
	    {"account_info", "\"ledger_index\":{}"},
	};
	struct fake *f = scenario_open(false, false);
	struct person alice = person("alice");
	char params[300];
	json_t *r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(params, sizeof(params), "{\"account\":\"%s\",%s}",
			       account_text(&alice.id).s, bad[i][1]);
		r = fake_call(f, VIA_HTTP, bad[i][0], params);
		if (strcmp(text_of(r, "status"), "error") != 0 ||
		    strcmp(text_of(r, "error"), "invalidParams") != 0)
			fail_msg("%s: %.*s", bad[i][1], (int)f->reply.n, (char *)f->reply.p);
		json_decref(r);
	}
	(void)snprintf(params, sizeof(params), "{\"account\":\"%s\",\"ledger_index\":\"5\"}",
		       account_text(&alice.id).s);
	r = fake_call(f, VIA_HTTP, "account_info", params);
	assert_string_equal(text_of(r, "status"), "success");
	json_decref(r);
	fake_close(f);
}

/* ---- States that a ledger has to be in */

/* A credential that says not of what. */
static struct keylet no_type_key(void)
{
	struct person locked = person("locked"), issuer = master();

	return keylet_credential(&locked.id, &issuer.id, bytes_str("x"));
}

static void plant_bad(struct tree *state)
{
	struct person locked = person("locked"), issuer = master();
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	st_set_u(o, sfLedgerEntryType, ltAccountRoot);
	st_set_account(o, sfAccount, &locked.id);
	st_set_u(o, sfFlags, lsfDisableMaster);
	st_set_u(o, sfSequence, 3);
	st_set_u(o, sfOwnerCount, 0);
	st_set_drops(o, sfBalance, drops_of(500 * DROPS_PER_XRP));
	plant_entry(state, keylet_account(&locked.id), o);
	o = st_new(&a);
	st_set_u(o, sfLedgerEntryType, ltCredential);
	st_set_u(o, sfFlags, lsfAccepted);
	st_set_account(o, sfSubject, &locked.id);
	st_set_account(o, sfIssuer, &issuer.id);
	plant_entry(state, no_type_key(), o);
	arena_close(&a);
}

static void tokens_of_ledgers(void **state)
{
	struct fake_options options = {.plant = plant_bad};
	struct fake *f = fake_open(&options);
	struct person locked = person("locked"), issuer = master();
	struct keylet k;
	char params[400];

	(void)state;
	(void)snprintf(params, sizeof(params),
		       "{\"passphrase\":\"locked\",\"key_type\":\"ed25519\",\"tx_json\":{"
		       "\"TransactionType\":\"AccountSet\",\"Account\":\"%s\"}}",
		       account_text(&locked.id).s);
	fake_ask_fails(f, "sign", params, "masterDisabled");
	k = no_type_key();
	(void)snprintf(
	    params, sizeof(params),
	    "{\"source_account\":\"%s\",\"destination_account\":\"%s\",\"credentials\":[\"%s\"]}",
	    account_text(&locked.id).s, account_text(&issuer.id).s, hash256_hex(&k.key).s);
	fake_ask_fails(f, "deposit_authorized", params, "dbDeserialization");
	fake_close(f);
}

/* ---- Before any method */

static void refused_unread(void **state)
{
	static const char text[] = "{\"id\":7,\"command\":\"ping\"}";
	struct fake *f = scenario_open(false, false);
	struct rpc_origin from = {.request = 1, .conn = 1, .websocket = true, .address = "[::1]"};
	json_t *reply;

	(void)state;
	buf_clear(&f->reply);
	rpc_refuse(f->rpc, &from, bytes_str(text), RPC_SLOW_DOWN);
	reply = json_loadb((char *)f->reply.p, f->reply.n, 0, NULL);
	fake_assert_error(reply, "slowDown");
	assert_int_equal(number_of(reply, "id"), 7);
	json_decref(reply);
	fake_close(f);
}

static void tokens_of_requests(void **state)
{
	(void)state;
	golden_run(scenario_open(false, false), "tokens");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tokens_of_troubles), cmocka_unit_test(numbers_are_whole),
	    cmocka_unit_test(tokens_of_ledgers),  cmocka_unit_test(refused_unread),
	    cmocka_unit_test(tokens_of_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
