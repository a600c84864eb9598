/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "crypto/hash.h"

/* Evidence: two signed messages of one member that no honest one signs both.
 *
 *   what was checked ──► recent (a ring of each member) ──► consensus finds two that exclude each
 *   EVIDENCE of a peer ─► both signatures checked ──►──┘     other ──► kept, told to all peers once
 *
 * Consensus decides what it means: neither of the two counts. Here are the bytes, which convince
 * others. What is kept is bounded for each member, newest first, and lives as long as the process:
 * after a restart what still matters is heard again, since peers greet with what is about ledgers
 * that are not validated yet. */

#define EVIDENCE_RECENT    16 /* messages remembered of a member */
#define EVIDENCE_KEPT      8  /* pairs kept of a member */
#define EVIDENCE_AT_ONCE   8  /* pairs checked and passed on of a member, and then one each */
#define EVIDENCE_EVERY_MS  10000
#define EVIDENCE_GREET_MAX 16 /* pairs told to a peer that connects */
#define EVIDENCE_LATER_S   60 /* a close time this far after our start is of this life */

struct signed_msg {
	enum cons_evidence_kind kind;
	uint32_t seq;
	struct hash256 prev;
	struct hash256 what; /* the ledger; or a hash of set and close time */
	struct buf bytes;    /* the validation; or the encoded PROPOSAL */
};
struct pair {
	struct node_evidence e;
	struct buf a, b;
};
struct evidence {
	struct public_key key;
	struct signed_msg recent[EVIDENCE_RECENT];
	struct pair kept[EVIDENCE_KEPT];
	uint32_t at, kept_at, kept_n;
	struct pace told, checked;
};

static void forget(struct evidence *v)
{
	for (uint32_t k = 0; k < EVIDENCE_RECENT; k++)
		buf_close(&v->recent[k].bytes);
	for (uint32_t k = 0; k < EVIDENCE_KEPT; k++) {
		buf_close(&v->kept[k].a);
		buf_close(&v->kept[k].b);
	}
}

void evidence_members_changed(struct node *n)
{
	struct evidence *next = mem_zalloc(n->cfg.unl_n, sizeof(*next)), *old = n->evidence;

	for (uint32_t i = 0; i < n->cfg.unl_n; i++)
		next[i].key = n->unl[i].key;
	for (uint32_t i = 0; i < n->evidence_n; i++) {
		uint32_t k = 0;

		while (k < n->cfg.unl_n && public_key_cmp(&next[k].key, &old[i].key))
			k++;
		if (k < n->cfg.unl_n)
			next[k] = old[i];
		else
			forget(&old[i]);
	}
	mem_free(old);
	n->evidence = next;
	n->evidence_n = n->cfg.unl_n;
}

void evidence_close(struct node *n)
{
	for (uint32_t i = 0; i < n->evidence_n; i++)
		forget(&n->evidence[i]);
	mem_free(n->evidence);
	n->evidence = NULL;
	n->evidence_n = 0;
}

/* ---- recent messages ---- */

static bool same_place(const struct signed_msg *m, enum cons_evidence_kind kind, uint32_t seq,
		       const struct hash256 *prev)
{
	return m->bytes.n && m->kind == kind && m->seq == seq && hash256_eq(&m->prev, prev);
}

static void keep(struct node *n, uint32_t who, const struct signed_msg *like, struct bytes bytes)
{
	struct evidence *v = &n->evidence[who];
	struct signed_msg *m;

	for (uint32_t i = 0; i < EVIDENCE_RECENT; i++) {
		m = &v->recent[i];
		if (same_place(m, like->kind, like->seq, &like->prev) &&
		    hash256_eq(&m->what, &like->what))
			return;
	}
	m = &v->recent[v->at];
	v->at = (v->at + 1) % EVIDENCE_RECENT;
	m->kind = like->kind;
	m->seq = like->seq;
	m->prev = like->prev;
	m->what = like->what;
	buf_clear(&m->bytes);
	buf_put(&m->bytes, bytes.p, bytes.n);
}

static struct signed_msg of_validation(const struct cons_validation *v)
{
	return (struct signed_msg){.kind = CONS_TWO_VALIDATIONS, .seq = v->seq, .what = v->ledger};
}

static struct signed_msg of_proposal(const struct msg *m)
{
	struct signed_msg s = {.kind = CONS_TWO_PROPOSALS, .seq = m->proposal.seq};
	struct buf b = BUF_INIT;

	s.prev = m->proposal.prev;
	buf_put(&b, m->proposal.set.b, sizeof(m->proposal.set.b));
	buf_put_be32(&b, m->proposal.close.s);
	sha512_half(&s.what, b.p, b.n);
	buf_close(&b);
	return s;
}

void evidence_heard_validation(struct node *n, uint32_t who, const struct cons_validation *v,
			       struct bytes bytes)
{
	struct signed_msg s = of_validation(v);

