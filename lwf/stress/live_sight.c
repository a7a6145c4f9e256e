/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_sight.c - the witnesses of the live world: a process for each side of a link that a scenario asks
 * about, from before its devices are made until the end.
 *
 * What a NIC takes is seen where its wire ends: in the far end's namespace, or at the peer's NIC. What a TAP
 * takes is seen where its host gets it. The process judges each frame at once and keeps numbers alone.
 * A question wakes it: it looks at all that came by then, and says so. When it lost a frame, or cannot
 * tell where one came out, nothing that it says is sure, and the run ends there.
 *
 * A veth has no order of its own: what two processors send waits in a queue of each. So that the kernel
 * swaps nothing, who sends there stays on one processor, as long as there is a witness.
 *
 * The kernels of the run's namespaces send nothing of their own (live_space.c).
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "live_capture.h"
#include "live_world.h"

#define LOOK_MS	      1 /* under traffic it looks so often, and not at each frame */
#define DEVICES_MAX   1024u
#define MESSAGE_BYTES 16384u
#define ASK_MS	      5000 /* it answers within */
#define OTHER_DEVICE  1
#define THIS_DEVICE   2

/* What the process and the run share; read when the process has answered. */
struct live_sight_page {
	struct stress_sight sight;
	uint64_t missed;
	const struct stress_traffic *unordered; /* of the scenario: no order can be told there */
};

/* The process. */
struct looker {
	struct live_sight_page *page;
	struct stress_object at;
	const char *device; /* what comes in there came out at that side */
	const struct live_world *world;
	struct live_capture capture;
	int links_fd; /* tells of devices, from the first on */
	struct stress_known known;
	struct stress_patterns patterns[STRESS_TRAFFICS_MAX];
	uint8_t is[DEVICES_MAX]; /* by ifindex: THIS_DEVICE, OTHER_DEVICE; 0: not known yet */
};

/* ---- the process ---- */

/* By the name that it had first. */
static uint8_t judge_device(const struct looker *looker, const char *name)
{
	const struct stress_scenario *scenario = looker->world->base.options.scenario;

	if (strcmp(name, looker->device) == 0)
		return THIS_DEVICE;
	if (strcmp(name, "lo") == 0)
		return OTHER_DEVICE;
	for (uint32_t i = 0; i < scenario->links; i++) {
		const struct live_link *link = &looker->world->link[i];

		if (strcmp(name, link->first) == 0 || strcmp(name, link->tap) == 0)
			return OTHER_DEVICE;
	}
	return 0; /* it has got another name */
}

/* Devices that were made since, in their order: one may have another name by now, or be no more. */
static void learn_devices(struct looker *looker)
{
	static union {
		struct nlmsghdr header;
		uint8_t bytes[MESSAGE_BYTES];
	} in;
	ssize_t n;

	while ((n = recv(looker->links_fd, &in, sizeof(in), MSG_DONTWAIT)) > 0) {
		const struct ifinfomsg *info = nlmsg_data(&in.header);
		const struct nlattr *name;

		if (!nlmsg_ok(&in.header, (int)n) || in.header.nlmsg_type != RTM_NEWLINK)
			continue;
		name = nlmsg_find_attr(&in.header, sizeof(*info), IFLA_IFNAME);
		if (name && (unsigned)info->ifi_index < DEVICES_MAX && !looker->is[info->ifi_index])
			looker->is[info->ifi_index] = judge_device(looker, nla_data(name));
	}
}

/* 0: nobody knows. */
static uint8_t device_of(struct looker *looker, int ifindex)
{
	uint32_t place = (uint32_t)ifindex;
	char name[IFNAMSIZ];

	if (place < DEVICES_MAX && !looker->is[place])
		learn_devices(looker);
	if (place < DEVICES_MAX && looker->is[place])
		return looker->is[place];
	/* its news was lost in a storm of others */
	return live_capture_name(&looker->capture, ifindex, name) ? judge_device(looker, name) : 0;
}

/* Looks at all that is there. Whether there was anything. */
static bool look(struct looker *looker)
{
	struct live_captured captured;
	bool any = false;

	learn_devices(looker);
	while (live_capture_next(&looker->capture, &captured)) {
		uint8_t is = device_of(looker, captured.ifindex);

		if (is == THIS_DEVICE)
			stress_sight_see(&looker->page->sight, &looker->known, &looker->at,
					 &captured.frame);
		else if (is != OTHER_DEVICE)
			looker->capture.missed++;
		live_capture_done(&looker->capture);
		any = true;
	}
	return any;
}

