/* SPDX-License-Identifier: ISC */
#include "daemon/fetch.h"

#include <curl/curl.h>
#include <stdatomic.h>

#define TOTAL_S    20L
#define CONNECT_S  10L
#define REDIRECTS  3L
#define USER_AGENT "tallyd"

void fetch_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t on_bytes(char *p, size_t size, size_t n, void *user)
{
	struct fetch *f = user;

	if (size * n > f->max - f->body.n)
		return 0; /* ends the transfer */
	buf_put(&f->body, p, size * n);
	return size * n;
}

static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct fetch *f = user;

	(void)a, (void)b, (void)c, (void)d;
	return atomic_load(&f->stop);
}

static void set_up(CURL *c, struct fetch *f)
{
	const char *kind = strncmp(f->url, "http://", 7) ? "https" : "http";

	curl_easy_setopt(c, CURLOPT_URL, f->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, kind);
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, REDIRECTS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, TOTAL_S);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_USERAGENT, USER_AGENT);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, f);
	if (f->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, f->ca_file);
}

static void work(uv_work_t *req)
{
	struct fetch *f = req->data;
	char words[CURL_ERROR_SIZE] = "";
	CURL *c = curl_easy_init();
	CURLcode code;

	if (!c) {
		f->err = why_set(&f->why, ERR_IO, "libcurl cannot begin");
		return;
	}
	set_up(c, f);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, words);
	code = curl_easy_perform(c);
	if (code == CURLE_WRITE_ERROR)
		f->err = why_set(&f->why, ERR_TOO_LARGE, "more than %zu bytes", f->max);
	else if (code != CURLE_OK)
		f->err = why_set(&f->why, ERR_IO, "%s", *words ? words : curl_easy_strerror(code));
	curl_easy_cleanup(c);
}

static void after(uv_work_t *req, int status)
{
	struct fetch *f = req->data;

	if (status || atomic_load(&f->stop))
		f->err = why_set(&f->why, ERR_CLOSED, "stopped");
	f->done(f);
}

void fetch_start(uv_loop_t *loop, struct fetch *f)
{
	f->req.data = f;
	must(!uv_queue_work(loop, &f->req, work, after));
}

void fetch_stop(struct fetch *f)
{
	atomic_store(&f->stop, true);
	(void)uv_cancel((uv_req_t *)&f->req);
}
