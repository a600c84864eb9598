/* SPDX-License-Identifier: ISC */
#include "tally.h"

#include "base/limits.h"
#include "base/mem.h"
#include "from.h"
#include "os/file.h"
#include "store/journal.h"
#include "store/store.h"
#include "tx/tx.h"

#include <stdio.h>
#include <stdlib.h>

/* Commands that need no server. */

/* ---- genesis ---- */

static bool add_account(struct tally *t, struct genesis *g, const char *text)
{
	const char *colon = strchr(text, ':');
	char address[BASE58_TEXT_MAX];
	struct genesis_account *a;
	uint64_t drops;

	if (!colon || (size_t)(colon - text) >= sizeof(address) ||
	    !tally_number(colon + 1, 1, DROPS_MAX, &drops)) {
		tally_fail(t, 0, "\"%s\": ADDRESS:DROPS is wanted", text);
		return false;
	}
	snprintf(address, sizeof(address), "%.*s", (int)(colon - text), text);
	g->accounts = mem_resize(g->accounts, g->n_accounts + 1, sizeof(*g->accounts));
	a = &g->accounts[g->n_accounts];
	if (account_parse(&a->id, address) != ERR_NONE) {
		tally_fail(t, 0, "\"%s\" is no address", address);
		return false;
	}
	a->balance = drops_of(drops);
	g->n_accounts++;
	return true;
}

/* What is not given to named accounts goes to the generated ones in equal parts, and the rest to
 * the first named one: all of the 10^17 drops exist from the start. */
static bool share_out(struct tally *t, struct genesis *g)
{
	struct drops left = g->total;
	size_t i;

	for (i = 0; i < g->n_accounts; i++)
		if (!drops_sub(&left, left, g->accounts[i].balance)) {
			tally_fail(t, 0, "the accounts hold more than %llu drops", DROPS_MAX);
			return false;
		}
	if (g->generated) {
		/* raw: an equal share, rounded down */
		g->generated_balance = drops_of(left.raw / g->generated);
		left.raw %= g->generated;
	}
	return drops_add(&g->accounts[0].balance, g->accounts[0].balance, left);
}

static bool fee_option(struct tally *t, const char *name, struct drops *out)
{
	const char *s = tally_option(t, name);
	uint64_t x;

	if (!s)
		return true;
	if (!tally_number(s, name[2] == 'b', 1000 * DROPS_PER_XRP, &x)) {
		tally_fail(t, 0, "%s takes drops, at most 1000 XRP", name);
		return false;
	}
	*out = drops_of(x);
	return true;
}

/* What is the network's besides its first state. */
static bool majority_option(struct tally *t, struct genesis *g)
{
	const char *s = tally_option(t, "--majority-time");
	uint64_t x = 0;

	if (s && !tally_number(s, 1, UINT32_MAX, &x))
		return tally_fail(t, 0, "--majority-time takes seconds, 1 or more"), false;
	g->majority_s = (uint32_t)x;
	return true;
}

static bool fee_options(struct tally *t, struct genesis *g)
{
	return majority_option(t, g) && fee_option(t, "--base-fee", &g->fees.base) &&
	       fee_option(t, "--reserve", &g->fees.reserve) &&
	       fee_option(t, "--increment", &g->fees.increment);
}

static bool genesis_options(struct tally *t, struct genesis *g)
{
	const char *id = tally_option(t, "--network-id"), *n = tally_option(t, "--accounts"), *a;
	uint64_t x;
	bool named = false;

	if (id && !tally_number(id, 0, UINT32_MAX, &x))
		return tally_fail(t, 0, "--network-id takes 0 to 4294967295"), false;
	if (id)
		g->network_id = (uint32_t)x;
	if (n && !tally_number(n, 1, 10000000, &x))
		return tally_fail(t, 0, "--accounts takes 1 to 10000000"), false;
	if (n)
		g->generated = (uint32_t)x;
	while ((a = tally_option(t, "--account"))) {
		if (!named)
			g->n_accounts = 0; /* in place of the well-known one */
		named = true;
		if (!add_account(t, g, a))
			return false;
	}
	if (!named) {
		fprintf(stderr, "tally genesis: no --account: the well-known account "
				"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh (passphrase masterpassphrase) "
				"holds the XRP; anybody can spend it\n");
		g->accounts[0].balance = drops_of(g->generated ? DROPS_MAX / 2 : DROPS_MAX);
	}
	return fee_options(t, g) && share_out(t, g);
}

