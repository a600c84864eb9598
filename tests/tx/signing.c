/* SPDX-License-Identifier: ISC */
#include "tests/tx/signing.h"

#include "codec/json.h"
#include "crypto/base58.h"

#include <stdlib.h>
#include <string.h>

struct st_object *act(struct world *w, uint16_t type, const char *from)
{
	struct st_object *o = account_set(w, from, account_of(w, from) ? sequence_of(w, from) : 1);

	st_set_u(o, sfTransactionType, type);
	return o;
}

struct st_object *noop(struct world *w, const char *from)
{
	return act(w, ttAccountSet, from);
}

struct st_object *set_flag(struct world *w, const char *from, uint32_t asf)
{
	struct st_object *o = noop(w, from);

	st_set_u(o, sfSetFlag, asf);
	return o;
}

struct st_object *clear_flag(struct world *w, const char *from, uint32_t asf)
{
	struct st_object *o = noop(w, from);

	st_set_u(o, sfClearFlag, asf);
	return o;
}

static void set_person(struct st_object *o, enum sf f, const char *name)
{
	struct account_id id = person(name).id;

	st_set_account(o, f, &id);
}

struct st_object *regular_key(struct world *w, const char *from, const char *key)
{
	struct st_object *o = act(w, ttSetRegularKey, from);

	if (key)
		set_person(o, sfRegularKey, key);
	return o;
}

/* The next word of a text, up to one of `ends`; false at the end. */
static bool next_word(const char **text, char word[32], const char *ends)
{
	size_t n;

	*text += strspn(*text, " ");
	n = strcspn(*text, ends);
	assert_true(n < 32);
	memcpy(word, *text, n);
	word[n] = 0;
	*text += n;
	return n > 0;
}

struct st_object *signer_list(struct world *w, const char *from, uint32_t quorum,
			      const char *entries)
{
	struct st_object *o = act(w, ttSignerListSet, from), *e;
	struct st_array *list;
	char name[32], weight[32];

	st_set_u(o, sfSignerQuorum, quorum);
	if (!entries)
		return o;
	list = st_set_array(o, sfSignerEntries);
	while (next_word(&entries, name, "=")) {
		entries++;
		assert_true(next_word(&entries, weight, " "));
		e = st_array_add(list, &w->arena, sfSignerEntry);
		set_person(e, sfAccount, name);
		st_set_u(e, sfSignerWeight, strtoul(weight, NULL, 10));
	}
	return o;
}

struct st_object *authorize(struct world *w, const char *from, const char *whom)
{
	struct st_object *o = act(w, ttDepositPreauth, from);

	set_person(o, sfAuthorize, whom);
	return o;
}

struct st_object *unauthorize(struct world *w, const char *from, const char *whom)
{
	struct st_object *o = act(w, ttDepositPreauth, from);

	set_person(o, sfUnauthorize, whom);
	return o;
}

struct st_object *with_ticket(struct st_object *o, uint32_t ticket)
{
	st_set_u(o, sfSequence, 0);
	st_set_u(o, sfTicketSequence, ticket);
	return o;
}

struct st_object *with_fee(struct st_object *o, uint64_t drops)
{
	st_set_drops(o, sfFee, drops_of(drops));
	return o;
}

static void compare_result(enum ter is, enum ter wanted)
{
	if (is != wanted)
		fail_msg("%s instead of %s", result_name((int)is), result_name((int)wanted));
}

enum ter apply_as_is(struct world *w, struct st_object *o, unsigned flags)
{
	struct tx *t = trusted(o);
	struct tx_outcome out;

	atomic_store(&t->signature, TX_SIG_UNKNOWN);
	if (!(flags & TX_DRY_RUN))
		(void)tx_check_signature(t);
	out = tx_apply(w->view, t, flags, 0, &w->arena);
	tx_unref(t);
	return out.result;
}

