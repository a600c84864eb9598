/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "base/rng.h"
#include "chain.h"
#include "store/journal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A worker votes for and commits small ledgers, and says over a pipe what was acknowledged to it.
 * It is killed with SIGKILL at a random time; then the folder is opened and compared with the
 * chain, which both know: nothing acknowledged is missing, nothing is there that is not the
 * chain's, and what is there is whole. A kill counts if a write was in flight. STORE_KILLS is the
 * number of kills that must count (1,000, or the argument), STORE_SEED the seed. */

enum in_flight { NOTHING, VOTE, COMMIT };

struct ack {
	uint32_t what; /* VOTE or COMMIT */
	uint32_t seq;
};

static _Atomic uint32_t *in_flight; /* shared with the worker */
static char folder[128];

#define check(cond, ...)                                                                           \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                            \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static struct store *open_store(void)
{
	struct store *s;
	struct why why = {""};

	check(chain_store_open(&s, folder, 256, 1 << 20, &why) == ERR_NONE, "%s", why.text);
	return s;
}

/* The vote for a ledger: all that would rebuild it. */
static void vote_of(const struct ledger *l, struct arena *a, struct journal_record *out)
{
	struct journal_ledger *jl = arena_zalloc(a, 1, sizeof(*jl));
	uint8_t *bytes = arena_zalloc(a, 1, 300);

	for (int i = 0; i < 300; i++)
		bytes[i] = (uint8_t)(l->header.seq * 31 + (uint32_t)i);
	jl->parent = l->header.parent;
	jl->hash = l->hash;
	jl->seq = l->header.seq;
	jl->n_txs = 3;
	jl->txs = arena_zalloc(a, 3, sizeof(*jl->txs));
	for (int i = 0; i < 3; i++)
		jl->txs[i] = bytes_of(bytes, (size_t)100 + l->header.seq % 200);
	*out = (struct journal_record){.validation = bytes_of(bytes, 200),
				       .seq = l->header.seq,
				       .hash = l->hash,
				       .ledgers = jl,
				       .n_ledgers = 1,
				       .proposal_prev = l->header.parent,
				       .proposal_next = l->header.seq * 8};
}

static void send_ack(int fd, uint32_t what, uint32_t seq)
{
	struct ack ack = {what, seq};

	if (write(fd, &ack, sizeof(ack)) != sizeof(ack))
		_exit(1);
}

/* Never returns: votes and commits until it is killed. */
static void work(struct chain *c, int fd)
{
	struct store *s = open_store();
	struct ledger *tip, *last;
	struct journal *j;
	struct arena a = ARENA_INIT;
	struct why why = {""};
	bool more;

	check(store_load_tip(s, &tip, &why) == ERR_NONE, "%s", why.text);
	c->source = store_node_source(s);
	chain_replace_tip(c, tip);
	check(journal_open(&j, folder, &why) == ERR_NONE, "%s", why.text);
	for (;;) {
		struct journal_record record;
		struct tree_keys *keys;
		enum err e;

		last = ledger_ref(c->tip);
		chain_next(c);
		vote_of(c->tip, &a, &record);
		atomic_store(in_flight, VOTE);
		e = journal_write(j, &record, &why);
		atomic_store(in_flight, NOTHING);
		check(e == ERR_NONE, "%s", why.text);
		send_ack(fd, VOTE, c->tip->header.seq);
		atomic_store(in_flight, COMMIT);
		e = store_commit(s, c->tip, last, &keys, &why);
		atomic_store(in_flight, NOTHING);
		check(e == ERR_NONE, "%s", why.text);
		send_ack(fd, COMMIT, c->tip->header.seq);
		tree_keys_publish(keys);
		atomic_store(in_flight, COMMIT);
		e = store_prune(s, 200, &more, &why);
		atomic_store(in_flight, NOTHING);
		check(e == ERR_NONE, "%s", why.text);
		ledger_unref(last);
		arena_reset(&a);
	}
}

static void sleep_us(uint64_t us)
{
	struct timespec t = {.tv_nsec = (long)us * 1000};

	nanosleep(&t, NULL);
}

/* Reads acknowledgements into last[VOTE] and last[COMMIT]; one if `wait`, else all to the end. */
static bool read_acks(int fd, uint32_t last[3], bool wait)
{
	struct ack ack;
	bool any = false;

	while (read(fd, &ack, sizeof(ack)) == sizeof(ack)) {
		check(ack.what == VOTE || ack.what == COMMIT, "garbled acknowledgement");
		last[ack.what] = ack.seq;
		any = true;
		if (wait)
			break;
	}
	return any;
}

