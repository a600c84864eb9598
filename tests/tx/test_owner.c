/* SPDX-License-Identifier: ISC */
#include "ledger/directory.h"
#include "tests/tx/signing.h"
#include "tx/owner.h"

#include <string.h>

/* What accounts own: reserves and counters, and what the invariants say when owners, entries and
 * directories do not agree. Each violation is planted by a type of the test's own, which does one
 * thing wrong; the sentence that must be broken is named, and all that remains is the fee. */

#define XRP 1000000ull

static void test_reserve(void **state)
{
	struct ledger_fees fees = {
	    .base = drops_of(10), .reserve = drops_of(10 * XRP), .increment = drops_of(2 * XRP)};

	(void)state;
	assert_int_equal(reserve_of(&fees, 0).raw, 10 * XRP);
	assert_int_equal(reserve_of(&fees, 3).raw, 16 * XRP);
	assert_int_equal(reserve_of(&fees, UINT32_MAX).raw, 10 * XRP + 2 * XRP * UINT32_MAX);
	fees.increment = drops_of(DROPS_MAX / 2);
	assert_int_equal(reserve_of(&fees, 3).raw, DROPS_MAX);
	fees.increment = drops_of(UINT64_MAX);
	assert_int_equal(reserve_of(&fees, 3).raw, DROPS_MAX);
	fees.reserve = drops_of(UINT64_MAX);
	assert_int_equal(reserve_of(&fees, 0).raw, DROPS_MAX);
}

static void test_counter(void **state)
{
	struct ledger_fees fees = {.reserve = drops_of(1), .increment = drops_of(1)};
	struct view_info info = {.fees = fees};
	struct tx_run r = {.info = &info};
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	(void)state;
	owner_count_add(o, 3);
	assert_int_equal(st_u32_or(o, sfOwnerCount, 9), 3);
	assert_int_equal(reserve_with(&r, o, 2).raw, 6);
	owner_count_add(o, -2);
	assert_int_equal(st_u32_or(o, sfOwnerCount, 9), 1);
	owner_count_add(o, -2);
	assert_int_equal(st_u32_or(o, sfOwnerCount, 9), 0);
	st_set_u(o, sfOwnerCount, UINT32_MAX - 1);
	owner_count_add(o, 5);
	assert_int_equal(st_u32_or(o, sfOwnerCount, 9), UINT32_MAX);
	assert_int_equal(reserve_with(&r, o, 2).raw, 1ull + UINT32_MAX);
	arena_close(&a);
}

/* The world of the violations: alice owns 40 tickets (2 to 41), a signer list and an authorisation,
 * on two pages; bob owns a ticket. */

enum { TICKETS = 40, ALICE_NEXT = 44, LEDGER = 400 };

static void world_of_owners(struct world *w)
{
	struct st_object *o;

	world_open(w, NULL);
	o = act(w, ttTicketCreate, "alice");
	st_set_u(o, sfTicketCount, TICKETS);
	expect(w, "alice", o, tesSUCCESS);
	expect(w, "alice", authorize(w, "alice", "bob"), tesSUCCESS);
	expect(w, "alice", signer_list(w, "alice", 1, "bob=1"), tesSUCCESS);
	o = act(w, ttTicketCreate, "bob");
	st_set_u(o, sfTicketCount, 1);
	expect(w, "bob", o, tesSUCCESS);
	world_move(w, LEDGER);
	assert_int_equal(sequence_of(w, "alice"), ALICE_NEXT);
}

static struct st_object *account(struct tx_run *r, const char *name)
{
	struct person p = person(name);
	struct st_object *o;

	assert_int_equal(view_peek(r->view, keylet_account(&p.id), &o), FOUND);
	view_update(r->view, keylet_account(&p.id));
	return o;
}

static struct keylet page_key(const char *name, uint64_t number)
{
	struct person p = person(name);
	struct keylet root = keylet_owner_dir(&p.id);

	return keylet_dir_page(&root.key, number);
}

static struct st_object *page(struct tx_run *r, const char *name, uint64_t number)
{
	struct keylet k = page_key(name, number);
	struct st_object *o;

