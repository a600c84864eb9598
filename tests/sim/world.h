/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_WORLD_H
#define TALLY_TESTS_SIM_WORLD_H

#include "base/rng.h"
#include "node/node.h"
#include "tests/sim/decide.h"

/* The simulator: a network of whole nodes in one process. Below the shells they are the objects of
 * tallyd: node machine, consensus, engine, sessions, store. The world is the other shell: virtual
 * clock, network, disks, processes.
 *
 * One event per step; events are ordered by (time, ordinal). Randomness: streams forked from the
 * seed by label (base/rng.h), and decisions (decide.h). Safety is looked at after every step by the
 * observers; the first violation ends the run (world_fail). The same plan gives the same trace, on
 * any compiler, with any memory layout.
 *
 * Nodes are named by letters, 'A' first; validators come before trackers. */

#define WORLD_NODES_MAX 16

enum world_topology { WORLD_MESH, WORLD_HUB, WORLD_RING, WORLD_SCALE_FREE };
/* What clients want beside payments and settings: keys, lists of signers, tickets, who may deposit,
 * deletion, other fees than the usual. */
enum world_load { LOAD_KEYS, LOAD_LISTS, LOAD_TICKETS, LOAD_DEPOSITS, LOAD_DELETES, LOAD_FEES };
#define LOAD_COUNT 6
enum world_store { WORLD_STORE_MEMORY, WORLD_STORE_LMDB };

/* All that a run depends on. plan.c draws one from a seed (swarm); scenarios fill one in. */
struct world_plan {
	uint64_t seed;
	uint32_t validators; /* 1 .. 10 */
	uint32_t trackers;   /* 0 .. 4, without a key */
	uint32_t byzantine;  /* of the validators, the last ones; what they do: actors.h */
	enum world_topology topology;
	uint32_t accounts;         /* generated ones in the genesis */
	uint32_t tx_per_100s;      /* submitted by the clients, over all nodes */
	uint32_t load[LOAD_COUNT]; /* of a thousand of those, so many */
	uint32_t majority_s;       /* an amendment's majority lasts so long; 0: two weeks */
	uint32_t first_ledger; /* the network was empty up to this one; 0: it begins at the first */
	uint32_t duration_ms;  /* with faults; a healed time for liveness follows */
	uint32_t delay_min_ms; /* of a link in good order; an exponential tail of this mean: */
	uint32_t delay_mean_ms;
	uint32_t history; /* ledgers kept by the stores, 0: all */
	uint32_t workers; /* 0, 1, 4: jobs at the same time; 0: at once */
	enum world_store store;
	bool real_signatures; /* else keyed tags that only the owner's key can make */
	bool market;          /* fees as on a public network; else ledgers have room for all */
	bool sessions;        /* sealed channels; else bare frames (consensus-heavy scenarios) */
	bool manual;          /* scenario: no clients and faults but those of the calls below */
	uint32_t rate_ppm[FAULT_COUNT];
	const char *unl[WORLD_NODES_MAX]; /* "ABCDE" for node i; NULL: all validators */
	const char *verbose;              /* NULL, or "" for all nodes, or letters */
};
/* Five validators in a mesh, 10 to 30 ms apart, 20 accounts, sessions, no faults, manual. */
struct world_plan world_defaults(uint64_t seed);

struct world;

struct world *world_open(const struct world_plan *p); /* all nodes are off: world_start */
/* Of the decisions only these fire, see decisions_open. */
struct world *world_open_replay(const struct world_plan *p, const struct decision *only,
				uint32_t n);
void world_close(struct world *w);

/* One event. False at the end of everything, or after a failure. */
bool world_step(struct world *w);
void world_run_ms(struct world *w, int64_t ms); /* returns early after a failure */
int64_t world_now_ms(const struct world *w);
uint64_t world_steps(const struct world *w);
uint64_t world_trace(const struct world *w); /* hash over every event and effect */
const struct world_plan *world_plan(const struct world *w);
struct decisions *world_decisions(struct world *w);

/* ---- failures ---- */
/* property: "P4". The first one is kept, with the time; the run ends. */
void world_fail(struct world *w, const char *property, const char *fmt, ...) PRINTF(3, 4);
const char *world_failure(const struct world *w);         /* NULL: none; "P4 at ...: ..." */
const char *world_failed_property(const struct world *w); /* "P4" */

/* ---- processes ---- */
void world_start(struct world *w, const char *nodes); /* from what their disks hold */
void world_kill(struct world *w, const char *nodes);  /* memory is gone, unsynced writes may be */
void world_stop(struct world *w, const char *nodes);  /* bows out, ends when its jobs are done */
void world_pause(struct world *w, const char *nodes, int64_t ms); /* SIGSTOP, SIGCONT */
/* For nodes that are off: an empty disk; the disk as it was `ledgers` commits ago. */
void world_wipe(struct world *w, const char *nodes);
void world_older_disk(struct world *w, const char *nodes, uint32_t ledgers);
/* Another process, on its own disk, with this validator's key; its letter. */
char world_twin(struct world *w, char node);
bool world_is_up(const struct world *w, uint32_t node);
/* How often this node's disk has lost what was on it: emptied, an older image, beyond repair. */
uint32_t world_disk_losses(const struct world *w, uint32_t node);

/* ---- votes ---- */
/* What a validator votes for, at once and after every start; `amendments` lives as long as the
 * world. */
void world_wish(struct world *w, char node, const struct node_wishes *wishes);
/* Which amendments a node's program can follow, from its next start on; NULL: amendments.def. */
void world_supports(struct world *w, char node, bool (*supports)(const struct hash256 *amendment));

