/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_options.c - the command line of lwf-inject.
 *
 * Everything is checked here before a file or a socket is opened, so that a typo costs nothing.
 */
#include "inject_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum {
	OPT_DIRECTION = 256,
	OPT_RATE,
	OPT_SPEED,
	OPT_TOPSPEED,
	OPT_TIMING,
	OPT_MAX_GAP,
	OPT_DURATION,
	OPT_LOOP,
	OPT_LIMIT,
	OPT_WHEN_PAUSED,
	OPT_SEND_TRUNCATED,
	OPT_NIC,
	OPT_TEMPLATE,
	OPT_SRC_MAC,
	OPT_DST_MAC,
	OPT_POP_VLAN,
	OPT_PUSH_VLAN,
	OPT_MAP_IP,
	OPT_VERIFY,
	OPT_SEED,
	OPT_FOR,
	OPT_IDLE,
	OPT_JSON,
	OPT_CONTROL,
	OPT_VERSION,
};

#define BIT(opt) (1u << ((opt)-OPT_DIRECTION)) /* in the set of options that were given */

static const struct option long_options[] = {
	{"direction", required_argument, NULL, OPT_DIRECTION},
	{"rate", required_argument, NULL, OPT_RATE},
	{"speed", required_argument, NULL, OPT_SPEED},
	{"topspeed", no_argument, NULL, OPT_TOPSPEED},
	{"timing", required_argument, NULL, OPT_TIMING},
	{"max-gap", required_argument, NULL, OPT_MAX_GAP},
	{"duration", required_argument, NULL, OPT_DURATION},
	{"loop", required_argument, NULL, OPT_LOOP},
	{"limit", required_argument, NULL, OPT_LIMIT},
	{"when-paused", required_argument, NULL, OPT_WHEN_PAUSED},
	{"send-truncated", no_argument, NULL, OPT_SEND_TRUNCATED},
	{"nic", required_argument, NULL, OPT_NIC},
	{"template", required_argument, NULL, OPT_TEMPLATE},
	{"src-mac", required_argument, NULL, OPT_SRC_MAC},
	{"dst-mac", required_argument, NULL, OPT_DST_MAC},
	{"pop-vlan", no_argument, NULL, OPT_POP_VLAN},
	{"push-vlan", required_argument, NULL, OPT_PUSH_VLAN},
	{"map-ip", required_argument, NULL, OPT_MAP_IP},
	{"verify", required_argument, NULL, OPT_VERIFY},
	{"seed", required_argument, NULL, OPT_SEED},
	{"for", required_argument, NULL, OPT_FOR},
	{"idle", required_argument, NULL, OPT_IDLE},
	{"json", no_argument, NULL, OPT_JSON},
	{"control", required_argument, NULL, OPT_CONTROL},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPT_VERSION},
	{0},
};

