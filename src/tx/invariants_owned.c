/* SPDX-License-Identifier: ISC */
#include "ledger/directory.h"
#include "tx/invariants.h"

/* Owners, what they own, and the directories that name it. Each is looked at from both sides: an
 * owned entry counts for its owner, and the owner's counters must move as much; an entry is named
 * by the page that it points to, and pages name nothing else.
 *
 * A type that brings an entry with an owner adds it to owned_of(). */

#define INDEX sizeof(struct hash256)
#define SLOTS 64 /* pages of one directory that are remembered */

struct owner {
	struct account_id id;
	int64_t entries, owner_count; /* changes: of what is owned, and of OwnerCount */
	int64_t tickets, ticket_count;
};

struct slot {
	bool known;
	uint64_t number;
	const struct st_object *page; /* NULL: there is none */
};

struct owners {
	struct owner *list;
	size_t n, cap, last;
	/* Pages of one owner's directory, as they are after the transaction. */
	struct account_id paged;
	struct hash256 root;
	struct slot slot[SLOTS];
};

static struct owners *owners(struct tally *y)
{
	if (!y->owners)
		y->owners = arena_zalloc(&y->arena, 1, sizeof(*y->owners));
	return y->owners;
}

/* Most transactions have one or two. */
static struct owner *owner_get(struct tally *y, const struct account_id *id)
{
	struct owners *o = owners(y);
	struct owner *more;

	if (o->last < o->n && account_eq(&o->list[o->last].id, id))
		return &o->list[o->last];
	for (o->last = 0; o->last < o->n; o->last++)
		if (account_eq(&o->list[o->last].id, id))
			return &o->list[o->last];
	if (o->n == o->cap) {
		more = arena_zalloc(&y->arena, 2 * o->cap + 4, sizeof(*more));
		if (o->n > 0)
			memcpy(more, o->list, o->n * sizeof(*more));
		o->list = more;
		o->cap = 2 * o->cap + 4;
	}
	o->n++;
	o->list[o->last].id = *id;
	return &o->list[o->last];
}

/* An entry that is owned. */
struct owned {
	struct account_id owner;
	uint32_t count;   /* in OwnerCount */
	uint32_t tickets; /* in TicketCount */
	uint64_t page;    /* of the owner directory */
};

/* A signer list does not always say whose it is, but its place does; only the sender's own changes.
 * Lists from before MultiSignReserve count more. */
static void own_signers(struct tally *y, const struct st_object *o, struct owned *out)
{
	const struct st_array *entries = st_get_array(o, sfSignerEntries);
	struct keylet k = keylet_signers(&y->t->account);

	out->owner = y->t->account;
	out->count = st_u32_or(o, sfFlags, 0) & (uint32_t)lsfOneOwnerCount
			 ? 1
			 : 2 + (entries ? entries->n : 0);
	if (!hash256_eq(&k.key, y->key))
		y->bad_owned = true;
}

static bool owned_of(struct tally *y, uint16_t type, const struct st_object *o, struct owned *out)
{
	*out = (struct owned){.count = 1};
	switch (type) {
	case ltTicket:
		out->tickets = 1;
		(void)st_get_account(o, sfAccount, &out->owner);
		break;
	case ltDepositPreauth:
		(void)st_get_account(o, sfAccount, &out->owner);
		break;
	case ltSignerList:
		own_signers(y, o, out);
		break;
	default:
		return false;
	}
	(void)st_get_u64(o, sfOwnerNode, &out->page);
	return true;
}

struct list {
	const uint8_t *p;
	size_t n;
};

static struct list list_of(const struct st_object *page)
{
	struct bytes raw = {0};

	if (page)
		(void)st_get_raw(page, sfIndexes, &raw);
	return (struct list){.p = raw.p, .n = raw.n / INDEX};
}

static bool same_index(struct list a, size_t i, struct list b, size_t k)
{
	return memcmp(a.p + i * INDEX, b.p + k * INDEX, INDEX) == 0;
}

static bool list_has(struct list l, const struct hash256 *index)
{
	for (size_t i = 0; i < l.n; i++)
		if (memcmp(l.p + i * INDEX, index->b, INDEX) == 0)
			return true;
	return false;
}

/* A page as it is now; NULL when it is not there, or unavailable, which the view remembers. */
static const struct st_object *page_at(struct tally *y, const struct hash256 *root, uint64_t number)
{
	const struct st_object *page;

	return view_read(y->view, keylet_dir_page(root, number), &page) == FOUND ? page : NULL;
}

