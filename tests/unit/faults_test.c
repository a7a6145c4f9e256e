/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults_test.c - the faults library by itself: what it does to each function that it stands in front of,
 * and that it leaves all else alone.
 *
 * It is opened here like any library, not preloaded: its functions are called by name, and hand on to those
 * of this program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "netns.h"
#include "shim/fault_page.h"

#define SKIPPED	    77
#define FRAME_BYTES 60u
#define BURST	    8u
#define MANY	    4000u
#define DAY_S	    86400
#define DAY_NS	    (DAY_S * 1000000000ll)

static struct fault_page *page;
static void *library;
static int packet = -1, tap = -1;

#define THEIRS(name)                             \
	__typeof__(&(name)) their_##name;        \
	void *name##_at = dlsym(library, #name); \
	assert_non_null(name##_at);              \
	memcpy(&their_##name, &name##_at, sizeof(their_##name))

static void *map_page(char *path)
{
	int fd = mkstemp(path);
	void *memory;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, sizeof(*page)), 0);
	memory = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(memory != MAP_FAILED);
	close(fd);
	return memory;
}

static void open_library(void)
{
	char path[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(n > 0);
	path[n] = '\0';
	slash = strstr(path, "/tests/bin/");
	assert_non_null(slash);
	snprintf(slash, sizeof(path) - (size_t)(slash - path), "/bin/lwf-faults.so");
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		fail_msg("%s", dlerror());
}

static int open_packet(void)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("lo")};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static int open_tap(void)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "tap0");
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &request)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void bring_up(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_UP};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	assert_int_equal(ioctl(packet >= 0 ? packet : socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
			       SIOCSIFFLAGS, &request),
			 0);
}

static int open_all(void **state)
{
	char path[] = "/tmp/faults-XXXXXX";

	(void)state;
	page = map_page(path);
	page->magic = FAULT_PAGE_MAGIC;
	page->seed = 7;
	setenv(FAULT_PAGE_VARIABLE, path, 1);
	open_library();
	unlink(path);
	assert_true(page->loaded & FAULT_PAGE_LOADED);
	assert_null(getenv(FAULT_PAGE_VARIABLE)); /* what a daemon starts is no daemon */
	bring_up("lo");
	packet = open_packet();
	tap = open_tap();
	if (tap >= 0)
		bring_up("tap0");
	return 0;
}

static void set(enum fault_page_side side, int error, uint32_t share, uint64_t lap_ns)
{
	page->send[side].error = error;
	page->send[side].share = share;
	page->send[side].lap_ns = lap_ns;
	page->send_changes++;
	page->send_on =
		error || lap_ns ? page->send_on | 1u << side : page->send_on & ~(1u << side);
}

static int reset(void **state)
{
	(void)state;
	set(FAULT_PAGE_LOWER, 0, 0, 0);
	set(FAULT_PAGE_UPPER, 0, 0, 0);
	page->allocations = 0;
	page->no_memory = 0;
	page->wall_ns = 0;
	return 0;
}

/* ---- sends ---- */

static uint8_t frame[FRAME_BYTES] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5};
static struct iovec whole = {frame, sizeof(frame)};
static struct mmsghdr burst[BURST];

static void test_every_way_to_send(void **state)
{
	struct msghdr message = {.msg_iov = &whole, .msg_iovlen = 1};
	THEIRS(write);
	THEIRS(writev);
	THEIRS(send);
	THEIRS(sendmsg);
	THEIRS(sendmmsg);

	(void)state;
	for (uint32_t i = 0; i < BURST; i++)
		burst[i].msg_hdr = message;
	for (int on = 0; on < 2; on++) {
		const ssize_t want = on ? -1 : (ssize_t)sizeof(frame);
		uint64_t failed = page->failed_sends;

		set(FAULT_PAGE_LOWER, on ? ENETDOWN : 0, FAULT_PAGE_ALL, 0);
		assert_int_equal(their_write(packet, frame, sizeof(frame)), want);
		assert_int_equal(on ? errno : ENETDOWN, ENETDOWN);
		assert_int_equal(their_writev(packet, &whole, 1), want);
		assert_int_equal(their_send(packet, frame, sizeof(frame), 0), want);
		assert_int_equal(their_sendmsg(packet, &message, 0), want);
		errno = 0;
		assert_int_equal(their_sendmmsg(packet, burst, BURST, 0), on ? -1 : (int)BURST);
		assert_int_equal(errno, on ? ENETDOWN : 0);
		assert_int_equal(page->failed_sends - failed, on ? 5 : 0);
	}
}

/* Only the descriptors of a side; and of these only the side that is meant. */
static void test_others_are_left_alone(void **state)
{
	int ends[2];
	THEIRS(write);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	set(FAULT_PAGE_LOWER, EIO, FAULT_PAGE_ALL, 0);
	set(FAULT_PAGE_UPPER, EIO, FAULT_PAGE_ALL, 0);
	assert_int_equal(their_write(ends[0], frame, 1), 1);
	close(ends[0]);
	close(ends[1]);
	if (tap >= 0) {
		assert_int_equal(their_write(tap, frame, sizeof(frame)), -1);
		set(FAULT_PAGE_UPPER, 0, 0, 0);
		assert_int_equal(their_write(tap, frame, sizeof(frame)), sizeof(frame));
	}
	assert_int_equal(their_write(packet, frame, sizeof(frame)), -1);
	assert_int_equal(errno, EIO);
}

static void test_a_share(void **state)
{
	uint32_t failed = 0;
	THEIRS(write);

	(void)state;
	set(FAULT_PAGE_LOWER, EIO, FAULT_PAGE_ALL / 4, 0);
	for (uint32_t i = 0; i < MANY; i++)
		failed += their_write(packet, frame, sizeof(frame)) < 0;
	assert_in_range(failed, MANY / 5, MANY * 3 / 10);
}

