/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

/* The open ledger and what waits for one.
 *
 *   verified ──► pays enough, applies ──► open ledger ──► closed ledger ──► validated, forgotten
 *     │  │                    ▲  ▲
 *     │  └─ pays less: queue ─┘  │  by fee (txq.h)
 *     │                          │
 *     └─ terPRE_SEQ and its like: held, tried again with every new open ledger, oldest first
 *
 * A new closed ledger makes the open one anew: first what was open, in its order and whatever it
 * pays; then what the queue gives; then what was held. What is held waits for something else than
 * room (an earlier sequence, an account, a balance), or for a place in its account's queue. */

#define FRAME_TXS_BYTES 200000
/* What is still pending so many ledgers after it went out goes out again, so many in each ledger: a
 * peer may have lost it with its memory, or we with a connection. */
#define RELAY_AGAIN     5
#define RELAY_AGAIN_MAX 1024

/* What was refused, but not for good (an earlier sequence did not come, there was no room), may be
 * told again by those who still have it, after so many ledgers. */
#define PUT_OFF_LEDGERS 4

/* ---- relay: what became good in this step goes out in few frames ---- */

void relay_flush(struct node *n, struct relay *r)
{
	struct bytes blobs[RELAY_MAX];
	struct msg m = {.type = MSG_TXS, .txs = {.v = blobs, .n = r->n}};
	uint32_t i;

	if (!r->n)
		return;
	for (i = 0; i < r->n; i++)
		blobs[i] = r->txs[i]->blob;
	fx_send_msg(n, r->to, r->from, &m);
	for (i = 0; i < r->n; i++)
		tx_unref(r->txs[i]);
	r->n = 0;
	r->bytes = 0;
}

void relay_put(struct node *n, struct relay *r, struct tx *t, uint32_t from)
{
	if (r->n &&
	    (r->from != from || r->n == RELAY_MAX || r->bytes + t->blob.n > FRAME_TXS_BYTES))
		relay_flush(n, r);
	must(r->n < RELAY_MAX);
	r->from = from;
	r->txs[r->n++] = tx_ref(t);
	r->bytes += t->blob.n + WIRE_BLOB_HEAD_MAX;
}

static void relay_due(struct node *n, struct relay *r, struct ptx *p)
{
	uint32_t seq = n->closed->ledger->header.seq + 1;

	if (p->relayed && (seq < p->relayed_in + RELAY_AGAIN || r->again == RELAY_AGAIN_MAX))
		return;
	if (p->relayed)
		r->again++;
	else
		n->count.tx_relayed++;
	relay_put(n, r, p->tx, p->relayed ? 0 : p->from);
	p->relayed = true;
	p->relayed_in = seq;
}

/* ---- room ---- */

static bool may_hold(const struct node *n, const struct tx *t)
{
	const struct pacct *a = pool_account(n, &t->account);

	return n->waiting.n < TX_HELD_MAX && n->waiting.bytes + t->blob.n <= TX_HELD_BYTES_MAX &&
	       (!a || a->n < TX_HELD_PER_ACCOUNT_MAX);
}

static struct txq_open open_now(const struct node *n, bool again)
{
	return (struct txq_open){.view = n->open,
				 .txs = n->open_list.n,
				 .bytes = n->open_list.bytes,
				 .load = again ? FEE_LEVEL_BASE : load_factor(&n->load)};
}

static bool expired(const struct node *n, const struct tx *t)
{
	return t->last_ledger && t->last_ledger < n->closed->ledger->header.seq + 1;
}

/* ---- one transaction ---- */

static void announce(struct node *n, struct ptx *p, enum ter result)
{
	struct node_effect *e;

	if (p->announced)
		return;
	p->announced = true;
	e = fx_new(n, NODE_FX_TX_PROPOSED);
	e->proposed.tx = tx_ref(p->tx);
	e->proposed.result = result;
}

