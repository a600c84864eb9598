/* SPDX-License-Identifier: ISC */
#include "daemon/watchdog.h"

#include "base/mem.h"
#include "os/log.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#define LOOK_NS  1000000000ull
#define FLUSH_MS 1000
#define ALARM_S  5

struct watchdog {
	uv_thread_t thread;
	uv_mutex_t lock;
	uv_cond_t wake;
	bool stop;
	atomic_ulong ticks;
};

/* The log's thread may be what is stuck: the alarm ends the process then. */
static _Noreturn void give_up(void)
{
	alarm(ALARM_S);
	log_line(LOG_ERROR, "health",
		 "watchdog: the event loop has not come round for %d s; ending the process",
		 WATCHDOG_STUCK_S);
	log_flush(FLUSH_MS);
	_exit(WATCHDOG_EXIT);
}

static void run(void *arg)
{
	struct watchdog *w = arg;
	unsigned long seen = atomic_load(&w->ticks);
	uint32_t in_vain = 0;

	uv_mutex_lock(&w->lock);
	while (!w->stop) {
		if (uv_cond_timedwait(&w->wake, &w->lock, LOOK_NS) == 0)
			continue;
		if (atomic_load(&w->ticks) != seen) {
			seen = atomic_load(&w->ticks);
			in_vain = 0;
		} else if (++in_vain >= WATCHDOG_STUCK_S) {
			give_up();
		}
	}
	uv_mutex_unlock(&w->lock);
}

struct watchdog *watchdog_start(void)
{
	struct watchdog *w = mem_zalloc(1, sizeof(*w));

	must(uv_mutex_init(&w->lock) == 0 && uv_cond_init(&w->wake) == 0);
	if (uv_thread_create(&w->thread, run, w) == 0)
		return w;
	log_line(LOG_WARN, "health", "watchdog: no thread for it; a stuck loop is not noticed");
	uv_cond_destroy(&w->wake);
	uv_mutex_destroy(&w->lock);
	mem_free(w);
	return NULL;
}

void watchdog_tick(struct watchdog *w)
{
	if (w)
		atomic_fetch_add(&w->ticks, 1);
}

void watchdog_stop(struct watchdog *w)
{
	if (!w)
		return;
	uv_mutex_lock(&w->lock);
	w->stop = true;
	uv_cond_signal(&w->wake);
	uv_mutex_unlock(&w->lock);
	uv_thread_join(&w->thread);
	uv_cond_destroy(&w->wake);
	uv_mutex_destroy(&w->lock);
	mem_free(w);
}
