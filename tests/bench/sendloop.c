/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sendloop.c - one frame after the other on an interface, by one way of sending, until TERM.
 *
 * usage: sendloop INTERFACE WAY [CAPTURE]
 *
 *	pcap	pcap_inject(), as programs on libpcap do; the frame is the first of CAPTURE
 *	send	send() on a packet socket past the qdisc: the least that one call per frame costs
 *	vnet	the same with an offload header in front, as the lower edge of a stack sends
 *	mmsg	sendmmsg() of 64 frames
 *	ring	a transmit ring shared with the kernel, 64 frames for each call
 *
 * The last four are floors beside which scripts/bench.sh --inject sets lwf-inject: no account is kept, and
 * nothing but a count of the calls that said yes is printed: {"sent":N,"errors":N}.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH_FRAMES 64
#define FRAME_BYTES  64
#define HEADER_BYTES 10 /* struct virtio_net_hdr, all zero: nothing is offloaded */
#define RING_FRAMES  256
#define SLOT_BYTES   2048
#define DATA_OFFSET \
	32 /* TPACKET_ALIGN() of struct tpacket2_hdr: where the frame begins in a slot */
#define EXPERIMENTAL 0x88b5 /* IEEE 802: local experiments */

_Static_assert(sizeof(struct tpacket2_hdr) <= DATA_OFFSET, "sendloop.c: ring");

static volatile sig_atomic_t stopped;
static uint64_t sent, errors;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "sendloop: %s: %s\n", what, why);
	exit(1);
}

static void count(bool well)
{
	if (well)
		sent++;
	else
		errors++;
}

static void set_option(int fd, int option, int value)
{
	if (setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)))
		die("packet socket", strerror(errno));
}

static int open_packet(const char *name)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	address.sll_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || address.sll_ifindex == 0)
		die(name, strerror(errno));
	set_option(fd, PACKET_QDISC_BYPASS, 1);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die(name, strerror(errno));
	return fd;
}

static void by_pcap(const char *name, const uint8_t *frame)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_live(name, 64, 0, 1000, why);

	if (!pcap)
		die(name, why);
	while (!stopped)
		count(pcap_inject(pcap, frame, FRAME_BYTES) == FRAME_BYTES);
	pcap_close(pcap);
}

static void by_send(const char *name, const uint8_t *frame)
{
	int fd = open_packet(name);

	while (!stopped)
		count(send(fd, frame, FRAME_BYTES, 0) == FRAME_BYTES);
	close(fd);
}

static void by_vnet(const char *name, const uint8_t *frame)
{
	uint8_t with_header[HEADER_BYTES + FRAME_BYTES] = {0};
	int fd = open_packet(name);

	set_option(fd, PACKET_VNET_HDR, 1);
	memcpy(with_header + HEADER_BYTES, frame, FRAME_BYTES);
	while (!stopped)
		count(write(fd, with_header, sizeof(with_header)) == (ssize_t)sizeof(with_header));
	close(fd);
}

static void by_mmsg(const char *name, uint8_t *frame)
{
	struct iovec piece = {.iov_base = frame, .iov_len = FRAME_BYTES};
	struct mmsghdr batch[BATCH_FRAMES] = {0};
	int fd = open_packet(name);

	for (int i = 0; i < BATCH_FRAMES; i++) {
		batch[i].msg_hdr.msg_iov = &piece;
		batch[i].msg_hdr.msg_iovlen = 1;
	}
	while (!stopped) {
		int n = sendmmsg(fd, batch, BATCH_FRAMES, 0);

		if (n > 0)
			sent += (uint64_t)n;
		else
			errors++;
	}
	close(fd);
}

static uint8_t *map_ring(int fd)
{
	const struct tpacket_req request = {
		.tp_block_size = RING_FRAMES * SLOT_BYTES,
		.tp_block_nr = 1,
		.tp_frame_size = SLOT_BYTES,
		.tp_frame_nr = RING_FRAMES,
	};
	void *map;

	set_option(fd, PACKET_VERSION, TPACKET_V2);
	if (setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &request, sizeof(request)))
		die("transmit ring", strerror(errno));
	map = mmap(NULL, (size_t)RING_FRAMES * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	if (map == MAP_FAILED)
		die("transmit ring", strerror(errno));
	return map;
}

static void by_ring(const char *name, const uint8_t *frame)
{
	int fd = open_packet(name);
	uint8_t *ring = map_ring(fd);
	uint32_t next = 0;

	while (!stopped) {
		for (int i = 0; i < BATCH_FRAMES; i++, next = (next + 1) % RING_FRAMES) {
			struct tpacket2_hdr *slot = (void *)(ring + (size_t)next * SLOT_BYTES);

			if (slot->tp_status != TP_STATUS_AVAILABLE)
				break;
			slot->tp_len = FRAME_BYTES;
			memcpy((uint8_t *)slot + DATA_OFFSET, frame, FRAME_BYTES);
			__atomic_store_n(&slot->tp_status, TP_STATUS_SEND_REQUEST,
					 __ATOMIC_RELEASE);
			sent++;
		}
		if (send(fd, NULL, 0, 0) < 0)
			errors++;
	}
	munmap(ring, (size_t)RING_FRAMES * SLOT_BYTES);
	close(fd);
}

static void read_frame(const char *path, uint8_t *frame)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, why);
	struct pcap_pkthdr *header;
	const u_char *data;

	if (!pcap)
		die(path, why);
	if (pcap_next_ex(pcap, &header, &data) != 1 || header->caplen != FRAME_BYTES)
		die(path, "its first frame is not one of 64 bytes");
	memcpy(frame, data, FRAME_BYTES);
	pcap_close(pcap);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	uint8_t frame[FRAME_BYTES] = {
		2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, EXPERIMENTAL >> 8, EXPERIMENTAL & 0xff};
	const char *way = argc >= 3 ? argv[2] : "";

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (argc == 4)
		read_frame(argv[3], frame);
	if (strcmp(way, "pcap") == 0)
		by_pcap(argv[1], frame);
	else if (strcmp(way, "send") == 0)
		by_send(argv[1], frame);
	else if (strcmp(way, "vnet") == 0)
		by_vnet(argv[1], frame);
	else if (strcmp(way, "mmsg") == 0)
		by_mmsg(argv[1], frame);
	else if (strcmp(way, "ring") == 0)
		by_ring(argv[1], frame);
	else {
		fprintf(stderr, "usage: sendloop INTERFACE pcap|send|vnet|mmsg|ring [CAPTURE]\n");
		return 2;
	}
	printf("{\"sent\":%llu,\"errors\":%llu}\n", (unsigned long long)sent,
	       (unsigned long long)errors);
	return 0;
}
