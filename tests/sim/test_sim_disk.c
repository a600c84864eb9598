/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "base/rng.h"
#include "tests/sim/disk.h"
#include "tests/store/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* The simulated disk: what each fault does, on memory and on files, and that a node which does as
 * the daemon's shell finds a whole ledger again, its own, after whatever happened. */

#define ALWAYS 1000000u

static enum world_store medium;
static uint32_t rate[FAULT_COUNT];
static struct decisions *decisions;
static struct disk *disk;
static struct chain chain;
static struct ledger *tip; /* the newest that was committed */
static int64_t now;

static void begin(enum world_store store, uint64_t seed)
{
	struct disk_options o = {
	    .decisions = NULL,
	    .rate_ppm = rate,
	    .store = store,
	    .network_id = CHAIN_NETWORK,
	    .genesis = CHAIN_GENESIS,
	    .history = 256,
	    .seed = seed,
	};

	medium = store;
	decisions = o.decisions = decisions_open(seed, rate, NULL, 0);
	disk = disk_open(&o);
	chain_init(&chain, seed, 20, 5, NULL);
	tip = NULL;
	now = 0;
}

static void end(void)
{
	ledger_unref(tip);
	tip = NULL;
	disk_close(disk);
	chain_close(&chain);
	decisions_close(decisions);
	memset(rate, 0, sizeof(rate));
}

static enum err start(struct disk_found *found)
{
	struct why why = {""};
	enum err e;

	/* Trees of one store do not go into another: the chain is made anew, up to that ledger. */
	e = disk_start(disk, true, now, found, &why);
	return e;
}

static struct node_job job_of(enum node_job_kind kind)
{
	struct node_job j = {.kind = kind};

	return j;
}

static enum err vote(uint32_t seq)
{
	struct node_job j = job_of(NODE_JOB_JOURNAL);

	j.journal.parsed = (struct journal_record){.seq = seq, .proposal_next = seq * 8};
	disk_run(disk, &j, now);
	return j.err;
}

/* Commits `l`; its keys are published when that went well. */
static enum err commit(struct ledger *l)
{
	struct node_job j = job_of(NODE_JOB_PERSIST);

	j.persist.ledger = l;
	j.persist.last = tip;
	disk_run(disk, &j, now);
	if (j.err == ERR_NONE) {
		tree_keys_publish(j.persist.keys);
		ledger_ref(l);
		ledger_unref(tip);
		tip = l;
	}
	return j.err;
}

static void advance(uint32_t n)
{
	if (!tip)
		assert_int_equal(commit(chain.tip), ERR_NONE);
	while (n--) {
		assert_int_equal(commit(chain_next(&chain)), ERR_NONE);
		while (disk_prune(disk, now))
			;
	}
}

static void expect_tip(const struct disk_found *found, const struct ledger *want)
{
	if (!want) {
		assert_null(found->tip);
		return;
	}
	assert_non_null(found->tip);
	assert_memory_equal(found->tip->hash.b, want->hash.b, 32);
}

/* Ends the process and starts another; `chain` goes on where the disk is. */
static struct disk_found restart(void)
{
	struct disk_found found;

	disk_stop(disk);
	assert_int_equal(start(&found), ERR_NONE);
	return found;
}

static void what_was_committed_is_found_again(enum world_store store)
{
	struct disk_found found;

	begin(store, 1);
	assert_int_equal(start(&found), ERR_NONE);
	assert_true(!found.tip && !found.journal && found.may_vote && !found.was_wiped);
	advance(5);
	assert_int_equal(vote(6), ERR_NONE);
	found = restart();
	expect_tip(&found, tip);
	assert_non_null(found.journal);
	assert_int_equal(found.journal->seq, 6);
	end();
}

static void images_go_back(enum world_store store)
{
	struct disk_found found;

	begin(store, 2);
	assert_int_equal(start(&found), ERR_NONE);
	for (uint32_t i = 0; i < 30; i++) {
		advance(1);
		assert_int_equal(vote(i), ERR_NONE);
	}
	disk_stop(disk);
	assert_true(disk_older(disk, 8, false));
	assert_int_equal(start(&found), ERR_NONE);
	assert_in_range(tip->header.seq - found.tip->header.seq, 8, 12);
	assert_true(found.may_vote);
	assert_int_equal(found.journal->seq, 29);
	disk_stop(disk);
	assert_true(disk_older(disk, 1000, true));
	assert_int_equal(start(&found), ERR_NONE);
	assert_in_range(found.tip->header.seq, 1, 8);
	assert_true(!found.may_vote && found.journal->seq < 10);
	disk_network_at(disk, 300);
	disk_stop(disk);
	assert_int_equal(start(&found), ERR_NONE);
	assert_true(found.may_vote);
	disk_stop(disk);
	disk_wipe(disk);
	assert_int_equal(start(&found), ERR_NONE);
	assert_true(!found.tip && !found.journal && !found.may_vote);
	disk_stop(disk);
	assert_false(disk_older(disk, 1, true));
	end();
}

