/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/topics_kit.h"

#include "base/limits.h"
#include "crypto/base58.h"
#include "ledger/affected.h"
#include "rpc/streams.h"
#include "rpc/subs.h"

#include <stdio.h>

/* Books, URLs and peers: what is followed besides streams and accounts. */

/* ---- Metadata made by hand */

static struct amount usd(uint64_t n)
{
	struct amount a = {.kind = AMOUNT_IOU, .mantissa = IOU_MANTISSA_MIN + n, .exponent = -15};

	memcpy(a.currency.b + 12, "USD", 3);
	a.issuer = person("carol").id;
	return a;
}

static struct amount xrp(uint64_t n)
{
	return amount_of_drops((struct drops){n});
}

static void set_amount(struct st_object *o, enum sf f, struct amount a)
{
	uint8_t b[AMOUNT_BYTES_MAX];
	size_t n = amount_encode(b, &a);

	st_set_raw(o, f, bytes_of(b, n));
}

/* One node about an offer; `under` is sfNewFields, sfPreviousFields or sfFinalFields. */
static struct st_object *node(struct st_array *nodes, struct arena *a, enum sf kind)
{
	struct st_object *n = st_array_add(nodes, a, kind);

	st_set_u(n, sfLedgerEntryType, ltOffer);
	return n;
}

static void amounts(struct st_object *n, struct arena *a, enum sf under, struct amount pays,
		    struct amount gets, const struct hash256 *domain)
{
	struct st_object *fields = st_new(a);

	st_set_object(n, under, fields);
	set_amount(fields, sfTakerPays, pays);
	set_amount(fields, sfTakerGets, gets);
	if (domain)
		st_set_hash256(fields, sfDomainID, domain);
}

static struct hash256 key_of(struct amount pays, struct amount gets, const struct hash256 *domain)
{
	struct book b = {.pays = pays, .gets = gets, .has_domain = domain != NULL};

	if (domain)
		b.domain = *domain;
	return stream_book_key(&b);
}

static void books_of_metadata(void **state)
{
	struct arena a = ARENA_INIT;
	struct hash256 domain = {{7}}, *keys, want[3];
	struct st_object *meta = st_new(&a), *n;
	struct st_array *nodes = st_set_array(meta, sfAffectedNodes);

	(void)state;
	/* made: pays XRP, gets USD; twice, and one that only lost its expiration */
	amounts(node(nodes, &a, sfCreatedNode), &a, sfNewFields, xrp(5), usd(1), NULL);
	amounts(node(nodes, &a, sfCreatedNode), &a, sfNewFields, xrp(9), usd(2), NULL);
	n = node(nodes, &a, sfModifiedNode);
	amounts(n, &a, sfFinalFields, usd(3), xrp(4), NULL);
	/* crossed in part, in a domain; taken away whole */
	n = node(nodes, &a, sfModifiedNode);
	amounts(n, &a, sfPreviousFields, usd(3), xrp(4), NULL);
	amounts(n, &a, sfFinalFields, usd(2), xrp(3), &domain);
	n = node(nodes, &a, sfDeletedNode);
	amounts(n, &a, sfFinalFields, usd(9), xrp(0), NULL);
	n = st_array_add(nodes, &a, sfModifiedNode); /* no offer */
	st_set_u(n, sfLedgerEntryType, ltAccountRoot);
	assert_int_equal(stream_books_of(meta, &a, &keys), 3);
	want[0] = key_of(usd(1), xrp(1), NULL);
	want[1] = key_of(xrp(1), usd(1), &domain);
	want[2] = key_of(xrp(1), usd(1), NULL);
	qsort(want, 3, sizeof(want[0]), hash256_qsort_cmp);
	assert_memory_equal(keys, want, sizeof(want));
	arena_close(&a);
}

