/* SPDX-License-Identifier: ISC */
#include "rpc/idempotency.h"
#include "rpc/methods.h"
#include "rpc/signing.h"

#include "base/limits.h"

#include <stdio.h>

/* submit and submit_multisigned (rippled: Submit.cpp, NetworkOPs.cpp). The node answers later. */

static void fail_invalid(struct rpc_call *c, const char *reason)
{
	jw_put_str(&c->w, "error_exception", reason);
	rpc_fail_token(c, "invalidTransaction");
}

static void write_fate(struct rpc_call *c, const struct node_submitted *s)
{
	struct jw *w = &c->w;

	idem_outcome(c, s->result);
	tj_result(w, s->result, NULL);
	jw_put_bool(w, "accepted", s->accepted);
	jw_put_bool(w, "applied", s->applied);
	jw_put_bool(w, "broadcast", s->broadcast);
	jw_put_bool(w, "queued", s->queued);
	jw_put_bool(w, "kept", s->kept);
	jw_put_u64(w, "account_sequence_next", s->account_seq_next);
	jw_put_u64(w, "account_sequence_available", s->account_seq_available);
	jw_put_text_u64(w, "open_ledger_cost", s->open_ledger_cost.raw); /* raw: printing */
	jw_put_u64(w, "validated_ledger_index", s->validated_seq);
}

/* The signature is good, but the transaction is none that the reference would take. */
static bool locally_refused(struct rpc_call *c, const struct tx *tx)
{
	const char *fault = tx_local_fault(tx);
	char text[WHY_MAX];

	if (!fault)
		return false;
	snprintf(text, sizeof(text), "fails local checks: %s", fault);
	fail_invalid(c, text);
	return true;
}

static void finish_blob(struct rpc_call *c, const struct node_submitted *s)
{
	const struct tx *tx = c->later.tx;
	struct why why = {.text = ""};
	char text[WHY_MAX];
	json_t *shown;

	if (s->result == temBAD_SIGNATURE) {
		c->cost = RPC_COST_BAD_SIGNATURE;
		tx_signature_fault(tx, &why);
		snprintf(text, sizeof(text), "fails local checks: %s", why.text);
		fail_invalid(c, text);
		return;
	}
	if (locally_refused(c, tx))
		return;
	shown = tj_tx_plain(tx->fields, &tx->id);
	jw_put_json(&c->w, "tx_json", shown);
	json_decref(shown);
	jw_put_hex(&c->w, "tx_blob", tx->blob.p, tx->blob.n);
	write_fate(c, s);
}

static bool parse_fail_hard(struct rpc_call *c, bool *out)
{
	const json_t *v = json_object_get(c->p, "fail_hard");

	*out = json_is_true(v);
	if (v && !json_is_boolean(v))
		return rpc_fail_expected(c, "fail_hard", "boolean");
	return true;
}

static void hand_over(struct rpc_call *c, struct tx *tx, bool fail_hard,
		      void (*finish)(struct rpc_call *c, const struct node_submitted *s))
{
	c->later = (struct rpc_later){
	    .kind = RPC_SUBMIT_THEN_REPLY, .tx = tx, .fail_hard = fail_hard, .finish = finish};
}

static void submit_blob(struct rpc_call *c, const json_t *text)
{
	size_t n = json_string_length(text) / 2;
	uint8_t *blob;
	struct why why = {.text = ""};
	char reason[WHY_MAX];
	bool fail_hard;
	struct tx *tx;

	if (!json_is_string(text) || n == 0) {
		rpc_fail(c, RPC_INVALID_PARAMS);
		return;
	}
	blob = arena_alloc(&c->arena, n);
	if (!hex_decode(blob, n, json_string_value(text), json_string_length(text))) {
		rpc_fail(c, RPC_INVALID_PARAMS);
		return;
	}
	if (tx_parse(&tx, bytes_of(blob, n), &why) != ERR_NONE) {
		txfill_reason(reason, why.text);
		fail_invalid(c, reason);
		return;
	}
	if (tx->pseudo) {
		tx_unref(tx);
		fail_invalid(c, "fails local checks: Cannot submit pseudo transactions.");
		return;
	}
	if (!parse_fail_hard(c, &fail_hard)) {
		tx_unref(tx);
		return;
	}
	hand_over(c, tx, fail_hard, finish_blob);
}

/* ---- Transactions that come as JSON */

static void finish_json(struct rpc_call *c, const struct node_submitted *s)
{
	if (s->result == temBAD_SIGNATURE) {
		c->cost = RPC_COST_BAD_SIGNATURE;
		rpc_fail_text(c, RPC_INTERNAL, "Invalid signature.");
		return;
	}
	signing_write_tx(c, c->later.tx);
	write_fate(c, s);
}

static void finish_signed(struct rpc_call *c, const struct node_submitted *s)
{
	jw_put_str(&c->w, "deprecated",
		   "Signing support in the 'submit' command has been deprecated and will be "
		   "removed in a future version of the server. Please migrate to a standalone "
		   "signing tool.");
	finish_json(c, s);
}

/* What an earlier attempt under the same key has signed already is what is submitted. */
static void submit_signed(struct rpc_call *c, bool fail_hard)
{
	struct tx *tx = idem_resume(c);

	if (!tx)
		tx = signing_sign(c);
	if (!tx)
		return;
	hand_over(c, tx, fail_hard, finish_signed);
	c->later.signed_here = true;
}

void method_submit(struct rpc_call *c)
{
	const json_t *blob = json_object_get(c->p, "tx_blob");
	bool fail_hard;

	if (blob)
		submit_blob(c, blob);
	else if (parse_fail_hard(c, &fail_hard) && signing_allowed(c))
		submit_signed(c, fail_hard);
}

void method_submit_multisigned(struct rpc_call *c)
{
	struct tx *tx = signing_multisigned(c);
	bool fail_hard = p_truthy(c, "fail_hard");

	if (tx)
		hand_over(c, tx, fail_hard, finish_json);
}
