#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 11-inject-identity.sh - injected frames arrive as they stand in the file; what cannot go is answered.
#
#	             lwf-inject --direction send
#	                  v
#	 lwf0 (TAP) > [ lwfd ] > eth1 ~~cable~~ eth0 > framecap
#	 framecap < lwf0 < [ lwfd ]
#	                  ^                            far
#	             lwf-inject --direction receive
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

PCAPS=${LWF_TEST_PCAPS:-$ROOT/../shared/pcaps}

# until_count COUNT: how long a capture listens; where nothing may arrive, for a second.
until_count() {
	[ "$1" -eq 0 ] && echo "-t 1" || echo "-n $1 -t 30"
}

send_whole() { # FILE FITTING COUNT: all of FITTING, and nothing else of FILE, reaches the wire
	local before after
	before=$(tx_packets eth1)
	# shellcheck disable=SC2046 # words of a command
	start_capture got far eth0 -w "$TMP/got.pcap" $(until_count "$3")
	inject eth1 "$1" --topspeed
	captured got 40
	same_frames "$2" "$TMP/got.pcap"
	after=$(tx_packets eth1)
	expect_equal "SUCCESS" "$3" "$(result '.completed.SUCCESS // 0')"
	expect_equal "sent" "$3" "$(result .sent)"
	expect_equal "tx_packets of eth1" "$3" $((after - before))
}

receive_whole() {
	# shellcheck disable=SC2046 # words of a command
	start_capture got - lwf0 -w "$TMP/got.pcap" $(until_count "$3")
	inject eth1 "$1" --topspeed --direction receive
	captured got 40
	same_frames "$2" "$TMP/got.pcap"
	expect_equal "SUCCESS" "$3" "$(result '.completed.SUCCESS // 0')"
}

invalid_lengths() {
	result '(.completed.INVALID_LENGTH // 0) + (.refused.INVALID_LENGTH // 0)'
}

bridge_up

step "frames of every kind, both ways"
count=$(framegen kinds "$TMP/kinds.pcap")
send_whole "$TMP/kinds.pcap" "$TMP/kinds.pcap" "$count"
expect_equal "exit code" 0 "$CODE"
receive_whole "$TMP/kinds.pcap" "$TMP/kinds.pcap" "$count"
expect_equal "exit code" 0 "$CODE"

step "what does not fit answers INVALID_LENGTH and never reaches the wire"
bad=$(framegen misfits "$TMP/misfits.pcap")
before=$(tx_packets eth1)
for direction in send receive; do
	inject eth1 "$TMP/misfits.pcap" --topspeed --direction "$direction"
	expect_equal "exit code" 1 "$CODE"
	expect_equal "INVALID_LENGTH, $direction" "$bad" "$(invalid_lengths)"
	expect_equal "submitted" "$bad" "$(result .submitted)"
	expect_equal "sent" 0 "$(result .sent)"
done
expect_equal "tx_packets of eth1" "$before" "$(tx_packets eth1)"

step "a record that the capture cut short is refused, unless asked for"
framegen broken short-record "$TMP/short.pcap" >/dev/null
inject eth1 "$TMP/short.pcap" --topspeed
expect_equal "exit code" 1 "$CODE"
expect_equal "INVALID_LENGTH" 1 "$(invalid_lengths)"
expect_equal "SUCCESS" 3 "$(result .completed.SUCCESS)"
inject eth1 "$TMP/short.pcap" --topspeed --send-truncated
expect_equal "SUCCESS with --send-truncated" 4 "$(result .completed.SUCCESS)"

step "pcapng and standard input are as good"
capture bash -c "lwf-inject --json eth1 - --topspeed <'$TMP/kinds.pcap'"
expect_equal "exit code from stdin ($ERR)" 0 "$CODE"
expect_equal "SUCCESS from stdin" "$count" "$(tail -n 1 <<<"$OUT" | jq .completed.SUCCESS)"
if command -v editcap >/dev/null; then
	editcap -F pcapng "$TMP/kinds.pcap" "$TMP/kinds.pcapng"
	send_whole "$TMP/kinds.pcapng" "$TMP/kinds.pcap" "$count"
fi

step "captures that are not Ethernet are refused by the name of their link type"
while read -r kind name; do
	framegen broken "$kind" "$TMP/$kind.pcap" >/dev/null
	expect_error 2 "$name" lwf-inject eth1 "$TMP/$kind.pcap"
done <<-LIST
	linktype-raw-ip RAW
	linktype-ipv6 IPV6
	linktype-nflog NFLOG
	linktype-wifi IEEE802_11
	linktype-radiotap IEEE802_11_RADIO
	linktype-unknown 65000
LIST

if [ -d "$PCAPS" ]; then
	step "real captures: what fits arrives, what does not is answered"
	for file in "$PCAPS"/*.pcap*; do
		PROGRESS=$(basename "$file")
		if counts=$(framegen select "$file" "$TMP/fit.pcap" "$TMP/misfit.pcap" 2>"$TMP/select"); then
			fit=${counts% *}
			misfit=${counts#* }
			send_whole "$file" "$TMP/fit.pcap" "$fit"
			expect_equal "INVALID_LENGTH" "$misfit" "$(invalid_lengths)"
			receive_whole "$file" "$TMP/fit.pcap" "$fit"
			expect_equal "INVALID_LENGTH towards the host" "$misfit" "$(invalid_lengths)"
		else
			expect_match "framegen" "link type" "$(cat "$TMP/select")"
			expect_error 2 "link.?type" lwf-inject eth1 "$file"
		fi
	done
else
	note "no captures in $PCAPS: generated frames only"
fi

ledgers_balance
stop_lwfd
nothing_left
