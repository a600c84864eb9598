/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "crypto/base58.h"
#include "crypto/guard.h"
#include "crypto/hash.h"
#include "crypto/keys.h"
#include "crypto/point.h"
#include "tests/crypto/answers.h"
#include "tests/crypto/support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <sodium.h>

static struct bytes key_bytes(const struct public_key *k)
{
	return bytes_of(k->b, sizeof(k->b));
}

/* Hashes */

static void hashes_of_known_texts(void **state)
{
	struct bytes parts[2] = {bytes_str("a"), bytes_str("bc")};
	struct hash256 h, one;
	uint8_t full[64];
	struct account_id id;
	struct sha512 s;

	(void)state;
	sha512_init(&s);
	sha512_put(&s, "ab", 2);
	sha512_put(&s, NULL, 0);
	sha512_put(&s, "c", 1);
	sha512_end(&s, full);
	assert_hex(full, 64,
		   "DDAF35A193617ABACC417349AE20413112E6FA4E89A97EA20A9EEEE64B55D39A"
		   "2192992A274FC1A836BA3C23A3FEEBBD454D4423643CE80E2A9AC94FA54CA49F");
	sha512_half(&h, "abc", 3);
	assert_memory_equal(h.b, full, 32);
	sha512_half(&h, NULL, 0);
	assert_hex(h.b, 32, "CF83E1357EEFB8BDF1542850D66D8007D620E4050B5715DC83F4A921D36CE9CE");
	sha512_half_parts(&h, HASH_PREFIX_TX_ID, parts, 2);
	sha512_half(&one, "TXN\0abc", 7);
	assert_true(hash256_eq(&h, &one));
	sha256(full, "abc", 3);
	assert_hex(full, 32, "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
	sha1(full, "abc", 3);
	assert_hex(full, 20, "A9993E364706816ABA3E25717850C26C9CD0D89D");
	hash160(&id, "", 0);
	assert_hex(id.b, 20, "B472A266D0BD89C13706A4132CCFB16F7C3B9FCB");
}

/* A copied state goes its own way: that is how a common beginning is hashed once. */
static void hash_state_can_be_copied(void **state)
{
	struct hash256 whole, copied;
	struct sha512 a, b;

	(void)state;
	sha512_init(&a);
	sha512_put(&a, "common", 6);
	b = a;
	sha512_put(&a, "x", 1);
	sha512_put(&b, "y", 1);
	sha512_end_half(&b, &copied);
	sha512_half(&whole, "commony", 7);
	assert_true(hash256_eq(&copied, &whole));
	sha512_end_half(&a, &copied);
	sha512_half(&whole, "commonx", 7);
	assert_true(hash256_eq(&copied, &whole));
}

/* Signatures */

static void ed25519_known_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ed25519_answers); i++) {
		struct bytes msg = unhex(ed25519_answers[i].msg);
		uint8_t sig[SIGNATURE_MAX], secret[32];
		struct secret_key *key;
		struct public_key public;

		memcpy(secret, unhex(ed25519_answers[i].secret).p, 32);
		assert_int_equal(secret_key_of_bytes(&key, &public, KEY_ED25519, secret), 0);
		assert_int_equal(public.b[0], 0xED);
		assert_hex(public.b + 1, 32, ed25519_answers[i].key);
		assert_int_equal(signature_make(key, msg, sig), 64);
		assert_hex(sig, 64, ed25519_answers[i].sig);
		assert_true(signature_check(key_bytes(&public), msg, bytes_of(sig, 64)));
		secret_key_close(key);
	}
}

static void secp256k1_known_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(secp256k1_answers); i++) {
		struct bytes msg = unhex(secp256k1_answers[i].msg);
		uint8_t sig[SIGNATURE_MAX], secret[32];
		struct secret_key *key;
		struct public_key public;
		size_t n;

		memcpy(secret, unhex(secp256k1_answers[i].secret).p, 32);
		assert_int_equal(secret_key_of_bytes(&key, &public, KEY_SECP256K1, secret), 0);
		assert_hex(public.b, 33, secp256k1_answers[i].key);
		n = signature_make(key, msg, sig);
		assert_hex(sig, n, secp256k1_answers[i].sig);
		assert_true(signature_check(key_bytes(&public), msg, bytes_of(sig, n)));
		assert_false(
		    signature_check(key_bytes(&public), msg, unhex(secp256k1_answers[i].high)));
		secret_key_close(key);
	}
}

static void ed25519_edges_are_refused(void **state)
{
	int accepted = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(ed25519_edges); i++) {
		uint8_t key[33] = {0xED};
		bool got;

		memcpy(key + 1, unhex(ed25519_edges[i].key).p, 32);
		got = signature_check(bytes_of(key, 33), unhex(ed25519_edges[i].msg),
				      unhex(ed25519_edges[i].sig));
		if (got != (bool)ed25519_edges[i].accept)
			fail_msg("%s: %s", ed25519_edges[i].name, got ? "accepted" : "refused");
		accepted += got;
	}
	assert_int_equal(accepted, 1); /* the control */
}

