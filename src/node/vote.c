/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "crypto/hash.h"

/* Proposals and validations, out and in, and the vote journal.
 *
 * Nothing signed leaves before the journal is durable: a validation with all that rebuilds its
 * ledger from the last committed one, a proposal with a reservation of its number. Messages wait
 * in `out` with the number of the journal write that covers them. One write runs at a time; what
 * is asked for meanwhile goes into the next. */

#define VALIDATION_FULL      0x00000001u /* rippled: vfFullValidation */
#define VALIDATION_CANONICAL 0x80000000u /* vfFullyCanonicalSig */
#define JOURNAL_RETRY_MS     2000
#define VALIDATION_BYTES_MAX 900

/* ---- the journal ---- */

void vote_init(struct node *n, const struct journal_record *r)
{
	struct buf b = BUF_INIT;
	struct bytes copy;

	if (!r)
		return;
	journal_encode(&b, r);
	copy = bytes_of(arena_copy(&n->jr_arena, b.p, b.n), b.n);
	buf_close(&b);
	must(journal_decode(&n->jr, copy, &n->jr_arena) == ERR_NONE);
	n->vote_seq = r->seq;
	n->vote_hash = r->hash;
	n->prop_prev = r->proposal_prev;
	n->prop_next = r->proposal_next;
	if (n->cons)
		cons_set_first_seq(n->cons, &n->prop_prev, n->prop_next);
	buf_put(&n->vote_bytes, r->validation.p, r->validation.n);
}

/* The ledgers between the last committed one and the one voted for, oldest first. */
static void record_ledgers(struct node *n, struct journal_record *r, struct arena *a)
{
	uint32_t committed = n->validated ? n->validated->header.seq : 0, i;
	struct held *h = held_find(n, &n->vote_hash), *chain[LEDGER_AHEAD_MAX + 8];
	uint32_t k = 0;

	while (h && h->ledger->header.seq > committed && k < LEDGER_AHEAD_MAX + 8) {
		chain[k++] = h;
		h = held_find(n, &h->ledger->header.parent);
	}
	if (!h || k > LEDGER_AHEAD_MAX + 1)
		k = 0; /* nothing that could be rebuilt: the validation alone is kept */
	r->ledgers = arena_zalloc(a, k ? k : 1, sizeof(*r->ledgers));
	r->n_ledgers = k;
	for (i = 0; i < k; i++) {
		const struct held *c = chain[k - 1 - i];
		const struct ledger_header *lh = &c->ledger->header;
		struct journal_ledger *l = &r->ledgers[i];
		uint32_t t;

		l->parent = lh->parent;
		l->hash = c->ledger->hash;
		l->seq = lh->seq;
		l->close = lh->close;
		l->close_resolution = lh->close_resolution;
		l->close_flags = lh->close_flags;
		l->n_txs = c->n_txs;
		l->txs = arena_zalloc(a, c->n_txs ? c->n_txs : 1, sizeof(*l->txs));
		for (t = 0; t < c->n_txs; t++)
			l->txs[t] = c->txs[t]->blob;
	}
}

void vote_start_journal(struct node *n)
{
	struct journal_record r = {.seq = n->vote_seq};
	struct node_job *j;

	if (n->journal_job || n->journal_done >= n->journal_wanted || n->journal_failed)
		return;
	j = job_new(n, NODE_JOB_JOURNAL);
	r.hash = n->vote_hash;
	r.validation = buf_bytes(&n->vote_bytes);
	r.proposal_prev = n->prop_prev;
	r.proposal_next = n->prop_next;
	record_ledgers(n, &r, &j->arena);
	journal_encode(&j->journal.record, &r);
	must(journal_decode(&j->journal.parsed, buf_bytes(&j->journal.record), &j->arena) ==
	     ERR_NONE);
	n->journal_job = j->id;
	n->journal_writing = n->journal_wanted;
	job_start(n, j);
}

static void validation_out(struct node *n, struct vote_out *o)
{
	struct node_effect *e = fx_new(n, NODE_FX_VALIDATION);
	struct cons_event ev = {.kind = CONS_VALIDATION};

	e->validation.key = n->unl[n->self].key;
	buf_put(&e->validation.bytes, o->bytes.p, o->bytes.n);
	buf_clear(&n->unl[n->self].validation);
	buf_put(&n->unl[n->self].validation, o->bytes.p, o->bytes.n);
	n->unl[n->self].signed_at = o->v.signed_at;
	ev.validation.who = (uint32_t)n->self;
	ev.validation.validation = o->v;
	round_feed(n, &ev);
}

