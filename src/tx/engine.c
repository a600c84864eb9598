/* SPDX-License-Identifier: ISC */
#include "tx/engine.h"

#include "base/limits.h"
#include "tx/ops.h"
#include "tx/ticket.h"

#define TYPE(tt, name) extern const struct tx_ops tx_ops_##name;
#include "tx/types.def"
#undef TYPE

const struct tx_ops *tx_ops_of(uint16_t type)
{
	switch (type) {
#define TYPE(tt, name)                                                                             \
	case tt:                                                                                   \
		return &tx_ops_##name;
#include "tx/types.def"
#undef TYPE
	default: /* outside data: all the types that are not here */
		return NULL;
	}
}

/* Uses up the sequence or the ticket. */
static enum ter use_sequence(struct tx_run *r)
{
	const struct tx *t = r->t;

	if (t->has_ticket)
		return ticket_remove(r, &t->account, r->account,
				     keylet_ticket(&t->account, t->ticket));
	st_set_u(r->account, sfSequence, (uint32_t)(t->seq + 1));
	return tesSUCCESS;
}

/* Uses up the sequence or ticket, takes the fee (or what there is of it), and keeps the sender's
 * entry at hand. */
static enum ter take_fee(struct tx_run *r, struct drops *fee)
{
	struct drops rest;
	enum found f = view_peek(r->view, r->account_k, &r->account);

	if (f != FOUND)
		return f == ABSENT ? tefINTERNAL : tefEXCEPTION;
	if (!account_balance(r->account, &r->balance_before_fee))
		return tefINTERNAL;
	if (drops_cmp(*fee, r->balance_before_fee) > 0)
		*fee = r->balance_before_fee;
	if (!drops_sub(&rest, r->balance_before_fee, *fee))
		return tefINTERNAL;
	st_set_drops(r->account, sfBalance, rest);
	view_update(r->view, r->account_k);
	return use_sequence(r);
}

/* Fee, sequence, AccountTxnID, then what the type does. */
static enum ter apply_type(struct tx_run *r)
{
	struct drops fee = r->t->fee;
	enum ter t;

	if (!r->t->pseudo) {
		t = take_fee(r, &fee);
		if (t != tesSUCCESS)
			return t;
		if (st_has(r->account, sfAccountTxnID))
			st_set_hash256(r->account, sfAccountTxnID, &r->t->id);
	}
	return r->ops->apply(r);
}

/* Forgets all that the transaction did and takes the fee alone. */
static enum ter claim_fee_only(struct tx_run *r, struct drops *fee)
{
	*fee = r->t->fee;
	r->has_delivered = false;
	view_close(r->view);
	r->view = view_open_sandbox(r->ledger);
	return r->t->pseudo ? tefINTERNAL : take_fee(r, fee);
}

/* The result after the invariants: a broken one costs the fee; if not even taking the fee keeps
 * them, nothing happens. */
static enum ter check_invariants(struct tx_run *r, enum ter result, struct drops *fee)
{
	const char *broken;
	enum ter t;

	if (tx_invariants_hold(r->view, r->t, r->ops, result, *fee, &broken))
		return result;
	t = claim_fee_only(r, fee);
	if (t != tesSUCCESS)
		return t;
	if (!tx_invariants_hold(r->view, r->t, r->ops, tecINVARIANT_FAILED, *fee, &broken))
		return tefINVARIANT_FAILED;
	return tecINVARIANT_FAILED;
}

/* Whether a tec result claims the fee now. While a later pass is to come it does not, but for a few
 * results that no other order of things can change. */
static bool claims_fee(const struct tx_run *r, enum ter result)
{
	if (!ter_is_tec(result) || (r->flags & TX_FAIL_HARD))
		return false;
	return !(r->flags & TX_RETRY) || result == tecOVERSIZE || result == tecKILLED ||
	       result == tecINCOMPLETE || result == tecEXPIRED;
}

static enum ter preclaim(struct tx_run *r)
{
	enum ter t;

