/* SPDX-License-Identifier: ISC */
#include "codec/format.h"
#include "codec/json.h"
#include "crypto/hash.h"

/* The answer of `server_definitions`, out of the tables. */

static void put(json_t *object, const char *key, json_t *value)
{
	must(value != NULL);
	must(json_object_set_new_nocheck(object, key, value) == 0);
}

static const char *type_name(int type)
{
	switch (type) {
#define X(name, text, number)                                                                      \
	case number:                                                                               \
		return text;
#include "codec/types.def"
	default:
		return NULL;
	}
}

static void add_field(json_t *fields, const char *name, const char *type, int nth, bool serialized,
		      bool signing, bool vl)
{
	json_t *row = json_array(), *info = json_object();

	must(type != NULL);
	put(info, "isSerialized", json_boolean(serialized));
	put(info, "isSigningField", json_boolean(signing));
	put(info, "isVLEncoded", json_boolean(vl));
	put(info, "nth", json_integer(nth));
	put(info, "type", json_string(type));
	must(json_array_append_new(row, json_string(name)) == 0);
	must(json_array_append_new(row, info) == 0);
	must(json_array_append_new(fields, row) == 0);
}

static json_t *fields_json(void)
{
	json_t *out = json_array();

#define F(name, type, nth, signing, vl, ...)                                                       \
	add_field(out, sf_name(name), type_name(type), nth, true, signing, vl);
#define P(name, type, nth, serialized, signing, vl)                                                \
	add_field(out, name, type, nth, serialized, signing, vl);
#include "codec/fields.def"
#undef F
	return out;
}

static json_t *types_json(void)
{
	json_t *out = json_object();

#define X(name, text, number) put(out, text, json_integer(number));
#define Y(text, number)       put(out, text, json_integer(number));
#include "codec/types.def"
	return out;
}

static json_t *tx_types_json(void)
{
	json_t *out = json_object();

	put(out, "Invalid", json_integer(-1));
#define TX(name, tt, code) put(out, #name, json_integer(code));
#include "codec/tx_types.def"
#undef TX
	return out;
}

static json_t *entry_types_json(void)
{
	json_t *out = json_object();

	put(out, "Invalid", json_integer(-1));
#define ENTRY(name, lt, code) put(out, #name, json_integer(code));
#include "codec/entry_types.def"
#undef ENTRY
	return out;
}

static json_t *results_json(void)
{
	json_t *out = json_object();

#define R(name, number, text) put(out, #name, json_integer(number));
#include "codec/results.def"
#undef R
	return out;
}

static json_t *format_json(const struct format_field *f, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *row = json_object();

		put(row, "name", json_string(sf_name(f[i].field)));
		put(row, "optionality", json_integer(f[i].need));
		must(json_array_append_new(out, row) == 0);
	}
	return out;
}

#define R(f) {f, FIELD_REQUIRED},
#define O(f) {f, FIELD_OPTIONAL},
#define D(f) {f, FIELD_DEFAULT},

#define FORMAT(...)
#include "codec/entry_formats.def"
#include "codec/tx_formats.def"
#undef FORMAT

/* A type's own fields, without the common ones behind them. */
static json_t *tx_formats_json(void)
{
	static const struct format_field common[] = {TX_COMMON};
	json_t *out = json_object();
	const struct format_field *f;
	size_t n = 0;

#define FORMAT(name, ...)                                                                          \
	f = tx_format(tt##name, &n);                                                               \
	put(out, #name, format_json(f, n - sizeof(common) / sizeof(common[0])));
#include "codec/tx_formats.def"
#undef FORMAT
	put(out, "common", format_json(common, sizeof(common) / sizeof(common[0])));
	return out;
}

static json_t *entry_formats_json(void)
{
	static const struct format_field common[] = {ENTRY_COMMON};
	json_t *out = json_object();
	const struct format_field *f;
	size_t n = 0;

#define FORMAT(name, ...)                                                                          \
	f = entry_format(lt##name, &n);                                                            \
	put(out, #name, format_json(f, n - sizeof(common) / sizeof(common[0])));
#include "codec/entry_formats.def"
#undef FORMAT
	put(out, "common", format_json(common, sizeof(common) / sizeof(common[0])));
	return out;
}

static void put_flag(json_t *table, const char *owner, const char *name, uint32_t value)
{
	json_t *flags = json_object_get(table, owner);

	if (!flags) {
		flags = json_object();
		put(table, owner, flags);
	}
	put(flags, name, json_integer(value));
}

static void put_flags(json_t *out)
{
	/* Named as the tables are in flags.def. */
	json_t *LEDGER = json_object(), *TX = json_object(), *ASF = json_object();

#define FLAG(name, table, owner, value)       put_flag(table, #owner, #name, value);
#define FLAG_AGAIN(name, table, owner, value) put_flag(table, #owner, #name, value);
#include "codec/flags.def"
#undef FLAG
	put(out, "LEDGER_ENTRY_FLAGS", LEDGER);
	put(out, "TRANSACTION_FLAGS", TX);
	put(out, "ACCOUNT_SET_FLAGS", json_incref(json_object_get(ASF, "AccountSet")));
	json_decref(ASF);
}

json_t *definitions_json(void)
{
	json_t *out = json_object();
	struct hash256 hash;
	char *text;

	put(out, "FIELDS", fields_json());
	put(out, "TYPES", types_json());
	put(out, "TRANSACTION_TYPES", tx_types_json());
	put(out, "LEDGER_ENTRY_TYPES", entry_types_json());
	put(out, "TRANSACTION_RESULTS", results_json());
	put(out, "TRANSACTION_FORMATS", tx_formats_json());
	put(out, "LEDGER_ENTRY_FORMATS", entry_formats_json());
	put_flags(out);
	text = json_dumps(out, JSON_COMPACT | JSON_SORT_KEYS);
	must(text != NULL);
	sha512_half(&hash, text, strlen(text));
	free(text);
	put(out, "hash", json_string(hash256_hex(&hash).s));
	return out;
}
