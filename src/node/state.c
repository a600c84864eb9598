/* SPDX-License-Identifier: ISC */
#include "node/state_impl.h"

/* Fetching the state of a validated ledger by path, from several peers at once.
 *
 * We start from a snapshot of the newest state we have and go through the wanted tree from its
 * root: a child whose hash equals ours at the same place is skipped with all below it, another is
 * asked for; a leaf is put, and what we have under a place where the wanted tree has nothing (or
 * another leaf) is deleted. Every node is checked against the hash that its parent named, and at
 * the end the root hash says that all of it is right. Places are taken from the end of a stack, so
 * that memory stays small.
 *
 * Progress is new verified bytes only. A peer that answers with nothing useful rests for a while;
 * one that is late has its batch taken away; one that lies is dropped. When nobody has the state
 * any more, nothing comes, or the network has gone far ahead, the newest validated ledger becomes
 * the target: what was fetched is the base of the next fetch, so only the difference travels. A
 * target with a quorum is never given up: timers go on until it is here or a newer one is.
 *
 * What was fetched also goes to a file (store/join.h), from which a restart begins. */

#define LATE_MS    6000  /* an answer */
#define FIRST_MS   2500  /* the first of a peer */
#define REST_MS    2000  /* after an answer without use */
#define BUSY_MS    200   /* after "busy" */
#define STALL_MS   10000 /* without progress: a newer target, if there is one */
#define MOVE_AFTER 128   /* ledgers that the network is ahead: half of what peers must keep */

/* ---- peers ---- */

static struct supplier *supplier_of(struct state_fetch *f, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < f->n_peers; i++)
		if (f->peer[i].id == id)
			return &f->peer[i];
	return NULL;
}

static void suppliers_update(struct node *n, struct state_fetch *f)
{
	uint32_t i;

	for (i = 0; i < n->n_peers; i++)
		if (!supplier_of(f, n->peers[i].id) && f->n_peers < PEERS_MAX)
			f->peer[f->n_peers++] = (struct supplier){.id = n->peers[i].id};
}

static bool may_have(const struct peer *p, const struct state_fetch *f)
{
	return !p->lied && (!p->closed_seq || p->closed_seq >= f->header.seq);
}

/* The one to be asked next: it may have the ledger, has disappointed least, has the fewest batches,
 * whose turn it is; NULL when all are busy or rest. */
static struct supplier *supplier_pick(struct node *n, struct state_fetch *f)
{
	struct supplier *best = NULL;
	uint64_t best_rank = UINT64_MAX;
	uint32_t i;

	for (i = 0; i < f->n_peers; i++) {
		struct supplier *s = &f->peer[(f->turn + i) % f->n_peers];
		const struct peer *p = peer_find(n, s->id);
		uint64_t rank;

		if (!p || s->flying >= STATE_PER_PEER || n->now.steady.ms < s->rests.ms)
			continue;
		rank = (uint64_t)!may_have(p, f) << 40 | (uint64_t)p->late << 8 | s->flying;
		if (rank < best_rank) {
			best = s;
			best_rank = rank;
		}
	}
	f->turn++;
	return best;
}

/* Whether every peer has said that it does not have it. */
static bool nobody_has_it(const struct state_fetch *f)
{
	uint32_t i;

	for (i = 0; i < f->n_peers; i++)
		if (!f->peer[i].lacks)
			return false;
	return f->n_peers > 0;
}

static void rest(struct node *n, struct state_fetch *f, uint32_t peer, uint32_t ms)
{
	struct supplier *s = supplier_of(f, peer);

	if (s)
		s->rests = steady_after(n->now.steady, ms);
}

/* It has not answered, or nothing useful: the others are asked first from now on, in the fetch of
 * the next target too. */
static void disappointed(struct node *n, struct state_fetch *f, uint32_t peer)
{
	struct peer *p = peer_find(n, peer);

	if (p)
		p->late++;
	rest(n, f, peer, REST_MS);
}

/* ---- batches ---- */

/* What is left of a batch goes back to the places to be asked for. */
static void batch_return(struct state_fetch *f, struct state_batch *b)
{
	struct supplier *s = supplier_of(f, b->peer);
	uint32_t i;

	for (i = 0; i < b->n; i++)
		state_push(f, &b->want[i]);
	if (s && s->flying)
		s->flying--;
	b->peer = b->n = 0;
}

static uint32_t batches_flying(const struct state_fetch *f)
{
	uint32_t i, k = 0;

	for (i = 0; i < STATE_BATCHES; i++)
		k += f->batch[i].peer != 0;
	return k;
}

