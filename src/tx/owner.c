/* SPDX-License-Identifier: ISC */
#include "tx/owner.h"

#include "ledger/directory.h"

struct drops reserve_of(const struct ledger_fees *fees, uint32_t owned)
{
	struct drops sum;

	if (!drops_mul(&sum, fees->increment, owned) || !drops_add(&sum, sum, fees->reserve) ||
	    drops_cmp(sum, drops_of(DROPS_MAX)) > 0)
		sum = drops_of(DROPS_MAX);
	return sum;
}

struct drops reserve_with(const struct tx_run *r, const struct st_object *account, uint32_t more)
{
	uint32_t owned = st_u32_or(account, sfOwnerCount, 0);

	return reserve_of(&r->info->fees, owned > UINT32_MAX - more ? UINT32_MAX : owned + more);
}

void owner_count_add(struct st_object *account, int32_t by)
{
	int64_t n = (int64_t)st_u32_or(account, sfOwnerCount, 0) + by;

	if (n < 0)
		n = 0;
	if (n > UINT32_MAX)
		n = UINT32_MAX;
	st_set_u(account, sfOwnerCount, (uint64_t)n);
}

enum ter owner_link(struct tx_run *r, const struct account_id *owner, struct st_object *account,
		    struct keylet entry, struct st_object *o, uint32_t count)
{
	uint64_t page;

	must(count <= INT32_MAX);
	switch (directory_add_owned(r->view, owner, &entry.key, &page)) {
	case DIRECTORY_DONE:
		break;
	case DIRECTORY_FULL:
		return tecDIR_FULL;
	case DIRECTORY_BROKEN:
		return tefBAD_LEDGER;
	case DIRECTORY_UNAVAILABLE:
		return tefEXCEPTION;
	}
	st_set_u(o, sfOwnerNode, page);
	if (count > 0) {
		owner_count_add(account, (int32_t)count);
		view_update(r->view, keylet_account(owner));
	}
	return tesSUCCESS;
}

enum ter owner_unlink(struct tx_run *r, const struct account_id *owner, struct st_object *account,
		      struct keylet entry, const struct st_object *o, uint32_t count,
		      bool keep_root)
{
	uint64_t page = 0;

	must(count <= INT32_MAX);
	(void)st_get_u64(o, sfOwnerNode, &page);
	switch (directory_remove_owned(r->view, owner, page, &entry.key, keep_root)) {
	case DIRECTORY_DONE:
		break;
	case DIRECTORY_FULL:
	case DIRECTORY_BROKEN:
		return tefBAD_LEDGER;
	case DIRECTORY_UNAVAILABLE:
		return tefEXCEPTION;
	}
	if (count > 0) {
		owner_count_add(account, -(int32_t)count);
		view_update(r->view, keylet_account(owner));
	}
	view_erase(r->view, entry);
	return tesSUCCESS;
}
