/* SPDX-License-Identifier: ISC */
#ifndef TALLY_OS_ENTROPY_H
#define TALLY_OS_ENTROPY_H

#include <stddef.h>

/* n unpredictable bytes from the kernel (getrandom), for keys, nonces, cookies and the seeds of
 * base/rng.h. Waits at most for the kernel's first seeding after boot; ends the process if the
 * kernel has no such source, for no secret may be made without it. Thread safe. */
void entropy_fill(void *p, size_t n);

#endif
