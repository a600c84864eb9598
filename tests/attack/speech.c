/* SPDX-License-Identifier: ISC */
#include "tests/attack/speech.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

void speech_post_as(struct buf *out, const char *token, const char *body)
{
	char head[320];
	size_t n = strlen(body);
	int head_n = snprintf(head, sizeof(head),
			      "POST / HTTP/1.1\r\nHost: localhost\r\n%s%s%s"
			      "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
			      token[0] ? "Authorization: Bearer " : "", token,
			      token[0] ? "\r\n" : "", n);

	must(head_n > 0 && (size_t)head_n < sizeof(head));
	buf_put(out, head, (size_t)head_n);
	buf_put(out, body, n);
}

void speech_post(struct buf *out, const char *body)
{
	speech_post_as(out, "", body);
}

/* Length of a head with its blank line, 0 when it is not whole. */
static size_t head_length(struct bytes in)
{
	const uint8_t *at = in.n ? memmem(in.p, in.n, "\r\n\r\n", 4) : NULL;

	return at ? (size_t)(at - in.p) + 4 : 0;
}

static const char *header(struct bytes head, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i + n + 1 < head.n; i++)
		if (head.p[i] == '\n' && strncasecmp((const char *)head.p + i + 1, name, n) == 0)
			return (const char *)head.p + i + 1 + n;
	return NULL;
}

/* A body in pieces: its length with all their heads, 0 while it is not whole. */
static size_t pieces_length(struct bytes in)
{
	size_t at = 0;

	for (;;) {
		const uint8_t *end = at < in.n ? memmem(in.p + at, in.n - at, "\r\n", 2) : NULL;
		size_t n;

		if (!end)
			return 0;
		n = strtoul((const char *)in.p + at, NULL, 16);
		at = (size_t)(end - in.p) + 2 + n + 2;
		if (at > in.n)
			return 0;
		if (n == 0)
			return at;
	}
}

size_t speech_answer(struct bytes in, int *status, struct bytes *body)
{
	size_t head = head_length(in), n;
	const char *length;

	*status = 0;
	*body = bytes_of(NULL, 0);
	if (!head)
		return 0;
	if (in.n < 12 || memcmp(in.p, "HTTP/1.", 7) != 0)
		return SIZE_MAX;
	*status = atoi((const char *)in.p + 9);
	length = header(bytes_of(in.p, head), "content-length:");
	if (length)
		n = strtoul(length, NULL, 10);
	else if (header(bytes_of(in.p, head), "transfer-encoding: chunked"))
		n = pieces_length(bytes_of(in.p + head, in.n - head));
	else if (*status == 204 || *status < 200)
		return head;
	else
		return SIZE_MAX;
	if ((!length && n == 0) || in.n < head + n)
		return 0;
	*body = bytes_of(in.p + head, n);
	return head + n;
}

void speech_upgrade(struct buf *out)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
				   "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
				   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

	buf_put(out, text, sizeof(text) - 1);
}

size_t speech_upgraded(struct bytes in, bool *ok)
{
	size_t head = head_length(in);

	*ok = head && memcmp(in.p, "HTTP/1.1 101", 12) == 0;
	return head;
}

void speech_frame(struct buf *out, unsigned opcode, struct bytes payload)
{
	buf_put_u8(out, (uint8_t)(0x80 | opcode));
	if (payload.n < 126) {
		buf_put_u8(out, (uint8_t)(0x80 | payload.n));
	} else if (payload.n < 65536) {
		buf_put_u8(out, 0x80 | 126);
		buf_put_be16(out, (uint16_t)payload.n);
	} else {
		buf_put_u8(out, 0x80 | 127);
		buf_put_be64(out, payload.n);
	}
	buf_put_be32(out, 0);
	buf_put(out, payload.p, payload.n);
}

void speech_text(struct buf *out, const char *text)
{
	speech_frame(out, 1, bytes_str(text));
}

size_t speech_read_frame(struct bytes in, struct speech_frame *out)
{
	size_t head = 2, n;

	if (in.n < 2)
		return 0;
	n = in.p[1] & 0x7F;
	if (n == 126)
		head = 4;
	else if (n == 127)
		head = 10;
	if (in.n < head)
		return 0;
	if (n == 126)
		n = load_be16(in.p + 2);
	else if (n == 127)
		n = load_be64(in.p + 2);
	if (in.n - head < n)
		return 0;
	out->opcode = in.p[0] & 15;
	out->final = (in.p[0] & 0x80) != 0;
	out->payload = bytes_of(in.p + head, n);
	return head + n;
}

unsigned speech_close_code(const struct speech_frame *f)
{
	return f->opcode == 8 && f->payload.n >= 2 ? load_be16(f->payload.p) : 0;
}

bool speech_has(struct bytes in, const char *text)
{
	return in.n && memmem(in.p, in.n, text, strlen(text)) != NULL;
}

/* What follows `"name":`, blanks skipped; NULL when it is not there. */
static const uint8_t *value_of(struct bytes in, const char *name)
{
	const uint8_t *end = in.p + in.n, *at = in.p;
	char key[64];
	size_t n = (size_t)snprintf(key, sizeof(key), "\"%s\"", name);

	while (at < end && (at = memmem(at, (size_t)(end - at), key, n))) {
		at += n;
		while (at < end && *at == ' ')
			at++;
		if (at < end && *at == ':') {
			at++;
			while (at < end && *at == ' ')
				at++;
			return at < end ? at : NULL;
		}
	}
	return NULL;
}

int64_t speech_number(struct bytes in, const char *name)
{
	const uint8_t *at = value_of(in, name), *end = in.p + in.n;
	int64_t v = 0;

	if (at && *at == '"')
		at++;
	if (!at || at >= end || *at < '0' || *at > '9')
		return -1;
	while (at < end && *at >= '0' && *at <= '9' && v < INT64_MAX / 16)
		v = v * 10 + (*at++ - '0');
	return v;
}

bool speech_string(char *out, size_t n, struct bytes in, const char *name)
{
	const uint8_t *at = value_of(in, name), *end = in.p + in.n;
	size_t i = 0;

	if (!at || *at++ != '"')
		return false;
	while (at < end && *at != '"' && i + 1 < n)
		out[i++] = (char)*at++;
	out[i] = 0;
	return at < end && *at == '"';
}
