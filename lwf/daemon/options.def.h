/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.def.h - the options of lwfd, once: parser, --help and the test of the man page read it.
 *
 * OPTION(symbol, long name, argument or NULL, help in one line)
 */
OPTION(NIC, "nic", "NAME", "lower edge: this network interface; as --lower nic:NAME")
OPTION(TAP, "tap", "NAME", "upper edge: this TAP device, made if missing; as --upper tap:NAME")
OPTION(UPPER, "upper", "SPEC", "upper edge: tap:NAME[,netns=N], pcap:IN[:OUT] or none")
OPTION(LOWER, "lower", "SPEC", "lower edge: nic:NAME[,netns=N][,qdisc=kernel] or pcap:IN[:OUT]")
OPTION(STACK, "stack", "NAME", "name of the stack (default: the NIC's name)")
OPTION(FILTER, "filter", "SPEC",
       "NAME[:key=value,...], repeated, top first; below inject and monitor")
OPTION(NO_DEFAULT_FILTERS, "no-default-filters", NULL, "without inject and monitor on top")
OPTION(LOAD, "load", "FILE", "load filters from a shared object; repeated for more of them")
OPTION(OWNER_NETNS, "owner-netns", "NAME",
       "look for the programs of flows there too: a network namespace; repeated")
OPTION(OWNER_BPF, "owner-bpf", "CGROUP",
       "note who sends datagrams in this cgroup v2 (or auto), for sockets closed at once")
OPTION(TAKEOVER, "takeover", NULL,
       "move the NIC's addresses and routes to the TAP, and back at exit")
OPTION(SHARE, "share", NULL, "leave the NIC's own stack open and its addresses where they are")
OPTION(WAIT_NIC, "wait-nic", NULL, "start without the NIC; the stack is Detached until it is there")
OPTION(PROFILE, "profile", "NAME",
       "reading of NDIS where its pages disagree: strict (default), lenient or npcap")
OPTION(CONTROL, "control", "PATH", "control socket (default: $LWF_CONTROL, else /run/lwf/control)")
OPTION(GROUP, "group", "NAME", "let members of this group observe and inject (socket mode 0660)")
OPTION(LOG_LEVEL, "log-level", "LEVEL", "error, warning, info (default) or debug, to stderr")
OPTION(JSON, "json", NULL, "print one JSON object when it runs")
OPTION(HELP, "help", NULL, "print this and exit")
OPTION(VERSION, "version", NULL, "print the version and exit")
