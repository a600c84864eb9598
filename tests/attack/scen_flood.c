/* SPDX-License-Identifier: ISC */

/* More requests than anybody needs: over HTTP from many addresses, from one, over WebSocket, and
 * many who read a whole ledger at once. Requests are due at a fixed rate; what the node does not
 * take in time is not sent later but counted as held back. */
#include "tests/attack/attack.h"

#include "base/mem.h"
#include "crypto/base58.h"
#include "tests/attack/speech.h"
#include "tools/load/plan.h"

#define FLOOD_GROUP   60
#define ABUSER_GROUP  70
#define NORMAL_GROUP  71
#define MESSAGE_GROUP 80
#define PAGING_GROUP  90
#define ACCOUNTS      64
#define DEPTH_MAX     8 /* requests of one connection that wait for their answers */
#define REDIAL_S      0.05
#define COUNT_ONE_IN  20
#define TAIL_BYTES    200

/* ---- a fleet of connections that all ask, at a rate ---- */

struct fleet {
	struct crowd crowd;
	struct job *j;
	struct sockaddr_in to;
	uint32_t n, group, depth;
	bool websocket;
	double rate, due; /* requests a second; when the next is */
	uint32_t next;    /* whose turn it is */
	double redial;
	struct plan plan;
	struct buf requests[ACCOUNTS];
	uint64_t offered, sent, held_back, served, refused, other;
	uint64_t warned;      /* answers that say "load" */
	double first_refusal; /* seconds after the beginning, -1 none */
	struct samples took;  /* of answers, ms */
};

static void note_refusal(struct fleet *f)
{
	if (f->first_refusal < 0)
		f->first_refusal = job_elapsed(f->j);
}

static void take_status(struct fleet *f, int status, struct bytes body)
{
	if (status == 200) {
		f->served++;
		f->warned += speech_has(body, "\"warning\":\"load\"");
	} else if (status == 429 || status == 503) {
		f->refused++;
		note_refusal(f);
	} else {
		f->other++;
	}
}

static void take_ms(struct fleet *f, const struct sock *s)
{
	samples_add(&f->took, now_s() * 1e3 - (double)s->at_ns / 1e6);
}

static void fleet_got_http(struct fleet *f, struct sock *s)
{
	struct bytes body;
	size_t n, used = 0;
	int status;

	while ((n = speech_answer(bytes_of(s->in.p + used, s->in.n - used), &status, &body))) {
		if (n == SIZE_MAX) {
			crowd_close(s, true);
			f->other++;
			return;
		}
		take_status(f, status, body);
		if (s->count == f->depth || s->count == 1)
			take_ms(f, s);
		s->count -= s->count > 0;
		used += n;
	}
	buf_consume(&s->in, used);
}

static void fleet_got_frames(struct fleet *f, struct sock *s)
{
	struct speech_frame frame;
	size_t n, used = 0;

	while ((n = speech_read_frame(bytes_of(s->in.p + used, s->in.n - used), &frame))) {
		if (frame.opcode == 8) {
			f->refused++;
			note_refusal(f);
		} else if (frame.opcode == 9) {
			speech_frame(&s->out, 10, frame.payload);
		} else if (frame.opcode == 1) {
			take_status(f, speech_has(frame.payload, "\"slowDown\"") ? 503 : 200,
				    frame.payload);
			if (s->count == f->depth || s->count == 1)
				take_ms(f, s);
			s->count -= s->count > 0;
		}
		used += n;
	}
	buf_consume(&s->in, used);
	crowd_flush(s);
}

static void fleet_got(struct sock *s)
{
	struct fleet *f = s->crowd->ctx;
	size_t n;
	bool ok;

	if (f->websocket && s->step == 0) {
		n = speech_upgraded(buf_bytes(&s->in), &ok);
		if (n == 0)
			return;
		if (!ok) {
			f->refused++;
			note_refusal(f);
			crowd_close(s, false);
			return;
		}
		buf_consume(&s->in, n);
		s->step = 1;
	}
	if (f->websocket)
		fleet_got_frames(f, s);
	else
		fleet_got_http(f, s);
}

static void fleet_opened(struct sock *s)
{
	struct fleet *f = s->crowd->ctx;

	if (f->websocket)
		speech_upgrade(&s->out);
	else
		s->step = 1;
}

