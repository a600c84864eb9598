/* SPDX-License-Identifier: ISC */
#include "tests/codec/support.h"

#include "base/limits.h"
#include "crypto/base58.h"
#include "crypto/hash.h"
#include "ledger/genesis.h"
#include "ledger/keylet.h"

#include <stdlib.h>
#include <string.h>

/* Headers, entry indexes, rules, skip lists, genesis. */

static struct account_id account(const char *text)
{
	struct account_id id;

	assert_int_equal(account_parse(&id, text), ERR_NONE);
	return id;
}

static void expect_key(const char *want, struct keylet k, enum entry_type type)
{
	assert_string_equal(hash256_hex(&k.key).s, want);
	assert_int_equal(k.type, type);
}

static void test_known_keylets(void **state)
{
	struct account_id master = account("rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh");
	struct account_id a = account("rDx69ebzbowuqztksVDmZXjizTd12BVr4x");
	struct account_id b = account("rLFtVprxUEfsH54eCWKsZrEQzMDsx1wqso");
	struct account_id c = account("r32UufnaCGL82HubijgJGDmdE5hac7ZvLw");

	(void)state;
	expect_key("2B6AC232AA4C4BE41BF49D2459FA4A0347E1B543A4C92FCEE0821C0201E2E9A8",
		   keylet_account(&master), ltAccountRoot);
	expect_key("4BC50C9B0D8515D3EAAE1E74B29A95804346C491EE1A95BF25E4AAB854A6A651",
		   keylet_fees(), ltFeeSettings);
	expect_key("7DB0788C020F02780A673DC74757F23823FA3014C1866E72CC4CD8B226CD6EF4",
		   keylet_amendments(), ltAmendments);
	expect_key("B4979A36CDC7F3D3D5C31A4EAE2AC7D7209DDA877588B9AFC66799692AB0D66B",
		   keylet_skip(), ltLedgerHashes);
	expect_key("2E8A59AA9D3B5B186B0B9E0F62E6C02587CA74A4D778938E957B6357D364B244",
		   keylet_negative_unl(), ltNegativeUNL);
	expect_key("61E8E8ED53FA2CEBE192B23897071E9A75217BF5A410E9CB5B45AAB7AECA567A",
		   keylet_escrow(&a, 84), ltEscrow);
	expect_key("E35708503B3C3143FB522D749AAFCC296E8060F0FB371A9A56FAE0B1ED127366",
		   keylet_pay_channel(&a, &b, 82), ltPayChannel);
	expect_key("96A9892885044EF54E48E7F541549C50CB2D9C47B04F57E70D61B4C60DBED222",
		   keylet_signers(&c), ltSignerList);
}

/* Indexes of entries that the protocol's documentation shows. */
static void test_documented_keylets(void **state)
{
	struct currency xrp = {{0}}, nex = {{[12] = 'N', [13] = 'E', [14] = 'X'}};
	struct account_id none = {{0}}, a, b;
	struct hash256 token;

	(void)state;
	a = account("rQGiPFWhaTDdue1xHX7cVpxGqPQK54zng1");
	expect_key("F490627BACE2D0AA744514A640B4999D50E495DD1677550D8B10E2D20FBB15C3",
		   keylet_amm(&xrp, &none, &nex, &a), ltAMM);
	expect_key("F490627BACE2D0AA744514A640B4999D50E495DD1677550D8B10E2D20FBB15C3",
		   keylet_amm(&nex, &a, &xrp, &none), ltAMM);
	a = account("rUn84CUYbNjRoTQ6mSW7BVJPSVJNLb1QLo");
	expect_key("49647F0D748DC3FE26BDACBC57F251AADEFFF391403EC9BF87C97F67E9977FB0",
		   keylet_check(&a, 2), ltCheck);
	a = account("rsUiUMpnrgxQp24dJYZDhmV4bE3aBtQyt8");
	b = account("rEhxGqkqPPSxQ3P25J66ft5TwpzV14k2de");
	expect_key("4A255038CC3ADCC1A9C91509279B59908251728D0DAADB248FFE297D0F7E068C",
		   keylet_deposit_preauth(&a, &b), ltDepositPreauth);
	a = account("rpfqJrXg5uidNo2ZsRhRY6TiF1cvYmV9Fg");
	expect_key("46813BE38B798B3752CA590D44E7FEADB17485649074403AD1761A2835CE91FF",
		   keylet_did(&a), ltDID);
	assert_true(hex_decode(token.b, sizeof(token.b),
			       "000822603EA060FD1026C04B2D390CC132D07D600DA9B082CB5CE9AC0487E50B",
			       64));
	expect_key("0EC5802BD1AB56527A9DE524CCA2A2BA25E1085CCE7EA112940ED115FFF91EE2",
		   keylet_nft_buys(&token), ltDirectoryNode);
}

