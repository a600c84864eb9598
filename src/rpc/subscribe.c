/* SPDX-License-Identifier: ISC */
#include "rpc/fees.h"
#include "rpc/history_feed.h"
#include "rpc/methods.h"
#include "rpc/state.h"
#include "rpc/streams.h"
#include "rpc/subs.h"

#include "base/limits.h"
#include "crypto/base58.h"

/* subscribe and unsubscribe (rippled: Subscribe.cpp, Unsubscribe.cpp). */

/* ---- What subscribers are told at once */

static void write_server(struct rpc_call *c)
{
	char name[RPC_HOST_NAME_MAX];
	struct node_status s;
	struct hash256 random;
	struct jw *w = &c->w;

	node_get_status(c->host->node, c->host->now(c->host->ctx), &s);
	c->host->random(c->host->ctx, random.b, sizeof(random.b));
	server_host_name(c->host, c->from.admin, name);
	jw_put_str(w, "hostid", name);
	fees_write_brief(w, c->host->node);
	server_write_key(w, c->host);
	jw_put_hash(w, "random", &random);
	jw_put_str(w, "server_status",
		   node_state_name(!c->from.admin && s.state > NODE_FULL ? NODE_FULL : s.state));
	if (s.standalone)
		jw_put_bool(w, "stand_alone", true);
}

static void write_ledger(struct rpc_call *c)
{
	const struct ledger *l = node_validated(c->host->node);

	if (l)
		stream_write_ledger(c->r, &c->w, l);
}

/* ---- What is asked for, checked as a whole before anything is changed */

#define SNAPSHOT_OFFERS 60 /* of each side (rippled: Tuning.h, book offers) */

struct wanted {
	bool ending; /* unsubscribe, which looks at less */
	bool streams[STREAM_COUNT];
	struct account_id *accounts[2]; /* by topic; on the call's arena */
	uint32_t n_accounts[2];
	struct account_id history;
	bool has_history, stop_history_only;
	struct book_request *books; /* on the call's arena */
	uint32_t n_books;
};
_Static_assert(SUB_ACCOUNTS == 0 && SUB_ACCOUNTS_PROPOSED == 1, "indexes of wanted.accounts");

static bool parse_streams(struct rpc_call *c, struct wanted *out)
{
	const json_t *list = json_object_get(c->p, "streams");
	enum stream stream;

	if (list && !json_is_array(list))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));

		if (!name || !stream_by_name(&stream, name))
			return rpc_fail(c, RPC_MALFORMED_STREAM);
		if (stream == STREAM_PEER_STATUS && !c->from.admin && !out->ending)
			return rpc_fail(c, RPC_NO_PERMISSION);
		out->streams[stream] = true;
	}
	return true;
}

static bool parse_accounts(struct rpc_call *c, const char *key, enum topic kind, struct wanted *out)
{
	const json_t *list = json_object_get(c->p, key);
	size_t n = json_array_size(list);

	if (!list)
		return true;
	if (!json_is_array(list))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	if (n == 0)
		return rpc_fail(c, RPC_ACT_MALFORMED);
	if (n > RPC_SUB_TOPICS_CONN_MAX)
		return rpc_fail(c, RPC_TOO_BUSY);
	out->accounts[kind] = arena_alloc(&c->arena, n * sizeof(struct account_id));
	out->n_accounts[kind] = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		if (!json_to_account(json_array_get(list, i), &out->accounts[kind][i]))
			return rpc_fail(c, RPC_ACT_MALFORMED);
	return true;
}

static bool parse_history(struct rpc_call *c, struct wanted *out)
{
	const json_t *in = json_object_get(c->p, "account_history_tx_stream");
	const json_t *stop = json_object_get(in, "stop_history_tx_only");

	if (!in)
		return true;
	out->has_history = true;
	if (!json_to_account(json_object_get(in, "account"), &out->history) ||
	    (out->ending && stop && !json_is_boolean(stop)))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	out->stop_history_only = json_is_true(stop);
	return true;
}

static bool parse_books(struct rpc_call *c, struct wanted *out)
{
	const json_t *list = json_object_get(c->p, "books");
	size_t n = json_array_size(list);

	if (list && !json_is_array(list))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	if (n > RPC_SUB_TOPICS_CONN_MAX)
		return rpc_fail(c, RPC_TOO_BUSY);
	out->books = arena_alloc(&c->arena, n * sizeof(*out->books));
	for (size_t i = 0; i < n; i++)
		if (!stream_parse_book(c, json_array_get(list, i), out->ending, &out->books[i]))
			return false;
	out->n_books = (uint32_t)n;
	return true;
}

