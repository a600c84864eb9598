/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/scenario.h"

#include "base/limits.h"
#include "crypto/base58.h"
#include "rpc/subs.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- Streams */

static struct fake_via ws(uint64_t conn)
{
	return (struct fake_via){.websocket = true, .conn = conn};
}

static void subscribe(struct fake *f, uint64_t conn, const char *what, unsigned version)
{
	char text[400];
	json_t *j;

	(void)snprintf(text, sizeof(text),
		       "{\"id\":1,\"command\":\"subscribe\",\"api_version\":%u,%s}", version, what);
	j = fake_ask(f, ws(conn), text);
	assert_string_equal(text_of(j, "status"), "success");
	json_decref(j);
}

static json_t *only_push(struct fake *f, uint64_t conn)
{
	assert_int_equal(fake_pushed_count(f, conn), 1);
	return fake_pushed(f, conn, 0);
}

static void stream_of_ledgers(void **state)
{
	struct fake *f = scenario_open(true, false);
	json_t *j;

	(void)state;
	subscribe(f, 1, "\"streams\":[\"ledger\",\"ledger\"]", 1);
	subscribe(f, 2, "\"streams\":[\"ledger\"]", 2);
	fake_close_ledger(f, true);
	j = only_push(f, 1);
	assert_string_equal(text_of(j, "type"), "ledgerClosed");
	assert_int_equal(number_of(j, "ledger_index"), 7);
	assert_int_equal(number_of(j, "txn_count"), 1);
	assert_int_equal(number_of(j, "fee_base"), 10);
	assert_int_equal(number_of(j, "reserve_base"), 10000000);
	assert_int_equal(number_of(j, "reserve_inc"), 2000000);
	assert_int_equal(number_of(j, "network_id"), 21337);
	assert_int_equal(number_of(j, "ledger_time"), f->node.chain[6]->header.close.s);
	assert_string_equal(text_of(j, "validated_ledgers"), "1-7");
	assert_string_equal(text_of(j, "ledger_hash"), hash256_hex(&f->node.chain[6]->hash).s);
	json_decref(j);
	json_decref(only_push(f, 2));
	rpc_conn_closed(f->rpc, 1);
	fake_forget_pushes(f);
	fake_close_ledger(f, true);
	assert_int_equal(fake_pushed_count(f, 1), 0);
	assert_int_equal(fake_pushed_count(f, 2), 1);
	fake_close(f);
}

/* Applied order, both versions' forms, and one message per stream and account subscription. */
static void stream_of_transactions(void **state)
{
	struct fake *f = scenario_open(false, false);
	struct account_id alice = person("alice").id, bob = person("bob").id;
	char accounts[200];
	json_t *j, *tx;

	(void)state;
	(void)snprintf(accounts, sizeof(accounts), "\"accounts\":[\"%s\",\"%s\"]",
		       account_text(&alice).s, account_text(&bob).s);
	subscribe(f, 1, "\"streams\":[\"transactions\"]", 1);
	subscribe(f, 2, "\"streams\":[\"transactions\"]", 2);
	subscribe(f, 3, accounts, 2);
	fake_close_ledger(f, true);
	j = only_push(f, 1);
	assert_string_equal(text_of(j, "type"), "transaction");
	assert_string_equal(text_of(j, "status"), "closed");
	assert_true(json_is_true(json_object_get(j, "validated")));
	assert_string_equal(text_of(j, "engine_result"), "tesSUCCESS");
	assert_int_equal(number_of(j, "ledger_index"), 7);
	assert_string_equal(text_of(j, "ctid"), "C000000700000000");
	tx = json_object_get(j, "transaction");
	assert_string_equal(text_of(tx, "DeliverMax"), text_of(tx, "Amount"));
	assert_non_null(json_object_get(tx, "hash"));
	assert_int_equal(number_of(tx, "date"), f->node.chain[6]->header.close.s);
	assert_string_equal(text_of(json_object_get(j, "meta"), "delivered_amount"), "1000000");
	json_decref(j);
	j = only_push(f, 2);
	assert_null(json_object_get(j, "transaction"));
	tx = json_object_get(j, "tx_json");
	assert_null(json_object_get(tx, "Amount"));
	assert_null(json_object_get(tx, "hash"));
	assert_non_null(json_object_get(j, "hash"));
	assert_non_null(json_object_get(j, "close_time_iso"));
	json_decref(j);
	/* alice pays carol: one message, though carol and the sender are both followed or not. */
	json_decref(only_push(f, 3));
	fake_close(f);
}

