/* SPDX-License-Identifier: ISC */
#include "node/nunl.h"

#include "codec/format.h"
#include "ledger/genesis.h"
#include "node/node_impl.h"

/* The negative UNL: what this node has seen of each member, what it votes for, and what the last
 * closed ledger says (ledger/negative_unl.h; rippled: NegativeUNLVote.cpp).
 *
 *   validations heard ──► scores over the last 256 ledgers ──► in the round that makes a flag
 *   ledger, one member to disable and one to enable again, as pseudo-transactions in our set
 *
 * A member is its place in the UNL; a table beside it says which full validation was heard at each
 * sequence. Counted is what names a ledger of our chain, so nothing has to be undone when a branch
 * was left. */

#define NUNL_PRESENT_MS 20000                    /* a member that has validated within is there */
#define NUNL_KEPT       (FLAG_LEDGER_EVERY + 64) /* newest validations remembered of a member */

struct heard_vote {
	struct hash256 ledger;
	uint32_t seq;
};
struct heard_votes {
	struct steady last; /* when the newest came */
	bool any;
	struct heard_vote at[NUNL_KEPT]; /* at sequence % NUNL_KEPT */
};
struct nunl {
	struct negative_unl now; /* of the last closed ledger */
	struct nunl_score *m;    /* the UNL, in its order */
	struct heard_votes *heard;
	uint32_t n;
};

/* ---- members ---- */

static int64_t place_of(const struct nunl_score *m, uint32_t n, const struct public_key *key)
{
	for (uint32_t i = 0; i < n; i++)
		if (!public_key_cmp(&m[i].key, key))
			return i;
	return -1;
}

void nunl_members_changed(struct node *n)
{
	struct nunl *u = n->nunl;
	struct nunl_score *m = mem_zalloc(n->cfg.unl_n, sizeof(*m));
	struct heard_votes *heard = mem_zalloc(n->cfg.unl_n, sizeof(*heard));

	for (uint32_t i = 0; i < n->cfg.unl_n; i++) {
		int64_t old = place_of(u->m, u->n, &n->unl[i].key);

		m[i].key = n->unl[i].key;
		if (old >= 0) {
			m[i] = u->m[old];
			heard[i] = u->heard[old];
		} else if (n->closed) {
			m[i].since = n->closed->ledger->header.seq + 1;
		}
	}
	mem_free(u->m);
	mem_free(u->heard);
	u->m = m;
	u->heard = heard;
	u->n = n->cfg.unl_n;
}

void nunl_open(struct node *n)
{
	n->nunl = mem_zalloc(1, sizeof(*n->nunl));
	nunl_members_changed(n);
}

void nunl_close(struct node *n)
{
	mem_free(n->nunl->m);
	mem_free(n->nunl->heard);
	mem_free(n->nunl);
}

/* All members are newcomers to a process that starts. */
void nunl_started(struct node *n)
{
	for (uint32_t i = 0; i < n->nunl->n; i++)
		n->nunl->m[i].since = n->closed->ledger->header.seq + 1;
}

/* Whoever validates two ledgers at one sequence has validated none. */
void nunl_heard(struct node *n, uint32_t who, const struct cons_validation *v)
{
	struct heard_vote *h;

	if (!v->full || who >= n->nunl->n)
		return;
	h = &n->nunl->heard[who].at[v->seq % NUNL_KEPT];
	if (h->seq > v->seq)
		return;
	n->nunl->heard[who].last = n->now.steady;
	n->nunl->heard[who].any = true;
	if (h->seq == v->seq && !hash256_eq(&h->ledger, &v->ledger))
		h->ledger = HASH256_ZERO;
	else if (h->seq < v->seq)
		*h = (struct heard_vote){.ledger = v->ledger, .seq = v->seq};
}

uint32_t nunl_present(const struct node *n)
{
	const struct nunl *u = n->nunl;
	uint32_t present = 0;

	for (uint32_t i = 0; i < u->n; i++)
		present += u->heard[i].any &&
			   steady_since(u->heard[i].last, n->now.steady) < NUNL_PRESENT_MS &&
			   !negative_unl_has(&u->now, &u->m[i].key);
	return present;
}

/* ---- scores and candidates ---- */

