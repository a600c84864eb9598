/* SPDX-License-Identifier: ISC */
#ifndef TALLY_OS_NOTIFY_H
#define TALLY_OS_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* What the service manager is told: lines such as "READY=1" or "WATCHDOG=1" in a datagram to the
 * socket that NOTIFY_SOCKET names (sd_notify(3)). Never blocks. False when nobody listens. */
bool notify_send(const char *lines);
/* How often WATCHDOG=1 is wanted at most, in ms: half of WATCHDOG_USEC; 0: not at all. */
uint64_t notify_watchdog_ms(void);

#endif
