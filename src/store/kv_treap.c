/* SPDX-License-Identifier: ISC */
#include "store/kv_treap.h"

#include "base/mem.h"

struct treap {
	struct treap *left, *right;
	struct treap_entry *entry;
	uint64_t prefix; /* the first 8 bytes of the key, so that most comparisons end here */
	uint32_t priority;
	uint32_t refs;
};

struct probe { /* a key as it is looked for */
	struct bytes key;
	uint64_t prefix;
	bool integers;
};

static uint64_t prefix_of(struct treap_order o, struct bytes key)
{
	uint8_t first[8] = {0};
	uint64_t n;

	if (o.integers) {
		must(key.n == sizeof(n));
		memcpy(&n, key.p, sizeof(n));
		return n;
	}
	memcpy(first, key.p, key.n < 8 ? key.n : 8);
	return load_be64(first);
}

static struct probe probe_of(struct treap_order o, struct bytes key)
{
	return (struct probe){.key = key, .prefix = prefix_of(o, key), .integers = o.integers};
}

static int compare(const struct probe *p, const struct treap *t)
{
	struct bytes key;
	int c;

	if (p->prefix != t->prefix)
		return p->prefix < t->prefix ? -1 : 1;
	if (p->integers)
		return 0;
	key = treap_key(t->entry);
	c = memcmp(p->key.p, key.p, p->key.n < key.n ? p->key.n : key.n);
	if (c != 0 || p->key.n == key.n)
		return c;
	return p->key.n < key.n ? -1 : 1;
}

/* Murmur's finalizer over 8 bytes at a time: any function would do that spreads well. */
static uint32_t priority_of(struct bytes key)
{
	uint64_t h = key.n;

	while (key.n) {
		size_t n = key.n < 8 ? key.n : 8;
		uint64_t part = 0;

		memcpy(&part, key.p, n);
		h ^= part;
		h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
		h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
		key = bytes_of(key.p + n, key.n - n);
	}
	return (uint32_t)(h >> 32);
}

static struct treap_entry *entry_make(struct bytes key, struct bytes value)
{
	struct treap_entry *e = mem_alloc(sizeof(*e) + key.n + value.n);

	e->refs = 1;
	e->key_n = (uint32_t)key.n;
	e->value_n = (uint32_t)value.n;
	memcpy(e->bytes, key.p, key.n);
	if (value.n)
		memcpy(e->bytes + key.n, value.p, value.n);
	return e;
}

static void entry_unref(struct treap_entry *e)
{
	if (--e->refs == 0)
		mem_free(e);
}

struct treap *treap_ref(struct treap *t)
{
	if (t)
		t->refs++;
	return t;
}

void treap_unref(struct treap *t)
{
	while (t && --t->refs == 0) {
		struct treap *right = t->right;

		treap_unref(t->left);
		entry_unref(t->entry);
		mem_free(t);
		t = right;
	}
}

/* A node that may be changed, in place of a reference to one that others may share. */
static struct treap *own(struct treap *t)
{
	struct treap *copy;

	if (t->refs == 1)
		return t;
	copy = mem_alloc(sizeof(*copy));
	*copy = *t;
	copy->refs = 1;
	treap_ref(copy->left);
	treap_ref(copy->right);
	copy->entry->refs++;
	t->refs--;
	return copy;
}

/* What is below the key and what is above; the key itself is not in the tree. */
static void split(struct treap *t, const struct probe *p, struct treap **below,
		  struct treap **above)
{
	if (!t) {
		*below = *above = NULL;
		return;
	}
	t = own(t);
	if (compare(p, t) < 0) {
		split(t->left, p, below, &t->left);
		*above = t;
	} else {
		split(t->right, p, &t->right, above);
		*below = t;
	}
}

static struct treap *merge(struct treap *below, struct treap *above)
{
	if (!below || !above)
		return below ? below : above;
	if (below->priority >= above->priority) {
		below = own(below);
		below->right = merge(below->right, above);
		return below;
	}
	above = own(above);
	above->left = merge(below, above->left);
	return above;
}

/* Equal keys have equal priorities, so a node above which the new one belongs does not have its key
 * below it. */
static struct treap *insert(struct treap *t, const struct probe *p, struct treap *fresh,
			    size_t *was)
{
	int c;

	if (!t)
		return fresh;
	if (fresh->priority > t->priority) {
		split(t, p, &fresh->left, &fresh->right);
		return fresh;
	}
	c = compare(p, t);
	t = own(t);
	if (c < 0) {
		t->left = insert(t->left, p, fresh, was);
	} else if (c > 0) {
		t->right = insert(t->right, p, fresh, was);
	} else {
		*was = (size_t)t->entry->key_n + t->entry->value_n;
		entry_unref(t->entry);
		t->entry = fresh->entry;
		mem_free(fresh);
	}
	return t;
}

struct treap *treap_put(struct treap *t, struct treap_order o, struct bytes key, struct bytes value,
			size_t *was)
{
	struct probe p = probe_of(o, key);
	struct treap *fresh = mem_alloc(sizeof(*fresh));

	*was = 0;
	*fresh = (struct treap){
	    .entry = entry_make(key, value),
	    .prefix = p.prefix,
	    .priority = priority_of(key),
	    .refs = 1,
	};
	return insert(t, &p, fresh, was);
}

static struct treap *take(struct treap *t, const struct probe *p)
{
	int c;

	must(t);
	c = compare(p, t);
	t = own(t);
	if (c < 0) {
		t->left = take(t->left, p);
	} else if (c > 0) {
		t->right = take(t->right, p);
	} else {
		struct treap *rest = merge(t->left, t->right);

		t->left = t->right = NULL;
		treap_unref(t);
		return rest;
	}
	return t;
}

struct treap *treap_del(struct treap *t, struct treap_order o, struct bytes key)
{
	struct probe p = probe_of(o, key);

	return take(t, &p);
}

const struct treap_entry *treap_get(const struct treap *t, struct treap_order o, struct bytes key)
{
	struct probe p = probe_of(o, key);

	while (t) {
		int c = compare(&p, t);

		if (c == 0)
			return t->entry;
		t = c < 0 ? t->left : t->right;
	}
	return NULL;
}

const struct treap_entry *treap_first(const struct treap *t)
{
	while (t && t->left)
		t = t->left;
	return t ? t->entry : NULL;
}

const struct treap_entry *treap_last(const struct treap *t)
{
	while (t && t->right)
		t = t->right;
	return t ? t->entry : NULL;
}

const struct treap_entry *treap_above(const struct treap *t, struct treap_order o, struct bytes key,
				      bool or_at)
{
	struct probe p = probe_of(o, key);
	const struct treap_entry *best = NULL;

	while (t) {
		int c = compare(&p, t);

		if (c < 0 || (c == 0 && or_at)) {
			best = t->entry;
			t = t->left;
		} else {
			t = t->right;
		}
	}
	return best;
}

const struct treap_entry *treap_below(const struct treap *t, struct treap_order o, struct bytes key)
{
	struct probe p = probe_of(o, key);
	const struct treap_entry *best = NULL;

	while (t) {
		if (compare(&p, t) > 0) {
			best = t->entry;
			t = t->right;
		} else {
			t = t->left;
		}
	}
	return best;
}
