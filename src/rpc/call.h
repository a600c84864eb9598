/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_CALL_H
#define TALLY_RPC_CALL_H

#include "ledger/tree_reader.h"
#include "rpc/errors.h"
#include "rpc/jw.h"
#include "rpc/rpc.h"

/* One call of a method, and what its function works with. Private to rpc.
 *
 *     request bytes ─► struct rpc_call ─► method function ─► fields of "result" ─► envelope ─►
 * reply params              writes c->w       or a fault
 *
 * A function reads c->p, writes the members of the result object (without its braces) to c->w, or
 * reports a fault with one of the rpc_fail functions and returns. Members written before a fault
 * stay in the reply, as clients of the protocol expect ("ledger_index" beside "entryNotFound").
 * A function that answers later (submit, ledger_accept) fills in c->later. */

enum rpc_role { RPC_USER, RPC_ADMIN };

/* What must hold before a method may run (rippled: Handler.h conditionMet). All but NONE need a
 * node that is in step with its network and has a closed ledger. */
enum rpc_condition { RPC_NEEDS_NONE, RPC_NEEDS_NETWORK, RPC_NEEDS_CURRENT, RPC_NEEDS_CLOSED };

struct rpc_call;
struct rpc_method {
	const char *name;
	void (*run)(struct rpc_call *c);
	enum rpc_role role;
	enum rpc_condition condition;
	uint8_t version_min, version_max;
	uint16_t cost; /* in charges */
	struct rpc_limits {
		uint32_t min, usual, max;
	} rows;              /* of "limit"; all 0: the method has none */
	bool keep;           /* its answers may be given again (cache.h) */
	const char *summary; /* one sentence, for the reference page */
};
/* The table of methods.def, in its order. */
const struct rpc_method *rpc_methods(size_t *n);
/* The method of that name in that version, or NULL. */
const struct rpc_method *rpc_method_find(const char *name, unsigned version);

#define RPC_VERSION_MIN     1
#define RPC_VERSION_MAX     2
#define RPC_VERSION_DEFAULT 1 /* when a request names none */

/* A node whose last validated ledger is older than this is not in step (rippled: Tuning.h). */
#define RPC_VALIDATED_AGE_MAX 120
/* Text that could not be parsed is sent back up to this length. */
#define RPC_ECHO_MAX 1024

/* The ledger that an answer is computed on: a closed one (a reference is held) or the open one. */
struct rpc_ledger {
	struct ledger *closed; /* NULL: the open ledger */
	struct view *open;
	uint32_t seq;
	bool validated;
	bool reading; /* the reader is open, on the closed ledger's state */
	struct tree_reader reader;
};

/* What went wrong, kept until the envelope is written. */
struct rpc_fault {
	const char *token;   /* static; NULL: nothing wrong */
	enum rpc_error code; /* RPC_OK: an error that has only a token */
	char message[WHY_MAX];
};

/* What the dispatcher does after the function has returned, instead of (or besides) replying. */
enum rpc_later_kind {
	RPC_REPLY_NOW,
	RPC_SUBMIT_THEN_REPLY, /* hands tx to the node; finish() runs when the node has answered */
	RPC_ACCEPT_THEN_REPLY, /* closes the ledger (standalone); finish_accept() writes the reply
				*/
	RPC_REPLY_THEN_STOP,
	RPC_REPLY_IN_PIECES, /* more() writes on, over and over, until it says that it is done */
};

/* Answers up to AT_ONCE leave whole; longer ones in pieces of about PIECE. */
#define RPC_PIECE_BYTES   65536
#define RPC_AT_ONCE_BYTES 98304
struct rpc_later {
	enum rpc_later_kind kind;
	struct tx *tx;               /* one reference, owned by the call */
	bool fail_hard, signed_here; /* by the call, with a secret that came along */
	void (*finish)(struct rpc_call *c, const struct node_submitted *s);
	void (*finish_accept)(struct rpc_call *c, uint32_t open_seq, enum err err);
	/* Writes members until c->w holds RPC_PIECE_BYTES more. False: that was the end, with the
	 * brackets below the result closed. A fault when c->in_pieces leaves what is written. */
	bool (*more)(struct rpc_call *c);
	void *walk; /* where it is; end_walk frees it, with the call */
	void (*end_walk)(void *walk);
};

