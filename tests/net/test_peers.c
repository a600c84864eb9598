/* SPDX-License-Identifier: ISC */
#include "tests/net/harness.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct msg status_msg(uint32_t seq)
{
	struct msg m = {.type = MSG_STATUS};

	m.status.closed_seq = seq;
	return m;
}

/* Good peers. */

static bool mesh_is_full(struct net *t, void *arg)
{
	int n = *(int *)arg;

	for (int i = 0; i < n; i++)
		if (node_peers(t, i) != (uint32_t)n - 1)
			return false;
	return true;
}

static bool all_have(struct net *t, void *arg)
{
	uint32_t messages = *(uint32_t *)arg;

	for (int i = 0; i < 5; i++)
		if (t->node[i].count[MSG_STATUS] < messages)
			return false;
	return true;
}

/* Every pair has one connection, the one dialled by the smaller key, and both sides agree. */
static void assert_smaller_keys_dialled(struct net *t, int n)
{
	for (int i = 0; i < n; i++) {
		const struct public_key *own = secret_key_public(t->node[i].key);
		struct peer_info info[NODES_MAX];
		uint32_t k, count = peers_list(t->node[i].p, info, NODES_MAX);

		assert_int_equal(count, n - 1);
		for (k = 0; k < count; k++) {
			assert_int_equal(info[k].inbound, public_key_cmp(&info[k].key, own) < 0);
			assert_true(!k || info[k].id > info[k - 1].id);
			assert_int_equal(strncmp(info[k].address, "127.0.0.1:", 10), 0);
		}
	}
}

static void five_nodes_form_a_mesh(void **state)
{
	struct msg m = status_msg(1);
	struct net t;
	uint64_t began;
	int n = 5;
	uint32_t one_each = 4;

	(void)state;
	net_open(&t, 1);
	began = uv_hrtime();
	for (int i = 0; i < n; i++) { /* not all at the same moment */
		node_open(&t, i, 0x1Fu & ~(1u << i));
		net_run_ms(&t, 20);
	}
	assert_true(net_wait(&t, mesh_is_full, &n));
	print_message("mesh of %d after %llu ms\n", n,
		      (unsigned long long)((uv_hrtime() - began) / 1000000));
	assert_true(uv_hrtime() - began < 6000000000ull);
	net_run_ms(&t, 500); /* duplicates, if any, go now */
	assert_smaller_keys_dialled(&t, n);
	for (int i = 0; i < n; i++)
		node_broadcast(&t, i, &m);
	assert_true(net_wait(&t, all_have, &one_each));
	net_run_ms(&t, 50);
	for (int i = 0; i < n; i++)
		assert_int_equal(t.node[i].messages, 4); /* each of the others', once */
	net_close(&t);
}

static void who_dials_itself_notices(void **state)
{
	struct net t;

	(void)state;
	net_open(&t, 1);
	node_open(&t, 0, 1);
	expect_log(&t, 0, "is this node itself");
	net_run_ms(&t, 1000);
	assert_int_equal(node_peers(&t, 0), 0);
	assert_int_equal(t.node[0].ups, 0);
	net_close(&t);
}

static void messages_come_whole_and_in_order(void **state)
{
	struct arena a = ARENA_INIT;
	struct rng r;
	struct net t;
	uint32_t sent = 0;

	(void)state;
	net_open(&t, 1);
	node_open(&t, 0, 0);
	node_open(&t, 1, 1);
	expect_peers(&t, 0, 1);
	expect_peers(&t, 1, 1);
	rng_init(&r, 3);
	FOR_EACH_TYPE(type)
	{
		struct wire_frame *f;
		struct msg m;

		if (type == MSG_PING || type == MSG_PONG || type == MSG_BYE)
			continue;
		msg_make(&m, type, &a, &r, msg_count_max(type), msg_count_max(type) ? 64 : 200);
		f = wire_encode(&m);
		assert_true(peers_send(t.node[0].p, t.node[0].last_peer, f));
		assert_false(peers_send(t.node[0].p, t.node[0].last_peer + 1, f));
		wire_frame_unref(f);
		sent++;
	}
	for (int i = 0; i < 200 && t.node[1].messages < sent; i++)
		net_run_ms(&t, 10);
	FOR_EACH_TYPE(type)
	{
		bool own = type == MSG_PING || type == MSG_PONG || type == MSG_BYE;

		assert_int_equal(t.node[1].count[type], own ? 0 : 1);
	}
	arena_close(&a);
	net_close(&t);
}

