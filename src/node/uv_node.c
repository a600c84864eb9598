/* SPDX-License-Identifier: ISC */
#include "node/uv_node_impl.h"

#include "node/uv_genesis.h"
#include "node/uv_join.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/log.h"

#include <malloc.h>
#include <stdio.h>

#define DISK_CHECK_MS        2000
#define TRIM_EVERY           5 /* disk checks between two times free memory is given back */
#define DEFER_MAX            4096
#define TALLY_SERVER_VERSION 0x5441000100000000ull /* "TA", protocol 1: sfServerVersion */

static void carry_out(struct uv_node *un, struct node_effects *fx);

/* ---- events in ---- */

/* Carrying out effects may raise events at once (a dropped peer, a pipelined request). They wait
 * their turn: the machine is entered by one at a time. Messages never come this way. */
static void defer(struct uv_node *un, const struct node_event *ev)
{
	must(ev->kind != NODE_MESSAGE && un->n_deferred < DEFER_MAX);
	if (!un->deferred)
		un->deferred = mem_alloc(DEFER_MAX * sizeof(*un->deferred));
	if (ev->kind == NODE_SUBMIT)
		tx_ref(ev->submit.tx);
	un->deferred[un->n_deferred++] = *ev;
}

static void step_once(struct uv_node *un, const struct node_event *ev)
{
	struct node_effects fx = {0};

	un->fx = &fx;
	node_step(un->machine, ev, clock_now(), &fx);
	carry_out(un, &fx);
	node_effects_close(&fx);
	un->fx = NULL;
}

void uv_node_step(struct uv_node *un, const struct node_event *ev)
{
	uint32_t i;

	if (un->fx) {
		defer(un, ev);
		return;
	}
	step_once(un, ev);
	for (i = 0; i < un->n_deferred; i++) {
		struct node_event next = un->deferred[i];

		step_once(un, &next);
		if (next.kind == NODE_SUBMIT)
			tx_unref(next.submit.tx);
	}
	un->n_deferred = 0;
}

/* ---- effects out ---- */

static void on_timer(uv_timer_t *t)
{
	struct node_event ev = {.kind = NODE_TIMER};

	uv_node_step(t->data, &ev);
}

static void set_timer(struct uv_node *un, struct steady at)
{
	int64_t wait = steady_since(clock_steady(), at);

	uv_update_time(un->cfg.loop);
	uv_timer_start(&un->timer, on_timer, wait > 0 ? (uint64_t)wait : 0, 0);
}

static void one_closed(struct uv_node *un)
{
	if (!--un->open_handles)
		un->hooks.on_stopped(un->hooks.ctx, un->exit_code);
}

static void handle_closed(uv_handle_t *h)
{
	one_closed(h->data);
}

static void peers_gone(void *ctx)
{
	struct uv_node *un = ctx;

	if (un->peers) {
		peers_close(un->peers);
		un->peers = NULL;
	}
	uv_close((uv_handle_t *)&un->timer, handle_closed);
	uv_close((uv_handle_t *)&un->look, handle_closed);
	uv_disk_close(un->disk);
}

/* When all jobs and the pruning are done, nothing touches store or journal any more. */
void uv_node_wind_up(struct uv_node *un)
{
	if (un->stopped_told || un->prune_running || !un->machine_done || uv_disk_busy(un->disk))
		return;
	un->stopped_told = true;
	if (un->peers)
		peers_shutdown(un->peers, peers_gone, un);
	else
		peers_gone(un);
}

void uv_node_failed(struct uv_node *un)
{
	if (un->exit_code)
		return;
	un->exit_code = 74; /* EX_IOERR: a restart begins from the last whole ledger */
	if (!un->write_failed)
		uv_disk_damage(un->disk, "something that was committed cannot be read");
	log_line(LOG_ERROR, "node",
		 "stopping, since the store cannot be trusted; check the disk, then run `tally "
		 "verify`, and start with --recover when it finds damage");
	uv_node_stop(un);
}

