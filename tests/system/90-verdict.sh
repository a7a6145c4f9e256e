#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 90-verdict.sh - a program decides about the conversations of real programs: allow, deny, reject; what it is told of
# them is true, what it decided holds on after it, and no ask and no frame is ever lost.
#
#	 programs - lwf0 (TAP) - [ lwfd: verdict ] - eth1 ~~cable~~ eth0 - servers	(far)
#	 10.9.0.1                     |                                    10.9.0.2
#	                       lwfctl verdict serve -- decider.py
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=verdicts.sh
. "$(dirname "$0")/verdicts.sh"
need python3 jq socat curl

step "no filter asks"
far_host
start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
expect_error 5 "no filter asks for verdicts" lwfctl verdict show
expect_error 5 "no such stack" lwfctl verdict show nowhere
expect_error 5 "no such stack" lwfctl verdict serve --stack nowhere -- true
expect_error 2 "nowhere/decide: No such file" lwfctl verdict serve -- /nowhere/decide
for command in "serve --stack eth1/monitor -- touch $TMP/started" "ask --stack eth1/monitor"; do
	# shellcheck disable=SC2086 # words
	expect_error 5 "^lwfctl: eth1/monitor: this module asks nobody; ." lwfctl verdict $command
done
expect_error 2 "'eth1/' is no name" lwfctl verdict ask --stack eth1/
background early lwfctl verdict serve -- cat
wait_for 5 "it to say that nothing asks" grep -qx \
	"lwfctl: eth1/verdict: there is no such module, so .*; lwfctl filter insert eth1 verdict" "$TMP/early.err"
expect_exit 0 lwfctl filter insert eth1 verdict
decides early || fail "the decider that came before the module is not there"
background late lwfctl verdict serve --stack eth1/verdict -- cat
wait_for 5 "the other decider" decides late
expect_equal "what the one that came after says" "lwfctl: decider 2 of eth1, priority 0" "$(cat "$TMP/late.err")"
stop early TERM
stop late TERM
stop_lwfd

step "asked, and nobody there: the default"
start_lwfd --nic eth1 --tap lwf0 --filter verdict:default=deny
state_is eth1 Running
addresses
servers
vanishes 8000
expect_at_least "asks that nobody heard" 1 "$(verdicts .settled.\"no-decider\")"
conserved

step "a program decides: allow, reject, deny"
serve first
talks 8000
refused 8010
vanishes 8020
talks 8003
expect_equal "TCP to 8000 in its log" "out new $(pid_of last_client) exact" \
	"$(asked first 'select(.protocol=="tcp" and .remote_port==8003) | "\(.direction) \(.reason) \(.pid) \(.how)"' | head -n 1)"
expect_equal "UDP, and the answer to it" "hello" "$(datagram 8001)"
conserved

talks_too() { # socat and curl are other programs than ours
	local page
	expect_equal "what socat hears" hello "$(echo hello | socat -t 5 - TCP:10.9.0.2:8003,connect-timeout=5)"
	page=$(curl -s -m 2 telnet://10.9.0.2:8003 <<<hello || :)
	expect_equal "what curl hears" hello "$page"
}
talks_too
expect_equal "who is told" "curl socat" \
	"$(asked first 'select(.protocol=="tcp" and (.comm=="curl" or .comm=="socat")) | .comm' | sort -u | xargs)"

step "in the other direction: a server here"
background inside python3 "$TMP/servers.py" 10.9.0.1
wait_for 10 "the server here" grep -q ready "$TMP/inside.out"
expect_exit 0 ip netns exec far python3 "$TMP/client.py" 8002 - 5 10.9.0.1
expect_equal "its ask" "in" "$(asked first 'select(.local_port==8002) | .direction' | head -n 1)"
conserved

step "short-lived senders of datagrams: each is asked about, none is told as somebody else"
before=$(verdicts .asks)
for ((i = 0; i < 100; i++)); do
	echo x | socat -u - "UDP-SENDTO:10.9.0.2:8004,sourceport=$((20000 + i))"
done
asked_all() {
	[ "$(verdicts .asks)" -ge $((before + 100)) ] && [ "$(verdicts .open)" = 0 ]
}
wait_for 10 "100 asks to be settled" asked_all
# ecosystem case 44: the process is gone before it is looked for: unknown, and never another one
expect_equal "senders told as something else" 0 \
	"$(asked first 'select(.protocol=="udp" and .remote_port==8004 and .comm != "" and .comm != "socat") | .comm' | wc -l)"
conserved

step "decided flows go on when their decider is gone; its exit status is told"
talk_begins 8000
stop first TERM
expect_equal "exit status of serve after TERM" 143 "$CODE"
talk_goes_on
vanishes 8001
talk_ends
for code in 0 7; do
	expect_exit $code lwfctl verdict serve -- sh -c "exit $code"
done
conserved

step "its last words count: a line without its end, and more of them than go in one message"
last_words() { # NAME: answers one ask and ends
	cat >"$TMP/$1.py"
	background "$1" lwfctl verdict serve -- python3 -u "$TMP/$1.py"
	wait_for 10 "decider $1" decides "$1"
}
last_words brief <<'END'
import json, sys
print('{"ask":"%s","verdict":"allow"}' % json.loads(sys.stdin.readline())["ask"], end="")
END
talks 8020
finish brief 10
expect_match "what serve took from it" "1 asks, 1 answers$" "$ERR"
last_words wordy <<'END'
import fcntl, json, os, sys
fcntl.fcntl(1, 1031, 1 << 20) # F_SETPIPE_SZ: all of it is written when it ends
ask = json.loads(sys.stdin.readline())["ask"]
words = '{"ask":"ffffffffffff","verdict":"allow"}\n' * 5000 + "x" * 100000 + "\n"
os.write(1, (words + '{"ask":"%s","verdict":"allow"}' % ask).encode())
END
talks 8020
finish wordy 10
expect_match "what serve took from it" "1 asks, 5001 answers, and lines that were none$" "$ERR"
expect_match "what it says of the long line" "'x+': this line is too long" "$ERR"
conserved

step "a program that can answer no more: said, and the default follows"
background mute lwfctl verdict serve -- sh -c 'exec cat >/dev/null'
wait_for 10 "decider mute" decides mute
vanishes 8000
wait_for 5 "it to be said" grep -qx "lwfctl: the program has closed its output: .*; deadlines decide" "$TMP/mute.err"
vanishes 8001
stop mute TERM
expect_equal "times that it is said" 1 "$(grep -c "closed its output" "$TMP/mute.err")"
conserved

step "the filter goes under a decider, and comes back"
serve second
talks 8000
lwfctl filter remove eth1/verdict >/dev/null
talks 8020 # nobody asks
lwfctl filter insert eth1 verdict:default=deny >/dev/null
talks 8000
vanishes 8020
lwfctl pause eth1 >/dev/null
lwfctl restart eth1 >/dev/null
talks 8000
conserved
lwfctl detach eth1 >/dev/null
expect_error 6 "Detached" lwfctl verdict show eth1
expect_error 6 "^lwfctl: eth1: it is Detached" lwfctl verdict show
lwfctl attach eth1 >/dev/null
talks 8000

step "lwfd ends: serve says so"
stop inside
stop_servers
ledgers_balance
stop_lwfd
finish second 10
expect_equal "exit status of serve" 3 "$CODE"
expect_match "why" "lwfd closed the connection" "$ERR"
nothing_left
