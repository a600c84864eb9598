/* SPDX-License-Identifier: ISC */

/* One connection of the front: from accept to close. */
#include "rpc/uv_front.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define BODY_BYTES_PER_S 500
#define READ_ON_MAX      (1u << 20) /* bytes to be written above which nothing more is read */

static void run(struct front_conn *c, const uint8_t *p, size_t n);

/* Closing */

static void on_closed(uv_handle_t *handle)
{
	struct front_conn *c = handle->data;
	struct front_server *f = c->f;

	c->closed = true;
	conn_tell_gone(c);
	out_close(c);
	http_session_close(&c->http);
	ws_close(c->ws);
	buf_close(&c->pending);
	buf_close(&c->origin);
	tls_close(c->tls);
	buf_close(&c->flight);
	if (!c->dirty) /* else the walk over the dirty ones frees it */
		mem_free(c);
	front_handle_closed(f);
}

void conn_cut(struct front_conn *c)
{
	if (c->state == CONN_CLOSED)
		return;
	c->state = CONN_CLOSED;
	conn_tls_cut(c);
	turn_unqueue(c);
	out_forget(c);
	conn_idle(c, IDLE_NOT);
	conn_leave_place(c);
	id_drop(&c->f->conn_ids, c->id);
	if (c->prev)
		c->prev->next = c->next;
	else
		c->f->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	uv_close(&c->h.handle, on_closed);
}

void conn_tell_gone(struct front_conn *c)
{
	struct front_server *f = c->f;

	if (!c->opened || c->state == CONN_WS)
		return;
	c->opened = false;
	f->stats.websockets--;
	if (f->handler.on_close)
		f->handler.on_close(f->handler.ctx, c->id);
}

void conn_linger(struct front_conn *c)
{
	if (c->state == CONN_CLOSED || c->state == CONN_LINGER)
		return;
	c->state = CONN_LINGER;
	conn_idle(c, IDLE_NOT);
	c->deadline = conn_now(c) + c->f->limits.close_ms;
	buf_close(&c->pending);
	out_touch(c);
	if (!c->feeding)
		conn_set_reading(c); /* to see the client's end */
}

/* What a connection that ends does when the last byte has left: it tells the client so, and waits
 * for its end. Closing with bytes unread would make the kernel throw the reply away. */
static void half_close(struct front_conn *c)
{
	uv_os_fd_t fd;

	if (c->tls && !conn_tls_bye(c))
		return; /* comes again */
	if (c->ended || uv_fileno(&c->h.handle, &fd) != 0) {
		conn_cut(c);
		return;
	}
	if (!c->shut && shutdown(fd, SHUT_WR) != 0) {
		conn_cut(c);
		return;
	}
	c->shut = true;
}

void conn_drained(struct front_conn *c)
{
	if (c->state == CONN_LINGER)
		half_close(c);
	else
		conn_resume(c);
}

/* Deadlines */

void conn_set_phase(struct front_conn *c, enum http_phase phase)
{
	const struct front_limits *l = &c->f->limits;

	c->phase = phase;
	conn_idle(c, phase == HTTP_PHASE_IDLE ? IDLE_HTTP : IDLE_NOT);
	switch (phase) {
	case HTTP_PHASE_IDLE:
		c->deadline = conn_now(c) + l->idle_ms;
		break;
	case HTTP_PHASE_HEAD:
		c->deadline = conn_now(c) + l->head_ms;
		break;
	case HTTP_PHASE_BODY:
		c->deadline = conn_now(c) + l->body_ms;
		break;
	case HTTP_PHASE_HELD:
		c->deadline = conn_now(c) + l->answer_ms;
		break;
	}
}

/* Replies */

static const char json_type[] = "application/json; charset=UTF-8";

static struct bytes allowed_origin(const struct front_conn *c)
{
	return c->listener->role == FRONT_ADMIN ? buf_bytes(&c->origin) : bytes_str("*");
}

static void reply_http(struct front_conn *c, const struct http_reply *reply)
{
	struct http_reply r = *reply;
	struct buf b = BUF_INIT;

	r.old = c->old;
	r.head = c->head;
	r.close = reply->close || !c->keep_alive || c->f->closing;
	r.allow_origin = allowed_origin(c);
	http_put_reply(&b, &r);
	out_put_buf(c, &b);
	if (r.close)
		conn_linger(c);
	else
		conn_set_phase(c, HTTP_PHASE_IDLE);
}

