#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 91-deciders.sh - deciders that are slow, stopped, killed, lying, that answer twice or never, that are flooded; and
# several of them. What was decided goes on; what was not gets its default once; the accounts balance every
# second of it.
#
#	 programs - lwf0 (TAP) - [ lwfd: verdict ] - eth1 ~~cable~~ eth0 - servers	(far)
#	 10.9.0.1                   |   |   |                              10.9.0.2
#	                     deciders: one that sleeps, one that lies, ...
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=verdicts.sh
. "$(dirname "$0")/verdicts.sh"
need python3 jq socat

judge() { # the accounts, each second, until the test ends
	while sleep 1; do
		conserved
	done
}

pid_of_program() { # NAME: of the program behind a serve
	lwfctl verdict show --json | jq --argjson pid "$(pid_of "$1")" \
		'.verdicts[0].deciders[] | select(.pid == $pid) | .own_pid'
}

settled_since() { # CAUSE BEFORE LEAST
	[ "$(verdicts ".settled.\"$1\"")" -ge $(($2 + $3)) ]
}

far_host
start_lwfd --nic eth1 --tap lwf0 --filter verdict:default=deny,timeout=500ms
state_is eth1 Running
addresses
servers
background judge judge
serve one

step "ecosystem case 27: no answer: the default, once"
before=$(verdicts .settled.timeout)
vanishes 8030
settled_since timeout "$before" 1 || fail "nothing was settled by its deadline"
vanishes 8030

step "case 27: an answer that comes too late changes nothing for what waited, and is told as stale"
vanishes 8050
is_stale() { # NAME WHY
	jq -r 'select(.type=="stale") | .why' "$TMP/$1.log" | grep -qx "$2"
}
wait_for 5 "the late answer to be told as stale" is_stale one late
expect_at_least "late answers counted" 1 "$(verdicts .told.late)"

step "case 27: two answers: the first counts"
talks 8040
wait_for 5 "the second one to be told as stale" is_stale one duplicate
talks 8040

step "lies: garbage, asks that there never were"
talks 8060
wait_for 5 "an unknown ask to be told as stale" is_stale one unknown
wait_for 5 "a line of garbage to be told" grep -q "'yes!': body is not JSON" "$TMP/one.err"

step "frame by frame"
talks 8070
expect_at_least "asks about frames of one flow" 2 \
	"$(asked one 'select(.remote_port==8070 and .reason=="packet") | .ask' | wc -l)"

step "VD-1: stopped: decided flows go on; new ones get the default when their time is over"
talk_begins 8000
talks 8001
kill -STOP "$(pid_of_program one)"
for ((i = 0; i < 20; i++)); do
	talk_goes_on
done
before=$(verdicts .settled.timeout)
vanishes 8001
settled_since timeout "$before" 1 || fail "nothing was settled by its deadline"
kill -STOP "$(pid_of one)" # and serve itself, too
for ((i = 0; i < 20; i++)); do
	talk_goes_on
done

step "flooded while it is stopped: overflow, and memory stays as it is"
remember_size
flood() { # N: as many new flows
	python3 - "$1" <<'END'
import socket, sys
for i in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"x", ("10.9.0.2", 8000 + i % 10))
    s.close()
END
}
before=$(verdicts .settled.overflow)
flood 6000
wait_for 10 "overflow" settled_since overflow "$before" 1000
talk_goes_on
no_growth
is_settled() {
	[ "$(verdicts .open)" = 0 ]
}
wait_for 10 "all of it to be settled" is_settled
kill -CONT "$(pid_of one)" "$(pid_of_program one)"
catches_up() {
	talks 8001
}
wait_for 10 "the decider to be asked again" within 5 catches_up
talk_goes_on

step "killed: what was open is settled at once, what was decided goes on"
stop one TERM
serve victim allow --timeout 20s
background waits python3 "$TMP/client.py" 8030 - 2
is_open() {
	[ "$(verdicts .open)" -ge 1 ]
}
wait_for 5 "an ask to be open" is_open
before=$(verdicts .settled.disconnect)
kill -KILL "$(pid_of victim)"
wait_for 2 "it to be settled" settled_since disconnect "$before" 1
finish victim 5
finish waits 10
talk_goes_on
expect_equal "deciders" 0 "$(verdicts '.deciders|length')"

step "ecosystem case 28: several, by priority"
serve low deny --priority 1
serve high allow --priority 9
expect_equal "who is first" "$(pid_of high)" "$(verdicts .deciders[0].pid)"
talks 8090 # high allows what low would deny
expect_equal "asks of low about it" 0 "$(asked low 'select(.remote_port==8090)|.ask' | wc -l)"
vanishes 8080 # high passes it on, and so does low: nobody decides
expect_at_least "asks of low that high passed on" 1 "$(asked low 'select(.remote_port==8080)|.ask' | wc -l)"
stop high TERM
vanishes 8091 # low decides now
stop low TERM

kill "$(pid_of judge)"
finish judge 5

step "deciders without end lock nobody out"
mkfifo "$TMP/never"
exec {NEVER}<>"$TMP/never"
for ((i = 0; i < 66; i++)); do
	lwfctl verdict ask <"$TMP/never" >"$TMP/crowd.$i" 2>&1 &
	CROWD+=($!)
	STARTED+=($!)
	wait_for 10 "one more of them to decide, or to be turned away" test -s "$TMP/crowd.$i"
done
expect_equal "those that were turned away" 6 \
	"$(grep -ls "subscribe: 60 connections watch, send or decide already" "$TMP"/crowd.* | wc -l)"
expect_equal "deciders" 60 "$(verdicts '.deciders|length')"
expect_error 6 "^lwfctl: watch: 60 connections .*; the last places are for commands; end one of them, and try again$" \
	timeout 5 lwfctl watch
expect_exit 0 lwfctl pause eth1
expect_exit 0 lwfctl restart eth1
kill -9 "${CROWD[@]}" 2>/dev/null || :
wait "${CROWD[@]}" 2>/dev/null || :
exec {NEVER}>&-
expect_exit 0 lwfctl wait eth1 --state running --timeout 1s
conserved

step "case 45: the table is full: it stays as it is, evicts, and says so"
lwfctl filter remove eth1/verdict >/dev/null
lwfctl filter insert eth1 verdict:default=deny,flows=256 >/dev/null
lwfctl filter insert eth1 flow >/dev/null
serve three
talk_goes_on
flood 3000
ended() {
	show '[.stacks[0].modules[] | select(.filter=="flow") | .report | .evicted + ."emergency-ended"] | add' eth1
}
expect_at_least "flows that made room" 1 "$(ended)"
expect_at_most "flows" 256 "$(lwfctl flows --json | jq .total)"
talk_goes_on # it is worth more than any of them
stop three TERM

talk_ends
stop_servers
conserved
ledgers_balance
stop_lwfd
nothing_left
