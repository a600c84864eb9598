/* SPDX-License-Identifier: ISC */
#include "tests/crypto/support.h"

#include "crypto/keys.h"

struct bytes unhex(const char *hex)
{
	static uint8_t mem[8][256];
	static unsigned turn;
	uint8_t *at = mem[turn++ % 8];
	size_t n = strlen(hex) / 2;

	assert_true(n <= sizeof(mem[0]));
	assert_true(hex_decode(at, n, hex, strlen(hex)));
	return bytes_of(at, n);
}

void assert_hex(const void *p, size_t n, const char *want)
{
	char text[513];

	assert_true(2 * n < sizeof(text));
	hex_encode(text, p, n);
	assert_string_equal(text, want);
}

int start(void **state)
{
	struct why why = {{0}};

	(void)state;
	if (crypto_init(&why) == ERR_NONE)
		return 0;
	print_error("%s\n", why.text);
	return 1;
}
