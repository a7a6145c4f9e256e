/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link_test.c - the policy of links without a kernel: the table, its page in docs/links.md, and the
 * difference of facts that makes events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "link.h"

#define BIT(event) (1u << LINK_##event)

/* ---- the table ---- */

static bool row_has(const struct link_row *row, enum link_action action)
{
	for (uint32_t n = 0; n < LINK_ROW_ACTIONS_MAX; n++)
		if (row->actions[n] == action)
			return true;
	return false;
}

static int position(const struct link_row *row, enum link_action action)
{
	for (int n = 0; n < (int)LINK_ROW_ACTIONS_MAX; n++)
		if (row->actions[n] == action)
			return n;
	return -1;
}

static void every_event_has_a_row(void **state)
{
	(void)state;
	for (uint32_t event = 0; event < LINK_EVENTS; event++) {
		const struct link_row *row = link_policy(event);

		assert_int_equal(row->event, event);
		assert_true(row->why && *row->why);
	}
	for (uint32_t action = 1; action < LINK_ACTIONS; action++) {
		bool used = false;

		for (uint32_t event = 0; event < LINK_EVENTS; event++)
			used |= row_has(link_policy(event), action);
		assert_true(used);
	}
}

static void links_are_set_before_holds(void **state)
{
	(void)state;
	for (uint32_t event = 0; event < LINK_EVENTS; event++) {
		const struct link_row *row = link_policy(event);
		int hold = position(row, LINK_DO_HOLD_REMOVED), set = 0;

		if (hold >= 0)
			set = position(row, LINK_DO_SET_GONE);
		assert_true(hold < 0 || (set >= 0 && set < hold));
		hold = position(row, LINK_DO_HOLD_LINK);
		if (hold >= 0)
			set = position(row, LINK_DO_SET_DISABLED);
		assert_true(hold < 0 || (set >= 0 && set < hold));
		/* what restarts the stack comes last */
		hold = position(row, LINK_DO_RELEASE_REMOVED);
		assert_true(hold < 0 || hold == (int)LINK_ROW_ACTIONS_MAX - 1 ||
			    row->actions[hold + 1] == LINK_DO_NOTHING);
	}
}

static void only_the_nic_holds_the_stack(void **state)
{
	(void)state;
	for (uint32_t event = LINK_UPPER_DELETED; event <= LINK_UPPER_UP; event++) {
		const struct link_row *row = link_policy(event);

		assert_false(row_has(row, LINK_DO_HOLD_LINK));
		assert_false(row_has(row, LINK_DO_HOLD_REMOVED));
	}
	assert_false(row_has(link_policy(LINK_CARRIER_LOST), LINK_DO_HOLD_LINK));
}

static void expected_line(const struct link_row *row, char *line, size_t bytes)
{
	size_t used = (size_t)snprintf(line, bytes, "| %s | %s", link_event_name(row->event),
				       link_action_name(row->actions[0]));

	for (uint32_t n = 1; n < LINK_ROW_ACTIONS_MAX && row->actions[n]; n++)
		used += (size_t)snprintf(line + used, bytes - used, ", %s",
					 link_action_name(row->actions[n]));
	snprintf(line + used, bytes - used, " | %s |\n", row->why);
}

/** The rows of the page stand in the order of the table, and there are no others. */
static void the_page_says_the_same(void **state)
{
	FILE *page = fopen(LWF_SOURCE_DIR "/docs/links.md", "re");
	char line[1024], expected[1024];
	uint32_t event = 0;
	bool inside = false;

	(void)state;
	assert_non_null(page);
	while (fgets(line, sizeof(line), page)) {
		if (!strcmp(line, "| event | actions | why |\n")) {
			inside = true;
			assert_non_null(fgets(line, sizeof(line), page));
			continue;
		}
		if (!inside || line[0] != '|') {
			inside = false;
			continue;
		}
		assert_true(event < LINK_EVENTS);
		expected_line(link_policy(event++), expected, sizeof(expected));
		assert_string_equal(line, expected);
	}
	fclose(page);
	assert_int_equal(event, LINK_EVENTS);
}

/** Every action is explained on the page. */
static void the_page_names_every_action(void **state)
{
	static char page[65536];
	FILE *file = fopen(LWF_SOURCE_DIR "/docs/links.md", "re");
	const char *actions;

	(void)state;
	assert_non_null(file);
	page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
	fclose(file);
	actions = strstr(page, "## Actions");
	assert_non_null(actions);
	for (uint32_t action = 1; action < LINK_ACTIONS; action++)
		assert_non_null(strstr(actions, link_action_name(action)));
}

/* ---- differences ---- */

static struct link_facts up_and_running(void)
{
	return (struct link_facts){
		.present = true,
		.admin_up = true,
		.carrier = true,
		.ifindex = 7,
		.mtu_bytes = 1500,
		.speed_mbps = 10000,
		.mac = {2, 0, 0, 0, 0, 1},
		.name = "eth1",
	};
}

