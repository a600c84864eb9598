/* SPDX-License-Identifier: ISC */
#include "tests/fuzz/apply.h"

/* What must hold of any state of the world of fz_apply. */

#define PAGE_FULL 32

static struct fact *next_fact(struct snapshot *s)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 256;
		s->facts = mem_resize(s->facts, s->cap, sizeof(s->facts[0]));
	}
	return &s->facts[s->n++];
}

static void decode(struct snapshot *s, struct fact *f)
{
	struct st_object *o;
	struct why why;

	FAIL_IF(st_decode(&o, &s->arena, f->data, NULL) != ERR_NONE);
	FAIL_IF(!st_get_u16(o, sfLedgerEntryType, &f->type));
	FAIL_IF(entry_format_check(o, &why) != ERR_NONE);
	f->o = o;
}

struct snapshot *snapshot_take(const struct tree *t, const struct snapshot *before)
{
	struct snapshot *s = mem_zalloc(1, sizeof(*s));
	const struct hash256 *after = NULL;
	struct hash256 at;
	struct bytes data;
	size_t b = 0;

	while (tree_next(t, after, &at, &data) == FOUND) {
		struct fact *f = next_fact(s);
		const struct fact *was = NULL;

		*f = (struct fact){.key = at, .data = data};
		while (before && b < before->n && hash256_cmp(&before->facts[b].key, &at) < 0)
			b++;
		if (before && b < before->n && hash256_eq(&before->facts[b].key, &at))
			was = &before->facts[b];
		/* Leaves that nobody changed are the same ones in memory. */
		f->kept = was && was->data.p == data.p && was->data.n == data.n;
		if (f->kept) {
			f->o = was->o;
			f->type = was->type;
		} else {
			decode(s, f);
		}
		after = &at;
	}
	return s;
}

void snapshot_close(struct snapshot *s)
{
	if (!s)
		return;
	arena_close(&s->arena);
	mem_free(s->facts);
	mem_free(s);
}

static struct fact *find(const struct snapshot *s, const struct hash256 *key)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = hash256_cmp(&s->facts[mid].key, key);

		if (order == 0)
			return &s->facts[mid];
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

const struct fact *snapshot_find(const struct snapshot *s, const struct hash256 *key)
{
	return find(s, key);
}

static struct fact *find_account(const struct snapshot *s, const struct account_id *id)
{
	struct account_id one;

	for (size_t i = 0; i < s->n; i++)
		if (s->facts[i].type == ltAccountRoot &&
		    st_get_account(s->facts[i].o, sfAccount, &one) && account_eq(&one, id))
			return &s->facts[i];
	return NULL;
}

/* Every entry that a page names is there, is named once, and in order. Only the root may be empty:
 * tickets leave it when they go. */
static void check_page(struct snapshot *s, const struct fact *page, uint64_t number,
		       struct fact *owner)
{
	struct bytes indexes = {0};
	struct hash256 index, last = HASH256_ZERO;

	FAIL_IF(!bytes_eq(st_find(page->o, sfOwner)->raw, st_find(owner->o, sfAccount)->raw));
	FAIL_IF(!st_get_raw(page->o, sfIndexes, &indexes));
	FAIL_IF(indexes.n % sizeof(index) != 0 || indexes.n > PAGE_FULL * sizeof(index));
	FAIL_IF(indexes.n == 0 && number != 0);
	for (size_t i = 0; i < indexes.n; i += sizeof(index)) {
		struct fact *f;

		memcpy(&index, indexes.p + i, sizeof(index));
		FAIL_IF(hash256_cmp(&last, &index) >= 0);
		last = index;
		f = find(s, &index);
		FAIL_IF(!f);
		f->listed++;
		f->owner = owner;
		f->page = number;
	}
}

static uint64_t link_of(const struct fact *page, enum sf f)
{
	uint64_t n = 0;

	(void)st_get_u64(page->o, f, &n);
	return n;
}