static void stream_of_proposed(void **state)
{
	struct fake *f = scenario_open(false, false);
	struct account_id carol = person("carol").id;
	struct tx *tx = scenario_payment_tx(f, "alice", 7, "carol", 77);
	char accounts[120];
	json_t *j;

	(void)state;
	(void)snprintf(accounts, sizeof(accounts), "\"accounts_proposed\":[\"%s\"]",
		       account_text(&carol).s);
	subscribe(f, 1, "\"streams\":[\"transactions_proposed\"]", 1);
	subscribe(f, 2, accounts, 2);
	subscribe(f, 3, "\"streams\":[\"transactions\"]", 1);
	assert_int_equal(fake_apply(f, tx, NULL), tesSUCCESS);
	tx_unref(tx);
	assert_int_equal(fake_pushed_count(f, 3), 0);
	j = only_push(f, 1);
	assert_string_equal(text_of(j, "status"), "proposed");
	assert_true(json_is_false(json_object_get(j, "validated")));
	assert_int_equal(number_of(j, "ledger_current_index"), 7);
	assert_null(json_object_get(j, "meta"));
	json_decref(j);
	j = only_push(f, 2);
	assert_non_null(json_object_get(j, "tx_json"));
	json_decref(j);
	fake_forget_pushes(f);
	/* Once validated they come again, to all kinds of listeners; the scenario's too. */
	fake_close_ledger(f, true);
	assert_int_equal(fake_pushed_count(f, 1), 2);
	assert_int_equal(fake_pushed_count(f, 2), 2);
	assert_int_equal(fake_pushed_count(f, 3), 2);
	fake_close(f);
}

static void stream_order_is_applied_order(void **state)
{
	struct fake *f = scenario_open(false, false);
	uint32_t last = 0;

	(void)state;
	for (uint32_t i = 0; i < 40; i++) {
		struct tx *tx = scenario_payment_tx(f, "alice", 7 + i, "carol", 1 + i);

		assert_int_equal(fake_apply(f, tx, NULL), tesSUCCESS);
		tx_unref(tx);
	}
	subscribe(f, 1, "\"streams\":[\"transactions\"]", 2);
	fake_close_ledger(f, true);
	assert_int_equal(fake_pushed_count(f, 1), 41);
	for (uint32_t i = 0; i < 41; i++) {
		json_t *j = fake_pushed(f, 1, i);
		uint32_t seq = number_of(json_object_get(j, "tx_json"), "Sequence");

		assert_int_equal(number_of(json_object_get(j, "meta"), "TransactionIndex"), i);
		assert_true(seq > last);
		last = seq;
		json_decref(j);
	}
	fake_close(f);
}