static void one_effect(struct uv_node *un, struct node_effect *e)
{
	switch (e->kind) {
	case NODE_FX_TIMER:
		set_timer(un, e->at);
		break;
	case NODE_FX_SEND:
		if (!un->peers)
			break;
		if (e->send.peer)
			peers_send(un->peers, e->send.peer, e->send.frame);
		else
			peers_broadcast(un->peers, e->send.except, e->send.frame);
		break;
	case NODE_FX_DROP_PEER:
		if (un->peers)
			peers_drop(un->peers, e->drop.peer, e->drop.reason);
		break;
	case NODE_FX_USELESS:
		if (un->peers)
			peers_useless(un->peers, e->useless.peer, e->useless.units);
		break;
	case NODE_FX_JOB:
		uv_node_work_start(un, e->job);
		break;
	case NODE_FX_LOG:
		log_line((enum log_level)e->log.level, "node", "%s", e->log.text);
		break;
	case NODE_FX_STOPPED:
		un->machine_done = true;
		uv_node_wind_up(un);
		break;
	case NODE_FX_FAILED:
		uv_node_failed(un);
		break;
	case NODE_FX_SUBMITTED:
	case NODE_FX_ACCEPTED:
	case NODE_FX_LEDGER:
		un->trim = true;
		un->hooks.on_effect(un->hooks.ctx, e);
		break;
	case NODE_FX_TX_PROPOSED:
	case NODE_FX_VALIDATION:
	case NODE_FX_PHASE:
	case NODE_FX_STATE:
	case NODE_FX_MANIFEST:
		un->hooks.on_effect(un->hooks.ctx, e);
		break;
	}
}

static void carry_out(struct uv_node *un, struct node_effects *fx)
{
	uint32_t i;

	for (i = 0; i < fx->n; i++)
		one_effect(un, &fx->e[i]);
}

/* ---- peers ---- */

static void on_peer_up(void *ctx, uint32_t id, const struct public_key *key, bool inbound)
{
	struct node_event ev = {.kind = NODE_PEER_UP};

	(void)inbound;
	ev.peer.peer = id;
	ev.peer.key = *key;
	uv_node_step(ctx, &ev);
}

static void on_peer_down(void *ctx, uint32_t id, const char *reason)
{
	struct node_event ev = {.kind = NODE_PEER_DOWN};

	(void)reason;
	ev.peer.peer = id;
	uv_node_step(ctx, &ev);
}

static void on_message(void *ctx, uint32_t id, const struct msg *m)
{
	struct uv_node *un = ctx;
	struct node_event ev = {.kind = NODE_MESSAGE};

	if (un->stopping)
		return;
	ev.peer.peer = id;
	ev.peer.msg = m;
	uv_node_step(un, &ev);
	if (m->type == MSG_STATUS && un->hooks.on_status)
		un->hooks.on_status(un->hooks.ctx, id, m);
}

static void on_peer_log(void *ctx, int level, const char *text, size_t n,
			const struct log_field *fields)
{
	(void)ctx;
	log_event((enum log_level)level, "net", text, n, fields);
}

static struct now peers_now(void *ctx)
{
	(void)ctx;
	return clock_now();
}

static void peers_random(void *ctx, void *p, size_t n)
{
	(void)ctx;
	entropy_fill(p, n);
}

static enum err open_peers(struct uv_node *un, struct why *why)
{
	struct peers_config pc = {
	    .loop = un->cfg.loop,
	    .listen = un->cfg.peer_listen,
	    .connect = un->cfg.peer_connect,
	    .n_connect = un->cfg.n_peer_connect,
	    .peers_max = un->cfg.peers_max,
	    .network_id = un->cfg.network_id,
	    .genesis = un->genesis_hash,
	    .identity = un->cfg.identity,
	};
	struct peers_host host = {
	    .ctx = un,
	    .peer_up = on_peer_up,
	    .peer_down = on_peer_down,
	    .message = on_message,
	    .log = on_peer_log,
	    .now = peers_now,
	    .random = peers_random,
	};

	if (un->cfg.standalone)
		return ERR_NONE;
	return peers_open(&un->peers, &pc, &host, why);
}

/* ---- disk ---- */

static void on_stage(void *ctx, enum uv_disk_stage stage)
{
	struct node_event ev = {.kind = NODE_DISK, .disk_ok = stage < UV_DISK_NO_VOTES};
	struct node_event history = {.kind = NODE_DISK_HISTORY,
				     .disk_ok = stage < UV_DISK_NO_HISTORY};

	uv_node_step(ctx, &history);
	uv_node_step(ctx, &ev);
}

static void on_damage(void *ctx, const char *what)
{
	struct node_event ev = {.kind = NODE_DAMAGE, .damage = what};

	uv_node_step(ctx, &ev);
}

static void on_disk_idle(void *ctx)
{
	uv_node_wind_up(ctx);
}

static void on_disk_closed(void *ctx)
{
	one_closed(ctx);
}

static void on_look(uv_timer_t *t)
{
	struct uv_node *un = t->data;

	if (un->trim && un->disk_checks++ % TRIM_EVERY == 0) {
		malloc_trim(0);
		un->trim = false;
	}
	uv_disk_look(un->disk);
}

