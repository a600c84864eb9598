/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CODEC_FORMAT_H
#define TALLY_CODEC_FORMAT_H

#include "codec/st.h"

/* The tables of transaction and entry types: names, codes, which fields they take. Everything here
 * comes from tx_types.def, entry_types.def and flags.def, which agree with the protocol's published
 * definitions row by row (a test walks them). */

enum tx_type {
	ttINVALID = 0xFFFF,
#define TX(name, tt, code) tt = code, /* "Payment", ttPayment, 0 */
#include "codec/tx_types.def"
#undef TX
};
enum entry_type {
	ltANY = 0, /* in look-ups: whatever type is there */
	ltINVALID = 0xFFFF,
#define ENTRY(name, lt, code) lt = code, /* "AccountRoot", ltAccountRoot, 0x61 */
#include "codec/entry_types.def"
#undef ENTRY
};

const char *tx_type_name(uint16_t code); /* NULL when unknown */
bool tx_type_by_name(uint16_t *code, const char *name, size_t n);
const char *entry_type_name(uint16_t code); /* NULL when unknown */
bool entry_type_by_name(uint16_t *code, const char *name, size_t n);

enum field_need { FIELD_REQUIRED = 0, FIELD_OPTIONAL = 1, FIELD_DEFAULT = 2 };
struct format_field {
	enum sf field;
	enum field_need need;
};
/* The fields of a type (its own and the common ones), n of them; NULL when unknown. */
const struct format_field *tx_format(uint16_t code, size_t *n);
const struct format_field *entry_format(uint16_t code, size_t *n);

/* Checks an object against its type's format: required fields there, no field that the type does
 * not have, no default field with its default value spelled out. */
enum err tx_format_check(const struct st_object *o, struct why *why) MUST_USE;
enum err entry_format_check(const struct st_object *o, struct why *why) MUST_USE;

/* Names of transaction results ("tesSUCCESS"), for JSON of metadata; results.def is the table
 * R(name, number, text). */
const char *result_name(int code); /* NULL when unknown */
bool result_by_name(int *code, const char *name, size_t n);
const char *result_text(int code); /* "The transaction was applied. ..." */

/* Flags: lsf of entries, tf of transactions, asf of AccountSet. C makes an enumerator that fits an
 * int an int, so that the complement of a flag is spelled ~(uint32_t)lsfX, or flags_without(). */
enum protocol_flags {
#define FLAG(name, table, owner, value) name = (value),
#include "codec/flags.def"
#undef FLAG
};
static inline uint32_t flags_without(uint32_t flags, uint32_t which)
{
	return flags & ~which;
}
_Static_assert(lsfDefaultRipple == 0x800000 && asfRequireDest == 1, "flags are the protocol's");

/* What a DelegateSet may allow: a transaction type (its code + 1) or one of a few finer rights
 * ("PaymentMint"). The names of PermissionValue in JSON. */
const char *permission_name(uint32_t value); /* NULL when unknown */
bool permission_by_name(uint32_t *value, const char *name, size_t n);

#endif
