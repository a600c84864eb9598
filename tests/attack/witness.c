/* SPDX-License-Identifier: ISC */
#include "tests/attack/witness.h"

#include "base/mem.h"
#include "crypto/base58.h"
#include "tests/attack/speech.h"
#include "tools/load/plan.h"
#include "tools/load/proc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define ASKERS          8
#define PAYERS          4
#define PAYMENTS_EACH   400
#define CLIENTS         (ASKERS + PAYERS + 3)
#define GROUP           0 /* source addresses 127.0.1.x */
#define ASK_EVERY_S     0.25
#define POLL_EVERY_S    0.5
#define REDIAL_S        0.2
#define PATIENCE_S      10.0 /* for one answer */
#define PAID_PATIENCE_S 40.0
#define LOOK_EVERY_S    0.25 /* at /proc */

enum role { ASKER, PAYER, ADMIN, WATCH, WATCH_SECOND };

struct client {
	struct witness *w;
	enum role role;
	uint32_t i;
	struct sockaddr_in to;
	uint32_t from;
	struct sock *s;
	bool waiting, upgraded, submitted;
	double due, began, redial, pay_began;
	uint32_t payment; /* payers: the next of the plan */
	double ledger_at; /* watchers */
	int64_t ledger;
};

struct witness {
	const struct options *o;
	struct crowd crowd;
	struct client clients[CLIENTS];
	uint32_t n;
	struct plan plan;
	struct phase *p;
	struct proc_sample at_start[NODES_MAX];
	double looked;
};

/* ---- what is said ---- */

static void say(struct client *c)
{
	struct plan *plan = &c->w->plan;
	struct hex64 id;
	char body[2048];

	switch (c->role) {
	case ASKER:
		snprintf(body, sizeof(body),
			 "{\"method\":\"account_info\",\"params\":[{\"account\":\"%s\","
			 "\"ledger_index\":\"%s\"}]}",
			 account_text(&plan->ids[c->i % plan->accounts]).s,
			 c->i % 2 ? "current" : "validated");
		break;
	case PAYER:
		id = hash256_hex(&plan->payments[c->payment].id);
		if (c->submitted)
			snprintf(body, sizeof(body),
				 "{\"method\":\"tx\",\"params\":[{\"transaction\":\"%s\"}]}", id.s);
		else
			snprintf(body, sizeof(body),
				 "{\"method\":\"submit\",\"params\":[{\"tx_blob\":\"%s\"}]}",
				 plan->payments[c->payment].hex);
		c->w->p->pay_sent += !c->submitted;
		break;
	case ADMIN:
	case WATCH:
	case WATCH_SECOND:
		snprintf(body, sizeof(body), "{\"method\":\"server_info\",\"params\":[{}]}");
		break;
	}
	c->w->p->asked += c->role == ASKER;
	c->w->p->admin_asked += c->role == ADMIN;
	speech_post_as(&c->s->out, c->role == ADMIN ? c->w->o->token : "", body);
	crowd_flush(c->s);
	c->waiting = true;
}

static void failed(struct client *c, uint64_t *why)
{
	struct phase *p = c->w->p;

	c->waiting = false;
	if (c->role == ASKER) {
		p->failed++;
		(*why)++;
	}
	p->admin_failed += c->role == ADMIN;
	p->pay_refused += c->role == PAYER;
}

/* ---- payments: submit, ask until validated, the next ---- */

static void paid(struct client *c, double now)
{
	samples_add(&c->w->p->paid, (now - c->pay_began) * 1000);
	c->w->p->pay_done++;
	c->payment += PAYERS;
	c->submitted = false;
	c->pay_began = c->due = now;
}

static void take_payer(struct client *c, int status, struct bytes body, double now)
{
	char result[32] = "";

	c->due = now + POLL_EVERY_S;
	if (c->submitted) {
		if (status == 200 && speech_has(body, "\"validated\":true"))
			paid(c, now);
		else if (now - c->pay_began > PAID_PATIENCE_S) {
			c->w->p->pay_late++;
			c->submitted = false; /* once more */
			c->pay_began = now;
		}
		return;
	}
	speech_string(result, sizeof(result), body, "engine_result");
	if (status == 200 && (!strncmp(result, "tes", 3) || !strncmp(result, "ter", 3) ||
			      !strncmp(result, "tef", 3)))
		c->submitted = true;
	else
		c->w->p->pay_refused++;
}

/* ---- answers ---- */

