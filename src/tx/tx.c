/* SPDX-License-Identifier: ISC */
#include "tx/tx.h"

#include "base/limits.h"
#include "crypto/base58.h"
#include "crypto/hash.h"
#include "ledger/keylet.h"

#include <stdlib.h>

void tx_id(struct hash256 *out, struct bytes blob)
{
	sha512_half_parts(out, HASH_PREFIX_TX_ID, &blob, 1);
}

/* What is in the members of arrays, by the field that wraps them (rippled: InnerObjectFormats.cpp);
 * members of other names are of any shape, and it is for their type to judge them. */
static const struct inner_format {
	enum sf wrapper;
	enum sf required[3], optional; /* sfInvalid: no more */
} inner_formats[] = {
    {sfSigner, {sfAccount, sfSigningPubKey, sfTxnSignature}, sfInvalid},
    {sfSignerEntry, {sfAccount, sfSignerWeight}, sfWalletLocator},
    {sfCredential, {sfIssuer, sfCredentialType}, sfInvalid},
};

static bool inner_fits(const struct inner_format *f, const struct st_object *o)
{
	uint32_t known = 0;

	for (size_t i = 0; i < 3 && f->required[i] != sfInvalid; i++, known++)
		if (!st_has(o, f->required[i]))
			return false;
	known += f->optional != sfInvalid && st_has(o, f->optional);
	return o->n == known;
}

static enum err check_array(const struct st_value *v, struct why *why)
{
	for (uint32_t i = 0; i < v->array->n; i++) {
		const struct st_element *e = &v->array->e[i];

		for (size_t k = 0; k < sizeof(inner_formats) / sizeof(inner_formats[0]); k++)
			if (e->field == inner_formats[k].wrapper &&
			    !inner_fits(&inner_formats[k], e->object))
				return why_set(why, ERR_INVALID, "%s[%u]: not a %s",
					       sf_name(v->field), i, sf_name(e->field));
		if (v->field == sfSigners && e->field != sfSigner)
			return why_set(why, ERR_INVALID, "Signers[%u]: not a Signer", i);
	}
	return ERR_NONE;
}

static enum err check_arrays(const struct tx *t, struct why *why)
{
	for (uint32_t i = 0; i < t->fields->n; i++) {
		const struct st_value *v = &t->fields->v[i];
		enum err e = sf_type(v->field) == ST_ARRAY ? check_array(v, why) : ERR_NONE;

		if (e != ERR_NONE)
			return e;
	}
	return ERR_NONE;
}

static bool type_is_pseudo(uint16_t type)
{
	return type == ttEnableAmendment || type == ttSetFee || type == ttUNLModify;
}

static void copy_common(struct tx *t)
{
	const struct st_object *o = t->fields;
	const struct st_array *signers = st_get_array(o, sfSigners);

	t->pseudo = type_is_pseudo(t->type);
	(void)st_get_account(o, sfAccount, &t->account);
	t->account_key = keylet_account(&t->account).key;
	t->seq = st_u32_or(o, sfSequence, 0);
	t->ticket = st_u32_or(o, sfTicketSequence, 0);
	t->has_ticket = t->seq == 0 && st_has(o, sfTicketSequence);
	t->last_ledger = st_u32_or(o, sfLastLedgerSequence, 0);
	t->flags = st_u32_or(o, sfFlags, 0);
	t->signers = signers ? signers->n : 0;
	if (!st_get_drops(o, sfFee, &t->fee))
		t->fee = drops_of(0);
}

static enum err parse_into(struct tx *t, struct why *why)
{
	enum err e = st_decode(&t->fields, &t->arena, t->blob, why);

	if (e != ERR_NONE)
		return e;
	if (!st_get_u16(t->fields, sfTransactionType, &t->type))
		return why_set(why, ERR_INVALID, "no TransactionType");
	if (!tx_type_name(t->type))
		return why_set(why, ERR_INVALID, "unknown transaction type %u", t->type);
	e = tx_format_check(t->fields, why);
	if (e != ERR_NONE)
		return e;
	e = check_arrays(t, why);
	if (e != ERR_NONE)
		return e;
	copy_common(t);
	return ERR_NONE;
}

/* Most transactions are flat, and many are kept: those move out of their arena, whose smallest
 * chunk is several times what they need. */
static void pack(struct tx *t)
{
	struct st_object *o = t->fields;

	for (uint32_t i = 0; i < o->n; i++) {
		enum st_type type = sf_type(o->v[i].field);

		if (type == ST_OBJECT || type == ST_ARRAY)
			return;
	}
	t->packed = mem_alloc(sizeof(*o) + o->n * sizeof(o->v[0]));
	t->fields = t->packed;
	*t->fields = (struct st_object){
	    .arena = &t->arena, .v = (struct st_value *)(t->fields + 1), .n = o->n, .cap = o->n};
	memcpy(t->fields->v, o->v, o->n * sizeof(o->v[0]));
	arena_close(&t->arena);
}

static void tx_free(struct tx *t)
{
	mem_free(t->packed);
	arena_close(&t->arena);
	mem_free(t);
}

