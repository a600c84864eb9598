/* SPDX-License-Identifier: ISC */

/* The table of messages: wire.def as data, and its numbers, which are other nodes' as well. */
#include "net/wire.h"

_Static_assert(MSG_STATUS == 1 && MSG_PING == 2 && MSG_PONG == 3 && MSG_TXS == 4, "wire codes");
_Static_assert(MSG_PROPOSAL == 5 && MSG_VALIDATION == 6 && MSG_GET_SET == 7, "wire codes");
_Static_assert(MSG_SET == 8 && MSG_GET_TXS == 9 && MSG_TX_DATA == 10, "wire codes");
_Static_assert(MSG_GET_LEDGER == 11 && MSG_LEDGER == 12 && MSG_GET_NODES == 13, "wire codes");
_Static_assert(MSG_NODES == 14 && MSG_NAK == 15 && MSG_BYE == 16, "wire codes");
_Static_assert(MSG_MANIFESTS == 17 && MSG_TRUST == 18, "wire codes");
_Static_assert(MSG_GET_PAST == 19 && MSG_PAST == 20 && MSG_EVIDENCE == 21, "wire codes");

static const struct wire_row {
	const char *name;
	uint32_t bytes_max, count_max, per_second;
	uint8_t lane;
	uint32_t kept_max;
} rows[MSG_TYPE_END] = {
#define M(NAME, code, bytes, count, rate, l, kept) [code] = {#NAME, bytes, count, rate, l, kept},
#include "net/wire.def"
#undef M
};

#define M(NAME, code, bytes, count, rate, lane, kept)                                              \
	_Static_assert((bytes) <= FRAME_BYTES_MAX && (rate) > 0 && (lane) <= 1, #NAME);
#include "net/wire.def"
#undef M

bool msg_type_exists(uint32_t code)
{
	return code > MSG_NONE && code < MSG_TYPE_END && rows[code].name;
}

static const struct wire_row *row_of(enum msg_type t)
{
	must(msg_type_exists(t));
	return &rows[t];
}

const char *msg_type_name(enum msg_type t)
{
	return row_of(t)->name;
}

uint32_t msg_bytes_max(enum msg_type t)
{
	return row_of(t)->bytes_max;
}

uint32_t msg_count_max(enum msg_type t)
{
	return row_of(t)->count_max;
}

uint32_t msg_per_second(enum msg_type t)
{
	return row_of(t)->per_second;
}

uint32_t msg_kept_max(enum msg_type t)
{
	return row_of(t)->kept_max;
}

uint8_t msg_lane(enum msg_type t)
{
	return row_of(t)->lane;
}
