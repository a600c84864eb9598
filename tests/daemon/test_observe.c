/* SPDX-License-Identifier: ISC */
#include "daemon/health.h"
#include "daemon/prom.h"
#include "daemon/rounds.h"
#include "daemon/watchdog.h"
#include "tests/daemon/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What makes a node unhealthy, and the text that Prometheus reads. */

/* ---- health */

static struct node_status good_status(void)
{
	return (struct node_status){.state = NODE_PROPOSING,
				    .peers = 4,
				    .unl_n = 5,
				    .quorum = 4,
				    .unl_present = 5,
				    .consensus = {.validated_seq = 77}};
}

static char *judged(struct health *h, const struct health_facts *f, bool detail)
{
	struct buf out = BUF_INIT;

	health_judge(h, f);
	health_write(&out, h, f, detail);
	buf_put_u8(&out, 0);
	return (char *)out.p;
}

static void expect_health(const struct health_facts *f, bool healthy, const char *text)
{
	struct health h;
	char *got = judged(&h, f, false);

	assert_string_equal(got, text);
	assert_int_equal(h.healthy, healthy);
	free(got);
}

/* Each trouble alone: its name, and whether it is one for clients. */
static void each_trouble_is_named(void **state)
{
	struct node_status s;
	struct health_facts f = {.node = &s, .ledger_age_ms = 3000};

	(void)state;
	s = good_status();
	expect_health(&f, true,
		      "{\"status\":\"healthy\",\"server_state\":\"full\",\"reasons\":[],"
		      "\"warnings\":[]}\n");
#define BAD(set, name)                                                                             \
	do {                                                                                       \
		s = good_status();                                                                 \
		set;                                                                               \
		expect_health(&f, false,                                                           \
			      "{\"status\":\"unhealthy\",\"server_state\":\"full\",\"reasons\":["  \
			      "\"" name "\"],\"warnings\":[]}\n");                                 \
	} while (0)
#define WARNING(set, name)                                                                         \
	do {                                                                                       \
		s = good_status();                                                                 \
		set;                                                                               \
		expect_health(&f, true,                                                            \
			      "{\"status\":\"healthy\",\"server_state\":\"full\",\"reasons\":[],"  \
			      "\"warnings\":[\"" name "\"]}\n");                                   \
	} while (0)
	BAD(s.stopping = true, "stopping");
	BAD(s.store_failed = true, "store_failed");
	BAD(s.disk_full = true, "disk_full");
	BAD(s.peers = 0, "no_peers");
	BAD(s.unl_present = 3, "quorum");
	BAD(s.consensus.stuck = true, "consensus_stuck");
	BAD(s.unl_blocked = true, "unl_blocked");
	BAD(s.amendment_blocked = true, "amendment_blocked");
	BAD(s.clock_off = true, "clock_off");
	WARNING(s.peers = 1, "few_peers");
	WARNING(s.unl_present = 4, "no_spare_validator");
	WARNING((s.clock_known = true, s.clock_offset_s = -6), "clock_offset");
	WARNING(s.key_elsewhere = true, "key_elsewhere");
	WARNING(s.amendment_warned = true, "unsupported_majority");
	WARNING(s.key_replaced = true, "key_replaced");
	WARNING(s.overlap_unsafe = true, "unsafe_overlap");
	WARNING(s.consensus.contrary = 1, "contrary_validators");
	f.ledger_age_ms = HEALTH_AGE_MS;
	BAD((void)0, "ledger_age");
	f.ledger_age_ms = -1;
	BAD((void)0, "no_validated_ledger");
	f.ledger_age_ms = HEALTH_AGE_MS - 1;
	f.lag_ms = HEALTH_LAG_MS;
	BAD((void)0, "overload");
	f.lag_ms = 0;
	f.busy = true;
	BAD((void)0, "overload");
	f.busy = false;
	f.stage = UV_DISK_NO_VOTES;
	BAD((void)0, "disk_full");
	f.stage = UV_DISK_LOW;
	WARNING((void)0, "disk_low");
	f.stage = UV_DISK_FINE;
	f.list_known = true;
	f.list_left_s = HEALTH_LIST_S - 1;
	WARNING((void)0, "list_expires");
	s = good_status();
	s.state = NODE_SYNCING;
	f.list_known = false;
	expect_health(&f, false,
		      "{\"status\":\"unhealthy\",\"server_state\":\"syncing\",\"reasons\":["
		      "\"server_state\"],\"warnings\":[]}\n");
}

