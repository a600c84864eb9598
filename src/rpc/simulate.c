/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/signing.h"
#include "rpc/state.h"

#include "base/limits.h"
#include "crypto/base58.h"
#include "tx/engine.h"

/* simulate (rippled: Simulate.cpp): what a transaction would do to the open ledger. */

/* From "tx_blob", decoded, or "tx_json"; the caller's reference. */
static json_t *json_of_blob(struct rpc_call *c, const json_t *text)
{
	size_t n = json_string_length(text) / 2;
	struct st_object *o;
	uint8_t *blob;

	if (!json_is_string(text) || n == 0 || n > TX_BYTES_MAX)
		goto bad;
	blob = arena_alloc(&c->arena, n);
	if (hex_decode(blob, n, json_string_value(text), json_string_length(text)) &&
	    st_decode(&o, &c->arena, bytes_of(blob, n), NULL) == ERR_NONE)
		return st_to_json(o);
bad:
	rpc_fail_invalid(c, "tx_blob");
	return NULL;
}

static json_t *tx_of_request(struct rpc_call *c)
{
	const json_t *blob = json_object_get(c->p, "tx_blob");
	const json_t *json = json_object_get(c->p, "tx_json");
	json_t *tx;

	if (blob && json) {
		rpc_fail_text(c, RPC_INVALID_PARAMS,
			      "Can only include one of `tx_blob` and `tx_json`.");
		return NULL;
	}
	if (!blob && !json) {
		rpc_fail_text(c, RPC_INVALID_PARAMS, "Neither `tx_blob` nor `tx_json` included.");
		return NULL;
	}
	if (json && !json_is_object(json)) {
		rpc_fail_text(c, RPC_INVALID_PARAMS, "Invalid field 'tx_json', not object.");
		return NULL;
	}
	tx = blob ? json_of_blob(c, blob) : json_deep_copy(json);
	if (tx && !json_object_get(tx, "TransactionType"))
		rpc_fail_missing(c, "tx.TransactionType");
	else if (tx && !json_object_get(tx, "Account"))
		rpc_fail_missing(c, "tx.Account");
	if (!c->fault.token)
		return tx;
	json_decref(tx);
	return NULL;
}

/* An empty signature, unless there is a real one: what is simulated must not be signed. */
static bool fill_signature(struct rpc_call *c, json_t *o)
{
	const json_t *sig = json_object_get(o, "TxnSignature");

	if (!json_object_get(o, "SigningPubKey"))
		json_object_set_new(o, "SigningPubKey", json_string(""));
	if (sig && (!json_is_string(sig) || json_string_length(sig) > 0))
		return rpc_fail(c, RPC_TRANSACTION_SIGNED);
	if (!sig)
		json_object_set_new(o, "TxnSignature", json_string(""));
	return true;
}

static bool fill_signers(struct rpc_call *c, json_t *tx)
{
	json_t *list = json_object_get(tx, "Signers");

	if (!list)
		return true;
	if (!json_is_array(list))
		return rpc_fail_invalid(c, "tx.Signers");
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *signer = json_object_get(json_array_get(list, i), "Signer");

		if (!json_is_object(signer))
			return rpc_fail_text(c, RPC_INVALID_PARAMS,
					     "Invalid field 'tx.Signers[%zu]'.", i);
		if (!fill_signature(c, signer))
			return false;
	}
	return true;
}

static bool fill_sequence(struct rpc_call *c, json_t *tx)
{
	const json_t *account = json_object_get(tx, "Account");
	struct account_id id;

	if (json_object_get(tx, "Sequence"))
		return true;
	if (!json_is_string(account))
		return rpc_fail_invalid(c, "tx.Account");
	if (!json_to_account(account, &id))
		return rpc_fail_text(c, RPC_SRC_ACT_MALFORMED, "Invalid field 'tx.Account'.");
	return txfill_sequence(c, tx, &id);
}

static bool fill(struct rpc_call *c, json_t *tx)
{
	if (!txfill_fee(c, tx))
		return false;
	if (!json_object_get(tx, "SigningPubKey"))
		json_object_set_new(tx, "SigningPubKey", json_string(""));
	if (!fill_signers(c, tx) || !fill_signature(c, tx) || !fill_sequence(c, tx))
		return false;
	txfill_network(c, tx);
	return true;
}

