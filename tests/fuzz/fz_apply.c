/* SPDX-License-Identifier: ISC */
#include "tests/fuzz/apply.h"

/* Transactions in a row on one view of a small state (apply.h).
 *
 *     world  mode  transaction  transaction ...
 *
 * mode: bit 0 open ledger, bit 1 a flag ledger, bit 2 a dry run before each, bit 3 in the end also
 * as the set of one ledger. After each one all that must hold is looked at; then the whole input
 * runs once more, without any dry run, and has to come out the same. FZ_STATS=1 prints how often
 * each type had each result. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input costs some 0.4 ms, twenty times those of other targets. */
extern const unsigned fuzz_runs_part;
const unsigned fuzz_runs_part = 10;

struct step {
	enum ter result;
	bool applied;
	struct buf meta;
};

struct run {
	const struct fz_world *world;
	struct view_info info;
	struct view *view;
	bool dry, set, checked;
	struct tx *txs[FZ_STEPS_MAX];
	struct step steps[FZ_STEPS_MAX];
	unsigned n;
	struct snapshot *snapshot; /* NULL: the world's own */
	struct tree state;         /* of the snapshot */
	struct hash256 end;
};

static unsigned long seen[128][700];

static void print_seen(void)
{
	for (unsigned type = 0; type < 128; type++)
		for (int i = 0; i < 700; i++)
			if (seen[type][i])
				printf("%-16s %-28s %lu\n", tx_type_name((uint16_t)type),
				       result_name(i - 400) ? result_name(i - 400) : "?",
				       seen[type][i]);
}

static void count(const struct tx *t, enum ter result)
{
	if (t->type < 128 && (int)result > -400 && (int)result < 300)
		seen[t->type][(int)result + 400]++;
}

static void run_open(struct run *r, struct cursor *c)
{
	uint8_t world = cursor_u8(c), mode = cursor_u8(c);

	r->world = fz_world(world);
	r->info = (struct view_info){.seq = mode & 2 ? 1024 : 1000,
				     .parent_close = {800000000},
				     .fees = r->world->fees,
				     .rules = r->world->rules,
				     .open = mode & 1};
	r->dry = r->checked && (mode & 4);
	r->set = r->checked && (mode & 8) && !r->info.open;
	r->view = view_open_tree(&r->world->state, &r->info);
	tree_share(&r->state, &r->world->state);
}

static const struct snapshot *now(const struct run *r)
{
	return r->snapshot ? r->snapshot : r->world->snapshot;
}

/* The state as the view has it; checked as a whole. */
static struct snapshot *look(struct run *r, struct tree *state)
{
	struct snapshot *s;

	tree_share(state, &r->world->state);
	FAIL_IF(view_flush(r->view, state) != FOUND);
	s = snapshot_take(state, r->world->snapshot);
	check_state(s, view_burned(r->view).raw, r->info.seq);
	return s;
}

/* A dry run tells, and changes nothing. */
static void run_dry(struct run *r, struct tx *t, unsigned flags)
{
	size_t changes = view_count_changes(r->view);
	uint64_t burned = view_burned(r->view).raw;
	struct arena a = ARENA_INIT;
	struct tx_outcome out = tx_apply(r->view, t, flags | TX_DRY_RUN, r->n, &a);
	struct tree state;

	FAIL_IF(out.applied || !result_name((int)out.result) || view_failed(r->view));
	FAIL_IF(view_count_changes(r->view) != changes || view_burned(r->view).raw != burned);
	tree_share(&state, &r->world->state);
	FAIL_IF(view_flush(r->view, &state) != FOUND);
	struct hash256 after = tree_hash(&state), before = tree_hash(&r->state);

	FAIL_IF(!hash256_eq(&after, &before));
	tree_close(&state);
	arena_close(&a);
}

static void check(struct run *r, struct tx *t, const struct tx_outcome *out, uint64_t burned,
		  uint64_t due)
{
	struct check_step c = {.before = now(r),
			       .t = t,
			       .out = *out,
			       .info = &r->info,
			       .burned = view_burned(r->view).raw - burned,
			       .due = due};
	struct snapshot *after;
	struct tree state;

	FAIL_IF(view_failed(r->view));
	after = look(r, &state);
	c.after = after;
	check_step(&c);
	snapshot_close(r->snapshot);
	tree_close(&r->state);
	r->snapshot = after;
	r->state = state;
	count(t, out->result);
}

static void run_one(struct run *r, struct tx *t, unsigned flags)
{
	struct step *s = &r->steps[r->n];
	struct arena a = ARENA_INIT;
	uint64_t burned = view_burned(r->view).raw, due = tx_base_fee(t, r->view).raw;
	struct tx_outcome out;

	if (r->dry)
		run_dry(r, t, flags);
	out = tx_apply(r->view, t, flags, r->n, r->info.open ? NULL : &a);
	s->result = out.result;
	s->applied = out.applied;
	if (out.meta)
		st_encode(&s->meta, out.meta, ST_ALL);
	if (r->checked)
		check(r, t, &out, burned, due);
	r->txs[r->n++] = tx_ref(t);
	arena_close(&a);
}

static void run(struct run *r, struct bytes in)
{
	struct cursor c = cursor_of(in);
	struct tree state;
	unsigned flags;

	run_open(r, &c);
	while (c.left > 0 && r->n < FZ_STEPS_MAX) {
		struct tx *t = fz_make(&c, r->view, &flags);

		if (t)
			run_one(r, t, flags);
		tx_unref(t);
	}
	tree_share(&state, &r->world->state);
	FAIL_IF(view_flush(r->view, &state) != FOUND);
	r->end = tree_hash(&state);
	tree_close(&state);
	if (r->set)
		check_set(r->world, &r->info, r->txs, r->n);
}

static void run_close(struct run *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		buf_close(&r->steps[i].meta);
		tx_unref(r->txs[i]);
	}
	snapshot_close(r->snapshot);
	tree_close(&r->state);
	view_close(r->view);
}

static void compare(const struct run *a, const struct run *b)
{
	FAIL_IF(a->n != b->n || !hash256_eq(&a->end, &b->end));
	for (unsigned i = 0; i < a->n; i++) {
		FAIL_IF(a->steps[i].result != b->steps[i].result);
		FAIL_IF(a->steps[i].applied != b->steps[i].applied);
		FAIL_IF(!bytes_eq(buf_bytes(&a->steps[i].meta), buf_bytes(&b->steps[i].meta)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct run first = {.checked = true}, again = {.checked = false};

	if (!ready) {
		FAIL_IF(crypto_init(NULL) != ERR_NONE);
		if (getenv("FZ_STATS"))
			(void)atexit(print_seen);
	}
	ready = true;
	run(&first, bytes_of(data, size));
	run(&again, bytes_of(data, size));
	compare(&first, &again);
	run_close(&first);
	run_close(&again);
	return 0;
}
