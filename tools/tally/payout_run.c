/* SPDX-License-Identifier: ISC */
#include "os/clock.h"
#include "os/entropy.h"
#include "payout_file.h"
#include "payout_log.h"
#include "payout_net.h"
#include "payout_report.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The shell around the machine (payout.h): its file, its journal, a server. */

#define EXPIRES_LEDGERS 20
#define FEE_MAX_DROPS   100 /* ten times what a transaction costs where nothing is full */
#define PATIENCE_S      600
#define GROUP_MAX       64

struct run {
	struct tally *t;
	struct payout m;
	struct payout_file file;
	struct payout_log log;
	struct payout_server server;
	struct payout_signing signing;
	struct payout_progress progress;
	struct payout_options options;
	struct secret_key *key;
	enum payout_unit unit;
	const char *path, *journal, *report;
	char journal_text[1024];
	bool dry_run;
	struct why why; /* of a journal that failed */
};

static int64_t now_ms(void)
{
	return clock_steady().ms;
}

/* ---- options ---- */

static bool number_option(struct tally *t, const char *name, uint64_t lo, uint64_t hi,
			  uint64_t *out)
{
	const char *s = tally_option(t, name);

	if (!s || tally_number(s, lo, hi, out))
		return true;
	return tally_fail(t, 0, "%s takes %llu to %llu", name, (unsigned long long)lo,
			  (unsigned long long)hi) != 0;
}

static bool unit_option(struct run *r)
{
	const char *s = tally_option(r->t, "--unit");

	r->unit = !s ? UNIT_NONE : !strcmp(s, "xrp") ? UNIT_XRP : UNIT_DROPS;
	if (!s || r->unit == UNIT_XRP || !strcmp(s, "drops"))
		return true;
	return tally_fail(r->t, 0, "--unit is xrp or drops") != 0;
}

static bool machine_options(struct run *r)
{
	uint64_t fee = FEE_MAX_DROPS, tickets = PAYOUT_TICKETS_MAX, patience = PATIENCE_S;
	uint64_t expire = EXPIRES_LEDGERS;

	if (!number_option(r->t, "--max-fee", 1, 1000 * DROPS_PER_XRP, &fee) ||
	    !number_option(r->t, "--tickets", 1, PAYOUT_TICKETS_MAX, &tickets) ||
	    !number_option(r->t, "--patience", 1, 86400, &patience) ||
	    !number_option(r->t, "--expire", 2, 900, &expire))
		return false;
	r->options = (struct payout_options){.tickets_max = (uint32_t)tickets,
					     .group_max = GROUP_MAX,
					     .expire = (uint32_t)expire,
					     .fee_max = drops_of(fee),
					     .patience_ms = (int64_t)patience * 1000};
	return true;
}

static bool account_option(struct run *r, const char *account, const struct public_key *pub)
{
	account_of_key(&r->signing.wallet, pub);
	if (account && account_parse(&r->signing.wallet, account) != ERR_NONE)
		return tally_fail(r->t, 0, "--account: \"%s\" is no address", account) != 0;
	r->server.wallet = r->signing.wallet;
	return true;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !strcmp(a, b) || (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
				 x.st_ino == y.st_ino);
}

static bool take_options(struct run *r, int *code)
{
	struct tally *t = r->t;
	struct tally_secret from;
	struct public_key pub;
	const char *file = tally_option(t, "--from"), *account = tally_option(t, "--account");

	*code = TALLY_USAGE;
	r->journal = tally_option(t, "--journal");
	r->report = tally_option(t, "--report");
	r->dry_run = tally_flag(t, "--dry-run");
	r->signing.memo = tally_flag(t, "--memo");
	if (!unit_option(r) || !machine_options(r) || !tally_secret_options(t, &from) ||
	    !tally_arguments(t, 1, 1))
		return false;
	r->path = t->argv[1];
	if (r->report && !payout_report_name(r->report))
		return tally_fail(t, 0, "--report: the name ends with .csv or .json") != 0;
	if (!r->journal) {
		if (snprintf(r->journal_text, sizeof(r->journal_text), "%s.journal", r->path) >=
		    (int)sizeof(r->journal_text))
			return tally_fail(t, 0, "%s: the path is too long", r->path) != 0;
		r->journal = r->journal_text;
	}
	if (same_file(r->path, r->journal) ||
	    (r->report && (same_file(r->report, r->path) || same_file(r->report, r->journal))))
		return tally_fail(t, 0, "payout file, journal and report are one file") != 0;
	if (file)
		from.path = file;
	if (!from.path)
		return tally_fail(t, 0, "--from KEYFILE is wanted") != 0;
	r->key = tally_secret_read(t, &from, &pub, code);
	r->signing.key = r->key;
	return r->key && account_option(r, account, &pub);
}

