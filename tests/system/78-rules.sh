#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 78-rules.sh - the rules of a file hold for real programs: by program, port and direction; another file, or a
# changed one, holds from its reading on, and a mistake changes nothing. explain says the same.
#
#	 programs - lwf0 (TAP) - [ lwfd: verdict:rules=FILE ] - eth1 ~~cable~~ eth0 - programs	(far)
#	 10.9.0.1                                                         10.9.0.2
#
# What passed is told by the programs and by the far device's own counters of the port.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need python3 jq ss nstat

cat >"$TMP/talk.py" <<'END'
# talk.py serve ADDRESS PORT...: echoes on all ports, TCP and UDP
# talk.py keep ADDRESS PORT: a connection; says "ok" for each line of its pipe ($4) that comes back, else the error
# talk.py try|try-udp ADDRESS PORT: one attempt: "ok", "refused" or "silence" within a second
import selectors, socket, sys
what, address = sys.argv[1], sys.argv[2]

def attempt(make):
    try:
        s = make()
        s.settimeout(1)
        s.send(b"x")
        return "ok" if s.recv(1) else "closed"
    except (ConnectionRefusedError, ConnectionResetError):
        return "refused"
    except (TimeoutError, socket.timeout):
        return "silence"

def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((address, int(sys.argv[3])))
    return s

if what == "serve":
    ears = selectors.DefaultSelector()
    for port in sys.argv[3:]:
        ears.register(socket.create_server((address, int(port))), selectors.EVENT_READ, "listener")
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((address, int(port)))
        ears.register(s, selectors.EVENT_READ, "udp")
    print("ready", flush=True)
    while True:
        for key, _ in ears.select():
            if key.data == "listener":
                ears.register(key.fileobj.accept()[0], selectors.EVENT_READ, "tcp")
            elif key.data == "udp":
                data, peer = key.fileobj.recvfrom(2048)
                key.fileobj.sendto(data, peer)
            else:
                try:
                    data = key.fileobj.recv(65536)
                    if data:
                        key.fileobj.send(data)
                except OSError:
                    data = b""
                if not data:
                    ears.unregister(key.fileobj)
                    key.fileobj.close()
elif what == "keep":
    s = socket.create_connection((address, int(sys.argv[3])), 3)
    print("open", flush=True)
    for line in open(sys.argv[4]):
        print(attempt(lambda: s), flush=True)
elif what == "try":
    print(attempt(lambda: socket.create_connection((address, int(sys.argv[3])), 1)))
else:
    print(attempt(udp))
END
PYTHON=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')
PYTHONHOME=$(python3 -c 'import sys; print(sys.base_prefix)')
export PYTHONHOME
for name in good bad; do # two programs that differ by their path alone
	cp "$PYTHON" "$TMP/$name"
done

try() { # PROGRAM PORT [KIND]
	"$TMP/$1" "$TMP/talk.py" "${3:-try}" 10.9.0.2 "$2"
}

rules() { # the file, from stdin
	cat >"$TMP/home.rules"
}

has_said() { # NAME LINES
	[ "$(wc -l <"$TMP/$1.out")" -ge "$2" ]
}

# say NAME: a word on its connection; what came of it
say() {
	local lines
	lines=$(wc -l <"$TMP/$1.out")
	echo x >&"${PIPE[$1]}"
	wait_for 10 "$1 to hear of its word" has_said "$1" $((lines + 1))
	tail -n 1 "$TMP/$1.out"
}
declare -A PIPE
keep() { # NAME PROGRAM PORT
	local fd
	mkfifo "$TMP/$1.pipe"
	background "$1" "$TMP/$2" "$TMP/talk.py" keep 10.9.0.2 "$3" "$TMP/$1.pipe"
	exec {fd}>"$TMP/$1.pipe"
	PIPE[$1]=$fd
	wait_for 10 "$1 to connect" has_said "$1" 1
}

