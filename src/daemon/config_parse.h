/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_CONFIG_PARSE_H
#define TALLY_DAEMON_CONFIG_PARSE_H

#include "daemon/config.h"

/* What the files that set the keys of config.def share. Private to the configuration. */

#define CONFIG_BYTES_MAX (256u << 10)
#define CONFIG_KEYS_MAX  128

struct config_parse {
	struct config *c;
	const char *dir;            /* of the file, for relative paths */
	bool seen[CONFIG_KEYS_MAX]; /* keys that were given, by row of the table */
	enum err err;
	struct why why;
};

/* Takes the value of one key. */
typedef enum err config_setter(struct config_parse *p, const char *value);
#define C(section, key, set, many) config_setter set;
#include "daemon/config.def"
#undef C

enum err config_bad(struct config_parse *p, enum err e, const char *what);
/* Absolute, or relative to the folder of the file. */
enum err config_path(struct config_parse *p, char out[CONFIG_PATH_MAX], const char *v);
enum err config_number(struct config_parse *p, uint64_t *out, const char *v, uint64_t lo,
		       uint64_t hi);
/* Two listeners at one place. */
enum err config_check_places(const struct config *c, struct why *why) MUST_USE;
/* "yes" or "no". */
enum err config_yes(struct config_parse *p, bool *out, const char *v);
char *config_copy(const char *v);
/* What the keys of listeners must be together, and their defaults. */
enum err config_check_serve(struct config *c, struct why *why);

#endif
