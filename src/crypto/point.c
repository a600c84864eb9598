/* SPDX-License-Identifier: ISC */
#include "crypto/point.h"

#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#define WORDS 4

/* A sequence lock: odd while a writer is at it; a reader that saw an even count, the same before
 * and after, has read one whole key. Without that two remembered keys could be read as a third,
 * and their owner could choose which. 0 = empty; no counting point is all zero, so an empty slot
 * matches nothing. */
struct slot {
	atomic_uint turn;
	_Atomic uint64_t word[WORDS];
};
static struct slot slots[POINT_SLOTS];

static struct slot *slot_of(const uint64_t want[WORDS])
{
	uint64_t mixed = (want[0] ^ want[1] ^ want[2] ^ want[3]) * 0x9E3779B97F4A7C15u;

	return &slots[mixed >> 48];
}
_Static_assert(POINT_SLOTS == 1u << 16, "the index is the upper 16 bits");

static bool remembered(struct slot *s, const uint64_t want[WORDS])
{
	unsigned turn = atomic_load_explicit(&s->turn, memory_order_acquire);
	bool same = turn % 2 == 0 && turn != 0;

	/* acquire keeps the second look at the count behind these */
	for (int i = 0; i < WORDS; i++)
		same &= atomic_load_explicit(&s->word[i], memory_order_acquire) == want[i];
	return same && atomic_load_explicit(&s->turn, memory_order_relaxed) == turn;
}

/* A slot that another thread is writing is left to it. */
static void remember(struct slot *s, const uint64_t want[WORDS])
{
	unsigned turn = atomic_load_explicit(&s->turn, memory_order_relaxed);

	if (turn % 2 || !atomic_compare_exchange_strong_explicit(
			    &s->turn, &turn, turn + 1, memory_order_acq_rel, memory_order_relaxed))
		return;
	/* release keeps the odd count, and each word, before the next */
	for (int i = 0; i < WORDS; i++)
		atomic_store_explicit(&s->word[i], want[i], memory_order_release);
	atomic_store_explicit(&s->turn, turn + 2, memory_order_release);
}

bool ed25519_point_counts(const uint8_t point[32])
{
	uint64_t want[WORDS];
	struct slot *s;

	memcpy(want, point, sizeof(want));
	s = slot_of(want);
	if (remembered(s, want))
		return true;
	if (crypto_core_ed25519_is_valid_point(point) != 1)
		return false;
	remember(s, want);
	return true;
}
