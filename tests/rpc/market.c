/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/rpc/market.h"

#include "ledger/affected.h"

#define XRP     DROPS_PER_XRP
#define EXPIRED 700000000 /* before the ledgers of the tests */

/* ---- Amounts */

static struct currency code(const char *text)
{
	struct currency c;

	assert_int_equal(currency_parse(&c, text, strlen(text)), ERR_NONE);
	return c;
}

static struct amount issued(const char *value, const char *currency, const char *issuer)
{
	struct amount a = {.kind = AMOUNT_IOU, .currency = code(currency)};

	if (issuer)
		a.issuer = person(issuer).id;
	else
		a.issuer.b[19] = 1; /* account one */
	assert_int_equal(amount_parse_iou(&a, value, strlen(value)), ERR_NONE);
	return a;
}

static struct amount xrp(uint64_t drops)
{
	return amount_of_drops(drops_of(drops));
}

static void set_amount(struct st_object *o, enum sf f, const struct amount *a)
{
	uint8_t b[AMOUNT_BYTES_MAX];

	st_set_raw(o, f, bytes_of(b, amount_encode(b, a)));
}

/* ---- Entries */

/* Lives as long as the program, as people do. */
static const struct account_id *id_of(const char *name)
{
	static struct account_id ids[64];
	static uint32_t n;
	struct account_id id = person(name).id;

	for (uint32_t i = 0; i < n; i++)
		if (account_eq(&ids[i], &id))
			return &ids[i];
	assert_true(n < 64);
	ids[n] = id;
	return &ids[n++];
}

struct market {
	struct tree *state;
	struct arena arena;
};

static void put(struct market *m, struct keylet k, struct st_object *o)
{
	st_set_u(o, sfLedgerEntryType, (uint64_t)k.type);
	if (!st_has(o, sfFlags))
		st_set_u(o, sfFlags, 0);
	plant_entry(m->state, k, o);
}

static void put_account(struct market *m, const char *name, uint64_t drops, uint32_t owned,
			uint32_t flags, uint32_t rate)
{
	struct account_id id = person(name).id;
	struct st_object *o = st_new(&m->arena);

	st_set_account(o, sfAccount, &id);
	st_set_u(o, sfSequence, 3);
	st_set_drops(o, sfBalance, drops_of(drops));
	st_set_u(o, sfOwnerCount, owned);
	st_set_u(o, sfFlags, flags);
	if (rate)
		st_set_u(o, sfTransferRate, rate);
	put(m, keylet_account(&id), o);
}

static struct keylet line_key(const char *holder, const char *issuer, const char *currency)
{
	struct currency c = code(currency);

	return keylet_line(id_of(holder), id_of(issuer), &c);
}

/* The issuer owes the holder so much. */
static void put_line(struct market *m, const char *holder, const char *issuer, const char *currency,
		     const char *value, bool frozen)
{
	bool low = account_cmp(id_of(holder), id_of(issuer)) < 0;
	struct amount balance = issued(value, currency, NULL);
	struct amount trust = issued("1000", currency, low ? holder : issuer);
	struct amount none = issued("0", currency, low ? issuer : holder);
	struct st_object *o = st_new(&m->arena);

	trust.issuer = person(holder).id;
	none.issuer = person(issuer).id;
	balance.negative = balance.mantissa && balance.negative == low;
	set_amount(o, sfBalance, &balance);
	set_amount(o, sfLowLimit, low ? &trust : &none);
	set_amount(o, sfHighLimit, low ? &none : &trust);
	st_set_u(o, sfFlags,
		 (low ? lsfLowReserve : lsfHighReserve) |
		     (frozen ? (low ? lsfHighFreeze : lsfLowFreeze) : 0));
	put(m, line_key(holder, issuer, currency), o);
}

/* ---- Offers */

static struct hash256 market_domain(void)
{
	struct hash256 h;

	memset(h.b, 0xD0, sizeof(h.b));
	return h;
}

