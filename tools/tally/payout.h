/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_PAYOUT_H
#define TALLY_TOOLS_PAYOUT_H

#include "base/drops.h"
#include "codec/st.h"
#include "payout_entry.h"

/* A payout: many payments of one wallet, each made once whatever happens in between.
 *
 * This is the machine: no clock, no file, no connection. It is asked for the next action, and told
 * what came of it; everything it must not forget it hands out as a group of journal entries first
 * (PAYOUT_WRITE), and nothing is sent before the group that has it is durable.
 *
 *      ┌─────────────────────────────────────────────────────────────┐
 *      ▼                                                             │
 *    LEDGER ─► LOOK ─► TICKETS ─► ACCOUNT ─► SEND ─► PLAN ─► WAIT ───┘
 *    validated  what    of those   balance    ▲        │
 *    ledger,    became  that have             │        ▼
 *    fees       of it   expired              WRITE ◄─ SIGN
 *
 * A line is OPEN (nothing that was signed for it can still be applied), LIVE (a signed transaction
 * may be), or it has its outcome. It goes from LIVE to OPEN only when the transaction is provably
 * out: a validated ledger at or past its LastLedgerSequence, a search of all ledgers from its
 * signing to that one that has not found it, and its ticket still there. What nobody answers stays
 * LIVE: that is "unknown", and never guessed.
 *
 * Payments use tickets, so that one that does not come through holds no other one up. Tickets are
 * made as they are needed, at most tickets_max at a time, those of other origin counted, and no
 * more than the reserve allows. Only tickets of this journal are used.
 *
 * Money: a payment is signed when balance - reserve - all that is live covers it, as of an
 * account_info that is newer than every outcome known. So the sum may only be too careful; what
 * does not fit waits until nothing is live, and is then unfunded. */

#define PAYOUT_TICKETS_MAX  250 /* that an account may have, as the protocol has it */
#define PAYOUT_JOBS         (PAYOUT_TICKETS_MAX + 1)
#define PAYOUT_LINES_MAX    100000
#define PAYOUT_CODE_MAX     32 /* "tecNO_DST_INSUF_XRP" */
#define PAYOUT_ATTEMPTS_MAX 10 /* of one line, or to make tickets, in one run */
#define PAYOUT_NO_LINE      UINT32_MAX

struct payout_line {
	/* what the file says */
	struct account_id to;
	bool has_tag;
	uint32_t tag;
	struct drops amount;
	const char *reference;
	uint32_t row; /* in the file, for people */
	/* what became of it */
	enum payout_outcome outcome;
	char code[PAYOUT_CODE_MAX]; /* of the ledger or of the refusal */
	struct hash256 hash;        /* of its last transaction */
	bool has_hash;
	uint32_t ledger; /* 0: none */
	struct drops delivered;
	uint16_t attempts; /* in this run */
};

struct payout_options {
	uint32_t tickets_max; /* 1 .. PAYOUT_TICKETS_MAX */
	uint32_t group_max;   /* lines signed for one write of the journal, at least 1 */
	uint32_t expire;      /* ledgers until a transaction is out */
	struct drops fee_max;
	int64_t patience_ms; /* without an answer, or without any outcome */
};

enum payout_action_kind {
	PAYOUT_NOTHING, /* answers are still to come */
	PAYOUT_LEDGER,  /* payout_on_ledger */
	PAYOUT_LOOK,    /* payout_on_look: job `slot` by its hash in min .. max */
	PAYOUT_TICKETS, /* payout_on_tickets: those of the wallet in the validated ledger */
	PAYOUT_ACCOUNT, /* payout_on_account: of the validated ledger */
	PAYOUT_SIGN,    /* payout_on_signed: job `slot` */
	PAYOUT_WRITE,   /* payout_on_written: m->group */
	PAYOUT_SUBMIT,  /* payout_on_submit: job `slot` */
	PAYOUT_WAIT,    /* payout_on_waited, after so many ms */
	PAYOUT_STOP,    /* the end: m->stop says why */
};

struct payout_action {
	enum payout_action_kind kind;
	uint32_t slot;
	uint32_t min, max; /* LOOK */
	int wait_ms;
};

enum payout_stop {
	PAYOUT_RUNNING,
	PAYOUT_DONE,        /* every line has its outcome, or none is left that can be paid */
	PAYOUT_JOURNAL,     /* could not be written: nothing more was sent */
	PAYOUT_UNREACHABLE, /* no server for too long */
	PAYOUT_STALLED,     /* no outcome for too long */
	PAYOUT_KEY,         /* the server refuses whatever this key signs; m->stop_code */
	PAYOUT_RESERVE,     /* not even one ticket's */
	PAYOUT_NO_TICKETS,  /* they cannot be made; m->stop_code */
};

enum payout_job_state { JOB_FREE, JOB_UNSIGNED, JOB_SIGNED, JOB_DURABLE };

