/* SPDX-License-Identifier: ISC */

/* `tally status`: one screen of facts, and an exit code for scripts. */
#include "format.h"
#include "report.h"

#include <stdio.h>

#define STATUS_NOT_HEALTHY 1
#define STATUS_UNREACHABLE 2
#define FRESH_S            20 /* without /status: a validated ledger that is not older is fine */
#define WIDTH              80
#define FEE_LEVEL_BASE     256 /* what the base fee is */

/* ---- A public server says less */

static bool looks_healthy(const json_t *info)
{
	const char *state = get_str(info, "server_state");
	const json_t *v = get(info, "validated_ledger");

	return (!strcmp(state, "full") || !strcmp(state, "proposing") ||
		!strcmp(state, "validating") || !strcmp(state, "tracking")) &&
	       v && get_num(v, "age") <= FRESH_S;
}

static void add_public(struct frame *f, const json_t *info)
{
	const json_t *v = get(info, "validated_ledger"), *last = get(info, "last_close");
	bool healthy = looks_healthy(info);

	frame_add(f, healthy ? FRAME_GOOD : FRAME_BAD, "node       %s, network %lld, up %s",
		  healthy ? "healthy" : "NOT HEALTHY", get_num(info, "network_id"),
		  format_duration(get_num(info, "uptime")).s);
	frame_add(f, FRAME_PLAIN, "state      %s", get_str(info, "server_state"));
	if (v)
		frame_add(f, FRAME_PLAIN, "validated  %lld %.16s, %lld s old", get_num(v, "seq"),
			  get_str(v, "hash"), get_num(v, "age"));
	else
		frame_add(f, FRAME_PLAIN, "validated  none yet");
	frame_add(f, FRAME_PLAIN, "complete   %s", get_str(info, "complete_ledgers"));
	frame_add(f, FRAME_PLAIN, "quorum     %lld, %lld proposers in the last round",
		  get_num(info, "validation_quorum"), get_num(last, "proposers"));
	frame_add(f, FRAME_PLAIN, "peers      %lld", get_num(info, "peers"));
	frame_add(f, FRAME_PLAIN, "version    %s (protocol %s)", get_str(info, "tally_version"),
		  get_str(info, "build_version"));
}

/* ---- An administrator's view */

static void add_validators(struct frame *f, const json_t *info)
{
	const json_t *list = get(info, "validators"), *v;
	size_t i, n = json_array_size(list);
	struct format_text worst;
	const json_t *lowest = NULL;

	json_array_foreach((json_t *)list, i, v)
	{
		const json_t *a = get(get(v, "hour"), "agreement");

		if (a && (!lowest || json_number_value(a) <
					 json_number_value(get(get(lowest, "hour"), "agreement"))))
			lowest = v;
	}
	if (!n)
		return;
	worst = format_share(get(lowest, "hour"), "agreement");
	if (lowest)
		frame_add(f, FRAME_PLAIN, "agreement  %zu validators, the least %s by %s (1 h)", n,
			  worst.s, format_key(get_str(lowest, "key")).s);
	else
		frame_add(f, FRAME_PLAIN, "agreement  %zu validators, nothing counted yet", n);
}

