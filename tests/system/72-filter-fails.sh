#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 72-filter-fails.sh - a filter that cannot attach or restart: what becomes of it, and of its stack.
#
#	 [ inject > monitor > sick ] > eth1 ~~cable~~ eth0
#	                      fails as long as the file is there
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need cc

cat >"$TMP/sick.c" <<END
#include <lwf/filter.h>
#include <unistd.h>

static lwf_status answer(const char *file)
{
	return access(file, F_OK) ? (lwf_status)LWF_STATUS_SUCCESS : (lwf_status)LWF_STATUS_RESOURCES;
}

static lwf_status sick_attach(struct lwf_module *module, const struct lwf_options *options)
{
	return answer("$TMP/attach");
}

static lwf_status sick_restart(struct lwf_module *module)
{
	return answer("$TMP/restart");
}

static const struct lwf_filter_ops sick = {
	.name = "sick", .summary = "fails", .attach = sick_attach, .restart = sick_restart};

LWF_FILTER_OBJECT(&sick);
END
cc -shared -fPIC -I"$ROOT/include" -o "$TMP/sick.so" "$TMP/sick.c" || fail "sick.so does not build"

holds() {
	show '.stacks[0].holds | sort | join(" ")' eth1
}

of_sick() { # FIELD
	show ".stacks[0].modules[] | select(.name == \"sick\") | .$1" eth1
}

runs_as_before() {
	expect_equal "state" Running "$(show '.stacks[0].state' eth1)"
	expect_equal "holds" "" "$(holds)"
	expect_equal "modules" "$1" "$(show '[.stacks[0].modules[].name] | join(" ")' eth1)"
	inject eth1 "$TMP/ten.pcap" --topspeed
	expect_equal "sent" 10 "$(result .sent)"
}

framegen numbered "$TMP/ten.pcap" 10 100 >/dev/null
far_host

step "a newcomer that fails is taken out again"
start_lwfd --load "$TMP/sick.so" --nic eth1 --tap lwf0
touch "$TMP/attach"
expect_error 6 "attach failed with RESOURCES" lwfctl filter insert eth1 sick
runs_as_before "inject monitor"
expect_error 6 "attach failed with RESOURCES" lwfctl filter insert eth1 sick:mandatory=on --above monitor
runs_as_before "inject monitor"
rm "$TMP/attach" && touch "$TMP/restart"
expect_error 6 "restart failed with RESOURCES" lwfctl filter insert eth1 sick
runs_as_before "inject monitor"
rm "$TMP/restart"
expect_exit 0 lwfctl filter insert eth1 sick
runs_as_before "inject monitor sick"

step "later it is left out, and comes back when somebody asks"
touch "$TMP/attach"
expect_exit 0 lwfctl detach eth1
expect_exit 0 lwfctl attach eth1
runs_as_before "inject monitor sick"
expect_equal "sick" "Detached true" "$(of_sick state) $(of_sick left_out)"
rm "$TMP/attach"
expect_equal "sick, by itself" Detached "$(of_sick state)"
expect_exit 0 lwfctl restart eth1
expect_equal "sick" "Running false" "$(of_sick state) $(of_sick left_out)"
ledgers_balance
expect_equal "rules broken" 0 "$(show .rules_broken)"
stop_lwfd

step "the stack does not run without one that is mandatory"
touch "$TMP/restart"
start_lwfd --load "$TMP/sick.so" --nic eth1 --tap lwf0 --filter sick:mandatory=on
state_is eth1 Detached
expect_equal "holds" fault-detach "$(holds)"
expect_error 6 "fault-detach" lwfctl attach eth1
rm "$TMP/restart"
expect_exit 0 lwfctl attach eth1
runs_as_before "inject monitor sick"
stop_lwfd

step "where a failed restart stays Paused (C5)"
start_lwfd --profile lenient --load "$TMP/sick.so" --nic eth1 --tap lwf0 --filter sick
expect_equal "profile" lenient "$(show .profile)"
touch "$TMP/restart"
expect_exit 0 lwfctl pause eth1
expect_error 6 "fault" lwfctl restart eth1
expect_equal "holds" fault "$(holds)"
expect_equal "state" Paused "$(show '.stacks[0].state' eth1)"
rm "$TMP/restart"
expect_exit 0 lwfctl restart eth1
runs_as_before "inject monitor sick"
stop_lwfd
nothing_left
