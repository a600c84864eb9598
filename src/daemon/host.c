/* SPDX-License-Identifier: ISC */

/* What the API asks of its host. */
#include "daemon/daemon_impl.h"

#include "daemon/events.h"
#include "daemon/host_rows.h"
#include "daemon/listen.h"
#include "daemon/settings_file.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CACHE_BYTES (16u << 20) /* of replies that may be given again */

static struct now host_now(void *ctx)
{
	(void)ctx;
	return clock_now();
}

static uint64_t host_unix_ms(void *ctx)
{
	(void)ctx;
	return clock_unix_ms();
}

static void host_random(void *ctx, void *p, size_t n)
{
	(void)ctx;
	entropy_fill(p, n);
}

static void host_submit(void *ctx, struct tx *tx, bool fail_hard, uint64_t token)
{
	struct daemon *d = ctx;

	uv_node_submit(d->node, tx, fail_hard, token);
}

static void host_accept(void *ctx, uint64_t token)
{
	struct daemon *d = ctx;

	uv_node_accept(d->node, token);
}

static uint32_t host_peers(void *ctx, struct rpc_peer *out, uint32_t max)
{
	struct daemon *d = ctx;

	return host_rows_peers(uv_node_peers(d->node), out, max);
}

static enum err host_connect(void *ctx, const char *address, struct why *why)
{
	struct daemon *d = ctx;
	struct peers *peers = uv_node_peers(d->node);

	if (!peers)
		return why_set(why, ERR_STATE, "standalone: no peers");
	return peers_connect(peers, address, why);
}

static void host_stop(void *ctx)
{
	daemon_begin_stop(ctx, "asked to by an administrator");
}

/* Levels of the API and of the log are the same numbers, 0 errors only .. 3 everything. */
static int host_log_level(void *ctx, const char *area, int level)
{
	uint32_t i = 0;

	(void)ctx;
	while (area && log_area(i) && strcmp(log_area(i), area) != 0)
		i++;
	if (area && !log_area(i))
		return -1;
	if (level >= 0)
		log_set_level(area, (enum log_level)level);
	return (int)log_level_of(area);
}

static const char *host_log_area(void *ctx, uint32_t i)
{
	(void)ctx;
	return log_area(i);
}

static enum err host_log_rotate(void *ctx, struct why *why)
{
	enum err e = log_reopen(why);

	(void)ctx;
	if (e != ERR_NONE)
		log_line(LOG_ERROR, "tallyd", "logrotate: %s", why->text);
	return e;
}

static void host_storage(void *ctx, struct rpc_storage *out)
{
	struct daemon *d = ctx;

	host_rows_storage(d->node, out);
}

static void host_traffic(void *ctx, struct rpc_traffic *out)
{
	struct daemon *d = ctx;
	struct front_stats s;

	front_stats_get(serve_front(d->serve), &s);
	host_rows_traffic(uv_node_peers(d->node), s.lag_ms, out);
}

static enum err host_setting_read(void *ctx, const char *name, struct buf *out, struct why *why)
{
	struct daemon *d = ctx;

	return settings_file_read(d->o->config->data_dir, name, out, why);
}

static enum err host_setting_write(void *ctx, const char *name, struct bytes text, struct why *why)
{
	struct daemon *d = ctx;

	return settings_file_write(d->o->config->data_dir, name, text, why);
}

static void host_reserve(void *ctx, const struct public_key *keys, uint32_t n)
{
	struct daemon *d = ctx;
	struct peers *peers = uv_node_peers(d->node);

	if (peers)
		peers_reserve(peers, keys, n);
}

static void host_deletable(void *ctx, uint32_t seq)
{
	struct daemon *d = ctx;

	uv_node_deletable(d->node, seq);
}

/* What fees the configuration wishes stays; which amendments may have changed. */
static void host_vote(void *ctx, const struct hash256 *amendments, uint32_t n)
{
	struct daemon *d = ctx;
	struct node_wishes w = d->o->config->wishes;

	w.amendments = amendments;
	w.n_amendments = n;
	uv_node_wish(d->node, &w);
}

