/* SPDX-License-Identifier: ISC */
#include "rpc/http.h"

#include <http_parser.h>

/* Replies */

const char *http_status_text(int status)
{
	switch (status) {
#define X(number, name, text)                                                                      \
	case number:                                                                               \
		return #text;
		HTTP_STATUS_MAP(X)
#undef X
	default:
		return "Unknown";
	}
}

static void put_text(struct buf *out, const char *text)
{
	buf_put(out, text, strlen(text));
}

static void put_line(struct buf *out, const char *name, struct bytes value)
{
	put_text(out, name);
	buf_put(out, value.p, value.n);
	put_text(out, "\r\n");
}

static void put_length(struct buf *out, size_t n)
{
	char digits[24];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	put_line(out, "Content-Length: ", bytes_of(digits + at, sizeof(digits) - at));
}

void http_put_chunk(struct buf *out, struct bytes piece)
{
	buf_reserve(out, piece.n + 24);
	buf_printf(out, "%zx\r\n", piece.n);
	if (piece.n)
		buf_put(out, piece.p, piece.n);
	put_text(out, "\r\n");
}

void http_put_reply(struct buf *out, const struct http_reply *r)
{
	static const char good[] = "HTTP/1.1 200 OK\r\nServer: tally\r\n";

	buf_reserve(out, 256 + r->body.n);
	if (r->status == 200)
		buf_put(out, good, sizeof(good) - 1);
	else
		buf_printf(out, "HTTP/1.1 %d %s\r\nServer: tally\r\n", r->status,
			   http_status_text(r->status));
	if (r->content_type)
		put_line(out, "Content-Type: ", bytes_str(r->content_type));
	if (r->allow_origin.n)
		put_line(out, "Access-Control-Allow-Origin: ", r->allow_origin);
	if (r->extra)
		put_text(out, r->extra);
	if (r->close)
		put_text(out, "Connection: close\r\n");
	else if (r->old)
		put_text(out, "Connection: keep-alive\r\n");
	/* 204 has no body and by RFC 9110 no length */
	if (r->pages && !r->old)
		put_text(out, "Transfer-Encoding: chunked\r\n");
	else if (!r->pages && r->status != 204)
		put_length(out, r->body.n);
	put_text(out, "\r\n");
	if (r->body.n && !r->head)
		buf_put(out, r->body.p, r->body.n);
}

/* Local names */

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool http_word_eq(struct bytes a, const char *b)
{
	if (a.n != strlen(b))
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower((uint8_t)b[i]))
			return false;
	return true;
}

/* "127.", digits and dots only: an address literal, which no name server can give another sense. */
static bool is_loopback_v4(struct bytes host)
{
	unsigned dots = 0;

	if (host.n < 9 || host.n > 15 || memcmp(host.p, "127.", 4) != 0)
		return false;
	for (size_t i = 0; i < host.n; i++) {
		if (host.p[i] == '.')
			dots++;
		else if (host.p[i] < '0' || host.p[i] > '9')
			return false;
	}
	return dots == 3;
}

/* Takes the brackets of an IPv6 literal and a port off; false when what is left over is neither. */
static bool host_alone(struct bytes *host)
{
	const uint8_t *end = host->n ? memchr(host->p, host->p[0] == '[' ? ']' : ':', host->n)
				     : NULL;
	bool v6 = host->n && host->p[0] == '[';
	size_t n = end ? (size_t)(end - host->p) : host->n;
	struct bytes rest = bytes_of(host->p + n, host->n - n);

	if (v6) {
		if (!end)
			return false;
		rest = bytes_of(end + 1, rest.n - 1);
		*host = bytes_of(host->p + 1, n - 1);
	} else {
		host->n = n;
	}
	if (rest.n == 0)
		return true;
	if (rest.n > 6 || rest.p[0] != ':')
		return false;
	for (size_t i = 1; i < rest.n; i++)
		if (rest.p[i] < '0' || rest.p[i] > '9')
			return false;
	return true;
}

bool http_host_is_local(struct bytes host, const char *own)
{
	if (!host_alone(&host))
		return false;
	return http_word_eq(host, "localhost") || http_word_eq(host, "::1") ||
	       is_loopback_v4(host) || (own && *own && http_word_eq(host, own));
}

bool http_origin_is_local(struct bytes origin, const char *own)
{
	static const char *const schemes[] = {"http://", "https://"};

	if (!origin.p)
		return true;
	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(schemes[i]);

		if (origin.n > n && memcmp(origin.p, schemes[i], n) == 0)
			return http_host_is_local(bytes_of(origin.p + n, origin.n - n), own);
	}
	return false;
}
