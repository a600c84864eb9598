/* SPDX-License-Identifier: ISC */
#include "tests/fuzz/apply.h"

#include "crypto/hash.h"

/* The states that fz_apply begins with. Directories are written here page by page, so that there
 * are also some that today's rules would not make any more. */

#define XRP       1000000ull
#define PAGE_FULL 32

/* An account and what hangs on it. */
struct plan {
	uint64_t balance;
	uint32_t seq, flags;
	int regular; /* whose key, -1 none, -2 nobody's */
	uint32_t tickets;
	uint8_t knows;        /* preauthorised people, the first so many */
	uint8_t gap;          /* between page numbers */
	uint8_t list, quorum; /* members of the signer list */
	bool old_list;
	bool escrow;
};

static const struct plan plans[PEOPLE_THERE] = {
    [ALICE] = {.balance = 100000 * XRP, .seq = 300, .regular = BOB, .tickets = 3},
    [BOB] = {.balance = 1000 * XRP, .seq = 20, .flags = lsfDisableMaster, .regular = CAROL},
    [CAROL] = {.balance = 1000 * XRP,
	       .seq = 30,
	       .flags = lsfDepositAuth,
	       .regular = -1,
	       .knows = 2,
	       .list = 4,
	       .quorum = 3},
    [DAVE] = {.balance = 5000 * XRP,
	      .seq = 400,
	      .flags = lsfDisableMaster,
	      .regular = -1,
	      .tickets = 36,
	      .list = 2,
	      .quorum = 2,
	      .old_list = true},
    [ERIN] =
	{.balance = 5000 * XRP, .seq = 500, .regular = -1, .tickets = 60, .knows = 9, .gap = 2},
    [FRANK] = {.balance = 13 * XRP, .seq = 40, .regular = -1, .tickets = 1},
    [GRACE] = {.balance = 50 * XRP, .seq = 7, .flags = lsfDisableMaster, .regular = -2},
    [HEIDI] = {.balance = 900 * XRP,
	       .seq = 60,
	       .flags = lsfRequireDestTag,
	       .regular = -1,
	       .escrow = true},
    [IVAN] = {.balance = 900 * XRP, .seq = 70, .flags = lsfPasswordSpent, .regular = ALICE},
    [JUDY] = {.balance = 900 * XRP, .seq = 990, .flags = lsfDisallowXRP, .regular = -1},
    [KARL] = {.balance = 5000 * XRP, .seq = 600, .regular = -1},
    [MALLORY] = {.balance = 0, .seq = 80, .regular = -1},
};

const struct fz_person *fz_people(void)
{
	static struct fz_person people[PEOPLE];
	static bool ready;

	for (uint8_t i = 0; !ready && i < PEOPLE; i++) {
		struct public_key k = {{0xED, i}};

		memcpy(people[i].key, k.b, sizeof(k.b));
		account_of_key(&people[i].id, &k);
	}
	ready = true;
	return people;
}

static struct account_id id_of(int who)
{
	struct account_id nobody = {{0}};

	nobody.b[19] = 1;
	return who >= 0 ? fz_people()[who].id : nobody;
}

static void put(struct tree *t, struct keylet k, struct st_object *o)
{
	struct buf b = BUF_INIT;
	struct why why;

	FAIL_IF(entry_format_check(o, &why) != ERR_NONE);
	st_encode(&b, o, ST_ALL);
	FAIL_IF(tree_put(t, &k.key, buf_bytes(&b)) != FOUND);
	buf_close(&b);
}

static struct st_object *entry(struct arena *a, uint16_t type)
{
	struct st_object *o = st_new(a);

	st_set_u(o, sfLedgerEntryType, type);
	st_set_u(o, sfFlags, 0);
	if (type != ltDirectoryNode) {
		st_set_hash256(o, sfPreviousTxnID, &HASH256_ZERO);
		st_set_u(o, sfPreviousTxnLgrSeq, 0);
	}
	return o;
}

/* An account's belongings while its directory is being written. */
struct owner {
	struct tree *t;
	struct arena *a;
	struct account_id id;
	uint8_t gap;
	struct hash256 pages[16][PAGE_FULL]; /* the indexes of each page */
	uint32_t n, count;
};