/* The rest by their definition: the hash of these bytes. */
static void expect_hash_of(const char *hex, struct keylet k, enum entry_type type)
{
	struct arena a = ARENA_INIT;
	struct bytes b = unhex(&a, hex);
	struct hash256 h;

	sha512_half(&h, b.p, b.n);
	assert_true(hash256_eq(&h, &k.key));
	assert_int_equal(k.type, type);
	arena_close(&a);
}

#define A20 "0101010101010101010101010101010101010101"
#define B20 "0202020202020202020202020202020202020202"
#define C20 "0303030303030303030303030303030303030303"
#define D20 "0404040404040404040404040404040404040404"
#define H32 "0505050505050505050505050505050505050505050505050505050505050505"

static void test_keylets_by_definition(void **state)
{
	struct account_id a, b;
	struct currency c, d;
	struct hash256 h;
	struct keylet k;
	struct mpt_id mpt;
	uint8_t low[12] = {9};

	(void)state;
	memset(a.b, 1, 20);
	memset(b.b, 2, 20);
	memset(c.b, 3, 20);
	memset(d.b, 4, 20);
	memset(h.b, 5, 32);
	expect_hash_of("0054" A20 "00000007", keylet_ticket(&a, 7), ltTicket);
	expect_hash_of("0052" A20 "00000007", keylet_oracle(&a, 7), ltOracle);
	expect_hash_of("0045" A20 B20, keylet_delegate(&a, &b), ltDelegate);
	expect_hash_of("0044" A20 B20 "6162", keylet_credential(&a, &b, bytes_str("ab")),
		       ltCredential);
	expect_hash_of("006D" A20 "00000007", keylet_permissioned_domain(&a, 7),
		       ltPermissionedDomain);
	expect_hash_of("0056" A20 "00000007", keylet_vault(&a, 7), ltVault);
	expect_hash_of("006C" A20 "00000007", keylet_loan_broker(&a, 7), ltLoanBroker);
	expect_hash_of("004C" H32 "00000007", keylet_loan(&h, 7), ltLoan);
	expect_hash_of("0071" A20 "00000007", keylet_nft_offer(&a, 7), ltNFTokenOffer);
	expect_hash_of("0069" H32, keylet_nft_sells(&h), ltDirectoryNode);
	expect_hash_of("0048" A20 C20, keylet_bridge(&a, &c), ltBridge);
	expect_hash_of("0073"
		       "00000002",
		       keylet_skip_long(0x2FFFF), ltLedgerHashes);
	expect_hash_of("0064" H32 "0000000000000003", keylet_dir_page(&h, 3), ltDirectoryNode);
	k = keylet_dir_page(&h, 0);
	assert_true(hash256_eq(&k.key, &h));
	expect_hash_of("007E"
		       "00000007" A20,
		       keylet_mpt_issuance_of(7, &a), ltMPTokenIssuance);
	store_be32(mpt.b, 7);
	memcpy(mpt.b + 4, a.b, 20);
	k = keylet_mpt_issuance(&mpt);
	{
		char hex[2 + 2 + 64 + 40 + 1] = "0074";

		strcat(hex, hash256_hex(&k.key).s);
		strcat(hex, B20);
		expect_hash_of(hex, keylet_mptoken(&mpt, &b), ltMPToken);
	}
	k = keylet_nft_page(&a, low);
	assert_true(memcmp(k.key.b, a.b, 20) == 0 && k.key.b[20] == 9 && k.key.b[31] == 0);
	k = keylet_nft_page_max(&a);
	assert_true(memcmp(k.key.b, a.b, 20) == 0 && k.key.b[20] == 255 && k.key.b[31] == 255);
	/* The book's quality is cut out of the hash. */
	for (int domain = 0; domain < 2; domain++) {
		struct arena ar = ARENA_INIT;
		struct bytes in = unhex(&ar, domain ? "0042" C20 D20 A20 B20 H32
						    : "0042" C20 D20 A20 B20);
		struct hash256 want;

		sha512_half(&want, in.p, in.n);
		memset(want.b + 24, 0, 8);
		k = keylet_book(&c, &a, &d, &b, domain ? &h : NULL);
		assert_true(hash256_eq(&want, &k.key));
		arena_close(&ar);
	}
}

