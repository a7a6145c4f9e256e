/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_template.c - reads a template.
 *
 * A template is a line of words. The first says the kind; `A > B` says from whom to whom; all others
 * are a word with its value, in any order, each in the table below with the function that reads it.
 * An error names the column and the word.
 */
#include "inject_template.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

#define WORD_BYTES 128u
#define SEE_HELP   "see the templates in lwf-inject(1)"

struct reader {
	const char *text, *at; /* @at: behind the word that was read last */
	const char *word_at;   /* where that one began */
	char word[WORD_BYTES];
	struct inject_template *template;
	struct lwf_error *error;
	bool has_size, has_ends, has_count;
};

static bool refuse(struct reader *reader, const char *why)
{
	struct lwf_error *error = reader->error;

	error->exit = LWF_EXIT_USAGE;
	snprintf(error->what, sizeof(error->what), "template, column %d",
		 (int)(reader->word_at - reader->text) + 1);
	if (reader->word[0])
		snprintf(error->why, sizeof(error->why), "'%s' %s", reader->word, why);
	else
		snprintf(error->why, sizeof(error->why), "it ends where %s", why);
	snprintf(error->next, sizeof(error->next), SEE_HELP);
	return false;
}

/* False at the end of the text; reader->word is empty then. '>' is a word of its own. */
static bool next_word(struct reader *reader)
{
	size_t n = 0;

	while (isspace((unsigned char)*reader->at))
		reader->at++;
	reader->word_at = reader->at;
	if (*reader->at == '>') {
		reader->at++;
		strcpy(reader->word, ">");
		return true;
	}
	while (*reader->at && !isspace((unsigned char)*reader->at) && *reader->at != '>') {
		if (n < WORD_BYTES - 1)
			reader->word[n++] = *reader->at;
		reader->at++;
	}
	reader->word[n] = '\0';
	return n > 0;
}

/* ---- values ---- */

static bool number(const char *text, uint64_t *value)
{
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*value = strtoull(text, &end, 0);
	return !errno && !*end;
}

/* "A", "A-B" or "A..B" */
static bool range(struct reader *reader, char *text, uint64_t most, struct inject_range *range)
{
	char *dots = strstr(text, ".."), *dash = strchr(text, '-'), *second = NULL;

	if (dots) {
		*dots = '\0';
		second = dots + 2;
	} else if (dash) {
		*dash = '\0';
		second = dash + 1;
	}
	if (!number(text, &range->low) || (second && !number(second, &range->high)))
		return refuse(reader, "is neither a number nor a range (1000-2000)");
	if (!second)
		range->high = range->low;
	if (range->low > range->high)
		return refuse(reader, "is a range that ends before it begins");
	if (range->high > most)
		return refuse(reader, "is too large");
	return true;
}

static bool word_range(struct reader *reader, const char *what, uint64_t most,
		       struct inject_range *to)
{
	char text[WORD_BYTES];

	if (!next_word(reader))
		return refuse(reader, what);
	memcpy(text, reader->word, sizeof(text));
	return range(reader, text, most, to);
}

/* Distance of the low 64 bits; -1 when @high is before @low, or farther away than that. */
static int64_t distance(const uint8_t *low, const uint8_t *high, unsigned bytes)
{
	uint64_t a = 0, b = 0;
	unsigned tail = bytes > 8 ? 8 : bytes;

	if (memcmp(low, high, bytes - tail) != 0)
		return -1;
	for (unsigned i = bytes - tail; i < bytes; i++) {
		a = a << 8 | low[i];
		b = b << 8 | high[i];
	}
	return b < a || b - a > INT64_MAX - 1 ? -1 : (int64_t)(b - a);
}

static bool network(struct reader *reader, const char *bits_text, int family,
		    struct inject_addresses *to)
{
	unsigned bytes = family == AF_INET ? 4 : 16;
	uint64_t bits, host;

