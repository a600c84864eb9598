/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/scenario.h"

#include "rpc/cache.h"
#include "rpc/state.h"

#include <stdio.h>
#include <stdlib.h>

/* Answers that are given again, and answers in pieces. */

static bool again;    /* the last answer was a kept one */
static bool too_much; /* what `charge` says */
static uint32_t cost, first_seq = 1;
static struct rpc_pages pages; /* the last reply in pieces */

static void on_done(void *ctx, const struct rpc_done *d)
{
	(void)ctx;
	again = d->again;
}

static bool on_charge(void *ctx, const struct rpc_origin *from, uint32_t n)
{
	(void)ctx;
	(void)from;
	cost += n;
	return too_much;
}

static void on_pages(void *ctx, uint64_t request, int status, const struct rpc_pages *p)
{
	struct fake *f = ctx;

	assert_int_equal(status, 200);
	f->replied = request;
	f->replies++;
	pages = *p;
}

static struct history_range searchable(void *ctx)
{
	struct fake *f = ctx;

	return (struct history_range){first_seq, f->node.validated};
}

static struct fake *open_keeping(bool network, uint64_t bytes)
{
	struct fake *f = scenario_open(network, false);

	rpc_close(f->rpc);
	f->history.searchable = searchable;
	f->host.cache_bytes = bytes;
	f->host.done = on_done;
	f->host.charge = on_charge;
	f->rpc = rpc_open(&f->host);
	again = too_much = false;
	first_seq = 1;
	cost = 0;
	return f;
}

