/* SPDX-License-Identifier: ISC */
#include "daemon/daemon_impl.h"

#include "daemon/events.h"
#include "daemon/listen.h"

#include "os/clock.h"
#include "os/entropy.h"
#include "os/log.h"
#include "rpc/rpc.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXIT_STORE     74
#define STOP_WITHIN_MS 3000
#define LOG_FLUSH_MS   150
#define STOP_HARD_MS   4800 /* SIGTERM to exit takes 5 s at most */

/* ---- what the node has to say ---- */

static void on_effect(void *ctx, const struct node_effect *e)
{
	struct daemon *d = ctx;

	if (!d->rpc)
		return; /* still starting */
	events_effect(e, uv_node_machine(d->node), clock_now());
	if (d->serve)
		serve_effect(d->serve, e);
	switch (e->kind) {
	case NODE_FX_SUBMITTED:
		rpc_submitted(d->rpc, &e->submitted);
		break;
	case NODE_FX_ACCEPTED:
		rpc_accepted(d->rpc, e->accepted.token, e->accepted.open_seq, e->accepted.err);
		break;
	case NODE_FX_LEDGER:
		rpc_on_ledger(d->rpc, e->ledger);
		break;
	case NODE_FX_TX_PROPOSED:
		rpc_on_proposed(d->rpc, e->proposed.tx, e->proposed.result);
		break;
	case NODE_FX_VALIDATION:
		rpc_on_validation(d->rpc, bytes_of(e->validation.bytes.p, e->validation.bytes.n),
				  &e->validation.master);
		break;
	case NODE_FX_PHASE:
		rpc_on_phase(d->rpc, e->phase);
		break;
	case NODE_FX_STATE:
		rpc_on_state(d->rpc, e->state);
		break;
	case NODE_FX_MANIFEST:
		rpc_on_manifest(d->rpc, buf_bytes(&e->manifest.bytes));
		if (e->manifest.trusted)
			lists_keep_manifests(d->o->lists, uv_node_machine(d->node));
		break;
	case NODE_FX_TIMER:
	case NODE_FX_SEND:
	case NODE_FX_DROP_PEER:
	case NODE_FX_USELESS:
	case NODE_FX_JOB:
	case NODE_FX_STOPPED:
	case NODE_FX_FAILED:
	case NODE_FX_LOG:
		break; /* the shell's own */
	}
}

static enum err open_serve(struct daemon *d, struct why *why)
{
	struct serve_options o = {.loop = &d->loop,
				  .config = d->o->config,
				  .rpc = d->rpc,
				  .node = d->node,
				  .lists = d->o->lists,
				  .version = TALLY_VERSION,
				  .protocol = TALLY_BUILD_VERSION};

	enum err e = serve_open(&d->serve, &o, why);

	beside_bind(d->beside, d->rpc, d->serve);
	return e;
}

/* ---- stopping ---- */

static void close_signal(uv_signal_t *s)
{
	if (!uv_is_closing((uv_handle_t *)s))
		uv_close((uv_handle_t *)s, NULL);
}

static void close_timer(uv_timer_t *t)
{
	if (!uv_is_closing((uv_handle_t *)t))
		uv_close((uv_handle_t *)t, NULL);
}

