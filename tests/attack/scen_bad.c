/* SPDX-License-Identifier: ISC */

/* Input that is wrong: HTTP requests, WebSocket frames and JSON made from good ones by flipping,
 * cutting, doubling and lying about lengths. Every connection that the node ends is opened anew. */
#include "tests/attack/attack.h"

#include "tests/attack/speech.h"

#define BAD_GROUP  140
#define CONNS      96
#define BATCH      32 /* pieces of JSON before a ping, */
#define PINGS_MAX  4  /* of which so many may be unanswered */
#define STALL_S    20.0
#define PIECE_MAX  4096
#define OPEN_MAX_S 2.0 /* then a connection that was left hanging is given up */

enum { BAD_HTTP, BAD_FRAMES, BAD_JSON, BAD_KINDS };

/* Most pieces are JSON, which leaves the connection as it is. */
static const double share[BAD_KINDS] = {[BAD_HTTP] = 0.2, [BAD_FRAMES] = 0.2, [BAD_JSON] = 0.6};

struct bad {
	struct rng rng;
	uint64_t sent[BAD_KINDS], limit[BAD_KINDS];
	uint64_t ends;
};

static const char *const requests[] = {
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n"
    "{\"method\":\"ping\",\"params\":[]}",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\n{}",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    "GET /health HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
};

static const char *const texts[] = {
    "{\"command\":\"account_info\",\"account\":\"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh\",\"id\":1}",
    "{\"command\":\"ledger\",\"ledger_index\":\"validated\",\"transactions\":true}",
    "{\"command\":\"submit\",\"tx_blob\":\"1200002280000000240000000361D4838D7EA4C6800000\"}",
    "{\"command\":\"subscribe\",\"streams\":[\"ledger\",\"transactions\",7],\"accounts\":[[]]}",
    "{\"command\":\"ledger_data\",\"limit\":1e400,\"marker\":{\"a\":[[[[[[[[[]]]]]]]]]}}",
    "{\"command\":\"sign\",\"tx_json\":{\"a\":1,\"a\":2},\"secret\":\"\\ud800\"}",
    "[{\"command\":\"ping\"},{\"command\":\"ping\"}]",
    "{\"command\":\"account_tx\",\"account\":-1,\"ledger_index_min\":18446744073709551616}",
};

/* One thing is changed, or a few. */
static void spoil(struct rng *r, struct buf *b)
{
	uint32_t times = 1 + (uint32_t)rng_below(r, 3);

	while (times-- && b->n > 1) {
		size_t at = rng_below(r, b->n), n = rng_below(r, b->n - at);

		switch (rng_below(r, 6)) {
		case 0:
			b->p[at] ^= (uint8_t)(1u << rng_below(r, 8));
			break;
		case 1:
			b->p[at] = (uint8_t)rng_next(r);
			break;
		case 2:
			b->n = at + 1; /* cut */
			break;
		case 3: /* double a part */
			if (b->n + n > PIECE_MAX)
				break;
			buf_reserve(b, n);
			memmove(b->p + at + n, b->p + at, b->n - at);
			b->n += n;
			break;
		case 4: /* leave a part out */
			memmove(b->p + at, b->p + at + n, b->n - at - n);
			b->n -= n;
			break;
		default:
			b->p[at] = (uint8_t) "\"{}[],:\\\0\r\n 0-9eE"[rng_below(r, 17)];
			break;
		}
	}
}

static void put_text(struct rng *r, struct buf *b)
{
	const char *text = texts[rng_below(r, sizeof(texts) / sizeof(texts[0]))];

	buf_put(b, text, strlen(text));
}

static void put_piece(struct bad *w, struct sock *s)
{
	struct buf b = BUF_INIT;
	const char *text;

	if (s->step == BAD_HTTP) {
		text = requests[rng_below(&w->rng, sizeof(requests) / sizeof(requests[0]))];
		buf_put(&b, text, strlen(text));
		spoil(&w->rng, &b);
		buf_put(&s->out, b.p, b.n);
	} else if (s->step == BAD_JSON) {
		put_text(&w->rng, &b);
		spoil(&w->rng, &b);
		speech_frame(&s->out, 1, buf_bytes(&b));
	} else {
		struct buf f = BUF_INIT;

		put_text(&w->rng, &b);
		speech_frame(&f, (unsigned)rng_below(&w->rng, 16), buf_bytes(&b));
		spoil(&w->rng, &f);
		buf_put(&s->out, f.p, f.n);
		buf_close(&f);
	}
	w->sent[s->step]++;
	buf_close(&b);
}

