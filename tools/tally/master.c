/* SPDX-License-Identifier: ISC */
#include "tally.h"

#include "codec/json_list.h"
#include "crypto/base64.h"
#include "daemon/key_file.h"
#include "os/entropy.h"
#include "os/file.h"

#include <stdio.h>

/* An offline master key, of a validator or of a publisher of lists (validator-keys-tool does the
 * same). The file is a key file with lines of its own: the sequence of the last token, which only
 * ever rises, a domain, and whether the key was revoked. */

#define MASTER_BYTES_MAX 4096

struct master {
	const char *path;
	struct buf text; /* the file */
	struct secret_key *key;
	uint64_t seq;
	char domain[MANIFEST_DOMAIN_MAX + 1];
	bool revoked;
};

/* The value of a line "name = ...", NULL-terminated in out; false when there is none. */
static bool line_of(const struct master *m, const char *name, char *out, size_t size)
{
	const char *p = (const char *)m->text.p;
	size_t n = strlen(name);

	while (p && *p) {
		if (!strncmp(p, name, n) && !strncmp(p + n, " = ", 3)) {
			snprintf(out, size, "%.*s", (int)strcspn(p + n + 3, "\r\n"), p + n + 3);
			return true;
		}
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	return false;
}

static void master_close(struct master *m)
{
	secret_key_close(m->key);
	if (m->text.p)
		secure_wipe(m->text.p, m->text.cap);
	buf_close(&m->text);
}

static bool master_open(struct tally *t, struct master *m, const char *path)
{
	struct why why = {""};
	char text[160] = "";

	*m = (struct master){.path = path};
	buf_reserve(&m->text, MASTER_BYTES_MAX + 512); /* not moved later: wiped where it is */
	if (key_file_read(&m->key, path, &why) != ERR_NONE ||
	    file_read_secret(&m->text, path, MASTER_BYTES_MAX, &why) != ERR_NONE) {
		tally_fail(t, 0, "%s", why.text);
		master_close(m);
		return false;
	}
	buf_put_u8(&m->text, 0);
	m->text.n--;
	if (line_of(m, "sequence", text, sizeof(text)) &&
	    !tally_number(text, 0, MANIFEST_REVOKED, &m->seq)) {
		tally_fail(t, 0, "%s: the sequence is no number", path);
		master_close(m);
		return false;
	}
	line_of(m, "domain", m->domain, sizeof(m->domain));
	m->revoked = line_of(m, "revoked", text, sizeof(text)) && !strcmp(text, "yes");
	return true;
}

/* Writes the file with what is now so: the lines of the key, then ours. */
static bool master_save(struct tally *t, const struct master *m)
{
	static const char *const ours[] = {"sequence = ", "domain = ", "revoked = "};
	const char *p = (const char *)m->text.p;
	struct buf out = BUF_INIT;
	struct why why = {""};
	enum err e;

	buf_reserve(&out, MASTER_BYTES_MAX + 512);
	while (p && *p) {
		size_t n = strcspn(p, "\n"), i, k = 0;

		for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
			k += !strncmp(p, ours[i], strlen(ours[i]));
		if (!k && n)
			buf_printf(&out, "%.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
	buf_printf(&out, "sequence = %llu\n", (unsigned long long)m->seq);
	if (m->domain[0])
		buf_printf(&out, "domain = %s\n", m->domain);
	if (m->revoked)
		buf_printf(&out, "revoked = yes\n");
	e = file_write(m->path, buf_bytes(&out), 0600, &why);
	secure_wipe(out.p, out.cap);
	buf_close(&out);
	if (e != ERR_NONE)
		tally_fail(t, 0, "%s", why.text);
	return e == ERR_NONE;
}

static char *base64_text(struct bytes v, struct buf *b)
{
	base64_encode(b, v);
	buf_put_u8(b, 0);
	return (char *)b->p;
}

static int create(struct tally *t)
{
	const char *out = tally_option(t, "--out");
	struct public_key pub;
	struct why why = {""};
	char hex[67];

	if (!out || !tally_arguments(t, 1, 1))
		return out ? TALLY_USAGE : tally_fail(t, TALLY_USAGE, "--out FILE is wanted");
	if (key_file_create(out, "master key, to be kept offline,", KEY_ED25519, &pub, &why) !=
	    ERR_NONE)
		return tally_fail(t, TALLY_FAILED, "%s", why.text);
	hex_encode(hex, pub.b, sizeof(pub.b));
	if (t->json)
		tally_print_json(json_pack("{s:s, s:s, s:s}", "public_key",
					   node_public_text(&pub).s, "public_key_hex", hex,
					   "key_file", out));
	else
		printf("%s\n", node_public_text(&pub).s);
	return TALLY_OK;
}

/* A fresh signing key, certified. The sequence is on disk before the token leaves. */
static int make_token(struct tally *t, struct master *m, const char *out)
{
	struct secret_key *signing = NULL;
	struct buf manifest = BUF_INIT, token = BUF_INIT, text = BUF_INIT;
	struct why why = {""};
	int code = TALLY_FAILED;
	uint8_t secret[32];

	do
		entropy_fill(secret, sizeof(secret));
	while (secret_key_of_bytes(&signing, NULL, KEY_SECP256K1, secret) != ERR_NONE);
	secure_wipe(secret, sizeof(secret));
	m->seq++;
	manifest_make(&manifest, m->key, signing, (uint32_t)m->seq, m->domain);
	token_print(&token, buf_bytes(&manifest), signing);
	if (!master_save(t, m))
		goto done;
	if (out && file_write_new(out, buf_bytes(&token), 0600, &why) != ERR_NONE) {
		tally_fail(t, 0, "%s", why.text);
		goto done;
	}
	code = TALLY_OK;
	if (t->json)
		tally_print_json(json_pack("{s:s, s:I, s:s, s:s}", "master_key",
					   node_public_text(secret_key_public(m->key)).s,
					   "sequence", (json_int_t)m->seq, "signing_key",
					   node_public_text(secret_key_public(signing)).s,
					   "manifest", base64_text(buf_bytes(&manifest), &text)));
	else if (out)
		printf("manifest %llu of %s names %s\n%s\n", (unsigned long long)m->seq,
		       node_public_text(secret_key_public(m->key)).s,
		       node_public_text(secret_key_public(signing)).s,
		       base64_text(buf_bytes(&manifest), &text));
	if (!out && !t->json)
		fwrite(token.p, 1, token.n, stdout);
done:
	secure_wipe(token.p, token.cap);
	secret_key_close(signing);
	buf_close(&manifest);
	buf_close(&token);
	buf_close(&text);
	return code;
}

static int token(struct tally *t)
{
	const char *out = tally_option(t, "--out");
	struct master m;
	int code = TALLY_FAILED;

	if (!tally_arguments(t, 2, 2))
		return TALLY_USAGE;
	if (t->json && !out)
		return tally_fail(t, TALLY_USAGE, "with --json the token goes to --out FILE");
	if (!master_open(t, &m, t->argv[2]))
		return code;
	if (m.revoked || m.seq + 1 >= MANIFEST_REVOKED)
		tally_fail(t, 0, "%s: the master key %s", m.path,
			   m.revoked ? "was revoked" : "has made its last token");
	else
		code = make_token(t, &m, out);
	master_close(&m);
	return code;
}

static int revoke(struct tally *t)
{
	struct buf manifest = BUF_INIT, text = BUF_INIT;
	struct master m;
	int code = TALLY_FAILED;

	if (!tally_flag(t, "--yes"))
		return tally_fail(t, TALLY_USAGE,
				  "a revocation is for good: say --yes if it is meant");
	if (!tally_arguments(t, 2, 2))
		return TALLY_USAGE;
	if (!master_open(t, &m, t->argv[2]))
		return code;
	m.revoked = true;
	manifest_make(&manifest, m.key, NULL, 0, NULL);
	base64_text(buf_bytes(&manifest), &text);
	if (master_save(t, &m)) {
		code = TALLY_OK;
		if (t->json)
			tally_print_json(json_pack("{s:s}", "revocation", (char *)text.p));
		else
			printf("[validator_key_revocation]\n%s\n", (char *)text.p);
	}
	buf_close(&manifest);
	buf_close(&text);
	master_close(&m);
	return code;
}

/* Sets the domain of the tokens to come, and proves to it that this is its validator. */
static int domain(struct tally *t)
{
	uint8_t sig[SIGNATURE_MAX];
	char text[512], hex[2 * SIGNATURE_MAX + 1];
	struct master m;
	int code = TALLY_FAILED;

	if (!tally_arguments(t, 3, 3))
		return TALLY_USAGE;
	if (!manifest_domain_valid(t->argv[3], strlen(t->argv[3])))
		return tally_fail(t, TALLY_USAGE, "\"%s\" is no domain", t->argv[3]);
	if (!master_open(t, &m, t->argv[2]))
		return code;
	snprintf(m.domain, sizeof(m.domain), "%s", t->argv[3]);
	snprintf(text, sizeof(text), "[domain-attestation-blob:%s:%s]", m.domain,
		 node_public_text(secret_key_public(m.key)).s);
	hex_encode(hex, sig, signature_make(m.key, bytes_str(text), sig));
	if (master_save(t, &m)) {
		code = TALLY_OK;
		if (t->json)
			tally_print_json(
			    json_pack("{s:s, s:s}", "domain", m.domain, "attestation", hex));
		else
			printf("attestation=\"%s\"\nthe next token names %s\n", hex, m.domain);
	}
	master_close(&m);
	return code;
}

static int show(struct tally *t)
{
	struct master m;
	char hex[67];

	if (!tally_arguments(t, 2, 2))
		return TALLY_USAGE;
	if (!master_open(t, &m, t->argv[2]))
		return TALLY_FAILED;
	hex_encode(hex, secret_key_public(m.key)->b, 33);
	tally_print_json(json_pack("{s:s, s:s, s:I, s:s, s:b}", "public_key",
				   node_public_text(secret_key_public(m.key)).s, "public_key_hex",
				   hex, "sequence", (json_int_t)m.seq, "domain", m.domain,
				   "revoked", m.revoked));
	master_close(&m);
	return TALLY_OK;
}

int cmd_master(struct tally *t)
{
	static const struct {
		const char *name;
		int (*run)(struct tally *t);
	} parts[] = {{"create", create},
		     {"token", token},
		     {"revoke", revoke},
		     {"domain", domain},
		     {"show", show}};
	size_t i;

	for (i = 0; t->argc > 1 && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcmp(t->argv[1], parts[i].name))
			return parts[i].run(t);
	return tally_fail(t, TALLY_USAGE, "create, token, revoke, domain or show is wanted");
}
