/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clientsh.c - the client library by hand: one handle, commands a line each on standard input.
 *
 *	clientsh [stack=NAME] [nic=NAME] [module=NAME] [when=fail|wait|npcap] [wait=MS] [states] < COMMANDS
 *
 *	send N [up] [id ID]     submit N frames, towards the NIC or the host, with a cancel id
 *	take [MS]               take answers until none is to come, or for MS: one line "what=N ..."
 *	states [MS]             take events for MS and print each state: STATE epoch changes
 *	cancel ID               lwf_inject_cancel()
 *	flush MS                lwf_inject_flush()
 *	call N MS [up] [id ID] [LEN]  lwf_inject_send(), N times
 *	queue sync|fast MS US...      lwf_inject_send_queue() of frames with these time stamps
 *	oid NAME [VALUE]        lwf_inject_oid()
 *	filter BITS             lwf_inject_set_packet_filter()
 *	adapters                lwf_inject_adapters()
 *	stats | ledger          the handle's ledger, the daemon's
 *	ago                     ms since the last send
 *	run COMMAND             by the shell; its output is not shown
 *
 * Each command prints one line, "COMMAND: result", but run, send and states.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lwf/inject.h>

#define FOREVER_MS 20000u
#define KINDS	   16u

static struct lwf_inject_options options = LWF_INJECT_OPTIONS_INIT;
static struct lwf_inject *handle;
static uint64_t sent_ns, numbers;

struct tally {
	char what[64];
	unsigned count;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

__attribute__((format(printf, 1, 2))) static _Noreturn void die(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fputs("clientsh: ", stderr);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
	exit(1);
}

static const char *word(void)
{
	return strtok(NULL, " ");
}

static unsigned number(unsigned otherwise)
{
	const char *text = word();

	return text ? (unsigned)strtoul(text, NULL, 0) : otherwise;
}

static unsigned char bytes[60] = "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x88\xb5";

/* What the rest of the line says of a frame. */
static struct lwf_inject_frame read_frame(void)
{
	struct lwf_inject_frame frame = {.data = bytes, .len = sizeof(bytes)};
	const char *more;

