/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults.c - a library that is loaded into an lwfd before all others (LD_PRELOAD), and lies to it.
 *
 * A kernel cannot be told to have no buffers for every twentieth frame, no memory for the next request,
 * or another day. So lwf-stress starts the daemons of a live run with this library when its scenario
 * asks for such faults, and says in a shared page (fault_page.h) what shall go wrong. Everything else
 * is handed to the C library as it came. The daemon itself is the one that users have.
 *
 * Here: the page, allocations, and wall-clock time. faults_send.c: sends. faults_descriptor.c: descriptors. Processes that the daemon
 * forks see the same page; "the n-th allocation" is counted in the daemon's own process alone, and
 * sends fail there alone.
 */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ll

static struct fault_page nothing;
static pid_t daemon_pid;

struct fault_page *faults_page = &nothing;

bool faults_is_daemon(void)
{
	return getpid() == daemon_pid;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv(FAULT_PAGE_VARIABLE);
	uint32_t loaded = FAULT_PAGE_LOADED;
	struct fault_page *page;
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (page == MAP_FAILED)
		return;
	if (page->magic != FAULT_PAGE_MAGIC) {
		munmap(page, sizeof(*page));
		return;
	}
#ifdef FAULTS_MEMORY
	loaded |= FAULT_PAGE_MEMORY;
#endif
	/* a program that the daemon starts is not the daemon */
	unsetenv("LD_PRELOAD");
	unsetenv(FAULT_PAGE_VARIABLE);
	daemon_pid = getpid();
	faults_page = page;
	atomic_store(&page->loaded, loaded);
}

/* ---- memory ---- */

#ifdef FAULTS_MEMORY
/*
 * The C library's own names for its allocator: dlsym() allocates itself, so what is behind ours cannot be
 * asked for here. Sanitizers have allocators of their own, and no such names.
 */
void *libc_malloc(size_t bytes) __asm__("__libc_malloc");
void *libc_calloc(size_t count, size_t bytes) __asm__("__libc_calloc");
void *libc_realloc(void *memory, size_t bytes) __asm__("__libc_realloc");

static bool fails(void)
{
	struct fault_page *page = faults_page;
	bool now = atomic_load_explicit(&page->no_memory, memory_order_relaxed) != 0;

	if (!now && atomic_load_explicit(&page->allocations, memory_order_relaxed) > 0)
		now = faults_is_daemon() && atomic_fetch_sub(&page->allocations, 1) == 1;
	if (!now)
		return false;
	atomic_fetch_add(&page->failed_allocations, 1);
	errno = ENOMEM;
	return true;
}

FAULTS_EXPORT void *malloc(size_t bytes)
{
	return fails() ? NULL : libc_malloc(bytes);
}

FAULTS_EXPORT void *calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : libc_calloc(count, bytes);
}

FAULTS_EXPORT void *realloc(void *memory, size_t bytes)
{
	return fails() ? NULL : libc_realloc(memory, bytes);
}
#endif

/* ---- wall-clock time ---- */

static int64_t ahead_ns(void)
{
	int64_t ns = atomic_load_explicit(&faults_page->wall_ns, memory_order_relaxed);

	if (ns)
		atomic_fetch_add(&faults_page->wall_asked, 1);
	return ns;
}

static bool is_wall(clockid_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

static int read_clock(clockid_t clock, struct timespec *now)
{
	int64_t ahead, ns;
	int ret;
	FAULTS_NEXT(clock_gettime);

	ret = next(clock, now);
	ahead = ret == 0 && is_wall(clock) ? ahead_ns() : 0;
	if (ahead) {
		ns = now->tv_nsec + ahead % NS_PER_S;
		now->tv_sec += ahead / NS_PER_S + (ns >= NS_PER_S) - (ns < 0);
		now->tv_nsec = (ns + NS_PER_S) % NS_PER_S;
	}
	return ret;
}

FAULTS_EXPORT int clock_gettime(clockid_t clock, struct timespec *now)
{
	return read_clock(clock, now);
}

FAULTS_EXPORT int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec wall;

	(void)zone; /* nobody has had one for long */
	read_clock(CLOCK_REALTIME, &wall);
	now->tv_sec = wall.tv_sec;
	now->tv_usec = wall.tv_nsec / 1000;
	return 0;
}

FAULTS_EXPORT time_t time(time_t *now)
{
	struct timespec wall;

	read_clock(CLOCK_REALTIME, &wall);
	if (now)
		*now = wall.tv_sec;
	return wall.tv_sec;
}
