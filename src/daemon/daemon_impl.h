/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_DAEMON_IMPL_H
#define TALLY_DAEMON_DAEMON_IMPL_H

#include "daemon/beside.h"
#include "daemon/daemon.h"
#include "daemon/serve.h"

/* What daemon.c (life) and host.c (what the API asks for) share. */

struct daemon {
	struct beside *beside; /* first: its part of the host finds it there */
	const struct daemon_options *o;
	uv_loop_t loop;
	struct uv_node *node;
	struct rpc *rpc;
	struct rpc_host host;
	struct serve *serve;
	uv_signal_t term, intr, hup;
	uv_timer_t close_every, hard;
	bool stopping, front_gone, node_gone, lists_gone, beside_gone;
	int exit_code;
	char hostname[256];
};

/* host.c */
/* Makes the API, with the daemon as its host. */
void daemon_open_rpc(struct daemon *d);

/* daemon.c */
void daemon_begin_stop(struct daemon *d, const char *reason);

#endif
