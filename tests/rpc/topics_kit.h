/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_RPC_TOPICS_KIT_H
#define TALLY_TESTS_RPC_TOPICS_KIT_H

#include "tests/rpc/scenario.h"

/* The scenario of the tests of what is followed besides streams and accounts, with a host that can
 * be called back, that posts to URLs and that ends connections. */
extern struct topics_box {
	struct fake *f;
	uint32_t woken_ms; /* by the last wish to be called; 0: none */
	size_t queued;
	uint64_t close_on_push;
	char url[100], username[40], password[40];
	uint32_t made, ended;
	uint32_t searchable_from;
} box;
#define HOOK_ID (1ull << 63 | 5)

int topics_set_up(void **state);
int topics_tear_down(void **state);
/* The reply to subscribe or unsubscribe with these members; connection 99 is an administrator's. */
json_t *topics_ask(uint64_t conn, const char *command, unsigned version, const char *what);
/* Has to succeed; the result. */
json_t *topics_subscribe(uint64_t conn, const char *what);
void topics_unsubscribe(uint64_t conn, const char *what);

#endif
