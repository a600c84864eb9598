/* SPDX-License-Identifier: ISC */
#include "base/bytes.h"
#include "base/drops.h"
#include "base/histogram.h"
#include "base/hmap.h"
#include "base/mem.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void hex_round_trip(void **state)
{
	uint8_t in[3] = {0x00, 0xAB, 0xFF}, out[3];
	char text[7];

	(void)state;
	hex_encode(text, in, sizeof(in));
	assert_string_equal(text, "00ABFF");
	assert_true(hex_decode(out, 3, "00abFF", 6));
	assert_memory_equal(in, out, 3);
	assert_false(hex_decode(out, 3, "00abF", 5));
	assert_false(hex_decode(out, 3, "00abFFF", 7));
	assert_false(hex_decode(out, 3, "00abFG", 6));
}

static void cursor_dies_once_and_yields_zeros(void **state)
{
	uint8_t in[6] = {1, 2, 3, 4, 5, 6};
	struct cursor c = cursor_of(bytes_of(in, sizeof(in)));

	(void)state;
	assert_int_equal(cursor_be32(&c), 0x01020304);
	assert_int_equal(cursor_be32(&c), 0);
	assert_true(c.dead);
	assert_int_equal(cursor_u8(&c), 0); /* dead stays dead, though two bytes were left */
	assert_int_equal(cursor_take(&c, 1).n, 0);
}

static void drops_are_checked(void **state)
{
	struct drops d = drops_of(7);

	(void)state;
	assert_false(drops_add(&d, drops_of(DROPS_MAX), drops_of(1)));
	assert_false(drops_add(&d, drops_of(UINT64_MAX), drops_of(2)));
	assert_false(drops_sub(&d, drops_of(1), drops_of(2)));
	assert_false(drops_mul(&d, drops_of(1ull << 40), 1ull << 40));
	assert_int_equal(d.raw, 7);
	assert_true(drops_add(&d, drops_of(DROPS_MAX - 1), drops_of(1)));
	assert_int_equal(d.raw, DROPS_MAX);
	assert_true(drops_sub(&d, d, d));
	assert_int_equal(d.raw, 0);
}

static struct hash256 key_of(uint64_t i)
{
	struct hash256 k = {{0}};

	store_be64(k.b + 8,
		   i % 13 ? i * 0x9E3779B97F4A7C15ull : i); /* some in sequence, to collide */
	store_be64(k.b, i);
	return k;
}

static void hmap_agrees_with_an_array(void **state)
{
	enum { N = 500 };
	static int model[N];
	struct hmap m;
	struct rng r;
	int i, n = 0;

	(void)state;
	hmap_init(&m, 42);
	rng_init(&r, 1);
	for (i = 0; i < 20000; i++) {
		uint64_t k = rng_below(&r, N);
		struct hash256 key = key_of(k);

		if (rng_below(&r, 2)) {
			void *old = hmap_put(&m, &key, &model[k]);

			assert_ptr_equal(old, model[k] ? &model[k] : NULL);
			n += !model[k];
			model[k] = 1;
		} else {
			void *old = hmap_del(&m, &key);

			assert_ptr_equal(old, model[k] ? &model[k] : NULL);
			n -= model[k];
			model[k] = 0;
		}
		assert_int_equal(m.n, n);
	}
	for (i = 0; i < N; i++) {
		struct hash256 key = key_of((uint64_t)i);

		assert_ptr_equal(hmap_get(&m, &key), model[i] ? &model[i] : NULL);
	}
	hmap_close(&m);
}

static void rng_is_the_same_everywhere(void **state)
{
	struct rng a, b, f, g;
	int i;

	(void)state;
	rng_init(&a, 7);
	rng_init(&b, 7);
	for (i = 0; i < 100; i++)
		assert_int_equal(rng_next(&a), rng_next(&b));
	f = rng_fork(&a, "net");
	g = rng_fork(&a, "store");
	assert_int_not_equal(rng_next(&f), rng_next(&g));
	for (i = 0; i < 1000; i++)
		assert_in_range(rng_between(&a, 3, 5), 3, 5);
}

static void arena_keeps_what_it_gave(void **state)
{
	struct arena a = ARENA_INIT;
	uint8_t *first = arena_zalloc(&a, 10, 10);
	int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		memset(arena_alloc(&a, (size_t)i * 7), 0xFF, (size_t)i * 7);
	for (i = 0; i < 100; i++)
		assert_int_equal(first[i], 0);
	arena_reset(&a);
	assert_int_equal(a.total, 0);
	arena_close(&a);
}

static void reasons_gather_context(void **state)
{
	struct why why;

	(void)state;
	assert_int_equal(why_set(&why, ERR_RANGE, "port %d", 70000), ERR_RANGE);
	assert_int_equal(why_add(&why, ERR_RANGE, "line %d", 3), ERR_RANGE);
	assert_string_equal(why.text, "line 3: port 70000");
	assert_int_equal(why_set(NULL, ERR_IO, "x"), ERR_IO);
	assert_string_equal(err_name(ERR_IO), "ERR_IO");
}

static void histograms_know_their_quantiles(void **state)
{
	static const struct histogram_scale scale = {3, {10, 100, 1000}};
	struct histogram h = {0};

	(void)state;
	assert_int_equal(histogram_quantile(&h, &scale, 500), 0);
	histogram_add(&h, &scale, 10); /* a bound belongs to its bucket */
	assert_int_equal(h.in[0], 1);
	assert_int_equal(histogram_quantile(&h, &scale, 500), 10);
	for (unsigned i = 1; i <= 99; i++)
		histogram_add(&h, &scale, 10 + i % 90 + 1);
	assert_int_equal(h.n, 100);
	assert_int_equal(h.in[1], 99);
	assert_int_equal(histogram_quantile(&h, &scale, 0), 10);
	assert_int_equal(histogram_quantile(&h, &scale, 1000), 100);
	assert_true(histogram_quantile(&h, &scale, 500) >= 50);
	assert_true(histogram_quantile(&h, &scale, 500) <= 60);
	histogram_add(&h, &scale, 5000); /* above the last bound: no more than the largest */
	assert_int_equal(h.in[3], 1);
	assert_int_equal(histogram_quantile(&h, &scale, 1000), 5000);
	h = (struct histogram){0};
	histogram_add(&h, &scale, UINT64_MAX);
	assert_int_equal(histogram_quantile(&h, &scale, 990), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hex_round_trip),
	    cmocka_unit_test(cursor_dies_once_and_yields_zeros),
	    cmocka_unit_test(drops_are_checked),
	    cmocka_unit_test(hmap_agrees_with_an_array),
	    cmocka_unit_test(rng_is_the_same_everywhere),
	    cmocka_unit_test(arena_keeps_what_it_gave),
	    cmocka_unit_test(reasons_gather_context),
	    cmocka_unit_test(histograms_know_their_quantiles),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
