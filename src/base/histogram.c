/* SPDX-License-Identifier: ISC */
#include "base/histogram.h"

void histogram_add(struct histogram *h, const struct histogram_scale *s, uint64_t value)
{
	uint32_t i = 0;

	while (i < s->n && value > s->le[i])
		i++;
	h->in[i]++;
	h->n++;
	h->sum += value;
	if (value > h->max)
		h->max = value;
}

uint64_t histogram_quantile(const struct histogram *h, const struct histogram_scale *s,
			    uint32_t permille)
{
	uint64_t rank = (h->n * permille + 999) / 1000, below = 0, from, to;
	uint32_t i = 0;

	if (!h->n)
		return 0;
	if (rank == 0)
		rank = 1;
	while (i < s->n && below + h->in[i] < rank)
		below += h->in[i++];
	from = i ? s->le[i - 1] : 0;
	to = i < s->n && s->le[i] < h->max ? s->le[i] : h->max;
	if (to <= from)
		return to;
	return from + (uint64_t)(((unsigned __int128)(to - from) * (rank - below) + h->in[i] - 1) /
				 h->in[i]);
}
