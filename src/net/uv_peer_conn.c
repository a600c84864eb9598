/* SPDX-License-Identifier: ISC */
#include "net/uv_peers_impl.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#define WRITE_BYTES                                                                                \
	(256u << 10) /* sealed at a time, so that what is urgent can overtake the rest */
#define KEEP_BYTES_MAX 65536
#define DRAIN_MS       1000
#define UNSENT_BYTES   (256 << 10) /* what the kernel may hold besides what is in flight */
#define PACE_MS        10

static uv_stream_t *stream_of(struct peer_conn *c)
{
	return (uv_stream_t *)&c->tcp;
}

/* Who it is, for the log: the address, and the key once it has been proved. */
static struct base58_text name_of(const struct peer_conn *c)
{
	if (!c->id)
		return (struct base58_text){"-"};
	return node_public_text(&c->key);
}

/* Life. */

struct peer_conn *peer_conn_open(struct peers *p, struct peer_dial *dial)
{
	struct peer_conn *c = mem_zalloc(1, sizeof(*c));

	must(!p->shutting);
	c->p = p;
	c->dial = dial;
	c->inbound = !dial;
	c->started = peers_now(p).steady;
	must(!uv_tcp_init(p->config.loop, &c->tcp));
	c->tcp.data = c;
	p->handles++;
	p->n_conns++;
	c->next = p->conns;
	if (c->next)
		c->next->prev = c;
	p->conns = c;
	return c;
}

static void on_closed(uv_handle_t *h)
{
	struct peer_conn *c = h->data;
	struct peers *p = c->p;

	must(c->state == PEER_CLOSING && !c->writing && !c->connecting);
	if (c->prev)
		c->prev->next = c->next;
	else
		p->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	p->n_conns--;
	peers_add_up(&p->gone, c);
	buf_close(&c->sealed);
	buf_close(&c->flight);
	mem_free(c);
	peers_handle_closed(p);
}

