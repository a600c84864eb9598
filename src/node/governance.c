/* SPDX-License-Identifier: ISC */
#include "codec/format.h"
#include "ledger/genesis.h"
#include "ledger/negative_unl.h"
#include "node/ballot.h"
#include "node/node_impl.h"

#include <stdlib.h>

/* How a network changes its fees and its rules (ballot.h counts): what this validator wishes goes
 * into its validation of the ledger before a flag ledger; in the round after the flag ledger it
 * counts what the members have said there, and proposes pseudo-transactions. A stand-alone node is
 * all the validators there are.
 *
 * And what happens to a node whose program does not know the rules: from the moment at which a
 * ledger has an amendment enabled that it does not support it votes no more, and once that ledger
 * is validated it follows the network no more (rippled: "amendment blocked"). What it has served
 * until then was right; what it would build from there on may not be. */

_Static_assert(AMENDMENT_COUNT <= BALLOT_IDS_MAX, "all amendments fit into a validation");
_Static_assert(1 + AMENDMENT_MAJORITIES_MAX + BALLOT_IDS_MAX <= PSEUDO_MAX, "a vote on each");

struct governance {
	struct ballot ballot;
	bool counted;
	bool has[NODE_FEES];
	int64_t drops[NODE_FEES];
	struct hash256 wanted[BALLOT_IDS_MAX]; /* ascending */
	uint32_t n_wanted;
	struct tx *votes[PSEUDO_MAX]; /* of the round that runs */
	uint32_t n_votes;
	struct hash256 closed, validated; /* looked at last */
	bool warned;
	struct net_time expected;
};

static bool supports(const struct node *n, const struct hash256 *id)
{
	const struct amendment *a;

	if (n->cfg.supports)
		return n->cfg.supports(id);
	a = amendment_by_id(id);
	return a && a->supported;
}

static uint32_t majority_s(const struct node *n)
{
	return n->cfg.majority_s ? n->cfg.majority_s : AMENDMENT_MAJORITY_S;
}

/* ---- wishes ---- */

void governance_wish(struct node *n, const struct node_wishes *w)
{
	struct governance *g = n->governance;

	must(w->n_amendments <= BALLOT_IDS_MAX);
	for (unsigned i = 0; i < NODE_FEES; i++) {
		must(!w->has[i] || w->drops[i] <= DROPS_MAX);
		g->has[i] = w->has[i];
		g->drops[i] = w->has[i] ? (int64_t)w->drops[i] : 0;
	}
	g->n_wanted = w->n_amendments;
	if (g->n_wanted)
		memcpy(g->wanted, w->amendments, g->n_wanted * sizeof(g->wanted[0]));
	qsort(g->wanted, g->n_wanted, sizeof(g->wanted[0]), hash256_qsort_cmp);
}

static bool wants(const struct governance *g, const struct hash256 *id)
{
	return bsearch(id, g->wanted, g->n_wanted, sizeof(*id), hash256_qsort_cmp) != NULL;
}

static int64_t fee_of(const struct ledger_fees *f, unsigned which)
{
	const struct drops d[NODE_FEES] = {f->base, f->reserve, f->increment};

	/* raw: wishes are compared as numbers; the first form of the entry may hold any */
	return d[which].raw > DROPS_MAX ? (int64_t)DROPS_MAX : (int64_t)d[which].raw;
}

static int64_t target_of(const struct governance *g, const struct ledger_fees *f, unsigned which)
{
	return g->has[which] ? g->drops[which] : fee_of(f, which);
}

static void say_amendments(const struct node *n, struct st_object *o, const struct rules *r)
{
	const struct governance *g = n->governance;
	struct hash256 ids[BALLOT_IDS_MAX];
	uint32_t k = 0;

	for (uint32_t i = 0; i < g->n_wanted; i++)
		if (supports(n, &g->wanted[i]) && !rules_enabled(r, &g->wanted[i]))
			ids[k++] = g->wanted[i];
	if (k)
		st_set_raw(o, sfAmendments, bytes_of(ids, k * sizeof(ids[0])));
}

void governance_say(struct node *n, struct st_object *o, const struct ledger *l)
{
	const struct governance *g = n->governance;
	struct rules *r = NULL;
	struct ledger_fees fees;

	if (load_fee(n) > FEE_LEVEL_BASE)
		st_set_u(o, sfLoadFee, load_fee(n));
	if (!ledger_is_flag(l->header.seq + 1))
		return;
	if (ledger_fees_read(&l->state, &fees) != FOUND || rules_read(&l->state, &r) != FOUND) {
		node_store_failed(n, "cannot read fees and rules");
		rules_unref(r);
		return;
	}
	for (unsigned i = 0; i < NODE_FEES; i++)
		ballot_fee_put(o, i, amendment_on(r, AMENDMENT_XRPFees), fee_of(&fees, i),
			       target_of(g, &fees, i));
	say_amendments(n, o, r);
	rules_unref(r);
}

