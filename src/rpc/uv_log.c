/* SPDX-License-Identifier: ISC */

/* What the log says of clients: bounded, since strangers decide how often there is something. */
#include "rpc/uv_front.h"

#include "os/log.h"

#define LINES_PER_SECOND 50

static bool may_say(struct front_server *f, int64_t now)
{
	if (now - f->log_since >= 1000) {
		if (f->log_left)
			log_fields(LOG_WARN, "rpc", "more lines like these",
				   F_NUMBER("lines", f->log_left));
		f->log_since = now;
		f->log_lines = f->log_left = 0;
	}
	if (f->log_lines == LINES_PER_SECOND) {
		f->log_left++;
		return false;
	}
	f->log_lines++;
	return true;
}

void conn_log(struct front_conn *c, enum log_level level, const char *what, const char *reason)
{
	if (log_enabled(level, "rpc") && (level == LOG_DEBUG || may_say(c->f, conn_now(c))))
		log_fields(level, "rpc", what, F_TEXT("address", c->address),
			   F_TEXT("reason", reason));
}