/* Sends what the durable writes cover. */
static void flush_out(struct node *n)
{
	while (n->n_out && n->out[0].after <= n->journal_done) {
		struct vote_out o = n->out[0];

		n->n_out--;
		memmove(&n->out[0], &n->out[1], n->n_out * sizeof(n->out[0]));
		if (!o.validation) {
			wire_frame_unref(n->last_proposal);
			n->last_proposal = wire_frame_ref(o.frame);
		}
		fx_send(n, 0, 0, o.frame);
		if (o.validation)
			validation_out(n, &o);
		buf_close(&o.bytes);
	}
}

void vote_journal_done(struct node *n, struct node_job *j)
{
	n->journal_job = 0;
	if (j->err == ERR_NONE) {
		n->journal_done = n->journal_writing;
		if (n->journal_full) {
			n->journal_full = false;
			round_set_proposing(n);
		}
		flush_out(n);
		vote_start_journal(n);
		return;
	}
	if (j->err == ERR_NO_SPACE) {
		node_log(n, NODE_LOG_ERROR, "votes: %s; not validating until there is room",
			 j->why.text);
		n->journal_full = true;
		n->journal_retry = steady_after(n->now.steady, JOURNAL_RETRY_MS);
	} else {
		node_log(n, NODE_LOG_ERROR, "votes: %s; this process will not vote any more",
			 j->why.text);
		n->journal_failed = true;
	}
	round_set_proposing(n);
}

static struct vote_out *out_new(struct node *n)
{
	struct vote_out *o;

	if (n->n_out == VOTE_OUT_MAX)
		return NULL;
	o = &n->out[n->n_out++];
	*o = (struct vote_out){.after = n->journal_done};
	return o;
}

/* ---- proposals out ---- */

static struct wire_frame *proposal_frame(struct node *n, const struct cons_position *p)
{
	struct msg m = {.type = MSG_PROPOSAL};
	uint8_t sig[SIGNATURE_MAX];
	struct buf payload = BUF_INIT;

	m.proposal.key = n->unl[n->self].key;
	m.proposal.prev = p->prev;
	m.proposal.set = p->set;
	m.proposal.close = p->close;
	m.proposal.seq = p->seq;
	proposal_payload(&payload, n->cfg.network_id, &m);
	m.proposal.signature = bytes_of(sig,
					signature_make(n->cfg.validator, buf_bytes(&payload), sig));
	buf_close(&payload);
	return wire_encode(&m);
}

void vote_propose(struct node *n, const struct cons_position *p)
{
	struct vote_out *o;

	if (n->self < 0 || n->journal_failed)
		return;
	if (!hash256_eq(&n->prop_prev, &p->prev)) {
		n->prop_prev = p->prev;
		n->prop_next = 0;
	}
	o = out_new(n);
	if (!o)
		return;
	if (p->seq != CONS_SEQ_BOW_OUT) {
		if (p->seq >= n->prop_next) {
			n->prop_next = p->seq + JOURNAL_PROPOSAL_BLOCK;
			n->journal_wanted++;
		}
		o->after = n->journal_wanted;
	}
	o->frame = proposal_frame(n, p);
	vote_start_journal(n);
	flush_out(n);
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
	st_set_raw(o, sfSigningPubKey, bytes_of(n->unl[n->self].key.b, 33));
}

/* What a validation signs: VAL | all fields but the signature. */
static void validation_payload(struct buf *out, const struct st_object *o)
{
	buf_put_be32(out, HASH_PREFIX_VALIDATION);
	st_encode(out, o, ST_SIGNING);
}

void vote_validate(struct node *n, const struct held *h, bool full)
{
	struct arena a = ARENA_INIT;
	struct st_object *o;
	struct buf payload = BUF_INIT;
	uint8_t sig[SIGNATURE_MAX];
	struct vote_out *out;
	struct msg m = {.type = MSG_VALIDATION};

	if (!n->proposing_on || h->ledger->header.seq <= n->vote_seq)
		return; /* never two validations for one sequence, across restarts */
	out = out_new(n);
	if (!out)
		return;
	o = st_new(&a);
	validation_object(n, o, h, full);
	validation_payload(&payload, o);
	st_set_raw(o, sfSignature,
		   bytes_of(sig, signature_make(n->cfg.validator, buf_bytes(&payload), sig)));
	st_encode(&out->bytes, o, ST_ALL);
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
	buf_close(&payload);
	arena_close(&a);
	vote_start_journal(n);
}

/* ---- in ---- */

