/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/fuzz/asked.h"

#include "crypto/base58.h"
#include "rpc/call.h"

#include <stdlib.h>

/* Calls that are well formed, of every method, with the parameters that it knows: the first line of
 * the input is the method's name, what follows chooses parameters and values. So nearly every input
 * reaches the method's own code, which bytes taken for JSON (fz_rpc) rarely do.
 *
 *      account_lines\n  03 11 07 ...
 *      method           how it came, then pairs of a parameter and a value
 *
 * Exactly one reply, and it is JSON without duplicate members. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct choices {
	const uint8_t *p, *end;
};

/* Zero when the input is at its end. */
static uint8_t take(struct choices *c)
{
	return c->p < c->end ? *c->p++ : 0;
}

struct parameter {
	const char *method, *name;
};
static const struct parameter parameters[] = {
#define P(method, name, form, need, summary) {method, name},
#define U(method, group)                     {method, group},
#include "rpc/params.def"
#undef P
#undef U
};
#define PARAMETERS (sizeof(parameters) / sizeof(parameters[0]))

static const char *const entries[] = {
#define L(name, type, locate) name,
#include "rpc/locators.def"
#undef L
};
#define ENTRIES (sizeof(entries) / sizeof(entries[0]))

/* The n-th parameter of a method or group; beyond the last one it goes on with the first, and in a
 * group with the next of the group's. NULL: there is none. */
static const char *parameter_of(const char *method, size_t n)
{
	size_t count = 0, skip, at;

	if (strcmp(method, "ledger_entry") == 0 && n >= 64)
		return entries[n % ENTRIES];
	for (at = 0; at < PARAMETERS; at++)
		count += strcmp(parameters[at].method, method) == 0;
	if (count == 0)
		return NULL;
	skip = n % count;
	for (at = 0; strcmp(parameters[at].method, method) != 0 || skip-- > 0;)
		at++;
	return parameters[at].name[0] == '@' ? parameter_of(parameters[at].name, n / count)
					     : parameters[at].name;
}

/* ---- Values */

static json_t *account(uint8_t which)
{
	static const char *const names[] = {"alice", "bob", "carol", "gate", "nobody"};
	struct person who = which % 6 == 5 ? master() : person(names[which % 6]);

	return json_string(account_text(&who.id).s);
}

static json_t *hash(const struct fake *f, uint8_t which)
{
	const struct ledger *l = f->node.chain[which % f->node.n];
	struct person carol = person("carol"), bob = person("bob");
	struct hash256 at = HASH256_ZERO;
	struct bytes leaf;

	switch (which >> 5) {
	case 0:
		return json_string(hash256_hex(&l->hash).s);
	case 1: /* a transaction, if there is one */
		if (tree_next(&l->txs, NULL, &at, &leaf) != FOUND)
			return json_string(hash256_hex(&l->header.parent).s);
		return json_string(hash256_hex(&at).s);
	case 2:
		at = keylet_account(&carol.id).key;
		return json_string(hash256_hex(&at).s);
	case 3:
		at = keylet_offer(&carol.id, 11).key;
		return json_string(hash256_hex(&at).s);
	case 4:
		at = keylet_pay_channel(&carol.id, &bob.id, 12).key;
		return json_string(hash256_hex(&at).s);
	default:
		return json_string(hash256_hex(&at).s);
	}
}

static json_t *word(uint8_t which)
{
	static const char *const words[] = {
	    "",
	    "validated",
	    "current",
	    "closed",
	    "USD",
	    "XRP",
	    "00",
	    "gateway",
	    "user",
	    "state",
	    "offer",
	    "secp256k1",
	    "ed25519",
	    "masterpassphrase",
	    "ledger",
	    "transactions",
	    "server",
	    "snoPBrXtMeMyMHUVTgbuqAfg1SUTb",
	    "100",
	    "1000000000000000000000000",
	    "C000000400005359",
	    "-1",
	    "now",
	    "never",
	    "DepositAuth",
	    "4B5943",
	    "warning",
	    "rpc",
	    "http://127.0.0.1:1/",
	    "1.5e3",
	};

	return json_string(words[which % (sizeof(words) / sizeof(words[0]))]);
}

static json_t *number(uint8_t which)
{
	static const json_int_t numbers[] = {
	    0,
	    1,
	    2,
	    5,
	    7,
	    10,
	    11,
	    12,
	    13,
	    20,
	    200,
	    256,
	    1000,
	    -1,
	    INT32_MAX,
	    UINT32_MAX,
	    (json_int_t)UINT32_MAX + 1,
	    INT64_MAX,
	    INT64_MIN,
	};

	return which >= 250 ? json_real(which / 3.0)
			    : json_integer(numbers[which % (sizeof(numbers) / sizeof(numbers[0]))]);
}

