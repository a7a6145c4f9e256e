/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pgen.c - sends equal small frames on an interface as fast as it can, for a fixed time.
 *
 * usage: pgen INTERFACE SECONDS DESTINATION-MAC [BYTES]
 *
 * The frames carry an EtherType for experiments, which a receiving stack drops at once, so that
 * what is measured is the way between the two devices. Who wants to know how many arrived reads
 * the counters of the device at the far end. Prints {"sent":N,"errors":N,"seconds":X}.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH_FRAMES	64
#define FRAME_MIN_BYTES 60
#define FRAME_MAX_BYTES 1514
#define ETHERTYPE_TEST	0x88b5 /* IEEE 802: local experiments */

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool parse_mac(const char *text, uint8_t *mac)
{
	char end;

	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &mac[0], &mac[1], &mac[2], &mac[3],
		      &mac[4], &mac[5], &end) == 6;
}

/** A packet socket for sending alone: protocol 0 receives nothing. Ends the program on failure. */
static int open_interface(const char *name)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	address.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || address.sll_ifindex == 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		fprintf(stderr, "pgen: %s: %s\n", name, strerror(errno));
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	static uint8_t frame[FRAME_MAX_BYTES];
	struct iovec piece = {.iov_base = frame, .iov_len = 64};
	struct mmsghdr batch[BATCH_FRAMES] = {0};
	uint64_t sent = 0, errors = 0;
	double begin, end, seconds;
	int fd;

	if (argc < 4 || argc > 5 || !parse_mac(argv[3], frame)) {
		fprintf(stderr, "usage: pgen INTERFACE SECONDS DESTINATION-MAC [BYTES]\n");
		return 2;
	}
	seconds = strtod(argv[2], NULL);
	if (argc == 5)
		piece.iov_len = strtoul(argv[4], NULL, 10);
	if (!(seconds > 0 && seconds <= 60) || piece.iov_len < FRAME_MIN_BYTES ||
	    piece.iov_len > FRAME_MAX_BYTES) {
		fprintf(stderr, "pgen: SECONDS is up to 60, BYTES is 60 to 1514\n");
		return 2;
	}
	frame[6] = 0x02; /* a sender that nobody is */
	frame[11] = 0x77;
	frame[12] = ETHERTYPE_TEST >> 8;
	frame[13] = ETHERTYPE_TEST & 0xff;
	for (int i = 0; i < BATCH_FRAMES; i++) {
		batch[i].msg_hdr.msg_iov = &piece;
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	fd = open_interface(argv[1]);
	begin = now_s();
	do {
		int n = sendmmsg(fd, batch, BATCH_FRAMES, 0);

		if (n > 0)
			sent += (uint64_t)n;
		else
			errors++;
		end = now_s();
	} while (end - begin < seconds);
	close(fd);
	printf("{\"sent\":%llu,\"errors\":%llu,\"seconds\":%.6f}\n", (unsigned long long)sent,
	       (unsigned long long)errors, end - begin);
	return 0;
}
