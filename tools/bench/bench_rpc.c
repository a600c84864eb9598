/* SPDX-License-Identifier: ISC
 * bench-rpc: requests per second of the API on one core, bytes to bytes, without sockets, over a
 * chain of a few ledgers in memory. CPU time, so that other work on the machine matters little. */
#include "tests/tx/support.h"

#include "tests/rpc/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define REPEAT   5 /* the best of so many rounds counts */
#define ROUND_NS 100000000ull

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t replies;

static void count_reply(void *ctx, uint64_t request, int status, struct bytes body)
{
	(void)ctx;
	(void)request;
	must(status == 200 && body.n > 0);
	replies++;
}

static void answer(void *ctx, struct tx *tx, bool fail_hard, uint64_t token)
{
	struct fake *f = ctx;
	struct node_submitted s = {.token = token, .tx = tx, .result = tesSUCCESS};

	(void)fail_hard;
	rpc_submitted(f->rpc, &s);
}

static double ns_per_request(struct fake *f, const char *text)
{
	struct rpc_origin from = {.request = 1, .conn = 1, .websocket = true};
	double best = 1e18;

	for (int round = 0; round < REPEAT; round++) {
		uint64_t start = now_ns(), spent, n = 0;

		do {
			for (int i = 0; i < 64; i++)
				rpc_request(f->rpc, &from, bytes_str(text));
			n += 64;
			spent = now_ns() - start;
		} while (spent < ROUND_NS);
		if ((double)spent / (double)n < best)
			best = (double)spent / (double)n;
	}
	return best;
}

static void measure(struct fake *f, const char *name, const char *ask)
{
	json_t *in = json_loads(ask, 0, NULL), *filled;
	char *text;
	double ns;

	must(in != NULL);
	filled = scenario_fill(f, in);
	text = json_dumps(filled, JSON_COMPACT);
	ns = ns_per_request(f, text);
	printf("%-34s %9.0f ns %9.0f /s\n", name, ns, 1e9 / ns);
	free(text);
	json_decref(in);
	json_decref(filled);
}

int main(void)
{
	struct fake *f = scenario_open(true, false);

	rpc_close(f->rpc);
	f->host.reply = count_reply;
	f->host.submit = answer;
	f->rpc = rpc_open(&f->host);
	measure(f, "ping", "{\"id\":1,\"command\":\"ping\"}");
	measure(f, "account_info, validated",
		"{\"id\":1,\"command\":\"account_info\",\"account\":\"${alice}\","
		"\"ledger_index\":\"validated\",\"api_version\":2}");
	measure(f, "account_info, current",
		"{\"id\":1,\"command\":\"account_info\",\"account\":\"${alice}\","
		"\"ledger_index\":\"current\",\"api_version\":2}");
	measure(f, "server_info", "{\"id\":1,\"command\":\"server_info\"}");
	measure(f, "fee", "{\"id\":1,\"command\":\"fee\"}");
	measure(f, "ledger, validated",
		"{\"id\":1,\"command\":\"ledger\",\"ledger_index\":\"validated\"}");
	measure(f, "tx (with the test's slow search)",
		"{\"id\":1,\"command\":\"tx\",\"transaction\":\"${T4.0}\",\"api_version\":2}");
	measure(f, "tx, unknown",
		"{\"id\":1,\"command\":\"tx\",\"transaction\":\"${L4}\",\"api_version\":2}");
	measure(f, "submit, without the node's part",
		"{\"id\":1,\"command\":\"submit\",\"tx_blob\":\"${pay:alice:7:carol:1}\"}");
	measure(f, "ledger_data, 256 as JSON",
		"{\"id\":1,\"command\":\"ledger_data\",\"ledger_index\":\"validated\"}");
	printf("%llu replies\n", (unsigned long long)replies);
	fake_close(f);
	return 0;
}
