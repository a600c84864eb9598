/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "disk_model.h"
#include "os/file.h"
#include "states_work.h"
#include "store/journal.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Power failures of the real store and the real vote journal. A recorded life (states_work.h) gives
 * every write and sync; after each of them the disk may hold any of many states (disk_model.h).
 * Each is made in a folder and opened as a node opens its folder. Then the tables must hold, row by
 * row, what the model holds after the last step that was promised, or after the one that was under
 * way; and the journal the last vote that was promised, or the one under way. Now and then the next
 * ledger is committed on top and the whole store checked.
 *
 * With syncs taken out of the record the same must find losses: it can see them.
 *
 *     STORE_STATES  how many states at least (50,000, or the argument); STORE_SEED the seed (1)
 *     STORE_JUDGES  processes that look at them (2) */

enum verdict { GOOD, LOST, WRONG, REFUSED, DIED, VERDICTS };
static const char *const verdict_names[] = {"good", "lost a promise", "wrong rows", "refused",
					    "killed the process"};

#define GO_ON_EVERY 64     /* states from which the store goes on */
#define BATCH       200000 /* states with one seed */

struct tally {
	atomic_ulong states, n[VERDICTS], went_on;
	atomic_ulong point, state; /* of the judge: where it is */
};

struct trial {
	const struct model *model;
	struct bytes trace;
	const char *base;
	enum disk_weaken weaken;
	uint64_t seed;
	unsigned some;  /* random choices at each point */
	unsigned every; /* only each such point */
	unsigned judges;
};

struct promised {
	size_t step;
	uint64_t vote;
};

static char program[PATH_MAX], scratch[128];

static struct trial trial_of(const struct model *m, struct bytes trace, const char *base)
{
	return (struct trial){.model = m, .trace = trace, .base = base, .every = 1};
}

/* ---- one state ---- */

static enum verdict judge_votes(const struct trial *t, const struct promised *p, const char *folder)
{
	struct journal_record got;
	struct journal *j;
	struct buf b = BUF_INIT;
	enum verdict v = WRONG;
	uint64_t first = work_first(&t->model->plan);
	enum err e;

	if (journal_open(&j, folder, NULL) != ERR_NONE)
		return REFUSED;
	e = journal_read(j, &got, NULL);
	if (e == ERR_ABSENT)
		v = p->vote ? LOST : GOOD;
	else if (e != ERR_NONE)
		v = REFUSED;
	else
		journal_encode(&b, &got);
	for (uint64_t n = first; e == ERR_NONE && n < model_ledgers(t->model) && v == WRONG; n++)
		if (bytes_eq(buf_bytes(&b), buf_bytes(&t->model->vote[n])))
			v = n < p->vote                               ? LOST
			    : n > (p->vote ? p->vote : first - 1) + 1 ? WRONG
								      : GOOD;
	journal_close(j);
	buf_close(&b);
	return v;
}

static enum verdict judge_rows(const struct trial *t, const struct promised *p, const char *folder)
{
	const struct model *m = t->model;
	size_t step = p->step ? p->step : 1; /* an empty store is made when there is none */

	if (work_dump_is(folder, &m->step[step]))
		return GOOD;
	if (step + 1 < m->n_steps && work_dump_is(folder, &m->step[step + 1]))
		return GOOD;
	for (size_t i = 1; i < step; i++)
		if (work_dump_is(folder, &m->step[i]))
			return LOST;
	return WRONG;
}

/* The next ledger on top of what is there. */
static enum verdict go_on(const struct trial *t, const char *folder)
{
	struct buf report = BUF_INIT;
	struct tree_keys *keys;
	struct ledger *tip;
	struct store *s;
	enum verdict v = WRONG;
	uint32_t next;

	if (chain_store_open(&s, folder, 256, 1 << 20, NULL) != ERR_NONE)
		return REFUSED;
	if (store_load_tip(s, &tip, NULL) == ERR_NONE) {
		next = tip ? tip->header.seq + 1 : work_first(&t->model->plan);
		if (store_commit(s, t->model->ledger[next], tip, &keys, NULL) == ERR_NONE) {
			tree_keys_drop(keys);
			v = store_verify(s, &report, NULL) == ERR_NONE ? GOOD : WRONG;
		}
		ledger_unref(tip);
	}
	store_close(s);
	buf_close(&report);
	return v;
}

