#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 36-rename-mtu.sh - the interface gets another name, MTU, MAC; the stack goes on and follows.
#
#	 lwf-inject > [ lwfd ] > eth1 (wan0) ~~cable~~ eth0
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

bridge_up
framegen numbered "$TMP/full.pcap" 10 1514 >/dev/null
framegen numbered "$TMP/jumbo.pcap" 10 9014 >/dev/null
framegen numbered "$TMP/small.pcap" 10 1000 >/dev/null

lengths() {
	result '(.completed.INVALID_LENGTH // 0) + (.refused.INVALID_LENGTH // 0)'
}

step "renamed: same index, go on"
client_traffic client --rate 5kpps
sending
epoch=$(show '.stacks[0].epoch' eth1)
# Kernels before 6.2 rename only what is down.
ip link set eth1 name wan0 2>/dev/null || {
	note "this kernel renames only a device that is down"
	ip link set eth1 down
	ip link set eth1 name wan0
	ip link set wan0 up
	epoch=any
}
state_is eth1 Running
named() {
	[ "$(show '.stacks[0].lower.name' eth1)" = "$1" ]
}
wait_for 5 "show to tell the new name" named wan0
sending wan0
[ "$epoch" = any ] || expect_equal "epoch: it never went down" "$epoch" "$(show '.stacks[0].epoch' eth1)"
client_ends client
[ "$epoch" = any ] || expect_equal "frames of the client that were not sent" 0 "$(result '.submitted - .sent - ([.completed, .refused | .SEND_ABORTED // 0] | add)')"
ip link set wan0 name eth1 2>/dev/null || {
	ip link set wan0 down
	ip link set wan0 name eth1
	ip link set eth1 up
}
wait_for 5 "show to tell the old name again" named eth1
state_is eth1 Running

step "MTU: the TAP follows, and what does not fit is refused"
inject eth1 "$TMP/full.pcap" --topspeed
expect_equal "SUCCESS at MTU 1500" 10 "$(result .completed.SUCCESS)"
ip link set eth1 mtu 1400
wait_for 5 "the MTU of the TAP" mtu_is lwf0 1400
before=$(tx_packets eth1)
inject eth1 "$TMP/full.pcap" --topspeed
expect_equal "INVALID_LENGTH at MTU 1400" 10 "$(lengths)"
expect_equal "tx_packets of eth1" "$before" "$(tx_packets eth1)"
ip link set eth1 mtu 9000
ip -n far link set eth0 mtu 9000
wait_for 5 "the MTU of the TAP" mtu_is lwf0 9000
start_capture got far eth0 -s 16384 -w "$TMP/got.pcap" -n 10 -t 20
inject eth1 "$TMP/jumbo.pcap" --topspeed
captured got
same_frames "$TMP/jumbo.pcap" "$TMP/got.pcap"
inject eth1 "$TMP/small.pcap" --topspeed
expect_equal "SUCCESS at MTU 9000" 10 "$(result .completed.SUCCESS)"

step "MTU lowered under traffic: counters agree, nothing is cut"
before=$(tx_packets eth1)
background client lwf-inject --json eth1 "$TMP/full.pcap" --loop 0 --rate 10kpps
for mtu in 1400 9000 1000 1500 1499 9000; do
	ip link set eth1 mtu "$mtu"
	wait_for 5 "the MTU of the TAP" mtu_is lwf0 "$mtu"
done
sending
client_ends client
expect_equal "sent, against tx_packets" $(($(tx_packets eth1) - before)) "$(result .sent)"
expect_equal "bytes" $(($(result .frames) * 1514)) "$(result .bytes)"
expect_at_least "INVALID_LENGTH" 1 "$(lengths)"

step "MAC: the TAP follows"
ip link set eth1 address 02:00:00:00:00:77
mac_is() {
	[ "$(link_stat lwf0 address)" = "$1" ]
}
wait_for 5 "the MAC of the TAP" mac_is 02:00:00:00:00:77
wait_for 5 "lwfd to agree with the kernel" kernel_agrees

ledgers_balance
stop_lwfd
nothing_left
