# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# verdicts.sh - what the tests of verdicts share: servers at the far host, clients here, deciders, and the
# accounts that must balance at any time.

DECIDER=$ROOT/tests/system/tools/decider.py

cat >"$TMP/servers.py" <<'END'
# servers.py ADDRESS: echoes on ports 8000 to 8099, TCP and UDP
import selectors, socket, sys
selector = selectors.DefaultSelector()
for port in range(8000, 8100):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        s = socket.socket(socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((sys.argv[1], port))
        if kind == socket.SOCK_STREAM:
            s.listen(512)
        s.setblocking(False)
        selector.register(s, selectors.EVENT_READ, kind)
print("ready", flush=True)
while True:
    for key, _ in selector.select():
        s = key.fileobj
        try:
            if key.data == socket.SOCK_DGRAM:
                data, peer = s.recvfrom(65536)
                s.sendto(data, peer)
            elif key.data == socket.SOCK_STREAM:
                talk, _ = s.accept()
                talk.setblocking(False)
                selector.register(talk, selectors.EVENT_READ, None)
            elif data := s.recv(65536):
                s.sendall(data)
            else:
                selector.unregister(s)
                s.close()
        except BlockingIOError:
            pass
        except OSError:
            if key.data is None:
                selector.unregister(s)
                s.close()
END

cat >"$TMP/client.py" <<'END'
# client.py PORT [PIPE|- [SECONDS [ADDRESS]]]: talks with 10.9.0.2: for each line of the pipe (-: once) it says a word,
# waits for the echo, and prints "said"
import socket, sys
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 10
address = sys.argv[4] if len(sys.argv) > 4 else "10.9.0.2"
s = socket.create_connection((address, int(sys.argv[1])), timeout=seconds)
print("open", flush=True)
pipe = sys.argv[2] if len(sys.argv) > 2 else "-"
for line in ["once"] if pipe == "-" else open(pipe):
    s.sendall(b"word")
    left = 4
    while left:
        left -= len(s.recv(4))
    print("said", flush=True)
END

servers() {
	background servers ip netns exec far python3 "$TMP/servers.py" 10.9.0.2
	wait_for 10 "the servers" grep -q ready "$TMP/servers.out"
}

stop_servers() {
	stop servers TERM
}

verdicts() { # JQ [STACK]: of the first module that asks
	lwfctl verdict show --json ${2:+"$2"} | jq -r ".verdicts[0] | $1 // 0"
}

# conserved: every ask is settled once or open, every frame that waited went on, was dropped, or waits; so is it for
# each decider.
conserved() {
	local json
	json=$(lwfctl verdict show --json)
	jq -e 'def total: [.[]] | add // 0;
		all(.verdicts[]; .asks == (.settled | total) + .open and
			.frames == .frames_passed + .frames_dropped + .waiting and
			all(.deciders[]; .asked == (.settled | total) + .open))' <<<"$json" >/dev/null ||
		fail "asks or frames are lost: $json"
}

decides() { # NAME: the decider is there
	lwfctl verdict show --json 2>/dev/null | jq -e --argjson pid "$(pid_of "$1")" \
		'any(.verdicts[].deciders[]; .pid == $pid)'
}

serve() { # NAME [FALLBACK] [serve's options...]: decider.py decides; what it hears is in $TMP/NAME.log
	local name=$1 fallback=${2:-allow}
	shift
	[ $# -eq 0 ] || shift
	: >"$TMP/$name.log"
	background "$name" lwfctl verdict serve "$@" -- python3 -u "$DECIDER" "$TMP/$name.log" "$fallback"
	wait_for 10 "decider $name" decides "$name"
}

asked() { # NAME JQ: of the asks in the log of a decider
	jq -r "select(.type==\"ask\") | $2" "$TMP/$1.log"
}

talks() { # PORT: a client gets its echo
	background last_client python3 "$TMP/client.py" "$1"
	finish last_client 15
	expect_equal "a talk with port $1 ($ERR)" 0 "$CODE"
	LAST=$(cat "$TMP/last_client.pid")
}

datagram() { # PORT: one, and its echo
	python3 - "$@" <<'END'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.sendto(b"hello", ("10.9.0.2", int(sys.argv[1])))
print(s.recv(100).decode())
END
}

refused() { # PORT: at once
	local begun
	begun=$(now_ns)
	capture python3 "$TMP/client.py" "$1"
	expect_match "a talk with port $1" ConnectionRefusedError "$ERR"
	expect_at_most "milliseconds until port $1 is refused" 3000 $((($(now_ns) - begun) / 1000000))
}

vanishes() { # PORT: nothing comes, before its SYN is sent once more after a second
	capture python3 "$TMP/client.py" "$1" - 0.8
	expect_match "a talk with port $1" "TimeoutError|timed out" "$ERR"
}

talk_begins() { # PORT: a client that says a word whenever it is told to
	mkfifo "$TMP/talk.$1"
	background talk python3 "$TMP/client.py" "$1" "$TMP/talk.$1"
	exec {TALK}>"$TMP/talk.$1"
	wait_for 10 "the talk with port $1" grep -q open "$TMP/talk.out"
	talk_goes_on
}

has_said() {
	[ "$(grep -c said "$TMP/talk.out")" -gt "$1" ]
}

talk_goes_on() {
	local before
	before=$(grep -c said "$TMP/talk.out") || :
	echo word >&"$TALK"
	wait_for 5 "an echo" has_said "$before"
}

talk_ends() {
	exec {TALK}>&-
	finish talk 10
}