static const char help[] =
	"Usage: lwf-inject STACK FILE|- [options]\n"
	"       lwf-inject STACK --template TEXT [options]\n"
	"       lwf-inject --nic NAME FILE|- [options]\n"
	"       lwf-inject --verify NAME [--seed N] [--limit N] [--for TIME] [--idle TIME] "
	"[--json]\n"
	"\n"
	"Injects the Ethernet frames of a capture (pcap or pcapng) into a stack of lwfd, and "
	"tells\n"
	"what became of each of them.\n"
	"\n"
	"  --direction send|receive  towards the NIC (default), or towards the host\n"
	"  --rate R                  at a fixed rate: 500pps, 20kpps, 1Mpps, 100Mbps, 1Gbps\n"
	"  --speed X                 the capture's gaps, X times as fast: 2, 0.5, 10x\n"
	"  --topspeed                without gaps (default: the capture's own gaps)\n"
	"  --max-gap TIME            no gap of the capture longer than this: 500ms, 2s\n"
	"  --timing npcap|npcap-nosync  by the rules of Npcap's send queues: the capture's gaps, "
	"or "
	"none\n"
	"  --loop N                  the whole file N times; 0: without end (default 1)\n"
	"  --limit N                 N frames in total\n"
	"  --duration TIME           frames for so long: 10s, 5m\n"
	"  --when-paused fail|wait   while the stack is not Running, frames are answered PAUSED\n"
	"                            (default), or wait until it runs\n"
	"  --send-truncated          send records that the capture cut short as they are; they "
	"are\n"
	"                            answered INVALID_LENGTH otherwise\n"
	"  --nic NAME                without lwfd: a stack of its own on this interface, send "
	"only\n"
	"  --template TEXT           frames made of a line of text instead of a capture, see "
	"below\n"
	"  --src-mac A, --dst-mac A  every frame from, or to, this MAC address\n"
	"  --pop-vlan, --push-vlan N without the outer VLAN tag; with one more, number N\n"
	"  --map-ip A/N=B/M          IP addresses of one network into another; may be repeated\n"
	"  --control PATH            lwfd's socket (default: LWF_CONTROL, else in the runtime\n"
	"                            directory)\n"
	"  --json                    the ledger as one line of JSON\n"
	"  --help, --version\n"
	"\n"
	"The far end, for frames of templates with the word stamp:\n"
	"  --verify NAME             listen on this interface; tell of each stream (seed) what "
	"was\n"
	"                            lost, duplicated, reordered, and how long it took\n"
	"  --seed N                  of this stream only\n"
	"  --for TIME                so long (10s); without any end: until a signal\n"
	"  --idle TIME               until so long nothing came behind a first frame\n"
	"  --limit N                 until N stamped frames came; fewer are a failure\n"
	"\n"
	"A template is KIND [FROM > TO] [WORD VALUE]..., KIND one of eth arp ip icmp udp tcp hex.\n"
	"Values may be ranges (1000-2000, 60..1514, 10.0.0.0/24), which step from frame to frame.\n"
	"Words: mac A > B, vlan N, qinq N, size BYTES, count N, ttl N, tos N, proto N, type N,\n"
	"flags SA, payload zero|random|ascii, random, seed N, stamp. lwf-inject(1) tells them "
	"all.\n"
	"\n"
	"Examples:\n"
	"  lwf-inject eth1 capture.pcap                          as it was captured\n"
	"  lwf-inject eth1 capture.pcap --rate 20kpps --loop 0   without end; ^C prints the "
	"ledger\n"
	"  lwf-inject eth1 capture.pcap --topspeed --limit 1M --json\n"
	"  lwf-inject eth1 answers.pcapng --direction receive    as if the network had sent them\n"
	"  tcpdump -w - -i eth0 | lwf-inject eth1 -              from a pipe, live\n"
	"  lwf-inject eth1 --rate 1kpps --template \\\n"
	"    'udp 10.0.0.1:1000-2000 > 10.0.0.2:53 size 60..1514 count 1M'\n"
	"  lwf-inject --nic eth1 capture.pcap                    no daemon needed\n"
	"  lwf-inject --verify eth0 --idle 2s                    does all of it arrive?\n"
	"\n"
	"Exit codes: 0 every frame was SUCCESS (or arrived, once, in order); 1 not every frame; 2 "
	"usage or unusable file;\n"
	"3 no lwfd; 4 not permitted; 5 no such stack or interface; 6 refused or busy.\n";

static int usage(const char *what, const char *why)
{
	return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_USAGE, what, "see lwf-inject --help", "%s",
			    why);
}

/* Two ways to pace at once make no sense; @given remembers the first. */
static bool take_pace(const char **given, const char *option, int *code)
{
	if (*given && strcmp(*given, option) != 0) {
		*code = lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_USAGE, option,
				     "give one of --rate, --speed, --topspeed, --timing",
				     "cannot be used together with %s", *given);
		return false;
	}
	*given = option;
	return true;
}

static bool take_word(const char *option, const char *value, const char *no, const char *yes,
		      bool *flag, int *code)
{
	if (strcmp(value, no) != 0 && strcmp(value, yes) != 0) {
		*code = lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_USAGE, option,
				     "see lwf-inject --help", "'%s' is neither %s nor %s", value,
				     no, yes);
		return false;
	}
	*flag = strcmp(value, yes) == 0;
	return true;
}

static bool refuse_value(const char *option, const char *value, const char *form, int *code)
{
	*code = lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_USAGE, option, form, "'%s' is not understood",
			     value);
	return false;
}

static bool take_pacing(int opt, const char *value, struct inject_options *options,
			const char **given, int *code)
{
	if (opt == OPT_TOPSPEED) {
		options->pace.kind = INJECT_PACE_TOPSPEED;
		return take_pace(given, "--topspeed", code);
	}
	if (opt == OPT_RATE) {
		options->pace.kind = INJECT_PACE_RATE;
		if (lwf_units_rate(value, &options->pace.rate))
			return refuse_value("--rate", value, "write 20kpps, 1Mpps or 100Mbps",
					    code);
		return take_pace(given, "--rate", code);
	}
	if (opt == OPT_TIMING) {
		bool nosync;

		if (!take_word("--timing", value, "npcap", "npcap-nosync", &nosync, code))
			return false;
		options->pace.kind = nosync ? INJECT_PACE_NPCAP_NOSYNC : INJECT_PACE_NPCAP;
		return take_pace(given, "--timing", code);
	}
	options->pace.kind = INJECT_PACE_GAPS;
	if (lwf_units_speed(value, &options->pace.speed))
		return refuse_value("--speed", value, "write a factor: 2, 0.5, 10x", code);
	return take_pace(given, "--speed", code);
}