static void check_line(struct arena *a, const json_t *entry, const char *index)
{
	struct st_object *o;
	struct amount low, high;
	struct bytes raw;
	json_t *copy = json_deep_copy(entry);
	struct why why;

	json_object_del(copy, "index");
	assert_int_equal(st_from_json(&o, a, copy, &why), ERR_NONE);
	assert_true(st_get_raw(o, sfLowLimit, &raw));
	assert_int_equal(amount_decode(&low, raw), ERR_NONE);
	assert_true(st_get_raw(o, sfHighLimit, &raw));
	assert_int_equal(amount_decode(&high, raw), ERR_NONE);
	expect_key(index, keylet_line(&low.issuer, &high.issuer, &low.currency), ltRippleState);
	expect_key(index, keylet_line(&high.issuer, &low.issuer, &low.currency), ltRippleState);
	json_decref(copy);
}

static const char *member(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* Every entry of a public ledger is where its keylet says. */
static void test_keylets_of_a_ledger(void **state)
{
	json_t *all = vectors_load("ledger-full-38129.json"), *entry;
	unsigned accounts = 0, lines = 0, offers = 0, dirs = 0;
	struct arena a = ARENA_INIT;
	size_t i;

	(void)state;
	if (!all)
		return;
	json_array_foreach(json_object_get(all, "accountState"), i, entry)
	{
		const char *type = member(entry, "LedgerEntryType"),
			   *index = member(entry, "index");
		struct account_id id;

		if (strcmp(type, "AccountRoot") == 0) {
			id = account(member(entry, "Account"));
			expect_key(index, keylet_account(&id), ltAccountRoot);
			accounts++;
		} else if (strcmp(type, "RippleState") == 0) {
			check_line(&a, entry, index);
			lines++;
		} else if (strcmp(type, "Offer") == 0) {
			json_int_t seq = json_integer_value(json_object_get(entry, "Sequence"));

			id = account(member(entry, "Account"));
			expect_key(index, keylet_offer(&id, (uint32_t)seq), ltOffer);
			offers++;
		} else if (strcmp(type, "DirectoryNode") == 0 && json_object_get(entry, "Owner") &&
			   strcmp(member(entry, "RootIndex"), index) == 0) {
			id = account(member(entry, "Owner"));
			expect_key(index, keylet_owner_dir(&id), ltDirectoryNode);
			dirs++;
		}
	}
	print_message("%u accounts, %u lines, %u offers, %u directories\n", accounts, lines, offers,
		      dirs);
	assert_true(accounts > 50 && lines > 20 && offers > 2 && dirs > 20);
	json_decref(all);
	arena_close(&a);
}

static void test_header(void **state)
{
	struct ledger_header h = {.seq = 7,
				  .drops = {DROPS_MAX},
				  .parent = {{1}},
				  .tx_hash = {{2}},
				  .state_hash = {{3}},
				  .parent_close = {4},
				  .close = {5},
				  .close_resolution = 30,
				  .close_flags = 1},
			     out;
	uint8_t b[LEDGER_HEADER_BYTES + 1];

	(void)state;
	ledger_header_encode(b, &h);
	memset(&out, 0xAA, sizeof(out));
	assert_int_equal(ledger_header_decode(&out, bytes_of(b, LEDGER_HEADER_BYTES)), ERR_NONE);
	assert_int_equal(out.seq, 7);
	assert_int_equal(out.drops.raw, DROPS_MAX);
	assert_true(hash256_eq(&out.state_hash, &h.state_hash));
	assert_int_equal(out.close.s, 5);
	assert_int_equal(out.close_resolution, 30);
	assert_int_equal(ledger_header_decode(&out, bytes_of(b, LEDGER_HEADER_BYTES - 1)),
			 ERR_SHORT);
	b[LEDGER_HEADER_BYTES] = 0;
	assert_int_equal(ledger_header_decode(&out, bytes_of(b, sizeof(b))), ERR_TRAILING);
	store_be64(b + 4, DROPS_MAX + 1);
	assert_int_equal(ledger_header_decode(&out, bytes_of(b, LEDGER_HEADER_BYTES)), ERR_RANGE);
}

static void test_amendments(void **state)
{
	const struct amendment *all, *one;
	struct hash256 list[2], unknown = {{1, 2, 3}};
	struct rules *r;
	size_t n;

	(void)state;
	amendments_init();
	all = amendments_all(&n);
	assert_true(n > 100);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(amendment_by_id(&all[i].id), &all[i]);
		assert_ptr_equal(amendment_by_name(all[i].name, strlen(all[i].name)), &all[i]);
	}
	assert_null(amendment_by_id(&unknown));
	assert_null(amendment_by_name("XRPFee", 6));
	one = amendment_by_name("XRPFees", 7);
	assert_string_equal(hash256_hex(&one->id).s,
			    "93E516234E35E08CA689FA33A6D38E103881F8DCB53023F728C307AA89D515A7");
	assert_true(one->supported);
	assert_false(amendment_by_name("AMM", 3)->supported);

	list[0] = all[5].id;
	list[1] = all[2].id;
	r = rules_of_list(list, 2);
	assert_true(rules_enabled(r, &all[2].id));
	assert_true(rules_enabled(rules_ref(r), &all[5].id));
	assert_false(rules_enabled(r, &all[3].id));
	assert_true(amendment_on(r, (enum amendment_index)5));
	rules_unref(r);
	rules_unref(r);
	r = rules_of_list(NULL, 0);
	assert_false(rules_enabled(r, &all[2].id));
	rules_unref(r);
}