/* Every flipped bit of key, message and signature makes it false. */
static void every_bit_counts(void **state)
{
	uint8_t secret[32] = {7}, msg[20] = "a short message", sig[SIGNATURE_MAX];

	(void)state;
	for (int type = KEY_SECP256K1; type <= KEY_ED25519; type++) {
		struct public_key public;
		struct secret_key *key;
		size_t n;

		assert_int_equal(secret_key_of_bytes(&key, &public, (enum key_type)type, secret),
				 0);
		n = signature_make(key, bytes_of(msg, sizeof(msg)), sig);
		for (size_t bit = 0; bit < 8 * (33 + sizeof(msg) + n); bit++) {
			struct public_key k = public;
			uint8_t m[sizeof(msg)], s[SIGNATURE_MAX];
			size_t at = bit / 8;
			uint8_t *p = at < 33               ? &k.b[at]
				     : at < 33 + sizeof(m) ? &m[at - 33]
							   : &s[at - 33 - sizeof(m)];

			memcpy(m, msg, sizeof(m));
			memcpy(s, sig, n);
			*p = (uint8_t)(*p ^ (1u << bit % 8));
			assert_false(
			    signature_check(key_bytes(&k), bytes_of(m, sizeof(m)), bytes_of(s, n)));
		}
		secret_key_close(key);
	}
}

static void wrong_lengths_are_refused(void **state)
{
	uint8_t secret[32] = {9}, sig[SIGNATURE_MAX + 8] = {0};
	struct bytes msg = bytes_str("lengths");

	(void)state;
	for (int type = KEY_SECP256K1; type <= KEY_ED25519; type++) {
		struct public_key public;
		uint8_t wide[40] = {0};
		struct secret_key *key;
		size_t n;

		assert_int_equal(secret_key_of_bytes(&key, &public, (enum key_type)type, secret),
				 0);
		memset(sig, 0, sizeof(sig));
		n = signature_make(key, msg, sig);
		for (size_t len = 0; len <= sizeof(sig); len++)
			assert_int_equal(
			    signature_check(key_bytes(&public), msg, bytes_of(sig, len)), len == n);
		memcpy(wide, public.b, 33);
		for (size_t len = 0; len <= sizeof(wide); len++)
			assert_int_equal(
			    signature_check(bytes_of(wide, len), msg, bytes_of(sig, n)), len == 33);
		secret_key_close(key);
	}
	assert_false(signature_check(bytes_of(NULL, 0), msg, bytes_of(NULL, 0)));
}

/* Encodings of a right (r, s) that are not the one DER form. */
static void loose_der_is_refused(void **state)
{
	struct bytes key = unhex(secp256k1_answers[5].key), msg = unhex(secp256k1_answers[5].msg);
	struct bytes good = unhex(secp256k1_answers[5].sig);
	uint8_t s[SIGNATURE_MAX + 8];
	size_t n = good.n;

	(void)state;
	assert_true(signature_check(key, msg, good));
	assert_int_equal(good.p[1], 0x44); /* both integers of 32 bytes */

	memcpy(s, good.p, n); /* the long form of the length */
	memmove(s + 2, s + 1, n - 1);
	s[1] = 0x81;
	assert_false(signature_check(key, msg, bytes_of(s, n + 1)));

	memcpy(s, good.p, n); /* a needless zero in front of r */
	memmove(s + 5, s + 4, n - 4);
	s[4] = 0;
	s[3]++;
	s[1]++;
	assert_false(signature_check(key, msg, bytes_of(s, n + 1)));

	memcpy(s, good.p, n); /* a byte behind */
	s[n] = 0;
	assert_false(signature_check(key, msg, bytes_of(s, n + 1)));
	s[1]++;
	assert_false(signature_check(key, msg, bytes_of(s, n + 1)));

	memcpy(s, good.p, n); /* other tags */
	s[0] = 0x31;
	assert_false(signature_check(key, msg, bytes_of(s, n)));
	s[0] = 0x30;
	s[2] = 0x03;
	assert_false(signature_check(key, msg, bytes_of(s, n)));

	/* r = 0, s = 0 */
	assert_false(signature_check(key, msg, unhex("3006020100020100")));
	assert_false(signature_check(key, msg, unhex("3006020101020100")));
}

