/* SPDX-License-Identifier: ISC */
#include "daemon/lists.h"

#include "crypto/base64.h"
#include "daemon/fetch.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"

#include <stdio.h>

#define TICK_MS         1000
#define REFRESH_S       300
#define RETRY_S         30
#define WARN_S          (7 * 86400) /* before a list expires */
#define KEEP_EVERY_MS   5000        /* manifests are written at most so often */
#define KNOWN_MAX       (2 * UNL_MAX)
#define MANIFESTS_BYTES (1u << 20)

struct site {
	struct lists *l;
	const char *uri; /* of the configuration */
	bool file, busy, good;
	struct fetch fetch;
	struct steady next;
	uint64_t next_unix_ms, last_unix_ms;
	uint32_t refresh_s;
	enum list_fate fate;
	char message[WHY_MAX];
};

struct lists {
	const struct config *c;
	struct publishers *publishers;
	struct site sites[2 * CONFIG_LISTS_MAX];
	uint32_t n_sites;
	uint64_t version; /* of the publishers, as last told */
	struct arena arena;
	struct publishers_unl unl;
	struct node_event event;
	struct arena known_arena; /* manifests from disk, for the start */
	struct bytes *known;
	uint32_t n_known;
	struct lists_hooks hooks;
	uv_timer_t timer;
	bool started, stopping, timer_gone;
	void (*done)(void *ctx);
	void *done_ctx;
	bool warned;
	struct steady kept_at;
	struct buf kept, to_keep; /* the manifests file: as it is, as it should be */
};

static void path_of(const struct lists *l, uint32_t i, char out[CONFIG_PATH_MAX + 80])
{
	struct publisher_info info;
	char hex[67];

	publishers_get(l->publishers, i, &info);
	hex_encode(hex, info.key.b, sizeof(info.key.b));
	snprintf(out, CONFIG_PATH_MAX + 80, "%s/list.%s", l->c->data_dir, hex);
}

/* ---- overlap ---- */

static bool safe_beside(const struct publishers_unl *u, const struct config_keys *other)
{
	struct public_key v[UNL_MAX];
	uint32_t i, k;

	for (i = 0; i < other->n; i++) { /* insertion: a few, and each is different */
		for (k = i; k && public_key_cmp(&v[k - 1], &other->v[i]) > 0; k--)
			v[k] = v[k - 1];
		v[k] = other->v[i];
	}
	return node_unl_safe(u->keys, u->n, v, other->n);
}

static bool safe_beside_list(const struct publishers_unl *u, const struct publisher_list *p)
{
	struct config_keys keys = {.v = mem_alloc((p->n + 1) * sizeof(*keys.v)), .n = p->n};
	bool safe;
	uint32_t i;

	for (i = 0; i < p->n; i++)
		keys.v[i] = p->v[i].master;
	safe = safe_beside(u, &keys);
	mem_free(keys.v);
	return safe;
}

/* Others may follow one source alone, or the other UNL that is named: with each of those ours must
 * overlap enough. */
static enum err check_overlap(const struct lists *l, struct why *why)
{
	uint32_t i, n = publishers_count(l->publishers);
	struct publisher_info info;
	char hex[67];

	if (l->unl.blocked)
		return ERR_NONE; /* nothing is validated on it anyway */
	for (i = 0; i < l->c->n_overlap_with; i++)
		if (!safe_beside(&l->unl, &l->c->overlap_with[i]))
			return why_set(why, ERR_MISMATCH,
				       "the UNL of %u differs too much from the one of [unl] "
				       "overlap_with (number %u, %u validators): the network "
				       "could fork",
				       l->unl.n, i + 1, l->c->overlap_with[i].n);
	if (l->c->unl.n && n && !safe_beside(&l->unl, &l->c->unl))
		return why_set(why, ERR_MISMATCH,
			       "the keys in [unl] and the publishers' lists differ too much: the "
			       "network could fork");
	for (i = 0; n > 1 && i < n; i++) {
		publishers_get(l->publishers, i, &info);
		hex_encode(hex, info.key.b, 4);
		if (info.status == PUBLISHER_AVAILABLE && !safe_beside_list(&l->unl, &info.current))
			return why_set(why, ERR_MISMATCH,
				       "the list of publisher %s... differs too much from the UNL "
				       "that follows from all: the network could fork",
				       hex);
	}
	return ERR_NONE;
}

