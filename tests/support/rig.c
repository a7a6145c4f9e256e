/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rig.c - a stack on two simulated edges with clients, and the checks that every test wants.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"
#include "rig.h"

static void on_record(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	struct rig *rig = (struct rig *)((char *)observer - offsetof(struct rig, observer));

	if (rig->record_count < RIG_RECORDS_MAX)
		rig->records[rig->record_count++] = *record;
}

static void on_lower(void *context, const struct lwf_frame *frame)
{
	(void)frame;
	((struct rig *)context)->lower_handed++;
}

static void on_upper(void *context, const struct lwf_frame *frame)
{
	(void)frame;
	((struct rig *)context)->upper_handed++;
}

static void insert_all(struct rig *rig, const char *specs)
{
	char copy[256], error[256] = "", *rest = copy, *spec;
	uint32_t index = 0;

	snprintf(copy, sizeof(copy), "%s", specs);
	while ((spec = strsep(&rest, ";"))) {
		if (*spec == 0)
			continue;
		if (lwf_stack_insert(rig->stack, spec, index++, NULL, error, sizeof(error)))
			fail_msg("%s: %s", spec, error);
	}
}

void rig_prepare(struct rig *rig, const struct lwf_filter_ops *const *extra, const char *specs)
{
	memset(rig, 0, sizeof(*rig));
	rig->host = lwf_sim_host_create(1);
	rig->engine = lwf_engine_create(rig->host);
	assert_non_null(rig->engine);
	assert_int_equal(lwf_engine_poison(rig->engine, RIG_STAND_INS), 0);
	rig->observer.record = on_record;
	lwf_engine_observe(rig->engine, &rig->observer);
	for (; extra && *extra; extra++)
		assert_int_equal(lwf_engine_register(rig->engine, *extra), 0);
	assert_int_equal(lwf_sim_edge_create(rig->host, "up0", &rig->upper), 0);
	assert_int_equal(lwf_sim_edge_create(rig->host, "low0", &rig->lower), 0);
	lwf_sim_edge_on_hand_over(rig->lower, on_lower, rig);
	lwf_sim_edge_on_hand_over(rig->upper, on_upper, rig);
	assert_int_equal(lwf_stack_create(rig->engine, "s0", rig->upper, rig->lower, &rig->stack),
			 0);
	insert_all(rig, specs);
}

void rig_open(struct rig *rig, const struct lwf_filter_ops *const *extra, const char *specs)
{
	rig_prepare(rig, extra, specs);
	lwf_stack_start(rig->stack);
	rig_run(rig, 1);
}

void rig_run(struct rig *rig, uint64_t ms)
{
	lwf_sim_host_run_until(rig->host, lwf_host_now_ns(rig->host) + ms * RIG_MS);
}

static void on_closed(void *context)
{
	((struct rig *)context)->closed = true;
}

void rig_close(struct rig *rig)
{
	if (!rig->may_break_rules)
		rig_expect_clean(rig);
	lwf_sim_edge_config(rig->lower)->never = false;
	lwf_sim_edge_config(rig->upper)->never = false;
	lwf_stack_close(rig->stack, on_closed, rig);
	for (int i = 0; i < 100 && !rig->closed; i++)
		rig_run(rig, 100);
	assert_true(rig->closed);
	lwf_engine_unobserve(rig->engine, &rig->observer);
	lwf_engine_destroy(rig->engine);
	assert_int_equal(lwf_sim_host_allocations(rig->host), 0);
	lwf_sim_host_destroy(rig->host);
}

struct lwf_module *rig_module(struct rig *rig, const char *name)
{
	struct lwf_module *module = lwf_stack_module(rig->stack, name);

	if (!module)
		fail_msg("there is no module %s", name);
	return module;
}

enum lwf_state rig_state(struct rig *rig, const char *module)
{
	return lwf_module_state(rig_module(rig, module));
}

uint64_t rig_broken(struct rig *rig, const char *id)
{
	const char *its, *sentence;
	uint64_t broken;

	for (uint32_t i = 0; lwf_engine_rule(rig->engine, i, &its, &sentence, &broken); i++)
		if (strcmp(its, id) == 0)
			return broken;
	fail_msg("there is no rule %s", id);
	return 0;
}

static void say_broken(struct rig *rig)
{
	for (uint32_t i = 0; i < rig->record_count; i++) {
		const struct lwf_trace_record *record = &rig->records[i];

		if (record->kind == LWF_TRACE_RULE)
			print_message("broken: %s %s: %s\n", record->event, record->module_name,
				      record->text);
	}
}

void rig_expect_broken(struct rig *rig, const char *id)
{
	rig->may_break_rules = true;
	if (rig_broken(rig, id) == 0 ||
	    rig_broken(rig, id) != lwf_engine_rules_broken(rig->engine)) {
		say_broken(rig);
		fail_msg("expected %s alone to be broken", id);
	}
	assert_true(rig_told(rig, LWF_TRACE_RULE, id));
}

void rig_expect_clean(struct rig *rig)
{
	if (lwf_engine_rules_broken(rig->engine)) {
		say_broken(rig);
		fail_msg("rules were broken");
	}
}

bool rig_told(struct rig *rig, enum lwf_trace_kind kind, const char *event)
{
	for (uint32_t i = 0; i < rig->record_count; i++)
		if (rig->records[i].kind == kind &&
		    (!event || strcmp(rig->records[i].event, event) == 0))
			return true;
	return false;
}