	assert_int_equal(view_peek(r->view, k, &o), FOUND);
	view_update(r->view, k);
	return o;
}

static struct keylet ticket_key(const char *name, uint32_t seq)
{
	struct person p = person(name);

	return keylet_ticket(&p.id, seq);
}

static struct st_object *peek(struct tx_run *r, struct keylet k)
{
	struct st_object *o;

	assert_int_equal(view_peek(r->view, k, &o), FOUND);
	return o;
}

static void add_counts(struct tx_run *r, const char *name, int32_t owned, int32_t tickets)
{
	struct st_object *o = account(r, name);

	owner_count_add(o, owned);
	st_set_u(o, sfTicketCount, (uint64_t)((int64_t)st_u32_or(o, sfTicketCount, 0) + tickets));
}

/* A ticket of some number, not linked yet. */
static struct st_object *make_ticket(struct tx_run *r, const char *name, uint32_t seq)
{
	struct st_object *o = view_insert(r->view, ticket_key(name, seq));
	struct person p = person(name);

	st_set_account(o, sfAccount, &p.id);
	st_set_u(o, sfTicketSequence, seq);
	return o;
}

static void link_ticket(struct tx_run *r, const char *name, struct st_object *o, uint32_t seq)
{
	struct keylet k = ticket_key(name, seq);
	struct person p = person(name);
	uint64_t number;

	assert_int_equal(directory_add_owned(r->view, &p.id, &k.key, &number), DIRECTORY_DONE);
	st_set_u(o, sfOwnerNode, number);
}

static void unlink_ticket(struct tx_run *r, const char *name, uint32_t seq)
{
	struct keylet k = ticket_key(name, seq);
	struct person p = person(name);
	uint64_t number = 0;

	(void)st_get_u64(peek(r, k), sfOwnerNode, &number);
	assert_int_equal(directory_remove_owned(r->view, &p.id, number, &k.key, true),
			 DIRECTORY_DONE);
}

/* A ticket in all the right places. */
static void good_ticket(struct tx_run *r, const char *name, uint32_t seq)
{
	link_ticket(r, name, make_ticket(r, name, seq), seq);
	add_counts(r, name, 1, 1);
}

static size_t indexes_of(const struct st_object *o, uint8_t out[64 * 32])
{
	struct bytes raw;

	assert_true(st_get_raw(o, sfIndexes, &raw) && raw.n <= 63 * 32);
	memcpy(out, raw.p, raw.n);
	return raw.n / 32;
}

static void set_indexes(struct st_object *o, const uint8_t *b, size_t n)
{
	st_set_raw(o, sfIndexes, bytes_of(b, n * 32));
}

/* Nothing wrong */
static void harmless(struct tx_run *r)
{
	(void)r;
}
static void right_ticket(struct tx_run *r)
{
	good_ticket(r, "alice", 100);
}
static void right_removal(struct tx_run *r)
{
	unlink_ticket(r, "alice", 7);
	view_erase(r->view, ticket_key("alice", 7));
	add_counts(r, "alice", -1, -1);
}
static void right_move(struct tx_run *r) /* to another page, which is odd but whole */
{
	unlink_ticket(r, "alice", 7);
	link_ticket(r, "alice", peek(r, ticket_key("alice", 7)), 7);
	view_update(r->view, ticket_key("alice", 7));
}

