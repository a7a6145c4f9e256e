/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link_live_test.c - the link monitor against a real kernel, in a network namespace of its own.
 *
 *	[ upper: none ]
 *	[ no module   ]		the stack stands on a simulated edge: only its link and holds matter
 *	[ lower: sim  ]  ~ followed as >  phy <--veth--> far
 *
 * Above all the receive buffer is made so small that the kernel must throw messages away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lwf/stack.h>

#include "edges.h"
#include "hosts.h"
#include "link.h"
#include "netns.h"
#include "starve.h"

#define TURN_NS	   20000000ull /* given to the loop after each change */
#define TINY_BYTES 1u	       /* the kernel makes it the least it allows */
#define SKIPPED	   77
#define STARVED_MAX \
	1000u /* allocations that are tried while none succeeds: a busy loop tries millions */
#define DUMP_ALLOCATIONS 24u

struct rig {
	struct lwf_host *host;
	struct lwf_engine *engine;
	struct lwf_stack *stack;
	struct link_monitor *monitor;
	struct link_follow *follow;
	struct lwf_timer turn;
	unsigned returned, gone;
	int refuse; /* what nic_returned answers the next times */
};

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static void turn_over(void *context)
{
	lwf_event_host_stop(context);
}

static void turn(struct rig *rig, uint64_t ns)
{
	lwf_timer_set(&rig->turn, ns);
	assert_int_equal(lwf_event_host_run(rig->host), 0);
}

static int nic_returned(void *context, const struct link_facts *nic)
{
	struct rig *rig = context;

	assert_true(nic->present && nic->ifindex);
	rig->returned++;
	if (rig->refuse) {
		rig->refuse--;
		return -16;
	}
	return 0;
}

static void nic_gone(void *context)
{
	struct rig *rig = context;

	rig->gone++;
}

static const struct link_hooks hooks = {.nic_returned = nic_returned, .nic_gone = nic_gone};

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	const struct link_config config = {.nic_name = "phy", .hooks = &hooks, .context = rig};
	struct lwf_edge *lower;

	assert_non_null(rig);
	run("ip link add phy type veth peer name far && ip link set phy up && ip link set far up");
	rig->host = lwf_event_host_create(NULL);
	assert_non_null(rig->host);
	rig->engine = lwf_engine_create(rig->host);
	assert_non_null(rig->engine);
	assert_int_equal(lwf_timer_init(&rig->turn, rig->host, turn_over, rig->host), 0);
	assert_int_equal(lwf_sim_edge_create(rig->host, "phy", &lower), 0);
	assert_int_equal(lwf_stack_create(rig->engine, "s", NULL, lower, &rig->stack), 0);
	assert_int_equal(link_open(rig->host, &rig->monitor), 0);
	assert_int_equal(link_follow(rig->monitor, rig->stack, &config, &rig->follow), 0);
	lwf_stack_start(rig->stack);
	turn(rig, TURN_NS);
	assert_int_equal(lwf_stack_state(rig->stack), LWF_STATE_RUNNING);
	rig->returned = rig->gone = 0;
	*state = rig;
	return 0;
}

static void closed(void *context)
{
	lwf_event_host_stop(context);
}

static int teardown(void **state)
{
	struct rig *rig = *state;

	link_unfollow(rig->follow);
	link_close(rig->monitor);
	lwf_stack_close(rig->stack, closed, rig->host);
	turn(rig, TURN_NS);
	lwf_engine_destroy(rig->engine);
	lwf_timer_fini(&rig->turn);
	lwf_event_host_destroy(rig->host);
	free(rig);
	run("ip link del phy 2>/dev/null; ip link del lan0 2>/dev/null; true");
	return 0;
}

static void assert_running(const struct rig *rig)
{
	assert_int_equal(lwf_stack_holds(rig->stack), 0);
	assert_int_equal(lwf_stack_state(rig->stack), LWF_STATE_RUNNING);
}

