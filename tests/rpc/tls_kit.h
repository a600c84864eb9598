/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_RPC_TLS_KIT_H
#define TALLY_TESTS_RPC_TLS_KIT_H

#include "rpc/tls.h"
#include "tests/rpc/front_kit.h"

#define ERR_STATE OPENSSL_ERR_STATE /* ours is another */
#include <openssl/err.h>
#include <openssl/ssl.h>
#undef ERR_STATE

/* Certificates made for a test, and a client that is OpenSSL's own over a blocking socket. */

/* A key and a certificate of its own for `name`, as PEM; the caller closes both. */
void tls_kit_make(const char *name, struct buf *chain, struct buf *key);
struct tls_keys *tls_kit_keys(const char *name);

struct tls_client {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};
/* Connected, not greeted: versions are TLS1_2_VERSION and so on. */
struct tls_client tls_kit_dial(uint16_t port, int min_version, int max_version);
/* The same with the handshake. */
struct tls_client tls_kit_connect(uint16_t port, int version);
void tls_kit_close(struct tls_client *c);
void tls_kit_put(struct tls_client *c, const void *p, size_t n);
void tls_kit_post(struct tls_client *c, const char *path, const char *body);
/* Exactly n bytes; fewer only at the end. */
size_t tls_kit_take(struct tls_client *c, void *p, size_t n);
/* The status of a reply; its body is in reply_body. 0 at the end. */
int tls_kit_reply(struct tls_client *c);
/* The server has said close_notify, and then ended the stream. */
void tls_kit_expect_end(struct tls_client *c);
/* The name in the server's certificate. */
const char *tls_kit_name(struct tls_client *c);

#endif
