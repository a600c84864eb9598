/* SPDX-License-Identifier: ISC */
#include "rpc/charge.h"

#include "base/hmap.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* After this long nothing is left of a balance worth counting. */
#define WINDOWS_MAX 16

struct client {
	struct hash256 key;
	struct client *prev, *next; /* by last touch, oldest first */
	uint64_t sum;               /* balance * CHARGE_WINDOW_S */
	int64_t at_ms;              /* of the sum, in whole seconds since the first charge */
	int64_t touched_ms, warned_ms;
	uint64_t tokens_ms; /* of the bucket: a request costs 1000 / requests_per_s */
	int64_t tokens_at_ms;
	bool dropped;
	char address[INET6_ADDRSTRLEN];
};

struct charges {
	struct charge_limits limits;
	struct hmap by_key, exempt;
	struct client *first, *last;
	struct charge_stats stats;
};

/* Where an address counts. False: it is no IP address. The map looks at bytes 8 to 15. */
static bool key_of(struct hash256 *key, const char *address, bool *loopback)
{
	struct in6_addr v6;
	struct in_addr v4;

	memset(key, 0, sizeof(*key));
	if (inet_pton(AF_INET, address, &v4) == 1) {
		key->b[0] = 4;
		memcpy(key->b + 8, &v4, 4);
		*loopback = key->b[8] == 127;
		return true;
	}
	if (inet_pton(AF_INET6, address, &v6) != 1)
		return false;
	*loopback = IN6_IS_ADDR_LOOPBACK(&v6);
	if (IN6_IS_ADDR_V4MAPPED(&v6)) {
		key->b[0] = 4;
		memcpy(key->b + 8, &v6.s6_addr[12], 4);
		*loopback = key->b[8] == 127;
		return true;
	}
	key->b[0] = 6;
	memcpy(key->b + 8, &v6, 8);
	return true;
}

/* Whether this address is charged at all. */
static bool charged(const struct charges *t, const char *address, struct hash256 *key)
{
	bool loopback;

	return address && key_of(key, address, &loopback) && (!loopback || t->limits.loopback) &&
	       !hmap_get(&t->exempt, key);
}

struct charges *charges_open(const struct charge_limits *limits, uint64_t salt)
{
	struct charges *t = mem_zalloc(1, sizeof(*t));

	if (limits)
		t->limits = *limits;
	if (!t->limits.warn_at)
		t->limits.warn_at = CHARGE_WARN_AT;
	if (!t->limits.drop_at)
		t->limits.drop_at = CHARGE_DROP_AT;
	if (!t->limits.requests_per_s)
		t->limits.requests_per_s = CHARGE_PER_S;
	if (!t->limits.burst)
		t->limits.burst = CHARGE_BURST;
	must(t->limits.warn_at < t->limits.drop_at);
	hmap_init(&t->by_key, salt);
	hmap_init(&t->exempt, salt);
	return t;
}

static void unlink_client(struct charges *t, struct client *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		t->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		t->last = c->prev;
	c->prev = c->next = NULL;
}

static void link_last(struct charges *t, struct client *c)
{
	c->prev = t->last;
	if (c->prev)
		c->prev->next = c;
	else
		t->first = c;
	t->last = c;
}

static void drop_client(struct charges *t, struct client *c)
{
	unlink_client(t, c);
	hmap_del(&t->by_key, &c->key);
	t->stats.clients--;
	mem_free(c);
}

void charges_close(struct charges *t)
{
	if (!t)
		return;
	while (t->first)
		drop_client(t, t->first);
	hmap_close(&t->by_key);
	hmap_close(&t->exempt);
	mem_free(t);
}

bool charges_exempt(struct charges *t, const char *address)
{
	struct hash256 key;
	bool loopback;

	if (!key_of(&key, address, &loopback))
		return false;
	hmap_put(&t->exempt, &key, t);
	return true;
}

/* The sum as it stands `now`: each second takes away a 32nd of it, rounded up. */
static uint64_t decayed(const struct client *c, struct steady now, int64_t *at_ms)
{
	int64_t seconds = (now.ms - c->at_ms) / 1000;
	uint64_t sum = c->sum;

	*at_ms = c->at_ms + (seconds > 0 ? seconds * 1000 : 0);
	if (seconds > (int64_t)CHARGE_WINDOW_S * WINDOWS_MAX)
		return 0;
	for (; seconds > 0 && sum; seconds--)
		sum -= (sum + CHARGE_WINDOW_S - 1) / CHARGE_WINDOW_S;
	return sum;
}

static uint32_t balance_of(uint64_t sum)
{
	uint64_t b = sum / CHARGE_WINDOW_S;

	return b > UINT32_MAX ? UINT32_MAX : (uint32_t)b;
}

static bool is_refused(const struct charges *t, const struct client *c, uint64_t sum)
{
	return c->dropped && balance_of(sum) > t->limits.drop_at / 2;
}

/* Decays the sum and what follows from it. */
static void settle(struct charges *t, struct client *c, struct steady now)
{
	c->sum = decayed(c, now, &c->at_ms);
	c->dropped = is_refused(t, c, c->sum);
}

static void forget_old(struct charges *t, struct steady now)
{
	while (t->first && now.ms - t->first->touched_ms > (int64_t)CHARGE_KEEP_S * 1000)
		drop_client(t, t->first);
}

static void write_address(struct client *c)
{
	uint8_t v6[16] = {0};

	memcpy(v6, c->key.b + 8, 8);
	if (c->key.b[0] == 4)
		inet_ntop(AF_INET, c->key.b + 8, c->address, sizeof(c->address));
	else
		inet_ntop(AF_INET6, v6, c->address, sizeof(c->address));
}

