#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# broken.sh - the simulation of a broken engine: its failure is found from a seed, shown again
# with the identical digest, and shrunk to a short script, which the whole engine passes.
#
# usage: broken.sh BROKEN-SIM WHOLE-SIM
set -u
broken=$1
whole=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/lwf-sim.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

fail() {
	echo "broken.sh: $*" >&2
	[ ! -f found ] || cat found >&2
	exit 1
}
digest() { sed -n 's/^digest \([0-9a-f]*\)$/\1/p' "$1" | head -n 1; }

"$broken" --seed 1 --seeds 1000 --out short.script >found 2>&1 && fail "a thousand seeds found nothing"
grep -E '^(seed|to see it again)' found
line=$(sed -n 's/^to see it again: lwf-sim \(--seed .*\) --trace$/\1/p' found)
[ -n "$line" ] || fail "no command to see it again"
grep -q '^run again: the same failure, the same digest$' found || fail "it was not run again"

# shellcheck disable=SC2086 # a command line
"$broken" $line >again 2>&1 && fail "the printed command does not fail"
[ "$(digest found)" = "$(digest again)" ] || fail "seen again with another digest: $(cat again)"

actions=$(grep -cv -e '^#' -e '^world' short.script)
echo "shrunk to $actions actions"
[[ $actions -gt 0 && $actions -le 10 ]] || fail "the script is not short: $actions actions"
"$broken" --script short.script >again 2>&1 && fail "the short script does not fail"
[ "$(sed -n 's/^# digest //p' short.script)" = "$(digest again)" ] ||
	fail "the short script ends with another digest: $(cat again)"
"$broken" --script short.script --shrink --out shorter.script >again 2>&1 &&
	fail "the short script does not fail when it is to be shrunk"
[ "$(grep -cv '^#' shorter.script)" -le $((actions + 1)) ] || fail "shrinking made it longer"
"$whole" --script short.script >again 2>&1 || fail "the whole engine fails, too: $(cat again)"
