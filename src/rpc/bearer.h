/* SPDX-License-Identifier: ISC */
#ifndef TALLY_RPC_BEARER_H
#define TALLY_RPC_BEARER_H

#include "base/bytes.h"

/* Whether the value of an Authorization field shows the token: as "Bearer TOKEN", or as the
 * password of "Basic base64(user:TOKEN)", whoever the user (the stock clients can only send that).
 * How long it takes says nothing of the token. */
bool bearer_shows(struct bytes authorization, struct bytes token);

#endif
