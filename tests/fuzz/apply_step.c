/* SPDX-License-Identifier: ISC */
#include "tests/fuzz/apply.h"

/* What one transaction of fz_apply did, by the states before and after it. */

static bool is(enum ter t, const enum ter *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == t)
			return true;
	return false;
}

/* Results that a sound state never gives. */
static const enum ter never[] = {tefEXCEPTION,        tefINTERNAL,        tefBAD_LEDGER,
				 tecINVARIANT_FAILED, tecINTERNAL,        tefINVARIANT_FAILED,
				 temUNKNOWN,          tefNO_AUTH_REQUIRED};

static void check_result(const struct check_step *c)
{
	enum ter r = c->out.result;

	FAIL_IF(!result_name((int)r));
	FAIL_IF(is(r, never, sizeof(never) / sizeof(never[0])));
	FAIL_IF(c->out.applied && r != tesSUCCESS && !ter_is_tec(r));
	FAIL_IF(c->out.meta && !c->out.applied);
	FAIL_IF(ter_is_tel(r) && !c->info->open && r != telNETWORK_ID_MAKES_TX_NON_CANONICAL &&
		r != telBAD_DOMAIN && r != telBAD_PUBLIC_KEY && r != telREQUIRES_NETWORK_ID &&
		r != telWRONG_NETWORK);
}

/* Whether entries of this type carry the id of the transaction that changed them last. */
static bool is_threaded(const struct check_step *c, uint16_t type)
{
	switch (type) {
	case ltDirectoryNode:
	case ltAmendments:
	case ltFeeSettings:
	case ltNegativeUNL:
		return amendment_on(c->info->rules, AMENDMENT_fixPreviousTxnID);
	default:
		return type != ltLedgerHashes;
	}
}

static void check_thread(const struct check_step *c, const struct fact *f)
{
	struct hash256 id;

	if (!is_threaded(c, f->type))
		return;
	FAIL_IF(!st_get_hash256(f->o, sfPreviousTxnID, &id) || !hash256_eq(&id, &c->t->id));
	FAIL_IF(st_u32_or(f->o, sfPreviousTxnLgrSeq, 0) != c->info->seq);
}

/* A claimed fee leaves traces in few places. */
static void check_claim(const struct check_step *c, const struct fact *was, const struct fact *is)
{
	const struct fact *f = is ? is : was;

	if (c->out.result == tesSUCCESS)
		return;
	FAIL_IF(!was);
	if (f->type == ltAccountRoot)
		FAIL_IF(!is || !hash256_eq(&f->key, &c->t->account_key));
	else if (f->type == ltTicket)
		FAIL_IF(is || !c->t->has_ticket);
	else
		FAIL_IF(f->type != ltDirectoryNode || !c->t->has_ticket);
}

/* All fields of a nested part of a node are in the entry with these values, or, with `changed`,
 * with others. */
static void check_fields(const struct st_object *node, enum sf part, const struct st_object *entry,
			 const struct st_object *unlike)
{
	const struct st_object *o = st_get_object(node, part);

	for (uint32_t i = 0; o && i < o->n; i++) {
		const struct st_value *v = st_find(entry, o->v[i].field);

		FAIL_IF(!v || !st_value_eq(v, &o->v[i]));
		if (!unlike)
			continue;
		v = st_find(unlike, o->v[i].field);
		FAIL_IF(v && st_value_eq(v, &o->v[i]));
	}
}

static void check_node(const struct st_element *e, const struct fact *was, const struct fact *is)
{
	const struct fact *f = is ? is : was;
	struct hash256 key;
	uint16_t type;

	FAIL_IF(e->field != (!was ? sfCreatedNode : !is ? sfDeletedNode : sfModifiedNode));
	FAIL_IF(!st_get_hash256(e->object, sfLedgerIndex, &key) || !hash256_eq(&key, &f->key));
	FAIL_IF(!st_get_u16(e->object, sfLedgerEntryType, &type) || type != f->type);
	if (is)
		check_fields(e->object, was ? sfFinalFields : sfNewFields, is->o, NULL);
	if (was)
		check_fields(e->object, sfPreviousFields, was->o, is ? is->o : NULL);
}

/* Walks what differs; the metadata must list the same in the same order. */
static uint32_t check_changes(const struct check_step *c, const struct st_array *nodes)
{
	const struct snapshot *a = c->before, *b = c->after;
	size_t i = 0, j = 0;
	uint32_t n = 0;

	while (i < a->n || j < b->n) {
		const struct fact *was = i < a->n ? &a->facts[i] : NULL;
		const struct fact *is = j < b->n ? &b->facts[j] : NULL;
		int order = !was ? 1 : !is ? -1 : hash256_cmp(&was->key, &is->key);

		i += order <= 0;
		j += order >= 0;
		if (order == 0 && bytes_eq(was->data, is->data))
			continue;
		if (order < 0)
			is = NULL;
		if (order > 0)
			was = NULL;
		FAIL_IF(was && is && was->type != is->type);
		check_claim(c, was, is);
		if (nodes) {
			FAIL_IF(n >= nodes->n);
			check_node(&nodes->e[n], was, is);
			if (is)
				check_thread(c, is);
		}
		n++;
	}
	return n;
}

