#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 22-sent-carrier-flaps.sh - `sent` is the tx counter also when the carrier comes and goes.
#
#	 lwf-inject > [ lwfd ] > eth1 ~~cable~~ eth0
#	                           ~~ pulled, plugged
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

FLAPS=$(times 200)
N=$(times 1000000)

bridge_up
remember_size
before=$(tx_packets eth1)
client_traffic client --topspeed

step "$FLAPS flaps under load"
for ((i = 1; i <= FLAPS; i++)); do
	PROGRESS="flap $i of $FLAPS"
	MORE=500 sending
	ip -n far link set eth0 down
	# Every other time the link comes back before anybody could settle.
	[ $((i % 2)) -eq 0 ] || wait_for 5 "the carrier to be gone" carrier_is false
	ip -n far link set eth0 up
	wait_for 5 "the carrier to be back" carrier_is true
	state_is eth1 Running
done

step "until $N frames have left"
tx_over eth1 $((before + N)) || wait_for 120 "$N frames to leave" tx_over eth1 $((before + N))
client_ends client
delta=$(($(tx_packets eth1) - before))
expect_equal "sent, against tx_packets of eth1" "$delta" "$(result .sent)"
expect_equal "SUCCESS" "$delta" "$(result .completed.SUCCESS)"
expect_at_least "submitted" "$N" "$(result .submitted)"
expect_at_least "frames answered MEDIA_DISCONNECTED" 1 "$(result '(.completed.MEDIA_DISCONNECTED // 0) + (.refused.MEDIA_DISCONNECTED // 0)')"
expect_equal "answers of any other kind (SEND_ABORTED: of what waited when it was told to end)" "[]" \
	"$(result '[(.completed, .refused) | to_entries[] | select(.value > 0) | .key] | unique
		- ["SUCCESS", "MEDIA_DISCONNECTED", "RESOURCES", "SEND_ABORTED"] | tostring')"

wait_for 5 "lwfd to agree with the kernel" kernel_agrees
ledgers_balance
no_growth
stop_lwfd
nothing_left
