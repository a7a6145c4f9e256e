#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 94-owner-bpf.sh - with --owner-bpf the sender of a datagram is known although its socket was closed at once.
#
#	 senders - lwf0 (TAP) - [ lwfd: flow ] - eth1 ~~cable~~ eth0	(far)
#	 10.9.0.1     |                               10.9.0.2, fd09::2
#	        BPF program at a cgroup
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need python3 jq

SENDERS=$(times 500)
GROUP=/run/cgroup # of this test's own mount namespace, and not in the folder that is emptied at its end
grep -q 4294967295 /proc/self/uid_map || skip "only root outside of user namespaces may load a BPF program"
mkdir "$GROUP"
mount -t cgroup2 none "$GROUP" || skip "cgroups of version 2 cannot be mounted"

# A process for each datagram, which has ended before it is asked about. Prints its port and its pid. Ports are
# given: of those that the kernel draws, two of 50 are the same in one run of 25, and their flow is one.
cat >"$TMP/send.py" <<'END'
import os, socket, sys
address, to, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
for number in range(count):
    pid = os.fork()
    if not pid:
        sender = socket.socket(family, socket.SOCK_DGRAM)
        sender.bind(("", 20000 + number))
        if number % 2:
            sender.connect((address, to))
            sender.send(b"x")
        else:
            sender.sendto(b"x", (address, to))
        print(sender.getsockname()[1], os.getpid(), flush=True)
        sender.close()
        os._exit(0)
    os.waitpid(pid, 0)
END

udp_flows() { # PORT: local port, how, why, pid, start time, name of each flow to it
	lwfctl flows --json --limit 10000 | jq -r --argjson to "$1" \
		'.flows[] | select(.protocol == "udp" and .remote_port == $to) | "\(.local_port) \(.how) \(.why) \(.pid) \(.comm)"'
}

all_told() { # PORT COUNT
	[ "$(udp_flows "$1" | grep -cv ' pending ')" -ge "$2" ]
}

# expect_senders ADDRESS PORT
expect_senders() {
	local port pid
	python3 "$TMP/send.py" "$1" "$2" "$SENDERS" >"$TMP/sent"
	wait_for 20 "all of $1 to be answered" all_told "$2" "$SENDERS"
	udp_flows "$2" | sort >"$TMP/told"
	while read -r port pid; do
		echo "$port exact none $pid python3"
	done <"$TMP/sent" | sort >"$TMP/expected"
	diff "$TMP/expected" "$TMP/told" >"$TMP/diff" || fail "senders and owners differ: $(head -n 5 "$TMP/diff")"
}

# How many BPF programs the cgroup has for packets that leave (BPF_PROG_QUERY).
cat >"$TMP/programs.py" <<'END'
import ctypes, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
group = os.open(sys.argv[1], os.O_RDONLY)
ids = (ctypes.c_uint32 * 64)()
query = ctypes.create_string_buffer(struct.pack("IIIIQI", group, 1, 0, 0, ctypes.addressof(ids), 64), 128)
if libc.syscall({"x86_64": 321, "aarch64": 280}[os.uname().machine], 16, query, 128) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
print(struct.unpack("IIIIQI", query.raw[:28])[5])
END
programs() {
	python3 "$TMP/programs.py" "$GROUP"
}

BEFORE=$(programs)
IPV6=on
far_host
start_lwfd --nic eth1 --tap lwf0 --filter flow --owner-bpf "$GROUP"
state_is eth1 Running
addresses
for address in 10.9.0.2 fd09::2; do # nothing waits for an address of the link then
	ping -q -c 3 -i 0.2 -W 5 "$address" >/dev/null || fail "$address does not answer"
done

step "PID-3: $SENDERS processes send a datagram each, close the socket and end: each is named"
expect_senders 10.9.0.2 7000
step "PID-3: the same with IPv6"
expect_senders fd09::2 7001

step "PID-4: two processes share a socket: the one that sends is named, not the one that made it"
cat >"$TMP/shared.py" <<'END'
import os, socket
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.bind(("", 0))
pid = os.fork()
if not pid:
    sender.sendto(b"x", ("10.9.0.2", 7002))
    print(os.getpid(), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
END
python3 "$TMP/shared.py" >"$TMP/child"
wait_for 20 "the answer" all_told 7002 1
expect_equal "pid" "$(cat "$TMP/child")" "$(udp_flows 7002 | cut -d ' ' -f 4)"

step "the program goes with the daemon, also when that is killed"
expect_equal "programs at the cgroup" $((BEFORE + 1)) "$(programs)"
kill_lwfd
none_left() { [ "$(programs)" = "$BEFORE" ]; }
wait_for 5 "the program to go" none_left

step "what cannot be is said"
refused() { # CODE ARGS...
	local code=$1 status=0
	shift
	timeout 20 lwfd "$@" >"$TMP/out" 2>&1 || status=$?
	expect_equal "exit code of lwfd $*" "$code" "$status"
}
refused 5 --nic eth1 --tap lwf1 --owner-bpf /run/none
refused 5 --nic eth1 --tap lwf1 --owner-bpf /run
grep -q "/run: there is no such cgroup" "$TMP/out" || fail "no such line: $(cat "$TMP/out")"
