/* SPDX-License-Identifier: ISC */
#include "rpc/methods.h"

#define METHODS_MAX 96

static const struct rpc_method table[] = {
#define NO_ROWS                                                                                    \
	{                                                                                          \
		0, 0, 0                                                                            \
	}
#define ROWS(least, usual, most)                                                                   \
	{                                                                                          \
		least, usual, most                                                                 \
	}
#define KEPT  true
#define FRESH false
#define M(name, run, role, condition, first, last, cost, rows, keep, summary)                      \
	{name, run, role, condition, first, last, cost, rows, keep, summary},
#include "rpc/methods.def"
#undef M
#undef KEPT
#undef FRESH
#undef ROWS
#undef NO_ROWS
};
#define METHODS (sizeof(table) / sizeof(table[0]))
_Static_assert(METHODS <= METHODS_MAX, "raise METHODS_MAX");

const struct rpc_method *rpc_methods(size_t *n)
{
	*n = METHODS;
	return table;
}

const char *rpc_method_name(uint32_t i)
{
	return i < METHODS ? table[i].name : NULL;
}

const struct rpc_method *rpc_method_find(const char *name, unsigned version)
{
	for (size_t i = 0; i < METHODS; i++)
		if (table[i].name[0] == name[0] && strcmp(table[i].name, name) == 0 &&
		    version >= table[i].version_min && version <= table[i].version_max)
			return &table[i];
	return NULL;
}
