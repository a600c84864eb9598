/* SPDX-License-Identifier: ISC */
#include "disk_model.h"

#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE       4096u
#define SECTOR     512u
#define FILE_MAX   (64u << 20)
#define INODES_MAX 64
#define NAMES_MAX  32
#define FD_MAX     1024
#define NAME_BYTES 96

/* A piece of a write, within one page. */
struct piece {
	uint32_t page, at, n; /* at: in the page */
	const uint8_t *p;
	uint32_t from, to; /* what of it came to the disk, in the page */
};

struct inode {
	bool folder;
	uint8_t *durable; /* FILE_MAX, of which the kernel gives what is touched */
	uint8_t *present; /* by page: ever written */
	uint64_t size;
	struct piece *piece;
	size_t piece_n, piece_cap;
	uint32_t *differ; /* pages in the target that may not be as `durable` */
	size_t differ_n, differ_cap;
	int fd; /* in the target, -1: not there */
	uint64_t size_there;
};

struct name {
	char path[NAME_BYTES];
	int inode;
};
struct names {
	struct name name[NAMES_MAX];
	int n;
};

struct name_change {
	uint8_t op; /* RECORD_OPEN, _MKDIR, _REMOVE, _RENAME */
	char path[NAME_BYTES], to[NAME_BYTES];
	int inode;
	bool chosen;
};

struct disk {
	struct bytes trace;
	size_t at;
	char target[PATH_MAX];
	enum disk_weaken weaken;
	struct inode inode[INODES_MAX];
	int inode_n;
	struct names durable, live, there; /* there: in the target */
	struct name_change change[NAMES_MAX];
	int change_n;
	int inode_of_fd[FD_MAX];
	bool dsync_of_fd[FD_MAX];
	int settling; /* the inode whose last piece was written with O_DSYNC, -1: none */
	bool soiled;
};

/* ---- names ---- */

static struct name *name_find(struct names *names, const char *path)
{
	for (int i = 0; i < names->n; i++)
		if (!strcmp(names->name[i].path, path))
			return &names->name[i];
	return NULL;
}

static void name_set(struct names *names, const char *path, int inode)
{
	struct name *there = name_find(names, path);

	if (!there) {
		must(names->n < NAMES_MAX);
		there = &names->name[names->n++];
		snprintf(there->path, sizeof(there->path), "%s", path);
	}
	there->inode = inode;
}

static void name_remove(struct names *names, const char *path)
{
	struct name *there = name_find(names, path);

	if (there)
		*there = names->name[--names->n];
}

static bool below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) && path[n] == '/';
}

static void name_move(struct names *names, const char *from, const char *to)
{
	struct name *there = name_find(names, from);
	int inode;

	if (!there)
		return; /* its coming into being is not on the disk */
	inode = there->inode;
	name_remove(names, from);
	name_set(names, to, inode);
	for (int i = 0; i < names->n; i++) {
		struct name *n = &names->name[i];
		char path[NAME_BYTES * 2];

		if (!below(n->path, from))
			continue;
		snprintf(path, sizeof(path), "%s%s", to, n->path + strlen(from));
		must(strlen(path) < NAME_BYTES);
		memcpy(n->path, path, strlen(path) + 1);
	}
}

static void change_apply(struct names *names, const struct name_change *c)
{
	switch (c->op) {
	case RECORD_RENAME:
		name_move(names, c->path, c->to);
		break;
	case RECORD_REMOVE:
		name_remove(names, c->path);
		break;
	default:
		name_set(names, c->path, c->inode);
	}
}

static bool is_in_folder(const char *path, const char *folder)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	return n == strlen(folder) && !strncmp(path, folder, n);
}

static void change_add(struct disk *d, uint8_t op, const char *path, const char *to, int inode)
{
	struct name_change *c = &d->change[d->change_n];

	must(d->change_n < NAMES_MAX);
	d->change_n++;
	*c = (struct name_change){.op = op, .inode = inode};
	snprintf(c->path, sizeof(c->path), "%s", path);
	snprintf(c->to, sizeof(c->to), "%s", to);
	change_apply(&d->live, c);
}

static void folder_sync(struct disk *d, const char *path)
{
	int kept = 0;

	for (int i = 0; i < d->change_n; i++) {
		if (is_in_folder(d->change[i].path, path))
			change_apply(&d->durable, &d->change[i]);
		else
			d->change[kept++] = d->change[i];
	}
	d->change_n = kept;
}

/* ---- files ---- */

