/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "tx/ops.h"

/* Networks up to this id were there before NetworkID and must not use it. */
#define NETWORK_ID_LEGACY_MAX 1024

/* NetworkID keeps a transaction from being replayed on another network (rippled: Transactor.cpp
 * preflight0). Pseudo-transactions are made by the validators of this one. */
static enum ter check_network(const struct tx_static *s)
{
	uint32_t id;
	bool present = st_get_u32(s->t->fields, sfNetworkID, &id);

	if (s->t->pseudo && !present)
		return tesSUCCESS;
	if (s->network_id <= NETWORK_ID_LEGACY_MAX)
		return present ? telNETWORK_ID_MAKES_TX_NON_CANONICAL : tesSUCCESS;
	if (!present)
		return telREQUIRES_NETWORK_ID;
	return id == s->network_id ? tesSUCCESS : telWRONG_NETWORK;
}

/* Delegation and sponsoring are fields of every transaction that amendments would switch on which
 * this build does not have. */
static enum ter check_common_features(const struct tx_static *s)
{
	static const enum sf off[] = {sfDelegate, sfSponsor, sfSponsorFlags, sfSponsorSignature};

	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
		if (st_has(s->t->fields, off[i]))
			return temDISABLED;
	return tesSUCCESS;
}

static enum ter check_flags(const struct tx_static *s, const struct tx_ops *ops)
{
	uint32_t universal = (uint32_t)tfFullyCanonicalSig | (uint32_t)tfInnerBatchTxn;
	uint32_t allowed = ops->flags_allowed_by ? ops->flags_allowed_by(s->rules)
						 : ops->flags_allowed;

	if (s->t->flags & ~(allowed | universal))
		return temINVALID_FLAG;
	return tesSUCCESS;
}

static bool fee_is_legal(const struct tx *t)
{
	struct drops fee;

	return st_get_drops(t->fields, sfFee, &fee) && drops_cmp(fee, drops_of(DROPS_MAX)) <= 0;
}

/* Account, fee and the shape of the signing key (rippled: Transactor::preflight1). */
static enum ter check_account_and_fee(const struct tx_static *s)
{
	static const struct account_id nobody;
	const struct st_object *o = s->t->fields;
	struct bytes key = {0};
	enum key_type type;

	if (account_eq(&s->t->account, &nobody))
		return temBAD_SRC_ACCOUNT;
	if (!fee_is_legal(s->t))
		return temBAD_FEE;
	(void)st_get_raw(o, sfSigningPubKey, &key);
	if (key.n > 0 && !public_key_type(key, &type))
		return temBAD_SIGNATURE;
	if (s->t->has_ticket && st_has(o, sfAccountTxnID))
		return temINVALID;
	/* Inner transactions need Batch, which is not here. */
	if (s->t->flags & (uint32_t)tfInnerBatchTxn)
		return temINVALID_FLAG;
	return tesSUCCESS;
}

static bool amounts_legal(const struct st_object *o, unsigned depth)
{
	for (uint32_t i = 0; i < o->n; i++) {
		const struct st_value *v = &o->v[i];
		enum st_type type = sf_type(v->field);
		struct amount a;

		if (type == ST_AMOUNT && (amount_decode(&a, v->raw) != ERR_NONE ||
					  (a.kind == AMOUNT_XRP && a.mantissa > DROPS_MAX) ||
					  (a.kind == AMOUNT_MPT && a.mantissa > INT64_MAX)))
			return false;
		if (type == ST_OBJECT && depth < ST_DEPTH_MAX &&
		    !amounts_legal(v->object, depth + 1))
			return false;
		for (uint32_t j = 0; type == ST_ARRAY && j < v->array->n; j++)
			if (depth < ST_DEPTH_MAX &&
			    !amounts_legal(v->array->e[j].object, depth + 1))
				return false;
	}
	return true;
}

/* In a dry run nothing is signed, or it is clear who would sign (rippled:
 * preflightCheckSimulateKeys). */
static enum ter check_unsigned(const struct tx *t)
{
	const struct st_array *signers = st_get_array(t->fields, sfSigners);
	struct bytes b;

	if (st_get_raw(t->fields, sfTxnSignature, &b) && b.n > 0)
		return temINVALID;
	for (uint32_t i = 0; signers && i < signers->n; i++)
		if (st_get_raw(signers->e[i].object, sfTxnSignature, &b) && b.n > 0)
			return temINVALID;
	if (signers && st_get_raw(t->fields, sfSigningPubKey, &b) && b.n > 0)
		return temINVALID;
	return tesSUCCESS;
}

