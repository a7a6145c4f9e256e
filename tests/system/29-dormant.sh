#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 29-dormant.sh - a device without room is RESOURCES, also while the kernel's flag says less than its driver.
#
#	lwf-inject > [ lwfd ] > full0 (a TAP that nobody reads)
#
# IFF_RUNNING follows a carrier up to a second late. A dormant interface has it off for good, with
# the carrier on: what the driver has no room for must not be called MEDIA_DISCONNECTED then.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need python3

cat >"$TMP/full.py" <<-'END'
	import fcntl, struct, time
	tap = open("/dev/net/tun", "r+b", buffering=0)
	fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH", b"full0", 0x1002))  # TUNSETIFF: TAP, no header
	time.sleep(600)
END
background full python3 "$TMP/full.py"
wait_for 5 "full0" has_link full0
ip link set full0 txqueuelen 10 mode dormant
ip link set full0 up
operstate_is() {
	[ "$(link_stat full0 operstate)" = "$1" ]
}
ip link set full0 carrier off # only with the carrier the kernel looks at the mode
wait_for 5 "it to be without carrier" operstate_is DOWN
ip link set full0 carrier on
wait_for 5 "it to be dormant" operstate_is DORMANT

step "more frames than it has room for"
start_lwfd --nic full0 --tap lwf0
wait_for 5 "full0 to be Running" state_is full0 Running
python3 - "$TMP/frames.pcap" <<-'END'
	import struct, sys
	frame = bytes.fromhex("020000000001020000000002" "88b5") + bytes(46)
	with open(sys.argv[1], "wb") as out:
	    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
	    for i in range(60):
	        out.write(struct.pack("<IIII", i, 0, len(frame), len(frame)) + frame)
END
expect_exit 1 lwf-inject full0 "$TMP/frames.pcap" --topspeed --json
expect_equal "answers" "RESOURCES SUCCESS" "$(tail -n 1 <<<"$OUT" | jq -r '.completed | keys | join(" ")')"
stop_lwfd
stop full KILL