static struct hash256 book_of(const struct amount *pays, const struct amount *gets, bool domain,
			      uint64_t quality)
{
	struct hash256 d = market_domain();
	struct keylet k = keylet_book(&pays->currency, &pays->issuer, &gets->currency,
				      &gets->issuer, domain ? &d : NULL);

	store_be64(k.key.b + 24, quality);
	return k.key;
}

static void put_offer(struct market *m, const char *owner, uint32_t seq, struct amount gets,
		      struct amount pays, uint64_t quality, bool domain)
{
	struct hash256 book = book_of(&pays, &gets, domain, quality), d = market_domain();
	struct account_id id = person(owner).id;
	struct st_object *o = st_new(&m->arena);

	st_set_account(o, sfAccount, &id);
	st_set_u(o, sfSequence, seq);
	set_amount(o, sfTakerGets, &gets);
	set_amount(o, sfTakerPays, &pays);
	st_set_hash256(o, sfBookDirectory, &book);
	st_set_u(o, sfBookNode, 0);
	st_set_u(o, sfOwnerNode, 0);
	if (domain)
		st_set_hash256(o, sfDomainID, &d);
	put(m, keylet_offer(&id, seq), o);
}

struct place {
	const char *owner;
	uint32_t seq;
};

/* A directory of one price; the second half of its offers is on a page of its own. */
static void put_price(struct market *m, struct hash256 root, const struct place *at, uint32_t n)
{
	uint32_t first = n > 1 ? (n + 1) / 2 : n;

	for (uint32_t page = 0; page < (n > 1 ? 2u : 1u); page++) {
		struct st_object *o = st_new(&m->arena);
		struct buf indexes = BUF_INIT;
		struct keylet k = {root, ltDirectoryNode};

		for (uint32_t i = page ? first : 0; i < (page ? n : first); i++) {
			struct hash256 key = keylet_offer(id_of(at[i].owner), at[i].seq).key;

			buf_put(&indexes, key.b, sizeof(key.b));
		}
		st_set_raw(o, sfIndexes, buf_bytes(&indexes));
		st_set_hash256(o, sfRootIndex, &root);
		if (n > 1 && page == 0) {
			st_set_u(o, sfIndexNext, 1);
			st_set_u(o, sfIndexPrevious, 1);
		}
		put(m, page ? keylet_dir_page(&root, page) : k, o);
		buf_close(&indexes);
	}
}

static uint64_t price(uint64_t mantissa, int exponent)
{
	return (uint64_t)(exponent + 100) << 56 | mantissa;
}

/* Drops for one USD. */
#define PRICE_1_0 price(1000000000000000, -9)
#define PRICE_1_1 price(1100000000000000, -9)
#define PRICE_1_2 price(1200000000000000, -9)
/* USD for one drop */
#define PRICE_HALF price(5000000000000000, -22)

static void put_offers(struct market *m)
{
	struct amount usd = issued("30", "USD", "gate"), drops = xrp(0);
	struct amount eur = issued("10", "EUR", "gloria");
	struct place first[] = {{"mary", 5}}, second[] = {{"mary", 6}, {"fred", 5}};
	struct place third[] = {{"ned", 5}, {"gate", 9}, {"mary", 99}},
		     fourth[] = {{"ned", 7}, {"ned", 8}};
	struct place domain[] = {{"mary", 10}}, frozen[] = {{"mary", 11}};

	put_offer(m, "mary", 5, usd, xrp(30 * XRP), PRICE_1_0, false);
	put_price(m, book_of(&drops, &usd, false, PRICE_1_0), first, 1);
	put_offer(m, "mary", 6, issued("40", "USD", "gate"), xrp(44 * XRP), PRICE_1_1, false);
	put_offer(m, "fred", 5, issued("10", "USD", "gate"), xrp(11 * XRP), PRICE_1_1, false);
	put_price(m, book_of(&drops, &usd, false, PRICE_1_1), second, 2);
	put_offer(m, "ned", 5, issued("10", "USD", "gate"), xrp(12 * XRP), PRICE_1_2, false);
	put_offer(m, "gate", 9, issued("5", "USD", "gate"), xrp(6 * XRP), PRICE_1_2, false);
	put_price(m, book_of(&drops, &usd, false, PRICE_1_2), third,
		  3); /* mary's 99 is not there */
	put_offer(m, "ned", 7, xrp(20 * XRP), issued("10", "USD", "gate"), PRICE_HALF, false);
	put_offer(m, "ned", 8, xrp(20 * XRP), issued("10", "USD", "gate"), PRICE_HALF, false);
	put_price(m, book_of(&usd, &drops, false, PRICE_HALF), fourth, 2);
	put_offer(m, "mary", 10, usd, xrp(30 * XRP), PRICE_1_0, true);
	put_price(m, book_of(&drops, &usd, true, PRICE_1_0), domain, 1);
	put_offer(m, "mary", 11, eur, xrp(10 * XRP), PRICE_1_0, false);
	put_price(m, book_of(&drops, &eur, false, PRICE_1_0), frozen, 1);
}

