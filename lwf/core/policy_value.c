/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_value.c - the values of conditions: addresses, numbers and ranges, users, names.
 *
 * Words come with their length, out of a text that ends nowhere. What reads as something else than it
 * means is refused with what would be right: a prefix with bits behind it, a command that is longer
 * than the kernel keeps.
 */
#include <errno.h>
#include <string.h>

#include "policy_inside.h"

#define V4_BITS 32u
#define V6_BITS 128u

bool lwf_policy_number(const char *word, uint32_t length, uint32_t max, uint32_t *number)
{
	uint64_t sum = 0;

	if (!length || length > 10)
		return false;
	for (uint32_t i = 0; i < length; i++) {
		if (word[i] < '0' || word[i] > '9')
			return false;
		sum = sum * 10 + (uint64_t)(word[i] - '0');
	}
	*number = (uint32_t)sum;
	return sum <= max;
}

uint64_t lwf_policy_time_ns(const char *word, uint32_t length)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000}};
	uint32_t digits = 0, number;
	uint64_t ns;

	while (digits < length && word[digits] >= '0' && word[digits] <= '9')
		digits++;
	if (!lwf_policy_number(word, digits, UINT32_MAX, &number))
		return 0;
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].unit) == length - digits &&
		    memcmp(word + digits, units[i].unit, length - digits) == 0)
			return __builtin_mul_overflow(number, units[i].ns, &ns) ? 0 : ns;
	return 0;
}

int lwf_policy_protocol(const char *word, uint32_t length)
{
	static const struct {
		const char *name;
		uint8_t number;
	} known[] = {{"icmp", 1},    {"igmp", 2},   {"tcp", 6},	     {"udp", 17},
		     {"dccp", 33},   {"gre", 47},   {"esp", 50},     {"ah", 51},
		     {"icmpv6", 58}, {"sctp", 132}, {"udplite", 136}};
	uint32_t number;

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == length && memcmp(known[i].name, word, length) == 0)
			return known[i].number;
	return lwf_policy_number(word, length, UINT8_MAX, &number) ? (int)number : -1;
}

/* ---- addresses ---- */

/** "10.0.0.1" into four bytes. */
static bool read_v4(const char *word, uint32_t length, uint8_t *out)
{
	uint32_t at = 0;

	for (unsigned part = 0; part < 4; part++) {
		uint32_t begin = at, number;

		while (at < length && word[at] != '.')
			at++;
		if (at - begin > 3 || (at - begin > 1 && word[begin] == '0') ||
		    !lwf_policy_number(word + begin, at - begin, UINT8_MAX, &number))
			return false; /* a leading 0 is octal to some */
		out[part] = (uint8_t)number;
		if (part < 3 && at++ == length)
			return false;
	}
	return at == length;
}

