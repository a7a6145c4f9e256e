/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sources.c - how many frames an interface receives from each of some MAC addresses.
 *
 * usage: sources INTERFACE SECONDS MAC...
 *
 * One packet socket for each address, with a filter in the kernel; what it passes is counted there, and
 * dropped when the socket's small buffer is full, so that counting costs no time of this process. Prints
 * {"seconds":X,"frames":{"MAC":N,...}}.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOURCES_MAX 32

static void die(const char *what)
{
	fprintf(stderr, "sources: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Passes one byte of each frame from @mac, and nothing of others. */
static void set_filter(int fd, const char *mac)
{
	struct ether_addr address;
	const uint8_t *m = address.ether_addr_octet;
	struct sock_filter code[] = {
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, 6},  {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0},
		{BPF_LD | BPF_H | BPF_ABS, 0, 0, 10}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0},
		{BPF_RET | BPF_K, 0, 0, 1},	      {BPF_RET | BPF_K, 0, 0, 0},
	};
	const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	errno = EINVAL;
	if (!ether_aton_r(mac, &address))
		die(mac);
	code[1].k = (uint32_t)m[0] << 24 | (uint32_t)m[1] << 16 | (uint32_t)m[2] << 8 | m[3];
	code[3].k = (uint32_t)m[4] << 8 | m[5];
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		die(mac);
}

static int open_source(const char *name, const char *mac)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), bytes = 1;

	address.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || !address.sll_ifindex)
		die(name);
	set_filter(fd, mac);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)); /* the least there is */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die(name);
	return fd;
}

/* Frames since the last call, those without room included. */
static uint32_t take_count(int fd)
{
	struct tpacket_stats stats;
	socklen_t bytes = sizeof(stats);

	if (getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes))
		die("PACKET_STATISTICS");
	return stats.tp_packets;
}

int main(int argc, char **argv)
{
	const int count = argc - 3;
	int fds[SOURCES_MAX];
	struct timespec nap;
	double seconds, begin;

	if (count < 1 || count > SOURCES_MAX || !((seconds = strtod(argv[2], NULL)) > 0) ||
	    seconds > 60) {
		fprintf(stderr, "usage: sources INTERFACE SECONDS MAC...\n");
		return 2;
	}
	for (int i = 0; i < count; i++)
		fds[i] = open_source(argv[1], argv[3 + i]);
	for (int i = 0; i < count; i++)
		take_count(fds[i]);
	begin = now_s();
	nap = (struct timespec){(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	nanosleep(&nap, NULL);
	seconds = now_s() - begin;
	printf("{\"seconds\":%.6f,\"frames\":{", seconds);
	for (int i = 0; i < count; i++)
		printf("%s\"%s\":%u", i ? "," : "", argv[3 + i], take_count(fds[i]));
	printf("}}\n");
	return 0;
}
