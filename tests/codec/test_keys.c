/* SPDX-License-Identifier: ISC */
#include "support.h"

#include "codec/json_list.h"
#include "crypto/base58.h"
#include "crypto/base64.h"

#include <stdio.h>
#include <string.h>

/* Manifests, validator tokens and validator lists: the reference server's example is read as it
 * reads it, what is made here is read again, and whatever is changed in it is refused. */

/* The example token of the reference server's documentation and tests. */
static const char example_token[] =
    "    eyJ2YWxpZGF0aW9uX3NlY3JldF9rZXkiOiI5ZWQ0NWY4NjYyNDFjYzE4YTI3NDdiNT\n"
    " \tQzODdjMDYyNTkwNzk3MmY0ZTcxOTAyMzFmYWE5Mzc0NTdmYTlkYWY2IiwibWFuaWZl     \n"
    "\tc3QiOiJKQUFBQUFGeEllMUZ0d21pbXZHdEgyaUNjTUpxQzlnVkZLaWxHZncxL3ZDeE\n"
    "\t hYWExwbGMyR25NaEFrRTFhZ3FYeEJ3RHdEYklENk9NU1l1TTBGREFscEFnTms4U0tG\t  \t\n"
    "bjdNTzJmZGtjd1JRSWhBT25ndTlzQUtxWFlvdUorbDJWMFcrc0FPa1ZCK1pSUzZQU2\n"
    "hsSkFmVXNYZkFpQnNWSkdlc2FhZE9KYy9hQVpva1MxdnltR21WcmxIUEtXWDNZeXd1\n"
    "NmluOEhBU1FLUHVnQkQ2N2tNYVJGR3ZtcEFUSGxHS0pkdkRGbFdQWXk1QXFEZWRGdj\n"
    "VUSmEydzBpMjFlcTNNWXl3TFZKWm5GT3I3QzBrdzJBaVR6U0NqSXpkaXRROD0ifQ==\n";
#define EXAMPLE_MASTER "nHBt9fsb4849WmZiCds4r5TXyBeQjqnH5kzPtqgMAQMgi39YZRPa"
#define EXAMPLE_KEY    "n9KsDYGKhABVc4wK5u3MnVhgPinyJimyKGpr9VJYuBaY8EnJXR2x"

static struct secret_key *key_of(const char *phrase, enum key_type type)
{
	struct secret_key *key;
	struct seed seed;

	seed_of_passphrase(&seed, bytes_str(phrase));
	assert_int_equal(secret_key_of_node_seed(&key, NULL, type, &seed), ERR_NONE);
	return key;
}

