/* SPDX-License-Identifier: ISC */
#include "ledger/directory.h"
#include "tests/tx/signing.h"
#include "tx/engine.h"

#include <string.h>

/* AccountDelete: what keeps an account, what goes with it, and what may come after it (cases after
 * rippled's AccountDelete_test). */

#define XRP    1000000ull
#define FEE    (2 * XRP)
#define LEDGER 400

static struct st_object *delete_to(struct world *w, const char *from, const char *to)
{
	struct st_object *o = with_fee(act(w, ttAccountDelete, from), FEE);
	struct person p = person(to);

	st_set_account(o, sfDestination, &p.id);
	return o;
}

static struct st_object *create(struct world *w, const char *from, uint32_t n)
{
	struct st_object *o = act(w, ttTicketCreate, from);

	st_set_u(o, sfTicketCount, n);
	return o;
}

static void open_at(struct world *w, uint32_t seq, bool open)
{
	struct world_options o = {.seq = seq, .open = open};

	world_open(w, &o);
}

static void edit(struct world *w, const char *name, enum sf f, uint64_t value)
{
	struct person p = person(name);
	struct st_object *o;

	assert_int_equal(view_peek(w->view, keylet_account(&p.id), &o), FOUND);
	st_set_u(o, f, value);
	view_update(w->view, keylet_account(&p.id));
}

/* Nothing in the state names the account any more. */
static void expect_no_trace(struct world *w, const char *name)
{
	struct person p = person(name);
	struct hash256 at, *after = NULL;

	for (; view_next(w->view, after, &at) == FOUND; after = &at) {
		const struct st_object *o = entry_at(w, (struct keylet){at, ltANY});
		struct account_id id;

		assert_true(!st_get_account(o, sfAccount, &id) || !account_eq(&id, &p.id));
		assert_true(!st_get_account(o, sfOwner, &id) || !account_eq(&id, &p.id));
	}
	assert_null(account_of(w, name));
}

static void test_malformed(void **state)
{
	struct amount minus = {.kind = AMOUNT_XRP, .negative = true, .mantissa = 1};
	uint8_t b[AMOUNT_BYTES_MAX];
	struct st_object *o;
	struct world w;

	(void)state;
	open_at(&w, LEDGER, false);
	expect(&w, "alice", delete_to(&w, "alice", "alice"), temDST_IS_SRC);
	o = delete_to(&w, "alice", "bob");
	st_set_raw(o, sfFee, bytes_of(b, amount_encode(b, &minus)));
	expect(&w, "alice", o, temBAD_FEE);
	o = delete_to(&w, "alice", "bob");
	st_set_u(o, sfFlags, (uint32_t)tfImmediateOrCancel);
	expect(&w, "alice", o, temINVALID_FLAG);
	o = delete_to(&w, "alice", "bob");
	st_set_raw(o, sfCredentialIDs, bytes_of(HASH256_ZERO.b, 32));
	expect(&w, "alice", o, temDISABLED);
	expect(&w, "nemo", delete_to(&w, "nemo", "bob"), terNO_ACCOUNT);
	assert_int_equal(view_count_changes(w.view), 0);
	world_close(&w);
}

/* One increment of the reserve, whoever signs; nobody is let into an open ledger for less. */
static void test_fee(void **state)
{
	struct st_object *o;
	struct world w;

	(void)state;
	open_at(&w, LEDGER, true);
	assert_int_equal(submit(&w, "alice", signer_list(&w, "alice", 2, "bob=1 carol=1"), 0),
			 tesSUCCESS);
	o = with_fee(delete_to(&w, "alice", "bob"), 10);
	assert_int_equal(submit(&w, "alice", o, 0), telINSUF_FEE_P);
	o = with_fee(delete_to(&w, "alice", "bob"), FEE - 1);
	assert_int_equal(submit(&w, "alice", o, 0), telINSUF_FEE_P);
	o = with_fee(delete_to(&w, "alice", "bob"), 1001 * XRP);
	assert_int_equal(submit(&w, "alice", o, 0), terINSUF_FEE_B);
	assert_int_equal(sequence_of(&w, "alice"), 2);
	o = delete_to(&w, "alice", "bob");
	add_signers(o, "bob carol");
	assert_int_equal(apply_as_is(&w, o, 0), tesSUCCESS);
	assert_int_equal(balance_of(&w, "bob"), 2000 * XRP - 10 - FEE);
	expect_no_trace(&w, "alice");
	world_close(&w);
	/* In a closed ledger, what there is is taken, and the account stays. */
	open_at(&w, LEDGER, false);
	expect(&w, "alice", with_fee(delete_to(&w, "alice", "bob"), 1001 * XRP), tecINSUFF_FEE);
	assert_int_equal(balance_of(&w, "alice"), 0);
	assert_int_equal(balance_of(&w, "bob"), 1000 * XRP);
	world_close(&w);
}