/** One group of an IPv6 address, "db8". */
static bool read_group(const char *word, uint32_t length, uint8_t *out)
{
	uint32_t number = 0;

	if (!length || length > 4)
		return false;
	for (uint32_t i = 0; i < length; i++) {
		char c = word[i];

		if (c >= '0' && c <= '9')
			number = number * 16 + (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			number = number * 16 + (uint32_t)((c | 0x20) - 'a') + 10;
		else
			return false;
	}
	out[0] = (uint8_t)(number >> 8);
	out[1] = (uint8_t)number;
	return true;
}

/**
 * "2001:db8::1" into 16 bytes: groups in order, the place of "::" remembered, and what stands behind it
 * moved to the end.
 */
static bool read_v6(const char *word, uint32_t length, uint8_t *out)
{
	uint8_t bytes[LWF_FLOW_ADDRESS_BYTES] = {0};
	uint32_t at = 0, used = 0, gap = UINT32_MAX;

	if (length >= 2 && word[0] == ':' && word[1] == ':') {
		gap = 0;
		at = 2;
	}
	while (at < length) {
		uint32_t begin = at;

		while (at < length && word[at] != ':')
			at++;
		if (at == length && used <= 12 && read_v4(word + begin, at - begin, bytes + used)) {
			used += 4;
			break;
		}
		if (used > 14 || !read_group(word + begin, at - begin, bytes + used))
			return false;
		used += 2;
		if (at == length)
			break;
		if (++at == length)
			return false; /* a single ':' at the end */
		if (word[at] == ':') {
			if (gap != UINT32_MAX)
				return false;
			gap = used;
			at++;
		}
	}
	if (gap == UINT32_MAX ? used != sizeof(bytes) : used > 14)
		return false;
	memset(out, 0, sizeof(bytes));
	if (gap == UINT32_MAX)
		gap = used;
	memcpy(out, bytes, gap);
	memcpy(out + sizeof(bytes) - (used - gap), bytes + gap, used - gap);
	return true;
}

/** Clears the bits behind the prefix. True: there were some. */
static bool cut(uint8_t *address, uint32_t prefix)
{
	bool more = false;

	for (uint32_t i = 0; i < LWF_FLOW_ADDRESS_BYTES; i++) {
		uint32_t keep = prefix > 8 * i ? prefix - 8 * i : 0;
		uint8_t mask = (uint8_t)(keep >= 8 ? 0xffu : 0xff00u >> keep);

		more |= (address[i] & ~mask) != 0;
		address[i] &= mask;
	}
	return more;
}

static void read_net(struct policy_reader *reader, const struct policy_token *token,
		     struct policy_value *value)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	const char *word = reader->policy->text + token->at;
	const char *slash = memchr(word, '/', token->length);
	uint32_t length = slash ? (uint32_t)(slash - word) : token->length, bits, prefix;
	uint8_t address[LWF_FLOW_ADDRESS_BYTES];

	value->net.v6 = memchr(word, ':', length) != NULL;
	bits = value->net.v6 ? V6_BITS : V4_BITS;
	memcpy(address, mapped, sizeof(mapped));
	if (value->net.v6 ? !read_v6(word, length, address)
			  : !read_v4(word, length, address + 12)) {
		lwf_policy_wrong(reader, token, -EINVAL,
				 "'%s' is no address; names are not looked up, write 10.0.0.0/8",
				 lwf_policy_shown(reader, token).text);
		return;
	}
	if (value->net.v6 && memcmp(address, mapped, sizeof(mapped)) == 0) {
		lwf_policy_wrong(reader, token, -EINVAL,
				 "this is an IPv4 address; write it as one");
		return;
	}
	prefix = bits;
	if (slash && !lwf_policy_number(slash + 1, token->length - length - 1, bits, &prefix)) {
		lwf_policy_wrong(reader, token, -EINVAL, "'%s' has no prefix from /0 to /%u",
				 lwf_policy_shown(reader, token).text, bits);
		return;
	}
	value->net.prefix = (uint8_t)(prefix + V6_BITS - bits);
	value->net.high = policy_half(address);
	value->net.low = policy_half(address + 8);
	if (cut(address, value->net.prefix))
		lwf_policy_wrong(
			reader, token, -EINVAL,
			"'%s' has bits behind its prefix; write them as 0, or leave /%u out",
			lwf_policy_shown(reader, token).text, prefix);
}

/* ---- the others ---- */

static void read_ports(struct policy_reader *reader, const struct policy_token *token,
		       struct policy_value *value)
{
	const char *word = reader->policy->text + token->at;
	const char *dash = memchr(word, '-', token->length);
	uint32_t length = dash ? (uint32_t)(dash - word) : token->length;
	bool ok = lwf_policy_number(word, length, UINT16_MAX, &value->range.low);

	value->range.high = value->range.low;
	if (ok && dash)
		ok = lwf_policy_number(dash + 1, token->length - length - 1, UINT16_MAX,
				       &value->range.high);
	if (!ok)
		lwf_policy_wrong(reader, token, -EINVAL,
				 "'%s' is no port from 0 to 65535, and no range as 6000-6063",
				 lwf_policy_shown(reader, token).text);
	else if (value->range.low > value->range.high)
		lwf_policy_wrong(reader, token, -EINVAL, "the range '%s' ends before it begins",
				 lwf_policy_shown(reader, token).text);
}

static bool is_digits(const char *word, uint32_t length)
{
	while (length && *word >= '0' && *word <= '9')
		word++, length--;
	return length == 0;
}

static void read_user(struct policy_reader *reader, const struct policy_token *token,
		      struct policy_value *value)
{
	const char *word = reader->policy->text + token->at;
	const struct policy_word shown = lwf_policy_shown(reader, token);
	char name[LWF_POLICY_WORD_MAX + 1];
	uint32_t uid = 0;

