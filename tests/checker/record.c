/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.c - records the golden traces: what each external event turns into for the modules.
 *
 *	lwf-record-trace --list        the scenes, one a line: name, and what happens
 *	lwf-record-trace NAME          the trace of one, as `lwfctl watch --frames --json` prints it
 *
 * A scene is the real engine between simulated edges, with a client, traffic from both sides and
 * frames that are still with the device when the event comes. Time is virtual and everything is
 * decided by the scene, so that the same engine makes the same trace, byte for byte.
 */
#include <stdio.h>
#include <string.h>

#include "ndjson.h"
#include "rig.h"
#include "script.h"
#include "speaker.h"

static struct rig rig;
static struct client client;
static struct lwf_observer printer;
static bool past_sends; /* what chooser chooses */
static struct lwf_oid_request query;
static uint8_t value[LWF_OID_VALUE_BYTES];

/* ---- printing ---- */

static void print_record(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	(void)observer;
	if (!ndjson_put(stdout, record))
		fail_msg("record %llu cannot be printed", (unsigned long long)record->seq);
}

/* ---- a filter that chooses its functions before each restart ---- */

static void pass_send(struct lwf_module *module, struct lwf_batch *batch)
{
	lwf_next_send(module, batch);
}

static void pass_receive(struct lwf_module *module, struct lwf_batch *batch)
{
	lwf_next_receive(module, batch);
}

static lwf_status choose(struct lwf_module *module)
{
	const struct lwf_handlers handlers = {.send = past_sends ? NULL : pass_send,
					      .receive = pass_receive};

	return lwf_set_optional_handlers(module, &handlers);
}

static const struct lwf_filter_ops chooser = {
	.name = "chooser",
	.summary = "passes all on, and chooses whether it sees sends",
	.send = pass_send,
	.receive = pass_receive,
	.set_module_options = choose,
};

static const struct lwf_filter_ops *const choosers[] = {&chooser, NULL};

/* ---- a stack, from its first record on ---- */

static void begin_with(const struct lwf_filter_ops *const *filters, const char *specs)
{
	const struct lwf_trace_record *record;
	struct lwf_trace_cursor cursor;
	uint64_t lost;

	script_reset();
	speaker_reset();
	rig_prepare(&rig, filters, specs);
	assert_int_equal(lwf_engine_trace_details(rig.engine, true), 0);
	lwf_engine_trace_seek(rig.engine, 1, true, &cursor);
	while ((record = lwf_engine_trace_next(rig.engine, &cursor, &lost)))
		print_record(NULL, record);
	printer.record = print_record;
	lwf_engine_observe(rig.engine, &printer);
	client_open(&rig, &client);
	lwf_stack_start(rig.stack);
	rig_run(&rig, 1);
}

static void begin(const char *specs)
{
	begin_with(script_filters, specs);
}

static void end(void)
{
	client_close(&client);
	lwf_stack_close(rig.stack, NULL, NULL);
	rig_run(&rig, 100);
	lwf_engine_unobserve(rig.engine, &printer);
	lwf_engine_destroy(rig.engine);
	lwf_sim_host_destroy(rig.host);
}

/** Frames of all kinds, answered before this returns. */
static void traffic(void)
{
	client_put(&client, 2, LWF_DIRECTION_SEND);
	client_put(&client, 1, LWF_DIRECTION_RECEIVE);
	client_pump(&client);
	rig_host_send(&rig, 60, 1);
	rig_receive(&rig, 60, 2);
	rig_run(&rig, 10);
}

/** From now on the device takes @ms milliseconds for a send; 0: none. */
static void slow(uint64_t ms)
{
	lwf_sim_edge_config(rig.lower)->delay_ns = ms * RIG_MS;
}

/**
 * One frame of the host, which a pause of the stack waits for first, and three of the client, which
 * are then still with the device: the pause of inject pends.
 */
