#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""selftest.py: each check is shown a small tree with one offence and has to name it, and a clean
tree and has to be silent."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SPDX = "/* SPDX-License-Identifier: ISC */\n"
CLEAN = {
    "src/base/a.c": SPDX + '#include "base/a.h"\n\nint a(void)\n{\n\treturn 1; /* a double */\n}\n',
    "src/base/a.h": SPDX + "int a(void);\n",
    "src/tx/pay.c": SPDX + '#include "base/a.h"\n#include "ledger/l.h"\n\n#include <string.h>\n',
    "src/ledger/l.h": SPDX,
    "src/base/edges.ninja": "# SPDX-License-Identifier: ISC\n"
                            "build x: cc src/base/a.c\nbuild y: cc src/tx/pay.c\n",
    "tests/t.py": "#!/usr/bin/env python3\n# SPDX-License-Identifier: ISC\n",
    "tools/x": "#!/bin/sh\n# SPDX-License-Identifier: ISC\n",
}
ROW = 'SCENARIO(%s, %s, "a sentence", %s)\n'
REGISTRY = "tests/sim/scenarios.def"
FAMILIES = "src/daemon/metrics.def"
EVERY = SPDX + "".join(ROW % (letter + str(i), "tests/t.py:python3", "none")
                       for letter, last in (("S", 11), ("H", 9), ("R", 9), ("X", 6))
                       for i in range(1, last + 1))
CLEAN[REGISTRY] = EVERY
CLEAN["src/os/log.def"] = SPDX + 'A(net, "peers")\n'
CLEAN["src/base/a.c"] += '\nvoid b(void)\n{\n\tlog_line(LOG_INFO, "net", "x");\n}\n'
CLEAN["src/tx/types.def"] = SPDX + "TYPE(ttPayment, payment)\n"
CLEAN["tests/s.c"] = SPDX + "static void s(void **state)\n{\n}\n"
CLEAN["src/base/edges.ninja"] += "build z: cc tests/s.c\n"
# An API of one method.
API = {
    "src/rpc/methods.def": SPDX + 'M("ping", method_ping, RPC_USER, RPC_NEEDS_NONE, 1, 2, '
                                  '20, NO_ROWS, FRESH,\n  "Answers.")\n',
    "src/rpc/errors.def": SPDX + 'E(RPC_A, "aWrong", 1, 400, "A.")\n'
                                 'E(RPC_B, "bWrong", 2, 400, "B.")\n',
    "src/rpc/absent.def": SPDX + 'A("path_find", "later")\nT("bWrong", "later")\n',
    "src/rpc/params.def": SPDX + 'P("ping", "text", "text", NO, "What.")\n',
    "src/rpc/locators.def": SPDX,
    "src/rpc/rpc.h": SPDX + "#define RPC_COST_FAULT  100\n#define RPC_COST_PER_KB 1\n",
    "src/rpc/ping.c": SPDX + "static void say(struct rpc_call *c)\n{\n\t(void)p_text(c, "
                             '"text");\n}\n\nvoid method_ping(struct rpc_call *c)\n{\n'
                             "\tsay(c);\n}\n",
    "tests/fuzz/corpus/calls/ping": "ping",
    "tests/fuzz/corpus/calls/ping.text": "ping",
    "src/rpc/edges.ninja": "# SPDX-License-Identifier: ISC\nbuild p: cc src/rpc/ping.c\n"
                           "build e: cc tests/rpc/test_errors.c\n",
    "tests/rpc/test_errors.c": SPDX + "void e(void)\n{\n"
                                      '\tfake_ask_fails(f, "ping", "{}", "aWrong");\n}\n',
}
CLEAN.update(API)
# A type with one result more than success, an amendment that it asks about, a page with a link.
PAYMENT = SPDX + """static enum ter preflight(const struct tx_static *s)
{
\treturn amendment_on(s->rules, AMENDMENT_fixOne) ? tesSUCCESS : temMALFORMED;
}
"""
RESULTS = SPDX + """static const struct row rows[] = {
    {ttPayment, tesSUCCESS, "plain"},
    {ttPayment, temMALFORMED, "before"},
};
"""
AMENDMENTS = {
    "src/ledger/amendments.def": SPDX + "A(fixOne, 1, NO, 0x1)\nA(Two, 0, OBSOLETE, 0x2)\n",
    "src/ledger/gates.def": SPDX + 'G(fixOne, "payments")\n',
    "src/tx/payment.c": PAYMENT,
}
CLEAN.update(AMENDMENTS)
CLEAN["tests/tx/test_results.c"] = RESULTS
CLEAN["tests/tx/unreached.def"] = SPDX
# What docs/api.md leads to.
CLEAN.update({"src/rpc/envelope.h": SPDX, "src/rpc/batch.h": SPDX,
              "docs/decisions/0079-json.md": "", "docs/decisions/0082-idempotency-keys.md": ""})
