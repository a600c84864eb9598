/* SPDX-License-Identifier: ISC */
#include "node/node_impl.h"

#include "codec/st.h"
#include "crypto/hash.h"
#include "ledger/affected.h"

/* History that is missing is filled in, newest first, while the node follows the network: header
 * and transactions of one ledger after the other, each asked for by the hash that the one after it
 * names, and whole when its transaction tree has the root that its header names. They go to the
 * store some at a time, beside the commits; nothing that is served now waits for it.
 *
 * It is slow on purpose: so many ledgers and bytes a second, and nothing at all while the node
 * itself is behind, lacks room, or has votes waiting for its disk. */

#define EACH_MS      20         /* between two ledgers */
#define BYTES_PER_MS 1024       /* and their bytes: a megabyte a second */
#define LATE_MS      4000       /* an answer */
#define BUSY_MS      500        /* after "busy" */
#define POLL_MS      3000       /* when nothing is missing, or this is not the time */
#define NOBODY_MS    20000      /* when no peer has it */
#define BATCH        64         /* ledgers of one job */
#define BATCH_BYTES  (1u << 20) /* and about so many bytes */
#define NO_ROOM_MS   60000

struct fill {
	struct steady at;   /* when there is something to do */
	struct steady pace; /* what was fetched is paid for then */
	uint32_t seq, until;
	struct hash256 hash; /* wanted */
	bool asking;
	uint32_t asked, refused;
	struct history_ledger part; /* of what is wanted, so far; seq 0: nothing yet */
	uint32_t n, total;
	struct history_ledger done[BATCH]; /* wait for the job */
	uint32_t n_done;
	size_t bytes;
	uint64_t job;
};

static void part_drop(struct fill *f)
{
	if (f->part.header.seq)
		tree_close(&f->part.txs);
	f->part.header.seq = f->n = f->total = 0;
}

static void batch_drop(struct fill *f)
{
	uint32_t i;

	for (i = 0; i < f->n_done; i++)
		tree_close(&f->done[i].txs);
	f->n_done = 0;
	f->bytes = 0;
}

void fill_drop(struct node *n)
{
	if (!n->fill)
		return;
	part_drop(n->fill);
	batch_drop(n->fill);
	mem_free(n->fill);
	n->fill = NULL;
}

/* ---- storing ---- */

/* The first of the batch must be what is missing: a jump may have come between. */
static bool joins(const struct node *n, const struct fill *f)
{
	const struct history *h = n->history;
	struct hash256 hash;
	uint32_t seq, until;

	return h->lacks(h->ctx, &seq, &hash, &until) == ERR_NONE && seq == f->done[0].header.seq &&
	       hash256_eq(&hash, &f->done[0].hash);
}

static void store(struct node *n, struct fill *f)
{
	struct node_job *j;

	if (!joins(n, f)) {
		batch_drop(f);
		return;
	}
	j = job_new(n, NODE_JOB_HISTORY);
	j->history.ledgers = mem_alloc(f->n_done * sizeof(*f->done));
	memcpy(j->history.ledgers, f->done, f->n_done * sizeof(*f->done));
	j->history.n = f->n_done;
	f->n_done = 0; /* the job has them */
	f->bytes = 0;
	f->job = j->id;
	job_start(n, j);
}

/* ---- asking ---- */

static void ask(struct node *n, struct fill *f)
{
	struct msg m = {.type = MSG_GET_PAST};

	f->asking = true;
	f->at = steady_after(n->now.steady, LATE_MS);
	m.get_ledger.hash = f->hash;
	m.get_ledger.seq = f->seq;
	m.get_ledger.from = f->n;
	fx_send_msg(n, f->asked, 0, &m);
}

static void pause(struct node *n, struct fill *f, uint32_t ms)
{
	f->asking = false;
	f->at = steady_after(n->now.steady, ms);
}

/* From another peer, from the beginning; when all have refused, after a while. */
static void ask_another(struct node *n, struct fill *f)
{
	part_drop(f);
	if (++f->refused > n->n_peers) {
		f->refused = 0;
		if (f->n_done && !f->job)
			store(n, f); /* it may be all there is */
		pause(n, f, NOBODY_MS);
		return;
	}
	f->asked = peer_pick(n, f->asked, 0);
	if (f->asked)
		ask(n, f);
	else
		pause(n, f, POLL_MS);
}

/* Whether this is a time for it. */
static bool may_fill(const struct node *n)
{
	return n->validated && n->n_peers && !n->sync.begun && !n->store_failed && !n->disk_full &&
	       !n->disk_low && !n->history_stop &&
	       n->target_valid_seq <= n->validated->header.seq + 1;
}

/* What comes next: before what waits for the job, or before all that is stored. */
static bool next_wanted(struct node *n, struct fill *f)
{
	const struct history *h = n->history;
	const struct history_ledger *last = f->n_done ? &f->done[f->n_done - 1] : NULL;
	struct hash256 hash;
	uint32_t seq;

	if (h->lacks(h->ctx, &seq, &hash, &f->until) != ERR_NONE)
		return false;
	if (last) {
		seq = last->header.seq - 1;
		hash = last->header.parent;
	}
	if (seq < f->until || f->n_done == BATCH)
		return false;
	if (!hash256_eq(&hash, &f->hash))
		part_drop(f);
	f->seq = seq;
	f->hash = hash;
	return true;
}

void fill_done(struct node *n, const struct node_job *j)
{
	struct fill *f = n->fill;

	if (f && f->job == j->id)
		f->job = 0;
	switch (j->err) {
	case ERR_NONE:
	case ERR_STATE: /* it does not join on any more */
		return;
	case ERR_NO_SPACE:
		node_log(n, NODE_LOG_WARN, "history: %s", j->why.text);
		if (f)
			pause(n, f, NO_ROOM_MS);
		return;
	default:
		node_store_failed(n, j->why.text);
	}
}

