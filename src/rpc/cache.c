/* SPDX-License-Identifier: ISC */
#include "rpc/cache.h"

#include "crypto/hash.h"

#define BUCKETS       8192
#define ID_DIGITS_MAX 15

struct kept {
	struct kept_reply reply; /* first; its text is in b, behind the request */
	uint32_t refs;           /* the cache's, and of replies that are on their way */
	uint64_t hash;
	uint8_t origin;
	uint32_t n_before, n_after;
	uint64_t step;      /* of the node, when it was computed */
	struct hash256 tip; /* validated then */
	uint32_t first;     /* the first ledger that could be searched then */
	struct kept *chain; /* of its bucket */
	struct kept *newer, *older;
	uint8_t b[];
};

struct cache {
	const struct rpc_host *host;
	bool standalone;
	struct kept **bucket;
	struct kept *newest, *oldest;
	uint32_t n;
	uint64_t bytes;
	uint8_t secret[16];
};

struct cache *cache_open(const struct rpc_host *host, bool standalone)
{
	struct cache *c = mem_zalloc(1, sizeof(*c));

	c->host = host;
	c->standalone = standalone;
	c->bucket = mem_zalloc(BUCKETS, sizeof(struct kept *));
	host->random(host->ctx, c->secret, sizeof(c->secret));
	return c;
}

static size_t size_of(const struct kept *k)
{
	return sizeof(*k) + k->n_before + k->n_after + k->reply.text.n;
}

static void detach(struct cache *c, struct kept *k)
{
	*(k->newer ? &k->newer->older : &c->newest) = k->older;
	*(k->older ? &k->older->newer : &c->oldest) = k->newer;
}

static void make_newest(struct cache *c, struct kept *k)
{
	k->newer = NULL;
	k->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = k;
	c->newest = k;
}

static void drop(struct cache *c, struct kept *k)
{
	struct kept **at = &c->bucket[k->hash % BUCKETS];

	while (*at != k)
		at = &(*at)->chain;
	*at = k->chain;
	detach(c, k);
	c->n--;
	c->bytes -= size_of(k);
	cache_release(k);
}

void *cache_hold(const struct kept_reply *reply)
{
	struct kept *k = (struct kept *)(uintptr_t)reply;

	k->refs++;
	return k;
}

void cache_release(void *held)
{
	struct kept *k = held;

	must(k->refs > 0);
	if (--k->refs == 0)
		mem_free(k);
}

void cache_clear(struct cache *c)
{
	while (c && c->oldest)
		drop(c, c->oldest);
}

void cache_close(struct cache *c)
{
	cache_clear(c);
	if (!c)
		return;
	mem_free(c->bucket);
	mem_free(c);
}

void cache_size(const struct cache *c, uint32_t *n, uint64_t *bytes)
{
	*n = c->n;
	*bytes = c->bytes;
}

/* Keys: the value of the member "id" of a JSON object's text */

static size_t skip_blank(struct bytes s, size_t at)
{
	while (at < s.n &&
	       (s.p[at] == ' ' || s.p[at] == '\t' || s.p[at] == '\n' || s.p[at] == '\r'))
		at++;
	return at;
}

/* Behind the text that begins at `at` with its quotation mark; *plain: nothing in it is escaped or
 * beyond ASCII. */
static size_t skip_text(struct bytes s, size_t at, bool *plain)
{
	*plain = true;
	for (at++; at < s.n && s.p[at] != '"'; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] >= 0x20 && s.p[at] < 0x7F)
			continue;
		*plain = false;
	}
	return at < s.n ? at + 1 : s.n;
}

/* A whole number as it would be printed. */
static size_t skip_number(struct bytes s, size_t at)
{
	size_t first = at + (at < s.n && s.p[at] == '-'), end = first;

	while (end < s.n && s.p[end] >= '0' && s.p[end] <= '9')
		end++;
	if (end == first || end - first > ID_DIGITS_MAX || (s.p[first] == '0' && end > at + 1))
		return at;
	return end;
}

/* The value that begins here, if it is one that a reply repeats as it is. */
static struct bytes plain_value(struct bytes s, size_t at)
{
	size_t end, behind;
	bool plain = true;

	if (at == s.n)
		return bytes_of(NULL, 0);
	end = s.p[at] == '"' ? skip_text(s, at, &plain) : skip_number(s, at);
	behind = skip_blank(s, end);
	if (!plain || end == at || behind == s.n || (s.p[behind] != ',' && s.p[behind] != '}'))
		return bytes_of(NULL, 0);
	return bytes_of(s.p + at, end - at);
}

static struct bytes find_id(struct bytes s)
{
	unsigned depth = 0;
	bool key = false, plain;
	size_t at = 0;

	while (at < s.n) {
		uint8_t ch = s.p[at];
		size_t end = at + 1;

		if (ch == '{' || ch == '[')
			key = ++depth == 1;
		else if ((ch == '}' || ch == ']') && depth-- == 0)
			break;
		else if (ch == ',')
			key = depth == 1;
		else if (ch == ':')
			key = false;
		else if (ch == '"')
			end = skip_text(s, at, &plain);
		if (ch == '"' && key && end - at == 4 && memcmp(s.p + at, "\"id\"", 4) == 0) {
			end = skip_blank(s, end);
			if (end == s.n || s.p[end] != ':')
				break;
			return plain_value(s, skip_blank(s, end + 1));
		}
		at = end;
	}
	return bytes_of(NULL, 0);
}