static void batch_send(struct node *n, struct state_fetch *f, struct state_batch *b)
{
	struct msg m = {.type = MSG_GET_NODES};
	struct msg_path paths[STATE_BATCH];
	uint32_t i;

	for (i = 0; i < b->n; i++)
		paths[i] = b->want[i].path;
	m.get_nodes.ledger = f->hash;
	m.get_nodes.tree = f->phase;
	m.get_nodes.paths = paths;
	m.get_nodes.n = b->n;
	fx_send_msg(n, b->peer, 0, &m);
}

/* Hands out places as long as there are some, and peers that may be asked. */
static void ask(struct node *n, struct state_fetch *f)
{
	uint32_t i;

	suppliers_update(n, f);
	for (i = 0; i < STATE_BATCHES && f->n; i++) {
		struct state_batch *b = &f->batch[i];
		struct supplier *s = b->peer ? NULL : supplier_pick(n, f);

		if (b->peer)
			continue;
		if (!s)
			break;
		b->peer = s->id;
		b->until = steady_after(n->now.steady, s->good ? LATE_MS : FIRST_MS);
		while (f->n && b->n < STATE_BATCH)
			b->want[b->n++] = f->stack[--f->n];
		s->flying++;
		batch_send(n, f, b);
	}
}

static void set_again(struct node *n, const struct state_fetch *f)
{
	struct steady at = steady_after(n->now.steady, REST_MS);
	uint32_t i;

	for (i = 0; i < STATE_BATCHES; i++)
		if (f->batch[i].peer && f->batch[i].until.ms < at.ms)
			at = f->batch[i].until;
	for (i = 0; f->n && i < f->n_peers; i++)
		if (f->peer[i].rests.ms > n->now.steady.ms && f->peer[i].rests.ms < at.ms)
			at = f->peer[i].rests;
	n->sync.again = at;
}

/* ---- the file of the join ---- */

static void log_write(struct node *n, struct state_fetch *f, size_t least)
{
	struct node_job *j;

	if (n->join_job || n->join_failed || f->log.n < least || !f->log.n)
		return;
	j = job_new(n, NODE_JOB_JOIN);
	j->join.entries = f->log;
	f->log = BUF_INIT;
	n->join_job = j->id;
	n->join_used = true;
	job_start(n, j);
}

static void log_forget(struct node *n)
{
	struct node_job *j;

	if (n->join_job || !n->join_used)
		return;
	n->join_used = n->join_forget = false;
	j = job_new(n, NODE_JOB_JOIN);
	j->join.forget = true;
	n->join_job = j->id;
	job_start(n, j);
}

void state_log_done(struct node *n, const struct node_job *j)
{
	must(j->id == n->join_job);
	n->join_job = 0;
	if (j->err != ERR_NONE && !n->join_failed) {
		n->join_failed = true; /* a restart begins anew, that is all */
		node_log(n, NODE_LOG_WARN, "sync: what is fetched cannot be kept: %s", j->why.text);
	}
	if (n->join_forget && !n->stopping)
		log_forget(n);
}

void state_settled(struct node *n)
{
	if (n->state_base.root)
		tree_close(&n->state_base);
	n->state_base = (struct tree){.root = NULL};
	n->join_forget = n->join_used;
	log_forget(n);
}

/* ---- life ---- */

/* What was fetched so far is kept: the next fetch, of a newer ledger, begins from it. */
static void keep_base(struct node *n, struct state_fetch *f)
{
	struct tree *t = f->phase == MSG_TREE_STATE ? &f->tree : &f->state;

	if (n->state_base.root)
		tree_close(&n->state_base);
	n->state_base = (struct tree){.root = NULL};
	if (f->complete)
		return;
	(void)tree_hash(t);
	tree_share(&n->state_base, t);
}

void state_drop(struct node *n)
{
	struct state_fetch *f = n->sync.state;

	if (!f)
		return;
	keep_base(n, f);
	if (!f->complete)
		log_write(n, f, 0);
	tree_close(&f->base);
	tree_close(&f->tree);
	tree_close(&f->state);
	buf_close(&f->log);
	mem_free(f->stack);
	mem_free(f);
	n->sync.state = NULL;
}

static void phase_end(struct node *n, struct state_fetch *f);

static void phase_begin(struct node *n, struct state_fetch *f, const struct hash256 *root)
{
	struct state_want top = {.path = {.depth = 0}, .hash = *root};
	struct hash256 have = tree_hash(&f->tree);

	if (hash256_eq(root, &have)) {
		phase_end(n, f);
		return;
	}
	state_push(f, &top);
	ask(n, f);
	set_again(n, f);
}

