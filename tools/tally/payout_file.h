/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_PAYOUT_FILE_H
#define TALLY_TOOLS_PAYOUT_FILE_H

#include "payout.h"

/* A payout file: CSV with a header line (RFC 4180), or a JSON array of objects; by its extension.
 *
 *     destination   an address (r...), or an X-address, whose tag then is the tag
 *     tag           0 to 4294967295, or empty; may be left out
 *     amount_xrp    XRP as a decimal with at most six places, or
 *     amount_drops  whole drops, or
 *     amount        as the unit on the command line says: xrp or drops
 *     reference     1 to 64 bytes of UTF-8 without control characters, once in a file
 *
 * All of it is checked before anything is used; each error names its line (CSV) or its place in the
 * array (JSON, from 1). Binary fractions are refused: XRP in JSON is a string or a whole number. */

#define PAYOUT_FILE_MAX   (64u << 20)
#define PAYOUT_ERRORS_MAX 20 /* told; more are counted */

enum payout_unit { UNIT_NONE, UNIT_XRP, UNIT_DROPS };

struct payout_file {
	struct payout_line *lines;
	uint32_t n;
	struct drops total;
	bool main_address, test_address; /* X-addresses of these kinds are in it */
	struct hash256 hash;             /* of its bytes and the unit */
	/* what is wrong with it */
	struct buf errors; /* lines of text */
	uint32_t n_errors;
	struct arena arena; /* of references */
	const char *path;
	uint32_t cap;
};

/* Checks text as a file of this name. False when n_errors is not 0. `wallet` may not be paid. */
bool payout_file_read(struct payout_file *f, const char *path, struct bytes text,
		      enum payout_unit unit, const struct account_id *wallet);
void payout_file_close(struct payout_file *f);

/* "12.5", at most six places, or whole drops: false for anything else, also for none. */
bool payout_amount(struct drops *out, const char *s, enum payout_unit unit);

/* ---- between its files ---- */

enum payout_column { COL_DESTINATION, COL_TAG, COL_XRP, COL_DROPS, COL_AMOUNT, COL_REFERENCE };
#define PAYOUT_COLUMNS 6
extern const char *const payout_columns[PAYOUT_COLUMNS];

void payout_file_error(struct payout_file *f, uint32_t row, const char *fmt, ...) PRINTF(3, 4);
/* Which columns there are makes sense. */
bool payout_file_columns(struct payout_file *f, uint32_t row, const bool *present,
			 enum payout_unit unit);
/* A line of texts, NULL or "" for what is not there. */
void payout_file_add(struct payout_file *f, uint32_t row, const char *const *values,
		     enum payout_unit unit, const struct account_id *wallet);
void payout_csv_read(struct payout_file *f, struct bytes text, enum payout_unit unit,
		     const struct account_id *wallet);

#endif
