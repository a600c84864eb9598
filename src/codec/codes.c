/* SPDX-License-Identifier: ISC */
#include "codec/format.h"
#include "codec/names.h"

/* Names and numbers of transaction types, entry types, results and permissions. Each table is in
 * the order of its codes: from code to name is a binary search, and so is the way back (names.h).
 */

struct codes {
	const int *code; /* ascending */
	struct names names;
};

static const int tx_codes[] = {
#define TX(name, tt, code) code,
#include "codec/tx_types.def"
#undef TX
};
static const char *const tx_names[] = {
#define TX(name, tt, code) #name,
#include "codec/tx_types.def"
#undef TX
};
static const int entry_codes[] = {
#define ENTRY(name, lt, code) code,
#include "codec/entry_types.def"
#undef ENTRY
};
static const char *const entry_names[] = {
#define ENTRY(name, lt, code) #name,
#include "codec/entry_types.def"
#undef ENTRY
};
static const int result_codes[] = {
#define R(name, code, text) code,
#include "codec/results.def"
#undef R
};
static const char *const result_names[] = {
#define R(name, code, text) #name,
#include "codec/results.def"
#undef R
};
static const char *const result_texts[] = {
#define R(name, code, text) text,
#include "codec/results.def"
#undef R
};
static const int permission_codes[] = {
#define PERMISSION(name, code) code,
#include "codec/permissions.def"
#undef PERMISSION
};
static const char *const permission_names[] = {
#define PERMISSION(name, code) #name,
#include "codec/permissions.def"
#undef PERMISSION
};

#define CODES(what)                                                                                \
	{                                                                                          \
		.code = what##_codes, .names = {                                                   \
			.name = what##_names,                                                      \
			.n = sizeof(what##_codes) / sizeof(what##_codes[0])                        \
		}                                                                                  \
	}
static struct codes tx = CODES(tx), entries = CODES(entry), results = CODES(result),
		    permissions = CODES(permission);

static void prepare(struct codes *t)
{
	for (size_t i = 1; i < t->names.n; i++)
		must(t->code[i - 1] < t->code[i]);
	names_sort(&t->names);
}

__attribute__((constructor)) static void prepare_all(void)
{
	prepare(&tx);
	prepare(&entries);
	prepare(&results);
	prepare(&permissions);
}

static int find(const struct codes *t, int code)
{
	size_t low = 0, high = t->names.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->code[mid] == code)
			return (int)mid;
		if (t->code[mid] < code)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

static const char *name_of(const struct codes *t, int code)
{
	int row = find(t, code);

	return row < 0 ? NULL : t->names.name[row];
}

static bool by_name(const struct codes *t, int *code, const char *name, size_t n)
{
	int row = names_find(&t->names, name, n);

	if (row >= 0)
		*code = t->code[row];
	return row >= 0;
}

const char *tx_type_name(uint16_t code)
{
	return name_of(&tx, code);
}

bool tx_type_by_name(uint16_t *code, const char *name, size_t n)
{
	int c;

	if (!by_name(&tx, &c, name, n))
		return false;
	*code = (uint16_t)c;
	return true;
}

const char *entry_type_name(uint16_t code)
{
	return name_of(&entries, code);
}

bool entry_type_by_name(uint16_t *code, const char *name, size_t n)
{
	int c;

	if (!by_name(&entries, &c, name, n))
		return false;
	*code = (uint16_t)c;
	return true;
}

const char *result_name(int code)
{
	return name_of(&results, code);
}

bool result_by_name(int *code, const char *name, size_t n)
{
	return by_name(&results, code, name, n);
}

const char *result_text(int code)
{
	int row = find(&results, code);

	return row < 0 ? NULL : result_texts[row];
}

#define PERMISSION_FINE 65536

const char *permission_name(uint32_t value)
{
	if (value > 0 && value <= PERMISSION_FINE)
		return tx_type_name((uint16_t)(value - 1));
	return value > INT32_MAX ? NULL : name_of(&permissions, (int)value);
}

bool permission_by_name(uint32_t *value, const char *name, size_t n)
{
	uint16_t type;
	int code;

	if (tx_type_by_name(&type, name, n)) {
		*value = (uint32_t)type + 1;
		return true;
	}
	if (!by_name(&permissions, &code, name, n))
		return false;
	*value = (uint32_t)code;
	return true;
}