/* ---- pseudo-transactions ---- */

struct st_object *pseudo_begin(struct arena *a, uint16_t type, uint32_t seq)
{
	static const struct account_id nobody;
	struct st_object *o = st_new(a);

	st_set_u(o, sfTransactionType, type);
	st_set_account(o, sfAccount, &nobody);
	st_set_u(o, sfSequence, 0);
	st_set_drops(o, sfFee, drops_of(0));
	st_set_raw(o, sfSigningPubKey, bytes_of(NULL, 0));
	st_set_u(o, sfLedgerSequence, seq);
	return o;
}

struct tx *pseudo_end(const struct st_object *o)
{
	struct buf b = BUF_INIT;
	struct tx *t = NULL;

	st_encode(&b, o, ST_ALL);
	must(tx_parse(&t, buf_bytes(&b), NULL) == ERR_NONE);
	buf_close(&b);
	return t;
}

static void drop_votes(struct governance *g)
{
	for (uint32_t i = 0; i < g->n_votes; i++)
		tx_unref(g->votes[i]);
	g->n_votes = 0;
}

static void vote(struct governance *g, const struct st_object *o)
{
	must(g->n_votes < PSEUDO_MAX);
	g->votes[g->n_votes++] = pseudo_end(o);
}

static void vote_fees(struct node *n, const int64_t fee[NODE_FEES], bool xrp_fees)
{
	struct arena a = ARENA_INIT;
	uint32_t seq = n->closed->ledger->header.seq + 1;
	struct st_object *o = pseudo_begin(&a, ttSetFee, seq);

	if (xrp_fees) {
		st_set_drops(o, sfBaseFeeDrops, drops_of((uint64_t)fee[NODE_FEE_BASE]));
		st_set_drops(o, sfReserveBaseDrops, drops_of((uint64_t)fee[NODE_FEE_RESERVE]));
		st_set_drops(o, sfReserveIncrementDrops,
			     drops_of((uint64_t)fee[NODE_FEE_INCREMENT]));
	} else {
		st_set_u(o, sfBaseFee, (uint64_t)fee[NODE_FEE_BASE]);
		st_set_u(o, sfReserveBase, (uint64_t)fee[NODE_FEE_RESERVE]);
		st_set_u(o, sfReserveIncrement, (uint64_t)fee[NODE_FEE_INCREMENT]);
		st_set_u(o, sfReferenceFeeUnits, REFERENCE_FEE_UNITS);
	}
	vote(n->governance, o);
	node_log(n, NODE_LOG_WARN, "fees: voting in ledger %u for %lld/%lld/%lld drops", seq,
		 (long long)fee[NODE_FEE_BASE], (long long)fee[NODE_FEE_RESERVE],
		 (long long)fee[NODE_FEE_INCREMENT]);
	arena_close(&a);
}

static void vote_amendment(struct node *n, const struct hash256 *id, enum ballot_act act)
{
	static const char *const words[] = {
	    [BALLOT_GOT] = "has got the majority",
	    [BALLOT_LOST] = "has lost the majority",
	    [BALLOT_ENABLE] = "has held the majority: to be in force",
	};
	const struct amendment *known = amendment_by_id(id);
	struct arena a = ARENA_INIT;
	uint32_t seq = n->closed->ledger->header.seq + 1;
	struct st_object *o = pseudo_begin(&a, ttEnableAmendment, seq);

	if (act != BALLOT_ENABLE)
		st_set_u(o, sfFlags,
			 (uint32_t)(act == BALLOT_GOT ? tfGotMajority : tfLostMajority));
	st_set_hash256(o, sfAmendment, id);
	vote(n->governance, o);
	node_log(n, NODE_LOG_WARN, "amendments: %s %s (vote in ledger %u)",
		 known ? known->name : hash256_hex(id).s, words[act], seq);
	arena_close(&a);
}

/* ---- counting ---- */

/* Validations of the ledger before the flag ledger, whose wishes count. */
struct heard {
	struct arena arena;
	struct {
		uint32_t who;
		const struct st_object *o;
	} v[UNL_MAX];
	uint32_t n;
};

