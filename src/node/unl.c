/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "ledger/tx_set.h"

#include <stdlib.h>

/* Whom this node trusts, and by which keys.
 *
 *   configuration, lists ──► listed: master keys ──┐
 *   manifests ──► signing keys, revocations ───────┴──► unl[]: members, in the order of their keys
 *
 * A member is its master key; which key signs for it is a matter of manifests and changes at once.
 * Members come and go between rounds: while one runs, a change waits, but not for ever, since a
 * round may be stuck for want of the very change. A master key that was revoked is listed, and no
 * member. While the lists that are needed have expired (HOLD_UNL), the members are as before, but
 * their word validates nothing (rippled: ValidatorList::updateTrusted, calculateQuorum). */

#define CHANGE_WAITS_MS 10000

static int key_cmp(const void *a, const void *b)
{
	return public_key_cmp(a, b);
}

/* ---- members by key ---- */

static int32_t member_of(const struct unl_member *m, uint32_t n, const struct public_key *master)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		int c = public_key_cmp(master, &m[mid].key);

		if (!c)
			return (int32_t)mid;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return -1;
}

int32_t unl_who(const struct node *n, const struct public_key *signing)
{
	const struct public_key *master = manifests_master(n->manifests, signing);

	return master ? member_of(n->unl, n->cfg.unl_n, master) : -1;
}

const struct public_key *unl_signing_key(const struct node *n)
{
	must(n->cfg.validator);
	return secret_key_public(n->cfg.validator);
}

/* ---- our own key ---- */

/* A manifest of our master that names another key: somebody has rotated it without us. */
static void check_own_key(struct node *n)
{
	const struct manifest *m = n->cfg.validator ? manifests_of(n->manifests, &n->master) : NULL;
	bool other = m && public_key_cmp(&m->signing, unl_signing_key(n)) != 0;

	if (!other || n->holds & HOLD_KEY)
		return;
	node_log(n, NODE_LOG_ERROR,
		 "keys: manifest %u of our master key %s; this process votes no more", m->seq,
		 manifest_revokes(m) ? "revokes it" : "names another signing key");
	hold_set(n, HOLD_KEY, true);
}

void hold_set(struct node *n, enum node_hold why, bool on)
{
	uint32_t was = n->holds;

	n->holds = on ? was | why : was & ~(uint32_t)why;
	if (n->holds != was)
		round_set_proposing(n);
}

/* ---- another UNL ---- */

static uint32_t members_listed(const struct node *n, struct public_key out[UNL_MAX])
{
	uint32_t i, k = 0;

	for (i = 0; i < n->n_listed; i++) {
		const struct manifest *m = manifests_of(n->manifests, &n->listed[i]);

		if (!m || !manifest_revokes(m))
			out[k++] = n->listed[i];
	}
	return k;
}

static void member_close(struct unl_member *m)
{
	uint32_t k;

	for (k = 0; k < VOTES_KEPT; k++)
		buf_close(&m->said[k].bytes);
	buf_close(&m->trusts);
	wire_frame_unref(m->trust_said);
}

/* from[i]: the place that member i had, or -1. */
static void members_set(struct node *n, const struct public_key *keys, uint32_t n_keys,
			int32_t *from)
{
	struct unl_member *m = mem_zalloc(n_keys ? n_keys : 1, sizeof(*m));
	uint32_t i;

	for (i = 0; i < n_keys; i++) {
		from[i] = member_of(n->unl, n->cfg.unl_n, &keys[i]);
		if (from[i] >= 0) {
			m[i] = n->unl[from[i]];
			memset(&n->unl[from[i]].said, 0, sizeof(m->said));
			n->unl[from[i]].trusts = BUF_INIT;
			n->unl[from[i]].trust_said = NULL;
		}
		m[i].key = keys[i];
	}
	for (i = 0; i < n->cfg.unl_n; i++)
		member_close(&n->unl[i]);
	mem_free(n->unl);
	n->unl = m;
	n->cfg.unl_n = n_keys;
	n->self = n->cfg.validator ? member_of(m, n_keys, &n->master) : -1;
}

static void consensus_open(struct node *n)
{
	struct cons_config cc = {
	    .unl_n = n->cfg.unl_n, .self = n->self, .set_id = tx_set_id, .salt = rng_next(&n->rng)};

	n->cons = cons_open(&cc);
}