/* The characters that RFC 3986 allows in URLs. */
static bool is_url_text(struct bytes text)
{
	static const char others[] = "-._~:/?#[]@!$&'()*+,;=%";

	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z');

		if (!alnum && (c == 0 || !strchr(others, c)))
			return false;
	}
	return true;
}

static const char *memo_fault(const struct st_element *e)
{
	if (e->field != sfMemo)
		return "A memo array may contain only Memo objects.";
	for (uint32_t i = 0; i < e->object->n; i++) {
		const struct st_value *v = &e->object->v[i];

		if (v->field == sfMemoData)
			continue;
		if (v->field != sfMemoType && v->field != sfMemoFormat)
			return "A memo may contain only MemoType, MemoData or MemoFormat fields.";
		if (!is_url_text(v->raw))
			return "The MemoType and MemoFormat fields may only contain characters "
			       "that are allowed in URLs under RFC 3986.";
	}
	return NULL;
}

/* The bytes of the array's members, as they stand in the transaction. */
static size_t memos_size(const struct st_array *memos)
{
	struct buf b = BUF_INIT;
	size_t n = 0;

	for (uint32_t i = 0; i < memos->n && n <= MEMO_BYTES_MAX; i++) {
		buf_clear(&b);
		st_encode(&b, memos->e[i].object, ST_ALL);
		n += b.n + 2; /* the wrapper's header and the end marker */
	}
	buf_close(&b);
	return n;
}

const char *tx_local_fault(const struct tx *t)
{
	const struct st_array *memos = st_get_array(t->fields, sfMemos);

	if (memos && memos_size(memos) > MEMO_BYTES_MAX)
		return "The memo exceeds the maximum allowed size.";
	for (uint32_t i = 0; memos && i < memos->n; i++) {
		const char *fault = memo_fault(&memos->e[i]);

		if (fault)
			return fault;
	}
	for (uint32_t i = 0; i < t->fields->n; i++) {
		const struct st_value *v = &t->fields->v[i];

		if (sf_type(v->field) == ST_ACCOUNT && v->raw.n == 0)
			return "An account field is invalid.";
	}
	return t->pseudo ? "Cannot submit pseudo transactions." : NULL;
}

/* Pseudo-transactions: made by the validators, from nobody, for nothing, unsigned (rippled:
 * Change.cpp). */
static enum ter preflight_pseudo(const struct tx_static *s)
{
	static const struct account_id nobody;
	const struct st_object *o = s->t->fields;
	struct bytes b;
	enum ter r = check_network(s);

	if (r != tesSUCCESS)
		return r;
	if (!account_eq(&s->t->account, &nobody))
		return temBAD_SRC_ACCOUNT;
	if (!fee_is_legal(s->t) || s->t->fee.raw != 0) /* raw: compared with nothing */
		return temBAD_FEE;
	if ((st_get_raw(o, sfSigningPubKey, &b) && b.n > 0) || st_has(o, sfSigners) ||
	    (st_get_raw(o, sfTxnSignature, &b) && b.n > 0))
		return temBAD_SIGNATURE;
	if (s->t->seq != 0 || st_has(o, sfPreviousTxnID))
		return temBAD_SEQUENCE;
	return tesSUCCESS;
}

enum ter tx_preflight_with(const struct tx_static *s, const struct tx_ops *ops)
{
	enum ter r;

	if (s->t->pseudo)
		return preflight_pseudo(s);
	r = ops->features ? ops->features(s) : tesSUCCESS;
	if (r == tesSUCCESS)
		r = check_common_features(s);
	if (r == tesSUCCESS)
		r = check_network(s);
	if (r == tesSUCCESS)
		r = check_flags(s, ops);
	if (r == tesSUCCESS)
		r = check_account_and_fee(s);
	if (r == tesSUCCESS && amendment_on(s->rules, AMENDMENT_fixCleanup3_2_0) &&
	    !amounts_legal(s->t->fields, 0))
		r = temBAD_AMOUNT;
	if (r == tesSUCCESS)
		r = ops->preflight(s);
	if (r == tesSUCCESS && (s->flags & TX_DRY_RUN))
		r = check_unsigned(s->t);
	/* What the reference checks before it takes a transaction from a client or a peer; here
	 * everybody checks it, so that the rule is one of the network. */
	if (r == tesSUCCESS && tx_local_fault(s->t))
		r = temINVALID;
	return r;
}

enum ter tx_preflight(const struct tx *t, const struct rules *rules, uint32_t network_id,
		      unsigned flags)
{
	const struct tx_ops *ops = tx_ops_of(t->type);
	struct tx_static s = {.t = t, .rules = rules, .network_id = network_id, .flags = flags};

	return ops ? tx_preflight_with(&s, ops) : temDISABLED;
}
