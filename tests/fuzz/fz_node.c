/* SPDX-License-Identifier: ISC */
#include "tests/node/rig.h"

/* A whole node machine, and peers that say anything. The input is a row of
 *
 *     [peer and pause 1] [length 2] [message]
 *
 * Messages that decode are handed in, others are skipped, as sessions do it; between them time
 * passes. The node answers, asks and fetches as in life: sets, ledgers and nodes of trees that it
 * is told of arrive, or something else does. Nothing that peers say may break an invariant, and
 * what it sends has to be decodable for others. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const unsigned fuzz_runs_part; /* see replay_main.c */
const unsigned fuzz_runs_part = 25;

#define MESSAGES_MAX 24
#define PEERS        3

/* Every second request is for a ledger that is there. */
static void aim(const struct rig *r, struct msg *m)
{
	struct hash256 *want = NULL;

	if (m->type == MSG_GET_LEDGER || m->type == MSG_GET_PAST)
		want = &m->get_ledger.hash;
	else if (m->type == MSG_GET_NODES)
		want = &m->get_nodes.ledger;
	if (want && want->b[0] % 2)
		*want = node_closed(r->node)->hash;
}

static void say(struct rig *r, uint32_t peer, struct bytes in)
{
	struct arena a = ARENA_INIT;
	struct why why;
	struct msg m;

	if (wire_decode(&m, &a, in, &why) == ERR_NONE && m.type != MSG_PING && m.type != MSG_PONG &&
	    m.type != MSG_BYE) {
		aim(r, &m);
		rig_hear_msg(r, peer, &m);
	}
	arena_close(&a);
}

/* Dropped peers come back, as they would. */
static void welcome(struct rig *r)
{
	for (uint32_t i = 1; i <= PEERS; i++) {
		if (!r->dropped[i])
			continue;
		r->dropped[i] = NULL;
		rig_peer_down(r, i);
		rig_peer_up(r, i);
	}
}

static void check_sent(const struct rig *r)
{
	for (uint32_t i = 0; i < r->n_sent; i++) {
		const struct wire_frame *f = r->sent[i].frame;
		struct arena a = ARENA_INIT;
		struct why why;
		struct msg m;

		must(wire_decode(&m, &a, bytes_of(f->bytes, f->n), &why) == ERR_NONE);
		must(m.type == f->type);
		arena_close(&a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig_options o = {.validators = 4, .observer = true, .accounts = 2};
	struct cursor c = cursor_of(bytes_of(data, size));
	static bool ready;
	struct rig *r;

	if (!ready)
		bench_setup();
	ready = true;
	r = rig_open(&o);
	for (uint32_t i = 1; i <= PEERS; i++)
		rig_peer_up(r, i);
	for (uint32_t k = 0; k < MESSAGES_MAX && c.left > 3; k++) {
		uint8_t how = cursor_u8(&c);
		size_t n = cursor_be16(&c);

		say(r, 1 + how % PEERS, cursor_take(&c, n < c.left ? n : c.left));
		rig_run(r, how / 16 * 100u);
		welcome(r);
	}
	rig_run(r, 3000);
	check_sent(r);
	must(!r->n_stopped);
	rig_close(r);
	return 0;
}
