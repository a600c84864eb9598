/* SPDX-License-Identifier: ISC */

/* [http], [ws], [tls], [admin], [metrics]: the listeners */
#include "daemon/config_parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum err config_parse_listen(struct config_listen *out, const char *text, struct why *why)
{
	const char *shut = text[0] == '[' ? strchr(text, ']') : NULL;
	const char *colon = strchr(shut ? shut : text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	struct in6_addr v6;
	struct in_addr v4;
	unsigned long port;
	char *end;

	if (!shut && colon && strchr(colon + 1, ':'))
		return why_set(why, ERR_INVALID, "\"%s\": an IPv6 address stands in [ ]", text);
	if (!colon || !n || (shut && colon != shut + 1) || !isdigit((unsigned char)colon[1]))
		return why_set(why, ERR_INVALID, "\"%s\": host:port is wanted", text);
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > 65535)
		return why_set(why, ERR_RANGE, "\"%s\": port is not between 0 and 65535", text);
	if (shut) {
		text++;
		n -= 2;
	}
	if (!n || n >= sizeof(out->host))
		return why_set(why, ERR_INVALID, "host name too long");
	memcpy(out->host, text, n);
	out->host[n] = '\0';
	out->port = (uint16_t)port;
	if (strcmp(out->host, "localhost") != 0 && !inet_pton(AF_INET, out->host, &v4) &&
	    !inet_pton(AF_INET6, out->host, &v6))
		return why_set(why, ERR_INVALID, "\"%s\" is not an address", out->host);
	return ERR_NONE;
}

static bool is_loopback(const char *host)
{
	return !strncmp(host, "127.", 4) || !strcmp(host, "::1") || !strcmp(host, "localhost");
}

static enum err add_listen(struct config_parse *p, const char *v, enum front_role role)
{
	struct config_listen l = {.role = role};
	enum err e = config_parse_listen(&l, v, &p->why);

	if (e != ERR_NONE)
		return e;
	if (role == FRONT_ADMIN && !is_loopback(l.host))
		return config_bad(p, ERR_INVALID, "the admin listener must be on loopback");
	if (p->c->n_listen == CONFIG_LIST_MAX)
		return config_bad(p, ERR_FULL, "too many listeners");
	p->c->listen[p->c->n_listen++] = l;
	return ERR_NONE;
}

enum err config_add_http(struct config_parse *p, const char *v)
{
	return add_listen(p, v, FRONT_PUBLIC);
}

enum err config_add_admin(struct config_parse *p, const char *v)
{
	return add_listen(p, v, FRONT_ADMIN);
}

enum err config_set_public_metrics(struct config_parse *p, const char *v)
{
	return config_yes(p, &p->c->public_metrics, v);
}

enum err config_add_metrics(struct config_parse *p, const char *v)
{
	return add_listen(p, v, FRONT_METRICS);
}

enum err config_add_tls(struct config_parse *p, const char *v)
{
	enum err e = add_listen(p, v, FRONT_PUBLIC);

	if (e == ERR_NONE)
		p->c->listen[p->c->n_listen - 1].tls = true;
	return e;
}

enum err config_set_tls_certificate(struct config_parse *p, const char *v)
{
	return config_path(p, p->c->tls_certificate, v);
}

enum err config_set_tls_key(struct config_parse *p, const char *v)
{
	return config_path(p, p->c->tls_key, v);
}

enum err config_set_admin_socket(struct config_parse *p, const char *v)
{
	p->c->no_admin_socket = !strcmp(v, "none");
	return p->c->no_admin_socket ? ERR_NONE : config_path(p, p->c->admin_socket, v);
}

enum err config_set_admin_token(struct config_parse *p, const char *v)
{
	return config_path(p, p->c->admin_token_file, v);
}

/* A file in data_dir, unless it is set. */
static enum err set_default(char out[CONFIG_PATH_MAX], const struct config *c, const char *name,
			    struct why *why)
{
	int n = out[0] ? 0 : snprintf(out, CONFIG_PATH_MAX, "%s/%s", c->data_dir, name);

	return n < CONFIG_PATH_MAX ? ERR_NONE
				   : why_set(why, ERR_TOO_LARGE, "[node] data_dir: path too long");
}

enum err config_check_serve(struct config *c, struct why *why)
{
	bool tls = false;
	enum err e = ERR_NONE;

	for (uint32_t i = 0; i < c->n_listen; i++)
		tls |= c->listen[i].tls;
	if (!c->tls_certificate[0] != !c->tls_key[0])
		return why_set(why, ERR_INVALID, "[tls] certificate and key belong together");
	if (tls != (c->tls_certificate[0] != 0))
		return why_set(why, ERR_INVALID, "[tls] listen, certificate and key: all of them");
	if (!c->no_admin_socket)
		e = set_default(c->admin_socket, c, "admin.sock", why);
	return e == ERR_NONE ? set_default(c->admin_token_file, c, "admin.token", why) : e;
}
