/* SPDX-License-Identifier: ISC */
#include "tests/sim/props.h"

/* What validated ledgers say: P1, P2, P4, P5, P9, and P3 and P10 by way of the model. */

const struct hash256 *props_hash_at(const struct props *p, uint32_t seq)
{
	return seq < p->n_chain && !hash256_is_zero(&p->chain[seq]) ? &p->chain[seq] : NULL;
}

static void keep_hash(struct props *p, uint32_t seq, const struct hash256 *hash)
{
	if (seq >= p->n_chain) {
		uint32_t n = seq + 256;

		p->chain = mem_resize(p->chain, n, sizeof(*p->chain));
		memset(p->chain + p->n_chain, 0, (n - p->n_chain) * sizeof(*p->chain));
		p->n_chain = n;
	}
	p->chain[seq] = *hash;
}

/* ---- P4: one ledger per sequence, each the child of the one before ---- */

static bool agrees(struct props *p, uint32_t node, const struct ledger *l)
{
	const struct hash256 *known = props_hash_at(p, l->header.seq);
	const struct hash256 *parent = props_hash_at(p, l->header.seq - 1);
	const struct hash256 *before = NULL;
	struct model *m = p->model;

	if (known) {
		if (hash256_eq(known, &l->hash))
			return true;
		world_fail(p->w, "P4", "node %c validated %s at %u, others %s", 'A' + (int)node,
			   hash256_short(&l->hash).s, l->header.seq, hash256_short(known).s);
		return false;
	}
	if (l->header.seq == model_seq(m) + 1 && !p->top)
		parent = &world_genesis(p->w)->hash;
	if (parent && !hash256_eq(parent, &l->header.parent))
		before = parent;
	if (before)
		world_fail(p->w, "P4", "node %c validated %u on %s, others %s at %u",
			   'A' + (int)node, l->header.seq, hash256_short(&l->header.parent).s,
			   hash256_short(before).s, l->header.seq - 1);
	return !before;
}

/* ---- P1: the money ---- */

static bool sum_state(const struct ledger *l, uint64_t *sum)
{
	struct hash256 key, at, *after = NULL;
	struct bytes entry;
	enum found f;

	*sum = 0;
	while ((f = tree_next(&l->state, after, &key, &entry)) == FOUND) {
		at = key;
		after = &at;
		*sum += model_xrp_of(entry);
	}
	return f == ABSENT;
}

static bool conserves(struct props *p, uint32_t node, const struct ledger *l, bool walk)
{
	uint64_t drops = l->header.drops.raw; /* raw: compared with sums */
	uint64_t sum;
	struct tree t;
	struct hash256 root;

	tree_share(&t, &l->state);
	root = tree_hash(&t);
	tree_close(&t);
	if (!hash256_eq(&root, &l->header.state_hash)) {
		world_fail(p->w, "P1", "node %c: the state of %u is not the one in its header",
			   'A' + (int)node, l->header.seq);
		return false;
	}
	if (drops > world_drops(p->w)) {
		world_fail(p->w, "P1", "node %c: %u says %llu drops", 'A' + (int)node,
			   l->header.seq, (unsigned long long)drops);
		return false;
	}
	if (!walk || !sum_state(l, &sum) || sum == drops)
		return true;
	world_fail(p->w, "P1", "node %c: the entries of %u hold %llu drops, its header says %llu",
		   'A' + (int)node, l->header.seq, (unsigned long long)sum,
		   (unsigned long long)drops);
	return false;
}

/* ---- P2, P9: what is in it ---- */

struct track *props_track(const struct props *p, const struct hash256 *id)
{
	return hmap_get(&p->tracks, id);
}

static bool is_pseudo(struct bytes leaf)
{
	struct bytes tx, meta;

	return model_split_leaf(leaf, &tx, &meta) && model_number(tx, 1, 2) >= 100 &&
	       model_number(tx, 1, 2) <= 102;
}

static void validated_one(struct props *p, const struct ledger *l, const struct hash256 *id,
			  struct bytes leaf)
{
	struct track *t = props_track(p, id);

	if (!t) {
		if (!is_pseudo(leaf))
			world_fail(p->w, "P9", "%s in ledger %u: nobody submitted it",
				   hash256_short(id).s, l->header.seq);
		return;
	}
	if (t->validated)
		world_fail(p->w, "P2", "%s is in ledgers %u and %u", hash256_short(id).s,
			   t->validated, l->header.seq);
	else if (t->expired_at)
		world_fail(p->w, "P10", "%s had expired at %u, and is in ledger %u",
			   hash256_short(id).s, t->expired_at, l->header.seq);
	t->validated = l->header.seq;
}

static void validated_all(struct props *p, const struct ledger *l)
{
	struct hash256 key, at, *after = NULL;
	struct bytes leaf;

	while (!world_failure(p->w) && tree_next(&l->txs, after, &key, &leaf) == FOUND) {
		at = key;
		after = &at;
		validated_one(p, l, &key, leaf);
	}
}

/* ---- the model follows ---- */

