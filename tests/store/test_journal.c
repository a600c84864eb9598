/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "base/mem.h"
#include "base/rng.h"
#include "store/crc32c.h"
#include "store/journal_slots.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOT_2 ((off_t)((JOURNAL_BYTES_MAX + 24u + 4095u) & ~4095u))

static char folder[64];
static char path[96];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/tally_journal_XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/votes", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

/* A record whose every part follows from n. */
static struct journal_record record_of(struct arena *a, uint32_t n)
{
	struct journal_record r = {.seq = n, .proposal_next = n * 8, .n_ledgers = n % 5};
	struct rng rng;
	uint8_t *blob;

	rng_init(&rng, n);
	r.hash.b[0] = (uint8_t)n;
	r.proposal_prev.b[31] = (uint8_t)(n + 1);
	blob = arena_zalloc(a, 1, 64);
	for (int i = 0; i < 64; i++)
		blob[i] = (uint8_t)rng_next(&rng);
	r.validation = bytes_of(blob, n % 3 ? 64 : 0);
	r.ledgers = arena_zalloc(a, r.n_ledgers, sizeof(*r.ledgers));
	for (uint32_t i = 0; i < r.n_ledgers; i++) {
		struct journal_ledger *l = &r.ledgers[i];

		*l = (struct journal_ledger){.seq = n - r.n_ledgers + 1 + i,
					     .close = {n + i},
					     .close_resolution = 10,
					     .close_flags = (uint8_t)(i & 1),
					     .n_txs = (n + i) % 4};
		l->parent.b[i] = 7;
		l->hash.b[i] = 9;
		l->txs = arena_zalloc(a, l->n_txs, sizeof(*l->txs));
		for (uint32_t k = 0; k < l->n_txs; k++)
			l->txs[k] = bytes_of(blob + k, 32 + k);
	}
	return r;
}

static bool record_is(const struct journal_record *r, uint32_t n)
{
	struct arena a = ARENA_INIT;
	struct journal_record want = record_of(&a, n);
	struct buf x = BUF_INIT, y = BUF_INIT;
	bool same;

	journal_encode(&x, r);
	journal_encode(&y, &want);
	same = bytes_eq(buf_bytes(&x), buf_bytes(&y));
	buf_close(&x);
	buf_close(&y);
	arena_close(&a);
	return same;
}

