/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_source.c - the host behind a TAP and the network behind a NIC, as senders: a process for each.
 *
 * The host's frames go out at the TAP, where lwfd reads them; the network's go out at the far end of the
 * wire, in the namespace of that. Each is a packet socket that belongs to no device: when the device
 * ends and comes again, frames go to the one that has its name now. What the kernel does not take is
 * nobody's: it never left its host, and is not made up for.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "live_world.h"
#include "number.h"
#include "open.h"

#define BATCH	     64u
#define AGAIN_NS     1000000ull /* a device that is gone is looked for so often */
#define SHORTEST_NS  100000ull	/* that it sleeps: frames that are due together leave together */
#define BUFFER_BYTES (4 << 20)

struct sender {
	struct live_page *page;
	const char *device;
	int fd;
	struct sockaddr_ll at;
	uint64_t again_ns; /* when the device is looked for */
	struct live_pace pace[STRESS_TRAFFICS_MAX];
	uint32_t paces;
};

/* Whether there is a device to send on. */
static bool find_device(struct sender *sender, uint64_t now)
{
	struct ifreq request = {0};

	if (sender->at.sll_ifindex)
		return true;
	if (now < sender->again_ns)
		return false;
	sender->again_ns = now + AGAIN_NS;
	memcpy(request.ifr_name, sender->device, strnlen(sender->device, IFNAMSIZ - 1));
	if (ioctl(sender->fd, SIOCGIFINDEX, &request))
		return false;
	sender->at.sll_ifindex = request.ifr_ifindex;
	return true;
}

/* With what is left to do about it in front, for the kernel. */
static ssize_t put_frame(struct sender *sender, const struct stress_patterns *patterns,
			 uint32_t pattern)
{
	struct lwf_offload offload = patterns->offload[pattern];
	struct iovec pieces[] = {{&offload, LWF_VNET_HEADER_BYTES},
				 {patterns->bytes[pattern], patterns->len[pattern]}};
	struct msghdr message = {.msg_name = &sender->at,
				 .msg_namelen = sizeof(sender->at),
				 .msg_iov = pieces,
				 .msg_iovlen = 2};

	if (patterns->len[pattern] >= ETH_HLEN) /* whose headers it is to look into */
		memcpy(&sender->at.sll_protocol, patterns->bytes[pattern] + ETH_HLEN - 2, 2);
	return sendmsg(sender->fd, &message, 0);
}

/* Returns how many the kernel took; what it refused is given up. */
static uint64_t put_out(struct sender *sender, const struct live_pace *pace, uint64_t made,
			uint64_t due)
{
	uint64_t taken = 0;

	while (taken < due) {
		uint32_t pattern = (uint32_t)((made + taken) % STRESS_PATTERNS);
		ssize_t n;

		stress_number_put(&pace->patterns, pace->index, made + taken,
				  pace->patterns.bytes[pattern]);
		n = put_frame(sender, &pace->patterns, pattern);

		if (n < 0) {
			if (errno == ENXIO || errno == ENODEV)
				sender->at.sll_ifindex = 0;
			break;
		}
		taken++;
	}
	return taken;
}

static void run(struct sender *sender)
{
	for (;;) {
		uint64_t now = live_clock_ns(), next = now + LIVE_LOOK_NS;
		struct timespec left;

		for (uint32_t i = 0; i < sender->paces; i++) {
			struct live_pace *pace = &sender->pace[i];
			_Atomic uint64_t *made = &sender->page->made[pace->index];
			bool on = sender->page->on & 1u << pace->index;
			uint64_t due = live_pace_due(pace, on, *made, now);

			if (due && find_device(sender, now))
				*made += put_out(sender, pace, *made, due);
			next = pace->next_ns < next ? pace->next_ns : next;
		}
		now = live_clock_ns();
		next = next > now + SHORTEST_NS ? next - now : SHORTEST_NS;
		left = (struct timespec){.tv_nsec = (long)next};
		nanosleep(&left, NULL);
	}
}

static bool sends(const struct live_source *source, const struct stress_traffic *traffic)
{
	return traffic->from.kind == (source->upper ? STRESS_UPPER : STRESS_LOWER) &&
	       traffic->from.index == source->link->index;
}