static void test_age(void **state)
{
	struct world w;

	(void)state;
	open_at(&w, 256, false); /* sequence 1, and the first attempt uses it up */
	expect(&w, "alice", delete_to(&w, "alice", "bob"), tesSUCCESS);
	world_close(&w);
	open_at(&w, 255, false);
	expect(&w, "alice", delete_to(&w, "alice", "bob"), tecTOO_SOON);
	assert_int_equal(balance_of(&w, "alice"), 998 * XRP);
	world_move(&w, 256);
	expect(&w, "alice", delete_to(&w, "alice", "bob"), tecTOO_SOON);
	world_move(&w, 258);
	expect(&w, "alice", delete_to(&w, "alice", "bob"), tesSUCCESS);
	world_close(&w);
	/* A ticket does not make it older: the account's own sequence counts. */
	open_at(&w, LEDGER, false);
	expect(&w, "alice", create(&w, "alice", 200), tesSUCCESS);
	expect(&w, "alice", with_ticket(delete_to(&w, "alice", "bob"), 2), tecTOO_SOON);
	world_move(&w, 202 + 255);
	expect(&w, "alice", with_ticket(delete_to(&w, "alice", "bob"), 3), tesSUCCESS);
	expect_no_trace(&w, "alice");
	world_close(&w);
}

static void test_destination(void **state)
{
	struct st_object *o;
	struct world w;

	(void)state;
	open_at(&w, LEDGER, false);
	expect(&w, "bob", set_flag(&w, "bob", asfDepositAuth), tesSUCCESS);
	expect(&w, "carol", set_flag(&w, "carol", asfRequireDest), tesSUCCESS);
	expect(&w, "alice", delete_to(&w, "alice", "daria"), tecNO_DST);
	expect(&w, "alice", delete_to(&w, "alice", "carol"), tecDST_TAG_NEEDED);
	expect(&w, "alice", delete_to(&w, "alice", "bob"), tecNO_PERMISSION);
	expect(&w, "bob", authorize(&w, "bob", "alice"), tesSUCCESS);
	expect(&w, "alice", delete_to(&w, "alice", "bob"), tesSUCCESS);
	assert_int_equal(balance_of(&w, "bob"), 2000 * XRP - 20 - 4 * FEE);
	/* That he would be let in stays, in case he comes back. */
	assert_int_equal(owned_by(&w, "bob"), 1);
	fund(&w, "alice", 20 * XRP);
	world_move(&w, 2 * LEDGER);
	o = delete_to(&w, "alice", "carol");
	st_set_u(o, sfDestinationTag, 0);
	expect(&w, "alice", o, tesSUCCESS);
	expect_no_trace(&w, "dave");
	world_close(&w);
}

static void put_entry(struct world *w, const char *name, struct keylet k)
{
	struct person p = person(name);
	struct st_object *o = view_insert(w->view, k);
	uint64_t page;

	assert_int_equal(directory_add_owned(w->view, &p.id, &k.key, &page), DIRECTORY_DONE);
	if (k.type != ltTicket)
		return;
	st_set_account(o, sfAccount, &p.id);
	st_set_u(o, sfOwnerNode, page);
}

