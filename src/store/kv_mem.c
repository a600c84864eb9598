/* SPDX-License-Identifier: ISC */
#include "store/kv_mem.h"

#include "base/mem.h"
#include "store/kv_treap.h"

#define ROW_BYTES   48          /* that a row takes beside its own */
#define FILE_BYTES  (32u << 10) /* of a file without rows */
#define DISK_PLENTY (1ull << 40)

struct tables { /* a state of the whole database; one reference to each tree */
	struct treap *tree[KV_TABLES];
	uint64_t rows[KV_TABLES];
	uint64_t bytes;
};

struct kv_mem_image {
	struct tables tables;
};

struct kv_mem_disk {
	struct tables now;
	uint64_t map_bytes, file_bytes; /* a file does not shrink */
	uint64_t free_bytes, total_bytes;
	uint64_t commits;
	struct kv_mem_faults faults;
	bool damaged, open, writing;
};

struct mem {
	struct kv kv;
	struct kv_mem_disk *disk;
};

struct flipped {
	struct flipped *next;
	uint8_t bytes[];
};

struct mem_txn {
	struct kv_txn kv;
	struct kv_mem_disk *disk;
	struct tables tables;
	struct flipped *flipped; /* values that were handed out with a wrong bit */
	bool writes;
};

struct mem_cursor {
	struct kv_cursor kv;
	struct mem_txn *txn;
	enum kv_table table;
	bool placed; /* at `key`, or where that row was */
	struct buf key;
};

static const struct kv_ops ops;

static struct treap_order order_of(enum kv_table t)
{
	return (struct treap_order){.integers = t == KV_NODES};
}

static void tables_share(struct tables *out, const struct tables *from)
{
	*out = *from;
	for (int i = 0; i < KV_TABLES; i++)
		treap_ref(out->tree[i]);
}

static void tables_drop(struct tables *t)
{
	for (int i = 0; i < KV_TABLES; i++)
		treap_unref(t->tree[i]);
	*t = (struct tables){.bytes = FILE_BYTES};
}

/* ---- disks ---- */

struct kv_mem_disk *kv_mem_disk_open(uint64_t map_bytes)
{
	struct kv_mem_disk *d = mem_zalloc(1, sizeof(*d));

	d->map_bytes = map_bytes;
	d->now.bytes = d->file_bytes = FILE_BYTES;
	d->free_bytes = d->total_bytes = DISK_PLENTY;
	return d;
}

void kv_mem_disk_close(struct kv_mem_disk *d)
{
	if (!d)
		return;
	must(!d->open);
	tables_drop(&d->now);
	mem_free(d);
}

void kv_mem_disk_clear(struct kv_mem_disk *d)
{
	must(!d->open);
	tables_drop(&d->now);
	d->file_bytes = FILE_BYTES;
	d->damaged = false;
}

void kv_mem_disk_damage(struct kv_mem_disk *d)
{
	d->damaged = true;
}

bool kv_mem_disk_flip(struct kv_mem_disk *d, enum kv_table t, uint64_t row, uint64_t bit)
{
	const struct treap_entry *e = treap_first(d->now.tree[t]);
	struct buf key = BUF_INIT, value = BUF_INIT;
	size_t was;

	must(!d->open);
	if (!e)
		return false;
	for (uint64_t i = row % d->now.rows[t]; i; i--)
		e = treap_above(d->now.tree[t], order_of(t), treap_key(e), false);
	buf_put(&key, e->bytes, e->key_n);
	buf_put(&value, e->bytes + e->key_n, e->value_n);
	if (value.n) {
		bit %= value.n * 8;
		value.p[bit / 8] = (uint8_t)(value.p[bit / 8] ^ 1u << bit % 8);
		d->now.tree[t] = treap_put(d->now.tree[t], order_of(t), buf_bytes(&key),
					   buf_bytes(&value), &was);
	}
	bit = value.n;
	buf_close(&key);
	buf_close(&value);
	return bit != 0;
}

struct kv_mem_image *kv_mem_image_take(const struct kv_mem_disk *d)
{
	struct kv_mem_image *image = mem_alloc(sizeof(*image));

	tables_share(&image->tables, &d->now);
	return image;
}

void kv_mem_image_drop(struct kv_mem_image *image)
{
	if (!image)
		return;
	tables_drop(&image->tables);
	mem_free(image);
}

void kv_mem_disk_restore(struct kv_mem_disk *d, const struct kv_mem_image *image)
{
	must(!d->open);
	tables_drop(&d->now);
	tables_share(&d->now, &image->tables);
	d->file_bytes = d->now.bytes;
	d->damaged = false;
}

