/* SPDX-License-Identifier: ISC */
#include "node/txq_impl.h"

#include "tx/ops.h"

/* One transaction: into the open ledger, into the queue, or neither (rippled: TxQ::apply and what
 * it calls; the order of the checks is its).
 *
 * For the queue, that one waits must be likely to pay off: with all that waits of its account
 * before it taken from the balance, it would be applied or claim its fee. */

/* All that is known of the transaction on its way. */
struct trial {
	struct txq *q;
	struct txq_open *o;
	struct tx *t;
	unsigned flags;
	struct tx_consequences effect;
	uint64_t level, required;
	uint32_t acct_seq;
	struct drops balance;
	struct txq_account *account; /* NULL: nothing of it waits */
	struct txq_entry *first;     /* the first that still matters, see txq_first_from */
	uint32_t count;              /* from there on */
	struct txq_entry *replaced;  /* would be, by this one */
	bool multi;                  /* others of its account were taken into account */
};

/* ---- the open ledger ---- */

bool txq_has_room(const struct txq_open *o, const struct tx *t)
{
	return o->txs < LEDGER_TX_MAX && o->bytes + t->blob.n <= LEDGER_TX_BYTES_MAX;
}

struct tx_outcome txq_apply(struct txq_open *o, struct tx *t, unsigned flags)
{
	struct tx_outcome out = tx_apply(o->view, t, flags, o->txs, NULL);

	if (out.applied) {
		o->txs++;
		o->bytes += t->blob.n;
	}
	return out;
}

/* Preflight and preclaim, as tx_apply has them. */
static enum ter likely(const struct tx *t, struct view *v, unsigned flags)
{
	const struct tx_ops *ops = tx_ops_of(t->type);
	struct tx_run r = {.t = t,
			   .ops = ops,
			   .ledger = v,
			   .info = view_get_info(v),
			   .flags = flags,
			   .account_k = keylet_account(&t->account)};
	enum ter result = tx_preclaim_common(&r);

	if (result == tesSUCCESS && ops->preclaim)
		result = ops->preclaim(&r);
	if (view_failed(v))
		return tefEXCEPTION;
	return result;
}

static bool claims_fee(enum ter result)
{
	return result == tesSUCCESS || ter_is_tec(result);
}

/* Whether it offers less than we ask for while we cannot keep up. */
static bool below_load(const struct txq_open *o, const struct tx *t)
{
	uint64_t due;

	if (o->load <= FEE_LEVEL_BASE)
		return false;
	(void)fee_mul_div(&due, tx_base_fee(t, o->view).raw, o->load,
			  FEE_LEVEL_BASE); /* raw: ratio */
	return t->fee.raw < due;           /* raw: ratio */
}

/* Its sequence is next and it pays enough: applied at once. */
static bool try_directly(struct trial *r, struct tx_outcome *out)
{
	if (!r->t->has_ticket && r->t->seq != r->acct_seq)
		return false;
	if (r->level < r->required || !txq_has_room(r->o, r->t))
		return false;
	if (below_load(r->o, r->t)) {
		out->result = likely(r->t, r->o->view, r->flags);
		if (claims_fee(out->result))
			out->result = telINSUF_FEE_P;
		return true;
	}
	*out = txq_apply(r->o, r->t, r->flags);
	if (out->applied)
		txq_overtaken(r->q, r->t);
	return true;
}

/* ---- may it wait at all ---- */

/* A full account may still fill the first gap in its sequences. */
static bool fills_gap(const struct trial *r)
{
	uint32_t next = txq_next_sequence(r->q, &r->t->account, r->acct_seq);
	const struct txq_entry *e;

	if (r->t->has_ticket || r->t->seq != next)
		return false;
	for (e = r->account->first; e && !e->tx->has_ticket; e = e->next)
		if (e->tx->seq > next)
			return true;
	return false;
}

static enum ter may_be_held(const struct trial *r)
{
	const struct tx *t = r->t;
	uint32_t seq = view_get_info(r->o->view)->seq;