static char *filled(struct fake *f, const char *text)
{
	json_t *in = json_loads(text, JSON_DECODE_ANY, NULL), *out;
	char *s;

	assert_non_null(in);
	out = scenario_fill(f, in);
	s = json_dumps(out, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(in);
	json_decref(out);
	return s;
}

/* Asks; whether the answer was a kept one. It stays in f->reply. */
static bool ask(struct fake *f, struct fake_via via, const char *text)
{
	char *s = filled(f, text);

	fake_ask_text(f, via, s);
	free(s);
	return again;
}

#define INFO(id)                                                                                   \
	"{\"id\":" id ",\"command\":\"account_info\",\"account\":\"${alice}\","                    \
	"\"ledger_index\":\"validated\",\"api_version\":2}"

/* A body with its account filled in, and an id before it, behind it, or not at all. */
static void request_text(char *out, size_t room, unsigned form, const char *id, const char *body,
			 const char *account)
{
	const char *mark = strstr(body, "%s");
	int n = mark ? (int)(mark - body) : (int)strlen(body);
	char filled_in[300];

	(void)snprintf(filled_in, sizeof(filled_in), "%.*s%s%s", n, body, mark ? account : "",
		       mark ? mark + 2 : "");
	if (form == 0)
		(void)snprintf(out, room, "{\"id\":%s,%s}", id, filled_in);
	else if (form == 1)
		(void)snprintf(out, room, "{%s,\"id\":%s}", filled_in, id);
	else if (form == 2)
		(void)snprintf(out, room, "{ %s , \"id\" :\t%s }", filled_in, id);
	else if (form == 3)
		(void)snprintf(out, room, "{%s}", filled_in);
	else
		(void)snprintf(out, room, "{\"\\u0069d\":%s,%s}", id, filled_in);
}

/* Whatever is asked, in whatever order: the answer is what it would be if nothing was kept, to the
 * byte. */
static void kept_answers_are_the_same(void **state)
{
	static const char *const bodies[] = {
	    "\"command\":\"account_info\",\"account\":\"%s\",\"ledger_index\":\"validated\"",
	    "\"command\":\"account_info\",\"account\":\"%s\",\"api_version\":2",
	    "\"command\":\"account_info\",\"account\":\"%s\",\"x\":\"a,\\\"id\\\":1\"",
	    "\"command\":\"account_info\",\"account\":\"%s\",\"x\":{\"id\":1},\"y\":[{\"id\":2}]",
	    "\"command\":\"account_tx\",\"account\":\"%s\",\"limit\":10,\"forward\":true",
	    "\"command\":\"ledger\",\"ledger_index\":5,\"transactions\":true,\"expand\":true",
	    "\"command\":\"account_info\",\"account\":\"%s\",\"strict\":1e2",
	    "\"command\":\"account_info\",\"account\":\"nobody %s\"",
	    "\"command\":\"ping\"",
	    "\"command\":\"no such thing\"",
	};
	static const char *const ids[] = {
	    "1",
	    "2",
	    "-7",
	    "0",
	    "-0",
	    "01",
	    "1.0",
	    "1e1",
	    "\"a\"",
	    "\"\"",
	    "\"a b\"",
	    "\"\\\"\"",
	    "\"\\u0041\"",
	    "\"\xC3\xA9\"",
	    "null",
	    "true",
	    "[1, 2]",
	    "{\"id\": 3}",
	    "123456789012345",
	    "1234567890123456",
	    " 5 ",
	    "\"\x7F\"",
	};
	struct fake *f = open_keeping(true, 1 << 20), *plain = scenario_open(true, false);
	char *alice = filled(f, "\"${alice}\"") /* with its quotation marks */;
	unsigned hits = 0, asked = 0;

	(void)state;
	alice[strlen(alice) - 1] = '\0';
	for (size_t round = 0; round < 3; round++)
		for (size_t b = 0; b < sizeof(bodies) / sizeof(bodies[0]); b++)
			for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
				for (size_t k = 0; k < 5; k++) {
					char text[600];

					request_text(text, sizeof(text), (unsigned)k, ids[i],
						     bodies[b], alice + 1);
					fake_ask_text(f, VIA_WS, text);
					fake_ask_text(plain, VIA_WS, text);
					hits += again;
					asked++;
					if (f->reply.n != plain->reply.n ||
					    memcmp(f->reply.p, plain->reply.p, f->reply.n) != 0)
						fail_msg("%s\n%.*s\n%.*s", text, (int)f->reply.n,
							 (char *)f->reply.p, (int)plain->reply.n,
							 (char *)plain->reply.p);
				}
	assert_true(hits > asked / 2);
	free(alice);
	fake_close(f);
	fake_close(plain);
}

static void ids_share_an_answer(void **state)
{
	struct fake *f = open_keeping(false, 1 << 20);

	(void)state;
	assert_false(ask(f, VIA_WS, INFO("1")));
	assert_true(ask(f, VIA_WS, INFO("1")));
	assert_true(ask(f, VIA_WS, INFO("2")));
	assert_true(ask(f, VIA_WS, INFO("\"three\"")));
	assert_non_null(memmem(f->reply.p, f->reply.n, "\"id\":\"three\",", 13));
	/* another origin is another question */
	assert_false(
	    ask(f, (struct fake_via){.websocket = true, .conn = 1, .admin = true}, INFO("1")));
	assert_false(ask(f, VIA_HTTP, "{\"method\":\"ledger_closed\"}"));
	assert_true(ask(f, VIA_HTTP, "{\"method\":\"ledger_closed\"}"));
	assert_false(ask(f, VIA_ADMIN, "{\"method\":\"ledger_closed\"}"));
	fake_close(f);
}

/* What is asked of the open ledger holds until something happens, of the validated one until the
 * next; of a ledger that was named for as long as it is there. */
static void answers_are_never_old(void **state)
{
	static const char current[] = "{\"method\":\"account_info\",\"params\":[{\"account\":"
				      "\"${alice}\"}]}";
	static const char validated[] = "{\"method\":\"account_info\",\"params\":[{\"account\":"
					"\"${alice}\",\"ledger_index\":\"validated\"}]}";
	static const char closed[] = "{\"method\":\"account_info\",\"params\":[{\"account\":"
				     "\"${alice}\",\"ledger_index\":\"closed\"}]}";
	static const char named[] = "{\"method\":\"account_info\",\"params\":[{\"account\":"
				    "\"${alice}\",\"ledger_index\":5}]}";
	static const char tx[] = "{\"method\":\"tx\",\"params\":[{\"transaction\":\"${T5.0}\"}]}";
	static const char list[] =
	    "{\"method\":\"account_tx\",\"params\":[{\"account\":\"${alice}\","
	    "\"ledger_index_min\":-1}]}";
	static const char *const all[] = {current, validated, closed, named, tx, list};
	struct fake *f = open_keeping(false, 1 << 20);
	struct tx *payment_of_alice;

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		assert_false(ask(f, VIA_HTTP, all[i]));
		assert_true(ask(f, VIA_HTTP, all[i]));
	}
	/* something happened */
	payment_of_alice = scenario_payment_tx(f, "alice", 7, "carol", 1000000);
	fake_apply(f, payment_of_alice, NULL);
	tx_unref(payment_of_alice);
	f->node.steps++;
	assert_false(ask(f, VIA_HTTP, current));
	assert_non_null(memmem(f->reply.p, f->reply.n, "\"Sequence\":8", 12));
	assert_false(ask(f, VIA_HTTP, closed));
	assert_true(ask(f, VIA_HTTP, validated));
	assert_true(ask(f, VIA_HTTP, list));
	/* a ledger that is closed and not validated */
	fake_close_ledger(f, false);
	f->node.steps++;
	assert_false(ask(f, VIA_HTTP, closed));
	assert_non_null(memmem(f->reply.p, f->reply.n, "\"ledger_index\":7", 16));
	assert_true(ask(f, VIA_HTTP, validated));
	assert_non_null(memmem(f->reply.p, f->reply.n, "\"ledger_index\":6", 16));
	/* and validated */
	f->node.validated = f->node.n;
	f->node.steps++;
	assert_false(ask(f, VIA_HTTP, validated));
	assert_non_null(memmem(f->reply.p, f->reply.n, "\"ledger_index\":7", 16));
	assert_false(ask(f, VIA_HTTP, list));
	assert_non_null(memmem(f->reply.p, f->reply.n, "\"ledger_index_max\":7", 20));
	assert_true(ask(f, VIA_HTTP, named));
	assert_true(ask(f, VIA_HTTP, tx));
	/* history goes */
	first_seq = 6;
	f->node.steps++;
	assert_false(ask(f, VIA_HTTP, named));
	assert_false(ask(f, VIA_HTTP, tx));
	assert_false(ask(f, VIA_HTTP, list));
	assert_non_null(memmem(f->reply.p, f->reply.n, "\"ledger_index_min\":6", 20));
	fake_close(f);
}