static int inode_new(struct disk *d, bool folder)
{
	struct inode *f = &d->inode[d->inode_n];

	must(d->inode_n < INODES_MAX);
	*f = (struct inode){.folder = folder, .fd = -1};
	if (!folder) {
		f->durable = mem_zalloc(1, FILE_MAX);
		f->present = mem_zalloc(1, FILE_MAX / PAGE);
	}
	return d->inode_n++;
}

static void page_differs(struct inode *f, uint32_t page)
{
	if (f->differ_n == f->differ_cap) {
		f->differ_cap = f->differ_cap ? f->differ_cap * 2 : 64;
		f->differ = mem_resize(f->differ, f->differ_cap, sizeof(*f->differ));
	}
	f->differ[f->differ_n++] = page;
}

static void put_durable(struct inode *f, uint32_t page, uint32_t at, const uint8_t *p, uint32_t n)
{
	uint64_t end = (uint64_t)page * PAGE + at + n;

	memcpy(f->durable + (size_t)page * PAGE + at, p, n);
	f->present[page] = 1;
	if (end > f->size)
		f->size = end;
	page_differs(f, page);
}

/* All pieces, or those of one page, become durable. */
static void pieces_sync(struct inode *f, bool one, uint32_t page)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->piece_n; i++) {
		struct piece *p = &f->piece[i];

		if (one && p->page != page)
			f->piece[kept++] = *p;
		else
			put_durable(f, p->page, p->at, p->p, p->n);
	}
	f->piece_n = kept;
}

static void write_add(struct inode *f, uint64_t at, const uint8_t *p, uint64_t n)
{
	must(at + n <= FILE_MAX);
	while (n) {
		uint32_t in = (uint32_t)(at % PAGE), part = PAGE - in;

		if (part > n)
			part = (uint32_t)n;
		if (f->piece_n == f->piece_cap) {
			f->piece_cap = f->piece_cap ? f->piece_cap * 2 : 64;
			f->piece = mem_resize(f->piece, f->piece_cap, sizeof(*f->piece));
		}
		f->piece[f->piece_n++] = (struct piece){(uint32_t)(at / PAGE), in, part, p, 0, 0};
		at += part;
		p += part;
		n -= part;
	}
}

/* ---- records ---- */

