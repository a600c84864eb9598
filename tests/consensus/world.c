/* SPDX-License-Identifier: ISC */
#include "tests/consensus/cluster_impl.h"

#include "base/mem.h"

#include <stdlib.h>

/* --- what the network knows -------------------------------------------------------------- */

uint32_t sim_find_set(const struct sim *s, const struct hash256 *id)
{
	return (uint32_t)((uintptr_t)hmap_get(&s->set_at, id) - 1);
}

uint32_t sim_find_ledger(const struct sim *s, const struct hash256 *hash)
{
	return (uint32_t)((uintptr_t)hmap_get(&s->ledger_at, hash) - 1);
}

uint32_t sim_add_set(struct sim *s, const struct hash256 *id, const struct hash256 *ids, uint32_t n)
{
	uint32_t at = sim_find_set(s, id);

	if (at != UINT32_MAX)
		return at;
	if (s->sets_n == s->sets_cap) {
		s->sets_cap = s->sets_cap ? 2 * s->sets_cap : 64;
		s->sets = mem_resize(s->sets, s->sets_cap, sizeof(*s->sets));
	}
	at = s->sets_n++;
	s->sets[at] = (struct txset){.id = *id, .n = n};
	s->sets[at].ids = mem_alloc(n * sizeof(*ids));
	if (n)
		memcpy(s->sets[at].ids, ids, n * sizeof(*ids));
	hmap_put(&s->set_at, id, (void *)((uintptr_t)at + 1));
	return at;
}

uint32_t sim_add_ledger(struct sim *s, struct ledger l, uint64_t marker)
{
	struct {
		struct hash256 parent, set;
		uint64_t rest[3];
	} m = {.parent = l.parent, .set = s->sets[l.set].id};
	uint32_t at;

	m.rest[0] = l.close.s;
	m.rest[1] = l.resolution * 2u + l.agreed;
	m.rest[2] = marker;
	sim_mix(&l.hash, &m, sizeof(m), 3);
	at = sim_find_ledger(s, &l.hash);
	if (at != UINT32_MAX)
		return at;
	if (s->ledgers_n == s->ledgers_cap) {
		s->ledgers_cap = s->ledgers_cap ? 2 * s->ledgers_cap : 64;
		s->ledgers = mem_resize(s->ledgers, s->ledgers_cap, sizeof(*s->ledgers));
	}
	at = s->ledgers_n++;
	l.parent_at = sim_find_ledger(s, &l.parent);
	s->ledgers[at] = l;
	hmap_put(&s->ledger_at, &l.hash, (void *)((uintptr_t)at + 1));
	return at;
}

bool sim_descends(const struct sim *s, const struct hash256 *ledger, const struct hash256 *part)
{
	uint32_t at = sim_find_ledger(s, ledger);

	while (at != UINT32_MAX) {
		if (hash256_eq(&s->ledgers[at].hash, part))
			return true;
		at = s->ledgers[at].parent_at;
	}
	return false;
}

/* --- agreement ----------------------------------------------------------------------------- */

static void fork_seen(struct sim *s, uint32_t seq, const char *how)
{
	s->forks++;
	if (!s->o.count_forks)
		sim_fail(s, "FORK: validated %u %s", seq, how);
}

/* This ledger has a quorum: it is the only one at its sequence, on one line with all others. */
void sim_agree_on(struct sim *s, const struct hash256 *hash, uint32_t seq)
{
	if (hash256_is_zero(&s->agreed[seq])) {
		if (seq > s->top_seq) {
			if (!sim_descends(s, hash, &s->top))
				fork_seen(s, seq, "is not on the line of the last");
			s->top_seq = seq;
			s->top = *hash;
		} else if (!sim_descends(s, &s->top, hash)) {
			fork_seen(s, seq, "is not below the last");
		}
		s->agreed[seq] = *hash;
	} else if (!hash256_eq(&s->agreed[seq], hash)) {
		fork_seen(s, seq, "is another ledger");
	}
}

uint32_t sim_forks(const struct sim *s)
{
	return s->forks;
}

/* A signature: with a quorum of them the ledger is validated, whether anybody has seen all of them
 * or not. Liars have signed whatever is needed, and shown it to somebody. */
