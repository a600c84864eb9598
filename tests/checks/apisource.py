# SPDX-License-Identifier: ISC
"""What the sources of the API say of themselves: methods, errors, parameters. A parameter counts as
read by a method when its key stands in a look-up in a function that the method's function can
reach; tables of functions count as what they name."""
import glob
import os
import re

# Look-ups of a parameter by name: of these functions, whose second argument it is.
READERS = (r"p_\w+|parse_account|parse_accounts|parse_u32|parse_asset|range_end|factor|"
           r"json_object_get")
KEY = re.compile(r'\b(?:%s)\s*\(\s*(?:c->p|c)\s*,\s*"(\w+)"' % READERS)
# Lists of names that a loop looks up.
LIST = re.compile(r"\bconst char \*const (?:keys|names)\[\]\s*=\s*\{(.*?)\}", re.S)
HELPERS = {  # functions that read keys which they do not take as arguments
    "p_limit": ["limit"],
    "p_entry_type": ["type"],
}
# What every method ends in: it does not belong to any of them.
ENDS = ("rpc.c", "envelope.c", "batch.c", "again.c", "cache.c", "idempotency.c", "methods.c")
WORD = re.compile(r"(?<![\w.>])[a-zA-Z_]\w+")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def rows(path, macro):
    """The arguments of every row of a .def file, as they are written, texts without quotes."""
    text = COMMENT.sub("", open(path, encoding="utf-8").read())
    out = []
    for at in re.finditer(r"^%s\(" % macro, text, re.M):
        args, depth, cur, i = [], 1, "", at.end()
        while depth:
            c = text[i]
            if c == '"':
                m = STRING.match(text, i)
                cur += m.group(0)
                i = m.end()
                continue
            depth += (c == "(") - (c == ")")
            if c == "," and depth == 1:
                args.append(cur)
                cur = ""
            elif depth:
                cur += c
            i += 1
        args.append(cur)
        out.append([unquote(a.strip()) for a in args])
    return out


def unquote(text):
    if not text.startswith('"'):
        return re.sub(r"\s+", " ", text)
    pieces = [p[1:-1] for p in STRING.findall(text)]
    return re.sub(r"\\(.)", r"\1", "".join(pieces))


class Sources:
    def __init__(self, root):
        self.bodies = {}  # of functions and of tables, by file and name
        self.public = {}  # name: its key in bodies, of what is not static
        self.root = root
        for path in sorted(glob.glob(os.path.join(root, "src/rpc/*.c"))):
            if os.path.basename(path) not in ENDS:
                self.read(path)
        self.defines = {}  # name: text
        for path in glob.glob(os.path.join(root, "src/rpc/*.[ch]")):
            text = open(path, encoding="utf-8").read()
            self.defines.update(re.findall(r'^#define (\w+)\s+"(\w+)"', text, re.M))

    def read(self, path):
        text = COMMENT.sub(" ", open(path, encoding="utf-8").read())
        for m in re.finditer(r"^[\w\s\*]*?\b(\w+)(?:\[\w*\])*\s*"
                             r"(?:\([^;{}]*\)\s*|\s=\s)\{.*?^\}", text, re.M | re.S):
            key = (path, m.group(1))
            self.bodies[key] = self.with_tables(m.group(0))
            if not m.group(0).lstrip().startswith("static"):
                self.public[m.group(1)] = key

    def with_tables(self, body):
        """A body, and the rows of tables that it includes."""
        for table in re.findall(r'#include "(rpc/\w+\.def)"', body):
            path = os.path.join(self.root, "src", table)
            body += COMMENT.sub(" ", open(path, encoding="utf-8").read())
        return body

    def find(self, path, name):
        return (path, name) if (path, name) in self.bodies else self.public.get(name)

    def reached(self, name):
        """The bodies that a function can reach, itself among them."""
        todo, seen = [self.public.get(name)], set()
        while todo:
            key = todo.pop()
            if key is None or key in seen:
                continue
            seen.add(key)
            words = set(WORD.findall(STRING.sub('""', self.bodies[key])))
            todo += [self.find(key[0], w) for w in words]
        return seen

    def keys_read(self, name):
        """The parameters that a method certainly reads."""
        keys = set()
        for at in self.reached(name):
            body = self.bodies[at]
            keys.update(KEY.findall(body))
            for names in LIST.findall(body) if "get(c->p, " in body else []:
                keys.update(t[1:-1] for t in STRING.findall(names))
            for helper, more in HELPERS.items():
                if re.search(r"\b%s\(" % helper, body):
                    keys.update(more)
        return keys

    def names(self, name):
        """Every text that a method's code has: what it reads is among them."""
        texts = set()
        for at in self.reached(name):
            texts.update(t[1:-1] for t in STRING.findall(self.bodies[at]))
            texts.update(self.defines[w] for w in WORD.findall(self.bodies[at])
                         if w in self.defines)
        return texts
