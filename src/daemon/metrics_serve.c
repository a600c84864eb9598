/* SPDX-License-Identifier: ISC */
#include "daemon/observe_impl.h"

/* GET /metrics: the API and its clients. */

static const char *method_name(const struct observe *ob, uint32_t i)
{
	return i < ob->methods ? rpc_method_name(i) : "unknown";
}

static void write_calls(struct observe *ob, struct prom *p)
{
	const struct calls *calls = ob->c.calls;
	struct rpc_counts counts;

	prom_begin(p, M_RPC_REQUESTS);
	for (uint32_t i = 0; i <= ob->methods; i++) {
		prom_u64(p, calls[i].good, "method=\"%s\",result=\"success\"", method_name(ob, i));
		prom_u64(p, calls[i].bad, "method=\"%s\",result=\"error\"", method_name(ob, i));
	}
	prom_begin(p, M_RPC_SECONDS);
	for (uint32_t i = 0; i <= ob->methods; i++)
		if (calls[i].us.n)
			prom_histogram(p, &calls[i].us, &scale_call_us, 6, "method=\"%s\"",
				       method_name(ob, i));
	rpc_counts_get(ob->o.rpc, &counts);
	prom_one(p, M_RPC_AGAIN, ob->c.again);
	prom_one(p, M_RPC_KEPT, counts.kept);
	prom_one(p, M_RPC_KEPT_BYTES, counts.kept_bytes);
	prom_one(p, M_RPC_BYTES, ob->c.reply_bytes);
	prom_one(p, M_RPC_PENDING, counts.pending);
	prom_one(p, M_SUBSCRIBERS, counts.subscribers);
	prom_one(p, M_SUBSCRIPTIONS, counts.topics);
}

static void write_front(struct prom *p, const struct front_stats *s)
{
	prom_one(p, M_CONNECTIONS, s->connections);
	prom_one(p, M_WEBSOCKETS, s->websockets);
	prom_one(p, M_IN_FLIGHT, s->in_flight);
	prom_one(p, M_ACCEPTED, s->accepted);
	prom_one(p, M_REFUSED, s->refused);
	prom_begin(p, M_REFUSALS);
	prom_u64(p, s->accepts_limited, "reason=\"rate\"");
	prom_u64(p, s->evicted, "reason=\"evicted\"");
	prom_u64(p, s->accept_failed, "reason=\"failed\"");
	prom_u64(p, s->descriptors_out, "reason=\"descriptors\"");
	prom_u64(p, s->denied, "reason=\"denied\"");
	prom_one(p, M_CONNECTIONS_MAX, s->connections_max);
	prom_one(p, M_REQUESTS, s->requests);
	prom_begin(p, M_FRONT_BYTES);
	prom_u64(p, s->bytes_in, "direction=\"in\"");
	prom_u64(p, s->bytes_out, "direction=\"out\"");
	prom_one(p, M_SLOW_CLOSED, s->slow_closed);
	prom_one(p, M_WAITING_BYTES, s->bytes_waiting);
	prom_one(p, M_WAITING_TURN, s->waiting);
	prom_one(p, M_BUSY, s->busy);
	prom_one(p, M_CONFLATED, s->conflated);
	prom_begin(p, M_HANDSHAKES);
	prom_u64(p, s->handshakes, "result=\"done\"");
	prom_u64(p, s->handshakes_failed, "result=\"failed\"");
	prom_u64(p, s->handshakes_dropped, "result=\"dropped\"");
	prom_one(p, M_HANDSHAKES_WAITING, s->handshakes_waiting);
	prom_one_decimal(p, M_HANDSHAKE_SECONDS, (int64_t)s->handshake_ns, 9);
}

static void write_charges(struct observe *ob, struct prom *p)
{
	struct charge_stats s;

	charges_stats(gate_charges(ob->o.gate), &s);
	prom_one(p, M_CHARGED_CLIENTS, s.clients);
	prom_begin(p, M_CHARGES);
	prom_u64(p, s.warned, "event=\"warned\"");
	prom_u64(p, s.throttled, "event=\"throttled\"");
	prom_u64(p, s.dropped, "event=\"dropped\"");
	prom_u64(p, s.refused, "event=\"refused\"");
}

void metrics_serve(struct observe *ob, struct prom *p, const struct facts *f)
{
	write_calls(ob, p);
	write_front(p, &f->front);
	write_charges(ob, p);
}
