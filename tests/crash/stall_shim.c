/* SPDX-License-Identifier: ISC */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* Preloaded into a node: its event loop stands still while a file exists, and what waits for time
 * on a condition, as the watchdog does, waits for less, so that a test of it ends soon.
 *
 *     TALLY_STALL_FILE  the file; nothing happens without it
 *     TALLY_HURRY       waits of up to two seconds are divided by it (1) */

static const char *file;
static long hurry = 1;
static int (*real_wait)(int, struct epoll_event *, int, int);
static int (*real_pwait)(int, struct epoll_event *, int, int, const sigset_t *);
static int (*real_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("TALLY_HURRY");

	file = getenv("TALLY_STALL_FILE");
	if (text && atol(text) > 0)
		hurry = atol(text);
	real_wait = (int (*)(int, struct epoll_event *, int, int))(uintptr_t)dlsym(RTLD_NEXT,
										   "epoll_wait");
	real_pwait = (int (*)(int, struct epoll_event *, int, int, const sigset_t *))(
	    uintptr_t)dlsym(RTLD_NEXT, "epoll_pwait");
	/* not the version of old programs, which is what a plain look-up may find */
	real_timedwait = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))(
	    uintptr_t)dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
	if (!real_timedwait)
		real_timedwait = (int (*)(pthread_cond_t *, pthread_mutex_t *,
					  const struct timespec *))(
		    uintptr_t)dlsym(RTLD_NEXT, "pthread_cond_timedwait");
}

/* Before the wait, so that what has come meanwhile is met by a loop that is late. */
static void stall(void)
{
	const struct timespec nap = {.tv_nsec = 20000000};

	while (file && access(file, F_OK) == 0)
		nanosleep(&nap, NULL);
}

int epoll_wait(int fd, struct epoll_event *events, int max, int ms)
{
	stall();
	return real_wait(fd, events, max, ms);
}

int epoll_pwait(int fd, struct epoll_event *events, int max, int ms, const sigset_t *mask)
{
	stall();
	return real_pwait(fd, events, max, ms, mask);
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *at)
{
	struct timespec now, sooner;
	int64_t left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = ((int64_t)at->tv_sec - now.tv_sec) * 1000000000 + at->tv_nsec - now.tv_nsec;
	if (hurry == 1 || left <= 0 || left > 2000000000)
		return real_timedwait(cond, lock, at);
	left = left / hurry + now.tv_nsec;
	sooner.tv_sec = now.tv_sec + left / 1000000000;
	sooner.tv_nsec = left % 1000000000;
	return real_timedwait(cond, lock, &sooner);
}
