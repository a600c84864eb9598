/* SPDX-License-Identifier: ISC */
#ifndef TALLY_STORE_SNAPSHOT_FILE_H
#define TALLY_STORE_SNAPSHOT_FILE_H

#include "base/bytes.h"
#include "base/drops.h"

/* The bytes of a snapshot file (snapshot.h), in both directions, with the checksum over them. */

#define TREE_DATA_BYTES_MAX (1u << 20) /* of one leaf */

struct snapshot_writer;
/* Writes to <path>.tmp. */
enum err snapshot_create(struct snapshot_writer **out, const char *path, struct why *why) MUST_USE;
/* Failures are kept until the end. */
void snapshot_put(struct snapshot_writer *w, struct bytes b);
void snapshot_put_u32(struct snapshot_writer *w, uint32_t v);
void snapshot_put_head(struct snapshot_writer *w, uint32_t network_id,
		       const struct hash256 *genesis);
void snapshot_put_end(struct snapshot_writer *w, uint64_t entries, struct drops drops);
/* Makes the file durable under its name; or, when e is not ERR_NONE, removes it and returns e. */
enum err snapshot_finish(struct snapshot_writer *w, enum err e, uint64_t *bytes,
			 struct why *why) MUST_USE;

struct snapshot_reader;
enum err snapshot_open(struct snapshot_reader **out, const char *path, struct why *why) MUST_USE;
void snapshot_close(struct snapshot_reader *r); /* NULL is fine */
/* False when there is not as much. */
bool snapshot_get(struct snapshot_reader *r, void *p, size_t n) MUST_USE;
bool snapshot_get_u32(struct snapshot_reader *r, uint32_t *v) MUST_USE;
bool snapshot_get_buf(struct snapshot_reader *r, struct buf *out, size_t n) MUST_USE; /* replaced */
bool snapshot_get_head(struct snapshot_reader *r, uint32_t *network_id,
		       struct hash256 *genesis) MUST_USE;
/* What follows the zero that ends the entries: false when the checksum is another, or anything
 * follows it. */
bool snapshot_get_end(struct snapshot_reader *r, uint64_t *entries, struct drops *drops) MUST_USE;
uint64_t snapshot_size(const struct snapshot_reader *r); /* of the file */
uint64_t snapshot_read(const struct snapshot_reader *r); /* so far */

#endif
