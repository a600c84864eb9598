/* SPDX-License-Identifier: ISC */
/* bench_crypto: the floor that every other figure is compared with, one Ed25519 verification by
 * libsodium, and what tally's own functions around it cost. Distinct messages, the best of some
 * rounds, one thread. */
#include "base/mem.h"
#include "crypto/hash.h"
#include "crypto/keys.h"

#include <sodium.h>
#include <stdio.h>
#include <time.h>

#define ROUNDS    10
#define MESSAGES  1000
#define MSG_BYTES 150

struct bench {
	struct secret_key *keys[2]; /* by enum key_type */
	uint8_t msg[MESSAGES][MSG_BYTES];
	uint8_t sig[2][MESSAGES][SIGNATURE_MAX];
	size_t sig_n[2][MESSAGES];
};

static struct bytes message(const struct bench *b, uint32_t i)
{
	return bytes_of(b->msg[i], MSG_BYTES);
}

static void floor_verify(struct bench *b, uint32_t i)
{
	const struct public_key *key = secret_key_public(b->keys[KEY_ED25519]);
	must(crypto_sign_verify_detached(b->sig[KEY_ED25519][i], b->msg[i], MSG_BYTES,
					 key->b + 1) == 0);
}

static void check(struct bench *b, enum key_type type, uint32_t i)
{
	const struct public_key *key = secret_key_public(b->keys[type]);
	must(signature_check(bytes_of(key->b, sizeof(key->b)), message(b, i),
			     bytes_of(b->sig[type][i], b->sig_n[type][i])));
}

static void check_ed25519(struct bench *b, uint32_t i)
{
	check(b, KEY_ED25519, i);
}

static void check_secp256k1(struct bench *b, uint32_t i)
{
	check(b, KEY_SECP256K1, i);
}

static void sign_ed25519(struct bench *b, uint32_t i)
{
	uint8_t sig[SIGNATURE_MAX];
	signature_make(b->keys[KEY_ED25519], message(b, i), sig);
}

static void sign_secp256k1(struct bench *b, uint32_t i)
{
	uint8_t sig[SIGNATURE_MAX];
	signature_make(b->keys[KEY_SECP256K1], message(b, i), sig);
}

static void hash_half(struct bench *b, uint32_t i)
{
	struct hash256 h;
	sha512_half(&h, b->msg[i], MSG_BYTES);
}

static void hash_inner(struct bench *b, uint32_t i)
{
	struct hash256 h;
	sha512_half(&h, b->msg[i % (MESSAGES - 4)], 516); /* an inner node of a full tree */
}

static void hash_account(struct bench *b, uint32_t i)
{
	struct account_id id;
	hash160(&id, b->msg[i], 33);
}

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double round_ns(struct bench *b, void (*run)(struct bench *b, uint32_t i))
{
	int64_t began = now();
	for (uint32_t i = 0; i < MESSAGES; i++)
		run(b, i);
	return (double)(now() - began) / MESSAGES;
}

static void prepare(struct bench *b)
{
	struct seed seed;
	struct why why;
	must(crypto_init(&why) == ERR_NONE);
	seed_of_passphrase(&seed, bytes_str("bench"));
	for (int type = 0; type < 2; type++)
		must(secret_key_of_seed(&b->keys[type], NULL, (enum key_type)type, &seed) ==
		     ERR_NONE);
	for (uint32_t i = 0; i < MESSAGES; i++) {
		store_be32(b->msg[i], i);
		for (int type = 0; type < 2; type++)
			b->sig_n[type][i] = signature_make(b->keys[type], message(b, i),
							   b->sig[type][i]);
	}
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(struct bench *b, uint32_t i);
	} rows[] = {
	    {"Ed25519 verification, libsodium alone (the floor)", floor_verify},
	    {"Ed25519 signature_check", check_ed25519},
	    {"secp256k1 signature_check", check_secp256k1},
	    {"Ed25519 signature_make", sign_ed25519},
	    {"secp256k1 signature_make", sign_secp256k1},
	    {"SHA-512Half of 150 bytes", hash_half},
	    {"SHA-512Half of an inner node", hash_inner},
	    {"account id of a public key", hash_account},
	};
	enum { N = sizeof(rows) / sizeof(rows[0]) };
	double best[N] = {0};
	struct bench *b = mem_zalloc(1, sizeof(*b));

	prepare(b);
	/* Rounds outermost: what disturbs the machine for a while disturbs all rows alike. */
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < N; i++) {
			double ns = round_ns(b, rows[i].run);
			if (round == 0 || ns < best[i])
				best[i] = ns;
		}
	for (int i = 0; i < N; i++)
		printf("%-52s %9.2f us %9.4f floors\n", rows[i].name, best[i] / 1e3,
		       best[i] / best[0]);
	for (int type = 0; type < 2; type++)
		secret_key_close(b->keys[type]);
	mem_free(b);
	return 0;
}
