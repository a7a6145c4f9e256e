/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * config.c - edges and filters as words, and what does not go together.
 *
 * Pure: it asks neither the kernel nor the environment. Every message is "thing: reason; next
 * step".
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

static int bad(char *error, size_t error_bytes, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int bad(char *error, size_t error_bytes, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, error_bytes, format, args);
	va_end(args);
	return -EINVAL;
}

bool lwf_interface_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= LWF_INTERFACE_BYTES || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++) {
		if (*name == '/' || *name == ':' || *name == '%' || isspace((unsigned char)*name) ||
		    !isprint((unsigned char)*name))
			return false;
	}
	return true;
}

/* Copies @text of @len bytes; false when it does not fit or is empty. */
static bool copy(char *to, size_t bytes, const char *text, size_t len)
{
	if (len == 0 || len >= bytes)
		return false;
	memcpy(to, text, len);
	to[len] = '\0';
	return true;
}

/* "key=value" behind the name of an interface. */
static int parse_key(const char *spec, const char *word, struct lwf_edge_config *edge, char *error,
		     size_t error_bytes)
{
	const char *kind = edge->kind == LWF_EDGE_NIC ? "nic" : "tap";

	if (!strncmp(word, "netns=", 6)) {
		if (!copy(edge->netns, sizeof(edge->netns), word + 6, strlen(word + 6)))
			return bad(error, error_bytes,
				   "%s: netns= wants a name of /run/netns or a path; see ip netns "
				   "list",
				   spec);
		return 0;
	}
	if (edge->kind == LWF_EDGE_NIC && !strcmp(word, "qdisc=kernel")) {
		edge->qdisc_kernel = true;
		return 0;
	}
	if (edge->kind == LWF_EDGE_NIC && !strncmp(word, "qdisc=", 6))
		return bad(error, error_bytes,
			   "%s: qdisc=%s is unknown; the only one is qdisc=kernel", spec, word + 6);
	return bad(error, error_bytes, "%s: '%s' is no option of a %s; known: netns=NAME%s", spec,
		   word, kind, edge->kind == LWF_EDGE_NIC ? ", qdisc=kernel" : "");
}

static int parse_interface(const char *spec, const char *rest, struct lwf_edge_config *edge,
			   char *error, size_t error_bytes)
{
	char words[LWF_FILE_BYTES];
	char *next = words, *word;
	int ret;

	if (!copy(words, sizeof(words), rest, strlen(rest)))
		return bad(error, error_bytes,
			   "%s: the name of an interface is missing; try %.3s:eth1", spec, spec);
	word = strsep(&next, ",");
	if (!lwf_interface_name_is_valid(word) ||
	    !copy(edge->name, sizeof(edge->name), word, strlen(word)))
		return bad(error, error_bytes,
			   "%s: '%s' cannot be the name of an interface; 1 to 15 bytes without "
			   "space, '/', ':' or '%%'",
			   spec, word);
	while ((word = strsep(&next, ","))) {
		ret = parse_key(spec, word, edge, error, error_bytes);
		if (ret)
			return ret;
	}
	return 0;
}

static int parse_pcap(const char *spec, const char *rest, struct lwf_edge_config *edge, char *error,
		      size_t error_bytes)
{
	const char *colon = strchr(rest, ':');
	size_t in_len = colon ? (size_t)(colon - rest) : strlen(rest);

	if (in_len >= sizeof(edge->in) || (colon && strlen(colon + 1) >= sizeof(edge->out)))
		return bad(error, error_bytes,
			   "%.60s...: the file name is too long; use a shorter one", spec);
	if (!copy(edge->in, sizeof(edge->in), rest, in_len) ||
	    (colon && !copy(edge->out, sizeof(edge->out), colon + 1, strlen(colon + 1))))
		return bad(error, error_bytes,
			   "%s: the name of a file is missing; try pcap:in.pcap:out.pcap", spec);
	return 0;
}

int lwf_edge_config_parse(const char *spec, struct lwf_edge_config *edge, char *error,
			  size_t error_bytes)
{
	memset(edge, 0, sizeof(*edge));
	if (!strncmp(spec, "nic:", 4)) {
		edge->kind = LWF_EDGE_NIC;
		return parse_interface(spec, spec + 4, edge, error, error_bytes);
	}
	if (!strncmp(spec, "tap:", 4)) {
		edge->kind = LWF_EDGE_TAP;
		return parse_interface(spec, spec + 4, edge, error, error_bytes);
	}
	if (!strncmp(spec, "pcap:", 5)) {
		edge->kind = LWF_EDGE_PCAP;
		return parse_pcap(spec, spec + 5, edge, error, error_bytes);
	}
	if (!strcmp(spec, "none")) {
		edge->kind = LWF_EDGE_NONE;
		return 0;
	}
	return bad(error, error_bytes,
		   "%.200s: unknown kind of edge; use nic:NAME, tap:NAME or pcap:IN[:OUT]", spec);
}

void lwf_edge_config_print(const struct lwf_edge_config *edge, char *text, size_t bytes)
{
	switch (edge->kind) {
	case LWF_EDGE_UNSET:
	case LWF_EDGE_NONE:
		snprintf(text, bytes, "none");
		break;
	case LWF_EDGE_NIC:
	case LWF_EDGE_TAP:
		snprintf(text, bytes, "%s:%s%s%s%s", edge->kind == LWF_EDGE_NIC ? "nic" : "tap",
			 edge->name, edge->netns[0] ? ",netns=" : "", edge->netns,
			 edge->qdisc_kernel ? ",qdisc=kernel" : "");
		break;
	case LWF_EDGE_PCAP:
		snprintf(text, bytes, "pcap:%s%s%s", edge->in, edge->out[0] ? ":" : "", edge->out);
		break;
	}
}

