/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults_send.c - sends that fail: a device without buffers, a device that is slow, errors.
 *
 * A packet socket is the lower edge's, a descriptor that knows a TAP is the upper's; of others nothing is
 * changed. A send that shall fail does not reach the kernel, so the device's counters do not know it.
 * When some frames of a burst shall go and one shall not, those before it go, as with a kernel, and the
 * error waits for the next call.
 *
 * A kernel that answers EAGAIN does not call that socket writable. When all sends get it, interest in that
 * is taken out of what is asked of epoll, until it is asked again: the daemon has to look by its clock.
 */
#include "faults.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Of the thread that sends: the error of a frame that stood behind others which went. */
static _Thread_local struct {
	int fd, error;
	uint32_t changes;
} owed;

/* Which side sends by @fd; FAULT_PAGE_SIDES: none. Leaves errno alone. */
static enum fault_page_side side_of(int fd)
{
	int before = errno, domain = 0;
	enum fault_page_side side = FAULT_PAGE_SIDES;
	socklen_t bytes = sizeof(domain);
	struct ifreq request;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0)
		side = domain == AF_PACKET ? FAULT_PAGE_LOWER : FAULT_PAGE_SIDES;
	else if (ioctl(fd, TUNGETIFF, &request) == 0)
		side = FAULT_PAGE_UPPER;
	errno = before;
	return side;
}

static uint32_t draw(uint32_t below)
{
	static _Thread_local uint32_t state;

	if (!state)
		state = faults_page->seed | 1;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

/* True when the ring of a device that needs @lap_ns for a round has no room. */
static bool ring_is_full(uint64_t lap_ns)
{
	static _Thread_local uint64_t free_ns; /* when the last of its frames will have gone */
	const uint64_t step_ns = lap_ns / FAULT_PAGE_RING;
	struct timespec time;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &time);
	now = (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
	if (free_ns < now)
		free_ns = now;
	if (free_ns - now + step_ns <= lap_ns) {
		free_ns += step_ns;
		return false;
	}
	if (free_ns > now + lap_ns)
		free_ns = now + lap_ns; /* it was slower before */
	return true;
}

static int one_error(const struct fault_send *send)
{
	int error = atomic_load_explicit(&send->error, memory_order_relaxed);
	uint64_t lap_ns = atomic_load_explicit(&send->lap_ns, memory_order_relaxed);

	if (error &&
	    draw(FAULT_PAGE_ALL) < atomic_load_explicit(&send->share, memory_order_relaxed))
		return error;
	return lap_ns && ring_is_full(lap_ns) ? ENOBUFS : 0;
}

/*
 * Of @count frames for @fd, how many shall go before the first that fails, with *error; @count: all.
 */
static unsigned passes(int fd, unsigned count, int *error)
{
	const struct fault_page *page = faults_page;
	uint32_t on = atomic_load_explicit(&page->send_on, memory_order_acquire), changes;
	enum fault_page_side side;

	if (!on || !faults_is_daemon())
		return count;
	side = side_of(fd);
	if (side == FAULT_PAGE_SIDES || !(on & 1u << side))
		return count;
	changes = atomic_load_explicit(&page->send_changes, memory_order_relaxed);
	if (owed.error && owed.fd == fd && owed.changes == changes) {
		*error = owed.error;
		owed.error = 0;
		return 0;
	}
	for (unsigned i = 0; i < count; i++) {
		*error = one_error(&page->send[side]);
		if (!*error)
			continue;
		if (i) {
			owed.fd = fd;
			owed.error = *error;
			owed.changes = changes;
		}
		return i;
	}
	return count;
}

static bool is_refused(int fd)
{
	int error = 0;

	if (passes(fd, 1, &error))
		return false;
	atomic_fetch_add(&faults_page->failed_sends, 1);
	errno = error;
	return true;
}

FAULTS_EXPORT ssize_t write(int fd, const void *data, size_t bytes)
{
	FAULTS_NEXT(write);
	return is_refused(fd) ? -1 : next(fd, data, bytes);
}

FAULTS_EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
	FAULTS_NEXT(writev);
	return is_refused(fd) ? -1 : next(fd, parts, count);
}

FAULTS_EXPORT ssize_t send(int fd, const void *data, size_t bytes, int flags)
{
	FAULTS_NEXT(send);
	return is_refused(fd) ? -1 : next(fd, data, bytes, flags);
}

FAULTS_EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	FAULTS_NEXT(sendmsg);
	return is_refused(fd) ? -1 : next(fd, message, flags);
}

FAULTS_EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	int error = 0;
	unsigned some = passes(fd, count, &error);
	FAULTS_NEXT(sendmmsg);

	if (some || !count)
		return next(fd, messages, some, flags);
	atomic_fetch_add(&faults_page->failed_sends, 1);
	errno = error;
	return -1;
}

static bool never_writable(int fd)
{
	const struct fault_page *page = faults_page;
	const struct fault_send *lower = &page->send[FAULT_PAGE_LOWER];

	return (atomic_load_explicit(&page->send_on, memory_order_acquire) &
		1u << FAULT_PAGE_LOWER) &&
	       lower->error == EAGAIN && lower->share == FAULT_PAGE_ALL &&
	       side_of(fd) == FAULT_PAGE_LOWER;
}

FAULTS_EXPORT int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
	struct epoll_event fewer;
	FAULTS_NEXT(epoll_ctl);

	if (event && (event->events & EPOLLOUT) && never_writable(fd)) {
		fewer = *event;
		fewer.events &= ~(uint32_t)EPOLLOUT;
		event = &fewer;
	}
	return next(epoll_fd, operation, fd, event);
}
