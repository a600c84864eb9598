#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""confined.py UNIT PROGRAM CONFIG: runs a node as the unit would: with the unit's filter of system
calls (anything else ends the process), its limit of files, no capabilities, no new privileges,
nothing that may be written and run, as another user where we may become one; and listens to what it
tells the service manager. Prints JSON: {messages, code, signal, owner, limits}."""
import ctypes
import json
import os
import re
import resource
import signal
import socket
import struct
import subprocess
import sys
import time

NOBODY = 65534
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_CAPBSET_DROP, FILTER = 38, 22, 24, 2
LD_NR, LD_ARCH, JEQ, JSET, RET = 0x20, 0x20, 0x15, 0x45, 0x06
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | 1
X86_64 = 0xC000003E


def unit_values(path):
    values = {}
    with open(path, encoding="utf-8") as f:
        for key, value in re.findall(r"^(\w+)=(.*)$", f.read(), re.M):
            values.setdefault(key, []).append(value)
    return values


def group(name):
    """The system calls of a group, those of the groups in it too."""
    out = subprocess.run(["systemd-analyze", "syscall-filter", name], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    calls = set()
    for word in re.findall(r"^    (@?[\w-]+)$", out, re.M):
        calls |= group(word) if word.startswith("@") else {word}
    return calls


def allowed(values):
    calls = set()
    for word in " ".join(values["SystemCallFilter"]).split():
        if word.startswith("~"):
            calls -= group(word[1:])
        else:
            calls |= group(word)
    return calls | group("@default")


def numbers():
    out = subprocess.run(["gcc", "-E", "-dM", "-include", "asm/unistd_64.h", "-x", "c",
                          "/dev/null"], check=True, text=True, stdout=subprocess.PIPE).stdout
    return {name: int(n) for name, n in re.findall(r"#define __NR_(\w+) (\d+)", out)}


def program(values):
    """As systemd makes it: the calls allowed, and of mmap and mprotect nothing that is run."""
    known = numbers()
    ops = [(LD_ARCH, 0, 0, 4), (JEQ, 1, 0, X86_64), (RET, 0, 0, KILL), (LD_NR, 0, 0, 0)]
    if values["MemoryDenyWriteExecute"] == ["yes"]:
        # a mapping that may be written (2) and run (4); a page that is made runnable
        ops += [(JEQ, 0, 5, known["mmap"]), (0x20, 0, 0, 32), (0x54, 0, 0, 6), (JEQ, 0, 1, 6),
                (RET, 0, 0, REFUSE), (RET, 0, 0, ALLOW),
                (JEQ, 0, 4, known["mprotect"]), (0x20, 0, 0, 32), (JSET, 0, 1, 4),
                (RET, 0, 0, REFUSE), (RET, 0, 0, ALLOW)]
    for name in sorted(allowed(values)):
        if name in known:
            ops += [(JEQ, 0, 1, known[name]), (RET, 0, 0, ALLOW)]
    ops += [(RET, 0, 0, KILL)]
    return b"".join(struct.pack("HBBI", *op) for op in ops), len(ops)


def confine(code, count, files):
    """Between fork and exec."""
    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    os.umask(0o027)
    if os.getuid() == 0:
        for capability in range(64):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    filters = ctypes.create_string_buffer(code, len(code))
    fprog = struct.pack("HxxxxxxP", count, ctypes.addressof(filters))
    held = ctypes.create_string_buffer(fprog, len(fprog))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or \
            libc.prctl(PR_SET_SECCOMP, FILTER, held, 0, 0) != 0:
        os._exit(99)


def own(folder):
    """The files of the configuration belong to whoever runs it."""
    if os.getuid() == 0:
        for place, names, leaves in os.walk(folder):
            for name in [place] + [os.path.join(place, leaf) for leaf in names + leaves]:
                os.chown(name, NOBODY, NOBODY)


class Manager:
    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = os.path.join(folder, "notify")
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.messages = []

    def until(self, text, seconds, times=1):
        end = time.monotonic() + seconds
        while sum(text in m for m in self.messages) < times and time.monotonic() < end:
            self.socket.settimeout(0.2)
            try:
                self.messages.append(self.socket.recv(4096).decode())
            except socket.timeout:
                pass


def main():
    unit, tallyd, config = sys.argv[1:]
    values = unit_values(unit)
    code, count = program(values)
    slow = float(os.environ.get("TALLY_SLOW", "1"))
    files = int(values["LimitNOFILE"][0])
    manager = Manager(os.path.dirname(config))
    own(os.path.dirname(config))
    env = dict(os.environ, NOTIFY_SOCKET=manager.path, WATCHDOG_USEC="2000000")
    node = subprocess.Popen([tallyd, "--config", config], env=env,
                            preexec_fn=lambda: confine(code, count, files))
    manager.until("READY=1", 20 * slow)
    owner, limits = None, ""
    if node.poll() is None:
        owner = os.stat("/proc/%d/environ" % node.pid).st_uid
        with open("/proc/%d/limits" % node.pid, encoding="utf-8") as f:
            limits = f.read()
    manager.until("WATCHDOG=1", 20 * slow, 4)
    for name, wait in ((signal.SIGHUP, 0.5), (signal.SIGTERM, 0)):
        if node.poll() is None:
            node.send_signal(name)
        time.sleep(wait)
    manager.until("STOPPING=1", 5 * slow)
    try:
        status = node.wait(10 * slow)
    except subprocess.TimeoutExpired:
        node.kill()
        status = node.wait()
    print(json.dumps({"messages": manager.messages, "code": status, "owner": owner,
                      "root": os.getuid() == 0, "limits": limits}))


main()
