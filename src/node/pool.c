/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

/* Pending transactions: admission and verification (what the open ledger does with them: open.c).
 *
 * Every transaction is hashed first, so that one that is known costs half a microsecond; then
 * parsed, checked in a batch on a worker, applied to the open ledger, relayed (and again while it
 * waits long). Results of verification jobs are taken in the order in which the jobs were started:
 * an account's sequence of transactions keeps its order.
 *
 * What waits for a worker is bounded in number, in bytes and by peer. Who sent a bad signature
 * loses everything of his that waits. */

#define VERIFY_BATCH       128
#define VERIFY_JOBS_MAX    3
#define VERIFY_WAITING_MAX 40000
#define VERIFY_PEER_MAX    (VERIFY_WAITING_MAX / 2) /* of them from one peer */
#define VERIFY_BYTES_MAX   (32u << 20)
#define GREET_BYTES_MAX    (2u << 20)

/* ---- lists ---- */

static struct ptx_list *list_of(struct node *n, enum ptx_place p)
{
	switch (p) {
	case PTX_VERIFYING:
		return &n->verifying;
	case PTX_OPEN:
		return &n->open_list;
	case PTX_QUEUED:
		return &n->queued;
	case PTX_HELD:
		return &n->waiting;
	case PTX_CLOSED:
		return &n->in_closed;
	case PTX_RETRYING:
		break;
	}
	must(p != PTX_RETRYING); /* which is no list */
	return NULL;
}

/* Counts what of a peer's waits for a worker. */
static void count_waiting(struct node *n, const struct ptx *p, int by)
{
	struct peer *from = p->from ? peer_find(n, p->from) : NULL;

	if (!from)
		return;
	must(by > 0 || from->verifying > 0);
	from->verifying += (uint32_t)by;
}

static void list_remove(struct node *n, struct ptx *p)
{
	struct ptx_list *l = list_of(n, p->place);

	must(l->n > 0 && l->bytes >= p->tx->blob.n);
	if (p->place == PTX_VERIFYING) {
		count_waiting(n, p, -1);
		if (n->verify_next == p)
			n->verify_next = p->next;
	}
	if (p->prev)
		p->prev->next = p->next;
	else
		l->first = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		l->last = p->prev;
	p->prev = p->next = NULL;
	l->n--;
	l->bytes -= p->tx->blob.n;
}

static void list_append(struct node *n, struct ptx *p, enum ptx_place place)
{
	struct ptx_list *l = list_of(n, place);

	p->place = place;
	p->prev = l->last;
	p->next = NULL;
	if (l->last)
		l->last->next = p;
	else
		l->first = p;
	l->last = p;
	l->n++;
	l->bytes += p->tx->blob.n;
	if (place != PTX_VERIFYING)
		return;
	count_waiting(n, p, 1);
	if (!n->verify_next)
		n->verify_next = p;
}

/* ---- what is held, by account ---- */

static struct hash256 account_key(const struct account_id *a)
{
	struct hash256 k = {{0}};

	memcpy(k.b, a->b, sizeof(a->b));
	return k;
}

struct pacct *pool_account(const struct node *n, const struct account_id *a)
{
	struct hash256 k = account_key(a);

	return hmap_get(&n->accounts, &k);
}

static void held_unlink(struct node *n, struct ptx *p)
{
	struct pacct *a = pool_account(n, &p->tx->account);
	struct ptx **at;

	must(a);
	for (at = &a->first; *at != p; at = &(*at)->qnext)
		must(*at);
	*at = p->qnext;
	p->qnext = NULL;
	if (--a->n)
		return;
	hmap_del(&n->accounts, &a->key);
	mem_free(a);
}

static void held_link(struct node *n, struct ptx *p)
{
	struct pacct *a = pool_account(n, &p->tx->account);
	struct ptx **at;

	if (!a) {
		a = mem_zalloc(1, sizeof(*a));
		a->key = account_key(&p->tx->account);
		hmap_put(&n->accounts, &a->key, a);
	}
	for (at = &a->first; *at && (*at)->tx->seq <= p->tx->seq; at = &(*at)->qnext)
		;
	p->qnext = *at;
	*at = p;
	a->n++;
}

void pool_leave(struct node *n, struct ptx *p)
{
	if (p->place == PTX_HELD)
		held_unlink(n, p);
	if (p->place == PTX_QUEUED)
		(void)txq_remove(&n->txq, p->tx); /* false: it has left already */
	list_remove(n, p);
}

