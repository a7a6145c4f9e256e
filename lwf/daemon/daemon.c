/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * daemon.c - start, service and end of lwfd.
 *
 * The end is a way of its own. On SIGTERM the stack gets the hold "close": it pauses and detaches,
 * frames come home, and every record that is still in a client's ring is answered PAUSED. Then the
 * connections are closed, addresses and ingress are given back, and the stack goes. What has not come
 * home after LWF_DRAIN_LIMIT_NS is cancelled; what even then does not is named and left; what was done to the machine is
 * undone all the same. A second SIGINT does that at once.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "connection.h"
#include "daemon.h"
#include "edges.h"
#include "hosts.h"
#include "load.h"
#include "log.h"
#include "sandbox.h"

#define PROGRAM "lwfd"

static int fail(enum lwf_exit code, const char *what, const char *next, const char *why)
{
	return lwf_cli_fail(PROGRAM, code, what, next, "%s", why);
}

/* For functions whose message is a whole line. */
static int fail_line(int err, const char *line)
{
	switch (-err) {
	case ENODEV:
	case ENOENT:
		return lwf_cli_line(PROGRAM, LWF_EXIT_NO_OBJECT, line);
	case EPERM:
	case EACCES:
		return lwf_cli_line(PROGRAM, LWF_EXIT_PERMISSION, line);
	case EINVAL:
		return lwf_cli_line(PROGRAM, LWF_EXIT_USAGE, line);
	default:
		return lwf_cli_line(PROGRAM, LWF_EXIT_REFUSED, line);
	}
}

static void daemon_post(struct lwf_daemon *daemon)
{
	if (daemon->posted)
		return;
	daemon->posted = true;
	lwf_host_post(daemon->host, &daemon->task);
}

void lwf_daemon_init(struct lwf_daemon *daemon, const struct lwf_config *config)
{
	memset(daemon, 0, sizeof(*daemon));
	daemon->config = config;
	daemon->exit_code = LWF_EXIT_OK;
	daemon->sock.fd = -1;
	daemon->sock.lock_fd = -1;
	daemon->resolver.fd = -1;
}

/* ---- stages ---- */

int lwf_daemon_guardian(struct lwf_daemon *daemon)
{
	int ret;

	signal(SIGPIPE, SIG_IGN);
	ret = guardian_start(&daemon->guardian);
	if (ret)
		return fail(LWF_EXIT_REFUSED, "watchdog child", "try again", strerror(-ret));
	return -1;
}

int lwf_daemon_resolver(struct lwf_daemon *daemon)
{
	int ret = owner_resolver_start(&daemon->resolver);

	if (ret)
		return fail(LWF_EXIT_REFUSED, "resolver process", "try again", strerror(-ret));
	return -1;
}

int lwf_daemon_claim(struct lwf_daemon *daemon)
{
	char usual[LWF_CONTROL_PATH_BYTES];
	struct lwf_error error;

	if (lwf_socket_claim(&daemon->sock, daemon->config->control, &error)) {
		/* an ordinary user without a runtime directory may not make one in /run */
		if (error.exit == LWF_EXIT_USAGE && geteuid() != 0 &&
		    !strcmp(daemon->config->control, lwf_wire_default_path(usual, sizeof(usual))))
			error.exit = LWF_EXIT_PERMISSION;
		return lwf_cli_error(PROGRAM, &error);
	}
	if (daemon->sock.made_dir[0]) /* first in is last undone: then it is empty */
		guardian_file(daemon->guardian, daemon->sock.made_dir);
	guardian_file(daemon->guardian, daemon->sock.lock_path);
	return -1;
}

static void on_terminate(void *context);
static void on_interrupt(void *context);
static void on_dump(void *context);
static void on_turn(void *context);
static void on_limit(void *context);
static void on_record(struct lwf_observer *observer, const struct lwf_trace_record *record);

