/* SPDX-License-Identifier: ISC */
#include "tools/load/proc.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool read_file(char *out, size_t n, int pid, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	FILE *f = fopen(path, "r");
	if (!f)
		return false;
	size_t got = fread(out, 1, n - 1, f);
	fclose(f);
	out[got] = 0;
	return got > 0;
}

static double status_mb(const char *status, const char *name)
{
	const char *at = strstr(status, name);
	unsigned long kb = 0;
	if (!at || sscanf(at + strlen(name), ": %lu kB", &kb) != 1)
		return 0;
	return (double)kb / 1024;
}

bool proc_sample(struct proc_sample *out, int pid)
{
	char text[4096];
	*out = (struct proc_sample){0};
	if (!read_file(text, sizeof(text), pid, "stat"))
		return false;
	/* The name may hold anything, so count from its closing parenthesis. */
	const char *at = strrchr(text, ')');
	unsigned long user = 0, system = 0;
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
			  &system) != 2)
		return false;
	out->cpu_seconds = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	if (!read_file(text, sizeof(text), pid, "status"))
		return false;
	out->rss_mb = status_mb(text, "VmRSS");
	out->peak_mb = status_mb(text, "VmHWM");
	return true;
}
