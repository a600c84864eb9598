/* SPDX-License-Identifier: ISC */
#include "net/session_impl.h"
#include "tests/net/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

/* Two good nodes talk to each other while one of them is treated badly. Every test ends with the
 * same question: was anything else disturbed? */

static struct msg status_msg(uint32_t seq)
{
	struct msg m = {.type = MSG_STATUS};

	m.status.closed_seq = seq;
	return m;
}

static void good_pair(struct net *t, int64_t speed)
{
	net_open(t, speed);
	node_open(t, 0, 0);
	node_open(t, 1, 1);
	expect_peers(t, 0, 1);
	expect_peers(t, 1, 1);
}

static bool has_heard(struct net *t, void *arg)
{
	return t->node[1].count[MSG_STATUS] >= *(uint32_t *)arg;
}

static void expect_undisturbed(struct net *t)
{
	uint32_t want = t->node[1].count[MSG_STATUS] + 1;
	struct msg m = status_msg(want);

	node_broadcast(t, 0, &m);
	assert_true(net_wait(t, has_heard, &want));
	assert_int_equal(t->node[1].downs, 0);
	assert_int_equal(t->node[1].ups, 1);
}

/* Strangers. */

static void strangers_are_closed_with_a_reason(void **state)
{
	uint8_t random[4096];
	struct client c;
	struct rng r;
	struct net t;

	(void)state;
	good_pair(&t, 1);
	client_open(&c, &t, 0, "127.0.0.1");
	client_send(&c, "GET / HTTP/1.1\r\n\r\n", 18);
	expect_closed(&c, &t);
	expect_log(&t, 0, "reason: does not speak this protocol");
	client_close(&c);

	rng_init(&r, 1);
	for (int i = 0; i < 50; i++) {
		for (size_t k = 0; k < sizeof(random); k++)
			random[k] = (uint8_t)rng_next(&r);
		if (i % 2) /* a hello that begins well */
			memcpy(random, "TLYP\0\1\0\1", 8);
		client_open(&c, &t, 0, "127.0.0.1");
		client_send(&c, random, 1 + rng_below(&r, sizeof(random)));
		net_run_ms(&t, 2);
		client_close(&c); /* most with unread bytes: a reset */
	}
	expect_undisturbed(&t);
	net_close(&t);
}

static void other_networks_are_told(void **state)
{
	struct client c;
	struct net t;

	(void)state;
	good_pair(&t, 1);
	client_open(&c, &t, 0, "127.0.0.1");
	client_config(&c, 50);
	c.s.config.network_id = 1;
	client_session(&c, &t);
	expect_closed(&c, &t);
	assert_int_equal(c.s.end, SESSION_WRONG_NETWORK); /* the stranger knows why */
	expect_log(&t, 0, "reason: another network id");
	client_close(&c);

	client_open(&c, &t, 0, "127.0.0.1");
	client_config(&c, 50);
	c.s.config.genesis.b[0] ^= 1;
	client_session(&c, &t);
	expect_closed(&c, &t);
	assert_int_equal(c.s.end, SESSION_WRONG_GENESIS);
	expect_log(&t, 0, "reason: another genesis ledger");
	client_close(&c);
	expect_undisturbed(&t);
	net_close(&t);
}

static void silent_connections_time_out(void **state)
{
	struct client c[3];
	struct net t;

	(void)state;
	good_pair(&t, 4);
	client_open(&c[0], &t, 0, "127.0.0.1"); /* not a word */
	client_open(&c[1], &t, 0, "127.0.0.1"); /* half a hello */
	client_send(&c[1], "TLYP\0\1\0\1", 8);
	client_open(&c[2], &t, 0, "127.0.0.1"); /* a hello, but no proof */
	client_config(&c[2], 51);
	client_session(&c[2], &t);
	client_send(&c[2], c[2].s.out.p, c[2].s.out.n);
	session_close(c[2].s.s);
	c[2].s.s = NULL;
	buf_clear(&c[2].s.out);
	for (int i = 0; i < 3; i++) {
		expect_closed(&c[i], &t);
		client_close(&c[i]);
	}
	expect_log(&t, 0, "reason: handshake timed out");
	expect_undisturbed(&t);
	net_close(&t);
}