/* Bytes of the longest frame of @patterns that comes out where @looker looks. */
static uint32_t longest_of(const struct looker *looker, const struct stress_patterns *patterns)
{
	const struct live_link *link = &looker->world->link[looker->at.index];
	bool plain = looker->at.kind == STRESS_LOWER && link->far_ns >= 0 &&
		     stress_link_is_plain(link->declared);
	uint32_t longest = 0;

	for (uint32_t k = 0; k < STRESS_PATTERNS; k++) {
		const struct lwf_offload *offload = &patterns->offload[k];
		uint32_t len = patterns->len[k];

		if (plain && offload->gso_size) /* its segments alone do: more of them have room */
			len = (uint32_t)offload->hdr_len + offload->gso_size;
		longest = len > longest ? len : longest;
	}
	return longest;
}

static int listen_to_links(void)
{
	const struct sockaddr_nl at = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), err;

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

static int get_ready(struct looker *looker)
{
	const struct stress_scenario *scenario = looker->world->base.options.scenario;
	const struct live_link *link = &looker->world->link[looker->at.index];
	uint32_t longest = 0;

	looker->known.scenario = scenario;
	for (uint32_t i = 0; i < scenario->traffics; i++) {
		int err = stress_patterns_make(&looker->patterns[i], &scenario->traffic[i]);

		if (err)
			return err;
		looker->known.patterns[i] = &looker->patterns[i];
		if (longest_of(looker, &looker->patterns[i]) > longest)
			longest = longest_of(looker, &looker->patterns[i]);
	}
	looker->page->unordered = stress_sight_unordered(&looker->known, &looker->at);
	if (looker->at.kind == STRESS_LOWER && link->far_ns >= 0 &&
	    setns(link->far_ns, CLONE_NEWNET))
		return -errno;
	looker->links_fd = listen_to_links();
	return looker->links_fd < 0 ? looker->links_fd
				    : live_capture_open(&looker->capture, longest);
}