CLEAN["docs/page.md"] = "# A heading\n\nSee [this](#a-heading), [that](page.md), `[no](none)`.\n"
CLEAN["src/base/edges.ninja"] += ("build r: cc tests/tx/test_results.c\n"
                                  "build q: cc src/tx/payment.c\n")
METHODS = API["src/rpc/methods.def"]
PING = API["src/rpc/ping.c"]
LONG = "int f(void)\n{\n" + "\ta();\n" * 100 + "}\n"
# check, the file that offends, its text, what has to be said
OFFENCES = [
    ("layers.py", "src/base/b.h", SPDX + '#include "tx/t.h"\n', "base may not include tx"),
    ("layers.py", "src/consensus/c.h", SPDX + '#include "crypto/h.h"\n', "may not include crypto"),
    ("layers.py", "src/rpc/c.h", SPDX + '#include "net/h.h"\n', "rpc may not include net"),
    ("layers.py", "src/tx/c.h", SPDX + '#include "os/clock.h"\n', "may reach os"),
    ("layers.py", "src/node/c.h", SPDX + '#include "net/uv_peers.h"\n', "include a uv_* header"),
    ("layers.py", "src/node/c.h", SPDX + "#include <uv.h>\n", "<uv.h> is not for"),
    ("layers.py", "src/codec/st.h", SPDX + "#include <jansson.h>\n", "<jansson.h> is not for"),
    ("layers.py", "src/net/s.h", SPDX + "#include <sodium.h>\n", "<sodium.h> is not for"),
    ("layers.py", "src/tx/s.h", SPDX + "#include <pthread.h>\n", "<pthread.h> is not for"),
    ("layers.py", "src/tx/s.h", SPDX + "# include <time.h>\n", "<time.h> has no place"),
    ("layers.py", "src/store/s.h", SPDX + "#include <lmdb.h>\n", "<lmdb.h> is not for"),
    ("layers.py", "src/extra/s.h", SPDX, "the table does not know"),
    ("tidy.py", "src/base/b.h", "int b;\n", "SPDX line is missing"),
    ("tidy.py", "tools/y", "#!/bin/sh\necho\n", "SPDX line is missing"),
    ("tidy.py", "src/base/b.h", SPDX + "        int b;\n", "indented with spaces"),
    ("tidy.py", "src/base/b.h", SPDX + "/*" + "x" * 100 + " */\n", "more than 100 columns"),
    ("tidy.py", "src/base/b.h", SPDX + "int b; \n", "blanks at the end"),
    ("tidy.py", "src/base/b.h", SPDX + "/* FIX" + "ME */\n", "unfinished work"),
    ("tidy.py", "src/base/b.h", SPDX + "extern double b;\n", "binary floating point"),
    ("tidy.py", "src/base/b.h", SPDX + "int b;\n" * 1001, "lines in a file"),
    ("tidy.py", "src/base/b.h", SPDX + LONG, "a function of 102 lines"),
    ("tidy.py", "src/base/b.h", SPDX + "typedef struct b b;\n", "typedef of a struct"),
    ("tidy.py", "src/base/b.c", SPDX, "no edge builds"),
    ("tidy.py", "tests/b.c", SPDX, "no edge builds"),
    ("tidy.py", "docs/b.md", "see /wo" + "rk/x\n", "means nothing elsewhere"),
    ("tidy.py", "src/base/a.c", SPDX + 'void b(void)\n{\n\tlog_fields(LOG_INFO,\n\t\t'
                                       '"nit", 1);\n}\n', "nit is no area"),
    ("tidy.py", "src/os/log.def", SPDX + 'A(net, "peers")\nA(nat, "x")\n',
     "nothing is logged about nat"),
    ("scenarios.py", REGISTRY, EVERY.replace("(X6,", "(X66,"), "no row for X6"),
    ("scenarios.py", REGISTRY, EVERY + ROW % ("S1", "tests/t.py:gone", "none"), "no test 'gone'"),
    ("scenarios.py", REGISTRY, EVERY + ROW % ("S1", "tests/u.py:t", "none"), "no file with a test"),
    ("scenarios.py", REGISTRY, EVERY + ROW % ("S1", "tests/s.c:t", "none"), "has no function t"),
    ("scenarios.py", REGISTRY, EVERY + ROW % ("S1", "tests/s.c:s", "none"), "in no list of tests"),
    ("scenarios.py", REGISTRY, EVERY + ROW % ("S1", "none", "none"), "waits for nothing"),
    ("scenarios.py", REGISTRY, EVERY + ROW % ("S1", "none", "Payment"), "which is there"),
    ("scenarios.py", REGISTRY, EVERY + "SCENARIO(S1)\n", "not SCENARIO(id"),
    ("format", "src/base/b.h", SPDX + "int   b( void );\n", "src/base/b.h: "),
    ("metrics.py", FAMILIES, SPDX + 'M(A, "tally_a", GAUGE, "", "A.")\n',
     "no place for the table"),
    ("metrics.py", FAMILIES, SPDX + 'M(A, "tally_a", COUNTER, "", "A.")\n', "end in _total"),
    ("metrics.py", FAMILIES, SPDX + 'M(A, tally_a)\n', "not M(CONSTANT"),
    ("api.py", "src/rpc/methods.def", METHODS.replace("Answers.", "Says."), "docs/api.md: is not"),
    ("api.py", "src/rpc/methods.def", METHODS.replace("ping", "path_find"), "is in methods.def"),
    ("api.py", "src/rpc/params.def", SPDX, "ping reads text, which has no row"),
    ("api.py", "src/rpc/ping.c", PING.replace('"text"', "key"), "ping does not read text"),
    ("api.py", "src/rpc/ping.c", PING.replace("say(c);", 'rpc_fail_token(c, "cWrong");'),
     "no test provokes cWrong"),
    ("api.py", "tests/fuzz/corpus/calls/pong", "", "pong is of nothing"),
    ("api.py", "src/rpc/absent.def", SPDX, "no test provokes bWrong"),
    ("api.py", "src/rpc/absent.def", SPDX + 'T("aWrong", "")\n', "aWrong is provoked by a test"),
    ("api.py", "src/rpc/absent.def", SPDX + 'T("dWrong", "")\n', "there is no error dWrong"),
    ("results.py", "tests/tx/test_results.c", RESULTS.replace("temM", "temB"),
     "no test reaches temMALFORMED of ttPayment"),
    ("results.py", "src/tx/payment.c", PAYMENT.replace("temM", "tefB"), "no test reaches tefB"),
    ("results.py", "tests/tx/test_results.c", SPDX, "no rows of results"),
    ("results.py", "tests/tx/unreached.def", SPDX + 'N(ttPayment, temMALFORMED, "")\n',
     "a test reaches temMALFORMED"),
    ("results.py", "tests/tx/unreached.def", SPDX + 'N(ttPayment, temREDUNDANT, "")\n',
     "ttPayment cannot have temREDUNDANT"),
    ("amendments.py", "src/ledger/gates.def", SPDX, "fixOne has no row"),
    ("amendments.py", "src/ledger/gates.def", SPDX + 'G(fixOne, "a")\nG(Two, "b")\n',
     "nothing asks about Two"),
    ("amendments.py", "src/ledger/amendments.def", SPDX + "A(fixOne, 0, NO, 0x1)\n",
     "docs/amendments.md:1: is not what"),
    ("links.py", "docs/b.md", "# B\n\nSee [a page](pages.md).\n", "pages.md leads nowhere"),
    ("links.py", "docs/b.md", "# B\n\n[x](page.md#another)\n", "has no heading another"),
    ("vectors.py", "../shared/vectors/new.json", "{}\n", "new.json:0: no test reads"),
]
# folder of the archive, a member's name, its text, whether it offends
OBJECTS = [
    ("consensus", "c", "long time(long *); long f(void); long f(void) { return time(0); }", True),
    ("net", "s", "int socket(int, int, int); int f(void); int f(void) "
                 "{ return socket(1, 1, 0); }", True),
    ("crypto", "k", "void randombytes_buf(void *, unsigned long); void f(void); void f(void) "
                    "{ char b[8]; randombytes_buf(b, 8); }", True),
    ("net", "uv_s", "int socket(int, int, int); int f(void); int f(void) "
                    "{ return socket(1, 1, 0); }", False),
    ("tx", "t", "void *malloc(unsigned long); void *f(void); void *f(void) "
                "{ return malloc(1); }", False),
]


