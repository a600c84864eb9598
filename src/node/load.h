/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_LOAD_H
#define TALLY_NODE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

/* What this server asks for on top of the base fee while it cannot keep up, and what the others
 * ask for (rippled: LoadFeeTrack). In 256ths. */

#define LOAD_BASE 256

struct load {
	uint32_t local, remote, cluster;
	uint32_t raised; /* how often in a row */
};

void load_init(struct load *l);
/* Once a second: are we overloaded? Up by a quarter from the second time on, down by a quarter. */
void load_tick(struct load *l, bool overloaded);
/* What the validators of the last validated ledger asked for: the median of n (any order; sorted
 * here), LOAD_BASE for those that said nothing. */
void load_heard(struct load *l, uint32_t *fees, uint32_t n);
/* The largest of the three. */
uint32_t load_factor(const struct load *l);
/* What a validation of ours says, when it is more than LOAD_BASE. */
uint32_t load_to_say(const struct load *l);

#endif
