/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_NODE_H
#define TALLY_NODE_NODE_H

#include "codec/manifest.h"
#include "consensus/consensus.h"
#include "ledger/genesis.h"
#include "ledger/history.h"
#include "ledger/negative_unl.h"
#include "ledger/view.h"
#include "net/wire.h"
#include "node/load.h"
#include "node/txq.h"
#include "store/journal.h"
#include "store/store.h"
#include "tx/build.h"

/* The node as one deterministic machine: node_step(event, now) → effects. No clock, no I/O, no
 * threads, no randomness inside (a seeded generator is handed in): the same events give the same
 * effects. The shell (uv_node.c) turns sockets, timers, workers and the store into events and
 * effects into the world; the simulator is another shell around the same objects.
 *
 *   submit/peers ─► verify (job) ─► open ledger ─► consensus ─► build (job) ─► validate
 *                                      ▲   queue                   │             │ journal (job)
 *                                      └───────────────────────────┘             ▼ send
 *                                              quorum ─► persist (job) ─► validated pointer moves
 *
 * Expensive work runs as jobs: an effect hands out a job, node_job_run() (pure kinds) or the shell
 * (store, journal) does it on a worker, and NODE_JOB_DONE brings it back. A job names what it was
 * started for; results nobody waits for any more are dropped. */

struct node;

/* What the node does, in the words of the API's server_state. */
enum node_state {
	NODE_DISCONNECTED, /* no peers */
	NODE_CONNECTED,    /* peers, but no idea yet of the network's ledger */
	NODE_SYNCING,      /* fetching what was missed */
	NODE_TRACKING,     /* has the network's last closed ledger */
	NODE_FULL,         /* and follows every ledger; serves what it reports */
	NODE_VALIDATING,   /* validates, does not propose this round */
	NODE_PROPOSING,
};
const char *node_state_name(enum node_state s); /* "disconnected", ... */

/* What a validator wishes the network's fees and amendments to be: said before a flag ledger. */
enum { NODE_FEE_BASE, NODE_FEE_RESERVE, NODE_FEE_INCREMENT, NODE_FEES };
struct node_wishes {
	bool has[NODE_FEES];
	uint64_t drops[NODE_FEES];
	const struct hash256 *amendments; /* that it votes for */
	uint32_t n_amendments;            /* at most BALLOT_IDS_MAX */
};

struct node_config {
	uint32_t network_id;
	bool standalone;              /* no consensus: closes on NODE_ACCEPT */
	const struct public_key *unl; /* sorted; copied */
	uint32_t unl_n;
	const struct secret_key *validator; /* NULL: observes only */
	struct ledger *genesis[2];          /* ledgers 1 and 2, referenced; NULL: starts on a tip */
	uint64_t seed;                      /* of the generator */
	uint64_t cookie;                    /* of this run, goes into validations */
	uint64_t version;                   /* sfServerVersion */
	struct bytes manifest;         /* of the validator's token; empty: signs as its master */
	const struct bytes *manifests; /* known from an earlier life, or from lists */
	uint32_t n_manifests;
	struct txq_setup txq;      /* the fee market's numbers; all 0: txq_setup_default() */
	bool unl_blocked;          /* the lists that are needed have expired or are missing */
	bool unsafe_overlap;       /* go on although others trust others than we do */
	struct node_wishes wishes; /* copied */
	uint32_t majority_s;       /* an amendment's majority lasts so long; 0: two weeks */
	/* Whether this program can follow a network with the amendment; NULL: amendments.def. */
	bool (*supports)(const struct hash256 *amendment);
};

/* What happened since start, for counters and metrics. */
struct node_counters {
	uint64_t tx_received, tx_bytes, tx_duplicate, tx_bad_signature, tx_malformed, tx_relayed;
	uint64_t ledgers_closed, ledgers_validated, tx_validated;
	uint64_t proposals_in, validations_in, evidence;
	uint64_t votes_checked, votes_ignored; /* signatures of both; those not worth checking */
	uint64_t sets_acquired, ledgers_acquired, builds, build_mismatch;
	uint64_t queue_dropped;
};

