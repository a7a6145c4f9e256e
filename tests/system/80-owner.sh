#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 80-owner.sh - who owns a flow: asked about real programs, in every way in which a socket comes to be held.
#
#	 program(s) with sockets        ownerask = [ owner service of lwfd ] > resolver process
#	 (this namespace, far)                       kernel's sock_diag, /proc
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need python3 jq

HOLDER=$ROOT/tests/system/tools/holder.py
export HOLDER_TMP=$TMP/holder

# hold NAME MODE ARGS...: a program that holds sockets; what it tells is in $TMP/NAME.out.
hold() {
	local name=$1
	shift
	background "$name" "${RUN[@]}" python3 "$HOLDER" "$@"
	wait_for 60 "holder.py $*" has_told "$name"
	[ -s "$TMP/$name.out" ] || fail "holder.py $* ended: $(tail -n 2 "$TMP/$name.err")"
}
RUN=()

has_told() {
	[ -s "$TMP/$1.out" ] || is_gone "$(pid_of "$1")"
}

told() { # NAME JQ
	jq -r "$2" "$TMP/$1.out"
}

# ask NAME ARGS...: asks for all questions of a holder. $TMP/final has the last answer to each, by number.
ask() {
	local name=$1
	shift
	told "$name" '.q[]' | ask_for "$@"
}

ask_for() {
	LIMIT=${LIMIT:-30} timeout 60 "${ASKER[@]}" ownerask "$@" >"$TMP/answers" 2>"$TMP/ask.err" ||
		fail "ownerask: $(cat "$TMP/ask.err") $(tail -n 2 "$TMP/answers")"
	jq -cs '[.[] | select(has("n") and .how != "pending")] | sort_by(.n)' "$TMP/answers" >"$TMP/final"
	# Each question is answered once, at once or later.
	jq -es '(map(select(has("n") and .how != "pending") | .n) | length == (unique | length)) and
		(.[-1].counts | .asked == .at_once + .answered and .open == 0)' "$TMP/answers" >/dev/null ||
		fail "not every question has one answer: $(tail -n 3 "$TMP/answers")"
}
ASKER=()

# expect_owner NUMBER HOW PID [START]
expect_owner() {
	local got
	got=$(jq -r --argjson n "$1" '.[$n] | "\(.how) \(.pid)"' "$TMP/final")
	expect_equal "owner number $1 ($(jq -c --argjson n "$1" '.[$n]' "$TMP/final"))" "$2 $3" "$got"
	[ -z "${4:-}" ] || expect_equal "its start time" "$4" "$(jq -r --argjson n "$1" '.[$n].start' "$TMP/final")"
}

expect_unknown() { # NUMBER REASON
	expect_equal "owner number $1" "unknown $2 0" \
		"$(jq -r --argjson n "$1" '.[$n] | "\(.how) \(.why) \(.pid)"' "$TMP/final")"
}

last() { # JQ: of the last line
	tail -n 1 "$TMP/answers" | jq -r "$1"
}

quiet_stop() {
	stop "$1" TERM
}

IPV6=on far_host

for version in "" 6; do
	step "TCP${version:+ over IPv6}: client and server"
	hold tcp "tcp$version"
	ask tcp
	for n in 0 1; do
		expect_owner $n exact "$(told tcp .pid)" "$(told tcp .start)"
	done
	expect_equal "command" python3 "$(jq -r '.[0].comm' "$TMP/final")"
	expect_match "program" '^/.*python3' "$(jq -r '.[0].exe' "$TMP/final")"
	expect_equal "user" 0 "$(jq -r '.[0].uid' "$TMP/final")"
	quiet_stop tcp

	step "UDP${version:+ over IPv6}: connected, unconnected, bound to all addresses"
	hold udp "udp$version"
	ask udp
	for n in 0 1 2; do
		expect_owner $n exact "$(told udp .pid)"
	done
	quiet_stop udp
done

FLOWS=$(times 5000)
step "PID-1: $FLOWS connections that are older than who asks"
hold many many "$FLOWS"
told many '.q[]' | awk '{ print } NR % 500 == 0 { print "pause 20" }' >"$TMP/many"
ask_for <"$TMP/many"
right=$(jq --argjson pid "$(told many .pid)" '[.[] | select(.how == "exact" and .pid == $pid)] | length' "$TMP/final")
expect_at_least "of $FLOWS attributed" $((FLOWS * 99 / 100)) "$right"
expect_equal "attributed to somebody else" 0 \
	"$(jq --argjson pid "$(told many .pid)" '[.[] | select(.pid != 0 and .pid != $pid)] | length' "$TMP/final")"
