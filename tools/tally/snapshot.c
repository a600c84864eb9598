/* SPDX-License-Identifier: ISC */
#include "tally.h"

#include "from.h"

#include <stdio.h>

/* Whole ledgers as files (store/snapshot.h). */

static int report(struct tally *t, enum err e, const struct snapshot_info *i, const struct why *why)
{
	if (e != ERR_NONE)
		return tally_fail(t, TALLY_FAILED, "%s", why->text);
	if (t->json) {
		tally_print_json(
		    json_pack("{s:I, s:s, s:s, s:I, s:I, s:I, s:I}", "ledger_index",
			      (json_int_t)i->header.seq, "ledger_hash", hash256_hex(&i->hash).s,
			      "genesis", hash256_hex(&i->genesis).s, "network_id",
			      (json_int_t)i->network_id, "entries", (json_int_t)i->entries,
			      "transactions", (json_int_t)i->txs, "bytes", (json_int_t)i->bytes));
		return TALLY_OK;
	}
	printf("ledger        %u %s\n", i->header.seq, hash256_hex(&i->hash).s);
	printf("network       %u, genesis %s\n", i->network_id, hash256_hex(&i->genesis).s);
	printf("entries       %llu\n", (unsigned long long)i->entries);
	printf("transactions  %u\n", i->txs);
	printf("bytes         %llu\n", (unsigned long long)i->bytes);
	return TALLY_OK;
}

int cmd_export(struct tally *t)
{
	const char *ledger = tally_option(t, "--ledger");
	struct snapshot_info i;
	struct why why = {""};
	uint64_t seq = 0;
	enum err e;

	if (!tally_arguments(t, 2, 2))
		return TALLY_USAGE;
	if (ledger && !tally_number(ledger, 1, UINT32_MAX, &seq))
		return tally_fail(t, TALLY_USAGE, "\"%s\" is no ledger index", ledger);
	e = snapshot_export(t->argv[1], (uint32_t)seq, t->argv[2], &i, &why);
	return report(t, e, &i, &why);
}

int cmd_import(struct tally *t)
{
	const char *ledger = tally_option(t, "--ledger");
	struct snapshot_info i;
	struct hash256 expected;
	struct why why = {""};
	enum err e;

	if (!tally_arguments(t, 2, 2))
		return TALLY_USAGE;
	if (ledger && (strlen(ledger) != 64 ||
		       !hex_decode(expected.b, sizeof(expected.b), ledger, strlen(ledger))))
		return tally_fail(t, TALLY_USAGE, "\"%s\" is no ledger hash", ledger);
	e = snapshot_import(t->argv[1], t->argv[2], ledger ? &expected : NULL, &i, &why);
	return report(t, e, &i, &why);
}

int cmd_inspect(struct tally *t)
{
	struct snapshot_info i;
	struct why why = {""};

	if (!tally_arguments(t, 1, 1))
		return TALLY_USAGE;
	return report(t, snapshot_check(t->argv[1], &i, &why), &i, &why);
}

/* ---- a new network out of one ---- */

#define OWN_NETWORK_MIN 1025 /* from here on transactions name their network */

static enum err take(void *ctx, const struct hash256 *key, struct bytes data, struct why *why)
{
	return genesis_take(ctx, key, data, why);
}

bool genesis_from_snapshot(struct tally *t, struct genesis *g, const char *path,
			   struct snapshot_info *i, int *code)
{
	const char *id = tally_option(t, "--network-id");
	struct why why = {""};
	uint64_t x = 0;

	*code = TALLY_USAGE;
	if (!id || !tally_number(id, OWN_NETWORK_MIN, UINT32_MAX, &x))
		return tally_fail(t, 0,
				  "--from wants --network-id %d to 4294967295: below it "
				  "transactions of the old network would be good in the new one",
				  OWN_NETWORK_MIN),
		       false;
	*code = TALLY_FAILED;
	g->n_accounts = 0;
	if (snapshot_each(path, take, g, i, &why) != ERR_NONE)
		return tally_fail(t, 0, "%s", why.text), false;
	if (i->network_id == x)
		return tally_fail(t, 0, "the ledger is of network %u: the new one wants another id",
				  i->network_id),
		       false;
	g->network_id = (uint32_t)x;
	g->total = i->header.drops;
	g->close_time = i->header.close;
	g->close_resolution = i->header.close_resolution;
	*code = TALLY_USAGE; /* what the other options may come to */
	return true;
}
