/* SPDX-License-Identifier: ISC */
#include "daemon/hooks.h"

#include "base/mem.h"
#include "os/log.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define URL_MAX     2048
#define FIRST_PAUSE 250
#define CONNECT_MS  5000L
#define SHOWN_MAX   200
#define USER_AGENT  "tallyd"
#define KEEPS_MAX   1 /* connections to one URL */

struct hook_msg {
	struct rpc_text *text;
	uint64_t seq;
};

struct hook {
	struct hooks *all;
	uint64_t conn;
	char *url, *username, *password;
	char shown[SHOWN_MAX]; /* for logs */
	struct hook_msg ring[HOOK_MSGS_MAX];
	uint32_t head, n;
	size_t bytes;
	uint64_t seq, dropped;
	CURL *curl;
	struct buf body; /* of the transfer */
	bool running, ended;
	bool ailing; /* the last try failed: said once */
	uint32_t tries;
	uv_timer_t pause;
};

/* A socket of libcurl's. */
struct watch {
	uv_poll_t poll;
	struct hooks *all;
	curl_socket_t fd;
};

struct hooks {
	uv_loop_t *loop;
	const char *ca_file;
	CURLM *multi;
	uv_timer_t timer;
	struct curl_slist *headers;
	struct hook *hook[HOOKS_MAX];
	uint64_t next;
	uint32_t handles; /* open with libuv */
	bool stopping;
	void (*done)(void *ctx);
	void *done_ctx;
};

static void next_message(struct hook *k);

/* ---- Handles */

static void handle_gone(struct hooks *h)
{
	must(h->handles > 0);
	if (--h->handles == 0 && h->stopping)
		h->done(h->done_ctx);
}

static void hook_free(struct hook *k)
{
	while (k->n > 0) {
		rpc_text_unref(k->ring[k->head % HOOK_MSGS_MAX].text);
		k->head++;
		k->n--;
	}
	curl_easy_cleanup(k->curl);
	buf_close(&k->body);
	mem_free(k->url);
	mem_free(k->username);
	if (k->password)
		explicit_bzero(k->password, strlen(k->password));
	mem_free(k->password);
	mem_free(k);
}

static void pause_closed(uv_handle_t *t)
{
	struct hook *k = t->data;
	struct hooks *h = k->all;

	hook_free(k);
	handle_gone(h);
}

static void timer_closed(uv_handle_t *t)
{
	handle_gone(t->data);
}

static void watch_closed(uv_handle_t *p)
{
	struct watch *w = p->data;
	struct hooks *h = w->all;

	mem_free(w);
	handle_gone(h);
}

/* ---- libcurl on the loop */

static struct hook *hook_of(const struct hooks *h, const CURL *curl)
{
	for (int i = 0; i < HOOKS_MAX; i++)
		if (h->hook[i] && h->hook[i]->curl == curl)
			return h->hook[i];
	return NULL;
}

static void drop_first(struct hook *k)
{
	struct hook_msg *m = &k->ring[k->head % HOOK_MSGS_MAX];

	k->bytes -= m->text->n;
	rpc_text_unref(m->text);
	k->head++;
	k->n--;
	k->tries = 0;
}

static void on_pause(uv_timer_t *t)
{
	next_message(t->data);
}

static void sent(struct hook *k)
{
	if (k->ailing)
		log_line(LOG_INFO, "rpc", "%s takes messages again", k->shown);
	k->ailing = false;
	drop_first(k);
	next_message(k);
}

/* Tried again after a pause; at last the message is dropped, and the next one may fare better. */
static void not_sent(struct hook *k, const char *reason)
{
	if (!k->ailing)
		log_line(LOG_WARN, "rpc", "%s does not take messages: %s", k->shown, reason);
	k->ailing = true;
	if (k->tries >= HOOK_TRIES_MAX) {
		k->dropped++;
		drop_first(k);
	}
	uv_timer_start(&k->pause, on_pause,
		       k->tries ? (uint64_t)FIRST_PAUSE << (k->tries - 1) : FIRST_PAUSE, 0);
}

static void transfer_done(struct hooks *h, CURL *curl, CURLcode code)
{
	struct hook *k = hook_of(h, curl);
	char reason[64];
	long status = 0;

	must(k && k->running);
	k->running = false;
	curl_multi_remove_handle(h->multi, curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && status >= 200 && status < 300) {
		sent(k);
		return;
	}
	(void)snprintf(reason, sizeof(reason), "HTTP status %ld", status);
	not_sent(k, code == CURLE_OK ? reason : curl_easy_strerror(code));
}

static void collect(struct hooks *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			transfer_done(h, m->easy_handle, m->data.result);
}