/* ---- Deposits */

static void put_credential(struct market *m, const char *subject, const char *issuer,
			   const char *type, bool accepted, uint32_t expires)
{
	struct account_id s = person(subject).id, i = person(issuer).id;
	struct st_object *o = st_new(&m->arena);

	st_set_account(o, sfSubject, &s);
	st_set_account(o, sfIssuer, &i);
	st_set_raw(o, sfCredentialType, bytes_str(type));
	st_set_u(o, sfFlags, accepted ? lsfAccepted : 0);
	if (expires)
		st_set_u(o, sfExpiration, expires);
	put(m, keylet_credential(&s, &i, bytes_str(type)), o);
}

static void put_deposits(struct market *m)
{
	struct account_id dora = person("dora").id, mary = person("mary").id;
	struct credential_name names[2] = {{person("gate").id, bytes_str("KYC")},
					   {person("gate").id, bytes_str("ZZ")}};
	struct st_object *o = st_new(&m->arena);
	struct st_array *list;

	st_set_account(o, sfAccount, &dora);
	st_set_account(o, sfAuthorize, &mary);
	st_set_u(o, sfOwnerNode, 0);
	put(m, keylet_deposit_preauth(&dora, &mary), o);
	o = st_new(&m->arena);
	st_set_account(o, sfAccount, &dora);
	st_set_u(o, sfOwnerNode, 0);
	list = st_set_array(o, sfAuthorizeCredentials);
	for (int i = 0; i < 2; i++) {
		struct st_object *c = st_array_add(list, &m->arena, sfCredential);

		st_set_account(c, sfIssuer, &names[i].issuer);
		st_set_raw(c, sfCredentialType, names[i].type);
	}
	put(m, keylet_deposit_preauth_credentials(&dora, names, 2), o);
	put_credential(m, "ned", "gate", "KYC", true, 0);
	put_credential(m, "ned", "gate", "ZZ", true, 0);
	put_credential(m, "ned", "gate", "old", true, EXPIRED);
	put_credential(m, "ned", "gate", "asked", false, 0);
	put_credential(m, "fred", "gate", "KYC", true, 0);
}

/* ---- Oracles */

static struct hash256 tx_of_o4(void)
{
	struct hash256 h;

	memset(h.b, 0x04, sizeof(h.b));
	return h;
}

static struct st_array *series_of(struct st_object *o, struct arena *a, const char *quote,
				  uint64_t value, uint8_t scale)
{
	struct st_array *list = st_set_array(o, sfPriceDataSeries);
	struct st_object *e = st_array_add(list, a, sfPriceData);
	struct currency base = code("XRP"), q = code(quote);

	st_set_raw(e, sfBaseAsset, bytes_of(base.b, sizeof(base.b)));
	st_set_raw(e, sfQuoteAsset, bytes_of(q.b, sizeof(q.b)));
	if (value) {
		st_set_u(e, sfAssetPrice, value);
		st_set_u(e, sfScale, scale);
	}
	return list;
}

