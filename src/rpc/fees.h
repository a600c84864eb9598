/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_FEES_H
#define TALLY_RPC_FEES_H

#include "rpc/call.h"

/* What a transaction costs, as fee, server_info, server_state and the server stream tell it. */

/* load_base, load_factor and its parts, in 256ths: server_state, the server stream. */
void fees_write_machine(struct jw *w, const struct node *n);
/* The same as multiples of the base fee, what is not 1 alone: server_info. */
void fees_write_human(struct jw *w, const struct node *n, bool admin);
/* load_base and load_factor as subscribe answers them: of the server alone. */
void fees_write_brief(struct jw *w, const struct node *n);
/* Whether the cost differs from `told` by so much that subscribers are to know. */
bool fees_have_changed(const struct node_fees *told, const struct node_fees *now);

#endif
