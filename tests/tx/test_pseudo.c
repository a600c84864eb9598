/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "codec/format.h"
#include "ledger/negative_unl.h"

#include <string.h>

/* Pseudo-transactions at their edges: SetFee, EnableAmendment and UNLModify as validators never
 * make them, but a set may have them (rippled: Change.cpp). test_engine and test_unl_modify have
 * those that are as they should be. */

static const struct account_id nobody;

static struct st_object *begin(struct world *w, uint16_t type)
{
	struct st_object *o = st_new(&w->arena);

	st_set_u(o, sfTransactionType, type);
	st_set_account(o, sfAccount, &nobody);
	st_set_u(o, sfSequence, 0);
	st_set_drops(o, sfFee, drops_of(0));
	st_set_raw(o, sfSigningPubKey, bytes_of(NULL, 0));
	st_set_u(o, sfLedgerSequence, w->info.seq);
	return o;
}

/* With metadata, as a build does. */
static enum ter apply(struct world *w, struct st_object *o)
{
	struct tx *t = trusted(o);
	struct tx_outcome out = tx_apply(w->view, t, 0, 0, w->info.open ? NULL : &w->arena);

	assert_int_equal(out.applied, out.result == tesSUCCESS);
	tx_unref(t);
	return out.result;
}

/* ---- SetFee ---- */

static const enum sf drops_form[] = {sfBaseFeeDrops, sfReserveBaseDrops, sfReserveIncrementDrops};
static const enum sf first_form[] = {sfBaseFee, sfReferenceFeeUnits, sfReserveBase,
				     sfReserveIncrement};

static struct st_object *fee_in_drops(struct world *w, uint64_t base)
{
	struct st_object *o = begin(w, ttSetFee);

	st_set_drops(o, sfBaseFeeDrops, drops_of(base));
	st_set_drops(o, sfReserveBaseDrops, drops_of(1000000));
	st_set_drops(o, sfReserveIncrementDrops, drops_of(200000));
	return o;
}

static struct st_object *fee_first_form(struct world *w)
{
	struct st_object *o = begin(w, ttSetFee);

	for (size_t i = 0; i < 4; i++)
		st_set_u(o, first_form[i], 10 + i);
	return o;
}

static struct ledger_fees fees_of(struct world *w)
{
	struct ledger_fees f;
	struct tree state;

	tree_share(&state, &w->base->state);
	assert_int_equal(view_flush(w->view, &state), FOUND);
	assert_int_equal(ledger_fees_read(&state, &f), FOUND);
	tree_close(&state);
	return f;
}

/* Each form is whole, and alone. */
static void fields_of_set_fee(void **state)
{
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	for (size_t i = 0; i < 3; i++) {
		o = fee_in_drops(&w, 12);
		st_remove(o, drops_form[i]);
		assert_int_equal(apply(&w, o), temMALFORMED);
	}
	for (size_t i = 0; i < 4; i++) {
		o = fee_in_drops(&w, 12);
		st_set_u(o, first_form[i], 10);
		assert_int_equal(apply(&w, o), temMALFORMED);
	}
	world_close(&w);

	world_open(&w, &(struct world_options){.no_amendments = true});
	for (size_t i = 0; i < 4; i++) {
		o = fee_first_form(&w);
		st_remove(o, first_form[i]);
		assert_int_equal(apply(&w, o), temMALFORMED);
	}
	for (size_t i = 0; i < 3; i++) {
		o = fee_first_form(&w);
		st_set_drops(o, drops_form[i], drops_of(10));
		assert_int_equal(apply(&w, o), temDISABLED);
		st_remove(o, first_form[i]); /* not whole: that is looked at before */
		assert_int_equal(apply(&w, o), temMALFORMED);
	}
	world_close(&w);
}