expect_at_most "passes for $FLOWS questions" $((FLOWS / 20)) "$(last .pass.number)"

step "all sockets at once, as at attach"
ask_for <<<list
listed=$(jq -s --argjson pid "$(told many .pid)" '[.[] | select(has("listed") and .pid == $pid)] | length' "$TMP/answers")
expect_equal "sockets of that program in the list" $((2 * FLOWS + 1)) "$listed"
expect_equal "of them listening" 1 \
	"$(jq -s --argjson pid "$(told many .pid)" '[.[] | select(has("listed") and .pid == $pid and .how == "listener")] | length' "$TMP/answers")"
quiet_stop many

SENDERS=$(times 2000)
step "PID-3: $SENDERS datagrams, each of a socket that was closed at once"
hold short short "$SENDERS"
told short '.q[]' | awk '{ print } NR % 500 == 0 { print "pause 20" }' >"$TMP/short"
ask_for <"$TMP/short"
expect_equal "answers that name a process" 0 "$(jq '[.[] | select(.pid != 0)] | length' "$TMP/final")"
expect_equal "answers with their reason" "$SENDERS" "$(jq '[.[] | select(.why == "no-socket")] | length' "$TMP/final")"
quiet_stop short

step "PID-4: dual stack"
hold dual dual
ask dual
expect_owner 0 exact "$(told dual .pid)"
expect_owner 1 exact "$(told dual .pid)"
quiet_stop dual
hold dual udp-dual
ask dual
expect_owner 0 exact "$(told dual .pid)"
quiet_stop dual

step "PID-4: accept delay: nobody has accepted, then a child does"
hold late unaccepted
ask late
expect_owner 0 listener "$(told late .pid)"
quiet_stop late
hold late accepts-late 0.2
ask late
expect_owner 0 exact "$(told late .child.pid)" "$(told late .child.start)"
quiet_stop late

step "PID-4: fork-inherit: the creator is named, its children beside it; handed down: the child"
hold family forked
ask family
expect_owner 0 inherited "$(told family .pid)"
expect_equal "the others" "$(told family '.children | tojson')" "$(jq -c '.[0].also' "$TMP/final")"
expect_equal "holders" 3 "$(jq '.[0].holders' "$TMP/final")"
quiet_stop family
hold family handed-down
ask family
expect_owner 0 exact "$(told family .child.pid)" "$(told family .child.start)"
quiet_stop family

step "PID-4: SCM_RIGHTS: a socket that was passed is nobody's for sure"
hold passed passed
ask passed
expect_owner 0 ambiguous "$(told passed .pid)"
expect_equal "the other" "[$(told passed .taker.pid)]" "$(jq -c '.[0].also' "$TMP/final")"
quiet_stop passed

step "PID-4: SO_REUSEPORT: two programs with one UDP port"
hold reuse udp-reuse
ask reuse
expect_owner 0 ambiguous "$(told reuse '.pids[0]')"
expect_equal "the other" "[$(told reuse '.pids[1]')]" "$(jq -c '.[0].also' "$TMP/final")"
quiet_stop reuse

step "closed connections that still wait"
hold closed closed
ask closed
expect_unknown 0 no-inode
quiet_stop closed

step "PID-4: netns: found where it was told to look, and only there"
RUN=(ip netns exec far)
hold away tcp
RUN=()
ask away
expect_unknown 0 no-socket
ask away --netns far
expect_owner 0 exact "$(told away .pid)"
quiet_stop away

