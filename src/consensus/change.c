/* SPDX-License-Identifier: ISC */
#include "consensus/machine.h"

#include "base/mem.h"

/* Another UNL. A member is all that was heard of it: whoever stays takes it along to its new place,
 * newcomers begin with nothing, and what those who go have said counts no more. What is validated
 * stays so; a smaller UNL may find the quorum of a ledger among votes that are there already. */

static void newcomer(struct consensus *c, struct member *m)
{
	m->votes = mem_zalloc(VALIDATIONS_PER_VALIDATOR, sizeof(struct vote));
	m->budget = PROPOSALS_PER_VALIDATOR_ROUND;
	m->refill = m->far_refill = c->now.steady;
	m->far = PROPOSALS_PER_VALIDATOR_ROUND;
}

/* What a member has said as another does not bind us as our own, nor the reverse: whoever becomes
 * us is heard no more in rounds. */
static void become_self(struct member *m)
{
	memset(m->heard, 0, sizeof(m->heard));
	m->have_heard = false;
	m->newest = 0;
}

static void members_move(struct consensus *c, uint32_t unl_n, const int32_t *from)
{
	struct member *m = mem_zalloc(unl_n, sizeof(*m));

	for (uint32_t i = 0; i < unl_n; i++) {
		must(from[i] < (int32_t)c->n);
		if (from[i] < 0) {
			newcomer(c, &m[i]);
			continue;
		}
		must(c->m[from[i]].votes); /* nobody comes to two places */
		m[i] = c->m[from[i]];
		c->m[from[i]].votes = NULL;
	}
	for (uint32_t i = 0; i < c->n; i++)
		mem_free(c->m[i].votes);
	mem_free(c->m);
	c->m = m;
	c->n = unl_n;
}

void cons_set_unl(struct consensus *c, uint32_t unl_n, int32_t self, const int32_t *from,
		  struct now now, struct cons_effects *fx)
{
	must(unl_n >= 1 && unl_n <= UNL_MAX && self >= -1 && self < (int32_t)unl_n);
	step_begin(c, now, fx);
	if (self < 0 && c->may_propose) {
		c->may_propose = false;
		round_bow_out(c);
		c->r.mode = CONS_OBSERVING;
		fx_phase(c);
	}
	members_move(c, unl_n, from);
	if (self >= 0 && (self != c->config.self || from[self] < 0))
		become_self(&c->m[self]);
	c->config.unl_n = unl_n;
	c->config.self = self;
	unl_init(c);
	c->r.peers_mix = 0;
	votes_recount(c);
	step_end(c, false);
}
