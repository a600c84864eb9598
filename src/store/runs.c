/* SPDX-License-Identifier: ISC */
#include "store/runs.h"

#include "base/mem.h"
#include "store/crc32c.h"

/* A block's value is CRC-32C 4 | rows. 4,080 bytes are what LMDB puts into a page of its own. */
#define BLOCK_BYTES_MAX 4080
#define CRC_BYTES       4
#define KEY_BYTES_MAX   (4 + 32 + 1)

static const struct {
	enum kv_table table;
	uint8_t row_bytes, key_bytes, seq_at;
} kinds[RUN_INDEXES] = {
    [RUN_TX_IDS] = {KV_TX_IDS, RUN_ID_ROW, 32, 32},
    [RUN_ACCOUNTS] = {KV_ACCOUNT_TXS, RUN_ACCOUNT_ROW, 28, 20},
};

struct block_key {
	uint8_t b[KEY_BYTES_MAX];
	size_t n;
};

static struct block_key block_key(enum run_index index, uint32_t run, const uint8_t *row)
{
	struct block_key k = {.n = 4 + (size_t)kinds[index].key_bytes};

	store_be32(k.b, run);
	memcpy(k.b + 4, row, kinds[index].key_bytes);
	return k;
}

static struct bytes key_bytes(const struct block_key *k)
{
	return bytes_of(k->b, k->n);
}

static bool is_of_run(const struct kv_row *row, uint32_t run)
{
	return row->key.n >= 4 && load_be32(row->key.p) == run;
}

static uint32_t row_seq(enum run_index index, const uint8_t *row)
{
	return load_be32(row + kinds[index].seq_at);
}

static int compare(enum run_index index, const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, kinds[index].key_bytes);
}

/* Copies the block's rows out of the table, where a writer might move them. */
static enum err block_load(struct run_cursor *rc, const struct kv_row *row)
{
	size_t row_bytes = kinds[rc->index].row_bytes;
	struct bytes rows;

	if (row->value.n < CRC_BYTES + row_bytes || row->value.n > BLOCK_BYTES_MAX)
		return ERR_CORRUPT;
	rows = bytes_of(row->value.p + CRC_BYTES, row->value.n - CRC_BYTES);
	if (rows.n % row_bytes || crc32c(0, rows) != load_be32(row->value.p) ||
	    row->key.n != 4 + (size_t)kinds[rc->index].key_bytes ||
	    compare(rc->index, row->key.p + 4, rows.p) != 0)
		return ERR_CORRUPT;
	buf_clear(&rc->block);
	buf_put(&rc->block, rows.p, rows.n);
	return ERR_NONE;
}

enum err run_open(struct run_cursor *rc, struct kv_txn *txn, enum run_index index)
{
	*rc = (struct run_cursor){.index = index};
	return kv_cursor_open(txn, kinds[index].table, &rc->c);
}

void run_close(struct run_cursor *rc)
{
	kv_cursor_close(rc->c);
	buf_close(&rc->block);
	rc->c = NULL;
}

/* Loads the last block of the run that begins at or below the key. */
static enum err block_at_or_below(struct run_cursor *rc, const struct block_key *k)
{
	struct kv_row row;
	enum err e = kv_at_or_below(rc->c, key_bytes(k), &row);

	if (e == ERR_NONE && !is_of_run(&row, rc->run))
		return ERR_ABSENT;
	return e == ERR_NONE ? block_load(rc, &row) : e;
}

static enum err block_at_or_above(struct run_cursor *rc, const struct block_key *k)
{
	struct kv_row row;
	enum err e = kv_at_or_above(rc->c, key_bytes(k), &row);

	if (e == ERR_NONE && !is_of_run(&row, rc->run))
		return ERR_ABSENT;
	return e == ERR_NONE ? block_load(rc, &row) : e;
}

