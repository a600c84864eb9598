/* SPDX-License-Identifier: ISC */

/* The configuration: whatever the text, it is taken whole or refused with a reason that names the
 * file; the same text says the same twice; and what is taken is within its bounds. */
#include "base/limits.h"
#include "daemon/config.h"

#include <string.h>

#define PATH "/nowhere/at/all/tallyd.ini"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char path[CONFIG_PATH_MAX], bool wanted)
{
	size_t n = strnlen(path, CONFIG_PATH_MAX);

	must(n < CONFIG_PATH_MAX);
	must(n ? path[0] == '/' : !wanted);
}

static void check_lists(const struct config *c)
{
	uint32_t i;

	must(c->unl.n <= UNL_MAX && c->n_publishers <= CONFIG_LISTS_MAX);
	must(c->unl.n || c->n_publishers);
	must(c->n_list_files <= CONFIG_LISTS_MAX && c->n_list_sites <= CONFIG_LISTS_MAX);
	must(!c->n_publishers == !(c->n_list_files + c->n_list_sites));
	must(c->list_threshold <= c->n_publishers && c->n_overlap_with <= CONFIG_LISTS_MAX);
	must(c->n_peer_connect <= CONFIG_LIST_MAX && c->n_listen <= CONFIG_LIST_MAX);
	for (i = 0; i < c->n_list_files; i++)
		must(c->list_files[i][0] == '/');
	for (i = 0; i < c->n_peer_connect; i++)
		must(strchr(c->peer_connect[i], ':') != NULL);
}

static void check_listeners(const struct config *c)
{
	uint32_t i;

	for (i = 0; i < c->n_listen; i++) {
		const struct config_listen *l = &c->listen[i];

		must(strnlen(l->host, sizeof(l->host)) < sizeof(l->host) && l->host[0]);
		must(l->role != FRONT_ADMIN || !strncmp(l->host, "127.", 4) ||
		     !strcmp(l->host, "::1") || !strcmp(l->host, "localhost"));
		must(!l->tls || (c->tls_certificate[0] && c->tls_key[0]));
	}
}

static void check(const struct config *c)
{
	check_path(c->data_dir, true);
	check_path(c->genesis, true);
	check_path(c->log.file, false);
	check_path(c->peer_key_file, true);
	must(c->history == 0 || c->history >= 256);
	must((unsigned)c->log.level < LOG_LEVEL_COUNT && c->log.slow_ms <= 3600000);
	must(c->peers_max >= 1 && c->peers_max <= PEERS_MAX);
	must(c->disk.stop_percent <= c->disk.history_percent);
	must(c->disk.history_percent <= c->disk.warn_percent && c->disk.warn_percent <= 99);
	must(!c->validator_key_file[0] || !c->validator_token_file[0]);
	check_lists(c);
	check_listeners(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct why why = {""}, again = {""};
	struct config c, d;
	enum err e = config_parse(&c, bytes_of(data, size), PATH, &why);

	must(config_parse(&d, bytes_of(data, size), PATH, &again) == e);
	must(!strcmp(why.text, again.text));
	if (e != ERR_NONE) {
		must(!strncmp(why.text, PATH ":", strlen(PATH) + 1));
		must(strlen(why.text) > strlen(PATH) + 5);
		return 0;
	}
	check(&c);
	must(c.n_listen == d.n_listen && !strcmp(c.data_dir, d.data_dir));
	config_close(&c);
	config_close(&d);
	return 0;
}
