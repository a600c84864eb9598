/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "crypto/hash.h"

/* The way to a ledger, asked for ahead.
 *
 * A ledger's hash is known when the one after it is here, so by hash they come one at a time, each
 * after a round trip. But peers also answer by sequence: the next few ledgers are asked of several
 * peers at once, and what they say is believed when the one after it names its hash. Else it is
 * dropped, and the ledger is asked for by its hash as if it had never come. */

#define WINDOW     48 /* ledgers asked for ahead */
#define PER_PEER   16 /* of one peer */
#define LATE_MS    3000
#define REFUSED_MS 5000 /* a peer that does not answer by sequence is left alone for */
#define BYTES_MAX  (32u << 20)

struct place {
	uint32_t seq;  /* 0: free */
	uint32_t peer; /* asked, or who delivered it */
	struct steady until;
	struct fetched *got;
	size_t bytes; /* of its transactions */
	bool whole;
};

struct ahead {
	struct place place[WINDOW];
	uint32_t refused_by[PEERS_MAX], n_refused;
	struct steady refused_until, at;
	uint32_t next_peer;
};

static void place_free(struct place *p)
{
	fetched_free(p->got);
	*p = (struct place){.seq = 0};
}

void ahead_drop(struct sync *s)
{
	uint32_t i;

	if (!s->ahead)
		return;
	for (i = 0; i < WINDOW; i++)
		place_free(&s->ahead->place[i]);
	mem_free(s->ahead);
	s->ahead = NULL;
}

static struct place *place_of(struct ahead *a, uint32_t seq)
{
	uint32_t i;

	for (i = 0; i < WINDOW; i++)
		if (a->place[i].seq == seq)
			return &a->place[i];
	return NULL;
}

static bool has_refused(const struct ahead *a, uint32_t peer)
{
	uint32_t i;

	for (i = 0; i < a->n_refused; i++)
		if (a->refused_by[i] == peer)
			return true;
	return false;
}

static uint32_t flying(const struct ahead *a, uint32_t peer)
{
	uint32_t i, k = 0;

	for (i = 0; i < WINDOW; i++)
		k += a->place[i].seq && a->place[i].peer == peer && !a->place[i].whole;
	return k;
}

/* A peer that says it has the ledger and is not asked for too many; 0: none. */
static uint32_t pick(struct node *n, struct ahead *a, uint32_t seq)
{
	uint32_t i;

	for (i = 0; i < n->n_peers; i++) {
		const struct peer *p = &n->peers[(a->next_peer + i) % n->n_peers];

		if (p->lied || !p->first || seq < p->first || seq > p->last ||
		    has_refused(a, p->id) || flying(a, p->id) >= PER_PEER)
			continue;
		a->next_peer = (a->next_peer + i + 1) % n->n_peers;
		return p->id;
	}
	return 0;
}

static void send(struct node *n, struct place *p)
{
	struct msg m = {.type = MSG_GET_LEDGER};

	if (p->got) { /* more of one that has come in part */
		m.get_ledger.hash = p->got->hash;
		m.get_ledger.from = p->got->n;
	}
	m.get_ledger.seq = p->seq;
	p->until = steady_after(n->now.steady, LATE_MS);
	fx_send_msg(n, p->peer, 0, &m);
}

static void set_at(struct ahead *a)
{
	uint32_t i;

	a->at = STEADY_NEVER;
	for (i = 0; i < WINDOW; i++)
		if (a->place[i].seq && !a->place[i].whole && a->place[i].until.ms < a->at.ms)
			a->at = a->place[i].until;
}

static size_t bytes_ahead(const struct ahead *a)
{
	size_t sum = 0;
	uint32_t i;

	for (i = 0; i < WINDOW; i++)
		sum += a->place[i].bytes;
	return sum;
}

void ahead_ask(struct node *n, uint32_t seq, uint32_t floor)
{
	struct ahead *a = n->sync.ahead;
	uint32_t i, s;

	if (!a) {
		a = n->sync.ahead = mem_zalloc(1, sizeof(*a));
		a->at = STEADY_NEVER;
	}
	if (n->now.steady.ms >= a->refused_until.ms)
		a->n_refused = 0;
	for (i = 0; i < WINDOW; i++) /* what is no longer ahead; `seq` itself may be on its way */
		if (a->place[i].seq > seq)
			place_free(&a->place[i]);
	for (s = seq - 1; s > floor && s + WINDOW >= seq && bytes_ahead(a) < BYTES_MAX; s--) {
		struct place *p = place_of(a, s) ? NULL : place_of(a, 0);
		uint32_t peer = p ? pick(n, a, s) : 0;

		if (!p)
			continue;
		if (!peer)
			break;
		*p = (struct place){.seq = s, .peer = peer};
		send(n, p);
	}
	set_at(a);
}

