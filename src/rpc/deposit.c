/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"

#include "ledger/keylet.h"

#include <stdlib.h>

/* deposit_authorized (rippled: DepositAuthorized.cpp). */

#define CREDENTIALS_MAX 8

struct deposit {
	struct account_id from, to;
	struct credential_name v[CREDENTIALS_MAX]; /* sorted by issuer, then type */
	uint32_t n;
};

static bool parse_account(struct rpc_call *c, const char *key, struct account_id *out)
{
	const json_t *v = json_object_get(c->p, key);

	if (!v)
		return rpc_fail_missing(c, key);
	if (!json_is_string(v))
		return rpc_fail_expected(c, key, "a string");
	return json_to_account(v, out) ? true : rpc_fail(c, RPC_ACT_MALFORMED);
}

static int named_cmp(const void *a, const void *b)
{
	return credential_name_cmp(a, b);
}

static bool bad(struct rpc_call *c, const char *what)
{
	return rpc_fail_text(c, RPC_BAD_CREDENTIALS, "%s", what);
}

static struct net_time parent_close(const struct rpc_call *c)
{
	return c->ledger.closed ? c->ledger.closed->header.parent_close
				: view_get_info(c->ledger.open)->parent_close;
}

/* The credential must be there, accepted, not expired, and the sender's. */
static bool check_credential(struct rpc_call *c, struct deposit *d, const struct st_object *entry)
{
	struct credential_name *name = &d->v[d->n];
	struct account_id subject;
	uint32_t expires;

	if (!(st_u32_or(entry, sfFlags, 0) & lsfAccepted))
		return bad(c, "credentials aren't accepted");
	if (st_get_u32(entry, sfExpiration, &expires) && parent_close(c).s > expires)
		return bad(c, "credentials are expired");
	if (!st_get_account(entry, sfSubject, &subject) || !account_eq(&subject, &d->from))
		return bad(c, "credentials doesn't belong to the root account");
	if (!st_get_account(entry, sfIssuer, &name->issuer) ||
	    !st_get_raw(entry, sfCredentialType, &name->type) || name->type.n > CREDENTIAL_TYPE_MAX)
		return rpc_fail(c, RPC_DB_DESERIALIZATION);
	for (uint32_t i = 0; i < d->n; i++)
		if (named_cmp(&d->v[i], name) == 0)
			return bad(c, "duplicates in credentials");
	d->n++;
	return true;
}

static bool add_credential(struct rpc_call *c, struct deposit *d, const json_t *v)
{
	struct keylet k = {.type = ltCredential};
	const struct st_object *entry;

	if (!json_to_hash(v, &k.key))
		return rpc_fail_expected(c, "credentials", "an array of CredentialID(hash256)");
	switch (rpc_entry(c, k, &entry)) {
	case FOUND:
		return check_credential(c, d, entry);
	case ABSENT:
		return bad(c, "credentials don't exist");
	case UNAVAILABLE:
		return false;
	}
	return false;
}

static bool parse_credentials(struct rpc_call *c, struct deposit *d)
{
	const json_t *list = json_object_get(c->p, "credentials");
	const json_t *v;
	size_t i;

	if (!list)
		return true;
	if (!json_is_array(list) || json_array_size(list) == 0)
		return rpc_fail_expected(c, "credentials",
					 "is non-empty array of CredentialID(hash256)");
	if (json_array_size(list) > CREDENTIALS_MAX)
		return rpc_fail_expected(c, "credentials", "array too long");
	json_array_foreach((json_t *)(uintptr_t)list, i, v)
	{
		if (!add_credential(c, d, v))
			return false;
	}
	qsort(d->v, d->n, sizeof(d->v[0]), named_cmp);
	return true;
}

static bool has_entry(struct rpc_call *c, struct keylet k)
{
	const struct st_object *entry;

	return rpc_entry(c, k, &entry) == FOUND;
}

static bool by_credentials(struct rpc_call *c, const struct deposit *d)
{
	return d->n && has_entry(c, keylet_deposit_preauth_credentials(&d->to, d->v, d->n));
}

static bool is_authorized(struct rpc_call *c, const struct deposit *d, uint32_t flags)
{
	if (!(flags & lsfDepositAuth) || account_eq(&d->from, &d->to))
		return true;
	return has_entry(c, keylet_deposit_preauth(&d->to, &d->from)) || by_credentials(c, d);
}

/* What the two accounts and the credentials are in the ledger. */
static bool look_up(struct rpc_call *c, struct deposit *d, uint32_t *flags)
{
	const struct st_object *root;

	if (rpc_entry(c, keylet_account(&d->from), &root) != FOUND)
		return rpc_fail(c, RPC_SRC_ACT_NOT_FOUND);
	if (rpc_entry(c, keylet_account(&d->to), &root) != FOUND)
		return rpc_fail(c, RPC_DST_ACT_NOT_FOUND);
	*flags = st_u32_or(root, sfFlags, 0);
	return parse_credentials(c, d);
}

void method_deposit_authorized(struct rpc_call *c)
{
	const json_t *credentials = json_object_get(c->p, "credentials");
	struct deposit d = {.n = 0};
	uint32_t flags = 0;
	bool authorized;

	if (!parse_account(c, "source_account", &d.from) ||
	    !parse_account(c, "destination_account", &d.to) || !rpc_lookup_ledger(c))
		return;
	if (!look_up(c, &d, &flags)) {
		if (c->fault.code == RPC_INVALID_PARAMS)
			rpc_forget_written(c);
		return;
	}
	authorized = is_authorized(c, &d, flags);
	jw_put_str(&c->w, "source_account", p_text(c, "source_account"));
	jw_put_str(&c->w, "destination_account", p_text(c, "destination_account"));
	if (credentials)
		jw_put_json(&c->w, "credentials", credentials);
	jw_put_bool(&c->w, "deposit_authorized", authorized);
}
