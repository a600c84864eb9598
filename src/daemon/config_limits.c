/* SPDX-License-Identifier: ISC */

/* [limits] */
#include "daemon/config_parse.h"

#include <arpa/inet.h>

#define CHARGES_MAX  1000000000
#define REQUESTS_MAX 1000000

static enum err set_u32(struct config_parse *p, uint32_t *out, const char *v, uint64_t hi)
{
	uint64_t x = 0;
	enum err e = config_number(p, &x, v, 1, hi);

	*out = (uint32_t)x;
	return e;
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
