/* SPDX-License-Identifier: ISC */
#include "node/publishers.h"

#include "node/manifests.h"

#include <stdio.h>
#include <stdlib.h>

struct kept_list {
	struct arena arena;
	struct list l; /* everything of it is on the arena */
	struct bytes blob, signature, manifest;
	char uri[PUBLISHER_URI_MAX];
	bool used;
};

struct publisher {
	struct public_key key;
	enum publisher_status status;
	uint32_t version;
	struct kept_list current;
	struct kept_list later[LIST_BLOBS_MAX]; /* used ones first, by sequence */
	uint32_t n_later;
};

struct publishers {
	struct publisher v[PUBLISHERS_MAX];
	uint32_t n, threshold;
	struct public_key own[UNL_MAX];
	uint32_t n_own;
	struct manifests *manifests; /* of the publishers */
	uint64_t version;
};

const char *list_fate_text(enum list_fate f)
{
	static const char *const texts[] = {
	    "accepted",       "expired", "pending",   "same_sequence",
	    "known_sequence", "stale",   "untrusted", "unsupported_version",
	    "invalid"};

	must((unsigned)f < sizeof(texts) / sizeof(texts[0]));
	return texts[f];
}

static int key_cmp(const void *a, const void *b)
{
	return public_key_cmp(a, b);
}

struct publishers *publishers_open(const struct publishers_config *c)
{
	struct publishers *p = mem_zalloc(1, sizeof(*p));
	struct public_key keys[PUBLISHERS_MAX];
	uint32_t i;

	must(c->n <= PUBLISHERS_MAX && c->n_own <= UNL_MAX && c->threshold <= c->n);
	p->n = c->n;
	p->n_own = c->n_own;
	p->threshold = c->threshold ? c->threshold : c->n < 3 ? 1 : c->n / 2 + 1;
	if (c->n_own)
		memcpy(p->own, c->own, c->n_own * sizeof(*c->own));
	qsort(p->own, p->n_own, sizeof(*p->own), key_cmp);
	if (c->n)
		memcpy(keys, c->keys, c->n * sizeof(*keys));
	qsort(keys, c->n, sizeof(*keys), key_cmp);
	for (i = 0; i < c->n; i++)
		p->v[i].key = keys[i];
	p->manifests = manifests_open(0);
	manifests_trust(p->manifests, keys, c->n);
	return p;
}

static void forget(struct kept_list *k)
{
	arena_close(&k->arena);
	memset(k, 0, sizeof(*k));
}

static void forget_all(struct publisher *v)
{
	forget(&v->current);
	while (v->n_later)
		forget(&v->later[--v->n_later]);
}

void publishers_close(struct publishers *p)
{
	uint32_t i;

	if (!p)
		return;
	for (i = 0; i < p->n; i++)
		forget_all(&p->v[i]);
	manifests_close(p->manifests);
	mem_free(p);
}

/* ---- one list ---- */

static struct publisher *publisher_of(struct publishers *p, const struct public_key *key)
{
	uint32_t i;

	for (i = 0; i < p->n; i++)
		if (!public_key_cmp(&p->v[i].key, key))
			return &p->v[i];
	return NULL;
}

/* Whose it is, and by which key it has to be signed. NULL: untrusted or invalid, in *fate. */
static struct publisher *signer(struct publishers *p, struct bytes manifest,
				const struct manifest **now, enum list_fate *fate, struct why *why)
{
	struct publisher *v;
	struct manifest m;

	*fate = LIST_INVALID;
	if (manifest_parse(&m, manifest, why) != ERR_NONE)
		return NULL;
	*fate = LIST_UNTRUSTED;
	v = publisher_of(p, &m.master);
	if (!v) {
		(void)why_set(why, ERR_INVALID, "a publisher that is not ours");
		return NULL;
	}
	if (manifests_load(p->manifests, manifest, now) == MANIFEST_FORGED) {
		(void)why_set(why, ERR_SIGNATURE, "the publisher's manifest is not signed well");
		return NULL;
	}
	if (!*now || manifest_revokes(*now)) {
		if (v->status != PUBLISHER_REVOKED)
			p->version++;
		v->status = PUBLISHER_REVOKED;
		forget_all(v);
		(void)why_set(why, ERR_INVALID, "the publisher has revoked its key");
		return NULL;
	}
	return v;
}

static void keep(struct kept_list *k, const struct list_blob *b, const char *uri)
{
	forget(k);
	k->used = true;
	k->blob = bytes_of(arena_copy(&k->arena, b->blob.p, b->blob.n), b->blob.n);
	k->signature = bytes_of(arena_copy(&k->arena, b->signature.p, b->signature.n),
				b->signature.n);
	k->manifest = bytes_of(arena_copy(&k->arena, b->manifest.p, b->manifest.n), b->manifest.n);
	must(list_parse(&k->l, &k->arena, k->blob, NULL) == ERR_NONE); /* as it has been */
	snprintf(k->uri, sizeof(k->uri), "%s", uri);
}

