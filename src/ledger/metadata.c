/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "base/mem.h"
#include "codec/st.h"
#include "ledger/genesis.h"
#include "ledger/view.h"
#include "ledger/view_impl.h"

#include <stdlib.h>

/* Metadata in the making: the nodes as they come, in the order of the changed entries, with the
 * owners that are only threaded in between; they are sorted by key at the end. */
struct node {
	struct hash256 key;
	enum sf wrapper; /* sfCreatedNode, sfModifiedNode, sfDeletedNode */
	struct st_object *object;
};
struct making {
	struct view *v;
	struct arena *a;
	const struct hash256 *tx_id;
	struct node *nodes;
	size_t n, cap;
	struct view_entry **owners; /* changed by threading alone */
	size_t n_owners;
};

static uint16_t type_of(const struct st_object *o)
{
	uint16_t t = 0;

	must(st_get_u16(o, sfLedgerEntryType, &t));
	return t;
}

/* The node of an entry; made when it is not there. The pointer holds until the next call. */
static struct node *node_get(struct making *m, struct view_entry *e, enum sf wrapper, uint16_t type)
{
	struct node *node;

	if (e->node > 0)
		return &m->nodes[e->node - 1];
	must(m->n < m->cap);
	node = &m->nodes[m->n++];
	e->node = (uint32_t)m->n;
	node->key = e->key;
	node->wrapper = wrapper;
	node->object = st_new(m->a);
	st_set_u(node->object, sfLedgerEntryType, type);
	st_set_hash256(node->object, sfLedgerIndex, &e->key);
	return node;
}

/* Whether entries of the type carry PreviousTxnID (rippled: STLedgerEntry::isThreadedType): five
 * types do so only since fixPreviousTxnID. */
static bool is_threaded(const struct view *v, uint16_t type)
{
	const struct format_field *f;
	size_t n;

	if (type == ltAccountRoot)
		return true;
	if ((type == ltDirectoryNode || type == ltAmendments || type == ltFeeSettings ||
	     type == ltNegativeUNL || type == ltAMM) &&
	    !amendment_on(v->info.rules, AMENDMENT_fixPreviousTxnID))
		return false;
	f = entry_format(type, &n);
	for (size_t i = 0; f && i < n; i++)
		if (f[i].field == sfPreviousTxnID)
			return true;
	return false;
}

/* Makes the transaction the last one of an entry; the one before goes into its node. */
static void thread_entry(struct making *m, struct view_entry *e)
{
	struct hash256 before = HASH256_ZERO;
	struct st_object *o = e->own;
	uint32_t before_seq = st_u32_or(o, sfPreviousTxnLgrSeq, 0);
	struct st_object *node;

	(void)st_get_hash256(o, sfPreviousTxnID, &before);
	if (hash256_eq(&before, m->tx_id))
		return;
	st_set_hash256(o, sfPreviousTxnID, m->tx_id);
	st_set_u(o, sfPreviousTxnLgrSeq, m->v->info.seq);
	if (hash256_is_zero(&before))
		return;
	node = node_get(m, e, sfModifiedNode, type_of(o))->object;
	if (st_has(node, sfPreviousTxnID))
		return;
	st_set_hash256(node, sfPreviousTxnID, &before);
	st_set_u(node, sfPreviousTxnLgrSeq, before_seq);
}

/* Threads an owner that the transaction itself may not have touched. An owner that does not exist
 * (any more) is passed over. */
static bool thread_owner(struct making *m, const struct account_id *id)
{
	struct keylet k = keylet_account(id);
	struct view_entry *e = view_find(m->v, &k.key);
	const struct st_object *below;
	enum found f;

	if (e && e->how == VIEW_ERASED)
		return true;
	if (e && (e->how != VIEW_CACHED || e->node > 0)) {
		thread_entry(m, e);
		return true;
	}
	f = view_read_below(m->v, &k.key, &below);
	if (f != FOUND || type_of(below) != ltAccountRoot)
		return f != UNAVAILABLE;
	/* Only peeked, if that: changes that were not published do not count. */
	e = view_note(m->v, &k.key, below);
	e->own = view_copy_shallow(&m->v->arena, below);
	thread_entry(m, e);
	m->owners[m->n_owners++] = e;
	return true;
}

static bool issuer_of(const struct st_object *o, enum sf f, struct account_id *out)
{
	struct amount a;
	struct bytes raw;

	if (!st_get_raw(o, f, &raw) || amount_decode(&a, raw) != ERR_NONE)
		return false;
	*out = a.issuer;
	return true;
}

/* Whoever an entry belongs to sees it in his history when it appears or goes (rippled:
 * ApplyStateTable::threadOwners). */
static bool thread_owners(struct making *m, const struct st_object *o)
{
	struct account_id id;

	switch (type_of(o)) {
	case ltAccountRoot:
		return true;
	case ltRippleState:
		return (!issuer_of(o, sfLowLimit, &id) || thread_owner(m, &id)) &&
		       (!issuer_of(o, sfHighLimit, &id) || thread_owner(m, &id));
	default:
		return (!st_get_account(o, sfAccount, &id) || thread_owner(m, &id)) &&
		       (!st_get_account(o, sfDestination, &id) || thread_owner(m, &id));
	}
}

static void append(struct st_object *o, const struct st_value *v)
{
	must(o->n < o->cap);
	o->v[o->n++] = view_copy_value(o->arena, v);
}

static struct st_object *part_new(struct making *m, const struct st_object *like)
{
	struct st_object *o = arena_alloc(m->a, sizeof(*o));

