/* SPDX-License-Identifier: ISC */
#include "rpc/tls.h"

#include "base/mem.h"

#define ERR_STATE OPENSSL_ERR_STATE /* ours is another */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#undef ERR_STATE

#define CHAIN_MAX 16

struct tls_keys {
	SSL_CTX *ctx;
	uint32_t refs;
	int64_t until;
};

struct tls_session {
	SSL *ssl;
	struct tls_keys *keys;
	const uint8_t *in; /* what is being eaten */
	size_t in_n;
	struct buf cipher;
	bool up, broken, bye;
	char reason[80];
};

/* The newest error of the library, in words. */
static const char *words(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	return text ? text : "no reason given";
}

/* The socket, as the library sees it: reading takes from what is being eaten, writing appends. */

static int bio_read(BIO *bio, char *out, int room)
{
	struct tls_session *t = BIO_get_data(bio);
	size_t n = room > 0 ? (size_t)room : 0;

	BIO_clear_retry_flags(bio);
	if (t->in_n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	n = n < t->in_n ? n : t->in_n;
	memcpy(out, t->in, n);
	t->in += n;
	t->in_n -= n;
	return (int)n;
}

static int bio_write(BIO *bio, const char *p, int n)
{
	struct tls_session *t = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	buf_put(&t->cipher, p, (size_t)n);
	return n;
}

static long bio_control(BIO *bio, int command, long number, void *p)
{
	(void)bio;
	(void)number;
	(void)p;
	return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP;
}

static BIO_METHOD *bio_method(void)
{
	static BIO_METHOD *m;

	if (!m) {
		m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory");
		must(m && BIO_meth_set_read(m, bio_read) && BIO_meth_set_write(m, bio_write) &&
		     BIO_meth_set_ctrl(m, bio_control));
	}
	return m;
}

/* Certificates */

/* Clients that offer protocols must offer ours; those that offer none get it as well. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
			   const unsigned char *in, unsigned in_n, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto((unsigned char **)out, out_n, ours, sizeof(ours) - 1, in, in_n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *new_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	must(ctx);
	must(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1);
	must(SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1);
	must(SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") == 1);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
				     SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
				     SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	must(SSL_CTX_set_num_tickets(ctx, 0) == 1);
	must(SSL_CTX_set_max_early_data(ctx, 0) == 1);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	return ctx;
}

static BIO *pem_of(struct bytes text)
{
	BIO *b = BIO_new_mem_buf(text.p ? text.p : (const uint8_t *)"", (int)text.n);

	must(b);
	return b;
}

/* A key with a passphrase is not asked for it. */
static int no_passphrase(char *out, int room, int writing, void *arg)
{
	(void)out;
	(void)room;
	(void)writing;
	(void)arg;
	return -1;
}

/* The chain goes into ctx; the end of the first certificate to *until. */
static enum err use_chain(SSL_CTX *ctx, BIO *pem, int64_t *until, struct why *why)
{
	X509 *cert = PEM_read_bio_X509_AUX(pem, NULL, no_passphrase, NULL);
	enum err e = ERR_NONE;
	ASN1_TIME *epoch;
	int days, seconds, n = 0;

	if (!cert)
		return why_set(why, ERR_INVALID, "no certificate in PEM (%s)", words());
	epoch = ASN1_TIME_set(NULL, 0);
	must(epoch);
	if (ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(cert)) == 1)
		*until = (int64_t)days * 86400 + seconds;
	ASN1_TIME_free(epoch);
	if (SSL_CTX_use_certificate(ctx, cert) != 1)
		e = why_set(why, ERR_INVALID, "a certificate that cannot be used (%s)", words());
	X509_free(cert);
	while (e == ERR_NONE && (cert = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL)) != NULL)
		if (n++ == CHAIN_MAX || SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
			X509_free(cert);
			e = why_set(why, ERR_INVALID, "certificate %d of the chain: %s", n + 1,
				    words());
		}
	if (e == ERR_NONE && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		e = why_set(why, ERR_INVALID, "certificate %d of the chain: %s", n + 2, words());
	return e;
}

enum err tls_keys_parse(struct tls_keys **out, struct bytes chain, struct bytes key,
			struct why *why)
{
	BIO *chain_pem = pem_of(chain), *key_pem = pem_of(key);
	EVP_PKEY *secret = NULL;
	SSL_CTX *ctx = new_context();
	int64_t until = 0;
	enum err e;