static void fleet_closed(struct sock *s, enum sock_end e)
{
	(void)e;
	note_refusal(s->crowd->ctx);
}

/* The requests: account_info of many accounts, as bytes that are ready to go. */
static void make_requests(struct fleet *f, const char *command)
{
	char body[256];

	plan_init(&f->plan, 0, ACCOUNTS);
	for (uint32_t i = 0; i < ACCOUNTS; i++) {
		const char *who = account_text(&f->plan.ids[i]).s;

		if (command)
			snprintf(body, sizeof(body), "{\"command\":\"%s\",\"id\":%u}", command, i);
		else
			snprintf(body, sizeof(body),
				 "{\"method\":\"account_info\",\"params\":[{\"account\":\"%s\","
				 "\"ledger_index\":\"validated\"}]}",
				 who);
		if (f->websocket)
			speech_text(&f->requests[i], body);
		else
			speech_post(&f->requests[i], body);
	}
}

static void fleet_open(struct fleet *f, struct job *j, uint32_t n, uint32_t group)
{
	static const struct crowd_calls calls = {fleet_opened, fleet_got, fleet_closed};

	f->j = j;
	f->to = j->o->http;
	f->n = n;
	f->group = group;
	f->first_refusal = -1;
	f->depth = f->depth ? f->depth : DEPTH_MAX;
	crowd_open(&f->crowd, n, &calls, f);
	make_requests(f, f->websocket ? "ping" : NULL);
	f->due = now_s();
}

/* Dials what is missing, each slot from its own address (or all from one). */
static void fleet_fill(struct fleet *f, bool one_address)
{
	uint32_t batch = 100;
	double now = now_s();

	if (f->crowd.n == f->n || now < f->redial)
		return;
	while (f->crowd.n < f->n && batch--) {
		uint32_t slot = f->crowd.free[f->crowd.n_free - 1];

		if (!crowd_dial(&f->crowd, &f->to, crowd_source(f->group, one_address ? 0 : slot)))
			break;
	}
	if (f->crowd.n == f->n)
		f->redial = now + REDIAL_S;
}

/* Asks on the next connection that has room; false when none has. */
static bool fleet_ask(struct fleet *f)
{
	for (uint32_t tries = 0; tries < f->n && tries < 64; tries++) {
		struct sock *s = &f->crowd.v[f->next++ % f->n];
		const struct buf *r = &f->requests[f->next % ACCOUNTS];

		if (s->fd < 0 || !s->open || !s->step || s->count >= f->depth || s->out.n > 65536)
			continue;
		buf_put(&s->out, r->p, r->n);
		s->count++;
		if (s->count == 1)
			s->at_ns = (int64_t)(now_s() * 1e9);
		if (f->crowd.n < 512 || s->count == f->depth || s->out.n > 4096)
			crowd_flush(s);
		f->sent++;
		return true;
	}
	return false;
}

static void flush_all(struct fleet *f)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (f->crowd.v[i].out.n)
			crowd_flush(&f->crowd.v[i]);
}

static void fleet_turn(struct fleet *f)
{
	double now = now_s();
	uint32_t burst = 0;

	while (f->due <= now && burst++ < 5000) {
		f->offered++;
		if (!fleet_ask(f))
			f->held_back++;
		f->due += 1 / f->rate;
	}
	if (f->due < now - 0.5) { /* the generator itself is late: say so, do not catch up */
		f->offered += (uint64_t)((now - f->due) * f->rate);
		f->held_back += (uint64_t)((now - f->due) * f->rate);
		f->due = now;
	}
	flush_all(f);
	crowd_turn(&f->crowd, 1);
}

