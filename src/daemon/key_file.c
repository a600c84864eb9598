/* SPDX-License-Identifier: ISC */
#include "daemon/key_file.h"

#include "crypto/base58.h"
#include "os/entropy.h"
#include "os/file.h"

#include <stdio.h>

#define KEY_FILE_MAX 4096

enum err key_file_create(const char *path, const char *what, enum key_type type,
			 struct public_key *public_out, struct why *why)
{
	struct secret_key *key;
	struct public_key pub;
	struct base58_text st;
	struct seed seed;
	struct buf b = BUF_INIT;
	enum err e;

	entropy_fill(seed.b, sizeof(seed.b));
	e = secret_key_of_node_seed(&key, &pub, type, &seed);
	if (e != ERR_NONE)
		return why_set(why, e, "cannot make a key");
	st = seed_text(&seed, type);
	buf_reserve(&b, KEY_FILE_MAX);
	buf_printf(&b, "# %s of tally; keep it secret\npublic_key = %s\nkey_type = %s\nseed = %s\n",
		   what, node_public_text(&pub).s, type == KEY_ED25519 ? "ed25519" : "secp256k1",
		   st.s);
	e = file_write_new(path, buf_bytes(&b), 0600, why);
	secure_wipe(b.p, b.n);
	secure_wipe(&seed, sizeof(seed));
	secure_wipe(&st, sizeof(st));
	buf_close(&b);
	secret_key_close(key);
	if (public_out)
		*public_out = pub;
	return e;
}

/* The value of "name = value" on a line of its own; copied to out. */
static bool value_of(char *out, size_t size, const char *text, const char *name)
{
	const char *line = text;
	size_t n = strlen(name);

	while (line && *line) {
		if (!strncmp(line, name, n) && !strncmp(line + n, " = ", 3)) {
			size_t len = strcspn(line + n + 3, " \r\n");

			if (len >= size)
				return false;
			memcpy(out, line + n + 3, len);
			out[len] = '\0';
			return true;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return false;
}

enum err key_file_read(struct secret_key **out, const char *path, struct why *why)
{
	char seed_s[BASE58_TEXT_MAX], pub_s[BASE58_TEXT_MAX], type_s[16];
	struct buf b = BUF_INIT;
	struct public_key pub;
	struct seed seed;
	enum key_type type, want;
	enum err e;

	buf_reserve(&b, KEY_FILE_MAX + 1); /* not moved later: wiped where it is */
	e = file_read_secret(&b, path, KEY_FILE_MAX, why);
	if (e != ERR_NONE)
		goto out;
	buf_put_u8(&b, 0);
	e = ERR_INVALID;
	if (!value_of(seed_s, sizeof(seed_s), (char *)b.p, "seed") ||
	    !value_of(pub_s, sizeof(pub_s), (char *)b.p, "public_key") ||
	    !value_of(type_s, sizeof(type_s), (char *)b.p, "key_type")) {
		why_set(why, e, "%s: not a key file (public_key, key_type and seed wanted)", path);
		goto out;
	}
	want = strcmp(type_s, "ed25519") ? KEY_SECP256K1 : KEY_ED25519;
	if (seed_parse(&seed, &type, seed_s) != ERR_NONE ||
	    secret_key_of_node_seed(out, &pub, want, &seed) != ERR_NONE) {
		why_set(why, e, "%s: the seed is malformed", path);
		goto out;
	}
	e = ERR_NONE;
	if (strcmp(node_public_text(&pub).s, pub_s) != 0) {
		secret_key_close(*out);
		*out = NULL;
		e = why_set(why, ERR_MISMATCH, "%s: public_key does not belong to the seed", path);
	}
out:
	secure_wipe(&seed, sizeof(seed));
	secure_wipe(seed_s, sizeof(seed_s));
	if (b.p)
		secure_wipe(b.p, b.n);
	buf_close(&b);
	return e;
}