static const char *path_of(struct disk *d, int inode)
{
	for (int i = 0; i < d->live.n; i++)
		if (d->live.name[i].inode == inode)
			return d->live.name[i].path;
	return "?";
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* Whether the weaker way of writing leaves this sync out. */
static bool left_out(struct disk *d, int inode, bool dsync)
{
	const char *path = path_of(d, inode);

	switch (d->weaken) {
	case DISK_NO_SYNC:
		return ends_with(path, "data.mdb");
	case DISK_NO_META_SYNC:
		return ends_with(path, "data.mdb") && dsync;
	case DISK_NO_VOTES_SYNC:
		return !strcmp(path, "votes");
	default:
		return false;
	}
}

static void take_open(struct disk *d, const struct record_head *h, const char *path)
{
	struct name *name = name_find(&d->live, path);
	int inode;

	must(h->fd >= 0 && h->fd < FD_MAX);
	if (h->at & RECORD_NEW) {
		inode = inode_new(d, false);
		change_add(d, RECORD_OPEN, path, "", inode);
	} else if (*path == '\0') {
		inode = 0;
	} else {
		must(name != NULL && !(h->at & RECORD_CUT));
		inode = name->inode;
	}
	d->inode_of_fd[h->fd] = inode;
	d->dsync_of_fd[h->fd] = (h->at & RECORD_DSYNC) && !left_out(d, inode, true);
}

static void take_sync(struct disk *d, int fd)
{
	struct inode *f = &d->inode[d->inode_of_fd[fd]];

	if (f->folder)
		folder_sync(d, d->inode_of_fd[fd] ? path_of(d, d->inode_of_fd[fd]) : "");
	else if (!left_out(d, d->inode_of_fd[fd], false))
		pieces_sync(f, false, 0);
}

bool disk_step(struct disk *d, struct record_head *mark)
{
	struct record_head h;
	char path[NAME_BYTES] = "", to[NAME_BYTES] = "";
	const uint8_t *data;

	mark->op = 0;
	if (d->settling >= 0) {
		struct inode *f = &d->inode[d->settling];

		pieces_sync(f, true, f->piece[f->piece_n - 1].page);
		d->settling = -1;
	}
	if (d->at + sizeof(h) > d->trace.n)
		return false;
	memcpy(&h, d->trace.p + d->at, sizeof(h));
	must(h.n_path < NAME_BYTES && d->at + sizeof(h) + h.n_path + h.n_data <= d->trace.n);
	memcpy(path, d->trace.p + d->at + sizeof(h), h.n_path);
	data = d->trace.p + d->at + sizeof(h) + h.n_path;
	d->at += sizeof(h) + h.n_path + h.n_data;
	switch (h.op) {
	case RECORD_OPEN:
		take_open(d, &h, path);
		break;
	case RECORD_WRITE:
		write_add(&d->inode[d->inode_of_fd[h.fd]], h.at, data, h.n_data);
		if (d->dsync_of_fd[h.fd])
			d->settling = d->inode_of_fd[h.fd];
		break;
	case RECORD_SYNC:
		take_sync(d, h.fd);
		break;
	case RECORD_MKDIR:
		change_add(d, h.op, path, "", inode_new(d, true));
		break;
	case RECORD_REMOVE:
		change_add(d, h.op, path, "", -1);
		break;
	case RECORD_RENAME:
		must(h.n_data < NAME_BYTES);
		memcpy(to, data, h.n_data);
		change_add(d, h.op, path, to, -1);
		break;
	case RECORD_CLOSE:
	case RECORD_MARK:
		*mark = h;
		break;
	default: /* RECORD_SIZE: nobody does this yet */
		must_failed("a record that this model knows", __FILE__, __LINE__, __func__);
	}
	return true;
}

/* ---- states ---- */

size_t disk_pending(const struct disk *d)
{
	size_t n = (size_t)d->change_n;

	for (int i = 0; i < d->inode_n; i++)
		n += d->inode[i].piece_n;
	return n;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
	return (h ^ x) * 0x100000001B3ull ^ (h >> 29);
}

static void choose_piece(struct piece *p, enum disk_choice how, uint64_t chance, struct rng *r)
{
	uint32_t sectors = PAGE / SECTOR, cut;

	p->from = p->at;
	p->to = how == DISK_ALL ? p->at + p->n : p->at;
	if (how != DISK_SOME || rng_below(r, 4) >= chance)
		return;
	p->to = p->at + p->n;
	if (rng_below(r, 8))
		return;
	/* Torn: the first sectors, or the last ones. */
	cut = (uint32_t)rng_below(r, sectors) * SECTOR;
	if (rng_below(r, 2))
		p->to = cut < p->to ? cut : p->to;
	else
		p->from = cut > p->from ? cut : p->from;
	if (p->from >= p->to)
		p->to = p->from;
}

uint64_t disk_choose(struct disk *d, enum disk_choice how, struct rng *r)
{
	uint64_t chance = 1 + rng_below(r, 3), h = 0xCBF29CE484222325ull;

	for (int i = 0; i < d->change_n; i++) {
		struct name_change *c = &d->change[i];

		c->chosen = how == DISK_ALL || (how == DISK_SOME && rng_below(r, 4) < chance);
		h = mix(h, c->chosen);
	}
	for (int i = 0; i < d->inode_n; i++)
		for (size_t j = 0; j < d->inode[i].piece_n; j++) {
			struct piece *p = &d->inode[i].piece[j];

			choose_piece(p, how, chance, r);
			h = mix(h, p->from < p->to ? (uint64_t)p->from << 32 | p->to : 0);
		}
	return h;
}

void disk_empty_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[PATH_MAX];

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%.2000s/%s", folder, entry->d_name);
		if (unlink(path) != 0) {
			disk_empty_folder(path);
			rmdir(path);
		}
	}
	if (dir)
		closedir(dir);
}

static void write_page(struct inode *f, uint32_t page, const uint8_t *p, uint64_t end)
{
	uint64_t at = (uint64_t)page * PAGE;
	size_t n = end - at < PAGE ? (size_t)(end - at) : PAGE;

	must(pwrite(f->fd, p, n, (off_t)at) == (ssize_t)n);
}

static void make_file(struct inode *f)
{
	uint64_t size = f->size;
	size_t old = f->differ_n;

	for (size_t i = 0; i < f->piece_n; i++) {
		uint64_t end = (uint64_t)f->piece[i].page * PAGE + f->piece[i].to;

		if (f->piece[i].from >= f->piece[i].to)
			continue;
		page_differs(f, f->piece[i].page);
		if (end > size)
			size = end;
	}
	if (size != f->size_there)
		must(ftruncate(f->fd, (off_t)size) == 0);
	f->size_there = size;
	for (size_t i = 0; i < f->differ_n; i++) {
		uint32_t page = f->differ[i];
		uint8_t bytes[PAGE];

		if ((uint64_t)page * PAGE >= size)
			continue;
		memcpy(bytes, f->durable + (size_t)page * PAGE, PAGE);
		for (size_t j = 0; j < f->piece_n; j++) {
			const struct piece *p = &f->piece[j];

			if (p->page == page && p->from < p->to)
				memcpy(bytes + p->from, p->p + (p->from - p->at), p->to - p->from);
		}
		write_page(f, page, bytes, size);
	}
	/* What was chosen now must be undone next time. */
	if (old)
		memmove(f->differ, f->differ + old, (f->differ_n - old) * sizeof(*f->differ));
	f->differ_n -= old;
}

