/* SPDX-License-Identifier: ISC */
#include "rpc/call.h"

#include <stdarg.h>
#include <stdio.h>

/* Reasons may quote what a client sent, cut anywhere: only ASCII is certain to be text. */
void rpc_plain_text(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x7F)
			*s = '?';
}

/* The first fault stays: what follows from it is not what the client did wrong. */
static bool set(struct rpc_call *c, const char *token, enum rpc_error code, const char *message)
{
	if (c->fault.token)
		return false;
	c->fault.token = token;
	c->fault.code = code;
	snprintf(c->fault.message, sizeof(c->fault.message), "%s", message);
	rpc_plain_text(c->fault.message);
	return false;
}

bool rpc_fail(struct rpc_call *c, enum rpc_error e)
{
	return set(c, rpc_error_token(e), e, rpc_error_message(e));
}

bool rpc_fail_text(struct rpc_call *c, enum rpc_error e, const char *fmt, ...)
{
	char text[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return set(c, rpc_error_token(e), e, text);
}

bool rpc_fail_token(struct rpc_call *c, const char *token)
{
	return set(c, token, RPC_OK, "");
}

bool rpc_fail_malformed(struct rpc_call *c, const char *token, const char *fmt, ...)
{
	char text[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return set(c, token, RPC_INVALID_PARAMS, text);
}

bool rpc_fail_missing(struct rpc_call *c, const char *field)
{
	return rpc_fail_text(c, RPC_INVALID_PARAMS, "Missing field '%s'.", field);
}

bool rpc_fail_invalid(struct rpc_call *c, const char *field)
{
	return rpc_fail_text(c, RPC_INVALID_PARAMS, "Invalid field '%s'.", field);
}

bool rpc_fail_expected(struct rpc_call *c, const char *field, const char *what)
{
	return rpc_fail_text(c, RPC_INVALID_PARAMS, "Invalid field '%s', not %s.", field, what);
}

bool rpc_fail_unavailable(struct rpc_call *c)
{
	return rpc_fail_text(c, RPC_INTERNAL, "The ledger's data could not be read.");
}

bool rpc_fail_behind(struct rpc_call *c, enum rpc_error v1)
{
	return rpc_fail(c, c->version == 1 ? v1 : RPC_NOT_SYNCED);
}
