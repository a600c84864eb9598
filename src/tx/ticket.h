/* SPDX-License-Identifier: ISC */
#ifndef TALLY_TX_TICKET_H
#define TALLY_TX_TICKET_H

#include "tx/ops.h"

/* Tickets: sequence numbers set aside, to be used in any order or never. TicketCreate makes up to
 * TICKETS_MAX of them, numbered from the account's Sequence, which moves past them; each is owned
 * by the account (owner.h) and counted in its TicketCount, which is absent when there are none. A
 * transaction with Sequence 0 and a TicketSequence uses that one up, also when only its fee is
 * claimed. */
#define TICKETS_MAX 250

/* Uses up or throws away a ticket of `owner`, whose AccountRoot `account` is peeked from r->view:
 * the entry, its place in the owner directory, OwnerCount and TicketCount. tefBAD_LEDGER when any
 * of them is not there. */
enum ter ticket_remove(struct tx_run *r, const struct account_id *owner, struct st_object *account,
		       struct keylet ticket);

#endif
