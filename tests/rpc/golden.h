/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_RPC_GOLDEN_H
#define TALLY_TESTS_RPC_GOLDEN_H

#include "tests/rpc/fake_node.h"

/* Transcripts: tests/rpc/golden/<noun>.json is a list of requests and the answers to them. With
 * TALLY_REWRITE=1 the answers are written anew, and what changed is a readable diff. Each request
 * is {"via": "http" | "admin" | "ws" | "ws-admin", "ask": {...}, "answer": {...}}; they run in
 * order. Closes f. */
void golden_run(struct fake *f, const char *name);

#endif
