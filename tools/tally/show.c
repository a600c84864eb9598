/* SPDX-License-Identifier: ISC */
#include "tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Commands that show what a server knows. */

static const json_t *at(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(at(o, key));

	return s ? s : "";
}

static long long num(const json_t *o, const char *key)
{
	return (long long)json_integer_value(at(o, key));
}

struct xrp_text tally_xrp(const char *drops)
{
	struct xrp_text out;
	uint64_t d = strtoull(drops, NULL, 10), part = d % DROPS_PER_XRP;
	size_t n;

	snprintf(out.s, sizeof(out.s), "%llu.%06llu", (unsigned long long)(d / DROPS_PER_XRP),
		 (unsigned long long)part);
	for (n = strlen(out.s); out.s[n - 1] == '0'; n--)
		out.s[n - 1] = '\0';
	if (out.s[n - 1] == '.')
		out.s[n - 1] = '\0';
	return out;
}

static bool is_hash(const char *s)
{
	uint8_t b[32];

	return hex_decode(b, sizeof(b), s, strlen(s));
}

/* Fetches; with --json prints it and is done (*r NULL, code 0). */
static int fetch(struct tally *t, json_t **r, const char *method, json_t *params)
{
	int code;

	*r = client_get(t, method, params, &code);
	if (!*r)
		return code;
	if (t->json) {
		tally_print_json(*r);
		*r = NULL;
	}
	return TALLY_OK;
}

int cmd_account(struct tally *t)
{
	const json_t *d, *flags, *v;
	const char *name;
	json_t *r;
	int code;

	if (!tally_arguments(t, 1, 1))
		return TALLY_USAGE;
	code = fetch(t, &r, "account_info",
		     json_pack("{s:s, s:s}", "account", t->argv[1], "ledger_index", "validated"));
	if (!r)
		return code;
	d = at(r, "account_data");
	printf("%s in ledger %lld\nbalance   %s XRP\nsequence  %lld\nowns      %lld entries\n",
	       str(d, "Account"), num(r, "ledger_index"), tally_xrp(str(d, "Balance")).s,
	       num(d, "Sequence"), num(d, "OwnerCount"));
	flags = at(r, "account_flags");
	json_object_foreach((json_t *)flags, name, v)
	{
		if (json_is_true(v))
			printf("flag      %s\n", name);
	}
	json_decref(r);
	return TALLY_OK;
}

static void print_row(const json_t *row)
{
	const json_t *tx = at(row, "tx_json"), *meta = at(row, "meta");

	printf("%10lld  %-16s %-24s %s\n", num(row, "ledger_index"), str(tx, "TransactionType"),
	       str(meta, "TransactionResult"), str(row, "hash"));
}

int cmd_history(struct tally *t)
{
	const char *limit = tally_option(t, "--limit");
	uint64_t n = 20;
	json_t *r, *row, *p;
	size_t i;
	int code;

	if (limit && !tally_number(limit, 1, 400, &n))
		return tally_fail(t, TALLY_USAGE, "--limit takes 1 to 400");
	if (!tally_arguments(t, 1, 1))
		return TALLY_USAGE;
	p = json_pack("{s:s, s:I, s:i, s:i}", "account", t->argv[1], "limit", (json_int_t)n,
		      "ledger_index_min", -1, "ledger_index_max", -1);
	code = fetch(t, &r, "account_tx", p);
	if (!r)
		return code;
	json_array_foreach(at(r, "transactions"), i, row) print_row(row);
	json_decref(r);
	return TALLY_OK;
}

