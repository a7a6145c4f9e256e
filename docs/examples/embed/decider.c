/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decider.c - decides for a stack of lwfd that has the filter verdict: who calls one of these ports may
 * talk, everybody else is told no. Prints what it decided; when it ends, the filter's defaults do:
 *
 *	decider STACK PORT...
 */
#include <stdio.h>
#include <stdlib.h>

#include <lwf/decide.h>

static void decide(struct lwf_verdict *handle, const struct lwf_ask *ask, char **ports)
{
	const struct lwf_flow_info *flow = &ask->info;
	int called = flow->key.port[!flow->initiator], err = 0;

	while (*ports && atoi(*ports) != called)
		ports++;
	err = *ports ? lwf_verdict_permit(handle, ask) : lwf_verdict_reject(handle, ask);
	printf("%s port %d, protocol %d, %s%s\n", *ports ? "allow" : "reject", called,
	       flow->key.protocol, flow->owner.pid ? flow->owner.comm : "nobody known",
	       err ? ": not told, so the deadline decides" : "");
}

/* Takes all there is, and never waits. -ENOTCONN once the daemon is gone. */
static int hear(struct lwf_verdict *handle, char **ports)
{
	struct lwf_verdict_event events[64];
	int n, i;

	while ((n = lwf_verdict_next(handle, events, 64)) > 0)
		for (i = 0; i < n; i++)
			if (events[i].kind == LWF_HEARD_ASK)
				decide(handle, &events[i].ask, ports);
			else if (events[i].kind == LWF_HEARD_STALE)
				printf("an answer did not count: %s\n",
				       lwf_tell_result_name(events[i].result));
	fflush(stdout);
	return n;
}

int main(int argc, char **argv)
{
	struct lwf_verdict_options options = LWF_VERDICT_OPTIONS_INIT;
	struct lwf_verdict *handle;
	struct lwf_error error;
	const char *why = "";

	options.stack = argc > 1 ? argv[1] : "eth1";
	if (lwf_verdict_open(&options, &handle, &error)) {
		fprintf(stderr, "%s: %s; %s\n", error.what, error.why, error.next);
		return error.exit;
	}
	while (hear(handle, argc > 1 ? argv + 2 : argv + argc) == 0)
		lwf_verdict_wait(handle, UINT64_MAX); /* a signal only makes it look once more */
	lwf_verdict_is_gone(handle, &why);
	fprintf(stderr, "%s: %s\n", options.stack, why);
	lwf_verdict_close(handle);
	return LWF_EXIT_UNREACHABLE;
}
