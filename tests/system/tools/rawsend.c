/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rawsend.c - a sender that is not ours: puts frames on a device by packet socket.
 *
 *	rawsend DEV FILE.pcap [-r PPS]
 *		each frame of the file once, in order, none left out
 *	rawsend DEV -n COUNT [-r PPS] [-s SIZE] [-i STREAM] [-q]
 *		numbered frames; -n 0: until a signal
 *
 * It bypasses the qdisc, so that a full device is an error and not a silent loss; -q goes through
 * it. A frame of a file is tried again for 5 s while the device has no room; numbered ones are
 * counted as failed and left behind, and a device that is down is waited for. Prints
 * {"sent":N,"failed":N}.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "witness.h"

#define PATIENCE_NS 5000000000ull

struct sender {
	int fd;
	uint64_t rate_pps; /* 0: as fast as it goes */
	uint64_t begun_ns, turns;
	uint64_t sent, failed;
};

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void nap(uint64_t ns)
{
	const struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	nanosleep(&time, NULL);
}

static void keep_rate(struct sender *sender)
{
	uint64_t due, now;

	if (!sender->rate_pps)
		return;
	due = sender->begun_ns + sender->turns++ * 1000000000u / sender->rate_pps;
	for (now = wit_now_ns(); !ended && now < due; now = wit_now_ns())
		nap(due - now < 50000 ? 50000 : due - now);
}

static void open_device(struct sender *sender, const char *dev, bool qdisc)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET};
	int bypass = !qdisc;

	at.sll_ifindex = (int)if_nametoindex(dev);
	if (!at.sll_ifindex)
		wit_die("%s: %s", dev, strerror(errno));
	sender->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sender->fd < 0 ||
	    setsockopt(sender->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)) ||
	    bind(sender->fd, (struct sockaddr *)&at, sizeof(at)))
		wit_die("%s: packet socket: %s", dev, strerror(errno));
}

static void send_file(struct sender *sender, const char *path)
{
	struct wit_reader *reader = wit_reader_open(path);
	struct wit_record record;

	while (!ended && wit_reader_next(reader, &record)) {
		uint64_t deadline = wit_now_ns() + PATIENCE_NS;

		keep_rate(sender);
		while (send(sender->fd, record.bytes, record.captured, 0) < 0) {
			if ((errno != ENOBUFS && errno != EAGAIN) || wit_now_ns() > deadline)
				wit_die("frame %llu of %u bytes: %s",
					(unsigned long long)sender->sent, record.captured,
					strerror(errno));
			nap(100000);
		}
		sender->sent++;
	}
	wit_reader_close(reader);
}

static void send_numbered(struct sender *sender, uint64_t count, uint32_t size, uint16_t stream)
{
	static uint8_t frame[65536];

	for (uint64_t seq = 0; !ended && (!count || seq < count); seq++) {
		keep_rate(sender);
		wit_numbered_fill(frame, size, stream, seq);
		if (send(sender->fd, frame, size, 0) == (ssize_t)size) {
			sender->sent++;
			continue;
		}
		sender->failed++;
		if (errno == ENXIO || errno == ENODEV)
			return; /* deleted: it will not come back to this socket */
		nap(200000);
	}
}

int main(int argc, char **argv)
{
	struct sender sender = {0};
	const struct sigaction action = {.sa_handler = on_signal};
	uint64_t count = 0;
	uint32_t size = 64;
	uint16_t stream = 1;
	bool numbered = false, qdisc = false;
	int option;

	while ((option = getopt(argc, argv, "n:r:s:i:q")) != -1) {
		if (option == 'n') {
			count = wit_number(optarg, 1u << 30, "-n");
			numbered = true;
		} else if (option == 'r') {
			sender.rate_pps = wit_number(optarg, 100000000, "-r");
		} else if (option == 's') {
			size = (uint32_t)wit_number(optarg, 65535, "-s");
		} else if (option == 'i') {
			stream = (uint16_t)wit_number(optarg, 65535, "-i");
		} else if (option == 'q') {
			qdisc = true;
		} else {
			wit_die("usage: rawsend DEV FILE.pcap|-n COUNT [-r PPS] [-s SIZE] [-i "
				"STREAM] [-q]");
		}
	}
	if (argc - optind != (numbered ? 1 : 2))
		wit_die("usage: rawsend DEV FILE.pcap|-n COUNT [-r PPS] [-s SIZE] [-i STREAM] "
			"[-q]");
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	open_device(&sender, argv[optind], qdisc);
	sender.begun_ns = wit_now_ns();
	if (numbered)
		send_numbered(&sender, count, size, stream);
	else
		send_file(&sender, argv[optind + 1]);
	printf("{\"sent\":%llu,\"failed\":%llu}\n", (unsigned long long)sender.sent,
	       (unsigned long long)sender.failed);
	return 0;
}
