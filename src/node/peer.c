/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

/* The peers of this moment: whom to ask, what each may be served, and what has been seen from any.
 */

#define SERVE_BURST  (16 << 20) /* bytes a peer may be served at once */
#define SERVE_PER_MS (16 << 10) /* and on average */
/* The same for all peers together. A node that is looked up counts for 200 bytes besides its own
 * and takes about 3 us: so serving takes at most about a fifth of the loop's time on average. */
#define SERVE_ALL_BURST  (32 << 20)
#define SERVE_ALL_PER_MS (24 << 10)

struct peer *peer_find(struct node *n, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < n->n_peers; i++)
		if (n->peers[i].id == id)
			return &n->peers[i];
	return NULL;
}

/* Better ones have a lower rank: those that may have it, then the honest, then anyone. */
static uint32_t peer_rank(const struct peer *p, uint32_t seq)
{
	return p->lied ? 2 : seq && p->closed_seq < seq;
}

uint32_t peer_pick(struct node *n, uint32_t last, uint32_t seq)
{
	uint32_t i, at = 0, rank;

	if (!n->n_peers)
		return 0;
	for (i = 0; i < n->n_peers; i++)
		if (n->peers[i].id == last)
			at = i + 1;
	if (!last)
		at = (uint32_t)rng_below(&n->rng, n->n_peers);
	for (rank = 0; rank <= 2; rank++)
		for (i = 0; i < n->n_peers; i++) {
			const struct peer *p = &n->peers[(at + i) % n->n_peers];

			if (peer_rank(p, seq) <= rank)
				return p->id;
		}
	return 0;
}

static void forgive(int64_t *served, struct steady *at, struct steady now, int64_t per_ms)
{
	int64_t ms = steady_since(*at, now);

	*at = now;
	*served = ms >= *served / per_ms ? 0 : *served - ms * per_ms;
}

bool peer_may_ask(struct node *n, uint32_t peer)
{
	struct peer *p = peer_find(n, peer);

	if (!p)
		return false;
	forgive(&p->served, &p->forgiven, n->now.steady, SERVE_PER_MS);
	forgive(&n->served_all, &n->served_forgiven, n->now.steady, SERVE_ALL_PER_MS);
	return p->served < SERVE_BURST && n->served_all < SERVE_ALL_BURST;
}

void peer_charge(struct node *n, uint32_t peer, size_t bytes)
{
	struct peer *p = peer_find(n, peer);

	must(p);
	p->served += (int64_t)bytes;
	n->served_all += (int64_t)bytes;
}

void peer_up(struct node *n, uint32_t id, const struct public_key *key)
{
	struct peer *p;

	must(id && !peer_find(n, id));
	if (n->n_peers == PEERS_MAX) {
		fx_drop(n, id, "no room for another peer");
		return;
	}
	p = &n->peers[n->n_peers++];
	*p = (struct peer){.id = id, .key = *key, .forgiven = n->now.steady};
	status_send(n, id);
	unl_greet(n, id);
	trust_greet(n, id);
	vote_greet(n, id);
	pool_greet(n, id);
}

void peer_down(struct node *n, uint32_t id)
{
	struct peer *p = peer_find(n, id);

	if (!p)
		return;
	*p = n->peers[--n->n_peers];
	sync_peer_gone(n, id);
	fill_peer_gone(n, id);
}

void peer_status(struct node *n, uint32_t id, const struct msg *m)
{
	struct peer *p = peer_find(n, id);

	if (!p)
		return;
	p->closed_seq = m->status.closed_seq;
	p->validated_seq = m->status.validated_seq;
	p->validated = m->status.validated;
	p->first = m->status.first;
	p->last = m->status.last;
}

/* ---- seen ids: a ring of the newest with a table over it ---- */

bool seen_has(const struct seen *s, const struct hash256 *id)
{
	return hmap_get(&s->map, id) != NULL;
}

bool seen_add(struct seen *s, const struct hash256 *id)
{
	if (seen_has(s, id))
		return false;
	if (!s->ring)
		s->ring = mem_alloc(s->cap * sizeof(*s->ring));
	if (s->n == s->cap)
		hmap_del(&s->map, &s->ring[s->at]);
	else
		s->n++;
	s->ring[s->at] = *id;
	hmap_put(&s->map, id, s); /* only presence counts */
	s->at = (s->at + 1) % s->cap;
	return true;
}

void seen_clear(struct seen *s)
{
	hmap_clear(&s->map);
	s->n = s->at = 0;
}

void seen_close(struct seen *s)
{
	hmap_close(&s->map);
	mem_free(s->ring);
}
