/* SPDX-License-Identifier: ISC */
#include "tests/blackbox/faultproxy.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512
#define WORDS_MAX      6

struct control {
	struct proxy proxy;
	uv_poll_t input;
	char line[LINE_MAX_BYTES];
	size_t n;
};

static struct link *link_find(struct proxy *p, const char *name)
{
	uint32_t i;

	for (i = 0; i < p->n_links; i++)
		if (!strcmp(p->links[i]->name, name))
			return p->links[i];
	return NULL;
}

static bool address(struct sockaddr_in *out, const char *text)
{
	char host[64];
	const char *colon = strrchr(text, ':');

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return false;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = 0;
	return uv_ip4_addr(host, atoi(colon + 1), out) == 0;
}

static void link_open(struct proxy *p, char **w, uint32_t n)
{
	struct sockaddr_in at, bound;
	struct link *l;
	int size = sizeof(bound);

	if (n < 4 || n > 5 || p->n_links == LINKS_MAX || strlen(w[1]) >= sizeof(l->name) ||
	    link_find(p, w[1]) || !address(&at, w[2])) {
		puts("error link NAME LISTEN TARGET [SOURCE]");
		return;
	}
	l = mem_zalloc(1, sizeof(*l));
	l->proxy = p;
	snprintf(l->name, sizeof(l->name), "%s", w[1]);
	l->listener.data = l;
	l->bound = n == 5;
	uv_tcp_init(&p->loop, &l->listener);
	if (!address(&l->target, w[3]) || (l->bound && uv_ip4_addr(w[4], 0, &l->source) != 0) ||
	    uv_tcp_bind(&l->listener, (struct sockaddr *)&at, 0) != 0 ||
	    uv_listen((uv_stream_t *)&l->listener, 64, link_accept) != 0) {
		puts("error cannot listen there");
		exit(1);
	}
	p->links[p->n_links++] = l;
	uv_tcp_getsockname(&l->listener, (struct sockaddr *)&bound, &size);
	printf("ok %u\n", ntohs(bound.sin_port));
}

static void wake_all(struct link *l)
{
	struct conn *c, *next;

	for (c = l->conns; c; c = next) {
		next = c->next;
		if (!c->closing)
			conn_wake(c);
	}
}

static void close_all(struct link *l, bool reset)
{
	struct conn *c;

	for (c = l->conns; c; c = c->next)
		conn_close(c, reset);
}

static bool way_of(const char *word, enum way *out)
{
	*out = !strcmp(word, "from") ? WAY_FROM : WAY_TO;
	return !strcmp(word, "from") || !strcmp(word, "to");
}

static bool link_set(struct link *l, char **w, uint32_t n)
{
	struct faults *f;
	enum way way;
	uint32_t x;

	if (n != 5 || !way_of(w[2], &way))
		return false;
	f = &l->faults[way];
	x = (uint32_t)strtoul(w[4], NULL, 10);
	if (!strcmp(w[3], "delay"))
		f->delay_ms = x;
	else if (!strcmp(w[3], "jitter"))
		f->jitter_ms = x;
	else if (!strcmp(w[3], "rate"))
		f->rate = x;
	else if (!strcmp(w[3], "damage"))
		f->damage_ppm = x;
	else if (!strcmp(w[3], "stall"))
		f->stall = x != 0;
	else
		return false;
	wake_all(l);
	return true;
}

static bool link_half(struct link *l, char **w, uint32_t n)
{
	struct conn *c;
	enum way way;

	if (n != 3 || !way_of(w[2], &way))
		return false;
	for (c = l->conns; c; c = c->next) {
		if (c->closing || !c->dialled)
			continue;
		pipe_drop(&c->pipes[way]);
		c->pipes[way].ended = true;
		uv_read_stop((uv_stream_t *)c->pipes[way].in);
		c->pipes[way].reading = false;
	}
	wake_all(l);
	return true;
}

static bool link_command(struct link *l, char **w, uint32_t n)
{
	if (!strcmp(w[0], "set"))
		return link_set(l, w, n);
	if (!strcmp(w[0], "half"))
		return link_half(l, w, n);
	if (n != 2)
		return false;
	if (!strcmp(w[0], "cut") || !strcmp(w[0], "join")) {
		l->cut = w[0][0] == 'c';
		if (l->cut)
			close_all(l, false);
	} else if (!strcmp(w[0], "reset")) {
		close_all(l, true);
	} else if (!strcmp(w[0], "truncate")) {
		l->truncate = true;
	} else {
		return false;
	}
	return true;
}

static void heal(struct proxy *p)
{
	uint32_t i;

	for (i = 0; i < p->n_links; i++) {
		struct link *l = p->links[i];

		memset(l->faults, 0, sizeof(l->faults));
		l->cut = l->truncate = false;
		wake_all(l);
	}
	puts("ok");
}

static void stats(struct proxy *p)
{
	uint64_t accepted = 0, bytes = 0;
	uint32_t i;

	for (i = 0; i < p->n_links; i++) {
		accepted += p->links[i]->accepted;
		bytes += p->links[i]->bytes[0] + p->links[i]->bytes[1];
	}
	printf("ok %llu %llu\n", (unsigned long long)accepted, (unsigned long long)bytes);
}

static void command(struct proxy *p, char *line)
{
	char *w[WORDS_MAX], *save = NULL, *word;
	uint32_t n = 0;
	struct link *l;

	for (word = strtok_r(line, " ", &save); word && n < WORDS_MAX;
	     word = strtok_r(NULL, " ", &save))
		w[n++] = word;
	if (n == 0)
		return;
	if (!strcmp(w[0], "link"))
		link_open(p, w, n);
	else if (!strcmp(w[0], "heal"))
		heal(p);
	else if (!strcmp(w[0], "stats"))
		stats(p);
	else if (n < 2 || !(l = link_find(p, w[1])))
		puts("error no such link or command");
	else
		puts(link_command(l, w, n) ? "ok" : "error what?");
}

static void on_input(uv_poll_t *poll, int status, int events)
{
	struct control *c = poll->data;
	ssize_t n = read(0, c->line + c->n, sizeof(c->line) - 1 - c->n);
	char *end;

	(void)events;
	if (status < 0 || n <= 0)
		exit(0); /* whoever drove it is gone: so are its connections */
	c->n += (size_t)n;
	c->line[c->n] = 0;
	uv_update_time(&c->proxy.loop);
	while ((end = strchr(c->line, '\n')) != NULL) {
		*end = 0;
		command(&c->proxy, c->line);
		c->n -= (size_t)(end + 1 - c->line);
		memmove(c->line, end + 1, c->n + 1);
	}
	fflush(stdout);
	if (c->n == sizeof(c->line) - 1)
		exit(2);
}

int main(int argc, char **argv)
{
	static struct control c;

	signal(SIGPIPE, SIG_IGN);
	rng_init(&c.proxy.rng, argc > 1 ? strtoull(argv[1], NULL, 10) : 1);
	uv_loop_init(&c.proxy.loop);
	uv_poll_init(&c.proxy.loop, &c.input, 0);
	c.input.data = &c;
	uv_poll_start(&c.input, UV_READABLE, on_input);
	return uv_run(&c.proxy.loop, UV_RUN_DEFAULT);
}