static json_t *value(const struct fake *f, struct choices *c, int depth);

static json_t *object(const struct fake *f, struct choices *c, int depth)
{
	static const char *const keys[] = {
	    "account",
	    "owner",
	    "seq",
	    "currency",
	    "issuer",
	    "value",
	    "accounts",
	    "ticket_seq",
	    "authorized",
	    "subject",
	    "credential_type",
	    "oracle_document_id",
	    "dir_root",
	    "sub_index",
	    "mpt_issuance_id",
	    "asset",
	    "asset2",
	    "taker_pays",
	    "taker_gets",
	    "taker",
	    "snapshot",
	    "both",
	    "domain",
	    "TransactionType",
	    "Account",
	    "Destination",
	    "Amount",
	    "Fee",
	    "Sequence",
	    "SigningPubKey",
	    "TxnSignature",
	    "Signers",
	    "Flags",
	    "Paths",
	    "SendMax",
	    "ledger",
	    "loan_broker_id",
	    "loan_seq",
	    "authorize",
	    "authorized_credentials",
	};
	json_t *o = json_object();
	uint8_t shape = take(c);

	/* An asset and a payment, as they should be, so that what is behind them is reached. */
	if (shape % 8 == 1) {
		json_object_set_new(o, "currency", json_string("USD"));
		json_object_set_new(o, "issuer", account(shape / 8));
		return o;
	}
	if (shape % 8 == 2) {
		json_object_set_new(o, "TransactionType", json_string("Payment"));
		json_object_set_new(o, "Account", account(shape / 8));
		json_object_set_new(o, "Destination", account(take(c)));
		json_object_set_new(o, "Amount", json_string("1000"));
	}
	for (int n = shape % 5; n > 0; n--) {
		const char *key = keys[take(c) % (sizeof(keys) / sizeof(keys[0]))];

		json_object_set_new(o, key, value(f, c, depth + 1));
	}
	return o;
}

static json_t *list(const struct fake *f, struct choices *c, int depth)
{
	json_t *a = json_array();

	for (int n = take(c) % 4; n > 0; n--)
		json_array_append_new(a, value(f, c, depth + 1));
	return a;
}

static json_t *value(const struct fake *f, struct choices *c, int depth)
{
	switch (take(c) % (depth < 4 ? 10 : 7)) {
	case 0:
	case 1:
		return account(take(c));
	case 2:
		return hash(f, take(c));
	case 3:
		return word(take(c));
	case 4:
		return number(take(c));
	case 5:
		return json_boolean(take(c) & 1);
	case 6:
		return json_null();
	case 7:
		return list(f, c, depth);
	default:
		return object(f, c, depth);
	}
}

/* ---- The call */

static const struct rpc_method *method_of(struct choices *c)
{
	const uint8_t *line = memchr(c->p, '\n', (size_t)(c->end - c->p));
	size_t n, count, sum = 0;
	const struct rpc_method *all = rpc_methods(&count);

	n = (size_t)((line ? line : c->end) - c->p);
	for (size_t i = 0; i < count; i++)
		if (strlen(all[i].name) == n && memcmp(all[i].name, c->p, n) == 0) {
			c->p = line ? line + 1 : c->end;
			return &all[i];
		}
	for (size_t i = 0; i < n; i++)
		sum += c->p[i];
	c->p = line ? line + 1 : c->end;
	return &all[sum % count];
}

static char *request(const struct fake *f, struct choices *c, bool websocket)
{
	const struct rpc_method *m = method_of(c);
	json_t *params = json_object(), *whole;
	char *text;

	json_object_set_new(params, "api_version", json_integer(1 + take(c) % 2));
	for (int n = 0; n < 12 && c->p < c->end; n++) {
		const char *name = parameter_of(m->name, take(c));

		if (name)
			json_object_set_new(params, name, value(f, c, 0));
	}
	if (websocket) {
		json_object_set_new(params, "command", json_string(m->name));
		whole = params;
	} else {
		whole = json_pack("{s:s,s:[o]}", "method", m->name, "params", params);
	}
	text = json_dumps(whole, JSON_COMPACT);
	json_decref(whole);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choices c = {data, data + size};
	struct fake *f = asked_world();
	uint8_t how;
	char *text;

	if (size == 0)
		return 0;
	how = data[size - 1];
	text = request(f, &c, how & 1);
	asked_request(f, how, bytes_str(text));
	free(text);
	if (f->status == 403)
		return 0;
	must(f->status == 200);
	asked_reply_is_json(f);
	return 0;
}