static int32_t unl_index(const struct node *n, const struct public_key *key)
{
	uint32_t lo = 0, hi = n->cfg.unl_n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		int c = public_key_cmp(key, &n->unl[mid].key);

		if (!c)
			return (int32_t)mid;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return -1;
}

void vote_on_proposal(struct node *n, uint32_t peer, const struct msg *m)
{
	int32_t who = unl_index(n, &m->proposal.key);
	struct cons_event ev = {.kind = CONS_PROPOSAL};
	struct buf payload = BUF_INIT;
	struct hash256 id;
	bool good;

	if (who < 0 || !n->cons)
		return;
	proposal_payload(&payload, n->cfg.network_id, m);
	buf_put(&payload, m->proposal.key.b, 33);
	sha512_half(&id, payload.p, payload.n);
	payload.n -= 33;
	if (seen_has(&n->seen_msgs, &id)) {
		buf_close(&payload);
		return;
	}
	good = signature_check(bytes_of(m->proposal.key.b, 33), buf_bytes(&payload),
			       m->proposal.signature);
	buf_close(&payload);
	if (!good) {
		fx_drop(n, peer, "proposal with a bad signature");
		return;
	}
	seen_add(&n->seen_msgs, &id);
	n->count.proposals_in++;
	fx_send_msg(n, 0, peer, m);
	if (who == n->self) {
		return; /* our own, come back around */
	}
	ev.proposal.who = (uint32_t)who;
	ev.proposal.position.prev = m->proposal.prev;
	ev.proposal.position.set = m->proposal.set;
	ev.proposal.position.close = m->proposal.close;
	ev.proposal.position.seq = m->proposal.seq;
	round_feed(n, &ev);
}

/* Parses and checks a validation; who signed it goes to *who. */
static bool validation_parse(struct node *n, struct bytes bytes, struct cons_validation *v,
			     int32_t *who, bool *forged)
{
	struct arena a = ARENA_INIT;
	struct buf payload = BUF_INIT;
	struct st_object *o;
	struct bytes key, sig;
	struct public_key pub;
	uint32_t flags, seq, at;
	bool ok = false;

	*forged = false;
	*who = -1;
	if (bytes.n > VALIDATION_BYTES_MAX || st_decode(&o, &a, bytes, NULL) != ERR_NONE)
		goto out;
	if (!st_get_raw(o, sfSigningPubKey, &key) || key.n != 33 ||
	    !st_get_raw(o, sfSignature, &sig) || !st_get_hash256(o, sfLedgerHash, &v->ledger) ||
	    !st_get_u32(o, sfLedgerSequence, &seq) || !st_get_u32(o, sfSigningTime, &at) ||
	    !st_get_u32(o, sfFlags, &flags))
		goto out;
	memcpy(pub.b, key.p, 33);
	*who = unl_index(n, &pub);
	ok = true;
	v->seq = seq;
	v->signed_at.s = at;
	v->full = flags & VALIDATION_FULL;
	if (*who < 0)
		goto out;
	validation_payload(&payload, o);
	*forged = !signature_check(key, buf_bytes(&payload), sig);
out:
	buf_close(&payload);
	arena_close(&a);
	return ok;
}

static void remember(struct node *n, uint32_t who, struct bytes bytes,
		     const struct cons_validation *v)
{
	struct unl_member *u = &n->unl[who];

	if (u->validation.n && v->signed_at.s < u->signed_at.s)
		return;
	buf_clear(&u->validation);
	buf_put(&u->validation, bytes.p, bytes.n);
	u->signed_at = v->signed_at;
}

void vote_on_validation(struct node *n, uint32_t peer, struct bytes bytes)
{
	struct cons_event ev = {.kind = CONS_VALIDATION};
	struct msg m = {.type = MSG_VALIDATION, .validation = bytes};
	struct node_effect *e;
	struct hash256 id;
	bool forged;
	int32_t who;

	sha512_half(&id, bytes.p, bytes.n);
	if (seen_has(&n->seen_msgs, &id) || !n->cons)
		return;
	if (!validation_parse(n, bytes, &ev.validation.validation, &who, &forged)) {
		fx_drop(n, peer, "malformed validation");
		return;
	}
	if (who < 0)
		return; /* not one of ours to judge */
	if (forged) {
		fx_drop(n, peer, "validation with a bad signature");
		return;
	}
	seen_add(&n->seen_msgs, &id);
	n->count.validations_in++;
	fx_send_msg(n, 0, peer, &m);
	if (who == n->self && ev.validation.validation.seq > n->vote_seq)
		node_log(n, NODE_LOG_ERROR, "votes: our key validated ledger %u elsewhere",
			 ev.validation.validation.seq);
	remember(n, (uint32_t)who, bytes, &ev.validation.validation);
	e = fx_new(n, NODE_FX_VALIDATION);
	e->validation.key = n->unl[who].key;
	buf_put(&e->validation.bytes, bytes.p, bytes.n);
	ev.validation.who = (uint32_t)who;
	round_feed(n, &ev);
}

