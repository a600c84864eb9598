/* SPDX-License-Identifier: ISC */
#include "rpc/subs.h"

#include "base/hmap.h"
#include "base/limits.h"
#include "base/mem.h"
#include "rpc/call.h"
#include "rpc/history_feed.h"

struct conn_list {
	struct sub_conn **c;
	uint32_t n, cap;
};

struct sub_topic {
	struct hash256 key;
	enum topic kind;
	struct sub_link **links;
	uint32_t n, cap;
};

/* One connection follows one topic; each knows the link's place, so that it goes in no time. */
struct sub_link {
	struct sub_topic *topic;
	struct sub_conn *conn;
	uint32_t in_topic, in_conn;
	struct history_feed *feed;
};

struct sub_conn {
	uint64_t id;
	unsigned version;
	uint32_t in_all;
	uint32_t place[STREAM_COUNT]; /* index in the stream's list + 1; 0: not subscribed */
	struct sub_link **links;
	uint32_t n, cap;
	uint64_t serial; /* of the last broadcast that reached it by a topic */
};

struct subs {
	const struct rpc_host *host;
	struct hmap conns;
	struct hmap topics[TOPIC_KINDS];
	struct conn_list streams[STREAM_COUNT];
	struct conn_list all; /* for closing */
	uint32_t n_topics[TOPIC_KINDS], n_links;
	uint64_t serial;
};

bool stream_by_name(enum stream *out, const char *name)
{
	static const struct {
		const char *name;
		enum stream stream;
	} names[] = {
	    {"ledger", STREAM_LEDGER},
	    {"transactions", STREAM_TRANSACTIONS},
	    {"transactions_proposed", STREAM_PROPOSED},
	    {"rt_transactions", STREAM_PROPOSED},
	    {"server", STREAM_SERVER},
	    {"consensus", STREAM_CONSENSUS},
	    {"validations", STREAM_VALIDATIONS},
	    {"manifests", STREAM_MANIFESTS},
	    {"peer_status", STREAM_PEER_STATUS},
	    {"book_changes", STREAM_BOOK_CHANGES},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, name) == 0) {
			*out = names[i].stream;
			return true;
		}
	return false;
}

/* ---- Lists */

static void list_add(struct conn_list *l, struct sub_conn *c)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 4;
		l->c = mem_resize(l->c, l->cap, sizeof(struct sub_conn *));
	}
	l->c[l->n++] = c;
}

static struct sub_link **link_room(struct sub_link **list, uint32_t n, uint32_t *cap)
{
	if (n < *cap)
		return list;
	*cap = *cap ? 2 * *cap : 4;
	return mem_resize(list, *cap, sizeof(struct sub_link *));
}

/* ---- Keys of the tables */

/* Connection numbers count up: spread them over the table (splitmix64). */
static struct hash256 conn_key(uint64_t id)
{
	struct hash256 k = {{0}};
	uint64_t z = id + 0x9E3779B97F4A7C15ull;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
	z ^= z >> 31;
	memcpy(k.b, &id, sizeof(id));
	memcpy(k.b + 8, &z, sizeof(z)); /* where the table looks */
	return k;
}

struct hash256 topic_of_account(const struct account_id *id)
{
	struct hash256 k = {{0}};

	memcpy(k.b, id->b, sizeof(id->b));
	return k;
}

struct subs *subs_open(const struct rpc_host *host)
{
	struct subs *s = mem_zalloc(1, sizeof(*s));
	uint64_t salt[3];

	host->random(host->ctx, salt, sizeof(salt));
	s->host = host;
	hmap_init(&s->conns, salt[0]);
	for (int i = 0; i < TOPIC_KINDS; i++)
		hmap_init(&s->topics[i], salt[1 + i % 2]);
	return s;
}

void subs_close(struct subs *s)
{
	if (!s)
		return;
	while (s->all.n > 0)
		subs_conn_closed(s, s->all.c[s->all.n - 1]->id);
	must(s->n_links == 0);
	for (int i = 0; i < STREAM_COUNT; i++)
		mem_free(s->streams[i].c);
	for (int i = 0; i < TOPIC_KINDS; i++)
		hmap_close(&s->topics[i]);
	hmap_close(&s->conns);
	mem_free(s->all.c);
	mem_free(s);
}

struct sub_conn *subs_conn(struct subs *s, uint64_t conn, unsigned version, bool add)
{
	struct hash256 k = conn_key(conn);
	struct sub_conn *c = hmap_get(&s->conns, &k);

	if (!c && add && s->all.n < RPC_SUB_CONNS_MAX) {
		c = mem_zalloc(1, sizeof(*c));
		c->id = conn;
		c->in_all = s->all.n;
		hmap_put(&s->conns, &k, c);
		list_add(&s->all, c);
	}
	if (c)
		c->version = version;
	return c;
}

