#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 92-ask.sh - a person decides: at a terminal, where all prompts are open at once and count down; and by lines. What is
# remembered for a program holds for it alone and for its time; "always" is a rule in the file.
#
#	 programs - lwf0 (TAP) - [ lwfd: verdict ] - eth1 ~~cable~~ eth0 - servers	(far)
#	 10.9.0.1                     |                                    10.9.0.2
#	                   lwfctl verdict ask, on a pty
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=verdicts.sh
. "$(dirname "$0")/verdicts.sh"
need python3 jq socat

PERSON=$ROOT/tests/system/tools/person.py
RULES=$TMP/rules

sits_down() { # lwfctl verdict ask on a terminal
	mkfifo "$TMP/keys"
	: >"$TMP/screen"
	background person python3 "$PERSON" "$TMP/screen" "$TMP/keys" lwfctl verdict ask "$@"
	exec {KEYS}<>"$TMP/keys"
	wait_for 10 "the terminal" grep -q "nothing is asked" "$TMP/screen"
}

press() { # KEYS
	printf '%b' "$1" >&"$KEYS"
}

shows() { # REGEX: the screen has, or had, it
	tr '\r' '\n' <"$TMP/screen" | grep -Eq -- "$1"
}

open_asks() { # N
	[ "$(verdicts .open)" = "$1" ]
}

talker() { # NAME PORT: a client that wants to talk; its end tells
	background "$1" python3 "$TMP/client.py" "$2" - "${3:-10}"
}

has_talked() { # NAME CODE
	finish "$1" 15
	expect_equal "the talk of $1 ($ERR)" "$2" "$CODE"
}

cat >"$RULES" <<'END'
# the person's rules
allow out udp remote-port 8009
ask out tcp remote-port 8000-8099
default allow
END

far_host
start_lwfd --nic eth1 --tap lwf0 --filter verdict:default=deny
state_is eth1 Running
addresses
servers

step "parallel prompts, with countdowns, on a terminal"
sits_down --timeout 20s
talker first 8000
wait_for 5 "a prompt" open_asks 1
talker second 8001
wait_for 5 "two prompts" open_asks 2
talker third 8002
wait_for 5 "three prompts" open_asks 3
wait_for 5 "the third on the screen" shows "\[3\] .*tcp 10.9.0.1:[0-9]+ > 10.9.0.2:800[0-9] python3 \(pid $(pid_of third), uid"
wait_for 5 "a countdown" shows "(19|18|17)\.?0? s"
# the second is answered first: none waits for another
press '2a\r'
wait_for 5 "two prompts" open_asks 2
has_talked second 0
wait_for 5 "what was said of it" shows "\[2\] allowed: tcp"
press 'r\r' # the oldest is marked again
has_talked first 1
expect_match "how it ended" ConnectionRefused "$ERR"
press 'ao' # once
has_talked third 0
conserved

step "a program for its time: its other prompts are answered with it, others are not"
talker one 8003
talker two 8004
echo x | timeout 15 socat -t 3 - TCP:10.9.0.2:8005,connect-timeout=10 >"$TMP/socat.out" &
SOCAT=$!
wait_for 5 "three prompts" open_asks 3
number_of() { # NAME: of its prompt
	tr '\r' '\n' <"$TMP/screen" | sed -nE "s/.*\[([0-9]+)\].*\(pid $(pid_of "$1"),.*/\1/p" | head -n 1
}
wait_for 5 "its number on the screen" test -n "$(number_of one)"
press "$(number_of one)a30p"
has_talked one 0
has_talked two 0
wait_for 5 "one prompt" open_asks 1
talker later 8006
has_talked later 0 # not asked
press 'd\r'
wait "$SOCAT" || :
expect_equal "what socat hears" "" "$(cat "$TMP/socat.out")"
conserved

step "who leaves: what is open gets its default at once"
background left socat -t 1 - TCP:10.9.0.2:8007,connect-timeout=3 # python3 is remembered
wait_for 5 "a prompt" open_asks 1
press 'q'
finish person 5
expect_equal "exit status at the terminal" 0 "$CODE"
exec {KEYS}>&-
has_talked left 1
expect_at_least "asks settled so" 1 "$(verdicts .settled.disconnect)"
conserved

step "nobody answers: the default, and that is told"
mkfifo "$TMP/silence"
background silent sh -c "exec lwfctl verdict ask --timeout 1s <'$TMP/silence'"
exec {SILENCE}>"$TMP/silence"
wait_for 10 "the decider" decides silent
talker ignored 8007 2
wait_for 5 "to be told" grep -Eq '^\[1\] denied, nobody answered: tcp' "$TMP/silent.out"
has_talked ignored 1
exec {SILENCE}>&-
finish silent 5

