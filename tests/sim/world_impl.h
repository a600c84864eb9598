/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_WORLD_IMPL_H
#define TALLY_TESTS_SIM_WORLD_IMPL_H

#include "net/lane.h"
#include "net/refusals.h"
#include "net/session.h"
#include "tests/sim/disk.h"
#include "tests/sim/keys.h"
#include "tests/sim/trace.h"
#include "tests/sim/world.h"

/* The inside of a world:
 *
 *   world.c         events: the heap, one step, failures, observers
 *   world_open.c    opening and closing; what scenarios change
 *   world_look.c    looking at it
 *   world_pay.c     transactions of clients
 *   process.c       a process: start, kill, stop; a step of its node, effects
 *   process_jobs.c  its workers and its disk
 *   process_chaos.c what befalls processes
 *   net.c           who is connected to whom: dialling, admission, ticks (as src/net/uv_peers.c)
 *   link.c          one side of a connection: session, lanes (as src/net/uv_peer_conn.c)
 *   link_pipe.c     bytes (or, without sessions, frames) under way
 *   net_chaos.c     what befalls links
 *   clock.c         what a process takes for the time, and what befalls that
 *   trace.c         what happened: a hash, and the newest lines
 *   keys.c          signatures */

#define NET_START 800000000u /* network time when a world begins */

enum what {
	EV_TIMER,     /* of a node */
	EV_PIPE,      /* something arrives at the end of a pipe */
	EV_JOB,       /* a worker is done */
	EV_PEERS,     /* a process' connections: tick */
	EV_CONNECTED, /* a dialled connection, or its refusal */
	EV_PUSH,      /* a message that was held back goes on its way */
	EV_SUBMIT,
	EV_START,
	EV_STOP,
	EV_KILL,
	EV_CALL,    /* world_after */
	EV_CHAOS,   /* once a second: what befalls the network */
	EV_MANGLER, /* a mangler's tick */
	EV_KINDS
};
struct event {
	int64_t at;
	uint64_t order;
	uint8_t what, node, other;
	uint32_t life; /* of the process it is for: dropped when that is over */
	void *p;
};

/* ---- connections ---- */
struct conn;
enum end_state { END_NONE, END_DIALLING, END_SESSION, END_UP, END_CLOSED };
struct end { /* what one side knows of a connection */
	enum end_state state;
	struct conn *conn;
	uint8_t side, node, other;
	bool marked, offence, at_once, forgotten;
	bool pinged;
	bool late;   /* nothing was said that could be wrong */
	uint32_t id; /* of the peer, as the node knows it */
	struct session *session;
	struct lane urgent, bulk;
	struct buf sealed;
	int64_t started, since,
	    stuck_since; /* stuck: -1, or since when its bytes do not get away */
	char reason[WHY_MAX];
};
struct segment {
	struct segment *next;
	int64_t at;
	uint32_t n;
	bool eof;
	struct wire_frame *frame; /* without sessions */
	uint8_t bytes[];
};
struct pipe { /* bytes under way from one end */
	struct segment *first, *last;
	size_t bytes;
	int64_t last_at, free_at; /* the newest one's arrival; when the line is free again */
	uint64_t armed;           /* order of the event that is due for it; 0: none */
};
struct conn {
	struct world *w;
	struct conn *next, *prev; /* of all in the world */
	struct end end[2];        /* the one that dialled first */
	struct pipe pipe[2];      /* from end i */
	uint32_t events;          /* that point here */
	bool damaged;             /* its bytes were changed: nobody is to blame for what follows */
	bool broken;              /* reset: nothing goes through any more */
};
struct link {              /* from one node to another, whatever connections there are */
	bool wired;        /* of the topology: both know each other's address */
	bool cut;          /* by a scenario */
	int64_t cut_until; /* by chance */
	int64_t delay_min, delay_mean;
	int64_t clogged_until, swizzle_from, swizzle_until, narrow_until;
	uint32_t bytes_per_s;      /* 0: no bound */
	uint64_t draws;            /* delays drawn so far */
	struct wire_frame *old[8]; /* messages for replays */
	uint32_t n_old;
};
struct dial {
	uint32_t failures;
	int64_t next_at;
	struct end *end; /* under way, or up */
};

