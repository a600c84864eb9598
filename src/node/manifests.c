/* SPDX-License-Identifier: ISC */
#include "node/manifests.h"

#include "base/limits.h"
#include "base/mem.h"
#include "crypto/hash.h"

struct kept {
	struct manifest m; /* its views are into bytes */
	uint8_t bytes[MANIFEST_BYTES_MAX];
	bool trusted;
	uint32_t used; /* of its allowance, which fills up again since: */
	struct steady since;
	struct kept *prev, *next; /* of the others: newest first */
};

struct budget_s { /* how many may be looked at, refilled each second */
	int64_t left;
	struct steady at;
};

struct manifests {
	struct hmap by_master, by_signing; /* of keys' hashes, to kept */
	struct public_key trusted[UNL_MAX];
	uint32_t n_trusted;
	struct kept *newest, *oldest; /* others */
	uint32_t n_others;
	struct budget_s budget[2]; /* others, trusted */
};

struct manifests *manifests_open(uint64_t salt)
{
	struct manifests *m = mem_zalloc(1, sizeof(*m));

	hmap_init(&m->by_master, salt);
	hmap_init(&m->by_signing, salt);
	m->budget[0].left = MANIFESTS_OTHER_BURST;
	m->budget[1].left = MANIFESTS_TRUSTED_PER_S;
	return m;
}

static struct hash256 id_of(const struct public_key *key)
{
	struct hash256 h;

	sha512_half(&h, key->b, sizeof(key->b));
	return h;
}

static struct kept *by_key(const struct hmap *map, const struct public_key *key)
{
	struct hash256 id = id_of(key);

	return hmap_get(map, &id);
}

