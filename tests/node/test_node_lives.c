/* SPDX-License-Identifier: ISC */
#include "cluster.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Random lives: kills (amid a vote, too), restarts, cuts, full disks, loss and load, drawn from the
 * seed. Whatever happens, nobody forks and no key signs twice (checked at every report and every
 * frame), and once all is well again ledgers go on. NODE_SEED and NODE_SEEDS choose the lives,
 * NODE_STEPS how long each is. */

struct life {
	struct cluster *c;
	struct rng r;
	uint32_t n, seqs[10];
	uint64_t seed;
};

static const uint8_t sizes[] = {5, 4, 5, 3, 5, 7, 5, 1};

static void cut(struct life *l)
{
	char groups[2 * CLUSTER_MAX + 1];
	uint32_t i, k = 0;

	for (i = 0; i < l->n; i++) {
		groups[k++] = (char)('A' + i);
		if (rng_below(&l->r, 3) == 0)
			groups[k++] = '|';
	}
	groups[k] = 0;
	cluster_partition(l->c, rng_below(&l->r, 3) ? groups : "");
}

static void one_thing(struct life *l)
{
	uint32_t i = (uint32_t)rng_below(&l->r, l->n), a;
	uint64_t dice = rng_below(&l->r, 40);
	bool up = cluster_is_up(l->c, i);
	struct hash256 id;

	if (dice == 0 && up) {
		cluster_kill(l->c, i);
	} else if (dice <= 4 && !up) {
		cluster_restart(l->c, i);
	} else if (dice == 5) {
		cut(l);
	} else if (dice == 6) {
		cluster_disk_full(l->c, i, rng_below(&l->r, 2));
	} else if (dice == 7 && up) {
		cluster_fuse(l->c, i, 1 + (uint32_t)rng_below(&l->r, 20));
	} else if (up) {
		a = (uint32_t)rng_below(&l->r, 10);
		cluster_pay(l->c, i, a, (a + 1) % 10, 1 + rng_below(&l->r, 1000), l->seqs[a]++,
			    &id);
	}
}

static void heal(struct life *l)
{
	uint32_t i;

	cluster_partition(l->c, "");
	for (i = 0; i < l->n; i++) {
		cluster_disk_full(l->c, i, false);
		if (!cluster_is_up(l->c, i))
			cluster_restart(l->c, i);
		cluster_fuse(l->c, i, 0);
	}
}

static void live(uint64_t seed, uint32_t steps)
{
	struct cluster_options o = {.validators = sizes[seed % sizeof(sizes)],
				    .observers = (uint32_t)(seed / 3 % 2),
				    .delay_ms = 2 + (uint32_t)(seed * 7 % 80),
				    .loss_percent = (uint32_t)(seed * 5 % 25),
				    .accounts = 10,
				    .history = seed % 5 ? 0 : 20,
				    .seed = seed};
	struct life l = {.c = cluster_open(&o), .n = o.validators + o.observers, .seed = seed};
	uint32_t i, step, was;

	rng_init(&l.r, seed);
	for (i = 0; i < 10; i++)
		l.seqs[i] = 1;
	for (step = 0; step < steps; step++) {
		one_thing(&l);
		cluster_run_ms(l.c, (uint32_t)rng_below(&l.r, 900));
	}
	heal(&l);
	cluster_run_ms(l.c, 30000);
	was = cluster_validated(l.c, 0);
	cluster_run_ms(l.c, 30000);
	for (i = 0; i < l.n; i++)
		if (cluster_validated(l.c, i) < was + 3)
			fail_msg("seed %llu: node %u stands at %u, was %u",
				 (unsigned long long)seed, i, cluster_validated(l.c, i), was);
	cluster_expect_agreement(l.c);
	cluster_close(l.c);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void random_lives_never_fork_and_always_resume(void **state)
{
	uint64_t seed = number("NODE_SEED", 1), n = number("NODE_SEEDS", 24);
	uint32_t steps = (uint32_t)number("NODE_STEPS", 150);

	(void)state;
	for (; n--; seed++) {
		printf("seed %llu\n", (unsigned long long)seed);
		live(seed, steps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_lives_never_fork_and_always_resume),
	};

	bench_setup();
	return cmocka_run_group_tests_name("lives", tests, NULL, NULL);
}
