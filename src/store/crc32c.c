/* SPDX-License-Identifier: ISC */
#include "store/crc32c.h"

#include <pthread.h>

#define POLYNOMIAL 0x82F63B78u

/* table[k][b]: the remainder of byte b followed by k zero bytes, so that eight bytes take eight
 * look-ups that do not wait for each other. */
static uint32_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t r = b;

		for (int bit = 0; bit < 8; bit++)
			r = (r >> 1) ^ (r & 1 ? POLYNOMIAL : 0);
		table[0][b] = r;
	}
	for (int k = 1; k < 8; k++)
		for (uint32_t b = 0; b < 256; b++)
			table[k][b] = (table[k - 1][b] >> 8) ^ table[0][table[k - 1][b] & 255];
}

static uint32_t load_le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t crc32c(uint32_t crc, struct bytes in)
{
	pthread_once(&once, fill);
	crc = ~crc;
	for (; in.n >= 8; in.p += 8, in.n -= 8) {
		uint32_t a = crc ^ load_le32(in.p), b = load_le32(in.p + 4);

		crc = table[7][a & 255] ^ table[6][a >> 8 & 255] ^ table[5][a >> 16 & 255] ^
		      table[4][a >> 24] ^ table[3][b & 255] ^ table[2][b >> 8 & 255] ^
		      table[1][b >> 16 & 255] ^ table[0][b >> 24];
	}
	for (; in.n; in.p++, in.n--)
		crc = (crc >> 8) ^ table[0][(crc ^ *in.p) & 255];
	return ~crc;
}
