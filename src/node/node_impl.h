/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_NODE_IMPL_H
#define TALLY_NODE_NODE_IMPL_H

#include "base/hmap.h"
#include "base/rng.h"
#include "node/manifests.h"
#include "node/node.h"

/* Private to src/node: the machine's parts and what they offer each other.
 *
 *   node.c     open, close, dispatch of events, timers
 *   effects.c  effects and jobs
 *   peer.c     peers: whom to ask, what each may be served; ids seen
 *   pool.c     pending transactions: admission, verification, reading
 *   open.c     the open ledger and what waits for one
 *   fees.c     what both ask for; txq*.c the queue, load.c our own load
 *   held.c     the table of closed ledgers in memory
 *   round.c    consensus effects → actions; builds; the standalone close
 *   unl.c      whom we trust and by which keys: members, manifests
 *   trust.c    whom the others trust
 *   clocks.c   our clock beside the others'
 *   vote.c     proposals and validations out and in
 *   journal.c  the vote journal: what is durable before it is sent; rebuilding after a restart
 *   sets.c     transaction sets: made, acquired, served
 *   sync.c     ledgers acquired by replay, or by a state: whichever is cheaper
 *   cost.c     which of the two that is
 *   ahead.c    the way to them asked for ahead, from several peers
 *   state.c    a ledger's whole state acquired by path, state_tree.c what becomes of its nodes
 *   fill.c     history filled in afterwards, newest first
 *   serve.c    ledgers for peers, within a budget for each and one for all
 *   evidence.c members that sign two messages which exclude each other
 *   nunl.c     the negative UNL: scores, votes, what counts
 *   governance.c  fees and amendments: wishes said and counted, pseudo-transactions, blocked
 *   persist.c  validated ledgers → store, in order
 *   status.c   server state and the read-only answers
 *   check.c    what holds between steps                                                      */

/* ---- pool: one pending transaction ---- */
enum ptx_place {
	PTX_VERIFYING, /* waits for its signature check */
	PTX_OPEN,      /* applied to the open ledger */
	PTX_QUEUED,    /* waits for room, see txq.h */
	PTX_HELD,      /* waits for something else */
	PTX_CLOSED,    /* in a closed ledger that is not validated yet */
	PTX_RETRYING,  /* in no list, while the open ledger is being rebuilt */
};
#define HELD_LEDGERS_MAX 40 /* ledgers a transaction may wait for its turn */
struct waiter {             /* a client that waits for the answer to its submit */
	uint64_t token;
	struct waiter *next;
};
struct ptx {
	struct tx *tx;
	enum ptx_place place;
	enum ter last; /* last result, for answers to repeats */
	uint32_t from; /* peer it first came from, 0 = RPC or a set */
	bool fail_hard;
	bool relayed, announced;
	bool proposed;       /* in somebody's set: it does not pay for its place again */
	uint32_t relayed_in; /* open ledger in which it went out last */
	uint32_t open_since; /* open ledger in which it first was applied */
	uint32_t held_since; /* open ledger in which it was first held, 0: it was not */
	struct waiter *waiters;
	struct ptx *prev, *next; /* list of its place, oldest first */
	struct ptx *qnext;       /* held of its account, by sequence */
};
struct ptx_list {
	struct ptx *first, *last;
	uint32_t n;
	uint64_t bytes;
};
/* What is held of one account, ascending sequence. */
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
	bool jump;         /* may be committed without its ancestors: they are not held */
	uint64_t marked;   /* held_prune: found on a line that is needed */
	struct held *next; /* list, newest first by insertion */
};