/* The entry of the first form becomes one of drops; a second change in one ledger counts last. */
static void one_form_gives_way(void **state)
{
	const struct st_object *entry;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	assert_int_equal(apply(&w, fee_in_drops(&w, 12)), tesSUCCESS);
	assert_int_equal(view_read(w.view, keylet_fees(), &entry), FOUND);
	for (size_t i = 0; i < 4; i++)
		assert_false(st_has(entry, first_form[i]));
	assert_int_equal(apply(&w, fee_in_drops(&w, 13)), tesSUCCESS);
	assert_int_equal(fees_of(&w).base.raw, 13); /* raw: compared with a number */
	assert_int_equal(apply(&w, fee_in_drops(&w, 13)), tesSUCCESS); /* nothing new */
	w.info.seq += 5; /* the ledger that it names only tells it from others */
	assert_int_equal(apply(&w, fee_in_drops(&w, 0)), tesSUCCESS);
	assert_int_equal(fees_of(&w).base.raw, 0); /* raw: compared with a number */
	world_close(&w);
}

static void plant_no_fees(struct tree *state)
{
	struct keylet k = keylet_fees();

	assert_int_equal(tree_del(state, &k.key), FOUND);
}

static void without_an_entry(void **state)
{
	struct world w;

	(void)state;
	world_open(&w, &(struct world_options){.plant = plant_no_fees});
	assert_int_equal(fees_of(&w).base.raw, 10); /* raw: compared with a number */
	assert_int_equal(apply(&w, fee_in_drops(&w, 12)), tesSUCCESS);
	assert_int_equal(fees_of(&w).base.raw, 12); /* raw: compared with a number */
	world_close(&w);
}

/* More than all XRP there is: such bytes are no transaction. */
static void amounts_that_are_none(void **state)
{
	static const uint8_t above[8] = {0x41, 0x63, 0x45, 0x78, 0x5D, 0x8A, 0x00, 0x01};
	static const uint8_t all[8] = {0x41, 0x63, 0x45, 0x78, 0x5D, 0x8A, 0x00, 0x00};
	struct buf b = BUF_INIT;
	struct st_object *o;
	struct world w;
	struct tx *t;

	(void)state;
	world_open(&w, NULL);
	o = fee_in_drops(&w, 12);
	st_set_raw(o, sfBaseFeeDrops, bytes_of(above, sizeof(above)));
	st_encode(&b, o, ST_ALL);
	assert_int_equal(tx_parse(&t, buf_bytes(&b), NULL), ERR_RANGE);
	buf_close(&b);
	o = fee_in_drops(&w, 12);
	st_set_raw(o, sfReserveIncrementDrops, bytes_of(all, sizeof(all)));
	assert_int_equal(apply(&w, o), tesSUCCESS);
	assert_int_equal(fees_of(&w).increment.raw, DROPS_MAX); /* raw: compared with a number */
	world_close(&w);
}

/* ---- EnableAmendment ---- */

static struct st_object *amend(struct world *w, uint8_t id, uint32_t flags)
{
	struct st_object *o = begin(w, ttEnableAmendment);
	struct hash256 h = {{0xEE, id}};

	if (flags)
		st_set_u(o, sfFlags, flags);
	st_set_hash256(o, sfAmendment, &h);
	return o;
}

static const struct st_object *entry_of(struct world *w)
{
	const struct st_object *o;

	assert_int_equal(view_read(w->view, keylet_amendments(), &o), FOUND);
	return o;
}

static uint32_t majorities(struct world *w)
{
	const struct st_array *list = st_get_array(entry_of(w), sfMajorities);

	return list ? list->n : 0;
}

static size_t enabled(struct world *w)
{
	struct bytes list = {0};

	(void)st_get_raw(entry_of(w), sfAmendments, &list);
	return list.n / sizeof(struct hash256);
}

