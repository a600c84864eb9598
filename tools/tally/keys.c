/* SPDX-License-Identifier: ISC */
#include "tally.h"

#include "daemon/key_file.h"
#include "os/entropy.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>

#define SEED_FILE_MAX 4096

static bool key_type_option(struct tally *t, enum key_type *type, bool *given)
{
	const char *s = tally_option(t, "--key-type");

	*given = s != NULL;
	if (!s)
		return true;
	if (!strcmp(s, "ed25519"))
		*type = KEY_ED25519;
	else if (!strcmp(s, "secp256k1"))
		*type = KEY_SECP256K1;
	else {
		tally_fail(t, 0, "--key-type is ed25519 or secp256k1");
		return false;
	}
	return true;
}

/* Reserved at once, so that what is wiped later is all there was. */
static bool read_seed_file(struct tally *t, struct buf *b, const char *path)
{
	struct why why = {""};

	buf_reserve(b, SEED_FILE_MAX + 1);
	if (!strcmp(path, "-")) {
		b->n = fread(b->p, 1, SEED_FILE_MAX, stdin);
		return true;
	}
	if (file_read_secret(b, path, SEED_FILE_MAX, &why) == ERR_NONE)
		return true;
	tally_fail(t, 0, "%s", why.text);
	buf_close(b);
	return false;
}

bool tally_secret_options(struct tally *t, struct tally_secret *from)
{
	*from = (struct tally_secret){.path = tally_option(t, "--seed-file")};
	if (!from->path)
		from->path = getenv("TALLY_SEED_FILE");
	if (from->path && !*from->path)
		from->path = NULL;
	return key_type_option(t, &from->type, &from->type_given);
}

struct secret_key *tally_secret_read(struct tally *t, const struct tally_secret *from,
				     struct public_key *pub, int *code)
{
	struct secret_key *key = NULL;
	struct buf b = BUF_INIT;
	struct seed seed;
	enum key_type type;
	char *word, *save;

	*code = TALLY_FAILED;
	if (!from->path) {
		*code = tally_fail(t, TALLY_USAGE,
				   "--seed-file FILE is wanted (or TALLY_SEED_FILE)");
		return NULL;
	}
	if (!read_seed_file(t, &b, from->path))
		return NULL;
	buf_put_u8(&b, 0);
	word = strtok_r((char *)b.p, " \t\r\n", &save);
	if (!word || seed_parse(&seed, &type, word) != ERR_NONE)
		tally_fail(t, 0, "%s: its first word is no seed (s...)", from->path);
	else if (secret_key_of_seed(&key, pub, from->type_given ? from->type : type, &seed) !=
		 ERR_NONE)
		tally_fail(t, 0, "%s: no key can be derived", from->path);
	secure_wipe(b.p, b.n);
	secure_wipe(&seed, sizeof(seed));
	buf_close(&b);
	return key;
}

int cmd_wallet(struct tally *t)
{
	const char *passphrase = tally_option(t, "--passphrase");
	enum key_type type = KEY_ED25519;
	struct account_id account;
	struct secret_key *key = NULL;
	struct public_key pub;
	struct seed seed;
	char hex[67];
	bool given;

	if (!key_type_option(t, &type, &given) || !tally_arguments(t, 0, 0))
		return TALLY_USAGE;
	if (passphrase)
		seed_of_passphrase(&seed, bytes_str(passphrase));
	else
		entropy_fill(seed.b, sizeof(seed.b));
	if (secret_key_of_seed(&key, &pub, type, &seed) != ERR_NONE)
		return tally_fail(t, TALLY_FAILED, "no key can be derived");
	account_of_key(&account, &pub);
	hex_encode(hex, pub.b, 33);
	if (t->json)
		tally_print_json(
		    json_pack("{s:s, s:s, s:s, s:s, s:s}", "account_id", account_text(&account).s,
			      "master_seed", seed_text(&seed, type).s, "public_key",
			      account_public_text(&pub).s, "public_key_hex", hex, "key_type",
			      type == KEY_ED25519 ? "ed25519" : "secp256k1"));
	else
		printf("address     %s\nseed        %s   (keep it secret)\npublic key  %s\n",
		       account_text(&account).s, seed_text(&seed, type).s, hex);
	if (passphrase)
		fprintf(stderr, "tally wallet: a key from a passphrase is as weak as the phrase\n");
	secure_wipe(&seed, sizeof(seed));
	secret_key_close(key);
	return TALLY_OK;
}

int cmd_validator_keys(struct tally *t)
{
	const char *out = tally_option(t, "--out");
	struct public_key pub;
	struct why why = {""};

	if (!out || !tally_arguments(t, 0, 0))
		return out ? TALLY_USAGE : tally_fail(t, TALLY_USAGE, "--out FILE is wanted");
	if (key_file_create(out, "validator key", KEY_SECP256K1, &pub, &why) != ERR_NONE)
		return tally_fail(t, TALLY_FAILED, "%s", why.text);
	if (t->json)
		tally_print_json(json_pack("{s:s, s:s}", "public_key", node_public_text(&pub).s,
					   "key_file", out));
	else
		printf("%s\n", node_public_text(&pub).s);
	return TALLY_OK;
}
