#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 55-client-paused.sh - a client's handle while its stack is paused, disabled, gone and back: what it says of
# each frame, how long it waits, and that it resumes by itself.
#
#	 clientsh > [ lwfd: stack lab ] > eth1 ~~cable~~ eth0
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# client OPTIONS...: runs the commands of its input with one handle; OUT has what it said.
client() {
	local code=0
	timeout 60 clientsh "$@" >"$TMP/client.out" 2>"$TMP/client.err" || code=$?
	OUT=$(cat "$TMP/client.out")
	expect_equal "exit code of clientsh $* ($(cat "$TMP/client.err"))" 0 "$code"
}

said() { # LINE...: just these lines
	expect_equal "what the client said" "$(printf '%s\n' "$@")" "$OUT"
}

far_host
start_lwfd --nic eth1 --tap lwf0 --stack lab
state_is lab Running

step "opened by the name of the stack, and by that of its interface"
for how in stack=lab stack=eth1 nic=eth1; do
	before=$(tx_packets eth1)
	client $how <<-'END'
		send 3
		take
	END
	said "take: SUCCESS/none=3"
	expect_equal "frames that left eth1" $((before + 3)) "$(tx_packets eth1)"
done
expect_error 5 "^eth9: there is no such stack, and none over such an interface; ." clientsh stack=eth9
framegen numbered "$TMP/one.pcap" 1 60 >/dev/null
inject eth1 "$TMP/one.pcap"
expect_equal "sent by lwf-inject under the name of the interface" 1 "$(result .sent)"
expect_error 5 "^lab: no stack has such an interface; ." clientsh nic=lab

step "paused: refused at once, or as Npcap does it; and by itself again when it runs"
before=$(tx_packets eth1)
client stack=lab <<-'END'
	run lwfctl pause lab
	send 2
	take
	run lwfctl restart lab
	send 1
	take
END
said "take: PAUSED/not-running/refused=2" "take: SUCCESS/none=1"
client stack=lab when=npcap <<-'END'
	run lwfctl pause lab
	send 2
	take
	run lwfctl restart lab
	send 1
	take
	run lwfctl detach lab
	send 1
	take
	run lwfctl attach lab
	send 1
	take
END
said "take: PAUSED/not-running/refused/1617=2" "take: SUCCESS/none=1" \
	"take: PAUSED/detached/refused/1617=1" "take: SUCCESS/none=1"
expect_equal "frames that left eth1" $((before + 3)) "$(tx_packets eth1)"

step "waiting without a deadline: nothing moves, nothing is answered, until the restart"
before=$(tx_packets eth1)
client stack=lab when=wait <<-END
	run lwfctl pause lab
	send 5
	take 400
	run [ \$(ip -s -j link show eth1 | jq '.[0].stats64.tx.packets') = $before ]
	run lwfctl restart lab
	take
END
said "take: nothing" "take: SUCCESS/none=5"

step "waiting with a deadline: PAUSED when it has passed, never before; who came later waits on"
client stack=lab when=wait wait=600 <<-'END'
	run lwfctl pause lab
	send 4
	run sleep 0.4
	send 2
	take 1
	flush 20000
	ago
	take
	run lwfctl restart lab
	send 1
	take
END
expect_match "the deadline" "^take: nothing.flush: ok.ago: [0-9]*.take: PAUSED/not-running/refused=6.take: SUCCESS/none=1\.$" \
	"$(tr '\n' . <<<"$OUT")"
expect_at_least "ms that the later ones waited" 600 "$(sed -n 's/^ago: //p' <<<"$OUT")"
expect_equal "frames that left eth1" $((before + 6)) "$(tx_packets eth1)"

step "cancelled while they wait: by number, and all"
before=$(tx_packets eth1)
client stack=lab when=wait <<-'END'
	run lwfctl pause lab
	send 2 id 7
	send 3
	send 1 id 8
	send 2 id 7
	cancel 7
	take 1
	run lwfctl restart lab
	take
	run lwfctl pause lab
	send 5 id 9
	cancel 0
	take
	run lwfctl restart lab
	stats
	ledger
END
expect_equal "what the client said" "cancel: ok
take: SEND_ABORTED/cancelled/refused=4
take: SUCCESS/none=4
cancel: ok
take: SEND_ABORTED/cancelled/refused=5" "$(grep -v '^[sl]' <<<"$OUT")"
expect_equal "the two ledgers" "$(sed -n 's/^ledger: //p' <<<"$OUT")" "$(sed -n 's/^stats: //p' <<<"$OUT")"
expect_equal "frames that left eth1" $((before + 4)) "$(tx_packets eth1)"

step "a restart in time saves them; a deadline is for each pause anew"
client stack=lab when=wait wait=2000 <<-'END'
	run lwfctl pause lab
	send 3
	run lwfctl restart lab
	take
	run ip link set eth1 down
	run lwfctl wait lab --state Detached --timeout 5s
	send 3
	run ip link set eth1 up
	run lwfctl wait lab --state Running --timeout 5s
	take
END
said "take: SUCCESS/none=3" "take: SUCCESS/none=3"

step "disabled, and deleted, with a deadline: the true reason"
client stack=lab when=wait wait=200 <<-'END'
	run ip link set eth1 down
	run lwfctl wait lab --state Detached --timeout 5s
	send 2
	take
	run ip link del eth1
	run until lwfctl show --json | jq -e '.stacks[0].link.present == false'; do sleep 0.02; done
	send 2
	take
END
said "take: PAUSED/adapter-disabled/refused=2" "take: ADAPTER_REMOVED/adapter-removed/refused=2"
plug_cable
state_is lab Running

step "changes of state are counted: those between two looks, too"
client stack=lab states <<-'END'
	states
	run lwfctl pause lab
	states
	run lwfctl restart lab
	run lwfctl pause lab
	run lwfctl restart lab
	states
	run lwfctl detach lab
	states
	run lwfctl attach lab
	states
END
awk '/^state:/ { print $2 }' <<<"$OUT" >"$TMP/states"
expect_equal "the states" "Running Paused Running Detached Running" "$(tr '\n' ' ' <"$TMP/states" | sed 's/ $//')"
mapfile -t changes < <(awk '/^state:/ { print $6 }' <<<"$OUT")
mapfile -t epochs < <(awk '/^state:/ { print $4 }' <<<"$OUT")
expect_at_least "changes from Running to Paused" 1 $((changes[1] - changes[0]))
expect_at_least "changes while nobody looked, three orders" 3 $((changes[2] - changes[1]))
expect_equal "epoch after pauses" "${epochs[0]}" "${epochs[2]}"
[ "${epochs[4]}" != "${epochs[0]}" ] || fail "the epoch is the same after a detach: $OUT"

step "the ledger of the handle is the daemon's"
client stack=lab when=fail <<-'END'
	send 5
	take
	send 2 10
	take
	run lwfctl pause lab
	send 4
	send 3 up
	take
	run lwfctl restart lab
	send 2 up
	take
	stats
	ledger
END
expect_equal "the two ledgers" "$(sed -n 's/^ledger: //p' <<<"$OUT")" "$(sed -n 's/^stats: //p' <<<"$OUT")"
expect_match "the ledger" "^stats: submitted=16 SUCCESS=7 refused-PAUSED=7 refused-INVALID_LENGTH=2 sent=7 frames=7 bytes=420 in-flight=0$" \
	"$(grep '^stats' <<<"$OUT")"

ledgers_balance
stop_lwfd
nothing_left