/* A validated ledger with one transaction that made an offer, which never was applied. */
static void offer_is_made(struct amount pays, struct amount gets, enum ter result)
{
	const struct ledger *tip = box.f->node.chain[box.f->node.n - 1];
	struct ledger_header h = tip->header;
	struct account_id alice = person("alice").id;
	struct arena a = ARENA_INIT;
	struct st_object *meta = st_new(&a), *tx = st_new(&a);
	struct buf bytes = BUF_INIT, leaf = BUF_INIT, blob = BUF_INIT;
	struct hash256 id = {{1}};
	struct tree state, txs;
	struct ledger *l;

	st_set_u(meta, sfTransactionIndex, 0);
	st_set_u(meta, sfTransactionResult, (uint8_t)result);
	amounts(node(st_set_array(meta, sfAffectedNodes), &a, sfCreatedNode), &a, sfNewFields, pays,
		gets, NULL);
	st_encode(&bytes, meta, ST_ALL);
	st_set_u(tx, sfTransactionType, ttOfferCreate);
	st_set_account(tx, sfAccount, &alice);
	set_amount(tx, sfTakerPays, pays);
	set_amount(tx, sfTakerGets, gets);
	st_encode(&blob, tx, ST_ALL);
	tx_leaf_join(&leaf, buf_bytes(&blob), buf_bytes(&bytes));
	h.seq++;
	h.parent = tip->hash;
	tree_share(&state, &tip->state);
	tree_init_empty(&txs, TREE_TX_META, NULL);
	assert_int_equal(tree_put(&txs, &id, buf_bytes(&leaf)), FOUND);
	l = ledger_make(&h, &state, &txs);
	fake_forget_pushes(box.f);
	rpc_on_ledger(box.f->rpc, l);
	ledger_unref(l);
	buf_close(&leaf);
	buf_close(&bytes);
	buf_close(&blob);
	arena_close(&a);
}

#define USD    "{\"currency\":\"USD\",\"issuer\":\"%s\"}"
#define XRP_   "{\"currency\":\"XRP\"}"
#define BOOK   "\"books\":[{\"taker_gets\":" XRP_ ",\"taker_pays\":" USD "%s}]"
#define DOMAIN "C1A0000000000000000000000000000000000000000000000000000000000001"

static char *book(const char *more)
{
	static char text[600];
	struct account_id issuer = person("carol").id;

	(void)snprintf(text, sizeof(text), BOOK, account_text(&issuer).s, more);
	return text;
}

/* As in the reference, who names a book hears of the offers on its other side. */
static void followers_of_books(void **state)
{
	json_t *j;

	(void)state;
	json_decref(topics_subscribe(1, book("")));
	json_decref(topics_subscribe(2, book(",\"both\":true")));
	json_decref(topics_subscribe(3, book(",\"domain\":\"" DOMAIN "\"")));
	json_decref(topics_subscribe(4, book("")));
	json_decref(topics_subscribe(4, "\"streams\":[\"transactions\"]"));
	offer_is_made(xrp(700), usd(100), tesSUCCESS);
	assert_int_equal(fake_pushed_count(box.f, 1), 1);
	assert_int_equal(fake_pushed_count(box.f, 2), 1);
	assert_int_equal(fake_pushed_count(box.f, 3), 0);
	assert_int_equal(fake_pushed_count(box.f, 4), 2); /* as the reference: one for each */
	j = fake_pushed(box.f, 1, 0);
	assert_string_equal(text_of(j, "type"), "transaction");
	assert_non_null(json_object_get(j, "meta"));
	json_decref(j);
	offer_is_made(usd(100), xrp(75), tesSUCCESS);
	assert_int_equal(fake_pushed_count(box.f, 1), 0);
	assert_int_equal(fake_pushed_count(box.f, 2), 1);
	offer_is_made(xrp(700), usd(100), tecKILLED);
	assert_int_equal(fake_pushed_count(box.f, 1), 0);
	topics_unsubscribe(2, book(""));
	topics_unsubscribe(1, book(""));
	offer_is_made(xrp(700), usd(100), tesSUCCESS);
	assert_int_equal(fake_pushed_count(box.f, 1), 0);
	assert_int_equal(fake_pushed_count(box.f, 2), 0); /* the other side is left */
	offer_is_made(usd(100), xrp(75), tesSUCCESS);
	assert_int_equal(fake_pushed_count(box.f, 2), 1);
}

/* What alice could deliver of what she offers: 1,000 XRP less what she paid, two fees and the
 * reserve; nothing of a line that she does not have. */
static void funds_of_who_offers(void **state)
{
	struct amount offered[] = {xrp(75), usd(100)};
	static const char *const has[] = {"979999980", "0"};

	(void)state;
	json_decref(topics_subscribe(1, "\"streams\":[\"transactions\"]"));
	for (int i = 0; i < 2; i++) {
		json_t *j;

		offer_is_made(offered[!i], offered[i], tesSUCCESS);
		j = fake_pushed(box.f, 1, 0);
		assert_string_equal(text_of(json_object_get(j, "tx_json"), "owner_funds"), has[i]);
		json_decref(j);
	}
}

