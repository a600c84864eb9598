/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "codec/json_list.h"
#include "crypto/guard.h"
#include "daemon/daemon.h"
#include "daemon/fetch.h"
#include "daemon/key_file.h"
#include "daemon/listen.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/log.h"

#include <getopt.h>
#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define TOKEN_BYTES_MAX   8192
#define LOG_STOP_MS       1000       /* for what the log has not written yet */
#define STANDALONE_PLACES 12000      /* connections of its two listeners each */
#define HEAP_SPARE        (32 << 20) /* freed bytes that the heap keeps for what comes next */
#define EXIT_USAGE        64
#define EXIT_STORE        74
#define EXIT_CONFIG       78

static const char usage[] =
    "tallyd - a replicated ledger node that speaks to XRP Ledger wallets\n"
    "\n"
    "  tallyd --config FILE              run a node of a network\n"
    "    --recover                       if the data is damaged: set it aside and fetch it from\n"
    "                                    the network again; the vote journal stays\n"
    "  tallyd --check-config --config FILE\n"
    "                                    check the configuration and what it names\n"
    "  tallyd --standalone               run alone, for trying things: HTTP on 127.0.0.1:5005,\n"
    "                                    WebSocket on 127.0.0.1:6006, both with admin rights;\n"
    "                                    the well-known account "
    "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh\n"
    "                                    (passphrase masterpassphrase) holds all XRP\n"
    "    --data DIR                      keep the data here (default: a temporary folder)\n"
    "    --http PORT, --ws PORT          other ports; 0 chooses free ones\n"
    "    --close-every MS                close a ledger by itself (default: on ledger_accept)\n"
    "    --no-amendments                 a genesis without amendments\n"
    "    --vote-fees FEE,RESERVE,EACH    vote at each flag ledger for these fees (drops)\n"
    "    --majority-time SECONDS         an amendment's majority must last (default: 2 weeks)\n"
    "  tallyd --version, --help\n"
    "\n"
    "Exit codes: 0 stopped in order, 1 could not start, 64 wrong usage, 70 it hung, 74 the\n"
    "store failed, 78 wrong configuration.\n";

struct arguments {
	const char *config, *data;
	bool standalone, check, no_amendments, recover;
	uint16_t http, ws;
	uint32_t close_every, majority_s;
	struct node_wishes wishes;
};

static int fail(int code, const struct why *why)
{
	fprintf(stderr, "tallyd: %s\n", why->text);
	return code;
}

static bool number(const char *text, unsigned long max, unsigned long *out)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*out = strtoul(text, &end, 10);
	return !*end && *out <= max;
}

/* "10,10000000,2000000" */
static bool fees(const char *text, struct node_wishes *out)
{
	unsigned long long x[NODE_FEES];
	int used = 0;

	if (strlen(text) > 60 || strspn(text, "0123456789,") != strlen(text) ||
	    sscanf(text, "%19llu,%19llu,%19llu%n", &x[0], &x[1], &x[2], &used) != NODE_FEES ||
	    text[used])
		return false;
	for (unsigned i = 0; i < NODE_FEES; i++) {
		out->has[i] = true;
		out->drops[i] = x[i];
		if (x[i] > (i == NODE_FEE_BASE ? DROPS_MAX : UINT32_MAX))
			return false;
	}
	return true;
}

/* What a stand-alone node votes for; false: said what is wrong. */
static bool parse_votes(struct arguments *a, int o, const char *text)
{
	unsigned long x;

	if (o == 'f') {
		if (fees(text, &a->wishes))
			return true;
		fprintf(stderr, "tallyd: --vote-fees takes three numbers of drops: "
				"10,10000000,2000000\n");
		return false;
	}
	if (!number(text, UINT32_MAX, &x) || !x) {
		fprintf(stderr, "tallyd: --majority-time takes seconds, 1 or more\n");
		return false;
	}
	a->majority_s = (uint32_t)x;
	return true;
}

static void print_version(void)
{
	printf("tallyd %s (protocol %s)\nlibuv %s\n", TALLY_VERSION, TALLY_BUILD_VERSION,
	       uv_version_string());
}

