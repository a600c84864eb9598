/* SPDX-License-Identifier: ISC */

/* What a configuration asks of this machine, for --check-config: it changes nothing. */
#include "daemon/config_parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The folder that a path is in. */
static void parent_of(char out[CONFIG_PATH_MAX], const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		snprintf(out, CONFIG_PATH_MAX, ".");
	else
		snprintf(out, CONFIG_PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path),
			 path);
}

static enum err no_access(struct why *why, const char *path)
{
	return why_set(why, errno == EACCES || errno == EROFS ? ERR_PERMISSION : ERR_IO, "%s: %s",
		       path, strerror(errno));
}

/* A folder in which files can be made. */
static enum err folder_usable(const char *path, struct why *why)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return no_access(why, path);
	if (!S_ISDIR(st.st_mode))
		return why_set(why, ERR_INVALID, "%s: not a folder", path);
	return access(path, W_OK | X_OK) ? no_access(why, path) : ERR_NONE;
}

/* One that is there, or can be made. */
static enum err folder_creatable(const char *path, struct why *why)
{
	char parent[CONFIG_PATH_MAX];

	if (access(path, F_OK) == 0)
		return folder_usable(path, why);
	parent_of(parent, path);
	return folder_usable(parent, why);
}

static enum err file_writable(const char *path, struct why *why)
{
	char parent[CONFIG_PATH_MAX];
	struct stat st;

	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return why_set(why, ERR_INVALID, "%s: is a folder", path);
		return access(path, W_OK) ? no_access(why, path) : ERR_NONE;
	}
	parent_of(parent, path);
	return folder_usable(parent, why);
}

static enum err file_readable(const char *path, struct why *why)
{
	return access(path, R_OK) ? no_access(why, path) : ERR_NONE;
}

/* A file that is made at the start if it is absent: in the data folder, which may be made too. */
static enum err file_to_be(const struct config *c, const char *path, struct why *why)
{
	char parent[CONFIG_PATH_MAX];

	if (access(path, F_OK) == 0)
		return file_readable(path, why);
	parent_of(parent, path);
	return !strcmp(parent, c->data_dir) ? folder_creatable(parent, why)
					    : folder_usable(parent, why);
}

static enum err socket_possible(const struct config *c, struct why *why)
{
	char parent[CONFIG_PATH_MAX];

	if (strlen(c->admin_socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return why_set(why, ERR_TOO_LARGE, "%s: too long for a socket (%zu characters)",
			       c->admin_socket, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
	parent_of(parent, c->admin_socket);
	return !strcmp(parent, c->data_dir) ? folder_creatable(parent, why)
					    : folder_usable(parent, why);
}

enum err config_check_files(const struct config *c, struct why *why)
{
	enum err e = folder_creatable(c->data_dir, why);

	if (e != ERR_NONE)
		return why_add(why, e, "[node] data_dir");
	e = c->log.file[0] ? file_writable(c->log.file, why) : ERR_NONE;
	if (e != ERR_NONE)
		return why_add(why, e, "[log] file");
	e = c->list_ca_file[0] ? file_readable(c->list_ca_file, why) : ERR_NONE;
	if (e != ERR_NONE)
		return why_add(why, e, "[unl] ca_file");
	e = file_to_be(c, c->peer_key_file, why);
	if (e != ERR_NONE)
		return why_add(why, e, "[peers] key_file");
	e = c->admin_token_file[0] ? file_to_be(c, c->admin_token_file, why) : ERR_NONE;
	if (e != ERR_NONE)
		return why_add(why, e, "[admin] token_file");
	e = c->admin_socket[0] && !c->no_admin_socket ? socket_possible(c, why) : ERR_NONE;
	return e == ERR_NONE ? e : why_add(why, e, "[admin] socket");
}

/* ---- Listeners that are in each other's way */

static bool any_address(const char *host)
{
	return !strcmp(host, "0.0.0.0") || !strcmp(host, "::");
}

static bool same_place(const struct config_listen *a, const struct config_listen *b)
{
	bool six = strchr(a->host, ':') != NULL;

	if (!a->port || a->port != b->port || six != (strchr(b->host, ':') != NULL))
		return false;
	return any_address(a->host) || any_address(b->host) || !strcmp(a->host, b->host);
}

enum err config_check_places(const struct config *c, struct why *why)
{
	struct config_listen peers = {0};
	uint32_t i, j;

	if (c->peer_listen[0] && config_parse_listen(&peers, c->peer_listen, why) != ERR_NONE)
		return ERR_INVALID;
	for (i = 0; i < c->n_listen; i++) {
		if (same_place(&c->listen[i], &peers))
			return why_set(why, ERR_DUPLICATE,
				       "[peers] listen: port %u is also one "
				       "for clients",
				       peers.port);
		for (j = 0; j < i; j++)
			if (same_place(&c->listen[i], &c->listen[j]))
				return why_set(why, ERR_DUPLICATE, "two listeners at port %u of %s",
					       c->listen[i].port, c->listen[i].host);
	}
	return ERR_NONE;
}
