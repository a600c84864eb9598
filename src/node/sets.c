/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "ledger/tx_set.h"

#include <stdlib.h>

/* Transaction sets: made here, acquired from peers, served.
 *
 * A set travels as its sorted ids, which must hash to its id, then the missing blobs, each of
 * which must hash to its id and parse before it is used. Progress is new verified bytes only: an
 * answer that adds nothing makes the next peer be asked. A set whose acquisition failed is asked
 * for again whenever a trusted proposal names it. */

#define SET_AGAIN_MS    300 /* without progress: ask another peer */
#define SET_TRIES_MAX   24
#define SET_BYTES_MAX   (2 * LEDGER_TX_BYTES_MAX) /* positions after disputes may be unions */
#define SETS_BYTES_MAX  (96u << 20)               /* of all; then the oldest goes */
#define SET_ROUNDS_KEPT 2
#define GET_TXS_MAX     2000
#define TX_DATA_BYTES   (900u << 10)

struct txset *set_find(const struct node *n, const struct hash256 *id)
{
	return hmap_get(&n->sets_by_id, id);
}

static void set_free(struct node *n, struct txset *s)
{
	uint32_t i;

	hmap_del(&n->sets_by_id, &s->id);
	must(n->set_bytes >= s->bytes);
	n->set_bytes -= s->bytes;
	for (i = 0; s->txs && i < s->n; i++)
		tx_unref(s->txs[i]);
	mem_free(s->txs);
	mem_free(s->ids);
	mem_free(s);
}

static bool building_from(const struct node *n, const struct txset *s)
{
	return (n->build_waits && s->txs == n->build.txs) || round_lacks(n, &s->id);
}

/* The oldest goes, but never the one that is being built from. */
static void drop_oldest(struct node *n)
{
	struct txset **at, **oldest = NULL;

	for (at = &n->sets; *at; at = &(*at)->next)
		if (!building_from(n, *at))
			oldest = at;
	if (oldest) {
		struct txset *s = *oldest;

		*oldest = s->next;
		set_free(n, s);
		n->n_sets--;
	}
}

static struct txset *set_new(struct node *n, const struct hash256 *id)
{
	struct txset *s;

	if (n->n_sets >= TXSET_HELD_MAX || n->set_bytes > SETS_BYTES_MAX)
		drop_oldest(n);
	s = mem_zalloc(1, sizeof(*s));
	s->id = *id;
	s->again = STEADY_NEVER;
	s->born = n->closed->ledger->header.seq + 1;
	s->next = n->sets;
	n->sets = s;
	n->n_sets++;
	hmap_put(&n->sets_by_id, id, s);
	return s;
}

