/* SPDX-License-Identifier: ISC */
#include "tests/sim/world_impl.h"

/* What befalls processes: death, older disks, doubles, other versions. */

/* Every question below is about a node alone. */
static bool ask(struct process *p, enum fault f, int64_t lo, int64_t hi, int64_t *x)
{
	return decide(p->w->decisions, f, (uint8_t)p->index, DECIDE_NOBODY, 1000, lo, hi, p->w->now,
		      x);
}

static uint32_t bears(const struct world *w)
{
	return w->plan.validators - cons_quorum(w->plan.validators);
}

/* Validators that do not vote as they should: Byzantine, silenced, doubled. */
static uint32_t bad_voters(const struct world *w)
{
	uint32_t i, n = w->plan.byzantine;

	for (i = 0; i < w->plan.validators - w->plan.byzantine; i++)
		n += w->p[i].mute || w->p[i].twinned || w->p[i].older;
	return n;
}

bool process_may_spoil(const struct process *p)
{
	const struct world *w = p->w;

	if (p->index >= w->plan.validators) /* a tracker, or a twin */
		return true;
	return p->mute || p->twinned || p->older ||
	       p->index >= w->plan.validators - w->plan.byzantine || bad_voters(w) < bears(w);
}

void process_restart_later(struct process *p, int64_t ms)
{
	struct world *w = p->w;
	uint64_t h = world_mix(w->plan.seed ^ 0xB007, (uint64_t)p->index << 32 | p->life);
	static const int64_t spans[] = {2000, 2000, 5000, 5000, 30000, 60000, 200000, 500};

	if (w->plan.manual || (w->healed && !p->healed))
		return;
	if (!ms)
		ms = 100 + (int64_t)(h >> 8) % spans[h % 8];
	if (w->healed && ms > 5000)
		ms = 5000;
	world_push(w, world_event(p, EV_START, w->now + ms));
}

/* Before a process starts: its disk may be another one. A validator with an older one is one of
 * the f: it waits, rightly, for the ledger that it has voted for, which others may have had in
 * memory only. */
void process_born(struct process *p)
{
	bool votes = process_may_spoil(p);
	int64_t x;

	disk_may_spoil(p->disk, votes);
	if (!p->life)
		return;
	if (votes && ask(p, FAULT_PROC_LOST_DISK, 0, 0, NULL)) {
		disk_wipe(p->disk);
		p->disk_losses++;
	} else if (votes && ask(p, FAULT_PROC_OLD_DISK, 1, 128, &x) &&
		   disk_older(p->disk, (uint32_t)x, x % 2)) {
		p->disk_losses++;
		p->older = true;
	}
	p->newer = ask(p, FAULT_PROC_VERSION, 0, 0, NULL);
}

/* What a node of the next minor version sends besides: a type that this one does not know. */
void process_speak_newer(struct process *p)
{
	struct msg m = {.type = MSG_BYE, .bye = {.code = 7, .text = bytes_str("newer")}};
	struct wire_frame *f;
	uint32_t i;

	if (!p->newer || !p->node)
		return;
	f = wire_encode(&m);
	must(f->bytes[1] == MSG_BYE);
	f->bytes[1] = MSG_TYPE_END;
	for (i = 0; i < p->n_ends; i++)
		if (p->ends[i]->state == END_UP)
			end_queue(p->ends[i], f);
	wire_frame_unref(f);
}

static void twin(struct process *p)
{
	struct world *w = p->w;
	int64_t x;

	if (!p->key || p->twin_of != UINT32_MAX || p->twinned || w->n == WORLD_NODES_MAX ||
	    p->index >= w->plan.validators - w->plan.byzantine || !process_may_spoil(p))
		return;
	if (ask(p, FAULT_PROC_TWIN, 1000, 60000, &x)) {
		char name[2] = {world_twin(w, (char)('A' + p->index)), 0};

		world_start(w, name);
	}
}

/* Once a second. */
void process_chaos(struct world *w)
{
	uint32_t i, n = w->n;
	int64_t x;

	for (i = 0; i < n; i++) {
		struct process *p = &w->p[i];

		if (ask(p, FAULT_PROC_KILL, 1, 400, &x) && p->node && !p->fuse) {
			p->fuse = (uint32_t)x;
			p->power_lost = x % 2;
		}
		if (ask(p, FAULT_PROC_OOM, 1, 60, &x) && p->node)
			p->oom = (uint64_t)x;
		twin(p);
	}
}

/* ---- the end of all faults ---- */

static void heal(struct process *p)
{
	struct world *w = p->w;

	p->healed = true;
	p->fuse = 0;
	p->oom = 0;
	p->paused_until = w->now;
	p->read_bytes_per_s = 0;
	p->read_free_at = 0;
	clock_heal(p);
	disk_set(p->disk, DISK_GOOD);
	if (!p->node)
		world_push(w, world_event(p, EV_START, w->now + 1 + p->index * 50));
}

/* A quorum of those that vote as they should, drawn; in a mesh the others stay as they are half of
 * the time. Twins end. */
void process_heal(struct world *w)
{
	struct rng r = rng_fork(&w->root, "core");
	uint32_t want = cons_quorum(w->plan.validators), left = w->plan.validators, i;
	bool all = rng_below(&r, 2) || w->plan.topology != WORLD_MESH;
	uint32_t spare = w->plan.validators - bad_voters(w) - want;

	for (i = 0; i < w->n; i++) {
		struct process *p = &w->p[i];
		bool votes = i < left - w->plan.byzantine && !p->mute && !p->twinned;

		if (p->twin_of != UINT32_MAX) {
			if (p->node)
				world_kill(w, (char[2]){(char)('A' + i), 0});
			continue;
		}
		if (!all && votes && spare && rng_below(&r, 3) == 0)
			spare--;
		else if (all || votes || rng_below(&r, 2))
			heal(p);
	}
}
