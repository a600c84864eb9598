/* SPDX-License-Identifier: ISC */
#include "codec/st.h"
#include "crypto/hash.h"
#include "tests/sim/actors_impl.h"
#include "tests/sim/model.h"

/* Positions and validations that an honest machine would not have signed. */

void actor_sign_and_send(struct actor *a, uint32_t to, struct msg m)
{
	const struct secret_key *key = world_key(a->w, a->node);
	uint8_t sig[SIGNATURE_MAX];
	struct buf payload = BUF_INIT;

	m.proposal.key = *secret_key_public(key);
	proposal_payload(&payload, actor_network(a), &m);
	m.proposal.signature = bytes_of(sig, signature_make(key, buf_bytes(&payload), sig));
	buf_close(&payload);
	actor_send(a, to, &m);
}

/* One thing changed by a little. */
static void change_value(struct actor *a, struct msg *m)
{
	uint32_t how = actor_how(a, FAULT_BYZ_VALUE);

	switch (how % 6) {
	case 0:
		m->proposal.seq += m->proposal.seq < CONS_SEQ_BOW_OUT - 1;
		break;
	case 1:
		m->proposal.seq -= m->proposal.seq > 0;
		break;
	case 2:
		m->proposal.prev = a->last_round;
		break;
	case 3:
		m->proposal.set = a->last_set;
		break;
	case 4:
		m->proposal.close.s += 1 + how / 6 % 60;
		break;
	default:
		m->proposal.close.s -= 1 + how / 6 % 60;
		break;
	}
}

/* Another set than the machine's, when one can be made. */
static bool change_set(struct actor *a, uint32_t to, struct msg *m)
{
	if (actor_does(a, FAULT_BYZ_PROPOSALS, to))
		return actor_make_set(a, (enum made_kind)(actor_how(a, FAULT_BYZ_PROPOSALS) % 4),
				      actor_how(a, FAULT_BYZ_PROPOSALS) / 4, &m->proposal.set);
	if (a->on[FAULT_BYZ_CENSOR - FIRST_ACT])
		return actor_make_set(a, MADE_WITHOUT, actor_how(a, FAULT_BYZ_CENSOR),
				      &m->proposal.set);
	if (a->on[FAULT_BYZ_DOUBLE_SPEND - FIRST_ACT])
		return actor_make_set(a, MADE_PAIR, 0, &m->proposal.set);
	if (actor_does(a, FAULT_BYZ_WITHHOLD_SET, to) && actor_how(a, FAULT_BYZ_WITHHOLD_SET) % 2)
		return actor_make_set(a, MADE_UNKNOWN, actor_how(a, FAULT_BYZ_WITHHOLD_SET),
				      &m->proposal.set);
	return false;
}

bool actor_proposal(struct actor *a, uint32_t to, const struct msg *m)
{
	struct msg changed = *m;
	bool done = false;

	if (actor_does(a, FAULT_BYZ_BOW_OUT, to)) {
		changed.proposal.seq = CONS_SEQ_BOW_OUT;
		for (int i = 0; i < 3; i++) {
			changed.proposal.close.s++;
			actor_sign_and_send(a, to, changed);
		}
		return actor_how(a, FAULT_BYZ_BOW_OUT) % 2;
	}
	if (actor_does(a, FAULT_BYZ_VALUE, to)) {
		change_value(a, &changed);
		done = true;
	}
	if (m->proposal.seq != CONS_SEQ_BOW_OUT && change_set(a, to, &changed))
		done = true;
	a->last_set = m->proposal.set;
	if (done)
		actor_sign_and_send(a, to, changed);
	return done;
}

/* ---- validations ---- */