/* Known ones who misbehave. */

static void join(struct client *c, struct net *t, uint8_t n, const char *from)
{
	client_open(c, t, 0, from);
	client_config(c, n);
	client_session(c, t);
	client_handshake(c, t);
	assert_int_equal(c->s.end, SESSION_OPEN);
}

static void bad_frames_end_the_connection(void **state)
{
	static const uint8_t oversize[4] = {0x7F, 0xFF, 0xFF, 0xFF};
	struct msg m = status_msg(1);
	struct client c;
	struct net t;

	(void)state;
	good_pair(&t, 1);
	join(&c, &t, 60, "127.0.0.1");
	expect_peers(&t, 0, 2);
	client_send(&c, oversize, sizeof(oversize));
	expect_closed(&c, &t);
	assert_int_equal(c.s.end, SESSION_CLOSED);
	assert_string_equal(session_detail(c.s.s), "oversize frame");
	expect_log(&t, 0, "oversize frame");
	client_close(&c);

	join(&c, &t, 61, "127.0.0.1");
	side_send(&c.s, &m);
	c.s.out.p[c.s.out.n - 1] ^= 1;
	expect_closed(&c, &t);
	assert_string_equal(session_detail(c.s.s), "garbage");
	expect_log(&t, 0, "garbage: frame does not open");
	client_close(&c);
	expect_peers(&t, 0, 1);
	assert_int_equal(t.node[0].count[MSG_STATUS], 0);
	expect_undisturbed(&t);
	net_close(&t);
}

static bool is_over(struct net *t, void *arg)
{
	struct client *c = arg;

	client_pump(c, t, SIZE_MAX);
	return c->closed || c->s.end;
}

static void floods_are_warned_cut_and_refused(void **state)
{
	struct msg m = status_msg(1);
	struct client c;
	struct net t;

	(void)state;
	good_pair(&t, 1);
	join(&c, &t, 62, "127.0.0.1");
	for (uint32_t i = 0; i < 10 * msg_per_second(MSG_STATUS); i++)
		side_send(&c.s, &m);
	assert_true(net_wait(&t, is_over, &c));
	expect_log(&t, 0, "is above its budget: STATUS");
	expect_log(&t, 0, "above its budget: STATUS");
	expect_log(&t, 0, "is refused for 60 s");
	client_close(&c);

	client_open(&c, &t, 0, "127.0.0.1"); /* the same key again */
	client_config(&c, 62);
	client_session(&c, &t);
	expect_closed(&c, &t);
	assert_string_equal(session_detail(c.s.s), "refused for a while");
	client_close(&c);
	join(&c, &t, 63, "127.0.0.1"); /* another one is welcome */
	expect_peers(&t, 0, 2);
	client_close(&c);
	expect_undisturbed(&t);
	net_close(&t);
}

static void useless_work_is_charged(void **state)
{
	struct client c;
	struct net t;

	(void)state;
	good_pair(&t, 1);
	join(&c, &t, 64, "127.0.0.1");
	expect_peers(&t, 0, 2);
	for (int i = 0; i < 8; i++)
		peers_useless(t.node[0].p, t.node[0].last_peer, PEER_USELESS_PER_SECOND);
	net_run_ms(&t, 20);
	assert_int_equal(node_peers(&t, 0), 2);
	peers_useless(t.node[0].p, t.node[0].last_peer, PEER_USELESS_PER_SECOND);
	expect_closed(&c, &t);
	expect_log(&t, 0, "useless work");
	client_close(&c);
	expect_undisturbed(&t);
	net_close(&t);
}

/* Addresses. 127.0.0.1 itself is never refused, since all nodes of a test network share it. */

