/* SPDX-License-Identifier: ISC */
#include "tally.h"

#include "base/limits.h"
#include "base/mem.h"
#include "tx/tx.h"

#include <stdio.h>
#include <stdlib.h>

/* Transactions that several sign, each where its key is:
 *
 *     prepare --signers 2 ──► JSON ─┬─► sign-for ──► blob ─┐
 *                                   └─► sign-for ──► blob ─┴─► submit-multisigned
 *
 * or one after the other, each giving the blob that it got to sign-for. No secret leaves the
 * machine it is on. */

/* ---- What comes as an argument */

static bool unhex_into(struct buf *out, const struct buf *text)
{
	buf_reserve(out, text->n / 2 + 1);
	out->n = text->n / 2;
	return text->n > 0 && hex_decode(out->p, out->n, (char *)text->p, text->n);
}

static struct st_object *of_json(struct tally *t, struct arena *a, const struct buf *text)
{
	struct why why = {""};
	struct st_object *o = NULL;
	json_t *j = NULL;

	if (json_parse_bounded(&j, buf_bytes(text), &why) == ERR_NONE &&
	    !json_object_get(j, "SigningPubKey"))
		json_object_set_new(j, "SigningPubKey", json_string(""));
	if (!j || st_from_json(&o, a, j, &why) != ERR_NONE) {
		tally_fail(t, 0, "%s", why.text);
		o = NULL;
	}
	json_decref(j);
	return o;
}

static struct st_object *of_blob(struct tally *t, struct arena *a, const struct buf *text)
{
	struct buf blob = BUF_INIT;
	struct why why = {""};
	struct st_object *o = NULL, *copy = NULL;

	if (!unhex_into(&blob, text))
		tally_fail(t, 0, "neither a blob in hex nor a JSON object");
	else if (st_decode(&o, a, buf_bytes(&blob), &why) != ERR_NONE)
		tally_fail(t, 0, "%s", why.text);
	else
		copy = st_copy(a, o);
	buf_close(&blob);
	return copy;
}

/* A transaction to be signed by several, whoever has signed it already. NULL after complaining. */
static struct st_object *transaction(struct tally *t, struct arena *a, const char *argument)
{
	struct st_object *o;
	struct bytes key;
	struct buf text;

	if (!tally_text(t, argument, &text))
		return NULL;
	o = text.n && text.p[0] == '{' ? of_json(t, a, &text) : of_blob(t, a, &text);
	buf_close(&text);
	if (!o)
		return NULL;
	if (st_has(o, sfTxnSignature) || (st_get_raw(o, sfSigningPubKey, &key) && key.n > 0)) {
		tally_fail(t, 0, "it is signed by one key alone, or is to be");
		return NULL;
	}
	return o;
}

static struct st_array *signers(const struct st_object *o)
{
	return (struct st_array *)(uintptr_t)st_get_array(o, sfSigners);
}

/* ---- What comes out */

static int by_account(const void *a, const void *b)
{
	struct account_id x = {{0}}, y = {{0}};

	(void)st_get_account(((const struct st_element *)a)->object, sfAccount, &x);
	(void)st_get_account(((const struct st_element *)b)->object, sfAccount, &y);
	return account_cmp(&x, &y);
}

/* The transaction with its signers in order, when all that it has is good. NULL after complaining.
 */
static struct tx *finish(struct tally *t, struct st_object *o)
{
	struct st_array *list = signers(o);
	struct buf out = BUF_INIT;
	struct why why = {""};
	struct tx *tx = NULL;

	if (list && list->n)
		qsort(list->e, list->n, sizeof(list->e[0]), by_account);
	st_encode(&out, o, ST_ALL);
	if (tx_parse(&tx, buf_bytes(&out), &why) != ERR_NONE) {
		tally_fail(t, 0, "%s", why.text);
		tx = NULL;
	} else if (!tx_signature_valid(tx)) {
		tally_fail(t, 0,
			   list && list->n > TX_SIGNERS_MAX
			       ? "more than 32 signatures"
			       : "a signature in it is of another transaction, or damaged");
		tx_unref(tx);
		tx = NULL;
	}
	buf_close(&out);
	return tx;
}

static char *hex_of(const struct tx *tx)
{
	char *hex = mem_alloc(2 * tx->blob.n + 1);

	hex_encode(hex, tx->blob.p, tx->blob.n);
	return hex;
}

static int show(struct tally *t, struct tx *tx)
{
	char *hex;

	if (!tx)
		return TALLY_FAILED;
	hex = hex_of(tx);
	if (t->json)
		tally_print_json(json_pack("{s:s, s:s, s:i}", "tx_blob", hex, "hash",
					   hash256_hex(&tx->id).s, "signers", (int)tx->signers));
	else
		printf("hash  %s\nblob  %s\n", hash256_hex(&tx->id).s, hex);
	mem_free(hex);
	tx_unref(tx);
	return TALLY_OK;
}

/* ---- sign-for */

static bool has_signer(const struct st_object *o, const struct account_id *id)
{
	const struct st_array *list = signers(o);
	struct account_id one;

	for (uint32_t i = 0; list && i < list->n; i++)
		if (st_get_account(list->e[i].object, sfAccount, &one) && account_eq(&one, id))
			return true;
	return false;
}