/* A node that has not heard of its network for long does not repeat what it knew. */
static void the_lost_repeat_nothing(void **state)
{
	struct fake *f = open_keeping(true, 1 << 20);

	(void)state;
	assert_false(ask(f, VIA_WS, INFO("1")));
	assert_true(ask(f, VIA_WS, INFO("1")));
	f->clock.s += RPC_VALIDATED_AGE_MAX + 60;
	assert_false(ask(f, VIA_WS, INFO("1")));
	assert_non_null(memmem(f->reply.p, f->reply.n, "\"error\"", 7));
	f->clock.s -= RPC_VALIDATED_AGE_MAX + 60;
	f->node.state = NODE_DISCONNECTED;
	rpc_on_state(f->rpc, NODE_DISCONNECTED);
	assert_false(ask(f, VIA_WS, INFO("1")));
	fake_close(f);
}

static void what_is_not_kept(void **state)
{
	static const char *const asked[] = {
	    "{\"id\":1,\"command\":\"random\"}",
	    "{\"id\":1,\"command\":\"server_info\"}",
	    "{\"id\":1,\"command\":\"fee\"}",
	    "{\"id\":1,\"command\":\"subscribe\",\"streams\":[\"ledger\"]}",
	    "{\"id\":1,\"command\":\"submit\",\"tx_blob\":\"${pay:alice:7:carol:1}\"}",
	    "{\"id\":1,\"command\":\"account_info\",\"account\":\"rrrrrrrrrrrrrrrrrrrrrhoLvTp\"}",
	};
	struct fake *f = open_keeping(false, 1 << 20);
	uint32_t n;
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		assert_false(ask(f, VIA_WS, asked[i]));
		assert_false(ask(f, VIA_WS, asked[i]));
	}
	cache_size(f->rpc->cache, &n, &bytes);
	assert_int_equal(n, 0);
	assert_int_equal(bytes, 0);
	fake_close(f);
}