static void take_answer(struct client *c, int status, struct bytes body, double now)
{
	struct phase *p = c->w->p;

	c->waiting = false;
	if (c->role == PAYER) {
		take_payer(c, status, body, now);
		return;
	}
	if (status != 200 || !speech_has(body, "\"status\":\"success\"")) {
		failed(c, &p->refused);
		return;
	}
	if (c->role == ASKER)
		samples_add(&p->info, (now - c->began) * 1000);
	else
		samples_add(&p->admin, (now - c->began) * 1000);
}

static void got_answer(struct client *c, double now)
{
	int status;
	struct bytes body;
	size_t n = speech_answer(buf_bytes(&c->s->in), &status, &body);

	if (n == 0)
		return;
	if (n == SIZE_MAX) {
		crowd_close(c->s, false);
		c->s = NULL;
		if (c->waiting)
			failed(c, &c->w->p->closed);
		return;
	}
	if (c->waiting)
		take_answer(c, status, body, now);
	if (c->s)
		buf_consume(&c->s->in, n);
}

/* ---- the ledger stream ---- */

static void take_ledger(struct client *c, struct bytes text, double now)
{
	struct phase *p = c->w->p;
	int64_t seq = speech_number(text, "ledger_index");

	if (!speech_has(text, "\"ledgerClosed\"") || seq <= c->ledger)
		return;
	/* Several at once are one late one and its followers: each gets its share. */
	for (int64_t k = c->ledger; c->ledger && k < seq; k++)
		samples_add(c->role == WATCH ? &p->interval : &p->second,
			    (now - c->ledger_at) / (double)(seq - c->ledger));
	c->ledger = seq;
	c->ledger_at = now;
}

static void got_stream(struct client *c, double now)
{
	struct speech_frame f;
	bool ok;
	size_t n;

	if (!c->upgraded) {
		n = speech_upgraded(buf_bytes(&c->s->in), &ok);
		if (n == 0)
			return;
		buf_consume(&c->s->in, n);
		c->upgraded = true;
		speech_text(&c->s->out, "{\"command\":\"subscribe\",\"streams\":[\"ledger\"]}");
	}
	while ((n = speech_read_frame(buf_bytes(&c->s->in), &f)) != 0) {
		if (f.opcode == 9)
			speech_frame(&c->s->out, 10, f.payload);
		else if (f.opcode == 1)
			take_ledger(c, f.payload, now);
		buf_consume(&c->s->in, n);
	}
	crowd_flush(c->s);
}

static void got(struct sock *s)
{
	struct client *c = s->data;

	if (c->role == WATCH || c->role == WATCH_SECOND)
		got_stream(c, now_s());
	else
		got_answer(c, now_s());
}

static void opened(struct sock *s)
{
	struct client *c = s->data;

	c->upgraded = false;
	if (c->role == WATCH || c->role == WATCH_SECOND)
		speech_upgrade(&s->out);
}

static void closed(struct sock *s, enum sock_end e)
{
	struct client *c = s->data;
	struct phase *p = c->w->p;

	c->s = NULL;
	c->redial = now_s() + REDIAL_S;
	if (c->role == WATCH || c->role == WATCH_SECOND)
		p->watch_lost++;
	else if (c->waiting || e == SOCK_REFUSED)
		failed(c, e == SOCK_REFUSED ? &p->unconnected : &p->closed);
}

/* ---- time ---- */

static void client_turn(struct client *c, double now)
{
	struct phase *p = c->w->p;
	bool watches = c->role == WATCH || c->role == WATCH_SECOND;

	if (!c->s) {
		if (now < c->redial)
			return;
		c->s = crowd_dial(&c->w->crowd, &c->to, c->from);
		c->redial = now + REDIAL_S;
		if (c->s)
			c->s->data = c;
		return;
	}
	if (c->waiting && now - c->began > PATIENCE_S) {
		failed(c, &p->late);
		crowd_close(c->s, true);
		c->s = NULL;
		return;
	}
	if (watches || c->waiting || !c->s->open || now < c->due)
		return;
	if (c->role == PAYER && c->payment >= c->w->plan.n)
		return;
	c->began = now - c->due > ASK_EVERY_S ? now - ASK_EVERY_S : c->due;
	c->due = c->began + ASK_EVERY_S;
	say(c);
}

static double count_fds(int pid)
{
	char path[64];
	double n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n > 2 ? n - 2 : 0;
}

static void look(struct witness *w)
{
	for (uint32_t i = 0; i < w->o->n_pids; i++) {
		struct node_use *u = &w->p->use[i];
		struct proc_sample s;
		double fds = i ? 0 : count_fds(w->o->pids[i]);

		if (!proc_sample(&s, w->o->pids[i]))
			die("process %d is gone", w->o->pids[i]);
		if (u->rss_before == 0) {
			u->rss_before = s.rss_mb;
			u->fds_before = fds;
			w->at_start[i] = s;
		}
		u->rss_after = s.rss_mb;
		u->fds_after = fds;
		u->rss_max = s.rss_mb > u->rss_max ? s.rss_mb : u->rss_max;
		u->fds_max = fds > u->fds_max ? fds : u->fds_max;
		u->cpu = s.cpu_seconds - w->at_start[i].cpu_seconds;
	}
	w->looked = now_s();
}

