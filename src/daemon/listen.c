/* SPDX-License-Identifier: ISC */
#include "daemon/listen.h"

#include "base/mem.h"
#include "daemon/certs.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define TOKEN_CHARS_MIN 32
#define TOKEN_CHARS_MAX 128
#define FD_BASE         128 /* store, logs, files, pools of threads, sites of lists */
#define FD_PUBLIC_MIN   16
/* Of each listener that is not public: a share of what is there, within bounds. */
#define FD_RESERVED_MIN   16
#define FD_RESERVED_MAX   128
#define FD_RESERVED_SHARE 8

struct listen {
	const struct config *c;
	struct front_server *front;
	struct certs *certs;
	uint16_t ports[CONFIG_LIST_MAX];
	bool unix_open;
	char line[512];
	size_t at;
};

/* Descriptors */

static bool has_public(const struct config *c)
{
	for (uint32_t i = 0; i < c->n_listen; i++)
		if (c->listen[i].role == FRONT_PUBLIC)
			return true;
	return false;
}

struct budget {
	uint64_t allowed;
	uint32_t each, kept; /* of a listener that is not public; of all but public ones */
};

static struct budget budget_of(const struct config *c)
{
	struct budget b = {.each = FD_RESERVED_MAX, .kept = FD_BASE + 2 * c->peers_max};
	uint32_t others = c->admin_socket[0] != 0;
	struct rlimit r;

	b.allowed = getrlimit(RLIMIT_NOFILE, &r) == 0 ? r.rlim_cur : 0;
	for (uint32_t i = 0; i < c->n_listen && !c->admin_places; i++)
		others += c->listen[i].role != FRONT_PUBLIC;
	if (b.allowed < b.kept + FD_RESERVED_SHARE * FD_RESERVED_MIN)
		b.each = FD_RESERVED_MIN;
	else if (b.allowed - b.kept < FD_RESERVED_SHARE * FD_RESERVED_MAX)
		b.each = (uint32_t)(b.allowed - b.kept) / FD_RESERVED_SHARE;
	b.kept += b.each * others;
	return b;
}

static void raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		log_line(LOG_WARN, "tallyd", "the limit of open files cannot be raised");
}

enum err listen_descriptors(const struct config *c, struct why *why)
{
	struct budget b;
	uint32_t need;

	raise_limit();
	b = budget_of(c);
	need = b.kept + (has_public(c) ? FD_PUBLIC_MIN : 0);
	if (b.allowed < need)
		return why_set(
		    why, ERR_FULL,
		    "%llu open files are allowed, %u are needed: %d for the node, %u for "
		    "%u peers, the rest for clients; raise ulimit -n or LimitNOFILE",
		    (unsigned long long)b.allowed, need, FD_BASE, 2 * c->peers_max, c->peers_max);
	log_line(LOG_INFO, "tallyd",
		 "open files: %llu allowed, %u kept for the node, its peers and administrators",
		 (unsigned long long)b.allowed, b.kept);
	return ERR_NONE;
}

void listen_limits(struct front_limits *out, const struct config *c)
{
	struct budget b = budget_of(c);

	*out = c->front;
	out->fd_reserve = b.kept;
	out->reserved_max = b.each;
	out->limit_loopback = c->charge.loopback;
	out->proxies = (const char *const *)c->proxies;
	out->n_proxies = c->n_proxies;
}

/* The token */

static enum err token_make(const char *path, struct why *why)
{
	uint8_t raw[32];
	char text[2 * sizeof(raw) + 2];
	enum err e;

	entropy_fill(raw, sizeof(raw));
	hex_encode(text, raw, sizeof(raw));
	text[2 * sizeof(raw)] = '\n';
	e = file_write_new(path, bytes_of(text, 2 * sizeof(raw) + 1), 0600, why);
	secure_wipe(raw, sizeof(raw));
	secure_wipe(text, sizeof(text));
	return e;
}

/* One word of printable characters. */
static bool token_good(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return n >= TOKEN_CHARS_MIN;
}

static enum err token_read(char out[TOKEN_CHARS_MAX + 1], const char *path, struct why *why)
{
	struct buf b = BUF_INIT;
	enum err e;

	buf_reserve(&b, TOKEN_CHARS_MAX + 2);
	e = file_read_secret(&b, path, TOKEN_CHARS_MAX + 1, why);
	if (e == ERR_NONE) {
		size_t n = b.n;

		while (n && (b.p[n - 1] == '\n' || b.p[n - 1] == '\r'))
			n--;
		n = n > TOKEN_CHARS_MAX ? 0 : n;
		memcpy(out, b.p, n);
		out[n] = '\0';
		if (!token_good(out, n))
			e = why_set(why, ERR_INVALID,
				    "%s: a token is %d to %d printable characters", path,
				    TOKEN_CHARS_MIN, TOKEN_CHARS_MAX);
	}
	secure_wipe(b.p, b.cap);
	buf_close(&b);
	return e == ERR_NONE ? e : why_add(why, e, "[admin] token_file");
}

