/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

/* Pending transactions.
 *
 * Every transaction is hashed first, so that one that is known costs half a microsecond; then
 * parsed, checked in a batch on a worker, applied to the open ledger, relayed once. Results of
 * verification jobs are taken in the order in which the jobs were started: an account's sequence
 * of transactions keeps its order. */

#define VERIFY_BATCH       128
#define VERIFY_JOBS_MAX    3
#define VERIFY_WAITING_MAX 40000
#define HELD_LEDGERS_MAX   40 /* ledgers a transaction may wait for its turn */
#define GREET_BYTES_MAX    (2u << 20)
#define FRAME_TXS_BYTES    200000

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
	case PTX_CLOSED:
		return &n->in_closed;
	case PTX_RETRYING:
		break;
	}
	must(false);
	return NULL;
}

static void list_remove(struct node *n, struct ptx *p)
{
	struct ptx_list *l = list_of(n, p->place);

	if (p->place == PTX_VERIFYING && n->verify_next == p)
		n->verify_next = p->next;
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
	if (place == PTX_VERIFYING && !n->verify_next)
		n->verify_next = p;
}

/* ---- queue by account ---- */

static struct hash256 account_key(const struct account_id *a)
{
	struct hash256 k = {{0}};

	memcpy(k.b, a->b, sizeof(a->b));
	return k;
}

static struct pacct *pacct_of(const struct node *n, const struct account_id *a)
{
	struct hash256 k = account_key(a);

	return hmap_get(&n->accounts, &k);
}

