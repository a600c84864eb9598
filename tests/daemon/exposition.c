/* SPDX-License-Identifier: ISC */
#include "tests/daemon/exposition.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM };

struct reader {
	struct exposition *out;
	char line[4096];
	const char *at;
	char family[128];   /* the one at hand */
	bool helped, typed; /* its lines were there */
	enum kind kind;
	char seen[512][128]; /* families that are over, or at hand */
	/* the histogram at hand: one set of labels */
	char labels[512];
	double bound, below, count;
	bool in_buckets, open;
};

static void bad(const struct reader *r, const char *why)
{
	fail_msg("%s: %s", why, r->line);
}

static void take(struct reader *r, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(r->at, text, n) != 0)
		bad(r, text);
	r->at += n;
}

static void take_name(struct reader *r, char *out, size_t max, bool label)
{
	size_t n = 0;

	if (!isalpha((unsigned char)*r->at) && *r->at != '_')
		bad(r, "a name is wanted");
	while (isalnum((unsigned char)*r->at) || *r->at == '_' || (*r->at == ':' && !label)) {
		if (n + 1 >= max)
			bad(r, "a long name");
		out[n++] = *r->at++;
	}
	out[n] = '\0';
}

static double take_number(struct reader *r)
{
	char *end;
	double v;

	if (!isdigit((unsigned char)*r->at) && *r->at != '-' && *r->at != '+')
		bad(r, "a number is wanted");
	v = strtod(r->at, &end);
	r->at = end;
	return v;
}

/* A histogram's set is over: what it said must add up. */
static void end_set(struct reader *r)
{
	if (r->open)
		bad(r, "a histogram without its count before this line");
}

static void begin_family(struct reader *r, const char *name)
{
	struct exposition *e = r->out;

	end_set(r);
	for (size_t i = 0; i < e->families; i++)
		if (!strcmp(r->seen[i], name))
			bad(r, "a family comes twice");
	if (e->families >= sizeof(r->seen) / sizeof(r->seen[0]))
		bad(r, "too many families");
	snprintf(r->seen[e->families++], sizeof(r->seen[0]), "%s", name);
	snprintf(r->family, sizeof(r->family), "%s", name);
	r->helped = true;
	r->typed = false;
}

static void take_comment(struct reader *r)
{
	char name[128];

	if (!strncmp(r->at, "# HELP ", 7)) {
		r->at += 7;
		take_name(r, name, sizeof(name), false);
		take(r, " ");
		if (!*r->at)
			bad(r, "no help");
		begin_family(r, name);
		return;
	}
	take(r, "# TYPE ");
	take_name(r, name, sizeof(name), false);
	if (!r->helped || r->typed || strcmp(name, r->family) != 0)
		bad(r, "TYPE without HELP before it");
	r->typed = true;
	if (!strcmp(r->at, " counter"))
		r->kind = KIND_COUNTER;
	else if (!strcmp(r->at, " gauge"))
		r->kind = KIND_GAUGE;
	else if (!strcmp(r->at, " histogram"))
		r->kind = KIND_HISTOGRAM;
	else
		bad(r, "an unknown type");
	if ((r->kind == KIND_COUNTER) !=
	    (strlen(name) > 6 && !strcmp(name + strlen(name) - 6, "_total")))
		bad(r, "counters, and they alone, end in _total");
}

/* {a="b",le="0.5"}: the labels without le go to `labels`, le to *le. */
static void take_labels(struct reader *r, char *labels, size_t max, char *le)
{
	char name[64], names[16][64];
	size_t n = 0, count = 0;

	labels[0] = le[0] = '\0';
	if (*r->at != '{')
		return;
	do {
		const char *from;

		r->at++;
		take_name(r, name, sizeof(name), true);
		for (size_t i = 0; i < count; i++)
			if (!strcmp(names[i], name))
				bad(r, "a label comes twice");
		assert_true(count < 16);
		memcpy(names[count++], name, sizeof(name));
		take(r, "=\"");
		from = r->at;
		while (*r->at && *r->at != '"' && *r->at != '\\' && (unsigned char)*r->at >= ' ')
			r->at++;
		if (!strcmp(name, "le"))
			snprintf(le, 64, "%.*s", (int)(r->at - from), from);
		else
			n += (size_t)snprintf(labels + n, max - n, "%s=%.*s;", name,
					      (int)(r->at - from), from);
		take(r, "\"");
	} while (*r->at == ',');
	take(r, "}");
}

