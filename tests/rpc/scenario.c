/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/scenario.h"

#include "crypto/base58.h"
#include "ledger/affected.h"

#include <stdio.h>
#include <stdlib.h>

#define XRP DROPS_PER_XRP

/* ---- What carol owns */

struct plant {
	struct tree *state;
	struct arena arena;
	struct account_id carol;
	struct hash256 owned[16];
	uint32_t n;
};

static void put(struct plant *p, struct keylet k, struct st_object *o, bool owned)
{
	st_set_u(o, sfLedgerEntryType, (uint64_t)k.type);
	if (!st_has(o, sfFlags))
		st_set_u(o, sfFlags, 0);
	if (owned) {
		if (k.type != ltRippleState)
			st_set_u(o, sfOwnerNode, 0);
		p->owned[p->n++] = k.key;
	}
	plant_entry(p->state, k, o);
}

static void set_iou(struct st_object *o, enum sf f, uint64_t mantissa, int exponent, bool negative,
		    const struct account_id *issuer)
{
	struct amount a = {
	    .kind = AMOUNT_IOU, .mantissa = mantissa, .exponent = exponent, .negative = negative};
	uint8_t b[AMOUNT_BYTES_MAX];

	memcpy(a.currency.b + 12, "USD", 3);
	if (issuer)
		a.issuer = *issuer;
	else
		a.issuer.b[19] = 1; /* account one: nobody */
	if (mantissa == 0)
		a.exponent = -100;
	st_set_raw(o, f, bytes_of(b, amount_encode(b, &a)));
}

static void plant_line(struct plant *p)
{
	struct account_id gate = person("gate").id;
	bool low = account_cmp(&p->carol, &gate) < 0;
	struct st_object *o = st_new(&p->arena);
	struct currency usd = {{0}};
	struct keylet k;

	memcpy(usd.b + 12, "USD", 3);
	k = keylet_line(&p->carol, &gate, &usd);
	/* The gate owes carol 12.5 USD; she trusts it for 100. */
	set_iou(o, sfBalance, 1250000000000000, -14, !low, NULL);
	set_iou(o, sfLowLimit, low ? 1000000000000000 : 0, -13, false, low ? &p->carol : &gate);
	set_iou(o, sfHighLimit, low ? 0 : 1000000000000000, -13, false, low ? &gate : &p->carol);
	st_set_u(o, sfFlags,
		 low ? lsfLowReserve | lsfLowNoRipple | lsfHighAuth
		     : lsfHighReserve | lsfHighNoRipple | lsfLowAuth);
	put(p, k, o, true);
}

static void plant_offer(struct plant *p)
{
	struct account_id gate = person("gate").id;
	struct st_object *o = st_new(&p->arena);
	struct hash256 dir = {{0xAB}};

	store_be64(dir.b + 24, (uint64_t)(100 - 7) << 56 | 2000000000000000u / 1);
	st_set_account(o, sfAccount, &p->carol);
	st_set_u(o, sfSequence, 11);
	set_iou(o, sfTakerPays, 2000000000000000, -15, false, &gate);
	st_set_drops(o, sfTakerGets, drops_of(10000000));
	st_set_hash256(o, sfBookDirectory, &dir);
	st_set_u(o, sfBookNode, 0);
	st_set_u(o, sfExpiration, 900000000);
	put(p, keylet_offer(&p->carol, 11), o, true);
}

static void plant_channel(struct plant *p)
{
	struct person bob = person("bob");
	struct st_object *o = st_new(&p->arena);

	st_set_account(o, sfAccount, &p->carol);
	st_set_account(o, sfDestination, &bob.id);
	st_set_drops(o, sfAmount, drops_of(5 * XRP));
	st_set_drops(o, sfBalance, drops_of(1 * XRP));
	st_set_raw(o, sfPublicKey, bytes_of(bob.pub.b, sizeof(bob.pub.b)));
	st_set_u(o, sfSettleDelay, 3600);
	st_set_u(o, sfDestinationTag, 7);
	put(p, keylet_pay_channel(&p->carol, &bob.id, 12), o, true);
}

