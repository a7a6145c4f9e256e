/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_bed.c - a stack with filter verdict, what its devices were handed, and deciders for it.
 */
#include <string.h>

#include <lwf/flow.h>

#include "verdict_bed.h"

struct vbed vbed;

/* ---- devices ---- */

static void note(struct vbed_frame *to, const struct lwf_frame *frame)
{
	to->at_ns = lwf_host_now_ns(rig.host);
	to->len = frame->len;
	memcpy(to->bytes, frame->data, frame->len < VBED_BYTES ? frame->len : VBED_BYTES);
	lwf_parse(frame->data, frame->len, 0, &to->parsed);
}

static void on_down(void *context, const struct lwf_frame *frame)
{
	(void)context;
	if (vbed.down_count++ < VBED_FRAMES)
		note(&vbed.down[vbed.down_count - 1], frame);
}

static void on_up(void *context, const struct lwf_frame *frame)
{
	(void)context;
	if (vbed.up_count++ < VBED_FRAMES)
		note(&vbed.up[vbed.up_count - 1], frame);
}

void vbed_begin(const char *specs)
{
	memset(&vbed, 0, sizeof(vbed));
	rig_open(&rig, NULL, specs);
	lwf_sim_edge_on_hand_over(rig.lower, on_down, NULL);
	lwf_sim_edge_on_hand_over(rig.upper, on_up, NULL);
	vbed.has_client = strncmp(specs, "inject", 6) == 0;
	if (vbed.has_client)
		client_open(&rig, &client);
}

void vbed_end(void)
{
	struct lwf_verdict_stats stats;

	if (vbed.has_client)
		client_close(&client);
	if (lwf_stack_module(rig.stack, "verdict") && rig_state(&rig, "verdict")) {
		lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
		rig_run(&rig, 1);
		stats = vbed_stats();
		assert_int_equal(stats.open, 0);
		assert_int_equal(stats.waiting, 0);
		assert_int_equal(stats.bytes, 0);
	}
	rig_close(&rig);
}

struct lwf_verdict_stats vbed_stats(void)
{
	struct lwf_verdict_page page = {0};
	uint64_t settled = 0;

	assert_int_equal(
		lwf_module_control(rig_module(&rig, "verdict"), LWF_CONTROL_VERDICTS, &page), 0);
	for (unsigned i = 0; i < LWF_CAUSES; i++)
		settled += page.stats.settled[i];
	assert_int_equal(page.stats.asks, settled + page.stats.open);
	assert_int_equal(page.stats.frames,
			 page.stats.frames_passed + page.stats.frames_dropped + page.stats.waiting);
	return page.stats;
}

void vbed_set(const char *text, int expected)
{
	char error[256] = "";

	assert_int_equal(lwf_module_set(rig_module(&rig, "verdict"), text, error, sizeof(error)),
			 expected);
}

/* ---- frames ---- */

static void give(struct lwf_edge *edge, const struct talk *talk)
{
	uint8_t bytes[TALK_MAX_BYTES];
	uint32_t len = talk_build(talk, bytes);

	assert_int_equal(lwf_sim_edge_inject(edge, bytes, len), 0);
}

void vbed_send(const struct talk *talk)
{
	give(rig.upper, talk);
}

void vbed_receive(const struct talk *talk)
{
	give(rig.lower, talk);
}

struct talk vbed_udp(uint32_t number)
{
	return (struct talk){.protocol = 17,
			     .from = 1 + number / 60000,
			     .to = 2,
			     .from_port = (uint16_t)(number % 60000),
			     .to_port = 53,
			     .payload_bytes = 20};
}

struct talk vbed_syn(uint32_t number)
{
	return (struct talk){.protocol = 6,
			     .from = 1,
			     .to = 2,
			     .from_port = (uint16_t)number,
			     .to_port = 80,
			     .flags = TALK_SYN,
			     .seq = 1000 * number,
			     .window = 1000};
}

static struct {
	struct lwf_flow_page page; /* first */
	struct lwf_flow_key key;
	uint64_t found;
} search;

static void look(struct lwf_flow_page *page, const struct lwf_flow_info *info)
{
	struct lwf_flow_key key = info->key;

	(void)page;
	key.adapter = 0;
	if (memcmp(&key, &search.key, sizeof(key)) == 0)
		search.found = info->flow;
}

