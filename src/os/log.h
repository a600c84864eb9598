/* SPDX-License-Identifier: ISC */
#ifndef TALLY_OS_LOG_H
#define TALLY_OS_LOG_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* The log: one line per event, one write per line, so that lines of several threads and even
 * processes never mix.
 *
 *     2026-11-21T03:47:12.123Z WARN  net: peer 127.0.0.1:51235: wrong network
 *
 * Bytes of a message that are control characters are printed as \xNN: what a peer sends cannot
 * forge a line. Longer lines than LOG_LINE_MAX are cut and end in "...". */

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVEL_COUNT };

#define LOG_LINE_MAX 2048

/* Where lines go: appended to the file (made with mode 0640), or standard error for NULL, which is
 * also where they go before. Called again with the same path it opens the file anew, as log
 * rotation wants. On failure the old sink stays. Thread safe. */
enum err log_open(const char *path, struct why *why) MUST_USE;
/* log_open once more with the path it had. */
enum err log_reopen(struct why *why) MUST_USE;
/* Areas are the rows of log.def. Lines above the level of their area are dropped; all areas begin
 * with LOG_INFO. NULL sets all of them, and is the level of an area that is in no row. False for
 * an unknown area. */
bool log_set_level(const char *area, enum log_level level);
enum log_level log_level_of(const char *area);
bool log_enabled(enum log_level level, const char *area);
/* The name of area i, NULL after the last. */
const char *log_area(uint32_t i);
/* "error", "warn", "info", "debug"; false for anything else. */
bool log_level_parse(enum log_level *out, const char *text);
/* area: the part of the program, a short word. No newline at the end of fmt. Thread safe. */
void log_line(enum log_level level, const char *area, const char *fmt, ...) PRINTF(3, 4);

#endif
