/* SPDX-License-Identifier: ISC */
#include "payout_file.h"

#include "base/mem.h"
#include "crypto/base58.h"
#include "crypto/hash.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *const payout_columns[PAYOUT_COLUMNS] = {"destination",  "tag",    "amount_xrp",
						    "amount_drops", "amount", "reference"};

void payout_file_error(struct payout_file *f, uint32_t row, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (f->n_errors++ >= PAYOUT_ERRORS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++) /* what a file says does not steer a terminal */
		if ((unsigned char)*p < ' ' || (unsigned char)*p == 0x7f)
			*p = '?';
	buf_printf(&f->errors, "%s:%u: %s\n", f->path, row, text);
}

bool payout_file_columns(struct payout_file *f, uint32_t row, const bool *present,
			 enum payout_unit unit)
{
	uint32_t amounts = (uint32_t)present[COL_XRP] + present[COL_DROPS] + present[COL_AMOUNT];
	uint32_t before = f->n_errors;

	if (!present[COL_DESTINATION] || !present[COL_REFERENCE])
		payout_file_error(f, row, "\"%s\" is missing",
				  present[COL_DESTINATION] ? "reference" : "destination");
	if (amounts != 1)
		payout_file_error(f, row,
				  "one of amount_xrp, amount_drops and amount is wanted, not %s",
				  amounts ? "more of them" : "none");
	else if (present[COL_AMOUNT] && unit == UNIT_NONE)
		payout_file_error(f, row,
				  "amount may be XRP or drops: name it amount_xrp or "
				  "amount_drops, or say --unit xrp or --unit drops");
	else if (!present[COL_AMOUNT] && unit != UNIT_NONE)
		payout_file_error(f, row, "--unit is for a column \"amount\"");
	return f->n_errors == before;
}

bool payout_amount(struct drops *out, const char *s, enum payout_unit unit)
{
	uint64_t n = 0, scale = unit == UNIT_XRP ? DROPS_PER_XRP : 1;
	const char *p = s;

	for (; *p >= '0' && *p <= '9' && n <= DROPS_MAX; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	if (p == s || __builtin_mul_overflow(n, scale, &n))
		return false;
	if (*p == '.' && scale > 1) {
		const char *point = p;

		for (p++; *p >= '0' && *p <= '9' && scale > 1; p++)
			n += (uint64_t)(*p - '0') * (scale /= 10);
		if (p == point + 1)
			return false;
	}
	*out = drops_of(n);
	return !*p && n > 0 && n <= DROPS_MAX;
}

static bool number(const char *s, uint32_t *out)
{
	uint64_t n = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9' && n <= UINT32_MAX; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	*out = (uint32_t)n;
	return !*p && p != s && n <= UINT32_MAX;
}

static bool read_destination(struct payout_file *f, struct payout_line *l, const char *s)
{
	struct x_address x;

	if (account_parse(&l->to, s) == ERR_NONE)
		return true;
	if (x_address_decode(&x, s, strlen(s)) != ERR_NONE) {
		payout_file_error(f, l->row, "\"%s\" is no address", s);
		return false;
	}
	if (x.has_tag && l->has_tag && x.tag != l->tag) {
		payout_file_error(f, l->row, "the tag is %u, the address says %u", l->tag, x.tag);
		return false;
	}
	f->main_address |= !x.test;
	f->test_address |= x.test;
	l->to = x.account;
	l->tag = x.has_tag ? x.tag : l->tag;
	l->has_tag |= x.has_tag;
	return true;
}

/* UTF-8 in its shortest form, without control characters. */
static bool is_text(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c;
	int more;

	while (*p) {
		more = *p < 0x80                 ? 0
		       : *p >= 0xC2 && *p < 0xE0 ? 1
		       : *p >= 0xE0 && *p < 0xF0 ? 2
						 : 3;
		if (*p < ' ' || *p == 0x7f || (*p >= 0x80 && *p < 0xC2) || *p > 0xF4)
			return false;
		c = more ? *p & (0x3Fu >> more) : *p;
		for (p++; more; more--, p++) {
			if ((*p & 0xC0) != 0x80)
				return false;
			c = c << 6 | (*p & 0x3Fu);
		}
		if ((c >= 0x80 && c < 0xA0) || (c >= 0xD800 && c < 0xE000) || c > 0x10FFFF)
			return false;
	}
	return true;
}

static bool is_reference(const char *s)
{
	return *s && strlen(s) <= PAYOUT_REFERENCE_MAX && is_text(s);
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

void payout_file_add(struct payout_file *f, uint32_t row, const char *const *values,
		     enum payout_unit unit, const struct account_id *wallet)
{
	const char *amount = or_empty(values[COL_AMOUNT] ? values[COL_AMOUNT]
				      : values[COL_XRP]  ? values[COL_XRP]
							 : values[COL_DROPS]);
	const char *tag = or_empty(values[COL_TAG]), *reference = or_empty(values[COL_REFERENCE]);
	struct payout_line l = {.row = row};
	uint32_t before = f->n_errors;

	unit = values[COL_XRP] ? UNIT_XRP : values[COL_DROPS] ? UNIT_DROPS : unit;
	l.has_tag = *tag;
	if (*tag && !number(tag, &l.tag))
		payout_file_error(f, row, "\"%s\" is no tag (0 to 4294967295)", tag);
	if (read_destination(f, &l, or_empty(values[COL_DESTINATION])) && account_eq(&l.to, wallet))
		payout_file_error(f, row, "the wallet itself is the destination");
	if (!payout_amount(&l.amount, amount, unit))
		payout_file_error(f, row, "\"%s\" is no amount of %s", amount,
				  unit == UNIT_XRP ? "XRP (like 12.5, at most six places)"
						   : "drops (whole ones)");
	else if (!drops_add(&f->total, f->total, l.amount))
		payout_file_error(f, row, "the amounts are more XRP than there are");
	if (!is_reference(reference))
		payout_file_error(f, row, "the reference is 1 to %d bytes of text",
				  PAYOUT_REFERENCE_MAX);
	if (f->n_errors != before)
		return;
	l.reference = arena_copy(&f->arena, reference, strlen(reference) + 1);
	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 256;
		f->lines = mem_resize(f->lines, f->cap, sizeof(*f->lines));
	}
	f->lines[f->n++] = l;
}

/* ---- JSON ---- */

/* A member as text; numbers only where they are whole. */
static const char *text_of(struct payout_file *f, uint32_t row, const char *name, const json_t *v,
			   char out[24])
{
	if (json_is_string(v))
		return strlen(json_string_value(v)) == json_string_length(v)
			   ? json_string_value(v)
			   : "\x01"; /* a zero byte in it: refused as any other control character */
	if (json_is_integer(v) && json_integer_value(v) >= 0 && strcmp(name, "reference") != 0 &&
	    strcmp(name, "destination") != 0) {
		snprintf(out, 24, "%lld", (long long)json_integer_value(v));
		return out;
	}
	if (json_is_null(v) && !strcmp(name, "tag"))
		return "";
	payout_file_error(f, row, "%s is %s", name,
			  json_is_real(v) ? "a fraction: write it as a string"
					  : "of the wrong type");
	return NULL;
}

static void read_object(struct payout_file *f, uint32_t row, json_t *o, enum payout_unit unit,
			const struct account_id *wallet)
{
	const char *values[PAYOUT_COLUMNS] = {NULL};
	bool present[PAYOUT_COLUMNS] = {false};
	char numbers[PAYOUT_COLUMNS][24];
	uint32_t before = f->n_errors, known = 0;

	if (!json_is_object(o)) {
		payout_file_error(f, row, "no object");
		return;
	}
	for (uint32_t i = 0; i < PAYOUT_COLUMNS; i++) {
		const json_t *v = json_object_get(o, payout_columns[i]);

		present[i] = v != NULL;
		known += v != NULL;
		if (v)
			values[i] = text_of(f, row, payout_columns[i], v, numbers[i]);
	}
	if (known != json_object_size(o))
		payout_file_error(f, row, "a member that means nothing here");
	if (payout_file_columns(f, row, present, unit) && f->n_errors == before)
		payout_file_add(f, row, values, unit, wallet);
}

static void read_json(struct payout_file *f, struct bytes text, enum payout_unit unit,
		      const struct account_id *wallet)
{
	json_error_t why;
	json_t *j = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &why);

	if (!j)
		payout_file_error(f, (uint32_t)why.line, "%s", why.text);
	else if (!json_is_array(j))
		payout_file_error(f, 1, "an array of payments is wanted");
	else if (json_array_size(j) > PAYOUT_LINES_MAX)
		payout_file_error(f, PAYOUT_LINES_MAX + 1, "more than %d payments",
				  PAYOUT_LINES_MAX);
	else
		for (size_t i = 0; i < json_array_size(j); i++)
			read_object(f, (uint32_t)i + 1, json_array_get(j, i), unit, wallet);
	json_decref(j);
}

