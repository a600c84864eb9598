/* SPDX-License-Identifier: ISC */
#include "crypto/hash.h"
#include "tests/sim/model_impl.h"
#include "tests/sim/props.h"

#include <stdlib.h>

/* P15: whoever owns something is there, has it counted, and has it named once in his directory, on
 * the page that it names itself. Looked up in the state alone, whatever the model says.
 *
 * One pass over the state collects accounts, owned entries and pages; then every directory is
 * walked from its root, and at the end nothing may be left over. */

#define PAGE_ENTRIES     32
#define TICKETS_MAX      250
#define ONE_OWNER_COUNT  0x00010000u
#define WALK_OWNED_EVERY 16 /* ledgers */

struct holder { /* an account */
	struct account_id id;
	uint32_t seq, counts, counts_tickets; /* as its entry says */
	uint32_t has, has_tickets;
};
struct thing { /* what is owned */
	struct hash256 key;
	struct model_owned what;
	struct account_id owner;
	uint64_t page;
	bool named;
};
struct page {
	struct hash256 key, root;
	struct account_id owner;
	uint64_t next, prev;
	uint32_t n;
	struct hash256 index[PAGE_ENTRIES + 1];
};
struct survey {
	struct holder *holders;
	struct thing *things;
	struct page *pages;
	uint32_t n_holders, n_things, n_pages, cap_holders, cap_things, cap_pages;
	struct hmap by_key; /* of holders by id, things, pages → index + 1 */
	uint32_t walked, named;
	struct why *why;
};

static bool wrong(struct survey *s, const struct account_id *who, const char *text)
{
	why_set(s->why, ERR_MISMATCH, "account %02X%02X%02X%02X %s", who->b[0], who->b[1],
		who->b[2], who->b[3], text);
	return false;
}

/* ---- collecting ---- */

static struct hash256 id_key(const struct account_id *id)
{
	struct hash256 k = {{0}};

	memcpy(k.b, id->b, sizeof(id->b));
	return k;
}

static uint32_t find(const struct survey *s, const struct hash256 *key)
{
	return (uint32_t)(uintptr_t)hmap_get(&s->by_key, key);
}

static void *more(void *all, uint32_t n, uint32_t *cap, size_t size)
{
	if (n < *cap)
		return all;
	*cap = *cap ? 2 * *cap : 64;
	return mem_resize(all, *cap, size);
}

static bool add_holder(struct survey *s, struct bytes e)
{
	struct holder h = {.seq = (uint32_t)model_number(e, 2, 4),
			   .counts = (uint32_t)model_number(e, 2, 13),
			   .counts_tickets = (uint32_t)model_number(e, 2, 40)};
	struct hash256 key;

	if (!model_id(e, 1, &h.id))
		return wrong(s, &h.id, "is malformed");
	s->holders = more(s->holders, s->n_holders, &s->cap_holders, sizeof(h));
	s->holders[s->n_holders++] = h;
	key = id_key(&h.id);
	hmap_put(&s->by_key, &key, (void *)(uintptr_t)s->n_holders);
	return true;
}

static void add_thing(struct survey *s, const struct hash256 *key, const struct model_owned *what,
		      const struct account_id *owner, struct bytes e)
{
	s->things = more(s->things, s->n_things, &s->cap_things, sizeof(*s->things));
	s->things[s->n_things++] = (struct thing){
	    .key = *key, .what = *what, .owner = *owner, .page = model_number(e, 3, 4)};
	hmap_put(&s->by_key, key, (void *)(uintptr_t)s->n_things);
}