static void on_timeout(uv_timer_t *t)
{
	struct hooks *h = t->data;
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(h);
}

static int set_timer(CURLM *multi, long ms, void *user)
{
	struct hooks *h = user;

	(void)multi;
	if (h->stopping)
		return 0;
	if (ms < 0)
		uv_timer_stop(&h->timer);
	else
		uv_timer_start(&h->timer, on_timeout, ms > 0 ? (uint64_t)ms : 1, 0);
	return 0;
}

static void on_socket(uv_poll_t *p, int status, int events)
{
	struct watch *w = p->data;
	struct hooks *h = w->all;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;

	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(h->multi, w->fd, flags, &running);
	collect(h);
}

static struct watch *watch_new(struct hooks *h, curl_socket_t fd)
{
	struct watch *w = mem_zalloc(1, sizeof(*w));

	w->all = h;
	w->fd = fd;
	w->poll.data = w;
	if (uv_poll_init_socket(h->loop, &w->poll, fd)) {
		mem_free(w);
		return NULL;
	}
	h->handles++;
	curl_multi_assign(h->multi, fd, w);
	return w;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *assigned)
{
	struct hooks *h = user;
	struct watch *w = assigned;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (!w)
			return 0;
		uv_poll_stop(&w->poll);
		uv_close((uv_handle_t *)&w->poll, watch_closed);
		curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	w = w ? w : watch_new(h, fd);
	if (!w)
		return -1;
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	uv_poll_start(&w->poll, events, on_socket);
	return 0;
}

struct hooks *hooks_open(uv_loop_t *loop, const char *ca_file)
{
	struct hooks *h = mem_zalloc(1, sizeof(*h));

	h->loop = loop;
	h->ca_file = ca_file;
	h->multi = curl_multi_init();
	must(h->multi);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 4L);
	h->headers = curl_slist_append(NULL, "Content-Type: application/json");
	h->headers = curl_slist_append(h->headers, "Expect:");
	must(h->headers);
	uv_timer_init(loop, &h->timer);
	h->timer.data = h;
	h->handles = 1;
	return h;
}

/* ---- One message at a time */

static size_t ignore(char *p, size_t size, size_t n, void *user)
{
	(void)p, (void)user;
	return size * n;
}

static void set_up(struct hook *k)
{
	CURL *c = k->curl;

	curl_easy_setopt(c, CURLOPT_URL, k->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)HOOK_TIMEOUT_MS);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, k->all->headers);
	curl_easy_setopt(c, CURLOPT_MAXFILESIZE, 1L << 20);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
	if (k->all->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, k->all->ca_file);
	curl_easy_setopt(c, CURLOPT_USERNAME, k->username);
	curl_easy_setopt(c, CURLOPT_PASSWORD, k->password);
}

/* The message with its number, in the envelope of a call (rippled: RPCSub.cpp, RPCCall.cpp). */
static void write_body(struct buf *out, const struct hook_msg *m)
{
	must(m->text->n > 2 && m->text->s[m->text->n - 1] == '}');
	buf_clear(out);
	buf_printf(out, "{\"method\":\"event\",\"params\":[");
	buf_put(out, m->text->s, m->text->n - 1);
	buf_printf(out, ",\"seq\":%llu}],\"id\":1}", (unsigned long long)m->seq);
}

static void next_message(struct hook *k)
{
	if (k->running || k->ended || k->n == 0 || uv_is_active((uv_handle_t *)&k->pause))
		return;
	write_body(&k->body, &k->ring[k->head % HOOK_MSGS_MAX]);
	set_up(k);
	curl_easy_setopt(k->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)k->body.n);
	curl_easy_setopt(k->curl, CURLOPT_POSTFIELDS, (const char *)k->body.p);
	k->running = true;
	k->tries++;
	must(curl_multi_add_handle(k->all->multi, k->curl) == CURLM_OK);
}

static struct hook *of_conn(const struct hooks *h, uint64_t conn)
{
	for (int i = 0; i < HOOKS_MAX; i++)
		if (h->hook[i] && h->hook[i]->conn == conn)
			return h->hook[i];
	return NULL;
}

/* The one that is on its way stays: it is the first. */
static void make_room(struct hook *k, size_t bytes)
{
	while (k->n > 1 && (k->n == HOOK_MSGS_MAX || k->bytes + bytes > HOOK_BYTES_MAX)) {
		struct hook_msg *second = &k->ring[(k->head + 1) % HOOK_MSGS_MAX];

		k->bytes -= second->text->n;
		rpc_text_unref(second->text);
		*second = k->ring[k->head % HOOK_MSGS_MAX];
		k->head++;
		k->n--;
		k->dropped++;
	}
}