void sim_note_signed(struct sim *s, uint32_t i, const struct cons_validation *v)
{
	uint32_t off = v->seq >= s->disabled_from ? s->disabled : 0;
	uint32_t n = (uint32_t)__builtin_popcount(s->liars & ~off);

	if (!hash256_is_zero(&s->node[i].signed_at[v->seq]))
		sim_fail(s, "node %c signed twice at %u", 'A' + (int)i, v->seq);
	s->node[i].signed_at[v->seq] = v->ledger;
	s->node[i].signed_full[v->seq] = v->full;
	if (s->mixed_unls)
		return;
	for (uint32_t k = 0; k < s->o.validators; k++)
		n += !(off & (1u << k)) && s->node[k].signed_full[v->seq] &&
		     hash256_eq(&s->node[k].signed_at[v->seq], &v->ledger);
	if (n >= cons_quorum_less(s->o.validators, (uint32_t)__builtin_popcount(off)))
		sim_agree_on(s, &v->ledger, v->seq);
}

/* --- the world --------------------------------------------------------------------------- */

struct sim_options sim_defaults(uint64_t seed)
{
	return (struct sim_options){
	    .seed = seed, .validators = 5, .delay_ms = 20, .jitter_ms = 20, .build_ms = 5};
}

struct sim *sim_open(const struct sim_options *o)
{
	struct sim *s = mem_zalloc(1, sizeof(*s));
	struct ledger genesis = {.seq = 1, .resolution = 10, .agreed = true};
	struct rng root;

	must(o->validators >= 1 && o->validators + o->observers <= SIM_NODES_MAX);
	s->o = *o;
	s->n = o->validators + o->observers;
	rng_init(&root, o->seed);
	s->net = rng_fork(&root, "net");
	s->load = rng_fork(&root, "load");
	s->lie = rng_fork(&root, "lie");
	hmap_init(&s->set_at, 1);
	hmap_init(&s->ledger_at, 2);
	hmap_init(&s->seen_at, 3);
	genesis.parent = HASH256_ZERO;
	genesis.set = sim_add_set(s, &HASH256_ZERO, NULL, 0);
	genesis.close.s = 0;
	genesis.held = genesis.disk = UINT32_MAX;
	sim_add_ledger(s, genesis, 0);
	s->top = s->ledgers[0].hash;
	s->top_seq = 1;
	s->agreed[1] = s->top;
	for (uint32_t i = 0; i < s->n; i++) {
		hmap_init(&s->node[i].proposed, i);
		s->node[i].build_ms = o->build_ms;
		s->node[i].unl = (1u << o->validators) - 1;
	}
	if (o->tx_every_ms)
		sim_push(s, (struct event){.kind = K_TX, .t = o->tx_every_ms});
	return s;
}

void sim_close(struct sim *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		cons_close(s->node[i].c);
		hmap_close(&s->node[i].proposed);
	}
	for (uint32_t i = 0; i < s->sets_n; i++)
		mem_free(s->sets[i].ids);
	hmap_close(&s->set_at);
	hmap_close(&s->ledger_at);
	mem_free(s->sets);
	mem_free(s->ledgers);
	hmap_close(&s->seen_at);
	mem_free(s->seen);
	mem_free(s->msgs);
	mem_free(s->free_msgs);
	mem_free(s->heap);
	mem_free(s);
}

static bool named(const char *nodes, uint32_t i)
{
	return strchr(nodes, 'A' + (int)i) != NULL;
}

uint32_t sim_place(const struct sim *s, uint32_t i, uint32_t who)
{
	uint32_t unl = s->node[i].unl;

	if (who >= s->o.validators || !(unl & (1u << who)))
		return UINT32_MAX;
	return (uint32_t)__builtin_popcount(unl & ((1u << who) - 1));
}

uint32_t sim_member(const struct sim *s, uint32_t i, uint32_t place)
{
	for (uint32_t who = 0; who < s->o.validators; who++) {
		if (sim_place(s, i, who) == place)
			return who;
	}
	must(false);
	return UINT32_MAX;
}

void sim_unl(struct sim *s, const char *nodes, const char *unl)
{
	uint32_t mask = 0;

	for (const char *p = unl; *p; p++)
		mask |= 1u << (*p - 'A');
	must(mask < 1u << s->o.validators);
	s->mixed_unls = true;
	for (uint32_t i = 0; i < s->n; i++) {
		if (named(nodes, i))
			s->node[i].unl = mask;
	}
}

void sim_tell_negative(struct sim *s, uint32_t i)
{
	struct cons_event ev = {.kind = CONS_NEGATIVE_UNL};
	uint32_t who[SIM_NODES_MAX], n = 0;

	for (uint32_t k = 0; k < s->o.validators; k++) {
		if ((s->disabled & (1u << k)) && sim_place(s, i, k) != UINT32_MAX)
			who[n++] = sim_place(s, i, k);
	}
	ev.negative.from_seq = s->disabled_from;
	ev.negative.who = who;
	ev.negative.n = n;
	node_step(s, i, &ev);
}

