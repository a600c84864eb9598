/* SPDX-License-Identifier: ISC */
#include "watch.h"

#include "codec/format.h"
#include "codec/st.h"
#include "consensus/consensus.h"
#include "crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void say(struct watch *w, const struct buf *about, struct bytes what, const char *kind)
{
	struct hash256 key, hash;
	struct note *n;

	sha512_half(&key, about->p, about->n);
	sha512_half(&hash, what.p, what.n);
	n = hmap_get(&w->said, &key);
	if (n && !hash256_eq(&n->what, &hash))
		fail_msg("two different %ss under one key", kind);
	if (n)
		return;
	n = mem_zalloc(1, sizeof(*n));
	*n = (struct note){.key = key, .what = hash, .next = w->notes};
	w->notes = n;
	hmap_put(&w->said, &key, n);
}

static void on_proposal(struct watch *w, const struct msg *m)
{
	struct buf about = BUF_INIT, what = BUF_INIT;

	if (m->proposal.seq == CONS_SEQ_BOW_OUT)
		return;
	w->proposals++;
	buf_put(&about, m->proposal.key.b, 33);
	buf_put(&about, m->proposal.prev.b, 32);
	buf_put_be32(&about, m->proposal.seq);
	buf_put(&what, m->proposal.set.b, 32);
	buf_put_be32(&what, m->proposal.close.s);
	say(w, &about, buf_bytes(&what), "proposal");
	buf_close(&about);
	buf_close(&what);
}

static void on_validation(struct watch *w, struct bytes bytes)
{
	struct arena a = ARENA_INIT;
	struct buf about = BUF_INIT;
	struct st_object *o;
	struct bytes key;
	uint32_t seq;

	assert_int_equal(st_decode(&o, &a, bytes, NULL), ERR_NONE);
	assert_true(st_get_raw(o, sfSigningPubKey, &key));
	assert_true(st_get_u32(o, sfLedgerSequence, &seq));
	w->validations++;
	buf_put(&about, key.p, key.n);
	buf_put_be32(&about, seq);
	say(w, &about, bytes, "validation");
	buf_close(&about);
	arena_close(&a);
}

void watch_frame(struct watch *w, const struct wire_frame *f)
{
	struct arena a = ARENA_INIT;
	struct msg m;

	if (f->type != MSG_PROPOSAL && f->type != MSG_VALIDATION)
		return;
	assert_int_equal(wire_decode(&m, &a, bytes_of(f->bytes, f->n), NULL), ERR_NONE);
	if (f->type == MSG_PROPOSAL)
		on_proposal(w, &m);
	else
		on_validation(w, m.validation);
	arena_close(&a);
}

void watch_close(struct watch *w)
{
	hmap_close(&w->said);
	while (w->notes) {
		struct note *n = w->notes;

		w->notes = n->next;
		mem_free(n);
	}
}
