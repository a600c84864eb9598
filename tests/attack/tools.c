/* SPDX-License-Identifier: ISC */

/* Odds and ends of the attack program: parameters, facts, statistics, one blocking request. */
#include "tests/attack/attack.h"

#include "base/mem.h"
#include "crypto/base58.h"
#include "tests/attack/speech.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ASK_S 20

_Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "attack: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(1);
}

double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double job_arg(const struct job *j, const char *name, double otherwise)
{
	const char *at = j->args;
	size_t n = strlen(name);

	while (*at == ',') {
		at++;
		if (strncmp(at, name, n) == 0 && at[n] == '=')
			return atof(at + n + 1);
		at += strcspn(at, ",");
	}
	return otherwise;
}

void job_fact(struct job *j, const char *name, double value)
{
	buf_printf(&j->facts, "\"%s\":%.10g,", name, value);
}

void job_crowd(struct job *j, const char *prefix, const struct crowd *c)
{
	char name[64];
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
	    {"dialled", c->dialled},      {"opened", c->opened},
	    {"unconnected", c->refused},  {"closed_by_node", c->ended},
	    {"reset_by_node", c->resets}, {"no_descriptor", c->no_descriptor},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", prefix, rows[i].name);
		job_fact(j, name, (double)rows[i].value);
	}
}

double job_elapsed(const struct job *j)
{
	return now_s() - j->began;
}

/* ---- one blocking request ---- */

static int dial(const struct sockaddr_in *to)
{
	struct timeval patience = {.tv_sec = ASK_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
	    connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0)
		die("the node cannot be reached: %s", strerror(errno));
	return fd;
}

void ask(struct buf *out, const struct options *o, const char *body)
{
	struct buf b = BUF_INIT;
	struct bytes answer;
	int fd = dial(&o->admin), status = 0;
	size_t n;

	speech_post_as(&b, o->token, body);
	if (send(fd, b.p, b.n, MSG_NOSIGNAL) != (ssize_t)b.n)
		die("cannot ask the node: %s", strerror(errno));
	buf_clear(&b);
	while ((n = speech_answer(buf_bytes(&b), &status, &answer)) == 0) {
		ssize_t got;

		buf_reserve(&b, 65536);
		got = recv(fd, b.p + b.n, 65536, 0);
		if (got <= 0)
			die("no answer from the node to %.100s", body);
		b.n += (size_t)got;
	}
	if (n == SIZE_MAX || status != 200)
		die("the node answers %d to %.100s", status, body);
	buf_put(out, answer.p, answer.n);
	buf_put_u8(out, 0);
	out->n--;
	buf_close(&b);
	close(fd);
}

void ask_sequences(uint32_t *out, const struct options *o, const struct account_id *ids, uint32_t n)
{
	struct buf b = BUF_INIT;
	char body[256];

	for (uint32_t i = 0; i < n; i++) {
		int64_t sequence;

		snprintf(body, sizeof(body),
			 "{\"method\":\"account_info\",\"params\":[{\"account\":\"%s\","
			 "\"ledger_index\":\"current\"}]}",
			 account_text(&ids[i]).s);
		buf_clear(&b);
		ask(&b, o, body);
		sequence = speech_number(buf_bytes(&b), "Sequence");
		if (sequence <= 0)
			die("the genesis has too few accounts: %.200s", (const char *)b.p);
		out[i] = (uint32_t)sequence;
	}
	buf_close(&b);
}

/* ---- statistics ---- */

void samples_add(struct samples *s, double v)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->v = mem_resize(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n++] = v;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double samples_at(struct samples *s, double part)
{
	size_t i;

	if (s->n == 0)
		return 0;
	qsort(s->v, s->n, sizeof(*s->v), by_value);
	i = (size_t)(part * (double)s->n);
	return s->v[i < s->n ? i : s->n - 1];
}

void samples_put(struct buf *out, const char *name, struct samples *s)
{
	buf_printf(out, "\"%s\":{\"n\":%zu,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f},", name, s->n,
		   samples_at(s, 0.5), samples_at(s, 0.99), samples_at(s, 1));
}

void samples_close(struct samples *s)
{
	mem_free(s->v);
	*s = (struct samples){.v = NULL};
}
