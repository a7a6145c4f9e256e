/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - command line to struct lwf_config, by the table in options.def.h.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "connection.h"
#include "options.h"

#define PROGRAM	 "lwfd"
#define SEE_HELP "see lwfd --help"

enum option_id {
#define OPTION(symbol, name, argument, help) OPTION_##symbol,
#include "options.def.h"
#undef OPTION
	OPTIONS
};

const struct lwf_daemon_option lwf_daemon_options[] = {
#define OPTION(symbol, name, argument, help) {name, argument, help},
#include "options.def.h"
#undef OPTION
	{NULL, NULL, NULL},
};

static const char *const examples[][2] = {
	{"lwfd --nic eth1 --tap lwf0",
	 "bridge eth1 to a new TAP lwf0; lwfctl show tells how it goes"},
	{"lwfd --nic eth1 --tap lwf0 --takeover", "the same on the NIC that the machine lives on"},
	{"lwfd --nic eth1 --upper none --share", "no TAP: for lwf-inject alone"},
	{"lwfd --lower nic:eth1,netns=lab,qdisc=kernel --upper tap:lwf0 --wait-nic",
	 "a NIC in namespace lab, sent to through its qdisc, maybe not there yet"},
	{"lwfd --lower pcap:in.pcap:out.pcap --upper tap:lwf0", "a file as the wire"},
};

void lwf_daemon_help(FILE *out)
{
	fprintf(out,
		"usage: lwfd --nic NAME --tap NAME [option...]\n"
		"\nRuns a stack of filters between a TAP and a network interface until it is told "
		"to end.\n\noptions:\n");
	for (const struct lwf_daemon_option *o = lwf_daemon_options; o->name; o++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s %s", o->name, o->argument ? o->argument : "");
		fprintf(out, "  %-22s %s\n", left, o->help);
	}
	fprintf(out, "\nexamples:\n");
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		fprintf(out, "  %s\n      %s\n", examples[i][0], examples[i][1]);
	fprintf(out,
		"\nexit codes: 0 ended on request, 2 usage, 4 not permitted, 5 no such interface, "
		"6 busy or a second daemon\n");
}

static int usage(const char *what, const char *why)
{
	return lwf_cli_fail(PROGRAM, LWF_EXIT_USAGE, what, SEE_HELP, "%s", why);
}

/* The functions of config.c give a whole line. */
static int usage_line(const char *line)
{
	return lwf_cli_line(PROGRAM, LWF_EXIT_USAGE, line);
}

static int read_edge(const char *option, const char *prefix, const char *text,
		     struct lwf_edge_config *edge)
{
	char spec[2 * LWF_FILE_BYTES], line[512];

	if (edge->kind != LWF_EDGE_UNSET)
		return usage(option, "this edge was given before");
	if (snprintf(spec, sizeof(spec), "%s%s", prefix, text) >= (int)sizeof(spec))
		return usage(option, "the text is too long");
	/* --nic eth1,netns=x would be taken as a SPEC: it is a name only */
	if (prefix[0] && strchr(text, ','))
		return lwf_cli_fail(PROGRAM, LWF_EXIT_USAGE, option, "use --lower or --upper SPEC",
				    "'%.64s' is no name of an interface", text);
	if (lwf_edge_config_parse(spec, edge, line, sizeof(line)))
		return usage_line(line);
	return -1;
}

static int read_text(const char *option, const char *text, char *to, size_t bytes)
{
	if (!text[0])
		return usage(option, "it is empty");
	if (strlen(text) >= bytes)
		return lwf_cli_fail(PROGRAM, LWF_EXIT_USAGE, option, SEE_HELP,
				    "it is longer than %zu bytes", bytes - 1);
	memcpy(to, text, strlen(text) + 1);
	return -1;
}

static int read_group(const char *text, struct lwf_config *config)
{
	struct group *group;
	char *end;
	unsigned long gid;
	int ret = read_text("--group", text, config->group_name, sizeof(config->group_name));

	if (ret >= 0)
		return ret;
	config->has_group = true;
	group = getgrnam(text);
	if (group) {
		config->group = group->gr_gid;
		return -1;
	}
	errno = 0;
	gid = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || gid >= (gid_t)-1)
		return lwf_cli_fail(PROGRAM, LWF_EXIT_USAGE, text, "see getent group",
				    "there is no such group");
	config->group = (gid_t)gid;
	return -1;
}

static int read_log_level(const char *text, struct lwf_config *config)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcasecmp(text, names[i])) {
			config->log_level = (enum lwf_log_level)i;
			return -1;
		}
	}
	return lwf_cli_fail(PROGRAM, LWF_EXIT_USAGE, "--log-level",
			    "use error, warning, info or debug", "'%.64s' is no level", text);
}