/* What has no majority may be enabled, too: whether it should is for those who vote. */
static void amendments_in_every_order(void **state)
{
	const struct st_object *m;
	struct world w;
	size_t before;

	(void)state;
	world_open(&w, NULL);
	before = enabled(&w);
	assert_int_equal(apply(&w, amend(&w, 1, 0)), tesSUCCESS);
	assert_int_equal(enabled(&w), before + 1);
	/* what is in force stays, whatever the flags say */
	assert_int_equal(apply(&w, amend(&w, 1, tfGotMajority)), tefALREADY);
	assert_int_equal(apply(&w, amend(&w, 1, tfLostMajority)), tefALREADY);
	assert_int_equal(apply(&w, amend(&w, 1, tfGotMajority | tfLostMajority)), tefALREADY);
	assert_int_equal(apply(&w, amend(&w, 2, tfGotMajority | tfLostMajority)), temINVALID_FLAG);
	assert_int_equal(apply(&w, amend(&w, 2, tfLostMajority)), tefALREADY);
	/* one of three loses its majority, the order of the others stays */
	for (uint8_t i = 2; i < 5; i++)
		assert_int_equal(apply(&w, amend(&w, i, tfGotMajority)), tesSUCCESS);
	assert_int_equal(majorities(&w), 3);
	assert_int_equal(apply(&w, amend(&w, 3, tfGotMajority)), tefALREADY);
	assert_int_equal(apply(&w, amend(&w, 3, tfLostMajority)), tesSUCCESS);
	assert_int_equal(majorities(&w), 2);
	m = st_get_array(entry_of(&w), sfMajorities)->e[1].object;
	assert_int_equal(st_find(m, sfAmendment)->raw.p[1], 4);
	assert_int_equal(st_u32_or(m, sfCloseTime, 1), w.info.parent_close.s);
	/* got again in the same ledger; then enabled at once */
	assert_int_equal(apply(&w, amend(&w, 3, tfGotMajority)), tesSUCCESS);
	assert_int_equal(apply(&w, amend(&w, 3, 0)), tesSUCCESS);
	assert_int_equal(apply(&w, amend(&w, 3, 0)), tefALREADY);
	assert_int_equal(majorities(&w), 2);
	assert_int_equal(apply(&w, amend(&w, 2, tfLostMajority)), tesSUCCESS);
	assert_int_equal(apply(&w, amend(&w, 4, tfLostMajority)), tesSUCCESS);
	assert_false(st_has(entry_of(&w), sfMajorities));
	assert_int_equal(enabled(&w), before + 2);
	/* flags that mean nothing */
	assert_int_equal(apply(&w, amend(&w, 5, 0x00840000 | tfGotMajority)), tesSUCCESS);
	world_close(&w);
}

/* ---- what all have in common ---- */

static struct st_object *modify(struct world *w)
{
	static const uint8_t key[33] = {0xED, 1};
	struct st_object *o = begin(w, ttUNLModify);

	st_set_u(o, sfUNLModifyDisabling, 1);
	st_set_raw(o, sfUNLModifyValidator, bytes_of(key, sizeof(key)));
	return o;
}

static struct st_object *of_type(struct world *w, int i)
{
	return i == 0 ? fee_in_drops(w, 12) : i == 1 ? amend(w, 1, 0) : modify(w);
}

/* From nobody, for nothing, unsigned, out of order: in this sequence. */
static void nobody_sends_them(void **state)
{
	struct account_id someone = {{1}};
	uint8_t sig[3] = {1, 2, 3};
	struct st_object *o;
	struct world w;

	(void)state;
	world_open(&w, NULL);
	for (int i = 0; i < 3; i++) {
		o = of_type(&w, i);
		st_set_u(o, sfSequence, 1);
		assert_int_equal(apply(&w, o), temBAD_SEQUENCE);
		st_set_u(o, sfSequence, 0);
		st_set_hash256(o, sfPreviousTxnID, &HASH256_ZERO);
		st_set_raw(o, sfTxnSignature, bytes_of(sig, sizeof(sig)));
		assert_int_equal(apply(&w, o), temBAD_SIGNATURE);
		st_set_drops(o, sfFee, drops_of(1));
		assert_int_equal(apply(&w, o), temBAD_FEE);
		st_set_account(o, sfAccount, &someone);
		assert_int_equal(apply(&w, o), temBAD_SRC_ACCOUNT);
		o = of_type(&w, i);
		st_set_raw(o, sfAccount, bytes_of(NULL, 0)); /* as UNLModify has it */
		assert_int_equal(apply(&w, o), i == 2 ? tefFAILURE : tesSUCCESS);
	}
	world_close(&w);
	world_open(&w, &(struct world_options){.open = true});
	for (int i = 0; i < 3; i++)
		assert_int_equal(apply(&w, of_type(&w, i)), temINVALID);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields_of_set_fee),         cmocka_unit_test(one_form_gives_way),
	    cmocka_unit_test(without_an_entry),          cmocka_unit_test(amounts_that_are_none),
	    cmocka_unit_test(amendments_in_every_order), cmocka_unit_test(nobody_sends_them),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
