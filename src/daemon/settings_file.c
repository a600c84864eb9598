/* SPDX-License-Identifier: ISC */
#include "daemon/settings_file.h"

#include "os/file.h"

#include <stdio.h>

static enum err path_of(char *out, size_t n, const char *data_dir, const char *name,
			struct why *why)
{
	int len = snprintf(out, n, "%s/settings%s%s%s", data_dir, name ? "/" : "", name ? name : "",
			   name ? ".json" : "");

	if (len < 0 || (size_t)len >= n)
		return why_set(why, ERR_RANGE, "%s: too long a path", data_dir);
	return ERR_NONE;
}

enum err settings_file_read(const char *data_dir, const char *name, struct buf *out,
			    struct why *why)
{
	char path[1024];
	enum err e = path_of(path, sizeof(path), data_dir, name, why);

	return e == ERR_NONE ? file_read(out, path, SETTINGS_FILE_BYTES_MAX, why) : e;
}

enum err settings_file_write(const char *data_dir, const char *name, struct bytes text,
			     struct why *why)
{
	char path[1024];
	enum err e = path_of(path, sizeof(path), data_dir, NULL, why);

	if (e == ERR_NONE)
		e = file_create_dir(path, why);
	if (e == ERR_NONE)
		e = path_of(path, sizeof(path), data_dir, name, why);
	return e == ERR_NONE ? file_write(path, text, 0640, why) : e;
}