void pool_enter(struct node *n, struct ptx *p, enum ptx_place place)
{
	list_append(n, p, place);
	if (place == PTX_HELD)
		held_link(n, p);
}

/* Frees p, which is in no list. */
static void ptx_free(struct node *n, struct ptx *p)
{
	must(!p->waiters);
	hmap_del(&n->pool, &p->tx->id);
	tx_unref(p->tx);
	mem_free(p);
}

void pool_end(struct node *n, struct ptx *p, enum ter result)
{
	p->place = PTX_RETRYING;
	pool_answer(n, p, result);
	seen_add(ter_is_tem(result) || result == tefALREADY ? &n->seen : &n->put_off, &p->tx->id);
	ptx_free(n, p);
}

static void forget(struct node *n, struct ptx *p)
{
	pool_leave(n, p);
	seen_add(&n->seen, &p->tx->id);
	ptx_free(n, p);
}

/* ---- answers ---- */

static void answer(struct node *n, uint64_t token, struct tx *tx, enum ter result,
		   const struct ptx *p)
{
	struct node_effect *e = fx_new(n, NODE_FX_SUBMITTED);
	struct node_submitted *s = &e->submitted;
	const struct st_object *root;

	s->token = token;
	s->tx = tx_ref(tx);
	s->result = result;
	s->applied = p && p->place == PTX_OPEN;
	s->queued = p && (p->place == PTX_QUEUED || p->place == PTX_HELD) && result == terQUEUED;
	/* What was applied is kept too: it is applied again to each ledger that follows, until one
	 * with it is validated (rippled: LocalTxs). */
	s->kept = p && p->place != PTX_VERIFYING && p->place != PTX_RETRYING;
	s->broadcast = p && p->relayed;
	s->accepted = s->applied || s->queued || s->kept || s->broadcast;
	s->open_ledger_cost = n->open ? fees_cost_now(n, tx) : n->fees.base;
	s->validated_seq = n->validated ? n->validated->header.seq : 0;
	s->account_seq_available = node_next_sequence(n, &tx->account);
	if (n->open && view_read(n->open, keylet_account(&tx->account), &root) == FOUND)
		s->account_seq_next = st_u32_or(root, sfSequence, 0);
}

void pool_answer(struct node *n, struct ptx *p, enum ter result)
{
	p->last = result;
	while (p->waiters) {
		struct waiter *w = p->waiters;

		p->waiters = w->next;
		answer(n, w->token, p->tx, result, p);
		mem_free(w);
	}
}

/* Waiters are answered in the order in which they came; their number is the front's to bound. */
static void wait_for(struct ptx *p, uint64_t token)
{
	struct waiter *w = mem_zalloc(1, sizeof(*w)), **at = &p->waiters;

	w->token = token;
	while (*at)
		at = &(*at)->next;
	*at = w;
}

/* ---- verification ---- */

void pool_start_verify(struct node *n)
{
	while (n->verify_next && n->verify_jobs < VERIFY_JOBS_MAX && !n->stopping) {
		struct node_job *j = job_new(n, NODE_JOB_VERIFY);

		j->verify.txs = mem_alloc(VERIFY_BATCH * sizeof(*j->verify.txs));
		while (n->verify_next && j->verify.n < VERIFY_BATCH) {
			j->verify.txs[j->verify.n++] = tx_ref(n->verify_next->tx);
			n->verify_next = n->verify_next->next;
		}
		n->verify_done[n->verify_jobs++] = j; /* order of start */
		job_start(n, j);
	}
}

/* What came from this peer and waits for a worker goes, unless a client asked for it too. It is not
 * remembered: the same may come from somebody honest. */
static void purge(struct node *n, uint32_t peer)
{
	struct ptx *p = n->verify_next, *next;

	for (; p; p = next) {
		next = p->next;
		if (p->from != peer || p->waiters)
			continue;
		pool_leave(n, p);
		ptx_free(n, p);
	}
}

static void take_result(struct node *n, struct tx *t, struct relay *r)
{
	struct ptx *p = hmap_get(&n->pool, &t->id);
	uint32_t from;

	if (!p || p->place != PTX_VERIFYING)
		return;
	if (atomic_load(&t->signature) == TX_SIG_GOOD) {
		open_try(n, p, r);
		return;
	}
	n->count.tx_bad_signature++;
	from = p->from;
	pool_leave(n, p);
	pool_end(n, p, temBAD_SIGNATURE);
	if (from) {
		fx_drop(n, from, "transaction with a bad signature");
		purge(n, from);
	}
}

