/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_CHARGE_H
#define TALLY_RPC_CHARGE_H

#include "base/bytes.h"
#include "base/time.h"

/* Who asks too much. Every client address (an IPv4 address, an IPv6 /64) has a balance: what it is
 * charged adds up and decays over 32 s, so that a balance is a rate in charges a second (rippled:
 * DecayingSample.h, Logic.h, resource/Tuning.h).
 *
 *     below warn_at          everything is answered
 *     warn_at .. drop_at     answers carry "warning": "load", and the address gets
 *                            requests_per_s with a burst; what is beyond costs CHARGE_THROTTLED and
 *                            is answered 429, or "slowDown"
 *     from drop_at           its WebSockets are closed, requests and connections refused, until
 *                            the balance is back at half of drop_at
 *
 * Balances outlive connections: an entry is kept until nothing has happened for CHARGE_KEEP_S, so
 * that coming back resets nothing. The table is bounded; when it is full the entry goes that has
 * not been touched for longest. No clock in here: `now` may not run backwards. */

#define CHARGE_WINDOW_S    32
#define CHARGE_WARN_AT     5000
#define CHARGE_DROP_AT     25000
#define CHARGE_PER_S       20
#define CHARGE_BURST       100
#define CHARGE_KEEP_S      300
#define CHARGE_CLIENTS_MAX 65536
#define CHARGE_THROTTLED   100  /* asking on although told to slow down */
#define CHARGE_WARNING     4000 /* added with the first warning of a second */
#define CHARGE_DROP        6000 /* added when dropped */

/* 0 in a field means the default above. */
struct charge_limits {
	uint32_t warn_at, drop_at; /* charges a second; drop_at above warn_at (must) */
	uint32_t requests_per_s, burst;
	bool loopback; /* 127.0.0.0/8 and ::1 are charged as well */
};

enum charge_verdict {
	CHARGE_OK,
	CHARGE_WARN,     /* answer, and say so */
	CHARGE_THROTTLE, /* refuse this one, keep the connection */
	CHARGE_REFUSE,   /* refuse everything */
};

struct charge_stats {
	uint32_t clients; /* in the table */
	uint64_t warned, throttled, dropped, refused;
};

struct charges;
/* limits may be NULL. salt: random, against ground addresses. */
struct charges *charges_open(const struct charge_limits *limits, uint64_t salt);
void charges_close(struct charges *t);

/* An address of clients that are never charged, without port; false when it is none. */
bool charges_exempt(struct charges *t, const char *address);

/* May this address be served now (a request), or connect (charges_may_connect)? Addresses that are
 * no IP address (a Unix socket's peer) and exempt ones always may. */
enum charge_verdict charges_admit(struct charges *t, const char *address, struct steady now);
bool charges_may_connect(const struct charges *t, const char *address, struct steady now);
/* Adds to the balance; the verdict is WARN or OK, or REFUSE for the charge that made it so. */
enum charge_verdict charges_add(struct charges *t, const char *address, uint32_t cost,
				struct steady now);

/* How an address stands, for RateLimit-* and Retry-After. */
struct charge_standing {
	uint32_t balance; /* charges a second */
	uint32_t limit;   /* requests in a burst while throttled */
	uint32_t left;    /* of it */
	uint32_t reset_s; /* until the burst is whole again; when refused: until served again */
	bool refused, charged; /* charged: false for those that are exempt */
};
void charges_standing(const struct charges *t, const char *address, struct steady now,
		      struct charge_standing *out);

/* Calls visit for each address with at least that balance, the longest untouched first. */
void charges_each(const struct charges *t, uint32_t at_least, struct steady now,
		  void (*visit)(void *ctx, const char *address, uint32_t balance, bool refused),
		  void *ctx);
void charges_stats(const struct charges *t, struct charge_stats *out);

#endif
