/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "store/lmdb.h"
#include "store/store_impl.h"

static const char IDENTITY[] = "identity";
static const char TIP[] = "tip";

_Static_assert(STORE_SCHEMA == 1, "a new schema needs a migration from the one before");

enum err store_fail(struct why *why, enum err e, const char *what)
{
	return why_set(why, e, "%s: %s", what, err_text(e));
}

enum err store_get_identity(struct kv_txn *txn, struct identity_row *out)
{
	struct bytes value;
	enum err e = kv_get(txn, KV_META, bytes_str(IDENTITY), &value);

	if (e == ERR_ABSENT)
		return ERR_CORRUPT;
	return e == ERR_NONE ? identity_row_decode(out, value) : e;
}

enum err store_put_identity(struct kv_txn *txn, const struct identity_row *id)
{
	uint8_t row[IDENTITY_BYTES];

	identity_row_encode(row, id);
	return kv_put(txn, KV_META, bytes_str(IDENTITY), bytes_of(row, sizeof(row)));
}

/* The row is there from the beginning: without it, a database would pass for a new one. */
enum err store_get_tip(struct kv_txn *txn, struct tip_row *out)
{
	struct bytes value;
	enum err e = kv_get(txn, KV_META, bytes_str(TIP), &value);

	if (e == ERR_ABSENT)
		return ERR_CORRUPT;
	return e == ERR_NONE ? tip_row_decode(out, value) : e;
}

enum err store_put_tip(struct kv_txn *txn, const struct tip_row *tip)
{
	uint8_t row[TIP_BYTES];

	tip_row_encode(row, tip);
	return kv_put(txn, KV_META, bytes_str(TIP), bytes_of(row, sizeof(row)));
}

struct tip_row store_tip(struct store *s)
{
	struct tip_row tip;

	pthread_mutex_lock(&s->mutex);
	tip = s->tip;
	pthread_mutex_unlock(&s->mutex);
	return tip;
}

void store_set_tip(struct store *s, const struct tip_row *tip)
{
	pthread_mutex_lock(&s->mutex);
	s->tip = *tip;
	pthread_mutex_unlock(&s->mutex);
}

/* An identity and nothing else, in one transaction. */
static enum err fill(struct kv *db, const struct store_options *o, struct why *why)
{
	struct identity_row id = {
	    .schema = STORE_SCHEMA,
	    .network_id = o->network_id,
	    .genesis = o->genesis,
	};
	struct tip_row none = {.seq = 0};
	struct runs no_runs = {.next_number = 1};
	struct kv_txn *txn = NULL;
	enum err e = kv_write(db, &txn);

	if (e == ERR_NONE)
		e = store_put_identity(txn, &id);
	if (e == ERR_NONE)
		e = store_put_tip(txn, &none);
	if (e == ERR_NONE)
		e = runs_put(txn, &no_runs);
	if (e == ERR_NONE)
		return kv_commit(txn, why);
	kv_abort(txn);
	return store_fail(why, e, o->folder);
}

/* Makes <folder>/data. A crash on the way leaves data.tmp, which the next attempt clears away. */
static enum err create(const struct store_options *o, struct why *why)
{
	struct lmdb_options lo = {.map_bytes_min = 1u << 20};
	struct kv *db = NULL;
	char tmp[PATH_MAX];
	enum err e = lmdb_folder_prepare(o->folder, why);

	if (e == ERR_NONE)
		e = lmdb_path(tmp, o->folder, "data.tmp", why);
	if (e == ERR_NONE)
		e = lmdb_open(&db, tmp, &lo, true, why);
	if (e == ERR_NONE)
		e = fill(db, o, why);
	kv_close(db);
	return e == ERR_NONE ? lmdb_folder_adopt(o->folder, why) : e;
}

static enum err check_identity(const struct store_options *o, const struct identity_row *id,
			       enum err e, struct why *why)
{
	if (e == ERR_SCHEMA)
		return why_set(why, e,
			       "%s: data of schema %u, this version works with %d; run: tally "
			       "migrate %s",
			       o->folder, id->schema, STORE_SCHEMA, o->folder);
	if (e != ERR_NONE)
		return store_fail(why, e, o->folder);
	if (o->read_only && hash256_is_zero(&o->genesis))
		return ERR_NONE; /* tools look at the data of any network */
	if (id->network_id != o->network_id)
		return why_set(why, ERR_MISMATCH, "%s: data of network %u, configured is %u",
			       o->folder, id->network_id, o->network_id);
	if (!hash256_eq(&id->genesis, &o->genesis))
		return why_set(why, ERR_MISMATCH,
			       "%s: data of a network with another genesis, %s... instead of %s...",
			       o->folder, hash256_short(&id->genesis).s,
			       hash256_short(&o->genesis).s);
	return ERR_NONE;
}

static enum err load_meta(struct store *s, const struct store_options *o, struct why *why)
{
	struct identity_row id = {.schema = 0};
	struct kv_txn *txn;
	enum err e = kv_read(s->db, &txn);

	if (e != ERR_NONE)
		return store_fail(why, e, o->folder);
	e = check_identity(o, &id, store_get_identity(txn, &id), why);
	if (e == ERR_NONE) {
		e = store_get_tip(txn, &s->tip);
		if (e != ERR_NONE)
			store_fail(why, e, o->folder);
	}
	kv_abort(txn);
	return e;
}

/* A database that is handed in has no folder and may be new. */
static enum err open_given(struct store *s, const struct store_options *o, struct why *why)
{
	struct kv_txn *txn;
	uint64_t n = 0;
	enum err e = kv_read(o->db, &txn);

