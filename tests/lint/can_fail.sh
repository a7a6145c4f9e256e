#!/usr/bin/env bash
# can_fail.sh - shows that every lint check passes a clean tree and fails on one fault.
#
# A tiny tree is made, each check is run on it, then one fault is put in for each check, which must
# find it and name the file.
#
# shellcheck disable=SC2016 # what is written to the tree is not to be expanded here
set -u
lint=$(cd "$(dirname "$0")/../../scripts" && pwd)/lint.sh
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
tree=$tmp/tree build=$tmp/build
licence='/* SPDX-License-Identifier: BSD-2-Clause */'
faults=0

make_tree() {
	rm -rf "$tree" "$build"
	mkdir -p "$tree"/{scripts/scenarios,cmake,include/lwf,lwf/core,lwf/edges,lwf/ctl,docs/man,tests/unit,scripts} "$build"
	printf '%s\n/* %s - a header. */\n#ifndef LWF_A_H\n#define LWF_A_H\nint lwf_a(int x);\n#endif\n' \
		"$licence" a.h >"$tree/include/lwf/a.h"
	printf '%s\n/* %s - a file. */\n#include <lwf/a.h>\n\nint lwf_a(int x)\n{\n\treturn x;\n}\n' \
		"$licence" a.c >"$tree/lwf/core/a.c"
	python3 - "$tree" <<-'END'
		import sys
		from pathlib import Path
		root = Path(sys.argv[1])
		rules = [f"{letter}{number:02d}" for letter, last in
		         (("S", 20), ("P", 17), ("F", 6), ("O", 15), ("T", 8)) for number in range(1, last + 1)]
		licence = "/* SPDX-License-Identifier: BSD-2-Clause */\n"
		(root / "lwf/core/rules.def").write_text("".join(f'X({rule}, "", "")\n' for rule in rules))
		judged = "".join(f"\tLWF_RULE_{rule};\n" for rule in rules)
		(root / "lwf/core/judge.c").write_text(
		    f"{licence}/* judge.c - judges. */\nvoid judge(void)\n{{\n{judged}}}\n")
		bodies = "".join(f'static void test_{rule}(void **state)\n{{\n\tbroken("{rule}");\n}}\n\n'
		                 for rule in rules)
		lists = "".join(f"\tRULE_TEST({rule});\n" for rule in rules)
		(root / "tests/unit/rules_test.c").write_text(
		    f"{licence}/* rules_test.c - rules. */\n{bodies}int all(void)\n{{\n{lists}}}\n")
		rows = [f"C{n}" for n in range(1, 11)]
		(root / "lwf/core/conflicts.def").write_text("".join(f'X({row}, "")\n' for row in rows))
		read = "".join(f"\tLWF_CONFLICT_{row};\n" for row in rows)
		(root / "lwf/core/read.c").write_text(
		    f"{licence}/* read.c - reads. */\nvoid read_all(void)\n{{\n{read}}}\n")
		names = [f"test_{row}_{reading}" for row in rows for reading in ("narrow", "wide")]
		bodies = "".join(f"static void {name}(void **state)\n{{\n}}\n\n" for name in names)
		calls = "".join(f"\t{name}(state);\n" for name in names)
		(root / "tests/unit/conflicts_test.c").write_text(
		    f"{licence}/* conflicts_test.c - readings. */\n{bodies}int all(void **state)\n{{\n{calls}}}\n")
		races = "".join(f"static void test_R{n}_x(void **state)\n{{\n}}\n\n" for n in range(1, 13))
		calls = "".join(f"\ttest_R{n}_x(state);\n" for n in range(1, 13))
		(root / "tests/unit/races_test.c").write_text(
		    f"{licence}/* races_test.c - races. */\n{races}int all(void **state)\n{{\n{calls}}}\n")
	END
	python3 - "$tree" <<-'END'
		import sys
		from pathlib import Path
		root = Path(sys.argv[1])
		cases = [n for n in range(1, 49) if n not in (27, 28, 35, 41, 42, 43, 44, 45)]
		rows = "".join(f"| {n} | x | y | a.scn |\n" for n in cases)
		(root / "docs/scenarios.md").write_text(f"# Scenarios\n\n| case | what | promise | where |\n|---|---|---|---|\n{rows}")
		(root / "scripts/scenarios/a.scn").write_text("".join(f"expect 1 == 1  # case {n}\n" for n in cases))
	END
	cp "$(dirname "$lint")/../.clang-format" "$(dirname "$lint")/../.clang-tidy" "$tree"
	echo 'add_executable(lwfctl a.c)' >"$tree/lwf/ctl/CMakeLists.txt"
	echo 'lwfctl(1)' >"$tree/docs/man/lwfctl.1.scd"
	printf '# Read me\n\n[here](docs/a.md#a-b), `lwf/core/a.c`\n' >"$tree/README.md"
	printf '# A b\n' >"$tree/docs/a.md"
	printf '| `lwf_a` | NdisA | S01 | rules_test.c |\n' >"$tree/docs/ndis-map.md"
	printf 'global:\n\tlwf_a;\n' >"$tree/cmake/lwf.map" && : >"$tree/cmake/lwf-client.map"
	printf '#!/bin/sh\n# x.sh - does nothing.\nexit 0\n' >"$tree/scripts/x.sh"
	cp "$(dirname "$lint")/rules.py" "$tree/scripts" && python3 "$tree/scripts/rules.py" "$tree"
	printf '[{"directory": "%s", "file": "%s/lwf/core/a.c", "command": "cc -std=c11 -Iinclude -c lwf/core/a.c"}]' \
		"$tree" "$tree" >"$build/compile_commands.json"
}

