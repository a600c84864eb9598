/* SPDX-License-Identifier: ISC */
#include "tests/tx/failing.h"

#include "ledger/tree_persist.h"
#include "tests/tx/support.h"

#include <stdlib.h>

static enum err put(void *ctx, uint64_t key, struct bytes node)
{
	struct failing_store *s = ctx;

	if (s->n == 0)
		s->first = key;
	assert_true(key == s->first + s->n && s->n < FAILING_NODES);
	buf_put(&s->nodes[s->n++], node.p, node.n);
	return ERR_NONE;
}

static enum err load(void *ctx, uint64_t key, struct buf *out)
{
	struct failing_store *s = ctx;

	if (++s->loads == s->fail_at)
		return ERR_IO;
	assert_true(key >= s->first && key < s->first + s->n);
	buf_put(out, s->nodes[key - s->first].p, s->nodes[key - s->first].n);
	return ERR_NONE;
}

struct failing_store *failing_open(struct tree *state)
{
	struct failing_store *s = mem_zalloc(1, sizeof(*s));
	struct tree_sink sink = {.put = put, .ctx = s};
	struct buf obsolete = BUF_INIT;
	struct tree_keys *keys;
	uint64_t root;

	s->source = (struct node_source){.load = load, .ctx = s};
	s->hash = tree_hash(state);
	assert_int_equal(tree_persist(state, NULL, 2, &sink, &obsolete, &keys, &root), ERR_NONE);
	tree_keys_drop(keys);
	buf_close(&obsolete);
	return s;
}

void failing_close(struct failing_store *s)
{
	for (uint64_t i = 0; i < s->n; i++)
		buf_close(&s->nodes[i]);
	mem_free(s);
}

void failing_tree(struct failing_store *s, uint64_t fail_at, struct tree *out)
{
	s->loads = 0;
	s->fail_at = fail_at;
	tree_init_stored(out, TREE_STATE, &s->source, &s->hash, s->first + s->n - 1);
}
