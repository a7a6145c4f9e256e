/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nic_test.c - the lower edge against a device that this test plays itself: a TAP whose other side
 * nobody reads, or reads slowly, that loses its carrier, is set down, and goes away.
 *
 *	[session] > inject > nic edge > packet socket > nt0 (a TAP) > this test reads
 *
 * Nobody tells the stack of these changes: the edge has to find out by itself. Runs in a network namespace
 * of its own, as an ordinary user in a user namespace; skipped where there is no TAP to be had.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lwf/stack.h>

#include "edges.h"
#include "hosts.h"
#include "packet.h"

#define MS	      1000000ull
#define EXIT_SKIPPED  77
#define QUEUE_FRAMES  20 /* that the TAP keeps for its reader */
#define FRAME_BYTES   100u
#define LONG_BYTES    600u
#define LONG_MTU      500
#define SUBMITTED_MAX 1000u
#define NUMBER_AT     30 /* where a frame carries its number */
#define READ_BYTES    2048u

static int tap_fd = -1, control_fd = -1;
static struct lwf_host *host;
static struct lwf_engine *engine;
static struct lwf_stack *stack;
static struct lwf_edge *nic;
static struct lwf_session session;

static uint32_t wanted, pulled, answered;
static uint32_t frame_bytes;
static uint32_t long_every;    /* each so many frames is one of LONG_BYTES; 0: none */
static uint32_t wrong_answers; /* with long ones among them: to a frame of the other kind */
static uint64_t count_of[LWF_ANSWERS];
static uint64_t begun_ns, last_answer_ns;

/* ---- the device ---- */

static int open_tap(void)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};

	tap_fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap_fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, "nt0", 4);
	if (ioctl(tap_fd, TUNSETIFF, &ifr))
		return -errno;
	return 0;
}

static void set_up(bool up)
{
	struct ifreq ifr = {.ifr_flags = 0};

	memcpy(ifr.ifr_name, "nt0", 4);
	assert_int_equal(ioctl(control_fd, SIOCGIFFLAGS, &ifr), 0);
	ifr.ifr_flags = (short)(up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(control_fd, SIOCSIFFLAGS, &ifr), 0);
}

static void set_carrier(int carrier)
{
	assert_int_equal(ioctl(tap_fd, TUNSETCARRIER, &carrier), 0);
}

static uint32_t read_next, read_disorder;

/* Reads up to @n of our frames from the device's other side; returns how many came. */
static uint32_t read_frames(uint32_t n)
{
	uint8_t bytes[READ_BYTES];
	uint32_t got = 0, number;

	while (got < n) {
		ssize_t len = read(tap_fd, bytes, sizeof(bytes));

		if (len < 0)
			break;
		if (len != (ssize_t)FRAME_BYTES || bytes[12] != 0x88 || bytes[13] != 0xb5)
			continue; /* the kernel's own */
		memcpy(&number, bytes + NUMBER_AT, sizeof(number));
		if (number < read_next)
			read_disorder++;
		read_next = number + 1;
		got++;
	}
	return got;
}

/* ---- the sender ---- */

static uint32_t bytes_of(uint32_t number)
{
	return long_every && number % long_every == long_every - 1 ? LONG_BYTES : frame_bytes;
}

static enum lwf_pull pull(struct lwf_session *s, struct lwf_frame *frame)
{
	uint32_t bytes = bytes_of(pulled);

	(void)s;
	if (pulled == wanted)
		return LWF_PULL_NONE;
	packet_plain(frame->data, bytes < 14 ? 14 : bytes, pulled);
	if (bytes >= NUMBER_AT + sizeof(pulled))
		memcpy(frame->data + NUMBER_AT, &pulled, sizeof(pulled));
	frame->len = bytes;
	frame->direction = LWF_DIRECTION_SEND;
	frame->id = pulled++;
	frame->cancel_id = 5;
	return LWF_PULL_FRAME;
}

static bool ready(struct lwf_session *s)
{
	(void)s;
	return pulled < wanted;
}

static void on_answer(struct lwf_session *s, const struct lwf_frame *frame, bool refused)
{
	bool is_long = bytes_of((uint32_t)frame->id) == LONG_BYTES;

	(void)s;
	(void)refused;
	if (is_long != (frame->status == LWF_STATUS_INVALID_LENGTH))
		wrong_answers++;
	answered++;
	count_of[lwf_status_answer(frame->status)]++;
	last_answer_ns = lwf_host_now_ns(host);
}

static const struct lwf_session_ops session_ops = {
	.pull = pull,
	.ready = ready,
	.answer = on_answer,
};

/* A timer that sends, reads as fast as told, and ends the run when all is answered or it lasts too long. */
struct pace {
	struct lwf_timer timer;
	uint32_t read_each_ms;
	uint32_t read;
	uint64_t until_ns;
};