/* Kept answers are charged as much, and warn as computed ones do. */
static void charges_and_warnings(void **state)
{
	static const char http[] = "{\"method\":\"account_info\",\"params\":[{\"account\":"
				   "\"${alice}\",\"id\":9,\"ledger_index\":\"validated\"}]}";
	struct fake *f = open_keeping(false, 1 << 20), *plain = open_keeping(false, 0);
	uint32_t computed;

	(void)state;
	too_much = true;
	assert_false(ask(f, VIA_WS, INFO("1")));
	assert_false(ask(f, VIA_WS, INFO("1"))); /* an answer with a warning is not kept */
	too_much = false;
	cost = 0;
	assert_false(ask(f, VIA_WS, INFO("1")));
	computed = cost;
	assert_true(computed >= RPC_COST_REFERENCE);
	assert_true(ask(f, VIA_WS, INFO("1")));
	assert_int_equal(cost, 2 * computed);
	assert_false(ask(f, VIA_HTTP, http));
	too_much = true;
	for (int i = 0; i < 2; i++) {
		const char *text = i ? http : INFO("22");
		struct fake_via via = i ? VIA_HTTP : VIA_WS;

		assert_true(ask(f, via, text));
		assert_non_null(memmem(f->reply.p, f->reply.n, "\"warning\":\"load\"", 16));
		assert_false(ask(plain, via, text));
		assert_int_equal(f->reply.n, plain->reply.n);
		assert_memory_equal(f->reply.p, plain->reply.p, f->reply.n);
	}
	too_much = false;
	fake_close(f);
	fake_close(plain);
}

static struct bytes lent;
static void *lender;

static void on_kept(void *ctx, uint64_t request, struct bytes body, void (*release)(void *owner),
		    void *owner)
{
	struct fake *f = ctx;

	assert_ptr_equal(release, cache_release);
	f->replied = request;
	f->replies++;
	lent = body;
	lender = owner;
}

/* A long answer stays where it is while it is being sent, whatever becomes of the cache. */
static void kept_answers_are_lent(void **state)
{
	static const char text[] =
	    "{\"method\":\"ledger_data\",\"params\":[{\"ledger_index\":\"validated\"}]}";
	struct fake *f = open_keeping(false, 1 << 20);
	void *first;

	(void)state;
	f->rpc->host.reply_kept = on_kept;
	assert_false(ask(f, VIA_HTTP, text));
	assert_true(f->reply.n >= 4096);
	assert_true(ask(f, VIA_HTTP, text));
	first = lender;
	assert_true(ask(f, VIA_HTTP, text));
	assert_ptr_equal(lender, first);
	assert_int_equal(lent.n, f->reply.n);
	fake_close_ledger(f, true);
	f->node.steps++;
	assert_false(ask(f, VIA_HTTP, text)); /* what is lent is not kept any more */
	assert_true(lent.n > 0 && lent.p[lent.n - 1] == '\n');
	cache_release(lender);
	cache_release(lender);
	fake_close(f);
}

