/* SPDX-License-Identifier: ISC */
#include "tests/tx/rows.h"

#include <stdlib.h>
#include <string.h>

void nothing(struct st_object *o)
{
	(void)o;
}

struct st_object *nested(struct st_object *o, enum sf array, enum sf wrapper)
{
	return st_array_add(st_set_array(o, array), o->arena, wrapper);
}

void set_text(struct st_object *o, enum sf f, const char *text)
{
	st_set_raw(o, f, bytes_str(text));
}

void set_amount(struct st_object *o, enum sf f, const struct amount *a)
{
	uint8_t b[AMOUNT_BYTES_MAX];

	st_set_raw(o, f, bytes_of(b, amount_encode(b, a)));
}

void set_iou(struct st_object *o, enum sf f, const char *value, const char *currency,
	     const char *issuer)
{
	struct amount a = {.kind = AMOUNT_IOU, .issuer = person(issuer).id};

	if (strcmp(currency, "XRP") == 0)
		memcpy(a.currency.b + 12, "XRP", 3);
	else
		assert_int_equal(currency_parse(&a.currency, currency, strlen(currency)), ERR_NONE);
	assert_int_equal(amount_parse_iou(&a, value, strlen(value)), ERR_NONE);
	set_amount(o, f, &a);
}

void set_flags(struct st_object *o, uint32_t flags)
{
	st_set_u(o, sfFlags, flags);
}

void fee_9(struct st_object *o)
{
	st_set_drops(o, sfFee, drops_of(9));
}

void fee_0(struct st_object *o)
{
	st_set_drops(o, sfFee, drops_of(0));
}

static void flag_tag(struct st_object *o)
{
	st_set_u(o, sfFlags, lsfRequireDestTag);
}

void plant_tag(struct tree *s)
{
	plant_account(s, "carol", flag_tag);
}

void flag_deposit(struct st_object *o)
{
	st_set_u(o, sfFlags, lsfDepositAuth);
}

void plant_deposit(struct tree *s)
{
	plant_account(s, "carol", flag_deposit);
}

void plant_preauth(struct tree *s)
{
	struct account_id alice = person("alice").id, carol = person("carol").id;
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	plant_deposit(s);
	st_set_u(o, sfLedgerEntryType, ltDepositPreauth);
	st_set_u(o, sfFlags, 0);
	st_set_account(o, sfAccount, &carol);
	st_set_account(o, sfAuthorize, &alice);
	plant_entry(s, keylet_deposit_preauth(&carol, &alice), o);
	arena_close(&a);
}

void pseudo_account(struct st_object *o)
{
	struct hash256 h = {{7}};

	st_set_hash256(o, sfAMMID, &h);
}

void plant_pseudo_alice(struct tree *s)
{
	plant_account(s, "alice", pseudo_account);
}

void regular_bob(struct st_object *o)
{
	struct account_id bob = person("bob").id;

	st_set_account(o, sfRegularKey, &bob);
}

void plant_regular(struct tree *s)
{
	plant_account(s, "alice", regular_bob);
}

static void regular_and_disabled(struct st_object *o)
{
	regular_bob(o);
	st_set_u(o, sfFlags, lsfDisableMaster);
}

void plant_disabled(struct tree *s)
{
	plant_account(s, "alice", regular_and_disabled);
}

static void balance_5(struct st_object *o)
{
	st_set_drops(o, sfBalance, drops_of(5));
}

void plant_balance_5(struct tree *s)
{
	plant_account(s, "alice", balance_5);
}

static void balance_0(struct st_object *o)
{
	st_set_drops(o, sfBalance, drops_of(0));
}

void plant_balance_0(struct tree *s)
{
	plant_account(s, "alice", balance_0);
}

static void balance_iou(struct st_object *o)
{
	set_iou(o, sfBalance, "1", "USD", "bob");
}

void plant_balance_iou(struct tree *s)
{
	plant_account(s, "alice", balance_iou);
}

