#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 93-fault-lies.sh - faults that no kernel does on demand, each by one shell command, on a daemon that
# `lwf-stress start` has started: sends, memory, the clock. Undone however it ends.
#
#	 lwf-inject > [ lwf-stress start lwfd ] > eth1 ~~cable~~ eth0 (far)
# shellcheck disable=SC2317 # functions that others call
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# The daemon of this test. In the background it is the process that the shell has started.
lwfd() {
	exec lwf-stress start "$LWF_BIN/lwfd" "$@"
}

N=200
sends() { # DIRECTION: what became of N frames
	inject eth1 "$TMP/numbered.pcap" --topspeed --direction "$1"
	expect_equal "frames that have an answer" "$N" "$(result '[.completed, .refused | .[]] | add')"
}
all_are() { # STATUS DIRECTION
	sends "$2"
	expect_equal "$1" "$N" "$(result ".completed.$1")"
}
go_well() {
	sends send
	[ "$(result .completed.SUCCESS)" = "$N" ]
}
no_guardian() { ! grep -qsx lwf-stress-undo /proc/[0-9]*/comm; }

# while_it_lasts STATUS DIRECTION WORDS...: frames are answered so until it is ended, by each means.
while_it_lasts() {
	local status=$1 direction=$2 signal before stack=eth1
	shift 2
	[ "$direction" = send ] || stack=eth1.upper
	for signal in INT TERM KILL; do
		PROGRESS="$*, ended by $signal"
		background fault lwf-stress fault "$stack" "$@"
		is_told() { grep -q "undoes it" "$TMP/fault.err"; }
		wait_for 5 "$* to be done" is_told
		before=$(tx_packets eth1)
		all_are "$status" "$direction"
		expect_equal "frames that left" 0 $(($(tx_packets eth1) - before))
		stop fault "$signal"
		wait_for 5 "the guardian to end" no_guardian
		all_are SUCCESS "$direction"
	done
}

far_host
start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
framegen numbered "$TMP/numbered.pcap" "$N" 60 >/dev/null
all_are SUCCESS send

step "sends of the device fail, and each frame is told why"
while_it_lasts FAILURE send send error EIO
while_it_lasts PAUSED send send error ENETDOWN
while_it_lasts RESOURCES send send stuck

step "sends to the host fail"
while_it_lasts FAILURE receive send error EIO

step "a slow device: all leave, later; and its time is bounded by --for"
background fault lwf-stress fault eth1 send slow 40ms --for 30s
is_told() { grep -q "send slow for" "$TMP/fault.err"; }
wait_for 5 "the device to be slow" is_told
all_are SUCCESS send
slow=$(result .seconds)
stop fault TERM
all_are SUCCESS send
# 200 frames are twelve rounds of a ring of 16, of 40 ms each.
expect_at_least "times that it took longer" 3 "$(jq -n "($slow / $(result .seconds)) | floor")"

step "memory: nothing new can be made, what is there goes on, and all works again"
if lwf-stress fault eth1 memory exhaust --for 1ms >/dev/null 2>"$TMP/err"; then
	background fault lwf-stress fault eth1 memory exhaust
	is_told() { grep -q "undoes it" "$TMP/fault.err"; }
	wait_for 5 "memory to be out" is_told
	refused() { ! timeout 5 lwfctl filter insert eth1 impair:delay=1ms >/dev/null 2>&1; }
	refused || fail "a filter was inserted without memory"
	lwfd_alive
	stop fault KILL
	wait_for 5 "the guardian to end" no_guardian
	wait_for 5 "frames to go as before" go_well
	expect_exit 0 lwf-stress fault eth1 memory fail 3 --for 100ms
else
	grep -q sanitizer "$TMP/err" || fail "memory exhaust: $(cat "$TMP/err")"
fi

step "no descriptor in the whole system: who is there is served, who comes waits, and is served then"
background fault lwf-stress fault eth1 descriptors deny
is_told() { grep -q "undoes it" "$TMP/fault.err"; }
wait_for 5 "descriptors to be gone" is_told
expect_exit 124 timeout 1 lwfctl show eth1
lwfd_alive
stop fault KILL
wait_for 5 "the guardian to end" no_guardian
wait_for 5 "somebody to be served" lwfctl show eth1
all_are SUCCESS send

step "the clock"
expect_exit 0 lwf-stress fault eth1 clock jump +1h --for 50ms
expect_exit 0 lwf-stress fault eth1 --for 50ms -- clock jump -24h
all_are SUCCESS send

step "the interface of the default route is left alone, but for --i-know"
ip route add default dev eth1
for words in "send error EIO" "send slow 40ms" "send stuck" "memory exhaust" "descriptors deny"; do
	# shellcheck disable=SC2086 # words
	expect_error 6 "eth1: .*default route.*--i-know" lwf-stress fault eth1 $words --for 50ms
done
expect_exit 0 lwf-stress fault eth1 send error EIO --for 50ms --i-know
expect_exit 0 lwf-stress fault eth1 clock jump +1h --for 50ms
ip route del default

step "what is wrong is said"
expect_error 2 "no errno" lwf-stress fault eth1 send error EWRONG
expect_error 2 "time with a unit" lwf-stress fault eth1 send slow 12
expect_error 2 "no such option" lwf-stress start --nic eth1
expect_error 2 "comes first" lwf-stress start -- lwfd
expect_error 2 "cannot be run" lwf-stress start /none/lwfd
ledgers_balance
stop_lwfd
nothing_left