/* How long an answer that may be kept holds (cache.h). Choosing a ledger says it: a method that
 * reads anything beside c->ledger says it again. */
struct cache_key;
enum rpc_holds {
	RPC_HOLDS_STEP,    /* until anything happens in the node */
	RPC_HOLDS_TIP,     /* until the next ledger is validated */
	RPC_HOLDS_HISTORY, /* while the ledger c->holds_seq can be searched: it is validated */
};

struct batch;
struct rpc_call {
	struct rpc *r;
	const struct rpc_host *host;
	struct rpc_origin from;
	char address[64]; /* copy of from.address */
	json_t *request;  /* all that came in; owned */
	json_t *p;        /* the parameters: a part of request */
	const struct rpc_method *method;
	unsigned version;
	uint64_t came_us;
	uint32_t cost; /* what the caller is charged; the method's, unless it raises it */
	size_t n_body; /* of the request */
	bool refused;  /* answered without being worked on */
	bool warn;     /* the reply says that the caller asks too much */
	const struct cache_key *key; /* during rpc_request: under which the reply may be kept */
	enum rpc_holds holds;
	uint32_t holds_seq;
	uint32_t echo_at, id_at, id_n; /* in w.out: what follows the result, and the id's value */
	struct rpc_later later;
	uint64_t token; /* while it waits for the node */
	bool in_pieces; /* some of the reply is on its way: its bytes so far are `sent` */
	uint64_t sent, worked_us;
	struct batch *batch; /* whose item it is: the reply goes there (batch.h) */
	struct idem *idem;   /* with an Idempotency-Key (idempotency.h) */
	int status;          /* HTTP status that the reply has whatever comes; 0: the usual one */
	const char *headers; /* of the reply, besides; static */
	struct rpc_fault fault;
	struct jw w;        /* what has been written of the reply */
	struct arena arena; /* for decoding, freed with the call */
	struct rpc_ledger ledger;
};

/* The version a request asks for; 0 when it is none that is spoken here. */
unsigned rpc_version_of(const json_t *params);
/* Begins an item of a batch. */
void rpc_request_item(struct rpc *r, const struct rpc_origin *from, json_t *item, struct batch *b);

/* ---- Ways to end a call (envelope.c, rpc.c). All free it, but rpc_send. */
void rpc_submit_now(struct rpc_call *c); /* hands c->later.tx to the node */
void rpc_finish_with(struct rpc_call *c, int status, const char *headers);
/* c->w holds the whole body already. */
void rpc_finish_raw(struct rpc_call *c, int status, const char *headers);
void rpc_send(struct rpc_call *c, int status);
void rpc_call_free(struct rpc_call *c);

/* ---- Faults. All return false, so that `return rpc_fail(...)` reads well in helpers. */
bool rpc_fail(struct rpc_call *c, enum rpc_error e);
bool rpc_fail_text(struct rpc_call *c, enum rpc_error e, const char *fmt, ...) PRINTF(3, 4);
/* An error that has no number in the protocol, only a token. */
bool rpc_fail_token(struct rpc_call *c, const char *token);
/* A token of its own with invalidParams' number ("malformedAddress"). */
bool rpc_fail_malformed(struct rpc_call *c, const char *token, const char *fmt, ...) PRINTF(3, 4);
/* "Missing field 'x'.", "Invalid field 'x'.", "Invalid field 'x', not <what>." */
bool rpc_fail_missing(struct rpc_call *c, const char *field);
bool rpc_fail_invalid(struct rpc_call *c, const char *field);
bool rpc_fail_expected(struct rpc_call *c, const char *field, const char *what);
/* Makes a reason fit for JSON in place. */
void rpc_plain_text(char *s);
/* Drops the members written so far: for faults that the protocol answers bare. */
void rpc_forget_written(struct rpc_call *c);
/* A read that the store could not serve, or a look-up's error. */
bool rpc_fail_unavailable(struct rpc_call *c);

