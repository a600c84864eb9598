/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NET_UV_PEERS_H
#define TALLY_NET_UV_PEERS_H

#include "net/session.h"

#include <uv.h>

/* Peers on a libuv loop: listens, keeps connections to the fixed peers (reconnecting with backoff
 * and jitter), runs a session on each socket, tells the host who is there and what they say. A
 * pair of nodes that dialled each other keeps one connection (the one dialled by the smaller key).
 *
 * Sending never blocks: each peer has two lanes; consensus messages go first and are never shed
 * (a peer for whom 32 MiB of them wait is closed); other messages are dropped oldest first above
 * 4 MiB; a peer whose queue does not move for 15 s is closed. Messages are sealed just before they
 * are written, one write per turn of the loop, so a late proposal overtakes what waits. They are
 * held back as long as the other side's budget (wire.def) has no room for their type.
 *
 * All bad behaviour ends in a closed connection with a logged reason and, for a key or an address
 * that did it twice, a pause before it is accepted again (refusals.h). A network (IPv4 /24, IPv6
 * /56) that connects too fast is cut off before that costs a key exchange. Never refused: reserved
 * and fixed peers' keys; as addresses 127.0.0.1, ::1, and those given as numbers for fixed peers.
 *
 * The process has to ignore SIGPIPE, as any that writes to sockets. */

struct log_field;

struct peer_info {
	uint32_t id; /* counts up, never reused while the process lives */
	struct public_key key;
	bool inbound;
	char address[64]; /* "127.0.0.1:51235", "[::1]:51235" */
	int64_t rtt_ms;   /* -1 unknown */
	int32_t clock_offset_s;
	uint64_t bytes_in, bytes_out;
	uint64_t messages_in, messages_out;
	struct steady since;
};

/* Why connections ended: what the session found, and what this end did. */
enum peer_end {
	PEER_END_CONNECTION, /* it broke, or was closed by the other side without a word */
	PEER_END_UNREACHED,  /* dialled in vain */
	PEER_END_REPLACED,
	PEER_END_SLOW,
	PEER_END_INVALID, /* peers_drop */
	PEER_END_USELESS, /* peers_useless */
	PEER_END_REFUSED, /* not admitted */
	PEER_END_STOPPING,
	PEER_END_SESSION, /* + enum session_end */
	PEER_END_COUNT = PEER_END_SESSION + SESSION_END_COUNT
};
/* "invalid_data" ...; NULL for a number that stands for nothing. */
const char *peer_end_name(enum peer_end e);

/* Since the start, of all connections, also of those that have gone. */
struct peers_stats {
	uint64_t bytes_in, bytes_out, messages_in, messages_out;
	uint64_t shed;         /* messages thrown away because their receiver was slow */
	uint64_t refused_full; /* connections refused for want of a free place */
	uint64_t ended[PEER_END_COUNT];
};

struct peers_host {
	void *ctx;
	void (*peer_up)(void *ctx, uint32_t id, const struct public_key *key, bool inbound);
	void (*peer_down)(void *ctx, uint32_t id, const char *reason);
	void (*message)(void *ctx, uint32_t id, const struct msg *m); /* views: during the call */
	/* level and fields as in os/log.h */
	void (*log)(void *ctx, int level, const char *text, size_t n,
		    const struct log_field *fields);
	struct now (*now)(void *ctx);
	void (*random)(void *ctx, void *p, size_t n);
};

struct peers_config {
	uv_loop_t *loop;
	const char *listen;         /* "host:port", "[v6]:port", port 0 = choose; NULL = none */
	const char *const *connect; /* fixed peers "host:port" */
	uint32_t n_connect;
	uint32_t peers_max; /* inbound and outbound together */
	uint32_t network_id;
	struct hash256 genesis;
	const struct secret_key *identity;
	const struct public_key
	    *reserved; /* keys (UNL nodes' identities, if known) never refused */
	uint32_t n_reserved;
};

struct peers;

/* Binds and begins; ERR_BUSY for a port in use, ERR_INVALID for a bad address, with reason. */
enum err peers_open(struct peers **out, const struct peers_config *c, const struct peers_host *host,
		    struct why *why) MUST_USE;
/* The bound port (useful when 0 was asked for). */
uint16_t peers_port(const struct peers *p);
/* To one peer; false when it is not there (any more). Takes no reference of the caller's. */
bool peers_send(struct peers *p, uint32_t id, struct wire_frame *f);
/* To all but `except` (0: none). */
void peers_broadcast(struct peers *p, uint32_t except, struct wire_frame *f);
/* Tries an address once more, at once (`connect` of the admin API). */
enum err peers_connect(struct peers *p, const char *address, struct why *why) MUST_USE;
/* From now on the holders of these keys find a place and are never refused, and no others. At most
 * PEERS_RESERVED_MAX. */
void peers_reserve(struct peers *p, const struct public_key *keys, uint32_t n);
/* Closes a peer for misbehaviour seen above (invalid data ...) and refuses its key for a while. It
 * says nothing more from now on; peer_down follows from the loop, never from within this call. */
void peers_drop(struct peers *p, uint32_t id, const char *reason);
/* Charges work that a peer caused for nothing (a bad signature, data nobody asked for), in units of
 * one message: PEER_USELESS_PER_SECOND of them are forgiven, many more drop the peer. */
void peers_useless(struct peers *p, uint32_t id, uint32_t units);
/* How many connections were refused for want of a free place. */
uint64_t peers_refused(const struct peers *p);
void peers_stats_get(const struct peers *p, struct peers_stats *out);
/* Copies information on up to n peers, ordered by id; returns how many there are. */
uint32_t peers_list(const struct peers *p, struct peer_info *out, uint32_t n);
/* Sends what is queued as far as the sockets take it, says BYE, closes all, then calls done (on the
 * loop, within about a second). peer_up, peer_down and message are not called any more. May be
 * called from within any of them. peers_close afterwards, also from within done. */
void peers_shutdown(struct peers *p, void (*done)(void *ctx), void *ctx);
void peers_close(struct peers *p);

#endif
