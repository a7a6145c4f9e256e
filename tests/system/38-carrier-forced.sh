#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 38-carrier-forced.sh - `lwfctl link carrier off`: the stack acts as if the NIC had no carrier.
#
#	 lwf0 (TAP) - [ lwfd ] - eth1 ~~cable~~ eth0		the cable is never touched
#	                 ^ lwf-inject
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

bridge_up
framegen numbered "$TMP/ten.pcap" 10 100 >/dev/null
wait_for 5 "the carrier of the TAP" link_flag lwf0 LOWER_UP

no_carrier() {
	! link_flag lwf0 LOWER_UP
}

step "off"
before=$(tx_packets eth1)
expect_exit 0 lwfctl link eth1 carrier off
wait_for 5 "the carrier of the TAP to go" no_carrier
link_flag eth1 LOWER_UP || fail "the NIC lost its carrier"
expect_equal "state" Running "$(show '.stacks[0].state' eth1)"
inject eth1 "$TMP/ten.pcap" --topspeed
expect_equal "exit code" 1 "$CODE"
expect_equal "MEDIA_DISCONNECTED" 10 "$(result '(.completed.MEDIA_DISCONNECTED // 0) + (.refused.MEDIA_DISCONNECTED // 0)')"
expect_equal "tx_packets of eth1" "$before" "$(tx_packets eth1)"
expect_exit 0 lwfctl link eth1 carrier off

step "it outlives a real flap"
ip -n far link set eth0 down
ip -n far link set eth0 up
inject eth1 "$TMP/ten.pcap" --topspeed
expect_equal "SUCCESS" 0 "$(result '.completed.SUCCESS // 0')"

step "on"
expect_exit 0 lwfctl link eth1 carrier on
wait_for 5 "the carrier of the TAP to be back" link_flag lwf0 LOWER_UP
inject eth1 "$TMP/ten.pcap" --topspeed
expect_equal "SUCCESS" 10 "$(result .completed.SUCCESS)"
expect_exit 0 lwfctl link eth1 carrier on

step "off for a time"
begin=$(now_ns)
expect_exit 0 lwfctl link eth1 carrier off --for 400ms
wait_for 5 "the carrier of the TAP to go" no_carrier
wait_for 5 "the carrier of the TAP to be back by itself" link_flag lwf0 LOWER_UP
expect_at_least "milliseconds that it was off" 350 $((($(now_ns) - begin) / 1000000))

step "the real carrier is mirrored"
ip -n far link set eth0 down
wait_for 5 "the carrier of the TAP to go" no_carrier
expect_equal "state" Running "$(show '.stacks[0].state' eth1)"
ip -n far link set eth0 up
wait_for 5 "the carrier of the TAP to be back" link_flag lwf0 LOWER_UP
ledgers_balance
stop_lwfd
nothing_left
