/* SPDX-License-Identifier: ISC */
#include "tests/crypto/support.h"

#include "crypto/base58.h"
#include "crypto/keys.h"
#include "crypto/words.h"

#include <stdio.h>
#include <stdlib.h>

/* base58 */

static void known_texts(void **state)
{
	static const struct {
		enum base58_type type;
		const char *hex, *text;
	} rows[] = {
	    {BASE58_ACCOUNT, "B5F762798A53D543A014CAF8B297CFF8F2F937E8",
	     "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"},
	    {BASE58_ACCOUNT, "0000000000000000000000000000000000000000",
	     "rrrrrrrrrrrrrrrrrrrrrhoLvTp"},
	    {BASE58_ACCOUNT, "0000000000000000000000000000000000000001",
	     "rrrrrrrrrrrrrrrrrrrrBZbvji"},
	    {BASE58_SEED, "DEDCE9CE67B451D852FD4E846FCDE31C", "snoPBrXtMeMyMHUVTgbuqAfg1SUTb"},
	    {BASE58_SEED_ED25519, "4C3A1D213FBDFB14C7C28D609469B341",
	     "sEdTM1uX8pu2do5XvTnutH6HsouMaM2"},
	    {BASE58_NODE_PUBLIC,
	     "0388E5BA87A000CB807240DF8C848EB0B5FFA5C8E5A521BC8E105C0F0A44217828",
	     "n9MXXueo837zYH36DvMc13BwHcqtfAWNJY5czWVbp7uYTj7x17TH"},
	    {BASE58_ACCOUNT_PUBLIC,
	     "023693F15967AE357D0327974AD46FE3C127113B1110D6044FD41E723689F81CC6",
	     "aB44YfzW24VDEJQ2UuLPV2PvqcPCSoLnL7y5M1EzhdW4LnK5xMS3"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bytes payload = unhex(rows[i].hex);
		char text[BASE58_TEXT_MAX];
		uint8_t back[33];

		assert_int_equal(payload.n, base58_payload_size(rows[i].type));
		size_t n = base58_encode(text, rows[i].type, payload.p);

		assert_string_equal(text, rows[i].text);
		assert_int_equal(n, strlen(text));
		assert_int_equal(base58_decode(back, rows[i].type, text, strlen(text)), 0);
		assert_memory_equal(back, payload.p, payload.n);
	}
}

/* Every kind: round trip at the corners, and no text reads as another kind. */
static void kinds_do_not_mix(void **state)
{
	static const uint8_t fill[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};

	(void)state;
	for (int type = 0; type < BASE58_TYPE_COUNT; type++)
		for (size_t i = 0; i < COUNT(fill); i++) {
			uint8_t payload[33], back[33];
			char text[BASE58_TEXT_MAX];
			size_t n;

			memset(payload, fill[i], sizeof(payload));
			n = base58_encode(text, (enum base58_type)type, payload);
			for (int as = 0; as < BASE58_TYPE_COUNT; as++) {
				enum err e = base58_decode(back, (enum base58_type)as, text, n);

				assert_int_equal(e == ERR_NONE, as == type);
			}
		}
}

static void damaged_texts_are_refused(void **state)
{
	char text[] = "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", other[BASE58_TEXT_MAX + 8];
	size_t n = strlen(text);
	struct account_id id;

	(void)state;
	assert_int_equal(account_parse(&id, text), ERR_NONE);
	for (size_t i = 0; i < n; i++)
		for (int c = 0; c < 256; c++) {
			char old = text[i];

			if ((char)c == old)
				continue;
			text[i] = (char)c;
			assert_int_not_equal(base58_decode(id.b, BASE58_ACCOUNT, text, n), 0);
			text[i] = old;
		}
	for (size_t i = 0; i < n; i++)
		assert_int_not_equal(base58_decode(id.b, BASE58_ACCOUNT, text, i), 0);
	snprintf(other, sizeof(other), "r%s", text);
	assert_int_equal(account_parse(&id, other), ERR_INVALID);
	snprintf(other, sizeof(other), "%s ", text);
	assert_int_equal(account_parse(&id, other), ERR_INVALID);
	assert_int_equal(account_parse(&id, ""), ERR_INVALID);
	memset(other, 'r', sizeof(other) - 1);
	other[sizeof(other) - 1] = '\0';
	assert_int_equal(account_parse(&id, other), ERR_INVALID);
	memset(other, 'z', sizeof(other) - 1);
	assert_int_equal(account_parse(&id, other), ERR_INVALID);
	assert_int_equal(account_parse(&id, "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTs"), ERR_MISMATCH);
}

static void seeds_say_their_kind(void **state)
{
	enum key_type type;
	struct seed seed;

	(void)state;
	assert_int_equal(seed_parse(&seed, &type, "snoPBrXtMeMyMHUVTgbuqAfg1SUTb"), 0);
	assert_int_equal(type, KEY_SECP256K1);
	assert_string_equal(seed_text(&seed, type).s, "snoPBrXtMeMyMHUVTgbuqAfg1SUTb");
	assert_int_equal(seed_parse(&seed, &type, "sEdTM1uX8pu2do5XvTnutH6HsouMaM2"), 0);
	assert_int_equal(type, KEY_ED25519);
	assert_string_equal(seed_text(&seed, type).s, "sEdTM1uX8pu2do5XvTnutH6HsouMaM2");
	assert_int_not_equal(seed_parse(&seed, &type, "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"), 0);
}

static void public_keys_parse(void **state)
{
	const char *text = "n9MXXueo837zYH36DvMc13BwHcqtfAWNJY5czWVbp7uYTj7x17TH";
	uint8_t bad[33] = {0x05};
	struct public_key key;
	char t[BASE58_TEXT_MAX];

	(void)state;
	assert_int_equal(node_public_parse(&key, text), ERR_NONE);
	assert_string_equal(node_public_text(&key).s, text);
	assert_int_equal(account_public_parse(&key, text), ERR_MISMATCH);
	assert_int_equal(account_public_parse(&key, account_public_text(&key).s), ERR_NONE);
	base58_encode(t, BASE58_NODE_PUBLIC, bad);
	assert_int_equal(node_public_parse(&key, t), ERR_INVALID);
}

/* Right checksums over wrong contents. */
static void bad_x_addresses_are_refused(void **state)
{
	struct x_address a;

	(void)state;
	assert_int_equal(
	    x_address_decode(&a, "dGzKGt8CVpWoa8aWL1k18tAdy9Won3PxynvbbpkAqp3V47g", 47),
	    ERR_MISMATCH); /* no such prefix */
	assert_int_equal(
	    x_address_decode(&a, "XVLhHMPHU98es4dbozjVtdWzVrDjtV18pX8zeUygYrCgrPh", 47),
	    ERR_INVALID); /* a tag of 64 bits */
}

static void x_addresses(void **state)
{
	static const struct {
		const char *classic;
		bool has_tag;
		uint32_t tag;
		const char *main, *test;
	} rows[] = {
	    {"rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf", false, 0,
	     "XVLhHMPHU98es4dbozjVtdWzVrDjtV5fdx1mHp98tDMoQXb",
	     "TVE26TYGhfLC7tQDno7G8dGtxSkYQn49b3qD26PK7FcGSKE"},
	    {"rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf", true, 0,
	     "XVLhHMPHU98es4dbozjVtdWzVrDjtV8AqEL4xcZj5whKbmc",
	     "TVE26TYGhfLC7tQDno7G8dGtxSkYQnSy8RHqGHoGJ59spi2"},
	    {"rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf", true, 16781933,
	     "XVLhHMPHU98es4dbozjVtdWzVrDjtVqrDUk2vDpkTjPsY73",
	     "TVE26TYGhfLC7tQDno7G8dGtxSkYQnVsw45sDtGHhLi27Qa"},
	    {"rGWrZyQqhTp9Xu7G5Pkayo7bXjH4k4QYpf", true, 4294967295u,
	     "XVLhHMPHU98es4dbozjVtdWzVrDjtV18pX8yuPT7y4xaEHi",
	     "TVE26TYGhfLC7tQDno7G8dGtxSkYQnXoy6kSDh6rZzApc69"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (int test = 0; test < 2; test++) {
			struct x_address a = {.has_tag = rows[i].has_tag, .tag = rows[i].tag}, b;
			char text[X_ADDRESS_TEXT_MAX];

			a.test = test;
			assert_int_equal(account_parse(&a.account, rows[i].classic), 0);
			x_address_encode(text, &a);
			assert_int_equal(x_address_decode(&b, text, strlen(text)), 0);
			assert_true(account_eq(&a.account, &b.account));
			assert_int_equal(a.has_tag, b.has_tag);
			assert_int_equal(a.tag, b.tag);
			assert_int_equal(a.test, b.test);
			assert_string_equal(text, test ? rows[i].test : rows[i].main);
			text[10] = text[10] == 'r' ? 's' : 'r';
			assert_int_equal(x_address_decode(&b, text, strlen(text)), ERR_MISMATCH);
			assert_int_equal(x_address_decode(&b, text, strlen(text) - 1), ERR_INVALID);
		}
}

/* Of the reference's tests; then that nothing else is taken. */
static void seeds_as_words(void **state)
{
	static const struct {
		const char *hex, *words;
	} rows[] = {
	    {"DEDCE9CE67B451D852FD4E846FCDE31C",
	     "I IRE BOND BOW TRIO LAID SEAT GOAL HEN IBIS IBIS DARE"},
	    {"BE6A670A19B209E112146D0A7ED2AAD7",
	     "SCAT BERN ISLE FOR ROIL BUS SOAK AQUA FREE FOR DRAM BRIG"},
	    {"74BA8389B44F98CF41E795CD91F9C93F",
	     "TED AVON CAVE HOUR BRAG JEFF RIFT NEAL TOLD FAT SEW SAN"},
	    {"00000000000000000000000000000000", "A A A A A A A A A A A A"},
	};
	static const char *const bad[] = {
	    "",
	    "masterpassphrase",
	    "A A A A A A A A A A A",
	    "A A A A A A A A A A A A A",
	    "A A A A A A A A A A A ABE",
	    "A A A A A A A A A A A XYZZY",
	    "A A A A A A A A A A A XYZ",
	    "I IRE BOND BOW TRIO LAID SEAT HEN GOAL IBIS IBIS DARE",
	};
	char text[SEED_WORDS_MAX];
	struct seed s, parsed;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(hex_decode(s.b, sizeof(s.b), rows[i].hex, strlen(rows[i].hex)));
		seed_words(text, &s);
		assert_string_equal(text, rows[i].words);
		assert_true(seed_of_words(&parsed, text));
		assert_memory_equal(&parsed, &s, sizeof(s));
	}
	assert_true(hex_decode(s.b, sizeof(s.b), rows[0].hex, strlen(rows[0].hex)));
	assert_true(
	    seed_of_words(&parsed, " i ire b0nd  BOW tri0 1aid 5eat goa1 hen ibis\tibis dare\n"));
	assert_memory_equal(&parsed, &s, sizeof(s));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(seed_of_words(&parsed, bad[i]));
	memset(&s, 0xFF, sizeof(s));
	seed_words(text, &s);
	assert_true(seed_of_words(&parsed, text));
	assert_memory_equal(&parsed, &s, sizeof(s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_texts),
	    cmocka_unit_test(kinds_do_not_mix),
	    cmocka_unit_test(damaged_texts_are_refused),
	    cmocka_unit_test(seeds_say_their_kind),
	    cmocka_unit_test(public_keys_parse),
	    cmocka_unit_test(bad_x_addresses_are_refused),
	    cmocka_unit_test(x_addresses),
	    cmocka_unit_test(seeds_as_words),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