/* ---- life ---- */

static void drop_genesis(struct uv_node *un)
{
	ledger_unref(un->genesis[0]);
	ledger_unref(un->genesis[1]);
	un->genesis[0] = un->genesis[1] = NULL;
}

static enum err build_genesis(struct uv_node *un, struct why *why)
{
	enum err e = genesis_build(un->cfg.genesis, &un->genesis[0], &un->genesis[1], why);

	if (e == ERR_NONE)
		un->genesis_hash = un->genesis[0]->hash;
	return e;
}

/* Next time the genesis need not be built. If this cannot be written it will be once more. */
static void remember_genesis(struct uv_node *un)
{
	struct why why = {""};

	if (uv_genesis_remember(un->cfg.genesis, un->cfg.data_dir, &un->genesis_hash, &why) !=
	    ERR_NONE)
		log_line(LOG_WARN, "node", "%s", why.text);
}

/* What the operator is to do. */
static enum err advise(enum err e, struct why *why, const char *folder)
{
	size_t n = strlen(why->text);

	if (e == ERR_IO)
		snprintf(why->text + n, sizeof(why->text) - n,
			 "; check the disk, then run `tally verify %s` before starting again",
			 folder);
	if (e == ERR_CORRUPT)
		snprintf(why->text + n, sizeof(why->text) - n,
			 "; check the disk, then start with --recover: the data is set aside and "
			 "fetched from the network again");
	return e;
}

static enum err open_store(struct uv_node *un, const struct store_options *so, struct ledger **tip,
			   struct why *why)
{
	enum err e = store_open(&un->store, so, why);

	if (e == ERR_BUSY)
		why_add(why, e, "another node runs on this data folder");
	return e == ERR_NONE ? store_load_tip(un->store, tip, why) : e;
}

/* Away with the damaged data, on with an empty store: the network has the ledgers. The vote journal
 * stays, so that nothing is voted against that was voted for before. */
static enum err recover(struct uv_node *un, const struct store_options *so, struct ledger **tip,
			struct why *why)
{
	struct buf where = BUF_INIT;
	enum err e;

	log_line(LOG_ERROR, "node", "%s", why->text);
	store_close(un->store);
	un->store = NULL;
	e = store_set_aside(un->cfg.data_dir, &where, why);
	if (e == ERR_NONE) {
		log_line(LOG_WARN, "node", "recovering: the damaged data is now %.*s", (int)where.n,
			 where.p);
		e = open_store(un, so, tip, why);
	}
	buf_close(&where);
	return e;
}

static enum err open_disk(struct uv_node *un, struct ledger **tip, struct why *why)
{
	struct store_options so = {
	    .folder = un->cfg.data_dir,
	    .network_id = un->cfg.network_id,
	    .genesis = un->genesis_hash,
	    .history = un->cfg.history,
	    .map_bytes_min = 64u << 20,
	};
	enum err e = open_store(un, &so, tip, why);

	if (e == ERR_CORRUPT && un->cfg.recover)
		e = recover(un, &so, tip, why);
	advise(e, why, un->cfg.data_dir);
	if (e == ERR_NONE && un->cfg.validator)
		e = journal_open(&un->journal, un->cfg.data_dir, why);
	return e;
}

/* A ledger from the disk makes the genesis needless, which may be large. */
static void open_machine(struct uv_node *un, const struct ledger *tip)
{
	struct node_config nc = {
	    .network_id = un->cfg.network_id,
	    .standalone = un->cfg.standalone,
	    .unl = un->cfg.unl,
	    .unl_n = un->cfg.unl_n,
	    .validator = un->cfg.validator,
	    .manifest = un->cfg.manifest,
	    .manifests = un->cfg.manifests,
	    .n_manifests = un->cfg.n_manifests,
	    .unl_blocked = un->cfg.unl_blocked,
	    .unsafe_overlap = un->cfg.unsafe_overlap,
	    .txq = un->cfg.txq,
	    .genesis = {un->genesis[0], un->genesis[1]},
	    .version = TALLY_SERVER_VERSION,
	    .wishes = un->cfg.wishes,
	    .majority_s = un->cfg.genesis->majority_s,
	};

	if (tip)
		nc.genesis[0] = nc.genesis[1] = NULL;
	entropy_fill(&nc.seed, sizeof(nc.seed));
	entropy_fill(&nc.cookie, sizeof(nc.cookie));
	nc.cookie |= 1; /* never 0 */
	un->machine = node_open(&nc);
	drop_genesis(un);
	node_set_history(un->machine, store_history(un->store));
}

