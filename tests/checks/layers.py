#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""layers.py [ROOT]: who may include whom. The tables below are those of docs/architecture.md."""
import fnmatch
import re
import sys

from common import FOLDERS, Report, code_only, files, is_uv, read, root_argument

# folder: the folders whose headers it may include, beside its own
MAY_INCLUDE = {
    "base": (),
    "os": ("base",),
    "crypto": ("base",),
    "codec": ("base", "crypto"),
    "ledger": ("base", "crypto", "codec"),
    "consensus": ("base",),
    "tx": ("base", "crypto", "codec", "ledger"),
    "store": ("base", "crypto", "codec", "ledger"),
    "net": ("base", "crypto", "codec"),
    "node": ("base", "crypto", "codec", "ledger", "consensus", "tx", "store", "net"),
    "rpc": ("base", "crypto", "codec", "ledger", "tx", "node"),
    # what stands on top: it composes all of them
    "daemon": tuple(f for f in FOLDERS if f != "daemon"),
}

# The clock, entropy, the log sink and files are reached from the shells alone.
MAY_REACH_OS = ("src/*/uv_*", "src/store/lmdb*", "src/store/journal*", "src/daemon/*")

# header pattern: the files that may include it (src/main.c and tools may include anything)
OUTSIDE = {
    "uv.h": ("src/net/uv_*", "src/node/uv_*", "src/rpc/uv_*",
             "src/daemon/*"),
    "lmdb.h": ("src/store/lmdb*",),
    "sodium*": ("src/crypto/*",),
    "secp256k1*": ("src/crypto/*",),
    "openssl/*": ("src/crypto/*", "src/rpc/tls*"),
    "jansson.h": ("src/codec/*json*", "src/codec/definitions*", "src/rpc/*"),
    "msgpack*": ("src/net/wire*",),
    "http_parser.h": ("src/rpc/http*",),
    "wslay/*": ("src/rpc/ws*",),
    "ini.h": ("src/daemon/config*",),
    "curl/*": ("src/daemon/fetch*", "src/daemon/hooks*"),
    "pthread.h": ("src/*/uv_*", "src/os/*", "src/store/*", "src/crypto/*"),
    "threads.h": (),
}

# Headers of the C library that bring in clocks, input and output, or processes.
IMPURE = ("time.h", "sys/*", "unistd.h", "fcntl.h", "signal.h", "netinet/*", "arpa/*", "netdb.h",
          "poll.h", "dirent.h", "locale.h", "sched.h", "setjmp.h", "math.h", "wchar.h")
# inet_pton and inet_ntop compute and nothing else.
PURE_ALL_THE_SAME = {"src/rpc/charge.c": ("arpa/inet.h", "netinet/in.h")}
MAY_BE_IMPURE = ("src/os/*", "src/store/*", "src/*/uv_*", "src/daemon/*", "src/crypto/guard.c")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def check_own(report, path, line, header):
    folder = path.split("/")[1]
    target = header.split("/")[0]
    if target not in FOLDERS:
        report.add(path, line, 'include "%s": name it "folder/file.h"' % header)
    elif target == "os" and folder != "os":
        if not matches(path, MAY_REACH_OS):
            report.add(path, line, "only uv_*, lmdb, journal and main may reach os")
    elif target != folder and target not in MAY_INCLUDE[folder]:
        report.add(path, line, "%s may not include %s" % (folder, target))
    elif is_uv(header) and not is_uv(path) and folder != "daemon":
        report.add(path, line, "only uv_* files may include a uv_* header")


def check_outside(report, path, line, header):
    for pattern, allowed in OUTSIDE.items():
        if fnmatch.fnmatch(header, pattern) and not matches(path, allowed):
            report.add(path, line, "<%s> is not for this file" % header)
    if header in PURE_ALL_THE_SAME.get(path, ()):
        return
    if matches(header, IMPURE) and not matches(path, MAY_BE_IMPURE):
        report.add(path, line, "<%s> has no place in a pure folder" % header)


def main():
    root = root_argument()
    report = Report("layers")
    for path in files(root, "src"):
        if not path.endswith((".c", ".h", ".def")) or path.count("/") < 2:
            continue
        if path.split("/")[1] not in MAY_INCLUDE:
            report.add(path, 1, "a folder that the table does not know")
            continue
        text = code_only(read(root, path), strings=True)
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            check = check_own if match.group(1) == '"' else check_outside
            check(report, path, line, match.group(2))
    return report.finish()


sys.exit(main())
