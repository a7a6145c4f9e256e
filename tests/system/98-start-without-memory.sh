#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 98-start-without-memory.sh - one allocation after the other fails while lwfd starts (case 30): it ends with an
# exit code and the cause, and nothing is left of it; or it could do without, and runs as any other.
#
#	 lwf0 (TAP) - [ lwfd ] - eth1 ~~cable~~ eth0	lwf-faults.so stands between lwfd and its C library
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
! is_sanitized || exit 0 # sanitizers have allocators of their own

LATE=1000000000
library=$BIN/lwf-faults.so

# page N: what lwf/stress/shim/fault_page.h says, in a file: the N-th allocation from the start on fails.
page() {
	local bytes i
	printf -v bytes '%016x' "$1"
	{
		printf '\x31\x46\x57\x4c' && head -c 52 /dev/zero
		for ((i = 14; i >= 0; i -= 2)); do printf '%b' "\\x${bytes:i:2}"; done
		head -c 4032 /dev/zero
	} >"$TMP/page"
}

# Allocations that are still to come before one fails.
left() {
	od -An -t d8 -j 56 -N 8 "$TMP/page" | tr -d ' '
}

start_without() { # N
	page "$1"
	: >"$TMP/lwfd.log"
	LWF_STRESS_FAULTS=$TMP/page LD_PRELOAD=$library spawn_lwfd --nic eth1 --tap lwf0
	within 15 has_begun_or_ended || fail "lwfd neither runs nor ends when allocation $1 fails"
}

has_begun_or_ended() {
	is_gone "$LWFD" || [ -S "$LWF_CONTROL" ]
}

far_host
step "how many there are when none fails"
start_without "$LATE"
allocations=$((LATE - $(left)))
state_is eth1 Running
expect_at_least "allocations of a start" 50 "$allocations"
stop_lwfd
nothing_left

rounds=$(times "$allocations")
step "$rounds of its $allocations allocations, one at each start"
ended=0
for ((i = 0; i < rounds; i++)); do
	n=$((1 + i * allocations / rounds))
	start_without "$n"
	if is_gone "$LWFD"; then
		code=0
		wait "$LWFD" || code=$?
		forget "$LWFD"
		LWFD=
		expect_match "exit code when allocation $n fails" '^6$' "$code"
		expect_match "what is told of it" '^lwfd: .+: .+; .+' "$(tail -n 1 "$TMP/lwfd.log")"
		ended=$((ended + 1))
	else
		state_is eth1 Running
		stop_lwfd
	fi
	nothing_left
done
note "$ended starts ended, $((rounds - ended)) went well all the same"
expect_at_least "starts that ended" $((rounds / 4)) "$ended"

step "and with all of its memory it starts"
start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
stop_lwfd
nothing_left
