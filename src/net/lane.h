/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NET_LANE_H
#define TALLY_NET_LANE_H

#include "net/wire.h"

/* Messages waiting for one peer, oldest first; each holds a reference. All zero is an empty one. */
struct lane {
	struct wire_frame **v; /* a ring */
	uint32_t cap, head, n;
	size_t bytes; /* of the messages waiting */
};

/* Appends another reference to f. */
void lane_push(struct lane *l, struct wire_frame *f);
/* The i-th oldest, i < n. */
struct wire_frame *lane_at(const struct lane *l, uint32_t i);
/* Takes out the i-th oldest; its reference is the caller's. Cheapest for i = 0. */
struct wire_frame *lane_take(struct lane *l, uint32_t i);
/* Sheds the oldest until at most bytes_max wait; returns how many that were. */
uint32_t lane_shed(struct lane *l, size_t bytes_max);
void lane_close(struct lane *l);

#endif