static void test_resolution(void **state)
{
	(void)state;
	assert_int_equal(close_resolution_next(30, true, 7), 30);
	assert_int_equal(close_resolution_next(30, true, 8), 20);
	assert_int_equal(close_resolution_next(10, true, 8), 10);
	assert_int_equal(close_resolution_next(30, false, 7), 60);
	assert_int_equal(close_resolution_next(30, false, 8), 60);
	assert_int_equal(close_resolution_next(120, false, 7), 120);
	assert_int_equal(close_resolution_next(17, true, 8), 17);
}

/* A chain of headers only; every hash that the skip lists promise can be found in any ledger. */
static void test_skip_list(void **state)
{
	enum { LAST = 900 };
	struct hash256 *hashes = mem_zalloc(LAST + 1, sizeof(hashes[0]));
	struct ledger_header h = {.seq = 1, .drops = {DROPS_MAX}};
	struct ledger *tip;
	struct tree s, t;

	(void)state;
	tree_init_empty(&s, TREE_STATE, NULL);
	tree_init_empty(&t, TREE_TX_META, NULL);
	tip = ledger_make(&h, &s, &t);
	hashes[1] = tip->hash;
	for (uint32_t seq = 2; seq <= LAST; seq++) {
		struct hash256 got;

		tree_share(&s, &tip->state);
		tree_init_empty(&t, TREE_TX_META, NULL);
		assert_int_equal(skip_list_update(&s, seq, &tip->hash), FOUND);
		h.seq = seq;
		h.parent = tip->hash;
		ledger_unref(tip);
		tip = ledger_make(&h, &s, &t);
		hashes[seq] = tip->hash;
		for (uint32_t q = 0; q <= seq + 1; q++) {
			bool near = q + 256 >= seq && q <= seq && q > 0;
			bool flag = q % 256 == 0 && q > 0 && q < seq;
			enum found f = skip_list_hash(tip, q, &got);

			if (f != (near || flag ? FOUND : ABSENT))
				fail_msg("ledger %u knows of %u: %d", seq, q, f);
			if (f == FOUND)
				assert_true(hash256_eq(&got, &hashes[q]));
		}
	}
	ledger_unref(tip);
	mem_free(hashes);
}

