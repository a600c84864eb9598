/* SPDX-License-Identifier: ISC */
#include "tally.h"

#include "codec/json_list.h"
#include "crypto/base64.h"
#include "os/clock.h"
#include "os/file.h"

#include <stdio.h>

/* Validator lists: made and signed with a publisher's token, shown, checked. */

#define TOKEN_BYTES_MAX 8192
#define VALID_S         (180 * 86400)

struct made {
	struct arena arena;
	struct token token;
	struct list_document d;
	struct list l;
	uint64_t version, refresh, seq, from, valid;
	const char *out, *add, *token_file;
};

static bool number_option(struct tally *t, const char *name, uint64_t lo, uint64_t hi,
			  uint64_t *out)
{
	const char *s = tally_option(t, name);

	if (!s || tally_number(s, lo, hi, out))
		return true;
	tally_fail(t, 0, "%s takes %llu to %llu", name, (unsigned long long)lo,
		   (unsigned long long)hi);
	return false;
}

static bool make_options(struct tally *t, struct made *m)
{
	m->version = 1;
	m->valid = VALID_S;
	m->out = tally_option(t, "--out");
	m->add = tally_option(t, "--add-to");
	m->token_file = tally_option(t, "--token");
	if (m->add)
		m->version = 2;
	if (!number_option(t, "--sequence", 1, UINT32_MAX, &m->seq) ||
	    !number_option(t, "--version", 1, 2, &m->version) ||
	    !number_option(t, "--refresh", 1, 24 * 60, &m->refresh) ||
	    !number_option(t, "--from", 0, UINT32_MAX / 4, &m->from) ||
	    !number_option(t, "--valid", 1, UINT32_MAX / 4, &m->valid))
		return false;
	if (m->out && m->token_file)
		return true;
	tally_fail(t, 0, "--token FILE and --out FILE are wanted");
	return false;
}

static bool read_token(struct tally *t, struct made *m)
{
	struct buf b = BUF_INIT;
	struct why why = {""};
	enum err e;

	buf_reserve(&b, TOKEN_BYTES_MAX + 1);
	e = file_read_secret(&b, m->token_file, TOKEN_BYTES_MAX, &why);
	if (e == ERR_NONE)
		e = token_parse(&m->token, buf_bytes(&b), &why);
	secure_wipe(b.p, b.cap);
	buf_close(&b);
	if (e != ERR_NONE)
		tally_fail(t, 0, "%s", why.text);
	return e == ERR_NONE;
}

static bool read_document(struct tally *t, const char *path, struct list_document *d,
			  struct arena *a)
{
	struct buf b = BUF_INIT;
	struct why why = {""};
	enum err e = file_read(&b, path, LIST_DOCUMENT_MAX, &why);

	if (e == ERR_NONE)
		e = list_document_parse(d, a, buf_bytes(&b), &why);
	buf_close(&b);
	if (e != ERR_NONE)
		tally_fail(t, 0, "%s", why.text);
	return e == ERR_NONE;
}

/* "n..." or a manifest in base64, which says whose it is. */
static bool entry_of(struct tally *t, struct made *m, const char *text)
{
	struct list_entry *v = &m->l.v[m->l.n];
	struct manifest manifest;
	struct buf b = BUF_INIT;
	bool good = true;

	if (node_public_parse(&v->master, text) == ERR_NONE) {
		m->l.n++;
		return true;
	}
	if (base64_decode(&b, bytes_str(text)) == ERR_NONE && b.n &&
	    manifest_parse(&manifest, buf_bytes(&b), NULL) == ERR_NONE &&
	    manifest_verify(&manifest)) {
		v->master = manifest.master;
		v->manifest = bytes_of(arena_copy(&m->arena, b.p, b.n), b.n);
		m->l.n++;
	} else {
		good = false;
		tally_fail(t, 0, "\"%.40s\": neither a validator's key (n...) nor its manifest",
			   text);
	}
	buf_close(&b);
	return good;
}

