#!/usr/bin/env bash
# demo.sh - about a minute of the real thing, in private namespaces.
#
# usage: scripts/demo.sh [pause] [--build DIR]
#
#   pause        one pause with three frames in flight, step by step, on a simulated device;
#                each value of the send gate with the rules it follows (docs/one-pause.md)
#   --build DIR  a configured build folder (default: build/release)
#
#     iperf3, ping > TAP lwf0 > [ inject | monitor ] > eth1 --veth-- far0 < the other host, 10.9.0.2
#       10.9.0.1           lwfd                                             in a namespace of its own
#
# Works as root and as an ordinary user. Ends with 0 only if the ledger balances and equals the
# kernel's count of frames sent on eth1. Everything lives in namespaces that end with the script, so
# nothing is left behind however it ends.
# shellcheck disable=SC2317 # functions that traps call
set -eu -o pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C # where tc, ethtool and sysctl are for an ordinary user

bold='' plain=''
if [ -t 1 ]; then
	bold=$'\e[1m' plain=$'\e[0m'
fi
number=0
step() {
	number=$((number + 1))
	printf '\n%s%d. %s%s\n' "$bold" "$number" "$*" "$plain"
}
die() {
	echo "demo.sh: $*" >&2
	exit 1
}

usage() { # WHAT WHY NEXT
	echo "demo.sh: $1: $2; $3" >&2
	exit 2
}

# ---- outside: packages, programs, namespaces ----

make_programs() { # BUILD TARGET...
	local build=$1
	shift
	mkdir -p "$build"
	{
		[ -f "$build/CMakeCache.txt" ] || cmake --preset release
		cmake --build "$build" --target "$@"
	} >"$build/demo-build.log" 2>&1 </dev/null || {
		tail -n 40 "$build/demo-build.log" >&2
		die "the build failed; the whole log is $build/demo-build.log"
	}
}

one_pause() { # BUILD; does not return
	scripts/deps.sh build
	make_programs "$1" lwf-one-pause
	if [ -t 0 ] && [ -t 1 ]; then
		exec "$1/tests/bin/lwf-one-pause" --step
	fi
	exec "$1/tests/bin/lwf-one-pause"
}

outside() {
	local build=$root/build/release child status pause=
	if [ "${1:-}" = pause ]; then
		pause=1
		shift
	fi
	case "${1:-}" in
	--help)
		sed -n '/shellcheck/d; 2,/^set -eu/{/^set -eu/d; s/^# \{0,1\}//p}' "$0"
		exit 0
		;;
	--build)
		[ -f "${2:-}/CMakeCache.txt" ] ||
			usage "${2:---build}" "it is no configured build folder" "cmake --preset release makes build/release"
		build=$(cd "$2" && pwd)
		shift 2
		;;
	esac
	[ $# -eq 0 ] || usage "$1" "there is no such word" "see --help"
	[ -z "$pause" ] || one_pause "$build"
	step "Packages and programs"
	scripts/deps.sh build demo
	make_programs "$build" lwfd lwfctl lwf-inject
	echo "lwfd, lwfctl and lwf-inject are in $build/bin"

	set -m # a process group of its own, so that all of it can be ended from here
	LWF_DEMO_BIN=$build/bin scripts/netns.sh bash "$0" </dev/null &
	child=$!
	# shellcheck disable=SC2064 # the child's number as it is now
	trap "stop_group $child; exit 130" INT TERM HUP
	status=0
	wait $child || status=$?
	trap - INT TERM HUP
	exit $status
}

stop_group() { # PID of its leader
	kill -TERM -- "-$1" 2>/dev/null || return 0
	for _ in $(seq 50); do
		kill -0 -- "-$1" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL -- "-$1" 2>/dev/null || return 0
}

# ---- inside ----

