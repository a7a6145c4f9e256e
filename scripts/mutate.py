#!/usr/bin/env python3
"""mutate.py - breaks the gate and the lifecycle in every small way, and sees that a test notices.

usage: scripts/mutate.sh [--only FILE] [--operator NAME] [--function NAME] [--program NAME] [--list]
                         [--jobs N] [--build DIR] [--json]

  --only FILE      one of the files below (default: all of them)
  --operator NAME  only this kind of mutation (may be repeated)
  --function NAME  only this function, or "table" (may be repeated)
  --program NAME   only this program judges (storm: what does the storm of threads see by itself?)
  --list           print the mutations and run nothing
  --jobs N         so many mutants at once (default: one a processor)
  --build DIR      a configured build folder; for all but the gate also built (default: build/dev)
  --json           one object as the last line of stdout
  -h, --help       this text

Files: lwf/core/gate.c, lwf/core/lifecycle.c.

Operators:
  relation   == != < <= > >= by its neighbours          logic      && by ||, and back
  bits       & by |, << by >>, ~ dropped                arithmetic + by -, * by /, ++ by --
  not        ! dropped; return x by return !x           condition  if (x) by if (1) and if (0)
  constant   0 by 1, n by n + 1, true by false, a name by the next of its kind (state, event, rule)
  drop       a statement is left out                    swap       two neighbouring statements that are not
                                                                   plainly independent assignments
  order      a memory order by every weaker one         cas        a strong compare-exchange by a weak
  row        a row of the table is left out, or one of its cells is another
  historic   a step that famous wrong versions took apart, or a touch too late

Each mutant of a file is built and run with the test programs that matter to it, until one of them
fails or hangs. A weaker memory order does no harm that x86 could show; those mutants are judged by
ThreadSanitizer, which knows the orders of C11 (tests/unit/gate_order_test.c).

A mutant that all tests pass must be listed in tests/mutants with the proof that it is equivalent. Exit
0: each is killed or listed, and what is listed exists and is not killed. 1: not so. 2: usage, or the
tests fail without any mutation.
"""
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LISTED = ROOT / "tests/mutants"
GATE, LIFECYCLE = "lwf/core/gate.c", "lwf/core/lifecycle.c"
TIMEOUT_MIN_S = 10
TIMEOUT_FACTOR = 30  # of what the program takes without a mutation
# Undefined behaviour ends the program, without a run-time library.
TRAPS = ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
NEVER_DEFINED = {"LWF_BREAK_GATE"}

Mutant = namedtuple("Mutant", "file function operator line before after text")
Token = namedtuple("Token", "text start end")

# ---- what is built for a file: kits in the order in which they are asked --------------------

# A kit of one source: built here, with flags of its own. with_text: the test includes the mutated file.
Kit = namedtuple("Kit", "name sources flags with_text only", defaults=((), False, None))
KITS = {
    GATE: [
        Kit("order", ["tests/unit/gate_order_test.c"], ["-fsanitize=thread"], False, {"order"}),
        Kit("weave", ["tests/unit/gate_weave_test.c", "tests/support/weave.c"], [], True),
        Kit("gate", ["tests/unit/gate_test.c"]),
        Kit("order", ["tests/unit/gate_order_test.c"], ["-fsanitize=thread"]),
        Kit("storm", ["tests/unit/gate_storm_seams_test.c"], ["-fsanitize=address"], True),
    ],
}
# Programs of the build folder, linked anew with the mutant before the library that has the original.
PROGRAMS = {
    LIFECYCLE: ["unit_rules", "unit_lifecycle_corners", "unit_lifecycle", "unit_rules_pause", "unit_rules*", "unit_failure", "unit_races",
                "unit_stack", "unit_conflicts*", "unit_trace", "unit_oid", "unit_path", "unit_session"],
}

# ---- mutations in the words of the wrong versions --------------------------------------------

