/* SPDX-License-Identifier: ISC */
#include "format.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Commands that show what a server knows. */

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
	d = get(r, "account_data");
	printf("%s in ledger %lld\nbalance   %s XRP\nsequence  %lld\nowns      %lld entries\n",
	       get_str(d, "Account"), get_num(r, "ledger_index"),
	       tally_xrp(get_str(d, "Balance")).s, get_num(d, "Sequence"),
	       get_num(d, "OwnerCount"));
	flags = get(r, "account_flags");
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
	const json_t *tx = get(row, "tx_json"), *meta = get(row, "meta");

	printf("%10lld  %-16s %-24s %s\n", get_num(row, "ledger_index"),
	       get_str(tx, "TransactionType"), get_str(meta, "TransactionResult"),
	       get_str(row, "hash"));
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
	json_array_foreach(get(r, "transactions"), i, row) print_row(row);
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
	if (json_is_true(get(r, "validated")))
		printf("validated in ledger %lld: %s\n", get_num(r, "ledger_index"),
		       get_str(get(r, "meta"), "TransactionResult"));
	else
		puts("not validated yet");
	json_dumpf(get(r, "tx_json"), stdout, TALLY_JSON | JSON_INDENT(2));
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
	l = get(r, "ledger");
	printf("ledger        %lld%s\nhash          %s\nparent        %s\nclosed        %s\n"
	       "XRP           %s\ntransactions  %zu\n",
	       get_num(r, "ledger_index"), json_is_true(get(r, "validated")) ? " (validated)" : "",
	       get_str(r, "ledger_hash"), get_str(l, "parent_hash"), get_str(l, "close_time_iso"),
	       tally_xrp(get_str(l, "total_coins")).s, json_array_size(get(l, "transactions")));
	json_array_foreach(get(l, "transactions"), i, id) printf("  %s\n", json_string_value(id));
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
	if (!json_array_size(get(r, "peers")))
		puts("no peers");
	json_array_foreach(get(r, "peers"), i, p)
	    printf("%-24s %-9s %4lld ms  up %lld s  %s\n", get_str(p, "address"),
		   json_is_true(get(p, "inbound")) ? "inbound" : "outbound", get_num(p, "latency"),
		   get_num(p, "uptime"), get_str(p, "public_key"));
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
	printf("open ledger is now %lld\n", get_num(r, "ledger_current_index"));
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
			json_decref(params);
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

int cmd_log_level(struct tally *t)
{
	const json_t *v;
	const char *area;
	json_t *r, *p = NULL;
	int code;

	if (!tally_arguments(t, 0, 2))
		return TALLY_USAGE;
	if (t->argc > 1)
		p = json_pack("{s:s, s:s}", "severity", t->argv[t->argc - 1], "partition",
			      t->argc == 3 ? t->argv[1] : "base");
	r = client_get(t, "log_level", p, &code);
	if (!r)
		return code;
	json_decref(r);
	code = fetch(t, &r, "log_level", NULL);
	if (!r)
		return code;
	json_object_foreach((json_t *)get(r, "levels"), area, v)
	{
		printf("%-10s %s\n", area, json_string_value(v));
	}
	json_decref(r);
	return TALLY_OK;
}

/* ---- watch ---- */

static void watch_row(struct tally *t, const json_t *r, const json_t *info)
{
	const json_t *l = get(r, "ledger");

	if (t->json) {
		json_dumpf(r, stdout, TALLY_JSON | JSON_COMPACT);
		putchar('\n');
	} else {
		printf("%10lld  %.16s  %6zu  %-20s  %-11s %5lld\n", get_num(r, "ledger_index"),
		       get_str(r, "ledger_hash"), json_array_size(get(l, "transactions")),
		       get_str(l, "close_time_iso"), get_str(info, "server_state"),
		       get_num(info, "peers"));
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
	bool there = get(r, "ledger") != NULL;

	if (there)
		watch_row(t, r, info);
	json_decref(r);
	return there;
}

/* Whether a ledger was shown. A server that goes away is waited for, and said so once. */
static bool watch_one(struct tally *t, long long *seen)
{
	json_t *s = client_call(t, "server_info", NULL);
	const json_t *info = get(s, "info");
	long long newest = get_num(get(info, "validated_ledger"), "seq"), seq;
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
