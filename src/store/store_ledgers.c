/* SPDX-License-Identifier: ISC */
#include "base/limits.h"
#include "base/mem.h"
#include "crypto/hash.h"
#include "ledger/affected.h"
#include "store/store_impl.h"

/* Whole ledgers, and the check at start. */

#define START_HEADERS   256   /* checked at start */
#define START_NODES_MAX 20000 /* of the newest nodes; the scrub looks at all */

enum err store_tx_tree(struct kv_txn *txn, const struct header_row *row, struct tree *out)
{
	struct hash256 id, root;
	enum err e = ERR_NONE;

	tree_init_empty(out, TREE_TX_META, NULL);
	for (uint32_t i = 0; e == ERR_NONE && i < row->n_txs; i++) {
		struct row_key k = row_key_pair(row->header.seq, i);
		struct bytes value, leaf, blob, meta;

		e = kv_get(txn, KV_TXS, row_key_bytes(&k), &value);
		if (e == ERR_NONE)
			e = tx_row_decode(&leaf, value);
		if (e == ERR_NONE)
			e = tx_leaf_split(leaf, &blob, &meta);
		if (e != ERR_NONE)
			break;
		sha512_half_parts(&id, HASH_PREFIX_TX_ID, &blob, 1);
		if (tree_put(out, &id, leaf) != FOUND)
			e = ERR_CORRUPT;
	}
	root = tree_hash(out);
	if (e == ERR_NONE && hash256_eq(&root, &row->header.tx_hash))
		return ERR_NONE;
	tree_close(out);
	return e == ERR_IO ? e : ERR_CORRUPT;
}

/* Reads a ledger whose state loads when it is asked for. */
static enum err read_ledger(struct store *s, uint32_t seq, struct ledger **out)
{
	struct tree state, txs;
	struct header_row row;
	struct kv_txn *txn;
	enum err e = kv_read(s->db, &txn);

	if (e != ERR_NONE)
		return e;
	e = store_get_header(txn, seq, &row);
	if (e == ERR_NONE && row.state_key == 0 && !hash256_is_zero(&row.header.state_hash))
		e = ERR_ABSENT; /* kept without its state */
	if (e == ERR_NONE)
		e = store_tx_tree(txn, &row, &txs);
	kv_abort(txn);
	if (e != ERR_NONE)
		return e;
	tree_init_stored(&state, TREE_STATE, &s->source, &row.header.state_hash, row.state_key);
	*out = ledger_make(&row.header, &state, &txs);
	must(hash256_eq(&(*out)->hash, &row.hash));
	return ERR_NONE;
}

/* The calls below need the mutex. */

static bool is_idle(const struct open_ledger *o)
{
	return atomic_load_explicit(&o->ledger->refs, memory_order_acquire) == 1;
}

static void forget(struct store *s, size_t i)
{
	ledger_unref(s->open[i].ledger);
	s->open[i] = s->open[--s->open_n];
}

static void drop_oldest_idle(struct store *s)
{
	size_t oldest = s->open_n, idle = 0;

	for (size_t i = 0; i < s->open_n; i++) {
		if (!is_idle(&s->open[i]))
			continue;
		idle++;
		if (oldest == s->open_n || s->open[i].used < s->open[oldest].used)
			oldest = i;
	}
	if (idle > OPEN_LEDGERS_IDLE_MAX)
		forget(s, oldest);
}

static struct ledger *find_open(struct store *s, uint32_t seq)
{
	for (size_t i = 0; i < s->open_n; i++)
		if (s->open[i].ledger->header.seq == seq) {
			s->open[i].used = ++s->open_clock;
			return s->open[i].ledger;
		}
	return NULL;
}

/* Takes the reference over. */
static void add_open(struct store *s, struct ledger *l)
{
	drop_oldest_idle(s);
	if (s->open_n == s->open_cap) {
		s->open_cap = s->open_cap ? s->open_cap * 2 : 16;
		s->open = mem_resize(s->open, s->open_cap, sizeof(*s->open));
	}
	s->open[s->open_n++] = (struct open_ledger){.ledger = l, .used = ++s->open_clock};
}

