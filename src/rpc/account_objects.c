/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"

#include "base/limits.h"

/* account_objects (rippled: AccountObjects.cpp): pages of tokens first, then the owner directory.
 */

#define TYPES_MAX 16

struct filter {
	bool all;
	uint16_t types[TYPES_MAX];
	uint32_t n;
};

static bool filter_has(const struct filter *f, uint16_t type)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (f->types[i] == type)
			return true;
	return f->all;
}

/* What keeps an account from being deleted. */
static const uint16_t blockers[] = {
    ltCheck,
    ltEscrow,
    ltNFTokenPage,
    ltPayChannel,
    ltRippleState,
    ltXChainOwnedClaimID,
    ltXChainOwnedCreateAccountClaimID,
    ltBridge,
    ltMPTokenIssuance,
    ltMPToken,
    ltPermissionedDomain,
    ltVault,
};
_Static_assert(sizeof(blockers) / sizeof(blockers[0]) <= TYPES_MAX, "they fit the filter");

static void filter_blockers(struct rpc_call *c, struct filter *f)
{
	const char *type = p_text(c, "type");

	f->all = false;
	for (size_t i = 0; i < sizeof(blockers) / sizeof(blockers[0]); i++)
		if (!type || strcmp(type, entry_short_name(blockers[i])) == 0)
			f->types[f->n++] = blockers[i];
}

static bool is_ownable(uint16_t type)
{
	return type != ltAmendments && type != ltDirectoryNode && type != ltFeeSettings &&
	       type != ltLedgerHashes && type != ltNegativeUNL;
}

static bool filter_parse(struct rpc_call *c, struct filter *f)
{
	uint16_t type;

	*f = (struct filter){.all = true};
	if (p_truthy(c, "deletion_blockers_only")) {
		filter_blockers(c, f);
		return true;
	}
	if (!p_entry_type(c, &type))
		return false;
	if (!is_ownable(type))
		return rpc_fail_invalid(c, "type");
	if (type != ltANY)
		*f = (struct filter){.types = {type}, .n = 1};
	return true;
}

static void write_entry(struct rpc_call *c, const struct st_object *entry,
			const struct hash256 *key)
{
	json_t *j = tj_entry(entry, key);

	jw_json(&c->w, j);
	json_decref(j);
}

static void visit(struct rpc_call *c, void *ctx, const struct hash256 *key,
		  const struct st_object *entry)
{
	uint16_t type;

	if (st_get_u16(entry, sfLedgerEntryType, &type) && filter_has(ctx, type))
		write_entry(c, entry, key);
}

/* Token pages have the owner's id in front of their index and form a range of keys. */
static bool is_token_page(const struct account_id *owner, const struct hash256 *key)
{
	return memcmp(owner->b, key->b, sizeof(owner->b)) == 0;
}

/* The last page of an owner has the highest index there can be, so it tells whether there are any
 * without a search. */
static bool has_token_pages(struct rpc_call *c, const struct account_id *owner)
{
	const struct st_object *page;

	return rpc_entry(c, keylet_nft_page_max(owner), &page) == FOUND;
}

/* Writes token pages after `*after`; true when all were written, false when the page is full (then
 * *after is the last one written) or on a fault. */
static bool write_token_pages(struct rpc_call *c, const struct account_id *owner,
			      struct hash256 *after, uint32_t *left)
{
	struct hash256 next;
	const struct st_object *page;

	while (rpc_next(c, after, &next) == FOUND && is_token_page(owner, &next)) {
		if (*left == 0 || c->w.out.n > RPC_REPLY_SOFT_MAX)
			return false;
		switch (rpc_entry(c, (struct keylet){next, ltNFTokenPage}, &page)) {
		case FOUND:
			write_entry(c, page, &next);
			break;
		case ABSENT:
			break;
		case UNAVAILABLE:
			return false;
		}
		*after = next;
		(*left)--;
	}
	return !c->fault.token;
}

void method_account_objects(struct rpc_call *c)
{
	struct owned_request r;
	struct filter f;
	struct dir_walk walk = {.visit = visit, .ctx = &f};
	struct hash256 page;
	uint32_t left;

	if (!owned_request_begin(c, &r))
		return;
	if (!filter_parse(c, &f)) {
		rpc_forget_written(c);
		return;
	}
	if (!owned_request_page(c, &r, false))
		return;
	left = r.limit;
	page = r.after;
	jw_put_open(&c->w, "account_objects", '[');
	if (hash256_is_zero(&r.after)) { /* before the first index with the owner's id */
		static const uint8_t low[12];

		page = keylet_nft_page(&r.account, low).key;
	}
	if (is_token_page(&r.account, &page)) {
		r.after = HASH256_ZERO;
		r.hint = 0;
		if (filter_has(&f, ltNFTokenPage) && has_token_pages(c, &r.account) &&
		    !write_token_pages(c, &r.account, &page, &left)) {
			walk.more = true;
		}
		walk.last = page; /* where to go on if not even one owned entry fits */
	}
	if (!walk.more && !c->fault.token) {
		walk.after = r.after;
		walk.hint = r.hint;
		walk.limit = left;
		owner_dir_walk(c, &r.account, &walk);
	}
	jw_end(&c->w, ']');
	if (c->fault.token)
		rpc_forget_written(c);
	else
		owned_write_more(c, &r, &walk);
}
