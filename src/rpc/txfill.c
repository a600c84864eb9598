/* SPDX-License-Identifier: ISC */
#include "rpc/signing.h"
#include "rpc/state.h"

#include "base/limits.h"
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

bool txfill_names_network(const struct rpc_call *c)
{
	return c->r->network_id > NETWORK_ID_FREE_MAX;
}

void txfill_network(struct rpc_call *c, json_t *tx)
{
	if (txfill_names_network(c) && !json_object_get(tx, "NetworkID"))
		json_object_set_new(tx, "NetworkID", json_integer(c->r->network_id));
}

void txfill_amounts(json_t *tx)
{
	const char *name;
	json_t *v;
	void *safe;

	json_object_foreach_safe(tx, safe, name, v)
	{
		enum sf f = sf_by_name(name, strlen(name));
		char text[24];

		if (f == sfInvalid || sf_type(f) != ST_AMOUNT || !json_is_integer(v))
			continue;
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(v));
		json_object_set_new(tx, name, json_string(text));
	}
}

/* ---- What is wrong with JSON, in the words of the reference */

struct saying {
	const char *ours, *theirs;
};

static bool ends_with(const char *s, const char *end, size_t *n)
{
	*n = strlen(s);
	if (*n < strlen(end) || strcmp(s + *n - strlen(end), end) != 0)
		return false;
	*n -= strlen(end);
	return true;
}

/* "Memos[0].Memo.X: what" is about a place; ours has "[0]" where the reference has ".[0]". */
struct spot {
	char at[WHY_MAX];  /* tx_json.Memos.[0].Memo.X */
	char own[WHY_MAX]; /* tx_json.Memos[0].Memo.X */
	char in[WHY_MAX];  /* "Error at 'tx_json.Memos.[0].Memo'. ": for each list around it */
};

static void spot_of(struct spot *s, const char *why)
{
	size_t n = (size_t)snprintf(s->at, sizeof(s->at), "tx_json."), dots = 0, shown = 0;
	size_t length = strcspn(why, ":");

	snprintf(s->own, sizeof(s->own), "tx_json.%.*s", (int)length, why);
	s->in[0] = 0;
	for (size_t i = 0; i <= length && n + 3 < sizeof(s->at); i++) {
		/* behind the name of a list's element: what is there is within it */
		if (dots && (i == length || why[i] == '.') && --dots == 0)
			shown += (size_t)snprintf(s->in + shown, sizeof(s->in) - shown,
						  "Error at '%.*s'. ", (int)n, s->at);
		if (shown >= sizeof(s->in))
			shown = sizeof(s->in) - 1;
		if (i == length)
			break;
		if (why[i] == '[') {
			s->at[n++] = '.';
			dots = 2;
		}
		s->at[n++] = why[i];
	}
	s->at[n] = 0;
}

/* The list that an element is in: "tx_json.Memos[0].X" is named as "tx_json.Memos.X". */
static void without_index(char *path)
{
	char *open = strrchr(path, '['), *close = open ? strchr(open, ']') : NULL;

	if (close)
		memmove(open, close + 1, strlen(close));
}

static bool fail_json(struct rpc_call *c, const char *why)
{
	static const struct saying sayings[] = {
	    {": unknown field", "is unknown."},
	    {": not a list", "is not a JSON array."},
	    {": not an object", "is not a JSON object."},
	    {": nested too deep", "exceeds nesting depth limit."},
	    {": not a string", "has bad type."},
	    {"", "has invalid data."},
	};
	struct spot spot;
	size_t n, i = 0;

	spot_of(&spot, why);
	if (ends_with(why, ": not an object of one member", &n))
		return rpc_fail_text(c, RPC_INVALID_PARAMS,
				     "Field '%s' must be an object with a single key/object value.",
				     spot.own);
	if (ends_with(why, ": not the name of an object", &n)) {
		without_index(spot.own);
		return rpc_fail_text(c, RPC_INVALID_PARAMS, "Field '%s' is unknown.", spot.own);
	}
	while (!ends_with(why, sayings[i].ours, &n))
		i++;
	return rpc_fail_text(c, RPC_INVALID_PARAMS, "%sField '%s' %s", spot.in, spot.at,
			     sayings[i].theirs);
}

