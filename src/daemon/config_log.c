/* SPDX-License-Identifier: ISC */

/* [log] */
#include "daemon/config_parse.h"

#include <stdio.h>
#include <string.h>

#define SLOW_MS_MAX 3600000

enum err config_set_log_file(struct config_parse *p, const char *v)
{
	return config_path(p, p->c->log.file, v);
}

enum err config_set_log_format(struct config_parse *p, const char *v)
{
	if (strcmp(v, "text") != 0 && strcmp(v, "json") != 0)
		return config_bad(p, ERR_INVALID, "text or json is wanted");
	p->c->log.format = !strcmp(v, "json") ? LOG_JSON : LOG_TEXT;
	return ERR_NONE;
}

static enum err bad_level(struct config_parse *p)
{
	return config_bad(p, ERR_INVALID, "error, warn, info or debug is wanted");
}

enum err config_set_log_level(struct config_parse *p, const char *v)
{
	return log_level_parse(&p->c->log.level, v) ? ERR_NONE : bad_level(p);
}

/* The row of the area of n letters, CONFIG_AREAS_MAX when there is none. */
static uint32_t area_of(const char *name, size_t n)
{
	uint32_t i;

	for (i = 0; log_area(i) && i < CONFIG_AREAS_MAX; i++)
		if (strlen(log_area(i)) == n && !strncmp(log_area(i), name, n))
			return i;
	return CONFIG_AREAS_MAX;
}

/* "net:debug" */
static enum err set_area(struct config_parse *p, const char *word)
{
	const char *colon = strchr(word, ':');
	uint32_t i = colon ? area_of(word, (size_t)(colon - word)) : 0;
	enum log_level level;

	if (!colon)
		return why_set(&p->why, ERR_INVALID, "\"%.32s\": area:level is wanted", word);
	if (i == CONFIG_AREAS_MAX)
		return why_set(&p->why, ERR_INVALID, "\"%.*s\" is no area of the log",
			       (int)(colon - word < 32 ? colon - word : 32), word);
	if (!log_level_parse(&level, colon + 1))
		return bad_level(p);
	if (p->c->log.areas[i])
		return why_set(&p->why, ERR_DUPLICATE, "%s is given twice", log_area(i));
	p->c->log.areas[i] = (uint8_t)(level + 1);
	return ERR_NONE;
}

enum err config_set_log_areas(struct config_parse *p, const char *v)
{
	char words[CONFIG_PATH_MAX], *word, *save = NULL;
	enum err e = ERR_NONE;

	if (snprintf(words, sizeof(words), "%s", v) >= (int)sizeof(words))
		return config_bad(p, ERR_TOO_LARGE, "too long");
	word = strtok_r(words, " \t,", &save);
	if (!word)
		return config_bad(p, ERR_INVALID, "area:level is wanted");
	for (; word && e == ERR_NONE; word = strtok_r(NULL, " \t,", &save))
		e = set_area(p, word);
	return e;
}

enum err config_set_slow_ms(struct config_parse *p, const char *v)
{
	uint64_t x = 0;
	enum err e = config_number(p, &x, v, 0, SLOW_MS_MAX);

	p->c->log.slow_ms = (uint32_t)x;
	return e;
}

void config_use_log_levels(const struct config_log *log)
{
	uint32_t i;

	log_set_format(log->format);
	log_set_level(NULL, log->level);
	for (i = 0; log_area(i) && i < CONFIG_AREAS_MAX; i++)
		if (log->areas[i])
			log_set_level(log_area(i), (enum log_level)(log->areas[i] - 1));
}
