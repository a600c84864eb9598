/* SPDX-License-Identifier: ISC */

/* Subscribers: thousands of them to `ledger`, some also to `transactions`, while payments come; a
 * tenth does not read. And those who come, subscribe and go. */
#include "tests/attack/attack.h"

#include "base/mem.h"
#include "crypto/base58.h"
#include "tests/attack/speech.h"
#include "tools/load/plan.h"

#include <sys/socket.h>

#define SUB_GROUP     100
#define PAYER_GROUP   120
#define CHURN_GROUP   130
#define PAYERS_FIRST  100    /* generated accounts below are other clients' */
#define SLOW_RCVBUF   131072 /* so that most of what is not read stays with the node */
#define LEDGERS_MAX   256
#define SLOW_ONE_IN   10
#define NAP_S         5.0
#define FILL_S        30.0
#define CLOSE_WAIT_S  12.0
#define CHURN_STALL_S 20.0

/* ---- one subscriber ---- */

struct sub {
	bool slow, naps, takes_txs, counted; /* naps: slow, but reads now and then */
	uint32_t got, last, gaps;            /* ledgers */
	uint32_t txs_pending, txs_due;       /* of the last ledger: come, announced */
	uint64_t txs;
	uint32_t wrong_count; /* ledgers whose transactions were not as many as it says */
	unsigned close_code;
	bool close_reason;
	bool gone;
};

struct subs {
	struct job *j;
	struct sub *v;
	uint32_t n, n_txs, subscribed;
	bool reading_all; /* the slow ones read at last what has piled up */
	uint64_t payments, pay_refused;
	/* payers */
	struct plan plan;
	uint32_t *next;
};

/* A ledger's transactions follow it: by the next ledger they have to be as many as it has said. */
static void take_closed_ledger(struct sub *u, struct bytes text)
{
	int64_t seq = speech_number(text, "ledger_index");

	if (u->got && seq != u->last + 1)
		u->gaps++;
	if (u->takes_txs && u->got && u->txs_due != u->txs_pending)
		u->wrong_count++;
	u->txs_pending = 0;
	u->txs_due = (uint32_t)speech_number(text, "txn_count");
	u->last = (uint32_t)seq;
	u->got++;
}

static void take_text(struct subs *w, struct sub *u, struct bytes text)
{
	if (speech_has(text, "\"ledgerClosed\"")) {
		take_closed_ledger(u, text);
	} else if (speech_has(text, "\"engine_result\"")) {
		u->txs++;
		u->txs_pending++;
	} else if (!u->counted && speech_has(text, "\"success\"")) {
		u->counted = true;
		w->subscribed++;
	}
}

static void subscribe(struct sock *s)
{
	const struct sub *u = s->data;
	int size = SLOW_RCVBUF;

	if (u->slow)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	speech_text(&s->out, u->takes_txs ? "{\"command\":\"subscribe\",\"streams\":[\"ledger\","
					    "\"transactions\"]}"
					  : "{\"command\":\"subscribe\",\"streams\":[\"ledger\"]}");
	crowd_flush(s);
}

static void take_close(struct sub *u, const struct speech_frame *f)
{
	u->close_code = speech_close_code(f);
	u->close_reason = f->payload.n > 2;
}

static void sub_frames(struct subs *w, struct sock *s)
{
	struct sub *u = s->data;
	struct speech_frame f;
	size_t n, used = 0;

	while ((n = speech_read_frame(bytes_of(s->in.p + used, s->in.n - used), &f))) {
		if (f.opcode == 8)
			take_close(u, &f);
		else if (f.opcode == 9)
			speech_frame(&s->out, 10, f.payload);
		else
			take_text(w, u, f.payload);
		used += n;
	}
	buf_consume(&s->in, used);
	crowd_flush(s);
	if (!u->slow || !u->counted || w->reading_all)
		return;
	crowd_pause(s, true);
	s->due_ns = (int64_t)((now_s() + NAP_S) * 1e9);
}