/* ---- answers ---- */

static bool first_part(struct fill *f, const struct msg *m)
{
	struct ledger_header h;
	struct hash256 hash;

	if (ledger_header_decode(&h, m->ledger.header) != ERR_NONE)
		return false;
	ledger_header_hash(&hash, &h);
	if (!hash256_eq(&hash, &f->hash) || h.seq != f->seq || !h.seq)
		return false;
	f->part.header = h;
	f->part.hash = hash;
	f->total = m->ledger.total;
	tree_init_empty(&f->part.txs, TREE_TX_META, NULL);
	return true;
}

/* The leaves of one message; their hashes are computed at once, so that a large ledger is no long
 * pause at its end. */
static bool add_leaves(struct fill *f, const struct msg_blobs *leaves)
{
	uint32_t i;

	for (i = 0; i < leaves->n; i++) {
		struct bytes blob, meta;
		struct hash256 id;

		if (f->n == f->total || tx_leaf_split(leaves->v[i], &blob, &meta) != ERR_NONE)
			return false;
		tx_id(&id, blob);
		if (tree_put(&f->part.txs, &id, leaves->v[i]) != FOUND)
			return false;
		f->n++;
		f->bytes += leaves->v[i].n;
	}
	(void)tree_hash(&f->part.txs);
	return true;
}

static void lied(struct node *n, struct fill *f, uint32_t peer)
{
	fx_drop(n, peer, "past ledger does not match its hash");
	ask_another(n, f);
}

static void whole(struct node *n, struct fill *f, uint32_t peer)
{
	struct hash256 root = tree_hash(&f->part.txs);

	if (!hash256_eq(&root, &f->part.header.tx_hash)) {
		lied(n, f, peer);
		return;
	}
	f->done[f->n_done++] = f->part;
	f->part.header.seq = f->n = f->total = 0;
	f->refused = 0;
	f->asking = false;
	f->at = f->pace;
}

static void pay(struct node *n, struct fill *f, const struct msg_blobs *leaves)
{
	size_t bytes = 0;
	uint32_t i;

	for (i = 0; i < leaves->n; i++)
		bytes += leaves->v[i].n;
	if (f->pace.ms < n->now.steady.ms)
		f->pace = n->now.steady;
	f->pace = steady_after(f->pace, (int64_t)(EACH_MS + bytes / BYTES_PER_MS));
}

void fill_on_past(struct node *n, uint32_t peer, const struct msg *m)
{
	struct fill *f = n->fill;

	if (!f || !f->asking || f->asked != peer || !hash256_eq(&m->ledger.hash, &f->hash) ||
	    m->ledger.from != f->n)
		return; /* late, or not asked for */
	pay(n, f, &m->ledger.txs);
	if ((!f->part.header.seq && !first_part(f, m)) || m->ledger.total != f->total ||
	    !add_leaves(f, &m->ledger.txs)) {
		lied(n, f, peer);
		return;
	}
	if (f->n == f->total)
		whole(n, f, peer);
	else if (m->ledger.txs.n)
		pause(n, f, (uint32_t)(f->pace.ms - n->now.steady.ms));
	else
		ask_another(n, f); /* nothing useful */
}

void fill_on_nak(struct node *n, uint32_t peer, const struct msg *m)
{
	struct fill *f = n->fill;

	if (!f || !f->asking || f->asked != peer || !hash256_eq(&m->nak.id, &f->hash))
		return;
	if (m->nak.reason == NAK_BUSY)
		pause(n, f, BUSY_MS);
	else
		ask_another(n, f);
}

void fill_peer_gone(struct node *n, uint32_t peer)
{
	struct fill *f = n->fill;

	if (!f || f->asked != peer)
		return;
	f->asked = 0;
	part_drop(f);
	if (f->asking)
		pause(n, f, 0);
}

/* ---- time ---- */

static void go_on(struct node *n, struct fill *f)
{
	bool full = f->n_done == BATCH || f->bytes >= BATCH_BYTES, more;

	if (f->asking) { /* and no answer */
		ask_another(n, f);
		return;
	}
	if (full && f->job) {
		pause(n, f, EACH_MS);
		return;
	}
	more = !full && next_wanted(n, f);
	if (f->n_done && !more && !f->job)
		store(n, f);
	if (!more) {
		pause(n, f, full ? 0 : POLL_MS);
		return;
	}
	if (!f->asked)
		f->asked = peer_pick(n, 0, 0);
	ask(n, f);
}

struct steady fill_tick(struct node *n)
{
	struct fill *f = n->fill;

	if (!n->history || !n->history->lacks || n->cfg.standalone)
		return STEADY_NEVER;
	if (!f) {
		f = n->fill = mem_zalloc(1, sizeof(*f));
		f->at = steady_after(n->now.steady, POLL_MS);
	}
	if (n->now.steady.ms < f->at.ms)
		return f->at;
	if (!may_fill(n)) {
		part_drop(f);
		pause(n, f, BUSY_MS); /* not a multiple of what rounds take */
	} else {
		go_on(n, f);
	}
	return f->at;
}

void fill_status(const struct node *n, struct node_sync_status *out)
{
	const struct fill *f = n->fill;
	const struct history *h = n->history;
	struct hash256 hash;

	if (!f || !h || !h->lacks)
		return;
	out->filling = h->lacks(h->ctx, &out->fill_next, &hash, &out->fill_until) == ERR_NONE &&
		       may_fill(n);
}