static void be_source(struct live_source *source)
{
	const struct stress_scenario *scenario = source->link->world->base.options.scenario;
	struct sender *sender = calloc(1, sizeof(*sender));
	int bytes = BUFFER_BYTES, on = 1;

	if (!sender || (!source->upper && setns(source->link->far_ns, CLONE_NEWNET)))
		_exit(LWF_EXIT_FALSE);
	sender->page = source->page;
	sender->device = source->upper ? source->link->tap : source->link->far;
	sender->at = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_halen = ETH_ALEN};
	if (lwf_open_sender(NULL, &sender->fd) ||
	    setsockopt(sender->fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)))
		_exit(LWF_EXIT_PERMISSION);
	(void)setsockopt(sender->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	for (uint32_t i = 0; i < scenario->traffics; i++) {
		if (!sends(source, &scenario->traffic[i]))
			continue;
		if (live_pace_init(&sender->pace[sender->paces++], &scenario->traffic[i], i))
			_exit(LWF_EXIT_FALSE);
	}
	run(sender);
}

static int start(struct live_source *source)
{
	struct live_world *world = source->link->world;

	source->page = mmap(NULL, sizeof(*source->page), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (source->page == MAP_FAILED) {
		source->page = NULL;
		return -ENOMEM;
	}
	source->pid = fork();
	if (source->pid < 0)
		return -errno;
	if (source->pid == 0) {
		prctl(PR_SET_NAME, source->upper ? "lwf-stress-host" : "lwf-stress-net");
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_TIMERSLACK, 1000ul);
		/* process 1 must see the end of the run, whoever else lives */
		close(world->keeper_fd);
		for (uint32_t i = 0; i < STRESS_LINKS_MAX; i++)
			live_watch_close(&world->link[i]);
		be_source(source);
	}
	live_sight_settle(world, source->pid, source->link->index + 1);
	return 0;
}

_Atomic uint32_t *live_source_switch(struct live_world *world, const struct stress_object *from)
{
	if (from->kind == STRESS_CLIENT)
		return &world->client[from->index].page->on;
	return &world->link[from->index]
			.source[from->kind == STRESS_UPPER ? LIVE_UPPER : LIVE_LOWER]
			.page->on;
}

int live_source_check(const struct stress_scenario *scenario, struct lwf_error *error)
{
	for (uint32_t i = 0; i < scenario->traffics; i++) {
		const struct stress_traffic *traffic = &scenario->traffic[i];
		const struct stress_link *link =
			&scenario->link[traffic->from.index % STRESS_LINKS_MAX];

		if (traffic->from.kind & STRESS_SIDES && traffic->started & STRESS_IN_LIVE &&
		    traffic->is_cut && traffic->cut.least < ETH_HLEN)
			return live_refuse(
				error, LWF_EXIT_SKIPPED, traffic->name,
				"no kernel sends a frame of less than %d bytes for a "
				"host or a network; start it in only sim { ... }, or let "
				"a client of %s send",
				ETH_HLEN, link->name);
		if (traffic->from.kind == STRESS_LOWER && link->peer != traffic->from.index)
			return live_refuse(error, LWF_EXIT_SKIPPED, traffic->name,
					   "in a live run the network of %s is the link %s alone; "
					   "let a client of that send",
					   link->name, scenario->link[link->peer].name);
	}
	return 0;
}

int live_source_start(struct live_world *world)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	int err = 0;

	for (uint32_t i = 0; !err && i < scenario->traffics; i++) {
		const struct stress_object *from = &scenario->traffic[i].from;
		struct live_source *source =
			&world->link[from->index % STRESS_LINKS_MAX]
				 .source[from->kind == STRESS_UPPER ? LIVE_UPPER : LIVE_LOWER];

		if (!(from->kind & STRESS_SIDES) || source->pid)
			continue;
		source->link = &world->link[from->index];
		source->upper = from->kind == STRESS_UPPER;
		err = start(source);
	}
	return err;
}

void live_source_judge(struct live_link *link)
{
	int status;

	for (int side = 0; side < LIVE_SIDES; side++) {
		struct live_source *source = &link->source[side];

		if (source->pid <= 0 || waitpid(source->pid, &status, WNOHANG) != source->pid)
			continue;
		source->pid = 0;
		live_wrong(link->world, "no process ends by itself",
			   "the %s of %s ended with %s %d", source->upper ? "host" : "network",
			   link->declared->name, WIFSIGNALED(status) ? "signal" : "exit code",
			   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
}

void live_source_stop(struct live_link *link)
{
	for (int side = 0; side < LIVE_SIDES; side++) {
		live_end_child(&link->source[side].pid, SIGKILL);
		if (link->source[side].page)
			munmap(link->source[side].page, sizeof(struct live_page));
		link->source[side].page = NULL;
	}
}
