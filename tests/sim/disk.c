/* SPDX-License-Identifier: ISC */
#include "tests/sim/disk_impl.h"

#include "base/mem.h"
#include "store/join.h"

#include <stdio.h>

#define PRUNE_BUDGET   4000 /* as the daemon */
#define VOTES_LOST_FOR 256  /* ledgers, as the journal's message says */
#define SLOW_MS        10000
#define STALE_LEAVES   50
#define PER_CRASH      1000 /* weights of what is asked once per crash, or start */
#define PER_START      500000

struct disk *disk_open(const struct disk_options *o)
{
	struct disk *d = mem_zalloc(1, sizeof(*d));

	d->o = *o;
	media_open(d);
	faults_disarm(d);
	faults_attach(d);
	return d;
}

void disk_close(struct disk *d)
{
	if (!d)
		return;
	disk_stop(d);
	media_close(d);
	mem_free(d);
}

/* ---- a process starts ---- */

static enum err open_store(struct disk *d, struct why *why)
{
	struct store_options so = {
	    .network_id = d->o.network_id,
	    .genesis = d->o.genesis,
	    .history = d->o.history,
	};
	enum err e = media_rows(d, &so, why);

	if (e == ERR_NONE)
		e = store_open(&d->store, &so, why);
	if (e == ERR_NONE)
		e = store_load_tip(d->store, &d->tip, why);
	return e;
}

static void forget_tip(struct disk *d)
{
	if (d->joined.root)
		tree_close(&d->joined);
	d->joined.root = NULL;
	ledger_unref(d->tip);
	d->tip = NULL;
}

/* As the daemon's shell: any tree will do, what is right in it is not fetched again. */
static const struct tree *join_read_back(struct disk *d)
{
	struct cursor c = cursor_of(buf_bytes(&d->join));
	struct hash256 key;
	struct bytes data;
	bool ok = true;

	if (!d->tip || !d->join.n)
		return NULL;
	tree_share(&d->joined, &d->tip->state);
	while (ok && join_entry_next(&c, &key, &data))
		ok = tree_put(&d->joined, &key, data) == FOUND;
	if (ok) {
		(void)tree_hash(&d->joined);
		return &d->joined;
	}
	tree_close(&d->joined);
	d->joined.root = NULL;
	return NULL;
}

static void close_store(struct disk *d)
{
	forget_tip(d);
	ledger_unref(d->stale);
	d->stale = NULL;
	store_close(d->store);
	d->store = NULL;
}

/* `tally verify`: reads what there is, and nothing goes wrong meanwhile. */
static enum err verify(struct disk *d, struct why *why)
{
	struct buf report = BUF_INIT;
	enum err e;

	d->calm = true;
	close_store(d);
	e = open_store(d, why);
	if (e == ERR_NONE)
		e = store_verify(d->store, &report, why);
	buf_close(&report);
	d->calm = false;
	return e;
}

/* Damage is looked at with `tally verify`; what is really damaged the operator removes. */
static enum err start_store(struct disk *d, struct why *why)
{
	enum err e = open_store(d, why);

	if (e == ERR_NONE && !d->distrusted)
		return e;
	if (e == ERR_NONE || e == ERR_CORRUPT)
		e = verify(d, why);
	if (e != ERR_CORRUPT)
		return e;
	close_store(d);
	media_clear_rows(d);
	d->commits = 0;
	d->was_wiped = true; /* told by the start that succeeds */
	return open_store(d, why);
}

static void lose_votes(struct disk *d)
{
	d->votes_lost = true;
	d->votes_lost_at = d->network_seq;
}

static enum err start_journal(struct disk *d, struct disk_found *out, struct why *why)
{
	struct journal_slots *slots;
	enum err e = media_votes(d, &slots, why);

	if (e == ERR_NONE)
		e = journal_open_slots(&d->journal, faults_of_votes(d, slots), why);
	if (e == ERR_CORRUPT) {
		media_clear_votes(d);
		lose_votes(d);
		d->was_wiped = true;
		e = media_votes(d, &slots, why);
		if (e == ERR_NONE)
			e = journal_open_slots(&d->journal, faults_of_votes(d, slots), why);
	}
	if (e != ERR_NONE)
		return e;
	e = journal_read(d->journal, &d->record, why);
	if (e == ERR_NONE)
		out->journal = &d->record;
	return e == ERR_ABSENT ? ERR_NONE : e;
}

enum err disk_start(struct disk *d, bool validator, int64_t now_ms, struct disk_found *out,
		    struct why *why)
{
	int64_t where;
	enum err e;

