/* SPDX-License-Identifier: ISC */

/* Whose turn it is. Requests of public clients may use a few milliseconds of each turn of the loop;
 * then the network's peers, timers and administrators are served. Connections that have more to
 * ask, or have not been read yet, wait in lanes: one of each address (as far as a hash tells them
 * apart), served in a circle, each in the order of arrival, so that neither a connection with many
 * requests nor an address with many connections takes the turns of the others. What they have to
 * say stays in the kernel meanwhile, and memory does not grow. */
#include "rpc/uv_front.h"

#include <arpa/inet.h>

#define NS_A_US  1000
#define SLICE_NS 100000 /* of a turn, for one connection while others wait */

static struct turn_lane *lane_of(struct front_conn *c)
{
	struct front_turns *t = &c->f->turns;
	const char *client = conn_client(c);
	struct in6_addr six;
	uint64_t h = t->salt;

	if (c->listener->role != FRONT_PUBLIC)
		return &t->first_lane;
	if (strchr(client, ':') && inet_pton(AF_INET6, client, &six) == 1)
		for (size_t i = 0; i < 8; i++) /* a /64 is one client */
			h = (h ^ six.s6_addr[i]) * 0x100000001B3u;
	else
		for (; *client; client++)
			h = (h ^ (uint8_t)*client) * 0x100000001B3u;
	return &t->lane[(h ^ h >> 32) % TURN_LANES];
}

static void lane_append(struct front_turns *t, struct turn_lane *l)
{
	l->next = NULL;
	*(t->last ? &t->last->next : &t->first) = l;
	t->last = l;
}

static void on_idle(uv_idle_t *handle)
{
	(void)handle; /* while it is active the loop does not wait */
}

void turn_queue(struct front_conn *c)
{
	struct front_turns *t = &c->f->turns;
	struct turn_lane *l;

	if (c->queued || c->state == CONN_CLOSED)
		return;
	l = lane_of(c);
	c->queued = l;
	c->prev_turn = l->last;
	c->next_turn = NULL;
	if (l->last)
		l->last->next_turn = c;
	else
		l->head = c;
	l->last = c;
	if (!l->listed && l != &t->first_lane) {
		l->listed = true;
		lane_append(t, l);
	}
	if (t->n++ == 0)
		must(uv_idle_start(&t->idle, on_idle) == 0);
	c->f->stats.waiting = t->n;
}

void turn_unqueue(struct front_conn *c)
{
	struct front_turns *t = &c->f->turns;
	struct turn_lane *l = c->queued;

	if (!l)
		return;
	*(c->prev_turn ? &c->prev_turn->next_turn : &l->head) = c->next_turn;
	*(c->next_turn ? &c->next_turn->prev_turn : &l->last) = c->prev_turn;
	c->queued = NULL;
	if (--t->n == 0)
		uv_idle_stop(&t->idle);
	c->f->stats.waiting = t->n;
}

/* The next connection, out of the queue. A lane that has become empty leaves the circle here. */
static struct front_conn *next_conn(struct front_turns *t)
{
	struct front_conn *c = t->first_lane.head;

	while (!c && t->first) {
		struct turn_lane *l = t->first;

		t->first = l->next;
		if (!t->first)
			t->last = NULL;
		c = l->head;
		if (c)
			lane_append(t, l);
		else
			l->listed = false;
	}
	if (c)
		turn_unqueue(c);
	return c;
}

void turn_begin(struct front_server *f)
{
	f->turns.began_ns = f->turns.slice_from_ns = uv_hrtime();
}

void turn_spent(struct front_server *f)
{
	uint64_t now = uv_hrtime();

	f->turns.spent_ns += now - f->turns.began_ns;
	f->turns.began_ns = now;
}

static bool used_up(const struct front_server *f)
{
	return f->turns.spent_ns >= (uint64_t)f->limits.turn_us * NS_A_US;
}

bool turn_is_over(const struct front_conn *c)
{
	const struct front_server *f = c->f;

	if (c->listener->role != FRONT_PUBLIC || (c->state != CONN_HTTP && c->state != CONN_WS))
		return false;
	return used_up(f) ||
	       (f->turns.n > 0 && f->turns.began_ns - f->turns.slice_from_ns >= SLICE_NS);
}

bool turn_must_queue(const struct front_conn *c)
{
	const struct front_turns *t = &c->f->turns;

	if (t->serving || c->listener->role != FRONT_PUBLIC ||
	    (c->state != CONN_HTTP && c->state != CONN_WS))
		return false;
	return t->n > 0 || used_up(c->f);
}

/* After the sockets have been looked at: those that wait. */
static void on_check(uv_check_t *handle)
{
	struct front_server *f = handle->data;
	struct front_turns *t = &f->turns;
	struct front_conn *c;

	t->serving = true;
	while (t->n && (t->first_lane.head || !used_up(f)) && (c = next_conn(t)) != NULL) {
		turn_begin(f);
		conn_turn(c);
		turn_spent(f);
	}
	t->serving = false;
}

void turns_renew(struct front_server *f)
{
	f->turns.spent_ns = 0;
}

void turns_init(struct front_server *f)
{
	struct front_turns *t = &f->turns;

	t->salt = (uint64_t)(uintptr_t)f ^ uv_hrtime() ^ 0xCBF29CE484222325u;
	must(uv_check_init(f->loop, &t->check) == 0);
	must(uv_idle_init(f->loop, &t->idle) == 0);
	t->check.data = t->idle.data = f;
	must(uv_check_start(&t->check, on_check) == 0);
}