struct fetched *ahead_take(struct node *n, uint32_t seq, const struct hash256 *hash)
{
	struct ahead *a = n->sync.ahead;
	struct place *p = a ? place_of(a, seq) : NULL;
	struct fetched *f = NULL;

	if (!p || !p->whole)
		return NULL;
	if (hash256_eq(&p->got->hash, hash)) {
		f = p->got;
		p->got = NULL;
	} else {
		struct peer *liar = peer_find(n, p->peer);

		if (liar)
			liar->lied = true;
	}
	place_free(p);
	set_at(a);
	return f;
}

bool ahead_flies(const struct node *n, uint32_t seq, struct steady *until)
{
	const struct place *p = n->sync.ahead ? place_of(n->sync.ahead, seq) : NULL;

	if (!p || p->whole)
		return false;
	*until = p->until;
	return true;
}

static struct fetched *begin(const struct msg *m, const struct ledger_header *h, uint32_t peer)
{
	struct fetched *f = mem_zalloc(1, sizeof(*f));

	f->hash = m->ledger.hash;
	f->header = *h;
	f->from = peer;
	f->total = m->ledger.total;
	f->txs = mem_zalloc(f->total, sizeof(struct tx *));
	return f;
}

bool ahead_on_ledger(struct node *n, uint32_t peer, const struct msg *m)
{
	struct ahead *a = n->sync.ahead;
	struct ledger_header h;
	struct hash256 hash;
	struct place *p;
	uint64_t bytes = n->sync.bytes;

	if (!a || ledger_header_decode(&h, m->ledger.header) != ERR_NONE || !h.seq)
		return false;
	p = place_of(a, h.seq);
	ledger_header_hash(&hash, &h);
	if (!p || p->peer != peer || p->whole || !hash256_eq(&hash, &m->ledger.hash))
		return false;
	if (!p->got && m->ledger.from == 0 && m->ledger.total <= LEDGER_TX_MAX)
		p->got = begin(m, &h, peer);
	if (!p->got || p->got->n != m->ledger.from || p->got->total != m->ledger.total ||
	    !hash256_eq(&p->got->hash, &hash))
		return false;
	if (!sync_add_txs(n, p->got, &m->ledger.txs)) {
		place_free(p);
		fx_drop(n, peer, "ledger with malformed transactions");
		return true;
	}
	p->bytes += (size_t)(n->sync.bytes - bytes);
	p->whole = p->got->n == p->got->total;
	if (!p->whole && m->ledger.txs.n)
		send(n, p);
	set_at(a);
	return true;
}

static void forsake(struct ahead *a, uint32_t peer)
{
	uint32_t i;

	for (i = 0; i < WINDOW; i++)
		if (a->place[i].seq && a->place[i].peer == peer && !a->place[i].whole)
			place_free(&a->place[i]);
	set_at(a);
}

/* Which of them is not said. */
void ahead_on_nak(struct node *n, uint32_t peer)
{
	struct ahead *a = n->sync.ahead;

	if (!a || !flying(a, peer))
		return;
	forsake(a, peer);
	a->refused_until = steady_after(n->now.steady, REFUSED_MS);
	if (!has_refused(a, peer) && a->n_refused < PEERS_MAX)
		a->refused_by[a->n_refused++] = peer;
}

void ahead_peer_gone(struct node *n, uint32_t peer)
{
	if (n->sync.ahead)
		forsake(n->sync.ahead, peer);
}

/* Those that are late are asked of others when there is next something to ask. */
struct steady ahead_tick(struct node *n)
{
	struct ahead *a = n->sync.ahead;
	uint32_t i;

	if (!a)
		return STEADY_NEVER;
	for (i = 0; n->now.steady.ms >= a->at.ms && i < WINDOW; i++) {
		struct place *p = &a->place[i];

		if (p->seq && !p->whole && n->now.steady.ms >= p->until.ms)
			place_free(p);
	}
	set_at(a);
	return a->at;
}
