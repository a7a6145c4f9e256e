#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 81-owner-flows.sh - flows that pass through lwfd get their programs, and never wait for it.
#
#	 programs - lwf0 (TAP) - [ lwfd: flow ] - eth1 ~~cable~~ eth0 - echo server	(far)
#	 10.9.0.1        |                                       10.9.0.2
#	            resolver process: running, stopped, busy with 100,000 descriptors
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need python3 jq

HOLDER=$ROOT/tests/system/tools/holder.py
CONNECTIONS=$(times 5000)

has_told() { # NAME LINES
	[ "$(wc -l <"$TMP/$1.out")" -ge "$2" ] || is_gone "$(pid_of "$1")"
}

# run NAME MODE ARGS...: a program of holder.py, once it has told that it is ready.
run() {
	local name=$1
	shift
	background "$name" "${INSIDE[@]}" python3 "$HOLDER" "$@"
	wait_for 60 "holder.py $*" has_told "$name" 1
	[ -s "$TMP/$name.out" ] || fail "holder.py $* ended: $(tail -n 2 "$TMP/$name.err")"
}
INSIDE=()

# speak NAME: a word to and fro on all of its connections.
speak() {
	local lines
	lines=$(wc -l <"$TMP/$1.out")
	kill -USR1 "$(pid_of "$1")"
	wait_for 30 "$1 to hear its words" has_told "$1" $((lines + 1))
	is_alive "$(pid_of "$1")" || fail "$1 ended: $(tail -n 2 "$TMP/$1.err")"
}

flows_of() { # NAME: how many flows are said to be its own, for certain
	lwfctl flows --json --limit 10000 --only "pid=$(pid_of "$1")" | jq '[.flows[] | select(.how == "exact")] | length'
}

owns() { # NAME LEAST
	[ "$(flows_of "$1")" -ge "$2" ]
}

far_host
start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
addresses
RESOLVER=$(show '.stacks[0].lower.info.resolver')
INSIDE=(ip netns exec far)
run server echo 10.9.0.2 8000
INSIDE=()

step "PID-1: $CONNECTIONS connections that are older than the filter are attributed at their next frame"
run old dial 10.9.0.2 8000 "$CONNECTIONS"
lwfctl filter insert eth1 flow >/dev/null
expect_equal "flows before a word is said" 0 "$(flows_of old)"
speak old
wait_for 15 "99 of 100 to be attributed" owns old $((CONNECTIONS * 99 / 100))
expect_equal "attributed to somebody else" 0 \
	"$(lwfctl flows --json --limit 10000 | jq --argjson pid "$(pid_of old)" '[.flows[] | select(.pid != 0 and .pid != $pid)] | length')"
read -r user started < <(lwfctl flows --wide --limit 1 --only "pid=$(pid_of old)" |
	awk 'NR == 2 { print $(NF - 2), $(NF - 1), $NF }')
expect_equal "user in the table" "$(id -un)" "$user"
apart=$(($(date -d "$started" +%s) - $(date -d "$(ps -o lstart= -p "$(pid_of old)")" +%s)))
expect_at_most "seconds between the start in the table ($started) and the one that ps tells" 1 "${apart#-}"
expect_equal "columns of the narrow table" VERDICT "$(lwfctl flows --limit 1 | awk 'NR == 1 { print $NF }')"
expect_equal "start time" "$(jq -s '.[0].start' "$TMP/old.out")" \
	"$(lwfctl flows --json --limit 1 --only "pid=$(pid_of old)" | jq '.flows[0].start_time')"

step "who began a connection that is older than the filter is not who speaks first"
cat >"$TMP/older.py" <<'END'
# two connections between the two hosts, one begun by each; on SIGUSR1 the side that was called says a word
import signal, socket, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
mine, peer, calls = sys.argv[1], sys.argv[2], sys.argv[3] == "call"
ear = socket.create_server((mine, 7001 if calls else 7002))
if calls:
    out = socket.create_connection((peer, 7002))
    talk, _ = ear.accept()
else:
    talk, _ = ear.accept()
    out = socket.create_connection((peer, 7001))
