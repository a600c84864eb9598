#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""scenarios.py [ROOT]: the registry of scenarios (tests/sim/scenarios.def) is whole. Every id of
the attack catalogue has a row; every test that a row names exists and is called by something; no
row waits for a transaction type that src/tx/types.def has."""
import os
import re
import sys

import common

REGISTRY = "tests/sim/scenarios.def"
TYPES = "src/tx/types.def"
IDS = (["S%d" % i for i in range(1, 12)] + ["H%d" % i for i in range(1, 10)] +
       ["R%d" % i for i in range(1, 10)] + ["X%d" % i for i in range(1, 7)])
ROW = re.compile(r'^SCENARIO\((\w+), *([^,]+), *"([^"]+)", *(\w+)\)$')


def rows(root):
    """(line, id, where, sentence, pending) of each row; a row that is none has no id."""
    for n, line in enumerate(common.read(root, REGISTRY).splitlines(), 1):
        if line.startswith("SCENARIO("):
            match = ROW.match(line)
            yield (n,) + match.groups() if match else (n, None, None, None, None)


def types(root):
    path = os.path.join(root, TYPES)
    if not os.path.exists(path):
        return set()
    text = common.code_only(common.read(root, TYPES))
    return set(re.findall(r"^TYPE\(tt(\w+)", text, re.M))


def missing(root, where):
    """Why the test that a row names is not one that runs, or None."""
    path, _, name = where.partition(":")
    if not name or not os.path.isfile(os.path.join(root, path)):
        return "%s is no file with a test's name" % where
    text = common.read(root, path)
    if not path.endswith(".c"):
        return None if name in text else "%s has no test '%s'" % (path, name)
    if not re.search(r"^(static )?void %s\(" % re.escape(name), common.code_only(text), re.M):
        return "%s has no function %s" % (path, name)
    called = re.compile(r"\((?:[\w ]+,\s*)?%s\b(?!\()" % re.escape(name))
    folder = os.path.dirname(path)
    if not any(called.search(common.code_only(common.read(root, f)))
               for f in common.files(root, folder) if f.endswith((".c", ".h", ".def"))):
        return "%s:%s is in no list of tests" % (path, name)
    return None


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "..")
    found = []
    if not os.path.exists(os.path.join(root, REGISTRY)):
        print("scenarios: no %s" % REGISTRY)
        return 1
    here, known = set(), types(root)
    for n, ident, where, _, pending in rows(root):
        def say(what, line=n):
            found.append("%s:%d: %s" % (REGISTRY, line, what))
        if ident is None:
            say("not SCENARIO(id, where, \"one sentence\", pending)")
            continue
        here.add(ident)
        if pending != "none":
            if pending in known:
                say("%s waits for %s, which is there" % (ident, pending))
        elif where == "none":
            say("%s names no test and waits for nothing" % ident)
        elif missing(root, where):
            say(missing(root, where))
    found += ["%s: no row for %s" % (REGISTRY, i) for i in IDS if i not in here]
    for line in found:
        print(line)
    print("scenarios: %d findings" % len(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