static int watch_signals(struct lwf_daemon *daemon)
{
	int ret = lwf_event_host_signal(daemon->host, SIGTERM, on_terminate, daemon);

	if (!ret)
		ret = lwf_event_host_signal(daemon->host, SIGINT, on_interrupt, daemon);
	if (!ret)
		ret = lwf_event_host_signal(daemon->host, SIGUSR1, on_dump, daemon);
	/* a terminal that is closed ends it in order, unless it was started with nohup */
	if (!ret && signal(SIGHUP, SIG_DFL) != SIG_IGN)
		ret = lwf_event_host_signal(daemon->host, SIGHUP, on_terminate, daemon);
	else
		signal(SIGHUP, SIG_IGN);
	return ret;
}

static void show_lower(void *context, const struct lwf_stack *stack, char *text, size_t bytes)
{
	struct lwf_daemon *daemon = context;
	size_t used;

	(void)stack;
	text[0] = '\0';
	if (daemon->adapter)
		adapter_describe(daemon->adapter, text, bytes);
	used = strlen(text);
	if (daemon->rights[0] && used < bytes)
		snprintf(text + used, bytes - used, " rights=%s", daemon->rights);
	used = strlen(text);
	if (daemon->owners && used < bytes)
		owner_service_describe(daemon->owners, text + used, bytes - used);
}

int lwf_daemon_host(struct lwf_daemon *daemon)
{
	const struct lwf_show_facts facts = {show_lower, daemon};
	int ret = -ENOMEM;

	daemon->host = lwf_event_host_create(lwf_daemon_log);
	if (!daemon->host)
		return fail(LWF_EXIT_REFUSED, "event loop", "see ulimit -a", strerror(ENOMEM));
	daemon->task.fn = on_turn;
	daemon->task.context = daemon;
	daemon->observer.record = on_record;
	ret = watch_signals(daemon);
	if (!ret)
		ret = lwf_timer_init(&daemon->limit, daemon->host, on_limit, daemon);
	if (!ret)
		ret = guardian_follow(daemon->guardian, daemon->host);
	if (ret)
		return fail(LWF_EXIT_REFUSED, "event loop", "see ulimit -a", strerror(-ret));
	daemon->engine = lwf_engine_create(daemon->host);
	if (!daemon->engine)
		return fail(LWF_EXIT_REFUSED, "engine", "see ulimit -v", strerror(ENOMEM));
	ret = owner_service_create(daemon->host, &daemon->resolver, &daemon->owners);
	if (ret)
		return fail(LWF_EXIT_REFUSED, "owner service", "see ulimit -a", strerror(-ret));
	lwf_event_host_set_owners(daemon->host, owner_service_face(daemon->owners));
	lwf_engine_set_profile(daemon->engine, daemon->config->profile);
	for (uint32_t i = 0; i < daemon->config->load_count; i++) {
		char line[1024];

		if (lwf_load_filters(daemon->engine, daemon->config->load[i], line, sizeof(line)))
			return lwf_cli_line(PROGRAM, LWF_EXIT_USAGE, line);
	}
	lwf_engine_observe(daemon->engine, &daemon->observer);
	ret = lwf_server_init(&daemon->server, daemon->engine, daemon->config, &facts);
	if (ret)
		return fail(LWF_EXIT_REFUSED, "control server", "see ulimit -n", strerror(-ret));
	daemon->has_server = true;
	return -1;
}

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

int lwf_daemon_adapter(struct lwf_daemon *daemon)
{
	const struct lwf_config *config = daemon->config;
	bool nic = config->lower.kind == LWF_EDGE_NIC, tap = config->upper.kind == LWF_EDGE_TAP;
	char runtime_dir[LWF_CONTROL_PATH_BYTES], line[512] = "";
	struct adapter_config adapter = {
		.stack_name = config->stack,
		.nic_name = nic ? config->lower.name : NULL,
		.nic_netns = or_null(config->lower.netns),
		.tap_name = tap ? config->upper.name : NULL,
		.tap_netns = or_null(config->upper.netns),
		.takeover = config->takeover,
		.share = config->share,
		.wait_nic = config->wait_nic,
		.runtime_dir = runtime_dir,
		.guardian = daemon->guardian,
	};
	char *slash;
	int ret;

	snprintf(runtime_dir, sizeof(runtime_dir), "%s", config->control);
	slash = strrchr(runtime_dir, '/');
	if (slash)
		slash[slash == runtime_dir ? 1 : 0] = '\0';
	ret = link_open(daemon->host, &daemon->monitor);
	if (ret)
		return fail(LWF_EXIT_REFUSED, "rtnetlink", "see the log", strerror(-ret));
	adapter.monitor = daemon->monitor;
	ret = adapter_open(&adapter, &daemon->adapter, line, sizeof(line));
	return ret ? fail_line(ret, line) : -1;
}