static void nothing_is_no_event(void **state)
{
	struct link_facts facts = up_and_running(), none = {0};

	(void)state;
	assert_int_equal(link_diff_nic(&facts, &facts), 0);
	assert_int_equal(link_diff_tap(&facts, &facts), 0);
	assert_int_equal(link_diff_nic(&none, &none), 0);
}

static void disabled_and_enabled(void **state)
{
	struct link_facts up = up_and_running(), down = up;

	(void)state;
	down.admin_up = down.carrier = false;
	down.downs = 1;
	/* carrier goes with it and is no event of its own */
	assert_int_equal(link_diff_nic(&up, &down), BIT(ADMIN_DOWN));
	up.downs = 1;
	assert_int_equal(link_diff_nic(&down, &up), BIT(ADMIN_UP));
	assert_int_equal(link_diff_tap(&up, &down), BIT(UPPER_DOWN));
	assert_int_equal(link_diff_tap(&down, &up), BIT(UPPER_UP));
}

/** Five flaps between two looks are one, not none. */
static void a_flap_is_not_lost(void **state)
{
	struct link_facts before = up_and_running(), now = before;

	(void)state;
	now.downs = 5;
	assert_int_equal(link_diff_nic(&before, &now), BIT(ADMIN_DOWN) | BIT(ADMIN_UP));
	assert_int_equal(link_diff_tap(&before, &now), BIT(UPPER_DOWN) | BIT(UPPER_UP));
	now = before;
	now.losses = 3;
	assert_int_equal(link_diff_nic(&before, &now), BIT(CARRIER_LOST) | BIT(CARRIER_BACK));
	now.carrier = false;
	assert_int_equal(link_diff_nic(&before, &now), BIT(CARRIER_LOST));
	/* flaps of one that was down and is down again did nothing */
	before.admin_up = before.carrier = now.admin_up = now.carrier = false;
	now.losses = before.losses;
	now.downs = before.downs + 4;
	assert_int_equal(link_diff_nic(&before, &now), 0);
}

static void carrier(void **state)
{
	struct link_facts on = up_and_running(), off = on;

	(void)state;
	off.carrier = false;
	off.speed_mbps = 0;
	off.losses = 1;
	assert_int_equal(link_diff_nic(&on, &off), BIT(CARRIER_LOST));
	on.losses = 1;
	assert_int_equal(link_diff_nic(&off, &on), BIT(CARRIER_BACK));
}

static void gone_and_back(void **state)
{
	struct link_facts here = up_and_running(), gone = here, again = here;

	(void)state;
	gone.present = gone.admin_up = gone.carrier = false;
	gone.removals = 1;
	assert_int_equal(link_diff_nic(&here, &gone), BIT(DELETED));
	assert_int_equal(link_diff_tap(&here, &gone), BIT(UPPER_DELETED));
	gone.moved = true;
	assert_int_equal(link_diff_nic(&here, &gone), BIT(MOVED));
	assert_int_equal(link_diff_tap(&here, &gone), BIT(UPPER_MOVED));
	/* back as another interface: nothing of the old one is compared */
	again.removals = 1;
	again.ifindex = 9;
	again.mtu_bytes = 9000;
	again.admin_up = false;
	assert_int_equal(link_diff_nic(&gone, &again), BIT(APPEARED));
	/* both in one look, also under the same index */
	assert_int_equal(link_diff_nic(&here, &again), BIT(DELETED) | BIT(APPEARED));
	again.ifindex = here.ifindex;
	assert_int_equal(link_diff_nic(&here, &again), BIT(DELETED) | BIT(APPEARED));
	assert_int_equal(link_diff_tap(&here, &again), BIT(UPPER_DELETED) | BIT(UPPER_APPEARED));
	/* here for a moment only */
	again = gone;
	again.removals = 2;
	assert_int_equal(link_diff_nic(&gone, &again), 0);
}

static void properties(void **state)
{
	struct link_facts before = up_and_running(), now = before;

	(void)state;
	snprintf(now.name, sizeof(now.name), "lan0");
	now.mtu_bytes = 9000;
	now.mac[5] = 9;
	now.speed_mbps = 1000;
	assert_int_equal(link_diff_nic(&before, &now),
			 BIT(RENAMED) | BIT(MTU) | BIT(MAC) | BIT(SPEED));
	assert_int_equal(link_diff_tap(&before, &now), BIT(UPPER_RENAMED) | BIT(UPPER_CHANGED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_event_has_a_row),
		cmocka_unit_test(links_are_set_before_holds),
		cmocka_unit_test(only_the_nic_holds_the_stack),
		cmocka_unit_test(the_page_says_the_same),
		cmocka_unit_test(the_page_names_every_action),
		cmocka_unit_test(nothing_is_no_event),
		cmocka_unit_test(disabled_and_enabled),
		cmocka_unit_test(a_flap_is_not_lost),
		cmocka_unit_test(carrier),
		cmocka_unit_test(gone_and_back),
		cmocka_unit_test(properties),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
