/* SPDX-License-Identifier: ISC */
#include "daemon/config_parse.h"

#include "base/mem.h"
#include "os/file.h"

#include <ctype.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_LINE_MAX    190 /* the INI reader's own line buffer holds 200 */
#define SHOWN_PATH_MAX     100
#define HISTORY_DEFAULT    10000
#define SLOW_MS_DEFAULT    500
#define STOP_BELOW_DEFAULT (2ull << 30)
#define EMERGENCY_DEFAULT  (256ull << 20)

enum err config_bad(struct config_parse *p, enum err e, const char *what)
{
	return why_set(&p->why, e, "%s", what);
}

enum err config_path(struct config_parse *p, char out[CONFIG_PATH_MAX], const char *v)
{
	int n;

	if (!*v)
		return config_bad(p, ERR_INVALID, "a path is wanted");
	if (*v == '/')
		n = snprintf(out, CONFIG_PATH_MAX, "%s", v);
	else
		n = snprintf(out, CONFIG_PATH_MAX, "%s/%s", p->dir, v);
	return n < CONFIG_PATH_MAX ? ERR_NONE : config_bad(p, ERR_TOO_LARGE, "path too long");
}

enum err config_number(struct config_parse *p, uint64_t *out, const char *v, uint64_t lo,
		       uint64_t hi)
{
	unsigned long long x;
	char *end;

	if (!isdigit((unsigned char)*v))
		return config_bad(p, ERR_INVALID, "a whole number is wanted");
	x = strtoull(v, &end, 10);
	if (*end || strlen(v) > 19)
		return config_bad(p, ERR_INVALID, "a whole number is wanted");
	if (x < lo || x > hi)
		return why_set(&p->why, ERR_RANGE, "%llu is not between %llu and %llu", x,
			       (unsigned long long)lo, (unsigned long long)hi);
	*out = x;
	return ERR_NONE;
}

enum err config_yes(struct config_parse *p, bool *out, const char *v)
{
	if (strcmp(v, "yes") != 0 && strcmp(v, "no") != 0)
		return config_bad(p, ERR_INVALID, "yes or no is wanted");
	*out = !strcmp(v, "yes");
	return ERR_NONE;
}

char *config_copy(const char *v)
{
	return memcpy(mem_alloc(strlen(v) + 1), v, strlen(v) + 1);
}

static const struct {
	const char *section, *key;
	config_setter *set;
	bool many;
} rows[] = {
#define C(section, key, set, many) {section, key, set, many},
#include "daemon/config.def"
#undef C
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))
_Static_assert(N_ROWS <= CONFIG_KEYS_MAX, "raise CONFIG_KEYS_MAX");

/* The INI reader reports the line of the first row for which this returns 0. */
static int on_row(void *user, const char *section, const char *key, const char *value)
{
	struct config_parse *p = user;
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
		if (!rows[i].many && p->seen[i])
			p->err = why_set(&p->why, ERR_DUPLICATE, "%s is given twice", key);
		else
			p->err = rows[i].set(p, value ? value : "");
		p->seen[i] = true;
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
	enum err e;

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
	if ((c->charge.warn_at ? c->charge.warn_at : CHARGE_WARN_AT) >=
	    (c->charge.drop_at ? c->charge.drop_at : CHARGE_DROP_AT))
		return why_set(why, ERR_RANGE, "[limits] warn_at must be below drop_at");
	if (txq_setup_wrong(&c->txq))
		return why_set(why, ERR_RANGE, "[transaction_queue] %s", txq_setup_wrong(&c->txq));
	if (!c->peer_key_file[0] && snprintf(c->peer_key_file, sizeof(c->peer_key_file),
					     "%.1000s/node.key", c->data_dir) < 0)
		return ERR_INVALID;
	e = config_check_places(c, why);
	return e == ERR_NONE ? config_check_serve(c, why) : e;
}

/* The end of a path, so that what is wrong has room beside it. */
static const char *shown_path(const char *path)
{
	size_t n = strlen(path);

	return n > SHOWN_PATH_MAX ? path + n - SHOWN_PATH_MAX : path;
}

static void set_defaults(struct config *c)
{
	*c = (struct config){.history = HISTORY_DEFAULT,
			     .txq = txq_setup_default(),
			     .log = {.level = LOG_INFO, .slow_ms = SLOW_MS_DEFAULT},
			     .peers_max = 21,
			     .front = {.per_address_max = 20, .accepts_per_s = 50},
			     .disk = {.warn_percent = 20,
				      .history_percent = 10,
				      .stop_percent = 5,
				      .stop_bytes = STOP_BELOW_DEFAULT,
				      .emergency_bytes = EMERGENCY_DEFAULT}};
}

/* The lines of a text that ends with a NUL byte. */
static enum err parse_lines(struct config_parse *p, const char *text, const char *path,
			    struct why *why)
{
	int line;

	p->err = check_lines(text, &line, &p->why);
	if (p->err == ERR_NONE) {
		line = ini_parse_string(text, on_row, p);
		if (line > 0 && p->err == ERR_NONE)
			p->err = why_set(&p->why, ERR_INVALID, "neither [section] nor key = value");
	}
	if (p->err != ERR_NONE)
		return why_set(why, p->err, "%s:%d: %s", shown_path(path), line, p->why.text);
	p->err = check_whole(p->c, &p->why);
	if (p->err != ERR_NONE)
		why_set(why, p->err, "%s: %s", shown_path(path), p->why.text);
	return p->err;
}

enum err config_parse(struct config *c, struct bytes text, const char *path, struct why *why)
{
	struct config_parse p = {.c = c};
	struct buf b = BUF_INIT;
	char dir[CONFIG_PATH_MAX];
	const char *slash = strrchr(path, '/');
	enum err e;

	set_defaults(c);
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	if (slash == path)
		snprintf(dir, sizeof(dir), "/");
	p.dir = dir;
	if (text.n)
		buf_put(&b, text.p, text.n);
	buf_put_u8(&b, 0);
	if (strlen((char *)b.p) + 1 != b.n)
		e = why_set(why, ERR_INVALID, "%s: NUL byte in the file", path);
	else
		e = parse_lines(&p, (char *)b.p, path, why);
	buf_close(&b);
	if (e != ERR_NONE)
		config_close(c);
	return e;
}

enum err config_load(struct config *c, const char *path, struct why *why)
{
	struct buf b = BUF_INIT;
	enum err e = file_read(&b, path, CONFIG_BYTES_MAX, why);

	*c = (struct config){0};
	if (e == ERR_NONE)
		e = config_parse(c, buf_bytes(&b), path, why);
	buf_close(&b);
	return e;
}

void config_close(struct config *c)
{
	uint32_t i;

	mem_free(c->unl.v);
	for (i = 0; i < c->n_exempt; i++)
		mem_free(c->exempt[i]);
	for (i = 0; i < c->n_proxies; i++)
		mem_free(c->proxies[i]);
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
