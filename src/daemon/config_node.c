/* SPDX-License-Identifier: ISC */

/* [node], [validator], [peers], [disk] */
#include "daemon/config_parse.h"

#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_MIN 256

enum err config_set_data_dir(struct config_parse *p, const char *v)
{
	return config_path(p, p->c->data_dir, v);
}

enum err config_set_genesis(struct config_parse *p, const char *v)
{
	return config_path(p, p->c->genesis, v);
}

enum err config_set_network_id(struct config_parse *p, const char *v)
{
	uint64_t x;
	enum err e = config_number(p, &x, v, 0, UINT32_MAX);

	if (e == ERR_NONE) {
		p->c->network_id = (uint32_t)x;
		p->c->has_network_id = true;
	}
	return e;
}

enum err config_set_history(struct config_parse *p, const char *v)
{
	uint64_t x = 0;
	enum err e = ERR_NONE;

	if (strcmp(v, "full") != 0)
		e = config_number(p, &x, v, HISTORY_MIN, UINT32_MAX);
	p->c->history = (uint32_t)x;
	return e;
}

enum err config_set_validator_key(struct config_parse *p, const char *v)
{
	return config_path(p, p->c->validator_key_file, v);
}

enum err config_set_validator_token(struct config_parse *p, const char *v)
{
	return config_path(p, p->c->validator_token_file, v);
}

enum err config_set_revocation(struct config_parse *p, const char *v)
{
	return config_path(p, p->c->revocation_file, v);
}

enum err config_set_peer_listen(struct config_parse *p, const char *v)
{
	struct config_listen l;
	enum err e = config_parse_listen(&l, v, &p->why);

	snprintf(p->c->peer_listen, sizeof(p->c->peer_listen), "%s", v);
	return e;
}

enum err config_add_connect(struct config_parse *p, const char *v)
{
	struct config_listen l;
	enum err e = config_parse_listen(&l, v, &p->why);

	if (e != ERR_NONE)
		return e;
	if (p->c->n_peer_connect == CONFIG_LIST_MAX)
		return config_bad(p, ERR_FULL, "too many peers");
	p->c->peer_connect[p->c->n_peer_connect++] = config_copy(v);
	return ERR_NONE;
}

enum err config_set_peer_key(struct config_parse *p, const char *v)
{
	return config_path(p, p->c->peer_key_file, v);
}

enum err config_set_peers_max(struct config_parse *p, const char *v)
{
	uint64_t x = 0;
	enum err e = config_number(p, &x, v, 1, PEERS_MAX);

	p->c->peers_max = (uint32_t)x;
	return e;
}

enum err config_set_stop_below(struct config_parse *p, const char *v)
{
	return config_number(p, &p->c->disk.stop_bytes, v, 0, 1ull << 50);
}

enum err config_set_emergency(struct config_parse *p, const char *v)
{
	return config_number(p, &p->c->disk.emergency_bytes, v, 0, 1ull << 40);
}

static enum err set_percent(struct config_parse *p, uint32_t *out, const char *v)
{
	uint64_t x = 0;
	enum err e = config_number(p, &x, v, 0, 99);

	*out = (uint32_t)x;
	return e;
}

enum err config_set_warn_percent(struct config_parse *p, const char *v)
{
	return set_percent(p, &p->c->disk.warn_percent, v);
}

enum err config_set_history_percent(struct config_parse *p, const char *v)
{
	return set_percent(p, &p->c->disk.history_percent, v);
}

enum err config_set_stop_percent(struct config_parse *p, const char *v)
{
	return set_percent(p, &p->c->disk.stop_percent, v);
}
