/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_NODE_IMPL_H
#define TALLY_NODE_NODE_IMPL_H

#include "base/hmap.h"
#include "base/rng.h"
#include "node/node.h"

/* Private to src/node: the machine's parts and what they offer each other.
 *
 *   node.c     open, close, dispatch of events, timers, effects
 *   pool.c     pending transactions: verify, open ledger, queue
 *   round.c    consensus effects → actions; builds; the table of closed ledgers
 *   vote.c     proposals and validations out and in, the journal
 *   sets.c     transaction sets: made, acquired, served
 *   sync.c     ledgers acquired by replay; serving them
 *   state.c    a ledger's whole state acquired by path
 *   persist.c  validated ledgers → store, in order
 *   status.c   server state and the read-only answers                                        */

/* ---- pool: one pending transaction ---- */
enum ptx_place {
	PTX_VERIFYING, /* waits for its signature check */
	PTX_OPEN,      /* applied to the open ledger */
	PTX_QUEUED,    /* held for a later ledger */
	PTX_CLOSED,    /* in a closed ledger that is not validated yet */
	PTX_RETRYING,  /* in no list, while the open ledger is being rebuilt */
};
struct ptx {
	struct tx *tx;
	enum ptx_place place;
	enum ter last;  /* last result, for answers to repeats */
	uint32_t from;  /* peer it first came from, 0 = RPC */
	bool submitted; /* someone waits for the answer */
	bool fail_hard;
	bool relayed, announced;
	uint32_t held_since; /* open ledger in which it first had to wait */
	uint64_t token;
	struct ptx *prev, *next; /* list of its place, oldest first */
	struct ptx *qnext;       /* queue of its account, by sequence */
};
struct ptx_list {
	struct ptx *first, *last;
	uint32_t n;
	uint64_t bytes;
};
/* Queued transactions of one account, ascending sequence. */
struct pacct {
	struct hash256 key; /* account id, zero padded */
	struct ptx *first;
	uint32_t n;
};

/* ---- ledgers held ---- */
struct held {
	struct ledger *ledger;
	struct tx **txs; /* in TransactionIndex order, referenced; NULL for a loaded tip */
	uint32_t n_txs;
	bool jump;         /* its state was fetched: ancestors are not held */
	struct held *next; /* list, newest first by insertion */
};

/* ---- transaction sets ---- */
struct txset {
	struct hash256 id;
	struct hash256 *ids; /* sorted; NULL until the list is known */
	struct tx **txs;     /* same order; NULL entries are missing */
	uint32_t n, missing;
	bool complete, invalid, wanted;
	uint32_t born;  /* open ledger when it came up: sets of past rounds are dropped */
	uint32_t asked; /* peer asked last */
	uint32_t tries;
	struct steady again; /* ask another peer then */
	struct txset *next;  /* newest first */
};

/* ---- acquisition of ledgers ---- */
struct fetched { /* one ledger of the chain, waiting to be replayed */
	struct hash256 hash;
	struct ledger_header header;
	struct tx **txs;
	uint32_t n, total;
	struct fetched *child; /* the next newer one */
};
struct state_fetch; /* state.c */
struct sync {
	bool active;
	bool begun; /* asking; before, it waits whether our own build yields the ledger */
	struct hash256 target; /* newest ledger wanted */
	uint32_t target_seq;
	struct hash256 need;   /* being asked for now */
	uint32_t need_seq;     /* 0: unknown yet */
	struct fetched *chain; /* oldest first */
	uint32_t n_chain;
	uint64_t bytes;
	struct fetched *part; /* `need` so far, when it comes in pieces */
	uint32_t asked;       /* peer */
	uint32_t tries, pruned;
	struct steady again;
	uint64_t job; /* verify or build running for the oldest */
	bool verified;
	struct state_fetch *state;
};

struct peer {
	uint32_t id;
	struct public_key key;
	uint32_t validated_seq, closed_seq, first, last;
	struct hash256 validated;
};

struct vote_out { /* a signed message that waits for the journal */
	struct wire_frame *frame;
	bool validation;
	struct cons_validation v;
	struct buf bytes;
	uint64_t after; /* sent when this journal write is durable */
};
#define VOTE_OUT_MAX 16

struct unl_member {
	struct public_key key;
	struct buf validation; /* newest bytes, for peers that connect */
	struct net_time signed_at;
};

