#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""metrics.py [--write] [ROOT]: docs/metrics.md describes the families of src/daemon/metrics.def,
and the dashboard and the alerts in configs/ use no others. --write makes the page's table anew."""
import os
import re
import sys

import common

TABLE = "src/daemon/metrics.def"
PAGE = "docs/metrics.md"
USERS = ("configs/grafana/tally.json", "configs/prometheus/alerts.yml",
         "configs/prometheus/alerts_test.yml")
BEGIN, END = "<!-- families -->\n", "<!-- end of families -->\n"
ROW = re.compile(r'^M\((\w+), "([a-z0-9_]+)", (GAUGE|COUNTER|HISTOGRAM), "([a-z, ]*)", "(.*)"\)$')
SUFFIX = {"HISTOGRAM": ("_bucket", "_sum", "_count")}


def families(root, report):
    """(name, type, labels, help) of each row."""
    found = []
    for n, line in enumerate(common.read(root, TABLE).splitlines(), 1):
        if not line.startswith("M("):
            continue
        match = ROW.match(line)
        if not match:
            report.add(TABLE, n, 'not M(CONSTANT, "name", TYPE, "labels", "help")')
            continue
        name = match.group(2)
        if any(name == other[0] for other in found):
            report.add(TABLE, n, "%s comes twice" % name)
        if (match.group(3) == "COUNTER") != name.endswith("_total"):
            report.add(TABLE, n, "counters, and they alone, end in _total")
        found.append(match.groups()[1:])
    return found


def table(rows):
    text = "| name | type | labels | |\n|---|---|---|---|\n"
    for name, kind, labels, about in rows:
        text += "| `%s` | %s | %s | %s |\n" % (name, kind.lower(), labels, about)
    return text


def check_users(root, rows, report):
    known = {name + suffix for name, kind, _, _ in rows for suffix in SUFFIX.get(kind, ("",))}
    for path in USERS:
        if not os.path.exists(os.path.join(root, path)):
            report.add(path, 1, "is not there")
            continue
        for n, line in enumerate(common.read(root, path).splitlines(), 1):
            for name in re.findall(r"\btally_[a-z0-9_]+", line):
                if name not in known:
                    report.add(path, n, "%s is no series of %s" % (name, TABLE))


def main():
    words = sys.argv[1:]
    write = "--write" in words
    words = [w for w in words if w != "--write"]
    root = words[0] if words else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    report = common.Report("metrics")
    if not os.path.exists(os.path.join(root, TABLE)):
        return report.finish()
    rows = families(root, report)
    page = common.read(root, PAGE) if os.path.exists(os.path.join(root, PAGE)) else ""
    before, begin, rest = page.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end:
        report.add(PAGE, 1, "no place for the table")
    elif write:
        with open(os.path.join(root, PAGE), "w", encoding="utf-8") as f:
            f.write(before + BEGIN + table(rows) + END + after)
    elif old != table(rows):
        report.add(PAGE, 1, "not the table of %s: tests/checks/metrics.py --write" % TABLE)
    check_users(root, rows, report)
    return report.finish()


sys.exit(main())
