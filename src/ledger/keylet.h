/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_KEYLET_H
#define TALLY_LEDGER_KEYLET_H

#include "codec/amount.h"
#include "codec/format.h"

/* Where entries live: index = SHA-512Half(space (be16) | arguments). A keylet is that index with
 * the type that must be found there; an entry of another type under it counts as absent (rippled:
 * Indexes.cpp; the halt of November 2024 is why the type is part of every look-up). */
struct keylet {
	struct hash256 key;
	enum entry_type type;
};

struct keylet keylet_account(const struct account_id *id);
struct keylet keylet_owner_dir(const struct account_id *id);
struct keylet keylet_dir_page(const struct hash256 *root, uint64_t page);
struct keylet keylet_line(const struct account_id *a, const struct account_id *b,
			  const struct currency *c);
struct keylet keylet_offer(const struct account_id *id, uint32_t seq);
struct keylet keylet_skip(void);              /* last 256 hashes */
struct keylet keylet_skip_long(uint32_t seq); /* every 256th, by seq >> 16 */
struct keylet keylet_escrow(const struct account_id *id, uint32_t seq);
struct keylet keylet_amendments(void);
struct keylet keylet_fees(void);
struct keylet keylet_ticket(const struct account_id *id, uint32_t seq);
struct keylet keylet_signers(const struct account_id *id);
struct keylet keylet_pay_channel(const struct account_id *src, const struct account_id *dst,
				 uint32_t seq);
struct keylet keylet_check(const struct account_id *id, uint32_t seq);
struct keylet keylet_deposit_preauth(const struct account_id *owner,
				     const struct account_id *authorized);
/* Leave to whoever holds these credentials, at most 8, sorted by issuer, then type. */
#define CREDENTIAL_TYPE_MAX 64
struct credential_name {
	struct account_id issuer;
	struct bytes type;
};
int credential_name_cmp(const struct credential_name *a, const struct credential_name *b);
struct keylet keylet_deposit_preauth_credentials(const struct account_id *owner,
						 const struct credential_name *sorted, uint32_t n);
struct keylet keylet_negative_unl(void);
struct keylet keylet_did(const struct account_id *id);
struct keylet keylet_oracle(const struct account_id *id, uint32_t document);
struct keylet keylet_mpt_issuance(const struct mpt_id *id);
struct keylet keylet_mpt_issuance_of(uint32_t seq, const struct account_id *issuer);
struct keylet keylet_mptoken(const struct mpt_id *id, const struct account_id *holder);
struct keylet keylet_credential(const struct account_id *subject, const struct account_id *issuer,
				struct bytes type);
struct keylet keylet_permissioned_domain(const struct account_id *id, uint32_t seq);
struct keylet keylet_delegate(const struct account_id *id, const struct account_id *authorized);
struct keylet keylet_vault(const struct account_id *id, uint32_t seq);
struct keylet keylet_loan_broker(const struct account_id *id, uint32_t seq);
struct keylet keylet_loan(const struct hash256 *broker, uint32_t seq);
struct keylet keylet_nft_offer(const struct account_id *id, uint32_t seq);
struct keylet keylet_nft_buys(const struct hash256 *token);
struct keylet keylet_nft_sells(const struct hash256 *token);
struct keylet keylet_nft_page(const struct account_id *owner, const uint8_t low96[12]);
struct keylet keylet_nft_page_max(const struct account_id *owner);
/* Root of an order book's directories; the last 8 bytes hold the quality (0 here). */
struct keylet keylet_book(const struct currency *pays, const struct account_id *pays_issuer,
			  const struct currency *gets, const struct account_id *gets_issuer,
			  const struct hash256 *domain);
/* AMM, Bridge, XChain claim ids and Sponsorship: as Indexes.cpp; see the .c for the arguments. */
struct keylet keylet_amm(const struct currency *a, const struct account_id *a_issuer,
			 const struct currency *b, const struct account_id *b_issuer);
struct keylet keylet_bridge(const struct account_id *door, const struct currency *c);

#endif