/* Whatever it owns of another type than these three keeps the account, wherever it is. */
static void test_obligations(void **state)
{
	static const enum entry_type types[] = {
#define ENTRY(name, type, number) type,
#include "codec/entry_types.def"
#undef ENTRY
	};
	size_t blocked = 0;
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct keylet k = {.key = {{0xFF}}, .type = types[i]};

		if (k.type == ltTicket || k.type == ltSignerList || k.type == ltDepositPreauth ||
		    k.type == ltDirectoryNode)
			continue;
		open_at(&w, LEDGER, false);
		expect(&w, "alice", create(&w, "alice", 40), tesSUCCESS);
		put_entry(&w, "alice", k);
		expect(&w, "alice", delete_to(&w, "alice", "bob"), tecHAS_OBLIGATIONS);
		assert_int_equal(balance_of(&w, "alice"), 998 * XRP - 10);
		assert_int_equal(owned_by(&w, "alice"), 40);
		world_close(&w);
		blocked++;
	}
	assert_true(blocked > 20);
}

static void test_nfts(void **state)
{
	struct person alice = person("alice");
	static const uint8_t low[12] = {[11] = 1}, zeros[12];
	struct world w;

	(void)state;
	for (int i = 0; i < 8; i++) {
		struct keylet k = keylet_nft_page(&alice.id, i == 3 ? low : zeros);
		enum ter want = tecHAS_OBLIGATIONS;

		open_at(&w, LEDGER, false);
		switch (i) {
		case 0: /* minted, and not all burned */
			edit(&w, "alice", sfMintedNFTokens, 2);
			edit(&w, "alice", sfBurnedNFTokens, 1);
			break;
		case 1:
			edit(&w, "alice", sfMintedNFTokens, 1);
			break;
		case 2: /* holds some */
			view_insert(w.view, keylet_nft_page_max(&alice.id));
			break;
		case 3:
			view_insert(w.view, k);
			break;
		case 4: /* not hers: just above */
			k = keylet_nft_page_max(&alice.id);
			for (size_t b = 19; ++k.key.b[b] == 0; b--)
				;
			view_insert(w.view, k);
			want = tesSUCCESS;
			break;
		case 5: /* all burned, and the numbers are old */
			edit(&w, "alice", sfFirstNFTokenSequence, 100);
			edit(&w, "alice", sfMintedNFTokens, 45);
			edit(&w, "alice", sfBurnedNFTokens, 45);
			want = tesSUCCESS;
			break;
		case 6: /* one too young */
			edit(&w, "alice", sfFirstNFTokenSequence, 100);
			edit(&w, "alice", sfMintedNFTokens, 46);
			edit(&w, "alice", sfBurnedNFTokens, 46);
			want = tecTOO_SOON;
			break;
		default: /* not at their place: something else is */
			k = (struct keylet){.key = keylet_nft_page_max(&alice.id).key,
					    .type = ltCheck};
			view_insert(w.view, k);
			want = tesSUCCESS;
			break;
		}
		expect(&w, "alice", delete_to(&w, "alice", "bob"), want);
		world_close(&w);
	}
}

/* 1,000 things may go along; more may not, and a ticket that would be used is one of them. */
static void test_many(void **state)
{
	struct person alice = person("alice");

	(void)state;
	for (uint32_t n = 1000; n <= 1001; n++) {
		enum ter want = n == 1000 ? tesSUCCESS : tefTOO_BIG;
		struct world w;

		open_at(&w, 3 * LEDGER, false);
		for (uint32_t i = 2; i < n + 2; i++) {
			struct keylet k = keylet_ticket(&alice.id, i);
			struct st_object *o;

			put_entry(&w, "alice", k);
			assert_int_equal(view_peek(w.view, k, &o), FOUND);
			st_set_u(o, sfTicketSequence, i);
		}
		edit(&w, "alice", sfOwnerCount, n);
		edit(&w, "alice", sfTicketCount, n);
		edit(&w, "alice", sfSequence, n + 2 > 800 ? 800 : n);
		world_move(&w, 3 * LEDGER);
		expect(&w, "alice", with_ticket(delete_to(&w, "alice", "bob"), 700), want);
		if (want == tesSUCCESS)
			expect_no_trace(&w, "alice");
		else
			assert_int_equal(view_count_changes(w.view), 0);
		world_close(&w);
	}
}

