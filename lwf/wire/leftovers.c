/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leftovers.c - undoing what lwfd changed in the kernel; see leftovers.h.
 *
 * Requests are built in a buffer of fixed size; answers are read into another. The kernel answers a
 * request inside sendmsg(), so nothing here waits for long.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "leftovers.h"

#define REQUEST_BYTES  512u
#define ANSWER_BYTES   32768u
#define ANSWER_LIMIT_S 2   /* the kernel answers at once; this is for the impossible */
#define PRIORITIES     8u  /* tried for our filter; the lower, the earlier it sees a frame */
#define FILTERS_MAX    64u /* looked at on one hook */
#define HOOK(minor)    TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_##minor)

static const struct sock_filter drop_all = {BPF_RET | BPF_K, 0, 0, TC_ACT_SHOT};

struct request {
	struct nlmsghdr header;
	struct tcmsg tc;
	uint8_t attributes[REQUEST_BYTES];
};

int lwf_netlink_open(int *fd)
{
	struct timeval limit = {.tv_sec = ANSWER_LIMIT_S};
	int error;

	*fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (*fd < 0)
		return -errno;
	if (!setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		return 0;
	error = -errno;
	close(*fd);
	*fd = -1;
	return error;
}

static int send_request(int fd, const struct nlmsghdr *header)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t sent;

	do
		sent = sendto(fd, header, header->nlmsg_len, 0, (struct sockaddr *)&kernel,
			      sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/**
 * Reads answers to request @sequence until its end. Each message of data goes to @each. Returns 0
 * or the kernel's -errno.
 */
static int read_answer(int fd, uint32_t sequence,
		       void (*each)(const struct nlmsghdr *header, void *context), void *context)
{
	static _Thread_local _Alignas(struct nlmsghdr) uint8_t buffer[ANSWER_BYTES];

	for (;;) {
		ssize_t bytes = recv(fd, buffer, sizeof(buffer), 0);
		const struct nlmsghdr *header = (void *)buffer;

		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0)
			return -errno;
		for (size_t left = (size_t)bytes; NLMSG_OK(header, left);
		     header = NLMSG_NEXT(header, left)) {
			if (header->nlmsg_seq != sequence)
				continue; /* of an earlier request that timed out */
			if (header->nlmsg_type == NLMSG_DONE)
				return 0;
			if (header->nlmsg_type == NLMSG_ERROR) {
				const struct nlmsgerr *error = NLMSG_DATA(header);

				return header->nlmsg_len < NLMSG_LENGTH(sizeof(*error))
					       ? -EBADMSG
					       : error->error;
			}
			if (each)
				each(header, context);
		}
	}
}

static int talk(int fd, struct nlmsghdr *header,
		void (*each)(const struct nlmsghdr *header, void *context), void *context)
{
	static _Thread_local uint32_t sequence;
	int error;

	header->nlmsg_seq = ++sequence;
	header->nlmsg_pid = 0;
	header->nlmsg_flags |= NLM_F_REQUEST | (each ? NLM_F_DUMP : NLM_F_ACK);
	error = send_request(fd, header);
	return error ? error : read_answer(fd, header->nlmsg_seq, each, context);
}

uint32_t lwf_netlink_play(int fd, const void *requests, size_t bytes, int *first_error)
{
	_Alignas(struct nlmsghdr) uint8_t copy[REQUEST_BYTES * 16u];
	const uint8_t *at = requests;
	struct nlmsghdr *header = (void *)copy;
	int error, first = 0;
	uint32_t played = 0;

	while (bytes >= sizeof(*header)) {
		memcpy(header, at, sizeof(*header));
		if (header->nlmsg_len < sizeof(*header) || header->nlmsg_len > bytes ||
		    header->nlmsg_len > sizeof(copy)) {
			first = first ? first : -EBADMSG;
			break;
		}
		memcpy(copy, at, header->nlmsg_len);
		error = talk(fd, header, NULL, NULL);
		if (error == -EEXIST)
			error = 0; /* what was to be made is there */
		if (error && !first)
			first = error;
		played += !error;
		if (NLMSG_ALIGN(header->nlmsg_len) >= bytes)
			break;
		at += NLMSG_ALIGN(header->nlmsg_len);
		bytes -= NLMSG_ALIGN(header->nlmsg_len);
	}
	if (first_error)
		*first_error = first;
	return played;
}

/* ---- requests for traffic control ---- */

static void begin(struct request *request, uint16_t type, uint16_t flags, uint32_t ifindex,
		  uint32_t parent)
{
	memset(request, 0, sizeof(*request));
	request->header.nlmsg_len = NLMSG_LENGTH(sizeof(request->tc));
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = flags;
	request->tc.tcm_family = AF_UNSPEC;
	request->tc.tcm_ifindex = (int)ifindex;
	request->tc.tcm_parent = parent;
}

static struct rtattr *add(struct request *request, uint16_t type, const void *data, size_t bytes)
{
	struct rtattr *attribute =
		(void *)((uint8_t *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(bytes);
	if (bytes)
		memcpy(RTA_DATA(attribute), data, bytes);
	request->header.nlmsg_len =
		NLMSG_ALIGN(request->header.nlmsg_len) + (uint32_t)RTA_SPACE(bytes);
	return attribute;
}

static int make_qdisc(int fd, uint32_t ifindex)
{
	struct request request;

	begin(&request, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_H_CLSACT);
	request.tc.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	add(&request, TCA_KIND, "clsact", sizeof("clsact"));
	return talk(fd, &request.header, NULL, NULL);
}

static int remove_qdisc(int fd, uint32_t ifindex)
{
	struct request request;

	begin(&request, RTM_DELQDISC, 0, ifindex, TC_H_CLSACT);
	request.tc.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	return talk(fd, &request.header, NULL, NULL);
}

static int make_filter(int fd, uint32_t ifindex, uint32_t handle, uint32_t priority)
{
	const uint32_t flags = TCA_BPF_FLAG_ACT_DIRECT;
	const uint16_t instructions = 1;
	struct request request;
	struct rtattr *options;

	begin(&request, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, ifindex, HOOK(INGRESS));
	request.tc.tcm_handle = handle;
	request.tc.tcm_info = TC_H_MAKE(priority << 16, htons(ETH_P_ALL));
	add(&request, TCA_KIND, "bpf", sizeof("bpf"));
	options = add(&request, TCA_OPTIONS, NULL, 0);
	add(&request, TCA_BPF_OPS_LEN, &instructions, sizeof(instructions));
	add(&request, TCA_BPF_OPS, &drop_all, sizeof(drop_all));
	add(&request, TCA_BPF_FLAGS, &flags, sizeof(flags));
	options->rta_len =
		(uint16_t)((uint8_t *)&request + request.header.nlmsg_len - (uint8_t *)options);
	return talk(fd, &request.header, NULL, NULL);
}

static int remove_filter(int fd, uint32_t ifindex, uint32_t handle, uint32_t info)
{
	struct request request;

	begin(&request, RTM_DELTFILTER, 0, ifindex, HOOK(INGRESS));
	request.tc.tcm_handle = handle;
	request.tc.tcm_info = info;
	add(&request, TCA_KIND, "bpf", sizeof("bpf"));
	return talk(fd, &request.header, NULL, NULL);
}

/* ---- looking ---- */

struct found {
	uint32_t ours, others;
	uint32_t handles[FILTERS_MAX], infos[FILTERS_MAX];
};

/** Attribute @type among @bytes at @attribute, if it has at least @least bytes of data. */
static const void *find(const struct rtattr *attribute, size_t bytes, uint16_t type, size_t least)
{
	for (; RTA_OK(attribute, bytes); attribute = RTA_NEXT(attribute, bytes))
		if ((attribute->rta_type & NLA_TYPE_MASK) == type)
			return RTA_PAYLOAD(attribute) < least ? NULL : RTA_DATA(attribute);
	return NULL;
}

/** True for a filter with a handle of ours and exactly our program. */
static bool is_our_filter(const struct nlmsghdr *header)
{
	const struct tcmsg *tc = NLMSG_DATA(header);
	const struct rtattr *attributes = (const void *)(tc + 1), *options;
	size_t bytes = header->nlmsg_len - NLMSG_LENGTH(sizeof(*tc));
	const char *kind = find(attributes, bytes, TCA_KIND, sizeof("bpf"));
	const uint8_t *data = find(attributes, bytes, TCA_OPTIONS, sizeof(struct rtattr));
	const struct sock_filter *code;
	const uint16_t *count;

	if (tc->tcm_handle != LWF_FILTER_HANDLE_MADE && tc->tcm_handle != LWF_FILTER_HANDLE_ADDED)
		return false;
	if (!kind || memcmp(kind, "bpf", sizeof("bpf")) || !data)
		return false;
	options = (const void *)(data - RTA_LENGTH(0));
	bytes = RTA_PAYLOAD(options);
	options = (const void *)data;
	count = find(options, bytes, TCA_BPF_OPS_LEN, sizeof(*count));
	code = find(options, bytes, TCA_BPF_OPS, sizeof(*code));
	return count && *count == 1 && code && !memcmp(code, &drop_all, sizeof(drop_all));
}

static void look_at_filter(const struct nlmsghdr *header, void *context)
{
	struct found *found = context;
	const struct tcmsg *tc = NLMSG_DATA(header);

	if (header->nlmsg_type != RTM_NEWTFILTER || header->nlmsg_len < NLMSG_LENGTH(sizeof(*tc)) ||
	    !tc->tcm_handle)
		return; /* a line without handle is about the priority, not a filter */
	if (!is_our_filter(header)) {
		found->others++;
	} else if (found->ours < FILTERS_MAX) {
		found->handles[found->ours] = tc->tcm_handle;
		found->infos[found->ours] = tc->tcm_info;
		found->ours++;
	}
}

static int look(int fd, uint32_t ifindex, uint32_t hook, struct found *found)
{
	struct request request;

	begin(&request, RTM_GETTFILTER, 0, ifindex, hook);
	return talk(fd, &request.header, look_at_filter, found);
}

bool lwf_clsact_is_shut(int fd, uint32_t ifindex)
{
	struct found found = {0};

	return !look(fd, ifindex, HOOK(INGRESS), &found) && found.ours;
}

int lwf_clsact_open(int fd, uint32_t ifindex)
{
	struct found found = {0};
	bool made = false;
	int removed = 0, error = look(fd, ifindex, HOOK(INGRESS), &found);

	if (error)
		return error;
	for (uint32_t n = 0; n < found.ours; n++) {
		error = remove_filter(fd, ifindex, found.handles[n], found.infos[n]);
		if (error)
			return error;
		made |= found.handles[n] == LWF_FILTER_HANDLE_MADE;
		removed++;
	}
	if (!made || found.others)
		return removed;
	/* the qdisc was made for us: it goes too, unless others have come to use it */
	memset(&found, 0, sizeof(found));
	if (!look(fd, ifindex, HOOK(EGRESS), &found) && !found.others && !found.ours)
		(void)remove_qdisc(fd, ifindex);
	return removed;
}

int lwf_clsact_shut(int fd, uint32_t ifindex)
{
	uint32_t handle = LWF_FILTER_HANDLE_MADE;
	int error;

	(void)lwf_clsact_open(fd, ifindex);
	error = make_qdisc(fd, ifindex);
	if (error == -EEXIST) {
		handle = LWF_FILTER_HANDLE_ADDED;
		error = 0;
	}
	if (error)
		return error;
	/* the first priority may be taken by filters of another kind or protocol */
	error = -EINVAL;
	for (uint32_t priority = 1;
	     error && error != -ENODEV && error != -EPERM && priority <= PRIORITIES; priority++)
		error = make_filter(fd, ifindex, handle, priority);
	if (error && handle == LWF_FILTER_HANDLE_MADE)
		(void)remove_qdisc(fd, ifindex);
	return error;
}

/* ---- journal ---- */

/** Addresses and routes only, each whole: a journal is a file, and may hold anything. */
static bool are_requests_valid(const void *requests, size_t left)
{
	const struct nlmsghdr *header = requests;

	while (left) {
		size_t fixed, step;

		if (left < sizeof(*header) || !NLMSG_OK(header, left))
			return false;
		if (header->nlmsg_type == RTM_NEWADDR || header->nlmsg_type == RTM_DELADDR)
			fixed = sizeof(struct ifaddrmsg);
		else if (header->nlmsg_type == RTM_NEWROUTE || header->nlmsg_type == RTM_DELROUTE)
			fixed = sizeof(struct rtmsg);
		else
			return false;
		step = NLMSG_ALIGN(header->nlmsg_len);
		if (header->nlmsg_len < NLMSG_LENGTH(fixed) || step > left)
			return false;
		left -= step;
		header = (const void *)((const uint8_t *)header + step);
	}
	return true;
}

bool lwf_journal_valid(const void *journal, size_t bytes)
{
	const struct lwf_journal *head = journal;

	return bytes >= sizeof(*head) && bytes <= LWF_JOURNAL_MAX_BYTES &&
	       head->magic == LWF_JOURNAL_MAGIC && head->bytes == bytes - sizeof(*head) &&
	       memchr(head->nic_name, 0, sizeof(head->nic_name)) &&
	       memchr(head->tap_name, 0, sizeof(head->tap_name)) &&
	       are_requests_valid(head + 1, head->bytes);
}

static void swap_index(uint32_t *index, const struct lwf_journal *head, uint32_t nic, uint32_t tap)
{
	if (*index == head->nic_index)
		*index = nic;
	else if (*index == head->tap_index)
		*index = tap;
}

/** The indices inside one route: of its device, and of the devices of its next hops. */
static void retarget_route(struct nlmsghdr *header, const struct lwf_journal *head, uint32_t nic,
			   uint32_t tap)
{
	struct rtattr *attribute = RTM_RTA(NLMSG_DATA(header));
	size_t bytes = RTM_PAYLOAD(header);

	for (; RTA_OK(attribute, bytes); attribute = RTA_NEXT(attribute, bytes)) {
		struct rtnexthop *hop = RTA_DATA(attribute);
		size_t left = RTA_PAYLOAD(attribute);

		if (attribute->rta_type == RTA_OIF && left == sizeof(uint32_t))
			swap_index(RTA_DATA(attribute), head, nic, tap);
		if (attribute->rta_type != RTA_MULTIPATH)
			continue;
		while (left >= sizeof(*hop) && hop->rtnh_len >= sizeof(*hop) &&
		       hop->rtnh_len <= left) {
			uint32_t index = (uint32_t)hop->rtnh_ifindex;
			size_t step = RTNH_ALIGN(hop->rtnh_len);

			swap_index(&index, head, nic, tap);
			hop->rtnh_ifindex = (int)index;
			if (step >= left)
				break;
			left -= step;
			hop = (void *)((uint8_t *)hop + step);
		}
	}
}

void lwf_journal_retarget(void *journal, uint32_t nic, uint32_t tap)
{
	struct lwf_journal *head = journal;
	struct nlmsghdr *header = (void *)(head + 1);
	size_t left = head->bytes;

	for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
		uint16_t type = header->nlmsg_type;

		if ((type == RTM_NEWADDR || type == RTM_DELADDR) &&
		    header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifaddrmsg))) {
			struct ifaddrmsg *address = NLMSG_DATA(header);

			swap_index(&address->ifa_index, head, nic, tap);
		} else if ((type == RTM_NEWROUTE || type == RTM_DELROUTE) &&
			   header->nlmsg_len >= NLMSG_LENGTH(sizeof(struct rtmsg))) {
			retarget_route(header, head, nic, tap);
		}
	}
	head->nic_index = nic;
	head->tap_index = tap;
}