	/* Whose effect on others of the account cannot be foretold, and what is never to wait. */
	if (t->type == ttBatch || st_has(t->fields, sfPreviousTxnID) ||
	    st_has(t->fields, sfAccountTxnID) || st_has(t->fields, sfDelegate) ||
	    (r->flags & TX_FAIL_HARD))
		return telCAN_NOT_QUEUE;
	if (t->last_ledger && t->last_ledger < seq + r->q->setup.minimum_last_ledger_buffer)
		return telCAN_NOT_QUEUE;
	if (!r->account || r->replaced || r->account->n < r->q->setup.maximum_txn_per_account)
		return tesSUCCESS;
	return fills_gap(r) ? tesSUCCESS : telCAN_NOT_QUEUE_FULL;
}

/* ---- beside the others of its account ---- */

static enum ter check_ticket(const struct trial *r)
{
	const struct st_object *ticket;
	enum found f;

	if (!r->t->has_ticket)
		return tesSUCCESS;
	f = view_read(r->o->view, keylet_ticket(&r->t->account, r->t->ticket), &ticket);
	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	if (f == FOUND)
		return tesSUCCESS;
	return r->t->ticket < r->acct_seq ? tefNO_TICKET : terPRE_TICKET;
}

/* A blocker waits alone: nothing joins it, and it joins nothing. (Something may be before it all
 * the same: what was overtaken in the ledger counts again when the ledger takes another course.) */
static enum ter check_blockers(const struct trial *r)
{
	const struct txq_entry *e;

	if (r->effect.blocker &&
	    (r->count > 1 || (r->count == 1 && !txq_tx_same(r->first->tx, r->t))))
		return telCAN_NOT_QUEUE_BLOCKS;
	for (e = r->first; e; e = e->next)
		if (e->effect.blocker && !txq_tx_same(e->tx, r->t))
			return telCAN_NOT_QUEUE_BLOCKED;
	return tesSUCCESS;
}

static enum ter check_replacement(const struct trial *r)
{
	uint64_t needs;

	if (!r->count || !r->replaced)
		return tesSUCCESS;
	(void)fee_mul_div(&needs, r->replaced->level,
			  100 + (uint64_t)r->q->setup.retry_sequence_percent, 100);
	return r->level > needs ? tesSUCCESS : telCAN_NOT_QUEUE_FEE;
}

/* The sequence must be the account's next, or come right after those that wait. One that is ahead
 * of its turn may come to it (the caller holds it). */
static enum ter check_order(const struct trial *r)
{
	const struct tx *t = r->t;
	uint32_t next;

	if (t->has_ticket)
		return tesSUCCESS;
	if (!r->count || txq_tx_before(t, r->first->tx))
		return t->seq > r->acct_seq ? terPRE_SEQ : tesSUCCESS;
	next = txq_next_sequence(r->q, &t->account, r->acct_seq);
	if (r->replaced || t->seq == next)
		return tesSUCCESS;
	return t->seq > next ? terPRE_SEQ : telCAN_NOT_QUEUE;
}

static void add(struct drops *sum, struct drops d)
{
	if (!drops_add(sum, *sum, d))
		*sum = drops_of(DROPS_MAX);
}

/* What the others that wait may take; a replacement in their middle counts as one of them. */
static void in_flight(const struct trial *r, struct drops *fees, struct drops *spend)
{
	const struct txq_entry *e;

	*fees = *spend = drops_of(0);
	for (e = r->first; e; e = e->next) {
		if (!txq_tx_same(e->tx, r->t)) {
			add(fees, e->tx->fee);
			add(spend, e->effect.spend);
		} else if (e->next) {
			add(fees, r->t->fee);
			add(spend, r->effect.spend);
		}
	}
}

/* The fees in flight must be covered by what nothing else can take: less than the reserve (unless
 * that is tiny), and than the balance. */
static bool fees_are_safe(const struct trial *r, struct drops fees, const struct ledger_fees *f)
{
	struct drops ten;

	if (drops_cmp(fees, r->balance) >= 0)
		return false;
	if (!drops_mul(&ten, f->base, 10))
		ten = drops_of(DROPS_MAX);
	return drops_cmp(f->reserve, ten) <= 0 || drops_cmp(fees, f->reserve) < 0;
}

/* Opens what the ledger may look like when its turn comes; NULL and why not. */
static struct view *view_after_others(struct trial *r, enum ter *why)
{
	const struct ledger_fees *f = &view_get_info(r->o->view)->fees;
	struct drops fees, spend, free = drops_of(0), total, rest;
	struct st_object *account;
	struct view *v;

