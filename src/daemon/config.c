/* SPDX-License-Identifier: ISC */
#include "daemon/config.h"

#include "base/limits.h"
#include "base/mem.h"
#include "crypto/base58.h"
#include "os/file.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>

#define CONFIG_BYTES_MAX   (256u << 10)
#define CONFIG_LINE_MAX    190 /* the INI reader's own line buffer holds 200 */
#define HISTORY_MIN        256
#define HISTORY_DEFAULT    10000
#define STOP_BELOW_DEFAULT (2ull << 30)
#define EMERGENCY_DEFAULT  (256ull << 20)

struct parse {
	struct config *c;
	const char *dir; /* of the file, for relative paths */
	uint64_t seen;   /* single keys that were given, by row of the table */
	enum err err;
	struct why why;
};

typedef enum err setter(struct parse *p, const char *value);

static enum err bad(struct parse *p, enum err e, const char *what)
{
	return why_set(&p->why, e, "%s", what);
}

static enum err set_path(struct parse *p, char out[CONFIG_PATH_MAX], const char *v)
{
	int n;

	if (!*v)
		return bad(p, ERR_INVALID, "a path is wanted");
	if (*v == '/')
		n = snprintf(out, CONFIG_PATH_MAX, "%s", v);
	else
		n = snprintf(out, CONFIG_PATH_MAX, "%s/%s", p->dir, v);
	return n < CONFIG_PATH_MAX ? ERR_NONE : bad(p, ERR_TOO_LARGE, "path too long");
}

static enum err set_number(struct parse *p, uint64_t *out, const char *v, uint64_t lo, uint64_t hi)
{
	unsigned long long x;
	char *end;

	if (!isdigit((unsigned char)*v))
		return bad(p, ERR_INVALID, "a whole number is wanted");
	x = strtoull(v, &end, 10);
	if (*end || strlen(v) > 19)
		return bad(p, ERR_INVALID, "a whole number is wanted");
	if (x < lo || x > hi)
		return why_set(&p->why, ERR_RANGE, "%llu is not between %llu and %llu", x,
			       (unsigned long long)lo, (unsigned long long)hi);
	*out = x;
	return ERR_NONE;
}

static enum err set_data_dir(struct parse *p, const char *v)
{
	return set_path(p, p->c->data_dir, v);
}

static enum err set_genesis(struct parse *p, const char *v)
{
	return set_path(p, p->c->genesis, v);
}

static enum err set_network_id(struct parse *p, const char *v)
{
	uint64_t x;
	enum err e = set_number(p, &x, v, 0, UINT32_MAX);

	if (e == ERR_NONE) {
		p->c->network_id = (uint32_t)x;
		p->c->has_network_id = true;
	}
	return e;
}

static enum err set_history(struct parse *p, const char *v)
{
	uint64_t x = 0;
	enum err e = ERR_NONE;

	if (strcmp(v, "full") != 0)
		e = set_number(p, &x, v, HISTORY_MIN, UINT32_MAX);
	p->c->history = (uint32_t)x;
	return e;
}

static enum err set_log_file(struct parse *p, const char *v)
{
	return set_path(p, p->c->log_file, v);
}

static enum err set_log_level(struct parse *p, const char *v)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	size_t i;

	for (i = 0; i < 4; i++)
		if (!strcmp(v, levels[i])) {
			snprintf(p->c->log_level, sizeof(p->c->log_level), "%s", v);
			return ERR_NONE;
		}
	return bad(p, ERR_INVALID, "error, warn, info or debug is wanted");
}

static enum err set_validator_key(struct parse *p, const char *v)
{
	return set_path(p, p->c->validator_key_file, v);
}

static enum err set_validator_token(struct parse *p, const char *v)
{
	return set_path(p, p->c->validator_token_file, v);
}

static enum err set_revocation(struct parse *p, const char *v)
{
	return set_path(p, p->c->revocation_file, v);
}

static enum err add_key(struct parse *p, struct config_keys *to, const char *v)
{
	struct public_key key;
	uint32_t i;

	if (base58_decode(key.b, BASE58_NODE_PUBLIC, v, strlen(v)) != ERR_NONE)
		return why_set(&p->why, ERR_INVALID, "\"%s\" is no validator public key (n...)", v);
	for (i = 0; i < to->n; i++)
		if (!public_key_cmp(&to->v[i], &key))
			return why_set(&p->why, ERR_DUPLICATE, "%s is listed twice", v);
	if (to->n == UNL_MAX)
		return why_set(&p->why, ERR_FULL, "more than %d validators", UNL_MAX);
	to->v = mem_resize(to->v, to->n + 1, sizeof(key));
	to->v[to->n++] = key;
	return ERR_NONE;
}

static enum err add_unl(struct parse *p, const char *v)
{
	return add_key(p, &p->c->unl, v);
}