/* Tickets, authorisations and a signer list on several pages. */
static void own_much(struct world *w)
{
	expect(w, "alice", create(w, "alice", 50), tesSUCCESS);
	expect(w, "alice", authorize(w, "alice", "bob"), tesSUCCESS);
	expect(w, "alice", signer_list(w, "alice", 1, "bob=1 dave=2"), tesSUCCESS);
	expect(w, "alice", authorize(w, "alice", "carol"), tesSUCCESS);
	expect(w, "alice", create(w, "alice", 40), tesSUCCESS);
	assert_int_equal(owned_by(w, "alice"), 93);
}

static const struct st_object *node_of(const struct st_object *meta, struct keylet k, enum sf how,
				       enum sf part)
{
	const struct st_array *nodes = st_get_array(meta, sfAffectedNodes);
	struct hash256 index;

	for (uint32_t i = 0; i < nodes->n; i++) {
		assert_true(st_get_hash256(nodes->e[i].object, sfLedgerIndex, &index));
		if (!hash256_eq(&index, &k.key))
			continue;
		assert_int_equal(nodes->e[i].field, how);
		return st_get_object(nodes->e[i].object, part);
	}
	fail_msg("no node");
	return NULL;
}

static void expect_links(const struct st_object *fields, int64_t next, int64_t previous)
{
	const enum sf f[] = {sfIndexNext, sfIndexPrevious};
	const int64_t want[] = {next, previous};

	for (int i = 0; i < 2; i++) {
		uint64_t got = 0;

		assert_int_equal(fields && st_get_u64(fields, f[i], &got), want[i] >= 0);
		assert_int_equal(got, want[i] >= 0 ? want[i] : 0);
	}
}

/* The pages go one after the other, from the first to the last, then the root. */
static void expect_pages(const struct st_object *meta)
{
	struct person alice = person("alice");
	struct keylet root = keylet_owner_dir(&alice.id);
	struct keylet one = keylet_dir_page(&root.key, 1), two = keylet_dir_page(&root.key, 2);

	expect_links(node_of(meta, one, sfDeletedNode, sfFinalFields), 2, -1);
	expect_links(node_of(meta, one, sfDeletedNode, sfPreviousFields), -1, -1);
	expect_links(node_of(meta, two, sfDeletedNode, sfFinalFields), -1, 0);
	expect_links(node_of(meta, two, sfDeletedNode, sfPreviousFields), -1, 1);
	expect_links(node_of(meta, root, sfDeletedNode, sfFinalFields), 0, 0);
	expect_links(node_of(meta, root, sfDeletedNode, sfPreviousFields), 1, 2);
}

static void expect_account_node(const struct st_object *meta, uint64_t left)
{
	struct person alice = person("alice");
	struct keylet k = keylet_account(&alice.id);
	const struct st_object *o = node_of(meta, k, sfDeletedNode, sfFinalFields);
	struct drops d;

	assert_true(st_get_drops(o, sfBalance, &d));
	assert_int_equal(d.raw, 0);
	assert_int_equal(st_u32_or(o, sfOwnerCount, 9), 0);
	assert_false(st_has(o, sfTicketCount));
	o = node_of(meta, k, sfDeletedNode, sfPreviousFields);
	assert_int_equal(st_u32_or(o, sfOwnerCount, 0), 93);
	assert_int_equal(st_u32_or(o, sfTicketCount, 0), 90);
	assert_true(st_get_drops(meta, sfDeliveredAmount, &d));
	assert_int_equal(d.raw, left);
}

static void test_all_goes(void **state)
{
	uint64_t left, bob;
	struct tx_outcome out;
	struct world w;
	struct tx *t;

	(void)state;
	open_at(&w, LEDGER, false);
	own_much(&w);
	world_move(&w, LEDGER + 1);
	left = balance_of(&w, "alice") - FEE;
	bob = balance_of(&w, "bob");
	t = signed_by("alice", delete_to(&w, "alice", "bob"));
	out = tx_apply(w.view, t, 0, 0, &w.arena);
	assert_int_equal(out.result, tesSUCCESS);
	assert_int_equal(balance_of(&w, "bob"), bob + left);
	assert_int_equal(view_burned(w.view).raw, FEE);
	expect_no_trace(&w, "alice");
	/* 93 entries, three pages, two accounts. */
	assert_int_equal(st_get_array(out.meta, sfAffectedNodes)->n, 98);
	expect_pages(out.meta);
	expect_account_node(out.meta, left);
	tx_unref(t);
	world_close(&w);
}