/* Whether the kill counts. */
static bool run_and_kill(struct chain *c, struct rng *r, uint32_t acked[3])
{
	int fd[2], status;
	bool counts;
	pid_t pid;

	check(pipe(fd) == 0, "pipe: %s", strerror(errno));
	atomic_store(in_flight, NOTHING);
	pid = fork();
	check(pid >= 0, "fork: %s", strerror(errno));
	if (pid == 0) {
		close(fd[0]);
		work(c, fd[1]);
	}
	close(fd[1]);
	check(read_acks(fd[0], acked, true), "the worker ended by itself");
	sleep_us(1000 + rng_below(r, 15000));
	kill(pid, SIGKILL);
	check(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status), "the worker ended by itself");
	counts = atomic_load(in_flight) != NOTHING;
	read_acks(fd[0], acked, false);
	close(fd[0]);
	return counts;
}

static void expect_journal(const struct chain *c, uint32_t acked, uint32_t tip)
{
	struct journal_record got, want;
	struct buf x = BUF_INIT, y = BUF_INIT;
	struct arena a = ARENA_INIT;
	struct journal *j;
	struct why why = {""};

	check(journal_open(&j, folder, &why) == ERR_NONE, "%s", why.text);
	check(journal_read(j, &got, &why) == ERR_NONE, "%s", why.text);
	check(got.seq >= acked && got.seq >= tip, "vote %u, but %u was acknowledged", got.seq,
	      acked);
	check(got.seq <= tip + 1, "vote %u, but the ledger before it is not there", got.seq);
	if (got.seq == c->tip->header.seq) {
		vote_of(c->tip, &a, &want);
		journal_encode(&x, &got);
		journal_encode(&y, &want);
		check(bytes_eq(buf_bytes(&x), buf_bytes(&y)), "vote %u differs", got.seq);
	}
	journal_close(j);
	buf_close(&x);
	buf_close(&y);
	arena_close(&a);
}

static bool differs(void *ctx, const struct hash256 *key, const struct bytes *a,
		    const struct bytes *b)
{
	(void)key;
	(void)a;
	(void)b;
	++*(int *)ctx;
	return true;
}

#define VERIFY_EVERY 10

/* Opens what the kill left, moves the chain up to its tip, compares; `all`: checks every row. */
static void expect_whole(struct chain *c, const uint32_t acked[3], bool all)
{
	struct store *s = open_store();
	struct buf report = BUF_INIT;
	struct ledger *l;
	struct why why = {""};
	int differences = 0;

	check(store_load_tip(s, &l, &why) == ERR_NONE, "%s", why.text);
	check(l->header.seq >= acked[COMMIT], "ledger %u was acknowledged, tip is %u",
	      acked[COMMIT], l->header.seq);
	check(l->header.seq <= acked[COMMIT] + 1, "ledger %u is there, %u was the last asked for",
	      l->header.seq, acked[COMMIT] + 1);
	while (c->tip->header.seq < l->header.seq)
		chain_next(c);
	check(hash256_eq(&l->hash, &c->tip->hash), "ledger %u is another one", l->header.seq);
	check(tree_check(&l->state, &why), "%s", why.text);
	check(tree_diff(&l->state, &c->tip->state, differs, &differences) == FOUND &&
		  differences == 0,
	      "the state of ledger %u differs", l->header.seq);
	check(!all || store_verify(s, &report, &why) == ERR_NONE, "%s", why.text);
	expect_journal(c, acked[VOTE], l->header.seq);
	buf_close(&report);
	ledger_unref(l);
	store_close(s);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	uint64_t usual = argc == 2 ? strtoull(argv[1], NULL, 10) : 1000;
	uint64_t kills = number_of("STORE_KILLS", usual), seed = number_of("STORE_SEED", 1);
	uint32_t acked[3] = {0};
	uint64_t counted = 0, all = 0;
	struct chain c;
	struct rng r;
	struct store *s;
	struct tree_keys *keys;
	struct why why = {""};

	printf("seed %llu\n", (unsigned long long)seed);
	rng_init(&r, seed);
	chain_folder_make(folder);
	in_flight = mmap(NULL, sizeof(*in_flight), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(in_flight != MAP_FAILED, "mmap: %s", strerror(errno));
	chain_init(&c, seed, 24, 2, NULL);
	s = open_store();
	check(store_commit(s, c.tip, NULL, &keys, &why) == ERR_NONE, "%s", why.text);
	tree_keys_drop(keys);
	store_close(s);
	acked[COMMIT] = 1;
	for (; counted < kills; all++) {
		check(all < kills * 20 + 100, "too few kills hit a write: %llu of %llu",
		      (unsigned long long)counted, (unsigned long long)all);
		counted += run_and_kill(&c, &r, acked);
		expect_whole(&c, acked, all % VERIFY_EVERY == 0 || counted == kills);
		acked[COMMIT] = c.tip->header.seq;
	}
	printf("%llu kills, %llu during a write, %u ledgers, nothing lost\n",
	       (unsigned long long)all, (unsigned long long)counted, c.tip->header.seq);
	chain_close(&c);
	chain_folder_remove(folder);
	return 0;
}
