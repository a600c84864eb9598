/* SPDX-License-Identifier: ISC */
#include "crypto/self_test.h"

#include "crypto/hash.h"
#include "crypto/keys.h"

/* Signatures in hex, and whether they count. The refused ones all satisfy the verification equation
 * of their curve, so a library that drops one of its strict rules shows here. */
// clang-format off
static const struct row {
	const char *what, *key, *msg, *sig;
	bool counts;
} rows[] = {
	{"Ed25519, both points of prime order",
	 "ED581A61ED805F8B0F6A88228A7A4058C89919119694A4E786BBDE4A5CE6991CDB",
	 "74616C6C79206564323535313920656467652030",
	 "025A8A93E889DA5C44D34E3447A2DB417AF4559EBA918CE113A975A9B4288264281F34B8"
	 "75328EE8A3987F8900A07DC80FBF9E37A856C373D104F0C5596F3A0E", true},
	{"Ed25519, key of small order",
	 "ED26E8958FC2B227B045C3F489F2EF98F0D5DFAC05D3C63339B13802886D53FC05",
	 "74616C6C79206564323535313920656467652032",
	 "FB220CB93B86A8528772494695C47FFFB3488B62E84B885CAC7AF78E9C3844A19BAAC383"
	 "B000A32C6C9A8B19E5155C2E39F27AE01E3123647E6F7000B72B7B0C", false},
	{"Ed25519, key of mixed order",
	 "EDCA7529C1B4B65C5CA4A0187F3EA210847DDB7CF3D4B0C28757BEB51F1C0C4553",
	 "74616C6C79206564323535313920656467652033",
	 "FB220CB93B86A8528772494695C47FFFB3488B62E84B885CAC7AF78E9C3844A1AD89F24B"
	 "85EBBBB91CC9A11976A451959BDAE0FE287DF8DE26D6636CD181E701", false},
	{"Ed25519, S not reduced",
	 "ED581A61ED805F8B0F6A88228A7A4058C89919119694A4E786BBDE4A5CE6991CDB",
	 "74616C6C79206564323535313920656467652030",
	 "025A8A93E889DA5C44D34E3447A2DB417AF4559EBA918CE113A975A9B428826415F32915"
	 "9095A0407A35772CDF995CDD0FBF9E37A856C373D104F0C5596F3A1E", false},
	{"Ed25519, R not canonical",
	 "ED581A61ED805F8B0F6A88228A7A4058C89919119694A4E786BBDE4A5CE6991CDB",
	 "74616C6C79206564323535313920656467652030",
	 "EEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF7FDB6D586B"
	 "989D1190A7EF90753ADB9454E4A82E7D8D3F6CCBA527B7777982B00E", false},
	{"secp256k1, low S",
	 "03BB9173C465D8163714E9035B73F14259B6A090B5F069E0A5A717747E413B7201",
	 "6D6573736167652031",
	 "3044022026EC428C964685027AAB2BE5CB6A7F93F402CF54BF171B27D93264911316E96D"
	 "022043D85C3492770C01C2D522EBB6C28EEDBD4AB8E08F5E0EB38E8B807BF970AFF9", true},
	{"secp256k1, high S",
	 "03BB9173C465D8163714E9035B73F14259B6A090B5F069E0A5A717747E413B7201",
	 "6D6573736167652031",
	 "3045022026EC428C964685027AAB2BE5CB6A7F93F402CF54BF171B27D93264911316E96D"
	 "022100BC27A3CB6D88F3FE3D2ADD14493D7110FD6424061FEA91883146DE10D6C59148", false},
};
// clang-format on

#define ROWS          (sizeof(rows) / sizeof(rows[0]))
#define ROW_BYTES_MAX 128

static struct bytes from_hex(uint8_t *mem, const char *hex)
{
	size_t n = strlen(hex) / 2;

	must(n <= ROW_BYTES_MAX && hex_decode(mem, n, hex, strlen(hex)));
	return bytes_of(mem, n);
}

static enum err check_signatures(struct why *why)
{
	uint8_t key[ROW_BYTES_MAX], msg[ROW_BYTES_MAX], sig[ROW_BYTES_MAX];

	for (size_t i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];

		if (signature_check(from_hex(key, r->key), from_hex(msg, r->msg),
				    from_hex(sig, r->sig)) != r->counts)
			return why_set(why, ERR_CRYPTO, "self-test: %s: %s", r->what,
				       r->counts ? "refused" : "accepted");
	}
	return ERR_NONE;
}

/* The well-known genesis account: passphrase to account id, through every hash and the family
 * derivation. */
static enum err check_genesis_account(struct why *why)
{
	static const uint8_t want[20] = {0xB5, 0xF7, 0x62, 0x79, 0x8A, 0x53, 0xD5,
					 0x43, 0xA0, 0x14, 0xCA, 0xF8, 0xB2, 0x97,
					 0xCF, 0xF8, 0xF2, 0xF9, 0x37, 0xE8};
	struct secret_key *key = NULL;
	struct public_key public;
	struct account_id id;
	struct seed seed;

	seed_of_passphrase(&seed, bytes_str("masterpassphrase"));
	if (secret_key_of_seed(&key, &public, KEY_SECP256K1, &seed) != ERR_NONE)
		return why_set(why, ERR_CRYPTO, "self-test: secp256k1 derivation fails");
	secret_key_close(key);
	account_of_key(&id, &public);
	if (memcmp(id.b, want, sizeof(want)) != 0)
		return why_set(why, ERR_CRYPTO, "self-test: hashing or secp256k1 derivation");
	return ERR_NONE;
}

/* Both curves sign deterministically and check what they signed. */
static enum err check_signing(enum key_type type, struct why *why)
{
	uint8_t secret[32], sig[SIGNATURE_MAX], again[SIGNATURE_MAX];
	struct bytes msg = bytes_str("self-test");
	struct secret_key *key = NULL;
	struct public_key public;
	bool good;
	size_t n;

	memset(secret, 0x5A, sizeof(secret));
	if (secret_key_of_bytes(&key, &public, type, secret) != ERR_NONE)
		return why_set(why, ERR_CRYPTO, "self-test: a good secret key is refused");
	n = signature_make(key, msg, sig);
	good = signature_make(key, msg, again) == n && memcmp(sig, again, n) == 0;
	secret_key_close(key);
	good = good && signature_check(bytes_of(public.b, sizeof(public.b)), msg, bytes_of(sig, n));
	return good ? ERR_NONE : why_set(why, ERR_CRYPTO, "self-test: signing");
}

enum err crypto_self_test(struct why *why)
{
	enum err e = check_genesis_account(why);

	if (!e)
		e = check_signatures(why);
	if (!e)
		e = check_signing(KEY_ED25519, why);
	if (!e)
		e = check_signing(KEY_SECP256K1, why);
	return e;
}
