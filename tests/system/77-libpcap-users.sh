#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 77-libpcap-users.sh - programs that know nothing of us work on the TAP, through pauses and link flaps.
#
#	 tcpreplay, pcap_inject, sendp > lwf0 > [ lwfd ] > eth1 ~~cable~~ eth0 > framecap
#	 tcpdump, pcap_dispatch, sniff < lwf0 < [ lwfd ] < eth1 ~~cable~~ eth0 < rawsend
#
# A TAP cannot tell a program what became of a frame: what waits too long in it the kernel drops and
# counts there. So the account of each sender is: sent = what lwfd took from the TAP + what the TAP dropped.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need tcpreplay tcpdump
PYTHON=$(python_with scapy) || skip "python3-scapy is not installed"
export HOME=$TMP	# scapy keeps files there
SCAPY=$ROOT/tests/system/tools/scapyuser.py

PPS=2000

# sender HOW FILE: sends in the background.
sender() {
	case $1 in
	tcpreplay) background sender tcpreplay -q -i lwf0 --pps $PPS "$2" ;;
	pcap_inject) background sender pcapuser lwf0 send "$2" -r $PPS ;;
	sendp) background sender "$PYTHON" "$SCAPY" lwf0 send "$2" $PPS ;;
	esac
}

# sender_ends HOW [end]: SENT is what it told in the end. An interrupted tcpreplay forgets the frame that
# it is at, so that one goes on to the end of its file.
sender_ends() {
	if [ "$1" = tcpreplay ] || [ "${2:-}" = end ]; then finish sender 60; else stop sender INT; fi
	expect_equal "exit code of $1 ($ERR)" 0 "$CODE"
	case $1 in
	tcpreplay)
		SENT=$(sed -n 's/.*Successful packets: *//p' <<<"$OUT")
		expect_equal "what tcpreplay calls failed" 0 "$(sed -n 's/.*Failed packets: *//p' <<<"$OUT")"
		;;
	*)
		SENT=$(jq .sent <<<"$OUT")
		expect_equal "what $1 was refused" 0 "$(jq '.failed // 0' <<<"$OUT")"
		;;
	esac
}

receiver() { # HOW COUNT
	case $1 in
	tcpdump) background receiver tcpdump -q -n --immediate-mode -Q in -i lwf0 -c "$2" -s 65535 -w "$TMP/up.pcap" ;;
	pcap_dispatch) background receiver pcapuser lwf0 receive "$TMP/up.pcap" -n "$2" -t 30 ;;
	sniff) background receiver "$PYTHON" "$SCAPY" lwf0 receive "$TMP/up.pcap" "$2" 30 ;;
	esac
	wait_for 15 "$1 to listen" grep -q listening "$TMP/receiver.out" "$TMP/receiver.err"
}

host() { # JQ: of the ledger of what the host sent
	lwfctl ledger --json eth1 | jq -r ".stacks[0].host | $1"
}

# A mark, and what happened since.
TAP_MARK=0 DROP_MARK=0 NIC_MARK=0 FAR_MARK=0 SUCCESS_MARK=0 ALL_MARK=0
mark() {
	TAP_MARK=$(tx_packets lwf0) DROP_MARK=$(link_stat lwf0 stats64.tx.dropped)
	NIC_MARK=$(tx_packets eth1) FAR_MARK=$(rx_packets eth0 far)
	SUCCESS_MARK=$(host '.completed.SUCCESS // 0') ALL_MARK=$(host .submitted)
}

# accounts HOW SENT: what the sender told, what the kernel counts, and the ledger are one story.
accounts() {
	local taken dropped success
	tap_is_read() { [ "$(host .submitted)" -ge $((ALL_MARK + $(tx_packets lwf0) - TAP_MARK)) ]; }
	wait_for 5 "lwfd to have read the TAP" tap_is_read
	taken=$(($(tx_packets lwf0) - TAP_MARK))
	dropped=$(($(link_stat lwf0 stats64.tx.dropped) - DROP_MARK))
	success=$(($(host '.completed.SUCCESS // 0') - SUCCESS_MARK))
	expect_equal "$1: submitted by the host, against tx_packets of lwf0" "$taken" $(($(host .submitted) - ALL_MARK))
	expect_equal "$1: SUCCESS, against tx_packets of eth1" "$success" $(($(tx_packets eth1) - NIC_MARK))
	if [ -n "$ALL_DROPS" ]; then
		expect_equal "$1: sent, against what lwf0 passed on and dropped" "$2" $((taken + dropped))
	else
		expect_at_least "$1: sent, where the kernel does not count all that lwf0 drops" $((taken + dropped)) "$2"
	fi
	TAKEN=$taken SUCCESS=$success
	ledgers_balance
}