/* ---- before the first payment ---- */

static bool read_file(struct run *r)
{
	struct buf text = BUF_INIT;
	struct why why = {""};
	bool good = false;

	if (file_read(&text, r->path, PAYOUT_FILE_MAX, &why) != ERR_NONE) {
		tally_fail(r->t, 0, "%s", why.text);
	} else if (payout_file_read(&r->file, r->path, buf_bytes(&text), r->unit,
				    &r->signing.wallet)) {
		good = true;
	} else {
		fwrite(r->file.errors.p, 1, r->file.errors.n, stderr);
		tally_fail(r->t, 0, "%s: %u errors, nothing was sent", r->path, r->file.n_errors);
	}
	buf_close(&text);
	return good;
}

/* The first answer of the server: which network it is. */
static bool meet_server(struct run *r, struct payout_ledger_info *i, int *code)
{
	*code = TALLY_UNREACHABLE;
	if (!payout_ask_ledger(&r->server, i))
		return false;
	r->signing.network = r->server.network;
	*code = TALLY_USAGE;
	if (r->file.test_address && r->server.network == 0)
		return tally_fail(r->t, 0,
				  "X-addresses of test networks, but this is the main network") !=
		       0;
	if (r->file.main_address && r->server.network != 0)
		return tally_fail(r->t, 0,
				  "X-addresses of the main network, but this is network %u",
				  r->server.network) != 0;
	return true;
}

static bool meet_wallet(struct run *r, struct payout_account_info *a, int *code)
{
	*code = TALLY_UNREACHABLE;
	if (payout_ask_account(&r->server, a))
		return true;
	if (!strcmp(r->server.trouble, "actNotFound"))
		*code = tally_fail(r->t, TALLY_FAILED, "%s: there is no such account",
				   account_text(&r->signing.wallet).s);
	return false;
}

static bool same_header(const struct run *r, const struct payout_entry *e, struct why *why)
{
	if (e->kind != ENTRY_HEADER)
		why_set(why, ERR_CORRUPT, "it does not begin as a journal does");
	else if (!hash256_eq(&e->file, &r->file.hash) || e->lines != r->file.n)
		why_set(why, ERR_MISMATCH,
			"it is the journal of another file (or this one was "
			"changed since)");
	else if (!account_eq(&e->wallet, &r->signing.wallet))
		why_set(why, ERR_MISMATCH, "it is the journal of another wallet, %s",
			account_text(&e->wallet).s);
	else if (e->network != r->server.network)
		why_set(why, ERR_MISMATCH, "it is the journal of another network, %u", e->network);
	else
		return true;
	return false;
}

/* What an earlier run has left. */
static bool read_journal(struct run *r)
{
	struct payout_entry e;
	struct why why = {""};
	enum err err = payout_log_open(&r->log, r->journal, &why);

	if (err == ERR_NONE)
		err = payout_log_next(&r->log, &e, &why);
	if (err == ERR_NONE && !same_header(r, &e, &why))
		return tally_fail(r->t, 0, "%s: %s", r->journal, why.text) != 0;
	if (err == ERR_NONE)
		r->signing.word = e.word;
	else
		entropy_fill(&r->signing.word, sizeof(r->signing.word));
	while (err == ERR_NONE) {
		err = payout_log_next(&r->log, &e, &why);
		if (err == ERR_NONE)
			err = payout_load(&r->m, &e, &why);
	}
	if (err != ERR_ABSENT)
		return tally_fail(r->t, 0, "%s", why.text) != 0;
	payout_loaded(&r->m);
	return true;
}

