#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""purity.py [BUILD]: what the pure archives of a built flavour (default out/release) call from
outside themselves, against a short allow-list. A clock, a socket, a file, a thread or a random
source in them fails here. Members named uv_* are shells and left out."""
import fnmatch
import glob
import os
import re
import subprocess
import sys

from common import Report

MEMORY = ("malloc", "calloc", "realloc", "free", "reallocarray")
TEXT = ("mem*", "str*", "snprintf", "vsnprintf", "__*snprintf_chk", "__mem*_chk", "__str*_chk",
        "__ctype_*", "isxdigit", "isdigit", "isalpha", "isalnum", "isprint", "tolower", "toupper",
        "__isoc*_str*", "qsort", "qsort_r", "bsearch", "explicit_bzero", "__explicit_bzero_chk")
# A programmer error or the end of memory ends the process with a line on stderr.
DYING = ("abort", "stderr", "fprintf", "__fprintf_chk", "vfprintf", "__vfprintf_chk", "fputs",
         "fputc", "fwrite", "fflush")
COMPILER = ("__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_", "__stack_chk_guard", "__udivti3",
            "__umodti3", "__udivmodti4", "__divti3", "__modti3", "__multi3", "__popcountdi2",
            "__tls_get_addr", "__errno_location")
COMMON = MEMORY + TEXT + COMPILER

# folder: what it may call beside COMMON and the other pure archives
MAY_CALL = {
    "base": DYING,
    "crypto": ("sodium_*", "crypto_*", "secp256k1_*", "EVP_*", "SHA*", "RIPEMD160*", "OPENSSL_*",
               "ERR_*", "OSSL_*", "madvise", "sysconf"),
    "codec": ("json_*", "jansson_*", "hashtable_*"),
    "ledger": (),
    "consensus": (),
    "tx": (),
    "net": ("msgpack_*",),
    "node": (),
    "store": (),
    "payout": ("crc32c",),
}
# Archives by another name than their folder's, and those of the shells, which do as they must.
FOLDER_OF = {"tree": "ledger", "rpcfront": "rpc"}
SHELLS = ("os", "rpc", "daemon", "keyfile", "config", "observe")
# The pure members of an archive whose others are shells.
PURE_MEMBERS = {"store": ("journal_codec.o", "kv.o", "kv_mem.o", "kv_treap.o")}
# The generator of libsodium and OpenSSL is a random source, whatever its prefix.
NEVER = ("randombytes*", "RAND_*", "crypto_*_keygen", "crypto_*_keypair", "json_load_file*",
         "json_dump_file*", "json_loadf*", "json_dumpf", "pthread_*", "thrd_*")
# Sealed boxes of nodes: a fresh key comes from a seed that the shell draws.
DESPITE = ("crypto_*_seed_keypair",)


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def symbols(archive):
    """(member, symbol, defined) for every external symbol of an archive."""
    out = subprocess.run(["nm", "-A", "-g", archive], check=True, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    for line in out.splitlines():
        match = re.match(r"[^:]*:([^:]+):\s*([0-9a-f]*)\s+(\w) (\S+)$", line)
        if match:
            yield match.group(1), match.group(4).split("@")[0], match.group(3) not in "UwWvV"


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "out/release"
    report = Report("purity")
    defined, wanted = set(), []
    seen = 0
    for archive in sorted(glob.glob(os.path.join(build, "lib*.a"))):
        name = os.path.basename(archive)[3:-2]
        folder = FOLDER_OF.get(name, name)
        if folder in SHELLS:
            continue
        if folder not in MAY_CALL:
            report.add(archive, 0, "an archive that the check does not know")
            continue
        seen += 1
        for member, name, is_defined in symbols(archive):
            if member.startswith("uv_") or member not in PURE_MEMBERS.get(folder, (member,)):
                continue
            if is_defined:
                defined.add(name)
            else:
                wanted.append((folder, member, name))
    for folder, member, name in wanted:
        if name in defined:
            continue
        banned = matches(name, NEVER) and not matches(name, DESPITE)
        if banned or not matches(name, COMMON + MAY_CALL[folder]):
            report.add("%s/%s" % (folder, member), name, "a pure archive may not call this")
    if seen == 0:
        report.add(build, 0, "no archives: build first")
    print("purity: %d archives" % seen)
    return report.finish()


sys.exit(main())
