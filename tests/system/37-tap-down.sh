#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 37-tap-down.sh - a TAP that is down costs counted drops and nothing else; the NIC drives the stack.
#
#	 lwf0 (TAP, down) - [ lwfd ] - eth1 ~~cable~~ eth0 < rawsend
#	                       ^ lwf-inject
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

bridge_up
far_traffic 2000
receiving

step "down"
ip link set lwf0 down
upper_drops_over() {
	[ "$(show '.stacks[0].upper.drops."upper-down" // 0' eth1)" -gt "$1" ]
}
wait_for 5 "drops by name" upper_drops_over 100
expect_equal "state" Running "$(show '.stacks[0].state' eth1)"
client_traffic client --limit 100 --topspeed
finish client
result_balances client
expect_equal "SUCCESS towards the wire" 100 "$(result .completed.SUCCESS)"
inject eth1 "$TMP/numbered.pcap" --direction receive --topspeed --limit 10
expect_equal "exit code towards the host" 1 "$CODE"
expect_equal "answers towards the host" 10 "$(result '.completed.FAILURE + (.refused.FAILURE // 0)')"

step "up again"
ip link set lwf0 up
receiving
expect_equal "state" Running "$(show '.stacks[0].state' eth1)"
stop farhost
ledgers_balance
stop_lwfd
nothing_left
