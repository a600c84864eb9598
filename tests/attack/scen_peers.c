/* SPDX-License-Identifier: ISC */

/* Peers that nobody wants: broken handshakes, broken messages, falsely signed payments, ears that
 * hear a byte a second. They speak the node's own protocol with its own code (net/session.h), each
 * with a key of its own. */
#include "tests/attack/attack.h"

#include "base/mem.h"
#include "net/session.h"
#include "tests/attack/payments.h"
#include "tests/net/msgs.h"

#include <time.h>

#define PEER_GROUP  170
#define SLOW_GROUP  190
#define AT_ONCE     32
#define LIFE_S      4.0
#define FLOOD_GROUP 180
#define FLOOD_BYTES (8u << 20)
#define BROKEN_S    0.05 /* of one that has sent nonsense and may wait for the rest of it */

/* ---- one fake peer ---- */

struct fake {
	struct session *s;
	struct secret_key *key;
	bool said; /* what it has come for */
};

struct fakes {
	struct job *j;
	struct crowd crowd;
	uint32_t group;
	void (*speak)(struct fakes *w, struct sock *s); /* once its session is ready */
	struct rng rng;
	uint64_t ready, said, ended, refused_at_hello;
	struct forger forger;
};

static struct now time_now(void)
{
	struct timespec t;
	struct now now;

	clock_gettime(CLOCK_REALTIME, &t);
	now.net.s = (uint32_t)(t.tv_sec - LEDGER_EPOCH_UNIX);
	now.steady.ms = (int64_t)(now_s() * 1000);
	return now;
}

static void fake_close(struct sock *s)
{
	struct fake *p = s->data;

	if (!p)
		return;
	session_close(p->s);
	secret_key_close(p->key);
	mem_free(p);
	s->data = NULL;
}

static void fake_open(struct fakes *w, struct sock *s)
{
	struct fake *p = mem_zalloc(1, sizeof(*p));
	struct session_config c = {.role = SESSION_INITIATOR,
				   .network_id = w->j->o->network_id,
				   .genesis = w->j->o->genesis};
	uint8_t secret[32];

	for (size_t i = 0; i < sizeof(secret); i++) {
		secret[i] = (uint8_t)rng_next(&w->rng);
		c.ephemeral_seed[i] = (uint8_t)rng_next(&w->rng);
	}
	must(!secret_key_of_bytes(&p->key, NULL, KEY_ED25519, secret));
	c.identity = p->key;
	p->s = session_open(&c, time_now());
	session_start(p->s, &s->out);
	s->data = p;
	s->at_ns = (int64_t)(now_s() * 1e9);
}

static void fake_opened(struct sock *s)
{
	fake_open(s->crowd->ctx, s);
}

static void ignore(void *ctx, const struct msg *m)
{
	(void)ctx;
	(void)m;
}

static void fake_got(struct sock *s)
{
	struct fakes *w = s->crowd->ctx;
	struct fake *p = s->data;
	enum session_end e;

	if (!p)
		return;
	e = session_feed(p->s, buf_bytes(&s->in), time_now(), &s->out, ignore, NULL);
	buf_clear(&s->in);
	if (!e && session_ready(p->s) && !p->said) {
		p->said = true;
		w->ready++;
		w->speak(w, s);
	}
	crowd_flush(s);
	if (!e)
		return;
	w->ended++;
	fake_close(s);
	crowd_close(s, false);
}

static void fake_closed(struct sock *s, enum sock_end e)
{
	struct fakes *w = s->crowd->ctx;

	w->refused_at_hello += e != SOCK_REFUSED && s->data && !((struct fake *)s->data)->said;
	w->ended++;
	fake_close(s);
}

static const struct crowd_calls fake_calls = {fake_opened, fake_got, fake_closed};

static void give_up_old(struct crowd *c)
{
	double now = now_s();

	for (uint32_t i = 0; i < c->n_max; i++) {
		struct sock *s = &c->v[i];

		if (s->fd < 0 || !s->open ||
		    now - (double)s->at_ns / 1e9 < (s->data ? LIFE_S : BROKEN_S))
			continue;
		fake_close(s);
		crowd_close(s, true);
	}
}

