/* SPDX-License-Identifier: ISC */
#include "tests/tx/rows.h"

#include "tests/tx/failing.h"
#include "tx/ops.h"

static const uint16_t types[] = {
#define TYPE(tt, name) tt,
#include "tx/types.def"
#undef TYPE
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static bool is_pseudo(uint16_t type)
{
	return type == ttSetFee || type == ttEnableAmendment || type == ttUNLModify;
}

/* The ledger that takes it: some types want a certain or a late one. */
static uint32_t ledger_of(uint16_t type)
{
	return type == ttUNLModify || type == ttAccountDelete ? 512 : 3;
}

static void fill_pseudo(struct st_object *o, uint16_t type, bool bare)
{
	static const struct account_id nobody;
	struct public_key key = {{0xED, 1}};
	struct hash256 id = {{1}};

	st_set_account(o, sfAccount, &nobody);
	st_set_u(o, sfSequence, 0);
	st_set_drops(o, sfFee, drops_of(0));
	if (type != ttSetFee)
		st_set_u(o, sfLedgerSequence, ledger_of(type));
	if (type == ttEnableAmendment) {
		st_set_hash256(o, sfAmendment, &id);
	} else if (type == ttUNLModify) {
		st_set_u(o, sfUNLModifyDisabling, 1);
		st_set_raw(o, sfUNLModifyValidator, bytes_of(key.b, sizeof(key.b)));
	} else if (bare) {
		st_set_u(o, sfBaseFee, 12);
		st_set_u(o, sfReferenceFeeUnits, 10);
		st_set_u(o, sfReserveBase, 1000000);
		st_set_u(o, sfReserveIncrement, 200000);
	} else {
		st_set_drops(o, sfBaseFeeDrops, drops_of(12));
		st_set_drops(o, sfReserveBaseDrops, drops_of(1000000));
		st_set_drops(o, sfReserveIncrementDrops, drops_of(200000));
	}
}

struct st_object *row_transaction(struct world *w, uint16_t type)
{
	struct st_object *o = account_set(w, "alice", 1), *e;
	struct account_id bob = person("bob").id;

	st_set_u(o, sfTransactionType, type);
	switch (type) {
	case ttPayment:
		return payment(w, "alice", 1, "bob", DROPS_PER_XRP);
	case ttSetRegularKey:
		st_set_account(o, sfRegularKey, &bob);
		break;
	case ttSignerListSet:
		st_set_u(o, sfSignerQuorum, 1);
		e = nested(o, sfSignerEntries, sfSignerEntry);
		st_set_u(e, sfSignerWeight, 1);
		st_set_account(e, sfAccount, &bob);
		break;
	case ttDepositPreauth:
		st_set_account(o, sfAuthorize, &bob);
		break;
	case ttTicketCreate:
		st_set_u(o, sfTicketCount, 1);
		break;
	case ttAccountDelete:
		st_set_account(o, sfDestination, &bob);
		st_set_drops(o, sfFee, drops_of(2 * DROPS_PER_XRP));
		break;
	case ttOfferCancel: /* one that the engine does not execute */
		st_set_u(o, sfOfferSequence, 1);
		break;
	default:
		if (is_pseudo(type))
			fill_pseudo(o, type, !amendment_on(w->rules, AMENDMENT_XRPFees));
	}
	return o;
}

static struct tx *finish_tx(const struct row *r, uint16_t type, struct st_object *o)
{
	struct tx *t;

	if ((r->how & ROW_UNSIGNED) || is_pseudo(type) || st_has(o, sfSigners))
		return trusted(o);
	t = signed_by(r->signer ? r->signer : "alice", o);
	if (r->how & ROW_BAD_SIGNED)
		atomic_store(&t->signature, TX_SIG_BAD);
	return t;
}

/* What is wrong, or NULL. */
static const char *check_after(const struct row *r, const struct tx *t, struct world *w,
			       uint64_t balance, uint32_t seq, const struct tx_outcome *out)
{
	uint64_t fee = balance < t->fee.raw ? balance : t->fee.raw;
	bool claims = ter_is_tec(r->want) && !r->flags;

	if (out->result != r->want)
		return result_name((int)out->result);
	if (out->applied != (r->want == tesSUCCESS || claims))
		return "applied or not is wrong";
	if (!out->applied && balance > 0 &&
	    (balance_of(w, "alice") != balance || sequence_of(w, "alice") != seq))
		return "alice has changed";
	if (claims &&
	    (balance_of(w, "alice") != balance - fee ||
	     sequence_of(w, "alice") != seq + !t->has_ticket || view_burned(w->view).raw != fee))
		return "the fee was not taken as it should";
	return NULL;
}

static struct world_options options_of(const struct row *r, uint16_t type)
{
	return (struct world_options){.no_amendments = r->how & ROW_BARE,
				      .open = r->how & ROW_OPEN,
				      .network_id = r->how & ROW_NETWORK ? 21337 : 0,
				      .seq = ledger_of(type),
				      .plant = r->plant};
}

static const char *try_row(const struct row *r, uint16_t type)
{
	struct world_options o = options_of(r, type);
	const char *wrong;
	uint64_t balance = 0;
	struct st_object *fields;
	struct tx_outcome out;
	uint32_t seq = 0;
	struct world w;
	struct tx *t;

	world_open(&w, &o);
	fields = row_transaction(&w, type);
	r->change(fields);
	t = finish_tx(r, type, fields);
	if (account_of(&w, "alice") && r->plant != plant_balance_iou) {
		balance = balance_of(&w, "alice");
		seq = sequence_of(&w, "alice");
	}
	out = tx_apply(w.view, t, r->flags, 0, r->how & ROW_OPEN ? NULL : &w.arena);
	wrong = check_after(r, t, &w, balance, seq, &out);
	tx_unref(t);
	world_close(&w);
	return wrong;
}

/* The n-th read fails; false when there are not so many. */
static bool fail_read(const struct world *w, struct failing_store *s, struct tx *t, uint64_t n,
		      const char **wrong)
{
	struct tx_outcome out;
	struct tree state;
	struct view *v;

	failing_tree(s, n, &state);
	v = view_open_tree(&state, &w->info);
	out = tx_apply(v, t, 0, 0, NULL);
	if (s->loads >= n && (out.result != tefEXCEPTION || out.applied || !view_failed(v) ||
			      view_count_changes(v) > 0 || view_burned(v).raw > 0))
		*wrong = result_name((int)out.result);
	view_close(v);
	tree_close(&state);
	return s->loads >= n;
}

static const char *try_unreadable(const struct row *r, uint16_t type)
{
	struct world_options o = options_of(r, type);
	const char *wrong = NULL;
	struct failing_store *s;
	struct st_object *fields;
	struct tree state;
	struct world w;
	struct tx *t;
	uint64_t n = 1;

	world_open(&w, &o);
	fields = row_transaction(&w, type);
	r->change(fields);
	t = finish_tx(r, type, fields);
	tree_share(&state, &w.base->state);
	if (r->plant)
		r->plant(&state);
	s = failing_open(&state);
	tree_close(&state);
	while (!wrong && fail_read(&w, s, t, n, &wrong))
		n++;
	if (n < 3)
		wrong = "hardly anything was read";
	tx_unref(t);
	world_close(&w);
	failing_close(s);
	return wrong;
}

static size_t run_as(const struct row *r, uint16_t type)
{
	const char *wrong = r->how & ROW_UNREADABLE ? try_unreadable(r, type) : try_row(r, type);

	if (wrong)
		print_error("%s, %s: wanted %s: %s\n", tx_type_name(type), r->name,
			    result_name((int)r->want), wrong);
	return wrong != NULL;
}

void rows_run(const struct row *rows, size_t n)
{
	size_t wrong = 0, runs = 0;

	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];

		if (r->type != EVERY_TYPE && r->type != EVERY_PSEUDO) {
			wrong += run_as(r, r->type);
			runs++;
			continue;
		}
		for (size_t j = 0; j < TYPES; j++) {
			if (is_pseudo(types[j]) != (r->type == EVERY_PSEUDO))
				continue;
			wrong += run_as(r, types[j]);
			runs++;
		}
	}
	print_message("%zu rows, %zu runs\n", n, runs);
	assert_int_equal(wrong, 0);
}
