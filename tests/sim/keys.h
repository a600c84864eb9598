/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_SIM_KEYS_H
#define TALLY_TESTS_SIM_KEYS_H

#include "crypto/keys.h"

/* Signatures of simulated networks. The program is linked with --wrap for signature_make and
 * signature_check, so the objects above them are the production ones. In sim mode a signature is a
 * BLAKE2b tag, keyed, over public key and message: it can be made only by whoever holds the secret
 * key's object, and costs a hundredth. */

void keys_mode(bool real);

/* What the linker calls instead of signature_check and signature_make, and the originals. */
bool __wrap_signature_check(struct bytes key, struct bytes msg, struct bytes sig);
bool __real_signature_check(struct bytes key, struct bytes msg, struct bytes sig);
size_t __wrap_signature_make(const struct secret_key *key, struct bytes msg,
			     uint8_t sig[SIGNATURE_MAX]);
size_t __real_signature_make(const struct secret_key *key, struct bytes msg,
			     uint8_t sig[SIGNATURE_MAX]);

/* Keys that come from a number, made once and kept: validators' (secp256k1), nodes' identities and
 * the genesis' generated accounts (Ed25519). Never freed; equal in all runs. */
struct secret_key *keys_validator(uint32_t i);
struct secret_key *keys_identity(uint32_t i);
struct secret_key *keys_account(uint32_t i, struct account_id *id);
#define KEYS_ACCOUNTS_MAX 20000

#endif