uint32_t store_lowest_open(struct store *s, uint32_t keep)
{
	uint32_t lowest = UINT32_MAX;

	for (size_t i = s->open_n; i-- > 0;) {
		uint32_t seq = s->open[i].ledger->header.seq;

		if (seq < keep && is_idle(&s->open[i]))
			forget(s, i);
		else if (seq < lowest)
			lowest = seq;
	}
	return lowest;
}

void store_ledgers_close(struct store *s)
{
	while (s->open_n)
		forget(s, 0);
	mem_free(s->open);
	s->open = NULL;
}

/* Hands out the ledger under the mutex, so that pruning either sees it open or has raised the floor
 * above it before. */
static enum err hand_out(struct store *s, uint32_t seq, struct ledger *fresh, struct ledger **out)
{
	struct ledger *l;
	enum err e = ERR_NONE;

	pthread_mutex_lock(&s->mutex);
	l = find_open(s, seq);
	if (seq < s->tip.floor || seq > s->tip.seq) {
		e = ERR_ABSENT;
	} else if (l) {
		*out = ledger_ref(l);
	} else if (fresh) {
		add_open(s, fresh);
		*out = ledger_ref(fresh);
		fresh = NULL;
	} else {
		*out = NULL;
	}
	pthread_mutex_unlock(&s->mutex);
	ledger_unref(fresh);
	return e;
}

enum err store_ledger_open(struct store *s, uint32_t seq, struct ledger **out)
{
	struct ledger *fresh = NULL;
	enum err e = hand_out(s, seq, NULL, out);

	if (e != ERR_NONE || *out)
		return e;
	e = read_ledger(s, seq, &fresh);
	return e == ERR_NONE ? hand_out(s, seq, fresh, out) : e;
}

/* The newest headers, each naming the one before. */
static enum err check_headers(struct store *s, const struct tip_row *tip, struct why *why)
{
	uint32_t seq = tip->seq, first = tip->complete_first;
	struct hash256 want = tip->hash;
	struct kv_txn *txn;
	enum err e = kv_read(s->db, &txn);

	if (e != ERR_NONE)
		return store_fail(why, e, s->folder);
	for (int i = 0; i < START_HEADERS && seq >= first && seq > 0; i++, seq--) {
		struct header_row row;

		e = store_get_header(txn, seq, &row);
		if (e == ERR_ABSENT || (e == ERR_NONE && !hash256_eq(&row.hash, &want)))
			e = ERR_CORRUPT;
		if (e != ERR_NONE) {
			why_set(why, e, "%s: the header of ledger %u: %s", s->folder, seq,
				err_text(e));
			break;
		}
		want = row.header.parent;
	}
	kv_abort(txn);
	return e;
}

/* The root and the newest nodes of the tip's state, in a tree of their own that is then let go. */
static enum err check_state(struct store *s, const struct ledger *l, struct why *why)
{
	uint32_t recent = l->header.seq > START_HEADERS ? l->header.seq - START_HEADERS + 1 : 1;
	struct tree t;
	enum found f;

	if (tree_is_empty(&l->state))
		return ERR_NONE;
	tree_init_stored(&t, TREE_STATE, &s->source, &l->header.state_hash,
			 tree_root_key(&l->state));
	f = tree_load_recent(&t, tree_root_key(&t), 1);
	if (f == FOUND)
		f = tree_load_recent(&t, (uint64_t)recent << 32, START_NODES_MAX);
	tree_close(&t);
	if (f == FOUND)
		return ERR_NONE;
	return why_set(why, ERR_CORRUPT, "%s: the state of ledger %u has nodes that do not match",
		       s->folder, l->header.seq);
}

enum err store_load_tip(struct store *s, struct ledger **out, struct why *why)
{
	struct tip_row tip = store_tip(s);
	enum err e;

	*out = NULL;
	if (tip.seq == 0)
		return ERR_NONE;
	e = check_headers(s, &tip, why);
	if (e != ERR_NONE)
		return e;
	e = store_ledger_open(s, tip.seq, out);
	if (e == ERR_ABSENT)
		e = ERR_CORRUPT;
	if (e != ERR_NONE)
		return why_set(why, e, "%s: ledger %u: %s", s->folder, tip.seq, err_text(e));
	e = check_state(s, *out, why);
	if (e != ERR_NONE) {
		ledger_unref(*out);
		*out = NULL;
	}
	return e;
}
