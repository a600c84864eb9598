/* SPDX-License-Identifier: ISC */
#include "format.h"

#include "base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

const json_t *get(const json_t *o, const char *key)
{
	return json_object_get(o, key);
}

const char *get_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(get(o, key));

	return s ? s : "";
}

long long get_num(const json_t *o, const char *key)
{
	return (long long)json_integer_value(get(o, key));
}

long long get_num2(const json_t *o, const char *outer, const char *key)
{
	return get_num(get(o, outer), key);
}

struct format_text format_bytes(double bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	struct format_text t;
	size_t u = 0;

	for (; bytes >= 1024 && u < 6; u++)
		bytes /= 1024;
	snprintf(t.s, sizeof(t.s), u && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, units[u]);
	return t;
}

struct format_text format_duration(long long s)
{
	struct format_text t;
	int n = 0;

	s = s < 0 ? 0 : s;
	if (s >= 86400)
		n = snprintf(t.s, sizeof(t.s), "%lld d ", s / 86400 % 100000000);
	snprintf(t.s + n, sizeof(t.s) - (size_t)n, "%02d:%02d:%02d", (int)(s / 3600 % 24),
		 (int)(s / 60 % 60), (int)(s % 60));
	return t;
}

struct format_text format_seconds(long long ms)
{
	struct format_text t;

	snprintf(t.s, sizeof(t.s), "%.1f s", (double)ms / 1000);
	return t;
}

struct format_text format_us(long long us)
{
	struct format_text t;

	if (us < 1000)
		snprintf(t.s, sizeof(t.s), "%lld us", us);
	else if (us < 1000000)
		snprintf(t.s, sizeof(t.s), us < 100000 ? "%.1f ms" : "%.0f ms", (double)us / 1000);
	else
		snprintf(t.s, sizeof(t.s), "%.2f s", (double)us / 1000000);
	return t;
}

struct format_text format_rate(double r)
{
	struct format_text t;

	if (!(r > 0))
		snprintf(t.s, sizeof(t.s), "0");
	else if (r < 100)
		snprintf(t.s, sizeof(t.s), "%.1f", r);
	else if (r < 1000000)
		snprintf(t.s, sizeof(t.s), "%.0f", r);
	else
		snprintf(t.s, sizeof(t.s), "%.1f M", fmin(r / 1000000, 1e9));
	return t;
}

struct format_text format_share(const json_t *o, const char *key)
{
	const json_t *v = get(o, key);
	struct format_text t;

	if (json_is_number(v))
		snprintf(t.s, sizeof(t.s), "%.2f %%", json_number_value(v) * 100);
	else
		snprintf(t.s, sizeof(t.s), "-");
	return t;
}

struct format_text format_key(const char *key)
{
	struct format_text t;

	snprintf(t.s, sizeof(t.s), strlen(key) > 12 ? "%.12s..." : "%.12s", key);
	return t;
}

void frame_open(struct frame *f, int width, int lines_max)
{
	width = width < 20 ? 20 : width > FRAME_WIDTH_MAX ? FRAME_WIDTH_MAX : width;
	lines_max = lines_max < 1 ? 1 : lines_max > FRAME_LINES_MAX ? FRAME_LINES_MAX : lines_max;
	*f = (struct frame){.width = width,
			    .lines_max = lines_max,
			    .line = mem_zalloc((size_t)lines_max, sizeof(*f->line))};
}

void frame_close(struct frame *f)
{
	mem_free(f->line);
	*f = (struct frame){0};
}

void frame_add(struct frame *f, enum frame_style style, const char *fmt, ...)
{
	struct frame_line *l = &f->line[f->n];
	va_list ap;
	char *c;

	if (f->n == f->lines_max)
		return;
	f->n++;
	l->style = style;
	va_start(ap, fmt);
	vsnprintf(l->s, (size_t)f->width + 1, fmt, ap);
	va_end(ap);
	for (c = l->s; *c; c++)
		if (*c < 0x20 || *c > 0x7E)
			*c = '?';
	while (c > l->s && c[-1] == ' ')
		*--c = '\0';
}