	must(!d->store);
	*out = (struct disk_found){0};
	d->now = now_ms;
	d->panic = false;
	faults_disarm(d);
	if (!d->sound && disk_asks(d, FAULT_DISK_FLIP, true, PER_START, 0, INT32_MAX, &where)) {
		d->spoilt = true;
		media_flip(d, where);
	}
	e = start_store(d, why);
	if (e == ERR_NONE && validator)
		e = start_journal(d, out, why);
	if (e != ERR_NONE) {
		disk_stop(d);
		return e;
	}
	if (d->votes_lost && d->network_seq >= d->votes_lost_at + VOTES_LOST_FOR)
		d->votes_lost = false;
	out->was_wiped = d->was_wiped;
	d->distrusted = d->was_wiped = false;
	out->tip = d->tip;
	out->history = store_history(d->store);
	out->join = join_read_back(d);
	out->may_vote = !d->votes_lost;
	return ERR_NONE;
}

void disk_plant(struct disk *d, const struct ledger *l, bool validator)
{
	struct journal_record vote = {.seq = l->header.seq, .hash = l->hash};
	struct tree_keys *keys = NULL;
	struct disk_found found;
	struct why why = {""};

	d->calm = true;
	must(disk_start(d, validator, 0, &found, &why) == ERR_NONE && !found.tip);
	must(store_commit(d->store, l, NULL, &keys, &why) == ERR_NONE);
	tree_keys_drop(keys);
	if (validator)
		must(journal_write(d->journal, &vote, &why) == ERR_NONE);
	disk_stop(d);
	d->calm = false;
}

void disk_network_at(struct disk *d, uint32_t validated_seq)
{
	if (d->network_seq < validated_seq)
		d->network_seq = validated_seq;
}

/* ---- jobs ---- */

bool disk_held(const struct disk *d)
{
	return d->how == DISK_HELD;
}

int64_t disk_job_ms(struct disk *d, const struct node_job *job, int64_t now_ms)
{
	bool votes = job->kind == NODE_JOB_JOURNAL;
	int64_t ms = votes ? 2 : 4;

	d->now = now_ms;
	if (disk_held(d))
		return -1;
	if (disk_asks(d, FAULT_DISK_LATENCY, votes, 1000, 10, 2000, &ms))
		ms += votes ? 2 : 4;
	if (d->how == DISK_SLOW ||
	    disk_asks(d, FAULT_DISK_SLOW_SYNC, votes, 1000, SLOW_MS, SLOW_MS, NULL))
		ms = SLOW_MS;
	return ms;
}

static void let_stale_go(struct disk *d)
{
	struct hash256 id = {0};
	struct bytes data;
	enum found f = FOUND;
	char text[100];

	d->calm = true;
	for (int i = 0; f == FOUND && i < STALE_LEAVES; i++)
		f = tree_next(&d->stale->state, i ? &id : NULL, &id, &data);
	d->calm = false;
	if (f == UNAVAILABLE) {
		snprintf(text, sizeof(text), "ledger %u was pruned under its reader",
			 d->stale->header.seq);
		must(d->o.fail != NULL);
		d->o.fail(d->o.ctx, "P5", text);
	}
	ledger_unref(d->stale);
	d->stale = NULL;
}

/* Somebody reads an old ledger for long: it must stay whole while others are pruned. */
static void stale_reader(struct disk *d)
{
	const struct history *h = store_history(d->store);
	int64_t ms;
	enum err e;

	if (d->stale && d->now >= d->stale_until)
		let_stale_go(d);
	if (!disk_asks(d, FAULT_DISK_STALE_READ, false, 1000, 1000, 300000, &ms) || d->stale)
		return;
	d->calm = true;
	e = h->ledger(h->ctx, h->complete(h->ctx).first, &d->stale);
	d->calm = false;
	d->stale_until = d->now + ms;
	if (e != ERR_NONE)
		d->stale = NULL;
}

/* With files nothing can be made to fail within the database. */
static bool fails_as_a_whole(struct disk *d, struct node_job *job)
{
	if (d->rows)
		return false;
	if (d->panic || d->how == DISK_BROKEN)
		job->err = ERR_IO;
	else if (disk_is_full(d))
		job->err = ERR_NO_SPACE;
	else
		return false;
	why_set(&job->why, job->err, "%s", err_text(job->err));
	return true;
}

static void persist(struct disk *d, struct node_job *job)
{
	if (fails_as_a_whole(d, job))
		return;
	job->err = store_commit(d->store, job->persist.ledger, job->persist.last,
				&job->persist.keys, &job->why);
	if (job->err != ERR_NONE)
		return;
	if (++d->commits % IMAGE_EVERY == 0)
		media_take_image(d);
}

