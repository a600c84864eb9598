/* SPDX-License-Identifier: ISC */

/* Listeners: TCP ports and Unix sockets. */
#include "rpc/uv_front.h"

#include "base/mem.h"
#include "crypto/keys.h"
#include "os/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG        4096
#define ACCEPTS_A_TURN 64 /* of public listeners; libuv would take the whole backlog at once */
#define PROBE_EVERY_MS 1000
#define LOG_EVERY_MS   60000

static void on_connection(uv_stream_t *stream, int status)
{
	struct front_listener *l = stream->data;

	if (status < 0) {
		l->f->stats.accept_failed++;
		log_line(LOG_WARN, "rpc", "accept: %s", uv_strerror(status));
	} else if (l->role == FRONT_PUBLIC && l->f->accepted++ >= ACCEPTS_A_TURN) {
		l->held = true; /* libuv asks no more until it is accepted */
	} else {
		conn_accept(l);
	}
}

void listeners_resume(struct front_server *f)
{
	f->accepted = 0;
	for (struct front_listener *l = f->listeners; l; l = l->next)
		if (l->held && !uv_is_closing(&l->h.handle)) {
			l->held = false;
			f->accepted++;
			conn_accept(l);
		}
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct front_listener *l = handle->data;

	front_handle_closed(l->f);
}

void listener_close(struct front_listener *l)
{
	if (uv_is_closing(&l->h.handle))
		return;
	if (l->path && l->bound)
		unlink(l->path);
	uv_close(&l->h.handle, on_listener_closed);
}

void listener_free(struct front_listener *l)
{
	tls_keys_unref(l->keys);
	if (l->token) {
		secure_wipe(l->token, strlen(l->token));
		mem_free(l->token);
	}
	mem_free(l->path);
	mem_free(l);
}

/* TCP */

static enum err listen_err(int e, const struct front_listener_config *config, struct why *why)
{
	const char *host = config->host;
	unsigned port = config->port;

	switch (e) {
	case UV_EADDRINUSE:
		return why_set(why, ERR_BUSY, "port %u on %s is in use by another program", port,
			       host);
	case UV_EACCES:
	case UV_EPERM:
		return why_set(why, ERR_PERMISSION, "port %u on %s needs more rights", port, host);
	case UV_EADDRNOTAVAIL:
		return why_set(why, ERR_ABSENT, "%s is no address of this machine", host);
	case UV_EAFNOSUPPORT:
		return why_set(why, ERR_ABSENT, "%s: this machine does not speak that protocol",
			       host);
	default:
		return why_set(why, ERR_IO, "port %u on %s: %s", port, host, uv_strerror(e));
	}
}

static bool parse_host(struct sockaddr_storage *ss, const struct front_listener_config *config)
{
	const char *host = strcmp(config->host, "localhost") == 0 ? "127.0.0.1" : config->host;

	memset(ss, 0, sizeof(*ss));
	return uv_ip4_addr(host, config->port, (struct sockaddr_in *)(void *)ss) == 0 ||
	       uv_ip6_addr(host, config->port, (struct sockaddr_in6 *)(void *)ss) == 0;
}

static uint16_t port_of(const uv_tcp_t *tcp)
{
	struct sockaddr_storage ss;
	int n = sizeof(ss);

	if (uv_tcp_getsockname(tcp, (struct sockaddr *)&ss, &n) != 0)
		return 0;
	return ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)(void *)&ss)->sin_port
					     : ((struct sockaddr_in6 *)(void *)&ss)->sin6_port);
}

static enum err open_tcp(struct front_listener *l, const struct front_listener_config *config,
			 uint16_t *port, struct why *why)
{
	struct sockaddr_storage ss;
	int e;

	must(uv_tcp_init(l->f->loop, &l->h.tcp) == 0);
	if (!parse_host(&ss, config))
		return why_set(why, ERR_INVALID, "%s is no IPv4 or IPv6 address", config->host);
	e = uv_tcp_bind(&l->h.tcp, (struct sockaddr *)&ss, 0);
	if (e == 0)
		e = uv_listen(&l->h.stream, BACKLOG, on_connection);
	if (e != 0)
		return listen_err(e, config, why);
	if (port)
		*port = port_of(&l->h.tcp);
	return ERR_NONE;
}

/* Unix sockets */

static enum err unix_err(const char *path, int e, struct why *why)
{
	enum err err = ERR_IO;

	if (e == EACCES || e == EPERM)
		err = ERR_PERMISSION;
	else if (e == ENOENT || e == ENOTDIR)
		err = ERR_ABSENT;
	return why_set(why, err, "%s: %s", path, strerror(e));
}

