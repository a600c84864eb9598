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

/* What the server answers to a body, which is released; NULL after complaining. */
static json_t *ask(struct tally *t, json_t *request)
{
	struct buf reply = BUF_INIT;
	json_error_t why;
	json_t *answer = NULL;
	char *body = json_dumps(request, JSON_COMPACT);

	json_decref(request);
	if (post(t, body, &reply)) {
		answer = json_loadb((char *)reply.p, reply.n, 0, &why);
		if (!answer && !t->quiet)
			tally_fail(t, 0, "%s: the answer is no JSON-RPC reply: %.*s", t->url,
				   (int)(reply.n < 100 ? reply.n : 100),
				   reply.n ? (char *)reply.p : "");
	}
	free(body);
	buf_close(&reply);
	return answer;
}

json_t *client_call(struct tally *t, const char *method, json_t *params)
{
	json_t *answer, *result;

	if (!params)
		params = json_object();
	json_object_set_new(params, "api_version", json_integer(2));
	answer = ask(t, json_pack("{s:s, s:[o]}", "method", method, "params", params));
	result = json_incref(json_object_get(answer, "result"));
	if (answer && !json_is_object(result)) {
		if (!t->quiet)
			tally_fail(t, 0, "%s: the answer has no result", t->url);
		json_decref(result);
		result = NULL;
	}
	json_decref(answer);
	return result;
}

json_t *client_batch(struct tally *t, json_t *calls)
{
	json_t *answer, *call, *results = NULL;
	size_t i;

	json_array_foreach(calls, i, call)
	    json_object_set_new(call, "api_version", json_integer(2));
	answer = ask(t, json_pack("{s:s, s:o}", "method", "batch", "params", calls));
	if (json_is_array(answer)) {
		results = json_array();
		json_array_foreach(answer, i, call) json_array_append(
		    results,
		    json_object_get(call, "result") ? json_object_get(call, "result") : call);
	} else if (answer && !t->quiet) {
		tally_fail(t, 0, "%s: the server takes no batch of requests", t->url);
	}
	json_decref(answer);
	return results;
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
