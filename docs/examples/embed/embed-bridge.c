/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * embed-bridge.c - a TAP and a NIC joined in your own program, until SIGINT or SIGTERM:
 *
 *	embed-bridge NIC TAP	the host > TAP > [ monitor ] > NIC > the network, and back
 *
 * It wants CAP_NET_ADMIN and CAP_NET_RAW, and a NIC without addresses of its own. What lwfd does
 * beyond this: it follows the links (lwf_stack_set_link()), takes over addresses, serves clients.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <lwf/edges.h>
#include <lwf/hosts.h>
#include <lwf/stack.h>

struct bridge {
	struct lwf_host *host;
	struct lwf_stack *stack;
};

static void say(enum lwf_log_level level, const char *text)
{
	if (level <= LWF_LOG_WARNING)
		fprintf(stderr, "%s\n", text);
}

static void closed(void *context)
{
	lwf_event_host_stop(((struct bridge *)context)->host);
}

static void end(void *context)
{
	struct bridge *bridge = context;

	if (!bridge->stack)
		return; /* the second signal: it is closing */
	printf("sent %llu frames, received %llu\n",
	       (unsigned long long)lwf_stack_lower(bridge->stack)->counters.tx_frames,
	       (unsigned long long)lwf_stack_lower(bridge->stack)->counters.rx_frames);
	lwf_stack_close(bridge->stack, closed, bridge);
	bridge->stack = NULL;
}

static int open_bridge(struct bridge *bridge, struct lwf_engine *engine, const char *nic,
		       const char *tap)
{
	struct lwf_nic_config nic_config = {.name = nic};
	const struct lwf_tap_config tap_config = {.name = tap, .mirror_mac = true};
	struct lwf_edge *upper, *lower;
	struct lwf_module *module;
	int claim, owner, err;
	char error[128];

	err = lwf_nic_lookup(NULL, nic, &nic_config.ifindex, NULL);
	if (!err) /* nobody else, lwfd included, has this NIC; until the program ends */
		err = lwf_nic_claim(NULL, nic_config.ifindex, &claim, &owner);
	if (!err)
		err = lwf_tap_create(bridge->host, &tap_config, &upper);
	if (!err)
		err = lwf_nic_create(bridge->host, &nic_config, &lower);
	if (!err) /* takes both edges */
		err = lwf_stack_create(engine, nic, upper, lower, &bridge->stack);
	if (!err)
		err = lwf_stack_insert(bridge->stack, "monitor", 0, &module, error, sizeof(error));
	if (!err)
		err = lwf_tap_set_up(upper, true);
	return err;
}

int main(int argc, char **argv)
{
	struct bridge bridge = {.host = lwf_event_host_create(say)};
	struct lwf_engine *engine = bridge.host ? lwf_engine_create(bridge.host) : NULL;
	int err;

	if (!engine || argc != 3)
		return 2;
	err = open_bridge(&bridge, engine, argv[1], argv[2]);
	if (err) {
		fprintf(stderr, "%s and %s: %s\n", argv[1], argv[2], strerror(-err));
		return 1;
	}
	lwf_event_host_signal(bridge.host, SIGINT, end, &bridge);
	lwf_event_host_signal(bridge.host, SIGTERM, end, &bridge);
	lwf_stack_start(bridge.stack);
	err = lwf_event_host_run(bridge.host);
	lwf_engine_destroy(engine);
	lwf_event_host_destroy(bridge.host);
	lwf_close_flush();
	return err ? 1 : 0;
}