/* A node in a process of its own, so that it can be killed. */
static pid_t spawn_node(struct net *t, int i)
{
	static const char *none[1];
	struct peers_config c = node_config(t, i);
	pid_t pid = fork();
	struct net own;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
	net_open(&own, 1);
	c.loop = &own.loop;
	c.identity = own.node[i].key; /* the parent's keys are wiped here */
	c.connect = none;
	node_open_with(&own, i, &c);
	uv_run(&own.loop, UV_RUN_DEFAULT);
	_exit(0);
}

static void reap(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void a_killed_peer_is_found_again(void **state)
{
	struct net t;
	uint64_t began;
	pid_t pid;

	(void)state;
	net_open(&t, 1);
	pid = spawn_node(&t, 2);
	node_open(&t, 0, 1u << 2); /* dials the one that dies */
	node_open(&t, 1, 1u << 0);
	expect_peers(&t, 0, 2);
	for (int round = 0; round < 3; round++) {
		reap(pid);
		expect_peers(&t, 0, 1);
		net_run_ms(&t, 300);
		assert_int_equal(node_peers(&t, 1), 1); /* the others are not disturbed */
		began = uv_hrtime();
		pid = spawn_node(&t, 2);
		expect_peers(&t, 0, 2);
		assert_true(uv_hrtime() - began < 8000000000ull);
	}
	assert_int_equal(t.node[1].downs, 0);
	reap(pid);
	net_close(&t);
}

static void ipv6_works_as_well(void **state)
{
	const char *connect[1];
	struct peers_config c;
	struct peer_info info;
	struct net t;

	(void)state;
	net_open(&t, 1);
	c = node_config(&t, 0);
	c.listen = "[::1]:0";
	if (access("/proc/net/if_inet6", R_OK)) {
		print_message("no IPv6 on this machine\n");
		net_close(&t);
		return;
	}
	node_open_with(&t, 0, &c);
	snprintf(t.node[0].address, sizeof(t.node[0].address), "[::1]:%u", t.node[0].port);
	c = node_config(&t, 1);
	connect[0] = t.node[0].address;
	c.connect = connect;
	c.n_connect = 1;
	node_open_with(&t, 1, &c);
	expect_peers(&t, 0, 1);
	assert_int_equal(peers_list(t.node[0].p, &info, 1), 1);
	assert_int_equal(strncmp(info.address, "[::1]:", 6), 0);
	net_close(&t);
}

static void names_are_looked_up(void **state)
{
	char name[64];
	const char *connect[2] = {name, "no-such-host.invalid:1"};
	struct peers_config c;
	struct net t;

	(void)state;
	net_open(&t, 1);
	node_open(&t, 0, 0);
	snprintf(name, sizeof(name), "localhost:%u", t.node[0].port);
	c = node_config(&t, 1);
	c.connect = connect;
	c.n_connect = 2;
	node_open_with(&t, 1, &c);
	expect_peers(&t, 0, 1);
	net_close(&t); /* with a look-up perhaps still running */
}

static void measured_times_are_listed(void **state)
{
	struct peer_info info;
	struct net t;

	(void)state;
	net_open(&t, 1);
	node_open(&t, 0, 0);
	node_open(&t, 1, 1);
	expect_peers(&t, 1, 1);
	net_run_ms(&t, 100);
	assert_int_equal(peers_list(t.node[1].p, &info, 1), 1);
	assert_in_range(info.rtt_ms, 0, 1000);
	assert_in_range(info.clock_offset_s + 1, 0, 2);
	assert_true(info.bytes_in > 200 && info.bytes_out > 200);
	assert_int_equal(public_key_cmp(&info.key, secret_key_public(t.node[0].key)), 0);
	assert_false(info.inbound);
	net_close(&t);
}

/* Configuration. */

static struct now fixed_clock(void *ctx)
{
	(void)ctx;
	return (struct now){.steady = {1000}};
}

static void fixed_random(void *ctx, void *p, size_t n)
{
	(void)ctx;
	memset(p, 5, n);
}

static void expect_open_fails(const struct peers_config *c, enum err want, const char *text)
{
	struct peers_host host = {.now = fixed_clock, .random = fixed_random};
	struct peers *p;
	struct why why = {{0}};
	enum err e = peers_open(&p, c, &host, &why);

	if (e != want || !strstr(why.text, text))
		fail_msg("%s: '%s'", err_name(e), why.text);
}

static void bad_configurations_are_named(void **state)
{
	static const struct {
		const char *address, *text;
	} rows[] = {
	    {"127.0.0.1", "host:port"},        {"127.0.0.1:", "bad port"},
	    {"127.0.0.1:x", "bad port"},       {"127.0.0.1:65536", "bad port"},
	    {"127.0.0.1:1234567", "bad port"}, {":51235", "no host"},
	    {"::1:51235", "[address]:port"},   {"[::1:51235", "[address]:port"},
	    {"[]:51235", "no host"},           {"somewhere:51235", "numeric"},
	    {"300.1.1.1:51235", "numeric"},    {"[::g]:51235", "numeric"},
	};
	const char *connect[1];
	struct peers_config c;
	struct net t;

	(void)state;
	net_open(&t, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		c = node_config(&t, 7);
		c.listen = rows[i].address;
		expect_open_fails(&c, ERR_INVALID, rows[i].text);
		if (strstr(rows[i].text, "numeric"))
			continue; /* names are fine to connect to */
		c.listen = NULL;
		connect[0] = rows[i].address;
		c.connect = connect;
		c.n_connect = 1;
		expect_open_fails(&c, ERR_INVALID, rows[i].text);
	}
	node_open(&t, 0, 0);
	c = node_config(&t, 7);
	c.listen = t.node[0].address;
	expect_open_fails(&c, ERR_BUSY, "address already in use");
	c.listen = "192.0.2.1:0";
	expect_open_fails(&c, ERR_INVALID, "not available");
	c.listen = NULL;
	c.peers_max = 0;
	expect_open_fails(&c, ERR_RANGE, "peers");
	net_close(&t);
}

static void connect_tries_once(void **state)
{
	struct net t;
	struct why why;

	(void)state;
	net_open(&t, 1);
	node_open(&t, 0, 0);
	node_open(&t, 1, 0);
	assert_int_equal(peers_connect(t.node[0].p, "nonsense", &why), ERR_INVALID);
	assert_int_equal(peers_connect(t.node[0].p, "127.0.0.1:0", &why), ERR_INVALID);
	assert_int_equal(peers_connect(t.node[0].p, t.node[3].address, &why), ERR_NONE);
	expect_log(&t, 0, "connection refused");
	assert_int_equal(peers_connect(t.node[0].p, t.node[1].address, &why), ERR_NONE);
	expect_peers(&t, 0, 1);
	assert_int_equal(peers_connect(t.node[0].p, t.node[1].address, &why), ERR_NONE);
	net_run_ms(&t, 200);
	assert_int_equal(t.node[0].ups, 1);
	node_shutdown(&t, 1);
	expect_peers(&t, 0, 0);
	net_run_ms(&t, 600);
	for (int i = 0; i < 2 * PEERS_DIALLED_MAX; i++) { /* those tried are forgotten */
		char a[32];

		snprintf(a, sizeof(a), "127.0.0.1:%d", 1 + i % 100);
		(void)!peers_connect(t.node[0].p, a, &why);
		net_run_ms(&t, 5);
	}
	net_run_ms(&t, 500);
	assert_int_equal(peers_connect(t.node[0].p, "127.0.0.1:9", &why), ERR_NONE);
	net_close(&t);
}

/* Places. */

static void places_are_limited_but_reserved(void **state)
{
	struct public_key reserved;
	struct peers_config c;
	struct net t;

	(void)state;
	net_open(&t, 1);
	c = node_config(&t, 0);
	c.peers_max = 2;
	reserved = *secret_key_public(t.node[4].key);
	c.reserved = &reserved;
	c.n_reserved = 1;
	node_open_with(&t, 0, &c);
	node_open(&t, 1, 1);
	node_open(&t, 2, 1);
	expect_peers(&t, 0, 2);
	node_open(&t, 3, 1);
	expect_log(&t, 3, "no free place");
	assert_true(peers_refused(t.node[0].p) > 0);
	assert_int_equal(node_peers(&t, 0), 2);
	node_open(&t, 4, 1);
	expect_peers(&t, 0, 3);
	node_shutdown(&t, 1);
	node_shutdown(&t, 2);
	expect_peers(&t, 0, 2); /* the third gets its turn */
	assert_int_equal(node_peers(&t, 3), 1);
	net_close(&t);
}

static void places_are_reserved_while_it_runs(void **state)
{
	struct public_key key;
	struct peers_config c;
	struct net t;

	(void)state;
	net_open(&t, 1);
	c = node_config(&t, 0);
	c.peers_max = 1;
	node_open_with(&t, 0, &c);
	node_open(&t, 1, 1);
	expect_peers(&t, 0, 1);
	node_open(&t, 2, 1);
	expect_log(&t, 2, "no free place");
	assert_int_equal(node_peers(&t, 0), 1);
	key = *secret_key_public(t.node[2].key);
	peers_reserve(t.node[0].p, &key, 1);
	expect_peers(&t, 0, 2);
	peers_reserve(t.node[0].p, NULL, 0); /* who is there may stay */
	assert_int_equal(node_peers(&t, 0), 2);
	net_close(&t);
}

/* The end, and calls from within calls. */

static void a_shutdown_says_goodbye(void **state)
{
	struct msg m = status_msg(9);
	struct net t;

	(void)state;
	net_open(&t, 1);
	node_open(&t, 0, 0);
	node_open(&t, 1, 1);
	expect_peers(&t, 0, 1);
	expect_peers(&t, 1, 1);
	node_broadcast(&t, 0, &m); /* a last word, queued */
	node_shutdown(&t, 0);
	expect_log(&t, 1, "closed by the peer: shutting down");
	assert_int_equal(t.node[1].count[MSG_STATUS], 1);
	assert_int_equal(t.node[1].downs, 1);
	assert_int_equal(t.node[0].downs, 0); /* nobody is told any more */
	net_close(&t);
}

static void on_gone_alone(void *ctx)
{
	struct net_node *n = ctx;

	n->gone = true;
}

static void shut_down_at_message(struct net_node *n, uint32_t id, const struct msg *m)
{
	(void)id;
	(void)m;
	peers_shutdown(n->p, on_gone_alone, n);
	n->on_message = NULL;
}

static bool gone(struct net *t, void *arg)
{
	return t->node[*(int *)arg].gone;
}

static void a_shutdown_may_come_from_a_message(void **state)
{
	struct msg m = status_msg(1);
	struct net t;
	int zero = 0;

	(void)state;
	net_open(&t, 1);
	node_open(&t, 0, 0);
	node_open(&t, 1, 1);
	expect_peers(&t, 1, 1);
	t.node[0].on_message = shut_down_at_message;
	node_broadcast(&t, 1, &m);
	node_broadcast(&t, 1, &m);
	assert_true(net_wait(&t, gone, &zero));
	assert_int_equal(t.node[0].messages, 1);
	peers_close(t.node[0].p);
	t.node[0].p = NULL;
	net_close(&t);
}

static void shut_down_when_alone(struct net_node *n, uint32_t id, bool up)
{
	(void)id;
	if (up)
		return;
	peers_shutdown(n->p, on_gone_alone, n);
	n->on_change = NULL;
}

/* The connection that has just ended is the last handle but ours, and closes before ours begin to.
 */
static void a_shutdown_may_come_as_the_last_peer_leaves(void **state)
{
	struct net t;
	int one = 1;

	(void)state;
	net_open(&t, 1);
	node_open(&t, 0, 0);
	node_open(&t, 1, 1);
	expect_peers(&t, 1, 1);
	t.node[1].on_change = shut_down_when_alone;
	node_shutdown(&t, 0);
	assert_true(net_wait(&t, gone, &one));
	peers_close(t.node[1].p);
	t.node[1].p = NULL;
	net_close(&t);
}

static void drop_sender(struct net_node *n, uint32_t id, const struct msg *m)
{
	struct msg reply = status_msg(2);
	struct wire_frame *f = wire_encode(&reply);

	(void)m;
	peers_drop(n->p, id, "sent a bad ledger");
	peers_drop(n->p, id, "twice");
	assert_false(peers_send(n->p, id, f)); /* gone from now on */
	assert_int_equal(n->downs, 0);         /* but it is told later */
	wire_frame_unref(f);
}

static void a_dropped_peer_is_refused_for_a_while(void **state)
{
	struct peers_stats before, after, other;
	struct msg m = status_msg(1);
	struct net t;

	(void)state;
	net_open(&t, 1);
	node_open(&t, 0, 0);
	node_open(&t, 1, 1);
	expect_peers(&t, 1, 1);
	peers_stats_get(t.node[0].p, &before);
	assert_true(before.bytes_in > 0);
	t.node[0].on_message = drop_sender;
	node_broadcast(&t, 1, &m);
	node_broadcast(&t, 1, &m);
	expect_log(&t, 1, "closed by the peer: sent a bad ledger");
	assert_int_equal(t.node[0].messages, 1);
	assert_int_equal(t.node[0].downs, 1);
	expect_log(&t, 1, "refused for a while"); /* it comes again at once */
	net_run_ms(&t, 500);
	assert_int_equal(t.node[0].ups, 1);
	peers_stats_get(t.node[0].p, &after); /* counts what is gone, and why it is */
	peers_stats_get(t.node[1].p, &other);
	assert_int_equal(after.messages_in, before.messages_in + 1);
	assert_true(after.bytes_in > before.bytes_in);
	assert_int_equal(after.ended[PEER_END_INVALID], 1);
	assert_true(after.ended[PEER_END_REFUSED] > 0);
	assert_true(other.ended[PEER_END_SESSION + SESSION_CLOSED] > 0);
	assert_string_equal(peer_end_name(PEER_END_SESSION + SESSION_CLOSED), "closed");
	assert_null(peer_end_name(PEER_END_SESSION + SESSION_OPEN));
	for (int i = 0; i < SESSION_END_COUNT; i++)
		assert_true(i == SESSION_OPEN ||
			    peer_end_name((enum peer_end)(PEER_END_SESSION + i)));
	net_close(&t);
}

/* Hosts that call everything from within everything, for a while. */

static void do_something(struct net_node *n, uint32_t id)
{
	struct net *t = n->net;
	struct msg m = status_msg(3);
	struct wire_frame *f = wire_encode(&m);
	struct peer_info info[4];
	struct why why;

	switch (rng_below(&t->rng, 8)) {
	case 0:
		peers_drop(n->p, id, "for the sake of it");
		break;
	case 1:
		(void)!peers_connect(n->p, t->node[rng_below(&t->rng, 5)].address, &why);
		break;
	case 2:
		peers_broadcast(n->p, id, f);
		break;
	case 3:
		peers_useless(n->p, id, (uint32_t)rng_below(&t->rng, 700));
		break;
	case 4:
		(void)peers_list(n->p, info, 4);
		break;
	default:
		(void)peers_send(n->p, id, f);
		break;
	}
	wire_frame_unref(f);
}

static void chaos_at_message(struct net_node *n, uint32_t id, const struct msg *m)
{
	(void)m;
	if (!n->gone)
		do_something(n, id);
}

static void chaos_at_change(struct net_node *n, uint32_t id, bool up)
{
	(void)up;
	do_something(n, id);
}

static void any_order_of_calls_is_survived(void **state)
{
	struct public_key keys[5];
	struct msg m = status_msg(1);
	struct net t;

	(void)state;
	net_open(&t, 1);
	for (int i = 0; i < 5; i++)
		keys[i] = *secret_key_public(t.node[i].key);
	for (int i = 0; i < 5; i++) {
		const char *connect[5];
		struct peers_config c = node_config(&t, i);

		for (int k = 0; k < 5; k++)
			if (k != i)
				connect[c.n_connect++] = t.node[k].address;
		c.connect = connect;
		c.reserved = keys; /* so that nobody is refused and all goes on */
		c.n_reserved = 5;
		node_open_with(&t, i, &c);
		t.node[i].on_message = chaos_at_message;
		t.node[i].on_change = chaos_at_change;
	}
	for (int round = 0; round < 400; round++) {
		int i = (int)rng_below(&t.rng, 5);

		node_broadcast(&t, i, &m);
		net_run_ms(&t, 5);
		if (round % 50 == 49) {
			node_shutdown(&t, i);
			node_open(&t, i, 0x1Fu & ~(1u << i));
		}
	}
	for (int i = 0; i < 5; i++) {
		print_message("node %d: %u ups, %u messages\n", i, t.node[i].ups,
			      t.node[i].messages);
		assert_true(t.node[i].ups > 5);
	}
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
	    cmocka_unit_test(a_killed_peer_is_found_again), /* forks: before any threads */
	    cmocka_unit_test(five_nodes_form_a_mesh),
	    cmocka_unit_test(who_dials_itself_notices),
	    cmocka_unit_test(messages_come_whole_and_in_order),
	    cmocka_unit_test(ipv6_works_as_well),
	    cmocka_unit_test(names_are_looked_up),
	    cmocka_unit_test(measured_times_are_listed),
	    cmocka_unit_test(bad_configurations_are_named),
	    cmocka_unit_test(connect_tries_once),
	    cmocka_unit_test(places_are_limited_but_reserved),
	    cmocka_unit_test(places_are_reserved_while_it_runs),
	    cmocka_unit_test(a_shutdown_says_goodbye),
	    cmocka_unit_test(a_shutdown_may_come_from_a_message),
	    cmocka_unit_test(a_shutdown_may_come_as_the_last_peer_leaves),
	    cmocka_unit_test(a_dropped_peer_is_refused_for_a_while),
	    cmocka_unit_test(any_order_of_calls_is_survived),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
