/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "crypto/hash.h"
#include "tests/sim/model_impl.h"

#include <stdlib.h>

/* What accounts own: tickets, a list of signers, preauthorisations. The model keeps them as a set;
 * the account's directory in a ledger must name just those. */

void model_own(struct model_account *a, struct model_owned what)
{
	if (a->n_owned == a->cap_owned) {
		a->cap_owned = a->cap_owned ? 2 * a->cap_owned : 4;
		a->owned = mem_resize(a->owned, a->cap_owned, sizeof(*a->owned));
	}
	a->owned[a->n_owned++] = what;
	a->owner_count++;
	a->ticket_count += what.kind == MODEL_TICKET;
}

struct model_owned *model_find_owned(const struct model_account *a, enum model_kind kind,
				     uint32_t ticket, const struct account_id *who)
{
	for (uint32_t i = 0; i < a->n_owned; i++) {
		struct model_owned *o = &a->owned[i];

		if (o->kind == kind && (kind != MODEL_TICKET || o->ticket == ticket) &&
		    (kind != MODEL_PREAUTH || account_eq(&o->who, who)))
			return o;
	}
	return NULL;
}

bool model_has_ticket(const struct model_account *a, uint32_t ticket)
{
	return model_find_owned(a, MODEL_TICKET, ticket, NULL) != NULL;
}

bool model_disown(struct model_account *a, enum model_kind kind, uint32_t ticket,
		  const struct account_id *who)
{
	struct model_owned *o = model_find_owned(a, kind, ticket, who);

	if (!o)
		return false;
	*o = a->owned[--a->n_owned];
	a->owner_count--;
	a->ticket_count -= kind == MODEL_TICKET;
	if (kind == MODEL_LIST) {
		mem_free(a->list);
		a->list = NULL;
	}
	return true;
}

void model_disown_all(struct model_account *a)
{
	mem_free(a->list);
	mem_free(a->owned);
	a->list = NULL;
	a->owned = NULL;
	a->n_owned = a->cap_owned = a->owner_count = a->ticket_count = 0;
}

/* ---- lists of signers ---- */

static bool read_signer(struct model_signer *out, struct bytes entry)
{
	struct bytes raw;

	memset(out, 0, sizeof(*out));
	out->weight = (uint16_t)model_number(entry, 1, 3);
	out->has_tag = model_find(entry, 5, 7, &raw);
	if (out->has_tag)
		memcpy(out->tag.b, raw.p, sizeof(out->tag.b));
	return model_id(entry, 1, &out->id);
}

bool model_read_list(struct model_list *out, struct bytes object)
{
	struct bytes entries;
	struct model_field f;
	struct cursor c;

	memset(out, 0, sizeof(*out));
	out->quorum = (uint32_t)model_number(object, 2, 35);
	if (!model_find(object, 15, 4, &entries))
		return false;
	c = cursor_of(entries);
	while (model_next_field(&c, &f))
		if (f.type != 14 || f.nth != 11 || out->n == MODEL_SIGNERS_MAX ||
		    !read_signer(&out->signer[out->n++], f.raw))
			return false;
	return !c.dead && out->n > 0;
}

static int by_id(const void *a, const void *b)
{
	const struct model_signer *x = a, *y = b;

	return memcmp(x->id.b, y->id.b, sizeof(x->id.b));
}

void model_sort_list(struct model_list *list)
{
	qsort(list->signer, list->n, sizeof(list->signer[0]), by_id);
}

static bool same_list(const struct model_list *a, const struct model_list *b)
{
	bool same = a->quorum == b->quorum && a->n == b->n;

	for (uint32_t i = 0; same && i < a->n; i++) {
		const struct model_signer *x = &a->signer[i], *y = &b->signer[i];

		same = account_eq(&x->id, &y->id) && x->weight == y->weight &&
		       x->has_tag == y->has_tag && hash256_eq(&x->tag, &y->tag);
	}
	return same;
}

