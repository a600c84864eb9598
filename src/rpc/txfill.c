/* SPDX-License-Identifier: ISC */
#include "rpc/signing.h"
#include "rpc/state.h"

#include "crypto/base58.h"
#include "tx/engine.h"

#include <stdio.h>

#define NETWORK_ID_FREE_MAX 1024 /* up to here transactions must not name the network */
#define FEE_MULT_DEFAULT    10

bool txfill_sequence(struct rpc_call *c, json_t *tx, const struct account_id *account)
{
	uint32_t next;

	if (json_object_get(tx, "Sequence"))
		return true;
	next = json_object_get(tx, "TicketSequence") ? 0
						     : node_next_sequence(c->host->node, account);
	if (next == 0 && !json_object_get(tx, "TicketSequence"))
		return rpc_fail(c, RPC_SRC_ACT_NOT_FOUND);
	json_object_set_new(tx, "Sequence", json_integer(next));
	return true;
}

void txfill_network(struct rpc_call *c, json_t *tx)
{
	if (c->r->network_id > NETWORK_ID_FREE_MAX && !json_object_get(tx, "NetworkID"))
		json_object_set_new(tx, "NetworkID", json_integer(c->r->network_id));
}

static bool st_of_json(struct rpc_call *c, const json_t *tx, struct st_object **out)
{
	struct why why = {.text = ""};

	if (st_from_json(out, &c->arena, tx, &why) == ERR_NONE)
		return true;
	return rpc_fail_text(c, RPC_INVALID_PARAMS, "Invalid field 'tx_json': %.180s.", why.text);
}

struct tx *txfill_build(struct rpc_call *c, const json_t *tx)
{
	struct buf blob = BUF_INIT;
	struct why why = {.text = ""};
	struct st_object *o;
	struct tx *out = NULL;

	if (!st_of_json(c, tx, &o))
		return NULL;
	st_encode(&blob, o, ST_ALL);
	if (tx_parse(&out, buf_bytes(&blob), &why) != ERR_NONE) {
		rpc_fail_text(c, RPC_INVALID_PARAMS, "%s", why.text);
		out = NULL;
	}
	buf_close(&blob);
	return out;
}

/* The fee of the transaction as it stands; the ledger's base fee when it is not yet whole. */
static struct drops usual_fee(struct rpc_call *c, const json_t *tx, struct view *open)
{
	json_t *whole = json_deep_copy(tx);
	struct buf blob = BUF_INIT;
	struct drops fee = view_get_info(open)->fees.base;
	struct st_object *o;
	struct tx *t;

	json_object_set_new(whole, "Fee", json_string("0"));
	if (!json_object_get(whole, "Sequence"))
		json_object_set_new(whole, "Sequence", json_integer(0));
	if (!json_object_get(whole, "SigningPubKey"))
		json_object_set_new(whole, "SigningPubKey", json_string(""));
	if (st_from_json(&o, &c->arena, whole, NULL) == ERR_NONE) {
		st_encode(&blob, o, ST_ALL);
		if (tx_parse(&t, buf_bytes(&blob), NULL) == ERR_NONE) {
			fee = tx_base_fee(t, open);
			tx_unref(t);
		}
	}
	buf_close(&blob);
	json_decref(whole);
	return fee;
}

/* fee_mult_max or fee_div_max. */
static bool factor(struct rpc_call *c, const char *key, uint32_t usual, uint32_t least,
		   uint32_t *out)
{
	const json_t *v = json_object_get(c->p, key);

	*out = usual;
	if (!v)
		return true;
	if (!json_is_integer(v))
		return rpc_fail_text(c, RPC_HIGH_FEE, "Invalid field '%s', not a positive integer.",
				     key);
	if (!json_to_u32(v, out) || *out < least)
		return rpc_fail_expected(c, key, "a positive integer");
	return true;
}

bool txfill_fee(struct rpc_call *c, json_t *tx)
{
	struct view *open = node_open_view(c->host->node);
	struct drops fee, limit;
	uint32_t mult, div;
	char text[24];

	if (json_object_get(tx, "Fee"))
		return true;
	if (!open)
		return rpc_fail_behind(c, RPC_NO_CURRENT);
	if (!factor(c, "fee_mult_max", FEE_MULT_DEFAULT, 0, &mult) ||
	    !factor(c, "fee_div_max", 1, 1, &div))
		return false;
	fee = usual_fee(c, tx, open);
	if (!drops_mul(&limit, fee, mult))
		limit = drops_of(DROPS_MAX);
	limit.raw /= div; /* raw: there is no division of money but this one, rounding down */
	if (drops_cmp(fee, limit) > 0)
		return rpc_fail_text(c, RPC_HIGH_FEE,
				     "Fee of %llu exceeds the requested tx limit of %llu",
				     (unsigned long long)fee.raw,          /* raw: printing */
				     (unsigned long long)limit.raw);       /* raw: printing */
	snprintf(text, sizeof(text), "%llu", (unsigned long long)fee.raw); /* raw: printing */
	json_object_set_new(tx, "Fee", json_string(text));
	return true;
}
