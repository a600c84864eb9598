/* SPDX-License-Identifier: ISC */
#include "net/uv_peers_impl.h"

#include "crypto/base58.h"

#include <stdarg.h>
#include <stdio.h>

#define TICK_MS              1000
#define STALL_MS             5000 /* a tick so late: this process stood still */
#define BACKLOG              128
#define DRAIN_TICK_MS        100
#define LOG_LINES_PER_SECOND 50

struct now peers_now(const struct peers *p)
{
	return p->host.now(p->host.ctx);
}

/* Connections of strangers cannot fill the log: so many lines a second, then a number. */
static bool may_log(struct peers *p)
{
	struct steady now = peers_now(p).steady;

	if (steady_since(p->log_second, now) >= 1000) {
		uint32_t dropped = p->log_dropped;

		p->log_second = now;
		p->log_lines = p->log_dropped = 0;
		if (dropped) {
			struct log_field n = F_NUMBER("lines", dropped);

			p->host.log(p->host.ctx, LOG_WARN, "more lines like these", 1, &n);
		}
	}
	if (++p->log_lines > LOG_LINES_PER_SECOND) {
		p->log_dropped++;
		return false;
	}
	return true;
}

void peers_event(struct peers *p, enum log_level level, const char *msg, size_t n,
		 const struct log_field *fields)
{
	if (may_log(p))
		p->host.log(p->host.ctx, (int)level, msg, n, fields);
}

void peers_log(struct peers *p, enum log_level level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	peers_event(p, level, text, 0, NULL);
}

/* Who is there. */

static struct peer_conn *find_id(const struct peers *p, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < p->n_up; i++)
		if (p->up[i]->id == id)
			return p->up[i];
	return NULL;
}

struct peer_conn *peers_find_key(struct peers *p, const struct public_key *key)
{
	uint32_t i;

	for (i = 0; i < p->n_up; i++)
		if (!p->up[i]->marked && !public_key_cmp(&p->up[i]->key, key))
			return p->up[i];
	return NULL;
}

static bool is_reserved(const struct peers *p, const struct public_key *key)
{
	uint32_t i;

	for (i = 0; i < p->config.n_reserved; i++)
		if (!public_key_cmp(&p->reserved[i], key))
			return true;
	return false;
}

void peers_reserve(struct peers *p, const struct public_key *keys, uint32_t n)
{
	must(n <= PEERS_RESERVED_MAX);
	mem_free(p->reserved);
	p->reserved = mem_zalloc(n ? n : 1, sizeof(*p->reserved));
	if (n)
		memcpy(p->reserved, keys, n * sizeof(*p->reserved));
	p->config.reserved = p->reserved;
	p->config.n_reserved = n;
}

bool peers_is_exempt(const struct peers *p, const struct public_key *key)
{
	const struct peer_dial *d;

	for (d = p->dials; d; d = d->next)
		if (d->fixed && d->have_key && !public_key_cmp(&d->key, key))
			return true;
	return is_reserved(p, key);
}

/* Two connections to the same key. The one dialled by the smaller key stays, so both sides decide
 * alike. If one side dialled both: a peer that dials anew has lost its old one; if it was us, the
 * second is superfluous (two addresses of one node). */
static bool newer_stays(const struct peers *p, const struct peer_conn *old,
			const struct peer_conn *new)
{
	bool we_are_smaller = public_key_cmp(secret_key_public(p->config.identity), &new->key) < 0;

	if (old->inbound == new->inbound)
		return new->inbound;
	return new->inbound != we_are_smaller;
}

const char *peers_admit(struct peers *p, struct peer_conn *c)
{
	bool exempt;
	struct culprit who = culprit_of_key(&c->key);
	struct peer_conn *old;

	if (c->dial) {
		c->dial->have_key = true;
		c->dial->key = c->key;
	}
	exempt = peers_is_exempt(p, &c->key);
	if (p->shutting)
		return "shutting down";
	if (!exempt &&
	    (c->only_reserved || refusals_active(&p->refusals, &who, peers_now(p).steady)))
		return "refused for a while";
	old = peers_find_key(p, &c->key);
	if (old && !newer_stays(p, old, c))
		return "duplicate connection";
	if (p->n_up >= PEERS_UP_MAX || (!old && !exempt && p->n_up >= p->config.peers_max)) {
		p->refused_full++;
		return "no free place";
	}
	c->id = ++p->last_id;
	c->since = peers_now(p).steady;
	p->up[p->n_up++] = c;
	if (old) {
		old->end = PEER_END_REPLACED;
		peer_conn_end(old, false, "replaced by another connection");
	}
	return NULL;
}