int cmd_tx(struct tally *t)
{
	json_t *r;
	int code;

	if (!tally_arguments(t, 1, 1))
		return TALLY_USAGE;
	if (!is_hash(t->argv[1]))
		return tally_fail(t, TALLY_USAGE, "HASH has 64 hex digits");
	code = fetch(t, &r, "tx", json_pack("{s:s}", "transaction", t->argv[1]));
	if (!r)
		return code;
	if (json_is_true(at(r, "validated")))
		printf("validated in ledger %lld: %s\n", num(r, "ledger_index"),
		       str(at(r, "meta"), "TransactionResult"));
	else
		puts("not validated yet");
	json_dumpf(at(r, "tx_json"), stdout, TALLY_JSON | JSON_INDENT(2));
	putchar('\n');
	json_decref(r);
	return TALLY_OK;
}

int cmd_ledger(struct tally *t)
{
	const char *which = t->argc > 1 ? t->argv[1] : "validated";
	json_t *p = json_object(), *r, *id;
	const json_t *l;
	uint64_t seq;
	size_t i;
	int code;

	if (!tally_arguments(t, 0, 1)) {
		json_decref(p);
		return TALLY_USAGE;
	}
	if (is_hash(which))
		json_object_set_new(p, "ledger_hash", json_string(which));
	else if (tally_number(which, 1, UINT32_MAX, &seq))
		json_object_set_new(p, "ledger_index", json_integer((json_int_t)seq));
	else
		json_object_set_new(p, "ledger_index", json_string(which));
	json_object_set_new(p, "transactions", json_true());
	code = fetch(t, &r, "ledger", p);
	if (!r)
		return code;
	l = at(r, "ledger");
	printf("ledger        %lld%s\nhash          %s\nparent        %s\nclosed        %s\n"
	       "XRP           %s\ntransactions  %zu\n",
	       num(r, "ledger_index"), json_is_true(at(r, "validated")) ? " (validated)" : "",
	       str(r, "ledger_hash"), str(l, "parent_hash"), str(l, "close_time_iso"),
	       tally_xrp(str(l, "total_coins")).s, json_array_size(at(l, "transactions")));
	json_array_foreach(at(l, "transactions"), i, id) printf("  %s\n", json_string_value(id));
	json_decref(r);
	return TALLY_OK;
}

int cmd_status(struct tally *t)
{
	const json_t *info, *v, *last;
	json_t *r;
	int code;

	if (!tally_arguments(t, 0, 0))
		return TALLY_USAGE;
	code = fetch(t, &r, "server_info", NULL);
	if (!r)
		return code;
	info = at(r, "info");
	v = at(info, "validated_ledger");
	last = at(info, "last_close");
	printf("state      %s\nnetwork    %lld\npeers      %lld\n", str(info, "server_state"),
	       num(info, "network_id"), num(info, "peers"));
	if (v)
		printf("validated  %lld %.16s, %lld s old\n", num(v, "seq"), str(v, "hash"),
		       num(v, "age"));
	else
		puts("validated  none yet");
	printf("complete   %s\nquorum     %lld\nproposers  %lld in the last round\n"
	       "version    %s (protocol %s)\n",
	       str(info, "complete_ledgers"), num(info, "validation_quorum"),
	       num(last, "proposers"), str(info, "tally_version"), str(info, "build_version"));
	json_decref(r);
	return TALLY_OK;
}

int cmd_peers(struct tally *t)
{
	json_t *r, *p;
	size_t i;
	int code;

	if (!tally_arguments(t, 0, 0))
		return TALLY_USAGE;
	code = fetch(t, &r, "peers", NULL);
	if (!r)
		return code;
	if (!json_array_size(at(r, "peers")))
		puts("no peers");
	json_array_foreach(at(r, "peers"), i, p)
	    printf("%-24s %-9s %4lld ms  up %lld s  %s\n", str(p, "address"),
		   json_is_true(at(p, "inbound")) ? "inbound" : "outbound", num(p, "latency"),
		   num(p, "uptime"), str(p, "public_key"));
	json_decref(r);
	return TALLY_OK;
}

int cmd_accept(struct tally *t)
{
	json_t *r;
	int code;

	if (!tally_arguments(t, 0, 0))
		return TALLY_USAGE;
	code = fetch(t, &r, "ledger_accept", NULL);
	if (!r)
		return code;
	printf("open ledger is now %lld\n", num(r, "ledger_current_index"));
	json_decref(r);
	return TALLY_OK;
}