void kv_mem_disk_faults(struct kv_mem_disk *d, const struct kv_mem_faults *f)
{
	d->faults = f ? *f : (struct kv_mem_faults){0};
}

void kv_mem_disk_space(struct kv_mem_disk *d, uint64_t free_bytes, uint64_t total_bytes)
{
	d->free_bytes = free_bytes;
	d->total_bytes = total_bytes;
}

uint64_t kv_mem_disk_commits(const struct kv_mem_disk *d)
{
	return d->commits;
}

static enum err fault(struct kv_mem_disk *d, enum kv_mem_op op)
{
	return d->faults.fail ? d->faults.fail(d->faults.ctx, op) : ERR_NONE;
}

/* ---- the database ---- */

static struct kv_mem_disk *disk_of(struct kv *kv)
{
	return ((struct mem *)kv)->disk;
}

static struct mem_txn *mem_txn_of(struct kv_txn *kv)
{
	return (struct mem_txn *)kv;
}

static struct mem_cursor *mem_cursor_of(struct kv_cursor *kv)
{
	return (struct mem_cursor *)kv;
}

enum err kv_mem_open(struct kv **out, struct kv_mem_disk *d, struct why *why)
{
	struct mem *m;

	must(!d->open);
	*out = NULL;
	if (d->damaged)
		return why_set(why, ERR_CORRUPT, "the database's first pages cannot be read");
	m = mem_alloc(sizeof(*m));
	*m = (struct mem){.kv.ops = &ops, .disk = d};
	d->open = true;
	*out = &m->kv;
	return ERR_NONE;
}

static void close_db(struct kv *kv)
{
	disk_of(kv)->open = false;
	mem_free(kv);
}

static enum err begin(struct kv_mem_disk *d, bool writes, struct kv_txn **out)
{
	enum err e = fault(d, writes ? KV_MEM_WRITE : KV_MEM_READ);
	struct mem_txn *t;

	if (e != ERR_NONE)
		return e;
	t = mem_zalloc(1, sizeof(*t));
	t->kv.ops = &ops;
	t->disk = d;
	t->writes = writes;
	tables_share(&t->tables, &d->now);
	*out = &t->kv;
	return ERR_NONE;
}

static enum err begin_read(struct kv *kv, struct kv_txn **out)
{
	return begin(disk_of(kv), false, out);
}

static enum err begin_write(struct kv *kv, struct kv_txn **out)
{
	struct kv_mem_disk *d = disk_of(kv);
	enum err e;

	must(!d->writing);
	if (d->now.bytes > d->map_bytes / 2)
		d->map_bytes *= 2;
	e = begin(d, true, out);
	d->writing = e == ERR_NONE;
	return e;
}

static enum err grow(struct kv *kv)
{
	disk_of(kv)->map_bytes *= 2;
	return ERR_NONE;
}

static uint64_t bytes(const struct kv *kv)
{
	return ((const struct mem *)kv)->disk->file_bytes;
}

static bool disk_space(const struct kv *kv, uint64_t *free_bytes, uint64_t *total_bytes)
{
	const struct kv_mem_disk *d = ((const struct mem *)kv)->disk;

	*free_bytes = d->free_bytes;
	*total_bytes = d->total_bytes;
	return true;
}

static void end(struct mem_txn *t)
{
	while (t->flipped) {
		struct flipped *next = t->flipped->next;

		mem_free(t->flipped);
		t->flipped = next;
	}
	if (t->writes)
		t->disk->writing = false;
	tables_drop(&t->tables);
	mem_free(t);
}

static void abort_txn(struct kv_txn *kv)
{
	end(mem_txn_of(kv));
}

static enum err commit(struct kv_txn *kv, struct why *why)
{
	struct mem_txn *t = mem_txn_of(kv);
	struct kv_mem_disk *d = t->disk;
	enum err e = fault(d, KV_MEM_COMMIT);

	must(t->writes);
	if (e == ERR_NONE) {
		tables_drop(&d->now);
		tables_share(&d->now, &t->tables);
		if (d->file_bytes < d->now.bytes)
			d->file_bytes = d->now.bytes;
		d->commits++;
	}
	end(t);
	return e == ERR_NONE ? e : why_set(why, e, "commit: %s", err_text(e));
}

/* The value as it is read. */
static struct bytes value_read(struct mem_txn *t, const struct treap_entry *e)
{
	const struct kv_mem_faults *f = &t->disk->faults;
	struct flipped *copy;
	uint64_t bit;