static void snapshots(void **state)
{
	json_t *r = topics_subscribe(1, book(",\"snapshot\":true"));

	(void)state;
	assert_true(json_is_array(json_object_get(r, "offers")));
	assert_null(json_object_get(r, "bids"));
	json_decref(r);
	r = topics_subscribe(2, book(",\"snapshot\":true,\"both\":true"));
	assert_null(json_object_get(r, "offers"));
	assert_true(json_is_array(json_object_get(r, "bids")));
	assert_true(json_is_array(json_object_get(r, "asks")));
	json_decref(r);
	r = topics_subscribe(3, book(""));
	assert_int_equal(json_object_size(r), 0);
	json_decref(r);
}

/* Subscribe.cpp and RPCHelpers.cpp parseSubUnsubJson, case by case. */
static void errors_of_books(void **state)
{
	static const struct {
		const char *book, *token;
	} cases[] = {
	    {"7", "invalidParams"},
	    {"{}", "invalidParams"},
	    {"{\"taker_gets\":" XRP_ "}", "invalidParams"},
	    {"{\"taker_gets\":" XRP_ ",\"taker_pays\":\"USD\"}", "invalidParams"},
	    {"{\"taker_gets\":null,\"taker_pays\":null}", "srcCurMalformed"},
	    {"{\"taker_gets\":" XRP_ ",\"taker_pays\":{}}", "srcCurMalformed"},
	    {"{\"taker_gets\":{},\"taker_pays\":" XRP_ "}", "dstAmtMalformed"},
	    {"{\"taker_gets\":" XRP_ ",\"taker_pays\":{\"currency\":\"US\"}}", "srcCurMalformed"},
	    {"{\"taker_gets\":{\"currency\":5},\"taker_pays\":" XRP_ "}", "dstAmtMalformed"},
	    {"{\"taker_gets\":" XRP_ ",\"taker_pays\":{\"currency\":\"USD\"}}", "srcIsrMalformed"},
	    {"{\"taker_gets\":{\"currency\":\"USD\",\"issuer\":\"x\"},\"taker_pays\":" XRP_ "}",
	     "dstIsrMalformed"},
	    {"{\"taker_gets\":{\"currency\":\"USD\",\"issuer\":\"rrrrrrrrrrrrrrrrrrrrBZbvji\"},"
	     "\"taker_pays\":" XRP_ "}",
	     "dstIsrMalformed"},
	    {"{\"taker_gets\":" XRP_ ",\"taker_pays\":" XRP_ "}", "badMarket"},
	    {"{\"taker_gets\":" XRP_ ",\"taker_pays\":{\"mpt_issuance_id\":\"00\"}}",
	     "srcCurMalformed"},
	    {"{\"taker_gets\":" XRP_ ",\"taker_pays\":{\"currency\":\"XRP\","
	     "\"mpt_issuance_id\":\"00\"}}",
	     "invalidParams"},
	    {"@,\"taker\":5}", "actMalformed"},
	    {"@,\"taker\":\"rBad\"}", "actMalformed"},
	    {"@,\"domain\":\"12\"}", "domainMalformed"},
	};
	static const char good[] = "{\"taker_gets\":" XRP_ ",\"taker_pays\":{\"currency\":"
				   "\"EUR\",\"issuer\":\"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh\"}";

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *more = cases[i].book;
		char text[700];
		json_t *j;

		(void)snprintf(text, sizeof(text), "\"streams\":[\"ledger\"],\"books\":[%s%s]",
			       *more == '@' ? good : "", *more == '@' ? more + 1 : more);
		j = topics_ask(1, "subscribe", 2, text);
		fake_assert_error(j, cases[i].token);
		json_decref(j);
		j = topics_ask(1, "unsubscribe", 2, text);
		if (strcmp(cases[i].token, "actMalformed") == 0)
			assert_string_equal(text_of(j, "status"), "success"); /* not looked at */
		else
			fake_assert_error(j, cases[i].token);
		json_decref(j);
	}
	/* nothing was subscribed to on the way */
	fake_close_ledger(box.f, true);
	assert_int_equal(fake_pushed_count(box.f, 1), 0);
}

/* ---- URLs, peers, the server */

static bool contains_text(const struct buf *in, const char *word)
{
	return memmem(in->p, in->n, word, strlen(word)) != NULL;
}