static bool entries(struct tally *t, struct made *m)
{
	uint32_t now = clock_now().net.s;
	int i;

	if (t->argc - 2 > UNL_MAX)
		return tally_fail(t, 0, "more than %d validators", UNL_MAX), false;
	m->l.seq = (uint32_t)m->seq;
	m->l.effective.s = m->from ? now + (uint32_t)m->from : 0;
	m->l.expiration.s = now + (uint32_t)m->from + (uint32_t)m->valid;
	m->l.v = arena_zalloc(&m->arena, (size_t)t->argc, sizeof(*m->l.v));
	for (i = 2; i < t->argc; i++)
		if (!entry_of(t, m, t->argv[i]))
			return false;
	return true;
}

/* The blob, signed, into the document. */
static void sign(struct made *m, struct bytes blob)
{
	struct list_blob *b = &m->d.blobs[m->d.n++];
	uint8_t sig[SIGNATURE_MAX];
	struct manifest manifest;
	size_t n = signature_make(m->token.signing, blob, sig);

	must(manifest_parse(&manifest, buf_bytes(&m->token.manifest), NULL) == ERR_NONE);
	b->blob = bytes_of(arena_copy(&m->arena, blob.p, blob.n), blob.n);
	b->signature = bytes_of(arena_copy(&m->arena, sig, n), n);
	b->manifest = m->d.manifest = buf_bytes(&m->token.manifest);
	m->d.public_key = bytes_of(arena_copy(&m->arena, manifest.master.b, 33), 33);
	m->d.version = (uint32_t)m->version;
	if (m->refresh)
		m->d.refresh_min = (uint32_t)m->refresh;
}

static int write_document(struct tally *t, const struct made *m)
{
	struct buf text = BUF_INIT;
	struct why why = {""};
	enum err e;

	list_document_print(&text, &m->d);
	e = file_write(m->out, buf_bytes(&text), 0644, &why);
	buf_close(&text);
	if (e != ERR_NONE)
		return tally_fail(t, TALLY_FAILED, "%s", why.text);
	if (t->json)
		tally_print_json(json_pack("{s:s, s:I, s:I}", "list", m->out, "version",
					   (json_int_t)m->d.version, "lists", (json_int_t)m->d.n));
	else
		printf("%s: version %u, %u list%s\n", m->out, m->d.version, m->d.n,
		       m->d.n > 1 ? "s" : "");
	return TALLY_OK;
}

static int make(struct tally *t)
{
	struct made m = {.arena = ARENA_INIT};
	struct buf blob = BUF_INIT;
	int code = TALLY_USAGE;

	if (!make_options(t, &m) || !tally_arguments(t, 2, UNL_MAX + 1))
		return code;
	if (!m.seq)
		return tally_fail(t, TALLY_USAGE, "--sequence N is wanted");
	code = TALLY_FAILED;
	if (!read_token(t, &m) || (m.add && !read_document(t, m.add, &m.d, &m.arena)) ||
	    !entries(t, &m))
		goto done;
	if (m.d.n == LIST_BLOBS_MAX || (m.version == 1 && m.d.n)) {
		tally_fail(t, 0, "there is no room for another list in %s", m.add);
		goto done;
	}
	list_print(&blob, &m.l);
	sign(&m, buf_bytes(&blob));
	code = write_document(t, &m);
done:
	buf_close(&blob);
	token_close(&m.token);
	arena_close(&m.arena);
	return code;
}

/* A list that somebody else has written: {"sequence", "expiration", "validators"}. */
static int sign_file(struct tally *t)
{
	struct made m = {.arena = ARENA_INIT};
	struct buf blob = BUF_INIT;
	struct why why = {""};
	int code = TALLY_USAGE;

	if (!make_options(t, &m) || !tally_arguments(t, 2, 2))
		return code;
	code = TALLY_FAILED;
	if (file_read(&blob, t->argv[2], LIST_DOCUMENT_MAX, &why) != ERR_NONE ||
	    list_parse(&m.l, &m.arena, buf_bytes(&blob), &why) != ERR_NONE) {
		tally_fail(t, 0, "%s", why.text);
	} else if (read_token(t, &m)) {
		sign(&m, buf_bytes(&blob));
		code = write_document(t, &m);
	}
	buf_close(&blob);
	token_close(&m.token);
	arena_close(&m.arena);
	return code;
}

