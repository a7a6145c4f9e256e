#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 28-drop-after-stamp.sh - with qdisc=kernel, frames that the device stamps and then drops confuse no other frame.
#
# The other end of the cable takes only short frames. A veth stamps a longer one before it finds that out,
# says that the send failed, and counts it as dropped, not as sent.
#
#	 lwf-inject > [ lwfd ] > eth1 ~~cable~~ eth0, whose MTU is 500
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

far_host
start_lwfd --lower nic:eth1,qdisc=kernel --upper none --stack eth1
state_is eth1 Running
framegen numbered "$TMP/short.pcap" 200 100 1 >/dev/null
framegen numbered "$TMP/long.pcap" 20 1000 2 >/dev/null
drops() {
	link_stat eth1 stats64.tx.dropped
}

all_short_leave() {
	inject eth1 "$TMP/short.pcap" "$@"
	expect_equal "short frames that left" 200 "$(result .completed.SUCCESS)"
	expect_equal "frames that the device took" "$(lwfctl ledger --json | jq '.stacks[0].clients.sent')" "$(tx_packets eth1)"
}

step "short frames"
all_short_leave --topspeed

step "long ones, which are dropped at the other end"
ip -n far link set eth0 mtu 500
before=$(drops)
inject eth1 "$TMP/long.pcap" --topspeed
[ "$(result .completed.SUCCESS)" = 0 ] || skip "this kernel's veth does not say what the other end drops"
expect_at_least "drops" $((before + 20)) "$(drops)"

step "short ones again, while long ones are tried"
for round in 1 2 3; do
	background long lwf-inject --json eth1 "$TMP/long.pcap" --loop 5 --rate 200pps
	all_short_leave --rate 2kpps
	finish long 30
	result_balances long
	expect_equal "long frames that left in round $round" 0 "$(result '.completed.SUCCESS // 0')"
done
ip -n far link set eth0 mtu 1500
inject eth1 "$TMP/long.pcap" --topspeed
expect_equal "long frames that left" 20 "$(result .completed.SUCCESS)"
all_short_leave --topspeed
ledgers_balance
stop_lwfd
nothing_left