static void plant_signers(struct plant *p)
{
	struct person bob = person("bob");
	struct st_object *o = st_new(&p->arena);
	struct st_array *list = st_set_array(o, sfSignerEntries);
	struct st_object *e = st_array_add(list, &p->arena, sfSignerEntry);

	st_set_account(e, sfAccount, &bob.id);
	st_set_u(e, sfSignerWeight, 1);
	st_set_u(o, sfSignerQuorum, 1);
	st_set_u(o, sfSignerListID, 0);
	put(p, keylet_signers(&p->carol), o, true);
}

static void plant_ticket(struct plant *p, uint32_t seq)
{
	struct st_object *o = st_new(&p->arena);

	st_set_account(o, sfAccount, &p->carol);
	st_set_u(o, sfTicketSequence, seq);
	put(p, keylet_ticket(&p->carol, seq), o, true);
}

static void plant_escrow(struct plant *p)
{
	struct person bob = person("bob");
	struct st_object *o = st_new(&p->arena);

	st_set_account(o, sfAccount, &p->carol);
	st_set_account(o, sfDestination, &bob.id);
	st_set_drops(o, sfAmount, drops_of(2 * XRP));
	st_set_u(o, sfFinishAfter, 900000000);
	put(p, keylet_escrow(&p->carol, 13), o, true);
}

static void plant_tokens(struct plant *p)
{
	struct st_object *o = st_new(&p->arena);
	struct st_array *list = st_set_array(o, sfNFTokens);

	for (uint32_t serial = 1; serial <= 3; serial++) {
		struct st_object *t = st_array_add(list, &p->arena, sfNFToken);
		struct hash256 id = {{0}};

		store_be16(id.b, 8);       /* transferable */
		store_be16(id.b + 2, 314); /* fee */
		memcpy(id.b + 4, p->carol.b, 20);
		store_be32(id.b + 24, 5 ^ (384160001u * serial + 2459u));
		store_be32(id.b + 28, serial);
		st_set_hash256(t, sfNFTokenID, &id);
		st_set_raw(t, sfURI, bytes_str("ipfs://x"));
	}
	put(p, keylet_nft_page_max(&p->carol), o, false);
}

/* Two pages, so that walks have to cross from one to the other. */
static void plant_directory(struct plant *p)
{
	struct keylet root = keylet_owner_dir(&p->carol);
	uint32_t first = p->n / 2;

	for (uint32_t page = 0; page < 2; page++) {
		struct st_object *o = st_new(&p->arena);
		uint32_t at = page ? first : 0, n = page ? p->n - first : first;

		st_set_account(o, sfOwner, &p->carol);
		st_set_hash256(o, sfRootIndex, &root.key);
		st_set_raw(o, sfIndexes, bytes_of(p->owned[at].b, n * 32));
		if (page == 0) {
			st_set_u(o, sfIndexNext, 1);
			st_set_u(o, sfIndexPrevious, 1);
		}
		put(p, page ? keylet_dir_page(&root.key, 1) : root, o, false);
	}
}

static void plant_root(struct plant *p)
{
	struct st_object *o = st_new(&p->arena);

	st_set_account(o, sfAccount, &p->carol);
	st_set_u(o, sfSequence, 3);
	st_set_drops(o, sfBalance, drops_of(500 * XRP));
	st_set_u(o, sfOwnerCount, p->n);
	st_set_raw(o, sfEmailHash,
		   bytes_of("\x98\xb4\x37\x5e\x1d\x75\x3e\x5b\x91\x62\x7f\xc1\x7e"
			    "\xae\x41\x9c",
			    16));
	put(p, keylet_account(&p->carol), o, false);
}

static void plant(struct tree *state)
{
	struct plant p = {.state = state, .carol = person("carol").id};

	plant_line(&p);
	plant_offer(&p);
	plant_channel(&p);
	plant_signers(&p);
	plant_ticket(&p, 14);
	plant_ticket(&p, 15);
	plant_escrow(&p);
	plant_tokens(&p);
	plant_directory(&p);
	plant_root(&p);
	arena_close(&p.arena);
}