/* ---- transaction sets ---- */
struct txset {
	struct hash256 id;
	struct hash256 *ids; /* sorted; NULL until the list is known */
	struct tx **txs;     /* same order; NULL entries are missing */
	uint32_t n, missing;
	size_t bytes; /* of transactions */
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
	uint32_t from;         /* peer that delivered it */
	struct fetched *child; /* the next newer one */
};
struct state_fetch; /* state.c */
struct sync {
	bool active;
	bool begun; /* asking; before, it waits whether our own build yields the ledger */
	bool firm;  /* the target has a quorum; goes before any that has not */
	struct hash256 target; /* newest ledger wanted */
	uint32_t target_seq;
	bool needs; /* something is being asked for: */
	struct hash256 need;
	uint32_t need_seq;     /* 0: unknown yet */
	bool by_seq;           /* it is on its way, asked for ahead */
	uint32_t wrong;        /* ledgers that did not come out with their hash */
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
	struct ahead *ahead; /* ahead.c; NULL: nothing asked for ahead */
	uint64_t n_txs;      /* of the chain, since its beginning */
	uint32_t n_linked;   /* its ledgers, likewise */
	uint32_t moves;      /* how often the target has moved */
};

struct peer {
	uint32_t id;
	struct public_key key;
	uint32_t validated_seq, closed_seq, first, last;
	struct hash256 validated;
	uint32_t verifying; /* transactions of its that wait for verification */
	bool lied;          /* delivered a ledger that does not replay: asked last */
	uint32_t late;      /* answers that did not come, or without use, since the last good one */
	int64_t served;     /* bytes served above what time has forgiven */
	struct steady forgiven;
};

struct ahead; /* ahead.c */
struct fill;  /* fill.c */

struct row { /* a transaction of a ledger that is served */
	uint32_t index;
	struct bytes blob, leaf; /* without and with its metadata */
};
struct served {                       /* the one asked for last: it is asked for in parts */
	struct history_ledger ledger; /* seq 0: none */
	struct row *rows;
	uint32_t n;
};

#define PSEUDO_MAX 256 /* pseudo-transactions of ours in one set */

struct vote_out { /* a signed message that waits for the journal */
	struct wire_frame *frame;
	bool validation;
	struct cons_validation v;
	struct buf bytes;
	uint64_t after; /* sent when this journal write is durable */
};
#define VOTE_OUT_MAX 16

/* A member's newest validations, at sequence % VOTES_KEPT: as many as ledgers may be ahead of the
 * validated one, so that whoever connects hears a quorum for that, too. */
#define VOTES_KEPT (LEDGER_AHEAD_MAX + 1)
struct said {
	struct buf bytes;
	uint32_t seq;
	struct net_time signed_at;
};
struct pace { /* an allowance that fills again with time, see vote.c */
	uint32_t used;
	struct steady since;
};
struct unl_member {
	struct public_key key;
	struct said said[VOTES_KEPT];
	struct pace proposals, validations; /* of those whose signature was checked */
	struct hash256 prev;                /* its newest proposal's, and its number */
	uint32_t number;
	/* what it says that it trusts, see trust.c */
	struct buf trusts; /* keys */
	struct net_time trusts_at;
	struct wire_frame *trust_said;
	bool trust_unsafe;
	struct pace trust_pace;
	/* its clock beside ours, see clocks.c */
	bool clock_heard, clock_waits;
	int64_t clock_off_s, clock_waits_s;
	struct steady clock_at, clock_waits_at;
	struct hash256 clock_waits_for; /* ledger */
};

/* Reasons not to validate, beside the disk's and the journal's. */
enum node_hold {
	HOLD_UNL = 1,      /* the lists that are needed have expired */
	HOLD_KEY = 2,      /* our signing key was replaced */
	HOLD_OVERLAP = 4,  /* the UNLs of others differ too much from ours */
	HOLD_CLOCK = 8,    /* our clock is wrong */
	HOLD_OLD = 16,     /* the last closed ledger has an amendment that we do not support */
	HOLD_BLOCKED = 32, /* so has the last validated one: the others' word is not for us */
};
#define HOLD_DEAF (HOLD_UNL | HOLD_BLOCKED) /* proposals and validations are not listened to */

#define CONS_QUEUE_MAX 128
#define SEEN_TXS       (TX_SEEN_MAX / 4)
#define SEEN_MESSAGES  8192 /* proposals and validations: those of some dozens of ledgers */
struct seen {
	struct hmap map;
	struct hash256 *ring;
	uint32_t at, n, cap;
};