/* 0: go on; else the exit code + 1. */
static int parse_arguments(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"check-config", no_argument, NULL, 'k'},
	    {"standalone", no_argument, NULL, 's'},
	    {"data", required_argument, NULL, 'd'},
	    {"http", required_argument, NULL, 'p'},
	    {"ws", required_argument, NULL, 'w'},
	    {"close-every", required_argument, NULL, 'e'},
	    {"no-amendments", no_argument, NULL, 'n'},
	    {"vote-fees", required_argument, NULL, 'f'},
	    {"majority-time", required_argument, NULL, 'm'},
	    {"recover", no_argument, NULL, 'r'},
	    {"version", no_argument, NULL, 'v'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	unsigned long x;
	int o;

	*a = (struct arguments){.http = 5005, .ws = 6006};
	while ((o = getopt_long(argc, argv, "c:hv", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			a->config = optarg;
			break;
		case 'k':
			a->check = true;
			break;
		case 's':
			a->standalone = true;
			break;
		case 'd':
			a->data = optarg;
			break;
		case 'n':
			a->no_amendments = true;
			break;
		case 'r':
			a->recover = true;
			break;
		case 'p':
		case 'w':
			if (!number(optarg, 65535, &x)) {
				fprintf(stderr, "tallyd: \"%s\" is not a port\n", optarg);
				return EXIT_USAGE + 1;
			}
			*(o == 'p' ? &a->http : &a->ws) = (uint16_t)x;
			break;
		case 'e':
			if (!number(optarg, 86400000, &x) || x < 10) {
				fprintf(stderr, "tallyd: --close-every takes 10 to 86400000 ms\n");
				return EXIT_USAGE + 1;
			}
			a->close_every = (uint32_t)x;
			break;
		case 'f':
		case 'm':
			if (!parse_votes(a, o, optarg))
				return EXIT_USAGE + 1;
			break;
		case 'v':
			print_version();
			return 1;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default:
			fputs("tallyd: see tallyd --help\n", stderr);
			return EXIT_USAGE + 1;
		}
	}
	if (optind < argc || a->standalone == (a->config != NULL) || (a->recover && !a->config)) {
		fputs("tallyd: either --config FILE or --standalone; see tallyd --help\n", stderr);
		return EXIT_USAGE + 1;
	}
	return 0;
}

/* ---- standalone ---- */

static void standalone_listen(struct config *c, uint16_t port)
{
	struct config_listen *l = &c->listen[c->n_listen++];

	snprintf(l->host, sizeof(l->host), "127.0.0.1");
	l->port = port;
	l->role = FRONT_ADMIN;
}

static void remove_temporary(const char *dir)
{
	static const char *const files[] = {"data/data.mdb", "data/lock.mdb", "data",
					    "lock",          "votes",         "genesis"};
	char path[CONFIG_PATH_MAX + 32];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		if (unlink(path))
			rmdir(path);
	}
	rmdir(dir);
}

/* While the node runs, nobody waits for the log. */
static int run_logged(const struct daemon_options *o, struct why *why)
{
	int code;

	if (!log_start())
		log_line(LOG_WARN, "tallyd", "no thread for the log: lines are written at once");
	code = daemon_run(o, why);
	log_stop(LOG_STOP_MS);
	return code;
}

static int run_standalone(const struct arguments *a)
{
	struct config c = {.disk = {.stop_bytes = 16u << 20},
			   .txq = txq_setup_roomy(), /* nobody's load but its owner's */
			   .peers_max = 1,
			   .admin_places = STANDALONE_PLACES,
			   .log = {.level = LOG_INFO, .slow_ms = 500}};
	struct daemon_options o = {.config = &c, .standalone = true};
	char dir[] = "/tmp/tally-standalone-XXXXXX";
	struct genesis g;
	struct seed seed;
	struct why why = {""};
	int code;

	if (!a->data && !mkdtemp(dir)) {
		why_set(&why, ERR_IO, "cannot make a temporary folder under /tmp");
		return fail(1, &why);
	}
	snprintf(c.data_dir, sizeof(c.data_dir), "%s", a->data ? a->data : dir);
	standalone_listen(&c, a->http);
	standalone_listen(&c, a->ws);
	genesis_default(&g, !a->no_amendments);
	g.majority_s = a->majority_s;
	c.wishes = a->wishes;
	entropy_fill(seed.b, sizeof(seed.b)); /* an identity for this run, to show in server_info */
	if (secret_key_of_node_seed(&o.identity, NULL, KEY_ED25519, &seed) != ERR_NONE)
		return fail(1, &why);
	o.genesis = &g;
	o.close_every_ms = a->close_every;
	code = run_logged(&o, &why);
	secret_key_close(o.identity);
	genesis_close(&g);
	if (!a->data)
		remove_temporary(dir);
	return code && why.text[0] ? fail(code, &why) : code;
}

