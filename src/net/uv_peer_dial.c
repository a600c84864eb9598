/* SPDX-License-Identifier: ISC */
#include "net/uv_peers_impl.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define BACKOFF_MIN_MS 200
#define BACKOFF_MAX_MS 15000
#define ADDRESSES_MAX  16    /* of one name */
#define STEADY_UP_MS   10000 /* a connection that lived so long was a success */

/* Addresses. */

enum err peer_address_split(char *host, size_t size, uint16_t *port, const char *text,
			    struct why *why)
{
	const char *colon = strrchr(text, ':'), *from = text, *to = colon;
	unsigned long value = 0;
	size_t i;

	if (!colon)
		return why_set(why, ERR_INVALID, "'%s': host:port is wanted", text);
	if (text[0] == '[') {
		from = text + 1;
		to = colon - 1;
		if (colon == text || *to != ']')
			return why_set(why, ERR_INVALID, "'%s': [address]:port is wanted", text);
	} else if (memchr(text, ':', (size_t)(colon - text))) {
		return why_set(why, ERR_INVALID, "'%s': write an IPv6 address as [address]:port",
			       text);
	}
	if (to <= from || (size_t)(to - from) >= size)
		return why_set(why, ERR_INVALID, "'%s': no host, or one too long", text);
	for (i = 1; colon[i] >= '0' && colon[i] <= '9' && i < 7; i++)
		value = 10 * value + (unsigned long)(colon[i] - '0');
	if (i == 1 || colon[i] || value > UINT16_MAX)
		return why_set(why, ERR_INVALID, "'%s': bad port", text);
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	*port = (uint16_t)value;
	return ERR_NONE;
}

bool peer_address_numeric(struct sockaddr_storage *out, const char *host, uint16_t port)
{
	memset(out, 0, sizeof(*out));
	return !uv_ip4_addr(host, port, (struct sockaddr_in *)(void *)out) ||
	       !uv_ip6_addr(host, port, (struct sockaddr_in6 *)(void *)out);
}

void peer_place_of(struct peer_place *out, const struct sockaddr *a)
{
	static const uint8_t loop4[4] = {127, 0, 0, 1};
	char host[48] = "?";
	struct culprit loop = culprit_of_ipv4(loop4);

	memset(out, 0, sizeof(*out));
	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;

		(void)uv_ip4_name(in, host, sizeof(host));
		out->culprit = culprit_of_ipv4((const uint8_t *)&in->sin_addr);
		out->network = network_of_ipv4((const uint8_t *)&in->sin_addr);
		snprintf(out->text, sizeof(out->text), "%s:%u", host, ntohs(in->sin_port));
		out->loopback = !memcmp(&out->culprit, &loop, sizeof(loop));
	} else if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)a;

		(void)uv_ip6_name(in, host, sizeof(host));
		out->culprit = culprit_of_ipv6(in->sin6_addr.s6_addr);
		out->network = network_of_ipv6(in->sin6_addr.s6_addr);
		snprintf(out->text, sizeof(out->text), "[%s]:%u", host, ntohs(in->sin6_port));
		out->loopback = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr) ||
				!memcmp(&out->culprit, &loop, sizeof(loop));
	}
}

/* Dialling. */

enum err peer_dial_add(struct peers *p, const char *text, bool fixed, struct peer_dial **out,
		       struct why *why)
{
	struct peer_dial *d, **end = &p->dials;
	uint16_t port;
	char host[sizeof(d->host)];
	enum err e = peer_address_split(host, sizeof(host), &port, text, why);

	if (e)
		return e;
	if (!port)
		return why_set(why, ERR_INVALID, "'%s': port 0 cannot be connected to", text);
	if (p->n_dials >= PEERS_DIALLED_MAX)
		return why_set(why, ERR_FULL, "at most %d addresses", PEERS_DIALLED_MAX);
	d = mem_zalloc(1, sizeof(*d));
	d->p = p;
	d->fixed = fixed;
	d->port = port;
	d->next_at = peers_now(p).steady;
	memcpy(d->host, host, sizeof(host));
	snprintf(d->text, sizeof(d->text), "%s", text);
	while (*end)
		end = &(*end)->next;
	*end = d;
	p->n_dials++;
	if (out)
		*out = d;
	return ERR_NONE;
}

static void forget(struct peer_dial *d)
{
	struct peer_dial **at = &d->p->dials;

	must(!d->resolve && !d->conn);
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	d->p->n_dials--;
	mem_free(d);
}

