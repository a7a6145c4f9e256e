/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - lwfd: the stages of its start, in order.
 *
 * Each stage takes what the next ones need and what only a process with all rights can take. When
 * one fails, the user has been told why, and all that was done before is undone in reverse. The
 * control socket appears when all is up; until then nobody can talk to a half-made daemon.
 */
#include "cli.h"
#include "daemon.h"
#include "log.h"
#include "options.h"

static const struct {
	const char *what; /* for the reader of this table */
	int (*run)(struct lwf_daemon *daemon);
} stages[] = {
	{"watchdog child, before there are threads or devices", lwf_daemon_guardian},
	{"resolver process, the one that may look into others", lwf_daemon_resolver},
	{"claim on the control socket's path", lwf_daemon_claim},
	{"loop, signals, engine, control server", lwf_daemon_host},
	{"NIC looked up and claimed", lwf_daemon_adapter},
	{"devices opened", lwf_daemon_edges},
	{"stack and its filters", lwf_daemon_stack},
	{"NIC's own stack shut out, links followed", lwf_daemon_follow},
	{"control socket made, not yet shown", lwf_daemon_socket},
	{"stack runs; TAP up, takeover, rights dropped, socket shown", lwf_daemon_serve},
};

int main(int argc, char **argv)
{
	static struct lwf_config config;
	static struct lwf_daemon daemon;
	int code;

	lwf_cli_begin(argc, argv);
	code = lwf_daemon_options_read(argc, argv, &config);
	if (code >= 0)
		return code;
	lwf_daemon_log_init(config.log_level);
	lwf_daemon_init(&daemon, &config);
	for (unsigned i = 0; code < 0 && i < sizeof(stages) / sizeof(stages[0]); i++)
		code = stages[i].run(&daemon);
	return lwf_daemon_end(&daemon, code);
}
