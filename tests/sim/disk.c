/* SPDX-License-Identifier: ISC */
#include "tests/sim/disk.h"

#include "tests/node/shelf.h"

/* Disks in memory, without faults. */

struct disk {
	struct disk_options o;
	struct ledger *tip;
	struct buf journal;
	struct shelf shelf;
	struct arena arena;
	struct journal_record record;
};

static enum err find_tx(void *ctx, const struct hash256 *id, struct history_tx *out,
			struct buf *store)
{
	const struct shelf *s = ctx;
	struct bytes data;
	uint32_t seq;

	for (seq = s->last; seq; seq--)
		if (s->at[seq] && tree_get(&s->at[seq]->txs, id, &data) == FOUND) {
			buf_put(store, data.p, data.n);
			*out = (struct history_tx){.id = *id, .ledger_seq = seq};
			return ERR_NONE;
		}
	return ERR_ABSENT;
}

struct disk *disk_open(const struct disk_options *o)
{
	struct disk *d = mem_zalloc(1, sizeof(*d));

	d->o = *o;
	shelf_open(&d->shelf);
	d->shelf.history.tx = find_tx;
	return d;
}

void disk_wipe(struct disk *d)
{
	ledger_unref(d->tip);
	d->tip = NULL;
	shelf_close(&d->shelf);
	shelf_open(&d->shelf);
	d->shelf.history.tx = find_tx;
	buf_clear(&d->journal);
}

void disk_close(struct disk *d)
{
	disk_wipe(d);
	buf_close(&d->journal);
	arena_close(&d->arena);
	mem_free(d);
}

enum err disk_start(struct disk *d, bool validator, int64_t now_ms, struct disk_found *out,
		    struct why *why)
{
	(void)now_ms, (void)why;
	*out = (struct disk_found){.tip = d->tip, .history = &d->shelf.history, .may_vote = true};
	if (validator && d->journal.n) {
		must(journal_decode(&d->record, buf_bytes(&d->journal), &d->arena) == ERR_NONE);
		out->journal = &d->record;
	}
	return ERR_NONE;
}

void disk_network_at(struct disk *d, uint32_t validated_seq)
{
	(void)d, (void)validated_seq;
}

int64_t disk_job_ms(struct disk *d, const struct node_job *job, int64_t now_ms)
{
	(void)d, (void)now_ms;
	return job->kind == NODE_JOB_JOURNAL ? 2 : 5;
}

bool disk_held(const struct disk *d)
{
	(void)d;
	return false;
}

void disk_run(struct disk *d, struct node_job *job, int64_t now_ms)
{
	(void)now_ms;
	if (job->kind == NODE_JOB_PERSIST) {
		ledger_unref(d->tip);
		d->tip = ledger_ref(job->persist.ledger);
		shelf_put(&d->shelf, d->tip);
	} else {
		buf_clear(&d->journal);
		buf_put(&d->journal, job->journal.record.p, job->journal.record.n);
	}
}

bool disk_prune(struct disk *d, int64_t now_ms)
{
	(void)d, (void)now_ms;
	return false;
}

bool disk_has_space(struct disk *d, int64_t now_ms)
{
	(void)d, (void)now_ms;
	return true;
}

void disk_stop(struct disk *d)
{
	(void)d;
}

void disk_kill(struct disk *d, struct node_job *const *running, uint32_t n, int64_t now_ms)
{
	(void)d, (void)running, (void)n, (void)now_ms;
}

void disk_distrust(struct disk *d)
{
	(void)d;
}

bool disk_older(struct disk *d, uint32_t commits, bool votes)
{
	(void)d, (void)commits, (void)votes;
	return false;
}

void disk_set(struct disk *d, enum world_disk how)
{
	(void)d, (void)how;
}

struct store *disk_store(struct disk *d)
{
	(void)d;
	return NULL;
}
