/* SPDX-License-Identifier: ISC */

/* `tally top`: what a node does, live. Rates are differences of two reports. */
#include "report.h"
#include "screen.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_S   2
#define EVERY_S     1
#define FIRST_MS    300 /* the first rates are those of so long */
#define EVERY_S_MAX 3600
#define ROWS_MAX    1024

struct top {
	struct tally *t;
	bool once;
	json_t *now, *before; /* two reports; before is NULL at first */
	double seconds;       /* between them */
	time_t silent_since;  /* 0: it answers */
};

/* ---- Rates */

static double per_second(const struct top *p, long long now, long long before)
{
	return p->seconds > 0 && now >= before ? (double)(now - before) / p->seconds : 0;
}

static double rate(const struct top *p, const char *outer, const char *key)
{
	return per_second(p, get_num2(p->now, outer, key), get_num2(p->before, outer, key));
}

/* ---- The upper half */

static void add_head(struct frame *f, const struct top *p)
{
	time_t at = time(NULL);
	struct tm tm;

	gmtime_r(&at, &tm);
	frame_add(f, FRAME_BOLD, "tally %s  %s  up %s  %02d:%02d:%02d UTC%s",
		  get_str(p->now, "version"), get_str(p->now, "server_state"),
		  format_duration(get_num(p->now, "uptime_ms") / 1000).s, tm.tm_hour, tm.tm_min,
		  tm.tm_sec, p->once ? "" : "  q: quit");
	if (p->silent_since)
		frame_add(f, FRAME_BAD, "NO ANSWER for %lld s; what follows is old",
			  (long long)(at - p->silent_since));
	report_head(f, p->now);
}

static void add_ledgers(struct frame *f, const struct top *p)
{
	const json_t *l = get(p->now, "ledger"), *c = get(p->now, "consensus");
	const json_t *x = get(p->now, "transactions");

	frame_add(f, FRAME_PLAIN, "ledger     %lld %.12s  %s old  every %s (p50 %s, p99 %s)",
		  get_num(l, "validated_index"), get_str(l, "hash"),
		  format_seconds(get_num(l, "age_ms")).s,
		  format_seconds(get_num(l, "interval_ms_last")).s,
		  format_seconds(get_num(l, "interval_ms_p50")).s,
		  format_seconds(get_num(l, "interval_ms_p99")).s);
	frame_add(f, FRAME_PLAIN, "round      %s, %s  %lld of %lld present, quorum %lld  took %s",
		  get_str(c, "phase"), get_str(c, "mode"), get_num(c, "present"), get_num(c, "unl"),
		  get_num(c, "quorum"), format_seconds(get_num(c, "round_ms_last")).s);
	frame_add(f, FRAME_PLAIN,
		  "txs        %s/s validated  %s/s received  %lld open  %lld queued",
		  format_rate(rate(p, "transactions", "validated")).s,
		  format_rate(rate(p, "transactions", "received")).s, get_num(x, "open"),
		  get_num(x, "queued"));
}

static void add_load(struct frame *f, const struct top *p)
{
	const json_t *o = get(p->now, "load"), *d = get(p->now, "disk");

	frame_add(f, FRAME_PLAIN,
		  "load       CPU %.0f %%  memory %s  descriptors %lld/%lld  late %lld ms",
		  rate(p, "load", "cpu_us") / 10000,
		  format_bytes((double)get_num(o, "rss_bytes")).s, get_num(o, "descriptors"),
		  get_num(o, "descriptors_max"), get_num(o, "loop_lag_ms"));
	frame_add(f, FRAME_PLAIN,
		  "clients    %lld/%lld connections  %lld websockets  %lld subscribers",
		  get_num(o, "connections"), get_num(o, "connections_max"),
		  get_num(o, "websockets"), get_num(o, "subscribers"));
	frame_add(f, FRAME_PLAIN, "requests   %s/s  refused %s/s  throttled %s/s  %s/s out",
		  format_rate(rate(p, "load", "requests")).s,
		  format_rate(rate(p, "load", "refused")).s,
		  format_rate(rate(p, "load", "throttled")).s,
		  format_bytes(rate(p, "load", "bytes_out")).s);
	frame_add(f, FRAME_PLAIN, "disk       %s  %s of %s free  data %s  commit p99 %s",
		  get_str(d, "stage"), format_bytes((double)get_num(d, "free_bytes")).s,
		  format_bytes((double)get_num(d, "total_bytes")).s,
		  format_bytes((double)get_num(d, "data_bytes")).s,
		  format_us(get_num(d, "commit_us_p99")).s);
}

/* ---- The tables */

struct row {
	double by; /* rows with more of it come first */
	const json_t *v;
	const char *name;
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->by != y->by)
		return x->by < y->by ? 1 : -1;
	return strcmp(x->name, y->name);
}

struct table {
	const char *title;
	void (*head)(struct frame *f, const char *title);
	struct row rows[ROWS_MAX];
	int n, shown;
	void (*add)(struct frame *f, const struct top *p, const struct row *r);
};

