/* SPDX-License-Identifier: ISC */
#include "tally.h"

#include "base/mem.h"
#include "os/clock.h"
#include "tx/tx.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Submitting and waiting until the outcome is certain.
 *
 * A transaction signed here always has a LastLedgerSequence, so that its fate ends: validated with
 * its result, or provably not applied once a validated ledger past that sequence exists and the
 * server's history up to it has no gap (searched_all). Nothing is ever guessed from silence. */

#define EXPIRES_LEDGERS   20
#define SEARCH_LEDGERS    500 /* back from its last ledger, for one that may be old */
#define POLL_MS           500
#define TIMEOUT_DEFAULT_S 120

static int64_t int_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static const char *str_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- filling in what a transaction lacks ---- */

static bool fill_sequence(struct tally *t, json_t *tx, int *code)
{
	json_t *r;

	if (json_object_get(tx, "Sequence") || json_object_get(tx, "TicketSequence"))
		return true;
	r = client_get(
	    t, "account_info",
	    json_pack("{s:s, s:s}", "account", str_of(tx, "Account"), "ledger_index", "current"),
	    code);
	if (!r)
		return false;
	json_object_set(tx, "Sequence",
			json_object_get(json_object_get(r, "account_data"), "Sequence"));
	json_decref(r);
	return true;
}

/* Signers whose number alone counts. */
static json_t *any_signers(uint32_t n)
{
	json_t *list = json_array();

	while (n--)
		json_array_append_new(list, json_pack("{s:{s:s}}", "Signer", "Account",
						      "rrrrrrrrrrrrrrrrrrrrBZbvji"));
	return list;
}

/* What the server would fill in: the fee of the type, for so many signers. NULL: it has none to
 * say, and what is wrong will be seen when the transaction is submitted. */
static json_t *fee_of_type(struct tally *t, const json_t *tx, uint32_t signers)
{
	json_t *copy = json_deep_copy(tx), *r, *fee;

	if (signers)
		json_object_set_new(copy, "Signers", any_signers(signers));
	r = client_call(t, "simulate", json_pack("{s:o}", "tx_json", copy));
	fee = json_incref(json_object_get(json_object_get(r, "tx_json"), "Fee"));
	json_decref(r);
	return fee;
}

/* So much for each signature. */
static json_t *fee_of_ledger(struct tally *t, uint32_t signers, int *code)
{
	json_t *r = client_get(t, "fee", NULL, code);
	char text[24];

	if (!r)
		return NULL;
	snprintf(text, sizeof(text), "%llu",
		 strtoull(str_of(json_object_get(r, "drops"), "open_ledger_fee"), NULL, 10) *
		     (1ull + signers));
	json_decref(r);
	return json_string(text);
}

static bool fill_fee(struct tally *t, json_t *tx, uint32_t signers, int *code)
{
	json_t *fee;

	if (json_object_get(tx, "Fee"))
		return true;
	fee = fee_of_type(t, tx, signers);
	fee = fee ? fee : fee_of_ledger(t, signers, code);
	return fee && json_object_set_new(tx, "Fee", fee) == 0;
}

static bool fill_network(struct tally *t, json_t *tx, int *code)
{
	json_t *r = client_get(t, "server_info", NULL, code);
	const json_t *info = json_object_get(r, "info");
	int64_t id = int_of(info, "network_id");

	if (!r)
		return false;
	if (id > 1024 && !json_object_get(tx, "NetworkID"))
		json_object_set_new(tx, "NetworkID", json_integer(id));
	if (!json_object_get(tx, "LastLedgerSequence"))
		json_object_set_new(
		    tx, "LastLedgerSequence",
		    json_integer(int_of(json_object_get(info, "validated_ledger"), "seq") +
				 EXPIRES_LEDGERS));
	json_decref(r);
	return true;
}

bool tally_fill(struct tally *t, json_t *tx, uint32_t signers, int *code)
{
	if (!fill_sequence(t, tx, code) || !fill_network(t, tx, code))
		return false;
	if (!json_object_get(tx, "Sequence"))
		json_object_set_new(tx, "Sequence", json_integer(0)); /* a ticket's */
	return fill_fee(t, tx, signers, code);
}

/* Fills in, signs, encodes; the blob as hex. NULL after complaining. */
static char *prepare(struct tally *t, json_t *tx, const struct secret_key *key, int *code)
{
	struct arena a = ARENA_INIT;
	struct buf out = BUF_INIT;
	struct why why = {""};
	struct account_id account;
	struct st_object *o;
	char *hex = NULL;

	if (json_object_get(tx, "Signers")) {
		*code = tally_fail(t, TALLY_USAGE,
				   "several have signed it (see submit-multisigned)");
		return NULL;
	}
	account_of_key(&account, secret_key_public(key));
	if (!json_object_get(tx, "Account"))
		json_object_set_new(tx, "Account", json_string(account_text(&account).s));
	if (!tally_fill(t, tx, 0, code))
		return NULL;
	*code = TALLY_FAILED;
	if (st_from_json(&o, &a, tx, &why) != ERR_NONE) {
		tally_fail(t, 0, "%s", why.text);
	} else {
		tx_sign(o, key);
		st_encode(&out, o, ST_ALL);
		hex = mem_alloc(2 * out.n + 1);
		hex_encode(hex, out.p, out.n);
	}
	buf_close(&out);
	arena_close(&a);
	return hex;
}

