/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "crypto/hash.h"

/* Proposals and validations, out and in. They leave by way of the journal (journal.c).
 *
 * A message under our own key is somebody else's only if the journal shows that it cannot be ours:
 * a number or a sequence above all that was ever reserved or voted for, or another validation for
 * the newest sequence. If it was signed while this process ran, another one has our key: this one
 * votes no more. If it is older, our journal was lost or is an old copy: what it says is never
 * contradicted. */

#define VALIDATION_FULL      0x00000001u /* rippled: vfFullValidation */
#define VALIDATION_CANONICAL 0x80000000u /* vfFullyCanonicalSig */
/* What is checked and passed on of one validator: at once, and then one each so many ms. An honest
 * one sends a few proposals in a round of seconds, and a validation for each ledger. */
#define PROPOSALS_AT_ONCE   PROPOSALS_PER_VALIDATOR_ROUND
#define PROPOSAL_EVERY_MS   250
#define VALIDATIONS_AT_ONCE (4 * VOTES_KEPT)
#define VALIDATION_EVERY_MS 500
#define TWIN_CLOSE_S        60 /* a close time this far after our start is of this life */

/* ---- proposals out ---- */

/* What tells proposals apart: all that is signed, and by whom. */
static void proposal_id(struct node *n, const struct msg *m, struct hash256 *id)
{
	struct buf b = BUF_INIT;

	proposal_payload(&b, n->cfg.network_id, m);
	buf_put(&b, m->proposal.key.b, sizeof(m->proposal.key.b));
	sha512_half(id, b.p, b.n);
	buf_close(&b);
}

static struct wire_frame *proposal_frame(struct node *n, const struct cons_position *p)
{
	struct msg m = {.type = MSG_PROPOSAL};
	uint8_t sig[SIGNATURE_MAX];
	struct buf payload = BUF_INIT;
	struct hash256 id;

	m.proposal.key = *unl_signing_key(n);
	m.proposal.prev = p->prev;
	m.proposal.set = p->set;
	m.proposal.close = p->close;
	m.proposal.seq = p->seq;
	proposal_payload(&payload, n->cfg.network_id, &m);
	m.proposal.signature = bytes_of(sig,
					signature_make(n->cfg.validator, buf_bytes(&payload), sig));
	buf_close(&payload);
	proposal_id(n, &m, &id);
	seen_add(&n->seen_msgs, &id); /* it may come back around */
	return wire_encode(&m);
}

void vote_propose(struct node *n, const struct cons_position *p)
{
	bool bow_out = p->seq == CONS_SEQ_BOW_OUT;
	struct vote_out *o;

	if (n->self < 0 || n->journal_failed || (!n->proposing_on && !bow_out))
		return;
	o = vote_out_new(n);
	if (!o)
		return;
	if (!bow_out) { /* numbers rise over all ledgers, so one reservation serves the next too */
		n->prop_prev = p->prev;
		if (p->seq >= n->prop_next) {
			n->prop_next = p->seq + JOURNAL_PROPOSAL_BLOCK;
			n->journal_wanted++;
		}
		o->after = n->journal_wanted;
	}
	o->frame = proposal_frame(n, p);
	vote_start_journal(n);
	vote_flush_out(n);
}

/* ---- validations out ---- */

static void validation_object(struct node *n, struct st_object *o, const struct held *h, bool full)
{
	const struct ledger_header *lh = &h->ledger->header;

	st_set_u(o, sfFlags, VALIDATION_CANONICAL | (full ? VALIDATION_FULL : 0));
	st_set_hash256(o, sfLedgerHash, &h->ledger->hash);
	st_set_u(o, sfLedgerSequence, lh->seq);
	st_set_u(o, sfSigningTime, n->now.net.s);
	st_set_u(o, sfCookie, n->cfg.cookie);
	st_set_hash256(o, sfConsensusHash, &n->last_set);
	if (n->validated)
		st_set_hash256(o, sfValidatedHash, &n->validated->hash);
	if ((lh->seq + 1) % 256 == 0)
		st_set_u(o, sfServerVersion, n->cfg.version);
	governance_say(n, o, h->ledger);
	st_set_raw(o, sfSigningPubKey, bytes_of(unl_signing_key(n)->b, 33));
}

