/* SPDX-License-Identifier: ISC */
#include "store/keep.h"

#include "base/mem.h"
#include "store/crc32c.h"
#include "store/lmdb.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>

/* Two of the tables that every environment has: id → crc, time, value; and time, id → bytes. */
#define ROWS  KV_META
#define TIMES KV_HASHES

#define HEAD_BYTES     12 /* of a value: crc32c, until_ms */
#define TIME_KEY_BYTES 40
#define SWEEP_MAX      256
#define GROW_MAX       16
#define RESERVE        10 /* the last tenth is for rows of privilege */

struct keep {
	struct kv *db;
	uint32_t rows_max;
	uint64_t bytes_max;
	_Atomic uint32_t rows;
	_Atomic uint64_t bytes;
};

/* Counts while a transaction is being made; they become the keep's when it is committed. */
struct change {
	struct kv_txn *txn;
	uint32_t rows;
	uint64_t bytes;
};

static void time_key(uint8_t out[TIME_KEY_BYTES], uint64_t until_ms, const struct hash256 *key)
{
	store_be64(out, until_ms);
	memcpy(out + 8, key->b, sizeof(key->b));
}

/* ---- Opening */

static enum err count(struct keep *k)
{
	struct kv_cursor *c = NULL;
	struct kv_txn *txn = NULL;
	struct kv_row row;
	enum err e = kv_read(k->db, &txn);

	if (e == ERR_NONE)
		e = kv_cursor_open(txn, TIMES, &c);
	for (enum err more = e == ERR_NONE ? kv_first(c, &row) : e; e == ERR_NONE;
	     more = kv_next(c, &row)) {
		if (more == ERR_ABSENT)
			break;
		e = more != ERR_NONE ? more : row.value.n == 4 ? ERR_NONE : ERR_CORRUPT;
		if (e != ERR_NONE)
			break;
		k->rows++;
		k->bytes += load_be32(row.value.p);
	}
	kv_cursor_close(c);
	kv_abort(txn);
	return e;
}

static enum err open_folder(struct kv **db, const char *folder, struct why *why)
{
	struct lmdb_options lo = {.map_bytes_min = 8u << 20};
	char path[PATH_MAX];
	enum err e = lmdb_path(path, folder, "keep", why);

	if (e != ERR_NONE)
		return e;
	if (mkdir(path, 0700) && errno != EEXIST)
		return why_set(why, errno == ENOSPC ? ERR_NO_SPACE : ERR_IO, "%s: %s", path,
			       strerror(errno));
	return lmdb_open(db, path, &lo, true, why);
}

enum err keep_open(struct keep **out, const struct keep_options *o, struct why *why)
{
	struct keep *k = mem_zalloc(1, sizeof(*k));
	enum err e = ERR_NONE;

	*out = NULL;
	k->db = o->db;
	k->rows_max = o->rows_max ? o->rows_max : KEEP_ROWS_MAX;
	k->bytes_max = o->bytes_max ? o->bytes_max : KEEP_BYTES_MAX;
	if (!k->db)
		e = open_folder(&k->db, o->folder, why);
	if (e == ERR_NONE) {
		e = count(k);
		if (e != ERR_NONE)
			why_set(why, e, "what is kept beside the ledgers cannot be read");
	}
	if (e == ERR_NONE)
		*out = k;
	else
		keep_close(k);
	return e;
}

void keep_close(struct keep *k)
{
	if (!k)
		return;
	kv_close(k->db);
	mem_free(k);
}

void keep_usage(const struct keep *k, uint32_t *rows, uint64_t *bytes)
{
	*rows = atomic_load(&k->rows);
	*bytes = atomic_load(&k->bytes);
}

/* ---- Reading */

static enum err check(struct bytes v)
{
	if (v.n < HEAD_BYTES || load_be32(v.p) != crc32c(0, bytes_of(v.p + 4, v.n - 4)))
		return ERR_CORRUPT;
	return ERR_NONE;
}

enum err keep_get(struct keep *k, const struct hash256 *key, uint64_t now_ms, struct buf *out)
{
	struct kv_txn *txn = NULL;
	struct bytes v;
	enum err e = kv_read(k->db, &txn);

	if (e != ERR_NONE)
		return e;
	e = kv_get(txn, ROWS, bytes_of(key->b, sizeof(key->b)), &v);
	if (e == ERR_NONE)
		e = check(v);
	if (e == ERR_NONE && load_be64(v.p + 4) <= now_ms)
		e = ERR_ABSENT;
	if (e == ERR_NONE)
		buf_put(out, v.p + HEAD_BYTES, v.n - HEAD_BYTES);
	kv_abort(txn);
	return e;
}

/* ---- Writing */

/* Removes a row if it is there. */
static enum err drop(struct change *c, const struct hash256 *key)
{
	uint8_t at[TIME_KEY_BYTES];
	struct bytes v, id = bytes_of(key->b, sizeof(key->b));
	enum err e = kv_get(c->txn, ROWS, id, &v);
	uint64_t n = e == ERR_NONE ? v.n : 0;

