/* SPDX-License-Identifier: ISC */
#include "rpc/settings.h"

#include "codec/json.h"
#include "crypto/base58.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const names[SETTINGS] = {
    [SETTING_RESERVATIONS] = "reservations",
    [SETTING_VOTES] = "votes",
    [SETTING_CAN_DELETE] = "can_delete",
};

/* ---- Their texts: reading */

static bool read_reservation(const json_t *v, struct reservation *out)
{
	const char *key = json_string_value(json_object_get(v, "node"));
	const char *text = json_string_value(json_object_get(v, RESERVATION_DESCRIPTION));

	if (!key || node_public_parse(&out->key, key) != ERR_NONE)
		return false;
	snprintf(out->description, sizeof(out->description), "%s", text ? text : "");
	return true;
}

static bool read_reservations(struct settings *s, const json_t *all)
{
	if (!json_is_array(all) || json_array_size(all) > PEERS_RESERVED_MAX)
		return false;
	for (size_t i = 0; i < json_array_size(all); i++) {
		struct reservation *r = &s->reservations[i];

		if (!read_reservation(json_array_get(all, i), r) ||
		    (i > 0 && public_key_cmp(&r[-1].key, &r->key) >= 0))
			return false;
	}
	s->n_reservations = (uint32_t)json_array_size(all);
	return true;
}

static bool read_votes(struct settings *s, const json_t *all)
{
	const char *key;
	json_t *v;

	if (!json_is_object(all) || json_object_size(all) > VOTES_MAX)
		return false;
	json_object_foreach((json_t *)(uintptr_t)all, key, v)
	{
		struct rpc_vote *vote = &s->votes[s->n_votes];

		if (!json_is_boolean(v) ||
		    !hex_decode(vote->id.b, sizeof(vote->id.b), key, strlen(key)))
			return false;
		vote->vetoed = json_is_true(v);
		s->n_votes++;
	}
	return true;
}

static bool read_can_delete(struct settings *s, const json_t *v)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v) || n < 0 || n > UINT32_MAX)
		return false;
	s->can_delete = (uint32_t)n;
	return true;
}

static bool read_one(struct settings *s, enum setting which, const json_t *v)
{
	switch (which) {
	case SETTING_RESERVATIONS:
		return read_reservations(s, v);
	case SETTING_VOTES:
		return read_votes(s, v);
	case SETTING_CAN_DELETE:
		return read_can_delete(s, v);
	case SETTINGS:
		break;
	}
	return false;
}

static enum err load(struct settings *s, enum setting which, struct why *why)
{
	const struct rpc_host *host = s->host;
	struct buf text = BUF_INIT;
	json_t *v = NULL;
	enum err e = host->setting_read(host->ctx, names[which], &text, why);

	if (e == ERR_NONE)
		e = json_parse_bounded(&v, buf_bytes(&text), why);
	if (e == ERR_NONE && !read_one(s, which, json_object_get(v, "value")))
		e = why_set(why, ERR_INVALID, "not what was written there");
	json_decref(v);
	buf_close(&text);
	return e;
}

/* ---- Writing */

static json_t *reservations_json(const struct settings *s)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < s->n_reservations; i++) {
		const struct reservation *r = &s->reservations[i];
		json_t *v = json_object();

		json_object_set_new(v, "node", json_string(node_public_text(&r->key).s));
		json_object_set_new(v, RESERVATION_DESCRIPTION, json_string(r->description));
		json_array_append_new(all, v);
	}
	return all;
}

static json_t *votes_json(const struct settings *s)
{
	json_t *all = json_object();

	for (uint32_t i = 0; i < s->n_votes; i++)
		json_object_set_new(all, hash256_hex(&s->votes[i].id).s,
				    json_boolean(s->votes[i].vetoed));
	return all;
}

static json_t *json_of(const struct settings *s, enum setting which)
{
	switch (which) {
	case SETTING_RESERVATIONS:
		return reservations_json(s);
	case SETTING_VOTES:
		return votes_json(s);
	case SETTING_CAN_DELETE:
		return json_integer(s->can_delete);
	case SETTINGS:
		break;
	}
	return json_null();
}

/* Amendments that the node is to vote for. */
static void tell_votes(const struct settings *s)
{
	struct hash256 ids[AMENDMENT_COUNT];
	uint32_t k = 0;
	size_t n;
	const struct amendment *all = amendments_all(&n);

	for (size_t i = 0; i < n; i++)
		if (settings_stand(s, &all[i]) == AMENDMENT_VOTE_YES)
			ids[k++] = all[i].id;
	s->host->vote(s->host->ctx, ids, k);
}