static void small_streams(void **state)
{
	struct fake *f = scenario_open(true, false);
	struct person v = person("v1");
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct buf bytes = BUF_INIT;
	json_t *j;

	(void)state;
	subscribe(f, 1, "\"streams\":[\"consensus\",\"server\",\"validations\"]", 1);
	subscribe(f, 2, "\"streams\":[\"validations\"]", 2);
	rpc_on_phase(f->rpc, CONS_ESTABLISH);
	j = only_push(f, 1);
	assert_string_equal(text_of(j, "type"), "consensusPhase");
	assert_string_equal(text_of(j, "consensus"), "establish");
	json_decref(j);
	fake_forget_pushes(f);
	rpc_on_phase(f->rpc, CONS_IDLE);
	assert_int_equal(f->n_pushes, 0);
	rpc_on_state(f->rpc, NODE_PROPOSING);
	j = only_push(f, 1);
	assert_string_equal(text_of(j, "type"), "serverStatus");
	assert_string_equal(text_of(j, "server_status"), "full");
	assert_int_equal(number_of(j, "load_factor"), 256);
	json_decref(j);
	fake_forget_pushes(f);
	st_set_u(o, sfFlags, 0x80000001u);
	st_set_u(o, sfLedgerSequence, 6);
	st_set_u(o, sfSigningTime, 800000041);
	st_set_u(o, sfCookie, 12345678901234567890ull);
	st_set_hash256(o, sfLedgerHash, &f->node.chain[5]->hash);
	st_set_raw(o, sfSigningPubKey, bytes_of(v.pub.b, sizeof(v.pub.b)));
	st_set_raw(o, sfSignature, bytes_of("\x01\x02", 2));
	st_encode(&bytes, o, ST_ALL);
	rpc_on_validation(f->rpc, buf_bytes(&bytes), &v.pub);
	j = only_push(f, 1);
	assert_string_equal(text_of(j, "type"), "validationReceived");
	assert_string_equal(text_of(j, "ledger_index"), "6");
	assert_string_equal(text_of(j, "cookie"), "12345678901234567890");
	assert_string_equal(text_of(j, "signature"), "0102");
	assert_true(json_is_true(json_object_get(j, "full")));
	assert_string_equal(text_of(j, "validation_public_key"), node_public_text(&v.pub).s);
	json_decref(j);
	j = only_push(f, 2);
	assert_int_equal(number_of(j, "ledger_index"), 6);
	json_decref(j);
	rpc_on_validation(f->rpc, bytes_str("garbage"), &v.pub);
	buf_close(&bytes);
	arena_close(&a);
	fake_close(f);
}

/* Costs are told when they begin to rise, double or halve, or the server asks for more itself; what
 * server_info and fee say of them. */
static void costs_that_change(void **state)
{
	struct fake *f = scenario_open(true, false);
	json_t *j, *r, *info;

	(void)state;
	subscribe(f, 1, "\"streams\":[\"server\"]", 1);
	fake_close_ledger(f, true);
	assert_int_equal(fake_pushed_count(f, 1), 0);
	f->node.open_level = 131072;
	fake_close_ledger(f, true);
	j = only_push(f, 1);
	assert_string_equal(text_of(j, "type"), "serverStatus");
	assert_int_equal(number_of(j, "load_base"), 256);
	assert_int_equal(number_of(j, "load_factor"), 131072);
	assert_int_equal(number_of(j, "load_factor_fee_escalation"), 131072);
	assert_int_equal(number_of(j, "load_factor_fee_queue"), 256);
	assert_int_equal(number_of(j, "load_factor_fee_reference"), 256);
	assert_int_equal(number_of(j, "load_factor_server"), 256);
	json_decref(j);
	fake_forget_pushes(f);
	f->node.open_level = 140001; /* not twice as much */
	fake_close_ledger(f, true);
	assert_int_equal(fake_pushed_count(f, 1), 0);
	f->node.load = 320;
	fake_close_ledger(f, true);
	j = only_push(f, 1);
	assert_int_equal(number_of(j, "load_factor_server"), 320);
	json_decref(j);
	r = fake_call(f, VIA_ADMIN, "server_info", "{}");
	info = json_object_get(r, "info");
	assert_true(json_number_value(json_object_get(info, "load_factor")) == 140001.0 / 256);
	assert_true(json_number_value(json_object_get(info, "load_factor_server")) == 1.25);
	assert_true(json_number_value(json_object_get(info, "load_factor_local")) == 1.25);
	assert_null(json_object_get(info, "load_factor_net"));
	json_decref(r);
	r = fake_call(f, VIA_ADMIN, "fee", "{}");
	info = json_object_get(r, "drops");
	assert_string_equal(text_of(info, "open_ledger_fee"), "5469"); /* 5468.8, not too little */
	assert_string_equal(text_of(info, "median_fee"), "5000");
	json_decref(r);
	f->node.open_level = 0;
	f->node.load = 0;
	fake_forget_pushes(f);
	fake_close_ledger(f, true);
	json_decref(only_push(f, 1));
	fake_close(f);
}

