#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
"""api.py [--write] [ROOT]: the tables of the API agree with its code, with its tests and with its
reference page. --write makes docs/api.md anew.

  - a parameter that a method reads is in params.def, and none is there that it does not read;
  - every error token is provoked: in a transcript (tests/rpc/golden) or in tests/rpc/test_errors.c,
    or absent.def says why it cannot be; what it says so of is not provoked;
  - fz_calls has a seed of each method and parameter;
  - a method of absent.def is not in methods.def;
  - docs/api.md is what the tables make it."""
import glob
import json
import os
import re
import sys

from apisource import COMMENT, Sources, rows

WHO = {"RPC_USER": "all", "RPC_ADMIN": "administrators"}
WHEN = {"RPC_NEEDS_NONE": "", "RPC_NEEDS_NETWORK": "in step with its network",
        "RPC_NEEDS_CURRENT": "with an open ledger", "RPC_NEEDS_CLOSED": "with a closed ledger"}
NEED = {"YES": "yes", "NO": "", "ONE": "one of"}
FAIL = re.compile(r'\b(?:rpc_fail_token|rpc_fail_malformed|rpc_refuse_websocket)\(\s*c,\s*"(\w+)"')
# Those of the envelope and of HTTP's own conditions.
BESIDE = re.compile(r'\brefuse\(\s*c,\s*\d+,\s*"(\w+)"|jw_put_str\(\w+, "error", "(\w+)"\)')
MALFORMED = re.compile(r'"(malformed[A-Z]\w*)"')


class Api:
    def __init__(self, root):
        at = lambda name: os.path.join(root, "src/rpc", name)  # noqa: E731
        self.root = root
        self.methods = rows(at("methods.def"), "M")
        self.errors = rows(at("errors.def"), "E")
        self.absent = rows(at("absent.def"), "A")
        self.never = rows(at("absent.def"), "T")
        self.params = rows(at("params.def"), "P")
        self.uses = rows(at("params.def"), "U")
        self.costs = self.constants(at("rpc.h"))

    @staticmethod
    def constants(path):
        text = open(path, encoding="utf-8").read()
        return dict(re.findall(r"#define (RPC_COST_\w+)\s+(\d+)", text))

    def params_of(self, method):
        """Rows of params.def, those of its groups last."""
        groups = [u[1] for u in self.uses if u[0] == method]
        own = [p for p in self.params if p[0] == method]
        return own + [p for g in groups for p in self.params if p[0] == g]


def check_params(api, say):
    source = Sources(api.root)
    names = {m[0] for m in api.methods}
    for name in {p[0] for p in api.params + api.uses if not p[0].startswith("@")} - names:
        say("src/rpc/params.def", "there is no method %s" % name)
    for name, function, *_ in api.methods:
        documented = {p[1] for p in api.params_of(name)}
        for key in sorted(source.keys_read(function) - documented):
            say("src/rpc/params.def", "%s reads %s, which has no row" % (name, key))
        for key in sorted(documented - source.names(function)):
            say("src/rpc/params.def", "%s does not read %s" % (name, key))


def tokens_of_code(api):
    tokens = {e[1]: "src/rpc/errors.def" for e in api.errors}
    for path in sorted(glob.glob(os.path.join(api.root, "src/rpc/*.c"))):
        text = COMMENT.sub(" ", open(path, encoding="utf-8").read())
        beside = [a or b for a, b in BESIDE.findall(text)]
        for token in FAIL.findall(text) + MALFORMED.findall(text) + beside:
            tokens.setdefault(token, os.path.relpath(path, api.root))
    return tokens


def errors_in(value):
    if isinstance(value, list):
        for one in value:
            yield from errors_in(one)
    elif isinstance(value, dict):
        if isinstance(value.get("error"), str):
            yield value["error"]
        for one in value.values():
            yield from errors_in(one)


def tokens_provoked(api):
    found = set()
    for path in glob.glob(os.path.join(api.root, "tests/rpc/golden/*.json")):
        for row in json.load(open(path, encoding="utf-8")):
            found.update(errors_in(row["answer"]))
    text = open(os.path.join(api.root, "tests/rpc/test_errors.c"), encoding="utf-8").read()
    found.update(re.findall(r'\{\s*"(\w+)",\s*\w+,\s*"\w+",', text))
    for path in glob.glob(os.path.join(api.root, "tests/rpc/test_*.c")):
        text = COMMENT.sub(" ", open(path, encoding="utf-8").read())
        found.update(re.findall(r'(?:_fails|assert_error|expect)\([^;]*"(\w+)"', text))
    return found


def check_tokens(api, say):
    provoked = tokens_provoked(api)
    never = {t[0] for t in api.never}
    code = tokens_of_code(api)
    for token, where in code.items():
        if token not in provoked and token not in never:
            say(where, "no test provokes %s" % token)
    for token in sorted(never & provoked):
        say("src/rpc/absent.def", "%s is provoked by a test" % token)
    for token in sorted(never - set(code)):
        say("src/rpc/absent.def", "there is no error %s" % token)