static void tick(void)
{
	box.f->steady_ms += 5000;
	rpc_tick(box.f->rpc);
}

/* Books for 1,026 topics, which is too many. */
static char *full_request(void)
{
	static char text[200000];
	size_t at = 0;

	at += (size_t)snprintf(text, sizeof(text), "{\"url\":\"http://x/\",\"books\":[");
	for (int i = 0; i < 513; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "%s{\"both\":1,\"taker_gets\":" XRP_
				       ",\"taker_pays\":{\"currency\":\"U%02d\",\"issuer\":"
				       "\"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh\"}}",
				       i ? "," : "", i % 100);
	(void)snprintf(text + at, sizeof(text) - at, "]}");
	return text;
}

static void urls(void **state)
{
	json_t *j = topics_ask(1, "subscribe", 1, "\"url\":\"http://x/\",\"streams\":[\"ledger\"]");

	(void)state;
	fake_assert_error(j, "noPermission");
	json_decref(j);
	j = fake_call(box.f, VIA_ADMIN, "subscribe",
		      "{\"url\":\"ftp://x/\",\"streams\":[\"ledger\"]}");
	fake_assert_error(j, "invalidParams");
	assert_string_equal(text_of(j, "error_message"), "Only http and https is supported.");
	json_decref(j);
	j = fake_call(box.f, VIA_ADMIN, "subscribe",
		      "{\"url\":\"http://x/\",\"url_username\":\"u\",\"url_password\":\"p\","
		      "\"streams\":[\"ledger\",\"transactions\"]}");
	assert_string_equal(text_of(j, "status"), "success");
	assert_int_equal(number_of(j, "ledger_index"), 6);
	json_decref(j);
	assert_string_equal(box.username, "u");
	assert_string_equal(box.password, "p");
	fake_close_ledger(box.f, true);
	assert_int_equal(fake_pushed_count(box.f, HOOK_ID), 2);
	json_decref(fake_call(box.f, VIA_ADMIN, "unsubscribe",
			      "{\"url\":\"http://x/\",\"streams\":[\"ledger\"]}"));
	assert_int_equal(box.ended, 0);
	fake_close_ledger(box.f, true);
	assert_int_equal(fake_pushed_count(box.f, HOOK_ID), 2);
	json_decref(fake_call(box.f, VIA_ADMIN, "unsubscribe",
			      "{\"url\":\"http://x/\",\"streams\":[\"transactions\"]}"));
	assert_int_equal(box.ended, 1);
	/* one that comes to nothing does not stay */
	j = fake_call(box.f, VIA_ADMIN, "subscribe", full_request());
	fake_assert_error(j, "tooBusy");
	json_decref(j);
	assert_int_equal(box.made, 2);
	assert_int_equal(box.ended, 2);
	j = fake_call(box.f, VIA_ADMIN, "unsubscribe", "{\"url\":\"http://x/\"}");
	assert_string_equal(text_of(j, "status"), "success");
	json_decref(j);
	assert_int_equal(box.ended, 2);
}

static void peers_and_what_may_be_left_out(void **state)
{
	struct rpc_peer_status p = {
	    .ledger = {{9}}, .seq = 77, .first = 3, .last = 76, .date = {800000099}};
	json_t *j = topics_ask(1, "subscribe", 1, "\"streams\":[\"peer_status\"]");

	(void)state;
	fake_assert_error(j, "noPermission");
	json_decref(j);
	json_decref(topics_subscribe(99, "\"streams\":[\"peer_status\",\"ledger\",\"server\","
					 "\"consensus\",\"transactions\"]"));
	rpc_on_peer(box.f->rpc, &p);
	j = fake_pushed(box.f, 99, 0);
	assert_string_equal(text_of(j, "type"), "peerStatusChange");
	assert_string_equal(text_of(j, "action"), "ACCEPTED_LEDGER");
	assert_int_equal(number_of(j, "ledger_index"), 77);
	assert_int_equal(number_of(j, "ledger_index_min"), 3);
	assert_int_equal(number_of(j, "ledger_index_max"), 76);
	assert_int_equal(number_of(j, "date"), 800000099);
	assert_string_equal(text_of(j, "ledger_hash"), hash256_hex(&p.ledger).s);
	json_decref(j);
	assert_int_equal(box.f->pushes[0].text->conflate, CONFLATE_NONE);
	fake_forget_pushes(box.f);
	rpc_on_state(box.f->rpc, NODE_SYNCING);
	rpc_on_phase(box.f->rpc, CONS_OPEN);
	fake_close_ledger(box.f, true);
	assert_int_equal(box.f->n_pushes, 4); /* the fee is as it was: no serverStatus */
	assert_int_equal(box.f->pushes[0].text->conflate, CONFLATE_SERVER);
	assert_int_equal(box.f->pushes[1].text->conflate, CONFLATE_CONSENSUS);
	assert_int_equal(box.f->pushes[2].text->conflate, CONFLATE_LEDGER);
	assert_int_equal(box.f->pushes[3].text->conflate, CONFLATE_NONE);
}

