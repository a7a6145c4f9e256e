/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * framecap.c - the witness at the far device: what arrived there, whole, with its tags.
 *
 *	framecap DEV [-w FILE] [-n COUNT] [-t SECONDS] [-s BYTES]
 *
 * Takes what DEV receives (never what it sends) from a mapped ring, puts VLAN tags back that the
 * kernel keeps beside the frame, and writes a pcap with the kernel's time stamps. Prints
 * "listening" when no frame can be missed any more, and at the end one line of JSON: frames, and of
 * the numbered ones how many were lost, doubled, reordered or damaged. Ends after COUNT frames and a
 * quiet 300 ms (so that a frame too many is seen), after SECONDS, or at SIGTERM or SIGINT.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "witness.h"

#define RING_BYTES (32u << 20)
#define QUIET_NS   300000000ull
#define STREAMS	   16u

struct stream {
	uint64_t frames, next, highest;
	uint64_t doubled, reordered;
	uint8_t *seen; /* one bit a number */
	uint64_t seen_numbers;
};

struct capture {
	int fd;
	uint8_t *ring;
	uint32_t slot_bytes, slots, at;
	FILE *file;
	uint64_t frames, other, damaged, cut, first_ns, last_ns;
	struct stream stream[STREAMS];
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void see_number(struct stream *stream, uint64_t seq)
{
	uint8_t bit = (uint8_t)(1u << (seq & 7));

	if (seq >= 1ull << 30)
		wit_die("number out of range");
	if (seq >= stream->seen_numbers) {
		uint64_t numbers = (seq + 1) * 2 + 65536;
		uint8_t *more = realloc(stream->seen, numbers / 8 + 1);

		if (!more)
			wit_die("no memory");
		memset(more + stream->seen_numbers / 8, 0,
		       numbers / 8 + 1 - stream->seen_numbers / 8);
		stream->seen = more;
		stream->seen_numbers = numbers & ~7ull;
	}
	stream->frames++;
	if (stream->seen[seq >> 3] & bit) {
		stream->doubled++;
		return;
	}
	stream->seen[seq >> 3] |= bit;
	if (seq < stream->next)
		stream->reordered++;
	else
		stream->next = seq + 1;
}

static void judge(struct capture *capture, const uint8_t *frame, uint32_t len)
{
	uint16_t stream = 0;
	uint64_t seq = 0;

	switch (wit_numbered_parse(frame, len, &stream, &seq)) {
	case WIT_NUMBERED:
		see_number(&capture->stream[stream % STREAMS], seq);
		break;
	case WIT_DAMAGED:
		capture->damaged++;
		break;
	case WIT_OTHER:
		capture->other++;
		break;
	}
}

/* One frame of the ring, with the tag that the kernel took out put back. */
static void take(struct capture *capture, const struct tpacket2_hdr *head)
{
	static uint8_t frame[WIT_FRAME_BYTES];
	const uint8_t *bytes = (const uint8_t *)head + head->tp_mac;
	uint32_t captured = head->tp_snaplen, len = head->tp_len;
	uint64_t stamp = (uint64_t)head->tp_sec * 1000000000u + head->tp_nsec;

	if (captured > sizeof(frame) - 4)
		wit_die("a frame of %u bytes", captured);
	if (head->tp_status & TP_STATUS_VLAN_VALID && captured >= 12) {
		uint32_t tpid = head->tp_status & TP_STATUS_VLAN_TPID_VALID ? head->tp_vlan_tpid
									    : ETH_P_8021Q;

		memcpy(frame, bytes, 12);
		wit_put16(frame + 12, tpid);
		wit_put16(frame + 14, head->tp_vlan_tci);
		memcpy(frame + 16, bytes + 12, captured - 12);
		captured += 4;
		len += 4;
	} else {
		memcpy(frame, bytes, captured);
	}
	if (captured < len)
		capture->cut++;
	if (!capture->frames++)
		capture->first_ns = stamp;
	capture->last_ns = stamp;
	if (capture->file)
		wit_pcap_write(capture->file, stamp, frame, captured, len);
	judge(capture, frame, captured);
}

static bool drain(struct capture *capture)
{
	bool any = false;

	for (;;) {
		struct tpacket2_hdr *head =
			(struct tpacket2_hdr *)(void *)(capture->ring +
							(size_t)capture->at * capture->slot_bytes);

		if (!(__atomic_load_n(&head->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			return any;
		take(capture, head);
		__atomic_store_n(&head->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		capture->at = (capture->at + 1) % capture->slots;
		any = true;
	}
}

static void set(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		wit_die("socket option %d: %s", name, strerror(errno));
}

static void open_ring(struct capture *capture, const char *dev)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	struct tpacket_req ring = {.tp_frame_size = capture->slot_bytes, .tp_block_size = 1u << 18};

	at.sll_ifindex = (int)if_nametoindex(dev);
	if (!at.sll_ifindex)
		wit_die("%s: %s", dev, strerror(errno));
	capture->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (capture->fd < 0)
		wit_die("packet socket: %s", strerror(errno));
	set(capture->fd, SOL_PACKET, PACKET_VERSION, TPACKET_V2);
	set(capture->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
	set(capture->fd, SOL_SOCKET, SO_TIMESTAMPNS, 1); /* stamp on arrival, not when read */
	ring.tp_block_nr = RING_BYTES / ring.tp_block_size;
	ring.tp_frame_nr = RING_BYTES / ring.tp_frame_size;
	capture->slots = ring.tp_frame_nr;
	if (setsockopt(capture->fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)))
		wit_die("ring: %s", strerror(errno));
	capture->ring = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, capture->fd, 0);
	if (capture->ring == MAP_FAILED)
		wit_die("ring: %s", strerror(errno));
	if (bind(capture->fd, (struct sockaddr *)&at, sizeof(at)))
		wit_die("%s: %s", dev, strerror(errno));
}

static void run(struct capture *capture, uint64_t count, uint64_t seconds)
{
	uint64_t begun = wit_now_ns(), last = begun;
	struct pollfd wait = {.fd = capture->fd, .events = POLLIN};

	while (!ended) {
		uint64_t now = wit_now_ns();

		if (drain(capture))
			last = now;
		if (seconds && now - begun > seconds * 1000000000u)
			return;
		if (count && capture->frames >= count && now - last > QUIET_NS)
			return;
		/* An interface that goes down is no reason to end: it comes up again. */
		if (poll(&wait, 1, 20) > 0 && wait.revents & (POLLERR | POLLHUP)) {
			int error;
			socklen_t size = sizeof(error);

			getsockopt(capture->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		}
	}
	drain(capture);
}

static int report(struct capture *capture)
{
	struct tpacket_stats stats = {0};
	socklen_t size = sizeof(stats);
	uint64_t numbered = 0, lost = 0, doubled = 0, reordered = 0;

	getsockopt(capture->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size);
	for (uint32_t i = 0; i < STREAMS; i++) {
		const struct stream *stream = &capture->stream[i];

		numbered += stream->frames;
		doubled += stream->doubled;
		reordered += stream->reordered;
		lost += stream->next - (stream->frames - stream->doubled);
	}
	printf("{\"frames\":%llu,\"other\":%llu,\"numbered\":%llu,\"lost\":%llu,\"doubled\":%llu,"
	       "\"reordered\":%llu,\"damaged\":%llu,\"cut\":%llu,\"missed\":%u,\"first_ns\":%llu,"
	       "\"last_ns\":%llu}\n",
	       (unsigned long long)capture->frames, (unsigned long long)capture->other,
	       (unsigned long long)numbered, (unsigned long long)lost, (unsigned long long)doubled,
	       (unsigned long long)reordered, (unsigned long long)capture->damaged,
	       (unsigned long long)capture->cut, stats.tp_drops,
	       (unsigned long long)capture->first_ns, (unsigned long long)capture->last_ns);
	return 0;
}

int main(int argc, char **argv)
{
	static struct capture capture = {.slot_bytes = 2048};
	const struct sigaction action = {.sa_handler = on_signal};
	uint64_t count = 0, seconds = 0;
	const char *path = NULL;
	int option;

	while ((option = getopt(argc, argv, "w:n:t:s:")) != -1) {
		if (option == 'w')
			path = optarg;
		else if (option == 'n')
			count = wit_number(optarg, 1u << 30, "-n");
		else if (option == 't')
			seconds = wit_number(optarg, 86400, "-t");
		else if (option == 's')
			capture.slot_bytes = (uint32_t)wit_number(optarg, 131072, "-s");
		else
			wit_die("usage: framecap DEV [-w FILE] [-n COUNT] [-t SECONDS] [-s BYTES]");
	}
	if (optind + 1 != argc)
		wit_die("usage: framecap DEV [-w FILE] [-n COUNT] [-t SECONDS] [-s BYTES]");
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (path)
		capture.file = wit_pcap_create(path, 1);
	open_ring(&capture, argv[optind]);
	puts("listening");
	fflush(stdout);
	run(&capture, count, seconds);
	if (capture.file)
		wit_pcap_close(capture.file, path);
	return report(&capture);
}
