/* SPDX-License-Identifier: ISC */
#include "payout_file.h"

/* CSV, strictly: commas, fields in double quotes if need be, lines that end with LF or CRLF. */

#define FIELD_MAX 256

struct reader {
	const uint8_t *p, *end;
	uint32_t row; /* of what is read next */
	const char *fault;
};

enum more { FIELD_FOLLOWS, LINE_ENDS };

static bool at_line_end(const struct reader *r)
{
	return r->p == r->end || *r->p == '\n' ||
	       (*r->p == '\r' && r->p + 1 < r->end && r->p[1] == '\n');
}

static void put(struct reader *r, char *out, size_t *n)
{
	if (*n + 1 >= FIELD_MAX)
		r->fault = "a field is too long";
	else if (!*r->p)
		r->fault = "a zero byte";
	else
		out[(*n)++] = (char)*r->p;
	r->p++;
}

static void read_quoted(struct reader *r, char *out, size_t *n)
{
	for (r->p++; r->p < r->end && !r->fault;) {
		if (*r->p == '"' && r->p + 1 < r->end && r->p[1] == '"') {
			r->p++;
		} else if (*r->p == '"') {
			r->p++;
			return;
		} else if (*r->p == '\n') {
			r->fault = "a quoted field does not end in its line";
			return;
		}
		put(r, out, n);
	}
	if (!r->fault)
		r->fault = "a quoted field does not end";
}

static enum more read_field(struct reader *r, char out[FIELD_MAX])
{
	size_t n = 0;

	if (r->p < r->end && *r->p == '"') {
		read_quoted(r, out, &n);
	} else {
		while (!at_line_end(r) && *r->p != ',' && !r->fault) {
			if (*r->p == '"')
				r->fault = "a quote within a field";
			put(r, out, &n);
		}
	}
	out[n] = '\0';
	if (!r->fault && !at_line_end(r) && *r->p != ',')
		r->fault = "something behind a quoted field";
	if (!r->fault && !at_line_end(r)) {
		r->p++;
		return FIELD_FOLLOWS;
	}
	return LINE_ENDS;
}

static void skip_line(struct reader *r)
{
	while (r->p < r->end && *r->p != '\n')
		r->p++;
	r->p += r->p < r->end;
	r->row++;
}

/* The number of fields, at most `max`; the fault when there is one. */
static uint32_t read_line(struct reader *r, char fields[][FIELD_MAX], uint32_t max)
{
	uint32_t n = 0;
	enum more more = FIELD_FOLLOWS;

	r->fault = NULL;
	while (more == FIELD_FOLLOWS && !r->fault) {
		if (n == max)
			r->fault = "too many fields";
		else
			more = read_field(r, fields[n++]);
	}
	skip_line(r);
	return n;
}

static bool read_head(struct payout_file *f, struct reader *r, enum payout_column *columns,
		      uint32_t *n, enum payout_unit unit)
{
	char fields[PAYOUT_COLUMNS][FIELD_MAX];
	bool present[PAYOUT_COLUMNS] = {false};

	*n = read_line(r, fields, PAYOUT_COLUMNS);
	if (r->fault)
		payout_file_error(f, 1, "the header: %s", r->fault);
	for (uint32_t i = 0; !f->n_errors && i < *n; i++) {
		uint32_t c = 0;

		while (c < PAYOUT_COLUMNS && strcmp(fields[i], payout_columns[c]) != 0)
			c++;
		if (c == PAYOUT_COLUMNS || present[c])
			payout_file_error(f, 1, "the header: \"%s\" is %s", fields[i],
					  c == PAYOUT_COLUMNS ? "no column" : "there twice");
		else
			present[columns[i] = (enum payout_column)c] = true;
	}
	return !f->n_errors && payout_file_columns(f, 1, present, unit);
}

void payout_csv_read(struct payout_file *f, struct bytes text, enum payout_unit unit,
		     const struct account_id *wallet)
{
	struct reader r = {.p = text.p, .end = text.p + text.n, .row = 1};
	enum payout_column columns[PAYOUT_COLUMNS];
	char fields[PAYOUT_COLUMNS][FIELD_MAX];
	uint32_t n;

	if (!read_head(f, &r, columns, &n, unit))
		return;
	while (r.p < r.end && f->n < PAYOUT_LINES_MAX) {
		const char *values[PAYOUT_COLUMNS] = {NULL};
		uint32_t row = r.row, got = read_line(&r, fields, n);

		if (r.fault)
			payout_file_error(f, row, "%s", r.fault);
		else if (got != n)
			payout_file_error(f, row, "%u fields, the header has %u", got, n);
		if (r.fault || got != n)
			continue;
		for (uint32_t i = 0; i < n; i++)
			values[columns[i]] = fields[i];
		payout_file_add(f, row, values, unit, wallet);
	}
	if (r.p < r.end)
		payout_file_error(f, r.row, "more than %d payments", PAYOUT_LINES_MAX);
}
