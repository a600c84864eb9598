/* SPDX-License-Identifier: ISC */
#include "daemon/prom.h"

#include <stdarg.h>
#include <stdio.h>

#define LABELS_MAX 256

static const struct {
	const char *name, *type, *help;
} families[M_COUNT] = {
#define GAUGE                                        "gauge"
#define COUNTER                                      "counter"
#define HISTOGRAM                                    "histogram"
#define M(constant, metric_name, type, labels, help) [M_##constant] = {metric_name, type, help},
#include "daemon/metrics.def"
#undef M
#undef GAUGE
#undef COUNTER
#undef HISTOGRAM
};

const char *prom_name(enum metric m)
{
	return families[m].name;
}

static void put(struct prom *p, const char *text)
{
	buf_put(&p->out, text, strlen(text));
}

void prom_begin(struct prom *p, enum metric m)
{
	p->now = m;
	put(p, "# HELP ");
	put(p, families[m].name);
	put(p, " ");
	put(p, families[m].help);
	put(p, "\n# TYPE ");
	put(p, families[m].name);
	put(p, " ");
	put(p, families[m].type);
	put(p, "\n");
}

/* Digits from the end of a text of 32 bytes; returns where they begin. */
static char *digits(char text[32], uint64_t v)
{
	char *at = text + 31;

	*at = '\0';
	do
		*--at = (char)('0' + v % 10);
	while (v /= 10);
	return at;
}

static void put_u64(struct prom *p, uint64_t v)
{
	char text[32];

	put(p, digits(text, v));
}

static void put_decimal(struct prom *p, uint64_t v, unsigned places)
{
	char text[32], *at;
	uint64_t unit = 1;
	size_t n;

	for (unsigned i = 0; i < places; i++)
		unit *= 10;
	put_u64(p, v / unit);
	v %= unit;
	if (!v)
		return;
	at = digits(text, v + unit); /* a 1 in front keeps the zeros */
	*at = '.';
	for (n = strlen(at); at[n - 1] == '0';)
		n--;
	buf_put(&p->out, at, n);
}

static void put_sample(struct prom *p, const char *suffix, const char *labels, const char *more)
{
	put(p, families[p->now].name);
	put(p, suffix);
	if (*labels || *more) {
		put(p, "{");
		put(p, labels);
		if (*labels && *more)
			put(p, ",");
		put(p, more);
		put(p, "}");
	}
	put(p, " ");
}

__attribute__((format(printf, 2, 0))) static void put_labels(char out[LABELS_MAX],
							     const char *labels, va_list ap)
{
	int n = labels ? vsnprintf(out, LABELS_MAX, labels, ap) : 0;

	must(n >= 0 && n < LABELS_MAX);
	out[n] = '\0';
}

void prom_u64(struct prom *p, uint64_t v, const char *labels, ...)
{
	char text[LABELS_MAX];
	va_list ap;

	va_start(ap, labels);
	put_labels(text, labels, ap);
	va_end(ap);
	put_sample(p, "", text, "");
	put_u64(p, v);
	put(p, "\n");
}

static void put_signed(struct prom *p, int64_t v, unsigned places)
{
	if (v < 0)
		put(p, "-");
	put_decimal(p, v < 0 ? -(uint64_t)v : (uint64_t)v, places);
	put(p, "\n");
}

void prom_decimal(struct prom *p, int64_t v, unsigned places, const char *labels, ...)
{
	char text[LABELS_MAX];
	va_list ap;

	va_start(ap, labels);
	put_labels(text, labels, ap);
	va_end(ap);
	put_sample(p, "", text, "");
	put_signed(p, v, places);
}

/* le="0.25" */
static void bound(char *out, uint64_t v, unsigned places)
{
	struct prom number = {0};

	put_decimal(&number, v, places);
	snprintf(out, 48, "le=\"%.*s\"", (int)number.out.n, (const char *)number.out.p);
	buf_close(&number.out);
}

void prom_histogram(struct prom *p, const struct histogram *h, const struct histogram_scale *s,
		    unsigned places, const char *labels, ...)
{
	char text[LABELS_MAX], le[48];
	uint64_t below = 0;
	va_list ap;

	va_start(ap, labels);
	put_labels(text, labels, ap);
	va_end(ap);
	for (uint32_t i = 0; i < s->n; i++) {
		below += h->in[i];
		bound(le, s->le[i], places);
		put_sample(p, "_bucket", text, le);
		put_u64(p, below);
		put(p, "\n");
	}
	put_sample(p, "_bucket", text, "le=\"+Inf\"");
	put_u64(p, h->n);
	put(p, "\n");
	put_sample(p, "_sum", text, "");
	put_decimal(p, h->sum, places);
	put(p, "\n");
	put_sample(p, "_count", text, "");
	put_u64(p, h->n);
	put(p, "\n");
}

void prom_one(struct prom *p, enum metric m, uint64_t v)
{
	prom_begin(p, m);
	prom_u64(p, v, NULL);
}

void prom_one_decimal(struct prom *p, enum metric m, int64_t v, unsigned places)
{
	prom_begin(p, m);
	prom_decimal(p, v, places, NULL);
}

void prom_state(struct prom *p, enum metric m, const char *label, const char *const *names,
		uint32_t n, uint32_t now)
{
	prom_begin(p, m);
	for (uint32_t i = 0; i < n; i++)
		prom_u64(p, i == now, "%s=\"%s\"", label, names[i]);
}
