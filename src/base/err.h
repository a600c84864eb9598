/* SPDX-License-Identifier: ISC */
#ifndef TALLY_BASE_ERR_H
#define TALLY_BASE_ERR_H

/* Errors.
 *
 * A function that can fail returns `enum err` and is marked MUST_USE. What a person needs to know
 * beyond the kind travels in an optional `struct why`: the callee writes what it saw, each caller
 * may put its own context in front ("validators.json: line 3: bad key"). Transaction results are
 * a different type (tx/ter.h): they are outcomes of the protocol, not failures of the program. */

#define MUST_USE     __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))

enum err {
#define X(name, text) name,
#include "base/err.def"
#undef X
	ERR_COUNT
};

/* A reason in words, at most WHY_MAX bytes with the final NUL; longer text is cut. */
#define WHY_MAX 240
struct why {
	char text[WHY_MAX];
};

/* The constant's name ("ERR_RANGE") and its words ("value out of range"); never NULL. */
const char *err_name(enum err e);
const char *err_text(enum err e);

/* Sets the reason (why may be NULL) and returns `e`, so that failing reads as one line:
 *     return why_set(why, ERR_RANGE, "fee %llu is above %llu", ...);                           */
enum err why_set(struct why *why, enum err e, const char *fmt, ...) PRINTF(3, 4);

/* Puts "<context>: " in front of the reason that is there, and returns `e`. */
enum err why_add(struct why *why, enum err e, const char *fmt, ...) PRINTF(3, 4);

/* must(): a condition that only a programming error can break. On in every build. Prints the
 * place and aborts: continuing with a broken invariant could sign or store a wrong ledger. */
#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__, __func__))
_Noreturn void must_failed(const char *cond, const char *file, int line, const char *func);

#endif
