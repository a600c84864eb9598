/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_JOIN_H
#define TALLY_STORE_JOIN_H

#include "base/bytes.h"

/* What a joining node has fetched of a state, so that a restart need not fetch it again: a file
 * <folder>/join that is only ever appended to, and removed when the state is whole and committed.
 *
 *      "TALLYJN1" | genesis hash 32 | block | block | ...
 *      block: length 4 | CRC-32C 4 of the entries | entries
 *      entry: key 32 | length 4 | data
 *
 * Nothing follows from what stands in it: it is put on top of the state of the newest committed
 * ledger, and the fetch of the next target starts from that tree. What is in it and in the target
 * is found equal by hash and skipped, what is not is fetched or deleted, and the root hash of the
 * target decides in the end. So the file needs no order, no completeness and no fsync: a block that
 * a crash has torn, and all behind it, is fetched again. */

#define JOIN_ENTRY_HEAD 36

static inline void join_entry_put(struct buf *out, const struct hash256 *key, struct bytes data)
{
	buf_put(out, key->b, sizeof(key->b));
	buf_put_be32(out, (uint32_t)data.n);
	buf_put(out, data.p, data.n);
}
/* False at the end, or when what is left is not an entry. */
static inline bool join_entry_next(struct cursor *c, struct hash256 *key, struct bytes *data)
{
	if (!c->left)
		return false;
	cursor_copy(c, key->b, sizeof(key->b));
	*data = cursor_take(c, cursor_be32(c));
	return !c->dead && data->n > 0;
}

/* Appends one block; the first makes the file. */
enum err join_append(const char *folder, const struct hash256 *genesis, struct bytes entries,
		     struct why *why) MUST_USE;
/* Calls visit for every entry, oldest first, until it says false. Cuts off what is damaged; a file
 * of another network is removed. ERR_ABSENT when there is none. */
enum err join_read(const char *folder, const struct hash256 *genesis,
		   bool (*visit)(void *ctx, const struct hash256 *key, struct bytes data),
		   void *ctx, struct why *why) MUST_USE;
/* Removes it; none is fine. */
enum err join_forget(const char *folder, struct why *why) MUST_USE;

#endif