/* ---- waiting ---- */

struct fate {
	char hash[65];
	char account[BASE58_TEXT_MAX];
	int64_t sequence; /* 0: a ticket's */
	int64_t last;     /* LastLedgerSequence, 0 = none */
	int64_t first;    /* where a search begins: what was validated when it was sent */
};

static int report(struct tally *t, const struct fate *f, json_t *r)
{
	const json_t *meta = json_object_get(r, "meta");
	const char *result = str_of(meta, "TransactionResult");
	int code = !strcmp(result, "tesSUCCESS") ? TALLY_OK : TALLY_CLAIMED;

	if (t->json)
		tally_print_json(json_incref(r));
	else
		printf("validated in ledger %lld: %s\nhash %s\n",
		       (long long)int_of(r, "ledger_index"), result, f->hash);
	return code;
}

static int expired(struct tally *t, const struct fate *f)
{
	return tally_fail(t, TALLY_EXPIRED, "not applied: %s, last ledger %lld has passed", f->hash,
			  (long long)f->last);
}

/* Whether a validated ledger at or past its last one has not used its Sequence: so nothing has, and
 * it never will, whatever the server's history holds. */
static bool left_unused(struct tally *t, const struct fate *f)
{
	json_t *r;
	bool unused;

	if (!f->last || !f->sequence)
		return false;
	r = client_call(
	    t, "account_info",
	    json_pack("{s:s, s:s}", "account", f->account, "ledger_index", "validated"));
	unused = int_of(r, "ledger_index") >= f->last &&
		 json_is_true(json_object_get(r, "validated")) &&
		 json_object_get(r, "account_data") &&
		 int_of(json_object_get(r, "account_data"), "Sequence") <= f->sequence;
	json_decref(r);
	return unused;
}

/* One look; -1: not decided yet. */
static int look(struct tally *t, const struct fate *f)
{
	json_t *params = json_pack("{s:s}", "transaction", f->hash), *r;
	int code = -1;

	if (f->last) {
		json_object_set_new(params, "min_ledger", json_integer(f->first));
		json_object_set_new(params, "max_ledger", json_integer(f->last));
	}
	r = client_call(t, "tx", params);
	t->quiet = !r; /* said once; it may come back within the time given */
	if (!r)
		return code;
	if (json_is_true(json_object_get(r, "validated")))
		code = report(t, f, r);
	else if (json_is_true(json_object_get(r, "searched_all")) || left_unused(t, f))
		code = expired(t, f);
	json_decref(r);
	return code;
}

static int wait_for(struct tally *t, const struct fate *f, uint64_t timeout_s)
{
	int64_t end = clock_steady().ms + (int64_t)timeout_s * 1000;

	for (;;) {
		int code = look(t, f);

		if (code >= 0)
			return code;
		if (clock_steady().ms > end)
			return tally_fail(t, TALLY_UNKNOWN, "no final answer on %s in %llu s",
					  f->hash, (unsigned long long)timeout_s);
		usleep(POLL_MS * 1000);
	}
}

/* What the preliminary result says for good; -1: it is open. Some of the refusals are also what a
 * transaction gets that was applied before. */
static int verdict(const char *result, bool wait)
{
	static const char *const perhaps_applied[] = {"tefALREADY", "tefPAST_SEQ", "tefMAX_LEDGER"};
	size_t i;

	for (i = 0; wait && i < sizeof(perhaps_applied) / sizeof(perhaps_applied[0]); i++)
		if (!strcmp(result, perhaps_applied[i]))
			return -1;
	if (!strncmp(result, "tem", 3) || !strncmp(result, "tel", 3) || !strncmp(result, "tef", 3))
		return TALLY_REJECTED;
	if (wait)
		return -1;
	return !strncmp(result, "ter", 3) && strcmp(result, "terQUEUED") != 0 ? TALLY_UNKNOWN
									      : TALLY_OK;
}

static void fate_of(struct fate *f, const json_t *submitted, int64_t validated)
{
	const json_t *tx = json_object_get(submitted, "tx_json");

	snprintf(f->hash, sizeof(f->hash), "%s",
		 json_object_get(submitted, "hash") ? str_of(submitted, "hash")
						    : str_of(tx, "hash"));
	snprintf(f->account, sizeof(f->account), "%s", str_of(tx, "Account"));
	f->sequence = int_of(tx, "Sequence");
	f->last = int_of(tx, "LastLedgerSequence");
	f->first = validated;
	if (f->last && f->first > f->last)
		f->first = f->last > SEARCH_LEDGERS ? f->last - SEARCH_LEDGERS : 1;
}