static bool add_page(struct survey *s, const struct hash256 *key, struct bytes e)
{
	struct page p = {.key = *key, .next = model_number(e, 3, 1), .prev = model_number(e, 3, 2)};
	struct bytes root, indexes;

	if (!model_id(e, 2, &p.owner) || !model_find(e, 5, 8, &root) ||
	    !model_find(e, 19, 1, &indexes))
		return wrong(s, &p.owner, "has a page that is malformed");
	if (indexes.n > PAGE_ENTRIES * sizeof(struct hash256))
		return wrong(s, &p.owner, "has a page with too many entries");
	memcpy(p.root.b, root.p, sizeof(p.root.b));
	p.n = (uint32_t)(indexes.n / sizeof(struct hash256));
	if (p.n)
		memcpy(p.index, indexes.p, indexes.n);
	s->pages = more(s->pages, s->n_pages, &s->cap_pages, sizeof(p));
	s->pages[s->n_pages++] = p;
	hmap_put(&s->by_key, key, (void *)(uintptr_t)s->n_pages);
	return true;
}

static void index_of(struct hash256 *out, char space, const struct account_id *id, const void *rest,
		     size_t n)
{
	uint8_t b[2 + 20 + 20] = {0, (uint8_t)space};

	memcpy(b + 2, id->b, 20);
	if (n)
		memcpy(b + 22, rest, n);
	sha512_half(out, b, 22 + n);
}

static bool list_is_sound(const struct account_id *owner, struct bytes e)
{
	struct model_list list;
	uint64_t weights = 0;

	if (!model_read_list(&list, e) || model_number(e, 2, 2) != ONE_OWNER_COUNT ||
	    model_number(e, 2, 38))
		return false;
	for (uint32_t i = 0; i < list.n; i++) {
		if (!list.signer[i].weight || account_eq(&list.signer[i].id, owner) ||
		    (i && memcmp(list.signer[i - 1].id.b, list.signer[i].id.b, 20) >= 0))
			return false;
		weights += list.signer[i].weight;
	}
	return list.quorum && list.quorum <= weights;
}

/* By itself: it is where it belongs, and is well formed. */
static bool thing_is_sound(const struct hash256 *key, const struct model_owned *what,
			   const struct account_id *owner, struct bytes e)
{
	struct hash256 right;
	uint8_t number[4];

	switch ((enum model_kind)what->kind) {
	case MODEL_TICKET:
		store_be32(number, what->ticket);
		index_of(&right, 'T', owner, number, sizeof(number));
		break;
	case MODEL_LIST:
		store_be32(number, 0);
		index_of(&right, 'S', owner, number, sizeof(number));
		if (!list_is_sound(owner, e))
			return false;
		break;
	case MODEL_PREAUTH:
		index_of(&right, 'p', owner, what->who.b, sizeof(what->who.b));
		break;
	}
	return hash256_eq(key, &right);
}

static bool collect(struct survey *s, const struct hash256 *key, struct bytes e)
{
	struct model_owned what;
	struct account_id owner;

	switch (model_number(e, 1, 1)) {
	case 0x61:
		return add_holder(s, e);
	case 0x64:
		return add_page(s, key, e);
	default:
		if (!model_read_owned(&what, &owner, e))
			return true;
		if (!thing_is_sound(key, &what, &owner, e))
			return wrong(s, &owner, "owns something that is malformed");
		add_thing(s, key, &what, &owner, e);
		return true;
	}
}

/* ---- judging ---- */

static bool count_things(struct survey *s)
{
	for (uint32_t i = 0; i < s->n_things; i++) {
		struct thing *t = &s->things[i];
		struct hash256 key = id_key(&t->owner);
		uint32_t at = find(s, &key);
		struct holder *h = &s->holders[at - 1];

		if (!at)
			return wrong(s, &t->owner, "does not exist, and owns something");
		h->has++;
		h->has_tickets += t->what.kind == MODEL_TICKET;
		if (t->what.kind == MODEL_TICKET && t->what.ticket >= h->seq)
			return wrong(s, &h->id, "has a ticket that its sequence has not passed");
	}
	for (uint32_t i = 0; i < s->n_holders; i++) {
		struct holder *h = &s->holders[i];

		if (h->has != h->counts)
			return wrong(s, &h->id, "does not own as much as its OwnerCount says");
		if (h->has_tickets != h->counts_tickets || h->has_tickets > TICKETS_MAX)
			return wrong(s, &h->id, "has not as many tickets as its TicketCount says");
	}
	return true;
}

