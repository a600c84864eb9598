/* SPDX-License-Identifier: ISC */
#include "crypto/base58.h"

#include "crypto/hash.h"

static const char alphabet[58] = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";

#define CHECKSUM_SIZE  4
#define PREFIX_MAX     3
#define PAYLOAD_MAX    33
#define DATA_MAX       (PREFIX_MAX + PAYLOAD_MAX + CHECKSUM_SIZE)
#define X_PREFIX_SIZE  2
#define X_PAYLOAD_SIZE 29 /* account, one byte of flags, eight of tag */

/* What stands in front of a payload, and how long that is. */
static const struct kind {
	uint8_t prefix[PREFIX_MAX];
	uint8_t prefix_size;
	uint8_t payload_size;
} kinds[BASE58_TYPE_COUNT] = {
    [BASE58_ACCOUNT] = {{0}, 1, 20},      [BASE58_ACCOUNT_PUBLIC] = {{35}, 1, 33},
    [BASE58_NODE_PUBLIC] = {{28}, 1, 33}, [BASE58_NODE_PRIVATE] = {{32}, 1, 32},
    [BASE58_SEED] = {{33}, 1, 16},        [BASE58_SEED_ED25519] = {{0x01, 0xE1, 0x4B}, 3, 16},
};

static const uint8_t x_prefix_main[X_PREFIX_SIZE] = {0x05, 0x44};
static const uint8_t x_prefix_test[X_PREFIX_SIZE] = {0x04, 0x93};