void txfill_reason(char out[WHY_MAX], const char *why)
{
	static const struct saying sayings[] = {
	    {" is missing", "is required but missing."},
	    {" has its default value, so it must be absent",
	     "may not be explicitly set to default."},
	    {" does not belong to the type", "found in disallowed location."},
	};
	const char *name = strstr(why, ": "), *type = strstr(why, "unknown transaction type ");
	size_t n;

	name = name ? name + 2 : why;
	for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
		if (!ends_with(name, sayings[i].ours, &n) || memchr(name, ' ', n))
			continue;
		snprintf(out, WHY_MAX, "Field '%.*s' %s", (int)n, name, sayings[i].theirs);
		return;
	}
	if (type)
		snprintf(out, WHY_MAX, "Invalid transaction type %s", strrchr(type, ' ') + 1);
	else
		snprintf(out, WHY_MAX, "%s", why);
	rpc_plain_text(out);
}

/* Signers are of one form (rippled: InnerObjectFormats.cpp). */
static bool check_signers(struct rpc_call *c, const struct st_object *o)
{
	const struct st_array *list = st_get_array(o, sfSigners);

	for (uint32_t i = 0; list && i < list->n; i++) {
		const struct st_object *s = list->e[i].object;

		if (list->e[i].field != sfSigner)
			return rpc_fail_text(c, RPC_INVALID_PARAMS,
					     "Signers array may only contain Signer entries.");
		if (s->n != 3 || !st_has(s, sfAccount) || !st_has(s, sfSigningPubKey) ||
		    !st_has(s, sfTxnSignature))
			return rpc_fail_text(c, RPC_INVALID_PARAMS,
					     "Error at 'tx_json.Signers.[%u].Signer'. Object "
					     "'Signer' contents did not meet requirements for that "
					     "type.",
					     i);
	}
	return true;
}

/* Our codec passes over names that begin small. */
static bool check_names(struct rpc_call *c, json_t *tx)
{
	const char *name;
	json_t *v;

	json_object_foreach(tx, name, v)
	{
		bool capital = name[0] >= 'A' && name[0] <= 'Z';

		if (!capital && strcmp(name, "hash") != 0 && strcmp(name, "index") != 0)
			return rpc_fail_text(c, RPC_INVALID_PARAMS,
					     "Field 'tx_json.%.150s' is unknown.", name);
	}
	return true;
}

bool txfill_fields(struct rpc_call *c, const json_t *tx, struct st_object **out)
{
	json_t *whole = json_deep_copy(tx);
	struct why why = {.text = ""};
	enum err e;

	if (!check_names(c, whole)) {
		json_decref(whole);
		return false;
	}
	txfill_amounts(whole);
	e = st_from_json(out, &c->arena, whole, &why);
	json_decref(whole);
	return e == ERR_NONE ? check_signers(c, *out) : fail_json(c, why.text);
}

struct tx *txfill_parse(const struct st_object *fields, char reason[WHY_MAX])
{
	struct buf blob = BUF_INIT;
	struct why why = {.text = ""};
	struct tx *out = NULL;

	st_encode(&blob, fields, ST_ALL);
	if (tx_parse(&out, buf_bytes(&blob), &why) != ERR_NONE) {
		txfill_reason(reason, why.text);
		out = NULL;
	}
	buf_close(&blob);
	return out;
}

struct tx *txfill_tx(struct rpc_call *c, const struct st_object *fields)
{
	char reason[WHY_MAX];
	struct tx *out = txfill_parse(fields, reason);

	if (!out)
		rpc_fail_text(c, RPC_INVALID_PARAMS, "%s", reason);
	return out;
}

/* ---- The fee */

/* What is missing for the transaction to be one, so that its fee can be said. False: it will not
 * become one. */
static bool make_whole(json_t *tx)
{
	static const char *const members[] = {"Fee", "Sequence", "SigningPubKey", "TxnSignature"};
	json_t *list = json_object_get(tx, "Signers");

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!json_object_get(tx, members[i]))
			json_object_set_new(tx, members[i], json_string(i < 2 ? "0" : ""));
	if (!list)
		return true;
	if (!json_is_array(list) || json_array_size(list) > TX_SIGNERS_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *signer = json_object_get(json_array_get(list, i), "Signer");

		if (!json_is_object(signer))
			return false;
		for (size_t k = 2; k < sizeof(members) / sizeof(members[0]); k++)
			if (!json_object_get(signer, members[k]))
				json_object_set_new(signer, members[k], json_string(""));
	}
	return true;
}

