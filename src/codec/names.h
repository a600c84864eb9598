/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CODEC_NAMES_H
#define TALLY_CODEC_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Look-up of the protocol's names ("Payment", "Flags", "tecPATH_DRY"). A table's rows come from a
 * .def file in the order of codes; a permutation sorted by name is made once, before main(), so
 * that look-ups are binary searches over constant memory and need no lock. Private to codec. */

#define NAMES_MAX 512

struct names {
	const char *const *name;    /* name[row], n of them, no duplicates */
	size_t n;                   /* <= NAMES_MAX */
	uint16_t sorted[NAMES_MAX]; /* rows in the order of their names */
};

/* Fills `sorted`. */
void names_sort(struct names *t);
/* The row whose name is s[0..n), or -1. */
int names_find(const struct names *t, const char *s, size_t n);

#endif