uint64_t vbed_flow(const struct talk *talk)
{
	uint8_t bytes[TALK_MAX_BYTES];
	struct lwf_parsed parsed;

	lwf_parse(bytes, talk_build(talk, bytes), 0, &parsed);
	memset(&search, 0, sizeof(search));
	search.key = parsed.key;
	search.page.flow = look;
	search.page.flows = search.page.places = UINT32_MAX;
	assert_int_equal(
		lwf_module_control(rig_module(&rig, "flow"), LWF_CONTROL_FLOWS, &search.page), 0);
	assert_true(search.found);
	return search.found;
}

/* ---- judges ---- */

static uint32_t on_ask(struct lwf_decider *decider, const struct lwf_ask *asks, uint32_t count)
{
	struct judge *judge = (struct judge *)decider;
	uint32_t taken = count < judge->takes ? count : judge->takes;

	judge->calls++;
	assert_in_range(count, 1, LWF_ASK_BATCH_MAX);
	for (uint32_t i = 0; i < taken; i++) {
		uint32_t at = judge->asked++ % JUDGE_ASKS;

		judge->ask[at] = asks[i];
		judge->ask[at].data = NULL;
		judge->first_byte[at] = asks[i].data_bytes ? asks[i].data[0] : 0;
	}
	for (uint32_t i = 0; i < taken && judge->mode != JUDGE_KEEPS; i++) {
		struct lwf_tell tell = judge->says, lie = judge->says;

		tell.ask = asks[i].ask;
		lie.ask = asks[i].ask + (7ull << 32);
		if (judge->mode == JUDGE_LIES)
			assert_int_equal(lwf_decider_tell(decider, &lie, 1, NULL), 0);
		assert_int_equal(lwf_decider_tell(decider, &tell, 1, NULL), 1);
		lwf_decider_credit(decider, 1);
	}
	return taken;
}

static void on_cancel(struct lwf_decider *decider, uint64_t ask, enum lwf_verdict_cause cause)
{
	struct judge *judge = (struct judge *)decider;

	judge->cancel[judge->cancelled % JUDGE_ASKS] = ask;
	judge->cause[judge->cancelled++ % JUDGE_ASKS] = cause;
}

static void on_owner(struct lwf_decider *decider, uint64_t ask, const struct lwf_flow_info *info)
{
	struct judge *judge = (struct judge *)decider;

	(void)ask;
	judge->owned++;
	judge->owner = info->owner;
}

static void on_ended(struct lwf_decider *decider, const struct lwf_flow_info *info,
		     enum lwf_flow_end why)
{
	struct judge *judge = (struct judge *)decider;

	(void)info;
	judge->ended++;
	judge->end = why;
}

static const struct lwf_decider_ops judge_ops = {
	.ask = on_ask, .cancel = on_cancel, .owner = on_owner, .ended = on_ended};

void judge_open(struct judge *judge, uint32_t credits)
{
	judge->decider.ops = &judge_ops;
	judge->asked = judge->calls = judge->cancelled = judge->owned = judge->ended = 0;
	if (!judge->takes)
		judge->takes = UINT32_MAX;
	assert_int_equal(lwf_decider_open(&judge->decider, rig.stack, NULL), 0);
	lwf_decider_credit(&judge->decider, credits);
}

void judge_close(struct judge *judge)
{
	const struct lwf_decider_stats *stats = &judge->decider.stats;
	uint64_t settled = 0;

	lwf_decider_close(&judge->decider);
	for (unsigned i = 0; i < LWF_CAUSES; i++)
		settled += stats->settled[i];
	assert_int_equal(stats->asked, settled);
	assert_int_equal(judge->decider.open, 0);
}

enum lwf_tell_result judge_tell(struct judge *judge, uint64_t ask, enum lwf_verdict_action action,
				enum lwf_verdict_scope scope)
{
	const struct lwf_tell tell = {.ask = ask,
				      .action = (uint8_t)action,
				      .scope = (uint8_t)scope,
				      .ttl_ns = scope == LWF_SCOPE_FLOW_TTL ? 1000000000 : 0};
	uint8_t result = 0xff;
	uint32_t ok = lwf_decider_tell(&judge->decider, &tell, 1, &result);

	assert_int_equal(ok, result == LWF_TELL_OK);
	return (enum lwf_tell_result)result;
}

uint64_t judge_last(const struct judge *judge, uint32_t back)
{
	assert_true(judge->asked > back);
	return judge->ask[(judge->asked - 1 - back) % JUDGE_ASKS].ask;
}
