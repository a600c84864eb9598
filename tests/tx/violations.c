/* SPDX-License-Identifier: ISC */
#include "tests/tx/violations.h"

#include "ledger/directory.h"
#include "tx/owner.h"

#include <string.h>

#define XRP 1000000ull

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
static void right_list(struct tx_run *r) /* changes where it is */
{
	struct person alice = person("alice");
	struct keylet k = keylet_signers(&alice.id);

	st_set_u(peek(r, k), sfSignerQuorum, 7);
	view_update(r->view, k);
}
/* Tickets of six accounts, two of them new. */
static void right_many(struct tx_run *r)
{
	static const char *names[] = {"master", "dave", "alice", "bob", "erin", "carol"};

	for (size_t i = 0; i < 6; i++) {
		struct person p = person(names[i]);
		struct st_object *o;

		if (view_peek(r->view, keylet_account(&p.id), &o) == ABSENT) {
			o = view_insert(r->view, keylet_account(&p.id));
			st_set_account(o, sfAccount, &p.id);
			st_set_u(o, sfSequence, r->info->seq);
			st_set_drops(o, sfBalance, drops_of(0));
		}
		good_ticket(r, names[i], 1000);
	}
}

/* Counters */
static void one_of_many(struct tx_run *r)
{
	right_many(r);
	add_counts(r, "master", 1, 0);
}
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
static void list_at_anothers_place(struct tx_run *r)
{
	struct person alice = person("alice"), bob = person("bob");
	struct keylet k = keylet_signers(&bob.id);
	struct st_object *o = view_insert(r->view, k);

	st_set_u(o, sfFlags, (uint32_t)lsfOneOwnerCount);
	assert_int_equal(owner_link(r, &alice.id, account(r, "alice"), k, o, 1), tesSUCCESS);
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
static void anothers_name_goes(struct tx_run *r) /* that one stays, and is not looked at */
{
	named_though_gone(r);
	unlink_ticket(r, "alice", 8);
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
static void named_twice_in_a_row(struct tx_run *r)
{
	struct st_object *o = page(r, "alice", 1);
	uint8_t b[64 * 32];
	size_t n = indexes_of(o, b);

	memcpy(b + n * 32, b + (n - 1) * 32, 32);
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

const struct violation violations[] = {
    {"harmless", NULL, harmless, PLAIN},
    {"a ticket as it should be", NULL, right_ticket, PLAIN},
    {"a ticket goes as it should", NULL, right_removal, PLAIN},
    {"a ticket moves to another page", NULL, right_move, PLAIN},
    {"a signer list changes", NULL, right_list, PLAIN},
    {"tickets of many accounts", NULL, right_many, PLAIN},
    {"an account goes as it should", NULL, deletes, DELETE},
    {"one of many counts", "counts", one_of_many, PLAIN},
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
    {"a signer list at another's place", "counts", list_at_anothers_place, PLAIN},
    {"a deleted account's ticket", "counts", leaves_ticket, DELETE},
    {"a deleted account's everything", "counts", leaves_all, DELETE},
    {"a ticket in no directory", "named", in_no_directory, PLAIN},
    {"a ticket on another page", "named", on_another_page, PLAIN},
    {"a ticket in another's directory", "named", in_anothers_directory, PLAIN},
    {"a ticket is gone and named", "named", named_though_gone, PLAIN},
    {"another index went", "named", anothers_name_goes, PLAIN},
    {"a ticket is there and not named", "named", not_named_though_there, PLAIN},
    {"a ticket says another page", "named", not_named_where_it_was, PLAIN},
    {"an index of nothing", "named", names_nothing, PLAIN},
    {"another index in place of one", "named", names_something_else, PLAIN},
    {"two pages swap indexes", "named", two_pages_swap, PLAIN},
    {"an index twice", "pages", named_twice, PLAIN},
    {"an index twice in a row", "pages", named_twice_in_a_row, PLAIN},
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
const size_t violations_n = sizeof(violations) / sizeof(violations[0]);