static void remove_up(struct peers *p, const struct peer_conn *c)
{
	uint32_t i = 0;

	while (i < p->n_up && p->up[i] != c)
		i++;
	must(i < p->n_up);
	p->n_up--;
	memmove(&p->up[i], &p->up[i + 1], (p->n_up - i) * sizeof(struct peer_conn *));
}

/* Whether a fixed peer lives there: behind a link that comes and goes it looks like one who never
 * proves itself. */
static bool is_fixed_place(const struct peers *p, const struct peer_place *place)
{
	const struct peer_dial *d;
	struct sockaddr_storage a;
	struct peer_place fixed;

	for (d = p->dials; d; d = d->next) {
		if (!d->fixed || !peer_address_numeric(&a, d->host, d->port))
			continue;
		peer_place_of(&fixed, (const struct sockaddr *)&a);
		if (!memcmp(&fixed.culprit, &place->culprit, sizeof(struct culprit)))
			return true;
	}
	return false;
}

bool peers_is_welcome(const struct peers *p, const struct peer_place *place)
{
	uint32_t i;

	for (i = 0; i < p->n_up; i++)
		if (!memcmp(&p->up[i]->place.culprit, &place->culprit, sizeof(struct culprit)) &&
		    peers_is_exempt(p, &p->up[i]->key))
			return true;
	return is_fixed_place(p, place);
}

/* Notes an offence against the key if it was proved. New keys cost nothing: so it counts for the
 * address as well, though never at once. Returns for how many ms either is refused. */
static int64_t punish(struct peers *p, const struct peer_conn *c, struct now now)
{
	bool place = !c->place.loopback && c->inbound && !is_fixed_place(p, &c->place);
	struct culprit key;
	int64_t by_key = 0, by_place = 0;

	if (!c->offence || (c->id && peers_is_exempt(p, &c->key)))
		return 0;
	if (c->id) {
		key = culprit_of_key(&c->key);
		by_key = refusals_note(&p->refusals, &key, c->at_once, now.steady);
	}
	if (place)
		by_place = refusals_note(&p->refusals, &c->place.culprit, !c->id && c->at_once,
					 now.steady);
	return by_key > by_place ? by_key : by_place;
}

static void log_end(struct peers *p, const struct peer_conn *c)
{
	struct base58_text key = node_public_text(&c->key);
	struct log_field f[] = {
	    F_TEXT("address", c->place.text),
	    F_TEXT("key", c->id ? key.s : NULL),
	    F_TEXT("reason", c->reason),
	};

	if (c->id || c->inbound)
		peers_event(p, c->offence ? LOG_WARN : LOG_INFO,
			    c->id ? "peer down" : "connection refused", 3, f);
}

void peers_ended(struct peers *p, struct peer_conn *c)
{
	struct now now = peers_now(p);
	int64_t refused_ms = punish(p, c, now);

	log_end(p, c);
	if (refused_ms)
		peers_log(p, LOG_WARN, "%s is refused for %lld s", c->place.text,
			  (long long)(refused_ms / 1000));
	p->gone.ended[c->end]++;
	if (c->id)
		remove_up(p, c);
	if (c->dial) {
		struct peer_dial *d = c->dial;

		c->dial = NULL;
		peer_dial_ended(d, c, now);
	}
	if (c->id && !p->shutting)
		p->host.peer_down(p->host.ctx, c->id, c->reason);
	peers_arm(p, 0);
}

/* The loop's own callbacks. */

static void on_tick(uv_timer_t *t);

void peers_arm(struct peers *p, int64_t ms)
{
	struct steady at = steady_after(peers_now(p).steady, ms);

	if (!p->started || p->shutting || at.ms >= p->due.ms)
		return;
	p->due = at;
	uv_update_time(p->config.loop);
	must(!uv_timer_start(&p->timer, on_tick, ms > 0 ? (uint64_t)ms : 0, 0));
}

static void on_tick(uv_timer_t *t)
{
	struct peers *p = t->data;
	struct now now = peers_now(p);
	int64_t gap = steady_since(p->ticked, now.steady);
	struct peer_conn *c;
	struct peer_dial *d, *next;

	p->ticked = now.steady;
	p->due = STEADY_NEVER;
	peers_arm(p, TICK_MS);
	for (c = p->conns; c; c = c->next)
		peer_conn_tick(c, now, gap > STALL_MS ? gap : 0);
	for (d = p->dials; d && !p->shutting; d = next) {
		next = d->next;
		peer_dial_tick(d, now);
	}
}

