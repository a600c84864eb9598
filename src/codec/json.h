/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CODEC_JSON_H
#define TALLY_CODEC_JSON_H

#include "codec/st.h"

#include <jansson.h>

/* Objects ⇄ the XRP Ledger's JSON, as npm's ripple-binary-codec writes and reads it: type names for
 * TransactionType, LedgerEntryType and TransactionResult, base58 accounts, decimal strings for
 * 64-bit numbers where the protocol has them (hex otherwise), upper-case hex for the rest. */

/* A new JSON object (the caller's reference). Cannot fail for a decoded object. */
json_t *st_to_json(const struct st_object *o);
/* One field's value. */
json_t *st_value_to_json(const struct st_value *v);
/* The same as servers write it: 64-bit numbers in hex are "1f", not "000000000000001F" (rippled:
 * STInteger.cpp). */
json_t *st_to_server_json(const struct st_object *o);
json_t *st_value_to_server_json(const struct st_value *v);
/* A new object on the arena from JSON. Unknown field names, wrong types, out-of-range numbers and
 * bad text are errors that name the path ("Memos[0].Memo.MemoData: odd number of hex digits").
 * Accepts what the reference codec accepts, X-addresses among it; what that codec takes by accident
 * is refused (tests/codec/diff has the list). As there, members whose names begin with anything but
 * a capital letter ("hash", "date") are passed over. */
enum err st_from_json(struct st_object **out, struct arena *a, const json_t *in,
		      struct why *why) MUST_USE;

/* Parses JSON text of outsiders with bounds first (a linear pre-scan: depth <= JSON_DEPTH_MAX,
 * tokens <= JSON_TOKENS_MAX, valid UTF-8), then jansson with duplicate keys refused. */
enum err json_parse_bounded(json_t **out, struct bytes text, struct why *why) MUST_USE;

/* What `server_definitions` answers: a new object with every table and their hash, the SHA-512Half
 * of its compact text with sorted keys. It never changes while the program runs: make it once. */
json_t *definitions_json(void);

#endif
