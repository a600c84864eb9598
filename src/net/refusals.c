/* SPDX-License-Identifier: ISC */
#include "net/refusals.h"

#define IPV4               4
#define IPV6               6
#define IPV6_NETWORK_BYTES 8 /* what one subscriber gets */
#define DOUBLINGS_MAX      4

struct culprit culprit_of_key(const struct public_key *key)
{
	struct culprit c;

	memcpy(c.b, key->b, sizeof(c.b));
	must(c.b[0] != IPV4 && c.b[0] != IPV6); /* no type of key */
	return c;
}

struct culprit culprit_of_ipv4(const uint8_t address[4])
{
	struct culprit c = {{IPV4}};

	memcpy(c.b + 1, address, 4);
	return c;
}

struct culprit culprit_of_ipv6(const uint8_t address[16])
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
	struct culprit c = {{IPV6}};

	if (!memcmp(address, mapped, sizeof(mapped)))
		return culprit_of_ipv4(address + sizeof(mapped));
	memcpy(c.b + 1, address, IPV6_NETWORK_BYTES);
	return c;
}

static bool same(const struct refusal *e, const struct culprit *who)
{
	return e->offences && !memcmp(e->who.b, who->b, sizeof(who->b));
}

/* Its entry, else a free one, else that of the one quiet for longest. */
static struct refusal *entry_for(struct refusals *r, const struct culprit *who)
{
	struct refusal *best = &r->v[0];
	uint32_t i;

	for (i = 0; i < PEERS_REFUSED_MAX; i++) {
		struct refusal *e = &r->v[i];

		if (same(e, who))
			return e;
		if (!best->offences)
			continue;
		if (!e->offences || e->last.ms < best->last.ms)
			best = e;
	}
	*best = (struct refusal){.who = *who};
	return best;
}

int64_t refusals_note(struct refusals *r, const struct culprit *who, bool at_once,
		      struct steady now)
{
	struct refusal *e = entry_for(r, who);
	uint32_t doublings;

	if (e->offences && steady_since(e->last, now) > PEER_OFFENCE_MS)
		e->offences = 0;
	e->offences += at_once && !e->offences ? 2 : 1;
	e->last = now;
	must(e->offences > 0);
	if (e->offences < 2)
		return 0;
	doublings = e->offences - 2 < DOUBLINGS_MAX ? e->offences - 2 : DOUBLINGS_MAX;
	e->until = steady_after(now, (int64_t)PEER_REFUSE_MS << doublings);
	return steady_since(now, e->until);
}

bool refusals_active(const struct refusals *r, const struct culprit *who, struct steady now)
{
	uint32_t i;

	for (i = 0; i < PEERS_REFUSED_MAX; i++)
		if (same(&r->v[i], who))
			return steady_since(now, r->v[i].until) > 0;
	return false;
}
