/* SPDX-License-Identifier: ISC */
#include "net/session_impl.h"

#include <stdio.h>

#define FRAME_SEALED_MIN (CHANNEL_STREAM_BYTES + 1)
#define FRAME_SEALED_MAX (CHANNEL_STREAM_BYTES + FRAME_BYTES_MAX)
#define KEEP_BYTES_MAX   65536 /* larger buffers are given back when they are empty */
#define STALL_MS         5000  /* between two ticks: then it was this process that stood still */

/* What each call of session_feed needs on its way down. */
struct feed {
	struct now now;
	struct buf *out;
	void (*on_message)(void *ctx, const struct msg *m);
	void *ctx;
};

const char *session_end_text(enum session_end e)
{
	switch (e) {
	case SESSION_OPEN:
		return "open";
	case SESSION_BAD_MAGIC:
		return "does not speak this protocol";
	case SESSION_WRONG_NETWORK:
		return "another network id";
	case SESSION_WRONG_GENESIS:
		return "another genesis ledger";
	case SESSION_WRONG_VERSION:
		return "no common protocol version";
	case SESSION_BAD_SIGNATURE:
		return "bad signature";
	case SESSION_SELF:
		return "connected to itself";
	case SESSION_WRONG_IDENTITY:
		return "not the identity expected";
	case SESSION_OVERSIZE:
		return "oversize frame";
	case SESSION_GARBAGE:
		return "garbage";
	case SESSION_HANDSHAKE_TIMEOUT:
		return "handshake timed out";
	case SESSION_SILENT:
		return "silent";
	case SESSION_TOO_FAST:
		return "above its budget";
	case SESSION_CLOSED:
		return "closed by the peer";
	case SESSION_CLOCK:
		return "the clocks differ too much";
	case SESSION_END_COUNT:
		break;
	}
	must(false);
	return "";
}

bool session_is_offence(enum session_end e)
{
	switch (e) {
	case SESSION_BAD_MAGIC:
	case SESSION_WRONG_NETWORK:
	case SESSION_WRONG_GENESIS:
	case SESSION_WRONG_VERSION:
	case SESSION_BAD_SIGNATURE:
	case SESSION_OVERSIZE:
	case SESSION_GARBAGE:
	case SESSION_HANDSHAKE_TIMEOUT:
	case SESSION_TOO_FAST:
		return true;
	case SESSION_OPEN:
	case SESSION_SELF:
	case SESSION_WRONG_IDENTITY:
	case SESSION_SILENT:
	case SESSION_CLOSED:
	case SESSION_CLOCK: /* whose clock is wrong is not known */
	case SESSION_END_COUNT:
		break;
	}
	return false;
}

struct session *session_open(const struct session_config *c, struct now now)
{
	struct session *s = mem_zalloc(1, sizeof(*s));

	must(c->role == SESSION_INITIATOR || c->role == SESSION_RESPONDER);
	must(secret_key_type(c->identity) == KEY_ED25519);
	s->config = *c;
	if (c->expect) {
		s->expect = *c->expect;
		s->config.expect = &s->expect;
	}
	s->channel = channel_open(s->ephemeral, c->ephemeral_seed);
	secure_wipe(s->config.ephemeral_seed, sizeof(s->config.ephemeral_seed));
	budget_init(&s->budget, now.steady);
	budget_init(&s->pace, now.steady);
	s->opened = s->heard = s->ticked = now.steady;
	s->rtt_ms = -1;
	return s;
}

void session_close(struct session *s)
{
	if (!s)
		return;
	channel_close(s->channel);
	buf_close(&s->transcript);
	buf_close(&s->in);
	buf_close(&s->plain);
	arena_close(&s->arena);
	mem_free(s);
}

void session_start(struct session *s, struct buf *out)
{
	must(s->config.role == SESSION_INITIATOR && s->state == WANT_HELLO && !s->transcript.n);
	handshake_hello(s, out);
}

bool session_ready(const struct session *s)
{
	return s->state == READY;
}

const struct public_key *session_peer(const struct session *s)
{
	return &s->peer;
}

int64_t session_rtt_ms(const struct session *s)
{
	return s->rtt_ms;
}

int32_t session_clock_offset_s(const struct session *s)
{
	return s->clock_offset_s;
}

const char *session_detail(const struct session *s)
{
	return s->detail.text;
}

uint32_t session_warnings(const struct session *s)
{
	return s->warnings;
}

/* Sending. */

void session_send(struct session *s, const struct wire_frame *f, struct buf *out)
{
	uint32_t sealed = f->n + CHANNEL_STREAM_BYTES;
	uint8_t *p;

	must(s->state == READY);
	must(f->n > 0 && f->n <= msg_bytes_max(f->type));
	buf_reserve(out, FRAME_HEAD_BYTES + sealed);
	p = out->p + out->n;
	store_be32(p, sealed);
	channel_push(s->channel, p + FRAME_HEAD_BYTES, f->bytes, f->n,
		     bytes_of(p, FRAME_HEAD_BYTES));
	out->n += FRAME_HEAD_BYTES + sealed;
}