/* Those before it go; it gets the error when it is sent again, and is not drawn for twice. */
static void test_the_middle_of_a_burst(void **state)
{
	uint32_t broken = 0;
	int took;
	THEIRS(write);
	THEIRS(sendmmsg);

	(void)state;
	set(FAULT_PAGE_LOWER, EIO, FAULT_PAGE_ALL / 10, 0);
	for (uint32_t i = 0; i < MANY / BURST; i++) {
		took = their_sendmmsg(packet, burst, BURST, 0);
		if (took <= 0 || took == (int)BURST)
			continue;
		broken++;
		assert_int_equal(their_write(packet, frame, sizeof(frame)), -1);
		assert_int_equal(errno, EIO);
	}
	assert_true(broken > MANY / BURST / 4);
	/* an error that is owed ends with its fault */
	set(FAULT_PAGE_LOWER, EIO, FAULT_PAGE_ALL / 2, 0);
	do {
		took = their_sendmmsg(packet, burst, BURST, 0);
	} while (took <= 0 || took == (int)BURST);
	set(FAULT_PAGE_LOWER, 0, 0, 0);
	set(FAULT_PAGE_LOWER, EPERM, 0, 0);
	assert_int_equal(their_write(packet, frame, sizeof(frame)), sizeof(frame));
}

static void test_a_slow_ring(void **state)
{
	uint32_t went = 0;
	THEIRS(write);

	(void)state;
	set(FAULT_PAGE_LOWER, 0, 0, 3600ull * 1000000000ull);
	for (uint32_t i = 0; i < MANY; i++)
		went += their_write(packet, frame, sizeof(frame)) > 0;
	assert_int_equal(went, FAULT_PAGE_RING);
	assert_int_equal(errno, ENOBUFS);
}

static void test_never_writable(void **state)
{
	struct epoll_event event = {.events = EPOLLOUT}, got;
	int fd = epoll_create1(EPOLL_CLOEXEC);
	THEIRS(epoll_ctl);

	(void)state;
	set(FAULT_PAGE_LOWER, EAGAIN, FAULT_PAGE_ALL / 2, 0);
	assert_int_equal(their_epoll_ctl(fd, EPOLL_CTL_ADD, packet, &event), 0);
	assert_int_equal(epoll_wait(fd, &got, 1, 0), 1);
	set(FAULT_PAGE_LOWER, EAGAIN, FAULT_PAGE_ALL, 0);
	assert_int_equal(their_epoll_ctl(fd, EPOLL_CTL_MOD, packet, &event), 0);
	assert_int_equal(epoll_wait(fd, &got, 1, 0), 0);
	close(fd);
}

/* ---- memory, and the clock ---- */

static void test_memory(void **state)
{
	void *memory;
	THEIRS(malloc);
	THEIRS(calloc);
	THEIRS(realloc);

	(void)state;
	if (!(page->loaded & FAULT_PAGE_MEMORY))
		skip();
	page->allocations = 3;
	memory = their_malloc(10);
	assert_non_null(memory);
	free(memory);
	memory = their_calloc(1, 10);
	assert_non_null(memory);
	errno = 0;
	assert_null(their_realloc(memory, 20));
	assert_int_equal(errno, ENOMEM);
	memory = their_realloc(memory, 20); /* the one after is as ever */
	assert_non_null(memory);
	free(memory);
	page->no_memory = 1;
	assert_null(their_malloc(1));
	assert_null(their_calloc(1, 1));
	assert_null(their_realloc(NULL, 1));
	page->no_memory = 0;
	assert_int_equal(page->failed_allocations, 4);
}

static void test_clock(void **state)
{
	static const int64_t jumps[] = {DAY_NS, -DAY_NS, 999999999, -999999999};
	struct timespec here, there;
	struct timeval day;
	THEIRS(clock_gettime);
	THEIRS(gettimeofday);
	THEIRS(time);

	(void)state;
	for (uint32_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		int64_t apart;

		page->wall_ns = jumps[i];
		assert_int_equal(their_clock_gettime(CLOCK_REALTIME, &there), 0);
		assert_int_equal(clock_gettime(CLOCK_REALTIME, &here), 0);
		assert_in_range(there.tv_nsec, 0, 999999999);
		apart = (here.tv_sec - there.tv_sec) * 1000000000ll + here.tv_nsec - there.tv_nsec +
			jumps[i];
		assert_true(apart >= 0 && apart < 10 * 1000000000ll);
		assert_int_equal(their_clock_gettime(CLOCK_MONOTONIC, &there), 0);
		assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &here), 0);
		assert_in_range(here.tv_sec - there.tv_sec, 0, 10);
	}
	page->wall_ns = DAY_NS;
	assert_in_range(their_time(NULL) - time(NULL), DAY_S - 10, DAY_S);
	assert_int_equal(their_gettimeofday(&day, NULL), 0);
	assert_in_range(day.tv_sec - time(NULL), DAY_S - 10, DAY_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_every_way_to_send, reset),
		cmocka_unit_test_teardown(test_others_are_left_alone, reset),
		cmocka_unit_test_teardown(test_a_share, reset),
		cmocka_unit_test_teardown(test_the_middle_of_a_burst, reset),
		cmocka_unit_test_teardown(test_a_slow_ring, reset),
		cmocka_unit_test_teardown(test_never_writable, reset),
		cmocka_unit_test_teardown(test_memory, reset),
		cmocka_unit_test_teardown(test_clock, reset),
	};

	if (!netns_enter()) {
		printf("skipped: no network namespace with veth can be made here\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, open_all, NULL);
}
