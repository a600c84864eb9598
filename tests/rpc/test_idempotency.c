/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/scenario.h"

#include "base/limits.h"
#include "rpc/rpc.h"

#include <stdio.h>

/* Idempotency-Key (idempotency.h), with a keep in memory that can be told to wait and to fail. */

#define ROWS_MAX 64

static struct {
	struct fake *f;
	struct {
		struct hash256 key;
		struct buf value;
	} rows[ROWS_MAX];
	uint32_t n;
	bool waits;        /* writes are not through before they are told to be */
	enum err err;      /* of the next writes */
	enum err read_err; /* of all reads */
	uint64_t tokens[ROWS_MAX];
	uint32_t n_tokens, puts, submits;
	struct hash256 last_submitted;
	char headers[200];
	void (*submit)(void *ctx, struct tx *tx, bool fail_hard, uint64_t token);
} box;

static enum err host_kept(void *ctx, const struct hash256 *key, struct buf *out)
{
	(void)ctx;
	if (box.read_err != ERR_NONE)
		return box.read_err;
	for (uint32_t i = 0; i < box.n; i++)
		if (hash256_eq(&box.rows[i].key, key)) {
			buf_put(out, box.rows[i].value.p, box.rows[i].value.n);
			return ERR_NONE;
		}
	return ERR_ABSENT;
}

static void store(const struct rpc_keep *row)
{
	uint32_t i = 0;

	while (i < box.n && !hash256_eq(&box.rows[i].key, &row->key))
		i++;
	assert_true(i < ROWS_MAX);
	box.n = i == box.n ? box.n + 1 : box.n;
	box.rows[i].key = row->key;
	buf_clear(&box.rows[i].value);
	buf_put(&box.rows[i].value, row->value.p, row->value.n);
}

static void host_keep(void *ctx, const struct rpc_keep *row, uint64_t token)
{
	(void)ctx;
	assert_true(row->until_ms > box.f->host.unix_ms(box.f));
	box.puts++;
	if (box.err == ERR_NONE)
		store(row);
	assert_true(box.n_tokens < ROWS_MAX);
	box.tokens[box.n_tokens++] = token;
}

/* What was asked to be kept is, or was not. */
static void writes_are_through(void)
{
	while (box.n_tokens > 0) {
		uint64_t token = box.tokens[0];

		box.n_tokens--;
		memmove(&box.tokens[0], &box.tokens[1], box.n_tokens * sizeof(token));
		rpc_kept(box.f->rpc, token, box.err);
	}
}

static void host_reply_with(void *ctx, uint64_t request, int status, const char *headers,
			    struct bytes body)
{
	(void)snprintf(box.headers, sizeof(box.headers), "%s", headers);
	box.f->host.reply(ctx, request, status, body);
}

static void host_submit(void *ctx, struct tx *tx, bool fail_hard, uint64_t token)
{
	box.submits++;
	box.last_submitted = tx->id;
	box.submit(ctx, tx, fail_hard, token);
}

/* The node is there still, the process that served the API is another. */
static void restart(void)
{
	struct rpc_host host = box.f->host;

	rpc_close(box.f->rpc);
	box.n_tokens = 0;
	box.submit = host.submit;
	host.kept = host_kept;
	host.keep = host_keep;
	host.reply_with = host_reply_with;
	host.submit = host_submit;
	box.f->rpc = rpc_open(&host);
}

static int set_up(void **state)
{
	(void)state;
	memset(&box, 0, sizeof(box));
	box.f = scenario_open(false, false);
	restart();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fake_close(box.f);
	for (uint32_t i = 0; i < box.n; i++)
		buf_close(&box.rows[i].value);
	return 0;
}

static void send(const char *key, bool admin, const char *text)
{
	struct rpc_origin from = {.request = ++box.f->next_request,
				  .admin = admin,
				  .address = "127.0.0.1",
				  .idempotency_key = key ? bytes_str(key) : bytes_of(NULL, 0)};

	box.headers[0] = '\0';
	box.f->replies = 0;
	box.f->status = 0;
	rpc_request(box.f->rpc, &from, bytes_str(text));
	if (!box.waits)
		writes_are_through();
}

/* The answer as text, which the test frees. */
static char *ask(const char *key, bool admin, const char *text)
{
	char *out;

	send(key, admin, text);
	assert_int_equal(box.f->replies, 1);
	out = mem_zalloc(1, box.f->reply.n + 1);
	memcpy(out, box.f->reply.p, box.f->reply.n);
	return out;
}

static void expect(const char *key, bool admin, const char *text, int status, const char *word)
{
	char *got = ask(key, admin, text);

	assert_int_equal(box.f->status, status);
	if (!strstr(got, word))
		fail_msg("%s is not in %s", word, got);
	mem_free(got);
}

