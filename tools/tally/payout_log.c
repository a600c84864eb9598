/* SPDX-License-Identifier: ISC */
#include "payout_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static enum err fail(struct why *why, const char *path)
{
	int errnum = errno;

	return why_set(why, file_err_of(errnum), "%s: %s", path, strerror(errnum));
}

enum err payout_log_open(struct payout_log *l, const char *path, struct why *why)
{
	char lock[sizeof(l->path) + 8];
	enum err e;

	if (strlen(path) >= sizeof(l->path))
		return why_set(why, ERR_TOO_LARGE, "%s: the path is too long", path);
	snprintf(l->path, sizeof(l->path), "%s", path);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	e = file_lock_take(&l->lock, lock, why);
	if (e == ERR_BUSY)
		return why_set(why, e, "%s: another process has it", path);
	if (e != ERR_NONE)
		return e;
	e = file_read(&l->text, path, PAYOUT_LOG_MAX, why);
	if (e != ERR_NONE && e != ERR_ABSENT)
		return e;
	l->groups = (struct payout_groups){.in = buf_bytes(&l->text)};
	return ERR_NONE;
}

enum err payout_log_next(struct payout_log *l, struct payout_entry *e, struct why *why)
{
	struct cursor c;
	enum err r;

	if (!l->left.n) {
		r = payout_groups_next(&l->groups, &l->left, why);
		if (r != ERR_NONE)
			return r == ERR_ABSENT ? r : why_add(why, r, "%s", l->path);
	}
	c = cursor_of(l->left);
	r = payout_entry_take(e, &c, why);
	if (r != ERR_NONE)
		return why_add(why, r, "%s", l->path);
	l->left = bytes_of(c.p, c.left);
	return ERR_NONE;
}

static enum err write_all(struct payout_log *l, struct bytes b, struct why *why)
{
	while (b.n) {
		ssize_t n = pwrite(l->fd, b.p, b.n, (off_t)l->bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(why, l->path);
		b.p += n;
		b.n -= (size_t)n;
		l->bytes += (uint64_t)n;
	}
	return fdatasync(l->fd) == 0 ? ERR_NONE : fail(why, l->path);
}

enum err payout_log_append(struct payout_log *l, struct bytes entries, struct why *why)
{
	struct buf group = BUF_INIT;
	enum err e;

	must(l->fd >= 0);
	if (l->bytes + entries.n + PAYOUT_GROUP_HEAD > PAYOUT_LOG_MAX)
		return why_set(why, ERR_FULL, "%s: it would be larger than a journal may be",
			       l->path);
	payout_group_put(&group, l->number, entries);
	e = write_all(l, buf_bytes(&group), why);
	l->number++;
	buf_close(&group);
	return e;
}

static enum err sync_folder(const struct payout_log *l, struct why *why)
{
	char folder[sizeof(l->path)];
	const char *slash = strrchr(l->path, '/');

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - l->path) : 0, l->path);
	return file_sync_dir(slash == l->path ? "/" : folder[0] ? folder : ".", why);
}

enum err payout_log_extend(struct payout_log *l, const struct payout_entry *first, struct why *why)
{
	struct buf entry = BUF_INIT;
	enum err e = ERR_NONE;

	must(l->fd < 0 && !l->left.n);
	l->bytes = l->groups.at;
	l->number = l->groups.number;
	l->cut = l->text.n - l->groups.at;
	l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->fd < 0 || ftruncate(l->fd, (off_t)l->bytes) != 0)
		return fail(why, l->path);
	/* what was read may be in the system's memory alone: it is acted upon from here on */
	if (fdatasync(l->fd) != 0)
		return fail(why, l->path);
	if (!l->number) {
		payout_entry_put(&entry, first);
		e = payout_log_append(l, buf_bytes(&entry), why);
		buf_close(&entry);
	}
	return e == ERR_NONE ? sync_folder(l, why) : e;
}

void payout_log_close(struct payout_log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	file_lock_drop(&l->lock);
	buf_close(&l->text);
}
