#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""results.py [ROOT]: every result that a transaction type can have is reached by a test.

What a type can have is read from the engine: the results named in src/tx/<type>.c, in the functions
of the engine's own that this file calls, and in the stages that all types share. A test names a
result by a row {type, result, ...} in tests/tx/test_results*.c (EVERY_TYPE and EVERY_PSEUDO stand
for many). What cannot be reached stands in tests/tx/unreached.def, with the reason, and nothing
else does."""
import glob
import os
import re
import sys

from common import Report, code_only, read, root_argument

TYPES = "src/tx/types.def"
UNREACHED = "tests/tx/unreached.def"
# Stages of what people send, of what validators make, and of both.
STAGES = {"people": ("preflight.c", "preclaim.c", "authority.c"), "both": ("engine.c",)}
PSEUDO_STAGES = ("preflight_pseudo", "check_network")
PSEUDO_TYPES = {"ttEnableAmendment", "ttSetFee", "ttUNLModify"}
RESULT = re.compile(r"\bte[cflmrs][A-Z][A-Z_0-9]*\b")
COMPARED = re.compile(r"[=!]= *te[cflmrs][A-Z_0-9]+\b")
FUNCTION = re.compile(r"^(?:[\w ]+[ *])?(\w+)\([^;{}]*\)\n\{\n(.*?)^\}", re.S | re.M)
ROW = re.compile(r"\{\s*(tt\w+|EVERY_TYPE|EVERY_PSEUDO),\s*(te\w+),")


def results_in(text):
    return set(RESULT.findall(COMPARED.sub("", text)))


def functions(root, path):
    return dict(FUNCTION.findall(code_only(read(root, path))))


class Engine:
    def __init__(self, root):
        self.root = root
        self.types = dict(re.findall(r"^TYPE\((\w+),\s*(\w+)\)", read(root, TYPES), re.M))
        own = {"%s.c" % name for name in self.types.values()}
        paths = sorted(os.path.basename(p) for p in glob.glob(os.path.join(root, "src/tx/*.c")))
        shared = set(sum(STAGES.values(), ()))
        self.bodies = {p: functions(root, "src/tx/" + p) for p in paths}
        # Functions that one file offers to others.
        self.offered = {}
        for path in paths:
            if path in shared:
                continue
            for name, body in self.bodies[path].items():
                if not re.search(r"\bstatic\b[^;{}]*\b%s\(" % name,
                                 code_only(read(root, "src/tx/" + path))):
                    self.offered[name] = (path, body)
        self.own = own

    def with_called(self, path, text, seen):
        """The results of a text and of what it calls in other files, and in those files."""
        found = results_in(text)
        for name in set(re.findall(r"\b([a-z]\w+)\(", text)) - seen:
            where = self.offered.get(name)
            inner = self.bodies.get(path, {}).get(name) if path not in self.own else None
            if where and where[0] != path:
                found |= self.with_called(where[0], where[1], seen | {name})
            elif inner is not None:
                found |= self.with_called(path, inner, seen | {name})
        return found

    def of(self, tt, name):
        path = "%s.c" % name
        text = code_only(read(self.root, "src/tx/" + path)) if path in self.bodies else ""
        found = self.with_called(path, text, set())
        for kind, files in STAGES.items():
            if kind == "both" or (kind == "people" and tt not in PSEUDO_TYPES):
                for stage in files:
                    for function, body in self.bodies.get(stage, {}).items():
                        if function != "preflight_pseudo" or tt in PSEUDO_TYPES:
                            found |= results_in(body)
        if tt in PSEUDO_TYPES:
            for function in PSEUDO_STAGES:
                found |= results_in(self.bodies.get("preflight.c", {}).get(function, ""))
        return found


def rows(root, engine, report):
    """(type, result) pairs that tests name."""
    found = set()
    for path in sorted(glob.glob(os.path.join(root, "tests/tx/test_results*.c"))):
        text = code_only(open(path, encoding="utf-8").read())
        for tt, result in ROW.findall(text):
            found |= {(t, result) for t in meant(engine, tt)}
    if not found:
        report.add("tests/tx", 1, "no rows of results")
    return found


def meant(engine, tt):
    if tt == "EVERY_TYPE":
        return [t for t in engine.types if t not in PSEUDO_TYPES]
    if tt == "EVERY_PSEUDO":
        return [t for t in engine.types if t in PSEUDO_TYPES]
    return [tt]


def unreached(root, engine):
    """{(type, result): line} of the table."""
    found = {}
    text = read(root, UNREACHED) if os.path.exists(os.path.join(root, UNREACHED)) else ""
    for match in re.finditer(r'^N\((\w+),\s*(\w+),\s*"', text, re.M):
        line = text.count("\n", 0, match.start()) + 1
        for tt in meant(engine, match.group(1)):
            found[(tt, match.group(2))] = (line, match.group(1).startswith("EVERY"))
    return found


def main():
    root = root_argument()
    report = Report("results")
    if not os.path.exists(os.path.join(root, "tests/tx")):
        return report.finish()
    engine = Engine(root)
    named = rows(root, engine, report)
    never = unreached(root, engine)
    for tt, name in sorted(engine.types.items()):
        can = engine.of(tt, name)
        for result in sorted(can):
            if (tt, result) not in named and (tt, result) not in never:
                report.add("src/tx/%s.c" % name, 1, "no test reaches %s of %s" % (result, tt))
        for (t, result), (line, many) in sorted(never.items()):
            if t != tt:
                continue
            if (t, result) in named and not many:
                report.add(UNREACHED, line, "a test reaches %s of %s" % (result, t))
            elif result not in can and not many:
                report.add(UNREACHED, line, "%s cannot have %s" % (t, result))
    return report.finish()


sys.exit(main())
