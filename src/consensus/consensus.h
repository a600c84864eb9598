/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CONSENSUS_CONSENSUS_H
#define TALLY_CONSENSUS_CONSENSUS_H

#include "base/bytes.h"
#include "base/limits.h"
#include "base/time.h"

/* Consensus rounds and validations as one pure machine.
 *
 *      ┌────────► OPEN ── close ──► ESTABLISH ── agreed ──► ACCEPT ── built ──┐
 *      │           collect            propose,             build the          │
 *      │           transactions       dispute              ledger             │
 *      └──────────────────────────── next round ◄─────────────────────────────┘
 *
 * It knows validators by their place in the UNL (0 .. unl_n-1), ledgers and sets by their hashes,
 * transactions by their ids; it never sees a transaction's bytes or a key. Everything comes in as
 * an event and goes out as an effect: the node checks signatures before and signs, hashes, builds
 * and sends after. Rounds run on steady time only; network time appears where close times do.
 *
 * Thresholds are counted against the size of the UNL, not against who happens to be present: the
 * UNL less its own members on the negative UNL. A ledger is fully validated when ceil(0.8 * those)
 * members have validated it, and never with less than ceil(0.6 * UNL) (PROTOCOL: quorum).
 * Parameters and their sources: consensus/params.h. */

/* A position of a proposer in the current round. */
struct cons_position {
	struct hash256 prev;   /* ledger it builds on */
	struct hash256 set;    /* id of the transaction set */
	struct net_time close; /* its view of the close time */
	uint32_t seq;          /* rising; CONS_SEQ_BOW_OUT = leaves the round */
};
#define CONS_SEQ_BOW_OUT 0xFFFFFFFFu

struct cons_validation {
	struct hash256 ledger;
	uint32_t seq; /* ledger sequence */
	struct net_time signed_at;
	struct net_time close; /* unused, 0 */
	bool full;             /* partial ones count for the preferred branch only */
};

/* Two messages of one member that no honest one signs both. */
enum cons_evidence_kind {
	CONS_TWO_VALIDATIONS, /* of different ledgers at one sequence */
	CONS_TWO_PROPOSALS,   /* different positions on one ledger under one number (no bow-outs) */
};
struct cons_evidence {
	enum cons_evidence_kind kind;
	uint32_t who;
	uint32_t seq;        /* of the ledgers; or the number of the proposals */
	struct hash256 prev; /* what the proposals build on; zero for validations */
	struct hash256 a, b; /* the ledgers; or the sets, equal when only the close times differ */
};

enum cons_event_kind {
	CONS_TIMER,        /* a timer asked for is due (or any other moment) */
	CONS_PROPOSAL,     /* a verified proposal of a UNL member */
	CONS_VALIDATION,   /* a verified validation of a UNL member (its own included) */
	CONS_SET,          /* a set is now known: its sorted ids */
	CONS_SET_FAILED,   /* acquiring it has failed for now; asked again when named again */
	CONS_OPEN_TXS,     /* answer to CONS_FX_CLOSE_OPEN: ids of the node's open ledger */
	CONS_BUILT,        /* answer to CONS_FX_BUILD */
	CONS_LEDGER,       /* a ledger is here, whole (acquired or built elsewhere) */
	CONS_START,        /* begin rounds on this last closed ledger (start, or after a sync) */
	CONS_NEGATIVE_UNL, /* members that do not count from a sequence on */
	CONS_EVIDENCE,     /* both messages were shown to us by somebody, signatures checked */
};
/* CONS_LEDGER makes a ledger one that the machine may switch to. One without a quorum behind it
 * (WANT_LEDGER names those too) must have been checked by executing its transactions on its
 * parent: a single validator's word is enough to be asked for, never to be believed. Parents that
 * are missing in between are asked for by WANT_LEDGER in turn.
 *
 * CONS_NEGATIVE_UNL: the negative UNL as the chain of the last closed ledger has it, told after
 * each PHASE open and at the start, then also the one before when the validated ledger is older
 * than the last flag ledger; telling it again changes nothing. Ledgers from `from_seq` on are
 * counted with it, the flag ledger's sequence plus one (0: from the first). Only places in our own
 * UNL can be told: what others list never lowers our quorum. Disabled members are heard, validate
 * and propose like others, but nobody counts them, nor do they themselves.
 *
 * CONS_EVIDENCE has the same consequences as having received both messages, and comes out as
 * CONS_FX_EVIDENCE when it is news, so that it goes from node to node. It must not be fed for
 * messages that were fed themselves, nor does it need to be. */

