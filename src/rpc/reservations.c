/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/settings.h"
#include "rpc/state.h"

#include "crypto/base58.h"

#include <stdio.h>

/* peer_reservations_add, _del, _list: keys whose holders always find a place (rippled:
 * PeerReservationsAdd.cpp and its neighbours). */

static bool has_key(struct rpc_call *c)
{
	const json_t *v = json_object_get(c->p, "public_key");

	if (!v)
		return rpc_fail_missing(c, "public_key");
	if (!json_is_string(v))
		return rpc_fail_expected(c, "public_key", "a string");
	return true;
}

/* The reference looks at the key after the description. */
static bool read_key(struct rpc_call *c, struct public_key *key)
{
	if (node_public_parse(key, p_text(c, "public_key")) == ERR_NONE)
		return true;
	return rpc_fail(c, RPC_PUBLIC_MALFORMED);
}

static void write_reservation(struct jw *w, const struct reservation *r)
{
	jw_put_str(w, "node", node_public_text(&r->key).s);
	if (r->description[0])
		jw_put_str(w, RESERVATION_DESCRIPTION, r->description);
}

static void write_previous(struct rpc_call *c, const struct reservation *r)
{
	jw_put_open(&c->w, "previous", '{');
	write_reservation(&c->w, r);
	jw_end(&c->w, '}');
}

/* The place of the key, or where it belongs. */
static uint32_t place_of(const struct settings *s, const struct public_key *key, bool *there)
{
	uint32_t i = 0;

	while (i < s->n_reservations && public_key_cmp(&s->reservations[i].key, key) < 0)
		i++;
	*there = i < s->n_reservations && !public_key_cmp(&s->reservations[i].key, key);
	return i;
}

static void insert(struct settings *s, uint32_t at, const struct reservation *r)
{
	memmove(&s->reservations[at + 1], &s->reservations[at],
		(s->n_reservations - at) * sizeof(*r));
	s->reservations[at] = *r;
	s->n_reservations++;
}

static void take_out(struct settings *s, uint32_t at)
{
	s->n_reservations--;
	memmove(&s->reservations[at], &s->reservations[at + 1],
		(s->n_reservations - at) * sizeof(s->reservations[0]));
}

static bool keep(struct rpc_call *c)
{
	struct why why = {.text = ""};

	if (settings_write(c->r->settings, SETTING_RESERVATIONS, &why) == ERR_NONE)
		return true;
	return rpc_fail_text(c, RPC_INTERNAL, "%s", why.text);
}

void method_peer_reservations_add(struct rpc_call *c)
{
	const json_t *text = json_object_get(c->p, RESERVATION_DESCRIPTION);
	struct settings *s = c->r->settings;
	struct reservation r = {.description = ""}, old;
	uint32_t at;
	bool there;

	if (!has_key(c))
		return;
	if (text && !json_is_string(text)) {
		rpc_fail_expected(c, RESERVATION_DESCRIPTION, "a string");
		return;
	}
	if (!read_key(c, &r.key))
		return;
	if (json_string_length(text) >= sizeof(r.description)) {
		rpc_fail_invalid(c, RESERVATION_DESCRIPTION);
		return;
	}
	if (text)
		snprintf(r.description, sizeof(r.description), "%s", json_string_value(text));
	at = place_of(s, &r.key, &there);
	if (!there && s->n_reservations == PEERS_RESERVED_MAX) {
		rpc_fail_text(c, RPC_INVALID_PARAMS, "There are %u reservations already.",
			      s->n_reservations);
		return;
	}
	old = there ? s->reservations[at] : r;
	if (there)
		s->reservations[at] = r;
	else
		insert(s, at, &r);
	if (keep(c) && there)
		write_previous(c, &old);
	else if (c->fault.token && there)
		s->reservations[at] = old;
	else if (c->fault.token)
		take_out(s, at);
}

void method_peer_reservations_del(struct rpc_call *c)
{
	struct settings *s = c->r->settings;
	struct reservation old;
	struct public_key key;
	uint32_t at;
	bool there;

	if (!has_key(c) || !read_key(c, &key))
		return;
	at = place_of(s, &key, &there);
	if (!there)
		return;
	old = s->reservations[at];
	take_out(s, at);
	if (keep(c))
		write_previous(c, &old);
	else
		insert(s, at, &old);
}

void method_peer_reservations_list(struct rpc_call *c)
{
	const struct settings *s = c->r->settings;

	jw_put_open(&c->w, "reservations", '[');
	for (uint32_t i = 0; i < s->n_reservations; i++) {
		jw_open(&c->w, '{');
		write_reservation(&c->w, &s->reservations[i]);
		jw_end(&c->w, '}');
	}
	jw_end(&c->w, ']');
}
