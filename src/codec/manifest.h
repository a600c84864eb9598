/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CODEC_MANIFEST_H
#define TALLY_CODEC_MANIFEST_H

#include "base/bytes.h"
#include "crypto/keys.h"

/* Manifests: a master key, kept offline, says which key signs for a validator (or for a publisher
 * of validator lists) now.
 *
 *     master key ── signs ──► { master, signing key, sequence, domain } ◄── signs ── signing key
 *
 * A higher sequence replaces a lower one; sequence 0xFFFFFFFF names no signing key and revokes the
 * master key for good. The form is the XRP Ledger's (rippled: Manifest.cpp): a serialised object of
 * PublicKey, Sequence, MasterSignature, and optionally Version (0), Domain, SigningPubKey,
 * Signature; both signatures cover MAN and all fields but the signatures. */

#define MANIFEST_BYTES_MAX  512
#define MANIFEST_DOMAIN_MAX 128
#define MANIFEST_REVOKED    0xFFFFFFFFu

struct manifest {
	struct public_key master, signing; /* signing: zeros when revoked */
	uint32_t seq;
	char domain[MANIFEST_DOMAIN_MAX + 1]; /* empty: none */
	struct bytes bytes;                   /* the whole, and views into it: */
	struct bytes signature, master_signature;
};
static inline bool manifest_revokes(const struct manifest *m)
{
	return m->seq == MANIFEST_REVOKED;
}

/* Checks the form, not the signatures. Views into `in`. */
enum err manifest_parse(struct manifest *out, struct bytes in, struct why *why) MUST_USE;
/* Whether both signatures are good (of a revocation: the master's). */
bool manifest_verify(const struct manifest *m) MUST_USE;
/* Appends a signed manifest. signing NULL: a revocation, whatever seq. domain NULL or "": none; it
 * must be a domain name. seq is 1 .. 0xFFFFFFFE. */
void manifest_make(struct buf *out, const struct secret_key *master,
		   const struct secret_key *signing, uint32_t seq, const char *domain);
/* At least two labels of letters, digits and inner hyphens, the last of letters; 4 to 128 in all.
 */
bool manifest_domain_valid(const char *s, size_t n);

#endif