static void fleet_report(struct fleet *f, const char *prefix)
{
	struct job *j = f->j;
	double s = job_elapsed(j);
	char name[64];
	const struct {
		const char *name;
		double value;
	} rows[] = {
	    {"offered_per_s", (double)f->offered / s},
	    {"sent_per_s", (double)f->sent / s},
	    {"served_per_s", (double)f->served / s},
	    {"refused_per_s", (double)f->refused / s},
	    {"held_back", (double)f->held_back},
	    {"other_answers", (double)f->other},
	    {"warned", (double)f->warned},
	    {"first_refusal_s", f->first_refusal},
	    {"answer_p50_ms", samples_at(&f->took, 0.5)},
	    {"answer_p99_ms", samples_at(&f->took, 0.99)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", prefix, rows[i].name);
		job_fact(j, name, rows[i].value);
	}
	job_crowd(j, prefix, &f->crowd);
}

static void fleet_close(struct fleet *f)
{
	for (uint32_t i = 0; i < ACCOUNTS; i++)
		buf_close(&f->requests[i]);
	plan_close(&f->plan);
	samples_close(&f->took);
	crowd_close_all(&f->crowd);
}

static void run_fleet(struct fleet *f, double seconds)
{
	double end = now_s() + seconds;

	while (now_s() < end) {
		fleet_fill(f, false);
		fleet_turn(f);
	}
	fleet_report(f, "");
	fleet_close(f);
}

void scen_flood(struct job *j)
{
	struct fleet f = {.rate = job_arg(j, "rate", 50000)};

	fleet_open(&f, j, (uint32_t)job_arg(j, "n", 500), FLOOD_GROUP);
	run_fleet(&f, job_arg(j, "seconds", 60));
}

void scen_messages(struct job *j)
{
	uint32_t n = (uint32_t)job_arg(j, "n", 1000);
	struct fleet f = {.rate = n * job_arg(j, "rate", 1000), .websocket = true, .depth = 32};

	fleet_open(&f, j, n, MESSAGE_GROUP);
	run_fleet(&f, job_arg(j, "seconds", 30));
}

/* One address with ten connections, as fast as it can; a hundred others, each once in a while. */
void scen_abuse(struct job *j)
{
	struct fleet bad = {.rate = job_arg(j, "rate", 20000)};
	struct fleet good = {.rate = 0, .depth = 1};
	uint32_t normal = (uint32_t)job_arg(j, "n", 100);
	double end;

	good.rate = normal * 2.0;
	fleet_open(&bad, j, 10, ABUSER_GROUP);
	fleet_open(&good, j, normal, NORMAL_GROUP);
	for (end = now_s() + job_arg(j, "seconds", 20); now_s() < end;) {
		fleet_fill(&bad, true);
		fleet_fill(&good, false);
		fleet_turn(&bad);
		fleet_turn(&good);
	}
	fleet_report(&bad, "abuser_");
	fleet_report(&good, "normal_");
	fleet_close(&bad);
	fleet_close(&good);
}

/* ---- paging ---- */

struct reader {
	char marker[128]; /* "" at the beginning */
	uint64_t entries;
	bool done, offline;
};

struct readers {
	struct job *j;
	struct reader *v;
	uint32_t n, ledger, limit;
	uint64_t pages, entries, refused, restarted;
	struct samples took;
};

static void ask_page(struct sock *s)
{
	struct readers *w = s->crowd->ctx;
	struct reader *r = s->data;
	char body[320], marker[160] = "";

	if (r->marker[0])
		snprintf(marker, sizeof(marker), ",\"marker\":\"%s\"", r->marker);
	snprintf(body, sizeof(body),
		 "{\"method\":\"ledger_data\",\"params\":[{\"ledger_index\":%u,\"binary\":true,"
		 "\"limit\":%u%s}]}",
		 w->ledger, w->limit, marker);
	speech_post(&s->out, body);
	s->at_ns = (int64_t)(now_s() * 1e9);
	crowd_flush(s);
}

/* Every twentieth reader counts what it gets; the others only read to the end, or the generator
 * would cost more than the node. */
static bool counts(const struct readers *w, const struct reader *r)
{
	return (r - w->v) % COUNT_ONE_IN == 0;
}

static bool is_success(struct bytes body)
{
	size_t n = body.n < TAIL_BYTES ? body.n : TAIL_BYTES;

	return speech_has(bytes_of(body.p + body.n - n, n), "\"success\"");
}

static uint64_t count_entries(struct bytes body)
{
	const uint8_t *at = body.p, *end = body.p + body.n;
	uint64_t n = 0;

	while (at < end && (at = memmem(at, (size_t)(end - at), "\"data\"", 6))) {
		n++;
		at += 6;
	}
	return n;
}

static void reader_got(struct sock *s)
{
	struct readers *w = s->crowd->ctx;
	struct reader *r = s->data;
	struct bytes body;
	int status;
	size_t n = speech_answer(buf_bytes(&s->in), &status, &body);

	if (n == 0)
		return;
	if (n == SIZE_MAX || status != 200 || !is_success(body)) {
		w->refused++;
		s->due_ns = (int64_t)((now_s() + 1) * 1e9); /* and once more */
		buf_clear(&s->in);
		s->step = 1;
		return;
	}
	samples_add(&w->took, now_s() * 1e3 - (double)s->at_ns / 1e6);
	w->pages++;
	r->entries += counts(w, r) ? count_entries(body) : 0;
	r->done = !speech_string(r->marker, sizeof(r->marker), body, "marker");
	buf_consume(&s->in, n);
	if (r->done)
		crowd_close(s, false);
	else
		ask_page(s);
}

static void reader_opened(struct sock *s)
{
	ask_page(s);
}

static void reader_closed(struct sock *s, enum sock_end e)
{
	struct readers *w = s->crowd->ctx;

	(void)e;
	w->restarted++;
	((struct reader *)s->data)->offline = true;
}

static void readers_turn(struct readers *w, struct crowd *c, uint32_t *left)
{
	double now = now_s();
	struct sock *s;

	*left = 0;
	for (uint32_t i = 0; i < w->n; i++) {
		struct reader *r = &w->v[i];

		*left += !r->done;
		if (!r->offline)
			continue;
		s = crowd_dial(c, &w->j->o->http, crowd_source(PAGING_GROUP, i));
		if (!s)
			break;
		r->offline = false;
		s->data = r;
	}
	for (uint32_t i = 0; i < c->n_max; i++)
		if (c->v[i].fd >= 0 && c->v[i].step == 1 && now * 1e9 > (double)c->v[i].due_ns) {
			c->v[i].step = 0;
			ask_page(&c->v[i]);
		}
	crowd_turn(c, 5);
}

static uint32_t validated_index(const struct job *j)
{
	struct buf b = BUF_INIT;
	int64_t n;

	ask(&b, j->o, "{\"method\":\"ledger\",\"params\":[{\"ledger_index\":\"validated\"}]}");
	n = speech_number(buf_bytes(&b), "ledger_index");
	buf_close(&b);
	return n > 0 ? (uint32_t)n : 1;
}

void scen_paging(struct job *j)
{
	static const struct crowd_calls calls = {reader_opened, reader_got, reader_closed};
	struct readers w = {.j = j,
			    .n = (uint32_t)job_arg(j, "n", 1000),
			    .limit = (uint32_t)job_arg(j, "limit", 2048),
			    .ledger = validated_index(j)};
	double end = now_s() + job_arg(j, "seconds", 120);
	uint64_t least = UINT64_MAX, most = 0;
	uint32_t left = 1;
	struct crowd c;

	w.v = mem_zalloc(w.n, sizeof(*w.v));
	for (uint32_t i = 0; i < w.n; i++)
		w.v[i].offline = true;
	crowd_open(&c, w.n, &calls, &w);
	while (left && now_s() < end)
		readers_turn(&w, &c, &left);
	for (uint32_t i = 0; i < w.n; i++) {
		if (!w.v[i].done || !counts(&w, &w.v[i]))
			continue;
		least = w.v[i].entries < least ? w.v[i].entries : least;
		most = w.v[i].entries > most ? w.v[i].entries : most;
	}
	job_fact(j, "readers", w.n);
	job_fact(j, "unfinished", left);
	job_fact(j, "pages", (double)w.pages);
	job_fact(j, "pages_per_s", (double)w.pages / job_elapsed(j));
	job_fact(j, "entries_least", least == UINT64_MAX ? 0 : (double)least);
	job_fact(j, "entries_most", (double)most);
	job_fact(j, "refused", (double)w.refused);
	job_fact(j, "reconnected", (double)w.restarted);
	job_fact(j, "page_p50_ms", samples_at(&w.took, 0.5));
	job_fact(j, "page_p99_ms", samples_at(&w.took, 0.99));
	job_crowd(j, "", &c);
	crowd_close_all(&c);
	samples_close(&w.took);
	mem_free(w.v);
}
