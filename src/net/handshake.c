/* SPDX-License-Identifier: ISC */
#include "crypto/hash.h"
#include "net/session_impl.h"

/* Numbers that other builds depend on. */
#define HELLO_MAGIC 0x544C5950u /* "TLYP" */
#define VERSION_MIN 1
#define VERSION_MAX 1

_Static_assert(HELLO_BYTES == 4 + 3 * 2 + 4 + 32 + 1 + CHANNEL_PUBLIC_BYTES, "hello");
_Static_assert(2 * (HELLO_BYTES + PROOF_BYTES) <= HANDSHAKE_BYTES_MAX, "whole handshake");
_Static_assert(SESSION_INITIATOR == 0 && SESSION_RESPONDER == 1, "role on the wire");

static const char *const labels[] = {
    [SESSION_INITIATOR] = "tally-peer-v1 initiator",
    [SESSION_RESPONDER] = "tally-peer-v1 responder",
};

static enum session_role other_role(enum session_role r)
{
	return r == SESSION_INITIATOR ? SESSION_RESPONDER : SESSION_INITIATOR;
}

static struct hash256 transcript_hash(const struct session *s)
{
	struct hash256 h;

	must(s->transcript.n >= HELLO_BYTES);
	sha512_half(&h, s->transcript.p, s->transcript.n);
	return h;
}

/* What is sent counts for the transcript. */
static void say(struct session *s, struct buf *out, const void *p, size_t n)
{
	buf_put(out, p, n);
	buf_put(&s->transcript, p, n);
	must(s->transcript.n <= HANDSHAKE_BYTES_MAX);
}

void handshake_hello(struct session *s, struct buf *out)
{
	struct buf hello = BUF_INIT;

	buf_put_be32(&hello, HELLO_MAGIC);
	buf_put_be16(&hello, VERSION_MIN);
	buf_put_be16(&hello, VERSION_MAX);
	buf_put_be16(&hello, WIRE_MINOR);
	buf_put_be32(&hello, s->config.network_id);
	buf_put(&hello, s->config.genesis.b, sizeof(s->config.genesis.b));
	buf_put_u8(&hello, (uint8_t)s->config.role);
	buf_put(&hello, s->ephemeral, sizeof(s->ephemeral));
	must(hello.n == HELLO_BYTES);
	say(s, out, hello.p, hello.n);
	buf_close(&hello);
}

/* The bytes that a side's identity signs; `role` is the signer's. */
static void signed_bytes(struct buf *out, const struct session *s, enum session_role role,
			 const struct public_key *identity)
{
	struct hash256 h = transcript_hash(s);

	buf_put(out, labels[role], strlen(labels[role]) + 1);
	buf_put(out, identity->b, sizeof(identity->b));
	buf_put(out, h.b, sizeof(h.b));
}

/* This side's identity and signature, sealed. */
static void say_proof(struct session *s, struct buf *out)
{
	const struct public_key *own = secret_key_public(s->config.identity);
	uint8_t plain[PROOF_PLAIN_BYTES], sealed[PROOF_BYTES], sig[SIGNATURE_MAX];
	struct hash256 h = transcript_hash(s);
	struct buf text = BUF_INIT;

	signed_bytes(&text, s, s->config.role, own);
	must(signature_make(s->config.identity, buf_bytes(&text), sig) == 64);
	memcpy(plain, own->b, sizeof(own->b));
	memcpy(plain + sizeof(own->b), sig, 64);
	channel_seal(s->channel, sealed, plain, sizeof(plain), &h);
	say(s, out, sealed, sizeof(sealed));
	buf_close(&text);
}

static void become_ready(struct session *s)
{
	struct hash256 h = transcript_hash(s);

	channel_start(s->channel, &h);
	buf_close(&s->transcript);
	s->state = READY;
}

/* The other side's hello, checked field by field; the first difference is the reason. */
static enum session_end check_hello(struct session *s, struct bytes in, const uint8_t **ephemeral)
{
	struct cursor c = cursor_of(in);
	uint16_t version_min, version_max;
	struct hash256 genesis;
	enum session_end end = SESSION_OPEN;
	uint32_t network;
	uint8_t role;

