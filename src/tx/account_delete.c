/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "ledger/directory.h"
#include "tx/authority.h"
#include "tx/owner.h"
#include "tx/ticket.h"

/* AccountDelete: the account and what it merely owns are erased, its XRP goes to another account
 * (rippled: AccountDelete.cpp, View.cpp cleanupOnAccountDelete). */

/* So many ledgers the account's sequence must be behind the ledger's. The account that takes its
 * place begins with the ledger's sequence, so that no transaction of the old one can be used again.
 */
#define SEQUENCE_DISTANCE 255

static enum ter features(const struct tx_static *s)
{
	if (st_has(s->t->fields, sfCredentialIDs) && !amendment_on(s->rules, AMENDMENT_Credentials))
		return temDISABLED;
	return tesSUCCESS;
}

static enum ter preflight(const struct tx_static *s)
{
	struct account_id to = {{0}};

	(void)st_get_account(s->t->fields, sfDestination, &to);
	if (account_eq(&to, &s->t->account))
		return temDST_IS_SRC;
	return st_has(s->t->fields, sfCredentialIDs) ? temDISABLED : tesSUCCESS;
}

/* Whatever the number of signers. */
static struct drops base_fee(const struct tx *t, struct view *v)
{
	(void)t;
	return view_get_info(v)->fees.increment;
}

static void consequences(const struct tx *t, struct tx_consequences *out)
{
	(void)t;
	out->blocker = true;
}

/* How an entry that the account owns is removed. */
struct owned {
	struct keylet k;
	struct st_object *o; /* peeked */
};

static enum ter remove_ticket(struct tx_run *r, const struct owned *e)
{
	return ticket_remove(r, &r->t->account, r->account, e->k);
}

static enum ter remove_signer_list(struct tx_run *r, const struct owned *e)
{
	(void)e;
	return signer_list_remove(r, &r->t->account, r->account);
}

static enum ter remove_preauth(struct tx_run *r, const struct owned *e)
{
	return owner_unlink(r, &r->t->account, r->account, e->k, e->o, 1, false);
}

/* What goes with the account. Entries of all other types are obligations: it stays. (The reference
 * server removes offers, NFT offers, DIDs, oracles, credentials and delegations, too: their types
 * are not here, and an account of a state from elsewhere that has some must wait for them.) */
static const struct {
	enum entry_type type;
	enum ter (*remove)(struct tx_run *r, const struct owned *e);
} removable[] = {
    {ltTicket, remove_ticket},
    {ltSignerList, remove_signer_list},
    {ltDepositPreauth, remove_preauth},
};
#define REMOVABLE (sizeof(removable) / sizeof(removable[0]))

/* Its row in the table, or REMOVABLE. */
static size_t row_of(const struct st_object *o)
{
	uint16_t type = 0;
	size_t i = 0;

	(void)st_get_u16(o, sfLedgerEntryType, &type);
	while (i < REMOVABLE && (uint16_t)removable[i].type != type)
		i++;
	return i;
}

static enum ter check_destination(struct tx_run *r)
{
	const struct st_object *to, *allowed;
	struct account_id id = {{0}};
	uint32_t flags;
	enum found f;

	(void)st_get_account(r->t->fields, sfDestination, &id);
	r->destination_k = keylet_account(&id);
	f = view_read(r->ledger, r->destination_k, &to);
	if (f != FOUND)
		return f == ABSENT ? tecNO_DST : tefEXCEPTION;
	flags = st_u32_or(to, sfFlags, 0);
	if ((flags & (uint32_t)lsfRequireDestTag) && !st_has(r->t->fields, sfDestinationTag))
		return tecDST_TAG_NEEDED;
	if (!(flags & (uint32_t)lsfDepositAuth))
		return tesSUCCESS;
	f = view_read(r->ledger, keylet_deposit_preauth(&id, &r->t->account), &allowed);
	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	return f == FOUND ? tesSUCCESS : tecNO_PERMISSION;
}

/* NFTs that are still somewhere, or that the account holds. */
static enum ter check_nfts(struct tx_run *r)
{
	static const uint8_t zeros[12];
	const struct st_object *a = r->account_before, *page;
	struct keylet from = keylet_nft_page(&r->t->account, zeros);
	struct keylet to = keylet_nft_page_max(&r->t->account), at = to;
	enum found f;

	if (st_u32_or(a, sfMintedNFTokens, 0) != st_u32_or(a, sfBurnedNFTokens, 0))
		return tecHAS_OBLIGATIONS;
	f = view_next(r->ledger, &from.key, &at.key);
	if (f == FOUND && hash256_cmp(&at.key, &to.key) <= 0)
		f = view_read(r->ledger, at, &page);
	else if (f == FOUND)
		f = ABSENT;
	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	return f == FOUND ? tecHAS_OBLIGATIONS : tesSUCCESS;
}

/* Sums in 32 bits, as the reference has them. */
static enum ter check_age(const struct tx_run *r)
{
	const struct st_object *a = r->account_before;
	uint32_t seq = st_u32_or(a, sfSequence, 0);
	uint32_t nft = st_u32_or(a, sfFirstNFTokenSequence, 0) + st_u32_or(a, sfMintedNFTokens, 0);

