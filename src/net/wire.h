/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NET_WIRE_H
#define TALLY_NET_WIRE_H

#include "base/bytes.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/time.h"
#include "crypto/keys.h"

#include <stdatomic.h>

/* Messages between nodes: msgpack arrays [code, field, ...], decoded field by field against a
 * schema with bounds (wire.def), never into an unbounded tree. What does not encode back to the
 * same bytes is refused (one form for every message): shortest integers, exact element counts.
 * Validations are the XRP Ledger's own bytes; proposals additionally sign the network id.
 *
 * On the wire: numbers are unsigned and at most 32 bits; hashes, keys and blobs are byte strings;
 * a list of hashes is ONE byte string of n x 32; a list of blobs is an array of byte strings; a
 * path is a byte string: depth, then ceil(depth / 2) bytes of nibbles. */

enum msg_type {
	MSG_NONE = 0,
#define M(name, code, ...) MSG_##name = code,
#include "net/wire.def"
#undef M
	MSG_TYPE_END
};
#define WIRE_MINOR 0 /* protocol minor version; a newer minor may add types, which are skipped */

/* Lists are arrays of views on the arena given to wire_decode, into the decoded bytes. */
struct msg_blobs {
	struct bytes *v;
	uint32_t n;
};
struct msg_hashes {
	const struct hash256 *v; /* may point into the message: 32-byte strings are copied */
	uint32_t n;
};
/* A place in a tree: `depth` nibbles, packed two per byte, high first. depth <= 64. */
struct msg_path {
	uint8_t depth;
	uint8_t nibbles[32];
};
enum msg_tree { MSG_TREE_STATE = 0, MSG_TREE_TX = 1 };
enum nak_reason { NAK_UNKNOWN = 1, NAK_PRUNED = 2, NAK_BUSY = 3 };

/* Bounds of single fields, for encoding (must) and decoding alike. */
#define WIRE_LEDGER_HEADER_BYTES 118 /* ledger/header.h has the same number */
#define WIRE_VALIDATION_MAX      4000
#define WIRE_LEDGER_TXS_MAX      (LEDGER_TX_MAX + 256) /* and pseudo-transactions */
#define WIRE_BYE_TEXT_MAX        120
#define WIRE_MANIFEST_MAX        512 /* codec/manifest.h has the same number */
#define WIRE_KEY_BYTES           33

struct msg {
	enum msg_type type;
	union {
		struct { /* what a node has; sent on connect and whenever it changes */
			uint32_t closed_seq, validated_seq;
			struct hash256 closed, validated;
			uint32_t first, last; /* complete ledgers, 0 = none */
			struct net_time net_time;
		} status;
		struct {
			uint32_t token;
			struct net_time net_time; /* PONG: the answerer's network time */
		} ping;                           /* PING, PONG */
		/* TXS: gossip of new transactions, at least one. TX_DATA: answers, may be empty.
		 * Each TX_BYTES_MIN .. TX_BYTES_MAX. */
		struct msg_blobs txs;
		struct { /* signed: see proposal_payload() */
			struct public_key key;
			struct hash256 prev, set;
			struct net_time close;
			uint32_t seq;
			struct bytes signature;
		} proposal;
		struct bytes validation; /* a serialised, signed validation object */
		struct {
			uint32_t kind;     /* 0: two validations; 1: two encoded PROPOSALs */
			struct bytes a, b; /* both signed by one validator */
		} evidence;
		struct {
			struct hash256 id;
			struct msg_hashes ids; /* SET: strictly ascending; GET_SET: none */
		} set;
		struct { /* blobs wanted by id, at least one; `set` says why (zero: none) */
			struct hash256 set;
			struct msg_hashes ids;
		} get_txs;
		struct { /* header and transactions, for replay; by hash, or by seq if hash zero */
			struct hash256 hash;
			uint32_t seq;
			uint32_t from; /* first transaction index wanted */
		} get_ledger;          /* and GET_PAST, by hash: transactions with their metadata */
		struct {
			struct hash256 hash;
			struct bytes header;  /* WIRE_LEDGER_HEADER_BYTES */
			uint32_t from, total; /* blobs are [from, from + n) of total */
			struct msg_blobs txs; /* in TransactionIndex order; in PAST whole leaves */
		} ledger;                     /* LEDGER, PAST */
		struct {
			struct hash256 ledger; /* hash of the ledger whose tree is meant */
			enum msg_tree tree;
			struct msg_path *paths; /* at least one */
			uint32_t n;
		} get_nodes;
		struct {
			struct hash256 ledger;
			enum msg_tree tree;
			struct msg_path *paths;
			struct bytes *nodes; /* tree_node_wire form, beside its path */
			uint32_t n;          /* at least one */
		} nodes;
		struct {
			enum msg_type request;
			struct hash256 id;
			enum nak_reason reason;
		} nak;
		struct {
			uint32_t code;
			struct bytes text; /* printable ASCII, <= 120 */
		} bye;
		struct msg_blobs manifests;    /* at least one */
		struct {                       /* signed: see trust_payload() */
			struct public_key key; /* signing key */
			struct net_time at;    /* the newest of a validator counts */
			struct bytes members;  /* n x 33, master keys, strictly ascending */
			struct bytes signature;
		} trust;
	};
};

/* An encoded message, shared by reference count: a broadcast encodes once. */
struct wire_frame {
	_Atomic uint32_t refs;
	enum msg_type type;
	uint8_t lane;
	uint32_t n;
	uint8_t bytes[];
};
/* Encodes; the message must be within its bounds (must). refs = 1. */
struct wire_frame *wire_encode(const struct msg *m);
struct wire_frame *wire_frame_ref(struct wire_frame *f);
void wire_frame_unref(struct wire_frame *f); /* NULL is fine */

/* How many of the first n blobs fit into one message of type t (TXS, TX_DATA, LEDGER, PAST, or
 * NODES with a path beside each), by its bytes and its count; at least 1 for a blob of up to
 * TX_BYTES_MAX. */
uint32_t wire_blobs_fit(enum msg_type t, const struct bytes *v, uint32_t n);
#define WIRE_ENVELOPE_MAX  256 /* bytes of such a message that are not in its lists */
#define WIRE_BLOB_HEAD_MAX 5   /* before each byte string */
#define WIRE_PATH_MAX      35  /* a path with its head */

/* Decodes all of `in`. Lists go on the arena; the message is views into `in`, which must live as
 * long. ERR_INVALID, ERR_SHORT, ERR_TRAILING, ERR_TOO_LARGE, ERR_RANGE, ERR_ORDER, ERR_DEPTH, with
 * out->type known or MSG_NONE; an unknown type code gives ERR_ABSENT (skip it, after the size
 * check: FRAME_BYTES_MAX). */
enum err wire_decode(struct msg *out, struct arena *a, struct bytes in, struct why *why) MUST_USE;

bool msg_type_exists(uint32_t code);
const char *msg_type_name(enum msg_type t);
uint32_t msg_bytes_max(enum msg_type t);
uint32_t msg_count_max(enum msg_type t);
uint32_t msg_per_second(enum msg_type t);
uint32_t msg_kept_max(enum msg_type t);
uint8_t msg_lane(enum msg_type t);

/* The bytes a proposal signs: PRP | network id 4 | seq 4 | close 4 | prev 32 | set 32. */
void proposal_payload(struct buf *out, uint32_t network_id, const struct msg *proposal);

/* The bytes that a validator's word about its UNL signs: "UNL" 0 | network id 4 | at 4 | members.
 */
void trust_payload(struct buf *out, uint32_t network_id, const struct msg *trust);

#endif