void sim_negative_unl(struct sim *s, const char *members, uint32_t seq)
{
	s->disabled = 0;
	s->disabled_from = seq;
	for (const char *p = members; *p; p++)
		s->disabled |= 1u << (*p - 'A');
	for (uint32_t i = 0; i < s->n; i++) {
		if (s->node[i].up && s->node[i].c)
			sim_tell_negative(s, i);
	}
}

uint32_t sim_accusers(const struct sim *s)
{
	return (uint32_t)__builtin_popcount(s->accusers);
}

/* From disk, as consensus.h says: validated, rebuilt ledgers, own vote, start. */
static void boot(struct sim *s, uint32_t i)
{
	struct node *nd = &s->node[i];
	uint32_t self = sim_place(s, i, i);
	struct cons_config config = {.unl_n = (uint32_t)__builtin_popcount(nd->unl),
				     .self = self == UINT32_MAX ? -1 : (int32_t)self,
				     .set_id = sim_set_id,
				     .salt = i};
	uint32_t at, line[64], n = 0, lcl = nd->disk.validated, me = 1u << i;
	struct cons_effects fx;
	struct cons_event ev;

	nd->up = true;
	nd->epoch++;
	if (nd->lies && nd->lies != LIES_MUTANT) {
		byz_timer(s, i);
		return;
	}
	nd->c = cons_open(&config);
	nd->pool_n = 0;
	for (uint32_t k = 0; k < s->ledgers_n; k++) {
		s->ledgers[k].held &= ~me;
		s->ledgers[k].held |= s->ledgers[k].disk & me;
	}
	for (uint32_t k = 1; k < s->sets_n; k++)
		s->sets[k].held &= ~me;
	for (uint32_t k = 0; k < s->seen_n; k++)
		s->seen[k] &= ~me;
	cons_set_validated(nd->c, &s->ledgers[lcl].hash, s->ledgers[lcl].seq);
	if (s->disabled)
		sim_tell_negative(s, i);
	nd->validated = s->ledgers[lcl].hash;
	nd->validated_seq = s->ledgers[lcl].seq;
	if (nd->disk.have_vote && nd->disk.vote.seq > nd->validated_seq)
		lcl = sim_find_ledger(s, &nd->disk.vote.ledger);
	for (at = lcl; at != UINT32_MAX && n < 64 && s->ledgers[at].seq > nd->validated_seq;
	     at = s->ledgers[at].parent_at)
		line[n++] = at;
	while (n > 0) {
		ev = sim_ledger_event(s, CONS_LEDGER, line[--n]);
		node_step(s, i, &ev);
	}
	if (nd->disk.have_vote) {
		ev.kind = CONS_VALIDATION;
		ev.validation.who = self;
		ev.validation.validation = nd->disk.vote;
		node_step(s, i, &ev);
		node_resend(s, i);
	}
	if (nd->disk.reserved)
		cons_set_first_seq(nd->c, &nd->disk.reserved_for, nd->disk.reserved);
	if (config.self >= 0) {
		cons_set_proposing(nd->c, true, node_now(s, i), &fx);
		node_effects(s, i, &fx);
	}
	ev = sim_ledger_event(s, CONS_START, lcl);
	node_step(s, i, &ev);
}

void sim_start(struct sim *s, const char *nodes)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (named(nodes, i) && !s->node[i].up)
			boot(s, i);
	}
}

void sim_kill(struct sim *s, const char *nodes)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct node *nd = &s->node[i];

		if (!named(nodes, i) || !nd->up)
			continue;
		sim_note(s, i, 100, NULL, 0);
		nd->up = false;
		cons_close(nd->c);
		nd->c = NULL;
	}
}

void sim_partition(struct sim *s, const char *groups)
{
	uint32_t group[SIM_NODES_MAX], g = 1;

	for (uint32_t i = 0; i < s->n; i++)
		group[i] = 100 + i;
	for (const char *p = groups; *p; p++) {
		if (*p == '|')
			g++;
		else if (*p >= 'A' && *p < 'A' + (int)s->n)
			group[*p - 'A'] = g;
	}
	for (uint32_t i = 0; i < s->n; i++) {
		for (uint32_t k = 0; k < s->n; k++)
			s->cut[i][k] = group[i] != group[k];
	}
}

void sim_cut(struct sim *s, char from, char to, bool cut)
{
	s->cut[from - 'A'][to - 'A'] = cut;
}

void sim_heal(struct sim *s)
{
	memset(s->cut, 0, sizeof(s->cut));
}

void sim_set_loss(struct sim *s, uint32_t loss_pm)
{
	s->o.loss_pm = loss_pm;
}

void sim_skew(struct sim *s, char node, int32_t seconds)
{
	s->node[node - 'A'].skew_s = seconds;
}

