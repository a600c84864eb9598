/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/settings.h"
#include "rpc/state.h"

#include "base/limits.h"
#include "crypto/base58.h"

/* feature, version, ping, random, server_definitions. */

/* ---- feature (rippled: Feature.cpp, AmendmentTable.cpp) */

struct features {
	struct rules *rules;           /* NULL: none enabled */
	const struct st_object *entry; /* Amendments, may be NULL */
};

/* When an amendment got the majority it has now; false when it has none. */
static bool majority_of(const struct features *f, const struct hash256 *id, uint32_t *since)
{
	const struct st_array *list = f->entry ? st_get_array(f->entry, sfMajorities) : NULL;
	struct hash256 h;

	for (uint32_t i = 0; list && i < list->n; i++)
		if (st_get_hash256(list->e[i].object, sfAmendment, &h) && hash256_eq(&h, id))
			return st_get_u32(list->e[i].object, sfCloseTime, since);
	return false;
}

/* What this server votes: as an administrator has said, or as the reference votes unless told
 * otherwise, which is against all but a few corrections. */
static bool is_vetoed(const struct rpc_call *c, const struct amendment *a)
{
	static const char *const welcome[] = {"fixAMMOverflowOffer", "fixCleanup3_1_3",
					      "fixRemoveNFTokenAutoTrustLine"};
	const struct vote *vote = settings_vote(c->r->settings, &a->id);

	if (vote)
		return vote->vetoed;
	for (size_t i = 0; i < sizeof(welcome) / sizeof(welcome[0]); i++)
		if (strcmp(a->name, welcome[i]) == 0)
			return false;
	return true;
}

static bool set_vote(struct rpc_call *c, const struct amendment *a, bool vetoed)
{
	struct settings *s = c->r->settings;
	struct vote before[VOTES_MAX];
	struct why why = {.text = ""};
	uint32_t n = s->n_votes, i = 0;

	if (is_vetoed(c, a) == vetoed)
		return true;
	memcpy(before, s->votes, sizeof(before));
	while (i < n && !hash256_eq(&s->votes[i].id, &a->id))
		i++;
	if (i == VOTES_MAX)
		return rpc_fail_text(c, RPC_INTERNAL, "No room for another vote.");
	s->n_votes += i == n;
	s->votes[i] = (struct vote){a->id, vetoed};
	if (settings_write(s, SETTING_VOTES, &why) == ERR_NONE)
		return true;
	memcpy(s->votes, before, sizeof(before));
	s->n_votes = n;
	return rpc_fail_text(c, RPC_INTERNAL, "%s", why.text);
}

static void write_feature(struct rpc_call *c, const struct features *f, const struct amendment *a)
{
	bool enabled = f->rules && rules_enabled(f->rules, &a->id);
	struct jw *w = &c->w;
	uint32_t since;

	jw_put_open(w, hash256_hex(&a->id).s, '{');
	jw_put_bool(w, "enabled", enabled);
	jw_put_str(w, "name", a->name);
	jw_put_bool(w, "supported", a->supported);
	if (!enabled && c->from.admin)
		jw_put_bool(w, "vetoed", is_vetoed(c, a));
	if (majority_of(f, &a->id, &since))
		jw_put_u64(w, "majority", since);
	jw_end(w, '}');
}

/* The rules of the validated ledger. */
static bool load_features(struct rpc_call *c, struct features *f)
{
	struct ledger *l = node_validated(c->host->node);

	*f = (struct features){0};
	if (!l)
		return true;
	c->ledger = (struct rpc_ledger){.closed = ledger_ref(l), .seq = l->header.seq};
	if (rules_read(&l->state, &f->rules) == UNAVAILABLE)
		return rpc_fail_unavailable(c);
	return rpc_entry(c, keylet_amendments(), &f->entry) != UNAVAILABLE;
}

static void write_features(struct rpc_call *c, const struct features *f)
{
	size_t n;
	const struct amendment *all = amendments_all(&n);

	jw_put_open(&c->w, "features", '{');
	for (size_t i = 0; i < n; i++)
		write_feature(c, f, &all[i]);
	jw_end(&c->w, '}');
}

void method_feature(struct rpc_call *c)
{
	const json_t *wanted = json_object_get(c->p, "feature");
	const struct amendment *a = NULL;
	struct features f;
	struct hash256 id;

	if (wanted && !json_is_string(wanted)) {
		rpc_fail(c, RPC_INVALID_PARAMS);
		return;
	}
	if (wanted) {
		a = amendment_by_name(json_string_value(wanted), json_string_length(wanted));
		if (!a && json_to_hash(wanted, &id))
			a = amendment_by_id(&id);
		if (!a) {
			rpc_fail(c, RPC_BAD_FEATURE);
			return;
		}
		if (p_has(c, "vetoed") && !c->from.admin) {
			rpc_fail(c, RPC_NO_PERMISSION);
			return;
		}
		if (p_has(c, "vetoed") && !set_vote(c, a, p_truthy(c, "vetoed")))
			return;
	}
	if (!load_features(c, &f))
		return;
	if (a)
		write_feature(c, &f, a);
	else
		write_features(c, &f);
	rules_unref(f.rules);
}

/* ---- version, ping, random */

void method_version(struct rpc_call *c)
{
	struct jw *w = &c->w;

	jw_put_open(w, "version", '{');
	if (c->version == 1) { /* as it was before versions were numbers */
		jw_put_str(w, "first", "1.0.0");
		jw_put_str(w, "good", "1.0.0");
		jw_put_str(w, "last", "1.0.0");
	} else {
		jw_put_u64(w, "first", RPC_VERSION_MIN);
		jw_put_u64(w, "last", RPC_VERSION_MAX);
	}
	jw_end(w, '}');
}

void method_ping(struct rpc_call *c)
{
	if (!c->from.admin)
		return;
	jw_put_str(&c->w, "role", "admin");
	if (c->from.websocket)
		jw_put_bool(&c->w, "unlimited", true);
}

void method_random(struct rpc_call *c)
{
	struct hash256 h;

	c->host->random(c->host->ctx, h.b, sizeof(h.b));
	jw_put_hash(&c->w, "random", &h);
}

/* ---- server_definitions: large and constant, so the text is made once */

static void make_definitions(struct rpc *r)
{
	json_t *all = definitions_json();
	const char *key;
	json_t *v;
	struct jw w = JW_INIT;

	json_object_foreach(all, key, v) jw_put_json(&w, key, v);
	r->definitions = w.out;
	if (!json_to_hash(json_object_get(all, "hash"), &r->definitions_hash))
		must(false); /* the definitions have their hash */
	json_decref(all);
}

void method_server_definitions(struct rpc_call *c)
{
	const json_t *known = json_object_get(c->p, "hash");
	struct hash256 hash;

	if (known && !json_to_hash(known, &hash)) {
		rpc_fail_invalid(c, "hash");
		return;
	}
	if (c->r->definitions.n == 0)
		make_definitions(c->r);
	if (known && hash256_eq(&hash, &c->r->definitions_hash))
		jw_put_hash(&c->w, "hash", &hash);
	else
		jw_members(&c->w, buf_bytes(&c->r->definitions));
}