static void under_way(void)
{
	slow(1);
	rig_host_send(&rig, 60, 3);
	slow(3);
	client_send(&client, 3);
}

/** Down with frames under way, a refusal meanwhile, up again, and traffic as before. */
static void down_and_up(void (*down)(struct rig *), void (*up)(struct rig *))
{
	begin("inject;monitor");
	traffic();
	under_way();
	down(&rig);
	client_send(&client, 1);
	rig_run(&rig, 10);
	client_send(&client, 1);
	up(&rig);
	slow(0);
	rig_run(&rig, 10);
	traffic();
	end();
}

/* ---- the scenes ---- */

static void user_pause(struct rig *its)
{
	lwf_stack_hold(its->stack, LWF_HOLD_USER_PAUSE);
}

static void user_restart(struct rig *its)
{
	lwf_stack_release(its->stack, LWF_HOLD_USER_PAUSE);
}

static void adapter_disabled(void)
{
	down_and_up(rig_link_down, rig_link_up);
}

static void sleep_and_wake(void)
{
	down_and_up(user_pause, user_restart);
}

static void surprise_removal(void)
{
	down_and_up(rig_remove, rig_return);
}

static void cable_off(struct rig *its)
{
	rig_carrier(its, false);
}

static void cable_on(struct rig *its)
{
	rig_carrier(its, true);
}

static void cable_loss(void)
{
	down_and_up(cable_off, cable_on);
}

static void restart_adapter(void)
{
	begin("inject;monitor");
	traffic();
	under_way();
	rig_link_down(&rig);
	rig_link_up(&rig); /* before the pause has ended */
	slow(0);
	rig_run(&rig, 10);
	traffic();
	end();
}

static void filter_installed(void)
{
	char error[128];

	begin("inject;monitor");
	traffic();
	under_way();
	assert_int_equal(lwf_stack_insert(rig.stack, "script", 1, NULL, error, sizeof(error)), 0);
	rig_run(&rig, 10);
	slow(0);
	assert_true(script_originate(2, LWF_DIRECTION_SEND));
	traffic();
	end();
}

static void filter_removed(void)
{
	begin("inject;script;monitor");
	traffic();
	under_way();
	script_originate(2, LWF_DIRECTION_SEND);
	assert_int_equal(lwf_stack_remove(rig.stack, rig_module(&rig, "script")), 0);
	rig_run(&rig, 10);
	slow(0);
	traffic();
	end();
}

static void ask_from_above(uint32_t oid)
{
	query = (struct lwf_oid_request){
		.kind = LWF_OID_QUERY, .oid = oid, .buffer = value, .buffer_bytes = sizeof(value)};
	lwf_stack_oid(rig.stack, &query);
}

static void last_words(struct lwf_module *module)
{
	(void)module;
	speaker_ask(&second, LWF_OID_GEN_LINK_STATE, 0);
}

/** With OIDs on their way in every state, and one that a module asks before its detach. */
static void pre_detach(void)
{
	begin_with(speaker_filters, "inject;speaker;second");
	second.in_pre_detach = last_words;
	lwf_sim_edge_config(rig.lower)->oid_delay_ns = 2 * RIG_MS;
	ask_from_above(LWF_OID_GEN_MAXIMUM_FRAME_SIZE);
	speaker_ask(&speaker, LWF_OID_GEN_LINK_SPEED, 0);
	under_way();
	rig_run(&rig, 10);
	rig_carrier(&rig, false);
	rig_carrier(&rig, true);
	user_pause(&rig);
	ask_from_above(LWF_OID_802_3_CURRENT_ADDRESS);
	rig_run(&rig, 10);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 10);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	user_restart(&rig);
	slow(0);
	rig_run(&rig, 10);
	traffic();
	end();
}

static void restart_filter(void)
{
	past_sends = false;
	begin_with(choosers, "inject;chooser;monitor");
	traffic();
	under_way();
	past_sends = true;
	assert_int_equal(lwf_restart_filter(rig_module(&rig, "chooser")), LWF_STATUS_SUCCESS);
	rig_run(&rig, 10);
	slow(0);
	traffic();
	end();
}

