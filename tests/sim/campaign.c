/* SPDX-License-Identifier: ISC */
#include "tests/sim/campaign.h"

#include "tests/sim/shrink.h"
#include "tests/sim/trace.h"

#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TWICE_EVERY 32 /* seeds: that one runs twice and must do the same */
#define COVER_MAX   65536

/* What the processes that run share with the one that started them. */
struct shared {
	uint64_t next, done;
	bool running;
	int64_t simulated_ms;
	uint64_t failures, crashes, stalled, wrong, submitted, validated, trace;
	uint8_t cover[COVER_MAX];
};

/* "1a2b3c4", or "?" outside a checkout. */
static const char *revision(void)
{
	static char text[32];
	FILE *f;

	if (text[0])
		return text;
	f = popen("git -C \"$(dirname \"$(readlink /proc/$PPID/exe)\")\" "
		  "rev-parse --short HEAD 2>/dev/null",
		  "r");
	if (!f || !fgets(text, sizeof(text), f))
		snprintf(text, sizeof(text), "?");
	text[strcspn(text, "\n")] = 0;
	if (f)
		pclose(f);
	return text;
}

static void print_repro(const struct campaign *c, uint64_t seed, int64_t at_ms)
{
	if (c->replay)
		printf("  repro: tally-sim --replay %s", c->replay);
	else
		printf("  repro: tally-sim --seeds 0x%" PRIx64 " --profile %s", seed,
		       run_profile_name(c->profile));
	if (c->minutes)
		printf(" --minutes %u", c->minutes);
	if (at_ms)
		printf(" --until %" PRId64 ".%03" PRId64, (at_ms + 99) / 1000,
		       (at_ms + 99) % 1000 / 100 * 100);
	printf("        (git %s)\n", revision());
}

static void save_trace(uint64_t seed)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "sim-%" PRIx64 ".trace", seed);
	f = fopen(path, "w");
	if (!f)
		return;
	trace_print(f);
	fclose(f);
	printf("  trace: %s\n", path);
}

static bool is_stall(const char *property)
{
	return !strcmp(property, "P7") || !strcmp(property, "P8");
}

static void print_failure(const struct campaign *c, uint64_t seed, const struct run_result *r)
{
	bool live = is_stall(r->property);

	printf("SIM FAIL seed=0x%" PRIx64 "  prop=%s  t=%" PRId64 ".%03" PRId64
	       "s  nodes=%u byzantine=%u\n",
	       seed, r->property, r->at_ms / 1000, r->at_ms % 1000, r->nodes, r->byzantine);
	print_repro(c, seed, live ? 0 : r->at_ms);
	printf("  %s\n", r->text);
	if (r->divergent[0])
		printf("  first divergent: %s\n", r->divergent);
	if (c->profile != RUN_CONSENSUS)
		save_trace(seed);
}

static void again(struct shared *s, const struct campaign *c, const struct run_options *o,
		  const struct run_result *first)
{
	struct run_options twice = *o;
	struct run_result r;

	twice.cover = NULL;
	twice.verbose = NULL;
	run_once(&r, &twice);
	if (r.trace != first->trace) {
		snprintf(r.property, sizeof(r.property), "DET");
		snprintf(r.text, sizeof(r.text),
			 "the same run twice: trace %016" PRIx64 " and %016" PRIx64, first->trace,
			 r.trace);
		print_failure(c, o->seed, &r);
		s->failures++;
		s->wrong++;
	}
	run_result_close(&r);
}

static void one(struct shared *s, const struct campaign *c, const struct run_options *o)
{
	struct run_result r;

	run_once(&r, o);
	s->simulated_ms += r.simulated_ms;
	s->submitted += r.submitted;
	s->validated += r.validated;
	s->trace = s->trace * 0x100000001B3u + r.trace;
	if (r.failed) {
		print_failure(c, o->seed, &r);
		if (c->shrink && c->profile != RUN_CONSENSUS)
			shrink_and_tell(o, c->shrink_seconds);
		s->failures++;
		s->stalled += is_stall(r.property);
		s->wrong += !is_stall(r.property);
	} else if (o->seed % TWICE_EVERY == 0 && !c->verbose) {
		again(s, c, o, &r);
	}
	run_result_close(&r);
}