static enum verdict judge_state(const struct trial *t, const struct promised *p, const char *folder)
{
	struct store *s;
	struct ledger *tip = NULL;
	enum verdict v = GOOD, votes;
	uint32_t seq;

	if (chain_store_open(&s, folder, 256, 1 << 20, NULL) != ERR_NONE)
		return REFUSED;
	if (store_load_tip(s, &tip, NULL) != ERR_NONE)
		v = REFUSED;
	seq = tip ? tip->header.seq : 0;
	if (seq > model_ledgers(t->model) ||
	    (tip && !hash256_eq(&tip->hash, &t->model->ledger[seq]->hash)))
		v = WRONG;
	ledger_unref(tip);
	store_close(s);
	if (v == GOOD)
		v = judge_rows(t, p, folder);
	votes = judge_votes(t, p, folder);
	return v == GOOD ? votes : v;
}

/* ---- all states of some points ---- */

struct walk {
	const struct trial *t;
	struct disk *d;
	struct promised p;
	unsigned long point;
	bool over;
};

static void mark_promise(struct promised *p, const struct record_head *mark)
{
	if (mark->op == RECORD_MARK && mark->fd == WORK_STORE)
		p->step = mark->at;
	if (mark->op == RECORD_MARK && mark->fd == WORK_VOTE)
		p->vote = mark->at;
}

/* To the next point: after a call that changed something. False behind the last. */
static bool walk_on(struct walk *w)
{
	struct record_head mark;

	if (w->over)
		return false;
	do {
		w->over = !disk_step(w->d, &mark);
		mark_promise(&w->p, &mark);
	} while (!w->over && mark.op);
	w->point++;
	return true;
}

/* Draws the states of a point, each once; the n-th call with the n-th random numbers. */
struct draw {
	struct rng r;
	uint64_t seen[1024];
	unsigned seen_n, tries;
};

static bool draw_state(struct walk *w, struct draw *draw)
{
	unsigned all = disk_pending(w->d) ? w->t->some + 2 : 1;

	must(all <= 1024);
	while (draw->tries < all) {
		enum disk_choice how = draw->tries < 2 ? (enum disk_choice)draw->tries : DISK_SOME;
		uint64_t h = disk_choose(w->d, how, &draw->r);
		bool fresh = true;

		draw->tries++;
		for (unsigned i = 0; i < draw->seen_n; i++)
			fresh = fresh && draw->seen[i] != h;
		draw->seen[draw->seen_n++] = h;
		if (fresh)
			return true;
	}
	return false;
}

static void draw_begin(struct draw *draw, const struct walk *w)
{
	draw->seen_n = draw->tries = 0;
	rng_init(&draw->r, w->t->seed * 1000003 + w->point);
}

static unsigned long count_states(const struct trial *t)
{
	struct walk w = {.t = t, .d = disk_open(t->trace, t->base, scratch, t->weaken)};
	struct draw draw;
	unsigned long n = 0;

	while (walk_on(&w)) {
		draw_begin(&draw, &w);
		while (draw_state(&w, &draw))
			n++;
	}
	disk_close(w.d);
	return n;
}

static void tell(const struct walk *w, unsigned long state, enum verdict v)
{
	fprintf(stderr, "point %lu, state %lu of seed %llu: %s; promised step %zu, vote %llu\n",
		w->point, state, (unsigned long long)w->t->seed, verdict_names[v], w->p.step,
		(unsigned long long)w->p.vote);
}

/* In a process of its own, since LMDB may end it: points of one remainder, from where the one
 * before was ended. */
static void judge_points(const struct trial *t, unsigned self, struct tally *out)
{
	char folder[192];
	struct walk w = {.t = t};
	struct draw draw;
	unsigned long skip_point = out->point, skip_state = out->state;

	snprintf(folder, sizeof(folder), "%s/judge%u", scratch, self);
	mkdir(folder, 0700);
	w.d = disk_open(t->trace, t->base, folder, t->weaken);
	while (walk_on(&w)) {
		unsigned long state = 0;

		if (w.point % t->every || w.point / t->every % t->judges != self ||
		    w.point < skip_point)
			continue;
		draw_begin(&draw, &w);
		while (draw_state(&w, &draw)) {
			enum verdict v;

			if (w.point == skip_point && state < skip_state) {
				state++;
				continue;
			}
			out->point = w.point;
			out->state = ++state;
			alarm(30);
			disk_make(w.d);
			v = judge_state(t, &w.p, folder);
			if (!w.p.vote || w.p.step < 2)
				disk_soiled(w.d); /* store or journal may have been made */
			if (v == GOOD && out->states % GO_ON_EVERY == 0) {
				v = go_on(t, folder);
				out->went_on++;
				disk_soiled(w.d);
			}
			out->states++;
			out->n[v]++;
			if (v != GOOD && t->weaken == DISK_AS_RECORDED)
				tell(&w, state, v);
		}
	}
	disk_close(w.d);
	disk_empty_folder(folder);
	rmdir(folder);
}

