#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 63-all-at-once.sh - links, users, filters, clients and devices change at the same time, at random.
#
#	 rawsend > lwf0 (TAP) >
#	                       [ lwfd, steered by all ] <> eth1 ~~cable~~ eth0 < rawsend
#	        many lwf-inject >
#
# LWF_TEST_SEED repeats the choices (not the timing). At the end every reason to be down is lifted,
# and the stack must be Running, balanced, as large as before, and equal to the kernel.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

SEED=${LWF_TEST_SEED:-$(date +%N | sed 's/^0*//')}
SPAN=$(times 150)
note "LWF_TEST_SEED=$SEED, $SPAN s"

bridge_up
remember_size
until_end=$((SECONDS + SPAN))

quietly() {
	timeout 20 "$@" >/dev/null 2>&1 || [ $? -ne 124 ] || {
		echo "$* took more than 20 s" >>"$TMP/hangs"
	}
}

links() {
	case $((RANDOM % 6)) in
	0) quietly ip link set eth1 down; quietly ip link set eth1 up ;;
	1) quietly ip -n far link set eth0 down; quietly ip -n far link set eth0 up ;;
	2) quietly ip link set eth1 mtu $((1000 + RANDOM % 1000)) ;;
	3) quietly ip link del lwf0 ;;
	4) [ $((RANDOM % 4)) -ne 0 ] || { quietly ip link del eth1; plug >/dev/null 2>&1; } ;;
	5) quietly lwfctl link eth1 carrier off --for $((RANDOM % 100))ms ;;
	esac
}

plug() {
	ip link add eth1 address 02:00:00:00:00:01 type veth peer name eth0 address 02:00:00:00:00:02 netns far
	ip -n far link set eth0 up
	ip link set eth1 up
}

users() {
	local verbs=(pause restart detach attach show ledger)
	quietly lwfctl "${verbs[RANDOM % 6]}" eth1
}

filters() {
	case $((RANDOM % 5)) in
	0) quietly lwfctl filter insert eth1 monitor ;;
	1) quietly lwfctl filter insert eth1 hold:frames=$((RANDOM % 50)) ;;
	2) quietly lwfctl filter remove eth1/monitor-$((2 + RANDOM % 3)) ;;
	3) quietly lwfctl filter remove eth1/hold; quietly lwfctl filter remove eth1/hold-2 ;;
	4) quietly lwfctl filter insert eth1 monitor --above monitor ;;
	esac
}

# A pause waits for what the filters hold keep; somebody lets it go again and again.
releases() {
	local module
	for module in $(timeout 20 lwfctl show --json eth1 2>/dev/null |
		jq -r '.stacks[0].modules[] | select(.filter == "hold") | .name'); do
		quietly lwfctl filter set "eth1/$module" release=1
	done
}

clients() {
	local pid modes=("--topspeed" "--rate 5kpps --when-paused wait" "--topspeed --direction receive")
	# shellcheck disable=SC2086 # words of a command
	lwf-inject --json eth1 "$TMP/numbered.pcap" --loop 0 ${modes[RANDOM % 3]} >>"$TMP/clients.out" 2>/dev/null &
	pid=$!
	sleep 0.$((RANDOM % 50 + 10))
	if [ $((RANDOM % 3)) -eq 0 ]; then
		kill -KILL $pid
	else
		kill -TERM $pid
	fi
	within 15 is_gone $pid || echo "a client did not end in 15 s" >>"$TMP/hangs"
	wait $pid 2>/dev/null || :
}

loop() { # WHAT NUMBER
	RANDOM=$((SEED + $2))
	set +e
	trap - ERR
	while [ "$SECONDS" -lt "$until_end" ]; do
		"$1"
		sleep 0.0$((RANDOM % 5))
	done
}

framegen numbered "$TMP/numbered.pcap" 1000 200 4 >/dev/null
step "$SPAN seconds of it"
loops=()
for what in "links 1" "users 2" "filters 3" "clients 4" "clients 5" "releases 6"; do
	# shellcheck disable=SC2086 # a function and its number
	loop $what 2>/dev/null &
	loops+=($!)
done
while [ "$SECONDS" -lt "$until_end" ]; do
	lwfd_alive
	[ -e "$TMP/farhost.pid" ] && is_alive "$(pid_of farhost)" || far_traffic 2000
	[ -e "$TMP/host.pid" ] && is_alive "$(pid_of host)" || ! has_link lwf0 || host_traffic 2000
	sleep 0.2
done
for pid in "${loops[@]}"; do
	wait "$pid" || :
done
[ ! -e "$TMP/hangs" ] || fail "$(cat "$TMP/hangs")"

step "everybody lifts what he has set"
has_link eth1 || plug
ip link set eth1 mtu 1500
ip link set eth1 up
ip -n far link set eth0 up
lwfctl link eth1 carrier on >/dev/null
for module in $(show '.stacks[0].modules[] | select(.filter == "hold") | .name' eth1); do
	expect_exit 0 lwfctl filter set "eth1/$module" frames=0
	expect_exit 0 lwfctl filter set "eth1/$module" release=1
done
expect_exit '0|6' lwfctl attach eth1
expect_exit '0|6' lwfctl restart eth1
state_is eth1 Running
wait_for 5 "lwfd to agree with the kernel" kernel_agrees
inject eth1 "$TMP/numbered.pcap" --topspeed --limit 100
expect_equal "SUCCESS" 100 "$(result .completed.SUCCESS)"
for name in host farhost; do
	[ ! -e "$TMP/$name.pid" ] || stop "$name"
done
nobody_left() {
	[ "$(show '.stacks[0].sessions | length' eth1)" = 0 ]
}
wait_for 5 "all sessions to be gone" nobody_left
expect_at_least "clients that could print their ledger" 5 "$(wc -l <"$TMP/clients.out")"
jq -es 'all(.[]; .submitted == ([.completed[], .refused[]] | add // 0))' "$TMP/clients.out" >/dev/null ||
	fail "a client's ledger does not balance: $(cat "$TMP/clients.out")"
ledgers_balance
no_growth
stop_lwfd
nothing_left
