/* SPDX-License-Identifier: ISC */
#include "net/session_impl.h"
#include "tests/net/msgs.h"
#include "tests/net/pair.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Sessions as time passes: deadlines, pings, and what a peer may send in how much of it. */

static void advance(struct pair *p, int64_t ms)
{
	p->now.steady = steady_after(p->now.steady, ms);
	p->now.net.s += (uint32_t)(ms / 1000);
}

/* Time. */

static void handshakes_time_out(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, 17);
	pair_start(&p);
	for (int ms = 0; ms < PEER_HANDSHAKE_MS; ms += 1000) {
		side_tick(&p.b, p.now);
		assert_int_equal(p.b.end, SESSION_OPEN);
		advance(&p, 1000);
	}
	side_tick(&p.b, p.now);
	assert_int_equal(p.b.end, SESSION_HANDSHAKE_TIMEOUT);
	assert_int_equal(p.b.out.n, 0);
	pair_close(&p);
}

static void a_trickle_does_not_stretch_the_handshake(void **state)
{
	struct pair p;
	size_t i = 0;

	(void)state;
	pair_init(&p, 18);
	pair_start(&p);
	while (!p.b.end && i < HELLO_BYTES) {
		side_feed(&p.b, bytes_of(p.a.out.p + i++, 1), p.now);
		advance(&p, 500);
		side_tick(&p.b, p.now);
	}
	assert_int_equal(p.b.end, SESSION_HANDSHAKE_TIMEOUT);
	assert_in_range(i, 10, 11);
	pair_close(&p);
}

static void silence_is_pinged_then_ended(void **state)
{
	struct pair p;
	int pings = 0;

	(void)state;
	pair_ready(&p, 19);
	for (int s = 0; s < 59; s++) {
		advance(&p, 1000);
		side_tick(&p.a, p.now);
		pings += p.a.out.n > 0;
		buf_clear(&p.a.out); /* lost */
	}
	assert_int_equal(p.a.end, SESSION_OPEN);
	assert_int_equal(pings, 1); /* one question is open, it is not repeated */
	advance(&p, 1000);
	side_tick(&p.a, p.now);
	assert_int_equal(p.a.end, SESSION_SILENT);
	pair_close(&p);
}

static void pings_measure_time_and_clock(void **state)
{
	struct pair p;
	struct now theirs;

	(void)state;
	pair_ready(&p, 20);
	for (int s = 0; s < 600; s++) { /* an idle connection lives */
		advance(&p, 1000);
		side_tick(&p.a, p.now);
		side_tick(&p.b, p.now);
		pair_run(&p, 0);
	}
	assert_int_equal(p.a.end, SESSION_OPEN);
	assert_int_equal(session_clock_offset_s(p.a.s), 0);
	do { /* until it asks again; the answer comes 240 ms later from a clock 7 s ahead */
		advance(&p, 1000);
		side_tick(&p.a, p.now);
	} while (!p.a.out.n);
	advance(&p, 240);
	theirs = p.now;
	theirs.net.s += 7;
	side_feed(&p.b, buf_bytes(&p.a.out), theirs);
	side_feed(&p.a, buf_bytes(&p.b.out), p.now);
	assert_int_equal(session_rtt_ms(p.a.s), 240);
	assert_int_equal(session_clock_offset_s(p.a.s), 7);
	pair_close(&p);
}

/* The answer to the next ping, from a clock that is so far off, after `ms`. */
static void ping_answered(struct pair *p, int64_t ms, int32_t off)
{
	struct now theirs;

	do {
		advance(p, 1000);
		side_tick(&p->a, p->now);
	} while (!p->a.out.n);
	advance(p, ms);
	theirs = p->now;
	theirs.net.s += (uint32_t)off;
	side_feed(&p->b, buf_bytes(&p->a.out), theirs);
	buf_clear(&p->a.out);
	side_feed(&p->a, buf_bytes(&p->b.out), p->now);
	buf_clear(&p->b.out);
}