static void test_metadata(void **state)
{
	struct world w;

	(void)state;
	open_at(&w, LEDGER, false);
	expect_nodes(&w, "alice", delete_to(&w, "alice", "bob"), tesSUCCESS,
		     "[{'DeletedNode': {'LedgerEntryType': 'AccountRoot',"
		     "  'LedgerIndex': '<account alice>',"
		     "  'FinalFields': {'Account': '<alice>', 'Balance': '0', 'Flags': 0,"
		     "   'OwnerCount': 0, 'PreviousTxnID': '<before account alice>',"
		     "   'PreviousTxnLgrSeq': 0, 'Sequence': 2},"
		     "  'PreviousFields': {'Balance': '1000000000', 'Sequence': 1}}},"
		     " {'ModifiedNode': {'LedgerEntryType': 'AccountRoot',"
		     "  'LedgerIndex': '<account bob>',"
		     "  'FinalFields': {'Account': '<bob>', 'Balance': '1998000000', 'Flags': 0,"
		     "   'OwnerCount': 0, 'Sequence': 1},"
		     "  'PreviousFields': {'Balance': '1000000000'}}}]");
	world_close(&w);
}

/* What comes gives the free change of keys back, unless it is nothing. */
static void test_password(void **state)
{
	struct world w;

	(void)state;
	for (int some = 0; some < 2; some++) {
		open_at(&w, LEDGER, false);
		expect(&w, "bob", with_fee(regular_key(&w, "bob", "carol"), 0), tesSUCCESS);
		assert_true(flags_of_account(&w, "bob") & (uint32_t)lsfPasswordSpent);
		expect(&w, "alice",
		       with_fee(delete_to(&w, "alice", "bob"), 1000 * XRP - (some ? 1ull : 0ull)),
		       tesSUCCESS);
		assert_int_equal(balance_of(&w, "bob"), 1000 * XRP + (some ? 1ull : 0ull));
		assert_int_equal((flags_of_account(&w, "bob") & (uint32_t)lsfPasswordSpent) == 0,
				 some);
		expect_no_trace(&w, "alice");
		world_close(&w);
	}
}

/* An account that comes back begins with the ledger's sequence: nothing that the first one has
 * signed works again, whether it was used or not. */
static void test_second_life(void **state)
{
	struct tx *used, *late, *ticket, *open_ticket;
	struct world w;

	(void)state;
	open_at(&w, LEDGER, false);
	used = signed_by("alice", payment(&w, "alice", 1, "bob", 7 * XRP));
	ticket = signed_by("alice", with_ticket(payment(&w, "alice", 0, "bob", XRP), 3));
	open_ticket = signed_by("alice", with_ticket(payment(&w, "alice", 0, "bob", XRP), 4));
	late = signed_by("alice", payment(&w, "alice", 60, "bob", 9 * XRP)); /* never used */
	assert_int_equal(tx_apply(w.view, used, 0, 0, NULL).result, tesSUCCESS);
	expect(&w, "alice", create(&w, "alice", 10), tesSUCCESS); /* 3 to 12 */
	assert_int_equal(tx_apply(w.view, ticket, 0, 0, NULL).result, tesSUCCESS);
	assert_int_equal(tx_apply(w.view, late, 0, 0, NULL).result, terPRE_SEQ);
	expect(&w, "alice", delete_to(&w, "alice", "bob"), tesSUCCESS);
	assert_int_equal(tx_apply(w.view, used, 0, 0, NULL).result, terNO_ACCOUNT);
	world_move(&w, LEDGER + 20);

	fund(&w, "alice", 500 * XRP);
	assert_int_equal(sequence_of(&w, "alice"), LEDGER + 20);
	assert_int_equal(owned_by(&w, "alice"), 0);
	assert_false(st_has(account_of(&w, "alice"), sfTicketCount));
	assert_int_equal(tx_apply(w.view, used, 0, 0, NULL).result, tefPAST_SEQ);
	assert_int_equal(tx_apply(w.view, late, 0, 0, NULL).result, tefPAST_SEQ);
	assert_int_equal(tx_apply(w.view, ticket, 0, 0, NULL).result, tefNO_TICKET);
	assert_int_equal(tx_apply(w.view, open_ticket, 0, 0, NULL).result, tefNO_TICKET);
	assert_int_equal(balance_of(&w, "alice"), 500 * XRP);
	expect(&w, "alice", delete_to(&w, "alice", "bob"), tecTOO_SOON);
	expect(&w, "alice", noop(&w, "alice"), tesSUCCESS);
	tx_unref(used);
	tx_unref(late);
	tx_unref(ticket);
	tx_unref(open_ticket);
	world_close(&w);
}

