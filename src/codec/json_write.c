/* SPDX-License-Identifier: ISC */
#include "codec/amount.h"
#include "codec/format.h"
#include "codec/json.h"
#include "codec/leaf.h"
#include "crypto/base58.h"

/* Object to JSON. Members come in canonical order, those of composite values in the order in which
 * the reference codec writes them, so that texts can be compared as they are. */

#define HEX_ON_STACK 256 /* bytes whose hex is made without allocating */

static void put(json_t *object, const char *key, json_t *value)
{
	must(value != NULL);
	must(json_object_set_new_nocheck(object, key, value) == 0);
}

static void append(json_t *array, json_t *value)
{
	must(value != NULL);
	must(json_array_append_new(array, value) == 0);
}

static json_t *hex_json(struct bytes raw)
{
	char small[2 * HEX_ON_STACK + 1];
	char *hex = raw.n <= HEX_ON_STACK ? small : mem_alloc(2 * raw.n + 1);
	json_t *out;

	hex_encode(hex, raw.p, raw.n);
	out = json_stringn_nocheck(hex, 2 * raw.n);
	if (hex != small)
		mem_free(hex);
	return out;
}

static json_t *account_json(const uint8_t *p)
{
	struct account_id id;

	memcpy(id.b, p, sizeof(id.b));
	return json_string_nocheck(account_text(&id).s);
}

static json_t *currency_json(const uint8_t *p)
{
	char text[CURRENCY_TEXT_MAX];
	struct currency c;

	memcpy(c.b, p, sizeof(c.b));
	currency_text(text, &c);
	return json_string_nocheck(text);
}

static json_t *amount_json(struct bytes raw)
{
	char value[AMOUNT_TEXT_MAX];
	struct amount a;
	json_t *out;

	must(amount_decode(&a, raw) == ERR_NONE);
	amount_value_text(value, &a);
	if (a.kind == AMOUNT_XRP)
		return json_string_nocheck(value);
	out = json_object();
	put(out, "value", json_string_nocheck(value));
	if (a.kind == AMOUNT_MPT) {
		put(out, "mpt_issuance_id", hex_json(bytes_of(a.mpt.b, sizeof(a.mpt.b))));
	} else {
		put(out, "currency", currency_json(a.currency.b));
		put(out, "issuer", account_json(a.issuer.b));
	}
	return out;
}

static json_t *issue_json(struct bytes raw)
{
	json_t *out = json_object();

	if (raw.n == ISSUE_MPT_BYTES) {
		uint8_t id[24];

		for (size_t i = 0; i < 4; i++)
			id[i] = raw.p[ISSUE_MPT_BYTES - 1 - i];
		memcpy(id + 4, raw.p, 20);
		put(out, "mpt_issuance_id", hex_json(bytes_of(id, sizeof(id))));
		return out;
	}
	put(out, "currency", currency_json(raw.p));
	if (raw.n == ISSUE_IOU_BYTES)
		put(out, "issuer", account_json(raw.p + 20));
	return out;
}

static json_t *bridge_json(struct bytes raw)
{
	static const char *const door[] = {"LockingChainDoor", "IssuingChainDoor"};
	static const char *const asset[] = {"LockingChainIssue", "IssuingChainIssue"};
	struct cursor c = cursor_of(raw);
	json_t *out = json_object();

	for (size_t side = 0; side < 2; side++) {
		const char *what;
		struct bytes issue;

		must(cursor_u8(&c) == 20);
		put(out, door[side], account_json(cursor_take(&c, 20).p));
		must(issue_scan(&c, &issue, &what) == ERR_NONE);
		put(out, asset[side], issue_json(issue));
	}
	must(c.left == 0);
	return out;
}

static json_t *hop_json(struct cursor *c, uint8_t type)
{
	struct bytes account = cursor_take(c, type & HOP_ACCOUNT ? 20 : 0);
	struct bytes currency = cursor_take(c, type & HOP_CURRENCY ? 20 : 0);
	struct bytes issuer = cursor_take(c, type & HOP_ISSUER ? 20 : 0);
	json_t *out = json_object();

	must(!c->dead);
	if (account.n)
		put(out, "account", account_json(account.p));
	if (issuer.n)
		put(out, "issuer", account_json(issuer.p));
	if (currency.n)
		put(out, "currency", currency_json(currency.p));
	return out;
}

