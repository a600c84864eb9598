/* SPDX-License-Identifier: ISC */
#include "rpc/call.h"

#include "base/limits.h"
#include "crypto/base58.h"

#include <stdio.h>

/* Walking an owner directory: pages of at most 32 entry indexes, chained by IndexNext. */

#define WALK_LONG 1000 /* entries; more cost as a heavy request does */

struct page {
	uint64_t number;
	struct bytes indexes; /* 32 bytes each */
	uint64_t next;        /* 0: the last one */
};

static enum found page_read(struct rpc_call *c, const struct keylet *root, uint64_t number,
			    struct page *out)
{
	struct keylet k = number == 0 ? *root : keylet_dir_page(&root->key, number);
	const struct st_object *dir;
	enum found f = rpc_entry(c, k, &dir);

	if (f != FOUND)
		return f;
	*out = (struct page){.number = number};
	st_get_raw(dir, sfIndexes, &out->indexes);
	st_get_u64(dir, sfIndexNext, &out->next);
	return FOUND;
}

static struct hash256 index_at(const struct page *p, size_t i)
{
	struct hash256 h;

	must((i + 1) * sizeof(h.b) <= p->indexes.n);
	memcpy(h.b, p->indexes.p + i * sizeof(h.b), sizeof(h.b));
	return h;
}

static size_t page_count(const struct page *p)
{
	return p->indexes.n / sizeof(struct hash256);
}

static bool page_has(const struct page *p, const struct hash256 *key)
{
	for (size_t i = 0; i < page_count(p); i++) {
		struct hash256 h = index_at(p, i);

		if (hash256_eq(&h, key))
			return true;
	}
	return false;
}

/* What an entry needs of memory is given back after it was visited: owners may have many. */
static bool visit_entry(struct rpc_call *c, struct dir_walk *w, const struct hash256 *key)
{
	struct arena kept = c->arena;
	const struct st_object *entry;
	bool found;

	c->arena = w->scratch;
	found = rpc_entry(c, (struct keylet){*key, ltANY}, &entry) == FOUND;
	if (found)
		w->visit(c, w->ctx, key, entry);
	arena_reset(&c->arena);
	w->scratch = c->arena;
	c->arena = kept;
	return found;
}

/* Visits a page's entries; false when the walk is over. */
static bool page_visit(struct rpc_call *c, struct dir_walk *w, const struct page *p, bool *started,
		       uint32_t *visited)
{
	for (size_t i = 0; i < page_count(p); i++) {
		struct hash256 key = index_at(p, i);

		if (!*started) {
			*started = hash256_eq(&key, &w->after);
			continue;
		}
		if (*visited == w->limit || c->w.out.n > RPC_REPLY_SOFT_MAX) {
			w->more = true;
			return false;
		}
		if (!visit_entry(c, w, &key)) {
			rpc_fail_unavailable(c); /* a directory names only what is there */
			return false;
		}
		(*visited)++;
		w->last = key;
		w->last_page = p->number;
	}
	return true;
}

static bool walk_pages(struct rpc_call *c, const struct account_id *owner, struct dir_walk *w)
{
	struct keylet root = keylet_owner_dir(owner);
	bool started = hash256_is_zero(&w->after);
	uint32_t visited = 0, pages;
	struct page p;
	enum found f;

	w->more = false;
	f = page_read(c, &root, started ? 0 : w->hint, &p);
	if (!started && f == ABSENT)
		return rpc_fail(c, RPC_INVALID_PARAMS);
	if (!started && f == FOUND && !page_has(&p, &w->after))
		f = page_read(c, &root, 0, &p); /* the hint was wrong: look from the start */
	for (pages = 0; f == FOUND && pages < RPC_DIR_PAGES_MAX; pages++) {
		if (!page_visit(c, w, &p, &started, &visited) || p.next == 0)
			break;
		f = page_read(c, &root, p.next, &p);
	}
	w->more |= pages == RPC_DIR_PAGES_MAX;
	if (visited > WALK_LONG && c->cost < RPC_COST_HEAVY)
		c->cost = RPC_COST_HEAVY;
	if (f == UNAVAILABLE || c->fault.token)
		return false;
	return started ? true : rpc_fail(c, RPC_INVALID_PARAMS);
}

bool owner_dir_walk(struct rpc_call *c, const struct account_id *owner, struct dir_walk *w)
{
	bool done = walk_pages(c, owner, w);

	arena_close(&w->scratch);
	return done;
}

bool owner_dir_whole(struct rpc_call *c, const struct dir_walk *w)
{
	if (!w->more)
		return true;
	return rpc_fail_text(c, RPC_TOO_BUSY, "The account owns too much to look through at once.");
}

/* Markers of lists: the last entry shown and the page of the directory it is on. */
void dir_marker_write(struct rpc_call *c, const struct hash256 *last, uint64_t page)
{
	char text[100];

	snprintf(text, sizeof(text), "%s,%llu", hash256_hex(last).s, (unsigned long long)page);
	jw_put_str(&c->w, "marker", text);
}

static bool fail_marker(struct rpc_call *c, bool plain)
{
	return plain ? rpc_fail(c, RPC_INVALID_PARAMS) : rpc_fail_invalid(c, "marker");
}

bool dir_marker_parse(struct rpc_call *c, bool plain, struct hash256 *last, uint64_t *page)
{
	const json_t *v = json_object_get(c->p, "marker");
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);

	*last = HASH256_ZERO;
	*page = 0;
	if (!v)
		return true;
	if (!s)
		return rpc_fail_expected(c, "marker", "string");
	if (n < 66 || n > 84 || s[64] != ',' || !hex_decode(last->b, sizeof(last->b), s, 64))
		return fail_marker(c, plain);
	for (size_t i = 65; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return fail_marker(c, plain);
		*page = *page * 10 + (uint64_t)(s[i] - '0');
	}
	return true;
}

bool owned_request_begin(struct rpc_call *c, struct owned_request *out)
{
	const struct st_object *root;
	const char *text;

	if (!p_account_text(c, "account", &text) || !rpc_lookup_ledger(c))
		return false;
	if (account_parse(&out->account, text) != ERR_NONE)
		return rpc_fail(c, RPC_ACT_MALFORMED);
	if (rpc_account_root(c, &out->account, &root))
		return true;
	rpc_forget_written(c);
	return false;
}

bool owned_request_page(struct rpc_call *c, struct owned_request *out, bool plain)
{
	if (!p_limit(c, &out->limit) || !dir_marker_parse(c, plain, &out->after, &out->hint)) {
		rpc_forget_written(c);
		return false;
	}
	jw_put_str(&c->w, "account", account_text(&out->account).s);
	return true;
}

void owned_write_more(struct rpc_call *c, const struct owned_request *r, const struct dir_walk *w)
{
	if (!w->more)
		return;
	jw_put_u64(&c->w, "limit", r->limit);
	dir_marker_write(c, &w->last, w->last_page);
}