/* ---- a node of a network ---- */

static enum err load_genesis(struct genesis *g, const struct config *c, struct why *why)
{
	struct buf b = BUF_INIT;
	enum err e = file_read(&b, c->genesis, GENESIS_BYTES_MAX, why);

	if (e != ERR_NONE)
		why_add(why, e, "[node] genesis");
	if (e == ERR_NONE) {
		e = genesis_parse(g, buf_bytes(&b), why);
		if (e != ERR_NONE)
			why_add(why, e, "%s", c->genesis);
	}
	if (e == ERR_NONE && c->has_network_id && c->network_id != g->network_id)
		e = why_set(why, ERR_MISMATCH, "network_id is %u, but %s is of network %u",
			    c->network_id, c->genesis, g->network_id);
	buf_close(&b);
	return e;
}

static enum err load_token(struct token *out, const struct config *c, struct why *why)
{
	struct buf b = BUF_INIT;
	enum err e;

	buf_reserve(&b, TOKEN_BYTES_MAX + 1); /* not moved later: wiped where it is */
	e = file_read_secret(&b, c->validator_token_file, TOKEN_BYTES_MAX, why);
	if (e == ERR_NONE) {
		e = token_parse(out, buf_bytes(&b), why);
		if (e != ERR_NONE)
			why_add(why, e, "%s", c->validator_token_file);
	}
	secure_wipe(b.p, b.cap);
	buf_close(&b);
	return e == ERR_NONE ? e : why_add(why, e, "[validator] token_file");
}

static enum err load_validator(struct secret_key **out, struct token *token, const struct config *c,
			       struct why *why)
{
	enum err e;

	if (c->validator_token_file[0]) {
		e = load_token(token, c, why);
		*out = token->signing;
		return e;
	}

	if (!c->validator_key_file[0])
		return ERR_NONE;
	e = key_file_read(out, c->validator_key_file, why);
	return e == ERR_NONE ? e : why_add(why, e, "[validator] key_file");
}

static enum err load_identity(struct secret_key **out, const struct config *c, bool create,
			      struct why *why)
{
	enum err e;

	if (access(c->peer_key_file, F_OK) == 0) {
		e = key_file_read(out, c->peer_key_file, why);
		return e == ERR_NONE ? e : why_add(why, e, "[peers] key_file");
	}
	if (!create)
		return ERR_NONE;
	e = file_create_dir(c->data_dir, why);
	if (e != ERR_NONE)
		return why_add(why, e, "[node] data_dir");
	e = key_file_create(c->peer_key_file, "node identity", KEY_ED25519, NULL, why);
	return e == ERR_NONE ? key_file_read(out, c->peer_key_file, why) : e;
}

/* What is left to check when all that is named has been read. */
static int check_machine(const struct config *c, struct why *why)
{
	if (config_check_files(c, why) == ERR_NONE && listen_descriptors(c, why) == ERR_NONE)
		return 0;
	return fail(EXIT_CONFIG, why);
}

