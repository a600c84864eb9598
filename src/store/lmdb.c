/* SPDX-License-Identifier: ISC */
#include "store/lmdb.h"

#include "base/mem.h"
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define READERS_MAX      126
#define IDLE_READERS_MAX 32
#define LOCK_FILE_BYTES  8192           /* LMDB's header and READERS_MAX slots */
#define MAP_BYTES_START  (256ull << 20) /* unless the caller wants another */
#define MAP_BYTES_LEAST  (1ull << 20)
#define ROOM_LEFT_MIN    (1u << 20) /* a file system with less is full */

struct lmdb {
	struct kv kv;
	MDB_env *env;
	MDB_dbi dbi[KV_TABLES];
	char data_path[PATH_MAX];
	char dir[PATH_MAX];
	bool read_only;
	bool dead; /* could not be opened again */
	bool
	    failed; /* a commit did: what the disk holds is not known, so nothing more is written */
	/* Readers hold it shared from begin to end; changing the map's size holds it alone. */
	pthread_rwlock_t map_lock;
	pthread_mutex_t pool_lock;
	MDB_txn *idle[IDLE_READERS_MAX]; /* reset, to be renewed */
	unsigned idle_n;
};

struct lmdb_txn {
	struct kv_txn kv;
	struct lmdb *db;
	MDB_txn *txn;
	bool writes;
};

struct lmdb_cursor {
	struct kv_cursor kv;
	MDB_cursor *c;
	struct lmdb *db;
};

static const struct kv_ops ops;

static const struct {
	const char *name;
	unsigned flags;
} tables[KV_TABLES] = {
    [KV_META] = {"meta", 0},         [KV_HEADERS] = {"headers", 0},
    [KV_HASHES] = {"hashes", 0},     [KV_NODES] = {"nodes", MDB_INTEGERKEY},
    [KV_OBSOLETE] = {"obsolete", 0}, [KV_TX_IDS] = {"tx_ids", 0},
    [KV_TXS] = {"txs", 0},           [KV_ACCOUNT_TXS] = {"account_txs", 0},
};

static MDB_val val_of(struct bytes b)
{
	return (MDB_val){.mv_size = b.n, .mv_data = (void *)(uintptr_t)b.p};
}

static struct bytes bytes_of_val(MDB_val v)
{
	return bytes_of(v.mv_data, v.mv_size);
}

static struct lmdb *lmdb_of(struct kv *kv)
{
	return (struct lmdb *)kv;
}

static const struct lmdb *lmdb_of_const(const struct kv *kv)
{
	return (const struct lmdb *)kv;
}

static struct lmdb_txn *lmdb_txn_of(struct kv_txn *kv)
{
	return (struct lmdb_txn *)kv;
}

static struct lmdb_cursor *lmdb_cursor_of(struct kv_cursor *kv)
{
	return (struct lmdb_cursor *)kv;
}

