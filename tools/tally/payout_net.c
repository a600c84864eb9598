/* SPDX-License-Identifier: ISC */
#include "payout_net.h"

#include "base/mem.h"
#include "format.h"
#include "os/clock.h"
#include "tx/tx.h"

#include <stdio.h>
#include <stdlib.h>

#define TELL_AGAIN_MS 30000
#define PAGES_MAX     64 /* of what the wallet owns, until its tickets are all seen */

/* The same again only now and then. */
static bool trouble(struct payout_server *s, const char *why)
{
	bool told = !strcmp(s->told, why) && clock_steady().ms < s->told_ms + TELL_AGAIN_MS;

	snprintf(s->trouble, sizeof(s->trouble), "%s", why);
	if (told || !*why)
		return false;
	snprintf(s->told, sizeof(s->told), "%s", why);
	s->told_ms = clock_steady().ms;
	tally_fail(s->t, 0, "%s; trying again", why);
	return false;
}

/* Why an answer is none; "" when it is one. */
static const char *error_of(const json_t *r)
{
	if (!json_is_object(r))
		return "no answer";
	/* what is refused before it is a call has an object there */
	return json_is_object(get(r, "error")) ? "the server refuses the request"
					       : get_str(r, "error");
}

static json_t *ask(struct payout_server *s, json_t *calls, size_t n)
{
	json_t *r;

	s->t->quiet = s->trouble[0] != '\0';
	r = client_batch(s->t, calls);
	s->t->quiet = false;
	if (r && json_array_size(r) == n)
		return r;
	json_decref(r);
	snprintf(s->trouble, sizeof(s->trouble), "the server does not answer");
	return NULL;
}

static bool good(struct payout_server *s, const json_t *r)
{
	if (*error_of(r))
		return trouble(s, error_of(r));
	return true;
}

static bool drops_text(const char *s, struct drops *out)
{
	uint64_t n;

	if (!tally_number(s, 0, DROPS_MAX, &n))
		return false;
	*out = drops_of(n);
	return true;
}

static bool number(const json_t *o, const char *key, uint32_t *out)
{
	const json_t *v = get(o, key);

	*out = (uint32_t)json_integer_value(v);
	return json_is_integer(v) && json_integer_value(v) >= 0 &&
	       json_integer_value(v) <= UINT32_MAX;
}

static bool drops_number(const json_t *o, const char *key, struct drops *out)
{
	uint32_t n;

	if (!number(o, key, &n))
		return false;
	*out = drops_of(n);
	return true;
}

/* ---- ledger and account ---- */

static bool read_ledger(struct payout_server *s, const json_t *state, const json_t *fee,
			struct payout_ledger_info *out)
{
	const json_t *v = get(state, "validated_ledger");

	if (!number(v, "seq", &out->seq) || !out->seq)
		return trouble(s, "the server has no validated ledger");
	if (!drops_number(v, "reserve_base", &out->reserve_base) ||
	    !drops_number(v, "reserve_inc", &out->reserve_inc) ||
	    !drops_text(get_str(get(fee, "drops"), "open_ledger_fee"), &out->fee))
		return trouble(s, "the server does not say what a transaction costs");
	number(state, "network_id", &s->network); /* 0 where it is absent */
	s->trouble[0] = '\0';
	return true;
}

bool payout_ask_ledger(struct payout_server *s, struct payout_ledger_info *out)
{
	json_t *r = ask(s, json_pack("[{s:s}, {s:s}]", "method", "server_state", "method", "fee"),
			2);
	bool ok = r && good(s, json_array_get(r, 0)) && good(s, json_array_get(r, 1)) &&
		  read_ledger(s, get(json_array_get(r, 0), "state"), json_array_get(r, 1), out);

	json_decref(r);
	return ok;
}