struct cons_event {
	enum cons_event_kind kind;
	union {
		struct {
			uint32_t who;
			struct cons_position position;
		} proposal;
		struct {
			uint32_t who;
			struct cons_validation validation;
		} validation;
		struct {
			struct hash256 id;
			const struct hash256 *ids; /* sorted; copied */
			uint32_t n;
		} set; /* CONS_SET, CONS_SET_FAILED (id only), CONS_OPEN_TXS (id and ids) */
		struct {
			struct hash256 hash, parent;
			uint32_t seq;
			struct net_time close;
			uint8_t close_resolution;
			bool close_agreed;
		} ledger; /* CONS_LEDGER, CONS_START, CONS_BUILT */
		struct {
			uint32_t from_seq;
			const uint32_t *who; /* places in the UNL; copied */
			uint32_t n;
		} negative;
		struct cons_evidence evidence;
	};
};

enum cons_effect_kind {
	CONS_FX_TIMER,       /* step again with CONS_TIMER at `at` (replaces the previous one) */
	CONS_FX_CLOSE_OPEN,  /* the open phase ends: answer with CONS_OPEN_TXS at once */
	CONS_FX_PROPOSE,     /* sign and send this position (only when proposing) */
	CONS_FX_SHARE_SET,   /* a set this node made: others will ask for it; ids attached */
	CONS_FX_WANT_SET,    /* acquire this set */
	CONS_FX_BUILD,       /* build the ledger: set, close time; answer with CONS_BUILT */
	CONS_FX_VALIDATE,    /* sign, journal and send a validation: full of the ledger just built,
			      * partial of one switched to. Sequences rise strictly. */
	CONS_FX_VALIDATED,   /* this ledger is fully validated (quorum reached); never goes back */
	CONS_FX_WANT_LEDGER, /* trusted validations name a ledger whose ancestry is unknown */
	CONS_FX_SWITCH,      /* the preferred last closed ledger is another one: continue on it */
	CONS_FX_EVIDENCE,    /* a member signed two messages that exclude each other: tell the
			      * others and the operator. At most one for each member and height. */
	CONS_FX_PHASE,       /* phase changed (for streams and logs) */
	CONS_FX_RESEND,      /* send the newest own validation again, byte for byte (may be lost) */
	CONS_FX_RESEND_ALL,  /* nothing has been validated for long: send again the newest
			      * validations of all members to all peers, as to a new one */
};

enum cons_phase { CONS_OPEN, CONS_ESTABLISH, CONS_ACCEPTED, CONS_IDLE };
/* As clients and logs know it. */
static inline const char *cons_phase_name(enum cons_phase phase)
{
	switch (phase) {
	case CONS_OPEN:
		return "open";
	case CONS_ESTABLISH:
		return "establish";
	case CONS_ACCEPTED:
		return "accepted";
	case CONS_IDLE:
		return "idle";
	}
	return "unknown";
}
/* What this node does in the round. WRONG_LEDGER: the last validated ledger is another one and not
 * here yet, nothing is closed meanwhile. SWITCHED: an observer's round that began by a switch; a
 * proposer proposes in it like in any other, since no quorum can spare it. */
enum cons_mode { CONS_PROPOSING, CONS_OBSERVING, CONS_WRONG_LEDGER, CONS_SWITCHED };

struct cons_effect {
	enum cons_effect_kind kind;
	union {
		struct steady at;
		struct cons_position propose;
		struct {
			struct hash256 id;
			const struct hash256 *ids; /* valid until the next step */
			uint32_t n;
		} set;
		struct {
			struct hash256 prev; /* parent */
			struct hash256 set;
			const struct hash256 *ids;
			uint32_t n;
			struct net_time close; /* effective: rounded, after the parent's */
			uint8_t close_resolution;
			bool close_agreed;
			uint32_t proposers; /* of the round, for server_info */
			int64_t converge_ms;
		} build;
		struct {
			struct hash256 hash;
			uint32_t seq;
			bool full;
		} ledger; /* VALIDATE, VALIDATED, WANT_LEDGER, SWITCH */
		struct cons_evidence evidence;
		struct {
			enum cons_phase phase;
			enum cons_mode mode;
		} phase;
	};
};
#define CONS_EFFECTS_MAX 64
struct cons_effects {
	uint32_t n;
	struct cons_effect e[CONS_EFFECTS_MAX];
};

struct cons_config {
	uint32_t unl_n; /* trusted validators, 1 .. UNL_MAX */
	int32_t self;   /* this node's place in the UNL, or -1: it only observes */
	/* The id of a set (ledger/tx_set.h), handed in because this folder knows no hashes. */
	void (*set_id)(struct hash256 *out, const struct hash256 *ids, size_t n);
	uint64_t salt; /* for tables only; never changes a result */
};

struct consensus;

struct consensus *cons_open(const struct cons_config *config);
void cons_close(struct consensus *c);

