#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 14-no-duplicates.sh - ping through a fresh stack shows no duplicate, whatever rp_filter says.
#
#	 ping - lwf0 (TAP) - [ lwfd ] - eth1 ~~cable~~ eth0 - far
#
# The NIC's own host stack must be shut off, else each frame is taken twice: once from eth1 by the
# kernel, once from the TAP.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need ping

IPV6=on

ping_clean() { # COMMAND...
	local told
	told=$("$@" -c 5 -i 0.2 -W 3) || fail "$*: $told"
	expect_match "$*" " 0% packet loss" "$told"
	! grep -Eq 'DUP!|duplicates' <<<"$told" || fail "$*: duplicates: $told"
}

far_host
for mode in 0 1 2; do
	step "rp_filter $mode"
	for where in "" "ip netns exec far"; do
		$where sysctl -qw net.ipv4.conf.all.rp_filter=$mode net.ipv4.conf.default.rp_filter=$mode \
			net.ipv4.conf.lo.rp_filter=$mode
	done
	start_lwfd --nic eth1 --tap lwf0
	state_is eth1 Running
	sysctl -qw net.ipv4.conf.lwf0.rp_filter=$mode net.ipv4.conf.eth1.rp_filter=$mode
	far sysctl -qw net.ipv4.conf.eth0.rp_filter=$mode
	addresses
	ping_clean ping 10.9.0.2
	ping_clean far ping 10.9.0.1
	ping_clean ping -6 fd09::2
	ping_clean far ping -6 fd09::1
	ledgers_balance
	stop_lwfd
	nothing_left
done

step "both devices in one bridge: that is told once, and again when it is so again"
start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
ip link add br0 type bridge stp_state 1
told() { [ "$(grep -c "are ports of the same bridge" "$TMP/lwfd.log")" = "$1" ]; }
ip link set eth1 master br0
sleep 0.3
told 0 || fail "one port is no loop: $(cat "$TMP/lwfd.log")"
ip link set lwf0 master br0
wait_for 5 "to be told of a loop" told 1
ip link set lwf0 mtu 1400
sleep 0.3
told 1 || fail "it is told more than once: $(cat "$TMP/lwfd.log")"
ip link set lwf0 nomaster
sleep 0.3
ip link set lwf0 master br0
wait_for 5 "to be told of a loop again" told 2
ip link del br0
stop_lwfd

step "the check can fail: with the NIC's own stack open (--share) and one MAC, duplicates appear"
start_lwfd --nic eth1 --tap lwf0 --share
state_is eth1 Running
ip link set lwf0 address "$(link_stat eth1 address)"
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lwf0.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0
addresses
told=$(far ping -c 5 -i 0.2 -W 3 10.9.0.1)
expect_match "ping with two takers" 'DUP!|duplicates' "$told"
stop_lwfd
