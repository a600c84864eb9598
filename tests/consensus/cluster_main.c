/* SPDX-License-Identifier: ISC */
#include "tests/consensus/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cluster-sim --seeds A..B [--verbose]: runs the swarm over a range of seeds. Exit 5 when a seed
 * failed. With --verbose every effect of every machine is printed. The trace is a mix of all that
 * happened: it must be the same from every compiler and on every machine. */

static int usage(void)
{
	fprintf(stderr, "usage: cluster-sim --seeds A..B [--verbose]\n");
	return 64;
}

int main(int argc, char **argv)
{
	uint64_t from = 1, to = 100, failures = 0, trace = 0, all = 0;
	int64_t ms = 0;
	bool verbose = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0) {
			verbose = true;
		} else if (strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
			char *end;

			from = strtoull(argv[++i], &end, 0);
			to = strncmp(end, "..", 2) == 0 ? strtoull(end + 2, &end, 0) : from;
			if (*end || to < from)
				return usage();
		} else {
			return usage();
		}
	}
	for (uint64_t seed = from; seed <= to; seed++) {
		struct why why = {.text = ""};

		if (!sim_swarm(seed, verbose, &why, &ms, &trace)) {
			printf("SIM FAIL %s\n  repro: cluster-sim --seeds %llu --verbose\n",
			       why.text, (unsigned long long)seed);
			failures++;
		}
		all = all * 0x100000001b3u + trace;
	}
	printf("trace %016llx\n", (unsigned long long)all);
	printf("%llu seeds, %lld.%02lld simulated hours, %llu failures\n",
	       (unsigned long long)(to - from + 1), (long long)(ms / 3600000),
	       (long long)(ms % 3600000 * 100 / 3600000), (unsigned long long)failures);
	return failures ? 5 : 0;
}