/* The object with other ledger, sequence and time, under the actor's key, to one. */
static void validate(struct actor *a, uint32_t to, struct bytes like, const struct hash256 *ledger,
		     uint32_t seq, uint32_t signed_at)
{
	const struct secret_key *key = world_key(a->w, a->node);
	struct buf payload = BUF_INIT, all = BUF_INIT;
	struct arena arena = ARENA_INIT;
	struct msg m = {.type = MSG_VALIDATION};
	uint8_t sig[SIGNATURE_MAX];
	struct st_object *o;

	if (st_decode(&o, &arena, like, NULL) == ERR_NONE) {
		st_set_hash256(o, sfLedgerHash, ledger);
		st_set_u(o, sfLedgerSequence, seq);
		st_set_u(o, sfSigningTime, signed_at);
		st_set_raw(o, sfSigningPubKey, bytes_of(secret_key_public(key)->b, 33));
		buf_put_be32(&payload, HASH_PREFIX_VALIDATION);
		st_encode(&payload, o, ST_SIGNING);
		st_set_raw(o, sfSignature,
			   bytes_of(sig, signature_make(key, buf_bytes(&payload), sig)));
		st_encode(&all, o, ST_ALL);
		m.validation = buf_bytes(&all);
		actor_send(a, to, &m);
	}
	buf_close(&payload);
	buf_close(&all);
	arena_close(&arena);
}

/* A ledger that is not the one voted for: made up, or an older one. */
static struct hash256 other_ledger(const struct actor *a, const struct hash256 *ledger,
				   uint32_t how)
{
	struct hash256 h = *ledger;

	if (how % 3 == 0 && !hash256_is_zero(&a->round))
		return a->round;
	h.b[0] ^= 0x55; /* the same lie for all, so that it may find followers */
	h.b[1] ^= (uint8_t)how;
	return h;
}

bool actor_validation(struct actor *a, uint32_t to, const struct msg *m)
{
	uint32_t how = actor_how(a, FAULT_BYZ_VALIDATIONS);
	uint32_t at = (uint32_t)model_number(m->validation, 2, 9);
	uint32_t seq = (uint32_t)model_number(m->validation, 2, 6);
	struct hash256 ledger, other;
	struct bytes raw;

	if (!model_find(m->validation, 5, 1, &raw))
		return false;
	memcpy(ledger.b, raw.p, 32);
	a->voted = seq > a->voted ? seq : a->voted;
	if (a->on[FAULT_BYZ_SIGN_CRASH - FIRST_ACT]) {
		actor_send(a, to, m); /* to this one alone */
		actor_die(a);
		return true;
	}
	if (actor_does(a, FAULT_BYZ_VALIDATIONS, to)) {
		other = other_ledger(a, &ledger, how);
		validate(a, to, m->validation, &other, seq, at + how / 3 % 2);
		return how % 2;
	}
	if (!actor_does(a, FAULT_BYZ_VALUE, to))
		return false;
	switch (actor_how(a, FAULT_BYZ_VALUE) % 4) {
	case 0:
		validate(a, to, m->validation, &ledger, seq + 1, at);
		break;
	case 1:
		validate(a, to, m->validation, &ledger, seq - 1, at);
		break;
	case 2:
		validate(a, to, m->validation, &a->round, seq, at);
		break;
	default:
		validate(a, to, m->validation, &ledger, seq, at + 100);
		break;
	}
	return true;
}

/* Whoever says first what is right, the actor says so too. */
void actor_heard_validation(struct actor *a, struct bytes v)
{
	uint32_t seq = (uint32_t)model_number(v, 2, 6), at = (uint32_t)model_number(v, 2, 9);
	struct hash256 ledger;
	struct bytes raw;

	if (!a->on[FAULT_BYZ_BLIND - FIRST_ACT] || seq <= a->voted || a->dying ||
	    !model_find(v, 5, 1, &raw))
		return;
	memcpy(ledger.b, raw.p, 32);
	a->voted = seq;
	for (uint32_t to = 0; to < world_count(a->w); to++)
		if (to != a->node)
			validate(a, to, v, &ledger, seq, at);
}
