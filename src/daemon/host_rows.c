/* SPDX-License-Identifier: ISC */
#include "daemon/host_rows.h"

#include "base/limits.h"
#include "os/clock.h"

#include <stdio.h>

uint32_t host_rows_peers(const struct peers *peers, struct rpc_peer *out, uint32_t max)
{
	struct peer_info info[PEERS_MAX];
	uint32_t i, n = peers ? peers_list(peers, info, PEERS_MAX) : 0;

	for (i = 0; i < n && i < max && i < PEERS_MAX; i++) {
		out[i] = (struct rpc_peer){
		    .id = info[i].id,
		    .key = info[i].key,
		    .inbound = info[i].inbound,
		    .rtt_ms = info[i].rtt_ms,
		    .clock_offset_s = info[i].clock_offset_s,
		    .bytes_in = info[i].bytes_in,
		    .bytes_out = info[i].bytes_out,
		    .messages_in = info[i].messages_in,
		    .messages_out = info[i].messages_out,
		    .uptime_s = steady_since(info[i].since, clock_steady()) / 1000,
		};
		snprintf(out[i].address, sizeof(out[i].address), "%s", info[i].address);
	}
	return n;
}

/* Whether a connection ended for what the peer cost. */
static bool for_its_cost(uint32_t end)
{
	return end == PEER_END_SLOW || end == PEER_END_USELESS || end == PEER_END_INVALID ||
	       end == PEER_END_SESSION + SESSION_TOO_FAST ||
	       end == PEER_END_SESSION + SESSION_OVERSIZE ||
	       end == PEER_END_SESSION + SESSION_GARBAGE;
}

void host_rows_traffic(const struct peers *peers, uint32_t lag_ms, struct rpc_traffic *out)
{
	struct peers_stats s = {0};

	if (peers)
		peers_stats_get(peers, &s);
	*out = (struct rpc_traffic){.io_latency_ms = lag_ms};
	for (uint32_t i = 0; i < PEER_END_COUNT; i++) {
		if (i == PEER_END_UNREACHED || i == PEER_END_REFUSED)
			continue; /* never was a peer */
		out->disconnects += s.ended[i];
		if (for_its_cost(i))
			out->disconnects_resources += s.ended[i];
	}
}

void host_rows_storage(struct uv_node *node, struct rpc_storage *out)
{
	struct uv_disk_status s;

	uv_node_disk(node, &s);
	*out = (struct rpc_storage){
	    .stage = uv_disk_stage_name(s.stage),
	    .free_bytes = s.free_bytes,
	    .total_bytes = s.total_bytes,
	    .data_bytes = s.data_bytes,
	    .emergency_bytes = s.emergency_bytes,
	    .check_ledger = s.scrub.ledger,
	    .check_permille = s.scrub.permille,
	    .check_passes = s.scrub.passes,
	    .checked = s.scrub.checked,
	};
}
