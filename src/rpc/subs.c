/* SPDX-License-Identifier: ISC */
#include "rpc/subs.h"

#include "base/hmap.h"
#include "base/limits.h"
#include "base/mem.h"
#include "rpc/call.h"

struct conn_list {
	struct sub_conn **c;
	uint32_t n, cap;
};

struct sub_account {
	struct account_id id;
	enum sub_accounts kind;
	struct conn_list conns;
};

struct sub_conn {
	uint64_t id;
	unsigned version;
	uint32_t place[STREAM_COUNT]; /* index in the stream's list + 1; 0: not subscribed */
	struct sub_account **accounts;
	uint32_t n_accounts, cap_accounts;
	uint64_t serial; /* of the last broadcast that reached it by an account */
};

struct subs {
	const struct rpc_host *host;
	struct hmap conns;
	struct hmap accounts[SUB_ACCOUNTS_KINDS];
	struct conn_list streams[STREAM_COUNT];
	struct conn_list all; /* for closing */
	uint32_t n_accounts[SUB_ACCOUNTS_KINDS];
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

static bool list_has(const struct conn_list *l, const struct sub_conn *c)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (l->c[i] == c)
			return true;
	return false;
}

static void list_del(struct conn_list *l, const struct sub_conn *c)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (l->c[i] == c) {
			l->c[i] = l->c[--l->n];
			return;
		}
	must(false); /* the connection is in the list */
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

static struct hash256 account_key(const struct account_id *id)
{
	struct hash256 k = {{0}};

	memcpy(k.b, id->b, sizeof(id->b));
	return k;
}

struct subs *subs_open(const struct rpc_host *host)
{
	struct subs *s = mem_zalloc(1, sizeof(*s));
	uint64_t salt[1 + SUB_ACCOUNTS_KINDS];

	host->random(host->ctx, salt, sizeof(salt));
	s->host = host;
	hmap_init(&s->conns, salt[0]);
	for (int i = 0; i < SUB_ACCOUNTS_KINDS; i++)
		hmap_init(&s->accounts[i], salt[1 + i]);
	return s;
}

void subs_close(struct subs *s)
{
	if (!s)
		return;
	while (s->all.n > 0)
		subs_conn_closed(s, s->all.c[s->all.n - 1]->id);
	for (int i = 0; i < STREAM_COUNT; i++)
		mem_free(s->streams[i].c);
	for (int i = 0; i < SUB_ACCOUNTS_KINDS; i++)
		hmap_close(&s->accounts[i]);
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
		hmap_put(&s->conns, &k, c);
		list_add(&s->all, c);
	}
	if (c)
		c->version = version;
	return c;
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

/* ---- Accounts */

bool subs_account_add(struct subs *s, struct sub_conn *c, enum sub_accounts kind,
		      const struct account_id *id)
{
	struct hash256 k = account_key(id);
	struct sub_account *a = hmap_get(&s->accounts[kind], &k);

	if (a && list_has(&a->conns, c))
		return true;
	if (c->n_accounts >= RPC_SUB_ACCOUNTS_CONN_MAX)
		return false;
	if (!a) {
		if (s->n_accounts[SUB_ACCOUNTS] + s->n_accounts[SUB_ACCOUNTS_PROPOSED] >=
		    RPC_SUB_ACCOUNTS_MAX)
			return false;
		a = mem_zalloc(1, sizeof(*a));
		a->id = *id;
		a->kind = kind;
		hmap_put(&s->accounts[kind], &k, a);
		s->n_accounts[kind]++;
	}
	list_add(&a->conns, c);
	if (c->n_accounts == c->cap_accounts) {
		c->cap_accounts = c->cap_accounts ? 2 * c->cap_accounts : 4;
		c->accounts = mem_resize(c->accounts, c->cap_accounts,
					 sizeof(struct sub_account *));
	}
	c->accounts[c->n_accounts++] = a;
	return true;
}

