/* SPDX-License-Identifier: ISC */
#ifndef TESTS_CODEC_SUPPORT_H
#define TESTS_CODEC_SUPPORT_H

#include "codec/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What the codec's tests share. */

/* Loads a file of the vectors' folder (TALLY_VECTORS, or ../shared/vectors). NULL after the note
 * that the folder is absent; in CI that is a failure. */
json_t *vectors_load(const char *name);

/* Bytes on the arena from hex text. */
struct bytes unhex(struct arena *a, const char *hex);
/* Upper-case hex on the arena. */
const char *hex_of(struct arena *a, struct bytes in);

/* Encodes onto the arena. */
struct bytes encoded(struct arena *a, const struct st_object *o, enum st_encode_what what);
/* An object from JSON text that must be good. Single quotes stand for double ones. */
struct st_object *from_text(struct arena *a, const char *text);
/* The error of reading such text; the reason goes to *why. */
enum err error_of_text(struct why *why, const char *text);
/* The error of decoding hex. */
enum err error_of_hex(struct why *why, const char *hex);
/* Compact JSON text of an object, on the arena. */
const char *text_of(struct arena *a, const struct st_object *o);

#endif