step "PID-4: pid reuse: the number of one that has ended names nobody else"
if [ -w /proc/sys/kernel/ns_last_pid ] && [ "$$" -lt 1000 ]; then
	hold first reborn 20000
	{ told first '.q[]'; echo "until $TMP/second.q"; } >"$TMP/lines"
	background asker ownerask --from "$TMP/lines"
	wait_for 10 "the first answer" grep -q '"how":"exact"' "$TMP/asker.out"
	expect_equal "pid of the first" 20000 "$(told first .pid)"
	quiet_stop first
	wait_for 10 "its pid to be free" test ! -e /proc/20000
	hold second reborn 20000
	expect_equal "pid of the second" 20000 "$(told second .pid)"
	{ told first '.q[]'; told second '.q[]'; } >>"$TMP/lines"
	touch "$TMP/second.q"
	finish asker
	jq -cs '[.[] | select(has("n") and .how != "pending")] | sort_by(.n)' "$TMP/asker.out" >"$TMP/final"
	expect_owner 0 exact 20000 "$(told first .start)"
	expect_equal "what became of the first one's connection" unknown "$(jq -r '.[1].how' "$TMP/final")"
	expect_owner 2 exact 20000 "$(told second .start)"
	quiet_stop second
else
	note "pids cannot be chosen here: no PID namespace of its own"
fi

step "PID-5: 100,000 descriptors are read in slices, and other questions are answered meanwhile"
hold crowd descriptors 100000 1000
{ told crowd '.q[]'; echo "pause 30"; echo "udp 127.0.0.1 1 127.0.0.1 2"; } >"$TMP/crowd"
ask_for <"$TMP/crowd"
expect_owner 0 exact "$(told crowd .pid)"
expect_at_least "descriptors that were read" 100000 "$(last .pass.links)"
expect_at_most "of them in one slice" 256 "$(last .pass.slice_links)"
expect_equal "the question in the middle of the pass was answered before it" 1 \
	"$(jq -r 'select(has("n") and .how != "pending") | .n' "$TMP/answers" | head -n 1)"
quiet_stop crowd

hold tcp tcp
step "without the right to look into others: no permission, no guess"
ASKER=(setpriv --bounding-set "-sys_ptrace,-dac_read_search" --inh-caps -all)
ask tcp
expect_unknown 0 no-permission
ASKER=()

step "PID-2: the resolver process is killed: unknown, with its reason and with the user"
ask tcp --kill
expect_unknown 0 resolver-gone
expect_equal "user" 0 "$(jq -r '.[0].uid' "$TMP/final")"
expect_equal "questions that came later" resolver-gone "$(jq -r '.[1].why' "$TMP/final")"

step "PID-2: it is stopped: others are answered at once, this one after its deadline"
{ told tcp '.q[0]'; echo "udp 127.0.0.1 1 127.0.0.1 2"; } >"$TMP/two"
ask_for --stop <"$TMP/two"
expect_unknown 0 resolver-slow
expect_unknown 1 no-socket
expect_equal "answered at once" 1 "$(last .counts.at_once)"
quiet_stop tcp

resolver_is() {
	[ "$(show '.stacks[0].lower.info.resolver')" = "$1" ]
}

lwfd_up() {
	start_lwfd --nic eth1 --tap lwf0 "$@"
	state_is eth1 Running
}

step "lwfd: its resolver is stopped, then killed; frames go on, the end is in order"
lwfd_up
addresses
resolver=$(show '.stacks[0].lower.info.resolver')
expect_equal "its name" lwfd-resolver "$(cat "/proc/$resolver/comm")"
kill -STOP "$resolver"
ping -c 3 -i 0.1 -W 2 10.9.0.2 >/dev/null || fail "no answer through lwfd while the resolver is stopped"
kill -KILL "$resolver"
wait_for 5 "show to say so" resolver_is gone
grep -q "resolver process: it has ended" "$TMP/lwfd.log" || fail "the log does not say so"
is_gone "$resolver" || fail "it was not reaped"
ping -c 3 -i 0.1 -W 2 10.9.0.2 >/dev/null || fail "no answer through lwfd without the resolver"
stop_lwfd
nothing_left

step "lwfd: stopped resolver at SIGTERM, and at a kill"
lwfd_up
kill -STOP "$(show '.stacks[0].lower.info.resolver')"
stop_lwfd
nothing_left
lwfd_up
kill -STOP "$(show '.stacks[0].lower.info.resolver')"
kill_lwfd
wait_for 3 "all processes to be gone" no_own_processes

step "lwfd: --owner-netns"
expect_error 5 "nowhere.*no such network namespace" lwfd --nic eth1 --tap lwf0 --owner-netns nowhere
lwfd_up --owner-netns far
stop_lwfd
nothing_left
