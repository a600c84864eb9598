/* SPDX-License-Identifier: ISC */
#include "tools/load/load.h"

#include "crypto/base58.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define PAUSE_NS        100000000   /* before what was refused for now is sent again */
#define STALL_NS        60000000000 /* without a newly validated payment: give up */
#define FLOOR_ROUNDS    4000
#define LEDGERS_TO_LIVE 2000

_Noreturn void die(const char *what)
{
	fprintf(stderr, "loadgen: %s\n", what);
	exit(1);
}

/* ---- Sequences: one account_info per account, spread over the lanes ---- */

static void ask_sequence(struct lane *lane);

static uint32_t number_after(struct bytes body, const char *name)
{
	const char *at = strstr((const char *)body.p, name);
	if (!at)
		return 0;
	at += strlen(name);
	while (*at == '"' || *at == ':' || *at == ' ')
		at++;
	return (uint32_t)strtoul(at, NULL, 10);
}

static void sequence_answered(void *ctx, int status, struct bytes body)
{
	struct lane *lane = ctx;
	struct load *l = lane->load;
	uint32_t sequence = number_after(body, "\"Sequence\"");
	if (status != 200 || sequence == 0) {
		fprintf(stderr, "loadgen: account %u: %.300s\n", lane->next, (const char *)body.p);
		die("the genesis has fewer accounts (tools/testnet up --accounts N)");
	}
	l->plan.sequences[lane->next] = sequence;
	l->known++;
	ask_sequence(lane);
}

static void ask_sequence(struct lane *lane)
{
	struct load *l = lane->load;
	if (l->asked == l->plan.accounts)
		return;
	lane->next = l->asked++;
	struct base58_text address = account_text(&l->plan.ids[lane->next]);
	struct buf body = BUF_INIT;
	buf_printf(&body,
		   "{\"method\":\"account_info\",\"params\":[{\"account\":\"%s\","
		   "\"ledger_index\":\"current\"}]}",
		   address.s);
	http_post(&lane->http, buf_bytes(&body), sequence_answered, lane);
	buf_close(&body);
}

/* ---- The watcher ---- */

static void ask_ledger(struct load *l);

static void take_ledger(struct load *l, json_t *transactions)
{
	int64_t now = now_ns();
	size_t i;
	json_t *id;
	bool ours = false;
	json_array_foreach(transactions, i, id)
	{
		struct hash256 h;
		const char *text = json_string_value(id);
		if (!text || !hex_decode(h.b, sizeof(h.b), text, strlen(text)))
			continue;
		struct payment *p = hmap_get(&l->plan.by_id, &h);
		if (!p || p->validated_ns != 0)
			continue;
		p->validated_ns = now;
		l->validated++;
		l->progress_ns = now;
		ours = true;
	}
	l->ledgers_used += ours;
}

static void ledger_answered(void *ctx, int status, struct bytes body)
{
	struct load *l = ctx;
	json_t *answer = status == 200 ? json_loadb((const char *)body.p, body.n, 0, NULL) : NULL;
	json_t *result = json_object_get(answer, "result");
	if (json_is_true(json_object_get(result, "validated"))) {
		json_t *ledger = json_object_get(result, "ledger");
		take_ledger(l, json_object_get(ledger, "transactions"));
		l->watch_seq++;
	}
	json_decref(answer);
	l->watching = false;
}

static void ask_ledger(struct load *l)
{
	struct buf body = BUF_INIT;
	buf_printf(&body,
		   "{\"method\":\"ledger\",\"params\":[{\"ledger_index\":%u,"
		   "\"transactions\":true}]}",
		   l->watch_seq);
	l->watching = true;
	http_post(&l->watch, buf_bytes(&body), ledger_answered, l);
	buf_close(&body);
}

static void tip_answered(void *ctx, int status, struct bytes body)
{
	struct load *l = ctx;
	l->watch_seq = number_after(body, "\"ledger_index\"") + 1;
	if (status != 200 || l->watch_seq < 2)
		die("no validated ledger");
	l->watching = false;
}

/* ---- Submitting ---- */

static void send_next(struct lane *lane);

static void count_refusal(struct load *l, const char *name)
{
	l->refused++;
	for (struct refusal *r = l->refusals; r < l->refusals + REFUSALS_MAX; r++) {
		if (r->n == 0)
			snprintf(r->name, sizeof(r->name), "%s", name);
		if (strcmp(r->name, name) == 0) {
			r->n++;
			return;
		}
	}
}

/* The text of a string member, "?" when it is not there. */
static void text_after(char *out, size_t n, struct bytes body, const char *name)
{
	snprintf(out, n, "?");
	const char *at = strstr((const char *)body.p, name);
	if (!at)
		return;
	at = strchr(at + strlen(name), '"');
	if (!at)
		return;
	size_t length = strcspn(at + 1, "\"");
	snprintf(out, n, "%.*s", (int)length, at + 1);
}

