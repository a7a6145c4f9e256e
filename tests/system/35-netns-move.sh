#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 35-netns-move.sh - the interface is moved to another namespace and back; edges in namespaces.
#
#	 lwf-inject > [ lwfd ] > eth1 ~~cable~~ eth0		here | other | here ...
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=$(times 50)

bridge_up
ip netns add other
quiet_namespace other
remember_size
client_traffic client --rate 10kpps

step "$ROUNDS moves there and back"
for ((i = 1; i <= ROUNDS; i++)); do
	PROGRESS="move $i of $ROUNDS"
	sending
	ip link set eth1 netns other
	if [ $((i % 2)) -eq 0 ]; then
		state_is eth1 Detached 1
		expect_match "holds" removed "$(show '.stacks[0].holds | join(" ")' eth1)"
		expect_equal "qdisc that lwfd left on the device" "" "$(tc -n other qdisc show dev eth1 | grep clsact || :)"
	fi
	ip -n other link set eth1 netns $$
	ip link set eth1 up
	state_is eth1 Running
done
wait_for 5 "lwfd to agree with the kernel" kernel_agrees
client_ends client
expect_at_least "frames answered ADAPTER_REMOVED" 1 \
	"$(result '(.completed.ADAPTER_REMOVED // 0) + (.refused.ADAPTER_REMOVED // 0)')"
ledgers_balance
no_growth
stop_lwfd
nothing_left

step "a NIC in one namespace, the TAP in another, lwfd in a third"
ip link set eth1 netns other
ip -n other link set eth1 up
ip netns add inner
quiet_namespace inner
start_lwfd --lower nic:eth1,netns=other --upper tap:lwf0,netns=inner
state_is eth1 Running
has_link lwf0 inner || fail "no TAP in the namespace inner"
count=$(framegen kinds "$TMP/kinds.pcap")
start_capture got far eth0 -w "$TMP/got.pcap" -n "$count" -t 20
ip netns exec inner rawsend lwf0 "$TMP/kinds.pcap" -r 5000 >/dev/null
captured got
same_frames "$TMP/kinds.pcap" "$TMP/got.pcap"
start_capture got inner lwf0 -w "$TMP/got.pcap" -n "$count" -t 20
far rawsend eth0 "$TMP/kinds.pcap" -r 5000 >/dev/null
captured got
same_frames "$TMP/kinds.pcap" "$TMP/got.pcap"

step "its links are followed there too"
ip -n other link set eth1 down
state_is eth1 Detached
ip -n other link set eth1 up
state_is eth1 Running
ip -n inner link del lwf0
wait_for 5 "the TAP to be made again" has_link lwf0 inner
ip -n other link del eth1
state_is eth1 Detached
ledgers_balance
stop_lwfd
! has_link lwf0 inner || fail "the TAP is still there"