/* False when the chain is not long enough, or cannot be read: then nobody is judged. */
static bool score(struct node *n, const struct ledger *l)
{
	struct nunl *u = n->nunl;
	struct hash256 hash;
	enum found f;

	for (uint32_t i = 0; i < u->n; i++)
		u->m[i].score = 0;
	if (l->header.seq <= FLAG_LEDGER_EVERY)
		return false;
	for (uint32_t seq = l->header.seq - FLAG_LEDGER_EVERY; seq < l->header.seq; seq++) {
		f = skip_list_hash(l, seq, &hash);
		if (f == UNAVAILABLE)
			node_store_failed(n, "cannot read the hashes of past ledgers");
		if (f != FOUND)
			return false;
		for (uint32_t i = 0; i < u->n; i++) {
			const struct heard_vote *h = &u->heard[i].at[seq % NUNL_KEPT];

			u->m[i].score += h->seq == seq && hash256_eq(&h->ledger, &hash);
		}
	}
	return true;
}

/* The NodeID of a key has the form of an account's id. Of two candidates the one goes that is
 * nearer to the parent's hash, which nobody can choose. */
static bool nearer(const struct hash256 *pad, const struct public_key *a,
		   const struct public_key *b)
{
	struct account_id x, y;

	if (!b)
		return true;
	account_of_key(&x, a);
	account_of_key(&y, b);
	for (size_t i = 0; i < sizeof(x.b); i++) {
		x.b[i] ^= pad->b[i];
		y.b[i] ^= pad->b[i];
	}
	return memcmp(x.b, y.b, sizeof(x.b)) < 0;
}

/* What the next flag ledger will say if nothing is added. */
static bool will_be_disabled(const struct negative_unl *now, const struct public_key *key)
{
	if (now->enabling && !public_key_cmp(&now->to_enable, key))
		return false;
	return negative_unl_has(now, key) ||
	       (now->disabling && !public_key_cmp(&now->to_disable, key));
}

static bool may_disable_more(const struct negative_unl *now, const struct nunl_score *m, uint32_t n)
{
	uint32_t listed = 0;

	for (uint32_t i = 0; i < n; i++)
		listed += will_be_disabled(now, &m[i].key);
	return listed < (n + 3) / 4;
}

/* Who is a member no more. */
static const struct public_key *leaver(const struct negative_unl *now, const struct nunl_score *m,
				       uint32_t n, const struct hash256 *parent)
{
	const struct public_key *best = NULL;

	for (uint32_t i = 0; i < now->n; i++) {
		const struct public_key *k = &now->disabled[i];

		if (place_of(m, n, k) < 0 && will_be_disabled(now, k) && nearer(parent, k, best))
			best = k;
	}
	if (now->disabling && place_of(m, n, &now->to_disable) < 0 &&
	    nearer(parent, &now->to_disable, best))
		best = &now->to_disable;
	return best;
}

struct nunl_choice nunl_choose(const struct negative_unl *now, const struct nunl_score *m,
			       uint32_t n, const struct hash256 *parent, uint32_t flag)
{
	bool more = may_disable_more(now, m, n);
	struct nunl_choice c = {NULL, NULL};

	for (uint32_t i = 0; i < n; i++) {
		bool is_off = will_be_disabled(now, &m[i].key);

		if (is_off && m[i].score > NUNL_HIGH && nearer(parent, &m[i].key, c.enable))
			c.enable = &m[i].key;
		if (!is_off && more && m[i].score < NUNL_LOW &&
		    flag - m[i].since > NUNL_NEW_LEDGERS && nearer(parent, &m[i].key, c.disable))
			c.disable = &m[i].key;
	}
	if (!c.enable)
		c.enable = leaver(now, m, n, parent);
	return c;
}

/* ---- votes ---- */

/* Its sender is of no bytes at all, unlike that of the other pseudo-transactions. */
static struct tx *vote(struct node *n, uint32_t seq, bool disable, const struct public_key *key)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = pseudo_begin(&a, ttUNLModify, seq);
	struct tx *t;

	st_set_raw(o, sfAccount, bytes_of(NULL, 0));
	st_set_u(o, sfUNLModifyDisabling, disable);
	st_set_raw(o, sfUNLModifyValidator, bytes_of(key->b, sizeof(key->b)));
	t = pseudo_end(o);
	node_log(n, NODE_LOG_INFO, "negative UNL: voting in ledger %u to %s %02X%02X%02X%02X%02X",
		 seq, disable ? "disable" : "enable", key->b[0], key->b[1], key->b[2], key->b[3],
		 key->b[4]);
	arena_close(&a);
	return t;
}