bool hooks_push(struct hooks *h, uint64_t conn, struct rpc_text *text)
{
	struct hook *k = of_conn(h, conn);

	if (!k)
		return false;
	make_room(k, text->n);
	k->ring[(k->head + k->n++) % HOOK_MSGS_MAX] = (struct hook_msg){rpc_text_ref(text),
									++k->seq};
	k->bytes += text->n;
	next_message(k);
	return true;
}

size_t hooks_queued(const struct hooks *h, uint64_t conn)
{
	const struct hook *k = of_conn(h, conn);

	return k ? k->bytes : 0;
}

/* ---- URLs */

static void put_text(char **at, const char *text)
{
	if (!text)
		return;
	if (*at)
		explicit_bzero(*at, strlen(*at));
	mem_free(*at);
	*at = mem_alloc(strlen(text) + 1);
	memcpy(*at, text, strlen(text) + 1);
}

/* Scheme, host, port and path. */
static bool shown_url(char out[SHOWN_MAX], const char *url, struct why *why)
{
	CURLU *u = curl_url();
	char *text = NULL, *scheme = NULL;
	bool ok = false;

	must(u);
	if (strlen(url) > URL_MAX || curl_url_set(u, CURLUPART_URL, url, 0) ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0)) {
		why_set(why, ERR_INVALID, "Failed to parse url.");
	} else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) {
		why_set(why, ERR_INVALID, "Only http and https is supported.");
	} else {
		curl_url_set(u, CURLUPART_USER, NULL, 0);
		curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
		curl_url_set(u, CURLUPART_QUERY, NULL, 0);
		curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
		ok = !curl_url_get(u, CURLUPART_URL, &text, 0);
		(void)snprintf(out, SHOWN_MAX, "%s", ok ? text : "");
	}
	curl_free(text);
	curl_free(scheme);
	curl_url_cleanup(u);
	return ok;
}

static struct hook *hook_new(struct hooks *h, const char *url, struct why *why)
{
	char shown[SHOWN_MAX];
	struct hook *k;
	int i = 0;

	while (i < HOOKS_MAX && h->hook[i])
		i++;
	if (i == HOOKS_MAX) {
		why_set(why, ERR_FULL, "Too many urls.");
		return NULL;
	}
	if (!shown_url(shown, url, why))
		return NULL;
	k = h->hook[i] = mem_zalloc(1, sizeof(*k));
	k->all = h;
	k->conn = HOOK_CONN | ++h->next;
	k->curl = curl_easy_init();
	must(k->curl);
	memcpy(k->shown, shown, sizeof(shown));
	put_text(&k->url, url);
	uv_timer_init(h->loop, &k->pause);
	k->pause.data = k;
	h->handles++;
	log_line(LOG_INFO, "rpc", "messages go to %s", k->shown);
	return k;
}

uint64_t hooks_find(struct hooks *h, const struct rpc_hook *want, bool make, struct why *why)
{
	struct hook *k = NULL;

	if (h->stopping || !want->url)
		return 0;
	for (int i = 0; i < HOOKS_MAX && !k; i++)
		if (h->hook[i] && strcmp(h->hook[i]->url, want->url) == 0)
			k = h->hook[i];
	if (!k && make)
		k = hook_new(h, want->url, why);
	if (!k)
		return 0;
	if (make) {
		put_text(&k->username, want->username);
		put_text(&k->password, want->password);
	}
	return k->conn;
}

static void end_hook(struct hooks *h, int i)
{
	struct hook *k = h->hook[i];

	h->hook[i] = NULL;
	k->ended = true;
	if (k->running)
		curl_multi_remove_handle(h->multi, k->curl);
	if (k->dropped > 0)
		log_line(LOG_WARN, "rpc", "%s: %llu messages were dropped", k->shown,
			 (unsigned long long)k->dropped);
	uv_close((uv_handle_t *)&k->pause, pause_closed);
}

void hooks_end(struct hooks *h, uint64_t conn)
{
	for (int i = 0; i < HOOKS_MAX; i++)
		if (h->hook[i] && h->hook[i]->conn == conn)
			end_hook(h, i);
}

void hooks_stop(struct hooks *h, void (*done)(void *ctx), void *ctx)
{
	h->stopping = true;
	h->done = done;
	h->done_ctx = ctx;
	for (int i = 0; i < HOOKS_MAX; i++)
		if (h->hook[i])
			end_hook(h, i);
	curl_multi_cleanup(h->multi); /* closes its sockets: their watches go first */
	h->multi = NULL;
	uv_close((uv_handle_t *)&h->timer, timer_closed);
}

void hooks_free(struct hooks *h)
{
	if (!h)
		return;
	curl_slist_free_all(h->headers);
	mem_free(h);
}