void witness_turn(struct witness *w)
{
	double now = now_s();

	for (uint32_t i = 0; i < w->n; i++)
		client_turn(&w->clients[i], now);
	if (now - w->looked >= LOOK_EVERY_S)
		look(w);
	crowd_turn(&w->crowd, 5);
}

double witness_fds(const struct witness *w)
{
	return count_fds(w->o->pids[0]);
}

void witness_phase(struct witness *w, struct phase *p, const char *name)
{
	*p = (struct phase){.began = now_s()};
	snprintf(p->name, sizeof(p->name), "%s", name);
	w->p = p;
	look(w);
}

void witness_stop(struct witness *w)
{
	look(w);
	w->p->took = now_s() - w->p->began;
}

/* ---- beginning and end ---- */

static struct client *add(struct witness *w, enum role role, const struct sockaddr_in *to)
{
	struct client *c = &w->clients[w->n];

	must(w->n < CLIENTS);
	*c = (struct client){.w = w,
			     .role = role,
			     .i = w->n,
			     .to = *to,
			     .from = crowd_source(GROUP, w->n),
			     .due = now_s() + 0.02 * w->n,
			     .pay_began = now_s()};
	w->n++;
	return c;
}

struct witness *witness_open(const struct options *o)
{
	static const struct crowd_calls calls = {opened, got, closed};
	struct witness *w = mem_zalloc(1, sizeof(*w));
	uint32_t i;

	w->o = o;
	crowd_open(&w->crowd, 2 * CLIENTS, &calls, w);
	plan_init(&w->plan, 0, PAYERS);
	ask_sequences(w->plan.sequences, o, w->plan.ids, PAYERS);
	plan_sign(&w->plan, PAYERS * PAYMENTS_EACH, o->network_id, 0);
	for (i = 0; i < ASKERS; i++)
		add(w, ASKER, &o->http);
	for (i = 0; i < PAYERS; i++)
		add(w, PAYER, &o->http)->payment = i;
	add(w, ADMIN, &o->admin)->from = 0;
	add(w, WATCH, &o->http);
	if (o->has_second)
		add(w, WATCH_SECOND, &o->second);
	return w;
}

void witness_close(struct witness *w)
{
	crowd_close_all(&w->crowd);
	plan_close(&w->plan);
	mem_free(w);
}

/* ---- report ---- */

void phase_put(struct buf *out, struct phase *p)
{
	const struct node_use *u = p->use;
	double others = 0;

	for (uint32_t i = 1; i < NODES_MAX; i++)
		others += u[i].cpu;
	buf_printf(out, "\"phase\":\"%s\",\"seconds\":%.2f,", p->name, p->took);
	samples_put(out, "info_ms", &p->info);
	samples_put(out, "admin_ms", &p->admin);
	samples_put(out, "paid_ms", &p->paid);
	samples_put(out, "interval_s", &p->interval);
	samples_put(out, "second_interval_s", &p->second);
	buf_printf(out,
		   "\"asked\":%lu,\"failed\":%lu,\"refused\":%lu,\"closed\":%lu,\"late\":%lu,"
		   "\"unconnected\":%lu,\"admin_asked\":%lu,\"admin_failed\":%lu,",
		   p->asked, p->failed, p->refused, p->closed, p->late, p->unconnected,
		   p->admin_asked, p->admin_failed);
	buf_printf(out,
		   "\"pay_sent\":%lu,\"pay_done\":%lu,\"pay_refused\":%lu,\"pay_late\":%lu,"
		   "\"watch_lost\":%lu,",
		   p->pay_sent, p->pay_done, p->pay_refused, p->pay_late, p->watch_lost);
	buf_printf(out,
		   "\"rss_mb\":{\"before\":%.1f,\"max\":%.1f,\"after\":%.1f},"
		   "\"fds\":{\"before\":%.0f,\"max\":%.0f,\"after\":%.0f},"
		   "\"cpu_s\":{\"node\":%.2f,\"others\":%.2f}",
		   u->rss_before, u->rss_max, u->rss_after, u->fds_before, u->fds_max, u->fds_after,
		   u->cpu, others);
}

void phase_close(struct phase *p)
{
	samples_close(&p->info);
	samples_close(&p->admin);
	samples_close(&p->paid);
	samples_close(&p->interval);
	samples_close(&p->second);
}