static void pay_answer(struct subs *w, struct sock *s);

static void sub_got(struct sock *s)
{
	struct subs *w = s->crowd->ctx;
	size_t n;
	bool ok;

	if (!s->data) {
		pay_answer(w, s);
		return;
	}
	if (s->step == 0) {
		n = speech_upgraded(buf_bytes(&s->in), &ok);
		if (n == 0)
			return;
		if (!ok) {
			crowd_close(s, false);
			return;
		}
		buf_consume(&s->in, n);
		s->step = 1;
		subscribe(s);
	}
	sub_frames(w, s);
}

static void sub_opened(struct sock *s)
{
	if (s->data)
		speech_upgrade(&s->out);
}

static void sub_closed(struct sock *s, enum sock_end e)
{
	(void)e;
	if (s->data)
		((struct sub *)s->data)->gone = true;
}

/* ---- payments: one account each, each at its own pace ---- */

static void pay(struct subs *w, struct sock *s)
{
	struct buf body = BUF_INIT;
	uint32_t k = w->next[s->step - 2];

	if (k >= w->plan.n)
		return;
	buf_printf(&body, "{\"method\":\"submit\",\"params\":[{\"tx_blob\":\"%s\"}]}",
		   w->plan.payments[k].hex);
	buf_put_u8(&body, 0);
	speech_post(&s->out, (const char *)body.p);
	buf_close(&body);
	crowd_flush(s);
	s->count = 1;
}

static void pay_answer(struct subs *w, struct sock *s)
{
	struct bytes body;
	int status;
	size_t n = speech_answer(buf_bytes(&s->in), &status, &body);

	if (n == 0)
		return;
	s->count = 0;
	if (status == 200 && speech_has(body, "\"accepted\":true")) {
		w->payments++;
		w->next[s->step - 2] += w->plan.accounts;
	} else {
		w->pay_refused++;
	}
	buf_consume(&s->in, n < s->in.n ? n : s->in.n);
}

static struct sock *open_payer(struct subs *w, struct crowd *c, uint32_t i)
{
	struct sock *s = crowd_dial(c, &w->j->o->http, crowd_source(PAYER_GROUP, i));

	if (s)
		s->step = 2 + i;
	return s;
}

/* Each payer pays every `every` seconds; they take turns. */
static void pay_round(struct subs *w, struct crowd *c, struct sock **payers, double every,
		      double *due)
{
	double now = now_s();

	for (uint32_t i = 0; i < w->plan.accounts; i++) {
		struct sock *s = payers[i];

		if (now < due[i])
			continue;
		if (!s || s->fd < 0 || s->step != 2 + i || s->data) {
			payers[i] = open_payer(w, c, i);
			due[i] = now + 0.2;
		} else if (s->open && !s->count) {
			pay(w, s);
			due[i] = now + every;
		}
	}
}

static void plan_payers(struct subs *w, uint32_t accounts, double seconds, double every)
{
	uint32_t each = (uint32_t)(seconds / every) + 2;

	plan_init(&w->plan, PAYERS_FIRST, accounts);
	ask_sequences(w->plan.sequences, w->j->o, w->plan.ids, accounts);
	plan_sign(&w->plan, accounts * each, w->j->o->network_id, 0);
	w->next = mem_zalloc(accounts, sizeof(*w->next));
	for (uint32_t i = 0; i < accounts; i++)
		w->next[i] = i;
}

/* ---- the scenario ---- */