static void send_msg(struct session *s, const struct msg *m, struct buf *out)
{
	struct wire_frame *f = wire_encode(m);

	session_send(s, f, out);
	wire_frame_unref(f);
}

bool session_pace(struct session *s, const struct wire_frame *f, struct now now)
{
	must(s->state == READY);
	return budget_pace(&s->pace, f->type, f->n, now.steady);
}

static void send_ping(struct session *s, struct now now, struct buf *out)
{
	struct msg m = {.type = MSG_PING};

	must(!s->ping_out);
	m.ping.token = ++s->ping_token;
	m.ping.net_time = now.net;
	s->ping_sent = now.steady;
	s->ping_out = true;
	send_msg(s, &m, out);
}

static void send_bye(struct session *s, uint32_t code, const char *text, struct buf *out)
{
	struct msg m = {.type = MSG_BYE};
	uint8_t clean[WIRE_BYE_TEXT_MAX];
	size_t i;

	for (i = 0; i < sizeof(clean) && text[i]; i++)
		clean[i] = text[i] >= 0x20 && text[i] <= 0x7E ? (uint8_t)text[i] : '?';
	m.bye.code = code;
	m.bye.text = bytes_of(clean, i);
	send_msg(s, &m, out);
}

/* The end: said when possible, secrets wiped. */
static enum session_end finish(struct session *s, enum session_end end, struct buf *out)
{
	must(end != SESSION_OPEN && s->state != ENDED);
	if (s->state == READY && end != SESSION_CLOSED)
		send_bye(s, end, session_end_text(end), out);
	channel_close(s->channel);
	s->channel = NULL;
	s->state = ENDED;
	s->end = end;
	return end;
}

void session_bye(struct session *s, const char *text, struct buf *out)
{
	if (s->state == ENDED)
		return;
	if (s->state == READY)
		send_bye(s, SESSION_CLOSED, text, out);
	(void)finish(s, SESSION_CLOSED, out);
}

/* Receiving. */

/* The answer may have left at any moment of the round trip: what that leaves open is no fault. */
static bool clocks_apart(const struct session *s)
{
	int64_t off = s->clock_offset_s < 0 ? -(int64_t)s->clock_offset_s : s->clock_offset_s;

	return off - s->rtt_ms / 2000 > PEER_CLOCK_MAX_S;
}

static enum session_end take_pong(struct session *s, const struct msg *m, struct now now)
{
	int64_t then;

	if (!s->ping_out || m->ping.token != s->ping_token)
		return SESSION_OPEN;
	s->ping_out = false;
	s->rtt_ms = steady_since(s->ping_sent, now.steady);
	/* The answer left half a round trip ago. */
	then = (int64_t)now.net.s - s->rtt_ms / 2000;
	s->clock_offset_s = (int32_t)((int64_t)m->ping.net_time.s - then);
	if (!clocks_apart(s))
		return SESSION_OPEN;
	snprintf(s->detail.text, sizeof(s->detail.text), "%d s apart", s->clock_offset_s);
	return SESSION_CLOCK;
}

static enum session_end take_bye(struct session *s, const struct msg *m)
{
	snprintf(s->detail.text, sizeof(s->detail.text), "%.*s", (int)m->bye.text.n,
		 (const char *)m->bye.text.p);
	return SESSION_CLOSED;
}

static enum session_end verdict(struct session *s, enum budget_verdict v, uint32_t which)
{
	if (v == BUDGET_OK)
		return SESSION_OPEN;
	snprintf(s->detail.text, sizeof(s->detail.text), "%s", budget_name(which));
	if (v == BUDGET_OVER)
		return SESSION_TOO_FAST;
	s->warnings++;
	return SESSION_OPEN;
}

static enum session_end dispatch(struct session *s, const struct msg *m, const struct feed *f)
{
	struct msg pong = {.type = MSG_PONG};

	switch (m->type) {
	case MSG_PING:
		pong.ping.token = m->ping.token;
		pong.ping.net_time = f->now.net;
		send_msg(s, &pong, f->out);
		return SESSION_OPEN;
	case MSG_PONG:
		return take_pong(s, m, f->now);
	case MSG_BYE:
		return take_bye(s, m);
	default:
		f->on_message(f->ctx, m);
		return s->end; /* the host may have said BYE */
	}
}

/* One opened frame. */
static enum session_end take_message(struct session *s, struct bytes plain, const struct feed *f)
{
	struct msg m;
	enum session_end end;
	enum budget_verdict v;
	uint32_t which;
	enum err e = wire_decode(&m, &s->arena, plain, &s->detail);

	if (e == ERR_ABSENT) /* a newer minor's: skipped, but not for ever */
		return verdict(s, budget_useless(&s->budget, 1, f->now.steady), BUDGET_USELESS);
	if (e == ERR_TOO_LARGE && m.type != MSG_NONE && plain.n > msg_bytes_max(m.type))
		return SESSION_OVERSIZE;
	if (e)
		return SESSION_GARBAGE;
	v = budget_message(&s->budget, m.type, plain.n, f->now.steady, &which);
	end = verdict(s, v, which);
	if (!end)
		end = dispatch(s, &m, f);
	if (s->arena.total > KEEP_BYTES_MAX)
		arena_close(&s->arena);
	else
		arena_reset(&s->arena);
	return end;
}

