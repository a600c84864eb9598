/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_RPC_FAKE_NODE_H
#define TALLY_TESTS_RPC_FAKE_NODE_H

#include "rpc/rpc.h"

#include <jansson.h>

/* A node for the API to ask: implements node.h's reading functions, history.h and rpc_host over
 * ledgers in memory that are built by the engine. Clock, entropy and keys are fixed, so that every
 * answer is the same in every run. */
#define FAKE_LEDGERS_MAX 600
#define FAKE_OPEN_MAX    256
#define FAKE_PUSHES_MAX  4096
#define FAKE_SETTINGS    4
#define FAKE_LOG_AREAS   2

struct node {
	bool standalone;
	enum node_state state;
	uint32_t network_id;
	struct ledger *chain[FAKE_LEDGERS_MAX]; /* chain[i] has sequence i + 1 */
	uint32_t n;
	uint32_t validated; /* sequence; 0: none */
	struct rules *rules;
	struct view *open;
	struct tx *open_txs[FAKE_OPEN_MAX];
	uint32_t n_open;
	struct tx *waiting[8]; /* for a later ledger; referenced */
	uint32_t n_waiting;
	uint64_t open_level; /* 0: no more than the base fee */
	uint32_t load;       /* likewise */
	struct public_key unl[5];
	uint32_t unl_n;
	struct manifest manifest; /* of one of them; bytes empty: none is known */
	bool validator;
	bool troubled; /* see node_evidence */
	bool unl_blocked, amendment_blocked, amendment_warned;
	bool counted; /* votes on amendments: 5 members, each id's last digit of them for it */
	struct node_sync_status sync;
	uint64_t steps; /* see node_steps; whoever changes something counts */
};

/* A message that was pushed to a connection. */
struct push {
	uint64_t conn;
	struct rpc_text *text;
};

struct fake {
	struct node node;
	struct history history;
	struct rpc_host host;
	struct rpc *rpc;
	struct net_time clock;
	int64_t steady_ms;
	uint8_t entropy;
	struct public_key node_key;
	/* the last reply */
	struct buf reply;
	int status;
	uint64_t replied; /* request number */
	uint32_t replies;
	/* transactions and closings that wait for fake_answer, when deferred */
	bool deferred;
	struct tx *waiting;
	uint64_t waiting_token;
	bool accept_waits;
	uint64_t accept_token;
	bool stopped;
	int log_level, area_level[FAKE_LOG_AREAS]; /* see struct rpc_host */
	uint32_t rotations;
	/* settings of administrators, as the host keeps them */
	char setting_name[FAKE_SETTINGS][24];
	struct buf setting[FAKE_SETTINGS];
	bool settings_full; /* nothing can be written */
	uint32_t reserved, deletable, checks;
	struct hash256 wanted[AMENDMENT_COUNT]; /* amendments to vote for */
	uint32_t n_wanted;
	bool no_state;        /* history.ledger has pruned everything but the newest */
	enum err history_err; /* all of history fails with it */
	/* More names for the texts of requests (scenario_fill); may be NULL. */
	bool (*names)(const char *name, struct buf *out);
	struct push pushes[FAKE_PUSHES_MAX];
	uint32_t n_pushes;
	uint64_t gone; /* a connection that refuses what is pushed */
	uint64_t next_request;
};

struct fake_options {
	bool network; /* not standalone: five validators, network id 21337 */
	bool no_amendments;
	/* Puts entries into the state of ledger 3; may be NULL. */
	void (*plant)(struct tree *state);
};
/* Ledgers 1 and 2 of the genesis, 3 with what was planted; all validated. */
struct fake *fake_open(const struct fake_options *o);
void fake_close(struct fake *f);

/* Applies to the open ledger, as submit does. */
enum ter fake_apply(struct fake *f, struct tx *tx, struct node_submitted *out);
/* Closes the open ledger. Unvalidated: it is only the last closed one. */
void fake_close_ledger(struct fake *f, bool validated);
/* Adds a validated ledger with this one transaction and nothing else changed. */
void fake_add_ledger(struct fake *f, struct bytes tx, struct bytes meta);
/* Answers what was deferred. */
void fake_answer(struct fake *f);

/* One request as text; the reply stays in f->reply. */
struct fake_via {
	bool websocket, admin;
	uint64_t conn;
};
#define VIA_HTTP  ((struct fake_via){0})
#define VIA_ADMIN ((struct fake_via){.admin = true})
#define VIA_WS    ((struct fake_via){.websocket = true, .conn = 1})
void fake_ask_text(struct fake *f, struct fake_via via, const char *text);
/* The reply as JSON (fails the test when it is none); the caller's reference. What is refused in
 * plain text comes as {"http": status, "text": ...}. */
json_t *fake_ask(struct fake *f, struct fake_via via, const char *text);
/* method with params given as text of an object, by HTTP: the "result". */
json_t *fake_call(struct fake *f, struct fake_via via, const char *method, const char *params);
/* Fails the test unless the reply (or result) is this error; the second asks by HTTP first, as an
 * administrator. */
void fake_assert_error(const json_t *reply, const char *token);
void fake_ask_fails(struct fake *f, const char *method, const char *params, const char *token);
/* Texts pushed to a connection since the last fake_forget_pushes, as JSON; NULL when fewer. */
json_t *fake_pushed(struct fake *f, uint64_t conn, uint32_t i);
uint32_t fake_pushed_count(const struct fake *f, uint64_t conn);
void fake_forget_pushes(struct fake *f);

#endif
