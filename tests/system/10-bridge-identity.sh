#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 10-bridge-identity.sh - frames of every kind cross the bridge as they were sent, in order.
#
#	 rawsend  > lwf0 (TAP) > [ lwfd ] > eth1 ~~cable~~ eth0 > framecap
#	 framecap < lwf0 (TAP) < [ lwfd ] < eth1 ~~cable~~ eth0 < rawsend
#	                here                       far
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

PCAPS=${LWF_TEST_PCAPS:-$ROOT/../shared/pcaps}

down() { # FILE COUNT: from the host to the wire
	start_capture got far eth0 -w "$TMP/got.pcap" -n "$2" -t 30
	rawsend lwf0 "$1" -r 10000 >/dev/null
	captured got 40
	same_frames "$1" "$TMP/got.pcap"
}

up() { # FILE COUNT: from the wire to the host
	start_capture got - lwf0 -w "$TMP/got.pcap" -n "$2" -t 30
	far rawsend eth0 "$1" -r 10000 >/dev/null
	captured got 40
	same_frames "$1" "$TMP/got.pcap"
}

bridge_up

step "frames of every kind"
count=$(framegen kinds "$TMP/kinds.pcap")
expect_at_least "kinds" 100 "$count"
down "$TMP/kinds.pcap" "$count"
up "$TMP/kinds.pcap" "$count"

step "thousands in order"
framegen numbered "$TMP/many.pcap" 20000 120 >/dev/null
down "$TMP/many.pcap" 20000
up "$TMP/many.pcap" 20000

if [ -d "$PCAPS" ]; then
	step "real captures"
	for file in "$PCAPS"/*.pcap*; do
		counts=$(framegen select "$file" "$TMP/fit.pcap" "$TMP/misfit.pcap" 2>/dev/null) ||
			continue # not Ethernet: nothing to bridge
		fit=${counts% *}
		[ "$fit" -gt 0 ] || continue
		PROGRESS="$(basename "$file"), $fit frames"
		down "$TMP/fit.pcap" "$fit"
		up "$TMP/fit.pcap" "$fit"
	done
else
	note "no captures in $PCAPS: generated frames only"
fi

step "jumbo frames"
ip -n far link set eth0 mtu 9000
ip link set eth1 mtu 9000
wait_for 5 "the MTU of the TAP to follow" mtu_is lwf0 9000
count=$(framegen kinds "$TMP/jumbo.pcap" 9000)
start_capture got far eth0 -s 16384 -w "$TMP/got.pcap" -n "$count" -t 30
rawsend lwf0 "$TMP/jumbo.pcap" -r 10000 >/dev/null
captured got 40
same_frames "$TMP/jumbo.pcap" "$TMP/got.pcap"

ledgers_balance
stop_lwfd
nothing_left