/* Drops the jobs from the front that are done, in the order of their start. */
static void take_done(struct node *n, struct relay *r)
{
	uint32_t i;

	while (n->verify_jobs && n->verify_done[0]->err == ERR_CLOSED) {
		struct node_job *first = n->verify_done[0];

		n->verify_jobs--;
		memmove(&n->verify_done[0], &n->verify_done[1],
			n->verify_jobs * sizeof(n->verify_done[0]));
		for (i = 0; i < first->verify.n && !n->stopping; i++)
			take_result(n, first->verify.txs[i], r);
		node_job_free(first);
	}
}

bool pool_verified(struct node *n, struct node_job *j)
{
	struct relay r = {.n = 0};
	uint32_t i;

	for (i = 0; i < n->verify_jobs && n->verify_done[i] != j; i++)
		;
	if (i == n->verify_jobs)
		return false;
	j->err = ERR_CLOSED; /* marks the job as finished until its turn comes */
	if (n->open_stale && !n->stopping)
		pool_rebuild_open(n);
	take_done(n, &r);
	relay_flush(n, &r);
	pool_start_verify(n);
	return true;
}

/* ---- admission ---- */

static bool verify_has_room(struct node *n, size_t bytes, uint32_t peer)
{
	const struct peer *from = peer ? peer_find(n, peer) : NULL;

	return n->verifying.n < VERIFY_WAITING_MAX &&
	       n->verifying.bytes + bytes <= VERIFY_BYTES_MAX &&
	       (!from || from->verifying < VERIFY_PEER_MAX);
}

static struct ptx *admit(struct node *n, struct tx *tx, uint32_t peer)
{
	struct ptx *p = mem_zalloc(1, sizeof(*p));

	p->tx = tx_ref(tx);
	p->from = peer;
	p->last = terQUEUED;
	hmap_put(&n->pool, &tx->id, p);
	pool_enter(n, p, PTX_VERIFYING);
	n->count.tx_received++;
	n->count.tx_bytes += tx->blob.n;
	return p;
}

/* Pending, or done with: not looked at again. */
static bool is_known(const struct node *n, const struct hash256 *id)
{
	return hmap_get(&n->pool, id) || seen_has(&n->seen, id) || seen_has(&n->put_off, id);
}

/* Whoever delivered the set is not to blame for what a validator put into it. */
void pool_take(struct node *n, struct tx *tx)
{
	struct ptx *p = hmap_get(&n->pool, &tx->id);

	if (p && p->place == PTX_VERIFYING)
		p->proposed = true;
	if (is_known(n, &tx->id) || tx->pseudo || !verify_has_room(n, tx->blob.n, 0))
		return;
	admit(n, tx, 0)->proposed = true;
}

/* One blob of a peer; false when the rest of the message is not worth looking at. */
static bool gossip_one(struct node *n, uint32_t peer, struct bytes blob)
{
	struct hash256 id;
	struct tx *t;

	if (blob.n < TX_BYTES_MIN || blob.n > TX_BYTES_MAX) {
		fx_drop(n, peer, "transaction of impossible size");
		return false;
	}
	tx_id(&id, blob);
	if (is_known(n, &id)) {
		n->count.tx_duplicate++;
		return true;
	}
	if (!verify_has_room(n, blob.n, peer))
		return false;
	if (tx_parse(&t, blob, NULL) != ERR_NONE) {
		n->count.tx_malformed++;
		fx_drop(n, peer, "malformed transaction");
		return false;
	}
	if (t->pseudo) {
		n->count.tx_malformed++;
		fx_drop(n, peer, "pseudo-transaction outside a set");
		tx_unref(t);
		return false;
	}
	admit(n, t, peer);
	tx_unref(t);
	return true;
}

void pool_gossip(struct node *n, uint32_t peer, const struct msg_blobs *blobs)
{
	uint32_t i;

	for (i = 0; i < blobs->n && gossip_one(n, peer, blobs->v[i]); i++)
		;
	pool_start_verify(n);
}

void pool_submit(struct node *n, struct tx *tx, bool fail_hard, uint64_t token)
{
	struct ptx *p = hmap_get(&n->pool, &tx->id);

	if (n->stopping) {
		answer(n, token, tx, telFAILED_PROCESSING, NULL);
		return;
	}
	if (p && p->place != PTX_VERIFYING) {
		answer(n, token, tx,
		       p->place == PTX_QUEUED || p->place == PTX_HELD ? p->last : tefALREADY, p);
		return;
	}
	if (tx->pseudo) {
		answer(n, token, tx, temINVALID, NULL);
		return;
	}
	if (!p) {
		if (!verify_has_room(n, tx->blob.n, 0)) {
			answer(n, token, tx, telCAN_NOT_QUEUE_FULL, NULL);
			return;
		}
		p = admit(n, tx, 0);
		p->fail_hard = fail_hard;
	}
	wait_for(p, token);
	pool_start_verify(n);
}