/* The fee of the transaction as it stands; the ledger's base fee when it is none yet. */
static struct drops usual_fee(struct rpc_call *c, const json_t *tx, struct view *open)
{
	json_t *whole = json_deep_copy(tx);
	struct drops fee = view_get_info(open)->fees.base;
	char reason[WHY_MAX];
	struct st_object *o;
	struct tx *t = NULL;

	txfill_amounts(whole);
	if (make_whole(whole) && st_from_json(&o, &c->arena, whole, NULL) == ERR_NONE)
		t = txfill_parse(o, reason);
	if (t && !tx_local_fault(t)) {
		/* What it reads does not stay in the node's view. */
		struct view *sandbox = view_open_sandbox(open);

		fee = tx_base_fee(t, sandbox);
		view_close(sandbox);
	}
	tx_unref(t);
	json_decref(whole);
	return fee;
}

/* fee_mult_max or fee_div_max. */
static bool factor(struct rpc_call *c, const char *key, uint32_t least, uint32_t *out)
{
	const json_t *v = json_object_get(c->p, key);
	json_int_t i = json_integer_value(v);

	if (!v)
		return true;
	if (!json_is_integer(v) || i > INT32_MAX || i < INT32_MIN)
		return rpc_fail_text(c, RPC_HIGH_FEE, "Invalid field '%s', not a positive integer.",
				     key);
	if (i < least)
		return rpc_fail_expected(c, key, "a positive integer");
	*out = (uint32_t)i;
	return true;
}

static bool within(struct rpc_call *c, struct drops fee, struct drops usual, uint32_t mult,
		   uint32_t div)
{
	struct drops limit;

	if (!drops_mul(&limit, usual, mult))
		limit = drops_of(DROPS_MAX);
	limit.raw /= div; /* raw: there is no division of money but this one, rounding down */
	if (drops_cmp(fee, limit) <= 0)
		return true;
	return rpc_fail_text(c, RPC_HIGH_FEE, "Fee of %llu exceeds the requested tx limit of %llu",
			     (unsigned long long)fee.raw,    /* raw: printing */
			     (unsigned long long)limit.raw); /* raw: printing */
}

/* What load makes of a fee. Administrators pay the usual until this server alone asks for four
 * times as much as the others (rippled: LoadFeeTrack.cpp scaleFeeLoad). */
static struct drops loaded(const struct rpc_call *c, struct drops fee, const struct node_fees *f)
{
	uint64_t here = f->load_local > f->load_remote ? f->load_local : f->load_remote;
	uint64_t there = f->load_remote > f->load_cluster ? f->load_remote : f->load_cluster;
	uint64_t raw;

	if (c->from.admin && here > there && here < 4 * there)
		here = there;
	/* raw: a ratio */
	return drops_of(fee_mul_div(&raw, fee.raw, here, LOAD_BASE) ? raw : DROPS_MAX);
}

/* What brings a transaction that usually costs so much into the open ledger now. */
static struct drops fee_now(const struct rpc_call *c, struct drops usual)
{
	struct node_fees f;
	struct drops fee, open;

	node_get_fees(c->host->node, &f);
	fee = loaded(c, usual, &f);
	if (!drops_add(&open, fee_level_drops(f.open - 1, f.base), drops_of(1)))
		open = drops_of(DROPS_MAX);
	return drops_cmp(open, fee) > 0 ? open : fee;
}

static bool fill_fee(struct rpc_call *c, json_t *tx, uint32_t mult, uint32_t div)
{
	struct view *open = node_open_view(c->host->node);
	struct drops usual, fee;
	char text[24];

	if (!open)
		return rpc_fail_behind(c, RPC_NO_CURRENT);
	usual = usual_fee(c, tx, open);
	fee = fee_now(c, usual);
	if (!within(c, fee, usual, mult, div))
		return false;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)fee.raw); /* raw: printing */
	json_object_set_new(tx, "Fee", json_string(text));
	return true;
}

bool txfill_fee(struct rpc_call *c, json_t *tx)
{
	return json_object_get(tx, "Fee") || fill_fee(c, tx, FEE_MULT_DEFAULT, 1);
}

bool txfill_bounded_fee(struct rpc_call *c, json_t *tx)
{
	uint32_t mult = FEE_MULT_DEFAULT, div = 1;

	if (json_object_get(tx, "Fee"))
		return true;
	return factor(c, "fee_mult_max", 0, &mult) && factor(c, "fee_div_max", 1, &div) &&
	       fill_fee(c, tx, mult, div);
}