/* p, which is in no list, was applied. */
static void file_open(struct node *n, struct ptx *p, struct relay *r, enum ter result)
{
	p->fail_hard = false; /* it is out now; from here on it is like any other */
	announce(n, p, result);
	p->open_since = p->open_since ? p->open_since : n->closed->ledger->header.seq + 1;
	pool_enter(n, p, PTX_OPEN);
	relay_due(n, r, p);
	pool_answer(n, p, result);
}

/* The queue has taken p, which is in no list. */
static void file_queued(struct node *n, struct ptx *p, struct relay *r)
{
	pool_enter(n, p, PTX_QUEUED);
	relay_due(n, r, p);
	pool_answer(n, p, terQUEUED);
}

/* Something has left the queue while another was looked at, or with a new ledger. */
void pool_left_queue(void *ctx, struct tx *t, bool applied, enum ter result)
{
	struct node *n = ctx;
	struct ptx *p = hmap_get(&n->pool, &t->id);

	must(p && p->place == PTX_QUEUED && n->relay);
	pool_leave(n, p);
	p->place = PTX_RETRYING;
	if (applied) {
		file_open(n, p, n->relay, result);
		return;
	}
	n->count.queue_dropped += result == telCAN_NOT_QUEUE_FULL;
	pool_end(n, p, result);
}

/* Holds p, which is in no list, if it may wait; *result becomes why not. */
static bool hold(struct node *n, struct ptx *p, struct relay *r, enum ter *result)
{
	uint32_t seq = n->closed->ledger->header.seq + 1;

	if (p->fail_hard)
		return false;
	if (expired(n, p->tx)) {
		*result = tefMAX_LEDGER;
		return false;
	}
	if (!p->held_since)
		p->held_since = seq;
	if (!may_hold(n, p->tx) || seq - p->held_since > HELD_LEDGERS_MAX) {
		*result = telCAN_NOT_QUEUE_FULL;
		n->count.queue_dropped++;
		return false;
	}
	p->last = *result;
	pool_enter(n, p, PTX_HELD);
	/* An earlier sequence may be on its way here from elsewhere, and this one is on the way
	 * of others: they get it now, not one by one. */
	if (*result == terPRE_SEQ)
		relay_due(n, r, p);
	pool_answer(n, p, *result);
	return true;
}

/* What was taken once, and only finds no place now, waits for one. */
static bool had_a_place(const struct ptx *p, enum ter result)
{
	return (p->held_since || p->open_since) &&
	       (result == telCAN_NOT_QUEUE_FULL || result == telCAN_NOT_QUEUE);
}

/* Two transactions for one sequence, each first with half of the validators, would keep each other
 * out of all ledgers. One that has been in the open ledger for so long, and got into none, gives
 * way to another with a smaller id: so all decide alike, whichever they heard of first (rippled
 * puts what was disputed into the next open ledger in canonical order, RCLConsensus.cpp doAccept).
 */
#define GIVES_WAY_LEDGERS 2

static struct ptx *gives_way(const struct node *n, const struct tx *t)
{
	uint32_t seq = n->closed->ledger->header.seq + 1;
	struct ptx *q;

	for (q = t->has_ticket ? NULL : n->open_list.first; q; q = q->next)
		if (q->tx->seq == t->seq && account_eq(&q->tx->account, &t->account))
			break;
	return q && !q->tx->has_ticket && seq >= q->open_since + GIVES_WAY_LEDGERS &&
		       hash256_cmp(&t->id, &q->tx->id) < 0
		   ? q
		   : NULL;
}

/* p, which is in no list, takes the place of q: in the next open ledger, which is due. */
static void replace(struct node *n, struct ptx *q, struct ptx *p, struct relay *r)
{
	pool_leave(n, q);
	pool_end(n, q, tefPAST_SEQ);
	p->held_since = n->closed->ledger->header.seq + 1;
	p->last = terQUEUED;
	pool_enter(n, p, PTX_HELD);
	relay_due(n, r, p);
	pool_answer(n, p, terQUEUED);
	n->open_stale = true;
}

