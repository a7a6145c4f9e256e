/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_listen.c - lwf-inject --verify: brings the frames that an interface receives to inject_verify.c.
 *
 * libpcap in immediate mode, with the kernel's time stamps in nanoseconds. Only what comes in counts: a frame that this
 * machine sends there is not the far end's. The loop wakes at each frame and every LOOK_MS, to see signals and deadlines.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <pcap/pcap.h>

#include "cli.h"
#include "inject_run.h"
#include "inject_verify.h"

#define LOOK_MS	     50
#define BUFFER_BYTES (32 << 20)
#define TURN_FRAMES  4096 /* after so many the deadlines are looked at */

struct listener {
	const struct inject_options *options;
	struct inject_verify_result *result;
	pcap_t *pcap;
	uint64_t start_ns, last_ns; /* monotonic; of the last stamped frame */
};

static int fail_open(const char *name, int got, const char *text)
{
	switch (got) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_NO_OBJECT, name,
				    "see the interfaces with: ip link", "no such interface");
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_PERMISSION, name,
				    "run as root, or with CAP_NET_RAW",
				    "packet sockets are not permitted to you");
	case PCAP_ERROR_IFACE_NOT_UP:
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_REFUSED, name,
				    "enable it with: ip link set NAME up", "it is not up");
	default:
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_REFUSED, name, NULL,
				    "cannot be listened on: %s", text);
	}
}

static int open_interface(struct listener *listener)
{
	const char *name = listener->options->verify;
	char text[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_create(name, text);
	int got;

	if (!pcap)
		return fail_open(name, PCAP_ERROR, text);
	listener->pcap = pcap;
	pcap_set_snaplen(pcap, INJECT_VERIFY_CAPTURE_BYTES);
	pcap_set_promisc(pcap, 1);
	pcap_set_immediate_mode(pcap, 1);
	pcap_set_buffer_size(pcap, BUFFER_BYTES);
	pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
	got = pcap_activate(pcap);
	if (got < 0)
		return fail_open(name, got, pcap_geterr(pcap));
	if (pcap_setdirection(pcap, PCAP_D_IN) || pcap_setnonblock(pcap, 1, text) < 0)
		return fail_open(name, PCAP_ERROR, pcap_geterr(pcap));
	return 0;
}

static bool is_full(const struct listener *listener)
{
	return listener->result->verify.stamped >= listener->options->limit;
}

static void see(u_char *context, const struct pcap_pkthdr *header, const u_char *data)
{
	struct listener *listener = (struct listener *)(void *)context;
	/* tv_usec holds nanoseconds */
	uint64_t now_ns = (uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;

	if (is_full(listener))
		return;
	if (inject_verify_see(&listener->result->verify, data, header->caplen, now_ns))
		listener->last_ns = inject_now_ns();
}

/* True: it is over, and result->end says why. */
static bool is_over(struct listener *listener)
{
	const struct inject_options *options = listener->options;
	struct inject_verify_result *result = listener->result;
	uint64_t now_ns = inject_now_ns();

	if (is_full(listener))
		result->end = INJECT_VERIFY_LIMIT;
	else if (atomic_load(&inject_signals))
		result->end = INJECT_VERIFY_SIGNAL;
	else if (options->for_ns && now_ns - listener->start_ns >= options->for_ns)
		result->end = INJECT_VERIFY_TIME;
	else if (options->idle_ns && listener->last_ns &&
		 now_ns - listener->last_ns >= options->idle_ns)
		result->end = INJECT_VERIFY_IDLE;
	else
		return false;
	return true;
}

/* Listens until it is over. Returns 0, or the exit code of what was told. */
static int listen_on(struct listener *listener)
{
	struct pollfd poll_fd = {.fd = pcap_get_selectable_fd(listener->pcap), .events = POLLIN};
	int got;

	do {
		poll(&poll_fd, 1, LOOK_MS);
		got = pcap_dispatch(listener->pcap, TURN_FRAMES, see, (u_char *)listener);
	} while (got >= 0 && !is_over(listener));
	if (got >= 0) /* what had come before the end, and was not yet read */
		got = pcap_dispatch(listener->pcap, TURN_FRAMES, see, (u_char *)listener);
	if (got < 0 && got != PCAP_ERROR_BREAK) {
		listener->result->end = INJECT_VERIFY_GONE;
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_FALSE, listener->options->verify,
				    "what came until then is told", "%s",
				    pcap_geterr(listener->pcap));
	}
	return 0;
}

static int run(struct listener *listener)
{
	struct inject_verify_result *result = listener->result;
	struct pcap_stat stat = {0};
	int lost_interface, code = open_interface(listener);

	if (code)
		return code;
	lwf_cli_note(INJECT_PROGRAM, "listening on %s", listener->options->verify);
	listener->start_ns = inject_now_ns();
	lost_interface = listen_on(listener);
	result->listened_ns = inject_now_ns() - listener->start_ns;
	if (pcap_stats(listener->pcap, &stat) == 0)
		result->missed = stat.ps_drop;
	code = inject_verify_report(listener->options, result);
	return lost_interface ? lost_interface : code;
}

int inject_listen(const struct inject_options *options)
{
	struct inject_verify_result result = {0};
	struct listener listener = {.options = options, .result = &result};
	int code;

	if (inject_verify_init(&result.verify, options->has_seed ? &options->seed : NULL))
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_FALSE, options->verify, NULL,
				    "out of memory");
	code = run(&listener);
	if (listener.pcap)
		pcap_close(listener.pcap);
	inject_verify_fini(&result.verify);
	return code;
}