static bool begin_journal(struct run *r)
{
	struct payout_entry head = {.kind = ENTRY_HEADER,
				    .file = r->file.hash,
				    .wallet = r->signing.wallet,
				    .network = r->server.network,
				    .lines = r->file.n,
				    .word = r->signing.word};
	struct why why = {""};

	if (payout_log_extend(&r->log, &head, &why) != ERR_NONE)
		return tally_fail(r->t, 0, "%s", why.text) != 0;
	if (r->log.cut)
		tally_fail(r->t, 0, "%s: a record that was written in part was taken off",
			   r->journal);
	return true;
}

/* ---- the dry run ---- */

static int show_plan(struct run *r, const struct payout_ledger_info *i,
		     const struct payout_account_info *a)
{
	struct payout_counts c;
	struct drops spend;
	uint32_t tickets = 0;

	payout_count(&c, &r->m);
	r->m.ledger = *i;
	r->m.account = *a;
	spend = payout_spendable(&r->m);
	tickets = payout_affordable(&r->m);
	if (r->t->json) {
		json_t *j = payout_summary(&r->m);

		json_object_set_new(j, "wallet", json_string(account_text(&r->signing.wallet).s));
		json_object_set_new(j, "left_xrp", json_string(payout_xrp(c.left).s));
		json_object_set_new(j, "fee_xrp", json_string(payout_xrp(i->fee).s));
		json_object_set_new(j, "spendable_xrp", json_string(payout_xrp(spend).s));
		json_object_set_new(j, "tickets", json_integer(tickets));
		tally_print_json(j);
		return TALLY_OK;
	}
	printf("%s: %u payments, %s XRP\n", r->path, r->file.n, payout_xrp(r->file.total).s);
	printf("done      %u paid, %u refused or in conflict, %u in flight\n",
	       c.by_outcome[LINE_PAID], c.by_outcome[LINE_REFUSED] + c.by_outcome[LINE_CONFLICT],
	       c.by_outcome[LINE_LIVE]);
	printf("to do     %u payments\n", c.by_outcome[LINE_OPEN]);
	printf("wallet    %s, %s XRP, of which it may spend %s\n",
	       account_text(&r->signing.wallet).s, payout_xrp(a->balance).s, payout_xrp(spend).s);
	printf("fees      %s XRP each now, and one for each %d tickets%s\n", payout_xrp(i->fee).s,
	       PAYOUT_TICKETS_MAX,
	       drops_cmp(i->fee, r->options.fee_max) > 0 ? ": above --max-fee, it would wait" : "");
	printf("tickets   %u at first, %s XRP of reserve while they are open\n", tickets,
	       payout_xrp(drops_of(i->reserve_inc.raw * tickets)).s); /* raw: printing */
	if (drops_cmp(c.left, spend) > 0)
		printf("The wallet cannot pay all of it.\n");
	printf("Nothing was sent.\n");
	return TALLY_OK;
}

/* ---- running ---- */

static void do_sign(struct run *r, uint32_t slot)
{
	const struct payout_job *j = &r->m.jobs[slot];
	struct buf blob = BUF_INIT;
	struct hash256 hash;

	if (j->line == PAYOUT_NO_LINE)
		payout_sign_tickets(&blob, &hash, &r->signing, j);
	else
		payout_sign_payment(&blob, &hash, &r->signing, j, &r->m.lines[j->line]);
	payout_on_signed(&r->m, slot, &hash, buf_bytes(&blob));
	buf_close(&blob);
}

/* Some of one kind at once. What was taken beyond them is the next to do. */
static struct payout_action do_batch(struct run *r, struct payout_action a)
{
	struct payout_ask asks[PAYOUT_BATCH_MAX];
	uint32_t slots[PAYOUT_BATCH_MAX], n = 0;
	struct hash256 hashes[PAYOUT_BATCH_MAX];
	enum payout_action_kind kind = a.kind;
	bool all;

