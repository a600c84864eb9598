/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_ROWS_H
#define TALLY_STORE_ROWS_H

#include "ledger/header.h"

/* What the tables hold, in bytes. Numbers are big-endian, so that the order of keys is that of
 * sequences; the one exception is the node table's key, a host integer that LMDB compares as such.
 *
 *   meta         "identity" → schema 4 | network 4 | genesis 32
 *                "tip"      → seq 4 | hash 32 | complete_first 4 | floor 4 | searchable_first 4 |
 *                             CRC-32C 4; without searchable_first it is complete_first
 *   headers      seq 4 → header 118 | hash 32 | state root key 8 | transactions 4
 *   hashes       hash 32 → seq 4
 *   nodes        key → node (ledger/tree_persist.h)
 *   obsolete     seq 4, chunk 4 → keys, 8 each, ascending
 *   txs          seq 4, index 4 → CRC-32C of the rest 4 | VL(transaction) VL(metadata)
 *   tx_ids, account_txs: sorted runs (store/runs.h), which "runs" in meta lists
 *
 * This layout is schema 1. */

struct identity_row {
	uint32_t schema;
	uint32_t network_id;
	struct hash256 genesis;
};

struct tip_row {
	uint32_t seq; /* newest ledger, 0 = none yet */
	struct hash256 hash;
	uint32_t complete_first;   /* from here to seq, every ledger is here in full */
	uint32_t floor;            /* below it, states may be gone and rows are going */
	uint32_t searchable_first; /* from here to seq, headers and transactions are here */
};

struct header_row {
	struct ledger_header header;
	struct hash256 hash;
	uint64_t state_key; /* of the state's root; 0 = the state is not here */
	uint32_t n_txs;
};

#define SEQ_KEY_BYTES    4
#define TX_KEY_BYTES     8
#define IDENTITY_BYTES   40
#define TIP_BYTES        52
#define TIP_BYTES_OLD    48
#define HEADER_ROW_BYTES (LEDGER_HEADER_BYTES + 32 + 8 + 4)
#define OBSOLETE_CHUNK   240 /* keys of one row: two rows fill a page */

struct row_key {
	uint8_t b[32];
	uint8_t n;
};
static inline struct bytes row_key_bytes(const struct row_key *k)
{
	return bytes_of(k->b, k->n);
}
struct row_key row_key_seq(uint32_t seq);
struct row_key row_key_pair(uint32_t seq, uint32_t second);

void identity_row_encode(uint8_t out[IDENTITY_BYTES], const struct identity_row *row);
enum err identity_row_decode(struct identity_row *out, struct bytes in) MUST_USE;
void tip_row_encode(uint8_t out[TIP_BYTES], const struct tip_row *row);
enum err tip_row_decode(struct tip_row *out, struct bytes in) MUST_USE;
void header_row_encode(uint8_t out[HEADER_ROW_BYTES], const struct header_row *row);
/* ERR_CORRUPT also when the hash is not the header's, or the sequence not `seq`. */
enum err header_row_decode(struct header_row *out, uint32_t seq, struct bytes in) MUST_USE;
/* leaf: VL(transaction) VL(metadata). */
void tx_row_encode(struct buf *out, struct bytes leaf);
enum err tx_row_decode(struct bytes *leaf, struct bytes in) MUST_USE;

#endif