static void clocks_far_apart_end_a_session(void **state)
{
	static const struct {
		int32_t off;
		int64_t ms;
		enum session_end end;
	} rows[] = {{20, 0, SESSION_OPEN},     {-20, 0, SESSION_OPEN},   {21, 0, SESSION_CLOCK},
		    {-21, 0, SESSION_CLOCK},   {3600, 0, SESSION_CLOCK}, {-3600, 0, SESSION_CLOCK},
		    {15, 20000, SESSION_OPEN}, /* measured as 25, give or take 10 */
		    {60, 20000, SESSION_CLOCK}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pair p;

		pair_ready(&p, (uint8_t)(30 + i));
		ping_answered(&p, rows[i].ms, rows[i].off);
		assert_int_equal(p.a.end, rows[i].end);
		if (rows[i].end == SESSION_CLOCK)
			assert_non_null(strstr(session_detail(p.a.s), "s apart"));
		pair_close(&p);
	}
}

/* A process that stood still for two minutes does not blame its peers. */
static void own_stalls_are_forgiven(void **state)
{
	struct pair p;

	(void)state;
	pair_ready(&p, 21);
	advance(&p, 120000);
	side_tick(&p.a, p.now);
	assert_int_equal(p.a.end, SESSION_OPEN);
	pair_run(&p, 0);
	advance(&p, 1000);
	side_tick(&p.a, p.now);
	assert_int_equal(p.a.end, SESSION_OPEN);
	pair_close(&p);
}

/* Budgets. */

/* a sends `per_second` messages of m's type for some seconds, unpaced. */
static void send_for(struct pair *p, const struct msg *m, uint32_t per_second, uint32_t seconds)
{
	for (uint32_t s = 0; s < seconds * 10 && !p->b.end; s++) {
		for (uint32_t i = 0; i < per_second / 10; i++)
			side_send(&p->a, m);
		advance(p, 100);
		pair_run(p, 0);
		buf_clear(&p->b.messages);
	}
}

static void a_busy_peer_is_never_cut(void **state)
{
	struct arena a = ARENA_INIT;
	struct rng r;
	struct pair p;

	(void)state;
	rng_init(&r, 5);
	FOR_EACH_TYPE(t)
	{
		struct msg m;

		if (t == MSG_PING || t == MSG_PONG || t == MSG_BYE)
			continue;
		pair_ready(&p, 22);
		msg_make(&m, t, &a, &r, 1, 200);
		send_for(&p, &m, msg_per_second(t), 20); /* at its rate, without end */
		assert_int_equal(p.b.end, SESSION_OPEN);
		assert_int_equal(session_warnings(p.b.s), 0);
		assert_int_equal(p.b.received, 20 * msg_per_second(t));
		pair_close(&p);
	}
	arena_close(&a);
}

static void a_flood_is_warned_then_ended(void **state)
{
	struct arena a = ARENA_INIT;
	struct rng r;
	struct pair p;

	(void)state;
	rng_init(&r, 6);
	FOR_EACH_TYPE(t)
	{
		uint32_t n = 0, warned_at = 0, rate = msg_per_second(t);
		struct msg m;

		if (t == MSG_PONG || t == MSG_BYE)
			continue;
		pair_ready(&p, 23);
		msg_make(&m, t, &a, &r, 1, 200);
		while (!p.b.end && n < 10 * rate) { /* all at once */
			side_send(&p.a, &m);
			n++;
			pair_run(&p, 0);
			if (session_warnings(p.b.s) && !warned_at)
				warned_at = n;
		}
		assert_int_equal(p.b.end, SESSION_TOO_FAST);
		assert_string_equal(session_detail(p.b.s), msg_type_name(t));
		assert_in_range(warned_at, 4 * rate - 1, 4 * rate + 1);
		assert_in_range(n, 8 * rate - 1, 8 * rate + 1);
		assert_int_equal(p.a.end, SESSION_CLOSED);
		assert_string_equal(session_detail(p.a.s), "above its budget");
		pair_close(&p);
	}
	arena_close(&a);
}

static void warnings_are_forgotten(void **state)
{
	struct msg m = {.type = MSG_GET_SET}, other = {.type = MSG_STATUS};
	uint32_t rate = msg_per_second(MSG_GET_SET);
	struct pair p;

	(void)state;
	pair_ready(&p, 24);
	for (int k = 1; k <= 5; k++) {
		for (uint32_t i = 0; i < 6 * rate; i++)
			side_send(&p.a, &m);
		pair_run(&p, 0);
		assert_int_equal(p.b.end, SESSION_OPEN);
		assert_int_equal(session_warnings(p.b.s), k);
		send_for(&p, &other, 10, 10); /* no silence, which would earn it credit */
	}
	pair_close(&p);
}