static void maybe_over(struct daemon *d)
{
	if (!d->front_gone || !d->node_gone || !d->lists_gone || !d->beside_gone)
		return;
	close_signal(&d->term);
	close_signal(&d->intr);
	close_signal(&d->hup);
	/* A second one must not end what is nearly over, before the log is written. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	close_timer(&d->close_every);
	close_timer(&d->hard);
}

static void beside_done(void *ctx)
{
	struct daemon *d = ctx;

	d->beside_gone = true;
	maybe_over(d);
}

/* The rest of what clients meet ends after the front: an answer may still have to be kept. */
static void front_done(void *ctx)
{
	struct daemon *d = ctx;

	d->front_gone = true;
	if (d->beside)
		beside_stop(d->beside, beside_done, d);
	else
		beside_done(d);
}

static void lists_done(void *ctx)
{
	struct daemon *d = ctx;

	d->lists_gone = true;
	maybe_over(d);
}

static void stop_lists(struct daemon *d)
{
	if (d->o->lists)
		lists_stop(d->o->lists, lists_done, d);
	else
		d->lists_gone = true;
}

static void node_done(void *ctx, int exit_code)
{
	struct daemon *d = ctx;

	d->node_gone = true;
	d->exit_code = exit_code;
	if (!d->stopping)
		daemon_begin_stop(d, "the node has stopped");
	maybe_over(d);
}

static void on_hard(uv_timer_t *t)
{
	(void)t;
	log_line(LOG_WARN, "tallyd",
		 "not everything closed in time; leaving now (the last "
		 "committed ledger is whole)");
	log_flush(LOG_FLUSH_MS);
	_Exit(0);
}

void daemon_begin_stop(struct daemon *d, const char *reason)
{
	if (d->stopping)
		return;
	d->stopping = true;
	log_line(LOG_INFO, "tallyd", "stopping: %s", reason);
	uv_timer_start(&d->hard, on_hard, STOP_HARD_MS, 0);
	uv_timer_stop(&d->close_every);
	stop_lists(d);
	if (!d->node_gone)
		uv_node_stop(d->node);
	serve_stop(d->serve, STOP_WITHIN_MS, front_done, d);
}

static void on_signal(uv_signal_t *s, int signum)
{
	daemon_begin_stop(s->data, signum == SIGTERM ? "SIGTERM" : "SIGINT");
}

/* SIGHUP: what may be read anew while the node runs. What fails stays as it was. */
static void on_hup(uv_signal_t *s, int signum)
{
	struct daemon *d = s->data;
	struct why why = {""};

	(void)signum;
	if (d->serve && !d->stopping)
		serve_hup(d->serve);
	if (log_reopen(&why) != ERR_NONE)
		log_line(LOG_ERROR, "tallyd", "SIGHUP: %s", why.text);
	else
		log_line(LOG_INFO, "tallyd", "SIGHUP: the log file is opened anew");
}

static void on_close_every(uv_timer_t *t)
{
	struct daemon *d = t->data;

	uv_node_accept(d->node, 0);
}

static void open_handles(struct daemon *d)
{
	uv_signal_init(&d->loop, &d->term);
	uv_signal_init(&d->loop, &d->intr);
	uv_signal_init(&d->loop, &d->hup);
	uv_timer_init(&d->loop, &d->close_every);
	uv_timer_init(&d->loop, &d->hard);
	d->term.data = d->intr.data = d->hup.data = d->close_every.data = d->hard.data = d;
	uv_signal_start(&d->term, on_signal, SIGTERM);
	uv_signal_start(&d->intr, on_signal, SIGINT);
	uv_signal_start(&d->hup, on_hup, SIGHUP);
	if (d->o->close_every_ms)
		uv_timer_start(&d->close_every, on_close_every, d->o->close_every_ms,
			       d->o->close_every_ms);
}

static void on_status(void *ctx, uint32_t peer, const struct msg *m)
{
	struct daemon *d = ctx;

	if (d->beside)
		beside_on_status(d->beside, peer, m);
}

static enum err open_node(struct daemon *d, struct why *why)
{
	const struct config *c = d->o->config;
	struct uv_node_config nc = {
	    .loop = &d->loop,
	    .data_dir = c->data_dir,
	    .network_id = d->o->genesis->network_id,
	    .standalone = d->o->standalone,
	    .genesis = d->o->genesis,
	    .history = c->history,
	    .disk = c->disk,
	    .txq = c->txq,
	    .recover = d->o->recover,
	    .validator = d->o->validator,
	    .manifest = d->o->manifest,
	    .unsafe_overlap = c->unsafe_overlap,
	    .identity = d->o->identity,
	    .peer_listen = c->peer_listen[0] ? c->peer_listen : NULL,
	    .peer_connect = (const char *const *)c->peer_connect,
	    .n_peer_connect = c->n_peer_connect,
	    .peers_max = c->peers_max,
	};
	struct uv_node_hooks hooks = {
	    .ctx = d, .on_effect = on_effect, .on_status = on_status, .on_stopped = node_done};

	if (d->o->lists) {
		const struct node_event *unl = lists_now(d->o->lists);

		nc.unl = unl->unl.keys;
		nc.unl_n = unl->unl.n;
		nc.unl_blocked = unl->unl.blocked;
		nc.manifests = unl->unl.manifests;
		nc.n_manifests = unl->unl.n_manifests;
	}
	return uv_node_open(&d->node, &nc, &hooks, why);
}

/* Ends a start that failed: closes what is open and runs the loop until it is. */
static int abandon(struct daemon *d)
{
	d->stopping = true;
	stop_lists(d);
	if (d->serve) {
		uv_node_stop(d->node);
		serve_stop(d->serve, 0, front_done, d);
	} else {
		d->node_gone = true;
		front_done(d);
	}
	uv_run(&d->loop, UV_RUN_DEFAULT);
	return 1;
}

static void release(struct daemon *d)
{
	if (d->rpc)
		rpc_close(d->rpc);
	if (d->serve)
		serve_free(d->serve);
	beside_free(d->beside);
	uv_node_close(d->node);
	uv_loop_close(&d->loop);
	mem_free(d);
}

static void on_unl(void *ctx, const struct node_event *ev)
{
	struct daemon *d = ctx;

	if (!d->stopping)
		uv_node_unl(d->node, ev);
}

static void start_lists(struct daemon *d)
{
	struct lists_hooks hooks = {.ctx = d, .changed = on_unl};

	if (d->o->lists)
		lists_start(d->o->lists, &d->loop, &hooks);
}

static void started(const struct daemon *d)
{
	struct events_start s = {.config = d->o->config,
				 .version = TALLY_VERSION,
				 .network_id = d->o->genesis->network_id,
				 .standalone = d->o->standalone,
				 .validator = d->o->validator != NULL,
				 .recover = d->o->recover};

	events_started(&s);
	log_flush(LOG_FLUSH_MS); /* whoever gets an answer finds in the log how it began */
}

int daemon_run(const struct daemon_options *o, struct why *why)
{
	struct daemon *d = mem_zalloc(1, sizeof(*d));
	enum err e;
	int code;

	d->o = o;
	code = uv_loop_init(&d->loop);
	if (code) {
		why_set(why, ERR_IO, "the event loop: %s", uv_strerror(code));
		mem_free(d);
		return 1;
	}
	open_handles(d);
	e = listen_descriptors(o->config, why);
	if (e == ERR_NONE)
		e = open_node(d, why);
	if (e != ERR_NONE) {
		code = abandon(d);
		if (e == ERR_IO || e == ERR_CORRUPT)
			code = EXIT_STORE;
	} else {
		daemon_open_rpc(d);
		if (open_serve(d, why) != ERR_NONE) {
			code = abandon(d);
		} else {
			start_lists(d);
			started(d);
			uv_run(&d->loop, UV_RUN_DEFAULT);
			code = d->exit_code;
			events_stopped(code);
		}
	}
	release(d);
	return code;
}
