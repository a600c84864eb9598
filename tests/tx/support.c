/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "codec/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEOPLE_MAX 64

json_t *vectors_load(const char *name)
{
	const char *dir = getenv("TALLY_VECTORS"), *ci = getenv("CI");
	char path[1024];
	json_error_t error;
	json_t *out;

	(void)snprintf(path, sizeof(path), "%s/%s", dir ? dir : "../shared/vectors", name);
	out = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (out)
		return out;
	if (json_error_code(&error) != json_error_cannot_open_file)
		fail_msg("%s: line %d: %s", path, error.line, error.text);
	if (ci && strcmp(ci, "true") == 0)
		fail_msg("%s is absent", path);
	print_message("SKIP: vectors not found (%s)\n", path);
	return NULL;
}

struct bytes unhex(struct arena *a, const char *hex)
{
	size_t n = strlen(hex) / 2;
	uint8_t *p = arena_alloc(a, n + 1);

	assert_true(hex_decode(p, n, hex, strlen(hex)));
	return bytes_of(p, n);
}

struct hash256 hash_of_hex(const char *hex)
{
	struct hash256 h;

	assert_true(hex_decode(h.b, sizeof(h.b), hex, strlen(hex)));
	return h;
}

const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	if (!s)
		fail_msg("no text %s", key);
	return s;
}

uint32_t number_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v))
		fail_msg("no number %s", key);
	return (uint32_t)json_integer_value(v);
}

static struct person make_person(const char *phrase, enum key_type type)
{
	struct person p;
	struct seed seed;

	seed_of_passphrase(&seed, bytes_str(phrase));
	assert_int_equal(secret_key_of_seed(&p.key, &p.pub, type, &seed), ERR_NONE);
	account_of_key(&p.id, &p.pub);
	return p;
}

struct person person(const char *name)
{
	static struct {
		char name[32];
		struct person p;
	} known[PEOPLE_MAX];
	size_t i;

	for (i = 0; i < PEOPLE_MAX && known[i].name[0]; i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].p;
	assert_true(i < PEOPLE_MAX && strlen(name) < sizeof(known[i].name));
	strcpy(known[i].name, name);
	if (strcmp(name, "master") == 0)
		known[i].p = make_person("masterpassphrase", KEY_SECP256K1);
	else
		known[i].p = make_person(name, strncmp(name, "k1_", 3) == 0 ? KEY_SECP256K1
									    : KEY_ED25519);
	return known[i].p;
}

struct person master(void)
{
	return person("master");
}

void plant_entry(struct tree *state, struct keylet k, const struct st_object *o)
{
	struct buf b = BUF_INIT;

	st_encode(&b, o, ST_ALL);
	assert_int_equal(tree_put(state, &k.key, buf_bytes(&b)), FOUND);
	buf_close(&b);
}

void plant_account(struct tree *state, const char *name, void (*change)(struct st_object *account))
{
	struct person p = person(name);
	struct keylet k = keylet_account(&p.id);
	struct arena a = ARENA_INIT;
	struct st_object *o;
	struct bytes data;

	assert_int_equal(tree_get(state, &k.key, &data), FOUND);
	assert_int_equal(st_decode(&o, &a, data, NULL), ERR_NONE);
	change(o);
	plant_entry(state, k, o);
	arena_close(&a);
}

/* alice, bob and carol beside the master. */
static void add_people(struct genesis *g)
{
	static const char *names[] = {"alice", "bob", "carol"};
	const uint64_t each = 1000 * DROPS_PER_XRP;

	g->accounts = mem_resize(g->accounts, 4, sizeof(g->accounts[0]));
	g->n_accounts = 4;
	for (size_t i = 0; i < 3; i++)
		g->accounts[i + 1] = (struct genesis_account){person(names[i]).id, drops_of(each)};
	g->accounts[0].balance = drops_of(DROPS_MAX - 3 * each);
}

