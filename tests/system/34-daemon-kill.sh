#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 34-daemon-kill.sh - the daemon is killed: clients hear of it, and it leaves nothing behind.
#
#	 lwf-inject > [ lwfd ] (killed) > eth1 ~~cable~~ eth0
#	 lwfctl watch, wait
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=$(times 20)

# The dead socket may stay; all that it did to the machine may not.
no_traces() {
	! has_link lwf0 && no_own_processes &&
		! tc qdisc show dev eth1 | grep -q clsact &&
		[ "$(ip -d -j link show dev eth1 | jq '.[0].promiscuity')" = 0 ]
}

far_host
for ((i = 1; i <= ROUNDS; i++)); do
	step "kill $i of $ROUNDS"
	start_lwfd --nic eth1 --tap lwf0
	state_is eth1 Running
	before=$(tx_packets eth1)
	client_traffic client --topspeed
	background watch lwfctl watch --json
	background wait lwfctl wait eth1 --state Paused --timeout 60s
	MORE=500 sending
	kill_lwfd
	finish client 5
	result_balances client
	[ "$CODE" -eq 1 ] || [ "$CODE" -eq 3 ] || fail "exit code of lwf-inject: $CODE ($ERR)"
	# What it knows to be sent did leave; of what it does not know it says so.
	sent=$(result .sent)
	unknown=$(result '.completed.UNKNOWN // 0')
	delta=$(($(tx_packets eth1) - before))
	[ "$sent" -le "$delta" ] && [ "$delta" -le $((sent + unknown)) ] ||
		fail "sent $sent, unknown $unknown, but tx_packets moved by $delta"
	finish watch 5
	[ "$CODE" -ne 0 ] || fail "lwfctl watch ended with 0"
	finish wait 5
	expect_equal "exit code of lwfctl wait" 3 "$CODE"
	wait_for 3 "all traces to be gone" no_traces
	expect_error 3 "lwfd|daemon" lwfctl show
done
start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
stop_lwfd
nothing_left
