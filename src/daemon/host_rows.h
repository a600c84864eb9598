/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_HOST_ROWS_H
#define TALLY_DAEMON_HOST_ROWS_H

#include "node/uv_node.h"
#include "rpc/rpc.h"

/* What the API shows of peers and disk, in its own terms. peers may be NULL: there are none. */
uint32_t host_rows_peers(const struct peers *peers, struct rpc_peer *out, uint32_t max);
void host_rows_traffic(const struct peers *peers, uint32_t lag_ms, struct rpc_traffic *out);
void host_rows_storage(struct uv_node *node, struct rpc_storage *out);

#endif