enum node_job_kind {
	NODE_JOB_VERIFY,  /* check signatures of transactions */
	NODE_JOB_BUILD,   /* build a ledger (consensus or replay) */
	NODE_JOB_PERSIST, /* store_commit */
	NODE_JOB_JOURNAL, /* journal_write */
	NODE_JOB_HISTORY, /* store_fill: ledgers before those that are here */
	NODE_JOB_JOIN,    /* join_append or join_forget: what was fetched of a state so far */
};
struct node_job {
	uint64_t id;
	enum node_job_kind kind;
	union {
		struct {
			struct tx **txs; /* referenced */
			uint32_t n;
		} verify;
		struct ledger_build build;
		struct {
			struct ledger *ledger, *last; /* referenced; last may be NULL */
			struct tree_keys *keys;       /* result */
		} persist;
		struct {
			struct buf record; /* journal_encode form of the record */
			struct journal_record parsed;
		} journal;
		struct {
			struct history_ledger *ledgers; /* owned; newest first, without a gap */
			uint32_t n;
		} history;
		struct {
			struct buf entries; /* of the state, as store/join.h has them */
			bool forget;        /* instead: the state is whole, or not wanted */
		} join;
	};
	struct arena arena; /* for what the job points to */
	enum err err;       /* result */
	struct why why;
};
/* Runs a VERIFY or BUILD job; thread safe with respect to everything else. */
void node_job_run(struct node_job *job);
/* For shells that end without giving a job back. */
void node_job_free(struct node_job *job);

enum node_event_kind {
	NODE_START, /* once, first: tip from the store and the journal's record */
	NODE_TIMER,
	NODE_JOB_DONE,
	NODE_PEER_UP,
	NODE_PEER_DOWN,
	NODE_MESSAGE,
	NODE_SUBMIT,       /* from RPC; answered by NODE_FX_SUBMITTED */
	NODE_ACCEPT,       /* standalone: close the open ledger; answered by NODE_FX_ACCEPTED */
	NODE_DISK,         /* free space as the shell sees it: whether to validate */
	NODE_DISK_HISTORY, /* and whether older ledgers may be fetched (disk_ok) */
	NODE_DAMAGE,       /* the store is not what was written: validate no more, end */
	NODE_UNL,          /* whom to trust from now on */
	NODE_WISHES,       /* what to vote for from now on */
	NODE_STOP,         /* bow out; answered by NODE_FX_STOPPED when all jobs are done */
};

struct node_event {
	enum node_event_kind kind;
	union {
		struct {
			struct ledger *tip; /* newest committed ledger, NULL for a new store */
			/* What an earlier life had fetched of a newer state, on top of the tip's:
			 * any tree will do, what is right in it is not fetched again. Or NULL. */
			const struct tree *join;
			const struct journal_record *journal; /* NULL: none */
		} start;
		struct node_job *job; /* given back to the node, which frees it */
		struct {
			uint32_t peer;
			struct public_key key;
			const struct msg *msg; /* NODE_MESSAGE: views during the call */
		} peer;
		struct {
			struct tx *tx; /* referenced by the node as needed */
			bool fail_hard;
			uint64_t token; /* comes back in NODE_FX_SUBMITTED */
		} submit;
		uint64_t accept_token;
		bool disk_ok;
		struct {
			const struct public_key
			    *keys; /* masters, any order; copied. n 0: as before */
			uint32_t n;
			bool blocked; /* nothing is validated on their word for now */
			const struct bytes *manifests;
			uint32_t n_manifests;
		} unl;
		struct node_wishes wishes;
		const char *damage; /* what was found */
	};
};

/* The answer to a submit, in the API's terms. */
struct node_submitted {
	uint64_t token;
	struct tx *tx; /* referenced until the effect is dropped */
	enum ter result;
	bool accepted; /* applied, queued, kept or broadcast */
	bool applied, broadcast, queued, kept;
	uint32_t account_seq_next;      /* of the open ledger */
	uint32_t account_seq_available; /* and past what is queued (rippled: TxQ.cpp) */
	struct drops open_ledger_cost;
	uint32_t validated_seq;
};

enum node_effect_kind {
	NODE_FX_TIMER,     /* wake with NODE_TIMER at `at` (replaces the previous) */
	NODE_FX_SEND,      /* a frame to one peer, or to all but one */
	NODE_FX_DROP_PEER, /* a peer that sent invalid data */
	NODE_FX_USELESS,   /* a peer has caused work for nothing: charged against its budget */
	NODE_FX_JOB,
	NODE_FX_SUBMITTED,
	NODE_FX_ACCEPTED, /* standalone ledger_accept done: seq of the new open ledger */
	NODE_FX_STOPPED,
	NODE_FX_FAILED, /* the store cannot be trusted any more: end the process */
	NODE_FX_LOG,
	/* For subscriptions; nothing else depends on them. */
	NODE_FX_LEDGER,      /* a ledger is validated and durable; validated reads now see it */
	NODE_FX_TX_PROPOSED, /* a transaction was applied to the open ledger */
	NODE_FX_VALIDATION,  /* a trusted validation was received or made */
	NODE_FX_PHASE,       /* consensus phase changed */
	NODE_FX_STATE,       /* server_state changed */
	NODE_FX_MANIFEST,    /* a manifest is new; trusted ones are to be kept on disk */
};
enum { NODE_LOG_ERROR, NODE_LOG_WARN, NODE_LOG_INFO, NODE_LOG_DEBUG };

