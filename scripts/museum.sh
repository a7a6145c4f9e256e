#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# museum.sh - lets a scenario find what is wrong with each engine of the bug museum, from fresh seeds.
#
# usage: scripts/museum.sh [--seed N|random] [--time T | --runs N] [--twins N] [--piece NAME]...
#                          [--scenario FILE] [--build DIR]
#
#   --seed N|random  the first seed (default: random); the next runs have N+1, N+2, ...
#   --time T         so long for each engine at most (default 60s), on one core
#   --runs N         instead: so many runs for each at most, however long they take
#   --twins N        and its fixed twin, and our own engine, pass so many seeds from the first on (default 20)
#   --piece NAME     this engine alone; may be repeated
#   --scenario FILE  what it has to endure (default: tests/museum/museum.scn)
#   --build DIR      a configured build folder (default: build/dev)
#
# For each: the rule that was broken, the runs and the time until then, the seed, and the command that shows
# it again, which is tried, too. Exit 0: all were found, and nothing else; 1: not so; 2: wrong use.
# Example: scripts/museum.sh --seed random --piece stale-handle
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
refuse() { # WHAT WHY
	echo "museum.sh: $1: $2; see --help" >&2
	exit 2
}
seed=random bound=(--for 60s) twins=20 scenario=tests/museum/museum.scn build=build/dev
pieces=()
while [ $# -gt 0 ]; do
	case $1 in
	--help)
		sed -n 's/^# \{0,1\}//; 4,/^set -eu/p' "$0" | sed '$d'
		exit 0
		;;
	--seed | --time | --runs | --twins | --piece | --scenario | --build) [ $# -gt 1 ] || refuse "$1" "what is missing" ;;
	*) refuse "$1" "there is no such option" ;;
	esac
	case $1 in
	--seed) seed=$2 ;;
	--time) bound=(--for "$2") ;;
	--runs) bound=(--count "$2") ;;
	--twins) twins=$2 ;;
	--piece) pieces+=("$2") ;;
	--scenario) scenario=$2 ;;
	--build) build=$2 ;;
	esac
	shift 2
done
[ "$seed" != random ] || seed=$((SRANDOM << 16 | SRANDOM >> 16))
[[ $seed =~ ^[0-9]{1,18}$ ]] || refuse "--seed" "'$seed' is no number"
[[ $twins =~ ^[1-9][0-9]{0,6}$ ]] || refuse "--twins" "'$twins' is no number from 1"
[ -f "$scenario" ] || refuse "$scenario" "there is no such file"
play=$build/tests/bin/lwf-museum-stress
[ -x "$play" ] || refuse "$play" "it is not built (cmake --build $build --target lwf-museum-stress lwf-stress)"
if [ ${#pieces[@]} = 0 ]; then
	mapfile -t pieces < <("$build/tests/bin/lwf-museum" --list --json | jq -r '.pieces[].name')
fi
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
wrong=0
complain() { # WHAT
	echo "museum.sh: $1" >&2
	sed 's/^/	/' "$errors" >&2
	wrong=1
}
passes() { # WHO COMMAND...: the seeds from the first on
	local who=$1
	shift
	"$@" run "$scenario" --seed "$seed" --count "$twins" >"$errors" 2>&1 || complain "$who does not pass"
}

find_one() { # PIECE
	local began=$EPOCHREALTIME code=0 result took
	result=$("$play" --piece "$1" run "$scenario" --seed "$seed" "${bound[@]}" --json 2>"$errors") || code=$?
	took=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }')
	if [ $code = 2 ]; then
		cat "$errors" >&2
		exit 2
	elif [ "$(jq -r .verdict <<<"$result")" != failed ]; then
		complain "$1: nothing found in $(jq -r .runs <<<"$result") runs from seed $seed, $took s"
		return
	fi
	jq -r --arg name "$1" --arg took "$took" '"\($name)\t\(.found | sub("^[^:]*: rule "; ""))\n" +
		"\tseed \(.seed), run \(.runs), after \($took) s\n\t\(.replay)"' <<<"$result"
	code=0
	# shellcheck disable=SC2046 # a command
	$(jq -r .replay <<<"$result") --json >"$errors" 2>/dev/null || code=$?
	[ "$code:$(jq -r .found "$errors")" = "1:$(jq -r .found <<<"$result")" ] || complain "$1: the replay is another run"
	passes "$1's fixed twin" "$play" --piece "$1" --fixed
}

for piece in "${pieces[@]}"; do
	find_one "$piece"
done
passes "our own engine" "$build/bin/lwf-stress"
exit $wrong
