/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

/* The open ledger and the queue.
 *
 *   verified ──► applies ──► open ledger ──► closed ledger ──► validated, forgotten
 *                   │  ▲
 *     no room: terQUEUED, or terPRE_SEQ and its like: held
 *                   ▼  │ with every new open ledger, oldest first
 *                  queue ──► expired, or a definite failure: forgotten
 *
 * A new closed ledger makes the open one anew: first what was open, in its order, then what waited.
 * When the open ledger is full, only what would have been applied to it may wait with terQUEUED;
 * what waits for something else (an earlier sequence, an account, a fee) has half of the queue. */

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

static bool open_has_room(const struct node *n, const struct tx *t)
{
	return n->open_list.n < LEDGER_TX_MAX &&
	       n->open_list.bytes + t->blob.n <= LEDGER_TX_BYTES_MAX;
}

static bool queue_has_room(const struct node *n, const struct tx *t, enum ter why)
{
	const struct pacct *a = pool_account(n, &t->account);

	if (n->queued.n >= TX_QUEUE_MAX || n->queued.bytes + t->blob.n > TX_QUEUE_BYTES_MAX ||
	    (a && a->n >= TX_HELD_PER_ACCOUNT_MAX))
		return false;
	return why == terQUEUED || (n->held_n < TX_QUEUE_MAX / 2 &&
				    n->held_bytes + t->blob.n <= TX_QUEUE_BYTES_MAX / 2);
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

/* What the open ledger, which has no room, would say to p: terQUEUED if it would be applied, or if
 * it comes next after what its account has in the queue. */
static enum ter try_only(struct node *n, const struct ptx *p)
{
	struct view *v = view_open_sandbox(n->open);
	struct tx_outcome o = tx_apply(v, p->tx, 0, n->open_index, NULL);

	view_close(v);
	if (o.applied)
		return terQUEUED;
	if (o.result == terPRE_SEQ && p->tx->seq == node_next_sequence(n, &p->tx->account))
		return terQUEUED;
	return o.result;
}

/* Queues p, which is in no list, if it may wait; *result becomes why not. */
static bool wait_in_queue(struct node *n, struct ptx *p, struct relay *r, enum ter *result)
{
	uint32_t seq = n->closed->ledger->header.seq + 1;

	if (p->fail_hard) {
		if (*result == terQUEUED)
			*result = telCAN_NOT_QUEUE;
		return false;
	}
	if (expired(n, p->tx)) {
		*result = tefMAX_LEDGER;
		return false;
	}
	if (!p->held_since)
		p->held_since = seq;
	if (!queue_has_room(n, p->tx, *result) || seq - p->held_since > HELD_LEDGERS_MAX) {
		*result = telCAN_NOT_QUEUE_FULL;
		n->count.queue_dropped++;
		return false;
	}
	p->last = *result;
	pool_enter(n, p, PTX_QUEUED);
	/* An earlier sequence may be on its way here from elsewhere, and this one is on the way
	 * of others: they get it now, not one by one. */
	if (*result == terQUEUED || *result == terPRE_SEQ)
		relay_due(n, r, p);
	pool_answer(n, p, *result);
	return true;
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
	pool_enter(n, p, PTX_QUEUED);
	relay_due(n, r, p);
	pool_answer(n, p, terQUEUED);
	n->open_stale = true;
}

/* Applies p, which is in no list, to the open ledger and files it where it belongs; false when it
 * is gone (p freed). */
static bool apply(struct node *n, struct ptx *p, struct relay *r)
{
	struct tx_outcome o = {.result = terQUEUED};
	struct ptx *rival;

	if (open_has_room(n, p->tx))
		o = tx_apply(n->open, p->tx, p->fail_hard ? TX_FAIL_HARD : 0, n->open_index, NULL);
	else
		o.result = p->held_since ? p->last : try_only(n, p);
	if (o.applied) {
		n->open_index++;
		p->fail_hard = false; /* it is out now; from here on it is like any other */
		announce(n, p, o.result);
		p->open_since = p->open_since ? p->open_since : n->closed->ledger->header.seq + 1;
		pool_enter(n, p, PTX_OPEN);
		relay_due(n, r, p);
		pool_answer(n, p, o.result);
		return true;
	}
	if (ter_is_ter(o.result) && wait_in_queue(n, p, r, &o.result))
		return true;
	rival = o.result == tefPAST_SEQ && !p->fail_hard ? gives_way(n, p->tx) : NULL;
	if (rival && queue_has_room(n, p->tx, terQUEUED)) {
		replace(n, rival, p, r);
		return true;
	}
	pool_end(n, p, o.result);
	return false;
}

/* The first of an account's that waits for an earlier sequence and may be next; NULL when none. */
static struct ptx *next_of(struct node *n, const struct account_id *who)
{
	struct pacct *a = pool_account(n, who);
	const struct st_object *root;
	struct ptx *p = a ? a->first : NULL;

	while (p && p->tx->has_ticket)
		p = p->qnext;
	if (!p || p->last == terQUEUED || !open_has_room(n, p->tx))
		return NULL;
	if (view_read(n->open, keylet_account(who), &root) != FOUND)
		return NULL;
	return p->tx->seq <= st_u32_or(root, sfSequence, 0) ? p : NULL;
}

/* After a transaction of this account was applied: its successors that wait may follow. */
static void apply_successors(struct node *n, const struct account_id *who, struct relay *r)
{
	uint32_t bound = TX_HELD_PER_ACCOUNT_MAX;
	struct ptx *p;

	while (bound-- && (p = next_of(n, who))) {
		pool_leave(n, p);
		if (apply(n, p, r) && p->place == PTX_QUEUED)
			return;
	}
}

void open_try(struct node *n, struct ptx *p, struct relay *r)
{
	struct account_id who = p->tx->account;

	pool_leave(n, p);
	if (apply(n, p, r) && p->place == PTX_OPEN)
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
	n->open_index = 0;
}

/* Whether p waits for an earlier sequence that waits here, too: it comes right after that one. */
static bool waits_its_turn(const struct node *n, const struct ptx *p)
{
	const struct pacct *a = pool_account(n, &p->tx->account);
	uint32_t seq = n->closed->ledger->header.seq + 1;

	return p->last == terPRE_SEQ && a && a->first != p && !a->first->tx->has_ticket &&
	       !expired(n, p->tx) && seq - p->held_since <= HELD_LEDGERS_MAX;
}

/* Applies what was open before (in its order) and then what waited, oldest first. A transaction
 * may leave the pool while another is applied: so they are walked by id. */
void pool_rebuild_open(struct node *n)
{
	uint32_t n_open = n->open_list.n, n_queued = n->queued.n, i;
	struct hash256 *open = pool_ids(&n->open_list), *queued = pool_ids(&n->queued);
	struct relay r = {.n = 0};

	n->open_stale = false;
	if (n->closed->ledger->header.seq >= n->put_off_since + PUT_OFF_LEDGERS) {
		n->put_off_since = n->closed->ledger->header.seq;
		seen_clear(&n->put_off);
	}
	new_open_view(n);
	for (i = 0; i < n_open; i++) {
		struct ptx *p = hmap_get(&n->pool, &open[i]);

		pool_leave(n, p);
		p->place = PTX_RETRYING;
	}
	for (i = 0; i < n_open; i++)
		apply(n, hmap_get(&n->pool, &open[i]), &r);
	for (i = 0; i < n_queued; i++) {
		struct ptx *p = hmap_get(&n->pool, &queued[i]);

		if (!p || p->place != PTX_QUEUED)
			continue;
		if (waits_its_turn(n, p))
			relay_due(n, &r, p);
		else
			open_try(n, p, &r);
	}
	mem_free(open);
	mem_free(queued);
	relay_flush(n, &r);
	if (view_failed(n->open))
		node_store_failed(n, "cannot read the state while making the open ledger");
}