void conn_reply_text(struct front_conn *c, int status, const char *extra, const char *text,
		     bool close)
{
	struct http_reply r = {.status = status,
			       .content_type = status == 204 ? NULL : "text/plain; charset=UTF-8",
			       .extra = extra,
			       .body = bytes_str(text),
			       .close = close};

	reply_http(c, &r);
}

void conn_reply_pages(struct front_conn *c, int status, const struct front_pages *pages)
{
	if (c->state == CONN_HTTP) {
		struct http_reply r = {.status = status,
				       .content_type = json_type,
				       .old = c->old,
				       .close = c->old || !c->keep_alive || c->f->closing,
				       .allow_origin = allowed_origin(c),
				       .pages = true};
		struct buf b = BUF_INIT;

		c->request = 0;
		c->keep_alive = !r.close;
		http_put_reply(&b, &r);
		out_put_buf(c, &b);
	}
	pages_start(c, pages);
}

void conn_reply_lent(struct front_conn *c, struct front_shared *body)
{
	struct http_reply r = {.status = 200,
			       .content_type = json_type,
			       .old = c->old,
			       .close = !c->keep_alive || c->f->closing,
			       .allow_origin = allowed_origin(c),
			       .body = bytes_of(body->b, body->n),
			       .head = true};
	struct buf b = BUF_INIT;

	c->in_flight--;
	c->request = 0;
	http_put_reply(&b, &r);
	out_put_buf(c, &b);
	if (c->head)
		front_shared_unref(body);
	else
		out_put(c, body);
	if (r.close)
		conn_linger(c);
	else
		conn_set_phase(c, HTTP_PHASE_IDLE);
	conn_resume(c);
}

void conn_reply(struct front_conn *c, const struct http_reply *reply)
{
	struct buf b = BUF_INIT;

	c->in_flight--;
	if (c->state == CONN_WS) {
		ws_put_frame(&b, WS_OP_TEXT, reply->body);
		out_put_buf(c, &b);
	} else if (c->state == CONN_HTTP) {
		struct http_reply r = *reply;

		c->request = 0;
		if (!r.content_type)
			r.content_type = json_type;
		reply_http(c, &r);
	}
	conn_resume(c);
}

/* Enough is at work, or waits to be written: what comes in waits too. */
bool conn_must_wait(const struct front_conn *c)
{
	const struct front_server *f = c->f;

	if (c->state != CONN_HTTP && c->state != CONN_WS)
		return false;
	if (c->out.bytes + c->later_bytes > READ_ON_MAX)
		return true;
	if (c->state == CONN_HTTP)
		return c->request != 0 || c->denied || pages_under_way(c);
	return c->in_flight >= f->limits.ws_in_flight_max;
}

/* So much is at work, or so much has not been done yet, that more had better not begin. */
static bool too_busy(struct front_conn *c)
{
	struct front_server *f = c->f;

	if (c->listener->role != FRONT_PUBLIC || (f->stats.in_flight < f->limits.in_flight_max &&
						  f->stats.lag_ms <= f->limits.lag_ms_max))
		return false;
	f->stats.busy++;
	return true;
}

/* HTTP */

/* Fills in what both kinds share and hands the request over. */
static void hand_over(struct front_conn *c, struct front_request *req)
{
	struct front_server *f = c->f;

	req->id = id_add(&f->request_ids, c->id);
	req->conn = c->id;
	req->role = c->listener->role;
	req->address = conn_client(c);
	c->in_flight++;
	f->stats.in_flight++;
	f->stats.requests++;
	if (req->websocket) {
		conn_idle(c, IDLE_WS);
	} else {
		c->request = req->id;
		conn_set_phase(c, HTTP_PHASE_HELD);
	}
	f->handler.on_request(f->handler.ctx, req);
	turn_spent(f);
}

static void start_websocket(struct front_conn *c, const struct http_request *req, size_t left)
{
	struct front_server *f = c->f;
	struct buf b = BUF_INIT;

	if (left) {
		conn_reply_text(c, 400, NULL, "data before the upgrade is accepted\n", true);
		return;
	}
	ws_put_accept(&b, req->field[HTTP_FIELD_WS_KEY]);
	out_put_buf(c, &b);
	c->state = CONN_WS;
	c->ws = ws_open();
	c->deadline = conn_now(c) + f->limits.ping_ms;
	c->opened = true;
	conn_idle(c, IDLE_WS);
	f->stats.websockets++;
	if (f->handler.on_open)
		f->handler.on_open(f->handler.ctx, c->id, c->listener->role, conn_client(c));
}