/* 0.2, 0.3, 0.45 ... 15 s, a quarter more or less by chance, so that nodes started together do not
 * stay in step. */
static int64_t backoff_ms(struct peer_dial *d)
{
	int64_t ms = BACKOFF_MIN_MS;
	uint32_t i;

	for (i = 1; i < d->failures && ms < BACKOFF_MAX_MS; i++)
		ms += ms / 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	return rng_between(&d->p->rng, ms - ms / 4, ms + ms / 4);
}

static void try_later(struct peer_dial *d, struct now now)
{
	int64_t ms;

	d->failures++;
	ms = backoff_ms(d);
	d->next_at = steady_after(now.steady, ms);
	peers_arm(d->p, ms);
}

/* Said once, until there has been a connection again. */
static void failed(struct peer_dial *d, struct now now, const char *reason)
{
	try_later(d, now);
	peers_log(d->p, d->told ? LOG_DEBUG : LOG_INFO, "no connection to %s: %s", d->text, reason);
	d->told = true;
}

void peer_dial_ended(struct peer_dial *d, const struct peer_conn *c, struct now now)
{
	must(d->conn == c);
	d->conn = NULL;
	if (d->to_self) {
		if (d->fixed)
			peers_log(d->p, LOG_WARN, "%s is this node itself: not tried again",
				  d->text);
		return;
	}
	if (d->have_key && peers_find_key(d->p, &d->key)) {
		d->failures = 0; /* there is another connection to it */
		return;
	}
	if (!c->id) {
		failed(d, now, c->reason);
		return;
	}
	if (!c->offence && steady_since(c->since, now.steady) >= STEADY_UP_MS)
		d->failures = 0;
	d->told = false;
	try_later(d, now);
}

static void dial_to(struct peer_dial *d, const struct sockaddr *to)
{
	must(!d->conn);
	d->conn = peer_conn_open(d->p, d);
	peer_conn_dial(d->conn, to);
}

/* A look-up cannot be stopped and may take long, so it is memory of its own. */
struct peer_resolve {
	uv_getaddrinfo_t req;
	struct peer_dial *dial; /* NULL when nobody waits any more */
};

/* One address after another, attempt by attempt. */
static const struct addrinfo *pick_address(const struct addrinfo *list, uint32_t attempt)
{
	const struct addrinfo *a;
	uint32_t n = 0, i;

	for (a = list; a && n < ADDRESSES_MAX; a = a->ai_next)
		n++;
	for (a = list, i = n ? attempt % n : 0; i; i--)
		a = a->ai_next;
	return a;
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct peer_resolve *r = req->data;
	struct peer_dial *d = r->dial;
	const struct addrinfo *a = status ? NULL : list;

	mem_free(r);
	if (d) {
		a = pick_address(a, d->failures);
		d->resolve = NULL;
		if (a)
			dial_to(d, a->ai_addr);
		else
			failed(d, peers_now(d->p), status ? uv_strerror(status) : "no address");
	}
	uv_freeaddrinfo(list);
}

static void resolve(struct peer_dial *d, struct now now)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct peer_resolve *r = mem_zalloc(1, sizeof(*r));
	char port[8];
	int e;

	snprintf(port, sizeof(port), "%u", d->port);
	r->req.data = r;
	r->dial = d;
	e = uv_getaddrinfo(d->p->config.loop, &r->req, on_resolved, d->host, port, &hints);
	if (!e) {
		d->resolve = r;
		return;
	}
	mem_free(r);
	failed(d, now, uv_strerror(e));
}

static void start(struct peer_dial *d, struct now now)
{
	struct sockaddr_storage a;

	if (peer_address_numeric(&a, d->host, d->port))
		dial_to(d, (const struct sockaddr *)&a);
	else
		resolve(d, now);
}

void peer_dial_tick(struct peer_dial *d, struct now now)
{
	int64_t ms = steady_since(now.steady, d->next_at);
	bool there = d->have_key && peers_find_key(d->p, &d->key);

	if (d->conn || d->resolve)
		return;
	if (!d->fixed && (d->to_self || d->failures || there)) {
		forget(d); /* asked for once, tried once */
		return;
	}
	if (d->to_self || there)
		return;
	if (ms > 0)
		peers_arm(d->p, ms);
	else
		start(d, now);
}

void peer_dial_close_all(struct peers *p)
{
	while (p->dials) {
		struct peer_dial *d = p->dials;

		if (d->resolve)
			d->resolve->dial = NULL;
		d->resolve = NULL;
		d->conn = NULL;
		forget(d);
	}
}