static void base64_of_known_texts(void **state)
{
	static const char *const pairs[][2] = {
	    {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
	static const char *const bad[] = {"Zg", "Zg=", "Z", "Zm9v!", "Zh==", "Zm9v=", "Zg==Zg=="};
	struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		buf_clear(&b);
		base64_encode(&b, bytes_str(pairs[i][0]));
		assert_true(bytes_eq(buf_bytes(&b), bytes_str(pairs[i][1])));
		buf_clear(&b);
		assert_int_equal(base64_decode(&b, bytes_str(pairs[i][1])), ERR_NONE);
		assert_true(bytes_eq(buf_bytes(&b), bytes_str(pairs[i][0])));
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_clear(&b);
		assert_int_equal(base64_decode(&b, bytes_str(bad[i])), ERR_INVALID);
		assert_int_equal(b.n, 0);
	}
	assert_int_equal(base64_decode(&b, bytes_str(" Zm 9v\r\n\tYg= =\n")), ERR_NONE);
	assert_true(bytes_eq(buf_bytes(&b), bytes_str("foob")));
	buf_close(&b);
}

static void the_example_token_is_read(void **state)
{
	struct buf text = BUF_INIT;
	struct manifest m;
	struct token t;
	int headed;

	(void)state;
	for (headed = 0; headed < 2; headed++) {
		buf_clear(&text);
		if (headed)
			buf_printf(&text, "# of a validator\n\n[validator_token]\n");
		buf_printf(&text, "%s", example_token);
		assert_int_equal(token_parse(&t, buf_bytes(&text), NULL), ERR_NONE);
		assert_int_equal(manifest_parse(&m, buf_bytes(&t.manifest), NULL), ERR_NONE);
		assert_true(manifest_verify(&m));
		assert_int_equal(m.seq, 1);
		assert_string_equal(node_public_text(&m.master).s, EXAMPLE_MASTER);
		assert_string_equal(node_public_text(&m.signing).s, EXAMPLE_KEY);
		assert_string_equal(m.domain, "");
		token_close(&t);
	}
	buf_close(&text);
}

static void a_token_is_written_and_read(void **state)
{
	struct secret_key *master = key_of("master", KEY_ED25519);
	struct secret_key *signing = key_of("signing", KEY_SECP256K1);
	struct secret_key *other = key_of("other", KEY_SECP256K1);
	struct buf m = BUF_INIT, text = BUF_INIT;
	struct why why = {""};
	struct token t;

	(void)state;
	manifest_make(&m, master, signing, 7, "example.com");
	token_print(&text, buf_bytes(&m), signing);
	assert_int_equal(token_parse(&t, buf_bytes(&text), &why), ERR_NONE);
	assert_true(bytes_eq(buf_bytes(&t.manifest), buf_bytes(&m)));
	assert_int_equal(public_key_cmp(secret_key_public(t.signing), secret_key_public(signing)),
			 0);
	token_close(&t);
	buf_clear(&text);
	token_print(&text, buf_bytes(&m), other);
	assert_int_equal(token_parse(&t, buf_bytes(&text), &why), ERR_MISMATCH);
	buf_clear(&m);
	manifest_make(&m, master, NULL, 0, NULL);
	buf_clear(&text);
	token_print(&text, buf_bytes(&m), signing);
	assert_int_equal(token_parse(&t, buf_bytes(&text), &why), ERR_MISMATCH);
	assert_int_equal(token_parse(&t, bytes_str("[validator_token]\nZm9v\n"), &why),
			 ERR_INVALID);
	assert_int_equal(token_parse(&t, bytes_str("no token"), &why), ERR_INVALID);
	assert_int_equal(token_parse(&t, bytes_str(""), &why), ERR_INVALID);
	buf_close(&m);
	buf_close(&text);
	secret_key_close(master);
	secret_key_close(signing);
	secret_key_close(other);
}

static void any_changed_byte_spoils_a_manifest(void **state)
{
	struct secret_key *master = key_of("master", KEY_ED25519);
	struct secret_key *signing = key_of("signing", KEY_SECP256K1);
	struct buf b = BUF_INIT;
	struct manifest m;
	size_t i, n, good = 0;

	(void)state;
	manifest_make(&b, master, signing, 3, "example.com");
	assert_int_equal(manifest_parse(&m, buf_bytes(&b), NULL), ERR_NONE);
	assert_true(manifest_verify(&m));
	assert_int_equal(m.seq, 3);
	assert_string_equal(m.domain, "example.com");
	for (i = 0; i < b.n; i++) {
		b.p[i] ^= 1;
		good += manifest_parse(&m, buf_bytes(&b), NULL) == ERR_NONE && manifest_verify(&m);
		b.p[i] ^= 1;
	}
	assert_int_equal(good, 0);
	for (n = 0; n < b.n; n++)
		assert_int_not_equal(manifest_parse(&m, bytes_of(b.p, n), NULL), ERR_NONE);
	buf_close(&b);
	secret_key_close(master);
	secret_key_close(signing);
}

static void manifests_of_a_wrong_form_are_refused(void **state)
{
	struct secret_key *master = key_of("master", KEY_ED25519);
	struct secret_key *signing = key_of("signing", KEY_SECP256K1);
	static const enum sf spoil[] = {sfPublicKey, sfMasterSignature, sfSequence, sfSigningPubKey,
					sfSignature};
	struct buf b = BUF_INIT, out = BUF_INIT;
	struct arena a = ARENA_INIT;
	struct st_object *o;
	struct manifest m;
	size_t i;

	(void)state;
	manifest_make(&b, master, signing, 3, NULL);
	for (i = 0; i < 9; i++) {
		assert_int_equal(st_decode(&o, &a, buf_bytes(&b), NULL), ERR_NONE);
		if (i < 5)
			st_remove(o, spoil[i]);
		else if (i == 5) /* a revocation names no signing key */
			st_set_u(o, sfSequence, MANIFEST_REVOKED);
		else if (i == 6)
			st_set_u(o, sfVersion, 1);
		else if (i == 7)
			st_set_u(o, sfFlags, 0);
		else
			st_set_raw(o, sfDomain, bytes_str("-a.com"));
		buf_clear(&out);
		st_encode(&out, o, ST_ALL);
		assert_int_not_equal(manifest_parse(&m, buf_bytes(&out), NULL), ERR_NONE);
	}
	buf_clear(&b);
	manifest_make(&b, master, NULL, 0, NULL);
	assert_int_equal(manifest_parse(&m, buf_bytes(&b), NULL), ERR_NONE);
	assert_true(manifest_revokes(&m) && manifest_verify(&m));
	arena_close(&a);
	buf_close(&b);
	buf_close(&out);
	secret_key_close(master);
	secret_key_close(signing);
}

static void domains(void **state)
{
	static const char *const good[] = {"a.io", "xrpl.org", "a-b.c-d.example"};
	static const char *const bad[] = {"",       "a.b",    "example", ".com",    "a..com",
					  "-a.com", "a-.com", "a.c0m",   "a b.com", "a.com."};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(manifest_domain_valid(good[i], strlen(good[i])));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(manifest_domain_valid(bad[i], strlen(bad[i])));
}

/* ---- lists ---- */

struct made { /* a publisher and its list of three */
	struct secret_key *master, *signing;
	struct buf manifest, blob, text;
	struct list_entry v[3];
	struct buf vm; /* manifest of the first validator */
};

static void make(struct made *m, uint32_t version)
{
	struct list l = {.seq = 5, .effective = {100}, .expiration = {900}, .v = m->v, .n = 3};
	struct list_document d = {.version = version, .refresh_min = 7};
	uint8_t sig[SIGNATURE_MAX];
	char name[8];
	int i;

	*m = (struct made){.master = key_of("publisher", KEY_ED25519),
			   .signing = key_of("publisher's", KEY_SECP256K1)};
	for (i = 0; i < 3; i++) {
		struct secret_key *k, *s = key_of("v", KEY_SECP256K1);

		snprintf(name, sizeof(name), "v%d", i);
		k = key_of(name, KEY_ED25519);
		m->v[i] = (struct list_entry){.master = *secret_key_public(k)};
		if (!i) {
			manifest_make(&m->vm, k, s, 1, NULL);
			m->v[i].manifest = buf_bytes(&m->vm);
		}
		secret_key_close(k);
		secret_key_close(s);
	}
	manifest_make(&m->manifest, m->master, m->signing, 2, NULL);
	list_print(&m->blob, &l);
	d.public_key = bytes_of(secret_key_public(m->master)->b, 33);
	d.manifest = buf_bytes(&m->manifest);
	d.blobs[0] = (struct list_blob){
	    .blob = buf_bytes(&m->blob),
	    .signature = bytes_of(sig, signature_make(m->signing, buf_bytes(&m->blob), sig)),
	    .manifest = d.manifest};
	d.n = 1;
	list_document_print(&m->text, &d);
}

static void unmake(struct made *m)
{
	secret_key_close(m->master);
	secret_key_close(m->signing);
	buf_close(&m->manifest);
	buf_close(&m->blob);
	buf_close(&m->text);
	buf_close(&m->vm);
}

static void lists_of_both_versions_are_read_again(void **state)
{
	uint32_t version;

	(void)state;
	for (version = 1; version <= 2; version++) {
		struct arena a = ARENA_INIT;
		struct list_document d;
		struct why why = {""};
		struct list l;
		struct made m;
		int i;

		make(&m, version);
		assert_int_equal(list_document_parse(&d, &a, buf_bytes(&m.text), &why), ERR_NONE);
		assert_int_equal(d.version, version);
		assert_int_equal(d.refresh_min, 7);
		assert_int_equal(d.n, 1);
		assert_true(bytes_eq(d.manifest, buf_bytes(&m.manifest)));
		assert_true(bytes_eq(d.blobs[0].manifest, d.manifest));
		assert_true(bytes_eq(d.blobs[0].blob, buf_bytes(&m.blob)));
		assert_true(signature_check(bytes_of(secret_key_public(m.signing)->b, 33),
					    d.blobs[0].blob, d.blobs[0].signature));
		assert_int_equal(list_parse(&l, &a, d.blobs[0].blob, &why), ERR_NONE);
		assert_int_equal(l.seq, 5);
		assert_int_equal(l.effective.s, 100);
		assert_int_equal(l.expiration.s, 900);
		assert_int_equal(l.n, 3);
		for (i = 0; i < 3; i++) {
			assert_int_equal(public_key_cmp(&l.v[i].master, &m.v[i].master), 0);
			assert_true(bytes_eq(l.v[i].manifest, m.v[i].manifest));
		}
		arena_close(&a);
		unmake(&m);
	}
}

static void malformed_documents_are_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "[]",
	    "{}",
	    "{\"version\":3,\"manifest\":\"Zm9v\",\"blob\":\"Zm9v\",\"signature\":\"00\"}",
	    "{\"version\":1,\"blob\":\"Zm9v\",\"signature\":\"00\"}",
	    "{\"version\":1,\"manifest\":\"Zm9v\",\"blob\":\"Zm9v\"}",
	    "{\"version\":1,\"manifest\":\"Zm9v\",\"blob\":\"Zm9v\",\"signature\":\"0\"}",
	    "{\"version\":1,\"manifest\":\"Zm9v\",\"blob\":7,\"signature\":\"00\"}",
	    "{\"version\":1,\"manifest\":\"!\",\"blob\":\"Zm9v\",\"signature\":\"00\"}",
	    "{\"version\":1,\"manifest\":\"Zm9v\",\"blob\":\"Zm9v\",\"signature\":\"00\","
	    "\"blobs_v2\":[]}",
	    "{\"version\":2,\"manifest\":\"Zm9v\",\"blobs_v2\":[]}",
	    "{\"version\":2,\"manifest\":\"Zm9v\",\"blobs_v2\":[1]}",
	    "{\"version\":2,\"manifest\":\"Zm9v\",\"blobs_v2\":[{\"blob\":\"Zm9v\"}]}",
	    "{\"version\":2,\"manifest\":\"Zm9v\",\"blob\":\"Zm9v\",\"signature\":\"00\","
	    "\"blobs_v2\":[{\"blob\":\"Zm9v\",\"signature\":\"00\"}]}",
	};
	static const char *const bad_lists[] = {
	    "{\"sequence\":1,\"expiration\":9}",
	    "{\"sequence\":1,\"validators\":[]}",
	    "{\"expiration\":9,\"validators\":[]}",
	    "{\"sequence\":-1,\"expiration\":9,\"validators\":[]}",
	    "{\"sequence\":1,\"expiration\":4294967296,\"validators\":[]}",
	    "{\"sequence\":1,\"effective\":9,\"expiration\":9,\"validators\":[]}",
	    "{\"sequence\":1,\"expiration\":9,\"validators\":[1]}",
	    "{\"sequence\":1,\"expiration\":9,\"validators\":[{\"validation_public_key\":\"00\"}]}",
	};
	struct arena a = ARENA_INIT;
	struct list_document d;
	struct list l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(list_document_parse(&d, &a, bytes_str(bad[i]), NULL),
				     ERR_NONE);
	for (i = 0; i < sizeof(bad_lists) / sizeof(bad_lists[0]); i++)
		assert_int_not_equal(list_parse(&l, &a, bytes_str(bad_lists[i]), NULL), ERR_NONE);
	arena_close(&a);
}

static void a_validator_listed_twice_is_refused(void **state)
{
	struct arena a = ARENA_INIT;
	struct list l = {.seq = 1, .expiration = {9}, .n = 2};
	struct list_entry v[2];
	struct buf b = BUF_INIT;
	struct made m;

	(void)state;
	make(&m, 1);
	v[0] = v[1] = m.v[1];
	l.v = v;
	list_print(&b, &l);
	assert_int_equal(list_parse(&l, &a, buf_bytes(&b), NULL), ERR_DUPLICATE);
	buf_close(&b);
	arena_close(&a);
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(base64_of_known_texts),
	    cmocka_unit_test(the_example_token_is_read),
	    cmocka_unit_test(a_token_is_written_and_read),
	    cmocka_unit_test(any_changed_byte_spoils_a_manifest),
	    cmocka_unit_test(manifests_of_a_wrong_form_are_refused),
	    cmocka_unit_test(domains),
	    cmocka_unit_test(lists_of_both_versions_are_read_again),
	    cmocka_unit_test(malformed_documents_are_refused),
	    cmocka_unit_test(a_validator_listed_twice_is_refused),
	};

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