static void on_pace(void *context)
{
	struct pace *pace = context;

	lwf_session_pump(&session, LWF_BATCH_MAX_FRAMES);
	pace->read += read_frames(pace->read_each_ms);
	if (answered == wanted || lwf_host_now_ns(host) > pace->until_ns) {
		lwf_event_host_stop(host);
		return;
	}
	lwf_timer_set(&pace->timer, MS);
}

/* Sends @n frames of @bytes; returns how many the device gave its reader meanwhile. */
static uint32_t send_frames(uint32_t n, uint32_t bytes, uint32_t read_each_ms)
{
	struct pace pace = {.read_each_ms = read_each_ms};

	wanted = n;
	pulled = 0;
	answered = 0;
	frame_bytes = bytes;
	read_next = 0;
	read_disorder = 0;
	memset(count_of, 0, sizeof(count_of));
	assert_int_equal(lwf_timer_init(&pace.timer, host, on_pace, &pace), 0);
	begun_ns = lwf_host_now_ns(host);
	pace.until_ns = begun_ns + 10000 * MS;
	lwf_timer_set(&pace.timer, 0);
	assert_int_equal(lwf_event_host_run(host), 0);
	lwf_timer_fini(&pace.timer);
	assert_int_equal(answered, n);
	return pace.read + read_frames(UINT32_MAX);
}

/* ---- a stack for each test ---- */

static int open_stack(void **state)
{
	struct lwf_nic_config config = {.name = "nt0", .send_only = true};
	char error[128] = "";

	(void)state;
	if (tap_fd < 0 && open_tap())
		return -1;
	set_carrier(1);
	set_up(true);
	host = lwf_event_host_create(NULL);
	engine = lwf_engine_create(host);
	if (lwf_nic_lookup(NULL, "nt0", &config.ifindex, NULL) ||
	    lwf_nic_create(host, &config, &nic) ||
	    lwf_stack_create(engine, "s0", NULL, nic, &stack) ||
	    lwf_stack_insert(stack, "inject", 0, NULL, error, sizeof(error)))
		return -1;
	lwf_stack_start(stack);
	memset(&session, 0, sizeof(session));
	session.ops = &session_ops;
	read_frames(UINT32_MAX);
	return lwf_session_open(&session, stack, NULL);
}

static void on_session_closed(struct lwf_session *s)
{
	(void)s;
}

static void on_stack_closed(void *context)
{
	(void)context;
	lwf_event_host_stop(host);
}

static int close_stack(void **state)
{
	(void)state;
	lwf_session_close(&session, on_session_closed);
	lwf_stack_close(stack, on_stack_closed, NULL);
	lwf_event_host_run(host);
	lwf_engine_destroy(engine);
	lwf_event_host_destroy(host);
	lwf_close_flush();
	return 0;
}

/* ---- what is promised ---- */

static void test_all_arrive(void **state)
{
	(void)state;
	assert_int_equal(send_frames(500, FRAME_BYTES, 1000), 500);
	assert_int_equal(count_of[LWF_ANSWER_SUCCESS], 500);
	assert_int_equal(read_disorder, 0);
}

static void set_mtu(int mtu)
{
	struct ifreq ifr = {.ifr_mtu = mtu};

	memcpy(ifr.ifr_name, "nt0", 4);
	assert_int_equal(ioctl(control_fd, SIOCSIFMTU, &ifr), 0);
}

/*
 * Many frames go with one call. Those that the device refuses have the refusal as their own answer,
 * wherever in the call they stood, and those around them go once each and in order.
 */
static void test_refused_among_others(void **state)
{
	static const uint32_t every[] = {1, 2, 3, 5, 64, 65, 100};
	uint32_t n = 130, refused;

	(void)state;
	set_mtu(LONG_MTU); /* the stack is not told, so its filter lets them pass */
	for (size_t i = 0; i < sizeof(every) / sizeof(every[0]); i++) {
		long_every = every[i];
		refused = n / long_every;
		wrong_answers = 0;
		assert_int_equal(send_frames(n, FRAME_BYTES, 1000), n - refused);
		assert_int_equal(count_of[LWF_ANSWER_SUCCESS], n - refused);
		assert_int_equal(count_of[LWF_ANSWER_INVALID_LENGTH], refused);
		assert_int_equal(wrong_answers, 0);
		assert_int_equal(read_disorder, 0);
	}
	long_every = 0;
	set_mtu(1500);
}

/* A slow device costs nothing but time: its queue is full again and again, and all arrive in order. */
static void test_slow_device(void **state)
{
	(void)state;
	assert_int_equal(send_frames(SUBMITTED_MAX, FRAME_BYTES, 2), SUBMITTED_MAX);
	assert_int_equal(count_of[LWF_ANSWER_SUCCESS], SUBMITTED_MAX);
	assert_int_equal(read_disorder, 0);
	assert_true(last_answer_ns - begun_ns > 200 * MS);
}