/* Offset of the first row in the block that is not below the key. */
static size_t lower_bound(const struct run_cursor *rc, const uint8_t *key)
{
	size_t size = kinds[rc->index].row_bytes, lo = 0, hi = rc->block.n / size;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (compare(rc->index, rc->block.p + mid * size, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo * size;
}

enum err run_seek_up(struct run_cursor *rc, uint32_t run, const uint8_t *key)
{
	struct block_key k = block_key(rc->index, run, key);
	enum err e;

	rc->run = run;
	e = block_at_or_below(rc, &k);
	if (e == ERR_NONE) {
		rc->at = lower_bound(rc, key);
		if (rc->at < rc->block.n)
			return ERR_NONE;
	} else if (e != ERR_ABSENT) {
		return e;
	}
	rc->at = 0;
	return block_at_or_above(rc, &k);
}

enum err run_seek_down(struct run_cursor *rc, uint32_t run, const uint8_t *key)
{
	struct block_key k = block_key(rc->index, run, key);
	enum err e;

	rc->run = run;
	e = block_at_or_below(rc, &k);
	if (e != ERR_NONE)
		return e;
	rc->at = lower_bound(rc, key);
	if (rc->at == rc->block.n || compare(rc->index, run_row(rc), key) > 0)
		rc->at -= kinds[rc->index].row_bytes; /* the block's first row is not above it */
	return ERR_NONE;
}

enum err run_next(struct run_cursor *rc)
{
	struct block_key k;

	if (rc->at + kinds[rc->index].row_bytes < rc->block.n) {
		rc->at += kinds[rc->index].row_bytes;
		return ERR_NONE;
	}
	/* The key just above that of the last row: the same and a zero byte. */
	k = block_key(rc->index, rc->run, run_row(rc));
	k.b[k.n++] = 0;
	rc->at = 0;
	return block_at_or_above(rc, &k);
}

enum err run_prev(struct run_cursor *rc)
{
	struct block_key k;
	struct kv_row row;
	enum err e;

	if (rc->at > 0) {
		rc->at -= kinds[rc->index].row_bytes;
		return ERR_NONE;
	}
	k = block_key(rc->index, rc->run, rc->block.p);
	e = kv_at_or_above(rc->c, key_bytes(&k), &row); /* this block */
	if (e == ERR_NONE)
		e = kv_prev(rc->c, &row);
	if (e == ERR_NONE && !is_of_run(&row, rc->run))
		e = ERR_ABSENT;
	if (e == ERR_NONE)
		e = block_load(rc, &row);
	if (e == ERR_NONE)
		rc->at = rc->block.n - kinds[rc->index].row_bytes;
	return e;
}

enum err runs_find_tx(struct kv_txn *txn, const struct runs *r, const struct hash256 *id,
		      uint32_t *seq, uint32_t *index)
{
	struct run_cursor rc;
	enum err e = run_open(&rc, txn, RUN_TX_IDS);
	bool found = false;

	for (uint32_t i = r->n; e == ERR_NONE && i-- > 0 && !found;) {
		e = run_seek_up(&rc, r->run[i].number, id->b);
		if (e == ERR_NONE && compare(RUN_TX_IDS, run_row(&rc), id->b) == 0) {
			*seq = load_be32(run_row(&rc) + 32);
			*index = load_be32(run_row(&rc) + 36);
			found = true;
		}
		if (e == ERR_ABSENT)
			e = ERR_NONE;
	}
	run_close(&rc);
	return e == ERR_NONE && !found ? ERR_ABSENT : e;
}

/* Rows on their way into a run, a block at a time. */
struct block_writer {
	struct kv_txn *txn;
	enum run_index index;
	uint32_t run;
	struct buf rows; /* CRC first */
	uint32_t blocks; /* written */
};

static enum err writer_flush(struct block_writer *w)
{
	struct block_key k;

	if (w->rows.n <= CRC_BYTES)
		return ERR_NONE;
	k = block_key(w->index, w->run, w->rows.p + CRC_BYTES);
	store_be32(w->rows.p, crc32c(0, bytes_of(w->rows.p + CRC_BYTES, w->rows.n - CRC_BYTES)));
	w->blocks++;
	return kv_put(w->txn, kinds[w->index].table, key_bytes(&k), buf_bytes(&w->rows));
}

/* *full says whether this row filled a block, which was written. */
static enum err writer_put(struct block_writer *w, const uint8_t *row, bool *full)
{
	size_t size = kinds[w->index].row_bytes;
	enum err e;

	*full = false;
	if (w->rows.n == 0)
		buf_put_be32(&w->rows, 0);
	buf_put(&w->rows, row, size);
	if (w->rows.n + size <= BLOCK_BYTES_MAX)
		return ERR_NONE;
	e = writer_flush(w);
	buf_clear(&w->rows);
	*full = true;
	return e;
}

static enum err write_rows(struct kv_txn *txn, enum run_index index, uint32_t run,
			   struct bytes rows, uint32_t *blocks)
{
	struct block_writer w = {.txn = txn, .index = index, .run = run};
	enum err e = ERR_NONE;
	bool full;

	must(rows.n % kinds[index].row_bytes == 0);
	for (size_t at = 0; e == ERR_NONE && at < rows.n; at += kinds[index].row_bytes) {
		must(at == 0 ||
		     compare(index, rows.p + at - kinds[index].row_bytes, rows.p + at) < 0);
		e = writer_put(&w, rows.p + at, &full);
	}
	if (e == ERR_NONE)
		e = writer_flush(&w);
	*blocks += w.blocks;
	buf_close(&w.rows);
	return e;
}

enum err runs_add(struct kv_txn *txn, struct runs *r, uint32_t seq, struct bytes id_rows,
		  struct bytes account_rows, uint32_t *blocks)
{
	uint32_t number = r->next_number;
	enum err e;

	if (id_rows.n == 0 && account_rows.n == 0)
		return ERR_NONE;
	must(r->n < RUNS_MAX); /* runs_work keeps them below */
	e = write_rows(txn, RUN_TX_IDS, number, id_rows, blocks);
	if (e == ERR_NONE)
		e = write_rows(txn, RUN_ACCOUNTS, number, account_rows, blocks);
	r->run[r->n++] = (struct run){.number = number, .first_seq = seq, .last_seq = seq};
	r->next_number++;
	return e;
}

/* The oldest runs of a level: index of the first, and how many there are. */
static uint32_t runs_of_level(const struct runs *r, uint8_t level, uint32_t *first)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n; i++)
		if (r->run[i].level == level && n++ == 0)
			*first = i;
	return n;
}

