/* SPDX-License-Identifier: ISC */
#include "codec/names.h"
#include "codec/st.h"

/* The field table and its two indexes: by (type, number) for the wire, by name for JSON. */

struct field {
	enum sf code;
	uint8_t meta;
	bool signing, decimal;
};
enum row {
#define F(name, ...) ROW_##name,
#include "codec/fields.def"
#undef F
	ROW_COUNT
};
static const struct field fields[ROW_COUNT] = {
#define F(name, type, nth, signing, vl, meta, decimal) {name, meta, signing, decimal},
#include "codec/fields.def"
#undef F
};
static const char *const field_names[ROW_COUNT] = {
#define F(name, ...) &#name[2], /* without "sf" */
#include "codec/fields.def"
#undef F
};

/* Row + 1 by type and number; 0 = no such field. */
#define TYPE_MAX ST_CURRENCY
static const uint16_t by_code[TYPE_MAX + 1][256] = {
#define F(name, type, nth, ...) [type][nth] = ROW_##name + 1,
#include "codec/fields.def"
#undef F
};

/* A length stands in front of these three types and of no others: decode.c and encode.c know it by
 * the type. */
#define F(name, type, nth, signing, vl, ...)                                                       \
	_Static_assert(                                                                            \
	    (vl) == ((type) == ST_BLOB || (type) == ST_ACCOUNT || (type) == ST_VECTOR256), #name);
#include "codec/fields.def"
#undef F

static struct names by_name = {.name = field_names, .n = ROW_COUNT};

__attribute__((constructor)) static void sort_names(void)
{
	names_sort(&by_name);
}

static const struct field *lookup(enum sf f)
{
	unsigned type = (unsigned)f >> 16, nth = (unsigned)f & 0xFFFF;

	if (type > TYPE_MAX || nth > 255 || !by_code[type][nth])
		return NULL;
	return &fields[by_code[type][nth] - 1];
}

const char *sf_name(enum sf f)
{
	const struct field *row = lookup(f);

	return row ? field_names[row - fields] : NULL;
}

enum sf sf_by_name(const char *name, size_t n)
{
	int row = names_find(&by_name, name, n);

	return row < 0 ? sfInvalid : fields[row].code;
}

bool sf_known(enum sf f)
{
	return lookup(f) != NULL;
}

bool sf_signing(enum sf f)
{
	const struct field *row = lookup(f);

	must(row != NULL);
	return row->signing;
}

bool sf_decimal(enum sf f)
{
	const struct field *row = lookup(f);

	must(row != NULL);
	return row->decimal;
}

unsigned sf_meta(enum sf f)
{
	const struct field *row = lookup(f);

	must(row != NULL);
	return row->meta;
}