	in_flight(r, &fees, &spend);
	*why = telCAN_NOT_QUEUE_BALANCE;
	if (!fees_are_safe(r, fees, f))
		return NULL;
	if (!drops_sub(&free, r->balance, f->reserve))
		free = drops_of(0);
	total = drops_cmp(spend, free) < 0 ? spend : free;
	add(&total, fees);
	if (!drops_sub(&rest, r->balance, total))
		rest = drops_of(0);
	v = view_open_sandbox(r->o->view);
	if (view_peek(v, keylet_account(&r->t->account), &account) != FOUND) {
		view_close(v);
		*why = tefINTERNAL;
		return NULL;
	}
	st_set_drops(account, sfBalance, rest);
	st_set_u(account, sfSequence,
		 r->t->has_ticket ? txq_next_sequence(r->q, &r->t->account, r->acct_seq)
				  : r->t->seq);
	view_update(v, keylet_account(&r->t->account));
	return v;
}

/* Order and balance among the others, and whether it would then claim a fee. */
static enum ter check_likely(struct trial *r)
{
	struct view *after = NULL;
	enum ter result;

	if (!r->t->has_ticket && r->t->seq < r->acct_seq)
		return tefPAST_SEQ;
	if (!r->count || (r->count == 1 && r->replaced)) {
		result = check_order(r);
	} else {
		result = may_be_held(r);
		if (result == tesSUCCESS)
			result = check_order(r);
		if (result == tesSUCCESS) {
			after = view_after_others(r, &result);
			r->multi = after != NULL;
			result = after ? tesSUCCESS : result;
		}
	}
	if (result != tesSUCCESS)
		return result;
	result = likely(r->t, after ? after : r->o->view, r->flags);
	view_close(after);
	if (!claims_fee(result))
		return result;
	return below_load(r->o, r->t) ? telINSUF_FEE_P : tesSUCCESS;
}

/* ---- paying for all that is before it ---- */

/* Whether the levels of those before it and its own add up to what all of them would have to pay
 * one after another. */
static bool pays_for_all(const struct trial *r, uint32_t *n_before)
{
	const struct txq_entry *e;
	uint64_t required, total = r->level;
	size_t bytes = r->t->blob.n;

	*n_before = 0;
	for (e = r->first; e && txq_tx_before(e->tx, r->t); e = e->next) {
		if (__builtin_add_overflow(total, e->level, &total))
			total = UINT64_MAX;
		bytes += e->tx->blob.n;
		(*n_before)++;
	}
	return r->o->txs + *n_before + 1 <= LEDGER_TX_MAX &&
	       r->o->bytes + bytes <= LEDGER_TX_BYTES_MAX &&
	       fee_level_series(&r->q->fees, r->o->txs, *n_before + 1, &required) &&
	       total >= required;
}

/* Applies those before it and then itself to a copy. *results: of each. */
static struct tx_outcome apply_all(struct trial *r, struct txq_open *copy, enum ter *results)
{
	struct txq_entry *e;
	struct tx_outcome out;
	uint32_t i = 0;

	for (e = r->first; e && txq_tx_before(e->tx, r->t); e = e->next) {
		out = txq_apply(copy, e->tx, 0);
		e->retries--;
		e->last = results[i++] = out.result;
		if (!out.applied && out.result != tefNO_TICKET)
			return out;
	}
	return txq_apply(copy, r->t, r->flags);
}

/* It pays for all of its account that waits before it: they go into the open ledger together, or
 * not at all. (rippled: tryClearAccountQueueUpThruTx) */
static bool clear_the_way(struct trial *r, struct tx_outcome *out)
{
	struct txq_open copy = *r->o;
	enum ter *results;
	uint32_t n, i;

	if (r->t->has_ticket || !r->first || !r->multi || r->first->retries != TXQ_RETRIES ||
	    r->level <= r->required || r->required <= FEE_LEVEL_BASE || !pays_for_all(r, &n))
		return false;
	results = mem_alloc((n + 1) * sizeof(*results));
	copy.view = view_open_sandbox(r->o->view);
	*out = apply_all(r, &copy, results);
	if (out->applied) {
		struct view *v = r->o->view;

		view_merge(copy.view);
		*r->o = copy;
		r->o->view = v;
		for (i = 0; i < n; i++) {
			struct txq_entry *e = r->first;

			r->first = e->next;
			txq_leaves(r->q, e, true, results[i]);
		}
		if (r->replaced)
			txq_leaves(r->q, r->replaced, false, tefPAST_SEQ);
	}
	view_close(copy.view);
	mem_free(results);
	return out->applied;
}