	s->db = o->db;
	if (e == ERR_NONE) {
		e = kv_count(txn, KV_META, &n);
		kv_abort(txn);
	}
	if (e != ERR_NONE)
		return store_fail(why, e, o->folder);
	if (n == 0)
		e = fill(s->db, o, why);
	return e == ERR_NONE ? load_meta(s, o, why) : e;
}

static enum err open_data(struct store *s, const struct store_options *o, struct why *why)
{
	struct lmdb_options lo = {.map_bytes_min = o->map_bytes_min, .read_only = o->read_only};
	char path[PATH_MAX];
	enum err e = ERR_NONE;

	if (!o->read_only) {
		e = lmdb_folder_lock(o->folder, &s->lock, why);
		if (e == ERR_NONE)
			e = lmdb_folder_marked(o->folder, why);
	}
	if (e == ERR_NONE && !lmdb_folder_has(o->folder, "data"))
		e = o->read_only ? why_set(why, ERR_ABSENT, "%s: no ledger data there", o->folder)
				 : create(o, why);
	if (e == ERR_NONE)
		e = lmdb_path(path, o->folder, "data", why);
	if (e == ERR_NONE)
		e = lmdb_open(&s->db, path, &lo, false, why);
	return e == ERR_NONE ? load_meta(s, o, why) : e;
}

enum err store_open(struct store **out, const struct store_options *o, struct why *why)
{
	struct store *s = mem_zalloc(1, sizeof(*s));
	size_t n = strlen(o->folder) + 1;
	enum err e;

	must(o->history == STORE_HISTORY_FULL || o->history >= 256);
	s->lock = -1;
	s->folder = mem_alloc(n);
	memcpy(s->folder, o->folder, n);
	s->history = o->history;
	s->deletable = UINT32_MAX;
	s->read_only = o->read_only;
	pthread_mutex_init(&s->mutex, NULL);
	store_read_init(s);
	e = o->db ? open_given(s, o, why) : open_data(s, o, why);
	if (e != ERR_NONE) {
		store_close(s);
		s = NULL;
	}
	*out = s;
	return e;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_ledgers_close(s);
	kv_close(s->db);
	lmdb_folder_unlock(&s->lock);
	pthread_mutex_destroy(&s->mutex);
	mem_free(s->folder);
	mem_free(s);
}

struct node_source *store_node_source(struct store *s)
{
	return &s->source;
}

const struct history *store_history(struct store *s)
{
	return &s->interface;
}

bool store_disk_space(const struct store *s, uint64_t *free_bytes, uint64_t *total_bytes)
{
	return kv_disk_space(s->db, free_bytes, total_bytes);
}

uint64_t store_bytes(const struct store *s)
{
	return kv_bytes(s->db);
}

/* Where upgrades hang in. One from schema n is a function that copies the tables of the environment
 * it is given, which it leaves alone, into a new one in <folder>/data.tmp in the layout of n + 1;
 * lmdb_folder_adopt() then puts that in its place. Schema 1 is the first, so there is none yet. */
static enum err migrate_from(const char *folder, uint32_t schema, struct why *why)
{
	if (schema == STORE_SCHEMA)
		return why_set(why, ERR_NONE, "%s: already at schema %d", folder, STORE_SCHEMA);
	if (schema > STORE_SCHEMA)
		return why_set(why, ERR_SCHEMA,
			       "%s: data of schema %u, newer than the %d of this version; use the "
			       "version that wrote it",
			       folder, schema, STORE_SCHEMA);
	return why_set(why, ERR_SCHEMA, "%s: data of schema %u, from which there is no way to %d",
		       folder, schema, STORE_SCHEMA);
}

enum err store_migrate(const char *folder, struct why *why)
{
	struct identity_row id = {.schema = 0};
	struct lmdb_options lo = {.map_bytes_min = 0};
	struct kv *db = NULL;
	struct kv_txn *txn = NULL;
	char path[PATH_MAX];
	int lock = -1;
	enum err e = ERR_NONE;

	if (!lmdb_folder_has(folder, "data"))
		return why_set(why, ERR_ABSENT, "%s: no ledger data there", folder);
	e = lmdb_folder_lock(folder, &lock, why);
	if (e == ERR_NONE)
		e = lmdb_path(path, folder, "data", why);
	if (e == ERR_NONE)
		e = lmdb_open(&db, path, &lo, false, why);
	if (e == ERR_NONE) {
		e = kv_read(db, &txn);
		if (e == ERR_NONE)
			e = store_get_identity(txn, &id);
		kv_abort(txn);
		if (e == ERR_NONE || e == ERR_SCHEMA)
			e = migrate_from(folder, id.schema, why);
		else
			store_fail(why, e, folder);
	}
	kv_close(db);
	lmdb_folder_unlock(&lock);
	return e;
}

enum err store_note_damage(const char *folder, const char *what, struct why *why)
{
	return lmdb_folder_mark(folder, what, why);
}

enum err store_clear_damage(const char *folder, struct why *why)
{
	return lmdb_folder_unmark(folder, why);
}

enum err store_set_aside(const char *folder, struct buf *where, struct why *why)
{
	char path[PATH_MAX];
	int lock = -1;
	enum err e = lmdb_folder_lock(folder, &lock, why);

	if (e == ERR_NONE)
		e = lmdb_folder_set_aside(folder, path, why);
	if (e == ERR_NONE)
		buf_put(where, path, strlen(path));
	lmdb_folder_unlock(&lock);
	return e;
}
