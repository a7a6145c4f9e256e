/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_sight.c - the witness of the simulated world: it is shown each frame that a device has taken.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim_world.h"

int sim_sight_open(struct sim_world *world)
{
	const struct stress_scenario *scenario = world->base.options.scenario;

	world->known.scenario = scenario;
	for (uint32_t i = 0; i < scenario->traffics; i++)
		world->known.patterns[i] = &world->traffic[i].patterns;
	for (uint32_t i = 0; i < 2 * scenario->links; i++) {
		bool upper = i % 2;
		enum stress_object_kind side = upper ? STRESS_UPPER : STRESS_LOWER;

		if (!stress_sight_is_asked(scenario, STRESS_IN_SIM, side, i / 2))
			continue;
		world->link[i / 2].sight[upper] = calloc(1, sizeof(struct stress_sight));
		if (!world->link[i / 2].sight[upper])
			return -ENOMEM;
	}
	return 0;
}

void sim_sight_close(struct sim_world *world)
{
	for (uint32_t i = 0; i < STRESS_LINKS_MAX; i++) {
		free(world->link[i].sight[0]);
		free(world->link[i].sight[1]);
	}
}

void sim_sight_see(struct sim_link *link, bool upper, const struct lwf_frame *frame)
{
	const struct stress_object at = {upper ? STRESS_UPPER : STRESS_LOWER, link->index, ""};
	const struct stress_frame seen = {
		.data = frame->data,
		.len = frame->len,
		.is_super = lwf_frame_is_super(frame),
		.needs_csum = frame->offload.flags & LWF_OFFLOAD_NEEDS_CSUM,
		.csum_start = frame->offload.csum_start,
		.csum_offset = frame->offload.csum_offset,
	};

	stress_sight_see(link->sight[upper], &link->world->known, &at, &seen);
}

int sim_sight_ask(struct sim_world *world, const struct stress_question *question, int64_t *value,
		  struct lwf_error *error)
{
	const struct stress_object *at = &question->object;
	const struct stress_traffic *traffic = stress_sight_unordered(&world->known, at);

	if (question->quantity == STRESS_QUANTITY_DISORDERED && traffic)
		return sim_refuse(error, LWF_EXIT_USAGE, traffic->name, "%s",
				  STRESS_SIGHT_NO_NUMBERS);
	(void)stress_sight_answer(world->link[at->index].sight[at->kind == STRESS_UPPER],
				  question->quantity, value);
	return 0;
}