def check_absent(api, say):
    there = {m[0] for m in api.methods}
    for name, _ in api.absent:
        if name in there:
            say("src/rpc/absent.def", "%s is in methods.def" % name)


def check_seeds(api, say):
    folder = "tests/fuzz/corpus/calls"
    there = set(os.listdir(os.path.join(api.root, folder)))
    wanted = {m[0] for m in api.methods}
    wanted |= {"%s.%s" % (m[0], p[1]) for m in api.methods for p in api.params_of(m[0])}
    for name in sorted(wanted ^ there):
        say(folder, "%s %s: tests/fuzz/seeds.py" % (name, "is absent" if name in wanted
                                                    else "is of nothing"))


# ---- The page

def bounds(rows_of):
    found = re.match(r"ROWS\((\d+), (\d+), (\d+)\)", rows_of)
    return "%s to %s, usually %s" % (found[1], found[3], found[2]) if found else ""


def facts(api, method):
    _, _, role, condition, first, last, cost, limit, _, _ = method
    out = ["for " + WHO[role]]
    if first != "1" or last != "2":
        out.append("version %s only" % first)
    if WHEN[condition]:
        out.append("needs a node " + WHEN[condition])
    out.append("costs %s" % api.costs.get(cost, cost))
    if bounds(limit):
        out.append("limit " + bounds(limit))
    return ", ".join(out)


def write_method(api, method, put):
    put("", "### %s" % method[0], "", method[-1], "", facts(api, method) + ".")
    params = api.params_of(method[0])
    if params:
        put("", "| parameter | form | needed | |", "|---|---|---|---|")
    for _, name, form, need, summary in params:
        put("| `%s` | %s | %s | %s |" % (name, form, NEED[need], summary))


HEAD = """# The API

Written by `tests/checks/api.py --write` from the tables in `src/rpc`; a check fails when it is not
what they say.

Requests are those of the XRP Ledger's clients: `{"method", "params": [{...}]}` posted to `/`, or
`{"id", "command", ...}` in a message over WebSocket. `api_version` is 1 (when nothing is said) or
2. Members that a method does not know are passed over. Forms of the answers and of errors are in
[src/rpc/envelope.h](../src/rpc/envelope.h), bounds of JSON in
[decision 79](decisions/0079-json.md), `batch` in [src/rpc/batch.h](../src/rpc/batch.h).

`Idempotency-Key` in the header of a posted `submit` or `submit_multisigned`, 1 to 255 printable
characters: the first answer is kept for 24 hours and given again with `Idempotent-Replayed: true`.
409 `idempotencyKeyReused`: the request is another one; 409 `idempotencyKeyInUse`: the first is
being worked on; 400 `invalidIdempotencyKey`; 503 `idempotencyUnavailable`: nothing can be kept now
([decision 82](decisions/0082-idempotency-keys.md)).

What a call costs is counted in charges; an error costs at least {fault}, and each KiB of request
and answer {kb}. `limit` is brought into its bounds, but for administrators."""


def page(api):
    lines = [HEAD.replace("{fault}", api.costs["RPC_COST_FAULT"])
             .replace("{kb}", api.costs["RPC_COST_PER_KB"])]
    put = lambda *more: lines.extend(more)  # noqa: E731
    put("", "## Methods")
    for method in api.methods:
        write_method(api, method, put)
    locators = rows(os.path.join(api.root, "src/rpc/locators.def"), "L")
    put("", "`ledger_entry` finds an entry also by what it is of: "
        + ", ".join("`%s`" % r[0] for r in locators) + ".")
    put("", "## Not there", "", "| method | |", "|---|---|")
    for name, why in api.absent:
        put("| `%s` | %s |" % (name, why))
    put("", "## Errors", "", "The HTTP status is for clients that send `\"ripplerpc\": \"3.0\"`; "
        "all others get 200.", "", "| token | number | status | |", "|---|---|---|---|")
    never = {t[0]: t[1] for t in api.never}
    for _, token, number, status, message in api.errors:
        why = " (%s)" % never[token] if token in never else ""
        put("| `%s` | %s | %s | %s%s |" % (token, number, status, message, why))
    put("", "Those of `ledger_entry` and some old ones have a token of their own and the number of "
        "invalidParams, or none:", "")
    known = {e[1] for e in api.errors}
    put(", ".join("`%s`" % t for t in sorted(set(tokens_of_code(api)) - known)) + ".")
    return "\n".join(lines) + "\n"


def main():
    args = [a for a in sys.argv[1:] if a != "--write"]
    root = args[0] if args else os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    api = Api(root)
    file = os.path.join(root, "docs/api.md")
    text = page(api)
    findings = []
    if "--write" in sys.argv:
        with open(file, "w", encoding="utf-8") as out:
            out.write(text)
    say = lambda where, what: findings.append("%s: %s" % (where, what))  # noqa: E731
    check_params(api, say)
    check_tokens(api, say)
    check_absent(api, say)
    check_seeds(api, say)
    if not os.path.exists(file) or open(file, encoding="utf-8").read() != text:
        say("docs/api.md", "is not what the tables say: tests/checks/api.py --write")
    print("\n".join(findings))
    print("api: %d findings" % len(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
