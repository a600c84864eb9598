/* SPDX-License-Identifier: ISC */
#include "tests/sim/trace.h"

#include <sys/mman.h>

static const char *const kinds[] = {"timer",  "bytes", "job",  "peers", "connect", "push",
				    "submit", "start", "stop", "kill",  "call",    "chaos",
				    "mangle", "step",  "send", "log",   "ledger",  "fault"};

#define TEXT_BYTES 120

/* Shared by a campaign's processes. */
static struct {
	uint64_t n, n_texts;
	struct trace_line line[TRACE_LINES];
	char text[TRACE_TEXTS][TEXT_BYTES];
} * ring;

void trace_share(void)
{
	if (ring)
		return;
	ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(ring != MAP_FAILED);
}

void trace_begin(struct trace *t, const char *verbose)
{
	trace_share();
	ring->n = ring->n_texts = 0;
	*t = (struct trace){.hash = 0x5EED, .verbose = verbose};
}

void trace_mix(struct trace *t, uint64_t x)
{
	t->hash = (t->hash ^ x) * 0x9E3779B97F4A7C15ull;
	t->hash ^= t->hash >> 29;
}

void trace_mix_bytes(struct trace *t, const void *p, size_t n)
{
	const uint8_t *b = p;
	uint64_t x;

	for (; n >= 8; n -= 8, b += 8) {
		memcpy(&x, b, 8);
		trace_mix(t, x);
	}
	x = n;
	while (n--)
		x = x << 8 | *b++;
	trace_mix(t, x);
}

static void print_line(FILE *out, const struct trace_line *l)
{
	const char *what = l->what < sizeof(kinds) / sizeof(*kinds) ? kinds[l->what] : "?";
	const char *text = "";

	if (l->text && l->text + TRACE_TEXTS > ring->n_texts)
		text = ring->text[l->text % TRACE_TEXTS];
	fprintf(out, "%9lld.%03lld %c %-7s %6u %16llx  lcl %u val %u %08x %s\n",
		(long long)(l->at / 1000), (long long)(l->at % 1000),
		l->node < 16 ? 'A' + l->node : '-', what, l->a, (unsigned long long)l->b, l->closed,
		l->validated, l->hash8, text);
}

static bool wanted(const struct trace *t, uint8_t node)
{
	if (!t->verbose)
		return false;
	return !t->verbose[0] || node >= 16 || strchr(t->verbose, 'A' + node);
}

void trace_line(struct trace *t, const struct trace_line *l, const char *text)
{
	struct trace_line *slot = &ring->line[ring->n % TRACE_LINES];

	*slot = *l;
	slot->text = 0;
	if (text) {
		slot->text = (uint32_t)++ring->n_texts;
		snprintf(ring->text[slot->text % TRACE_TEXTS], TEXT_BYTES, "%s", text);
	}
	ring->n++;
	if (wanted(t, l->node))
		print_line(stdout, slot);
}

void trace_print(FILE *out)
{
	uint64_t i;

	if (!ring)
		return;
	for (i = ring->n > TRACE_LINES ? ring->n - TRACE_LINES : 0; i < ring->n; i++)
		print_line(out, &ring->line[i % TRACE_LINES]);
}