#define CONS_QUEUE_MAX 128
#define SEEN_RING      (TX_SEEN_MAX / 4)
struct seen {
	struct hmap map;
	struct hash256 *ring;
	uint32_t at, n;
};

struct node {
	struct node_config cfg;
	struct rng rng;
	struct consensus *cons;
	const struct history *history;
	struct node_effects *fx; /* of the step that runs */
	struct now now;
	bool started, stopping, stopped;
	uint64_t next_job;
	uint32_t jobs_running;

	/* validated / closed / open */
	struct ledger *validated;
	struct held *closed;
	struct rules *rules; /* of closed */
	struct ledger_fees fees;
	struct view *open;
	bool open_stale;
	uint32_t open_index;
	struct tx **open_array; /* answer of node_open_txs, LEDGER_TX_MAX entries */

	/* pool */
	struct hmap pool;     /* id → ptx */
	struct hmap accounts; /* account → pacct */
	struct ptx_list verifying, open_list, queued, in_closed;
	struct ptx *verify_next; /* first of `verifying` not handed to a job */
	uint32_t verify_jobs;
	uint64_t verify_turn; /* id of the job whose results come next */
	struct node_job *verify_done[8];
	struct seen seen, seen_msgs;

	/* ledgers and sets */
	struct hmap held_by_hash;
	struct held *held_list;
	struct hmap sets_by_id;
	struct txset *sets;
	uint32_t n_sets;

	/* events for consensus that wait for the step that runs (round.c) */
	struct cons_event cons_queue[CONS_QUEUE_MAX];
	uint32_t n_cons_queue;
	bool cons_busy, cons_started;

	/* build */
	uint64_t build_job, build_verify_job;
	struct ledger_build build; /* what is to be built once signatures are known */
	bool build_waits;
	struct hash256 build_prev;

	/* votes */
	int32_t self;
	struct unl_member *unl;
	struct journal_record jr; /* as last handed to the journal */
	struct arena jr_arena;
	uint32_t vote_seq; /* highest sequence ever validated by this key */
	struct hash256 vote_hash;
	struct buf vote_bytes;
	struct hash256 prop_prev;
	uint32_t prop_next;
	struct vote_out out[VOTE_OUT_MAX];
	uint32_t n_out;
	uint64_t journal_job, journal_wanted, journal_writing, journal_done;
	uint64_t resume_job;
	struct hash256 resume_hash;
	bool journal_failed, journal_full;
	struct steady journal_retry;
	struct hash256 last_set; /* consensus set of the ledger just built */
	struct wire_frame *last_proposal;

	/* persist */
	uint64_t persist_job;
	struct hash256 target_valid;
	uint32_t target_valid_seq;
	bool disk_full, disk_low, store_failed, failed_told;
	struct steady persist_retry;
	struct steady validated_at, first_validated_at;

	struct sync sync;

	struct peer peers[PEERS_MAX];
	uint32_t n_peers;

	struct steady cons_at, housekeeping_at, timer_set;
	enum node_state state;
	struct steady state_since[7], started_at;
	int64_t state_ms[7];
	uint32_t state_entered[7];
	bool proposing_on;
	struct node_counters count;
	uint64_t accept_token;
	bool accept_pending;
};

/* node.c */
struct node_effect *fx_new(struct node *n, enum node_effect_kind kind);
void node_log(struct node *n, int level, const char *fmt, ...) PRINTF(3, 4);
void fx_send(struct node *n, uint32_t peer, uint32_t except, struct wire_frame *f); /* takes f */
void fx_send_msg(struct node *n, uint32_t peer, uint32_t except, const struct msg *m);
void fx_drop(struct node *n, uint32_t peer, const char *reason);
struct node_job *job_new(struct node *n, enum node_job_kind kind);
void job_start(struct node *n, struct node_job *j);
struct peer *peer_find(struct node *n, uint32_t id);
/* A peer to ask: the next after `last` that may have ledger `seq` (0: any); 0 when none. */
uint32_t peer_pick(struct node *n, uint32_t last, uint32_t seq);
bool seen_add(struct seen *s, const struct hash256 *id); /* false: was there */
bool seen_has(const struct seen *s, const struct hash256 *id);

