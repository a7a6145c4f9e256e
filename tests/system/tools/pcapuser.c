/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapuser.c - a program that knows libpcap and nothing of us: pcap_open_live, pcap_inject, pcap_dispatch.
 *
 *	pcapuser DEV send FILE.pcap [-r PPS]	each frame of the file, until a signal
 *	pcapuser DEV receive OUT.pcap -n COUNT [-t SECONDS]	what DEV hands to the host, until COUNT or SECONDS
 *
 * Sending goes on when a frame is refused: it is counted and left behind. "listening" is printed when no
 * frame can be missed any more; at the end {"sent":N,"failed":N} or {"frames":N}.
 */
#include <pcap/pcap.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "witness.h"

#define SNAP_BYTES 65535
#define LOOK_MS	   20 /* how long libpcap may keep a received frame to itself */

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static pcap_t *open_device(const char *dev)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	pcap_t *device = pcap_open_live(dev, SNAP_BYTES, 1, LOOK_MS, error);

	if (!device)
		wit_die("%s: %s", dev, error);
	return device;
}

static void keep_rate(uint64_t begun_ns, uint64_t turn, uint64_t rate_pps)
{
	uint64_t due = rate_pps ? begun_ns + turn * 1000000000u / rate_pps : 0, now;

	while (!ended && (now = wit_now_ns()) < due) {
		const struct timespec time = {(time_t)((due - now) / 1000000000u),
					      (long)((due - now) % 1000000000u)};

		nanosleep(&time, NULL);
	}
}

static int send_file(pcap_t *device, const char *path, uint64_t rate_pps)
{
	struct wit_reader *reader = wit_reader_open(path);
	uint64_t begun_ns = wit_now_ns(), sent = 0, failed = 0;
	struct wit_record record;

	while (!ended && wit_reader_next(reader, &record)) {
		keep_rate(begun_ns, sent + failed, rate_pps);
		if (pcap_inject(device, record.bytes, record.captured) == (int)record.captured)
			sent++;
		else if (!failed++)
			fprintf(stderr, "first refusal: %s\n", pcap_geterr(device));
	}
	wit_reader_close(reader);
	printf("{\"sent\":%llu,\"failed\":%llu}\n", (unsigned long long)sent,
	       (unsigned long long)failed);
	return 0;
}

struct listener {
	FILE *file;
	uint64_t frames;
};

static void take(u_char *context, const struct pcap_pkthdr *head, const u_char *bytes)
{
	struct listener *listener = (struct listener *)(void *)context;
	uint64_t stamp =
		(uint64_t)head->ts.tv_sec * 1000000000u + (uint64_t)head->ts.tv_usec * 1000;

	wit_pcap_write(listener->file, stamp, bytes, head->caplen, head->len);
	listener->frames++;
}

static int receive(pcap_t *device, const char *path, uint64_t count, uint64_t seconds)
{
	struct listener listener = {.file = wit_pcap_create(path, 1)};
	uint64_t begun_ns = wit_now_ns();

	if (pcap_setdirection(device, PCAP_D_IN))
		wit_die("direction: %s", pcap_geterr(device));
	puts("listening");
	fflush(stdout);
	while (!ended && listener.frames < count && wit_now_ns() - begun_ns < seconds * 1000000000u)
		if (pcap_dispatch(device, -1, take, (u_char *)&listener) == PCAP_ERROR)
			wit_die("receive: %s", pcap_geterr(device));
	wit_pcap_close(listener.file, path);
	printf("{\"frames\":%llu}\n", (unsigned long long)listener.frames);
	return 0;
}

int main(int argc, char **argv)
{
	const char *usage = "usage: pcapuser DEV send FILE [-r PPS] | "
			    "pcapuser DEV receive OUT -n COUNT [-t SECONDS]";
	const struct sigaction action = {.sa_handler = on_signal};
	uint64_t rate_pps = 0, count = 0, seconds = 60;
	pcap_t *device;
	int option, code;

	while ((option = getopt(argc, argv, "r:n:t:")) != -1) {
		if (option == 'r')
			rate_pps = wit_number(optarg, 1u << 30, "-r");
		else if (option == 'n')
			count = wit_number(optarg, 1u << 30, "-n");
		else if (option == 't')
			seconds = wit_number(optarg, 86400, "-t");
		else
			wit_die("%s", usage);
	}
	if (optind + 3 != argc)
		wit_die("%s", usage);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	device = open_device(argv[optind]);
	if (!strcmp(argv[optind + 1], "send"))
		code = send_file(device, argv[optind + 2], rate_pps);
	else if (!strcmp(argv[optind + 1], "receive"))
		code = receive(device, argv[optind + 2], count, seconds);
	else
		wit_die("%s", usage);
	pcap_close(device);
	return code;
}
