/* SPDX-License-Identifier: ISC */
#include "tally.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#define REPLY_MAX (64u << 20)
#define TIMEOUT_S 30L

static size_t on_data(char *p, size_t size, size_t n, void *user)
{
	struct buf *b = user;

	if (b->n + size * n > REPLY_MAX)
		return 0;
	buf_put(b, p, size * n);
	return size * n;
}

static bool post(struct tally *t, const char *body, struct buf *reply)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURL *c = curl_easy_init();
	CURLcode r;

	if (t->authorization[0])
		headers = curl_slist_append(headers, t->authorization);
	must(c && headers);
	if (t->socket[0])
		curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, t->socket);
	if (t->ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, t->ca_file);
	curl_easy_setopt(c, CURLOPT_URL, t->url);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, reply);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, t->timeout_s ? t->timeout_s : TIMEOUT_S);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	r = curl_easy_perform(c);
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	if (r == CURLE_OK)
		return true;
	if (!t->quiet)
		tally_fail(t, 0, "%s: %s", t->socket[0] ? t->socket : t->url,
			   curl_easy_strerror(r));
	return false;
}

json_t *client_call(struct tally *t, const char *method, json_t *params)
{
	struct buf reply = BUF_INIT;
	json_error_t why;
	json_t *request, *answer, *result = NULL;
	char *body;

	if (!params)
		params = json_object();
	json_object_set_new(params, "api_version", json_integer(2));
	request = json_pack("{s:s, s:[o]}", "method", method, "params", params);
	body = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (post(t, body, &reply)) {
		answer = json_loadb((char *)reply.p, reply.n, 0, &why);
		result = json_incref(json_object_get(answer, "result"));
		json_decref(answer);
		if (!json_is_object(result)) {
			if (!t->quiet)
				tally_fail(t, 0, "%s: the answer is no JSON-RPC reply: %.*s",
					   t->url, (int)(reply.n < 100 ? reply.n : 100),
					   reply.n ? (char *)reply.p : "");
			json_decref(result);
			result = NULL;
		}
	}
	free(body);
	buf_close(&reply);
	return result;
}

json_t *client_get(struct tally *t, const char *method, json_t *params, int *code)
{
	json_t *r = client_call(t, method, params), *e, *m;

	*code = TALLY_UNREACHABLE;
	if (!r)
		return NULL;
	e = json_object_get(r, "error");
	if (!e)
		return r;
	m = json_object_get(r, "error_message");
	if (!m)
		m = json_object_get(r, "error_exception");
	*code = tally_fail(t, TALLY_FAILED, "%s%s%s", json_string_value(e), m ? ": " : "",
			   m ? json_string_value(m) : "");
	json_decref(r);
	return NULL;
}