static void histogram_line(struct reader *r, const char *suffix, const char *labels, const char *le,
			   double v)
{
	if (!strcmp(suffix, "_bucket")) {
		double bound = strcmp(le, "+Inf") == 0 ? INFINITY : strtod(le, NULL);

		if (!*le)
			bad(r, "a bucket without le");
		if (!r->open) {
			r->open = r->in_buckets = true;
			r->bound = -INFINITY;
			r->below = 0;
			snprintf(r->labels, sizeof(r->labels), "%s", labels);
		}
		if (!r->in_buckets || strcmp(labels, r->labels) != 0 || bound <= r->bound ||
		    v < r->below)
			bad(r, "buckets that do not ascend");
		r->bound = bound;
		r->below = v;
	} else if (!strcmp(suffix, "_sum")) {
		if (!r->open || !r->in_buckets || !isinf(r->bound))
			bad(r, "a sum without buckets up to +Inf");
		r->in_buckets = false;
	} else {
		if (!r->open || r->in_buckets || v != r->below)
			bad(r, "a count that is not the last bucket");
		r->open = false;
	}
	if (*le && strcmp(suffix, "_bucket") != 0)
		bad(r, "le is for buckets");
}

static void remember(struct reader *r, const char *name, double v)
{
	struct exposition *e = r->out;

	for (size_t i = 0; i < e->n; i++)
		if (!strcmp(e->v[i].name, name))
			bad(r, "a series comes twice");
	if (e->n == SERIES_MAX)
		bad(r, "too many series");
	snprintf(e->v[e->n].name, sizeof(e->v[0].name), "%s", name);
	e->v[e->n++].value = v;
}

static void take_sample(struct reader *r)
{
	char name[160], labels[512], le[64], series[512];
	const char *suffix;
	double v;

	take_name(r, name, sizeof(name), false);
	suffix = name + strlen(r->family);
	if (!r->typed || strncmp(name, r->family, strlen(r->family)) != 0)
		bad(r, "a sample that is not of the family before it");
	take_labels(r, labels, sizeof(labels), le);
	snprintf(series, sizeof(series), "%.*s", (int)(r->at - r->line), r->line);
	take(r, " ");
	v = take_number(r);
	if (*r->at)
		bad(r, "something behind the value");
	if (r->kind == KIND_HISTOGRAM) {
		if (strcmp(suffix, "_bucket") != 0 && strcmp(suffix, "_sum") != 0 &&
		    strcmp(suffix, "_count") != 0)
			bad(r, "not of a histogram");
		histogram_line(r, suffix, labels, le, v);
	} else if (*suffix) {
		bad(r, "another name than the family's");
	}
	if (r->kind != KIND_GAUGE && v < 0)
		bad(r, "less than nothing");
	remember(r, series, v);
}

void exposition_read(struct exposition *out, const char *text)
{
	struct reader *r = calloc(1, sizeof(*r));

	*out = (struct exposition){.v = calloc(SERIES_MAX, sizeof(struct series))};
	r->out = out;
	while (*text) {
		const char *end = strchr(text, '\n');

		if (!end || (size_t)(end - text) >= sizeof(r->line))
			fail_msg("a line without an end: %.100s", text);
		memcpy(r->line, text, (size_t)(end - text));
		r->line[end - text] = '\0';
		r->at = r->line;
		if (*r->at == '#')
			take_comment(r);
		else
			take_sample(r);
		text = end + 1;
	}
	end_set(r);
	free(r);
}

double exposition_value(const struct exposition *e, const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (!strcmp(e->v[i].name, name))
			return e->v[i].value;
	fail_msg("no series %s", name);
	return 0;
}