/* The process ends: whoever waits is told that nothing is known. */
void pool_stop(struct node *n)
{
	struct ptx *p;

	for (p = n->verifying.first; p; p = p->next)
		pool_answer(n, p, telFAILED_PROCESSING);
}

void pool_greet(struct node *n, uint32_t peer)
{
	struct relay r = {.n = 0, .to = peer};
	size_t total = 0;
	struct ptx *p;

	for (p = n->open_list.first; p && total < GREET_BYTES_MAX; p = p->next) {
		relay_put(n, &r, p->tx, 0);
		total += p->tx->blob.n;
	}
	relay_flush(n, &r);
}

struct tx *pool_find(const struct node *n, const struct hash256 *id)
{
	const struct ptx *p = hmap_get(&n->pool, id);

	return p ? p->tx : NULL;
}

void pool_close(struct node *n)
{
	enum ptx_place place;
	uint32_t i;

	for (i = 0; i < n->verify_jobs; i++)
		if (n->verify_done[i]->err == ERR_CLOSED)
			node_job_free(n->verify_done[i]);
	for (place = PTX_VERIFYING; place <= PTX_CLOSED; place++)
		while (list_of(n, place)->first) {
			struct ptx *p = list_of(n, place)->first;

			while (p->waiters) {
				struct waiter *w = p->waiters;

				p->waiters = w->next;
				mem_free(w);
			}
			forget(n, p);
		}
}

/* ---- closed and validated ledgers ---- */

void pool_ledger_closed(struct node *n, const struct held *h)
{
	uint32_t i;

	for (i = 0; i < h->n_txs; i++) {
		struct ptx *p = hmap_get(&n->pool, &h->txs[i]->id);

		if (!p || p->place == PTX_CLOSED)
			continue;
		pool_leave(n, p);
		p->relayed = true;
		pool_enter(n, p, PTX_CLOSED);
		if (p->waiters)
			pool_answer(n, p, tefALREADY);
	}
	n->open_stale = true;
}

void pool_ledger_validated(struct node *n, const struct held *h)
{
	uint32_t i;

	for (i = 0; i < h->n_txs; i++) {
		struct ptx *p = hmap_get(&n->pool, &h->txs[i]->id);

		if (!p) {
			seen_add(&n->seen, &h->txs[i]->id);
			continue;
		}
		pool_leave(n, p);
		pool_end(n, p, tefALREADY);
	}
}

/* The last closed ledger is on another branch: what the old one held is pending again, but for
 * what the new branch holds down to the validated ledger. */
void pool_branch_switched(struct node *n)
{
	uint32_t floor = n->validated ? n->validated->header.seq : 0;
	const struct held *h = n->closed;

	while (n->in_closed.first) {
		struct ptx *p = n->in_closed.first;

		pool_leave(n, p);
		pool_enter(n, p, PTX_OPEN);
	}
	for (; h && h->ledger->header.seq > floor; h = held_find(n, &h->ledger->header.parent))
		pool_ledger_closed(n, h);
	n->open_stale = true;
}

/* ---- reading ---- */

struct tx *node_pending_tx(const struct node *n, const struct hash256 *id)
{
	return pool_find(n, id);
}

struct view *node_open_view(const struct node *n)
{
	return n->open;
}

struct tx *const *node_open_txs(const struct node *n, uint32_t *count)
{
	struct tx **list = n->open_array;
	const struct ptx *p;

	*count = 0;
	for (p = n->open_list.first; p && *count < LEDGER_TX_MAX; p = p->next)
		list[(*count)++] = p->tx;
	return list;
}

uint32_t node_next_sequence(const struct node *n, const struct account_id *id)
{
	const struct st_object *root;
	const struct pacct *a;
	const struct ptx *p;
	uint32_t seq;

	if (!n->open || view_read(n->open, keylet_account(id), &root) != FOUND)
		return 0;
	seq = txq_next_sequence(&n->txq, id, st_u32_or(root, sfSequence, 0));
	a = pool_account(n, id);
	for (p = a ? a->first : NULL; p && p->tx->seq <= seq; p = p->qnext)
		if (p->tx->seq == seq && !p->tx->has_ticket)
			seq++;
	return seq;
}
