/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "store/crc32c.h"
#include "store/runs.h"

/* The row that says which runs there are, and the check of all of them.
 *
 *   next_number 4 | runs: count 2, each: number 4, level 1, first_seq 4, last_seq 4 |
 *   merges: count 1, each: level 1, target 4, index 1, started 1, last 40 |
 *   dead: count 2, each: number 4 | CRC-32C 4 */

static const char NAME[] = "runs";

static void encode(struct buf *b, const struct runs *r)
{
	uint8_t merges = 0;

	buf_put_be32(b, r->next_number);
	buf_put_be16(b, (uint16_t)r->n);
	for (uint32_t i = 0; i < r->n; i++) {
		buf_put_be32(b, r->run[i].number);
		buf_put_u8(b, r->run[i].level);
		buf_put_be32(b, r->run[i].first_seq);
		buf_put_be32(b, r->run[i].last_seq);
	}
	for (int l = 0; l < RUN_LEVELS_MAX; l++)
		merges = (uint8_t)(merges + (r->merge[l].target != 0));
	buf_put_u8(b, merges);
	for (uint8_t l = 0; l < RUN_LEVELS_MAX; l++) {
		if (!r->merge[l].target)
			continue;
		buf_put_u8(b, l);
		buf_put_be32(b, r->merge[l].target);
		buf_put_u8(b, r->merge[l].index);
		buf_put_u8(b, r->merge[l].started);
		buf_put(b, r->merge[l].last, sizeof(r->merge[l].last));
	}
	buf_put_be16(b, (uint16_t)r->dead_n);
	for (uint32_t i = 0; i < r->dead_n; i++)
		buf_put_be32(b, r->dead[i]);
	buf_put_be32(b, crc32c(0, buf_bytes(b)));
}

static void decode_merges(struct cursor *c, struct runs *r)
{
	for (unsigned n = cursor_u8(c); n && !c->dead; n--) {
		uint8_t level = cursor_u8(c);
		struct run_merge m = {.target = cursor_be32(c)};

		m.index = cursor_u8(c);
		m.started = cursor_u8(c) == 1;
		cursor_copy(c, m.last, sizeof(m.last));
		if (level >= RUN_LEVELS_MAX || m.target == 0 || m.index > RUN_INDEXES)
			c->dead = true;
		else
			r->merge[level] = m;
	}
}

static enum err decode(struct bytes in, struct runs *r)
{
	struct cursor c = cursor_of(bytes_of(in.p, in.n < 4 ? 0 : in.n - 4));

	memset(r, 0, sizeof(*r));
	if (in.n < 4 || crc32c(0, bytes_of(in.p, in.n - 4)) != load_be32(in.p + in.n - 4))
		return ERR_CORRUPT;
	r->next_number = cursor_be32(&c);
	r->n = cursor_be16(&c);
	if (r->n > RUNS_MAX)
		return ERR_CORRUPT;
	for (uint32_t i = 0; i < r->n; i++) {
		r->run[i].number = cursor_be32(&c);
		r->run[i].level = cursor_u8(&c);
		r->run[i].first_seq = cursor_be32(&c);
		r->run[i].last_seq = cursor_be32(&c);
	}
	decode_merges(&c, r);
	r->dead_n = cursor_be16(&c);
	if (r->dead_n > RUNS_DEAD_MAX)
		return ERR_CORRUPT;
	for (uint32_t i = 0; i < r->dead_n; i++)
		r->dead[i] = cursor_be32(&c);
	return c.dead || c.left ? ERR_CORRUPT : ERR_NONE;
}

enum err runs_get(struct kv_txn *txn, struct runs *out)
{
	struct bytes value;
	enum err e = kv_get(txn, KV_META, bytes_str(NAME), &value);

	if (e == ERR_ABSENT)
		return ERR_CORRUPT; /* it is there from the beginning */
	return e == ERR_NONE ? decode(value, out) : e;
}

enum err runs_put(struct kv_txn *txn, const struct runs *r)
{
	struct buf b = BUF_INIT;
	enum err e;

	encode(&b, r);
	e = kv_put(txn, KV_META, bytes_str(NAME), buf_bytes(&b));
	buf_close(&b);
	return e;
}

static const struct run *find_run(const struct runs *r, uint32_t number)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->run[i].number == number)
			return &r->run[i];
	return NULL;
}

/* Whether a run that no look-up uses may have blocks: it is being written, or deleted. */
static bool in_passing(const struct runs *r, uint32_t number)
{
	for (int l = 0; l < RUN_LEVELS_MAX; l++)
		if (r->merge[l].target == number)
			return true;
	for (uint32_t i = 0; i < r->dead_n; i++)
		if (r->dead[i] == number)
			return true;
	return false;
}

/* Every row of a run, in order; seq_at: where a row has its ledger. */
static enum err check_run(struct run_cursor *rc, const struct run *run, size_t seq_at,
			  uint32_t floor, uint64_t *rows)
{
	static const uint8_t lowest[RUN_ROW_MAX];
	uint8_t before[RUN_ROW_MAX] = {0};
	size_t key = rc->index == RUN_TX_IDS ? 32 : 28;
	enum err e = run_seek_up(rc, run->number, lowest);
	bool any = false;

	while (e == ERR_NONE) {
		uint32_t seq = load_be32(run_row(rc) + seq_at);

		if (seq < run->first_seq || seq > run->last_seq ||
		    (any && memcmp(before, run_row(rc), key) >= 0))
			return ERR_CORRUPT;
		*rows += seq >= floor;
		memcpy(before, run_row(rc), key);
		any = true;
		e = run_next(rc);
	}
	return e == ERR_ABSENT ? ERR_NONE : e;
}

/* Every block belongs to a run that is known. */
static enum err check_blocks(struct kv_txn *txn, const struct runs *r, enum kv_table table)
{
	struct kv_cursor *c = NULL;
	struct kv_row row;
	enum err e = kv_cursor_open(txn, table, &c);

	if (e == ERR_NONE)
		e = kv_first(c, &row);
	while (e == ERR_NONE) {
		uint32_t number = row.key.n >= 4 ? load_be32(row.key.p) : 0;

		if (!find_run(r, number) && !in_passing(r, number)) {
			e = ERR_CORRUPT;
			break;
		}
		e = kv_next(c, &row);
	}
	kv_cursor_close(c);
	return e == ERR_ABSENT ? ERR_NONE : e;
}

enum err runs_check(struct kv_txn *txn, const struct runs *r, uint32_t floor,
		    uint64_t rows[RUN_INDEXES], struct why *why)
{
	static const enum kv_table table[RUN_INDEXES] = {KV_TX_IDS, KV_ACCOUNT_TXS};
	static const size_t seq_at[RUN_INDEXES] = {32, 20};

	for (int i = 0; i < RUN_INDEXES; i++) {
		struct run_cursor rc;
		enum err e = run_open(&rc, txn, (enum run_index)i);

		rows[i] = 0;
		for (uint32_t k = 0; e == ERR_NONE && k < r->n; k++)
			e = check_run(&rc, &r->run[k], seq_at[i], floor, &rows[i]);
		run_close(&rc);
		if (e == ERR_NONE)
			e = check_blocks(txn, r, table[i]);
		if (e != ERR_NONE)
			return why_set(why, e, "the index of %s is damaged",
				       i == RUN_TX_IDS ? "transaction ids" : "accounts");
	}
	return ERR_NONE;
}