static bool take_template(const char *text, struct inject_options *options, int *code)
{
	struct lwf_error error;

	if (inject_template_parse(text, &options->template, &error)) {
		*code = lwf_cli_error(INJECT_PROGRAM, &error);
		return false;
	}
	options->has_template = true;
	options->file = text;
	return true;
}

static bool take_duration(const char *option, const char *value, uint64_t *ns, int *code)
{
	if (lwf_units_duration(value, ns) || *ns == 0)
		return refuse_value(option, value, "write a time: 10s, 500ms, 2m", code);
	return true;
}

static bool take_seed(const char *value, struct inject_options *options, int *code)
{
	char *end;

	errno = 0;
	options->seed = strtoull(value, &end, 0);
	options->has_seed = true;
	if (value[0] < '0' || value[0] > '9' || errno || *end)
		return refuse_value("--seed", value, "write the number of the template's seed",
				    code);
	return true;
}

/* One option of --verify. False: end with *code. */
static bool take_verify(int opt, const char *value, struct inject_options *options, int *code)
{
	switch (opt) {
	case OPT_VERIFY:
		options->verify = value;
		return true;
	case OPT_SEED:
		return take_seed(value, options, code);
	case OPT_FOR:
		return take_duration("--for", value, &options->for_ns, code);
	default:
		return take_duration("--idle", value, &options->idle_ns, code);
	}
}

static bool take_map(const char *value, struct inject_options *options, int *code)
{
	switch (inject_rewrite_map(value, &options->rewrite)) {
	case 0:
		return true;
	case -ENOSPC:
		*code = usage("--map-ip", "given more than 16 times");
		return false;
	default:
		return refuse_value("--map-ip", value, "write 10.0.0.0/8=192.168.0.0/16", code);
	}
}

/* One option that changes frames. False: end with *code. */
static bool take_rewrite(int opt, const char *value, struct inject_options *options, int *code)
{
	struct inject_rewrite *rewrite = &options->rewrite;
	uint64_t vlan;

	switch (opt) {
	case OPT_SRC_MAC:
		rewrite->sets_src = true;
		return !inject_rewrite_mac(value, rewrite->src_mac) ||
		       refuse_value("--src-mac", value, "write 02:00:00:00:00:01", code);
	case OPT_DST_MAC:
		rewrite->sets_dst = true;
		return !inject_rewrite_mac(value, rewrite->dst_mac) ||
		       refuse_value("--dst-mac", value, "write 02:00:00:00:00:01", code);
	case OPT_POP_VLAN:
		rewrite->pops = true;
		return true;
	case OPT_PUSH_VLAN:
		if (lwf_units_count(value, &vlan) || vlan > 4095)
			return refuse_value("--push-vlan", value, "write a number up to 4095",
					    code);
		rewrite->pushes = true;
		rewrite->vlan = (uint16_t)vlan;
		return true;
	default:
		return take_map(value, options, code);
	}
}

/* One option. False: end with *code. */
static bool take_option(int opt, char **argv, struct inject_options *options, const char **pacing,
			int *code)
{
	switch (opt) {
	case OPT_DIRECTION:
		return take_word("--direction", optarg, "send", "receive", &options->receive, code);
	case OPT_WHEN_PAUSED:
		return take_word("--when-paused", optarg, "fail", "wait",
				 &options->wait_when_paused, code);
	case OPT_RATE:
	case OPT_SPEED:
	case OPT_TOPSPEED:
	case OPT_TIMING:
		return take_pacing(opt, optarg, options, pacing, code);
	case OPT_LOOP:
		if (lwf_units_count(optarg, &options->loops))
			return refuse_value("--loop", optarg, "write a number; 0: without end",
					    code);
		return true;
	case OPT_LIMIT:
		if (lwf_units_count(optarg, &options->limit) || options->limit == 0)
			return refuse_value("--limit", optarg, "write a number of at least 1",
					    code);
		return true;
	case OPT_MAX_GAP:
		return take_duration("--max-gap", optarg, &options->pace.max_gap_ns, code);
	case OPT_DURATION:
		return take_duration("--duration", optarg, &options->duration_ns, code);
	case OPT_SEND_TRUNCATED:
		options->send_truncated = true;
		return true;
	case OPT_NIC:
		options->nic = optarg;
		return true;
	case OPT_TEMPLATE:
		return take_template(optarg, options, code);
	case OPT_SRC_MAC:
	case OPT_DST_MAC:
	case OPT_POP_VLAN:
	case OPT_PUSH_VLAN:
	case OPT_MAP_IP:
		return take_rewrite(opt, optarg, options, code);
	case OPT_VERIFY:
	case OPT_SEED:
	case OPT_FOR:
	case OPT_IDLE:
		return take_verify(opt, optarg, options, code);
	case OPT_JSON:
		options->json = true;
		return true;
	case OPT_CONTROL:
		options->control = optarg;
		return true;
	default:
		*code = lwf_cli_bad_option(INJECT_PROGRAM, opt, argv);
		return false;
	}
}

