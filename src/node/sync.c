/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "crypto/hash.h"

#include <stdlib.h>

/* Catching up.
 *
 * Wanted is a ledger by hash. It is asked for with its transactions, then its parent, and so on
 * backwards (each hash is named by the header above it; ahead.c asks several peers at once) until
 * a ledger that is held; then they are replayed forwards in TransactionIndex order in one pass, and
 * each must come out with the hash it was asked for. When that would cost more than fetching the
 * difference of the states, when the way is too long, or when peers have pruned its middle, the
 * whole state of a validated ledger is fetched instead (state.c).
 *
 * Progress is new verified bytes only; an asker without progress turns to the next peer.
 * Transactions cannot be checked before they are replayed: when a ledger does not come out with its
 * hash, whoever delivered it is asked last from then on, and that ledger alone is fetched again.
 *
 * A target with a quorum goes before any other: one validator can name what nobody has. It is never
 * given up: it is asked for until it is here or a newer one has a quorum. */

#define SYNC_AGAIN_MS   1500
#define SYNC_TRIES_MAX  16
#define SYNC_WRONG_MAX  8 /* ledgers that did not replay, before giving up */
#define SYNC_BUSY_MS    200
#define SYNC_GRACE_MS   500  /* before fetching what may be coming out of our own build */
#define CHAIN_MAX       5000 /* longer: fetch the state */
#define CHAIN_BYTES_MAX (128u << 20)
#define CHAIN_SAMPLE    8 /* ledgers after which the costs can be estimated */

void fetched_free(struct fetched *f)
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
	ahead_drop(s);
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
	s->by_seq = false;
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

	s->needs = true;
	s->need = *hash;
	s->need_seq = seq;
	fetched_free(s->part);
	s->part = NULL;
	s->tries = s->pruned = 0;
	s->by_seq = ahead_flies(n, seq, &s->again);
	if (s->by_seq)
		return;
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

/* Whether what runs now goes on although another ledger is wanted; it is asked for again later. */
static bool goes_on(struct sync *s, const struct hash256 *hash, bool firm)
{
	if (!s->active)
		return false;
	if (hash256_eq(&s->target, hash)) {
		s->firm |= firm;
		return true;
	}
	if (firm != s->firm)
		return s->firm;
	return s->begun || s->state || s->chain || s->job;
}

void sync_want(struct node *n, const struct hash256 *hash, uint32_t seq)
{
	struct sync *s = &n->sync;
	struct held *h = held_find(n, hash);
	bool firm = (n->target_valid_seq && hash256_eq(hash, &n->target_valid)) ||
		    nunl_may_count(n, hash);

	if (h) {
		round_know(n, h);
		return;
	}
	if (n->stopping || n->holds & HOLD_BLOCKED || goes_on(s, hash, firm))
		return;
	sync_drop(n);
	s->active = true;
	s->firm = firm;
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

void sync_move(struct node *n)
{
	uint32_t moves = n->sync.moves + 1;

	node_log(n, NODE_LOG_INFO, "sync: ledger %u instead of %u", n->target_valid_seq,
		 n->sync.target_seq);
	sync_drop(n);
	sync_want(n, &n->target_valid, n->target_valid_seq);
	n->sync.moves = moves;
}

static bool target_is_old(const struct node *n)
{
	return n->sync.target_seq && n->target_valid_seq > n->sync.target_seq;
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
		if (!s->firm) {
			give_up(n, "no peer delivers it");
			return;
		}
		if (!s->n_chain && target_is_old(n)) {
			sync_move(n);
			return;
		}
		s->tries = 0;
	}
	s->needs = true;
	s->asked = peer_pick(n, s->asked, s->need_seq);
	ask(n);
}

static bool is_validated_target(const struct node *n, const struct fetched *f)
{
	return hash256_eq(&f->hash, &n->target_valid);
}

/* If the newest has a quorum, its whole state is fetched instead. */
static void jump(struct node *n, const char *why)
{
	struct sync *s = &n->sync;
	struct ledger_header header;
	struct hash256 hash;
	struct fetched *f = s->chain;

	while (f->child)
		f = f->child;
	if (!is_validated_target(n, f) && !s->firm) {
		give_up(n, why);
		return;
	}
	header = f->header;
	hash = f->hash;
	chain_drop(s);
	s->needs = false;
	node_log(n, NODE_LOG_INFO, "sync: the state of ledger %u: %s", header.seq, why);
	state_begin(n, &header, &hash);
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
	struct held *h = held_find(n, &n->sync.target);

	node_log(n, NODE_LOG_INFO, "sync: ledger %u %s is here", n->sync.target_seq,
		 hash256_short(&n->sync.target).s);
	sync_drop(n);
	if (h)
		(void)nunl_adopt(n, h->ledger);
	persist_advance(n);
	if (n->target_valid_seq && !held_find(n, &n->target_valid))
		sync_want(n, &n->target_valid, n->target_valid_seq);
}

