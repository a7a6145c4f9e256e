#!/usr/bin/env bash
# test.sh - builds everything and runs every test; the last line of stdout is the count.
#
# usage: scripts/test.sh [--full] [-L LABEL]... [-R REGEX] [-p PRESET]... [-j JOBS] [-h]
#
#   --full     whole repeat counts (default: a tenth of them, at least 20)
#   -L LABEL   only tests of that label: lint unit sim system fuzz model museum bench
#   -R REGEX   only tests whose name matches
#   -p PRESET  only these presets: dev clang asan tsan release fuzz; with -L, -R: dev unless given
#
# Without options: dev with every test; clang, release, asan, tsan and fuzz with those that make
# sense there. A skip that tests/skips does not allow counts as a failure, so does a build that
# fails and a test that did not come to run. Everything has a time limit.
# Progress goes to stderr, logs to build/PRESET/*.log.
set -u
cd "$(dirname "$0")/.." || exit 1

presets=()
labels=()
regex=
jobs=$(nproc)
usage() { sed -n '2,/^set -u/s/^# \{0,1\}//p' "$0"; }
need() { [ $# -gt 1 ] || { echo "test.sh: $1 needs a value" >&2 && exit 2; }; }
while [ $# -gt 0 ]; do
	case $1 in
	--full) export LWF_TEST_FULL=1 ;;
	-L) need "$@" && labels+=("$2") && shift ;;
	-R) need "$@" && regex=$2 && shift ;;
	-p) need "$@" && presets+=("$2") && shift ;;
	-j) need "$@" && jobs=$2 && shift ;;
	-h | --help) usage && exit 0 ;;
	*) echo "test.sh: unknown option '$1'; see --help" >&2 && exit 2 ;;
	esac
	shift
done
whole=
if [ ${#presets[@]} -eq 0 ]; then
	presets=(dev)
	[ ${#labels[@]} -gt 0 ] || [ -n "$regex" ] || { whole=1 && presets=(dev clang release asan tsan fuzz); }
fi

if [ -z "${LWF_TEST_PCAPS:-}" ] && [ -d ../shared/pcaps ]; then
	LWF_TEST_PCAPS=$(cd ../shared/pcaps && pwd)
	export LWF_TEST_PCAPS
fi
export PATH=$PATH:/usr/sbin:/sbin # where tc, ethtool and sysctl are for an ordinary user
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/test.XXXXXX") || exit 1 # apart from other runs; other users test too
chmod 1777 "$TMPDIR"
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT TERM HUP
unset LWF_CONTROL # a test must not meet somebody's daemon
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1}
build_limit_s=900
run_limit_s=1500
[ -z "${LWF_TEST_FULL:-}" ] || run_limit_s=7200

passed=0 failed=0 skipped=0
say() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }
broken() { # WHAT [LOG]: a step that is no test went wrong
	failed=$((failed + 1))
	say "FAILED: $1"
	[ $# -lt 2 ] || grep -v '^\[[0-9/]*\]' "$2" | tail -n 60 >&2
}

build() { # PRESET
	local log=build/$1/build.log
	mkdir -p "build/$1"
	say "$1: configure and build (log: $log)"
	if ! timeout -k 10 120 cmake --preset "$1" >"$log" 2>&1 </dev/null; then
		broken "configure $1" "$log"
		return 1
	fi
	if ! timeout -k 10 $build_limit_s cmake --build --preset "$1" -j "$jobs" >>"$log" 2>&1 </dev/null; then
		broken "build $1" "$log"
		return 1
	fi
	if grep -q 'warning:' "$log"; then
		broken "build $1 is not without a warning" "$log"
		return 1
	fi
}

# What a build runs when nothing narrower was asked for: PRESET > lines of "JOBS CTEST-ARGUMENTS".
# Tests that need the machine for themselves say so to ctest (RUN_SERIAL).
quick='10-|11-|23-|24-|25-|33-|34-' # system tests that are repeated under the address sanitizer
plan() {
	local only=
	if [ ${#labels[@]} -gt 0 ]; then
		printf -v only '|%s' "${labels[@]}"
		echo "$jobs -L ^(${only#|})\$"
	elif [ -n "$regex" ]; then
		echo "$jobs"
	else
		case $1 in
		dev) printf '%s\n' "$jobs -LE ^lint\$" "$jobs -L ^lint\$" ;;
		asan) printf '%s\n' "$jobs -L ^(unit|sim|fuzz|museum)\$" "$jobs -R ^system/($quick)" ;;
		tsan) echo "$jobs -L ^(unit|sim)\$" ;;
		fuzz) echo "$jobs -L ^fuzz\$" ;;
		clang | release) echo "$jobs -L ^unit\$" ;;
		esac
	fi
}

run() { # PRESET NUMBER JOBS CTEST-ARGUMENT...
	local dir=build/$1 tag=build/$1/run-$2 n=$3 counts
	shift 3
	[ -z "$regex" ] || set -- "$@" -R "$regex"
	rm -f "$tag".*
	ctest --test-dir "$dir" "$@" --show-only=json-v1 >"$tag.json" 2>"$tag.log" </dev/null
	say "$dir: ctest $*"
	local -a wrap=()
	# The thread sanitizer of older compilers does not know the wider address randomisation.
	[[ $dir != */tsan ]] || ! setarch -R true 2>/dev/null || wrap=(setarch -R)
	"${wrap[@]}" timeout -k 20 $run_limit_s ctest --test-dir "$dir" "$@" -j "$n" --timeout 600 --output-on-failure \
		--test-output-size-passed 200000 --output-junit "$PWD/$tag.xml" </dev/null >&2
	counts=$(python3 scripts/tally.py "$tag.json" "$tag.xml" tests/skips) || counts="0 1 0"
	# shellcheck disable=SC2086 # three numbers
	set -- $counts
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

main() {
	local preset number n arguments
	scripts/deps.sh build demo test bench || broken "dependencies (scripts/deps.sh)"
	for preset in "${presets[@]}"; do
		if build "$preset"; then
			number=0
			while read -r n arguments; do
				number=$((number + 1))
				# shellcheck disable=SC2086 # options without blanks in them
				run "$preset" $number "$n" $arguments
			done < <(plan "$preset")
		fi
	done
	[ -z "$whole" ] || [ $((passed + failed)) -gt 0 ] || broken "no test ran"
	say "done"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

main; exit # in one line: the shell has read all of it before it runs, whoever edits the file meanwhile
