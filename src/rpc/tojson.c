/* SPDX-License-Identifier: ISC */
#include "rpc/call.h"

#include <stdio.h>

json_t *tj_entry(const struct st_object *entry, const struct hash256 *key)
{
	json_t *j = st_to_server_json(entry);
	uint16_t type = 0;
	uint8_t id[24];
	char text[2 * sizeof(id) + 1];
	struct account_id issuer;

	json_object_set_new(j, "index", json_string(hash256_hex(key).s));
	if (!st_get_u16(entry, sfLedgerEntryType, &type) || type != ltMPTokenIssuance ||
	    !st_get_account(entry, sfIssuer, &issuer))
		return j;
	store_be32(id, st_u32_or(entry, sfSequence, 0));
	memcpy(id + 4, issuer.b, sizeof(issuer.b));
	hex_encode(text, id, sizeof(id));
	json_object_set_new(j, "mpt_issuance_id", json_string(text));
	return j;
}

static bool is_payment(const struct st_object *tx)
{
	uint16_t type;

	return st_get_u16(tx, sfTransactionType, &type) && type == ttPayment;
}

json_t *tj_tx_plain(const struct st_object *tx, const struct hash256 *id)
{
	json_t *j = st_to_server_json(tx);

	json_object_set_new(j, "hash", json_string(hash256_hex(id).s));
	return j;
}

json_t *tj_tx(const struct st_object *tx, const struct hash256 *id, unsigned version)
{
	json_t *j = version == 1 ? tj_tx_plain(tx, id) : st_to_server_json(tx);
	json_t *amount = json_object_get(j, "Amount");

	/* What was asked for may be more than what arrived: version 2 shows it under a name that
	 * cannot be taken for the amount delivered. */
	if (amount && is_payment(tx)) {
		json_object_set(j, "DeliverMax", amount);
		if (version > 1)
			json_object_del(j, "Amount");
	}
	return j;
}

/* rippled: DeliveredAmount.cpp. Every ledger here is younger than the field DeliveredAmount, so its
 * absence means that the whole Amount was delivered. */
static json_t *delivered_amount(const struct st_object *meta, const struct st_object *tx)
{
	const struct st_value *v;
	uint16_t type = ttINVALID;
	uint8_t result = UINT8_MAX;

	st_get_u16(tx, sfTransactionType, &type);
	st_get_u8(meta, sfTransactionResult, &result);
	if (result != tesSUCCESS)
		return NULL;
	if (type != ttPayment && type != ttCheckCash && type != ttAccountDelete)
		return NULL;
	v = st_find(meta, sfDeliveredAmount);
	if (!v)
		v = st_find(tx, sfAmount);
	return v ? st_value_to_server_json(v) : json_string("unavailable");
}

json_t *tj_meta(const struct st_object *meta, const struct st_object *tx)
{
	json_t *j = st_to_server_json(meta);
	json_t *delivered = delivered_amount(meta, tx);

	if (delivered)
		json_object_set_new(j, "delivered_amount", delivered);
	return j;
}

struct st_object *tj_decode(struct rpc_call *c, struct bytes blob)
{
	struct st_object *o;

	if (st_decode(&o, &c->arena, blob, NULL) == ERR_NONE)
		return o;
	rpc_fail(c, RPC_DB_DESERIALIZATION);
	return NULL;
}

bool tj_ctid(char out[17], uint32_t seq, uint32_t index, uint32_t network_id)
{
	uint8_t b[8];

	if (seq > 0x0FFFFFFF || index > UINT16_MAX || network_id > UINT16_MAX)
		return false;
	store_be32(b, 0xC0000000u | seq);
	store_be16(b + 4, (uint16_t)index);
	store_be16(b + 6, (uint16_t)network_id);
	hex_encode(out, b, sizeof(b));
	return true;
}

/* ---- Times, in UTC, without the C library's calendar (it follows the environment) */

struct date {
	unsigned year, month, day, hour, minute, second;
};

static bool is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static struct date date_of_unix(uint64_t s)
{
	static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	struct date d = {.year = 1970, .month = 1};
	uint64_t days = s / 86400;
	unsigned n;

	while (days >= (n = is_leap(d.year) ? 366 : 365)) {
		days -= n;
		d.year++;
	}
	while (days >=
	       (n = month_days[d.month - 1] + (d.month == 2 && is_leap(d.year) ? 1u : 0u))) {
		days -= n;
		d.month++;
	}
	d.day = (unsigned)days + 1;
	d.hour = (unsigned)(s % 86400 / 3600);
	d.minute = (unsigned)(s % 3600 / 60);
	d.second = (unsigned)(s % 60);
	return d;
}

void tj_iso_time(char out[ISO_TEXT_MAX], struct net_time t)
{
	struct date d = date_of_unix((uint64_t)t.s + LEDGER_EPOCH_UNIX);

	snprintf(out, ISO_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02uZ", d.year % 10000, d.month % 100,
		 d.day % 100, d.hour % 100, d.minute % 100, d.second % 100);
}

void tj_human_time(char out[HUMAN_TEXT_MAX], uint64_t unix_us, bool nanos)
{
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct date d = date_of_unix(unix_us / 1000000);

	snprintf(out, HUMAN_TEXT_MAX, "%u-%s-%02u %02u:%02u:%02u.%06u%s UTC", d.year % 10000,
		 months[d.month - 1], d.day % 100, d.hour % 100, d.minute % 100, d.second % 100,
		 (unsigned)(unix_us % 1000000), nanos ? "000" : "");
}

void tj_result(struct jw *w, enum ter result, const char *message)
{
	const char *name = result_name(result);

	jw_put_str(w, "engine_result", name ? name : "unknown");
	jw_put_i64(w, "engine_result_code", result);
	if (!message)
		message = result_text(result);
	jw_put_str(w, "engine_result_message", message ? message : "unknown");
}

void tj_header(struct jw *w, const struct ledger_header *h, const struct hash256 *hash,
	       unsigned version)
{
	char text[HUMAN_TEXT_MAX];

	jw_put_hash(w, "parent_hash", &h->parent);
	if (version > 1)
		jw_put_u64(w, "ledger_index", h->seq);
	else
		jw_put_text_u64(w, "ledger_index", h->seq);
	if (version == 1) { /* older names of the same */
		jw_put_bool(w, "accepted", true);
		jw_put_hash(w, "hash", hash);
		jw_put_text_u64(w, "seqNum", h->seq);
	}
	jw_put_bool(w, "closed", true);
	jw_put_hash(w, "ledger_hash", hash);
	jw_put_hash(w, "transaction_hash", &h->tx_hash);
	jw_put_hash(w, "account_hash", &h->state_hash);
	jw_put_text_u64(w, "total_coins", h->drops.raw); /* raw: printing */
	jw_put_u64(w, "close_flags", h->close_flags);
	jw_put_u64(w, "parent_close_time", h->parent_close.s);
	jw_put_u64(w, "close_time", h->close.s);
	jw_put_u64(w, "close_time_resolution", h->close_resolution);
	if (h->close.s == 0)
		return;
	tj_human_time(text, ((uint64_t)h->close.s + LEDGER_EPOCH_UNIX) * 1000000, true);
	jw_put_str(w, "close_time_human", text);
	if (h->close_flags & LEDGER_FLAG_NO_CLOSE_TIME)
		jw_put_bool(w, "close_time_estimated", true);
	tj_iso_time(text, h->close);
	jw_put_str(w, "close_time_iso", text);
}
