/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CONSENSUS_MACHINE_H
#define TALLY_CONSENSUS_MACHINE_H

#include "base/err.h"
#include "consensus/consensus.h"
#include "consensus/params.h"

/* The inside of the machine, for the files of this folder only.
 *
 *   consensus.c  step, timers, status, check        sets.c      transaction sets by id
 *   round.c      open, establish, accept            dispute.c   votes on disputed transactions
 *   branch.c     preferred ledger                   votes.c     validations, quorum, evidence
 *   ancestry.c   which ledger descends from which   leave.c     when a vote may be left behind
 *   unl.c        who counts, and the quorum         closetime.c close time arithmetic
 *   change.c     another UNL
 *
 * Everything is plain memory of a size fixed by base/limits.h, apart from the ids of the sets. */

enum set_state { SET_FREE, SET_WANTED, SET_FAILED, SET_HELD };
struct tx_set {
	enum set_state state;
	struct hash256 id;
	struct hash256 *ids; /* sorted, owned; NULL unless held */
	uint32_t n;
};

/* A ledger whose parent is known. */
struct ledger_rec {
	struct hash256 hash, parent;
	uint32_t seq;
	struct net_time close;
	uint8_t close_resolution;
	bool close_agreed;
	bool used;
	uint64_t order; /* of arrival; the oldest goes first */
};

/* A ledger asked for. */
struct want {
	struct hash256 hash;
	uint32_t seq;
	struct steady asked;
	bool used;
	bool named; /* still needed at the last look */
};

/* The newest position of a member on one ledger. */
struct heard {
	struct cons_position pos; /* seq: the highest that was not a bow-out */
	struct steady seen;
	bool used;
	bool bowed; /* the last word was a bow-out */
};

/* A validation in a member's ring, at seq % VALIDATIONS_PER_VALIDATOR. */
struct vote {
	struct hash256 ledger;
	uint32_t seq; /* 0: empty */
	bool full;
	bool conflict; /* two different ones were seen: neither counts */
	bool dead;     /* our own: it was shown to have no quorum, for good */
};

struct member {
	struct heard heard[CONS_ROUNDS_KEPT];
	uint32_t newest; /* the heard[] accepted last */
	bool have_heard;
	struct vote *votes;
	struct cons_validation last; /* highest seq */
	struct steady last_seen;
	bool have_last;
	bool last_current;      /* it was fresh when it came: it says where its signer is */
	struct hash256 full;    /* the newest full one */
	uint32_t full_seq;      /* 0: none */
	uint32_t proven;        /* highest height with evidence against it */
	struct steady spoke;    /* anything at all */
	struct steady speaking; /* since when, without long pauses */
	bool have_spoke;
	bool contrary;        /* is on a line without our validated ledger */
	bool unresolved;      /* is on a ledger that is not known here yet */
	bool answered;        /* as a newcomer to this round */
	bool expected;        /* took part in the last round */
	int32_t budget;       /* proposals still accepted */
	struct steady refill; /* of the budget */
	int32_t far;          /* validations of far ledgers still accepted */
	struct steady far_refill;
	struct hash256 tip; /* where it is, valid inside branch.c */
	uint32_t tip_seq;
	bool have_tip;
};

/* Who counts from a sequence on. */
struct unl_view {
	uint32_t from_seq;
	uint32_t n, quorum; /* members that count; how many of them decide */
	bool disabled[UNL_MAX];
};

struct round {
	struct ledger_rec prev;
	uint8_t resolution; /* of the ledger to build */
	enum cons_phase phase;
	enum cons_mode mode;
	struct steady start, closed;
	bool late; /* begun by a switch: closes at once, which tells the others where we are */
	bool awaiting_open; /* CLOSE_OPEN asked, OPEN_TXS not yet here */
	bool have_our;
	struct cons_position our;
	struct steady proposed; /* our last proposal */
	uint32_t changes;       /* of our position */
	struct steady taken;    /* when we took it */
	/* the establish clock, which runs only while a quorum is present */
	int64_t active_ms;
	struct steady active_mark;
	bool active;
	bool was_active;       /* a quorum has been present in this round */
	struct steady quorate; /* when a quorum was last present, or the ledger was closed */
	/* votes */
	struct steady voted;
	bool have_voted;
	uint32_t level, level_votes;
	uint32_t unchanged;  /* reconsiderations in which nobody moved */
	uint64_t peers_mix;  /* of the peers' sets at the last one */
	bool fallen_back;    /* abandoned: the empty set until the end */
	struct steady moved; /* when too many had gone on, with have_moved */
	bool have_moved;
	struct steady held; /* since when agreed but not allowed to go on, with have_held */
	bool have_held;
	bool consensus; /* accepted by a quorum, so the validation is a full one */
	int64_t converge_ms;
};

