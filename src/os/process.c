/* SPDX-License-Identifier: ISC */
#include "os/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t us_of(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

/* All of a small file of /proc; false when it cannot be read. */
static bool read_proc(const char *path, char *text, size_t max)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, max - 1);

	if (fd >= 0)
		close(fd);
	if (n > 0)
		text[n] = '\0';
	return n > 0;
}

/* /proc/self/stat: field 20 is the number of threads, 23 and 24 the memory (proc(5)). Those before
 * stand behind the program's name, which may contain anything. */
static void read_stat(struct process_facts *out)
{
	char text[1024], *at;

	if (!read_proc("/proc/self/stat", text, sizeof(text)))
		return;
	at = strrchr(text, ')');
	for (int field = 3; at && field <= 24; field++) {
		at = strchr(at + 1, ' ');
		if (!at)
			return;
		if (field == 20)
			out->threads = (uint32_t)strtoul(at, NULL, 10);
		else if (field == 23)
			out->virtual_bytes = strtoull(at, NULL, 10);
		else if (field == 24)
			out->resident_bytes = strtoull(at, NULL, 10) * (unsigned)getpagesize();
	}
}

/* /proc/self/statm: pages in all, resident, and of these shared with files. */
static void read_statm(struct process_facts *out)
{
	uint64_t page = (uint64_t)getpagesize(), resident, shared;
	char text[256], *at;

	if (!read_proc("/proc/self/statm", text, sizeof(text)))
		return;
	strtoull(text, &at, 10);
	resident = strtoull(at, &at, 10);
	shared = strtoull(at, NULL, 10);
	if (resident >= shared)
		out->anonymous_bytes = (resident - shared) * page;
}

/* Since Linux 6.2 the folder's size says how many there are. */
static uint32_t count_descriptors(void)
{
	static const char folder[] = "/proc/self/fd";
	struct stat s;
	uint32_t n = 0;
	DIR *d;

	if (stat(folder, &s) == 0 && s.st_size > 0)
		return (uint32_t)s.st_size;
	d = opendir(folder);
	if (!d)
		return 0;
	for (const struct dirent *e = readdir(d); e; e = readdir(d))
		n += e->d_name[0] != '.';
	closedir(d);
	return n - 1; /* without the one that was open for counting */
}

void process_facts_get(struct process_facts *out)
{
	struct rusage use;
	struct rlimit r;

	*out = (struct process_facts){0};
	if (getrusage(RUSAGE_SELF, &use) == 0) {
		out->user_us = us_of(use.ru_utime);
		out->system_us = us_of(use.ru_stime);
	}
	read_stat(out);
	read_statm(out);
	out->descriptors = count_descriptors();
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur != RLIM_INFINITY)
		out->descriptors_max = (uint32_t)r.rlim_cur;
}

void process_heap_get(struct process_heap *out)
{
	struct mallinfo2 heap = mallinfo2();

	*out = (struct process_heap){.used_bytes = heap.uordblks + heap.hblkhd,
				     .free_bytes = heap.fordblks};
}
