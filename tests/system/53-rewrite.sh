#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 53-rewrite.sh - frames of a capture arrive with other MACs, tags and addresses, and tshark finds all their checksums right.
#
#	 a capture of templates and of the kernel's fragments, lwf-inject REWRITES > eth1 ~~cable~~ eth0 > framecap
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need tshark dd
far_host
addresses eth1

fields() { # FILE FIELD...
	local file=$1 args=()
	shift
	for field; do args+=(-e "$field"); done
	dissect "$file" -T fields "${args[@]}"
}
# What tshark finds wrong in FILE; fragments are put together before.
wrong() {
	dissect "$1" -o udp.check_checksum:TRUE -Y '_ws.malformed || ip.checksum.status == 0 ||
		udp.checksum.status == 0 || tcp.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0'
}
# rewritten ARGS...: the capture arrives, changed so, in $TMP/got.pcap.
rewritten() {
	step "$*"
	start_capture got far eth0 -w "$TMP/got.pcap"
	expect_exit 0 lwf-inject --nic eth1 "$TMP/plain.pcap" --topspeed --json "$@"
	expect_equal "submitted" "$FRAMES" "$(tail -n 1 <<<"$OUT" | jq .submitted)"
	stop got
	expect_equal "frames that arrived" "$FRAMES" "$(dissect "$TMP/got.pcap" | wc -l)"
}

step "a capture, with fragments that a kernel made"
start_capture plain far eth0 -w "$TMP/plain.pcap"
for template in 'udp 10.0.0.1:5000-5009 > 10.0.0.2:6000 count 50 size 60..400 payload random' \
	'tcp 10.0.0.0/24 > 172.16.0.9:8080 count 50 size 90' 'icmp 10.0.0.5 > 10.0.0.6 count 3' \
	'udp fd00::1 > fd00::2:6000 count 20 size 100 payload random' 'icmp fd00::1 > fd00::9 count 3' \
	'tcp 10.0.0.7 > 10.0.0.8 vlan 100 count 5' 'arp 10.0.0.1 > 10.0.0.2' 'eth count 2'; do
	expect_exit 0 lwf-inject --nic eth1 --template "$template"
done
dd if=/dev/urandom bs=4000 count=1 2>/dev/null >/dev/udp/10.9.0.2/6000
watch_for 0.3
stop plain
# from here on no kernel adds a frame of its own
ip addr flush dev eth1
ip -n far addr flush dev eth0
FRAMES=$(dissect "$TMP/plain.pcap" | wc -l)
expect_equal "fragments in it" 3 "$(dissect "$TMP/plain.pcap" -Y 'ip.flags.mf == 1 || ip.frag_offset > 0' | wc -l)"
expect_equal "what tshark finds wrong before" "" "$(wrong "$TMP/plain.pcap")"

rewritten --map-ip 10.0.0.0/8=192.168.0.0/16 --map-ip fd00::/64=2001:db8::/64 --map-ip 172.16.0.9=1.2.3.4
expect_equal "what tshark finds wrong" "" "$(wrong "$TMP/got.pcap")"
expect_equal "addresses that should be gone" "" "$(fields "$TMP/got.pcap" ip.addr ipv6.addr arp.src.proto_ipv4 arp.dst.proto_ipv4 |
	grep -E '(^|[^0-9.])10\.|fd00|172\.16' || :)"
expect_equal "IP addresses, mapped by sed" \
	"$(fields "$TMP/plain.pcap" ip.src ip.dst ipv6.src ipv6.dst | sed -E 's/\b10\.[0-9]+\./192.168./g; s/fd00::/2001:db8::/g; s/172\.16\.0\.9/1.2.3.4/')" \
	"$(fields "$TMP/got.pcap" ip.src ip.dst ipv6.src ipv6.dst)"
expect_equal "ARP" "192.168.0.1	192.168.0.2" "$(fields "$TMP/got.pcap" arp.src.proto_ipv4 arp.dst.proto_ipv4 | grep '192.168.0.1	' | sort -u)"
expect_equal "payloads" "$(fields "$TMP/plain.pcap" udp.payload)" "$(fields "$TMP/got.pcap" udp.payload)"

rewritten --src-mac 02:00:00:00:00:aa --dst-mac 02:00:00:00:00:bb --push-vlan 7
expect_equal "MACs" "02:00:00:00:00:aa	02:00:00:00:00:bb" "$(fields "$TMP/got.pcap" eth.src eth.dst | sort -u)"
expect_equal "tags" "$((FRAMES - 5)) 7 5 7,100" "$(fields "$TMP/got.pcap" vlan.id | sort | uniq -c | xargs)"
expect_equal "what tshark finds wrong" "" "$(wrong "$TMP/got.pcap")"

rewritten --pop-vlan
expect_equal "tags" "" "$(fields "$TMP/got.pcap" vlan.id | sort -u | xargs)"
expect_equal "TCP without its tag" 5 "$(dissect "$TMP/got.pcap" -Y 'ip.dst == 10.0.0.8 && tcp' | wc -l)"

step "the same from a pipe, and in loops"
start_capture got far eth0 -w "$TMP/got.pcap"
# shellcheck disable=SC2016 # the inner shell's
expect_exit 0 sh -c 'lwf-inject --nic eth1 - --topspeed --loop 2 --pop-vlan --push-vlan 9 <"$1"' - "$TMP/plain.pcap"
stop got
expect_equal "tags" "$((2 * FRAMES)) 9" "$(fields "$TMP/got.pcap" vlan.id | sort | uniq -c | xargs)"
expect_error 2 "not rewritten" lwf-inject --nic eth1 --template eth --pop-vlan
