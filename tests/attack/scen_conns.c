/* SPDX-License-Identifier: ISC */

/* Connections that cost their owner nothing: idle ones, and those that speak a byte a second. */
#include "tests/attack/attack.h"
#include "tests/attack/speech.h"

#define BATCH          200 /* dialled between two turns */
#define IDLE_GROUP     20
#define SLOW_GROUP     40
#define GIVE_UP_S      40.0 /* nothing slow may live as long */
#define CHECK_ONE_IN   10
#define CHECK_PATIENCE 5.0

/* ---- connections ---- */

struct idle {
	uint64_t answered;
	bool dying; /* the node's own deadline for idle ones has been reached */
};

static void idle_got(struct sock *s)
{
	struct idle *w = s->crowd->ctx;
	struct bytes body;
	int status;
	size_t n = speech_answer(buf_bytes(&s->in), &status, &body);

	if (n == 0)
		return;
	w->answered += status == 200;
	buf_clear(&s->in);
	s->step = 2;
}

/* Dials until n are open or no more can be had; s->at_ns is not used. */
static void fill(struct crowd *c, const struct job *j, uint32_t n, uint32_t group, double end)
{
	uint32_t tried = 0;

	while (tried < n && now_s() < end) {
		for (uint32_t i = 0; i < BATCH && tried < n; i++, tried++)
			(void)crowd_dial(c, &j->o->http, crowd_source(group, tried));
		crowd_turn(c, 0);
	}
	while (c->opened + c->refused < c->dialled && now_s() < end)
		crowd_turn(c, 5);
}

static void hold(struct crowd *c, double seconds)
{
	double end = now_s() + seconds;

	while (now_s() < end)
		crowd_turn(c, 20);
}

/* One in ten asks for something: is it still somebody's connection? */
static uint64_t check(struct crowd *c, struct idle *w)
{
	uint64_t asked = 0;
	double end = now_s() + CHECK_PATIENCE;

	for (uint32_t i = 0; i < c->n_max; i += CHECK_ONE_IN) {
		struct sock *s = &c->v[i];

		if (s->fd < 0 || !s->open)
			continue;
		speech_post(&s->out, "{\"method\":\"ping\",\"params\":[{}]}");
		crowd_flush(s);
		asked++;
	}
	while (w->answered < asked && now_s() < end)
		crowd_turn(c, 5);
	return asked;
}

void scen_connections(struct job *j)
{
	static const struct crowd_calls calls = {.got = idle_got};
	uint32_t n = (uint32_t)job_arg(j, "n", 10000);
	struct idle w = {.answered = 0};
	struct crowd c;
	double filled;
	uint64_t asked;

	crowd_open(&c, n, &calls, &w);
	filled = now_s();
	fill(&c, j, n, IDLE_GROUP, now_s() + GIVE_UP_S);
	filled = now_s() - filled;
	job_fact(j, "wanted", n);
	job_fact(j, "held", c.n);
	job_fact(j, "accept_s", filled);
	hold(&c, job_arg(j, "seconds", 20));
	job_fact(j, "held_to_the_end", c.n);
	asked = check(&c, &w);
	job_fact(j, "asked_at_the_end", (double)asked);
	job_fact(j, "answered_at_the_end", (double)w.answered);
	job_crowd(j, "", &c);
	crowd_close_all(&c);
}

/* ---- slowloris ---- */

enum { SLOW_HEAD, SLOW_BODY };

struct slow {
	struct samples lived[2]; /* seconds from the first byte to the node's end of it */
	uint64_t told[2];        /* ended with a 408 */
};

static double lived(const struct sock *s)
{
	return now_s() - (double)s->at_ns / 1e9;
}

static void slow_opened(struct sock *s)
{
	s->at_ns = (int64_t)(now_s() * 1e9);
	s->step = s->number % 2 ? SLOW_BODY : SLOW_HEAD;
	if (s->step == SLOW_BODY)
		buf_printf(&s->out,
			   "POST / HTTP/1.1\r\nHost: localhost\r\n"
			   "Content-Type: application/json\r\nContent-Length: 900\r\n\r\n");
	else
		buf_printf(&s->out, "POST / HTTP/1.1\r\nX-Slow: ");
}

static void slow_over(struct sock *s)
{
	struct slow *w = s->crowd->ctx;

	samples_add(&w->lived[s->step], lived(s));
}

/* The answer is as good as an end: the node waits for nothing more. */
static void slow_got(struct sock *s)
{
	struct slow *w = s->crowd->ctx;
	struct bytes body;
	int status;

	if (speech_answer(buf_bytes(&s->in), &status, &body) == 0)
		return;
	w->told[s->step] += status == 408;
	slow_over(s);
	crowd_close(s, false);
}

static void slow_closed(struct sock *s, enum sock_end e)
{
	if (e != SOCK_REFUSED)
		slow_over(s);
}

static void drip(struct crowd *c)
{
	for (uint32_t i = 0; i < c->n_max; i++) {
		struct sock *s = &c->v[i];

		if (s->fd < 0 || !s->open)
			continue;
		buf_put_u8(&s->out, ' ');
		crowd_flush(s);
	}
}

void scen_slowloris(struct job *j)
{
	static const struct crowd_calls calls = {slow_opened, slow_got, slow_closed};
	uint32_t n = (uint32_t)job_arg(j, "n", 5000);
	double end, next;
	struct slow w = {.told = {0, 0}};
	struct crowd c;

	crowd_open(&c, 2 * n, &calls, &w);
	fill(&c, j, 2 * n, SLOW_GROUP, now_s() + GIVE_UP_S);
	job_fact(j, "wanted", 2.0 * n);
	job_fact(j, "held", (double)c.opened);
	end = now_s() + job_arg(j, "seconds", GIVE_UP_S);
	for (next = now_s(); c.n && now_s() < end;) {
		if (now_s() >= next) {
			drip(&c);
			next += 1;
		}
		crowd_turn(&c, 10);
	}
	job_fact(j, "left", c.n);
	job_fact(j, "head_lived_p99_s", samples_at(&w.lived[SLOW_HEAD], 0.99));
	job_fact(j, "head_lived_max_s", samples_at(&w.lived[SLOW_HEAD], 1));
	job_fact(j, "body_lived_p99_s", samples_at(&w.lived[SLOW_BODY], 0.99));
	job_fact(j, "body_lived_max_s", samples_at(&w.lived[SLOW_BODY], 1));
	job_fact(j, "told_408", (double)(w.told[SLOW_HEAD] + w.told[SLOW_BODY]));
	job_crowd(j, "", &c);
	crowd_close_all(&c);
}