/* -1: go on. Otherwise the exit code. */
static int read_option(enum option_id id, const char *text, struct lwf_config *config)
{
	char line[512];

	switch (id) {
	case OPTION_NIC:
		return read_edge("--nic", "nic:", text, &config->lower);
	case OPTION_TAP:
		return read_edge("--tap", "tap:", text, &config->upper);
	case OPTION_UPPER:
		return read_edge("--upper", "", text, &config->upper);
	case OPTION_LOWER:
		return read_edge("--lower", "", text, &config->lower);
	case OPTION_STACK:
		return read_text("--stack", text, config->stack, sizeof(config->stack));
	case OPTION_FILTER:
		if (lwf_config_add_filter(config, text, line, sizeof(line)))
			return usage_line(line);
		return -1;
	case OPTION_LOAD:
		if (config->load_count == LWF_LOADS_MAX)
			return usage("--load", "eight shared objects are the most");
		return read_text("--load", text, config->load[config->load_count++],
				 sizeof(config->load[0]));
	case OPTION_OWNER_NETNS:
		if (config->owner_netns_count == LWF_OWNER_NETNS_MAX)
			return usage("--owner-netns", "seven network namespaces are the most");
		return read_text("--owner-netns", text,
				 config->owner_netns[config->owner_netns_count++],
				 sizeof(config->owner_netns[0]));
	case OPTION_OWNER_BPF:
		return read_text("--owner-bpf", text, config->owner_bpf, sizeof(config->owner_bpf));
	case OPTION_PROFILE:
		if (!lwf_profile_parse(text, &config->profile))
			return lwf_cli_fail(PROGRAM, LWF_EXIT_USAGE, "--profile",
					    "use strict, lenient or npcap", "'%.64s' is no profile",
					    text);
		return -1;
	case OPTION_CONTROL:
		return read_text("--control", text, config->control, sizeof(config->control));
	case OPTION_GROUP:
		return read_group(text, config);
	case OPTION_LOG_LEVEL:
		return read_log_level(text, config);
	case OPTION_NO_DEFAULT_FILTERS:
		config->no_default_filters = true;
		return -1;
	case OPTION_TAKEOVER:
		config->takeover = true;
		return -1;
	case OPTION_SHARE:
		config->share = true;
		return -1;
	case OPTION_WAIT_NIC:
		config->wait_nic = true;
		return -1;
	case OPTION_JSON:
	case OPTION_HELP:
	case OPTION_VERSION:
	case OPTIONS:
		break;
	}
	return -1;
}

/* --json changes what --version prints, wherever it stands. */
static bool has_flag(int argc, char **argv, const char *flag)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (!strcmp(argv[i], flag))
			return true;
	}
	return false;
}

/* The watchdog child and the user read the path elsewhere: it is absolute from here on. */
static int finish_control(struct lwf_config *config)
{
	char path[2 * LWF_FILE_BYTES], cwd[LWF_FILE_BYTES];

	if (!config->control[0] &&
	    !lwf_wire_default_path(config->control, sizeof(config->control))[0])
		return usage("LWF_CONTROL", "the path of the control socket is too long");
	if (config->control[0] == '/')
		return -1;
	if (!getcwd(cwd, sizeof(cwd)))
		return usage("--control", "there is no current directory; give an absolute path");
	snprintf(path, sizeof(path), "%s/%s", cwd, config->control);
	return read_text("--control", path, config->control, sizeof(config->control));
}

static int finish(struct lwf_config *config)
{
	char line[512];
	int ret = finish_control(config);

	if (ret >= 0)
		return ret;
	if (lwf_config_finish(config, line, sizeof(line)))
		return usage_line(line);
	return -1;
}

int lwf_daemon_options_read(int argc, char **argv, struct lwf_config *config)
{
	struct option longs[OPTIONS + 1];
	int got, ret;

	memset(config, 0, sizeof(*config));
	memset(longs, 0, sizeof(longs));
	config->log_level = LWF_LOG_INFO;
	config->json = has_flag(argc, argv, "--json");
	for (int i = 0; i < OPTIONS; i++) {
		longs[i].name = lwf_daemon_options[i].name;
		longs[i].has_arg = lwf_daemon_options[i].argument ? required_argument : no_argument;
		longs[i].val = i + 256;
	}
	opterr = 0;
	optind = 1;
	while ((got = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		if (got == '?' || got == ':')
			return lwf_cli_bad_option(PROGRAM, got, argv);
		if (got == OPTION_HELP + 256) {
			lwf_daemon_help(stdout);
			return lwf_cli_finish(PROGRAM, LWF_EXIT_OK);
		}
		if (got == OPTION_VERSION + 256)
			return lwf_cli_version(PROGRAM, config->json);
		ret = read_option((enum option_id)(got - 256), optarg, config);
		if (ret >= 0)
			return ret;
	}
	if (optind < argc)
		return usage(argv[optind], "lwfd takes no operands");
	return finish(config);
}