static void put_oracle(struct market *m, const char *owner, const char *quote, uint64_t value,
		       uint8_t scale, uint32_t time)
{
	struct account_id id = person(owner).id;
	struct st_object *o = st_new(&m->arena);
	struct hash256 tx = tx_of_o4();

	st_set_account(o, sfOwner, &id);
	st_set_u(o, sfOracleDocumentID, 1);
	st_set_raw(o, sfProvider, bytes_str("p"));
	st_set_raw(o, sfAssetClass, bytes_str("c"));
	st_set_u(o, sfLastUpdateTime, time);
	st_set_u(o, sfOwnerNode, 0);
	series_of(o, &m->arena, quote, value, scale);
	st_set_hash256(o, sfPreviousTxnID, &tx);
	st_set_u(o, sfPreviousTxnLgrSeq, 2);
	put(m, keylet_oracle(&id, 1), o);
}

/* ---- What they own, as directories have it */

static void put_escrow(struct market *m, const char *owner, uint32_t seq,
		       const struct amount *amount)
{
	struct st_object *o = st_new(&m->arena);

	st_set_account(o, sfAccount, id_of(owner));
	st_set_account(o, sfDestination, id_of("dora"));
	set_amount(o, sfAmount, amount);
	put(m, keylet_escrow(id_of(owner), seq), o);
}

static void put_owner_dir(struct market *m, const char *owner, const struct keylet *v, uint32_t n)
{
	struct keylet root = keylet_owner_dir(id_of(owner));
	struct st_object *o = st_new(&m->arena);
	struct buf indexes = BUF_INIT;

	for (uint32_t i = 0; i < n; i++)
		buf_put(&indexes, v[i].key.b, sizeof(v[i].key.b));
	st_set_account(o, sfOwner, id_of(owner));
	st_set_hash256(o, sfRootIndex, &root.key);
	st_set_raw(o, sfIndexes, buf_bytes(&indexes));
	put(m, root, o);
	buf_close(&indexes);
}

static void put_directories(struct market *m)
{
	struct amount usd = issued("7.5", "USD", "gate"), drops = xrp(3 * XRP);
	struct keylet gate[] = {line_key("mary", "gate", "USD"),  line_key("fred", "gate", "USD"),
				line_key("ned", "gate", "USD"),   line_key("olga", "gate", "USD"),
				line_key("olga", "gate", "EUR"),  line_key("pete", "gate", "USD"),
				line_key("quin", "gate", "USD"),  keylet_offer(id_of("gate"), 9),
				keylet_escrow(id_of("gate"), 20), keylet_escrow(id_of("gate"), 21),
				keylet_escrow(id_of("gate"), 22)};
	struct keylet mary[] = {line_key("mary", "gate", "USD"), line_key("mary", "gloria", "EUR"),
				keylet_offer(id_of("mary"), 5)};

	put_line(m, "olga", "gate", "USD", "20.25", false);
	put_line(m, "olga", "gate", "EUR", "1", false);
	put_line(m, "pete", "gate", "USD", "-4", false); /* owes the gate */
	put_line(m, "quin", "gate", "USD", "9999999999999999", false);
	put_escrow(m, "gate", 20, &usd);
	put_escrow(m, "gate", 21, &usd);
	put_escrow(m, "gate", 22, &drops);
	put_owner_dir(m, "gate", gate, sizeof(gate) / sizeof(gate[0]));
	put_owner_dir(m, "mary", mary, sizeof(mary) / sizeof(mary[0]));
}

