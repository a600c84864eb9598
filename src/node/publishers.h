/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_PUBLISHERS_H
#define TALLY_NODE_PUBLISHERS_H

#include "codec/json_list.h"

/* The UNL out of signed validator lists (codec/json_list.h) and of keys of our own.
 *
 *   publisher's master key ── manifest ──► signing key ──► lists, one in force and later ones
 *   trusted: every key of our own, and whoever is on at least `threshold` publishers' lists
 *
 * A list of a higher sequence replaces the one in force, or waits until it is effective. An expired
 * one counts for nothing. When so many publishers have no list in force that a validator could be
 * missed by it, or one could be chosen by too few, nothing may be validated on what is left:
 * blocked (rippled: ValidatorList.cpp). Pure: documents come from wherever, and time is an
 * argument. */

#define PUBLISHERS_MAX    8
#define PUBLISHER_URI_MAX 256

/* What became of a list, best first; texts as in the reference's API. */
enum list_fate {
	LIST_ACCEPTED,
	LIST_EXPIRED,       /* newest, but expired */
	LIST_PENDING,       /* effective later */
	LIST_SAME_SEQUENCE, /* the one that is in force */
	LIST_KNOWN_SEQUENCE,
	LIST_STALE,
	LIST_UNTRUSTED, /* of a publisher that is none of ours, or has revoked its key */
	LIST_UNSUPPORTED,
	LIST_INVALID,
};
const char *list_fate_text(enum list_fate f);

enum publisher_status {
	PUBLISHER_UNAVAILABLE,
	PUBLISHER_AVAILABLE,
	PUBLISHER_EXPIRED,
	PUBLISHER_REVOKED,
};

struct publishers_config {
	const struct public_key *keys; /* of the publishers; ascending or not */
	uint32_t n;
	uint32_t threshold;           /* 0: 1 for one or two publishers, more than half for more */
	const struct public_key *own; /* trusted whatever the lists say */
	uint32_t n_own;
};

struct publishers;

struct publishers *publishers_open(const struct publishers_config *c);
void publishers_close(struct publishers *p);

/* One document, from a file or a site (whose name is kept with it). The best of what became of its
 * lists; *why has words when it is worse than PENDING. */
enum list_fate publishers_offer(struct publishers *p, struct bytes document, struct net_time now,
				const char *uri, struct why *why);
/* Time passes: lists become effective and expire. */
void publishers_tick(struct publishers *p, struct net_time now);
/* Rises whenever what publishers_unl says may have changed. */
uint64_t publishers_version(const struct publishers *p);

struct publishers_unl {
	struct public_key keys[UNL_MAX]; /* ascending */
	uint32_t n;
	bool blocked;
	struct bytes *manifests; /* of listed validators */
	uint32_t n_manifests;
};
/* Manifests' views live until the next change; the array is on the arena. */
void publishers_unl(const struct publishers *p, struct arena *a, struct publishers_unl *out);

/* For keeping on disk: a document of version 2 with all lists of publisher i; false: it has none.
 */
bool publishers_print(const struct publishers *p, uint32_t i, struct buf *out);

struct publisher_list {
	uint32_t seq;
	struct net_time effective, expiration;
	const char *uri;
	const struct list_entry *v;
	uint32_t n;
};
struct publisher_info {
	struct public_key key;
	enum publisher_status status;
	uint32_t version; /* of the newest document */
	struct publisher_list current;
	struct publisher_list later[LIST_BLOBS_MAX];
	uint32_t n_later;
};
uint32_t publishers_count(const struct publishers *p);
uint32_t publishers_threshold(const struct publishers *p);
void publishers_get(const struct publishers *p, uint32_t i, struct publisher_info *out);
uint32_t publishers_own(const struct publishers *p, const struct public_key **keys);
/* When the first of the lists in force ends, those that follow it without a gap counted; false when
 * a publisher has none. UINT32_MAX: never. */
bool publishers_expire(const struct publishers *p, struct net_time *at);

#endif
