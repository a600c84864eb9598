/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_ATTACK_ATTACK_H
#define TALLY_TESTS_ATTACK_ATTACK_H

#include "base/bytes.h"
#include "tests/attack/crowd.h"

#include <stdio.h>

/* attack: abuses a running node, and measures from outside what that does to everybody else.
 *
 *     witness (this process)     honest clients, a payer or four, the administrator's probe, the
 *        │                       ledger stream of two nodes, /proc of all nodes
 *        ├─ fork ─► scenario     one process each, so that the clients' own times stay true
 *        └─ fork ─► scenario
 *
 *     quiet ──► step 1 ──► after it ──► step 2 ──► after it ...      one line of JSON per phase
 *
 * A step is one scenario or several at the same time: flood,rate=5000+churn. Nothing is judged
 * here: tests/attack/attack.mjs does that. */

#define NODES_MAX 16

struct options {
	struct sockaddr_in http, admin, tls, peer, second;
	bool has_tls, has_peer, has_second;
	char token[128];        /* of the admin listener */
	struct hash256 genesis; /* of the node's network */
	uint32_t network_id;
	int pids[NODES_MAX]; /* the first is the node under attack */
	uint32_t n_pids;
	double quiet_s, settle_s;
	uint32_t accounts; /* generated ones in the genesis */
};

/* A scenario at work: its parameters, and what it found. */
struct job {
	const struct options *o;
	const char *name;
	const char *args; /* "rate=5000,seconds=10" */
	struct buf facts; /* members of a JSON object */
	double began;
};
/* A parameter, or what it is otherwise. */
double job_arg(const struct job *j, const char *name, double otherwise);
void job_fact(struct job *j, const char *name, double value);
/* What the crowd has counted, each name behind the prefix. */
void job_crowd(struct job *j, const char *prefix, const struct crowd *c);
double job_elapsed(const struct job *j);

struct scenario {
	const char *name, *about;
	void (*run)(struct job *j);
};
extern const struct scenario scenarios[];

/* In scen_*.c, one for each row of the table in main.c. */
void scen_connections(struct job *j);
void scen_slowloris(struct job *j);
void scen_flood(struct job *j);
void scen_abuse(struct job *j);
void scen_messages(struct job *j);
void scen_paging(struct job *j);
void scen_subscribers(struct job *j);
void scen_churn(struct job *j);
void scen_malformed(struct job *j);
void scen_tls(struct job *j);
void scen_badsig(struct job *j);
void scen_peers_garbage(struct job *j);
void scen_peers_flood(struct job *j);
void scen_peers_badsig(struct job *j);
void scen_peers_slow(struct job *j);

_Noreturn void die(const char *fmt, ...) PRINTF(1, 2);
double now_s(void);
/* One request of an administrator and its answer's body, blocking; ends the program when there is
 * none. */
void ask(struct buf *out, const struct options *o, const char *body);
/* Sequences of the generated accounts first .. first + n - 1. */
void ask_sequences(uint32_t *out, const struct options *o, const struct account_id *ids,
		   uint32_t n);

/* Numbers of which order statistics are wanted. */
struct samples {
	double *v;
	size_t n, cap;
};
void samples_add(struct samples *s, double v);
/* The value that `part` (0.99) of all are not above; 0 without any. */
double samples_at(struct samples *s, double part);
/* "name":{"n":..,"p50":..,"p99":..,"max":..} */
void samples_put(struct buf *out, const char *name, struct samples *s);
void samples_close(struct samples *s);

#endif
