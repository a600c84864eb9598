/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "store/store_impl.h"

/* The check beside the node's work. A portion of the state is read through a tree of its own that
 * is then let go, so that memory stays as it is; every node on the way is hashed against what its
 * parent says of it. */

struct store_scrub {
	struct store *s;
	struct ledger *ledger; /* of this pass; NULL between passes */
	bool has_after;
	struct hash256 after; /* the entry seen last */
	bool state_done;
	struct drops sum;
	uint32_t seq; /* the next ledger to be looked at */
	uint32_t first;
	uint64_t checked;
	uint32_t passes;
};

struct store_scrub *store_scrub_new(struct store *s)
{
	struct store_scrub *c = mem_zalloc(1, sizeof(*c));

	c->s = s;
	return c;
}

static void pass_end(struct store_scrub *c)
{
	struct store_scrub next = {.s = c->s, .passes = c->passes};

	ledger_unref(c->ledger);
	*c = next;
}

void store_scrub_restart(struct store_scrub *c)
{
	pass_end(c);
}

void store_scrub_free(struct store_scrub *c)
{
	if (!c)
		return;
	pass_end(c);
	mem_free(c);
}

/* ERR_ABSENT while there is no ledger. */
static enum err pass_begin(struct store_scrub *c, struct why *why)
{
	struct tip_row tip = store_tip(c->s);
	enum err e = tip.seq ? store_ledger_open(c->s, tip.seq, &c->ledger) : ERR_ABSENT;

	if (e == ERR_ABSENT)
		return e;
	if (e != ERR_NONE)
		return why_set(why, e, "%s: ledger %u: %s", c->s->folder, tip.seq, err_text(e));
	c->first = c->seq = tip.searchable_first;
	return ERR_NONE;
}

static enum err bad_state(const struct store_scrub *c, const char *what, struct why *why)
{
	return why_set(why, ERR_CORRUPT, "%s: the state of ledger %u %s", c->s->folder,
		       c->ledger->header.seq, what);
}

static enum err end_state(struct store_scrub *c, struct why *why)
{
	c->state_done = true;
	if (!tree_is_empty(&c->ledger->state) && drops_cmp(c->sum, c->ledger->header.drops) != 0)
		return bad_state(c, "does not hold the drops that its header says", why);
	return ERR_NONE;
}

static enum err some_entries(struct store_scrub *c, uint32_t budget, struct why *why)
{
	const struct ledger *l = c->ledger;
	struct tree t;
	enum found f = FOUND;
	enum err e = ERR_NONE;

	if (tree_is_empty(&l->state))
		return end_state(c, why);
	tree_init_stored(&t, TREE_STATE, &c->s->source, &l->header.state_hash,
			 tree_root_key(&l->state));
	for (uint32_t i = 0; e == ERR_NONE && i < budget && f == FOUND; i++) {
		struct hash256 id;
		struct bytes entry;

		f = tree_next(&t, c->has_after ? &c->after : NULL, &id, &entry);
		if (f == FOUND) {
			if (!entry_add_drops(&c->sum, entry))
				e = bad_state(c, "has an entry that is none", why);
			c->after = id;
			c->has_after = true;
			c->checked++;
		}
	}
	tree_close(&t);
	if (e == ERR_NONE && f == UNAVAILABLE)
		e = bad_state(c, "has nodes that cannot be read or do not match", why);
	return e == ERR_NONE && f == ABSENT ? end_state(c, why) : e;
}

static enum err some_ledgers(struct store_scrub *c, uint32_t budget, bool *done, struct why *why)
{
	struct kv_txn *txn;
	uint64_t until = c->checked + budget;
	enum err e = kv_read(c->s->db, &txn);

	if (e != ERR_NONE)
		return store_fail(why, e, c->s->folder);
	while (e == ERR_NONE && c->seq <= c->ledger->header.seq && c->checked < until) {
		c->checked++;
		e = store_verify_ledger(txn, c->seq, &c->checked, why);
		if (e == ERR_NONE)
			c->seq++;
	}
	kv_abort(txn);
	if (e != ERR_NONE && e != ERR_CORRUPT)
		return store_fail(why, e, c->s->folder);
	if (e == ERR_NONE && c->seq > c->ledger->header.seq) {
		pass_end(c);
		c->passes++;
		*done = true;
	}
	return e;
}

enum err store_scrub_step(struct store_scrub *c, uint32_t budget, bool *done, struct why *why)
{
	enum err e = ERR_NONE;

	*done = false;
	if (!c->ledger)
		e = pass_begin(c, why);
	if (e == ERR_ABSENT) { /* an empty store is sound */
		*done = true;
		return ERR_NONE;
	}
	if (e != ERR_NONE)
		return e;
	return c->state_done ? some_ledgers(c, budget, done, why) : some_entries(c, budget, why);
}

/* The state counts for nine tenths, by the place in the order of its keys. */
struct store_scrub_progress store_scrub_progress(const struct store_scrub *c)
{
	struct store_scrub_progress p = {.checked = c->checked, .passes = c->passes};
	uint64_t of = 1, at = 0;

	if (!c->ledger)
		return p;
	p.ledger = c->ledger->header.seq;
	if (!c->state_done) {
		p.permille = c->has_after ? load_be32(c->after.b) / (UINT32_MAX / 900) : 0;
		return p;
	}
	of = (uint64_t)p.ledger - c->first + 1;
	at = (uint64_t)c->seq - c->first;
	p.permille = 900 + (uint32_t)(at * 100 / of);
	return p;
}
