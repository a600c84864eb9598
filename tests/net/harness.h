/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_NET_HARNESS_H
#define TALLY_TESTS_NET_HARNESS_H

#include "base/rng.h"
#include "net/uv_peers.h"
#include "tests/net/msgs.h"
#include "tests/net/pair.h"

/* Several nodes' peers on one loop, over real sockets of this machine, and clients of all manners
 * that talk to them. The nodes' clock may run faster than the real one. */

#define NODES_MAX 8
#define WAIT_MS   30000 /* what a condition may take before the test fails */

struct net_node {
	struct net *net;
	struct peers *p; /* NULL: not running */
	struct secret_key *key;
	uint16_t port;
	char address[64];
	uint32_t ups, downs, messages;
	uint32_t count[MSG_TYPE_END]; /* messages by type */
	uint32_t last_peer;
	bool gone; /* the shutdown is over */
	struct buf log;
	/* Additional behaviour of the host; may be NULL. */
	void (*on_message)(struct net_node *n, uint32_t id, const struct msg *m);
	void (*on_change)(struct net_node *n, uint32_t id, bool up);
};

struct net {
	uv_loop_t loop;
	uv_timer_t beat;
	int64_t speed; /* the nodes' seconds per real one, at most 4 (a tick is a second) */
	struct rng rng;
	struct net_node node[NODES_MAX];
};

void net_open(struct net *t, int64_t speed);
/* Shuts down what still runs; fails when anything is left. */
void net_close(struct net *t);
/* Turns the loop until the condition holds; false after WAIT_MS. */
bool net_wait(struct net *t, bool (*cond)(struct net *t, void *arg), void *arg);
void net_run_ms(struct net *t, int64_t ms);

/* A free port of 127.0.0.1, another each time. */
uint16_t free_port(void);
/* Opens node i, listening on its port (node_address(i) is known from net_open on), connected to
 * the nodes of the bit mask. Fails the test when it cannot. */
void node_open(struct net *t, int i, uint32_t connect_mask);
/* As above with a configuration prepared by node_config. */
struct peers_config node_config(struct net *t, int i);
void node_open_with(struct net *t, int i, const struct peers_config *c);
void node_shutdown(struct net *t, int i); /* waits for the end */
uint32_t node_peers(const struct net *t, int i);
/* Waits until node i has exactly n peers. */
void expect_peers(struct net *t, int i, uint32_t n);
/* Waits until node i's log contains the text. */
void expect_log(struct net *t, int i, const char *text);
bool log_has(const struct net *t, int i, const char *text);
void node_broadcast(struct net *t, int i, const struct msg *m);

/* A client: a plain socket from a chosen address, with a session if wanted. */
struct client {
	int fd;
	bool closed;   /* by the other side */
	struct side s; /* s.s NULL: raw */
};
void client_open(struct client *c, struct net *t, int node, const char *from);
/* A session as initiator with identity n, agreeing with the nodes unless changed in c->s.config
 * before client_session. */
void client_config(struct client *c, uint8_t n);
void client_session(struct client *c, struct net *t);
void client_send(struct client *c, const void *p, size_t n);
/* Reads what is there (at most n bytes of it) and lets the session answer. */
void client_pump(struct client *c, struct net *t, size_t n);
/* Pumps until the session is ready or over. */
void client_handshake(struct client *c, struct net *t);
/* Pumps until the other side has closed. */
void expect_closed(struct client *c, struct net *t);
void client_close(struct client *c);

#endif