struct payout_job {
	enum payout_job_state state;
	uint32_t line;        /* PAYOUT_NO_LINE: makes tickets */
	uint32_t seq, count;  /* of one that makes tickets: its Sequence, how many */
	uint32_t ticket;      /* of a payment */
	bool promised;        /* its ticket was in no validated ledger yet */
	uint32_t first, last; /* it can be in ledgers first .. last only */
	struct drops fee;
	struct hash256 hash;
	struct buf blob;
	bool asked;    /* an answer is to come */
	bool send_due; /* to be submitted */
	bool gone;     /* cannot be applied any more; its ticket is to be looked at */
	uint32_t looked, sent, tries;
	char code[PAYOUT_CODE_MAX]; /* the last answer to its submission */
};

enum payout_stage {
	STAGE_LEDGER,
	STAGE_LOOK,
	STAGE_TICKETS,
	STAGE_ACCOUNT,
	STAGE_SEND,
	STAGE_PLAN,
	STAGE_SIGN,
	STAGE_WRITE,
	STAGE_WAIT,
	STAGE_STOPPED,
};

struct payout_ledger_info {
	uint32_t seq; /* validated */
	struct drops fee, reserve_base, reserve_inc;
};
struct payout_account_info {
	uint32_t ledger;
	struct drops balance;
	uint32_t sequence, owners, tickets;
};
struct payout_look {
	uint32_t max;      /* as asked */
	bool validated;    /* it is in `ledger` with `code` */
	bool searched_all; /* it is in none of min .. max, none of which is missing */
	uint32_t ledger;
	char code[PAYOUT_CODE_MAX];
	struct drops delivered;
};

struct payout {
	struct payout_options o;
	struct payout_line *lines; /* the caller's */
	uint32_t n_lines;
	struct payout_job jobs[PAYOUT_JOBS];  /* the first makes tickets */
	uint32_t tickets[PAYOUT_TICKETS_MAX]; /* free ones of this journal */
	uint32_t n_tickets;
	bool tickets_usable;            /* those that job 0 makes are in `tickets` already */
	bool taken[PAYOUT_TICKETS_MAX]; /* of those that job 0 makes */
	struct buf group;               /* entries to be written */
	enum payout_stage stage;
	uint32_t cursor; /* slots, within a stage */
	bool asked;      /* an answer that belongs to no job is to come */
	struct payout_ledger_info ledger;
	struct payout_account_info account;
	bool account_known;
	/* Tickets that this journal has made: first number << 32 | how many. The free ones among
	 * them are known by counting; the ledger is asked when that may have missed some. */
	uint64_t *made;
	uint32_t n_made;
	bool check_tickets, missed_tickets;
	bool pressure;      /* no more in this ledger */
	uint32_t seen;      /* newest ledger that an outcome was in */
	uint32_t next_line; /* the first that PLAN has not looked at in this ledger */
	uint32_t n_open, n_live, n_send;
	uint32_t n_signing;
	uint32_t ticket_failures;
	int64_t now_ms, answered_ms, progress_ms;
	int backoff_ms;
	enum payout_stop stop;
	char stop_code[PAYOUT_CODE_MAX];
	uint64_t signed_total, resent_total, retried_total;
	struct drops fees; /* of what is validated in this run */
};

/* All lines open. They live as long as the machine. */
void payout_open(struct payout *m, const struct payout_options *o, struct payout_line *lines,
		 uint32_t n, int64_t now_ms);
void payout_close(struct payout *m);
/* Before the first action: an entry of an earlier run's journal, in order. ERR_CORRUPT when it
 * contradicts those before. */
enum err payout_load(struct payout *m, const struct payout_entry *e, struct why *why) MUST_USE;
/* After the last entry of the journal: lines that were unfunded are open again. */
void payout_loaded(struct payout *m);

/* The next action. Several of one kind may be taken before they are answered, in any order; after
 * PAYOUT_NOTHING there is none until an answer has come. */
struct payout_action payout_next(struct payout *m);

void payout_on_ledger(struct payout *m, const struct payout_ledger_info *i, int64_t now_ms);
void payout_on_account(struct payout *m, const struct payout_account_info *i);
/* Ticket numbers in ascending order, as of that validated ledger. */
void payout_on_tickets(struct payout *m, uint32_t ledger, const uint32_t *tickets, uint32_t n);
void payout_on_signed(struct payout *m, uint32_t slot, const struct hash256 *hash,
		      struct bytes blob);
void payout_on_written(struct payout *m, bool durable);
/* Answers name the transaction; one that is not (or no longer) that of the slot is passed over. */
void payout_on_submit(struct payout *m, uint32_t slot, const struct hash256 *hash,
		      const char *code);
void payout_on_look(struct payout *m, uint32_t slot, const struct hash256 *hash,
		    const struct payout_look *l);
void payout_on_waited(struct payout *m, int64_t now_ms);
/* What was asked last was not answered, by no fault of a transaction. */
void payout_on_lost(struct payout *m, int64_t now_ms);

/* What the wallet may spend: less its reserve, and all that is live. Not negative. */
struct drops payout_spendable(const struct payout *m);
/* Tickets that would be made at once, for the open lines. */
uint32_t payout_affordable(const struct payout *m);
const char *payout_outcome_name(enum payout_outcome o);
const char *payout_stop_name(enum payout_stop s);

#endif
