/* SPDX-License-Identifier: ISC */

/* https and wss over real sockets on loopback, with OpenSSL's own client. */
#include "tests/rpc/tls_kit.h"

#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BIG 3000000

static struct server *start(struct front_limits *l)
{
	kit_keys = tls_kit_keys("first");
	return kit_start(l);
}

static void stop(struct server *s)
{
	kit_stop(s);
	tls_keys_unref(kit_keys);
	kit_keys = NULL;
}

static void expect_echo(struct tls_client *c, const char *body)
{
	tls_kit_post(c, "/", body);
	assert_int_equal(tls_kit_reply(c), 200);
	assert_string_equal(reply_body, body);
}

static void both_versions(void **state)
{
	struct server *s = start(NULL);
	const char *name[] = {"TLSv1.2", "TLSv1.3"};
	int version[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct tls_client c = tls_kit_connect(s->tls_port, version[i]);

		assert_string_equal(SSL_get_version(c.ssl), name[i]);
		for (int n = 0; n < 50; n++)
			expect_echo(&c, "over TLS");
		assert_false(SSL_session_reused(c.ssl));
		assert_int_equal(SSL_SESSION_has_ticket(SSL_get0_session(c.ssl)), 0);
		/* our half is closed, and the answer still comes */
		tls_kit_post(&c, "/later?50", "last");
		SSL_shutdown(c.ssl);
		assert_int_equal(tls_kit_reply(&c), 200);
		assert_string_equal(reply_body, "last");
		tls_kit_expect_end(&c);
		tls_kit_close(&c);
	}
	assert_int_equal(kit_stat_of(s, "handshakes"), 2);
	stop(s);
}

static void old_versions_are_refused(void **state)
{
	struct server *s = start(NULL);
	int version[] = {TLS1_VERSION, TLS1_1_VERSION};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct tls_client c = tls_kit_dial(s->tls_port, version[i], version[i]);

		assert_int_not_equal(SSL_do_handshake(c.ssl), 1);
		assert_true(kit_at_end(c.fd));
		tls_kit_close(&c);
	}
	assert_int_equal(kit_stat_of(s, "failed"), 2);
	stop(s);
}

static void protocols_are_agreed(void **state)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1", other[] = "\x02h2";
	struct server *s = start(NULL);
	struct tls_client c = tls_kit_dial(s->tls_port, TLS1_2_VERSION, TLS1_3_VERSION);
	const unsigned char *chosen;
	unsigned n;

	(void)state;
	SSL_set_alpn_protos(c.ssl, ours, sizeof(ours) - 1);
	assert_int_equal(SSL_do_handshake(c.ssl), 1);
	SSL_get0_alpn_selected(c.ssl, &chosen, &n);
	assert_int_equal(n, 8);
	assert_memory_equal(chosen, "http/1.1", 8);
	tls_kit_close(&c);
	c = tls_kit_dial(s->tls_port, TLS1_2_VERSION, TLS1_3_VERSION);
	SSL_set_alpn_protos(c.ssl, other, sizeof(other) - 1);
	assert_int_not_equal(SSL_do_handshake(c.ssl), 1);
	tls_kit_close(&c);
	stop(s);
}

/* Everything that the client's library wants to send goes byte by byte, what comes is handed to it
 * likewise. */
static void in_tiny_pieces(void **state)
{
	static const char request[] =
	    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\ntiny!";
	struct server *s = start(NULL);
	struct tls_client c = tls_kit_dial(s->tls_port, TLS1_3_VERSION, TLS1_3_VERSION);
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	char byte, text[1024] = "";
	size_t put, n = 0, got;
	bool asked = false;

	(void)state;
	SSL_set_bio(c.ssl, in, out);
	BIO_set_mem_eof_return(in, -1);
	while (!strstr(text, "tiny!")) {
		if (!SSL_is_init_finished(c.ssl))
			SSL_do_handshake(c.ssl);
		if (SSL_is_init_finished(c.ssl) && !asked)
			asked = SSL_write_ex(c.ssl, request, sizeof(request) - 1, &put) == 1;
		while (BIO_read(out, &byte, 1) == 1)
			kit_put_bytes(c.fd, &byte, 1);
		if (SSL_is_init_finished(c.ssl) &&
		    SSL_read_ex(c.ssl, text + n, sizeof(text) - 1 - n, &got) == 1) {
			n += got;
			continue;
		}
		assert_int_equal(kit_take_bytes(c.fd, &byte, 1), 1);
		assert_int_equal(BIO_write(in, &byte, 1), 1);
	}
	tls_kit_close(&c);
	stop(s);
}