	/* Pseudo-transactions come only out of an agreed set. */
	if (r->t->pseudo)
		t = r->info->open ? temINVALID : tesSUCCESS;
	else
		t = tx_preclaim_common(r);
	if (t == tesSUCCESS && r->ops->preclaim)
		t = r->ops->preclaim(r);
	return view_failed(r->ledger) ? tefEXCEPTION : t;
}

/* Runs the transaction in the sandbox, beginning with the result of preclaim. True when the sandbox
 * holds something to keep: the result is tes, or tec and the fee is taken. */
static bool run(struct tx_run *r, enum ter *result, struct drops *fee)
{
	bool keep;

	*fee = r->t->fee;
	if (*result == tesSUCCESS)
		*result = apply_type(r);
	if (view_count_changes(r->view) > META_ENTRIES_MAX)
		*result = tecOVERSIZE;
	keep = *result == tesSUCCESS;
	if (!view_failed(r->view) && claims_fee(r, *result)) {
		enum ter t = claim_fee_only(r, fee);

		keep = t == tesSUCCESS;
		if (!keep)
			*result = t;
	}
	if (keep) {
		*result = check_invariants(r, *result, fee);
		keep = *result == tesSUCCESS || ter_is_tec(*result);
	}
	if (!view_failed(r->view))
		return keep;
	*result = tefEXCEPTION;
	return false;
}

/* Metadata, then the merge into the ledger's view. */
static void finish(struct tx_run *r, struct tx_outcome *out, struct drops fee, uint32_t tx_index,
		   struct arena *meta_arena)
{
	if (meta_arena) {
		uint8_t b[AMOUNT_BYTES_MAX];
		struct amount a = amount_of_drops(r->delivered);
		struct bytes delivered = bytes_of(b, amount_encode(b, &a));

		out->meta = view_make_metadata(r->view, meta_arena, &r->t->id, tx_index,
					       (int)out->result,
					       r->has_delivered ? &delivered : NULL);
		if (!out->meta) {
			out->result = tefEXCEPTION;
			return;
		}
	}
	if (r->flags & TX_DRY_RUN)
		return;
	view_burn(r->view, fee);
	view_merge(r->view);
	out->applied = true;
}

static struct tx_outcome apply_checked(struct tx_run *r, uint32_t tx_index,
				       struct arena *meta_arena)
{
	struct tx_outcome out = {.result = preclaim(r)};
	struct drops fee;

	if (out.result != tesSUCCESS && !(ter_is_tec(out.result) && !(r->flags & TX_RETRY)))
		return out;
	r->view = view_open_sandbox(r->ledger);
	if (run(r, &out.result, &fee))
		finish(r, &out, fee, tx_index, meta_arena);
	view_close(r->view);
	return out;
}

struct tx_outcome tx_apply_with(struct view *view, struct tx *t, const struct tx_ops *ops,
				unsigned flags, uint32_t tx_index, struct arena *meta_arena)
{
	const struct view_info *info = view_get_info(view);
	struct tx_static s = {
	    .t = t, .rules = info->rules, .network_id = info->network_id, .flags = flags};
	struct tx_run r = {.t = t,
			   .ops = ops,
			   .ledger = view,
			   .info = info,
			   .flags = flags,
			   .account_k = {.key = t->account_key, .type = ltAccountRoot}};
	struct tx_outcome out = {.result = tx_preflight_with(&s, ops)};
	int signature = atomic_load_explicit(&t->signature, memory_order_acquire);

	if (out.result != tesSUCCESS)
		return out;
	if (!t->pseudo && !(flags & TX_DRY_RUN)) {
		must(signature != TX_SIG_UNKNOWN);
		if (signature != TX_SIG_GOOD) {
			out.result = temBAD_SIGNATURE;
			return out;
		}
	}
	return apply_checked(&r, tx_index, meta_arena);
}

struct tx_outcome tx_apply(struct view *view, struct tx *t, unsigned flags, uint32_t tx_index,
			   struct arena *meta_arena)
{
	const struct tx_ops *ops = tx_ops_of(t->type);

	if (!ops)
		return (struct tx_outcome){.result = temDISABLED};
	return tx_apply_with(view, t, ops, flags, tx_index, meta_arena);
}
