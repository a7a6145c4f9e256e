#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 56-client-calls.sh - what Npcap's users call, through the client library: a send that waits for its own
# answer, one frame many times, queues with time stamps.
#
#	 clientsh > [ lwfd ] > eth1 ~~cable~~ eth0
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# client OPTIONS...: runs the commands of its input with one handle; OUT has what it said, without times.
client() {
	local code=0
	timeout 60 clientsh "$@" >"$TMP/client.out" 2>"$TMP/client.err" || code=$?
	OUT=$(cat "$TMP/client.out")
	expect_equal "exit code of clientsh $* ($(cat "$TMP/client.err"))" 0 "$code"
}

said() { # LINE...: just these lines
	expect_equal "what the client said" "$(printf '%s\n' "$@")" "$(sed 's/ ms=[0-9]*$//' "$TMP/client.out")"
}

bridge_up
start_capture got far eth0 -w "$TMP/got.pcap" -n 1513 -t 60

step "a send that waits, alone and many times"
before=$(tx_packets eth1)
client stack=eth1 <<-'END'
	call 1
	call 500 10000 100
	call 1 10000 1600
	call 1 10000 up
END
said "call: ok SUCCESS/none win32=0 submitted=1 answered=1 succeeded=1 frames=1 bytes=60 gap=0" \
	"call: ok SUCCESS/none win32=0 submitted=500 answered=500 succeeded=500 frames=500 bytes=50000 gap=0" \
	"call: ok INVALID_LENGTH/too-long/refused win32=0 submitted=1 answered=1 succeeded=0 frames=0 bytes=0 gap=0" \
	"call: ok SUCCESS/none win32=0 submitted=1 answered=1 succeeded=1 frames=1 bytes=60 gap=0"
expect_equal "frames that left eth1" $((before + 501)) "$(tx_packets eth1)"

step "its own status in every state, and beside frames of others"
client stack=eth1 when=npcap <<-'END'
	send 3
	run lwfctl pause eth1
	call 2
	run lwfctl restart eth1
	run lwfctl link eth1 carrier off
	call 1
	run lwfctl link eth1 carrier on
	call 1
	take
END
said "call: ok PAUSED/not-running/refused win32=1617 submitted=2 answered=2 succeeded=0 frames=0 bytes=0 gap=0" \
	"call: ok MEDIA_DISCONNECTED/no-carrier win32=2150891551 submitted=1 answered=1 succeeded=0 frames=0 bytes=0 gap=0" \
	"call: ok SUCCESS/none win32=0 submitted=1 answered=1 succeeded=1 frames=1 bytes=60 gap=0" \
	"take: SUCCESS/none=3"

step "a call that waits for a restart gives up in time, and its frame is answered all the same"
client stack=eth1 when=wait <<-'END'
	run lwfctl pause eth1
	call 2 200
	run lwfctl restart eth1
	take
	stats
	ledger
END
expect_match "what gave up" "^call: Connection timed out .* submitted=2 answered=0 " "$(head -n 1 <<<"$OUT")"
expect_match "its answers" "^take: SUCCESS/none=2$" "$(sed -n 2p <<<"$OUT")"
expect_equal "the two ledgers" "$(sed -n 's/^ledger: //p' <<<"$OUT")" "$(sed -n 's/^stats: //p' <<<"$OUT")"

step "queues: in time, as fast as they go, and what Npcap refuses"
client stack=eth1 <<-'END'
	queue sync 5000 0 20 30000 29500 60000
	queue fast 5000 90000000 0 5
	queue sync 5000 0 1 2000000 2000001
	queue sync 5000 9000 7000
END
said "queue: ok SUCCESS/none win32=0 submitted=5 answered=5 succeeded=5 frames=5 bytes=300 gap=0" \
	"queue: ok SUCCESS/none win32=0 submitted=3 answered=3 succeeded=3 frames=3 bytes=180 gap=0" \
	"queue: ok SUCCESS/none win32=0 submitted=2 answered=2 succeeded=2 frames=2 bytes=120 gap=1999999000" \
	"queue: Numerical result out of range SUCCESS/none win32=0 submitted=1 answered=1 succeeded=1 frames=1 bytes=60 gap=0"
expect_at_least "ms that the first queue took" 60 "$(sed -n '1s/.* ms=//p' <<<"$OUT")"

step "a thousand sends one by one, and the far host has seen them all"
{
	for ((i = 0; i < 995; i++)); do echo call 1; done
	echo stats
	echo ledger
} >"$TMP/thousand"
client stack=eth1 <"$TMP/thousand"
expect_equal "calls with SUCCESS" 995 "$(grep -c '^call: ok SUCCESS' <<<"$OUT")"
expect_equal "the two ledgers" "$(sed -n 's/^ledger: //p' <<<"$OUT")" "$(sed -n 's/^stats: //p' <<<"$OUT")"
captured got

step "BlockRx: nothing that is received reaches the host, what a program hands up does"
expect_exit 0 lwfctl filter insert eth1 impair:loss=100%,direction=receive
state_is eth1 Running
before=$(rx_packets lwf0)
far rawsend eth0 -n 50 -s 100 >/dev/null
lost() {
	[ "$(show '.stacks[0].modules[] | select(.name == "impair") | .report."receive-lost" // 0' eth1)" -ge 50 ]
}
wait_for 10 "50 frames to be dropped" lost
expect_equal "frames that reached lwf0" "$before" "$(rx_packets lwf0)"
client stack=eth1 <<-'END'
	call 3 10000 up
	call 2
END
expect_match "handed up" "^call: ok SUCCESS/none .* succeeded=3 " "$(sed -n 1p <<<"$OUT")"
expect_match "sent" "^call: ok SUCCESS/none .* succeeded=2 " "$(sed -n 2p <<<"$OUT")"
expect_equal "frames that reached lwf0" $((before + 3)) "$(rx_packets lwf0)"
expect_exit 0 lwfctl filter remove eth1/impair

ledgers_balance
stop_lwfd
nothing_left
