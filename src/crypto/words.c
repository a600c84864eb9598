/* SPDX-License-Identifier: ISC */
#include "crypto/words.h"

#include <stdio.h>

#define WORDS     12
#define HALF      (WORDS / 2) /* 64 bits and 2 that check them, 11 to a word */
#define WORD_BITS 11
#define WORD_MAX  4

static const char dictionary[1 << WORD_BITS][WORD_MAX + 1] = {
#include "crypto/words.def"
};

/* The sum of all pairs of bits. */
static unsigned check_bits(uint64_t v)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < 64; i += 2)
		sum += (unsigned)(v >> i) & 3;
	return sum & 3;
}

static unsigned word_of(uint64_t v, unsigned i)
{
	if (i == HALF - 1)
		return (unsigned)(v << 2 & 0x7FF) | check_bits(v);
	return (unsigned)(v >> (64 - WORD_BITS * (i + 1))) & 0x7FF;
}

static void reversed(struct seed *out, const struct seed *in)
{
	for (size_t i = 0; i < sizeof(in->b); i++)
		out->b[i] = in->b[sizeof(in->b) - 1 - i];
}

void seed_words(char out[SEED_WORDS_MAX], const struct seed *seed)
{
	struct seed r;
	size_t n = 0;

	reversed(&r, seed);
	for (unsigned i = 0; i < WORDS; i++) {
		uint64_t half = load_be64(r.b + 8 * (i / HALF));

		n += (size_t)snprintf(out + n, SEED_WORDS_MAX - n, "%s%s", n ? " " : "",
				      dictionary[word_of(half, i % HALF)]);
	}
	must(n < SEED_WORDS_MAX);
	secure_wipe(&r, sizeof(r));
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static char standard(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	return c == '1' ? 'L' : c == '0' ? 'O' : c == '5' ? 'S' : c;
}

/* The number of the word at *text, which moves behind it and the blanks after; -1: there is none,
 * or not in the dictionary. */
static int next_word(const char **text)
{
	char word[WORD_MAX + 1] = "";
	int found = -1;
	size_t n = 0;

	for (; **text && !is_space(**text); (*text)++) {
		if (n == WORD_MAX)
			return -1;
		word[n++] = standard(**text);
	}
	while (is_space(**text))
		(*text)++;
	for (int i = 0; i < 1 << WORD_BITS && n > 0; i++)
		if (strcmp(dictionary[i], word) == 0)
			found = i;
	secure_wipe(word, sizeof(word));
	return found;
}

static bool next_half(const char **text, uint8_t out[8])
{
	uint64_t v = 0;
	int word = -1;

	for (unsigned i = 0; i < HALF; i++) {
		word = next_word(text);
		if (word < 0)
			return false;
		v = i < HALF - 1 ? v << WORD_BITS | (uint64_t)word : v << 9 | (uint64_t)word >> 2;
	}
	store_be64(out, v);
	return check_bits(v) == ((unsigned)word & 3);
}

bool seed_of_words(struct seed *out, const char *text)
{
	struct seed r;
	bool ok;

	while (is_space(*text))
		text++;
	ok = next_half(&text, r.b) && next_half(&text, r.b + 8) && !*text;
	if (ok)
		reversed(out, &r);
	secure_wipe(&r, sizeof(r));
	return ok;
}
