#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 20-sent-is-tx.sh - a million injected frames: `sent` is what the NIC's tx counter says.
#
#	 lwf-inject > [ lwfd ] > eth1 ~~cable~~ eth0 > framecap counts
#
# And a sender that is not ours makes the comparison fail, so it can.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

N=$(times 1000000)

bridge_up
framegen numbered "$TMP/numbered.pcap" "$N" 60 >/dev/null

step "$N frames at top speed"
start_capture got far eth0 -n "$N" -t 120
before=$(tx_packets eth1)
LIMIT=120 inject eth1 "$TMP/numbered.pcap" --topspeed
delta=$(($(tx_packets eth1) - before))
expect_equal "exit code" 0 "$CODE"
expect_equal "submitted" "$N" "$(result .submitted)"
expect_equal "sent, against tx_packets of eth1" "$delta" "$(result .sent)"
expect_equal "SUCCESS" "$N" "$(result .completed.SUCCESS)"
expect_equal "bytes" $((N * 60)) "$(result .bytes)"
finish got 60
OUT=$(tail -n 1 <<<"$OUT")
seen=$(jq '.numbered + .missed' <<<"$OUT")
expect_equal "frames at the far device, those counted that the capture had no room for" "$N" "$seen"
expect_equal "doubled, reordered, damaged" "0 0 0" "$(jq -r '"\(.doubled) \(.reordered) \(.damaged)"' <<<"$OUT")"

step "while the host sends too, the sum is right"
before=$(tx_packets eth1)
host_traffic 20000
sending
inject eth1 "$TMP/numbered.pcap" --limit 20000 --rate 20kpps
stop host
hosts=$(jq .sent "$TMP/host.out")
rest_is_out() {
	[ $(($(tx_packets eth1) - before)) -eq $((hosts + $(result .sent))) ]
}
wait_for 10 "tx_packets to be the host's $hosts and the client's $(result .sent)" rest_is_out
ledgers_balance

step "a foreign sender makes the comparison fail"
before=$(tx_packets eth1)
rawsend eth1 -n 7 >/dev/null
inject eth1 "$TMP/numbered.pcap" --topspeed --limit 1000
delta=$(($(tx_packets eth1) - before))
expect_equal "the difference that a foreign sender makes" 7 $((delta - $(result .sent)))

stop_lwfd
nothing_left
