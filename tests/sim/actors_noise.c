/* SPDX-License-Identifier: ISC */
#include "tests/sim/actors_impl.h"

/* Claims, data nobody asked for, and far too much of everything. */

#define FLOOD 60 /* messages to each per tick, a tenth of a second: more than a peer may send */

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

/* Words about oneself and others: true signatures under nonsense, or no signatures at all. */
static void unsolicited_words(struct actor *a, uint32_t to, uint32_t how)
{
	const struct secret_key *key = world_key(a->w, a->node);
	uint8_t sig[SIGNATURE_MAX], junk[66];
	struct bytes blob = bytes_of(junk, sizeof(junk));
	struct msg m = {.type = MSG_MANIFESTS};
	struct buf payload = BUF_INIT;
	/* Whom others trust is a question to the operators before a network has begun. */
	struct node *node = actor_node(a);
	struct ledger *l = node ? node_validated(node) : NULL;
	bool trusted = l && l->header.seq > 8;

	memset(junk, (int)(2 + how % 2), sizeof(junk));
	junk[33]++; /* the two keys ascend */
	if (how % 3 == 0 || (how % 3 == 2 && !trusted)) {
		m.manifests.v = &blob;
		m.manifests.n = 1;
	} else if (how % 3 == 1) {
		m.type = MSG_EVIDENCE;
		m.evidence.kind = how / 3 % 2;
		m.evidence.a = bytes_of(junk, 33);
		m.evidence.b = bytes_of(junk + 33, 33);
	} else if (trusted) {
		m.type = MSG_TRUST;
		m.trust.key = *secret_key_public(key);
		m.trust.at.s = 800000000u + how;
		m.trust.members = blob;
		trust_payload(&payload, actor_network(a), &m);
		m.trust.signature = bytes_of(sig, signature_make(key, buf_bytes(&payload), sig));
	}
	actor_send(a, to, &m);
	buf_close(&payload);
}

static void unsolicited_data(struct actor *a, uint32_t to, uint32_t how)
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
	if (how % 4 == 0) {
		m.set.id = id;
		m.set.ids = (struct msg_hashes){.v = &id, .n = 1};
	} else if (how % 4 == 1 && l) {
		m.type = how / 4 % 2 ? MSG_LEDGER : MSG_PAST;
		ledger_header_encode(header, &l->header);
		header[4] ^= 1;
		m.ledger.hash = id;
		m.ledger.header = bytes_of(header, sizeof(header));
	} else if (how % 4 == 2) {
		m.type = MSG_NODES;
		m.nodes.ledger = id;
		m.nodes.paths = &path;
		m.nodes.nodes = &inner;
		m.nodes.n = 1;
	} else {
		m.type = MSG_NAK;
		m.nak.request = MSG_GET_SET;
		m.nak.id = id;
		m.nak.reason = NAK_UNKNOWN;
	}
	actor_send(a, to, &m);
}

static void unsolicited(struct actor *a, uint32_t to, uint32_t how)
{
	if (how % 3 == 0)
		unsolicited_words(a, to, how / 3);
	else
		unsolicited_data(a, to, how / 3);
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