/* Three megabytes to a client that reads them slowly through a small window, twice pipelined. */
static void large_answers_and_slow_readers(void **state)
{
	struct server *s = start(NULL);
	struct tls_client c = tls_kit_dial(s->tls_port, TLS1_2_VERSION, TLS1_3_VERSION);
	struct timespec nap = {.tv_nsec = 1000000};
	int small = 65536;

	(void)state;
	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_int_equal(SSL_do_handshake(c.ssl), 1);
	for (int i = 0; i < 2; i++)
		tls_kit_post(&c, "/big?3000000", "x");
	for (int i = 0; i < 2; i++) {
		nanosleep(&nap, NULL);
		assert_int_equal(tls_kit_reply(&c), 200);
		assert_int_equal(strlen(reply_body), BIG);
		assert_int_equal(strspn(reply_body, "B"), BIG);
	}
	expect_echo(&c, "and on");
	tls_kit_close(&c);
	stop(s);
}

/* WebSocket */

static void upgrade(struct tls_client *c)
{
	static const char ask[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
				  "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
				  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

	tls_kit_put(c, ask, sizeof(ask) - 1);
	assert_int_equal(tls_kit_reply(c), 101);
}

static void say(struct tls_client *c, unsigned op, const void *p, size_t n)
{
	uint8_t frame[256] = {(uint8_t)(0x80 | op), (uint8_t)(0x80 | n)}; /* a mask of zeros */

	assert_true(n < 126);
	memcpy(frame + 6, p, n);
	tls_kit_put(c, frame, n + 6);
}

static void websockets(void **state)
{
	struct server *s = start(NULL);
	struct tls_client c = tls_kit_connect(s->tls_port, TLS1_3_VERSION);
	uint8_t head[4], code[2] = {0x0f, 0xa0}, got[64];

	(void)state;
	upgrade(&c);
	for (int i = 0; i < 100; i++) {
		say(&c, WS_OP_TEXT, "hello", 5);
		assert_int_equal(tls_kit_take(&c, head, 2), 2);
		assert_int_equal(head[0], 0x81);
		assert_int_equal(tls_kit_take(&c, got, head[1]), 5);
		assert_memory_equal(got, "hello", 5);
	}
	/* its close code comes back, then the end of TLS, then that of TCP */
	say(&c, WS_OP_CLOSE, code, 2);
	assert_int_equal(tls_kit_take(&c, head, 4), 4);
	assert_int_equal(head[0], 0x88);
	assert_memory_equal(head + 2, code, 2);
	tls_kit_expect_end(&c);
	tls_kit_close(&c);
	kit_wait_for(s, "websockets", 0);
	stop(s);
}

static void slow_websockets_are_closed(void **state)
{
	struct front_limits l = {.queue_bytes_max = 1u << 20};
	struct server *s = start(&l);
	struct tls_client c = tls_kit_dial(s->tls_port, TLS1_2_VERSION, TLS1_3_VERSION);
	int small = 4096, fd = kit_dial(s->port);

	(void)state;
	setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	assert_int_equal(SSL_do_handshake(c.ssl), 1);
	upgrade(&c);
	kit_wait_for(s, "websockets", 1);
	kit_post(fd, "/broadcast?60,60000", "x");
	assert_int_equal(kit_take_reply(fd), 200);
	kit_wait_for(s, "websockets", 0);
	assert_true(kit_stat_of(s, "slow") >= 1);
	close(fd);
	tls_kit_close(&c);
	stop(s);
}

/* What is not TLS */

static void plain_http_is_told_so(void **state)
{
	struct server *s = start(NULL);
	int fd = kit_dial(s->tls_port);

	(void)state;
	kit_post(fd, "/", "x");
	assert_int_equal(kit_take_reply(fd), 400);
	assert_non_null(strstr(reply_body, "https and wss only"));
	assert_true(kit_at_end(fd));
	close(fd);
	stop(s);
}

static void garbage_is_refused(void **state)
{
	static const char *const garbage[] = {
	    "\x16\x03\x01\xff\xff junk junk junk junk junk junk junk",
	    "SSH-2.0-OpenSSH_9.2\r\n",
	    "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
	    "\x15\x03\x03\x00\x02\x02\x28",
	    "\x17\x03\x03\x00\x05hello",
	};
	struct server *s = start(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		int fd = kit_dial(s->tls_port);
		char all[64];
		size_t n = strlen(garbage[i]);

		kit_put_bytes(fd, garbage[i], i == 2 ? 10 : n < 5 ? 5 : n);
		shutdown(fd, SHUT_WR);
		assert_true(kit_take_bytes(fd, all, sizeof(all)) < sizeof(all));
		close(fd);
	}
	kit_wait_for(s, "connections", 1);
	stop(s);
}

/* After the handshake a record that was tampered with ends the connection with an alert. */
static void tampering_ends_it(void **state)
{
	struct server *s = start(NULL);
	struct tls_client c = tls_kit_connect(s->tls_port, TLS1_3_VERSION);
	char all[256];

	(void)state;
	expect_echo(&c, "before");
	kit_put_bytes(c.fd, "\x17\x03\x03\x00\x18xxxxxxxxxxxxxxxxxxxxxxxx", 29);
	assert_true(kit_take_bytes(c.fd, all, sizeof(all)) > 0);
	assert_int_equal(all[0], 0x17); /* the alert, enciphered */
	tls_kit_close(&c);
	kit_wait_for(s, "connections", 1);
	stop(s);
}

static void handshakes_have_a_deadline(void **state)
{
	struct front_limits l = {.handshake_ms = 300};
	struct server *s = start(&l);
	int64_t began = kit_now_ms();
	int silent = kit_dial(s->tls_port), slow = kit_dial(s->tls_port);

	(void)state;
	kit_put_bytes(slow, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
	assert_true(kit_at_end(silent));
	assert_true(kit_at_end(slow));
	assert_true(kit_now_ms() - began >= 290);
	close(silent);
	close(slow);
	stop(s);
}

static void nothing_is_negotiated_anew(void **state)
{
	struct server *s = start(NULL);
	struct tls_client c = tls_kit_connect(s->tls_port, TLS1_2_VERSION);
	char byte;

	(void)state;
	expect_echo(&c, "before");
	assert_int_equal(SSL_renegotiate(c.ssl), 1);
	SSL_do_handshake(c.ssl);
	/* the alert no_renegotiation ends the attempt, and with it OpenSSL's client */
	assert_true(SSL_read(c.ssl, &byte, 1) <= 0);
	assert_int_equal(kit_stat_of(s, "handshakes"), 1);
	tls_kit_close(&c);
	/* a key update of TLS 1.3 is none, and works */
	c = tls_kit_connect(s->tls_port, TLS1_3_VERSION);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(SSL_key_update(c.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		expect_echo(&c, "new keys");
	}
	tls_kit_close(&c);
	stop(s);
}

static void keys_are_replaced(void **state)
{
	struct server *s = start(NULL);
	struct tls_client old = tls_kit_connect(s->tls_port, TLS1_3_VERSION), new;
	int fd = kit_dial(s->port);

	(void)state;
	assert_string_equal(tls_kit_name(&old), "first");
	s->next_keys = tls_kit_keys("second");
	kit_post(fd, "/rekey", "");
	assert_int_equal(kit_take_reply(fd), 200);
	new = tls_kit_connect(s->tls_port, TLS1_3_VERSION);
	assert_string_equal(tls_kit_name(&new), "second");
	expect_echo(&new, "new");
	expect_echo(&old, "old");
	SSL_key_update(old.ssl, SSL_KEY_UPDATE_REQUESTED);
	expect_echo(&old, "old, with fresh keys");
	tls_kit_close(&old);
	tls_kit_close(&new);
	close(fd);
	tls_keys_unref(s->next_keys);
	stop(s);
}

/* With next to no processor time for handshakes most of a crowd waits, the first of them go, and
 * requests in the open do not notice. */
static void handshakes_have_a_budget(void **state)
{
	enum { CROWD = 150 };
	struct front_limits l = {.handshake_percent = 1, .handshakes_waiting_max = 8};
	struct server *s = start(&l);
	struct tls_client c[CROWD];
	int fd = kit_dial(s->port), done = 0;

	(void)state;
	for (int i = 0; i < CROWD; i++) {
		BIO *hello = BIO_new(BIO_s_mem());
		char *p;
		long n;

		c[i] = tls_kit_dial(s->tls_port, TLS1_2_VERSION, TLS1_3_VERSION);
		BIO_up_ref(hello);
		SSL_set0_wbio(c[i].ssl, hello);
		SSL_set0_rbio(c[i].ssl, BIO_new(BIO_s_mem()));
		SSL_connect(c[i].ssl);
		n = BIO_get_mem_data(hello, &p);
		kit_put_bytes(c[i].fd, p, (size_t)n);
		BIO_free(hello);
	}
	kit_post(fd, "/", "in the open");
	assert_int_equal(kit_take_reply(fd), 200);
	kit_wait_for(s, "waiting", 0);
	assert_true(kit_stat_of(s, "dropped") > 0);
	for (int i = 0; i < CROWD; i++) {
		char byte;

		done += recv(c[i].fd, &byte, 1, MSG_PEEK) == 1;
		tls_kit_close(&c[i]);
	}
	assert_int_equal(done, CROWD - (int)kit_stat_of(s, "dropped"));
	close(fd);
	stop(s);
}

static void refusals_are_readable(void **state)
{
	struct front_limits l = {.per_address_max = 1, .limit_loopback = true};
	struct server *s = start(&l);
	struct tls_client one = tls_kit_connect(s->tls_port, TLS1_3_VERSION), two;

	(void)state;
	expect_echo(&one, "has the place");
	two = tls_kit_connect(s->tls_port, TLS1_3_VERSION);
	assert_int_equal(tls_kit_reply(&two), 429);
	tls_kit_expect_end(&two);
	tls_kit_close(&two);
	tls_kit_close(&one);
	stop(s);
}

static void stopping_says_goodbye(void **state)
{
	struct server *s = start(NULL);
	struct tls_client c = tls_kit_connect(s->tls_port, TLS1_3_VERSION);

	(void)state;
	expect_echo(&c, "x");
	kit_stop_begin(s);
	tls_kit_expect_end(&c);
	tls_kit_close(&c);
	kit_stop_end(s);
	tls_keys_unref(kit_keys);
	kit_keys = NULL;
}

/* Certificates */

static void expect_bad(struct bytes chain, struct bytes key, enum err e, const char *words)
{
	struct tls_keys *k;
	struct why why = {""};

	assert_int_equal(tls_keys_parse(&k, chain, key, &why), e);
	if (!strstr(why.text, words))
		fail_msg("\"%s\" does not say \"%s\"", why.text, words);
}

static void certificates_must_be_whole(void **state)
{
	struct buf chain, key, other_chain, other_key;
	struct tls_keys *k;

	(void)state;
	tls_kit_make("one", &chain, &key);
	tls_kit_make("other", &other_chain, &other_key);
	expect_bad(bytes_of(NULL, 0), buf_bytes(&key), ERR_INVALID, "no certificate");
	expect_bad(bytes_str("hello"), buf_bytes(&key), ERR_INVALID, "no certificate");
	expect_bad(buf_bytes(&key), buf_bytes(&key), ERR_INVALID, "no certificate");
	expect_bad(bytes_of(chain.p, chain.n / 2), buf_bytes(&key), ERR_INVALID, "no certificate");
	expect_bad(buf_bytes(&chain), bytes_of(NULL, 0), ERR_INVALID, "no private key");
	expect_bad(buf_bytes(&chain), buf_bytes(&chain), ERR_INVALID, "no private key");
	expect_bad(buf_bytes(&chain), buf_bytes(&other_key), ERR_MISMATCH, "does not belong");
	/* a chain: the first is the server's; a broken one behind it is noticed */
	buf_put(&chain, other_chain.p, other_chain.n);
	assert_int_equal(tls_keys_parse(&k, buf_bytes(&chain), buf_bytes(&key), NULL), ERR_NONE);
	assert_true(tls_keys_until(k) > time(NULL) + 3500 && tls_keys_until(k) < time(NULL) + 3700);
	tls_keys_unref(k);
	buf_put(&chain, "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n", 60);
	expect_bad(buf_bytes(&chain), buf_bytes(&key), ERR_INVALID, "certificate 3");
	buf_close(&chain);
	buf_close(&key);
	buf_close(&other_chain);
	buf_close(&other_key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(both_versions),
	    cmocka_unit_test(old_versions_are_refused),
	    cmocka_unit_test(protocols_are_agreed),
	    cmocka_unit_test(in_tiny_pieces),
	    cmocka_unit_test(large_answers_and_slow_readers),
	    cmocka_unit_test(websockets),
	    cmocka_unit_test(slow_websockets_are_closed),
	    cmocka_unit_test(plain_http_is_told_so),
	    cmocka_unit_test(garbage_is_refused),
	    cmocka_unit_test(tampering_ends_it),
	    cmocka_unit_test(handshakes_have_a_deadline),
	    cmocka_unit_test(nothing_is_negotiated_anew),
	    cmocka_unit_test(keys_are_replaced),
	    cmocka_unit_test(handshakes_have_a_budget),
	    cmocka_unit_test(refusals_are_readable),
	    cmocka_unit_test(stopping_says_goodbye),
	    cmocka_unit_test(certificates_must_be_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
