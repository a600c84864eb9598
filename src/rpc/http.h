/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_HTTP_H
#define TALLY_RPC_HTTP_H

#include "base/bytes.h"
#include "base/limits.h"

#include <stdbool.h>

/* An HTTP/1 server's side of one connection as a pure machine: bytes in, requests out.
 *
 *     feed ──► head ──► body ──► HTTP_STEP_REQUEST ──(answered)── http_next ──► head ...
 *               │         │
 *               └─────────┴────► HTTP_STEP_BAD: answer, close
 *
 * Strict where leniency has let requests be smuggled past proxies: the head's lines end in CR LF
 * and in nothing else, no control characters, no folded lines, no blank before a colon, no
 * Transfer-Encoding, one Content-Length and only on POST, one Host, a path and no absolute URL. The
 * head is found and checked here, then cut into fields by http-parser, which no longer has an
 * upstream and therefore sees only heads that are whole, bounded and made of plain text; both must
 * agree on where it ends. A body is Content-Length bytes. */

/* HEAD is a GET whose answer has no body. */
enum http_verb { HTTP_VERB_GET, HTTP_VERB_HEAD, HTTP_VERB_POST, HTTP_VERB_OPTIONS };

/* The fields of a request that anything here looks at. */
enum http_field {
	HTTP_FIELD_HOST,
	HTTP_FIELD_ORIGIN,
	HTTP_FIELD_CONTENT_TYPE,
	HTTP_FIELD_CONTENT_LENGTH,
	HTTP_FIELD_TRANSFER_ENCODING,
	HTTP_FIELD_EXPECT,
	HTTP_FIELD_UPGRADE,
	HTTP_FIELD_WS_KEY,
	HTTP_FIELD_WS_VERSION,
	HTTP_FIELD_AUTHORIZATION,
	HTTP_FIELD_IDEMPOTENCY_KEY,
	HTTP_FIELD_FORWARDED, /* X-Forwarded-For, the last of several */
	HTTP_FIELD_COUNT
};

/* A request, as views that hold until the session is next fed or told http_next(), and while the
 * bytes last fed stay where they are. */
struct http_request {
	enum http_verb verb;
	struct bytes path;                    /* "/health" */
	struct bytes query;                   /* behind the question mark, may be empty */
	struct bytes field[HTTP_FIELD_COUNT]; /* trimmed; p is NULL when absent */
	struct bytes body;
	bool keep_alive;
	bool old;       /* HTTP/1.0: keeping alive has to be said */
	bool websocket; /* asks for WebSocket, in order and with a good key */
};

enum http_step {
	HTTP_STEP_MORE,     /* everything is eaten, no whole request yet */
	HTTP_STEP_CONTINUE, /* the client waits for "100 Continue" before it sends the body; go on
			     */
	HTTP_STEP_REQUEST,  /* req is filled; feed nothing before http_next() */
	HTTP_STEP_BAD,      /* answer `status`, then close; the session takes no more */
};

/* Where in a request the connection is, for deadlines. */
enum http_phase { HTTP_PHASE_IDLE, HTTP_PHASE_HEAD, HTTP_PHASE_BODY, HTTP_PHASE_HELD };

struct http_session {
	enum http_phase phase;
	bool dead, continued;
	uint8_t last;     /* the byte before the next, within a line */
	uint16_t in_line; /* bytes of the unfinished line */
	uint16_t lines;   /* finished lines of the head */
	uint16_t n_head;
	uint32_t n_body;
	struct buf store; /* head and body as far as they are here, when not in one piece */
	struct http_cut {
		uint16_t at, n;
	} path, query, field[HTTP_FIELD_COUNT]; /* places in the head */
	uint32_t present;                       /* bit per field */
	enum http_verb verb;
	bool keep_alive, old, upgrade;
	int status;         /* of HTTP_STEP_BAD */
	const char *reason; /* in words, for the client and the log */
};

void http_session_init(struct http_session *s);
void http_session_close(struct http_session *s);
/* Eats bytes up to the next step and returns how many. */
size_t http_feed(struct http_session *s, const uint8_t *p, size_t n, enum http_step *step,
		 struct http_request *req);
/* The request is answered (or copied): the next one may come. */
void http_next(struct http_session *s);

/* A reply. extra: whole header lines, each with its CR LF, or NULL. */
struct http_reply {
	int status;
	const char *content_type; /* NULL: none */
	const char *extra;
	struct bytes allow_origin; /* Access-Control-Allow-Origin, empty: none */
	struct bytes body;
	bool close; /* the connection ends after it */
	bool old;   /* to an HTTP/1.0 client */
	bool head;  /* to a HEAD: with the body's length, without the body */
	bool pages; /* only the head: the body comes in chunks, or until the end if `old` */
};
/* Appends the whole reply. */
void http_put_reply(struct buf *out, const struct http_reply *r);
/* A chunk of the body; an empty one ends it. */
void http_put_chunk(struct buf *out, struct bytes piece);
/* "Not Found"; "Unknown" for a number that has no name. */
const char *http_status_text(int status);

/* Protection of listeners that trust loopback: a web page of any site can make the browser send
 * requests here under a name that its owner points at 127.0.0.1 (DNS rebinding), so only names that
 * cannot be pointed anywhere count: "localhost", 127.x.y.z, [::1], and `own`, the address that the
 * listener was given (may be NULL). Any port. */
bool http_host_is_local(struct bytes host, const char *own);
/* The same for an Origin field, "http://localhost:3000". Absent (p == NULL) is fine: no browser. */
bool http_origin_is_local(struct bytes origin, const char *own);

/* Case-insensitive, for ASCII. */
bool http_word_eq(struct bytes a, const char *b);

#endif
