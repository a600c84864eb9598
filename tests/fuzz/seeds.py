#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""seeds.py: writes tests/fuzz/corpus/calls, the inputs of fz_calls: one for each method without
parameters and one for each parameter of each method, with a value of the form that params.def says
and what else the method cannot do without."""
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../checks"))
from apisource import rows  # noqa: E402

ROOT = os.path.join(HERE, "../..")
OUT = os.path.join(HERE, "corpus/calls")
ADMIN = 2
# What value() makes of the first byte.
ACCOUNT, HASH, WORD, NUMBER, FLAG, LIST, OBJECT = 0, 2, 3, 4, 5, 7, 8
FORMS = [  # of a form, what it begins with: bytes of a value of it
    ("address", [ACCOUNT, 2]), ("hash", [HASH, 0]), ("number", [NUMBER, 3]), ("flag", [FLAG, 1]),
    ("list of addresses", [LIST, 1, ACCOUNT, 2]), ("list of hashes", [LIST, 1, HASH, 1]),
    ("list of names", [LIST, 1, WORD, 14]), ("list", [LIST, 1, OBJECT, 1]), ("asset", [OBJECT, 1]),
    ("transaction", [OBJECT, 2, 1]), ("{account}", [OBJECT, 3, 0, ACCOUNT, 2]),
    ("gateway", [WORD, 7]), ("drops", [WORD, 18]), ("secp256k1", [WORD, 11]),
    ("text", [WORD, 13]), ("base58", [WORD, 17]), ("hex", [WORD, 6]),
    ("compact", [WORD, 20]), ("URL", [WORD, 28]),
]


def value(form):
    for begin, made in sorted(FORMS, key=lambda f: -len(f[0])):
        if form.startswith(begin):
            return made
    return [WORD, 0]


def main():
    table = in_order()
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    for method in rows(os.path.join(ROOT, "src/rpc/methods.def"), "M"):
        own = [r for r in table if r[0] == method[0]]
        needed = {i: put(i, r) for i, r in enumerate(own) if len(r) > 2 and r[3] == "YES"}
        write(method[0], method[0], [])
        for i, row in enumerate(own):
            others = sum((data for k, data in needed.items() if k != i), [])
            for name, data in seeds_of(i, row, len(own), table):
                write("%s.%s" % (method[0], name), method[0], others + data)


def in_order():
    """P and U rows in the order in which they stand: that is how fz_calls counts them."""
    path = os.path.join(ROOT, "src/rpc/params.def")
    text = open(path, encoding="utf-8").read()
    found = [(text.index('%s("%s", "%s"' % (macro, r[0], r[1])), r)
             for macro in "PU" for r in rows(path, macro)]
    return [r for _, r in sorted(found, key=lambda f: f[0])]


def put(i, row):
    return [i] + value(row[2])


def seeds_of(i, row, count, table):
    """The seeds of row i of the `count` that a method has."""
    if len(row) > 2:
        yield row[1], put(i, row)
        return
    # A group: how often the choice goes round says which of its rows is meant.
    group = [r for r in table if r[0] == row[1]]
    for k, member in enumerate(group):
        yield member[1], put(i + k * count, member)


def write(file, method, data):
    with open(os.path.join(OUT, file), "wb") as out:
        out.write(method.encode() + b"\n" + bytes([1] + data + [ADMIN]))


if __name__ == "__main__":
    main()
