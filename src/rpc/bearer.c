/* SPDX-License-Identifier: ISC */
#include "rpc/bearer.h"

#include "crypto/base64.h"
#include "crypto/keys.h"
#include "rpc/http.h"

#define TEXT_MAX 512

/* Looks at every byte of the token, whatever the guess. */
static bool same(struct bytes guess, struct bytes token)
{
	volatile uint8_t differ = guess.n != token.n || token.n == 0;

	for (size_t i = 0; i < token.n; i++)
		differ |= (uint8_t)(token.p[i] ^ (guess.n ? guess.p[i % guess.n] : 0));
	return !differ;
}

/* "SCHEME rest": the rest, or NULL. */
static struct bytes behind(struct bytes value, const char *scheme)
{
	size_t n = strlen(scheme);

	if (value.n <= n + 1 || value.p[n] != ' ' || !http_word_eq(bytes_of(value.p, n), scheme))
		return bytes_of(NULL, 0);
	return bytes_of(value.p + n + 1, value.n - n - 1);
}

static bool shows_password(struct bytes coded, struct bytes token)
{
	struct buf b = BUF_INIT;
	const uint8_t *colon;
	bool ok = false;

	buf_reserve(&b, TEXT_MAX); /* not moved later: wiped where it is */
	if (coded.n <= TEXT_MAX && base64_decode(&b, coded) == ERR_NONE && b.n) {
		colon = memchr(b.p, ':', b.n);
		if (colon)
			ok = same(bytes_of(colon + 1, (size_t)(b.p + b.n - colon - 1)), token);
	}
	secure_wipe(b.p, b.cap);
	buf_close(&b);
	return ok;
}

bool bearer_shows(struct bytes authorization, struct bytes token)
{
	struct bytes coded = behind(authorization, "Basic");

	if (coded.p)
		return shows_password(coded, token);
	return same(behind(authorization, "Bearer"), token);
}
