/* SPDX-License-Identifier: ISC */
#include "store/kv.h"

void kv_close(struct kv *db)
{
	if (db)
		db->ops->close(db);
}

enum err kv_read(struct kv *db, struct kv_txn **out)
{
	return db->ops->read(db, out);
}

enum err kv_write(struct kv *db, struct kv_txn **out)
{
	return db->ops->write(db, out);
}

enum err kv_grow(struct kv *db)
{
	return db->ops->grow(db);
}

void kv_abort(struct kv_txn *txn)
{
	if (txn)
		txn->ops->abort(txn);
}

enum err kv_commit(struct kv_txn *txn, struct why *why)
{
	return txn->ops->commit(txn, why);
}

enum err kv_get(struct kv_txn *txn, enum kv_table table, struct bytes key, struct bytes *value)
{
	return txn->ops->get(txn, table, key, value);
}

enum err kv_put(struct kv_txn *txn, enum kv_table table, struct bytes key, struct bytes value)
{
	return txn->ops->put(txn, table, (struct kv_row){key, value}, false);
}

enum err kv_append(struct kv_txn *txn, enum kv_table table, struct bytes key, struct bytes value)
{
	return txn->ops->put(txn, table, (struct kv_row){key, value}, true);
}

enum err kv_del(struct kv_txn *txn, enum kv_table table, struct bytes key)
{
	return txn->ops->del(txn, table, key);
}

enum err kv_count(struct kv_txn *txn, enum kv_table table, uint64_t *out)
{
	return txn->ops->count(txn, table, out);
}

enum err kv_cursor_open(struct kv_txn *txn, enum kv_table table, struct kv_cursor **out)
{
	*out = NULL;
	return txn->ops->cursor_open(txn, table, out);
}

void kv_cursor_close(struct kv_cursor *c)
{
	if (c)
		c->ops->cursor_close(c);
}

enum err kv_first(struct kv_cursor *c, struct kv_row *row)
{
	return c->ops->move(c, row, KV_FIRST);
}

enum err kv_last(struct kv_cursor *c, struct kv_row *row)
{
	return c->ops->move(c, row, KV_LAST);
}

enum err kv_next(struct kv_cursor *c, struct kv_row *row)
{
	return c->ops->move(c, row, KV_NEXT);
}

enum err kv_prev(struct kv_cursor *c, struct kv_row *row)
{
	return c->ops->move(c, row, KV_PREV);
}

enum err kv_at_or_above(struct kv_cursor *c, struct bytes key, struct kv_row *row)
{
	row->key = key;
	return c->ops->move(c, row, KV_AT_OR_ABOVE);
}

enum err kv_at_or_below(struct kv_cursor *c, struct bytes key, struct kv_row *row)
{
	enum err e = kv_at_or_above(c, key, row);

	if (e == ERR_ABSENT)
		return kv_last(c, row);
	if (e == ERR_NONE && !bytes_eq(row->key, key))
		return kv_prev(c, row);
	return e;
}

enum err kv_cursor_del(struct kv_cursor *c)
{
	return c->ops->cursor_del(c);
}

uint64_t kv_bytes(const struct kv *db)
{
	return db->ops->bytes(db);
}

bool kv_disk_space(const struct kv *db, uint64_t *free_bytes, uint64_t *total_bytes)
{
	return db->ops->disk_space(db, free_bytes, total_bytes);
}
