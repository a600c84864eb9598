/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "base/mem.h"
#include "crypto/base58.h"
#include "ledger/genesis.h"

#include <stdlib.h>

#define FIRST_LINE "# tally genesis 1"

/* Reading: line by line, each `key = value`. */
struct parser {
	struct genesis *g;
	struct why *why;
	unsigned seen; /* bit per row of keys[] */
	bool any_amendment;
};
typedef enum err (*reader)(struct parser *p, struct bytes value);

static struct bytes trim(struct bytes b)
{
	while (b.n > 0 && (b.p[0] == ' ' || b.p[0] == '\t')) {
		b.p++;
		b.n--;
	}
	while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t' || b.p[b.n - 1] == '\r'))
		b.n--;
	return b;
}

/* Takes everything up to the first `c` (or the end) off the front. */
static struct bytes take_until(struct bytes *b, uint8_t c)
{
	const uint8_t *at = b->n ? memchr(b->p, c, b->n) : NULL;
	struct bytes head = {b->p, at ? (size_t)(at - b->p) : b->n};
	size_t skip = at ? head.n + 1 : head.n;

	b->p += skip;
	b->n -= skip;
	return head;
}

static enum err read_number(struct parser *p, struct bytes v, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (v.n == 0 || v.n > 20 || (v.n > 1 && v.p[0] == '0'))
		return why_set(p->why, ERR_INVALID, "not a number");
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return why_set(p->why, ERR_INVALID, "not a number");
		if (__builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(v.p[i] - '0'), &n) || n > max)
			return why_set(p->why, ERR_RANGE, "at most %llu", (unsigned long long)max);
	}
	*out = n;
	return ERR_NONE;
}

static enum err read_u32(struct parser *p, struct bytes v, uint32_t *out)
{
	uint64_t n = 0;
	enum err e = read_number(p, v, UINT32_MAX, &n);

	if (e == ERR_NONE)
		*out = (uint32_t)n;
	return e;
}

static enum err read_drops(struct parser *p, struct bytes v, struct drops *out)
{
	uint64_t n = 0;
	enum err e = read_number(p, v, DROPS_MAX, &n);

	if (e == ERR_NONE)
		*out = drops_of(n);
	return e;
}

static enum err read_network_id(struct parser *p, struct bytes v)
{
	return read_u32(p, v, &p->g->network_id);
}

static enum err read_close_time(struct parser *p, struct bytes v)
{
	return read_u32(p, v, &p->g->close_time.s);
}

static enum err read_resolution(struct parser *p, struct bytes v)
{
	static const uint8_t allowed[] = {10, 20, 30, 60, 90, 120};
	uint32_t n;
	enum err e = read_u32(p, v, &n);

	if (e != ERR_NONE)
		return e;
	for (size_t i = 0; i < sizeof(allowed); i++) {
		if (n == allowed[i]) {
			p->g->close_resolution = allowed[i];
			return ERR_NONE;
		}
	}
	return why_set(p->why, ERR_RANGE, "one of 10, 20, 30, 60, 90, 120");
}

static enum err read_base_fee(struct parser *p, struct bytes v)
{
	return read_drops(p, v, &p->g->fees.base);
}

static enum err read_reserve_base(struct parser *p, struct bytes v)
{
	return read_drops(p, v, &p->g->fees.reserve);
}

static enum err read_reserve_increment(struct parser *p, struct bytes v)
{
	return read_drops(p, v, &p->g->fees.increment);
}

static enum err read_xrp_fees(struct parser *p, struct bytes v)
{
	p->g->xrp_fees = bytes_eq(v, bytes_str("yes"));
	if (!p->g->xrp_fees && !bytes_eq(v, bytes_str("no")))
		return why_set(p->why, ERR_INVALID, "yes or no");
	return ERR_NONE;
}

static enum err read_majority_time(struct parser *p, struct bytes v)
{
	enum err e = read_u32(p, v, &p->g->majority_s);

	if (e == ERR_NONE && p->g->majority_s == 0)
		e = why_set(p->why, ERR_RANGE, "at least a second");
	return e;
}

static enum err read_amendment(struct parser *p, struct bytes v)
{
	struct bytes hex = take_until(&v, ' '), name = trim(v);
	struct genesis *g = p->g;
	const struct amendment *a;
	struct hash256 id;