HISTORIC = [
    # (file, function, what, [(old, new), ...])
    (GATE, "lwf_gate_enter", "looks first, counts later (R1)", [(
        """	} while (!atomic_compare_exchange_weak_explicit(&gate->word, &word, word + n * LWF_GATE_ONE,
							memory_order_acquire,
							memory_order_relaxed));
	return true;""",
        """	} while (0);
	atomic_fetch_add_explicit(&gate->word, n * LWF_GATE_ONE, memory_order_acquire);
	return true;""")]),
    (GATE, "lwf_gate_enter", "counts first, and takes it back without a look at who waits", [(
        """	uint64_t word = atomic_load_explicit(&gate->word, memory_order_relaxed);

	do {
#ifndef LWF_BREAK_GATE /* a build that never refuses: the tests must notice it */
		if (word & LWF_GATE_CLOSED)
			return false;""",
        """	uint64_t word = atomic_fetch_add_explicit(&gate->word, n * LWF_GATE_ONE, memory_order_acquire);

	if (!(word & LWF_GATE_CLOSED))
		return true;
	atomic_fetch_sub_explicit(&gate->word, n * LWF_GATE_ONE, memory_order_release);
	do {
#ifndef LWF_BREAK_GATE
		if (1)
			return false;""")]),
    (GATE, "lwf_gate_close", "shuts, looks, and only then sets owed (R3)", [(
        """	} while (!atomic_compare_exchange_weak_explicit(
		&gate->word, &word, next, memory_order_acq_rel, memory_order_relaxed));
	return !(next & LWF_GATE_OWED);""",
        """	} while (!atomic_compare_exchange_weak_explicit(
		&gate->word, &word, word | LWF_GATE_CLOSED, memory_order_acq_rel, memory_order_relaxed));
	if (next & LWF_GATE_OWED)
		atomic_fetch_or_explicit(&gate->word, LWF_GATE_OWED, memory_order_acq_rel);
	return !(next & LWF_GATE_OWED);""")]),
    (GATE, "lwf_gate_close", "owes the completion even when nothing is out", [(
        "		if (word >= LWF_GATE_ONE)\n			next |= LWF_GATE_OWED;",
        "		next |= LWF_GATE_OWED;"), (
        "	return !(next & LWF_GATE_OWED);", "	return word < LWF_GATE_ONE;")]),
    (GATE, "lwf_gate_close", "looks at the gate once more before it answers", [(
        "	return !(next & LWF_GATE_OWED);",
        "	return !(atomic_load_explicit(&gate->word, memory_order_acquire) & LWF_GATE_OWED);")]),
    (GATE, "lwf_gate_leave", "is the last by what it saw before it counted (lost)", [(
        """	} while (!atomic_compare_exchange_weak_explicit(
		&gate->word, &word, next, memory_order_acq_rel, memory_order_relaxed));
	return signal;""",
        """	} while (0);
	atomic_fetch_sub_explicit(&gate->word, n * LWF_GATE_ONE, memory_order_acq_rel);
	if (signal)
		atomic_fetch_and_explicit(&gate->word, ~LWF_GATE_OWED, memory_order_acq_rel);
	return signal;""")]),
    (GATE, "lwf_gate_leave", "counts, and then looks whether the count is 0 (twice)", [(
        """	} while (!atomic_compare_exchange_weak_explicit(
		&gate->word, &word, next, memory_order_acq_rel, memory_order_relaxed));
	return signal;""",
        """	} while (0);
	atomic_fetch_sub_explicit(&gate->word, n * LWF_GATE_ONE, memory_order_acq_rel);
	word = atomic_load_explicit(&gate->word, memory_order_acquire);
	signal = (word & LWF_GATE_OWED) && word < LWF_GATE_ONE;
	if (signal)
		atomic_fetch_and_explicit(&gate->word, ~LWF_GATE_OWED, memory_order_acq_rel);
	return signal;""")]),
    (GATE, "lwf_gate_leave", "decides from a second look at the word", [(
        "	return signal;",
        "	return (atomic_load_explicit(&gate->word, memory_order_acquire) == LWF_GATE_CLOSED) | signal;")]),
    (GATE, "lwf_gate_leave", "touches the gate when it is no longer in it (R5)", [(
        "	return signal;",
        "	return atomic_load_explicit(&gate->word, memory_order_relaxed) == ~(uint64_t)0 ? false : signal;")]),
    (GATE, "lwf_gate_leave", "never takes owed back: every drain signals", [(
        "			next &= ~LWF_GATE_OWED;", "			next |= 0;")]),
    (GATE, "lwf_gate_leave", "signals whenever the count comes to 0", [(
        "		signal = (next & LWF_GATE_OWED) && next < LWF_GATE_ONE;",
        "		signal = next < LWF_GATE_ONE;")]),
]

