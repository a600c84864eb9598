/* SPDX-License-Identifier: ISC */
#include "codec/json_list.h"

#include "codec/json.h"
#include "crypto/base64.h"

#include <stdlib.h>

/* ---- members of JSON objects ---- */

static enum err wrong(struct why *why, const char *name, const char *what)
{
	return why_set(why, ERR_INVALID, "\"%s\" %s", name, what);
}

/* A string member, on the arena; empty when absent. */
static enum err text_of(struct bytes *out, struct arena *a, const json_t *o, const char *name,
			struct why *why)
{
	const json_t *v = json_object_get(o, name);

	*out = (struct bytes){0};
	if (!v)
		return ERR_NONE;
	if (!json_is_string(v))
		return wrong(why, name, "is not text");
	*out = bytes_of(arena_copy(a, json_string_value(v), json_string_length(v)),
			json_string_length(v));
	return ERR_NONE;
}

static enum err base64_of(struct bytes *out, struct arena *a, const json_t *o, const char *name,
			  struct why *why)
{
	struct buf b = BUF_INIT;
	struct bytes text;
	enum err e = text_of(&text, a, o, name, why);

	*out = (struct bytes){0};
	if (e == ERR_NONE && base64_decode(&b, text) != ERR_NONE)
		e = wrong(why, name, "is not base64");
	if (e == ERR_NONE && b.n)
		*out = bytes_of(arena_copy(a, b.p, b.n), b.n);
	buf_close(&b);
	return e;
}

static enum err hex_of(struct bytes *out, struct arena *a, const json_t *o, const char *name,
		       struct why *why)
{
	struct bytes text;
	enum err e = text_of(&text, a, o, name, why);
	uint8_t *p;

	*out = (struct bytes){0};
	if (e != ERR_NONE || !text.n)
		return e;
	p = arena_alloc(a, text.n / 2 + 1);
	if (!hex_decode(p, text.n / 2, (const char *)text.p, text.n))
		return wrong(why, name, "is not hex");
	*out = bytes_of(p, text.n / 2);
	return ERR_NONE;
}

static enum err number_of(uint32_t *out, const json_t *o, const char *name, bool wanted,
			  struct why *why)
{
	const json_t *v = json_object_get(o, name);

	*out = 0;
	if (!v && !wanted)
		return ERR_NONE;
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > UINT32_MAX)
		return wrong(why, name, "is no number of 32 bits");
	*out = (uint32_t)json_integer_value(v);
	return ERR_NONE;
}

/* ---- documents ---- */

static enum err blob_of(struct list_blob *b, struct arena *a, const json_t *o, struct why *why)
{
	enum err e = text_of(&b->text, a, o, "blob", why);

	if (e == ERR_NONE)
		e = base64_of(&b->blob, a, o, "blob", why);
	if (e == ERR_NONE)
		e = hex_of(&b->signature, a, o, "signature", why);
	if (e == ERR_NONE && (!b->blob.n || !b->signature.n))
		e = why_set(why, ERR_INVALID, "a list without \"blob\" or \"signature\"");
	return e;
}

static enum err blobs_v1(struct list_document *d, struct arena *a, const json_t *o, struct why *why)
{
	enum err e;

	if (json_object_get(o, "blobs_v2"))
		return why_set(why, ERR_INVALID, "version 1 with \"blobs_v2\"");
	e = blob_of(&d->blobs[0], a, o, why);
	d->blobs[0].manifest = d->manifest;
	d->n = 1;
	return e;
}

static enum err blobs_v2(struct list_document *d, struct arena *a, const json_t *o, struct why *why)
{
	const json_t *all = json_object_get(o, "blobs_v2"), *one;
	size_t n = json_is_array(all) ? json_array_size(all) : 0, i;
	enum err e = ERR_NONE;

