#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 54-packed.sh - compressed captures arrive byte for byte; damaged archives are told and end with 2.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need gzip zstd xz lz4
far_host
FRAMES=3000
framegen numbered "$TMP/plain.pcap" "$FRAMES" 300 >/dev/null

pack() { # PROGRAM FILE: by standard input, so that names say nothing
	"$1" -c <"$TMP/plain.pcap" >"$2"
}
arrive() { # ARGS...: they arrive as in the plain file
	start_capture got far eth0 -w "$TMP/got.pcap" -n "$FRAMES" -t 20
	expect_exit 0 lwf-inject --nic eth1 --rate 50kpps --json "$@"
	expect_equal "submitted" "$FRAMES" "$(tail -n 1 <<<"$OUT" | jq .submitted)"
	captured got
	same_frames "$TMP/plain.pcap" "$TMP/got.pcap"
}

for program in gzip zstd xz lz4; do
	step "$program: whole, by its content and not its name"
	pack "$program" "$TMP/packed"
	arrive "$TMP/packed"
	step "$program: as standard input, looped, limited"
	# shellcheck disable=SC2016 # the inner shell's
	expect_exit 0 sh -c 'lwf-inject --nic eth1 - --topspeed --json <"$1"' - "$TMP/packed"
	expect_equal "submitted" "$FRAMES" "$(tail -n 1 <<<"$OUT" | jq .submitted)"
	expect_exit 0 lwf-inject --nic eth1 "$TMP/packed" --topspeed --loop 2 --json
	expect_equal "submitted" $((2 * FRAMES)) "$(tail -n 1 <<<"$OUT" | jq .submitted)"
	expect_exit 0 lwf-inject --nic eth1 "$TMP/packed" --topspeed --limit 5 --json
	expect_equal "submitted" 5 "$(tail -n 1 <<<"$OUT" | jq .submitted)"
	step "$program: cut off"
	size=$(stat -c %s "$TMP/packed")
	head -c $((size - 5)) "$TMP/packed" >"$TMP/cut"
	expect_exit 2 lwf-inject --nic eth1 "$TMP/cut" --topspeed
	expect_match "what is told" "$program cannot unpack it" "$ERR"
	expect_exit 2 lwf-inject --nic eth1 "$TMP/cut" --topspeed --loop 2
	head -c 8 "$TMP/packed" >"$TMP/cut"
	expect_exit 2 lwf-inject --nic eth1 "$TMP/cut" --topspeed
	expect_match "what is told" "$program" "$ERR"
	step "$program: from a pipe it is named, and not there it is named"
	# shellcheck disable=SC2016 # the inner shell's
	expect_error 2 "it is compressed.*$program -dc" sh -c 'cat "$1" | lwf-inject --nic eth1 -' - "$TMP/packed"
	expect_error 2 "$program cannot be run: not installed" env PATH="$TMP" "$BIN/lwf-inject" --nic eth1 "$TMP/packed"
done

step "what is inside is no capture"
gzip -c <"$0" >"$TMP/text.gz"
expect_error 2 "it is no capture" lwf-inject --nic eth1 "$TMP/text.gz"
gzip -c <"$TMP/packed" >"$TMP/twice.gz"
expect_error 2 "compressed twice" lwf-inject --nic eth1 "$TMP/twice.gz"