/* The digit of a letter, or -1. */
static int digit_of(char c)
{
	const char *at = c ? memchr(alphabet, c, sizeof(alphabet)) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Base 256 to base 58, both big-endian; a leading zero byte is a leading zero digit. */
static size_t text_of_data(char out[BASE58_TEXT_MAX], const uint8_t *data, size_t n)
{
	uint8_t digits[BASE58_TEXT_MAX] = {0}; /* little-endian */
	size_t zeros = 0, used = 0;

	must(n <= DATA_MAX);
	while (zeros < n && data[zeros] == 0)
		zeros++;
	for (size_t i = zeros; i < n; i++) {
		unsigned carry = data[i];
		size_t j = 0;

		for (; j < used || carry; j++) {
			must(j < sizeof(digits));
			carry += 256u * digits[j];
			digits[j] = (uint8_t)(carry % 58);
			carry /= 58;
		}
		used = j;
	}
	must(zeros + used < BASE58_TEXT_MAX);
	memset(out, alphabet[0], zeros);
	for (size_t i = 0; i < used; i++)
		out[zeros + i] = alphabet[digits[used - 1 - i]];
	out[zeros + used] = '\0';
	secure_wipe(digits, sizeof(digits));
	return zeros + used;
}

/* Base 58 to exactly `want` bytes. False for a wrong letter or another length. */
static bool data_of_text(uint8_t *data, size_t want, const char *text, size_t n)
{
	size_t zeros = 0, used = 0;
	uint8_t bytes[DATA_MAX] = {0}; /* little-endian */

	if (n == 0 || n >= BASE58_TEXT_MAX || want > DATA_MAX)
		return false;
	while (zeros < n && text[zeros] == alphabet[0])
		zeros++;
	for (size_t i = zeros; i < n; i++) {
		int digit = digit_of(text[i]);
		unsigned carry = (unsigned)digit;
		size_t j = 0;

		if (digit < 0)
			return false;
		for (; j < used || carry; j++) {
			if (j == want)
				return false;
			carry += 58u * bytes[j];
			bytes[j] = (uint8_t)carry;
			carry >>= 8;
		}
		used = j;
	}
	if (zeros + used != want)
		return false;
	memset(data, 0, zeros);
	for (size_t i = 0; i < used; i++)
		data[zeros + i] = bytes[used - 1 - i];
	secure_wipe(bytes, sizeof(bytes));
	return true;
}

static void checksum(uint8_t out[CHECKSUM_SIZE], const uint8_t *data, size_t n)
{
	uint8_t once[32], twice[32];

	sha256(once, data, n);
	sha256(twice, once, sizeof(once));
	memcpy(out, twice, CHECKSUM_SIZE);
}

static size_t seal(char *out, const uint8_t *prefix, size_t n_prefix, const uint8_t *payload,
		   size_t n_payload)
{
	uint8_t data[DATA_MAX];
	size_t n = n_prefix + n_payload;

	must(n + CHECKSUM_SIZE <= sizeof(data));
	memcpy(data, prefix, n_prefix);
	memcpy(data + n_prefix, payload, n_payload);
	checksum(data + n, data, n);
	n = text_of_data(out, data, n + CHECKSUM_SIZE);
	secure_wipe(data, sizeof(data));
	return n;
}

/* Letters, length and checksum; prefix and payload are left in data. */
static enum err open_sealed(uint8_t data[DATA_MAX], size_t n_data, const char *text, size_t n)
{
	uint8_t sum[CHECKSUM_SIZE];

	if (!data_of_text(data, n_data + CHECKSUM_SIZE, text, n))
		return ERR_INVALID;
	checksum(sum, data, n_data);
	return memcmp(sum, data + n_data, sizeof(sum)) == 0 ? ERR_NONE : ERR_MISMATCH;
}

size_t base58_payload_size(enum base58_type type)
{
	must((unsigned)type < BASE58_TYPE_COUNT);
	return kinds[type].payload_size;
}

size_t base58_encode(char out[BASE58_TEXT_MAX], enum base58_type type, const uint8_t *payload)
{
	must((unsigned)type < BASE58_TYPE_COUNT);
	return seal(out, kinds[type].prefix, kinds[type].prefix_size, payload,
		    kinds[type].payload_size);
}

enum err base58_decode(uint8_t *payload, enum base58_type type, const char *text, size_t n)
{
	const struct kind *k = &kinds[type];
	uint8_t data[DATA_MAX];
	enum err e;

	must((unsigned)type < BASE58_TYPE_COUNT);
	e = open_sealed(data, (size_t)k->prefix_size + k->payload_size, text, n);
	if (!e && memcmp(data, k->prefix, k->prefix_size) != 0)
		e = ERR_MISMATCH;
	if (!e)
		memcpy(payload, data + k->prefix_size, k->payload_size);
	secure_wipe(data, sizeof(data));
	return e;
}

struct base58_text account_text(const struct account_id *id)
{
	struct base58_text text;

	base58_encode(text.s, BASE58_ACCOUNT, id->b);
	return text;
}

enum err account_parse(struct account_id *out, const char *text)
{
	return base58_decode(out->b, BASE58_ACCOUNT, text, strnlen(text, BASE58_TEXT_MAX));
}

struct base58_text node_public_text(const struct public_key *key)
{
	struct base58_text text;

	base58_encode(text.s, BASE58_NODE_PUBLIC, key->b);
	return text;
}

struct base58_text account_public_text(const struct public_key *key)
{
	struct base58_text text;

	base58_encode(text.s, BASE58_ACCOUNT_PUBLIC, key->b);
	return text;
}

static enum err public_parse(struct public_key *out, enum base58_type kind, const char *text)
{
	struct public_key key;
	enum key_type type;
	enum err e = base58_decode(key.b, kind, text, strnlen(text, BASE58_TEXT_MAX));

	if (e)
		return e;
	if (!public_key_type(bytes_of(key.b, sizeof(key.b)), &type))
		return ERR_INVALID;
	*out = key;
	return ERR_NONE;
}

enum err node_public_parse(struct public_key *out, const char *text)
{
	return public_parse(out, BASE58_NODE_PUBLIC, text);
}

enum err account_public_parse(struct public_key *out, const char *text)
{
	return public_parse(out, BASE58_ACCOUNT_PUBLIC, text);
}

struct base58_text seed_text(const struct seed *seed, enum key_type type)
{
	struct base58_text text;

	base58_encode(text.s, type == KEY_ED25519 ? BASE58_SEED_ED25519 : BASE58_SEED, seed->b);
	return text;
}

enum err seed_parse(struct seed *out, enum key_type *type, const char *text)
{
	size_t n = strnlen(text, BASE58_TEXT_MAX);

	if (base58_decode(out->b, BASE58_SEED_ED25519, text, n) == ERR_NONE) {
		*type = KEY_ED25519;
		return ERR_NONE;
	}
	*type = KEY_SECP256K1;
	return base58_decode(out->b, BASE58_SEED, text, n);
}

void x_address_encode(char out[X_ADDRESS_TEXT_MAX], const struct x_address *a)
{
	uint8_t payload[X_PAYLOAD_SIZE] = {0};
	char text[BASE58_TEXT_MAX];
	size_t n;

	memcpy(payload, a->account.b, sizeof(a->account.b));
	payload[20] = a->has_tag;
	for (unsigned i = 0; a->has_tag && i < 4; i++)
		payload[21 + i] = (uint8_t)(a->tag >> (8 * i));
	n = seal(text, a->test ? x_prefix_test : x_prefix_main, X_PREFIX_SIZE, payload,
		 sizeof(payload));
	must(n < X_ADDRESS_TEXT_MAX);
	memcpy(out, text, n + 1);
}

enum err x_address_decode(struct x_address *out, const char *text, size_t n)
{
	struct x_address a = {.test = false};
	const uint8_t *payload;
	uint8_t data[DATA_MAX];
	enum err e = open_sealed(data, X_PREFIX_SIZE + X_PAYLOAD_SIZE, text, n);

	if (e)
		return e;
	a.test = memcmp(data, x_prefix_test, X_PREFIX_SIZE) == 0;
	if (!a.test && memcmp(data, x_prefix_main, X_PREFIX_SIZE) != 0)
		return ERR_MISMATCH;
	payload = data + X_PREFIX_SIZE;
	memcpy(a.account.b, payload, sizeof(a.account.b));
	/* flags: 0 no tag, 1 a tag of 32 bits; unused bytes of the tag are zero */
	if (payload[20] > 1)
		return ERR_INVALID;
	a.has_tag = payload[20] == 1;
	for (unsigned i = 0; i < 8; i++) {
		if (payload[21 + i] != 0 && (!a.has_tag || i >= 4))
			return ERR_INVALID;
		if (i < 4)
			a.tag |= (uint32_t)payload[21 + i] << (8 * i);
	}
	*out = a;
	return ERR_NONE;
}