static void append_join(struct disk *d, const struct node_job *job)
{
	if (job->join.forget)
		buf_clear(&d->join);
	else
		buf_put(&d->join, job->join.entries.p, job->join.entries.n);
}

void disk_run(struct disk *d, struct node_job *job, int64_t now_ms)
{
	must(d->store);
	d->now = now_ms;
	forget_tip(d);
	faults_arm(d, job->kind);
	switch (job->kind) {
	case NODE_JOB_PERSIST:
		persist(d, job);
		stale_reader(d);
		break;
	case NODE_JOB_JOURNAL:
		must(d->journal);
		job->err = journal_write(d->journal, &job->journal.parsed, &job->why);
		break;
	case NODE_JOB_JOIN:
		append_join(d, job);
		break;
	case NODE_JOB_HISTORY:
		if (!fails_as_a_whole(d, job))
			job->err = store_fill(d->store, job->history.ledgers, job->history.n,
					      &job->why);
		break;
	case NODE_JOB_VERIFY:
	case NODE_JOB_BUILD:
		break;
	}
	faults_disarm(d);
}

bool disk_prune(struct disk *d, int64_t now_ms)
{
	bool more = false;

	if (!d->store)
		return false;
	d->now = now_ms;
	forget_tip(d);
	if (!d->rows && (disk_is_full(d) || d->panic || d->how == DISK_BROKEN))
		return false;
	return store_prune(d->store, PRUNE_BUDGET, &more, NULL) == ERR_NONE && more;
}

bool disk_has_space(struct disk *d, int64_t now_ms)
{
	d->now = now_ms;
	return !disk_is_full(d);
}

/* ---- a process ends ---- */

void disk_stop(struct disk *d)
{
	close_store(d);
	journal_close(d->journal);
	d->journal = NULL;
	faults_disarm(d);
}

/* What was under way when it died: on the disk, or not, or in part. */
static void finish(struct disk *d, struct node_job *job)
{
	bool votes = job->kind == NODE_JOB_JOURNAL;
	int64_t x;

	if (disk_asks(d, FAULT_DISK_LOST_TAIL, votes, PER_CRASH, 0, 0, NULL))
		return;
	if (!disk_asks(d, FAULT_DISK_TORN, votes, PER_CRASH, 0, INT32_MAX, &x)) {
		disk_run(d, job, d->now);
		if (job->kind == NODE_JOB_PERSIST && job->err == ERR_NONE) {
			tree_keys_drop(job->persist.keys);
			job->persist.keys = NULL;
		}
	} else if (votes && d->journal) {
		d->vote_torn = (size_t)x;
		job->err = journal_write(d->journal, &job->journal.parsed, &job->why);
	} else if (job->kind == NODE_JOB_PERSIST && x % 4 == 0 && !d->sound) {
		/* A commit is there or not, as LMDB writes it; unless the disk spoils pages that
		 * were not even written. */
		close_store(d);
		d->spoilt = true;
		media_damage_rows(d);
	}
}

void disk_kill(struct disk *d, struct node_job *const *running, uint32_t n, int64_t now_ms)
{
	d->now = now_ms;
	for (uint32_t i = 0; d->store && i < n; i++)
		finish(d, running[i]);
	disk_stop(d);
}

void disk_may_spoil(struct disk *d, bool may)
{
	d->sound = !may;
}

bool disk_was_spoilt(const struct disk *d)
{
	return d->spoilt;
}

void disk_distrust(struct disk *d)
{
	d->distrusted = true;
}

/* ---- what is done to one that is off ---- */

void disk_wipe(struct disk *d)
{
	must(!d->store);
	media_clear_rows(d);
	media_clear_votes(d);
	d->commits = 0;
	lose_votes(d);
}

bool disk_older(struct disk *d, uint32_t commits, bool votes)
{
	const struct image *best = NULL;

	must(!d->store);
	for (uint32_t i = 0; i < IMAGES && i < d->n_images; i++) {
		const struct image *image = &d->image[i];
		bool old = image->commits + commits <= d->commits;

		if (image->commits > d->commits)
			continue; /* it went back further than that before */
		if (!best ||
		    (old ? image->commits > best->commits || best->commits + commits > d->commits
			 : image->commits < best->commits))
			best = image;
	}
	if (!best)
		return false;
	media_restore(d, best, votes);
	d->commits = best->commits;
	if (votes)
		lose_votes(d);
	return true;
}

void disk_set(struct disk *d, enum world_disk how)
{
	d->how = how;
	if (how == DISK_GOOD)
		d->full_until = 0;
}

struct store *disk_store(struct disk *d)
{
	return d->store;
}
