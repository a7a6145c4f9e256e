# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# lib.sh - what every system test stands on; a test sources it as its first act.
#
# Sourcing it starts the test anew inside scripts/netns.sh, so each test has network, mount and PID
# namespaces to itself and any number may run at the same time. Witnesses stand outside the engine:
# the kernel's counters, read by netlink, and captures at the far device.
#
# Environment: LWF_BIN, the folder of lwfd, lwfctl, lwf-inject (default build/dev/bin); LWF_TEST_FULL=1
# runs repeat counts whole instead of at a tenth; LWF_TEST_PCAPS, a folder of real captures.
# Results: 0 passed, 1 failed, 77 skipped. Nothing here waits for a time where it can wait for a fact.

set -eu -o pipefail
shopt -s inherit_errexit

TEST_NAME=$(basename "$0" .sh)
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BIN=$(cd "${LWF_BIN:-$ROOT/build/dev/bin}" 2>/dev/null && pwd) || {
	echo "$TEST_NAME: no programs in ${LWF_BIN:-$ROOT/build/dev/bin}; build first, or set LWF_BIN" >&2
	exit 1
}
TOOLS=${LWF_TOOLS:-$BIN/../tests/system}

if [ -z "${LWF_TEST_INSIDE:-}" ]; then
	LWF_TEST_INSIDE=1 exec "$ROOT/scripts/netns.sh" bash "$0" "$@"
fi

PATH=$BIN:$TOOLS:/usr/sbin:/sbin:$PATH
TMP=$(mktemp -d "${TMPDIR:-/tmp}/lwf-$TEST_NAME.XXXXXX")
export PATH LWF_CONTROL=$TMP/control LWF_TEST_MARK=$TMP LC_ALL=C
SECONDS=0
OUT=''
ERR=''
CODE=''
LWFD=
STARTED=()	# processes that the test has to end, by pid
PROGRESS='the first step'

# ---- telling ----

step() {
	PROGRESS=$*
	printf '%s: [%3ds] %s\n' "$TEST_NAME" "$SECONDS" "$*"
}

note() {
	printf '%s: note: %s\n' "$TEST_NAME" "$*"
}