step "for programs: an object a line"
mkfifo "$TMP/objects"
background objects sh -c "exec lwfctl verdict ask --json --timeout 20s <'$TMP/objects'"
exec {OBJECTS}>"$TMP/objects"
wait_for 10 "the decider" decides objects
talker object 8007
has_object() {
	jq -r --argjson pid "$(pid_of object)" 'select(.type=="ask" and .pid==$pid) | .number' "$TMP/objects.out" | grep -qx 1
}
wait_for 5 "its object" has_object
echo "allow" >&"$OBJECTS"
has_talked object 0
talker object 8006 {OBJECTS}>&- # it must not keep the pipe open
has_second() {
	jq -r --argjson pid "$(pid_of object)" 'select(.type=="ask" and .pid==$pid) | .number' "$TMP/objects.out" | grep -qx 2
}
wait_for 5 "its object" has_second
printf "allow" >&"$OBJECTS" # the last line lacks its end
exec {OBJECTS}>&-
has_talked object 0
finish objects 5

step "by lines, without a terminal"
mkfifo "$TMP/lines"
background lines sh -c "exec lwfctl verdict ask --timeout 20s <'$TMP/lines'"
exec {LINES_FD}>"$TMP/lines"
wait_for 10 "the decider" decides lines
talker again 8010
wait_for 5 "its line" grep -Eq "^\[1\] deny in .*: tcp .* > 10.9.0.2:8010 python3 \(pid $(pid_of again)" "$TMP/lines.out"
echo "1 maybe" >&"$LINES_FD"
wait_for 5 "to be told" grep -q "'1 maybe': the answer is allow, deny or reject" "$TMP/lines.err"
python3 -c 'print("x" * (4 * 511) + "1 d")' >&"$LINES_FD" # its last piece would be an answer
wait_for 5 "to be told" grep -q "'xx*\.\.\.': this line is too long" "$TMP/lines.err"
echo "7 allow" >&"$LINES_FD"
wait_for 5 "to be told" grep -q "7: there is no such prompt" "$TMP/lines.err"
echo "1 a flow" >&"$LINES_FD"
has_talked again 0
echo "a" >&"$LINES_FD"
wait_for 5 "to be told" grep -qx "lwfctl: there is no prompt to answer (any more)" "$TMP/lines.err"
expect_match "what is told of it" '^\[1\] allowed: tcp' "$(cat "$TMP/lines.out")"

step "always: a rule in the file, before the one that asked, read again at once"
lwfctl filter remove eth1/verdict >/dev/null
chmod 640 "$RULES"
mv "$RULES" "$TMP/elsewhere"
ln -s elsewhere "$RULES"
lwfctl filter insert eth1 "verdict:rules=$RULES" >/dev/null
talker forever 8011
wait_for 5 "its line" grep -Eq "^\[2\]" "$TMP/lines.out"
echo "2 allow always" >&"$LINES_FD"
has_talked forever 0
wait_for 5 "the rule" grep -q '^allow out user [0-9]* program "/.*python3[^"]*"$' "$RULES"
expect_equal "lines of the file" 6 "$(wc -l <"$RULES")"
expect_equal "where the file is, and its mode" "elsewhere 640" "$(readlink "$RULES") $(stat -c %a "$TMP/elsewhere")"
expect_equal "the line behind it" "ask out tcp remote-port 8000-8099" "$(grep -A 1 '^allow out user' "$RULES" | tail -n 1)"
expect_equal "asks that were answered" 1 "$(verdicts .settled.verdict)"
talker known 8012
has_talked known 0
expect_equal "asks that were answered" 1 "$(verdicts .settled.verdict)"

step "always: a pipe in the place of the file stops nobody, and is said"
printf 'ask out tcp\ndefault allow\n' >"$TMP/elsewhere"
lwfctl verdict reload >/dev/null
rm "$RULES"
mkfifo "$RULES"
background piped timeout 15 bash -c 'exec 3<>/dev/tcp/10.9.0.2/8013' # another program: that one is known
wait_for 5 "its line" grep -Eq "^\[3\]" "$TMP/lines.out"
echo "3 allow always" >&"$LINES_FD"
finish piped 15
expect_equal "exit code of the one who was waited for" 0 "$CODE"
wait_for 5 "to be told" grep -q "$RULES: Invalid argument" "$TMP/lines.err"
exec {LINES_FD}>&-
finish lines 5
expect_equal "exit status at the end of its input" 0 "$CODE"
stop_servers
conserved
ledgers_balance
stop_lwfd
nothing_left
