/* SPDX-License-Identifier: ISC */
#include "tests/tx/support.h"

#include "tests/fuzz/asked.h"

/* Requests of all kinds. The first byte says how the rest came: bit 0 WebSocket, bit 1
 * administrator. Exactly one reply, and it is JSON without duplicate members (or plain text with a
 * status of 400 or more). */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fake *f = asked_world();

	if (size == 0)
		return 0;
	asked_request(f, data[0], bytes_of(data + 1, size - 1));
	if (f->status >= 400 && f->reply.p[0] != '{')
		return 0;
	rpc_on_state(f->rpc, NODE_FULL);
	asked_reply_is_json(f);
	return 0;
}
