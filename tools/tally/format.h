/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_FORMAT_H
#define TALLY_TOOLS_FORMAT_H

#include "tally.h"

/* Values of answers, and how they are shown to people. A member that is absent or of another kind
 * is NULL, "" or 0. */
const json_t *get(const json_t *o, const char *key);
const char *get_str(const json_t *o, const char *key);
long long get_num(const json_t *o, const char *key);
/* Of an object in it. */
long long get_num2(const json_t *o, const char *outer, const char *key);

struct format_text {
	char s[24];
};
struct format_text format_bytes(double bytes);     /* "1.5 MiB" */
struct format_text format_duration(long long s);   /* "3 d 04:05:06", "04:05:06" */
struct format_text format_seconds(long long ms);   /* "4.2 s" */
struct format_text format_us(long long us);        /* "850 us", "12.3 ms", "1.20 s" */
struct format_text format_rate(double per_second); /* "0", "0.4", "12.5", "1234", "1.2 M" */
/* "99.98 %" of a member that is 0 to 1; "-" when it is absent. */
struct format_text format_share(const json_t *o, const char *key);
/* The first letters of a key, "n9KAb...". */
struct format_text format_key(const char *key);

/* Lines of text of a bounded width, for a screen or a terminal that may be one of few columns.
 * Whatever is not printable ASCII becomes "?": what a server says does not steer a terminal. */
enum frame_style { FRAME_PLAIN, FRAME_BOLD, FRAME_DIM, FRAME_GOOD, FRAME_BAD, FRAME_HEAD };
#define FRAME_WIDTH_MAX 256
#define FRAME_LINES_MAX 512
struct frame {
	int width, lines_max;
	int n;
	struct frame_line {
		enum frame_style style;
		char s[FRAME_WIDTH_MAX + 1];
	} * line;
};
void frame_open(struct frame *f, int width, int lines_max);
void frame_close(struct frame *f);
/* Adds a line, cut at the width; nothing when the frame is full. */
void frame_add(struct frame *f, enum frame_style style, const char *fmt, ...) PRINTF(3, 4);

#endif