static void close_socket(struct peer_conn *c)
{
	if (c->state == PEER_CLOSING)
		return;
	c->state = PEER_CLOSING;
	uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void peer_conn_mark(struct peer_conn *c, bool offence, const char *reason)
{
	if (c->marked || c->state >= PEER_DRAINING)
		return;
	c->marked = true;
	c->offence = offence;
	snprintf(c->reason, sizeof(c->reason), "%s", reason);
	if (c->session)
		session_bye(c->session, reason, &c->sealed);
}

static void drain(struct peer_conn *c);

void peer_conn_end(struct peer_conn *c, bool offence, const char *reason)
{
	if (c->state >= PEER_DRAINING)
		return;
	peer_conn_mark(c, offence, reason);
	c->state = PEER_DRAINING;
	c->drain_until = steady_after(peers_now(c->p).steady, DRAIN_MS);
	lane_close(&c->urgent);
	lane_close(&c->bulk);
	session_close(c->session);
	c->session = NULL;
	peers_ended(c->p, c);
	if (c->connecting || (!c->sealed.n && !c->writing))
		close_socket(c);
	else
		drain(c);
}

/* Writing. */

static void on_written(uv_write_t *req, int status);

/* Writes what is sealed: at once as far as the socket takes it, the rest as one request. */
static int write_sealed(struct peer_conn *c)
{
	uv_buf_t b = uv_buf_init((char *)c->sealed.p, (unsigned)c->sealed.n);
	int n;

	must(!c->writing && c->sealed.n);
	n = uv_try_write(stream_of(c), &b, 1);
	if (n == UV_EAGAIN)
		n = 0;
	if (n < 0)
		return n;
	c->bytes_out += c->sealed.n;
	if ((size_t)n == c->sealed.n) {
		buf_clear(&c->sealed);
		if (c->sealed.cap > KEEP_BYTES_MAX)
			buf_close(&c->sealed);
		return 0;
	}
	buf_close(&c->flight);
	c->flight = c->sealed;
	c->sealed = BUF_INIT;
	b = uv_buf_init((char *)c->flight.p + n, (unsigned)(c->flight.n - (size_t)n));
	n = uv_write(&c->write_req, stream_of(c), &b, 1, on_written);
	if (n)
		return n;
	c->writing = true;
	c->write_started = peers_now(c->p).steady;
	return 0;
}

static void on_written(uv_write_t *req, int status)
{
	struct peer_conn *c = (struct peer_conn *)((char *)req -
						   offsetof(struct peer_conn, write_req));

	c->writing = false;
	buf_close(&c->flight);
	if (c->state == PEER_CLOSING)
		return;
	if (c->state == PEER_DRAINING) {
		if (status)
			close_socket(c);
		else
			drain(c);
		return;
	}
	if (status)
		peer_conn_end(c, false, uv_strerror(status));
	else
		peer_conn_flush(c);
}

static void on_shut(uv_shutdown_t *req, int status)
{
	struct peer_conn *c = (struct peer_conn *)((char *)req -
						   offsetof(struct peer_conn, shutdown_req));

	if (status)
		close_socket(c);
	/* Otherwise the end of the other side is awaited, see on_read. */
}

/* Closing a socket with unread bytes in it would take back what the other side has not read yet:
 * so the rest is written, the sending side shut, and what comes is thrown away until the end. */
static void drain(struct peer_conn *c)
{
	must(c->state == PEER_DRAINING);
	peers_arm(c->p, DRAIN_MS);
	if (c->writing || c->shut)
		return;
	if (c->sealed.n && write_sealed(c)) {
		close_socket(c);
		return;
	}
	if (c->writing)
		return;
	c->shut = true;
	if (uv_shutdown(&c->shutdown_req, stream_of(c), on_shut))
		close_socket(c);
}

/* The next message that may go: urgent ones first, those whose type has to wait are stepped over;
 * then the oldest other one. NULL for none now. */
static struct wire_frame *next_frame(struct peer_conn *c, struct now now)
{
	uint32_t i, waiting = 0;

	_Static_assert(MSG_TYPE_END <= 32, "one bit for each type");
	for (i = 0; i < c->urgent.n; i++) {
		struct wire_frame *f = lane_at(&c->urgent, i);

		if (!(waiting & 1u << f->type) && session_pace(c->session, f, now))
			return lane_take(&c->urgent, i);
		waiting |= 1u << f->type;
	}
	if (c->bulk.n && session_pace(c->session, lane_at(&c->bulk, 0), now))
		return lane_take(&c->bulk, 0);
	if (waiting || c->bulk.n)
		peers_arm(c->p, PACE_MS);
	return NULL;
}

static void seal_some(struct peer_conn *c, struct now now)
{
	while (c->sealed.n < WRITE_BYTES) {
		struct wire_frame *f = next_frame(c, now);

		if (!f)
			return;
		session_send(c->session, f, &c->sealed);
		c->messages_out++;
		wire_frame_unref(f);
	}
}

void peer_conn_flush(struct peer_conn *c)
{
	struct now now;
	int e = 0;

	if (!c->sealed.n && !c->urgent.n && !c->bulk.n)
		return;
	now = peers_now(c->p);
	while (!e && !c->writing && !c->marked &&
	       (c->state == PEER_SESSION || c->state == PEER_UP)) {
		if (c->state == PEER_UP)
			seal_some(c, now);
		if (!c->sealed.n)
			return;
		e = write_sealed(c);
	}
	if (e)
		peer_conn_end(c, false, uv_strerror(e));
}

static void mark_as(struct peer_conn *c, enum peer_end end, const char *reason)
{
	if (!c->marked)
		c->end = end;
	peer_conn_mark(c, false, reason);
}

bool peer_conn_send(struct peer_conn *c, struct wire_frame *f)
{
	uint32_t shed;

	if (c->marked || c->state != PEER_UP)
		return false;
	if (f->lane == 0) {
		lane_push(&c->urgent, f);
		if (c->urgent.bytes > PEER_URGENT_BYTES_MAX)
			mark_as(c, PEER_END_SLOW, "too slow: consensus messages pile up");
		return true;
	}
	lane_push(&c->bulk, f);
	shed = lane_shed(&c->bulk, PEER_QUEUE_BYTES_MAX);
	if (shed && !c->shed)
		peers_log(c->p, LOG_INFO, "peer %s is slow: shedding the oldest messages to it",
			  c->place.text);
	c->shed += shed;
	return true;
}

/* Reading. */

static void end_session(struct peer_conn *c, enum session_end e)
{
	const char *detail = session_detail(c->session);
	char reason[WHY_MAX];

	must(e != SESSION_OPEN);
	if (e == SESSION_SELF && c->dial)
		c->dial->to_self = true;
	if (!c->marked)
		c->at_once = e == SESSION_TOO_FAST;
	if (detail[0] && (session_is_offence(e) || e == SESSION_CLOSED || e == SESSION_CLOCK))
		snprintf(reason, sizeof(reason), "%s: %.150s", session_end_text(e), detail);
	else
		snprintf(reason, sizeof(reason), "%s", session_end_text(e));
	if (!c->marked)
		c->end = (enum peer_end)(PEER_END_SESSION + (int)e);
	peer_conn_end(c, session_is_offence(e), reason);
}

/* The session is ready: it is known who it is. */
static void log_up(const struct peer_conn *c)
{
	struct base58_text key = name_of(c);
	struct log_field f[] = {
	    F_TEXT("address", c->place.text),
	    F_TEXT("key", key.s),
	    F_BOOL("inbound", c->inbound),
	};

	peers_event(c->p, LOG_INFO, "peer up", 3, f);
}

static void proved(struct peer_conn *c)
{
	const char *no;

	must(c->state == PEER_SESSION && !c->marked);
	c->key = *session_peer(c->session);
	no = peers_admit(c->p, c);
	if (no) {
		mark_as(c, PEER_END_REFUSED, no);
		return;
	}
	c->state = PEER_UP;
	log_up(c);
	c->p->host.peer_up(c->p->host.ctx, c->id, &c->key, c->inbound);
}

static void on_message(void *ctx, const struct msg *m)
{
	struct peer_conn *c = ctx;

	if (!c->marked && c->state == PEER_SESSION)
		proved(c);
	if (c->marked || c->p->shutting)
		return;
	c->messages_in++;
	c->p->host.message(c->p->host.ctx, c->id, m);
}

/* Said once for each time that it goes wrong. */
static void look_at_clock(struct peer_conn *c)
{
	int32_t off = session_ready(c->session) ? session_clock_offset_s(c->session) : 0;
	bool off_now = off > PEER_CLOCK_WARN_S || off < -PEER_CLOCK_WARN_S;

	if (off_now && !c->clock_told)
		peers_log(c->p, LOG_WARN, "peer %s (%s): its clock is %d s %s ours", c->place.text,
			  name_of(c).s, off < 0 ? -off : off, off < 0 ? "behind" : "ahead of");
	c->clock_told = off_now;
}

static void feed(struct peer_conn *c, struct bytes in)
{
	enum session_end e;
	uint32_t warnings;

	e = session_feed(c->session, in, peers_now(c->p), &c->sealed, on_message, c);
	if (!e && !c->marked && c->state == PEER_SESSION && session_ready(c->session))
		proved(c);
	warnings = session_warnings(c->session);
	if (warnings != c->warnings && (!e || e == SESSION_TOO_FAST))
		peers_log(c->p, LOG_WARN, "peer %s (%s) is above its budget: %s", c->place.text,
			  name_of(c).s, session_detail(c->session));
	c->warnings = warnings;
	look_at_clock(c);
	if (c->marked)
		peer_conn_end(c, c->offence, c->reason);
	else if (e)
		end_session(c, e);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	struct peer_conn *c = h->data;

	(void)suggested;
	*b = uv_buf_init(c->p->read_buf, sizeof(c->p->read_buf));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct peer_conn *c = s->data;

	if (c->state == PEER_CLOSING || n == 0)
		return;
	if (c->state == PEER_DRAINING) {
		if (n < 0)
			close_socket(c);
		return;
	}
	if (n < 0) {
		peer_conn_end(c, false, n == UV_EOF ? "connection closed" : uv_strerror((int)n));
		return;
	}
	c->bytes_in += (size_t)n;
	feed(c, bytes_of(b->base, (size_t)n));
}

/* Beginnings. */

/* No delay for small writes, and little kept in the kernel, where nothing can overtake any more. A
 * system that does not know the options works without them. */
static void tune_socket(struct peer_conn *c)
{
	int fd, unsent = UNSENT_BYTES;

	(void)uv_tcp_nodelay(&c->tcp, 1);
	if (!uv_fileno((uv_handle_t *)&c->tcp, &fd))
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

static void begin_session(struct peer_conn *c)
{
	struct peers *p = c->p;
	struct now now = peers_now(p);
	struct session_config sc = {
	    .role = c->inbound ? SESSION_RESPONDER : SESSION_INITIATOR,
	    .network_id = p->config.network_id,
	    .genesis = p->config.genesis,
	    .identity = p->config.identity,
	};

	p->host.random(p->host.ctx, sc.ephemeral_seed, sizeof(sc.ephemeral_seed));
	c->session = session_open(&sc, now);
	secure_wipe(sc.ephemeral_seed, sizeof(sc.ephemeral_seed));
	c->state = PEER_SESSION;
	c->started = now.steady;
	tune_socket(c);
	if (!c->inbound)
		session_start(c->session, &c->sealed);
	if (uv_read_start(stream_of(c), on_alloc, on_read))
		peer_conn_mark(c, false, "cannot be read");
	peers_arm(p, PEER_HANDSHAKE_MS);
}

static void on_connected(uv_connect_t *req, int status)
{
	struct peer_conn *c = (struct peer_conn *)((char *)req -
						   offsetof(struct peer_conn, connect_req));

	c->connecting = false;
	if (c->state != PEER_DIALLING)
		return;
	if (status) {
		peer_conn_end(c, false, uv_strerror(status));
	} else if (c->marked) {
		peer_conn_end(c, c->offence, c->reason);
	} else {
		c->end = PEER_END_CONNECTION;
		begin_session(c);
	}
}

void peer_conn_dial(struct peer_conn *c, const struct sockaddr *to)
{
	int e;

	peer_place_of(&c->place, to);
	c->connecting = true;
	c->end = PEER_END_UNREACHED;
	e = uv_tcp_connect(&c->connect_req, &c->tcp, to, on_connected);
	if (!e)
		return;
	c->connecting = false;
	peer_conn_mark(c, false, uv_strerror(e));
}

/* Whether an address may open another connection: NULL for yes. */
static const char *check_place(struct peer_conn *c)
{
	struct peers *p = c->p;
	struct peer_conn *o, *oldest = NULL;
	uint32_t pending = 0, same = 0;

	if (!c->place.loopback && !peers_is_welcome(p, &c->place) &&
	    !buckets_take(&p->accepts, c->place.network, peers_now(p).steady.ms))
		return "its network connects too fast";
	for (o = p->conns; o; o = o->next) {
		if (o == c)
			continue;
		if (o->inbound && (o->state == PEER_SESSION || o->state == PEER_DRAINING)) {
			pending++;
			oldest = o; /* newest first, so the last one */
		}
		same += o->state <= PEER_UP && !c->place.loopback &&
			!memcmp(&o->place.culprit, &c->place.culprit, sizeof(struct culprit));
	}
	if (same >= PEERS_PER_ADDRESS_MAX)
		return "too many connections from its address";
	if (refusals_active(&p->refusals, &c->place.culprit, peers_now(p).steady)) {
		if (!p->config.n_reserved)
			return "its address is refused for a while";
		c->only_reserved = true;
	}
	/* Honest peers prove themselves in milliseconds: the oldest of too many makes room. */
	if (pending >= PEERS_PENDING_MAX && oldest->state == PEER_DRAINING) {
		close_socket(oldest);
	} else if (pending >= PEERS_PENDING_MAX) {
		oldest->end = PEER_END_REFUSED;
		peer_conn_end(oldest, false, "pushed out: too many unproved connections");
	}
	return NULL;
}

void peer_conn_accept(struct peers *p)
{
	struct peer_conn *c = peer_conn_open(p, NULL);
	struct sockaddr_storage a;
	int n = sizeof(a);
	const char *no;

	if (uv_accept((uv_stream_t *)&p->listener, stream_of(c)) ||
	    uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&a, &n)) {
		peer_conn_end(c, false, "gone before it was accepted");
		return;
	}
	peer_place_of(&c->place, (const struct sockaddr *)&a);
	no = check_place(c);
	if (no) {
		c->end = PEER_END_REFUSED;
		peer_conn_end(c, false, no);
	} else {
		begin_session(c);
	}
}

/* Time. */

void peer_conn_tick(struct peer_conn *c, struct now now, int64_t stalled_ms)
{
	enum session_end e;

	c->started = steady_after(c->started, stalled_ms);
	c->write_started = steady_after(c->write_started, stalled_ms);
	if (c->state == PEER_CLOSING)
		return;
	if (c->state == PEER_DRAINING) {
		if (steady_since(c->drain_until, now.steady) >= 0)
			close_socket(c);
		return;
	}
	if (c->state == PEER_DIALLING) {
		if (steady_since(c->started, now.steady) >= PEER_HANDSHAKE_MS)
			peer_conn_end(c, false, "no answer");
		return;
	}
	if (c->marked) {
		peer_conn_end(c, c->offence, c->reason);
		return;
	}
	if (c->writing && steady_since(c->write_started, now.steady) >= PEER_STUCK_MS) {
		c->end = PEER_END_SLOW;
		peer_conn_end(c, false, "too slow: a write did not get away");
		return;
	}
	e = session_tick(c->session, now, &c->sealed);
	if (e)
		end_session(c, e);
	else
		peer_conn_flush(c);
}
