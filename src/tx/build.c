/* SPDX-License-Identifier: ISC */
#include "tx/build.h"

#include "base/limits.h"
#include "base/mem.h"
#include "ledger/negative_unl.h"

/* At most three passes; a transaction may be tried again in the first two. */
#define PASSES_MAX 3
/* Of that many ledgers one is built on its parent as it is stored, so that what ledgers before it
 * have loaded of the state does not stay in memory for good. */
#define STATE_REOPEN_EVERY 64

/* A ledger in the making. */
struct site {
	struct ledger_build *b;
	struct view *view;
	struct tree txs;
	struct arena meta_arena;
	struct buf leaf, meta; /* kept between transactions for their memory */
};

enum outcome { APPLIED, FAILED, RETRY };

/* The leaf of the transaction tree: VL(transaction) VL(metadata). */
static bool put_tx(struct site *s, const struct tx *t, const struct st_object *meta)
{
	buf_clear(&s->meta);
	st_encode(&s->meta, meta, ST_ALL);
	buf_clear(&s->leaf);
	st_encode_length(&s->leaf, t->blob.n);
	buf_put(&s->leaf, t->blob.p, t->blob.n);
	st_encode_length(&s->leaf, s->meta.n);
	buf_put(&s->leaf, s->meta.p, s->meta.n);
	return tree_put(&s->txs, &t->id, buf_bytes(&s->leaf)) != UNAVAILABLE;
}

static enum outcome apply_one(struct site *s, struct tx *t, bool retriable)
{
	struct ledger_build *b = s->b;
	struct tx_outcome out;

	arena_reset(&s->meta_arena);
	out = tx_apply(s->view, t, retriable ? TX_RETRY : 0, (uint32_t)b->n_applied,
		       &s->meta_arena);
	if (out.applied) {
		must(out.meta && put_tx(s, t, out.meta)); /* a new tree is all in memory */
		b->applied[b->n_applied++] = t;
		return APPLIED;
	}
	if (ter_is_tef(out.result) || ter_is_tem(out.result) || ter_is_tel(out.result))
		return FAILED;
	return RETRY;
}

/* One walk over what is left of list[0..n); returns how many stay for another. */
static size_t pass(struct site *s, struct tx **list, size_t n, bool retriable)
{
	struct ledger_build *b = s->b;
	size_t kept = 0;

	for (size_t i = 0; i < n && !view_failed(s->view); i++) {
		switch (apply_one(s, list[i], retriable)) {
		case APPLIED:
			break;
		case FAILED:
			b->failed[b->n_failed++] = list[i];
			break;
		case RETRY:
			list[kept++] = list[i];
			break;
		}
	}
	return kept;
}

/* The first two passes may leave transactions for later; a final one that changes nothing is the
 * last. */
static void apply_set(struct site *s, struct tx **list, size_t n)
{
	struct ledger_build *b = s->b;
	bool retriable = !b->replay;

	for (int i = 0; i < PASSES_MAX && n > 0; i++) {
		size_t before = b->n_applied;
		bool changed;

		n = pass(s, list, n, retriable);
		changed = b->n_applied > before;
		if (b->replay || (!changed && !retriable))
			break;
		if (!changed || i >= 1)
			retriable = false;
	}
	for (size_t i = 0; i < n; i++)
		b->failed[b->n_failed++] = list[i];
}

/* The new state: the parent's with the view's changes and the skip list. */
static bool make_state(struct site *s, struct tree *state, uint32_t seq)
{
	if (view_failed(s->view) || view_flush(s->view, state) != FOUND)
		return false;
	return skip_list_update(state, seq, &s->b->parent->hash) == FOUND;
}

static void make_ledger(struct site *s, struct tree *state)
{
	struct ledger_build *b = s->b;
	const struct ledger_header *p = &b->parent->header;
	struct ledger_header h = {.seq = p->seq + 1,
				  .parent = b->parent->hash,
				  .parent_close = p->close,
				  .close = b->close,
				  .close_resolution = b->close_resolution,
				  .close_flags = b->close_agreed ? 0 : LEDGER_FLAG_NO_CLOSE_TIME};

	must(drops_sub(&h.drops, p->drops, view_burned(s->view)));
	b->ledger = ledger_make(&h, state, &s->txs);
}

static bool read_info(const struct ledger_build *b, struct view_info *info)
{
	const struct ledger *p = b->parent;

	memset(info, 0, sizeof(*info));
	info->seq = p->header.seq + 1;
	info->parent_close = p->header.close;
	info->parent_hash = p->hash;
	info->network_id = b->network_id;
	if (ledger_fees_read(&p->state, &info->fees) != FOUND)
		return false;
	return rules_read(&p->state, &info->rules) == FOUND;
}

static void forget_results(struct ledger_build *b)
{
	mem_free(b->applied);
	mem_free(b->failed);
	b->applied = b->failed = NULL;
	b->n_applied = b->n_failed = 0;
}

void ledger_build_run(struct ledger_build *b)
{
	struct site s = {.b = b};
	struct view_info info;
	struct tx **list;
	struct tree state;
	bool ready;

	must(b->n <= LEDGER_TX_MAX || b->replay);
	b->ledger = NULL;
	b->applied = b->failed = NULL;
	b->n_applied = b->n_failed = 0;
	b->unavailable = !read_info(b, &info);
	if (b->unavailable)
		return;
	b->applied = mem_alloc(b->n * sizeof(b->applied[0]));
	b->failed = mem_alloc(b->n * sizeof(b->failed[0]));
	list = mem_alloc(b->n * sizeof(list[0]));
	if (b->n > 0)
		memcpy(list, b->txs, b->n * sizeof(list[0]));
	if (!b->replay)
		tx_sort_canonical(list, b->n, &b->salt);

	if (info.seq % STATE_REOPEN_EVERY == 0)
		tree_reopen(&state, &b->parent->state);
	else
		tree_share(&state, &b->parent->state);
	ready = negative_unl_update(&state, info.seq) == FOUND;
	s.view = view_open_tree(&state, &info);
	tree_init_empty(&s.txs, TREE_TX_META, NULL);
	if (ready)
		apply_set(&s, list, b->n);
	if (ready && make_state(&s, &state, info.seq))
		make_ledger(&s, &state);
	else
		b->unavailable = true;
	if (b->unavailable)
		forget_results(b);

	tree_close(&state);
	tree_close(&s.txs);
	view_close(s.view);
	rules_unref(info.rules);
	arena_close(&s.meta_arena);
	buf_close(&s.leaf);
	buf_close(&s.meta);
	mem_free(list);
}