/* Applies p, which is in no list, to the open ledger or queues it. What was in the open ledger
 * before, or in somebody's proposal, need not pay for its place again. */
static struct tx_outcome bring_in(struct node *n, struct ptx *p, struct relay *r)
{
	bool again = p->open_since || p->held_since;
	struct txq_open o = open_now(n, again);
	unsigned flags = p->fail_hard ? TX_FAIL_HARD : 0;
	struct tx_outcome out;

	n->relay = r;
	p->place = PTX_RETRYING;
	if ((p->open_since || p->proposed) && txq_has_room(&o, p->tx))
		out = txq_apply(&o, p->tx, flags);
	else
		out = txq_try(&n->txq, &o, p->tx, flags);
	if (out.applied)
		txq_overtaken(&n->txq, p->tx);
	n->relay = NULL;
	return out;
}

/* Brings p, which is in no list, to where it belongs; false when it is gone (p freed). */
static bool apply(struct node *n, struct ptx *p, struct relay *r)
{
	struct tx_outcome o = bring_in(n, p, r);
	struct ptx *rival;

	if (o.applied) {
		file_open(n, p, r, o.result);
		return true;
	}
	if (o.result == terQUEUED) {
		file_queued(n, p, r);
		return true;
	}
	if (had_a_place(p, o.result))
		o.result = terPRE_SEQ;
	if (ter_is_ter(o.result) && hold(n, p, r, &o.result))
		return true;
	rival = o.result == tefPAST_SEQ && !p->fail_hard ? gives_way(n, p->tx) : NULL;
	if (rival && may_hold(n, p->tx)) {
		replace(n, rival, p, r);
		return true;
	}
	pool_end(n, p, o.result);
	return false;
}

/* The first of an account's that is held for an earlier sequence and may be next; NULL when
 * none. */
static struct ptx *next_of(struct node *n, const struct account_id *who)
{
	struct pacct *a = pool_account(n, who);
	const struct st_object *root;
	struct ptx *p = a ? a->first : NULL;

	while (p && p->tx->has_ticket)
		p = p->qnext;
	if (!p || p->last == terQUEUED)
		return NULL;
	if (view_read(n->open, keylet_account(who), &root) != FOUND)
		return NULL;
	return p->tx->seq <= txq_next_sequence(&n->txq, who, st_u32_or(root, sfSequence, 0)) ? p
											     : NULL;
}

/* After a transaction of this account was taken: its successors that are held may follow. */
static void apply_successors(struct node *n, const struct account_id *who, struct relay *r)
{
	uint32_t bound = TX_HELD_PER_ACCOUNT_MAX;
	struct ptx *p;

	while (bound-- && (p = next_of(n, who))) {
		pool_leave(n, p);
		if (apply(n, p, r) && p->place == PTX_HELD)
			return;
	}
}

void open_try(struct node *n, struct ptx *p, struct relay *r)
{
	struct account_id who = p->tx->account;

	pool_leave(n, p);
	if (apply(n, p, r) && p->place != PTX_HELD)
		apply_successors(n, &who, r);
}

/* ---- a new open ledger ---- */

struct hash256 *pool_ids(const struct ptx_list *l)
{
	struct hash256 *ids = mem_alloc((l->n ? l->n : 1) * sizeof(*ids));
	const struct ptx *p;
	uint32_t i = 0;

	for (p = l->first; p; p = p->next)
		ids[i++] = p->tx->id;
	must(i == l->n);
	return ids;
}