static void addresses_are_refused_after_twice(void **state)
{
	struct client c;
	struct net t;

	(void)state;
	good_pair(&t, 1);
	for (int i = 0; i < 2; i++) {
		client_open(&c, &t, 0, "127.0.0.9");
		client_send(&c, "garbage!", 8);
		expect_closed(&c, &t);
		client_close(&c);
	}
	expect_log(&t, 0, "is refused for 60 s");
	client_open(&c, &t, 0, "127.0.0.9"); /* even with a good key */
	client_config(&c, 65);
	client_session(&c, &t);
	expect_closed(&c, &t);
	assert_false(session_ready(c.s.s));
	expect_log(&t, 0, "its address is refused for a while");
	client_close(&c);
	join(&c, &t, 65, "127.0.0.8");
	expect_peers(&t, 0, 2);
	client_close(&c);
	for (int i = 0; i < 5; i++) {
		client_open(&c, &t, 0, "127.0.0.1");
		client_send(&c, "garbage!", 8);
		expect_closed(&c, &t);
		client_close(&c);
	}
	join(&c, &t, 66, "127.0.0.1");
	client_close(&c);
	expect_undisturbed(&t);
	net_close(&t);
}

/* Each time with another key: the third one from there is refused before it costs a handshake. */
static void new_keys_do_not_help(void **state)
{
	static const uint8_t oversize[4] = {0x7F, 0xFF, 0xFF, 0xFF};
	struct client c;
	struct net t;

	(void)state;
	good_pair(&t, 1);
	for (uint8_t i = 0; i < 2; i++) {
		join(&c, &t, (uint8_t)(80 + i), "127.0.0.11");
		client_send(&c, oversize, sizeof(oversize));
		expect_closed(&c, &t);
		client_close(&c);
	}
	client_open(&c, &t, 0, "127.0.0.11");
	client_config(&c, 82);
	client_session(&c, &t);
	expect_closed(&c, &t);
	assert_false(session_ready(c.s.s));
	expect_log(&t, 0, "its address is refused for a while");
	client_close(&c);
	join(&c, &t, 83, "127.0.0.12");
	expect_peers(&t, 0, 2);
	client_close(&c);
	expect_undisturbed(&t);
	net_close(&t);
}

/* One that is cut off again and again looks bad, too. */
static void addresses_of_fixed_peers_are_never_refused(void **state)
{
	static const char *const fixed[] = {"127.0.0.9:9"};
	struct peers_config config;
	struct client c;
	struct net t;

	(void)state;
	net_open(&t, 1);
	config = node_config(&t, 0);
	config.connect = fixed;
	config.n_connect = 1;
	node_open_with(&t, 0, &config);
	for (int i = 0; i < 3; i++) {
		client_open(&c, &t, 0, "127.0.0.9");
		client_send(&c, "garbage!", 8);
		expect_closed(&c, &t);
		client_close(&c);
	}
	join(&c, &t, 69, "127.0.0.9");
	expect_peers(&t, 0, 1);
	client_close(&c);
	net_close(&t);
}

static void reserved_keys_come_through_a_refused_address(void **state)
{
	struct secret_key *key = test_identity(67);
	struct peers_config config;
	struct public_key reserved = *secret_key_public(key);
	struct client c;
	struct net t;

	(void)state;
	net_open(&t, 1);
	config = node_config(&t, 0);
	config.reserved = &reserved;
	config.n_reserved = 1;
	node_open_with(&t, 0, &config);
	for (int i = 0; i < 3; i++) {
		client_open(&c, &t, 0, "127.0.0.9");
		client_send(&c, "garbage!", 8);
		expect_closed(&c, &t);
		client_close(&c);
	}
	client_open(&c, &t, 0, "127.0.0.9");
	client_config(&c, 68);
	client_session(&c, &t);
	expect_closed(&c, &t);
	client_close(&c);
	join(&c, &t, 67, "127.0.0.9");
	expect_peers(&t, 0, 1);
	client_close(&c);
	secret_key_close(key);
	net_close(&t);
}

