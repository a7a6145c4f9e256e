#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 62-no-descriptors.sh - the daemon runs out of descriptors: existing work goes on, and it recovers.
#
#	 lwf-inject, 400 connections > [ lwfd, at most 64 descriptors ] > eth1 ~~cable~~ eth0
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need prlimit

bridge_up
client_traffic good --rate 5kpps
sending
prlimit --pid "$LWFD" --nofile=64:64

step "a crowd"
LIMIT=30 capture badclient eth1 crowd 300
sending
lwfd_alive
ticks=$(cpu_ticks "$LWFD")
watch_for 1
expect_at_most "clock ticks of lwfd in a second after it" 30 $(($(cpu_ticks "$LWFD") - ticks))

step "afterwards everything works again"
wait_for 10 "answers" lwfctl show
client_ends good
expect_equal "frames that did not leave, but for its own end" 0 "$(result '.submitted - .sent - ([.completed, .refused | .SEND_ABORTED // 0] | add)')"
ledgers_balance
stop_lwfd
nothing_left
