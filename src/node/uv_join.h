/* SPDX-License-Identifier: ISC */
#ifndef TALLY_NODE_UV_JOIN_H
#define TALLY_NODE_UV_JOIN_H

#include "node/node.h"

/* The shell's part in joining: the file of a state that is being fetched (store/join.h). */

/* Puts what an earlier life had fetched on top of `base`; the tree has no root when there is
 * nothing or it cannot be used (which is logged: it is fetched again then). */
void uv_join_read(struct tree *out, const struct tree *base, const char *folder,
		  const struct hash256 *genesis);
void uv_join_drop(struct tree *t);
/* Carries out a NODE_JOB_JOIN; on a worker. */
void uv_join_run(struct node_job *job, const char *folder, const struct hash256 *genesis);

#endif