/* What a validation signs: VAL | all fields but the signature. */
static void validation_payload(struct buf *out, const struct st_object *o)
{
	buf_put_be32(out, HASH_PREFIX_VALIDATION);
	st_encode(out, o, ST_SIGNING);
}

/* The signed bytes for h. */
static void validation_sign(struct node *n, struct buf *out, const struct held *h, bool full)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct buf payload = BUF_INIT;
	uint8_t sig[SIGNATURE_MAX];

	validation_object(n, o, h, full);
	validation_payload(&payload, o);
	st_set_raw(o, sfSignature,
		   bytes_of(sig, signature_make(n->cfg.validator, buf_bytes(&payload), sig)));
	st_encode(out, o, ST_ALL);
	buf_close(&payload);
	arena_close(&a);
}

void vote_validate(struct node *n, const struct held *h, bool full)
{
	struct msg m = {.type = MSG_VALIDATION};
	struct vote_out *out;

	if (!n->proposing_on || h->ledger->header.seq <= n->vote_seq)
		return; /* never two validations for one sequence, across restarts */
	n->vote_late = HASH256_ZERO;
	if (!vote_can_be_kept(n, h)) { /* the store is behind */
		n->vote_late = h->ledger->hash;
		n->vote_late_full = full;
		return;
	}
	out = vote_out_new(n);
	if (!out)
		return;
	validation_sign(n, &out->bytes, h, full);
	m.validation = buf_bytes(&out->bytes);
	out->frame = wire_encode(&m);
	out->validation = true;
	out->v = (struct cons_validation){.ledger = h->ledger->hash,
					  .seq = h->ledger->header.seq,
					  .signed_at = n->now.net,
					  .full = full};
	n->vote_seq = h->ledger->header.seq;
	n->vote_hash = h->ledger->hash;
	buf_clear(&n->vote_bytes);
	buf_put(&n->vote_bytes, out->bytes.p, out->bytes.n);
	out->after = ++n->journal_wanted;
	vote_start_journal(n);
}

void vote_late(struct node *n)
{
	struct held *h = held_find(n, &n->vote_late);

	if (h)
		vote_validate(n, h, n->vote_late_full);
}

/* ---- in ---- */

bool pace_allows(const struct node *n, struct pace *p, uint32_t at_once, int64_t every_ms)
{
	int64_t back = steady_since(p->since, n->now.steady) / every_ms;

	if (back >= p->used) {
		p->used = 0;
		p->since = n->now.steady;
	} else {
		p->used -= (uint32_t)back;
		p->since = steady_after(p->since, back * every_ms);
	}
	return p->used < at_once;
}

/* Whether the signature of one more is worth checking; a peer that passes on more than that is
 * charged, since honest ones keep the same pace. */
static bool within_pace(struct node *n, uint32_t peer, struct pace *p, uint32_t at_once,
			int64_t every_ms)
{
	if (pace_allows(n, p, at_once, every_ms))
		return true;
	n->count.votes_ignored++;
	fx_useless(n, peer, 1);
	return false;
}

static bool checked(struct node *n, struct pace *p, bool good)
{
	n->count.votes_checked++;
	p->used += good; /* whoever sends a bad one in another's name is dropped */
	return good;
}

void vote_key_is_elsewhere(struct node *n, const char *what, uint32_t seq)
{
	if (n->key_elsewhere)
		return;
	node_log(n, NODE_LOG_ERROR,
		 "votes: another process signs with our key (%s %u); this one votes no more", what,
		 seq);
	n->key_elsewhere = true;
	round_set_proposing(n);
}

static void own_proposal(struct node *n, const struct msg *m)
{
	if (m->proposal.seq == CONS_SEQ_BOW_OUT || m->proposal.seq < n->prop_next)
		return;
	if (m->proposal.close.s > (uint64_t)n->started_net.s + TWIN_CLOSE_S)
		vote_key_is_elsewhere(n, "proposal", m->proposal.seq);
}

bool vote_proposal_signed(const struct node *n, const struct msg *m)
{
	struct buf payload = BUF_INIT;
	bool good;

	proposal_payload(&payload, n->cfg.network_id, m);
	good = signature_check(bytes_of(m->proposal.key.b, 33), buf_bytes(&payload),
			       m->proposal.signature);
	buf_close(&payload);
	return good;
}

