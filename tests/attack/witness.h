/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_ATTACK_WITNESS_H
#define TALLY_TESTS_ATTACK_WITNESS_H

#include "tests/attack/attack.h"

/* The honest side. Eight clients, each from an address of its own, ask for an account four times a
 * second on a connection that stays; four pay, one payment at a time, and ask for it until it is
 * validated; an administrator asks for server_info; two follow the ledger stream, of the node under
 * attack and of another one. A request is due at fixed times, and its time counts from when it was
 * due: a server that stalls does not make itself look fast by being asked less. */

struct node_use { /* from /proc; megabytes, seconds, number */
	double rss_before, rss_max, rss_after, cpu;
	double fds_before, fds_max, fds_after;
};

struct phase {
	char name[200];
	double began, took;
	struct samples info, admin, paid;            /* milliseconds */
	struct samples interval, second;             /* seconds between validated ledgers */
	uint64_t asked, failed;                      /* of info */
	uint64_t refused, closed, late, unconnected; /* why: status, connection, time */
	uint64_t admin_asked, admin_failed;
	uint64_t pay_sent, pay_done, pay_refused, pay_late;
	uint64_t watch_lost; /* streams that were closed */
	struct node_use use[NODES_MAX];
};

struct witness;

struct witness *witness_open(const struct options *o);
void witness_phase(struct witness *w, struct phase *p, const char *name);
void witness_turn(struct witness *w);
/* The phase at hand ends. */
void witness_stop(struct witness *w);
/* Descriptors of the node under attack, now. */
double witness_fds(const struct witness *w);
void witness_close(struct witness *w);
/* Members of a JSON object. */
void phase_put(struct buf *out, struct phase *p);
void phase_close(struct phase *p);

#endif
