/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_TLS_H
#define TALLY_RPC_TLS_H

#include "base/bytes.h"

/* The server's side of TLS, over memory: bytes of the socket go in, bytes for the socket come out,
 * and in between is what client and server say. Who reads, writes and waits is uv_tls.c.
 *
 *     socket ─► tls_feed ─► what the client says
 *     socket ◄─ tls->cipher ◄─ tls_seal ◄─ what the server says
 *
 * TLS 1.2 and 1.3, forward secrecy and authenticated encryption only; no renegotiation, no tickets
 * or resumption, no early data, no compression. ALPN is http/1.1. */

/* A certificate chain and its key, ready for use, with counted references. */
struct tls_keys;
/* Both as PEM, the server's own certificate first. ERR_INVALID names what is wrong: not PEM, no
 * certificate, a key that does not belong to it. Out of memory aborts, as everywhere. */
enum err tls_keys_parse(struct tls_keys **out, struct bytes chain, struct bytes key,
			struct why *why) MUST_USE;
struct tls_keys *tls_keys_ref(struct tls_keys *k);
void tls_keys_unref(struct tls_keys *k); /* NULL is fine */
/* When the certificate ends, in seconds since 1970. */
int64_t tls_keys_until(const struct tls_keys *k);

enum tls_step {
	TLS_MORE,   /* all is eaten */
	TLS_END,    /* the client says no more (close_notify) */
	TLS_HTTP,   /* the first bytes are plain HTTP; nothing was said yet */
	TLS_BROKEN, /* not TLS, or not as it must be; the alert is in cipher */
};

struct tls_session;
/* Keeps a reference of keys; keys that come later do not touch it. */
struct tls_session *tls_open(struct tls_keys *keys);
void tls_close(struct tls_session *t); /* NULL is fine */
/* Eats n bytes. What the client has said is written to out, at most room bytes: n + TLS_RECORD_MAX
 * is enough. */
enum tls_step tls_feed(struct tls_session *t, const uint8_t *p, size_t n, uint8_t *out, size_t room,
		       size_t *said);
#define TLS_RECORD_MAX 17000
/* The handshake is done. */
bool tls_is_up(const struct tls_session *t);
/* n bytes (1 to TLS_SAY_MAX) become one record. Only when it is up. False: broken. */
bool tls_seal(struct tls_session *t, const void *p, size_t n) MUST_USE;
#define TLS_SAY_MAX 16384
/* Says that nothing more will be said (close_notify), once; nothing when it is not up. */
void tls_bye(struct tls_session *t);
/* What has to go to the socket, in order. The caller takes bytes from it as they leave. */
struct buf *tls_cipher(struct tls_session *t);
/* In words, for the log: why it is broken. */
const char *tls_reason(const struct tls_session *t);
/* "TLSv1.3". */
const char *tls_version(const struct tls_session *t);

#endif