/* ---- the whole ---- */

static int by_reference(const void *a, const void *b)
{
	const struct payout_line *const *x = a, *const *y = b;
	int c = strcmp((*x)->reference, (*y)->reference);

	return c ? c : ((*x)->row > (*y)->row) - ((*x)->row < (*y)->row);
}

static void find_twins(struct payout_file *f)
{
	const struct payout_line **sorted = mem_zalloc(f->n + 1, sizeof(*sorted));

	for (uint32_t i = 0; i < f->n; i++)
		sorted[i] = &f->lines[i];
	qsort(sorted, f->n, sizeof(*sorted), by_reference);
	for (uint32_t i = 1; i < f->n; i++)
		if (!strcmp(sorted[i - 1]->reference, sorted[i]->reference))
			payout_file_error(f, sorted[i]->row, "the reference \"%s\" is that of %u",
					  sorted[i]->reference, sorted[i - 1]->row);
	mem_free(sorted);
}

static void hash_file(struct payout_file *f, struct bytes text, enum payout_unit unit)
{
	struct buf b = BUF_INIT;

	buf_put_u8(&b, (uint8_t)unit);
	buf_put(&b, text.p, text.n);
	sha512_half(&f->hash, b.p, b.n);
	buf_close(&b);
}

bool payout_file_read(struct payout_file *f, const char *path, struct bytes text,
		      enum payout_unit unit, const struct account_id *wallet)
{
	const char *dot = strrchr(path, '.');

	*f = (struct payout_file){.path = path};
	if (dot && !strcmp(dot, ".json"))
		read_json(f, text, unit, wallet);
	else if (dot && !strcmp(dot, ".csv"))
		payout_csv_read(f, text, unit, wallet);
	else
		payout_file_error(f, 0, "the name ends with .csv or .json");
	find_twins(f);
	if (!f->n_errors && !f->n)
		payout_file_error(f, 1, "no payment is in it");
	if (f->main_address && f->test_address)
		payout_file_error(f, 1, "X-addresses of main and test networks in one file");
	hash_file(f, text, unit);
	return f->n_errors == 0;
}

void payout_file_close(struct payout_file *f)
{
	mem_free(f->lines);
	buf_close(&f->errors);
	arena_close(&f->arena);
}