static void fakes_open(struct fakes *w, struct job *j, uint32_t group, uint32_t at_once)
{
	if (!j->o->has_peer)
		die("%s: no --peer port", j->name);
	w->j = j;
	w->group = group;
	rng_init(&w->rng, (uint64_t)job_arg(j, "seed", 1));
	crowd_open(&w->crowd, at_once, &fake_calls, w);
}

static void fakes_close(struct fakes *w)
{
	struct job *j = w->j;

	job_fact(j, "ready", (double)w->ready);
	job_fact(j, "ended", (double)w->ended);
	job_fact(j, "refused_at_hello", (double)w->refused_at_hello);
	job_crowd(j, "", &w->crowd);
	for (uint32_t i = 0; i < w->crowd.n_max; i++)
		if (w->crowd.v[i].fd >= 0)
			fake_close(&w->crowd.v[i]);
	crowd_close_all(&w->crowd);
}

/* New ones come as fast as the old ones go, each from one of n addresses. */
static void come_and_go(struct fakes *w, uint32_t addresses, uint64_t limit, double seconds)
{
	double end = now_s() + seconds, swept = 0;

	while (now_s() < end && w->said < limit) {
		while (w->crowd.n < w->crowd.n_max &&
		       crowd_dial(&w->crowd, &w->j->o->peer,
				  crowd_source(w->group, (uint32_t)(w->crowd.dialled % addresses))))
			;
		crowd_turn(&w->crowd, 2);
		if (now_s() - swept > BROKEN_S) {
			give_up_old(&w->crowd);
			swept = now_s();
		}
	}
}

/* ---- garbage ---- */

/* A good hello with a few bytes changed, or anything at all. */
static void hello_opened(struct sock *s)
{
	struct fakes *w = s->crowd->ctx;
	uint32_t times = 1 + (uint32_t)rng_below(&w->rng, 4);

	if (s->number % 2) { /* one half shakes hands properly, and then talks nonsense */
		fake_open(w, s);
		return;
	}
	fake_open(w, s);
	fake_close(s);
	while (times--)
		s->out.p[rng_below(&w->rng, s->out.n)] = (uint8_t)rng_next(&w->rng);
	s->out.n = 1 + rng_below(&w->rng, s->out.n);
	for (times = (uint32_t)rng_below(&w->rng, 200); times--;)
		buf_put_u8(&s->out, (uint8_t)rng_next(&w->rng));
	w->said++;
}

/* A good message of any type, sealed as it should be, with its inside spoilt. */
static void say_garbage(struct fakes *w, struct sock *s)
{
	struct fake *p = s->data;
	struct arena a = ARENA_INIT;
	enum msg_type t = MSG_NONE;
	struct wire_frame *f;
	struct msg m;

	for (uint32_t n = 1 + (uint32_t)rng_below(&w->rng, 64); n--;) {
		t = msg_next_type(t);
		t = t == MSG_TYPE_END ? msg_next_type(MSG_NONE) : t;
	}
	msg_draw(&m, t, &a, &w->rng);
	f = wire_encode(&m);
	for (uint32_t n = 1 + (uint32_t)rng_below(&w->rng, 4); n--;)
		f->bytes[rng_below(&w->rng, f->n)] ^= (uint8_t)(1u << rng_below(&w->rng, 8));
	session_send(p->s, f, &s->out);
	wire_frame_unref(f);
	arena_close(&a);
	w->said++;
}

void scen_peers_garbage(struct job *j)
{
	static const struct crowd_calls calls = {hello_opened, fake_got, fake_closed};
	struct fakes w = {.speak = say_garbage};

	fakes_open(&w, j, PEER_GROUP, AT_ONCE);
	w.crowd.calls = calls;
	come_and_go(&w, (uint32_t)job_arg(j, "addresses", 2000), (uint64_t)job_arg(j, "n", 50000),
		    job_arg(j, "seconds", 60));
	job_fact(j, "said", (double)w.said);
	fakes_close(&w);
}