fail() {
	trap - ERR
	{
		printf '%s: FAILED at: %s\n' "$TEST_NAME" "$PROGRESS"
		printf '%s: %s\n' "$TEST_NAME" "$*"
		local i
		for ((i = 1; i < ${#FUNCNAME[@]}; i++)); do
			printf '    %s (%s:%s)\n' "${FUNCNAME[i]}" \
				"$(basename "${BASH_SOURCE[i]}")" "${BASH_LINENO[i - 1]}"
		done
		show_logs
	} >&2
	# Also from a subshell: the test as a whole has failed.
	touch "$TMP/failed"
	exit 1
}

show_logs() {
	local log
	for log in "$TMP"/lwfd*.log; do
		[ -s "$log" ] || continue
		printf '    last lines of %s:\n' "$(basename "$log")"
		tail -n 15 "$log" | sed 's/^/        /'
	done
	[ -z "$LWFD" ] || ! kill -0 "$LWFD" 2>/dev/null || timeout 5 lwfctl show 2>&1 | cut -c1-300 | sed 's/^/        /'
}

# skip REASON: the test cannot run here. Every reason stands in tests/skips.
skip() {
	printf '%s: skipped: %s\n' "$TEST_NAME" "$*"
	exit 77
}

need() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "$program is not installed"
	done
}

# python_with MODULE: the python3 that has it; Debian's is not the first one everywhere.
python_with() {
	local python
	for python in python3 /usr/bin/python3; do
		! "$python" -c "import $1" 2>/dev/null || { echo "$python" && return; }
	done
	return 1
}

is_real_root() {
	[ "$(id -u)" -eq 0 ] && [ "$(awk 'NR == 1 { print $2, $3 }' /proc/self/uid_map)" = "0 4294967295" ]
}

# times N: N repeats with LWF_TEST_FULL=1; else a tenth of them, at least 20 (or N when that is less).
times() {
	local n=$1
	if [ "${LWF_TEST_FULL:-0}" != 1 ]; then
		n=$((n / 10))
		[ "$n" -ge 20 ] || n=20
		[ "$n" -le "$1" ] || n=$1
	fi
	echo "$n"
}

# ---- judging ----

expect_equal() { # WHAT EXPECTED GOT
	[ "$2" = "$3" ] || fail "$1: expected $2, got $3"
}

expect_at_least() { # WHAT LEAST GOT
	[ "$3" -ge "$2" ] || fail "$1: expected at least $2, got $3"
}

expect_at_most() { # WHAT MOST GOT
	[ "$3" -le "$2" ] || fail "$1: expected at most $2, got $3"
}

expect_match() { # WHAT REGEX TEXT
	grep -Eq -- "$2" <<<"$3" || fail "$1: nothing matches /$2/ in: $3"
}

# capture CMD...: runs it; CODE, OUT and ERR hold what came of it.
capture() {
	CODE=0
	timeout --foreground "${LIMIT:-30}" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null || CODE=$?
	OUT=$(cat "$TMP/out")
	ERR=$(cat "$TMP/err")
}

# expect_exit CODE CMD...; CODE may name several: '2|5'
expect_exit() {
	local want=$1
	shift
	capture "$@"
	[[ $CODE =~ ^($want)$ ]] || fail "exit code of '$*': expected $want, got $CODE
    stdout: $OUT
    stderr: $ERR"
}

# expect_error CODE REGEX CMD...: it must exit so, with one line on stderr that matches.
expect_error() {
	local want=$1 regex=$2
	shift 2
	expect_exit "$want" "$@"
	grep -Eqi -- "$regex" <<<"$ERR" || fail "stderr of '$*': expected /$regex/, got: $ERR"
	expect_equal "lines on stderr of '$*' ($ERR)" 1 "$(wc -l <"$TMP/err")"
}

# wait_for SECONDS WHAT CMD...: polls until CMD succeeds; the deadline is a failure.
wait_for() {
	local deadline=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || fail "gave up waiting for: $what ($*)"
		sleep 0.02
	done
}

# within SECONDS CMD...: like wait_for, as a question.
within() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.02
	done
}

# watch_for SECONDS: lets the world go on for a window in which something must not happen.
watch_for() {
	sleep "$1"
}

now_ns() {
	date +%s%N
}

# ---- the kernel's side ----

far() {
	ip netns exec far "$@"
}

has_link() { # DEV [NETNS]
	ip ${2:+-n "$2"} link show dev "$1" >/dev/null 2>&1
}

link_stat() { # DEV JQ [NETNS]: from netlink, never from /sys
	ip ${3:+-n "$3"} -s -j link show dev "$1" | jq -r ".[0].$2"
}

tx_packets() {
	link_stat "$1" stats64.tx.packets "${2:-}"
}

rx_packets() {
	link_stat "$1" stats64.rx.packets "${2:-}"
}

rx_over() { # DEV N [NETNS]: has it received more than N
	[ "$(rx_packets "$1" "${3:-}")" -gt "$2" ]
}

tx_over() {
	[ "$(tx_packets "$1" "${3:-}")" -gt "$2" ]
}

mtu_is() { # DEV MTU
	[ "$(link_stat "$1" mtu)" = "$2" ]
}

link_flag() { # DEV FLAG [NETNS]
	ip ${3:+-n "$3"} -j link show dev "$1" | jq -e --arg f "$2" '.[0].flags | index($f) != null' >/dev/null
}

# The kernel's neighbour discovery sends frames of its own: off where counters are compared.
quiet_namespace() { # [NETNS]
	local run=()
	[ -z "${1:-}" ] || run=(ip netns exec "$1")
	"${run[@]}" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
}

# far_host: the namespace "far" and the cable to it, eth1 here and eth0 there, both up.
far_host() {
	[ -e /run/netns/far ] || {
		ip netns add far
		ip -n far link set lo up
		[ "${IPV6:-off}" = on ] || { quiet_namespace; quiet_namespace far; }
	}
	plug_cable
}

plug_cable() {
	ip link add eth1 address 02:00:00:00:00:01 type veth \
		peer name eth0 address 02:00:00:00:00:02 netns far
	ip -n far link set eth0 up
	ip link set eth1 up
}

# addresses [UPPER]: 10.9.0.1 on the TAP, 10.9.0.2 at the far host; IPv6 too with IPV6=on.
addresses() {
	local upper=${1:-lwf0}
	ip addr replace 10.9.0.1/24 dev "$upper"
	ip -n far addr replace 10.9.0.2/24 dev eth0
	[ "${IPV6:-off}" = on ] || return 0
	ip addr replace fd09::1/64 dev "$upper" nodad
	ip -n far addr replace fd09::2/64 dev eth0 nodad
}

# ---- processes ----

# background NAME CMD...: starts it; pid in $TMP/NAME.pid, output in $TMP/NAME.out and .err.
background() {
	local name=$1
	shift
	# Emptied here: the new process does it later, and nobody may read what an earlier one wrote.
	: >"$TMP/$name.out"
	: >"$TMP/$name.err"
	"$@" >"$TMP/$name.out" 2>"$TMP/$name.err" </dev/null &
	echo $! >"$TMP/$name.pid"
	STARTED+=($!)
}

pid_of() {
	cat "$TMP/$1.pid"
}

is_alive() {
	local state
	state=$(awk '{ print $3 }' "/proc/$1/stat" 2>/dev/null) && [ "$state" != Z ]
}

is_gone() {
	! is_alive "$1"
}

# finish NAME [SECONDS]: waits for its end by itself; CODE is its exit code.
finish() {
	local name=$1 pid
	pid=$(pid_of "$name")
	within "${2:-60}" is_gone "$pid" ||
		fail "$name (pid $pid) did not end in ${2:-60} s: $(tail -n 3 "$TMP/$name.err")"
	CODE=0
	wait "$pid" || CODE=$?
	OUT=$(cat "$TMP/$name.out")
	ERR=$(cat "$TMP/$name.err")
	forget "$pid"
}

# stop NAME [SIGNAL]: asks it to end, and waits.
stop() {
	kill "-${2:-TERM}" "$(pid_of "$1")" 2>/dev/null || :
	finish "$1" "${3:-15}"
}

forget() {
	local kept=() pid
	for pid in "${STARTED[@]}"; do
		[ "$pid" = "$1" ] || kept+=("$pid")
	done
	STARTED=("${kept[@]}")
}

# ---- lwfd ----

# spawn_lwfd ARGS...: starts it and looks no further. PID in LWFD, log in $TMP/lwfd.log.
spawn_lwfd() {
	lwfd "$@" >>"$TMP/lwfd.log" 2>&1 </dev/null &
	LWFD=$!
	STARTED+=("$LWFD")
}

# start_lwfd ARGS...: and waits until it answers.
start_lwfd() {
	spawn_lwfd "$@"
	local deadline=$((SECONDS + 15))
	until lwfctl show >/dev/null 2>&1; do
		is_alive "$LWFD" || fail "lwfd $* ended at start: $(tail -n 3 "$TMP/lwfd.log")"
		[ "$SECONDS" -lt "$deadline" ] || fail "lwfd $* does not answer after 15 s"
		sleep 0.02
	done
}

# bridge_up ARGS...: far host, lwfd between TAP lwf0 and eth1, Running.
bridge_up() {
	far_host
	start_lwfd --nic eth1 --tap lwf0 "$@"
	state_is eth1 Running
}

lwfd_alive() {
	is_alive "$LWFD" || fail "lwfd (pid $LWFD) died: $(tail -n 5 "$TMP/lwfd.log")"
}

# stop_lwfd: SIGTERM must end it with 0 within 2 seconds (3 on a busy machine).
stop_lwfd() {
	local begun code=0
	lwfd_alive
	begun=$(now_ns)
	kill -TERM "$LWFD"
	within 10 is_gone "$LWFD" || fail "lwfd still runs 10 s after SIGTERM"
	local took=$((($(now_ns) - begun) / 1000000))
	wait "$LWFD" || code=$?
	forget "$LWFD"
	LWFD=
	expect_equal "exit code of lwfd after SIGTERM" 0 "$code"
	expect_at_most "milliseconds from SIGTERM to the end of lwfd" 3000 "$took"
}

# kill_lwfd: as a crash would end it.
kill_lwfd() {
	kill -KILL "$LWFD"
	wait "$LWFD" 2>/dev/null || :
	forget "$LWFD"
	LWFD=
}

show() { # JQ [STACK]: a value from `lwfctl show --json`
	lwfctl show --json ${2:+"$2"} | jq -r "$1"
}

# state_is STACK[/MODULE] STATE [SECONDS]: waits for it, in the daemon.
state_is() {
	local code=0
	timeout 60 lwfctl wait "$1" --state "$2" --timeout "${3:-10}s" >"$TMP/wait.out" 2>&1 || code=$?
	[ "$code" -eq 0 ] || fail "$1 did not become $2 in ${3:-10} s (lwfctl wait: $code): $(cat "$TMP/wait.out")"
}

# ledgers_balance: submitted == completed + refused + outstanding in every ledger the daemon keeps.
ledgers_balance() {
	local json
	json=$(lwfctl ledger --json | tail -n 1)
	jq -e '
		def total: [.[]] | add // 0;
		def even: .submitted == (.completed | total) + (.refused | total) + .outstanding;
		(.stacks | length > 0) and all(.stacks[];
			.balanced and (.clients | even) and (.host | even) and all(.sessions[]; even))
		' <<<"$json" >/dev/null || fail "a ledger does not balance: $json"
	expect_equal "rules broken" 0 "$(show .rules_broken)"
}

# ---- lwf-inject ----

# result_balances NAME: its last line is a ledger, and it balances. JSON holds it.
JSON=
result_balances() {
	JSON=$(tail -n 1 "$TMP/$1.out")
	jq -e '.schema == 1 and
		.submitted == ([.completed[]] | add // 0) + ([.refused[]] | add // 0)' <<<"$JSON" >/dev/null ||
		fail "$1: the ledger of lwf-inject does not balance: $JSON $(tail -n 3 "$TMP/$1.err")"
}

result() { # JQ
	jq -r "$1" <<<"$JSON"
}

# inject ARGS...: runs lwf-inject to its end; CODE and JSON tell.
inject() {
	capture lwf-inject --json "$@"
	printf '%s\n' "$OUT" >"$TMP/inject.out"
	printf '%s\n' "$ERR" >"$TMP/inject.err"
	[ "$CODE" -le 1 ] || fail "lwf-inject $*: exit code $CODE: $ERR"
	result_balances inject
}

# start_capture NAME NETNS DEV ARGS...: framecap in the background, listening when this returns.
start_capture() {
	local name=$1 netns=$2 run=()
	shift 2
	[ "$netns" = - ] || run=(ip netns exec "$netns")
	background "$name" "${run[@]}" framecap "$@"
	wait_for 10 "framecap $* to listen" grep -q '^listening' "$TMP/$name.out"
}

# captured NAME: ends a capture; OUT is its report. None may have been missed by the witness itself.
captured() {
	finish "$1" "${2:-30}"
	OUT=$(tail -n 1 <<<"$OUT")
	expect_equal "frames that $1 itself missed" 0 "$(jq .missed <<<"$OUT")"
}

# same_frames: byte for byte and in order.
same_frames() { # SENT RECEIVED
	local told
	told=$(framecmp "$1" "$2") || fail "frames did not arrive as sent: $told"
}

# dissect FILE ARGS...: tshark's view of a capture, checksums looked at, nobody's preferences.
dissect() {
	local file=$1
	shift
	HOME=$TMP tshark -r "$file" -o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE "$@" 2>"$TMP/tshark.err" ||
		fail "tshark -r $(basename "$file") $*: $(cat "$TMP/tshark.err")"
}

# ---- traffic ----

# host_traffic [PPS]: the host behind the TAP sends, numbered, stream 2.
host_traffic() {
	background host rawsend lwf0 -n 0 -r "${1:-5000}" -s 200 -i 2
}

# far_traffic [PPS]: the far host sends, numbered, stream 3.
far_traffic() {
	background farhost ip netns exec far rawsend eth0 -n 0 -r "${1:-5000}" -s 200 -i 3
}

# client_traffic NAME ARGS...: a client injects numbered frames without end.
client_traffic() {
	local name=$1
	shift
	[ -e "$TMP/numbered.pcap" ] || framegen numbered "$TMP/numbered.pcap" 1000 200 4 >/dev/null
	background "$name" lwf-inject --json eth1 "$TMP/numbered.pcap" --loop 0 "$@"
}

# client_ends NAME: TERM makes it drain and print its ledger. JSON holds it.
client_ends() {
	stop "$1" TERM 20
	expect_equal "exit code of lwf-inject after TERM ($ERR)" 1 "$CODE"
	result_balances "$1"
}

# sending, receiving [DEV [NETNS]]: waits until more frames have left, or reached, DEV than before.
sending() {
	local mark
	mark=$(tx_packets "${1:-eth1}" "${2:-}")
	wait_for 15 "frames to leave ${1:-eth1}" tx_over "${1:-eth1}" $((mark + ${MORE:-20})) "${2:-}"
}

receiving() {
	local mark
	mark=$(rx_packets "${1:-lwf0}" "${2:-}")
	wait_for 15 "frames to reach ${1:-lwf0}" rx_over "${1:-lwf0}" $((mark + ${MORE:-20})) "${2:-}"
}

# kernel_agrees: what lwfd says of the link is what the kernel says.
kernel_agrees() {
	local want got
	want=$(ip -j link show dev eth1 | jq -c '.[0] | {ifindex, mac: .address, mtu,
		up: (.flags | index("UP") != null), carrier: (.flags | index("LOWER_UP") != null)}')
	got=$(show '.stacks[0].link | {ifindex, mac, mtu, up, carrier}' eth1 | jq -c .)
	[ "$want" = "$got" ] || return 1
}

# carrier_is true|false: in the eyes of lwfd.
carrier_is() {
	[ "$(show '.stacks[0].link.carrier' eth1)" = "$1" ]
}

fds_of() {
	find "/proc/$1/fd" -mindepth 1 | wc -l
}

rss_kib() {
	awk '/^VmRSS/ { print $2 }' "/proc/$1/status"
}

cpu_ticks() {
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

# A sanitizer keeps freed memory back, and counts leaks itself at the end of the program.
is_sanitized() {
	grep -qE '__(asan|tsan)_init' "$BIN/lwfd"
}

# remember_size and no_growth: descriptors and memory of lwfd before and after a long story.
remember_size() {
	FDS_BEFORE=$(fds_of "$LWFD")
	RSS_BEFORE=$(rss_kib "$LWFD")
}

has_fds() {
	[ "$(fds_of "$LWFD")" -le "$1" ]
}

no_growth() {
	within 5 has_fds "$FDS_BEFORE" ||
		fail "lwfd had $FDS_BEFORE descriptors and has $(fds_of "$LWFD") now"
	! is_sanitized || return 0
	expect_at_most "KiB of lwfd (before: $RSS_BEFORE)" $((RSS_BEFORE + 3072)) "$(rss_kib "$LWFD")"
}

# ---- the end ----

# nothing_left: what the daemon made is gone, what it changed is as before.
nothing_left() {
	local dev=${1:-eth1} tap=${2:-lwf0}
	within 5 no_link "$tap" || fail "the TAP $tap is still there"
	within 5 no_own_processes || fail "processes are left: $(own_processes)"
	[ ! -e "$LWF_CONTROL" ] || fail "the control socket is still there"
	has_link "$dev" || return 0
	expect_equal "qdiscs that stop the host's stack on $dev" "" "$(tc qdisc show dev "$dev" | grep clsact || :)"
	expect_equal "promiscuity of $dev" 0 "$(ip -d -j link show dev "$dev" | jq '.[0].promiscuity')"
}

no_link() {
	! has_link "$1"
}

# Processes that this test started and that still run, by the mark in their environment.
own_processes() {
	local proc
	for proc in /proc/[0-9]*; do
		grep -zqsx "LWF_TEST_MARK=$TMP" "$proc/environ" || continue
		! is_alive "${proc#/proc/}" || printf '%s (%s) ' "${proc#/proc/}" \
			"$(tr '\0' ' ' 2>/dev/null <"$proc/cmdline")"
	done
}

no_own_processes() {
	[ -z "$(own_processes)" ]
}

at_exit() {
	local status=$? pid left
	trap - ERR EXIT
	set +e
	for pid in "${STARTED[@]}"; do
		kill -CONT "$pid" 2>/dev/null
		kill -TERM "$pid" 2>/dev/null
	done
	for pid in "${STARTED[@]}"; do
		within 3 is_gone "$pid" || kill -KILL "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	if [ "$status" -eq 0 ] && [ -e "$TMP/failed" ]; then
		status=1
	fi
	if [ "$status" -eq 0 ]; then
		left=$(own_processes)
		[ -z "$left" ] || {
			echo "$TEST_NAME: FAILED: processes are left at the end: $left" >&2
			status=1
		}
	fi
	[ ! -d /run/netns ] || ip -all netns delete 2>/dev/null
	if [ "$status" -eq 0 ] || [ "$status" -eq 77 ] || [ -z "${LWF_TEST_KEEP:-}" ]; then
		rm -rf "$TMP"
	else
		echo "$TEST_NAME: kept: $TMP" >&2
	fi
	[ "$status" -ne 0 ] || printf '%s: passed in %d s\n' "$TEST_NAME" "$SECONDS"
	exit "$status"
}

trap at_exit EXIT
trap 'fail "this failed with $?: $BASH_COMMAND"' ERR
trap 'exit 1' INT TERM
set -E
