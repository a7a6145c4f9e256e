/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ownerask.c - asks the daemon's owner service, without a daemon: no engine and no frames, but the same
 * resolver process, sandbox and event host as lwfd has.
 *
 * usage: ownerask [--netns NAME]... [--device DEV] [--stop|--kill] [--seconds S] [--from FILE]
 *
 * Reads lines "tcp|udp|icmp LOCAL PORT REMOTE PORT" from stdin, asks for all of them at once, and prints one
 * JSON object a line for each answer, with "n" the number of the line, from 0: first those that are
 * known at once (and "pending"), later the others. A line "list" asks for all sockets; "pause N" waits N
 * milliseconds of the loop before the next line, "until FILE" for a file to exist (more lines may be
 * appended to stdin's file until then). The last line is {"counts":...,"pass":...}. --netns: asks
 * there too, after its own. --stop: the resolver process is stopped before the first question; --kill:
 * killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lwf/flow.h>
#include <lwf/hosts.h>

#include "owner.h"
#include "sandbox.h"

#define UNTIL_NS 20000000u

struct program {
	struct lwf_host *host;
	struct owner_service *service;
	struct lwf_timer timer, limit;
	uint32_t asked, open;
	char until[256]; /* this file exists */
	bool at_end, listing, timed_out;
};

static void die(const char *what, int error)
{
	fprintf(stderr, "ownerask: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

static void log_line(enum lwf_log_level level, const char *text)
{
	(void)level;
	fprintf(stderr, "ownerask: %s\n", text);
}

static void print_owner(const struct lwf_owner *owner)
{
	printf("\"how\":\"%s\",\"why\":\"%s\",\"pid\":%" PRIu32 ",\"ppid\":%" PRIu32
	       ",\"start\":%" PRIu64 ",\"uid\":%" PRId64 ",\"holders\":%u,\"cookie\":%" PRIu64
	       ",\"comm\":\"%s\",\"exe\":\"%s\",\"also\":[",
	       lwf_owner_how_name(owner->how), lwf_owner_why_name(owner->why), owner->pid,
	       owner->ppid, owner->start_time,
	       owner->uid == LWF_OWNER_NO_UID ? -1 : (int64_t)owner->uid, owner->holders,
	       owner->cookie, owner->comm, owner->exe);
	for (uint32_t n = 0; n < LWF_OWNER_ALSO_MAX && owner->also[n]; n++)
		printf("%s%" PRIu32, n ? "," : "", owner->also[n]);
	printf("]}\n");
}

static void maybe_end(struct program *program)
{
	if (program->at_end && !program->open && !program->listing)
		lwf_event_host_stop(program->host);
}

static void on_answer(void *context, uint64_t flow, const struct lwf_owner *owner)
{
	struct program *program = context;

	printf("{\"n\":%" PRIu64 ",", flow);
	print_owner(owner);
	program->open--;
	maybe_end(program);
}

static void on_found(void *context, const struct owner_tuple *tuple, const struct lwf_owner *owner)
{
	char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];

	(void)context;
	inet_ntop(AF_INET6, tuple->local, local, sizeof(local));
	inet_ntop(AF_INET6, tuple->remote, remote, sizeof(remote));
	printf("{\"listed\":[%u,\"%s\",%u,\"%s\",%u],", tuple->protocol, local, tuple->local_port,
	       remote, tuple->remote_port);
	print_owner(owner);
}

static void on_end(void *context, int error, uint32_t found, uint32_t missed)
{
	struct program *program = context;

	printf("{\"list\":{\"error\":%d,\"found\":%u,\"missed\":%u}}\n", error, found, missed);
	program->listing = false;
	maybe_end(program);
}

static void parse_address(const char *text, uint8_t address[16], uint8_t *v6)
{
	*v6 = strchr(text, ':') != NULL;
	if (*v6) {
		if (inet_pton(AF_INET6, text, address) != 1)
			die(text, EINVAL);
		return;
	}
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	if (inet_pton(AF_INET, text, address + 12) != 1)
		die(text, EINVAL);
}

/* The lower endpoint is first in a key, as the parser of frames makes it. */
static void ask(struct program *program, const char *protocol, const char *local, unsigned lport,
		const char *remote, unsigned rport)
{
	struct lwf_owner_question question = {
		.flow = program->asked++, .answer = on_answer, .context = program};
	struct lwf_owner owner;
	uint8_t ends[2][16], v6;
	unsigned ports[2] = {lport, rport};
	int ret, swap;

	parse_address(local, ends[0], &v6);
	parse_address(remote, ends[1], &v6);
	swap = memcmp(ends[0], ends[1], 16) > 0;
	for (int n = 0; n < 2; n++) {
		memcpy(question.key.address[n], ends[n ^ swap], 16);
		question.key.port[n] = (uint16_t)ports[n ^ swap];
	}
	question.local = swap ? LWF_ENDPOINT_HIGH : LWF_ENDPOINT_LOW;
	question.key.v6 = v6;
	question.key.protocol = !strcmp(protocol, "tcp")   ? IPPROTO_TCP
				: !strcmp(protocol, "udp") ? IPPROTO_UDP
							   : IPPROTO_ICMP;
	ret = lwf_host_ask_owner(program->host, &question, &owner);
	printf("{\"n\":%" PRIu64 ",", question.flow);
	print_owner(&owner);
	program->open += ret == -EINPROGRESS;
}

static void read_lines(void *context)
{
	struct program *program = context;
	char line[256], protocol[8], local[64], remote[64], lport[8], rport[8];

	if (program->until[0] && access(program->until, F_OK)) {
		lwf_timer_set(&program->timer, UNTIL_NS);
		return;
	}
	program->until[0] = '\0';
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "pause ", 6)) {
			lwf_timer_set(&program->timer, strtoul(line + 6, NULL, 10) * 1000000ull);
			return;
		}
		if (sscanf(line, "until %255s", program->until) == 1) {
			lwf_timer_set(&program->timer, UNTIL_NS);
			return;
		}
		if (!strcmp(line, "list\n")) {
			int ret =
				owner_service_list(program->service, 0, on_found, on_end, program);

			if (ret)
				die("list", ret);
			program->listing = true;
		} else if (sscanf(line, "%7s %63s %7s %63s %7s", protocol, local, lport, remote,
				  rport) == 5) {
			ask(program, protocol, local, (unsigned)strtoul(lport, NULL, 10), remote,
			    (unsigned)strtoul(rport, NULL, 10));
		} else {
			die(line, EINVAL);
		}
	}
	program->at_end = true;
	maybe_end(program);
}

