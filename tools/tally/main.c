/* SPDX-License-Identifier: ISC */
#include "tally.h"

#include "base/mem.h"
#include "daemon/daemon.h"
#include "ledger/genesis.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT_MAX (8u << 20)

static const struct {
	const char *name;
	int (*run)(struct tally *t);
	const char *args, *text;
} commands[] = {
#define C(name, function, args, text) {name, function, args, text},
#include "commands.def"
#undef C
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(void)
{
	size_t i;

	printf(
	    "tally - client and tools of a tally network\n\n"
	    "  tally [--config FILE | --data DIR | --socket PATH | --url URL] [--json] COMMAND "
	    "...\n"
	    "\n"
	    "The server is the node of a configuration FILE or data folder DIR, over its admin\n"
	    "socket; the one behind that socket; or a URL. Without any of them: $TALLY_URL, else\n"
	    "/var/lib/tally/admin.sock if that is there, else http://127.0.0.1:5005/.\n\n"
	    "  --token-file FILE  the token of an admin URL\n"
	    "  --ca-file FILE     certificates that an https URL may have (default: the system's)\n"
	    "  --json             print JSON for programs\n\n");
	for (i = 0; i < N_COMMANDS; i++)
		printf("  %-18s %s\n", commands[i].name, commands[i].text);
	printf("\n`tally COMMAND --help` shows what a command takes. Secrets come from files or\n"
	       "standard input, never from the command line.\n\n"
	       "Exit codes: 0 done (for submit: validated with tesSUCCESS), 1 failed,\n"
	       "2 transaction rejected, 3 only the fee was claimed, 4 expired unapplied,\n"
	       "5 fate unknown in the time given, 6 server unreachable, 64 wrong usage.\n"
	       "Only `tally status`: 0 healthy, 1 not healthy, 2 unreachable.\n"
	       "`tally payout`: 0 all lines paid, 1 ended with others, 2 key refused, 5 and 6\n"
	       "to be run again, 64 nothing was sent (docs/payouts.md).\n");
}

int tally_fail(const struct tally *t, int code, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "tally%s%s: ", t->running ? " " : "", t->running ? t->argv[0] : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

void tally_print_json(json_t *j)
{
	json_dumpf(j, stdout, TALLY_JSON | JSON_INDENT(2));
	putchar('\n');
	json_decref(j);
}

static void drop_arguments(struct tally *t, int at, int n)
{
	int i;

	for (i = at; i + n <= t->argc; i++)
		t->argv[i] = t->argv[i + n]; /* the closing NULL moves too */
	t->argc -= n;
}

const char *tally_option(struct tally *t, const char *name)
{
	size_t len = strlen(name);
	int i;

	for (i = 1; i < t->argc; i++) {
		char *a = t->argv[i];

		if (!strncmp(a, name, len) && a[len] == '=') {
			drop_arguments(t, i, 1);
			return a + len + 1;
		}
		if (!strcmp(a, name) && i + 1 < t->argc) {
			a = t->argv[i + 1];
			drop_arguments(t, i, 2);
			return a;
		}
	}
	return NULL;
}

bool tally_flag(struct tally *t, const char *name)
{
	int i;

	for (i = 1; i < t->argc; i++)
		if (!strcmp(t->argv[i], name)) {
			drop_arguments(t, i, 1);
			return true;
		}
	return false;
}

bool tally_arguments(struct tally *t, int min, int max)
{
	int i;

	for (i = 1; i < t->argc; i++)
		if (t->argv[i][0] == '-' && t->argv[i][1]) {
			tally_fail(t, 0, "unknown or incomplete option %s (see --help)",
				   t->argv[i]);
			return false;
		}
	if (t->argc - 1 >= min && t->argc - 1 <= max)
		return true;
	tally_fail(t, 0, "%s (see --help)",
		   t->argc - 1 < min ? "something is missing" : "too many arguments");
	return false;
}

bool tally_number(const char *text, uint64_t lo, uint64_t hi, uint64_t *out)
{
	char *end;

	if (*text < '0' || *text > '9' || strlen(text) > 19)
		return false;
	*out = strtoull(text, &end, 10);
	return !*end && *out >= lo && *out <= hi;
}

bool tally_text(struct tally *t, const char *argument, struct buf *b)
{
	char part[65536];
	size_t n;

	*b = BUF_INIT;
	if (strcmp(argument, "-") != 0) {
		buf_put(b, argument, strlen(argument));
		return true;
	}
	while ((n = fread(part, 1, sizeof(part), stdin)) > 0 && b->n <= TEXT_MAX)
		buf_put(b, part, n);
	while (b->n && (b->p[b->n - 1] == '\n' || b->p[b->n - 1] == ' '))
		b->n--;
	if (b->n <= TEXT_MAX)
		return true;
	buf_close(b);
	tally_fail(t, 0, "standard input is too long");
	return false;
}

static int run(struct tally *t)
{
	size_t i;

	for (i = 0; i < N_COMMANDS; i++) {
		if (strcmp(commands[i].name, t->argv[0]) != 0)
			continue;
		if (tally_flag(t, "--help") || tally_flag(t, "-h")) {
			printf("tally %s%s%s\n\n  %s\n", commands[i].name,
			       commands[i].args[0] ? " " : "", commands[i].args, commands[i].text);
			return TALLY_OK;
		}
		if (tally_flag(t, "--json"))
			t->json = true;
		return commands[i].run(t);
	}
	fprintf(stderr, "tally: unknown command \"%s\" (see tally --help)\n", t->argv[0]);
	return TALLY_USAGE;
}

int main(int argc, char **argv)
{
	struct tally t = {.argc = argc, .argv = argv};
	struct why why = {""};

	if (crypto_init(&why) != ERR_NONE)
		return tally_fail(&t, TALLY_FAILED, "%s", why.text);
	amendments_init();
	if (!tally_connection(&t))
		return TALLY_USAGE;
	while (t.argc > 1 && t.argv[1][0] == '-') {
		if (!strcmp(t.argv[1], "--json")) {
			t.json = true;
			drop_arguments(&t, 1, 1);
		} else if (!strcmp(t.argv[1], "--version")) {
			printf("tally %s (protocol %s)\n", TALLY_VERSION, TALLY_BUILD_VERSION);
			return TALLY_OK;
		} else if (!strcmp(t.argv[1], "--help") || !strcmp(t.argv[1], "-h")) {
			print_help();
			return TALLY_OK;
		} else {
			fprintf(stderr, "tally: unknown option %s (see tally --help)\n", t.argv[1]);
			return TALLY_USAGE;
		}
	}
	if (t.argc < 2) {
		print_help();
		return TALLY_USAGE;
	}
	t.argc--;
	t.argv++;
	t.running = true;
	return run(&t);
}