static void follows_up_and_down(void **state)
{
	struct rig *rig = *state;
	uint64_t epoch = lwf_stack_epoch(rig->stack);

	run("ip link set phy down");
	turn(rig, TURN_NS);
	assert_int_equal(lwf_stack_state(rig->stack), LWF_STATE_DETACHED);
	assert_int_equal(lwf_stack_holds(rig->stack), 1u << LWF_HOLD_LINK);
	assert_true(lwf_stack_link(rig->stack).present);
	assert_false(lwf_stack_link(rig->stack).admin_up);
	run("ip link set phy up");
	turn(rig, TURN_NS);
	assert_running(rig);
	assert_int_equal(lwf_stack_epoch(rig->stack), epoch + 1);
	/* within one turn of the loop: still seen */
	run("ip link set phy down && ip link set phy up");
	turn(rig, TURN_NS);
	assert_running(rig);
	assert_int_equal(lwf_stack_epoch(rig->stack), epoch + 2);
}

static void follows_removal_and_return(void **state)
{
	struct rig *rig = *state;
	uint32_t old = link_nic(rig->follow)->ifindex;

	run("ip link del phy");
	turn(rig, TURN_NS);
	assert_int_equal(lwf_stack_holds(rig->stack), 1u << LWF_HOLD_REMOVED);
	assert_false(lwf_stack_link(rig->stack).present);
	assert_int_equal(rig->gone, 1);
	/* it comes back disabled, and cannot be opened at first */
	rig->refuse = 2;
	run("ip link add phy type veth peer name far");
	turn(rig, TURN_NS);
	assert_int_equal(lwf_stack_holds(rig->stack), 1u << LWF_HOLD_REMOVED);
	assert_in_range(rig->returned, 1, 2); /* 2 on a machine that stood still for a while */
	turn(rig, 3 * LINK_RETRY_NS);
	assert_int_equal(rig->returned, 3);
	assert_int_equal(lwf_stack_holds(rig->stack), 1u << LWF_HOLD_LINK);
	assert_true(link_nic(rig->follow)->ifindex != old);
	run("ip link set phy up");
	turn(rig, TURN_NS);
	assert_running(rig);
}

static void follows_a_new_name(void **state)
{
	struct rig *rig = *state;
	uint64_t epoch = lwf_stack_epoch(rig->stack);

	run("ip link set phy name lan0 mtu 1400 address 02:00:00:00:00:05");
	turn(rig, TURN_NS);
	assert_string_equal(lwf_stack_lower(rig->stack)->name, "lan0");
	assert_int_equal(lwf_stack_link(rig->stack).mtu_bytes, 1400);
	assert_int_equal(lwf_stack_link(rig->stack).mac[5], 5);
	assert_running(rig);
	assert_int_equal(lwf_stack_epoch(rig->stack), epoch);
}

/** Messages are thrown away while the loop stands still; the end is the kernel's all the same. */
static void survives_overruns(void **state)
{
	struct rig *rig = *state;
	uint32_t old = link_nic(rig->follow)->ifindex;

	link_set_receive_bytes(rig->monitor, TINY_BYTES);
	run("for i in $(seq 50); do echo link set phy down; echo link set phy up; done | ip -batch "
	    "-");
	turn(rig, TURN_NS);
	assert_true(link_overruns(rig->monitor) > 0);
	assert_running(rig);
	run("for i in $(seq 50); do echo link set phy up; echo link set phy down; done | ip -batch "
	    "-");
	turn(rig, TURN_NS);
	assert_int_equal(lwf_stack_holds(rig->stack), 1u << LWF_HOLD_LINK);
	run("for i in $(seq 50); do echo link set phy up; echo link set phy down; done | ip -batch "
	    "-;"
	    "ip link del phy; ip link add phy type veth peer name far; ip link set phy up;"
	    "ip link set far up");
	turn(rig, TURN_NS);
	assert_int_equal(rig->gone, 1);
	assert_int_equal(rig->returned, 1);
	assert_true(link_nic(rig->follow)->ifindex != old);
	assert_running(rig);
	run("for i in $(seq 50); do echo link set phy down; echo link set phy up; done | ip -batch "
	    "-;"
	    "ip link del phy");
	turn(rig, TURN_NS);
	assert_int_equal(lwf_stack_holds(rig->stack), 1u << LWF_HOLD_REMOVED);
	assert_true(link_overruns(rig->monitor) >= 4);
	assert_int_equal(link_event_count(rig->follow, LINK_OVERRUN), link_overruns(rig->monitor));
}