/* What was given must be of one kind: sending or verifying. @given has a bit for each option. */
static bool is_of_a_kind(uint32_t given, bool verify, int *code)
{
	const uint32_t both = BIT(OPT_LIMIT) | BIT(OPT_JSON),
		       listening = BIT(OPT_VERIFY) | BIT(OPT_SEED) | BIT(OPT_FOR) | BIT(OPT_IDLE);
	uint32_t wrong = given & ~both & (verify ? ~listening : listening);
	char option[32] = "";

	if (!wrong)
		return true;
	for (const struct option *o = long_options; o->name && !option[0]; o++) {
		if (o->val >= OPT_DIRECTION && wrong & BIT(o->val))
			snprintf(option, sizeof(option), "--%s", o->name);
	}
	*code = usage(option, verify ? "does not go with --verify" : "goes with --verify only");
	return false;
}

static bool take_no_operands(int argc, char **argv, int *code)
{
	if (argc == 0)
		return true;
	*code = usage(argv[0], "one argument too many: --verify takes none");
	return false;
}

static bool take_operands(int argc, char **argv, struct inject_options *options, int *code)
{
	int wanted = !options->nic + !options->has_template;

	if (argc < wanted) {
		*code = usage(options->nic ? "FILE" : "STACK FILE",
			      options->nic ? "the file is missing (or --template TEXT)"
					   : "a stack (or --nic NAME) and a file (or --template "
					     "TEXT) are needed");
		return false;
	}
	if (argc > wanted) {
		*code = usage(argv[wanted], "one argument too many: --nic takes the stack's place, "
					    "--template that of the file");
		return false;
	}
	if (options->has_template && !inject_rewrite_is_empty(&options->rewrite)) {
		*code = usage("--template", "its frames are not rewritten: say in the template how "
					    "they are to be");
		return false;
	}
	if (options->has_template && options->pace.kind >= INJECT_PACE_NPCAP) {
		*code = usage("--timing", "goes with captures: a template has no time stamps");
		return false;
	}
	if (options->pace.max_gap_ns && options->pace.kind != INJECT_PACE_GAPS) {
		*code = usage("--max-gap",
			      "goes with the gaps of a capture, alone or with --speed");
		return false;
	}
	if (options->nic && options->receive) {
		*code = usage("--direction receive", "with --nic there is no host side to send to");
		return false;
	}
	options->stack = options->nic ? NULL : argv[0];
	if (!options->has_template)
		options->file = argv[wanted - 1];
	return true;
}

bool inject_options_read(int argc, char **argv, struct inject_options *options, int *code)
{
	const char *pacing = NULL;
	bool version = false;
	uint32_t given = 0;
	int opt;

	*options = (struct inject_options){
		.loops = 1,
		.limit = UINT64_MAX,
		.pace = {.kind = INJECT_PACE_GAPS, .speed = 1.0},
	};
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(help, stdout);
			*code = lwf_cli_finish(INJECT_PROGRAM, LWF_EXIT_OK);
			return false;
		}
		version = version || opt == OPT_VERSION;
		if (opt >= OPT_DIRECTION)
			given |= BIT(opt);
		if (opt != OPT_VERSION && !take_option(opt, argv, options, &pacing, code))
			return false;
	}
	if (version) {
		*code = lwf_cli_version(INJECT_PROGRAM, options->json);
		return false;
	}
	if (!is_of_a_kind(given, options->verify != NULL, code))
		return false;
	if (options->verify)
		return take_no_operands(argc - optind, argv + optind, code);
	if (options->has_template && !pacing)
		options->pace.kind = INJECT_PACE_TOPSPEED; /* no gaps to be kept */
	return take_operands(argc - optind, argv + optind, options, code);
}
