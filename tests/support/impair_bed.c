/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair_bed.c - a stack with filter impair, and what its devices were handed.
 */
#include <string.h>

#include "impair_bed.h"
#include "rulebed.h"

struct bed bed;

static void note(struct bed_frame *to, const struct lwf_frame *frame)
{
	to->at_ns = lwf_host_now_ns(rig.host);
	to->id = frame->id;
	to->len = frame->len;
	to->flags = frame->offload.flags;
	to->gso_type = frame->offload.gso_type;
	memcpy(to->bytes, frame->data, frame->len < sizeof(to->bytes) ? frame->len : 2048);
}

static void on_down(void *context, const struct lwf_frame *frame)
{
	(void)context;
	if (bed.down_count++ < BED_FRAMES)
		note(&bed.down[bed.down_count - 1], frame);
}

static void on_up(void *context, const struct lwf_frame *frame)
{
	(void)context;
	if (bed.up_count++ < BED_FRAMES)
		note(&bed.up[bed.up_count - 1], frame);
}

void bed_begin(const char *specs)
{
	bed_begin_as(LWF_PROFILE_STRICT, specs);
}

void bed_begin_as(enum lwf_profile profile, const char *specs)
{
	memset(&bed, 0, sizeof(bed));
	rule_begin_as(profile, specs);
	lwf_sim_edge_on_hand_over(rig.lower, on_down, NULL);
	lwf_sim_edge_on_hand_over(rig.upper, on_up, NULL);
	bed.has_client = strncmp(specs, "inject", 6) == 0;
	if (bed.has_client)
		client_open(&rig, &client);
	bed.start_ns = lwf_host_now_ns(rig.host);
}

void bed_end(void)
{
	if (bed.has_client)
		client_close(&client);
	rig_close(&rig);
}

struct search {
	struct lwf_report report;
	const char *name;
	uint64_t value;
	bool found;
};

static void on_number(struct lwf_report *report, const char *name, uint64_t value)
{
	struct search *search = (struct search *)report;

	if (strcmp(name, search->name) != 0)
		return;
	search->value = value;
	search->found = true;
}

uint64_t bed_number(const char *name)
{
	struct search search = {.report = {on_number}, .name = name};

	assert_int_equal(
		lwf_module_control(rig_module(&rig, "impair"), LWF_CONTROL_REPORT, &search.report),
		0);
	if (!search.found)
		fail_msg("impair reports no %s", name);
	return search.value;
}

void bed_set(const char *text, int expected)
{
	char error[256] = "";

	assert_int_equal(lwf_module_set(rig_module(&rig, "impair"), text, error, sizeof(error)),
			 expected);
}
