/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "codec/format.h"

#include <stdlib.h>

/* A transaction of any bytes on a small state: it is refused, or it is applied and all that must
 * hold does. Byte 0: how to apply; then the transaction. */

#define FAIL_IF(x)                                                                                 \
	do {                                                                                       \
		if (x)                                                                             \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void disable_carol(struct st_object *o)
{
	struct account_id bob = person("bob").id;

	st_set_u(o, sfFlags, lsfDepositAuth | lsfRequireDestTag | lsfDisableMaster);
	st_set_account(o, sfRegularKey, &bob);
	st_set_hash256(o, sfAccountTxnID, &HASH256_ZERO);
}

static void plant(struct tree *state)
{
	plant_account(state, "carol", disable_carol);
}

/* All XRP in the accounts of a view over its base. */
static uint64_t sum_of(struct world *w, const struct tree *base)
{
	struct arena a = ARENA_INIT;
	struct hash256 at, *after = NULL;
	uint64_t sum = 0;
	struct tree t;
	struct bytes leaf;

	tree_share(&t, base);
	FAIL_IF(view_flush(w->view, &t) != FOUND);
	while (tree_next(&t, after, &at, &leaf) == FOUND) {
		struct st_object *o;
		struct drops d;
		uint16_t type = 0;
		struct why why;

		arena_reset(&a);
		FAIL_IF(st_decode(&o, &a, leaf, NULL) != ERR_NONE);
		FAIL_IF(!st_get_u16(o, sfLedgerEntryType, &type));
		if (type == ltAccountRoot) {
			FAIL_IF(entry_format_check(o, &why) != ERR_NONE);
			FAIL_IF(!st_get_drops(o, sfBalance, &d) || d.raw > DROPS_MAX);
			sum += d.raw;
		}
		after = &at;
	}
	tree_close(&t);
	arena_close(&a);
	return sum;
}

/* Metadata is what it encodes to. */
static void check_meta(const struct st_object *meta)
{
	struct arena a = ARENA_INIT;
	struct buf b = BUF_INIT;
	struct st_object *again;

	st_encode(&b, meta, ST_ALL);
	FAIL_IF(st_decode(&again, &a, buf_bytes(&b), NULL) != ERR_NONE);
	FAIL_IF(!st_eq(meta, again));
	buf_close(&b);
	arena_close(&a);
}

static void try(struct tx *t, uint8_t how)
{
	unsigned flags = how & (TX_RETRY | TX_FAIL_HARD | TX_DRY_RUN);
	struct world_options o = {.no_amendments = how & 8,
				  .open = how & 16,
				  .network_id = how & 32 ? 21337 : 0,
				  .plant = plant};
	struct tx_outcome out, again;
	struct world w;

	world_open(&w, &o);
	out = tx_apply(w.view, t, flags, 0, o.open && !(flags & TX_DRY_RUN) ? NULL : &w.arena);
	FAIL_IF(view_failed(w.view) || out.result == tefEXCEPTION);
	FAIL_IF(out.applied && out.result != tesSUCCESS && !ter_is_tec(out.result));
	FAIL_IF(!result_name((int)out.result));
	FAIL_IF(out.result == tecINVARIANT_FAILED || out.result == tefINVARIANT_FAILED);
	FAIL_IF(!out.applied && view_count_changes(w.view) > 0);
	FAIL_IF(sum_of(&w, &w.base->state) + view_burned(w.view).raw != DROPS_MAX);
	if (out.meta)
		check_meta(out.meta);
	if (out.applied) {
		again = tx_apply(w.view, t, flags, 0, NULL);
		FAIL_IF(again.applied && !t->pseudo);
	}
	world_close(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct tx *t;

	if (!ready)
		FAIL_IF(crypto_init(NULL) != ERR_NONE);
	ready = true;
	if (size < 1 || tx_parse(&t, bytes_of(data + 1, size - 1), NULL) != ERR_NONE)
		return 0;
	(void)tx_check_signature(t);
	atomic_store(&t->signature, TX_SIG_GOOD);
	try(t, data[0]);
	tx_unref(t);
	return 0;
}
