/* SPDX-License-Identifier: ISC */
#include "daemon/observe_impl.h"

#include "crypto/base58.h"
#include "os/clock.h"

/* GET /metrics: health, ledgers, consensus, validators, transactions. */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void write_states(struct prom *p, const struct node_status *s)
{
	const char *names[NODE_PROPOSING + 1];

	for (uint32_t i = 0; i < COUNT(names); i++)
		names[i] = node_state_name((enum node_state)i);
	prom_state(p, M_STATE, "state", names, COUNT(names), s->state);
	prom_begin(p, M_STATE_SECONDS);
	for (uint32_t i = 0; i < COUNT(names); i++)
		prom_decimal(p, s->state_ms[i], 3, "state=\"%s\"", names[i]);
	prom_begin(p, M_STATE_CHANGES);
	for (uint32_t i = 0; i < COUNT(names); i++)
		prom_u64(p, s->state_entered[i], "state=\"%s\"", names[i]);
}

static void write_health(struct observe *ob, struct prom *p, const struct facts *f)
{
	prom_begin(p, M_BUILD_INFO);
	prom_u64(p, 1, "version=\"%s\",protocol=\"%s\",network=\"%u\"", ob->o.version,
		 ob->o.protocol, f->node.network_id);
	prom_one_decimal(p, M_START_TIME, (int64_t)ob->started_unix_ms, 3);
	prom_one(p, M_HEALTHY, f->health.healthy);
	prom_begin(p, M_HEALTH_REASON);
	for (enum health_row r = 0; r < HEALTH_ROWS; r++)
		prom_u64(p, f->health.is[r], "reason=\"%s\",level=\"%s\"", health_name(r),
			 health_is_critical(r) ? "critical" : "warning");
	prom_one_decimal(p, M_LOOP_LAG, f->front.lag_ms, 3);
	write_states(p, &f->node);
}

static void write_ledgers(struct observe *ob, struct prom *p, const struct facts *f)
{
	const struct node *machine = uv_node_machine(ob->o.node);
	const struct history *h = uv_node_history(ob->o.node);
	const struct ledger *validated = node_validated(machine), *closed = node_closed(machine);
	const struct node_counters *c = &f->node.counters;

	prom_one(p, M_LEDGER_INDEX, validated ? validated->header.seq : 0);
	prom_begin(p, M_LEDGER_AGE);
	if (f->health_facts.ledger_age_ms >= 0)
		prom_decimal(p, f->health_facts.ledger_age_ms, 3, NULL);
	prom_begin(p, M_LEDGER_CLOSE_TIME);
	if (validated)
		prom_u64(p, (uint64_t)validated->header.close.s + LEDGER_EPOCH_UNIX, NULL);
	prom_one(p, M_LEDGER_CLOSED_INDEX, closed ? closed->header.seq : 0);
	prom_one(p, M_LEDGER_FIRST_INDEX, h->complete(h->ctx).first);
	prom_begin(p, M_LEDGER_INTERVAL);
	prom_histogram(p, &ob->c.interval, &rounds_scale, 3, NULL);
	prom_begin(p, M_LEDGER_TRANSACTIONS);
	prom_histogram(p, &ob->c.txs, &scale_txs, 0, NULL);
	prom_one(p, M_LEDGERS_CLOSED, c->ledgers_closed);
	prom_one(p, M_LEDGERS_VALIDATED, c->ledgers_validated);
	prom_one(p, M_LEDGERS_ACQUIRED, c->ledgers_acquired);
	prom_one(p, M_LEDGER_BUILDS, c->builds);
	prom_one(p, M_LEDGER_MISMATCHES, c->build_mismatch);
	prom_one(p, M_SETS_ACQUIRED, c->sets_acquired);
	prom_one(p, M_SYNCING, f->node.sync.active);
	prom_one_decimal(p, M_SYNC_PROGRESS, f->node.sync.state ? f->node.sync.per_mille : 0, 3);
	prom_one(p, M_HISTORY_FILL, f->node.sync.filling);
}

static void write_rounds(struct observe *ob, struct prom *p, const struct facts *f)
{
	static const char *const results[ROUND_RESULTS] = {"agreed", "abandoned", "left"};
	const struct rounds *r = &ob->c.rounds;

	prom_begin(p, M_ROUNDS);
	for (uint32_t i = 0; i < ROUND_RESULTS; i++)
		prom_u64(p, r->ended[i], "result=\"%s\"", results[i]);
	prom_begin(p, M_ROUND_SECONDS);
	prom_histogram(p, &r->round, &rounds_scale, 3, NULL);
	prom_begin(p, M_CONVERGE_SECONDS);
	prom_histogram(p, &r->converge, &rounds_scale, 3, NULL);
	prom_one(p, M_ROUND_PROPOSERS, f->node.consensus.last_proposers);
	prom_one(p, M_DISPUTES, r->disputed);
}

