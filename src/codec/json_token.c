/* SPDX-License-Identifier: ISC */
#include "codec/json.h"
#include "codec/json_list.h"
#include "crypto/base64.h"

/* Validator tokens: base64 of {"manifest": base64, "validation_secret_key": hex}. The text is wiped
 * wherever it was. */

#define TOKEN_HEAD     "[validator_token]"
#define TOKEN_TEXT_MAX 8192
#define TOKEN_LINE     72

static void wipe(struct buf *b)
{
	if (b->p)
		secure_wipe(b->p, b->cap);
	buf_close(b);
}

/* What is left without the line of the section and without comments. */
static struct bytes body_of(struct bytes text)
{
	const char *p = (const char *)text.p, *end = p + text.n, *line;
	size_t n;

	while (p < end) {
		line = p;
		n = 0;
		while (p < end && *p != '\n')
			p++, n++;
		p += p < end;
		while (n && (*line == ' ' || *line == '\t'))
			line++, n--;
		if (n && *line != '#' && *line != '\r' &&
		    !(n >= strlen(TOKEN_HEAD) && !memcmp(line, TOKEN_HEAD, strlen(TOKEN_HEAD))))
			return bytes_of(line, (size_t)(end - line));
	}
	return (struct bytes){0};
}

static enum err secret_of(struct token *t, const char *hex, size_t n)
{
	uint8_t secret[32];
	enum err e = ERR_INVALID;

	if (hex_decode(secret, sizeof(secret), hex, n))
		e = secret_key_of_bytes(&t->signing, NULL, KEY_SECP256K1, secret);
	secure_wipe(secret, sizeof(secret));
	return e;
}

/* The manifest must be good, and of the key whose secret stands beside it. */
static enum err check(const struct token *t, struct why *why)
{
	struct manifest m;
	enum err e = manifest_parse(&m, buf_bytes(&t->manifest), why);

	if (e != ERR_NONE)
		return e;
	if (manifest_revokes(&m) || public_key_cmp(&m.signing, secret_key_public(t->signing)))
		return why_set(why, ERR_MISMATCH, "the secret is not that of the manifest's key");
	return manifest_verify(&m) ? ERR_NONE
				   : why_set(why, ERR_SIGNATURE, "the manifest is not signed well");
}

static enum err parse(struct token *out, const json_t *o, struct why *why)
{
	const json_t *m = json_object_get(o, "manifest");
	const json_t *k = json_object_get(o, "validation_secret_key");

	if (!json_is_string(m) || !json_is_string(k) ||
	    base64_decode(&out->manifest, bytes_of(json_string_value(m), json_string_length(m))) !=
		ERR_NONE ||
	    secret_of(out, json_string_value(k), json_string_length(k)) != ERR_NONE)
		return why_set(why, ERR_INVALID,
			       "no \"manifest\" or no \"validation_secret_key\" in it");
	return check(out, why);
}

enum err token_parse(struct token *out, struct bytes text, struct why *why)
{
	struct bytes body = body_of(text);
	struct buf plain = BUF_INIT;
	json_t *o = NULL;
	enum err e;

	*out = (struct token){0};
	buf_reserve(&plain, TOKEN_TEXT_MAX); /* not moved later */
	e = text.n > TOKEN_TEXT_MAX ? ERR_TOO_LARGE : base64_decode(&plain, body);
	if (e != ERR_NONE || !plain.n)
		e = why_set(why, ERR_INVALID, "not base64");
	if (e == ERR_NONE)
		e = json_parse_bounded(&o, buf_bytes(&plain), NULL);
	if (e == ERR_NONE)
		e = parse(out, o, why);
	else if (plain.n)
		why_set(why, e, "not JSON inside");
	if (o) {
		const json_t *k = json_object_get(o, "validation_secret_key");

		if (json_is_string(k))
			secure_wipe((char *)(uintptr_t)json_string_value(k), json_string_length(k));
		json_decref(o);
	}
	wipe(&plain);
	if (e != ERR_NONE) {
		token_close(out);
		why_add(why, e, "validator token");
	}
	return e;
}

void token_print(struct buf *out, struct bytes manifest, const struct secret_key *signing)
{
	struct buf json = BUF_INIT, text = BUF_INIT;
	uint8_t secret[32];
	char hex[65];
	size_t at, n;

	buf_reserve(&json, TOKEN_TEXT_MAX);
	buf_reserve(&text, TOKEN_TEXT_MAX);
	buf_reserve(out, TOKEN_TEXT_MAX);
	secret_key_export(signing, secret);
	hex_encode(hex, secret, sizeof(secret));
	buf_printf(&json, "{\"manifest\":\"");
	base64_encode(&json, manifest);
	buf_printf(&json, "\",\"validation_secret_key\":\"%s\"}", hex);
	base64_encode(&text, buf_bytes(&json));
	buf_printf(out, TOKEN_HEAD "\n");
	for (at = 0; at < text.n; at += n) {
		n = text.n - at < TOKEN_LINE ? text.n - at : TOKEN_LINE;
		buf_put(out, text.p + at, n);
		buf_put_u8(out, '\n');
	}
	secure_wipe(secret, sizeof(secret));
	secure_wipe(hex, sizeof(hex));
	wipe(&json);
	wipe(&text);
}

void token_close(struct token *t)
{
	secret_key_close(t->signing);
	buf_close(&t->manifest);
	*t = (struct token){0};
}