struct node_effect {
	enum node_effect_kind kind;
	union {
		struct steady at;
		struct {
			uint32_t peer; /* 0: everyone but `except` */
			uint32_t except;
			struct wire_frame *frame; /* referenced */
		} send;
		struct {
			uint32_t peer;
			const char *reason;
		} drop;
		struct {
			uint32_t peer, units;
		} useless;
		struct node_job *job;
		struct node_submitted submitted;
		struct {
			uint64_t token;
			uint32_t open_seq;
			enum err err;
		} accepted;
		struct {
			int level;
			char text[200];
		} log;
		struct ledger *ledger; /* referenced */
		struct {
			struct tx *tx; /* referenced */
			enum ter result;
		} proposed;
		struct {
			struct buf bytes;         /* owned by the effect */
			struct public_key master; /* of whoever signed it */
		} validation;
		enum cons_phase phase;
		enum node_state state;
		struct {
			struct buf bytes; /* owned by the effect */
			bool trusted;
		} manifest;
	};
};
struct node_effects {
	struct node_effect *e;
	uint32_t n, cap;
};
/* Drops what the effects own (frames, references) after they were carried out; jobs excepted. */
void node_effects_clear(struct node_effects *fx);
void node_effects_close(struct node_effects *fx);

struct node *node_open(const struct node_config *config);
void node_close(struct node *n);
/* Appends to fx. `history` serves peers that ask for older ledgers. */
void node_step(struct node *n, const struct node_event *ev, struct now now,
	       struct node_effects *fx);
void node_set_history(struct node *n, const struct history *h);

/* ---- Reading, between steps, on the loop thread; used by rpc ---- */

/* How many steps there were: what is read between two steps stays the same. */
uint64_t node_steps(const struct node *n);
/* The last validated ledger whose commit is acknowledged; the last closed one; NULL when none. The
 * caller takes references of its own if it keeps them beyond the call. */
struct ledger *node_validated(const struct node *n);
struct ledger *node_closed(const struct node *n);
/* The open ledger: node_closed() plus pending transactions, as a view for reading (its info says
 * seq and parent). Never change it; open a sandbox over it (simulate). */
struct view *node_open_view(const struct node *n);
/* Transactions applied to the open ledger, in order of application. */
struct tx *const *node_open_txs(const struct node *n, uint32_t *count);
/* A pending (not yet validated) transaction by id: open, queued, or in a closed but not yet
 * validated ledger; NULL when unknown here. */
struct tx *node_pending_tx(const struct node *n, const struct hash256 *id);
/* Transactions in the queue: of one account in the order of their sequences, then tickets, or with
 * NULL all, best first. At most `max`; returns how many. */
struct node_queued {
	struct tx *tx; /* the node's reference */
	uint64_t level;
	struct tx_consequences effect;
	enum ter last;    /* of the last try; terQUEUED: none yet */
	uint32_t retries; /* failed tries left */
};
uint32_t node_queued(const struct node *n, const struct account_id *id, struct node_queued *out,
		     uint32_t max);
/* What a transaction costs. Levels and load are 256ths of the base fee. */
struct node_fees {
	struct drops base;
	uint64_t reference; /* level: 256 */
	uint64_t minimum;   /* level that gets into the queue */
	uint64_t median;    /* of the last closed ledger, or what stands in for it */
	uint64_t open;      /* level that gets into the open ledger now */
	uint64_t expected;  /* transactions of a ledger before it rises */
	uint32_t open_n, queue_n, queue_max;
	uint32_t held_n; /* beside the queue: that wait for a sequence, an account, a balance */
	uint32_t load_local, load_remote, load_cluster;
};
void node_get_fees(const struct node *n, struct node_fees *out);
/* The sequence the account should use next, counting open and queued transactions; 0 when the
 * account does not exist. */
uint32_t node_next_sequence(const struct node *n, const struct account_id *id);
/* A closed ledger not yet validated, or a recent one, by hash or sequence; NULL when not held. */
struct ledger *node_ledger_by_hash(const struct node *n, const struct hash256 *hash);
struct ledger *node_ledger_by_seq(const struct node *n, uint32_t seq);

/* What the last closed ledger says about validators that nobody waits for. */
const struct negative_unl *node_negative_unl(const struct node *n);
/* How many members want an amendment, as it was counted after the last flag ledger. */
struct node_ballot {
	uint32_t members;   /* whose wishes are known */
	uint32_t threshold; /* more than so many make a majority */
};
bool node_ballot(const struct node *n, struct node_ballot *out); /* false: not counted yet */
uint32_t node_ballot_for(const struct node *n, const struct hash256 *amendment);

