/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_LISTS_H
#define TALLY_DAEMON_LISTS_H

#include "daemon/config.h"
#include "node/node.h"
#include "node/publishers.h"
#include "rpc/rpc.h"

#include <uv.h>

/* Where the UNL comes from: the configuration, list files, web sites, and what was last good, kept
 * in the data folder (node/publishers.h says what follows from it).
 *
 *   files, sites ──► publishers ──► changed(): a NODE_UNL event ──► the node
 *   data_dir/list.KEY, at start ┘     also kept there
 *   data_dir/manifests, at start: manifests of those listed, kept when they change
 *
 * Sites are asked at once and then every refresh interval; after a failure, sooner. */

struct lists;

/* What it tells: an event for the node, valid during the call. */
struct lists_hooks {
	void *ctx;
	void (*changed)(void *ctx, const struct node_event *ev);
};

/* Reads what is there. ERR_MISMATCH, with words, when the sources contradict each other so that the
 * overlap is unsafe, unless the configuration overrides that. */
enum err lists_open(struct lists **out, const struct config *c, struct why *why) MUST_USE;
void lists_close(struct lists *l);
/* The UNL and the manifests as of now. Valid until the next call of anything. */
const struct node_event *lists_now(struct lists *l);
/* Begins looking; lists_stop ends it, and done is called when no work is left. */
void lists_start(struct lists *l, uv_loop_t *loop, const struct lists_hooks *hooks);
void lists_stop(struct lists *l, void (*done)(void *ctx), void *ctx);

/* A manifest is new to the node: those of who is listed are kept. */
void lists_keep_manifests(struct lists *l, const struct node *n);
const struct publishers *lists_publishers(const struct lists *l);
uint32_t lists_sites(const struct lists *l, struct rpc_list_site *out, uint32_t max);

#endif
