/* SPDX-License-Identifier: ISC */
#include "crypto/hash.h"
#include "tests/sim/props.h"

/* P6, from the wire, over all lives of a process. Bowing out has no number of its own. */

static void note_vote(struct props *p, uint32_t node, const char *kind, const struct buf *about,
		      const struct hash256 *what, uint32_t number)
{
	struct hash256 key, before;

	sha512_half(&key, about->p, about->n);
	if (!props_note(p, &p->votes, &key, what, &before))
		world_fail(p->w, "P6", "node %c signed two %s %u: %s and %s", 'A' + (int)node, kind,
			   number, hash256_short(&before).s, hash256_short(what).s);
}

static void proposal(struct props *p, uint32_t node, const struct msg *m)
{
	struct watched *n = &p->node[node];
	struct hash256 what;
	struct buf b = BUF_INIT;

	if (m->proposal.seq == CONS_SEQ_BOW_OUT || public_key_cmp(&n->key, &m->proposal.key))
		return;
	buf_put(&b, m->proposal.set.b, 32);
	buf_put_be32(&b, m->proposal.close.s);
	buf_put_be32(&b, m->proposal.seq);
	buf_put(&b, m->proposal.prev.b, 32);
	sha512_half(&what, b.p, b.n);
	if (!hash256_eq(&what, &n->said[0])) {
		n->said[0] = what;
		buf_clear(&b);
		buf_put_u8(&b, 'P');
		buf_put(&b, n->key.b, sizeof(n->key.b));
		buf_put(&b, m->proposal.prev.b, 32);
		buf_put_be32(&b, m->proposal.seq);
		note_vote(p, node, "positions", &b, &what, m->proposal.seq);
	}
	buf_close(&b);
}

static void validation(struct props *p, uint32_t node, struct bytes v)
{
	struct watched *n = &p->node[node];
	struct bytes key, ledger;
	struct hash256 what;
	struct buf b = BUF_INIT;
	uint32_t seq;

	if (!model_find(v, 7, 3, &key) || key.n != sizeof(n->key.b) ||
	    memcmp(key.p, n->key.b, key.n) != 0 || !model_find(v, 5, 1, &ledger))
		return;
	memcpy(what.b, ledger.p, 32);
	if (hash256_eq(&what, &n->said[1]))
		return;
	n->said[1] = what;
	seq = (uint32_t)model_number(v, 2, 6);
	buf_put_u8(&b, 'V');
	buf_put(&b, n->key.b, sizeof(n->key.b));
	buf_put_be32(&b, seq);
	note_vote(p, node, "validations", &b, &what, seq);
	buf_close(&b);
}

/* The newest ledger that each validator has voted for, honest or not, twins for the one key. */
static void count_vote(struct props *p, uint32_t node, struct bytes v)
{
	const struct world_plan *plan = world_plan(p->w);
	const struct watched *n = &p->node[node];
	uint32_t i, seq = (uint32_t)model_number(v, 2, 6);
	struct bytes key;

	if (!model_find(v, 7, 3, &key) || key.n != sizeof(n->key.b) ||
	    memcmp(key.p, n->key.b, key.n) != 0)
		return;
	for (i = 0; i < plan->validators; i++)
		if (!public_key_cmp(secret_key_public(world_key(p->w, i)), &n->key) &&
		    seq > p->voted[i])
			p->voted[i] = seq;
}

/* No more than this can be known from the wire: a vote may be for a later ledger of that line. Up
 * to the first flag ledger of the run nobody is on the negative UNL. */
void props_quorum(struct props *p, uint32_t node, uint32_t seq)
{
	const struct world_plan *plan = world_plan(p->w);
	uint32_t i, n = 0, begins = world_genesis(p->w)->header.seq;

	if (seq <= 2 || seq <= begins || seq >= (begins / 256 + 1) * 256)
		return;
	for (i = 0; i < plan->validators; i++) {
		if (plan->unl[i])
			return;
		n += i == node || p->voted[i] >= seq;
	}
	if (n < (plan->validators * 4 + 4) / 5)
		world_fail(p->w, "P4", "node %c says that %u is validated, after votes of %u of %u",
			   'A' + (int)node, seq, n, plan->validators);
}

void props_message(struct props *p, uint32_t from, const struct msg *m)
{
	struct watched *n = &p->node[from];

	if (m->type != MSG_PROPOSAL && m->type != MSG_VALIDATION)
		return;
	if (!n->has_key) {
		const struct secret_key *key = world_key(p->w, from);

		if (!key)
			return;
		n->key = *secret_key_public(key);
		n->has_key = true;
	}
	if (m->type == MSG_VALIDATION)
		count_vote(p, from, m->validation);
	if (!world_honest(p->w, from))
		return;
	if (m->type == MSG_PROPOSAL)
		proposal(p, from, m);
	else
		validation(p, from, m->validation);
}
