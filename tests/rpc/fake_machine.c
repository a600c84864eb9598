/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/fake_node.h"

/* What node.h offers for reading, of a node that a test has made. */

const char *node_state_name(enum node_state s)
{
	static const char *const names[] = {"disconnected", "connected",  "syncing",  "tracking",
					    "full",         "validating", "proposing"};

	return names[s];
}

struct ledger *node_ledger_by_seq(const struct node *n, uint32_t seq)
{
	/* The newest few are in memory, as in the node. */
	return seq > 0 && seq <= n->n && seq + 3 > n->n ? n->chain[seq - 1] : NULL;
}

struct ledger *node_ledger_by_hash(const struct node *n, const struct hash256 *hash)
{
	for (uint32_t seq = n->n; seq > 0 && seq + 3 > n->n; seq--)
		if (hash256_eq(&n->chain[seq - 1]->hash, hash))
			return n->chain[seq - 1];
	return NULL;
}

uint64_t node_steps(const struct node *n)
{
	return n->steps;
}

struct ledger *node_validated(const struct node *n)
{
	return n->validated ? n->chain[n->validated - 1] : NULL;
}

struct ledger *node_closed(const struct node *n)
{
	return n->n ? n->chain[n->n - 1] : NULL;
}

struct view *node_open_view(const struct node *n)
{
	return n->open;
}

struct tx *const *node_open_txs(const struct node *n, uint32_t *count)
{
	*count = n->n_open;
	return n->open_txs;
}

struct tx *node_pending_tx(const struct node *n, const struct hash256 *id)
{
	for (uint32_t i = 0; i < n->n_open; i++)
		if (hash256_eq(&n->open_txs[i]->id, id))
			return n->open_txs[i];
	return NULL;
}

uint32_t node_next_sequence(const struct node *n, const struct account_id *id)
{
	const struct st_object *root;

	return view_read(n->open, keylet_account(id), &root) == FOUND
		   ? st_u32_or(root, sfSequence, 0)
		   : 0;
}

uint32_t node_queued(const struct node *n, const struct account_id *id, struct node_queued *out,
		     uint32_t max)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < n->n_waiting && k < max; i++) {
		struct tx *t = n->waiting[i];

		if (id && !account_eq(id, &t->account))
			continue;
		out[k] = (struct node_queued){
		    .tx = t, .level = fee_level_of(t, n->open), .last = terPRE_SEQ, .retries = 9};
		tx_consequences_of(t, &out[k++].effect);
	}
	return k;
}

void node_get_fees(const struct node *n, struct node_fees *out)
{
	*out = (struct node_fees){.base = view_get_info(n->open)->fees.base,
				  .reference = FEE_LEVEL_BASE,
				  .minimum = FEE_LEVEL_BASE,
				  .median = FEE_LEVEL_BASE * 500,
				  .open = n->open_level ? n->open_level : FEE_LEVEL_BASE,
				  .expected = 32,
				  .open_n = n->n_open,
				  .queue_n = n->n_waiting,
				  .queue_max = 2000,
				  .load_local = n->load ? n->load : LOAD_BASE,
				  .load_remote = LOAD_BASE,
				  .load_cluster = LOAD_BASE};
}

bool node_peer_ledgers(const struct node *n, uint32_t peer, struct node_peer_ledgers *out)
{
	*out = (struct node_peer_ledgers){.first = 0};
	if (peer != 1)
		return false;
	*out = (struct node_peer_ledgers){n->chain[n->validated - 1]->hash, n->validated,
					  n->validated + 1, 2, n->validated};
	return true;
}

void node_get_status(const struct node *n, struct now now, struct node_status *out)
{
	*out = (struct node_status){.state = n->state,
				    .standalone = n->standalone,
				    .network_id = n->network_id,
				    .peers = n->standalone ? 0 : 4,
				    .unl_n = n->unl_n,
				    .quorum = n->unl_n ? 4 : 0,
				    .unl_present = n->unl_n ? 4 : 0,
				    .validator = n->validator,
				    .validator_key = n->unl[0],
				    .validator_master = n->unl[0],
				    .started = {1000},
				    .first_validated_at = {3500},
				    .queue_max = TX_QUEUE_MAX,
				    .open_n = n->n_open,
				    .key_elsewhere = n->troubled,
				    .unl_blocked = n->unl_blocked,
				    .amendment_blocked = n->amendment_blocked,
				    .amendment_warned = n->amendment_warned,
				    .amendment_expected = {800000100},
				    .sync = n->sync,
				    .counters.evidence = n->troubled ? 2 : 0};
	out->state_since[n->state] = (struct steady){4000};
	out->state_ms[n->state] = now.steady.ms - 4000;
	out->state_entered[n->state] = 1;
	out->full_entered = n->state >= NODE_FULL;
	out->consensus.last_proposers = n->unl_n;
	out->consensus.last_converge_ms = n->standalone ? 0 : 2005;
	out->consensus.prev_seq = n->n;
	out->consensus.validated_seq = n->validated;
	out->consensus.round_start = (struct steady){now.steady.ms - 700};
	out->consensus.resolution = 10;
	if (n->n)
		out->consensus.prev = n->chain[n->n - 1]->hash;
}

/* While troubled, the silent member is disabled, and the one before has signed two ledgers and two
 * proposals. */
const struct negative_unl *node_negative_unl(const struct node *n)
{
	static struct negative_unl u;

	u.n = n->troubled;
	u.disabled[0] = n->unl[4];
	return &u;
}

bool node_ballot(const struct node *n, struct node_ballot *out)
{
	*out = (struct node_ballot){.members = 5, .threshold = 4};
	return n->counted;
}

uint32_t node_ballot_for(const struct node *n, const struct hash256 *amendment)
{
	(void)n;
	return amendment->b[31] % 6;
}

bool node_evidence(const struct node *n, uint32_t i, struct node_evidence *out)
{
	*out = (struct node_evidence){.kind = i ? CONS_TWO_PROPOSALS : CONS_TWO_VALIDATIONS,
				      .key = n->unl[3],
				      .seq = 5 + i,
				      .a = {{1}},
				      .b = {{2}},
				      .at = {800000050}};
	return n->troubled && i < 2;
}

bool node_unl_member(const struct node *n, uint32_t i, struct public_key *key,
		     struct cons_validation *last)
{
	must(i < n->unl_n);
	*key = n->unl[i];
	*last = (struct cons_validation){0};
	if (n->validated) {
		last->seq = n->validated;
		last->ledger = n->chain[n->validated - 1]->hash;
		last->full = true;
	}
	return i != 4; /* the last one is silent */
}

/* While troubled, another one proposes a transaction that nobody else has. */
bool node_unl_position(const struct node *n, uint32_t i, struct cons_position *out)
{
	*out = (struct cons_position){.set = {{7}}, .close = {800000060}, .seq = 3};
	if (n->n)
		out->prev = n->chain[n->n - 1]->hash;
	return n->troubled && i == 2;
}

bool node_dispute(const struct node *n, uint32_t i, struct cons_dispute *out)
{
	*out = (struct cons_dispute){.tx = {{8}}, .yes = 1, .no = 2};
	return n->troubled && i == 0;
}

const struct manifest *node_manifest(const struct node *n, const struct public_key *key)
{
	return n->manifest.bytes.n && (!public_key_cmp(key, &n->manifest.master) ||
				       !public_key_cmp(key, &n->manifest.signing))
		   ? &n->manifest
		   : NULL;
}

uint32_t node_listed(const struct node *n, const struct public_key **keys)
{
	*keys = n->unl;
	return n->unl_n;
}
