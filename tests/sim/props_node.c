/* SPDX-License-Identifier: ISC */
#include "crypto/hash.h"
#include "tests/sim/props.h"

/* P11, P12, P13: what is asked of single nodes after their steps. */

#define CHECK_EVERY 16 /* steps of a node between looks at all of its bounds */

/* ---- P11 ---- */

void props_sizes(struct props *p, uint32_t node, const struct node_status *s)
{
	if (s->queue_n > s->queue_max || s->open_n > LEDGER_TX_MAX || s->peers > PEERS_MAX ||
	    s->queue_bytes > TX_QUEUE_BYTES_MAX)
		world_fail(p->w, "P11", "node %c: %u transactions wait (%llu bytes), %u peers",
			   'A' + (int)node, s->queue_n, (unsigned long long)s->queue_bytes,
			   s->peers);
}

static void check_bounds(struct props *p, uint32_t node, struct node *n)
{
	struct node_status s;
	struct why why = {""};

	if (!node_check(n, &why)) {
		world_fail(p->w, "P11", "node %c: %s", 'A' + (int)node, why.text);
		return;
	}
	node_get_status(n, (struct now){{world_now_ms(p->w)}, {0}}, &s);
	props_sizes(p, node, &s);
}

/* ---- P12 ---- */

void props_dropped(struct props *p, uint32_t node, uint32_t peer, const char *reason)
{
	if (world_honest(p->w, node) && world_honest(p->w, peer))
		world_fail(p->w, "P12", "node %c drops %c: %s", 'A' + (int)node, 'A' + (int)peer,
			   reason);
}

/* ---- P13 ---- */

/* All that a ledger may depend on. */
static bool causes_of(const struct ledger *l, struct hash256 *out)
{
	struct hash256 key, at, *after = NULL;
	struct buf b = BUF_INIT;
	struct bytes leaf;
	enum found f;

	buf_put(&b, l->header.parent.b, 32);
	buf_put_be32(&b, l->header.close.s);
	buf_put_u8(&b, l->header.close_resolution);
	buf_put_u8(&b, l->header.close_flags);
	while ((f = tree_next(&l->txs, after, &key, &leaf)) == FOUND) {
		at = key;
		after = &at;
		buf_put(&b, key.b, 32);
	}
	sha512_half(out, b.p, b.n);
	buf_close(&b);
	return f == ABSENT;
}

void props_closed(struct props *p, uint32_t node, struct ledger *l)
{
	struct hash256 causes, before;

	if (!causes_of(l, &causes))
		return;
	if (!props_note(p, &p->builds, &causes, &l->hash, &before))
		world_fail(p->w, "P13", "node %c made %s at %u of what others made %s of",
			   'A' + (int)node, hash256_short(&l->hash).s, l->header.seq,
			   hash256_short(&before).s);
}

void props_stepped(struct props *p, uint32_t node)
{
	struct watched *w = &p->node[node];
	struct node *n = world_node(p->w, node);
	struct ledger *closed;

	if (!n || !world_honest(p->w, node))
		return;
	if (w->starting && node_validated(n)) {
		w->starting = false;
		props_begun(p, node);
	}
	closed = node_closed(n);
	if (closed && !hash256_eq(&closed->hash, &w->closed)) {
		w->closed = closed->hash;
		props_closed(p, node, closed);
	}
	if (w->steps++ % CHECK_EVERY == 0)
		check_bounds(p, node, n);
}