	ERR_clear_error();
	e = use_chain(ctx, chain_pem, &until, why);
	if (e == ERR_NONE) {
		ERR_clear_error();
		secret = PEM_read_bio_PrivateKey(key_pem, NULL, no_passphrase, NULL);
		if (!secret)
			e = why_set(why, ERR_INVALID, "no private key in PEM (%s)", words());
	}
	if (e == ERR_NONE &&
	    (SSL_CTX_use_PrivateKey(ctx, secret) != 1 || SSL_CTX_check_private_key(ctx) != 1))
		e = why_set(why, ERR_MISMATCH, "the key does not belong to the certificate (%s)",
			    words());
	ERR_clear_error();
	EVP_PKEY_free(secret);
	BIO_free(chain_pem);
	BIO_free(key_pem);
	if (e != ERR_NONE) {
		SSL_CTX_free(ctx);
		return e;
	}
	*out = mem_zalloc(1, sizeof(**out));
	(*out)->ctx = ctx;
	(*out)->refs = 1;
	(*out)->until = until;
	return ERR_NONE;
}

struct tls_keys *tls_keys_ref(struct tls_keys *k)
{
	must(k->refs > 0);
	k->refs++;
	return k;
}

void tls_keys_unref(struct tls_keys *k)
{
	if (!k || --k->refs > 0)
		return;
	SSL_CTX_free(k->ctx);
	mem_free(k);
}

int64_t tls_keys_until(const struct tls_keys *k)
{
	return k->until;
}

/* Sessions */

struct tls_session *tls_open(struct tls_keys *keys)
{
	struct tls_session *t = mem_zalloc(1, sizeof(*t));
	BIO *bio = BIO_new(bio_method());

	t->ssl = SSL_new(keys->ctx);
	must(bio && t->ssl);
	t->keys = tls_keys_ref(keys);
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio); /* takes the one reference of both */
	SSL_set_accept_state(t->ssl);
	return t;
}

void tls_close(struct tls_session *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	ERR_clear_error();
	tls_keys_unref(t->keys);
	buf_close(&t->cipher);
	mem_free(t);
}

/* What the library has just said of its last call. */
static enum tls_step judge(struct tls_session *t, int result)
{
	int e = SSL_get_error(t->ssl, result);
	unsigned long last = ERR_peek_last_error();

	if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
		return TLS_MORE;
	if (e == SSL_ERROR_ZERO_RETURN)
		return TLS_END;
	t->broken = true;
	snprintf(t->reason, sizeof(t->reason), "%s", words());
	ERR_clear_error();
	if (ERR_GET_LIB(last) == ERR_LIB_SSL && ERR_GET_REASON(last) == SSL_R_HTTP_REQUEST &&
	    !t->up)
		return TLS_HTTP;
	return TLS_BROKEN;
}

static enum tls_step shake_hands(struct tls_session *t)
{
	int r = SSL_do_handshake(t->ssl);

	if (r != 1)
		return judge(t, r);
	t->up = true;
	return TLS_MORE;
}

enum tls_step tls_feed(struct tls_session *t, const uint8_t *p, size_t n, uint8_t *out, size_t room,
		       size_t *said)
{
	enum tls_step step = TLS_MORE;

	*said = 0;
	if (t->broken)
		return TLS_BROKEN;
	ERR_clear_error();
	t->in = p;
	t->in_n = n;
	if (!t->up)
		step = shake_hands(t);
	while (t->up && step == TLS_MORE) {
		size_t got = 0;
		int r;

		must(*said < room);
		r = SSL_read_ex(t->ssl, out + *said, room - *said, &got);
		*said += got;
		if (r != 1) {
			step = judge(t, r);
			break;
		}
	}
	t->in = NULL;
	t->in_n = 0;
	return step;
}

bool tls_is_up(const struct tls_session *t)
{
	return t->up;
}

bool tls_seal(struct tls_session *t, const void *p, size_t n)
{
	size_t put = 0;
	int r;

	must(t->up && n > 0 && n <= TLS_SAY_MAX);
	if (t->broken || t->bye)
		return false;
	ERR_clear_error();
	r = SSL_write_ex(t->ssl, p, n, &put);
	if (r == 1 && put == n)
		return true;
	judge(t, r);
	t->broken = true;
	return false;
}

void tls_bye(struct tls_session *t)
{
	if (!t->up || t->broken || t->bye)
		return;
	t->bye = true;
	ERR_clear_error();
	if (SSL_shutdown(t->ssl) < 0)
		judge(t, -1);
}

struct buf *tls_cipher(struct tls_session *t)
{
	return &t->cipher;
}

const char *tls_reason(const struct tls_session *t)
{
	return t->reason;
}

const char *tls_version(const struct tls_session *t)
{
	return SSL_get_version(t->ssl);
}
