/* SPDX-License-Identifier: ISC */
#include "codec/format.h"

/* Which fields a type takes. Every list is its own fields, then the common ones. */

#define R(f) {f, FIELD_REQUIRED},
#define O(f) {f, FIELD_OPTIONAL},
#define D(f) {f, FIELD_DEFAULT},

#define FORMAT(name, ...)                                                                          \
	static const struct format_field tx_format_##name[] = {__VA_ARGS__ TX_COMMON};
#include "codec/tx_formats.def"
#undef FORMAT
#define FORMAT(name, ...)                                                                          \
	static const struct format_field entry_format_##name[] = {__VA_ARGS__ ENTRY_COMMON};
#include "codec/entry_formats.def"
#undef FORMAT

struct format {
	uint16_t code;
	const struct format_field *f;
	size_t n;
};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const struct format tx_formats[] = {
#define FORMAT(name, ...) {tt##name, tx_format_##name, COUNT(tx_format_##name)},
#include "codec/tx_formats.def"
#undef FORMAT
};
static const struct format entry_formats[] = {
#define FORMAT(name, ...) {lt##name, entry_format_##name, COUNT(entry_format_##name)},
#include "codec/entry_formats.def"
#undef FORMAT
};

/* The row of each code, filled before main(). */
static uint8_t tx_rows[256], entry_rows[256];
_Static_assert(COUNT(tx_formats) < 256 && COUNT(entry_formats) < 256, "rows fit a byte");

__attribute__((constructor)) static void index_formats(void)
{
	for (size_t i = 0; i < COUNT(tx_formats); i++) {
		must(tx_formats[i].code < sizeof(tx_rows));
		tx_rows[tx_formats[i].code] = (uint8_t)(i + 1);
	}
	for (size_t i = 0; i < COUNT(entry_formats); i++) {
		must(entry_formats[i].code < sizeof(entry_rows));
		entry_rows[entry_formats[i].code] = (uint8_t)(i + 1);
	}
}

const struct format_field *tx_format(uint16_t code, size_t *n)
{
	if (code >= sizeof(tx_rows) || !tx_rows[code])
		return NULL;
	*n = tx_formats[tx_rows[code] - 1].n;
	return tx_formats[tx_rows[code] - 1].f;
}

const struct format_field *entry_format(uint16_t code, size_t *n)
{
	if (code >= sizeof(entry_rows) || !entry_rows[code])
		return NULL;
	*n = entry_formats[entry_rows[code] - 1].n;
	return entry_formats[entry_rows[code] - 1].f;
}

/* Every listed field against the object, and the object's count against those found: whatever is
 * left over is a field that the type does not have. */
static enum err check(const struct st_object *o, const struct format_field *f, size_t n,
		      struct why *why)
{
	uint32_t found = 0;

	must(f && n);
	for (size_t i = 0; i < n; i++) {
		const struct st_value *v = st_find(o, f[i].field);

		if (v)
			found++;
		if (!v && f[i].need == FIELD_REQUIRED)
			return why_set(why, ERR_ABSENT, "%s is missing", sf_name(f[i].field));
		if (v && f[i].need == FIELD_DEFAULT && st_value_is_default(v))
			return why_set(why, ERR_INVALID,
				       "%s has its default value, so it must be absent",
				       sf_name(f[i].field));
	}
	for (uint32_t i = 0; found < o->n && i < o->n; i++) {
		bool listed = false;

		for (size_t k = 0; k < n && !listed; k++)
			listed = f[k].field == o->v[i].field;
		if (!listed)
			return why_set(why, ERR_INVALID, "%s does not belong to the type",
				       sf_name(o->v[i].field));
	}
	return ERR_NONE;
}

enum err tx_format_check(const struct st_object *o, struct why *why)
{
	const struct format_field *f;
	uint16_t type;
	size_t n = 0;
	enum err e;

	if (!st_get_u16(o, sfTransactionType, &type))
		return why_set(why, ERR_ABSENT, "TransactionType is missing");
	f = tx_format(type, &n);
	if (!f)
		return why_set(why, ERR_INVALID, "unknown transaction type %u", type);
	e = check(o, f, n, why);
	return e ? why_add(why, e, "%s", tx_type_name(type)) : ERR_NONE;
}

enum err entry_format_check(const struct st_object *o, struct why *why)
{
	const struct format_field *f;
	uint16_t type;
	size_t n = 0;
	enum err e;

	if (!st_get_u16(o, sfLedgerEntryType, &type))
		return why_set(why, ERR_ABSENT, "LedgerEntryType is missing");
	f = entry_format(type, &n);
	if (!f)
		return why_set(why, ERR_INVALID, "unknown entry type %u", type);
	e = check(o, f, n, why);
	return e ? why_add(why, e, "%s", entry_type_name(type)) : ERR_NONE;
}