	o->arena = m->a;
	o->n = 0;
	o->cap = like->n;
	o->v = arena_alloc(m->a, o->cap * sizeof(*o->v));
	return o;
}

/* The fields of `o` that metadata shows for any of the reasons in `why`. */
static void put_fields(struct making *m, struct st_object *node, enum sf part,
		       const struct st_object *o, unsigned why, bool skip_defaults)
{
	struct st_object *out = part_new(m, o);

	for (uint32_t i = 0; i < o->n; i++)
		if ((sf_meta(o->v[i].field) & why) &&
		    !(skip_defaults && st_value_is_default(&o->v[i])))
			append(out, &o->v[i]);
	if (out->n > 0)
		st_set_object(node, part, out);
}

/* PreviousFields: what changed, as it was. A field that is new makes the object appear, too, even
 * when nothing is in it, as the reference server's metadata has it. */
static void put_previous(struct making *m, struct st_object *node, const struct st_object *before,
			 const struct st_object *after)
{
	struct st_object *out = part_new(m, before);
	bool any = false;
	uint32_t j = 0;

	for (uint32_t i = 0; i < before->n; i++) {
		const struct st_value *v = &before->v[i];

		for (; j < after->n && after->v[j].field < v->field; j++)
			any = any || (sf_meta(after->v[j].field) & SF_META_CHANGE_ORIG);
		if (j < after->n && after->v[j].field == v->field && st_value_eq(v, &after->v[j++]))
			continue;
		if (sf_meta(v->field) & SF_META_CHANGE_ORIG)
			append(out, v);
	}
	for (; j < after->n; j++)
		any = any || (sf_meta(after->v[j].field) & SF_META_CHANGE_ORIG);
	if (any || out->n > 0)
		st_set_object(node, sfPreviousFields, out);
}

static bool make_node(struct making *m, struct view_entry *e)
{
	static const enum sf wrappers[] = {[VIEW_INSERTED] = sfCreatedNode,
					   [VIEW_MODIFIED] = sfModifiedNode,
					   [VIEW_ERASED] = sfDeletedNode};
	uint16_t type = type_of(e->own);
	struct node *node = node_get(m, e, wrappers[e->how], type);
	struct st_object *o = node->object;

	must(e->how != VIEW_CACHED);
	node->wrapper = wrappers[e->how];
	if (e->how == VIEW_INSERTED && !thread_owners(m, e->own))
		return false;
	if (e->how == VIEW_ERASED && !thread_owners(m, e->below))
		return false;
	if (e->how != VIEW_ERASED && is_threaded(m->v, type))
		thread_entry(m, e);
	if (e->how == VIEW_INSERTED) {
		put_fields(m, o, sfNewFields, e->own, SF_META_CREATE | SF_META_ALWAYS, true);
		return true;
	}
	put_previous(m, o, e->below, e->own);
	put_fields(m, o, sfFinalFields, e->own,
		   SF_META_ALWAYS |
		       (e->how == VIEW_MODIFIED ? SF_META_CHANGE_NEW : SF_META_DELETE_FINAL),
		   false);
	return true;
}

static int compare_nodes(const void *a, const void *b)
{
	return hash256_cmp(&((const struct node *)a)->key, &((const struct node *)b)->key);
}

static bool is_sorted(const struct making *m)
{
	for (size_t i = 1; i < m->n; i++)
		if (hash256_cmp(&m->nodes[i - 1].key, &m->nodes[i].key) >= 0)
			return false;
	return true;
}

/* Owners count as changed only now, so that they have no fields of their own in the metadata. */
static void publish_owners(struct making *m)
{
	for (size_t i = 0; i < m->n_owners; i++)
		m->owners[i]->how = VIEW_MODIFIED;
}

static struct st_object *assemble(struct making *m, uint32_t tx_index, int result,
				  const struct bytes *delivered)
{
	struct st_object *meta = st_new(m->a);
	struct st_array *nodes;

	if (!is_sorted(m))
		qsort(m->nodes, m->n, sizeof(m->nodes[0]), compare_nodes);
	st_set_u(meta, sfTransactionIndex, tx_index);
	if (delivered)
		st_set_raw(meta, sfDeliveredAmount, *delivered);
	nodes = st_set_array(meta, sfAffectedNodes);
	nodes->e = arena_alloc(m->a, m->n * sizeof(nodes->e[0]));
	nodes->n = nodes->cap = (uint32_t)m->n;
	for (size_t i = 0; i < m->n; i++)
		nodes->e[i] = (struct st_element){m->nodes[i].wrapper, m->nodes[i].object};
	must(result >= 0 && result <= 255);
	st_set_u(meta, sfTransactionResult, (uint64_t)result);
	return meta;
}

struct st_object *view_make_metadata(struct view *sandbox, struct arena *a,
				     const struct hash256 *tx_id, uint32_t tx_index, int result,
				     const struct bytes *delivered)
{
	struct making m = {.v = sandbox, .a = a, .tx_id = tx_id};
	size_t n;
	struct view_entry **changes = view_sorted_changes(sandbox, &n);

	/* Each changed entry has a node and threads at most two owners. */
	must(n <= META_ENTRIES_MAX);
	m.cap = 3 * n;
	m.nodes = arena_alloc(&sandbox->arena, m.cap * sizeof(m.nodes[0]));
	m.owners = arena_alloc(&sandbox->arena, 2 * n * sizeof(struct view_entry *));
	for (size_t i = 0; i < n; i++)
		if (view_has_changed(changes[i]) && !make_node(&m, changes[i]))
			return NULL;
	publish_owners(&m);
	return assemble(&m, tx_index, result, delivered);
}
