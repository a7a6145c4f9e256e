/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fault_find.c - what the stack of a running daemon stands on.
 *
 * The daemon says name, index and MAC of its devices; in which namespace they are is looked for,
 * first in that of the caller, then in the daemon's own. An interface counts as found when all
 * three agree and, for the NIC, when somebody has claimed that index there, as lwfd does.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault.h"
#include "fault_page.h"
#include "live_world.h"

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

static int fail(struct lwf_error *error, enum lwf_exit code, const char *what, const char *next,
		const char *why)
{
	lwf_error_set(error, code, what, next, "%s", why);
	return (int)code;
}

/* ---- namespaces of devices ---- */

struct wanted {
	const char *name;
	uint32_t ifindex;
	const uint8_t *mac;
	bool claimed;
	struct fault_device device;
};

/* Has somebody claimed @ifindex in this namespace? */
static int is_claimed(void *context)
{
	const struct wanted *wanted = context;
	char name[40], line[512];
	FILE *in = fopen("/proc/thread-self/net/unix", "re");
	size_t length = (size_t)snprintf(name, sizeof(name), "@lwf/nic/%u", wanted->ifindex);
	int found = 0;

	while (in && !found && fgets(line, sizeof(line), in)) {
		const char *at = strstr(line, name);

		found = at && (at[length] == '\n' || at[length] == '\0' || at[length] == '@');
	}
	if (in)
		fclose(in);
	return found;
}

static bool is_wanted(const struct fault_space *space, void *context)
{
	struct wanted *wanted = context;

	return fault_net_look(space->net, NULL, wanted->ifindex, &wanted->device) == 0 &&
	       strcmp(wanted->device.name, wanted->name) == 0 &&
	       memcmp(wanted->device.mac, wanted->mac, 6) == 0 &&
	       (!wanted->claimed || fault_space_call(space, is_claimed, wanted) == 1);
}

/* A device that is not there now is none; that is told when it is wanted. */
static void find_side(struct fault_target *target, enum fault_which which, const json_t *edge)
{
	struct fault_side *side = &target->side[which];
	const json_t *link = json_object_get(edge, "link");
	uint8_t mac[6];
	struct wanted wanted = {
		.name = text(edge, "name"),
		.ifindex = (uint32_t)json_integer_value(json_object_get(link, "ifindex")),
		.mac = mac,
		.claimed = which == FAULT_LOWER,
	};

	if (!wanted.ifindex || !stress_mac_parse(text(link, "mac"), mac) ||
	    fault_space_find(target->daemon.pid, is_wanted, &wanted, &side->space))
		return;
	side->was = wanted.device;
	target->marks->ifindex[which] = wanted.ifindex;
	/* an error is told when something would be lost by it */
	(void)fault_keep_take(side->space.net, wanted.ifindex, &side->keep);
	if (which == FAULT_LOWER && fault_net_look(side->space.net, "lo", 0, &wanted.device) == 0)
		target->lo_queue_frames = wanted.device.queue_frames;
}

/* ---- the other end of a veth ---- */

struct wanted_peer {
	const struct fault_side *near;
	struct fault_device device;
};

static bool is_peer(const struct fault_space *space, void *context)
{
	struct wanted_peer *wanted = context;
	const struct fault_side *near = wanted->near;
	int nsid = -1;

	if (near->was.link_nsid < 0 ? space->inode != near->space.inode
				    : fault_net_nsid(near->space.net, space->fd, &nsid) != 0 ||
					      nsid != near->was.link_nsid)
		return false;
	return fault_net_look(space->net, NULL, near->was.link, &wanted->device) == 0 &&
	       wanted->device.link == near->was.ifindex && strcmp(wanted->device.kind, "veth") == 0;
}

static void find_peer(struct fault_target *target)
{
	const struct fault_side *near = &target->side[FAULT_LOWER];
	struct fault_side *peer = &target->side[FAULT_PEER];
	struct wanted_peer wanted = {.near = near};

	if (near->space.fd < 0 || strcmp(near->was.kind, "veth") != 0 || !near->was.link ||
	    fault_space_find(target->daemon.pid, is_peer, &wanted, &peer->space))
		return;
	peer->was = wanted.device;
	target->marks->ifindex[FAULT_PEER] = wanted.device.ifindex;
	(void)fault_keep_take(peer->space.net, wanted.device.ifindex, &peer->keep);
}

/* ---- processes ---- */

static int hold(pid_t pid, struct fault_process *process)
{
	int fd = pid > 0 ? fault_pidfd(pid) : -ESRCH;

	if (fd < 0)
		return fd;
	*process = (struct fault_process){pid, fd};
	return 0;
}

static int hold_daemon(struct fault_target *target, struct lwf_connection *connection)
{
	struct ucred peer = {0};
	socklen_t bytes = sizeof(peer);

	/* as this PID namespace counts, which what the daemon says of itself need not be */
	if (getsockopt(lwf_connection_fd(connection), SOL_SOCKET, SO_PEERCRED, &peer, &bytes))
		return -errno;
	return hold(peer.pid, &target->daemon);
}