static void full_disk_may_be_tried_again(enum world_store store)
{
	struct disk_found found;
	struct ledger *next;

	begin(store, 3);
	assert_int_equal(start(&found), ERR_NONE);
	advance(2);
	assert_int_equal(vote(1), ERR_NONE);
	disk_set(disk, DISK_FULL);
	assert_false(disk_has_space(disk, now));
	next = chain_next(&chain);
	assert_int_equal(commit(next), ERR_NO_SPACE);
	assert_int_equal(vote(2), ERR_NO_SPACE);
	disk_set(disk, DISK_GOOD);
	assert_true(disk_has_space(disk, now));
	assert_int_equal(commit(next), ERR_NONE);
	assert_int_equal(vote(2), ERR_NONE);
	found = restart();
	expect_tip(&found, next);
	assert_int_equal(found.journal->seq, 2);
	end();
}

static void broken_disk_ends_the_process(enum world_store store)
{
	struct disk_found found;
	struct ledger *was;

	begin(store, 4);
	assert_int_equal(start(&found), ERR_NONE);
	advance(2);
	was = tip;
	assert_int_equal(vote(1), ERR_NONE);
	disk_set(disk, DISK_BROKEN);
	assert_int_equal(commit(chain_next(&chain)), ERR_IO);
	assert_int_equal(vote(2), ERR_IO);
	disk_set(disk, DISK_GOOD);
	assert_int_equal(vote(2), ERR_IO); /* not before a restart */
	disk_distrust(disk);
	found = restart();
	expect_tip(&found, was);
	assert_true(!found.was_wiped);
	assert_int_equal(found.journal->seq, 1);
	end();
}

static void slow_disk_is_slow(enum world_store store)
{
	struct node_job j = job_of(NODE_JOB_PERSIST);
	struct disk_found found;

	begin(store, 5);
	assert_int_equal(start(&found), ERR_NONE);
	assert_in_range(disk_job_ms(disk, &j, now), 1, 10);
	disk_set(disk, DISK_SLOW);
	assert_int_equal(disk_job_ms(disk, &j, now), 10000);
	disk_set(disk, DISK_HELD);
	assert_int_equal(disk_job_ms(disk, &j, now), -1);
	assert_true(disk_held(disk));
	disk_set(disk, DISK_GOOD);
	rate[FAULT_DISK_LATENCY] = ALWAYS;
	end();
	rate[FAULT_DISK_LATENCY] = ALWAYS;
	begin(store, 5);
	assert_int_equal(start(&found), ERR_NONE);
	assert_in_range(disk_job_ms(disk, &j, now), 10, 3000);
	end();
}

/* A commit and a vote were under way when it died. */
static void die(struct ledger *l)
{
	struct node_job p = job_of(NODE_JOB_PERSIST), v = job_of(NODE_JOB_JOURNAL);
	struct node_job *running[] = {&p, &v};

	p.persist.ledger = l;
	p.persist.last = tip;
	v.journal.parsed = (struct journal_record){.seq = l->header.seq};
	disk_kill(disk, running, 2, now);
}

static void deaths_lose_what_was_not_synced(enum world_store store)
{
	static const enum fault how[] = {FAULT_COUNT, FAULT_DISK_LOST_TAIL, FAULT_DISK_TORN};
	bool wiped = false;

	for (uint64_t i = 0; i < 24; i++) {
		enum fault f = how[i % 3];
		struct ledger *next;
		struct disk_found found;

		if (f != FAULT_COUNT)
			rate[f] = ALWAYS;
		begin(store, i);
		assert_int_equal(start(&found), ERR_NONE);
		advance(3);
		assert_int_equal(vote(3), ERR_NONE);
		next = chain_next(&chain);
		die(next);
		assert_int_equal(start(&found), ERR_NONE);
		if (f == FAULT_COUNT) {
			expect_tip(&found, next);
			assert_int_equal(found.journal->seq, next->header.seq);
		} else {
			expect_tip(&found, found.was_wiped ? NULL : tip);
			/* a torn one may be whole, where the rest was there by chance */
			assert_true(
			    found.journal->seq == 3 ||
			    (f == FAULT_DISK_TORN && found.journal->seq == next->header.seq));
			assert_true(found.may_vote);
		}
		wiped |= found.was_wiped;
		assert_true(!found.was_wiped || f == FAULT_DISK_TORN);
		end();
	}
	assert_true(wiped);
}

