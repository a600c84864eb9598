/* SPDX-License-Identifier: ISC */
#include "codec/st.h"
#include "crypto/hash.h"
#include "ledger/genesis.h"
#include "ledger/keylet.h"

/* The eight bytes of a big-endian word. */
#define WORD(w)                                                                                    \
	(uint8_t)((w) >> 56), (uint8_t)((w) >> 48), (uint8_t)((w) >> 40), (uint8_t)((w) >> 32),    \
	    (uint8_t)((w) >> 24), (uint8_t)((w) >> 16), (uint8_t)((w) >> 8), (uint8_t)(w)

static const struct amendment table[] = {
#define A(text, yes, by_default, a, b, c, d)                                                       \
	{.name = #text,                                                                            \
	 .id = {{WORD(a##u), WORD(b##u), WORD(c##u), WORD(d##u)}},                                 \
	 .supported = (yes),                                                                       \
	 .vote = AMENDMENT_VOTE_##by_default},
#include "ledger/amendments.def"
#undef A
};
_Static_assert(sizeof(table) / sizeof(table[0]) == AMENDMENT_COUNT, "one row per amendment");

void amendments_init(void)
{
	for (size_t i = 0; i < AMENDMENT_COUNT; i++) {
		struct hash256 id;

		sha512_half(&id, table[i].name, strlen(table[i].name));
		must(hash256_eq(&id, &table[i].id));
		must(i == 0 || hash256_cmp(&table[i - 1].id, &id) < 0);
	}
}

const struct amendment *amendments_all(size_t *n)
{
	*n = AMENDMENT_COUNT;
	return table;
}

const struct amendment *amendment_by_id(const struct hash256 *id)
{
	size_t lo = 0, hi = AMENDMENT_COUNT;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = hash256_cmp(&table[mid].id, id);

		if (order == 0)
			return &table[mid];
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const struct amendment *amendment_by_name(const char *name, size_t n)
{
	for (size_t i = 0; i < AMENDMENT_COUNT; i++)
		if (strlen(table[i].name) == n && memcmp(table[i].name, name, n) == 0)
			return &table[i];
	return NULL;
}

bool amendment_on(const struct rules *r, enum amendment_index which)
{
	must((size_t)which < AMENDMENT_COUNT);
	return rules_enabled(r, &table[which].id);
}

enum found amendment_majorities(const struct tree *state, struct amendment_majority *out,
				uint32_t max, uint32_t *n)
{
	struct hash256 key = keylet_amendments().key;
	struct arena a = ARENA_INIT;
	const struct st_array *list;
	struct st_object *o;
	struct bytes data;
	enum found f = tree_get(state, &key, &data);

	*n = 0;
	if (f != FOUND)
		return f == UNAVAILABLE ? UNAVAILABLE : FOUND;
	if (st_decode(&o, &a, data, NULL) != ERR_NONE) {
		arena_close(&a);
		return UNAVAILABLE; /* what we have written is not readable */
	}
	list = st_get_array(o, sfMajorities);
	for (uint32_t i = 0; list && i < list->n && *n < max; i++)
		if (st_get_hash256(list->e[i].object, sfAmendment, &out[*n].id) &&
		    st_get_u32(list->e[i].object, sfCloseTime, &out[*n].since))
			(*n)++;
	arena_close(&a);
	return FOUND;
}
