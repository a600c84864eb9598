/* SPDX-License-Identifier: ISC */
#include "tests/sim/campaign.h"

#include <stdio.h>
#include <stdlib.h>

/* tally-sim: runs of the simulator, from the command line. */

static const char usage_text[] =
    "usage: tally-sim --seeds A..B [--profile full|consensus|crash|crashes|speed]\n"
    "                 [--minutes M] [--until SECONDS] [--verbose[=NODES]] [--shrink[=SECONDS]]\n"
    "       tally-sim --replay FILE [--until SECONDS] [--verbose[=NODES]] [--shrink]\n"
    "       tally-sim --list\n"
    "Runs each seed and says at the end how many there were. A failure prints how to see it\n"
    "again, and leaves the newest 200,000 lines of what happened in a file.\n"
    "  --seeds      numbers, decimal or 0x..; of each everything else follows\n"
    "  --minutes    with faults, instead of what the seed says\n"
    "  --until      ends there\n"
    "  --verbose    prints what happens, at all nodes or at some (ABC)\n"
    "  --shrink     looks for a smaller run that fails alike, and writes it as a replay\n"
    "  --cover      what was never reached is a failure, too\n"
    "  --list       the faults\n"
    "Exit code: 0 nothing failed, 3 a crash, 4 something came to a stand, 5 something was wrong,\n"
    "64 wrong usage.\n";

static int usage(void)
{
	fputs(usage_text, stderr);
	return 64;
}

static bool profile_of(const char *text, enum run_profile *out)
{
	int i;

	for (i = 0; i < RUN_PROFILES; i++)
		if (!strcmp(text, run_profile_name((enum run_profile)i))) {
			*out = (enum run_profile)i;
			return true;
		}
	return false;
}

static bool seeds_of(const char *text, struct campaign *c)
{
	char *end;

	c->first = strtoull(text, &end, 0);
	c->last = c->first;
	if (!strncmp(end, "..", 2))
		c->last = strtoull(end + 2, &end, 0);
	return *text && !*end && c->last >= c->first;
}

static bool seconds_of(const char *text, int64_t *ms)
{
	char *end;
	double s = strtod(text, &end);

	*ms = (int64_t)(s * 1000 + 0.5);
	return *text && (!*end || !strcmp(end, "s")) && *ms > 0;
}

static bool shrink_for(const char *text, struct campaign *c)
{
	char *end;

	c->shrink = true;
	c->shrink_seconds = (uint32_t)strtoul(text, &end, 10);
	return *text && !*end && c->shrink_seconds;
}

static int list(void)
{
	int i;

	for (i = 0; i < FAULT_COUNT; i++)
		puts(fault_name((enum fault)i));
	return 0;
}

/* True when argv[*i] is that option; its value, when it takes one, is in *value. */
static bool option(char **argv, int *i, const char *name, const char **value)
{
	if (strcmp(argv[*i], name) != 0)
		return false;
	if (value)
		*value = argv[++*i];
	return !value || *value;
}

static bool parse(struct campaign *c, char **argv)
{
	bool what = false, bad = false;
	const char *v;
	int i;

	for (i = 1; argv[i]; i++) {
		if (option(argv, &i, "--seeds", &v))
			what = seeds_of(v, c);
		else if (option(argv, &i, "--replay", &v))
			what = (c->replay = v) != NULL;
		else if (option(argv, &i, "--profile", &v))
			bad |= !profile_of(v, &c->profile);
		else if (option(argv, &i, "--minutes", &v))
			c->minutes = (uint32_t)strtoul(v, NULL, 10);
		else if (option(argv, &i, "--until", &v))
			bad |= !seconds_of(v, &c->until_ms);
		else if (option(argv, &i, "--shrink", NULL))
			c->shrink = true;
		else if (!strncmp(argv[i], "--shrink=", 9))
			bad |= !shrink_for(argv[i] + 9, c);
		else if (option(argv, &i, "--cover", NULL))
			c->cover = true;
		else if (option(argv, &i, "--verbose", NULL))
			c->verbose = "";
		else if (!strncmp(argv[i], "--verbose=", 10))
			c->verbose = argv[i] + 10;
		else
			return false;
	}
	return what && !bad;
}

int main(int argc, char **argv)
{
	struct campaign c = {.profile = RUN_FULL};
	struct why why = {""};

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage_text, stdout);
		return 0;
	}
	if (!parse(&c, argv))
		return usage();
	if (crypto_init(&why) != ERR_NONE) {
		fprintf(stderr, "tally-sim: %s\n", why.text);
		return 1;
	}
	amendments_init();
	return campaign_run(&c);
}