enum err tx_parse(struct tx **out, struct bytes blob, struct why *why)
{
	uint8_t *copy;
	struct tx *t;
	enum err e;

	if (blob.n < TX_BYTES_MIN)
		return why_set(why, ERR_SHORT, "%zu bytes are no transaction", blob.n);
	if (blob.n > TX_BYTES_MAX)
		return why_set(why, ERR_TOO_LARGE, "%zu bytes, at most %d", blob.n, TX_BYTES_MAX);
	t = mem_zalloc(1, sizeof(*t) + blob.n);
	copy = (uint8_t *)(t + 1);
	memcpy(copy, blob.p, blob.n);
	t->blob = bytes_of(copy, blob.n);
	atomic_init(&t->refs, 1);
	atomic_init(&t->signature, TX_SIG_UNKNOWN);
	atomic_init(&t->fault, 0);
	tx_id(&t->id, blob);
	e = parse_into(t, why);
	if (e != ERR_NONE) {
		tx_free(t);
		return e;
	}
	pack(t);
	*out = t;
	return ERR_NONE;
}

struct tx *tx_ref(struct tx *t)
{
	must(atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed) > 0);
	return t;
}

void tx_unref(struct tx *t)
{
	if (t && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1)
		tx_free(t);
}

void tx_sign_payload(struct buf *out, const struct st_object *fields)
{
	buf_put_be32(out, HASH_PREFIX_TX_SIGN);
	st_encode(out, fields, ST_SIGNING);
}

/* What all signers sign. A multi-signed transaction has an empty SigningPubKey, which is signed
 * along. */
static void put_multisigned(struct buf *out, const struct st_object *fields)
{
	buf_put_be32(out, HASH_PREFIX_TX_MULTISIGN);
	st_encode(out, fields, ST_SIGNING);
}

void tx_multisign_payload(struct buf *out, const struct st_object *fields,
			  const struct account_id *signer)
{
	put_multisigned(out, fields);
	buf_put(out, signer->b, sizeof(signer->b));
}

/* What is wrong with signatures: one of these, and for FAULT_SIGNER, above FAULT_BITS, which signer
 * it is. */
enum fault {
	FAULT_NONE,
	FAULT_SIGNATURE,
	FAULT_NO_KEY,
	FAULT_TWO_WAYS,
	FAULT_COUNT,
	FAULT_SELF,
	FAULT_TWICE,
	FAULT_ORDER,
	FAULT_SIGNER,
};
#define FAULT_BITS 8

static unsigned single_fault(const struct tx *t, struct bytes key)
{
	struct buf payload = BUF_INIT;
	struct bytes sig = {0};
	bool good;

	if (st_has(t->fields, sfSigners))
		return FAULT_TWO_WAYS;
	if (!st_get_raw(t->fields, sfTxnSignature, &sig))
		return FAULT_SIGNATURE;
	buf_reserve(&payload, t->blob.n);
	tx_sign_payload(&payload, t->fields);
	good = signature_check(key, buf_bytes(&payload), sig);
	buf_close(&payload);
	return good ? FAULT_NONE : FAULT_SIGNATURE;
}

/* Who pays the fee and may not be among the signers of its own transaction. */
static struct account_id fee_payer(const struct tx *t)
{
	struct account_id id;

	return st_get_account(t->fields, sfDelegate, &id) ? id : t->account;
}

/* One signer; *last is the account of the one before it. The payload ends with what all sign. */
static unsigned signer_fault(const struct st_object *o, const struct account_id *payer,
			     struct account_id *last, struct buf *payload)
{
	struct account_id id = {{0}};
	struct bytes key = {0}, sig = {0};

	(void)st_get_account(o, sfAccount, &id);
	if (account_eq(&id, payer))
		return FAULT_SELF;
	if (account_eq(&id, last))
		return FAULT_TWICE;
	if (account_cmp(&id, last) < 0)
		return FAULT_ORDER;
	*last = id;
	(void)st_get_raw(o, sfSigningPubKey, &key);
	(void)st_get_raw(o, sfTxnSignature, &sig);
	buf_put(payload, id.b, sizeof(id.b));
	return signature_check(key, buf_bytes(payload), sig) ? FAULT_NONE : FAULT_SIGNER;
}

/* Signers: 1 to 32, ascending by account without duplicates, each with a good signature of the
 * payload that ends with its account (rippled: STTx.cpp). */
static unsigned multi_fault(const struct tx *t)
{
	const struct st_array *signers = st_get_array(t->fields, sfSigners);
	struct account_id payer = fee_payer(t), last = {{0}};
	struct buf payload = BUF_INIT;
	unsigned fault = FAULT_NONE;
	size_t common;

	if (!signers)
		return FAULT_NO_KEY;
	if (st_has(t->fields, sfTxnSignature))
		return FAULT_TWO_WAYS;
	if (signers->n < 1 || signers->n > TX_SIGNERS_MAX)
		return FAULT_COUNT;
	put_multisigned(&payload, t->fields);
	common = payload.n;
	for (uint32_t i = 0; fault == FAULT_NONE && i < signers->n; i++) {
		payload.n = common;
		fault = signer_fault(signers->e[i].object, &payer, &last, &payload);
		if (fault == FAULT_SIGNER)
			fault |= i << FAULT_BITS;
	}
	buf_close(&payload);
	return fault;
}

