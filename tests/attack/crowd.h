/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_ATTACK_CROWD_H
#define TALLY_TESTS_ATTACK_CROWD_H

#include "base/bytes.h"
#include "base/rng.h"

#include <netinet/in.h>

/* Many client sockets in one process, over epoll. A socket has an input buffer, which its `got`
 * uses up, and an output buffer, which leaves as fast as the kernel takes it. All callbacks run
 * within crowd_turn; a socket may be closed in any of them.
 *
 * Each socket has a source address of its own in 127.0.0.0/8, which Linux takes to be local as a
 * whole: a server sees as many clients as it would from outside. */

struct crowd;

struct sock {
	struct crowd *crowd;
	int fd;      /* -1: free */
	bool open;   /* connected */
	bool paused; /* does not read */
	bool wants_out;
	uint32_t number;
	struct sockaddr_in from;
	struct buf in, out;
	/* The scenario's own: */
	uint32_t step, count, total;
	int64_t at_ns, due_ns;
	void *data;
};

enum sock_end {
	SOCK_EOF,     /* the server has closed */
	SOCK_RESET,   /* the server has reset */
	SOCK_REFUSED, /* not connected at all */
};

struct crowd_calls {
	void (*opened)(struct sock *s);                  /* NULL is fine */
	void (*got)(struct sock *s);                     /* s->in has more */
	void (*closed)(struct sock *s, enum sock_end e); /* by the server, not by crowd_close */
};

struct crowd {
	struct crowd_calls calls;
	void *ctx;
	int epoll;
	struct sock *v;
	uint32_t n_max, n; /* n: in use */
	uint32_t *free, n_free;
	uint64_t dialled, opened, refused, ended, resets;
	uint64_t no_descriptor; /* this process has no room for more */
	uint64_t bytes_in, bytes_out;
	struct rng rng;
};

void crowd_open(struct crowd *c, uint32_t n_max, const struct crowd_calls *calls, void *ctx);
void crowd_close_all(struct crowd *c);
/* A connection that begins now; NULL when there is no room. A `from` of 0 is any address. */
struct sock *crowd_dial(struct crowd *c, const struct sockaddr_in *to, uint32_t from);
/* Ends it: with the ordinary farewell, or by reset. */
void crowd_close(struct sock *s, bool reset);
/* Sends what is in s->out. */
void crowd_flush(struct sock *s);
void crowd_pause(struct sock *s, bool paused);
/* Takes one byte of what a paused socket has, and throws it away. */
void crowd_sip(struct sock *s);
/* Waits at most so long and handles what has come. */
void crowd_turn(struct crowd *c, int wait_ms);

/* The i-th source address of a group, 127.GROUP.x.y: neighbours are in different /24, as limits of
 * whole networks see them. */
static inline uint32_t crowd_source(uint32_t group, uint32_t i)
{
	return 127u << 24 | (group & 255) << 16 | (i % 250 + 1) << 8 | (i / 250 % 250 + 1);
}
/* "127.0.0.1:5005"; ends the program when it is nothing like that. */
struct sockaddr_in crowd_address(const char *text);

#endif
