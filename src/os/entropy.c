/* SPDX-License-Identifier: ISC */
#include "os/entropy.h"

#include "base/err.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

void entropy_fill(void *p, size_t n)
{
	uint8_t *at = p;

	while (n) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		must(got > 0);
		at += got;
		n -= (size_t)got;
	}
}
