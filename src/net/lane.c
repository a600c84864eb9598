/* SPDX-License-Identifier: ISC */
#include "net/lane.h"

#define CAP_MIN 16 /* a power of two, as all capacities are */

static struct wire_frame **slot(const struct lane *l, uint32_t i)
{
	must(i < l->cap);
	return &l->v[(l->head + i) & (l->cap - 1)];
}

static void grow(struct lane *l)
{
	uint32_t i, cap = l->cap ? 2 * l->cap : CAP_MIN;
	struct wire_frame **v = mem_zalloc(cap, sizeof(struct wire_frame *));

	must(cap > l->cap);
	for (i = 0; i < l->n; i++)
		v[i] = *slot(l, i);
	mem_free(l->v);
	l->v = v;
	l->cap = cap;
	l->head = 0;
}

void lane_push(struct lane *l, struct wire_frame *f)
{
	if (l->n == l->cap)
		grow(l);
	*slot(l, l->n) = wire_frame_ref(f);
	l->n++;
	l->bytes += f->n;
}

struct wire_frame *lane_at(const struct lane *l, uint32_t i)
{
	must(i < l->n);
	return *slot(l, i);
}

struct wire_frame *lane_take(struct lane *l, uint32_t i)
{
	struct wire_frame *f = lane_at(l, i);

	for (; i > 0; i--)
		*slot(l, i) = *slot(l, i - 1);
	l->head = (l->head + 1) & (l->cap - 1);
	l->n--;
	must(l->bytes >= f->n);
	l->bytes -= f->n;
	return f;
}

uint32_t lane_shed(struct lane *l, size_t bytes_max)
{
	uint32_t shed = 0;

	while (l->bytes > bytes_max) {
		wire_frame_unref(lane_take(l, 0));
		shed++;
	}
	return shed;
}

void lane_close(struct lane *l)
{
	(void)lane_shed(l, 0);
	must(l->n == 0);
	mem_free(l->v);
	*l = (struct lane){0};
}