static void the_cache_is_bounded(void **state)
{
	struct fake *f = open_keeping(false, 50000);
	char text[400];
	uint32_t n = 0, most = 0;
	uint64_t bytes = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		(void)snprintf(text, sizeof(text),
			       "{\"command\":\"account_info\",\"account\":\"${alice}\",\"x\":%d}",
			       i % 500);
		ask(f, VIA_WS, text);
		cache_size(f->rpc->cache, &n, &bytes);
		assert_true(bytes <= 50000);
		most = n > most ? n : most;
		assert_true(ask(f, VIA_WS, text)); /* the newest is never the one to go */
	}
	assert_true(most > 10 && most < 100);
	f->node.steps++;
	assert_false(ask(f, VIA_WS, text));
	/* what would take a quarter of it is not kept */
	assert_false(ask(f, VIA_WS, "{\"command\":\"account_tx\",\"account\":\"${alice}\"}"));
	fake_close(f);
}

/* ---- Pieces */

#define MANY 200

static void pay_with_long_memos(struct fake *f, uint32_t from)
{
	char filler[900];

	memset(filler, 'm', sizeof(filler));
	for (uint32_t i = 0; i < MANY; i++) {
		struct world w = {0};
		struct st_object *o = payment(&w, "alice", from + i, "carol", 1);
		struct st_array *memos = st_set_array(o, sfMemos);
		struct st_object *memo = st_array_add(memos, &w.arena, sfMemo);
		struct tx *tx;

		st_set_raw(memo, sfMemoData, bytes_of(filler, sizeof(filler)));
		tx = signed_by("alice", o);
		assert_int_equal(fake_apply(f, tx, NULL), tesSUCCESS);
		tx_unref(tx);
		arena_close(&w.arena);
	}
}

/* All pieces of the reply, put together in f->reply; how many there were. */
static unsigned take_pieces(struct fake *f)
{
	struct buf piece = BUF_INIT;
	unsigned n = 0;
	bool more = true;

	buf_clear(&f->reply);
	while (more) {
		more = pages.next(pages.ctx, &piece);
		assert_true(piece.n < 2 * RPC_AT_ONCE_BYTES);
		if (piece.n)
			buf_put(&f->reply, piece.p, piece.n);
		buf_close(&piece);
		n++;
	}
	pages.close(pages.ctx);
	return n;
}

/* The same bytes, whole and in pieces, of closed and open ledgers, over HTTP and WebSocket. */
static void pieces_make_the_whole(void **state)
{
	static const char *const asked[] = {
	    "\"ledger_index\":\"validated\",\"transactions\":true,\"expand\":true",
	    "\"ledger_index\":\"validated\",\"transactions\":true,\"expand\":true,\"binary\":true",
	    "\"ledger_index\":\"current\",\"transactions\":true,\"expand\":true",
	    "\"ledger_index\":\"validated\",\"transactions\":true",
	    "\"ledger_index\":\"validated\",\"full\":true",
	};
	struct fake *f = open_keeping(false, 1 << 20);
	struct buf whole = BUF_INIT;
	char text[300];
	unsigned in_pieces = 0;

	(void)state;
	pay_with_long_memos(f, 7);
	for (unsigned i = 0; i < 5 * 4; i++) {
		unsigned k = i / 4, version = 1 + i % 2, ws = i / 2 % 2;
		struct fake_via via = ws ? VIA_WS : VIA_HTTP;

		via.admin = true;
		if (k == 0 && i == 0)
			fake_close_ledger(f, true);
		if (k == 2 && i % 4 == 0)
			pay_with_long_memos(f, 7 + MANY);
		snprintf(text, sizeof(text),
			 ws ? "{\"id\":1,\"command\":\"ledger\",\"api_version\":%u,%s}"
			    : "{\"method\":\"ledger\",\"params\":[{\"api_version\":%u,%s}]}",
			 version, asked[k]);
		f->host.reply_pages = NULL;
		f->rpc->host.reply_pages = NULL;
		fake_ask_text(f, via, text);
		buf_clear(&whole);
		buf_put(&whole, f->reply.p, f->reply.n);
		f->rpc->host.reply_pages = on_pages;
		cache_clear(f->rpc->cache);
		pages.ctx = NULL;
		fake_ask_text(f, via, text);
		if (whole.n < RPC_AT_ONCE_BYTES || k == 2) /* the open ledger cannot wait */
			assert_null(pages.ctx);
		else if (whole.n > RPC_AT_ONCE_BYTES + 2 * RPC_PIECE_BYTES)
			assert_true(take_pieces(f) >= 2 && ++in_pieces);
		else if (pages.ctx)
			take_pieces(f);
		assert_int_equal(f->reply.n, whole.n);
		assert_memory_equal(f->reply.p, whole.p, whole.n);
	}
	assert_true(in_pieces >= 8);
	buf_close(&whole);
	fake_close(f);
}