/* ---- Parameters (params.c) */
bool p_has(const struct rpc_call *c, const char *key);
/* Text of a string parameter, NULL when absent or of another type. */
const char *p_text(const struct rpc_call *c, const char *key);
/* As the reference reads booleans of version 1: any value that is not false, 0, null or empty. */
bool p_truthy(const struct rpc_call *c, const char *key);
/* Strict: absent is false; another type is a fault "Invalid field 'x'." */
bool p_flag(struct rpc_call *c, const char *key, bool *out);
/* "account" (or "ident" where allowed): fault when missing or not a string. */
bool p_account_text(struct rpc_call *c, const char *key, const char **out);
/* A number that fits 32 bits, also as text of digits. */
bool json_to_u32(const json_t *v, uint32_t *out);
bool json_to_hash(const json_t *v, struct hash256 *out);
bool json_to_account(const json_t *v, struct account_id *out);
/* The "limit" parameter, bounded by the method's rows; administrators are not clamped to [min,
 * max], but to RPC_ADMIN_LIMIT_MAX. */
bool p_limit(struct rpc_call *c, uint32_t *out);
/* The "type" parameter: a ledger entry type by short or canonical name; ltANY when absent. */
bool p_entry_type(struct rpc_call *c, uint16_t *out);
/* The short name of an entry type ("state" for RippleState); NULL when unknown. */
const char *entry_short_name(uint16_t type);

/* ---- Ledgers (ledger_ref.c) */
/* Resolves the ledger selector of the request into c->ledger, once per request. */
bool rpc_select_ledger(struct rpc_call *c);
/* As above, and writes which ledger it is: ledger_hash and ledger_index, or
 * ledger_current_index; validated. */
bool rpc_lookup_ledger(struct rpc_call *c);
void rpc_write_ledger_ref(struct rpc_call *c);
bool rpc_ledger_by_seq(struct rpc_call *c, uint32_t seq);
bool rpc_ledger_by_hash(struct rpc_call *c, const struct hash256 *hash);
void rpc_ledger_drop(struct rpc_ledger *l);
/* Whether this ledger is part of the validated chain. */
bool rpc_is_validated(struct rpc_call *c, const struct ledger *l);
/* An entry of c->ledger; lives as long as the call. ABSENT also for another type than the
 * keylet's (ltANY: any). UNAVAILABLE has already been turned into a fault. */
enum found rpc_entry(struct rpc_call *c, struct keylet k, const struct st_object **out);
enum found rpc_next(struct rpc_call *c, const struct hash256 *after, struct hash256 *key);
/* The account's root, or a fault actNotFound. */
bool rpc_account_root(struct rpc_call *c, const struct account_id *id,
		      const struct st_object **out);
/* Fees of c->ledger. */
bool rpc_ledger_fees(struct rpc_call *c, struct ledger_fees *out);
/* Whether an amendment is enabled in c->ledger. */
bool rpc_ledger_enabled(struct rpc_call *c, enum amendment_index which);
/* Hash and close time of a validated ledger; false when not held. */
bool rpc_header_of(const struct rpc_host *host, uint32_t seq, struct ledger_header *header,
		   struct hash256 *hash);
/* Age of the last validated ledger in seconds; UINT32_MAX when there is none. */
uint32_t rpc_validated_age(const struct rpc_host *host);
/* "1-5" or "empty". */
void rpc_complete_text(const struct rpc_host *host, char out[32]);
/* Ledgers whose transactions can be searched: those that are complete, and before them those of
 * which header and transactions were filled in. */
struct history_range rpc_searchable(const struct rpc_host *host);
/* The fault for a node that is behind its network: v1's token or notSynced. */
bool rpc_fail_behind(struct rpc_call *c, enum rpc_error v1);

