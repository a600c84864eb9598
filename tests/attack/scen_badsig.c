/* SPDX-License-Identifier: ISC */

/* Falsely signed payments through submit, from many addresses. */
#include "tests/attack/payments.h"

#include "tests/attack/speech.h"
#include "tools/load/plan.h"

#define BADSIG_GROUP   160
#define FORGED_ACCOUNT 50 /* its sequence is never used up */
#define SIGNATURE      64
#define DEPTH          4
#define REDIAL_S       0.05

void forger_open(struct forger *f, const struct options *o)
{
	static const uint8_t head[] = {0x74, SIGNATURE}; /* TxnSignature and its length */
	struct plan plan;
	const uint8_t *at;

	plan_init(&plan, FORGED_ACCOUNT, 2);
	ask_sequences(plan.sequences, o, plan.ids, 2);
	plan_sign(&plan, 1, o->network_id, 0);
	f->n = strlen(plan.payments[0].hex) / 2;
	if (f->n > sizeof(f->blob) || !hex_decode(f->blob, f->n, plan.payments[0].hex, 2 * f->n))
		die("a payment of %zu bytes", f->n);
	at = memmem(f->blob, f->n, head, sizeof(head));
	if (!at || (size_t)(at - f->blob) + 2 + SIGNATURE > f->n)
		die("a payment without a signature");
	f->at = (size_t)(at - f->blob) + 2;
	plan_close(&plan);
}

void forger_put(struct forger *f, struct buf *out, struct rng *r)
{
	for (size_t i = 0; i < SIGNATURE; i++)
		f->blob[f->at + i] = (uint8_t)rng_next(r);
	f->blob[f->at + SIGNATURE - 1] &= 0x0F; /* S is below the group's order */
	buf_put(out, f->blob, f->n);
}

void forger_close(struct forger *f)
{
	memset(f, 0, sizeof(*f));
}

struct badsig {
	struct job *j;
	struct forger forger;
	struct rng rng;
	uint64_t sent, told_bad, refused, other;
	double first_refusal;
};

static void submit(struct badsig *w, struct sock *s)
{
	struct buf b = BUF_INIT;
	char hex[2 * sizeof(w->forger.blob) + 1], body[2 * sizeof(w->forger.blob) + 64];

	forger_put(&w->forger, &b, &w->rng);
	hex_encode(hex, b.p, b.n);
	snprintf(body, sizeof(body), "{\"method\":\"submit\",\"params\":[{\"tx_blob\":\"%s\"}]}",
		 hex);
	speech_post(&s->out, body);
	s->count++;
	w->sent++;
	buf_close(&b);
}

static void badsig_got(struct sock *s)
{
	struct badsig *w = s->crowd->ctx;
	struct bytes body;
	int status;
	size_t n, used = 0;

	while ((n = speech_answer(bytes_of(s->in.p + used, s->in.n - used), &status, &body))) {
		if (n == SIZE_MAX) {
			crowd_close(s, true);
			return;
		}
		if (status == 429 || status == 503)
			w->refused++;
		else if (speech_has(body, "temBAD_SIGNATURE") || speech_has(body, "fails local"))
			w->told_bad++;
		else
			w->other++;
		if (status != 200 && w->first_refusal < 0)
			w->first_refusal = job_elapsed(w->j);
		s->count -= s->count > 0;
		used += n;
	}
	buf_consume(&s->in, used);
}

void scen_badsig(struct job *j)
{
	static const struct crowd_calls calls = {.got = badsig_got};
	struct badsig w = {.j = j, .first_refusal = -1};
	double rate = job_arg(j, "rate", 20000), due = now_s();
	double end = due + job_arg(j, "seconds", 60);
	uint32_t next = 0;
	uint64_t offered = 0;
	struct crowd c;

	rng_init(&w.rng, 7);
	forger_open(&w.forger, j->o);
	crowd_open(&c, (uint32_t)job_arg(j, "n", 200), &calls, &w);
	while (now_s() < end) {
		double now = now_s();

		for (uint32_t k = 0; k < 20 && c.n < c.n_max; k++)
			(void)crowd_dial(&c, &j->o->http,
					 crowd_source(BADSIG_GROUP, c.free[c.n_free - 1]));
		due = due < now - 0.2 ? now - 0.2 : due;
		for (; due <= now; due += 1 / rate, offered++) {
			struct sock *s = &c.v[next++ % c.n_max];

			if (s->fd >= 0 && s->open && s->count < DEPTH)
				submit(&w, s);
			crowd_flush(s);
		}
		crowd_turn(&c, 1);
	}
	job_fact(j, "offered_per_s", (double)offered / job_elapsed(j));
	job_fact(j, "sent_per_s", (double)w.sent / job_elapsed(j));
	job_fact(j, "told_bad_per_s", (double)w.told_bad / job_elapsed(j));
	job_fact(j, "refused_per_s", (double)w.refused / job_elapsed(j));
	job_fact(j, "other_answers", (double)w.other);
	job_fact(j, "first_refusal_s", w.first_refusal);
	job_crowd(j, "", &c);
	crowd_close_all(&c);
	forger_close(&w.forger);
}
