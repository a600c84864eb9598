/* SPDX-License-Identifier: ISC */
#include "daemon/health.h"

static const struct {
	const char *name;
	bool critical;
} rows[HEALTH_ROWS] = {
#define H(constant, name, critical) [HEALTH_##constant] = {name, critical},
#include "daemon/health.def"
#undef H
};

const char *health_name(enum health_row r)
{
	return rows[r].name;
}

bool health_is_critical(enum health_row r)
{
	return rows[r].critical;
}

static void judge_network(bool *is, const struct health_facts *f)
{
	const struct node_status *s = f->node;
	bool others = s->unl_n > 1;

	is[HEALTH_STATE] = s->state < NODE_FULL;
	is[HEALTH_NO_LEDGER] = f->ledger_age_ms < 0;
	is[HEALTH_LEDGER_AGE] = f->ledger_age_ms >= HEALTH_AGE_MS;
	is[HEALTH_NO_PEERS] = others && !s->peers;
	is[HEALTH_FEW_PEERS] = s->unl_n > 2 && s->peers == 1;
	is[HEALTH_QUORUM] = others && s->unl_present < s->quorum;
	is[HEALTH_NO_SPARE] = others && s->unl_present == s->quorum;
	is[HEALTH_STUCK] = s->consensus.stuck;
	is[HEALTH_FORK] = s->consensus.contrary > 0;
}

void health_judge(struct health *out, const struct health_facts *f)
{
	const struct node_status *s = f->node;
	int64_t off = s->clock_offset_s;
	bool *is = out->is;

	*out = (struct health){.healthy = true};
	if (!s->standalone)
		judge_network(is, f);
	is[HEALTH_STOPPING] = s->stopping;
	is[HEALTH_STORE_FAILED] = s->store_failed;
	is[HEALTH_DISK_FULL] = s->disk_full || f->stage == UV_DISK_NO_VOTES;
	is[HEALTH_DISK_LOW] = !is[HEALTH_DISK_FULL] && f->stage > UV_DISK_FINE;
	is[HEALTH_AMENDMENT_BLOCKED] = s->amendment_blocked;
	is[HEALTH_AMENDMENT_COMES] = s->amendment_warned;
	is[HEALTH_UNL_BLOCKED] = s->unl_blocked;
	is[HEALTH_LIST_EXPIRES] = f->list_known && !s->unl_blocked &&
				  f->list_left_s < HEALTH_LIST_S;
	is[HEALTH_CLOCK_OFF] = s->clock_off;
	is[HEALTH_CLOCK] = s->clock_known && !s->clock_off &&
			   (off > HEALTH_CLOCK_S || off < -HEALTH_CLOCK_S);
	is[HEALTH_OVERLOAD] = f->lag_ms >= HEALTH_LAG_MS || f->busy;
	is[HEALTH_KEY_ELSEWHERE] = s->key_elsewhere;
	is[HEALTH_KEY_REPLACED] = s->key_replaced;
	is[HEALTH_OVERLAP] = s->overlap_unsafe;
	for (enum health_row r = 0; r < HEALTH_ROWS; r++)
		out->healthy &= !(is[r] && rows[r].critical);
}

static void write_rows(struct buf *out, const char *key, const struct health *h, bool critical)
{
	const char *comma = "";

	buf_printf(out, ",\"%s\":[", key);
	for (enum health_row r = 0; r < HEALTH_ROWS; r++) {
		if (!h->is[r] || rows[r].critical != critical)
			continue;
		buf_printf(out, "%s\"%s\"", comma, rows[r].name);
		comma = ",";
	}
	buf_put_u8(out, ']');
}

/* Names as in the reference's object where it has them. */
static void write_info(struct buf *out, const struct health_facts *f)
{
	const struct node_status *s = f->node;

	buf_printf(out, ",\"info\":{\"validated_ledger\":%lld,\"peers\":%u",
		   (long long)(f->ledger_age_ms < 0 ? -1 : f->ledger_age_ms / 1000), s->peers);
	buf_printf(out, ",\"validated_ledger_index\":%u", s->consensus.validated_seq);
	buf_printf(out, ",\"validation_quorum\":%u,\"validators_present\":%u", s->quorum,
		   s->unl_present);
	buf_printf(out, ",\"disk_stage\":\"%s\"", uv_disk_stage_name(f->stage));
	buf_printf(out, ",\"loop_lag_ms\":%u,\"in_flight\":%u", f->lag_ms, f->in_flight);
	if (s->clock_known)
		buf_printf(out, ",\"clock_offset_s\":%lld", (long long)s->clock_offset_s);
	if (f->list_known)
		buf_printf(out, ",\"list_expires_s\":%lld", (long long)f->list_left_s);
	buf_put_u8(out, '}');
}

void health_write(struct buf *out, const struct health *h, const struct health_facts *f,
		  bool detail)
{
	buf_printf(
	    out, "{\"status\":\"%s\",\"server_state\":\"%s\"", h->healthy ? "healthy" : "unhealthy",
	    node_state_name(detail || f->node->state < NODE_FULL ? f->node->state : NODE_FULL));
	write_rows(out, "reasons", h, true);
	write_rows(out, "warnings", h, false);
	if (detail)
		write_info(out, f);
	buf_printf(out, "}\n");
}