struct node {
	struct node_config cfg;
	struct rng rng;
	struct consensus *cons;
	const struct history *history;
	struct node_effects *fx; /* of the step that runs */
	uint64_t steps;
	struct now now;
	bool started, stopping, stopped;
	uint64_t next_job;
	uint32_t jobs_running;

	/* validated / closed / open */
	struct ledger *validated;
	struct hash256 base_hash; /* a start from disk would begin with it: committed, or given */
	uint32_t base_seq;
	struct held *closed;
	struct rules *rules; /* of closed */
	struct ledger_fees fees;
	struct view *open;
	bool open_stale;
	struct tx **open_array; /* answer of node_open_txs, LEDGER_TX_MAX entries */

	/* pool */
	struct hmap pool;     /* id → ptx */
	struct hmap accounts; /* account → pacct */
	struct ptx_list verifying, open_list, queued, waiting, in_closed;
	struct ptx *verify_next; /* first of `verifying` not handed to a job */
	uint32_t verify_jobs;
	struct node_job *verify_done[8]; /* running or done, in the order of their start */
	struct txq txq;                  /* what `queued` lists, by fee */
	struct load load;
	struct relay *relay;         /* while the queue is at work */
	struct hash256 queue_closed; /* last closed ledger that the queue knows of */
	bool closed_slow;            /* consensus on the last closed one took long */
	struct seen seen, seen_msgs;
	/* refused for now: not looked at again for a few ledgers */
	struct seen put_off;
	uint32_t put_off_since;

	/* ledgers and sets */
	struct hmap held_by_hash;
	struct held *held_list;
	uint32_t n_held;
	uint64_t held_mark;
	struct hmap sets_by_id;
	struct txset *sets;
	uint32_t n_sets;
	size_t set_bytes;

	/* events for consensus that wait for the step that runs (round.c) */
	struct cons_event cons_queue[CONS_QUEUE_MAX];
	uint32_t n_cons_queue;
	bool cons_busy, cons_started, proposing_due;

	/* build */
	uint64_t build_job, build_verify_job;
	struct ledger_build build;      /* what is to be built once signatures are known */
	bool build_waits;               /* build.parent is referenced */
	struct cons_effect build_asked; /* whose set is not whole here, while `lacking` */
	bool build_lacking;

	/* votes */
	int32_t self;
	struct unl_member *unl;   /* cfg.unl_n, ascending */
	struct public_key master; /* of our own key, with cfg.validator */
	struct manifests *manifests;
	struct public_key listed[UNL_MAX]; /* ascending; members unless revoked */
	uint32_t n_listed;
	bool unl_due, unl_blocked; /* a change waits */
	struct steady unl_due_since;
	uint32_t holds; /* enum node_hold */
	bool overlap_proved;
	struct steady overlap_bad_since;
	bool clock_known;
	int64_t clock_median_s;
	struct hash256 clock_built; /* the last ledger of a round of ours */
	struct steady clock_built_at;
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
	bool key_elsewhere;              /* somebody else signs with our key */
	bool branch_stuck, branch_apart; /* said so, see round.c */
	struct hash256 vote_late; /* ledger to vote for once the store has caught up; or zero */
	bool vote_late_full;
	struct steady journal_retry;
	struct hash256 last_set; /* consensus set of the ledger just built */
	struct wire_frame *last_proposal;

	struct nunl *nunl;
	struct governance *governance;
	struct evidence *evidence; /* by place in the UNL */
	uint32_t evidence_n;
	uint32_t evidence_from; /* peer that has told what is being found */

	/* persist */
	uint64_t persist_job;
	struct hash256 target_valid;
	uint32_t target_valid_seq;
	uint32_t heard_seq; /* newest that had a quorum in this life; 0: none heard of yet */
	bool disk_full, disk_low, store_failed, failed_told;
	bool history_stop; /* the disk is too full for older ledgers */
	struct steady persist_retry;
	struct steady validated_at, first_validated_at;

