/* SPDX-License-Identifier: ISC */

/* Whose request it is, and whether it may be made on this listener at all. */
#include "rpc/uv_front.h"

#include "rpc/bearer.h"

#include <arpa/inet.h>

#define DENY_MS 500 /* before a request without the token is told so */

/* The address that a proxy that is trusted gives for its client: the last of its list, since what
 * stands before may come from the client. */
static void name_proxied(struct front_conn *c, struct bytes forwarded)
{
	size_t at = forwarded.n, end;
	uint8_t raw[16];

	c->client[0] = '\0';
	while (at && forwarded.p[at - 1] != ',')
		at--;
	while (at < forwarded.n && forwarded.p[at] == ' ')
		at++;
	end = forwarded.n - at;
	if (!end || end >= sizeof(c->client))
		return;
	memcpy(c->client, forwarded.p + at, end);
	c->client[end] = '\0';
	if (inet_pton(AF_INET, c->client, raw) == 1)
		inet_ntop(AF_INET, raw, c->client, sizeof(c->client));
	else if (inet_pton(AF_INET6, c->client, raw) == 1)
		inet_ntop(AF_INET6, raw, c->client, sizeof(c->client));
	else
		c->client[0] = '\0';
}

const char *conn_client(const struct front_conn *c)
{
	return c->client[0] ? c->client : c->address;
}

/* Admin rights come with the listener, so it takes requests only under names that no web site can
 * borrow. */
static bool is_local(struct front_conn *c, const struct http_request *req)
{
	const char *own = c->listener->host;
	struct bytes origin = req->field[HTTP_FIELD_ORIGIN];

	if (!http_host_is_local(req->field[HTTP_FIELD_HOST], own) ||
	    !http_origin_is_local(origin, own))
		return false;
	if (origin.n)
		buf_put(&c->origin, origin.p, origin.n);
	return true;
}

static bool shows_token(const struct front_conn *c, const struct http_request *req)
{
	return bearer_shows(req->field[HTTP_FIELD_AUTHORIZATION], bytes_str(c->listener->token));
}

/* The answer waits, and the connection with it: guessing takes its time. */
static void deny(struct front_conn *c)
{
	c->denied = true;
	c->f->stats.denied++;
	conn_log(c, LOG_WARN, "client refused", "no token, on an admin listener");
	conn_set_phase(c, HTTP_PHASE_HELD);
	c->deadline = conn_now(c) + DENY_MS;
}

void conn_tell_denied(struct front_conn *c)
{
	c->denied = false;
	conn_reply_text(c, 401, "WWW-Authenticate: Bearer, Basic realm=\"tally\"\r\n",
			"the token of this listener is wanted: [admin] token_file\n", true);
}

bool conn_may_ask(struct front_conn *c, const struct http_request *req)
{
	const struct front_listener *l = c->listener;

	if (c->proxied)
		name_proxied(c, req->field[HTTP_FIELD_FORWARDED]);
	if (l->role == FRONT_METRICS && (req->verb > HTTP_VERB_HEAD || req->websocket)) {
		conn_reply_text(c, 405, "Allow: GET, HEAD\r\n", "for metrics only\n", true);
		return false;
	}
	if (l->role != FRONT_ADMIN)
		return true;
	if (!is_local(c, req)) {
		conn_reply_text(c, 403, NULL, "Host or Origin is not local\n", true);
		return false;
	}
	/* A browser asks whether it may send the token without sending it. */
	if (!l->token || req->verb == HTTP_VERB_OPTIONS || shows_token(c, req))
		return true;
	deny(c);
	return false;
}