static bool walk_page(struct survey *s, const struct page *p, uint64_t number)
{
	for (uint32_t i = 0; i < p->n; i++) {
		uint32_t at = find(s, &p->index[i]);
		struct thing *t = at && at <= s->n_things ? &s->things[at - 1] : NULL;

		if (!t || !hash256_eq(&t->key, &p->index[i]))
			return wrong(s, &p->owner, "has a directory that names what is not there");
		if (!account_eq(&t->owner, &p->owner))
			return wrong(s, &p->owner, "has a directory that names what others own");
		if (t->page != number || t->named)
			return wrong(s, &p->owner, "has an entry that is named on another page");
		t->named = true;
		s->named++;
	}
	s->walked++;
	return true;
}

static const struct page *page_at(struct survey *s, const struct page *root, uint64_t number)
{
	uint8_t b[2 + 32 + 8] = {0, 'd'};
	struct hash256 key;
	uint32_t at;

	if (!number)
		return root;
	memcpy(b + 2, root->key.b, 32);
	store_be64(b + 34, number);
	sha512_half(&key, b, sizeof(b));
	at = find(s, &key);
	return at && at <= s->n_pages && hash256_eq(&s->pages[at - 1].key, &key) ? &s->pages[at - 1]
										 : NULL;
}

/* From the root along the links, back to the root. */
static bool walk_directory(struct survey *s, const struct page *root)
{
	struct hash256 key = id_key(&root->owner), right;
	const struct page *p = root;
	uint64_t number = 0;

	index_of(&right, 'O', &root->owner, NULL, 0);
	if (!hash256_eq(&right, &root->key) || !find(s, &key))
		return wrong(s, &root->owner, "has a directory, and does not exist");
	for (uint32_t steps = 0; steps <= s->n_pages; steps++) {
		const struct page *next = page_at(s, root, p->next);

		if (!walk_page(s, p, number))
			return false;
		if (!next || next->prev != number || !hash256_eq(&next->root, &root->key) ||
		    !account_eq(&next->owner, &root->owner))
			return wrong(s, &root->owner, "has a directory with a broken link");
		if (p->next && !next->n)
			return wrong(s, &root->owner, "has an empty page beside the first");
		if (!p->next)
			return true;
		number = p->next;
		p = next;
	}
	return wrong(s, &root->owner, "has a directory without an end");
}

static bool judge(struct survey *s)
{
	if (!count_things(s))
		return false;
	for (uint32_t i = 0; i < s->n_pages; i++)
		if (hash256_eq(&s->pages[i].key, &s->pages[i].root) &&
		    !walk_directory(s, &s->pages[i]))
			return false;
	for (uint32_t i = 0; i < s->n_things; i++)
		if (!s->things[i].named)
			return wrong(s, &s->things[i].owner,
				     "owns something that its directory does not name");
	if (s->walked == s->n_pages)
		return true;
	why_set(s->why, ERR_MISMATCH, "%u pages of directories belong to none",
		s->n_pages - s->walked);
	return false;
}

bool props_owned_sound(const struct ledger *l, struct why *why)
{
	struct survey s = {.why = why};
	struct hash256 key, at, *after = NULL;
	struct bytes e;
	bool sound = true;
	enum found f;

	hmap_init(&s.by_key, 0);
	while (sound && (f = tree_next(&l->state, after, &key, &e)) == FOUND) {
		at = key;
		after = &at;
		sound = collect(&s, &key, e);
	}
	if (sound && f == ABSENT)
		sound = judge(&s);
	hmap_close(&s.by_key);
	mem_free(s.holders);
	mem_free(s.things);
	mem_free(s.pages);
	return sound;
}

void props_owned(struct props *p, const struct ledger *l, bool now)
{
	struct why why = {""};

	if ((now || l->header.seq % WALK_OWNED_EVERY == 0) && !props_owned_sound(l, &why))
		world_fail(p->w, "P15", "ledger %u: %s", l->header.seq, why.text);
}
