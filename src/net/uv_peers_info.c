/* SPDX-License-Identifier: ISC */

/* What is told of peers: who they are, what they cost, why they went. */
#include "net/uv_peers_impl.h"

#include <stdio.h>

uint64_t peers_refused(const struct peers *p)
{
	return p->refused_full;
}

const char *peer_end_name(enum peer_end e)
{
	static const char *const names[PEER_END_COUNT] = {
	    [PEER_END_CONNECTION] = "connection",
	    [PEER_END_UNREACHED] = "unreached",
	    [PEER_END_REPLACED] = "replaced",
	    [PEER_END_SLOW] = "slow",
	    [PEER_END_INVALID] = "invalid_data",
	    [PEER_END_USELESS] = "useless_work",
	    [PEER_END_REFUSED] = "refused",
	    [PEER_END_STOPPING] = "stopping",
	    [PEER_END_SESSION + SESSION_BAD_MAGIC] = "bad_magic",
	    [PEER_END_SESSION + SESSION_WRONG_NETWORK] = "wrong_network",
	    [PEER_END_SESSION + SESSION_WRONG_GENESIS] = "wrong_genesis",
	    [PEER_END_SESSION + SESSION_WRONG_VERSION] = "wrong_version",
	    [PEER_END_SESSION + SESSION_BAD_SIGNATURE] = "bad_signature",
	    [PEER_END_SESSION + SESSION_SELF] = "self",
	    [PEER_END_SESSION + SESSION_WRONG_IDENTITY] = "wrong_identity",
	    [PEER_END_SESSION + SESSION_OVERSIZE] = "oversize",
	    [PEER_END_SESSION + SESSION_GARBAGE] = "garbage",
	    [PEER_END_SESSION + SESSION_HANDSHAKE_TIMEOUT] = "handshake_timeout",
	    [PEER_END_SESSION + SESSION_SILENT] = "silent",
	    [PEER_END_SESSION + SESSION_TOO_FAST] = "too_fast",
	    [PEER_END_SESSION + SESSION_CLOSED] = "closed",
	    [PEER_END_SESSION + SESSION_CLOCK] = "clock",
	};

	return (unsigned)e < PEER_END_COUNT ? names[e] : NULL;
}

void peers_add_up(struct peers_stats *sum, const struct peer_conn *c)
{
	sum->bytes_in += c->bytes_in;
	sum->bytes_out += c->bytes_out;
	sum->messages_in += c->messages_in;
	sum->messages_out += c->messages_out;
	sum->shed += c->shed;
}

void peers_stats_get(const struct peers *p, struct peers_stats *out)
{
	*out = p->gone;
	out->refused_full = p->refused_full;
	for (const struct peer_conn *c = p->conns; c; c = c->next)
		peers_add_up(out, c);
}

uint32_t peers_list(const struct peers *p, struct peer_info *out, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < p->n_up && i < n; i++) {
		const struct peer_conn *c = p->up[i];
		struct peer_info *o = &out[i];

		memset(o, 0, sizeof(*o));
		o->id = c->id;
		o->key = c->key;
		o->inbound = c->inbound;
		memcpy(o->address, c->place.text, sizeof(o->address));
		o->rtt_ms = session_rtt_ms(c->session);
		o->clock_offset_s = session_clock_offset_s(c->session);
		o->bytes_in = c->bytes_in;
		o->bytes_out = c->bytes_out;
		o->messages_in = c->messages_in;
		o->messages_out = c->messages_out;
		o->since = c->since;
	}
	return p->n_up;
}

/* The end. */
