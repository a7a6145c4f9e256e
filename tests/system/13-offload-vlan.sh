#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 13-offload-vlan.sh - TCP inside a VLAN, with offloads, both ways.
#
#	 iperf3 - VLAN 5 - lwf0 (TAP) - [ lwfd ] - eth1 ~~cable~~ eth0 - VLAN 5 - iperf3 -s
#
# The VLAN is an 802.1Q device; a kernel without one gets the witness vlantag on both devices.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need iperf3 ethtool nstat tshark

IPV6=on

csum_errors() {
	{ nstat -asz; far nstat -asz; } | awk '/CsumErrors/ { sum += $2 } END { print sum + 0 }'
}

tag_devices() {
	local where
	background tag_here vlantag lwf0 5
	background tag_far ip netns exec far vlantag eth0 5
	for where in tag_here tag_far; do
		within 5 grep -q attached "$TMP/$where.out" || {
			finish "$where" 5
			[ "$CODE" -ne 77 ] || skip "no 802.1Q device, and BPF is not allowed: ${ERR##*: }"
			fail "vlantag: $ERR"
		}
	done
}

transfer() {
	local json
	json=$(timeout 40 iperf3 -J "$@") || fail "iperf3 $*: $(jq -r .error <<<"$json")"
	# What is received is counted up to the end of the sender, not to the last byte.
	expect_at_least "bytes sent by iperf3 $*" 2000000 "$(jq .end.sum_sent.bytes <<<"$json")"
	expect_at_least "bytes received by iperf3 $*" 200000 "$(jq .end.sum_received.bytes <<<"$json")"
}

bridge_up
if ip link add link lwf0 name vlan5 type vlan id 5 2>/dev/null; then
	ip -n far link add link eth0 name vlan5 type vlan id 5
	ip link set vlan5 up
	ip -n far link set vlan5 up
	ip addr add 10.9.0.1/24 dev vlan5
	ip -n far addr add 10.9.0.2/24 dev vlan5
	ip addr add fd09::1/64 dev vlan5 nodad
	ip -n far addr add fd09::2/64 dev vlan5 nodad
else
	tag_devices
	addresses
fi
background server ip netns exec far iperf3 -s
wait_for 10 "iperf3 to listen" far bash -c 'exec 3<>/dev/tcp/10.9.0.2/5201'

step "frames on the wire carry the tag"
start_capture dump far eth0 -s 65536 -w "$TMP/vlan.pcap"
before=$(csum_errors)
transfer -c 10.9.0.2 -n 2M
stop dump
expect_at_least "TCP segments in VLAN 5" 20 "$(dissect "$TMP/vlan.pcap" -Y 'vlan.id == 5 && tcp' | wc -l)"
expect_equal "TCP segments in no VLAN" 0 "$(dissect "$TMP/vlan.pcap" -Y 'tcp && !vlan' | wc -l)"

step "both ways, offloads on"
for to in 10.9.0.2 fd09::2; do
	transfer -c "$to" -t 1
	transfer -c "$to" -t 1 -R
done
expect_equal "checksum errors" "$before" "$(csum_errors)"

step "offloads off at the NIC: what lwfd or the kernel cuts is right"
ethtool -K eth1 tx off tso off gso off >/dev/null 2>&1
far ethtool -K eth0 tx off tso off gso off >/dev/null 2>&1
start_capture far_end far eth0 -w "$TMP/far_end.pcap"
start_capture near_end - lwf0 -w "$TMP/near_end.pcap"
for to in 10.9.0.2 fd09::2; do
	transfer -c "$to" -n 2M
	transfer -c "$to" -n 2M -R
done
for where in far_end near_end; do
	stop "$where"
	told=$(dissect "$TMP/$where.pcap" -Y tcp -T fields \
		-e tcp.checksum.status -e tcp.checksum)
	# A sum of 0 is written as ffff by Linux for TCP too; it means the same, but tshark minds.
	expect_at_least "segments with a good checksum at the $where" 1000 "$(grep -c '^1' <<<"$told")"
	expect_equal "segments with a bad checksum at the $where" 0 "$(awk '$1 == 0 && $2 != "0xffff"' <<<"$told" | wc -l)"
done
expect_equal "checksum errors" "$before" "$(csum_errors)"

for name in server tag_here tag_far; do
	[ ! -e "$TMP/$name.pid" ] || stop "$name"
done
ledgers_balance
stop_lwfd
nothing_left
