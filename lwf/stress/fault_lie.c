/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_lie.c - faults on a running daemon that no kernel does on demand: what the faults library tells
 * a daemon that `lwf-stress start` has started with it.
 *
 * The page that the library reads is among the daemon's descriptors. Undoing is: nothing stands in it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault.h"
#include "fault_library.h"
#include "fault_page.h"

/* The link of a descriptor to the page; NULL-terminated by the caller. */
static bool is_page(const char *link)
{
	static const char name[] = "/memfd:" STRESS_LIBRARY_MEM " ";

	return strncmp(link, name, sizeof(name) - 1) == 0;
}

int fault_page_open(pid_t daemon, int *number)
{
	char path[32], link[64];
	const struct dirent *entry;
	int fd = -1;
	DIR *links;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)daemon);
	links = opendir(path);
	if (!links)
		return -1;
	while (fd < 0 && (entry = readdir(links)) != NULL) {
		ssize_t n = readlinkat(dirfd(links), entry->d_name, link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		if (!is_page(link))
			continue;
		fd = openat(dirfd(links), entry->d_name, O_RDWR | O_CLOEXEC);
		*number = (int)strtol(entry->d_name, NULL, 10);
	}
	closedir(links);
	return fd;
}

/* Takes @fd. */
static struct fault_page *map(int fd)
{
	struct fault_page *page;

	if (fd < 0)
		return NULL;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (page == MAP_FAILED)
		return NULL;
	if (page->magic == FAULT_PAGE_MAGIC && atomic_load(&page->loaded))
		return page;
	munmap(page, sizeof(*page));
	return NULL;
}

/* The page of the target's daemon; NULL: it has none. */
static struct fault_page *page_of(struct fault_target *target)
{
	int number;

	if (!target->page)
		target->page = map(fault_page_open(target->daemon.pid, &number));
	return target->page;
}

void fault_page_follow(struct fault_target *target)
{
	struct fault_page *last = target->page;

	target->page = NULL;
	if (!page_of(target) && fault_wait_gone(&target->daemon, 0))
		target->page = last;
	else if (last)
		munmap(last, sizeof(*last));
}

void fault_page_feed(struct fault_target *target)
{
	if (!target->page)
		return;
	target->page->allocations = 0;
	target->page->no_memory = 0;
	target->page->no_descriptors = 0;
}

static int refuse(struct lwf_error *error, enum lwf_exit code, const char *what, const char *next,
		  const char *why)
{
	lwf_error_set(error, code, what, next, "%s", why);
	return (int)code;
}

enum fault_aspect fault_lie_aspect(const struct fault_deed *deed)
{
	switch (deed->fault) {
	case STRESS_FAULT_SEND_ERROR:
	case STRESS_FAULT_SEND_SLOW:
	case STRESS_FAULT_SEND_STUCK:
	case STRESS_FAULT_SEND_OK:
		return deed->side == FAULT_UPPER ? FAULT_LIE_UPPER : FAULT_LIE_LOWER;
	case STRESS_FAULT_MEMORY:
	case STRESS_FAULT_MEMORY_OUT:
	case STRESS_FAULT_MEMORY_OK:
		return FAULT_LIE_MEMORY;
	case STRESS_FAULT_DESCRIPTORS_DENY:
		return FAULT_LIE_DESCRIPTORS;
	case STRESS_FAULT_CLOCK:
		return FAULT_LIE_CLOCK;
	default:
		return 0;
	}
}

bool fault_is_lie(enum stress_fault fault)
{
	return fault_lie_aspect(&(struct fault_deed){.fault = fault}) != 0;
}

int fault_check_lie(struct fault_target *target, const struct fault_deed *deed,
		    struct lwf_error *error)
{
	const char *words = stress_fault_row(deed->fault)->words;
	bool memory = deed->fault == STRESS_FAULT_MEMORY || deed->fault == STRESS_FAULT_MEMORY_OUT;
	bool completes =
		deed->fault == STRESS_FAULT_SEND_SLOW || deed->fault == STRESS_FAULT_SEND_STUCK;

	if (!page_of(target))
		return refuse(error, LWF_EXIT_REFUSED, words,
			      "start it with lwf-stress start lwfd ..., or use lwf-stress run",
			      "it needs a library that has to be loaded before lwfd starts, and "
			      "this lwfd runs without it");
	if (memory && !(atomic_load(&target->page->loaded) & FAULT_PAGE_MEMORY))
		return refuse(error, LWF_EXIT_SKIPPED, words, "use a build without one",
			      "this build of lwfd has a sanitizer, which allocates by itself");
	if (completes && target->qdisc_kernel)
		return refuse(error, LWF_EXIT_REFUSED, words,
			      "put a queue in front of the device (tc), or use lwf-stress run",
			      "with qdisc=kernel the device itself says when it is done");
	if (deed->fault == STRESS_FAULT_SEND_ERROR && !stress_errno_named(deed->word))
		return refuse(error, LWF_EXIT_USAGE, deed->word,
			      "ENOBUFS, ENETDOWN, EAGAIN, EIO ...",
			      "it is no errno that a send is known to give");
	return 0;
}

void fault_do_lie(struct fault_target *target, const struct fault_deed *deed)
{
	bool upper = deed->side == FAULT_UPPER;
	struct fault_page *page = page_of(target);

	switch (deed->fault) {
	case STRESS_FAULT_SEND_ERROR:
		stress_library_send(page, upper, stress_errno_named(deed->word),
				    FAULT_PAGE_ALL - deed->spared, 0);
		break;
	case STRESS_FAULT_SEND_SLOW:
		stress_library_send(page, upper, 0, 0, (uint64_t)deed->number);
		break;
	case STRESS_FAULT_SEND_STUCK:
		stress_library_send(page, upper, ENOBUFS, FAULT_PAGE_ALL, 0);
		break;
	case STRESS_FAULT_SEND_OK:
		stress_library_send(page, upper, 0, 0, 0);
		break;
	default:
		stress_library_do(page, deed->fault, deed->number);
		break;
	}
}

void fault_give_descriptors(struct fault_target *target)
{
	struct fault_page *page = page_of(target);

	if (page)
		stress_library_do(page, STRESS_FAULT_DESCRIPTORS_OK, 0);
}

void fault_mend_lie(struct fault_target *target, uint32_t aspects)
{
	struct fault_page *page = page_of(target);

	if (!page)
		return; /* it went with its daemon */
	if (aspects & FAULT_LIE_LOWER)
		stress_library_send(page, false, 0, 0, 0);
	if (aspects & FAULT_LIE_UPPER)
		stress_library_send(page, true, 0, 0, 0);
	if (aspects & FAULT_LIE_MEMORY)
		stress_library_do(page, STRESS_FAULT_MEMORY_OK, 0);
	if (aspects & FAULT_LIE_DESCRIPTORS)
		stress_library_do(page, STRESS_FAULT_DESCRIPTORS_OK, 0);
	if (aspects & FAULT_LIE_CLOCK)
		page->wall_ns = 0;
}