static void plant(struct tree *state)
{
	struct market m = {.state = state};

	put_account(&m, "gate", 1000 * XRP, 1, 0, 1002000000);
	put_account(&m, "gloria", 1000 * XRP, 0, lsfGlobalFreeze, 0);
	put_account(&m, "mary", 100 * XRP, 5, 0, 0);
	put_account(&m, "ned", 30 * XRP, 3, 0, 0);
	put_account(&m, "fred", 30 * XRP, 2, 0, 0);
	put_account(&m, "dora", 30 * XRP, 2, lsfDepositAuth, 0);
	put_line(&m, "mary", "gate", "USD", "50", false);
	put_line(&m, "mary", "gloria", "EUR", "50", false);
	put_line(&m, "fred", "gate", "USD", "10", true);
	put_line(&m, "ned", "gate", "USD", "0", false);
	put_offers(&m);
	put_deposits(&m);
	put_directories(&m);
	put_oracle(&m, "gate", "USD", 740, 3, 1000);
	put_oracle(&m, "mary", "USD", 75, 2, 1010);
	put_oracle(&m, "ned", "USD", 8, 1, 900);
	put_oracle(&m, "fred", "EUR", 9, 1, 1005);
	arena_close(&m.arena);
}

/* ---- History */

/* What the transaction before fred's newest has left: a price of the pair. */
static void meta_of_o4(struct buf *out)
{
	struct arena a = ARENA_INIT;
	struct st_object *meta = st_new(&a), *final = st_new(&a), *node;
	struct st_array *nodes = st_set_array(meta, sfAffectedNodes);

	node = st_array_add(nodes, &a, sfModifiedNode);
	st_set_u(node, sfLedgerEntryType, ltOracle);
	st_set_u(final, sfLastUpdateTime, 990);
	series_of(final, &a, "USD", 700, 3);
	st_set_object(node, sfFinalFields, final);
	st_set_u(meta, sfTransactionIndex, 0);
	st_set_u(meta, sfTransactionResult, 0);
	st_encode(out, meta, ST_ALL);
	arena_close(&a);
}

static enum err (*other_tx)(void *ctx, const struct hash256 *id, struct history_tx *out,
			    struct buf *store);

static enum err history_tx(void *ctx, const struct hash256 *id, struct history_tx *out,
			   struct buf *store)
{
	struct hash256 o4 = tx_of_o4();

	if (!hash256_eq(id, &o4))
		return other_tx(ctx, id, out, store);
	*out = (struct history_tx){.id = o4, .ledger_seq = 2};
	meta_of_o4(store);
	out->meta = buf_bytes(store);
	return ERR_NONE;
}

/* ---- Names */

static bool market_name(const char *name, struct buf *out)
{
	struct account_id ned = person("ned").id, gate = person("gate").id;
	struct account_id fred = person("fred").id;
	struct hash256 h;

	if (strcmp(name, "entry:kyc") == 0)
		h = keylet_credential(&ned, &gate, bytes_str("KYC")).key;
	else if (strcmp(name, "entry:kyc-zz") == 0)
		h = keylet_credential(&ned, &gate, bytes_str("ZZ")).key;
	else if (strcmp(name, "entry:kyc-old") == 0)
		h = keylet_credential(&ned, &gate, bytes_str("old")).key;
	else if (strcmp(name, "entry:kyc-asked") == 0)
		h = keylet_credential(&ned, &gate, bytes_str("asked")).key;
	else if (strcmp(name, "entry:kyc-other") == 0)
		h = keylet_credential(&fred, &gate, bytes_str("KYC")).key;
	else if (strcmp(name, "entry:mary5") == 0)
		h = keylet_offer(id_of("mary"), 5).key;
	else if (strcmp(name, "entry:line") == 0)
		h = line_key("mary", "gate", "USD").key;
	else if (strcmp(name, "domain") == 0)
		h = market_domain();
	else
		return false;
	buf_printf(out, "%s", hash256_hex(&h).s);
	return true;
}