tmp=
started=()
run() { # shown, then done
	printf '   $ %s\n' "$*"
	"$@"
}
start() { # in the background; ended with the script
	"$@" &
	started+=($!)
}
finish() {
	local status=$?
	trap - EXIT INT TERM
	for pid in "${started[@]}"; do
		kill -TERM "$pid" 2>/dev/null || true
	done
	wait
	rm -rf "$tmp"
	exit "$status"
}
kernel_sent() { ip -s -j link show dev eth1 | python3 -c '
import json, sys
print(json.load(sys.stdin)[0]["stats64"]["tx"]["packets"])'; }
far() { ip netns exec far "$@"; }
rate() { # IPERF-ARGUMENT...: one TCP stream, as seen by its receiver
	timeout 20 iperf3 -J -c 10.9.0.2 "$@" | python3 -c '
import json, sys
print("%.2f Gbit/s" % (json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e9))'
}

make_network() {
	ip netns add far
	for space in "" "ip netns exec far"; do
		$space sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	done
	ip link add eth1 type veth peer name far0 netns far
	far ip link set lo up
	far ip link set far0 up
	far ip addr add 10.9.0.2/24 dev far0
	ip link set eth1 up
	far iperf3 -s >/dev/null 2>&1 &
	started+=($!)
	echo "eth1 is this side's network interface; the other host is 10.9.0.2 behind it"
}

start_lwfd() {
	start lwfd --nic eth1 --tap lwf0 >lwfd.out 2>lwfd.log
	daemon=${started[-1]}
	for _ in $(seq 100); do
		[ ! -S "$LWF_CONTROL" ] || break
		kill -0 "$daemon" 2>/dev/null || { cat lwfd.log >&2 && die "lwfd did not start"; }
		sleep 0.05
	done
	echo '   $ lwfd --nic eth1 --tap lwf0 &'
	run lwfctl wait eth1 --state running --timeout 5s
	sed 's/^/   /' lwfd.out lwfd.log
	start lwfctl watch --json >watch.jsonl 2>/dev/null
	watcher=${started[-1]}
	run ip addr add 10.9.0.1/24 dev lwf0
}

record() { # at the far host; not by tcpdump, which wants to become somebody else first
	far python3 "$root/scripts/demo.py" record far0 demo.pcap 300 10 &
	local recorder=$!
	started+=("$recorder")
	for size in 56 200 700 1400; do ping -q -c 15 -i 0.01 -s $size 10.9.0.2 >/dev/null; done
	timeout 20 iperf3 -u -b 8M -l 1000 -t 1 -c 10.9.0.2 >/dev/null
	wait "$recorder"
}

pull_the_link() {
	local load injector
	timeout 30 iperf3 -J -t 9 -c 10.9.0.2 >load.json 2>&1 &
	load=$!
	lwf-inject eth1 demo.pcap --loop 0 --rate 2kpps --json >inject-pull.json 2>/dev/null &
	injector=$!
	started+=("$load" "$injector")
	sleep 1
	run ip link set eth1 down
	run lwfctl wait eth1 --state detached --timeout 2s
	sleep 0.8
	run ip link set eth1 up
	run lwfctl wait eth1 --state running --timeout 2s
	sleep 1
	echo '   $ ip -n far link set far0 down      # the other end of the cable'
	far ip link set far0 down
	sleep 0.8
	echo '   $ ip -n far link set far0 up'
	far ip link set far0 up
	sleep 1
	run lwfctl pause eth1
	sleep 0.5
	run lwfctl restart eth1
	sleep 1
	kill -TERM "$injector"
	wait "$injector" || true # 1: not every frame was answered SUCCESS, which is the point
	wait "$load" || true	 # the stream may have given up while the link was away
}

inside() {
	tmp=$(mktemp -d /run/demo.XXXXXX)
	cd "$tmp"
	trap finish EXIT
	trap 'exit 130' INT TERM HUP
	PATH=$LWF_DEMO_BIN:$PATH
	export PATH LWF_CONTROL=$tmp/control
	number=1

	step "A network: two hosts and a cable"
	make_network

	step "lwfd between a TAP and the interface"
	start_lwfd

	step "Ping and one TCP stream each way, through the stack"
	run ping -q -c 5 -i 0.2 10.9.0.2 | grep -E '^ |transmitted|rtt'
	echo "   iperf3 to the other host:   $(rate -t 3)"
	echo "   iperf3 from the other host: $(rate -t 3 -R)"

	step "From here on every frame is counted against the kernel"
	# Super-frames count as one for the device and as many on the wire; without them the two agree.
	run ethtool -K lwf0 tso off gso off
	sleep 0.3
	lwfctl ledger eth1 --json >before.json
	kernel_before=$(kernel_sent)

	step "A capture, recorded on the spot at the other host"
	record

	step "The capture, injected ten times while TCP runs"
	timeout 30 iperf3 -J -t 3 -c 10.9.0.2 >load.json &
	started+=($!)
	run lwf-inject eth1 demo.pcap --loop 10 --rate 2kpps
	wait "${started[-1]}"

	step "The link, pulled and restored under load"
	pull_the_link

	step "The account"
	sleep 0.3
	run lwfctl ledger eth1
	lwfctl ledger eth1 --json >after.json
	kernel_after=$(kernel_sent)
	lwfctl show eth1 --json >show.json
	verdict=0
	python3 "$root/scripts/demo.py" account before.json after.json show.json \
		inject-pull.json $((kernel_after - kernel_before)) || verdict=1

	step "What the stack went through"
	python3 "$root/scripts/demo.py" lanes watch.jsonl

	step "The end"
	kill -TERM "$watcher"
	kill -TERM "$daemon"
	wait "$daemon" || die "lwfd did not end well"
	! ip link show dev lwf0 >/dev/null 2>&1 || die "the TAP was left behind"
	echo "lwfd ended with 0, and its TAP is gone"
	exit $verdict
}

if [ -n "${LWF_DEMO_BIN:-}" ]; then
	inside
else
	outside "$@"
fi
