/* SPDX-License-Identifier: ISC */
#include "tools/load/http.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define READ_CHUNK 65536

static void dial(struct http *h, uv_loop_t *loop);

static void fail(const struct http *h, const char *what, int code)
{
	fprintf(stderr, "loadgen: %s: %s%s%s\n", h->host, what, code < 0 ? ": " : "",
		code < 0 ? uv_strerror(code) : "");
	exit(1);
}

static void allocate(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
	struct http *h = handle->data;
	(void)wanted;
	/* One byte more than is read: the body ends with a NUL. */
	buf_reserve(&h->in, READ_CHUNK + 1);
	*out = uv_buf_init((char *)h->in.p + h->in.n, READ_CHUNK);
}

/* The length of the head with its blank line, 0 while it is not complete. */
static size_t head_length(const struct buf *in)
{
	for (size_t i = 3; i < in->n; i++)
		if (in->p[i] == '\n' && memcmp(in->p + i - 3, "\r\n\r\n", 4) == 0)
			return i + 1;
	return 0;
}

/* The value of a header, NULL without it. */
static const char *header(const struct http *h, size_t head, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i + n < head; i++)
		if (strncasecmp((const char *)h->in.p + i, name, n) == 0)
			return (const char *)h->in.p + i + n;
	return NULL;
}

/* Whether all chunks after the head are here, and their bytes; puts them together at `out`, which
 * may be where they begin, or NULL. */
static bool join_chunks(const struct buf *in, size_t head, uint8_t *out, size_t *length)
{
	size_t at = head;
	for (*length = 0;;) {
		const uint8_t *end = memchr(in->p + at, '\n', in->n - at);
		if (!end)
			return false;
		size_t n = strtoul((const char *)in->p + at, NULL, 16);
		at = (size_t)(end - in->p) + 1;
		if (n > in->n || in->n - at < n + 2)
			return false;
		if (n == 0)
			return true;
		if (out)
			memmove(out + *length, in->p + at, n);
		*length += n;
		at += n + 2;
	}
}

/* The length of the body, whole in one piece; false while some of it is to come. */
static bool whole_body(struct http *h, size_t head, size_t *length)
{
	const char *length_text = header(h, head, "\ncontent-length:");
	if (length_text) {
		*length = strtoul(length_text, NULL, 10);
		return h->in.n >= head + *length;
	}
	if (!header(h, head, "\ntransfer-encoding: chunked"))
		fail(h, "an answer without a length", 0);
	return join_chunks(&h->in, head, NULL, length) &&
	       join_chunks(&h->in, head, h->in.p + head, length);
}

static void look(struct http *h)
{
	size_t head = head_length(&h->in);
	if (head == 0)
		return;
	size_t length;
	if (!whole_body(h, head, &length))
		return;
	int status = 0;
	if (sscanf((const char *)h->in.p, "HTTP/1.1 %d", &status) != 1)
		fail(h, "no HTTP answer", 0);
	struct buf body = h->in;
	h->in = BUF_INIT;
	h->busy = false;
	body.p[head + length] = 0;
	h->answered(h->ctx, status, bytes_of(body.p + head, length));
	if (h->in.p == NULL) {
		h->in = body;
		buf_clear(&h->in);
	} else {
		buf_close(&body);
	}
}

/* A server may close a connection that has been idle: it is opened anew. */
static void closed_idle(uv_handle_t *handle)
{
	struct http *h = handle->data;
	dial(h, handle->loop);
}

static void have_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *unused)
{
	struct http *h = stream->data;
	(void)unused;
	if (n == UV_EOF && !h->busy) {
		h->connected = false;
		uv_close((uv_handle_t *)&h->tcp, closed_idle);
		return;
	}
	if (n < 0)
		fail(h, "the connection broke in the middle of an answer", (int)n);
	h->in.n += (size_t)n;
	if (h->busy)
		look(h);
	else if (h->in.n > 0)
		fail(h, "an answer that nobody asked for", 0);
}

static void written(uv_write_t *w, int code)
{
	if (code < 0)
		fail(w->data, "cannot write", code);
}

static void send_out(struct http *h)
{
	uv_buf_t b = uv_buf_init((char *)h->out.p, (unsigned)h->out.n);
	h->write.data = h;
	int code = uv_write(&h->write, (uv_stream_t *)&h->tcp, &b, 1, written);
	if (code < 0)
		fail(h, "cannot write", code);
}

static void connected(uv_connect_t *c, int code)
{
	struct http *h = c->data;
	mem_free(c);
	if (code < 0)
		fail(h, "cannot connect", code);
	h->connected = true;
	uv_tcp_nodelay(&h->tcp, 1);
	uv_read_start((uv_stream_t *)&h->tcp, allocate, have_read);
	if (h->busy)
		send_out(h);
}

static void dial(struct http *h, uv_loop_t *loop)
{
	uv_tcp_init(loop, &h->tcp);
	h->tcp.data = h;
	uv_connect_t *c = mem_zalloc(1, sizeof(*c));
	c->data = h;
	int code = uv_tcp_connect(c, &h->tcp, (const struct sockaddr *)&h->to, connected);
	if (code < 0)
		fail(h, "cannot connect", code);
}

void http_open(struct http *h, uv_loop_t *loop, const char *address)
{
	*h = (struct http){0};
	snprintf(h->host, sizeof(h->host), "%s", address);
	char host[64];
	snprintf(host, sizeof(host), "%s", address);
	char *colon = strrchr(host, ':');
	if (!colon)
		fail(h, "not HOST:PORT", 0);
	*colon = 0;
	int code = uv_ip4_addr(host, atoi(colon + 1), &h->to);
	if (code < 0)
		fail(h, "not an IPv4 address", code);
	dial(h, loop);
}

void http_post(struct http *h, struct bytes body,
	       void (*answered)(void *ctx, int status, struct bytes body), void *ctx)
{
	must(!h->busy);
	h->busy = true;
	h->answered = answered;
	h->ctx = ctx;
	buf_clear(&h->out);
	buf_printf(&h->out,
		   "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
		   "Content-Length: %zu\r\n\r\n",
		   h->host, body.n);
	buf_put(&h->out, body.p, body.n);
	if (h->connected)
		send_out(h);
}

static void closed(uv_handle_t *handle)
{
	struct http *h = handle->data;
	buf_close(&h->in);
	buf_close(&h->out);
}

void http_close(struct http *h)
{
	uv_close((uv_handle_t *)&h->tcp, closed);
}
