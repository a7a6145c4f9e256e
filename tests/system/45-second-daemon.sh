#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 45-second-daemon.sh - one daemon a socket, one a NIC, one a TAP; the error names the pid.
#
#	 [ lwfd ]    eth1 ~~cable~~ eth0
#	 [ lwfd 2 ]  (eth1 or eth2)
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

bridge_up
ip link add eth2 type veth peer name eth3
ip link set eth2 up
ip link set eth3 up

step "the same socket"
expect_error 6 "\b$LWFD\b" lwfd --nic eth2 --tap lwf1

step "another socket, the same NIC"
expect_error 6 "eth1.*\b$LWFD\b" lwfd --control "$TMP/other" --nic eth1 --tap lwf1
[ ! -e "$TMP/other" ] || fail "the refused daemon left a socket"
no_link lwf1 || fail "the refused daemon left a TAP"

step "another socket, another NIC, the same TAP"
expect_error 6 "lwf0" lwfd --control "$TMP/other" --nic eth2 --tap lwf0

step "the first one has noticed nothing"
framegen numbered "$TMP/ten.pcap" 10 100 >/dev/null
inject eth1 "$TMP/ten.pcap" --topspeed
expect_equal "SUCCESS" 10 "$(result .completed.SUCCESS)"
ledgers_balance

step "two daemons side by side"
lwfd --control "$TMP/other" --nic eth2 --tap lwf1 >"$TMP/lwfd2.log" 2>&1 &
second=$!
STARTED+=("$second")
answers() {
	lwfctl --control "$1" show
}
wait_for 10 "the second daemon" answers "$TMP/other"
expect_equal "pid that it tells" "$second" "$(lwfctl --control "$TMP/other" show --json | jq .pid)"
kill -TERM "$second"
wait_for 5 "its end" is_gone "$second"
forget "$second"

step "a dead socket is replaced"
kill_lwfd
[ -S "$LWF_CONTROL" ] || note "the watchdog child removed the socket"
[ -e "$LWF_CONTROL" ] || python3 -c "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).bind('$LWF_CONTROL')"
start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
stop_lwfd

step "what is no socket is not touched"
echo precious >"$LWF_CONTROL"
expect_exit 6 lwfd --nic eth1 --tap lwf0 || :
expect_equal "the file" precious "$(cat "$LWF_CONTROL")"
rm "$LWF_CONTROL"

step "five at once: one wins"
pids=()
for i in 1 2 3 4 5; do
	lwfd --nic eth1 --tap lwf0 >>"$TMP/lwfd.race.log" 2>&1 &
	pids+=($!)
	STARTED+=($!)
done
wait_for 10 "one of them" lwfctl show
winner=$(show .pid)
for pid in "${pids[@]}"; do
	[ "$pid" != "$winner" ] || continue
	wait_for 10 "the loser $pid to end" is_gone "$pid"
	code=0
	wait "$pid" || code=$?
	expect_equal "exit code of a loser" 6 "$code"
	forget "$pid"
done
LWFD=$winner
state_is eth1 Running
stop_lwfd
nothing_left
