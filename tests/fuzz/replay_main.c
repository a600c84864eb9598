/* SPDX-License-Identifier: ISC */

/* Runs a fuzz target where there is no engine: over every file named, or found in a folder named,
 * and over mutations of them that a seed decides. So each target is compiled and exercised in every
 * normal test run. Environment: FUZZ_RUNS (default 4000 mutations), FUZZ_SEED (default 1). A target
 * whose inputs cost much defines fuzz_runs_part and gets one of so many of them (FUZZ_PART: another
 * part). With clang's engine (flavour fuzz) this file is empty and the engine brings its own
 * main(). */
#ifndef TALLY_FUZZ_ENGINE

#include "base/bytes.h"
#include "base/mem.h"
#include "base/rng.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const unsigned fuzz_runs_part __attribute__((weak));

#define SEEDS_MAX     4096
#define SEED_SIZE_MAX (1u << 20)

static struct buf seeds[SEEDS_MAX];
static size_t n_seeds;

static void load_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t chunk[4096];
	size_t n;

	if (!f || n_seeds == SEEDS_MAX) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(1);
	}
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0 && seeds[n_seeds].n < SEED_SIZE_MAX)
		buf_put(&seeds[n_seeds], chunk, n);
	n_seeds++;
	fclose(f);
}

/* In the order of names, which is the same everywhere. */
static void load(const char *path)
{
	struct dirent **entries;
	char inner[4096];
	struct stat st;
	int n;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		load_file(path);
		return;
	}
	n = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			load_file(inner);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

/* Runs the target on memory of exactly the input's size, so that reading past its end shows. */
static void run(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (n)
		memcpy(copy, p, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void remove_range(struct buf *b, size_t at, size_t n)
{
	memmove(b->p + at, b->p + at + n, b->n - at - n);
	b->n -= n;
}

/* Opens n bytes at a place, their contents as they come. */
static void open_range(struct buf *b, size_t at, size_t n)
{
	buf_reserve(b, n);
	memmove(b->p + at + n, b->p + at, b->n - at);
	b->n += n;
}

static void mutate_once(struct buf *b, struct rng *r)
{
	static const uint8_t telling[] = {0x00, 0x01, 0x7F, 0x80, 0xFF, '\r', '\n', '"', '{', ' '};
	size_t at = b->n ? rng_below(r, b->n) : 0;
	size_t n = b->n - at ? 1 + rng_below(r, b->n - at < 64 ? b->n - at : 64) : 0;
	const struct buf *other = &seeds[rng_below(r, n_seeds)];

	switch (rng_below(r, 6)) {
	case 0:
		if (b->n)
			b->p[at] ^= (uint8_t)(1u << rng_below(r, 8));
		break;
	case 1:
		if (b->n)
			b->p[at] = telling[rng_below(r, sizeof(telling))];
		break;
	case 2:
		remove_range(b, at, n);
		break;
	case 3: /* once more */
		open_range(b, at, n);
		break;
	case 4: /* cut off and go on with another */
		b->n = at;
		if (other->n)
			buf_put(b, other->p + other->n / 2, other->n - other->n / 2);
		break;
	default:
		open_range(b, at, 1);
		b->p[at] = (uint8_t)rng_next(r);
	}
}

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	unsigned long runs = number("FUZZ_RUNS", 4000), seed = number("FUZZ_SEED", 1);
	struct buf b = BUF_INIT;
	struct rng r;

	runs /= number("FUZZ_PART", &fuzz_runs_part ? fuzz_runs_part : 1);
	for (int i = 1; i < argc; i++)
		load(argv[i]);
	if (n_seeds == 0) {
		fprintf(stderr, "usage: %s FILE_OR_FOLDER ...\n", argv[0]);
		return 2;
	}
	printf("%zu inputs, %lu mutations, FUZZ_SEED=%lu\n", n_seeds, runs, seed);
	for (size_t i = 0; i < n_seeds; i++)
		run(seeds[i].p, seeds[i].n);
	rng_init(&r, seed);
	for (unsigned long i = 0; i < runs; i++) {
		const struct buf *from = &seeds[rng_below(&r, n_seeds)];
		uint64_t times = 1 + rng_below(&r, 4);

		buf_clear(&b);
		if (from->n)
			buf_put(&b, from->p, from->n);
		while (times--)
			mutate_once(&b, &r);
		run(b.p, b.n);
	}
	for (size_t i = 0; i < n_seeds; i++)
		buf_close(&seeds[i]);
	buf_close(&b);
	return 0;
}

#endif