static bool is_for_now(const char *result, int status)
{
	static const char *const names[] = {"telCAN_NOT_QUEUE", "telINSUF_FEE_P", "tooBusy",
					    "slowDown", "terPRE_SEQ"};
	if (status == 503 || status == 429)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(result, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void submit_answered(void *ctx, int status, struct bytes body)
{
	struct lane *lane = ctx;
	struct load *l = lane->load;
	char result[40];
	text_after(result, sizeof(result), body, "\"engine_result\":");
	if (result[0] == '?')
		text_after(result, sizeof(result), body, "\"error\":");
	if (is_for_now(result, status)) {
		l->delayed++;
		lane->wait_until_ns = now_ns() + PAUSE_NS;
		return;
	}
	if (strcmp(result, "tesSUCCESS") == 0 || strcmp(result, "terQUEUED") == 0)
		l->accepted++;
	else
		count_refusal(l, result);
	/* The next payment of an account that lives on this lane. */
	uint32_t account = lane->next % l->plan.accounts;
	uint32_t round = lane->next - account;
	account += l->n_lanes;
	if (account >= l->plan.accounts) {
		account %= l->n_lanes;
		round += l->plan.accounts;
	}
	lane->next = round + account;
	send_next(lane);
}

static void send_next(struct lane *lane)
{
	struct load *l = lane->load;
	if (lane->next >= l->plan.n || lane->http.busy)
		return;
	struct payment *p = &l->plan.payments[lane->next];
	int64_t now = now_ns();
	if (now < lane->wait_until_ns)
		return;
	if (p->tries == 0) {
		p->due_ns = now;
		if (l->o.rate > 0) {
			double offset = 1e9 * (double)lane->next / l->o.rate;
			p->due_ns = l->began_ns + (int64_t)offset;
			if (now < p->due_ns)
				return;
		}
	}
	p->tries++;
	struct buf body = BUF_INIT;
	buf_printf(&body, "{\"method\":\"submit\",\"params\":[{\"tx_blob\":\"%s\"}]}", p->hex);
	http_post(&lane->http, buf_bytes(&body), submit_answered, lane);
	buf_close(&body);
}

static void ticked(uv_timer_t *t)
{
	struct load *l = t->data;
	if (!l->submitting) {
		if (l->known == l->plan.accounts && !l->watching)
			uv_stop(l->loop);
		return;
	}
	for (uint32_t i = 0; i < l->n_lanes; i++)
		send_next(&l->lanes[i]);
	static uint32_t ticks;
	if (!l->watching && ticks++ % 10 == 0)
		ask_ledger(l);
	bool all_sent = l->accepted + l->refused == l->plan.n;
	if ((all_sent && l->validated >= l->accepted) || now_ns() - l->progress_ns > STALL_NS) {
		l->ended_ns = now_ns();
		uv_stop(l->loop);
	}
}

/* ---- The phases ---- */

static void sample(struct load *l, struct proc_sample *out)
{
	for (uint32_t i = 0; i < l->o.n_pids; i++)
		if (!proc_sample(&out[i], l->o.pids[i]))
			die("a node has ended");
}

static void pause_seconds(double s)
{
	int64_t end = now_ns() + (int64_t)(s * 1e9);
	while (now_ns() < end)
		uv_sleep(50);
}

static void connect_all(struct load *l)
{
	l->n_lanes = l->o.connections * l->o.n_nodes;
	if (l->n_lanes > CONNECTIONS_MAX || l->n_lanes > l->plan.accounts)
		die("too many connections");
	for (uint32_t i = 0; i < l->n_lanes; i++) {
		l->lanes[i].load = l;
		http_open(&l->lanes[i].http, l->loop, l->o.nodes[i % l->o.n_nodes]);
	}
	http_open(&l->watch, l->loop, l->o.nodes[0]);
}

static void learn(struct load *l)
{
	static const char tip[] =
	    "{\"method\":\"ledger\",\"params\":[{\"ledger_index\":\"validated\"}]}";
	l->watching = true;
	http_post(&l->watch, bytes_str(tip), tip_answered, l);
	for (uint32_t i = 0; i < l->n_lanes; i++)
		ask_sequence(&l->lanes[i]);
	uv_run(l->loop, UV_RUN_DEFAULT);
}

static void submit_all(struct load *l)
{
	for (uint32_t i = 0; i < l->n_lanes; i++)
		l->lanes[i].next = i;
	l->submitting = true;
	sample(l, l->before);
	l->began_ns = l->progress_ns = now_ns();
	uv_run(l->loop, UV_RUN_DEFAULT);
	sample(l, l->after);
}

int main(int argc, char **argv)
{
	struct load *l = mem_zalloc(1, sizeof(*l));
	struct why why;
	options_read(&l->o, argc, argv);
	if (crypto_init(&why) != ERR_NONE)
		die("the cryptographic libraries do not work");
	l->loop = uv_default_loop();
	plan_init(&l->plan, l->o.first, l->o.accounts);
	uv_timer_init(l->loop, &l->tick);
	l->tick.data = l;
	uv_timer_start(&l->tick, ticked, 2, 2);
	connect_all(l);
	learn(l);
	plan_sign(&l->plan, l->o.count, l->o.network_id, l->watch_seq + LEDGERS_TO_LIVE);
	l->plan.floor_ns = plan_floor_ns(FLOOR_ROUNDS);
	sample(l, l->idle[0]);
	pause_seconds(l->o.idle_seconds);
	sample(l, l->idle[1]);
	submit_all(l);

	report_print(l);
	bool good = l->validated == l->plan.n;
	for (uint32_t i = 0; i < l->n_lanes; i++)
		http_close(&l->lanes[i].http);
	http_close(&l->watch);
	uv_close((uv_handle_t *)&l->tick, NULL);
	uv_run(l->loop, UV_RUN_DEFAULT);
	plan_close(&l->plan);
	mem_free(l);
	return good ? 0 : 1;
}
