/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_LOCATORS_H
#define TALLY_RPC_LOCATORS_H

#include "rpc/call.h"

/* From what a client says of an entry to its index (rippled: LedgerEntry.cpp). Each function reads
 * the value v of parameter `field`; false with a fault when it cannot be understood. */
typedef bool locate_fn(struct rpc_call *c, const char *field, const json_t *v, struct hash256 *out);

#define L(field, type, fn) locate_fn fn;
#include "rpc/locators.def"
#undef L

#endif
