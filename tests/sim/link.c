/* SPDX-License-Identifier: ISC */
#include "tests/sim/world_impl.h"

#include <stdio.h>

/* One side of a connection, as src/net/uv_peer_conn.c does it on sockets. Without sessions there is
 * neither handshake nor sealing: a connection is up when its first (empty) segment arrives. */

#define WRITE_BYTES  (256u << 10) /* sealed at a time */
#define SOCKET_BYTES (512u << 10) /* under way, at most */
#define PACE_MS      10

struct process *end_process(const struct end *e)
{
	return &e->conn->w->p[e->node];
}

static int64_t own_ms(const struct end *e)
{
	return clock_of(end_process(e)).steady.ms;
}

static struct pipe *pipe_out(const struct end *e)
{
	return &e->conn->pipe[e->side];
}

/* ---- beginnings ---- */

static void end_init(struct end *e, struct conn *c, int side, uint32_t node, uint32_t other)
{
	struct process *p = &c->w->p[node];

	must(p->n_ends < ENDS_MAX);
	e->conn = c;
	e->side = (uint8_t)side;
	e->node = (uint8_t)node;
	e->other = (uint8_t)other;
	e->state = END_DIALLING;
	e->stuck_since = -1;
	e->started = own_ms(e);
	p->ends[p->n_ends++] = e;
}

struct end *conn_open(struct process *from, uint32_t to)
{
	struct world *w = from->w;
	struct conn *c = mem_zalloc(1, sizeof(*c));
	struct event e;

	c->w = w;
	c->next = w->conns;
	if (c->next)
		c->next->prev = c;
	w->conns = c;
	c->end[1].conn = c;
	c->end[1].node = (uint8_t)to;
	c->end[1].other = (uint8_t)from->index;
	end_init(&c->end[0], c, 0, from->index, to);
	e = world_event(from, EV_CONNECTED,
			w->now + net_delay(w, from->index, to) + net_delay(w, to, from->index));
	e.p = c;
	c->events++;
	world_push(w, e);
	return &c->end[0];
}

static void begin(struct end *e)
{
	struct process *p = end_process(e);
	struct session_config sc = {
	    .role = e->side ? SESSION_RESPONDER : SESSION_INITIATOR,
	    .network_id = p->w->genesis.network_id,
	    .genesis = p->w->first->hash,
	    .identity = p->identity,
	};
	uint32_t i;

	e->state = END_SESSION;
	e->started = own_ms(e);
	if (!p->w->plan.sessions) {
		pipe_put(e->conn, e->side, bytes_of(NULL, 0), false, NULL);
		return;
	}
	for (i = 0; i < 4; i++) {
		uint64_t x = rng_next(&p->rng);

		memcpy(sc.ephemeral_seed + 8 * i, &x, 8);
	}
	e->session = session_open(&sc, clock_of(p));
	if (!e->side)
		session_start(e->session, &e->sealed);
	net_arm(p, PEER_HANDSHAKE_MS);
}

void conn_accepted(struct conn *c)
{
	end_init(&c->end[1], c, 1, c->end[1].node, c->end[1].other);
	begin(&c->end[1]);
	begin(&c->end[0]);
}

/* ---- ends ---- */

void end_mark(struct end *e, bool offence, const char *reason)
{
	if (e->marked || e->state == END_CLOSED)
		return;
	e->marked = true;
	e->offence = offence;
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
	if (e->session)
		session_bye(e->session, reason, &e->sealed);
}

static void let_go(struct end *e)
{
	e->state = END_CLOSED;
	lane_close(&e->urgent);
	lane_close(&e->bulk);
	session_close(e->session);
	e->session = NULL;
	buf_close(&e->sealed);
}

void end_close(struct end *e, bool offence, const char *reason)
{
	bool dialling = e->state == END_DIALLING;

	if (e->state == END_CLOSED || e->state == END_NONE)
		return;
	end_mark(e, offence, reason);
	if (e->sealed.n)
		pipe_put(e->conn, e->side, buf_bytes(&e->sealed), false, NULL);
	if (!dialling)
		pipe_put(e->conn, e->side, bytes_of(NULL, 0), true, NULL);
	let_go(e);
	net_ended(end_process(e), e);
}