/* Counters */
static void count_of_nothing(struct tx_run *r)
{
	owner_count_add(account(r, "alice"), 1);
}
static void count_of_anothers(struct tx_run *r)
{
	good_ticket(r, "alice", 100);
	add_counts(r, "alice", -1, -1);
	add_counts(r, "bob", 1, 1);
}
static void ticket_not_counted(struct tx_run *r)
{
	good_ticket(r, "alice", 100);
	add_counts(r, "alice", -1, 0);
}
static void ticket_not_among_tickets(struct tx_run *r)
{
	good_ticket(r, "alice", 100);
	add_counts(r, "alice", 0, -1);
}
static void tickets_of_nothing(struct tx_run *r)
{
	add_counts(r, "bob", 0, 1);
}
static void removed_and_counted(struct tx_run *r)
{
	right_removal(r);
	add_counts(r, "alice", 1, 1);
}
static void orphan(struct tx_run *r)
{
	link_ticket(r, "nobody", make_ticket(r, "nobody", 5), 5);
}
static void preauth_counts_twice(struct tx_run *r)
{
	struct person alice = person("alice"), carol = person("carol");
	struct keylet k = keylet_deposit_preauth(&alice.id, &carol.id);
	struct st_object *o = view_insert(r->view, k);

	st_set_account(o, sfAccount, &alice.id);
	st_set_account(o, sfAuthorize, &carol.id);
	assert_int_equal(owner_link(r, &alice.id, account(r, "alice"), k, o, 2), tesSUCCESS);
}
static void list_loses_its_flag(struct tx_run *r) /* so that it counts 3 */
{
	struct person alice = person("alice");
	struct keylet k = keylet_signers(&alice.id);

	st_set_u(peek(r, k), sfFlags, 0);
	view_update(r->view, k);
}
static void list_of_another(struct tx_run *r)
{
	struct person bob = person("bob");
	struct keylet k = keylet_signers(&bob.id);
	struct st_object *o = view_insert(r->view, k);

	st_set_u(o, sfFlags, (uint32_t)lsfOneOwnerCount);
	assert_int_equal(owner_link(r, &bob.id, account(r, "bob"), k, o, 1), tesSUCCESS);
}

/* Directories and what they name */
static void in_no_directory(struct tx_run *r)
{
	make_ticket(r, "alice", 100);
	add_counts(r, "alice", 1, 1);
}
static void on_another_page(struct tx_run *r)
{
	struct st_object *o = make_ticket(r, "alice", 100);

	link_ticket(r, "alice", o, 100);
	st_set_u(o, sfOwnerNode, 0);
	add_counts(r, "alice", 1, 1);
}
static void in_anothers_directory(struct tx_run *r)
{
	struct st_object *o = make_ticket(r, "alice", 100);
	struct keylet k = ticket_key("alice", 100);
	struct person bob = person("bob");
	uint64_t number;

	assert_int_equal(directory_add_owned(r->view, &bob.id, &k.key, &number), DIRECTORY_DONE);
	st_set_u(o, sfOwnerNode, number);
	add_counts(r, "alice", 1, 1);
}
static void named_though_gone(struct tx_run *r)
{
	peek(r, ticket_key("alice", 7));
	view_erase(r->view, ticket_key("alice", 7));
	add_counts(r, "alice", -1, -1);
}
static void not_named_though_there(struct tx_run *r)
{
	unlink_ticket(r, "alice", 7);
}
static void not_named_where_it_was(struct tx_run *r) /* the entry says something else now */
{
	struct keylet k = ticket_key("alice", 7);

	st_set_u(peek(r, k), sfOwnerNode, 5);
	view_update(r->view, k);
}
static void names_nothing(struct tx_run *r)
{
	struct hash256 index = {{1}};
	struct person alice = person("alice");
	uint64_t number;

	assert_int_equal(directory_add_owned(r->view, &alice.id, &index, &number), DIRECTORY_DONE);
}
static void names_something_else(struct tx_run *r)
{
	struct st_object *o = page(r, "alice", 0);
	uint8_t b[64 * 32];
	size_t n = indexes_of(o, b);

	b[3 * 32 + 31] ^= 1;
	set_indexes(o, b, n);
}
static void two_pages_swap(struct tx_run *r)
{
	struct st_object *o = page(r, "alice", 0), *p = page(r, "alice", 1);
	uint8_t b[64 * 32], c[64 * 32], kept[32];
	size_t n = indexes_of(o, b), m = indexes_of(p, c);

	memcpy(kept, b, 32);
	memcpy(b, c, 32);
	memcpy(c, kept, 32);
	set_indexes(o, b, n);
	set_indexes(p, c, m);
	/* One of the two says so, the other does not. */
	for (uint32_t seq = 2; seq < 2 + TICKETS; seq++) {
		struct keylet k = ticket_key("alice", seq);

		if (memcmp(k.key.b, kept, 32) != 0)
			continue;
		st_set_u(peek(r, k), sfOwnerNode, 1);
		view_update(r->view, k);
	}
}