	for (; a.kind == kind; a = payout_next(&r->m)) {
		const struct payout_job *j = &r->m.jobs[a.slot];

		slots[n] = a.slot;
		hashes[n] = j->hash;
		asks[n] = (struct payout_ask){
		    .hash = &hashes[n], .blob = buf_bytes(&j->blob), .min = a.min, .max = a.max};
		if (++n == PAYOUT_BATCH_MAX) {
			a.kind = PAYOUT_NOTHING;
			break;
		}
	}
	must(a.kind == PAYOUT_NOTHING);
	all = kind == PAYOUT_SUBMIT ? payout_ask_submit(&r->server, asks, n)
				    : payout_ask_look(&r->server, asks, n);
	for (uint32_t i = 0; i < n; i++)
		if (asks[i].answered && kind == PAYOUT_SUBMIT)
			payout_on_submit(&r->m, slots[i], &hashes[i], asks[i].code);
		else if (asks[i].answered)
			payout_on_look(&r->m, slots[i], &hashes[i], &asks[i].look);
	if (!all)
		payout_on_lost(&r->m, now_ms());
	return payout_next(&r->m);
}

static void do_ledger(struct run *r)
{
	struct payout_ledger_info i;

	if (payout_ask_ledger(&r->server, &i))
		payout_on_ledger(&r->m, &i, now_ms());
	else
		payout_on_lost(&r->m, now_ms());
}

static void do_account(struct run *r)
{
	struct payout_account_info i;

	if (payout_ask_account(&r->server, &i))
		payout_on_account(&r->m, &i);
	else
		payout_on_lost(&r->m, now_ms());
}

static void do_tickets(struct run *r)
{
	uint32_t tickets[PAYOUT_TICKETS_MAX], n, ledger;

	if (payout_ask_tickets(&r->server, &ledger, tickets, &n))
		payout_on_tickets(&r->m, ledger, tickets, n);
	else
		payout_on_lost(&r->m, now_ms());
}

static struct payout_action act(struct run *r, struct payout_action a)
{
	switch (a.kind) {
	case PAYOUT_LEDGER:
		do_ledger(r);
		break;
	case PAYOUT_ACCOUNT:
		do_account(r);
		break;
	case PAYOUT_TICKETS:
		do_tickets(r);
		break;
	case PAYOUT_SIGN:
		do_sign(r, a.slot);
		break;
	case PAYOUT_WRITE:
		payout_on_written(
		    &r->m, payout_log_append(&r->log, buf_bytes(&r->m.group), &r->why) == ERR_NONE);
		break;
	case PAYOUT_LOOK:
	case PAYOUT_SUBMIT:
		return do_batch(r, a);
	case PAYOUT_WAIT:
		usleep((useconds_t)a.wait_ms * 1000);
		payout_on_waited(&r->m, now_ms());
		break;
	case PAYOUT_NOTHING:
	case PAYOUT_STOP:
		break;
	}
	return payout_next(&r->m);
}

static volatile sig_atomic_t asked_to_end;

static void on_signal(int number)
{
	(void)number;
	asked_to_end = 1;
}

/* The first one ends it in order, the next as ever. */
static void watch_signals(void)
{
	struct sigaction a = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
}

static void run(struct run *r)
{
	struct payout_action a = payout_next(&r->m);

	payout_progress_begin(&r->progress, &r->m, now_ms());
	while (a.kind != PAYOUT_STOP && !asked_to_end) {
		must(a.kind != PAYOUT_NOTHING);
		a = act(r, a);
		if (!r->t->json)
			payout_progress_show(&r->progress, &r->m, now_ms(), false);
	}
	if (!r->t->json)
		payout_progress_show(&r->progress, &r->m, now_ms(), true);
}

/* ---- the end ---- */

#define AGAIN "; the same command goes on where it stopped"