/* The first members of all, while the node runs: it has waited for them to begin its rounds. */
static void begin_late(struct node *n)
{
	const struct ledger *l = n->closed->ledger;

	consensus_open(n);
	cons_set_first_seq(n->cons, &n->prop_prev, n->prop_next);
	cons_set_validated(n->cons, &l->hash, l->header.seq);
	rounds_begin(n, n->closed);
}

static void change(struct node *n, const struct public_key *keys, uint32_t n_keys)
{
	int32_t from[UNL_MAX];

	members_set(n, keys, n_keys, from);
	nunl_members_changed(n);
	governance_members_changed(n);
	evidence_members_changed(n);
	if (n->cons)
		round_set_unl(n, from);
	else
		begin_late(n);
	nunl_closed(n);
	round_set_proposing(n);
	trust_changed(n);
	node_log(n, NODE_LOG_INFO, "unl: %u validators, quorum %u%s", n_keys, cons_quorum(n_keys),
		 n->cfg.validator && n->self < 0 ? "; our own key is not among them" : "");
}

static bool same_members(const struct node *n, const struct public_key *keys, uint32_t n_keys)
{
	uint32_t i;

	for (i = 0; i < n_keys && n_keys == n->cfg.unl_n; i++)
		if (public_key_cmp(&keys[i], &n->unl[i].key))
			return false;
	return n_keys == n->cfg.unl_n;
}

static bool may_change_now(const struct node *n)
{
	struct cons_status s;

	if (!n->started || n->resume_job)
		return false;
	if (!n->cons)
		return true;
	if (!n->cons_started)
		return false;
	if (n->holds & HOLD_UNL)
		return true; /* no round of ours comes to an end anyway */
	cons_get_status(n->cons, &s);
	return s.phase == CONS_OPEN || s.phase == CONS_IDLE ||
	       steady_since(n->unl_due_since, n->now.steady) >= CHANGE_WAITS_MS;
}

void unl_settle(struct node *n)
{
	struct public_key keys[UNL_MAX];
	uint32_t n_keys;

	if (!n->unl_due || n->cfg.standalone || !may_change_now(n))
		return;
	n->unl_due = false;
	n_keys = members_listed(n, keys);
	hold_set(n, HOLD_UNL, n->unl_blocked || !n_keys);
	if (n_keys && !same_members(n, keys, n_keys))
		change(n, keys, n_keys);
}

static void due(struct node *n)
{
	if (!n->unl_due)
		n->unl_due_since = n->now.steady;
	n->unl_due = true;
}

static void list(struct node *n, const struct public_key *keys, uint32_t n_keys)
{
	must(n_keys <= UNL_MAX);
	if (n_keys)
		memcpy(n->listed, keys, n_keys * sizeof(*keys));
	qsort(n->listed, n_keys, sizeof(*n->listed), key_cmp);
	n->n_listed = n_keys;
	manifests_trust(n->manifests, n->listed, n_keys);
}

void unl_event(struct node *n, const struct node_event *ev)
{
	uint32_t i;

	if (n->cfg.standalone)
		return;
	if (ev->unl.blocked != n->unl_blocked)
		node_log(n, ev->unl.blocked ? NODE_LOG_ERROR : NODE_LOG_WARN,
			 ev->unl.blocked ? "unl: the validator lists that are needed have expired "
					   "or are missing; nothing is validated on their word"
					 : "unl: the validator lists are usable again");
	n->unl_blocked = ev->unl.blocked;
	if (ev->unl.blocked)
		hold_set(n, HOLD_UNL, true);
	if (ev->unl.n)
		list(n, ev->unl.keys, ev->unl.n);
	for (i = 0; i < ev->unl.n_manifests; i++)
		unl_manifest(n, 0, ev->unl.manifests[i]);
	due(n);
}

/* ---- manifests ---- */

static bool is_listed(const struct node *n, const struct public_key *master)
{
	return bsearch(master, n->listed, n->n_listed, sizeof(*n->listed), key_cmp) != NULL;
}

static void accepted(struct node *n, const struct manifest *m, uint32_t peer)
{
	bool trusted = is_listed(n, &m->master);
	struct msg relay = {.type = MSG_MANIFESTS};
	struct bytes one = m->bytes;
	struct node_effect *e = fx_new(n, NODE_FX_MANIFEST);

	buf_put(&e->manifest.bytes, m->bytes.p, m->bytes.n);
	e->manifest.trusted = trusted;
	relay.manifests.v = &one;
	relay.manifests.n = 1;
	fx_send_msg(n, 0, peer, &relay);
	if (trusted)
		node_log(n, manifest_revokes(m) ? NODE_LOG_WARN : NODE_LOG_INFO,
			 manifest_revokes(m)
			     ? "keys: a validator of the UNL has revoked its master key"
			     : "keys: manifest %u of a validator of the UNL",
			 m->seq);
	if (trusted && manifest_revokes(m))
		due(n);
	if (!public_key_cmp(&m->master, &n->master))
		check_own_key(n);
}

