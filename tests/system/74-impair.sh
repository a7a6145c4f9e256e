#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 74-impair.sh - a link made bad: what arrives at the far device is what the ledger and impair tell.
#
#	 ping, rawsend > lwf0 (TAP) >
#	                              [ inject > monitor > impair ] > eth1 ~~cable~~ eth0 > framecap, ping
#	 lwf-inject                 >
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need python3 nstat

N=$(times 20000)

counter() { # NAME: what impair reports
	show ".stacks[0].modules[] | select(.name == \"impair\") | .report[\"$1\"]" eth1
}
set_impair() { # OPTIONS
	expect_exit 0 lwfctl filter set eth1/impair "$1"
}
nothing_bad='delay=0,jitter=0,loss=0,burst=1,dup=0,reorder=0,corrupt=0,rate=0'
# transmit: the numbered frames, by a client; JSON is its ledger, OUT what the far device saw.
transmit() {
	start_capture got far eth0 ${SAVE:+-w "$SAVE"}
	LIMIT=60 inject eth1 "$TMP/numbered.pcap" --rate 20kpps
	INJECT_CODE=$CODE
	drained() { [ "$(counter send-held)" = 0 ]; }
	wait_for 20 "what is kept to leave" drained
	watch_for 0.2
	stop got
	OUT=$(tail -n 1 <<<"$OUT")
	expect_equal "frames that the witness missed" 0 "$(jq .missed <<<"$OUT")"
	ledgers_balance
}
far_saw() {
	jq ".$1" <<<"$OUT"
}

bridge_up --filter impair:seed=7
addresses
framegen numbered "$TMP/numbered.pcap" "$N" 100 >/dev/null

step "without options it does nothing"
transmit
expect_equal "numbered lost doubled reordered damaged" "$N 0 0 0 0" \
	"$(jq -r '"\(.numbered) \(.lost) \(.doubled) \(.reordered) \(.damaged)"' <<<"$OUT")"

step "what is lost has its answer, its reason, and its counter"
set_impair loss=5%,seed=7
before=$(counter send-lost)
SAVE=$TMP/first.pcap transmit
lost=$(result .completed.NOT_ACCEPTED)
expect_at_least "lost of $N, 5 % on average" $((N / 40)) "$lost"
expect_at_most "lost of $N, 5 % on average" $((N / 10)) "$lost"
expect_equal "frames at the far device" $((N - lost)) "$(far_saw numbered)"
expect_equal "sent, by the ledger" $((N - lost)) "$(result .sent)"
expect_equal "lost, by impair" "$lost" $(($(counter send-lost) - before))
expect_equal "exit code of lwf-inject" 1 "$INJECT_CODE"

step "the same seed loses the same frames, another one others"
set_impair seed=7
SAVE=$TMP/second.pcap transmit
same_frames "$TMP/first.pcap" "$TMP/second.pcap"
set_impair seed=8
SAVE=$TMP/third.pcap transmit
! framecmp "$TMP/first.pcap" "$TMP/third.pcap" >/dev/null || fail "seed 8 lost the same frames as seed 7"

step "losses in runs"
set_impair loss=10%,burst=20
transmit
lost=$(result .completed.NOT_ACCEPTED)
expect_equal "frames at the far device" $((N - lost)) "$(far_saw numbered)"

step "duplicates and reordering: each is seen, and no more than told"
set_impair "$nothing_bad,dup=3%"
before=$(counter send-duplicated)
transmit
expect_equal "doubled at the far device" $(($(counter send-duplicated) - before)) "$(far_saw doubled)"
expect_at_least "doubled" $((N / 100)) "$(far_saw doubled)"
expect_equal "SUCCESS" "$N" "$(result .completed.SUCCESS)"
set_impair "$nothing_bad,reorder=3%,reorder-by=2ms"
transmit
expect_equal "numbered lost doubled damaged" "$N 0 0 0" \
	"$(jq -r '"\(.numbered) \(.lost) \(.doubled) \(.damaged)"' <<<"$OUT")"
expect_at_least "reordered" $((N / 100)) "$(far_saw reordered)"

step "corruption: one bit of as many frames as told"
# not numbered ones: a witness that counts cannot know a number that is wrong
template() {
	start_capture got far eth0 -w "$1"
	inject eth1 --rate 20kpps --template "udp 10.1.0.1 > 10.1.0.2 count $N seed 7 size 100"
	expect_equal "SUCCESS" "$N" "$(result .completed.SUCCESS)"
	arrived() { [ $(($(rx_packets eth0 far) - before)) -ge "$N" ]; }
	wait_for 10 "all of them to arrive" arrived
	stop got
}
before=$(rx_packets eth0 far)
set_impair "$nothing_bad"
template "$TMP/whole.pcap"
before=$(rx_packets eth0 far)
mark=$(counter send-corrupted)
set_impair corrupt=3%
template "$TMP/corrupted.pcap"
corrupted=$(($(counter send-corrupted) - mark))
expect_at_least "corrupted" $((N / 100)) "$corrupted"
# frames, frames that differ, bits in which they do
expect_equal "frames, those that differ, bits that do" "$N $corrupted $corrupted" "$(python3 -c '
import struct, sys
def frames(path):
    data, at = open(path, "rb").read(), 24
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + size]
        at += 16 + size
