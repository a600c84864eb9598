/* SPDX-License-Identifier: ISC */
#include "daemon/observe_impl.h"

#include "os/log.h"

#include <stdlib.h>

/* GET /metrics: peers, this process, its disk and its work. */

static int cmp(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void write_rtt(struct prom *p, int64_t *rtt, uint32_t n)
{
	prom_begin(p, M_PEER_RTT);
	if (!n)
		return;
	qsort(rtt, n, sizeof(rtt[0]), cmp);
	prom_decimal(p, rtt[0], 3, "stat=\"min\"");
	prom_decimal(p, rtt[n / 2], 3, "stat=\"median\"");
	prom_decimal(p, rtt[n - 1], 3, "stat=\"max\"");
}

void metrics_peers(struct observe *ob, struct prom *p)
{
	struct peers *peers = uv_node_peers(ob->o.node);
	struct peer_info info[PEERS_MAX];
	struct peers_stats s = {0};
	uint32_t n = peers ? peers_list(peers, info, PEERS_MAX) : 0, in = 0, known = 0;
	int64_t rtt[PEERS_MAX];

	if (n > PEERS_MAX)
		n = PEERS_MAX;
	for (uint32_t i = 0; i < n; i++) {
		in += info[i].inbound;
		if (info[i].rtt_ms >= 0)
			rtt[known++] = info[i].rtt_ms;
	}
	if (peers)
		peers_stats_get(peers, &s);
	prom_begin(p, M_PEERS);
	prom_u64(p, in, "direction=\"in\"");
	prom_u64(p, n - in, "direction=\"out\"");
	write_rtt(p, rtt, known);
	prom_begin(p, M_PEER_BYTES);
	prom_u64(p, s.bytes_in, "direction=\"in\"");
	prom_u64(p, s.bytes_out, "direction=\"out\"");
	prom_begin(p, M_PEER_MESSAGES);
	prom_u64(p, s.messages_in, "direction=\"in\"");
	prom_u64(p, s.messages_out, "direction=\"out\"");
	prom_one(p, M_PEER_SHED, s.shed);
	prom_begin(p, M_PEER_ENDS);
	for (uint32_t i = 0; i < PEER_END_COUNT; i++)
		if (peer_end_name((enum peer_end)i))
			prom_u64(p, s.ended[i], "reason=\"%s\"", peer_end_name((enum peer_end)i));
	prom_one(p, M_PEER_FULL, s.refused_full);
}

static void write_process(struct observe *ob, struct prom *p)
{
	struct process_facts f;

	process_facts_get(&f);
	prom_begin(p, M_CPU);
	prom_decimal(p, (int64_t)f.user_us, 6, "mode=\"user\"");
	prom_decimal(p, (int64_t)f.system_us, 6, "mode=\"system\"");
	prom_one(p, M_RESIDENT, f.resident_bytes);
	prom_one(p, M_VIRTUAL, f.virtual_bytes);
	prom_one(p, M_ANONYMOUS, f.anonymous_bytes);
	observe_heap(ob);
	prom_begin(p, M_HEAP);
	if (ob->heap_known) {
		prom_u64(p, ob->heap.used_bytes, "use=\"allocated\"");
		prom_u64(p, ob->heap.free_bytes, "use=\"free\"");
	}
	prom_one(p, M_THREADS, f.threads);
	prom_one(p, M_DESCRIPTORS, f.descriptors);
	prom_one(p, M_DESCRIPTORS_MAX, f.descriptors_max);
}

static void write_work(struct observe *ob, struct prom *p)
{
	const struct uv_node_work *w[UV_NODE_WORK_KINDS];
	uint32_t i;

	for (i = 0; i < UV_NODE_WORK_KINDS; i++)
		w[i] = uv_node_work(ob->o.node, i);
	prom_begin(p, M_JOBS);
	for (i = 0; i < UV_NODE_WORK_KINDS; i++)
		prom_u64(p, w[i]->depth, "kind=\"%s\"", uv_node_work_name(i));
	prom_begin(p, M_JOB_FAILURES);
	for (i = 0; i < UV_NODE_WORK_KINDS; i++)
		prom_u64(p, w[i]->failed, "kind=\"%s\"", uv_node_work_name(i));
	prom_begin(p, M_JOB_WAIT);
	for (i = 0; i < UV_NODE_WORK_KINDS; i++)
		prom_histogram(p, &w[i]->wait, &uv_node_work_scale, 6, "kind=\"%s\"",
			       uv_node_work_name(i));
	prom_begin(p, M_JOB_SECONDS);
	for (i = 0; i < UV_NODE_WORK_KINDS; i++)
		prom_histogram(p, &w[i]->run, &uv_node_work_scale, 6, "kind=\"%s\"",
			       uv_node_work_name(i));
}

static void write_disk(struct prom *p, const struct uv_disk_status *s)
{
	const char *stages[UV_DISK_NO_VOTES + 1];

	for (uint32_t i = 0; i <= UV_DISK_NO_VOTES; i++)
		stages[i] = uv_disk_stage_name((enum uv_disk_stage)i);
	prom_one(p, M_DISK_FREE, s->free_bytes);
	prom_one(p, M_DISK_SIZE, s->total_bytes);
	prom_one(p, M_DATABASE, s->data_bytes);
	prom_one(p, M_DISK_RESERVE, s->emergency_bytes);
	prom_state(p, M_DISK_STAGE, "stage", stages, UV_DISK_NO_VOTES + 1, s->stage);
	prom_one(p, M_CHECK_PASSES, s->scrub.passes);
	prom_one_decimal(p, M_CHECK_PROGRESS, s->scrub.permille, 3);
}

static void write_log(struct prom *p)
{
	uint64_t counts[LOG_LEVEL_COUNT];

	log_counts(counts);
	prom_begin(p, M_LOG_LINES);
	for (uint32_t i = 0; i < LOG_LEVEL_COUNT; i++)
		prom_u64(p, counts[i], "level=\"%s\"", log_level_name((enum log_level)i));
	prom_one(p, M_LOG_DROPPED, log_dropped());
}

void metrics_machine(struct observe *ob, struct prom *p, const struct facts *f)
{
	write_process(ob, p);
	write_work(ob, p);
	write_disk(p, &f->disk);
	write_log(p);
}
