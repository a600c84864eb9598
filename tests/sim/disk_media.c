/* SPDX-License-Identifier: ISC */
#include "tests/sim/disk_impl.h"

#include "base/mem.h"
#include "store/lmdb.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the bytes of a disk are: memory, or the files of a real folder, on a file system in memory
 * where there is one. */

#define MAP_MEMORY (1u << 20)
#define MAP_FILE   (256u << 20) /* a file with holes; slow readers must not hold its growth up */

static const char *const files[] = {"data/data.mdb", "votes"};
#define FILES 2

static void path_in(char out[PATH_MAX], const struct disk *d, const char *name)
{
	must(snprintf(out, PATH_MAX, "%s/%s", d->folder, name) < PATH_MAX);
}

static void image_path(char out[PATH_MAX], const struct disk *d, const struct image *image,
		       int file)
{
	char name[32];

	snprintf(name, sizeof(name), "image%d.%d", (int)(image - d->image), file);
	path_in(out, d, name);
}

void media_open(struct disk *d)
{
	bool shm = access("/dev/shm", W_OK) == 0;

	if (d->o.store == WORLD_STORE_MEMORY) {
		d->rows = kv_mem_disk_open(MAP_MEMORY);
		return;
	}
	snprintf(d->folder, sizeof(d->folder), "%s/tally-sim-%llx-%c-XXXXXX",
		 shm ? "/dev/shm" : "/tmp", (unsigned long long)d->o.seed, 'A' + (char)d->o.node);
	must(mkdtemp(d->folder));
}

static void remove_all(struct disk *d)
{
	static const char *const names[] = {
	    "data/data.mdb",     "data/lock.mdb", "data", "data.tmp/data.mdb",
	    "data.tmp/lock.mdb", "data.tmp",      "lock", "votes.tmp"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_in(path, d, names[i]);
		if (unlink(path) != 0)
			(void)!rmdir(path);
	}
}

void media_close(struct disk *d)
{
	char path[PATH_MAX];

	for (int i = 0; i < IMAGES; i++) {
		struct image *image = &d->image[i];

		kv_mem_image_drop(image->rows);
		buf_close(&image->votes[0]);
		buf_close(&image->votes[1]);
		buf_close(&image->join);
		for (int f = 0; !d->rows && f < FILES; f++) {
			image_path(path, d, image, f);
			unlink(path);
		}
	}
	buf_close(&d->join);
	if (d->rows) {
		kv_mem_disk_close(d->rows);
		journal_mem_disk_clear(&d->votes);
		return;
	}
	media_clear_votes(d);
	remove_all(d);
	rmdir(d->folder);
}

enum err media_rows(struct disk *d, struct store_options *so, struct why *why)
{
	so->folder = d->rows ? "disk" : d->folder;
	so->map_bytes_min = MAP_FILE;
	return d->rows ? kv_mem_open(&so->db, d->rows, why) : ERR_NONE;
}

enum err media_votes(struct disk *d, struct journal_slots **out, struct why *why)
{
	if (!d->rows)
		return journal_file_open(out, d->folder, why);
	*out = journal_mem_open(&d->votes);
	return ERR_NONE;
}

void media_clear_rows(struct disk *d)
{
	if (d->rows)
		kv_mem_disk_clear(d->rows);
	else
		remove_all(d);
	buf_clear(&d->join);
	d->n_images = 0;
}

void media_clear_votes(struct disk *d)
{
	char path[PATH_MAX];

	if (d->rows) {
		journal_mem_disk_clear(&d->votes);
		return;
	}
	path_in(path, d, "votes");
	unlink(path);
}

/* The first two pages cannot be read. */
void media_damage_rows(struct disk *d)
{
	static const uint8_t nothing[8192];
	char path[PATH_MAX];
	int fd;

	if (d->rows) {
		kv_mem_disk_damage(d->rows);
		return;
	}
	path_in(path, d, files[0]);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && pwrite(fd, nothing, sizeof(nothing), 0) == sizeof(nothing));
	close(fd);
}

/* A bit that stays wrong. Not in files: LMDB does not check its pages and may end the process,
 * which is for tests of their own. */
void media_flip(struct disk *d, int64_t where)
{
	uint64_t x = (uint64_t)where;

	if (d->rows)
		kv_mem_disk_flip(d->rows, (enum kv_table)(x % KV_TABLES), x / 8 % 100000,
				 x / 800000);
}

static void copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	uint8_t part[65536];
	ssize_t n = 0;

	if (in < 0) {
		unlink(to);
		return;
	}
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	must(out >= 0);
	while ((n = read(in, part, sizeof(part))) > 0)
		must(write(out, part, (size_t)n) == n);
	must(n == 0);
	close(in);
	close(out);
}

static void copy_buf(struct buf *to, const struct buf *from)
{
	buf_clear(to);
	buf_put(to, from->p, from->n);
}

void media_take_image(struct disk *d)
{
	struct image *image = &d->image[d->n_images++ % IMAGES];
	char from[PATH_MAX], to[PATH_MAX];

	image->commits = d->commits;
	copy_buf(&image->join, &d->join);
	if (d->rows) {
		kv_mem_image_drop(image->rows);
		image->rows = kv_mem_image_take(d->rows);
		copy_buf(&image->votes[0], &d->votes.slot[0]);
		copy_buf(&image->votes[1], &d->votes.slot[1]);
		return;
	}
	for (int f = 0; f < FILES; f++) {
		path_in(from, d, files[f]);
		image_path(to, d, image, f);
		copy_file(from, to);
	}
}

void media_restore(struct disk *d, const struct image *image, bool votes)
{
	char from[PATH_MAX], to[PATH_MAX];

	copy_buf(&d->join, &image->join);
	if (d->rows) {
		kv_mem_disk_restore(d->rows, image->rows);
		for (int i = 0; votes && i < 2; i++)
			copy_buf(&d->votes.slot[i], &image->votes[i]);
		return;
	}
	path_in(to, d, "data/lock.mdb");
	unlink(to);
	for (int f = 0; f < 1 + votes; f++) {
		image_path(from, d, image, f);
		path_in(to, d, files[f]);
		copy_file(from, to);
	}
}
