#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 76-flows.sh - lwfctl flows: real programs talk, and each conversation is told as ss and the kernel's
# counters have it; it is picked up in its middle, and the filter comes and goes under traffic.
#
#	 programs - lwf0 (TAP) - [ lwfd: flow ] - eth1 ~~cable~~ eth0 - programs	(far)
#	 10.9.0.1                                                10.9.0.2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need ss ping ethtool

cat >"$TMP/talk.py" <<'END'
# talk.py serve|connect|udp ADDRESS PORT: echoes, or says what it reads from the pipe given as $4
import socket, sys
what, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
if what == "serve":
    listener = socket.create_server((address, port))
    while True:
        talk, _ = listener.accept()
        while data := talk.recv(65536):
            talk.sendall(data)
        talk.close()
elif what == "udp-serve":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    while True:
        data, peer = s.recvfrom(65536)
        s.sendto(data, peer)
else:
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if what == "connect" else socket.SOCK_DGRAM)
    s.connect((address, port))
    print(s.getsockname()[1], flush=True)
    for line in open(sys.argv[4]):
        s.send(b"x" * int(line))
        left = int(line)
        try:
            while left:
                left -= len(s.recv(65536))
        except ConnectionRefusedError:
            pass
        print("said", flush=True)
END

flows() { # JQ ARGS...: of the flows
	local what=$1
	shift
	lwfctl flows --json "$@" | jq -r "$what"
}

client() { # NAME connect|udp ADDRESS PORT: starts it; its words come from fd in FD_NAME
	mkfifo "$TMP/$1.pipe"
	background "$1" python3 "$TMP/talk.py" "$2" "$3" "$4" "$TMP/$1.pipe"
	exec {fd}>"$TMP/$1.pipe"
	wait_for 10 "$1 to connect" test -s "$TMP/$1.out"
}

said() { # NAME N
	[ "$(grep -c said "$TMP/$1.out")" -ge "$2" ]
}

is_told() { # JQ that must be true, ARGS...
	local what=$1
	shift
	[ "$(flows "$what" "$@")" = true ]
}

bridge_up --filter flow
addresses
ethtool -K lwf0 tso off gso off >/dev/null # a super-frame would be one packet in the kernel's counters
ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:02 dev lwf0
ip -n far neigh replace 10.9.0.1 lladdr "$(ip -j link show dev lwf0 | jq -r '.[0].address')" dev eth0

step "no traffic, no flows"
expect_equal "flows at first" 0 "$(flows .total)"
expect_equal "the list" "[]" "$(flows '.flows|tostring')"
expect_match "the table" '^0 flows$' "$(lwfctl flows)"

step "a TCP connection from here"
background server ip netns exec far python3 "$TMP/talk.py" serve 10.9.0.2 8000
background echo ip netns exec far python3 "$TMP/talk.py" udp-serve 10.9.0.2 8001
servers_listen() {
	[ "$(far ss -Hltu | grep -c ":800[01]")" = 2 ]
}
wait_for 10 "the servers" servers_listen
before=$(tx_packets eth1)
client first connect 10.9.0.2 8000
first=$fd
echo 300000 >&"$first"
wait_for 10 "the answer" said first 1
port=$(head -n 1 "$TMP/first.out")
expect_match "what ss says" ":$port +10.9.0.2:8000" "$(ss -Htn state established)"
only=protocol=tcp,remote=10.9.0.2,port=8000
expect_equal "flows to port 8000" 1 "$(flows .total --only "$only")"
expect_equal "its ends and state" "10.9.0.1 $port 10.9.0.2 8000 out established false" \
	"$(flows '.flows[0]|"\(.local) \(.local_port) \(.remote) \(.remote_port) \(.direction) \(.state) \(.midstream)"' --only "$only")"
expect_equal "type of pid" number "$(flows '.flows[0].pid|type' --only "$only")"
whose() { # NAME ARGS...: the flow is said to be exactly of the process NAME
	[ "$(flows '.flows[0]|"\(.pid) \(.how) \(.user)"' "${@:2}")" = "$(pid_of "$1") exact $(id -un)" ]
}
wait_for 10 "whose it is" whose first --only "$only"
settled() { # frames sent are in the table once ss has nothing in flight
	[ "$(flows '[.flows[].sent.frames]|add')" = $(($(tx_packets eth1) - before)) ]
}
wait_for 10 "frames of all flows to be what eth1 has sent" settled
expect_at_least "bytes sent" 300000 "$(flows .flows[0].sent.bytes --only "$only")"
expect_at_least "bytes received" 300000 "$(flows .flows[0].received.bytes --only "$only")"
expect_match "the table" "tcp +10.9.0.1:$port +>  ?10.9.0.2:8000 +established" "$(lwfctl flows)"

step "UDP, ping, and a port where nobody is"
client second udp 10.9.0.2 8001
echo 100 >&"$fd"
wait_for 10 "the answer" said second 1
expect_equal "UDP with an answer" both-ways "$(flows .flows[0].state --only protocol=udp,port=8001)"
expect_equal "its frames" "1 1" \
	"$(flows '.flows[0]|"\(.sent.frames) \(.received.frames)"' --only protocol=udp,port=8001)"
ping -qc 3 -i 0.2 10.9.0.2 >/dev/null
expect_equal "pings" "3 3 8" \
	"$(flows '.flows[0]|"\(.sent.frames) \(.received.frames) \(.icmp_type)"' --only protocol=icmp)"
