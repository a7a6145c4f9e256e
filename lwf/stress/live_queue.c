/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_queue.c - a device of the live world that completes sends late, or none.
 *
 * A veth takes a frame at once. What a slow device does is done by the kernel's token bucket (tbf) in
 * front of it: frames wait there, counted as in the kernel's hands, and each reaches the device when its
 * turn comes; only then the kernel says that it was sent. That needs lwfd's qdisc=kernel, since it sends
 * past the queueing discipline otherwise.
 *
 *	slow D	a queue of QUEUE_BYTES that needs D to empty; more than it has room for is ENOBUFS
 *	stuck	frames go in, and none comes out, but for those of the first BURST_BYTES
 *	ok	what waits goes out at once; the queue stays, too fast to be noticed
 *
 * The bucket sleeps until the time that the old rate gave it. So it is woken when that becomes sooner: by a
 * frame for which it has no room at that moment, which never gets to the device, while its queue is looked at.
 */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "fault_talk.h"
#include "live_world.h"
#include "open.h"

#define HANDLE	    0x4c570000u
#define QUEUE_BYTES 16384u
#define STUCK_BYTES (1u << 20)
#define FREE_BYTES  (16u << 20)
#define BURST_BYTES 1600u
#define FREE_BURST  (1u << 20)
#define FREE_RATE   1250000000u /* bytes a second */
#define STUCK_RATE  8u
#define KNOCK_BYTES 60u

struct queue {
	uint32_t rate, burst, limit;
};

static bool put_options(struct nl_msg *message, const struct queue *queue)
{
	struct tc_tbf_qopt options = {
		.rate = {.linklayer = TC_LINKLAYER_ETHERNET, .rate = queue->rate},
		.limit = queue->limit,
	};
	struct nlattr *nest = nla_nest_start(message, TCA_OPTIONS);

	if (!nest || nla_put(message, TCA_TBF_PARMS, sizeof(options), &options) ||
	    nla_put_u32(message, TCA_TBF_BURST, queue->burst))
		return false;
	nla_nest_end(message, nest);
	return true;
}

static int set_queue(struct live_link *link, uint32_t ifindex, const struct queue *queue)
{
	struct tcmsg head = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = (int)ifindex,
		.tcm_handle = HANDLE,
		.tcm_parent = TC_H_ROOT,
	};
	struct nl_msg *message = fault_talk_message(
		RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));

	if (!message || nla_put_string(message, TCA_KIND, "tbf") || !put_options(message, queue)) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	return fault_talk(link->world->near_net, message, NULL, NULL);
}

static void knock(uint32_t ifindex)
{
	static const uint8_t frame[LWF_VNET_HEADER_BYTES + KNOCK_BYTES] = {
		[LWF_VNET_HEADER_BYTES] = 0x02,
		[LWF_VNET_HEADER_BYTES + 6] = 0x02,
		[LWF_VNET_HEADER_BYTES + 12] = 0x88,
		[LWF_VNET_HEADER_BYTES + 13] = 0xb5,
	};
	int fd;

	if (lwf_open_nic_send(NULL, ifindex, true, &fd))
		return;
	/* there is no room for it, or the device is down, where nothing waits */
	(void)!write(fd, frame, sizeof(frame));
	close(fd);
}

/* Frames that wait go by the new rate from now on. */
static int wake(struct live_link *link, uint32_t ifindex, struct queue queue)
{
	struct queue closed = queue;
	cpu_set_t everywhere;
	int err;

	closed.limit = 1;
	err = set_queue(link, ifindex, &closed);
	if (err)
		return err;
	/* who knocks sends what waits: that is done where its daemon sends */
	err = sched_getaffinity(0, sizeof(everywhere), &everywhere);
	if (!err)
		live_sight_settle(link->world, 0, link->index);
	knock(ifindex);
	if (!err)
		(void)sched_setaffinity(0, sizeof(everywhere), &everywhere);
	return set_queue(link, ifindex, &queue);
}

static uint32_t burst_of(const struct live_link *link)
{
	uint32_t longest = link->declared->mtu_bytes + 14;

	return longest > BURST_BYTES ? longest + 86 : BURST_BYTES;
}

static int make_slow(struct live_link *link, uint32_t ifindex)
{
	uint64_t ns = link->queue_ns, rate = ns ? QUEUE_BYTES * 1000000000ull / ns : FREE_RATE;
	struct queue queue = {.burst = burst_of(link), .limit = QUEUE_BYTES};

	queue.rate = (uint32_t)(rate < STUCK_RATE  ? STUCK_RATE
				: rate > FREE_RATE ? FREE_RATE
						   : rate);
	return wake(link, ifindex, queue);
}

static int make_stuck(struct live_link *link, uint32_t ifindex)
{
	struct queue queue = {.rate = STUCK_RATE, .burst = burst_of(link), .limit = STUCK_BYTES};

	return set_queue(link, ifindex, &queue);
}

static int make_free(struct live_link *link, uint32_t ifindex)
{
	struct queue queue = {.rate = FREE_RATE, .burst = FREE_BURST, .limit = FREE_BYTES};

	return wake(link, ifindex, queue);
}

/* A device that is away, or not there, gets it when it comes. */
static int make(struct live_link *link)
{
	uint32_t ifindex = link->away ? 0 : if_nametoindex(link->nic);

	if (!ifindex)
		return 0;
	switch (link->queue) {
	case LIVE_QUEUE_SLOW:
		return make_slow(link, ifindex);
	case LIVE_QUEUE_STUCK:
		return make_stuck(link, ifindex);
	case LIVE_QUEUE_FREE:
		return make_free(link, ifindex);
	case LIVE_QUEUE_NONE:
		break;
	}
	return 0;
}

int live_queue_slow(struct live_link *link, uint64_t ns)
{
	link->queue = LIVE_QUEUE_SLOW;
	link->queue_ns = ns;
	return make(link);
}

int live_queue_stop(struct live_link *link)
{
	link->queue = LIVE_QUEUE_STUCK;
	return make(link);
}

int live_queue_free(struct live_link *link)
{
	if (link->queue == LIVE_QUEUE_NONE)
		return 0;
	link->queue = LIVE_QUEUE_FREE;
	return make(link);
}

int live_queue_again(struct live_link *link)
{
	if (link->queue == LIVE_QUEUE_FREE)
		link->queue = LIVE_QUEUE_NONE; /* it went with its device */
	return make(link);
}