static void write_phases(struct observe *ob, struct prom *p, const struct facts *f)
{
	const char *phases[ROUND_PHASES], *modes[CONS_SWITCHED + 1];

	for (uint32_t i = 0; i < ROUND_PHASES; i++)
		phases[i] = cons_phase_name((enum cons_phase)i);
	for (uint32_t i = 0; i <= CONS_SWITCHED; i++)
		modes[i] = cons_mode_name((enum cons_mode)i);
	prom_state(p, M_PHASE, "phase", phases, ROUND_PHASES, f->node.consensus.phase);
	prom_begin(p, M_PHASE_SECONDS);
	for (uint32_t i = 0; i < ROUND_PHASES; i++)
		prom_decimal(p, rounds_phase_ms(&ob->c.rounds, (enum cons_phase)i, f->now), 3,
			     "phase=\"%s\"", phases[i]);
	prom_state(p, M_MODE, "mode", modes, COUNT(modes), f->node.consensus.mode);
}

static void write_votes(struct observe *ob, struct prom *p, const struct facts *f)
{
	const struct node_status *s = &f->node;
	const struct cons_status *k = &s->consensus;
	int64_t left;

	prom_one(p, M_UNL, s->unl_n);
	prom_one(p, M_UNL_PRESENT, s->unl_present);
	prom_one(p, M_UNL_DISABLED, k->disabled);
	prom_one(p, M_QUORUM, s->quorum);
	prom_one(p, M_CONTRARY, k->contrary);
	prom_one(p, M_UNRESOLVED, k->unresolved);
	prom_one(p, M_PROVEN, k->proven);
	prom_one(p, M_STUCK, k->stuck);
	prom_one(p, M_HELD, k->held);
	prom_one(p, M_PROPOSALS, s->counters.proposals_in);
	prom_one(p, M_VALIDATIONS, s->counters.validations_in);
	prom_one(p, M_VOTES_CHECKED, s->counters.votes_checked);
	prom_one(p, M_VOTES_IGNORED, s->counters.votes_ignored);
	prom_one(p, M_EVIDENCE, s->counters.evidence);
	prom_begin(p, M_TROUBLE);
	prom_u64(p, s->disk_full, "kind=\"disk_full\"");
	prom_u64(p, s->store_failed, "kind=\"store_failed\"");
	prom_u64(p, s->key_elsewhere, "kind=\"key_elsewhere\"");
	prom_u64(p, s->key_replaced, "kind=\"key_replaced\"");
	prom_u64(p, s->unl_blocked, "kind=\"unl_blocked\"");
	prom_u64(p, s->amendment_blocked, "kind=\"amendment_blocked\"");
	prom_u64(p, s->overlap_unsafe, "kind=\"unsafe_overlap\"");
	prom_u64(p, s->clock_off, "kind=\"clock_off\"");
	prom_begin(p, M_CLOCK_OFFSET);
	if (s->clock_known)
		prom_decimal(p, s->clock_offset_s, 0, NULL);
	prom_begin(p, M_LIST_EXPIRY);
	if (observe_list_left(ob, f->now, &left))
		prom_decimal(p, left, 0, NULL);
}

/* ---- validators */

static const char *const windows[AGREEMENT_EVER] = {"1h", "24h"};

struct validator { /* its key as text */
	struct base58_text name;
	struct agreement_share shares[AGREEMENT_SPANS];
};

static void write_agreement(struct prom *p, const struct validator *v, uint32_t n)
{
	prom_begin(p, M_AGREEMENT);
	for (uint32_t i = 0; i < n * AGREEMENT_EVER; i++) {
		const struct validator *one = &v[i / AGREEMENT_EVER];
		int32_t of = agreement_of(&one->shares[i % AGREEMENT_EVER]);

		if (of >= 0)
			prom_decimal(p, of, 4, "validator=\"%s\",window=\"%s\"", one->name.s,
				     windows[i % AGREEMENT_EVER]);
	}
	prom_begin(p, M_AGREEMENT_LEDGERS);
	for (uint32_t i = 0; i < n * AGREEMENT_EVER; i++) {
		const struct validator *one = &v[i / AGREEMENT_EVER];
		const struct agreement_share *s = &one->shares[i % AGREEMENT_EVER];
		static const char labels[] = "validator=\"%s\",window=\"%s\",outcome=\"%s\"";
		const char *w = windows[i % AGREEMENT_EVER];

		prom_u64(p, s->agreed, labels, one->name.s, w, "agreed");
		prom_u64(p, s->missed, labels, one->name.s, w, "missed");
		prom_u64(p, s->wrong, labels, one->name.s, w, "wrong");
	}
	prom_begin(p, M_VALIDATOR_LEDGERS);
	for (uint32_t i = 0; i < n; i++) {
		const struct agreement_share *s = &v[i].shares[AGREEMENT_EVER];
		static const char labels[] = "validator=\"%s\",outcome=\"%s\"";

		prom_u64(p, s->agreed, labels, v[i].name.s, "agreed");
		prom_u64(p, s->missed, labels, v[i].name.s, "missed");
		prom_u64(p, s->wrong, labels, v[i].name.s, "wrong");
	}
}