	struct sync sync;
	struct tree state_base; /* what an ended state fetch had got; root NULL: nothing */
	uint64_t join_job;      /* writes the file of the join, or removes it */
	bool join_used, join_forget, join_failed;
	struct fill *fill; /* history that is filled in; NULL before the first tick */
	struct served served;
	int64_t served_all; /* bytes served to all peers, above what time has forgiven */
	struct steady served_forgiven;

	struct peer peers[PEERS_MAX];
	uint32_t n_peers;

	struct steady cons_at, housekeeping_at, timer_set;
	enum node_state state;
	struct steady state_since[7], started_at;
	struct net_time started_net;
	int64_t state_ms[7];
	uint32_t state_entered[7], full_entered;
	bool proposing_on;
	struct node_counters count;
	uint64_t accept_token;
	uint64_t accept_next; /* asked for while the clock's own close ran; 0: none */
	bool accept_pending;
};

/* node.c */
/* The store cannot be trusted any more: nothing is voted for from here on. */
void node_store_failed(struct node *n, const char *what);

/* effects.c */
struct node_effect *fx_new(struct node *n, enum node_effect_kind kind);
void node_log(struct node *n, int level, const char *fmt, ...) PRINTF(3, 4);
void fx_send(struct node *n, uint32_t peer, uint32_t except, struct wire_frame *f); /* takes f */
void fx_send_msg(struct node *n, uint32_t peer, uint32_t except, const struct msg *m);
void fx_drop(struct node *n, uint32_t peer, const char *reason);
void fx_useless(struct node *n, uint32_t peer, uint32_t units);
struct node_job *job_new(struct node *n, enum node_job_kind kind);
void job_start(struct node *n, struct node_job *j);

/* peer.c */
void peer_up(struct node *n, uint32_t id, const struct public_key *key);
void peer_down(struct node *n, uint32_t id);
void peer_status(struct node *n, uint32_t id, const struct msg *m);
struct peer *peer_find(struct node *n, uint32_t id);
/* A peer to ask: the next after `last` that may have ledger `seq` (0: any); 0 when none. */
uint32_t peer_pick(struct node *n, uint32_t last, uint32_t seq);
/* Whether the peer may be served now; what it got is charged after. */
bool peer_may_ask(struct node *n, uint32_t peer);
void peer_charge(struct node *n, uint32_t peer, size_t bytes);
bool seen_add(struct seen *s, const struct hash256 *id); /* false: was there */
bool seen_has(const struct seen *s, const struct hash256 *id);
void seen_clear(struct seen *s);
void seen_close(struct seen *s);

/* pool.c */
void pool_submit(struct node *n, struct tx *tx, bool fail_hard, uint64_t token);
void pool_gossip(struct node *n, uint32_t peer, const struct msg_blobs *blobs);
void pool_take(struct node *n, struct tx *tx);          /* parsed, from a set */
bool pool_verified(struct node *n, struct node_job *j); /* true: it was ours, the job is taken */
void pool_start_verify(struct node *n);
void pool_ledger_closed(struct node *n, const struct held *h);
void pool_ledger_validated(struct node *n, const struct held *h);
void pool_branch_switched(struct node *n);      /* after n->closed was set */
void pool_greet(struct node *n, uint32_t peer); /* pending transactions to a new peer */
struct tx *pool_find(const struct node *n, const struct hash256 *id);
struct pacct *pool_account(const struct node *n, const struct account_id *a);
void pool_leave(struct node *n, struct ptx *p); /* its list, and its account's queue */
void pool_enter(struct node *n, struct ptx *p, enum ptx_place place);
void pool_answer(struct node *n, struct ptx *p, enum ter result); /* those who wait */
/* p, which has left its list, is done with: answered, remembered as seen, freed. */
void pool_end(struct node *n, struct ptx *p, enum ter result);
void pool_stop(struct node *n);
void pool_close(struct node *n);

