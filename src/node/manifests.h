/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_MANIFESTS_H
#define TALLY_NODE_MANIFESTS_H

#include "base/hmap.h"
#include "base/time.h"
#include "codec/manifest.h"

/* What is known of validators' keys: the newest manifest of each master key (codec/manifest.h).
 *
 * Masters that are trusted have all the room they need; of the others the newest
 * MANIFESTS_OTHER_MAX are kept, and how many may be looked at in a second is bounded: anybody can
 * make them without end (rippled: the flood of 30 July 2026), so nothing about them may cost
 * trusted ones their place.
 *
 *   sequence not above the known one ──► STALE, nothing is computed
 *   above the budget                 ──► BUSY, nothing is computed (a revocation never is)
 *   signatures bad                   ──► FORGED
 *   its signing key is another's, or its master key signs for another ──► TAKEN
 *   else                             ──► NEW: replaces the one that was there                    */

#define MANIFESTS_OTHER_MAX     1024
#define MANIFESTS_OTHER_BURST   100
#define MANIFESTS_OTHER_PER_S   20
#define MANIFESTS_OF_ONE        6     /* of one trusted master at once, */
#define MANIFESTS_OF_ONE_MS     10000 /* and then one in so long */
#define MANIFESTS_TRUSTED_PER_S 200

enum manifest_fate {
	MANIFEST_NEW,
	MANIFEST_STALE,
	MANIFEST_BUSY,
	MANIFEST_FORGED,
	MANIFEST_TAKEN,
	MANIFEST_MALFORMED,
};

struct manifests;

struct manifests *manifests_open(uint64_t salt);
void manifests_close(struct manifests *m);
/* Copies what it keeps. *out, if not NULL, is the one that is kept of this master now (NULL: none).
 */
enum manifest_fate manifests_add(struct manifests *m, struct bytes in, struct steady now,
				 const struct manifest **out);
/* As above for what comes from the configuration, from disk or in a list: no budget. */
enum manifest_fate manifests_load(struct manifests *m, struct bytes in,
				  const struct manifest **out);
/* Who is trusted from now on, by master key; ascending, copied. */
void manifests_trust(struct manifests *m, const struct public_key *masters, uint32_t n);

/* The manifest of a master key; NULL when none is known. */
const struct manifest *manifests_of(const struct manifests *m, const struct public_key *master);
/* Whose key this is: the master of a signing key in force; the key itself when it is a master that
 * has no manifest; NULL when it must not sign: a master with a manifest, or a revoked one. */
const struct public_key *manifests_master(const struct manifests *m, const struct public_key *key);
/* The i-th manifest of a trusted master, in the order of the masters; NULL at the end. */
const struct manifest *manifests_trusted(const struct manifests *m, uint32_t i);
/* How many are kept of masters that are not trusted. */
uint32_t manifests_others(const struct manifests *m);

#endif
