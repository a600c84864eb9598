/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_WATCHDOG_H
#define TALLY_DAEMON_WATCHDOG_H

#include <stdint.h>

/* Ends the process when its event loop does not come round any more. A thread looks every second
 * whether the loop has ticked; after WATCHDOG_STUCK_S looks in vain it logs so and exits with
 * WATCHDOG_EXIT, without a core and without running anything else: what is committed is whole, and
 * the service manager starts it again. Looks are counted, not time, so that a process that was
 * stopped (SIGSTOP, a suspended machine) is not ended when it goes on. */

#define WATCHDOG_STUCK_S 60
#define WATCHDOG_EXIT    70 /* EX_SOFTWARE */

struct watchdog;
/* NULL when there can be no thread. */
struct watchdog *watchdog_start(void);
/* The loop has come round. */
void watchdog_tick(struct watchdog *w);
/* Ends the thread. */
void watchdog_stop(struct watchdog *w); /* NULL is fine */

#endif