uint64_t sub_conn_id(const struct sub_conn *c)
{
	return c->id;
}

bool sub_conn_has_stream(const struct sub_conn *c)
{
	for (int i = 0; i < STREAM_COUNT; i++)
		if (c->place[i])
			return true;
	return false;
}

bool sub_conn_follows(const struct sub_conn *c)
{
	return c->n > 0 || sub_conn_has_stream(c);
}

void subs_stream_add(struct subs *s, struct sub_conn *c, enum stream stream)
{
	if (c->place[stream])
		return;
	list_add(&s->streams[stream], c);
	c->place[stream] = s->streams[stream].n;
}

void subs_stream_del(struct subs *s, struct sub_conn *c, enum stream stream)
{
	struct conn_list *l = &s->streams[stream];
	uint32_t at = c->place[stream];

	if (at == 0)
		return;
	must(at <= l->n && l->c[at - 1] == c);
	l->c[at - 1] = l->c[--l->n];
	l->c[at - 1]->place[stream] = at;
	c->place[stream] = 0;
}

/* ---- Topics */

/* The shorter of the two lists is looked through. */
static struct sub_link *link_of(const struct subs *s, const struct sub_conn *c, enum topic kind,
				const struct hash256 *key)
{
	const struct sub_topic *t = hmap_get(&s->topics[kind], key);

	if (!t)
		return NULL;
	if (t->n < c->n) {
		for (uint32_t i = 0; i < t->n; i++)
			if (t->links[i]->conn == c)
				return t->links[i];
		return NULL;
	}
	for (uint32_t i = 0; i < c->n; i++)
		if (c->links[i]->topic == t)
			return c->links[i];
	return NULL;
}

bool subs_has_link(const struct subs *s, const struct sub_conn *c, enum topic kind,
		   const struct hash256 *key)
{
	return link_of(s, c, kind, key) != NULL;
}

uint32_t subs_room(const struct subs *s, const struct sub_conn *c)
{
	uint32_t all = RPC_SUB_TOPICS_MAX - s->n_links;
	uint32_t own = RPC_SUB_TOPICS_CONN_MAX - (c ? c->n : 0);

	return all < own ? all : own;
}

static struct sub_topic *topic_make(struct subs *s, enum topic kind, const struct hash256 *key)
{
	struct sub_topic *t = mem_zalloc(1, sizeof(*t));

	t->key = *key;
	t->kind = kind;
	hmap_put(&s->topics[kind], key, t);
	s->n_topics[kind]++;
	return t;
}

bool subs_topic_add(struct subs *s, struct sub_conn *c, enum topic kind, const struct hash256 *key)
{
	struct sub_topic *t;
	struct sub_link *l;

	if (link_of(s, c, kind, key))
		return true;
	if (subs_room(s, c) == 0)
		return false;
	t = hmap_get(&s->topics[kind], key);
	t = t ? t : topic_make(s, kind, key);
	l = mem_zalloc(1, sizeof(*l));
	*l = (struct sub_link){.topic = t, .conn = c, .in_topic = t->n, .in_conn = c->n};
	t->links = link_room(t->links, t->n, &t->cap);
	t->links[t->n++] = l;
	c->links = link_room(c->links, c->n, &c->cap);
	c->links[c->n++] = l;
	s->n_links++;
	return true;
}

/* Takes a link out of both lists; the topic goes with its last listener. */
static void link_drop(struct subs *s, struct sub_link *l)
{
	struct sub_topic *t = l->topic;
	struct sub_conn *c = l->conn;

	must(t->links[l->in_topic] == l && c->links[l->in_conn] == l);
	t->links[l->in_topic] = t->links[--t->n];
	t->links[l->in_topic]->in_topic = l->in_topic;
	c->links[l->in_conn] = c->links[--c->n];
	c->links[l->in_conn]->in_conn = l->in_conn;
	s->n_links--;
	history_feed_close(l->feed);
	mem_free(l);
	if (t->n > 0)
		return;
	must(hmap_del(&s->topics[t->kind], &t->key) == t);
	s->n_topics[t->kind]--;
	mem_free(t->links);
	mem_free(t);
}

void subs_topic_del(struct subs *s, struct sub_conn *c, enum topic kind, const struct hash256 *key)
{
	struct sub_link *l = link_of(s, c, kind, key);

	if (l)
		link_drop(s, l);
}

void subs_set_feed(struct subs *s, struct sub_conn *c, const struct hash256 *key,
		   struct history_feed *feed)
{
	struct sub_link *l = link_of(s, c, SUB_HISTORIES, key);

	must(l && !l->feed);
	l->feed = feed;
}

struct history_feed *subs_feed(const struct subs *s, const struct sub_conn *c,
			       const struct hash256 *key)
{
	const struct sub_link *l = link_of(s, c, SUB_HISTORIES, key);

	return l ? l->feed : NULL;
}

