/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_ROUNDS_H
#define TALLY_DAEMON_ROUNDS_H

#include "base/histogram.h"
#include "base/time.h"
#include "consensus/consensus.h"

/* Rounds of consensus, counted by how they ended and how long they took, from the phases that the
 * node tells. A round begins with OPEN; it ends by agreement (ACCEPTED), on its own transactions
 * or, abandoned, on none; or it is left: another one opens, or none (IDLE). Pure. */

enum round_result { ROUND_AGREED, ROUND_ABANDONED, ROUND_LEFT, ROUND_RESULTS };

#define ROUND_PHASES 4

struct rounds {
	enum cons_phase phase;
	bool known, running; /* whether there are rounds; whether one has not ended yet */
	struct steady phase_since, since;
	int64_t phase_ms[ROUND_PHASES];
	uint64_t ended[ROUND_RESULTS], disputed;
	int64_t last_ms;                  /* the one that was agreed last */
	struct histogram round, converge; /* ms */
};
extern const struct histogram_scale rounds_scale;

/* Counting begins while rounds are under way. */
void rounds_join(struct rounds *r, const struct cons_status *s, struct now now);
/* Another phase; the status is of now. */
void rounds_phase(struct rounds *r, enum cons_phase next, const struct cons_status *s,
		  struct now now);
/* Time spent in a phase so far. */
int64_t rounds_phase_ms(const struct rounds *r, enum cons_phase p, struct now now);

#endif