void sync_advance(struct node *n)
{
	struct fetched *f = n->sync.chain;
	struct held *parent;

	if (!n->sync.active || n->sync.job || n->sync.state || n->stopping)
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

/* The oldest of the chain does not replay: its transactions are asked for again, elsewhere. */
static void fetch_again(struct node *n)
{
	struct sync *s = &n->sync;
	struct fetched *f = s->chain;
	struct peer *p = peer_find(n, f->from);
	struct hash256 hash = f->hash;
	uint32_t seq = f->header.seq;

	n->count.build_mismatch++;
	node_log(n, NODE_LOG_WARN,
		 "sync: ledger %u %s from peer %u does not come out with its hash", seq,
		 hash256_short(&hash).s, f->from);
	if (++s->wrong > SYNC_WRONG_MAX) {
		jump(n, "the way to it does not come out with its hashes");
		return;
	}
	if (p)
		p->lied = true;
	s->asked = peer_pick(n, f->from, seq);
	s->chain = f->child;
	s->n_chain--;
	fetched_free(f);
	need(n, &hash, seq);
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
	if (j->build.unavailable) {
		node_store_failed(n, "state not available while replaying a ledger");
		sync_drop(n);
		return true;
	}
	if (!hash256_eq(&j->build.ledger->hash, &f->hash)) {
		fetch_again(n);
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

/* Why the way is not gone; NULL: it is. */
static const char *too_far(struct node *n, uint32_t left)
{
	const struct sync *s = &n->sync;

	if (s->n_chain > CHAIN_MAX || s->bytes > CHAIN_BYTES_MAX || (s->firm && left > CHAIN_MAX))
		return "the way to it is too long";
	if (!s->firm)
		return NULL;
	if (n->state_base.root && left > CHAIN_SAMPLE)
		return "some of it is here already";
	if ((s->n_linked >= CHAIN_SAMPLE || left > CHAIN_MAX / 2) && sync_state_is_cheaper(n, left))
		return "cheaper than the way to it";
	return NULL;
}

/* Makes f the oldest of the chain. */
static void link(struct sync *s, struct fetched *f)
{
	f->child = s->chain;
	s->chain = f;
	s->n_chain++;
	s->n_linked++;
	s->n_txs += f->n;
	if (f->child == NULL)
		s->target_seq = f->header.seq;
}

/* The newest ledger before `seq` that is held, on whatever branch: the way most likely begins
 * there. At least the validated one. */
static uint32_t way_begins(const struct node *n, uint32_t seq)
{
	uint32_t floor = n->validated ? n->validated->header.seq : 0;
	const struct held *h;

	for (h = n->held_list; h; h = h->next)
		if (h->ledger->header.seq < seq && h->ledger->header.seq > floor)
			floor = h->ledger->header.seq;
	return floor;
}

/* A ledger has arrived whole: chain it, and what was asked for ahead and is named now; then go on
 * backwards or begin to replay. */
static void chain_add(struct node *n, struct fetched *f)
{
	struct sync *s = &n->sync;
	uint32_t floor = n->validated ? n->validated->header.seq : 0;
	const char *far;

	s->part = NULL;
	s->needs = false;
	s->tries = 0;
	do {
		link(s, f);
		f = held_find(n, &f->header.parent)
			? NULL
			: ahead_take(n, s->chain->header.seq - 1, &s->chain->header.parent);
	} while (f);
	f = s->chain;
	if (held_find(n, &f->header.parent)) {
		s->again = STEADY_NEVER;
		ahead_drop(s);
		sync_advance(n);
		return;
	}
	if (f->header.seq <= floor + 1) {
		give_up(n, "its branch left ours before the validated ledger");
		return;
	}
	floor = way_begins(n, f->header.seq);
	far = too_far(n, f->header.seq - floor - 1);
	if (far) {
		jump(n, far);
		return;
	}
	need(n, &f->header.parent, f->header.seq - 1);
	if (s->firm)
		ahead_ask(n, f->header.seq - 1, floor);
}

static bool first_part(struct node *n, uint32_t peer, const struct msg *m)
{
	struct sync *s = &n->sync;
	struct hash256 hash;
	struct fetched *f = mem_zalloc(1, sizeof(*f));

	f->hash = s->need;
	f->from = peer;
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

bool sync_add_txs(struct node *n, struct fetched *f, const struct msg_blobs *txs)
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

static void part_drop(struct sync *s)
{
	fetched_free(s->part);
	s->part = NULL;
}

/* It may be what is needed now, or something for later, or late, or not asked for. */
static void ahead_came(struct node *n, uint32_t peer, const struct msg *m)
{
	struct sync *s = &n->sync;
	struct fetched *f;

	if (!ahead_on_ledger(n, peer, m))
		return;
	f = ahead_take(n, s->need_seq, &s->need);
	if (!f)
		return;
	part_drop(s);
	chain_add(n, f);
}

void sync_on_ledger(struct node *n, uint32_t peer, const struct msg *m)
{
	struct sync *s = &n->sync;
	uint32_t have;

	if (!s->active || s->state || !s->needs)
		return;
	if (!hash256_eq(&m->ledger.hash, &s->need)) {
		ahead_came(n, peer, m);
		return;
	}
	if (s->part && s->part->total != m->ledger.total) {
		part_drop(s); /* one of the two is wrong: from the beginning */
		ask_next(n);
		return;
	}
	if (!s->part && !first_part(n, peer, m)) {
		fx_drop(n, peer, "ledger does not match its hash");
		return;
	}
	have = s->part->n;
	if (m->ledger.from != have)
		return; /* another part than the next one */
	if (!sync_add_txs(n, s->part, &m->ledger.txs)) {
		fx_drop(n, peer, "ledger with malformed transactions");
		part_drop(s);
		return;
	}
	s->asked = peer;
	s->tries = 0;
	if (s->part->n == s->part->total)
		chain_add(n, s->part);
	else if (s->part->n > have)
		ask(n);
}

/* All peers have said that they do not have what is needed. */
static void nobody_has_it(struct node *n)
{
	struct sync *s = &n->sync;

	if (s->n_chain)
		jump(n, "peers have pruned the way to it");
	else if (s->firm && target_is_old(n))
		sync_move(n);
	else if (!s->firm && s->pruned > 3 * n->n_peers)
		give_up(n, "no peer has it");
}

void sync_on_nak(struct node *n, uint32_t peer, const struct msg *m)
{
	struct sync *s = &n->sync;
	bool busy = m->nak.reason == NAK_BUSY;

	if (m->nak.request == MSG_GET_NODES) {
		state_on_nak(n, peer, m);
		return;
	}
	if (hash256_is_zero(&m->nak.id)) {
		ahead_on_nak(n, peer);
		return;
	}
	if (!s->active || !s->needs || s->asked != peer || !hash256_eq(&m->nak.id, &s->need))
		return;
	if (busy) {
		s->again = steady_after(n->now.steady, SYNC_BUSY_MS);
		return;
	}
	s->pruned++;
	s->again = steady_after(n->now.steady, s->pruned % (n->n_peers + 1) ? 0 : SYNC_AGAIN_MS);
	if (s->pruned > n->n_peers)
		nobody_has_it(n);
}

void sync_peer_gone(struct node *n, uint32_t peer)
{
	struct sync *s = &n->sync;

	state_peer_gone(n, peer);
	ahead_peer_gone(n, peer);
	if (s->active && s->begun && s->needs && s->asked == peer) {
		s->asked = 0;
		s->again = n->now.steady;
	}
}

struct steady sync_tick(struct node *n)
{
	struct sync *s = &n->sync;
	struct steady at;

	if (s->active && !s->begun && held_find(n, &s->target))
		sync_drop(n); /* built here meanwhile */
	if (s->active && !s->by_seq && n->now.steady.ms >= s->again.ms) {
		if (!s->begun)
			begin(n);
		if (s->state)
			state_retry(n);
		else
			ask_next(n);
	}
	at = ahead_tick(n);
	if (s->active && s->by_seq && s->needs && !ahead_flies(n, s->need_seq, &s->again))
		ask_next(n); /* refused, late, or another one: by its hash now */
	if (!s->active)
		return STEADY_NEVER;
	return at.ms < s->again.ms ? at : s->again;
}