/* Addresses hold 107 bytes: a longer path goes by way of its folder, opened as *folder. */
static enum err unix_address(struct sockaddr_un *a, int *folder, const char *path, struct why *why)
{
	const char *slash = strrchr(path, '/');
	char dir[4096];

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	*folder = -1;
	if (strlen(path) < sizeof(a->sun_path)) {
		memcpy(a->sun_path, path, strlen(path));
		return ERR_NONE;
	}
	if (!slash || strlen(slash) > 64 || (size_t)(slash - path) >= sizeof(dir))
		return why_set(why, ERR_TOO_LARGE, "%s: too long for a socket", path);
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
	*folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*folder < 0)
		return unix_err(path, errno, why);
	snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d%.64s", *folder, slash);
	return ERR_NONE;
}

/* A socket that nobody listens to is what an earlier process has left: it goes. */
static enum err remove_stale(const struct sockaddr_un *a, const char *path, struct why *why)
{
	struct stat st;
	int fd, e;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? ERR_NONE : unix_err(path, errno, why);
	if (!S_ISSOCK(st.st_mode))
		return why_set(why, ERR_DUPLICATE, "%s exists and is no socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return unix_err(path, errno, why);
	e = connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0 ? 0 : errno;
	close(fd);
	if (e == 0 || e == EAGAIN)
		return why_set(why, ERR_BUSY, "%s is in use by another program", path);
	if (e != ECONNREFUSED || unlink(path) != 0)
		return unix_err(path, e != ECONNREFUSED ? e : errno, why);
	return ERR_NONE;
}

static enum err bind_unix(struct front_listener *l, const struct sockaddr_un *a, struct why *why)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), e;

	/* The mode of an unbound socket is that of its file: no moment at which others may. */
	if (fd < 0 || fchmod(fd, 0600) != 0 ||
	    bind(fd, (const struct sockaddr *)a, sizeof(*a)) != 0) {
		e = errno;
		if (fd >= 0)
			close(fd);
		return unix_err(l->path, e, why);
	}
	l->bound = true;
	must(uv_pipe_open(&l->h.pipe, fd) == 0);
	e = uv_listen(&l->h.stream, BACKLOG, on_connection);
	if (e != 0)
		return why_set(why, ERR_IO, "%s: %s", l->path, uv_strerror(e));
	return ERR_NONE;
}

static enum err open_unix(struct front_listener *l, const char *path, struct why *why)
{
	struct sockaddr_un a;
	int folder;
	enum err e;

	must(uv_pipe_init(l->f->loop, &l->h.pipe, 0) == 0);
	l->path = mem_alloc(strlen(path) + 1);
	memcpy(l->path, path, strlen(path) + 1);
	e = unix_address(&a, &folder, path, why);
	if (e == ERR_NONE)
		e = remove_stale(&a, path, why);
	if (e == ERR_NONE)
		e = bind_unix(l, &a, why);
	if (folder >= 0)
		close(folder);
	return e;
}

/* Both */

enum err front_listen(struct front_server *f, const struct front_listener_config *config,
		      uint16_t *port, struct why *why)
{
	struct front_listener *l = mem_zalloc(1, sizeof(*l));
	enum err e;

	must(!f->closing);
	l->f = f;
	l->role = config->role;
	l->keys = config->keys ? tls_keys_ref(config->keys) : NULL;
	l->own.max = config->places ? config->places : f->limits.reserved_max;
	if (l->own.max > f->pool.max)
		l->own.max = f->pool.max;
	l->pool = l->role == FRONT_PUBLIC ? &f->pool : &l->own;
	if (config->token) {
		l->token = mem_alloc(strlen(config->token) + 1);
		memcpy(l->token, config->token, strlen(config->token) + 1);
	}
	snprintf(l->host, sizeof(l->host), "%s", config->path ? "localhost" : config->host);
	e = config->path ? open_unix(l, config->path, why) : open_tcp(l, config, port, why);
	l->h.handle.data = l;
	l->next = f->listeners;
	f->listeners = l;
	f->open_handles++;
	if (e != ERR_NONE)
		listener_close(l);
	return e;
}

/* At the process's limit of descriptors libuv accepts and closes without a word (PORTS E.6). That
 * must not happen, and is told when it does. */
void front_probe_descriptors(struct front_server *f, int64_t now)
{
	uv_os_fd_t fd;
	int copy;

	if (now < f->probe_due || !f->listeners || uv_fileno(&f->listeners->h.handle, &fd) != 0)
		return;
	f->probe_due = now + PROBE_EVERY_MS;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy >= 0) {
		close(copy);
		return;
	}
	f->stats.descriptors_out++;
	if (now < f->probe_log_due)
		return;
	f->probe_log_due = now + LOG_EVERY_MS;
	log_line(LOG_ERROR, "rpc", "no descriptor is free (%s): connections are lost",
		 strerror(errno));
}