/* Pages */
static void named_twice(struct tx_run *r)
{
	struct st_object *o = page(r, "alice", 1);
	uint8_t b[64 * 32];
	size_t n = indexes_of(o, b);

	memcpy(b + n * 32, b, 32);
	set_indexes(o, b, n + 1);
}
static void page_too_long(struct tx_run *r)
{
	struct st_object *o = page(r, "alice", 0);
	uint8_t b[64 * 32];
	size_t n = indexes_of(o, b);

	assert_int_equal(n, 32);
	memset(b + n * 32, 0xFF, 32);
	set_indexes(o, b, n + 1);
}
static void page_emptied(struct tx_run *r)
{
	set_indexes(page(r, "alice", 1), NULL, 0);
}
static void next_nowhere(struct tx_run *r)
{
	st_set_u(page(r, "alice", 0), sfIndexNext, 9);
}
static void next_none(struct tx_run *r)
{
	st_remove(page(r, "alice", 0), sfIndexNext);
}
static void last_none(struct tx_run *r)
{
	st_set_u(page(r, "alice", 0), sfIndexPrevious, 0);
}
static void last_nowhere(struct tx_run *r)
{
	st_set_u(page(r, "alice", 0), sfIndexPrevious, 7);
}
static void goes_on(struct tx_run *r)
{
	st_set_u(page(r, "alice", 1), sfIndexNext, 1);
}
static void comes_from_nowhere(struct tx_run *r)
{
	st_set_u(page(r, "alice", 1), sfIndexPrevious, 3);
}
static void page_gone(struct tx_run *r)
{
	page(r, "alice", 1);
	view_erase(r->view, page_key("alice", 1));
}
static void root_gone(struct tx_run *r)
{
	page(r, "alice", 0);
	view_erase(r->view, page_key("alice", 0));
}
static void root_of_another(struct tx_run *r)
{
	struct person bob = person("bob");
	struct keylet k = keylet_owner_dir(&bob.id);

	st_set_hash256(page(r, "alice", 0), sfRootIndex, &k.key);
}
static void page_of_another(struct tx_run *r)
{
	struct person bob = person("bob");

	st_set_account(page(r, "alice", 1), sfOwner, &bob.id);
}
static void page_beside(struct tx_run *r)
{
	struct person alice = person("alice");
	struct keylet root = keylet_owner_dir(&alice.id);
	struct st_object *o = view_insert(r->view, page_key("alice", 2));

	st_set_account(o, sfOwner, &alice.id);
	st_set_hash256(o, sfRootIndex, &root.key);
	st_set_u(o, sfIndexPrevious, 1);
	set_indexes(o, NULL, 0);
}

/* Sequences */
static void jumps(struct tx_run *r)
{
	st_set_u(account(r, "alice"), sfSequence, ALICE_NEXT + 2);
}
static void stays(struct tx_run *r)
{
	st_set_u(account(r, "alice"), sfSequence, ALICE_NEXT);
}
static void moves_with_ticket(struct tx_run *r)
{
	st_set_u(account(r, "alice"), sfSequence, ALICE_NEXT + 1);
}

