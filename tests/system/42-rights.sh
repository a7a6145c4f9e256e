#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 42-rights.sh - the socket belongs to its owner, and the daemon keeps two capabilities.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

NET_ADMIN_AND_RAW=0000000000003000
PTRACE_AND_READ=0000000000080004

capabilities() { # PID FIELD: of all its threads
	awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1"/task/*/status | sort -u
}

children() {
	cat "/proc/$1"/task/*/children
}

step "the socket"
bridge_up
expect_equal "mode of the socket" 600 "$(stat -c %a "$LWF_CONTROL")"

step "capabilities after start, of every thread and of the watchdog child"
expect_equal "effective" "$NET_ADMIN_AND_RAW" "$(capabilities "$LWFD" CapEff)"
expect_equal "permitted" "$NET_ADMIN_AND_RAW" "$(capabilities "$LWFD" CapPrm)"
expect_equal "inheritable" 0000000000000000 "$(capabilities "$LWFD" CapInh)"
expect_equal "no new privileges" 1 "$(capabilities "$LWFD" NoNewPrivs)"
for child in $(children "$LWFD"); do
	if [ "$(cat "/proc/$child/comm")" = lwfd-resolver ]; then
		# It alone may look into other processes, and it has none of the daemon's rights.
		expect_equal "effective in the resolver" "$PTRACE_AND_READ" "$(capabilities "$child" CapEff)"
		expect_equal "permitted in the resolver" "$PTRACE_AND_READ" "$(capabilities "$child" CapPrm)"
		expect_equal "resolver named by show" "$child" "$(show '.stacks[0].lower.info.resolver')"
		is_sanitized || expect_equal "its system calls are filtered" 2 "$(capabilities "$child" Seccomp)"
		continue
	fi
	has=$((16#$(capabilities "$child" CapEff)))
	expect_equal "capabilities of the child $child beyond these two" 0 $((has & ~16#$NET_ADMIN_AND_RAW))
done
expect_equal "processes beside the daemon: watchdog and resolver" 2 "$(children "$LWFD" | wc -w)"

step "with these it does all that it must: links, TAPs, filters"
ip link del lwf0
wait_for 5 "a new TAP" has_link lwf0
ip link set eth1 down
state_is eth1 Detached
ip link del eth1
plug_cable
state_is eth1 Running
expect_exit 0 lwfctl filter insert eth1 monitor
stop_lwfd
nothing_left

step "without rights it says so"
for missing in net_admin net_raw; do
	expect_error 4 "not permitted|permission|CAP_" setpriv --bounding-set "-$missing" --inh-caps -all \
		lwfd --nic eth1 --tap lwf0
	no_link lwf0 || fail "a TAP is left"
done
expect_error 4 "not permitted|permission|CAP_" setpriv --bounding-set -net_raw --inh-caps -all \
	lwf-inject --nic eth1 "$(framegen numbered "$TMP/x.pcap" 1 60 >/dev/null; echo "$TMP/x.pcap")"
nothing_left
