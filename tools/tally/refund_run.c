/* SPDX-License-Identifier: ISC */
#include "refund.h"

#include "format.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "payout_file.h"
#include "payout_log.h"
#include "payout_net.h"
#include "payout_report.h"
#include "tx/tx.h"

#include <stdio.h>
#include <unistd.h>

/* `tally refund`: the shell around refund.h, with the journal of payouts. One journal for a wallet;
 * who has it has the lock. */

#define EXPIRES_LEDGERS 20
#define POLL_MS         300
#define PAGES_MAX       100000
#define FEE_MAX_DROPS   10000
#define PATIENCE_S      120

struct refund {
	struct tally *t;
	struct refund_original original;
	struct payout_log log;
	struct payout_server server;
	struct payout_signing signing;
	struct secret_key *key;
	struct hash256 hash; /* of the original */
	struct drops wanted, fee_max;
	bool all; /* that is left */
	char journal[1024];
	uint64_t patience_s;
	/* the one that is under way: of an earlier run, or of this */
	struct payout_entry live;
	struct buf blob;
	bool is_live, of_this_run;
};

/* ---- the fate of what was signed ---- */

static bool keep(struct refund *r, const struct payout_entry *e, struct why *why)
{
	struct buf b = BUF_INIT;
	enum err err;

	payout_entry_put(&b, e);
	err = payout_log_append(&r->log, buf_bytes(&b), why);
	buf_close(&b);
	return err == ERR_NONE;
}

static int decided(struct refund *r, enum payout_outcome o, const struct payout_look *l, int code)
{
	struct payout_entry e = {.kind = ENTRY_OUTCOME,
				 .hash = r->live.hash,
				 .outcome = o,
				 .ledger = l->ledger,
				 .delivered = l->delivered};
	struct why why = {""};

	r->is_live = false;
	snprintf(e.code, sizeof(e.code), "%s", l->code);
	if (!keep(r, &e, &why)) /* it will be looked up again */
		tally_fail(r->t, 0, "%s", why.text);
	return code;
}

static int found(struct refund *r, const struct payout_look *l)
{
	bool paid = !strcmp(l->code, "tesSUCCESS");
	struct hash256 of = r->hash;

	refund_names(buf_bytes(&r->blob), &of);
	if (r->t->json)
		tally_print_json(
		    json_pack("{s:s, s:s, s:s, s:I, s:s}", "hash", hash256_hex(&r->live.hash).s,
			      "original", hash256_hex(&of).s, "code", l->code, "ledger",
			      (json_int_t)l->ledger, "refunded_xrp", payout_xrp(l->delivered).s));
	else
		printf("validated in ledger %u: %s, %s XRP refunded\nhash %s\n", l->ledger, l->code,
		       payout_xrp(l->delivered).s, hash256_hex(&r->live.hash).s);
	return decided(r, paid ? LINE_PAID : LINE_REFUSED, l, paid ? TALLY_OK : TALLY_CLAIMED);
}

/* -1: not decided yet. It is out when its last ledger has passed, or its Sequence was used by
 * something else (`before`: the account as it was before this look), and it is in none of the
 * ledgers up to then. */
static int look(struct refund *r, uint32_t validated, const struct payout_account_info *before)
{
	bool used;
	struct payout_ask a = {.hash = &r->live.hash,
			       .min = r->live.first,
			       .max = validated < r->live.last ? validated : r->live.last};

	if (validated < r->live.first || !payout_ask_look(&r->server, &a, 1))
		return -1;
	if (a.look.validated)
		return found(r, &a.look);
	used = before->ledger <= a.max && before->sequence > r->live.seq;
	if (!a.look.searched_all || (validated < r->live.last && !used))
		return -1;
	tally_fail(r->t, 0, "not applied: %s, %s", hash256_hex(&r->live.hash).s,
		   used ? "something else has used its Sequence" : "its last ledger has passed");
	return decided(r, LINE_EXPIRED, &a.look, TALLY_EXPIRED);
}

/* A refusal is for good only as the very first answer; -1: it is open. */
static int send(struct refund *r, bool *sent)
{
	struct payout_ask a = {.hash = &r->live.hash, .blob = buf_bytes(&r->blob)};
	bool first = r->of_this_run && !*sent;

	*sent = true;
	if (!payout_ask_submit(&r->server, &a, 1))
		return -1;
	if (!first || strncmp(a.code, "tem", 3) != 0)
		return -1;
	snprintf(a.look.code, sizeof(a.look.code), "%s", a.code);
	tally_fail(r->t, 0, "the server refuses it: %s", a.code);
	return decided(r, LINE_REFUSED, &a.look, TALLY_REJECTED);
}