/* In the process of its own: from s->next on. */
static void run_all(struct shared *s, const struct campaign *c, const struct run_options *base)
{
	struct cover *cover = c->profile == RUN_CONSENSUS ? NULL : cover_open();

	must(cover_bytes() <= COVER_MAX);
	/* Freed memory is kept: runs take and give back much of it all the time. */
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_TOP_PAD, 16 << 20);
	if (cover)
		cover_take(cover, s->cover);
	while (s->next <= c->last) {
		struct run_options o = *base;

		if (!c->replay)
			o.seed = s->next;
		o.cover = cover;
		s->running = true;
		s->next++;
		one(s, c, &o);
		s->running = false;
		s->done++;
		if (cover)
			cover_put(cover, s->cover);
		if (s->next == 0)
			break;
	}
	cover_close(cover);
}

static void crashed(struct shared *s, const struct campaign *c, const struct run_options *base,
		    int status)
{
	uint64_t seed = s->next - 1;
	struct run_options o = *base;

	printf("SIM FAIL seed=0x%" PRIx64 "  crash: %s %d\n", seed,
	       WIFSIGNALED(status) ? "signal" : "exit code",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	print_repro(c, seed, 0);
	if (c->profile != RUN_CONSENSUS)
		save_trace(seed);
	if (!c->replay)
		o.seed = seed;
	if (c->shrink && c->profile != RUN_CONSENSUS)
		shrink_and_tell(&o, c->shrink_seconds);
	s->failures++;
	s->crashes++;
	s->done++;
	s->running = false;
}

/* False when there is nothing left to run. */
static bool run_some(struct shared *s, const struct campaign *c, const struct run_options *base)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	must(pid >= 0);
	if (!pid) {
		run_all(s, c, base);
		fflush(stdout);
		exit(0);
	}
	while (waitpid(pid, &status, 0) != pid)
		;
	if (status == 0)
		return false;
	if (!s->running) { /* after its last run: a leak, say */
		printf("SIM FAIL: the process ended with status %d\n", status);
		s->failures++;
		s->crashes++;
		return false;
	}
	crashed(s, c, base, status);
	return s->next <= c->last && s->next != 0;
}

static void tell_cover(struct shared *s, const struct campaign *c)
{
	struct cover *cover;
	struct buf missing = BUF_INIT;

	if (!c->cover)
		return;
	cover = cover_open();
	cover_take(cover, s->cover);
	if (!cover_missing(cover, &missing)) {
		printf("SIM FAIL prop=P14  never reached:\n%.*s\n", (int)missing.n,
		       (const char *)missing.p);
		s->failures++;
		s->wrong++;
	}
	buf_close(&missing);
	cover_close(cover);
}

static int exit_code(const struct shared *s)
{
	if (s->wrong)
		return CAMPAIGN_WRONG;
	if (s->stalled)
		return CAMPAIGN_STALLED;
	return s->crashes ? CAMPAIGN_CRASH : 0;
}

int campaign_run(const struct campaign *given)
{
	struct campaign c = *given;
	struct run_options base = {.profile = c.profile,
				   .minutes = c.minutes,
				   .until_ms = c.until_ms,
				   .verbose = c.verbose};
	struct why why = {""};
	struct shared *s;
	int code;

	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(s != MAP_FAILED);
	if (c.replay) {
		if (run_replay_read(c.replay, &base, &why) != ERR_NONE) {
			fprintf(stderr, "tally-sim: %s\n", why.text);
			return 64;
		}
		c.first = c.last = base.seed;
		c.profile = base.profile;
	}
	trace_share();
	s->next = c.first;
	printf("seeds 0x%" PRIx64 "..0x%" PRIx64 ", profile %s, git %s\n", c.first, c.last,
	       run_profile_name(c.profile), revision());
	while (run_some(s, &c, &base))
		;
	tell_cover(s, &c);
	printf("trace %016" PRIx64 ", %" PRIu64 " of %" PRIu64 " transactions validated\n",
	       s->trace, s->validated, s->submitted);
	printf("%" PRIu64 " seeds, %" PRId64 ".%02" PRId64 " simulated hours, %" PRIu64
	       " failures\n",
	       s->done, s->simulated_ms / 3600000, s->simulated_ms % 3600000 * 100 / 3600000,
	       s->failures);
	code = exit_code(s);
	if (c.replay)
		run_replay_close(&base);
	munmap(s, sizeof(*s));
	return code;
}
