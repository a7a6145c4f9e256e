#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 64-ordinary-user.sh - as root: some of the tests once more, as a user without any right.
#
#	 nobody > unshare -Urnm > lwfd and all; /dev/net/tun is open to everybody, as Debian has it
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need setpriv
is_real_root || skip "needs real root to become another user"

# A device node of our own, seen in this mount namespace alone.
mkdir "$TMP/dev" "$TMP/home"
mount -t tmpfs tmpfs "$TMP/dev"
mknod "$TMP/dev/tun" c 10 200
chmod 666 "$TMP/dev/tun"
mount --bind "$TMP/dev/tun" /dev/net/tun
cp -r "$BIN" "$TMP/bin"
cp -r "$TOOLS" "$TMP/tools"
cp -r "$ROOT/scripts" "$ROOT/tests" "$TMP/home/"
chmod -R a+rX "$TMP"
chown 65534:65534 "$TMP/home"

as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups env -u LWF_TEST_INSIDE -u LWF_TEST_MARK \
		-u LWF_CONTROL HOME="$TMP/home" TMPDIR="$TMP/home" LWF_BIN="$TMP/bin" LWF_TOOLS="$TMP/tools" \
		LWF_TEST_PCAPS="${LWF_TEST_PCAPS:-$ROOT/../shared/pcaps}" "$@"
}

if ! as_nobody "$TMP/home/scripts/netns.sh" true 2>/dev/null; then
	skip "ordinary users may not make user namespaces here"
fi
for test in 10-bridge-identity 12-offload-tcp 14-no-duplicates 21-sent-admin-flaps 34-daemon-kill 42-rights 44-takeover \
	46-cleanup; do
	step "$test"
	code=0
	as_nobody timeout 300 bash "$TMP/home/tests/system/$test.sh" >"$TMP/$test.out" 2>&1 || code=$?
	[ "$code" -eq 0 ] || fail "$test as nobody: $code
$(tail -n 40 "$TMP/$test.out")"
done
umount /dev/net/tun "$TMP/dev"
