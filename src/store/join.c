/* SPDX-License-Identifier: ISC */
#include "store/join.h"

#include "store/crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char MAGIC[8] = "TALLYJN1";

#define HEAD_BYTES      40u
#define BLOCK_HEAD      8u
#define BLOCK_BYTES_MAX (64u << 20)

static enum err fail(struct why *why, const char *path)
{
	bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;

	return why_set(why, full ? ERR_NO_SPACE : ERR_IO, "%s: %s", path, strerror(errno));
}

static enum err path_of(char out[PATH_MAX], const char *folder, struct why *why)
{
	if (snprintf(out, PATH_MAX, "%s/join", folder) >= PATH_MAX)
		return why_set(why, ERR_TOO_LARGE, "%.100s...: the path is too long", folder);
	return ERR_NONE;
}

static bool write_all(int fd, struct bytes b)
{
	while (b.n) {
		ssize_t n = write(fd, b.p, b.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		b.p += n;
		b.n -= (size_t)n;
	}
	return true;
}

/* False at the end of the file, also one amid what was asked for. */
static bool read_all(int fd, void *p, size_t n)
{
	uint8_t *at = p;

	while (n) {
		ssize_t got = read(fd, at, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

enum err join_append(const char *folder, const struct hash256 *genesis, struct bytes entries,
		     struct why *why)
{
	uint8_t head[BLOCK_HEAD];
	char path[PATH_MAX];
	struct stat st;
	enum err e = path_of(path, folder, why);
	bool ok;
	int fd;

	must(entries.n && entries.n <= BLOCK_BYTES_MAX);
	if (e != ERR_NONE)
		return e;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return fail(why, path);
	ok = fstat(fd, &st) == 0;
	if (ok && st.st_size == 0)
		ok = write_all(fd, bytes_of(MAGIC, sizeof(MAGIC))) &&
		     write_all(fd, bytes_of(genesis->b, sizeof(genesis->b)));
	store_be32(head, (uint32_t)entries.n);
	store_be32(head + 4, crc32c(0, entries));
	ok = ok && write_all(fd, bytes_of(head, sizeof(head))) && write_all(fd, entries);
	if (!ok)
		e = fail(why, path);
	close(fd);
	return e;
}

/* One block into b; false at the end or at damage. */
static bool read_block(int fd, struct buf *b)
{
	uint8_t head[BLOCK_HEAD];
	uint32_t n;

	if (!read_all(fd, head, sizeof(head)))
		return false;
	n = load_be32(head);
	if (n == 0 || n > BLOCK_BYTES_MAX)
		return false;
	buf_clear(b);
	buf_reserve(b, n);
	if (!read_all(fd, b->p, n))
		return false;
	b->n = n;
	return crc32c(0, buf_bytes(b)) == load_be32(head + 4);
}

static enum err read_blocks(int fd, const char *path,
			    bool (*visit)(void *ctx, const struct hash256 *key, struct bytes data),
			    void *ctx, struct why *why)
{
	off_t whole = HEAD_BYTES;
	struct buf b = BUF_INIT;
	enum err e = ERR_NONE;
	bool on = true;

	while (on && read_block(fd, &b)) {
		struct cursor c = cursor_of(buf_bytes(&b));
		struct hash256 key;
		struct bytes data;

		while (on && join_entry_next(&c, &key, &data))
			on = visit(ctx, &key, data);
		whole += BLOCK_HEAD + (off_t)b.n;
	}
	/* Blocks behind a torn one could never be read: new ones must not follow it. */
	if (on && ftruncate(fd, whole))
		e = fail(why, path);
	buf_close(&b);
	return e;
}

enum err join_read(const char *folder, const struct hash256 *genesis,
		   bool (*visit)(void *ctx, const struct hash256 *key, struct bytes data),
		   void *ctx, struct why *why)
{
	uint8_t head[HEAD_BYTES];
	char path[PATH_MAX];
	enum err e = path_of(path, folder, why);
	int fd;

	if (e != ERR_NONE)
		return e;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? why_set(why, ERR_ABSENT, "%s: not there", path)
				       : fail(why, path);
	if (read_all(fd, head, sizeof(head)) && !memcmp(head, MAGIC, sizeof(MAGIC)) &&
	    !memcmp(head + sizeof(MAGIC), genesis->b, sizeof(genesis->b)))
		e = read_blocks(fd, path, visit, ctx, why);
	else
		e = join_forget(folder, why);
	close(fd);
	return e;
}

enum err join_forget(const char *folder, struct why *why)
{
	char path[PATH_MAX];
	enum err e = path_of(path, folder, why);

	if (e == ERR_NONE && unlink(path) && errno != ENOENT)
		e = fail(why, path);
	return e;
}
