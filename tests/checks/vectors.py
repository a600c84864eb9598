#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""vectors.py [ROOT]: every file of the vectors is named by some test, so that none lies unread.
Without the folder the check is skipped, but not where CI=true."""
import os
import sys

from common import Report, files, read, root_argument


def main():
    root = root_argument()
    folder = os.environ.get("TALLY_VECTORS") or os.path.join(root, "..", "shared", "vectors")
    report = Report("vectors")
    if not os.path.isdir(folder):
        if os.environ.get("CI") == "true":
            report.add(folder, 0, "vectors not found")
            return report.finish()
        print("SKIP: vectors not found")
        return 0
    text = "".join(read(root, path) for path in files(root, "tests")
                   if not path.startswith(("tests/checks/", "tests/npm/"))
                   and path.endswith((".c", ".h", ".js", ".mjs", ".py", ".ninja")))
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json") and name not in text:
            report.add(name, 0, "no test reads this vector file")
    return report.finish()


sys.exit(main())
