/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_UV_NODE_IMPL_H
#define TALLY_NODE_UV_NODE_IMPL_H

#include "node/uv_node.h"

/* What uv_node.c (the machine, its effects and its life) and uv_work.c (its jobs) share. */

struct uv_node {
	struct uv_node_config cfg;
	struct uv_node_hooks hooks;
	struct node *machine;
	struct ledger *genesis[2]; /* until the machine has them */
	struct hash256 genesis_hash;
	struct tree join; /* until the machine has it; root NULL: none */
	struct store *store;
	struct journal *journal;
	struct peers *peers;
	uv_timer_t timer, look;
	struct uv_disk *disk;
	struct uv_node_work work[UV_NODE_WORK_KINDS];
	uv_mutex_t store_lock;   /* commits and pruning: one writer at a time */
	struct node_effects *fx; /* being carried out; NULL otherwise */
	struct node_event *deferred;
	uint32_t n_deferred;
	int open_handles;
	bool trim; /* memory may have become free since it was last given back */
	uint32_t disk_checks;
	bool stopping, machine_done, prune_running, stopped_told;
	bool write_failed; /* a commit or a vote, and not for want of room */
	int exit_code;
};

/* uv_node.c */
void uv_node_step(struct uv_node *un, const struct node_event *ev);
/* Ends what can end by now, once everything stops. */
void uv_node_wind_up(struct uv_node *un);
/* The store has failed: nothing more is promised. */
void uv_node_failed(struct uv_node *un);

/* uv_work.c */
/* Carries out a job on a thread of the pool; NULL: prunes. */
void uv_node_work_start(struct uv_node *un, struct node_job *job);
/* Prunes, unless that runs already. */
void uv_node_prune(struct uv_node *un);

#endif