	if ((uint32_t)(seq + SEQUENCE_DISTANCE) > r->info->seq ||
	    (uint32_t)(nft + SEQUENCE_DISTANCE) > r->info->seq)
		return tecTOO_SOON;
	return tesSUCCESS;
}

struct check {
	struct tx_run *r;
	uint32_t n;
	enum ter result;
};

static bool check_entry(void *ctx, const struct hash256 *index)
{
	struct check *c = ctx;
	const struct st_object *o;
	enum found f = view_read(c->r->ledger, (struct keylet){.key = *index, .type = ltANY}, &o);

	if (f != FOUND)
		c->result = f == ABSENT ? tefBAD_LEDGER : tefEXCEPTION;
	else if (row_of(o) == REMOVABLE)
		c->result = tecHAS_OBLIGATIONS;
	else if (++c->n > ACCOUNT_DELETE_ENTRIES_MAX)
		c->result = tefTOO_BIG;
	return c->result == tesSUCCESS;
}

static enum ter check_owned(struct tx_run *r)
{
	struct check c = {.r = r, .result = tesSUCCESS};
	enum found f = directory_each(r->ledger, keylet_owner_dir(&r->t->account), check_entry, &c);

	return f == UNAVAILABLE ? tefEXCEPTION : c.result;
}

static enum ter preclaim(struct tx_run *r)
{
	enum ter t = check_destination(r);

	if (t == tesSUCCESS)
		t = check_nfts(r);
	if (t == tesSUCCESS)
		t = check_age(r);
	if (t == tesSUCCESS)
		t = check_owned(r);
	return t;
}

struct all_owned {
	struct hash256 *index;
	size_t n;
};

static bool note_entry(void *ctx, const struct hash256 *index)
{
	struct all_owned *all = ctx;

	must(all->n < ACCOUNT_DELETE_ENTRIES_MAX);
	all->index[all->n++] = *index;
	return true;
}

static enum ter remove_entry(struct tx_run *r, const struct hash256 *index)
{
	struct owned e = {.k = {.key = *index, .type = ltANY}};
	enum found f = view_peek(r->view, e.k, &e.o);
	size_t row;

	if (f != FOUND)
		return f == ABSENT ? tefBAD_LEDGER : tefEXCEPTION;
	row = row_of(e.o);
	if (row == REMOVABLE)
		return tecHAS_OBLIGATIONS;
	e.k.type = removable[row].type;
	return removable[row].remove(r, &e);
}

/* In the order of the directory: the metadata shows how its pages went. */
static enum ter remove_owned(struct tx_run *r)
{
	struct keylet dir = keylet_owner_dir(&r->t->account);
	struct all_owned all = {0};
	enum ter t = tesSUCCESS;
	enum directory_result d;
	enum found f;

	all.index = arena_alloc(r->account->arena,
				ACCOUNT_DELETE_ENTRIES_MAX * sizeof(all.index[0]));
	f = directory_each(r->view, dir, note_entry, &all);
	if (f == UNAVAILABLE)
		return tefEXCEPTION;
	for (size_t i = 0; t == tesSUCCESS && i < all.n; i++)
		t = remove_entry(r, &all.index[i]);
	if (t != tesSUCCESS)
		return t;
	d = directory_remove_empty(r->view, dir);
	if (d == DIRECTORY_UNAVAILABLE)
		return tefEXCEPTION;
	return d == DIRECTORY_DONE ? tesSUCCESS : tefBAD_LEDGER;
}

static enum ter apply(struct tx_run *r)
{
	struct drops rest, there;
	struct st_object *to;
	enum found f = view_peek(r->view, r->destination_k, &to);
	uint32_t flags;
	enum ter t;

	if (f != FOUND)
		return f == ABSENT ? tefBAD_LEDGER : tefEXCEPTION;
	t = remove_owned(r);
	if (t != tesSUCCESS)
		return t;
	if (!account_balance(r->account, &rest) || !account_balance(to, &there) ||
	    !drops_add(&there, there, rest))
		return tefINTERNAL;
	st_set_drops(to, sfBalance, there);
	st_set_drops(r->account, sfBalance, drops_of(0));
	tx_run_deliver(r, rest);
	flags = st_u32_or(to, sfFlags, 0);
	/* A payment gives the account its one free change of keys back. */
	if (rest.raw > 0 && (flags & (uint32_t)lsfPasswordSpent)) /* raw: sign */
		st_set_u(to, sfFlags, flags_without(flags, (uint32_t)lsfPasswordSpent));
	view_update(r->view, r->destination_k);
	view_erase(r->view, r->account_k);
	return tesSUCCESS;
}

const struct tx_ops tx_ops_account_delete = {
    .deletes_account = true,
    .features = features,
    .preflight = preflight,
    .preclaim = preclaim,
    .apply = apply,
    .base_fee = base_fee,
    .consequences = consequences,
};
