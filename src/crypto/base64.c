/* SPDX-License-Identifier: ISC */
#include "crypto/base64.h"

#include <sodium.h>

void base64_encode(struct buf *out, struct bytes in)
{
	size_t n = sodium_base64_ENCODED_LEN(in.n, sodium_base64_VARIANT_ORIGINAL);

	buf_reserve(out, n);
	sodium_bin2base64((char *)out->p + out->n, n, in.p, in.n, sodium_base64_VARIANT_ORIGINAL);
	out->n += n - 1; /* its NUL */
}

enum err base64_decode(struct buf *out, struct bytes text)
{
	size_t max = text.n / 4 * 3 + 3, n = 0;
	const char *end = NULL;

	if (!text.n)
		return ERR_NONE;
	buf_reserve(out, max);
	if (sodium_base642bin(out->p + out->n, max, (const char *)text.p, text.n, " \t\r\n", &n,
			      &end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    end != (const char *)text.p + text.n)
		return ERR_INVALID;
	out->n += n;
	return ERR_NONE;
}
