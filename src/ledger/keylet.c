/* SPDX-License-Identifier: ISC */
#include "ledger/keylet.h"

#include "crypto/hash.h"

/* The longest list of arguments: an account and credentials, 2 + 20 + 8 * 32 + 8 bytes. */
#define KEYLET_BYTES_MAX 288

/* The bytes that are hashed into an index: the space, then the arguments as they stand. */
struct maker {
	uint8_t b[KEYLET_BYTES_MAX];
	size_t n;
};

static struct maker start(char space)
{
	struct maker m;

	m.b[0] = 0;
	m.b[1] = (uint8_t)space;
	m.n = 2;
	return m;
}

static void put(struct maker *m, const void *p, size_t n)
{
	must(n <= sizeof(m->b) - m->n);
	memcpy(m->b + m->n, p, n);
	m->n += n;
}

static void put_account(struct maker *m, const struct account_id *id)
{
	put(m, id->b, sizeof(id->b));
}

static void put_u32(struct maker *m, uint32_t v)
{
	uint8_t b[4];

	store_be32(b, v);
	put(m, b, sizeof(b));
}

static struct keylet finish(const struct maker *m, enum entry_type type)
{
	struct keylet k;

	k.type = type;
	sha512_half(&k.key, m->b, m->n);
	return k;
}

static struct keylet of_nothing(char space, enum entry_type type)
{
	struct maker m = start(space);

	return finish(&m, type);
}

static struct keylet of_account(char space, enum entry_type type, const struct account_id *id)
{
	struct maker m = start(space);

	put_account(&m, id);
	return finish(&m, type);
}

static struct keylet of_account_u32(char space, enum entry_type type, const struct account_id *id,
				    uint32_t n)
{
	struct maker m = start(space);

	put_account(&m, id);
	put_u32(&m, n);
	return finish(&m, type);
}

static struct keylet of_accounts(char space, enum entry_type type, const struct account_id *a,
				 const struct account_id *b)
{
	struct maker m = start(space);

	put_account(&m, a);
	put_account(&m, b);
	return finish(&m, type);
}

static struct keylet of_hash(char space, enum entry_type type, const struct hash256 *h)
{
	struct maker m = start(space);

	put(&m, h->b, sizeof(h->b));
	return finish(&m, type);
}

struct keylet keylet_account(const struct account_id *id)
{
	return of_account('a', ltAccountRoot, id);
}

struct keylet keylet_owner_dir(const struct account_id *id)
{
	return of_account('O', ltDirectoryNode, id);
}

struct keylet keylet_dir_page(const struct hash256 *root, uint64_t page)
{
	struct maker m = start('d');
	uint8_t b[8];

	if (page == 0)
		return (struct keylet){.key = *root, .type = ltDirectoryNode};
	store_be64(b, page);
	put(&m, root->b, sizeof(root->b));
	put(&m, b, sizeof(b));
	return finish(&m, ltDirectoryNode);
}

/* One line serves both sides: the smaller account id stands first. */
struct keylet keylet_line(const struct account_id *a, const struct account_id *b,
			  const struct currency *c)
{
	struct maker m = start('r');
	bool swapped = account_cmp(b, a) < 0;

	put_account(&m, swapped ? b : a);
	put_account(&m, swapped ? a : b);
	put(&m, c->b, sizeof(c->b));
	return finish(&m, ltRippleState);
}

struct keylet keylet_offer(const struct account_id *id, uint32_t seq)
{
	return of_account_u32('o', ltOffer, id, seq);
}

struct keylet keylet_skip(void)
{
	return of_nothing('s', ltLedgerHashes);
}

struct keylet keylet_skip_long(uint32_t seq)
{
	struct maker m = start('s');

	put_u32(&m, seq >> 16);
	return finish(&m, ltLedgerHashes);
}

struct keylet keylet_escrow(const struct account_id *id, uint32_t seq)
{
	return of_account_u32('u', ltEscrow, id, seq);
}

struct keylet keylet_amendments(void)
{
	return of_nothing('f', ltAmendments);
}

struct keylet keylet_fees(void)
{
	return of_nothing('e', ltFeeSettings);
}

struct keylet keylet_ticket(const struct account_id *id, uint32_t seq)
{
	return of_account_u32('T', ltTicket, id, seq);
}

/* There is one list per account; its page number is always 0. */
struct keylet keylet_signers(const struct account_id *id)
{
	return of_account_u32('S', ltSignerList, id, 0);
}

struct keylet keylet_pay_channel(const struct account_id *src, const struct account_id *dst,
				 uint32_t seq)
{
	struct maker m = start('x');

	put_account(&m, src);
	put_account(&m, dst);
	put_u32(&m, seq);
	return finish(&m, ltPayChannel);
}

struct keylet keylet_check(const struct account_id *id, uint32_t seq)
{
	return of_account_u32('C', ltCheck, id, seq);
}

struct keylet keylet_deposit_preauth(const struct account_id *owner,
				     const struct account_id *authorized)
{
	return of_accounts('p', ltDepositPreauth, owner, authorized);
}

int credential_name_cmp(const struct credential_name *a, const struct credential_name *b)
{
	size_t n = a->type.n < b->type.n ? a->type.n : b->type.n;
	int order = account_cmp(&a->issuer, &b->issuer);

	if (order == 0 && n)
		order = memcmp(a->type.p, b->type.p, n);
	return order ? order : (a->type.n > b->type.n) - (a->type.n < b->type.n);
}