/* Own votes that matter lie above the validated ledger, at most LEDGER_AHEAD_MAX and a few. */
#define OWN_VOTES 32
/* All sets, and the few that one step can make and drop. */
#define CONS_DEAD_MAX (TXSET_HELD_MAX + 8)

struct consensus {
	struct cons_config config;
	uint32_t n;
	struct unl_view views[2]; /* the one before and the newest */
	bool may_propose;
	struct now now; /* of the running step */
	struct cons_effects *fx;

	struct round r;
	uint32_t next_seq; /* number of our next proposal, whatever ledger it is on */
	uint32_t last_proposers;
	int64_t last_converge_ms;
	int64_t pace_ms; /* of the last round that converged: what the next one is measured by */

	struct member *m; /* n */
	struct tx_set sets[TXSET_HELD_MAX];
	struct hash256 empty_id;
	struct hash256 *dead[CONS_DEAD_MAX]; /* ids freed at the next step */
	uint32_t dead_n;

	struct ledger_rec ledgers[CONS_LEDGERS_MAX];
	struct want wants[CONS_WANTS_MAX];
	uint64_t order;
	uint32_t asked; /* ledgers, in this step */
	bool have_validated;
	struct hash256 validated;
	uint32_t validated_seq;
	struct steady advanced;  /* when the validated ledger last changed */
	struct steady told_all;  /* when everybody's votes were last sent again */
	struct steady went_over; /* last change to another branch */
	struct steady since;     /* first step */
	bool have_since;
	bool look; /* something the preferred branch depends on has changed */

	uint32_t issued_seq;              /* highest sequence this node has validated */
	struct vote own_votes[OWN_VOTES]; /* its full ones, at seq % OWN_VOTES */
	struct steady issued;             /* when its newest validation was last sent */

	struct cons_dispute *disputes;
	uint32_t disputes_n, disputes_cap;

	struct steady armed; /* timer asked for */
};

/* A single member's word that far ahead is not followed up: a quorum's would show as validated. */
#define CONS_FAR_AHEAD (CONS_LEDGERS_MAX / 2)

/* consensus.c */
void member_spoke(const struct consensus *c, struct member *m);
/* Every entry that has effects begins and ends with these. */
void step_begin(struct consensus *c, struct now now, struct cons_effects *fx);
void step_end(struct consensus *c, bool timer);
struct cons_effect *fx_add(struct consensus *c, enum cons_effect_kind kind);
void fx_phase(struct consensus *c);

/* sets.c: a table of TXSET_HELD_MAX sets, the empty one always known besides. */
const struct tx_set *sets_held(struct consensus *c, const struct hash256 *id);
/* Copies the ids. False when the table is full of sets that are in use, or n is too large. */
bool sets_hold(struct consensus *c, const struct hash256 *id, const struct hash256 *ids,
	       uint32_t n);
void sets_failed(struct consensus *c, const struct hash256 *id);
/* A trusted proposal names this set: a failure is forgotten. */
void sets_named(struct consensus *c, const struct hash256 *id);
/* Asks for the sets of the round's positions that are unknown; false when some had to wait for
 * the next step. */
bool sets_want(struct consensus *c);
/* Forgets what no position on the round's ledger names. */
void sets_trim(struct consensus *c);
void sets_bury(struct consensus *c);
bool set_contains(const struct tx_set *s, const struct hash256 *tx);

/* round.c */
void round_start(struct consensus *c, const struct ledger_rec *prev, enum cons_mode mode);
/* Does what is due in the phase. */
void round_progress(struct consensus *c);
void round_open_txs(struct consensus *c, const struct cons_event *ev);
void round_built(struct consensus *c, const struct ledger_rec *l);
void round_bow_out(struct consensus *c);
void round_propose(struct consensus *c);
/* The position of member i in this round, NULL when it has none that is fresh or does not count.
 * Never our own. */
const struct cons_position *round_position(const struct consensus *c, uint32_t i);
bool round_newcomer(struct consensus *c, uint32_t who, const struct cons_position *p);
bool round_counts_self(const struct consensus *c);
uint32_t round_present(const struct consensus *c);
bool round_lonely(const struct consensus *c);
bool round_settled(struct consensus *c);
bool round_all_expected(const struct consensus *c);
int64_t round_vote_every(const struct consensus *c);
struct steady round_stands(const struct consensus *c);
int64_t round_open_ms(const struct consensus *c);
/* How long it has lasted, in percent of what the last one took. */
int64_t round_percent(const struct consensus *c);
/* How many have to share a close time. */
uint32_t round_close_quorum(const struct consensus *c);
int64_t round_abandon_ms(const struct consensus *c);
bool round_may_close(const struct consensus *c);
void round_count(const struct consensus *c, uint32_t *agree, uint32_t *close_agree);
void round_take(struct consensus *c, const struct hash256 *set, struct net_time close);

