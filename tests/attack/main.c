/* SPDX-License-Identifier: ISC */
#include "tests/attack/attack.h"

#include "base/mem.h"
#include "crypto/keys.h"
#include "tests/attack/speech.h"
#include "tests/attack/witness.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOGETHER_MAX 16
#define FACTS_MAX    8192
#define FDS_SLACK    4

const struct scenario scenarios[] = {
    {"connections", "many open connections that say nothing", scen_connections},
    {"slowloris", "heads and bodies a byte a second", scen_slowloris},
    {"flood", "requests from many addresses", scen_flood},
    {"abuse", "one address too fast beside 100 that are not", scen_abuse},
    {"messages", "WebSocket messages as fast as they are taken", scen_messages},
    {"paging", "all entries of the ledger, read by many at once", scen_paging},
    {"subscribers", "ledger and transaction streams, some not read", scen_subscribers},
    {"churn", "connect, subscribe, go; every second one by reset", scen_churn},
    {"malformed", "broken HTTP, WebSocket frames and JSON", scen_malformed},
    {"tls", "TLS connections, a tenth of them finished", scen_tls},
    {"badsig", "payments with false signatures", scen_badsig},
    {"peers_garbage", "broken handshakes and messages at the peer port", scen_peers_garbage},
    {"peers_flood", "peers with ten seconds of one type of message at once", scen_peers_flood},
    {"peers_badsig", "peers that send falsely signed payments", scen_peers_badsig},
    {"peers_slow", "peers that read a byte a second", scen_peers_slow},
    {NULL, NULL, NULL},
};

/* ---- a step: scenarios in processes of their own ---- */

struct child {
	pid_t pid;
	int facts; /* the reading end */
	char name[32];
	char text[FACTS_MAX];
	size_t n;
	bool gone, failed;
};

static void run_child(const struct options *o, const struct scenario *s, const char *args, int out)
{
	struct job j = {.o = o, .name = s->name, .args = args, .began = now_s()};
	size_t at = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	s->run(&j);
	job_fact(&j, "elapsed_s", job_elapsed(&j));
	must(j.facts.n > 1 && j.facts.n < FACTS_MAX);
	while (at < j.facts.n - 1) { /* without the last comma */
		ssize_t n = write(out, j.facts.p + at, j.facts.n - 1 - at);

		if (n <= 0)
			_exit(1);
		at += (size_t)n;
	}
	_exit(0);
}

static void start_child(struct child *c, const struct options *o, const char *spec)
{
	const struct scenario *s = scenarios;
	size_t n = strcspn(spec, ",");
	int ends[2];

	*c = (struct child){.pid = -1};
	snprintf(c->name, sizeof(c->name), "%.*s", (int)n, spec);
	while (s->name && strcmp(s->name, c->name) != 0)
		s++;
	if (!s->name)
		die("no scenario '%s'", c->name);
	if (pipe(ends) != 0)
		die("pipe: %s", strerror(errno));
	fflush(stdout);
	c->pid = fork();
	if (c->pid < 0)
		die("fork: %s", strerror(errno));
	if (c->pid == 0) {
		close(ends[0]);
		run_child(o, s, spec + n, ends[1]);
	}
	close(ends[1]);
	c->facts = ends[0];
}

/* True when it has ended; its facts are read then (they fit into a pipe). */
static bool reap(struct child *c)
{
	int status;
	ssize_t n;

	if (c->gone)
		return true;
	if (waitpid(c->pid, &status, WNOHANG) != c->pid)
		return false;
	n = read(c->facts, c->text, sizeof(c->text) - 1);
	c->n = n > 0 ? (size_t)n : 0;
	c->failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	close(c->facts);
	c->gone = true;
	return true;
}

