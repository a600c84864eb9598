/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_LISTEN_H
#define TALLY_DAEMON_LISTEN_H

#include "daemon/config.h"
#include "rpc/uv_http.h"

#include <uv.h>

/* The listeners of the configuration: public ones (with TLS where it says so), the administrators'
 * Unix socket and their ports, which want a token, and those for metrics. */
struct listen;

/* What the front shall hold to, with the descriptors that the rest of the process needs. */
void listen_limits(struct front_limits *out, const struct config *c);
/* Opens all and logs one line with their addresses; the admin token is made if it is absent. On
 * failure *out may be set: then listen_stop and listen_free end what is open. */
enum err listen_open(struct listen **out, uv_loop_t *loop, const struct config *c,
		     struct front_server *front, struct why *why) MUST_USE;
/* The files of the certificate anew. NULL is fine, also below. */
void listen_reload(struct listen *l);
void listen_stop(struct listen *l);
void listen_free(struct listen *l); /* when the loop has run out */

/* Listener i of those that are open, for whoever shows them; false after the last. A Unix socket
 * has port 0. */
struct listen_info {
	const char *host; /* or the path of a Unix socket */
	uint16_t port;
	enum front_role role;
	bool tls;
};
bool listen_info(const struct listen *l, uint32_t i, struct listen_info *out);

/* What can be checked of it without opening anything: certificate, key, token. */
enum err listen_check(const struct config *c, struct why *why) MUST_USE;

/* Raises the limit of open files to what the system allows, and refuses to start (ERR_FULL) when
 * the node cannot live with that; logs the budget. */
enum err listen_descriptors(const struct config *c, struct why *why) MUST_USE;

#endif