static bool read_account(struct payout_server *s, const json_t *r, struct payout_account_info *out)
{
	const json_t *a = get(r, "account_data");

	*out = (struct payout_account_info){0};
	if (!json_is_true(get(r, "validated")) || !number(r, "ledger_index", &out->ledger) ||
	    !drops_text(get_str(a, "Balance"), &out->balance) ||
	    !number(a, "Sequence", &out->sequence) || !number(a, "OwnerCount", &out->owners))
		return trouble(s, "the server does not know the wallet's state");
	number(a, "TicketCount", &out->tickets);
	return true;
}

bool payout_ask_account(struct payout_server *s, struct payout_account_info *out)
{
	json_t *r = ask(s,
			json_pack("[{s:s, s:s, s:s}]", "method", "account_info", "account",
				  account_text(&s->wallet).s, "ledger_index", "validated"),
			1);
	bool ok = r && good(s, json_array_get(r, 0)) && read_account(s, json_array_get(r, 0), out);

	json_decref(r);
	return ok;
}

/* ---- tickets ---- */

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void take_tickets(const json_t *page, uint32_t *tickets, uint32_t *n)
{
	const json_t *list = get(page, "account_objects"), *o;
	size_t i;

	json_array_foreach(list, i, o) if (*n < PAYOUT_TICKETS_MAX &&
					   number(o, "TicketSequence", &tickets[*n]))(*n)++;
}

/* One page; *marker is that of the next, or NULL. */
static bool ask_page(struct payout_server *s, uint32_t *ledger, json_t **marker, uint32_t *tickets,
		     uint32_t *n)
{
	json_t *call = json_pack("{s:s, s:s, s:s, s:i}", "method", "account_objects", "account",
				 account_text(&s->wallet).s, "type", "ticket", "limit", 400),
	       *r;
	bool ok;

	json_object_set_new(call, "ledger_index",
			    *ledger ? json_integer(*ledger) : json_string("validated"));
	if (*marker)
		json_object_set_new(call, "marker", *marker);
	*marker = NULL;
	r = ask(s, json_pack("[o]", call), 1);
	ok = r && good(s, json_array_get(r, 0)) &&
	     number(json_array_get(r, 0), "ledger_index", ledger);
	if (ok) {
		take_tickets(json_array_get(r, 0), tickets, n);
		*marker = json_incref(json_object_get(json_array_get(r, 0), "marker"));
	}
	json_decref(r);
	return ok;
}

bool payout_ask_tickets(struct payout_server *s, uint32_t *ledger,
			uint32_t tickets[PAYOUT_TICKETS_MAX], uint32_t *n)
{
	json_t *marker = NULL;
	bool ok = true;

	*n = *ledger = 0;
	for (int page = 0; ok && (page == 0 || marker); page++)
		ok = page < PAGES_MAX && ask_page(s, ledger, &marker, tickets, n);
	json_decref(marker);
	qsort(tickets, *n, sizeof(*tickets), by_number);
	return ok;
}

/* ---- transactions ---- */

static char *hex_of(struct bytes b)
{
	char *s = mem_alloc(2 * b.n + 1);

	hex_encode(s, b.p, b.n);
	return s;
}

/* Each answer is judged alone; the first that is none is the trouble. */
static bool ask_each(struct payout_server *s, struct payout_ask *asks, uint32_t n, json_t *calls,
		     bool (*take)(struct payout_ask *a, const json_t *r))
{
	json_t *r = ask(s, calls, n);
	bool all = r != NULL;

	for (uint32_t i = 0; i < n; i++) {
		const json_t *one = r ? json_array_get(r, i) : NULL;

		asks[i].answered = one && take(&asks[i], one);
		if (one && !asks[i].answered)
			all = trouble(s, error_of(one));
	}
	json_decref(r);
	return all;
}

static bool take_submitted(struct payout_ask *a, const json_t *r)
{
	const char *code = get_str(r, "engine_result");

	if (!*code && !strcmp(error_of(r), "invalidTransaction"))
		code = "invalidTransaction";
	snprintf(a->code, sizeof(a->code), "%s", code);
	return *code;
}

