/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_CRYPTO_SUPPORT_H
#define TALLY_TESTS_CRYPTO_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Hex into one of a few rotating buffers. */
struct bytes unhex(const char *hex);
void assert_hex(const void *p, size_t n, const char *want);
/* Set-up of a group of tests: crypto_init(). */
int start(void **state);

#endif