static void connections_of_an_address_are_limited(void **state)
{
	struct client c[PEERS_PER_ADDRESS_MAX + 1];
	struct net t;

	(void)state;
	good_pair(&t, 1);
	for (int i = 0; i < PEERS_PER_ADDRESS_MAX; i++)
		client_open(&c[i], &t, 0, "127.0.0.7");
	net_run_ms(&t, 20);
	client_open(&c[PEERS_PER_ADDRESS_MAX], &t, 0, "127.0.0.7");
	expect_closed(&c[PEERS_PER_ADDRESS_MAX], &t);
	expect_log(&t, 0, "too many connections from its address");
	assert_false(c[0].closed);
	for (int i = 0; i <= PEERS_PER_ADDRESS_MAX; i++)
		client_close(&c[i]);
	expect_undisturbed(&t);
	net_close(&t);
}

/* More silent connections than there are places: a peer that proves itself still gets in. */
static void networks_have_a_pace(void **state)
{
	struct client c[PEER_ACCEPTS_BURST + 5], other;
	struct net t;

	(void)state;
	good_pair(&t, 1);
	for (int i = 0; i < PEER_ACCEPTS_BURST + 5; i++) {
		char from[16];

		snprintf(from, sizeof(from), "127.0.9.%d", i + 1);
		client_open(&c[i], &t, 0, from);
	}
	expect_log(&t, 0, "reason: its network connects too fast");
	expect_closed(&c[PEER_ACCEPTS_BURST + 4], &t);
	/* other networks do not feel it */
	join(&other, &t, 66, "127.0.10.1");
	client_close(&other);
	for (int i = 0; i < PEER_ACCEPTS_BURST + 5; i++)
		client_close(&c[i]);
	/* and it may again, slowly */
	net_run_ms(&t, 1000);
	join(&other, &t, 66, "127.0.9.200");
	client_close(&other);
	expect_undisturbed(&t);
	net_close(&t);
}

static void silent_crowds_do_not_lock_out(void **state)
{
	enum { CROWD = 3 * PEERS_PENDING_MAX };
	static struct client crowd[CROWD];
	uint32_t closed = 0;
	struct client c;
	struct net t;

	(void)state;
	good_pair(&t, 1);
	for (int i = 0; i < CROWD; i++) {
		client_open(&crowd[i], &t, 0, "127.0.0.1");
		if (i % 16 == 15)
			net_run_ms(&t, 2);
	}
	join(&c, &t, 69, "127.0.0.1");
	expect_peers(&t, 0, 2);
	net_run_ms(&t, 20);
	for (int i = 0; i < CROWD; i++) {
		client_pump(&crowd[i], &t, 1);
		closed += crowd[i].closed;
		client_close(&crowd[i]);
	}
	assert_in_range(closed, CROWD - PEERS_PENDING_MAX, CROWD - PEERS_PENDING_MAX + 1);
	expect_log(&t, 0, "pushed out");
	client_close(&c);
	expect_undisturbed(&t);
	net_close(&t);
}

static void connect_and_reset_leaves_nothing(void **state)
{
	struct linger abrupt = {.l_onoff = 1};
	struct client c;
	struct net t;

	(void)state;
	good_pair(&t, 1);
	for (int i = 0; i < 500; i++) {
		client_open(&c, &t, 0, "127.0.0.1");
		(void)setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof(abrupt));
		if (i % 3 == 0)
			client_send(&c, "TLYP", 4);
		client_close(&c);
		if (i % 10 == 0)
			net_run_ms(&t, 1);
	}
	expect_undisturbed(&t);
	net_close(&t); /* fails when a handle is left */
}

/* Slow and dead ones. */

static void fill(struct net *t, enum msg_type type, size_t blob, uint32_t times)
{
	struct arena a = ARENA_INIT;
	struct msg m;

	msg_make(&m, type, &a, &t->rng, 1, blob);
	while (times--)
		node_broadcast(t, 0, &m);
	arena_close(&a);
}

static bool log_says(struct net *t, void *arg)
{
	return log_has(t, 0, arg);
}

