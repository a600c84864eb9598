/* SPDX-License-Identifier: ISC */
#include "tests/sim/keys.h"
#include "tests/sim/scenarios.h"

/* The fee market under attack. */

/* F1. A network with the reference server's numbers: 32 transactions of a ledger before fees rise,
 * 256 wanted, and a load of several times that, of which a spammer sends half. Every second
 * somebody else submits one payment, at the median fee that his server names at that moment: it is
 * in one of the next five ledgers, while the spammer pays the base fee, or nearly the median. When
 * he pays the median itself, each ledger draws lots between all who do, and as what he pays is the
 * next ledger's median, he outbids those who came before: it takes longer now and then, with a
 * bound all the same, because ledgers grow by a fifth each. */

#define SPAMMERS  20 /* accounts, each on a node of its own choice */
#define CROWD     20 /* others, who pay something between the base fee and ten times that */
#define PROBES    30
#define ACCOUNTS  (SPAMMERS + CROWD + PROBES)
#define TICK_MS   250
#define SEEDS_VAR "TALLY_SPAM_SEEDS"

enum spam { SPAM_BASE, SPAM_BELOW, SPAM_MEDIAN, SPAM_KINDS };
static const char *const spam_names[] = {"the base fee", "9/10 of the median", "the median"};
static const uint32_t within[] = {5, 5, 12}; /* ledgers */

struct probe {
	struct hash256 id;
	char node;
	uint32_t open; /* ledger that was open when it was submitted */
	bool in;
};
struct spam_run {
	struct world *w;
	struct rng rng;
	enum spam kind;
	struct probe probe[PROBES];
	uint32_t n_probes, worst, sent;
};

static uint64_t median_fee(struct spam_run *s, uint32_t node)
{
	struct node_fees f;

	node_get_fees(world_node(s->w, node), &f);
	return fee_level_drops(f.median, f.base).raw; /* raw: a fee to pay */
}

/* One payment of account i, with the sequence that its node says comes next. */
static struct hash256 pay_as(struct spam_run *s, uint32_t i, uint64_t fee)
{
	struct account_id id;
	uint32_t node = i % 5;
	struct world_pay p = {.from = i, .to = (i + 1) % ACCOUNTS, .fee = fee};

	(void)keys_account(i, &id);
	p.seq = node_next_sequence(world_node(s->w, node), &id);
	s->sent++;
	return world_pay(s->w, (char)('A' + node), &p);
}

static void spam(struct spam_run *s)
{
	for (uint32_t i = 0; i < SPAMMERS; i++) {
		uint64_t fee = 10;

		if (s->kind != SPAM_BASE)
			fee = median_fee(s, i % 5);
		if (s->kind == SPAM_BELOW)
			fee = fee * 9 / 10;
		pay_as(s, i, fee);
	}
	for (uint32_t i = SPAMMERS; i < SPAMMERS + CROWD; i++)
		pay_as(s, i, 10 + rng_below(&s->rng, 90));
}

static void probe(struct spam_run *s)
{
	uint32_t i = s->n_probes++, account = SPAMMERS + CROWD + i, node = account % 5;
	struct probe *p = &s->probe[i];

	p->node = (char)('A' + node);
	p->open = node_closed(world_node(s->w, node))->header.seq + 1;
	p->id = pay_as(s, account, median_fee(s, node));
}

static void look(struct spam_run *s)
{
	for (uint32_t i = 0; i < s->n_probes; i++) {
		struct probe *p = &s->probe[i];
		uint32_t waited, seq = world_validated(s->w, p->node);

		if (p->in)
			continue;
		p->in = world_tx_validated(s->w, p->node, &p->id);
		waited = seq >= p->open ? seq - p->open : 0;
		if (waited > s->worst)
			s->worst = waited;
		if (!p->in && waited > within[s->kind])
			fail_msg("seed %llu: at the median fee, not in after %u ledgers of spam at "
				 "%s",
				 (unsigned long long)world_plan(s->w)->seed, waited,
				 spam_names[s->kind]);
	}
}

static void spam_for(enum spam kind, uint64_t seed, uint32_t worst[SPAM_KINDS])
{
	struct world_plan plan = world_defaults(seed);
	struct spam_run s = {.kind = kind};
	uint32_t i;

	plan.market = true;
	plan.accounts = ACCOUNTS;
	plan.sessions = false;
	s.w = play(&plan);
	s.rng = world_rng(s.w, "crowd");
	for (i = 0; i < (PROBES + within[kind] * 4) * 1000 / TICK_MS; i++) {
		spam(&s);
		if (i % (1000 / TICK_MS) == 0 && s.n_probes < PROBES)
			probe(&s);
		play_run(s.w, TICK_MS);
		look(&s);
	}
	for (i = 0; i < PROBES; i++)
		if (!s.probe[i].in)
			fail_msg("a payment at the median fee got lost");
	if (s.worst > worst[kind])
		worst[kind] = s.worst;
	play_end(s.w);
}

void f1_a_spammer_cannot_keep_others_out(void **state)
{
	const char *more = getenv(SEEDS_VAR);
	uint32_t seeds = more ? (uint32_t)atoi(more) : 1, worst[SPAM_KINDS] = {0};

	(void)state;
	for (uint32_t seed = 0; seed < seeds; seed++)
		for (enum spam kind = SPAM_BASE; kind < SPAM_KINDS; kind++)
			spam_for(kind, 1000 + seed, worst);
	says("F1",
	     "half of the load is spam: at the median fee in after %u, %u, %u ledgers at worst "
	     "(spam at the base fee, nearly the median, the median)",
	     worst[0], worst[1], worst[2]);
}