int cmd_rpc(struct tally *t)
{
	json_t *params = NULL, *r;
	struct buf text = BUF_INIT;
	struct why why = {""};
	bool failed;

	if (!tally_arguments(t, 1, 2))
		return TALLY_USAGE;
	if (t->argc == 3) {
		if (!tally_text(t, t->argv[2], &text))
			return TALLY_USAGE;
		if (json_parse_bounded(&params, buf_bytes(&text), &why) != ERR_NONE ||
		    !json_is_object(params)) {
			buf_close(&text);
			return tally_fail(t, TALLY_USAGE, "PARAMS_JSON: %s",
					  why.text[0] ? why.text : "an object is wanted");
		}
		buf_close(&text);
	}
	r = client_call(t, t->argv[1], params);
	if (!r)
		return TALLY_UNREACHABLE;
	failed = json_object_get(r, "error") != NULL;
	tally_print_json(r);
	return failed ? TALLY_FAILED : TALLY_OK;
}

/* ---- watch ---- */

static void watch_row(struct tally *t, const json_t *r, const json_t *info)
{
	const json_t *l = at(r, "ledger");

	if (t->json) {
		json_dumpf(r, stdout, TALLY_JSON | JSON_COMPACT);
		putchar('\n');
	} else {
		printf("%10lld  %.16s  %6zu  %-20s  %-11s %5lld\n", num(r, "ledger_index"),
		       str(r, "ledger_hash"), json_array_size(at(l, "transactions")),
		       str(l, "close_time_iso"), str(info, "server_state"), num(info, "peers"));
	}
	fflush(stdout);
}

/* The next ledger to show: the one after the last that was, unless the server has begun another
 * chain. 0: none yet. */
static long long watch_next(long long seen, long long newest)
{
	if (newest == seen)
		return 0;
	return !seen || newest < seen ? newest : seen + 1;
}

static bool watch_show(struct tally *t, long long seq, const json_t *info)
{
	json_t *r = client_call(
	    t, "ledger",
	    json_pack("{s:I, s:b}", "ledger_index", (json_int_t)seq, "transactions", 1));
	bool there = at(r, "ledger") != NULL;

	if (there)
		watch_row(t, r, info);
	json_decref(r);
	return there;
}

/* Whether a ledger was shown. A server that goes away is waited for, and said so once. */
static bool watch_one(struct tally *t, long long *seen)
{
	json_t *s = client_call(t, "server_info", NULL);
	const json_t *info = at(s, "info");
	long long newest = num(at(info, "validated_ledger"), "seq"), seq;
	bool shown = false;

	if (s && t->quiet)
		tally_fail(t, 0, "%s: answers again", t->url);
	t->quiet = !s;
	seq = newest ? watch_next(*seen, newest) : 0;
	if (seq) {
		shown = watch_show(t, seq, info);
		if (!shown && seq != newest) { /* a gap in its history */
			seq = newest;
			shown = watch_show(t, seq, info);
		}
		if (shown)
			*seen = seq;
	}
	json_decref(s);
	return shown;
}

int cmd_watch(struct tally *t)
{
	const char *limit = tally_option(t, "--ledgers");
	uint64_t n = UINT64_MAX;
	long long seen = 0;

	if (limit && !tally_number(limit, 1, UINT32_MAX, &n))
		return tally_fail(t, TALLY_USAGE, "--ledgers takes how many to show");
	if (!tally_arguments(t, 0, 0))
		return TALLY_USAGE;
	if (!t->json)
		printf("%10s  %-16s  %6s  %-20s  %-11s %5s\n", "ledger", "hash", "txs", "closed",
		       "state", "peers");
	while (n) {
		if (watch_one(t, &seen))
			n--;
		else
			usleep(300000);
	}
	return TALLY_OK;
}