static void preflight(struct front_conn *c)
{
	conn_reply_text(c, 204,
			"Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS\r\n"
			"Access-Control-Allow-Headers: *\r\n"
			"Access-Control-Max-Age: 86400\r\n",
			"", false);
}

static void take_request(struct front_conn *c, const struct http_request *req, size_t left)
{
	struct front_request r = {
	    .verb = req->verb,
	    .path = req->path,
	    .query = req->query,
	    .idempotency_key = req->field[HTTP_FIELD_IDEMPOTENCY_KEY],
	    .authorization = req->field[HTTP_FIELD_AUTHORIZATION],
	    .body = req->body,
	};

	c->keep_alive = req->keep_alive;
	c->old = req->old;
	c->head = req->verb == HTTP_VERB_HEAD;
	buf_clear(&c->origin);
	if (!conn_may_ask(c, req))
		return;
	if (req->verb == HTTP_VERB_OPTIONS)
		preflight(c);
	else if (req->websocket)
		start_websocket(c, req, left);
	else if (too_busy(c))
		conn_reply_text(c, 503, "Retry-After: 1\r\n", "too busy\n", false);
	else
		hand_over(c, &r);
}

static void tell_malformed(struct front_conn *c)
{
	const struct front_handler *h = &c->f->handler;

	if (c->listener->role == FRONT_PUBLIC && !(c->proxied && !c->client[0]) && h->on_malformed)
		h->on_malformed(h->ctx, conn_client(c));
}

static void refuse_http(struct front_conn *c)
{
	const char *extra = NULL;
	char text[96];

	if (c->http.status == 405)
		extra = "Allow: GET, HEAD, POST, OPTIONS\r\n";
	else if (c->http.status == 426)
		extra = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
	snprintf(text, sizeof(text), "%s\n", c->http.reason);
	conn_log(c, LOG_DEBUG, "client refused", c->http.reason);
	c->old = c->head = false;
	c->f->stats.refused++;
	tell_malformed(c);
	conn_reply_text(c, c->http.status, extra, text, true);
}

/* *over: it is another one's turn. */
static size_t run_http(struct front_conn *c, const uint8_t *p, size_t n, bool *over)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	size_t used = 0;

	while (c->state == CONN_HTTP && !conn_must_wait(c) && used < n && !*over) {
		struct buf b = BUF_INIT;
		struct http_request req;
		enum http_step step;

		used += http_feed(&c->http, p + used, n - used, &step, &req);
		switch (step) {
		case HTTP_STEP_MORE:
			break;
		case HTTP_STEP_CONTINUE:
			buf_put(&b, go_on, sizeof(go_on) - 1);
			out_put_buf(c, &b);
			break;
		case HTTP_STEP_REQUEST:
			take_request(c, &req, n - used);
			http_next(&c->http);
			*over = turn_is_over(c) && used < n;
			continue; /* its phase is set */
		case HTTP_STEP_BAD:
			refuse_http(c);
			continue;
		}
		if (c->http.phase != c->phase)
			conn_set_phase(c, c->http.phase);
	}
	return used;
}

/* WebSocket */

void conn_ws_close(struct front_conn *c, uint16_t code, const char *reason)
{
	struct buf b = BUF_INIT;

	if (c->state != CONN_WS)
		return;
	pages_drop(c);
	ws_put_close(&b, code, reason);
	out_put_buf(c, &b);
	c->state = CONN_WS_CLOSING;
	id_drop(&c->f->conn_ids, c->id);
	c->deadline = conn_now(c) + c->f->limits.close_ms;
}

/* The client's close frame: its code goes back, clients look for it. */
static void take_close(struct front_conn *c, uint16_t code)
{
	conn_ws_close(c, code, NULL);
	conn_linger(c);
}

static void take_event(struct front_conn *c, const struct ws_event *ev)
{
	struct front_request r = {.websocket = true, .verb = HTTP_VERB_POST, .body = ev->data};
	struct buf b = BUF_INIT;

	switch (ev->kind) {
	case WS_TEXT:
		if (c->state != CONN_WS)
			break;
		r.busy = too_busy(c);
		hand_over(c, &r);
		break;
	case WS_PING:
		if (c->state != CONN_WS)
			break;
		ws_put_frame(&b, WS_OP_PONG, ev->data);
		out_put_now(c, front_shared_take(&b));
		break;
	case WS_PEER_CLOSE:
		take_close(c, ev->code);
		break;
	case WS_BAD:
		conn_log(c, LOG_DEBUG, "client refused", ev->reason);
		tell_malformed(c);
		conn_ws_close(c, ev->code, ev->reason);
		conn_linger(c);
		break;
	case WS_MORE:
	case WS_PONG:
		break;
	}
}

