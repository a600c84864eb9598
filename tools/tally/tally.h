/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_TALLY_H
#define TALLY_TOOLS_TALLY_H

#include "base/bytes.h"
#include "codec/json.h"
#include "crypto/base58.h"

/* The `tally` program: client and tools. One function per command, listed in commands.def. */

/* Exit codes, for scripts; `tally --help` lists them. */
enum tally_exit {
	TALLY_OK = 0,
	TALLY_FAILED = 1,      /* the command could not do what it was asked */
	TALLY_REJECTED = 2,    /* the transaction will not be applied (tem, tef, tel) */
	TALLY_CLAIMED = 3,     /* validated, but only the fee was claimed (tec) */
	TALLY_EXPIRED = 4,     /* provably not applied: past its LastLedgerSequence */
	TALLY_UNKNOWN = 5,     /* no answer about its fate in the time given */
	TALLY_UNREACHABLE = 6, /* the server does not answer */
	TALLY_USAGE = 64,
};

struct tally {
	const char *url;         /* of the server */
	char url_text[160];      /* room for it */
	char socket[1100];       /* the Unix socket behind the URL; empty: none */
	char token_file[1024];   /* empty: none */
	char authorization[560]; /* the header line that shows the token, or empty */
	const char *ca_file; /* certificates that an https server may have; NULL: the system's */
	bool json;           /* print JSON instead of words */
	bool quiet;          /* an unreachable server is no news: it was said before */
	bool running;        /* argv is the command's */
	long timeout_s;      /* for an answer; 0: 30 */
	int argc;            /* arguments of the command, argv[0] = its name */
	char **argv;
};

/* Commands (see commands.def for what each takes). */
#define C(name, function, args, text) int function(struct tally *t);
#include "commands.def"
#undef C

/* ---- helpers ---- */

/* "tally NAME: message" to standard error; returns code. */
int tally_fail(const struct tally *t, int code, const char *fmt, ...) PRINTF(3, 4);
/* How JSON is written: with 15 digits a decimal reads as the server wrote it. */
#define TALLY_JSON JSON_REAL_PRECISION(15)
/* Prints and releases a JSON value. */
void tally_print_json(json_t *j);
/* The value of option --name in the arguments, NULL when absent; removes both from the list. A
 * flag has no value. */
const char *tally_option(struct tally *t, const char *name);
bool tally_flag(struct tally *t, const char *name);
/* True when exactly n arguments are left and none looks like an unknown option; else complains. */
bool tally_arguments(struct tally *t, int min, int max);
bool tally_number(const char *text, uint64_t lo, uint64_t hi, uint64_t *out);
/* The argument itself, or all of standard input for "-". The caller closes b. */
bool tally_text(struct tally *t, const char *argument, struct buf *b);
/* Where a secret comes from: --seed-file FILE ("-": standard input) or TALLY_SEED_FILE, with a seed
 * (s...) as the file's first word; --key-type overrides the seed's own. */
struct tally_secret {
	const char *path; /* NULL: not given */
	enum key_type type;
	bool type_given;
};
/* Takes the options from the arguments; false after complaining. */
bool tally_secret_options(struct tally *t, struct tally_secret *from);
/* NULL after complaining; *code is the exit code then. */
struct secret_key *tally_secret_read(struct tally *t, const struct tally_secret *from,
				     struct public_key *pub, int *code);
/* ---- submitting (submit.c) */

/* --no-wait and --timeout. */
struct tally_wait {
	bool wait;
	uint64_t timeout_s;
};
bool tally_wait_options(struct tally *t, struct tally_wait *out);
/* Fills in what a transaction lacks until it can be signed, for that many signers beside others
 * (0: one alone): Sequence, Fee, NetworkID, LastLedgerSequence. False after complaining. */
bool tally_fill(struct tally *t, json_t *tx, uint32_t signers, int *code);
/* Submits a blob in hex and waits, as asked, until its fate is certain; the exit code. */
int tally_submit(struct tally *t, const char *hex, const struct tally_wait *wait);
/* Drops as XRP: "12.5". */
struct xrp_text {
	char s[32];
};
struct xrp_text tally_xrp(const char *drops);

/* ---- the server (client.c) ---- */

/* Takes the options that say which server it is from the arguments (connect.c); false after
 * complaining. Without any: $TALLY_URL, the socket of a node that runs as a service, or a
 * stand-alone one. */
bool tally_connection(struct tally *t);
/* One request: {"method", "params": [params]} with api_version 2; params is released. The result
 * object (a new reference), also for errors of the API ("error" is in it). NULL when the server
 * cannot be reached, after complaining. */
json_t *client_call(struct tally *t, const char *method, json_t *params);
/* Several at once, {"method", parameters ...} each, at most 32; calls is released. A new array of
 * what each would have got alone, or NULL as above. */
json_t *client_batch(struct tally *t, json_t *calls);
/* As client_call, but API errors are complained about and give NULL too; *code is the exit code
 * then. */
json_t *client_get(struct tally *t, const char *method, json_t *params, int *code);

#endif
