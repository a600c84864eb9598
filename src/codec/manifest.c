/* SPDX-License-Identifier: ISC */
#include "codec/manifest.h"

#include "codec/st.h"
#include "crypto/hash.h"

#define LABEL_MAX 63

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool label_valid(const char *s, size_t n, bool last)
{
	size_t i;

	if (!n || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-' || (last && n < 2))
		return false;
	for (i = 0; i < n; i++)
		if (!is_letter(s[i]) && (last || ((s[i] < '0' || s[i] > '9') && s[i] != '-')))
			return false;
	return true;
}

bool manifest_domain_valid(const char *s, size_t n)
{
	size_t at = 0, i;

	if (n < 4 || n > MANIFEST_DOMAIN_MAX)
		return false;
	for (i = 0; i < n; i++) {
		if (s[i] != '.')
			continue;
		if (!label_valid(s + at, i - at, false))
			return false;
		at = i + 1;
	}
	return at && label_valid(s + at, n - at, true);
}

static bool known_field(enum sf f)
{
	return f == sfPublicKey || f == sfMasterSignature || f == sfSequence || f == sfVersion ||
	       f == sfDomain || f == sfSigningPubKey || f == sfSignature;
}

static bool key_of(struct public_key *out, const struct st_object *o, enum sf f)
{
	struct bytes raw;

	if (!st_get_raw(o, f, &raw) || raw.n != sizeof(out->b) || !public_key_valid(raw))
		return false;
	memcpy(out->b, raw.p, sizeof(out->b));
	return true;
}

static enum err parse_keys(struct manifest *m, const struct st_object *o, struct why *why)
{
	bool signing = st_has(o, sfSigningPubKey), signature = st_has(o, sfSignature);

	if (!key_of(&m->master, o, sfPublicKey))
		return why_set(why, ERR_INVALID, "manifest: no master key");
	if (!st_get_raw(o, sfMasterSignature, &m->master_signature) ||
	    !st_get_u32(o, sfSequence, &m->seq))
		return why_set(why, ERR_INVALID, "manifest: no sequence or master signature");
	if (manifest_revokes(m))
		return signing || signature
			   ? why_set(why, ERR_INVALID, "manifest: a revocation with a signing key")
			   : ERR_NONE;
	if (!signature || !key_of(&m->signing, o, sfSigningPubKey))
		return why_set(why, ERR_INVALID, "manifest: no signing key or its signature");
	if (!public_key_cmp(&m->signing, &m->master))
		return why_set(why, ERR_INVALID, "manifest: the master key signs for itself");
	must(st_get_raw(o, sfSignature, &m->signature));
	return ERR_NONE;
}

static enum err parse_rest(struct manifest *m, const struct st_object *o, struct why *why)
{
	struct bytes domain;
	uint16_t version;
	uint32_t i;

	for (i = 0; i < o->n; i++)
		if (!known_field(o->v[i].field))
			return why_set(why, ERR_INVALID, "manifest: %s has no place in it",
				       sf_name(o->v[i].field));
	if (st_get_u16(o, sfVersion, &version) && version)
		return why_set(why, ERR_INVALID, "manifest: version %u", version);
	if (!st_get_raw(o, sfDomain, &domain))
		return ERR_NONE;
	if (!manifest_domain_valid((const char *)domain.p, domain.n))
		return why_set(why, ERR_INVALID, "manifest: malformed domain");
	memcpy(m->domain, domain.p, domain.n);
	return ERR_NONE;
}

enum err manifest_parse(struct manifest *out, struct bytes in, struct why *why)
{
	struct arena a = ARENA_INIT;
	struct st_object *o;
	enum err e = ERR_TOO_LARGE;

	*out = (struct manifest){.bytes = in};
	if (in.n > MANIFEST_BYTES_MAX)
		return why_set(why, e, "manifest: more than %d bytes", MANIFEST_BYTES_MAX);
	e = st_decode(&o, &a, in, why);
	if (e != ERR_NONE)
		why_add(why, e, "manifest");
	if (e == ERR_NONE)
		e = parse_rest(out, o, why);
	if (e == ERR_NONE)
		e = parse_keys(out, o, why);
	arena_close(&a);
	return e;
}

static void payload_of(struct buf *out, const struct st_object *o)
{
	buf_put_be32(out, HASH_PREFIX_MANIFEST);
	st_encode(out, o, ST_SIGNING);
}

bool manifest_verify(const struct manifest *m)
{
	struct arena a = ARENA_INIT;
	struct buf payload = BUF_INIT;
	struct st_object *o;
	bool good;

	must(st_decode(&o, &a, m->bytes, NULL) == ERR_NONE); /* it has been parsed */
	payload_of(&payload, o);
	good = signature_check(bytes_of(m->master.b, sizeof(m->master.b)), buf_bytes(&payload),
			       m->master_signature) &&
	       (manifest_revokes(m) || signature_check(bytes_of(m->signing.b, sizeof(m->signing.b)),
						       buf_bytes(&payload), m->signature));
	buf_close(&payload);
	arena_close(&a);
	return good;
}

void manifest_make(struct buf *out, const struct secret_key *master,
		   const struct secret_key *signing, uint32_t seq, const char *domain)
{
	struct arena a = ARENA_INIT;
	struct buf payload = BUF_INIT;
	struct st_object *o = st_new(&a);
	uint8_t sig[SIGNATURE_MAX];

	must(!signing || (seq && seq != MANIFEST_REVOKED));
	st_set_u(o, sfSequence, signing ? seq : MANIFEST_REVOKED);
	st_set_raw(o, sfPublicKey, bytes_of(secret_key_public(master)->b, 33));
	if (signing)
		st_set_raw(o, sfSigningPubKey, bytes_of(secret_key_public(signing)->b, 33));
	if (domain && *domain) {
		must(manifest_domain_valid(domain, strlen(domain)));
		st_set_raw(o, sfDomain, bytes_str(domain));
	}
	payload_of(&payload, o);
	if (signing)
		st_set_raw(o, sfSignature,
			   bytes_of(sig, signature_make(signing, buf_bytes(&payload), sig)));
	st_set_raw(o, sfMasterSignature,
		   bytes_of(sig, signature_make(master, buf_bytes(&payload), sig)));
	st_encode(out, o, ST_ALL);
	buf_close(&payload);
	arena_close(&a);
}