static unsigned fault_of(const struct tx *t)
{
	struct bytes key;

	if (t->pseudo || !st_get_raw(t->fields, sfSigningPubKey, &key))
		return FAULT_SIGNATURE;
	return key.n > 0 ? single_fault(t, key) : multi_fault(t);
}

bool tx_signature_valid(const struct tx *t)
{
	return fault_of(t) == FAULT_NONE;
}

enum tx_signature tx_check_signature(struct tx *t)
{
	int known = atomic_load_explicit(&t->signature, memory_order_acquire);

	if (known == TX_SIG_UNKNOWN) {
		unsigned fault = fault_of(t);

		known = fault == FAULT_NONE ? TX_SIG_GOOD : TX_SIG_BAD;
		atomic_store_explicit(&t->fault, fault, memory_order_relaxed);
		atomic_store_explicit(&t->signature, known, memory_order_release);
	}
	return (enum tx_signature)known;
}

void tx_signature_fault(const struct tx *t, struct why *why)
{
	static const char *const text[] = {
	    [FAULT_NONE] = "Invalid signature.",
	    [FAULT_SIGNATURE] = "Invalid signature.",
	    [FAULT_NO_KEY] = "Empty SigningPubKey.",
	    [FAULT_TWO_WAYS] = "Cannot both single- and multi-sign.",
	    [FAULT_COUNT] = "Invalid Signers array size.",
	    [FAULT_SELF] = "Invalid multisigner.",
	    [FAULT_TWICE] = "Duplicate Signers not allowed.",
	    [FAULT_ORDER] = "Unsorted Signers array.",
	};
	unsigned fault = atomic_load_explicit(&t->fault, memory_order_relaxed);
	unsigned kind = fault & ((1u << FAULT_BITS) - 1);
	struct account_id id = {{0}};
	const struct st_array *signers = st_get_array(t->fields, sfSigners);

	if (kind != FAULT_SIGNER) {
		(void)why_set(why, ERR_INVALID, "%s", text[kind]);
		return;
	}
	(void)st_get_account(signers->e[fault >> FAULT_BITS].object, sfAccount, &id);
	(void)why_set(why, ERR_INVALID, "Invalid signature on account %s.", account_text(&id).s);
}

void tx_sign(struct st_object *fields, const struct secret_key *key)
{
	const struct public_key *pub = secret_key_public(key);
	struct buf payload = BUF_INIT;
	uint8_t sig[SIGNATURE_MAX];
	size_t n;

	st_set_raw(fields, sfSigningPubKey, bytes_of(pub->b, sizeof(pub->b)));
	tx_sign_payload(&payload, fields);
	n = signature_make(key, buf_bytes(&payload), sig);
	st_set_raw(fields, sfTxnSignature, bytes_of(sig, n));
	buf_close(&payload);
}

void tx_sign_for(struct st_object *to, const struct st_object *fields,
		 const struct account_id *signer, const struct secret_key *key)
{
	const struct public_key *pub = secret_key_public(key);
	struct st_array *list = (struct st_array *)(uintptr_t)st_get_array(to, sfSigners);
	struct buf payload = BUF_INIT;
	uint8_t sig[SIGNATURE_MAX];
	struct st_object *s;
	size_t n;

	tx_multisign_payload(&payload, fields, signer);
	n = signature_make(key, buf_bytes(&payload), sig);
	buf_close(&payload);
	s = st_array_add(list ? list : st_set_array(to, sfSigners), to->arena, sfSigner);
	st_set_account(s, sfAccount, signer);
	st_set_raw(s, sfSigningPubKey, bytes_of(pub->b, sizeof(pub->b)));
	st_set_raw(s, sfTxnSignature, bytes_of(sig, n));
}

static int compare_canonical(const void *pa, const void *pb, void *ctx)
{
	const struct tx *a = *(const struct tx *const *)pa, *b = *(const struct tx *const *)pb;
	const struct hash256 *salt = ctx;

	for (size_t i = 0; i < sizeof(a->account.b); i++) {
		int x = a->account.b[i] ^ salt->b[i], y = b->account.b[i] ^ salt->b[i];

		if (x != y)
			return x < y ? -1 : 1;
	}
	if (a->has_ticket != b->has_ticket)
		return a->has_ticket ? 1 : -1;
	if (a->has_ticket && a->ticket != b->ticket)
		return a->ticket < b->ticket ? -1 : 1;
	if (!a->has_ticket && a->seq != b->seq)
		return a->seq < b->seq ? -1 : 1;
	return hash256_cmp(&a->id, &b->id);
}

void tx_sort_canonical(struct tx **txs, size_t n, const struct hash256 *salt)
{
	struct hash256 s = *salt;

	if (n > 1)
		qsort_r(txs, n, sizeof(txs[0]), compare_canonical, &s);
}
