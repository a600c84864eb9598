/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_CERTS_H
#define TALLY_DAEMON_CERTS_H

#include "daemon/config.h"
#include "rpc/tls.h"
#include "rpc/uv_http.h"

#include <uv.h>

/* The certificate of [tls], from its files: read at the start, and again on SIGHUP and within two
 * seconds of a change to one of them. What cannot be used is logged, and the old one stays. New
 * connections get the new one; those that are there keep theirs. */

/* Reads both files and checks that they belong together; the reason names the file. */
enum err certs_read(struct tls_keys **out, const struct config *c, struct why *why) MUST_USE;

struct certs;
/* front has listeners with keys that certs_read gave just now. */
struct certs *certs_watch(uv_loop_t *loop, const struct config *c, struct front_server *front);
void certs_reload(struct certs *w); /* NULL is fine, also below */
void certs_stop(struct certs *w);
void certs_free(struct certs *w); /* when the loop has run out */

#endif