/* True when there is a quorum of them; the caller closes the arena. */
static bool hear(const struct node *n, struct heard *h)
{
	const struct ledger_header *flag = &n->closed->ledger->header;
	const struct negative_unl *less = node_negative_unl(n);
	struct cons_validation v;
	struct st_object *o;
	uint32_t off = 0;
	int32_t who;

	*h = (struct heard){.arena = ARENA_INIT};
	for (uint32_t i = 0; i < n->cfg.unl_n; i++) {
		const struct said *s = &n->unl[i].said[(flag->seq - 1) % VOTES_KEPT];

		if (negative_unl_has(less, &n->unl[i].key)) {
			off++;
			continue;
		}
		if (!s->bytes.n || s->seq != flag->seq - 1 ||
		    !vote_parse(n, buf_bytes(&s->bytes), &v, &who) || !v.full ||
		    !hash256_eq(&v.ledger, &flag->parent) ||
		    st_decode(&o, &h->arena, buf_bytes(&s->bytes), NULL) != ERR_NONE)
			continue;
		h->v[h->n].who = i;
		h->v[h->n++].o = o;
	}
	return n->cfg.standalone || h->n >= cons_quorum_less(n->cfg.unl_n, off);
}

static void count_fees(struct node *n, const struct heard *h)
{
	bool xrp_fees = amendment_on(n->rules, AMENDMENT_XRPFees), other = false;
	int64_t votes[UNL_MAX], fee[NODE_FEES];

	for (unsigned k = 0; k < NODE_FEES; k++) {
		int64_t now = fee_of(&n->fees, k);

		for (uint32_t i = 0; i < h->n; i++)
			votes[i] = ballot_fee_in(h->v[i].o, k, xrp_fees, now);
		fee[k] = ballot_fee(now, target_of(n->governance, &n->fees, k), votes, h->n);
		if (!xrp_fees && k != NODE_FEE_BASE && fee[k] > UINT32_MAX)
			fee[k] = now; /* that form has no room for it */
		other = other || fee[k] != now;
	}
	if (other)
		vote_fees(n, fee, xrp_fees);
}

static void take_wishes(struct node *n, const struct heard *h, struct net_time close)
{
	struct governance *g = n->governance;
	struct bytes ids;

	for (uint32_t i = 0; i < h->n; i++) {
		ids = bytes_of(NULL, 0);
		(void)st_get_raw(h->v[i].o, sfAmendments, &ids);
		ballot_take(&g->ballot, h->v[i].who, ids, close);
	}
	if (n->cfg.standalone)
		ballot_take(&g->ballot, 0, bytes_of(g->wanted, g->n_wanted * sizeof(*g->wanted)),
			    close);
	ballot_expire(&g->ballot, close);
	g->counted = true;
}

static void count_one(struct node *n, const struct ballot_total *t, const struct hash256 *id,
		      const uint32_t *since, struct net_time close)
{
	const struct governance *g = n->governance;
	bool passes = ballot_passes(t, ballot_for(&g->ballot, id));
	enum ballot_act act;

	if (rules_enabled(n->rules, id))
		return;
	act = ballot_act(passes, since, wants(g, id) && supports(n, id), majority_s(n), close);
	if (act != BALLOT_NOTHING)
		vote_amendment(n, id, act);
}

static void count_amendments(struct node *n, const struct heard *h)
{
	struct amendment_majority m[AMENDMENT_MAJORITIES_MAX];
	const struct ledger *l = n->closed->ledger;
	struct governance *g = n->governance;
	struct net_time close = l->header.parent_close;
	struct ballot_total t;
	uint32_t k, i, j;

	take_wishes(n, h, close);
	t = ballot_total(&g->ballot);
	if (amendment_majorities(&l->state, m, AMENDMENT_MAJORITIES_MAX, &k) != FOUND) {
		node_store_failed(n, "cannot read the amendments");
		return;
	}
	for (i = 0; i < k; i++)
		count_one(n, &t, &m[i].id, &m[i].since, close);
	for (i = 0; i < g->n_wanted; i++) {
		for (j = 0; j < k && !hash256_eq(&m[j].id, &g->wanted[i]); j++)
			;
		if (j == k)
			count_one(n, &t, &g->wanted[i], NULL, close);
	}
}

struct tx *const *governance_votes(struct node *n, uint32_t *n_votes)
{
	struct governance *g = n->governance;
	uint32_t seq = n->closed->ledger->header.seq;
	struct heard h;

	drop_votes(g);
	if (ledger_is_flag(seq + 1)) {
		g->n_votes = nunl_votes(n, g->votes);
	} else if (ledger_is_flag(seq) && (n->cfg.standalone || n->proposing_on)) {
		if (hear(n, &h)) {
			count_fees(n, &h);
			count_amendments(n, &h);
		}
		arena_close(&h.arena);
	}
	*n_votes = g->n_votes;
	return g->votes;
}

struct tx *governance_find(const struct node *n, const struct hash256 *id)
{
	const struct governance *g = n->governance;

	for (uint32_t i = 0; i < g->n_votes; i++)
		if (hash256_eq(&g->votes[i]->id, id))
			return g->votes[i];
	return NULL;
}