	keep(n, who, &s, bytes);
}

void evidence_heard_proposal(struct node *n, uint32_t who, const struct msg *m)
{
	struct signed_msg s = of_proposal(m);
	struct wire_frame *f;

	if (s.seq == CONS_SEQ_BOW_OUT) /* has no number of its own */
		return;
	f = wire_encode(m);
	keep(n, who, &s, bytes_of(f->bytes, f->n));
	wire_frame_unref(f);
}

/* ---- found ---- */

static void log_it(struct node *n, const struct node_evidence *e)
{
	const uint8_t *k = e->key.b;

	if (e->kind == CONS_TWO_VALIDATIONS)
		node_log(n, NODE_LOG_ERROR,
			 "evidence: validator %02X%02X%02X%02X%02X signed two ledgers at %u: %s "
			 "and %s",
			 k[0], k[1], k[2], k[3], k[4], e->seq, hash256_short(&e->a).s,
			 hash256_short(&e->b).s);
	else
		node_log(n, NODE_LOG_ERROR,
			 "evidence: validator %02X%02X%02X%02X%02X signed two proposals numbered "
			 "%u on %s: %s and %s",
			 k[0], k[1], k[2], k[3], k[4], e->seq, hash256_short(&e->prev).s,
			 hash256_short(&e->a).s, hash256_short(&e->b).s);
}

static void tell(struct node *n, uint32_t peer, uint32_t except, const struct pair *p)
{
	struct msg m = {.type = MSG_EVIDENCE};

	m.evidence.kind = p->e.kind;
	m.evidence.a = buf_bytes(&p->a);
	m.evidence.b = buf_bytes(&p->b);
	fx_send_msg(n, peer, except, &m);
}

/* Whether it is about a ledger that is not validated yet, as far as can be told. */
static bool matters(const struct node *n, const struct node_evidence *e)
{
	const struct held *prev = held_find(n, &e->prev);
	uint32_t done = n->validated ? n->validated->header.seq : 0;

	if (e->kind == CONS_TWO_VALIDATIONS)
		return e->seq > done;
	return prev && prev->ledger->header.seq + 1 > done;
}

void evidence_greet(struct node *n, uint32_t peer)
{
	uint32_t left = EVIDENCE_GREET_MAX;

	for (uint32_t i = 0; i < n->evidence_n; i++)
		for (uint32_t k = 0; k < n->evidence[i].kept_n; k++) {
			const struct pair *p = &n->evidence[i].kept[k];

			if (left && p->a.n && matters(n, &p->e)) {
				tell(n, peer, 0, p);
				left--;
			}
		}
}

/* The two messages, if both are still here. */
static bool find_two(const struct evidence *v, const struct cons_evidence *e,
		     const struct signed_msg *two[2])
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < EVIDENCE_RECENT && k < 2; i++) {
		const struct signed_msg *m = &v->recent[i];

		if (same_place(m, e->kind, e->seq, &e->prev))
			two[k++] = m;
	}
	return k == 2;
}

void evidence_found(struct node *n, const struct cons_evidence *e)
{
	struct evidence *v;
	const struct signed_msg *two[2];
	struct pair *p;

	must(e->who < n->evidence_n);
	v = &n->evidence[e->who];
	n->count.evidence++;
	p = &v->kept[v->kept_at];
	v->kept_at = (v->kept_at + 1) % EVIDENCE_KEPT;
	v->kept_n += v->kept_n < EVIDENCE_KEPT;
	buf_clear(&p->a);
	buf_clear(&p->b);
	p->e = (struct node_evidence){.kind = e->kind,
				      .key = n->unl[e->who].key,
				      .seq = e->seq,
				      .prev = e->prev,
				      .a = e->a,
				      .b = e->b,
				      .at = n->now.net};
	log_it(n, &p->e);
	if (!find_two(v, e, two))
		return; /* it has said too much in between: others find out by themselves */
	buf_put(&p->a, two[0]->bytes.p, two[0]->bytes.n);
	buf_put(&p->b, two[1]->bytes.p, two[1]->bytes.n);
	if (pace_allows(n, &v->told, EVIDENCE_AT_ONCE, EVIDENCE_EVERY_MS)) {
		v->told.used++;
		tell(n, 0, n->evidence_from, p);
	}
}

/* ---- told by a peer ---- */

/* One side of it, parsed. */
struct side {
	struct signed_msg s;  /* without its bytes */
	struct hash256 shown; /* ledger or set */
	struct net_time at;   /* when it was signed, more or less */
	int32_t who;
};

static bool read_validation(const struct node *n, struct bytes bytes, struct side *out)
{
	struct cons_validation v;

	if (!vote_parse(n, bytes, &v, &out->who))
		return false;
	out->s = of_validation(&v);
	out->shown = v.ledger;
	out->at = v.signed_at;
	return true;
}

