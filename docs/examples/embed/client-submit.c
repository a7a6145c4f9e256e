/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client-submit.c - hand three frames to a stack of lwfd, and print what became of each:
 *
 *	client-submit STACK
 */
#include <stdio.h>
#include <string.h>

#include <lwf/inject.h>

int main(int argc, char **argv)
{
	unsigned char bytes[60] = "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x88\xb5";
	struct lwf_inject_options options = LWF_INJECT_OPTIONS_INIT;
	struct lwf_inject_frame frames[3];
	struct lwf_inject_event events[8];
	struct lwf_inject *handle;
	struct lwf_error error;
	int n, i, sent = 0;

	options.stack = argc > 1 ? argv[1] : "eth1";
	if (lwf_inject_open(&options, &handle, &error)) {
		fprintf(stderr, "%s: %s; %s\n", error.what, error.why, error.next);
		return error.exit;
	}
	memset(frames, 0, sizeof(frames));
	for (i = 0; i < 3; i++) {
		frames[i].data = bytes;
		frames[i].len = sizeof(bytes);
		frames[i].context = (uint64_t)i;
	}
	n = lwf_inject_submit(handle, frames, 3, NULL);
	printf("%d frames taken\n", n);
	lwf_inject_flush(handle, 5000000000); /* 5 s; then whatever has come is there to be taken */
	while ((n = lwf_inject_poll(handle, events, 8)) > 0)
		for (i = 0; i < n; i++) {
			printf("frame %u: %s (%s)\n", (unsigned)events[i].context,
			       lwf_status_name(events[i].status),
			       lwf_reason_text(events[i].reason));
			sent += events[i].status == LWF_STATUS_SUCCESS;
		}
	lwf_inject_close(handle);
	return sent == 3 ? 0 : 1;
}
