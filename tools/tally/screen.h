/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_SCREEN_H
#define TALLY_TOOLS_SCREEN_H

#include "format.h"

/* The terminal as a screen: entered once, drawn whole, and given back as it was on every way out:
 * the end of the program, a signal that ends it, a crash, and while it is stopped (^Z). There is
 * one. */

/* Whether standard input and output are a terminal that can be one. */
bool screen_possible(void);
/* color: whether styles are shown; without it headings are told by their words alone. */
void screen_enter(bool color);
void screen_leave(void);
void screen_size(int *columns, int *lines);
void screen_draw(const struct frame *f);
/* Waits for a key or a new size, at most so long: the key, 0 when there was none, -1 when the
 * program is asked to end. */
int screen_key(int within_ms);

#endif
