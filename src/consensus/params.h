/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CONSENSUS_PARAMS_H
#define TALLY_CONSENSUS_PARAMS_H

/* The numbers of a round, each with its source. "reference" is the XRP Ledger's server
 * (ConsensusParms.h, Validations.h, LedgerTiming.h); where ours differs the reason stands beside
 * it. All are milliseconds of steady time unless the name says otherwise. */

/* A ledger takes transactions at least this long (reference: ledgerMinClose). */
#define CONS_OPEN_MIN_MS 2000

/* Least time between closing and agreeing, so that everybody can take a first position. The
 * reference always waits 1,950 (ledgerMinConsensus). Ours does so only while somebody who took
 * part in the last round has not spoken yet; when all of them have, there is nobody to wait for
 * and a shorter pause is left as room for answers over a slow line. */
#define CONS_ESTABLISH_MIN_MS   1950
#define CONS_ESTABLISH_SHORT_MS 1000

/* Positions are reconsidered this often while they differ, the first time this long after closing
 * when everybody expected has spoken. The reference does both on a 1,000 tick
 * (ledgerGRANULARITY); the faster pace lets one exchange of positions fit in the short pause. A
 * round that goes on longer slows down, so that positions stay few. */
#define CONS_VOTE_EVERY_MS      500
#define CONS_VOTE_SLOW_MS       2000
#define CONS_VOTE_SLOW_AFTER_MS 20000
/* Where answers take longer than the pace, everybody would turn round at once, time and again, and
 * some would take a passing majority for agreement. So the pace slows by a step with each own
 * change of position in the round, up to this, and a changed position must stand for as long
 * before the round may end with it. Ours; the reference has neither. */
#define CONS_STAND_MAX_MS 4000
/* Each ledger that we are ahead of the validated one makes us wait longer for second thoughts: a
 * ledger that lacks its quorum is mostly one on which agreement came too early. Ours. */
#define CONS_STAND_AHEAD_MS 2000

/* A round is abandoned after ten times the previous one, within these (reference:
 * ledgerAbandonConsensusFactor, ledgerMaxConsensus, ledgerAbandonConsensus). The clock runs only
 * while a quorum is present: without one no ledger can be agreed on, so nothing is abandoned. */
#define CONS_ABANDON_FACTOR 10
#define CONS_ABANDON_MIN_MS 15000
#define CONS_ABANDON_MAX_MS 120000

/* The previous round counts as at least this long for the thresholds (avMinConsensusTime), and as
 * no longer than the second (ours): the highest threshold, at twice that, then comes before any
 * round is abandoned, and slow rounds do not double from one to the next. */
#define CONS_AVALANCHE_BASE_MS     5000
#define CONS_AVALANCHE_BASE_MAX_MS 7500
/* Reconsiderations at one threshold before the next (avMinRounds), and without any change before
 * a dispute counts as stalled (avStalledRounds). */
#define CONS_LEVEL_VOTES_MIN 2
#define CONS_STALLED_VOTES   4

/* A position is repeated this often and forgotten this long after it came (proposeINTERVAL,
 * proposeFRESHNESS). */
#define CONS_REPROPOSE_MS 12000
#define CONS_FRESH_MS     20000
/* Somebody who speaks for the first time in a round that has gone on longer than this has not
 * heard us: answer. Ours; the reference lets a newcomer wait for the next repetition. */
#define CONS_ANSWER_MS 2000
/* Own changes of position in one round at the full pace; then only with each repetition, which
 * keeps the sum below PROPOSALS_PER_VALIDATOR_ROUND of the receivers. */
#define CONS_CHANGES_MAX 20
/* A receiver grants one more proposal for each such span of a long round, which covers repetitions
 * and answers. */
#define CONS_PROPOSAL_REFILL_MS CONS_ANSWER_MS

/* Share of the UNL that must name the same close time, of a hundred (avCtConsensusPct; ours counts
 * against the UNL and rounds up). */
#define CONS_CLOSE_PCT 75

/* When more members have gone on to a child of our ledger than the quorum can spare, our round
 * cannot end any more; it gets this long to end by itself, since it may be about to. */
#define CONS_MOVED_GRACE_MS 1000
/* A member counts as failed, and so as none that could be lying, after this silence. */
#define CONS_SILENT_MS 120000
/* The same where a quorum of those present can decide without it, unless votes were forgotten. */
#define CONS_LOST_MS 600000
/* A round that is held, because too many ledgers are ahead of the validated one, goes on after this
 * time of agreement. */
#define CONS_HELD_MS 120000
/* Without a newly validated ledger for this long, and then this often, everybody's validations are
 * sent again: somebody may have been told something else. */
#define CONS_TELL_ALL_MS 30000
/* A round without a quorum for this long goes after anybody who is ahead of it. */
#define CONS_LONELY_MS 4000
/* An unknown ledger or set that is still named is asked for again after this. */
#define CONS_WANT_AGAIN_MS 5000
/* A validation says where its signer is if its signing time is this close to our clock
 * (validationCurrentWall, seconds), until the signer falls silent for CONS_FRESH_MS. The reference
 * drops others altogether; ours counts them to the quorum of their ledger, since what has been
 * signed stays signed, and a wrong clock must not cost a node its sight. */
#define CONS_SIGNED_APART_MAX_S 300
/* Nobody follows others without a quorum to a ledger whose close time is further ahead (seconds).
 */
#define CONS_CLOSE_AHEAD_MAX_S 300

#endif