explained() { # JQ TUPLE
	local what=$1
	shift
	lwfctl explain --json "$@" | jq -r "$what"
}

step "a file with a mistake is no configuration: its place is named, and lwfd does not start"
far_host
printf 'allow out\nalow in\ndefault deny\n' >"$TMP/bad.rules"
expect_error 2 "$TMP/bad.rules:2:1: 'alow' is not allow" lwfd --nic eth1 --tap lwf0 --filter "verdict:rules=$TMP/bad.rules"

step "rules by port, direction and program"
rules <<END
allow out udp,tcp remote-port 8001
deny   out remote-port 8002
reject out remote-port 8003
allow out tcp remote-port 8004 program $TMP/good
allow in tcp remote 10.9.0.2 local-port 9001
allow icmp
default deny
END
start_lwfd --nic eth1 --tap lwf0 --filter "verdict:rules=$TMP/home.rules" --filter flow
state_is eth1 Running
addresses
background far ip netns exec far python3 "$TMP/talk.py" serve 10.9.0.2 8001 8002 8003 8004 8005
background near python3 "$TMP/talk.py" serve 10.9.0.1 9001 9002
wait_for 10 "the servers" has_said far 1
wait_for 10 "the server here" has_said near 1
expect_equal "allowed, TCP" ok "$(try good 8001)"
expect_equal "allowed, UDP" ok "$(try good 8001 try-udp)"
before=$(far nstat -asz TcpPassiveOpens | awk '/TcpPassiveOpens/ { print $2 }')
expect_equal "denied, TCP" silence "$(try good 8002)"
expect_equal "denied, UDP" silence "$(try good 8002 try-udp)"
expect_equal "rejected, TCP" refused "$(try good 8003)"
expect_equal "rejected, UDP" refused "$(try good 8003 try-udp)"
expect_equal "the default" silence "$(try good 8005)"
expect_equal "connections that the far host saw of these" "$before" \
	"$(far nstat -asz TcpPassiveOpens | awk '/TcpPassiveOpens/ { print $2 }')"
expect_equal "of the program that may" ok "$(try good 8004)"
expect_equal "of the one that may not" silence "$(try bad 8004)"
expect_equal "from there, allowed" ok "$(far "$TMP/good" "$TMP/talk.py" try 10.9.0.1 9001)"
expect_equal "from there, the default" silence "$(far "$TMP/good" "$TMP/talk.py" try 10.9.0.1 9002)"

step "flows are chosen by what rules call it, too"
denied=$(lwfctl flows --json --only verdict=block,port=8002 | jq .total)
expect_at_least "flows that were denied" 1 "$denied"
expect_equal "the same by the word of the rules" "$denied" "$(lwfctl flows --json --only verdict=deny,port=8002 | jq .total)"
expect_equal "and of those that were allowed" allowed \
	"$(lwfctl flows --json --only verdict=allow,port=8001 | jq -r 'if .total > 0 and all(.flows[]; .verdict == "permit") then "allowed" else . end')"

step "explain says what happens, and to whom"
expect_equal "by port" "deny 2 2 deny out remote-port 8002" \
	"$(explained '"\(.action) \(.rule) \(.line) \(.text)"' tcp 10.9.0.1:1 10.9.0.2:8002)"
keep first good 8004
port=$(ss -Htn state established dst 10.9.0.2:8004 | awk '{ print $3 }' | sed 's/.*://')
expect_equal "of a conversation that is there" "allow 4 $(pid_of first) exact allow rule established" \
	"$(explained '"\(.action) \(.rule) \(.owner.pid) \(.owner.how) \(.cached) \(.by) \(.flow.state)"' tcp "10.9.0.1:$port" 10.9.0.2:8004)"
expect_equal "and if it were another's" "deny 7 allow" \
	"$(explained '"\(.action) \(.rule) \(.cached)"' --as "program=$TMP/bad" tcp "10.9.0.1:$port" 10.9.0.2:8004)"
