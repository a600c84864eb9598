/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_METHODS_H
#define TALLY_RPC_METHODS_H

#include "rpc/call.h"

/* The functions of methods.def, one file per noun. */
#define M(name, run, role, condition, first, last, cost, rows, keep, summary)                      \
	void run(struct rpc_call *c);
#include "rpc/methods.def"
#undef M

#endif
