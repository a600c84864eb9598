/* SPDX-License-Identifier: ISC */
#include "codec/number_math.h"

#include "codec/leaf.h"

typedef unsigned __int128 u128;

#define DIGITS_MAX  9999999999999999999ull /* of a mantissa */
#define GUARD_HALF  (5ull << 60)
#define DIV_SHIFT   17
#define DIV_TEN_17  100000000000000000ull
#define DIV_CORRECT 100000ull
#define SQRT_STEPS  200

/* A number at work: 10^18 <= m <= DIGITS_MAX, or zero. */
struct work {
	bool negative;
	u128 m;
	int32_t e;
};

/* Digits that were dropped: 16 of them, and whether there was anything behind. */
struct guard {
	uint64_t digits;
	bool rest;
};

static const struct number zero = {.mantissa = 0, .exponent = NUMBER_ZERO_EXPONENT};

static struct work open_number(const struct number *n)
{
	struct work w = {.negative = n->mantissa < 0, .e = n->exponent};
	uint64_t m = n->mantissa < 0 ? 0 - (uint64_t)n->mantissa : (uint64_t)n->mantissa;

	if (m && m < NUMBER_MANTISSA_MIN) {
		m *= 10;
		w.e--;
	}
	w.m = m;
	return w;
}

static void close_number(struct number *out, const struct work *w)
{
	uint64_t m = (uint64_t)w->m;
	int32_t e = w->e;

	if (m == 0) {
		*out = zero;
		return;
	}
	if (m > INT64_MAX) {
		m /= 10;
		e++;
	}
	out->mantissa = w->negative ? -(int64_t)m : (int64_t)m;
	out->exponent = e;
}

static void drop_digit(struct work *w, struct guard *g)
{
	g->rest |= (g->digits & 0xF) != 0;
	g->digits = g->digits >> 4 | (uint64_t)(w->m % 10) << 60;
	w->m /= 10;
	w->e++;
}

static bool rounds_up(const struct work *w, const struct guard *g)
{
	if (g->digits != GUARD_HALF)
		return g->digits > GUARD_HALF;
	return g->rest || (w->m & 1);
}

/* Rounds away from zero where the guard says so; `most` is the greatest mantissa wanted. */
static enum err settle(struct work *w, struct guard *g, uint64_t least, uint64_t most)
{
	if (rounds_up(w, g)) {
		if (w->m < most && w->m < INT64_MAX) {
			w->m++;
		} else {
			drop_digit(w, g);
			if (rounds_up(w, g))
				w->m++;
		}
	}
	if (w->m < least) {
		w->m *= 10;
		w->e--;
	}
	if (w->e < NUMBER_EXPONENT_MIN)
		*w = (struct work){.e = NUMBER_ZERO_EXPONENT};
	return w->e > NUMBER_EXPONENT_MAX ? ERR_OVERFLOW : ERR_NONE;
}

/* Into the range of a mantissa. */
static enum err normalize(struct work *w, bool dropped, uint64_t least, uint64_t most)
{
	struct guard g = {.rest = dropped};

	if (w->m == 0) {
		*w = (struct work){.e = NUMBER_ZERO_EXPONENT};
		return ERR_NONE;
	}
	while (w->m < least && w->e > NUMBER_EXPONENT_MIN) {
		w->m *= 10;
		w->e--;
	}
	while (w->m > most || w->m > INT64_MAX)
		drop_digit(w, &g);
	if (w->e < NUMBER_EXPONENT_MIN) {
		*w = (struct work){.e = NUMBER_ZERO_EXPONENT};
		return ERR_NONE;
	}
	return settle(w, &g, least, most);
}

/* ---- Numbers */