static void open_timers(struct uv_node *un)
{
	struct uv_disk_host host = {.ctx = un,
				    .stage = on_stage,
				    .damaged = on_damage,
				    .idle = on_disk_idle,
				    .closed = on_disk_closed};

	uv_mutex_init(&un->store_lock);
	uv_timer_init(un->cfg.loop, &un->timer);
	uv_timer_init(un->cfg.loop, &un->look);
	un->timer.data = un->look.data = un;
	un->disk = uv_disk_open(un->cfg.loop, un->cfg.data_dir, un->store, &un->cfg.disk, &host);
	un->open_handles = 3;
	uv_timer_start(&un->look, on_look, 0, DISK_CHECK_MS);
}

static void start_machine(struct uv_node *un, struct ledger *tip)
{
	struct node_event ev = {.kind = NODE_START};
	struct journal_record r;

	ev.start.tip = tip;
	ev.start.join = un->join.root ? &un->join : NULL;
	if (un->journal && journal_read(un->journal, &r, NULL) == ERR_NONE)
		ev.start.journal = &r;
	uv_node_step(un, &ev);
	uv_join_drop(&un->join);
}

static void release(struct uv_node *un)
{
	node_close(un->machine);
	uv_disk_free(un->disk);
	store_close(un->store);
	if (un->journal)
		journal_close(un->journal);
	drop_genesis(un);
	uv_join_drop(&un->join);
	mem_free(un->deferred);
	mem_free(un);
}

enum err uv_node_open(struct uv_node **out, const struct uv_node_config *c,
		      const struct uv_node_hooks *hooks, struct why *why)
{
	struct uv_node *un = mem_zalloc(1, sizeof(*un));
	struct ledger *tip = NULL;
	enum err e = ERR_NONE;
	bool known;

	un->cfg = *c;
	un->hooks = *hooks;
	known = uv_genesis_recall(&un->genesis_hash, c->genesis, c->data_dir);
	if (!known)
		e = build_genesis(un, why);
	if (e == ERR_NONE)
		e = open_disk(un, &tip, why);
	if (e == ERR_NONE && known && !tip)
		e = build_genesis(un, why);
	if (e == ERR_NONE) {
		if (!known)
			remember_genesis(un);
		uv_join_read(&un->join, tip ? &tip->state : &un->genesis[1]->state, c->data_dir,
			     &un->genesis_hash);
		open_machine(un, tip);
		e = open_peers(un, why);
	}
	if (e != ERR_NONE) {
		ledger_unref(tip);
		release(un);
		return e;
	}
	open_timers(un);
	*out = un;
	start_machine(un, tip);
	ledger_unref(tip);
	return ERR_NONE;
}

void uv_node_stop(struct uv_node *un)
{
	struct node_event ev = {.kind = NODE_STOP};

	un->stopping = true;
	uv_disk_stop(un->disk);
	uv_node_step(un, &ev);
}

void uv_node_close(struct uv_node *un)
{
	if (!un)
		return;
	uv_mutex_destroy(&un->store_lock);
	release(un);
}

struct node *uv_node_machine(struct uv_node *un)
{
	return un->machine;
}

const struct history *uv_node_history(struct uv_node *un)
{
	return store_history(un->store);
}

struct peers *uv_node_peers(struct uv_node *un)
{
	return un->peers;
}

void uv_node_disk(struct uv_node *un, struct uv_disk_status *out)
{
	uv_disk_get(un->disk, out);
}

void uv_node_check(struct uv_node *un, bool begin)
{
	uv_disk_check(un->disk, begin);
}

void uv_node_deletable(struct uv_node *un, uint32_t seq)
{
	store_set_deletable(un->store, seq);
}

void uv_node_submit(struct uv_node *un, struct tx *tx, bool fail_hard, uint64_t token)
{
	struct node_event ev = {.kind = NODE_SUBMIT};

	ev.submit.tx = tx;
	ev.submit.fail_hard = fail_hard;
	ev.submit.token = token;
	uv_node_step(un, &ev);
}

void uv_node_unl(struct uv_node *un, const struct node_event *ev)
{
	must(ev->kind == NODE_UNL);
	uv_node_step(un, ev);
}

void uv_node_wish(struct uv_node *un, const struct node_wishes *w)
{
	struct node_event ev = {.kind = NODE_WISHES, .wishes = *w};

	uv_node_step(un, &ev);
}

void uv_node_accept(struct uv_node *un, uint64_t token)
{
	struct node_event ev = {.kind = NODE_ACCEPT, .accept_token = token};

	uv_node_step(un, &ev);
}