static void drop_later(struct publisher *v, uint32_t i)
{
	forget(&v->later[i]);
	v->n_later--;
	memmove(&v->later[i], &v->later[i + 1], (v->n_later - i) * sizeof(v->later[0]));
	memset(&v->later[v->n_later], 0, sizeof(v->later[0]));
}

/* Later ones come into force one after the other: what one of a higher sequence makes needless, or
 * the list in force has overtaken, goes. */
static void tidy_later(struct publisher *v)
{
	uint32_t i = 0;

	while (i < v->n_later) {
		const struct kept_list *k = &v->later[i];
		bool over = k->l.seq <= v->current.l.seq && v->current.used;

		over |= i + 1 < v->n_later && v->later[i + 1].l.effective.s <= k->l.effective.s;
		if (over)
			drop_later(v, i);
		else
			i++;
	}
}

static enum list_fate wait_for(struct publisher *v, const struct list *l, const struct list_blob *b,
			       const char *uri)
{
	uint32_t i = 0;

	while (i < v->n_later && v->later[i].l.seq < l->seq)
		i++;
	if (i < v->n_later && v->later[i].l.seq == l->seq)
		return LIST_KNOWN_SEQUENCE;
	if (v->n_later == LIST_BLOBS_MAX) {
		if (!i)
			return LIST_STALE;
		drop_later(v, 0);
		i--;
	}
	memmove(&v->later[i + 1], &v->later[i], (v->n_later - i) * sizeof(v->later[0]));
	memset(&v->later[i], 0, sizeof(v->later[0]));
	v->n_later++;
	keep(&v->later[i], b, uri);
	return LIST_PENDING;
}

static enum list_fate take(struct publishers *p, struct publisher *v, const struct list_blob *b,
			   const struct list *l, struct net_time now, const char *uri)
{
	if (v->current.used && l->seq < v->current.l.seq)
		return LIST_STALE;
	if (v->current.used && l->seq == v->current.l.seq)
		return LIST_SAME_SEQUENCE;
	if (l->effective.s > now.s && l->expiration.s > now.s)
		return wait_for(v, l, b, uri);
	keep(&v->current, b, uri);
	p->version++;
	v->status = l->expiration.s > now.s ? PUBLISHER_AVAILABLE : PUBLISHER_EXPIRED;
	return v->status == PUBLISHER_AVAILABLE ? LIST_ACCEPTED : LIST_EXPIRED;
}

static enum list_fate offer_blob(struct publishers *p, const struct list_blob *b, uint32_t version,
				 struct net_time now, const char *uri, struct why *why)
{
	struct arena a = ARENA_INIT;
	const struct manifest *m;
	enum list_fate fate;
	struct publisher *v = signer(p, b->manifest, &m, &fate, why);
	struct list l;

	if (!v)
		return fate;
	fate = LIST_INVALID;
	if (!signature_check(bytes_of(m->signing.b, sizeof(m->signing.b)), b->blob, b->signature)) {
		(void)why_set(why, ERR_SIGNATURE, "the list is not signed by its publisher");
		return fate;
	}
	if (list_parse(&l, &a, b->blob, why) == ERR_NONE) {
		fate = take(p, v, b, &l, now, uri);
		tidy_later(v);
		if (version > v->version)
			v->version = version;
	}
	arena_close(&a);
	return fate;
}

enum list_fate publishers_offer(struct publishers *p, struct bytes document, struct net_time now,
				const char *uri, struct why *why)
{
	struct arena a = ARENA_INIT;
	enum list_fate best = LIST_INVALID, one;
	struct list_document d;
	enum err e = list_document_parse(&d, &a, document, why);
	struct why each = {""};
	uint32_t i;

	if (e == ERR_SCHEMA)
		best = LIST_UNSUPPORTED;
	for (i = 0; e == ERR_NONE && i < d.n; i++) {
		one = offer_blob(p, &d.blobs[i], d.version, now, uri, &each);
		if (one < best || !i)
			best = one;
		if (one >= LIST_UNTRUSTED)
			(void)why_set(why, ERR_INVALID, "%s", each.text);
	}
	arena_close(&a);
	return best;
}

/* ---- time ---- */

static void tick_one(struct publishers *p, struct publisher *v, struct net_time now)
{
	if (v->status == PUBLISHER_REVOKED)
		return;
	while (v->n_later && v->later[0].l.effective.s <= now.s) {
		forget(&v->current);
		v->current = v->later[0];
		v->n_later--;
		memmove(&v->later[0], &v->later[1], v->n_later * sizeof(v->later[0]));
		memset(&v->later[v->n_later], 0, sizeof(v->later[0]));
		v->status = PUBLISHER_AVAILABLE;
		p->version++;
	}
	if (v->status == PUBLISHER_AVAILABLE && v->current.l.expiration.s <= now.s) {
		v->status = PUBLISHER_EXPIRED;
		p->version++;
	}
}

