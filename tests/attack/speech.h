/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TESTS_ATTACK_SPEECH_H
#define TALLY_TESTS_ATTACK_SPEECH_H

#include "base/bytes.h"

/* What clients say over HTTP and WebSocket, and just as much of the answers as it takes to tell
 * them apart. The generator must cost little beside the node on the same cores: nothing here
 * allocates or parses JSON. */

/* A request with a body; ends the head with a blank line. */
void speech_post(struct buf *out, const char *body);
/* With the token of an administrator, which may be "". */
void speech_post_as(struct buf *out, const char *token, const char *body);
/* The answer at the front of `in`: its length, 0 while it is not whole, SIZE_MAX for nonsense. */
size_t speech_answer(struct bytes in, int *status, struct bytes *body);

void speech_upgrade(struct buf *out);
/* Whole head of the answer to it: its length, 0 while it is not whole. *ok: 101. */
size_t speech_upgraded(struct bytes in, bool *ok);
/* A client's frame. Its mask is zero, which is allowed and costs nothing. */
void speech_frame(struct buf *out, unsigned opcode, struct bytes payload);
void speech_text(struct buf *out, const char *text);

struct speech_frame {
	unsigned opcode; /* 1 text, 8 close, 9 ping, 10 pong */
	bool final;
	struct bytes payload;
};
/* The server's frame at the front of `in`: its length, 0 while it is not whole. */
size_t speech_read_frame(struct bytes in, struct speech_frame *out);
/* The code of a close frame, 0 without one. */
unsigned speech_close_code(const struct speech_frame *f);

/* The number after `"name":`, quoted or not; -1 when it is not there. */
int64_t speech_number(struct bytes in, const char *name);
bool speech_has(struct bytes in, const char *text);
/* The string after `"name":"`; false when it is not there or does not fit. */
bool speech_string(char *out, size_t n, struct bytes in, const char *name);

#endif