static int settle(struct refund *r)
{
	int64_t end = clock_steady().ms + (int64_t)r->patience_s * 1000;
	struct payout_account_info a;
	struct payout_ledger_info i;
	uint32_t last = 0;
	bool sent = false;

	for (; clock_steady().ms < end; usleep(POLL_MS * 1000)) {
		int code = -1;

		if (!payout_ask_account(&r->server, &a) || !payout_ask_ledger(&r->server, &i) ||
		    i.seq == last)
			continue;
		code = look(r, i.seq, &a);
		if (code < 0 && i.seq < r->live.last)
			code = send(r, &sent);
		if (code >= 0)
			return code;
		last = i.seq;
	}
	return tally_fail(r->t, TALLY_UNKNOWN,
			  "no final answer on %s in %llu s: run this again, it is looked up first",
			  hash256_hex(&r->live.hash).s, (unsigned long long)r->patience_s);
}

/* ---- what may go back ---- */

static bool read_original(struct refund *r, int *code)
{
	struct why why = {""};
	json_t *answer = client_get(
	    r->t, "tx", json_pack("{s:s}", "transaction", hash256_hex(&r->hash).s), code);
	enum err e;

	if (!answer)
		return false;
	e = refund_original_read(&r->original, answer, &r->signing.wallet, &why);
	json_decref(answer);
	if (e == ERR_NONE && hash256_eq(&r->original.hash, &r->hash))
		return true;
	*code = tally_fail(r->t, TALLY_REJECTED, "%s: %s", hash256_hex(&r->hash).s,
			   e == ERR_NONE ? "the answer is about another one" : why.text);
	return false;
}

static bool count_page(struct refund *r, uint32_t last, json_t **marker, struct drops *sum,
		       int *code)
{
	json_t *params = json_pack("{s:s, s:I, s:I, s:b, s:i}", "account",
				   account_text(&r->signing.wallet).s, "ledger_index_min",
				   (json_int_t)r->original.ledger, "ledger_index_max",
				   (json_int_t)last, "forward", 1, "limit", 200);
	json_t *page, *row;
	struct why why = {""};
	bool good;
	size_t i;

	if (*marker)
		json_object_set_new(params, "marker", *marker);
	*marker = NULL;
	page = client_get(r->t, "account_tx", params, code);
	if (!page)
		return false;
	good = json_is_true(get(page, "validated")) &&
	       get_num(page, "ledger_index_min") <= r->original.ledger &&
	       get_num(page, "ledger_index_max") >= last &&
	       json_is_array(get(page, "transactions"));
	if (!good)
		why_set(&why, ERR_UNAVAILABLE, "the server does not have all of it");
	json_array_foreach(json_object_get(page, "transactions"), i, row)
	    good = good && refund_count(sum, row, &r->original, &why) == ERR_NONE;
	if (good)
		*marker = json_incref(json_object_get(page, "marker"));
	else
		*code = tally_fail(r->t, TALLY_FAILED, "the wallet's history: %s", why.text);
	json_decref(page);
	return good;
}

static bool history_whole(struct refund *r, uint32_t last, int *code)
{
	json_t *info = client_get(r->t, "server_info", NULL, code);
	bool whole;

	if (!info)
		return false;
	whole = refund_history_whole(get_str(get(info, "info"), "complete_ledgers"),
				     r->original.ledger, last);
	json_decref(info);
	if (!whole)
		*code = tally_fail(r->t, TALLY_FAILED,
				   "the server lacks ledgers from %u to %u: what was refunded "
				   "cannot be counted; ask one that has them",
				   r->original.ledger, last);
	return whole;
}

static bool count_refunded(struct refund *r, uint32_t last, struct drops *sum, int *code)
{
	json_t *marker = NULL;
	bool ok = true;
	int page;

	*sum = drops_of(0);
	for (page = 0; ok && page < PAGES_MAX && (!page || marker); page++)
		ok = count_page(r, last, &marker, sum, code);
	ok = ok && !marker && history_whole(r, last, code);
	json_decref(marker);
	return ok;
}

