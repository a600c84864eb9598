/* SPDX-License-Identifier: ISC */

/* [unl] */
#include "daemon/config_parse.h"

#include "base/limits.h"
#include "base/mem.h"
#include "crypto/base58.h"
#include "os/file.h"

#include <stdio.h>
#include <string.h>

static enum err add_key(struct config_parse *p, struct config_keys *to, const char *v)
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

enum err config_add_unl(struct config_parse *p, const char *v)
{
	return add_key(p, &p->c->unl, v);
}

static enum err add_key_file(struct config_parse *p, struct config_keys *to, const char *v)
{
	char path[CONFIG_PATH_MAX], *line, *save = NULL;
	struct buf b = BUF_INIT;
	enum err e = config_path(p, path, v);

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

enum err config_set_unl_file(struct config_parse *p, const char *v)
{
	return add_key_file(p, &p->c->unl, v);
}

enum err config_add_publisher(struct config_parse *p, const char *v)
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
		return config_bad(p, ERR_FULL, "too many publishers");
	c->publishers[c->n_publishers++] = key;
	return ERR_NONE;
}

enum err config_add_list_file(struct config_parse *p, const char *v)
{
	char path[CONFIG_PATH_MAX];
	enum err e = config_path(p, path, v);

	if (e == ERR_NONE && p->c->n_list_files == CONFIG_LISTS_MAX)
		e = config_bad(p, ERR_FULL, "too many list files");
	if (e == ERR_NONE)
		p->c->list_files[p->c->n_list_files++] = config_copy(path);
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

enum err config_add_list_site(struct config_parse *p, const char *v)
{
	if (strncmp(v, "https://", 8) != 0 && !http_of_loopback(v))
		return config_bad(p, ERR_INVALID,
				  "https://... is wanted (http:// from loopback only)");
	if (p->c->n_list_sites == CONFIG_LISTS_MAX)
		return config_bad(p, ERR_FULL, "too many sites");
	p->c->list_sites[p->c->n_list_sites++] = config_copy(v);
	return ERR_NONE;
}

enum err config_set_list_ca(struct config_parse *p, const char *v)
{
	return config_path(p, p->c->list_ca_file, v);
}

enum err config_set_list_refresh(struct config_parse *p, const char *v)
{
	uint64_t x = 0;
	enum err e = config_number(p, &x, v, 1, 86400);

	p->c->list_refresh_s = (uint32_t)x;
	return e;
}

enum err config_set_list_threshold(struct config_parse *p, const char *v)
{
	uint64_t x = 0;
	enum err e = config_number(p, &x, v, 1, CONFIG_LISTS_MAX);

	p->c->list_threshold = (uint32_t)x;
	return e;
}

enum err config_add_overlap_with(struct config_parse *p, const char *v)
{
	if (p->c->n_overlap_with == CONFIG_LISTS_MAX)
		return config_bad(p, ERR_FULL, "too many other UNLs");
	return add_key_file(p, &p->c->overlap_with[p->c->n_overlap_with++], v);
}

enum err config_set_unsafe_overlap(struct config_parse *p, const char *v)
{
	return config_yes(p, &p->c->unsafe_overlap, v);
}