void end_forget(struct end *e, bool tell)
{
	if (e->state == END_CLOSED || e->state == END_NONE)
		return;
	if (tell && e->state != END_DIALLING)
		pipe_put(e->conn, e->side, bytes_of(NULL, 0), true, NULL);
	e->forgotten = !tell;
	snprintf(e->reason, sizeof(e->reason), "gone");
	let_go(e);
	net_ended(end_process(e), e);
}

/* ---- writing ---- */

void end_queue(struct end *e, struct wire_frame *f)
{
	if (e->marked || e->state != END_UP)
		return;
	if (!e->session) {
		if (!net_blocked(e->conn->w, e->node, e->other))
			pipe_put(e->conn, e->side, bytes_of(NULL, 0), false, f);
		return;
	}
	if (f->lane == 0) {
		lane_push(&e->urgent, f);
		if (e->urgent.bytes > PEER_URGENT_BYTES_MAX)
			end_mark(e, false, "too slow: consensus messages pile up");
		return;
	}
	lane_push(&e->bulk, f);
	(void)lane_shed(&e->bulk, PEER_QUEUE_BYTES_MAX);
}

static struct wire_frame *next_frame(struct end *e, struct now now)
{
	uint32_t i, waiting = 0;

	for (i = 0; i < e->urgent.n; i++) {
		struct wire_frame *f = lane_at(&e->urgent, i);

		if (!(waiting & 1u << f->type) && session_pace(e->session, f, now))
			return lane_take(&e->urgent, i);
		waiting |= 1u << f->type;
	}
	if (e->bulk.n && session_pace(e->session, lane_at(&e->bulk, 0), now))
		return lane_take(&e->bulk, 0);
	if (waiting || e->bulk.n)
		net_arm(end_process(e), PACE_MS);
	return NULL;
}

static void seal_some(struct end *e, struct now now)
{
	while (e->sealed.n < WRITE_BYTES) {
		struct wire_frame *f = next_frame(e, now);

		if (!f)
			return;
		session_send(e->session, f, &e->sealed);
		wire_frame_unref(f);
	}
}

void end_flush(struct end *e)
{
	struct now now;

	if (!e->sealed.n && !e->urgent.n && !e->bulk.n)
		return;
	now = clock_of(end_process(e));
	while (!e->marked && (e->state == END_SESSION || e->state == END_UP)) {
		if (pipe_out(e)->bytes >= SOCKET_BYTES) {
			if (e->stuck_since < 0)
				e->stuck_since = now.steady.ms;
			return;
		}
		e->stuck_since = -1;
		if (e->state == END_UP)
			seal_some(e, now);
		if (!e->sealed.n)
			return;
		pipe_put(e->conn, e->side, buf_bytes(&e->sealed), false, NULL);
		buf_clear(&e->sealed);
	}
}

/* ---- reading ---- */

static void end_session(struct end *e, enum session_end why)
{
	const char *detail = session_detail(e->session);
	char reason[WHY_MAX];

	if (!e->marked)
		e->at_once = why == SESSION_TOO_FAST;
	e->late = why == SESSION_HANDSHAKE_TIMEOUT;
	snprintf(reason, sizeof(reason), "%s%s%.150s", session_end_text(why), detail[0] ? ": " : "",
		 detail);
	end_close(e, session_is_offence(why), reason);
}

static void proved(struct end *e)
{
	struct process *p = end_process(e);
	struct node_event ev = {.kind = NODE_PEER_UP};
	const char *no = net_admit(p, e);

	if (no) {
		end_mark(e, false, no);
		return;
	}
	e->state = END_UP;
	ev.peer.peer = e->id;
	ev.peer.key = *secret_key_public(p->w->p[e->other].identity);
	process_step(p, &ev);
}

/* A Byzantine validator's machine must not find out what is said under its key: it would stop, as
 * an honest one does whose key is somewhere else, and the lies with it. */
