/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.c - the loop leaves a processor that it shares while another one is idle; see place.h.
 *
 * The thread's own waiting costs one small read every 50 ms. The idle times of all
 * processors, which are dear to make on a large machine, are read only after a window in which the
 * loop waited for more than a tenth of it, and then again at the end of the next such window.
 * Nothing better found: it goes on with windows of twice the length.
 */
#include "place.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_NS	    50000000ull	 /* a window */
#define STALE_NS    500000000ull /* longer than that, the loop slept in between: it says nothing */
#define REST_NS	    100000000ull /* a window after nothing better was found */
#define QUIET_NS    200000000ull /* since the last look: it is not busy any more */
#define SLICE_NS    1000000ull	 /* at least, of one who does not sleep */
#define WAITED_PART 10u		 /* of a window: waiting less is no reason to move */
#define STAT_BYTES  (PLACE_CPUS_MAX * 128u)

/* Nanoseconds that the thread has waited for a processor: the second number of schedstat. */
static bool read_waited(int fd, uint64_t *waited_ns)
{
	char text[128];
	ssize_t bytes = pread(fd, text, sizeof(text) - 1, 0);
	char *second;

	if (bytes <= 0)
		return false;
	text[bytes] = '\0';
	second = strchr(text, ' ');
	if (!second)
		return false;
	*waited_ns = strtoull(second, NULL, 10);
	return true;
}

/* "cpuN user nice system idle ...": the line is whole and ends with a 0 byte. */
static void read_cpu_line(const char *line, struct place_idle *idle)
{
	unsigned long long cpu, ticks = 0;
	char *rest;

	if (strncmp(line, "cpu", 3) != 0 || line[3] < '0' || line[3] > '9')
		return;
	cpu = strtoull(line + 3, &rest, 10);
	for (int field = 0; field < 4; field++) {
		if (*rest != ' ')
			return;
		ticks = strtoull(rest + 1, &rest, 10);
	}
	if (cpu >= PLACE_CPUS_MAX)
		return;
	idle->ticks[cpu] = (uint32_t)ticks;
	idle->online[cpu] = true;
}

void lwf_place_read_idle(const char *text, size_t bytes, struct place_idle *idle)
{
	const char *end = text + bytes, *line_end;

	memset(idle, 0, sizeof(*idle));
	for (const char *line = text; line < end; line = line_end + 1) {
		char copy[256];

		line_end = memchr(line, '\n', (size_t)(end - line));
		if (!line_end)
			break;
		if ((size_t)(line_end - line) >= sizeof(copy))
			continue;
		memcpy(copy, line, (size_t)(line_end - line));
		copy[line_end - line] = '\0';
		read_cpu_line(copy, idle);
	}
}

static bool look_at_idle(const struct place *place, struct place_idle *idle)
{
	static const char intr[] = "\nintr "; /* what follows is of no use, and long */
	ssize_t bytes = pread(place->stat_fd, place->text, STAT_BYTES - 1, 0);
	const char *cut;

	if (bytes <= 0)
		return false;
	place->text[bytes] = '\0';
	cut = strstr(place->text, intr);
	lwf_place_read_idle(place->text, cut ? (size_t)(cut - place->text) + 1 : (size_t)bytes,
			    idle);
	return true;
}

int lwf_place_choose(const struct place_idle *before, const struct place_idle *after, int here,
		     uint32_t window_ticks, bool (*allowed)(const void *context, unsigned cpu),
		     const void *context)
{
	uint32_t most = window_ticks / 4;
	int best = -1;

	for (unsigned cpu = 0; cpu < PLACE_CPUS_MAX; cpu++) {
		uint32_t ticks = after->ticks[cpu] - before->ticks[cpu];

		if (!before->online[cpu] || !after->online[cpu] || ticks <= most ||
		    ticks > 2 * window_ticks || !allowed(context, cpu))
			continue;
		most = ticks;
		best = (int)cpu;
	}
	return best == here ? -1 : best;
}

static bool in_set(const void *context, unsigned cpu)
{
	return CPU_ISSET(cpu, (const cpu_set_t *)context);
}

/* The thread's set is our one processor: nobody else has set it meanwhile. */
static bool is_held(const struct place *place, const cpu_set_t *set)
{
	return place->held && CPU_COUNT(set) == 1 && CPU_ISSET((unsigned)place->cpu, set);
}

static bool move(struct place *place, uint64_t window_ns)
{
	uint32_t window_ticks = (uint32_t)(window_ns * place->ticks_per_s / 1000000000u);
	cpu_set_t now, one;
	int cpu;

	if (sched_getaffinity(0, sizeof(now), &now))
		return false;
	if (!is_held(place, &now))
		place->allowed = now;
	cpu = lwf_place_choose(&place->before, &place->after, sched_getcpu(), window_ticks, in_set,
			       &place->allowed);
	if (cpu < 0)
		return false;
	CPU_ZERO(&one);
	CPU_SET((unsigned)cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return false;
	place->cpu = cpu;
	place->held = true;
	return true;
}

void lwf_place_release(struct place *place)
{
	cpu_set_t now;

	if (!sched_getaffinity(0, sizeof(now), &now) && is_held(place, &now))
		(void)sched_setaffinity(0, sizeof(place->allowed), &place->allowed);
	place->held = false;
}

bool lwf_place_is_busy(const struct place *place, uint64_t now_ns)
{
	return place->waited_fd >= 0 && now_ns - place->since_ns < QUIET_NS;
}

bool lwf_place_may_yield(const struct place *place, uint64_t now_ns)
{
	return now_ns >= place->keep_until_ns;
}

void lwf_place_yielded(struct place *place, uint64_t before_ns, uint64_t now_ns)
{
	if (now_ns - before_ns >= SLICE_NS)
		place->keep_until_ns = now_ns + (now_ns - before_ns);
}

void lwf_place_open(struct place *place)
{
	long ticks = sysconf(_SC_CLK_TCK);

	memset(place, 0, sizeof(*place));
	place->ticks_per_s = ticks > 0 ? (uint32_t)ticks : 100;
	place->waited_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	place->stat_fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	place->text = malloc(STAT_BYTES);
	if (place->waited_fd < 0 || place->stat_fd < 0 || !place->text)
		lwf_place_close(place);
}

void lwf_place_close(struct place *place)
{
	lwf_place_release(place);
	if (place->waited_fd >= 0)
		close(place->waited_fd);
	if (place->stat_fd >= 0)
		close(place->stat_fd);
	place->waited_fd = place->stat_fd = -1;
	free(place->text);
	place->text = NULL;
}

bool lwf_place_look(struct place *place, uint64_t now_ns)
{
	uint64_t window_ns = now_ns - place->since_ns, waited_ns, waited_before_ns;
	bool contended_before = place->contended;

	if (place->waited_fd < 0 || now_ns < place->next_ns ||
	    !read_waited(place->waited_fd, &waited_ns))
		return false;
	waited_before_ns = place->waited_ns;
	place->waited_ns = waited_ns;
	place->since_ns = now_ns;
	place->next_ns = now_ns + LOOK_NS;
	place->contended = false;
	if (window_ns > STALE_NS || waited_ns - waited_before_ns <= window_ns / WAITED_PART)
		return false;
	if (!contended_before) {
		place->contended = look_at_idle(place, &place->before);
		return false;
	}
	if (!look_at_idle(place, &place->after))
		return false;
	if (move(place, window_ns))
		return true;
	place->before = place->after;
	place->contended = true;
	place->next_ns = now_ns + REST_NS;
	return false;
}