static int sign_for(struct tally *t, struct arena *a, const char *account,
		    const struct secret_key *key)
{
	struct st_object *o = transaction(t, a, t->argv[1]);
	struct account_id id, sender;

	if (!o)
		return TALLY_FAILED;
	account_of_key(&id, secret_key_public(key));
	if (account && account_parse(&id, account) != ERR_NONE)
		return tally_fail(t, TALLY_USAGE, "\"%s\" is no address", account);
	if (st_get_account(o, sfAccount, &sender) && account_eq(&sender, &id))
		return tally_fail(t, TALLY_FAILED, "%s does not sign beside others for itself",
				  account_text(&id).s);
	if (has_signer(o, &id))
		return tally_fail(t, TALLY_FAILED, "%s has signed it already", account_text(&id).s);
	tx_sign_for(o, o, &id, key);
	return show(t, finish(t, o));
}

int cmd_sign_for(struct tally *t)
{
	const char *account = tally_option(t, "--account");
	struct arena a = ARENA_INIT;
	struct tally_secret from;
	struct secret_key *key;
	struct public_key pub;
	int code = TALLY_USAGE;

	if (!tally_secret_options(t, &from) || !tally_arguments(t, 1, 1))
		return code;
	key = tally_secret_read(t, &from, &pub, &code);
	if (key)
		code = sign_for(t, &a, account, key);
	secret_key_close(key);
	arena_close(&a);
	return code;
}

/* ---- multisign, submit-multisigned */

/* Whether two are the same transaction, whoever has signed them. */
static bool same(const struct st_object *a, const struct st_object *b)
{
	struct buf x = BUF_INIT, y = BUF_INIT;
	bool is;

	st_encode(&x, a, ST_SIGNING);
	st_encode(&y, b, ST_SIGNING);
	is = x.n == y.n && memcmp(x.p, y.p, x.n) == 0;
	buf_close(&x);
	buf_close(&y);
	return is;
}

/* Signatures that the whole has already are not put there twice. */
static void merge(struct st_object *whole, struct arena *a, const struct st_object *part)
{
	const struct st_array *from = signers(part);
	struct account_id id;

	for (uint32_t i = 0; from && i < from->n; i++) {
		struct st_array *to = signers(whole);
		const struct st_object *s = from->e[i].object;
		struct st_object *copy;

		if (!st_get_account(s, sfAccount, &id) || has_signer(whole, &id))
			continue;
		copy = st_array_add(to ? to : st_set_array(whole, sfSigners), a, sfSigner);
		*copy = *st_copy(a, s);
	}
}

static struct tx *combined(struct tally *t, struct arena *a)
{
	struct st_object *whole = NULL;

	for (int i = 1; i < t->argc; i++) {
		struct st_object *part = transaction(t, a, t->argv[i]);

		if (!part)
			return NULL;
		if (whole && !same(whole, part)) {
			tally_fail(t, 0, "argument %d is another transaction than the first", i);
			return NULL;
		}
		if (whole)
			merge(whole, a, part);
		else
			whole = part;
	}
	if (!signers(whole)) {
		tally_fail(t, 0, "nobody has signed it (see sign-for)");
		return NULL;
	}
	return finish(t, whole);
}

int cmd_multisign(struct tally *t)
{
	struct arena a = ARENA_INIT;
	int code;

	if (!tally_arguments(t, 1, TX_SIGNERS_MAX))
		return TALLY_USAGE;
	code = show(t, combined(t, &a));
	arena_close(&a);
	return code;
}

int cmd_submit_multisigned(struct tally *t)
{
	struct arena a = ARENA_INIT;
	struct tally_wait wait;
	int code = TALLY_FAILED;
	struct tx *tx;
	char *hex;

	if (!tally_wait_options(t, &wait) || !tally_arguments(t, 1, TX_SIGNERS_MAX))
		return TALLY_USAGE;
	tx = combined(t, &a);
	if (tx) {
		hex = hex_of(tx);
		code = tally_submit(t, hex, &wait);
		mem_free(hex);
	}
	tx_unref(tx);
	arena_close(&a);
	return code;
}

/* ---- prepare */

int cmd_prepare(struct tally *t)
{
	const char *s = tally_option(t, "--signers");
	struct why why = {""};
	uint64_t n = 0;
	struct buf text;
	json_t *tx = NULL;
	int code = TALLY_USAGE;

	if (s && !tally_number(s, 1, TX_SIGNERS_MAX, &n))
		return tally_fail(t, code, "--signers takes 1 to %d", TX_SIGNERS_MAX);
	if (!tally_arguments(t, 1, 1) || !tally_text(t, t->argv[1], &text))
		return code;
	if (json_parse_bounded(&tx, buf_bytes(&text), &why) != ERR_NONE)
		tally_fail(t, 0, "%s", why.text);
	else if (!json_object_get(tx, "Account"))
		tally_fail(t, 0, "Account is missing");
	else if (tally_fill(t, tx, (uint32_t)n, &code)) {
		if (n)
			json_object_set_new(tx, "SigningPubKey", json_string(""));
		tally_print_json(json_incref(tx));
		code = TALLY_OK;
	}
	json_decref(tx);
	buf_close(&text);
	return code;
}