/* What it means that a device could not be opened. */
static int fail_device(const struct lwf_edge_config *edge, int err)
{
	char spec[2 * LWF_FILE_BYTES];

	lwf_edge_config_print(edge, spec, sizeof(spec));
	switch (-err) {
	case EBUSY:
		return fail(LWF_EXIT_REFUSED, spec,
			    "end the program that has it, or take another name",
			    "it is in use by another process");
	case EPERM:
	case EACCES:
		return fail(LWF_EXIT_PERMISSION, spec, "run it as root, or inside unshare -Urnm",
			    edge->kind == LWF_EDGE_TAP
				    ? "it needs CAP_NET_ADMIN, and a tun device that may be opened"
				    : "it needs CAP_NET_ADMIN and CAP_NET_RAW");
	case ENODEV:
		return fail(LWF_EXIT_NO_OBJECT, spec, "see ip link, or give --wait-nic",
			    "there is no such interface");
	case ENOENT:
		return fail(LWF_EXIT_NO_OBJECT, spec, "see ip netns list",
			    "there is no such network namespace");
	case ENXIO:
		return fail(LWF_EXIT_NO_OBJECT, spec, "modprobe tun",
			    "there is no tun device here");
	case EINVAL:
		return fail(LWF_EXIT_USAGE, spec, "take another name",
			    "there is a device of another kind with this name");
	default:
		return fail(LWF_EXIT_REFUSED, spec, "see the log", strerror(-err));
	}
}

static int open_edge(struct lwf_daemon *daemon, const struct lwf_edge_config *config,
		     struct lwf_edge **edge)
{
	const struct link_info *nic = adapter_nic(daemon->adapter);
	struct lwf_tap_config tap = {
		.name = config->name,
		.netns = or_null(config->netns),
		.mirror_mac = !daemon->config->share,
	};
	struct lwf_nic_config lower = {
		.name = config->name,
		.netns = or_null(config->netns),
		.ifindex = nic ? nic->facts.ifindex : 0,
		.qdisc_kernel = config->qdisc_kernel,
	};
	char line[512] = "";
	int ret = 0;

	switch (config->kind) {
	case LWF_EDGE_TAP:
		ret = lwf_tap_create(daemon->host, &tap, edge);
		break;
	case LWF_EDGE_NIC:
		ret = lwf_nic_create(daemon->host, &lower, edge);
		break;
	case LWF_EDGE_PCAP:
		ret = lwf_pcapfile_create(daemon->host, or_null(config->in), or_null(config->out),
					  edge, line, sizeof(line));
		if (ret)
			return lwf_cli_line(PROGRAM,
					    ret == -EACCES || ret == -EPERM ? LWF_EXIT_PERMISSION
									    : LWF_EXIT_USAGE,
					    line);
		break;
	case LWF_EDGE_UNSET:
	case LWF_EDGE_NONE:
		break;
	}
	return ret ? fail_device(config, ret) : -1;
}

static int fail_space(int ret, const char *name)
{
	if (ret == -ENOENT)
		return fail(LWF_EXIT_NO_OBJECT, name, "see ip netns list",
			    "there is no such network namespace");
	return fail(ret == -EPERM ? LWF_EXIT_PERMISSION : LWF_EXIT_REFUSED, name,
		    "see ip netns list", strerror(-ret));
}

/* Sockets behind the TAP first: there the host's own programs are. */
static int open_owner_spaces(struct lwf_daemon *daemon)
{
	const struct lwf_config *config = daemon->config;
	bool tap = config->upper.kind == LWF_EDGE_TAP;

	for (uint32_t i = 0; i <= config->owner_netns_count; i++) {
		const char *name = i ? config->owner_netns[i - 1] : config->upper.netns;
		struct nsnet *ns = NULL;
		int ret = nsnet_get(i || tap ? or_null(name) : NULL, &ns);

		if (!ret)
			ret = owner_service_add(daemon->owners, ns,
						!i && tap ? config->upper.name : NULL);
		nsnet_put(ns);
		if (ret)
			return fail_space(ret, i ? name : "sockets of the TAP's namespace");
	}
	return -1;
}