/* One directory from its root on: linked both ways, no page twice; the pages seen. */
static size_t check_directory(struct snapshot *s, const struct fact *root)
{
	const struct fact *page = root;
	uint64_t number = 0, before = 0;
	struct account_id id;
	struct fact *owner;
	size_t pages = 0;

	FAIL_IF(!st_get_account(root->o, sfOwner, &id));
	owner = find_account(s, &id);
	FAIL_IF(!owner);
	if (!root->kept) {
		struct keylet k = keylet_owner_dir(&id);

		FAIL_IF(!hash256_eq(&k.key, &root->key));
	}
	for (;;) {
		struct hash256 named;
		struct keylet k;

		FAIL_IF(!st_get_hash256(page->o, sfRootIndex, &named));
		FAIL_IF(!hash256_eq(&named, &root->key));
		FAIL_IF(page != root && link_of(page, sfIndexPrevious) != before);
		check_page(s, page, number, owner);
		FAIL_IF(++pages > s->n);
		before = number;
		number = link_of(page, sfIndexNext);
		if (number == 0)
			break;
		FAIL_IF(number <= before); /* pages are only added at the end */
		k = keylet_dir_page(&root->key, number);
		page = find(s, &k.key);
		FAIL_IF(!page || page->type != ltDirectoryNode);
	}
	FAIL_IF(link_of(root, sfIndexPrevious) != before);
	return pages;
}

static void check_directories(struct snapshot *s)
{
	size_t pages = 0, reached = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct fact *f = &s->facts[i];
		struct hash256 root;

		if (f->type != ltDirectoryNode)
			continue;
		pages++;
		FAIL_IF(!st_get_hash256(f->o, sfRootIndex, &root));
		if (hash256_eq(&root, &f->key))
			reached += check_directory(s, f);
	}
	FAIL_IF(pages != reached);
}

static struct account_id owner_of(const struct fact *f)
{
	struct account_id id;

	FAIL_IF(!st_get_account(f->owner->o, sfAccount, &id));
	return id;
}

/* What an entry counts against its owner's reserve. */
static uint32_t weight_of(const struct fact *f)
{
	const struct st_array *members;

	if (f->type != ltSignerList || (st_u32_or(f->o, sfFlags, 0) & lsfOneOwnerCount))
		return 1;
	members = st_get_array(f->o, sfSignerEntries);
	return 2 + members->n;
}

static void check_signer_list(const struct fact *f)
{
	const struct st_array *members = st_get_array(f->o, sfSignerEntries);
	struct account_id id, last = {{0}}, owner = owner_of(f);
	uint64_t sum = 0;
	uint32_t quorum = st_u32_or(f->o, sfSignerQuorum, 0);
	struct keylet k = keylet_signers(&owner);

	FAIL_IF(!hash256_eq(&k.key, &f->key));
	FAIL_IF(!members || members->n < 1 || members->n > 32 || quorum == 0);
	for (uint32_t i = 0; i < members->n; i++) {
		const struct st_object *m = members->e[i].object;
		uint16_t weight = 0;

		FAIL_IF(members->e[i].field != sfSignerEntry);
		FAIL_IF(!st_get_account(m, sfAccount, &id) || account_eq(&id, &owner));
		FAIL_IF(i > 0 && account_cmp(&last, &id) >= 0);
		FAIL_IF(!st_get_u16(m, sfSignerWeight, &weight) || weight == 0);
		sum += weight;
		last = id;
	}
	FAIL_IF(sum < quorum);
	FAIL_IF(st_get_account(f->o, sfOwner, &id) && !account_eq(&id, &owner));
}

static void check_ticket(const struct fact *f)
{
	uint32_t seq = st_u32_or(f->o, sfTicketSequence, 0);
	struct account_id owner = owner_of(f);
	struct keylet k = keylet_ticket(&owner, seq);

	FAIL_IF(!hash256_eq(&k.key, &f->key));
	FAIL_IF(seq == 0 || seq >= st_u32_or(f->owner->o, sfSequence, 0));
}