/* What a connection delivers at once after it stood still is what was sent meanwhile. */
static void a_stalled_connection_may_catch_up(void **state)
{
	struct arena a = ARENA_INIT;
	struct rng r;
	struct msg m;
	struct pair p;
	uint32_t i;

	(void)state;
	rng_init(&r, 8);
	pair_ready(&p, 25);
	msg_make(&m, MSG_TXS, &a, &r, 1, 200);
	send_for(&p, &m, msg_per_second(MSG_TXS), 5);
	for (i = 0; i < 30 * msg_per_second(MSG_TXS); i++)
		side_send(&p.a, &m);
	advance(&p, 30000);
	pair_run(&p, 0);
	assert_int_equal(p.b.end, SESSION_OPEN);
	assert_int_equal(session_warnings(p.b.s), 0);
	arena_close(&a);
	pair_close(&p);
}

/* Who asks session_pace before each message is never even warned, however much there is. */
static void a_paced_sender_is_never_warned(void **state)
{
	static const enum msg_type types[] = {MSG_TXS, MSG_TX_DATA, MSG_GET_NODES, MSG_STATUS};
	struct arena a = ARENA_INIT;
	struct rng r;

	(void)state;
	rng_init(&r, 9);
	for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
		struct wire_frame *f;
		struct msg m;
		struct pair p;
		uint32_t sent = 0;

		pair_ready(&p, 26);
		/* As large as they may be, so that bytes count as well. */
		msg_make(&m, types[k], &a, &r, 1, types[k] == MSG_TX_DATA ? TX_BYTES_MAX : 300);
		f = wire_encode(&m);
		for (int ms = 0; ms < 6000; ms += 10) {
			while (session_pace(p.a.s, f, p.now)) {
				session_send(p.a.s, f, &p.a.out);
				sent++;
			}
			pair_run(&p, 0);
			buf_clear(&p.b.messages);
			advance(&p, 10);
		}
		assert_int_equal(p.b.end, SESSION_OPEN);
		assert_int_equal(session_warnings(p.b.s), 0);
		assert_true(sent >= 9 * msg_per_second(types[k]) || types[k] == MSG_TX_DATA);
		assert_true(sent <= 11 * msg_per_second(types[k]));
		wire_frame_unref(f);
		pair_close(&p);
		arena_reset(&a);
	}
	arena_close(&a);
}

static void useless_work_adds_up(void **state)
{
	struct pair p;
	enum session_end e = SESSION_OPEN;
	uint32_t n = 0;

	(void)state;
	pair_ready(&p, 27);
	while (!e && n < 10000) {
		e = session_useless(p.b.s, 10, p.now, &p.b.out);
		n += 10;
	}
	assert_int_equal(e, SESSION_TOO_FAST);
	assert_in_range(n, 8 * PEER_USELESS_PER_SECOND, 8 * PEER_USELESS_PER_SECOND + 10);
	assert_int_equal(session_useless(p.b.s, 10, p.now, &p.b.out), SESSION_TOO_FAST);
	pair_close(&p);
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
	    cmocka_unit_test(handshakes_time_out),
	    cmocka_unit_test(a_trickle_does_not_stretch_the_handshake),
	    cmocka_unit_test(silence_is_pinged_then_ended),
	    cmocka_unit_test(pings_measure_time_and_clock),
	    cmocka_unit_test(clocks_far_apart_end_a_session),
	    cmocka_unit_test(own_stalls_are_forgiven),
	    cmocka_unit_test(a_busy_peer_is_never_cut),
	    cmocka_unit_test(a_flood_is_warned_then_ended),
	    cmocka_unit_test(warnings_are_forgotten),
	    cmocka_unit_test(a_stalled_connection_may_catch_up),
	    cmocka_unit_test(a_paced_sender_is_never_warned),
	    cmocka_unit_test(useless_work_adds_up),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
