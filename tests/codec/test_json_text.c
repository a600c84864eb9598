/* SPDX-License-Identifier: ISC */
#include "tests/codec/support.h"

#include "base/limits.h"
#include "codec/json.h"

/* Which texts are JSON here (json_texts.def), and how large the largest is that a client may need
 * to send. */

enum verdict { REFUSED, ACCEPTED };

static enum err parse(struct bytes text, struct why *why)
{
	json_t *json = NULL;
	enum err e = json_parse_bounded(&json, text, why);

	if (e == ERR_NONE)
		json_decref(json);
	return e;
}

static void texts_are_what_they_are(void **state)
{
	static const struct {
		enum verdict verdict;
		const char *name, *text;
		size_t n;
	} rows[] = {
#define T(verdict, name, text) {verdict, name, text, sizeof(text) - 1},
#include "tests/codec/json_texts.def"
#undef T
	};
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct why why = {.text = ""};
		bool taken = parse(bytes_of(rows[i].text, rows[i].n), &why) == ERR_NONE;

		if (taken == (rows[i].verdict == ACCEPTED) && (taken || why.text[0]))
			continue;
		print_error("%s: %s %s\n", rows[i].name, taken ? "taken" : "refused", why.text);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* ---- The largest that there is to send */

static void put_hashes(struct buf *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s\"%064zX\"", i ? "," : "", i + 1);
}

/* A Batch of eight transactions that each cancel 500 offers: no transaction has more values. */
static void put_batch(struct buf *b)
{
	buf_printf(b, "{\"TransactionType\":\"Batch\",\"Account\":\"r\",\"Fee\":\"1\","
		      "\"RawTransactions\":[");
	for (int i = 0; i < 8; i++) {
		buf_printf(b,
			   "%s{\"RawTransaction\":{\"TransactionType\":\"NFTokenCancelOffer\","
			   "\"Account\":\"r\",\"Fee\":\"0\",\"Sequence\":1,\"SigningPubKey\":\"\","
			   "\"Flags\":1073741824,\"NFTokenOffers\":[",
			   i ? "," : "");
		put_hashes(b, 500);
		buf_printf(b, "]}}");
	}
	buf_printf(b, "],\"BatchSigners\":[");
	for (int i = 0; i < 24; i++)
		buf_printf(b,
			   "%s{\"BatchSigner\":{\"Account\":\"r\",\"SigningPubKey\":\"ED\","
			   "\"TxnSignature\":\"AB\"}}",
			   i ? "," : "");
	buf_printf(b, "]}");
}

static void the_largest_transaction_passes(void **state)
{
	struct buf b = BUF_INIT;
	struct why why = {.text = ""};

	(void)state;
	buf_printf(
	    &b,
	    "{\"method\":\"batch\",\"params\":[{\"method\":\"submit\",\"params\":[{\"tx_json\":");
	put_batch(&b);
	buf_printf(&b, "}]}]}");
	if (parse(buf_bytes(&b), &why) != ERR_NONE)
		fail_msg("%s", why.text);
	buf_close(&b);
}

/* The deepest thing that a wallet sends: an order by paths inside a Batch inside a batch. */
static void the_deepest_request_passes(void **state)
{
	static const char text[] =
	    "{\"method\":\"batch\",\"params\":[{\"method\":\"simulate\",\"params\":[{\"tx_json\":{"
	    "\"RawTransactions\":[{\"RawTransaction\":{\"Paths\":[[{\"account\":\"r\"}]],"
	    "\"Memos\":[{\"Memo\":{\"MemoData\":\"\"}}]}}]}}]}]}";
	struct why why = {.text = ""};

	(void)state;
	if (parse(bytes_of(text, sizeof(text) - 1), &why) != ERR_NONE)
		fail_msg("%s", why.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_are_what_they_are),
	    cmocka_unit_test(the_largest_transaction_passes),
	    cmocka_unit_test(the_deepest_request_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
