#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 51-templates.sh - frames made of one line of text arrive, and tshark finds them as they were meant.
#
#	 lwf-inject --template ... > [ inject > monitor ] > eth1 ~~cable~~ eth0 > framecap
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need tshark
bridge_up

# sent N TEMPLATE: N frames arrive, none is malformed or has a bad checksum. Their capture is $TMP/got.pcap.
sent() {
	local frames=$1 bad
	step "$2"
	start_capture got far eth0 -w "$TMP/got.pcap"
	expect_exit 0 lwf-inject eth1 --template "$2" --json
	expect_equal "submitted" "$frames" "$(tail -n 1 <<<"$OUT" | jq .submitted)"
	expect_equal "SUCCESS" "$frames" "$(tail -n 1 <<<"$OUT" | jq .completed.SUCCESS)"
	stop got
	expect_equal "frames that arrived" "$frames" "$(dissect "$TMP/got.pcap" | wc -l)"
	bad=$(dissect "$TMP/got.pcap" -o udp.check_checksum:TRUE -Y '_ws.malformed || ip.checksum.status == 0 ||
		udp.checksum.status == 0 || tcp.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0')
	expect_equal "what tshark finds wrong" "" "$bad"
}
values() { # FIELD...: their different values in the capture
	local fields=()
	for field; do fields+=(-e "$field"); done
	dissect "$TMP/got.pcap" -T fields "${fields[@]}" | sort -u
}

sent 200 'udp 10.0.0.1:1000-1009 > 10.0.0.2:53000 size 60..1514 count 200 payload random'
expect_equal "source ports" 10 "$(values udp.srcport | wc -l)"
expect_equal "the first sizes" "60 61 62" "$(dissect "$TMP/got.pcap" -T fields -e frame.len | head -n 3 | xargs)"
sent 50 'udp [fd00::1]:7000 > [fd00::2]:7001 size 70..1000 random count 50'
sent 20 'tcp 10.0.0.0/28 > 10.9.9.9:8080 flags SA count 20'
expect_equal "source addresses" 16 "$(values ip.src | wc -l)"
expect_equal "flags" 0x0012 "$(values tcp.flags)"
sent 8 'tcp fd00::1 > fd00::2 count 8 size 80'
sent 5 'icmp 10.0.0.1 > 10.0.0.2 count 5 size 98'
expect_equal "ICMP" 8 "$(values icmp.type)"
sent 5 'icmp fd00::1 > fd00::2 count 5 ttl 1'
expect_equal "ICMPv6" "128	1" "$(values icmpv6.type ipv6.hlim)"
sent 3 'arp 10.0.0.1 > 10.0.0.5-10.0.0.7 mac 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff count 3'
expect_equal "who is asked for" "10.0.0.5 10.0.0.6 10.0.0.7" "$(values arp.dst.proto_ipv4 | xargs)"
sent 4 'udp 10.0.0.1 > 10.0.0.2:40000 qinq 7 vlan 100-103 count 4'
expect_equal "inner tags" "7,100 7,101 7,102 7,103" "$(values vlan.id ieee8021ad.id >/dev/null; dissect "$TMP/got.pcap" -T json |
	jq -r '.[]._source.layers | [(.ieee8021ad["ieee8021ad.id"]), (.vlan["vlan.id"])] | join(",")' | xargs)"
sent 2 'ip 10.0.0.1 > 10.0.0.2 proto 253 tos 184 count 2'
expect_equal "protocol, DSCP" "253	46" "$(values ip.proto ip.dsfield.dscp)"
sent 2 'hex ffffffffffff 020000000001 88b5 68656c6c6f count 2 size 64'
expect_equal "EtherType, length" "0x88b5	64" "$(values eth.type frame.len)"

step "a rate, a limit, and both kinds of nothing"
expect_exit 0 lwf-inject eth1 --template 'eth count 0' --limit 300 --rate 3kpps --json
expect_equal "submitted" 300 "$(tail -n 1 <<<"$OUT" | jq .submitted)"
expect_exit 0 lwf-inject eth1 --template 'eth count 10' --loop 3 --json
expect_equal "submitted" 30 "$(tail -n 1 <<<"$OUT" | jq .submitted)"
expect_error 2 "template, column 5: '10.0.0.300' is no IPv4" lwf-inject eth1 --template 'udp 10.0.0.300 > 10.0.0.1'
expect_error 2 "one argument too many" lwf-inject eth1 file.pcap --template 'eth'
expect_exit 1 lwf-inject eth1 --template 'eth size 2000' --json
expect_equal "too long for the MTU" 1 "$(tail -n 1 <<<"$OUT" | jq '[.completed, .refused | .INVALID_LENGTH // 0] | add')"

ledgers_balance
stop_lwfd
nothing_left
