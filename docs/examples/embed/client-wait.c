/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client-wait.c - the handle's descriptor beside others in poll(2): each line of standard input is
 * sent as one frame, answers and changes of the stack's state are printed as they come:
 *
 *	client-wait STACK
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lwf/inject.h>

/* Takes all there is: only then the descriptor becomes readable again. -errno once it is gone. */
static int hear(struct lwf_inject *handle)
{
	struct lwf_inject_event event;
	int n;

	while ((n = lwf_inject_poll(handle, &event, 1)) > 0) {
		if (event.kind == LWF_INJECT_STATE)
			printf("state %s\n", lwf_state_name(event.state));
		else
			printf("answer %s\n", lwf_status_name(event.status));
		fflush(stdout);
	}
	return n;
}

int main(int argc, char **argv)
{
	unsigned char bytes[60] = "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x88\xb5";
	const struct lwf_inject_frame frame = {.data = bytes, .len = sizeof(bytes)};
	struct lwf_inject_options options = LWF_INJECT_OPTIONS_INIT;
	struct lwf_inject *handle;
	struct lwf_error error;
	struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};

	options.stack = argc > 1 ? argv[1] : "eth1";
	options.state_events = true;
	if (lwf_inject_open(&options, &handle, &error)) {
		fprintf(stderr, "%s: %s; %s\n", error.what, error.why, error.next);
		return error.exit;
	}
	fds[1].fd = lwf_inject_fd(handle);
	while (hear(handle) >= 0 && (fds[0].fd >= 0 || lwf_inject_outstanding(handle))) {
		ssize_t n = 0;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (!(fds[0].revents & (POLLIN | POLLHUP)))
			continue;
		n = read(STDIN_FILENO, bytes + 14, sizeof(bytes) - 14);
		if (n <= 0)
			fds[0].fd = -1; /* the end: only answers are waited for now */
		else if (lwf_inject_submit(handle, &frame, 1, NULL) < 1)
			fprintf(stderr, "no room, or no daemon: a line is lost\n");
	}
	lwf_inject_close(handle);
	return 0;
}
