/* SPDX-License-Identifier: ISC */
#ifndef TALLY_BASE_LIMITS_H
#define TALLY_BASE_LIMITS_H

/* Every bound on outside data in one place. A loop over anything that came from a peer, a client
 * or a file ends at one of these. Sizes are bytes unless the name says otherwise. */

/* Transactions and objects */
#define TX_BYTES_MIN               32
#define TX_BYTES_MAX               (128 * 1024) /* one limit for RPC, relay, sets and engine */
#define ST_DEPTH_MAX               10   /* nesting of objects and arrays, as the protocol has it */
#define ST_FIELDS_MAX              512  /* fields of one object */
#define ST_ARRAY_MAX               5200 /* objects in one array: META_ENTRIES_MAX must fit */
#define VL_MAX                     918744 /* longest length the prefix can express */
#define TX_SIGNERS_MAX             32     /* of one multi-signed transaction */
#define MEMO_BYTES_MAX             1024   /* all memos of a transaction, encoded */
#define META_ENTRIES_MAX           5200   /* affected entries; more is tecOVERSIZE */
#define ACCOUNT_DELETE_ENTRIES_MAX 1000   /* owned entries that go with their account */

/* Ledgers */
#define LEDGER_TX_MAX          10000      /* transactions of one ledger, whatever they pay */
#define LEDGER_TX_BYTES_MAX    (4u << 20) /* their bytes */
#define LEDGER_AHEAD_MAX       3          /* closed ledgers ahead of the last validated one */
#define LEDGER_AHEAD_HELD_MAX  16         /* the same when those can never be validated */
#define SKIP_LIST_MAX          256
#define GENESIS_ACCOUNTS_MAX   100000   /* listed in a genesis file */
#define GENESIS_GENERATED_MAX  10000000 /* made for tests */
#define GENESIS_AMENDMENTS_MAX 512
#define GENESIS_BYTES_MAX      (256u << 20) /* of the file */
#define TREE_DEPTH_MAX         64           /* nibbles of a 256-bit key */

/* Node */
#define UNL_MAX                       256   /* trusted validators */
#define TX_QUEUE_MAX                  20000 /* transactions that wait for a later ledger */
#define TX_QUEUE_BYTES_MAX            (32u << 20)
#define TX_HELD_MAX                   10000 /* that wait for something else than room */
#define TX_HELD_BYTES_MAX             (16u << 20)
#define TX_HELD_PER_ACCOUNT_MAX       1024       /* of them, of one account */
#define TX_SEEN_MAX                   (1u << 18) /* remembered transaction ids */
#define TXSET_HELD_MAX                64         /* candidate sets kept */
#define PROPOSALS_PER_VALIDATOR_ROUND 32
#define VALIDATIONS_PER_VALIDATOR     256 /* kept, newest sequences */
#define CONS_LEDGERS_MAX              128 /* ledgers whose ancestry the consensus machine keeps */
#define CONS_WANTS_MAX                32  /* unknown ledgers asked for at once */
#define CONS_ROUNDS_KEPT              4   /* positions kept per validator, for different ledgers */

/* Peers */
#define PEERS_MAX               64
#define FRAME_BYTES_MAX         (1u << 20) /* any sealed message; types have their own, smaller */
#define HANDSHAKE_BYTES_MAX     2048
#define PEER_HANDSHAKE_MS       5000 /* to prove who it is */
#define PEER_PING_MS            10000
#define PEER_CLOCK_WARN_S       5 /* between a peer's clock and ours */
#define PEER_CLOCK_MAX_S        20
#define PEER_IDLE_MS            60000       /* silence, although pinged */
#define PEER_STUCK_MS           15000       /* a write that does not get away */
#define PEER_QUEUE_BYTES_MAX    (4u << 20)  /* waiting messages that may be shed */
#define PEER_URGENT_BYTES_MAX   (32u << 20) /* waiting consensus messages; more closes the peer */
#define PEER_BYTES_PER_SECOND   (64 << 20) /* from one peer; messages by type are in net/wire.def */
#define PEER_USELESS_PER_SECOND 100        /* units of work for nothing that one peer may cause */
#define PEER_USELESS_MAX        1000       /* charged at once */
#define PEERS_PENDING_MAX       64         /* connections that have not proved who they are */
#define PEER_ACCEPTS_PER_SECOND 5          /* new connections of an IPv4 /24, an IPv6 /56 */
#define PEER_ACCEPTS_BURST      40
#define PEERS_PER_ADDRESS_MAX   8      /* connections from one address, loopback excepted */
#define PEERS_DIALLED_MAX       128    /* addresses to connect to, configured or asked for */
#define PEERS_REFUSED_MAX       256    /* culprits remembered */
#define PEERS_RESERVED_MAX      64     /* keys whose holders always find a place */
#define PEER_OFFENCE_MS         600000 /* an offence is forgotten after */
#define PEER_REFUSE_MS          60000  /* a pause after the second, then doubled */

/* RPC: batches over HTTP */
#define RPC_BATCH_MAX       32         /* items of an HTTP batch */
#define RPC_BATCH_REPLY_MAX (2u << 20) /* further items are refused when it is longer */

/* RPC */
#define RPC_BODY_MAX            1000000
#define RPC_HEADER_BYTES_MAX    8192
#define RPC_HEADERS_MAX         32
#define RPC_PATH_MAX            128 /* path and query of a request line */
#define WS_FRAGMENTS_MAX        256 /* frames of one message: RPC_BODY_MAX in 4 KiB pieces */
#define WS_CONTROL_MAX          125 /* payload of a control frame, as the protocol has it */
#define JSON_DEPTH_MAX          16
#define JSON_TOKENS_MAX         8192       /* a Batch of the longest lists has 4,300 */
#define RPC_REPLY_SOFT_MAX      (1u << 20) /* a page ends here with a marker */
#define RPC_ADMIN_LIMIT_MAX     10000      /* "limit" of an administrator's request */
#define RPC_PENDING_MAX         4096  /* calls that wait for the node (submit, ledger_accept) */
#define IDEMPOTENCY_KEY_MAX     255   /* characters of an Idempotency-Key */
#define RPC_SUB_CONNS_MAX       16384 /* connections with subscriptions */
#define RPC_SUB_TOPICS_CONN_MAX 1024  /* accounts and books that one connection follows */
#define RPC_SUB_TOPICS_MAX      65536 /* followed by all connections together */
#define RPC_SUB_FEEDS_CONN_MAX  16    /* accounts whose history one connection is sent */
#define RPC_DIR_PAGES_MAX       4096  /* pages of an owner directory walked for one request */
#define RPC_STATE_REPLY_MAX     (64u << 20) /* a whole state in one reply, administrators only */

#endif