int lwf_config_add_filter(struct lwf_config *config, const char *spec, char *error,
			  size_t error_bytes)
{
	if (config->filter_count == LWF_STACK_MODULES_MAX) {
		bad(error, error_bytes, "%.60s: a stack has at most %u modules; leave some out",
		    spec, LWF_STACK_MODULES_MAX);
		return -ENOSPC;
	}
	if (!copy(config->filters[config->filter_count], LWF_FILTER_SPEC_BYTES, spec, strlen(spec)))
		return bad(error, error_bytes,
			   "'%.60s': a filter is NAME[:key=value,...] of up to %u bytes; see lwfd "
			   "--help",
			   spec, LWF_FILTER_SPEC_BYTES - 1u);
	config->filter_count++;
	return 0;
}

/* The default filters stand on top of those that were given. */
static int add_default_filters(struct lwf_config *config, char *error, size_t error_bytes)
{
	static const char *const defaults[] = {"inject", "monitor"};
	uint32_t n = sizeof(defaults) / sizeof(defaults[0]);

	if (config->no_default_filters)
		return 0;
	if (config->filter_count + n > LWF_STACK_MODULES_MAX)
		return bad(
			error, error_bytes,
			"--filter: %u filters and the %u defaults are more than %u; leave some out "
			"or give --no-default-filters",
			config->filter_count, n, LWF_STACK_MODULES_MAX);
	memmove(config->filters[n], config->filters[0],
		(size_t)config->filter_count * LWF_FILTER_SPEC_BYTES);
	for (uint32_t i = 0; i < n; i++)
		snprintf(config->filters[i], LWF_FILTER_SPEC_BYTES, "%s", defaults[i]);
	config->filter_count += n;
	return 0;
}

static int check_edges(const struct lwf_config *config, char *error, size_t error_bytes)
{
	const struct lwf_edge_config *upper = &config->upper, *lower = &config->lower;

	if (lower->kind == LWF_EDGE_UNSET || lower->kind == LWF_EDGE_NONE)
		return bad(error, error_bytes,
			   "lower edge: none was given; say --nic NAME or --lower SPEC (see lwfd "
			   "--help)");
	if (upper->kind == LWF_EDGE_UNSET)
		return bad(error, error_bytes,
			   "upper edge: none was given; say --tap NAME, --upper SPEC, or --upper "
			   "none");
	if (lower->kind == LWF_EDGE_TAP)
		return bad(error, error_bytes,
			   "--lower tap:%s: a TAP is an upper edge; say --upper tap:%s",
			   lower->name, lower->name);
	if (upper->kind == LWF_EDGE_NIC)
		return bad(error, error_bytes,
			   "--upper nic:%s: a NIC is a lower edge; say --lower nic:%s", upper->name,
			   upper->name);
	if (upper->kind == LWF_EDGE_TAP && lower->kind == LWF_EDGE_NIC &&
	    !strcmp(upper->name, lower->name) && !strcmp(upper->netns, lower->netns))
		return bad(error, error_bytes,
			   "--tap %s: this is the NIC's own name; choose another for the TAP",
			   upper->name);
	return 0;
}

static int check_modes(const struct lwf_config *config, char *error, size_t error_bytes)
{
	const struct lwf_edge_config *upper = &config->upper, *lower = &config->lower;
	const char *mode = config->takeover ? "--takeover"
			   : config->share  ? "--share"
					    : "--wait-nic";

	if (config->takeover && config->share)
		return bad(
			error, error_bytes,
			"--takeover and --share: one moves the addresses, the other leaves them; "
			"give one of the two");
	if ((config->takeover || config->share || config->wait_nic) && lower->kind != LWF_EDGE_NIC)
		return bad(error, error_bytes, "%s: the lower edge is no NIC; leave it out", mode);
	if (config->takeover && upper->kind != LWF_EDGE_TAP)
		return bad(
			error, error_bytes,
			"--takeover: there is no TAP to take the addresses over; add --tap NAME");
	if (config->takeover && strcmp(upper->netns, lower->netns) != 0)
		return bad(error, error_bytes,
			   "--takeover: TAP and NIC are in different namespaces; addresses cannot "
			   "move between them: use the same netns=, or --share");
	return 0;
}

/* A stack is named after its NIC, or else after its TAP. */
static int set_default_name(struct lwf_config *config, char *error, size_t error_bytes)
{
	if (config->stack[0])
		return 0;
	if (config->lower.kind == LWF_EDGE_NIC)
		snprintf(config->stack, sizeof(config->stack), "%s", config->lower.name);
	else if (config->upper.kind == LWF_EDGE_TAP)
		snprintf(config->stack, sizeof(config->stack), "%s", config->upper.name);
	else
		return bad(error, error_bytes,
			   "--stack: neither a NIC nor a TAP to name the stack after; add --stack "
			   "NAME");
	return 0;
}

int lwf_config_finish(struct lwf_config *config, char *error, size_t error_bytes)
{
	int ret = check_edges(config, error, error_bytes);

	if (!ret)
		ret = check_modes(config, error, error_bytes);
	if (!ret)
		ret = set_default_name(config, error, error_bytes);
	if (!ret)
		ret = add_default_filters(config, error, error_bytes);
	return ret;
}