static void keys_off_the_curve_are_refused(void **state)
{
	enum key_type type;
	uint8_t k[33];

	(void)state;
	assert_false(public_key_valid(unhex("02"
					    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
					    "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF")));
	assert_true(public_key_valid(unhex(secp256k1_answers[0].key)));
	memset(k, 0, sizeof(k));
	k[0] = 0x04; /* uncompressed */
	assert_false(public_key_type(bytes_of(k, 33), &type));
	for (size_t i = 0; i < COUNT(ed25519_edges); i++) {
		bool prime = strcmp(ed25519_edges[i].key, ed25519_edges[0].key) == 0;

		k[0] = 0xED;
		memcpy(k + 1, unhex(ed25519_edges[i].key).p, 32);
		assert_true(public_key_type(bytes_of(k, 33), &type));
		assert_int_equal(type, KEY_ED25519);
		assert_int_equal(public_key_valid(bytes_of(k, 33)), prime);
	}
}

/* Remembered keys change no answer: many keys that share slots, and bad ones, again and again from
 * several threads at once. */
static void *check_points(void *arg)
{
	size_t wrong = 0;

	for (int round = 0; round < 300; round++)
		for (size_t i = 0; i < COUNT(ed25519_edges); i++) {
			uint8_t k[33] = {0xED};
			bool prime = strcmp(ed25519_edges[i].key, ed25519_edges[0].key) == 0;

			if (!hex_decode(k + 1, 32, ed25519_edges[i].key, 64))
				wrong++;
			wrong += public_key_valid(bytes_of(k, 33)) != prime;
		}
	*(size_t *)arg = wrong;
	return NULL;
}

static void checks_run_in_parallel(void **state)
{
	pthread_t threads[4];
	size_t wrong[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, check_points, &wrong[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(wrong[i], 0);
	}
}

/* Two keys of one slot: each is remembered in place of the other, and both count each time. */
static void keys_may_share_a_slot(void **state)
{
	struct public_key a = {{0}}, b = {{0}};
	static struct public_key seen[POINT_SLOTS];
	bool found = false;

	(void)state;
	for (uint32_t i = 0; i < 4000 && !found; i++) {
		uint8_t secret[32] = {0};
		struct secret_key *key;
		uint64_t w[4], slot;

		store_be32(secret, i);
		assert_int_equal(secret_key_of_bytes(&key, &b, KEY_ED25519, secret), 0);
		secret_key_close(key);
		memcpy(w, b.b + 1, 32);
		slot = ((w[0] ^ w[1] ^ w[2] ^ w[3]) * 0x9E3779B97F4A7C15u) >> 48;
		found = seen[slot].b[0] != 0;
		a = seen[slot];
		seen[slot] = b;
	}
	assert_true(found);
	for (int i = 0; i < 3; i++) {
		assert_true(public_key_valid(key_bytes(&a)));
		assert_true(public_key_valid(key_bytes(&a)));
		assert_true(public_key_valid(key_bytes(&b)));
	}
}

static void secrets_out_of_range_are_refused(void **state)
{
	struct secret_key *key = NULL;
	uint8_t zero[32] = {0};

	(void)state;
	assert_int_equal(secret_key_of_bytes(&key, NULL, KEY_SECP256K1, zero), ERR_CRYPTO);
	assert_int_equal(secret_key_of_bytes(&key, NULL, KEY_SECP256K1,
					     unhex("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE"
						   "BAAEDCE6AF48A03BBFD25E8CD0364141")
						 .p),
			 ERR_CRYPTO);
	assert_null(key);
	secret_key_close(NULL);
}

/* Guarded memory */

/* True when the mapping that holds p is marked so in /proc/self/smaps. */
static bool mapping_has(const void *p, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	bool here = false, found = false;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long lo, hi;

		if (sscanf(line, "%lx-%lx ", &lo, &hi) == 2)
			here = (uintptr_t)p >= lo && (uintptr_t)p < hi;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	}
	fclose(f);
	return found;
}

/* The secret is unreadable between uses, also while reads are going on elsewhere, and its page is
 * left out of core dumps. */
static void secrets_are_guarded(void **state)
{
	uint8_t secret[32] = {3}, out[32];
	const uint8_t *const *inside;
	struct secret_key *key;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(secret_key_of_bytes(&key, NULL, KEY_ED25519, secret), 0);
	secret_key_export(key, out);
	assert_memory_equal(out, secret, 32);
	assert_int_equal(secret_key_type(key), KEY_ED25519);
	/* behind the type, the public key and the size, see struct secret_key */
	inside = (const uint8_t *const *)(const void *)((const char *)key + 48);
	assert_true(mapping_has(*inside, " dd"));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		_exit(**inside == 3 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	secret_key_close(key);
}

/* Vectors */

static json_t *vectors_load(const char *name)
{
	const char *dir = getenv("TALLY_VECTORS");
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "../shared/vectors", name);
	if (access(path, R_OK) == 0)
		return json_load_file(path, 0, NULL);
	print_message("SKIP: vectors not found\n");
	if (getenv("CI") && strcmp(getenv("CI"), "true") == 0)
		fail_msg("%s is needed here", path);
	return NULL;
}

