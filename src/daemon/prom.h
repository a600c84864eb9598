/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_PROM_H
#define TALLY_DAEMON_PROM_H

#include "base/bytes.h"
#include "base/histogram.h"

/* The Prometheus text format, 0.0.4. Families are those of metrics.def: a family is begun once, its
 * samples follow.
 *
 *     prom_begin(p, M_PEERS);
 *     prom_u64(p, 3, "direction=\"in\"");
 *
 * Labels are our own words, keys in base 58 or numbers: nothing that would have to be escaped. A
 * format of NULL means none. */

enum metric {
#define M(constant, name, type, labels, help) M_##constant,
#include "daemon/metrics.def"
#undef M
	M_COUNT
};

struct prom {
	struct buf out;
	enum metric now; /* the family that was begun */
};

const char *prom_name(enum metric m);

void prom_begin(struct prom *p, enum metric m);
void prom_u64(struct prom *p, uint64_t v, const char *labels, ...) PRINTF(3, 4);
/* v / 10^places */
void prom_decimal(struct prom *p, int64_t v, unsigned places, const char *labels, ...) PRINTF(4, 5);
/* Bounds and sum are divided by 10^places. */
void prom_histogram(struct prom *p, const struct histogram *h, const struct histogram_scale *s,
		    unsigned places, const char *labels, ...) PRINTF(5, 6);
/* One family with one sample. */
void prom_one(struct prom *p, enum metric m, uint64_t v);
void prom_one_decimal(struct prom *p, enum metric m, int64_t v, unsigned places);
/* A family with a sample for each of n names: 1 for the one that is, else 0. */
void prom_state(struct prom *p, enum metric m, const char *label, const char *const *names,
		uint32_t n, uint32_t now);

#endif