static void be_looker(struct looker *looker, int fd)
{
	struct pollfd at[] = {{.fd = fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	int err = get_ready(looker);
	char word;

	if (write(fd, &err, sizeof(err)) != sizeof(err) || err)
		_exit(LWF_EXIT_FALSE);
	for (;;) {
		bool busy = look(looker);

		at[1].fd = busy ? -1 : looker->capture.fd;
		if (poll(at, 2, busy ? LOOK_MS : -1) < 0 || !(at[0].revents & POLLIN))
			continue;
		if (read(fd, &word, 1) != 1)
			_exit(0);
		look(looker);
		live_capture_account(&looker->capture);
		looker->page->missed = looker->capture.missed;
		err = 0;
		if (write(fd, &err, sizeof(err)) != sizeof(err))
			_exit(0);
	}
}

/* ---- the run ---- */

/* What the process says next: 0, or -errno. */
static int hear(const struct live_sight *sight)
{
	struct pollfd at = {.fd = sight->fd, .events = POLLIN};
	int word;

	if (poll(&at, 1, ASK_MS) != 1)
		return -ETIMEDOUT;
	return read(sight->fd, &word, sizeof(word)) == sizeof(word) ? word : -ESRCH;
}

static const char *device_at(const struct live_link *link, bool upper)
{
	if (upper)
		return link->tap;
	return link->far_ns >= 0 ? link->far : link->world->link[link->declared->peer].first;
}

static int start(struct live_link *link, bool upper)
{
	struct live_sight *sight = &link->sight[upper];
	int ends[2];

	sight->page = mmap(NULL, sizeof(*sight->page), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sight->page == MAP_FAILED) {
		sight->page = NULL;
		return -ENOMEM;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	sight->pid = fork();
	if (sight->pid == 0) {
		struct looker *looker = calloc(1, sizeof(*looker));

		prctl(PR_SET_NAME, "lwf-stress-look");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		/* process 1 must see the end of the run, whoever else lives */
		close(link->world->keeper_fd);
		if (!looker)
			_exit(LWF_EXIT_FALSE);
		looker->page = sight->page;
		looker->at.kind = upper ? STRESS_UPPER : STRESS_LOWER;
		looker->at.index = link->index;
		looker->device = device_at(link, upper);
		looker->world = link->world;
		be_looker(looker, ends[1]);
	}
	close(ends[1]);
	sight->fd = ends[0];
	return sight->pid < 0 ? -errno : hear(sight);
}

int live_sight_start(struct live_world *world, struct lwf_error *error)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	int err;

	for (uint32_t i = 0; i < LIVE_SIDES * scenario->links; i++) {
		struct live_link *link = &world->link[i / LIVE_SIDES];
		bool upper = i % LIVE_SIDES == LIVE_UPPER;

		if (!stress_sight_is_asked(scenario, STRESS_IN_LIVE,
					   upper ? STRESS_UPPER : STRESS_LOWER, link->index))
			continue;
		err = start(link, upper);
		if (err)
			return live_refuse(error, LWF_EXIT_FALSE, link->declared->name,
					   "nobody can look at its frames: %s", strerror(-err));
	}
	return 0;
}

void live_sight_stop(struct live_link *link)
{
	for (int side = 0; side < LIVE_SIDES; side++) {
		struct live_sight *sight = &link->sight[side];

		live_end_child(&sight->pid, SIGKILL);
		if (!sight->page)
			continue;
		munmap(sight->page, sizeof(*sight->page));
		close(sight->fd);
		sight->page = NULL;
	}
}

void live_sight_judge(struct live_link *link)
{
	int status;

	for (int side = 0; side < LIVE_SIDES; side++) {
		struct live_sight *sight = &link->sight[side];

		if (sight->pid <= 0 || waitpid(sight->pid, &status, WNOHANG) != sight->pid)
			continue;
		sight->pid = 0;
		live_wrong(link->world, "no process ends by itself",
			   "the witness of %s.%s ended with %s %d", link->declared->name,
			   side == LIVE_UPPER ? "upper" : "lower",
			   WIFSIGNALED(status) ? "signal" : "exit code",
			   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
}

void live_sight_settle(const struct live_world *world, pid_t pid, uint32_t index)
{
	cpu_set_t ours, one;
	uint32_t count, cpu = 0;
	bool any = false;

	for (uint32_t i = 0; i < STRESS_LINKS_MAX; i++)
		any = any || world->link[i].sight[LIVE_LOWER].pid > 0 ||
		      world->link[i].sight[LIVE_UPPER].pid > 0;
	if (!any || sched_getaffinity(0, sizeof(ours), &ours))
		return;
	count = (uint32_t)CPU_COUNT(&ours);
	/* runs side by side spread themselves */
	index += (uint32_t)getpid();
	for (uint32_t skip = count ? index % count : 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &ours) && !skip--)
			break;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	(void)sched_setaffinity(pid, sizeof(one), &one);
}

/* Has it look at all that there is by now, once for each moment. */
static int look_now(struct live_sight *sight)
{
	int err;

	if (sight->has_looked)
		return 0;
	if (write(sight->fd, "?", 1) != 1)
		return -ESRCH;
	err = hear(sight);
	sight->has_looked = !err;
	return err;
}

int live_sight_ask(struct live_world *world, const struct stress_question *question, int64_t *value,
		   struct lwf_error *error)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	const struct stress_object *at = &question->object;
	struct live_sight *sight = &world->link[at->index].sight[at->kind == STRESS_UPPER];
	char name[STRESS_NAME_BYTES + 8];
	int err;

	stress_object_show(scenario, at, name, sizeof(name));
	err = sight->pid > 0 ? look_now(sight) : -ESRCH;
	if (err)
		return live_refuse(error, LWF_EXIT_FALSE, name, "its witness does not answer: %s",
				   strerror(-err));
	if (sight->page->missed)
		return live_refuse(error, LWF_EXIT_FALSE, name,
				   "its witness has not seen %llu frames, and can say nothing: "
				   "send fewer, or leave it more of the processor",
				   (unsigned long long)sight->page->missed);
	if (question->quantity == STRESS_QUANTITY_DISORDERED && sight->page->unordered)
		return live_refuse(error, LWF_EXIT_USAGE, sight->page->unordered->name, "%s",
				   STRESS_SIGHT_NO_NUMBERS);
	(void)stress_sight_answer(&sight->page->sight, question->quantity, value);
	return 0;
}