	if (!number(bits_text, &bits) || bits > bytes * 8 || bytes * 8 - bits > 62)
		return refuse(reader,
			      "has no prefix length of a network that can be stepped through");
	host = bytes * 8 - bits;
	to->count = 1ull << host;
	for (unsigned i = 0; i < host; i++)
		to->low[bytes - 1 - i / 8] &= (uint8_t) ~(1u << i % 8);
	return true;
}

/* "10.0.0.1", "10.0.0.1-10.0.0.9", "10.0.0.0/24"; *family is 0 while it is not known */
static bool addresses(struct reader *reader, char *text, int *family, struct inject_addresses *to)
{
	char *slash = strchr(text, '/'), *dash = strchr(text, '-');
	uint8_t high[16];
	int is = strchr(text, ':') ? AF_INET6 : AF_INET;
	int64_t away;

	if (slash)
		*slash = '\0';
	if (dash)
		*dash = '\0';
	if (inet_pton(is, text, to->low) != 1)
		return refuse(reader, "is no IPv4 or IPv6 address");
	if (*family && *family != is)
		return refuse(reader, "is of another version of IP than the address before it");
	*family = is;
	to->count = 1;
	if (slash)
		return network(reader, slash + 1, is, to);
	if (!dash)
		return true;
	if (inet_pton(is, dash + 1, high) != 1)
		return refuse(reader, "is no range of addresses");
	away = distance(to->low, high, is == AF_INET ? 4 : 16);
	if (away < 0)
		return refuse(reader, "is a range that ends before it begins, or is too long");
	to->count = (uint64_t)away + 1;
	return true;
}

/* ADDRESS, ADDRESS:PORTS, [IPv6]:PORTS */
static bool endpoint(struct reader *reader, int *family, struct inject_addresses *to,
		     struct inject_range *port)
{
	char text[WORD_BYTES], *ports = NULL, *address = text;
	bool takes_port = reader->template->kind == INJECT_TEMPLATE_UDP ||
			  reader->template->kind == INJECT_TEMPLATE_TCP;

