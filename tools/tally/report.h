/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TOOLS_REPORT_H
#define TALLY_TOOLS_REPORT_H

#include "format.h"

/* What `status` and `top` share: the server's report on itself. */

/* The `info` of the method `status`, or, *admin false, that of `server_info`. NULL when the server
 * cannot be reached, after complaining. The caller releases it. */
json_t *report_fetch(struct tally *t, bool *admin);
bool report_healthy(const json_t *info, bool admin);
/* Lines that say whether it is healthy and why not. */
void report_head(struct frame *f, const json_t *info);

#endif