static const struct st_object *owned_page(struct tally *y, const struct owned *e)
{
	struct owners *o = owners(y);
	struct slot *s = &o->slot[e->page % SLOTS];

	if (!account_eq(&o->paged, &e->owner)) {
		o->paged = e->owner;
		o->root = keylet_owner_dir(&e->owner).key;
		memset(o->slot, 0, sizeof(o->slot));
	}
	if (!s->known || s->number != e->page) {
		s->known = true;
		s->number = e->page;
		s->page = page_at(y, &o->root, e->page);
	}
	return s->page;
}

static void count_owned(struct tally *y, const struct owned *e, int sign)
{
	struct owner *owner = owner_get(y, &e->owner);

	owner->entries += (int64_t)sign * e->count;
	owner->tickets += (int64_t)sign * e->tickets;
}

static bool is_named(struct tally *y, const struct owned *e)
{
	return list_has(list_of(owned_page(y, e)), y->key);
}

/* What is there is named where it says; what went, from its page or for good, is not. */
static void visit_entry(struct tally *y, const struct st_object *before,
			const struct st_object *after)
{
	struct owned was, is;
	bool was_owned = before && owned_of(y, y->was, before, &was);
	bool is_owned = after && owned_of(y, y->is, after, &is);
	bool moved = was_owned && is_owned &&
		     (was.page != is.page || !account_eq(&was.owner, &is.owner));

	if (was_owned)
		count_owned(y, &was, -1);
	if (is_owned)
		count_owned(y, &is, 1);
	y->went += was_owned && (!is_owned || moved);
	y->came += is_owned && (!was_owned || moved);
	if (is_owned && !is_named(y, &is))
		y->bad_listed = true;
	if (was_owned && (!is_owned || moved) && is_named(y, &was))
		y->bad_listed = true;
}

static int64_t change_of(const struct st_object *before, const struct st_object *after, enum sf f)
{
	return (int64_t)(after ? st_u32_or(after, f, 0) : 0) -
	       (int64_t)(before ? st_u32_or(before, f, 0) : 0);
}

static void count_account(struct tally *y, const struct st_object *before,
			  const struct st_object *after)
{
	int64_t owned = change_of(before, after, sfOwnerCount);
	int64_t tickets = change_of(before, after, sfTicketCount);
	struct account_id id = {{0}};
	struct owner *owner;

	if (owned == 0 && tickets == 0)
		return;
	(void)st_get_account(after ? after : before, sfAccount, &id);
	owner = owner_get(y, &id);
	owner->owner_count += owned;
	owner->ticket_count += tickets;
}

void invariants_visit_owned(struct tally *y, const struct st_object *before,
			    const struct st_object *after)
{
	if (y->was == ltAccountRoot || y->is == ltAccountRoot) {
		count_account(y, before, after);
		return;
	}
	visit_entry(y, before, after);
}

bool invariants_counts_hold(const struct tally *y)
{
	if (y->bad_owned)
		return false;
	for (size_t i = 0; y->owners && i < y->owners->n; i++) {
		const struct owner *o = &y->owners->list[i];

		if (o->entries != o->owner_count || o->tickets != o->ticket_count)
			return false;
	}
	return true;
}

bool invariants_listed_hold(const struct tally *y)
{
	return !y->bad_listed && y->came == y->gained && y->went == y->lost;
}

static uint64_t link_of(const struct st_object *page, enum sf f)
{
	uint64_t n = 0;

	(void)st_get_u64(page, f, &n);
	return n;
}

/* Whether the page's link leads to the key. */
static bool leads_to(const struct st_object *page, enum sf f, const struct hash256 *root,
		     const struct hash256 *key)
{
	struct keylet k = keylet_dir_page(root, link_of(page, f));

	return hash256_eq(&k.key, key);
}

/* The neighbours of a page know it, and the root knows the last page. */
static bool chain_holds(struct tally *y, const struct hash256 *root, const struct st_object *page)
{
	uint64_t next = link_of(page, sfIndexNext), previous = link_of(page, sfIndexPrevious);
	bool is_root = hash256_eq(root, y->key);
	const struct st_object *after, *before;

	if (is_root && next == 0 && previous == 0)
		return true;
	if (is_root && (next == 0 || previous == 0))
		return false;
	after = page_at(y, root, next); /* of the last page: the root */
	before = page_at(y, root, previous);
	if (!after || !before || !leads_to(after, sfIndexPrevious, root, y->key))
		return false;
	return is_root ? link_of(before, sfIndexNext) == 0
		       : leads_to(before, sfIndexNext, root, y->key);
}