/* The client, made when it is new, settled and moved to the end of the list. */
static struct client *touch(struct charges *t, const struct hash256 *key, struct steady now)
{
	struct client *c;

	forget_old(t, now);
	c = hmap_get(&t->by_key, key);
	if (c) {
		unlink_client(t, c);
	} else {
		if (t->stats.clients == CHARGE_CLIENTS_MAX)
			drop_client(t, t->first);
		c = mem_zalloc(1, sizeof(*c));
		c->key = *key;
		c->at_ms = c->tokens_at_ms = now.ms;
		c->tokens_ms = (uint64_t)t->limits.burst * 1000;
		c->warned_ms = INT64_MIN / 2;
		write_address(c);
		hmap_put(&t->by_key, key, c);
		t->stats.clients++;
	}
	c->touched_ms = now.ms;
	link_last(t, c);
	settle(t, c, now);
	return c;
}

/* Thousandths of a request that the bucket holds. */
static uint64_t tokens(const struct charges *t, const struct client *c, struct steady now)
{
	uint64_t full = (uint64_t)t->limits.burst * 1000;
	uint64_t have = c->tokens_ms;

	if (now.ms > c->tokens_at_ms)
		have += (uint64_t)(now.ms - c->tokens_at_ms) * t->limits.requests_per_s;
	return have < full ? have : full;
}

static bool take_token(struct charges *t, struct client *c, struct steady now)
{
	c->tokens_ms = tokens(t, c, now);
	c->tokens_at_ms = now.ms;
	if (c->tokens_ms < 1000)
		return false;
	c->tokens_ms -= 1000;
	return true;
}

static enum charge_verdict add(struct charges *t, struct client *c, uint32_t cost,
			       struct steady now)
{
	c->sum += cost;
	if (balance_of(c->sum) >= t->limits.drop_at && !c->dropped) {
		c->sum += CHARGE_DROP;
		c->dropped = true;
		t->stats.dropped++;
		return CHARGE_REFUSE;
	}
	if (balance_of(c->sum) < t->limits.warn_at)
		return CHARGE_OK;
	if (now.ms - c->warned_ms >= 1000) {
		c->warned_ms = now.ms;
		c->sum += CHARGE_WARNING;
		t->stats.warned++;
	}
	return CHARGE_WARN;
}

enum charge_verdict charges_add(struct charges *t, const char *address, uint32_t cost,
				struct steady now)
{
	struct hash256 key;

	if (!charged(t, address, &key))
		return CHARGE_OK;
	return add(t, touch(t, &key, now), cost, now);
}

enum charge_verdict charges_admit(struct charges *t, const char *address, struct steady now)
{
	struct hash256 key;
	struct client *c;
	bool token;

	if (!charged(t, address, &key))
		return CHARGE_OK;
	c = touch(t, &key, now);
	token = take_token(t, c, now);
	if (c->dropped) {
		t->stats.refused++;
		return CHARGE_REFUSE;
	}
	if (balance_of(c->sum) < t->limits.warn_at)
		return CHARGE_OK;
	if (token)
		return CHARGE_WARN;
	t->stats.throttled++;
	return add(t, c, CHARGE_THROTTLED, now) == CHARGE_REFUSE ? CHARGE_REFUSE : CHARGE_THROTTLE;
}

bool charges_may_connect(const struct charges *t, const char *address, struct steady now)
{
	struct hash256 key;
	const struct client *c;
	int64_t at;

	if (!charged(t, address, &key))
		return true;
	c = hmap_get(&t->by_key, &key);
	return !c || !is_refused(t, c, decayed(c, now, &at));
}

/* Seconds until the sum has decayed to a balance of no more than `to`. */
static uint32_t seconds_to(uint64_t sum, uint32_t to)
{
	uint32_t s = 0;

	for (; balance_of(sum) > to; s++)
		sum -= (sum + CHARGE_WINDOW_S - 1) / CHARGE_WINDOW_S;
	return s;
}

void charges_standing(const struct charges *t, const char *address, struct steady now,
		      struct charge_standing *out)
{
	struct hash256 key;
	const struct client *c;
	uint64_t sum, have, missing;
	int64_t at;

	*out = (struct charge_standing){.limit = t->limits.burst, .left = t->limits.burst};
	if (!charged(t, address, &key))
		return;
	out->charged = true;
	c = hmap_get(&t->by_key, &key);
	if (!c)
		return;
	sum = decayed(c, now, &at);
	have = tokens(t, c, now);
	missing = (uint64_t)t->limits.burst * 1000 - have;
	out->balance = balance_of(sum);
	out->left = (uint32_t)(have / 1000);
	out->refused = is_refused(t, c, sum);
	if (out->refused)
		out->reset_s = seconds_to(sum, t->limits.drop_at / 2);
	else
		out->reset_s = (uint32_t)((missing / t->limits.requests_per_s + 999) / 1000);
}

void charges_each(const struct charges *t, uint32_t at_least, struct steady now,
		  void (*visit)(void *ctx, const char *address, uint32_t balance, bool refused),
		  void *ctx)
{
	for (const struct client *c = t->first; c; c = c->next) {
		int64_t at;
		uint64_t sum = decayed(c, now, &at);

		if (balance_of(sum) >= at_least)
			visit(ctx, c->address, balance_of(sum), is_refused(t, c, sum));
	}
}

void charges_stats(const struct charges *t, struct charge_stats *out)
{
	*out = t->stats;
}