/* On the ledger of its signer's newest proposal, with a lower number: nothing new. */
static bool is_outdated(const struct unl_member *u, const struct msg *m)
{
	return m->proposal.seq < u->number && hash256_eq(&m->proposal.prev, &u->prev);
}

/* Whether it is new, within its signer's pace, and signed. */
static bool take_proposal(struct node *n, uint32_t peer, struct unl_member *u, const struct msg *m)
{
	struct hash256 id;

	proposal_id(n, m, &id);
	if (seen_has(&n->seen_msgs, &id) || is_outdated(u, m) ||
	    !within_pace(n, peer, &u->proposals, PROPOSALS_AT_ONCE, PROPOSAL_EVERY_MS))
		return false;
	if (!checked(n, &u->proposals, vote_proposal_signed(n, m))) {
		fx_drop(n, peer, "proposal with a bad signature");
		return false;
	}
	seen_add(&n->seen_msgs, &id);
	if (m->proposal.seq != CONS_SEQ_BOW_OUT) {
		u->prev = m->proposal.prev;
		u->number = m->proposal.seq;
	}
	return true;
}

void vote_on_proposal(struct node *n, uint32_t peer, const struct msg *m)
{
	int32_t who = unl_who(n, &m->proposal.key);
	struct cons_event ev = {.kind = CONS_PROPOSAL};

	if (who < 0 || !n->cons || !n->cons_started || n->holds & HOLD_DEAF)
		return;
	if (!take_proposal(n, peer, &n->unl[who], m))
		return;
	n->count.proposals_in++;
	fx_send_msg(n, 0, peer, m);
	if (who == n->self) {
		own_proposal(n, m);
		return;
	}
	evidence_heard_proposal(n, (uint32_t)who, m);
	ev.proposal.who = (uint32_t)who;
	ev.proposal.position.prev = m->proposal.prev;
	ev.proposal.position.set = m->proposal.set;
	ev.proposal.position.close = m->proposal.close;
	ev.proposal.position.seq = m->proposal.seq;
	round_feed(n, &ev);
}

bool vote_signed(struct bytes bytes)
{
	struct arena a = ARENA_INIT;
	struct buf payload = BUF_INIT;
	struct st_object *o;
	struct bytes key, sig;
	bool good = false;

	if (st_decode(&o, &a, bytes, NULL) == ERR_NONE && st_get_raw(o, sfSigningPubKey, &key) &&
	    st_get_raw(o, sfSignature, &sig)) {
		validation_payload(&payload, o);
		good = signature_check(key, buf_bytes(&payload), sig);
	}
	buf_close(&payload);
	arena_close(&a);
	return good;
}

bool vote_parse(const struct node *n, struct bytes bytes, struct cons_validation *v, int32_t *who)
{
	struct arena a = ARENA_INIT;
	struct st_object *o;
	struct bytes key, sig;
	struct public_key pub;
	uint32_t flags, seq, at;
	bool ok = false;

	*who = -1;
	if (bytes.n > WIRE_VALIDATION_MAX || st_decode(&o, &a, bytes, NULL) != ERR_NONE)
		goto out;
	if (!st_get_raw(o, sfSigningPubKey, &key) || key.n != 33 ||
	    !st_get_raw(o, sfSignature, &sig) || !st_get_hash256(o, sfLedgerHash, &v->ledger) ||
	    !st_get_u32(o, sfLedgerSequence, &seq) || !st_get_u32(o, sfSigningTime, &at) ||
	    !st_get_u32(o, sfFlags, &flags))
		goto out;
	memcpy(pub.b, key.p, 33);
	*who = unl_who(n, &pub);
	ok = true;
	v->seq = seq;
	v->signed_at.s = at;
	v->full = flags & VALIDATION_FULL;
out:
	arena_close(&a);
	return ok;
}

void vote_keep(struct node *n, uint32_t who, struct bytes bytes, const struct cons_validation *v)
{
	struct said *k = &n->unl[who].said[v->seq % VOTES_KEPT];

	if (k->bytes.n && (v->seq < k->seq || v->signed_at.s < k->signed_at.s))
		return;
	buf_clear(&k->bytes);
	buf_put(&k->bytes, bytes.p, bytes.n);
	k->seq = v->seq;
	k->signed_at = v->signed_at;
}