/* ---- too much of one type ---- */

/* Ten seconds' worth at once, of another type each time. */
static void say_too_much(struct fakes *w, struct sock *s)
{
	struct fake *p = s->data;
	struct arena a = ARENA_INIT;
	enum msg_type t = MSG_NONE;
	struct wire_frame *f;
	struct msg m;

	for (uint64_t n = 1 + w->ready; n--;) {
		t = msg_next_type(t);
		t = t == MSG_TYPE_END ? msg_next_type(MSG_NONE) : t;
	}
	msg_make(&m, t, &a, &w->rng, 1, 64);
	f = wire_encode(&m);
	for (uint32_t n = 10 * msg_per_second(t); n-- && s->out.n < FLOOD_BYTES;)
		session_send(p->s, f, &s->out);
	wire_frame_unref(f);
	arena_close(&a);
	w->said++;
}

void scen_peers_flood(struct job *j)
{
	struct fakes w = {.speak = say_too_much};

	fakes_open(&w, j, FLOOD_GROUP, AT_ONCE);
	come_and_go(&w, (uint32_t)job_arg(j, "addresses", 20000), UINT64_MAX,
		    job_arg(j, "seconds", 60));
	job_fact(j, "floods", (double)w.said);
	fakes_close(&w);
}

/* ---- bad signatures ---- */

static void say_forged(struct fakes *w, struct sock *s)
{
	struct fake *p = s->data;
	struct bytes blobs[64];
	struct msg m = {.type = MSG_TXS, .txs = {.v = blobs, .n = sizeof(blobs) / sizeof(*blobs)}};
	struct buf all = BUF_INIT;
	struct wire_frame *f;

	for (uint32_t i = 0; i < m.txs.n; i++)
		forger_put(&w->forger, &all, &w->rng);
	for (uint32_t i = 0; i < m.txs.n; i++)
		blobs[i] = bytes_of(all.p + i * w->forger.n, w->forger.n);
	f = wire_encode(&m);
	for (uint32_t i = 0; i < 8; i++)
		session_send(p->s, f, &s->out);
	w->said += m.txs.n;
	wire_frame_unref(f);
	buf_close(&all);
}

void scen_peers_badsig(struct job *j)
{
	struct fakes w = {.speak = say_forged};

	fakes_open(&w, j, PEER_GROUP, AT_ONCE);
	forger_open(&w.forger, j->o);
	come_and_go(&w, (uint32_t)job_arg(j, "addresses", 50), UINT64_MAX,
		    job_arg(j, "seconds", 60));
	job_fact(j, "forged", (double)w.said);
	job_fact(j, "forged_per_s", (double)w.said / job_elapsed(j));
	forger_close(&w.forger);
	fakes_close(&w);
}

/* ---- slow readers ---- */

static void say_little(struct fakes *w, struct sock *s)
{
	struct fake *p = s->data;
	struct msg m = {.type = MSG_STATUS};
	struct wire_frame *f = wire_encode(&m);

	session_send(p->s, f, &s->out);
	wire_frame_unref(f);
	w->said++;
	crowd_pause(s, true);
}

void scen_peers_slow(struct job *j)
{
	struct fakes w = {.speak = say_little};
	uint32_t n = (uint32_t)job_arg(j, "n", 20);
	double end = now_s() + job_arg(j, "seconds", 60), next = now_s();
	uint32_t most = 0;

	fakes_open(&w, j, SLOW_GROUP, n);
	while (now_s() < end) {
		while (w.crowd.n < n &&
		       crowd_dial(&w.crowd, &j->o->peer,
				  crowd_source(SLOW_GROUP, (uint32_t)w.crowd.dialled)))
			;
		crowd_turn(&w.crowd, 5);
		most = w.crowd.n > most ? w.crowd.n : most;
		if (now_s() < next)
			continue;
		next += 1;
		for (uint32_t i = 0; i < n; i++) /* a byte each */
			crowd_sip(&w.crowd.v[i]);
	}
	job_fact(j, "at_once", most);
	job_fact(j, "left", w.crowd.n);
	fakes_close(&w);
}