/* ---- what a state says ---- */

bool model_read_owned(struct model_owned *out, struct account_id *owner, struct bytes entry)
{
	*out = (struct model_owned){.kind = (uint16_t)model_number(entry, 1, 1)};
	out->ticket = (uint32_t)model_number(entry, 2, 41);
	switch ((enum model_kind)out->kind) {
	case MODEL_TICKET:
		return model_id(entry, 1, owner);
	case MODEL_PREAUTH:
		return model_id(entry, 1, owner) && model_id(entry, 5, &out->who);
	case MODEL_LIST: /* it has its owner's name since an amendment */
		return model_id(entry, 2, owner);
	}
	return false;
}

/* NULL, or what is wrong with one that the directory names. */
static const char *judge_one(const struct model_account *a, struct bytes entry)
{
	struct model_owned there, *mine;
	struct account_id owner;
	struct model_list list;

	if (!model_read_owned(&there, &owner, entry) || !account_eq(&owner, &a->id))
		return "names what is not its owner's";
	mine = model_find_owned(a, (enum model_kind)there.kind, there.ticket, &there.who);
	if (!mine || mine->seen)
		return mine ? "names something twice" : "names what should not be there";
	mine->seen = true;
	if (there.kind == MODEL_LIST &&
	    (!model_read_list(&list, entry) || !same_list(a->list, &list)))
		return "names another list of signers";
	return NULL;
}

/* The indexes of a page and the number of the next; false: there is no such page, or it is not to
 * be had (*lost). */
static bool read_page(const struct tree *state, const struct hash256 *root, uint64_t page,
		      struct bytes *indexes, uint64_t *next, bool *lost)
{
	struct hash256 key = *root;
	struct bytes entry;
	uint8_t b[42] = {0, 'd'};
	enum found f;

	if (page) {
		memcpy(b + 2, root->b, 32);
		store_be64(b + 34, page);
		sha512_half(&key, b, sizeof(b));
	}
	f = tree_get(state, &key, &entry);
	*lost = f == UNAVAILABLE;
	if (f != FOUND)
		return false;
	*next = model_number(entry, 3, 1);
	return model_find(entry, 19, 1, indexes);
}

static const char *walk(const struct tree *state, const struct model_account *a, uint32_t *named)
{
	uint8_t b[22] = {0, 'O'};
	struct bytes indexes, entry;
	struct hash256 root, key;
	uint64_t page = 0;
	const char *wrong = NULL;
	bool lost;

	memcpy(b + 2, a->id.b, 20);
	sha512_half(&root, b, sizeof(b));
	do {
		if (!read_page(state, &root, page, &indexes, &page, &lost)) {
			if (lost)
				*named = a->n_owned; /* others will be looked at */
			return NULL;
		}
		for (size_t i = 0; !wrong && i + 32 <= indexes.n; i += 32) {
			memcpy(key.b, indexes.p + i, 32);
			switch (tree_get(state, &key, &entry)) {
			case FOUND:
				wrong = judge_one(a, entry);
				break;
			case ABSENT:
				wrong = "names what does not exist";
				break;
			case UNAVAILABLE:
				*named = a->n_owned;
				return NULL;
			}
			*named += 1;
		}
	} while (!wrong && page && *named <= a->n_owned);
	return wrong;
}

bool model_same_owned(const struct tree *state, const struct model_account *a, struct why *why)
{
	const char *wrong;
	uint32_t named = 0;

	for (uint32_t i = 0; i < a->n_owned; i++)
		a->owned[i].seen = false;
	wrong = walk(state, a, &named);
	if (!wrong && named == a->n_owned)
		return true;
	why_set(why, ERR_MISMATCH,
		"the directory of account %02X%02X%02X%02X %s (%u entries, the model says %u)",
		a->id.b[0], a->id.b[1], a->id.b[2], a->id.b[3], wrong ? wrong : "is not whole",
		named, a->n_owned);
	return false;
}
