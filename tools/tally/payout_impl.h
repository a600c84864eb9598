/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_PAYOUT_IMPL_H
#define TALLY_TOOLS_PAYOUT_IMPL_H

#include "payout.h"

/* Between the files of the machine: payout.c (its states and what it asks), payout_answers.c (what
 * it is told), payout_plan.c (what is signed next, and the sums). */

void payout_halt(struct payout *m, enum payout_stop why, const char *code);
void payout_enter(struct payout *m, enum payout_stage stage);
static inline bool payout_makes_tickets(const struct payout_job *j)
{
	return j->line == PAYOUT_NO_LINE;
}
/* Whether job 0, if it is at work, makes this ticket. */
bool payout_made_now(const struct payout *m, uint32_t ticket);
/* Job 0 begins: what is live may hold numbers that it makes, of an attempt that came to nothing. */
void payout_start_tickets(struct payout *m);
void payout_tickets_usable(struct payout *m);
void payout_end_job(struct payout *m, struct payout_job *j, enum payout_outcome o, const char *code,
		    uint32_t ledger, struct drops delivered, uint32_t ticket);
void payout_find_resends(struct payout *m);
void payout_check_patience(struct payout *m);
/* Where it goes on when the group is written. */
void payout_after_write(struct payout *m, bool sent_something);

void payout_plan(struct payout *m);
void payout_put_signed(struct payout *m, const struct payout_job *j);
void payout_put_outcome(struct payout *m, const struct payout_job *j, enum payout_outcome o,
			const char *code, uint32_t ledger, struct drops delivered, uint32_t ticket);

#endif