/* What the node is to know now. With sources that contradict each other nothing is validated. */
static enum err renew(struct lists *l, struct why *why)
{
	enum err e;

	arena_reset(&l->arena);
	publishers_unl(l->publishers, &l->arena, &l->unl);
	e = check_overlap(l, why);
	if (e != ERR_NONE) {
		log_line(LOG_ERROR, "lists", "%s%s", why->text,
			 l->c->unsafe_overlap ? "; going on, as [unl] unsafe_overlap says"
					      : "; not validating");
		l->unl.blocked = !l->c->unsafe_overlap;
	}
	l->version = publishers_version(l->publishers);
	l->event = (struct node_event){.kind = NODE_UNL};
	l->event.unl.keys = l->unl.keys;
	l->event.unl.n = l->unl.n;
	l->event.unl.blocked = l->unl.blocked;
	l->event.unl.manifests = l->unl.manifests;
	l->event.unl.n_manifests = l->unl.n_manifests;
	return e;
}

const struct node_event *lists_now(struct lists *l)
{
	uint32_t i;

	if (l->n_known) { /* at the start: with what is known from disk */
		struct bytes *all = arena_alloc(&l->arena,
						(l->n_known + l->unl.n_manifests) * sizeof(*all));

		memcpy(all, l->known, l->n_known * sizeof(*all));
		for (i = 0; i < l->unl.n_manifests; i++)
			all[l->n_known + i] = l->unl.manifests[i];
		l->event.unl.manifests = all;
		l->event.unl.n_manifests = l->n_known + l->unl.n_manifests;
	}
	return &l->event;
}

/* ---- the data folder ---- */

static void read_kept(struct lists *l)
{
	char path[CONFIG_PATH_MAX + 80];
	struct buf b = BUF_INIT;
	struct why why = {""};
	uint32_t i;

	for (i = 0; i < publishers_count(l->publishers); i++) {
		buf_clear(&b);
		path_of(l, i, path);
		if (file_read(&b, path, LIST_DOCUMENT_MAX, NULL) != ERR_NONE)
			continue;
		if (publishers_offer(l->publishers, buf_bytes(&b), clock_now().net, "kept on disk",
				     &why) >= LIST_STALE)
			log_line(LOG_WARN, "lists", "%s: %s", path, why.text);
	}
	buf_close(&b);
}

static void keep(struct lists *l)
{
	char path[CONFIG_PATH_MAX + 80];
	struct buf b = BUF_INIT;
	struct why why = {""};
	uint32_t i;

	for (i = 0; i < publishers_count(l->publishers); i++) {
		buf_clear(&b);
		path_of(l, i, path);
		if (publishers_print(l->publishers, i, &b) &&
		    file_write(path, buf_bytes(&b), 0644, &why) != ERR_NONE)
			log_line(LOG_WARN, "lists", "%s", why.text);
	}
	buf_close(&b);
}

static void read_manifests(struct lists *l)
{
	char path[CONFIG_PATH_MAX + 16], *line, *save = NULL;
	struct buf text = BUF_INIT, one = BUF_INIT;

	snprintf(path, sizeof(path), "%s/manifests", l->c->data_dir);
	if (file_read(&text, path, MANIFESTS_BYTES, NULL) != ERR_NONE)
		return;
	buf_put(&l->kept, text.p, text.n);
	buf_put_u8(&text, 0);
	l->known = arena_zalloc(&l->known_arena, KNOWN_MAX, sizeof(*l->known));
	for (line = strtok_r((char *)text.p, "\n", &save); line && l->n_known < KNOWN_MAX - 1;
	     line = strtok_r(NULL, "\n", &save)) {
		buf_clear(&one);
		if (base64_decode(&one, bytes_str(line)) == ERR_NONE)
			l->known[l->n_known++] = bytes_of(arena_copy(&l->known_arena, one.p, one.n),
							  one.n);
	}
	buf_close(&text);
	buf_close(&one);
}

