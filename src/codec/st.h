/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CODEC_ST_H
#define TALLY_CODEC_ST_H

#include "base/bytes.h"
#include "base/drops.h"
#include "base/mem.h"

/* Serialised objects: transactions, ledger entries, metadata, validations.
 *
 * An object is a list of fields in canonical order (by type code, then field code). In memory it
 * is an array of values sorted by `enum sf`; a value holds a number, a nested object or array, or
 * a view of the field's canonical bytes. So reading an object copies nothing: blobs, amounts,
 * hashes, accounts, path sets ... stay views into the input, and amount.h and friends look into
 * them on demand. Everything hangs on an arena: no value is freed alone.
 *
 *     bytes ──st_decode──► struct st_object ──st_encode──► the same bytes
 *     JSON ──st_from_json──►       │        ──st_to_json──► JSON                (codec/json.h)
 *
 * Decoding refuses whatever would not encode to the same bytes: wrong order, duplicates, lengths
 * in a longer form than needed, unknown fields, trailing bytes, more than ST_DEPTH_MAX levels. */

/* Type codes, as on the wire. X(name, published name, number) in codec/types.def has them all. */
enum st_type {
	ST_UINT16 = 1,
	ST_UINT32 = 2,
	ST_UINT64 = 3,
	ST_HASH128 = 4,
	ST_HASH256 = 5,
	ST_AMOUNT = 6,
	ST_BLOB = 7,
	ST_ACCOUNT = 8,
	ST_NUMBER = 9,
	ST_INT32 = 10,
	ST_INT64 = 11,
	ST_OBJECT = 14,
	ST_ARRAY = 15,
	ST_UINT8 = 16,
	ST_HASH160 = 17,
	ST_PATH_SET = 18,
	ST_VECTOR256 = 19,
	ST_UINT96 = 20,
	ST_HASH192 = 21,
	ST_UINT384 = 22,
	ST_UINT512 = 23,
	ST_ISSUE = 24,
	ST_XCHAIN_BRIDGE = 25,
	ST_CURRENCY = 26,
};

/* A field: type << 16 | number within the type, so that comparing fields is comparing canonical
 * order. fields.def is the one table: F(sfName, type, nth, signing, vl, meta, decimal). */
enum sf {
	sfInvalid = 0,
#define F(name, type, nth, ...) name = ((type) << 16) | (nth),
#include "codec/fields.def"
#undef F
};
_Static_assert(sfFlags == 0x20002 && sfAccount == 0x80001, "field codes are the protocol's");

static inline enum st_type sf_type(enum sf f)
{
	return (enum st_type)((unsigned)f >> 16);
}
/* "Account" for sfAccount; NULL for an unknown field. The reverse yields sfInvalid if unknown. */
const char *sf_name(enum sf f);
enum sf sf_by_name(const char *name, size_t n);
/* Whether the field exists; is part of what is signed; is a 64-bit number that JSON shows in
 * decimal instead of hex. */
bool sf_known(enum sf f);
bool sf_signing(enum sf f);
bool sf_decimal(enum sf f);
/* How metadata treats the field (rippled: SField.h). Default: SF_META_DEFAULT. */
enum sf_meta {
	SF_META_NEVER = 0,
	SF_META_CHANGE_ORIG = 1,  /* old value, when it changes */
	SF_META_CHANGE_NEW = 2,   /* new value, when it changes */
	SF_META_DELETE_FINAL = 4, /* last value, when deleted */
	SF_META_CREATE = 8,       /* value when created */
	SF_META_ALWAYS = 16,      /* whenever the entry is shown */
	SF_META_DEFAULT = 15,
};
unsigned sf_meta(enum sf f);

struct st_object;
struct st_array;

struct st_value {
	enum sf field;
	union {
		uint64_t u;       /* UINT8 .. UINT64 */
		int64_t i;        /* INT32, INT64 */
		struct bytes raw; /* everything else: the field's bytes without header and length */
		struct st_object *object;
		struct st_array *array;
	};
};

struct st_object {
	struct arena *arena; /* where values and nested parts live */
	struct st_value *v;  /* sorted by field, no duplicates */
	uint32_t n, cap;
};

