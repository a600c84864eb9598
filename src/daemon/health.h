/* SPDX-License-Identifier: ISC */
#ifndef TALLY_DAEMON_HEALTH_H
#define TALLY_DAEMON_HEALTH_H

#include "node/node.h"
#include "node/uv_disk.h"

/* Whether clients should be sent to this node, and if not, why. The rows of health.def; facts in,
 * judgement out, no clock.
 *
 * The reference's peer port answers /health with what is amiss in an "info" object, 503 for a
 * warning and 500 for worse (OverlayImpl.cpp, processHealth). Here it is 200 or 503, "info" is
 * there always, and few peers alone are no reason: a private network has few. */

#define HEALTH_AGE_MS  20000
#define HEALTH_LAG_MS  1000
#define HEALTH_LIST_S  (3 * 86400)
#define HEALTH_CLOCK_S 5

enum health_row {
#define H(constant, name, critical) HEALTH_##constant,
#include "daemon/health.def"
#undef H
	HEALTH_ROWS
};

struct health_facts {
	const struct node_status *node;
	enum uv_disk_stage stage;
	int64_t ledger_age_ms; /* since it was validated here; -1: none was */
	uint32_t lag_ms;       /* of the event loop */
	uint32_t in_flight;
	bool busy; /* requests were refused of late, for want of capacity */
	bool list_known;
	int64_t list_left_s; /* until the first list in force ends */
};

struct health {
	bool healthy;
	bool is[HEALTH_ROWS];
};
void health_judge(struct health *out, const struct health_facts *f);
const char *health_name(enum health_row r);
bool health_is_critical(enum health_row r);
/* Appends the JSON; numbers only if `detail`. */
void health_write(struct buf *out, const struct health *h, const struct health_facts *f,
		  bool detail);

#endif