/* The sender's sequence or ticket is used up, and the fee is what was offered or all there was. */
static void check_sender(const struct check_step *c)
{
	const struct fact *was = snapshot_find(c->before, &c->t->account_key);
	const struct fact *is = snapshot_find(c->after, &c->t->account_key);
	struct keylet ticket = keylet_ticket(&c->t->account, c->t->ticket);
	struct drops had;
	uint32_t next;

	FAIL_IF(!was || !st_get_drops(was->o, sfBalance, &had));
	FAIL_IF(c->burned != (had.raw < c->t->fee.raw ? had.raw : c->t->fee.raw));
	FAIL_IF(c->t->has_ticket && !snapshot_find(c->before, &ticket.key));
	FAIL_IF(c->t->has_ticket && snapshot_find(c->after, &ticket.key));
	if (!is) {
		FAIL_IF(c->t->type != ttAccountDelete || c->out.result != tesSUCCESS);
		return;
	}
	next = st_u32_or(was->o, sfSequence, 0) + !c->t->has_ticket;
	if (c->t->type == ttTicketCreate && c->out.result == tesSUCCESS)
		next += st_u32_or(c->t->fields, sfTicketCount, 0);
	FAIL_IF(st_u32_or(is->o, sfSequence, 0) != next);
}

static bool same_field(const struct fact *a, const struct fact *b, enum sf f)
{
	const struct st_value *x = st_find(a->o, f), *y = st_find(b->o, f);

	return x && y ? st_value_eq(x, y) : x == y;
}

/* What a transaction said beforehand of what it may do: others were judged by it that wait. */
static void check_consequences(const struct check_step *c)
{
	const struct fact *was = snapshot_find(c->before, &c->t->account_key);
	const struct fact *is = snapshot_find(c->after, &c->t->account_key);
	struct hash256 key = keylet_signers(&c->t->account).key;
	const struct fact *list_was = snapshot_find(c->before, &key);
	const struct fact *list_is = snapshot_find(c->after, &key);
	struct tx_consequences said;
	struct drops had, has;
	uint32_t moved;

	tx_consequences_of(c->t, &said);
	if (!is) {
		FAIL_IF(!said.blocker);
		return;
	}
	FAIL_IF(!st_get_drops(was->o, sfBalance, &had) || !st_get_drops(is->o, sfBalance, &has));
	FAIL_IF(had.raw > has.raw + c->burned + said.spend.raw);
	moved = st_u32_or(is->o, sfSequence, 0) - st_u32_or(was->o, sfSequence, 0);
	FAIL_IF(c->out.result == tesSUCCESS && moved != said.sequences);
	if (said.blocker)
		return;
	FAIL_IF(!same_field(was, is, sfRegularKey));
	FAIL_IF((st_u32_or(was->o, sfFlags, 0) ^ st_u32_or(is->o, sfFlags, 0)) &
		(uint32_t)lsfDisableMaster);
	FAIL_IF(!list_was != !list_is || (list_was && !bytes_eq(list_was->data, list_is->data)));
}

static void check_meta(const struct check_step *c, uint32_t changes)
{
	const struct st_array *nodes = st_get_array(c->out.meta, sfAffectedNodes);
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT;
	struct st_object *again;
	uint8_t result;

	FAIL_IF(!nodes || nodes->n != changes);
	FAIL_IF(!st_get_u8(c->out.meta, sfTransactionResult, &result) ||
		result != (uint8_t)c->out.result);
	st_encode(&b, c->out.meta, ST_ALL);
	FAIL_IF(st_decode(&again, &a, buf_bytes(&b), NULL) != ERR_NONE);
	FAIL_IF(!st_eq(c->out.meta, again));
	buf_close(&b);
	arena_close(&a);
}

void check_step(const struct check_step *c)
{
	const struct st_array *nodes = c->out.meta ? st_get_array(c->out.meta, sfAffectedNodes)
						   : NULL;
	uint32_t changes = check_changes(c, nodes);

	check_result(c);
	FAIL_IF(!c->out.applied && (changes > 0 || c->burned > 0));
	if (c->out.meta)
		check_meta(c, changes);
	if (!c->out.applied)
		return;
	if (c->t->pseudo) {
		FAIL_IF(c->burned != 0);
	} else {
		FAIL_IF(c->info->open && c->t->fee.raw < c->due);
		check_sender(c);
		check_consequences(c);
	}
}
