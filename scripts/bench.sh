#!/usr/bin/env bash
# bench.sh - measures lwfd beside the kernel bridge and socat, in namespaces of its own.
#
# usage: scripts/bench.sh [--rounds N] [--seconds S] [--quick] [--json FILE] [--build DIR]
#        scripts/bench.sh --pacing [--rounds N] [--seconds S] [--quick] [--json FILE] [--build DIR]
#        scripts/bench.sh --pause [--flaps N] [--json FILE] [--build DIR]
#        scripts/bench.sh --rules [--rounds N] [--build DIR]
#        scripts/bench.sh --storm [--rounds N] [--seconds S] [--build DIR]
#        scripts/bench.sh --gate [--rounds N] [--json FILE] [--build DIR]
#        scripts/bench.sh --owner [--rounds N] [--json FILE] [--build DIR]
#        scripts/bench.sh --flows [--rounds N] [--json FILE] [--build DIR]
#        scripts/bench.sh --verdict [--rounds N] [--seconds S] [--quick] [--json FILE] [--build DIR]
#        scripts/bench.sh --inject | --latency | --fair [--rounds N] [--seconds S] [--quick] [--json FILE] [--build DIR]
#
#   --rounds N   rounds; each runs every candidate once, one after the other (default 5)
#   --seconds S  length of one measurement (default 2)
#   --quick      one round of one second: shows that it runs, the figures mean nothing
#   --json FILE  where the whole result goes (default: build/release/bench.json)
#   --build DIR  a configured build folder (default: build/release, made when it is not there)
#   --pacing     instead: how exactly frames leave at 1 and 10 kpps, beside tcpreplay and trafgen
#   --pause      instead: how long a pause takes when the link goes at full rate (N flaps, default 300)
#   --rules      instead: what the rules cost a frame, beside an engine whose path asks none of them
#   --storm      instead: simulated link flaps an hour on one core, under traffic, with all rules on
#   --gate       instead: what a frame pays for the send gate, beside nine other ways to build one
#   --owner      instead: the questions which socket and which process a flow belongs to, with 20,000 sockets
#   --flows      instead: what the flow table costs a frame, and what a flood of new flows does to it
#   --verdict    instead: verdicts a second, and flows that are decided while their decider is stopped
#   --inject     instead: 64-byte frames a second of lwf-inject, beside tcpreplay, trafgen and pcap_inject()
#   --latency    instead: how long a client of lwfd waits for the answer to a frame
#   --fair       instead: how four clients that flood share a stack, and a fifth keeps its rate
#
# Prints a table of medians, each with the median of its per-round ratios to the bridge.
# docs/benchmarking.md says what the figures mean and what not to compare. Exit 2: wrong use.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C # where tc, ethtool and sysctl are for an ordinary user
refuse() { # WHAT WHY NEXT
	echo "bench.sh: $1: $2; $3" >&2
	exit 2
}
build=
pass=()
given=()
what=bridge
while [ $# -gt 0 ]; do
	case $1 in
	--quick) pass+=(--rounds 1 --seconds 1) ;;
	--pause | --gate | --rules | --storm | --flows | --owner | --inject | --latency | --fair | --pacing | --verdict) what=${1#--} ;;
	--rounds | --seconds)
		[[ ${2:-} =~ ^[1-9][0-9]?$ ]] || refuse "$1" "'${2:-}' is no number from 1 to 99" "see --help"
		pass+=("$1" "$2")
		;;
	--flaps)
		[[ ${2:-} =~ ^[1-9][0-9]{0,3}$ ]] || refuse "$1" "'${2:-}' is no number from 1 to 9999" "see --help"
		pass+=("$1" "$2")
		;;
	--json)
		[ -n "${2:-}" ] || refuse "$1" "the file is missing" "see --help"
		[ -d "$(dirname "$2")" ] || refuse "$2" "there is no such folder" "make it, or give another file"
		pass+=("$1" "$2")
		;;
	--build)
		[ -f "${2:-}/CMakeCache.txt" ] || refuse "${2:---build}" "it is no configured build folder" "cmake --preset release makes build/release"
		build=$(cd "$2" && pwd)
		;;
	-h | --help) sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" && exit 0 ;;
	*) refuse "$1" "there is no such option" "see --help" ;;
	esac
	given+=("$1")
	case $1 in --rounds | --seconds | --flaps | --json | --build) shift ;; esac
	shift
done
declare -A known=([bridge]="--rounds --seconds --quick --json" [pause]="--flaps --json" [rules]="--rounds" [storm]="--rounds --seconds" [gate]="--rounds --json" [flows]="--rounds --json" [owner]="--rounds --json"
	[latency]="--rounds --seconds --quick --json" [fair]="--rounds --seconds --quick --json"
	[verdict]="--rounds --seconds --quick --json" [inject]="--rounds --seconds --quick --json" [pacing]="--rounds --seconds --quick --json")
for option in "${given[@]}"; do
	[[ " --build --$what ${known[$what]} " == *" $option "* ]] ||
		refuse "$option" "it does not go with this measurement" "see --help"
done

scripts/deps.sh build demo bench
if [ -z "$build" ]; then
	build=$root/build/release
	cmake --preset release >"$root/bench.log" 2>&1 || { cat "$root/bench.log" >&2 && exit 1; }
	rm -f "$root/bench.log"
fi
cmake --build "$build" --target lwfd lwfctl lwf-inject lwf-stress pgen bareloop sendloop latency sources gate_ladder flow_cost rules_cost rules_cost_none owner_cost verdict_rate >"$build/bench-build.log" 2>&1 ||
	{ tail -n 40 "$build/bench-build.log" >&2 && exit 1; }
case $what in
pause | inject | latency | fair | pacing | verdict) exec scripts/netns.sh python3 "scripts/bench_$what.py" --build "$build" "${pass[@]}" ;;
storm) exec python3 scripts/bench_storm.py --build "$build" "${pass[@]}" ;;
rules) exec python3 scripts/bench_rules.py --build "$build" "${pass[@]}" ;;
owner) exec scripts/netns.sh "$build/tests/bin/owner_cost" "${pass[@]}" ;;
gate) exec "$build/tests/bin/gate_ladder" "${pass[@]}" ;;
flows) exec "$build/tests/bin/flow_cost" "${pass[@]}" ;;
esac
exec scripts/netns.sh python3 scripts/bench.py --build "$build" "${pass[@]}"