	if (e == ERR_ABSENT)
		return ERR_NONE;
	if (e == ERR_NONE && n < HEAD_BYTES)
		e = ERR_CORRUPT;
	if (e != ERR_NONE)
		return e;
	time_key(at, load_be64(v.p + 4), key);
	e = kv_del(c->txn, ROWS, id);
	if (e == ERR_NONE)
		e = kv_del(c->txn, TIMES, bytes_of(at, sizeof(at)));
	if (e != ERR_NONE)
		return e == ERR_ABSENT ? ERR_CORRUPT : e;
	must(c->rows > 0 && c->bytes >= n);
	c->rows--;
	c->bytes -= n;
	return ERR_NONE;
}

static enum err sweep(struct change *c, uint64_t now_ms)
{
	struct hash256 gone[SWEEP_MAX];
	struct kv_cursor *cursor;
	struct kv_row row;
	uint32_t n = 0;
	enum err e = kv_cursor_open(c->txn, TIMES, &cursor), more;

	if (e != ERR_NONE)
		return e;
	for (more = kv_first(cursor, &row); more == ERR_NONE && n < SWEEP_MAX;
	     more = kv_next(cursor, &row)) {
		if (row.key.n != TIME_KEY_BYTES || load_be64(row.key.p) > now_ms)
			break;
		memcpy(gone[n++].b, row.key.p + 8, sizeof(gone[0].b));
	}
	kv_cursor_close(cursor);
	if (more != ERR_NONE && more != ERR_ABSENT)
		return more;
	for (uint32_t i = 0; i < n && e == ERR_NONE; i++)
		e = drop(c, &gone[i]);
	return e;
}

/* Whether the row fits in the place of what it replaces. */
static bool has_room(const struct keep *k, const struct change *c, const struct keep_row *row,
		     uint64_t bytes)
{
	uint32_t rows_max = k->rows_max, rows = c->rows;
	uint64_t bytes_max = k->bytes_max, held = c->bytes;
	struct bytes old;

	if (!row->privileged) {
		rows_max -= rows_max / RESERVE;
		bytes_max -= bytes_max / RESERVE;
	}
	if (kv_get(c->txn, ROWS, bytes_of(row->key.b, sizeof(row->key.b)), &old) == ERR_NONE) {
		rows--;
		held -= old.n;
	}
	return rows < rows_max && held + bytes <= bytes_max;
}

static enum err put_one(const struct keep *k, struct change *c, struct keep_row *row)
{
	uint64_t n = HEAD_BYTES + row->value.n;
	uint8_t at[TIME_KEY_BYTES], size[4];
	struct buf v = BUF_INIT;
	enum err e;

	row->err = row->value.n > KEEP_VALUE_MAX ? ERR_TOO_LARGE
		   : has_room(k, c, row, n)      ? ERR_NONE
						 : ERR_FULL;
	if (row->err != ERR_NONE)
		return ERR_NONE;
	e = drop(c, &row->key);
	if (e != ERR_NONE)
		return e;
	buf_put_be32(&v, 0);
	buf_put_be64(&v, row->until_ms);
	buf_put(&v, row->value.p, row->value.n);
	store_be32(v.p, crc32c(0, bytes_of(v.p + 4, v.n - 4)));
	time_key(at, row->until_ms, &row->key);
	store_be32(size, (uint32_t)n);
	e = kv_put(c->txn, ROWS, bytes_of(row->key.b, sizeof(row->key.b)), buf_bytes(&v));
	if (e == ERR_NONE)
		e = kv_put(c->txn, TIMES, bytes_of(at, sizeof(at)), bytes_of(size, sizeof(size)));
	buf_close(&v);
	c->rows++;
	c->bytes += n;
	return e;
}

static enum err put_all(struct keep *k, struct keep_row *rows, uint32_t n, uint64_t now_ms,
			struct why *why)
{
	struct change c = {.rows = k->rows, .bytes = k->bytes};
	enum err e = kv_write(k->db, &c.txn);

	if (e != ERR_NONE)
		return why_set(why, e, "a write cannot begin");
	e = sweep(&c, now_ms);
	for (uint32_t i = 0; i < n && e == ERR_NONE; i++)
		e = put_one(k, &c, &rows[i]);
	if (e != ERR_NONE) {
		kv_abort(c.txn);
		return why_set(why, e, "a write failed");
	}
	e = kv_commit(c.txn, why);
	if (e != ERR_NONE)
		return e;
	atomic_store(&k->rows, c.rows);
	atomic_store(&k->bytes, c.bytes);
	return ERR_NONE;
}

enum err keep_put(struct keep *k, struct keep_row *rows, uint32_t n, uint64_t now_ms,
		  struct why *why)
{
	enum err e = put_all(k, rows, n, now_ms, why);

	for (int i = 0; i < GROW_MAX && e == ERR_FULL; i++) {
		e = kv_grow(k->db);
		if (e != ERR_NONE)
			return why_set(why, e, "no room to grow");
		e = put_all(k, rows, n, now_ms, why);
	}
	return e;
}
