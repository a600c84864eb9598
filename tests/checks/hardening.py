#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""hardening.py [BUILD [PROGRAM ...]]: how the programs of a built flavour (default out/release,
tallyd and tally) were made, as readelf and nm see them: position independent, all relocations done
before main and then read-only, no page that may be written and run, stacks and buffers checked, no
search path of its own for libraries; and no generator of random numbers but the system's."""
import glob
import os
import re
import subprocess
import sys

from common import Report

# What no program may ask of the C library: predictable numbers.
GUESSABLE = {"rand", "srand", "rand_r", "random", "srandom", "random_r", "srandom_r", "initstate",
             "setstate", "drand48", "erand48", "lrand48", "nrand48", "mrand48", "jrand48",
             "srand48", "seed48", "lcong48", "drand48_r", "lrand48_r", "mrand48_r"}


def tool(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def imported(path):
    return {line.split()[-1].split("@")[0]
            for line in tool("nm", "-D", "--undefined-only", path).splitlines() if line.strip()}


def check_layout(report, path):
    if not re.search(r"Type:\s+DYN", tool("readelf", "-h", path)):
        report.add(path, 0, "not position independent")
    segments = tool("readelf", "-W", "-l", path)
    if "GNU_RELRO" not in segments:
        report.add(path, 0, "relocated data stays writable (no RELRO)")
    if re.search(r"^ +(LOAD|GNU_STACK)\b.*\bRWE\b", segments, re.M):
        report.add(path, 0, "memory that may be written and run")
    dynamic = tool("readelf", "-W", "-d", path)
    if not re.search(r"BIND_NOW|\bNOW\b", dynamic):
        report.add(path, 0, "symbols are bound lazily")
    if "TEXTREL" in dynamic:
        report.add(path, 0, "relocations in code")
    if re.search(r"R(UN)?PATH", dynamic):
        report.add(path, 0, "a search path for libraries")


def check_calls(report, path):
    calls = imported(path)
    if "__stack_chk_fail" not in calls:
        report.add(path, 0, "stacks are not checked")
    if not any(name.endswith("_chk") for name in calls):
        report.add(path, 0, "buffers are not checked (no _FORTIFY_SOURCE)")
    for name in sorted(calls & GUESSABLE):
        report.add(path, 0, "%s: numbers that can be guessed" % name)


def check_objects(report, build):
    """Where a jump may land is marked in each object; the C library's own start files are not."""
    objects = sorted(glob.glob(os.path.join(build, "daemon", "*.o")))
    if not objects or "X86-64" not in tool("readelf", "-h", objects[0]):
        return
    for path in objects:
        if not re.search(r"IBT, SHSTK", tool("readelf", "-n", path)):
            report.add(path, 0, "no -fcf-protection")


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else "out/release"
    report = Report("hardening")
    for name in sys.argv[2:] or ("tallyd", "tally"):
        path = os.path.join(build, name)
        check_layout(report, path)
        check_calls(report, path)
    check_objects(report, build)
    return report.finish()


sys.exit(main())
