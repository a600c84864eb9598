/* SPDX-License-Identifier: ISC */
#include "ledger/tx_set.h"
#include "tests/sim/actors_impl.h"
#include "tests/sim/model.h"
#include "tx/tx.h"

#include <stdlib.h>

/* Sets of transactions that the machine itself would not have proposed, and what becomes of those
 * that it has. */

#define SET_MAX 2000

void actor_heard_txs(struct actor *a, const struct msg_blobs *txs)
{
	for (uint32_t i = 0; i < txs->n; i++) {
		struct known_tx *k = &a->known[a->n_known++ % KNOWN_TXS];
		struct bytes raw;

		memset(k, 0, sizeof(*k));
		if (!model_find(txs->v[i], 8, 1, &raw) || raw.n != 20)
			continue;
		memcpy(k->account.b, raw.p, 20);
		tx_id(&k->id, txs->v[i]);
		k->seq = (uint32_t)model_number(txs->v[i], 2, 4);
	}
}

/* ---- making one ---- */

static uint32_t sort_unique(struct hash256 *ids, uint32_t n)
{
	uint32_t kept = 0;

	if (n)
		qsort(ids, n, sizeof(*ids), hash256_qsort_cmp);
	for (uint32_t i = 0; i < n; i++)
		if (!kept || !hash256_eq(&ids[kept - 1], &ids[i]))
			ids[kept++] = ids[i];
	return kept;
}

/* Two known transactions for one sequence of one account. */
static bool find_pair(const struct actor *a, struct hash256 pair[2])
{
	uint32_t n = a->n_known < KNOWN_TXS ? a->n_known : KNOWN_TXS;

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = i + 1; k < n; k++)
			if (a->known[i].seq && a->known[i].seq == a->known[k].seq &&
			    account_eq(&a->known[i].account, &a->known[k].account) &&
			    !hash256_eq(&a->known[i].id, &a->known[k].id)) {
				pair[0] = a->known[i].id;
				pair[1] = a->known[k].id;
				return true;
			}
	return false;
}

static uint32_t fill(struct actor *a, enum made_kind kind, uint32_t how, struct hash256 *ids)
{
	struct node *node = actor_node(a);
	uint32_t count = 0, n = 0;
	struct tx *const *txs = node ? node_open_txs(node, &count) : NULL;
	const struct account_id *without = count && kind == MADE_WITHOUT
					       ? &txs[how % count]->account
					       : NULL;

	for (uint32_t i = 0; i < count && n < SET_MAX && kind != MADE_EMPTY; i++) {
		bool skip = (kind == MADE_LESS && i == how % count) ||
			    (without && account_eq(&txs[i]->account, without));

		if (!skip)
			ids[n++] = txs[i]->id;
	}
	if (kind == MADE_MORE && a->n_known)
		ids[n++] = a->known[how % (a->n_known < KNOWN_TXS ? a->n_known : KNOWN_TXS)].id;
	if (kind == MADE_PAIR && find_pair(a, &ids[n]))
		n += 2;
	if (kind == MADE_UNKNOWN) {
		memset(&ids[n], 0x11, sizeof(*ids));
		store_be32(ids[n++].b, how);
	}
	return sort_unique(ids, n);
}

bool actor_make_set(struct actor *a, enum made_kind kind, uint32_t how, struct hash256 *id)
{
	struct hash256 *ids = mem_alloc((SET_MAX + 4) * sizeof(*ids));
	struct made_set *s;
	uint32_t n = fill(a, kind, how, ids);

	tx_set_id(id, ids, n);
	if (actor_made(a, id)) {
		mem_free(ids);
		return true;
	}
	s = &a->made[a->n_made++ % MADE_SETS];
	mem_free(s->ids);
	*s = (struct made_set){.id = *id, .ids = ids, .n = n};
	return true;
}

const struct made_set *actor_made(const struct actor *a, const struct hash256 *id)
{
	for (uint32_t i = 0; i < MADE_SETS; i++)
		if (a->made[i].ids && hash256_eq(&a->made[i].id, id))
			return &a->made[i];
	return NULL;
}

/* ---- serving them ---- */

static void serve_txs(struct actor *a, uint32_t to, const struct msg *m)
{
	struct msg answer = {.type = MSG_TX_DATA};
	struct node *node = actor_node(a);
	struct bytes blobs[64];
	uint32_t n = 0;

	for (uint32_t i = 0; node && i < m->get_txs.ids.n && n < 64; i++) {
		struct tx *t = node_pending_tx(node, &m->get_txs.ids.v[i]);

		if (t)
			blobs[n++] = t->blob;
	}
	answer.txs.v = blobs;
	answer.txs.n = n;
	actor_send(a, to, &answer);
}