/* In the order of the reference: the ledger, its book changes, its transactions. */
static void order_within_a_ledger(void **state)
{
	static const char *const types[] = {"ledgerClosed", "bookChanges", "transaction"};

	(void)state;
	json_decref(topics_subscribe(
	    1, "\"streams\":[\"transactions\",\"book_changes\",\"ledger\",\"ledger\"]"));
	fake_close_ledger(box.f, true);
	assert_int_equal(fake_pushed_count(box.f, 1), 3);
	for (uint32_t i = 0; i < 3; i++) {
		json_t *j = fake_pushed(box.f, 1, i);

		assert_string_equal(text_of(j, "type"), types[i]);
		assert_int_equal(number_of(j, "ledger_index"), 7);
		json_decref(j);
	}
}

/* The same through requests, as connections make them; nothing is left of them either. */
static void a_hundred_thousand_requests(void **state)
{
	struct account_id alice = person("alice").id;
	struct fake_via via = {.websocket = true};
	char text[900];

	(void)state;
	(void)snprintf(
	    text, sizeof(text),
	    "{\"command\":\"subscribe\",\"streams\":[\"ledger\",\"transactions\"],"
	    "\"accounts\":[\"%s\"],\"account_history_tx_stream\":{\"account\":\"%s\"},%s}",
	    account_text(&alice).s, account_text(&alice).s, book(",\"both\":true"));
	for (uint32_t i = 0; i < 100000; i++) {
		via.conn = 1000 + i;
		fake_ask_text(box.f, via, text);
		if (i >= 10)
			rpc_conn_closed(box.f->rpc, via.conn - 10);
	}
	assert_true(contains_text(&box.f->reply, "success"));
	for (uint64_t conn = via.conn - 10; conn <= via.conn; conn++)
		rpc_conn_closed(box.f->rpc, conn);
	fake_close_ledger(box.f, true);
	tick();
	assert_int_equal(box.f->n_pushes, 0);
}

/* Each with everything there is to follow; half of them end while they are sent to. */
static void a_hundred_thousand_come_and_go(void **state)
{
	struct subs *s = subs_open(&box.f->host);
	uint32_t conns, topics;
	struct hash256 key = {{0}};

	(void)state;
	for (uint64_t conn = 1; conn <= 100000; conn++) {
		struct sub_conn *c = subs_conn(s, conn, 1 + conn % 2, true);

		for (int i = 0; i < STREAM_COUNT; i++)
			subs_stream_add(s, c, (enum stream)i);
		for (uint32_t i = 0; i < 8; i++) {
			store_be32(key.b, (uint32_t)(conn % (64u << (i % 4))));
			assert_true(subs_topic_add(s, c, (enum topic)(i % TOPIC_KINDS), &key));
		}
		if (conn > 50)
			subs_conn_closed(s, conn % 2 ? conn : conn - 50);
	}
	for (uint64_t conn = 1; conn <= 100000; conn++)
		subs_conn_closed(s, conn);
	subs_count(s, &conns, &topics);
	assert_int_equal(conns, 0);
	assert_int_equal(topics, 0);
	for (int i = 0; i < TOPIC_KINDS; i++)
		assert_false(subs_has_topics(s, (enum topic)i));
	subs_close(s);
}

#define T(name) cmocka_unit_test_setup_teardown(name, topics_set_up, topics_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(books_of_metadata),
	    T(followers_of_books),
	    T(funds_of_who_offers),
	    T(snapshots),
	    T(errors_of_books),
	    T(urls),
	    T(peers_and_what_may_be_left_out),
	    T(order_within_a_ledger),
	    T(a_hundred_thousand_requests),
	    T(a_hundred_thousand_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