static int fail_trail(int ret, const char *cgroup)
{
	static const char without[] = "without --owner-bpf such owners stay unknown";

	switch (ret) {
	case -ENOENT:
		return fail(LWF_EXIT_NO_OBJECT, cgroup, "see mount -t cgroup2",
			    "there is no such cgroup of version 2");
	case -EPERM:
		return fail(LWF_EXIT_PERMISSION, "--owner-bpf", without,
			    "loading a BPF program takes root outside of user namespaces");
	case -EOPNOTSUPP:
		return fail(LWF_EXIT_REFUSED, "--owner-bpf", without,
			    "the kernel lacks what it needs; Linux 6.10 has it");
	default:
		return fail(LWF_EXIT_REFUSED, "--owner-bpf", without, strerror(-ret));
	}
}

/* While the right to load a program is there. */
static int open_owner_trail(struct lwf_daemon *daemon)
{
	const char *cgroup = daemon->config->owner_bpf;
	struct owner_trail trail;
	int ret;

	if (!*cgroup)
		return -1;
	ret = owner_trail_open(&trail, cgroup);
	if (ret)
		return fail_trail(ret, cgroup);
	owner_service_follow(daemon->owners, &trail);
	return -1;
}

int lwf_daemon_edges(struct lwf_daemon *daemon)
{
	int code = open_edge(daemon, &daemon->config->lower, &daemon->lower);

	if (code < 0)
		code = open_edge(daemon, &daemon->config->upper, &daemon->upper);
	if (code < 0)
		code = open_owner_spaces(daemon);
	if (code < 0)
		code = open_owner_trail(daemon);
	return code;
}

int lwf_daemon_stack(struct lwf_daemon *daemon)
{
	const struct lwf_config *config = daemon->config;
	struct lwf_edge *upper = daemon->upper, *lower = daemon->lower;
	char why[256] = "";
	int ret;

	daemon->upper = NULL;
	daemon->lower = NULL;
	ret = lwf_stack_create(daemon->engine, config->stack, upper, lower, &daemon->stack);
	if (ret)
		return lwf_cli_fail(
			PROGRAM, ret == -EINVAL ? LWF_EXIT_USAGE : LWF_EXIT_REFUSED, "--stack",
			ret == -EINVAL ? "give another one: ASCII, without spaces and '/'"
				       : "see ulimit -a",
			"'%s': %s", config->stack,
			ret == -EINVAL ? "it cannot be the name of a stack" : strerror(-ret));
	for (uint32_t i = 0; i < config->filter_count; i++) {
		ret = lwf_stack_insert(daemon->stack, config->filters[i], i, NULL, why,
				       sizeof(why));
		if (ret)
			return fail(ret == -EINVAL || ret == -ENOENT ? LWF_EXIT_USAGE
								     : LWF_EXIT_REFUSED,
				    config->filters[i], "see man lwfd, FILTERS",
				    why[0] ? why : strerror(-ret));
	}
	return -1;
}

int lwf_daemon_follow(struct lwf_daemon *daemon)
{
	char line[512] = "";
	int ret = adapter_follow(daemon->adapter, daemon->stack, line, sizeof(line));

	return ret ? fail_line(ret, line) : -1;
}

int lwf_daemon_socket(struct lwf_daemon *daemon)
{
	struct lwf_error error;

	if (lwf_socket_make(&daemon->sock, daemon->config->has_group, daemon->config->group,
			    &error))
		return lwf_cli_error(PROGRAM, &error);
	guardian_file(daemon->guardian, daemon->sock.temp_path); /* until it is shown */
	return -1;
}

/* ---- service ---- */

