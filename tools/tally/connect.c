/* SPDX-License-Identifier: ISC */

/* Which server a command speaks to, and how. */
#include "daemon/config.h"
#include "os/file.h"
#include "tally.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define URL_OF_STANDALONE "http://127.0.0.1:5005/"
#define SOCKET_OF_SERVICE "/var/lib/tally/admin.sock"
#define SOCKET_PATH_MAX   107 /* what a socket's address holds */
#define TOKEN_BYTES_MAX   512

/* The first listener of this role that a program on this machine reaches. */
static bool url_of_listener(struct tally *t, const struct config *c, enum front_role role)
{
	for (uint32_t i = 0; i < c->n_listen; i++) {
		const struct config_listen *l = &c->listen[i];
		bool any = !strcmp(l->host, "0.0.0.0") || !strcmp(l->host, "::");
		bool six = strchr(l->host, ':') && !any;

		if (l->role != role || l->tls)
			continue;
		snprintf(t->url_text, sizeof(t->url_text), "http://%s%s%s:%u/", six ? "[" : "",
			 any ? "127.0.0.1" : l->host, six ? "]" : "", l->port);
		t->url = t->url_text;
		return true;
	}
	return false;
}

static bool use_socket(struct tally *t, const char *path)
{
	size_t n = strlen(path);
	const char *slash = strrchr(path, '/');
	char folder[CONFIG_PATH_MAX];
	int fd;

	t->url = "http://localhost/";
	snprintf(t->socket, sizeof(t->socket), "%s", path);
	if (n <= SOCKET_PATH_MAX)
		return true;
	if (!slash || n >= sizeof(folder))
		return tally_fail(t, 0, "%s: the path is too long", path) != 0;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC); /* until the program ends */
	snprintf(t->socket, sizeof(t->socket), "/proc/self/fd/%d%s", fd, slash);
	return true;
}

static bool use_config(struct tally *t, const char *path)
{
	struct why why = {""};
	struct config c;
	bool ok;

	if (config_load(&c, path, &why) != ERR_NONE)
		return tally_fail(t, 0, "%s", why.text) != 0;
	if (c.admin_socket[0]) {
		ok = use_socket(t, c.admin_socket);
	} else if (url_of_listener(t, &c, FRONT_ADMIN)) {
		snprintf(t->token_file, sizeof(t->token_file), "%s", c.admin_token_file);
		ok = true;
	} else {
		ok = url_of_listener(t, &c, FRONT_PUBLIC);
		if (!ok)
			tally_fail(t, 0, "%s: no listener that this program can use", path);
	}
	config_close(&c);
	return ok;
}

static bool use_data(struct tally *t, const char *dir)
{
	char path[CONFIG_PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/admin.sock", dir) >= (int)sizeof(path))
		return tally_fail(t, 0, "%s: the path is too long", dir) != 0;
	return use_socket(t, path);
}

static bool is_loopback_url(const char *url)
{
	static const char *const good[] = {"http://127.", "http://localhost:", "http://localhost/",
					   "http://[::1]", "https://"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!strncmp(url, good[i], strlen(good[i])))
			return true;
	return false;
}

/* Reads the token into the line of the request that shows it. */
static bool read_token(struct tally *t)
{
	struct buf b = BUF_INIT;
	struct why why = {""};
	enum err e;

	if (!is_loopback_url(t->url))
		return tally_fail(t, 0, "%s: a token goes over https or to this machine only",
				  t->url) != 0;
	buf_reserve(&b, TOKEN_BYTES_MAX + 1);
	e = file_read_secret(&b, t->token_file, TOKEN_BYTES_MAX, &why);
	while (b.n && b.p[b.n - 1] <= ' ')
		b.n--;
	if (e == ERR_NONE)
		snprintf(t->authorization, sizeof(t->authorization), "Authorization: Bearer %.*s",
			 (int)b.n, (const char *)b.p);
	secure_wipe(b.p, b.cap);
	buf_close(&b);
	return e == ERR_NONE || tally_fail(t, 0, "%s", why.text) != 0;
}

static bool use_default(struct tally *t)
{
	const char *url = getenv("TALLY_URL");

	if (url && *url)
		t->url = url;
	else if (access(SOCKET_OF_SERVICE, W_OK) == 0)
		return use_socket(t, SOCKET_OF_SERVICE);
	else
		t->url = URL_OF_STANDALONE;
	return true;
}

bool tally_connection(struct tally *t)
{
	const char *url = tally_option(t, "--url"), *config = tally_option(t, "--config");
	const char *data = tally_option(t, "--data"), *path = tally_option(t, "--socket");
	const char *token = tally_option(t, "--token-file");
	bool ok;

	t->ca_file = tally_option(t, "--ca-file");
	if (!!url + !!config + !!data + !!path > 1)
		return tally_fail(t, 0, "--url, --config, --data, --socket: one of them") != 0;
	if (url)
		t->url = url;
	if (config)
		ok = use_config(t, config);
	else if (data)
		ok = use_data(t, data);
	else if (path)
		ok = use_socket(t, path);
	else
		ok = url || use_default(t);
	if (token)
		snprintf(t->token_file, sizeof(t->token_file), "%s", token);
	return ok && (!t->token_file[0] || read_token(t));
}