static void alone_nothing_is_asked_of_others(void **state)
{
	struct node_status s = {.state = NODE_FULL, .standalone = true};
	struct health_facts f = {.node = &s, .ledger_age_ms = -1};

	(void)state;
	expect_health(&f, true,
		      "{\"status\":\"healthy\",\"server_state\":\"full\",\"reasons\":[],"
		      "\"warnings\":[]}\n");
	s = (struct node_status){
	    .state = NODE_PROPOSING, .unl_n = 1, .quorum = 1, .unl_present = 1};
	f.ledger_age_ms = 10; /* a network of one */
	expect_health(&f, true,
		      "{\"status\":\"healthy\",\"server_state\":\"full\",\"reasons\":[],"
		      "\"warnings\":[]}\n");
}

/* Strangers see names; administrators numbers, and what part the node plays. */
static void numbers_are_for_administrators(void **state)
{
	struct node_status s = good_status();
	struct health_facts f = {.node = &s, .ledger_age_ms = 25400, .lag_ms = 3};
	struct health h;
	char *got = judged(&h, &f, true);

	(void)state;
	assert_string_equal(
	    got, "{\"status\":\"unhealthy\",\"server_state\":\"proposing\",\"reasons\":["
		 "\"ledger_age\"],\"warnings\":[],\"info\":{\"validated_ledger\":25,\"peers\":4,"
		 "\"validated_ledger_index\":77,\"validation_quorum\":4,\"validators_present\":5,"
		 "\"disk_stage\":\"fine\",\"loop_lag_ms\":3,\"in_flight\":0}}\n");
	free(got);
}

/* ---- the text format */

static void every_family_is_well_formed(void **state)
{
	static const struct histogram_scale scale = {4, {1, 50, 1000, 2500000}};
	struct histogram h = {0};
	struct exposition e;
	struct prom p = {0};

	(void)state;
	histogram_add(&h, &scale, 1);
	histogram_add(&h, &scale, 999);
	histogram_add(&h, &scale, 9000000);
	for (enum metric m = 0; m < M_COUNT; m++) {
		size_t n = strlen(prom_name(m));

		prom_begin(&p, m);
		assert_memory_equal(prom_name(m), "tally_", 6);
		if (m == M_RPC_SECONDS || m == M_ROUND_SECONDS || m == M_LEDGER_INTERVAL ||
		    m == M_CONVERGE_SECONDS || m == M_LEDGER_TRANSACTIONS || m == M_JOB_WAIT ||
		    m == M_JOB_SECONDS) {
			prom_histogram(&p, &h, &scale, 6, "method=\"%s\"", "ping");
			prom_histogram(&p, &h, &scale, 6, "method=\"%s\"", "tx");
			continue;
		}
		prom_u64(&p, m, "number=\"%u\",name=\"%s\"", m, prom_name(m));
		prom_decimal(&p, 1500000 + (int64_t)n, 6, NULL);
	}
	buf_put_u8(&p.out, 0);
	exposition_read(&e, (const char *)p.out.p);
	assert_int_equal(e.families, M_COUNT);
	assert_true(exposition_value(&e, "tally_rpc_request_seconds_bucket{method=\"tx\","
					 "le=\"0.000001\"}") == 1);
	assert_true(exposition_value(&e, "tally_rpc_request_seconds_bucket{method=\"tx\","
					 "le=\"2.5\"}") == 2);
	assert_true(exposition_value(&e, "tally_rpc_request_seconds_count{method=\"tx\"}") == 3);
	free(e.v);
	buf_close(&p.out);
}