void expect(struct world *w, const char *key, struct st_object *o, enum ter result)
{
	tx_sign(o, person(key).key);
	compare_result(apply_as_is(w, o, 0), result);
}

/* A signer, inserted among those before him in the order of accounts. */
static struct st_object *insert_signer(struct st_array *list, struct arena *a,
				       const struct account_id *id)
{
	struct st_object *o = st_array_add(list, a, sfSigner);
	struct account_id other;
	uint32_t at = list->n - 1;

	for (; at > 0; at--) {
		assert_true(st_get_account(list->e[at - 1].object, sfAccount, &other));
		if (account_cmp(&other, id) <= 0)
			break;
		list->e[at] = list->e[at - 1];
	}
	list->e[at] = (struct st_element){sfSigner, o};
	return o;
}

void add_signers(struct st_object *o, const char *signers)
{
	struct st_array *list = st_set_array(o, sfSigners);
	char word[32];

	st_set_raw(o, sfSigningPubKey, bytes_of(NULL, 0));
	while (next_word(&signers, word, " ")) {
		char *colon = strchr(word, ':');
		struct person key = person(colon ? colon + 1 : word), p;
		struct buf payload = BUF_INIT;
		uint8_t sig[SIGNATURE_MAX];
		struct st_object *e;

		if (colon)
			*colon = 0;
		p = person(word);
		e = insert_signer(list, o->arena, &p.id);
		tx_multisign_payload(&payload, o, &p.id);
		st_set_account(e, sfAccount, &p.id);
		st_set_raw(e, sfSigningPubKey, bytes_of(key.pub.b, sizeof(key.pub.b)));
		st_set_raw(e, sfTxnSignature,
			   bytes_of(sig, signature_make(key.key, buf_bytes(&payload), sig)));
		buf_close(&payload);
	}
}

static uint32_t count_words(const char *s)
{
	char word[32];
	uint32_t n = 0;

	while (next_word(&s, word, " "))
		n++;
	return n;
}

void expect_multi(struct world *w, const char *signers, struct st_object *o, enum ter result)
{
	with_fee(o, BASE_FEE * (1 + (uint64_t)count_words(signers)));
	add_signers(o, signers);
	compare_result(apply_as_is(w, o, 0), result);
}

void fund(struct world *w, const char *name, uint64_t drops)
{
	expect(w, "master", payment(w, "master", sequence_of(w, "master"), name, drops),
	       tesSUCCESS);
}

uint32_t take_tickets(struct world *w, const char *who, const char *key, uint32_t n)
{
	struct st_object *o = act(w, ttTicketCreate, who);

	st_set_u(o, sfTicketCount, n);
	expect(w, key, o, tesSUCCESS);
	return sequence_of(w, who) - n;
}

uint32_t flags_of_account(struct world *w, const char *name)
{
	return st_u32_or(account_of(w, name), sfFlags, 0);
}

uint32_t owned_by(struct world *w, const char *name)
{
	return st_u32_or(account_of(w, name), sfOwnerCount, 0);
}

const struct st_object *entry_at(struct world *w, struct keylet k)
{
	const struct st_object *o;
	enum found f = view_read(w->view, k, &o);

	assert_int_not_equal(f, UNAVAILABLE);
	return f == FOUND ? o : NULL;
}

/* "signers alice" */
static struct keylet keylet_of_words(const char *words)
{
	char kind[32], name[32], other[32];
	struct person p, q;

	assert_true(next_word(&words, kind, " ") && next_word(&words, name, " "));
	p = person(name);
	if (strcmp(kind, "account") == 0)
		return keylet_account(&p.id);
	if (strcmp(kind, "signers") == 0)
		return keylet_signers(&p.id);
	if (strcmp(kind, "directory") == 0)
		return keylet_owner_dir(&p.id);
	assert_string_equal(kind, "preauth");
	assert_true(next_word(&words, other, " "));
	q = person(other);
	return keylet_deposit_preauth(&p.id, &q.id);
}

