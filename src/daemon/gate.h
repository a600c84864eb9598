/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_GATE_H
#define TALLY_DAEMON_GATE_H

#include "daemon/config.h"
#include "rpc/rpc.h"
#include "rpc/uv_http.h"

/* Who may be served how much: the charges (rpc/charge.h) of the clients of public listeners.
 * Administrators are never charged, nor loopback and [limits] exempt, unless the configuration says
 * otherwise. */
struct gate;

struct gate *gate_open(const struct config *c);
void gate_close(struct gate *g);

/* Whether a client of this address may connect now. */
bool gate_may_connect(struct gate *g, const char *address);
/* Whether a request may go on. When not, it has been answered here: 429 with Retry-After and
 * RateLimit-*, or "slowDown" on WebSocket, which is also closed (1008) when the address is
 * refused altogether. */
bool gate_admit(struct gate *g, struct front_server *f, struct rpc *r,
		const struct front_request *req, const struct rpc_origin *from);
/* Adds a charge; true: the answer shall carry a warning. */
bool gate_charge(struct gate *g, const struct rpc_origin *from, uint32_t cost);
/* What could not even be parsed by the front. */
void gate_malformed(struct gate *g, const char *address);
/* For the API and the counters; see charges_each. */
const struct charges *gate_charges(const struct gate *g);

#endif