static void sign(struct refund *r, const struct payout_ledger_info *i,
		 const struct payout_account_info *a, struct drops amount)
{
	struct arena arena = ARENA_INIT;
	struct st_object *o = st_new(&arena), *memo;
	struct payout_entry *e = &r->live;
	struct st_array *memos;
	uint8_t word[8];

	*e = (struct payout_entry){.kind = ENTRY_SIGNED,
				   .seq = a->sequence,
				   .first = a->ledger,
				   .last = i->seq + EXPIRES_LEDGERS,
				   .fee = i->fee};
	st_set_u(o, sfTransactionType, ttPayment);
	st_set_account(o, sfAccount, &r->signing.wallet);
	st_set_account(o, sfDestination, &r->original.from);
	st_set_drops(o, sfAmount, amount);
	if (r->original.has_tag)
		st_set_u(o, sfDestinationTag, r->original.tag);
	st_set_u(o, sfSequence, e->seq);
	st_set_u(o, sfLastLedgerSequence, e->last);
	st_set_drops(o, sfFee, e->fee);
	if (r->signing.network > 1024)
		st_set_u(o, sfNetworkID, r->signing.network);
	memos = st_set_array(o, sfMemos);
	memo = st_array_add(memos, &arena, sfMemo);
	st_set_raw(memo, sfMemoType, bytes_str(REFUND_MEMO_TYPE));
	st_set_raw(memo, sfMemoData, bytes_of(r->hash.b, sizeof(r->hash.b)));
	/* two that are asked for at once are two, of which one is applied, and not the same bytes
	 */
	entropy_fill(word, sizeof(word));
	memo = st_array_add(memos, &arena, sfMemo);
	st_set_raw(memo, sfMemoType, bytes_str("refund/word"));
	st_set_raw(memo, sfMemoData, bytes_of(word, sizeof(word)));
	tx_sign(o, r->key);
	buf_clear(&r->blob);
	st_encode(&r->blob, o, ST_ALL);
	tx_id(&e->hash, buf_bytes(&r->blob));
	e->blob = buf_bytes(&r->blob);
	arena_close(&arena);
}

/* The Sequence is of the same validated ledger up to which refunds were counted (refund.h). */
static int refund_now(struct refund *r)
{
	struct payout_ledger_info i;
	struct payout_account_info a;
	struct why why = {""};
	struct drops refunded, amount;
	int code;

	if (!read_original(r, &code))
		return code;
	if (!payout_ask_account(&r->server, &a) || !payout_ask_ledger(&r->server, &i))
		return TALLY_UNREACHABLE;
	if (a.ledger < r->original.ledger)
		return tally_fail(r->t, TALLY_FAILED, "the server is behind the original's ledger");
	if (!count_refunded(r, a.ledger, &refunded, &code))
		return code;
	if (refund_decide(&amount, &r->original, refunded, r->all ? NULL : &r->wanted, &why) !=
	    ERR_NONE)
		return tally_fail(r->t, TALLY_REJECTED, "%s", why.text);
	if (drops_cmp(i.fee, r->fee_max) > 0)
		return tally_fail(r->t, TALLY_FAILED, "the fee is %s XRP now, above --max-fee",
				  payout_xrp(i.fee).s);
	sign(r, &i, &a, amount);
	if (!keep(r, &r->live, &why))
		return tally_fail(r->t, TALLY_FAILED, "%s; nothing was sent", why.text);
	r->is_live = r->of_this_run = true;
	return settle(r);
}

/* ---- the journal ---- */

static bool take_entry(struct refund *r, const struct payout_entry *e, struct why *why)
{
	if (e->kind == ENTRY_SIGNED && !r->is_live) {
		r->live = *e;
		buf_clear(&r->blob);
		buf_put(&r->blob, e->blob.p, e->blob.n);
		r->is_live = true;
		return true;
	}
	if (e->kind == ENTRY_OUTCOME && r->is_live && hash256_eq(&e->hash, &r->live.hash)) {
		r->is_live = false;
		return true;
	}
	why_set(why, ERR_CORRUPT, "%s: entries out of order", r->journal);
	return false;
}

static bool open_journal(struct refund *r)
{
	struct payout_entry e, head = {.kind = ENTRY_HEADER,
				       .wallet = r->signing.wallet,
				       .network = r->server.network};
	struct why why = {""};
	enum err err = payout_log_open(&r->log, r->journal, &why);

	if (err == ERR_NONE)
		err = payout_log_next(&r->log, &e, &why);
	if (err == ERR_NONE &&
	    (e.kind != ENTRY_HEADER || !hash256_is_zero(&e.file) ||
	     !account_eq(&e.wallet, &r->signing.wallet) || e.network != r->server.network))
		return tally_fail(r->t, 0, "%s: it is the journal of something else", r->journal) !=
		       0;
	while (err == ERR_NONE) {
		err = payout_log_next(&r->log, &e, &why);
		if (err == ERR_NONE && !take_entry(r, &e, &why))
			err = ERR_CORRUPT;
	}
	if (err == ERR_ABSENT)
		err = payout_log_extend(&r->log, &head, &why);
	return err == ERR_NONE || tally_fail(r->t, 0, "%s", why.text) != 0;
}