/* The difference of magnitudes; the digits of the smaller one that were dropped are taken back. */
static enum err subtract(struct work *x, const struct work *y, struct guard *g)
{
	if (x->m > y->m) {
		x->m -= y->m;
	} else {
		x->m = y->m - x->m;
		x->e = y->e;
		x->negative = y->negative;
	}
	while (x->m < NUMBER_MANTISSA_MIN && x->m * 10 <= INT64_MAX) {
		x->m = x->m * 10 - (g->digits >> 60);
		g->digits <<= 4;
		x->e--;
	}
	if (rounds_up(x, g))
		x->m--;
	return normalize(x, false, NUMBER_MANTISSA_MIN, DIGITS_MAX);
}

static void align(struct work *a, int32_t to, struct guard *g)
{
	while (a->e < to && (a->m || g->digits))
		drop_digit(a, g);
	a->e = to;
}

enum err number_add(struct number *out, const struct number *a, const struct number *b)
{
	struct work x = open_number(a), y = open_number(b);
	struct guard g = {0};
	enum err e;

	if (!x.m || !y.m) {
		*out = x.m ? *a : *b;
		return ERR_NONE;
	}
	if (x.e == y.e && x.m == y.m && x.negative != y.negative) {
		*out = zero;
		return ERR_NONE;
	}
	if (x.e < y.e)
		align(&x, y.e, &g);
	else
		align(&y, x.e, &g);
	if (x.negative == y.negative) {
		x.m += y.m;
		if (x.m > DIGITS_MAX || x.m > INT64_MAX)
			drop_digit(&x, &g);
		e = settle(&x, &g, NUMBER_MANTISSA_MIN, DIGITS_MAX);
	} else {
		e = subtract(&x, &y, &g);
	}
	if (e == ERR_NONE)
		close_number(out, &x);
	return e;
}

enum err number_sub(struct number *out, const struct number *a, const struct number *b)
{
	struct number negated = *b;

	negated.mantissa = -negated.mantissa;
	return number_add(out, a, &negated);
}

enum err number_mul(struct number *out, const struct number *a, const struct number *b)
{
	struct work x = open_number(a), y = open_number(b);
	struct guard g = {0};
	enum err e;

	if (!x.m || !y.m) {
		*out = zero;
		return ERR_NONE;
	}
	x.m *= y.m;
	x.e += y.e;
	x.negative = x.negative != y.negative;
	while (x.m > DIGITS_MAX || x.m > INT64_MAX)
		drop_digit(&x, &g);
	e = settle(&x, &g, NUMBER_MANTISSA_MIN, DIGITS_MAX);
	if (e == ERR_NONE)
		close_number(out, &x);
	return e;
}

enum err number_div(struct number *out, const struct number *a, const struct number *b)
{
	struct work x = open_number(a), y = open_number(b), z;
	bool dropped = false;
	u128 top, rest;
	enum err e;

	if (!y.m)
		return ERR_INVALID;
	if (!x.m) {
		*out = zero;
		return ERR_NONE;
	}
	top = x.m * DIV_TEN_17;
	z = (struct work){x.negative != y.negative, top / y.m, x.e - y.e - DIV_SHIFT};
	rest = top % y.m;
	if (rest) { /* five digits more */
		u128 more = rest * DIV_CORRECT;

		if (more / y.m) {
			z.m = z.m * DIV_CORRECT + more / y.m;
			z.e -= 5;
		}
		dropped = more % y.m != 0;
	}
	e = normalize(&z, dropped, NUMBER_MANTISSA_MIN, DIGITS_MAX);
	if (e == ERR_NONE)
		close_number(out, &z);
	return e;
}

struct number number_of_int(int64_t v)
{
	struct work w = {.negative = v < 0, .m = v < 0 ? 0 - (uint64_t)v : (uint64_t)v};
	struct number out = zero;

	if (normalize(&w, false, NUMBER_MANTISSA_MIN, DIGITS_MAX) == ERR_NONE)
		close_number(&out, &w);
	return out;
}

static int sign_of(const struct number *n)
{
	return (n->mantissa > 0) - (n->mantissa < 0);
}