/* How far catching up has come. */
struct node_sync_status {
	bool active;         /* a ledger is being fetched */
	bool state;          /* by its state; otherwise by replaying what leads to it */
	uint32_t target_seq; /* 0: not known yet */
	uint32_t ledgers;    /* of the way to it: fetched, not replayed yet */
	uint64_t nodes;      /* of the state: verified since this fetch began, and their bytes */
	uint64_t bytes;
	uint32_t per_mille; /* of the state's keys that are settled */
	uint32_t peers;     /* being asked */
	uint32_t again;     /* how often the target has moved */
	bool filling;       /* history is filled in: from fill_next down to fill_until */
	uint32_t fill_next, fill_until;
};

/* Two messages of one UNL member that exclude each other, as this process has seen them. */
struct node_evidence {
	enum cons_evidence_kind kind;
	struct public_key key;
	uint32_t seq;        /* of the ledgers, or number of the proposals */
	struct hash256 prev; /* ledger that the proposals build on */
	struct hash256 a, b; /* ledgers or sets */
	struct net_time at;  /* when it was found */
};
/* The i-th kept, of all members, in no particular order; false when there are not as many. */
bool node_evidence(const struct node *n, uint32_t i, struct node_evidence *out);

/* What a peer has said of its ledgers; zeros: nothing yet. False when there is no such peer. */
struct node_peer_ledgers {
	struct hash256 validated;
	uint32_t validated_seq, closed_seq, first, last;
};
bool node_peer_ledgers(const struct node *n, uint32_t peer, struct node_peer_ledgers *out);

struct node_status {
	enum node_state state;
	bool standalone;
	bool stopping, disk_full, store_failed;
	bool key_elsewhere;  /* another process signs with our key: this one does not vote */
	bool key_replaced;   /* a newer manifest of our master names another key, or revokes it */
	bool unl_blocked;    /* validator lists have expired: nothing is validated on their word */
	bool overlap_unsafe; /* not validating: too many of the UNL trust others than we do */
	bool overlap_overridden;
	uint32_t unl_unsafe;    /* members whose own UNL is unsafe beside ours */
	bool clock_off;         /* not validating: our clock differs from the UNL's */
	bool amendment_blocked; /* an amendment is enabled that this program does not support */
	bool amendment_warned;  /* or will be, unless it loses its majority: */
	struct net_time amendment_expected;
	bool clock_known;
	int64_t clock_offset_s; /* the UNL's median beyond our clock */
	uint32_t network_id;
	uint32_t peers;
	uint32_t unl_n, quorum;
	uint32_t unl_present; /* that have validated of late; less the quorum: how many may go */
	bool validator;       /* has a key */
	struct public_key validator_key; /* signing key */
	struct public_key validator_master;
	struct steady state_since[7]; /* last entered, by state */
	int64_t state_ms[7];          /* total time in each */
	uint32_t state_entered[7];
	uint32_t full_entered; /* full, validating or proposing, from below */
	struct steady started;
	struct net_time validated_close;
	struct steady validated_at; /* when the commit of the last validated one was acknowledged */
	struct steady first_validated_at;
	uint32_t queue_n, queue_max, open_n; /* queue: what is held counts too */
	uint64_t queue_bytes;
	struct node_sync_status sync;
	struct cons_status consensus;
	struct node_counters counters;
};
void node_get_status(const struct node *n, struct now now, struct node_status *out);
/* Invariants between steps: all that is kept is within its bounds. For tests and the simulator. */
bool node_check(const struct node *n, struct why *why);
/* The newest manifest of a master or signing key; NULL when none is known. */
const struct manifest *node_manifest(const struct node *n, const struct public_key *key);
/* All that are listed, revoked ones too, ascending. */
uint32_t node_listed(const struct node *n, const struct public_key **keys);
/* How many keys are in one of two UNLs (ascending) alone, and whether the two are safe together. */
uint32_t node_unl_apart(const struct public_key *a, uint32_t n_a, const struct public_key *b,
			uint32_t n_b);
bool node_unl_safe(const struct public_key *a, uint32_t n_a, const struct public_key *b,
		   uint32_t n_b);
/* UNL member i: its key and its newest validation (false: none seen). */
bool node_unl_member(const struct node *n, uint32_t i, struct public_key *key,
		     struct cons_validation *last);
/* What it proposes in this round; false: nothing. */
bool node_unl_position(const struct node *n, uint32_t i, struct cons_position *out);
/* See cons_dispute_at. */
bool node_dispute(const struct node *n, uint32_t i, struct cons_dispute *out);

#endif
