/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "crypto/hash.h"

#include <stdlib.h>

/* Catching up by replay.
 *
 * Wanted is a ledger by hash. It is asked for with its transactions, then its parent, and so on
 * backwards (each hash is named by the header above it) until a ledger that is held; then they are
 * replayed forwards in TransactionIndex order, and each must come out with the hash it was asked
 * for. When the way is too long, or peers have pruned the middle, the whole state of a validated
 * ledger is fetched instead (state.c).
 *
 * Progress is new verified bytes only; an asker without progress turns to the next peer. */

#define SYNC_AGAIN_MS        1500
#define SYNC_TRIES_MAX       16
#define SYNC_GRACE_MS        500 /* before fetching what may be coming out of our own build */
#define CHAIN_MAX            600 /* longer: fetch the state */
#define CHAIN_BYTES_MAX      (256u << 20)
#define LEDGER_BYTES_PER_MSG (512u << 10)

static void fetched_free(struct fetched *f)
{
	uint32_t i;

	if (!f)
		return;
	for (i = 0; i < f->n; i++)
		tx_unref(f->txs[i]);
	mem_free(f->txs);
	mem_free(f);
}

static void chain_drop(struct sync *s)
{
	while (s->chain) {
		struct fetched *f = s->chain;

		s->chain = f->child;
		fetched_free(f);
	}
	s->n_chain = 0;
	fetched_free(s->part);
	s->part = NULL;
}

void sync_drop(struct node *n)
{
	struct sync *s = &n->sync;

	chain_drop(s);
	state_drop(n);
	*s = (struct sync){.again = STEADY_NEVER};
}

static void ask(struct node *n)
{
	struct msg m = {.type = MSG_GET_LEDGER};
	struct sync *s = &n->sync;

	s->again = steady_after(n->now.steady, SYNC_AGAIN_MS);
	if (!s->asked)
		return;
	m.get_ledger.hash = s->need;
	m.get_ledger.seq = s->need_seq;
	m.get_ledger.from = s->part ? s->part->n : 0;
	fx_send_msg(n, s->asked, 0, &m);
}

static void need(struct node *n, const struct hash256 *hash, uint32_t seq)
{
	struct sync *s = &n->sync;

	s->need = *hash;
	s->need_seq = seq;
	fetched_free(s->part);
	s->part = NULL;
	s->tries = s->pruned = 0;
	if (!s->asked)
		s->asked = peer_pick(n, 0, seq);
	ask(n);
}

static void begin(struct node *n)
{
	n->sync.begun = true;
	node_log(n, NODE_LOG_INFO, "sync: fetching ledger %u %s", n->sync.target_seq,
		 hash256_short(&n->sync.target).s);
}

void sync_want(struct node *n, const struct hash256 *hash, uint32_t seq)
{
	struct sync *s = &n->sync;
	struct held *h = held_find(n, hash);

	if (h) {
		round_know(n, h);
		return;
	}
	if (s->active && (hash256_eq(&s->target, hash) || seq <= s->target_seq || s->state ||
			  s->chain || s->job))
		return; /* what runs now comes first; the newest is asked for again */
	sync_drop(n);
	s->active = true;
	s->target = *hash;
	s->target_seq = seq;
	if (seq && seq <= n->closed->ledger->header.seq + 1) {
		/* Probably it is being built here: others were a little faster. */
		s->need = *hash;
		s->need_seq = seq;
		s->again = steady_after(n->now.steady, SYNC_GRACE_MS);
		return;
	}
	begin(n);
	need(n, hash, seq);
}

static void give_up(struct node *n, const char *why)
{
	node_log(n, NODE_LOG_WARN, "sync: ledger %u %s: %s", n->sync.target_seq,
		 hash256_short(&n->sync.target).s, why);
	sync_drop(n);
}

static void ask_next(struct node *n)
{
	struct sync *s = &n->sync;

	if (++s->tries > SYNC_TRIES_MAX) {
		give_up(n, "no peer delivers it");
		return;
	}
	s->asked = peer_pick(n, s->asked, s->need_seq);
	ask(n);
}

/* ---- replay ---- */

