/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"

/* tx_history: the newest transactions of all (rippled: TxHistory.cpp); version 1 only. */

#define PAGE      20
#define START_MAX 10000 /* of somebody who is no administrator */

static void visit(void *ctx, const struct history_tx *row)
{
	struct rpc_call *c = ctx;
	const struct st_object *tx = c->fault.token ? NULL : tj_decode(c, row->blob);
	json_t *shown;

	if (!tx)
		return;
	shown = tj_tx(tx, &row->id, c->version);
	json_object_set_new(shown, "inLedger", json_integer(row->ledger_seq));
	json_object_set_new(shown, "ledger_index", json_integer(row->ledger_seq));
	jw_json(&c->w, shown);
	json_decref(shown);
	arena_reset(&c->arena);
}

void method_tx_history(struct rpc_call *c)
{
	const struct history *h = c->host->history;
	uint32_t start;

	if (!h->recent) {
		rpc_fail(c, RPC_NOT_ENABLED);
		return;
	}
	if (!json_to_u32(json_object_get(c->p, "start"), &start)) {
		rpc_fail(c, RPC_INVALID_PARAMS);
		return;
	}
	if (start > START_MAX && !c->from.admin) {
		rpc_fail(c, RPC_NO_PERMISSION);
		return;
	}
	jw_put_u64(&c->w, "index", start);
	jw_put_open(&c->w, "txs", '[');
	if (h->recent(h->ctx, start, PAGE, visit, c) != ERR_NONE)
		rpc_fail_unavailable(c);
	jw_end(&c->w, ']');
	if (c->fault.token)
		rpc_forget_written(c);
}