	memcpy(text, reader->word, sizeof(text));
	if (text[0] == '[') {
		ports = strchr(text, ']');
		if (!ports || (ports[1] && ports[1] != ':'))
			return refuse(reader, "is no [address]:port");
		*ports++ = '\0';
		ports = *ports ? ports + 1 : NULL;
		address = text + 1;
	} else if ((ports = strchr(text, ':')) && ports == strrchr(text, ':')) {
		*ports++ = '\0'; /* one colon: IPv4 and a port */
	} else {
		ports = NULL;
	}
	if (ports && !takes_port)
		return refuse(reader, "has a port, but only udp and tcp have ports");
	return addresses(reader, address, family, to) &&
	       (!ports || range(reader, ports, 65535, port));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20; /* lower case */
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two hex digits. */
static bool hex_byte(const char *text, uint8_t *byte)
{
	int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

	*byte = (uint8_t)(high * 16 + low);
	return low >= 0;
}

static bool mac(struct reader *reader, struct inject_range *to)
{
	const char *c = reader->word;
	uint8_t byte;

	if (!next_word(reader))
		return refuse(reader, "a MAC address should stand");
	to->low = 0;
	for (int i = 0; i < 6; i++, c += 3) {
		if (!hex_byte(c, &byte) || c[2] != (i < 5 ? ':' : '\0'))
			return refuse(reader, "is no MAC address (02:00:00:00:00:01)");
		to->low = to->low << 8 | byte;
	}
	to->high = to->low;
	return true;
}

static bool arrow(struct reader *reader)
{
	if (!next_word(reader) || strcmp(reader->word, ">") != 0)
		return refuse(reader,
			      reader->word[0] ? "stands where '>' should" : "'>' should stand");
	return true;
}

/* All words that are bytes in hex; the first that is not is left for the others to read. */
static bool read_hex(struct reader *reader)
{
	struct inject_template *t = reader->template;
	const char *before = reader->at;

	while (next_word(reader)) {
		size_t digits = strspn(reader->word, "0123456789abcdefABCDEF:");

		if (reader->word[digits])
			break;
		for (const char *c = reader->word; *c;) {
			uint8_t byte;

			if (*c == ':') {
				c++;
				continue;
			}
			if (!hex_byte(c, &byte))
				return refuse(reader, "has half a byte");
			if (t->hex_bytes == sizeof(t->hex))
				return refuse(reader, "is more than 9216 bytes");
			t->hex[t->hex_bytes++] = byte;
			c += 2;
		}
		before = reader->at;
	}
	if (t->hex_bytes < 14)
		return refuse(reader, "14 bytes at least should stand, in hex");
	reader->at = before;
	return true;
}

/* ---- the words that may follow, in any order ---- */

static bool read_mac(struct reader *reader)
{
	return mac(reader, &reader->template->from_mac) && arrow(reader) &&
	       mac(reader, &reader->template->to_mac);
}

static bool read_vlan(struct reader *reader)
{
	struct inject_template *t = reader->template;

	if (t->kind == INJECT_TEMPLATE_HEX)
		return refuse(reader, "does not go with hex: write the tag's bytes");
	if (t->vlan_count == INJECT_TEMPLATE_VLANS_MAX)
		return refuse(reader, "is one VLAN tag too many: two are the most");
	return word_range(reader, "the number of a VLAN should stand", 4095,
			  &t->vlans[t->vlan_count++]);
}

static bool read_qinq(struct reader *reader)
{
	if (reader->template->vlan_count)
		return refuse(reader, "is the outer tag and comes before vlan");
	reader->template->qinq = true;
	return read_vlan(reader);
}

static bool read_size(struct reader *reader)
{
	reader->has_size = true;
	return word_range(reader, "the frame's bytes should stand", INJECT_TEMPLATE_FRAME_MAX_BYTES,
			  &reader->template->size);
}

static bool read_count(struct reader *reader)
{
	reader->has_count = true;
	if (!next_word(reader))
		return refuse(reader, "the number of frames should stand");
	return !lwf_units_count(reader->word, &reader->template->count) ||
	       refuse(reader, "is no count (1000, 10k, 1M; 0: without end)");
}

static bool read_ttl(struct reader *reader)
{
	return word_range(reader, "a time to live should stand", 255, &reader->template->ttl);
}

static bool read_tos(struct reader *reader)
{
	return word_range(reader, "a type of service should stand", 255, &reader->template->tos);
}

static bool read_proto(struct reader *reader)
{
	if (reader->template->kind != INJECT_TEMPLATE_IP)
		return refuse(reader, "goes with ip only");
	return word_range(reader, "the number of a protocol should stand", 255,
			  &reader->template->proto);
}

static bool read_type(struct reader *reader)
{
	if (reader->template->kind != INJECT_TEMPLATE_ETH)
		return refuse(reader, "goes with eth only");
	return word_range(reader, "an EtherType should stand", 65535, &reader->template->type);
}

static bool read_flags(struct reader *reader)
{
	static const char letters[] = "FSRPAUEC"; /* from the lowest bit on */

	if (reader->template->kind != INJECT_TEMPLATE_TCP)
		return refuse(reader, "goes with tcp only");
	if (!next_word(reader))
		return refuse(reader, "flags of TCP should stand (SA)");
	reader->template->tcp_flags = 0;
	for (const char *c = reader->word; *c; c++) {
		const char *found = strchr(letters, toupper((unsigned char)*c));

		if (!found)
			return refuse(reader,
				      "has a letter that is no flag of TCP (F S R P A U E C)");
		reader->template->tcp_flags |= (uint8_t)(1u << (found - letters));
	}
	return true;
}

static bool read_payload(struct reader *reader)
{
	static const char *const names[] = {"zero", "random", "ascii"};

	if (!next_word(reader))
		return refuse(reader, "zero, random or ascii should stand");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(reader->word, names[i])) {
			reader->template->payload = (enum inject_payload)i;
			return true;
		}
	}
	return refuse(reader, "is no payload (zero, random or ascii)");
}

static bool read_seed(struct reader *reader)
{
	if (!next_word(reader))
		return refuse(reader, "a seed should stand");
	return number(reader->word, &reader->template->seed) || refuse(reader, "is no number");
}

