/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tuple.c - the two ends of a conversation out of words.
 *
 * Order is free but for the two ends: who began comes first. Names are not looked up; a service that
 * answers tomorrow what it did not answer today would make an explanation of nothing.
 */
#include "tuple.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 512u

/** X(name, number, has ports) */
#define PROTOCOL_LIST(X)       \
	X("icmp", 1, false)    \
	X("tcp", 6, true)      \
	X("udp", 17, true)     \
	X("dccp", 33, true)    \
	X("icmpv6", 58, false) \
	X("sctp", 132, true)   \
	X("udplite", 136, true)

struct end {
	uint8_t address[LWF_FLOW_ADDRESS_BYTES]; /* as in keys */
	char text[INET6_ADDRSTRLEN];
	uint16_t port;
	bool v6, has_port;
};

struct reading {
	struct end end[2];
	unsigned ends;
	int protocol; /* -1: not said */
	bool in;
	char *why;
	size_t why_bytes;
};

/** @word may be NULL. */
static int wrong(const struct reading *r, const char *word, const char *why)
{
	if (word)
		snprintf(r->why, r->why_bytes, "'%.46s' %s", word, why);
	else
		snprintf(r->why, r->why_bytes, "%s", why);
	return -EINVAL;
}

static bool read_number(const char *text, unsigned long max, unsigned long *number)
{
	char *end;

	*number = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && *number <= max;
}

static const struct {
	const char *name;
	int number;
	bool ports;
} known[] = {
#define X(name, number, ports) {name, number, ports},
	PROTOCOL_LIST(X)
#undef X
};

#define KNOWN (sizeof(known) / sizeof(known[0]))

static int protocol_of(const char *word)
{
	unsigned long number;

	for (size_t i = 0; i < KNOWN; i++)
		if (!strcmp(word, known[i].name))
			return known[i].number;
	return read_number(word, UINT8_MAX, &number) ? (int)number : -1;
}

static bool has_ports(int protocol)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (known[i].number == protocol)
			return known[i].ports;
	return false;
}

/** "10.0.0.5", "10.0.0.5:80", "2001:db8::1" or "[2001:db8::1]:80"; changes @word. */
static bool read_end(char *word, struct end *end)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	char *port = strrchr(word, ':'), *close = strchr(word, ']');
	unsigned long number = 0;

	memset(end, 0, sizeof(*end));
	if (*word == '[' && close) {
		*close = 0;
		port = close[1] == ':' ? close + 1 : NULL;
		if (!port && close[1])
			return false;
		word++;
	} else if (port && strchr(word, ':') != port) {
		port = NULL; /* two and more: they belong to the address */
	}
	if (port) {
		*port++ = 0;
		if (!read_number(port, UINT16_MAX, &number))
			return false;
		end->has_port = true;
	}
	end->port = (uint16_t)number;
	memcpy(end->address, mapped, sizeof(mapped));
	end->v6 = inet_pton(AF_INET, word, end->address + sizeof(mapped)) != 1;
	if (end->v6 && inet_pton(AF_INET6, word, end->address) != 1)
		return false;
	if (end->v6 && !memcmp(end->address, mapped, sizeof(mapped)))
		return false; /* an IPv4 address in other clothes */
	snprintf(end->text, sizeof(end->text), "%.45s", word);
	return true;
}

static int read_word(struct reading *r, char *word)
{
	int protocol = protocol_of(word);
	char copy[64];

	if (!strcmp(word, "in") || !strcmp(word, "out")) {
		r->in = word[0] == 'i';
		return 0;
	}
	if (protocol >= 0 && r->protocol < 0) {
		r->protocol = protocol;
		return 0;
	}
	if (r->ends == 2)
		return wrong(r, word, "is one word too many");
	snprintf(copy, sizeof(copy), "%s", word);
	if (strlen(word) >= sizeof(copy) || !read_end(copy, &r->end[r->ends]))
		return wrong(r, word, "is no protocol and no ADDRESS:PORT");
	r->ends++;
	return 0;
}

/** Both ends as they stand in a key: sorted. */
static int make(const struct reading *r, struct tuple *tuple)
{
	const struct end *local = &r->end[r->in ? 1 : 0], *remote = &r->end[r->in ? 0 : 1];
	struct lwf_flow_info *info = &tuple->info;
	int order = memcmp(local->address, remote->address, LWF_FLOW_ADDRESS_BYTES);
	unsigned at;

	if (order == 0)
		order = (int)local->port - (int)remote->port;
	at = order <= 0 ? LWF_ENDPOINT_LOW : LWF_ENDPOINT_HIGH;
	memset(tuple, 0, sizeof(*tuple));
	memcpy(info->key.address[at], local->address, LWF_FLOW_ADDRESS_BYTES);
	memcpy(info->key.address[1 - at], remote->address, LWF_FLOW_ADDRESS_BYTES);
	info->key.port[at] = local->port;
	info->key.port[1 - at] = remote->port;
	info->key.protocol = (uint8_t)r->protocol;
	info->key.v6 = local->v6;
	info->local = (uint8_t)at;
	info->initiator = (uint8_t)(r->in ? 1 - at : at);
	memcpy(tuple->local, local->text, sizeof(tuple->local));
	memcpy(tuple->remote, remote->text, sizeof(tuple->remote));
	return 0;
}

static int judge(const struct reading *r)
{
	if (r->protocol < 0)
		return wrong(r, NULL, "the protocol is missing");
	if (r->ends < 2)
		return wrong(r, NULL, "it needs two ends");
	if (r->end[0].v6 != r->end[1].v6)
		return wrong(r, NULL, "one end is IPv4 and one IPv6");
	for (unsigned i = 0; i < 2; i++) {
		if (has_ports(r->protocol) && !r->end[i].has_port)
			return wrong(r, r->end[i].text, "has no port");
		if (!has_ports(r->protocol) && r->end[i].has_port)
			return wrong(r, r->end[i].text, "has a port, and the protocol has none");
	}
	return 0;
}

int tuple_read(const char *const *words, unsigned count, struct tuple *tuple, char *why,
	       size_t why_bytes)
{
	struct reading r = {.protocol = -1, .why = why, .why_bytes = why_bytes};
	char text[TEXT_BYTES] = "", *rest = text, *word;
	size_t used = 0;
	int ret = 0;

	for (unsigned i = 0; i < count; i++) {
		int length = snprintf(text + used, sizeof(text) - used, "%s ", words[i]);

		if (length < 0 || (size_t)length >= sizeof(text) - used)
			return wrong(&r, NULL, "it is too long");
		used += (size_t)length;
	}
	for (char *at = text; (at = strchr(at, '>')); at++) {
		*at = ' ';
		if (at > text && at[-1] == '-')
			at[-1] = ' ';
	}
	while (!ret && (word = strsep(&rest, " ,\t")))
		if (*word)
			ret = read_word(&r, word);
	ret = ret ? ret : judge(&r);
	return ret ? ret : make(&r, tuple);
}