static void start_verify(struct node *n, struct fetched *f)
{
	struct node_job *j = job_new(n, NODE_JOB_VERIFY);
	uint32_t i;

	j->verify.txs = mem_alloc((f->n + 1) * sizeof(struct tx *));
	for (i = 0; i < f->n; i++)
		if (!f->txs[i]->pseudo && atomic_load(&f->txs[i]->signature) == TX_SIG_UNKNOWN)
			j->verify.txs[j->verify.n++] = tx_ref(f->txs[i]);
	n->sync.job = j->id;
	job_start(n, j);
}

static void start_build(struct node *n, struct fetched *f, const struct held *parent)
{
	struct node_job *j = job_new(n, NODE_JOB_BUILD);

	build_prepare_job(n, j, parent->ledger, f->txs, f->n);
	j->build.replay = true;
	j->build.close = f->header.close;
	j->build.close_resolution = f->header.close_resolution;
	j->build.close_agreed = !(f->header.close_flags & LEDGER_FLAG_NO_CLOSE_TIME);
	n->sync.job = j->id;
	job_start(n, j);
}

static void finished(struct node *n)
{
	node_log(n, NODE_LOG_INFO, "sync: ledger %u %s is here", n->sync.target_seq,
		 hash256_short(&n->sync.target).s);
	sync_drop(n);
	persist_advance(n);
	if (n->target_valid_seq && !held_find(n, &n->target_valid))
		sync_want(n, &n->target_valid, n->target_valid_seq);
}

void sync_advance(struct node *n)
{
	struct fetched *f = n->sync.chain;
	struct held *parent;

	if (!n->sync.active || n->sync.job || n->sync.state)
		return;
	if (!f) {
		if (held_find(n, &n->sync.target))
			finished(n);
		return;
	}
	parent = held_find(n, &f->header.parent);
	if (!parent)
		return; /* still fetching backwards */
	if (!n->sync.verified)
		start_verify(n, f);
	else
		start_build(n, f, parent);
}

bool sync_verified(struct node *n, struct node_job *j)
{
	if (j->id != n->sync.job)
		return false;
	n->sync.job = 0;
	n->sync.verified = true;
	sync_advance(n);
	return true;
}

bool sync_built(struct node *n, struct node_job *j)
{
	struct fetched *f = n->sync.chain;
	struct held *h;

	if (j->id != n->sync.job)
		return false;
	n->sync.job = 0;
	n->sync.verified = false;
	must(f);
	if (!j->build.ledger || !hash256_eq(&j->build.ledger->hash, &f->hash)) {
		n->count.build_mismatch++;
		give_up(n, j->build.unavailable ? "state not available"
						: "does not come out with its hash");
		return true;
	}
	h = held_add(n, ledger_ref(j->build.ledger), j->build.applied,
		     (uint32_t)j->build.n_applied);
	n->count.ledgers_acquired++;
	n->sync.chain = f->child;
	n->sync.n_chain--;
	fetched_free(f);
	round_know(n, h);
	persist_advance(n);
	sync_advance(n);
	return true;
}

/* ---- fetching ---- */

static bool is_validated_target(const struct node *n, const struct fetched *f)
{
	return hash256_eq(&f->hash, &n->target_valid);
}

/* A ledger has arrived whole: chain it, and go on backwards or begin to replay. */
static void chain_add(struct node *n, struct fetched *f)
{
	struct sync *s = &n->sync;
	uint32_t floor = n->validated ? n->validated->header.seq : 0;

	s->part = NULL;
	f->child = s->chain;
	s->chain = f;
	s->n_chain++;
	if (f->child == NULL)
		s->target_seq = f->header.seq;
	if (held_find(n, &f->header.parent)) {
		s->again = STEADY_NEVER;
		sync_advance(n);
		return;
	}
	if (is_validated_target(n, f) && f->header.seq > floor + CHAIN_MAX) {
		s->chain = NULL;
		s->n_chain = 0;
		state_begin(n, &f->header, &f->hash);
		fetched_free(f);
		return;
	}
	if (f->header.seq <= floor + 1) {
		give_up(n, "its branch left ours before the validated ledger");
		return;
	}
	if (s->n_chain > CHAIN_MAX || s->bytes > CHAIN_BYTES_MAX) {
		give_up(n, "too far ahead");
		return;
	}
	need(n, &f->header.parent, f->header.seq - 1);
}