/* ---- processes ---- */
struct sim_clock {
	int64_t world_ms, own_us; /* when the rate last changed */
	int32_t ppm;
	int64_t wall_ms; /* network time less own time, beyond NET_START */
	bool frozen;
	int64_t frozen_ms;
	int64_t wave_ms; /* half a period; 0: none */
	int64_t wave_at;
};
struct work {
	struct node_job *job; /* NULL: pruning */
	int64_t ms;
	bool more;
};
#define WORKS_MAX 256
#define ENDS_MAX  48
struct disk;
struct process {
	struct world *w;
	uint32_t index;
	struct node *node; /* NULL: off */
	struct secret_key *key;
	const struct secret_key *identity;
	uint32_t twin_of; /* UINT32_MAX: none */
	uint32_t life;
	bool newer; /* a node of the next minor version */
	bool in_step, dying, power_lost, stopping, stopped, failed, twinned, mute, healed;
	bool older; /* came back on an older disk */
	struct node_wishes wishes;
	bool (*supports)(const struct hash256 *amendment);
	struct now now; /* of the step that runs */
	struct node_effects fx;
	int64_t timer; /* own time that the node asked for; INT64_MAX: none */
	uint64_t timer_order;
	struct sim_clock clock;
	int64_t paused_until;
	uint32_t fuse; /* events until it dies; 0: lives */
	uint64_t oom;  /* allocations of its next step until one fails; 0: none */
	struct rng rng;
	/* workers */
	struct work *waiting[WORKS_MAX];
	uint32_t n_waiting;
	struct work *busy[WORKS_MAX];
	uint32_t n_busy;
	int64_t job_ms[NODE_JOB_JOIN + 1]; /* -1: as drawn */
	bool pruning;
	struct disk *disk;
	const struct history *history; /* of this life */
	bool disk_ok;
	uint32_t disk_losses; /* world_disk_losses() */
	int64_t disk_checked;
	/* peers */
	struct end *ends[ENDS_MAX]; /* all that are not closed, oldest first */
	uint32_t n_ends, last_id;
	struct dial dial[WORLD_NODES_MAX];
	struct refusals refusals;
	int64_t peers_due, peers_ticked;
	int64_t slow_ms;           /* added to its messages */
	uint32_t read_bytes_per_s; /* 0: as fast as they come */
	int64_t slow_reader_until, read_free_at;
	struct world_mangler mangler;
	bool mangled;
};

struct call {
	void (*fn)(void *ctx, struct world *w);
	void *ctx;
};
struct submit {
	struct tx *tx;
	uint64_t token;
	bool fail_hard;
};

#define OBSERVERS_MAX 32
struct world {
	struct world_plan plan;
	char unl_kept[WORLD_NODES_MAX][WORLD_NODES_MAX + 1];
	uint32_t n;
	struct process p[WORLD_NODES_MAX];
	struct link link[WORLD_NODES_MAX][WORLD_NODES_MAX];
	struct conn *conns;
	struct decisions *decisions;
	struct rng root;
	int64_t now;
	uint64_t order, steps;
	struct event *heap;
	uint32_t n_heap, cap_heap;
	struct genesis genesis;
	struct ledger *first, *second; /* for looking; each process has its own */
	struct ledger *base;           /* what all disks hold at first; NULL: nothing */
	struct public_key keys[WORLD_NODES_MAX];
	uint32_t *account_seq; /* next, by account */
	struct world_observer observers[OBSERVERS_MAX];
	uint32_t n_observers;
	bool wants_sent, wants_heard, wants_stepped, wants_effect; /* any observer has that */
	struct trace trace;
	bool failed;
	char property[8], failure[512];
	int64_t failed_ms;
	uint64_t submitted, lost;
	uint32_t loss_ppm;
	bool healed, faulty_messages; /* some fault of the plan concerns messages */
	uint8_t group[WORLD_NODES_MAX];
	/* what befalls the network for a while (net_chaos.c) */
	int64_t partition_until;
	bool stepping;                            /* amid an event */
	struct hash256 *hash_at[WORLD_NODES_MAX]; /* reported validated, by sequence */
	uint32_t n_hash_at[WORLD_NODES_MAX];
	struct arena arena; /* of messages decoded for observers and manglers */
};