static bool parse(struct rpc_call *c, struct wanted *out)
{
	const char *proposed = p_has(c, "accounts_proposed") ? "accounts_proposed" : "rt_accounts";

	if (p_has(c, "url") && !c->from.admin)
		return rpc_fail(c, RPC_NO_PERMISSION);
	if (!p_has(c, "url") && !c->from.websocket)
		return rpc_fail(c, RPC_INVALID_PARAMS);
	return parse_streams(c, out) && parse_accounts(c, proposed, SUB_ACCOUNTS_PROPOSED, out) &&
	       parse_accounts(c, "accounts", SUB_ACCOUNTS, out) && parse_history(c, out) &&
	       parse_books(c, out);
}

/* ---- Who asks: a WebSocket connection, or the one that posts to a URL. 0 and no fault: a URL that
 * is not known here. */

static bool requester(struct rpc_call *c, bool make, uint64_t *conn)
{
	const struct rpc_host *host = c->host;
	struct rpc_hook want = {.url = p_text(c, "url"),
				.username = p_text(c, "url_username"),
				.password = p_text(c, "url_password")};
	struct why why = {.text = ""};

	*conn = c->from.conn;
	if (!p_has(c, "url"))
		return true;
	if (!host->hook)
		return rpc_fail(c, RPC_NOT_SUPPORTED);
	if (p_has(c, "username"))
		want.username = p_text(c, "username");
	if (p_has(c, "password"))
		want.password = p_text(c, "password");
	*conn = want.url ? host->hook(host->ctx, &want, make, &why) : 0;
	if (*conn || !make)
		return true;
	return rpc_fail_text(c, RPC_INVALID_PARAMS, "%s",
			     why.text[0] ? why.text : "Failed to parse url.");
}

/* ---- subscribe */

/* Room for all of it, counted as if nothing were followed already. */
static bool fits(struct rpc_call *c, const struct sub_conn *conn, const struct wanted *want)
{
	uint64_t n = (uint64_t)want->n_accounts[0] + want->n_accounts[1] + want->has_history +
		     2ull * want->n_books;
	struct hash256 key = topic_of_account(&want->history);

	if (want->has_history && subs_has_link(c->r->subs, conn, SUB_HISTORIES, &key))
		return rpc_fail(c, RPC_INVALID_PARAMS);
	if (want->has_history && subs_feeds(conn) >= RPC_SUB_FEEDS_CONN_MAX)
		return rpc_fail(c, RPC_TOO_BUSY);
	return n <= subs_room(c->r->subs, conn) ? true : rpc_fail(c, RPC_TOO_BUSY);
}

static void add_books(struct subs *s, struct sub_conn *conn, const struct wanted *want)
{
	for (uint32_t i = 0; i < want->n_books; i++) {
		const struct book_request *b = &want->books[i];
		struct book other = stream_book_reversed(&b->book);
		struct hash256 key = stream_book_key(&b->book);

		subs_topic_add(s, conn, SUB_BOOKS, &key);
		key = stream_book_key(&other);
		if (b->both)
			subs_topic_add(s, conn, SUB_BOOKS, &key);
	}
}

static void add_history(struct rpc_call *c, struct sub_conn *conn, const struct wanted *want)
{
	struct hash256 key = topic_of_account(&want->history);

	if (!want->has_history)
		return;
	c->cost = RPC_COST_MEDIUM;
	subs_topic_add(c->r->subs, conn, SUB_HISTORIES, &key);
	subs_set_feed(c->r->subs, conn, &key,
		      history_feed_open(c->r, conn, &want->history, &c->from));
	jw_put_str(&c->w, "warning",
		   "account_history_tx_stream is an experimental feature and likely to be removed "
		   "in the future");
}

static void add_all(struct rpc_call *c, struct sub_conn *conn, const struct wanted *want)
{
	for (int kind = 0; kind < 2; kind++)
		for (uint32_t i = 0; i < want->n_accounts[kind]; i++) {
			struct hash256 key = topic_of_account(&want->accounts[kind][i]);

			subs_topic_add(c->r->subs, conn, (enum topic)kind, &key);
		}
	add_history(c, conn, want);
	add_books(c->r->subs, conn, want);
	for (int i = 0; i < STREAM_COUNT; i++)
		if (want->streams[i])
			subs_stream_add(c->r->subs, conn, (enum stream)i);
}

/* What the books hold in the last validated ledger. As in the reference, offers of several books
 * stand in one list, which is why each of the three is written in one go. */
enum side { SIDE_OFFERS, SIDE_BIDS, SIDE_ASKS };

/* The offers of one more book behind those that are there. */
static bool append_offers(struct rpc_call *c, const struct book *book,
			  const struct account_id *taker)
{
	static const char head[] = "{\"x\":[";
	struct jw whole = c->w, part;
	bool ok;

	c->w = JW_INIT;
	jw_open(&c->w, '{');
	ok = book_offers_write(c, book, taker, SNAPSHOT_OFFERS, "x");
	part = c->w;
	c->w = whole;
	if (ok && part.out.n > sizeof(head)) /* head, offers, "]" */
		jw_members(&c->w,
			   bytes_of(part.out.p + sizeof(head) - 1, part.out.n - sizeof(head)));
	jw_close(&part);
	return ok;
}