static enum err add_key_file(struct parse *p, struct config_keys *to, const char *v)
{
	char path[CONFIG_PATH_MAX], *line, *save = NULL;
	struct buf b = BUF_INIT;
	enum err e = set_path(p, path, v);

	if (e == ERR_NONE)
		e = file_read(&b, path, CONFIG_BYTES_MAX, &p->why);
	if (e != ERR_NONE)
		goto out;
	buf_put_u8(&b, 0);
	for (line = strtok_r((char *)b.p, "\r\n", &save); line && e == ERR_NONE;
	     line = strtok_r(NULL, "\r\n", &save)) {
		line += strspn(line, " \t");
		line[strcspn(line, " \t#")] = '\0';
		if (*line)
			e = add_key(p, to, line);
	}
	if (e != ERR_NONE)
		e = why_add(&p->why, e, "%s", path);
out:
	buf_close(&b);
	return e;
}

static enum err set_unl_file(struct parse *p, const char *v)
{
	return add_key_file(p, &p->c->unl, v);
}

/* ---- validator lists ---- */

static enum err add_publisher(struct parse *p, const char *v)
{
	struct config *c = p->c;
	struct public_key key;
	uint32_t i;

	if (!hex_decode(key.b, sizeof(key.b), v, strlen(v)) ||
	    !public_key_valid(bytes_of(key.b, sizeof(key.b))))
		return why_set(&p->why, ERR_INVALID, "\"%s\" is no public key in hex", v);
	for (i = 0; i < c->n_publishers; i++)
		if (!public_key_cmp(&c->publishers[i], &key))
			return why_set(&p->why, ERR_DUPLICATE, "%s is given twice", v);
	if (c->n_publishers == CONFIG_LISTS_MAX)
		return bad(p, ERR_FULL, "too many publishers");
	c->publishers[c->n_publishers++] = key;
	return ERR_NONE;
}

static char *copy_text(const char *v)
{
	return memcpy(mem_alloc(strlen(v) + 1), v, strlen(v) + 1);
}

static enum err add_list_file(struct parse *p, const char *v)
{
	char path[CONFIG_PATH_MAX];
	enum err e = set_path(p, path, v);

	if (e == ERR_NONE && p->c->n_list_files == CONFIG_LISTS_MAX)
		e = bad(p, ERR_FULL, "too many list files");
	if (e == ERR_NONE)
		p->c->list_files[p->c->n_list_files++] = copy_text(path);
	return e;
}

/* Whether a URL of http names this machine. */
static bool http_of_loopback(const char *v)
{
	static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
	size_t i;

	if (strncmp(v, "http://", 7))
		return false;
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		size_t n = strlen(hosts[i]);

		if (!strncmp(v + 7, hosts[i], n) && strchr(":/", v[7 + n]))
			return true;
	}
	return false;
}

static enum err add_list_site(struct parse *p, const char *v)
{
	if (strncmp(v, "https://", 8) != 0 && !http_of_loopback(v))
		return bad(p, ERR_INVALID, "https://... is wanted (http:// from loopback only)");
	if (p->c->n_list_sites == CONFIG_LISTS_MAX)
		return bad(p, ERR_FULL, "too many sites");
	p->c->list_sites[p->c->n_list_sites++] = copy_text(v);
	return ERR_NONE;
}

static enum err set_list_ca(struct parse *p, const char *v)
{
	return set_path(p, p->c->list_ca_file, v);
}

static enum err set_list_refresh(struct parse *p, const char *v)
{
	uint64_t x = 0;
	enum err e = set_number(p, &x, v, 1, 86400);

	p->c->list_refresh_s = (uint32_t)x;
	return e;
}

static enum err set_list_threshold(struct parse *p, const char *v)
{
	uint64_t x = 0;
	enum err e = set_number(p, &x, v, 1, CONFIG_LISTS_MAX);

	p->c->list_threshold = (uint32_t)x;
	return e;
}

static enum err add_overlap_with(struct parse *p, const char *v)
{
	if (p->c->n_overlap_with == CONFIG_LISTS_MAX)
		return bad(p, ERR_FULL, "too many other UNLs");
	return add_key_file(p, &p->c->overlap_with[p->c->n_overlap_with++], v);
}

static enum err set_unsafe_overlap(struct parse *p, const char *v)
{
	if (strcmp(v, "yes") != 0 && strcmp(v, "no") != 0)
		return bad(p, ERR_INVALID, "yes or no is wanted");
	p->c->unsafe_overlap = !strcmp(v, "yes");
	return ERR_NONE;
}

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

static enum err add_listen(struct parse *p, const char *v, bool admin)
{
	struct config_listen l = {.admin = admin};
	enum err e = config_parse_listen(&l, v, &p->why);

