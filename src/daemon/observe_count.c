/* SPDX-License-Identifier: ISC */
#include "daemon/observe_impl.h"

#include "codec/st.h"
#include "os/clock.h"
#include "tx/ter.h"

/* What happens, counted as it does. */

const struct histogram_scale scale_txs = {
    12, {0, 1, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000}};
const struct histogram_scale scale_call_us = {
    13, {50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 250000, 1000000, 5000000}};

const char *const result_class_names[RESULT_CLASSES] = {"tes", "tec", "ter", "tef", "tem", "tel"};

const char *cons_mode_name(enum cons_mode m)
{
	static const char *const names[] = {"proposing", "observing", "wrongLedger",
					    "switchedLedger"};

	return names[m];
}

/* A round may run already. */
static void join_round(struct observe *ob)
{
	struct now now = clock_now();
	struct node_status s;

	node_get_status(uv_node_machine(ob->o.node), now, &s);
	if (s.quorum)
		rounds_join(&ob->c.rounds, &s.consensus, now);
}

void count_open(struct observe *ob)
{
	while (rpc_method_name(ob->methods))
		ob->methods++;
	must(ob->methods <= OBSERVE_METHODS_MAX);
	ob->agreement = agreement_open(clock_steady());
	count_members(ob);
	join_round(ob);
}

/* Both lists ascend. */
static bool same_members(const struct observe *ob, const struct public_key *keys, uint32_t n)
{
	struct agreement_share shares[AGREEMENT_SPANS];
	struct public_key key;
	uint32_t i;

	for (i = 0; i < n; i++)
		if (!agreement_member(ob->agreement, i, &key, shares) ||
		    memcmp(key.b, keys[i].b, sizeof(key.b)) != 0)
			return false;
	return !agreement_member(ob->agreement, n, &key, shares);
}

void count_members(struct observe *ob)
{
	struct node *machine = uv_node_machine(ob->o.node);
	struct public_key keys[UNL_MAX];
	struct cons_validation last;
	struct node_status s;

	node_get_status(machine, clock_now(), &s);
	if (s.standalone)
		return;
	must(s.unl_n <= UNL_MAX);
	for (uint32_t i = 0; i < s.unl_n; i++)
		node_unl_member(machine, i, &keys[i], &last);
	if (!same_members(ob, keys, s.unl_n))
		agreement_members(ob->agreement, keys, s.unl_n);
}

/* ---- ledgers and validations */

static void count_ledger(struct observe *ob, const struct ledger *l)
{
	struct observe_counts *c = &ob->c;
	struct now now = clock_now();
	struct node_status s;
	struct hash256 hash = l->hash;

	node_get_status(uv_node_machine(ob->o.node), now, &s);
	histogram_add(&c->txs, &scale_txs, s.counters.tx_validated - c->txs_before);
	c->txs_before = s.counters.tx_validated;
	if (c->validated_at.ms) {
		c->interval_ms = steady_since(c->validated_at, now.steady);
		histogram_add(&c->interval, &rounds_scale, (uint64_t)c->interval_ms);
	}
	c->validated_at = now.steady;
	count_members(ob);
	agreement_validated(ob->agreement, l->header.seq, &hash, s.quorum, now.steady);
}

#define VALIDATION_FULL 1u

static void count_validation(struct observe *ob, struct bytes bytes, const struct public_key *who)
{
	struct arena a = ARENA_INIT;
	struct cons_validation v = {.seq = 0};
	struct st_object *o;
	uint32_t flags;

	if (st_decode(&o, &a, bytes, NULL) == ERR_NONE &&
	    st_get_hash256(o, sfLedgerHash, &v.ledger) && st_get_u32(o, sfLedgerSequence, &v.seq) &&
	    st_get_u32(o, sfFlags, &flags)) {
		v.full = flags & VALIDATION_FULL;
		agreement_heard(ob->agreement, who, &v);
	}
	arena_close(&a);
}

static void count_phase(struct observe *ob, enum cons_phase next)
{
	struct now now = clock_now();
	struct node_status s;

	node_get_status(uv_node_machine(ob->o.node), now, &s);
	rounds_phase(&ob->c.rounds, next, &s.consensus, now);
}

/* ---- clients */

static enum result_class class_of(enum ter t)
{
	if (ter_is_tel(t))
		return CLASS_TEL;
	if (ter_is_tem(t))
		return CLASS_TEM;
	if (ter_is_tef(t))
		return CLASS_TEF;
	if (ter_is_ter(t))
		return CLASS_TER;
	return ter_is_tec(t) ? CLASS_TEC : CLASS_TES;
}

void observe_done(struct observe *ob, const struct rpc_done *done)
{
	struct calls *m = &ob->c.calls[done->method ? done->index : ob->methods];

	if (done->error)
		m->bad++;
	else
		m->good++;
	histogram_add(&m->us, &scale_call_us, done->us);
	ob->c.reply_bytes += done->bytes;
	ob->c.again += done->again;
}

void observe_effect(struct observe *ob, const struct node_effect *e)
{
	if (e->kind == NODE_FX_LEDGER)
		count_ledger(ob, e->ledger);
	else if (e->kind == NODE_FX_VALIDATION)
		count_validation(ob, buf_bytes(&e->validation.bytes), &e->validation.master);
	else if (e->kind == NODE_FX_PHASE)
		count_phase(ob, e->phase);
	else if (e->kind == NODE_FX_SUBMITTED)
		ob->c.submits[class_of(e->submitted.result)]++;
}