static bool is_trusted(const struct manifests *m, const struct public_key *master)
{
	uint32_t lo = 0, hi = m->n_trusted;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		int c = public_key_cmp(master, &m->trusted[mid]);

		if (!c)
			return true;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

/* ---- the list of the others ---- */

static void others_enter(struct manifests *m, struct kept *k)
{
	k->prev = NULL;
	k->next = m->newest;
	if (m->newest)
		m->newest->prev = k;
	else
		m->oldest = k;
	m->newest = k;
	m->n_others++;
}

static void others_leave(struct manifests *m, struct kept *k)
{
	*(k->prev ? &k->prev->next : &m->newest) = k->next;
	*(k->next ? &k->next->prev : &m->oldest) = k->prev;
	m->n_others--;
}

static void signing_forget(struct manifests *m, const struct kept *k)
{
	struct hash256 id;

	if (manifest_revokes(&k->m))
		return;
	id = id_of(&k->m.signing);
	must(hmap_del(&m->by_signing, &id) == k);
}

static void drop(struct manifests *m, struct kept *k)
{
	struct hash256 id = id_of(&k->m.master);

	signing_forget(m, k);
	must(hmap_del(&m->by_master, &id) == k);
	if (!k->trusted)
		others_leave(m, k);
	mem_free(k);
}

void manifests_close(struct manifests *m)
{
	uint32_t i;

	if (!m)
		return;
	while (m->newest)
		drop(m, m->newest);
	for (i = 0; i < m->n_trusted; i++) {
		struct kept *k = by_key(&m->by_master, &m->trusted[i]);

		if (k)
			drop(m, k);
	}
	must(!m->by_master.n && !m->by_signing.n);
	hmap_close(&m->by_master);
	hmap_close(&m->by_signing);
	mem_free(m);
}

/* ---- one more ---- */

static bool within_budget(struct manifests *m, bool trusted, struct steady now)
{
	struct budget_s *b = &m->budget[trusted];
	int64_t rate = trusted ? MANIFESTS_TRUSTED_PER_S : MANIFESTS_OTHER_PER_S;
	int64_t most = trusted ? MANIFESTS_TRUSTED_PER_S : MANIFESTS_OTHER_BURST;
	int64_t whole = steady_since(b->at, now) / 1000;

	if (whole > 0) {
		b->at = steady_after(b->at, whole * 1000);
		b->left = whole >= most / rate + 1 || b->left + whole * rate > most
			      ? most
			      : b->left + whole * rate;
	}
	if (b->left <= 0)
		return false;
	b->left--;
	return true;
}

/* One master's: whoever holds it can make as many as there are numbers. */
static bool within_allowance(struct kept *k, struct steady now)
{
	int64_t back = steady_since(k->since, now) / MANIFESTS_OF_ONE_MS;

	if (back >= k->used) {
		k->used = 0;
		k->since = now;
	} else {
		k->used -= (uint32_t)back;
		k->since = steady_after(k->since, back * MANIFESTS_OF_ONE_MS);
	}
	return k->used < MANIFESTS_OF_ONE;
}

/* A signing key belongs to one master, and no master key signs for another. */
static bool taken(const struct manifests *m, const struct manifest *in)
{
	const struct kept *k = by_key(&m->by_signing, &in->master);

	if (k)
		return true;
	if (manifest_revokes(in))
		return false;
	k = by_key(&m->by_signing, &in->signing);
	return (k && public_key_cmp(&k->m.master, &in->master)) ||
	       by_key(&m->by_master, &in->signing) || is_trusted(m, &in->signing);
}

static void keep(struct kept *k, const struct manifest *in)
{
	struct bytes copy = bytes_of(k->bytes, in->bytes.n);

	memcpy(k->bytes, in->bytes.p, in->bytes.n);
	must(manifest_parse(&k->m, copy, NULL) == ERR_NONE); /* as it has been */
}

static struct kept *replace(struct manifests *m, struct kept *k, const struct manifest *in)
{
	struct hash256 id = id_of(&in->master);

	if (k) {
		signing_forget(m, k);
		if (!k->trusted)
			others_leave(m, k);
	} else {
		if (m->n_others == MANIFESTS_OTHER_MAX && !is_trusted(m, &in->master))
			drop(m, m->oldest);
		k = mem_zalloc(1, sizeof(*k));
		k->trusted = is_trusted(m, &in->master);
		hmap_put(&m->by_master, &id, k);
	}
	keep(k, in);
	if (!k->trusted)
		others_enter(m, k);
	if (!manifest_revokes(&k->m)) {
		id = id_of(&k->m.signing);
		must(!hmap_put(&m->by_signing, &id, k));
	}
	return k;
}

static enum manifest_fate add(struct manifests *m, struct bytes in, const struct steady *now,
			      const struct manifest **out)
{
	struct manifest given;
	struct kept *k;

	if (out)
		*out = NULL;
	if (manifest_parse(&given, in, NULL) != ERR_NONE)
		return MANIFEST_MALFORMED;
	k = by_key(&m->by_master, &given.master);
	if (k && out)
		*out = &k->m;
	if (k && given.seq <= k->m.seq)
		return MANIFEST_STALE;
	if (now && !within_budget(m, is_trusted(m, &given.master), *now))
		return MANIFEST_BUSY;
	if (now && k && !manifest_revokes(&given) && !within_allowance(k, *now))
		return MANIFEST_BUSY;
	if (!manifest_verify(&given))
		return MANIFEST_FORGED;
	if (taken(m, &given))
		return MANIFEST_TAKEN;
	k = replace(m, k, &given);
	k->used += now != NULL;
	if (out)
		*out = &k->m;
	return MANIFEST_NEW;
}

enum manifest_fate manifests_add(struct manifests *m, struct bytes in, struct steady now,
				 const struct manifest **out)
{
	return add(m, in, &now, out);
}

enum manifest_fate manifests_load(struct manifests *m, struct bytes in, const struct manifest **out)
{
	return add(m, in, NULL, out);
}

void manifests_trust(struct manifests *m, const struct public_key *masters, uint32_t n)
{
	struct public_key was[UNL_MAX];
	uint32_t n_was = m->n_trusted, i;

	must(n <= UNL_MAX);
	memcpy(was, m->trusted, n_was * sizeof(*was));
	if (n)
		memcpy(m->trusted, masters, n * sizeof(*masters));
	m->n_trusted = n;
	for (i = 0; i < n; i++) {
		struct kept *k = by_key(&m->by_master, &masters[i]);

		must(!i || public_key_cmp(&masters[i - 1], &masters[i]) < 0);
		if (!k || k->trusted)
			continue;
		others_leave(m, k);
		k->trusted = true;
	}
	for (i = 0; i < n_was; i++) {
		struct kept *k = by_key(&m->by_master, &was[i]);

		if (!k || is_trusted(m, &was[i]))
			continue;
		k->trusted = false;
		others_enter(m, k);
	}
	while (m->n_others > MANIFESTS_OTHER_MAX)
		drop(m, m->oldest);
}

/* ---- reading ---- */

const struct manifest *manifests_of(const struct manifests *m, const struct public_key *master)
{
	const struct kept *k = by_key(&m->by_master, master);

	return k ? &k->m : NULL;
}

const struct public_key *manifests_master(const struct manifests *m, const struct public_key *key)
{
	const struct kept *k = by_key(&m->by_signing, key);

	if (k)
		return &k->m.master;
	return by_key(&m->by_master, key) ? NULL : key;
}

const struct manifest *manifests_trusted(const struct manifests *m, uint32_t i)
{
	const struct manifest *found;
	uint32_t k;

	for (k = 0; k < m->n_trusted; k++) {
		found = manifests_of(m, &m->trusted[k]);
		if (found && !i--)
			return found;
	}
	return NULL;
}

uint32_t manifests_others(const struct manifests *m)
{
	return m->n_others;
}