bridge_up
count=$(framegen kinds "$TMP/kinds.pcap")
framegen numbered "$TMP/numbered.tcpreplay.pcap" $((PPS * 5)) 200 5 >/dev/null
framegen numbered "$TMP/numbered.pcap_inject.pcap" $((PPS * 50)) 200 5 >/dev/null
cp "$TMP/numbered.pcap_inject.pcap" "$TMP/numbered.sendp.pcap"

# Linux counts what a device without carrier drops since 6.10 or so: ask it.
no_carrier() { ! link_flag lwf0 LOWER_UP; }
expect_exit 0 lwfctl link eth1 carrier off
wait_for 5 "the carrier of the TAP to go" no_carrier
mark
rawsend lwf0 -n 5 -q >/dev/null
ALL_DROPS=
[ "$(link_stat lwf0 stats64.tx.dropped)" = "$DROP_MARK" ] || ALL_DROPS=yes
[ -n "$ALL_DROPS" ] || note "this kernel does not count what a TAP without carrier drops"
expect_exit 0 lwfctl link eth1 carrier on
wait_for 5 "the carrier of the TAP to be back" link_flag lwf0 LOWER_UP

for how in tcpreplay pcap_inject sendp; do
	step "$how: $count frames of every kind, byte for byte"
	mark
	start_capture got far eth0 -w "$TMP/got.pcap" -n "$count" -t 30
	sender $how "$TMP/kinds.pcap"
	captured got 40
	sender_ends $how end
	same_frames "$TMP/kinds.pcap" "$TMP/got.pcap"
	accounts $how "$SENT"
	expect_equal "$how: sent" "$count" "$SENT"
	expect_equal "$how: SUCCESS" "$count" "$SUCCESS"
	expect_equal "$how: rx_packets at the far host" "$count" $(($(rx_packets eth0 far) - FAR_MARK))
done

for how in tcpdump pcap_dispatch sniff; do
	step "$how: what the far host sends is seen, byte for byte"
	receiver $how "$count"
	far rawsend eth0 "$TMP/kinds.pcap" -r "$PPS" >/dev/null
	finish receiver 40
	expect_equal "exit code of $how ($ERR)" 0 "$CODE"
	same_frames "$TMP/kinds.pcap" "$TMP/up.pcap"
done

stands_still() { # WHAT: nothing leaves eth1, while the sender goes on
	local before
	before=$(tx_packets eth1)
	watch_for 0.3
	expect_equal "tx_packets of eth1, $1" "$before" "$(tx_packets eth1)"
	is_alive "$(pid_of sender)" || fail "$how ended, $1: $(cat "$TMP/sender.err")"
}

for how in tcpreplay pcap_inject sendp; do
	step "$how: through pauses; what waited arrives, in order"
	mark
	start_capture got far eth0 -t 60
	sender $how "$TMP/numbered.$how.pcap"
	MORE=200 sending
	for _ in 1 2; do
		expect_exit 0 lwfctl pause eth1
		stands_still "while Paused"
		expect_exit 0 lwfctl restart eth1
		MORE=50 sending
	done
	sender_ends $how
	accounts $how "$SENT"
	expect_equal "$how: answers, all" "$TAKEN" "$SUCCESS"
	expect_equal "$how: rx_packets at the far host" "$SUCCESS" $(($(rx_packets eth0 far) - FAR_MARK))
	stop got
	expect_equal "$how: numbered frames captured there; doubled, reordered, damaged" "$SUCCESS; 0 0 0" \
		"$(tail -n 1 <<<"$OUT" | jq -r '"\(.numbered); \(.doubled) \(.reordered) \(.damaged)"')"
done

for how in tcpreplay pcap_inject sendp; do
	step "$how: the link is pulled, and the NIC disabled"
	mark
	sender $how "$TMP/numbered.$how.pcap"
	MORE=200 sending
	ip -n far link set eth0 down
	wait_for 5 "the carrier of the TAP to go" no_carrier
	stands_still "without a carrier"
	ip -n far link set eth0 up
	wait_for 5 "the carrier of the TAP to be back" link_flag lwf0 LOWER_UP
	MORE=50 sending
	ip link set eth1 down
	state_is eth1 Detached
	stands_still "while Detached"
	ip link set eth1 up
	state_is eth1 Running
	MORE=50 sending
	sender_ends $how
	accounts $how "$SENT"
	expect_at_most "$how: SUCCESS, fewer than it calls sent" $((SENT - 1)) "$SUCCESS"
done

step "a sender that the ledger does not know of makes the comparison fail"
mark
rawsend eth1 -n 3 >/dev/null
sender pcap_inject "$TMP/kinds.pcap"
sender_ends pcap_inject end
success=$(($(host '.completed.SUCCESS // 0') - SUCCESS_MARK))
expect_equal "the difference" 3 $(($(tx_packets eth1) - NIC_MARK - success))

stop_lwfd
nothing_left
