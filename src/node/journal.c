/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "crypto/hash.h"

/* The vote journal: nothing signed leaves before it is durable.
 *
 * A validation is written with all that rebuilds its ledger from the last committed one, a proposal
 * with a reservation of its number. Messages wait in `out` with the number of the journal write
 * that covers them. One write runs at a time; what is asked for meanwhile goes into the next.
 *
 *   vote ──► out[], journal_wanted++ ──► write (job) ──► journal_done ──► sent, told to consensus
 *
 * After a restart the journalled ledgers are rebuilt, the same validation is sent again, and the
 * rounds start on its ledger. */

#define JOURNAL_RETRY_MS 2000
#define RECORD_HEAD      8192 /* above what a record holds beside its ledgers */
#define CHAIN_MAX        (LEDGER_AHEAD_HELD_MAX + 1)

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

static size_t record_bytes(const struct held *h)
{
	size_t bytes = LEDGER_HEADER_BYTES;
	uint32_t i;

	for (i = 0; i < h->n_txs; i++)
		bytes += h->txs[i]->blob.n + 4;
	return bytes;
}

/* The ledgers after the base up to h, newest first; false when they are not all here, or are more
 * than a record may hold. */
static bool chain_to(const struct node *n, struct held *h, struct held *chain[CHAIN_MAX],
		     uint32_t *k)
{
	size_t bytes = RECORD_HEAD;

	*k = 0;
	while (h && !hash256_eq(&h->ledger->hash, &n->base_hash)) {
		if (h->ledger->header.seq <= n->base_seq || *k == CHAIN_MAX || !h->txs)
			return false;
		bytes += record_bytes(h);
		chain[(*k)++] = h;
		h = held_find(n, &h->ledger->header.parent);
	}
	return h && bytes <= JOURNAL_BYTES_MAX;
}

bool vote_can_be_kept(const struct node *n, const struct held *h)
{
	struct held *chain[CHAIN_MAX];
	uint32_t k;

	return chain_to(n, held_find(n, &h->ledger->hash), chain, &k);
}

/* Between the last committed ledger and the one voted for, oldest first. */
static void record_ledgers(struct node *n, struct journal_record *r, struct arena *a)
{
	struct held *chain[CHAIN_MAX];
	uint32_t i, k;

	if (!chain_to(n, held_find(n, &n->vote_hash), chain, &k))
		k = 0; /* it is behind the committed one, or on a line that was left */
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

	if (n->journal_job || n->journal_done >= n->journal_wanted || n->journal_failed ||
	    n->stopping)
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
	struct cons_event ev = {.kind = CONS_VALIDATION};
	struct node_effect *e;
	struct hash256 id;

	if (n->self < 0)
		return; /* out of the UNL meanwhile */
	e = fx_new(n, NODE_FX_VALIDATION);
	e->validation.master = n->unl[n->self].key;
	buf_put(&e->validation.bytes, o->bytes.p, o->bytes.n);
	vote_keep(n, (uint32_t)n->self, buf_bytes(&o->bytes), &o->v);
	sha512_half(&id, o->bytes.p, o->bytes.n);
	seen_add(&n->seen_msgs, &id);
	ev.validation.who = (uint32_t)n->self;
	ev.validation.validation = o->v;
	round_feed(n, &ev);
}

void vote_flush_out(struct node *n)
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
		vote_flush_out(n);
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
		node_store_failed(n, "the vote journal cannot be written"); /* a later one may */
	}
	round_set_proposing(n);
}

struct vote_out *vote_out_new(struct node *n)
{
	struct vote_out *o;

	if (n->n_out == VOTE_OUT_MAX)
		return NULL;
	o = &n->out[n->n_out++];
	*o = (struct vote_out){.after = n->journal_done};
	return o;
}

/* ---- after a restart ---- */

/* What was signed binds whatever key it was signed with. One by an earlier signing key of ours is
 * nobody's word any more: consensus is told, the others are not. */
static void bound_by(struct node *n, const struct cons_validation *v)
{
	struct cons_event ev = {.kind = CONS_VALIDATION};

	ev.validation.who = (uint32_t)n->self;
	ev.validation.validation = *v;
	round_feed(n, &ev);
}

/* The validation that was in force when the process ended goes out again, the same bytes. */
static void say_again(struct node *n)
{
	struct vote_out *o;
	struct cons_validation v;
	struct msg m = {.type = MSG_VALIDATION, .validation = buf_bytes(&n->vote_bytes)};
	int32_t who;

	if (n->self < 0 || !n->vote_bytes.n || !vote_parse(n, m.validation, &v, &who))
		return;
	if (who != n->self) {
		if (who < 0 && n->cfg.manifest.n)
			bound_by(n, &v);
		return;
	}
	if (!vote_signed(m.validation))
		return;
	o = vote_out_new(n);
	o->validation = true;
	o->v = v;
	o->frame = wire_encode(&m);
	buf_put(&o->bytes, m.validation.p, m.validation.n);
	vote_flush_out(n);
}

static void resume_end(struct node *n)
{
	arena_close(&n->jr_arena);
	n->jr = (struct journal_record){.n_ledgers = 0};
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
	if (j->build.unavailable)
		node_store_failed(n, "state not available while rebuilding from the journal");
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