static size_t run_ws(struct front_conn *c, const uint8_t *p, size_t n, bool *over)
{
	struct now now = {.steady.ms = conn_now(c)};
	struct ws_event ev = {.kind = WS_TEXT};
	size_t used = 0;

	while ((c->state == CONN_WS || c->state == CONN_WS_CLOSING) && ev.kind != WS_MORE &&
	       !conn_must_wait(c) && !*over) {
		used += ws_feed(c->ws, p + used, n - used, now, &ev);
		take_event(c, &ev);
		*over = ev.kind == WS_TEXT && turn_is_over(c);
	}
	c->half_fed = c->state == CONN_WS && ev.kind != WS_MORE;
	return used;
}

/* Input */

/* Works on input until it is used up or has to wait for a reply to leave. */
static void run(struct front_conn *c, const uint8_t *p, size_t n)
{
	bool over = false;
	size_t used;

	c->feeding = true;
	if (c->state == CONN_HTTP)
		used = run_http(c, p, n, &over);
	else
		used = run_ws(c, p, n, &over);
	c->feeding = false;
	if (used < n && (over || conn_must_wait(c)))
		buf_put(&c->pending, p + used, n - used);
	if (over)
		turn_queue(c);
	conn_set_reading(c);
}

void conn_take(struct front_conn *c, const uint8_t *p, size_t n)
{
	run(c, p, n);
}

void conn_resume(struct front_conn *c)
{
	struct buf b;

	if (c->waits || c->queued || c->feeding || c->state == CONN_CLOSED ||
	    c->state == CONN_LINGER || conn_must_wait(c))
		return;
	if (c->reading && c->pending.n == 0)
		return;
	if (turn_must_queue(c)) {
		turn_queue(c);
		return;
	}
	turn_begin(c->f);
	b = c->pending;
	c->pending = BUF_INIT;
	run(c, b.n ? b.p : c->f->in, b.n); /* never NULL, not even for nothing */
	buf_close(&b);
	if (c->ended && c->state == CONN_HTTP && !c->request)
		conn_linger(c);
}

/* Time */

static void sweep_ws(struct front_conn *c, int64_t now)
{
	struct buf b = BUF_INIT;

	if (c->pinged && c->reading) { /* else it was we who did not look */
		conn_log(c, LOG_INFO, "client dropped", "no answer to a ping");
		out_drop(c);
		conn_ws_close(c, WS_CLOSE_POLICY, "no answer to a ping");
		conn_linger(c);
		return;
	}
	ws_put_frame(&b, WS_OP_PING, bytes_of(NULL, 0));
	out_put_now(c, front_shared_take(&b));
	c->pinged = true;
	c->deadline = now + c->f->limits.ping_ms;
}

static void sweep_http(struct front_conn *c)
{
	struct front_server *f = c->f;

	if (c->denied) {
		conn_tell_denied(c);
	} else if (c->request) {
		id_drop(&f->request_ids, c->request);
		f->stats.in_flight--;
		c->in_flight--;
		c->request = 0;
		conn_log(c, LOG_WARN, "a request was not answered in time", NULL);
		conn_reply_text(c, 503, NULL, "no answer in time\n", true);
	} else if (c->phase == HTTP_PHASE_IDLE) {
		conn_cut(c);
	} else {
		c->old = false;
		conn_reply_text(c, 408, NULL, "too slow\n", true);
	}
}

/* A body that trickles in is not waited for until its deadline. */
static bool trickles(const struct front_conn *c, int64_t now)
{
	int64_t since = now - (c->deadline - c->f->limits.body_ms);
	uint64_t body = c->http.store.n > c->http.n_head ? c->http.store.n - c->http.n_head : 0;

	return c->state == CONN_HTTP && c->phase == HTTP_PHASE_BODY && c->reading &&
	       since >= c->f->limits.body_grace_ms &&
	       body * 1000 < (uint64_t)since * BODY_BYTES_PER_S;
}

void conn_sweep(struct front_conn *c, int64_t now)
{
	if (now >= c->write_deadline) {
		c->f->stats.slow_closed += c->ws != NULL;
		conn_log(c, LOG_INFO, "client dropped", "does not read");
		conn_cut(c);
	} else if (now < c->deadline && !trickles(c, now)) {
		conn_resume(c);
	} else if (c->state == CONN_WS) {
		sweep_ws(c, now);
	} else if (c->state == CONN_HTTP) {
		sweep_http(c);
	} else {
		conn_cut(c);
	}
}