static int run_config(const struct arguments *a)
{
	struct daemon_options o = {0};
	struct genesis g = {0};
	struct token token = {0};
	struct config c;
	struct why why = {""};
	int code = EXIT_CONFIG;

	if (config_load(&c, a->config, &why) != ERR_NONE)
		return fail(EXIT_CONFIG, &why);
	if (a->check)
		log_set_level(NULL, LOG_WARN);
	o.config = &c;
	o.recover = a->recover;
	o.genesis = &g;
	if (load_genesis(&g, &c, &why) != ERR_NONE ||
	    load_validator(&o.validator, &token, &c, &why) != ERR_NONE ||
	    load_identity(&o.identity, &c, !a->check, &why) != ERR_NONE) {
		fail(code, &why);
		goto out;
	}
	if (listen_check(&c, &why) != ERR_NONE) {
		fail(code, &why);
		goto out;
	}
	o.manifest = buf_bytes(&token.manifest);
	if (lists_open(&o.lists, &c, &why) != ERR_NONE) {
		fail(code, &why);
		goto out;
	}
	if (a->check) {
		code = check_machine(&c, &why);
		if (!code)
			printf("%s: fine: network %u, %u validators, %s\n", a->config, g.network_id,
			       lists_now(o.lists)->unl.n, o.validator ? "validating" : "observing");
		goto out;
	}
	config_use_log_levels(&c.log);
	code = 1;
	if (c.log.file[0] && log_open(c.log.file, &why) != ERR_NONE) {
		fail(code, &why);
		goto out;
	}
	code = run_logged(&o, &why);
	if (code && why.text[0]) {
		if (c.log.file[0])
			log_line(LOG_ERROR, "tallyd", "%s", why.text);
		fail(code, &why);
	}
out:
	lists_close(o.lists);
	if (token.signing)
		token_close(&token);
	else
		secret_key_close(o.validator);
	secret_key_close(o.identity);
	genesis_close(&g);
	config_close(&c);
	return code;
}

/* A mapped data file that cannot be read any more (truncated, or a dead disk). Only calls that are
 * safe in a signal handler. */
static void on_bus_error(int signum)
{
	static const char text[] = "tallyd: a page of the data file cannot be read (SIGBUS); check "
				   "the disk, then run `tally verify` before starting again\n";

	(void)signum;
	if (write(2, text, sizeof(text) - 1) < 0)
		_exit(EXIT_STORE);
	_exit(EXIT_STORE);
}

/* Some libraries end the process without a word when there is no memory for a thread. */
static void on_abort(int signum)
{
	static const char text[] = "tallyd: ended by abort(): no memory, or a condition that must "
				   "hold does not; the last ledger on disk is whole\n";
	static const struct timespec moment = {.tv_nsec = 50000000};

	(void)signum;
	if (write(2, text, sizeof(text) - 1) < 0)
		return;
	nanosleep(&moment, NULL); /* the log's thread writes what led here */
}

/* Libraries that would go on without memory in their own ways end as we do. */
static void *library_realloc(void *p, size_t n)
{
	return mem_resize(p, 1, n);
}

static void use_our_memory(void)
{
	uv_replace_allocator(mem_alloc, library_realloc, mem_zalloc, mem_free);
	json_set_alloc_funcs(mem_alloc, mem_free);
}

/* Keys are in this process (in memory that is locked and left out of dumps), and what they have
 * passed through on the stack: no core file, and nobody else of the same user may look into it. */
static void keep_secrets(void)
{
	struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0)
		fputs("tallyd: core files could not be switched off\n", stderr);
	guard_keep_from_children();
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		fputs("tallyd: others of this user may read its memory\n", stderr);
}

int main(int argc, char **argv)
{
	struct arguments a;
	struct why why = {""};
	int end = parse_arguments(&a, argc, argv);

	if (end)
		return end - 1;
	use_our_memory();
	keep_secrets();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGBUS, on_bus_error);
	signal(SIGABRT, on_abort);
	signal(SIGXFSZ, SIG_IGN); /* a full file is an error to handle, not the end */
	setenv("UV_THREADPOOL_SIZE", "6", 0);
	mallopt(M_TRIM_THRESHOLD, HEAP_SPARE);
	mallopt(M_MMAP_THRESHOLD, HEAP_SPARE / 4);
	mallopt(M_ARENA_MAX, 2); /* what workers free is used again by the loop, and the reverse */
	if (crypto_init(&why) != ERR_NONE)
		return fail(1, &why);
	amendments_init();
	fetch_init();
	return a.standalone ? run_standalone(&a) : run_config(&a);
}
