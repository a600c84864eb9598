/* SPDX-License-Identifier: ISC */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Preloaded into a node: its wall clock is off by as many milliseconds as the file named by
 * TALLY_CLOCK_FILE says (8 bytes, host order, read at every call), so that a test can make it jump.
 * The monotonic clock stays what it is, as with a real jump. */

static volatile const int64_t *offset_ms;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void arm(void)
{
	const char *file = getenv("TALLY_CLOCK_FILE");
	void *p = dlsym(RTLD_NEXT, "clock_gettime");
	int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;

	memcpy(&real_clock_gettime, &p, sizeof(p));
	if (fd < 0)
		return;
	p = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		offset_ms = p;
	close(fd);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
	int r;

	if (!real_clock_gettime)
		arm();
	r = real_clock_gettime(id, t);
	if (r == 0 && offset_ms && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		int64_t ns = t->tv_nsec + (*offset_ms % 1000) * 1000000;

		t->tv_sec += *offset_ms / 1000 + ns / 1000000000;
		t->tv_nsec = ns % 1000000000;
		if (t->tv_nsec < 0) {
			t->tv_nsec += 1000000000;
			t->tv_sec--;
		}
	}
	return r;
}

time_t time(time_t *out)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec t;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	out->tv_sec = t.tv_sec;
	out->tv_usec = t.tv_nsec / 1000;
	return 0;
}