def write(root, path, text):
    full = os.path.normpath(os.path.join(root, path))
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as f:
        f.write(text)


def page_of(check, tree, name):
    """What a check writes of a tree."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in tree.items():
            write(root, path, text)
        os.makedirs(os.path.join(root, "docs"), exist_ok=True)
        run(check, "--write", {}, root)
        with open(os.path.join(root, name), encoding="utf-8") as f:
            return f.read()


def run(check, argument, extra, *more):
    env = dict(os.environ, **extra)
    done = subprocess.run([os.path.join(HERE, check), argument, *more], text=True, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def trial(check, path, text):
    with tempfile.TemporaryDirectory() as top:
        root = os.path.join(top, "project")
        with open(os.path.join(HERE, "..", "..", ".clang-format"), encoding="utf-8") as f:
            write(root, ".clang-format", f.read())
        write(root, "../shared/vectors/README.md", "")
        for name, clean in CLEAN.items():
            write(root, name, clean)
        if path:
            write(root, path, text)
        return run(check, root, {"TALLY_VECTORS": "", "CI": "true"})


def trial_purity(folder, member, text):
    with tempfile.TemporaryDirectory() as build:
        write(build, member + ".c", text)
        name = os.path.join(build, member)
        subprocess.run(["gcc", "-c", name + ".c", "-o", name + ".o"], check=True)
        archive = os.path.join(build, "lib%s.a" % folder)
        subprocess.run(["ar", "crs", archive, name + ".o"], check=True)
        return run("purity.py", build, {})


# how a program is compiled, beside what hardens it; its text; what has to be said ("": nothing)
HARD = ["-O2", "-fPIE", "-pie", "-Wl,-z,relro,-z,now", "-D_FORTIFY_SOURCE=3",
        "-fstack-protector-strong"]
FINE = ("#include <stdio.h>\n#include <string.h>\nint main(int c, char **v) { char b[64]; "
        "strcpy(b, v[c - 1]); printf(b); return 0; }\n")
PROGRAMS = [
    ([], FINE, ""),
    (["-no-pie", "-fno-pie"], FINE, "not position independent"),
    (["-Wl,-z,norelro"], FINE, "no RELRO"),
    (["-Wl,-z,lazy"], FINE, "bound lazily"),
    (["-Wl,-z,execstack"], FINE, "may be written and run"),
    (["-Wl,-rpath,/opt"], FINE, "a search path for libraries"),
    (["-fno-stack-protector"], FINE, "stacks are not checked"),
    (["-U_FORTIFY_SOURCE"], FINE, "no _FORTIFY_SOURCE"),
    ([], FINE + "int rand(void); int f(void) { return rand(); }\n", "rand: numbers that can be"),
    ([], FINE + "long lrand48(void); long f(void) { return lrand48(); }\n", "lrand48: numbers"),
]


def trial_hardening(flags, text):
    with tempfile.TemporaryDirectory() as build:
        write(build, "p.c", text)
        program = os.path.join(build, "p")
        subprocess.run(["gcc", "-w"] + HARD + flags + [program + ".c", "-o", program], check=True)
        return run("hardening.py", build, {}, "p")


def main():
    failed = 0

    def judge(what, good, output):
        nonlocal failed
        if not good:
            failed += 1
            print("selftest: %s\n%s" % (what, output))

    checks = ("layers.py", "tidy.py", "format", "vectors.py", "scenarios.py", "metrics.py",
              "api.py", "results.py", "amendments.py", "links.py")
    CLEAN["docs/api.md"] = page_of("api.py", API, "docs/api.md")
    CLEAN["docs/amendments.md"] = page_of("amendments.py", AMENDMENTS, "docs/amendments.md")
    for check in checks:
        code, output = trial(check, None, None)
        judge(check + " is not silent about a clean tree", code == 0, output)
    for check, path, text, said in OFFENCES:
        code, output = trial(check, path, text)
        judge("%s does not say '%s'" % (check, said), code == 1 and said in output, output)
    for folder, member, text, offends in OBJECTS:
        code, output = trial_purity(folder, member, text)
        judge("purity of %s/%s" % (folder, member), code == int(offends), output)
    for flags, text, said in PROGRAMS:
        code, output = trial_hardening(flags, text)
        judge("hardening of %s" % (said or "a clean program"),
              code == (1 if said else 0) and said in output, output)
    total = len(checks) + len(OFFENCES) + len(OBJECTS) + len(PROGRAMS)
    print("selftest: %d passed, %d failed" % (total - failed, failed))
    return 1 if failed else 0


sys.exit(main())
