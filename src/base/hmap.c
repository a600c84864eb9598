/* SPDX-License-Identifier: ISC */
#include "base/hmap.h"

#include "base/mem.h"

static size_t slot_of(const struct hmap *m, const struct hash256 *key)
{
	uint64_t x;

	memcpy(&x, key->b + 8, sizeof(x)); /* only places, never results, depend on it */
	x = (x ^ m->salt) * 0x9E3779B97F4A7C15ull;
	return (size_t)(x >> 20) & m->mask;
}

void hmap_init(struct hmap *m, uint64_t salt)
{
	*m = (struct hmap){.salt = salt};
}

static size_t find(const struct hmap *m, const struct hash256 *key)
{
	size_t i = slot_of(m, key);

	while (m->slots[i].value && !hash256_eq(&m->slots[i].key, key))
		i = (i + 1) & m->mask;
	return i;
}

void *hmap_get(const struct hmap *m, const struct hash256 *key)
{
	return m->n ? m->slots[find(m, key)].value : NULL;
}

static void grow(struct hmap *m)
{
	struct hmap_slot *old = m->slots;
	size_t i, old_n = old ? m->mask + 1 : 0, n = old_n ? old_n * 2 : 16;

	m->slots = mem_zalloc(n, sizeof(*m->slots));
	m->mask = n - 1;
	for (i = 0; i < old_n; i++)
		if (old[i].value)
			m->slots[find(m, &old[i].key)] = old[i];
	mem_free(old);
}

void *hmap_put(struct hmap *m, const struct hash256 *key, void *value)
{
	void *old;
	size_t i;

	must(value);
	if (!m->slots || (m->n + 1) * 4 > (m->mask + 1) * 3)
		grow(m);
	i = find(m, key);
	old = m->slots[i].value;
	if (!old)
		m->n++;
	m->slots[i].key = *key;
	m->slots[i].value = value;
	return old;
}

void *hmap_del(struct hmap *m, const struct hash256 *key)
{
	size_t hole, i;
	void *old;

	if (!m->n)
		return NULL;
	hole = find(m, key);
	old = m->slots[hole].value;
	if (!old)
		return NULL;
	for (i = (hole + 1) & m->mask; m->slots[i].value; i = (i + 1) & m->mask) {
		size_t home = slot_of(m, &m->slots[i].key);

		/* An entry may fill the hole when its home is not between hole and i. */
		if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole].value = NULL;
	m->n--;
	return old;
}

void hmap_clear(struct hmap *m)
{
	if (m->slots)
		memset(m->slots, 0, (m->mask + 1) * sizeof(*m->slots));
	m->n = 0;
}

void hmap_close(struct hmap *m)
{
	mem_free(m->slots);
	*m = (struct hmap){.salt = m->salt};
}