static void put_hash(struct buf *out, const struct hash256 *h)
{
	for (size_t i = 0; i < sizeof(h->b); i++)
		buf_printf(out, "%02X", h->b[i]);
}

/* What stands for the words between < and >; the transaction has not been applied yet. */
static void put_words(struct world *w, struct buf *out, const char *words, const struct tx *t)
{
	struct hash256 h;

	if (strcmp(words, "id") == 0) {
		put_hash(out, &t->id);
	} else if (strcmp(words, "seq") == 0) {
		buf_printf(out, "%u", w->info.seq);
	} else if (strncmp(words, "before ", 7) == 0) {
		const struct st_object *o = entry_at(w, keylet_of_words(words + 7));

		assert_true(o && st_get_hash256(o, sfPreviousTxnID, &h));
		put_hash(out, &h);
	} else if (strchr(words, ' ')) {
		h = keylet_of_words(words).key;
		put_hash(out, &h);
	} else {
		struct account_id id = person(words).id;

		buf_printf(out, "%s", account_text(&id).s);
	}
}

static json_t *expected(struct world *w, const char *text, const struct tx *t)
{
	struct buf b = BUF_INIT;
	char words[64];
	json_error_t error;
	json_t *out;

	for (; *text; text++) {
		size_t n = strcspn(text, ">");

		if (*text != '<') {
			buf_put_u8(&b, *text == '\'' ? '"' : (uint8_t)*text);
			continue;
		}
		assert_true(n < sizeof(words));
		memcpy(words, text + 1, n - 1);
		words[n - 1] = 0;
		put_words(w, &b, words, t);
		text += n;
	}
	out = json_loadb((const char *)b.p, b.n, JSON_REJECT_DUPLICATES, &error);
	if (!out)
		fail_msg("%s: %.*s", error.text, (int)b.n, (const char *)b.p);
	buf_close(&b);
	return out;
}

/* The nodes come in the order of their indexes, which the text need not know. */
static json_t *find_equal(const json_t *list, const json_t *wanted)
{
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		if (json_equal(v, wanted))
			return v;
	}
	return NULL;
}

void expect_nodes(struct world *w, const char *key, struct st_object *o, enum ter result,
		  const char *nodes)
{
	struct tx *t = signed_by(key, o);
	json_t *want = expected(w, nodes, t), *meta, *got, *v;
	struct tx_outcome out = tx_apply(w->view, t, 0, 0, &w->arena);
	size_t i;

	compare_result(out.result, result);
	assert_non_null(out.meta);
	meta = st_to_json(out.meta);
	got = json_object_get(meta, "AffectedNodes");
	json_array_foreach(want, i, v)
	{
		if (find_equal(got, v))
			continue;
		print_error("wanted: %s\n", json_dumps(v, JSON_SORT_KEYS));
		print_error("got: %s\n", json_dumps(got, JSON_SORT_KEYS | JSON_INDENT(1)));
		fail();
	}
	assert_int_equal(json_array_size(got), json_array_size(want));
	json_decref(want);
	json_decref(meta);
	tx_unref(t);
}

void refused(struct world *w, struct st_object *o, const char *what, const char *who)
{
	struct account_id id = person(who ? who : "alice").id;
	struct buf b = BUF_INIT;
	struct why why;
	char text[WHY_MAX];
	struct tx *t;

	(void)snprintf(text, sizeof(text), "%s%s%s.", what, who ? " on account " : "",
		       who ? account_text(&id).s : "");
	st_encode(&b, o, ST_ALL);
	assert_int_equal(tx_parse(&t, buf_bytes(&b), NULL), ERR_NONE);
	assert_int_equal(tx_check_signature(t), TX_SIG_BAD);
	tx_signature_fault(t, &why);
	assert_string_equal(why.text, text);
	tx_unref(t);
	buf_close(&b);
	assert_int_equal(apply_as_is(w, o, 0), temBAD_SIGNATURE);
}