static bool tells_on(const struct process *p, const struct msg *m)
{
	const struct world_plan *plan = &p->w->plan;
	const struct public_key *key;

	if (p->index >= plan->validators || p->index < plan->validators - plan->byzantine)
		return false;
	key = secret_key_public(world_key(p->w, p->index));
	if (m->type == MSG_PROPOSAL)
		return !public_key_cmp(key, &m->proposal.key);
	if (m->type == MSG_VALIDATION)
		return memmem(m->validation.p, m->validation.n, key->b, sizeof(key->b)) != NULL;
	return m->type == MSG_EVIDENCE;
}

static void hear(struct end *e, const struct msg *m)
{
	struct process *p = end_process(e);
	struct node_event ev = {.kind = NODE_MESSAGE};

	if (!p->node || p->dying || p->stopping)
		return;
	OBSERVE(p->w, heard, p->index, e->other, m);
	if (tells_on(p, m))
		return;
	ev.peer.peer = e->id;
	ev.peer.msg = m;
	process_step(p, &ev);
}

static void on_message(void *ctx, const struct msg *m)
{
	struct end *e = ctx;

	if (!e->marked && e->state == END_SESSION)
		proved(e);
	if (!e->marked)
		hear(e, m);
}

static void read_bare(struct end *e, const struct segment *s)
{
	struct arena a = ARENA_INIT;
	enum err err;
	struct msg m;

	if (e->state == END_SESSION)
		proved(e);
	if (!s->frame || e->marked || e->state != END_UP)
		return;
	err = wire_decode(&m, &a, bytes_of(s->frame->bytes, s->frame->n), NULL);
	if (err == ERR_NONE)
		hear(e, &m);
	else
		must(err == ERR_ABSENT);
	arena_close(&a);
}

/* What the session keeps to itself has been heard, too: a ping that was answered, a farewell. */
static void hear_session(struct end *e, enum session_end why)
{
	struct process *p = end_process(e);
	struct msg m = {.type = MSG_PING};

	if (!e->pinged && session_rtt_ms(e->session) >= 0) {
		e->pinged = true;
		OBSERVE(p->w, heard, p->index, e->other, &m);
		m.type = MSG_PONG;
		OBSERVE(p->w, heard, p->index, e->other, &m);
	}
	m.type = MSG_BYE;
	if (why == SESSION_CLOSED && !e->marked)
		OBSERVE(p->w, heard, p->index, e->other, &m);
}

void end_read(struct end *e, struct segment *s)
{
	enum session_end why;

	if (e->state != END_SESSION && e->state != END_UP)
		return;
	if (!e->session) {
		read_bare(e, s);
	} else {
		why = session_feed(e->session, bytes_of(s->bytes, s->n), clock_of(end_process(e)),
				   &e->sealed, on_message, e);
		if (!why && !e->marked && e->state == END_SESSION && session_ready(e->session))
			proved(e);
		hear_session(e, why);
		if (!e->marked && why) {
			end_session(e, why);
			return;
		}
	}
	if (e->marked)
		end_close(e, e->offence, e->reason);
}

/* ---- time ---- */

void end_tick(struct end *e, struct now now)
{
	enum session_end why;

	if (e->state == END_DIALLING) {
		if (now.steady.ms - e->started >= PEER_HANDSHAKE_MS)
			end_close(e, false, "no answer");
		return;
	}
	if (e->marked) {
		end_close(e, e->offence, e->reason);
		return;
	}
	if (!e->session) {
		struct world *w = e->conn->w;

		if (net_blocked(w, e->node, e->other) && net_blocked(w, e->other, e->node))
			end_close(e, false, "cut off");
		return;
	}
	if (e->stuck_since >= 0 && now.steady.ms - e->stuck_since >= PEER_STUCK_MS) {
		end_close(e, false, "too slow: a write did not get away");
		return;
	}
	why = session_tick(e->session, now, &e->sealed);
	if (why)
		end_session(e, why);
	else
		end_flush(e);
}
