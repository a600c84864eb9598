/* SPDX-License-Identifier: ISC */
#include "ledger/negative_unl.h"

#include "codec/st.h"
#include "ledger/keylet.h"

static enum found read_entry(const struct tree *state, struct arena *a, struct st_object **out)
{
	struct hash256 key = keylet_negative_unl().key;
	struct bytes data;
	enum found f = tree_get(state, &key, &data);

	if (f == FOUND && st_decode(out, a, data, NULL) != ERR_NONE)
		return UNAVAILABLE; /* what we have written is not readable */
	return f;
}

static bool get_key(const struct st_object *o, enum sf f, struct public_key *out)
{
	enum key_type type;
	struct bytes b;

	if (!st_get_raw(o, f, &b) || !public_key_type(b, &type))
		return false;
	memcpy(out->b, b.p, sizeof(out->b));
	return true;
}

enum found negative_unl_read(const struct tree *state, struct negative_unl *out)
{
	struct arena a = ARENA_INIT;
	const struct st_array *list;
	struct st_object *o;
	enum found f;

	memset(out, 0, sizeof(*out));
	f = read_entry(state, &a, &o);
	if (f == FOUND) {
		list = st_get_array(o, sfDisabledValidators);
		for (uint32_t i = 0; list && i < list->n && out->n < UNL_MAX; i++) {
			const struct st_object *v = list->e[i].object;

			if (!get_key(v, sfPublicKey, &out->disabled[out->n]))
				continue;
			out->since[out->n++] = st_u32_or(v, sfFirstLedgerSequence, 0);
		}
		out->disabling = get_key(o, sfValidatorToDisable, &out->to_disable);
		out->enabling = get_key(o, sfValidatorToReEnable, &out->to_enable);
	}
	arena_close(&a);
	return f == UNAVAILABLE ? UNAVAILABLE : FOUND;
}

bool negative_unl_has(const struct negative_unl *n, const struct public_key *key)
{
	for (uint32_t i = 0; i < n->n; i++)
		if (!public_key_cmp(&n->disabled[i], key))
			return true;
	return false;
}

/* ---- at a flag ledger ---- */

static void add(struct st_array *to, struct arena *a, struct bytes key, uint32_t since)
{
	struct st_object *o = st_array_add(to, a, sfDisabledValidator);

	st_set_raw(o, sfPublicKey, key);
	st_set_u(o, sfFirstLedgerSequence, since);
}

/* The members that stay, and the new one last; the number of them. */
static uint32_t next_list(struct st_object *o, struct arena *a, uint32_t seq)
{
	const struct st_array *old = st_get_array(o, sfDisabledValidators);
	struct st_array *list = st_set_array(o, sfDisabledValidators);
	struct bytes gone = {0}, one;

	(void)st_get_raw(o, sfValidatorToReEnable, &gone);
	for (uint32_t i = 0; old && i < old->n; i++) {
		const struct st_object *v = old->e[i].object;

		if (st_get_raw(v, sfPublicKey, &one) && !(gone.n && bytes_eq(one, gone)))
			add(list, a, one, st_u32_or(v, sfFirstLedgerSequence, 0));
	}
	if (st_get_raw(o, sfValidatorToDisable, &one))
		add(list, a, one, seq);
	return list->n;
}

static enum found put(struct tree *state, const struct st_object *o)
{
	struct hash256 key = keylet_negative_unl().key;
	struct buf b = BUF_INIT;
	enum found f;

	st_encode(&b, o, ST_ALL);
	f = tree_put(state, &key, buf_bytes(&b));
	buf_close(&b);
	return f;
}

enum found negative_unl_update(struct tree *state, uint32_t seq)
{
	struct hash256 key = keylet_negative_unl().key;
	struct arena a = ARENA_INIT;
	struct st_object *o;
	enum found f;

	if (!ledger_is_flag(seq))
		return FOUND;
	f = read_entry(state, &a, &o);
	if (f == FOUND && (st_has(o, sfValidatorToDisable) || st_has(o, sfValidatorToReEnable))) {
		uint32_t n = next_list(o, &a, seq);

		st_remove(o, sfValidatorToDisable);
		st_remove(o, sfValidatorToReEnable);
		f = n ? put(state, o) : tree_del(state, &key);
		must(f != ABSENT);
	}
	arena_close(&a);
	return f == UNAVAILABLE ? UNAVAILABLE : FOUND;
}
