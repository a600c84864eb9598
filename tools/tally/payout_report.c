/* SPDX-License-Identifier: ISC */
#include "payout_report.h"

#include "base/mem.h"
#include "crypto/base58.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BAR_WIDTH 30
#define BAR_MS    200
#define LINE_MS   5000

struct xrp_text payout_xrp(struct drops d)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)d.raw); /* raw: printing */
	return tally_xrp(text);
}

static void add(struct drops *sum, struct drops more)
{
	if (!drops_add(sum, *sum, more))
		*sum = drops_of(DROPS_MAX);
}

void payout_count(struct payout_counts *c, const struct payout *m)
{
	*c = (struct payout_counts){.given_up = 0};
	for (uint32_t i = 0; i < m->n_lines; i++) {
		const struct payout_line *l = &m->lines[i];

		c->by_outcome[l->outcome]++;
		c->given_up += l->outcome == LINE_OPEN && l->attempts >= PAYOUT_ATTEMPTS_MAX;
		add(l->outcome == LINE_PAID ? &c->paid : &c->left,
		    l->outcome == LINE_PAID ? l->delivered : l->amount);
	}
}

/* ---- progress ---- */

static uint32_t finished(const struct payout_counts *c)
{
	return c->by_outcome[LINE_PAID] + c->by_outcome[LINE_REFUSED] +
	       c->by_outcome[LINE_CONFLICT];
}

void payout_progress_begin(struct payout_progress *p, const struct payout *m, int64_t now_ms)
{
	struct payout_counts c;

	payout_count(&c, m);
	*p = (struct payout_progress){.terminal = isatty(STDERR_FILENO),
				      .began_ms = now_ms,
				      .last_ms = now_ms,
				      .before = finished(&c)};
}

static void show_bar(const struct payout *m, const struct payout_counts *c)
{
	uint32_t filled = (uint32_t)((uint64_t)finished(c) * BAR_WIDTH / m->n_lines);

	fputs("\r[", stderr);
	for (uint32_t i = 0; i < BAR_WIDTH; i++)
		fputc(i < filled ? '#' : '.', stderr);
	fputs("] ", stderr);
}

void payout_progress_show(struct payout_progress *p, const struct payout *m, int64_t now_ms,
			  bool last)
{
	int64_t spent_ms = now_ms - p->began_ms;
	struct payout_counts c;

	if (!last && now_ms - p->last_ms < (p->terminal ? BAR_MS : LINE_MS))
		return;
	p->last_ms = now_ms;
	payout_count(&c, m);
	if (p->terminal)
		show_bar(m, &c);
	fprintf(stderr, "%u of %u paid, %u in flight, %u refused", c.by_outcome[LINE_PAID],
		m->n_lines, c.by_outcome[LINE_LIVE],
		c.by_outcome[LINE_REFUSED] + c.by_outcome[LINE_CONFLICT]);
	if (c.by_outcome[LINE_UNFUNDED])
		fprintf(stderr, ", %u unfunded", c.by_outcome[LINE_UNFUNDED]);
	if (spent_ms > 0)
		fprintf(stderr, ", ledger %u, %.1f/s", m->ledger.seq,
			(double)(finished(&c) - p->before) * 1000 / (double)spent_ms);
	fputs(p->terminal ? "\033[K" : "\n", stderr);
	p->shown = p->terminal;
	if (last && p->shown)
		fputc('\n', stderr);
	fflush(stderr);
}

/* ---- the report file ---- */

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

bool payout_report_name(const char *path)
{
	return ends_with(path, ".csv") || ends_with(path, ".json");
}

/* What is open when the program ends: never signed, or given up after so many attempts. */
static const char *outcome_of(const struct payout_line *l)
{
	return l->outcome == LINE_OPEN && l->attempts ? "expired" : payout_outcome_name(l->outcome);
}

static void put_quoted(struct buf *b, const char *s)
{
	if (!strpbrk(s, ",\"\r\n")) {
		buf_put(b, s, strlen(s));
		return;
	}
	buf_put_u8(b, '"');
	for (; *s; s++) {
		if (*s == '"')
			buf_put_u8(b, '"');
		buf_put_u8(b, (uint8_t)*s);
	}
	buf_put_u8(b, '"');
}