int number_cmp(const struct number *a, const struct number *b)
{
	struct work x = open_number(a), y = open_number(b);
	int sign = sign_of(a);

	if (sign != sign_of(b))
		return sign > sign_of(b) ? 1 : -1;
	if (sign == 0 || (x.e == y.e && x.m == y.m))
		return 0;
	return (x.e != y.e ? x.e > y.e : x.m > y.m) ? sign : -sign;
}

/* One step of Newton's: (r + f / r) / 2. */
static enum err sqrt_step(struct number *r, const struct number *f)
{
	struct number two = number_of_int(2), q;
	enum err e = number_div(&q, f, r);

	if (e == ERR_NONE)
		e = number_add(&q, r, &q);
	return e == ERR_NONE ? number_div(r, &q, &two) : e;
}

/* A first guess in (0, 1]: ((-60 f + 144) f + 18) / 105. */
static enum err sqrt_guess(struct number *r, const struct number *f)
{
	struct number a2 = number_of_int(-60), a1 = number_of_int(144), a0 = number_of_int(18);
	struct number d = number_of_int(105);
	enum err e = number_mul(r, &a2, f);

	if (e == ERR_NONE)
		e = number_add(r, r, &a1);
	if (e == ERR_NONE)
		e = number_mul(r, r, f);
	if (e == ERR_NONE)
		e = number_add(r, r, &a0);
	return e == ERR_NONE ? number_div(r, r, &d) : e;
}

static bool same(const struct number *a, const struct number *b)
{
	return a->mantissa == b->mantissa && a->exponent == b->exponent;
}

enum err number_sqrt(struct number *out, const struct number *a)
{
	struct number one = number_of_int(1), f = *a, r, before = zero, before_that;
	struct work w = open_number(a);
	int32_t scale = w.e + NUMBER_DIGITS;
	enum err e;

	if (a->mantissa < 0)
		return ERR_INVALID;
	*out = *a;
	if (!w.m || same(a, &one))
		return ERR_NONE;
	scale += scale % 2 != 0;
	f.exponent -= scale;
	e = sqrt_guess(&r, &f);
	for (int i = 0; e == ERR_NONE && i < SQRT_STEPS; i++) {
		before_that = before;
		before = r;
		e = sqrt_step(&r, &f);
		if (e == ERR_NONE && (same(&r, &before) || same(&r, &before_that)))
			break;
	}
	if (e != ERR_NONE)
		return e;
	*out = r;
	out->exponent += scale / 2;
	return ERR_NONE;
}

/* ---- Amounts */

struct number number_of_amount(const struct amount *a)
{
	struct work w = {.negative = a->negative,
			 .m = a->mantissa,
			 .e = a->kind == AMOUNT_IOU ? a->exponent : 0};
	struct number out = zero;

	if (normalize(&w, false, NUMBER_MANTISSA_MIN, DIGITS_MAX) == ERR_NONE)
		close_number(&out, &w);
	return out;
}

static enum err close_iou(struct amount *out, struct work *w)
{
	enum err e = normalize(w, false, IOU_MANTISSA_MIN, IOU_MANTISSA_MAX);

	if (e != ERR_NONE || w->e > IOU_EXPONENT_MAX)
		return w->m ? ERR_OVERFLOW : e;
	if (!w->m || w->e < IOU_EXPONENT_MIN) {
		out->negative = false;
		out->mantissa = 0;
		out->exponent = -100;
		return ERR_NONE;
	}
	out->negative = w->negative;
	out->mantissa = (uint64_t)w->m;
	out->exponent = w->e;
	return ERR_NONE;
}

static enum err close_whole(struct amount *out, struct work *w)
{
	uint64_t most = out->kind == AMOUNT_XRP ? DROPS_MAX : INT64_MAX;
	struct guard g = {0};

