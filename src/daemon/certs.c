/* SPDX-License-Identifier: ISC */
#include "daemon/certs.h"

#include "base/mem.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"

#include <sys/stat.h>

#define PEM_BYTES_MAX (256u << 10)
#define LOOK_EVERY_MS 1000
#define ENDS_SOON_S   (7 * 86400)

/* What shows that a file is another. */
struct stamp {
	struct timespec changed;
	uint64_t inode, size;
};

struct certs {
	const struct config *c;
	struct front_server *front;
	uv_timer_t timer;
	struct stamp chain, key; /* as of the last attempt */
};

enum err certs_read(struct tls_keys **out, const struct config *c, struct why *why)
{
	struct buf chain = BUF_INIT, key = BUF_INIT;
	enum err e;

	buf_reserve(&key, PEM_BYTES_MAX + 1); /* not moved later: wiped where it is */
	e = file_read(&chain, c->tls_certificate, PEM_BYTES_MAX, why);
	if (e != ERR_NONE)
		why_add(why, e, "[tls] certificate");
	if (e == ERR_NONE) {
		e = file_read_secret(&key, c->tls_key, PEM_BYTES_MAX, why);
		if (e != ERR_NONE)
			why_add(why, e, "[tls] key");
	}
	if (e == ERR_NONE) {
		e = tls_keys_parse(out, buf_bytes(&chain), buf_bytes(&key), why);
		if (e != ERR_NONE)
			why_add(why, e, "[tls] %s, %s", c->tls_certificate, c->tls_key);
	}
	secure_wipe(key.p, key.cap);
	buf_close(&key);
	buf_close(&chain);
	return e;
}

static struct stamp stamp_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return (struct stamp){.size = UINT64_MAX};
	return (struct stamp){
	    .changed = st.st_mtim, .inode = st.st_ino, .size = (uint64_t)st.st_size};
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
	       a->inode == b->inode && a->size == b->size;
}

static void tell_end(const struct tls_keys *keys)
{
	int64_t left = tls_keys_until(keys) - (int64_t)(clock_unix_ms() / 1000);

	if (left <= 0)
		log_line(LOG_WARN, "rpc", "the certificate of [tls] has ended");
	else if (left < ENDS_SOON_S)
		log_line(LOG_WARN, "rpc", "the certificate of [tls] ends in %lld hours",
			 (long long)(left / 3600));
}

static void note_stamps(struct certs *w)
{
	w->chain = stamp_of(w->c->tls_certificate);
	w->key = stamp_of(w->c->tls_key);
}

void certs_reload(struct certs *w)
{
	struct tls_keys *keys;
	struct why why = {""};

	if (!w)
		return;
	note_stamps(w); /* first: what changes while it is read counts as changed afterwards */
	if (certs_read(&keys, w->c, &why) != ERR_NONE) {
		log_line(LOG_ERROR, "rpc", "the old certificate stays: %s", why.text);
		return;
	}
	front_set_keys(w->front, keys);
	log_line(LOG_INFO, "rpc", "new connections get the certificate of %s",
		 w->c->tls_certificate);
	tell_end(keys);
	tls_keys_unref(keys);
}

static void on_look(uv_timer_t *timer)
{
	struct certs *w = timer->data;
	struct stamp chain = stamp_of(w->c->tls_certificate), key = stamp_of(w->c->tls_key);

	if (!same_stamp(&chain, &w->chain) || !same_stamp(&key, &w->key))
		certs_reload(w);
}

struct certs *certs_watch(uv_loop_t *loop, const struct config *c, struct front_server *front)
{
	struct certs *w = mem_zalloc(1, sizeof(*w));

	w->c = c;
	w->front = front;
	note_stamps(w);
	must(uv_timer_init(loop, &w->timer) == 0);
	w->timer.data = w;
	must(uv_timer_start(&w->timer, on_look, LOOK_EVERY_MS, LOOK_EVERY_MS) == 0);
	return w;
}

void certs_stop(struct certs *w)
{
	if (w && !uv_is_closing((uv_handle_t *)&w->timer))
		uv_close((uv_handle_t *)&w->timer, NULL);
}

void certs_free(struct certs *w)
{
	mem_free(w);
}