void sim_slow(struct sim *s, char node, int64_t ms)
{
	s->node[node - 'A'].slow_ms = ms;
}

void sim_build_ms(struct sim *s, char node, int64_t ms)
{
	s->node[node - 'A'].build_ms = ms;
}

void sim_block_sets(struct sim *s, const char *nodes, bool block)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (named(nodes, i))
			s->node[i].sets_blocked = block;
	}
}

void sim_block_ledgers(struct sim *s, const char *nodes, bool block)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (named(nodes, i))
			s->node[i].ledgers_blocked = block;
	}
}

void sim_stop_proposing(struct sim *s, char node)
{
	uint32_t i = (uint32_t)(node - 'A');
	struct cons_effects fx;

	cons_set_proposing(s->node[i].c, false, node_now(s, i), &fx);
	node_effects(s, i, &fx);
}

void sim_submit(struct sim *s, const char *nodes, uint64_t tx)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct node *nd = &s->node[i];

		if ((!nodes || named(nodes, i)) && nd->pool_n < POOL_MAX)
			nd->pool[nd->pool_n++] = tx;
	}
}

int64_t sim_now_ms(const struct sim *s)
{
	return s->t;
}

bool sim_alive(const struct sim *s, uint32_t node)
{
	return s->node[node].up;
}

struct cons_status sim_status(const struct sim *s, char node)
{
	struct cons_status st;

	must(s->node[node - 'A'].up);
	cons_get_status(s->node[node - 'A'].c, &st);
	return st;
}

uint32_t sim_validated(const struct sim *s, char node)
{
	return s->node[node - 'A'].validated_seq;
}

uint32_t sim_validated_min(const struct sim *s)
{
	uint32_t min = UINT32_MAX;

	for (uint32_t i = 0; i < s->n; i++) {
		if (s->node[i].up && !s->node[i].lies && s->node[i].validated_seq < min)
			min = s->node[i].validated_seq;
	}
	return min;
}

uint32_t sim_validated_max(const struct sim *s)
{
	uint32_t max = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		if (!s->node[i].lies && s->node[i].validated_seq > max)
			max = s->node[i].validated_seq;
	}
	return max;
}

bool sim_included(const struct sim *s, uint64_t tx)
{
	struct hash256 h = sim_tx_hash(tx);

	for (uint32_t at = sim_find_ledger(s, &s->top); at != UINT32_MAX;
	     at = s->ledgers[at].parent_at) {
		const struct txset *set = &s->sets[s->ledgers[at].set];

		if (set->n && bsearch(&h, set->ids, set->n, sizeof(h), hash256_qsort_cmp))
			return true;
	}
	return false;
}

uint64_t sim_proposals(const struct sim *s)
{
	return s->proposals;
}

uint64_t sim_set_requests(const struct sim *s)
{
	return s->set_requests;
}

uint64_t sim_steps(const struct sim *s)
{
	return s->steps;
}

bool sim_last_close(const struct sim *s, uint32_t seq, uint32_t *close, bool *agreed)
{
	uint32_t at = sim_find_ledger(s, &s->agreed[seq]);

	if (at == UINT32_MAX)
		return false;
	*close = s->ledgers[at].close.s;
	*agreed = s->ledgers[at].agreed;
	return true;
}

struct hash256 sim_genesis(const struct sim *s)
{
	return s->ledgers[0].hash;
}

struct hash256 sim_inject(struct sim *s, const char *nodes, const struct hash256 *parent,
			  uint64_t marker)
{
	uint32_t p = sim_find_ledger(s, parent), at;
	struct ledger l = {.parent = *parent};

	must(p != UINT32_MAX);
	l.seq = s->ledgers[p].seq + 1;
	l.close.s = s->ledgers[p].close.s + 1;
	l.resolution = s->ledgers[p].resolution;
	at = sim_add_ledger(s, l, marker);
	for (uint32_t i = 0; i < s->n; i++) {
		struct node *nd = &s->node[i];

		if (!named(nodes, i))
			continue;
		must(!nd->up && l.seq < SEQ_MAX);
		s->ledgers[at].disk |= 1u << i;
		nd->disk.vote = (struct cons_validation){.ledger = s->ledgers[at].hash,
							 .seq = l.seq,
							 .signed_at = node_now(s, i).net,
							 .full = true};
		nd->disk.have_vote = true;
		if (!nd->lies)
			sim_note_signed(s, i, &nd->disk.vote);
	}
	return s->ledgers[at].hash;
}

const char *sim_failure(const struct sim *s)
{
	return s->failed ? s->failure : NULL;
}

uint64_t sim_trace(const struct sim *s)
{
	return s->trace;
}
