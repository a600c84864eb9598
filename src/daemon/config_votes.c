/* SPDX-License-Identifier: ISC */

/* [voting], [amendments]: what this validator wishes the network's fees and rules to be. */
#include "daemon/config_parse.h"

#include "base/drops.h"
#include "ledger/genesis.h"

#include <string.h>

static enum err set_fee(struct config_parse *p, unsigned which, const char *v, uint64_t hi)
{
	struct node_wishes *w = &p->c->wishes;

	w->has[which] = true;
	return config_number(p, &w->drops[which], v, 0, hi);
}

enum err config_set_reference_fee(struct config_parse *p, const char *v)
{
	return set_fee(p, NODE_FEE_BASE, v, DROPS_MAX);
}

enum err config_set_account_reserve(struct config_parse *p, const char *v)
{
	return set_fee(p, NODE_FEE_RESERVE, v, UINT32_MAX);
}

enum err config_set_owner_reserve(struct config_parse *p, const char *v)
{
	return set_fee(p, NODE_FEE_INCREMENT, v, UINT32_MAX);
}

static enum err find(struct config_parse *p, const char *v, const struct amendment **out)
{
	struct hash256 id;

	*out = amendment_by_name(v, strlen(v));
	if (!*out && hex_decode(id.b, sizeof(id.b), v, strlen(v)))
		*out = amendment_by_id(&id);
	if (!*out)
		return why_set(&p->why, ERR_INVALID, "no amendment \"%.80s\" that is known here",
			       v);
	if ((*out)->vote == AMENDMENT_VOTE_OBSOLETE)
		return why_set(&p->why, ERR_INVALID, "%s is not voted on any more", (*out)->name);
	return ERR_NONE;
}

static enum err add_vote(struct config_parse *p, const char *v, bool vetoed)
{
	struct config *c = p->c;
	const struct amendment *a;
	enum err e = find(p, v, &a);

	if (e != ERR_NONE)
		return e;
	if (!vetoed && !a->supported)
		return why_set(&p->why, ERR_STATE, "this build does not support %s", a->name);
	for (uint32_t i = 0; i < c->n_votes; i++)
		if (hash256_eq(&c->votes[i].id, &a->id))
			return why_set(&p->why, ERR_DUPLICATE, "%s is voted on twice", a->name);
	must(c->n_votes < AMENDMENT_COUNT); /* each is there once */
	c->votes[c->n_votes++] = (struct rpc_vote){a->id, vetoed};
	return ERR_NONE;
}

enum err config_add_accepted(struct config_parse *p, const char *v)
{
	return add_vote(p, v, false);
}

enum err config_add_vetoed(struct config_parse *p, const char *v)
{
	return add_vote(p, v, true);
}