	if (is_digits(word, token->length)) {
		if (!lwf_policy_number(word, token->length, LWF_OWNER_NO_UID - 1, &uid))
			lwf_policy_wrong(reader, token, -EINVAL,
					 "'%s' is no number of a user from 0 to %u", shown.text,
					 LWF_OWNER_NO_UID - 1);
	} else {
		memcpy(name, word, token->length);
		name[token->length] = 0;
		if (!reader->users || reader->users->find(reader->users->context, name, &uid))
			lwf_policy_wrong(reader, token, -EINVAL,
					 "there is no user '%s' in /etc/passwd; write the number",
					 shown.text);
	}
	value->range.low = value->range.high = uid;
}

static void read_number(struct policy_reader *reader, const struct policy_token *token,
			const char *what, uint32_t max, struct policy_value *value)
{
	if (!lwf_policy_number(reader->policy->text + token->at, token->length, max,
			       &value->range.low))
		lwf_policy_wrong(reader, token, -EINVAL, "'%s' is not %s",
				 lwf_policy_shown(reader, token).text, what);
	value->range.high = value->range.low;
}

static void read_how(struct policy_reader *reader, const struct policy_token *token,
		     struct policy_value *value)
{
	static const enum lwf_owner_how settled[] = {LWF_OWNER_UNKNOWN, LWF_OWNER_EXACT,
						     LWF_OWNER_LISTENER, LWF_OWNER_INHERITED,
						     LWF_OWNER_AMBIGUOUS};

	for (unsigned i = 0; i < sizeof(settled) / sizeof(settled[0]); i++)
		if (lwf_policy_says(reader, token, lwf_owner_how_name(settled[i]))) {
			value->range.low = value->range.high = settled[i];
			return;
		}
	lwf_policy_wrong(reader, token, -EINVAL,
			 "'%s' is not exact, listener, inherited, ambiguous or unknown",
			 lwf_policy_shown(reader, token).text);
}

static void read_word(struct policy_reader *reader, enum policy_kind kind,
		      const struct policy_token *token, struct policy_value *value)
{
	const char *word = reader->policy->text + token->at;

	if (kind == POLICY_PROGRAM && word[0] != '/')
		lwf_policy_wrong(reader, token, -EINVAL,
				 "'%s' is no path; write it whole, or use command",
				 lwf_policy_shown(reader, token).text);
	else if (kind == POLICY_COMMAND && token->length >= LWF_OWNER_COMM_BYTES)
		lwf_policy_wrong(reader, token, -EINVAL,
				 "the kernel keeps %u bytes of a command: '%.*s'; or use program",
				 LWF_OWNER_COMM_BYTES - 1, (int)LWF_OWNER_COMM_BYTES - 1,
				 lwf_policy_shown(reader, token).text);
	value->word.at = token->at;
	value->word.length = token->length;
}

void lwf_policy_read_value(struct policy_reader *reader, enum policy_kind kind,
			   const struct policy_token *token, struct policy_value *value)
{
	const char *word = reader->policy->text + token->at;
	int protocol;

	switch (kind) {
	case POLICY_LOCAL:
	case POLICY_REMOTE:
		read_net(reader, token, value);
		return;
	case POLICY_LOCAL_PORT:
	case POLICY_REMOTE_PORT:
		read_ports(reader, token, value);
		return;
	case POLICY_PROTOCOL:
		protocol = lwf_policy_protocol(word, token->length);
		if (protocol < 0)
			lwf_policy_wrong(reader, token, -EINVAL,
					 "'%s' is no protocol; write tcp, udp, icmp, or its number",
					 lwf_policy_shown(reader, token).text);
		value->range.low = value->range.high = (uint32_t)protocol;
		return;
	case POLICY_DIRECTION:
		value->range.low = value->range.high =
			lwf_policy_is(reader, token, "in") ? LWF_POLICY_IN : LWF_POLICY_OUT;
		return;
	case POLICY_USER:
		read_user(reader, token, value);
		return;
	case POLICY_PID:
		read_number(reader, token, "the number of a process", UINT32_MAX, value);
		return;
	case POLICY_VLAN:
		read_number(reader, token, "the id of a VLAN from 0 to 4094", 4094, value);
		return;
	case POLICY_OWNER:
		read_how(reader, token, value);
		return;
	case POLICY_COMMAND:
	case POLICY_PROGRAM:
		read_word(reader, kind, token, value);
		return;
	case POLICY_KINDS:
		break;
	}
	lwf_policy_wrong(reader, token, -EINVAL, "this has no value");
}