static void model_follow(struct props *p, const struct ledger *l)
{
	struct why why = {""};
	const char *broken;

	validated_all(p, l);
	if (world_failure(p->w))
		return;
	broken = model_apply(p->model, l, &why);
	if (!broken &&
	    (model_count(p->model) <= WALK_ACCOUNTS || l->header.seq % WALK_EVERY == 0) &&
	    !model_same_state(p->model, l, &why))
		broken = "P10";
	if (broken)
		world_fail(p->w, broken, "%s", why.text);
	else
		props_live_ledger(p);
	if (!broken)
		props_owned(p, l, false);
}

/* A ledger that somebody holds; the caller's reference. */
static struct ledger *find_ledger(struct props *p, uint32_t seq)
{
	const struct hash256 *hash = props_hash_at(p, seq);

	for (uint32_t i = 0; hash && i < world_count(p->w); i++) {
		struct node *n = world_node(p->w, i);
		const struct history *h = n ? world_history(p->w, i) : NULL;
		struct ledger *l = n ? node_ledger_by_hash(n, hash) : NULL;

		if (l)
			return ledger_ref(l);
		if (h && h->ledger(h->ctx, seq, &l) == ERR_NONE) {
			if (hash256_eq(&l->hash, hash))
				return l;
			ledger_unref(l);
		}
	}
	return NULL;
}

/* Ledgers that were reported before the ones below them, by a node that had fetched a state. */
static void catch_up(struct props *p)
{
	struct ledger *l;

	while (!world_failure(p->w) && model_seq(p->model) < p->top &&
	       (l = find_ledger(p, model_seq(p->model) + 1))) {
		model_follow(p, l);
		ledger_unref(l);
	}
}

void props_last_look(struct props *p)
{
	struct ledger *l = find_ledger(p, model_seq(p->model));

	if (l && !world_failure(p->w))
		props_owned(p, l, true);
	ledger_unref(l);
}

/* ---- P5 ---- */

static bool goes_on(struct props *p, uint32_t node, uint32_t seq)
{
	struct watched *n = &p->node[node];
	uint32_t lost = world_disk_losses(p->w, node);

	if (lost != n->lost) {
		n->lost = lost;
		n->reported = n->read = 0;
	}
	if (seq > n->reported)
		return true;
	world_fail(p->w, "P5", "node %c reports ledger %u after %u", 'A' + (int)node, seq,
		   n->reported);
	return false;
}

/* After a start: what was reported before is there; and maybe one more, which was durable when the
 * process ended. */
void props_begun(struct props *p, uint32_t node)
{
	struct watched *n = &p->node[node];
	struct node *up = world_node(p->w, node);
	const struct hash256 *known = props_hash_at(p, n->reported);
	struct ledger *v = up ? node_validated(up) : NULL;

	if (!v || !world_honest(p->w, node))
		return;
	if (world_disk_losses(p->w, node) == n->lost && n->reported) {
		if (v->header.seq < n->reported)
			world_fail(p->w, "P5", "node %c starts at %u, and had reported %u",
				   'A' + (int)node, v->header.seq, n->reported);
		else if (v->header.seq == n->reported && known && !hash256_eq(known, &v->hash))
			world_fail(p->w, "P5", "node %c starts on another ledger %u",
				   'A' + (int)node, n->reported);
		if (v->header.seq <= n->reported)
			return;
	}
	if (v->header.seq > 2)
		props_ledger(p, node, v);
}

void props_ledger(struct props *p, uint32_t node, struct ledger *l)
{
	struct watched *n = &p->node[node];
	uint32_t seq = l->header.seq;
	bool walk;

	if (!world_honest(p->w, node) || !goes_on(p, node, seq) || !agrees(p, node, l))
		return;
	n->reported = seq;
	walk = model_count(p->model) <= WALK_ACCOUNTS ? seq > p->top : false;
	if (seq >= n->walked + WALK_EVERY) {
		n->walked = seq;
		walk = true;
	}
	if (!conserves(p, node, l, walk))
		return;
	if (!props_hash_at(p, seq))
		keep_hash(p, seq, &l->hash);
	if (seq > model_seq(p->model) + 1 && !props_hash_at(p, seq - 1))
		keep_hash(p, seq - 1, &l->header.parent);
	if (seq > p->top) {
		p->top = seq;
		p->progress_ms = world_now_ms(p->w);
	}
	if (seq == model_seq(p->model) + 1)
		model_follow(p, l);
	if (model_seq(p->model) < p->top)
		catch_up(p);
	props_read(p, node, l);
}

void props_submitted(struct props *p, const struct tx *t)
{
	struct track *k;

	if (t->pseudo || props_track(p, &t->id))
		return;
	k = mem_zalloc(1, sizeof(*k));
	k->id = t->id;
	k->account = t->account;
	k->seq = t->seq;
	k->ticket = t->ticket;
	buf_put(&k->bytes, t->blob.p, t->blob.n);
	k->last_ledger = t->last_ledger;
	k->fee = t->fee.raw; /* raw: compared with balances */
	k->open = true;
	k->next = p->open;
	p->open = k;
	if (p->n_tracked == p->cap_tracked) {
		p->cap_tracked = p->cap_tracked ? 2 * p->cap_tracked : 256;
		p->tracked = mem_resize(p->tracked, p->cap_tracked, sizeof(struct track *));
	}
	p->tracked[p->n_tracked++] = k;
	hmap_put(&p->tracks, &t->id, k);
}