void actor_heard_get(struct actor *a, uint32_t from, const struct msg *m)
{
	const struct made_set *s;
	struct msg answer = {.type = MSG_SET};

	if (a->dying || actor_does(a, FAULT_BYZ_WITHHOLD_SET, from))
		return;
	if (m->type == MSG_GET_TXS) {
		if (actor_made(a, &m->get_txs.set))
			serve_txs(a, from, m);
		return;
	}
	s = actor_made(a, &m->set.id);
	if (!s || !s->n)
		return;
	answer.set.id = s->id;
	answer.set.ids = (struct msg_hashes){.v = s->ids, .n = s->n};
	actor_send(a, from, &answer);
}

/* ---- spoiling the machine's own answers ---- */

static void send_wrong_set(struct actor *a, uint32_t to, const struct msg *m, uint32_t how)
{
	struct hash256 *ids = mem_alloc((m->set.ids.n + 1) * sizeof(*ids));
	struct msg wrong = *m;

	memcpy(ids, m->set.ids.v, m->set.ids.n * sizeof(*ids));
	if (m->set.ids.n)
		ids[how % m->set.ids.n].b[31] ^= 1;
	else
		memset(&ids[0], 7, sizeof(*ids));
	wrong.set.ids.n = sort_unique(ids, m->set.ids.n ? m->set.ids.n : 1);
	wrong.set.ids.v = ids;
	actor_send(a, to, &wrong);
	mem_free(ids);
}

/* One item is no transaction, or another one. */
static void send_wrong_txs(struct actor *a, uint32_t to, const struct msg *m, uint32_t how)
{
	struct bytes *blobs = mem_alloc((m->txs.n + 1) * sizeof(*blobs));
	uint8_t junk[64];
	struct msg wrong = *m;

	memset(junk, (int)(how & 0xFF), sizeof(junk));
	if (m->txs.n)
		memcpy(blobs, m->txs.v, m->txs.n * sizeof(*blobs));
	else
		wrong.txs.n = 1;
	if (how % 2 && m->txs.n > 1 && blobs[0].n <= blobs[1].n)
		blobs[1] = blobs[0]; /* the message must not grow */
	else
		blobs[how % wrong.txs.n] = bytes_of(junk, sizeof(junk));
	wrong.txs.v = blobs;
	actor_send(a, to, &wrong);
	mem_free(blobs);
}

/* Transactions of a ledger in another order, or one of them twice: what is built of them is another
 * ledger than the header's. */
static void send_wrong_ledger(struct actor *a, uint32_t to, const struct msg *m, uint32_t how)
{
	uint32_t n = m->ledger.txs.n;
	struct bytes *blobs = mem_alloc(n * sizeof(*blobs));
	struct msg wrong = *m;

	for (uint32_t i = 0; i < n; i++)
		blobs[i] = m->ledger.txs.v[how % 2 ? n - 1 - i : i];
	if (how % 2 == 0 && blobs[0].n <= blobs[n - 1].n) /* the message must not grow */
		blobs[n - 1] = blobs[0];
	else if (how % 2 == 0)
		blobs[0] = blobs[n - 1];
	wrong.ledger.txs.v = blobs;
	actor_send(a, to, &wrong);
	mem_free(blobs);
}

/* Nodes of a tree, one with a bit changed. */
static void send_wrong_nodes(struct actor *a, uint32_t to, const struct msg *m, uint32_t how)
{
	struct bytes *nodes = mem_alloc(m->nodes.n * sizeof(*nodes));
	struct bytes *one = &nodes[how % m->nodes.n];
	struct msg wrong = *m;
	uint8_t *bytes;

	memcpy(nodes, m->nodes.nodes, m->nodes.n * sizeof(*nodes));
	bytes = mem_alloc(one->n);
	memcpy(bytes, one->p, one->n);
	bytes[one->n - 1] ^= 1;
	one->p = bytes;
	wrong.nodes.nodes = nodes;
	actor_send(a, to, &wrong);
	mem_free(bytes);
	mem_free(nodes);
}

bool actor_set_message(struct actor *a, uint32_t to, const struct msg *m)
{
	uint32_t how = actor_how(a, FAULT_BYZ_WRONG_ITEM);

	if (m->type == MSG_NAK) /* the machine does not know what the actor has made */
		return m->nak.request == MSG_GET_SET && actor_made(a, &m->nak.id) != NULL;
	if (actor_does(a, FAULT_BYZ_WITHHOLD_SET, to))
		return true;
	if (!actor_does(a, FAULT_BYZ_WRONG_ITEM, to))
		return false;
	if (m->type == MSG_SET)
		send_wrong_set(a, to, m, how);
	else if (m->type == MSG_TX_DATA)
		send_wrong_txs(a, to, m, how);
	else if (m->type == MSG_NODES)
		send_wrong_nodes(a, to, m, how);
	else if (m->ledger.txs.n > 1)
		send_wrong_ledger(a, to, m, how);
	else
		return false;
	return true;
}