/* TAP up and takeover, once, when the stack runs for the first time. False: it failed. */
static bool first_run(struct lwf_daemon *daemon)
{
	char line[512] = "";
	int ret;

	if (daemon->has_run || lwf_stack_state(daemon->stack) != LWF_STATE_RUNNING)
		return true;
	daemon->has_run = true;
	ret = adapter_running(daemon->adapter, daemon->did, sizeof(daemon->did), line,
			      sizeof(line));
	if (!ret)
		return true;
	if (daemon->phase != LWF_PHASE_STARTING) {
		lwf_log(daemon->host, LWF_LOG_ERROR, "%s", line);
		return true; /* the stack serves on; the user was told when it was started */
	}
	daemon->exit_code = fail_line(ret, line);
	return false;
}

static void drop_rights(struct lwf_daemon *daemon)
{
	int ret = sandbox_enter();

	if (ret)
		lwf_log(daemon->host, LWF_LOG_WARNING, "rights cannot be dropped: %s",
			strerror(-ret));
	sandbox_describe(daemon->rights, sizeof(daemon->rights));
	for (char *c = daemon->rights; *c; c++) {
		if (*c == ' ')
			*c = ',';
	}
}

static bool open_for_clients(struct lwf_daemon *daemon)
{
	struct lwf_error error;
	int ret = lwf_server_listen(&daemon->server, daemon->sock.fd);

	if (ret) {
		daemon->exit_code = fail(LWF_EXIT_REFUSED, daemon->config->control, "try again",
					 strerror(-ret));
		return false;
	}
	if (lwf_socket_show(&daemon->sock, &error)) {
		daemon->exit_code = lwf_cli_error(PROGRAM, &error);
		return false;
	}
	guardian_file(daemon->guardian, daemon->sock.path);
	return true;
}

static void begin_end(struct lwf_daemon *daemon);

/*
 * The stack is where it can be for now. The socket is shown before rights are dropped, since its
 * directory may be somebody else's; no client is heard before the loop's next turn.
 */
static void started(struct lwf_daemon *daemon)
{
	lwf_timer_cancel(&daemon->limit);
	if (!first_run(daemon) || !open_for_clients(daemon)) {
		begin_end(daemon);
		return;
	}
	drop_rights(daemon);
	daemon->phase = LWF_PHASE_SERVING;
	lwf_daemon_announce(daemon);
}

/* ---- the end ---- */

static void stack_closed(void *context)
{
	struct lwf_daemon *daemon = context;

	daemon->stack = NULL;
	lwf_event_host_stop(daemon->host);
}

static void begin_close(struct lwf_daemon *daemon)
{
	daemon->phase = LWF_PHASE_CLOSING;
	lwf_clients_drain(&daemon->server.clients);
	lwf_server_close_peers(&daemon->server);
	adapter_close(daemon->adapter);
	daemon->adapter = NULL;
	lwf_timer_set(&daemon->limit, LWF_CLOSE_LIMIT_NS);
	lwf_stack_close(daemon->stack, stack_closed, daemon);
}

static void begin_end(struct lwf_daemon *daemon)
{
	daemon->phase = LWF_PHASE_DRAINING;
	lwf_server_stop_accepting(&daemon->server);
	lwf_socket_hide(&daemon->sock);
	lwf_timer_set(&daemon->limit, LWF_DRAIN_LIMIT_NS);
	lwf_stack_hold(daemon->stack, LWF_HOLD_CLOSE);
	lwf_clients_stop_waiting(daemon->stack);
	daemon_post(daemon);
}

/* What a filter or an edge still holds is asked back; the rest of the time is for its way home. */
static void cancel_held(struct lwf_daemon *daemon)
{
	daemon->cancelled = true;
	lwf_timer_set(&daemon->limit, LWF_CANCEL_LIMIT_NS);
	lwf_clients_cancel(daemon->stack);
}

/* Frames are lost inside: undo what was done to the machine, and go. Memory goes with the process. */
static void cut(struct lwf_daemon *daemon)
{
	char text[160] = "";

	if (daemon->stack)
		lwf_stack_waiting(daemon->stack, text, sizeof(text));
	lwf_log(daemon->host, LWF_LOG_ERROR,
		"%s: not drained in time, waited for %s; ended all the same", daemon->config->stack,
		text[0] ? text : "its devices");
	if (daemon->stack)
		lwf_clients_goodbye(daemon->stack);
	adapter_close(daemon->adapter);
	lwf_socket_close(&daemon->sock);
	guardian_finish(daemon->guardian);
	_exit(daemon->exit_code);
}