/* ---- into the queue ---- */

/* The level that counts for an account when the queue is full: its worst, or if that is beaten, the
 * average of all it has there. */
static uint64_t level_of_account(const struct txq_entry *worst, uint64_t level)
{
	const struct txq_entry *e;
	uint64_t n = worst->account->n;
	unsigned __int128 sum = 0;

	if (worst->level > level || n == 1)
		return worst->level;
	for (e = worst->account->first; e; e = e->next)
		sum += e->level;
	return (uint64_t)(sum / n);
}

/* Makes room: the last of the account with the worst level goes, if this one is better. */
static bool drive_out(struct trial *r)
{
	const struct txq *q = r->q;
	uint32_t i = q->n;

	while (i && q->order[i - 1]->account == r->account)
		i--;
	if (!i || r->level <= level_of_account(q->order[i - 1], r->level))
		return false;
	txq_leaves(r->q, txq_last_of(q->order[i - 1]->account), false, telCAN_NOT_QUEUE_FULL);
	return true;
}

static enum ter join(struct trial *r)
{
	uint64_t gives = r->replaced ? r->replaced->tx->blob.n : 0;

	if (!r->replaced && txq_full(r->q, 100) && !drive_out(r))
		return telCAN_NOT_QUEUE_FULL;
	if (r->q->bytes - gives + r->t->blob.n > TX_QUEUE_BYTES_MAX)
		return telCAN_NOT_QUEUE_FULL;
	if (r->replaced)
		txq_leaves(r->q, r->replaced, false, telCAN_NOT_QUEUE_FEE);
	txq_put(r->q, r->t, r->level);
	return terQUEUED;
}

static void look_up_others(struct trial *r)
{
	const struct txq_entry *e;

	r->account = txq_account_get(r->q, &r->t->account);
	if (r->account && !r->account->n)
		r->account = NULL;
	r->first = txq_first_from(r->account, r->acct_seq);
	for (e = r->first; e; e = e->next)
		r->count++;
	r->replaced = txq_rival(r->account, r->t);
}

static enum ter try_queue(struct trial *r, struct tx_outcome *out)
{
	enum ter result = check_ticket(r);

	if (result != tesSUCCESS)
		return result;
	look_up_others(r);
	result = check_blockers(r);
	if (result == tesSUCCESS)
		result = check_replacement(r);
	if (result == tesSUCCESS)
		result = check_likely(r);
	if (result != tesSUCCESS)
		return result;
	if (clear_the_way(r, out))
		return out->result;
	if (!r->multi)
		result = may_be_held(r);
	return result == tesSUCCESS ? join(r) : result;
}

struct tx_outcome txq_try(struct txq *q, struct txq_open *o, struct tx *t, unsigned flags)
{
	const struct view_info *info = view_get_info(o->view);
	struct tx_outcome out = {.result = tx_preflight(t, info->rules, info->network_id, flags)};
	struct trial r = {.q = q, .o = o, .t = t, .flags = flags};
	const struct st_object *account;
	enum found f;

	must(atomic_load_explicit(&t->signature, memory_order_acquire) == TX_SIG_GOOD);
	if (out.result != tesSUCCESS)
		return out;
	f = view_read(o->view, keylet_account(&t->account), &account);
	out.result = f == ABSENT ? terNO_ACCOUNT : tefEXCEPTION;
	if (f != FOUND)
		return out;
	out.result = tefINTERNAL;
	if (!account_balance(account, &r.balance))
		return out;
	r.acct_seq = st_u32_or(account, sfSequence, 0);
	r.level = fee_level_of(t, o->view);
	r.required = fee_level_required(&q->fees, o->txs);
	if (try_directly(&r, &out))
		return out;
	tx_consequences_of(t, &r.effect);
	out.result = try_queue(&r, &out);
	return out;
}
