#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 66-adopted-tap.sh - a TAP that was there before is used, and left as it was found, also after a kill.
#
#	 lwf0 (TAP, made by somebody else) = [ lwfd ] = eth1 ~~cable~~ eth0
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# What somebody who made the device may have set; the carrier is lwfd's.
tap_facts() {
	ip -j link show lwf0 | jq -c '.[0] | [.mtu, .address, (.flags | index("UP") != null)]'
}
tap_is_as_before() {
	[ "$(tap_facts)" = "$before" ]
}

far_host
ip link set eth1 mtu 1400
ip tuntap add lwf0 mode tap vnet_hdr
before=$(tap_facts)

step "adopted: it mirrors the NIC"
start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
expect_equal "MTU, MAC, up" '[1400,"02:00:00:00:00:01",true]' "$(tap_facts)"

step "given back at the end"
stop_lwfd
wait_for 5 "the TAP is as it was" tap_is_as_before

step "given back after SIGKILL, by the watchdog child"
start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
expect_equal "MTU, MAC, up" '[1400,"02:00:00:00:00:01",true]' "$(tap_facts)"
kill_lwfd
wait_for 2 "the TAP is as it was" tap_is_as_before

ip link del lwf0
nothing_left