static char *submit_text(uint32_t seq, uint64_t drops, const char *more)
{
	static char text[4][4000];
	static int turn;
	char *out = text[turn++ % 4], *blob = scenario_payment(box.f, "alice", seq, "carol", drops);

	(void)snprintf(out, sizeof(text[0]),
		       "{\"method\":\"submit\",\"params\":[{\"tx_blob\":\"%s\"%s}]}", blob, more);
	mem_free(blob);
	return out;
}

#define SECRET "masterpassphrase"
#define SIGN(amount)                                                                               \
	"{\"method\":\"submit\",\"params\":[{\"secret\":\"" SECRET "\",\"tx_json\":{"              \
	"\"TransactionType\":\"Payment\",\"Account\":\"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh\","      \
	"\"Destination\":\"rrrrrrrrrrrrrrrrrrrrBZbvji\",\"Amount\":\"" amount "\"}}]}"

static void the_first_answer_is_given_again(void **state)
{
	char *body = submit_text(7, 5, ""), *first, *again;

	(void)state;
	first = ask("key-1", false, body);
	assert_non_null(strstr(first, "tesSUCCESS"));
	assert_string_equal(box.headers, "");
	assert_int_equal(box.puts, 1);
	for (int i = 0; i < 3; i++) {
		again = ask("key-1", false, body);
		assert_string_equal(first, again);
		assert_string_equal(box.headers, "Idempotent-Replayed: true\r\n");
		mem_free(again);
		restart();
	}
	assert_int_equal(box.submits, 1);
	assert_int_equal(box.puts, 1);
	/* without the key it is another request */
	expect(NULL, false, body, 200, "tefALREADY");
	assert_int_equal(box.submits, 2);
	mem_free(first);
}

/* Blanks and the order of members do not make another request; any other value does. */
static void another_body_is_a_conflict(void **state)
{
	char *body = submit_text(7, 5, ",\"fail_hard\":false");
	char other[4200], *blob = scenario_payment(box.f, "alice", 7, "carol", 5);

	(void)state;
	expect("key", false, body, 200, "tesSUCCESS");
	(void)snprintf(other, sizeof(other),
		       "{ \"params\": [{\"fail_hard\": false, \"tx_blob\":\"%s\"}],\n"
		       "\"method\":\"submit\"}",
		       blob);
	mem_free(blob);
	expect("key", false, other, 200, "tesSUCCESS");
	assert_string_equal(box.headers, "Idempotent-Replayed: true\r\n");
	expect("key", false, submit_text(7, 5, ""), 409, "idempotencyKeyReused");
	assert_string_equal(box.headers, "");
	expect("key", false, submit_text(8, 5, ",\"fail_hard\":false"), 409,
	       "idempotencyKeyReused");
	restart();
	expect("key", false, submit_text(8, 5, ""), 409, "idempotencyKeyReused");
	expect("other key", false, submit_text(8, 5, ""), 200, "tesSUCCESS");
	assert_int_equal(box.submits, 2);
}

static void two_at_once(void **state)
{
	char *body = submit_text(7, 5, "");

	(void)state;
	box.waits = true;
	send("key", false, body);
	assert_int_equal(box.f->replies, 0); /* it is not durable yet */
	assert_int_equal(box.submits, 1);
	expect("key", false, body, 409, "idempotencyKeyInUse");
	assert_string_equal(box.headers, "Retry-After: 1\r\n");
	box.f->replies = 0;
	writes_are_through();
	assert_int_equal(box.f->replies, 1);
	assert_int_equal(box.f->status, 200);
	box.waits = false;
	expect("key", false, body, 200, "tesSUCCESS");
	assert_int_equal(box.submits, 1);
}

static void keys_that_are_none(void **state)
{
	char *body = submit_text(7, 5, "");
	char longest[IDEMPOTENCY_KEY_MAX + 2];

	(void)state;
	memset(longest, 'k', sizeof(longest));
	longest[IDEMPOTENCY_KEY_MAX + 1] = '\0';
	expect("", false, body, 400, "invalidIdempotencyKey");
	expect(longest, false, body, 400, "invalidIdempotencyKey");
	expect("tab\there", false, body, 400, "invalidIdempotencyKey");
	expect("caf\xc3\xa9", false, body, 400, "invalidIdempotencyKey");
	assert_int_equal(box.submits, 0);
	longest[IDEMPOTENCY_KEY_MAX] = '\0';
	expect(longest, false, body, 200, "tesSUCCESS");
	/* other methods have nothing to repeat */
	expect("", false, "{\"method\":\"ping\"}", 200, "success");
	assert_int_equal(box.puts, 1);
}

/* Where nothing was done, nothing is kept: the same key may be used when it can be done. */
static void what_did_nothing_is_not_kept(void **state)
{
	(void)state;
	expect("key", false, "{\"method\":\"submit\",\"params\":[{\"tx_blob\":\"zz\"}]}", 200,
	       "invalidParams");
	expect("key", false,
	       "{\"method\":\"submit\",\"params\":[{\"tx_json\":{},\"secret\":\"s\"}]}", 200,
	       "notSupported");
	assert_int_equal(box.puts, 0);
	expect("key", false, submit_text(7, 5, ""), 200, "tesSUCCESS");
	assert_int_equal(box.puts, 1);
}