uint32_t subs_feeds(const struct sub_conn *c)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n; i++)
		n += c->links[i]->feed != NULL;
	return n;
}

void subs_conn_closed(struct subs *s, uint64_t conn)
{
	struct hash256 k = conn_key(conn);
	struct sub_conn *c = hmap_del(&s->conns, &k);

	if (!c)
		return;
	for (int i = 0; i < STREAM_COUNT; i++)
		subs_stream_del(s, c, (enum stream)i);
	while (c->n > 0)
		link_drop(s, c->links[c->n - 1]);
	must(s->all.c[c->in_all] == c);
	s->all.c[c->in_all] = s->all.c[--s->all.n];
	s->all.c[c->in_all]->in_all = c->in_all;
	mem_free(c->links);
	mem_free(c);
}

bool subs_has_stream(const struct subs *s, enum stream stream)
{
	return s->streams[stream].n > 0;
}

bool subs_has_topics(const struct subs *s, enum topic kind)
{
	return s->n_topics[kind] > 0;
}

void subs_count(const struct subs *s, uint32_t *conns, uint32_t *topics)
{
	*conns = s->all.n;
	*topics = s->n_links;
}

/* ---- Messages */

static struct rpc_text *text_make(void (*write)(struct jw *w, void *ctx, unsigned version),
				  void *ctx, unsigned version, uint32_t conflate)
{
	struct rpc_text *t;
	struct jw w = JW_INIT;

	must(version >= RPC_VERSION_MIN && version <= RPC_VERSION_MAX);
	jw_open(&w, '{');
	write(&w, ctx, version);
	jw_end(&w, '}');
	must(w.depth == 0 && w.out.n <= UINT32_MAX);
	t = mem_alloc(sizeof(*t) + w.out.n);
	t->refs = 1;
	t->n = (uint32_t)w.out.n;
	t->conflate = conflate;
	memcpy(t->s, w.out.p, w.out.n);
	jw_close(&w);
	return t;
}

bool subs_send(struct subs *s, struct sub_conn *c,
	       void (*write)(struct jw *w, void *ctx, unsigned version), void *ctx)
{
	struct rpc_text *t = text_make(write, ctx, c->version, CONFLATE_NONE);
	bool there = s->host->push(s->host->ctx, c->id, t);

	rpc_text_unref(t);
	return there;
}

void broadcast_begin(struct broadcast *b, struct subs *s,
		     void (*write)(struct jw *w, void *ctx, unsigned version), void *ctx)
{
	*b = (struct broadcast){.subs = s, .write = write, .ctx = ctx, .serial = ++s->serial};
}

void broadcast_next_round(struct broadcast *b)
{
	b->serial = ++b->subs->serial;
}

static void send(struct broadcast *b, const struct sub_conn *c)
{
	const struct rpc_host *host = b->subs->host;
	unsigned v = c->version;

	if (!b->text[v])
		b->text[v] = text_make(b->write, b->ctx, v, b->conflate);
	host->push(host->ctx, c->id, b->text[v]);
}

/* From the end: a connection that goes away while it is sent to is replaced by one that has had
 * the message. */
void broadcast_stream(struct broadcast *b, enum stream stream)
{
	const struct conn_list *l = &b->subs->streams[stream];

	for (uint32_t i = l->n; i-- > 0;)
		if (i < l->n)
			send(b, l->c[i]);
}

/* Sending may end connections, and with the last one the topic: it is looked up again each time. */
static struct sub_link *next_link(const struct subs *s, enum topic kind, const struct hash256 *key,
				  uint32_t *i)
{
	const struct sub_topic *t = hmap_get(&s->topics[kind], key);

	if (!t)
		return NULL;
	if (*i > t->n)
		*i = t->n;
	return *i > 0 ? t->links[--*i] : NULL;
}

void broadcast_topic(struct broadcast *b, enum topic kind, const struct hash256 *key)
{
	uint32_t i = UINT32_MAX;
	struct sub_link *l;

	while ((l = next_link(b->subs, kind, key, &i))) {
		if (l->conn->serial == b->serial)
			continue;
		l->conn->serial = b->serial;
		send(b, l->conn);
	}
}

void subs_each_feed(struct subs *s, const struct hash256 *key,
		    void (*call)(void *ctx, struct history_feed *feed), void *ctx)
{
	uint32_t i = UINT32_MAX;
	struct sub_link *l;

	while ((l = next_link(s, SUB_HISTORIES, key, &i)))
		if (l->feed)
			call(ctx, l->feed);
}

void broadcast_end(struct broadcast *b)
{
	for (size_t v = 0; v < sizeof(b->text) / sizeof(b->text[0]); v++) {
		rpc_text_unref(b->text[v]);
		b->text[v] = NULL;
	}
}
