/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

/* What the others trust. Each validator says, signed, what its UNL is. Two UNLs of at most n
 * members are safe together when fewer than a fifth of n are in one and not in the other (rippled:
 * ValidatorList::calculateQuorum; Chase and MacBrough 2018, theorem 8); else two ledgers of one
 * sequence may both find their quorum.
 *
 *   a member says so of an unsafe UNL ──► told, shown
 *       one such, before a ledger was validated by our UNL ──► HOLD_OVERLAP
 *       more than the quorum can spare, for OVERLAP_WAITS_MS  ──► HOLD_OVERLAP
 *
 * A network that works is not stopped by what a few of its members say: that many may be lying. Nor
 * by a new list that some have read and others have not yet. HOLD_OVERLAP ends when those who said
 * so say otherwise, and is not taken where the configuration overrides it. What is told of
 * strangers is not looked at. */

#define TRUST_AT_ONCE    6 /* words of one member, and then one in: */
#define TRUST_EVERY_MS   10000
#define OVERLAP_WAITS_MS 600000 /* two looks at a publisher's site, as they usually are apart */

uint32_t node_unl_apart(const struct public_key *a, uint32_t n_a, const struct public_key *b,
			uint32_t n_b)
{
	uint32_t i = 0, j = 0, apart = 0;

	while (i < n_a || j < n_b) {
		int c = i == n_a ? 1 : j == n_b ? -1 : public_key_cmp(&a[i], &b[j]);

		apart += c != 0;
		i += c <= 0;
		j += c >= 0;
	}
	return apart;
}

bool node_unl_safe(const struct public_key *a, uint32_t n_a, const struct public_key *b,
		   uint32_t n_b)
{
	uint32_t less = n_a < n_b ? n_a : n_b;

	return !node_unl_apart(a, n_a, b, n_b) || 5 * node_unl_apart(a, n_a, b, n_b) < less;
}

/* ---- what we say ---- */

static void payload_of(struct node *n, struct buf *out, const struct msg *m)
{
	trust_payload(out, n->cfg.network_id, m);
}

static void say(struct node *n)
{
	struct unl_member *own = &n->unl[n->self];
	struct msg m = {.type = MSG_TRUST};
	struct buf keys = BUF_INIT, payload = BUF_INIT;
	uint8_t sig[SIGNATURE_MAX];
	uint32_t i;

	for (i = 0; i < n->cfg.unl_n; i++)
		buf_put(&keys, n->unl[i].key.b, WIRE_KEY_BYTES);
	m.trust.key = *unl_signing_key(n);
	m.trust.at = n->now.net;
	if (own->trusts_at.s >= m.trust.at.s)
		m.trust.at.s = own->trusts_at.s + 1;
	m.trust.members = buf_bytes(&keys);
	payload_of(n, &payload, &m);
	m.trust.signature = bytes_of(sig,
				     signature_make(n->cfg.validator, buf_bytes(&payload), sig));
	wire_frame_unref(own->trust_said);
	own->trust_said = wire_encode(&m);
	own->trusts_at = m.trust.at;
	fx_send(n, 0, 0, wire_frame_ref(own->trust_said));
	buf_close(&keys);
	buf_close(&payload);
}

void trust_greet(struct node *n, uint32_t peer)
{
	uint32_t i;

	for (i = 0; i < n->cfg.unl_n; i++)
		if (n->unl[i].trust_said)
			fx_send(n, peer, 0, wire_frame_ref(n->unl[i].trust_said));
}

/* ---- what they say ---- */

static uint32_t unsafe_members(const struct node *n)
{
	uint32_t i, k = 0;

	for (i = 0; i < n->cfg.unl_n; i++)
		k += n->unl[i].trust_unsafe;
	return k;
}

void trust_judge(struct node *n)
{
	uint32_t k = unsafe_members(n), spare = n->cfg.unl_n - cons_quorum(n->cfg.unl_n);
	bool hold;

	if (k <= spare)
		n->overlap_bad_since = STEADY_NEVER;
	else if (n->overlap_bad_since.ms == STEADY_NEVER.ms)
		n->overlap_bad_since = n->now.steady;
	hold = k && !n->cfg.unsafe_overlap &&
	       (!n->overlap_proved ||
		(k > spare &&
		 steady_since(n->overlap_bad_since, n->now.steady) >= OVERLAP_WAITS_MS));
	if (hold && !(n->holds & HOLD_OVERLAP))
		node_log(
		    n, NODE_LOG_ERROR,
		    "unl: %u validators of our UNL trust others than we do, so that the network "
		    "may fork; not validating ([unl] unsafe_overlap = yes overrides this)",
		    k);
	if (!hold && n->holds & HOLD_OVERLAP)
		node_log(n, NODE_LOG_WARN, "unl: the UNLs overlap enough; validating again");
	hold_set(n, HOLD_OVERLAP, hold);
}