static void on_limit(void *context)
{
	struct lwf_daemon *daemon = context;

	if (daemon->phase == LWF_PHASE_STARTING)
		started(daemon);
	else if (daemon->phase == LWF_PHASE_DRAINING && !daemon->cancelled)
		cancel_held(daemon);
	else if (daemon->phase != LWF_PHASE_SERVING)
		cut(daemon);
}

static void on_terminate(void *context)
{
	struct lwf_daemon *daemon = context;

	if (daemon->phase == LWF_PHASE_STARTING || daemon->phase == LWF_PHASE_SERVING)
		begin_end(daemon);
}

static void on_interrupt(void *context)
{
	struct lwf_daemon *daemon = context;

	if (daemon->phase == LWF_PHASE_DRAINING || daemon->phase == LWF_PHASE_CLOSING)
		cut(daemon);
	on_terminate(daemon);
}

static void on_dump(void *context)
{
	lwf_daemon_dump(context);
}

/* ---- turns ---- */

static void on_record(struct lwf_observer *observer, const struct lwf_trace_record *record)
{
	struct lwf_daemon *daemon =
		(struct lwf_daemon *)(void *)((char *)observer -
					      offsetof(struct lwf_daemon, observer));

	if (record->kind == LWF_TRACE_STACK || record->kind == LWF_TRACE_HOLD)
		daemon_post(daemon);
}

static void on_turn(void *context)
{
	struct lwf_daemon *daemon = context;
	bool settled;

	daemon->posted = false;
	if (!daemon->stack)
		return;
	settled = lwf_stack_settled(daemon->stack);
	switch (daemon->phase) {
	case LWF_PHASE_STARTING:
		if (settled)
			started(daemon);
		break;
	case LWF_PHASE_SERVING:
		first_run(daemon);
		break;
	case LWF_PHASE_DRAINING:
		if (settled && lwf_stack_state(daemon->stack) == LWF_STATE_DETACHED)
			begin_close(daemon);
		break;
	case LWF_PHASE_CLOSING:
		break;
	}
}

int lwf_daemon_serve(struct lwf_daemon *daemon)
{
	int ret;

	lwf_timer_set(&daemon->limit, LWF_START_LIMIT_NS);
	lwf_stack_start(daemon->stack);
	daemon_post(daemon);
	ret = lwf_event_host_run(daemon->host);
	if (ret)
		return fail(LWF_EXIT_REFUSED, "event loop", NULL, strerror(-ret));
	return daemon->exit_code;
}

/* A stack that was never started is empty of frames: its end takes one turn of the loop. */
static void close_stack(struct lwf_daemon *daemon)
{
	daemon->phase = LWF_PHASE_CLOSING;
	lwf_timer_set(&daemon->limit, LWF_CLOSE_LIMIT_NS);
	lwf_stack_close(daemon->stack, stack_closed, daemon);
	lwf_event_host_run(daemon->host);
}

int lwf_daemon_end(struct lwf_daemon *daemon, int code)
{
	daemon->exit_code = code;
	adapter_close(daemon->adapter);
	if (daemon->stack)
		close_stack(daemon);
	if (daemon->upper)
		daemon->upper->ops->close(daemon->upper);
	if (daemon->lower)
		daemon->lower->ops->close(daemon->lower);
	if (daemon->has_server)
		lwf_server_fini(&daemon->server);
	if (daemon->engine)
		lwf_engine_unobserve(daemon->engine, &daemon->observer);
	lwf_engine_destroy(daemon->engine);
	link_close(daemon->monitor);
	lwf_close_flush();
	lwf_timer_fini(&daemon->limit);
	guardian_unfollow(daemon->guardian);
	owner_service_destroy(daemon->owners); /* the loop has ended: nothing of it is posted */
	owner_resolver_finish(&daemon->resolver);
	lwf_event_host_destroy(daemon->host);
	lwf_socket_close(&daemon->sock);
	guardian_finish(daemon->guardian);
	return code;
}