static int give(struct lwf_edge *edge, uint32_t len, uint32_t seed)
{
	uint8_t bytes[2048];

	packet_plain(bytes, len, seed);
	return lwf_sim_edge_inject(edge, bytes, len);
}

int rig_receive(struct rig *rig, uint32_t len, uint32_t seed)
{
	return give(rig->lower, len, seed);
}

int rig_host_send(struct rig *rig, uint32_t len, uint32_t seed)
{
	return give(rig->upper, len, seed);
}

/* ---- links ---- */

void rig_link_down(struct rig *rig)
{
	struct lwf_link link = rig->lower->link;

	link.admin_up = false;
	link.carrier = false;
	lwf_stack_set_link(rig->stack, &link, "down");
	lwf_stack_hold(rig->stack, LWF_HOLD_LINK);
}

void rig_link_up(struct rig *rig)
{
	struct lwf_link link = rig->lower->link;

	link.admin_up = true;
	link.carrier = true;
	lwf_stack_set_link(rig->stack, &link, "up");
	lwf_stack_release(rig->stack, LWF_HOLD_LINK);
}

void rig_carrier(struct rig *rig, bool carrier)
{
	struct lwf_link link = rig->lower->link;

	link.carrier = carrier;
	lwf_stack_set_link(rig->stack, &link, carrier ? "carrier-on" : "carrier-off");
}

void rig_remove(struct rig *rig)
{
	struct lwf_link link = rig->lower->link;

	link.present = false;
	link.carrier = false;
	lwf_stack_set_link(rig->stack, &link, "removed");
	lwf_stack_hold(rig->stack, LWF_HOLD_REMOVED);
}

void rig_return(struct rig *rig)
{
	struct lwf_link link = rig->lower->link;

	link.present = true;
	link.carrier = true;
	lwf_stack_set_link(rig->stack, &link, "returned");
	lwf_stack_release(rig->stack, LWF_HOLD_REMOVED);
}

/* ---- clients ---- */

static enum lwf_pull on_pull(struct lwf_session *session, struct lwf_frame *frame)
{
	struct client *client = (struct client *)session;
	uint32_t i = client->pulled;

	if (i == client->submitted)
		return LWF_PULL_NONE;
	client->pulled++;
	frame->id = i + 1;
	frame->direction = client->direction[i];
	frame->cancel_id = client->cancel_id[i];
	frame->len = client->len[i];
	assert_true(frame->len <= lwf_frame_room(frame));
	if (frame->len >= LWF_ETHER_HEADER_BYTES)
		packet_plain(frame->data, frame->len, i);
	return LWF_PULL_FRAME;
}

static bool on_ready(struct lwf_session *session)
{
	struct client *client = (struct client *)session;

	return client->pulled < client->submitted;
}

static void on_answer(struct lwf_session *session, const struct lwf_frame *frame, bool refused)
{
	struct client *client = (struct client *)session;

	assert_true(frame->id >= 1 && frame->id <= client->pulled);
	assert_true(client->answers < CLIENT_RECORDS_MAX);
	client->answer[client->answers++] =
		(struct client_answer){frame->id, frame->status, frame->reason, refused};
	client->answered[frame->id - 1]++;
	if (client->on_answer)
		client->on_answer(client);
}

static void on_flush(struct lwf_session *session)
{
	((struct client *)session)->flushes++;
}

static void on_state_changed(struct lwf_session *session)
{
	((struct client *)session)->state_changes++;
}

static const struct lwf_session_ops session_ops = {
	.pull = on_pull,
	.ready = on_ready,
	.answer = on_answer,
	.flush = on_flush,
	.state_changed = on_state_changed,
};

void client_open(struct rig *rig, struct client *client)
{
	memset(client, 0, sizeof(*client));
	client->rig = rig;
	client->session.ops = &session_ops;
	assert_int_equal(lwf_session_open(&client->session, rig->stack, NULL), 0);
}

void client_put(struct client *client, uint32_t n, enum lwf_direction direction)
{
	assert_true(client->submitted + n <= CLIENT_RECORDS_MAX);
	while (n-- > 0) {
		client->len[client->submitted] = 60;
		client->cancel_id[client->submitted] = client->submitted + 1;
		client->direction[client->submitted++] = (uint8_t)direction;
	}
}

uint32_t client_pump(struct client *client)
{
	uint32_t taken, all = 0;

	do {
		taken = lwf_session_pump(&client->session, LWF_BATCH_MAX_FRAMES);
		all += taken;
	} while (taken > 0);
	return all;
}

void client_send(struct client *client, uint32_t n)
{
	client_put(client, n, LWF_DIRECTION_SEND);
	client_pump(client);
}

uint32_t client_count(const struct client *client, lwf_status status)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < client->answers; i++)
		count += client->answer[i].status == status;
	return count;
}

lwf_status client_last(const struct client *client)
{
	assert_true(client->answers > 0);
	return client->answer[client->answers - 1].status;
}

static void on_client_closed(struct lwf_session *session)
{
	((struct client *)session)->closed = true;
}

void client_close(struct client *client)
{
	lwf_session_close(&client->session, on_client_closed);
	for (int i = 0; i < 100 && !client->closed; i++)
		rig_run(client->rig, 100);
	assert_true(client->closed);
	assert_int_equal(lwf_ledger_outstanding(&client->session.ledger), 0);
	assert_int_equal(client->session.ledger.submitted, client->pulled);
	for (uint32_t i = 0; i < client->pulled; i++)
		assert_true(client->answered[i] <= 1);
}