static enum err token_get(char out[TOKEN_CHARS_MAX + 1], const char *path, struct why *why)
{
	enum err e;

	if (access(path, F_OK) != 0) {
		e = token_make(path, why);
		if (e != ERR_NONE && e != ERR_DUPLICATE)
			return why_add(why, e, "[admin] token_file");
		if (e == ERR_NONE)
			log_line(LOG_INFO, "tallyd", "the token for administrators is in %s", path);
	}
	return token_read(out, path, why);
}

/* Opening */

PRINTF(2, 3)
static void say(struct listen *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (l->at < sizeof(l->line))
		l->at += (size_t)vsnprintf(l->line + l->at, sizeof(l->line) - l->at, fmt, ap);
	va_end(ap);
}

static enum err open_port(struct listen *l, uint32_t i, const char *token, struct tls_keys *keys,
			  struct why *why)
{
	static const char *const role[] = {"", " (admin)", " (metrics)"};
	const struct config_listen *c = &l->c->listen[i];
	struct front_listener_config f = {
	    .host = c->host, .port = c->port, .role = c->role, .places = l->c->admin_places};
	bool six = strchr(c->host, ':') != NULL;
	enum err e;

	if (c->role == FRONT_ADMIN && *token)
		f.token = token;
	if (c->tls)
		f.keys = keys;
	e = front_listen(l->front, &f, &l->ports[i], why);
	if (e == ERR_NONE)
		say(l, " %s%s%s:%u%s%s", six ? "[" : "", c->host, six ? "]" : "", l->ports[i],
		    c->tls ? " (TLS)" : "", role[c->role]);
	return e;
}

static enum err open_all(struct listen *l, struct tls_keys *keys, struct why *why)
{
	struct front_listener_config f = {.path = l->c->admin_socket, .role = FRONT_ADMIN};
	char token[TOKEN_CHARS_MAX + 1] = "";
	enum err e = ERR_NONE;

	for (uint32_t i = 0; i < l->c->n_listen && e == ERR_NONE; i++) {
		if (l->c->listen[i].role == FRONT_ADMIN && !*token && l->c->admin_token_file[0])
			e = token_get(token, l->c->admin_token_file, why);
		if (e == ERR_NONE)
			e = open_port(l, i, token, keys, why);
	}
	secure_wipe(token, sizeof(token));
	if (e != ERR_NONE || !l->c->admin_socket[0])
		return e;
	e = front_listen(l->front, &f, NULL, why);
	if (e != ERR_NONE)
		return why_add(why, e, "[admin] socket");
	l->unix_open = true;
	say(l, " %s (admin)", l->c->admin_socket);
	return ERR_NONE;
}

enum err listen_open(struct listen **out, uv_loop_t *loop, const struct config *c,
		     struct front_server *front, struct why *why)
{
	struct listen *l = mem_zalloc(1, sizeof(*l));
	struct tls_keys *keys = NULL;
	enum err e = ERR_NONE;

	l->c = c;
	l->front = front;
	*out = l;
	if (c->tls_certificate[0])
		e = certs_read(&keys, c, why);
	if (e == ERR_NONE)
		e = open_all(l, keys, why);
	tls_keys_unref(keys);
	if (e != ERR_NONE)
		return e;
	if (c->tls_certificate[0])
		l->certs = certs_watch(loop, c, front);
	log_line(LOG_INFO, "tallyd", "serving HTTP and WebSocket on%s",
		 l->at ? l->line : " no port");
	return ERR_NONE;
}

bool listen_info(const struct listen *l, uint32_t i, struct listen_info *out)
{
	if (i < l->c->n_listen) {
		*out = (struct listen_info){.host = l->c->listen[i].host,
					    .port = l->ports[i],
					    .role = l->c->listen[i].role,
					    .tls = l->c->listen[i].tls};
		return true;
	}
	*out = (struct listen_info){.host = l->c->admin_socket, .role = FRONT_ADMIN};
	return i == l->c->n_listen && l->unix_open;
}

void listen_reload(struct listen *l)
{
	if (l)
		certs_reload(l->certs);
}

void listen_stop(struct listen *l)
{
	if (l)
		certs_stop(l->certs);
}

void listen_free(struct listen *l)
{
	if (!l)
		return;
	certs_free(l->certs);
	mem_free(l);
}

enum err listen_check(const struct config *c, struct why *why)
{
	char token[TOKEN_CHARS_MAX + 1];
	struct tls_keys *keys;
	enum err e = ERR_NONE;

	if (c->tls_certificate[0]) {
		e = certs_read(&keys, c, why);
		if (e == ERR_NONE)
			tls_keys_unref(keys);
	}
	if (e == ERR_NONE && c->admin_token_file[0] && access(c->admin_token_file, F_OK) == 0)
		e = token_read(token, c->admin_token_file, why);
	secure_wipe(token, sizeof(token));
	return e;
}