static const char *string_at(const json_t *o, const char *outer, const char *name)
{
	const char *s = json_string_value(
	    json_object_get(outer ? json_object_get(o, outer) : o, name));

	assert_non_null(s);
	return s;
}

/* Private keys in the file carry 00 or ED in front. */
static void check_key(const json_t *o, const char *which, struct secret_key *key)
{
	uint8_t secret[33];

	secret[0] = secret_key_type(key) == KEY_ED25519 ? 0xED : 0;
	secret_key_export(key, secret + 1);
	assert_hex(secret, 33, string_at(o, which, "privateKey"));
	assert_hex(secret_key_public(key)->b, 33, string_at(o, which, "publicKey"));
	secret_key_close(key);
}

static void check_curve(const json_t *o, enum key_type want)
{
	struct bytes msg = bytes_str(string_at(o, NULL, "message"));
	uint8_t sig[SIGNATURE_MAX];
	struct public_key public;
	struct secret_key *key;
	struct account_id id;
	enum key_type type;
	struct seed seed;
	size_t n;

	assert_int_equal(seed_parse(&seed, &type, string_at(o, NULL, "seed")), 0);
	assert_int_equal(type, want);
	assert_string_equal(seed_text(&seed, type).s, string_at(o, NULL, "seed"));
	assert_int_equal(secret_key_of_node_seed(&key, NULL, type, &seed), 0);
	check_key(o, "validatorKeypair", key);
	assert_int_equal(secret_key_of_seed(&key, &public, type, &seed), 0);
	account_of_key(&id, &public);
	assert_string_equal(account_text(&id).s, string_at(o, NULL, "address"));
	if (type == KEY_ED25519) {
		struct public_key alone;

		ed25519_public_of_seed(&alone, &seed);
		assert_memory_equal(alone.b, public.b, sizeof(alone.b));
	}
	n = signature_make(key, msg, sig);
	assert_hex(sig, n, string_at(o, NULL, "signature"));
	assert_true(signature_check(key_bytes(&public), msg, bytes_of(sig, n)));
	check_key(o, "keypair", key);
	secure_wipe(&seed, sizeof(seed));
	for (size_t i = 0; i < sizeof(seed); i++)
		assert_int_equal(seed.b[i], 0);
}

static void keypair_vectors(void **state)
{
	json_t *o = vectors_load("keypairs-api.json");

	(void)state;
	if (!o)
		return;
	check_curve(json_object_get(o, "secp256k1"), KEY_SECP256K1);
	check_curve(json_object_get(o, "ed25519"), KEY_ED25519);
	json_decref(o);
}

/* Start again and blind: results stay the same. */
static void init_again_and_blind(void **state)
{
	uint8_t entropy[32] = {0xA5};
	struct why why;

	(void)state;
	assert_int_equal(crypto_init(&why), ERR_NONE);
	crypto_blind(entropy);
	secp256k1_known_answers(NULL);
}

/* Not in dumps, and not in a process that is forked off. */
static void guarded_memory_stays_here(void **state)
{
	uint8_t *shared = guard_alloc(100), *p;
	int status = 0, i, sum = 0;
	pid_t pid;

	(void)state;
	guard_keep_from_children();
	p = guard_alloc(100);
	memset(p, 7, 100);
	assert_true(mapping_has(shared, " dd") && !mapping_has(shared, " wf"));
	assert_true(mapping_has(p, " dd"));
	assert_true(mapping_has(p, " wf"));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		for (i = 0; i < 100; i++)
			sum += p[i];
		_exit(sum ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(p[i], 7);
	sodium_free(p);
	sodium_free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hashes_of_known_texts),
	    cmocka_unit_test(hash_state_can_be_copied),
	    cmocka_unit_test(ed25519_known_answers),
	    cmocka_unit_test(secp256k1_known_answers),
	    cmocka_unit_test(ed25519_edges_are_refused),
	    cmocka_unit_test(every_bit_counts),
	    cmocka_unit_test(wrong_lengths_are_refused),
	    cmocka_unit_test(loose_der_is_refused),
	    cmocka_unit_test(keys_off_the_curve_are_refused),
	    cmocka_unit_test(checks_run_in_parallel),
	    cmocka_unit_test(keys_may_share_a_slot),
	    cmocka_unit_test(secrets_out_of_range_are_refused),
	    cmocka_unit_test(secrets_are_guarded),
	    cmocka_unit_test(guarded_memory_stays_here),
	    cmocka_unit_test(keypair_vectors),
	    cmocka_unit_test(init_again_and_blind),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
