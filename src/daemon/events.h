/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_EVENTS_H
#define TALLY_DAEMON_EVENTS_H

#include "daemon/config.h"
#include "node/node.h"
#include "rpc/rpc.h"

/* What programs read in the log: a line with fields for the start, each ledger, each round, each
 * slow request, and the end. The keys are a promise; docs/operations.md lists them. */

struct events_start {
	const struct config *config;
	const char *version;
	uint32_t network_id;
	bool standalone, validator, recover;
};
/* Also says what the process may use: descriptors, memory, processors. */
void events_started(const struct events_start *s);
void events_stopped(int exit_code);
/* After an effect of the node was carried out. */
void events_effect(const struct node_effect *e, const struct node *n, struct now now);
/* When a call was answered. Says nothing of what was asked but the method's name. */
void events_done(const struct rpc_done *done, uint32_t slow_ms);

#endif