static pid_t judge_start(const struct trial *t, unsigned self, struct tally *out)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fatal("fork: %s", strerror(errno));
	if (pid == 0) {
		if (t->weaken != DISK_AS_RECORDED && !freopen("/dev/null", "w", stderr))
			_exit(2);
		judge_points(t, self, out);
		_exit(0);
	}
	return pid;
}

static void judge_all(const struct trial *t, struct tally *sum)
{
	struct tally *part = mmap(NULL, t->judges * sizeof(*part), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[64];
	unsigned running = t->judges;

	must(part != MAP_FAILED && t->judges <= 64);
	for (unsigned i = 0; i < t->judges; i++)
		pid[i] = judge_start(t, i, &part[i]);
	while (running) {
		int status;
		pid_t ended = wait(&status);
		unsigned i = 0;

		while (i < t->judges && pid[i] != ended)
			i++;
		if (i == t->judges)
			continue;
		running--;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		part[i].states++;
		part[i].n[DIED]++;
		pid[i] = judge_start(t, i, &part[i]); /* goes on behind that state */
		running++;
	}
	for (unsigned i = 0; i < t->judges; i++) {
		sum->states += part[i].states;
		sum->went_on += part[i].went_on;
		for (int v = 0; v < VERDICTS; v++)
			sum->n[v] += part[i].n[v];
	}
	munmap(part, t->judges * sizeof(*part));
}

/* ---- lives ---- */

static void promise(void *ctx, enum work_mark what, uint64_t number)
{
	void (*mark)(int, uint64_t);

	memcpy(&mark, ctx, sizeof(mark));
	mark((int)what, number);
}

/* In the recorded process. */
static int live_recorded(char **argv)
{
	struct work_plan plan = {(uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]),
				 (uint32_t)atoi(argv[5]), (uint32_t)atoi(argv[6]),
				 (uint32_t)atoi(argv[7])};
	void *mark = dlsym(RTLD_DEFAULT, "tally_record_mark");

	if (!mark)
		fatal("the recorder is not there");
	work_live(argv[2], &plan, promise, &mark);
	return 0;
}