expect() { # CHECK FILE-IN-THE-REPORT: the fault that stands in the tree now is found
	local report status
	report=$("$lint" "$1" "$build" "$tree" 2>&1)
	status=$?
	if [ $status -eq 77 ]; then
		echo "skipped: $report" && exit 77
	elif [ $status -ne 1 ] || [[ $report != *"$2"* ]]; then
		echo "$1 did not find the fault in $2 (exit $status): $report"
		faults=$((faults + 1))
	fi
	make_tree
}

make_tree
for check in format tidy cppcheck headers shell python includes pure sizes titles words links man rules conflicts races cases map pages exports; do
	"$lint" $check "$build" "$tree" >"$tmp/report" 2>&1 && continue
	echo "$check finds fault with a clean tree:" && cat "$tmp/report"
	faults=$((faults + 1))
done
a=$tree/lwf/core/a.c

sed -i 's/^\treturn/        return/' "$a" && expect format a.c
printf '\nint lwf_a2(int *x)\n{\n\tint y;\n\n\treturn *x + y;\n}\n' >>"$a" && expect tidy a.c
printf '\nint lwf_a2(void)\n{\n\tint y[2] = {0};\n\n\treturn y[2];\n}\n' >>"$a" && expect cppcheck a.c
sed -i 's/int x/uint32_t x/' "$tree/include/lwf/a.h" && expect headers a.h
sed -i 's/int x/int class/' "$tree/include/lwf/a.h" && expect headers 'from C++'
echo 'cd $1; rm $x' >>"$tree/scripts/x.sh" && expect shell x.sh
echo 'print(undefined)' >"$tree/scripts/a.py" && expect python a.py
echo 'import os' >"$tree/scripts/a.py" && expect python a.py
printf 'match 1:\n    case 1:\n        pass\n' >"$tree/scripts/a.py" && expect python a.py
sed -i 's/<lwf.a.h>/"edges.h"/' "$a" && touch "$tree/lwf/edges/edges.h" && expect includes a.c
sed -i 's/<lwf.a.h>/<event2\/event.h>/' "$a" && expect includes a.c
sed -i 's/<lwf.a.h>/<sys\/socket.h>/' "$a" && expect includes a.c
sed -i 's/return x/return rand()/' "$a" && expect pure a.c
sed 's/return x/return socket(AF_PACKET, x, 0)/' "$a" >"$tree/lwf/edges/b.c" && expect pure b.c
{ yes '' | head -n 801; } >>"$a" && expect sizes a.c
mv "$a" "$tree/lwf/core/path.c" && { yes '' | head -n 501; } >>"$tree/lwf/core/path.c" && expect sizes path.c
sed -i "s/^{/{$(printf '\\n%.0s' {1..75})/" "$a" && expect sizes 'lwf_a()'
sed -i '1d' "$a" && expect titles a.c
sed -i '2s/a.c - //' "$a" && expect titles a.c
echo "/* TO""DO: more */" >>"$a" && expect words a.c
echo 'see /ho''me/me/x' >>"$tree/README.md" && expect words README.md
echo '[gone](docs/gone.md)' >>"$tree/README.md" && expect links README.md
echo '[gone](docs/a.md#gone)' >>"$tree/README.md" && expect links README.md
echo '`lwf/core/gone.c`' >>"$tree/README.md" && expect links README.md
rm "$tree/docs/man/lwfctl.1.scd" && expect man lwfctl
mkdir "$build/bin" && printf '#!/bin/sh\necho " --json"\n' >"$build/bin/lwfctl" && chmod +x "$build/bin/lwfctl" &&
	expect man json