bool node_ballot(const struct node *n, struct node_ballot *out)
{
	struct ballot_total t = ballot_total(&n->governance->ballot);

	*out = (struct node_ballot){t.members, t.threshold};
	return n->governance->counted;
}

uint32_t node_ballot_for(const struct node *n, const struct hash256 *amendment)
{
	return ballot_for(&n->governance->ballot, amendment);
}

/* ---- amendments that this program does not support ---- */

static bool unsupported_in(const struct node *n, const struct rules *r, struct hash256 *which)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (!supports(n, &r->id[i])) {
			*which = r->id[i];
			return true;
		}
	return false;
}

static void block(struct node *n, const struct hash256 *which, uint32_t seq)
{
	const struct amendment *known = amendment_by_id(which);

	if (n->holds & HOLD_BLOCKED)
		return;
	node_log(n, NODE_LOG_ERROR,
		 "amendments: BLOCKED: %s is in force since ledger %u and this program does not "
		 "support it; it follows the network no more: install a newer version",
		 known ? known->name : hash256_hex(which).s, seq);
	hold_set(n, HOLD_BLOCKED, true);
	sync_drop(n);
}

/* How long it is until then, in words. */
static void log_warning(struct node *n, const struct hash256 *id, struct net_time then)
{
	static const struct {
		uint32_t seconds;
		const char *name;
	} units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};
	const struct amendment *known = amendment_by_id(id);
	uint32_t left = then.s > n->now.net.s ? then.s - n->now.net.s : 0;
	size_t i = 0;

	while (i < 3 && left < 2 * units[i].seconds)
		i++;
	node_log(n, NODE_LOG_ERROR,
		 "amendments: %s, which this program does not support, has a majority; unless a "
		 "newer version is installed in %u %s, this node will be blocked",
		 known ? known->name : hash256_hex(id).s, left / units[i].seconds, units[i].name);
}

/* Said when it is found, and again at each flag ledger. */
static void warn(struct node *n, const struct ledger *l)
{
	struct amendment_majority m[AMENDMENT_MAJORITIES_MAX];
	struct governance *g = n->governance;
	const struct hash256 *first = NULL;
	bool was = g->warned;
	uint64_t since = UINT32_MAX;
	uint32_t k;

	if (amendment_majorities(&l->state, m, AMENDMENT_MAJORITIES_MAX, &k) != FOUND)
		return; /* whoever needs it will find out */
	for (uint32_t i = 0; i < k; i++)
		if (!supports(n, &m[i].id) && m[i].since <= since) {
			since = m[i].since;
			first = &m[i].id;
		}
	g->warned = first != NULL;
	if (!first)
		return;
	since += majority_s(n);
	g->expected.s = since > UINT32_MAX ? UINT32_MAX : (uint32_t)since;
	if (!was || ledger_is_flag(l->header.seq))
		log_warning(n, first, g->expected);
}

void governance_settle(struct node *n)
{
	const struct ledger *closed = n->closed->ledger, *valid = n->validated;
	struct governance *g = n->governance;
	struct hash256 which;
	struct rules *r;

	if (!n->open_stale && n->rules && !hash256_eq(&g->closed, &closed->hash)) {
		g->closed = closed->hash;
		hold_set(n, HOLD_OLD, unsupported_in(n, n->rules, &which));
	}
	if (!valid || hash256_eq(&g->validated, &valid->hash))
		return;
	if (rules_read(&valid->state, &r) != FOUND)
		return;
	g->validated = valid->hash;
	if (unsupported_in(n, r, &which))
		block(n, &which, valid->header.seq);
	rules_unref(r);
	warn(n, valid);
}

void governance_status(const struct node *n, struct node_status *out)
{
	out->amendment_blocked = n->holds & HOLD_BLOCKED;
	out->amendment_warned = n->governance->warned && !out->amendment_blocked;
	out->amendment_expected = n->governance->expected;
}

/* ---- life ---- */

void governance_members_changed(struct node *n)
{
	struct public_key keys[UNL_MAX] = {{{0}}};

	for (uint32_t i = 0; i < n->cfg.unl_n; i++)
		keys[i] = n->unl[i].key;
	ballot_members(&n->governance->ballot, keys, n->cfg.standalone ? 1 : n->cfg.unl_n);
}

void governance_open(struct node *n)
{
	n->governance = mem_zalloc(1, sizeof(*n->governance));
	governance_wish(n, &n->cfg.wishes);
	n->cfg.wishes = (struct node_wishes){.amendments = NULL};
	governance_members_changed(n);
}

void governance_close(struct node *n)
{
	drop_votes(n->governance);
	ballot_close(&n->governance->ballot);
	mem_free(n->governance);
}