void world_open(struct world *w, const struct world_options *options)
{
	struct world_options o = options ? *options : (struct world_options){0};
	struct why why = {{0}};
	struct genesis g;

	memset(w, 0, sizeof(*w));
	genesis_default(&g, !o.no_amendments);
	add_people(&g);
	if (genesis_build(&g, &w->first, &w->base, &why) != ERR_NONE)
		fail_msg("%s", why.text);
	genesis_close(&g);
	tree_share(&w->state, &w->base->state);
	if (o.plant)
		o.plant(&w->state);
	assert_int_equal(rules_read(&w->state, &w->rules), FOUND);
	w->info = (struct view_info){.seq = o.seq ? o.seq : w->base->header.seq + 1,
				     .parent_close = w->base->header.close,
				     .parent_hash = w->base->hash,
				     .rules = w->rules,
				     .network_id = o.network_id,
				     .open = o.open};
	assert_int_equal(ledger_fees_read(&w->state, &w->info.fees), FOUND);
	w->view = view_open_tree(&w->state, &w->info);
}

void world_move(struct world *w, uint32_t seq)
{
	assert_int_equal(view_flush(w->view, &w->state), FOUND);
	view_close(w->view);
	w->info.seq = seq;
	w->view = view_open_tree(&w->state, &w->info);
}

void world_close(struct world *w)
{
	view_close(w->view);
	tree_close(&w->state);
	rules_unref(w->rules);
	ledger_unref(w->first);
	ledger_unref(w->base);
	arena_close(&w->arena);
}

static struct st_object *common(struct world *w, uint16_t type, const char *from, uint32_t seq)
{
	struct person p = person(from);
	struct st_object *o = st_new(&w->arena);

	st_set_u(o, sfTransactionType, type);
	st_set_account(o, sfAccount, &p.id);
	st_set_u(o, sfSequence, seq);
	st_set_drops(o, sfFee, drops_of(10));
	st_set_raw(o, sfSigningPubKey, bytes_of(NULL, 0));
	return o;
}

struct st_object *payment(struct world *w, const char *from, uint32_t seq, const char *to,
			  uint64_t drops)
{
	struct st_object *o = common(w, ttPayment, from, seq);
	struct person p = person(to);

	st_set_account(o, sfDestination, &p.id);
	st_set_drops(o, sfAmount, drops_of(drops));
	return o;
}

struct st_object *account_set(struct world *w, const char *from, uint32_t seq)
{
	return common(w, ttAccountSet, from, seq);
}

struct tx *trusted(struct st_object *fields)
{
	struct buf blob = BUF_INIT;
	struct why why = {{0}};
	struct tx *t = NULL;

	st_encode(&blob, fields, ST_ALL);
	if (tx_parse(&t, buf_bytes(&blob), &why) != ERR_NONE)
		fail_msg("%s", why.text);
	buf_close(&blob);
	atomic_store(&t->signature, TX_SIG_GOOD);
	return t;
}

struct tx *trusted_as(const char *signer, struct st_object *fields)
{
	struct person p = person(signer);

	st_set_raw(fields, sfSigningPubKey, bytes_of(p.pub.b, sizeof(p.pub.b)));
	return trusted(fields);
}

struct tx *signed_by(const char *signer, struct st_object *fields)
{
	struct tx *t;

	tx_sign(fields, person(signer).key);
	t = trusted(fields);
	atomic_store(&t->signature, TX_SIG_UNKNOWN);
	assert_int_equal(tx_check_signature(t), TX_SIG_GOOD);
	return t;
}

enum ter submit(struct world *w, const char *signer, struct st_object *fields, unsigned flags)
{
	struct tx *t = signed_by(signer, fields);
	struct tx_outcome out = tx_apply(w->view, t, flags, 0, NULL);

	tx_unref(t);
	return out.result;
}

const struct st_object *account_of(struct world *w, const char *name)
{
	struct person p = person(name);
	const struct st_object *o;
	enum found f = view_read(w->view, keylet_account(&p.id), &o);

	assert_int_not_equal(f, UNAVAILABLE);
	return f == FOUND ? o : NULL;
}

uint64_t balance_of(struct world *w, const char *name)
{
	const struct st_object *o = account_of(w, name);
	struct drops d = drops_of(0);

	if (o)
		assert_true(st_get_drops(o, sfBalance, &d));
	return d.raw;
}

uint32_t sequence_of(struct world *w, const char *name)
{
	const struct st_object *o = account_of(w, name);

	assert_non_null(o);
	return st_u32_or(o, sfSequence, 0);
}