/* A reader that takes almost nothing: what may be shed is, what may not waits, then it is closed;
 * the good peer gets all. */
static void slow_readers_are_shed_then_closed(void **state)
{
	static char reason[] = "too slow: a write did not get away";
	uint64_t began;
	struct client c;
	struct net t;
	int size = 4096;

	(void)state;
	good_pair(&t, 4);
	client_open(&c, &t, 0, "127.0.0.1");
	(void)setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	client_config(&c, 70);
	client_session(&c, &t);
	client_handshake(&c, &t);
	expect_peers(&t, 0, 2);
	began = uv_hrtime();
	for (int i = 0; i < 40; i++) {
		fill(&t, MSG_TXS, 100000, 5); /* 20 MB in all */
		net_run_ms(&t, 5);
		client_pump(&c, &t, 16);
	}
	assert_true(log_has(&t, 0, "is slow: shedding"));
	if (uv_hrtime() - began < 3000000000ull) /* slow is not yet too slow */
		assert_int_equal(node_peers(&t, 0), 2);
	while (!log_has(&t, 0, reason) && uv_hrtime() - began < 20000000000ull) {
		net_run_ms(&t, 20);
		client_pump(&c, &t, 16); /* a trickle does not help it */
	}
	assert_true(log_says(&t, reason));
	expect_peers(&t, 0, 1);
	client_close(&c);
	assert_true(t.node[1].count[MSG_TXS] == 200);
	expect_undisturbed(&t);
	net_close(&t);
}

static void too_much_that_is_urgent_closes(void **state)
{
	struct client c;
	struct net t;

	(void)state;
	good_pair(&t, 1);
	join(&c, &t, 71, "127.0.0.1");
	expect_peers(&t, 0, 2);
	for (int i = 0; i < 60; i++) { /* 60 MB of answers to one who reads none */
		struct arena a = ARENA_INIT;
		struct wire_frame *f;
		struct msg m;

		msg_make(&m, MSG_TX_DATA, &a, &t.rng, 8, 130000);
		f = wire_encode(&m);
		(void)peers_send(t.node[0].p, t.node[0].last_peer, f);
		wire_frame_unref(f);
		arena_close(&a);
		net_run_ms(&t, 1);
	}
	expect_log(&t, 0, "consensus messages pile up");
	expect_peers(&t, 0, 1);
	client_close(&c);
	expect_undisturbed(&t);
	net_close(&t);
}

/* Half-open: the other machine is gone without a word. Nothing comes any more, pings included. */
static void silence_is_noticed(void **state)
{
	struct client c;
	struct net t;
	uint64_t began;

	(void)state;
	good_pair(&t, 4);
	join(&c, &t, 72, "127.0.0.1");
	expect_peers(&t, 0, 2);
	began = uv_hrtime();
	while (node_peers(&t, 0) == 2 && uv_hrtime() - began < 25000000000ull)
		net_run_ms(&t, 100); /* a minute, four times as fast */
	expect_log(&t, 0, "silent");
	assert_in_range((uv_hrtime() - began) / 1000000, 14000, 24000);
	client_close(&c);
	expect_undisturbed(&t);
	net_close(&t);
}

/* What is urgent overtakes what waits. */
static void urgent_messages_overtake(void **state)
{
	struct arena a = ARENA_INIT;
	struct client c;
	struct net t;
	struct msg m;

	(void)state;
	good_pair(&t, 1);
	join(&c, &t, 73, "127.0.0.1");
	expect_peers(&t, 0, 2);
	for (int i = 0; i < 100; i++) /* far more than the sockets hold */
		fill(&t, MSG_TXS, 130000, 1);
	net_run_ms(&t, 50);
	msg_make(&m, MSG_VALIDATION, &a, &t.rng, 0, 200);
	node_broadcast(&t, 0, &m);
	while (!c.s.first[MSG_VALIDATION] && c.s.received < 100 && !c.closed) {
		net_run_ms(&t, 1);
		client_pump(&c, &t, 65536);
	}
	print_message("overtaken after %u messages\n", c.s.first[MSG_VALIDATION]);
	assert_in_range(c.s.first[MSG_VALIDATION], 1, 40);
	arena_close(&a);
	client_close(&c);
	expect_undisturbed(&t);
	net_close(&t);
}