static void add_admin(struct frame *f, const json_t *info)
{
	const json_t *l = get(info, "ledger"), *c = get(info, "consensus");
	const json_t *load = get(info, "load"), *disk = get(info, "disk");
	const json_t *tx = get(info, "transactions");

	report_head(f, info);
	frame_add(f, FRAME_PLAIN, "state      %s, up %s", get_str(info, "server_state"),
		  format_duration(get_num(info, "uptime_ms") / 1000).s);
	if (get(l, "validated_index"))
		frame_add(f, FRAME_PLAIN, "validated  %lld %.16s, %s old, p50 %s, p99 %s",
			  get_num(l, "validated_index"), get_str(l, "hash"),
			  format_seconds(get_num(l, "age_ms")).s,
			  format_seconds(get_num(l, "interval_ms_p50")).s,
			  format_seconds(get_num(l, "interval_ms_p99")).s);
	else
		frame_add(f, FRAME_PLAIN, "validated  none yet");
	frame_add(f, FRAME_PLAIN, "complete   %lld-%lld", get_num(l, "first_index"),
		  get_num(l, "validated_index"));
	frame_add(f, FRAME_PLAIN,
		  "consensus  %lld of %lld validators present, quorum %lld, %lld disabled",
		  get_num(c, "present"), get_num(c, "unl"), get_num(c, "quorum"),
		  get_num(c, "disabled"));
	add_validators(f, info);
	frame_add(f, FRAME_PLAIN, "peers      %zu", json_array_size(get(info, "peers")));
	frame_add(
	    f, FRAME_PLAIN,
	    "queue      %lld open, %lld of %lld wait, %lld held; a place costs %.1f base fees",
	    get_num(tx, "open"), get_num(tx, "waiting"), get_num(tx, "waiting_max"),
	    get_num(tx, "held"), (double)get_num(tx, "open_fee_level") / FEE_LEVEL_BASE);
	frame_add(f, FRAME_PLAIN, "clients    %lld of %lld connections, %lld requests so far",
		  get_num(load, "connections"), get_num(load, "connections_max"),
		  get_num(load, "requests"));
	frame_add(f, FRAME_PLAIN, "process    %s memory, %lld of %lld descriptors, %lld ms late",
		  format_bytes((double)get_num(load, "rss_bytes")).s, get_num(load, "descriptors"),
		  get_num(load, "descriptors_max"), get_num(load, "loop_lag_ms"));
	frame_add(f, FRAME_PLAIN, "disk       %s: %s of %s free, data %s", get_str(disk, "stage"),
		  format_bytes((double)get_num(disk, "free_bytes")).s,
		  format_bytes((double)get_num(disk, "total_bytes")).s,
		  format_bytes((double)get_num(disk, "data_bytes")).s);
	frame_add(f, FRAME_PLAIN, "version    %s", get_str(info, "version"));
}

json_t *report_fetch(struct tally *t, bool *admin)
{
	bool quiet = t->quiet;
	const json_t *info;
	json_t *r;

	t->quiet = true;
	r = client_call(t, "status", NULL);
	t->quiet = quiet;
	info = get(r, "info");
	*admin = json_is_object(info);
	if (!*admin) { /* not for administrators, or an older server */
		json_decref(r);
		r = client_call(t, "server_info", NULL);
		info = get(r, "info");
	}
	info = json_incref((json_t *)info);
	json_decref(r);
	return (json_t *)info;
}

bool report_healthy(const json_t *info, bool admin)
{
	return admin ? !strcmp(get_str(get(info, "health"), "status"), "healthy")
		     : looks_healthy(info);
}

static void add_names(char *text, size_t cap, const json_t *names)
{
	const json_t *name;
	size_t i, n = 0;

	text[0] = '\0';
	json_array_foreach((json_t *)names, i, name) if (n < cap) n += (size_t)snprintf(
	    text + n, cap - n, "%s%s", i ? ", " : "", json_string_value(name));
}

void report_head(struct frame *f, const json_t *info)
{
	bool healthy = report_healthy(info, true);
	const json_t *h = get(info, "health");
	char names[512];

	frame_add(f, healthy ? FRAME_GOOD : FRAME_BAD, "node       %s, network %lld",
		  healthy ? "healthy" : "NOT HEALTHY", get_num(info, "network_id"));
	add_names(names, sizeof(names), get(h, "reasons"));
	if (names[0])
		frame_add(f, FRAME_BAD, "because    %s", names);
	add_names(names, sizeof(names), get(h, "warnings"));
	if (names[0])
		frame_add(f, FRAME_BOLD, "warnings   %s", names);
}

int cmd_status(struct tally *t)
{
	struct frame f;
	json_t *info;
	bool admin, healthy;
	int i;

	if (!tally_arguments(t, 0, 0))
		return TALLY_USAGE;
	info = report_fetch(t, &admin);
	if (!info)
		return STATUS_UNREACHABLE;
	healthy = report_healthy(info, admin);
	if (t->json) {
		tally_print_json(json_pack("{s:b, s:o}", "healthy", healthy, "info", info));
	} else {
		frame_open(&f, WIDTH, 24);
		if (admin)
			add_admin(&f, info);
		else
			add_public(&f, info);
		for (i = 0; i < f.n; i++)
			puts(f.line[i].s);
		frame_close(&f);
		json_decref(info);
	}
	return healthy ? TALLY_OK : STATUS_NOT_HEALTHY;
}