/* The next ledger is a flag ledger and we may speak about it. */
static bool votes_now(const struct node *n, const struct ledger *l)
{
	return n->self >= 0 && n->proposing_on && ledger_is_flag(l->header.seq + 1);
}

uint32_t nunl_votes(struct node *n, struct tx *out[NUNL_VOTES_MAX])
{
	const struct ledger *l = n->closed->ledger;
	struct nunl *u = n->nunl;
	struct nunl_choice c;
	uint32_t k = 0;

	if (!votes_now(n, l) || !score(n, l) || u->m[n->self].score < NUNL_OWN_MIN)
		return 0;
	c = nunl_choose(&u->now, u->m, u->n, &l->hash, l->header.seq + 1);
	if (c.disable)
		out[k++] = vote(n, l->header.seq + 1, true, c.disable);
	if (c.enable)
		out[k++] = vote(n, l->header.seq + 1, false, c.enable);
	return k;
}

/* ---- what the last closed ledger says ---- */

const struct negative_unl *node_negative_unl(const struct node *n)
{
	return &n->nunl->now;
}

/* Which of our members those are; consensus counts from the ledger after the flag ledger on. */
static void tell(struct node *n, const struct negative_unl *now, uint32_t seq)
{
	struct cons_event ev = {.kind = CONS_NEGATIVE_UNL};
	uint32_t who[UNL_MAX], i;

	ev.negative.who = who;
	ev.negative.from_seq = seq < FLAG_LEDGER_EVERY ? 0 : seq - seq % FLAG_LEDGER_EVERY + 1;
	for (i = 0; i < n->nunl->n; i++)
		if (negative_unl_has(now, &n->nunl->m[i].key))
			who[ev.negative.n++] = i;
	round_feed(n, &ev);
}

void nunl_closed(struct node *n)
{
	const struct ledger *l = n->closed->ledger;

	if (negative_unl_read(&l->state, &n->nunl->now) == FOUND)
		tell(n, &n->nunl->now, l->header.seq);
	else
		node_store_failed(n, "cannot read the negative UNL");
}

/* ---- after a long absence ----
 *
 * Who was away for longer than replaying takes, while members were disabled, sees a network whose
 * ledgers never reach the quorum that it knows. A ledger's own state says who is disabled; an
 * honest member signs it only if its parents but for the last few were validated before its eyes,
 * and what is disabled was decided 256 ledgers earlier. So a ledger is good that has the quorum by
 * its own count, which is never less than three fifths of our UNL: more than could be lying. */

static uint32_t support(const struct nunl *u, const struct hash256 *ledger, uint32_t seq,
			const struct negative_unl *less)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < u->n; i++) {
		const struct heard_vote *h = &u->heard[i].at[seq % NUNL_KEPT];

		k += h->seq == seq && hash256_eq(&h->ledger, ledger) &&
		     !(less && negative_unl_has(less, &u->m[i].key));
	}
	return k;
}

/* The sequence at which a member has validated the ledger, 0: none has. */
static uint32_t seq_of(const struct nunl *u, const struct hash256 *ledger)
{
	for (uint32_t i = 0; i < u->n; i++)
		for (uint32_t k = 0; k < NUNL_KEPT; k++)
			if (u->heard[i].at[k].seq && hash256_eq(&u->heard[i].at[k].ledger, ledger))
				return u->heard[i].at[k].seq;
	return 0;
}

bool nunl_may_count(const struct node *n, const struct hash256 *ledger)
{
	const struct nunl *u = n->nunl;
	uint32_t seq = seq_of(u, ledger);

	return seq > n->closed->ledger->header.seq + FLAG_LEDGER_EVERY &&
	       support(u, ledger, seq, NULL) >= cons_quorum_less(u->n, u->n);
}

bool nunl_adopt(struct node *n, const struct ledger *l)
{
	struct nunl *u = n->nunl;
	uint32_t disabled = 0, i;
	struct negative_unl less;

	if (hash256_eq(&l->hash, &n->target_valid))
		return true;
	if (!n->cons || negative_unl_read(&l->state, &less) != FOUND)
		return false;
	for (i = 0; i < u->n; i++)
		disabled += negative_unl_has(&less, &u->m[i].key);
	if (support(u, &l->hash, l->header.seq, &less) < cons_quorum_less(u->n, disabled))
		return false;
	tell(n, &less, l->header.seq);
	return true;
}
