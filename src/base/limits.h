/* SPDX-License-Identifier: ISC */
#ifndef TALLY_BASE_LIMITS_H
#define TALLY_BASE_LIMITS_H

/* Every bound on outside data in one place. A loop over anything that came from a peer, a client
 * or a file ends at one of these. Sizes are bytes unless the name says otherwise. */

/* Transactions and objects */
#define TX_BYTES_MIN 32
#define TX_BYTES_MAX (128 * 1024)        /* one limit for RPC, relay, sets and engine */
#define ST_DEPTH_MAX 10                  /* nesting of objects and arrays, as the protocol has it */
#define ST_FIELDS_MAX 512                /* fields of one object */
#define ST_ARRAY_MAX 5200                /* objects in one array: META_ENTRIES_MAX must fit */
#define VL_MAX 918744                    /* longest length the prefix can express */
#define TX_SIGNERS_MAX 32                /* of one multi-signed transaction */
#define MEMO_BYTES_MAX 1024              /* all memos of a transaction, encoded */
#define META_ENTRIES_MAX 5200            /* affected entries; more is tecOVERSIZE */

/* Ledgers */
#define LEDGER_TX_MAX 10000              /* transactions of one ledger until the fee market rules */
#define LEDGER_TX_BYTES_MAX (4u << 20)   /* their bytes */
#define LEDGER_AHEAD_MAX 3               /* closed ledgers ahead of the last validated one */
#define SKIP_LIST_MAX 256
#define TREE_DEPTH_MAX 64                /* nibbles of a 256-bit key */

/* Node */
#define UNL_MAX 256                      /* trusted validators */
#define TX_QUEUE_MAX 20000               /* transactions that wait for a later ledger */
#define TX_QUEUE_BYTES_MAX (32u << 20)
#define TX_QUEUE_PER_ACCOUNT_MAX 10      /* queued beyond the open ledger */
#define TX_SEEN_MAX (1u << 18)           /* remembered transaction ids */
#define TXSET_HELD_MAX 64                /* candidate sets kept */
#define PROPOSALS_PER_VALIDATOR_ROUND 32
#define VALIDATIONS_PER_VALIDATOR 256    /* kept, newest sequences */

/* Peers */
#define PEERS_MAX 64
#define FRAME_BYTES_MAX (1u << 20)       /* any sealed message; types have their own, smaller */
#define HANDSHAKE_BYTES_MAX 2048

/* RPC */
#define RPC_BODY_MAX 1000000
#define RPC_HEADER_BYTES_MAX 8192
#define RPC_HEADERS_MAX 32
#define JSON_DEPTH_MAX 16
#define JSON_TOKENS_MAX 4096
#define RPC_REPLY_SOFT_MAX (1u << 20)    /* a page ends here with a marker */

#endif
