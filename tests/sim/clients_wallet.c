/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "tests/sim/clients_impl.h"
#include "tests/sim/keys.h"
#include "tests/sim/model.h"

/* What a wallet knows of its account: it reads validated ledgers, as wallets do, once nothing of
 * its own is under way. Until then it goes by what it has done itself. */

static struct hash256 account_key(const struct account_id *id)
{
	struct hash256 k = {{0}};

	memcpy(k.b, id->b, sizeof(id->b));
	return k;
}

static void name(struct clients *c, const struct account_id *id, uint32_t number)
{
	struct hash256 k = account_key(id);

	hmap_put(&c->by_account, &k, (void *)(uintptr_t)(number + 1));
}

void wallets_open(struct clients *c)
{
	struct account_id id;
	uint32_t i;

	hmap_init(&c->by_account, 0);
	for (i = 0; i < c->n_wallets; i++) {
		(void)keys_account(i, &c->wallets[i].id);
		c->wallets[i].key = KEY_NONE;
		name(c, &c->wallets[i].id, i);
	}
	for (i = 0; i < REGULAR_KEYS; i++) {
		(void)keys_account(KEY_REGULAR + i, &id);
		name(c, &id, KEY_REGULAR + i);
	}
	for (i = 0; i < PHANTOMS; i++) {
		(void)keys_account(KEY_PHANTOM + i, &id);
		name(c, &id, KEY_PHANTOM + i);
	}
}

void wallets_close(struct clients *c)
{
	hmap_close(&c->by_account);
	mem_free(c->wallets);
}

/* KEY_BLACKHOLE for one that nobody here has. */
static uint32_t number_of(const struct clients *c, const struct account_id *id)
{
	struct hash256 k = account_key(id);
	uintptr_t at = (uintptr_t)hmap_get(&c->by_account, &k);

	return at ? (uint32_t)at - 1 : KEY_BLACKHOLE;
}

/* ---- reading ---- */

static void read_list(struct clients *c, struct wallet *w, struct bytes entry)
{
	struct bytes entries;
	struct model_field f;
	struct account_id id;
	struct cursor cur;

	w->list.quorum = (uint32_t)model_number(entry, 2, 35);
	w->list.n = 0;
	if (!model_find(entry, 15, 4, &entries))
		return;
	cur = cursor_of(entries);
	while (model_next_field(&cur, &f) && w->list.n < SIGNERS_MAX)
		if (model_id(f.raw, 1, &id))
			w->list.member[w->list.n++] = (struct member){
			    number_of(c, &id), (uint32_t)model_number(f.raw, 1, 3)};
}

static void read_owned(struct clients *c, struct wallet *w, struct bytes entry)
{
	uint64_t type = model_number(entry, 1, 1);

	if (type == MODEL_LIST)
		read_list(c, w, entry);
	if (type == MODEL_TICKET && w->n_tickets < TICKETS_KEPT)
		w->ticket[w->n_tickets++] = (uint32_t)model_number(entry, 2, 41);
}

/* Some pages of the directory, so that a list and some tickets are known. */
static void read_directory(struct clients *c, struct wallet *w, const struct ledger *l)
{
	struct keylet root = keylet_owner_dir(&w->id);
	struct hash256 key = root.key, at;
	struct bytes page, indexes, entry;

	for (uint64_t next = 1; next && tree_get(&l->state, &key, &page) == FOUND;
	     key = keylet_dir_page(&root.key, next).key) {
		next = model_number(page, 3, 1);
		if (!model_find(page, 19, 1, &indexes))
			return;
		for (size_t i = 0; i + 32 <= indexes.n; i += 32) {
			memcpy(at.b, indexes.p + i, 32);
			if (tree_get(&l->state, &at, &entry) == FOUND)
				read_owned(c, w, entry);
		}
	}
}

static void read_account(struct clients *c, struct wallet *w, struct bytes entry)
{
	uint32_t flags = (uint32_t)model_number(entry, 2, 2);
	struct account_id id;

	w->next = (uint32_t)model_number(entry, 2, 4);
	w->read = w->gone = false;
	w->master_off = flags & (uint32_t)lsfDisableMaster;
	w->deposit_auth = flags & (uint32_t)lsfDepositAuth;
	w->free = !(flags & (uint32_t)lsfPasswordSpent);
	w->key = model_id(entry, 8, &id) ? number_of(c, &id) : KEY_NONE;
	w->list.n = w->n_tickets = 0;
}

static void read_wallet(struct clients *c, struct wallet *w, const struct ledger *l)
{
	struct hash256 key = keylet_account(&w->id).key;
	struct bytes entry;

	switch (tree_get(&l->state, &key, &entry)) {
	case FOUND:
		read_account(c, w, entry);
		if (model_number(entry, 2, 13))
			read_directory(c, w, l);
		break;
	case ABSENT:
		w->gone = w->next != 0;
		break;
	case UNAVAILABLE:
		break;
	}
}

void wallets_read(struct clients *c, const struct ledger *l)
{
	for (uint32_t i = 0; i < c->n_wallets; i++) {
		struct wallet *w = &c->wallets[i];

		if (!w->pending && (!w->next || w->read))
			read_wallet(c, w, l);
	}
}