/* Ledger 1 of the network, and the file. */
static int write_genesis(struct tally *t, const struct genesis *g, const struct snapshot_info *from,
			 const char *out)
{
	struct ledger *first = NULL, *second = NULL;
	struct buf text = BUF_INIT;
	struct why why = {""};
	enum err e = genesis_build(g, &first, &second, &why);

	if (e == ERR_NONE) {
		genesis_print(g, &text);
		if (from->bytes)
			buf_printf(&text, "# the state of ledger %u %s of network %u\n",
				   from->header.seq, hash256_hex(&from->hash).s, from->network_id);
		if (text.n > GENESIS_BYTES_MAX)
			e = why_set(&why, ERR_TOO_LARGE, "more than %u bytes", GENESIS_BYTES_MAX);
	}
	if (e == ERR_NONE)
		e = file_write_new(out, buf_bytes(&text), 0644, &why);
	if (e != ERR_NONE)
		tally_fail(t, 0, "%s", why.text);
	else if (t->json)
		tally_print_json(json_pack("{s:s, s:I, s:s}", "genesis", out, "network_id",
					   (json_int_t)g->network_id, "ledger_hash",
					   hash256_hex(&first->hash).s));
	else
		printf("network %u, ledger 1 %s\n", g->network_id, hash256_hex(&first->hash).s);
	ledger_unref(first);
	ledger_unref(second);
	buf_close(&text);
	return e == ERR_NONE ? TALLY_OK : TALLY_FAILED;
}

int cmd_genesis(struct tally *t)
{
	const char *out = tally_option(t, "--out"), *from = tally_option(t, "--from");
	struct snapshot_info ledger = {.bytes = 0};
	struct genesis g;
	int code = TALLY_USAGE;

	/* what is not for --from is an unknown option there */
	genesis_default(&g, !from && !tally_flag(t, "--no-amendments"));
	if (!out)
		tally_fail(t, 0, "--out FILE is wanted");
	else if (from ? genesis_from_snapshot(t, &g, from, &ledger, &code) && fee_options(t, &g) &&
			    tally_arguments(t, 0, 0)
		      : genesis_options(t, &g) && tally_arguments(t, 0, 0))
		code = write_genesis(t, &g, &ledger, out);
	genesis_close(&g);
	return code;
}

/* ---- codec ---- */

static bool unhex(struct tally *t, const struct buf *text, struct buf *out)
{
	*out = BUF_INIT;
	buf_reserve(out, text->n / 2 + 1);
	out->n = text->n / 2;
	if (text->n && hex_decode(out->p, out->n, (char *)text->p, text->n))
		return true;
	tally_fail(t, 0, "hex digits are wanted, an even number");
	buf_close(out);
	return false;
}

static char *hex_of(const struct buf *b)
{
	char *s = mem_alloc(2 * b->n + 1);

	hex_encode(s, b->p, b->n);
	return s;
}

int cmd_decode(struct tally *t)
{
	struct buf text, blob;
	struct arena a = ARENA_INIT;
	struct st_object *o;
	struct why why = {""};
	int code = TALLY_FAILED;

	if (!tally_arguments(t, 1, 1) || !tally_text(t, t->argv[1], &text))
		return TALLY_USAGE;
	if (unhex(t, &text, &blob)) {
		if (st_decode(&o, &a, buf_bytes(&blob), &why) == ERR_NONE) {
			tally_print_json(st_to_json(o));
			code = TALLY_OK;
		} else {
			tally_fail(t, 0, "%s", why.text);
		}
		buf_close(&blob);
	}
	arena_close(&a);
	buf_close(&text);
	return code;
}

static struct st_object *object_of(struct tally *t, struct arena *a, const struct buf *text)
{
	struct why why = {""};
	struct st_object *o = NULL;
	json_t *j = NULL;

	if (json_parse_bounded(&j, buf_bytes(text), &why) != ERR_NONE ||
	    st_from_json(&o, a, j, &why) != ERR_NONE) {
		tally_fail(t, 0, "%s", why.text);
		o = NULL;
	}
	json_decref(j);
	return o;
}

