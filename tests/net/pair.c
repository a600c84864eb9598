/* SPDX-License-Identifier: ISC */
#include "tests/net/pair.h"

#include "base/mem.h"

struct secret_key *test_identity(uint8_t n)
{
	struct secret_key *key = NULL;
	uint8_t secret[32];

	memset(secret, n, sizeof(secret));
	must(!secret_key_of_bytes(&key, NULL, KEY_ED25519, secret));
	return key;
}

static void side_init(struct side *s, enum session_role role, uint8_t n)
{
	memset(s, 0, sizeof(*s));
	s->key = test_identity(n);
	s->config.role = role;
	s->config.network_id = 21337;
	memset(s->config.genesis.b, 0x77, sizeof(s->config.genesis.b));
	s->config.identity = s->key;
	memset(s->config.ephemeral_seed, n ^ 0x80, sizeof(s->config.ephemeral_seed));
}

void pair_init(struct pair *p, uint8_t n)
{
	must(n < 0x40);
	side_init(&p->a, SESSION_INITIATOR, (uint8_t)(2 * n + 1));
	side_init(&p->b, SESSION_RESPONDER, (uint8_t)(2 * n + 2));
	p->now.steady.ms = 1000000;
	p->now.net.s = 800000000;
}

void pair_start(struct pair *p)
{
	p->a.s = session_open(&p->a.config, p->now);
	p->b.s = session_open(&p->b.config, p->now);
	session_start(p->a.s, &p->a.out);
}

static void on_message(void *ctx, const struct msg *m)
{
	struct side *s = ctx;
	struct wire_frame *f = wire_encode(m);

	s->received++;
	if (!s->first[m->type])
		s->first[m->type] = s->received;
	buf_put(&s->messages, f->bytes, f->n);
	wire_frame_unref(f);
}

void side_feed(struct side *to, struct bytes in, struct now now)
{
	enum session_end e = session_feed(to->s, in, now, &to->out, on_message, to);

	must(!to->end || e == to->end); /* an end is for good */
	to->end = e;
}

void side_tick(struct side *s, struct now now)
{
	s->end = session_tick(s->s, now, &s->out);
}

void side_send(struct side *s, const struct msg *m)
{
	struct wire_frame *f = wire_encode(m);

	session_send(s->s, f, &s->out);
	wire_frame_unref(f);
}

/* One delivery; false when there was nothing to deliver. */
static bool deliver(struct side *from, struct side *to, size_t chunk, struct now now)
{
	uint8_t *copy; /* of exactly that size, so that a sanitizer sees overreads */
	size_t n = from->out.n;

	if (!n)
		return false;
	if (chunk && n > chunk)
		n = chunk;
	copy = mem_alloc(n);
	memcpy(copy, from->out.p, n);
	buf_consume(&from->out, n);
	if (!to->end)
		side_feed(to, bytes_of(copy, n), now);
	mem_free(copy);
	return true;
}

void pair_run(struct pair *p, size_t chunk)
{
	bool more = true;

	while (more) {
		more = deliver(&p->a, &p->b, chunk, p->now);
		more |= deliver(&p->b, &p->a, chunk, p->now);
	}
}

void pair_ready(struct pair *p, uint8_t n)
{
	pair_init(p, n);
	pair_start(p);
	pair_run(p, 0);
	must(session_ready(p->a.s) && session_ready(p->b.s));
}

static void side_close(struct side *s)
{
	session_close(s->s);
	secret_key_close(s->key);
	buf_close(&s->out);
	buf_close(&s->messages);
}

void pair_close(struct pair *p)
{
	side_close(&p->a);
	side_close(&p->b);
}