	if (e != ERR_NONE)
		return e;
	if (admin && !is_loopback(l.host))
		return bad(p, ERR_INVALID, "the admin listener must be on loopback");
	if (p->c->n_listen == CONFIG_LIST_MAX)
		return bad(p, ERR_FULL, "too many listeners");
	p->c->listen[p->c->n_listen++] = l;
	return ERR_NONE;
}

static enum err add_http(struct parse *p, const char *v)
{
	return add_listen(p, v, false);
}

static enum err add_admin(struct parse *p, const char *v)
{
	return add_listen(p, v, true);
}

static enum err set_peer_listen(struct parse *p, const char *v)
{
	struct config_listen l;
	enum err e = config_parse_listen(&l, v, &p->why);

	snprintf(p->c->peer_listen, sizeof(p->c->peer_listen), "%s", v);
	return e;
}

static enum err add_connect(struct parse *p, const char *v)
{
	struct config_listen l;
	enum err e = config_parse_listen(&l, v, &p->why);

	if (e != ERR_NONE)
		return e;
	if (p->c->n_peer_connect == CONFIG_LIST_MAX)
		return bad(p, ERR_FULL, "too many peers");
	p->c->peer_connect[p->c->n_peer_connect++] = copy_text(v);
	return ERR_NONE;
}

static enum err set_peer_key(struct parse *p, const char *v)
{
	return set_path(p, p->c->peer_key_file, v);
}

static enum err set_peers_max(struct parse *p, const char *v)
{
	uint64_t x = 0;
	enum err e = set_number(p, &x, v, 1, PEERS_MAX);

	p->c->peers_max = (uint32_t)x;
	return e;
}

static enum err set_stop_below(struct parse *p, const char *v)
{
	return set_number(p, &p->c->disk.stop_bytes, v, 0, 1ull << 50);
}

static enum err set_emergency(struct parse *p, const char *v)
{
	return set_number(p, &p->c->disk.emergency_bytes, v, 0, 1ull << 40);
}

static enum err set_percent(struct parse *p, uint32_t *out, const char *v)
{
	uint64_t x = 0;
	enum err e = set_number(p, &x, v, 0, 99);

	*out = (uint32_t)x;
	return e;
}

static enum err set_warn_percent(struct parse *p, const char *v)
{
	return set_percent(p, &p->c->disk.warn_percent, v);
}

static enum err set_history_percent(struct parse *p, const char *v)
{
	return set_percent(p, &p->c->disk.history_percent, v);
}

static enum err set_stop_percent(struct parse *p, const char *v)
{
	return set_percent(p, &p->c->disk.stop_percent, v);
}