	if (json_object_get(o, "blob") || json_object_get(o, "signature"))
		return why_set(why, ERR_INVALID, "version 2 with \"blob\" or \"signature\"");
	if (!n || n > LIST_BLOBS_MAX)
		return why_set(why, ERR_RANGE, "\"blobs_v2\" has not 1 to %d lists",
			       LIST_BLOBS_MAX);
	for (i = 0; i < n && e == ERR_NONE; i++) {
		one = json_array_get(all, i);
		if (!json_is_object(one))
			return why_set(why, ERR_INVALID, "\"blobs_v2\": an object is wanted");
		e = blob_of(&d->blobs[i], a, one, why);
		if (e == ERR_NONE)
			e = base64_of(&d->blobs[i].manifest, a, one, "manifest", why);
		if (!d->blobs[i].manifest.n)
			d->blobs[i].manifest = d->manifest;
	}
	d->n = (uint32_t)n;
	return e;
}

static enum err document_of(struct list_document *d, struct arena *a, const json_t *o,
			    struct why *why)
{
	enum err e = number_of(&d->version, o, "version", true, why);

	if (e == ERR_NONE && d->version != 1 && d->version != 2)
		e = why_set(why, ERR_SCHEMA, "version %u of validator lists is not known",
			    d->version);
	if (e == ERR_NONE)
		e = number_of(&d->refresh_min, o, "refresh_interval", false, why);
	if (e == ERR_NONE)
		e = hex_of(&d->public_key, a, o, "public_key", why);
	if (e == ERR_NONE)
		e = base64_of(&d->manifest, a, o, "manifest", why);
	if (e == ERR_NONE && !d->manifest.n)
		e = why_set(why, ERR_INVALID, "\"manifest\" is missing");
	if (e != ERR_NONE)
		return e;
	return d->version == 1 ? blobs_v1(d, a, o, why) : blobs_v2(d, a, o, why);
}

static enum err parse_object(json_t **out, struct bytes text, struct why *why)
{
	enum err e = json_parse_bounded(out, text, why);

	if (e != ERR_NONE)
		return e;
	if (json_is_object(*out))
		return ERR_NONE;
	json_decref(*out);
	return why_set(why, ERR_INVALID, "a JSON object is wanted");
}

enum err list_document_parse(struct list_document *out, struct arena *a, struct bytes text,
			     struct why *why)
{
	json_t *o;
	enum err e;

	*out = (struct list_document){0};
	if (text.n > LIST_DOCUMENT_MAX)
		return why_set(why, ERR_TOO_LARGE, "validator list of more than %u bytes",
			       LIST_DOCUMENT_MAX);
	e = parse_object(&o, text, why);
	if (e == ERR_NONE) {
		e = document_of(out, a, o, why);
		json_decref(o);
	}
	return e == ERR_NONE ? e : why_add(why, e, "validator list");
}

static void set_hex(json_t *o, const char *name, struct bytes v)
{
	char *text = mem_alloc(2 * v.n + 1);

	hex_encode(text, v.p, v.n);
	json_object_set_new(o, name, json_string(text));
	mem_free(text);
}

static void set_base64(json_t *o, const char *name, struct bytes v)
{
	struct buf b = BUF_INIT;

	base64_encode(&b, v);
	json_object_set_new(o, name, json_stringn((const char *)b.p, b.n));
	buf_close(&b);
}

static void print_json(struct buf *out, json_t *o, size_t flags)
{
	char *text = json_dumps(o, flags);

	must(text);
	buf_put(out, text, strlen(text));
	free(text);
	json_decref(o);
}