static bool write_side(struct rpc_call *c, const struct wanted *want, enum side side)
{
	static const char *const names[] = {"offers", "bids", "asks"};
	bool begun = false;

	for (uint32_t i = 0; i < want->n_books; i++) {
		const struct book_request *b = &want->books[i];
		struct book book = side == SIDE_ASKS ? stream_book_reversed(&b->book) : b->book;

		if (!b->snapshot || b->both != (side != SIDE_OFFERS))
			continue;
		if (!begun)
			jw_put_open(&c->w, names[side], '[');
		begun = true;
		if (!append_offers(c, &book, b->has_taker ? &b->taker : NULL))
			return false;
	}
	if (begun)
		jw_end(&c->w, ']');
	return true;
}

static bool write_books(struct rpc_call *c, const struct wanted *want)
{
	struct ledger *l = node_validated(c->host->node);
	bool any = false;

	for (uint32_t i = 0; i < want->n_books; i++)
		any |= want->books[i].snapshot;
	if (!any || !l)
		return true;
	c->cost = RPC_COST_MEDIUM;
	rpc_ledger_drop(&c->ledger);
	c->ledger = (struct rpc_ledger){
	    .closed = ledger_ref(l), .seq = l->header.seq, .validated = true};
	return write_side(c, want, SIDE_OFFERS) && write_side(c, want, SIDE_BIDS) &&
	       write_side(c, want, SIDE_ASKS);
}

/* A URL that was made for nothing. */
static void abandon(struct rpc_call *c, struct sub_conn *conn)
{
	uint64_t id = sub_conn_id(conn);

	if (!p_has(c, "url") || sub_conn_follows(conn))
		return;
	subs_conn_closed(c->r->subs, id);
	c->host->hook_end(c->host->ctx, id);
}

void method_subscribe(struct rpc_call *c)
{
	struct wanted want = {0};
	struct sub_conn *conn;
	uint64_t id;

	if (!parse(c, &want) || !requester(c, true, &id))
		return;
	conn = subs_conn(c->r->subs, id, c->version, true);
	if (!conn) {
		rpc_fail(c, RPC_TOO_BUSY);
		return;
	}
	if (!fits(c, conn, &want) || !write_books(c, &want)) {
		rpc_forget_written(c);
		abandon(c, conn);
		return;
	}
	add_all(c, conn, &want);
	if (want.streams[STREAM_SERVER])
		write_server(c);
	if (want.streams[STREAM_LEDGER])
		write_ledger(c);
}

/* ---- unsubscribe */

static void del_books(struct subs *s, struct sub_conn *conn, const struct wanted *want)
{
	for (uint32_t i = 0; i < want->n_books; i++) {
		const struct book_request *b = &want->books[i];
		struct book other = stream_book_reversed(&b->book);
		struct hash256 key = stream_book_key(&b->book);

		subs_topic_del(s, conn, SUB_BOOKS, &key);
		key = stream_book_key(&other);
		if (b->both)
			subs_topic_del(s, conn, SUB_BOOKS, &key);
	}
}

static void del_history(struct subs *s, struct sub_conn *conn, const struct wanted *want)
{
	struct hash256 key = topic_of_account(&want->history);
	struct history_feed *feed = want->has_history ? subs_feed(s, conn, &key) : NULL;

	if (feed && want->stop_history_only)
		history_feed_stop_past(feed);
	else if (feed)
		subs_topic_del(s, conn, SUB_HISTORIES, &key);
}

static void del_all(struct subs *s, struct sub_conn *conn, const struct wanted *want)
{
	for (int kind = 0; kind < 2; kind++)
		for (uint32_t i = 0; i < want->n_accounts[kind]; i++) {
			struct hash256 key = topic_of_account(&want->accounts[kind][i]);

			subs_topic_del(s, conn, (enum topic)kind, &key);
		}
	del_history(s, conn, want);
	del_books(s, conn, want);
	for (int i = 0; i < STREAM_COUNT; i++)
		if (want->streams[i])
			subs_stream_del(s, conn, (enum stream)i);
}

void method_unsubscribe(struct rpc_call *c)
{
	struct wanted want = {.ending = true};
	struct sub_conn *conn;
	uint64_t id;

	if (!parse(c, &want) || !requester(c, false, &id) || !id)
		return;
	conn = subs_conn(c->r->subs, id, c->version, false);
	if (conn)
		del_all(c->r->subs, conn, &want);
	/* A URL without streams is given up (rippled: NetworkOPs.cpp tryRemoveRpcSub). */
	if (p_has(c, "url") && (!conn || !sub_conn_has_stream(conn))) {
		subs_conn_closed(c->r->subs, id);
		c->host->hook_end(c->host->ctx, id);
	}
}
