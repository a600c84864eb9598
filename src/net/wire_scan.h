/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NET_WIRE_SCAN_H
#define TALLY_NET_WIRE_SCAN_H

#include "base/bytes.h"

/* The part of msgpack that messages use, read without trusting a single length: unsigned integers
 * up to 32 bits, byte strings, arrays. Everything else (maps, text, floats, nil, extensions,
 * negative and 64-bit numbers) is refused, and so is every form that is not the shortest one.
 *
 *   message := array [ code, field ... ]        field := integer | bytes | array of bytes
 *
 * Nothing is allocated and no length is believed before that many bytes are there, so the cost of
 * a hostile message is at most linear in the bytes that it really has. (A general msgpack reader
 * asks for 256 GiB on 13 bytes that announce nested arrays.) */

enum wire_token_kind { WIRE_UINT, WIRE_BYTES, WIRE_ARRAY };

struct wire_token {
	enum wire_token_kind kind;
	uint32_t value;     /* of an integer; number of elements of an array */
	struct bytes bytes; /* of WIRE_BYTES: a view */
};

/* The next token. ERR_SHORT when the input ends inside it, ERR_INVALID for a kind that messages
 * never have or a form that is too long. An array's elements follow as tokens of their own. */
enum err wire_token_next(struct wire_token *out, struct cursor *c, struct why *why) MUST_USE;

/* Checks the shape of one whole message: outer array of 1 to WIRE_FIELDS_MAX elements, the first an
 * integer, inner arrays of at most count_max byte strings, nothing deeper, nothing behind it.
 * Additionally ERR_TRAILING, ERR_TOO_LARGE (counts), ERR_DEPTH. */
enum err wire_scan(struct bytes in, uint32_t count_max, struct why *why) MUST_USE;

#define WIRE_FIELDS_MAX 16 /* elements of the outer array, the code included */

#endif
