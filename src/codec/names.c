/* SPDX-License-Identifier: ISC */
#include "codec/names.h"

#include "base/err.h"

#include <string.h>

static int compare(const char *name, const char *s, size_t n)
{
	int c = strncmp(name, s, n);

	return c ? c : name[n] != '\0';
}

void names_sort(struct names *t)
{
	must(t->n <= NAMES_MAX);
	for (size_t i = 0; i < t->n; i++) {
		size_t at = i;

		/* Insertion sort: the tables are short and this runs once. */
		for (; at && strcmp(t->name[t->sorted[at - 1]], t->name[i]) > 0; at--)
			t->sorted[at] = t->sorted[at - 1];
		t->sorted[at] = (uint16_t)i;
	}
}

int names_find(const struct names *t, const char *s, size_t n)
{
	size_t low = 0, high = t->n;

	must(t->n && s);
	/* A name with a NUL inside would compare equal to its beginning. */
	if (memchr(s, '\0', n))
		return -1;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = compare(t->name[t->sorted[mid]], s, n);

		if (c == 0)
			return t->sorted[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}