/* A validator that signs with another key than the one it is trusted by. */
static void manifests_and_rotated_keys(void **state)
{
	struct fake *f = scenario_open(true, false);
	struct buf b = BUF_INIT;
	struct secret_key *master, *signing;
	struct seed seed = {{7}};
	struct public_key mpub;
	char ask[200];
	json_t *j, *details;
	int by_master;

	(void)state;
	assert_int_equal(secret_key_of_node_seed(&master, &mpub, KEY_ED25519, &seed), ERR_NONE);
	assert_int_equal(secret_key_of_node_seed(&signing, NULL, KEY_SECP256K1, &seed), ERR_NONE);
	manifest_make(&b, master, signing, 4, "example.com");
	assert_int_equal(manifest_parse(&f->node.manifest, buf_bytes(&b), NULL), ERR_NONE);
	subscribe(f, 1, "\"streams\":[\"manifests\"]", 2);
	rpc_on_manifest(f->rpc, buf_bytes(&b));
	j = only_push(f, 1);
	assert_string_equal(text_of(j, "type"), "manifestReceived");
	assert_string_equal(text_of(j, "master_key"), node_public_text(&mpub).s);
	assert_string_equal(text_of(j, "domain"), "example.com");
	assert_int_equal(number_of(j, "seq"), 4);
	json_decref(j);
	for (by_master = 0; by_master < 2; by_master++) {
		const struct public_key *key = by_master ? &mpub : secret_key_public(signing);

		(void)snprintf(ask, sizeof(ask), "{\"public_key\":\"%s\"}",
			       node_public_text(key).s);
		j = fake_call(f, VIA_HTTP, "manifest", ask);
		details = json_object_get(j, "details");
		assert_string_equal(text_of(details, "master_key"), node_public_text(&mpub).s);
		assert_string_equal(text_of(details, "ephemeral_key"),
				    node_public_text(secret_key_public(signing)).s);
		assert_int_equal(number_of(details, "seq"), 4);
		json_decref(j);
	}
	buf_clear(&b);
	manifest_make(&b, master, NULL, 0, NULL);
	fake_forget_pushes(f);
	rpc_on_manifest(f->rpc, buf_bytes(&b));
	j = only_push(f, 1);
	assert_int_equal(number_of(j, "seq"), 0xFFFFFFFFu);
	assert_null(json_object_get(j, "signing_key"));
	json_decref(j);
	fake_forget_pushes(f);
	rpc_on_manifest(f->rpc, bytes_str("garbage"));
	assert_int_equal(f->n_pushes, 0);
	secret_key_close(master);
	secret_key_close(signing);
	buf_close(&b);
	fake_close(f);
}

static void unsubscribing(void **state)
{
	struct fake *f = scenario_open(false, false);
	struct account_id alice = person("alice").id;
	char text[300];
	struct tx *tx;

	(void)state;
	(void)snprintf(text, sizeof(text),
		       "\"streams\":[\"ledger\",\"transactions\"],\"accounts\":[\"%s\"],"
		       "\"accounts_proposed\":[\"%s\"]",
		       account_text(&alice).s, account_text(&alice).s);
	subscribe(f, 1, text, 1);
	fake_close_ledger(f, true);
	assert_int_equal(fake_pushed_count(f, 1), 3);
	(void)snprintf(text, sizeof(text),
		       "{\"command\":\"unsubscribe\",\"streams\":[\"ledger\",\"transactions\"],"
		       "\"accounts\":[\"%s\"]}",
		       account_text(&alice).s);
	json_decref(fake_ask(f, VIA_WS, text));
	fake_forget_pushes(f);
	tx = scenario_payment_tx(f, "alice", 7, "carol", 1);
	fake_apply(f, tx, NULL);
	tx_unref(tx);
	fake_close_ledger(f, true);
	assert_int_equal(fake_pushed_count(f, 1), 2); /* proposed, then validated */
	fake_close(f);
}

