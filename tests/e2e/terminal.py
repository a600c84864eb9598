#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""terminal.py STEPS COMMAND...: runs a command on a terminal of its own, as a job of a session, and
prints as JSON what came of it. STEPS is a JSON list:

    ["size", columns, lines]   ["wait", seconds]   ["until", text, seconds]   ["snap"]
    ["key", text]              ["signal", name]    ["end", seconds]

Each snap gives {lines, alt, cursor, over, styles}: what stands on the screen, whether it is the
other screen, whether the cursor shows, whether anything went beyond an edge, and the styles used so
far. At the end: {snaps, code, signal, stopped, restored, alt, cursor, raw}."""
import fcntl
import json
import os
import re
import select
import signal
import struct
import sys
import termios
import time

TOKEN = re.compile(rb"\x1b\[(\??)([0-9;]*)([A-Za-z])|\x1b.|[\x00-\x1f]|[^\x00-\x1f\x1b]+", re.S)


class Screen:
    def __init__(self):
        self.columns, self.lines = 80, 24
        self.grid = []
        self.x = self.y = 0
        self.alt, self.cursor, self.over = False, True, False
        self.styles = set()
        self.raw = b""

    def row(self):
        while len(self.grid) <= self.y:
            self.grid.append("")
        return self.grid[self.y]

    def control(self, private, numbers, letter):
        if private:
            on = letter == "h"
            self.alt = on if numbers == "1049" else self.alt
            self.cursor = on if numbers == "25" else self.cursor
        elif letter == "H":
            self.x = self.y = 0
        elif letter == "K":
            self.grid[self.y:self.y + 1] = [self.row()[:self.x]]
        elif letter == "J":
            self.grid = [] if numbers == "2" else self.grid[:self.y + 1]
        elif letter == "m" and numbers not in ("", "0"):
            self.styles.add(numbers)

    def put(self, text):
        row = self.row().ljust(self.x)
        self.grid[self.y] = row[:self.x] + text + row[self.x + len(text):]
        self.x += len(text)

    def feed(self, data):
        self.raw += data
        for m in TOKEN.finditer(data):
            if m.group(3):
                self.control(m.group(1), m.group(2).decode(), m.group(3).decode())
            elif m.group() == b"\r":
                self.x = 0
            elif m.group() == b"\n":
                self.y += 1
            elif m.group()[0] >= 0x20:
                self.put(m.group().decode("utf-8", "replace"))
            self.over |= self.alt and (self.x > self.columns or self.y >= self.lines)

    def snap(self):
        return {"lines": list(self.grid), "alt": self.alt, "cursor": self.cursor,
                "over": self.over, "styles": sorted(self.styles)}


def job(command, slave, report):
    """The session's leader: runs the command as a job and tells when it stops or ends."""
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.execvp(command[0], command)
    os.write(report, b"pid %d\n" % pid)
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            os.write(report, b"stopped 1\n")
            continue
        if os.WIFSIGNALED(status):
            os.write(report, b"signal %d\n" % os.WTERMSIG(status))
        else:
            os.write(report, b"code %d\n" % os.WEXITSTATUS(status))
        os._exit(0)


class Terminal:
    def __init__(self, command):
        self.master, self.slave = os.openpty()
        self.screen = Screen()
        self.before = termios.tcgetattr(self.slave)
        self.size(80, 24)
        self.reports, report = os.pipe()
        self.said = {}
        self.leader = os.fork()
        if self.leader == 0:
            job(command, self.slave, report)
        os.close(report)
        self.until(lambda: "pid" in self.said, 10)

    def size(self, columns, lines):
        self.screen.columns, self.screen.lines, self.screen.over = columns, lines, False
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def step(self, seconds):
        for fd in select.select([self.master, self.reports], [], [], seconds)[0]:
            data = os.read(fd, 65536)
            if fd == self.master:
                self.screen.feed(data)
            for name, number in re.findall(rb"(\w+) (\d+)\n", data) if fd == self.reports else []:
                self.said[name.decode()] = int(number)

    def until(self, condition, seconds):
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self.step(0.05)
        return condition()

    def ended(self):
        return "code" in self.said or "signal" in self.said

    def run(self, what, *more):
        if what == "size":
            self.size(*more)
        elif what == "wait":
            self.until(lambda: False, more[0])
        elif what == "until":
            text = more[0]
            if not self.until(lambda: text in "\n".join(self.screen.grid), more[1]):
                raise SystemExit("terminal: no %r within %s s on\n%s"
                                 % (text, more[1], "\n".join(self.screen.grid)))
        elif what == "key":
            os.write(self.master, more[0].encode())
        elif what == "signal":
            os.kill(self.said["pid"], getattr(signal, more[0]))
        elif what == "end":
            self.until(self.ended, more[0])
            self.until(lambda: False, 0.1)

    def close(self):
        if not self.ended():
            os.kill(self.said["pid"], signal.SIGKILL)
        os.waitpid(self.leader, 0)


def main():
    terminal = Terminal(sys.argv[2:])
    snaps = []
    for step in json.loads(sys.argv[1]):
        if step[0] == "snap":
            snaps.append(terminal.screen.snap())
        else:
            terminal.run(*step)
    said, screen = terminal.said, terminal.screen
    print(json.dumps({
        "snaps": snaps, "code": said.get("code"), "signal": said.get("signal"),
        "stopped": "stopped" in said, "alt": screen.alt, "cursor": screen.cursor,
        "restored": termios.tcgetattr(terminal.slave) == terminal.before,
        "raw": screen.raw.decode("utf-8", "replace")}))
    terminal.close()


main()