static void begin_shutdown(struct peers *p);

/* Once per turn of the loop, before it waits: what was marked ends, what was queued goes out. */
static void on_prepare(uv_prepare_t *h)
{
	struct peers *p = h->data;
	struct peer_conn *c;

	for (c = p->conns; c; c = c->next) {
		if (c->marked)
			peer_conn_end(c, c->offence, c->reason);
		else
			peer_conn_flush(c);
	}
	if (p->shutting)
		begin_shutdown(p);
}

static void on_connection(uv_stream_t *s, int status)
{
	struct peers *p = s->data;

	if (status)
		peers_log(p, LOG_WARN, "cannot accept a connection: %s", uv_strerror(status));
	else if (!p->shutting)
		peer_conn_accept(p);
}

/* Beginning and end. */

static void free_all(struct peers *p)
{
	peer_dial_close_all(p);
	mem_free(p->reserved);
	mem_free(p);
}

static void on_handle_closed(uv_handle_t *h)
{
	peers_handle_closed(h->data);
}

void peers_handle_closed(struct peers *p)
{
	must(p->handles > 0);
	p->handles--;
	if (p->draining && !p->n_conns && !uv_is_closing((uv_handle_t *)&p->timer))
		uv_close((uv_handle_t *)&p->timer, on_handle_closed);
	if (p->handles)
		return;
	if (p->abandoned)
		free_all(p);
	else if (p->done)
		p->done(p->done_ctx);
}

static enum err listen_failed(int e, const char *text, struct why *why)
{
	enum err err = ERR_IO;

	if (e == UV_EADDRINUSE)
		err = ERR_BUSY;
	else if (e == UV_EACCES)
		err = ERR_PERMISSION;
	else if (e == UV_EADDRNOTAVAIL)
		err = ERR_INVALID;
	return why_set(why, err, "cannot listen on %s: %s", text, uv_strerror(e));
}

static enum err start_listening(struct peers *p, const char *text, struct why *why)
{
	struct sockaddr_storage a;
	uint16_t port;
	char host[64];
	int e, n = sizeof(a);
	enum err err = peer_address_split(host, sizeof(host), &port, text, why);

	if (err)
		return err;
	if (!peer_address_numeric(&a, host, port))
		return why_set(why, ERR_INVALID, "'%s': a numeric address is wanted", text);
	e = uv_tcp_bind(&p->listener, (const struct sockaddr *)&a, 0);
	if (!e)
		e = uv_listen((uv_stream_t *)&p->listener, BACKLOG, on_connection);
	if (!e)
		e = uv_tcp_getsockname(&p->listener, (struct sockaddr *)&a, &n);
	if (e)
		return listen_failed(e, text, why);
	p->port = load_be16((const uint8_t *)&((struct sockaddr_in *)(void *)&a)->sin_port);
	return ERR_NONE;
}

static enum err configure(struct peers *p, const struct peers_config *c, struct why *why)
{
	enum err e = ERR_NONE;
	uint32_t i;

	must(c->n_reserved <= PEERS_RESERVED_MAX);
	if (!c->peers_max || c->peers_max > PEERS_MAX)
		return why_set(why, ERR_RANGE, "%u peers, 1 to %d wanted", c->peers_max, PEERS_MAX);
	if (c->listen)
		e = start_listening(p, c->listen, why);
	for (i = 0; !e && i < c->n_connect; i++)
		e = peer_dial_add(p, c->connect[i], true, NULL, why);
	return e;
}

static void init_handles(struct peers *p)
{
	must(!uv_tcp_init(p->config.loop, &p->listener));
	must(!uv_timer_init(p->config.loop, &p->timer));
	must(!uv_prepare_init(p->config.loop, &p->prepare));
	p->listener.data = p->timer.data = p->prepare.data = p;
	p->handles = 3;
}

enum err peers_open(struct peers **out, const struct peers_config *c, const struct peers_host *host,
		    struct why *why)
{
	struct peers *p = mem_zalloc(1, sizeof(*p));
	uint64_t seed;
	enum err e;