static void write_record(struct journal *j, uint32_t n)
{
	struct arena a = ARENA_INIT;
	struct journal_record r = record_of(&a, n);
	struct why why = {""};

	if (journal_write(j, &r, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	arena_close(&a);
}

static void expect_record(uint32_t n)
{
	struct journal *j;
	struct journal_record r;
	struct why why = {""};

	if (journal_open(&j, folder, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	if (n == 0) {
		assert_int_equal(journal_read(j, &r, &why), ERR_ABSENT);
	} else {
		assert_int_equal(journal_read(j, &r, &why), ERR_NONE);
		assert_true(record_is(&r, n));
	}
	journal_close(j);
}

static void crc_has_the_published_values(void **state)
{
	uint8_t zeros[32] = {0}, ones[32], up[32];
	uint32_t whole;

	(void)state;
	memset(ones, 0xFF, sizeof(ones));
	for (int i = 0; i < 32; i++)
		up[i] = (uint8_t)i;
	/* RFC 3720, B.4 */
	assert_int_equal(crc32c(0, bytes_of(zeros, 32)), 0x8A9136AA);
	assert_int_equal(crc32c(0, bytes_of(ones, 32)), 0x62A8AB43);
	assert_int_equal(crc32c(0, bytes_of(up, 32)), 0x46DD794E);
	assert_int_equal(crc32c(0, bytes_str("123456789")), 0xE3069283);
	whole = crc32c(0, bytes_of(up, 32));
	for (size_t cut = 0; cut <= 32; cut++)
		assert_int_equal(crc32c(crc32c(0, bytes_of(up, cut)), bytes_of(up + cut, 32 - cut)),
				 whole);
}

static void last_record_is_read_back(void **state)
{
	struct journal *j, *other;
	struct journal_record r;
	struct why why = {""};

	(void)state;
	expect_record(0);
	assert_int_equal(journal_open(&j, folder, &why), ERR_NONE);
	assert_int_equal(journal_open(&other, folder, &why), ERR_BUSY);
	for (uint32_t n = 1; n <= 30; n++) {
		write_record(j, n);
		assert_int_equal(journal_read(j, &r, &why), ERR_NONE);
		assert_true(record_is(&r, n));
	}
	journal_close(j);
	expect_record(30);
}

/* Bytes of a write, as they are in the file afterwards. */
static size_t slot_image(int fd, int slot, uint8_t *out, size_t max)
{
	ssize_t n = pread(fd, out, max, slot ? SLOT_2 : 0);

	assert_true(n >= 24);
	return 24 + (size_t)load_be32(out + 16);
}

static void torn_writes_leave_the_record_before(void **state)
{
	enum { MAX = 4096 };
	static uint8_t before[MAX], after[MAX], image[MAX];
	struct journal *j;
	struct why why = {""};
	struct rng rng;

	(void)state;
	rng_init(&rng, 1);
	for (uint32_t n = 1; n <= 6; n++) {
		int slot, fd = open(path, O_RDWR | O_CREAT, 0600);
		size_t size;

		close(fd);
		if (n == 1)
			unlink(path);
		assert_int_equal(journal_open(&j, folder, &why), ERR_NONE);
		write_record(j, 10 * n);
		journal_close(j);
		fd = open(path, O_RDWR);
		slot_image(fd, 0, before, MAX);
		slot_image(fd, 1, after, MAX);
		/* the next write goes to the slot of the lower generation */
		slot = load_be64(before + 8) > load_be64(after + 8);
		slot_image(fd, slot, before, MAX);
		assert_int_equal(journal_open(&j, folder, &why), ERR_NONE);
		write_record(j, 10 * n + 1);
		journal_close(j);
		size = slot_image(fd, slot, after, MAX);
		assert_true(size < MAX);
		for (size_t cut = 0; cut <= size; cut++) {
			memcpy(image, before, MAX);
			memcpy(image, after, cut);
			assert_int_equal(pwrite(fd, image, MAX, slot ? SLOT_2 : 0), MAX);
			expect_record(memcmp(image, after, size) == 0 ? 10 * n + 1 : 10 * n);
		}
		for (int i = 0; i < 50; i++) { /* sectors in any order */
			memcpy(image, before, MAX);
			for (size_t at = 0; at < MAX; at += 64)
				if (rng_below(&rng, 2))
					memcpy(image + at, after + at, 64);
			assert_int_equal(pwrite(fd, image, MAX, slot ? SLOT_2 : 0), MAX);
			expect_record(memcmp(image, after, size) == 0 ? 10 * n + 1 : 10 * n);
		}
		assert_int_equal(pwrite(fd, after, MAX, slot ? SLOT_2 : 0), MAX);
		close(fd);
	}
}

static void damage_is_noticed(void **state)
{
	struct journal *j;
	struct why why = {""};
	uint8_t byte = 0x55;
	int fd;

	(void)state;
	assert_int_equal(journal_open(&j, folder, &why), ERR_NONE);
	write_record(j, 4);
	write_record(j, 5);
	journal_close(j);
	fd = open(path, O_RDWR);
	assert_int_equal(pwrite(fd, &byte, 1, 40), 1);
	assert_int_equal(pwrite(fd, &byte, 1, SLOT_2 + 40), 1);
	assert_int_equal(journal_open(&j, folder, &why), ERR_CORRUPT);
	assert_non_null(strstr(why.text, "votes"));
	assert_int_equal(ftruncate(fd, 10), 0);
	assert_int_equal(journal_open(&j, folder, &why), ERR_CORRUPT);
	close(fd);
}

/* Every bit of both slots: the record is the newest, or the one before, and never another. */
static void flipped_bits_make_no_other_record(void **state)
{
	enum { MAX = 4096 };
	static uint8_t image[MAX];
	struct journal *j;
	struct why why = {""};
	int fd, newest, noticed = 0;

	(void)state;
	assert_int_equal(journal_open(&j, folder, &why), ERR_NONE);
	write_record(j, 4);
	write_record(j, 5);
	journal_close(j);
	fd = open(path, O_RDWR);
	slot_image(fd, 0, image, MAX);
	newest = load_be64(image + 8) == 4 ? 0 : 1; /* generations: 1 and 2, then 3 and 4 */
	for (int slot = 0; slot < 2; slot++) {
		size_t n = slot_image(fd, slot, image, MAX);

		for (size_t bit = 0; bit < n * 8; bit++) {
			off_t at = (slot ? SLOT_2 : 0) + (off_t)(bit / 8);
			uint8_t byte = image[bit / 8] ^ (uint8_t)(1u << bit % 8);
			struct journal_record r;

			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
			assert_int_equal(journal_open(&j, folder, &why), ERR_NONE);
			assert_int_equal(journal_read(j, &r, &why), ERR_NONE);
			if (!record_is(&r, 5)) {
				assert_true(record_is(&r, 4) && slot == newest);
				noticed++;
			} else {
				assert_int_equal(slot, !newest);
			}
			journal_close(j);
			assert_int_equal(pwrite(fd, &image[bit / 8], 1, at), 1);
		}
	}
	close(fd);
	assert_true(noticed > 1000);
	expect_record(5);
}

static void file_that_may_not_grow_keeps_the_record(void **state)
{
	struct rlimit was, tight;
	struct journal *j;
	struct journal_record r;
	struct why why = {""};
	struct arena a = ARENA_INIT;
	int refused = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(journal_open(&j, folder, &why), ERR_NONE);
	write_record(j, 1);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	for (uint32_t n = 2; n < 8; n++) {
		enum err e;

		tight = was;
		tight.rlim_cur = (rlim_t)SLOT_2 + 60; /* the second slot cannot be written */
		setrlimit(RLIMIT_FSIZE, &tight);
		r = record_of(&a, n);
		e = journal_write(j, &r, &why);
		setrlimit(RLIMIT_FSIZE, &was);
		if (e != ERR_NONE) {
			refused++;
			assert_int_equal(e, ERR_NO_SPACE);
			assert_int_equal(journal_read(j, &r, &why), ERR_NONE);
			assert_true(record_is(&r, n - 1));
			write_record(j, n); /* there is room again */
		}
		assert_int_equal(journal_read(j, &r, &why), ERR_NONE);
		assert_true(record_is(&r, n));
	}
	assert_true(refused >= 3);
	journal_close(j);
	arena_close(&a);
	expect_record(7);
}

/* A write that fails for another reason than space. */
static void broken_device_ends_voting(void **state)
{
	struct journal *j;
	struct journal_record r = {.seq = 1};
	struct why why = {""};
	int null;

	(void)state;
	assert_int_equal(journal_open(&j, folder, &why), ERR_NONE);
	/* Its descriptor becomes one that cannot be written to: EBADF stands for a dead disk. */
	null = open("/dev/null", O_RDONLY);
	for (int fd = 3; fd < 64; fd++) {
		struct stat a, b;

		if (fd != null && fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
		    a.st_ino == b.st_ino && a.st_dev == b.st_dev)
			assert_int_equal(dup2(null, fd), fd);
	}
	assert_int_equal(journal_write(j, &r, &why), ERR_IO);
	assert_int_equal(journal_write(j, &r, &why), ERR_IO);
	close(null);
	journal_close(j);
}

static void expect_in_memory(struct journal_mem_disk *d, uint32_t n)
{
	struct journal *j;
	struct journal_record r;

	assert_int_equal(journal_open_slots(&j, journal_mem_open(d), NULL), ERR_NONE);
	assert_int_equal(journal_read(j, &r, NULL), n ? ERR_NONE : ERR_ABSENT);
	assert_true(n == 0 || record_is(&r, n));
	journal_close(j);
}

static size_t torn_at;
static enum err torn_with;

static enum err tear(void *ctx, struct journal_mem_disk *d, int slot, struct bytes b)
{
	(void)ctx;
	journal_mem_tear(d, slot, b, torn_at);
	return torn_with;
}

/* The slots in memory, and what is wrong with their disk. */
static void memory_is_as_good_as_a_file(void **state)
{
	struct journal_mem_disk d = {0};
	struct journal *j;
	struct journal_record r;
	struct arena a = ARENA_INIT;

	(void)state;
	expect_in_memory(&d, 0);
	assert_int_equal(journal_open_slots(&j, journal_mem_open(&d), NULL), ERR_NONE);
	for (uint32_t n = 1; n <= 30; n++)
		write_record(j, n);
	journal_close(j);
	expect_in_memory(&d, 30);
	r = record_of(&a, 31);
	/* Only after a disk that was full it is tried again. */
	for (torn_at = 0; torn_at <= 100; torn_at++) {
		torn_with = torn_at < 100 ? ERR_IO : ERR_NO_SPACE;
		d.fail = tear;
		assert_int_equal(journal_open_slots(&j, journal_mem_open(&d), NULL), ERR_NONE);
		assert_int_equal(journal_write(j, &r, NULL), torn_with);
		d.fail = NULL;
		expect_in_memory(&d, 30);
		assert_int_equal(journal_write(j, &r, NULL), torn_at < 100 ? ERR_IO : ERR_NONE);
		journal_close(j);
		expect_in_memory(&d, torn_at < 100 ? 30 : 31);
	}
	arena_close(&a);
	for (int i = 0; i < 2; i++)
		d.slot[i].p[30] ^= 1;
	assert_int_equal(journal_open_slots(&j, journal_mem_open(&d), NULL), ERR_CORRUPT);
	journal_mem_disk_clear(&d);
}

static void decoding_refuses_what_it_did_not_write(void **state)
{
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT, again = BUF_INIT;
	struct rng rng;

	(void)state;
	rng_init(&rng, 3);
	for (uint32_t n = 1; n < 12; n++) {
		struct journal_record r = record_of(&a, n), out;

		buf_clear(&b);
		journal_encode(&b, &r);
		for (size_t cut = 0; cut < b.n; cut++)
			assert_int_not_equal(journal_decode(&out, bytes_of(b.p, cut), &a),
					     ERR_NONE);
		buf_put_u8(&b, 0);
		assert_int_equal(journal_decode(&out, buf_bytes(&b), &a), ERR_TRAILING);
		b.n--;
		for (int i = 0; i < 3000; i++) {
			size_t at = rng_below(&rng, b.n);
			uint8_t was = b.p[at];

			b.p[at] = (uint8_t)rng_next(&rng);
			if (journal_decode(&out, buf_bytes(&b), &a) == ERR_NONE) {
				buf_clear(&again);
				journal_encode(&again, &out);
				assert_true(bytes_eq(buf_bytes(&b), buf_bytes(&again)));
			}
			b.p[at] = was;
			arena_reset(&a);
			r = record_of(&a, n);
		}
	}
	buf_close(&b);
	buf_close(&again);
	arena_close(&a);
}

static void largest_record_fits(void **state)
{
	struct arena a = ARENA_INIT;
	struct journal_record r = {.seq = 9, .n_ledgers = LEDGER_AHEAD_MAX + 1}, out;
	uint32_t per_tx = LEDGER_TX_BYTES_MAX / LEDGER_TX_MAX;
	uint8_t *blob = arena_zalloc(&a, 1, TX_BYTES_MAX);
	struct journal *j;
	struct why why = {""};

	(void)state;
	r.validation = bytes_of(blob, TX_BYTES_MAX);
	r.ledgers = arena_zalloc(&a, r.n_ledgers, sizeof(*r.ledgers));
	for (uint32_t i = 0; i < r.n_ledgers; i++) {
		r.ledgers[i].n_txs = LEDGER_TX_MAX;
		r.ledgers[i].txs = arena_zalloc(&a, LEDGER_TX_MAX, sizeof(struct bytes));
		for (uint32_t k = 0; k < LEDGER_TX_MAX; k++)
			r.ledgers[i].txs[k] = bytes_of(blob, per_tx);
	}
	assert_int_equal(journal_open(&j, folder, &why), ERR_NONE);
	assert_int_equal(journal_write(j, &r, &why), ERR_NONE);
	assert_int_equal(journal_write(j, &r, &why), ERR_NONE);
	journal_close(j);
	assert_int_equal(journal_open(&j, folder, &why), ERR_NONE);
	assert_int_equal(journal_read(j, &out, &why), ERR_NONE);
	assert_int_equal(out.ledgers[3].n_txs, LEDGER_TX_MAX);
	journal_close(j);
	arena_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(crc_has_the_published_values),
	    cmocka_unit_test_setup_teardown(last_record_is_read_back, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(torn_writes_leave_the_record_before, make_folder,
					    remove_folder),
	    cmocka_unit_test_setup_teardown(damage_is_noticed, make_folder, remove_folder),
	    cmocka_unit_test_setup_teardown(flipped_bits_make_no_other_record, make_folder,
					    remove_folder),
	    cmocka_unit_test_setup_teardown(file_that_may_not_grow_keeps_the_record, make_folder,
					    remove_folder),
	    cmocka_unit_test_setup_teardown(broken_device_ends_voting, make_folder, remove_folder),
	    cmocka_unit_test(memory_is_as_good_as_a_file),
	    cmocka_unit_test(decoding_refuses_what_it_did_not_write),
	    cmocka_unit_test_setup_teardown(largest_record_fits, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