/* The base64 under "[validator_key_revocation]", in lines. */
static enum err read_revocation(struct lists *l, struct why *why)
{
	struct buf text = BUF_INIT, one = BUF_INIT;
	const char *path = l->c->revocation_file;
	struct manifest m;
	enum err e = file_read(&text, path, 4096, why);
	const char *body;

	buf_put_u8(&text, 0);
	body = strchr((char *)text.p, ']');
	if (e == ERR_NONE) {
		e = base64_decode(&one, bytes_str(body ? body + 1 : (char *)text.p));
		if (e == ERR_NONE)
			e = manifest_parse(&m, buf_bytes(&one), why);
		if (e != ERR_NONE || !manifest_revokes(&m) || !manifest_verify(&m))
			e = why_set(why, ERR_INVALID, "%s: no revocation of a master key", path);
	}
	if (e == ERR_NONE) {
		if (!l->known)
			l->known = arena_zalloc(&l->known_arena, KNOWN_MAX, sizeof(*l->known));
		l->known[l->n_known++] = bytes_of(arena_copy(&l->known_arena, one.p, one.n), one.n);
	}
	buf_close(&text);
	buf_close(&one);
	return e == ERR_NONE ? e : why_add(why, e, "[validator] revocation_file");
}

void lists_keep_manifests(struct lists *l, const struct node *n)
{
	const struct public_key *keys;
	uint32_t i, k = node_listed(n, &keys);

	buf_clear(&l->to_keep);
	for (i = 0; i < k; i++) {
		const struct manifest *m = node_manifest(n, &keys[i]);

		if (!m)
			continue;
		base64_encode(&l->to_keep, m->bytes);
		buf_put_u8(&l->to_keep, '\n');
	}
}

static void write_manifests(struct lists *l)
{
	char path[CONFIG_PATH_MAX + 16];
	struct why why = {""};

	if (!l->to_keep.n || bytes_eq(buf_bytes(&l->kept), buf_bytes(&l->to_keep)))
		return;
	l->kept_at = clock_steady();
	snprintf(path, sizeof(path), "%s/manifests", l->c->data_dir);
	if (file_write(path, buf_bytes(&l->to_keep), 0644, &why) != ERR_NONE) {
		log_line(LOG_WARN, "lists", "%s", why.text);
		return;
	}
	buf_clear(&l->kept);
	buf_put(&l->kept, l->to_keep.p, l->to_keep.n);
}

/* ---- sources ---- */

static uint32_t refresh_of(const struct lists *l, const struct buf *body)
{
	struct list_document d;
	struct arena a = ARENA_INIT;
	uint32_t s = REFRESH_S;

	if (l->c->list_refresh_s)
		return l->c->list_refresh_s;
	if (list_document_parse(&d, &a, buf_bytes(body), NULL) == ERR_NONE && d.refresh_min)
		s = d.refresh_min > 24 * 60 ? 86400 : d.refresh_min * 60;
	arena_close(&a);
	return s;
}

static void next_look(struct site *s, uint32_t after_s)
{
	s->next = steady_after(clock_steady(), (int64_t)after_s * 1000);
	s->next_unix_ms = clock_unix_ms() + (uint64_t)after_s * 1000;
}

static void tell(struct lists *l)
{
	struct why why = {""};

	if (publishers_version(l->publishers) == l->version)
		return;
	(void)renew(l, &why);
	if (!l->started)
		return;
	keep(l);
	l->hooks.changed(l->hooks.ctx, &l->event);
}