/* Deletion: the type does its work, and then something is wrong. */
static void deletes(struct tx_run *r)
{
	assert_int_equal(tx_ops_of(ttAccountDelete)->apply(r), tesSUCCESS);
}
static void leaves_directory(struct tx_run *r)
{
	struct person alice = person("alice");
	struct keylet k = keylet_owner_dir(&alice.id);
	struct st_object *o;

	deletes(r);
	o = view_insert(r->view, k);
	st_set_account(o, sfOwner, &alice.id);
	st_set_hash256(o, sfRootIndex, &k.key);
	set_indexes(o, NULL, 0);
}
static void leaves_did(struct tx_run *r)
{
	struct person alice = person("alice");

	deletes(r);
	view_insert(r->view, keylet_did(&alice.id));
}
static void leaves_nft(struct tx_run *r, uint8_t low)
{
	static const uint8_t zeros[12];
	struct person alice = person("alice");
	struct keylet k = keylet_nft_page(&alice.id, zeros);

	deletes(r);
	memset(k.key.b + 20, low, 12);
	view_insert(r->view, k);
}
static void leaves_first_nft(struct tx_run *r)
{
	leaves_nft(r, 0);
}
static void leaves_some_nft(struct tx_run *r)
{
	leaves_nft(r, 5);
}
static void leaves_last_nft(struct tx_run *r)
{
	leaves_nft(r, 0xFF);
}
static void leaves_ticket(struct tx_run *r)
{
	deletes(r);
	make_ticket(r, "alice", 7);
}
static void leaves_all(struct tx_run *r) /* but its own entry */
{
	struct drops b;

	must(account_balance(r->account, &b));
	st_set_drops(account(r, "bob"), sfBalance, drops_of(1000 * XRP - 10 + b.raw));
	view_erase(r->view, r->account_k);
}
static void leaves_account(struct tx_run *r)
{
	(void)r;
}
static void deletes_another_too(struct tx_run *r)
{
	struct person carol = person("carol");
	struct drops b, c;

	deletes(r);
	must(account_balance(account(r, "carol"), &c));
	must(account_balance(account(r, "bob"), &b));
	st_set_drops(account(r, "bob"), sfBalance, drops_of(b.raw + c.raw));
	view_erase(r->view, keylet_account(&carol.id));
}

enum kind { PLAIN, TICKET, DELETE };

static const struct row {
	const char *name, *sentence; /* words of it; NULL: nothing is wrong */
	void (*apply)(struct tx_run *r);
	enum kind kind;
} rows[] = {
    {"harmless", NULL, harmless, PLAIN},
    {"a ticket as it should be", NULL, right_ticket, PLAIN},
    {"a ticket goes as it should", NULL, right_removal, PLAIN},
    {"a ticket moves to another page", NULL, right_move, PLAIN},
    {"an account goes as it should", NULL, deletes, DELETE},
    {"a count of nothing", "counts", count_of_nothing, PLAIN},
    {"another's count", "counts", count_of_anothers, PLAIN},
    {"a ticket that is not counted", "counts", ticket_not_counted, PLAIN},
    {"a ticket not among tickets", "counts", ticket_not_among_tickets, PLAIN},
    {"a count of no tickets", "counts", tickets_of_nothing, PLAIN},
    {"a ticket is gone and counted", "counts", removed_and_counted, PLAIN},
    {"a ticket of nobody", "counts", orphan, PLAIN},
    {"an authorisation counts twice", "counts", preauth_counts_twice, PLAIN},
    {"a signer list counts more", "counts", list_loses_its_flag, PLAIN},
    {"a signer list of another", "counts", list_of_another, PLAIN},
    {"a deleted account's ticket", "counts", leaves_ticket, DELETE},
    {"a deleted account's everything", "counts", leaves_all, DELETE},
    {"a ticket in no directory", "named", in_no_directory, PLAIN},
    {"a ticket on another page", "named", on_another_page, PLAIN},
    {"a ticket in another's directory", "named", in_anothers_directory, PLAIN},
    {"a ticket is gone and named", "named", named_though_gone, PLAIN},
    {"a ticket is there and not named", "named", not_named_though_there, PLAIN},
    {"a ticket says another page", "named", not_named_where_it_was, PLAIN},
    {"an index of nothing", "named", names_nothing, PLAIN},
    {"another index in place of one", "named", names_something_else, PLAIN},
    {"two pages swap indexes", "named", two_pages_swap, PLAIN},
    {"an index twice", "pages", named_twice, PLAIN},
    {"a page of 33", "pages", page_too_long, PLAIN},
    {"an empty page", "pages", page_emptied, PLAIN},
    {"a next page that is not there", "pages", next_nowhere, PLAIN},
    {"no next page, but a last one", "pages", next_none, PLAIN},
    {"a next page, but no last one", "pages", last_none, PLAIN},
    {"a last page that is not there", "pages", last_nowhere, PLAIN},
    {"a last page that goes on", "pages", goes_on, PLAIN},
    {"a page before that is not there", "pages", comes_from_nowhere, PLAIN},
    {"a page is gone", "pages", page_gone, PLAIN},
    {"a root is gone", "pages", root_gone, PLAIN},
    {"a page with another root", "pages", root_of_another, PLAIN},
    {"a page of another owner", "pages", page_of_another, PLAIN},
    {"a page that nobody leads to", "pages", page_beside, PLAIN},
    {"a sequence jumps", "sequence", jumps, PLAIN},
    {"a sequence stays", "sequence", stays, PLAIN},
    {"a sequence moves beside a ticket", "sequence", moves_with_ticket, TICKET},
    {"a ticket is used, nothing else", NULL, harmless, TICKET},
    {"an account goes unasked", "deletes", leaves_all, PLAIN},
    {"an account stays", "deletes", leaves_account, DELETE},
    {"two accounts go", "deletes", deletes_another_too, DELETE},
    {"a deleted account's directory", "behind", leaves_directory, DELETE},
    {"a deleted account's DID", "behind", leaves_did, DELETE},
    {"a deleted account's first NFTs", "behind", leaves_first_nft, DELETE},
    {"a deleted account's NFTs", "behind", leaves_some_nft, DELETE},
    {"a deleted account's last NFTs", "behind", leaves_last_nft, DELETE},
};