static void write_validators(struct observe *ob, struct prom *p, const struct facts *f)
{
	const struct node *machine = uv_node_machine(ob->o.node);
	struct validator *v = mem_zalloc(UNL_MAX, sizeof(*v));
	const struct node_status *s = &f->node;
	struct cons_validation last;
	struct public_key key;
	uint32_t n = 0;

	while (n < UNL_MAX && agreement_member(ob->agreement, n, &key, v[n].shares))
		v[n++].name = node_public_text(&key);
	write_agreement(p, v, n);
	prom_begin(p, M_VALIDATOR_INDEX);
	for (uint32_t i = 0; !s->standalone && i < s->unl_n; i++)
		if (node_unl_member(machine, i, &key, &last))
			prom_u64(p, last.seq, "validator=\"%s\"", node_public_text(&key).s);
	prom_begin(p, M_VALIDATOR_SELF);
	if (s->validator)
		prom_u64(p, 1, "validator=\"%s\"", node_public_text(&s->validator_master).s);
	mem_free(v);
}

/* ---- transactions */

static void write_fees(struct observe *ob, struct prom *p)
{
	struct node_fees fees;

	node_get_fees(uv_node_machine(ob->o.node), &fees);
	prom_one(p, M_TX_HELD, fees.held_n);
	prom_begin(p, M_FEE_LEVEL);
	prom_u64(p, fees.open, "of=\"open_ledger\"");
	prom_u64(p, fees.minimum, "of=\"minimum\"");
	prom_u64(p, fees.median, "of=\"median\"");
	prom_one(p, M_FEE_EXPECTED, fees.expected);
	prom_begin(p, M_LOAD_FACTOR);
	prom_u64(p, fees.load_local, "of=\"local\"");
	prom_u64(p, fees.load_remote, "of=\"net\"");
}

static void write_transactions(struct observe *ob, struct prom *p, const struct facts *f)
{
	const struct node_counters *c = &f->node.counters;
	const struct {
		const char *event;
		uint64_t n;
	} rows[] = {
	    {"received", c->tx_received},
	    {"duplicate", c->tx_duplicate},
	    {"bad_signature", c->tx_bad_signature},
	    {"malformed", c->tx_malformed},
	    {"relayed", c->tx_relayed},
	    {"queue_dropped", c->queue_dropped},
	    {"validated", c->tx_validated},
	};

	prom_begin(p, M_TX_EVENTS);
	for (size_t i = 0; i < COUNT(rows); i++)
		prom_u64(p, rows[i].n, "event=\"%s\"", rows[i].event);
	prom_one(p, M_TX_OPEN, f->node.open_n);
	prom_one(p, M_TX_QUEUED, f->node.queue_n);
	prom_one(p, M_TX_QUEUE_MAX, f->node.queue_max);
	prom_one(p, M_TX_QUEUE_BYTES, f->node.queue_bytes);
	write_fees(ob, p);
	prom_begin(p, M_SUBMITS);
	for (uint32_t i = 0; i < RESULT_CLASSES; i++)
		prom_u64(p, ob->c.submits[i], "class=\"%s\"", result_class_names[i]);
}

void metrics_write(struct observe *ob, struct prom *p)
{
	struct facts f;

	observe_facts(ob, &f);
	write_health(ob, p, &f);
	write_ledgers(ob, p, &f);
	write_rounds(ob, p, &f);
	write_phases(ob, p, &f);
	write_votes(ob, p, &f);
	write_validators(ob, p, &f);
	metrics_peers(ob, p);
	write_transactions(ob, p, &f);
	metrics_serve(ob, p, &f);
	metrics_machine(ob, p, &f);
	prom_one_decimal(p, M_SCRAPE, (int64_t)ob->scrape_us, 6);
}
