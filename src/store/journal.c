/* SPDX-License-Identifier: ISC */
#include "store/journal.h"

#include "store/crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file: two slots of equal size, the second far enough behind the first for the largest record
 * (the gap is a hole and takes no disk). A slot:
 *
 *   "TALLYVJ1" | generation 8 | length 4 | CRC-32C 4 of generation, length and record | record
 *
 * The slot with the higher generation holds; a record of length 0 says that nothing was written
 * yet. A write goes to the other slot, so that torn at any byte it leaves the one that holds. */

#define SLOT_HEAD   24u
#define SLOT_BYTES  ((JOURNAL_BYTES_MAX + SLOT_HEAD + 4095u) & ~4095u)
#define SLOT_FILLED (64u << 10) /* written once at first, so that most writes allocate nothing */

static const uint8_t MAGIC[8] = "TALLYVJ1";

struct journal {
	int fd;
	int holds;           /* the slot that does */
	uint64_t generation; /* of that slot */
	struct buf record;   /* its record */
	struct buf scratch;
	struct arena decoded;
	bool failed; /* for other reasons than space: no more votes */
	char path[PATH_MAX];
};

static enum err err_of_errno(void)
{
	switch (errno) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_NO_SPACE;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERR_PERMISSION;
	case EWOULDBLOCK:
		return ERR_BUSY;
	default:
		return ERR_IO;
	}
}

static enum err fail(struct why *why, const char *path)
{
	enum err e = err_of_errno();

	return why_set(why, e, "%s: %s", path, strerror(errno));
}

/* A short write is a disk that is full or a file that may not grow: the next call says which. */
static enum err write_all(int fd, struct bytes b, off_t at)
{
	while (b.n) {
		ssize_t n = pwrite(fd, b.p, b.n, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_of_errno();
		b.p += n;
		b.n -= (size_t)n;
		at += n;
	}
	return ERR_NONE;
}

static enum err read_all(int fd, uint8_t *p, size_t n, off_t at)
{
	while (n) {
		ssize_t got = pread(fd, p, n, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (got == 0)
			return ERR_SHORT;
		p += got;
		n -= (size_t)got;
		at += got;
	}
	return ERR_NONE;
}

static uint32_t slot_crc(const uint8_t head[SLOT_HEAD], struct bytes record)
{
	return crc32c(crc32c(0, bytes_of(head + 8, 12)), record);
}

/* Head and record in one piece, for one write. */
static void slot_encode(struct buf *out, uint64_t generation, struct bytes record)
{
	must(record.n <= JOURNAL_BYTES_MAX);
	buf_clear(out);
	buf_put(out, MAGIC, sizeof(MAGIC));
	buf_put_be64(out, generation);
	buf_put_be32(out, (uint32_t)record.n);
	buf_put_be32(out, 0);
	buf_put(out, record.p, record.n);
	store_be32(out->p + 20, slot_crc(out->p, bytes_of(out->p + SLOT_HEAD, record.n)));
}

/* ERR_CORRUPT when the slot is not whole. */
static enum err slot_read(int fd, int slot, uint64_t *generation, struct buf *record)
{
	off_t at = (off_t)slot * SLOT_BYTES;
	uint8_t head[SLOT_HEAD];
	enum err e = read_all(fd, head, sizeof(head), at);
	uint32_t n = load_be32(head + 16);

	if (e != ERR_NONE)
		return e == ERR_SHORT ? ERR_CORRUPT : e;
	if (memcmp(head, MAGIC, sizeof(MAGIC)) != 0 || n > JOURNAL_BYTES_MAX)
		return ERR_CORRUPT;
	buf_clear(record);
	buf_reserve(record, n);
	e = read_all(fd, record->p, n, at + (off_t)SLOT_HEAD);
	if (e != ERR_NONE)
		return e == ERR_SHORT ? ERR_CORRUPT : e;
	record->n = n;
	*generation = load_be64(head + 8);
	return slot_crc(head, buf_bytes(record)) == load_be32(head + 20) ? ERR_NONE : ERR_CORRUPT;
}

/* Finds the slot that holds. */
static enum err load(struct journal *j, struct why *why)
{
	struct buf record[2] = {BUF_INIT, BUF_INIT};
	uint64_t generation[2] = {0};
	enum err e[2];

