#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""tidy.py [ROOT]: what a reviewer should not have to say. Compiles nothing."""
import os
import re
import sys

from common import Report, code_only, files, is_uv, read, root_argument

COLUMNS_MAX = 100
FILE_LINES_MAX = 1000
FUNCTION_LINES_MAX = 90
FUNCTION_LINES_WARN = 70
PURE = ("base", "crypto", "codec", "ledger", "consensus", "tx", "net", "node")

C_FILES = (".c", ".h")
SCRIPTS = (".py", ".js", ".mjs", ".sh", ".ninja")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
FLOATING = re.compile(r"\b(float|double)\b")
TYPEDEF = re.compile(r"^\s*typedef\s+(struct|union|enum)\b[^;(]*[;{]", re.M)
# Paths of one machine, and numbers of somebody's tracker.
FOREIGN = re.compile(r"(?<![\w.])/(wo" r"rk|ro" r"ot|ho" r"me)/|\b[Ii]ss" r"ue #?\d")


def is_script(root, path):
    if path.endswith(SCRIPTS):
        return True
    return "." not in os.path.basename(path) and read(root, path).startswith("#!")


def check_head(report, path, lines):
    head = lines[:2] if lines and lines[0].startswith("#!") else lines[:1]
    if not any("SPDX-License-Identifier: ISC" in line for line in head):
        report.add(path, 1, "the SPDX line is missing")


def check_lines(report, path, lines):
    table = False
    for number, line in enumerate(lines, 1):
        if "clang-format off" in line:
            table = True
        elif "clang-format on" in line:
            table = False
        if line != line.rstrip():
            report.add(path, number, "blanks at the end")
        if UNFINISHED.search(line) and path != "src/crypto/words.def":
            report.add(path, number, "unfinished work is not mergeable")
        if FOREIGN.search(line):
            report.add(path, number, "a path or number that means nothing elsewhere")
        if table or path.endswith((".def", ".md", ".json")):
            continue
        if len(line.expandtabs(8)) > COLUMNS_MAX:
            report.add(path, number, "more than %d columns" % COLUMNS_MAX)
        if path.endswith(C_FILES) and re.match(r"\t* {8,}(?!\*)", line):
            report.add(path, number, "indented with spaces")


def check_functions(report, path, lines):
    start = None
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            length = number - start + 1
            if length > FUNCTION_LINES_MAX:
                report.add(path, start, "a function of %d lines" % length)
            elif length > FUNCTION_LINES_WARN:
                print("note: %s:%d: a function of %d lines" % (path, start, length))
            start = None


def check_c(report, path, text, lines):
    if len(lines) > FILE_LINES_MAX:
        report.add(path, FILE_LINES_MAX, "%d lines in a file" % len(lines))
    check_functions(report, path, lines)
    code = code_only(text)
    for match in TYPEDEF.finditer(code):
        report.add(path, code.count("\n", 0, match.start()) + 1, "typedef of a struct")
    folders = path.split("/")
    if folders[0] == "src" and folders[1] in PURE and not is_uv(path):
        for match in FLOATING.finditer(code):
            report.add(path, code.count("\n", 0, match.start()) + 1, "binary floating point")


def check_listed(report, root):
    edges = "".join(read(root, p) for p in files(root, "build.ninja", "src", "tools", "tests")
                    if p.endswith(".ninja"))
    named = set(re.findall(r"[\w./-]+\.c\b", edges))
    for path in files(root, "src", "tests", "tools"):
        if path.endswith(".c") and path not in named:
            report.add(path, 1, "no edge builds this file")


LOGGED = re.compile(r'\blog_(?:line|fields|event|enabled)\(([^;"]*?)"(\w+)"')


def check_areas(report, root):
    """What is logged names an area of os/log.def, and each of these is used."""
    table = "src/os/log.def"
    if not os.path.exists(os.path.join(root, table)):
        return
    areas = set(re.findall(r"^A\((\w+),", read(root, table), re.M))
    used = set()
    for path in files(root, "src"):
        text = read(root, path)
        for match in LOGGED.finditer(text) if path.endswith(".c") else ():
            used.add(match.group(2))
            if match.group(2) not in areas:
                report.add(path, text.count("\n", 0, match.start()) + 1,
                           "%s is no area of the log" % match.group(2))
    for area in sorted(areas - used):
        report.add(table, 1, "nothing is logged about %s" % area)


def main():
    root = root_argument()
    report = Report("tidy")
    for path in files(root, "src", "tests", "tools", "docs", "configs", ".ci", "build.ninja",
                      "README.md", "HACKING.md", "CHANGELOG.md"):
        if path.startswith("tests/npm/") or path.startswith("tests/fuzz/corpus"):
            continue
        is_c = path.endswith(C_FILES + (".def",))
        script = not is_c and is_script(root, path)
        if not (is_c or script or path.endswith((".md", ".ini"))):
            continue
        text = read(root, path)
        lines = text.split("\n")
        if not path.endswith(".md"):
            check_head(report, path, lines)
        check_lines(report, path, lines)
        if path.endswith(C_FILES):
            check_c(report, path, text, lines[:-1])
    check_listed(report, root)
    check_areas(report, root)
    return report.finish()


sys.exit(main())