	if (!f->flip || e->value_n == 0 || !f->flip(f->ctx, (uint64_t)e->value_n * 8, &bit))
		return treap_value(e);
	copy = mem_alloc(sizeof(*copy) + e->value_n);
	copy->next = t->flipped;
	t->flipped = copy;
	memcpy(copy->bytes, e->bytes + e->key_n, e->value_n);
	bit %= (uint64_t)e->value_n * 8;
	copy->bytes[bit / 8] = (uint8_t)(copy->bytes[bit / 8] ^ 1u << bit % 8);
	return bytes_of(copy->bytes, e->value_n);
}

static enum err get(struct kv_txn *kv, enum kv_table table, struct bytes key, struct bytes *value)
{
	struct mem_txn *t = mem_txn_of(kv);
	const struct treap_entry *e = treap_get(t->tables.tree[table], order_of(table), key);

	if (!e)
		return ERR_ABSENT;
	*value = value_read(t, e);
	return ERR_NONE;
}

static enum err put(struct kv_txn *kv, enum kv_table table, struct kv_row row, bool append)
{
	struct mem_txn *t = mem_txn_of(kv);
	struct tables *s = &t->tables;
	size_t was, is = row.key.n + row.value.n;
	enum err e = fault(t->disk, KV_MEM_CHANGE);

	must(t->writes);
	if (e != ERR_NONE)
		return e;
	if (s->bytes + is + ROW_BYTES > t->disk->map_bytes)
		return ERR_FULL;
	if (append && treap_above(s->tree[table], order_of(table), row.key, true))
		return ERR_ORDER;
	s->tree[table] = treap_put(s->tree[table], order_of(table), row.key, row.value, &was);
	s->rows[table] += was == 0;
	s->bytes += is - was + (was == 0 ? ROW_BYTES : 0);
	return ERR_NONE;
}

static enum err del(struct kv_txn *kv, enum kv_table table, struct bytes key)
{
	struct mem_txn *t = mem_txn_of(kv);
	const struct treap_entry *there = treap_get(t->tables.tree[table], order_of(table), key);
	enum err e;

	must(t->writes);
	if (!there)
		return ERR_ABSENT;
	e = fault(t->disk, KV_MEM_CHANGE);
	if (e != ERR_NONE)
		return e;
	t->tables.bytes -= (uint64_t)there->key_n + there->value_n + ROW_BYTES;
	t->tables.rows[table]--;
	t->tables.tree[table] = treap_del(t->tables.tree[table], order_of(table), key);
	return ERR_NONE;
}

static enum err count(struct kv_txn *kv, enum kv_table table, uint64_t *out)
{
	*out = mem_txn_of(kv)->tables.rows[table];
	return ERR_NONE;
}

/* ---- cursors ---- */

static enum err cursor_open(struct kv_txn *kv, enum kv_table table, struct kv_cursor **out)
{
	struct mem_cursor *c = mem_zalloc(1, sizeof(*c));

	c->kv.ops = &ops;
	c->txn = mem_txn_of(kv);
	c->table = table;
	*out = &c->kv;
	return ERR_NONE;
}

static void cursor_close(struct kv_cursor *kv)
{
	buf_close(&mem_cursor_of(kv)->key);
	mem_free(kv);
}

static const struct treap_entry *target(const struct mem_cursor *c, struct bytes key,
					enum kv_move how)
{
	const struct treap *t = c->txn->tables.tree[c->table];
	struct treap_order o = order_of(c->table);

	switch (how) {
	case KV_FIRST:
		return treap_first(t);
	case KV_LAST:
		return treap_last(t);
	case KV_NEXT:
		return c->placed ? treap_above(t, o, buf_bytes(&c->key), false) : treap_first(t);
	case KV_PREV:
		return c->placed ? treap_below(t, o, buf_bytes(&c->key)) : treap_last(t);
	case KV_AT_OR_ABOVE:
		return treap_above(t, o, key, true);
	}
	return NULL;
}

static enum err move(struct kv_cursor *kv, struct kv_row *row, enum kv_move how)
{
	struct mem_cursor *c = mem_cursor_of(kv);
	const struct treap_entry *e = target(c, row->key, how);

	if (!e)
		return ERR_ABSENT;
	row->key = treap_key(e);
	row->value = value_read(c->txn, e);
	buf_clear(&c->key);
	buf_put(&c->key, row->key.p, row->key.n);
	c->placed = true;
	return ERR_NONE;
}

static enum err cursor_del(struct kv_cursor *kv)
{
	struct mem_cursor *c = mem_cursor_of(kv);

	must(c->placed);
	return del(&c->txn->kv, c->table, buf_bytes(&c->key));
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