	(void)cursor_be32(&c); /* the magic was looked at when it came */
	version_min = cursor_be16(&c);
	version_max = cursor_be16(&c);
	s->peer_minor = cursor_be16(&c);
	network = cursor_be32(&c);
	cursor_copy(&c, genesis.b, sizeof(genesis.b));
	role = cursor_u8(&c);
	*ephemeral = cursor_take(&c, CHANNEL_PUBLIC_BYTES).p;
	must(!c.dead && !c.left);
	if (version_min > VERSION_MAX || version_max < VERSION_MIN || version_min > version_max)
		end = SESSION_WRONG_VERSION;
	else if (network != s->config.network_id)
		end = SESSION_WRONG_NETWORK;
	else if (!hash256_eq(&genesis, &s->config.genesis))
		end = SESSION_WRONG_GENESIS;
	else if (!memcmp(*ephemeral, s->ephemeral, CHANNEL_PUBLIC_BYTES))
		end = SESSION_SELF; /* our own words came back */
	else if (role != other_role(s->config.role))
		end = SESSION_GARBAGE;
	return end;
}

/* A responder that refuses still says its own hello, so that the other side can tell the reason
 * from the difference. */
static enum session_end take_hello(struct session *s, struct bytes in, struct buf *out)
{
	bool responder = s->config.role == SESSION_RESPONDER;
	const uint8_t *ephemeral;
	struct hash256 h;
	enum session_end end = check_hello(s, in, &ephemeral);

	buf_put(&s->transcript, in.p, in.n);
	if (responder)
		handshake_hello(s, out);
	if (end)
		return end;
	h = transcript_hash(s);
	if (!channel_agree(s->channel, !responder, ephemeral, &h))
		return SESSION_GARBAGE;
	if (responder)
		say_proof(s, out);
	s->state = WANT_PROOF;
	return SESSION_OPEN;
}

static enum session_end check_identity(const struct session *s)
{
	const struct public_key *expect = s->config.expect;

	if (!public_key_cmp(&s->peer, secret_key_public(s->config.identity)))
		return SESSION_SELF;
	if (expect && public_key_cmp(&s->peer, expect))
		return SESSION_WRONG_IDENTITY;
	return SESSION_OPEN;
}

static enum session_end take_proof(struct session *s, struct bytes in, struct buf *out)
{
	struct hash256 h = transcript_hash(s);
	uint8_t plain[PROOF_PLAIN_BYTES];
	struct buf text = BUF_INIT;
	struct bytes key = bytes_of(plain, sizeof(s->peer.b));
	struct bytes sig = bytes_of(plain + sizeof(s->peer.b), 64);
	enum session_end end;
	enum key_type type;
	bool ok;

	if (!channel_unseal(s->channel, plain, in.p, in.n, &h))
		return SESSION_GARBAGE;
	memcpy(s->peer.b, plain, sizeof(s->peer.b));
	signed_bytes(&text, s, other_role(s->config.role), &s->peer);
	ok = public_key_type(key, &type) && type == KEY_ED25519 &&
	     signature_check(key, buf_bytes(&text), sig);
	buf_close(&text);
	if (!ok)
		return SESSION_BAD_SIGNATURE;
	end = check_identity(s);
	if (end)
		return end;
	buf_put(&s->transcript, in.p, in.n);
	if (s->config.role == SESSION_INITIATOR)
		say_proof(s, out);
	become_ready(s);
	return SESSION_OPEN;
}

/* Strangers (a browser, a scanner) are told apart by their first bytes. */
static bool magic_may_be(struct bytes in)
{
	uint8_t magic[4];

	store_be32(magic, HELLO_MAGIC);
	return !in.n || !memcmp(in.p, magic, in.n < sizeof(magic) ? in.n : sizeof(magic));
}

size_t handshake_feed(struct session *s, struct bytes in, struct buf *out, enum session_end *end)
{
	size_t want = s->state == WANT_HELLO ? HELLO_BYTES : PROOF_BYTES;

	must(s->state == WANT_HELLO || s->state == WANT_PROOF);
	if (s->state == WANT_HELLO && !magic_may_be(in)) {
		*end = SESSION_BAD_MAGIC;
		return 0;
	}
	if (in.n < want)
		return 0;
	in.n = want;
	*end = s->state == WANT_HELLO ? take_hello(s, in, out) : take_proof(s, in, out);
	return want;
}