bool payout_ask_submit(struct payout_server *s, struct payout_ask *asks, uint32_t n)
{
	json_t *calls = json_array();

	for (uint32_t i = 0; i < n; i++) {
		char *hex = hex_of(asks[i].blob);

		json_array_append_new(calls,
				      json_pack("{s:s, s:s}", "method", "submit", "tx_blob", hex));
		mem_free(hex);
	}
	return ask_each(s, asks, n, calls, take_submitted);
}

static bool take_found(struct payout_ask *a, const json_t *r)
{
	const json_t *meta = get(r, "meta");

	a->look = (struct payout_look){.max = a->max};
	if (!strcmp(error_of(r), "txnNotFound")) {
		a->look.searched_all = json_is_true(get(r, "searched_all"));
		return true;
	}
	if (*error_of(r))
		return false;
	if (!json_is_true(get(r, "validated")))
		return true; /* it waits, or is in a ledger that is not validated */
	a->look.validated = true;
	snprintf(a->look.code, sizeof(a->look.code), "%s", get_str(meta, "TransactionResult"));
	drops_text(get_str(meta, "delivered_amount"), &a->look.delivered);
	return number(r, "ledger_index", &a->look.ledger) && a->look.code[0] &&
	       !strcmp(get_str(r, "hash"), hash256_hex(a->hash).s);
}

bool payout_ask_look(struct payout_server *s, struct payout_ask *asks, uint32_t n)
{
	json_t *calls = json_array();

	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(calls, json_pack("{s:s, s:s, s:I, s:I}", "method", "tx",
						       "transaction", hash256_hex(asks[i].hash).s,
						       "min_ledger", (json_int_t)asks[i].min,
						       "max_ledger", (json_int_t)asks[i].max));
	return ask_each(s, asks, n, calls, take_found);
}

/* ---- signing ---- */

static struct st_object *new_tx(struct arena *a, const struct payout_signing *s,
				const struct payout_job *j, unsigned type)
{
	struct st_object *o = st_new(a);

	st_set_u(o, sfTransactionType, type);
	st_set_account(o, sfAccount, &s->wallet);
	st_set_u(o, sfSequence, j->seq);
	st_set_u(o, sfLastLedgerSequence, j->last);
	st_set_drops(o, sfFee, j->fee);
	if (s->network > 1024)
		st_set_u(o, sfNetworkID, s->network);
	return o;
}

static void finish(struct buf *blob, struct hash256 *hash, const struct payout_signing *s,
		   struct arena *a, struct st_object *o)
{
	tx_sign(o, s->key);
	st_encode(blob, o, ST_ALL);
	tx_id(hash, buf_bytes(blob));
	arena_close(a);
}

void payout_sign_payment(struct buf *blob, struct hash256 *hash, const struct payout_signing *s,
			 const struct payout_job *j, const struct payout_line *l)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = new_tx(&a, s, j, ttPayment), *memo;

	if (j->ticket)
		st_set_u(o, sfTicketSequence, j->ticket);
	st_set_account(o, sfDestination, &l->to);
	st_set_drops(o, sfAmount, l->amount);
	if (l->has_tag)
		st_set_u(o, sfDestinationTag, l->tag);
	if (s->memo) {
		memo = st_array_add(st_set_array(o, sfMemos), &a, sfMemo);
		st_set_raw(memo, sfMemoType, bytes_str("payout/reference"));
		st_set_raw(memo, sfMemoData, bytes_str(l->reference));
	}
	finish(blob, hash, s, &a, o);
}

void payout_sign_tickets(struct buf *blob, struct hash256 *hash, const struct payout_signing *s,
			 const struct payout_job *j)
{
	struct arena a = ARENA_INIT;
	struct st_object *o = new_tx(&a, s, j, ttTicketCreate), *memo;
	uint8_t word[8];

	st_set_u(o, sfTicketCount, j->count);
	store_be64(word, s->word);
	memo = st_array_add(st_set_array(o, sfMemos), &a, sfMemo);
	st_set_raw(memo, sfMemoType, bytes_str("payout/tickets"));
	st_set_raw(memo, sfMemoData, bytes_of(word, sizeof(word)));
	finish(blob, hash, s, &a, o);
}
