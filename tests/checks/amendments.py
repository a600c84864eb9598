#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""amendments.py [--write] [ROOT]: what each amendment does here. --write makes docs/amendments.md
anew.

  - whatever amendment the code asks about has a row in gates.def, and no other has;
  - docs/amendments.md is what the tables make it."""
import os
import re
import sys

from common import Report, code_only, files, read

TABLE = "src/ledger/amendments.def"
GATES = "src/ledger/gates.def"
PAGE = "docs/amendments.md"
ROW = re.compile(r"^A\((\w+),\s*([01]),\s*(\w+),", re.M)
GATE = re.compile(r'^G\((\w+),\s*"(.*)"\)$', re.M)
ASKED = re.compile(r"(?:amendment_on|ledger_enabled)\([^;]*?AMENDMENT_(?!COUNT)(\w+)\)")
VOTES = {"YES": "yes", "NO": "no", "OBSOLETE": "none"}

HEAD = """# Amendments

Written by `tests/checks/amendments.py --write` from `src/ledger/amendments.def` and
`src/ledger/gates.def`; a check fails when it is not what they say.

*Supported* means that all of it is here: a network may have it from its beginning, and validators
may vote for it. A network that enables one which is not makes this build amendment-blocked. *Votes*
is what a validator says that was told nothing else. Those of most old amendments are none: they
have been in force everywhere for so long that what they brought needs no amendment here, in any
ledger.

| amendment | supported | votes | here |
|---|---|---|---|"""


def asked(root):
    """{amendment: path of a file that asks about it}"""
    found = {}
    for path in files(root, "src"):
        if path.endswith(".c"):
            for name in ASKED.findall(code_only(read(root, path))):
                found.setdefault(name, path)
    return found


def here(name, supported, vote, gates):
    if name in gates:
        return gates[name]
    if not supported:
        return "not here"
    if vote != "OBSOLETE":
        return "nothing: it corrects what is not there yet"
    if name.startswith("fix"):
        return "retired: what is there is correct without it"
    return "retired: unconditional"


def page(table, gates):
    rows = ["| %s | %s | %s | %s |" % (name, "yes" if supported == "1" else "no", VOTES[vote],
                                       here(name, supported == "1", vote, gates))
            for name, supported, vote in sorted(table, key=lambda r: r[0].lower())]
    count = sum(1 for r in table if r[1] == "1")
    return "\n".join([HEAD] + rows + ["", "%d amendments, %d of them supported." %
                                      (len(table), count), ""])


def main():
    args = [a for a in sys.argv[1:] if a != "--write"]
    here_is = os.path.dirname(os.path.abspath(__file__))
    root = args[0] if args else os.path.dirname(os.path.dirname(here_is))
    report = Report("amendments")
    if not os.path.exists(os.path.join(root, TABLE)):
        return report.finish()
    table = ROW.findall(read(root, TABLE))
    gates = dict(GATE.findall(read(root, GATES)))
    names = {r[0] for r in table}
    users = asked(root)
    for name in sorted(set(users) - set(gates)):
        report.add(users[name], 1, "%s has no row in %s" % (name, GATES))
    for name in sorted(set(gates) - set(users)):
        report.add(GATES, 1, "nothing asks about %s" % name)
    for name in sorted(set(gates) - names):
        report.add(GATES, 1, "there is no amendment %s" % name)
    text = page(table, gates)
    if "--write" in sys.argv:
        with open(os.path.join(root, PAGE), "w", encoding="utf-8") as out:
            out.write(text)
    if not os.path.exists(os.path.join(root, PAGE)) or read(root, PAGE) != text:
        report.add(PAGE, 1, "is not what the tables say: tests/checks/amendments.py --write")
    return report.finish()


sys.exit(main())
