#!/usr/bin/env python3
"""table.py - turns the dump of the lifecycle table (dump.c) into Promela.

usage: table.py [--open] < DUMP > table.pml

The Promela has the names of states, events and functions as numbers, and lookup(state, event), which
sets hit, next_state and action for the step it is in. It counts how often each row is taken, and the
verifier prints that at its end: a row that no run takes would be dead.

--open: the same rows with their cells as variables, so that one verifier can be told by the
environment to change one of them: LWF_MODEL_CELL=ROW,COLUMN,VALUE. Cells are numbers; columns are
0 state, 1 event, 2 function, 3 next state.
"""
import re
import sys


def symbol(name):
    """FilterAttach > FILTER_ATTACH, Detached > DETACHED, - > NO_FUNCTION"""
    return "NO_FUNCTION" if name == "-" else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()


class Table:
    def __init__(self, lines):
        self.states, self.events, self.rows = {}, {}, []
        for line in lines:
            word, *rest = line.split()
            if word == "state":
                self.states[rest[1]] = int(rest[0])
            elif word == "event":
                self.events[rest[1]] = int(rest[0])
            elif word == "row":
                self.rows.append(rest)
            else:
                raise ValueError(f"not a line of a dump: {line}")
        if not self.states or not self.events or not self.rows:
            raise ValueError("the dump is empty")
        names = sorted({row[2] for row in self.rows} - {"-"})
        self.functions = {name: number for number, name in enumerate(["-"] + names)}

    def cells(self):
        """Rows as numbers."""
        return [[self.states[state], self.events[event], self.functions[function], self.states[after]]
                for state, event, function, after in self.rows]

    def values(self, column):
        """Names by number of what may stand in a column."""
        names = (self.states, self.events, self.functions, self.states)[column]
        return {number: name for name, number in names.items()}


COUNTERS = """
c_decl {
	\\#include <stdio.h>
	\\#include <stdlib.h>
	static unsigned long row_taken[%d];
	__attribute__((destructor)) static void say_rows(void)
	{
		for (int row = 0; row < %d; row++)
			printf("row %%d taken %%lu\\n", row, row_taken[row]);
	}
}
"""

OPEN = """
hidden byte cell[%d];
c_decl { static const unsigned char cells[] = {%s}; }
#define TABLE_READY c_code { \\
	const char *change = getenv("LWF_MODEL_CELL"); \\
	int row, column, value; \\
	for (int i = 0; i < sizeof(cells); i++) cell[i] = cells[i]; \\
	if (change && sscanf(change, "%%d,%%d,%%d", &row, &column, &value) == 3) \\
		cell[4 * row + column] = value; \\
}
"""


def promela(table, is_open):
    out = []
    for names in (table.states, table.events, table.functions):
        out += [f"#define {symbol(name)} {number}" for name, number in names.items()]
    out.append(COUNTERS % (len(table.rows), len(table.rows)))
    if is_open:
        flat = [str(value) for row in table.cells() for value in row]
        out.append(OPEN % (len(flat), ", ".join(flat)))
    else:
        out.append("#define TABLE_READY skip")
    out += ["inline lookup(in_state, event)", "{", "\thit = 1;", "\tif"]
    for number, row in enumerate(table.rows):
        state, event, function, after = (
            [f"cell[{4 * number + column}]" for column in range(4)] if is_open else map(symbol, row))
        out.append(f"\t:: in_state == {state} && event == {event} ->\n"
                   f"\t\tc_code {{ row_taken[{number}]++; }};\n"
                   f"\t\taction = {function};\n\t\tnext_state = {after}")
    out += ["\t:: else -> hit = 0", "\tfi", "}", ""]
    return "\n".join(out)


def main():
    if sys.argv[1:] not in ([], ["--open"]):
        print(__doc__, file=sys.stderr)
        return 2
    print(promela(Table(sys.stdin), bool(sys.argv[1:])), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