/* Sets of rounds that are over hold transactions in memory that nobody asks for any more. */
void set_drop_past(struct node *n)
{
	uint32_t now = n->closed->ledger->header.seq + 1;
	struct txset **at = &n->sets;

	while (*at) {
		struct txset *s = *at;

		if (s->born + SET_ROUNDS_KEPT >= now || building_from(n, s)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		set_free(n, s);
		n->n_sets--;
	}
}

void set_close_all(struct node *n)
{
	while (n->sets) {
		struct txset *s = n->sets;

		n->sets = s->next;
		set_free(n, s);
	}
	n->n_sets = 0;
}

/* Place of a transaction in a set, -1 when it is not in it. */
static int64_t set_index(const struct txset *s, const struct hash256 *id)
{
	const struct hash256 *p = s->ids ? bsearch(id, s->ids, s->n, sizeof(*id), hash256_qsort_cmp)
					 : NULL;

	return p ? p - s->ids : -1;
}

static struct tx *find_tx(const struct node *n, const struct hash256 *id)
{
	struct tx *t = pool_find(n, id);
	const struct txset *s;

	if (!t)
		t = governance_find(n, id);
	for (s = n->sets; s && !t; s = s->next) {
		int64_t i = set_index(s, id);

		if (i >= 0)
			t = s->txs[i];
	}
	return t;
}

static void set_list(struct txset *s, const struct hash256 *ids, uint32_t n_ids)
{
	must(!s->ids);
	s->ids = mem_alloc((n_ids + 1) * sizeof(*ids));
	if (n_ids)
		memcpy(s->ids, ids, n_ids * sizeof(*ids));
	s->txs = mem_zalloc(n_ids, sizeof(struct tx *));
	s->n = s->missing = n_ids;
}

static void put_tx(struct node *n, struct txset *s, uint32_t i, struct tx *t)
{
	must(!s->txs[i] && s->missing > 0);
	s->txs[i] = tx_ref(t);
	s->missing--;
	s->bytes += t->blob.n;
	n->set_bytes += t->blob.n;
}

static void set_fill(struct node *n, struct txset *s)
{
	uint32_t i;

	for (i = 0; i < s->n && s->missing; i++) {
		struct tx *t;

		if (s->txs[i])
			continue;
		t = find_tx(n, &s->ids[i]);
		if (t)
			put_tx(n, s, i, t);
	}
	s->complete = s->missing == 0 && !s->invalid;
}

struct txset *set_make(struct node *n, const struct hash256 *id, const struct hash256 *ids,
		       uint32_t n_ids)
{
	struct txset *s = set_find(n, id);

	if (!s)
		s = set_new(n, id);
	if (!s->ids)
		set_list(s, ids, n_ids);
	if (!s->complete)
		set_fill(n, s);
	if (s->complete && s->wanted) { /* made here while it was being fetched */
		s->wanted = false;
		s->again = STEADY_NEVER;
	}
	return s->complete ? s : NULL;
}

/* ---- acquiring ---- */

static void feed_set(struct node *n, const struct txset *s, bool ok)
{
	struct cons_event ev = {.kind = ok ? CONS_SET : CONS_SET_FAILED};

	ev.set.id = s->id;
	ev.set.ids = ok ? s->ids : NULL;
	ev.set.n = ok ? s->n : 0;
	round_feed(n, &ev);
}

static void give_up(struct node *n, struct txset *s)
{
	s->wanted = false;
	s->again = STEADY_NEVER;
	feed_set(n, s, false);
}

static void finish(struct node *n, struct txset *s)
{
	uint32_t i;

	s->wanted = false;
	s->again = STEADY_NEVER;
	n->count.sets_acquired++;
	for (i = 0; i < s->n; i++)
		pool_take(n, s->txs[i]);
	pool_start_verify(n);
	round_set_here(n, s);
	feed_set(n, s, true);
}

static void ask(struct node *n, struct txset *s)
{
	struct msg m = {.type = MSG_GET_SET};
	struct hash256 want[GET_TXS_MAX];
	uint32_t i, k = 0;

	s->again = steady_after(n->now.steady, SET_AGAIN_MS);
	if (!s->asked)
		return;
	if (!s->ids) {
		m.set.id = s->id;
		fx_send_msg(n, s->asked, 0, &m);
		return;
	}
	for (i = 0; i < s->n && k < GET_TXS_MAX; i++)
		if (!s->txs[i])
			want[k++] = s->ids[i];
	must(k > 0);
	m.type = MSG_GET_TXS;
	m.get_txs.set = s->id;
	m.get_txs.ids = (struct msg_hashes){.v = want, .n = k};
	fx_send_msg(n, s->asked, 0, &m);
}

static void ask_next(struct node *n, struct txset *s)
{
	if (s->invalid || (++s->tries > SET_TRIES_MAX && !round_lacks(n, &s->id))) {
		give_up(n, s);
		return;
	}
	s->asked = peer_pick(n, s->asked, 0);
	ask(n, s);
}

void set_fetch(struct node *n, struct txset *s)
{
	s->wanted = true;
	s->tries = 0;
	ask_next(n, s);
}

void set_want(struct node *n, const struct hash256 *id)
{
	struct txset *s = set_find(n, id);

	if (s && s->complete) {
		feed_set(n, s, true);
		return;
	}
	if (s && s->wanted)
		return;
	if (!s)
		s = set_new(n, id);
	if (hash256_is_zero(id)) {
		set_make(n, id, NULL, 0);
		feed_set(n, s, true);
		return;
	}
	set_fetch(n, s);
}

void set_on_list(struct node *n, uint32_t peer, const struct msg *m)
{
	struct txset *s = set_find(n, &m->set.id);
	struct hash256 id;
	uint32_t i;

	if (!s || !s->wanted || s->ids)
		return; /* not asked for, or late */
	for (i = 1; i < m->set.ids.n; i++)
		if (hash256_cmp(&m->set.ids.v[i - 1], &m->set.ids.v[i]) >= 0) {
			fx_drop(n, peer, "transaction set out of order");
			return;
		}
	tx_set_id(&id, m->set.ids.v, m->set.ids.n);
	if (!hash256_eq(&id, &s->id)) {
		fx_drop(n, peer, "transaction set does not match its id");
		return;
	}
	if (m->set.ids.n > LEDGER_TX_MAX) { /* not the fault of who delivers it */
		s->invalid = true;
		give_up(n, s);
		return;
	}
	set_list(s, m->set.ids.v, m->set.ids.n);
	set_fill(n, s);
	s->asked = peer;
	s->tries = 0;
	s->invalid = s->bytes > SET_BYTES_MAX;
	if (s->invalid)
		give_up(n, s);
	else if (s->complete)
		finish(n, s);
	else
		ask(n, s);
}

/* A blob for whichever wanted sets lack it; false when it is not a transaction at all. */
static bool take_blob(struct node *n, struct bytes blob, bool *used)
{
	struct hash256 id;
	struct txset *s;
	struct tx *t = NULL;

	tx_id(&id, blob);
	for (s = n->sets; s; s = s->next) {
		int64_t i = s->wanted ? set_index(s, &id) : -1;

		if (i < 0 || s->txs[i])
			continue;
		if (!t && tx_parse(&t, blob, NULL) != ERR_NONE) {
			/* the set itself names something that is no transaction */
			s->invalid = true;
			return false;
		}
		put_tx(n, s, (uint32_t)i, t);
		s->invalid |= s->bytes > SET_BYTES_MAX;
		*used = true;
	}
	tx_unref(t);
	return true;
}

/* Ids of the sets being acquired: a list to walk while sets come and go. */
static uint32_t wanted_ids(const struct node *n, struct hash256 ids[TXSET_HELD_MAX])
{
	const struct txset *s;
	uint32_t k = 0;

	for (s = n->sets; s && k < TXSET_HELD_MAX; s = s->next)
		if (s->wanted)
			ids[k++] = s->id;
	return k;
}

void set_on_txs(struct node *n, uint32_t peer, const struct msg *m)
{
	struct hash256 wanted[TXSET_HELD_MAX];
	uint32_t i, n_wanted;
	bool used = false;

	for (i = 0; i < m->txs.n; i++)
		if (!take_blob(n, m->txs.v[i], &used))
			node_log(n, NODE_LOG_WARN,
				 "set: peer %u: a transaction set holds a blob that "
				 "is not a transaction",
				 peer);
	n_wanted = wanted_ids(n, wanted);
	for (i = 0; i < n_wanted; i++) {
		struct txset *s = set_find(n, &wanted[i]);

		if (!s || !s->wanted || !s->ids)
			continue;
		if (s->invalid) {
			ask_next(n, s);
		} else if (!s->missing) {
			s->complete = true;
			finish(n, s);
		} else if (used && s->asked == peer) {
			s->tries = 0;
			ask(n, s);
		}
	}
}

void set_on_nak(struct node *n, uint32_t peer, const struct msg *m)
{
	struct txset *s = set_find(n, &m->nak.id);

	if (s && s->wanted && s->asked == peer)
		s->again = steady_after(n->now.steady, s->tries < n->n_peers ? 0 : SET_AGAIN_MS);
}

struct steady set_tick(struct node *n)
{
	struct hash256 wanted[TXSET_HELD_MAX];
	uint32_t i, n_wanted = wanted_ids(n, wanted);
	struct steady at = STEADY_NEVER;

	for (i = 0; i < n_wanted; i++) {
		struct txset *s = set_find(n, &wanted[i]);

		if (s && s->wanted && n->now.steady.ms >= s->again.ms) {
			ask_next(n, s);
			s = set_find(n, &wanted[i]);
		}
		if (s && s->wanted && s->again.ms < at.ms)
			at = s->again;
	}
	return at;
}

/* ---- serving ---- */

void set_on_get(struct node *n, uint32_t peer, const struct msg *m)
{
	const struct txset *s = set_find(n, &m->set.id);
	struct msg out = {.type = MSG_SET};

	if (!peer_may_ask(n, peer)) {
		serve_nak(n, peer, MSG_GET_SET, &m->set.id, NAK_BUSY);
		return;
	}
	if (!s || !s->ids) {
		serve_nak(n, peer, MSG_GET_SET, &m->set.id, NAK_UNKNOWN);
		return;
	}
	out.set.id = s->id;
	out.set.ids = (struct msg_hashes){.v = s->ids, .n = s->n};
	peer_charge(n, peer, s->n * sizeof(*s->ids));
	fx_send_msg(n, peer, 0, &out);
}

void set_on_get_txs(struct node *n, uint32_t peer, const struct msg *m)
{
	const struct txset *s = set_find(n, &m->get_txs.set);
	struct bytes *blobs;
	struct msg out = {.type = MSG_TX_DATA};
	size_t bytes = 0;
	uint32_t i;

	if (!peer_may_ask(n, peer)) {
		serve_nak(n, peer, MSG_GET_TXS, &m->get_txs.set, NAK_BUSY);
		return;
	}
	out.txs.v = blobs = mem_alloc((m->get_txs.ids.n + 1) * sizeof(*blobs));
	for (i = 0; i < m->get_txs.ids.n; i++) {
		int64_t k = s ? set_index(s, &m->get_txs.ids.v[i]) : -1;
		const struct tx *t = k >= 0 && s->txs[k] ? s->txs[k]
							 : pool_find(n, &m->get_txs.ids.v[i]);

		if (!t)
			continue;
		if (bytes + t->blob.n > TX_DATA_BYTES)
			break; /* the asker asks again for the rest */
		blobs[out.txs.n++] = t->blob;
		bytes += t->blob.n + 8;
	}
	peer_charge(n, peer, bytes);
	if (out.txs.n)
		fx_send_msg(n, peer, 0, &out);
	else
		serve_nak(n, peer, MSG_GET_TXS, &m->get_txs.set, NAK_UNKNOWN);
	mem_free(blobs);
}
