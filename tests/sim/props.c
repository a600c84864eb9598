/* SPDX-License-Identifier: ISC */
#include "tests/sim/props.h"

#include "crypto/hash.h"

/* Joining the properties to a world: who is told what. Each file judges its own. */

#define TICK_MS 1000

bool props_note(struct props *p, struct hmap *m, const struct hash256 *key,
		const struct hash256 *what, struct hash256 *before)
{
	struct note *n = hmap_get(m, key);

	if (n) {
		*before = n->what;
		return hash256_eq(&n->what, what);
	}
	n = mem_zalloc(1, sizeof(*n));
	n->key = *key;
	n->what = *what;
	n->next = p->notes;
	p->notes = n;
	hmap_put(m, key, n);
	return true;
}

static void on_validated(void *ctx, uint32_t node, struct ledger *l)
{
	struct props *p = ctx;

	if (world_honest(p->w, node))
		props_quorum(p, node, l->header.seq);
	props_ledger(p, node, l);
}

static void on_started(void *ctx, uint32_t node, uint32_t life)
{
	struct props *p = ctx;

	(void)life;
	p->node[node].starting = true;
	p->node[node].behind_until = 0;
}

static void on_submitted(void *ctx, uint32_t node, struct tx *t)
{
	(void)node;
	props_submitted(ctx, t);
}

static void on_sent(void *ctx, uint32_t from, uint32_t to, const struct msg *m)
{
	(void)to;
	props_message(ctx, from, m);
}

static void on_dropped(void *ctx, uint32_t node, uint32_t peer, const char *reason)
{
	props_dropped(ctx, node, peer, reason);
}

static void on_stepped(void *ctx, uint32_t node)
{
	props_stepped(ctx, node);
}

static void on_healed(void *ctx)
{
	props_healed(ctx);
}

static void on_finished(void *ctx)
{
	struct props *p = ctx;

	props_last_look(p);
	p->over = true;
}

static void tick(void *ctx, struct world *w)
{
	struct props *p = ctx;

	if (p->over)
		return;
	p->ticks++;
	props_live_tick(p);
	props_reads_tick(p);
	world_after(w, TICK_MS, tick, p);
}

static void props_close(struct props *p)
{
	for (uint32_t i = 0; i < p->n_tracked; i++) {
		buf_close(&p->tracked[i]->bytes);
		mem_free(p->tracked[i]);
	}
	while (p->notes) {
		struct note *n = p->notes;

		p->notes = n->next;
		mem_free(n);
	}
	mem_free(p->tracked);
	mem_free(p->chain);
	hmap_close(&p->tracks);
	hmap_close(&p->votes);
	hmap_close(&p->builds);
	model_close(p->model);
	mem_free(p);
}

static void on_closed(void *ctx)
{
	props_close(ctx);
}

struct props *props_attach(struct world *w)
{
	struct props *p = mem_zalloc(1, sizeof(*p));
	struct world_observer o = {.ctx = p,
				   .stepped = on_stepped,
				   .sent = on_sent,
				   .validated = on_validated,
				   .submitted = on_submitted,
				   .dropped = on_dropped,
				   .started = on_started,
				   .healed = on_healed,
				   .finished = on_finished,
				   .closed = on_closed};

	p->w = w;
	p->model = model_open(world_genesis(w));
	hmap_init(&p->tracks, 0);
	hmap_init(&p->votes, 0);
	hmap_init(&p->builds, 0);
	world_observe(w, &o);
	world_after(w, TICK_MS, tick, p);
	return p;
}

void props_join(struct world *w)
{
	(void)props_attach(w);
}