	while ((more = word())) {
		if (strcmp(more, "up") == 0)
			frame.flags |= LWF_INJECT_RECEIVE;
		else if (strcmp(more, "id") == 0)
			frame.cancel_id = number(0);
		else
			frame.len = (uint32_t)strtoul(more, NULL, 0);
	}
	return frame;
}

static void do_send(void)
{
	unsigned n = number(1);
	struct lwf_inject_frame frame = read_frame();

	sent_ns = now_ns();
	while (n--) {
		frame.context = ++numbers;
		memcpy(bytes + 16, &numbers, sizeof(numbers));
		if (lwf_inject_submit(handle, &frame, 1, NULL) != 1)
			die("no room for a frame");
	}
}

static void count(struct tally *tallies, const struct lwf_inject_event *event)
{
	char what[64], win32[16] = "";

	if (event->win32)
		snprintf(win32, sizeof(win32), "/%u", event->win32);
	snprintf(what, sizeof(what), "%s/%s%s%s", lwf_status_name(event->status),
		 lwf_reason_name(event->reason), event->refused ? "/refused" : "", win32);
	for (unsigned i = 0; i < KINDS; i++) {
		if (!tallies[i].count)
			snprintf(tallies[i].what, sizeof(tallies[i].what), "%s", what);
		if (strcmp(tallies[i].what, what) == 0) {
			tallies[i].count++;
			return;
		}
	}
	die("too many kinds of answers");
}

static void do_take(void)
{
	uint64_t end_ns = now_ns() + (uint64_t)number(FOREVER_MS) * 1000000u;
	struct tally tallies[KINDS] = {0};
	struct lwf_inject_event event;

	while (lwf_inject_outstanding(handle) && now_ns() < end_ns) {
		int n = lwf_inject_poll(handle, &event, 1);

		if (n < 0)
			break;
		if (n == 0)
			lwf_inject_wait(handle, end_ns - now_ns());
		else if (event.kind == LWF_INJECT_ANSWER)
			count(tallies, &event);
	}
	printf("take:");
	for (unsigned i = 0; i < KINDS && tallies[i].count; i++)
		printf(" %s=%u", tallies[i].what, tallies[i].count);
	printf("%s\n", tallies[0].count ? "" : " nothing");
}

static void do_states(void)
{
	uint64_t end_ns = now_ns() + (uint64_t)number(0) * 1000000u;
	struct lwf_inject_event event;

	for (;;) {
		uint64_t at_ns = now_ns();
		int n = lwf_inject_poll(handle, &event, 1);

		if (n > 0 && event.kind == LWF_INJECT_STATE)
			printf("state: %s epoch %u changes %u\n", lwf_state_name(event.state),
			       event.epoch, event.changes);
		if (n < 0 || (n == 0 && at_ns >= end_ns))
			break;
		if (n == 0)
			lwf_inject_wait(handle, end_ns - at_ns);
	}
}

static void print_stats(const char *name, const struct lwf_inject_stats *stats)
{
	printf("%s: submitted=%llu", name, (unsigned long long)stats->submitted);
	for (unsigned i = 0; i < LWF_ANSWERS; i++) {
		const char *column = lwf_status_name(lwf_answer_status((enum lwf_answer)i));

		if (stats->completed[i])
			printf(" %s=%llu", column, (unsigned long long)stats->completed[i]);
		if (stats->refused[i])
			printf(" refused-%s=%llu", column, (unsigned long long)stats->refused[i]);
	}
	printf(" sent=%llu frames=%llu bytes=%llu in-flight=%llu\n",
	       (unsigned long long)stats->sent, (unsigned long long)stats->frames,
	       (unsigned long long)stats->bytes, (unsigned long long)stats->in_flight);
}

static void do_counts(const char *name)
{
	struct lwf_inject_stats stats;
	int err = 0;

	if (strcmp(name, "stats") == 0)
		lwf_inject_stats(handle, &stats);
	else
		err = lwf_inject_ledger(handle, 5000000000u, &stats);
	if (err)
		printf("%s: %s\n", name, strerror(-err));
	else
		print_stats(name, &stats);
}

static void print_result(const char *name, int err, const struct lwf_inject_result *result)
{
	printf("%s: %s %s/%s%s win32=%u submitted=%u answered=%u succeeded=%u frames=%llu "
	       "bytes=%llu "
	       "gap=%llu ms=%llu\n",
	       name, err ? strerror(-err) : "ok", lwf_status_name(result->status),
	       lwf_reason_name(result->reason), result->refused ? "/refused" : "", result->win32,
	       result->submitted, result->answered, result->succeeded,
	       (unsigned long long)result->frames, (unsigned long long)result->bytes,
	       (unsigned long long)result->gap_ns,
	       (unsigned long long)((now_ns() - sent_ns) / 1000000u));
}

static void do_call(void)
{
	unsigned n = number(1), ms = number(FOREVER_MS);
	struct lwf_inject_frame frame = read_frame();
	struct lwf_inject_result result;
	int err;

	sent_ns = now_ns();
	frame.context = ++numbers;
	err = lwf_inject_send(handle, &frame, n, (uint64_t)ms * 1000000u, &result);
	print_result("call", err, &result);
}

static void do_queue(void)
{
	static struct lwf_inject_queued queue[256];
	const char *how = word(), *stamp;
	unsigned ms = number(FOREVER_MS), n = 0;
	struct lwf_inject_result result;
	int err;

	while ((stamp = word()) && n < 256)
		queue[n++] = (struct lwf_inject_queued){
			.frame = {.data = bytes, .len = sizeof(bytes)},
			.time_ns = strtoull(stamp, NULL, 0) * 1000u,
		};
	sent_ns = now_ns();
	err = lwf_inject_send_queue(handle, queue, n, how && strcmp(how, "sync") == 0,
				    (uint64_t)ms * 1000000u, &result);
	print_result("queue", err, &result);
}

static void say(const char *name, int err)
{
	printf("%s: %s\n", name, err < 0 ? strerror(-err) : "ok");
}

static void say_error(const char *name, int err, const struct lwf_error *error, const char *text)
{
	if (err)
		printf("%s: %s: %s; %s (%d)\n", name, error->what, error->why, error->next,
		       (int)error->exit);
	else
		printf("%s: %s\n", name, text);
}

static void do_oid(void)
{
	const char *oid = word(), *value = word();
	struct lwf_error error = {0};
	char text[256] = "";
	int err = lwf_inject_oid(handle, oid ? oid : "", value, text, sizeof(text), &error);

	say_error("oid", err, &error, text);
}

static void do_filter(void)
{
	struct lwf_error error = {0};

	say_error("filter", lwf_inject_set_packet_filter(handle, number(0), &error), &error, "ok");
}

static void do_adapters(void)
{
	struct lwf_inject_adapter a[4];
	struct lwf_error error;
	int n = lwf_inject_adapters(NULL, 5000000000u, a, 4, &error);

	if (n < 0)
		say_error("adapters", n, &error, "");
	for (int i = 0; i < n && i < 4; i++)
		printf("adapter: %s %s:%s %s %s mac %02x:%02x:%02x:%02x:%02x:%02x mtu %u index %u "
		       "sessions %u%s%s%s\n",
		       a[i].stack, a[i].kind, a[i].lower, a[i].upper, lwf_state_name(a[i].state),
		       a[i].mac[0], a[i].mac[1], a[i].mac[2], a[i].mac[3], a[i].mac[4], a[i].mac[5],
		       a[i].mtu_bytes, a[i].ifindex, a[i].sessions, a[i].present ? " present" : "",
		       a[i].admin_up ? " up" : "", a[i].carrier ? " carrier" : "");
}

static void do_command(const char *name)
{
	if (strcmp(name, "send") == 0)
		do_send();
	else if (strcmp(name, "call") == 0)
		do_call();
	else if (strcmp(name, "queue") == 0)
		do_queue();
	else if (strcmp(name, "take") == 0)
		do_take();
	else if (strcmp(name, "states") == 0)
		do_states();
	else if (strcmp(name, "stats") == 0 || strcmp(name, "ledger") == 0)
		do_counts(name);
	else if (strcmp(name, "oid") == 0)
		do_oid();
	else if (strcmp(name, "filter") == 0)
		do_filter();
	else if (strcmp(name, "adapters") == 0)
		do_adapters();
	else if (strcmp(name, "cancel") == 0)
		say(name, lwf_inject_cancel(handle, number(0)));
	else if (strcmp(name, "flush") == 0)
		say(name, lwf_inject_flush(handle, (uint64_t)number(FOREVER_MS) * 1000000u));
	else if (strcmp(name, "ago") == 0)
		printf("ago: %llu\n", (unsigned long long)((now_ns() - sent_ns) / 1000000u));
	else
		die("no such command: %s", name);
}

static void do_run(const char *command)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stdout))
			_exit(126);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		die("this failed: %s", command);
}

