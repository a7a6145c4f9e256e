#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# netns.sh - runs a command as root in namespaces of its own: scripts/netns.sh CMD [ARG...]
#
# The command gets a fresh network namespace with lo up, a fresh mount namespace with an empty tmpfs
# on /run (so that `ip netns` works and names clash with nobody) and a sysfs that shows the new
# network namespace. Whoever is not root becomes root of a fresh user namespace first, so the whole
# test suite runs as an ordinary user. Where the kernel lets us mount a /proc it is a PID namespace
# too: when this script is killed, everything it started dies with it.
set -eu

inside() {
	mount -t tmpfs -o mode=0755 tmpfs /run
	mount -t sysfs sysfs /sys 2>/dev/null ||
		echo "netns.sh: /sys shows the outer network namespace (mounting a sysfs is not allowed)" >&2
	ip link set lo up
	export LWF_NETNS=1
}

if [ "${1:-}" = --inside ]; then
	shift
	inside
	# Not exec: as process 1 of a PID namespace a command would ignore the signals meant for it.
	status=0
	"$@" || status=$?
	exit "$status"
fi

if [ $# -eq 0 ] || [ "$1" = --help ]; then
	echo "usage: scripts/netns.sh CMD [ARG...]" >&2
	echo "example: scripts/netns.sh bash -c 'ip link add eth1 type veth peer name far0; ip link'" >&2
	[ $# -gt 0 ] || exit 2
	exit 0
fi

spaces=(--net --mount)
[ "$(id -u)" -eq 0 ] || spaces+=(--user --map-root-user)
pids=(--pid --fork --kill-child --mount-proc)

unshare "${spaces[@]}" true || {
	echo "netns.sh: no namespaces for user $(id -un); see /proc/sys/user/max_user_namespaces" >&2
	exit 4
}
unshare "${spaces[@]}" "${pids[@]}" true 2>/dev/null || pids=()
exec unshare "${spaces[@]}" "${pids[@]}" "$0" --inside "$@"