void list_document_print(struct buf *out, const struct list_document *d)
{
	json_t *o = json_object(), *all = json_array(), *one;
	uint32_t i;

	if (d->public_key.n)
		set_hex(o, "public_key", d->public_key);
	set_base64(o, "manifest", d->manifest);
	for (i = 0; i < d->n; i++) {
		one = d->version == 1 ? json_incref(o) : json_object();
		set_base64(one, "blob", d->blobs[i].blob);
		set_hex(one, "signature", d->blobs[i].signature);
		if (!bytes_eq(d->blobs[i].manifest, d->manifest))
			set_base64(one, "manifest", d->blobs[i].manifest);
		if (d->version == 1)
			json_decref(one);
		else
			json_array_append_new(all, one);
	}
	if (d->version == 2)
		json_object_set(o, "blobs_v2", all);
	json_decref(all);
	json_object_set_new(o, "version", json_integer(d->version));
	if (d->refresh_min)
		json_object_set_new(o, "refresh_interval", json_integer(d->refresh_min));
	print_json(out, o, JSON_INDENT(2));
	buf_put_u8(out, '\n');
}

/* ---- what a blob says ---- */

static enum err entry_of(struct list *l, struct arena *a, const json_t *o, struct why *why)
{
	struct list_entry *v = &l->v[l->n];
	struct bytes key;
	enum err e;
	uint32_t i;

	if (!json_is_object(o))
		return why_set(why, ERR_INVALID, "a validator is no object");
	e = hex_of(&key, a, o, "validation_public_key", why);
	if (e == ERR_NONE && (key.n != sizeof(v->master.b) || !public_key_valid(key)))
		e = wrong(why, "validation_public_key", "is no public key");
	if (e == ERR_NONE)
		e = base64_of(&v->manifest, a, o, "manifest", why);
	if (e != ERR_NONE)
		return e;
	memcpy(v->master.b, key.p, sizeof(v->master.b));
	for (i = 0; i < l->n; i++)
		if (!public_key_cmp(&l->v[i].master, &v->master))
			return why_set(why, ERR_DUPLICATE, "a validator is listed twice");
	l->n++;
	return ERR_NONE;
}

static enum err list_of(struct list *l, struct arena *a, const json_t *o, struct why *why)
{
	const json_t *all = json_object_get(o, "validators");
	enum err e = number_of(&l->seq, o, "sequence", true, why);
	size_t i;

	if (e == ERR_NONE)
		e = number_of(&l->effective.s, o, "effective", false, why);
	if (e == ERR_NONE)
		e = number_of(&l->expiration.s, o, "expiration", true, why);
	if (e != ERR_NONE)
		return e;
	if (l->expiration.s <= l->effective.s)
		return why_set(why, ERR_RANGE, "expires before it is valid");
	if (!json_is_array(all) || json_array_size(all) > UNL_MAX)
		return why_set(why, ERR_INVALID, "\"validators\" is no list of at most %d",
			       UNL_MAX);
	l->v = arena_zalloc(a, json_array_size(all) + 1, sizeof(*l->v));
	for (i = 0; i < json_array_size(all) && e == ERR_NONE; i++)
		e = entry_of(l, a, json_array_get(all, i), why);
	return e;
}

enum err list_parse(struct list *out, struct arena *a, struct bytes blob, struct why *why)
{
	json_t *o;
	enum err e = parse_object(&o, blob, why);

	*out = (struct list){0};
	if (e == ERR_NONE) {
		e = list_of(out, a, o, why);
		json_decref(o);
	}
	return e == ERR_NONE ? e : why_add(why, e, "validator list");
}

void list_print(struct buf *out, const struct list *l)
{
	json_t *o = json_object(), *all = json_array(), *one;
	uint32_t i;

	json_object_set_new(o, "sequence", json_integer(l->seq));
	if (l->effective.s)
		json_object_set_new(o, "effective", json_integer(l->effective.s));
	json_object_set_new(o, "expiration", json_integer(l->expiration.s));
	for (i = 0; i < l->n; i++) {
		one = json_object();
		set_hex(one, "validation_public_key", bytes_of(l->v[i].master.b, 33));
		if (l->v[i].manifest.n)
			set_base64(one, "manifest", l->v[i].manifest);
		json_array_append_new(all, one);
	}
	json_object_set_new(o, "validators", all);
	print_json(out, o, JSON_COMPACT);
}
