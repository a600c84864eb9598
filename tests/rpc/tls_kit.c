/* SPDX-License-Identifier: ISC */
#include "tests/rpc/tls_kit.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

static void put_bio(struct buf *out, BIO *b)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);

	*out = BUF_INIT;
	buf_put(out, p, (size_t)n);
	BIO_free(b);
}

void tls_kit_make(const char *name, struct buf *chain, struct buf *key)
{
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);
	BIO *chain_pem = BIO_new(BIO_s_mem()), *key_pem = BIO_new(BIO_s_mem());

	assert_non_null(pair);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, pair);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(cert, subject);
	assert_true(X509_sign(cert, pair, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(chain_pem, cert), 1);
	assert_int_equal(PEM_write_bio_PrivateKey(key_pem, pair, NULL, NULL, 0, NULL, NULL), 1);
	put_bio(chain, chain_pem);
	put_bio(key, key_pem);
	X509_free(cert);
	EVP_PKEY_free(pair);
}

struct tls_keys *tls_kit_keys(const char *name)
{
	struct buf chain, key;
	struct tls_keys *k;

	tls_kit_make(name, &chain, &key);
	assert_int_equal(tls_keys_parse(&k, buf_bytes(&chain), buf_bytes(&key), NULL), ERR_NONE);
	buf_close(&chain);
	buf_close(&key);
	return k;
}

struct tls_client tls_kit_dial(uint16_t port, int min_version, int max_version)
{
	struct tls_client c = {.ctx = SSL_CTX_new(TLS_client_method()), .fd = kit_dial(port)};

	SSL_CTX_set_security_level(c.ctx, 0); /* so that it offers what is out of date */
	SSL_CTX_set_cipher_list(c.ctx, "ALL:@SECLEVEL=0");
	assert_int_equal(SSL_CTX_set_min_proto_version(c.ctx, min_version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(c.ctx, max_version), 1);
	c.ssl = SSL_new(c.ctx);
	assert_int_equal(SSL_set_fd(c.ssl, c.fd), 1);
	SSL_set_connect_state(c.ssl);
	return c;
}

struct tls_client tls_kit_connect(uint16_t port, int version)
{
	struct tls_client c = tls_kit_dial(port, version, version);

	assert_int_equal(SSL_do_handshake(c.ssl), 1);
	return c;
}

void tls_kit_close(struct tls_client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
	ERR_clear_error();
}

void tls_kit_put(struct tls_client *c, const void *p, size_t n)
{
	size_t put;

	assert_int_equal(SSL_write_ex(c->ssl, p, n, &put), 1);
	assert_int_equal(put, n);
}

void tls_kit_post(struct tls_client *c, const char *path, const char *body)
{
	char text[4096];
	int n = snprintf(text, sizeof(text),
			 "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s",
			 path, strlen(body), body);

	tls_kit_put(c, text, (size_t)n);
}

size_t tls_kit_take(struct tls_client *c, void *p, size_t n)
{
	size_t at = 0, got;

	while (at < n && SSL_read_ex(c->ssl, (char *)p + at, n - at, &got) == 1)
		at += got;
	return at;
}

int tls_kit_reply(struct tls_client *c)
{
	size_t n = 0, length;
	char *at;

	while (n < 4 || memcmp(reply_head + n - 4, "\r\n\r\n", 4) != 0) {
		assert_true(n < sizeof(reply_head) - 1);
		if (tls_kit_take(c, reply_head + n, 1) == 0)
			return 0;
		n++;
	}
	reply_head[n] = '\0';
	at = strstr(reply_head, "Content-Length: ");
	length = at ? strtoul(at + 16, NULL, 10) : 0;
	free(reply_body);
	reply_body = malloc(length + 1);
	assert_int_equal(tls_kit_take(c, reply_body, length), length);
	reply_body[length] = '\0';
	return atoi(reply_head + 9);
}

void tls_kit_expect_end(struct tls_client *c)
{
	char byte;
	int r = SSL_read(c->ssl, &byte, 1);

	if (SSL_get_error(c->ssl, r) != SSL_ERROR_ZERO_RETURN)
		fail_msg("no close_notify: %d %s", SSL_get_error(c->ssl, r),
			 ERR_error_string(ERR_peek_last_error(), NULL));
	assert_true(kit_at_end(c->fd));
}

const char *tls_kit_name(struct tls_client *c)
{
	static char name[64];
	X509 *cert = SSL_get1_peer_certificate(c->ssl);

	assert_non_null(cert);
	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof(name));
	X509_free(cert);
	return name;
}
