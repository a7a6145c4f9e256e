/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bareloop.c - the least that a user-space bridge can do: one epoll loop of plain system calls.
 *
 * usage: bareloop TAP INTERFACE
 *
 * It makes TAP and moves every frame between it and INTERFACE, with offload headers and without
 * looking at anything: no tags, no errors, no accounts. scripts/bench.sh runs it beside lwfd to
 * show what the system calls alone cost on a machine, which no engine built on them can beat.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_FRAMES 64
#define BUFFER_BYTES 65664
#define TUN_F_USO    0x60 /* USO4 and USO6; Linux 6.2 */

static void die(const char *what)
{
	fprintf(stderr, "bareloop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void set_up(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		die(name);
	close(fd);
}

static int open_tap(const char *name)
{
	unsigned offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		die(name);
	if (ioctl(fd, TUNSETOFFLOAD, offloads | TUN_F_USO) && ioctl(fd, TUNSETOFFLOAD, offloads))
		die("TUNSETOFFLOAD");
	set_up(name);
	return fd;
}

static int open_packet(const char *name, uint16_t protocol)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, bytes = 8 << 20;

	address.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die(name);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return fd;
}

static void drain(int from, int to)
{
	static uint8_t buffer[BUFFER_BYTES];

	for (int i = 0; i < DRAIN_FRAMES; i++) {
		ssize_t got = read(from, buffer, sizeof(buffer));

		if (got <= 0)
			return;
		if (write(to, buffer, (size_t)got) < 0 && errno != ENOBUFS && errno != EIO)
			continue; /* whoever counts at the far end sees it */
	}
}

int main(int argc, char **argv)
{
	struct epoll_event event = {.events = EPOLLIN};
	int tap, receive, transmit, epoll;

	if (argc != 3) {
		fprintf(stderr, "usage: bareloop TAP INTERFACE\n");
		return 2;
	}
	tap = open_tap(argv[1]);
	receive = open_packet(argv[2], ETH_P_ALL);
	transmit = open_packet(argv[2], 0);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	event.data.fd = tap;
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, tap, &event))
		die("epoll");
	event.data.fd = receive;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, receive, &event))
		die("epoll");
	for (;;) {
		int n = epoll_wait(epoll, &event, 1, -1);

		if (n == 1 && event.data.fd == tap)
			drain(tap, transmit);
		else if (n == 1)
			drain(receive, tap);
	}
}