static void compare(struct node *n, struct unl_member *m)
{
	struct public_key *theirs = mem_alloc(2 * UNL_MAX * sizeof(*theirs));
	struct public_key *ours = theirs + UNL_MAX;
	uint32_t n_theirs = (uint32_t)(m->trusts.n / WIRE_KEY_BYTES), i, apart;
	bool was = m->trust_unsafe;

	for (i = 0; i < n_theirs; i++)
		memcpy(theirs[i].b, m->trusts.p + (size_t)i * WIRE_KEY_BYTES, WIRE_KEY_BYTES);
	for (i = 0; i < n->cfg.unl_n; i++)
		ours[i] = n->unl[i].key;
	apart = n_theirs ? node_unl_apart(theirs, n_theirs, ours, n->cfg.unl_n) : 0;
	m->trust_unsafe = n_theirs && !node_unl_safe(theirs, n_theirs, ours, n->cfg.unl_n);
	if (m->trust_unsafe && !was)
		node_log(n, NODE_LOG_ERROR,
			 "unl: validator %u trusts %u validators, and %u are in one of its UNL and "
			 "ours alone: not enough overlap for safety",
			 (uint32_t)(m - n->unl), n_theirs, apart);
	mem_free(theirs);
}

void trust_changed(struct node *n)
{
	uint32_t i;

	for (i = 0; i < n->cfg.unl_n; i++)
		if ((int32_t)i != n->self)
			compare(n, &n->unl[i]);
	if (n->self >= 0 && !n->cfg.standalone && n->started)
		say(n);
	trust_judge(n);
}

void trust_on_msg(struct node *n, uint32_t peer, const struct msg *m)
{
	int32_t who = unl_who(n, &m->trust.key);
	struct buf payload = BUF_INIT;
	struct unl_member *u;
	bool good;

	if (who < 0 || who == n->self)
		return;
	u = &n->unl[who];
	if (m->trust.at.s <= u->trusts_at.s ||
	    !pace_allows(n, &u->trust_pace, TRUST_AT_ONCE, TRUST_EVERY_MS))
		return;
	payload_of(n, &payload, m);
	good = signature_check(bytes_of(m->trust.key.b, WIRE_KEY_BYTES), buf_bytes(&payload),
			       m->trust.signature);
	buf_close(&payload);
	if (!good) {
		fx_drop(n, peer, "word about a UNL with a bad signature");
		return;
	}
	u->trust_pace.used++;
	u->trusts_at = m->trust.at;
	buf_clear(&u->trusts);
	buf_put(&u->trusts, m->trust.members.p, m->trust.members.n);
	wire_frame_unref(u->trust_said);
	u->trust_said = wire_encode(m);
	fx_send(n, 0, peer, wire_frame_ref(u->trust_said));
	compare(n, u);
	trust_judge(n);
}

/* A ledger is validated by our UNL: the arrangement works. */
void trust_proved(struct node *n)
{
	if (n->overlap_proved)
		return;
	n->overlap_proved = true;
	trust_judge(n);
}

/* Whether our vote is for a ledger that stands on the validated one, which is not the genesis. */
static bool vote_stands(const struct node *n)
{
	const struct held *h = held_find(n, &n->vote_hash);

	while (h && h->ledger->header.seq > n->validated->header.seq) {
		if (hash256_eq(&h->ledger->header.parent, &n->validated->hash))
			return n->validated->header.seq > 2;
		h = held_find(n, &h->ledger->header.parent);
	}
	return false;
}

/* The same, of what we voted for before this process began: it is below the validated one, or, when
 * the network stands still just then, on top of it. */
void trust_look_back(struct node *n)
{
	struct hash256 hash;

	if (n->overlap_proved || !n->vote_seq || !n->validated)
		return;
	if (n->vote_seq > n->validated->header.seq
		? vote_stands(n)
		: skip_list_hash(n->validated, n->vote_seq, &hash) == FOUND)
		trust_proved(n);
}
