/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_ENVELOPE_H
#define TALLY_RPC_ENVELOPE_H

#include "rpc/call.h"

/* What stands around the members that a method has written: how a call ends. All free the call.
 * (rippled: ServerHandler.cpp)
 *
 *              success                          fault
 *   WebSocket  {"result":{...},"status",echoes} {members,"error",...,"request",echoes}
 *   HTTP       {"result":{...,"status"},echoes} {"result":{members,"error",...},echoes}
 *   ripplerpc 2.0: as HTTP                      {"error":{members,"error","code",...},echoes}
 *             3.0: as HTTP                      with the error's own HTTP status
 *
 * Echoes are id, jsonrpc, ripplerpc and, on WebSocket, api_version. "warning": "load" stands beside
 * the result on WebSocket, in it over HTTP. An item of a batch has the envelope of HTTP; its reply
 * is added to that of the batch (batch.h). */

void rpc_finish(struct rpc_call *c);
/* A reply in pieces (pages.c): its charge so far, before the first; then what ends it, written. */
void rpc_begin_pieces(struct rpc_call *c);
void rpc_write_end(struct rpc_call *c);
void rpc_reply_in_pieces(struct rpc_call *c);
/* Covers the secrets in a request that is shown. */
void rpc_mask_secrets(json_t *shown);

/* What cannot be taken for a call: plain text over HTTP, in a batch an item with an error. */
void rpc_refuse_http(struct rpc_call *c, int status, const char *text);
/* A WebSocket message that names no command, or another version: no number, as the reference. */
void rpc_refuse_websocket(struct rpc_call *c, const char *token);
/* A text that is no JSON object. */
void rpc_refuse_text(struct rpc_call *c, struct bytes body, struct why *why);

#endif