/* Array elements are objects, each under a field of type ST_OBJECT (sfMemo, sfSigner, ...). */
struct st_element {
	enum sf field;
	struct st_object *object;
};
struct st_array {
	struct st_element *e;
	uint32_t n, cap;
};

/* An empty object on the arena. */
struct st_object *st_new(struct arena *a);
/* A deep copy onto another arena, which owns all of its bytes. */
struct st_object *st_copy(struct arena *a, const struct st_object *o);

/* Decodes all of `in` as one object. Values are views into `in`, which must live as long.
 * Errors: ERR_SHORT, ERR_TRAILING, ERR_ORDER, ERR_DUPLICATE, ERR_DEPTH, ERR_RANGE (amounts ...),
 * ERR_TOO_LARGE, ERR_INVALID, with field and offset in `why`. */
enum err st_decode(struct st_object **out, struct arena *a, struct bytes in,
		   struct why *why) MUST_USE;

enum st_encode_what {
	ST_ALL,
	ST_SIGNING, /* without TxnSignature, Signers, Signature ...: sf_signing() == false left out
		     */
};
/* Appends the canonical bytes of the object (no end marker at the top level). Cannot fail: an
 * object holds only what can be encoded. */
void st_encode(struct buf *out, const struct st_object *o, enum st_encode_what what);
/* A length prefix as for blobs (1 to 3 bytes), n <= VL_MAX. */
void st_encode_length(struct buf *out, size_t n);
enum err st_decode_length(struct cursor *c, size_t *n) MUST_USE;

/* Reading. NULL or false when absent; asking for a field with the accessor of another type is a
 * programming error (must). */
const struct st_value *st_find(const struct st_object *o, enum sf f);
static inline bool st_has(const struct st_object *o, enum sf f)
{
	return st_find(o, f) != NULL;
}
bool st_get_u8(const struct st_object *o, enum sf f, uint8_t *out);
bool st_get_u16(const struct st_object *o, enum sf f, uint16_t *out);
bool st_get_u32(const struct st_object *o, enum sf f, uint32_t *out);
bool st_get_u64(const struct st_object *o, enum sf f, uint64_t *out);
bool st_get_hash256(const struct st_object *o, enum sf f, struct hash256 *out);
bool st_get_account(const struct st_object *o, enum sf f, struct account_id *out);
/* Any type kept as raw bytes, unchanged. */
bool st_get_raw(const struct st_object *o, enum sf f, struct bytes *out);
/* An XRP amount, not negative; false when absent or of another kind (see amount.h). */
bool st_get_drops(const struct st_object *o, enum sf f, struct drops *out);
const struct st_object *st_get_object(const struct st_object *o, enum sf f);
const struct st_array *st_get_array(const struct st_object *o, enum sf f);
/* Absent counts as 0. */
uint32_t st_u32_or(const struct st_object *o, enum sf f, uint32_t otherwise);

/* Writing: adds the field or replaces its value. Raw bytes are copied onto the arena and must be
 * canonical for the type (amounts from amount.h). */
void st_set_u(struct st_object *o, enum sf f, uint64_t v); /* must fit the type */
void st_set_i(struct st_object *o, enum sf f, int64_t v);
void st_set_raw(struct st_object *o, enum sf f, struct bytes v);
void st_set_hash256(struct st_object *o, enum sf f, const struct hash256 *v);
void st_set_account(struct st_object *o, enum sf f, const struct account_id *v);
void st_set_drops(struct st_object *o, enum sf f, struct drops v);
/* The nested part must live on an arena that lives as long as o's. */
void st_set_object(struct st_object *o, enum sf f, struct st_object *v);
/* An empty array under f (replacing any), to be filled with st_array_add. */
struct st_array *st_set_array(struct st_object *o, enum sf f);
/* Appends an empty object under `wrapper` and returns it. */
struct st_object *st_array_add(struct st_array *arr, struct arena *a, enum sf wrapper);
void st_remove(struct st_object *o, enum sf f);

/* Same value of one field (both present); same objects as a whole. */
bool st_value_eq(const struct st_value *a, const struct st_value *b);
bool st_eq(const struct st_object *a, const struct st_object *b);
/* Whether the value is its type's default (0, empty, zero account, 0 drops). */
bool st_value_is_default(const struct st_value *v);

#endif