/* fees.c */
void fees_open(struct node *n, const struct node_config *c, uint64_t salt);
void fees_tick(struct node *n, int64_t late_ms);
void fees_validated(struct node *n, uint32_t seq);
/* What our validations say that we ask for: 256 is no load. */
uint32_t load_fee(const struct node *n);
/* What this transaction would cost in the open ledger now. */
struct drops fees_cost_now(const struct node *n, const struct tx *t);

/* open.c */
#define RELAY_MAX 512
struct relay {                     /* transactions that go out in one frame */
	struct tx *txs[RELAY_MAX]; /* referenced: they may leave the pool before */
	uint32_t n, from, to;      /* to: 0 = everyone but `from` */
	uint32_t again;            /* how many had gone out before */
	size_t bytes;
};
void relay_put(struct node *n, struct relay *r, struct tx *t, uint32_t from);
void relay_flush(struct node *n, struct relay *r);
/* Applies p to the open ledger, and those that waited for it; p may be freed. */
void open_try(struct node *n, struct ptx *p, struct relay *r);
void pool_rebuild_open(struct node *n);
void pool_left_queue(void *ctx, struct tx *t, bool applied, enum ter result); /* see txq_hooks */
struct hash256 *pool_ids(const struct ptx_list *l); /* in list order; the caller frees */

/* round.c */
void round_feed(struct node *n, const struct cons_event *ev);
void rounds_begin(struct node *n, struct held *h);
void round_set_proposing(struct node *n);
void round_verified(struct node *n, struct node_job *j);
void rounds_built(struct node *n, struct node_job *j);
void round_set_unl(struct node *n, const int32_t *from); /* see cons_set_unl */
void round_accept(struct node *n, uint64_t token);       /* standalone */
void round_accepted(struct node *n, enum err err);
/* Closes the ledger that was asked for meanwhile. */
void round_accept_next(struct node *n);
void round_know(struct node *n, const struct held *h); /* tell consensus of a ledger */
void round_set_closed(struct node *n, struct held *h);
void round_set_here(struct node *n, const struct txset *s); /* a build may have lacked it */
bool round_lacks(const struct node *n, const struct hash256 *set);
void round_cancel_build(struct node *n);
void build_prepare_job(struct node *n, struct node_job *j, const struct ledger *parent,
		       struct tx *const *txs, uint32_t n_txs);

/* held.c */
struct held *held_find(const struct node *n, const struct hash256 *hash);
/* Takes the reference of l and those of the transactions (array copied). */
struct held *held_add(struct node *n, struct ledger *l, struct tx *const *txs, uint32_t n_txs);
void held_prune(struct node *n);
void held_forget_txs(struct held *h);
void held_close(struct node *n);

/* journal.c */
void vote_init(struct node *n, const struct journal_record *r);
void vote_resume(struct node *n); /* rebuild journalled ledgers; then the rounds start */
bool vote_resume_built(struct node *n, struct node_job *j);
void vote_journal_done(struct node *n, struct node_job *j);
void vote_start_journal(struct node *n);
/* Whether the journal can hold all that rebuilds h from the last committed ledger. */
bool vote_can_be_kept(const struct node *n, const struct held *h);
struct vote_out *vote_out_new(struct node *n); /* NULL: too many wait */
void vote_flush_out(struct node *n);           /* sends what the durable writes cover */

/* unl.c */
void unl_open(struct node *n, const struct node_config *c);
void unl_started(struct node *n);
void unl_close(struct node *n);
void unl_event(struct node *n, const struct node_event *ev);
void unl_settle(struct node *n); /* a change that is due */
/* The place in the UNL of whoever signs with this key now, or -1. */
int32_t unl_who(const struct node *n, const struct public_key *signing);
const struct public_key *unl_signing_key(const struct node *n);    /* ours */
void unl_manifest(struct node *n, uint32_t peer, struct bytes in); /* peer 0: not from one */
void unl_on_manifests(struct node *n, uint32_t peer, const struct msg *m);
void unl_greet(struct node *n, uint32_t peer);
void hold_set(struct node *n, enum node_hold why, bool on);