int fault_hold_again(struct fault_target *target, struct lwf_error *error)
{
	struct lwf_connection *connection;
	int err;

	if (lwf_connection_open(target->control, LWF_WIRE_TIMEOUT_NS, &connection, error))
		return (int)error->exit;
	if (target->daemon.fd >= 0)
		close(target->daemon.fd);
	target->daemon = (struct fault_process){0, -1};
	err = hold_daemon(target, connection);
	if (!err)
		fault_read_limits(target);
	lwf_connection_close(connection);
	target->marks->daemon = target->daemon.pid;
	fault_page_follow(target);
	return fault_told(target->control, err, error);
}

void fault_hold_marked(struct fault_target *target)
{
	pid_t pid = target->marks->daemon;

	if (!pid || pid == target->daemon.pid)
		return;
	if (target->daemon.fd >= 0)
		close(target->daemon.fd);
	target->daemon = (struct fault_process){0, -1};
	(void)hold(pid, &target->daemon);
	fault_page_follow(target);
}

static void read_comm(pid_t pid, char *comm, size_t bytes)
{
	char path[48];
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	in = fopen(path, "re");
	comm[0] = '\0';
	if (in && fgets(comm, (int)bytes, in))
		comm[strcspn(comm, "\n")] = '\0';
	if (in)
		fclose(in);
}

static bool is_named(const json_t *session, const char *name)
{
	char number[24];

	if (!name || strcmp(text(session, "comm"), name) == 0)
		return true;
	for (unsigned i = 0; i < 2; i++) {
		json_t *value = json_object_get(session, i ? "id" : "pid");

		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		if (strcmp(number, name) == 0)
			return true;
	}
	return false;
}

static int hold_client(struct fault_target *target, const json_t *session, struct lwf_error *error)
{
	pid_t pid = (pid_t)json_integer_value(json_object_get(session, "pid"));
	char comm[32];

	snprintf(target->client_name, sizeof(target->client_name), "%s", text(session, "comm"));
	if (hold(pid, &target->client))
		return fail(error, LWF_EXIT_NO_OBJECT, target->client_name, NULL,
			    "its process is not there now");
	/* the daemon may count processes in another namespace */
	read_comm(pid, comm, sizeof(comm));
	if (strcmp(comm, target->client_name) == 0)
		return 0;
	return fail(error, LWF_EXIT_NO_OBJECT, target->client_name,
		    "run lwf-stress where lwfd runs", "its pid means another process here");
}

int fault_find_client(struct fault_target *target, const char *name, struct lwf_error *error)
{
	json_t *shown = fault_show(target, error);
	const json_t *stack = json_array_get(json_object_get(shown, "stacks"), 0);
	const json_t *sessions = json_object_get(stack, "sessions"), *session, *found = NULL;
	unsigned count = 0;
	int code;
	size_t i;

	if (!shown)
		return (int)error->exit;
	json_array_foreach(sessions, i, session)
	{
		if (!is_named(session, name))
			continue;
		found = session;
		count++;
	}
	if (count == 1)
		code = hold_client(target, found, error);
	else if (count == 0)
		code = fail(error, LWF_EXIT_NO_OBJECT, name ? name : target->stack,
			    "lwfctl show lists the clients of a stack",
			    "the stack has no such client");
	else
		code = fail(error, LWF_EXIT_USAGE, name ? name : target->stack,
			    "give the number of its session, as lwfctl show lists it",
			    "the stack has several of them");
	json_decref(shown);
	return code;
}

/* ---- the whole ---- */

json_t *fault_show(const struct fault_target *target, struct lwf_error *error)
{
	struct lwf_connection *connection;
	json_t *reply = NULL;

	if (lwf_connection_open(target->control, LWF_WIRE_TIMEOUT_NS, &connection, error))
		return NULL;
	if (lwf_connection_request(connection, LWF_WIRE_SHOW,
				   json_pack("{s:s}", "stack", target->stack), LWF_WIRE_TIMEOUT_NS,
				   &reply, NULL, error))
		reply = NULL;
	lwf_connection_close(connection);
	return reply;
}

/* Cuts ".lower" or ".upper" off. */
static bool take_side(char *name, enum fault_which *side)
{
	char *dot = strrchr(name, '.');

	if (!dot || (strcmp(dot, ".lower") != 0 && strcmp(dot, ".upper") != 0))
		return false;
	*side = strcmp(dot, ".upper") == 0 ? FAULT_UPPER : FAULT_LOWER;
	*dot = '\0';
	return true;
}

static int ask(struct fault_target *target, struct lwf_connection *connection,
	       enum fault_which *side, json_t **shown, struct lwf_error *error)
{
	char whole[STRESS_NAME_BYTES];

