/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_DAEMON_H
#define TALLY_DAEMON_DAEMON_H

#include "daemon/config.h"
#include "daemon/lists.h"
#include "node/uv_node.h"

/* Everything put together: node, API and front on one loop. */

#define TALLY_VERSION "0.1.0"
/* The level of the protocol's API spoken: stock clients add NetworkID only from 1.11.0 on. */
#define TALLY_BUILD_VERSION "2.4.0"

struct daemon_options {
	const struct config *config; /* data_dir, listeners, ... */
	const struct genesis *genesis;
	bool standalone;
	bool recover;                 /* damaged data is set aside and fetched again */
	uint32_t close_every_ms;      /* standalone: closes by itself; 0 = only on ledger_accept */
	struct secret_key *validator; /* NULL: none */
	struct bytes manifest;        /* of the validator's token; empty: none */
	struct lists *lists;          /* NULL: standalone */
	struct secret_key *identity;  /* node key */
};

/* Runs until SIGTERM, SIGINT, `stop` or a failure; returns the exit code: 0 after an orderly stop,
 * 1 when it could not start (with *why), 74 when the store failed (at start with *why). Prints one
 * line with the addresses once it serves. */
int daemon_run(const struct daemon_options *o, struct why *why);

#endif
