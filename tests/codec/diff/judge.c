/* SPDX-License-Identifier: ISC
 * codec-judge: answers lines on standard input with lines on standard output.
 *
 *     E <JSON>    encode: "B <hex>", or "R <error> <reason>" when refused
 *     D <hex>     decode: "J <JSON>", or "R <error> <reason>"
 *     S <hex>     what is signed of a transaction: "B <hex>"
 *     M <account> <hex>       the same for one of several signers, by the account's 20 bytes
 *     V <hex>     whether a transaction's signatures are good: "V 1" or "V 0"
 *     G <e|s> <entropy> <account or -> <hex>
 *                 signs with the key of a seed, alone or as that account: "G <key> <signature>"
 *
 * What decodes must encode back to the same bytes; if not, the answer is "X <hex>". */
#include "codec/json.h"
#include "tx/tx.h"

#include <stdio.h>
#include <stdlib.h>

static void refuse(enum err e, const struct why *why)
{
	printf("R %s %s\n", err_name(e), why->text);
}

static void put_hex(char tag, struct bytes in)
{
	char *hex = mem_alloc(2 * in.n + 1);

	hex_encode(hex, in.p, in.n);
	printf("%c %s\n", tag, hex);
	mem_free(hex);
}

static void encode(struct arena *a, struct bytes text)
{
	struct why why = {{0}};
	struct st_object *o;
	struct buf b = BUF_INIT;
	json_t *in;
	enum err e = json_parse_bounded(&in, text, &why);

	if (e) {
		refuse(e, &why);
		return;
	}
	e = st_from_json(&o, a, in, &why);
	json_decref(in);
	if (e) {
		refuse(e, &why);
		return;
	}
	st_encode(&b, o, ST_ALL);
	put_hex('B', buf_bytes(&b));
	buf_close(&b);
}

static void decode(struct arena *a, const char *hex, size_t n)
{
	uint8_t *p = arena_alloc(a, n / 2 + 1);
	struct bytes in = bytes_of(p, n / 2);
	struct why why = {{0}};
	struct st_object *o;
	struct buf b = BUF_INIT;
	json_t *json;
	char *text;
	enum err e;

	if (!hex_decode(p, n / 2, hex, n)) {
		(void)why_set(&why, ERR_INVALID, "not hex");
		refuse(ERR_INVALID, &why);
		return;
	}
	e = st_decode(&o, a, in, &why);
	if (e) {
		refuse(e, &why);
		return;
	}
	st_encode(&b, o, ST_ALL);
	if (!bytes_eq(buf_bytes(&b), in)) {
		put_hex('X', buf_bytes(&b));
	} else {
		json = st_to_json(o);
		text = json_dumps(json, JSON_COMPACT);
		printf("J %s\n", text);
		free(text);
		json_decref(json);
	}
	buf_close(&b);
}

/* The bytes of a word of hex, which is known to be sound; the text after it. */
static struct bytes unhex(struct arena *a, const char **text)
{
	size_t n = strcspn(*text, " \n") / 2;
	uint8_t *p = arena_alloc(a, n + 1);

	must(hex_decode(p, n, *text, 2 * n));
	*text += 2 * n;
	*text += **text == ' ';
	return bytes_of(p, n);
}

static struct st_object *transaction(struct arena *a, const char **text)
{
	struct st_object *o;

	must(st_decode(&o, a, unhex(a, text), NULL) == ERR_NONE);
	return o;
}

/* account: NULL when the transaction has one signer. */
static void payload_of(struct buf *out, const struct st_object *o, const struct account_id *account)
{
	if (account)
		tx_multisign_payload(out, o, account);
	else
		tx_sign_payload(out, o);
}

static struct account_id account_of(struct arena *a, const char **text)
{
	struct bytes b = unhex(a, text);
	struct account_id id;

	must(b.n == sizeof(id.b));
	memcpy(id.b, b.p, b.n);
	return id;
}

static void payload(struct arena *a, const char *text, bool multi)
{
	struct buf b = BUF_INIT;
	struct account_id id = {{0}};

	if (multi)
		id = account_of(a, &text);
	payload_of(&b, transaction(a, &text), multi ? &id : NULL);
	put_hex('B', buf_bytes(&b));
	buf_close(&b);
}

static void verify(struct arena *a, const char *text)
{
	struct why why = {{0}};
	struct tx *t;
	enum err e = tx_parse(&t, unhex(a, &text), &why);

	if (e) {
		refuse(e, &why);
		return;
	}
	printf("V %d\n", tx_signature_valid(t));
	tx_unref(t);
}

static void sign(struct arena *a, const char *text)
{
	enum key_type type = *text == 'e' ? KEY_ED25519 : KEY_SECP256K1;
	char pub_hex[2 * 33 + 1], sig_hex[2 * SIGNATURE_MAX + 1];
	struct account_id id = {{0}};
	uint8_t sig[SIGNATURE_MAX];
	struct secret_key *key;
	struct public_key pub;
	struct st_object *o;
	struct buf b = BUF_INIT;
	struct seed seed;
	bool multi;

	text += 2;
	memcpy(seed.b, unhex(a, &text).p, sizeof(seed.b));
	multi = *text != '-';
	if (multi)
		id = account_of(a, &text);
	else
		text += 2;
	o = transaction(a, &text);
	must(secret_key_of_seed(&key, &pub, type, &seed) == ERR_NONE);
	if (!multi)
		st_set_raw(o, sfSigningPubKey, bytes_of(pub.b, sizeof(pub.b)));
	payload_of(&b, o, multi ? &id : NULL);
	hex_encode(sig_hex, sig, signature_make(key, buf_bytes(&b), sig));
	hex_encode(pub_hex, pub.b, sizeof(pub.b));
	printf("G %s %s\n", pub_hex, sig_hex);
	secret_key_close(key);
	buf_close(&b);
}

int main(void)
{
	struct arena a = ARENA_INIT;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	if (crypto_init(NULL) != ERR_NONE)
		return 1;
	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		if (n >= 2 && line[0] == 'E')
			encode(&a, bytes_of(line + 2, (size_t)n - 2));
		else if (n >= 2 && line[0] == 'D')
			decode(&a, line + 2, (size_t)n - 2);
		else if (n >= 2 && (line[0] == 'S' || line[0] == 'M'))
			payload(&a, line + 2, line[0] == 'M');
		else if (n >= 2 && line[0] == 'V')
			verify(&a, line + 2);
		else if (n >= 2 && line[0] == 'G')
			sign(&a, line + 2);
		else if (n == 1 && line[0] == 'F') /* flush: the asker waits for answers */
			fflush(stdout);
		else
			printf("R ERR_INVALID unknown command\n");
		arena_reset(&a);
	}
	free(line);
	arena_close(&a);
	return 0;
}
