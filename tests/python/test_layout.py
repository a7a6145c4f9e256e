#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_layout.py - what lwf.py believes of the C structures and numbers is what the compiler says.

usage: test_layout.py INCLUDE_DIR LIBRARY [CC [OPTION...]]

A C program is made of the very field lists of lwf.py, compiled against the headers and run. Field names,
offsets, sizes, the number of fields and the numbers behind names must all be equal, and functions must
have the parameters that the headers declare.
"""
import ctypes
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "injector/python"))
sys.dont_write_bytecode = True
import lwf  # noqa: E402

INCLUDE, COMPILER = "include", ["cc"]
HEADERS = "#include <stddef.h>\n#include <stdio.h>\n#include <lwf/inject.h>\n"
STRUCTURES = [kind for kind in vars(lwf).values()
              if isinstance(kind, type) and issubclass(kind, ctypes.Structure) and hasattr(kind, "_c_name_")]
BRACED = {ctypes.c_char: '""'}
C_TYPES = {None: "void", ctypes.c_int: "int", ctypes.c_uint32: "uint32_t", ctypes.c_uint64: "uint64_t",
           ctypes.c_bool: "bool", ctypes.c_char_p: "char *", ctypes.c_void_p: "struct lwf_inject *"}


def compiled(folder, code):
    source, program = Path(folder, "layout.c"), Path(folder, "layout")
    source.write_text(HEADERS + code)
    run = subprocess.run([*COMPILER, "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{INCLUDE}", "-o", program,
                          source], capture_output=True, text=True, check=False)
    return program if run.returncode == 0 else run.stderr


def printed(program):
    run = subprocess.run([program], capture_output=True, text=True, check=True)
    return {name: int(value) for name, value in (line.rsplit(" ", 1) for line in run.stdout.splitlines())}


def c_type(kind):
    """The C type, as plainly as plain() has it."""
    if kind not in C_TYPES and issubclass(kind, ctypes._Pointer):
        return f"{c_type(kind._type_)} *"
    return C_TYPES.get(kind) or kind._c_name_


def plain(declaration):
    """A type without const and a parameter's name; enums are ints, as ctypes has them."""
    words = re.sub(r"\benum \w+", "int", declaration.replace("*", " * ").replace("lwf_status", "uint32_t"))
    words = [word for word in words.split() if word not in ("const", "extern")]
    named = len(words) > 1 and re.fullmatch(r"\w+", words[-1]) and words[:-1] != ["struct"]
    return " ".join(words[:-1] if named else words).replace("_Bool", "bool")


def prototypes():
    """name > "result (parameters)" of every function that the headers declare."""
    code = subprocess.run([*COMPILER, "-std=c11", f"-I{INCLUDE}", "-E", "-P", "-"], input=HEADERS,
                          capture_output=True, text=True, check=True).stdout
    found = re.findall(r"([\w\s*]+?)\b(lwf_\w+)\s*\(([^()]*)\)\s*;", code)
    return {name: f"{plain(result + ' x')} ({', '.join(map(plain, parameters.split(',')))})"
            for result, name, parameters in found}


class Layout(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def ask(self, expressions):
        """name > value as the compiler knows it."""
        lines = "".join(f'\tprintf("%s %lld\\n", "{name}", (long long)({value}));\n'
                        for name, value in expressions.items())
        program = compiled(self.folder.name, f"int main(void)\n{{\n{lines}\treturn 0;\n}}\n")
        if isinstance(program, str):
            self.fail(program)
        return printed(program)

    def test_structures(self):
        self.assertEqual(len(STRUCTURES), 5)
        asked, believed = {}, {}
        for kind in STRUCTURES:
            name = kind._c_name_
            asked[name], believed[name] = f"sizeof({name})", ctypes.sizeof(kind)
            for field, *_ in kind._fields_:
                at = getattr(kind, field)
                asked[f"{name}.{field} at"], believed[f"{name}.{field} at"] = f"offsetof({name}, {field})", at.offset
                asked[f"{name}.{field} bytes"] = f"sizeof((({name} *)0)->{field})"
                believed[f"{name}.{field} bytes"] = at.size
        self.assertEqual(self.ask(asked), believed)

    def test_no_field_is_missing(self):
        # A field may hide where there was padding: initialise exactly as many as lwf.py knows.
        code = ""
        for number, kind in enumerate(STRUCTURES):
            values = ", ".join(BRACED.get(field[1]._type_, "{0}") if issubclass(field[1], ctypes.Array) else "0"
                               for field in kind._fields_)
            code += f"const {kind._c_name_} all_of_{number} = {{{values}}};\n"
        program = compiled(self.folder.name, code + "int main(void)\n{\n\treturn 0;\n}\n")
        self.assertIsInstance(program, Path, program)
        fewer = code.replace(", 0};", "};", 1)
        self.assertNotEqual(fewer, code)
        self.assertIsInstance(compiled(self.folder.name, fewer), str, "a missing field is not noticed")

    def test_numbers(self):
        self.assertEqual(self.ask({name: name for name in lwf._NUMBERS}), lwf._NUMBERS)

    def test_prototypes(self):
        declared = prototypes()
        for name, (result, arguments) in lwf._FUNCTIONS.items():
            believed = f"{c_type(result)} ({', '.join(map(c_type, arguments))})"
            self.assertEqual(believed, declared.get(name), name)

    def test_library_has_all(self):
        self.assertIsNotNone(lwf._load())


if __name__ == "__main__":
    INCLUDE, os.environ["LWF_CLIENT_LIBRARY"] = sys.argv[1:3]
    COMPILER = sys.argv[3:] or COMPILER
    unittest.main(argv=sys.argv[:1])