static void on_limit(void *context)
{
	struct program *program = context;

	program->timed_out = true;
	lwf_event_host_stop(program->host);
}

static void print_counts(const struct program *program)
{
	const struct owner_pass *pass = owner_service_pass(program->service);
	struct owner_counts counts;

	owner_service_counts(program->service, &counts);
	printf("{\"counts\":{\"asked\":%" PRIu64 ",\"at_once\":%" PRIu64 ",\"answered\":%" PRIu64
	       ",\"forgotten\":%" PRIu64 ",\"open\":%" PRIu64 ",\"gets\":%" PRIu64
	       ",\"late\":%" PRIu64 ",\"timeouts\":%" PRIu64 ",\"gone\":%s},",
	       counts.asked, counts.at_once, counts.answered, counts.forgotten, counts.open,
	       counts.gets, counts.late, counts.timeouts, counts.resolver_gone ? "true" : "false");
	printf("\"pass\":{\"number\":%" PRIu64 ",\"ns\":%" PRIu64
	       ",\"links\":%u,\"processes\":%u,\"denied\":%u,\"slices\":%u,\"slice_links\":%u,"
	       "\"asks\":%u}}\n",
	       pass->number, pass->nanoseconds, pass->links, pass->processes, pass->denied,
	       pass->slices, pass->slice_links, pass->asks);
}

static void add_space(struct program *program, const char *netns, const char *device)
{
	struct nsnet *ns = NULL;
	int ret = nsnet_get(netns, &ns);

	if (!ret)
		ret = owner_service_add(program->service, ns, device);
	if (ret)
		die(netns ? netns : "own namespace", ret);
	nsnet_put(ns);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"netns", required_argument, NULL, 'n'},
						{"device", required_argument, NULL, 'd'},
						{"stop", no_argument, NULL, 's'},
						{"kill", no_argument, NULL, 'k'},
						{"from", required_argument, NULL, 'f'},
						{"seconds", required_argument, NULL, 't'},
						{NULL, 0, NULL, 0}};
	struct program program = {0};
	struct owner_resolver resolver;
	const char *netns[OWNER_SPACES_MAX], *device = NULL;
	uint32_t spaces = 0;
	int option, signal_number = 0, ret;
	uint64_t seconds = 20;
	pid_t pid;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n' && spaces < OWNER_SPACES_MAX - 1)
			netns[spaces++] = optarg;
		else if (option == 'd')
			device = optarg;
		else if (option == 's' || option == 'k')
			signal_number = option == 's' ? SIGSTOP : SIGKILL;
		else if (option == 't')
			seconds = strtoull(optarg, NULL, 10);
		else if (option != 'f')
			return 2;
		else if (!freopen(optarg, "re", stdin))
			die(optarg, errno);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	sandbox_begin();
	ret = owner_resolver_start(&resolver);
	if (ret)
		die("resolver", ret);
	pid = resolver.pid;
	program.host = lwf_event_host_create(log_line);
	if (!program.host)
		die("host", ENOMEM);
	ret = owner_service_create(program.host, &resolver, &program.service);
	if (ret)
		die("service", ret);
	lwf_event_host_set_owners(program.host, owner_service_face(program.service));
	add_space(&program, NULL, device);
	for (uint32_t n = 0; n < spaces; n++)
		add_space(&program, netns[n], NULL);
	ret = sandbox_enter();
	if (ret)
		die("sandbox", ret);
	if (signal_number && kill(pid, signal_number))
		die("kill", errno);
	if (lwf_timer_init(&program.timer, program.host, read_lines, &program) ||
	    lwf_timer_init(&program.limit, program.host, on_limit, &program))
		die("timer", ENOMEM);
	lwf_timer_set(&program.timer, 1);
	lwf_timer_set(&program.limit, seconds * 1000000000ull);
	ret = lwf_event_host_run(program.host);
	print_counts(&program);
	lwf_timer_fini(&program.timer);
	lwf_timer_fini(&program.limit);
	owner_service_destroy(program.service);
	lwf_event_host_destroy(program.host);
	return ret || program.timed_out;
}
