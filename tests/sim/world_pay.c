/* SPDX-License-Identifier: ISC */
#include "tests/sim/world_impl.h"

/* Transactions of clients. */

struct tx *world_payment(struct world *w, const struct world_pay *p)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct account_id src, dst;
	struct secret_key *key = keys_account(p->from, &src);
	struct buf b = BUF_INIT;
	struct why why = {""};
	uint32_t seq = p->seq;
	struct tx *t;

	(void)keys_account(p->to, &dst);
	if (!seq) {
		must(p->from < w->plan.accounts);
		seq = 1 + w->account_seq[p->from]++;
	}
	st_set_u(o, sfTransactionType, ttPayment);
	st_set_u(o, sfFlags, 0);
	st_set_u(o, sfNetworkID, w->genesis.network_id);
	st_set_u(o, sfSequence, seq);
	if (p->last_seq)
		st_set_u(o, sfLastLedgerSequence, p->last_seq);
	st_set_drops(o, sfAmount, drops_of(p->drops ? p->drops : 1));
	st_set_drops(o, sfFee, drops_of(p->fee ? p->fee : 10));
	st_set_account(o, sfAccount, &src);
	st_set_account(o, sfDestination, &dst);
	tx_sign(o, key);
	st_encode(&b, o, ST_ALL);
	must(tx_parse(&t, buf_bytes(&b), &why) == ERR_NONE);
	buf_close(&b);
	arena_close(&a);
	return t;
}

static void push_submit(struct world *w, char node, struct tx *tx, uint64_t token, bool fail_hard)
{
	struct submit *s = mem_zalloc(1, sizeof(*s));
	struct event e = world_event(&w->p[node - 'A'], EV_SUBMIT, w->now);

	s->tx = tx_ref(tx);
	s->token = token;
	s->fail_hard = fail_hard;
	e.p = s;
	w->submitted++;
	OBSERVE(w, submitted, (uint32_t)(node - 'A'), tx);
	world_push(w, e);
}

void world_submit(struct world *w, char node, struct tx *tx, uint64_t token)
{
	push_submit(w, node, tx, token, false);
}

void world_submit_hard(struct world *w, char node, struct tx *tx, uint64_t token)
{
	push_submit(w, node, tx, token, true);
}

struct hash256 world_pay(struct world *w, char node, const struct world_pay *p)
{
	struct tx *t = world_payment(w, p);
	struct hash256 id = t->id;

	world_submit(w, node, t, 0);
	tx_unref(t);
	return id;
}