/* Nothing is heard then, and nothing is tried without end; afterwards all is known. */
static void survives_lack_of_memory(void **state)
{
	struct rig *rig = *state;

	if (!STARVE_WORKS)
		skip();
	for (uint32_t i = 0; i < 4; i++) {
		starve.failed = 0;
		run(i % 2 ? "ip link set phy up" : "ip link set phy down");
		starve.all = true;
		turn(rig, 8 * TURN_NS);
		starve.all = false;
		assert_in_range(starve.failed, 1, STARVED_MAX);
		turn(rig, LINK_RETRY_NS + TURN_NS);
		if (i % 2)
			assert_running(rig);
		else
			assert_int_equal(lwf_stack_holds(rig->stack), 1u << LWF_HOLD_LINK);
	}
}

#define MANY "for i in $(seq 1500); do echo link set far txqueuelen $((1000 + i % 2)); done"
#define MOST "for i in $(seq 9000); do echo link set far txqueuelen $((1000 + i % 2)); done"

/*
 * What waits when messages were lost may be more than a turn reads, and is older than the dump: it is not
 * believed after it. (With a small buffer, as for an ordinary user, it is never that much.)
 */
static void believes_the_dump(void **state)
{
	struct rig *rig = *state;

	for (uint32_t i = 0; i < 3; i++) {
		run("(" MANY "; echo link set phy mtu 1400; echo link set phy mtu 1500;" MOST
		    "; echo link set phy down) | ip -batch -");
		turn(rig, 5 * TURN_NS);
		assert_int_equal(link_overruns(rig->monitor), i + 1);
		assert_int_equal(lwf_stack_holds(rig->stack), 1u << LWF_HOLD_LINK);
		run("ip link set phy up");
		turn(rig, TURN_NS);
		assert_running(rig);
	}
}

#define FLAPS \
	"for i in $(seq 12); do echo link set phy down; echo link set phy up; done | ip -batch -"

/* Each allocation of a dump fails once; the next dump finds what was missed. */
static void dumps_again_without_memory(void **state)
{
	struct rig *rig = *state;
	uint64_t asked;

	if (!STARVE_WORKS)
		skip();
	link_set_receive_bytes(rig->monitor, TINY_BYTES);
	run(FLAPS);
	asked = starve.asked;
	turn(rig, TURN_NS);
	asked = starve.asked - asked;
	assert_true(link_overruns(rig->monitor) > 0);
	for (uint64_t back = 0; back < DUMP_ALLOCATIONS && back < asked; back++) {
		run(FLAPS);
		starve.nth = asked - back;
		turn(rig, TURN_NS);
		starve.nth = 0;
		turn(rig, LINK_RETRY_NS);
		assert_running(rig);
	}
	run(FLAPS "; ip link del phy");
	turn(rig, TURN_NS + LINK_RETRY_NS);
	assert_int_equal(lwf_stack_holds(rig->stack), 1u << LWF_HOLD_REMOVED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(follows_up_and_down, setup, teardown),
		cmocka_unit_test_setup_teardown(follows_removal_and_return, setup, teardown),
		cmocka_unit_test_setup_teardown(follows_a_new_name, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_overruns, setup, teardown),
		cmocka_unit_test_setup_teardown(believes_the_dump, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_lack_of_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(dumps_again_without_memory, setup, teardown),
	};

	if (!netns_enter()) {
		printf("skipped: no network namespace with veth can be made here\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