static void failed(struct site *s, const struct why *why)
{
	uint32_t every = s->l->c->list_refresh_s ? s->l->c->list_refresh_s : REFRESH_S;

	if (s->good || !s->last_unix_ms)
		log_line(LOG_WARN, "lists", "%s: %s", log_url(s->uri).s, why->text);
	s->good = false;
	s->fate = LIST_INVALID;
	snprintf(s->message, sizeof(s->message), "%s", why->text);
	s->last_unix_ms = clock_unix_ms();
	next_look(s, every < RETRY_S ? every : RETRY_S);
}

static void got(struct site *s, const struct buf *body)
{
	struct lists *l = s->l;
	struct why why = {""};
	enum list_fate f = publishers_offer(l->publishers, buf_bytes(body), clock_now().net, s->uri,
					    &why);

	if (f >= LIST_UNTRUSTED) {
		failed(s, &why);
		s->fate = f;
		return;
	}
	if (f < LIST_SAME_SEQUENCE)
		log_line(f == LIST_EXPIRED ? LOG_WARN : LOG_INFO, "lists", "%s: %s",
			 log_url(s->uri).s, list_fate_text(f));
	s->good = true;
	s->fate = f;
	s->message[0] = '\0';
	s->last_unix_ms = clock_unix_ms();
	s->refresh_s = refresh_of(l, body);
	next_look(s, s->refresh_s);
	if (f == LIST_PENDING && l->started)
		keep(l);
	tell(l);
}

static void maybe_gone(struct lists *l)
{
	uint32_t i;

	for (i = 0; i < l->n_sites; i++)
		if (l->sites[i].busy)
			return;
	if (!l->stopping || !l->timer_gone || !l->done)
		return;
	l->started = false;
	l->done(l->done_ctx);
}

static void fetched(struct fetch *f)
{
	struct site *s = f->ctx;

	s->busy = false;
	if (!s->l->stopping) {
		if (f->err == ERR_NONE)
			got(s, &f->body);
		else
			failed(s, &f->why);
	}
	buf_close(&f->body);
	maybe_gone(s->l);
}

static void look_file(struct site *s)
{
	struct buf b = BUF_INIT;
	struct why why = {""};

	if (file_read(&b, s->uri, LIST_DOCUMENT_MAX, &why) == ERR_NONE)
		got(s, &b);
	else
		failed(s, &why);
	buf_close(&b);
}

static void look_site(struct site *s, uv_loop_t *loop)
{
	const char *ca = s->l->c->list_ca_file;

	s->fetch = (struct fetch){
	    .ca_file = *ca ? ca : NULL, .max = LIST_DOCUMENT_MAX, .done = fetched, .ctx = s};
	snprintf(s->fetch.url, sizeof(s->fetch.url), "%s", s->uri);
	s->busy = true;
	fetch_start(loop, &s->fetch);
}

/* ---- time ---- */

static void warn_of_end(struct lists *l)
{
	struct net_time at;
	int64_t left;

	if (!publishers_count(l->publishers) || !publishers_expire(l->publishers, &at) ||
	    at.s == UINT32_MAX)
		return;
	left = (int64_t)at.s - (int64_t)clock_now().net.s;
	if (left > 0 && left < WARN_S && !l->warned)
		log_line(LOG_WARN, "lists",
			 "a validator list expires in %lld hours; without a newer one nothing will "
			 "be validated then",
			 (long long)(left / 3600));
	l->warned = left > 0 && left < WARN_S;
}

static void on_tick(uv_timer_t *t)
{
	struct lists *l = t->data;
	struct steady now = clock_steady();
	uint32_t i;

	for (i = 0; i < l->n_sites; i++) {
		struct site *s = &l->sites[i];

		if (s->busy || now.ms < s->next.ms)
			continue;
		if (s->file)
			look_file(s);
		else
			look_site(s, t->loop);
	}
	publishers_tick(l->publishers, clock_now().net);
	tell(l);
	warn_of_end(l);
	if (steady_since(l->kept_at, now) >= KEEP_EVERY_MS)
		write_manifests(l);
}

