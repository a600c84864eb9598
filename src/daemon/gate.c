/* SPDX-License-Identifier: ISC */
#include "daemon/gate.h"

#include "base/mem.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/log.h"
#include "rpc/charge.h"

#include <stdio.h>

#define EXTRA_MAX 160

struct gate {
	struct charges *charges;
};

struct gate *gate_open(const struct config *c)
{
	struct gate *g = mem_zalloc(1, sizeof(*g));
	uint64_t salt;

	entropy_fill(&salt, sizeof(salt));
	g->charges = charges_open(&c->charge, salt);
	for (uint32_t i = 0; i < c->n_exempt; i++)
		must(charges_exempt(g->charges, c->exempt[i])); /* checked as it was read */
	return g;
}

void gate_close(struct gate *g)
{
	if (!g)
		return;
	charges_close(g->charges);
	mem_free(g);
}

bool gate_may_connect(struct gate *g, const char *address)
{
	return charges_may_connect(g->charges, address, clock_steady());
}

static void write_limits(const struct gate *g, const char *address, char extra[EXTRA_MAX])
{
	struct charge_standing s;

	charges_standing(g->charges, address, clock_steady(), &s);
	snprintf(extra, EXTRA_MAX,
		 "Retry-After: %u\r\nRateLimit-Limit: %u\r\nRateLimit-Remaining: %u\r\n"
		 "RateLimit-Reset: %u\r\n",
		 s.reset_s ? s.reset_s : 1, s.limit, s.refused ? 0 : s.left, s.reset_s);
}

static void refuse_http(struct gate *g, struct front_server *f, const struct front_request *req,
			bool close)
{
	char extra[EXTRA_MAX], body[160];

	write_limits(g, req->address, extra);
	snprintf(body, sizeof(body),
		 "{\"error\":\"%s\",\"error_code\":%d,\"error_message\":\"%s\","
		 "\"status\":\"error\",\"warning\":\"load\"}\n",
		 rpc_error_token(RPC_SLOW_DOWN), RPC_SLOW_DOWN, rpc_error_message(RPC_SLOW_DOWN));
	if (close)
		front_reply_last(f, req->id, 429, extra, bytes_str(body));
	else
		front_reply_with(f, req->id, 429, NULL, extra, bytes_str(body));
}

bool gate_admit(struct gate *g, struct front_server *f, struct rpc *r,
		const struct front_request *req, const struct rpc_origin *from)
{
	enum charge_verdict v;

	if (from->admin)
		return true;
	v = charges_admit(g->charges, req->address, clock_steady());
	if (v == CHARGE_OK || v == CHARGE_WARN)
		return true;
	if (!req->websocket) {
		refuse_http(g, f, req, v == CHARGE_REFUSE);
		return false;
	}
	rpc_refuse(r, from, req->body, RPC_SLOW_DOWN);
	if (v == CHARGE_REFUSE)
		front_close_conn(f, req->conn, 1008, "too much load");
	return false;
}

static bool add(struct gate *g, const char *address, uint32_t cost)
{
	enum charge_verdict v = charges_add(g->charges, address, cost, clock_steady());

	if (v == CHARGE_REFUSE)
		log_fields(LOG_INFO, "rpc", "client refused", F_TEXT("address", address),
			   F_TEXT("reason", "asks too much"));
	return v != CHARGE_OK;
}

bool gate_charge(struct gate *g, const struct rpc_origin *from, uint32_t cost)
{
	return !from->admin && add(g, from->address, cost);
}

void gate_malformed(struct gate *g, const char *address)
{
	add(g, address, RPC_COST_MALFORMED);
}

const struct charges *gate_charges(const struct gate *g)
{
	return g->charges;
}