/* The newest validation of ours that went out, again. */
void vote_resend(struct node *n)
{
	struct msg m = {.type = MSG_VALIDATION};

	if (n->self < 0 || !n->unl[n->self].validation.n)
		return;
	m.validation = buf_bytes(&n->unl[n->self].validation);
	fx_send_msg(n, 0, 0, &m);
}

/* A new peer gets the newest validation of each member and our current proposal. */
void vote_greet(struct node *n, uint32_t peer)
{
	struct msg m = {.type = MSG_VALIDATION};
	uint32_t i;

	for (i = 0; i < n->cfg.unl_n; i++)
		if (n->unl[i].validation.n) {
			m.validation = buf_bytes(&n->unl[i].validation);
			fx_send_msg(n, peer, 0, &m);
		}
	if (n->last_proposal)
		fx_send(n, peer, 0, wire_frame_ref(n->last_proposal));
}

/* ---- after a restart ---- */

/* The validation that was in force when the process ended goes out again, the same bytes. */
static void say_again(struct node *n)
{
	struct vote_out *o;
	struct cons_validation v;
	struct msg m = {.type = MSG_VALIDATION, .validation = buf_bytes(&n->vote_bytes)};
	bool forged;
	int32_t who;

	if (n->self < 0 || !n->vote_bytes.n ||
	    !validation_parse(n, m.validation, &v, &who, &forged) || forged || who != n->self)
		return;
	o = out_new(n);
	o->validation = true;
	o->v = v;
	o->frame = wire_encode(&m);
	buf_put(&o->bytes, m.validation.p, m.validation.n);
	flush_out(n);
}

static void resume_end(struct node *n)
{
	n->jr.n_ledgers = 0;
	say_again(n); /* what was signed binds: consensus is told before it begins */
	rounds_begin(n, n->closed);
}

/* Rebuilds the next journalled ledger on top of the last closed one; when none is left, or one
 * does not come out as it was, the rounds start. */
void vote_resume(struct node *n)
{
	const struct ledger *tip = n->closed->ledger;
	uint32_t i;

	for (i = 0; i < n->jr.n_ledgers; i++) {
		const struct journal_ledger *l = &n->jr.ledgers[i];
		struct node_job *j;
		uint32_t t;

		if (!hash256_eq(&l->parent, &tip->hash))
			continue;
		j = job_new(n, NODE_JOB_BUILD);
		build_prepare_job(n, j, tip, NULL, 0);
		mem_free(j->build.txs);
		j->build.txs = mem_zalloc(l->n_txs, sizeof(struct tx *));
		for (t = 0; t < l->n_txs; t++) {
			if (tx_parse(&j->build.txs[t], l->txs[t], NULL) != ERR_NONE) {
				node_job_free(j);
				resume_end(n);
				return;
			}
			/* it was checked before it went into the journal, whose CRC holds */
			atomic_store(&j->build.txs[t]->signature, TX_SIG_GOOD);
			j->build.n = t + 1;
		}
		j->build.replay = true;
		j->build.close = l->close;
		j->build.close_resolution = l->close_resolution;
		j->build.close_agreed = !(l->close_flags & LEDGER_FLAG_NO_CLOSE_TIME);
		n->resume_job = j->id;
		n->resume_hash = l->hash;
		job_start(n, j);
		return;
	}
	resume_end(n);
}

bool vote_resume_built(struct node *n, struct node_job *j)
{
	struct held *h;

	if (j->id != n->resume_job)
		return false;
	n->resume_job = 0;
	if (!j->build.ledger || !hash256_eq(&j->build.ledger->hash, &n->resume_hash)) {
		n->count.build_mismatch++;
		node_log(n, NODE_LOG_ERROR,
			 "votes: ledger %s did not come out of the journal again",
			 hash256_short(&n->resume_hash).s);
		resume_end(n);
		return true;
	}
	h = held_add(n, ledger_ref(j->build.ledger), j->build.applied,
		     (uint32_t)j->build.n_applied);
	node_log(n, NODE_LOG_INFO, "votes: ledger %u rebuilt from the journal",
		 h->ledger->header.seq);
	round_know(n, h);
	round_set_closed(n, h);
	pool_ledger_closed(n, h);
	vote_resume(n);
	return true;
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
