/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_crowd.c - what happens to clients of the live world, and the crowd that one of them lets in.
 *
 * The run changes what a client process does through the page that they share, and sends it signals.
 * A client that is killed cannot be told of its frames any more: what it had out counts as SEND_ABORTED
 * then, as in the simulation. A crowd is another process, so that neither the run nor the client
 * stands still: some of it open a session, some hang up at once, some begin to speak and never go on.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lwf/inject.h>

#include "live_world.h"

#define CROWD_SECONDS	  60u /* longer than that no crowd lasts */
#define CROWD_TIMEOUT_NS  1000000000ull
#define CROWD_SILENT	  16u /* that hang around at a time, and do not go on */
#define CROWD_WAYS	  3u
#define CANCEL_TIMEOUT_NS 2000000000ull

/* ---- a crowd ---- */

static int dial(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -ECONNREFUSED;
}

static void open_and_close(const struct live_link *link)
{
	struct lwf_inject_options options = LWF_INJECT_OPTIONS_INIT;
	struct lwf_inject *handle;

	options.control = link->control;
	options.stack = link->declared->name;
	options.timeout_ns = CROWD_TIMEOUT_NS;
	if (lwf_inject_open(&options, &handle, NULL) == 0)
		lwf_inject_close(handle);
}

/* It says less than a message, and no more. */
static void begin_to_speak(const struct live_link *link, int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = dial(link->control);
	if (*fd >= 0)
		(void)!send(*fd, "lwf", 3, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void be_crowd(const struct live_client *client, int64_t number)
{
	const struct live_link *link = &client->world->link[client->declared->link];
	int silent[CROWD_SILENT];
	int fd;

	for (uint32_t i = 0; i < CROWD_SILENT; i++)
		silent[i] = -1;
	for (int64_t i = 0; i < number; i++) {
		switch (i % CROWD_WAYS) {
		case 0:
			open_and_close(link);
			break;
		case 1:
			fd = dial(link->control);
			if (fd >= 0)
				close(fd);
			break;
		default:
			begin_to_speak(link, &silent[i / CROWD_WAYS % CROWD_SILENT]);
		}
	}
	_exit(LWF_EXIT_OK);
}

static int crowd(struct live_client *client, int64_t number, struct lwf_error *error)
{
	struct live_world *world = client->world;
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return live_refuse(error, LWF_EXIT_FALSE, client->declared->name,
				   "no process can be started: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(CROWD_SECONDS);
		close(world->keeper_fd);
		be_crowd(client, number);
	}
	while (waitpid(pid, &status, WNOHANG) != pid) {
		for (uint32_t i = 0; i < world->base.options.scenario->links; i++)
			live_watch_hear(&world->link[i]);
		live_sleep_ns(LIVE_LOOK_NS);
	}
	if (WIFEXITED(status))
		return 0;
	live_wrong(world, "whoever connects and leaves is served, or turned away",
		   "a crowd of %lld still stands at %s after %u s", (long long)number,
		   world->link[client->declared->link].declared->name, CROWD_SECONDS);
	return 0;
}

/* ---- one client ---- */

/* It dies, and what it had out is settled. */
static void end_client(struct live_client *client)
{
	struct live_page *page = client->page;
	struct lwf_ledger ledger;

	if (client->pid <= 0)
		return;
	live_end_child(&client->pid, SIGKILL);
	ledger = live_client_ledger(client);
	page->completed[LWF_ANSWER_SEND_ABORTED] += lwf_ledger_outstanding(&ledger);
	page->connected = page->flood = page->deaf = false;
	client->stopped = client->told = false;
	client->died = true;
}

static int start_client(struct live_client *client, struct lwf_error *error)
{
	const struct live_link *link = &client->world->link[client->declared->link];
	int err;

	if (client->pid > 0)
		return 0;
	err = live_client_start(client);
	if (err)
		return live_refuse(error, LWF_EXIT_FALSE, client->declared->name,
				   "no process can be started: %s", strerror(-err));
	/* without a daemon it tries again until there is one */
	return link->pid > 0 && !link->stopped ? live_client_wait(client, error) : 0;
}

static int flood(struct live_client *client, struct lwf_error *error)
{
	const struct stress_scenario *scenario = client->world->base.options.scenario;

	for (uint32_t i = 0; i < scenario->traffics; i++) {
		const struct stress_object *from = &scenario->traffic[i].from;

		if (from->kind != STRESS_CLIENT || from->index != client->index)
			continue;
		client->page->flood = true;
		return 0;
	}
	return live_refuse(error, LWF_EXIT_USAGE, client->declared->name,
			   "it has no traffic whose frames it could flood with");
}

/* Returns when the client has asked its daemon, and has its answer; one that is stopped does so later. */
static void cancel(struct live_client *client)
{
	uint64_t until = live_clock_ns() + CANCEL_TIMEOUT_NS;
	uint32_t asked = ++client->page->cancel;

	while (client->pid > 0 && !client->stopped && client->page->cancelled != asked &&
	       live_clock_ns() < until)
		live_sleep_ns(LIVE_LOOK_NS / 4);
}

static void send_signal(struct live_client *client, int signal)
{
	if (client->pid <= 0)
		return;
	kill(client->pid, signal);
	client->stopped = signal == SIGSTOP;
}

int live_client_fault(struct live_client *client, const struct stress_fault_call *call,
		      struct lwf_error *error)
{
	switch (call->fault) {
	case STRESS_FAULT_CLIENT_KILL:
		end_client(client);
		return 0;
	case STRESS_FAULT_CLIENT_START:
		return start_client(client, error);
	case STRESS_FAULT_CLIENT_STOP:
		send_signal(client, SIGSTOP);
		return 0;
	case STRESS_FAULT_CLIENT_CONTINUE:
		send_signal(client, SIGCONT);
		return 0;
	case STRESS_FAULT_CLIENT_FLOOD:
		return flood(client, error);
	case STRESS_FAULT_CLIENT_CALM:
		client->page->flood = false;
		return 0;
	case STRESS_FAULT_CLIENT_CANCEL:
		cancel(client);
		return 0;
	case STRESS_FAULT_CLIENT_DEAF:
	case STRESS_FAULT_CLIENT_HEARS:
		client->page->deaf = call->fault == STRESS_FAULT_CLIENT_DEAF;
		return 0;
	case STRESS_FAULT_CLIENT_CROWD:
		return crowd(client, call->number, error);
	case STRESS_FAULT_CLIENT_GARBLE:
		return live_garble(client, call, error);
	default:
		return live_cannot(call, error);
	}
}