static void host_check(void *ctx, bool begin)
{
	struct daemon *d = ctx;

	uv_node_check(d->node, begin);
}

static void host_reply(void *ctx, uint64_t request, int status, struct bytes body)
{
	struct daemon *d = ctx;

	serve_reply(d->serve, request, status, body);
}

static void host_reply_kept(void *ctx, uint64_t request, struct bytes body,
			    void (*release)(void *owner), void *owner)
{
	struct daemon *d = ctx;

	serve_reply_kept(d->serve, request, body, release, owner);
}

static void host_reply_pages(void *ctx, uint64_t request, int status, const struct rpc_pages *pages)
{
	struct daemon *d = ctx;

	serve_reply_pages(d->serve, request, status, pages);
}

static bool host_charge(void *ctx, const struct rpc_origin *from, uint32_t cost)
{
	struct daemon *d = ctx;

	return serve_charge(d->serve, from, cost);
}

static void host_charged(void *ctx, uint32_t at_least,
			 void (*visit)(void *vctx, const char *address, uint32_t balance,
				       bool refused),
			 void *vctx)
{
	struct daemon *d = ctx;

	serve_charged(d->serve, at_least, visit, vctx);
}

static uint64_t host_us(void *ctx)
{
	(void)ctx;
	return uv_hrtime() / 1000;
}

static void host_done(void *ctx, const struct rpc_done *done)
{
	struct daemon *d = ctx;

	events_done(done, d->o->config->log.slow_ms);
	serve_done(d->serve, done);
}

static void host_status(void *ctx, struct jw *w)
{
	struct daemon *d = ctx;

	serve_status(d->serve, w);
}

static bool host_port(void *ctx, uint32_t i, struct rpc_port *out)
{
	struct daemon *d = ctx;

	return serve_port(d->serve, i, out);
}

static const struct publishers *host_publishers(void *ctx)
{
	struct daemon *d = ctx;

	return d->o->lists ? lists_publishers(d->o->lists) : NULL;
}

static uint32_t host_list_sites(void *ctx, struct rpc_list_site *out, uint32_t max)
{
	struct daemon *d = ctx;

	return d->o->lists ? lists_sites(d->o->lists, out, max) : 0;
}

void daemon_open_rpc(struct daemon *d)
{
	if (gethostname(d->hostname, sizeof(d->hostname) - 1))
		d->hostname[0] = '\0';
	d->beside = beside_open(&d->loop, d->o->config);
	d->host = (struct rpc_host){
	    .ctx = d,
	    .node = uv_node_machine(d->node),
	    .history = uv_node_history(d->node),
	    .now = host_now,
	    .unix_ms = host_unix_ms,
	    .random = host_random,
	    .submit = host_submit,
	    .accept = host_accept,
	    .peers = host_peers,
	    .connect = host_connect,
	    .stop = host_stop,
	    .reply = host_reply,
	    .reply_kept = host_reply_kept,
	    .reply_pages = host_reply_pages,
	    .charge = host_charge,
	    .charged = host_charged,
	    .us = host_us,
	    .done = host_done,
	    .status = host_status,
	    .log_level = host_log_level,
	    .log_area = host_log_area,
	    .log_rotate = host_log_rotate,
	    .storage = host_storage,
	    .traffic = host_traffic,
	    .publishers = host_publishers,
	    .list_sites = host_list_sites,
	    .port = host_port,
	    .setting_read = host_setting_read,
	    .setting_write = host_setting_write,
	    .reserve = host_reserve,
	    .deletable = host_deletable,
	    .vote = host_vote,
	    .votes = d->o->config->votes,
	    .n_votes = d->o->config->n_votes,
	    .check = host_check,
	    .history_kept = d->o->config->history,
	    .cache_bytes = CACHE_BYTES,
	    .hostname = d->hostname,
	    .build_version = TALLY_BUILD_VERSION,
	    .tally_version = TALLY_VERSION,
	    .node_key = secret_key_public(d->o->identity),
	};
	beside_fill_host(&d->host);
	d->rpc = rpc_open(&d->host);
	beside_bind(d->beside, d->rpc, NULL);
}
