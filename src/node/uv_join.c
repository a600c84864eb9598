/* SPDX-License-Identifier: ISC */
#include "node/uv_join.h"

#include "os/log.h"
#include "store/join.h"

struct reading {
	struct tree *tree;
	uint64_t n;
	bool failed;
};

static bool put_entry(void *ctx, const struct hash256 *key, struct bytes data)
{
	struct reading *r = ctx;

	r->failed = tree_put(r->tree, key, data) != FOUND;
	r->n++;
	return !r->failed;
}

void uv_join_read(struct tree *out, const struct tree *base, const char *folder,
		  const struct hash256 *genesis)
{
	struct reading r = {.tree = out};
	struct why why = {""};
	enum err e;

	tree_share(out, base);
	e = join_read(folder, genesis, put_entry, &r, &why);
	if (e != ERR_NONE && e != ERR_ABSENT)
		log_line(LOG_WARN, "node", "%s", why.text);
	if (e == ERR_NONE && !r.failed && r.n) {
		log_line(LOG_INFO, "node", "sync: %llu entries of a state are here from before",
			 (unsigned long long)r.n);
		(void)tree_hash(out);
		return;
	}
	uv_join_drop(out);
}

void uv_join_drop(struct tree *t)
{
	if (t->root)
		tree_close(t);
	t->root = NULL;
}

void uv_join_run(struct node_job *job, const char *folder, const struct hash256 *genesis)
{
	if (job->join.forget)
		job->err = join_forget(folder, &job->why);
	else
		job->err = join_append(folder, genesis, buf_bytes(&job->join.entries), &job->why);
}
