/* SPDX-License-Identifier: ISC */

/* Reading from a connection, and stopping to: when it is another one's turn, when replies wait to
 * be read, when enough of its requests are at work. */
#include "rpc/uv_front.h"

#include <errno.h>
#include <sys/socket.h>

/* When it has to wait for its turn nothing is read at all. */
static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	struct front_conn *c = handle->data;

	(void)hint;
	*buf = uv_buf_init((char *)c->f->in, turn_must_queue(c) ? 0 : sizeof(c->f->in));
}

static void take_bytes(struct front_conn *c, const uint8_t *p, size_t n)
{
	c->f->stats.bytes_in += n;
	c->pinged = false;
	if (c->tls)
		conn_tls_input(c, p, n);
	else
		conn_take(c, p, n);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct front_conn *c = stream->data;

	if (c->state == CONN_CLOSED || n == 0)
		return;
	if (n == UV_ENOBUFS) { /* on_alloc has given none */
		turn_queue(c);
		conn_set_reading(c);
	} else if (n == UV_EOF) {
		conn_take_end(c);
	} else if (n < 0) {
		conn_cut(c);
	} else {
		turn_begin(c->f);
		take_bytes(c, (const uint8_t *)buf->base, (size_t)n);
		turn_spent(c->f);
	}
}

/* The client's half is closed. It may still read the replies to what it sent. */
void conn_take_end(struct front_conn *c)
{
	bool owed = c->state == CONN_HTTP && (c->request || c->pending.n || pages_under_way(c));

	c->ended = true;
	uv_read_stop(&c->h.stream);
	c->reading = false;
	if (owed)
		return;
	if (c->tls && c->state != CONN_LINGER)
		conn_linger(c); /* TLS wants our close_notify for theirs */
	else if (!out_is_empty(c) && c->state != CONN_WS)
		conn_linger(c);
	else
		conn_cut(c);
}

void conn_set_reading(struct front_conn *c)
{
	bool want = c->state != CONN_CLOSED && !c->ended && !c->waits && !c->queued &&
		    !conn_must_wait(c);

	if (want == c->reading || c->state == CONN_CLOSED)
		return;
	c->reading = want;
	if (!want)
		uv_read_stop(&c->h.stream);
	else if (uv_read_start(&c->h.stream, on_alloc, on_read) != 0)
		conn_cut(c);
}

/* What the kernel holds for it, as far as it goes in one piece. */
static void read_once(struct front_conn *c)
{
	uv_os_fd_t fd;
	ssize_t n;

	if (uv_fileno(&c->h.handle, &fd) != 0) {
		conn_cut(c);
		return;
	}
	n = recv(fd, c->f->in, sizeof(c->f->in), MSG_DONTWAIT);
	if (n > 0)
		take_bytes(c, c->f->in, (size_t)n);
	else if (n == 0)
		conn_take_end(c);
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		conn_cut(c);
}

void conn_turn(struct front_conn *c)
{
	if (pages_wanted(c))
		pages_pull(c);
	if (c->state == CONN_CLOSED || c->queued)
		return;
	if (c->pending.n || c->half_fed)
		conn_resume(c);
	else if (!c->ended && !c->waits && !conn_must_wait(c))
		read_once(c);
	if (c->state != CONN_CLOSED)
		conn_set_reading(c);
}