/* The k-way merge of one index of RUN_FANOUT runs, from where it stopped, until the budget is used
 * up (stops at a block's end) or everything is written (*done). */
struct merging {
	struct run_cursor source[RUN_FANOUT];
	bool over[RUN_FANOUT]; /* no more rows */
	struct block_writer out;
};

static enum err merge_open(struct merging *m, struct kv_txn *txn, const struct run *source,
			   const struct run_merge *at)
{
	enum run_index index = (enum run_index)at->index;
	enum err e = ERR_NONE;

	*m = (struct merging){.out = {.txn = txn, .index = index, .run = at->target}};
	for (int i = 0; e == ERR_NONE && i < RUN_FANOUT; i++) {
		struct run_cursor *rc = &m->source[i];

		e = run_open(rc, txn, index);
		if (e == ERR_NONE)
			e = run_seek_up(rc, source[i].number, at->last);
		if (e == ERR_NONE && at->started && compare(index, run_row(rc), at->last) == 0)
			e = run_next(rc);
		if (e == ERR_ABSENT) {
			m->over[i] = true;
			e = ERR_NONE;
		}
	}
	return e;
}

static void merge_close(struct merging *m)
{
	for (int i = 0; i < RUN_FANOUT; i++)
		run_close(&m->source[i]);
	buf_close(&m->out.rows);
}

/* The source with the lowest row; NULL when all are over. */
static int merge_lowest(const struct merging *m)
{
	int low = -1;

	for (int i = 0; i < RUN_FANOUT; i++)
		if (!m->over[i] && (low < 0 || compare(m->out.index, run_row(&m->source[i]),
						       run_row(&m->source[low])) < 0))
			low = i;
	return low;
}

static enum err merge_rows(struct merging *m, struct run_merge *at, uint32_t floor, uint32_t budget,
			   bool *done)
{
	enum err e = ERR_NONE;
	int low = merge_lowest(m);

	while (e == ERR_NONE && low >= 0 && m->out.blocks < budget) {
		const uint8_t *row = run_row(&m->source[low]);
		bool full = false;

		if (row_seq(m->out.index, row) >= floor)
			e = writer_put(&m->out, row, &full);
		if (e == ERR_NONE && full) {
			memcpy(at->last, row, kinds[m->out.index].row_bytes);
			at->started = true;
		}
		if (e == ERR_NONE)
			e = run_next(&m->source[low]);
		if (e == ERR_ABSENT) {
			m->over[low] = true;
			e = ERR_NONE;
		}
		low = merge_lowest(m);
	}
	*done = low < 0;
	return e == ERR_NONE && *done ? writer_flush(&m->out) : e;
}