	for (int i = 0; i < 2; i++)
		e[i] = slot_read(j->fd, i, &generation[i], &record[i]);
	if (e[0] == ERR_NONE && (e[1] != ERR_NONE || generation[0] > generation[1]))
		j->holds = 0;
	else
		j->holds = 1;
	j->generation = generation[j->holds];
	j->record = record[j->holds];
	buf_close(&record[!j->holds]);
	/* A slot that cannot be read now may be the one that holds. */
	for (int i = 0; i < 2; i++)
		if (e[i] != ERR_NONE && e[i] != ERR_CORRUPT)
			return why_set(why, e[i], "%s: cannot be read", j->path);
	if (e[j->holds] == ERR_NONE)
		return ERR_NONE;
	return why_set(why, ERR_CORRUPT,
		       "%s: both slots are damaged, so what this validator voted for is not known. "
		       "Give it a new key, or wait until the network is 256 ledgers ahead and move "
		       "the file away",
		       j->path);
}

/* A new file with two sound slots comes into being under its name at once. */
static enum err create(const char *folder, const char *path, struct why *why)
{
	uint8_t *filled = mem_zalloc(1, SLOT_FILLED);
	struct buf slot = BUF_INIT;
	char tmp[PATH_MAX + 8];
	enum err e = ERR_NONE;
	int dir = -1, fd;

	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	fd = open(tmp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		e = fail(why, tmp);
	for (int i = 0; e == ERR_NONE && i < 2; i++) {
		slot_encode(&slot, (uint64_t)i + 1, (struct bytes){0});
		memcpy(filled, slot.p, slot.n);
		e = write_all(fd, bytes_of(filled, SLOT_FILLED), (off_t)i * SLOT_BYTES);
		if (e != ERR_NONE)
			why_set(why, e, "%s: %s", tmp, err_text(e));
	}
	if (e == ERR_NONE && (fsync(fd) != 0 || rename(tmp, path) != 0))
		e = fail(why, path);
	if (e == ERR_NONE) {
		dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0 || fsync(dir) != 0)
			e = fail(why, folder);
	}
	if (dir >= 0)
		close(dir);
	if (fd >= 0)
		close(fd);
	buf_close(&slot);
	mem_free(filled);
	return e;
}

static enum err open_file(struct journal *j, const char *folder, struct why *why)
{
	enum err e = ERR_NONE;

	if (snprintf(j->path, sizeof(j->path), "%s/votes", folder) >= (int)sizeof(j->path))
		return why_set(why, ERR_TOO_LARGE, "%.100s...: the path is too long", folder);
	j->fd = open(j->path, O_RDWR | O_CLOEXEC);
	if (j->fd < 0 && errno == ENOENT) {
		e = create(folder, j->path, why);
		if (e == ERR_NONE)
			j->fd = open(j->path, O_RDWR | O_CLOEXEC);
	}
	if (e == ERR_NONE && j->fd < 0)
		e = fail(why, j->path);
	if (e == ERR_NONE && flock(j->fd, LOCK_EX | LOCK_NB) != 0) {
		e = fail(why, j->path);
		if (e == ERR_BUSY)
			why_set(why, e, "%s: another process has it", j->path);
	}
	return e;
}

enum err journal_open(struct journal **out, const char *folder, struct why *why)
{
	struct journal *j = mem_zalloc(1, sizeof(*j));
	enum err e;

	j->fd = -1;
	e = open_file(j, folder, why);
	if (e == ERR_NONE)
		e = load(j, why);
	if (e != ERR_NONE) {
		journal_close(j);
		j = NULL;
	}
	*out = j;
	return e;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->fd >= 0)
		close(j->fd);
	buf_close(&j->record);
	buf_close(&j->scratch);
	arena_close(&j->decoded);
	mem_free(j);
}

enum err journal_read(struct journal *j, struct journal_record *out, struct why *why)
{
	enum err e;

	if (j->record.n == 0)
		return ERR_ABSENT;
	arena_reset(&j->decoded);
	e = journal_decode(out, buf_bytes(&j->record), &j->decoded);
	if (e == ERR_SCHEMA)
		return why_set(why, e, "%s: written by another version", j->path);
	return e ? why_set(why, ERR_CORRUPT, "%s: %s", j->path, err_text(e)) : ERR_NONE;
}

enum err journal_write(struct journal *j, const struct journal_record *r, struct why *why)
{
	struct buf record = BUF_INIT;
	enum err e;

	if (j->failed)
		return why_set(why, ERR_IO, "%s: failed before", j->path);
	journal_encode(&record, r);
	slot_encode(&j->scratch, j->generation + 1, buf_bytes(&record));
	e = write_all(j->fd, buf_bytes(&j->scratch), (off_t)(!j->holds) * SLOT_BYTES);
	if (e == ERR_NONE && fdatasync(j->fd) != 0)
		e = err_of_errno();
	if (e != ERR_NONE) {
		/* After a failed sync the kernel may count the pages as written: only a disk that
		 * was full can be tried again. */
		j->failed = e != ERR_NO_SPACE;
		buf_close(&record);
		return why_set(why, e, "%s: %s", j->path, err_text(e));
	}
	j->holds = !j->holds;
	j->generation++;
	buf_close(&j->record);
	j->record = record;
	return ERR_NONE;
}