/* What an earlier run left open is decided first. The same refund, if it was applied after all, is
 * not made a second time. */
static bool settle_earlier(struct refund *r, int *code)
{
	struct hash256 of;
	bool same = refund_names(buf_bytes(&r->blob), &of) && hash256_eq(&of, &r->hash);

	tally_fail(r->t, 0, "looking up %s, which an earlier run has signed",
		   hash256_hex(&r->live.hash).s);
	*code = settle(r);
	if (*code == TALLY_UNKNOWN)
		return false;
	if (*code == TALLY_OK && same) {
		tally_fail(r->t, 0, "that was a refund of this payment; run this again for more");
		return false;
	}
	return true;
}

/* ---- the command ---- */

static bool take_amount(struct refund *r)
{
	const char *s = tally_option(r->t, "--amount");

	r->all = !s;
	if (!s || payout_amount(&r->wanted, s, UNIT_XRP))
		return true;
	return tally_fail(r->t, 0, "--amount: \"%s\" is no amount of XRP", s) != 0;
}

static bool take_number(struct refund *r, const char *name, uint64_t hi, uint64_t *out)
{
	const char *s = tally_option(r->t, name);

	if (!s || tally_number(s, 1, hi, out))
		return true;
	return tally_fail(r->t, 0, "%s takes 1 to %llu", name, (unsigned long long)hi) != 0;
}

static bool take_journal(struct refund *r, const char *journal, const char *key)
{
	int n = journal ? snprintf(r->journal, sizeof(r->journal), "%s", journal)
			: snprintf(r->journal, sizeof(r->journal), "%s.refunds", key);

	if (!journal && !strcmp(key, "-"))
		return tally_fail(r->t, 0,
				  "--journal FILE is wanted with a key from standard "
				  "input") != 0;
	return n < (int)sizeof(r->journal) ||
	       tally_fail(r->t, 0, "the journal's path is too long") != 0;
}

static bool take_options(struct refund *r, int *code)
{
	struct tally *t = r->t;
	struct tally_secret from;
	struct public_key pub;
	const char *file = tally_option(t, "--from"), *account = tally_option(t, "--account");
	const char *journal = tally_option(t, "--journal");
	uint64_t fee = FEE_MAX_DROPS;

	*code = TALLY_USAGE;
	r->patience_s = PATIENCE_S;
	if (!take_amount(r) || !take_number(r, "--max-fee", 1000 * DROPS_PER_XRP, &fee) ||
	    !take_number(r, "--timeout", 86400, &r->patience_s) ||
	    !tally_secret_options(t, &from) || !tally_arguments(t, 1, 1))
		return false;
	r->fee_max = drops_of(fee);
	if (!hex_decode(r->hash.b, sizeof(r->hash.b), t->argv[1], strlen(t->argv[1])))
		return tally_fail(t, 0, "\"%s\" is no transaction's hash", t->argv[1]) != 0;
	if (file)
		from.path = file;
	if (!from.path)
		return tally_fail(t, 0, "--from KEYFILE is wanted") != 0;
	if (!take_journal(r, journal, from.path))
		return false;
	r->key = tally_secret_read(t, &from, &pub, code);
	if (!r->key)
		return false;
	account_of_key(&r->signing.wallet, &pub);
	if (account && account_parse(&r->signing.wallet, account) != ERR_NONE) {
		*code = TALLY_USAGE;
		return tally_fail(t, 0, "--account: \"%s\" is no address", account) != 0;
	}
	r->server.wallet = r->signing.wallet;
	return true;
}

static int refund(struct refund *r)
{
	struct payout_ledger_info i;
	int code;

	if (!take_options(r, &code))
		return code;
	if (!payout_ask_ledger(&r->server, &i))
		return TALLY_UNREACHABLE;
	r->signing.network = r->server.network;
	if (!open_journal(r))
		return TALLY_FAILED;
	if (r->is_live && !settle_earlier(r, &code))
		return code;
	return refund_now(r);
}

int cmd_refund(struct tally *t)
{
	struct refund r = {.t = t, .log = PAYOUT_LOG_INIT, .server = {.t = t}};
	int code = refund(&r);

	payout_log_close(&r.log);
	buf_close(&r.blob);
	secret_key_close(r.key);
	return code;
}