#define EXPANDED "\"ledger_index\":\"validated\",\"transactions\":true,\"expand\":true,\"id\":5"

/* The client goes, or never reads, and a newer ledger comes meanwhile. */
static void pieces_that_nobody_takes(void **state)
{
	struct fake *f = open_keeping(false, 1 << 20);
	struct buf piece = BUF_INIT;

	(void)state;
	pay_with_long_memos(f, 7);
	fake_close_ledger(f, true);
	f->rpc->host.reply_pages = on_pages;
	for (int i = 0; i < 3; i++) {
		fake_ask_text(f, VIA_HTTP, "{\"method\":\"ledger\",\"params\":[{" EXPANDED "}]}");
		for (int k = 0; k < i; k++) {
			assert_true(pages.next(pages.ctx, &piece));
			buf_close(&piece);
		}
		fake_close_ledger(f, true);
		pages.close(pages.ctx);
		f->node.validated = 7; /* asked about again */
	}
	fake_close(f);
}

/* Damage that comes to light when much of the answer has gone. */
static void pieces_may_end_in_an_error(void **state)
{
	struct fake *f = open_keeping(false, 1 << 20);
	struct hash256 last;
	json_t *j, *result;

	(void)state;
	pay_with_long_memos(f, 7);
	fake_close_ledger(f, true);
	memset(last.b, 0xFF, sizeof(last.b));
	assert_int_equal(tree_put(&f->node.chain[f->node.n - 1]->txs, &last, bytes_str("\3abc")),
			 FOUND);
	f->rpc->host.reply_pages = on_pages;
	for (int ws = 0; ws < 2; ws++) {
		fake_ask_text(f, ws ? VIA_WS : VIA_HTTP,
			      ws ? "{\"command\":\"ledger\"," EXPANDED "}"
				 : "{\"method\":\"ledger\",\"params\":[{" EXPANDED "}]}");
		assert_true(take_pieces(f) > 2);
		j = json_loadb((char *)f->reply.p, f->reply.n, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(j);
		result = json_object_get(j, "result");
		fake_assert_error(result, "dbDeserialization");
		if (ws)
			assert_string_equal(json_string_value(json_object_get(j, "status")),
					    "error");
		assert_int_equal(json_integer_value(json_object_get(j, "id")), 5);
		json_decref(j);
	}
	fake_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kept_answers_are_the_same),
	    cmocka_unit_test(ids_share_an_answer),
	    cmocka_unit_test(answers_are_never_old),
	    cmocka_unit_test(the_lost_repeat_nothing),
	    cmocka_unit_test(what_is_not_kept),
	    cmocka_unit_test(charges_and_warnings),
	    cmocka_unit_test(the_cache_is_bounded),
	    cmocka_unit_test(kept_answers_are_lent),
	    cmocka_unit_test(pieces_make_the_whole),
	    cmocka_unit_test(pieces_that_nobody_takes),
	    cmocka_unit_test(pieces_may_end_in_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