/* pool.c */
void pool_submit(struct node *n, struct tx *tx, bool fail_hard, uint64_t token);
void pool_gossip(struct node *n, uint32_t peer, const struct msg_blobs *blobs);
void pool_take(struct node *n, struct tx *tx, uint32_t peer); /* parsed, from a set */
void pool_verified(struct node *n, struct node_job *j);
void pool_start_verify(struct node *n);
void pool_rebuild_open(struct node *n);
void pool_ledger_closed(struct node *n, struct held *h);
void pool_ledger_validated(struct node *n, const struct held *h);
void pool_branch_switched(struct node *n);
void pool_greet(struct node *n, uint32_t peer); /* pending transactions to a new peer */
struct tx *pool_find(const struct node *n, const struct hash256 *id);
void pool_close(struct node *n);

/* round.c */
void round_feed(struct node *n, const struct cons_event *ev);
void rounds_begin(struct node *n, struct held *h);
void round_set_proposing(struct node *n);
void round_verified(struct node *n, struct node_job *j);
void rounds_built(struct node *n, struct node_job *j);
void round_accept(struct node *n, uint64_t token); /* standalone */
void round_accepted(struct node *n);
struct held *held_find(const struct node *n, const struct hash256 *hash);
/* Takes the reference of l and those of the transactions (array copied). */
struct held *held_add(struct node *n, struct ledger *l, struct tx *const *txs, uint32_t n_txs);
void held_prune(struct node *n);
void held_forget_txs(struct held *h);
void held_close(struct node *n);
void round_know(struct node *n, const struct held *h); /* tell consensus of a ledger */
void round_set_closed(struct node *n, struct held *h);
void build_prepare_job(struct node *n, struct node_job *j, const struct ledger *parent,
		       struct tx *const *txs, uint32_t n_txs);

/* vote.c */
void vote_init(struct node *n, const struct journal_record *r);
void vote_resume(struct node *n); /* rebuild journalled ledgers; then the rounds start */
bool vote_resume_built(struct node *n, struct node_job *j);
void vote_propose(struct node *n, const struct cons_position *p);
void vote_validate(struct node *n, const struct held *h, bool full);
void vote_journal_done(struct node *n, struct node_job *j);
void vote_start_journal(struct node *n);
void vote_on_proposal(struct node *n, uint32_t peer, const struct msg *m);
void vote_on_validation(struct node *n, uint32_t peer, struct bytes bytes);
void vote_greet(struct node *n, uint32_t peer);
void vote_resend(struct node *n);
void vote_close(struct node *n);

/* sets.c */
struct txset *set_find(const struct node *n, const struct hash256 *id);
struct txset *set_make(struct node *n, const struct hash256 *id, const struct hash256 *ids,
		       uint32_t n_ids); /* NULL when a transaction is unknown */
void set_want(struct node *n, const struct hash256 *id);
void set_on_get(struct node *n, uint32_t peer, const struct msg *m);
void set_on_list(struct node *n, uint32_t peer, const struct msg *m);
void set_on_get_txs(struct node *n, uint32_t peer, const struct msg *m);
void set_on_txs(struct node *n, uint32_t peer, const struct msg *m);
void set_on_nak(struct node *n, uint32_t peer, const struct msg *m);
struct steady set_tick(struct node *n); /* returns when it wants to be called again */
void set_drop_past(struct node *n);
void set_close_all(struct node *n);

/* sync.c */
void sync_want(struct node *n, const struct hash256 *hash, uint32_t seq);
void sync_on_get_ledger(struct node *n, uint32_t peer, const struct msg *m);
void sync_on_ledger(struct node *n, uint32_t peer, const struct msg *m);
void sync_on_nak(struct node *n, uint32_t peer, const struct msg *m);
bool sync_verified(struct node *n, struct node_job *j);
bool sync_built(struct node *n, struct node_job *j);
struct steady sync_tick(struct node *n);
void sync_drop(struct node *n);
/* Replays continue after a state fetch or a build. */
void sync_advance(struct node *n);
struct ledger *sync_find_ledger(struct node *n, const struct hash256 *hash, uint32_t seq);

/* state.c */
void state_begin(struct node *n, const struct ledger_header *h, const struct hash256 *hash);
void state_on_get_nodes(struct node *n, uint32_t peer, const struct msg *m);
void state_on_nodes(struct node *n, uint32_t peer, const struct msg *m);
void state_retry(struct node *n);
void state_drop(struct node *n);

/* persist.c */
void persist_want(struct node *n, const struct hash256 *hash, uint32_t seq);
void persist_advance(struct node *n);
void persist_done(struct node *n, struct node_job *j);

/* status.c */
void status_update(struct node *n);
void status_send(struct node *n, uint32_t peer); /* 0: everyone */

#endif
