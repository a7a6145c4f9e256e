#!/usr/bin/env python3
"""house.py - the rules of the house that are checked by reading the tree.

usage: house.py CHECK ROOT [BUILD]      CHECK is a function below without its check_

Prints one line for each fault, "file:line: what", and ends with 1 when there was one. scripts/lint.sh
calls it; the checks that need a compiler or another tool are there.
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70
PATH_LINES_MAX = 500  # the hot path, lwf/core/path.c

ROOT = Path(".")
BUILD = None


def tracked(*suffixes):
    """Paths of the tree, relative to ROOT: what git knows or would add; all files without git."""
    if (ROOT / ".git").exists():
        names = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"],
                               cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
        paths = [Path(name) for name in names]
    else:
        paths = [path.relative_to(ROOT) for path in ROOT.rglob("*")]
        paths = [path for path in paths if path.parts[0] != "build"]
    paths = sorted(path for path in set(paths) if (ROOT / path).is_file())
    return [path for path in paths if not suffixes or path.suffix in suffixes]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def under(path, *folders):
    return any(path.is_relative_to(folder) for folder in folders)


def bare(code):
    """C without its comments and strings, line for line."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, code, flags=re.S)


def is_script(path):
    return path.suffix in (".sh", ".py") or text(path).startswith("#!")


# ---- who may include what -------------------------------------------------------------------