# ---- reading C -------------------------------------------------------------------------------

TOKEN = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|^[ \t]*\#(?:[^\n\\]|\\.)*
    |[A-Za-z_]\w*|0[xX][0-9a-fA-F]+\w*|\d[\w.]*|->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\S""",
                   re.S | re.M | re.X)
TYPES = set("struct enum union const static unsigned bool char int void size_t uint8_t uint16_t uint32_t "
            "uint64_t int64_t lwf_status lwf_handle".split())
CONTROL = set("if else for while do switch case default return break continue goto".split())


def tokens_of(code):
    """Tokens without comments, without directives and what they leave out."""
    tokens, active = [], [True]
    for match in TOKEN.finditer(code):
        word = match.group()
        if word.lstrip().startswith("#"):
            directive = word.lstrip()[1:].split()
            if directive[0] in ("ifdef", "ifndef"):
                active.append((directive[1] in NEVER_DEFINED) == (directive[0] == "ifndef"))
            elif directive[0] == "else":
                active[-1] = not active[-1]
            elif directive[0] == "endif":
                active.pop()
        elif not word.startswith(("/*", "//")) and all(active):
            tokens.append(Token(word, match.start(), match.end()))
    return tokens


def match_pair(tokens, at, opening, closing):
    depth = 0
    for i in range(at, len(tokens)):
        depth += (tokens[i].text == opening) - (tokens[i].text == closing)
        if not depth:
            return i
    raise ValueError("no end")


def bodies(code, tokens):
    """(name, type, index of its brace, index of the closing one): the style puts both in column 1."""
    for i, token in enumerate(tokens):
        if token.text != "{" or (token.start and code[token.start - 1] != "\n"):
            continue
        j = i - 1
        depth = 0
        while True:
            depth += (tokens[j].text == ")") - (tokens[j].text == "(")
            if not depth:
                break
            j -= 1
        kind = " ".join(t.text for t in tokens[max(0, j - 3):j - 1])
        yield tokens[j - 1].text, kind, i, match_pair(tokens, i, "{", "}")


RELATION = {"==": ["!="], "!=": ["=="], "<": ["<=", ">="], ">": [">=", "<="], "<=": ["<", ">"],
            ">=": [">", "<"]}
LOGIC = {"&&": ["||"], "||": ["&&"]}
BITS = {"&": ["|"], "|": ["&"], "&=": ["|="], "|=": ["&="], "<<": [">>"], ">>": ["<<"]}
ARITHMETIC = {"+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "++": ["--"], "--": ["++"], "+=": ["-="],
              "-=": ["+="]}
ORDERS = {"memory_order_acq_rel": ["acquire", "release", "relaxed"], "memory_order_acquire": ["relaxed"],
          "memory_order_release": ["relaxed"], "memory_order_seq_cst": ["acq_rel", "relaxed"]}
KINDS = [["LWF_GATE_CLOSED", "LWF_GATE_OWED", "LWF_GATE_ONE"],
         [f"LWF_STATE_{s}" for s in "DETACHED ATTACHING PAUSED RESTARTING RUNNING PAUSING".split()],
         [f"LWF_EVENT_{e}" for e in "ATTACH RESTART PAUSE DETACH DONE FAILED".split()],
         ["LWF_OUTCOME_DONE", "LWF_OUTCOME_PENDING", "LWF_OUTCOME_FAILED"],
         ["LWF_STATUS_SUCCESS", "LWF_STATUS_FAILURE"], ["LWF_STATUS_PENDING", "LWF_STATUS_RESOURCES"],
         ["true", "false"]]


def constants(word):
    for kind in KINDS:
        if word in kind:
            return [kind[(kind.index(word) + 1) % len(kind)]]
    if re.fullmatch(r"LWF_RULE_\w+", word):
        return ["LWF_RULE_S01" if word != "LWF_RULE_S01" else "LWF_RULE_S02"]
    if re.fullmatch(r"\d+", word):
        return ["1" if word == "0" else "0" if word == "1" else str(int(word) + 1)]
    return []


def touched(statement):
    """What an assignment writes, and all that it names; None for anything that may do more. Fields go
    by their name alone, whatever object they are in, so that two names of one object do not hide it."""
    if statement.startswith("snprintf("):
        statement = re.sub(r"snprintf\(([^,]+), (.*)\);", r"\1 = \2;", statement, flags=re.S).replace("sizeof(", "(")
    if re.search(r"\w\s*\(", statement) or not re.search(r"[^=!<>]=[^=]|\+\+|--", statement):
        return None
    written = re.findall(r"(\w+)(?:\[\w+\])?\s*(?:[-+&|]?=(?!=)|\+\+|--)", statement)
    written += [word.split(">")[-1].split(".")[-1] for word in re.findall(r"(?:\+\+|--)([\w>.-]+)", statement)]
    return set(written), set(re.findall(r"[A-Za-z_]\w*", statement))


def independent(one, other):
    if touched(one) is None or touched(other) is None:
        return False
    (writes, names), (other_writes, other_names) = touched(one), touched(other)
    return not writes & other_names and not other_writes & names


class Reader:
    """All mutants of one file."""

    def __init__(self, name):
        self.name = name
        self.code = (ROOT / name).read_text(encoding="utf-8")
        self.tokens = tokens_of(self.code)
        self.mutants = []

    def add(self, function, operator, start, end, new):
        code = self.code
        first = code.rfind("\n", 0, start) + 1
        last = code.find("\n", end)
        before = " ".join(code[first:last].split())
        after = " ".join((code[first:start] + new + code[end:last]).split())
        self.mutants.append(Mutant(self.name, function, operator, code.count("\n", 0, start) + 1, before,
                                   after, code[:start] + new + code[end:]))

    def spaced(self, token):
        return self.code[token.start - 1] in " \t\n" and self.code[token.end] in " \t\n"

    def words(self, function, kind, first, last):
        for i in range(first + 1, last):
            token = self.tokens[i]
            word = token.text

            def put(operator, new, start=token.start, end=token.end):
                self.add(function, operator, start, end, new)
            for operator, choices in (("relation", RELATION), ("logic", LOGIC), ("bits", BITS),
                                      ("arithmetic", ARITHMETIC)):
                if word in choices and (self.spaced(token) or word in ("++", "--")):
                    for new in choices[word]:
                        put(operator, new)
            for new in ORDERS.get(word, []):
                put("order", "memory_order_" + new)
            if "compare_exchange_strong" in word:
                put("cas", word.replace("strong", "weak"))
            if word == "!":
                put("not", "")
            if word == "~":
                put("bits", "")
            for new in constants(word):
                put("constant", new)
            if word in ("if", "while") and self.tokens[i + 1].text == "(":
                close = match_pair(self.tokens, i + 1, "(", ")")
                for new in ("1", "0") if word == "if" else ("0",):
                    put("condition", new, self.tokens[i + 1].end, self.tokens[close].start)
            if word == "return" and kind.endswith("bool") and self.tokens[i + 1].text not in ("true", "false"):
                end = next(j for j in range(i, last) if self.tokens[j].text == ";")
                start = self.tokens[i + 1].start
                put("not", f"!({self.code[start:self.tokens[end].start]})", start, self.tokens[end].start)

    def statements(self, first, last):
        """(start, end) of each simple statement, None where another one stands between."""
        tokens, i, found = self.tokens, first + 1, []
        while i < last:
            word = tokens[i].text
            if word in ("if", "for", "while", "switch"):
                i = match_pair(tokens, i + 1, "(", ")") + 1
                found.append(None)
            elif word in ("{", "}", "else", "do", ";"):
                found.append(None)
                i += 1
            elif word in ("case", "default"):
                i = next(j for j in range(i, last) if tokens[j].text == ":") + 1
                found.append(None)
            else:
                end, depth = i, 0
                while tokens[end].text != ";" or depth:
                    depth += (tokens[end].text in "({[") - (tokens[end].text in ")}]")
                    end += 1
                simple = word not in TYPES
                found.append((tokens[i].start, tokens[end].end, word) if simple else None)
                i = end + 1
        return found

    def drops_and_swaps(self, function, first, last):
        found = self.statements(first, last)
        for i, statement in enumerate(found):
            if not statement:
                continue
            start, end, word = statement
            text = self.code[start:end]
            if not text.startswith("return ") and not text.startswith("(void)"):
                self.add(function, "drop", start, end, ";")
            following = found[i + 1] if i + 1 < len(found) else None
            if following and word not in CONTROL and following[2] not in CONTROL and \
                    not independent(text, self.code[following[0]:following[1]]):
                between = self.code[end:following[0]]
                self.add(function, "swap", start, following[1],
                         self.code[following[0]:following[1]] + between + text)

    def rows(self):
        match = re.search(r"^} table\[\] = \{\n(.*?)^\};", self.code, re.S | re.M)
        if not match:
            return
        kinds = [[f"S({s})" for s in "DETACHED ATTACHING PAUSED RESTARTING RUNNING PAUSING".split()],
                 [f"E({e})" for e in "ATTACH RESTART PAUSE DETACH DONE FAILED".split()],
                 ["act_attach", "act_restart", "act_pause", "act_detach", "act_none"]]
        for row in re.finditer(r"^\t\{(.*?)\},$", match[1], re.M):
            base = match.start(1) + row.start()
            self.add("table", "row", base, match.start(1) + row.end(), "")
            for cell in re.finditer(r"[SE]\(\w+\)|act_\w+", row.group()):
                for kind in kinds:
                    if cell.group() in kind:
                        new = kind[(kind.index(cell.group()) + 1) % len(kind)]
                        self.add("table", "row", base + cell.start(), base + cell.end(), new)
            self.add("table", "row", base, match.start(1) + row.end(),
                     re.sub(r'".*"', '"?"', row.group()))

    def historic(self):
        for name, function, what, edits in HISTORIC:
            if name != self.name:
                continue
            text = self.code
            for old, new in edits:
                begin = text.index(f"{function}(")
                body = text[begin:]
                if body.count(old) < 1:
                    fail(f"the historic mutation '{what}' of {function}() does not fit {name} any more")
                text = text[:begin] + body.replace(old, new, 1)
            line = self.code.count("\n", 0, self.code.index(f"{function}(")) + 1
            self.mutants.append(Mutant(name, function, "historic", line, function, what, text))

    def read(self):
        for function, kind, first, last in bodies(self.code, self.tokens):
            self.words(function, kind, first, last)
            self.drops_and_swaps(function, first, last)
        self.rows()
        self.historic()
        return self.mutants


# ---- building and running --------------------------------------------------------------------

def fail(text):
    print(f"mutate.sh: {text}", file=sys.stderr)
    sys.exit(2)


def run(command, cwd, timeout):
    """Exit code of a command, None when it took too long; and what it said.

    A mutant may run for ever, and nobody is left to end it when this program is killed: so it has a
    limit of its own on processor time, too.
    """
    command = ["prlimit", f"--cpu={10 * int(timeout) + 10}", "--", *map(str, command)]
    with subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace",
                          start_new_session=True) as process:
        try:
            said, _ = process.communicate(timeout=timeout)
            return process.returncode, said
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.communicate()
            return None, "took too long"


class Bench:
    """Builds and runs the programs for the mutants of one file."""

    def __init__(self, name, build, tmp, program=None):
        self.name, self.build, self.tmp = name, build, tmp
        self.flags = {}
        for entry in json.loads((build / "compile_commands.json").read_text()):
            flags, path = shlex.split(entry["command"]), str(Path(entry["file"]).resolve())
            if path not in self.flags or "lwf_core.dir" in entry["command"]:
                self.flags[path] = flags  # there may be broken builds of it besides
        self.compiler = self.compile_flags(name)[0]
        self.kits = list(KITS.get(name, []))
        for pattern in PROGRAMS.get(name, []):
            known = [kit.name for kit in self.kits]
            self.kits += [Kit(path.name, None) for path in sorted((build / "tests/bin").glob(pattern))
                          if path.name not in known]
        self.kits = [kit for kit in self.kits if program in (None, kit.name)]
        if not self.kits:
            fail(f"{program}: no such program for {name}" if program else f"{build} has no test programs; build it first: cmake --build {build}")
        self.links = {kit.name: self.link_command(kit.name) for kit in self.kits if not kit.sources}
        self.limit = {}

    def compile_flags(self, name):
        """Compiler and flags for a source, without what is particular to it or to the build type."""
        command = self.flags.get(str((ROOT / name).resolve()))
        if not command:
            fail(f"{self.build}/compile_commands.json does not know {name}; configure it again")
        if command[0].endswith("ccache"):
            command = command[1:]
        end = command.index("-o")
        return [word for word in command[:end] if not re.match(r"-(Werror|O\w|g\w*|fsanitize=.*)$", word)]

    def link_command(self, program):
        said = subprocess.run(["ninja", "-C", self.build, "-t", "commands", program], capture_output=True,
                              text=True, check=True).stdout.splitlines()
        command = next(line for line in reversed(said) if f"-o tests/bin/{program}" in line)
        words = shlex.split(command.split("&&")[1])
        return words[1:] if words[0].endswith("ccache") else words

    def compile(self, source, out, extra, first=()):
        """Compiles @source, a path of the tree, or with @first, a folder, the file of that name there."""
        name = Path(source)
        path = Path(first[0]) / name.name if first and name == Path(self.name) else ROOT / name
        include = [f"-I{first[0]}"] if first else []
        command = self.compile_flags(source)
        command = [command[0]] + include + command[1:] + ["-w", *extra, "-c", str(path), "-o", str(out)]
        return run(command, self.build, 120)

    def make(self, kit, folder, cache):
        """Builds the program of a kit with the mutated file in @folder. Its path, or what went wrong."""
        program = folder / f"program-{kit.name}"
        flags = ["-O1", "-g", *kit.flags] if kit.sources else ["-Og", "-g0", *TRAPS]
        own = folder / f"mutant-{'-'.join(kit.flags) or 'plain'}.o"
        if not own.exists():
            status, said = self.compile(self.name, own, flags, (folder,))
            if status != 0:
                return None, said
        if not kit.sources:
            command = list(self.links[kit.name])
            at = command.index("-o")
            command[at:at + 2] = [str(own), "-o", str(program)]
            status, said = run(command, self.build, 120)
            return (program, said) if status == 0 else (None, said)
        objects = [] if kit.with_text else [own]
        for i, source in enumerate(kit.sources):
            text = kit.with_text and i == 0
            out = (folder if text else cache) / f"{kit.name}-{i}.o"
            if not out.exists():
                status, said = self.compile(source, out, flags, (folder,) if text else ())
                if status != 0:
                    return None, said
            objects.append(out)
        status, said = run([self.compiler, *kit.flags, *map(str, objects), "-o", str(program), "-lcmocka",
                            "-pthread"], self.build, 120)
        return (program, said) if status == 0 else (None, said)

    def baseline(self):
        """All programs pass without a mutation; how long each may take."""
        folder = self.tmp / "original"
        folder.mkdir()
        shutil.copy(ROOT / self.name, folder)
        for kit in self.kits:
            if kit.name in self.limit:
                continue
            program, said = self.make(kit, folder, self.tmp)
            if not program:
                fail(f"{kit.name} cannot be built:\n{said}")
            began = time.monotonic()
            status, said = run([str(program)], self.build, 120)
            if status != 0:
                fail(f"{kit.name} fails without any mutation ({status}):\n{said[-3000:]}")
            self.limit[kit.name] = max(TIMEOUT_MIN_S, TIMEOUT_FACTOR * (time.monotonic() - began))

    def judge(self, number, mutant):
        """'stillborn', 'survived', or the name of the program that killed it."""
        folder = self.tmp / str(number)
        folder.mkdir()
        (folder / Path(self.name).name).write_text(mutant.text)
        asked = set()
        try:
            for kit in self.kits:
                if kit.name in asked or (kit.only and mutant.operator not in kit.only):
                    continue
                asked.add(kit.name)
                program, said = self.make(kit, folder, self.tmp)
                if not program:
                    return "stillborn"
                status, said = run([str(program)], folder, self.limit[kit.name])
                if status != 0:
                    return kit.name
                program.unlink()
            return "survived"
        finally:
            shutil.rmtree(folder)


# ---- the list of those that are equivalent ---------------------------------------------------

def key_of(mutant):
    return mutant.file, mutant.function, mutant.before, mutant.after


def read_listed(path):
    """{key: proof}. A stanza: "FILE FUNCTION", "- before", "+ after", then lines of proof."""
    listed, head, before, key = {}, None, None, None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            head = before = key = None
        elif line.startswith("- ") and head:
            before = " ".join(line[2:].split())
        elif line.startswith("+ ") and before:
            key = (*head, before, " ".join(line[2:].split()))
            listed[key] = ""
        elif line.startswith("  ") and key:
            listed[key] += line.strip() + " "
        elif len(line.split()) == 2 and not line[0].isspace():
            head = tuple(line.split())
        else:
            fail(f"{path}:{number}: neither 'FILE FUNCTION', '- before', '+ after' nor proof")
    for key, proof in listed.items():
        if not proof:
            fail(f"{path}: no proof for {key[1]}: {key[3]}")
    return listed


# ---- the run ---------------------------------------------------------------------------------

class Progress:
    def __init__(self, total):
        self.total, self.begun, self.count = total, time.monotonic(), {}
        self.lock, self.tty = threading.Lock(), sys.stderr.isatty()

    def tell(self, verdict):
        with self.lock:
            word = verdict if verdict in ("survived", "stillborn", "listed") else "killed"
            self.count[word] = self.count.get(word, 0) + 1
            if not self.tty:
                return
            finished = sum(self.count.values())
            left = (time.monotonic() - self.begun) / finished * (self.total - finished)
            words = ", ".join(f"{n} {word}" for word, n in sorted(self.count.items()))
            end = "\n" if finished == self.total else ""
            print(f"\r\033[K{finished}/{self.total}: {words}; {left:.0f} s to go", end=end, file=sys.stderr,
                  flush=True)


def show(mutant, verdict=""):
    where = f"{mutant.file}:{mutant.line} {mutant.function} {mutant.operator}"
    return f"{verdict}{where}\n- {mutant.before}\n+ {mutant.after}"


def judge_all(mutants, options, listed):
    verdicts = []
    progress = Progress(len(mutants))
    with tempfile.TemporaryDirectory(prefix="mutate.") as tmp, \
            concurrent.futures.ThreadPoolExecutor(options["jobs"]) as pool:
        waiting = []
        for i, name in enumerate(sorted({mutant.file for mutant in mutants})):
            folder = Path(tmp) / str(i)
            folder.mkdir()
            bench = Bench(name, options["build"], folder, options["program"])
            bench.baseline()
            waiting += [(mutant, pool.submit(bench.judge, number, mutant))
                        for number, mutant in enumerate(mutants) if mutant.file == name]
        by_future = {future: mutant for mutant, future in waiting}
        for future in concurrent.futures.as_completed(by_future):
            mutant, verdict = by_future[future], future.result()
            if verdict == "survived" and key_of(mutant) in listed:
                verdict = "listed"
            progress.tell(verdict)
            verdicts.append((mutant, verdict))
    return verdicts


def report(verdicts, listed, options, files):
    bad = 0
    counts = {"mutants": len(verdicts), "killed": 0, "listed": 0, "survived": 0, "stillborn": 0}
    killers, survivors = {}, []
    for mutant, verdict in sorted(verdicts, key=lambda pair: (pair[0].file, pair[0].line)):
        if verdict == "survived":
            print(show(mutant, "SURVIVED "))
            survivors.append({"file": mutant.file, "line": mutant.line, "function": mutant.function,
                              "operator": mutant.operator, "before": mutant.before, "after": mutant.after})
        if verdict in counts:
            counts[verdict] += 1
        else:
            counts["killed"] += 1
            killers[verdict] = killers.get(verdict, 0) + 1
    lived = {key_of(mutant) for mutant, verdict in verdicts if verdict == "listed"}
    stale = [key for key in listed if key[0] in files and key not in lived
             if not options["operators"] and not options["functions"] and not options["program"]]
    for key in stale:
        made = key in {key_of(mutant) for mutant, _ in verdicts}
        print(f"tests/mutants: {key[0]} {key[1]}: {key[3]}: " +
              ("is killed, so the proof is wrong" if made else "is no mutation of this tree"))
    bad = len(survivors) + len(stale)
    print(f"{counts['mutants']} mutants: {counts['killed']} killed, {counts['listed']} equivalent as listed, "
          f"{counts['survived']} survived, {counts['stillborn']} do not compile; killed by " +
          ", ".join(f"{name} {n}" for name, n in sorted(killers.items(), key=lambda pair: -pair[1])))
    if options["json"]:
        print(json.dumps({"schema": 1, **counts, "killed_by": killers, "survivors": survivors,
                          "stale": [list(key) for key in stale]}, separators=(",", ":")))
    return 1 if bad else 0


def parse(arguments):
    options = {"files": [], "operators": [], "functions": [], "program": None, "list": False, "jobs": os.cpu_count() or 1,
               "build": ROOT / "build/dev", "json": False}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("-h", "--help"):
            print(__doc__.split("\n\n", 1)[1], end="")
            sys.exit(0)
        elif word in ("--list", "--json"):
            options[word[2:]] = True
        elif word in ("--only", "--operator", "--function", "--program", "--jobs", "--build"):
            if not rest:
                fail(f"{word} needs a value; see --help")
            value = rest.pop(0)
            if word == "--only" and value not in (GATE, LIFECYCLE):
                fail(f"--only {value}: only {GATE} and {LIFECYCLE} are mutated")
            if word == "--jobs" and not re.fullmatch("[1-9][0-9]*", value):
                fail(f"--jobs {value}: not a number")
            if word in ("--only", "--operator", "--function"):
                options["files" if word == "--only" else word[2:] + "s"].append(value)
            else:
                convert = {"--jobs": int, "--build": lambda name: Path(name).resolve(), "--program": str}[word]
                options[word[2:]] = convert(value)
        else:
            fail(f"unknown option '{word}'; see --help")
    return options


def main():
    options = parse(sys.argv[1:])
    files = options["files"] or [GATE, LIFECYCLE]
    mutants = [mutant for name in files for mutant in Reader(name).read()
               if (not options["operators"] or mutant.operator in options["operators"]) and
               (not options["functions"] or mutant.function in options["functions"])]
    if not mutants:
        fail("no such mutation")
    if options["list"]:
        for mutant in mutants:
            print(show(mutant))
        return 0
    if not (options["build"] / "compile_commands.json").is_file():
        fail(f"{options['build']} is not configured; first: cmake --preset dev")
    listed = read_listed(LISTED)
    return report(judge_all(mutants, options, listed), listed, options, files)


if __name__ == "__main__":
    sys.exit(main())