/* The sources are dead, their place is the target's. */
static void merge_finish(struct runs *r, uint8_t level, uint32_t first)
{
	struct run *run = &r->run[first];

	for (int i = 0; i < RUN_FANOUT; i++)
		r->dead[r->dead_n++] = run[i].number;
	run[0].number = r->merge[level].target;
	run[0].level = (uint8_t)(level + 1);
	for (int i = 1; i < RUN_FANOUT; i++) {
		if (run[i].first_seq < run[0].first_seq)
			run[0].first_seq = run[i].first_seq;
		if (run[i].last_seq > run[0].last_seq)
			run[0].last_seq = run[i].last_seq;
	}
	r->n -= RUN_FANOUT - 1;
	memmove(run + 1, run + RUN_FANOUT, (r->n - first - 1) * sizeof(*run));
	r->merge[level] = (struct run_merge){.target = 0};
}

/* One level's merge, begun if there is enough for one. */
static enum err merge_level(struct kv_txn *txn, struct runs *r, uint8_t level, uint32_t floor,
			    uint32_t *budget)
{
	struct run_merge *at = &r->merge[level];
	uint32_t first = 0;
	enum err e = ERR_NONE;

	if (runs_of_level(r, level, &first) < RUN_FANOUT)
		return ERR_NONE;
	if (at->target == 0)
		at->target = r->next_number++;
	while (e == ERR_NONE && *budget && at->index < RUN_INDEXES) {
		struct merging m;
		bool done = false;

		e = merge_open(&m, txn, &r->run[first], at);
		if (e == ERR_NONE)
			e = merge_rows(&m, at, floor, *budget, &done);
		*budget -= m.out.blocks < *budget ? m.out.blocks : *budget;
		merge_close(&m);
		if (e == ERR_NONE && done)
			*at = (struct run_merge){.target = at->target,
						 .index = (uint8_t)(at->index + 1)};
	}
	if (e == ERR_NONE && at->index == RUN_INDEXES && r->dead_n + RUN_FANOUT <= RUNS_DEAD_MAX)
		merge_finish(r, level, first);
	return e;
}

/* Deletes blocks of a run; *done when none are left. */
static enum err delete_blocks(struct kv_txn *txn, enum run_index index, uint32_t run,
			      uint32_t *budget, bool *done)
{
	static const uint8_t lowest[RUN_ROW_MAX];
	struct block_key k = block_key(index, run, lowest);
	struct kv_cursor *c = NULL;
	struct kv_row row;
	enum err e = kv_cursor_open(txn, kinds[index].table, &c);

	*done = false;
	while (e == ERR_NONE && *budget && !*done) {
		e = kv_at_or_above(c, key_bytes(&k), &row);
		*done = e == ERR_ABSENT || (e == ERR_NONE && !is_of_run(&row, run));
		if (*done) {
			e = ERR_NONE;
		} else if (e == ERR_NONE) {
			e = kv_cursor_del(c);
			--*budget;
		}
	}
	kv_cursor_close(c);
	return e;
}

static enum err delete_dead(struct kv_txn *txn, struct runs *r, uint32_t *budget)
{
	enum err e = ERR_NONE;

	while (e == ERR_NONE && *budget && r->dead_n) {
		bool done[RUN_INDEXES] = {false};

		for (int i = 0; e == ERR_NONE && i < RUN_INDEXES; i++)
			e = delete_blocks(txn, (enum run_index)i, r->dead[0], budget, &done[i]);
		if (e == ERR_NONE && done[RUN_TX_IDS] && done[RUN_ACCOUNTS])
			memmove(r->dead, r->dead + 1, --r->dead_n * sizeof(*r->dead));
	}
	return e;
}

/* Runs whose ledgers are all below the floor; sources of a merge wait for it. */
static void drop_old(struct runs *r, uint32_t floor)
{
	for (uint32_t i = 0; i < r->n && r->dead_n < RUNS_DEAD_MAX;) {
		const struct run *run = &r->run[i];

		if (run->last_seq >= floor ||
		    (run->level < RUN_LEVELS_MAX && r->merge[run->level].target)) {
			i++;
			continue;
		}
		r->dead[r->dead_n++] = run->number;
		memmove(&r->run[i], &r->run[i + 1], (--r->n - i) * sizeof(*r->run));
	}
}

enum err runs_work(struct kv_txn *txn, struct runs *r, uint32_t floor, uint32_t budget)
{
	enum err e;

	drop_old(r, floor);
	/* When runs have piled up, they are merged whatever it costs. */
	if (r->n > RUNS_MAX / 2 || r->dead_n > RUNS_DEAD_MAX / 2)
		budget = UINT32_MAX;
	e = delete_dead(txn, r, &budget);
	for (uint8_t level = 0; e == ERR_NONE && budget && level < RUN_LEVELS_MAX; level++)
		e = merge_level(txn, r, level, floor, &budget);
	return e;
}