/* ---- Transactions */

static struct st_object *base_payment(struct world *w, const char *from, uint32_t seq,
				      const char *to, uint64_t drops, uint32_t network_id)
{
	struct st_object *o = payment(w, from, seq, to, drops);

	if (network_id > 1024)
		st_set_u(o, sfNetworkID, network_id);
	return o;
}

static void apply(struct fake *f, struct tx *tx, enum ter expected)
{
	enum ter got = fake_apply(f, tx, NULL);

	if (got != expected)
		fail_msg("%s instead of %s", result_name(got), result_name(expected));
	tx_unref(tx);
}

struct tx *scenario_payment_tx(struct fake *f, const char *from, uint32_t seq, const char *to,
			       uint64_t drops)
{
	struct world w = {0};
	struct tx *tx = signed_by(from, base_payment(&w, from, seq, to, drops, f->node.network_id));

	arena_close(&w.arena);
	return tx;
}

char *scenario_payment(struct fake *f, const char *from, uint32_t seq, const char *to,
		       uint64_t drops)
{
	struct tx *tx = scenario_payment_tx(f, from, seq, to, drops);
	char *hex = mem_alloc(2 * tx->blob.n + 1);

	hex_encode(hex, tx->blob.p, tx->blob.n);
	tx_unref(tx);
	return hex;
}

static void pay_with_memo(struct fake *f)
{
	struct world w = {0};
	struct st_object *o = base_payment(&w, "master", 1, "alice", 1000 * XRP,
					   f->node.network_id);
	struct st_array *memos = st_set_array(o, sfMemos);
	struct st_object *memo = st_array_add(memos, &w.arena, sfMemo);

	st_set_raw(memo, sfMemoData, bytes_str("hello"));
	st_set_u(o, sfDestinationTag, 42);
	apply(f, signed_by("master", o), tesSUCCESS);
	arena_close(&w.arena);
}

static void set_flags(struct fake *f, uint32_t seq)
{
	struct world w = {0};
	struct st_object *o = account_set(&w, "bob", seq);

	if (f->node.network_id > 1024)
		st_set_u(o, sfNetworkID, f->node.network_id);
	st_set_u(o, sfSetFlag, asfRequireDest);
	st_set_raw(o, sfDomain, bytes_str("example.org"));
	apply(f, signed_by("bob", o), tesSUCCESS);
	arena_close(&w.arena);
}

/* New accounts begin with the sequence of the ledger they are made in, 4 here. */
struct fake *scenario_open(bool network, bool ahead)
{
	struct fake_options o = {.network = network, .plant = plant};
	struct fake *f = fake_open(&o);

	pay_with_memo(f);
	apply(f, scenario_payment_tx(f, "master", 2, "bob", 1000 * XRP), tesSUCCESS);
	apply(f, scenario_payment_tx(f, "master", 3, "carol", 1000 * XRP), tesSUCCESS);
	fake_close_ledger(f, true);
	apply(f, scenario_payment_tx(f, "alice", 4, "bob", 10 * XRP), tesSUCCESS);
	set_flags(f, 4);
	fake_close_ledger(f, true);
	apply(f, scenario_payment_tx(f, "alice", 5, "nobody", 100), tecNO_DST_INSUF_XRP);
	fake_close_ledger(f, true);
	if (ahead)
		fake_close_ledger(f, false);
	apply(f, scenario_payment_tx(f, "alice", 6, "carol", 1 * XRP), tesSUCCESS);
	return f;
}

/* ---- Requests with names in them */

static const struct ledger *ledger_of(struct fake *f, uint32_t seq)
{
	if (seq < 1 || seq > f->node.n)
		fail_msg("no ledger %u", seq);
	return f->node.chain[seq - 1];
}

static struct hash256 tx_at(struct fake *f, uint32_t seq, uint32_t index)
{
	const struct ledger *l = ledger_of(f, seq);
	struct arena a = ARENA_INIT;
	struct bytes leaf, tx, meta;
	struct hash256 id, at;
	struct st_object *o;
	enum found found = tree_next(&l->txs, NULL, &id, &leaf);