static bool first_part(struct node *n, const struct msg *m)
{
	struct sync *s = &n->sync;
	struct hash256 hash;
	struct fetched *f = mem_zalloc(1, sizeof(*f));

	f->hash = s->need;
	f->total = m->ledger.total;
	if (ledger_header_decode(&f->header, m->ledger.header) != ERR_NONE)
		goto bad;
	ledger_header_hash(&hash, &f->header);
	if (!hash256_eq(&hash, &s->need) || f->total > LEDGER_TX_MAX)
		goto bad;
	f->txs = mem_zalloc(f->total, sizeof(struct tx *));
	s->part = f;
	return true;
bad:
	mem_free(f);
	return false;
}

static bool add_txs(struct node *n, struct fetched *f, const struct msg_blobs *txs)
{
	uint32_t i;

	for (i = 0; i < txs->n; i++) {
		struct hash256 id;
		struct tx *known;

		if (f->n == f->total)
			return false;
		tx_id(&id, txs->v[i]);
		known = pool_find(n, &id);
		if (known)
			f->txs[f->n] = tx_ref(known);
		else if (tx_parse(&f->txs[f->n], txs->v[i], NULL) != ERR_NONE)
			return false;
		f->n++;
		n->sync.bytes += txs->v[i].n;
	}
	return true;
}

void sync_on_ledger(struct node *n, uint32_t peer, const struct msg *m)
{
	struct sync *s = &n->sync;
	uint32_t have;

	if (!s->active || s->state || !hash256_eq(&m->ledger.hash, &s->need))
		return; /* late, or not asked for */
	if (s->chain && hash256_eq(&s->chain->hash, &s->need))
		return; /* a second copy of the one that is complete */
	if (!s->part && !first_part(n, m)) {
		fx_drop(n, peer, "ledger does not match its hash");
		return;
	}
	have = s->part->n;
	if (m->ledger.from != have)
		return; /* another part than the next one */
	if (!add_txs(n, s->part, &m->ledger.txs)) {
		fx_drop(n, peer, "ledger with malformed transactions");
		fetched_free(s->part);
		s->part = NULL;
		return;
	}
	s->asked = peer;
	s->tries = 0;
	if (s->part->n == s->part->total)
		chain_add(n, s->part);
	else if (s->part->n > have)
		ask(n);
}

void sync_on_nak(struct node *n, uint32_t peer, const struct msg *m)
{
	struct sync *s = &n->sync;

	if (m->nak.request == MSG_GET_NODES && s->state) {
		if (m->nak.reason == NAK_PRUNED || ++s->pruned > n->n_peers)
			give_up(n, "its state has been pruned");
		else
			state_retry(n);
		return;
	}
	if (!s->active || s->asked != peer || !hash256_eq(&m->nak.id, &s->need))
		return;
	s->pruned++;
	if (s->pruned > n->n_peers && s->n_chain) {
		/* Nobody has the middle any more: take the whole state of the newest one. */
		struct fetched *f = s->chain;

		while (f->child)
			f = f->child;
		if (is_validated_target(n, f)) {
			struct ledger_header header = f->header;
			struct hash256 hash = f->hash;

			chain_drop(s);
			state_begin(n, &header, &hash);
			return;
		}
	}
	s->again = steady_after(n->now.steady, s->pruned <= n->n_peers ? 0 : SYNC_AGAIN_MS);
}

struct steady sync_tick(struct node *n)
{
	struct sync *s = &n->sync;

	if (s->active && !s->begun && held_find(n, &s->target))
		sync_drop(n); /* built here meanwhile */
	if (s->active && n->now.steady.ms >= s->again.ms) {
		if (!s->begun)
			begin(n);
		if (s->state)
			state_retry(n);
		else
			ask_next(n);
	}
	return s->active ? s->again : STEADY_NEVER;
}

/* ---- serving ---- */

