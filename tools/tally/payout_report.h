/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_PAYOUT_REPORT_H
#define TALLY_TOOLS_PAYOUT_REPORT_H

#include "payout_file.h"
#include "tally.h"

/* What a payout shows: while it runs, at its end, and in the report file. */

struct payout_counts {
	uint32_t by_outcome[PAYOUT_OUTCOMES];
	uint32_t given_up; /* of the open ones: tried PAYOUT_ATTEMPTS_MAX times */
	struct drops paid; /* as delivered */
	struct drops left; /* of the lines that are not paid */
};
void payout_count(struct payout_counts *c, const struct payout *m);

struct payout_progress {
	bool terminal, shown;
	int64_t began_ms, last_ms;
	uint32_t before; /* lines that had their outcome when it began */
};
/* To standard error: a bar that is drawn anew on a terminal, else a line now and then. */
void payout_progress_begin(struct payout_progress *p, const struct payout *m, int64_t now_ms);
void payout_progress_show(struct payout_progress *p, const struct payout *m, int64_t now_ms,
			  bool last);

/* CSV or JSON, as the name's extension says; replaces the file as a whole. */
bool payout_report_name(const char *path);
enum err payout_report_write(const char *path, const struct payout *m, struct why *why) MUST_USE;
/* "1.5" */
struct xrp_text payout_xrp(struct drops d);
json_t *payout_summary(const struct payout *m);

#endif