/* What came before a ping has been read when its pong is there. */
static void take_pongs(struct sock *s)
{
	struct speech_frame f;
	size_t n, used = 0;

	while ((n = speech_read_frame(bytes_of(s->in.p + used, s->in.n - used), &f))) {
		s->total -= f.opcode == 10 && s->total > 0;
		used += n;
	}
	buf_consume(&s->in, used);
}

static void bad_got(struct sock *s)
{
	size_t n;
	bool ok;

	if (s->step != BAD_HTTP && s->count == 0) {
		n = speech_upgraded(buf_bytes(&s->in), &ok);
		if (n == 0)
			return;
		if (!ok) {
			crowd_close(s, false);
			return;
		}
		buf_consume(&s->in, n);
		s->count = 1;
	}
	if (s->step == BAD_JSON)
		take_pongs(s);
	else
		buf_clear(&s->in);
}

static void bad_opened(struct sock *s)
{
	s->step = s->number % BAD_KINDS;
	s->at_ns = (int64_t)(now_s() * 1e9);
	if (s->step == BAD_HTTP)
		s->count = 1;
	else
		speech_upgrade(&s->out);
}

static void bad_closed(struct sock *s, enum sock_end e)
{
	struct bad *w = s->crowd->ctx;

	(void)e;
	w->ends++;
}

static uint64_t total(const struct bad *w)
{
	return w->sent[BAD_HTTP] + w->sent[BAD_FRAMES] + w->sent[BAD_JSON];
}

static void more_of_it(struct bad *w, struct sock *s)
{
	/* HTTP and frames: little at a time, since the first broken one ends the connection. */
	uint32_t n = s->step == BAD_JSON ? BATCH : 1;

	if (s->fd < 0 || !s->open || !s->count || s->out.n || s->total >= PINGS_MAX)
		return;
	if (s->step != BAD_JSON && now_s() - (double)s->at_ns / 1e9 > OPEN_MAX_S) {
		crowd_close(s, s->number % 2);
		return;
	}
	while (n-- && w->sent[s->step] < w->limit[s->step])
		put_piece(w, s);
	if (s->step == BAD_JSON) {
		speech_frame(&s->out, 9, bytes_of(NULL, 0));
		s->total++;
	}
	crowd_flush(s);
}

static bool pending(const struct crowd *c)
{
	for (uint32_t i = 0; i < c->n_max; i++)
		if (c->v[i].fd >= 0 && c->v[i].open && (c->v[i].out.n || c->v[i].total))
			return true;
	return false;
}

void scen_malformed(struct job *j)
{
	static const struct crowd_calls calls = {bad_opened, bad_got, bad_closed};
	uint64_t n = (uint64_t)job_arg(j, "n", 1000000);
	struct bad w = {.ends = 0};
	double end = now_s() + job_arg(j, "seconds", 600), moved = now_s();
	uint64_t last = 0, dialled = 0;
	struct crowd c;

	rng_init(&w.rng, (uint64_t)job_arg(j, "seed", 1));
	crowd_open(&c, CONNS, &calls, &w);
	for (int k = 0; k < BAD_KINDS; k++)
		w.limit[k] = (uint64_t)((double)n * share[k]);
	while (total(&w) < n - BAD_KINDS && now_s() < end && now_s() < moved + STALL_S) {
		while (c.n < c.n_max &&
		       crowd_dial(&c, &j->o->http, crowd_source(BAD_GROUP, (uint32_t)dialled)))
			dialled++;
		for (uint32_t i = 0; i < c.n_max; i++)
			more_of_it(&w, &c.v[i]);
		crowd_turn(&c, 1);
		if (total(&w) != last)
			moved = now_s();
		last = total(&w);
	}
	for (end = now_s() + STALL_S; pending(&c) && now_s() < end;)
		crowd_turn(&c, 2);
	job_fact(j, "http", (double)w.sent[BAD_HTTP]);
	job_fact(j, "frames", (double)w.sent[BAD_FRAMES]);
	job_fact(j, "json", (double)w.sent[BAD_JSON]);
	job_fact(j, "pieces_per_s", (double)total(&w) / job_elapsed(j));
	job_fact(j, "ends", (double)w.ends);
	job_crowd(j, "", &c);
	crowd_close_all(&c);
}