/* world.c */
uint64_t world_push(struct world *w, struct event e);
struct event world_event(const struct process *p, enum what what, int64_t at);
void world_note(struct world *w, uint32_t node, unsigned what, uint32_t a, uint64_t b);
void world_log(struct world *w, uint32_t node, int level, const char *fmt, ...) PRINTF(4, 5);
uint64_t world_mix(uint64_t a, uint64_t b);
void world_drain(struct world *w);
/* Registers what world_hash_at knows. */
void world_keep_hash(struct world *w, uint32_t node, const struct ledger *l);
#define OBSERVE(w, call, ...)                                                                      \
	do {                                                                                       \
		for (uint32_t oi = 0; oi < (w)->n_observers; oi++)                                 \
			if ((w)->observers[oi].call)                                               \
				(w)->observers[oi].call((w)->observers[oi].ctx, ##__VA_ARGS__);    \
	} while (0)

/* process.c */
void process_init(struct world *w, uint32_t i);
void process_close(struct process *p);
void process_start(struct process *p);
void process_kill(struct process *p, bool power_lost); /* at once, or when its step is over */
void process_stop(struct process *p);
void process_step(struct process *p, const struct node_event *ev);
/* After each event of the process: what it wrote goes out, a death that was put off happens. */
void process_turn(struct process *p);
void process_timer(struct process *p, uint64_t order);
void process_ended(struct process *p, bool power_lost);

/* process_jobs.c */
void jobs_start(struct process *p, struct node_job *j);
void jobs_done(struct process *p, struct work *k);
void jobs_drop(struct process *p); /* the process is gone */
void jobs_check_disk(struct process *p);

/* process_chaos.c */
void process_chaos(struct world *w);
/* ms 0: drawn. Nothing happens in scenarios. */
void process_restart_later(struct process *p, int64_t ms);
void process_heal(struct world *w);
bool process_may_spoil(const struct process *p); /* a voter less is within f */
void process_born(struct process *p);            /* before each start: PROC_VERSION, other disks */
void process_speak_newer(struct process *p);

/* clock.c */
void clock_init(struct sim_clock *c);
struct now clock_of(const struct process *p);
/* The world's time when the process' own is `own_ms`. */
int64_t clock_when(const struct process *p, int64_t own_ms);
void clock_set_rate(struct process *p, int32_t ppm);
void clock_chaos(struct world *w);
void clock_heal(struct process *p);

/* net.c */
void net_init(struct world *w);
void net_wire(struct world *w, uint32_t a, uint32_t b);
void net_up(struct process *p); /* a process has started: it dials and listens */
void net_down(struct process *p, bool power_lost);
void net_tick(struct process *p);
void net_arm(struct process *p, int64_t ms);
void net_connected(struct world *w, const struct event *e);
const char *net_admit(struct process *p, struct end *e);
void net_ended(struct process *p, struct end *e);
struct end *net_find(const struct process *p, uint32_t id);
struct end *net_to(const struct process *p, uint32_t other); /* the one that is up */
void net_send(struct process *p, uint32_t peer, uint32_t except, struct wire_frame *f);
/* One message to one node, after manglers, before faults; as it leaves. */
void net_leave(struct process *p, struct end *e, struct wire_frame *f, const struct msg *m);
void net_push(struct world *w, const struct event *e);
void net_flush(struct process *p);
void net_drop(struct process *p, uint32_t peer, const char *reason);
void net_useless(struct process *p, uint32_t peer, uint32_t units);
/* Until when nothing gets from one to the other: 0: open, INT64_MAX: for good. */
int64_t net_blocked(const struct world *w, uint32_t from, uint32_t to);
void net_unblocked(struct world *w); /* what waited goes on */
int64_t net_delay(struct world *w, uint32_t from, uint32_t to);

/* link.c */
struct end *conn_open(struct process *from, uint32_t to);
void conn_accepted(struct conn *c);
void conn_sweep(struct world *w, bool all); /* frees those that are over */
void conn_reset(struct conn *c);
void end_mark(struct end *e, bool offence, const char *reason);
void end_close(struct end *e, bool offence, const char *reason);
void end_forget(struct end *e, bool tell); /* without a word; tell: the system ends it */
void end_queue(struct end *e, struct wire_frame *f);
void end_flush(struct end *e);
void end_tick(struct end *e, struct now now);
void end_message(struct end *e, const struct msg *m);
struct process *end_process(const struct end *e);
void pipe_arm(struct conn *c, int from);
void pipe_held(struct conn *c, int from, uint64_t order, uint64_t again);
void end_read(struct end *e, struct segment *s); /* what has arrived */
void pipe_event(struct conn *c, int from, uint64_t order);
void pipe_heal(struct conn *c, int from);
void pipe_put(struct conn *c, int from, struct bytes b, bool eof, struct wire_frame *frame);

/* net_chaos.c */
void net_chaos(struct world *w);
void net_heal(struct world *w);

#endif