/* What the host has to know of it. */
static void tell(const struct settings *s, enum setting which)
{
	struct public_key keys[PEERS_RESERVED_MAX];
	const struct rpc_host *host = s->host;

	if (which == SETTING_RESERVATIONS && host->reserve) {
		for (uint32_t i = 0; i < s->n_reservations; i++)
			keys[i] = s->reservations[i].key;
		host->reserve(host->ctx, keys, s->n_reservations);
	}
	if (which == SETTING_CAN_DELETE && host->deletable)
		host->deletable(host->ctx, s->can_delete);
	if (which == SETTING_VOTES && host->vote)
		tell_votes(s);
}

enum err settings_write(struct settings *s, enum setting which, struct why *why)
{
	const struct rpc_host *host = s->host;
	json_t *all;
	char *text;
	enum err e;

	if (!host->setting_write)
		return why_set(why, ERR_STATE, "this server keeps no settings");
	if (s->broken[which].text[0])
		return why_set(why, ERR_STATE, "%.200s", s->broken[which].text);
	all = json_object();
	json_object_set_new(all, "value", json_of(s, which));
	text = json_dumps(all, JSON_INDENT(1));
	must(text != NULL);
	e = host->setting_write(host->ctx, names[which], bytes_str(text), why);
	free(text);
	json_decref(all);
	if (e == ERR_NONE)
		tell(s, which);
	return e;
}

void settings_open(struct settings *s, const struct rpc_host *host)
{
	*s = (struct settings){.host = host, .can_delete = CAN_DELETE_ALWAYS};
	if (host->vote)
		tell_votes(s);
	for (int i = 0; host->setting_read && i < SETTINGS; i++) {
		struct why why = {.text = ""};
		enum err e = load(s, (enum setting)i, &why);

		if (e == ERR_NONE) {
			tell(s, (enum setting)i);
		} else if (e != ERR_ABSENT) {
			why_set(&s->broken[i], e, "the setting %s could not be read: %.180s",
				names[i], why.text);
			s->n_reservations = i == SETTING_RESERVATIONS ? 0 : s->n_reservations;
			s->n_votes = i == SETTING_VOTES ? 0 : s->n_votes;
			s->can_delete = i == SETTING_CAN_DELETE ? 0 : s->can_delete;
			tell(s, (enum setting)i);
		}
	}
}

static const struct rpc_vote *vote_in(const struct rpc_vote *v, uint32_t n,
				      const struct hash256 *id)
{
	for (uint32_t i = 0; i < n; i++)
		if (hash256_eq(&v[i].id, id))
			return &v[i];
	return NULL;
}

enum amendment_vote settings_stand(const struct settings *s, const struct amendment *a)
{
	const struct rpc_vote *v = vote_in(s->votes, s->n_votes, &a->id);

	if (a->vote == AMENDMENT_VOTE_OBSOLETE)
		return AMENDMENT_VOTE_OBSOLETE;
	if (!v)
		v = vote_in(s->host->votes, s->host->n_votes, &a->id);
	if (!v)
		return a->vote;
	return v->vetoed ? AMENDMENT_VOTE_NO : AMENDMENT_VOTE_YES;
}

enum err settings_vote(struct settings *s, const struct amendment *a, bool vetoed, struct why *why)
{
	enum amendment_vote stands = settings_stand(s, a);
	struct rpc_vote before[VOTES_MAX];
	uint32_t n = s->n_votes, i = 0;
	enum err e;

	if (stands != (vetoed ? AMENDMENT_VOTE_YES : AMENDMENT_VOTE_NO))
		return ERR_NONE; /* so already, or never */
	memcpy(before, s->votes, sizeof(before));
	while (i < n && !hash256_eq(&s->votes[i].id, &a->id))
		i++;
	if (i == VOTES_MAX)
		return why_set(why, ERR_FULL, "No room for another vote.");
	s->n_votes += i == n;
	s->votes[i] = (struct rpc_vote){a->id, vetoed};
	e = settings_write(s, SETTING_VOTES, why);
	if (e == ERR_NONE)
		return e;
	memcpy(s->votes, before, sizeof(before));
	s->n_votes = n;
	return e;
}
