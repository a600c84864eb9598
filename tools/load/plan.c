/* SPDX-License-Identifier: ISC */
#include "tools/load/plan.h"

#include "codec/format.h"
#include "tools/load/proc.h"
#include "tx/tx.h"

#include <sodium.h>
#include <stdio.h>

#define FEE_DROPS 10

static struct secret_key *account_key(uint32_t number)
{
	char text[64];
	snprintf(text, sizeof(text), "tally test account %u", number);
	struct seed seed;
	seed_of_passphrase(&seed, bytes_str(text));
	struct secret_key *key;
	must(secret_key_of_seed(&key, NULL, KEY_ED25519, &seed) == ERR_NONE);
	return key;
}

void plan_init(struct plan *p, uint32_t first, uint32_t accounts)
{
	*p = (struct plan){.accounts = accounts, .first = first};
	p->ids = mem_zalloc(accounts, sizeof(*p->ids));
	p->sequences = mem_zalloc(accounts, sizeof(*p->sequences));
	hmap_init(&p->by_id, 1);
	for (uint32_t i = 0; i < accounts; i++) {
		struct secret_key *key = account_key(first + i);
		account_of_key(&p->ids[i], secret_key_public(key));
		secret_key_close(key);
	}
}

static void sign_one(struct plan *p, struct payment *out, const struct secret_key *key,
		     uint32_t sequence, uint32_t network_id, uint32_t last_ledger)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	st_set_u(o, sfTransactionType, ttPayment);
	st_set_u(o, sfFlags, 0);
	if (network_id > 1024)
		st_set_u(o, sfNetworkID, network_id);
	st_set_u(o, sfSequence, sequence);
	if (last_ledger > 0)
		st_set_u(o, sfLastLedgerSequence, last_ledger);
	st_set_drops(o, sfAmount, drops_of(1));
	st_set_drops(o, sfFee, drops_of(FEE_DROPS));
	st_set_account(o, sfAccount, &p->ids[out->account]);
	st_set_account(o, sfDestination, &p->ids[(out->account + 1) % p->accounts]);
	tx_sign(o, key);

	struct buf blob = BUF_INIT;
	st_encode(&blob, o, ST_ALL);
	tx_id(&out->id, buf_bytes(&blob));
	char *hex = arena_alloc(&p->arena, 2 * blob.n + 1);
	hex_encode(hex, blob.p, blob.n);
	out->hex = hex;
	buf_close(&blob);
	arena_close(&a);
}

void plan_sign(struct plan *p, uint32_t n, uint32_t network_id, uint32_t last_ledger)
{
	p->n = n;
	p->payments = mem_zalloc(n, sizeof(*p->payments));
	for (uint32_t i = 0; i < p->accounts && i < n; i++) {
		struct secret_key *key = account_key(p->first + i);
		for (uint32_t k = i; k < n; k += p->accounts) {
			struct payment *one = &p->payments[k];
			one->account = i;
			sign_one(p, one, key, p->sequences[i]++, network_id, last_ledger);
			hmap_put(&p->by_id, &one->id, one);
		}
		secret_key_close(key);
	}
}

double plan_floor_ns(uint32_t rounds)
{
	uint8_t pk[crypto_sign_PUBLICKEYBYTES], sk[crypto_sign_SECRETKEYBYTES];
	const uint8_t seed[crypto_sign_SEEDBYTES] = {1};
	crypto_sign_seed_keypair(pk, sk, seed);
	uint8_t msg[150] = {0};
	uint8_t(*sigs)[crypto_sign_BYTES] = mem_zalloc(rounds, sizeof(*sigs));
	for (uint32_t i = 0; i < rounds; i++) {
		store_be32(msg, i);
		crypto_sign_detached(sigs[i], NULL, msg, sizeof(msg), sk);
	}
	int64_t began = now_ns();
	for (uint32_t i = 0; i < rounds; i++) {
		store_be32(msg, i);
		must(crypto_sign_verify_detached(sigs[i], msg, sizeof(msg), pk) == 0);
	}
	int64_t took = now_ns() - began;
	mem_free(sigs);
	return (double)took / rounds;
}

void plan_close(struct plan *p)
{
	hmap_close(&p->by_id);
	mem_free(p->payments);
	mem_free(p->sequences);
	mem_free(p->ids);
	arena_close(&p->arena);
}