static void dial_subs(struct subs *w, struct crowd *c)
{
	double end = now_s() + FILL_S;
	uint32_t i = 0;

	while ((i < w->n || w->subscribed < w->n) && now_s() < end) {
		for (uint32_t k = 0; k < 100 && i < w->n; k++, i++) {
			struct sock *s = crowd_dial(c, &w->j->o->http, crowd_source(SUB_GROUP, i));
			struct sub *u = &w->v[i];

			u->takes_txs = i < w->n_txs;
			u->slow = i % SLOW_ONE_IN == SLOW_ONE_IN - 1;
			u->naps = u->slow && i / SLOW_ONE_IN % 2;
			u->gone = !s;
			if (s)
				s->data = u;
		}
		crowd_turn(c, 5);
		if (c->n + c->ended + c->resets + c->refused < i)
			break;
	}
}

/* With all the room that it needs. */
static void resume(struct sock *s)
{
	int size = 1 << 20;

	(void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	crowd_pause(s, false);
}

/* Those who have napped long enough read what there is. */
static void wake(struct crowd *c)
{
	double now_ns = now_s() * 1e9;

	for (uint32_t i = 0; i < c->n_max; i++) {
		struct sock *s = &c->v[i];
		const struct sub *u = s->data;

		if (s->fd >= 0 && u && u->naps && s->paused && now_ns > (double)s->due_ns)
			resume(s);
	}
}

struct judgement {
	uint32_t complete, incomplete, cut; /* of those who read */
	uint32_t slow_txs, slow_told, slow_cut, slow_complete;
	uint32_t ledgers_least;
	uint64_t txs;
};

static void judge(struct subs *w, struct judgement *g)
{
	*g = (struct judgement){.ledgers_least = UINT32_MAX};
	for (uint32_t i = 0; i < w->n; i++) {
		const struct sub *u = &w->v[i];
		bool whole = !u->gone && !u->gaps && u->got > 0;

		if (u->slow) {
			g->slow_txs += u->takes_txs;
			g->slow_told += u->close_code == 1008 && u->close_reason;
			g->slow_cut += u->gone && !u->close_code;
			g->slow_complete += whole;
			continue;
		}
		g->cut += u->gone;
		g->complete += whole && u->wrong_count == 0;
		g->incomplete += !u->gone && !(whole && u->wrong_count == 0);
		g->txs += u->txs;
		if (u->got < g->ledgers_least)
			g->ledgers_least = u->got;
	}
}

/* The slow ones read what is there for them: a reason, or all that they have missed. */
static void read_all(struct subs *w, struct crowd *c)
{
	double end = now_s() + CLOSE_WAIT_S;
	uint32_t open = 1, newest = 0;

	w->reading_all = true;
	for (uint32_t i = 0; i < c->n_max; i++)
		if (c->v[i].fd >= 0 && c->v[i].open && c->v[i].paused)
			resume(&c->v[i]);
	for (uint32_t i = 0; i < w->n; i++)
		newest = w->v[i].last > newest ? w->v[i].last : newest;
	while (open && now_s() < end) {
		crowd_turn(c, 10);
		open = 0;
		for (uint32_t i = 0; i < w->n; i++)
			open += w->v[i].slow && !w->v[i].gone && !w->v[i].close_code &&
				w->v[i].last < newest;
	}
}

void scen_subscribers(struct job *j)
{
	static const struct crowd_calls calls = {sub_opened, sub_got, sub_closed};
	struct subs w = {.j = j,
			 .n = (uint32_t)job_arg(j, "n", 5000),
			 .n_txs = (uint32_t)job_arg(j, "txs", 100)};
	double seconds = job_arg(j, "seconds", 60), per_ledger = job_arg(j, "pay", 500);
	uint32_t accounts = (uint32_t)job_arg(j, "payers", 250);
	double every = 3.0 * accounts / per_ledger, end, dialled;
	struct sock **payers = mem_zalloc(accounts, sizeof(struct sock *));
	double *due = mem_zalloc(accounts, sizeof(*due));
	struct judgement g;
	struct crowd c;

	w.v = mem_zalloc(w.n, sizeof(*w.v));
	plan_payers(&w, accounts, seconds, every);
	crowd_open(&c, w.n + accounts, &calls, &w);
	dial_subs(&w, &c);
	dialled = job_elapsed(j);
	job_fact(j, "wanted", w.n);
	job_fact(j, "subscribed", w.subscribed);
	for (uint32_t i = 0; i < accounts; i++)
		due[i] = now_s() + every * i / accounts;
	for (end = now_s() + seconds; now_s() < end;) {
		pay_round(&w, &c, payers, every, due);
		wake(&c);
		crowd_turn(&c, 5);
	}
	for (end = now_s() + job_arg(j, "drain", 4); now_s() < end;)
		crowd_turn(&c, 5);
	judge(&w, &g);
	job_fact(j, "dialled_s", dialled);
	job_fact(j, "run_s", job_elapsed(j));
	job_fact(j, "complete", g.complete);
	job_fact(j, "incomplete", g.incomplete);
	job_fact(j, "cut", g.cut);
	read_all(&w, &c);
	judge(&w, &g);
	job_fact(j, "slow_txs", g.slow_txs);
	job_fact(j, "slow_told_1008", g.slow_told);
	job_fact(j, "slow_cut_without_reason", g.slow_cut);
	job_fact(j, "slow_complete", g.slow_complete);
	job_fact(j, "ledgers_least", g.ledgers_least);
	job_fact(j, "transactions_delivered", (double)g.txs);
	job_fact(j, "payments", (double)w.payments);
	job_fact(j, "payments_refused", (double)w.pay_refused);
	job_crowd(j, "", &c);
	crowd_close_all(&c);
	plan_close(&w.plan);
	mem_free(w.next);
	mem_free(w.v);
	mem_free(payers);
	mem_free(due);
}

/* ---- churn ---- */

struct churn {
	uint64_t cycles, failed;
};

static void churn_got(struct sock *s)
{
	struct churn *w = s->crowd->ctx;
	struct speech_frame f;
	size_t n;
	bool ok;

	if (s->step == 0) {
		n = speech_upgraded(buf_bytes(&s->in), &ok);
		if (n == 0)
			return;
		if (!ok) {
			w->failed++;
			crowd_close(s, false);
			return;
		}
		buf_consume(&s->in, n);
		s->step = 1;
		speech_text(&s->out, "{\"command\":\"subscribe\",\"streams\":[\"ledger\","
				     "\"transactions\",\"validations\"],\"accounts\":"
				     "[\"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh\"]}");
		crowd_flush(s);
	}
	if (speech_read_frame(buf_bytes(&s->in), &f) == 0)
		return;
	w->cycles++;
	crowd_close(s, w->cycles % 2);
}

static void churn_opened(struct sock *s)
{
	speech_upgrade(&s->out);
}

static void churn_closed(struct sock *s, enum sock_end e)
{
	struct churn *w = s->crowd->ctx;

	(void)e;
	w->failed++;
}

void scen_churn(struct job *j)
{
	static const struct crowd_calls calls = {churn_opened, churn_got, churn_closed};
	uint64_t n = (uint64_t)job_arg(j, "n", 100000), dialled = 0, last = 0;
	struct churn w = {.cycles = 0};
	double end = now_s() + job_arg(j, "seconds", 300), moved = now_s();
	struct crowd c;

	crowd_open(&c, (uint32_t)job_arg(j, "at_once", 200), &calls, &w);
	while (w.cycles < n && now_s() < end && now_s() < moved + CHURN_STALL_S) {
		while (c.n < c.n_max &&
		       crowd_dial(&c, &j->o->http, crowd_source(CHURN_GROUP, (uint32_t)dialled)))
			dialled++;
		crowd_turn(&c, 5);
		if (w.cycles != last)
			moved = now_s();
		last = w.cycles;
	}
	job_fact(j, "cycles", (double)w.cycles);
	job_fact(j, "failed", (double)w.failed);
	job_fact(j, "cycles_per_s", (double)w.cycles / job_elapsed(j));
	job_crowd(j, "", &c);
	crowd_close_all(&c);
}
