#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 47-inject-nic.sh - lwf-inject without a daemon: a private stack on the NIC.
#
#	 [ lwf-inject --nic eth1 ] > eth1 10.9.0.1 ~~cable~~ eth0 10.9.0.2 > framecap
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need ping

N=$(times 100000)

far_host
count=$(framegen kinds "$TMP/kinds.pcap")
framegen numbered "$TMP/many.pcap" "$N" 60 >/dev/null

inject_nic() {
	capture lwf-inject --json --nic eth1 "$@"
	printf '%s\n' "$OUT" >"$TMP/inject.out"
	[ "$CODE" -le 1 ] || fail "lwf-inject --nic eth1 $*: $CODE: $ERR"
	result_balances inject
}

step "frames of every kind"
start_capture got far eth0 -w "$TMP/got.pcap" -n "$count" -t 20
inject_nic "$TMP/kinds.pcap" --topspeed
captured got
same_frames "$TMP/kinds.pcap" "$TMP/got.pcap"
expect_equal "exit code" 0 "$CODE"

step "sent is tx_packets"
before=$(tx_packets eth1)
LIMIT=60 inject_nic "$TMP/many.pcap" --topspeed
expect_equal "sent" $(($(tx_packets eth1) - before)) "$(result .sent)"
expect_equal "SUCCESS" "$N" "$(result .completed.SUCCESS)"

step "what does not fit"
bad=$(framegen misfits "$TMP/misfits.pcap")
inject_nic "$TMP/misfits.pcap" --topspeed
expect_equal "exit code" 1 "$CODE"
expect_equal "INVALID_LENGTH" "$bad" "$(result '(.completed.INVALID_LENGTH // 0) + (.refused.INVALID_LENGTH // 0)')"

step "a NIC with an address is allowed, and its own stack stays open"
ip addr add 10.9.0.1/24 dev eth1
ip -n far addr add 10.9.0.2/24 dev eth0
background client lwf-inject --json --nic eth1 "$TMP/many.pcap" --loop 0 --rate 5kpps
sending
far ping -c 3 -i 0.2 -W 2 10.9.0.1 >/dev/null || fail "the far host does not reach eth1"
[ -z "$(ip -j tuntap show | jq -r '.[].ifname')" ] || fail "there is a TAP"
step "flaps"
for i in 1 2 3 4 5; do
	ip link set eth1 down
	ip link set eth1 up
	MORE=100 sending
done
client_ends client
expect_at_least "frames sent" 500 "$(result .sent)"
ip addr flush dev eth1

step "a daemon that holds the NIC is named"
start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
expect_error 6 "eth1.*\b$LWFD\b" lwf-inject --nic eth1 "$TMP/kinds.pcap"
stop_lwfd

step "wrong uses"
expect_error 5 "nosuch" lwf-inject --nic nosuch "$TMP/kinds.pcap"
expect_error 2 "direction|receive" lwf-inject --nic eth1 "$TMP/kinds.pcap" --direction receive
nothing_left
