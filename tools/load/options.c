/* SPDX-License-Identifier: ISC */
#include "tools/load/load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static void usage(FILE *to)
{
	fputs(
	    "usage: loadgen --nodes HOST:PORT,... [OPTION ...]\n"
	    "  --nodes LIST         HTTP addresses of the nodes; the first one is watched\n"
	    "  --pids LIST          their processes, for CPU time and memory\n"
	    "  --network-id N       of the network (21337)\n"
	    "  --accounts N         test accounts of the genesis to use (5000)\n"
	    "  --first N            number of the first of them (0)\n"
	    "  --count N            payments to make (50000)\n"
	    "  --rate N             per second, whatever the answers; 0: as fast as answered (0)\n"
	    "  --connections N      per node (8)\n"
	    "  --idle SECONDS       sample the nodes before the load (0)\n"
	    "  --json               for programs\n",
	    to);
}

static uint32_t split(const char **out, char *list)
{
	uint32_t n = 0;
	for (char *one = strtok(list, ","); one; one = strtok(NULL, ",")) {
		if (n == NODES_MAX)
			die("too many nodes");
		out[n++] = one;
	}
	return n;
}

static uint32_t number(const char *text, uint32_t least)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);
	if (*text == 0 || *end != 0 || v < least || v > UINT32_MAX)
		die("a number is out of range");
	return (uint32_t)v;
}

void options_read(struct options *o, int argc, char **argv)
{
	enum { NODES, PIDS, NETWORK, ACCOUNTS, FIRST, COUNT, RATE, CONNECTIONS, IDLE, JSON, HELP };
	static const struct option names[] = {
	    {"nodes", 1, NULL, NODES},        {"pids", 1, NULL, PIDS},
	    {"network-id", 1, NULL, NETWORK}, {"accounts", 1, NULL, ACCOUNTS},
	    {"first", 1, NULL, FIRST},        {"count", 1, NULL, COUNT},
	    {"rate", 1, NULL, RATE},          {"connections", 1, NULL, CONNECTIONS},
	    {"idle", 1, NULL, IDLE},          {"json", 0, NULL, JSON},
	    {"help", 0, NULL, HELP},          {0},
	};
	*o = (struct options){
	    .network_id = 21337, .accounts = 5000, .count = 50000, .connections = 8};
	const char *pids[NODES_MAX];
	int c;
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == NODES)
			o->n_nodes = split(o->nodes, optarg);
		else if (c == PIDS)
			o->n_pids = split(pids, optarg);
		else if (c == NETWORK)
			o->network_id = number(optarg, 0);
		else if (c == ACCOUNTS)
			o->accounts = number(optarg, 2);
		else if (c == FIRST)
			o->first = number(optarg, 0);
		else if (c == COUNT)
			o->count = number(optarg, 1);
		else if (c == RATE)
			o->rate = number(optarg, 0);
		else if (c == CONNECTIONS)
			o->connections = number(optarg, 1);
		else if (c == IDLE)
			o->idle_seconds = number(optarg, 0);
		else if (c == JSON)
			o->json = true;
		else {
			usage(c == HELP ? stdout : stderr);
			exit(c == HELP ? 0 : 2);
		}
	}
	if (o->n_nodes == 0) {
		usage(stderr);
		exit(2);
	}
	for (uint32_t i = 0; i < o->n_pids; i++)
		o->pids[i] = (int)number(pids[i], 1);
}
