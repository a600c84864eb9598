/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_SETTINGS_H
#define TALLY_RPC_SETTINGS_H

#include "base/limits.h"
#include "ledger/genesis.h"
#include "rpc/rpc.h"

/* What administrators have set by the API and what outlives the process: places reserved for peers,
 * votes on amendments, how far history may be deleted. Each is a JSON text that the host keeps
 * under a name. Private to rpc.
 *
 * A text that cannot be read is not written over: the methods say what is wrong with it, and until
 * it is mended no history is deleted. */

enum setting { SETTING_RESERVATIONS, SETTING_VOTES, SETTING_CAN_DELETE, SETTINGS };

#define VOTES_MAX               (AMENDMENT_COUNT + 64) /* some may be of another version */
#define CAN_DELETE_ALWAYS       UINT32_MAX
#define RESERVATION_TEXT_MAX    256
#define RESERVATION_DESCRIPTION "description"

struct reservation {
	struct public_key key;
	char description[RESERVATION_TEXT_MAX];
};

struct settings {
	const struct rpc_host *host;
	struct reservation reservations[PEERS_RESERVED_MAX]; /* ascending by key */
	uint32_t n_reservations;
	struct rpc_vote votes[VOTES_MAX];
	uint32_t n_votes;
	uint32_t can_delete;
	struct why broken[SETTINGS]; /* why it could not be read; empty: it could */
};

/* Reads all, and tells the host of reservations and history. */
void settings_open(struct settings *s, const struct rpc_host *host);
/* Writes one after it was changed, and tells the host. On failure the caller puts back what was. */
enum err settings_write(struct settings *s, enum setting which, struct why *why) MUST_USE;
/* How this server votes on an amendment: as an administrator has said by the API, or else the
 * configuration, or else by default. What is obsolete stays so. */
enum amendment_vote settings_stand(const struct settings *s, const struct amendment *a);
/* Votes so from now on. */
enum err settings_vote(struct settings *s, const struct amendment *a, bool vetoed,
		       struct why *why) MUST_USE;

#endif