struct keylet keylet_deposit_preauth_credentials(const struct account_id *owner,
						 const struct credential_name *sorted, uint32_t n)
{
	struct maker m = start('P');
	uint8_t count[8];

	put_account(&m, owner);
	for (uint32_t i = 0; i < n; i++) {
		struct hash256 h;
		uint8_t b[20 + CREDENTIAL_TYPE_MAX];

		must(sorted[i].type.n <= CREDENTIAL_TYPE_MAX);
		memcpy(b, sorted[i].issuer.b, 20);
		if (sorted[i].type.n)
			memcpy(b + 20, sorted[i].type.p, sorted[i].type.n);
		sha512_half(&h, b, 20 + sorted[i].type.n);
		put(&m, h.b, sizeof(h.b));
	}
	store_be64(count, n);
	put(&m, count, sizeof(count));
	return finish(&m, ltDepositPreauth);
}

struct keylet keylet_negative_unl(void)
{
	return of_nothing('N', ltNegativeUNL);
}

struct keylet keylet_did(const struct account_id *id)
{
	return of_account('I', ltDID, id);
}

struct keylet keylet_oracle(const struct account_id *id, uint32_t document)
{
	return of_account_u32('R', ltOracle, id, document);
}

struct keylet keylet_mpt_issuance(const struct mpt_id *id)
{
	struct maker m = start('~');

	put(&m, id->b, sizeof(id->b));
	return finish(&m, ltMPTokenIssuance);
}

struct keylet keylet_mpt_issuance_of(uint32_t seq, const struct account_id *issuer)
{
	struct mpt_id id;

	store_be32(id.b, seq);
	memcpy(id.b + 4, issuer->b, sizeof(issuer->b));
	return keylet_mpt_issuance(&id);
}

struct keylet keylet_mptoken(const struct mpt_id *id, const struct account_id *holder)
{
	struct keylet issuance = keylet_mpt_issuance(id);
	struct maker m = start('t');

	put(&m, issuance.key.b, sizeof(issuance.key.b));
	put_account(&m, holder);
	return finish(&m, ltMPToken);
}

struct keylet keylet_credential(const struct account_id *subject, const struct account_id *issuer,
				struct bytes type)
{
	struct maker m = start('D');

	put_account(&m, subject);
	put_account(&m, issuer);
	put(&m, type.p, type.n);
	return finish(&m, ltCredential);
}

struct keylet keylet_permissioned_domain(const struct account_id *id, uint32_t seq)
{
	return of_account_u32('m', ltPermissionedDomain, id, seq);
}

struct keylet keylet_delegate(const struct account_id *id, const struct account_id *authorized)
{
	return of_accounts('E', ltDelegate, id, authorized);
}

struct keylet keylet_vault(const struct account_id *id, uint32_t seq)
{
	return of_account_u32('V', ltVault, id, seq);
}

struct keylet keylet_loan_broker(const struct account_id *id, uint32_t seq)
{
	return of_account_u32('l', ltLoanBroker, id, seq);
}

struct keylet keylet_loan(const struct hash256 *broker, uint32_t seq)
{
	struct maker m = start('L');

	put(&m, broker->b, sizeof(broker->b));
	put_u32(&m, seq);
	return finish(&m, ltLoan);
}

struct keylet keylet_nft_offer(const struct account_id *id, uint32_t seq)
{
	return of_account_u32('q', ltNFTokenOffer, id, seq);
}

struct keylet keylet_nft_buys(const struct hash256 *token)
{
	return of_hash('h', ltDirectoryNode, token);
}

struct keylet keylet_nft_sells(const struct hash256 *token)
{
	return of_hash('i', ltDirectoryNode, token);
}

/* Pages are not hashed: owner, then the low 96 bits of the tokens they may hold. */
struct keylet keylet_nft_page(const struct account_id *owner, const uint8_t low96[12])
{
	struct keylet k;

	k.type = ltNFTokenPage;
	memcpy(k.key.b, owner->b, sizeof(owner->b));
	memcpy(k.key.b + sizeof(owner->b), low96, 12);
	return k;
}

struct keylet keylet_nft_page_max(const struct account_id *owner)
{
	static const uint8_t ones[12] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
					 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

	return keylet_nft_page(owner, ones);
}

struct keylet keylet_book(const struct currency *pays, const struct account_id *pays_issuer,
			  const struct currency *gets, const struct account_id *gets_issuer,
			  const struct hash256 *domain)
{
	struct maker m = start('B');
	struct keylet k;

	put(&m, pays->b, sizeof(pays->b));
	put(&m, gets->b, sizeof(gets->b));
	put_account(&m, pays_issuer);
	put_account(&m, gets_issuer);
	if (domain)
		put(&m, domain->b, sizeof(domain->b));
	k = finish(&m, ltDirectoryNode);
	memset(k.key.b + 24, 0, 8); /* quality 0 */
	return k;
}

/* Arguments: issuer and currency of the smaller asset, then of the other; assets compare by
 * currency, then issuer. */
struct keylet keylet_amm(const struct currency *a, const struct account_id *a_issuer,
			 const struct currency *b, const struct account_id *b_issuer)
{
	struct maker m = start('A');
	int order = memcmp(a->b, b->b, sizeof(a->b));
	bool swapped = order > 0 || (order == 0 && account_cmp(a_issuer, b_issuer) > 0);

	put_account(&m, swapped ? b_issuer : a_issuer);
	put(&m, swapped ? b->b : a->b, sizeof(a->b));
	put_account(&m, swapped ? a_issuer : b_issuer);
	put(&m, swapped ? a->b : b->b, sizeof(b->b));
	return finish(&m, ltAMM);
}

struct keylet keylet_bridge(const struct account_id *door, const struct currency *c)
{
	struct maker m = start('H');

	put_account(&m, door);
	put(&m, c->b, sizeof(c->b));
	return finish(&m, ltBridge);
}
