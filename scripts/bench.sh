#!/usr/bin/env bash
# bench.sh - measures lwfd beside the kernel bridge and socat, in namespaces of its own.
#
# usage: scripts/bench.sh [--rounds N] [--seconds S] [--quick] [--json FILE] [--build DIR]
#        scripts/bench.sh --pause [--flaps N] [--json FILE] [--build DIR]
#        scripts/bench.sh --rules [--rounds N] [--build DIR]
#        scripts/bench.sh --gate [--rounds N] [--json FILE] [--build DIR]
#
#   --rounds N   rounds; each runs every candidate once, one after the other (default 5)
#   --seconds S  length of one measurement (default 2)
#   --quick      one round of one second: shows that it runs, the figures mean nothing
#   --json FILE  where the whole result goes (default: build/release/bench.json)
#   --build DIR  a configured build folder (default: build/release, made when it is not there)
#   --pause      instead: how long a pause takes when the link goes at full rate (N flaps, default 300)
#   --rules      instead: what the rules cost a frame, beside an engine whose path asks none of them
#   --gate       instead: what a frame pays for the send gate, beside nine other ways to build one
#
# Prints a table of medians, each with the median of its per-round ratios to the bridge.
# docs/benchmarking.md says what the figures mean and what not to compare.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C # where tc, ethtool and sysctl are for an ordinary user
build=
pass=()
what=bridge
while [ $# -gt 0 ]; do
	case $1 in
	--quick) pass+=(--rounds 1 --seconds 1) ;;
	--pause | --gate | --rules) what=${1#--} ;;
	--rounds | --seconds | --flaps | --json)
		[ $# -gt 1 ] || { echo "bench.sh: $1 needs a value" >&2 && exit 2; }
		pass+=("$1" "$2")
		shift
		;;
	--build)
		[ $# -gt 1 ] || { echo "bench.sh: $1 needs a value" >&2 && exit 2; }
		build=$(cd "$2" && pwd)
		shift
		;;
	-h | --help) sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" && exit 0 ;;
	*) echo "bench.sh: unknown option '$1'; see --help" >&2 && exit 2 ;;
	esac
	shift
done

scripts/deps.sh build demo bench
if [ -z "$build" ]; then
	build=$root/build/release
	cmake --preset release >"$root/bench.log" 2>&1 || { cat "$root/bench.log" >&2 && exit 1; }
	rm -f "$root/bench.log"
fi
cmake --build "$build" --target lwfd lwfctl lwf-inject pgen bareloop gate_ladder rules_cost rules_cost_none >"$build/bench-build.log" 2>&1 ||
	{ tail -n 40 "$build/bench-build.log" >&2 && exit 1; }
case $what in
pause) exec scripts/netns.sh python3 scripts/bench_pause.py --build "$build" "${pass[@]}" ;;
rules) exec python3 scripts/bench_rules.py --build "$build" "${pass[@]}" ;;
gate) exec "$build/tests/bin/gate_ladder" "${pass[@]}" ;;
esac
exec scripts/netns.sh python3 scripts/bench.py --build "$build" "${pass[@]}"