# folder: folders whose headers it may name in quotes (its own is understood)
MAY_SEE = {
    "include/lwf": [],
    "lwf/core": [],
    "lwf/filters": [],
    "lwf/edges": ["lwf/core"],
    "lwf/hosts": ["lwf/core"],
    "lwf/wire": [],
    "lwf/ctl": ["lwf/wire"],
    "injector": ["lwf/wire", "lwf/edges", "lwf/hosts"],
    "lwf/daemon": ["lwf/core", "lwf/edges", "lwf/hosts", "lwf/filters", "lwf/wire"],
    "lwf/stress/shim": [],
    "lwf/stress": ["lwf/core", "lwf/edges", "lwf/hosts", "lwf/filters", "lwf/wire", "injector", "lwf/stress/shim"],
}
# library header: where it may be included
LIBRARY = {
    "event2/": ["lwf/hosts/event.c"],
    "pcap": ["lwf/edges", "lwf/hosts", "lwf/filters/capture.c", "injector", "tests"],
    "netlink/": ["lwf/daemon", "lwf/ctl", "lwf/edges", "lwf/stress", "injector", "tests"],
    "jansson.h": ["lwf/wire", "lwf/daemon", "lwf/ctl", "lwf/stress", "injector", "tests"],
    "cap-ng.h": ["lwf/daemon"],
}
# all that the engine and the filters may have of the C library: nothing that asks a kernel
PURE_HEADERS = {"assert.h", "ctype.h", "errno.h", "inttypes.h", "limits.h", "stdarg.h", "stdatomic.h",
                "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "strings.h"}
PURE = ("include/lwf", "lwf/core", "lwf/filters")


def folder_of(path):
    return next((folder for folder in MAY_SEE if under(path, folder)), None)


def quoted_fault(path, folder, name):
    for seen in [folder] + MAY_SEE[folder]:
        if (ROOT / seen / name).is_file():
            return None
    return f'"{name}" is in no folder that {folder} may see'


def angle_fault(path, folder, name):
    if name.startswith("lwf/"):
        return None if (ROOT / "include" / name).is_file() else f"<{name}> is no public header"
    for library, places in LIBRARY.items():
        if name.startswith(library) and not under(path, *places):
            return f"<{name}> belongs in {', '.join(places)} alone"
    if under(path, *PURE) and name not in PURE_HEADERS:
        return f"<{name}>: {folder} asks nothing of a kernel; the host does (lwf/host.h)"
    return None


def check_includes():
    for path in tracked(".c", ".h"):
        folder = folder_of(path)
        if not folder:
            continue
        for number, line in enumerate(text(path).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
            if not match:
                continue
            fault = (quoted_fault if match[1] == '"' else angle_fault)(path, folder, match[2])
            if fault:
                yield f"{path}:{number}: {fault}"


IMPURE = ("malloc calloc realloc free strdup clock_gettime gettimeofday time rand random srand read write "
          "send sendto sendmsg recv recvfrom recvmsg open close socket ioctl poll select usleep sleep "
          "nanosleep printf fprintf puts getenv system fork exit").split()


def check_pure():
    """The engine and the filters ask the host; devices are opened in one file."""
    call = re.compile(r"(?<![\w.>])(" + "|".join(IMPURE) + r")\s*\(")
    device = re.compile(r"\bsocket\s*\(\s*(AF|PF)_PACKET|\bopen\w*\s*\([^;]*/dev/net/tun")
    for path in tracked(".c", ".h"):
        code = bare(text(path)).splitlines()
        for number, line in enumerate(code, 1):
            match = call.search(line)
            if under(path, *PURE) and match:
                yield f"{path}:{number}: {match[1]}() is the host's business"
        if under(path, "lwf", "injector") and path != Path("lwf/edges/open.c"):
            for number, line in enumerate(text(path).splitlines(), 1):
                if device.search(line) and not line.lstrip().startswith(("*", "/*")):
                    yield f"{path}:{number}: devices are opened in lwf/edges/open.c alone"


# ---- form -----------------------------------------------------------------------------------

def functions(code):
    """(name, first line, lines of its body) of each function; the style puts its braces in column 1."""
    start = 0
    for number, line in enumerate(code, 1):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start:
            head = " ".join(code[max(0, start - 4):start - 1])
            names = re.findall(r"(\w+)\s*\(", head)
            yield names[0] if names else "?", start, number - start - 1
            start = 0


def check_sizes():
    for path in tracked(".c", ".h", ".py", ".sh"):
        lines = text(path).splitlines()
        most = PATH_LINES_MAX if path == Path("lwf/core/path.c") else FILE_LINES_MAX
        if len(lines) > most:
            yield f"{path}:1: {len(lines)} lines; {most} are allowed"
        if path.suffix == ".c":
            for name, start, length in functions(lines):
                if length > FUNCTION_LINES_MAX:
                    yield f"{path}:{start}: {name}() has {length} lines; {FUNCTION_LINES_MAX} are allowed"


def check_titles():
    """A file opens by saying what it owns."""
    for path in tracked():
        source = path.suffix in (".c", ".h")
        if not source and not is_script(path):
            continue
        lines = text(path).splitlines()
        if source and (not lines or lines[0] != "/* SPDX-License-Identifier: BSD-2-Clause */"):
            yield f"{path}:1: the licence line is missing"
        if not any(re.search(rf"(^|[\s\"*#]){re.escape(path.name)} - \S", line) for line in lines[:6]):
            yield f"{path}:2: the comment on top must say '{path.name} - what it owns'"


# Written in halves, so that this file does not find itself.
UNFINISHED = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK", "not " + "implemented", "un" + "implemented",
              "place" + "holder", "st" + "ub", "st" + "ubbed"]


def check_words():
    unfinished = re.compile(r"\b(" + "|".join(UNFINISHED) + r")\b", re.I)
    home = re.compile(r"(^|[^\w.])/(ho" + "me|wo" + r"rk|fa" + r"rm|ro" + r"ot)/")
    for path in tracked():
        if under(path, "docs/adr") or path.name in ("CHANGELOG.md", "LICENSE"):
            continue
        if path.suffix in (".pcap", ".pcapng", ".png") or "corpus" in path.parts:
            continue
        for number, line in enumerate(text(path).splitlines(), 1):
            match = unfinished.search(line)
            if match:
                yield f"{path}:{number}: '{match[1]}' speaks of unfinished work"
            if home.search(line):
                yield f"{path}:{number}: a path of one machine"
            if line != line.rstrip() and path.suffix != ".md":
                yield f"{path}:{number}: blanks at the end"


# ---- documents ------------------------------------------------------------------------------

def anchors(path):
    """Heading names as GitHub makes them."""
    heads = re.findall(r"^#+ +(.*)$", text(path), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def link_fault(path, target):
    name, _, anchor = target.partition("#")
    goal = path.parent / name if name else path
    if not (ROOT / goal).exists():
        return f"link to {target}, which does not exist"
    if anchor and anchor not in anchors(goal):
        return f"link to {target}: no such heading"
    return None


def check_links():
    """Links lead somewhere, and files that the documents name exist."""
    named = re.compile(r"`((?:lwf|include|injector|tests|scripts|docs|cmake)/[\w./-]*\w)`")
    for path in tracked(".md"):
        for number, line in enumerate(text(path).splitlines(), 1):
            for target in re.findall(r"\]\(([^)\s]+)\)", line):
                fault = None if re.match(r"\w+:", target) else link_fault(path, target)
                if fault:
                    yield f"{path}:{number}: {fault}"
            for name in named.findall(line):
                if not (ROOT / name).exists() and not name.startswith("lwf/lwf"):
                    yield f"{path}:{number}: names {name}, which does not exist"


def programs():
    found = []
    for path in tracked(".txt"):
        if path.name == "CMakeLists.txt" and under(path, "lwf", "injector"):
            found += re.findall(r"add_executable\((\S+)", text(path))
    return found


def check_man():
    """A page for each program, with every option that --help names."""
    pages = {re.sub(r"\.\d\.scd$", "", path.name): path for path in tracked(".scd")}
    for program in programs():
        if program not in pages:
            yield f"docs/man:1: no page for {program}"
            continue
        binary = BUILD / "bin" / program if BUILD else None
        if not binary or not binary.is_file():
            continue
        run = subprocess.run([binary, "--help"], capture_output=True, text=True, timeout=20, check=False)
        if run.returncode:
            yield f"{pages[program]}:1: {program} --help ends with {run.returncode}"
        page = text(pages[program]).replace("\\", "")
        for option in sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", run.stdout))):
            if option not in page:
                yield f"{pages[program]}:1: {option} of {program} --help is not described"
    yield from mandoc()


def mandoc():
    """What mandoc says about the built pages, where there is one."""
    if not BUILD or not shutil.which("mandoc"):
        return
    for page in sorted((BUILD / "man").glob("*.[0-9]")):
        run = subprocess.run(["mandoc", "-Tlint", "-Werror", page], capture_output=True, text=True,
                             check=False)
        yield from run.stdout.splitlines()


def ids(spec):
    """ "S01-S03,F01" > S01 S02 S03 F01"""
    for part in spec.split(","):
        first, _, last = part.partition("-")
        for number in range(int(first[1:]), int((last or first)[1:]) + 1):
            yield f"{first[0]}{number:02d}"


RULES = "S01-S20,P01-P17,F01-F06,O01-O15,T01-T08"  # 60 of NDIS's documents, 6 from the field


def rule_tests():
    """Rules that a test of tests/unit breaks: defined, in the list of its program, naming its id."""
    for path in tracked(".c"):
        if under(path, "tests/unit"):
            code, words = bare(text(path)), text(path)
            defined = set(re.findall(r"^static void test_([A-Z]\d\d)\(void \*\*state\)", code, flags=re.M))
            listed = set(re.findall(r"\bRULE_TEST\((\w+)\)", code))
            yield from (rule for rule in defined & listed if f'"{rule}"' in words)


def check_rules():
    """The rules are all there, each once; the engine judges each, and a test breaks it under its id."""
    table = Path("lwf/core/rules.def")
    defined = re.findall(r"^X\((\w+),", text(table), flags=re.M)
    wanted = list(ids(RULES))
    for rule in sorted(set(wanted + defined)):
        if defined.count(rule) != wanted.count(rule):
            yield f"{table}:1: rule {rule} stands there {defined.count(rule)} times"
    core = " ".join(bare(text(path)) for path in tracked(".c") if under(path, "lwf/core"))
    judged = set(re.findall(r"\bLWF_RULE_(\w+)", core))
    for rule in wanted:
        if rule not in judged:
            yield f"lwf/core:1: rule {rule} is judged nowhere"
    tested = set(rule_tests())
    for rule in wanted:
        if rule not in tested:
            yield f"tests/unit:1: rule {rule} has no RULE_TEST({rule}) that expects it to be broken"


CONFLICTS = [f"C{number}" for number in range(1, 11)]


def check_conflicts():
    """The contradictions are all in the register; the engine acts on each, by tests of both readings."""
    table = Path("lwf/core/conflicts.def")
    defined = re.findall(r"^X\((\w+),", text(table), flags=re.M)
    if defined != CONFLICTS:
        yield f"{table}:1: its rows are {' '.join(defined)}"
    core = " ".join(bare(text(path)) for path in tracked(".c") if under(path, "lwf/core"))
    listed = set()
    for path in tracked(".c"):
        if under(path, "tests/unit"):
            code = bare(text(path))
            for name in re.findall(r"^static void test_(C\d+_\w+)\(void \*\*state\)", code, flags=re.M):
                if len(re.findall(rf"\b(?:test_)?{name}\b", code)) > 1:
                    listed.add(name)
    for row in CONFLICTS:
        if not re.search(rf"\bLWF_CONFLICT_{row}\b", core):
            yield f"lwf/core:1: nothing depends on the reading of {row}"
        for reading in ("narrow", "wide"):
            if f"{row}_{reading}" not in listed:
                yield f"tests/unit:1: no test_{row}_{reading} for that reading"


def check_pages():
    """Pages that a script writes are what it would write now."""
    script = ROOT / "scripts/rules.py"
    if not script.exists():
        return
    run = subprocess.run([sys.executable, str(script), "--check", str(ROOT)], capture_output=True, text=True,
                         check=False)
    yield from run.stdout.splitlines()
    if run.returncode not in (0, 1):
        yield f"scripts/rules.py:1: {run.stderr.strip().splitlines()[-1]}"


# The table's numbers; 27, 28, 35 and 41 to 45 are of other pages.
CASES = set(range(1, 49)) - {27, 28, 35, 41, 42, 43, 44, 45}
# What happens to devices, clients and daemons happens live; the others have no real thing that does it at will.
LIVE = CASES - {19, 37}
# And all of it in the simulation, but what it has not: system calls, descriptors, wall clocks, netlink's
# buffer, processes.
SIMULATED = CASES - {18, 29, 32, 33, 36, 38}


def marked_cases(path):
    """Numbers that `# case N` marks at the end of expectations give, by world; and lines with a mark that expect nothing."""
    marks, idle, blocks = {"sim": set(), "live": set()}, [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark = re.search(r"#.*\bcase((?: \d+)+)\s*$", line)
        code = line.split("#")[0]
        worlds = set(marks)
        for piece in re.finditer(r"(?:only (sim|live)\s*)?\{|\}|\bexpect\b", re.sub(r'"[^"]*"', '""', code)):
            if piece[0] == "}":
                blocks.pop()
            elif piece[0] != "expect":
                blocks.append(piece[1])
            else:
                worlds &= set(marks) & ({block for block in blocks if block} or set(marks))
        if mark and re.search(r"\bexpect ", code):
            for world in worlds:
                marks[world] |= {int(word) for word in mark[1].split()}
        elif mark:
            idle.append(number)
    return marks, idle


def check_cases():
    """docs/scenarios.md has each case of the catalogue, and the scenario or test that it names looks at it, in its worlds."""
    page, scenarios = ROOT / "docs/scenarios.md", ROOT / "scripts/scenarios"
    if not scenarios.exists():
        return
    marks = {}
    for path in sorted(scenarios.glob("*.scn")):
        marks[path.name], idle = marked_cases(path)
        for line in idle:
            yield f"scripts/scenarios/{path.name}:{line}: a mark of a case stands at no expectation"
    rows = {}
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        row = re.match(r"\| (\d+) \|.*\| ([^|]+) \|$", line)
        if not row:
            continue
        case, where = int(row[1]), row[2].split(", ")
        rows[case] = {name for name in where if name.endswith(".scn")}
        for name in where:
            if name.endswith(".scn") and not any(case in seen for seen in marks.get(name, {}).values()):
                yield f"docs/scenarios.md:{number}: {name} expects nothing with the mark '# case {case}'"
            if not name.endswith(".scn") and not (ROOT / name).exists():
                yield f"docs/scenarios.md:{number}: there is no {name}"
        for world, cases in (("sim", SIMULATED), ("live", LIVE)):
            if rows[case] and case in cases and not any(case in marks[name][world] for name in rows[case] & set(marks)):
                yield f"docs/scenarios.md:{number}: no scenario expects case {case} in the world '{world}'"
    for case in sorted(CASES ^ set(rows)):
        yield f"docs/scenarios.md:1: case {case} {'has no row' if case in CASES else 'is none of the catalogue'}"
    for name, seen in marks.items():
        for case in sorted(case for case in seen["sim"] | seen["live"] if name not in rows.get(case, set())):
            yield f"docs/scenarios.md:1: the row of case {case} does not name {name}"


RACES = range(1, 13)


def check_races():
    """Each race of NDIS's catalogue, R1 to R12, has a test that is run and carries its name."""
    named = set()
    for path in tracked(".c"):
        if under(path, "tests/unit"):
            code = bare(text(path))
            for name in re.findall(r"^static void test_(\w+)\(void \*\*state\)", code, flags=re.M):
                if len(re.findall(rf"\b(?:test_)?{name}\b", code)) > 1:  # defined, and in the list
                    named.update(re.findall(r"(?<![A-Za-z0-9])R\d+(?![A-Za-z0-9])", name.replace("_", " ")))
    for number in RACES:
        if f"R{number}" not in named:
            yield f"tests/unit:1: race R{number} has no test that is named after it"


# ---- the map of names: docs/ndis-map.md ------------------------------------------------------

MAP = Path("docs/ndis-map.md")


def public_symbols():
    """name > header: functions, types, and the functions in tables of functions, of include/lwf."""
    found = {}
    for path in tracked(".h"):
        if not under(path, "include/lwf"):
            continue
        code = re.sub(r"^#.*?(?<!\\)$", "", bare(text(path)), flags=re.S | re.M)
        names = re.findall(r"^(?!\s|return)[\w\s*]*?\b(lwf_\w+)\(", code, flags=re.M)
        names += re.findall(r"^(?:struct|enum|union) (lwf_\w+) \{", code, flags=re.M)
        names += re.findall(r"^typedef[^;]*?\b(lwf_\w+)\)?(?:\([^;]*)?;", code, flags=re.M)
        for table, body in re.findall(r"^struct (lwf_\w+_ops) \{(.*?)^\};", code, flags=re.S | re.M):
            names += [f"{table}.{member}" for member in re.findall(r"\(\*(\w+)\)\(", body)]
        found.update((name, path) for name in names)
    return found


def map_rows():
    """(line, symbols, rest) of each row of docs/ndis-map.md that begins with symbols of ours."""
    for number, line in enumerate(text(MAP).splitlines(), 1):
        cells = line.split("|")
        if len(cells) > 4:
            yield number, re.findall(r"`(lwf_[\w.]+)`", cells[1]), cells[2:]


def check_map():
    """docs/ndis-map.md lists each public symbol once; its rules and tests exist."""
    symbols, seen = public_symbols(), {}
    rules = " ".join(text(path) for path in tracked(".def") if under(path, "lwf/core"))
    for number, names, cells in map_rows():
        for name in names:
            if name in seen:
                yield f"{MAP}:{number}: {name} stands in line {seen[name]} too"
            elif name not in symbols:
                yield f"{MAP}:{number}: {name} is not in include/lwf"
            seen.setdefault(name, number)
        if not names:
            continue
        for rule in re.findall(r"\b[SPOTFC]\d\d?\b", cells[1]):
            if not re.search(rf"\b{rule}\b", rules):
                yield f"{MAP}:{number}: there is no rule {rule}"
        tests = re.findall(r"[\w-]+\.(?:c|sh|py)\b|tests/[\w/-]+", cells[2])
        known = {path.name for path in tracked() if under(path, "tests")}
        for test in tests:
            if test not in known and not (ROOT / test).exists():
                yield f"{MAP}:{number}: there is no test {test}"
        if not tests:
            yield f"{MAP}:{number}: names no test"
    for name, path in sorted(symbols.items()):
        if name not in seen:
            yield f"{path}:1: {name} does not stand in {MAP}"


# ---- what the libraries export: cmake/*.map ----------------------------------------------------

# Of what a decider hears, the client has the names alone.
EXPORTS = {"cmake/lwf.map": lambda header, name: header not in ("inject.h", "decide.h"),
           "cmake/lwf-client.map": lambda header, name: header in (
               "inject.h", "decide.h", "reasons.h", "status.h", "trace.h") or (
                   header in ("flow.h", "verdict.h") and name.endswith(("_name", "_text")))}


def exported_functions():
    """name > header of the functions that include/lwf declares and does not define."""
    found = {}
    for path in tracked(".h"):
        if under(path, "include/lwf"):
            code = re.sub(r"^#.*?(?<!\\)$", "", bare(text(path)), flags=re.S | re.M)
            names = re.findall(r"^(?!\s|return|static|typedef)[\w\s*]*?\b(lwf_\w+)\(", code, flags=re.M)
            found.update((name, path) for name in names)
    return found


def check_exports():
    """Each version script lists the public functions of its library, and nothing else that is one."""
    declared = exported_functions()
    data = set(re.findall(r"^extern .*?\b(lwf_\w+)\[\];", "\n".join(
        text(path) for path in tracked(".h") if under(path, "include/lwf")), flags=re.M))
    for script, belongs in EXPORTS.items():
        listed = set(re.findall(r"^\t(lwf_\w+);", text(Path(script)), flags=re.M))
        for name, path in sorted(declared.items()):
            if belongs(path.name, name) and name not in listed:
                yield f"{path}:1: {name} is not in {script}"
        for name in sorted(listed - data):
            if name not in declared or not belongs(declared[name].name, name):
                yield f"{script}:1: {name} is no public function of that library"


def main():
    global ROOT, BUILD
    check = globals().get("check_" + sys.argv[1]) if len(sys.argv) >= 3 else None
    if not check:
        print(__doc__, file=sys.stderr)
        return 2
    ROOT = Path(sys.argv[2])
    BUILD = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    faults = list(check())
    for fault in faults:
        print(fault)
    return 1 if faults else 0


sys.exit(main())