void publishers_tick(struct publishers *p, struct net_time now)
{
	uint32_t i;

	for (i = 0; i < p->n; i++)
		tick_one(p, &p->v[i], now);
}

uint64_t publishers_version(const struct publishers *p)
{
	return p->version;
}

/* ---- what follows ---- */

static bool lists(const struct publisher *v, const struct public_key *key)
{
	uint32_t i;

	for (i = 0; v->status == PUBLISHER_AVAILABLE && i < v->current.l.n; i++)
		if (!public_key_cmp(&v->current.l.v[i].master, key))
			return true;
	return false;
}

static void add(const struct publishers *p, struct publishers_unl *out,
		const struct public_key *key)
{
	uint32_t i, k = 0;

	for (i = 0; i < out->n; i++)
		if (!public_key_cmp(&out->keys[i], key))
			return;
	for (i = 0; i < p->n; i++)
		k += lists(&p->v[i], key);
	if (k >= p->threshold && out->n < UNL_MAX)
		out->keys[out->n++] = *key;
}

static bool blocked(const struct publishers *p)
{
	uint32_t missing = 0, i, other = p->n - p->threshold + 1;

	for (i = 0; i < p->n; i++)
		missing += p->v[i].status != PUBLISHER_AVAILABLE;
	return p->n && missing >= (p->threshold < other ? p->threshold : other);
}

void publishers_unl(const struct publishers *p, struct arena *a, struct publishers_unl *out)
{
	uint32_t i, k;

	*out = (struct publishers_unl){.n = p->n_own, .blocked = blocked(p)};
	memcpy(out->keys, p->own, p->n_own * sizeof(*p->own));
	out->manifests = arena_zalloc(a, (size_t)PUBLISHERS_MAX * UNL_MAX, sizeof(struct bytes));
	for (i = 0; i < p->n; i++) {
		const struct publisher *v = &p->v[i];

		for (k = 0; v->status == PUBLISHER_AVAILABLE && k < v->current.l.n; k++) {
			const struct list_entry *e = &v->current.l.v[k];

			add(p, out, &e->master);
			if (e->manifest.n)
				out->manifests[out->n_manifests++] = e->manifest;
		}
	}
	qsort(out->keys, out->n, sizeof(*out->keys), key_cmp);
	out->blocked |= !out->n;
}

bool publishers_print(const struct publishers *p, uint32_t i, struct buf *out)
{
	const struct publisher *v = &p->v[i];
	struct list_document d = {.version = 2};
	uint32_t k;

	must(i < p->n);
	d.public_key = bytes_of(v->key.b, sizeof(v->key.b));
	for (k = 0; k <= v->n_later && d.n < LIST_BLOBS_MAX; k++) {
		const struct kept_list *l = k ? &v->later[k - 1] : &v->current;

		if (l->used)
			d.blobs[d.n++] = (struct list_blob){
			    .blob = l->blob, .signature = l->signature, .manifest = l->manifest};
	}
	if (!d.n)
		return false;
	d.manifest = manifests_of(p->manifests, &v->key)->bytes;
	list_document_print(out, &d);
	return true;
}

/* ---- reading ---- */

static struct publisher_list list_info(const struct kept_list *k)
{
	return (struct publisher_list){.seq = k->l.seq,
				       .effective = k->l.effective,
				       .expiration = k->l.expiration,
				       .uri = k->uri,
				       .v = k->l.v,
				       .n = k->l.n};
}

void publishers_get(const struct publishers *p, uint32_t i, struct publisher_info *out)
{
	const struct publisher *v = &p->v[i];
	uint32_t k;

	must(i < p->n);
	*out = (struct publisher_info){
	    .key = v->key, .status = v->status, .version = v->version, .n_later = v->n_later};
	out->current = list_info(&v->current);
	for (k = 0; k < v->n_later; k++)
		out->later[k] = list_info(&v->later[k]);
}

uint32_t publishers_count(const struct publishers *p)
{
	return p->n;
}

uint32_t publishers_threshold(const struct publishers *p)
{
	return p->threshold;
}

uint32_t publishers_own(const struct publishers *p, const struct public_key **keys)
{
	*keys = p->own;
	return p->n_own;
}

bool publishers_expire(const struct publishers *p, struct net_time *at)
{
	uint32_t i, k;

	at->s = UINT32_MAX;
	for (i = 0; i < p->n; i++) {
		const struct publisher *v = &p->v[i];
		uint32_t end = v->current.l.expiration.s;

		if (!v->current.used)
			return false;
		for (k = 0; k < v->n_later && v->later[k].l.effective.s <= end; k++)
			end = v->later[k].l.expiration.s;
		if (end < at->s)
			at->s = end;
	}
	return true;
}