static int explain(struct run *r)
{
	struct tally *t = r->t;
	struct payout_counts c;

	payout_count(&c, &r->m);
	switch (r->m.stop) {
	case PAYOUT_RUNNING:
		return tally_fail(t, TALLY_UNKNOWN, "stopped" AGAIN);
	case PAYOUT_DONE:
		break;
	case PAYOUT_JOURNAL:
		return tally_fail(t, TALLY_UNKNOWN, "%s; nothing was sent that is not in it" AGAIN,
				  r->why.text);
	case PAYOUT_UNREACHABLE:
		return tally_fail(t, TALLY_UNREACHABLE, "no answer in %lld s" AGAIN,
				  (long long)r->options.patience_ms / 1000);
	case PAYOUT_STALLED:
		return tally_fail(t, TALLY_UNKNOWN,
				  drops_cmp(r->m.ledger.fee, r->options.fee_max) > 0
				      ? "the fee, %s XRP, stays above --max-fee" AGAIN
				      : "no payment had an outcome for too long (fee %s XRP)" AGAIN
					"; a server with all ledgers since can tell what became of "
					"those in flight",
				  payout_xrp(r->m.ledger.fee).s);
	case PAYOUT_KEY:
		return tally_fail(t, TALLY_REJECTED,
				  "the server takes nothing that this key signs for %s: %s",
				  account_text(&r->signing.wallet).s, r->m.stop_code);
	case PAYOUT_RESERVE:
		return tally_fail(t, TALLY_FAILED,
				  "the wallet may spend %s XRP, a ticket takes %s XRP of reserve: "
				  "too little to begin",
				  payout_xrp(payout_spendable(&r->m)).s,
				  payout_xrp(r->m.ledger.reserve_inc).s);
	case PAYOUT_NO_TICKETS:
		return tally_fail(t, TALLY_FAILED, "no tickets can be made: %s",
				  r->m.stop_code[0] ? r->m.stop_code
						    : "the wallet has as many as it may");
	}
	if (c.by_outcome[LINE_UNFUNDED])
		tally_fail(t, 0,
			   "the wallet is empty: it may spend %s XRP, and %u payments are left; "
			   "fund it and run this again",
			   payout_xrp(payout_spendable(&r->m)).s, c.by_outcome[LINE_UNFUNDED]);
	return c.by_outcome[LINE_PAID] == r->m.n_lines ? TALLY_OK : TALLY_FAILED;
}

static void print_unpaid(const struct run *r)
{
	for (uint32_t i = 0; i < r->m.n_lines; i++) {
		const struct payout_line *l = &r->m.lines[i];

		if (l->outcome != LINE_PAID && l->outcome != LINE_LIVE &&
		    (l->outcome != LINE_OPEN || l->attempts))
			printf("line %u: %s %s  %s\n", l->row,
			       l->outcome == LINE_OPEN ? "expired"
						       : payout_outcome_name(l->outcome),
			       l->code, l->reference);
	}
}

static int finish(struct run *r)
{
	int code = explain(r);
	struct payout_counts c;
	struct why why = {""};

	payout_count(&c, &r->m);
	if (r->t->json) {
		tally_print_json(payout_summary(&r->m));
	} else {
		print_unpaid(r);
		printf("%u of %u paid, %s XRP, %s XRP in fees of this run\n",
		       c.by_outcome[LINE_PAID], r->m.n_lines, payout_xrp(c.paid).s,
		       payout_xrp(r->m.fees).s);
	}
	if (r->report && payout_report_write(r->report, &r->m, &why) != ERR_NONE) {
		tally_fail(r->t, 0, "%s", why.text);
		code = code ? code : TALLY_FAILED;
	}
	return code;
}

static int payout(struct run *r)
{
	struct payout_ledger_info ledger;
	struct payout_account_info account;
	int code;

	if (!take_options(r, &code))
		return code;
	if (!read_file(r))
		return TALLY_USAGE;
	if (!meet_server(r, &ledger, &code))
		return code;
	payout_open(&r->m, &r->options, r->file.lines, r->file.n, now_ms());
	if (r->dry_run && access(r->journal, F_OK) != 0)
		payout_loaded(&r->m); /* not even the lock's file is made */
	else if (!read_journal(r))
		return TALLY_FAILED;
	if (!meet_wallet(r, &account, &code))
		return code;
	if (r->dry_run)
		return show_plan(r, &ledger, &account);
	watch_signals();
	if (!begin_journal(r))
		return TALLY_FAILED;
	run(r);
	return finish(r);
}

int cmd_payout(struct tally *t)
{
	static struct run r; /* large, and there is one */
	int code;

	r = (struct run){.t = t, .log = PAYOUT_LOG_INIT, .server = {.t = t}};
	code = payout(&r);
	payout_close(&r.m);
	payout_log_close(&r.log);
	payout_file_close(&r.file);
	secret_key_close(r.key);
	return code;
}
