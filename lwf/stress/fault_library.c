/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_library.c - the library that lies to an lwfd; see fault_library.h.
 *
 * A library has to be there before a program starts. `lwf-stress start` becomes the program with it, and
 * leaves the page that tells the library what to do among the program's descriptors, where
 * `lwf-stress fault` finds it. The page has no name in any folder: it goes with the program.
 */
#include "fault_library.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli.h"
#include "fault_page.h"
#include "stress.h"

static const struct {
	const char *name;
	int error;
} errors[] = {
	{"ENOBUFS", ENOBUFS},	{"EAGAIN", EAGAIN}, {"ENETDOWN", ENETDOWN}, {"ENXIO", ENXIO},
	{"ENODEV", ENODEV},	{"EIO", EIO},	    {"EINVAL", EINVAL},	    {"EPERM", EPERM},
	{"EMSGSIZE", EMSGSIZE}, {"EINTR", EINTR},
};

int stress_errno_named(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].error;
	return 0;
}

bool stress_library_find(char *path, size_t bytes)
{
	static const char *const places[] = {STRESS_LIBRARY, LWF_STRESS_LIBRARY};
	char here[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", here, sizeof(here) - 1);
	char *slash;

	here[n > 0 ? n : 0] = '\0';
	slash = strrchr(here, '/');
	if (!slash)
		return false;
	slash[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (snprintf(path, bytes, "%s%s", here, places[i]) < (int)bytes &&
		    access(path, R_OK) == 0)
			return true;
	}
	return false;
}

void stress_library_send(struct fault_page *page, bool upper, int error, uint32_t share,
			 uint64_t lap_ns)
{
	enum fault_page_side side = upper ? FAULT_PAGE_UPPER : FAULT_PAGE_LOWER;

	page->send[side].error = error;
	page->send[side].share = share;
	page->send[side].lap_ns = lap_ns;
	page->send_changes++;
	if (error || lap_ns)
		page->send_on |= 1u << side;
	else
		page->send_on &= ~(1u << side);
}

void stress_library_do(struct fault_page *page, enum stress_fault fault, int64_t number)
{
	switch (fault) {
	case STRESS_FAULT_MEMORY:
		page->allocations = number;
		break;
	case STRESS_FAULT_MEMORY_OUT:
		page->no_memory = 1;
		break;
	case STRESS_FAULT_MEMORY_OK:
		page->allocations = 0;
		page->no_memory = 0;
		break;
	case STRESS_FAULT_DESCRIPTORS_DENY:
	case STRESS_FAULT_DESCRIPTORS_OK:
		page->no_descriptors = fault == STRESS_FAULT_DESCRIPTORS_DENY;
		break;
	default: /* CLOCK */
		page->wall_ns += number;
		break;
	}
}

/* Its descriptor stays open in the program that this one becomes. -errno. */
static int make_page(void)
{
	struct fault_page *page = MAP_FAILED;
	int fd = memfd_create(STRESS_LIBRARY_MEM, 0), err;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, sizeof(*page)) == 0)
		page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	err = page == MAP_FAILED ? -errno : 0;
	if (err) {
		close(fd);
		return err;
	}
	page->magic = FAULT_PAGE_MAGIC;
	if (getrandom(&page->seed, sizeof(page->seed), 0) < 0)
		page->seed = (uint32_t)getpid();
	munmap(page, sizeof(*page));
	return fd;
}

/* @name=@value, in front of what @name had, with @between. */
static bool put_in_front(const char *name, const char *value, const char *between)
{
	const char *had = getenv(name);
	char text[2 * PATH_MAX];

	return snprintf(text, sizeof(text), "%s%s%s", value, had ? between : "", had ? had : "") <
		       (int)sizeof(text) &&
	       setenv(name, text, 1) == 0;
}

/* With the program directly behind the word it is stress_become() that is called. */
int stress_cmd_start(struct stress_line *line)
{
	(void)line;
	return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, "start",
			    "write it like lwf-stress start lwfd --nic eth1 --tap lwf0",
			    "the program comes first");
}

int stress_become(char **argv)
{
	char library[PATH_MAX], page[32];
	int fd;

	if (!stress_library_find(library, sizeof(library)))
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_SKIPPED, STRESS_LIBRARY,
				    "install it with lwf-stress", "it is not there");
	fd = make_page();
	if (fd < 0)
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_FALSE, STRESS_LIBRARY, NULL,
				    "no page to tell it by: %s", strerror(-fd));
	snprintf(page, sizeof(page), "/proc/self/fd/%d", fd);
	/* a sanitizer wants to be the first library; what is replaced here is not what it does */
	if (!put_in_front("LD_PRELOAD", library, ":") ||
	    !put_in_front("ASAN_OPTIONS", "verify_asan_link_order=0", ":") ||
	    setenv(FAULT_PAGE_VARIABLE, page, 1) != 0)
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_FALSE, argv[0], NULL,
				    "its environment is too long");
	execvp(argv[0], argv);
	return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, argv[0], "give its path",
			    "it cannot be run: %s", strerror(errno));
}