sed -i '/S17/d' "$tree/lwf/core/rules.def" && expect rules S17
sed -i 's/S17/S99/' "$tree/lwf/core/rules.def" && expect rules S99
sed -i '/S17/p' "$tree/lwf/core/rules.def" && expect rules '2 times'
sed -i 's,\tLWF_RULE_S17;,\t/* LWF_RULE_S17 */;,' "$tree/lwf/core/judge.c" && expect rules 'S17 is judged nowhere'
sed -i '/RULE_TEST(T05)/d' "$tree/tests/unit/rules_test.c" && expect rules 'RULE_TEST(T05)'
sed -i 's/broken("T05")/clean()/' "$tree/tests/unit/rules_test.c" && expect rules 'RULE_TEST(T05)'
sed -i 's/^static void test_T05/static void test_T5/' "$tree/tests/unit/rules_test.c" && expect rules 'RULE_TEST(T05)'
sed -i '/C10/d' "$tree/lwf/core/conflicts.def" && expect conflicts conflicts.def
sed -i '/C7/d' "$tree/lwf/core/read.c" && expect conflicts C7
sed -i '/^\ttest_C1_wide/d' "$tree/tests/unit/conflicts_test.c" && expect conflicts test_C1_wide
sed -i '/^static void test_R1_x/,/^}/d' "$tree/tests/unit/races_test.c" && expect races R1
sed -i '/^\ttest_R11_x/d' "$tree/tests/unit/races_test.c" && expect races R11
scenario=$tree/scripts/scenarios/a.scn
sed -i '/case 19$/d' "$scenario" && expect cases 'case 19'
sed -i 's/^expect\(.*case 21\)$/after 1ms\1/' "$scenario" && expect cases a.scn
sed -i 's/^expect\(.*case 22\)$/only sim { expect }\1/' "$scenario" && expect cases "case 22 in the world 'live'"
sed -i 's/^expect\(.*case 23\)$/only live {\n expect\1\n}/' "$scenario" && expect cases "case 23 in the world 'sim'"
sed -i '/^| 31 /d' "$tree/docs/scenarios.md" && expect cases 'case 31'
sed -i 's/^\(| 5 .*\) a.scn/\1 tests\/gone.sh/' "$tree/docs/scenarios.md" && expect cases tests/gone.sh
for fault in s/lwf_a/lwf_b/ s/S01/S99/ s/rules_test/gone_test/; do
	sed -i $fault "$tree/docs/ndis-map.md" && expect map ndis-map.md
done
: >"$tree/docs/ndis-map.md" && expect map a.h
sed -i 's/lwf_a/lwf_b/' "$tree/cmake/lwf.map" && expect exports a.h
printf '\tlwf_b;\n' >>"$tree/cmake/lwf.map" && expect exports lwf.map
sed -i 's/X(S01, ""/X(S01, "other"/' "$tree/lwf/core/rules.def" && expect pages rules.md
sed -i 's/test_T05(/test_T5(/' "$tree/tests/unit/rules_test.c" && expect pages T05

[ $faults -eq 0 ] || exit 1
echo "every check can fail"
