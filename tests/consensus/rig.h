/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_CONSENSUS_RIG_H
#define TALLY_TESTS_CONSENSUS_RIG_H

#include "consensus/closetime.h"
#include "consensus/consensus.h"
#include "consensus/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* One machine, fed by hand. cons_check runs after every step; CLOSE_OPEN is answered at once with
 * the transactions of the rig. Ledgers, sets and transactions are named by small numbers. */

struct rig {
	struct consensus *c;
	struct now now;
	struct cons_effects fx; /* of the last step, answers included */
	struct hash256 txs[64]; /* what the node has open */
	uint32_t txs_n;
};

struct hash256 rig_hash(uint8_t kind, uint32_t x);
struct hash256 rig_tx(uint32_t x);
struct hash256 rig_ledger(uint32_t x);
void rig_set_id(struct hash256 *out, const struct hash256 *ids, size_t n);
const struct cons_effect *rig_find(const struct rig *r, enum cons_effect_kind kind);
uint32_t rig_count(const struct rig *r, enum cons_effect_kind kind);
void rig_feed(struct rig *r, const struct cons_event *ev);
void rig_wait_ms(struct rig *r, int64_t ms);
struct cons_event rig_ledger_event(enum cons_event_kind kind, uint32_t x, uint32_t parent,
				   uint32_t seq);
void rig_know(struct rig *r, uint32_t x, uint32_t parent, uint32_t seq);
void rig_propose(struct rig *r, uint32_t who, uint32_t prev, const struct hash256 *set,
		 uint32_t seq);
void rig_validate(struct rig *r, uint32_t who, uint32_t x, uint32_t seq, bool full);
void rig_built(struct rig *r, uint32_t x, uint32_t parent, uint32_t seq);
struct rig rig_open(uint32_t n, int32_t self);
struct cons_status rig_status(const struct rig *r);
bool rig_same(struct hash256 a, struct hash256 b);
uint32_t rig_votes_for(const struct rig *r, uint32_t x);
void rig_all_propose(struct rig *r, uint32_t n, uint32_t prev, const struct hash256 *set,
		     uint32_t seq);

static const struct hash256 empty; /* the empty set */

#endif
