#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 31-nic-recreate.sh - the interface is deleted and made again, under traffic.
#
#	 rawsend > lwf0 (TAP) > [ lwfd ] > eth1 ~~cable~~ eth0		(the cable is cut and laid anew)
#	         lwf-inject   >
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=$(times 100)

bridge_up
remember_size
host_traffic 3000
client_traffic client --rate 20kpps

step "$ROUNDS deletions"
for ((i = 1; i <= ROUNDS; i++)); do
	PROGRESS="deletion $i of $ROUNDS"
	sending
	old=$(show '.stacks[0].link.ifindex' eth1)
	ip link del eth1
	if [ $((i % 2)) -eq 1 ]; then
		state_is eth1 Detached 1
		expect_equal "link.present" false "$(show '.stacks[0].link.present' eth1)"
		expect_match "holds" removed "$(show '.stacks[0].holds | join(" ")' eth1)"
	fi
	plug_cable
	state_is eth1 Running
	wait_for 5 "lwfd to agree with the kernel" kernel_agrees
	[ "$(show '.stacks[0].link.ifindex' eth1)" != "$old" ] || fail "the index is still $old"
done
client_ends client
expect_at_least "frames answered ADAPTER_REMOVED" 1 \
	"$(result '(.completed.ADAPTER_REMOVED // 0) + (.refused.ADAPTER_REMOVED // 0)')"
stop host
ledgers_balance
no_growth

step "SIGTERM while the interface is gone"
ip link del eth1
state_is eth1 Detached
stop_lwfd
nothing_left

step "--wait-nic: the stack exists before its interface does"
expect_error 5 eth1 lwfd --nic eth1 --tap lwf0
start_lwfd --nic eth1 --tap lwf0 --wait-nic
expect_equal "state" Detached "$(show '.stacks[0].state' eth1)"
inject eth1 "$TMP/numbered.pcap" --topspeed --limit 10
expect_equal "refused as ADAPTER_REMOVED" 10 "$(result .refused.ADAPTER_REMOVED)"
plug_cable
state_is eth1 Running
sending_after=$(tx_packets eth1)
inject eth1 "$TMP/numbered.pcap" --topspeed --limit 10
expect_equal "tx_packets of eth1" $((sending_after + 10)) "$(tx_packets eth1)"
stop_lwfd
nothing_left
