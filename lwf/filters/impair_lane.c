/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * impair_lane.c - one direction of filter impair: what becomes of each frame, and those that wait.
 *
 * A frame goes, in this order, past loss, the rate, delay and reordering; what is to be duplicated
 * or corrupted is decided here and done when it leaves. The moment at which it is due is fixed when
 * it comes. Frames leave in the order in which they came, however much jitter there is: the link is
 * one wire. What is reordered is the exception: it stays back for longer, and others pass it.
 *
 * Those that wait are a binary heap in memory of its own, the soonest first.
 */
#include "impair.h"

/* ---- heap ---- */

static bool sooner(const struct impair_entry *a, const struct impair_entry *b)
{
	if (a->due_ns != b->due_ns)
		return a->due_ns < b->due_ns;
	return a->order < b->order;
}

static void sift_up(struct impair_lane *lane, uint32_t at)
{
	const struct impair_entry entry = lane->heap[at];

	for (; at > 0 && sooner(&entry, &lane->heap[(at - 1) / 2]); at = (at - 1) / 2)
		lane->heap[at] = lane->heap[(at - 1) / 2];
	lane->heap[at] = entry;
}

static void sift_down(struct impair_lane *lane, uint32_t at)
{
	const struct impair_entry entry = lane->heap[at];

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= lane->count)
			break;
		if (child + 1 < lane->count && sooner(&lane->heap[child + 1], &lane->heap[child]))
			child++;
		if (!sooner(&lane->heap[child], &entry))
			break;
		lane->heap[at] = lane->heap[child];
		at = child;
	}
	lane->heap[at] = entry;
}

/** Makes it a heap again after many changes. */
static void heapify(struct impair_lane *lane)
{
	for (uint32_t i = lane->count / 2; i-- > 0;)
		sift_down(lane, i);
}

void lwf_impair_keep(struct impair_lane *lane, const struct impair_entry *entry, bool foreign)
{
	lane->heap[lane->count] = *entry;
	sift_up(lane, lane->count++);
	lane->foreign += foreign;
	lane->counters[IMPAIR_COUNT_DELAYED]++;
}

static bool is_foreign(const struct impair_entry *entry)
{
	return entry->frame->holder != 0; /* an own copy has not been out yet */
}

bool lwf_impair_take_due(struct impair_lane *lane, uint64_t now_ns, struct impair_entry *entry)
{
	if (!lane->count || lane->heap[0].due_ns > now_ns)
		return false;
	*entry = lane->heap[0];
	lane->heap[0] = lane->heap[--lane->count];
	if (lane->count)
		sift_down(lane, 0);
	lane->foreign -= is_foreign(entry);
	return true;
}

void lwf_impair_take_cancelled(struct impair_lane *lane, uint64_t cancel_id,
			       struct lwf_batch *batch)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < lane->count; i++) {
		if (!lwf_cancel_matches(lane->heap[i].frame, cancel_id)) {
			lane->heap[left++] = lane->heap[i];
			continue;
		}
		lane->foreign -= is_foreign(&lane->heap[i]);
		lwf_batch_push(batch, lane->heap[i].frame);
	}
	lane->counters[IMPAIR_COUNT_CANCELLED] += lane->count - left;
	lane->count = left;
	heapify(lane);
}

/* ---- when a frame is due ---- */

static uint64_t bucket_ns(const struct impair_settings *settings)
{
	uint64_t frame_ns = IMPAIR_FRAME_BYTES * 8 * IMPAIR_NS / settings->rate_bps;

	return frame_ns > IMPAIR_BUCKET_NS ? frame_ns : IMPAIR_BUCKET_NS;
}

/**
 * The token bucket, kept as the moment at which it is full again. Returns when @frame has its tokens;
 * *full_ns is the moment with them taken out.
 */
static uint64_t pass_bucket(const struct impair_settings *settings, const struct lwf_frame *frame,
			    uint64_t now_ns, uint64_t *full_ns)
{
	uint64_t depth_ns;

	if (!settings->rate_bps)
		return now_ns;
	depth_ns = bucket_ns(settings);
	if (*full_ns < now_ns)
		*full_ns = now_ns;
	*full_ns += lwf_frame_wire_bytes(frame) * 8 * IMPAIR_NS / settings->rate_bps;
	return *full_ns > now_ns + depth_ns ? *full_ns - depth_ns : now_ns;
}

static uint64_t delay_of(const struct impair_settings *settings, enum lwf_direction direction,
			 uint64_t number)
{
	int64_t delay_ns =
		(int64_t)settings->delay_ns + lwf_impair_jitter(settings, direction, number);

	if (delay_ns < 0)
		return 0;
	return (uint64_t)delay_ns < IMPAIR_HELD_MAX ? (uint64_t)delay_ns : IMPAIR_HELD_MAX;
}

