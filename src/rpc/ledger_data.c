/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/state_walk.h"

#include "base/limits.h"

/* ledger_data (rippled: LedgerData.cpp). */

#define PAGE_BINARY 2048
#define PAGE_JSON   256

struct page {
	struct hash256 after; /* if marked; else from the first entry */
	bool marked, binary;
	bool full; /* what was looked at last does not fit any more */
	uint32_t limit, left;
	struct state_walk walk;
	uint16_t type;
};

static bool parse(struct rpc_call *c, struct page *p)
{
	const json_t *marker = json_object_get(c->p, "marker");
	const json_t *binary = json_object_get(c->p, "binary");
	const json_t *limit = json_object_get(c->p, "limit");
	json_int_t n = json_integer_value(limit);
	json_int_t most = c->from.admin ? RPC_ADMIN_LIMIT_MAX : 0;

	*p = (struct page){.marked = marker != NULL, .binary = json_is_true(binary)};
	if (marker && !json_to_hash(marker, &p->after))
		return rpc_fail_expected(c, "marker", "valid");
	if (binary && !json_is_boolean(binary))
		return rpc_fail_expected(c, "binary", "boolean");
	if (limit && !json_is_integer(limit))
		return rpc_fail_expected(c, "limit", "integer");
	p->limit = p->binary ? PAGE_BINARY : PAGE_JSON;
	if (most < p->limit)
		most = p->limit;
	if (limit && n >= 0)
		p->limit = (uint32_t)(n < most ? n : most);
	return p_entry_type(c, &p->type);
}

static void write_base(struct rpc_call *c, bool binary)
{
	const struct ledger *l = c->ledger.closed;
	const struct view_info *info = l ? NULL : view_get_info(c->ledger.open);
	uint8_t bytes[LEDGER_HEADER_BYTES];
	struct jw *w = &c->w;

	jw_put_open(w, "ledger", '{');
	if (l && binary) {
		ledger_header_encode(bytes, &l->header);
		jw_put_bool(w, "closed", true);
		jw_put_hex(w, "ledger_data", bytes, sizeof(bytes));
	} else if (l) {
		tj_header(w, &l->header, &l->hash, c->version);
	} else {
		jw_put_bool(w, "closed", false);
		if (!binary && c->version > 1)
			jw_put_u64(w, "ledger_index", info->seq);
		else if (!binary)
			jw_put_text_u64(w, "ledger_index", info->seq);
		if (!binary)
			jw_put_hash(w, "parent_hash", &info->parent_hash);
	}
	jw_end(w, '}');
}

static bool is_full(const struct rpc_call *c, const struct page *p)
{
	return p->left == 0 || c->sent + c->w.out.n > RPC_REPLY_SOFT_MAX;
}

static bool wanted(const struct page *p, uint16_t type)
{
	return p->type == ltANY || p->type == type;
}

static enum found next_json(struct rpc_call *c, struct page *p, struct hash256 *key)
{
	const struct st_object *entry;
	uint16_t type = ltINVALID;
	enum found f = state_walk_next(&p->walk, p->marked ? &p->after : NULL, key, &entry);
	json_t *j;

	p->full = is_full(c, p);
	if (f != FOUND || p->full)
		return f;
	st_get_u16(entry, sfLedgerEntryType, &type);
	if (wanted(p, type)) {
		j = tj_entry(entry, key);
		jw_json(&c->w, j);
		json_decref(j);
	}
	arena_reset(&c->arena);
	return f;
}

/* The type is an entry's first field: 11, and two bytes. */
static enum found next_binary(struct rpc_call *c, struct page *p, struct hash256 *key)
{
	struct bytes data;
	enum found f = state_walk_next_bytes(&p->walk, p->marked ? &p->after : NULL, key, &data);

	p->full = is_full(c, p);
	if (f != FOUND || p->full)
		return f;
	if (data.n > 3 && data.p[0] == 0x11 && !wanted(p, load_be16(data.p + 1)))
		return f;
	jw_open(&c->w, '{');
	jw_put_hex(&c->w, "data", data.p, data.n);
	jw_put_hash(&c->w, "index", key);
	jw_end(&c->w, '}');
	return f;
}

/* The marker is the largest index before the next one to be shown. */
static struct hash256 index_before(struct hash256 h)
{
	for (size_t i = sizeof(h.b); i-- > 0;)
		if (h.b[i]-- != 0)
			break;
	return h;
}

/* In pieces (call.h); the entry that does not fit any more is where the next page begins. */
static bool more_page(struct rpc_call *c)
{
	struct page *p = c->later.walk;
	size_t end = c->w.out.n + RPC_PIECE_BYTES;
	struct hash256 key;
	enum found f;

	while ((f = p->binary ? next_binary(c, p, &key) : next_json(c, p, &key)) == FOUND &&
	       !p->full) {
		p->left--;
		p->after = key;
		p->marked = true;
		if (c->w.out.n >= end)
			return true;
	}
	jw_end(&c->w, ']');
	if (f == FOUND) {
		key = index_before(key);
		jw_put_hash(&c->w, "marker", &key);
	}
	if (c->fault.token && !c->in_pieces)
		rpc_forget_written(c);
	return false;
}

static void end_page(void *walk)
{
	struct page *p = walk;

	state_walk_end(&p->walk);
	mem_free(p);
}

void method_ledger_data(struct rpc_call *c)
{
	struct page *p = mem_zalloc(1, sizeof(*p));

	c->later = (struct rpc_later){.more = more_page, .walk = p, .end_walk = end_page};
	if (!rpc_lookup_ledger(c))
		return;
	if (!parse(c, p) || !state_walk_begin(c, &p->walk)) {
		rpc_forget_written(c);
		return;
	}
	if (c->ledger.open) {
		jw_put_hash(&c->w, "ledger_hash", &HASH256_ZERO);
		jw_put_u64(&c->w, "ledger_index", c->ledger.seq);
	}
	if (!p->marked)
		write_base(c, p->binary);
	jw_put_open(&c->w, "state", '[');
	p->left = p->limit;
	c->later.kind = RPC_REPLY_IN_PIECES;
}