/* A ledger by hash (or sequence, if the hash is zero), held or from the store; the caller's
 * reference. */
struct ledger *sync_find_ledger(struct node *n, const struct hash256 *hash, uint32_t seq)
{
	struct held *h = held_find(n, hash);
	struct ledger *l = NULL;

	if (h)
		return ledger_ref(h->ledger);
	if (!n->history)
		return NULL;
	if (!hash256_is_zero(hash) &&
	    n->history->seq_of_hash(n->history->ctx, hash, &seq) != ERR_NONE)
		return NULL;
	return n->history->ledger(n->history->ctx, seq, &l) == ERR_NONE ? l : NULL;
}

struct row {
	uint32_t index;
	struct bytes blob;
};

static int row_cmp(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

/* Splits a leaf of the transaction tree, VL(tx) VL(meta), and reads the index out of the latter. */
static bool row_of(struct row *out, struct bytes leaf, struct arena *a)
{
	struct cursor c = cursor_of(leaf);
	struct st_object *meta;
	size_t n_tx, n_meta;
	struct bytes m;

	if (st_decode_length(&c, &n_tx) != ERR_NONE)
		return false;
	out->blob = cursor_take(&c, n_tx);
	if (st_decode_length(&c, &n_meta) != ERR_NONE)
		return false;
	m = cursor_take(&c, n_meta);
	if (c.dead || st_decode(&meta, a, m, NULL) != ERR_NONE)
		return false;
	out->index = st_u32_or(meta, sfTransactionIndex, 0);
	return true;
}

static bool rows_of(const struct ledger *l, struct row **rows, uint32_t *n_rows)
{
	struct arena a = ARENA_INIT;
	struct hash256 key, *after = NULL, last;
	struct bytes leaf;
	uint32_t cap = 64, k = 0;
	enum found f;

	*rows = mem_alloc(cap * sizeof(**rows));
	while ((f = tree_next(&l->txs, after, &key, &leaf)) == FOUND) {
		if (k == cap)
			*rows = mem_resize(*rows, cap *= 2, sizeof(**rows));
		if (!row_of(&(*rows)[k++], leaf, &a)) {
			f = UNAVAILABLE;
			break;
		}
		arena_reset(&a);
		last = key;
		after = &last;
	}
	arena_close(&a);
	qsort(*rows, k, sizeof(**rows), row_cmp);
	*n_rows = k;
	return f == ABSENT;
}

static void nak(struct node *n, uint32_t peer, const struct hash256 *id)
{
	struct msg m = {.type = MSG_NAK};

	m.nak.request = MSG_GET_LEDGER;
	m.nak.id = *id;
	m.nak.reason = NAK_UNKNOWN;
	fx_send_msg(n, peer, 0, &m);
}

void sync_on_get_ledger(struct node *n, uint32_t peer, const struct msg *m)
{
	struct ledger *l = sync_find_ledger(n, &m->get_ledger.hash, m->get_ledger.seq);
	struct msg out = {.type = MSG_LEDGER};
	uint8_t header[LEDGER_HEADER_BYTES];
	struct bytes *blobs = NULL;
	struct row *rows = NULL;
	size_t bytes = 0;
	uint32_t i, n_rows = 0;

	if (!l || !rows_of(l, &rows, &n_rows)) {
		nak(n, peer, &m->get_ledger.hash);
		goto out;
	}
	ledger_header_encode(header, &l->header);
	out.ledger.hash = l->hash;
	out.ledger.header = bytes_of(header, sizeof(header));
	out.ledger.from = m->get_ledger.from < n_rows ? m->get_ledger.from : n_rows;
	out.ledger.total = n_rows;
	blobs = mem_alloc((n_rows + 1) * sizeof(*blobs));
	out.ledger.txs.v = blobs;
	for (i = out.ledger.from; i < n_rows && bytes < LEDGER_BYTES_PER_MSG; i++) {
		blobs[out.ledger.txs.n++] = rows[i].blob;
		bytes += rows[i].blob.n + 8;
	}
	fx_send_msg(n, peer, 0, &out);
out:
	mem_free(blobs);
	mem_free(rows);
	ledger_unref(l);
}