	if (!hex_decode(id.b, sizeof(id.b), (const char *)hex.p, hex.n))
		return why_set(p->why, ERR_INVALID, "an id has 64 hex digits");
	a = amendment_by_id(&id);
	if (!a || !a->supported)
		return why_set(p->why, ERR_STATE, "this build does not support %.*s", (int)name.n,
			       (const char *)name.p);
	if (!bytes_eq(name, bytes_str(a->name)))
		return why_set(p->why, ERR_MISMATCH, "the id is that of %s", a->name);
	if (g->n_amendments > 0 && hash256_cmp(&g->amendments[g->n_amendments - 1], &id) >= 0)
		return why_set(p->why, ERR_ORDER, "amendments are sorted by id");
	if (g->n_amendments == GENESIS_AMENDMENTS_MAX)
		return why_set(p->why, ERR_FULL, "too many amendments");
	g->amendments = mem_resize(g->amendments, g->n_amendments + 1, sizeof(id));
	g->amendments[g->n_amendments++] = id;
	return ERR_NONE;
}

static enum err read_account(struct parser *p, struct bytes v)
{
	struct bytes address = take_until(&v, ' ');
	struct genesis_account account;
	struct genesis *g = p->g;
	uint8_t payload[sizeof(account.id.b)];
	enum err e = base58_decode(payload, BASE58_ACCOUNT, (const char *)address.p, address.n);

	if (e != ERR_NONE)
		return why_set(p->why, e, "not an address");
	memcpy(account.id.b, payload, sizeof(payload));
	e = read_drops(p, trim(v), &account.balance);
	if (e != ERR_NONE)
		return e;
	if (g->n_accounts == GENESIS_ACCOUNTS_MAX)
		return why_set(p->why, ERR_FULL, "too many accounts");
	if ((g->n_accounts & (g->n_accounts - 1)) == 0)
		g->accounts = mem_resize(g->accounts, g->n_accounts ? 2 * g->n_accounts : 1,
					 sizeof(account));
	g->accounts[g->n_accounts++] = account;
	return ERR_NONE;
}

static enum err read_entry(struct parser *p, struct bytes v)
{
	struct bytes hex = take_until(&v, ' ');
	struct buf data = BUF_INIT;
	struct hash256 key;
	enum err e;

	v = trim(v);
	if (!hex_decode(key.b, sizeof(key.b), (const char *)hex.p, hex.n))
		return why_set(p->why, ERR_INVALID, "a key has 64 hex digits");
	buf_reserve(&data, v.n / 2);
	data.n = v.n / 2;
	e = hex_decode(data.p, data.n, (const char *)v.p, v.n)
		? genesis_add_entry(p->g, &key, buf_bytes(&data), p->why)
		: why_set(p->why, ERR_INVALID, "not hex");
	buf_close(&data);
	return e;
}

static enum err read_generated(struct parser *p, struct bytes v)
{
	struct bytes number = take_until(&v, ' ');
	uint64_t n = 0;
	enum err e = read_number(p, number, GENESIS_GENERATED_MAX, &n);

	p->g->generated = (uint32_t)n;
	return e == ERR_NONE ? read_drops(p, trim(v), &p->g->generated_balance) : e;
}

static enum err read_total(struct parser *p, struct bytes v)
{
	return read_drops(p, v, &p->g->total);
}