static void complete(struct node *n, struct state_fetch *f)
{
	struct ledger *l = ledger_make(&f->header, &f->state, &f->tree);
	struct held *h;

	must(hash256_eq(&l->hash, &f->hash)); /* header and both roots were checked */
	node_log(n, NODE_LOG_INFO, "sync: state of ledger %u is here, %llu nodes, %llu bytes",
		 l->header.seq, (unsigned long long)f->nodes, (unsigned long long)f->bytes);
	h = held_add(n, l, NULL, 0);
	h->jump = true;
	n->count.ledgers_acquired++;
	f->complete = true;
	tree_init_empty(&f->state, TREE_STATE, NULL);
	tree_init_empty(&f->tree, TREE_TX_META, NULL);
	if (nunl_adopt(n, h->ledger))
		round_know(n, h);
	else
		node_log(n, NODE_LOG_WARN, "sync: ledger %u has no quorum by its own count",
			 f->header.seq);
	sync_drop(n);
	persist_advance(n);
}

static void phase_end(struct node *n, struct state_fetch *f)
{
	const struct hash256 *want = f->phase == MSG_TREE_STATE ? &f->header.state_hash
								: &f->header.tx_hash;
	struct hash256 root = tree_hash(&f->tree);

	must(hash256_eq(&root, want)); /* each node was checked against its parent */
	if (f->phase == MSG_TREE_TX) {
		complete(n, f);
		return;
	}
	tree_close(&f->state);
	f->state = f->tree;
	tree_close(&f->base);
	tree_init_empty(&f->tree, TREE_TX_META, NULL);
	tree_init_empty(&f->base, TREE_TX_META, NULL);
	f->phase = MSG_TREE_TX;
	phase_begin(n, f, &f->header.tx_hash);
}

void state_begin(struct node *n, const struct ledger_header *h, const struct hash256 *hash)
{
	struct state_fetch *f = mem_zalloc(1, sizeof(*f));
	const struct tree *base = n->state_base.root ? &n->state_base : &n->closed->ledger->state;

	must(!n->sync.state);
	f->header = *h;
	f->hash = *hash;
	f->phase = MSG_TREE_STATE;
	f->progress = n->now.steady;
	tree_share(&f->base, base);
	tree_share(&f->tree, base);
	tree_init_empty(&f->state, TREE_STATE, NULL);
	n->sync.state = f;
	node_log(n, NODE_LOG_INFO, "sync: fetching the state of ledger %u", f->header.seq);
	phase_begin(n, f, &f->header.state_hash);
}

/* ---- time ---- */

/* Whether the newest validated ledger should be fetched instead. */
static bool should_move(const struct node *n, const struct state_fetch *f)
{
	if (n->target_valid_seq <= f->header.seq)
		return false;
	return nobody_has_it(f) || steady_since(f->progress, n->now.steady) >= STALL_MS ||
	       n->target_valid_seq - f->header.seq >= MOVE_AFTER;
}

void state_retry(struct node *n)
{
	struct state_fetch *f = n->sync.state;
	uint32_t i;

	for (i = 0; i < STATE_BATCHES; i++) {
		struct state_batch *b = &f->batch[i];

		if (!b->peer || n->now.steady.ms < b->until.ms)
			continue;
		disappointed(n, f, b->peer);
		batch_return(f, b);
	}
	if (should_move(n, f)) {
		sync_move(n);
		return;
	}
	ask(n, f);
	set_again(n, f);
}

/* ---- messages ---- */

static bool at_same_place(const struct msg_path *a, const struct msg_path *b)
{
	return a->depth == b->depth && !memcmp(a->nibbles, b->nibbles, (a->depth + 1u) / 2);
}

/* Where in the batch a place is, looking from `from` on (answers keep the order of questions);
 * b->n when it is not there. */
static uint32_t place_in(const struct state_batch *b, const struct msg_path *p, uint32_t from)
{
	uint32_t i;

	for (i = from; i < b->n; i++)
		if (at_same_place(&b->want[i].path, p))
			return i;
	return b->n;
}

static struct state_batch *batch_with(struct state_fetch *f, uint32_t peer,
				      const struct msg_path *p)
{
	uint32_t i;

	for (i = 0; i < STATE_BATCHES; i++)
		if (f->batch[i].peer == peer && place_in(&f->batch[i], p, 0) < f->batch[i].n)
			return &f->batch[i];
	return NULL;
}

static void lied(struct node *n, struct state_fetch *f, uint32_t peer)
{
	fx_drop(n, peer, "state node does not match its hash");
	state_peer_gone(n, peer);
	ask(n, f);
	set_again(n, f);
}