static void check_preauth(const struct fact *f)
{
	struct account_id to, owner = owner_of(f);
	struct keylet k;

	FAIL_IF(!st_get_account(f->o, sfAuthorize, &to) || account_eq(&to, &owner));
	k = keylet_deposit_preauth(&owner, &to);
	FAIL_IF(!hash256_eq(&k.key, &f->key));
}

static void check_owned(struct fact *f)
{
	struct account_id id, owner;
	uint64_t node;

	FAIL_IF(f->listed != 1 || !st_get_u64(f->o, sfOwnerNode, &node) || node != f->page);
	f->owner->owned += weight_of(f);
	f->owner->tickets += f->type == ltTicket;
	if (f->kept)
		return;
	owner = owner_of(f);
	FAIL_IF(st_get_account(f->o, sfAccount, &id) && !account_eq(&id, &owner));
	if (f->type == ltSignerList)
		check_signer_list(f);
	if (f->type == ltTicket)
		check_ticket(f);
	if (f->type == ltDepositPreauth)
		check_preauth(f);
}

/* Nobody loses the last way to sign. */
static void check_keys(struct snapshot *s, const struct fact *f)
{
	struct account_id id;
	struct keylet k;

	if (!(st_u32_or(f->o, sfFlags, 0) & (uint32_t)lsfDisableMaster) ||
	    st_has(f->o, sfRegularKey))
		return;
	FAIL_IF(!st_get_account(f->o, sfAccount, &id));
	k = keylet_signers(&id);
	FAIL_IF(!find(s, &k.key));
}

static uint64_t check_account(struct snapshot *s, const struct fact *f)
{
	struct account_id id;
	struct drops d;
	uint32_t count;

	FAIL_IF(!st_get_account(f->o, sfAccount, &id) || !st_get_drops(f->o, sfBalance, &d));
	FAIL_IF(d.raw > DROPS_MAX || f->listed != 0);
	FAIL_IF(st_u32_or(f->o, sfOwnerCount, 0) != f->owned);
	FAIL_IF(st_get_u32(f->o, sfTicketCount, &count) ? count == 0 || count != f->tickets
							: f->tickets != 0);
	FAIL_IF(f->tickets > 250);
	if (!f->kept) {
		struct keylet k = keylet_account(&id);

		FAIL_IF(!hash256_eq(&k.key, &f->key));
		check_keys(s, f);
	}
	return d.raw;
}

void check_state(struct snapshot *s, uint64_t burned, uint32_t ledger_seq)
{
	uint64_t sum = burned;
	struct drops d;

	for (size_t i = 0; i < s->n; i++) {
		struct fact *f = &s->facts[i];

		f->listed = f->owned = f->tickets = 0;
		if (!f->kept && f->type == ltAccountRoot)
			FAIL_IF(st_u32_or(f->o, sfSequence, 0) > ledger_seq + 10000);
	}
	check_directories(s);
	for (size_t i = 0; i < s->n; i++) {
		struct fact *f = &s->facts[i];

		switch (f->type) {
		case ltTicket:
		case ltSignerList:
		case ltDepositPreauth:
		case ltEscrow:
			check_owned(f);
			break;
		case ltAccountRoot: /* in the second round: what they own is counted now */
		case ltDirectoryNode:
		case ltAmendments:
		case ltFeeSettings:
		case ltNegativeUNL:
		case ltLedgerHashes:
			break;
		default:
			FAIL_IF(f->type); /* nothing here makes it */
		}
		if (f->type == ltEscrow && st_get_drops(f->o, sfAmount, &d))
			sum += d.raw;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->facts[i].type == ltAccountRoot)
			sum += check_account(s, &s->facts[i]);
	FAIL_IF(sum != DROPS_MAX);
}