static const struct key {
	const char *name;
	reader read;
	bool many, optional;
} keys[] = {
    {"network_id", read_network_id, false, false},
    {"close_time", read_close_time, false, false},
    {"close_time_resolution", read_resolution, false, false},
    {"base_fee", read_base_fee, false, false},
    {"reserve_base", read_reserve_base, false, false},
    {"reserve_increment", read_reserve_increment, false, false},
    {"xrp_fees", read_xrp_fees, false, false},
    {"total_drops", read_total, false, false},
    {"amendment_majority_time", read_majority_time, false, true},
    {"generated_accounts", read_generated, false, true},
    {"amendment", read_amendment, true, true},
    {"account", read_account, true, true},
    {"entry", read_entry, true, true},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

static enum err read_line(struct parser *p, struct bytes line)
{
	struct bytes value = trim(take_until(&line, '#')), name;
	bool has_value;

	if (value.n == 0)
		return ERR_NONE;
	has_value = memchr(value.p, '=', value.n) != NULL;
	name = trim(take_until(&value, '='));
	if (!has_value)
		return why_set(p->why, ERR_INVALID, "not `key = value`");
	for (size_t i = 0; i < KEYS; i++) {
		enum err e;

		if (!bytes_eq(name, bytes_str(keys[i].name)))
			continue;
		if (!keys[i].many && (p->seen & (1u << i)))
			return why_set(p->why, ERR_DUPLICATE, "%s stands twice", keys[i].name);
		p->seen |= 1u << i;
		e = keys[i].read(p, trim(value));
		return e == ERR_NONE ? e : why_add(p->why, e, "%s", keys[i].name);
	}
	return why_set(p->why, ERR_INVALID, "unknown key %.*s", (int)(name.n < 40 ? name.n : 40),
		       (const char *)name.p);
}

/* What no single line can tell. */
static enum err check_whole(struct parser *p)
{
	const struct hash256 *xrp_fees = &amendment_by_name("XRPFees", 7)->id;
	struct genesis *g = p->g;
	bool listed = false;

	for (size_t i = 0; i < KEYS; i++)
		if (!keys[i].optional && !(p->seen & (1u << i)))
			return why_set(p->why, ERR_ABSENT, "no %s", keys[i].name);
	if (g->n_accounts == 0 && g->entries.n == 0)
		return why_set(p->why, ERR_ABSENT, "no account");
	for (size_t i = 0; i < g->n_amendments; i++)
		listed = listed || hash256_eq(&g->amendments[i], xrp_fees);
	if (listed != g->xrp_fees)
		return why_set(p->why, ERR_MISMATCH,
			       "xrp_fees is `yes` exactly when XRPFees is listed");
	if (!g->xrp_fees && (g->fees.reserve.raw > UINT32_MAX ||
			     g->fees.increment.raw > UINT32_MAX)) /* raw: range */
		return why_set(p->why, ERR_RANGE, "reserves above 2^32 need XRPFees");
	return ERR_NONE;
}

enum err genesis_parse(struct genesis *out, struct bytes text, struct why *why)
{
	struct genesis g;
	struct parser p = {.g = &g, .why = why};
	enum err e = ERR_NONE;
	unsigned number = 0;

	memset(&g, 0, sizeof(g));
	while (text.n > 0 && e == ERR_NONE) {
		struct bytes line = take_until(&text, '\n');

		number++;
		if (number == 1 && !bytes_eq(trim(line), bytes_str(FIRST_LINE)))
			e = why_set(why, ERR_SCHEMA, "the first line is not `%s`", FIRST_LINE);
		else
			e = read_line(&p, line);
		if (e != ERR_NONE)
			e = why_add(why, e, "line %u", number);
	}
	if (e == ERR_NONE)
		e = check_whole(&p);
	if (e != ERR_NONE) {
		genesis_close(&g);
		return e;
	}
	*out = g;
	return ERR_NONE;
}

static void put_drops(struct buf *out, const char *key, struct drops d)
{
	buf_printf(out, "%s = %llu\n", key, (unsigned long long)d.raw); /* raw: printing */
}

static void put_hex(struct buf *out, struct bytes b)
{
	buf_reserve(out, 2 * b.n + 1);
	hex_encode((char *)out->p + out->n, b.p, b.n);
	out->n += 2 * b.n;
}

void genesis_print(const struct genesis *g, struct buf *out)
{
	struct bytes rest = buf_bytes(&g->entries), data;
	struct hash256 key;

	buf_printf(out, "%s\n", FIRST_LINE);
	buf_printf(out, "network_id = %u\n", g->network_id);
	buf_printf(out, "close_time = %u\n", g->close_time.s);
	buf_printf(out, "close_time_resolution = %u\n", g->close_resolution);
	put_drops(out, "base_fee", g->fees.base);
	put_drops(out, "reserve_base", g->fees.reserve);
	put_drops(out, "reserve_increment", g->fees.increment);
	buf_printf(out, "xrp_fees = %s\n", g->xrp_fees ? "yes" : "no");
	if (g->majority_s)
		buf_printf(out, "amendment_majority_time = %u\n", g->majority_s);
	for (size_t i = 0; i < g->n_amendments; i++) {
		const struct amendment *a = amendment_by_id(&g->amendments[i]);

		must(a);
		buf_printf(out, "amendment = %s %s\n", hash256_hex(&a->id).s, a->name);
	}
	for (size_t i = 0; i < g->n_accounts; i++)
		buf_printf(out, "account = %s %llu\n", account_text(&g->accounts[i].id).s,
			   (unsigned long long)g->accounts[i].balance.raw); /* raw: printing */
	if (g->generated > 0)
		buf_printf(out, "generated_accounts = %u %llu\n", g->generated,
			   (unsigned long long)g->generated_balance.raw); /* raw: printing */
	while (genesis_next_entry(&rest, &key, &data)) {
		buf_printf(out, "entry = %s ", hash256_hex(&key).s);
		put_hex(out, data);
		buf_put_u8(out, '\n');
	}
	put_drops(out, "total_drops", g->total);
}

void genesis_close(struct genesis *g)
{
	mem_free(g->amendments);
	mem_free(g->accounts);
	buf_close(&g->entries);
	memset(g, 0, sizeof(*g));
}
