#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 27-pcap-edges.sh - a capture file in the place of a device, at either end.
#
#	 rawsend > lwf0 (TAP) > [ lwfd ] > out.pcap;  in.pcap > [ lwfd ] > lwf0 > framecap
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

quiet_namespace
count=$(framegen kinds "$TMP/in.pcap")

step "lower edge: the file is the wire"
ip tuntap add dev lwf0 mode tap
ip link set lwf0 up
start_capture got - lwf0 -w "$TMP/got.pcap" -n "$count" -t 20
start_lwfd --lower "pcap:$TMP/in.pcap:$TMP/out.pcap" --upper tap:lwf0 --stack file
state_is file Running
captured got
same_frames "$TMP/in.pcap" "$TMP/got.pcap"
rawsend lwf0 "$TMP/in.pcap" -r 5000 >/dev/null
all_out() {
	[ "$(show '.stacks[0].lower.tx.frames' file)" = "$count" ]
}
wait_for 10 "all frames to be written" all_out
framegen numbered "$TMP/five.pcap" 5 100 >/dev/null
capture lwf-inject --json file "$TMP/five.pcap" --topspeed
expect_equal "exit code of lwf-inject ($ERR)" 0 "$CODE"
ledgers_balance
stop_lwfd
expect_equal "frames of the host in the file, then those injected" "$((count + 5)) frames, identical" \
	"$(cat "$TMP/in.pcap" <(tail -c +25 "$TMP/five.pcap") >"$TMP/both.pcap"; framecmp "$TMP/both.pcap" "$TMP/out.pcap")"

step "a file that is not Ethernet, and a folder that is not there"
framegen broken linktype-nflog "$TMP/nflog.pcap" >/dev/null
expect_error 2 "NFLOG" lwfd --lower "pcap:$TMP/nflog.pcap" --upper tap:lwf0 --stack file
expect_error 2 "nowhere" lwfd --lower "pcap:$TMP/in.pcap:$TMP/nowhere/out.pcap" --upper tap:lwf0 --stack file