static uint64_t page_number(const struct owner *w, uint32_t page)
{
	return page == 0 ? 0 : (uint64_t)page * (1u + w->gap);
}

/* Puts an entry of the owner's into the state. */
static void own(struct owner *w, struct keylet k, struct st_object *o, uint32_t count)
{
	uint32_t page = w->n / PAGE_FULL;

	st_set_u(o, sfOwnerNode, page_number(w, page));
	put(w->t, k, o);
	w->pages[page][w->n++ % PAGE_FULL] = k.key;
	w->count += count;
}

static void write_pages(struct owner *w)
{
	struct hash256 root = keylet_owner_dir(&w->id).key;
	uint32_t pages = (w->n + PAGE_FULL - 1) / PAGE_FULL;

	for (uint32_t i = 0; i < pages; i++) {
		struct st_object *o = entry(w->a, ltDirectoryNode);
		uint32_t n = i + 1 < pages ? PAGE_FULL : w->n - i * PAGE_FULL;

		qsort(w->pages[i], n, sizeof(w->pages[i][0]), hash256_qsort_cmp);
		st_set_account(o, sfOwner, &w->id);
		st_set_hash256(o, sfRootIndex, &root);
		st_set_raw(o, sfIndexes, bytes_of(w->pages[i], n * sizeof(w->pages[i][0])));
		if (i + 1 < pages)
			st_set_u(o, sfIndexNext, page_number(w, i + 1));
		if (i > 1 || (i == 0 && pages > 1))
			st_set_u(o, sfIndexPrevious, page_number(w, (i ? i : pages) - 1));
		put(w->t, keylet_dir_page(&root, page_number(w, i)), o);
	}
}

static void give_list(struct owner *w, const struct plan *p)
{
	struct st_object *o = entry(w->a, ltSignerList);
	struct st_array *members = st_set_array(o, sfSignerEntries);
	/* The last one has no account. */
	static const int known[] = {ALICE, BOB, HEIDI, PEOPLE_THERE};
	struct account_id ids[4];
	size_t n = p->list;

	for (size_t i = 0; i < n; i++)
		ids[i] = id_of(known[i]);
	qsort(ids, n, sizeof(ids[0]), (int (*)(const void *, const void *))account_cmp);
	for (size_t i = 0; i < n; i++) {
		struct st_object *member = st_array_add(members, w->a, sfSignerEntry);

		st_set_u(member, sfSignerWeight, 1);
		st_set_account(member, sfAccount, &ids[i]);
	}
	if (!p->old_list)
		st_set_u(o, sfFlags, lsfOneOwnerCount);
	st_set_u(o, sfSignerQuorum, p->quorum);
	st_set_u(o, sfSignerListID, 0);
	own(w, keylet_signers(&w->id), o, p->old_list ? 2 + p->list : 1);
}

static void give_escrow(struct owner *w)
{
	struct st_object *o = entry(w->a, ltEscrow);
	struct account_id to = id_of(BOB);

	st_set_account(o, sfAccount, &w->id);
	st_set_account(o, sfDestination, &to);
	st_set_drops(o, sfAmount, drops_of(77 * XRP));
	own(w, keylet_escrow(&w->id, 5), o, 1);
}

static void give_belongings(struct owner *w, const struct plan *p, uint32_t tickets)
{
	for (uint32_t i = 0; i < tickets; i++) {
		struct st_object *o = entry(w->a, ltTicket);
		uint32_t seq = p->seq - tickets + i;

		st_set_account(o, sfAccount, &w->id);
		st_set_u(o, sfTicketSequence, seq);
		own(w, keylet_ticket(&w->id, seq), o, 1);
	}
	for (int i = 0, left = p->knows; left > 0; i++) {
		struct st_object *o = entry(w->a, ltDepositPreauth);
		struct account_id friend = id_of(i);

		if (account_eq(&friend, &w->id))
			continue;
		st_set_account(o, sfAccount, &w->id);
		st_set_account(o, sfAuthorize, &friend);
		own(w, keylet_deposit_preauth(&w->id, &friend), o, 1);
		left--;
	}
	if (p->list)
		give_list(w, p);
	if (p->escrow)
		give_escrow(w);
}