int tally_submit(struct tally *t, const char *hex, const struct tally_wait *wait)
{
	struct fate f;
	const char *result;
	json_t *r;
	int code;
	int64_t validated;

	r = client_get(t, "ledger", json_pack("{s:s}", "ledger_index", "validated"), &code);
	if (!r)
		return code;
	validated = int_of(r, "ledger_index");
	json_decref(r);
	r = client_get(t, "submit", json_pack("{s:s}", "tx_blob", hex), &code);
	if (!r)
		return code;
	fate_of(&f, r, validated);
	result = str_of(r, "engine_result");
	code = verdict(result, wait->wait);
	if (t->json && code >= 0)
		tally_print_json(json_incref(r));
	else if (!t->json)
		printf("%s: %s\n", result, str_of(r, "engine_result_message"));
	fflush(stdout);
	json_decref(r);
	return code >= 0 ? code : wait_for(t, &f, wait->timeout_s);
}

bool tally_wait_options(struct tally *t, struct tally_wait *out)
{
	const char *s = tally_option(t, "--timeout");

	out->wait = !tally_flag(t, "--no-wait");
	out->timeout_s = TIMEOUT_DEFAULT_S;
	if (!s || tally_number(s, 1, 86400, &out->timeout_s))
		return true;
	tally_fail(t, 0, "--timeout takes 1 to 86400 seconds");
	return false;
}

struct submit_options {
	struct tally_secret from;
	struct tally_wait wait;
};

static bool submit_options(struct tally *t, struct submit_options *o)
{
	return tally_wait_options(t, &o->wait) && tally_secret_options(t, &o->from);
}

static int sign_and_submit(struct tally *t, json_t *tx, const struct submit_options *o)
{
	struct public_key pub;
	int code;
	struct secret_key *key = tally_secret_read(t, &o->from, &pub, &code);
	char *hex;

	if (!key)
		return code;
	hex = prepare(t, tx, key, &code);
	if (hex)
		code = tally_submit(t, hex, &o->wait);
	mem_free(hex);
	secret_key_close(key);
	return code;
}

static bool is_hex(const struct buf *text)
{
	return text->n && strspn((char *)text->p, "0123456789abcdefABCDEF") == text->n;
}

int cmd_submit(struct tally *t)
{
	struct submit_options o;
	struct buf text;
	struct why why = {""};
	json_t *tx = NULL;
	int code;

	if (!submit_options(t, &o) || !tally_arguments(t, 1, 1) ||
	    !tally_text(t, t->argv[1], &text))
		return TALLY_USAGE;
	buf_put_u8(&text, 0);
	text.n--;
	if (text.p[0] != '{' && !is_hex(&text))
		code = tally_fail(t, TALLY_USAGE, "neither a blob in hex nor a JSON object");
	else if (text.p[0] != '{')
		code = tally_submit(t, (char *)text.p, &o.wait);
	else if (json_parse_bounded(&tx, buf_bytes(&text), &why) == ERR_NONE)
		code = sign_and_submit(t, tx, &o);
	else
		code = tally_fail(t, TALLY_USAGE, "%s", why.text);
	json_decref(tx);
	buf_close(&text);
	return code;
}

/* "12.5" XRP in drops, exactly. */
static bool parse_xrp(const char *s, char out[24])
{
	uint64_t whole = 0, part = 0, unit = DROPS_PER_XRP;
	const char *p = s;

	for (; *p >= '0' && *p <= '9' && whole <= DROPS_MAX / DROPS_PER_XRP; p++)
		whole = whole * 10 + (uint64_t)(*p - '0');
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9' && unit > 1; p++)
			part += (uint64_t)(*p - '0') * (unit /= 10);
	if (*p || *s < '0' || *s > '9' || whole * DROPS_PER_XRP + part > DROPS_MAX)
		return false;
	snprintf(out, 24, "%llu", (unsigned long long)(whole * DROPS_PER_XRP + part));
	return true;
}

int cmd_pay(struct tally *t)
{
	const char *tag = tally_option(t, "--tag");
	struct submit_options o;
	uint64_t number = 0;
	char drops[24];
	json_t *tx;
	int code;

	if (!submit_options(t, &o) || !tally_arguments(t, 2, 2))
		return TALLY_USAGE;
	if (tag && !tally_number(tag, 0, UINT32_MAX, &number))
		return tally_fail(t, TALLY_USAGE, "--tag takes 0 to 4294967295");
	if (!parse_xrp(t->argv[2], drops))
		return tally_fail(t, TALLY_USAGE, "\"%s\" is no amount of XRP", t->argv[2]);
	tx = json_pack("{s:s, s:s, s:s}", "TransactionType", "Payment", "Destination", t->argv[1],
		       "Amount", drops);
	if (tag)
		json_object_set_new(tx, "DestinationTag", json_integer((json_int_t)number));
	code = sign_and_submit(t, tx, &o);
	json_decref(tx);
	return code;
}
