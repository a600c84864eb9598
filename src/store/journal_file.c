/* SPDX-License-Identifier: ISC */
#include "store/journal_slots.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The slots in a file of their own, the second far enough behind the first for the largest record
 * (the gap is a hole and takes no disk). */

#define SLOT_FILLED (64u << 10) /* written once at first, so that most writes allocate nothing */

struct file_slots {
	struct journal_slots slots;
	int fd;
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
		journal_slot_empty(&slot, i);
		memcpy(filled, slot.p, slot.n);
		e = write_all(fd, bytes_of(filled, SLOT_FILLED), (off_t)i * JOURNAL_SLOT_BYTES);
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

static struct file_slots *file_of(struct journal_slots *s)
{
	return (struct file_slots *)s;
}

static enum err slot_read(struct journal_slots *s, int slot, size_t at, uint8_t *p, size_t n)
{
	return read_all(file_of(s)->fd, p, n, (off_t)slot * JOURNAL_SLOT_BYTES + (off_t)at);
}

static enum err slot_write(struct journal_slots *s, int slot, struct bytes b)
{
	int fd = file_of(s)->fd;
	enum err e = write_all(fd, b, (off_t)slot * JOURNAL_SLOT_BYTES);

	if (e == ERR_NONE && fdatasync(fd) != 0)
		e = err_of_errno();
	return e;
}

static void slots_close(struct journal_slots *s)
{
	if (file_of(s)->fd >= 0)
		close(file_of(s)->fd);
	mem_free(s);
}

static const struct journal_slots_ops ops = {
    .read = slot_read,
    .write = slot_write,
    .close = slots_close,
};

static enum err open_file(struct file_slots *f, const char *folder, struct why *why)
{
	enum err e = ERR_NONE;

	if (snprintf(f->path, sizeof(f->path), "%s/votes", folder) >= (int)sizeof(f->path))
		return why_set(why, ERR_TOO_LARGE, "%.100s...: the path is too long", folder);
	f->fd = open(f->path, O_RDWR | O_CLOEXEC);
	if (f->fd < 0 && errno == ENOENT) {
		e = create(folder, f->path, why);
		if (e == ERR_NONE)
			f->fd = open(f->path, O_RDWR | O_CLOEXEC);
	}
	if (e == ERR_NONE && f->fd < 0)
		e = fail(why, f->path);
	if (e == ERR_NONE && flock(f->fd, LOCK_EX | LOCK_NB) != 0) {
		e = fail(why, f->path);
		if (e == ERR_BUSY)
			why_set(why, e, "%s: another process has it", f->path);
	}
	return e;
}

enum err journal_file_open(struct journal_slots **out, const char *folder, struct why *why)
{
	struct file_slots *f = mem_zalloc(1, sizeof(*f));
	enum err e;

	f->slots = (struct journal_slots){&ops, f->path};
	f->fd = -1;
	e = open_file(f, folder, why);
	if (e != ERR_NONE) {
		slots_close(&f->slots);
		f = NULL;
	}
	*out = f ? &f->slots : NULL;
	return e;
}

enum err journal_open(struct journal **out, const char *folder, struct why *why)
{
	struct journal_slots *slots;
	enum err e = journal_file_open(&slots, folder, why);

	*out = NULL;
	return e == ERR_NONE ? journal_open_slots(out, slots, why) : e;
}

enum err journal_check(const char *folder, struct buf *report, struct why *why)
{
	struct file_slots *f = mem_zalloc(1, sizeof(*f));
	struct journal_record r;
	struct journal *j = NULL;
	enum err e = ERR_NONE;

	f->slots = (struct journal_slots){&ops, f->path};
	snprintf(f->path, sizeof(f->path), "%.4000s/votes", folder);
	f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0) {
		e = errno == ENOENT ? ERR_NONE : fail(why, f->path);
		mem_free(f);
		return e;
	}
	e = journal_open_slots(&j, &f->slots, why);
	if (e == ERR_NONE) {
		e = journal_read(j, &r, why);
		if (e == ERR_NONE)
			buf_printf(report, "votes          up to ledger %u\n", r.seq);
		else if (e == ERR_ABSENT)
			e = ERR_NONE;
	}
	journal_close(j);
	return e;
}