	while (found == FOUND) {
		assert_int_equal(tx_leaf_split(leaf, &tx, &meta), ERR_NONE);
		assert_int_equal(st_decode(&o, &a, meta, NULL), ERR_NONE);
		if (st_u32_or(o, sfTransactionIndex, UINT32_MAX) == index)
			break;
		at = id;
		found = tree_next(&l->txs, &at, &id, &leaf);
	}
	arena_close(&a);
	assert_int_equal(found, FOUND);
	return id;
}

static struct hash256 owned(const char *type)
{
	struct account_id carol = person("carol").id, bob = person("bob").id;
	struct account_id gate = person("gate").id;
	struct currency usd = {{0}};

	memcpy(usd.b + 12, "USD", 3);
	if (strcmp(type, "Ticket") == 0)
		return keylet_ticket(&carol, 14).key;
	if (strcmp(type, "Offer") == 0)
		return keylet_offer(&carol, 11).key;
	if (strcmp(type, "RippleState") == 0)
		return keylet_line(&carol, &gate, &usd).key;
	if (strcmp(type, "PayChannel") == 0)
		return keylet_pay_channel(&carol, &bob, 12).key;
	fail_msg("carol has no %s", type);
	return HASH256_ZERO;
}

static void expand(struct fake *f, const char *name, struct buf *out)
{
	char from[16], to[16];
	uint32_t seq, index;
	unsigned long long drops;
	struct hash256 h;

	if (sscanf(name, "L%u", &seq) == 1 && name[1] >= '0' && name[1] <= '9') {
		buf_printf(out, "%s", hash256_hex(&ledger_of(f, seq)->hash).s);
	} else if (sscanf(name, "T%u.%u", &seq, &index) == 2) {
		h = tx_at(f, seq, index);
		buf_printf(out, "%s", hash256_hex(&h).s);
	} else if (f->names && f->names(name, out)) {
		return;
	} else if (sscanf(name, "node:%15[a-z0-9]", from) == 1) {
		struct public_key key = person(from).pub;

		buf_printf(out, "%s", node_public_text(&key).s);
	} else if (strcmp(name, "open") == 0) {
		buf_printf(out, "%s", hash256_hex(&f->node.open_txs[0]->id).s);
	} else if (strncmp(name, "own:", 4) == 0) {
		h = owned(name + 4);
		buf_printf(out, "%s", hash256_hex(&h).s);
	} else if (sscanf(name, "pay:%15[a-z]:%u:%15[a-z]:%llu", from, &seq, to, &drops) == 4) {
		char *hex = scenario_payment(f, from, seq, to, drops);

		buf_printf(out, "%s", hex);
		mem_free(hex);
	} else {
		struct person p = person(name);

		buf_printf(out, "%s", account_text(&p.id).s);
	}
}

static json_t *fill_text(struct fake *f, const char *s)
{
	struct buf out = BUF_INIT;
	const char *open, *end;
	char name[64];
	json_t *j;

	while ((open = strstr(s, "${")) && (end = strchr(open, '}'))) {
		size_t n = (size_t)(end - open) - 2;

		assert_true(n < sizeof(name));
		memcpy(name, open + 2, n);
		name[n] = '\0';
		buf_put(&out, s, (size_t)(open - s));
		expand(f, name, &out);
		s = end + 1;
	}
	buf_put(&out, s, strlen(s));
	j = json_stringn(out.n ? (const char *)out.p : "", out.n);
	buf_close(&out);
	return j;
}

json_t *scenario_fill(struct fake *f, const json_t *in)
{
	const char *key;
	json_t *v, *out;
	size_t i;

	if (json_is_string(in))
		return fill_text(f, json_string_value(in));
	if (json_is_object(in)) {
		out = json_object();
		json_object_foreach((json_t *)(uintptr_t)in, key, v)
		    json_object_set_new(out, key, scenario_fill(f, v));
		return out;
	}
	if (json_is_array(in)) {
		out = json_array();
		json_array_foreach(in, i, v) json_array_append_new(out, scenario_fill(f, v));
		return out;
	}
	return json_deep_copy(in);
}