/* Within one ledger: what the account still wanted to do fails, and it may come back at once. */
static void test_same_ledger(void **state)
{
	struct st_object *o;
	struct world w;

	(void)state;
	open_at(&w, LEDGER, false);
	o = payment(&w, "alice", 2, "bob", XRP);
	expect(&w, "alice", delete_to(&w, "alice", "bob"), tesSUCCESS);
	expect(&w, "alice", o, terNO_ACCOUNT);
	expect(&w, "bob", payment(&w, "bob", 1, "alice", 9 * XRP), tecNO_DST_INSUF_XRP);
	expect(&w, "bob", payment(&w, "bob", 2, "alice", 10 * XRP), tesSUCCESS);
	assert_int_equal(sequence_of(&w, "alice"), LEDGER);
	expect(&w, "alice", payment(&w, "alice", 2, "bob", 1), tefPAST_SEQ);
	world_move(&w, LEDGER + 1);
	assert_int_equal(balance_of(&w, "alice"), 10 * XRP);
	world_close(&w);
}

/* A tec, a fee, a later pass: the account is as it was but for the fee; nothing is delivered. */
static void test_only_the_fee(void **state)
{
	struct tx_outcome out;
	struct world w;
	struct tx *t;

	(void)state;
	open_at(&w, LEDGER, false);
	expect(&w, "alice", create(&w, "alice", 3), tesSUCCESS);
	put_entry(&w, "alice", (struct keylet){.key = {{7}}, .type = ltOffer});
	t = signed_by("alice", with_ticket(delete_to(&w, "alice", "bob"), 3));
	out = tx_apply(w.view, t, TX_RETRY, 0, &w.arena);
	assert_int_equal(out.result, tecHAS_OBLIGATIONS);
	assert_false(out.applied);
	out = tx_apply(w.view, t, 0, 0, &w.arena);
	assert_int_equal(out.result, tecHAS_OBLIGATIONS);
	assert_true(out.applied);
	assert_false(st_has(out.meta, sfDeliveredAmount));
	assert_int_equal(st_get_array(out.meta, sfAffectedNodes)->n, 3); /* her, page, ticket */
	assert_int_equal(owned_by(&w, "alice"), 2);
	assert_int_equal(balance_of(&w, "alice"), 998 * XRP - 10);
	assert_int_equal(balance_of(&w, "bob"), 1000 * XRP);
	tx_unref(t);
	world_close(&w);
}

static void test_consequences(void **state)
{
	struct tx_consequences c;
	struct world w;
	struct tx *t;

	(void)state;
	open_at(&w, LEDGER, false);
	t = signed_by("alice", delete_to(&w, "alice", "bob"));
	tx_consequences_of(t, &c);
	assert_true(c.blocker);
	assert_int_equal(c.sequences, 1);
	assert_int_equal(tx_base_fee(t, w.view).raw, FEE);
	tx_unref(t);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_malformed),    cmocka_unit_test(test_fee),
	    cmocka_unit_test(test_age),          cmocka_unit_test(test_destination),
	    cmocka_unit_test(test_obligations),  cmocka_unit_test(test_nfts),
	    cmocka_unit_test(test_many),         cmocka_unit_test(test_all_goes),
	    cmocka_unit_test(test_metadata),     cmocka_unit_test(test_password),
	    cmocka_unit_test(test_second_life),  cmocka_unit_test(test_same_ledger),
	    cmocka_unit_test(test_only_the_fee), cmocka_unit_test(test_consequences),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