static void set(char *option)
{
	char *value = strchr(option, '=');

	if (strcmp(option, "states") == 0) {
		options.state_events = true;
		return;
	}
	if (!value)
		die("no such option: %s", option);
	*value++ = 0;
	if (strcmp(option, "stack") == 0)
		options.stack = value;
	else if (strcmp(option, "nic") == 0)
		options.nic = value;
	else if (strcmp(option, "module") == 0)
		options.module = value;
	else if (strcmp(option, "wait") == 0)
		options.wait_ns = strtoull(value, NULL, 0) * 1000000u;
	else if (strcmp(value, "wait") == 0)
		options.when_paused = LWF_WHEN_PAUSED_WAIT;
	else if (strcmp(value, "npcap") == 0)
		options.when_paused = LWF_WHEN_PAUSED_NPCAP;
}

int main(int argc, char **argv)
{
	struct lwf_error error;
	char line[4096];

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		set(argv[i]);
	if (lwf_inject_open(&options, &handle, &error)) {
		fprintf(stderr, "%s: %s; %s\n", error.what, error.why, error.next);
		return (int)error.exit;
	}
	while (fgets(line, sizeof(line), stdin)) {
		const char *name;

		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "run ", 4) == 0) {
			do_run(line + 4);
			continue;
		}
		name = strtok(line, " ");
		if (name)
			do_command(name);
	}
	lwf_inject_close(handle);
	return 0;
}