a, b = (list(frames(path)) for path in sys.argv[1:])
assert len(a) == len(b), (len(a), len(b))
bits = [sum(bin(x ^ y).count("1") for x, y in zip(*pair, strict=True)) for pair in zip(a, b)]
print(len(a), sum(n > 0 for n in bits), sum(bits))
' "$TMP/whole.pcap" "$TMP/corrupted.pcap")"

step "no TCP segment that was corrupted is taken for a good one"
set_impair "$nothing_bad,corrupt=20%"
head -c 3000000 /dev/urandom >"$TMP/sent"
# the far one reads one connection to its end
background reader ip netns exec far python3 -c '
import socket, sys
server = socket.create_server(("10.9.0.2", 7000))
print("ready", flush=True)
connection = server.accept()[0]
with open(sys.argv[1], "wb") as out:
    while data := connection.recv(65536):
        out.write(data)
' "$TMP/got"
wait_for 10 "the far end to listen" grep -q ready "$TMP/reader.out"
bad=$(far nstat -asz TcpInCsumErrors | awk '/Csum/ { print $2 }')
timeout 60 python3 -c '
import socket, sys
with open(sys.argv[1], "rb") as file:
    connection = socket.create_connection(("10.9.0.2", 7000))
    connection.sendall(file.read())
' "$TMP/sent" || fail "the transfer did not come to its end"
finish reader 60
cmp "$TMP/sent" "$TMP/got" || fail "the far end has other bytes"
expect_at_least "segments with a wrong checksum at the far host" 1 \
	$(($(far nstat -asz TcpInCsumErrors | awk '/Csum/ { print $2 }') - bad))

step "a delay, as ping sees it: never less"
set_impair "$nothing_bad,direction=both,delay=30ms,jitter=5ms,dist=uniform"
expect_exit 0 ping -c 10 -i 0.05 10.9.0.2
fastest=$(awk -F'[=/ ]+' '/^rtt/ { print int($7) }' <<<"$OUT")
expect_at_least "fastest round trip in ms" 50 "$fastest"

step "only what the match means"
set_impair "$nothing_bad,loss=100%,match=ether proto 0x88b5"
before=$(counter receive-lost)
expect_exit 0 ping -c 3 -i 0.05 10.9.0.2
inject eth1 "$TMP/numbered.pcap" --topspeed --limit 100
expect_equal "NOT_ACCEPTED" 100 "$(result .completed.NOT_ACCEPTED)"
expect_exit 0 ip netns exec far rawsend eth0 -n 50 -i 3
all_lost() { [ $(($(counter receive-lost) - before)) -eq 50 ]; }
wait_for 5 "50 received frames to be lost" all_lost
set_impair "match=icmp"
expect_exit 1 ping -c 2 -i 0.05 -W 1 10.9.0.2
inject eth1 "$TMP/numbered.pcap" --topspeed --limit 100
expect_equal "SUCCESS" 100 "$(result .completed.SUCCESS)"
set_impair "match=,direction=send"

step "a rate: never more"
set_impair "$nothing_bad,rate=800kbps"
framegen numbered "$TMP/big.pcap" 101 1000 >/dev/null
begun=$(now_ns)
inject eth1 "$TMP/big.pcap" --topspeed
# 10 ms each; the bucket holds 1514 bytes, and so the first frame leaves at once
expect_equal "SUCCESS" 101 "$(result .completed.SUCCESS)"
expect_at_least "ms for 100 frames" 990 $((($(now_ns) - begun) / 1000000))

step "errors name the option and the next step"
expect_error 2 "option loss: '5' is not a share" lwfctl filter set eth1/impair loss=5
expect_error 2 "option dist: 'flat' is not one of uniform.normal" lwfctl filter set eth1/impair dist=flat
expect_error 2 "option rate: '10' is not a rate" lwfctl filter set eth1/impair rate=10
expect_error 2 "option match: 'udp prot 53':.*syntax error.*pcap-filter" lwfctl filter set eth1/impair 'match=udp prot 53'
expect_error 6 "option limit cannot be changed live; remove" lwfctl filter set eth1/impair limit=5
expect_error 2 "option delay" lwfctl filter insert eth1 impair:delay=20
expect_equal "options in show" "800kbps 0% 2ms send" "$(show '.stacks[0].modules[] |
	select(.name == "impair") | .options | "\(.rate) \(.loss) \(.["reorder-by"]) \(.direction)"' eth1)"

stop_lwfd
nothing_left