static const struct {
	const char *section, *key;
	setter *set;
	bool many;
} rows[] = {
    {"node", "data_dir", set_data_dir, false},
    {"node", "network_id", set_network_id, false},
    {"node", "genesis", set_genesis, false},
    {"node", "history", set_history, false},
    {"node", "log_file", set_log_file, false},
    {"node", "log_level", set_log_level, false},
    {"validator", "key_file", set_validator_key, false},
    {"validator", "token_file", set_validator_token, false},
    {"validator", "revocation_file", set_revocation, false},
    {"unl", "key", add_unl, true},
    {"unl", "file", set_unl_file, false},
    {"unl", "publisher", add_publisher, true},
    {"unl", "list", add_list_file, true},
    {"unl", "site", add_list_site, true},
    {"unl", "ca_file", set_list_ca, false},
    {"unl", "refresh_seconds", set_list_refresh, false},
    {"unl", "list_threshold", set_list_threshold, false},
    {"unl", "overlap_with", add_overlap_with, true},
    {"unl", "unsafe_overlap", set_unsafe_overlap, false},
    {"peers", "listen", set_peer_listen, false},
    {"peers", "connect", add_connect, true},
    {"peers", "key_file", set_peer_key, false},
    {"peers", "max", set_peers_max, false},
    {"http", "listen", add_http, true},
    {"ws", "listen", add_http, true},
    {"admin", "listen", add_admin, true},
    {"disk", "warn_below_percent", set_warn_percent, false},
    {"disk", "history_below_percent", set_history_percent, false},
    {"disk", "stop_below_percent", set_stop_percent, false},
    {"disk", "stop_below_bytes", set_stop_below, false},
    {"disk", "emergency_bytes", set_emergency, false},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* The INI reader reports the line of the first row for which this returns 0. */
static int on_row(void *user, const char *section, const char *key, const char *value)
{
	struct parse *p = user;
	bool section_known = false;
	size_t i;

	if (p->err != ERR_NONE)
		return 1;
	for (i = 0; i < N_ROWS; i++) {
		if (strcmp(rows[i].section, section) != 0)
			continue;
		section_known = true;
		if (strcmp(rows[i].key, key) != 0)
			continue;
		if (!rows[i].many && (p->seen & (1ull << i)))
			p->err = why_set(&p->why, ERR_DUPLICATE, "%s is given twice", key);
		else
			p->err = rows[i].set(p, value ? value : "");
		p->seen |= 1ull << i;
		if (p->err != ERR_NONE)
			why_add(&p->why, p->err, "[%s] %s", section, key);
		return p->err == ERR_NONE;
	}
	if (section_known)
		p->err = why_set(&p->why, ERR_INVALID, "unknown key \"%s\" in [%s]", key, section);
	else
		p->err = why_set(&p->why, ERR_INVALID, "unknown section [%s]", section);
	return 0;
}

static enum err check_lines(const char *text, int *line, struct why *why)
{
	const char *end;

	for (*line = 1; *text; (*line)++, text = *end ? end + 1 : end) {
		end = text + strcspn(text, "\n");
		if (end - text > CONFIG_LINE_MAX)
			return why_set(why, ERR_TOO_LARGE, "line longer than %d characters",
				       CONFIG_LINE_MAX);
	}
	return ERR_NONE;
}

static enum err check_whole(struct config *c, struct why *why)
{
	if (!c->data_dir[0])
		return why_set(why, ERR_INVALID, "[node] data_dir is missing");
	if (!c->genesis[0])
		return why_set(why, ERR_INVALID, "[node] genesis is missing");
	if (!c->unl.n && !c->n_publishers)
		return why_set(why, ERR_INVALID,
			       "[unl] lists no validator (key = n..., or file, or publisher)");
	if (!c->n_publishers != !(c->n_list_files + c->n_list_sites))
		return why_set(why, ERR_INVALID,
			       "[unl] a publisher and a list or a site belong together");
	if (c->list_threshold > c->n_publishers)
		return why_set(why, ERR_RANGE, "[unl] list_threshold is above the publishers");
	if (c->validator_key_file[0] && c->validator_token_file[0])
		return why_set(why, ERR_INVALID,
			       "[validator] key_file and token_file: one of them");
	if (c->disk.stop_percent > c->disk.history_percent ||
	    c->disk.history_percent > c->disk.warn_percent)
		return why_set(why, ERR_RANGE,
			       "[disk] warn_below_percent, history_below_percent and "
			       "stop_below_percent must not rise");
	if (!c->peer_key_file[0] && snprintf(c->peer_key_file, sizeof(c->peer_key_file),
					     "%.1000s/node.key", c->data_dir) < 0)
		return ERR_INVALID;
	return ERR_NONE;
}

enum err config_load(struct config *c, const char *path, struct why *why)
{
	struct parse p = {.c = c};
	struct buf b = BUF_INIT;
	char dir[CONFIG_PATH_MAX];
	const char *slash = strrchr(path, '/');
	int line;

	*c = (struct config){.history = HISTORY_DEFAULT,
			     .log_level = "info",
			     .peers_max = 21,
			     .disk = {.warn_percent = 20,
				      .history_percent = 10,
				      .stop_percent = 5,
				      .stop_bytes = STOP_BELOW_DEFAULT,
				      .emergency_bytes = EMERGENCY_DEFAULT}};
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	if (slash == path)
		snprintf(dir, sizeof(dir), "/");
	p.dir = dir;
	p.err = file_read(&b, path, CONFIG_BYTES_MAX, why);
	if (p.err != ERR_NONE)
		goto out;
	buf_put_u8(&b, 0);
	if (strlen((char *)b.p) + 1 != b.n) {
		p.err = why_set(why, ERR_INVALID, "%s: NUL byte in the file", path);
		goto out;
	}
	p.err = check_lines((char *)b.p, &line, &p.why);
	if (p.err == ERR_NONE) {
		line = ini_parse_string((char *)b.p, on_row, &p);
		if (line > 0 && p.err == ERR_NONE)
			p.err = why_set(&p.why, ERR_INVALID, "neither [section] nor key = value");
	}
	if (p.err != ERR_NONE) {
		p.err = why_set(why, p.err, "%s:%d: %.180s", path, line, p.why.text);
		goto out;
	}
	p.err = check_whole(c, &p.why);
	if (p.err != ERR_NONE)
		why_set(why, p.err, "%s: %.200s", path, p.why.text);
out:
	buf_close(&b);
	if (p.err != ERR_NONE)
		config_close(c);
	return p.err;
}

void config_close(struct config *c)
{
	uint32_t i;

	mem_free(c->unl.v);
	for (i = 0; i < c->n_overlap_with; i++)
		mem_free(c->overlap_with[i].v);
	for (i = 0; i < c->n_list_files; i++)
		mem_free(c->list_files[i]);
	for (i = 0; i < c->n_list_sites; i++)
		mem_free(c->list_sites[i]);
	for (i = 0; i < c->n_peer_connect; i++)
		mem_free(c->peer_connect[i]);
	*c = (struct config){0};
}