/* One under our own key that we have not just sent. */
static void own_validation(struct node *n, struct bytes bytes, const struct cons_validation *v)
{
	struct bytes ours = buf_bytes(&n->vote_bytes);

	if (v->seq < n->vote_seq || (v->seq == n->vote_seq && bytes_eq(ours, bytes)))
		return;
	if (v->signed_at.s > n->started_net.s) {
		vote_key_is_elsewhere(n, "ledger", v->seq);
	} else if (v->seq > n->vote_seq) {
		node_log(n, NODE_LOG_WARN,
			 "votes: our key has validated ledger %u, which the journal does not know",
			 v->seq);
		n->vote_seq = v->seq;
		n->journal_wanted++;
		vote_start_journal(n);
	}
}

void vote_on_validation(struct node *n, uint32_t peer, struct bytes bytes)
{
	struct cons_event ev = {.kind = CONS_VALIDATION};
	struct msg m = {.type = MSG_VALIDATION, .validation = bytes};
	struct node_effect *e;
	struct unl_member *u;
	struct hash256 id;
	int32_t who;

	sha512_half(&id, bytes.p, bytes.n);
	if (seen_has(&n->seen_msgs, &id) || !n->cons || n->holds & HOLD_DEAF)
		return;
	if (!vote_parse(n, bytes, &ev.validation.validation, &who)) {
		fx_drop(n, peer, "malformed validation");
		return;
	}
	if (who < 0)
		return; /* not one of ours to judge */
	u = &n->unl[who];
	if (!within_pace(n, peer, &u->validations, VALIDATIONS_AT_ONCE, VALIDATION_EVERY_MS))
		return;
	if (!checked(n, &u->validations, vote_signed(bytes))) {
		fx_drop(n, peer, "validation with a bad signature");
		return;
	}
	seen_add(&n->seen_msgs, &id);
	n->count.validations_in++;
	fx_send_msg(n, 0, peer, &m);
	if (who == n->self)
		own_validation(n, bytes, &ev.validation.validation);
	else
		vote_keep(n, (uint32_t)who, bytes, &ev.validation.validation);
	clocks_heard(n, (uint32_t)who, &ev.validation.validation);
	evidence_heard_validation(n, (uint32_t)who, &ev.validation.validation, bytes);
	e = fx_new(n, NODE_FX_VALIDATION);
	e->validation.master = n->unl[who].key;
	buf_put(&e->validation.bytes, bytes.p, bytes.n);
	ev.validation.who = (uint32_t)who;
	round_feed(n, &ev);
}

/* The newest validation of ours that went out, again. */
void vote_resend(struct node *n)
{
	struct msg m = {.type = MSG_VALIDATION};
	const struct said *newest = NULL, *k;

	for (k = n->self < 0 ? NULL : n->unl[n->self].said;
	     k && k < &n->unl[n->self].said[VOTES_KEPT]; k++)
		if (k->bytes.n && (!newest || k->seq > newest->seq))
			newest = k;
	if (!newest)
		return;
	m.validation = buf_bytes(&newest->bytes);
	fx_send_msg(n, 0, 0, &m);
}

/* A new peer gets the newest validations of each member and our current proposal. */
void vote_greet(struct node *n, uint32_t peer)
{
	struct msg m = {.type = MSG_VALIDATION};
	uint32_t i, k;

	for (i = 0; i < n->cfg.unl_n; i++)
		for (k = 0; k < VOTES_KEPT; k++)
			if (n->unl[i].said[k].bytes.n) {
				m.validation = buf_bytes(&n->unl[i].said[k].bytes);
				fx_send_msg(n, peer, 0, &m);
			}
	if (n->last_proposal)
		fx_send(n, peer, 0, wire_frame_ref(n->last_proposal));
	evidence_greet(n, peer);
}

void vote_close(struct node *n)
{
	uint32_t i;

	for (i = 0; i < n->n_out; i++) {
		wire_frame_unref(n->out[i].frame);
		buf_close(&n->out[i].bytes);
	}
	n->n_out = 0;
	wire_frame_unref(n->last_proposal);
	n->last_proposal = NULL;
	buf_close(&n->vote_bytes);
	arena_close(&n->jr_arena);
}
