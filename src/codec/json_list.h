/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CODEC_JSON_LIST_H
#define TALLY_CODEC_JSON_LIST_H

#include "base/limits.h"
#include "base/mem.h"
#include "base/time.h"
#include "codec/manifest.h"

/* Validator lists and validator tokens in the XRP Ledger's own JSON (rippled: ValidatorList.cpp,
 * Manifest.cpp; validator-keys-tool).
 *
 *   version 1   {"public_key", "manifest", "blob", "signature", "version": 1}
 *   version 2   {"public_key", "manifest", "blobs_v2": [{"blob", "signature", "manifest"?}],
 *               "version": 2}                                 "refresh_interval" in minutes in both
 *   blob        base64 of {"sequence", "effective"?, "expiration", "validators":
 *               [{"validation_public_key": hex, "manifest"?: base64}]}
 *
 * A manifest of the publisher says which key signs the blobs. The signature, in hex, is over the
 * blob's bytes before base64. Times are network time. */

#define LIST_BLOBS_MAX    5          /* lists in one document of version 2 */
#define LIST_DOCUMENT_MAX (1u << 20) /* bytes */

struct list_blob {
	struct bytes text;      /* base64, as it came */
	struct bytes blob;      /* decoded */
	struct bytes signature; /* decoded */
	struct bytes manifest;  /* decoded; the document's unless it has its own */
};
struct list_document {
	uint32_t version;
	struct bytes public_key; /* decoded; empty when absent: the manifest says who it is */
	struct bytes manifest;   /* decoded */
	struct list_blob blobs[LIST_BLOBS_MAX];
	uint32_t n;
	uint32_t refresh_min; /* 0: not given */
};
/* Everything on the arena. */
enum err list_document_parse(struct list_document *out, struct arena *a, struct bytes text,
			     struct why *why) MUST_USE;
/* Appends the document as JSON text; a blob's manifest is written when it is not the document's. */
void list_document_print(struct buf *out, const struct list_document *d);

struct list_entry {
	struct public_key master;
	struct bytes manifest; /* decoded; empty: none */
};
struct list {
	uint32_t seq;
	struct net_time effective, expiration; /* valid from and until (not including) */
	struct list_entry *v;
	uint32_t n; /* at most UNL_MAX, no key twice */
};
/* What a blob says. Everything on the arena. */
enum err list_parse(struct list *out, struct arena *a, struct bytes blob, struct why *why) MUST_USE;
/* Appends the blob's bytes (before base64); effective 0 is left out. */
void list_print(struct buf *out, const struct list *l);

/* A validator token: the manifest, and the secret of its signing key (secp256k1). The text may be
 * folded into lines and stand under a line "[validator_token]". */
struct token {
	struct buf manifest;
	struct secret_key *signing;
};
enum err token_parse(struct token *out, struct bytes text, struct why *why) MUST_USE;
/* Appends it in lines of 72 characters under "[validator_token]". */
void token_print(struct buf *out, struct bytes manifest, const struct secret_key *signing);
void token_close(struct token *t);

#endif
