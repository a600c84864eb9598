/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/state.h"

#include "base/limits.h"
#include "crypto/base58.h"

/* version, ping, random, server_definitions. */

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
