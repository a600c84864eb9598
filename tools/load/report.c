/* SPDX-License-Identifier: ISC */
#include "tools/load/load.h"

#include <stdio.h>
#include <stdlib.h>

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

struct report {
	double seconds, per_second, p50_s, p99_s;
	double cpu_us[NODES_MAX]; /* per validated transaction */
	double idle_percent[NODES_MAX];
	double mean_cpu_us, times_floor;
};

static void make_report(const struct load *l, struct report *r)
{
	*r = (struct report){0};
	int64_t *times = mem_zalloc(l->plan.n, sizeof(*times));
	int64_t last = l->began_ns;
	size_t n = 0;
	for (uint32_t i = 0; i < l->plan.n; i++) {
		const struct payment *p = &l->plan.payments[i];
		if (p->validated_ns == 0)
			continue;
		times[n++] = p->validated_ns - p->due_ns;
		if (p->validated_ns > last)
			last = p->validated_ns;
	}
	if (n > 0) {
		qsort(times, n, sizeof(*times), by_time);
		r->p50_s = (double)times[n / 2] / 1e9;
		r->p99_s = (double)times[n * 99 / 100] / 1e9;
		r->seconds = (double)(last - l->began_ns) / 1e9;
		r->per_second = (double)n / r->seconds;
	}
	mem_free(times);
	for (uint32_t i = 0; i < l->o.n_pids && n > 0; i++) {
		double cpu = l->after[i].cpu_seconds - l->before[i].cpu_seconds;
		r->cpu_us[i] = 1e6 * cpu / (double)n;
		r->mean_cpu_us += r->cpu_us[i] / l->o.n_pids;
	}
	for (uint32_t i = 0; i < l->o.n_pids && l->o.idle_seconds > 0; i++)
		r->idle_percent[i] = 100 * (l->idle[1][i].cpu_seconds - l->idle[0][i].cpu_seconds) /
				     l->o.idle_seconds;
	r->times_floor = 1e3 * r->mean_cpu_us / l->plan.floor_ns;
}

static void print_text(const struct load *l, const struct report *r)
{
	printf("payments           %u sent, %u validated, %u refused, %u sent again later\n",
	       l->plan.n, l->validated, l->refused, l->delayed);
	for (const struct refusal *f = l->refusals; f < l->refusals + REFUSALS_MAX && f->n; f++)
		printf("  refused          %u %s\n", f->n, f->name);
	printf("validated          %.0f per second over %.1f s, in %u ledgers\n", r->per_second,
	       r->seconds, l->ledgers_used);
	printf("submit → validated p50 %.2f s, p99 %.2f s\n", r->p50_s, r->p99_s);
	printf("one Ed25519 check  %.1f us\n", l->plan.floor_ns / 1e3);
	printf("CPU per validated transaction and node: %.0f us = %.2f checks\n", r->mean_cpu_us,
	       r->times_floor);
	if (l->o.n_pids > 0)
		printf("%-8s %10s %8s %10s %8s %8s %8s\n", "pid", "us per tx", "checks",
		       "idle CPU %", "idle MB", "MB", "peak MB");
	for (uint32_t i = 0; i < l->o.n_pids; i++)
		printf("%-8d %10.0f %8.2f %10.2f %8.1f %8.1f %8.1f\n", l->o.pids[i], r->cpu_us[i],
		       1e3 * r->cpu_us[i] / l->plan.floor_ns, r->idle_percent[i],
		       l->idle[1][i].rss_mb, l->after[i].rss_mb, l->after[i].peak_mb);
}

static void print_json(const struct load *l, const struct report *r)
{
	printf("{\"sent\": %u, \"validated\": %u, \"refused\": %u, \"sent_again\": %u, "
	       "\"seconds\": %.3f, \"per_second\": %.1f, \"ledgers\": %u, \"p50_s\": %.3f, "
	       "\"p99_s\": %.3f, \"check_us\": %.2f, \"cpu_us\": %.1f, \"checks\": %.3f, "
	       "\"nodes\": [",
	       l->plan.n, l->validated, l->refused, l->delayed, r->seconds, r->per_second,
	       l->ledgers_used, r->p50_s, r->p99_s, l->plan.floor_ns / 1e3, r->mean_cpu_us,
	       r->times_floor);
	for (uint32_t i = 0; i < l->o.n_pids; i++)
		printf("%s{\"pid\": %d, \"cpu_us\": %.1f, \"idle_percent\": %.3f, "
		       "\"idle_mb\": %.1f, \"mb\": %.1f, \"peak_mb\": %.1f}",
		       i ? ", " : "", l->o.pids[i], r->cpu_us[i], r->idle_percent[i],
		       l->idle[1][i].rss_mb, l->after[i].rss_mb, l->after[i].peak_mb);
	printf("]}\n");
}

void report_print(const struct load *l)
{
	struct report r;
	make_report(l, &r);
	(l->o.json ? print_json : print_text)(l, &r);
}