print("{}", flush=True)
signal.sigwait({signal.SIGUSR1})
talk.send(b"x")
signal.pause()
END
lwfctl filter remove eth1/flow >/dev/null
background there ip netns exec far python3 "$TMP/older.py" 10.9.0.2 10.9.0.1 wait
listens_there() {
	far ss -Hlt | grep -q ':7002 '
}
wait_for 10 "the far side" listens_there
background here python3 "$TMP/older.py" 10.9.0.1 10.9.0.2 call
for name in here there; do
	wait_for 10 "$name to have both" has_told "$name" 1
done
lwfctl filter insert eth1 flow >/dev/null
directions() {
	lwfctl flows --json --only protocol=tcp | jq -r '[.flows[] | select([.local_port, .remote_port] | any(. == 7001 or . == 7002)) | "\(.direction) \(.midstream)"] | sort | join(", ")'
}
have_spoken() {
	[ "$(directions)" = "in true, out true" ]
}
kill -USR1 "$(pid_of here)" "$(pid_of there)"
wait_for 10 "one that came in and one that went out" have_spoken
stop here TERM
stop there TERM
speak old
wait_for 15 "99 of 100 to be attributed again" owns old $((CONNECTIONS * 99 / 100))

step "PID-2: the resolver process is stopped: known flows and new ones go on, and are attributed when it goes on"
kill -STOP "$RESOLVER"
run new dial 10.9.0.2 8000 100
for ((i = 0; i < 5; i++)); do
	speak old
	speak new
done
expect_equal "flows of the new program that are attributed" 0 "$(flows_of new)"
# After 5 s they are unknown, for that reason, and asked for again when they speak.
is_slow() {
	lwfctl flows --json --limit 10000 | jq -e 'any(.flows[]; .why == "resolver-slow")'
}
wait_for 15 "those to be given up" is_slow
kill -CONT "$RESOLVER"
speaks_and_owns() {
	speak "$1"
	owns "$1" "$2"
}
wait_for 30 "those to be attributed" speaks_and_owns new 99

step "PID-5: it looks through 100,000 descriptors: no frame is lost, and all find their program"
background crowd python3 "$HOLDER" descriptors 100000 1000
wait_for 60 "the descriptors" has_told crowd 1
run last dial 10.9.0.2 8000 50
speak last # the pass begins
expect_equal "frames lost meanwhile" 0 \
	"$(ping -q -c 200 -i 0.002 -W 2 10.9.0.2 | sed -nE 's/.* ([0-9]+)% packet loss.*/\1/p')"
speak old
wait_for 15 "the last ones to be attributed" owns last 50
stop crowd

step "PID-4: a port that two programs share is nobody's for sure: who it may be as well is told"
cat >"$TMP/share.py" <<'END'
import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
s.bind(("10.9.0.1", 5555))
print("{}", flush=True)
signal.sigwait({signal.SIGUSR1})
s.sendto(b"x", ("10.9.0.2", 9))
signal.pause()
END
for name in elder younger; do
	background "$name" python3 -c 'import signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1}); exec(open(sys.argv[1]).read())' "$TMP/share.py"
	wait_for 10 "$name to be ready" has_told "$name" 1
done
kill -USR1 "$(pid_of younger)"
shared() {
	lwfctl flows --json --only protocol=udp,port=5555 | jq -c '.flows[] | [.how, .pid, .also]'
}
is_shared() {
	[ "$(shared)" = "[\"ambiguous\",$(pid_of elder),[$(pid_of younger)]]" ]
}
wait_for 15 "both to be named" is_shared
stop elder TERM
stop younger TERM

step "the filter goes while questions are open"
kill -STOP "$RESOLVER"
run more dial 10.9.0.2 8000 50
lwfctl filter remove eth1/flow >/dev/null
kill -CONT "$RESOLVER"
lwfctl filter insert eth1 flow >/dev/null
speak more
wait_for 15 "them to be attributed anew" owns more 50
for name in old new last more server; do
	stop "$name" TERM
done
ledgers_balance
stop_lwfd
nothing_left