static void map_that_fills_is_enlarged(enum world_store store)
{
	struct disk_found found;

	rate[FAULT_DISK_MAP_FULL] = ALWAYS;
	begin(store, 6);
	assert_int_equal(start(&found), ERR_NONE);
	advance(40);
	assert_int_equal(decisions_count(decisions, FAULT_DISK_MAP_FULL), 41);
	found = restart();
	expect_tip(&found, tip);
	end();
}

/* A life of all faults at once, in memory: the same as the daemon's shell does about them. */
static void whatever_happens_the_chain_goes_on(void **state)
{
	static const enum fault all[] = {
	    FAULT_DISK_EIO,  FAULT_DISK_NO_SPACE, FAULT_DISK_MAP_FULL,   FAULT_DISK_LOST_TAIL,
	    FAULT_DISK_TORN, FAULT_DISK_FLIP,     FAULT_DISK_STALE_READ,
	};
	uint32_t deaths = 0, wipes = 0, full = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct disk_found found;
		enum err e = ERR_IO;
		uint32_t at;

		for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
			rate[all[i]] = 5000;
		begin(WORLD_STORE_MEMORY, seed);
		while (start(&found) != ERR_NONE)
			now += 5000;
		for (uint32_t i = 0; i < 400; i++, now += 4000) {
			struct ledger *next = i ? chain_next(&chain) : chain.tip;

			while ((e = commit(next)) != ERR_NONE) {
				now += 1000;
				if (e == ERR_NO_SPACE) {
					full++;
					continue;
				}
				assert_true(e == ERR_IO || e == ERR_CORRUPT);
				disk_distrust(disk);
				/* Its trees hold keys of a store that is gone: from the start. */
				goto over;
			}
			for (int k = 0; k < 8 && disk_prune(disk, now); k++)
				;
		}
	over:
		if (e == ERR_NONE)
			die(chain_next(&chain));
		else
			disk_kill(disk, NULL, 0, now);
		deaths++;
		while (start(&found) != ERR_NONE)
			now += 5000;
		wipes += found.was_wiped;
		/* the newest that was acknowledged, or the one that was under way */
		at = found.tip ? found.tip->header.seq : 0;
		if (!found.was_wiped && at != (tip ? tip->header.seq : 0) + 1)
			expect_tip(&found, tip);
		disk_stop(disk);
		end();
	}
	print_message("%u deaths, %u wiped, %u times full\n", deaths, wipes, full);
	assert_true(deaths && full);
}

#define BOTH(name)                                                                                 \
	static void name##_in_memory(void **state)                                                 \
	{                                                                                          \
		(void)state;                                                                       \
		name(WORLD_STORE_MEMORY);                                                          \
	}                                                                                          \
	static void name##_in_files(void **state)                                                  \
	{                                                                                          \
		(void)state;                                                                       \
		name(WORLD_STORE_LMDB);                                                            \
	}
BOTH(what_was_committed_is_found_again)
BOTH(images_go_back)
BOTH(full_disk_may_be_tried_again)
BOTH(broken_disk_ends_the_process)
BOTH(slow_disk_is_slow)
BOTH(deaths_lose_what_was_not_synced)
BOTH(map_that_fills_is_enlarged)

int main(void)
{
#define TESTS(name) cmocka_unit_test(name##_in_memory), cmocka_unit_test(name##_in_files)
	const struct CMUnitTest tests[] = {
	    TESTS(what_was_committed_is_found_again),
	    TESTS(images_go_back),
	    TESTS(full_disk_may_be_tried_again),
	    TESTS(broken_disk_ends_the_process),
	    TESTS(slow_disk_is_slow),
	    TESTS(deaths_lose_what_was_not_synced),
	    TESTS(map_that_fills_is_enlarged),
	    cmocka_unit_test(whatever_happens_the_chain_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