/* ---- life ---- */

static void add_site(struct lists *l, const char *uri, bool file)
{
	l->sites[l->n_sites++] = (struct site){
	    .l = l, .uri = uri, .file = file, .refresh_s = REFRESH_S};
}

enum err lists_open(struct lists **out, const struct config *c, struct why *why)
{
	struct lists *l = mem_zalloc(1, sizeof(*l));
	struct publishers_config pc = {.keys = c->publishers,
				       .n = c->n_publishers,
				       .threshold = c->list_threshold,
				       .own = c->unl.v,
				       .n_own = c->unl.n};
	enum err e;
	uint32_t i;

	l->c = c;
	l->publishers = publishers_open(&pc);
	for (i = 0; i < c->n_list_files; i++)
		add_site(l, c->list_files[i], true);
	for (i = 0; i < c->n_list_sites; i++)
		add_site(l, c->list_sites[i], false);
	read_kept(l);
	read_manifests(l);
	for (i = 0; i < l->n_sites; i++)
		if (l->sites[i].file)
			look_file(&l->sites[i]);
	e = c->revocation_file[0] ? read_revocation(l, why) : ERR_NONE;
	if (e == ERR_NONE)
		e = renew(l, why);
	if (e != ERR_NONE && (!c->unsafe_overlap || e != ERR_MISMATCH)) {
		lists_close(l);
		return e;
	}
	if (c->unsafe_overlap)
		log_line(LOG_WARN, "lists",
			 "[unl] unsafe_overlap = yes: this node validates even "
			 "where UNLs overlap so little that the network may fork");
	*out = l;
	return ERR_NONE;
}

void lists_close(struct lists *l)
{
	if (!l)
		return;
	publishers_close(l->publishers);
	arena_close(&l->arena);
	arena_close(&l->known_arena);
	buf_close(&l->kept);
	buf_close(&l->to_keep);
	mem_free(l);
}

void lists_start(struct lists *l, uv_loop_t *loop, const struct lists_hooks *hooks)
{
	l->n_known = 0;
	l->hooks = *hooks;
	l->started = true;
	if (publishers_count(l->publishers))
		keep(l);
	uv_timer_init(loop, &l->timer);
	l->timer.data = l;
	uv_timer_start(&l->timer, on_tick, 0, TICK_MS);
}

static void timer_closed(uv_handle_t *h)
{
	struct lists *l = h->data;

	l->timer_gone = true;
	maybe_gone(l);
}

void lists_stop(struct lists *l, void (*done)(void *ctx), void *ctx)
{
	uint32_t i;

	l->done = done;
	l->done_ctx = ctx;
	if (!l->started) {
		done(ctx);
		return;
	}
	if (l->stopping)
		return;
	l->stopping = true;
	write_manifests(l);
	for (i = 0; i < l->n_sites; i++)
		if (l->sites[i].busy)
			fetch_stop(&l->sites[i].fetch);
	uv_close((uv_handle_t *)&l->timer, timer_closed);
}

const struct publishers *lists_publishers(const struct lists *l)
{
	return l->publishers;
}

uint32_t lists_sites(const struct lists *l, struct rpc_list_site *out, uint32_t max)
{
	uint32_t i;

	for (i = 0; i < l->n_sites && i < max; i++) {
		const struct site *s = &l->sites[i];

		out[i] = (struct rpc_list_site){.uri = s->uri,
						.next_unix_ms = s->next_unix_ms,
						.last_unix_ms = s->last_unix_ms,
						.fate = s->fate,
						.message = s->message,
						.refresh_min = (s->refresh_s + 59) / 60};
	}
	return i;
}
