#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 41-bad-clients.sh - clients that scribble, lie, flood, stop, die and reconnect; nobody else notices.
#
#	 badclient   >
#	 lwf-inject  >  [ lwfd ] > eth1 ~~cable~~ eth0
#	 (good, all the while)
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

bridge_up
# lwfctl knows how many threads and descriptors a quiet daemon has.
client_traffic good --rate 5kpps
sending
expect_exit 0 badclient eth1 reconnect 2
remember_size

served() { # the good client goes on, and questions are answered in time
	MORE=100 sending
	local begin
	begin=$(now_ns)
	expect_exit 0 lwfctl show
	expect_at_most "milliseconds for an answer" 2000 $((($(now_ns) - begin) / 1000000))
	lwfd_alive
}

bad() { # WAY [NUMBER]
	step "badclient $*"
	LIMIT=60 expect_exit 0 badclient eth1 "$@"
	served
}

during() { # WAY SECONDS: others are served while it lasts
	step "badclient $*, and others meanwhile"
	background bad badclient eth1 "$@"
	local i
	for i in 1 2 3 4 5; do
		served
	done
	finish bad 30
	expect_equal "exit code of badclient $* ($OUT $ERR)" 0 "$CODE"
	served
}

bad malformed
bad index
bad record
bad seal
bad descriptors "$(times 1000)"
bad reconnect "$(times 1000)"
bad crowd 400
during scribble 3
during doorbells 3
during questions 3
during deaf 3
during hoard 3

deaf_sessions() { show '[.stacks[0].sessions[] | select(.deaf)] | length' eth1; }
told_deaf() { grep -c "has read no answer for 5 s" "$TMP/lwfd.log" || :; }
is_told() { [ "$(told_deaf)" -ge "$1" ]; }

step "one that reads no answers is named once, and is harmless; a quiet one is not"
expect_equal "clients that were said not to read" 0 "$(told_deaf)"
# its one frame was answered and the answer read: it has nothing to read for as long as it likes
framegen numbered "$TMP/one.pcap" 1 60 >/dev/null
mkfifo "$TMP/quiet"
background pump bash -c "exec 3>'$TMP/quiet' && cat '$TMP/one.pcap' >&3 && exec sleep 60"
background quiet lwf-inject --json eth1 "$TMP/quiet"
background watch lwfctl watch --json eth1
background hoarder badclient eth1 hoard 10
wait_for 9 "the warning" is_told 1
served
expect_equal "sessions that lwfctl calls deaf" 1 "$(deaf_sessions)"
unread=$(show '.stacks[0].sessions[] | select(.deaf) | .unread' eth1)
expect_match "warning" \
	"warning: session [0-9]+ of pid $(pid_of hoarder) \(badclient\) on stack eth1 has read no answer for 5 s, $unread are unread; its ring is full" \
	"$(grep "has read no answer" "$TMP/lwfd.log")"
expect_match "what lwfctl show says of it" "it does not read: $unread answers unread" "$(lwfctl show eth1)"
finish hoarder 30
expect_equal "exit code of badclient hoard ($OUT $ERR)" 0 "$CODE"
expect_equal "clients that were said not to read" 1 "$(told_deaf)"
expect_equal "records of it" 1 "$(jq -c 'select(.kind == "client" and .event == "deaf")' "$TMP/watch.out" | wc -l)"
stop watch
stop pump
stop quiet

step "a client that is stopped in mid-flight"
client_traffic stopped --topspeed
MORE=500 sending
kill -STOP "$(pid_of stopped)"
served
begin=$(now_ns)
expect_exit 0 lwfctl pause eth1
expect_at_most "milliseconds that a pause takes with it" 1000 $((($(now_ns) - begin) / 1000000))
expect_exit 0 lwfctl restart eth1
kill -CONT "$(pid_of stopped)"
client_ends stopped

client_ends good
expect_equal "frames of the good client that did not leave, but for the pause and its own end" 0 \
	"$(result '.submitted - .sent - (.refused.PAUSED // 0) - ([.completed, .refused | .SEND_ABORTED // 0] | add)')"
ledgers_balance
no_growth
stop_lwfd
nothing_left
