/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "base/rng.h"
#include "crypto/hash.h"
#include "ledger/tree_node.h"
#include "ledger/tree_persist.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* The state tree with N leaves (1,000,000): building, memory, batches of updates after a snapshot
 * against the hashes that they cannot do without, look-ups. */

#define LEAF_BYTES 140 /* an AccountRoot as it is after a few payments */
#define BATCH      500
#define ROUNDS     20

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t resident_bytes(void)
{
	unsigned long all = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%lu %lu", &all, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct hash256 key_of(uint64_t i)
{
	struct hash256 k;

	sha512_half(&k, &i, sizeof(i));
	return k;
}

static void put(struct tree *t, uint64_t i, struct rng *r)
{
	struct hash256 k = key_of(i);
	uint8_t data[LEAF_BYTES] = {0};

	store_be64(data, rng_next(r));
	must(tree_put(t, &k, bytes_of(data, sizeof(data))) == FOUND);
}

/* Nodes that tree_hash will hash. */
static void count_stale(struct tree_inner *n, uint64_t *inner, uint64_t *leaves)
{
	for (unsigned rest = n->head.stale; rest; rest &= rest - 1) {
		struct tree_node *c = tree_slot_peek(
		    tree_slot_at(n, (unsigned)__builtin_ctz(rest)));

		if (tree_node_is_leaf(c)) {
			++*leaves;
		} else {
			++*inner;
			count_stale(tree_inner_of(c), inner, leaves);
		}
	}
}

/* Seconds that so many hashes take by themselves. */
static double bare_hashes(uint64_t inner, uint64_t leaves)
{
	uint8_t image[516] = {1};
	struct hash256 h;
	double t = now_s();

	for (uint64_t i = 0; i < inner; i++) {
		sha512_half(&h, image, sizeof(image));
		image[5] = h.b[0];
	}
	for (uint64_t i = 0; i < leaves; i++) {
		sha512_half(&h, image, 4 + LEAF_BYTES + 32);
		image[5] = h.b[0];
	}
	return now_s() - t;
}

static void updates(struct tree *t, uint64_t n, struct rng *r)
{
	double edit = 0, hash = 0, drop = 0, bare = 0;
	uint64_t inner = 0, leaves = 0;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t i = 0, l = 0;
		struct tree snapshot;
		double t0, t1, t2, t3;

		tree_share(&snapshot, t);
		t0 = now_s();
		for (int k = 0; k < BATCH; k++)
			put(t, rng_below(r, n), r);
		t1 = now_s();
		count_stale(tree_stem(t), &i, &l);
		bare += bare_hashes(i, l);
		t2 = now_s();
		tree_hash(t);
		t3 = now_s();
		tree_close(&snapshot);
		drop += now_s() - t3;
		edit += t1 - t0;
		hash += t3 - t2;
		inner += i;
		leaves += l;
	}
	printf("%d updates after a snapshot: edit %.2f ms, hash %.2f ms (bare %.2f ms: %llu inner, "
	       "%llu leaves), drop %.2f ms\n",
	       BATCH, edit * 1e3 / ROUNDS, hash * 1e3 / ROUNDS, bare * 1e3 / ROUNDS,
	       (unsigned long long)inner / ROUNDS, (unsigned long long)leaves / ROUNDS,
	       drop * 1e3 / ROUNDS);
	printf("  per update: %.2f us, of which the hashes alone are %.2f us\n",
	       (edit + hash + drop) * 1e6 / (BATCH * ROUNDS), bare * 1e6 / (BATCH * ROUNDS));
}

static void look_ups(const struct tree *t, uint64_t n, struct rng *r)
{
	enum { MANY = 1000000 };
	struct hash256 *keys = mem_alloc(MANY * sizeof(*keys));
	struct bytes data;
	double t0;

	for (int i = 0; i < MANY; i++)
		keys[i] = key_of(rng_below(r, n));
	t0 = now_s();
	for (int i = 0; i < MANY; i++)
		must(tree_get(t, &keys[i], &data) == FOUND);
	printf("look-up: %.0f ns\n", (now_s() - t0) * 1e9 / MANY);
	mem_free(keys);
}

static enum err count_put(void *ctx, uint64_t key, struct bytes node)
{
	(void)key;
	*(uint64_t *)ctx += node.n;
	return ERR_NONE;
}

static void persist(struct tree *t, const struct tree *last, uint32_t seq, const char *what)
{
	uint64_t bytes = 0, root_key;
	struct tree_sink sink = {.put = count_put, .ctx = &bytes};
	struct buf obsolete = BUF_INIT;
	struct tree_keys *keys;
	double t0 = now_s(), t1;

	must(tree_persist(t, last, seq, &sink, &obsolete, &keys, &root_key) == ERR_NONE);
	t1 = now_s();
	tree_keys_publish(keys);
	printf("walk to store %s: %.2f ms, %llu bytes, %zu obsolete; publish %.2f ms\n", what,
	       (t1 - t0) * 1e3, (unsigned long long)bytes, obsolete.n / 8, (now_s() - t1) * 1e3);
	buf_close(&obsolete);
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000, before = resident_bytes();
	struct tree t, last;
	struct rng r;
	double t0, t1;

	rng_init(&r, 1);
	tree_init_empty(&t, TREE_STATE, NULL);
	t0 = now_s();
	for (uint64_t i = 0; i < n; i++)
		put(&t, i, &r);
	t1 = now_s();
	tree_hash(&t);
	printf("%llu leaves of %d bytes: put %.2f us each, hash %.2f us each, %.0f bytes each\n",
	       (unsigned long long)n, LEAF_BYTES, (t1 - t0) * 1e6 / (double)n,
	       (now_s() - t1) * 1e6 / (double)n, (double)(resident_bytes() - before) / (double)n);
	updates(&t, n, &r);
	look_ups(&t, n, &r);
	persist(&t, NULL, 1, "everything");
	tree_share(&last, &t);
	for (int k = 0; k < BATCH; k++)
		put(&t, rng_below(&r, n), &r);
	tree_hash(&t);
	persist(&t, &last, 2, "500 updates");
	tree_close(&last);
	t0 = now_s();
	tree_close(&t);
	printf("free everything: %.0f ms\n", (now_s() - t0) * 1e3);
	return 0;
}
