#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""apply_seeds.py: writes tests/fuzz/corpus/apply, the inputs of fz_apply (its apply_make.c says
what the bytes mean): sequences of transactions that get far, in each world and both modes."""
import os

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "corpus/apply")
(ALICE, BOB, CAROL, DAVE, ERIN, FRANK, GRACE, HEIDI, IVAN, JUDY, KARL, MALLORY) = range(12)
NEW = 13
(PAY, SET, REGKEY, SIGNERS, PREAUTH, TICKETS, DELETE, FEE, AMEND, UNL, RAW) = range(11)
OPEN, FLAG, DRY, ONE_LEDGER = 1, 2, 4, 8
NEXT, AHEAD, PAST, TICKET, TO_COME, BOTH = 0, 1, 2, 3, 5, 6
BEST, MASTER, REGULAR, MULTI, SOME, STRANGER, NONE, MULTI_REGULAR = range(8)


def tx(kind, who, *args, seq=NEXT, keys=BEST, fee=0, extras=0):
    return bytes([kind, who, seq, keys, fee, extras, *args])


def ticket(back):
    """The ticket that is so many below the next sequence, counted from 0."""
    return TICKET | back << 3


def members(n, quorum, *each):
    return [n, quorum - 1, *each] + [0] * (n - len(each))


SEEDS = {
    "pay": [tx(PAY, a, b, how) for a, b, how in
            ((ALICE, BOB, 1), (BOB, CAROL, 1), (ALICE, CAROL, 1), (ALICE, NEW, 3), (NEW, ALICE, 0),
             (FRANK, ALICE, 20), (ALICE, HEIDI, 1), (ALICE, HEIDI, 9), (ALICE, MALLORY, 0),
             (MALLORY, ALICE, 0), (GRACE, ALICE, 0), (DAVE, IVAN, 1))],
    "account": [tx(SET, a, *args) for a, *args in
                ((ALICE, 1, 4), (ALICE, 1, 5), (IVAN, 2, 5), (ALICE, 3, 9, 9), (BOB, 2, 4),
                 (ALICE, 4, 3, 65, 66, 67), (ERIN, 1, 2), (HEIDI, 1, 16), (JUDY, 1, 2),
                 (JUDY, 129, 10, 3), (JUDY, 8, 0, 0, 1, 0), (JUDY, 16, 5))],
    "keys": [tx(REGKEY, IVAN, 3), tx(REGKEY, IVAN, 128), tx(REGKEY, BOB, 128), tx(REGKEY, IVAN, 8),
             tx(REGKEY, DAVE, 1), tx(SIGNERS, DAVE, 0), tx(SET, DAVE, 2, 4), tx(REGKEY, GRACE, 1),
             tx(REGKEY, HEIDI, 5, fee=2), tx(REGKEY, HEIDI, 6, fee=2), tx(PAY, ALICE, HEIDI, 9),
             tx(REGKEY, HEIDI, 7, fee=2)],
    "lists": [tx(SIGNERS, ALICE, *members(2, 2)), tx(PAY, ALICE, BOB, 1, keys=MULTI, fee=2),
              tx(SIGNERS, CAROL, *members(32, 9)), tx(SIGNERS, CAROL, *members(33, 1)),
              tx(SIGNERS, DAVE, *members(3, 2)), tx(SIGNERS, DAVE, 0), tx(SIGNERS, CAROL, 0),
              tx(SIGNERS, CAROL, 0), tx(SIGNERS, ALICE, *members(2, 1, 192, 65)),
              tx(SIGNERS, ALICE, *members(3, 1, 129, 129)), tx(SIGNERS, FRANK, *members(1, 1)),
              tx(SIGNERS, ALICE, *members(8, 8, 32, 67))],
    "last-key": [tx(REGKEY, BOB, 128), tx(SIGNERS, BOB, *members(1, 1)), tx(REGKEY, BOB, 128),
                 tx(SIGNERS, BOB, 0), tx(SIGNERS, BOB, 0, keys=MULTI), tx(SIGNERS, DAVE, 0),
                 tx(SET, BOB, 2, 4, keys=MULTI), tx(SIGNERS, BOB, 0, keys=MULTI)],
    "friends": [tx(PREAUTH, CAROL, 0, 5), tx(PAY, FRANK, CAROL, 0), tx(PREAUTH, CAROL, 1, 5),
                tx(PREAUTH, CAROL, 1, 5), tx(PREAUTH, CAROL, 0, 0), tx(PREAUTH, CAROL, 0, 2),
                tx(PREAUTH, CAROL, 0, 15), tx(PREAUTH, CAROL, 2, 5), tx(PREAUTH, CAROL, 4, 5),
                tx(PREAUTH, FRANK, 0, 0), tx(PREAUTH, ERIN, 1, 1), tx(PREAUTH, ERIN, 1, 3)],
    "tickets": [tx(TICKETS, ALICE, 5), tx(PAY, ALICE, BOB, 1, seq=ticket(2)),
                tx(PAY, ALICE, BOB, 1, seq=ticket(2)), tx(SET, ALICE, 0, seq=ticket(4)),
                tx(TICKETS, ALICE, 3, seq=ticket(0)), tx(PAY, ALICE, BOB, 1, seq=TO_COME),
                tx(PAY, ALICE, BOB, 1, seq=BOTH), tx(PAY, ALICE, NEW, 0, seq=ticket(1)),
                tx(TICKETS, ALICE, 240), tx(TICKETS, ALICE, 252), tx(TICKETS, FRANK, 2),
                tx(PAY, FRANK, ALICE, 0, seq=ticket(0))],
    "many": [tx(TICKETS, KARL, 0), tx(TICKETS, KARL, 10), tx(TICKETS, ALICE, 250),
             tx(TICKETS, ALICE, 251), tx(TICKETS, ALICE, 0)]
            + [tx(PAY, ALICE, BOB, 1, seq=ticket(i)) for i in range(3)]
            + [tx(TICKETS, ERIN, 255), tx(TICKETS, ERIN, 246)],
    "pages": [tx(SET, ERIN, 0, seq=ticket(i)) for i in range(11)] + [tx(TICKETS, ERIN, 11)],
    "pages-2": [tx(SET, DAVE, 0, seq=ticket(i), keys=MULTI) for i in range(9)]
               + [tx(PREAUTH, DAVE, 0, 2), tx(SIGNERS, DAVE, 0), tx(TICKETS, DAVE, 8)],
    "delete": [tx(DELETE, IVAN, BOB, 0), tx(PAY, IVAN, BOB, 0), tx(DELETE, HEIDI, BOB, 0),
               tx(DELETE, JUDY, BOB, 0), tx(DELETE, ALICE, HEIDI, 0), tx(DELETE, ALICE, HEIDI, 1),
               tx(PAY, ERIN, ALICE, 4), tx(DELETE, ERIN, CAROL, 0), tx(DELETE, ERIN, NEW, 0),
               tx(DELETE, ERIN, ERIN, 0), tx(DELETE, ERIN, BOB, 0), tx(DELETE, BOB, ALICE, 0)],
    "again": [tx(DELETE, IVAN, ALICE, 0), tx(PAY, ALICE, IVAN, 4), tx(SET, IVAN, 0),
              tx(TICKETS, IVAN, 3), tx(DELETE, IVAN, ALICE, 0), tx(SIGNERS, IVAN, 0),
              tx(DELETE, CAROL, BOB, 0), tx(DELETE, DAVE, BOB, 0, keys=MULTI),
              tx(PAY, BOB, DAVE, 4), tx(PAY, BOB, CAROL, 4), tx(PREAUTH, CAROL, 0, 3)],
    "delete-by-ticket": [tx(DELETE, ALICE, BOB, 0, seq=ticket(1)),
                         tx(DELETE, ERIN, BOB, 0, seq=ticket(7)),
                         tx(DELETE, FRANK, BOB, 2, seq=ticket(0)),
                         tx(DELETE, FRANK, BOB, 0, seq=ticket(0)), tx(DELETE, KARL, BOB, 0)],
    "signing": [tx(PAY, CAROL, BOB, 0, keys=MULTI), tx(PAY, CAROL, BOB, 0, keys=SOME | 8),
                tx(PAY, CAROL, BOB, 0, keys=SOME | 56), tx(PAY, CAROL, BOB, 0, keys=MULTI_REGULAR),
                tx(PAY, ALICE, BOB, 1, keys=REGULAR), tx(PAY, ALICE, BOB, 1, keys=STRANGER),
                tx(PAY, ALICE, BOB, 1, keys=NONE), tx(PAY, BOB, ALICE, 1, keys=MASTER),
                tx(PAY, ALICE, BOB, 1, keys=MULTI), tx(PAY, DAVE, BOB, 1, keys=MASTER),
                tx(PAY, GRACE, BOB, 1, keys=REGULAR), tx(PAY, DAVE, BOB, 1, keys=SOME | 8)],
    "order": [tx(PAY, ALICE, BOB, 1, seq=AHEAD), tx(PAY, ALICE, BOB, 1, seq=PAST),
              tx(PAY, ALICE, BOB, 1, 0, extras=8), tx(PAY, ALICE, BOB, 1, 1, extras=8),
              tx(PAY, IVAN, BOB, 0, extras=4), tx(SET, IVAN, 2, 5, extras=4),
              tx(PAY, ALICE, BOB, 1, 3, 1, 2, 3, extras=16), tx(PAY, ALICE, BOB, 1, 17, extras=32),
              tx(PAY, ALICE, BOB, 1, fee=1), tx(PAY, ALICE, BOB, 1, fee=2),
              tx(PAY, FRANK, BOB, 1, fee=5), tx(PAY, MALLORY, BOB, 1)],
    "later": [tx(PAY, ALICE, FRANK, 16, extras=1), tx(PAY, ALICE, NEW, 0, extras=1),
              tx(PAY, ALICE, NEW, 0, extras=2), tx(TICKETS, FRANK, 9, extras=1),
              tx(SET, ALICE, 1, 2, extras=1), tx(DELETE, HEIDI, BOB, 0, extras=1),
              tx(TICKETS, FRANK, 9, seq=ticket(0)), tx(PREAUTH, FRANK, 0, 1, fee=4)],
    "changes": [tx(FEE, 0, 16), tx(FEE, 0, 17), tx(FEE, 0, 18), tx(FEE, 0, 20), tx(FEE, 0, 24),
                tx(AMEND, 0, 2, 1), tx(AMEND, 0, 2, 1), tx(AMEND, 0, 2, 2), tx(AMEND, 0, 2, 0),
                tx(AMEND, 0, 2, 0), tx(AMEND, 0, 3, 3), tx(AMEND, 0, 4, 6)],
    "validators": [tx(UNL, 0, how, key) for how, key in
                   ((0, 3), (1, 3), (1, 3), (1, 4), (0, 3), (0, 4), (9, 4), (17, 4), (33, 4))],
    "damage": [tx(PAY, ALICE, BOB, 1, 2, 0, 9, 255, 0, 40, 1, 0, 70, 128, extras=64),
               tx(SET, ALICE, 1, 8, 0, 0, 12, 3, extras=64),
               tx(TICKETS, ALICE, 4, 1, 0, 21, 2, 0, 30, 2, extras=64),
               tx(PAY, ALICE, BOB, 1, 1, 0, 0, 0, 5, extras=128),
               tx(PAY, ALICE, BOB, 1, 0, 3, extras=128),
               tx(PAY, ALICE, BOB, 1, 3, 0, 0, 82, 89, extras=128)],
}


def main():
    os.makedirs(OUT, exist_ok=True)
    for name in os.listdir(OUT):
        if not name.startswith("found-"):  # those that fuzzing has added
            os.remove(os.path.join(OUT, name))
    for i, (name, steps) in enumerate(SEEDS.items()):
        # Each in two worlds, pseudo-transactions in flag ledgers; some dry, open, or as one ledger.
        mode = FLAG if name in ("changes", "validators") else 0
        write(name, 8 * (i % 2), mode, steps)
        write(name + "-bare", 1 + 2 * (i % 4), mode, steps)
        if i % 3 == 0:
            write(name + "-dry", 2 + i % 8, mode | DRY, steps)
        if i % 3 == 1:
            write(name + "-open", 4, mode | OPEN, steps)
        if i % 3 == 2:
            write(name + "-set", 4 * (i % 4), mode | ONE_LEDGER, steps)


def write(name, world, mode, steps):
    with open(os.path.join(OUT, name), "wb") as out:
        out.write(bytes([world, mode]) + b"".join(steps))


if __name__ == "__main__":
    main()
