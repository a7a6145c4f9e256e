/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * seats.c - clients of a scenario, as processors of the museum's world.
 *
 * A client opens the piece when there is a module, sends what its traffics say at about their rates
 * (the seed decides when exactly, and whether it waits for the last frame first), and closes when it
 * is killed or the play is over and its frames are home. Frames have no bytes here.
 */
#include "theatre.h"

#define REST_NS 5000000ull /* a client looks at least so often whether it has to end */

static const char *const names[CLIENTS_MAX] = {"client-1", "client-2", "client-3"};

static struct theatre *playing;

static struct mu_frame *free_frame(struct seat *seat)
{
	for (unsigned i = 0; i < FRAMES_OF_CLIENT; i++)
		if (!run.frames[seat->index][i].away)
			return &run.frames[seat->index][i];
	return NULL;
}

static void count(struct seat *seat, lwf_status answer)
{
	seat->ledger.submitted++;
	if (answer == LWF_STATUS_SUCCESS)
		return;
	for (unsigned i = 0; i < LWF_ANSWERS; i++) {
		if (lwf_answer_status((enum lwf_answer)i) == answer) {
			seat->ledger.refused[i]++;
			return;
		}
	}
	seat->ledger.refused[LWF_ANSWER_FAILURE]++;
}

static void burst(struct seat *seat, struct traffic *traffic)
{
	bool receive = traffic->declared->receive;
	struct mu_frame *frame;

	if (receive && !run.piece->receive)
		return;
	for (uint32_t i = 0; i < traffic->declared->burst; i++) {
		if (traffic->declared->count && traffic->made == traffic->declared->count)
			return;
		frame = free_frame(seat);
		if (!frame)
			return;
		traffic->made++;
		count(seat, world_call(frame, seat->open, receive));
		if (fibers_chance(1, 3))
			world_wait_home(frame);
	}
}

/* Sends what is due, then sleeps until more is. */
static void turn(struct seat *seat)
{
	uint64_t now = fibers_now_ns(), next_ns = UINT64_MAX;

	for (uint32_t i = 0; i < playing->base.options.scenario->traffics; i++) {
		struct traffic *traffic = &playing->traffic[i];

		if (traffic->declared->from.index != seat->index || !traffic->on)
			continue;
		if (traffic->next_ns <= now) {
			burst(seat, traffic);
			traffic->next_ns =
				fibers_now_ns() + fibers_random() % (2 * traffic->gap_ns) + 1;
		}
		if (traffic->next_ns < next_ns)
			next_ns = traffic->next_ns;
	}
	now = fibers_now_ns();
	if (next_ns == UINT64_MAX)
		fibers_wait(seat);
	else if (next_ns > now)
		fibers_sleep_ns(next_ns - now < REST_NS ? next_ns - now : REST_NS);
}

static void sit(void *context)
{
	struct seat *seat = context;

	while (!run.closing) {
		if (!seat->alive) {
			fibers_wait(seat);
			continue;
		}
		if (!life_now() || !life_now()->module) { /* no adapter to open */
			fibers_sleep_ns(NS_PER_MS);
			continue;
		}
		seat->open = run.piece->open();
		while (seat->alive && !run.closing)
			turn(seat);
		for (unsigned i = 0; i < FRAMES_OF_CLIENT; i++)
			world_wait_home(&run.frames[seat->index][i]);
		run.piece->close(seat->open);
		seat->open = NULL;
	}
	run.clients_left--;
}

void seats_add(struct theatre *theatre)
{
	const struct stress_scenario *scenario = theatre->base.options.scenario;

	playing = theatre;
	for (uint32_t i = 0; i < scenario->traffics; i++) {
		struct traffic *traffic = &theatre->traffic[i];
		double rate = scenario->traffic[i].frames_per_second;

		traffic->declared = &scenario->traffic[i];
		if (rate <= 0.0) /* in bits: frames of a kilobit, since they have no bytes */
			rate = scenario->traffic[i].bits_per_second / 1000.0;
		traffic->gap_ns = (uint64_t)(1e9 * traffic->declared->burst / rate) + 1;
	}
	for (uint32_t i = 0; i < scenario->clients && i < CLIENTS_MAX; i++) {
		theatre->seat[i] =
			(struct seat){.declared = &scenario->client[i], .index = i, .alive = true};
		fibers_add(names[i], sit, &theatre->seat[i]);
	}
	run.clients_left = scenario->clients;
}

int seats_traffic(struct stress_world *world, uint32_t index, bool on, struct lwf_error *error)
{
	struct theatre *theatre = theatre_of(world);
	struct traffic *traffic = &theatre->traffic[index];

	(void)error;
	traffic->on = on;
	traffic->next_ns = fibers_now_ns();
	fibers_wake(&theatre->seat[traffic->declared->from.index]);
	return 0;
}

struct lwf_ledger seats_ledger(const struct seat *seat)
{
	struct lwf_ledger ledger = seat->ledger;
	uint64_t home = lwf_ledger_outstanding(&ledger);

	for (unsigned i = 0; i < FRAMES_OF_CLIENT; i++)
		home -= run.frames[seat->index][i].away;
	ledger.completed[LWF_ANSWER_SUCCESS] = home;
	return ledger;
}