static uint64_t file_bytes(const struct lmdb *db)
{
	struct stat st;

	return stat(db->data_path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Whether the data file can grow no further, by the disk or by the process's own limit. */
static bool out_of_room(const struct lmdb *db)
{
	uint64_t left, total;
	struct rlimit limit;

	if (file_free_space(&left, &total, db->data_path, NULL) == ERR_NONE && left < ROOM_LEFT_MIN)
		return true;
	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	       file_bytes(db) + ROOM_LEFT_MIN > limit.rlim_cur;
}

static enum err err_of(const struct lmdb *db, int rc)
{
	switch (rc) {
	case MDB_SUCCESS:
		return ERR_NONE;
	case ENOMEM:
		mem_exhausted(0);
	case MDB_NOTFOUND:
		return ERR_ABSENT;
	case MDB_KEYEXIST: /* MDB_APPEND out of order */
		return ERR_ORDER;
	case MDB_MAP_FULL:
		return ERR_FULL;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NO_SPACE;
	case EIO:
		return out_of_room(db) ? ERR_NO_SPACE : ERR_IO;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_VALSIZE:
		return ERR_CORRUPT;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_PERMISSION;
	default:
		return ERR_IO;
	}
}

static size_t page_round(uint64_t n)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (size_t)((n + page - 1) / page * page);
}

static uint64_t bytes(const struct kv *kv)
{
	return file_bytes(lmdb_of_const(kv));
}

static bool disk_space(const struct kv *kv, uint64_t *free_bytes, uint64_t *total_bytes)
{
	return file_free_space(free_bytes, total_bytes, lmdb_of_const(kv)->data_path, NULL) ==
	       ERR_NONE;
}

/* LMDB drops the old map before it makes the new one, and without a map all is lost: so try first
 * whether there are that many addresses. */
static bool addresses_left(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p != MAP_FAILED && munmap(p, n) == 0;
}

static enum err grow(struct kv *kv)
{
	struct lmdb *db = lmdb_of(kv);
	MDB_envinfo info;
	enum err e = ERR_NO_SPACE;

	pthread_rwlock_wrlock(&db->map_lock);
	mdb_env_info(db->env, &info);
	if (info.me_mapsize <= SIZE_MAX / 4 && addresses_left(info.me_mapsize * 2))
		e = err_of(db, mdb_env_set_mapsize(db->env, info.me_mapsize * 2));
	pthread_rwlock_unlock(&db->map_lock);
	return e;
}

/* The size in use, by the pages of the last commit. */
static uint64_t used_bytes(struct lmdb *db, uint64_t *map_bytes)
{
	MDB_envinfo info;
	MDB_stat stat;

	mdb_env_info(db->env, &info);
	mdb_env_stat(db->env, &stat);
	*map_bytes = info.me_mapsize;
	return (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
}

static enum err open_tables(struct lmdb *db, bool create, struct why *why)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(db->env, NULL, create ? 0 : MDB_RDONLY, &txn);

	if (rc)
		return why_set(why, err_of(db, rc), "%s: %s", db->data_path, mdb_strerror(rc));
	for (int i = 0; !rc && i < KV_TABLES; i++)
		rc = mdb_dbi_open(txn, tables[i].name, tables[i].flags | (create ? MDB_CREATE : 0),
				  &db->dbi[i]);
	if (rc)
		mdb_txn_abort(txn);
	else
		rc = mdb_txn_commit(txn);
	if (rc == MDB_NOTFOUND)
		return why_set(why, ERR_CORRUPT, "%s: not a ledger database", db->data_path);
	if (rc)
		return why_set(why, err_of(db, rc), "%s: %s", db->data_path, mdb_strerror(rc));
	return ERR_NONE;
}

static enum err check_length(struct lmdb *db, struct why *why)
{
	uint64_t map_bytes, used = used_bytes(db, &map_bytes), there = file_bytes(db);

	/* A new file has no pages yet, but for two of its own. */
	if (there < used && there != 0)
		return why_set(why, ERR_CORRUPT,
			       "%s: cut short, %llu bytes where its pages take %llu", db->data_path,
			       (unsigned long long)there, (unsigned long long)used);
	return ERR_NONE;
}

static void init_locks(struct lmdb *db)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	/* No reader nests in another, so a waiting writer may hold new ones back. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&db->map_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&db->pool_lock, NULL);
}

/* LMDB writes its reader table through a map, and on a full disk that is SIGBUS where a write would
 * be an error. So the table gets its blocks before. */
static enum err allocate_lock_file(const char *dir, struct why *why)
{
	char path[PATH_MAX];
	enum err e = lmdb_path(path, dir, "lock.mdb", why);
	int fd, rc;

	if (e != ERR_NONE)
		return e;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return why_set(why, file_err_of(errno), "%s: %s", path, strerror(errno));
	do
		rc = posix_fallocate(fd, 0, LOCK_FILE_BYTES);
	while (rc == EINTR);
	close(fd);
	if (rc == 0 || rc == EOPNOTSUPP || rc == EINVAL)
		return ERR_NONE;
	return why_set(why, rc == EFBIG ? ERR_NO_SPACE : file_err_of(rc), "%s: %s", path,
		       strerror(rc));
}

static void close_env(struct lmdb *db)
{
	for (unsigned i = 0; i < db->idle_n; i++)
		mdb_txn_abort(db->idle[i]);
	db->idle_n = 0;
	if (db->env)
		mdb_env_close(db->env);
	db->env = NULL;
}

static void close_db(struct kv *kv)
{
	struct lmdb *db = lmdb_of(kv);

	close_env(db);
	pthread_rwlock_destroy(&db->map_lock);
	pthread_mutex_destroy(&db->pool_lock);
	mem_free(db);
}

static enum err open_env(struct lmdb *db, uint64_t map_bytes, bool create, struct why *why)
{
	unsigned flags = MDB_NOTLS | (db->read_only ? MDB_RDONLY : 0);
	enum err e;
	int rc;

	rc = mdb_env_create(&db->env);
	if (!rc)
		rc = mdb_env_set_maxdbs(db->env, KV_TABLES);
	if (!rc)
		rc = mdb_env_set_maxreaders(db->env, READERS_MAX);
	if (!rc)
		rc = mdb_env_set_mapsize(db->env, page_round(map_bytes));
	if (!rc)
		rc = mdb_env_open(db->env, db->dir, flags, 0640);
	if (!rc)
		rc = mdb_reader_check(db->env, NULL);
	if (rc)
		return why_set(why, rc > 0 ? file_err_of(rc) : err_of(db, rc), "%s: %s", db->dir,
			       mdb_strerror(rc));
	e = check_length(db, why);
	return e == ERR_NONE ? open_tables(db, create, why) : e;
}

/* After a failed write of a meta page LMDB does nothing any more. If only room was missing, then
 * the environment is opened again, and must be as it was before the transaction `id`. */
static enum err revive(struct lmdb *db, size_t id, struct why *why)
{
	MDB_envinfo info;
	MDB_txn *txn;
	int rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
	enum err e;

	if (!rc)
		mdb_txn_abort(txn);
	if (rc != MDB_PANIC)
		return ERR_NONE;
	pthread_rwlock_wrlock(&db->map_lock);
	mdb_env_info(db->env, &info);
	close_env(db);
	e = open_env(db, info.me_mapsize, false, why);
	if (e == ERR_NONE) {
		mdb_env_info(db->env, &info);
		if (info.me_last_txnid >= id)
			e = why_set(why, ERR_IO, "%s: the meta page was written in part",
				    db->data_path);
	}
	db->dead = e != ERR_NONE;
	pthread_rwlock_unlock(&db->map_lock);
	return e == ERR_NONE ? e : ERR_IO;
}

static MDB_txn *take_idle(struct lmdb *db)
{
	MDB_txn *txn = NULL;

	pthread_mutex_lock(&db->pool_lock);
	if (db->idle_n)
		txn = db->idle[--db->idle_n];
	pthread_mutex_unlock(&db->pool_lock);
	return txn;
}

static void give_idle(struct lmdb *db, MDB_txn *txn)
{
	mdb_txn_reset(txn);
	pthread_mutex_lock(&db->pool_lock);
	if (db->idle_n < IDLE_READERS_MAX) {
		db->idle[db->idle_n++] = txn;
		txn = NULL;
	}
	pthread_mutex_unlock(&db->pool_lock);
	if (txn)
		mdb_txn_abort(txn);
}

static enum err begun(struct lmdb *db, MDB_txn *txn, bool writes, struct kv_txn **out)
{
	struct lmdb_txn *t = mem_alloc(sizeof(*t));

	*t = (struct lmdb_txn){.kv.ops = &ops, .db = db, .txn = txn, .writes = writes};
	*out = &t->kv;
	return ERR_NONE;
}

static enum err begin_read(struct kv *kv, struct kv_txn **out)
{
	struct lmdb *db = lmdb_of(kv);
	MDB_txn *txn;
	int rc;

	pthread_rwlock_rdlock(&db->map_lock);
	txn = take_idle(db);
	if (db->dead)
		rc = MDB_PANIC;
	else
		rc = txn ? mdb_txn_renew(txn) : mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
	if (rc) {
		pthread_rwlock_unlock(&db->map_lock);
		return err_of(db, rc);
	}
	return begun(db, txn, false, out);
}

static enum err begin_write(struct kv *kv, struct kv_txn **out)
{
	struct lmdb *db = lmdb_of(kv);
	uint64_t map_bytes, used;
	MDB_txn *txn;
	int rc;

	must(!db->read_only);
	if (db->dead || db->failed)
		return ERR_IO;
	used = used_bytes(db, &map_bytes);
	/* If it cannot grow now, the transaction may still fit. */
	if (used > map_bytes / 2)
		(void)!grow(kv);
	rc = mdb_reader_check(db->env, NULL);
	if (!rc)
		rc = mdb_txn_begin(db->env, NULL, 0, &txn);
	if (rc)
		return err_of(db, rc);
	return begun(db, txn, true, out);
}

static void abort_txn(struct kv_txn *kv)
{
	struct lmdb_txn *t = lmdb_txn_of(kv);

	if (t->writes) {
		mdb_txn_abort(t->txn);
	} else {
		give_idle(t->db, t->txn);
		pthread_rwlock_unlock(&t->db->map_lock);
	}
	mem_free(t);
}

static enum err commit(struct kv_txn *kv, struct why *why)
{
	struct lmdb_txn *t = lmdb_txn_of(kv);
	struct lmdb *db = t->db;
	size_t id = mdb_txn_id(t->txn);
	int rc;
	enum err e;

	must(t->writes);
	rc = mdb_txn_commit(t->txn);
	mem_free(t);
	if (!rc)
		return ERR_NONE;
	e = why_set(why, err_of(db, rc), "%s: %s", db->data_path, mdb_strerror(rc));
	if (e == ERR_NO_SPACE && revive(db, id, why) != ERR_NONE)
		e = ERR_IO;
	/* After a failed sync the kernel counts the pages as written, so the next one would seem to
	 * succeed. */
	db->failed = e != ERR_NO_SPACE && e != ERR_FULL;
	return e;
}

static enum err get(struct kv_txn *kv, enum kv_table table, struct bytes key, struct bytes *value)
{
	struct lmdb_txn *t = lmdb_txn_of(kv);
	MDB_val k = val_of(key), v;
	int rc = mdb_get(t->txn, t->db->dbi[table], &k, &v);

	if (!rc)
		*value = bytes_of_val(v);
	return err_of(t->db, rc);
}

static enum err put(struct kv_txn *kv, enum kv_table table, struct kv_row row, bool append)
{
	struct lmdb_txn *t = lmdb_txn_of(kv);
	MDB_val k = val_of(row.key), v = val_of(row.value);

	must(t->writes);
	return err_of(t->db, mdb_put(t->txn, t->db->dbi[table], &k, &v, append ? MDB_APPEND : 0));
}

static enum err del(struct kv_txn *kv, enum kv_table table, struct bytes key)
{
	struct lmdb_txn *t = lmdb_txn_of(kv);
	MDB_val k = val_of(key);

	must(t->writes);
	return err_of(t->db, mdb_del(t->txn, t->db->dbi[table], &k, NULL));
}

static enum err count(struct kv_txn *kv, enum kv_table table, uint64_t *out)
{
	struct lmdb_txn *t = lmdb_txn_of(kv);
	MDB_stat st;
	int rc = mdb_stat(t->txn, t->db->dbi[table], &st);

	if (!rc)
		*out = st.ms_entries;
	return err_of(t->db, rc);
}

static enum err cursor_open(struct kv_txn *kv, enum kv_table table, struct kv_cursor **out)
{
	struct lmdb_txn *t = lmdb_txn_of(kv);
	struct lmdb_cursor *c;
	MDB_cursor *mc;
	int rc = mdb_cursor_open(t->txn, t->db->dbi[table], &mc);

	if (rc)
		return err_of(t->db, rc);
	c = mem_alloc(sizeof(*c));
	*c = (struct lmdb_cursor){.kv.ops = &ops, .c = mc, .db = t->db};
	*out = &c->kv;
	return ERR_NONE;
}

static void cursor_close(struct kv_cursor *kv)
{
	struct lmdb_cursor *c = lmdb_cursor_of(kv);

	mdb_cursor_close(c->c);
	mem_free(c);
}

static enum err move(struct kv_cursor *kv, struct kv_row *row, enum kv_move how)
{
	static const MDB_cursor_op moves[] = {
	    [KV_FIRST] = MDB_FIRST,
	    [KV_LAST] = MDB_LAST,
	    [KV_NEXT] = MDB_NEXT,
	    [KV_PREV] = MDB_PREV,
	    [KV_AT_OR_ABOVE] = MDB_SET_RANGE,
	};
	struct lmdb_cursor *c = lmdb_cursor_of(kv);
	MDB_val k = val_of(row->key), v;
	int rc = mdb_cursor_get(c->c, &k, &v, moves[how]);

	if (!rc) {
		row->key = bytes_of_val(k);
		row->value = bytes_of_val(v);
	}
	return err_of(c->db, rc);
}

static enum err cursor_del(struct kv_cursor *kv)
{
	struct lmdb_cursor *c = lmdb_cursor_of(kv);

	return err_of(c->db, mdb_cursor_del(c->c, 0));
}

static const struct kv_ops ops = {
    .close = close_db,
    .read = begin_read,
    .write = begin_write,
    .grow = grow,
    .bytes = bytes,
    .disk_space = disk_space,
    .abort = abort_txn,
    .commit = commit,
    .get = get,
    .put = put,
    .del = del,
    .count = count,
    .cursor_open = cursor_open,
    .cursor_close = cursor_close,
    .move = move,
    .cursor_del = cursor_del,
};

enum err lmdb_open(struct kv **out, const char *dir, const struct lmdb_options *o, bool create,
		   struct why *why)
{
	struct lmdb *db = mem_zalloc(1, sizeof(*db));
	uint64_t map_bytes = o->map_bytes_min ? o->map_bytes_min : MAP_BYTES_START;
	enum err e;

	db->kv.ops = &ops;
	init_locks(db);
	db->read_only = o->read_only;
	e = lmdb_path(db->data_path, dir, "data.mdb", why);
	if (e == ERR_NONE) {
		memcpy(db->dir, dir, strlen(dir) + 1);
		if (map_bytes < MAP_BYTES_LEAST)
			map_bytes = MAP_BYTES_LEAST;
		if (file_bytes(db) * 4 > map_bytes)
			map_bytes = file_bytes(db) * 4;
		e = o->read_only ? ERR_NONE : allocate_lock_file(dir, why);
	}
	if (e == ERR_NONE)
		e = open_env(db, map_bytes, create, why);
	if (e != ERR_NONE) {
		close_db(&db->kv);
		db = NULL;
	}
	*out = db ? &db->kv : NULL;
	return e;
}