/* Thousands come and go; nothing is left of them. */
static void subscriptions_do_not_leak(void **state)
{
	struct fake *f = fake_open(NULL);
	struct subs *s = subs_open(&f->host);
	uint32_t conns, accounts;
	struct account_id id = {{0}};
	struct hash256 key;

	(void)state;
	for (uint64_t conn = 1; conn <= 5000; conn++) {
		struct sub_conn *c = subs_conn(s, conn, 1, true);

		assert_non_null(c);
		for (int i = 0; i < STREAM_COUNT; i++)
			subs_stream_add(s, c, (enum stream)i);
		store_be32(id.b + 8, (uint32_t)(conn % 100));
		key = topic_of_account(&id);
		assert_true(subs_topic_add(s, c, SUB_ACCOUNTS, &key));
		assert_true(subs_topic_add(s, c, SUB_ACCOUNTS, &key));
		assert_true(subs_topic_add(s, c, SUB_BOOKS, &key));
	}
	subs_count(s, &conns, &accounts);
	assert_int_equal(conns, 5000);
	assert_int_equal(accounts, 10000);
	for (uint64_t conn = 1; conn <= 5000; conn++)
		subs_conn_closed(s, conn * 7 % 5003); /* in another order, some unknown */
	for (uint64_t conn = 1; conn <= 5000; conn++)
		subs_conn_closed(s, conn);
	subs_count(s, &conns, &accounts);
	assert_int_equal(conns, 0);
	assert_int_equal(accounts, 0);
	for (int i = 0; i < STREAM_COUNT; i++)
		assert_false(subs_has_stream(s, (enum stream)i));
	subs_close(s);
	fake_close(f);
}

static void subscriptions_are_bounded(void **state)
{
	struct fake *f = fake_open(NULL);
	struct subs *s = subs_open(&f->host);
	struct hash256 key = {{0}};
	uint32_t conns, accounts, n = 0;

	(void)state;
	for (uint64_t conn = 1; conn <= 64; conn++) {
		struct sub_conn *c = subs_conn(s, conn, 1, true);

		for (uint32_t i = 0; i < RPC_SUB_TOPICS_CONN_MAX; i++) {
			store_be32(key.b + 8, ++n);
			assert_true(subs_topic_add(s, c, SUB_ACCOUNTS, &key));
		}
		store_be32(key.b + 8, ++n);
		assert_false(subs_topic_add(s, c, SUB_ACCOUNTS, &key));
	}
	subs_count(s, &conns, &accounts);
	assert_int_equal(accounts, RPC_SUB_TOPICS_MAX);
	assert_false(subs_topic_add(s, subs_conn(s, 65, 1, true), SUB_ACCOUNTS, &key));
	for (uint64_t conn = 66; conn <= RPC_SUB_CONNS_MAX; conn++)
		assert_non_null(subs_conn(s, conn, 1, true));
	assert_null(subs_conn(s, RPC_SUB_CONNS_MAX + 1, 1, true));
	subs_close(s);
	fake_close(f);
}

/* A connection that ends while it is being sent to. */
static struct fake *closing;
static bool push_and_close(void *ctx, uint64_t conn, struct rpc_text *text)
{
	(void)ctx;
	(void)text;
	rpc_conn_closed(closing->rpc, conn);
	return false;
}

static void closing_while_sending(void **state)
{
	struct fake *f = scenario_open(false, false);
	struct rpc_host host = f->host;
	struct account_id alice = person("alice").id;
	char text[200];

	(void)state;
	rpc_close(f->rpc);
	host.push = push_and_close;
	f->rpc = rpc_open(&host);
	closing = f;
	(void)snprintf(text, sizeof(text),
		       "\"streams\":[\"ledger\"],\"accounts\":[\"%s\"],"
		       "\"accounts_proposed\":[\"%s\"]",
		       account_text(&alice).s, account_text(&alice).s);
	for (uint64_t conn = 1; conn <= 9; conn++)
		subscribe(f, conn, conn % 2 ? text : "\"streams\":[\"transactions\"]", 1);
	fake_close_ledger(f, true);
	fake_close_ledger(f, true);
	fake_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stream_of_ledgers),
	    cmocka_unit_test(stream_of_transactions),
	    cmocka_unit_test(stream_of_proposed),
	    cmocka_unit_test(stream_order_is_applied_order),
	    cmocka_unit_test(small_streams),
	    cmocka_unit_test(costs_that_change),
	    cmocka_unit_test(manifests_and_rotated_keys),
	    cmocka_unit_test(unsubscribing),
	    cmocka_unit_test(subscriptions_do_not_leak),
	    cmocka_unit_test(subscriptions_are_bounded),
	    cmocka_unit_test(closing_while_sending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