/* Nobody leads to a page that is gone. */
static bool gap_holds(struct tally *y, const struct hash256 *root, const struct st_object *gone)
{
	const struct st_object *after = page_at(y, root, link_of(gone, sfIndexNext));
	const struct st_object *before = page_at(y, root, link_of(gone, sfIndexPrevious));

	return (!after || !leads_to(after, sfIndexPrevious, root, y->key)) &&
	       (!before || !leads_to(before, sfIndexNext, root, y->key));
}

static bool has_twice(struct list l)
{
	size_t i = 1;

	while (i < l.n && memcmp(l.p + (i - 1) * INDEX, l.p + i * INDEX, INDEX) < 0)
		i++;
	if (i >= l.n) /* in order, as almost always */
		return false;
	for (i = 1; i < l.n; i++)
		for (size_t k = 0; k < i; k++)
			if (same_index(l, i, l, k))
				return true;
	return false;
}

/* How many of a's indexes b does not have. */
static uint32_t count_missing(struct list a, struct list b)
{
	uint32_t n = 0;
	size_t from = 0;

	while (a.n > from && b.n > from && same_index(a, from, b, from))
		from++;
	while (a.n > from && b.n > from && same_index(a, a.n - 1, b, b.n - 1)) {
		a.n--;
		b.n--;
	}
	for (size_t i = from; i < a.n; i++) {
		size_t k = from;

		while (k < b.n && !same_index(a, i, b, k))
			k++;
		n += k == b.n;
	}
	return n;
}

static bool page_holds(struct tally *y, const struct hash256 *root, struct list before,
		       const struct st_object *page)
{
	struct list l = list_of(page);
	struct account_id owner;

	if (l.n > DIRECTORY_PAGE_ENTRIES || has_twice(l))
		return false;
	/* Only a root may be left empty. Very old ledgers have other pages that were. */
	if (l.n == 0 && !hash256_eq(root, y->key) && (y->was == 0 || before.n > 0))
		return false;
	if (st_get_account(page, sfOwner, &owner)) {
		struct keylet k = keylet_owner_dir(&owner);

		if (!hash256_eq(&k.key, root))
			return false;
	}
	return chain_holds(y, root, page);
}

void invariants_visit_page(struct tally *y, const struct st_object *before,
			   const struct st_object *after)
{
	struct hash256 root = HASH256_ZERO, root_before;
	struct list was;

	if (y->was != ltDirectoryNode && y->is != ltDirectoryNode)
		return;
	was = list_of(before);
	if (st_has(after ? after : before, sfOwner)) {
		y->gained += count_missing(list_of(after), was);
		y->lost += count_missing(was, list_of(after));
	}
	(void)st_get_hash256(after ? after : before, sfRootIndex, &root);
	if (!(after ? page_holds(y, &root, was, after) : gap_holds(y, &root, before)))
		y->bad_pages = true;
	if (before && (!st_get_hash256(before, sfRootIndex, &root_before) ||
		       !hash256_eq(&root, &root_before)))
		y->bad_pages = true;
}

bool invariants_pages_hold(const struct tally *y)
{
	return !y->bad_pages;
}

static bool is_there(const struct tally *y, struct keylet k)
{
	const struct st_object *o;

	return view_read(y->view, k, &o) != ABSENT;
}

/* NFT pages have keys between these of their owner. */
static bool has_nfts(const struct tally *y)
{
	static const uint8_t zeros[12];
	struct keylet from = keylet_nft_page(&y->deleted, zeros);
	struct keylet to = keylet_nft_page_max(&y->deleted), at = to;
	enum found f;

	if (is_there(y, from))
		return true;
	f = view_next(y->view, &from.key, &at.key);
	if (f == FOUND && hash256_cmp(&at.key, &to.key) <= 0)
		return is_there(y, at);
	return f == UNAVAILABLE;
}

/* What is found by the account's address alone, and what an account of a ledger object belongs to.
 * That nothing else is left, the counts say: it was in the directory. */
bool invariants_clean_holds(const struct tally *y)
{
	static const enum sf objects[] = {sfAMMID, sfVaultID, sfLoanBrokerID};
	struct hash256 id;

	if (y->accounts_deleted == 0)
		return true;
	if (is_there(y, keylet_owner_dir(&y->deleted)) ||
	    is_there(y, keylet_signers(&y->deleted)) || is_there(y, keylet_did(&y->deleted)) ||
	    has_nfts(y))
		return false;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		if (st_get_hash256(y->deleted_before, objects[i], &id) &&
		    is_there(y, (struct keylet){.key = id, .type = ltANY}))
			return false;
	return true;
}
