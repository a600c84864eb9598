/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_KEY_FILE_H
#define TALLY_DAEMON_KEY_FILE_H

#include "crypto/keys.h"

/* Key files of validators and nodes: text, mode 0600, refused when the group or others may touch
 * them.
 *
 *     # validator key of tally; keep it secret
 *     public_key = n9...
 *     key_type = secp256k1            (validators; ed25519 for node identities)
 *     seed = s...                                                                            */

/* Makes a key from fresh randomness and writes it; ERR_DUPLICATE when the file exists. */
enum err key_file_create(const char *path, const char *what, enum key_type type,
			 struct public_key *public_out, struct why *why) MUST_USE;
/* Reads a key and checks that the public key belongs to it. */
enum err key_file_read(struct secret_key **out, const char *path, struct why *why) MUST_USE;

#endif