static uint32_t index_of(int fd, const char *name)
{
	struct ifreq request = {.ifr_ifindex = 0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(fd, SIOCGIFINDEX, &request) < 0 ? 0 : (uint32_t)request.ifr_ifindex;
}

/** The whole of a journal in memory, to be freed; NULL when it is none. */
static struct lwf_journal *read_journal(int file)
{
	struct lwf_journal *journal;
	struct stat status;
	size_t bytes;

	/* what somebody else could have written is not played with our rights */
	if (fstat(file, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size < 0 ||
	    status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) ||
	    (uint64_t)status.st_size > LWF_JOURNAL_MAX_BYTES)
		return NULL;
	bytes = (size_t)status.st_size;
	journal = malloc(bytes + 1);
	if (journal && (pread(file, journal, bytes, 0) != (ssize_t)bytes ||
			!lwf_journal_valid(journal, bytes))) {
		free(journal);
		journal = NULL;
	}
	return journal;
}

static enum lwf_restore restore(int fd, uint64_t netns, struct lwf_journal *journal)
{
	uint32_t nic, tap;
	int error = 0;

	if (journal->netns != netns)
		return LWF_RESTORE_FOREIGN;
	nic = index_of(fd, journal->nic_name);
	tap = index_of(fd, journal->tap_name);
	if (!nic)
		return LWF_RESTORE_NO_NIC;
	/* what is about a TAP that is gone goes to an index that nobody has and fails there,
	 * harmlessly */
	lwf_journal_retarget(journal, nic, tap ? tap : INT32_MAX);
	if (!lwf_netlink_play(fd, journal + 1, journal->bytes, &error) && error == -EPERM)
		return LWF_RESTORE_REFUSED;
	return LWF_RESTORE_DONE;
}

enum lwf_restore lwf_journal_restore(const char *path, int fd, uint64_t netns,
				     struct lwf_journal *head)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum lwf_restore result = LWF_RESTORE_BROKEN;
	struct lwf_journal *journal;

	if (file < 0)
		return result;
	if (flock(file, LOCK_EX | LOCK_NB) < 0) {
		close(file);
		return LWF_RESTORE_LIVE;
	}
	journal = read_journal(file);
	if (journal) {
		if (head)
			*head = *journal;
		result = restore(fd, netns, journal);
		if (result == LWF_RESTORE_DONE)
			(void)unlink(path);
		free(journal);
	}
	close(file);
	return result;
}
