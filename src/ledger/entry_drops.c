/* SPDX-License-Identifier: ISC */
#include "ledger/entry_drops.h"

#include "codec/amount.h"
#include "codec/format.h"
#include "codec/st.h"

/* The XRP that an entry holds. */
static bool drops_of_entry(const struct st_object *o, struct drops *out)
{
	struct drops back = drops_of(0);
	uint16_t type;

	*out = drops_of(0);
	if (!st_get_u16(o, sfLedgerEntryType, &type))
		return false;
	if (type == ltAccountRoot)
		return st_get_drops(o, sfBalance, out);
	if (type == ltEscrow) {
		st_get_drops(o, sfAmount, out); /* or something else than XRP */
		return true;
	}
	if (type == ltPayChannel)
		return st_get_drops(o, sfAmount, out) && st_get_drops(o, sfBalance, &back) &&
		       drops_sub(out, *out, back);
	return true;
}

bool entry_add_drops(struct drops *sum, struct bytes entry)
{
	struct arena a = ARENA_INIT;
	struct st_object *o;
	struct drops held;
	bool good = st_decode(&o, &a, entry, NULL) == ERR_NONE && drops_of_entry(o, &held) &&
		    drops_add(sum, *sum, held);

	arena_close(&a);
	return good;
}
