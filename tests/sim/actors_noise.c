/* SPDX-License-Identifier: ISC */
#include "tests/sim/actors_impl.h"

/* Claims, data nobody asked for, and far too much of everything. */

#define FLOOD 200 /* messages per tick, a tenth of a second */

bool actor_status(struct actor *a, uint32_t to, const struct msg *m)
{
	struct msg lie = *m;
	uint32_t how = actor_how(a, FAULT_BYZ_STATUS);

	if (!actor_does(a, FAULT_BYZ_STATUS, to))
		return false;
	switch (how % 3) {
	case 0: /* far ahead */
		lie.status.closed_seq += 1000;
		lie.status.validated_seq += 1000;
		lie.status.last += 1000;
		lie.status.closed.b[0] ^= 1;
		lie.status.validated.b[0] ^= 1;
		break;
	case 1: /* on another branch */
		lie.status.closed.b[5] ^= 1;
		lie.status.validated.b[5] ^= 1;
		break;
	default: /* everything from the beginning */
		lie.status.first = 1;
		lie.status.last = lie.status.validated_seq;
		break;
	}
	actor_send(a, to, &lie);
	return true;
}

static void unsolicited(struct actor *a, uint32_t to, uint32_t how)
{
	struct node *node = actor_node(a);
	struct ledger *l = node ? node_validated(node) : NULL;
	uint8_t header[LEDGER_HEADER_BYTES];
	struct hash256 id = a->round;
	struct msg_path path = {.depth = 0};
	uint8_t wire[3 + 32] = {'I', 0x80};
	struct bytes inner = bytes_of(wire, sizeof(wire));
	struct msg m = {.type = MSG_SET};

	id.b[3] ^= (uint8_t)how;
	switch (how % 4) {
	case 0:
		m.set.id = id;
		m.set.ids = (struct msg_hashes){.v = &id, .n = 1};
		break;
	case 1:
		if (!l)
			return;
		m.type = MSG_LEDGER;
		ledger_header_encode(header, &l->header);
		header[4] ^= 1;
		m.ledger.hash = id;
		m.ledger.header = bytes_of(header, sizeof(header));
		break;
	case 2:
		m.type = MSG_NODES;
		m.nodes.ledger = id;
		m.nodes.paths = &path;
		m.nodes.nodes = &inner;
		m.nodes.n = 1;
		break;
	default:
		m.type = MSG_NAK;
		m.nak.request = MSG_GET_SET;
		m.nak.id = id;
		m.nak.reason = NAK_UNKNOWN;
		break;
	}
	actor_send(a, to, &m);
}

/* Positions with rising numbers, all different, all signed. */
static void flood(struct actor *a, uint32_t to)
{
	struct msg m = {.type = MSG_PROPOSAL};

	m.proposal.prev = a->round;
	m.proposal.set = a->last_set;
	m.proposal.close.s = 800000000u;
	for (uint32_t i = 0; i < FLOOD; i++) {
		m.proposal.seq = (uint32_t)(world_now_ms(a->w) - a->round_ms) * 10 + i;
		actor_sign_and_send(a, to, m);
	}
}

void actor_noise_tick(struct actor *a)
{
	if (a->dying || !actor_node(a))
		return;
	for (uint32_t to = 0; to < world_count(a->w); to++) {
		if (to == a->node)
			continue;
		if (actor_does(a, FAULT_BYZ_UNSOLICITED, to))
			unsolicited(a, to,
				    actor_how(a, FAULT_BYZ_UNSOLICITED) +
					(uint32_t)(world_now_ms(a->w) / 100));
		if (actor_does(a, FAULT_BYZ_FLOOD, to))
			flood(a, to);
	}
}