static void driver_unload(void)
{
	past_sends = false;
	begin_with(choosers, "inject;chooser;monitor;chooser");
	traffic();
	under_way();
	assert_int_equal(lwf_engine_unregister(rig.engine, &chooser, NULL, NULL), 0);
	rig_run(&rig, 10);
	slow(0);
	traffic();
	end();
}

/** Not in the table: the asynchronous pause itself, three modules, each with frames out. */
static void pending_pause(void)
{
	begin("inject;keeper;monitor");
	traffic();
	script.keep_sends = script.keep_receives = true;
	client_send(&client, 2);
	rig_receive(&rig, 60, 4);
	script.keep_sends = script.keep_receives = false;
	slow(3);
	user_pause(&rig);
	script_let_go(); /* for these inject waits */
	slow(6);
	lwf_sim_edge_config(rig.upper)->delay_ns = 5 * RIG_MS;
	script_originate(3, LWF_DIRECTION_SEND); /* for these its own pause, when it comes */
	script_originate(1, LWF_DIRECTION_RECEIVE);
	rig_run(&rig, 10);
	slow(0);
	lwf_sim_edge_config(rig.upper)->delay_ns = 0;
	user_restart(&rig);
	rig_run(&rig, 10);
	traffic();
	end();
}

/** Nor this: a restart that pends, and one that fails and is tried again. */
static void restarts(void)
{
	begin("inject;script;monitor");
	user_pause(&rig);
	script.restart_status = LWF_STATUS_PENDING;
	user_restart(&rig);
	rig_run(&rig, 5);
	script_restart_complete(LWF_STATUS_SUCCESS);
	rig_run(&rig, 5);
	traffic();
	user_pause(&rig);
	script.restart_status = LWF_STATUS_RESOURCES;
	user_restart(&rig);
	rig_run(&rig, 5);
	script.restart_status = LWF_STATUS_SUCCESS;
	lwf_stack_release(rig.stack, LWF_HOLD_FAULT_PAUSE);
	lwf_stack_release(rig.stack, LWF_HOLD_FAULT_DETACH);
	rig_run(&rig, 5);
	traffic();
	end();
}

static const struct {
	const char *name, *what;
	void (*play)(void);
} scenes[] = {
	{"adapter-disabled", "the adapter is disabled and enabled again", adapter_disabled},
	{"sleep", "paused without a detach, and up again, as around sleep", sleep_and_wake},
	{"cable-loss", "the carrier goes and comes", cable_loss},
	{"surprise-removal", "the adapter is deleted, and one of that name appears",
	 surprise_removal},
	{"filter-installed", "another filter is inserted between two", filter_installed},
	{"filter-removed", "a filter with frames out is removed", filter_removed},
	{"restart-adapter", "disabled and enabled before anything has settled", restart_adapter},
	{"restart-filter", "a module asks for a restart, and chooses its functions anew",
	 restart_filter},
	{"driver-unload", "a filter with two modules in the stack is unloaded", driver_unload},
	{"pre-detach", "OIDs in every state, the last ones in the event before a detach",
	 pre_detach},
	{"pending-pause", "a pause that three sorts of frames keep waiting", pending_pause},
	{"restarts", "a restart that pends, and one that fails", restarts},
};

#define SCENES (sizeof(scenes) / sizeof(scenes[0]))

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (size_t i = 0; i < SCENES; i++)
			printf("%s\t%s\n", scenes[i].name, scenes[i].what);
		return 0;
	}
	for (size_t i = 0; argc == 2 && i < SCENES; i++) {
		if (strcmp(argv[1], scenes[i].name) == 0) {
			scenes[i].play();
			return 0;
		}
	}
	fprintf(stderr, "usage: lwf-record-trace NAME | --list\n");
	return 2;
}
