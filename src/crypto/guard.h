/* SPDX-License-Identifier: ISC */
#ifndef TALLY_CRYPTO_GUARD_H
#define TALLY_CRYPTO_GUARD_H

#include <stddef.h>

/* Memory for secrets: between pages that may not be touched, locked into memory, left out of
 * dumps. Ends the process when there is none. Freed with sodium_free, which wipes it. */
void *guard_alloc(size_t n);
/* From here on what is allocated is empty in a process that is forked off. Called once, before
 * there are threads, by programs whose children have no use for their secrets. */
void guard_keep_from_children(void);

#endif
