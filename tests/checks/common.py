# SPDX-License-Identifier: ISC
"""What the checks share: finding files, stripping comments, reporting."""
import os
import re
import sys

FOLDERS = ("base", "os", "crypto", "codec", "ledger", "consensus", "tx", "store", "net", "node",
           "rpc", "daemon")
SKIPPED = {"node_modules", "out", "testnet", ".git", "__pycache__", "corpus"}
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def files(root, *tops):
    """Paths below the given folders of root, relative to it, sorted; build output left out."""
    found = []
    for top in tops:
        path = os.path.join(root, top)
        if os.path.isfile(path):
            found.append(top)
        for folder, names, leaves in os.walk(path):
            names[:] = [n for n in names if n not in SKIPPED]
            found += [os.path.relpath(os.path.join(folder, leaf), root) for leaf in leaves]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def code_only(text, strings=False):
    """The C text with comments (and strings unless wanted) blanked, line numbers kept."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token if strings else '""'
        return re.sub(r"[^\n]", " ", token)
    return TOKEN.sub(blank, text)


def is_uv(path):
    return os.path.basename(path).startswith("uv_")


class Report:
    """Collects findings; finish() prints them and gives the exit status."""

    def __init__(self, name):
        self.name = name
        self.findings = []

    def add(self, path, line, what):
        self.findings.append("%s:%s: %s" % (path, line, what))

    def finish(self):
        for finding in self.findings:
            print(finding)
        print("%s: %d findings" % (self.name, len(self.findings)))
        return 1 if self.findings else 0


def root_argument():
    here = os.path.dirname(os.path.abspath(__file__))
    return sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(here))
