/* SPDX-License-Identifier: ISC */
#include "tests/fuzz/apply.h"

#include "tx/build.h"

/* The same transactions as the agreed set of one ledger: it comes out the same however the set was
 * listed, and again when the ledger is replayed. */

static struct ledger parent_of(const struct fz_world *w, const struct view_info *info)
{
	struct ledger l = {.state = w->state};

	l.header.seq = info->seq - 1;
	l.header.close = info->parent_close;
	l.header.drops = drops_of(DROPS_MAX);
	return l;
}

static struct ledger_build build(const struct ledger *parent, struct tx **txs, size_t n,
				 bool replay)
{
	struct ledger_build b = {.parent = parent,
				 .txs = txs,
				 .n = n,
				 .replay = replay,
				 .salt = {{7}},
				 .close = {parent->header.close.s + 10},
				 .close_resolution = 10,
				 .close_agreed = true};

	ledger_build_run(&b);
	FAIL_IF(!b.ledger || b.n_applied + b.n_failed != n);
	return b;
}

static void drop(struct ledger_build *b)
{
	ledger_unref(b->ledger);
	mem_free(b->applied);
	mem_free(b->failed);
}

static void compare(const struct ledger_build *a, struct ledger_build *b)
{
	FAIL_IF(!hash256_eq(&a->ledger->hash, &b->ledger->hash));
	FAIL_IF(a->n_applied != b->n_applied);
	for (size_t i = 0; i < a->n_applied; i++)
		FAIL_IF(a->applied[i] != b->applied[i]);
	drop(b);
}

/* A set has each transaction once. */
static size_t without_twins(struct tx **out, struct tx *const *txs, size_t n)
{
	size_t kept = 0, j;

	for (size_t i = 0; i < n; i++) {
		for (j = 0; j < kept && !hash256_eq(&out[j]->id, &txs[i]->id); j++)
			;
		/* What is not signed well never gets into one. */
		if (j == kept && (txs[i]->pseudo || atomic_load(&txs[i]->signature) == TX_SIG_GOOD))
			out[kept++] = txs[i];
	}
	return kept;
}

void check_set(const struct fz_world *w, const struct view_info *info, struct tx *const *txs,
	       size_t n)
{
	struct ledger parent = parent_of(w, info);
	struct tx *set[FZ_STEPS_MAX], *turned[FZ_STEPS_MAX];
	struct ledger_build first, other;
	struct snapshot *s;

	n = without_twins(set, txs, n);
	for (size_t i = 0; i < n; i++)
		turned[i] = set[n - 1 - i];
	first = build(&parent, set, n, false);
	other = build(&parent, turned, n, false);
	compare(&first, &other);
	other = build(&parent, first.applied, first.n_applied, true);
	compare(&first, &other);
	s = snapshot_take(&first.ledger->state, w->snapshot);
	check_state(s, DROPS_MAX - first.ledger->header.drops.raw, info->seq);
	snapshot_close(s);
	drop(&first);
}