static void table_put(struct table *t, double by, const char *name, const json_t *v)
{
	if (t->n < ROWS_MAX)
		t->rows[t->n++] = (struct row){.by = by, .v = v, .name = name};
}

/* Those that agree the least come first. */
static void validators(struct table *t, const struct top *p)
{
	const json_t *v;
	size_t i;

	json_array_foreach(get(p->now, "validators"), i, v)
	{
		const json_t *a = get(get(v, "hour"), "agreement");

		table_put(t, a ? -json_number_value(a) : -2, get_str(v, "key"), v);
	}
}

static void add_validator(struct frame *f, const struct top *p, const struct row *r)
{
	const json_t *hour = get(r->v, "hour"), *day = get(r->v, "day");

	(void)p;
	frame_add(f, FRAME_PLAIN, "%-16s %-8s %10lld %10s %10s %8lld %6lld", format_key(r->name).s,
		  json_is_true(get(r->v, "self"))       ? "self"
		  : json_is_true(get(r->v, "disabled")) ? "disabled"
							: "",
		  get_num(r->v, "last_index"), format_share(hour, "agreement").s,
		  format_share(day, "agreement").s, get_num(hour, "missed"),
		  get_num(hour, "wrong"));
}

static void head_validators(struct frame *f, const char *title)
{
	frame_add(f, FRAME_HEAD, "%-25s %10s %10s %10s %8s %6s", title, "LAST", "HOUR", "DAY",
		  "MISSED", "WRONG");
}

static const json_t *same_peer(const struct top *p, const json_t *peer)
{
	const json_t *v;
	size_t i;

	json_array_foreach(
	    get(p->before, "peers"), i,
	    v) if (!strcmp(get_str(v, "address"), get_str(peer, "address"))) return v;
	return NULL;
}

static double peer_rate(const struct top *p, const json_t *v, const char *key)
{
	const json_t *old = same_peer(p, v);

	return old ? per_second(p, get_num(v, key), get_num(old, key)) : 0;
}

static void peers(struct table *t, const struct top *p)
{
	const json_t *v;
	size_t i;

	json_array_foreach(get(p->now, "peers"), i, v)
	    table_put(t, peer_rate(p, v, "bytes_in") + peer_rate(p, v, "bytes_out"),
		      get_str(v, "address"), v);
}

static void add_peer(struct frame *f, const struct top *p, const struct row *r)
{
	long long rtt = get_num(r->v, "rtt_ms");
	char ms[24] = "-";

	if (rtt >= 0)
		snprintf(ms, sizeof(ms), "%lld ms", rtt);
	frame_add(f, FRAME_PLAIN, "%-24.24s %-4s %8s %10s/s %10s/s %14s", r->name,
		  json_is_true(get(r->v, "inbound")) ? "in" : "out", ms,
		  format_bytes(peer_rate(p, r->v, "bytes_in")).s,
		  format_bytes(peer_rate(p, r->v, "bytes_out")).s,
		  format_duration(get_num(r->v, "uptime_s")).s);
}

static void head_peers(struct frame *f, const char *title)
{
	frame_add(f, FRAME_HEAD, "%-29s %8s %12s %12s %14s", title, "RTT", "IN", "OUT", "UP");
}

static double method_rate(const struct top *p, const char *name, const char *key)
{
	const json_t *old = get(get(get(p->before, "load"), "requests_by_method"), name);
	const json_t *new = get(get(get(p->now, "load"), "requests_by_method"), name);

	return per_second(p, get_num(new, key), get_num(old, key));
}

static void methods(struct table *t, const struct top *p)
{
	const json_t *all = get(get(p->now, "load"), "requests_by_method");
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)all, name, v)
	    table_put(t, method_rate(p, name, "count"), name, v);
}

static void add_method(struct frame *f, const struct top *p, const struct row *r)
{
	frame_add(f, FRAME_PLAIN, "%-24.24s %8s/s %8s/s %11lld %9s %9s", r->name,
		  format_rate(method_rate(p, r->name, "count")).s,
		  format_rate(method_rate(p, r->name, "errors")).s, get_num(r->v, "count"),
		  format_us(get_num(r->v, "p50_us")).s, format_us(get_num(r->v, "p99_us")).s);
}

static void head_methods(struct frame *f, const char *title)
{
	frame_add(f, FRAME_HEAD, "%-24s %10s %10s %11s %9s %9s", title, "CALLS", "ERRORS", "TOTAL",
		  "P50", "P99");
}

/* Shares lines among tables: each in turn gets one more while it has rows. A table costs its
 * heading. */
static void share_lines(struct table *tables, int n, int lines)
{
	bool more = true;
	int i;

	for (i = 0; i < n; i++) {
		tables[i].shown = 0;
		lines -= tables[i].n ? 1 : 0;
	}
	while (lines > 0 && more) {
		more = false;
		for (i = 0; i < n && lines > 0; i++)
			if (tables[i].shown < tables[i].n) {
				tables[i].shown++;
				lines--;
				more = true;
			}
	}
}