	while (w->e < 0 && (w->m || g.digits))
		drop_digit(w, &g);
	for (; w->m && w->e > 0; w->e--) {
		if (w->m > INT64_MAX / 10)
			return ERR_OVERFLOW;
		w->m *= 10;
	}
	if (rounds_up(w, &g))
		w->m++;
	if (w->m > most)
		return ERR_OVERFLOW;
	out->mantissa = (uint64_t)w->m;
	out->negative = w->negative && w->m;
	out->exponent = 0;
	return ERR_NONE;
}

enum err amount_of_number(struct amount *out, const struct number *n, const struct amount *like)
{
	struct work w = open_number(n);
	struct amount a = *like;
	enum err e = a.kind == AMOUNT_IOU ? close_iou(&a, &w) : close_whole(&a, &w);

	if (e == ERR_NONE)
		*out = a;
	return e;
}

int amount_cmp(const struct amount *a, const struct amount *b)
{
	struct number x = number_of_amount(a), y = number_of_amount(b);

	return number_cmp(&x, &y);
}

enum err amount_add(struct amount *out, const struct amount *a, const struct amount *b)
{
	struct number x = number_of_amount(a), y = number_of_amount(b);
	enum err e = number_add(&x, &x, &y);

	return e == ERR_NONE ? amount_of_number(out, &x, a) : e;
}

enum err amount_sub(struct amount *out, const struct amount *a, const struct amount *b)
{
	struct number x = number_of_amount(a), y = number_of_amount(b);
	enum err e = number_sub(&x, &x, &y);

	return e == ERR_NONE ? amount_of_number(out, &x, a) : e;
}

enum err amount_mul(struct amount *out, const struct amount *a, const struct amount *b,
		    const struct amount *like)
{
	struct number x = number_of_amount(a), y = number_of_amount(b);
	enum err e = number_mul(&x, &x, &y);

	return e == ERR_NONE ? amount_of_number(out, &x, like) : e;
}

/* A mantissa of at least 16 digits. */
static struct work widen(const struct amount *a)
{
	struct work w = {.negative = a->negative,
			 .m = a->mantissa,
			 .e = a->kind == AMOUNT_IOU ? a->exponent : 0};

	while (w.m && w.m < IOU_MANTISSA_MIN) {
		w.m *= 10;
		w.e--;
	}
	return w;
}

enum err amount_div(struct amount *out, const struct amount *a, const struct amount *b,
		    const struct amount *like)
{
	struct work x = widen(a), y = widen(b), q;
	struct amount result = *like;
	enum err e;

	if (!y.m)
		return ERR_INVALID;
	if (x.m) {
		q = (struct work){x.negative != y.negative, x.m * DIV_TEN_17 / y.m + 5,
				  x.e - y.e - DIV_SHIFT};
		if (q.m > INT64_MAX)
			return ERR_OVERFLOW;
	} else {
		q = (struct work){.e = 0};
	}
	e = result.kind == AMOUNT_IOU ? close_iou(&result, &q) : close_whole(&result, &q);
	if (e == ERR_NONE)
		*out = result;
	return e;
}

/* Exponents (of a 16-digit mantissa) between which digits are written out. */
#define PLAIN_MIN (-25)
#define PLAIN_MAX (-5)

void amount_server_text(char out[AMOUNT_TEXT_MAX], const struct amount *a)
{
	int32_t e = a->kind == AMOUNT_IOU && a->mantissa ? a->exponent : 0;
	size_t at;

	if (e == 0 || (e >= PLAIN_MIN && e <= PLAIN_MAX)) {
		(void)decimal_text(out, AMOUNT_TEXT_MAX, a->negative, a->mantissa, e);
		return;
	}
	at = decimal_text(out, AMOUNT_TEXT_MAX, a->negative, a->mantissa, 0);
	out[at++] = 'e';
	if (e < 0)
		out[at++] = '-';
	(void)decimal_text(out + at, AMOUNT_TEXT_MAX - at, false, (uint64_t)(e < 0 ? -e : e), 0);
}