static uint64_t plant(struct tree *t, int who, bool many)
{
	const struct plan *p = &plans[who];
	struct arena a = ARENA_INIT;
	struct owner *w = arena_zalloc(&a, 1, sizeof(*w));
	struct st_object *o = entry(&a, ltAccountRoot);
	uint32_t tickets = who == KARL && many ? 240 : p->tickets;
	struct account_id regular = id_of(p->regular);

	*w = (struct owner){.t = t, .a = &a, .id = id_of(who), .gap = p->gap};
	give_belongings(w, p, tickets);
	write_pages(w);
	st_set_account(o, sfAccount, &w->id);
	st_set_u(o, sfSequence, p->seq);
	st_set_u(o, sfOwnerCount, w->count);
	st_set_u(o, sfFlags, p->flags);
	st_set_drops(o, sfBalance, drops_of(p->balance));
	if (tickets)
		st_set_u(o, sfTicketCount, tickets);
	if (p->regular != -1)
		st_set_account(o, sfRegularKey, &regular);
	if (who == IVAN)
		st_set_hash256(o, sfAccountTxnID, &HASH256_ZERO);
	put(t, keylet_account(&w->id), o);
	arena_close(&a);
	return p->balance + (p->escrow ? 77 * XRP : 0);
}

/* Takes an amendment out of the list, or puts it in. */
static void turn(struct genesis *g, enum amendment_index which)
{
	const struct hash256 *id = &amendments_all(&(size_t){0})[which].id;
	size_t i = 0;

	while (i < g->n_amendments && hash256_cmp(&g->amendments[i], id) < 0)
		i++;
	if (i < g->n_amendments && hash256_eq(&g->amendments[i], id)) {
		memmove(&g->amendments[i], &g->amendments[i + 1],
			(--g->n_amendments - i) * sizeof(*id));
		return;
	}
	g->amendments = mem_resize(g->amendments, g->n_amendments + 1, sizeof(*id));
	memmove(&g->amendments[i + 1], &g->amendments[i], (g->n_amendments++ - i) * sizeof(*id));
	g->amendments[i] = *id;
}

static void build(struct fz_world *w, unsigned number)
{
	struct arena a = ARENA_INIT;
	struct ledger *first, *base;
	struct genesis g;
	struct st_object *o;
	struct bytes data;
	struct keylet k;
	uint64_t given = 0;

	genesis_default(&g, !(number & 1));
	if (number & 2)
		turn(&g, AMENDMENT_fixPreviousTxnID);
	if (number & 4) {
		turn(&g, AMENDMENT_fixDirectoryLimit);
		turn(&g, AMENDMENT_fixIncludeKeyletFields);
		turn(&g, AMENDMENT_fixCleanup3_3_0);
	}
	k = keylet_account(&g.accounts[0].id);
	FAIL_IF(genesis_build(&g, &first, &base, NULL) != ERR_NONE);
	tree_share(&w->state, &base->state);
	for (int i = 0; i < PEOPLE_THERE; i++)
		given += plant(&w->state, i, number & 8);
	FAIL_IF(tree_get(&w->state, &k.key, &data) != FOUND);
	FAIL_IF(st_decode(&o, &a, data, NULL) != ERR_NONE);
	st_set_drops(o, sfBalance, drops_of(DROPS_MAX - given));
	put(&w->state, k, o);
	(void)tree_hash(&w->state);
	FAIL_IF(rules_read(&w->state, &w->rules) != FOUND);
	FAIL_IF(ledger_fees_read(&w->state, &w->fees) != FOUND);
	w->snapshot = snapshot_take(&w->state, NULL);
	check_state(w->snapshot, 0, 1000);
	ledger_unref(first);
	ledger_unref(base);
	genesis_close(&g);
	arena_close(&a);
}

const struct fz_world *fz_world(unsigned number)
{
	static struct fz_world worlds[FZ_WORLDS];
	struct fz_world *w = &worlds[number % FZ_WORLDS];

	if (!w->rules)
		build(w, number % FZ_WORLDS);
	return w;
}
