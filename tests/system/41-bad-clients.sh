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
