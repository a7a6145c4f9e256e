#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 60-idle.sh - with nothing to do the daemon does nothing, in little memory.
#
#	 lwf0 (TAP) - [ lwfd ] - eth1 ~~cable~~ eth0
# ctest: RUN_SERIAL ON
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

idle() { # WHAT: no clock tick in 3 seconds; the second try is for a machine that was busy
	local ticks i
	for i in 1 2 3; do
		ticks=$(cpu_ticks "$LWFD")
		watch_for 3
		ticks=$(($(cpu_ticks "$LWFD") - ticks))
		[ "$ticks" -ne 0 ] || return 0
		note "$1: $ticks ticks in try $i"
	done
	fail "$1: $ticks clock ticks in 3 idle seconds"
}

bridge_up
idle "Running"

step "with clients that wait and watch"
background watch lwfctl watch --json
background waiter lwfctl wait eth1 --state paused --timeout 60s
idle "watched"

step "with a client that has nothing to send"
framegen numbered "$TMP/one.pcap" 1 60 >/dev/null
mkfifo "$TMP/quiet"
background pump bash -c "exec 3>'$TMP/quiet' && cat '$TMP/one.pcap' >&3 && exec sleep 120"
background client lwf-inject --json eth1 "$TMP/quiet"
wait_for 10 "its one frame" tx_over eth1 0
idle "with a silent client"
stop pump
stop client

step "paused, detached, without its NIC, without its TAP being up"
expect_exit 0 lwfctl pause eth1
idle "Paused"
expect_exit 0 lwfctl restart eth1
ip link set lwf0 down
far_traffic 1000
finish_at=$((SECONDS + 2))
while [ "$SECONDS" -lt "$finish_at" ]; do watch_for 0.1; done
stop farhost
idle "TAP down"
ip link del eth1
state_is eth1 Detached
idle "without its NIC"
plug_cable
state_is eth1 Running
stop watch
finish waiter 5 || :

step "memory"
is_sanitized || expect_at_most "KiB of lwfd" 65536 "$(rss_kib "$LWFD")"
stop_lwfd
nothing_left
