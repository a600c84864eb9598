/* SPDX-License-Identifier: ISC */
#include "daemon/observe.h"

#include "base/mem.h"

struct observe {
	struct observe_options o;
};

struct observe *observe_open(const struct observe_options *o)
{
	struct observe *ob = mem_zalloc(1, sizeof(*ob));

	ob->o = *o;
	return ob;
}

void observe_stop(struct observe *ob)
{
	(void)ob;
}

void observe_free(struct observe *ob)
{
	mem_free(ob);
}

void observe_get(struct observe *ob, const struct front_request *req)
{
	static const char hint[] = "POST JSON-RPC here, or open a WebSocket\n";

	front_reply(ob->o.front, req->id, 404, "text/plain", bytes_str(hint));
}