static void numbers_are_exact(void **state)
{
	static const char want[] =
	    "0\n18446744073709551615\n1.5\n0.000001\n-0.25\n-9223372036854.775808\n12\n100\n";
	struct buf got = BUF_INIT;
	struct prom p = {0};
	char *line, *rest;

	(void)state;
	prom_u64(&p, 0, NULL);
	prom_u64(&p, UINT64_MAX, NULL);
	prom_decimal(&p, 1500, 3, NULL);
	prom_decimal(&p, 1, 6, NULL);
	prom_decimal(&p, -250, 3, NULL);
	prom_decimal(&p, INT64_MIN, 6, NULL);
	prom_decimal(&p, 12, 0, NULL);
	prom_decimal(&p, 100000, 3, NULL);
	buf_put_u8(&p.out, 0);
	for (line = strtok_r((char *)p.out.p, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		buf_printf(&got, "%s\n", strchr(line, ' ') + 1);
	assert_int_equal(got.n, sizeof(want) - 1);
	assert_memory_equal(got.p, want, got.n);
	buf_close(&got);
	buf_close(&p.out);
}

static void one_state_of_several(void **state)
{
	static const char *const names[] = {"open", "establish", "accepted"};
	struct exposition e;
	struct prom p = {0};

	(void)state;
	prom_state(&p, M_PHASE, "phase", names, 3, 1);
	buf_put_u8(&p.out, 0);
	exposition_read(&e, (const char *)p.out.p);
	assert_int_equal(e.n, 3);
	assert_true(exposition_value(&e, "tally_consensus_phase{phase=\"open\"}") == 0);
	assert_true(exposition_value(&e, "tally_consensus_phase{phase=\"establish\"}") == 1);
	free(e.v);
	buf_close(&p.out);
}

/* ---- rounds */

static struct now at_ms(int64_t ms)
{
	return (struct now){.steady = {.ms = ms}};
}

static void rounds_end_in_three_ways(void **state)
{
	struct cons_status s = {.phase = CONS_ESTABLISH, .round_start = {.ms = 1000}};
	struct rounds r = {0};

	(void)state;
	rounds_join(&r, &s, at_ms(3000)); /* counting begins amid one */
	s = (struct cons_status){.last_converge_ms = 900, .disputes = 3};
	rounds_phase(&r, CONS_ACCEPTED, &s, at_ms(4000));
	assert_int_equal(r.ended[ROUND_AGREED], 1);
	assert_int_equal(r.last_ms, 3000);
	rounds_phase(&r, CONS_OPEN, &s, at_ms(4100));
	rounds_phase(&r, CONS_ESTABLISH, &s, at_ms(6100));
	s.abandoned = true;
	rounds_phase(&r, CONS_ACCEPTED, &s, at_ms(34100));
	assert_int_equal(r.ended[ROUND_ABANDONED], 1);
	s.abandoned = false;
	rounds_phase(&r, CONS_OPEN, &s, at_ms(34200));
	rounds_phase(&r, CONS_OPEN, &s, at_ms(35200)); /* on another ledger */
	rounds_phase(&r, CONS_ESTABLISH, &s, at_ms(36200));
	rounds_phase(&r, CONS_IDLE, &s, at_ms(36300)); /* and then none */
	rounds_phase(&r, CONS_IDLE, &s, at_ms(36400));
	rounds_phase(&r, CONS_OPEN, &s, at_ms(40000));
	assert_int_equal(r.ended[ROUND_AGREED], 1);
	assert_int_equal(r.ended[ROUND_ABANDONED], 1);
	assert_int_equal(r.ended[ROUND_LEFT], 2);
	assert_int_equal(r.disputed, 6);
	assert_int_equal(r.round.n, 2);
	assert_int_equal(r.round.sum, 33000);
	assert_int_equal(r.converge.sum, 1800);
	assert_int_equal(rounds_phase_ms(&r, CONS_OPEN, at_ms(40500)), 2000 + 2000 + 500);
	assert_int_equal(rounds_phase_ms(&r, CONS_ESTABLISH, at_ms(40500)), 1000 + 28000 + 100);
	assert_int_equal(rounds_phase_ms(&r, CONS_ACCEPTED, at_ms(40500)), 200);
	assert_int_equal(rounds_phase_ms(&r, CONS_IDLE, at_ms(40500)), 3700);
}

/* A loop that ticks, then one that has ended: the thread goes when it is told to. */
static void the_watchdog_ends_when_told(void **state)
{
	struct watchdog *w = watchdog_start();
	uint64_t began = uv_hrtime();

	(void)state;
	assert_non_null(w);
	for (int i = 0; i < 1000; i++)
		watchdog_tick(w);
	watchdog_stop(w);
	assert_true(uv_hrtime() - began < 5000000000ull);
	watchdog_stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_trouble_is_named),
	    cmocka_unit_test(alone_nothing_is_asked_of_others),
	    cmocka_unit_test(numbers_are_for_administrators),
	    cmocka_unit_test(every_family_is_well_formed),
	    cmocka_unit_test(numbers_are_exact),
	    cmocka_unit_test(one_state_of_several),
	    cmocka_unit_test(rounds_end_in_three_ways),
	    cmocka_unit_test(the_watchdog_ends_when_told),
	};

	return cmocka_run_group_tests_name("observe", tests, NULL, NULL);
}