expect_equal "of one that nobody has: its process cannot be known, so the rule does not hold" "deny 7 unknown no-socket null" \
	"$(explained '"\(.action) \(.rule) \(.owner.how) \(.owner.why) \(.flow)"' tcp 10.9.0.1:7 10.9.0.2:8004)"
expect_equal "as if it were its" "allow 4" \
	"$(explained '"\(.action) \(.rule)"' --as "program=$TMP/good" tcp 10.9.0.1:7 10.9.0.2:8004)"
expect_equal "from there" "allow 5 in" \
	"$(explained '"\(.action) \(.rule) \(.tuple.direction)"' in tcp 10.9.0.2:7 10.9.0.1:9001)"
expect_error 5 "there is no such stack" lwfctl explain --stack eth9 tcp 10.9.0.1:7 10.9.0.2:8004

step "other rules hold from the reload on, for conversations that are there too"
expect_equal "a word" ok "$(say first)"
rules <<END
deny out tcp remote-port 8004
allow icmp
default allow
END
expect_equal "before it is read" ok "$(say first)"
expect_match "what reload says" "eth1/verdict: 3 rules of $TMP/home.rules" "$(lwfctl verdict reload)"
expect_equal "a word after it" silence "$(say first)"
expect_equal "what was denied" ok "$(try good 8005)"
expect_equal "explained" "deny 1 deny rule" \
	"$(explained '"\(.action) \(.rule) \(.cached) \(.by)"' tcp "10.9.0.1:$port" 10.9.0.2:8004)"

step "a mistake changes nothing, and says where it is"
epoch=$(explained .epoch tcp 10.9.0.1:1 10.9.0.2:8005)
rules <<END
default allow
deny in
END
expect_error 2 "eth1/verdict: $TMP/home.rules:2:1: nothing comes behind the default; the rules that held before hold" lwfctl verdict reload
expect_equal "what holds" silence "$(try good 8004)"
expect_equal "the epoch" "$epoch" "$(explained .epoch tcp 10.9.0.1:1 10.9.0.2:8005)"
expect_error 2 "$TMP/bad.rules:2:1" lwfctl filter set eth1/verdict "rules=$TMP/bad.rules"
expect_equal "still" silence "$(try good 8004)"

step "a link that flaps does not change rules, whatever is in the file"
ip link set eth1 down
state_is eth1 Detached
ip link set eth1 up
state_is eth1 Running
expect_equal "what holds" silence "$(try good 8004)"
expect_equal "and passes" ok "$(try good 8005)"

step "another file, while it runs"
printf 'deny out tcp remote-port 8005\ndefault allow\n' >"$TMP/other.rules"
lwfctl filter set eth1/verdict "rules=$TMP/other.rules" >/dev/null
expect_equal "what is denied now" silence "$(try good 8005)"
expect_equal "and what no more" ok "$(try good 8004)"
expect_equal "its name" "$TMP/other.rules" "$(show '.stacks[0].modules[] | select(.name == "verdict") | .options.rules')"
expect_equal "reload of one stack" "$TMP/other.rules" "$(lwfctl verdict reload eth1 --json | jq -r .reloaded[0].file)"

step "established conversations that were denied are not let through by a restart of the filter"
lwfctl filter remove eth1/verdict >/dev/null
expect_error 5 "no module has a file of rules" lwfctl verdict reload
expect_error 5 "no module has rules" lwfctl explain tcp 10.9.0.1:7 10.9.0.2:8004
lwfctl filter insert eth1 "verdict:rules=$TMP/other.rules" >/dev/null
keep last good 8004
expect_equal "a word" ok "$(say last)"
printf 'reject out tcp remote-port 8004\ndefault allow\n' >"$TMP/other.rules"
lwfctl verdict reload >/dev/null
expect_equal "rejected in its middle" refused "$(say last)"
for name in first last far near; do
	stop "$name" TERM
done
ledgers_balance
stop_lwfd
nothing_left