static json_t *path_set_json(struct bytes raw)
{
	struct cursor c = cursor_of(raw);
	json_t *out = json_array(), *path = json_array();

	while (c.left) {
		uint8_t type = cursor_u8(&c);

		if (type != PATH_END && type != PATH_NEXT) {
			append(path, hop_json(&c, type));
			continue;
		}
		append(out, path);
		path = json_array();
	}
	json_decref(path);
	return out;
}

static json_t *vector_json(struct bytes raw)
{
	json_t *out = json_array();

	for (size_t at = 0; at < raw.n; at += 32)
		append(out, hex_json(bytes_of(raw.p + at, 32)));
	return out;
}

static json_t *number_json(struct bytes raw)
{
	char text[NUMBER_TEXT_MAX];
	struct number n;

	must(number_decode(&n, raw) == ERR_NONE);
	number_text(text, &n);
	return json_string_nocheck(text);
}

static json_t *object_json(const struct st_object *o, bool server);

static json_t *uint_json(enum sf f, uint64_t u, bool server)
{
	const char *name = NULL;
	char text[24];

	if (f == sfTransactionType)
		name = tx_type_name((uint16_t)u);
	else if (f == sfLedgerEntryType)
		name = entry_type_name((uint16_t)u);
	else if (f == sfTransactionResult)
		name = result_name((int)u);
	else if (f == sfPermissionValue)
		name = permission_name((uint32_t)u);
	if (name)
		return json_string_nocheck(name);
	if (sf_type(f) != ST_UINT64)
		return json_integer((json_int_t)u);
	(void)snprintf(text, sizeof(text),
		       sf_decimal(f) ? "%llu"
		       : server      ? "%llx"
				     : "%016llX",
		       (unsigned long long)u);
	return json_string_nocheck(text);
}

static json_t *array_json(const struct st_array *arr, bool server)
{
	json_t *out = json_array();

	for (uint32_t i = 0; i < arr->n; i++) {
		json_t *wrapper = json_object();

		put(wrapper, sf_name(arr->e[i].field), object_json(arr->e[i].object, server));
		append(out, wrapper);
	}
	return out;
}

static json_t *raw_json(enum st_type type, struct bytes raw)
{
	static const uint8_t zero[20];

	switch (type) {
	case ST_AMOUNT:
		return amount_json(raw);
	case ST_ACCOUNT:
		return account_json(raw.n ? raw.p : zero);
	case ST_CURRENCY:
		return currency_json(raw.p);
	case ST_ISSUE:
		return issue_json(raw);
	case ST_XCHAIN_BRIDGE:
		return bridge_json(raw);
	case ST_PATH_SET:
		return path_set_json(raw);
	case ST_VECTOR256:
		return vector_json(raw);
	case ST_NUMBER:
		return number_json(raw);
	case ST_HASH128: /* the unset EmailHash is shown empty */
		if (st_raw_is_default(type, raw))
			return json_string_nocheck("");
		return hex_json(raw);
	default:
		return hex_json(raw);
	}
}

static json_t *value_json(const struct st_value *v, bool server)
{
	enum st_type type = sf_type(v->field);

	must(sf_known(v->field));
	if (st_type_is_raw(type))
		return raw_json(type, v->raw);
	if (type == ST_OBJECT)
		return object_json(v->object, server);
	if (type == ST_ARRAY)
		return array_json(v->array, server);
	if (type == ST_INT32 || type == ST_INT64)
		return json_integer(v->i);
	return uint_json(v->field, v->u, server);
}

static json_t *object_json(const struct st_object *o, bool server)
{
	json_t *out = json_object();

	must(out != NULL);
	for (uint32_t i = 0; i < o->n; i++)
		put(out, sf_name(o->v[i].field), value_json(&o->v[i], server));
	return out;
}

json_t *st_value_to_json(const struct st_value *v)
{
	return value_json(v, false);
}

json_t *st_to_json(const struct st_object *o)
{
	return object_json(o, false);
}

json_t *st_value_to_server_json(const struct st_value *v)
{
	return value_json(v, true);
}

json_t *st_to_server_json(const struct st_object *o)
{
	return object_json(o, true);
}