/* Three of mary's: a payment, one that changes who may sign, one with a ticket. */
static void add_waiting(struct fake *f)
{
	struct world w = {0};
	struct st_object *o = payment(&w, "mary", 9, "ned", 5 * XRP);

	st_set_u(o, sfLastLedgerSequence, 20);
	f->node.waiting[f->node.n_waiting++] = signed_by("mary", o);
	o = account_set(&w, "mary", 10);
	st_set_u(o, sfSetFlag, asfRequireAuth);
	f->node.waiting[f->node.n_waiting++] = signed_by("mary", o);
	o = account_set(&w, "mary", 0);
	st_set_u(o, sfTicketSequence, 4);
	f->node.waiting[f->node.n_waiting++] = signed_by("mary", o);
	arena_close(&w.arena);
}

struct fake *market_open(bool network)
{
	struct fake_options o = {.network = network, .plant = plant};
	struct fake *f = fake_open(&o);

	other_tx = f->history.tx;
	f->history.tx = history_tx;
	f->names = market_name;
	add_waiting(f);
	return f;
}

/* An offer that was changed from one pair of amounts to another. */
static void add_node(struct st_array *nodes, struct arena *a, enum sf how, uint32_t seq,
		     const struct amount *was, const struct amount *is)
{
	struct st_object *node = st_array_add(nodes, a, how), *now = st_new(a), *before = st_new(a);

	st_set_u(node, sfLedgerEntryType, ltOffer);
	st_set_u(now, sfSequence, seq);
	set_amount(now, sfTakerGets, &is[0]);
	set_amount(now, sfTakerPays, &is[1]);
	set_amount(before, sfTakerGets, &was[0]);
	set_amount(before, sfTakerPays, &was[1]);
	st_set_object(node, sfFinalFields, now);
	st_set_object(node, sfPreviousFields, before);
}

/* An OfferCreate that replaces offer 77, and what it changed. */
static void crossing(struct buf *tx, struct buf *meta)
{
	struct amount was[2] = {issued("30", "USD", "gate"), xrp(30 * XRP)};
	struct amount is[2] = {issued("10", "USD", "gate"), xrp(10 * XRP)};
	struct amount was2[2] = {issued("40", "USD", "gate"), xrp(44 * XRP)};
	struct amount is2[2] = {issued("39", "USD", "gate"), xrp(42900000)};
	struct amount was3[2] = {issued("7", "EUR", "gloria"), issued("21", "USD", "gate")};
	struct amount is3[2] = {issued("0", "EUR", "gloria"), issued("0", "USD", "gate")};
	struct arena a = ARENA_INIT;
	struct person mary = person("mary");
	struct st_object *o = st_new(&a), *m = st_new(&a);
	struct st_array *nodes = st_set_array(m, sfAffectedNodes);

	st_set_u(o, sfTransactionType, ttOfferCreate);
	st_set_account(o, sfAccount, &mary.id);
	st_set_u(o, sfSequence, 3);
	st_set_u(o, sfOfferSequence, 77);
	st_set_drops(o, sfFee, drops_of(10));
	set_amount(o, sfTakerGets, &was[1]);
	set_amount(o, sfTakerPays, &was[0]);
	st_set_raw(o, sfSigningPubKey, bytes_of(mary.pub.b, sizeof(mary.pub.b)));
	st_encode(tx, o, ST_ALL);
	add_node(nodes, &a, sfModifiedNode, 5, was, is);
	add_node(nodes, &a, sfDeletedNode, 6, was2, is2);
	add_node(nodes, &a, sfDeletedNode, 8, was3, is3);
	add_node(nodes, &a, sfDeletedNode, 77, was, is);  /* what it says itself */
	add_node(nodes, &a, sfModifiedNode, 5, was, was); /* nothing */
	st_set_u(m, sfTransactionIndex, 0);
	st_set_u(m, sfTransactionResult, 0);
	st_encode(meta, m, ST_ALL);
	arena_close(&a);
}

void market_cross(struct fake *f)
{
	struct buf tx = BUF_INIT, meta = BUF_INIT;

	crossing(&tx, &meta);
	fake_add_ledger(f, buf_bytes(&tx), buf_bytes(&meta));
	buf_close(&tx);
	buf_close(&meta);
}
