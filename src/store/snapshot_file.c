/* SPDX-License-Identifier: ISC */
#include "store/snapshot_file.h"

#include "base/mem.h"
#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char MAGIC[8] = "TALLYSN1";

static enum err fail(struct why *why, const char *path)
{
	enum err e = ERR_IO;

	if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
		e = ERR_NO_SPACE;
	else if (errno == ENOENT)
		e = ERR_ABSENT;
	else if (errno == EACCES || errno == EPERM || errno == EROFS)
		e = ERR_PERMISSION;
	return why_set(why, e, "%s: %s", path, strerror(errno));
}

/* ---- writing ---- */

struct snapshot_writer {
	FILE *f;
	struct sha512 sum;
	uint64_t bytes;
	char path[PATH_MAX], tmp[PATH_MAX];
};

enum err snapshot_create(struct snapshot_writer **out, const char *path, struct why *why)
{
	struct snapshot_writer *w;

	*out = NULL;
	if (access(path, F_OK) == 0)
		return why_set(why, ERR_DUPLICATE, "%s: is there already", path);
	w = mem_zalloc(1, sizeof(*w));
	if (snprintf(w->path, PATH_MAX, "%s", path) >= PATH_MAX ||
	    snprintf(w->tmp, PATH_MAX, "%s.tmp", path) >= PATH_MAX) {
		mem_free(w);
		return why_set(why, ERR_TOO_LARGE, "%.100s...: the path is too long", path);
	}
	w->f = fopen(w->tmp, "we");
	if (!w->f) {
		enum err e = fail(why, w->tmp);

		mem_free(w);
		return e;
	}
	sha512_init(&w->sum);
	*out = w;
	return ERR_NONE;
}

void snapshot_put(struct snapshot_writer *w, struct bytes b)
{
	sha512_put(&w->sum, b.p, b.n);
	w->bytes += b.n;
	(void)fwrite(b.p, 1, b.n, w->f); /* ferror() keeps what went wrong */
}

void snapshot_put_u32(struct snapshot_writer *w, uint32_t v)
{
	uint8_t b[4];

	store_be32(b, v);
	snapshot_put(w, bytes_of(b, sizeof(b)));
}

void snapshot_put_head(struct snapshot_writer *w, uint32_t network_id,
		       const struct hash256 *genesis)
{
	snapshot_put(w, bytes_of(MAGIC, sizeof(MAGIC)));
	snapshot_put_u32(w, network_id);
	snapshot_put(w, bytes_of(genesis->b, sizeof(genesis->b)));
}

void snapshot_put_end(struct snapshot_writer *w, uint64_t entries, struct drops drops)
{
	struct hash256 sum;
	uint8_t b[20] = {0};

	store_be64(b + 4, entries);
	store_be64(b + 12, drops.raw); /* raw: as bytes */
	snapshot_put(w, bytes_of(b, sizeof(b)));
	sha512_end_half(&w->sum, &sum);
	w->bytes += sizeof(sum.b);
	(void)fwrite(sum.b, 1, sizeof(sum.b), w->f);
}

enum err snapshot_finish(struct snapshot_writer *w, enum err e, uint64_t *bytes, struct why *why)
{
	bool whole = fflush(w->f) == 0 && !ferror(w->f) && fsync(fileno(w->f)) == 0;

	if (e == ERR_NONE && !whole)
		e = fail(why, w->tmp);
	if (fclose(w->f) && e == ERR_NONE)
		e = fail(why, w->tmp);
	if (e == ERR_NONE && rename(w->tmp, w->path))
		e = fail(why, w->path);
	if (e != ERR_NONE)
		unlink(w->tmp);
	*bytes = w->bytes;
	mem_free(w);
	return e;
}

/* ---- reading ---- */

struct snapshot_reader {
	FILE *f;
	struct sha512 sum;
	uint64_t size, read;
};

enum err snapshot_open(struct snapshot_reader **out, const char *path, struct why *why)
{
	FILE *f = fopen(path, "re");
	struct stat st;

	*out = NULL;
	if (!f)
		return fail(why, path);
	if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode)) {
		fclose(f);
		return why_set(why, ERR_IO, "%s: is not a file", path);
	}
	*out = mem_zalloc(1, sizeof(**out));
	(*out)->f = f;
	(*out)->size = (uint64_t)st.st_size;
	sha512_init(&(*out)->sum);
	return ERR_NONE;
}

void snapshot_close(struct snapshot_reader *r)
{
	if (!r)
		return;
	fclose(r->f);
	mem_free(r);
}

bool snapshot_get(struct snapshot_reader *r, void *p, size_t n)
{
	if (fread(p, 1, n, r->f) != n)
		return false;
	sha512_put(&r->sum, p, n);
	r->read += n;
	return true;
}

bool snapshot_get_u32(struct snapshot_reader *r, uint32_t *v)
{
	uint8_t b[4];

	if (!snapshot_get(r, b, sizeof(b)))
		return false;
	*v = load_be32(b);
	return true;
}

bool snapshot_get_buf(struct snapshot_reader *r, struct buf *out, size_t n)
{
	must(n <= TREE_DATA_BYTES_MAX);
	buf_clear(out);
	buf_reserve(out, n);
	out->n = n;
	return snapshot_get(r, out->p, n);
}

bool snapshot_get_head(struct snapshot_reader *r, uint32_t *network_id, struct hash256 *genesis)
{
	uint8_t magic[sizeof(MAGIC)];

	return snapshot_get(r, magic, sizeof(magic)) && !memcmp(magic, MAGIC, sizeof(magic)) &&
	       snapshot_get_u32(r, network_id) && snapshot_get(r, genesis->b, sizeof(genesis->b));
}

bool snapshot_get_end(struct snapshot_reader *r, uint64_t *entries, struct drops *drops)
{
	struct hash256 sum, said;
	uint8_t b[16];

	if (!snapshot_get(r, b, sizeof(b)))
		return false;
	*entries = load_be64(b);
	*drops = drops_of(load_be64(b + 8));
	sha512_end_half(&r->sum, &sum);
	r->read += sizeof(said.b);
	return fread(said.b, 1, sizeof(said.b), r->f) == sizeof(said.b) &&
	       hash256_eq(&sum, &said) && fgetc(r->f) == EOF;
}

uint64_t snapshot_size(const struct snapshot_reader *r)
{
	return r->size;
}

uint64_t snapshot_read(const struct snapshot_reader *r)
{
	return r->read;
}