static void test_fees(void **state)
{
	struct ledger_fees fees;
	struct tree empty;

	(void)state;
	tree_init_empty(&empty, TREE_STATE, NULL);
	assert_int_equal(ledger_fees_read(&empty, &fees), FOUND);
	assert_int_equal(fees.base.raw, 10);
	assert_int_equal(fees.reserve.raw, 10000000);
	assert_int_equal(fees.increment.raw, 2000000);
	tree_close(&empty);
}

static void expect_state(const struct genesis *g, size_t amendments)
{
	struct ledger *first, *second;
	struct ledger_fees fees;
	struct rules *rules;
	struct why why = {{0}};

	if (genesis_build(g, &first, &second, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	assert_true(tree_check(&second->state, &why));
	assert_int_equal(ledger_fees_read(&second->state, &fees), FOUND);
	assert_true(memcmp(&fees, &g->fees, sizeof(fees)) == 0);
	assert_int_equal(rules_read(&second->state, &rules), FOUND);
	assert_int_equal(rules->n, amendments);
	assert_int_equal(second->header.seq, 2);
	assert_true(hash256_eq(&second->header.parent, &first->hash));
	assert_int_equal(second->header.close.s, g->close_time.s);
	rules_unref(rules);
	ledger_unref(first);
	ledger_unref(second);
}

static void test_genesis_text(void **state)
{
	struct genesis g, again;
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct why why = {{0}};

	(void)state;
	for (int with = 0; with < 2; with++) {
		genesis_default(&g, with);
		g.network_id = 21337;
		g.generated = 3;
		g.generated_balance = drops_of(1000);
		g.accounts[0].balance = drops_of(DROPS_MAX - 3000);
		buf_clear(&a);
		genesis_print(&g, &a);
		if (genesis_parse(&again, buf_bytes(&a), &why) != ERR_NONE)
			fail_msg("%s", why.text);
		buf_clear(&b);
		genesis_print(&again, &b);
		assert_true(bytes_eq(buf_bytes(&a), buf_bytes(&b)));
		assert_int_equal(again.network_id, 21337);
		assert_int_equal(again.generated, 3);
		expect_state(&again, g.n_amendments);
		assert_true(with ? g.n_amendments > 50 : g.n_amendments == 0);
		genesis_close(&g);
		genesis_close(&again);
	}
	buf_close(&a);
	buf_close(&b);
}

#define HEAD                                                                                       \
	"# tally genesis 1\nnetwork_id = 1\nclose_time = 0\nclose_time_resolution = 10\n"          \
	"base_fee = 10\nreserve_base = 10\nreserve_increment = 2\n"
#define TAIL "total_drops = 5\naccount = rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh 5\n"

#define KEY "8CC0774A3BF66D1D22E76BBDA8E8A232E6B6313834301B3B23E8601196AE6455"

static void test_genesis_errors(void **state)
{
	static const struct {
		const char *text;
		enum err want;
		const char *says;
	} rows[] = {
	    {HEAD "xrp_fees = no # none\n\n" TAIL, ERR_NONE, ""},
	    {HEAD TAIL, ERR_ABSENT, "no xrp_fees"},
	    {"network_id = 1\n", ERR_SCHEMA, "line 1"},
	    {HEAD "xrp_fees = no\nfoo = 1\n" TAIL, ERR_INVALID, "line 9: unknown key foo"},
	    {HEAD "xrp_fees = no\namendment_majority_time = 900\n" TAIL, ERR_NONE, ""},
	    {HEAD "xrp_fees = no\namendment_majority_time = 0\n" TAIL, ERR_RANGE,
	     "line 9: amendment_majority_time: at least"},
	    {HEAD "xrp_fees = no\namendment_majority_time = 2 weeks\n" TAIL, ERR_INVALID, "line 9"},
	    {HEAD "xrp_fees = maybe\n" TAIL, ERR_INVALID, "line 8: xrp_fees: yes or no"},
	    {HEAD "xrp_fees = no\nbase_fee = 10\n" TAIL, ERR_DUPLICATE, "line 9"},
	    {HEAD "xrp_fees = no\njunk\n" TAIL, ERR_INVALID, "line 9"},
	    {HEAD "xrp_fees = yes\n" TAIL, ERR_MISMATCH, "XRPFees"},
	    {HEAD "xrp_fees = no\naccount = rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTi 1\n" TAIL,
	     ERR_MISMATCH, "line 9: account: not an address"},
	    {HEAD "xrp_fees = no\naccount = rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh -1\n" TAIL,
	     ERR_INVALID, "not a number"},
	    {HEAD "xrp_fees = no\naccount = rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh 010\n" TAIL,
	     ERR_INVALID, "not a number"},
	    {HEAD "xrp_fees = no\naccount = rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh "
		  "100000000000000001\n" TAIL,
	     ERR_RANGE, "at most"},
	    {HEAD "xrp_fees = no\namendment = 12 foo\n" TAIL, ERR_INVALID, "64 hex digits"},
	    {HEAD "xrp_fees = no\namendment = "
		  "8CC0774A3BF66D1D22E76BBDA8E8A232E6B6313834301B3B23E8601196AE6455 AMM\n" TAIL,
	     ERR_STATE, "does not support AMM"},
	    {HEAD "xrp_fees = no\namendment = "
		  "93E516234E35E08CA689FA33A6D38E103881F8DCB53023F728C307AA89D515A7 XRP\n" TAIL,
	     ERR_MISMATCH, "that of XRPFees"},
	    {"# tally genesis 1\nnetwork_id = 4294967296\n", ERR_RANGE, "line 2"},
	    {"# tally genesis 1\nclose_time_resolution = 15\n", ERR_RANGE, "line 2"},
	    {"", ERR_ABSENT, "no network_id"},
	    {HEAD "xrp_fees = no\ntotal_drops = 5\n", ERR_ABSENT, "no account"},
	    {HEAD "xrp_fees = no\nentry = 12 00\n" TAIL, ERR_INVALID, "64 hex digits"},
	    {HEAD "xrp_fees = no\nentry = " KEY " 0\n" TAIL, ERR_INVALID, "not hex"},
	    {HEAD "xrp_fees = no\nentry = " KEY " 1122\n" TAIL, ERR_INVALID, "not an entry"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct why why = {{0}};
		struct genesis g;
		enum err e = genesis_parse(&g, bytes_str(rows[i].text), &why);

		if (e != rows[i].want || !strstr(why.text, rows[i].says))
			fail_msg("row %zu: %s: %s", i, err_name(e), why.text);
		if (e == ERR_NONE)
			genesis_close(&g);
	}
}

static void test_genesis_build_errors(void **state)
{
	struct ledger *first, *second;
	struct why why;
	struct genesis g;

	(void)state;
	genesis_default(&g, true);
	g.total = drops_of(DROPS_MAX - 1);
	assert_int_equal(genesis_build(&g, &first, &second, &why), ERR_RANGE);
	g.total = drops_of(DROPS_MAX);
	g.accounts = mem_resize(g.accounts, 2, sizeof(g.accounts[0]));
	g.accounts[1] = g.accounts[0];
	g.accounts[1].balance = drops_of(0);
	g.n_accounts = 2;
	assert_int_equal(genesis_build(&g, &first, &second, &why), ERR_DUPLICATE);
	genesis_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_keylets),
	    cmocka_unit_test(test_documented_keylets),
	    cmocka_unit_test(test_keylets_by_definition),
	    cmocka_unit_test(test_keylets_of_a_ledger),
	    cmocka_unit_test(test_header),
	    cmocka_unit_test(test_amendments),
	    cmocka_unit_test(test_resolution),
	    cmocka_unit_test(test_skip_list),
	    cmocka_unit_test(test_fees),
	    cmocka_unit_test(test_genesis_text),
	    cmocka_unit_test(test_genesis_errors),
	    cmocka_unit_test(test_genesis_build_errors),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