	memcpy(whole, target->stack, sizeof(whole));
	for (;;) {
		if (lwf_connection_request(connection, LWF_WIRE_SHOW,
					   json_pack("{s:s}", "stack", target->stack),
					   LWF_WIRE_TIMEOUT_NS, shown, NULL, error) == 0)
			return 0;
		/* a stack may be called so itself, and then it is meant */
		if (error->exit != LWF_EXIT_NO_OBJECT || !take_side(target->stack, side)) {
			memcpy(target->stack, whole, sizeof(whole));
			return (int)error->exit;
		}
	}
}

static void take(struct fault_target *target, const json_t *shown)
{
	const json_t *stack = json_array_get(json_object_get(shown, "stacks"), 0);
	const json_t *lower = json_object_get(stack, "lower");
	const json_t *upper = json_object_get(stack, "upper");

	snprintf(target->stack, sizeof(target->stack), "%s", text(stack, "name"));
	target->was_forced = json_is_true(json_object_get(stack, "no_carrier_forced"));
	fault_order_learn(target, stack);
	snprintf(target->lower_kind, sizeof(target->lower_kind), "%s", text(lower, "kind"));
	target->qdisc_kernel = strcmp(text(json_object_get(lower, "info"), "qdisc"), "kernel") == 0;
	if (strcmp(target->lower_kind, "nic") == 0)
		find_side(target, FAULT_LOWER, lower);
	if (strcmp(text(upper, "kind"), "tap") == 0)
		find_side(target, FAULT_UPPER, upper);
	find_peer(target);
	for (unsigned i = 0; i < FAULT_SIDES; i++)
		target->side[i].is = target->side[i].was;
}

void fault_init(struct fault_target *target)
{
	memset(target, 0, sizeof(*target));
	for (unsigned i = 0; i < FAULT_SIDES; i++)
		target->side[i].space = (struct fault_space)FAULT_SPACE_NONE;
	target->away = target->start.space = (struct fault_space)FAULT_SPACE_NONE;
	target->daemon.fd = target->client.fd = target->start.out = target->start.err =
		target->start.page = -1;
	target->lock[0] = target->lock[1] = -1;
}

/* Under the lock all is looked at once more: who had it before may have undone something meanwhile. */
static int ask_alone(struct fault_target *target, struct lwf_connection *connection,
		     enum fault_lock lock, enum fault_which *side, json_t **shown,
		     struct lwf_error *error)
{
	int code;

	if (hold_daemon(target, connection))
		return fail(error, LWF_EXIT_UNREACHABLE, target->control, NULL,
			    "the process of its daemon cannot be seen from here");
	code = ask(target, connection, side, shown, error);
	if (!code)
		code = fault_lock(target, lock, error);
	if (!code && lock != FAULT_LOCK_NONE) {
		json_decref(*shown);
		*shown = NULL;
		code = ask(target, connection, side, shown, error);
	}
	if (!code)
		fault_read_limits(target);
	return code;
}

int fault_find(struct fault_target *target, const char *control, const char *name,
	       enum fault_lock lock, enum fault_which *side, struct lwf_error *error)
{
	struct lwf_connection *connection = NULL;
	json_t *shown = NULL;
	int code;

	fault_init(target);
	*side = FAULT_LOWER;
	if (strlen(name) >= sizeof(target->stack))
		return fail(error, LWF_EXIT_NO_OBJECT, name, "lwfctl show lists the stacks",
			    "no stack has so long a name");
	snprintf(target->stack, sizeof(target->stack), "%s", name);
	if (control)
		snprintf(target->control, sizeof(target->control), "%s", control);
	else
		lwf_wire_default_path(target->control, sizeof(target->control));
	target->marks = mmap(NULL, sizeof(*target->marks), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (target->marks == MAP_FAILED) {
		target->marks = NULL;
		return fail(error, LWF_EXIT_FALSE, "memory", NULL, "there is none");
	}
	if (lwf_connection_open(target->control, LWF_WIRE_TIMEOUT_NS, &connection, error))
		return (int)error->exit;
	code = ask_alone(target, connection, lock, side, &shown, error);
	if (!code)
		take(target, shown);
	json_decref(shown);
	lwf_connection_close(connection);
	return code;
}

void fault_lose(struct fault_target *target)
{
	for (unsigned i = 0; i < FAULT_SIDES; i++) {
		fault_space_close(&target->side[i].space);
		fault_keep_free(&target->side[i].keep);
	}
	fault_space_close(&target->away);
	fault_start_free(&target->start);
	if (target->daemon.fd >= 0)
		close(target->daemon.fd);
	if (target->client.fd >= 0)
		close(target->client.fd);
	for (unsigned i = 0; i < 2; i++)
		if (target->lock[i] >= 0)
			close(target->lock[i]);
	if (target->page)
		munmap(target->page, sizeof(*target->page));
	target->page = NULL;
	if (target->marks)
		munmap(target->marks, sizeof(*target->marks));
	target->marks = NULL;
	target->daemon.fd = target->client.fd = target->lock[0] = target->lock[1] = -1;
}