void plant_no_alice(struct tree *s)
{
	struct account_id alice = person("alice").id;
	struct keylet k = keylet_account(&alice);

	assert_int_equal(tree_del(s, &k.key), FOUND);
}

static void sequence_is_9(struct st_object *o)
{
	st_set_u(o, sfSequence, 9);
}

void plant_sequence_9(struct tree *s)
{
	plant_account(s, "alice", sequence_is_9);
}

void plant_ticket(struct tree *s)
{
	struct account_id alice = person("alice").id;
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);

	plant_sequence_9(s);
	st_set_u(o, sfLedgerEntryType, ltTicket);
	st_set_account(o, sfAccount, &alice);
	plant_entry(s, keylet_ticket(&alice, 5), o);
	arena_close(&a);
}

void plant_directory(struct tree *s)
{
	struct account_id alice = person("alice").id;
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	uint8_t index[32] = {1};

	st_set_u(o, sfLedgerEntryType, ltDirectoryNode);
	st_set_u(o, sfFlags, 0);
	st_set_raw(o, sfIndexes, bytes_of(index, sizeof(index)));
	plant_entry(s, keylet_owner_dir(&alice), o);
	arena_close(&a);
}

static void flag_spent(struct st_object *o)
{
	st_set_u(o, sfFlags, lsfPasswordSpent);
}
void plant_spent(struct tree *s)
{
	plant_account(s, "alice", flag_spent);
}
static void balance_reserve(struct st_object *o)
{
	st_set_drops(o, sfBalance, drops_of(10 * DROPS_PER_XRP));
}
void plant_reserve(struct tree *s)
{
	plant_account(s, "alice", balance_reserve);
}
/* In the order in which lists have them. */
static void in_order(struct account_id ids[2])
{
	struct account_id bob = person("bob").id, carol = person("carol").id;
	bool first = account_cmp(&bob, &carol) < 0;

	ids[0] = first ? bob : carol;
	ids[1] = first ? carol : bob;
}
void plant_list(struct tree *s)
{
	struct account_id alice = person("alice").id, ids[2];
	struct arena a = ARENA_INIT;
	struct st_object *o = st_new(&a);
	struct st_array *list = st_set_array(o, sfSignerEntries);

	in_order(ids);
	st_set_u(o, sfLedgerEntryType, ltSignerList);
	st_set_u(o, sfFlags, lsfOneOwnerCount);
	st_set_u(o, sfSignerQuorum, 2);
	st_set_u(o, sfSignerListID, 0);
	for (size_t i = 0; i < 2; i++) {
		struct st_object *e = st_array_add(list, &a, sfSignerEntry);

		st_set_u(e, sfSignerWeight, 1);
		st_set_account(e, sfAccount, &ids[i]);
	}
	plant_entry(s, keylet_signers(&alice), o);
	arena_close(&a);
}

/* As many of alice's signers as there are ids, with signatures that count as good. */
static void add_signers(struct st_object *o, const struct account_id *ids, size_t n)
{
	struct st_array *list = st_set_array(o, sfSigners);
	struct person bob = person("bob"), carol = person("carol");

	for (size_t i = 0; i < n; i++) {
		const struct person *p = account_eq(&ids[i], &bob.id) ? &bob : &carol;
		struct st_object *e = st_array_add(list, o->arena, sfSigner);

		st_set_account(e, sfAccount, &ids[i]);
		st_set_raw(e, sfSigningPubKey, bytes_of(p->pub.b, sizeof(p->pub.b)));
		st_set_raw(e, sfTxnSignature, bytes_str("said to be good"));
	}
}
void signed_by_bob(struct st_object *o)
{
	struct account_id bob = person("bob").id;

	add_signers(o, &bob, 1);
}
void signed_by_both(struct st_object *o)
{
	struct account_id ids[2];

	in_order(ids);
	add_signers(o, ids, 2);
}