/* trust.c */
void trust_changed(struct node *n); /* our UNL is another */
void trust_on_msg(struct node *n, uint32_t peer, const struct msg *m);
void trust_greet(struct node *n, uint32_t peer);
void trust_proved(struct node *n);
void trust_judge(struct node *n); /* also as time passes */
void trust_look_back(struct node *n);

/* clocks.c */
void clocks_heard(struct node *n, uint32_t who, const struct cons_validation *v);
void clocks_built(struct node *n, const struct hash256 *ledger); /* in a round of ours */
void clocks_tick(struct node *n);

/* vote.c */
void vote_propose(struct node *n, const struct cons_position *p);
void vote_validate(struct node *n, const struct held *h, bool full);
/* Keeps a validation of a member for peers that connect. */
void vote_keep(struct node *n, uint32_t who, struct bytes bytes, const struct cons_validation *v);
void vote_late(struct node *n); /* after a commit: a vote that had to wait for it */
/* Parses a validation; who claims to have signed it goes to *who, -1 for a stranger. */
bool vote_parse(const struct node *n, struct bytes bytes, struct cons_validation *v, int32_t *who);
bool vote_signed(struct bytes validation); /* by the key that it names */
bool vote_proposal_signed(const struct node *n, const struct msg *m);
/* Somebody else signs with our key: this process votes no more. */
void vote_key_is_elsewhere(struct node *n, const char *what, uint32_t seq);
/* Whether another one is within the allowance; whoever takes it counts p->used up. */
bool pace_allows(const struct node *n, struct pace *p, uint32_t at_once, int64_t every_ms);
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
void set_fetch(struct node *n, struct txset *s); /* what it lacks, from peers */
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
void sync_on_ledger(struct node *n, uint32_t peer, const struct msg *m);
void sync_on_nak(struct node *n, uint32_t peer, const struct msg *m);
bool sync_verified(struct node *n, struct node_job *j);
bool sync_built(struct node *n, struct node_job *j);
struct steady sync_tick(struct node *n);
void sync_drop(struct node *n);
/* The newest validated ledger becomes the target; what was fetched of a state is kept. */
void sync_move(struct node *n);
void sync_peer_gone(struct node *n, uint32_t peer);
void fetched_free(struct fetched *f); /* NULL is fine */
bool sync_add_txs(struct node *n, struct fetched *f, const struct msg_blobs *txs);
/* Replays continue after a state fetch or a build. */
void sync_advance(struct node *n);

/* cost.c */
/* Whether fetching the difference of the states costs less than replaying the chain and the `left`
 * ledgers before it. */
bool sync_state_is_cheaper(struct node *n, uint32_t left);

/* ahead.c */
/* Asks for ledgers before `seq` down to the one after `floor`, by sequence, of several peers. */
void ahead_ask(struct node *n, uint32_t seq, uint32_t floor);
/* The ledger `seq` if it has come whole and has that hash, taken out; NULL otherwise. */
struct fetched *ahead_take(struct node *n, uint32_t seq, const struct hash256 *hash);
/* Whether it was asked for and has not come yet; until when that is waited for. */
bool ahead_flies(const struct node *n, uint32_t seq, struct steady *until);
bool ahead_on_ledger(struct node *n, uint32_t peer, const struct msg *m); /* false: not asked for */
void ahead_on_nak(struct node *n, uint32_t peer);
void ahead_peer_gone(struct node *n, uint32_t peer);
struct steady ahead_tick(struct node *n);
void ahead_drop(struct sync *s);

/* fill.c */
struct steady fill_tick(struct node *n);
void fill_on_past(struct node *n, uint32_t peer, const struct msg *m);
void fill_on_nak(struct node *n, uint32_t peer, const struct msg *m);
void fill_done(struct node *n, const struct node_job *j);
void fill_peer_gone(struct node *n, uint32_t peer);
void fill_status(const struct node *n, struct node_sync_status *out);
void fill_drop(struct node *n);

/* serve.c */
void serve_past(struct node *n, uint32_t peer, const struct msg *m);
void serve_ledger(struct node *n, uint32_t peer, const struct msg *m);
void serve_nodes(struct node *n, uint32_t peer, const struct msg *m);
void serve_nak(struct node *n, uint32_t peer, enum msg_type request, const struct hash256 *id,
	       enum nak_reason why);