static void queue_unlink(struct node *n, struct ptx *p)
{
	struct pacct *a = pacct_of(n, &p->tx->account);
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

static void queue_link(struct node *n, struct ptx *p)
{
	struct pacct *a = pacct_of(n, &p->tx->account);
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

static void leave(struct node *n, struct ptx *p)
{
	if (p->place == PTX_QUEUED)
		queue_unlink(n, p);
	list_remove(n, p);
}

static void enter(struct node *n, struct ptx *p, enum ptx_place place)
{
	list_append(n, p, place);
	if (place == PTX_QUEUED)
		queue_link(n, p);
}

static void forget(struct node *n, struct ptx *p)
{
	leave(n, p);
	hmap_del(&n->pool, &p->tx->id);
	seen_add(&n->seen, &p->tx->id);
	tx_unref(p->tx);
	mem_free(p);
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
	s->queued = p && p->place == PTX_QUEUED && result == terQUEUED;
	s->kept = p && p->place == PTX_QUEUED;
	s->broadcast = p && p->relayed;
	s->accepted = s->applied || s->queued || s->kept || s->broadcast;
	s->open_ledger_cost = n->fees.base;
	s->validated_seq = n->validated ? n->validated->header.seq : 0;
	s->account_seq_next = node_next_sequence(n, &tx->account);
	s->account_seq_available = s->account_seq_next;
	if (n->open && view_read(n->open, keylet_account(&tx->account), &root) == FOUND)
		s->account_seq_available = st_u32_or(root, sfSequence, 0);
}

static void answer_ptx(struct node *n, struct ptx *p, enum ter result)
{
	p->last = result;
	if (!p->submitted)
		return;
	p->submitted = false;
	answer(n, p->token, p->tx, result, p);
}

/* ---- relay: what became good in this step goes out in few frames ---- */

struct relay {
	struct bytes blobs[512];
	uint32_t n, from;
	size_t bytes;
};

static void relay_flush(struct node *n, struct relay *r)
{
	struct msg m = {.type = MSG_TXS, .txs = {.v = r->blobs, .n = r->n}};

	if (r->n) {
		n->count.tx_relayed += r->n;
		fx_send_msg(n, 0, r->from, &m);
	}
	r->n = 0;
	r->bytes = 0;
}

static void relay_add(struct node *n, struct relay *r, struct ptx *p)
{
	if (p->relayed)
		return;
	if (r->n &&
	    (r->from != p->from || r->n == 512 || r->bytes + p->tx->blob.n > FRAME_TXS_BYTES))
		relay_flush(n, r);
	r->from = p->from;
	r->blobs[r->n++] = p->tx->blob;
	r->bytes += p->tx->blob.n + 8;
	p->relayed = true;
}

/* ---- the open ledger ---- */

static bool open_has_room(const struct node *n, const struct tx *t)
{
	return n->open_list.n < LEDGER_TX_MAX &&
	       n->open_list.bytes + t->blob.n <= LEDGER_TX_BYTES_MAX;
}

static bool queue_has_room(const struct node *n, const struct tx *t)
{
	const struct pacct *a = pacct_of(n, &t->account);

	return n->queued.n < TX_QUEUE_MAX && n->queued.bytes + t->blob.n <= TX_QUEUE_BYTES_MAX &&
	       (!a || a->n < TX_HELD_PER_ACCOUNT_MAX);
}

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

/* Whether p may go on waiting: not past its LastLedgerSequence, nor longer than HELD_LEDGERS_MAX.
 */
static bool may_wait(const struct node *n, struct ptx *p)
{
	uint32_t seq = n->closed->ledger->header.seq + 1;

	if (!p->held_since)
		p->held_since = seq;
	return seq - p->held_since <= HELD_LEDGERS_MAX &&
	       (!p->tx->last_ledger || p->tx->last_ledger >= seq);
}

/* Applies p, which is in no list, to the open ledger and files it where it belongs; false when it
 * is gone (p freed). */
static bool apply_open(struct node *n, struct ptx *p, struct relay *r)
{
	struct tx_outcome o = {.result = terQUEUED};

	if (open_has_room(n, p->tx))
		o = tx_apply(n->open, p->tx, p->fail_hard ? TX_FAIL_HARD : 0, n->open_index, NULL);
	if (o.applied) {
		n->open_index++;
		announce(n, p, o.result);
		enter(n, p, PTX_OPEN);
		relay_add(n, r, p);
		answer_ptx(n, p, o.result);
		return true;
	}
	if (ter_is_ter(o.result) && !p->fail_hard) {
		if (queue_has_room(n, p->tx) && may_wait(n, p)) {
			enter(n, p, PTX_QUEUED);
			if (o.result == terQUEUED)
				relay_add(n, r, p);
			answer_ptx(n, p, o.result);
			return true;
		}
		o.result = telCAN_NOT_QUEUE_FULL;
		n->count.queue_dropped++;
	}
	enter(n, p, PTX_QUEUED); /* so that forget() finds it in a list */
	p->last = o.result;
	if (p->submitted)
		answer(n, p->token, p->tx, o.result, NULL);
	forget(n, p);
	return false;
}

/* After a transaction of this account was applied: its successors that wait may follow. */
static void apply_successors(struct node *n, const struct account_id *account, struct relay *r)
{
	struct account_id who = *account;
	uint32_t bound = TX_HELD_PER_ACCOUNT_MAX;

	while (bound--) {
		struct pacct *a = pacct_of(n, &who);
		const struct st_object *root;
		struct ptx *p = a ? a->first : NULL;

		if (!p || p->last == terQUEUED || !open_has_room(n, p->tx))
			return;
		if (view_read(n->open, keylet_account(&who), &root) != FOUND)
			return;
		if (p->tx->seq > st_u32_or(root, sfSequence, 0))
			return;
		leave(n, p);
		if (!apply_open(n, p, r))
			continue;
		if (p->place == PTX_QUEUED)
			return;
	}
}

static void try_open(struct node *n, struct ptx *p, struct relay *r)
{
	struct account_id who = p->tx->account;

	leave(n, p);
	if (apply_open(n, p, r) && p->place == PTX_OPEN)
		apply_successors(n, &who, r);
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

static void take_result(struct node *n, struct tx *t, struct relay *r)
{
	struct ptx *p = hmap_get(&n->pool, &t->id);

	if (!p || p->place != PTX_VERIFYING)
		return;
	if (atomic_load(&t->signature) == TX_SIG_GOOD) {
		try_open(n, p, r);
		return;
	}
	n->count.tx_bad_signature++;
	if (p->submitted)
		answer(n, p->token, t, temBAD_SIGNATURE, NULL);
	else if (p->from)
		fx_drop(n, p->from, "transaction with a bad signature");
	forget(n, p);
}

void pool_verified(struct node *n, struct node_job *j)
{
	struct relay r = {.n = 0};
	uint32_t i;

	j->err = ERR_CLOSED; /* marks the job as finished until its turn comes */
	if (n->open_stale)
		pool_rebuild_open(n);
	while (n->verify_jobs && n->verify_done[0]->err == ERR_CLOSED) {
		struct node_job *first = n->verify_done[0];

		n->verify_jobs--;
		memmove(&n->verify_done[0], &n->verify_done[1],
			n->verify_jobs * sizeof(n->verify_done[0]));
		for (i = 0; i < first->verify.n; i++)
			take_result(n, first->verify.txs[i], &r);
		node_job_free(first);
	}
	relay_flush(n, &r);
	pool_start_verify(n);
}

static struct ptx *admit(struct node *n, struct tx *tx, uint32_t peer)
{
	struct ptx *p = mem_zalloc(1, sizeof(*p));

	p->tx = tx_ref(tx);
	p->from = peer;
	p->last = terQUEUED;
	hmap_put(&n->pool, &tx->id, p);
	enter(n, p, PTX_VERIFYING);
	n->count.tx_received++;
	return p;
}

void pool_take(struct node *n, struct tx *tx, uint32_t peer)
{
	if (hmap_get(&n->pool, &tx->id) || seen_has(&n->seen, &tx->id) || tx->pseudo ||
	    n->verifying.n >= VERIFY_WAITING_MAX)
		return;
	admit(n, tx, peer);
}

void pool_gossip(struct node *n, uint32_t peer, const struct msg_blobs *blobs)
{
	uint32_t i;

	for (i = 0; i < blobs->n; i++) {
		struct hash256 id;
		struct tx *t;

		if (blobs->v[i].n < TX_BYTES_MIN || blobs->v[i].n > TX_BYTES_MAX) {
			fx_drop(n, peer, "transaction of impossible size");
			return;
		}
		tx_id(&id, blobs->v[i]);
		if (hmap_get(&n->pool, &id) || seen_has(&n->seen, &id)) {
			n->count.tx_duplicate++;
			continue;
		}
		if (n->verifying.n >= VERIFY_WAITING_MAX)
			break;
		if (tx_parse(&t, blobs->v[i], NULL) != ERR_NONE || t->pseudo) {
			n->count.tx_malformed++;
			fx_drop(n, peer, "malformed transaction");
			return;
		}
		admit(n, t, peer);
		tx_unref(t);
	}
	pool_start_verify(n);
}

void pool_submit(struct node *n, struct tx *tx, bool fail_hard, uint64_t token)
{
	struct ptx *p = hmap_get(&n->pool, &tx->id);

	if (p && p->place == PTX_VERIFYING && p->submitted) {
		answer(n, token, tx, terQUEUED, p); /* the first submitter gets the result */
		return;
	}
	if (p && p->place != PTX_VERIFYING) {
		answer(n, token, tx, p->place == PTX_QUEUED ? p->last : tefALREADY, p);
		return;
	}
	if (tx->pseudo) {
		answer(n, token, tx, temINVALID, NULL);
		return;
	}
	if (!p) {
		if (n->verifying.n >= VERIFY_WAITING_MAX) {
			answer(n, token, tx, telCAN_NOT_QUEUE_FULL, NULL);
			return;
		}
		p = admit(n, tx, 0);
	}
	p->submitted = true;
	p->fail_hard = fail_hard;
	p->token = token;
	pool_start_verify(n);
}

/* ---- a new closed ledger ---- */

static struct hash256 *ids_of(const struct ptx_list *l)
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
		if (!n->store_failed)
			node_log(n, NODE_LOG_ERROR, "store: cannot read the state of ledger %u",
				 l->header.seq);
		n->store_failed = true;
		if (!n->rules)
			n->rules = rules_of_list(NULL, 0);
	}
	info.rules = n->rules;
	info.fees = n->fees;
	view_close(n->open);
	n->open = view_open_tree(&l->state, &info);
	n->open_index = 0;
}

/* Applies what was open before (in its order) and then what waited, oldest first. A transaction
 * may leave the pool while another is applied: so they are walked by id. */
void pool_rebuild_open(struct node *n)
{
	uint32_t n_open = n->open_list.n, n_queued = n->queued.n, i;
	struct hash256 *open = ids_of(&n->open_list), *queued = ids_of(&n->queued);
	struct relay r = {.n = 0};

	n->open_stale = false;
	new_open_view(n);
	for (i = 0; i < n_open; i++) {
		struct ptx *p = hmap_get(&n->pool, &open[i]);

		leave(n, p);
		p->place = PTX_RETRYING;
	}
	for (i = 0; i < n_open; i++)
		apply_open(n, hmap_get(&n->pool, &open[i]), &r);
	for (i = 0; i < n_queued; i++) {
		struct ptx *p = hmap_get(&n->pool, &queued[i]);

		if (p && p->place == PTX_QUEUED)
			try_open(n, p, &r);
	}
	mem_free(open);
	mem_free(queued);
	relay_flush(n, &r);
}

void pool_ledger_closed(struct node *n, struct held *h)
{
	uint32_t i;

	for (i = 0; i < h->n_txs; i++) {
		struct ptx *p = hmap_get(&n->pool, &h->txs[i]->id);

		if (!p || p->place == PTX_CLOSED)
			continue;
		if (p->submitted)
			answer_ptx(n, p, tefALREADY);
		leave(n, p);
		p->relayed = true;
		enter(n, p, PTX_CLOSED);
	}
	n->open_stale = true;
}

void pool_ledger_validated(struct node *n, const struct held *h)
{
	uint32_t i;

	for (i = 0; i < h->n_txs; i++) {
		struct ptx *p = hmap_get(&n->pool, &h->txs[i]->id);

		if (p)
			forget(n, p);
		else
			seen_add(&n->seen, &h->txs[i]->id);
	}
}

/* The last closed ledger is on another branch: what the old one held is pending again. Those that
 * the new branch holds too fail with tefPAST_SEQ and are forgotten. */
void pool_branch_switched(struct node *n)
{
	while (n->in_closed.first) {
		struct ptx *p = n->in_closed.first;

		leave(n, p);
		enter(n, p, PTX_OPEN);
	}
	n->open_stale = true;
}

void pool_greet(struct node *n, uint32_t peer)
{
	struct bytes blobs[256];
	struct msg m = {.type = MSG_TXS, .txs = {.v = blobs}};
	size_t bytes = 0, total = 0;
	const struct ptx *p;

	for (p = n->open_list.first; p && total < GREET_BYTES_MAX; p = p->next) {
		if (m.txs.n == 256 || bytes + p->tx->blob.n > FRAME_TXS_BYTES) {
			fx_send_msg(n, peer, 0, &m);
			m.txs.n = 0;
			bytes = 0;
		}
		blobs[m.txs.n++] = p->tx->blob;
		bytes += p->tx->blob.n + 8;
		total += p->tx->blob.n;
	}
	if (m.txs.n)
		fx_send_msg(n, peer, 0, &m);
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
		while (list_of(n, place)->first)
			forget(n, list_of(n, place)->first);
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
	seq = st_u32_or(root, sfSequence, 0);
	a = pacct_of(n, id);
	for (p = a ? a->first : NULL; p && p->tx->seq <= seq; p = p->qnext)
		if (p->tx->seq == seq)
			seq++;
	return seq;
}
