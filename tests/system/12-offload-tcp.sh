#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 12-offload-tcp.sh - TCP with offloads both ways, IPv4 and IPv6: nobody ever sees a bad checksum.
#
#	 iperf3 - lwf0 (TAP) - [ lwfd ] - eth1 ~~cable~~ eth0 - iperf3 -s
#	 10.9.0.1, fd09::1                                10.9.0.2, fd09::2	(far)
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need iperf3 ethtool nstat tshark

IPV6=on

csum_errors() { # every counter of checksum errors that the kernel has, of both hosts
	{ nstat -asz; far nstat -asz; } | awk '/CsumErrors/ { sum += $2 } END { print sum + 0 }'
}

transfer() { # ARGS...: an iperf3 run that must move data
	local json
	json=$(timeout 40 iperf3 -J "$@") || fail "iperf3 $*: $(jq -r .error <<<"$json")"
	# What is received is counted up to the end of the sender, not to the last byte.
	expect_at_least "bytes sent by iperf3 $*" 2000000 "$(jq .end.sum_sent.bytes <<<"$json")"
	expect_at_least "bytes received by iperf3 $*" 200000 "$(jq .end.sum_received.bytes <<<"$json")"
}

both_ways() { # HOW...
	local to
	for to in 10.9.0.2 fd09::2; do
		transfer -c "$to" "$@"
		transfer -c "$to" -R "$@"
	done
}

# no_bad_checksum: tshark, over some megabytes each way, each as its receiver sees it.
no_bad_checksum() {
	local told where
	start_capture far_end far eth0 -w "$TMP/far_end.pcap"
	start_capture near_end - lwf0 -w "$TMP/near_end.pcap"
	both_ways -n 2M
	for where in far_end near_end; do
		stop "$where"
		told=$(dissect "$TMP/$where.pcap" -Y tcp -T fields \
			-e tcp.checksum.status -e tcp.checksum -e ip.checksum.status)
		# A sum of 0 is written as ffff by Linux for TCP too; it means the same, but tshark minds.
		expect_at_least "segments with a good checksum at the $where" 2000 \
			"$(awk '$1 == 1' <<<"$told" | wc -l)"
		expect_equal "segments with a bad checksum at the $where" 0 \
			"$(awk '($1 == 0 && $2 != "0xffff") || $3 == 0' <<<"$told" | wc -l)"
	done
}

bridge_up
addresses
background server ip netns exec far iperf3 -s
wait_for 10 "iperf3 to listen" far bash -c 'exec 3<>/dev/tcp/10.9.0.2/5201'

step "offloads on"
before=$(csum_errors)
both_ways -t 2
both_ways -t 1 -u -b 200M -l 1400
expect_equal "checksum errors" "$before" "$(csum_errors)"

step "offloads off at the NIC and at the far device, on at the TAP"
ethtool -K eth1 tx off tso off gso off >/dev/null 2>&1
far ethtool -K eth0 tx off tso off gso off >/dev/null 2>&1
no_bad_checksum
expect_equal "checksum errors" "$before" "$(csum_errors)"

step "offloads off everywhere"
ethtool -K lwf0 tx off tso off gso off >/dev/null 2>&1
no_bad_checksum
expect_equal "checksum errors" "$before" "$(csum_errors)"

step "offloads back on, under way"
ethtool -K lwf0 tx on tso on gso on >/dev/null 2>&1
ethtool -K eth1 tx on tso on gso on >/dev/null 2>&1
far ethtool -K eth0 tx on tso on gso on >/dev/null 2>&1
both_ways -t 1
expect_equal "checksum errors" "$before" "$(csum_errors)"

stop server
ledgers_balance
stop_lwfd
nothing_left
