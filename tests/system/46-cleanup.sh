#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 46-cleanup.sh - the daemon and its watchdog child are killed both; `lwfctl cleanup` undoes the rest.
#
#	 lwf0 (TAP) - [ lwfd, killed with its child ] - eth1 ~~cable~~ eth0
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

belongings() {
	ip -o addr show dev "$1" scope global | awk '{ print $3, $4 }'
	ip route show dev "$1" | sed 's/ *$//'
}

kill_all() { # the daemon and all its children, at the same time
	local children
	kill -STOP "$LWFD"
	children=$(cat "/proc/$LWFD"/task/*/children)
	# shellcheck disable=SC2086 # a list of pids
	kill -KILL $children
	kill_lwfd
	wait_for 5 "all of it to be gone" no_own_processes
}

far_host
ip addr add 10.9.0.1/24 dev eth1
ip route add default via 10.9.0.2 dev eth1
before=$(belongings eth1)

step "nothing to do"
expect_exit 0 lwfctl cleanup

step "a living daemon is left alone"
start_lwfd --nic eth1 --tap lwf0 --takeover
state_is eth1 Running
expect_exit 0 lwfctl cleanup
expect_equal "what the TAP owns" "10.9.0.1/24" "$(ip -j addr show dev lwf0 | jq -r '.[0].addr_info[] | select(.family == "inet") | "\(.local)/\(.prefixlen)"')"
expect_equal "state" Running "$(show '.stacks[0].state' eth1)"

step "daemon and watchdog child killed"
kill_all
[ "$(belongings eth1)" != "$before" ] || fail "somebody restored it; the test shows nothing"
[ -e "$LWF_CONTROL" ] || fail "somebody removed the socket; the test shows nothing"
expect_exit 0 lwfctl cleanup
expect_equal "addresses and routes of eth1" "$before" "$(belongings eth1)"
nothing_left
expect_equal "files left" "" "$(find "$TMP" -name 'control*' -o -name '*.journal*' -o -name '*.lock')"

step "a socket that was not shown yet when its daemon was killed"
begun="$(dirname "$LWF_CONTROL")/.lwf-4194305" # no process can have this number
python3 -c "import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).bind('$begun')"
expect_exit 0 lwfctl cleanup
[ ! -e "$begun" ] || fail "cleanup left $begun"

step "a repeat changes nothing"
expect_exit 0 lwfctl cleanup
expect_equal "addresses and routes of eth1" "$before" "$(belongings eth1)"

step "and the next daemon starts"
start_lwfd --nic eth1 --tap lwf0 --takeover
state_is eth1 Running
stop_lwfd
expect_equal "addresses and routes of eth1" "$before" "$(belongings eth1)"
nothing_left
