/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"
#include "rpc/signing.h"

#include "base/limits.h"
#include "crypto/base58.h"

/* channel_verify and channel_authorize: signatures for what may be taken out of a payment channel
 * (rippled: ChannelVerify.cpp, ChannelAuthorize.cpp). */

#define CLAIM_PREFIX 0x434C4D00u /* "CLM" */

struct claim {
	uint8_t message[4 + 32 + 8];
};

static bool has_all(struct rpc_call *c, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!p_has(c, keys[i]))
			return rpc_fail_missing(c, keys[i]);
	return true;
}

/* Digits only; numbers of JSON are not taken, since they may have lost some. */
static bool parse_drops(const json_t *v, uint64_t *out)
{
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);
	uint64_t sum = 0;

	if (!s || n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9' || __builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(s[i] - '0'), &sum))
			return false;
	*out = sum;
	return true;
}

static bool parse_claim(struct rpc_call *c, struct claim *out)
{
	struct hash256 channel;
	uint64_t drops;

	if (!json_to_hash(json_object_get(c->p, "channel_id"), &channel))
		return rpc_fail(c, RPC_CHANNEL_MALFORMED);
	if (!parse_drops(json_object_get(c->p, "amount"), &drops))
		return rpc_fail(c, RPC_CHANNEL_AMT_MALFORMED);
	store_be32(out->message, CLAIM_PREFIX);
	memcpy(out->message + 4, channel.b, sizeof(channel.b));
	store_be64(out->message + 36, drops);
	return true;
}

static bool parse_public_key(struct rpc_call *c, struct public_key *out)
{
	const char *text = p_text(c, "public_key");
	enum key_type type;

	if (text && account_public_parse(out, text) == ERR_NONE)
		return true;
	if (text && hex_decode(out->b, sizeof(out->b), text, strlen(text)) &&
	    public_key_type(bytes_of(out->b, sizeof(out->b)), &type))
		return true;
	return rpc_fail(c, RPC_PUBLIC_MALFORMED);
}

static bool parse_signature(struct rpc_call *c, struct bytes *out)
{
	const json_t *v = json_object_get(c->p, "signature");
	size_t n = json_string_length(v) / 2;
	uint8_t *raw;

	if (n == 0 || n > RPC_BODY_MAX)
		return rpc_fail(c, RPC_INVALID_PARAMS);
	raw = arena_alloc(&c->arena, n);
	if (!hex_decode(raw, n, json_string_value(v), json_string_length(v)))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	*out = bytes_of(raw, n);
	return true;
}

void method_channel_verify(struct rpc_call *c)
{
	static const char *const keys[] = {"public_key", "channel_id", "amount", "signature"};
	struct public_key key;
	struct claim claim;
	struct bytes sig;

	if (!has_all(c, keys, sizeof(keys) / sizeof(keys[0])) || !parse_public_key(c, &key) ||
	    !parse_claim(c, &claim) || !parse_signature(c, &sig))
		return;
	jw_put_bool(&c->w, "signature_verified",
		    signature_check(bytes_of(key.b, sizeof(key.b)),
				    bytes_of(claim.message, sizeof(claim.message)), sig));
}

void method_channel_authorize(struct rpc_call *c)
{
	static const char *const keys[] = {"channel_id", "amount"};
	struct secret_key *key = NULL;
	uint8_t sig[SIGNATURE_MAX];
	struct claim claim;

	if (!signing_allowed(c) || !has_all(c, keys, sizeof(keys) / sizeof(keys[0])))
		return;
	if (!p_has(c, "key_type") && !p_has(c, "secret")) {
		rpc_fail_missing(c, "secret");
		return;
	}
	if (signing_key(c, c->version, &key) && parse_claim(c, &claim)) {
		size_t n = signature_make(key, bytes_of(claim.message, sizeof(claim.message)), sig);

		jw_put_hex(&c->w, "signature", sig, n);
	}
	secret_key_close(key);
}