static bool all_txs_here(struct net *t, void *arg)
{
	return t->node[1].count[MSG_TXS] >= *(uint32_t *)arg;
}

static bool all_data_here(struct net *t, void *arg)
{
	return t->node[1].count[MSG_TX_DATA] >= *(uint32_t *)arg;
}

/* A busy honest peer: 2,000 transactions a second, one per message and in batches, the largest
 * sets, for some seconds. */
static void busy_peers_are_not_cut(void **state)
{
	struct arena a = ARENA_INIT;
	struct wire_frame *one, *batch, *set, *data;
	uint32_t txs = 0, datas = 0;
	struct net t;
	struct msg m;

	(void)state;
	good_pair(&t, 1);
	msg_make(&m, MSG_TXS, &a, &t.rng, 1, 250);
	one = wire_encode(&m);
	msg_make(&m, MSG_TXS, &a, &t.rng, 512, 250);
	batch = wire_encode(&m);
	msg_make(&m, MSG_SET, &a, &t.rng, 10000, 0);
	set = wire_encode(&m);
	msg_make(&m, MSG_TX_DATA, &a, &t.rng, 2048, 400);
	data = wire_encode(&m);
	for (int tenth = 0; tenth < 30; tenth++) {
		for (int i = 0; i < 200; i++)
			peers_broadcast(t.node[0].p, 0, one);
		for (int i = 0; i < 4; i++)
			peers_broadcast(t.node[0].p, 0, batch);
		peers_broadcast(t.node[0].p, 0, set);
		for (int i = 0; i < 5; i++)
			peers_broadcast(t.node[0].p, 0, data);
		net_run_ms(&t, 100);
		/* On a machine that cannot keep up, bulk would be shed; that is another test. */
		txs += 204;
		datas += 5;
		assert_true(net_wait(&t, all_txs_here, &txs));
		assert_true(net_wait(&t, all_data_here, &datas));
	}
	assert_int_equal(t.node[1].count[MSG_TXS], 30 * 204);
	assert_int_equal(t.node[1].count[MSG_SET], 30);
	assert_int_equal(t.node[1].count[MSG_TX_DATA], 150);
	assert_false(log_has(&t, 1, "budget"));
	wire_frame_unref(one);
	wire_frame_unref(batch);
	wire_frame_unref(set);
	wire_frame_unref(data);
	arena_close(&a);
	expect_undisturbed(&t);
	net_close(&t);
}

static int setup(void **state)
{
	struct why why;

	(void)state;
	return crypto_init(&why) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(strangers_are_closed_with_a_reason),
	    cmocka_unit_test(other_networks_are_told),
	    cmocka_unit_test(silent_connections_time_out),
	    cmocka_unit_test(bad_frames_end_the_connection),
	    cmocka_unit_test(floods_are_warned_cut_and_refused),
	    cmocka_unit_test(useless_work_is_charged),
	    cmocka_unit_test(addresses_are_refused_after_twice),
	    cmocka_unit_test(new_keys_do_not_help),
	    cmocka_unit_test(addresses_of_fixed_peers_are_never_refused),
	    cmocka_unit_test(reserved_keys_come_through_a_refused_address),
	    cmocka_unit_test(connections_of_an_address_are_limited),
	    cmocka_unit_test(networks_have_a_pace),
	    cmocka_unit_test(silent_crowds_do_not_lock_out),
	    cmocka_unit_test(connect_and_reset_leaves_nothing),
	    cmocka_unit_test(slow_readers_are_shed_then_closed),
	    cmocka_unit_test(too_much_that_is_urgent_closes),
	    cmocka_unit_test(silence_is_noticed),
	    cmocka_unit_test(urgent_messages_overtake),
	    cmocka_unit_test(busy_peers_are_not_cut),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