/* One that takes nothing more answers RESOURCES, after 100 ms and not much later. */
static void test_full_device(void **state)
{
	uint64_t taken;

	(void)state;
	taken = send_frames(60, FRAME_BYTES, 0);
	assert_int_equal(count_of[LWF_ANSWER_SUCCESS], taken);
	assert_int_equal(count_of[LWF_ANSWER_RESOURCES], 60 - taken);
	assert_true(taken > 0 && taken <= QUEUE_FRAMES);
	assert_true(last_answer_ns - begun_ns >= LWF_EDGE_HOLD_NS);
	assert_true(last_answer_ns - begun_ns < 5 * LWF_EDGE_HOLD_NS);
}

static void on_cancel(void *context)
{
	(void)context;
	lwf_session_cancel(&session, 5);
}

static void test_cancel(void **state)
{
	static struct lwf_timer timer;
	uint64_t taken;

	(void)state;
	assert_int_equal(lwf_timer_init(&timer, host, on_cancel, NULL), 0);
	lwf_timer_set(&timer, 20 * MS);
	taken = send_frames(60, FRAME_BYTES, 0);
	assert_int_equal(count_of[LWF_ANSWER_SUCCESS], taken);
	assert_int_equal(count_of[LWF_ANSWER_SEND_ABORTED], 60 - taken);
	assert_true(last_answer_ns - begun_ns < LWF_EDGE_HOLD_NS);
	lwf_timer_fini(&timer);
}

static void test_disabled(void **state)
{
	(void)state;
	set_up(false);
	assert_int_equal(send_frames(10, FRAME_BYTES, 100), 0);
	assert_int_equal(count_of[LWF_ANSWER_PAUSED], 10);
	set_up(true);
	assert_int_equal(send_frames(10, FRAME_BYTES, 100), 10);
	assert_int_equal(count_of[LWF_ANSWER_SUCCESS], 10);
}

static void test_no_carrier(void **state)
{
	(void)state;
	set_carrier(0);
	assert_int_equal(send_frames(10, FRAME_BYTES, 100), 0);
	assert_int_equal(count_of[LWF_ANSWER_MEDIA_DISCONNECTED], 10);
	set_carrier(1);
	assert_int_equal(send_frames(10, FRAME_BYTES, 100), 10);
	assert_int_equal(count_of[LWF_ANSWER_SUCCESS], 10);
}

static void test_removed(void **state)
{
	(void)state;
	close(tap_fd);
	tap_fd = -1;
	send_frames(10, FRAME_BYTES, 0);
	assert_int_equal(count_of[LWF_ANSWER_ADAPTER_REMOVED], 10);
}

static void test_lengths(void **state)
{
	(void)state;
	send_frames(1, 14, 100);
	assert_int_equal(count_of[LWF_ANSWER_SUCCESS], 1);
	send_frames(1, 1514, 100);
	assert_int_equal(count_of[LWF_ANSWER_SUCCESS], 1);
	send_frames(1, 1515, 100);
	assert_int_equal(count_of[LWF_ANSWER_INVALID_LENGTH], 1);
	send_frames(1, 13, 100);
	assert_int_equal(count_of[LWF_ANSWER_INVALID_LENGTH], 1);
}

/* A claim is exclusive, tells whose it is, and ends with its descriptor. */
static void test_claim(void **state)
{
	uint32_t ifindex = nic->link.ifindex;
	int first, second;
	pid_t owner;

	(void)state;
	assert_int_equal(lwf_nic_claim(NULL, ifindex, &first, &owner), 0);
	assert_int_equal(lwf_nic_claim(NULL, ifindex, &second, &owner), -EBUSY);
	assert_int_equal(owner, getpid());
	close(first);
	assert_int_equal(lwf_nic_claim(NULL, ifindex, &second, &owner), 0);
	close(second);
}

/* Returns 0, or why there is no TAP to be had. */
static const char *prepare(void)
{
	struct ifreq ifr = {.ifr_qlen = QUEUE_FRAMES};
	int fd;

	if (unshare(CLONE_NEWNET | (geteuid() ? CLONE_NEWUSER : 0)))
		return "no network namespace of its own";
	/* Else the kernel's own frames take places in the short queue. */
	fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "1", 1) < 0)
			fprintf(stderr, "nic_test: IPv6 stays on\n");
		close(fd);
	}
	control_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (open_tap())
		return "no TAP";
	memcpy(ifr.ifr_name, "nt0", 4);
	return ioctl(control_fd, SIOCSIFTXQLEN, &ifr) ? "no short queue" : NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_slow_device, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_full_device, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_cancel, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_all_arrive, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_refused_among_others, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_disabled, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_no_carrier, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_lengths, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_claim, open_stack, close_stack),
		cmocka_unit_test_setup_teardown(test_removed, open_stack, close_stack),
	};
	const char *missing = prepare();

	if (missing) {
		fprintf(stderr, "nic_test: skipped: %s\n", missing);
		return EXIT_SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