static bool read_random(struct reader *reader)
{
	reader->template->random = true;
	return true;
}

static bool read_stamp(struct reader *reader)
{
	reader->template->stamp = true;
	return true;
}

static const struct {
	const char *name;
	bool (*read)(struct reader *reader);
} words[] = {
	{"mac", read_mac},	 {"vlan", read_vlan},	    {"qinq", read_qinq},
	{"size", read_size},	 {"count", read_count},	    {"ttl", read_ttl},
	{"tos", read_tos},	 {"proto", read_proto},	    {"type", read_type},
	{"flags", read_flags},	 {"payload", read_payload}, {"seed", read_seed},
	{"random", read_random}, {"stamp", read_stamp},
};

/* ---- the whole ---- */

static bool read_kind(struct reader *reader)
{
	static const char *const names[] = {"eth", "arp", "ip", "icmp", "udp", "tcp", "hex"};

	if (!next_word(reader))
		return refuse(reader, "a kind should stand (eth, arp, ip, icmp, udp, tcp, hex)");
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(reader->word, names[i])) {
			reader->template->kind = (enum inject_template_kind)i;
			return true;
		}
	}
	return refuse(reader, "is no kind of frame (eth, arp, ip, icmp, udp, tcp, hex)");
}

static bool read_ends(struct reader *reader)
{
	struct inject_template *t = reader->template;
	int family = 0;

	if (!next_word(reader))
		return refuse(reader, "an address should stand");
	if (!endpoint(reader, &family, &t->from, &t->from_port) || !arrow(reader))
		return false;
	if (!next_word(reader))
		return refuse(reader, "an address should stand");
	if (!endpoint(reader, &family, &t->to, &t->to_port))
		return false;
	t->ipv6 = family == AF_INET6;
	if (t->kind == INJECT_TEMPLATE_ARP && t->ipv6)
		return refuse(reader, "is an IPv6 address, and arp is about IPv4");
	return true;
}

static bool read_words(struct reader *reader)
{
	while (next_word(reader)) {
		bool known = false;

		for (size_t i = 0; !known && i < sizeof(words) / sizeof(words[0]); i++) {
			if (strcmp(reader->word, words[i].name) != 0)
				continue;
			known = true;
			if (!words[i].read(reader))
				return false;
		}
		if (!known)
			return refuse(reader, "is no word of a template");
	}
	return true;
}

static bool check_size(struct reader *reader)
{
	struct inject_template *t = reader->template;
	uint32_t least = inject_template_header_bytes(t);
	char why[96];

	if (!reader->has_size)
		t->size.low = t->size.high =
			least > 60 || t->kind == INJECT_TEMPLATE_HEX ? least : 60;
	if (t->size.low >= least)
		return true;
	reader->word_at = reader->text;
	snprintf(reader->word, sizeof(reader->word), "size %u", (unsigned)t->size.low);
	snprintf(why, sizeof(why), "is too little: the headers of this frame take %u bytes", least);
	return refuse(reader, why);
}

int inject_template_parse(const char *text, struct inject_template *template,
			  struct lwf_error *error)
{
	struct reader reader = {.text = text, .at = text, .template = template, .error = error};

	*template = (struct inject_template){
		.from_mac = {0x020000000001, 0x020000000001},
		.to_mac = {0xffffffffffff, 0xffffffffffff},
		.type = {0x88b5, 0x88b5}, /* for local experiments */
		.from_port = {1024, 1024},
		.to_port = {9, 9},   /* discard */
		.proto = {253, 253}, /* for experiments */
		.ttl = {64, 64},
		.tcp_flags = 0x02,
		.count = 1,
		.seed = 1,
	};
	*error = (struct lwf_error){.exit = LWF_EXIT_OK};
	if (!read_kind(&reader))
		return -EINVAL;
	if (template->kind == INJECT_TEMPLATE_HEX
		    ? !read_hex(&reader)
		    : template->kind != INJECT_TEMPLATE_ETH && !read_ends(&reader))
		return -EINVAL;
	return read_words(&reader) && check_size(&reader) ? 0 : -EINVAL;
}
