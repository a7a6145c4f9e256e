#!/usr/bin/env bash
# lint.sh - one check of the house; each is a test of the label lint.
#
# usage: scripts/lint.sh CHECK [BUILD [ROOT]]
#
#   BUILD  a configured build folder (default: build/dev); tidy reads its compile_commands.json
#   ROOT   the tree to read (default: this one)
#
# Checks that need a tool: format tidy cppcheck headers shell python.
# Checks by reading (tests/lint/house.py): includes pure sizes titles words links man rules conflicts races cases map pages exports.
# Exit 0: nothing found. 1: what was found is printed. 77: the tool is not there.
set -u
here=$(cd "$(dirname "$0")/.." && pwd) || exit 1
check=${1:-}
build=${2:-$here/build/dev}
root=${3:-$here}
cd "$root" || exit 1

tool() { # PROGRAM...: skip without them
	local program
	for program; do
		command -v "$program" >/dev/null 2>&1 && continue
		echo "lint.sh: $program is not there (scripts/deps.sh installs it)" >&2
		exit 77
	done
}

files() { # PATTERN...: what git knows or would add; everything where there is no git
	if [ -e .git ]; then
		git -c safe.directory='*' ls-files -co --exclude-standard -- "$@" | sort -u
	else
		local pattern
		for pattern; do find . -path ./build -prune -o -name "${pattern##*/}" -type f -printf '%P\n'; done | sort -u
	fi | while read -r file; do [ ! -f "$file" ] || echo "$file"; done
}

format() {
	tool clang-format
	files '*.c' '*.h' | grep -v '\.def\.h$' | xargs -r clang-format --dry-run -Werror
}

tidy() {
	tool clang-tidy
	local listed
	[ -f "$build/compile_commands.json" ] || { echo "lint.sh: no compile_commands.json in $build" >&2 && return 1; }
	listed=$(python3 -c 'import json, sys
for entry in json.load(open(sys.argv[1])): print(entry["file"])' "$build/compile_commands.json" |
		grep -F -e "$root/lwf/" -e "$root/injector/" | sort -u)
	# One file a time and two at once: the analyzer's time is per file.
	printf '%s\n' "$listed" | xargs -r -n 1 -P 2 clang-tidy -p "$build" --quiet --warnings-as-errors='*' \
		--extra-arg=-Wno-unknown-warning-option 2>/dev/null
}

cppcheck_() {
	tool cppcheck
	local sources
	mapfile -t sources < <(files 'lwf/*.c' 'injector/*.c')
	[ ${#sources[@]} -gt 0 ] || return 0
	# unusedFunction and missingInclude want the whole program; the compilers see to those. In
	# client.c it does not see that a loop over all of an array fills the array.
	cppcheck --quiet --std=c11 --language=c -j 2 --enable=warning,performance,portability \
		--error-exitcode=1 --inline-suppr --suppress=missingInclude --suppress=missingIncludeSystem \
		--suppress=uninitvar:lwf/daemon/client.c --include="$here/tests/lint/cppcheck.h" \
		-I include -I lwf/core -I lwf/edges -I lwf/hosts -I lwf/filters -I lwf/wire -D_GNU_SOURCE \
		-DLWF_VERSION='"0"' "${sources[@]}"
}

# Each header compiles alone: in C11 with both compilers, the public ones also in C++.
headers() {
	tool gcc clang g++ pkg-config
	local header status=0 flags
	flags=$(pkg-config --cflags jansson libnl-route-3.0 libpcap 2>/dev/null)
	flags="-D_GNU_SOURCE -Iinclude -Ilwf/core -Ilwf/edges -Ilwf/hosts -Ilwf/filters -Ilwf/wire -Ilwf/stress -Iinjector -Ilwf/daemon
		-Itests/support -Wall -Wextra -Werror $flags"
	while read -r header; do
		# shellcheck disable=SC2086 # a list of options
		for compiler in gcc clang; do
			echo "#include \"$header\"" | $compiler -std=c11 -fsyntax-only $flags -I. -x c - || {
				echo "$header: does not compile alone with $compiler" && status=1
			}
		done
		case $header in
		include/lwf/gate.h | include/lwf/ring.h) ;; # C11 atomics: for filters and the engine, which are C
		include/lwf/*)
			# shellcheck disable=SC2086 # a list of options
			echo "#include \"$header\"" | g++ -std=c++17 -fsyntax-only $flags -I. -x c++ - || {
				echo "$header: does not compile from C++" && status=1
			}
			;;
		esac
	done < <(files '*.h' | grep -v '\.def\.h$') # those are tables for whoever defines their macro
	return $status
}

shell() {
	tool shellcheck
	local file
	files '*' | while read -r file; do
		! head -n 1 "$file" | tr -d '\0' | grep -qE '^#!.*[/ ](ba)?sh$' || echo "$file"
	done | xargs -r shellcheck -x --source-path=SCRIPTDIR
}

# Names that are defined nowhere or used nowhere, and syntax that is newer than the Python that we promise.
python() {
	tool python3 pyflakes3
	local sources status=0
	mapfile -t sources < <(files '*.py')
	[ ${#sources[@]} -gt 0 ] || return 0
	pyflakes3 "${sources[@]}" || status=1
	python3 - "${sources[@]}" <<-'END' || status=1
		import ast, sys
		faults = 0
		for name in sys.argv[1:]:
		    try:
		        ast.parse(open(name, encoding="utf-8").read(), name, feature_version=(3, 9))
		    except SyntaxError as error:
		        print(f"{name}:{error.lineno}: {error.msg}")
		        faults += 1
		sys.exit(faults > 0)
	END
	return $status
}

[ -n "$(files '*.c')" ] || { echo "lint.sh: there is no source in $root" >&2 && exit 1; }
case $check in
format | tidy | headers | shell | python) "$check" ;;
cppcheck) cppcheck_ ;;
includes | pure | sizes | titles | words | links | man | rules | conflicts | races | cases | map | pages | exports)
	tool python3
	python3 "$here/tests/lint/house.py" "$check" "$root" "$build"
	;;
*)
	sed -n '2,/^set -u/s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
status=$?
[ $status -eq 0 ] || exit 1
