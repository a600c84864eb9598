/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_DAEMON_EXPOSITION_H
#define TALLY_TESTS_DAEMON_EXPOSITION_H

#include <stddef.h>

/* A strict reader of the Prometheus text format 0.0.4: HELP, TYPE and all samples of a family stand
 * together and once; names and labels are well formed, no series comes twice; buckets of a
 * histogram ascend and add up. Fails the test with the line otherwise. */

#define SERIES_MAX 4096

struct series {
	char name[512]; /* with its labels as they stand */
	double value;
};
struct exposition {
	struct series *v;
	size_t n, families;
};

/* The caller frees out->v. */
void exposition_read(struct exposition *out, const char *text);
/* The value of a series, for which the test fails when it is not there. */
double exposition_value(const struct exposition *e, const char *name);

#endif