/* dispute.c: fills c->disputes from the known sets of the round. */
void dispute_collect(struct consensus *c);
/* Votes at the threshold (of a hundred); true when our set changes, then its ids are in *ids. */
bool dispute_vote(struct consensus *c, uint32_t threshold, struct hash256 **ids, uint32_t *n);
bool dispute_all_decided(const struct consensus *c);

/* votes.c */
void votes_add(struct consensus *c, uint32_t who, const struct cons_validation *v);
/* Evidence that was told. */
void votes_evidence(struct consensus *c, const struct cons_evidence *e);
void votes_two_proposals(struct consensus *c, const struct cons_evidence *e);
void votes_issue(struct consensus *c, const struct ledger_rec *l, bool full);
/* More members have fully voted for it, or beyond, than may lie: one of them has built it. */
bool votes_vouch(const struct consensus *c, const struct ledger_rec *l);
/* After a change of who counts. */
void votes_recount(struct consensus *c);
const struct vote *votes_at(const struct consensus *c, uint32_t who, uint32_t seq);
void votes_set_validated(struct consensus *c, const struct hash256 *ledger, uint32_t seq);

/* unl.c: `at` of a ledger's sequence; without, of the ledger that the round is about to build. */
void unl_init(struct consensus *c);
/* True when it changes something. */
bool unl_set_negative(struct consensus *c, const struct cons_event *ev);
bool unl_counts_at(const struct consensus *c, uint32_t who, uint32_t seq);
bool unl_counts(const struct consensus *c, uint32_t who);
/* Evidence against it above the validated ledger: it counts for nothing until that is past. */
bool unl_proven(const struct consensus *c, uint32_t who);
uint32_t unl_n_at(const struct consensus *c, uint32_t seq);
uint32_t unl_n(const struct consensus *c);
uint32_t unl_quorum_at(const struct consensus *c, uint32_t seq);
uint32_t unl_quorum(const struct consensus *c);
/* How many of those who count the quorum can do without. */
uint32_t unl_spare_at(const struct consensus *c, uint32_t seq);
uint32_t unl_spare(const struct consensus *c);

/* ancestry.c */
const struct ledger_rec *branch_find(const struct consensus *c, const struct hash256 *hash);
void branch_add(struct consensus *c, const struct ledger_rec *l);
enum ancestry { ANCESTOR, ABOVE, UNKNOWN };
/* The ancestor of `hash` at seq (itself included). ABOVE: the ledger's own seq is lower. UNKNOWN:
 * *out is the first ledger on the way whose parent is not known. */
enum ancestry branch_ancestor(const struct consensus *c, const struct hash256 *hash, uint32_t seq,
			      struct hash256 *out, uint32_t *out_seq);
/* Whether `ledger` is or is known to descend from `part`. */
bool branch_contains(const struct consensus *c, const struct hash256 *ledger,
		     const struct hash256 *part, uint32_t part_seq);
/* Whether l descends from (or is) the last validated ledger. */
bool branch_on_validated(const struct consensus *c, const struct ledger_rec *l);
/* Whether the ledger is the one we build on, or known to descend from it. */
bool branch_goes_with_us(const struct consensus *c, const struct hash256 *ledger);

/* leave.c */
bool leave_heard_lately(const struct consensus *c, uint32_t i);
/* How many members may be lying at a sequence: the faults that a quorum allows for, less those that
 * have shown. Failure is one of them sooner where nothing else can decide, and for what is only a
 * preference (likely). */
uint32_t leave_lies(const struct consensus *c, uint32_t seq);
uint32_t leave_lies_likely(const struct consensus *c, uint32_t seq);
/* Whether no ledger between the validated one and l, l included, can get its quorum any more. */
bool leave_line_spent(const struct consensus *c, const struct ledger_rec *l);
/* Whether voting for `l` keeps faith with every vote given before. */
bool leave_permits(struct consensus *c, const struct ledger_rec *l);

/* branch.c */
/* Looks for the preferred ledger and switches to it. */
void branch_prefer(struct consensus *c);
struct steady branch_due(const struct consensus *c);

#endif
