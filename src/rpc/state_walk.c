/* SPDX-License-Identifier: ISC */
#include "rpc/state_walk.h"

static bool note(void *ctx, const struct hash256 *key, enum view_change how,
		 const struct st_object *before, const struct st_object *after)
{
	struct state_walk *w = ctx;

	(void)how;
	(void)before;
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 64;
		w->changes = mem_resize(w->changes, w->cap, sizeof(*w->changes));
	}
	must(w->n == 0 || hash256_cmp(&w->changes[w->n - 1].key, key) < 0);
	w->changes[w->n++] = (struct state_change){.key = *key, .entry = after};
	return true;
}

bool state_walk_begin(struct rpc_call *c, struct state_walk *w)
{
	const struct ledger *closed = c->ledger.closed;

	*w = (struct state_walk){.c = c};
	if (!closed)
		closed = node_closed(c->host->node);
	if (!closed)
		return rpc_fail_behind(c, RPC_NO_CURRENT);
	if (c->ledger.open && !view_each_change(c->ledger.open, note, w))
		return rpc_fail_unavailable(c);
	tree_reader_open(&w->base, &closed->state);
	return true;
}

void state_walk_end(struct state_walk *w)
{
	tree_reader_close(&w->base);
	mem_free(w->changes);
	buf_close(&w->encoded);
	*w = (struct state_walk){0};
}

/* The number of the first change after a key. */
static size_t change_after(const struct state_walk *w, const struct hash256 *after)
{
	size_t lo = 0, hi = after ? w->n : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (hash256_cmp(&w->changes[mid].key, after) > 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* The next entry as a changed object, or as the bytes below, which live until the next look. */
static enum found look_next(struct state_walk *w, const struct hash256 *after, struct hash256 *key,
			    const struct st_object **changed, struct bytes *data)
{
	size_t i = change_after(w, after);
	struct hash256 passed;
	enum found f = tree_reader_next(&w->base, after, key, data);

	*changed = NULL;
	/* Changes up to the next entry below decide; an erased one hides that entry. */
	while (f != UNAVAILABLE && i < w->n) {
		const struct state_change *change = &w->changes[i];
		int order = f == FOUND ? hash256_cmp(&change->key, key) : -1;

		if (order > 0)
			break;
		if (change->entry) {
			*key = change->key;
			*changed = change->entry;
			return FOUND;
		}
		if (order == 0) {
			passed = *key;
			f = tree_reader_next(&w->base, &passed, key, data);
		}
		i++;
	}
	if (f == UNAVAILABLE)
		rpc_fail_unavailable(w->c);
	return f;
}

enum found state_walk_next(struct state_walk *w, const struct hash256 *after, struct hash256 *key,
			   const struct st_object **entry)
{
	struct st_object *o;
	struct bytes data;
	enum found f = look_next(w, after, key, entry, &data);

	if (f != FOUND || *entry)
		return f;
	data.p = arena_copy(&w->c->arena, data.p, data.n);
	if (st_decode(&o, &w->c->arena, data, NULL) != ERR_NONE) {
		rpc_fail_unavailable(w->c);
		return UNAVAILABLE;
	}
	*entry = o;
	return FOUND;
}

enum found state_walk_next_bytes(struct state_walk *w, const struct hash256 *after,
				 struct hash256 *key, struct bytes *data)
{
	const struct st_object *changed;
	enum found f = look_next(w, after, key, &changed, data);

	if (f != FOUND || !changed)
		return f;
	buf_clear(&w->encoded);
	st_encode(&w->encoded, changed, ST_ALL);
	*data = buf_bytes(&w->encoded);
	return FOUND;
}