/* NULL and a fault when it is none, or one that is not to be tried. */
static struct tx *tx_of_json(struct rpc_call *c, const json_t *json)
{
	char reason[WHY_MAX];
	struct st_object *fields;
	struct tx *tx;

	if (!txfill_fields(c, json, &fields))
		return NULL;
	tx = txfill_parse(fields, reason);
	if (!tx) {
		jw_put_str(&c->w, "error_exception", reason);
		rpc_fail_token(c, "invalidTransaction");
		return NULL;
	}
	if (tx->type == ttBatch)
		rpc_fail(c, RPC_NOT_IMPL);
	else if (tx->flags & tfInnerBatchTxn)
		rpc_fail_text(c, RPC_INVALID_PARAMS,
			      "tfInnerBatchTxn flag is not allowed on top-level transactions.");
	if (!c->fault.token)
		return tx;
	tx_unref(tx);
	return NULL;
}

static void write_outcome(struct rpc_call *c, const struct tx *tx, const struct tx_outcome *out,
			  bool binary)
{
	struct buf bytes = BUF_INIT;
	struct jw *w = &c->w;
	json_t *shown;

	jw_put_bool(w, "applied", false);
	jw_put_u64(w, "ledger_index", c->ledger.seq);
	tj_result(w, out->result,
		  out->result == tesSUCCESS ? "The simulated transaction would have been applied."
					    : NULL);
	if (out->meta && binary) {
		st_encode(&bytes, out->meta, ST_ALL);
		jw_put_hex(w, "meta_blob", bytes.p, bytes.n);
		buf_close(&bytes);
	} else if (out->meta) {
		shown = tj_meta(out->meta, tx->fields);
		jw_put_json(w, "meta", shown);
		json_decref(shown);
	}
	if (binary) {
		jw_put_hex(w, "tx_blob", tx->blob.p, tx->blob.n);
		return;
	}
	shown = tj_tx_plain(tx->fields, &tx->id);
	jw_put_json(w, "tx_json", shown);
	json_decref(shown);
}

/* Whether the transaction would go straight into the open ledger. What would have to wait is not
 * tried (rippled: TxQ.cpp tryDirectApply). */
static bool goes_in(struct rpc_call *c, const struct tx *tx, struct view *sandbox)
{
	const struct st_object *root;
	struct node_fees f;

	if (rpc_entry(c, keylet_account(&tx->account), &root) != FOUND)
		return false;
	if (!tx->has_ticket && tx->seq != st_u32_or(root, sfSequence, 0))
		return false;
	node_get_fees(c->host->node, &f);
	return fee_level_of(tx, sandbox) >= f.open;
}

static struct tx_outcome try_out(struct rpc_call *c, struct tx *tx, struct view *sandbox)
{
	const struct view_info *info = view_get_info(sandbox);
	struct tx_outcome out = {
	    .result = tx_preflight(tx, info->rules, info->network_id, TX_DRY_RUN)};
	uint32_t n;

	if (out.result != tesSUCCESS)
		return out;
	if (!goes_in(c, tx, sandbox)) {
		out.result = telCAN_NOT_QUEUE;
		return out;
	}
	node_open_txs(c->host->node, &n);
	return tx_apply(sandbox, tx, TX_DRY_RUN, n, &c->arena);
}

static void run(struct rpc_call *c, struct tx *tx, bool binary)
{
	struct view *open = node_open_view(c->host->node);
	struct view *sandbox;
	struct tx_outcome out;

	if (!open) {
		rpc_fail_behind(c, RPC_NO_CURRENT);
		return;
	}
	c->ledger = (struct rpc_ledger){.open = open, .seq = view_get_info(open)->seq};
	sandbox = view_open_sandbox(open);
	out = try_out(c, tx, sandbox);
	if (view_failed(sandbox))
		rpc_fail_unavailable(c);
	else if (!c->fault.token)
		write_outcome(c, tx, &out, binary);
	view_close(sandbox);
}

void method_simulate(struct rpc_call *c)
{
	static const char *const secrets[] = {"secret", "seed", "seed_hex", "passphrase"};
	struct tx *tx = NULL;
	bool binary;
	json_t *json;

	if (!p_flag(c, "binary", &binary))
		return;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (p_has(c, secrets[i])) {
			rpc_fail_invalid(c, secrets[i]);
			return;
		}
	json = tx_of_request(c);
	if (json && fill(c, json))
		tx = tx_of_json(c, json);
	json_decref(json);
	if (tx)
		run(c, tx, binary);
	tx_unref(tx);
}