bool cache_key(struct cache_key *out, const struct cache *c, const struct rpc_origin *from,
	       struct bytes body)
{
	uint8_t cut[CACHE_REQUEST_MAX];

	if (body.n == 0 || body.n > CACHE_REQUEST_MAX)
		return false;
	*out = (struct cache_key){.before = body,
				  .origin = (uint8_t)(from->websocket | from->admin << 1)};
	if (from->websocket)
		out->id = find_id(body);
	if (out->id.n) {
		out->before.n = (size_t)(out->id.p - body.p);
		out->after.p = out->id.p + out->id.n;
		out->after.n = body.n - out->before.n - out->id.n;
		memcpy(cut, body.p, out->before.n);
		memcpy(cut + out->before.n, out->after.p, out->after.n);
		body = bytes_of(cut, out->before.n + out->after.n);
	}
	out->hash = hash_keyed(c->secret, body.p, body.n);
	return true;
}

static bool is_same(const struct kept *k, const struct cache_key *key)
{
	return k->hash == key->hash && k->origin == key->origin && k->n_before == key->before.n &&
	       k->n_after == key->after.n && memcmp(k->b, key->before.p, k->n_before) == 0 &&
	       (k->n_after == 0 || memcmp(k->b + k->n_before, key->after.p, k->n_after) == 0);
}

static struct kept *look_up(const struct cache *c, const struct cache_key *key)
{
	struct kept *k = c->bucket[key->hash % BUCKETS];

	while (k && !is_same(k, key))
		k = k->chain;
	return k;
}

/* Whether it holds */

static bool still_holds(const struct cache *c, const struct kept *k)
{
	const struct node *node = c->host->node;
	const struct ledger *tip = node_validated(node);
	struct history_range range;

	if (k->step == node_steps(node))
		return true;
	if (k->reply.holds == RPC_HOLDS_STEP || !tip)
		return false;
	range = rpc_searchable(c->host);
	if (range.first == 0)
		return false;
	if (k->reply.holds == RPC_HOLDS_HISTORY)
		return k->reply.seq >= range.first && k->reply.seq <= tip->header.seq;
	return range.first == k->first && hash256_eq(&k->tip, &tip->hash);
}

/* Answers of a node that has lost its network are another matter. */
static bool in_step(const struct cache *c)
{
	return c->standalone || rpc_validated_age(c->host) <= RPC_VALIDATED_AGE_MAX;
}

const struct kept_reply *cache_find(struct cache *c, const struct cache_key *key)
{
	struct kept *k = look_up(c, key);

	if (!k || !in_step(c))
		return NULL;
	if (!still_holds(c, k)) {
		drop(c, k);
		return NULL;
	}
	if (k != c->newest) {
		detach(c, k);
		make_newest(c, k);
	}
	return &k->reply;
}

static void make_room(struct cache *c, size_t more)
{
	while (c->oldest && c->bytes + more > c->host->cache_bytes)
		drop(c, c->oldest);
}

void cache_keep(struct cache *c, const struct cache_key *key, const struct kept_reply *reply)
{
	const struct ledger *tip = node_validated(c->host->node);
	size_t n_key = key->before.n + key->after.n;
	struct kept *k = look_up(c, key);

	if (k)
		drop(c, k);
	if (reply->text.n > CACHE_REPLY_MAX || reply->text.n > c->host->cache_bytes / 4 ||
	    !in_step(c))
		return;
	make_room(c, sizeof(*k) + n_key + reply->text.n);
	k = mem_alloc(sizeof(*k) + n_key + reply->text.n);
	*k = (struct kept){.reply = *reply,
			   .refs = 1,
			   .hash = key->hash,
			   .origin = key->origin,
			   .n_before = (uint32_t)key->before.n,
			   .n_after = (uint32_t)key->after.n,
			   .step = node_steps(c->host->node),
			   .tip = tip ? tip->hash : HASH256_ZERO,
			   .first = rpc_searchable(c->host).first};
	memcpy(k->b, key->before.p, k->n_before);
	if (k->n_after)
		memcpy(k->b + k->n_before, key->after.p, k->n_after);
	memcpy(k->b + n_key, reply->text.p, reply->text.n);
	k->reply.text.p = k->b + n_key;
	if (!key->id.n)
		k->reply.id_n = 0;
	k->chain = c->bucket[k->hash % BUCKETS];
	c->bucket[k->hash % BUCKETS] = k;
	make_newest(c, k);
	c->n++;
	c->bytes += size_of(k);
}

struct bytes cache_text(const struct kept_reply *k, const struct cache_key *key, bool warn,
			struct buf *out)
{
	static const char warning[] = ",\"warning\":\"load\"";
	const uint8_t *p = k->text.p;
	size_t at = 0;

	if (!warn && !k->id_n)
		return k->text;
	buf_clear(out);
	buf_reserve(out, k->text.n + sizeof(warning) + key->id.n);
	if (warn) {
		buf_put(out, p, k->echo_at);
		buf_put(out, warning, sizeof(warning) - 1);
		at = k->echo_at;
	}
	if (k->id_n) {
		buf_put(out, p + at, k->id_at - at);
		buf_put(out, key->id.p, key->id.n);
		at = k->id_at + k->id_n;
	}
	buf_put(out, p + at, k->text.n - at);
	return buf_bytes(out);
}