static json_t *list_json(const struct list *l, const char *state)
{
	json_t *all = json_array(), *o;
	uint32_t i;

	for (i = 0; i < l->n; i++) {
		struct manifest m;

		o = json_pack("{s:s}", "master_key", node_public_text(&l->v[i].master).s);
		if (l->v[i].manifest.n && manifest_parse(&m, l->v[i].manifest, NULL) == ERR_NONE &&
		    !manifest_revokes(&m))
			json_object_set_new(o, "signing_key",
					    json_string(node_public_text(&m.signing).s));
		json_array_append_new(all, o);
	}
	return json_pack("{s:I, s:I, s:I, s:s, s:o}", "sequence", (json_int_t)l->seq, "effective",
			 (json_int_t)l->effective.s, "expiration", (json_int_t)l->expiration.s,
			 "state", state, "validators", all);
}

static const char *state_of(const struct list *l)
{
	uint32_t now = clock_now().net.s;

	return l->expiration.s <= now ? "expired" : l->effective.s > now ? "later" : "in force";
}

/* Checked: by whom it is signed, and that this is who it should be (NULL: whoever). */
static bool check(struct tally *t, const struct list_blob *b, const struct public_key *publisher)
{
	struct manifest m;
	struct why why = {""};

	if (manifest_parse(&m, b->manifest, &why) != ERR_NONE)
		return tally_fail(t, 0, "%s", why.text), false;
	if (!manifest_verify(&m) || manifest_revokes(&m))
		return tally_fail(t, 0, "the publisher's manifest is not good"), false;
	if (publisher && public_key_cmp(&m.master, publisher))
		return tally_fail(t, 0, "signed by another publisher"), false;
	if (!signature_check(bytes_of(m.signing.b, sizeof(m.signing.b)), b->blob, b->signature))
		return tally_fail(t, 0, "the signature is not good"), false;
	return true;
}

static int look(struct tally *t, const struct public_key *publisher, bool checked)
{
	struct arena a = ARENA_INIT;
	json_t *lists = json_array();
	struct list_document d;
	struct why why = {""};
	struct list l;
	int code = TALLY_FAILED;
	uint32_t i;

	if (!read_document(t, t->argv[2], &d, &a))
		goto done;
	for (i = 0; i < d.n; i++) {
		if (list_parse(&l, &a, d.blobs[i].blob, &why) != ERR_NONE) {
			tally_fail(t, 0, "%s", why.text);
			goto done;
		}
		if (checked && !check(t, &d.blobs[i], publisher))
			goto done;
		json_array_append_new(lists, list_json(&l, state_of(&l)));
	}
	code = TALLY_OK;
	tally_print_json(json_pack("{s:I, s:b, s:O}", "version", (json_int_t)d.version, "verified",
				   checked, "lists", lists));
done:
	json_decref(lists);
	arena_close(&a);
	return code;
}

static int show(struct tally *t)
{
	return tally_arguments(t, 2, 2) ? look(t, NULL, false) : TALLY_USAGE;
}

static int verify(struct tally *t)
{
	const char *hex = tally_option(t, "--publisher");
	struct public_key key;

	if (!tally_arguments(t, 2, 2))
		return TALLY_USAGE;
	if (hex && !hex_decode(key.b, sizeof(key.b), hex, strlen(hex)))
		return tally_fail(t, TALLY_USAGE, "--publisher takes a master key in hex");
	return look(t, hex ? &key : NULL, true);
}

int cmd_list(struct tally *t)
{
	static const struct {
		const char *name;
		int (*run)(struct tally *t);
	} parts[] = {{"make", make}, {"sign", sign_file}, {"show", show}, {"verify", verify}};
	size_t i;

	for (i = 0; t->argc > 1 && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcmp(t->argv[1], parts[i].name))
			return parts[i].run(t);
	return tally_fail(t, TALLY_USAGE, "make, sign, show or verify is wanted");
}