int cmd_encode(struct tally *t)
{
	struct buf text, out = BUF_INIT;
	struct arena a = ARENA_INIT;
	struct st_object *o;
	int code = TALLY_FAILED;

	if (!tally_arguments(t, 1, 1) || !tally_text(t, t->argv[1], &text))
		return TALLY_USAGE;
	o = object_of(t, &a, &text);
	if (o) {
		char *hex;

		st_encode(&out, o, ST_ALL);
		hex = hex_of(&out);
		if (t->json)
			tally_print_json(json_pack("{s:s}", "blob", hex));
		else
			puts(hex);
		mem_free(hex);
		code = TALLY_OK;
	}
	buf_close(&out);
	buf_close(&text);
	arena_close(&a);
	return code;
}

int cmd_sign(struct tally *t)
{
	struct arena a = ARENA_INIT;
	struct secret_key *key;
	struct public_key pub;
	struct st_object *o;
	struct buf text = BUF_INIT, out = BUF_INIT;
	struct why why = {""};
	struct tx *tx = NULL;
	struct tally_secret from;
	int code = TALLY_USAGE;
	char *hex;

	if (!tally_secret_options(t, &from) || !tally_arguments(t, 1, 1) ||
	    !tally_text(t, t->argv[1], &text))
		return code;
	key = tally_secret_read(t, &from, &pub, &code);
	if (!key)
		goto done;
	o = object_of(t, &a, &text);
	if (!o)
		goto done;
	tx_sign(o, key);
	st_encode(&out, o, ST_ALL);
	if (tx_parse(&tx, buf_bytes(&out), &why) != ERR_NONE) {
		tally_fail(t, 0, "%s", why.text);
		goto done;
	}
	hex = hex_of(&out);
	if (t->json)
		tally_print_json(
		    json_pack("{s:s, s:s}", "tx_blob", hex, "hash", hash256_hex(&tx->id).s));
	else
		printf("hash  %s\nblob  %s\n", hash256_hex(&tx->id).s, hex);
	mem_free(hex);
	code = TALLY_OK;
done:
	tx_unref(tx);
	secret_key_close(key);
	buf_close(&text);
	buf_close(&out);
	arena_close(&a);
	return code;
}

/* ---- data folders ---- */

/* The report's lines, "name   words", as an object. */
static json_t *report_json(struct buf *report)
{
	json_t *j = json_object();
	char *line, *save = NULL;

	buf_put_u8(report, 0);
	for (line = strtok_r((char *)report->p, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *end = strstr(line, "  "), *value = end ? end + strspn(end, " ") : NULL;

		if (!value)
			continue;
		*end = '\0';
		json_object_set_new(j, line, json_string(value));
	}
	return j;
}

static void print_sound(struct tally *t, struct buf *report)
{
	if (t->json) {
		tally_print_json(json_pack("{s:s, s:b, s:o}", "data_folder", t->argv[1], "sound", 1,
					   "report", report_json(report)));
		return;
	}
	fwrite(report->p, 1, report->n, stdout);
	puts("the data folder is sound");
}

int cmd_verify(struct tally *t)
{
	struct store_options o = {.read_only = true};
	struct buf report = BUF_INIT;
	struct store *s = NULL;
	struct why why = {""};
	enum err e;

	if (!tally_arguments(t, 1, 1))
		return TALLY_USAGE;
	o.folder = t->argv[1];
	e = store_open(&s, &o, &why);
	if (e == ERR_NONE)
		e = store_verify(s, &report, &why);
	if (e == ERR_NONE)
		e = journal_check(o.folder, &report, &why);
	if (e == ERR_NONE)
		e = store_clear_damage(o.folder, &why);
	if (e == ERR_NONE)
		print_sound(t, &report);
	store_close(s);
	buf_close(&report);
	return e == ERR_NONE ? TALLY_OK : tally_fail(t, TALLY_FAILED, "%s", why.text);
}

int cmd_migrate(struct tally *t)
{
	struct why why = {""};

	if (!tally_arguments(t, 1, 1))
		return TALLY_USAGE;
	if (store_migrate(t->argv[1], &why) != ERR_NONE)
		return tally_fail(t, TALLY_FAILED, "%s", why.text);
	if (t->json)
		tally_print_json(
		    json_pack("{s:s, s:i}", "data_folder", t->argv[1], "schema", STORE_SCHEMA));
	else
		printf("%s: schema %d\n", t->argv[1], STORE_SCHEMA);
	return TALLY_OK;
}
