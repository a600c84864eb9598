/* SPDX-License-Identifier: ISC */
#ifndef TALLY_OS_LOG_H
#define TALLY_OS_LOG_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The log: one line per event, each written whole, so that lines of several threads and even
 * processes never mix.
 *
 *     text   2026-11-21T03:47:12.123Z WARN  net: peer refused address=127.0.0.1:51235 reason="..."
 *     JSON   {"ts":"2026-11-21T03:47:12.123Z","level":"warn","area":"net","msg":"peer refused",
 *             "address":"127.0.0.1:51235","reason":"..."}                        (in one line)
 *
 * What a peer or a client sends cannot forge a line nor steer a terminal: control characters and
 * bytes that are no UTF-8 are printed as \xNN. Longer lines than LOG_LINE_MAX are cut and end in
 * "...".
 *
 *     log_line, log_fields ─► [queue, LOG_QUEUE_BYTES] ─► a thread ─► file, pipe or terminal
 *
 * Until log_start() a line is written by whoever logs it. After it nobody waits for a disk or a
 * pipe: lines that the queue cannot take, or that cannot be written, are counted, and the log says
 * how many they were as soon as it can.
 *
 * No secret may reach these functions: no parameters of requests, no header values, no content of
 * key files; URLs go through log_url. All functions are thread safe. */

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVEL_COUNT };
enum log_format { LOG_TEXT, LOG_JSON };

#define LOG_LINE_MAX    4096
#define LOG_FIELDS_MAX  16
#define LOG_QUEUE_BYTES (256u << 10)

/* ---- Where lines go */

/* Appended to the file (made with mode 0640), or standard error for NULL, which is also where they
 * go before. On failure the old sink stays. */
enum err log_open(const char *path, struct why *why) MUST_USE;
/* log_open once more with the path it had, as log rotation wants. */
enum err log_reopen(struct why *why) MUST_USE;
void log_set_format(enum log_format format);
/* From here on a thread of its own writes; false when there can be none, and lines are written as
 * before. */
bool log_start(void);
/* Waits until what is queued is written, at most so long. */
void log_flush(uint32_t within_ms);
/* log_flush, and the end of the thread. A thread that does not come back from its write in time is
 * left behind. */
void log_stop(uint32_t within_ms);

/* ---- What is logged */

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
const char *log_level_name(enum log_level level);

/* area: a row of log.def. No newline at the end of fmt. */
void log_line(enum log_level level, const char *area, const char *fmt, ...) PRINTF(3, 4);

/* A value with a name, for programs that read the log. Keys are lower case words of our own. */
struct log_field {
	const char *key;
	enum log_field_kind {
		LOG_FIELD_TEXT, /* NULL: the field is left out */
		LOG_FIELD_NUMBER,
		LOG_FIELD_SIGNED,
		LOG_FIELD_BOOL,
		LOG_FIELD_HEX,
	} kind;
	union {
		const char *text;
		uint64_t number;
		int64_t sign;
		bool yes;
		struct {
			const uint8_t *p;
			size_t n; /* at most 64 */
		} hex;
	};
};
#define F_TEXT(k, v)   ((struct log_field){.key = (k), .kind = LOG_FIELD_TEXT, .text = (v)})
#define F_NUMBER(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_NUMBER, .number = (v)})
#define F_SIGNED(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_SIGNED, .sign = (v)})
#define F_BOOL(k, v)   ((struct log_field){.key = (k), .kind = LOG_FIELD_BOOL, .yes = (v)})
#define F_HEX(k, v, l) ((struct log_field){.key = (k), .kind = LOG_FIELD_HEX, .hex = {(v), (l)}})

void log_event(enum log_level level, const char *area, const char *msg, size_t n,
	       const struct log_field *fields);
/* log_fields(LOG_INFO, "node", "ledger validated", F_NUMBER("seq", seq), ...) */
#define log_fields(level, area, msg, ...)                                                          \
	log_event((level), (area), (msg),                                                          \
		  sizeof((struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field),            \
		  (struct log_field[]){__VA_ARGS__})

/* A URL as it may be logged: without user and password, and without what follows "?". */
struct log_url_text {
	char s[256];
};
struct log_url_text log_url(const char *url);

/* ---- Counts, since the start */

void log_counts(uint64_t out[LOG_LEVEL_COUNT]);
/* Lines that were lost. */
uint64_t log_dropped(void);

#endif
