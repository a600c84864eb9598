/* SPDX-License-Identifier: ISC */

/* [limits] */
#include "daemon/config_parse.h"

#include <arpa/inet.h>

#define CHARGES_MAX     1000000000
#define REQUESTS_MAX    1000000
#define CONNS_MAX       1000000 /* fewer than the front can number */
#define ACCEPTS_MAX     100000
#define QUEUE_MSGS_MAX  10000000
#define QUEUE_BYTES_MAX (1u << 30)

static enum err set_from(struct config_parse *p, uint32_t *out, const char *v, uint64_t lo,
			 uint64_t hi)
{
	uint64_t x = 0;
	enum err e = config_number(p, &x, v, lo, hi);

	*out = (uint32_t)x;
	return e;
}

static enum err set_u32(struct config_parse *p, uint32_t *out, const char *v, uint64_t hi)
{
	return set_from(p, out, v, 1, hi);
}

enum err config_set_warn_at(struct config_parse *p, const char *v)
{
	return set_u32(p, &p->c->charge.warn_at, v, CHARGES_MAX);
}

enum err config_set_drop_at(struct config_parse *p, const char *v)
{
	return set_u32(p, &p->c->charge.drop_at, v, CHARGES_MAX);
}

enum err config_set_requests_per_second(struct config_parse *p, const char *v)
{
	return set_u32(p, &p->c->charge.requests_per_s, v, REQUESTS_MAX);
}

enum err config_set_request_burst(struct config_parse *p, const char *v)
{
	return set_u32(p, &p->c->charge.burst, v, REQUESTS_MAX);
}

enum err config_set_limit_loopback(struct config_parse *p, const char *v)
{
	return config_yes(p, &p->c->charge.loopback, v);
}

enum err config_add_exempt(struct config_parse *p, const char *v)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, v, &v4) != 1 && inet_pton(AF_INET6, v, &v6) != 1)
		return why_set(&p->why, ERR_INVALID, "\"%s\" is not an address", v);
	if (p->c->n_exempt == CONFIG_LISTS_MAX)
		return config_bad(p, ERR_FULL, "too many addresses");
	p->c->exempt[p->c->n_exempt++] = config_copy(v);
	return ERR_NONE;
}

enum err config_set_connections(struct config_parse *p, const char *v)
{
	return set_u32(p, &p->c->front.connections_max, v, CONNS_MAX);
}

enum err config_set_per_address(struct config_parse *p, const char *v)
{
	return set_from(p, &p->c->front.per_address_max, v, 0, CONNS_MAX);
}

enum err config_set_accepts(struct config_parse *p, const char *v)
{
	return set_from(p, &p->c->front.accepts_per_s, v, 0, ACCEPTS_MAX);
}

enum err config_set_handshake_percent(struct config_parse *p, const char *v)
{
	return set_u32(p, &p->c->front.handshake_percent, v, 100);
}

enum err config_set_requests_at_work(struct config_parse *p, const char *v)
{
	return set_u32(p, &p->c->front.in_flight_max, v, REQUESTS_MAX);
}

/* At least a ledger's worth. */
enum err config_set_queue_messages(struct config_parse *p, const char *v)
{
	return set_from(p, &p->c->front.queue_msgs_max, v, 100, QUEUE_MSGS_MAX);
}

enum err config_set_queue_bytes(struct config_parse *p, const char *v)
{
	return set_from(p, &p->c->front.queue_bytes_max, v, 1 << 20, QUEUE_BYTES_MAX);
}

/* Kept as the system writes it, to be compared. */
enum err config_add_proxy(struct config_parse *p, const char *v)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t raw[16];

	if (inet_pton(AF_INET, v, raw) == 1)
		inet_ntop(AF_INET, raw, text, sizeof(text));
	else if (inet_pton(AF_INET6, v, raw) == 1)
		inet_ntop(AF_INET6, raw, text, sizeof(text));
	else
		return why_set(&p->why, ERR_INVALID, "\"%s\" is not an address", v);
	if (p->c->n_proxies == CONFIG_LISTS_MAX)
		return config_bad(p, ERR_FULL, "too many addresses");
	p->c->proxies[p->c->n_proxies++] = config_copy(text);
	return ERR_NONE;
}
