/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_shim.c - faults of the live world that no kernel does on demand.
 *
 * When a scenario has such a fault, its daemons are started with the faults library (shim/faults.c) in
 * front of the C library, and are told by a shared page what shall go wrong: sends of a side, allocations,
 * wall-clock time. A scenario without such a fault runs daemons as they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault_library.h"
#include "fault_page.h"
#include "live_world.h"

/* ---- what a scenario needs ---- */

static bool is_memory(enum stress_fault fault)
{
	return fault == STRESS_FAULT_MEMORY || fault == STRESS_FAULT_MEMORY_OUT;
}

/* What the page must be able to, for one fault: FAULT_PAGE_* bits. */
static uint32_t need_of(const struct stress_scenario *scenario,
			const struct stress_statement *statement)
{
	switch (statement->fault) {
	case STRESS_FAULT_SEND_SLOW:
	case STRESS_FAULT_SEND_STUCK:
		return scenario->link[statement->object.index].qdisc_kernel ? 0 : FAULT_PAGE_LOADED;
	case STRESS_FAULT_SEND_ERROR:
	case STRESS_FAULT_DESCRIPTORS_DENY:
	case STRESS_FAULT_CLOCK:
		return FAULT_PAGE_LOADED;
	default:
		return is_memory(statement->fault) ? FAULT_PAGE_LOADED | FAULT_PAGE_MEMORY : 0;
	}
}

/* The depth of blocks is bounded by the parser. */
static uint32_t need_of_all(const struct stress_scenario *scenario,
			    const struct stress_statement *statement)
{
	uint32_t need = 0;

	for (; statement; statement = statement->next) {
		if (statement->kind == STRESS_FAULTS)
			need |= need_of(scenario, statement);
		if (statement->kind != STRESS_ONLY || (statement->worlds & STRESS_IN_LIVE))
			need |= need_of_all(scenario, statement->body);
	}
	return need;
}

int live_shim_prepare(struct live_world *world, struct lwf_error *error)
{
	const struct stress_scenario *scenario = world->base.options.scenario;

	world->shim_need = need_of_all(scenario, scenario->body);
	if (world->shim_need && !stress_library_find(world->shim, sizeof(world->shim)))
		return live_refuse(
			error, LWF_EXIT_SKIPPED, STRESS_LIBRARY,
			"faults of sends, memory, descriptors and the clock need it, and it is not "
			"installed with lwf-stress");
	return 0;
}

/* ---- daemons ---- */

static int make_page(struct live_link *link)
{
	struct fault_page *page = MAP_FAILED;
	char path[LIVE_PATH_BYTES];
	int fd, err;

	snprintf(path, sizeof(path), LIVE_DIR "/link%u.faults", link->index);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(*page)) == 0)
		page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	err = page == MAP_FAILED ? -errno : 0;
	close(fd);
	if (err)
		return err;
	page->magic = FAULT_PAGE_MAGIC;
	page->seed = (uint32_t)link->world->base.options.seed + link->index;
	link->faults = page;
	return 0;
}

int live_shim_start(struct live_link *link, struct live_shim_words *words, const char **argv)
{
	const char *preload = getenv("LD_PRELOAD"), *asan = getenv("ASAN_OPTIONS");
	int n = 0, err;

	if (!link->world->shim_need)
		return 0;
	err = link->faults ? 0 : make_page(link);
	if (err)
		return err;
	atomic_store(&link->faults->loaded, 0);
	snprintf(words->preload, sizeof(words->preload), "LD_PRELOAD=%s%s%s", link->world->shim,
		 preload ? ":" : "", preload ? preload : "");
	snprintf(words->page, sizeof(words->page),
		 FAULT_PAGE_VARIABLE "=" LIVE_DIR "/link%u.faults", link->index);
	/* a sanitizer wants to be the first library; what we replace is not what it does */
	snprintf(words->asan, sizeof(words->asan), "ASAN_OPTIONS=%s%sverify_asan_link_order=0",
		 asan ? asan : "", asan ? ":" : "");
	argv[n++] = "env";
	argv[n++] = words->preload;
	argv[n++] = words->page;
	argv[n++] = words->asan;
	return n;
}