/* Starting again from disk, in this order: cons_set_validated with the newest ledger known to be
 * fully validated, CONS_LEDGER for each later one that the vote journal rebuilt, CONS_VALIDATION
 * with this node's own newest one, then CONS_START on the ledger last voted for. Own validations
 * must be told before any later one is asked for: what was signed at a sequence binds for good.
 * Without cons_set_validated the first CONS_START counts as validated (genesis, or a synced one).
 *
 * Own proposals are numbered from `seq` on (0 unless a journal has reserved the numbers below);
 * only before CONS_START. The numbers rise over all rounds, so that none comes twice on one ledger
 * even when a round on it is taken up again later; what `prev` was is of no matter. */
void cons_set_validated(struct consensus *c, const struct hash256 *ledger, uint32_t seq);
void cons_set_first_seq(struct consensus *c, const struct hash256 *prev, uint32_t seq);

/* One event in, effects out. The effects array is filled from 0; carry all of them out, in order,
 * before the next step (an answer such as CONS_OPEN_TXS is a step too). Events that make no sense
 * now (a proposal for another ledger, a late set) are kept or ignored as the protocol wants, never
 * an error. Proposals of the next ledger are kept until this node gets there (bounded). */
void cons_step(struct consensus *c, const struct cons_event *ev, struct now now,
	       struct cons_effects *fx);

/* Whether this node may propose and validate now (synced, key usable, disk fine). Off makes it
 * bow out of a running round and observe. Off at first. */
void cons_set_proposing(struct consensus *c, bool on, struct now now, struct cons_effects *fx);
/* At most LEDGER_AHEAD_MAX built ledgers may be ahead of the last validated one; then the round is
 * held before its end: positions go out and are repeated, nothing is built. The machine counts
 * them itself. When none of those can be validated any more, or after CONS_HELD_MS of agreement,
 * one more is built, up to LEDGER_AHEAD_HELD_MAX: docs/decisions/0032. */

/* Another UNL, between two steps: from[i] is the place that its member i has had so far, or -1 for
 * one that is new; self as in the configuration. Members that stay keep what was heard of them. The
 * negative UNL is empty afterwards: tell it anew. */
void cons_set_unl(struct consensus *c, uint32_t unl_n, int32_t self, const int32_t *from,
		  struct now now, struct cons_effects *fx);

/* For server_info, consensus_info and tests. */
struct cons_status {
	enum cons_phase phase;
	enum cons_mode mode;
	struct hash256 prev; /* ledger the round builds on */
	uint32_t prev_seq;
	uint32_t validated_seq;
	struct hash256 validated;
	uint32_t quorum;    /* of the ledger that the round builds */
	uint32_t disabled;  /* members that do not count for it */
	uint32_t proposers; /* peers' positions in this round */
	uint32_t agree;     /* of these, equal to ours */
	uint32_t disputes;
	uint32_t proven;     /* members with evidence against them above the validated ledger */
	uint32_t unresolved; /* members on ledgers that are not known here yet: being asked for */
	uint32_t contrary;   /* members on a line without our validated ledger: a fork */
	bool stuck;     /* a quorum is heard from, but nothing was validated for CONS_SILENT_MS */
	bool abandoned; /* this round took too long: the empty set is offered */
	bool held;      /* agreed, but too far ahead of the validated ledger */
	uint32_t last_proposers; /* of the last closed round */
	int64_t last_converge_ms;
	struct steady round_start;
	struct cons_position our;
	bool have_our;
	uint8_t resolution;        /* of the ledger's close time, seconds */
	bool close_agreed;         /* enough share our close time */
	uint32_t converge_percent; /* how long the round lasts, measured by the last one */
};
void cons_get_status(const struct consensus *c, struct cons_status *out);
/* The newest validation of UNL member `who`, false when none. */
bool cons_last_validation(const struct consensus *c, uint32_t who, struct cons_validation *out);
/* The position in this round of member `who`, never our own; false when it has none. */
bool cons_position_of(const struct consensus *c, uint32_t who, struct cons_position *out);
/* A transaction that only some have in their sets. */
struct cons_dispute {
	struct hash256 tx;
	uint32_t yes, no; /* others with it and without */
	bool ours;        /* we have it */
};
/* Of the transactions disputed at the last reconsideration number i; false past the last. */
bool cons_dispute_at(const struct consensus *c, uint32_t i, struct cons_dispute *out);
/* What it has signed at a sequence, as far as that is known and not contradicted. */
bool cons_validation_at(const struct consensus *c, uint32_t who, uint32_t seq,
			struct cons_validation *out);
/* How many UNL members have validated this ledger. */
uint32_t cons_validation_count(const struct consensus *c, const struct hash256 *ledger);
/* ceil(0.8 * n). */
uint32_t cons_quorum(uint32_t unl_n);
/* max(ceil(0.8 * (n - disabled)), ceil(0.6 * n)). */
uint32_t cons_quorum_less(uint32_t unl_n, uint32_t disabled);

/* Invariants; for tests and the simulator after every step. */
bool cons_check(const struct consensus *c, struct why *why);

#endif