	p->config = *c;
	p->config.listen = NULL;
	p->config.connect = NULL;
	p->host = *host;
	p->reserved = mem_zalloc(c->n_reserved, sizeof(*p->reserved));
	if (c->n_reserved)
		memcpy(p->reserved, c->reserved, c->n_reserved * sizeof(*p->reserved));
	p->config.reserved = p->reserved;
	host->random(host->ctx, &seed, sizeof(seed));
	rng_init(&p->rng, seed);
	buckets_init(&p->accepts, PEER_ACCEPTS_PER_SECOND, PEER_ACCEPTS_BURST, rng_next(&p->rng));
	init_handles(p);
	e = configure(p, c, why);
	if (e) {
		p->abandoned = true; /* freed when the loop has closed the handles */
		uv_close((uv_handle_t *)&p->listener, on_handle_closed);
		uv_close((uv_handle_t *)&p->timer, on_handle_closed);
		uv_close((uv_handle_t *)&p->prepare, on_handle_closed);
		return e;
	}
	must(!uv_prepare_start(&p->prepare, on_prepare));
	p->started = true;
	p->ticked = peers_now(p).steady;
	p->due = STEADY_NEVER;
	peers_arm(p, 0);
	*out = p;
	return ERR_NONE;
}

uint16_t peers_port(const struct peers *p)
{
	return p->port;
}

/* What the host asks for. */

bool peers_send(struct peers *p, uint32_t id, struct wire_frame *f)
{
	struct peer_conn *c = find_id(p, id);

	return c && !p->shutting && peer_conn_send(c, f);
}

void peers_broadcast(struct peers *p, uint32_t except, struct wire_frame *f)
{
	uint32_t i;

	for (i = 0; i < p->n_up && !p->shutting; i++)
		if (p->up[i]->id != except)
			(void)peer_conn_send(p->up[i], f);
}

enum err peers_connect(struct peers *p, const char *address, struct why *why)
{
	struct peer_dial *d;
	enum err e = ERR_NONE;

	if (p->shutting)
		return why_set(why, ERR_STATE, "shutting down");
	for (d = p->dials; d && strcmp(d->text, address); d = d->next)
		;
	if (!d)
		e = peer_dial_add(p, address, false, &d, why);
	if (e)
		return e;
	if (d->to_self)
		return why_set(why, ERR_STATE, "%s is this node itself", address);
	d->failures = 0;
	d->told = false;
	d->next_at = peers_now(p).steady;
	peers_arm(p, 0);
	return ERR_NONE;
}

void peers_drop(struct peers *p, uint32_t id, const char *reason)
{
	struct peer_conn *c = find_id(p, id);

	if (!c || c->marked)
		return;
	c->at_once = true;
	c->end = PEER_END_INVALID;
	peer_conn_mark(c, true, reason);
}

void peers_useless(struct peers *p, uint32_t id, uint32_t units)
{
	struct peer_conn *c = find_id(p, id);
	enum session_end e;

	if (!c || c->marked)
		return;
	e = session_useless(c->session, units, peers_now(p), &c->sealed);
	if (!e)
		return;
	c->at_once = true;
	c->end = PEER_END_USELESS;
	peer_conn_mark(c, true, "above its budget: useless work");
}

void peers_shutdown(struct peers *p, void (*done)(void *ctx), void *ctx)
{
	must(!p->shutting && p->started);
	p->done = done;
	p->done_ctx = ctx;
	/* The rest in on_prepare: this may be a call from within any of the host's callbacks. */
	p->shutting = true;
}

static void on_drain(uv_timer_t *t)
{
	struct peers *p = t->data;
	struct peer_conn *c;

	for (c = p->conns; c; c = c->next)
		peer_conn_tick(c, peers_now(p), 0);
}

/* What the lanes held (a last bow-out) has just gone as far as the sockets took it. The timer goes
 * last: it ends connections whose other side does not close. */
static void begin_shutdown(struct peers *p)
{
	struct peer_conn *c;

	/* Only from here on may the last handle to go take the timer along. */
	p->draining = true;
	for (c = p->conns; c; c = c->next) {
		if (!c->marked)
			c->end = PEER_END_STOPPING;
		peer_conn_end(c, false, "shutting down");
	}
	must(!uv_timer_start(&p->timer, on_drain, DRAIN_TICK_MS, DRAIN_TICK_MS));
	uv_close((uv_handle_t *)&p->listener, on_handle_closed);
	uv_close((uv_handle_t *)&p->prepare, on_handle_closed);
}

void peers_close(struct peers *p)
{
	must(p->shutting && !p->handles);
	free_all(p);
}