static bool draws(const struct impair_lane *lane, const struct impair_settings *settings,
		  enum impair_effect effect, uint64_t number, uint32_t share)
{
	return share &&
	       lwf_impair_chance(lwf_impair_draw(settings->seed, lane->direction, effect, number),
				 share);
}

/** Fills @entry with when it is due, and what is to be done to it; the lane is not changed. */
static void schedule(const struct impair_lane *lane, const struct impair_settings *settings,
		     uint64_t leaves_ns, bool reordered, struct impair_entry *entry)
{
	uint64_t n = entry->number;

	entry->due_ns = leaves_ns + delay_of(settings, lane->direction, n);
	if (entry->due_ns < lane->last_due_ns)
		entry->due_ns = lane->last_due_ns;
	if (reordered)
		entry->due_ns += settings->reorder_by_ns;
	if (draws(lane, settings, IMPAIR_DUPLICATE, n, settings->duplicate))
		entry->what |= IMPAIR_DO_DUPLICATE;
	if (draws(lane, settings, IMPAIR_CORRUPT, n, settings->corrupt))
		entry->what |= IMPAIR_DO_CORRUPT;
}

enum impair_fate lwf_impair_decide(struct impair_lane *lane, const struct impair_settings *settings,
				   struct lwf_frame *frame, uint64_t now_ns,
				   struct impair_entry *entry)
{
	uint64_t number = lane->number++, full_ns = lane->full_ns, leaves_ns;
	bool reordered = draws(lane, settings, IMPAIR_REORDER, number, settings->reorder), keep;

	*entry = (struct impair_entry){.number = number, .frame = frame};
	lane->counters[IMPAIR_COUNT_MATCHED]++;
	if (lwf_impair_loses(
		    settings, &lane->losing,
		    lwf_impair_draw(settings->seed, lane->direction, IMPAIR_LOSS, number))) {
		lane->counters[IMPAIR_COUNT_LOST]++;
		return IMPAIR_FATE_LOST;
	}
	leaves_ns = pass_bucket(settings, frame, now_ns, &full_ns);
	schedule(lane, settings, leaves_ns, reordered, entry);
	/* those that are due, and have not left yet, are not overtaken */
	keep = entry->due_ns > now_ns || (lane->count && lane->heap[0].due_ns <= entry->due_ns);
	if (keep && (lane->count == lane->limit || leaves_ns > now_ns + IMPAIR_HELD_MAX)) {
		lane->counters[IMPAIR_COUNT_QUEUE_FULL]++;
		return IMPAIR_FATE_QUEUE_FULL;
	}
	if (entry->due_ns > now_ns + IMPAIR_HELD_MAX)
		entry->due_ns = now_ns + IMPAIR_HELD_MAX;
	lane->full_ns = full_ns;
	entry->order = ++lane->order;
	lane->counters[IMPAIR_COUNT_REORDERED] += reordered;
	if (!reordered)
		lane->last_due_ns = entry->due_ns;
	return keep ? IMPAIR_FATE_KEEP : IMPAIR_FATE_GO;
}

/* ---- changes ---- */

/** Turns the heap into a list, the soonest first, which is a heap as well. */
static void sort(struct impair_lane *lane)
{
	uint32_t count = lane->count;
	struct impair_entry entry;

	while (lane->count > 1) { /* the soonest of what is left goes behind it */
		entry = lane->heap[0];
		lane->heap[0] = lane->heap[--lane->count];
		lane->heap[lane->count] = entry;
		sift_down(lane, 0);
	}
	lane->count = count;
	for (uint32_t i = 0; i < count / 2; i++) {
		entry = lane->heap[i];
		lane->heap[i] = lane->heap[count - 1 - i];
		lane->heap[count - 1 - i] = entry;
	}
}

void lwf_impair_reschedule(struct impair_lane *lane, const struct impair_settings *settings,
			   uint64_t now_ns)
{
	uint64_t longest_ns = settings->delay_ns + settings->jitter_ns, last_ns = now_ns;

	sort(lane);
	lane->full_ns = 0;
	for (uint32_t i = 0; i < lane->count; i++) {
		struct impair_entry *entry = &lane->heap[i];
		uint64_t due_ns =
			longest_ns + pass_bucket(settings, entry->frame, now_ns, &lane->full_ns);

		if (due_ns < entry->due_ns)
			entry->due_ns = due_ns;
		last_ns = entry->due_ns;
	}
	lane->last_due_ns = last_ns;
	if (settings->rate_bps && lane->full_ns > last_ns + bucket_ns(settings))
		lane->full_ns =
			last_ns + bucket_ns(settings); /* it goes sooner than a lower rate has it */
}

void lwf_impair_lane_restart(struct impair_lane *lane)
{
	lane->number = 0;
	lane->last_due_ns = 0;
	lane->full_ns = 0;
	lane->losing = false;
}
