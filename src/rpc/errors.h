/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_ERRORS_H
#define TALLY_RPC_ERRORS_H

/* Errors of the API, from errors.def. */
enum rpc_error {
	RPC_OK = 0,
#define E(constant, token, code, http, message) constant = (code),
#include "rpc/errors.def"
#undef E
};
_Static_assert(RPC_ACT_NOT_FOUND == 19 && RPC_TXN_NOT_FOUND == 29, "numbers are the protocol's");

/* The token ("actNotFound"), the usual message, and the HTTP status. RPC_OK has none (must). */
const char *rpc_error_token(enum rpc_error e);
const char *rpc_error_message(enum rpc_error e);
int rpc_error_http(enum rpc_error e);

#endif