/* Takes the connection out of an account's list; the account goes with its last listener. */
static void account_leave(struct subs *s, struct sub_account *a, const struct sub_conn *c)
{
	struct hash256 k = account_key(&a->id);

	list_del(&a->conns, c);
	if (a->conns.n > 0)
		return;
	must(hmap_del(&s->accounts[a->kind], &k) == a);
	s->n_accounts[a->kind]--;
	mem_free(a->conns.c);
	mem_free(a);
}

void subs_account_del(struct subs *s, struct sub_conn *c, enum sub_accounts kind,
		      const struct account_id *id)
{
	for (uint32_t i = 0; i < c->n_accounts; i++) {
		struct sub_account *a = c->accounts[i];

		if (a->kind != kind || !account_eq(&a->id, id))
			continue;
		c->accounts[i] = c->accounts[--c->n_accounts];
		account_leave(s, a, c);
		return;
	}
}

void subs_conn_closed(struct subs *s, uint64_t conn)
{
	struct hash256 k = conn_key(conn);
	struct sub_conn *c = hmap_del(&s->conns, &k);

	if (!c)
		return;
	for (int i = 0; i < STREAM_COUNT; i++)
		subs_stream_del(s, c, (enum stream)i);
	for (uint32_t i = 0; i < c->n_accounts; i++)
		account_leave(s, c->accounts[i], c);
	list_del(&s->all, c);
	mem_free(c->accounts);
	mem_free(c);
}

bool subs_has_stream(const struct subs *s, enum stream stream)
{
	return s->streams[stream].n > 0;
}

bool subs_has_accounts(const struct subs *s, enum sub_accounts kind)
{
	return s->n_accounts[kind] > 0;
}

void subs_count(const struct subs *s, uint32_t *conns, uint32_t *accounts)
{
	*conns = s->all.n;
	*accounts = s->n_accounts[SUB_ACCOUNTS] + s->n_accounts[SUB_ACCOUNTS_PROPOSED];
}

/* ---- Broadcasts */

void broadcast_begin(struct broadcast *b, struct subs *s,
		     void (*write)(struct jw *w, void *ctx, unsigned version), void *ctx)
{
	*b = (struct broadcast){.subs = s, .write = write, .ctx = ctx, .serial = ++s->serial};
}

static struct rpc_text *text_for(struct broadcast *b, unsigned version)
{
	struct rpc_text *t;
	struct jw w = JW_INIT;

	must(version >= RPC_VERSION_MIN && version <= RPC_VERSION_MAX);
	if (b->text[version])
		return b->text[version];
	jw_open(&w, '{');
	b->write(&w, b->ctx, version);
	jw_end(&w, '}');
	must(w.depth == 0 && w.out.n <= UINT32_MAX);
	t = mem_alloc(sizeof(*t) + w.out.n);
	t->refs = 1;
	t->n = (uint32_t)w.out.n;
	memcpy(t->s, w.out.p, w.out.n);
	jw_close(&w);
	b->text[version] = t;
	return t;
}

static void send(struct broadcast *b, const struct sub_conn *c)
{
	const struct rpc_host *host = b->subs->host;

	host->push(host->ctx, c->id, text_for(b, c->version));
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

void broadcast_account(struct broadcast *b, enum sub_accounts kind, const struct account_id *id)
{
	struct hash256 k = account_key(id);
	struct sub_account *a = hmap_get(&b->subs->accounts[kind], &k);
	uint32_t i = a ? a->conns.n : 0;

	while (i-- > 0) {
		struct sub_conn *c = a->conns.c[i];

		if (c->serial == b->serial)
			continue;
		c->serial = b->serial;
		send(b, c);
		/* Sending may end the connection, and with the last one the account's list. */
		a = hmap_get(&b->subs->accounts[kind], &k);
		if (!a)
			return;
		if (i > a->conns.n)
			i = a->conns.n;
	}
}

void broadcast_end(struct broadcast *b)
{
	for (size_t v = 0; v < sizeof(b->text) / sizeof(b->text[0]); v++) {
		rpc_text_unref(b->text[v]);
		b->text[v] = NULL;
	}
}