static void add_table(struct frame *f, const struct top *p, const struct table *t)
{
	char title[40];
	int i;

	if (!t->shown)
		return;
	if (t->shown < t->n)
		snprintf(title, sizeof(title), "%s %d/%d", t->title, t->shown, t->n);
	else
		snprintf(title, sizeof(title), "%s", t->title);
	t->head(f, title);
	for (i = 0; i < t->shown; i++)
		t->add(f, p, &t->rows[i]);
}

static void add_tables(struct frame *f, const struct top *p)
{
	struct table *t = mem_zalloc(3, sizeof(*t));
	int i;

	t[0] = (struct table){.title = "VALIDATOR", .head = head_validators, .add = add_validator};
	t[1] = (struct table){.title = "PEER", .head = head_peers, .add = add_peer};
	t[2] = (struct table){.title = "METHOD", .head = head_methods, .add = add_method};
	validators(&t[0], p);
	peers(&t[1], p);
	methods(&t[2], p);
	share_lines(t, 3, f->lines_max - f->n);
	for (i = 0; i < 3; i++) {
		qsort(t[i].rows, (size_t)t[i].n, sizeof(t[i].rows[0]), compare_rows);
		add_table(f, p, &t[i]);
	}
	mem_free(t);
}

static void compose(struct frame *f, const struct top *p)
{
	add_head(f, p);
	add_ledgers(f, p);
	add_load(f, p);
	add_tables(f, p);
}

/* ---- Once, or until somebody has seen enough */

/* False when there was no answer; the last one stays. */
static bool look(struct top *p)
{
	bool admin;
	json_t *info = report_fetch(p->t, &admin);
	long long between;

	if (info && !admin) {
		json_decref(info);
		info = NULL;
	}
	if (!info) {
		p->silent_since = p->silent_since ? p->silent_since : time(NULL);
		return false;
	}
	p->silent_since = 0;
	json_decref(p->before);
	p->before = p->now;
	p->now = info;
	between = get_num(info, "uptime_ms") - get_num(p->before, "uptime_ms");
	p->seconds = p->before && between > 0 ? (double)between / 1000 : 0;
	return true;
}

/* The first report, with words when there is none. */
static int first_look(struct top *p)
{
	bool admin;
	json_t *info = report_fetch(p->t, &admin);

	if (!info)
		return TALLY_UNREACHABLE;
	if (!admin) {
		json_decref(info);
		return tally_fail(p->t, TALLY_FAILED,
				  "this server shows it to its administrators only "
				  "(see --config, --socket and --token-file)");
	}
	p->now = info;
	p->t->quiet = true;
	return TALLY_OK;
}

static int environment(const char *name, int otherwise)
{
	const char *text = getenv(name);
	uint64_t n;

	return text && tally_number(text, 1, FRAME_LINES_MAX, &n) ? (int)n : otherwise;
}

static int show_once(struct top *p, unsigned every)
{
	struct frame f;
	int i;

	sleep(every);
	if (!look(p))
		return tally_fail(p->t, TALLY_UNREACHABLE, "the server does not answer any more");
	frame_open(&f, environment("COLUMNS", 80), environment("LINES", 24));
	compose(&f, p);
	for (i = 0; i < f.n; i++)
		puts(f.line[i].s);
	frame_close(&f);
	return TALLY_OK;
}

static void draw(const struct top *p)
{
	struct frame f;
	int columns, lines;

	screen_size(&columns, &lines);
	frame_open(&f, columns, lines);
	compose(&f, p);
	screen_draw(&f);
	frame_close(&f);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until a key or a signal ends it. */
static void show(struct top *p, unsigned every, bool color)
{
	long long next = now_ms() + FIRST_MS;
	int key = 0;

	screen_enter(color);
	while (key != 'q' && key != 'Q' && key >= 0) {
		long long left = next - now_ms();

		if (left <= 0) {
			look(p);
			next = now_ms() + every * 1000LL;
			left = next - now_ms();
		}
		draw(p);
		key = screen_key((int)left);
	}
	screen_leave();
}

int cmd_top(struct tally *t)
{
	struct top p = {.t = t, .once = tally_flag(t, "--once")};
	bool plain = tally_flag(t, "--no-color");
	const char *seconds = tally_option(t, "--every"), *no_color = getenv("NO_COLOR");
	uint64_t every = EVERY_S;
	int code;

	if (seconds && !tally_number(seconds, 1, EVERY_S_MAX, &every))
		return tally_fail(t, TALLY_USAGE, "--every takes 1 to %d seconds", EVERY_S_MAX);
	if (!tally_arguments(t, 0, 0))
		return TALLY_USAGE;
	if (!p.once && !screen_possible())
		return tally_fail(t, TALLY_FAILED, "this is no terminal; --once prints one screen");
	t->timeout_s = TIMEOUT_S;
	code = first_look(&p);
	if (code == TALLY_OK && p.once)
		code = show_once(&p, (unsigned)every);
	else if (code == TALLY_OK)
		show(&p, (unsigned)every, !plain && !(no_color && *no_color));
	json_decref(p.now);
	json_decref(p.before);
	return code;
}