void unl_manifest(struct node *n, uint32_t peer, struct bytes in)
{
	const struct manifest *m;
	enum manifest_fate fate = peer ? manifests_add(n->manifests, in, n->now.steady, &m)
				       : manifests_load(n->manifests, in, &m);

	switch (fate) {
	case MANIFEST_NEW:
		accepted(n, m, peer);
		break;
	case MANIFEST_MALFORMED:
	case MANIFEST_FORGED:
		if (peer)
			fx_drop(n, peer, "manifest that is malformed or badly signed");
		break;
	case MANIFEST_STALE:
	case MANIFEST_BUSY:
	case MANIFEST_TAKEN:
		break;
	}
}

void unl_on_manifests(struct node *n, uint32_t peer, const struct msg *m)
{
	uint32_t i;

	for (i = 0; i < m->manifests.n && peer_find(n, peer); i++)
		unl_manifest(n, peer, m->manifests.v[i]);
}

/* A new peer gets those of members, and ours: never what else has been heard. */
void unl_greet(struct node *n, uint32_t peer)
{
	struct msg m = {.type = MSG_MANIFESTS};
	const struct manifest *own = n->cfg.validator && n->self < 0
					 ? manifests_of(n->manifests, &n->master)
					 : NULL;
	const struct manifest *one = manifests_trusted(n->manifests, 0);
	struct bytes v[64];
	uint32_t i = 0;

	m.manifests.v = v;
	must(msg_count_max(MSG_MANIFESTS) == sizeof(v) / sizeof(v[0]));
	for (; one || own; one = one ? manifests_trusted(n->manifests, ++i) : NULL) {
		v[m.manifests.n++] = one ? one->bytes : own->bytes;
		own = one ? own : NULL;
		if (m.manifests.n < sizeof(v) / sizeof(v[0]))
			continue;
		fx_send_msg(n, peer, 0, &m);
		m.manifests.n = 0;
	}
	if (m.manifests.n)
		fx_send_msg(n, peer, 0, &m);
}

/* ---- life ---- */

void unl_open(struct node *n, const struct node_config *c)
{
	struct public_key keys[UNL_MAX];
	const struct manifest *own = NULL;
	int32_t from[UNL_MAX];
	uint32_t i, n_keys;

	n->overlap_bad_since = STEADY_NEVER;
	n->manifests = manifests_open(rng_next(&n->rng));
	n->cfg.unl_n = 0;
	n->unl_blocked = c->unl_blocked;
	list(n, c->unl, c->unl_n);
	if (c->validator)
		n->master = *secret_key_public(c->validator);
	if (c->manifest.n) { /* it goes first: what is on disk may be newer, but not another's */
		(void)manifests_load(n->manifests, c->manifest, &own);
		must(own && c->validator);
		n->master = own->master;
	}
	for (i = 0; i < c->n_manifests; i++)
		(void)manifests_load(n->manifests, c->manifests[i], NULL);
	n_keys = members_listed(n, keys);
	members_set(n, keys, n_keys, from);
	if (!c->standalone && n_keys)
		consensus_open(n);
	if (n->unl_blocked || (!n_keys && c->unl_n))
		n->holds |= HOLD_UNL;
}

/* Once effects can be told. */
void unl_started(struct node *n)
{
	check_own_key(n);
	if (n->unl_blocked)
		node_log(n, NODE_LOG_ERROR,
			 "unl: the validator lists that are needed have expired "
			 "or are missing; nothing is validated on their word");
	trust_changed(n);
}

void unl_close(struct node *n)
{
	uint32_t i;

	for (i = 0; i < n->cfg.unl_n; i++)
		member_close(&n->unl[i]);
	mem_free(n->unl);
	manifests_close(n->manifests);
}

const struct manifest *node_manifest(const struct node *n, const struct public_key *key)
{
	const struct public_key *master = manifests_master(n->manifests, key);

	return manifests_of(n->manifests, master ? master : key);
}

uint32_t node_listed(const struct node *n, const struct public_key **keys)
{
	*keys = n->listed;
	return n->n_listed;
}