/* The frame at the front of `in`: the bytes used, 0 when it is not whole yet. */
static size_t take_frame(struct session *s, struct bytes in, const struct feed *f,
			 enum session_end *end)
{
	uint32_t sealed;
	size_t n;

	if (in.n < FRAME_HEAD_BYTES)
		return 0;
	sealed = load_be32(in.p);
	if (sealed < FRAME_SEALED_MIN || sealed > FRAME_SEALED_MAX) {
		*end = sealed > FRAME_SEALED_MAX ? SESSION_OVERSIZE : SESSION_GARBAGE;
		(void)why_set(&s->detail, ERR_RANGE, "frame of %u bytes", sealed);
		return 0;
	}
	if (in.n - FRAME_HEAD_BYTES < sealed)
		return 0;
	n = sealed - CHANNEL_STREAM_BYTES;
	buf_clear(&s->plain);
	buf_reserve(&s->plain, n);
	if (!channel_pull(s->channel, s->plain.p, in.p + FRAME_HEAD_BYTES, sealed,
			  bytes_of(in.p, FRAME_HEAD_BYTES))) {
		*end = SESSION_GARBAGE;
		(void)why_set(&s->detail, ERR_CRYPTO, "frame does not open");
		return 0;
	}
	*end = take_message(s, bytes_of(s->plain.p, n), f);
	return FRAME_HEAD_BYTES + sealed;
}

/* As much of `in` as is complete; returns the bytes used. */
static size_t take_all(struct session *s, struct bytes in, const struct feed *f,
		       enum session_end *end)
{
	size_t used = 0, n;

	do {
		struct bytes rest = bytes_of(in.p + used, in.n - used);
		bool ready = s->state == READY;

		n = ready ? take_frame(s, rest, f, end) : handshake_feed(s, rest, f->out, end);
		used += n;
		if (!*end && !ready && s->state == READY)
			send_ping(s, f->now, f->out);
	} while (n && !*end);
	must(used <= in.n);
	return used;
}

static void give_back(struct buf *b)
{
	if (!b->n && b->cap > KEEP_BYTES_MAX)
		buf_close(b);
}

enum session_end session_feed(struct session *s, struct bytes in, struct now now, struct buf *out,
			      void (*on_message)(void *ctx, const struct msg *m), void *ctx)
{
	struct feed f = {.now = now, .out = out, .on_message = on_message, .ctx = ctx};
	enum session_end end = SESSION_OPEN;
	size_t used;

	if (s->state == ENDED)
		return s->end;
	if (!in.n)
		return SESSION_OPEN;
	s->heard = now.steady;
	if (s->in.n) {
		buf_put(&s->in, in.p, in.n);
		used = take_all(s, buf_bytes(&s->in), &f, &end);
		buf_consume(&s->in, used);
	} else {
		used = take_all(s, in, &f, &end);
		buf_put(&s->in, in.p + used, in.n - used);
	}
	if (end)
		return s->state == ENDED ? end : finish(s, end, out);
	give_back(&s->in);
	buf_clear(&s->plain);
	give_back(&s->plain);
	must(s->in.n < FRAME_HEAD_BYTES + FRAME_SEALED_MAX);
	return SESSION_OPEN;
}

enum session_end session_useless(struct session *s, uint32_t units, struct now now, struct buf *out)
{
	enum session_end end;

	if (s->state == ENDED)
		return s->end;
	end = verdict(s, budget_useless(&s->budget, units, now.steady), BUDGET_USELESS);
	return end ? finish(s, end, out) : SESSION_OPEN;
}

/* Time in which this process did not run is not the peer's. */
static void forgive_own_stall(struct session *s, struct now now)
{
	int64_t gap = steady_since(s->ticked, now.steady);

	s->ticked = now.steady;
	if (gap <= STALL_MS)
		return;
	s->opened = steady_after(s->opened, gap);
	s->heard = steady_after(s->heard, gap);
	if (steady_since(s->heard, now.steady) < 0)
		s->heard = now.steady;
}

enum session_end session_tick(struct session *s, struct now now, struct buf *out)
{
	if (s->state == ENDED)
		return s->end;
	forgive_own_stall(s, now);
	if (s->state != READY) {
		if (steady_since(s->opened, now.steady) >= PEER_HANDSHAKE_MS)
			return finish(s, SESSION_HANDSHAKE_TIMEOUT, out);
		return SESSION_OPEN;
	}
	if (steady_since(s->heard, now.steady) >= PEER_IDLE_MS)
		return finish(s, SESSION_SILENT, out);
	if (!s->ping_out && steady_since(s->ping_sent, now.steady) >= PEER_PING_MS)
		send_ping(s, now, out);
	return SESSION_OPEN;
}