int live_shim_wait(struct live_link *link, struct lwf_error *error)
{
	uint32_t need = link->world->shim_need;
	uint32_t loaded = link->faults ? atomic_load(&link->faults->loaded) : 0;

	if ((loaded & need) == need)
		return 0;
	return live_refuse(
		error, LWF_EXIT_SKIPPED, STRESS_LIBRARY, "%s",
		loaded ? "this build of lwfd has a sanitizer, which allocates by itself: "
			 "memory cannot fail"
		       : "lwfd does not load it: it has capabilities of its own, or is "
			 "linked statically");
}

void live_shim_end(struct live_link *link)
{
	if (link->faults)
		munmap(link->faults, sizeof(*link->faults));
	link->faults = NULL;
}

void live_shim_account(const struct live_link *link)
{
	struct stress_record *record = link->world->base.options.record;
	struct stress_event event = {.kind = STRESS_EVENT_NOTE, .lane = link->lane};
	struct fault_page *page = link->faults;
	char text[STRESS_TEXT_BYTES];

	if (!page)
		return;
	snprintf(text, sizeof(text),
		 "lwfd was denied %" PRIu64 " sends, %" PRIu64 " allocations and %" PRIu64
		 " descriptors, and told a wrong time %" PRIu64 " times",
		 atomic_load(&page->failed_sends), atomic_load(&page->failed_allocations),
		 atomic_load(&page->failed_descriptors), atomic_load(&page->wall_asked));
	event.time_ns = live_now_ns(link->world);
	event.text = stress_record_intern(record, text);
	stress_record_add(record, &event);
}

uint64_t live_shim_failed(const struct live_link *link)
{
	return link->faults ? atomic_load(&link->faults->failed_allocations) : 0;
}

bool live_shim_starves(const struct live_link *link)
{
	return link->faults && atomic_load(&link->faults->no_memory);
}

/* ---- faults ---- */

static int send_error(struct live_link *link, const struct stress_fault_call *call,
		      struct lwf_error *error)
{
	int number = stress_errno_named(call->word);

	if (!number)
		return live_refuse(error, LWF_EXIT_USAGE, call->text,
				   "'%s' is no errno that a send is known to give", call->word);
	stress_library_send(link->faults, call->object.kind == STRESS_UPPER, number, call->share,
			    0);
	return 0;
}

static int no_page(const struct stress_fault_call *call, struct lwf_error *error)
{
	return live_refuse(error, LWF_EXIT_SKIPPED, call->text,
			   "it needs a daemon that lwf-stress has started");
}

int live_shim_send(struct live_link *link, const struct stress_fault_call *call,
		   struct lwf_error *error)
{
	bool upper = call->object.kind == STRESS_UPPER;
	uint64_t ns = call->number > 0 ? (uint64_t)call->number : 0;
	int err = 0;

	if (call->fault == STRESS_FAULT_SEND_OK) {
		if (link->faults)
			stress_library_send(link->faults, upper, 0, 0, 0);
		err = upper ? 0 : live_queue_free(link);
	} else if (call->fault != STRESS_FAULT_SEND_ERROR && link->declared->qdisc_kernel) {
		err = call->fault == STRESS_FAULT_SEND_SLOW ? live_queue_slow(link, ns)
							    : live_queue_stop(link);
	} else if (!link->faults) {
		return no_page(call, error);
	} else if (call->fault == STRESS_FAULT_SEND_ERROR) {
		return send_error(link, call, error);
	} else if (call->fault == STRESS_FAULT_SEND_SLOW) {
		stress_library_send(link->faults, upper, 0, 0, ns);
	} else {
		stress_library_send(link->faults, upper, ENOBUFS, FAULT_PAGE_ALL, 0);
	}
	return err ? live_refuse(error, LWF_EXIT_FALSE, call->text, "the kernel refuses it: %s",
				 strerror(-err))
		   : 0;
}

int live_shim_fault(struct live_link *link, const struct stress_fault_call *call,
		    struct lwf_error *error)
{
	struct fault_page *page = link->faults;

	if (!page &&
	    (call->fault == STRESS_FAULT_MEMORY_OK || call->fault == STRESS_FAULT_DESCRIPTORS_OK))
		return 0;
	if (!page)
		return no_page(call, error);
	stress_library_do(page, call->fault, call->number);
	return 0;
}
