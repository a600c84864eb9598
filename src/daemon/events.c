/* SPDX-License-Identifier: ISC */
#include "daemon/events.h"

#include "os/file.h"
#include "os/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define GROUP_BYTES_MAX 4096

/* Of a resource; what has no limit is left out. */
static struct log_field limit_field(const char *key, int resource, bool *limited)
{
	struct rlimit r;

	*limited = getrlimit((__rlimit_resource_t)resource, &r) == 0 && r.rlim_cur != RLIM_INFINITY;
	return *limited ? F_NUMBER(key, r.rlim_cur) : F_TEXT(key, NULL);
}

/* What a container may use (control groups, version 2); left out when there is no limit. */
static struct log_field group_field(const char *key)
{
	char path[CONFIG_PATH_MAX + 32] = "";
	struct log_field none = F_TEXT(key, NULL), f = none;
	struct buf b = BUF_INIT;
	char *line, *end;

	if (file_read(&b, "/proc/self/cgroup", GROUP_BYTES_MAX, NULL) != ERR_NONE)
		goto out;
	buf_put_u8(&b, 0);
	line = strstr((char *)b.p, "0::/");
	if (line)
		snprintf(path, sizeof(path), "/sys/fs/cgroup%.*s/memory.max",
			 (int)strcspn(line + 3, "\n"), line + 3);
	buf_clear(&b);
	if (!path[0] || file_read(&b, path, GROUP_BYTES_MAX, NULL) != ERR_NONE)
		goto out;
	buf_put_u8(&b, 0);
	f = F_NUMBER(key, strtoull((char *)b.p, &end, 10));
	if (end == (char *)b.p) /* "max" */
		f = none;
out:
	buf_close(&b);
	return f;
}

static void limits_said(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES);
	bool limited;

	log_fields(LOG_INFO, "tallyd", "limits",
		   limit_field("descriptors", RLIMIT_NOFILE, &limited),
		   limit_field("address_space", RLIMIT_AS, &limited),
		   limit_field("file_size", RLIMIT_FSIZE, &limited), group_field("group_memory"),
		   F_NUMBER("memory", (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE)),
		   F_NUMBER("processors", cpus > 0 ? (uint64_t)cpus : 0));
}

void events_started(const struct events_start *s)
{
	log_fields(LOG_INFO, "tallyd", "started", F_TEXT("version", s->version),
		   F_NUMBER("pid", (uint64_t)getpid()), F_NUMBER("network", s->network_id),
		   F_TEXT("role", s->standalone  ? "standalone"
				  : s->validator ? "validator"
						 : "observer"),
		   F_TEXT("data", s->config->data_dir), F_BOOL("recover", s->recover));
	limits_said();
}

void events_stopped(int exit_code)
{
	log_fields(exit_code ? LOG_ERROR : LOG_INFO, "tallyd", "stopped",
		   F_NUMBER("exit_code", (uint64_t)exit_code));
}

static void ledger_said(const struct ledger *l, const struct node *n, struct now now)
{
	struct node_status s;

	if (!log_enabled(LOG_INFO, "node"))
		return;
	node_get_status(n, now, &s);
	log_fields(LOG_INFO, "node", "ledger validated", F_NUMBER("seq", l->header.seq),
		   F_HEX("hash", l->hash.b, sizeof(l->hash.b)),
		   F_NUMBER("close_time", (uint64_t)l->header.close.s + LEDGER_EPOCH_UNIX),
		   F_NUMBER("proposers", s.consensus.last_proposers),
		   F_SIGNED("round_ms", s.consensus.last_converge_ms), F_NUMBER("peers", s.peers),
		   F_NUMBER("open", s.open_n), F_NUMBER("queued", s.queue_n));
}

static void phase_said(enum cons_phase phase, const struct node *n, struct now now)
{
	struct node_status s;

	if (!log_enabled(LOG_DEBUG, "node"))
		return;
	node_get_status(n, now, &s);
	log_fields(LOG_DEBUG, "node", "round", F_TEXT("phase", cons_phase_name(phase)),
		   F_NUMBER("after", s.consensus.prev_seq),
		   F_NUMBER("proposers", s.consensus.proposers),
		   F_NUMBER("agree", s.consensus.agree), F_NUMBER("disputes", s.consensus.disputes),
		   F_NUMBER("quorum", s.consensus.quorum));
}

void events_effect(const struct node_effect *e, const struct node *n, struct now now)
{
	if (e->kind == NODE_FX_LEDGER)
		ledger_said(e->ledger, n, now);
	else if (e->kind == NODE_FX_PHASE)
		phase_said(e->phase, n, now);
}

void events_done(const struct rpc_done *done, uint32_t slow_ms)
{
	bool slow = slow_ms && done->us >= (uint64_t)slow_ms * 1000;

	if (!slow && !log_enabled(LOG_DEBUG, "rpc"))
		return;
	log_fields(slow ? LOG_WARN : LOG_DEBUG, "rpc", slow ? "slow request" : "request",
		   F_TEXT("method", done->method ? done->method : "none"), F_NUMBER("us", done->us),
		   F_TEXT("address", done->from->address),
		   F_TEXT("over", done->from->websocket ? "websocket" : "http"),
		   F_BOOL("admin", done->from->admin), F_NUMBER("bytes", done->bytes),
		   F_NUMBER("ledger", done->ledger), F_TEXT("error", done->error));
}
