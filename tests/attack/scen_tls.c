/* SPDX-License-Identifier: ISC */

/* TLS connections faster than a core can greet them. A tenth finish their handshake; the others
 * send a client's first message, which costs them nothing and the node a key exchange, and go. */
/* A type of OpenSSL and an error of ours have one name. */
#define ERR_STATE OSSL_ERR_STATE
#include <openssl/ssl.h>
#undef ERR_STATE

#include "tests/attack/attack.h"

#include "tests/attack/speech.h"

#include <stdlib.h>

#define TLS_GROUP   150
#define ADDRESSES   64
#define AT_ONCE     15000
#define FINISH_1_IN 10
#define LIFE_S      6.0 /* of an attempt that nothing comes of */

struct tls {
	SSL_CTX *ctx;
	struct buf hello; /* a first message, sent again and again */
	uint64_t attempts, finished, answered, greeted;
	struct samples took; /* ms, finished handshakes */
};

struct shake {
	SSL *ssl;
	BIO *in, *out;
};

static void move_out(struct sock *s, struct shake *k)
{
	char part[4096];
	int n;

	while ((n = BIO_read(k->out, part, sizeof(part))) > 0)
		buf_put(&s->out, part, (size_t)n);
}

static struct shake *shake_open(struct tls *w)
{
	struct shake *k = calloc(1, sizeof(*k));

	k->ssl = SSL_new(w->ctx);
	k->in = BIO_new(BIO_s_mem());
	k->out = BIO_new(BIO_s_mem());
	SSL_set_bio(k->ssl, k->in, k->out);
	SSL_set_connect_state(k->ssl);
	return k;
}

static void shake_close(struct sock *s)
{
	struct shake *k = s->data;

	if (k)
		SSL_free(k->ssl);
	free(k);
	s->data = NULL;
}

static void make_hello(struct tls *w)
{
	struct shake *k = shake_open(w);
	char part[4096];
	int n;

	(void)SSL_do_handshake(k->ssl);
	while ((n = BIO_read(k->out, part, sizeof(part))) > 0)
		buf_put(&w->hello, part, (size_t)n);
	SSL_free(k->ssl);
	free(k);
}

static void tls_opened(struct sock *s)
{
	struct tls *w = s->crowd->ctx;

	s->at_ns = (int64_t)(now_s() * 1e9);
	if (w->attempts++ % FINISH_1_IN) {
		buf_put(&s->out, w->hello.p, w->hello.n);
		return;
	}
	s->data = shake_open(w);
	(void)SSL_do_handshake(((struct shake *)s->data)->ssl);
	move_out(s, s->data);
}

/* Finished: one request over it, whose answer ends it. */
static void speak(struct sock *s, struct tls *w, struct shake *k)
{
	struct buf b = BUF_INIT;
	char part[4096];

	if (!s->step) {
		s->step = 1;
		w->finished++;
		samples_add(&w->took, now_s() * 1e3 - (double)s->at_ns / 1e6);
		speech_post(&b, "{\"method\":\"ping\",\"params\":[{}]}");
		(void)SSL_write(k->ssl, b.p, (int)b.n);
		buf_close(&b);
	} else if (SSL_read(k->ssl, part, sizeof(part)) > 0) {
		w->answered++;
		shake_close(s);
		crowd_close(s, false);
	}
}

static void tls_got(struct sock *s)
{
	struct tls *w = s->crowd->ctx;
	struct shake *k = s->data;

	if (!k) { /* the node's answer to a hello: its work is done */
		w->greeted++;
		crowd_close(s, w->greeted % 2);
		return;
	}
	(void)BIO_write(k->in, s->in.p, (int)s->in.n);
	buf_clear(&s->in);
	if (SSL_is_init_finished(k->ssl) || SSL_do_handshake(k->ssl) == 1)
		speak(s, w, k);
	if (s->data) {
		move_out(s, k);
		crowd_flush(s);
	}
}

static void tls_closed(struct sock *s, enum sock_end e)
{
	(void)e;
	shake_close(s);
}

static void give_up_old(struct crowd *c)
{
	double now = now_s();

	for (uint32_t i = 0; i < c->n_max; i++) {
		struct sock *s = &c->v[i];

		if (s->fd < 0 || !s->open || now - (double)s->at_ns / 1e9 < LIFE_S)
			continue;
		shake_close(s);
		crowd_close(s, true);
	}
}

static void tls_run(struct job *j, struct crowd *c)
{
	double rate = job_arg(j, "rate", 5000), due = now_s(), swept = due;
	double end = due + job_arg(j, "seconds", 60);
	uint64_t wanted = 0, not_made = 0;

	while (now_s() < end) {
		for (double now = now_s(); due <= now; due += 1 / rate, wanted++)
			if (!crowd_dial(c, &j->o->tls,
					crowd_source(TLS_GROUP, (uint32_t)(wanted % ADDRESSES))))
				not_made++;
		crowd_turn(c, 1);
		if (now_s() - swept > 0.5)
			give_up_old(c);
		if (now_s() - swept > 0.5)
			swept = now_s();
	}
	job_fact(j, "offered_per_s", (double)wanted / job_elapsed(j));
	job_fact(j, "not_made", (double)not_made);
}

void scen_tls(struct job *j)
{
	static const struct crowd_calls calls = {tls_opened, tls_got, tls_closed};
	struct tls w = {.ctx = SSL_CTX_new(TLS_client_method())};
	struct crowd c;

	if (!j->o->has_tls || !w.ctx)
		die("tls: no --tls listener");
	SSL_CTX_set_verify(w.ctx, SSL_VERIFY_NONE, NULL);
	make_hello(&w);
	crowd_open(&c, AT_ONCE, &calls, &w);
	tls_run(j, &c);
	job_fact(j, "attempts_per_s", (double)w.attempts / job_elapsed(j));
	job_fact(j, "greeted", (double)w.greeted);
	job_fact(j, "finished", (double)w.finished);
	job_fact(j, "answered", (double)w.answered);
	job_fact(j, "handshake_p50_ms", samples_at(&w.took, 0.5));
	job_fact(j, "handshake_p99_ms", samples_at(&w.took, 0.99));
	job_crowd(j, "", &c);
	for (uint32_t i = 0; i < c.n_max; i++)
		if (c.v[i].fd >= 0)
			shake_close(&c.v[i]);
	crowd_close_all(&c);
	SSL_CTX_free(w.ctx);
	buf_close(&w.hello);
}
