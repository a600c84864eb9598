/* SPDX-License-Identifier: ISC */
#ifndef TALLY_OS_PROCESS_H
#define TALLY_OS_PROCESS_H

#include <stdint.h>

/* What this process uses of the machine, for counters. */
struct process_facts {
	uint64_t resident_bytes, virtual_bytes;
	uint64_t anonymous_bytes; /* of the resident ones: not of files, as the database's map is */
	uint64_t user_us, system_us; /* processor time, of all threads */
	uint32_t threads;
	uint32_t descriptors, descriptors_max; /* open; max 0: no limit */
};

/* Unknown ones are 0. Costs some tens of microseconds. */
void process_facts_get(struct process_facts *out);

struct process_heap {
	uint64_t used_bytes; /* given out by malloc, mapped blocks included */
	uint64_t free_bytes; /* held by malloc, not given out */
};
/* Goes through all free blocks with malloc's lock held: some milliseconds where there are many. Any
 * thread. */
void process_heap_get(struct process_heap *out);

#endif