static void put_line(struct buf *b, const struct payout_line *l)
{
	buf_printf(b, "%u,%s,", l->row, account_text(&l->to).s);
	if (l->has_tag)
		buf_printf(b, "%u", l->tag);
	buf_printf(b, ",%llu,", (unsigned long long)l->amount.raw); /* raw: printing */
	put_quoted(b, l->reference);
	buf_printf(b, ",%s,%s,%s,", outcome_of(l), l->code,
		   l->has_hash ? hash256_hex(&l->hash).s : "");
	if (l->ledger)
		buf_printf(b, "%u", l->ledger);
	buf_printf(b, ",%llu\n", (unsigned long long)l->delivered.raw); /* raw: printing */
}

static json_t *line_json(const struct payout_line *l)
{
	json_t *j = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "line", (json_int_t)l->row,
			      "destination", account_text(&l->to).s, "reference", l->reference,
			      "outcome", outcome_of(l), "code", l->code, "hash",
			      l->has_hash ? hash256_hex(&l->hash).s : "");
	char drops[24];

	if (l->has_tag)
		json_object_set_new(j, "tag", json_integer(l->tag));
	if (l->ledger)
		json_object_set_new(j, "ledger", json_integer(l->ledger));
	snprintf(drops, sizeof(drops), "%llu",
		 (unsigned long long)l->amount.raw); /* raw: printing */
	json_object_set_new(j, "amount_drops", json_string(drops));
	snprintf(drops, sizeof(drops), "%llu",
		 (unsigned long long)l->delivered.raw); /* raw: printing */
	json_object_set_new(j, "delivered_drops", json_string(drops));
	return j;
}

static void put_json(struct buf *b, const struct payout *m)
{
	json_t *all = json_array();
	char *text;

	for (uint32_t i = 0; i < m->n_lines; i++)
		json_array_append_new(all, line_json(&m->lines[i]));
	text = json_dumps(all, JSON_INDENT(1));
	must(text);
	buf_put(b, text, strlen(text));
	buf_put_u8(b, '\n');
	free(text);
	json_decref(all);
}

enum err payout_report_write(const char *path, const struct payout *m, struct why *why)
{
	struct buf b = BUF_INIT;
	enum err e;

	if (ends_with(path, ".json")) {
		put_json(&b, m);
	} else {
		buf_printf(&b, "line,destination,tag,amount_drops,reference,outcome,code,hash,"
			       "ledger,delivered_drops\n");
		for (uint32_t i = 0; i < m->n_lines; i++)
			put_line(&b, &m->lines[i]);
	}
	e = file_write(path, buf_bytes(&b), 0600, why);
	buf_close(&b);
	return e;
}

/* ---- the summary ---- */

json_t *payout_summary(const struct payout *m)
{
	struct payout_counts c;
	json_t *j = json_object();
	static const enum payout_outcome shown[] = {LINE_PAID,     LINE_REFUSED, LINE_UNFUNDED,
						    LINE_CONFLICT, LINE_LIVE,    LINE_OPEN};
	char drops[24];

	payout_count(&c, m);
	json_object_set_new(j, "lines", json_integer(m->n_lines));
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		json_object_set_new(j, payout_outcome_name(shown[i]),
				    json_integer(c.by_outcome[shown[i]]));
	snprintf(drops, sizeof(drops), "%llu", (unsigned long long)c.paid.raw); /* raw: printing */
	json_object_set_new(j, "paid_drops", json_string(drops));
	snprintf(drops, sizeof(drops), "%llu", (unsigned long long)m->fees.raw); /* raw: printing */
	json_object_set_new(j, "fees_drops", json_string(drops));
	json_object_set_new(j, "signed", json_integer((json_int_t)m->signed_total));
	json_object_set_new(j, "sent_again", json_integer((json_int_t)m->resent_total));
	json_object_set_new(j, "signed_again", json_integer((json_int_t)m->retried_total));
	json_object_set_new(j, "ended", json_string(payout_stop_name(m->stop)));
	return j;
}