/* ---- network ---- */
void world_partition(struct world *w, const char *groups);     /* "AB|CDE"; the unnamed are alone */
void world_cut(struct world *w, char from, char to, bool cut); /* one direction, silently */
void world_link_delay(struct world *w, char from, char to, int64_t min_ms, int64_t mean_ms);
void world_slow(struct world *w, char node, int64_t ms); /* added to all its messages */
void world_loss(struct world *w, uint32_t ppm);          /* of messages */
void world_reset(struct world *w, char a, char b);       /* the connection ends, and is redialled */
void world_heal(struct world *w);                        /* every network fault ends */
/* The end of a run's faults: no decision fires any more, the network is whole, a quorum of honest
 * validators has its processes, clocks and disks in order (in a mesh the others may stay as they
 * are). Observers are told (healed). */
void world_settle(struct world *w);
void world_finish(struct world *w); /* observers are told (finished) */
/* Whether world_settle() has put this one in order. */
bool world_settled(const struct world *w, uint32_t node);

/* ---- clocks, disks, workers ---- */
void world_clock(struct world *w, char node, int32_t offset_s, int32_t drift_ppm);
enum world_disk { DISK_GOOD, DISK_FULL, DISK_BROKEN, DISK_SLOW, DISK_HELD };
void world_disk(struct world *w, char node, enum world_disk how);
void world_job_ms(struct world *w, char node, enum node_job_kind kind, int64_t ms);

/* ---- anything else that acts by the clock ---- */
/* Calls fn once, `ms` from now (at least 1), between the steps of nodes. From there, and from any
 * observer, everything of this header may be called: what concerns a node happens in a later event.
 */
void world_after(struct world *w, int64_t ms, void (*fn)(void *ctx, struct world *w), void *ctx);
/* An independent stream of the run's seed, for whoever draws much that is no fault. */
struct rng world_rng(const struct world *w, const char *label);

/* ---- clients ---- */
struct world_pay {
	uint32_t from, to; /* generated accounts */
	uint64_t drops;
	uint32_t seq;      /* 0: the next that the world knows of */
	uint32_t last_seq; /* LastLedgerSequence, 0: none */
	uint64_t fee;      /* 0: 10 drops */
};
/* Signed, and handed to a node that is up. */
struct tx *world_payment(struct world *w, const struct world_pay *p); /* the caller's reference */
void world_submit(struct world *w, char node, struct tx *tx, uint64_t token);
/* Not kept when it cannot be applied at once (fail_hard). */
void world_submit_hard(struct world *w, char node, struct tx *tx, uint64_t token);
struct hash256 world_pay(struct world *w, char node, const struct world_pay *p);

/* ---- what Byzantine nodes and hostile peers are made of ---- */
/* Whatever the node would send is given here first, once for each receiver. The function sends what
 * it likes with world_send_as, the original included; NULL: honest again. */
struct world_mangler {
	void *ctx;
	void (*send)(void *ctx, struct world *w, uint32_t from, uint32_t to, const struct msg *m);
	void (*tick)(void *ctx, struct world *w, uint32_t node); /* every 100 ms */
};
void world_mangle(struct world *w, uint32_t node, const struct world_mangler *m);
void world_send_as(struct world *w, uint32_t from, uint32_t to, const struct msg *m);
const struct secret_key *world_key(struct world *w, uint32_t node); /* NULL for trackers */

/* ---- observers: properties, models, counters ---- */
/* Called in the order of their registration; any may be NULL. `node` counts processes by letter;
 * `life` counts its starts. */
struct world_observer {
	void *ctx;
	void (*stepped)(void *ctx, uint32_t node); /* after every step of a node */
	void (*sent)(void *ctx, uint32_t from, uint32_t to, const struct msg *m); /* as it left */
	void (*heard)(void *ctx, uint32_t node, uint32_t from, const struct msg *m);
	/* Durable, reported. Nodes of its trees may still be on the node's disk: read it now, or as
	 * long as the node's process lives. */
	void (*validated)(void *ctx, uint32_t node, struct ledger *l);
	void (*answered)(void *ctx, uint32_t node, const struct node_submitted *a);
	void (*submitted)(void *ctx, uint32_t node, struct tx *tx);
	void (*dropped)(void *ctx, uint32_t node, uint32_t peer, const char *reason);
	void (*effect)(void *ctx, uint32_t node, const struct node_effect *e); /* all of them */
	void (*started)(void *ctx, uint32_t node, uint32_t life);
	void (*ended)(void *ctx, uint32_t node);
	void (*healed)(void *ctx); /* the faults of the run are over: liveness is due */
	void (*finished)(void *ctx);
	void (*closed)(void *ctx); /* by world_close: frees what ctx is */
};
void world_observe(struct world *w, const struct world_observer *o);

/* ---- looking ---- */
struct node *world_node(struct world *w, uint32_t node); /* NULL: off */
const struct history *world_history(struct world *w, uint32_t node);
/* Not Byzantine, neither twin nor twinned. (Who starts from a disk that has lost its votes does so
 * without its key. All of these count against the f that the network bears.) */
bool world_honest(const struct world *w, uint32_t node);
uint32_t world_count(const struct world *w); /* processes, twins included */
uint32_t world_validated(const struct world *w, char node);
uint32_t world_validated_min(const struct world *w); /* of honest running nodes */
uint32_t world_validated_max(const struct world *w);
bool world_hash_at(const struct world *w, uint32_t node, uint32_t seq, struct hash256 *out);
bool world_tx_validated(struct world *w, char node, const struct hash256 *id);
uint64_t world_balance(struct world *w, char node, uint32_t account); /* validated */
struct ledger *world_genesis(const struct world *w); /* where all begins: first_ledger, or 1 */
uint64_t world_drops(const struct world *w);         /* all that exist in the genesis */

#endif