static void administrators_have_keys_of_their_own(void **state)
{
	(void)state;
	expect("key", false, submit_text(7, 5, ""), 200, "tesSUCCESS");
	expect("key", true, submit_text(8, 5, ""), 200, "tesSUCCESS");
	expect("key", true, submit_text(7, 5, ""), 409, "idempotencyKeyReused");
}

/* The blob is durable before the node has it; whatever happens then, it is the same blob. */
static void signed_once(void **state)
{
	struct hash256 first;
	char *answer;

	(void)state;
	box.waits = true;
	send("key", true, SIGN("100000000"));
	assert_int_equal(box.puts, 1);
	assert_int_equal(box.submits, 0);
	restart(); /* killed before the node had it */
	box.waits = false;
	answer = ask("key", true, SIGN("100000000"));
	assert_non_null(strstr(answer, "tesSUCCESS"));
	assert_int_equal(box.submits, 1);
	first = box.last_submitted;
	assert_non_null(strstr(answer, hash256_hex(&first).s));
	mem_free(answer);
	expect("key", true, SIGN("100000000"), 200, "tesSUCCESS");
	assert_int_equal(box.submits, 1);
	expect("key", true, SIGN("100000001"), 409, "idempotencyKeyReused");
	expect("key 2", true, SIGN("100000000"), 200, "tesSUCCESS");
	assert_false(hash256_eq(&first, &box.last_submitted));
}

static void killed_after_the_node_had_it(void **state)
{
	struct hash256 first;

	(void)state;
	box.f->deferred = true; /* the node does not answer any more */
	send("key", true, SIGN("100000000"));
	assert_int_equal(box.submits, 1);
	assert_int_equal(box.f->replies, 0);
	first = box.last_submitted;
	restart();
	tx_unref(box.f->waiting);
	box.f->waiting = NULL;
	box.f->deferred = false;
	expect("key", true, SIGN("100000000"), 200, "tesSUCCESS");
	assert_int_equal(box.submits, 2);
	assert_true(hash256_eq(&first, &box.last_submitted));
}

/* A blob that cannot be kept is not handed over; an answer that cannot be is given all the same. */
static void a_keep_that_fails(void **state)
{
	(void)state;
	box.err = ERR_NO_SPACE;
	expect("key", true, SIGN("100000000"), 503, "idempotencyUnavailable");
	assert_string_equal(box.headers, "Retry-After: 1\r\n");
	assert_int_equal(box.submits, 0);
	expect("key", false, submit_text(7, 5, ""), 200, "tesSUCCESS");
	expect("key", false, submit_text(7, 5, ""), 200, "tefALREADY");
	box.err = ERR_NONE;
	box.read_err = ERR_IO;
	expect("key", false, submit_text(8, 5, ""), 503, "idempotencyUnavailable");
	assert_int_equal(box.submits, 2);
	box.read_err = ERR_NONE;
	expect("key", true, SIGN("100000000"), 200, "tesSUCCESS");
}

static bool contains(const void *in, size_t n, const char *word)
{
	size_t m = strlen(word);

	for (size_t i = 0; i + m <= n; i++)
		if (memcmp((const uint8_t *)in + i, word, m) == 0)
			return true;
	return false;
}

static void no_secret_is_kept(void **state)
{
	(void)state;
	box.waits = true;
	send("key", true, SIGN("100000000"));
	assert_int_equal(box.n, 1);
	assert_false(contains(box.rows[0].value.p, box.rows[0].value.n, SECRET));
	box.waits = false;
	writes_are_through();
	assert_false(contains(box.rows[0].value.p, box.rows[0].value.n, SECRET));
	assert_true(contains(box.rows[0].value.p, box.rows[0].value.n, "tesSUCCESS"));
}

static void damaged_records(void **state)
{
	char *body = submit_text(7, 5, "");

	(void)state;
	expect("key", false, body, 200, "tesSUCCESS");
	for (size_t n = 0; n < 40; n++) {
		size_t whole = box.rows[0].value.n;

		box.rows[0].value.n = n;
		expect("key", false, body, 503, "idempotencyUnavailable");
		box.rows[0].value.n = whole;
	}
	box.rows[0].value.p[0] = 9; /* of a later version */
	expect("key", false, body, 503, "idempotencyUnavailable");
	assert_int_equal(box.submits, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_first_answer_is_given_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(another_body_is_a_conflict, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(two_at_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(keys_that_are_none, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_did_nothing_is_not_kept, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(administrators_have_keys_of_their_own, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(signed_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(killed_after_the_node_had_it, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_keep_that_fails, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_secret_is_kept, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(damaged_records, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
