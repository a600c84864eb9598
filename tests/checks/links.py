#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""links.py [ROOT]: relative links in *.md lead somewhere: the file is there, and so is the heading
behind a #."""
import os
import re
import sys

from common import Report, files, read, root_argument

LINK = re.compile(r"\[[^\]\n]*(?:\n[^\]\n]*)?\]\(([^)\s]+)\)")


def without_code(text):
    text = re.sub(r"^```.*?^```$", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text,
                  flags=re.M | re.S)
    text = re.sub(r"`[^`\n]*`", lambda m: "x" * len(m.group(0)), text)
    return re.sub(r"^(?: {4}|\t).*$", "", text, flags=re.M)


def anchors(text):
    """The names that headings get."""
    found = set()
    for heading in re.findall(r"^#+ +(.*?) *#*$", text, re.M):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(name)
    return found


def main():
    root = root_argument()
    report = Report("links")
    pages = [p for p in files(root, "README.md", "HACKING.md", "CHANGELOG.md", "docs", "src",
                              "tests", "tools", "configs") if p.endswith(".md")]
    for page in pages:
        text = without_code(read(root, page))
        for match in LINK.finditer(text):
            target, _, heading = match.group(1).partition("#")
            line = text.count("\n", 0, match.start()) + 1
            if re.match(r"[a-z]+:", target):
                continue
            path = os.path.normpath(os.path.join(os.path.dirname(page), target)) if target else page
            if not os.path.exists(os.path.join(root, path)):
                report.add(page, line, "%s leads nowhere" % match.group(1))
            elif heading and path.endswith(".md") and heading not in anchors(read(root, path)):
                report.add(page, line, "%s has no heading %s" % (path, heading))
    return report.finish()


sys.exit(main())