/* ---- The server (server.c) */
#define RPC_HOST_NAME_MAX 72
void server_host_name(const struct rpc_host *host, bool admin, char out[RPC_HOST_NAME_MAX]);
/* The members of "validator_list", and when it expires: UINT32_MAX never, 0 unknown. */
void server_write_list(struct rpc_call *c, const struct node_status *s);
uint32_t server_list_expires(const struct rpc_host *host);
void server_write_key(struct jw *w, const struct rpc_host *host); /* pubkey_node, if there is one */

/* ---- Owner directories (owner_dir.c) */
struct dir_walk {
	struct hash256 after; /* zero: from the beginning */
	uint64_t hint;        /* page on which `after` is */
	uint32_t limit;       /* entries visited at most */
	void (*visit)(struct rpc_call *c, void *ctx, const struct hash256 *key,
		      const struct st_object *entry);
	void *ctx;
	struct arena scratch; /* of the entry that is visited; begins empty */
	/* out */
	bool more; /* `last` was the limit-th, and there are others */
	struct hash256 last;
	uint64_t last_page;
};
/* Visits an account's owned entries in directory order; what is on c->arena while one is visited
 * goes with it. Fault invalidParams when `after` is not there. */
bool owner_dir_walk(struct rpc_call *c, const struct account_id *owner, struct dir_walk *walk);
/* For sums: fault tooBusy when the walk has not seen everything. */
bool owner_dir_whole(struct rpc_call *c, const struct dir_walk *walk);

/* The "marker" of such a list: "<last entry>,<page>". Absent is zero and 0. */
void dir_marker_write(struct rpc_call *c, const struct hash256 *last, uint64_t page);
bool dir_marker_parse(struct rpc_call *c, bool plain, struct hash256 *last, uint64_t *page);
/* What lists of owned things begin with: account (parsed, existing) and the ledger (selected and
 * written); then limit and marker, after which the account is written. Faults are bare but for
 * malformed accounts; `plain`: those of the marker do not name it. */
struct owned_request {
	struct account_id account;
	uint32_t limit;
	struct hash256 after;
	uint64_t hint;
};
bool owned_request_begin(struct rpc_call *c, struct owned_request *out);
bool owned_request_page(struct rpc_call *c, struct owned_request *out, bool plain);
/* The members that end such a list: limit and marker when there is more. */
void owned_write_more(struct rpc_call *c, const struct owned_request *r, const struct dir_walk *w);

/* ---- Objects as JSON (tojson.c) */
/* A new reference: entry with "index" (and "mpt_issuance_id"). */
json_t *tj_entry(const struct st_object *entry, const struct hash256 *key);
/* A transaction's fields; "hash" among them in version 1. With DeliverMax in both versions and,
 * in version 2, without Amount (payments). */
json_t *tj_tx(const struct st_object *tx, const struct hash256 *id, unsigned version);
/* As tj_tx without DeliverMax and always with "hash": the form of submit's answers. */
json_t *tj_tx_plain(const struct st_object *tx, const struct hash256 *id);
/* Metadata with delivered_amount. */
json_t *tj_meta(const struct st_object *meta, const struct st_object *tx);
/* A decoded object on the call's arena; damaged bytes are a fault. NULL then. */
struct st_object *tj_decode(struct rpc_call *c, struct bytes blob);
/* "C" and 15 hex digits: ledger, index, network (XLS-37); false when out of its range. */
bool tj_ctid(char out[17], uint32_t seq, uint32_t index, uint32_t network_id);
#define ISO_TEXT_MAX 24
void tj_iso_time(char out[ISO_TEXT_MAX], struct net_time t); /* 2026-01-31T23:59:59Z */
#define HUMAN_TEXT_MAX 40
void tj_human_time(char out[HUMAN_TEXT_MAX], uint64_t unix_us, bool nanos);
/* engine_result, engine_result_code, engine_result_message */
void tj_result(struct jw *w, enum ter result, const char *message);
/* The members of "ledger" for a header (rippled: LedgerToJson.cpp). */
void tj_header(struct jw *w, const struct ledger_header *h, const struct hash256 *hash,
	       unsigned version);

#endif
