/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TX_ENGINE_H
#define TALLY_TX_ENGINE_H

#include "ledger/view.h"
#include "tx/tx.h"

/* The engine: three stages, one outcome.
 *
 *   preflight   bytes and rules only          → tem..., telWRONG_NETWORK, ...
 *   preclaim    a view for reading            → ter..., tef..., tec..., tel... (open ledgers only)
 *   apply       a sandbox over the view       → tes, tec (only the fee is claimed), tef
 *
 * After each applied transaction the invariants are checked on the sandbox: a failure becomes
 * tecINVARIANT_FAILED (fee only), and if even that fails, tefINVARIANT_FAILED (nothing). No fee and
 * no change ever happens before the signature is known to be good (must()). */

enum tx_apply_flags {
	TX_RETRY = 1,     /* a later pass will come: tec results are not final yet */
	TX_FAIL_HARD = 2, /* submit with fail_hard: tec is not applied to the open ledger */
	TX_DRY_RUN = 4,   /* simulate: no signature needed, nothing is merged */
};

struct tx_outcome {
	enum ter result;
	bool applied;           /* the view has changed (tes, or tec that claims the fee) */
	struct st_object *meta; /* when applied and wanted; on the caller's arena */
};

/* Preflight alone: depends only on bytes, rules and network id; may be cached. */
enum ter tx_preflight(const struct tx *t, const struct rules *rules, uint32_t network_id,
		      unsigned flags);
/* All three stages against a ledger view. On success the changes are merged into the view. When
 * meta_arena is not NULL, metadata is built with TransactionIndex = tx_index. A view that turns
 * out unavailable gives tefEXCEPTION with applied = false and view_failed(view). */
struct tx_outcome tx_apply(struct view *view, struct tx *t, unsigned flags, uint32_t tx_index,
			   struct arena *meta_arena);
/* The least fee a transaction must offer in this ledger, before any load: base fee times (1 +
 * signers), or the type's own rule, which may read `v` (then a read that fails makes the view fail,
 * see view_failed). */
struct drops tx_base_fee(const struct tx *t, struct view *v);

/* What a transaction may do to its account beside paying its fee, for those who let several of one
 * account wait (rippled: TxConsequences in applySteps.h). Depends on the bytes alone. */
struct tx_consequences {
	bool blocker;       /* may change who may sign, or the account's being: nothing of the
			       account can be judged that comes after it */
	struct drops spend; /* XRP it may take beyond the fee, at most */
	uint32_t sequences; /* by how much the account's Sequence moves: 1, 0 with a ticket, more
			       for TicketCreate */
};
void tx_consequences_of(const struct tx *t, struct tx_consequences *out);

#endif
