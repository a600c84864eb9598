/* SPDX-License-Identifier: ISC */
#ifndef TALLY_OS_LOG_IMPL_H
#define TALLY_OS_LOG_IMPL_H

#include "os/log.h"

#include <stdarg.h>

/* What the files of the log share. */

/* One line with its newline into out[LOG_LINE_MAX]; returns its length. */
size_t log_format_line(char *out, enum log_format format, uint64_t unix_ms, enum log_level level,
		       const char *area, const char *msg, size_t n, const struct log_field *fields);

/* Takes a whole line. */
void log_sink(const char *line, size_t n);
enum log_format log_format_now(void);

#endif