static void new_open_view(struct node *n)
{
	const struct ledger *l = n->closed->ledger;
	struct view_info info = {
	    .seq = l->header.seq + 1,
	    .parent_close = l->header.close,
	    .parent_hash = l->hash,
	    .network_id = n->cfg.network_id,
	    .open = true,
	};

	rules_unref(n->rules);
	n->rules = NULL;
	if (rules_read(&l->state, &n->rules) != FOUND ||
	    ledger_fees_read(&l->state, &n->fees) != FOUND) {
		node_store_failed(n, "cannot read the state of the last closed ledger");
		if (!n->rules)
			n->rules = rules_of_list(NULL, 0);
	}
	info.rules = n->rules;
	info.fees = n->fees;
	view_close(n->open);
	n->open = view_open_tree(&l->state, &info);
}

/* The queue learns of the closed ledger, once: the new view has its state. */
static void tell_queue(struct node *n)
{
	const struct held *h = n->closed;
	uint64_t *levels;

	if (hash256_eq(&n->queue_closed, &h->ledger->hash))
		return;
	n->queue_closed = h->ledger->hash;
	levels = mem_alloc((h->n_txs + 1) * sizeof(*levels));
	for (uint32_t i = 0; i < h->n_txs; i++)
		levels[i] = fee_level_of(h->txs[i], n->open);
	txq_closed(&n->txq, levels, h->n_txs, n->closed_slow, h->ledger->header.seq);
	n->closed_slow = false;
	mem_free(levels);
}

static void take_from_queue(struct node *n)
{
	struct txq_open o = open_now(n, true);

	txq_accept(&n->txq, &o, &n->closed->ledger->hash);
}

/* Whether p waits for an earlier sequence that waits here, too: it comes right after that one. */
static bool waits_its_turn(const struct node *n, const struct ptx *p)
{
	const struct pacct *a = pool_account(n, &p->tx->account);
	uint32_t seq = n->closed->ledger->header.seq + 1;

	return p->last == terPRE_SEQ && a && a->first != p && !a->first->tx->has_ticket &&
	       !expired(n, p->tx) && seq - p->held_since <= HELD_LEDGERS_MAX;
}

/* What was open before, in its order: by id, because a transaction may leave the pool while
 * another is applied. */
static void reopen(struct node *n, struct relay *r)
{
	uint32_t n_open = n->open_list.n, i;
	struct hash256 *ids = pool_ids(&n->open_list);

	for (i = 0; i < n_open; i++) {
		struct ptx *p = hmap_get(&n->pool, &ids[i]);

		pool_leave(n, p);
		p->place = PTX_RETRYING;
	}
	for (i = 0; i < n_open; i++)
		apply(n, hmap_get(&n->pool, &ids[i]), r);
	mem_free(ids);
}

static void try_held(struct node *n, struct relay *r)
{
	uint32_t n_held = n->waiting.n, i;
	struct hash256 *ids = pool_ids(&n->waiting);

	for (i = 0; i < n_held; i++) {
		struct ptx *p = hmap_get(&n->pool, &ids[i]);

		if (!p || p->place != PTX_HELD)
			continue;
		if (waits_its_turn(n, p))
			relay_due(n, r, p);
		else
			open_try(n, p, r);
	}
	mem_free(ids);
}

/* What waits in the queue is told again, too. */
static void relay_queued(struct node *n, struct relay *r)
{
	struct ptx *p;

	for (p = n->queued.first; p; p = p->next)
		relay_due(n, r, p);
}

void pool_rebuild_open(struct node *n)
{
	struct relay r = {.n = 0};

	n->open_stale = false;
	if (n->closed->ledger->header.seq >= n->put_off_since + PUT_OFF_LEDGERS) {
		n->put_off_since = n->closed->ledger->header.seq;
		seen_clear(&n->put_off);
	}
	new_open_view(n);
	n->relay = &r;
	tell_queue(n);
	reopen(n, &r);
	n->relay = &r;
	take_from_queue(n);
	n->relay = NULL;
	try_held(n, &r);
	relay_queued(n, &r);
	relay_flush(n, &r);
	if (view_failed(n->open))
		node_store_failed(n, "cannot read the state while making the open ledger");
}