void serve_drop(struct node *n);

/* state.c */
void state_begin(struct node *n, const struct ledger_header *h, const struct hash256 *hash);
void state_on_nodes(struct node *n, uint32_t peer, const struct msg *m);
void state_on_nak(struct node *n, uint32_t peer, const struct msg *m);
void state_peer_gone(struct node *n, uint32_t peer);
void state_retry(struct node *n);
void state_drop(struct node *n);
/* The node is where the network is: what was fetched on the way is not needed any more. */
void state_settled(struct node *n);
void state_log_done(struct node *n, const struct node_job *j);
void state_status(const struct node *n, struct node_sync_status *out);

/* evidence.c */
void evidence_close(struct node *n);
void evidence_members_changed(struct node *n); /* after cfg.unl_n and unl[] were set anew */
/* A member's message whose signature is good; before consensus is told of it. */
void evidence_heard_validation(struct node *n, uint32_t who, const struct cons_validation *v,
			       struct bytes bytes);
void evidence_heard_proposal(struct node *n, uint32_t who, const struct msg *m);
void evidence_greet(struct node *n, uint32_t peer); /* 0: everyone */
void evidence_found(struct node *n, const struct cons_evidence *e);
void evidence_on_msg(struct node *n, uint32_t peer, const struct msg *m);

/* nunl.c */
void nunl_open(struct node *n);
void nunl_close(struct node *n);
void nunl_started(struct node *n);
void nunl_members_changed(struct node *n); /* after cfg.unl_n and unl[] were set anew */
void nunl_heard(struct node *n, uint32_t who, const struct cons_validation *v);
/* Members that count and have validated of late. */
uint32_t nunl_present(const struct node *n);
/* What we vote for in the set of the round that begins, if the next ledger is a flag ledger: at
 * most NUNL_VOTES_MAX pseudo-transactions, which are the caller's. */
#define NUNL_VOTES_MAX 2
uint32_t nunl_votes(struct node *n, struct tx *out[NUNL_VOTES_MAX]);
/* Whether a ledger without a quorum that we know of may have one all the same, because members are
 * disabled that were not when we went away: then it is worth fetching. Such a change takes 256
 * ledgers at least. */
bool nunl_may_count(const struct node *n, const struct hash256 *ledger);
/* That ledger is here. True when, counted with its own negative UNL, it has a quorum; consensus is
 * told then. */
bool nunl_adopt(struct node *n, const struct ledger *l);
/* The last closed ledger is another one: consensus is told who counts. */
void nunl_closed(struct node *n);

/* governance.c */
void governance_open(struct node *n);
void governance_close(struct node *n);
void governance_members_changed(struct node *n); /* after cfg.unl_n and unl[] were set anew */
void governance_wish(struct node *n, const struct node_wishes *w);
/* What a validation of l says of it. */
void governance_say(struct node *n, struct st_object *validation, const struct ledger *l);
/* Our pseudo-transactions in the set of the round that begins: those after a flag ledger, and those
 * of nunl.c; valid until the next call. */
struct tx *const *governance_votes(struct node *n, uint32_t *n_votes);
struct tx *governance_find(const struct node *n, const struct hash256 *id);
/* A pseudo-transaction for ledger seq: its common fields, to which the caller adds; then it whole.
 */
struct st_object *pseudo_begin(struct arena *a, uint16_t type, uint32_t seq);
struct tx *pseudo_end(const struct st_object *o);
/* After a step: is there an amendment, in what was closed or validated, that we do not support? */
void governance_settle(struct node *n);
void governance_status(const struct node *n, struct node_status *out);

/* persist.c */
void persist_want(struct node *n, const struct hash256 *hash, uint32_t seq);
void persist_advance(struct node *n);
void persist_done(struct node *n, struct node_job *j);

/* status.c */
void status_update(struct node *n);
void status_send(struct node *n, uint32_t peer); /* 0: everyone */

#endif