static void make_fresh(struct disk *d, const struct name *n)
{
	struct inode *f = &d->inode[n->inode];
	char path[PATH_MAX + NAME_BYTES];

	snprintf(path, sizeof(path), "%s/%s", d->target, n->path);
	if (f->folder) {
		(void)!mkdir(path, 0750); /* fails without the folder above: then it is lost */
		return;
	}
	f->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	f->size_there = 0;
	f->differ_n = 0;
	for (uint32_t page = 0; page < FILE_MAX / PAGE && (uint64_t)page * PAGE < f->size; page++)
		if (f->present[page])
			page_differs(f, page);
}

/* Everything anew: folders first, then what is in them. */
static void make_names(struct disk *d, const struct names *want)
{
	disk_empty_folder(d->target);
	for (int i = 0; i < d->inode_n; i++) {
		if (d->inode[i].fd >= 0)
			close(d->inode[i].fd);
		d->inode[i].fd = -1;
	}
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < want->n; i++)
			if (d->inode[want->name[i].inode].folder == (pass == 0))
				make_fresh(d, &want->name[i]);
	d->there = *want;
	d->soiled = false;
}

void disk_make(struct disk *d)
{
	struct names want = d->durable;

	for (int i = 0; i < d->change_n; i++)
		if (d->change[i].chosen)
			change_apply(&want, &d->change[i]);
	if (d->soiled || want.n != d->there.n ||
	    memcmp(want.name, d->there.name, (size_t)want.n * sizeof(want.name[0])) != 0)
		make_names(d, &want);
	for (int i = 0; i < d->inode_n; i++)
		if (d->inode[i].fd >= 0)
			make_file(&d->inode[i]);
}

void disk_soiled(struct disk *d)
{
	d->soiled = true;
}

/* ---- life ---- */

static void take_base(struct disk *d, const char *base, const char *path)
{
	char full[PATH_MAX];
	DIR *dir;
	struct dirent *entry;

	snprintf(full, sizeof(full), "%.2000s/%s", base, path);
	dir = opendir(full);
	must(dir != NULL);
	while ((entry = readdir(dir))) {
		char name[NAME_BYTES], from[PATH_MAX + 300];
		uint8_t bytes[PAGE];
		struct stat st;
		ssize_t n;
		int inode, fd;

		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, "lock") ||
		    !strcmp(entry->d_name, "lock.mdb"))
			continue;
		must(snprintf(name, sizeof(name), "%s%s%.64s", path, *path ? "/" : "",
			      entry->d_name) < NAME_BYTES);
		snprintf(from, sizeof(from), "%.2000s/%s", base, name);
		must(stat(from, &st) == 0);
		inode = inode_new(d, S_ISDIR(st.st_mode));
		name_set(&d->durable, name, inode);
		name_set(&d->live, name, inode);
		if (S_ISDIR(st.st_mode)) {
			take_base(d, base, name);
			continue;
		}
		fd = open(from, O_RDONLY | O_CLOEXEC);
		must(fd >= 0);
		for (uint32_t page = 0; (n = pread(fd, bytes, PAGE, (off_t)page * (off_t)PAGE)) > 0;
		     page++)
			put_durable(&d->inode[inode], page, 0, bytes, (uint32_t)n);
		close(fd);
	}
	closedir(dir);
}

struct disk *disk_open(struct bytes trace, const char *base, const char *target,
		       enum disk_weaken weaken)
{
	struct disk *d = mem_zalloc(1, sizeof(*d));

	d->trace = trace;
	d->weaken = weaken;
	d->settling = -1;
	d->soiled = true;
	snprintf(d->target, sizeof(d->target), "%s", target);
	inode_new(d, true); /* 0: the folder itself */
	if (base)
		take_base(d, base, "");
	return d;
}

void disk_close(struct disk *d)
{
	for (int i = 0; i < d->inode_n; i++) {
		if (d->inode[i].fd >= 0)
			close(d->inode[i].fd);
		mem_free(d->inode[i].durable);
		mem_free(d->inode[i].present);
		mem_free(d->inode[i].piece);
		mem_free(d->inode[i].differ);
	}
	mem_free(d);
}