/* Takes what was asked for out of an answer, removing it from the batch. */
static enum state_taken take_all(struct state_fetch *f, struct state_batch *b, const struct msg *m,
				 uint32_t *taken)
{
	uint32_t i, from = 0, k, left = 0;
	bool done[STATE_BATCH] = {false};
	enum state_taken t = STATE_TAKEN;

	for (i = 0; t == STATE_TAKEN && i < m->nodes.n; i++) {
		uint32_t at = place_in(b, &m->nodes.paths[i], from);

		if (at == b->n)
			continue;
		t = state_take(f, &b->want[at], m->nodes.nodes[i]);
		if (t != STATE_TAKEN)
			break;
		done[at] = true;
		from = at + 1;
		++*taken;
	}
	for (k = 0; k < b->n; k++)
		if (!done[k])
			b->want[left++] = b->want[k];
	b->n = left;
	return t;
}

void state_on_nodes(struct node *n, uint32_t peer, const struct msg *m)
{
	struct state_fetch *f = n->sync.state;
	struct supplier *s = f ? supplier_of(f, peer) : NULL;
	struct state_batch *b;
	uint32_t taken = 0;

	if (!s || !peer_find(n, peer) || !hash256_eq(&f->hash, &m->nodes.ledger) ||
	    m->nodes.tree != f->phase)
		return;
	b = batch_with(f, peer, &m->nodes.paths[0]);
	if (!b)
		return; /* late, or not asked for */
	switch (take_all(f, b, m, &taken)) {
	case STATE_TAKEN:
		break;
	case STATE_WRONG:
		lied(n, f, peer);
		return;
	case STATE_NOT_READABLE:
		node_store_failed(n, "cannot read the state while fetching a newer one");
		sync_drop(n);
		return;
	}
	if (taken) {
		f->progress = n->now.steady;
		s->lacks = false;
		s->good = true;
		peer_find(n, peer)->late = 0;
	} else {
		disappointed(n, f, peer);
	}
	batch_return(f, b);
	if (!f->n && !batches_flying(f)) {
		phase_end(n, f);
		return;
	}
	log_write(n, f, STATE_LOG_BLOCK);
	ask(n, f);
	set_again(n, f);
}

void state_on_nak(struct node *n, uint32_t peer, const struct msg *m)
{
	struct state_fetch *f = n->sync.state;
	struct supplier *s = f ? supplier_of(f, peer) : NULL;
	bool busy = m->nak.reason == NAK_BUSY;
	uint32_t i;

	if (!s || !s->flying || !hash256_eq(&f->hash, &m->nak.id))
		return;
	s->lacks |= !busy;
	rest(n, f, peer, busy ? BUSY_MS : REST_MS);
	for (i = 0; i < STATE_BATCHES; i++)
		if (f->batch[i].peer == peer && !busy)
			batch_return(f, &f->batch[i]);
	/* Which of its batches it is busy for is not said: the oldest, since it answers in order.
	 */
	if (busy) {
		struct state_batch *oldest = NULL;

		for (i = 0; i < STATE_BATCHES; i++)
			if (f->batch[i].peer == peer &&
			    (!oldest || f->batch[i].until.ms < oldest->until.ms))
				oldest = &f->batch[i];
		if (oldest)
			batch_return(f, oldest);
	}
	if (should_move(n, f)) {
		sync_move(n);
		return;
	}
	ask(n, f);
	set_again(n, f);
}

void state_peer_gone(struct node *n, uint32_t peer)
{
	struct state_fetch *f = n->sync.state;
	struct supplier *s = f ? supplier_of(f, peer) : NULL;
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < STATE_BATCHES; i++)
		if (f->batch[i].peer == peer)
			batch_return(f, &f->batch[i]);
	/* It is asked no more; gone from the peers, it is left out when they are counted again. */
	*s = f->peer[--f->n_peers];
	n->sync.again = n->now.steady;
}

void state_status(const struct node *n, struct node_sync_status *out)
{
	const struct state_fetch *f = n->sync.state;
	uint32_t i;

	if (!f)
		return;
	out->state = true;
	out->nodes = f->nodes;
	out->bytes = f->bytes;
	out->per_mille = (uint32_t)(f->settled / (STATE_ALL_KEYS / 1000));
	if (out->per_mille > 999 || f->phase == MSG_TREE_TX)
		out->per_mille = 999;
	for (i = 0; i < f->n_peers; i++)
		out->peers += f->peer[i].flying > 0;
}