static void record(const char *folder, const char *file, const struct work_plan *plan)
{
	char shim[PATH_MAX + 32], number[5][16];
	uint32_t numbers[5] = {plan->before, plan->ledgers, plan->prune, plan->jump, plan->fill};
	const char *slash = strrchr(program, '/');
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		snprintf(shim, sizeof(shim), "%.*s/record_shim.so", (int)(slash - program),
			 program);
		for (int i = 0; i < 5; i++)
			snprintf(number[i], sizeof(number[i]), "%u", numbers[i]);
		setenv("LD_PRELOAD", shim, 1);
		setenv("TALLY_RECORD_ROOT", folder, 1);
		setenv("TALLY_RECORD_FILE", file, 1);
		execl(program, program, "live", folder, number[0], number[1], number[2], number[3],
		      number[4], (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		fatal("the recorded life ended with %d", status);
}

struct lived {
	struct model model;
	struct buf trace;
	char base[192];
};

/* Both lives begin with the same bytes. */
static void copy_base(const char *base, const char *folder, const struct work_plan *plan)
{
	char path[256];
	struct buf b = BUF_INIT;
	struct why why = {""};

	mkdir(folder, 0700);
	if (!plan->before)
		return;
	snprintf(path, sizeof(path), "%s/data/data.mdb", base);
	if (file_read(&b, path, 1u << 30, &why) != ERR_NONE)
		fatal("%s", why.text);
	snprintf(path, sizeof(path), "%s/data", folder);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/data/data.mdb", folder);
	if (file_write(path, buf_bytes(&b), 0640, &why) != ERR_NONE)
		fatal("%s", why.text);
	buf_close(&b);
}

static void live(struct lived *l, const char *name, const struct work_plan *plan)
{
	char folder[192], file[192];
	struct why why = {""};

	snprintf(l->base, sizeof(l->base), "%s/%s-base", scratch, name);
	snprintf(folder, sizeof(folder), "%s/%s-life", scratch, name);
	snprintf(file, sizeof(file), "%s/%s-trace", scratch, name);
	mkdir(l->base, 0700);
	work_prepare(l->base, plan);
	copy_base(l->base, folder, plan);
	record(folder, file, plan);
	disk_empty_folder(folder);
	copy_base(l->base, folder, plan);
	model_make(&l->model, folder, plan);
	l->trace = BUF_INIT;
	if (file_read(&l->trace, file, 1u << 30, &why) != ERR_NONE)
		fatal("%s", why.text);
}

static void lived_close(struct lived *l)
{
	model_close(&l->model);
	buf_close(&l->trace);
}

/* ---- */

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void print_tally(const char *name, const struct tally *sum, double seconds)
{
	printf("%-28s %8lu states:", name, (unsigned long)sum->states);
	for (int v = 0; v < VERDICTS; v++)
		if (v == GOOD || sum->n[v])
			printf(" %lu %s,", (unsigned long)sum->n[v], verdict_names[v]);
	printf(" %lu went on, %.1f s\n", (unsigned long)sum->went_on, seconds);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long bad_of(const struct tally *sum)
{
	return sum->states - sum->n[GOOD];
}

static unsigned long run(const char *name, const struct trial *t)
{
	struct tally sum = {0};
	double began = now();

	judge_all(t, &sum);
	print_tally(name, &sum, now() - began);
	return bad_of(&sum);
}

/* As many random choices a point as the number of states wants. */
static unsigned long run_states(const char *name, struct lived *l, uint64_t states, uint64_t seed,
				unsigned judges)
{
	struct trial t = trial_of(&l->model, buf_bytes(&l->trace), l->base);

	t.seed = seed;
	t.judges = judges;
	t.some = 2;
	while (count_states(&t) < states && t.some < 800)
		t.some += 1 + t.some / 4;
	return run(name, &t);
}

static bool control(const char *name, struct lived *l, enum disk_weaken weaken, unsigned every,
		    unsigned judges)
{
	struct trial t = trial_of(&l->model, buf_bytes(&l->trace), l->base);

	t.weaken = weaken;
	t.some = 6;
	t.every = every;
	t.judges = judges;
	t.seed = 7;
	if (run(name, &t) > 0)
		return true;
	printf("nothing was found to be wrong without those syncs\n");
	return false;
}

int main(int argc, char **argv)
{
	static const struct work_plan young = {.ledgers = 56};
	static const struct work_plan grown = {.before = 300, .ledgers = 12, .prune = 120};
	static const struct work_plan joined = {.jump = 60, .ledgers = 14, .fill = 5};
	uint64_t states, seed = number_of("STORE_SEED", 1);
	unsigned judges = (unsigned)number_of("STORE_JUDGES", 2);
	struct lived a, b, c;
	unsigned long bad;
	bool seen;

	if (argc == 8 && !strcmp(argv[1], "live"))
		return live_recorded(argv);
	states = number_of("STORE_STATES", argc == 2 ? strtoull(argv[1], NULL, 10) : 50000);
	if (!realpath("/proc/self/exe", program))
		fatal("realpath: %s", strerror(errno));
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0); /* the states are made; no disk is needed */
	chain_folder_make(scratch);
	live(&a, "young", &young);
	live(&b, "grown", &grown);
	live(&c, "joined", &joined);
	for (bad = 0; states; seed++) {
		uint64_t part = states < BATCH ? states : BATCH;

		bad += run_states("a store from its beginning", &a, part * 7 / 10, seed, judges);
		bad += run_states("a grown one, with pruning", &b, part / 10, seed, judges);
		bad += run_states("one that is filled in", &c, part / 5, seed, judges);
		states -= part;
	}
	seen = control("without any sync", &a, DISK_NO_SYNC, 9, judges);
	seen &= control("without syncs of meta pages", &a, DISK_NO_META_SYNC, 5, judges);
	seen &= control("a journal without sync", &a, DISK_NO_VOTES_SYNC, 5, judges);
	lived_close(&a);
	lived_close(&b);
	lived_close(&c);
	disk_empty_folder(scratch);
	rmdir(scratch);
	return bad == 0 && seen ? 0 : 1;
}
