/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/settings.h"
#include "rpc/state.h"

/* feature: which amendments are known, in force, about to be, and how this server votes on them
 * (rippled: Feature.cpp, AmendmentTable.cpp). Those that only the ledger knows are told of, too. */

struct features {
	struct rules *rules; /* of the validated ledger; NULL: there is none */
	struct amendment_majority m[AMENDMENT_MAJORITIES_MAX];
	uint32_t n;
	struct node_ballot ballot;
	bool counted;
};

/* When an amendment got the majority it has now; NULL when it has none. */
static const uint32_t *majority_of(const struct features *f, const struct hash256 *id)
{
	for (uint32_t i = 0; i < f->n; i++)
		if (hash256_eq(&f->m[i].id, id))
			return &f->m[i].since;
	return NULL;
}

static bool is_enabled(const struct features *f, const struct hash256 *id)
{
	return f->rules && rules_enabled(f->rules, id);
}

static void write_stand(struct rpc_call *c, const struct amendment *a)
{
	enum amendment_vote v = a ? settings_stand(c->r->settings, a) : AMENDMENT_VOTE_NO;

	if (v == AMENDMENT_VOTE_OBSOLETE)
		jw_put_str(&c->w, "vetoed", "Obsolete");
	else
		jw_put_bool(&c->w, "vetoed", v == AMENDMENT_VOTE_NO);
}

/* a: NULL for one that this program has never heard of. In a list its majority stands with it, an
 * answer about it alone has it beside. */
static void write_feature(struct rpc_call *c, const struct features *f, const struct hash256 *id,
			  const struct amendment *a, bool in_list)
{
	bool enabled = is_enabled(f, id);
	const uint32_t *since = majority_of(f, id);
	struct jw *w = &c->w;

	jw_put_open(w, hash256_hex(id).s, '{');
	if (!enabled && f->counted && c->from.admin)
		jw_put_u64(w, "count", node_ballot_for(c->host->node, id));
	jw_put_bool(w, "enabled", enabled);
	if (since && in_list)
		jw_put_u64(w, "majority", *since);
	if (a)
		jw_put_str(w, "name", a->name);
	jw_put_bool(w, "supported", a && a->supported);
	if (!enabled && c->from.admin) {
		if (f->counted) {
			jw_put_u64(w, "threshold", f->ballot.threshold);
			jw_put_u64(w, "validations", f->ballot.members);
		}
		write_stand(c, a);
	}
	jw_end(w, '}');
	if (since && !in_list)
		jw_put_u64(w, "majority", *since);
}

static bool load_features(struct rpc_call *c, struct features *f)
{
	struct ledger *l = node_validated(c->host->node);

	f->rules = NULL;
	f->n = 0;
	f->counted = node_ballot(c->host->node, &f->ballot);
	if (!l)
		return true;
	c->ledger = (struct rpc_ledger){.closed = ledger_ref(l), .seq = l->header.seq};
	if (rules_read(&l->state, &f->rules) == UNAVAILABLE ||
	    amendment_majorities(&l->state, f->m, AMENDMENT_MAJORITIES_MAX, &f->n) == UNAVAILABLE)
		return rpc_fail_unavailable(c);
	return true;
}

static void write_features(struct rpc_call *c, const struct features *f)
{
	size_t n;
	const struct amendment *all = amendments_all(&n);

	jw_put_open(&c->w, "features", '{');
	for (size_t i = 0; i < n; i++)
		write_feature(c, f, &all[i].id, &all[i], true);
	for (uint32_t i = 0; f->rules && i < f->rules->n; i++)
		if (!amendment_by_id(&f->rules->id[i]))
			write_feature(c, f, &f->rules->id[i], NULL, true);
	for (uint32_t i = 0; i < f->n; i++)
		if (!amendment_by_id(&f->m[i].id) && !is_enabled(f, &f->m[i].id))
			write_feature(c, f, &f->m[i].id, NULL, true);
	jw_end(&c->w, '}');
}

/* The amendment that is asked for, by name or id; *a is NULL for one that only has an id. */
static bool find(const json_t *wanted, struct hash256 *id, const struct amendment **a)
{
	*a = amendment_by_name(json_string_value(wanted), json_string_length(wanted));
	if (*a) {
		*id = (*a)->id;
		return true;
	}
	if (!json_to_hash(wanted, id))
		return false;
	*a = amendment_by_id(id);
	return true;
}

/* A vote that is asked for; false: refused. */
static bool vote(struct rpc_call *c, const struct amendment *a)
{
	struct why why = {.text = ""};

	if (!p_has(c, "vetoed"))
		return true;
	if (!c->from.admin)
		return rpc_fail(c, RPC_NO_PERMISSION);
	if (a && settings_vote(c->r->settings, a, p_truthy(c, "vetoed"), &why) != ERR_NONE)
		return rpc_fail_text(c, RPC_INTERNAL, "%s", why.text);
	return true;
}

static void one(struct rpc_call *c, const json_t *wanted)
{
	const struct amendment *a;
	struct hash256 id;
	struct features f;

	if (!json_is_string(wanted)) {
		rpc_fail(c, RPC_INVALID_PARAMS);
		return;
	}
	if (!find(wanted, &id, &a)) {
		rpc_fail(c, RPC_BAD_FEATURE);
		return;
	}
	if (!vote(c, a) || !load_features(c, &f))
		return;
	if (a || is_enabled(&f, &id) || majority_of(&f, &id))
		write_feature(c, &f, &id, a, false);
	else
		rpc_fail(c, RPC_BAD_FEATURE);
	rules_unref(f.rules);
}

void method_feature(struct rpc_call *c)
{
	const json_t *wanted = json_object_get(c->p, "feature");
	struct features f;

	if (wanted) {
		one(c, wanted);
		return;
	}
	if (!load_features(c, &f))
		return;
	write_features(c, &f);
	rules_unref(f.rules);
}