client refused udp 10.9.0.2 9
echo 10 >&"$fd"
wait_for 10 "the refusal" said refused 1
expect_equal "ICMP errors about it" 1 "$(flows .flows[0].icmp_errors --only protocol=udp,port=9)"

step "one from there"
background here python3 "$TMP/talk.py" serve 10.9.0.1 8002
wait_for 10 "the server here" bash -c 'ss -Hlt | grep -q :8002'
mkfifo "$TMP/third.pipe"
background third ip netns exec far python3 "$TMP/talk.py" connect 10.9.0.1 8002 "$TMP/third.pipe"
exec {third}>"$TMP/third.pipe"
echo 1000 >&"$third"
wait_for 10 "the answer" said third 1
expect_equal "its direction" in "$(flows .flows[0].direction --only local=10.9.0.1,port=8002)"

wait_for 10 "whose it is" whose here --only local=10.9.0.1,port=8002
wait_for 10 "whose the datagrams are" whose second --only protocol=udp,port=8001

step "choosing, sorting, counting"
expect_equal "flows of one program" 1 "$(flows .total --only "pid=$(pid_of second)")"
expect_equal "the most bytes first" 8000 "$(flows .flows[0].remote_port)"
expect_equal "the oldest last" 8000 "$(flows .flows[-1].remote_port --sort age)"
expect_equal "two of them" "2 $(flows .total)" "$(flows '"\(.flows|length) \(.total)"' --limit 2)"
expect_match "and that is said" "^1 of [0-9]+ flows$" "$(lwfctl flows --limit 1)"
expect_equal "nobody's" 0 "$(flows .total --only pid=99999999)"
expect_error 2 "no key 'nonsense'" lwfctl flows --only nonsense=1
expect_error 2 "not key=value" lwfctl flows --only pid
# what no flow can be is a mistake, and not an empty list
expect_error 2 "pid: 'abc' is no number" lwfctl flows --only pid=abc
expect_error 2 "state is never 'bogus'; use one-way, both-ways, .*reset" lwfctl flows --only state=bogus
expect_error 2 "verdict is never 'x'; use none, continue, permit, block" lwfctl flows --only verdict=x
expect_error 2 "direction is never 'up'; use out, in" lwfctl flows --only direction=up
expect_error 2 "how is never 'no-holder'" lwfctl flows --only how=no-holder
expect_error 2 "no key 'x'" lwfctl flows --sort x
expect_error 2 "no such number" lwfctl flows --limit 0
expect_error 5 "no such stack" lwfctl flows eth9
expect_error 2 "does not go with" lwfctl show --sort age
background follow lwfctl flows --json --follow
looked_twice() {
	[ "$(grep -c schema "$TMP/follow.out")" -ge 2 ]
}
wait_for 10 "a second look" looked_twice
stop follow

step "a connection ends"
stop first
wait_for 10 "its end to be seen" is_told '.flows[0].state == "finished"' --only "$only"

step "a connection that is older than the filter"
lwfctl filter remove eth1/flow >/dev/null
expect_error 5 "lwfctl filter insert eth1 flow" lwfctl flows
lwfctl filter insert eth1 flow:flows=64 >/dev/null
expect_equal "nothing is known" 0 "$(flows .total)"
echo 1000 >&"$third"
wait_for 10 "the answer" said third 2
expect_equal "picked up in its middle" "established true" \
	"$(flows '.flows[0]|"\(.state) \(.midstream)"' --only port=8002)"

step "more flows than there is room for"
python3 - <<'END'
import socket
for i in range(2000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"x", ("10.9.0.2", 20000 + i))
    s.close()
END
expect_at_most "flows" 64 "$(flows .total)"
report() {
	show '.stacks[0].modules[]|select(.name=="flow").report'"$1"
}
expect_at_least "flows that were ended for others" 500 "$(report .evicted)"
expect_equal "flows that came, against those that stay and those that have ended" "$(report .created)" \
	"$(report '|(.flows + .evicted + ."timed-out" + .reused + ."emergency-ended")')"
echo 1000 >&"$third"
wait_for 10 "the answer" said third 3
expect_at_least "answers of the connection before and after, which has kept its place" 2 "$(flows .flows[0].sent.frames --only port=8002)"

step "in and out under traffic, $(times 200) times"
background babble bash -c 'yes 20000 >&'"$third"
begun=$(grep -c said "$TMP/third.out")
for ((i = 0; i < $(times 200); i++)); do
	lwfctl filter remove eth1/flow >/dev/null
	lwfctl filter insert eth1 flow:flows=1024 >/dev/null
done
wait_for 10 "the connection to go on" said third $((begun + 20))
kill "$(pid_of babble)"
wait_for 10 "it to be seen" is_told '.flows[0].state == "established"' --only port=8002
stop third
step "detached and attached: the flows are others"
expect_equal "flows before that" 1 "$(flows '[.flows[]|select(.local_port==8002)]|length')"
lwfctl detach eth1 >/dev/null
expect_error 6 "it is Detached" lwfctl flows eth1
lwfctl attach eth1 >/dev/null
expect_equal "flows after that" 0 "$(flows '[.flows[]|select(.local_port==8002)]|length')"
ledgers_balance
stop_lwfd
