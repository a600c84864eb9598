/* SPDX-License-Identifier: ISC */
#include "base/mem.h"
#include "ledger/affected.h"
#include "ledger/tree_node.h"
#include "store/journal.h"
#include "store/rows.h"

/* What comes back from disk: a stored tree node, a row, a vote record, a transaction leaf. Each
 * reader takes any bytes; what it accepts, it would have written just so. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void node(struct bytes in)
{
	struct tree_node *n = tree_decode(in, 1);
	struct buf again = BUF_INIT;
	uint64_t keys[16];

	if (!n)
		return;
	if (tree_node_is_leaf(n)) {
		tree_encode_leaf(&again, tree_leaf_of(n));
	} else {
		for (unsigned i = 0; i < tree_children(tree_inner_of(n)); i++)
			keys[i] = tree_slot_key(&tree_inner_of(n)->slot[i]);
		tree_encode_inner(&again, tree_inner_of(n), keys);
	}
	must(bytes_eq(buf_bytes(&again), in));
	buf_close(&again);
	tree_node_unref(n);
}

static void record(struct bytes in)
{
	struct arena a = ARENA_INIT;
	struct buf again = BUF_INIT;
	struct journal_record r;

	if (journal_decode(&r, in, &a) == ERR_NONE) {
		journal_encode(&again, &r);
		must(bytes_eq(buf_bytes(&again), in));
	}
	buf_close(&again);
	arena_close(&a);
}

static void leaf(struct bytes in)
{
	struct buf again = BUF_INIT;
	struct bytes tx, meta;

	if (tx_leaf_split(in, &tx, &meta) == ERR_NONE) {
		tx_leaf_join(&again, tx, meta);
		must(bytes_eq(buf_bytes(&again), in));
	}
	buf_close(&again);
}

static void rows(struct bytes in)
{
	struct identity_row identity;
	struct header_row header;
	struct tip_row tip;
	struct bytes stored;
	uint8_t out[HEADER_ROW_BYTES];

	if (identity_row_decode(&identity, in) == ERR_NONE) {
		identity_row_encode(out, &identity);
		must(bytes_eq(bytes_of(out, IDENTITY_BYTES), in));
	}
	if (tip_row_decode(&tip, in) == ERR_NONE) {
		tip_row_encode(out, &tip);
		/* one from before there was a second range comes out with it */
		if (in.n == TIP_BYTES_OLD)
			must(!memcmp(out, in.p, TIP_BYTES_OLD - 4));
		else
			must(bytes_eq(bytes_of(out, TIP_BYTES), in));
	}
	if (header_row_decode(&header, in.n >= 4 ? load_be32(in.p) : 0, in) == ERR_NONE) {
		header_row_encode(out, &header);
		must(bytes_eq(bytes_of(out, HEADER_ROW_BYTES), in));
	}
	if (tx_row_decode(&stored, in) == ERR_NONE)
		leaf(stored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);

	node(in);
	record(in);
	leaf(in);
	rows(in);
	return 0;
}