static const struct row *now;
static const char *broken;

static enum ter plain_preflight(const struct tx_static *s)
{
	(void)s;
	return tesSUCCESS;
}

/* Does the row's deed and asks which sentence is broken; the engine finds out for itself. */
static enum ter row_apply(struct tx_run *r)
{
	now->apply(r);
	broken = NULL;
	(void)tx_invariants_hold(r->view, r->t, r->ops, tesSUCCESS, r->t->fee, &broken);
	return tesSUCCESS;
}

static struct st_object *row_fields(struct world *w, const struct row *row)
{
	struct person bob = person("bob");
	struct st_object *o = act(w, row->kind == DELETE ? ttAccountDelete : ttAccountSet, "alice");

	if (row->kind == TICKET)
		with_ticket(o, 20);
	if (row->kind == DELETE)
		st_set_account(o, sfDestination, &bob.id);
	return with_fee(o, row->kind == DELETE ? 2 * XRP : 10);
}

static void run_row(const struct row *row)
{
	struct tx_ops ops = {.preflight = plain_preflight, .apply = row_apply};
	struct tx_outcome out;
	struct world w;
	struct tx *t;

	now = row;
	world_of_owners(&w);
	t = trusted_as("alice", row_fields(&w, row));
	if (row->kind == DELETE) {
		ops = *tx_ops_of(ttAccountDelete);
		ops.apply = row_apply;
	}
	out = tx_apply_with(w.view, t, &ops, 0, 0, &w.arena);
	if (!broken != !row->sentence || (broken && !strstr(broken, row->sentence)))
		fail_msg("%s: broken: %s", row->name, broken ? broken : "nothing");
	assert_int_equal(out.result, broken ? tecINVARIANT_FAILED : tesSUCCESS);
	assert_true(out.applied);
	if (broken) {
		uint32_t used = row->kind == TICKET;

		assert_int_equal(balance_of(&w, "alice"), 1000 * XRP - 30 - t->fee.raw);
		assert_int_equal(sequence_of(&w, "alice"), ALICE_NEXT + 1 - used);
		assert_int_equal(owned_by(&w, "alice"), TICKETS + 2 - used);
		assert_int_equal(owned_by(&w, "bob"), 1);
		assert_int_equal(balance_of(&w, "bob"), 1000 * XRP - 10);
	}
	tx_unref(t);
	world_close(&w);
}

static void test_violations(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reserve),
	    cmocka_unit_test(test_counter),
	    cmocka_unit_test(test_violations),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