static double generator_cpu(void)
{
	struct rusage r;

	getrusage(RUSAGE_CHILDREN, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void put_phase(struct phase *p, const struct child *c, uint32_t n, double cpu)
{
	struct buf out = BUF_INIT;

	buf_put_u8(&out, '{');
	phase_put(&out, p);
	if (n) {
		buf_printf(&out, ",\"generator_cpu_s\":%.2f,\"scenarios\":{", cpu);
		for (uint32_t i = 0; i < n; i++)
			buf_printf(&out, "%s\"%s\":{%s\"crashed\":%d}", i ? "," : "", c[i].name,
				   c[i].n ? (const char *)c[i].text : "", (int)c[i].failed);
		buf_put_u8(&out, '}');
	}
	printf("%.*s}\n", (int)out.n, (const char *)out.p);
	fflush(stdout);
	buf_close(&out);
	phase_close(p);
}

static uint32_t start_step(struct child c[TOGETHER_MAX], const struct options *o, const char *step)
{
	char *text = strdup(step), *rest = text, *one;
	uint32_t n = 0;

	while ((one = strsep(&rest, "+"))) {
		if (n == TOGETHER_MAX)
			die("too many scenarios at once");
		start_child(&c[n++], o, one);
	}
	free(text);
	return n;
}

/* Waits until the node has let go of what the step opened, at most settle_s. */
static void settle(struct witness *w, const struct options *o, double fds, const char *step)
{
	struct phase p;
	char name[200];
	double end = now_s() + o->settle_s, least = now_s() + o->settle_s / 10;

	snprintf(name, sizeof(name), "after %.180s", step);
	witness_phase(w, &p, name);
	while (now_s() < end && (now_s() < least || witness_fds(w) > fds + FDS_SLACK))
		witness_turn(w);
	witness_stop(w);
	put_phase(&p, NULL, 0, 0);
}

static void run_step(struct witness *w, const struct options *o, const char *step)
{
	struct child c[TOGETHER_MAX];
	struct phase p;
	double cpu = generator_cpu(), fds = witness_fds(w);
	uint32_t n, gone = 0;

	n = start_step(c, o, step);
	witness_phase(w, &p, step);
	while (gone < n) {
		witness_turn(w);
		for (gone = 0; gone < n && reap(&c[gone]);)
			gone++;
	}
	witness_stop(w);
	for (uint32_t i = 0; i < n; i++) {
		c[i].text[c[i].n] = 0;
		if (c[i].n)
			snprintf(c[i].text + c[i].n, sizeof(c[i].text) - c[i].n, ",");
	}
	put_phase(&p, c, n, generator_cpu() - cpu);
	settle(w, o, fds, step);
}

/* ---- the command line ---- */

static _Noreturn void usage(int code)
{
	fprintf(code ? stderr : stdout,
		"attack OPTION... STEP...: abuses a node; a step is SCENARIO[,NAME=NUMBER...],\n"
		"several joined by + at the same time\n"
		"  --http A --admin A     the node's listeners, ADDRESS:PORT\n"
		"  --admin-token FILE     what the admin listener wants to be shown\n"
		"  --tls A, --peer A      the same, for the scenarios that need them\n"
		"  --second A             HTTP of another node, whose ledgers are watched too\n"
		"  --pid N[,N...]         processes; the first is the node under attack\n"
		"  --network-id N         of the chain\n"
		"  --accounts N           generated accounts in its genesis\n"
		"  --quiet S, --settle S  seconds before the first step (10), at most after each"
		" (20)\n"
		"scenarios:\n");
	for (const struct scenario *s = scenarios; s->name; s++)
		fprintf(code ? stderr : stdout, "  %-14s %s\n", s->name, s->about);
	exit(code);
}

static void read_token(struct options *o, const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f || !fgets(o->token, sizeof(o->token), f))
		die("%s cannot be read", path);
	o->token[strcspn(o->token, "\r\n")] = 0;
	fclose(f);
}

static void read_pids(struct options *o, const char *text)
{
	char *end;

	for (o->n_pids = 0; *text && o->n_pids < NODES_MAX; text = *end == ',' ? end + 1 : end) {
		o->pids[o->n_pids++] = (int)strtol(text, &end, 10);
		if (end == text)
			die("--pid: numbers are wanted");
	}
}

static void read_options(struct options *o, int argc, char **argv)
{
	static const struct option names[] = {
	    {"http", 1, NULL, 'h'},     {"admin", 1, NULL, 'a'},
	    {"tls", 1, NULL, 't'},      {"admin-token", 1, NULL, 'k'},
	    {"peer", 1, NULL, 'p'},     {"second", 1, NULL, '2'},
	    {"pid", 1, NULL, 'i'},      {"network-id", 1, NULL, 'n'},
	    {"quiet", 1, NULL, 'q'},    {"settle", 1, NULL, 's'},
	    {"accounts", 1, NULL, 'c'}, {"help", 0, NULL, '?' + 1},
	    {NULL, 0, NULL, 0},
	};
	int c;

	*o = (struct options){.quiet_s = 10, .settle_s = 20, .accounts = 2000};
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'h':
			o->http = crowd_address(optarg);
			break;
		case 'a':
			o->admin = crowd_address(optarg);
			break;
		case 'k':
			read_token(o, optarg);
			break;
		case 't':
			o->tls = crowd_address(optarg);
			o->has_tls = true;
			break;
		case 'p':
			o->peer = crowd_address(optarg);
			o->has_peer = true;
			break;
		case '2':
			o->second = crowd_address(optarg);
			o->has_second = true;
			break;
		case 'i':
			read_pids(o, optarg);
			break;
		case 'n':
			o->network_id = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'q':
			o->quiet_s = atof(optarg);
			break;
		case 's':
			o->settle_s = atof(optarg);
			break;
		case 'c':
			o->accounts = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		default:
			usage(c == '?' ? 64 : 0);
		}
	}
	if (!o->http.sin_port || !o->admin.sin_port || !o->n_pids || optind == argc)
		usage(64);
}

/* The hash of ledger 1 is what peers tell each other to be of one network. */
static void ask_genesis(struct options *o)
{
	struct buf b = BUF_INIT;
	char hex[80];

	ask(&b, o, "{\"method\":\"ledger\",\"params\":[{\"ledger_index\":1}]}");
	if (!speech_string(hex, sizeof(hex), buf_bytes(&b), "ledger_hash") ||
	    !hex_decode(o->genesis.b, sizeof(o->genesis.b), hex, strlen(hex)))
		die("ledger 1 is not to be had: %.300s", (const char *)b.p);
	buf_close(&b);
}

static void be_quiet(struct witness *w, const struct options *o)
{
	struct phase p;
	double end;

	witness_phase(w, &p, "quiet");
	for (end = now_s() + o->quiet_s; now_s() < end;)
		witness_turn(w);
	witness_stop(w);
	put_phase(&p, NULL, 0, 0);
}

int main(int argc, char **argv)
{
	struct options o;
	struct witness *w;
	struct rlimit files;
	struct why why;

	if (crypto_init(&why) != ERR_NONE)
		die("%s", why.text);
	signal(SIGPIPE, SIG_IGN);
	read_options(&o, argc, argv);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	if (o.has_peer)
		ask_genesis(&o);
	w = witness_open(&o);
	be_quiet(w, &o);
	for (int i = optind; i < argc; i++)
		run_step(w, &o, argv[i]);
	witness_close(w);
	return 0;
}
