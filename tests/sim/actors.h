/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_ACTORS_H
#define TALLY_TESTS_SIM_ACTORS_H

#include "tests/sim/world.h"

/* What registers itself with a world: clients, Byzantine validators, properties, counters. Each
 * draws from decisions only, so that the shrinker can leave any act out. Freed by world_close. */

void clients_join(struct world *w); /* clients.c: the load of the plan and its CLIENT_ faults */
void actors_join(struct world *w);  /* actors.c: the BYZ_ faults, for the plan's Byzantine nodes */
void props_join(struct world *w);   /* props_*.c: P1 to P15, the reference model among them */

/* Sums over runs: what was reached at least once ("sometimes"). */
struct cover;
struct cover *cover_open(void);
void cover_close(struct cover *c);
void cover_join(struct cover *c, struct world *w);
void cover_merge(struct cover *into, const struct cover *from);
/* Lists in `out` what was never reached: faults, message types, result codes (those marked
 * reachable), branch switches. True when nothing is missing. */
bool cover_missing(const struct cover *c, struct buf *out);

/* The counters as bytes, for runs in processes of their own. */
size_t cover_bytes(void);
void cover_put(const struct cover *c, void *out);
void cover_take(struct cover *c, const void *bytes); /* merges */

#endif