static bool read_proposal(const struct node *n, struct bytes bytes, struct side *out)
{
	struct arena a = ARENA_INIT;
	struct msg m;
	bool ok = wire_decode(&m, &a, bytes, NULL) == ERR_NONE && m.type == MSG_PROPOSAL &&
		  m.proposal.seq != CONS_SEQ_BOW_OUT;

	if (ok) {
		out->who = unl_who(n, &m.proposal.key);
		out->s = of_proposal(&m);
		out->shown = m.proposal.set;
		out->at = m.proposal.close;
	}
	arena_close(&a);
	return ok;
}

static bool proposal_signed(const struct node *n, struct bytes bytes)
{
	struct arena a = ARENA_INIT;
	struct msg m;
	bool good = wire_decode(&m, &a, bytes, NULL) == ERR_NONE && vote_proposal_signed(n, &m);

	arena_close(&a);
	return good;
}

static bool both_signed(const struct node *n, const struct msg *m)
{
	if (m->evidence.kind == CONS_TWO_VALIDATIONS)
		return vote_signed(m->evidence.a) && vote_signed(m->evidence.b);
	return proposal_signed(n, m->evidence.a) && proposal_signed(n, m->evidence.b);
}

static bool is_kept(const struct evidence *v, const struct signed_msg *s)
{
	for (uint32_t i = 0; i < v->kept_n; i++) {
		const struct node_evidence *e = &v->kept[i].e;

		if (e->kind == s->kind && e->seq == s->seq && hash256_eq(&e->prev, &s->prev))
			return true;
	}
	return false;
}

static bool contradict(const struct side *a, const struct side *b)
{
	return a->who == b->who && a->s.seq == b->s.seq && hash256_eq(&a->s.prev, &b->s.prev) &&
	       !hash256_eq(&a->s.what, &b->s.what);
}

/* Under our own key: this process has signed one of the two at most, if one is of its life. */
static void own(struct node *n, const struct side *a, const struct side *b)
{
	uint32_t newer = a->at.s > b->at.s ? a->at.s : b->at.s;
	uint32_t later = a->s.kind == CONS_TWO_PROPOSALS ? EVIDENCE_LATER_S : 0;

	if (newer > (uint64_t)n->started_net.s + later)
		vote_key_is_elsewhere(n, "evidence at", a->s.seq);
}

static void feed(struct node *n, uint32_t peer, const struct msg *m, const struct side *a,
		 const struct side *b)
{
	struct cons_event ev = {.kind = CONS_EVIDENCE};

	keep(n, (uint32_t)a->who, &a->s, m->evidence.a);
	keep(n, (uint32_t)a->who, &b->s, m->evidence.b);
	ev.evidence = (struct cons_evidence){.kind = a->s.kind,
					     .who = (uint32_t)a->who,
					     .seq = a->s.seq,
					     .prev = a->s.prev,
					     .a = a->shown,
					     .b = b->shown};
	n->evidence_from = peer;
	round_feed(n, &ev);
	n->evidence_from = 0;
}

static bool read_both(const struct node *n, const struct msg *m, struct side *a, struct side *b)
{
	if (m->evidence.kind == CONS_TWO_VALIDATIONS)
		return read_validation(n, m->evidence.a, a) && read_validation(n, m->evidence.b, b);
	return read_proposal(n, m->evidence.a, a) && read_proposal(n, m->evidence.b, b);
}

void evidence_on_msg(struct node *n, uint32_t peer, const struct msg *m)
{
	struct side a = {.who = -1}, b = {.who = -1};
	struct evidence *v;

	if (!n->cons || !n->cons_started)
		return;
	if (!read_both(n, m, &a, &b)) {
		fx_drop(n, peer, "malformed evidence");
		return;
	}
	if (a.who < 0)
		return; /* not one of ours to judge */
	v = &n->evidence[a.who];
	if (is_kept(v, &a.s))
		return;
	if (!pace_allows(n, &v->checked, EVIDENCE_AT_ONCE, EVIDENCE_EVERY_MS)) {
		fx_useless(n, peer, 1);
		return;
	}
	n->count.votes_checked += 2;
	if (!contradict(&a, &b) || !both_signed(n, m)) {
		fx_drop(n, peer, "evidence that shows nothing");
		return;
	}
	v->checked.used++;
	if (a.who == n->self)
		own(n, &a, &b);
	else
		feed(n, peer, m, &a, &b);
}

bool node_evidence(const struct node *n, uint32_t i, struct node_evidence *out)
{
	for (uint32_t who = 0; who < n->evidence_n; who++) {
		const struct evidence *v = &n->evidence[who];

		if (i < v->kept_n) {
			*out = v->kept[i].e;
			return true;
		}
		i -= v->kept_n;
	}
	return false;
}
