/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_test.c - rules about conversations: what is read, what is refused and where, who decides.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

#include <lwf/policy.h>

static int find_user(void *context, const char *name, uint32_t *uid)
{
	(void)context;
	if (strcmp(name, "alice") != 0)
		return -ENOENT;
	*uid = 1000;
	return 0;
}

static const struct lwf_policy_users users = {.find = find_user};

static int read_policy(const char *text, struct lwf_policy **policy, struct lwf_policy_error *error)
{
	size_t bytes = strlen(text), room = lwf_policy_room(text, bytes);
	char *memory = malloc(room), *copy = malloc(bytes ? bytes : 1);
	int ret;

	assert_non_null(memory);
	assert_non_null(copy);
	for (size_t i = 0; i < bytes; i++)
		copy[i] = text[i]; /* without an end: one byte too far is seen by a sanitizer */
	ret = lwf_policy_parse(memory, room, copy, bytes, &users, policy, error);
	free(copy);
	if (ret)
		free(memory);
	return ret;
}

static struct lwf_policy *policy_of(const char *text)
{
	struct lwf_policy *policy = NULL;
	struct lwf_policy_error error;
	char words[512];

	if (read_policy(text, &policy, &error)) {
		lwf_policy_error_text(&error, "text", true, words, sizeof(words));
		fail_msg("%s", words);
	}
	return policy;
}

/* ---- conversations ---- */

struct talk {
	struct lwf_flow_key key;
	struct lwf_owner owner;
	struct lwf_policy_subject subject;
};

static void put_address(struct lwf_flow_key *key, unsigned end, const char *address)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	key->v6 = strchr(address, ':') != NULL;
	memcpy(key->address[end], mapped, sizeof(mapped));
	assert_int_equal(inet_pton(key->v6 ? AF_INET6 : AF_INET, address,
				   key->address[end] + (key->v6 ? 0 : 12)),
			 1);
}

/* An outgoing connection of pid 42, /usr/bin/curl, alice. The local end is HIGH. */
static struct talk *talk_of(const char *local, uint16_t local_port, const char *remote,
			    uint16_t remote_port, uint8_t protocol)
{
	static struct talk talk;

	memset(&talk, 0, sizeof(talk));
	put_address(&talk.key, LWF_ENDPOINT_HIGH, local);
	put_address(&talk.key, LWF_ENDPOINT_LOW, remote);
	talk.key.port[LWF_ENDPOINT_HIGH] = local_port;
	talk.key.port[LWF_ENDPOINT_LOW] = remote_port;
	talk.key.protocol = protocol;
	talk.owner =
		(struct lwf_owner){.pid = 42, .uid = 1000, .how = LWF_OWNER_EXACT, .comm = "curl"};
	snprintf(talk.owner.exe, sizeof(talk.owner.exe), "/usr/bin/curl");
	talk.subject = (struct lwf_policy_subject){.key = &talk.key,
						   .local = LWF_ENDPOINT_HIGH,
						   .direction = LWF_POLICY_OUT,
						   .owner = &talk.owner};
	return &talk;
}

static struct talk *web(void)
{
	return talk_of("10.0.0.5", 40000, "93.184.216.34", 443, 6);
}

static struct lwf_policy_decision decide(const char *rules, const struct talk *talk)
{
	struct lwf_policy *policy = policy_of(rules);
	struct lwf_policy_decision decision;
	enum lwf_policy_action action = lwf_policy_decide(policy, &talk->subject, &decision);

	assert_int_equal(action, decision.action);
	free(policy);
	return decision;
}

/** Whether a rule "deny CONDITION" in front of "default allow" decides. */
static bool holds(const char *condition, const struct talk *talk)
{
	char rules[512];
	struct lwf_policy_decision decision;

	snprintf(rules, sizeof(rules), "deny %s\ndefault allow\n", condition);
	decision = decide(rules, talk);
	assert_false(decision.waits);
	assert_int_equal(decision.rule, decision.action == LWF_POLICY_DENY ? 0 : 1);
	return decision.action == LWF_POLICY_DENY;
}

/* ---- which rule ---- */

static void test_first_match_decides(void **state)
{
	static const char rules[] = "# the first line is nothing\n"
				    "allow out tcp remote 10.0.0.0/8\n"
				    "deny out tcp remote-port 443 ; reject tcp\n"
				    "\n"
				    "default ask timeout 2s default deny priority 7\n";
	struct lwf_policy_decision d;

	(void)state;
	d = decide(rules, talk_of("10.0.0.5", 1, "10.1.1.1", 443, 6));
	assert_int_equal(d.action, LWF_POLICY_ALLOW);
	assert_int_equal(d.rule, 0);
	d = decide(rules, web());
	assert_int_equal(d.action, LWF_POLICY_DENY);
	assert_int_equal(d.rule, 1);
	d = decide(rules, talk_of("10.0.0.5", 1, "9.9.9.9", 80, 6));
	assert_int_equal(d.action, LWF_POLICY_REJECT);
	assert_int_equal(d.rule, 2);
	d = decide(rules, talk_of("10.0.0.5", 1, "9.9.9.9", 53, 17));
	assert_int_equal(d.action, LWF_POLICY_ASK);
	assert_int_equal(d.rule, 3);
	assert_int_equal(d.timeout_ns, 2000000000ull);
	assert_int_equal(d.fallback, LWF_POLICY_DENY);
	assert_int_equal(d.priority, 7);
	d = decide("ask out\ndefault deny", web());
	assert_int_equal(d.fallback, LWF_POLICY_UNSAID);
	assert_int_equal(d.timeout_ns, 0);
	assert_int_equal(d.priority, 0);
}

static void test_conditions(void **state)
{
	struct talk other = *web(), *shell = &other;

	(void)state;
	shell->subject.key = &shell->key;
	shell->subject.owner = &shell->owner;
	snprintf(shell->owner.comm, sizeof(shell->owner.comm), "/usr/bin/x"); /* its own choice */
	assert_true(holds("out", web()));
	assert_false(holds("in", web()));
	assert_true(holds("not in", web()));
	assert_true(holds("tcp", web()));
	assert_true(holds("udp,tcp", web()));
	assert_true(holds("protocol 6", web()));
	assert_false(holds("protocol udp,17", web()));
	assert_true(holds("local 10.0.0.5", web()));
	assert_false(holds("remote 10.0.0.5", web()));
	assert_true(holds("local-port 40000", web()));
	assert_false(holds("remote-port 40000", web()));
	assert_true(holds("remote-port 80,400-443", web()));
	assert_false(holds("remote-port 80,400-442", web()));
	assert_true(holds("vlan 0", web()));
	assert_false(holds("vlan 7", web()));
	assert_true(holds("command wget,curl", web()));
	assert_false(holds("command cur", web()));
	assert_false(holds("command curly", web()));
	assert_true(holds("program /usr/bin/curl", web()));
	assert_true(holds("program \"/usr/bin/\"", web()));
	assert_false(holds("program /usr/bin", web()));
	assert_false(holds("program /usr/bin/cur", web()));
	assert_false(holds("command /usr/bin/", shell));
	assert_true(holds("pid 41,42", web()));
	assert_true(holds("user alice", web()));
	assert_true(holds("user 999,1000", web()));
	assert_false(holds("user 0,1001", web()));
	assert_true(holds("owner exact", web()));
	assert_false(holds("owner unknown,ambiguous", web()));
	assert_true(holds("out tcp user alice remote-port 443 not remote 10.0.0.0/8", web()));
	assert_false(holds("out tcp user alice remote-port 443 not remote 93.0.0.0/8", web()));
}

static void test_addresses(void **state)
{
	static const struct {
		const char *net, *address;
		bool in;
	} cases[] = {
		{"0.0.0.0/0", "1.2.3.4", true},
		{"::/0", "1.2.3.4", false},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "2001:db8::1", true},
		{"1.2.3.4/32", "1.2.3.4", true},
		{"1.2.3.4", "1.2.3.5", false},
		{"1.2.3.4/31", "1.2.3.5", true},
		{"1.2.3.4/31", "1.2.3.6", false},
		{"10.128.0.0/9", "10.128.0.1", true},
		{"10.128.0.0/9", "10.127.0.1", false},
		{"2001:db8::/32", "2001:db8:ffff::9", true},
		{"2001:db8::/32", "2001:db9::", false},
		{"2001:DB8::0:1", "2001:db8::1", true},
		{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", true},
		{"1:2:3:4:5:6:7:0/112", "1:2:3:4:5:6:7:8", true},
		{"64:ff9b::1.2.3.4", "64:ff9b::102:304", true},
		{"1::", "1::", true},
		{"fe80::/10", "febf::1", true},
		{"fe80::/10", "fec0::1", false},
		{"1.1.1.1,1.2.3.0/24", "1.2.3.200", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char condition[128];
		bool v6 = strchr(cases[i].address, ':') != NULL;

		snprintf(condition, sizeof(condition), "remote %s", cases[i].net);
		if (holds(condition, talk_of(v6 ? "::2" : "10.0.0.5", 1, cases[i].address, 2, 6)) !=
		    cases[i].in)
			fail_msg("%s: %s", cases[i].net, cases[i].address);
	}
}

/* No ports: neither a port nor its opposite. */
static void test_without_ports(void **state)
{
	struct talk *ping = talk_of("10.0.0.5", 8, "10.0.0.6", 1234, 1);

	(void)state;
	assert_true(holds("icmp", ping));
	assert_false(holds("remote-port 1234", ping));
	assert_false(holds("not remote-port 80", ping));
	assert_false(holds("local-port 0-65535", ping));
}

/* ---- owners ---- */

/* About an owner that cannot be known nothing holds, and not its opposite either. */
static void test_unknown_owner(void **state)
{
	struct talk *talk = web();

	(void)state;
	memset(&talk->owner, 0, sizeof(talk->owner));
	talk->owner.uid = LWF_OWNER_NO_UID;
	talk->owner.why = LWF_OWNER_WHY_NO_SOCKET;
	assert_false(holds("user alice", talk));
	assert_false(holds("not user alice", talk));
	assert_false(holds("not command curl", talk));
	assert_false(holds("not program /bin/true", talk));
	assert_false(holds("not pid 1", talk));
	assert_true(holds("owner unknown", talk));
	assert_true(holds("not owner exact", talk));
	talk->owner.uid = 1000; /* the socket's, where its holder was not found */
	assert_true(holds("user alice", talk));
	assert_false(holds("not user alice", talk));
}

/* What depends on an owner that is looked for waits; what does not, does not. */
static void test_pending_owner(void **state)
{
	static const char rules[] = "deny in user alice\n"
				    "allow remote-port 53\n"
				    "deny command nc\n"
				    "default allow\n";
	struct talk *talk = web();
	struct lwf_policy_decision d;

	(void)state;
	talk->subject.owner = NULL;
	d = decide(rules, talk);
	assert_true(d.waits);
	assert_int_equal(d.action, LWF_POLICY_UNSAID);
	assert_int_equal(d.rule, 2);

	talk->key.port[LWF_ENDPOINT_LOW] = 53;
	d = decide(rules, talk);
	assert_false(d.waits);
	assert_int_equal(d.action, LWF_POLICY_ALLOW);

	talk->key.port[LWF_ENDPOINT_LOW] = 443;
	talk->subject.owner = &talk->owner;
	talk->owner.how = LWF_OWNER_PENDING;
	assert_true(decide(rules, talk).waits);
	assert_true(decide("deny owner unknown\ndefault allow", talk).waits);
	/* the socket's user is known before its holder is */
	d = decide("deny user alice\ndefault allow", talk);
	assert_false(d.waits);
	assert_int_equal(d.action, LWF_POLICY_DENY);
	d = decide("deny user alice command nc\ndefault allow", talk);
	assert_true(d.waits);
	talk->owner.uid = 5;
	d = decide("deny user alice command nc\ndefault allow", talk);
	assert_false(d.waits);
	assert_int_equal(d.action, LWF_POLICY_ALLOW);
}

/* ---- what is wrong, and where ---- */

static void wrong(const char *text, const char *want)
{
	struct lwf_policy *policy = NULL;
	struct lwf_policy_error error;
	char words[512];

	assert_int_equal(read_policy(text, &policy, &error), -EINVAL);
	lwf_policy_error_text(&error, "f", false, words, sizeof(words));
	if (strcmp(words, want) != 0)
		fail_msg("%s\n  is told as: %s\n  not as:     %s", text, words, want);
}

static void test_errors(void **state)
{
	(void)state;
	wrong("", "f:1:1: the last rule must say what else happens, as: default deny");
	wrong("allow in\n", "f:2:1: the last rule must say what else happens, as: default deny");
	wrong("default deny\nallow in\n", "f:2:1: nothing comes behind the default");
	wrong("# x\n  alow in\n",
	      "f:2:3: 'alow' is not allow, deny, reject or ask, and not default");
	wrong("default drop", "f:1:9: 'drop' is not allow, deny, reject or ask");
	wrong("allow", "f:1:1: a rule without a condition is the default; write 'default allow'");
	wrong("default deny in", "f:1:14: the default has no condition: it holds always");
	wrong("deny from 1.2.3.4", "f:1:6: 'from' is no condition of a rule");
	wrong("deny not", "f:1:9: 'not' needs a condition");
	wrong("deny remote", "f:1:12: 'remote' needs an address, as 10.0.0.0/8 or 2001:db8::/32");
	wrong("deny remote example.org",
	      "f:1:13: 'example.org' is no address; names are not looked up, write 10.0.0.0/8");
	wrong("deny remote 10.0.0.1/8",
	      "f:1:13: '10.0.0.1/8' has bits behind its prefix; write them as 0, or leave /8 out");
	wrong("deny remote 10.0.0.0/33", "f:1:13: '10.0.0.0/33' has no prefix from /0 to /32");
	wrong("deny remote ::ffff:1.2.3.4", "f:1:13: this is an IPv4 address; write it as one");
	wrong("deny remote-port 80-", "f:1:18: '80-' is no port from 0 to 65535, and no range as "
				      "6000-6063");
	wrong("deny remote-port 90-80", "f:1:18: the range '90-80' ends before it begins");
	wrong("deny tcp udp",
	      "f:1:10: 'protocol' stands here twice; several values are a list: A,B");
	wrong("deny tcp,", "f:1:10: 'protocol' needs a protocol, as tcp, or a number up to 255");
	wrong("deny in,out", "f:1:8: a direction is in or out; without one both are meant");
	wrong("deny user bob", "f:1:11: there is no user 'bob' in /etc/passwd; write the number");
	wrong("deny command 0123456789abcdef",
	      "f:1:14: the kernel keeps 15 bytes of a command: '0123456789abcde'; or use program");
	wrong("deny program curl", "f:1:14: 'curl' is no path; write it whole, or use command");
	wrong("deny program \"/x\ndefault deny", "f:1:14: this text does not end on its line");
	wrong("deny program \"\"", "f:1:14: this text is empty");
	wrong("deny owner pending",
	      "f:1:12: 'pending' is not exact, listener, inherited, ambiguous or unknown");
	wrong("deny in timeout 2s", "f:1:9: 'timeout' belongs to a rule that asks");
	wrong("ask in timeout 2", "f:1:16: '2' is no time with its unit from 1ms to 1m");
	wrong("ask in timeout\n", "f:1:15: 'timeout' needs a value");
	wrong("ask in default ask", "f:1:16: 'ask' is not allow, deny or reject");
	wrong("ask in priority 256", "f:1:17: '256' is no priority from 0 to 255");
	wrong("deny vlan 4095", "f:1:11: '4095' is not the id of a VLAN from 0 to 4094");
	wrong("deny \x01in", "f:1:6: byte 0x01 is no text");
	wrong("deny in \\\n  nothing", "f:2:3: 'nothing' is no condition of a rule");
}

/* What is almost right: told as what it is, where it is. */
static void test_slips(void **state)
{
	struct lwf_policy *policy;
	struct lwf_policy_error error;

	(void)state;
	wrong("allow not\ndefault deny", "f:1:10: 'not' needs a condition");
	wrong("allow in not;default deny", "f:1:13: 'not' needs a condition");
	wrong("allow not not in", "f:1:11: 'not' needs a condition");
	wrong("default\n", "f:1:8: 'default' needs an action: allow, deny, reject or ask");
	wrong("default;", "f:1:8: 'default' needs an action: allow, deny, reject or ask");
	wrong("ask in timeout 2s timeout 3s", "f:1:19: 'timeout' stands here twice");
	wrong("ask priority 0 in priority 0", "f:1:19: 'priority' stands here twice");
	wrong("default ask default deny default", "f:1:26: 'default' stands here twice");
	wrong("ask in timeout 307445735m", /* 26 s, modulo 2^64 ns */
	      "f:1:16: '307445735m' is no time with its unit from 1ms to 1m");
	wrong("\"deny\" in", "f:1:1: 'deny' stands in quotes, which only values do");
	wrong("deny \"tcp\"", "f:1:6: 'tcp' stands in quotes, which only values do");
	wrong("ask in default \"deny\"", "f:1:16: 'deny' stands in quotes, which only values do");
	wrong("deny in \\ \n tcp",
	      "f:1:9: a backslash joins two lines at the end of the first alone");
	wrong("deny in \\", "f:1:9: a backslash joins two lines at the end of the first alone");
	wrong("deny program \"/a\x1b[2J\"", "f:1:17: byte 0x1b is no text");
	wrong("deny program \"/a\r\ndefault deny", "f:1:14: this text does not end on its line");
	wrong("deny user 4294967295",
	      "f:1:11: '4294967295' is no number of a user from 0 to 4294967294");
	wrong("deny user 99999999999",
	      "f:1:11: '99999999999' is no number of a user from 0 to 4294967294");
	/* and what is right, though other systems write it so */
	assert_int_equal(read_policy("\xef\xbb\xbf"
				     "deny in \\\r\n tcp\r\ndefault allow\r\n",
				     &policy, &error),
			 0);
	assert_int_equal(lwf_policy_rules(policy), 2);
	assert_int_equal(lwf_policy_line(policy, 1), 3);
	free(policy);
	assert_int_equal(read_policy("deny owner \"exact\"\ndefault allow", &policy, &error), 0);
	free(policy);
}

static void test_not_an_address(void **state)
{
	static const char *const texts[] = {":",
					    ":::",
					    "1:2:3:4:5:6:7",
					    "1:2:3:4:5:6:7:8:9",
					    "1::2::3",
					    "12345::",
					    "1:",
					    "1:2:3:4:5:6:7:8::",
					    "g::",
					    "1.2.3",
					    "1.2.3.4.5",
					    "256.1.1.1",
					    "1.2.3.4:",
					    "01.2.3.4",
					    "1..2.3",
					    "1:2:3:4:5:6:7:1.2.3.4",
					    "::1.2.3",
					    "1.2.3.+4"};
	char text[64];
	struct lwf_policy *policy;
	struct lwf_policy_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(text, sizeof(text), "deny remote %s\ndefault allow", texts[i]);
		if (read_policy(text, &policy, &error) != -EINVAL)
			fail_msg("'%s' was taken for an address", texts[i]);
		assert_int_equal(error.column, 13);
	}
}

static void test_picture(void **state)
{
	struct lwf_policy_error error;
	struct lwf_policy *policy;
	char text[1024], words[512];

	(void)state;
	assert_int_equal(read_policy("default allow\n\tdeny\tin", &policy, &error), -EINVAL);
	lwf_policy_error_text(&error, "a.rules", true, words, sizeof(words));
	assert_string_equal(words, "a.rules:2:2: nothing comes behind the default\n"
				   "    deny in\n"
				   "    ^");
	/* a long line is shown around the place */
	snprintf(text, sizeof(text), "deny in user %0300d,nobody-of-this-name", 7);
	assert_int_equal(read_policy(text, &policy, &error), -EINVAL);
	assert_int_equal(error.column, 14);
	snprintf(text, sizeof(text), "deny in%300sbogus", "");
	assert_int_equal(read_policy(text, &policy, &error), -EINVAL);
	assert_int_equal(error.column, 308);
	assert_int_equal(strncmp(error.shown + error.caret, "bogus", 5), 0);
}

/* ---- limits ---- */

static void put(char *text, size_t at, const char *words)
{
	snprintf(text + at, LWF_POLICY_TEXT_MAX + 64 - at, "%s", words);
}

static void test_limits(void **state)
{
	struct lwf_policy *policy;
	struct lwf_policy_error error;
	size_t bytes = LWF_POLICY_TEXT_MAX + 64, used = 0;
	char *text = malloc(bytes);
	struct lwf_policy_decision d;

	(void)state;
	assert_non_null(text);
	for (unsigned i = 0; i < LWF_POLICY_RULES_MAX - 1; i++)
		used += (size_t)sprintf(text + used, "deny remote-port %u\n", i);
	put(text, used, "default allow");
	assert_int_equal(read_policy(text, &policy, &error), 0);
	assert_int_equal(lwf_policy_rules(policy), LWF_POLICY_RULES_MAX);
	(void)lwf_policy_decide(policy, &talk_of("10.0.0.5", 1, "9.9.9.9", 4094, 6)->subject, &d);
	assert_int_equal(d.rule, 4094);
	assert_int_equal(lwf_policy_line(policy, 4094), 4095);
	free(policy);
	put(text, used, "deny in\ndefault allow");
	assert_int_equal(read_policy(text, &policy, &error), -E2BIG);
	assert_int_equal(error.line, LWF_POLICY_RULES_MAX + 1);

	memset(text, ' ', bytes);
	memcpy(text, "default allow", 13);
	text[LWF_POLICY_TEXT_MAX] = 0;
	assert_int_equal(read_policy(text, &policy, &error), 0);
	free(policy);
	text[LWF_POLICY_TEXT_MAX] = ' ';
	text[LWF_POLICY_TEXT_MAX + 1] = 0;
	assert_int_equal(read_policy(text, &policy, &error), -E2BIG);
	assert_int_equal(error.line, 0);

	used = (size_t)sprintf(text, "deny remote-port 1");
	for (unsigned i = 1; i < LWF_POLICY_VALUES_MAX; i++)
		used += (size_t)sprintf(text + used, ",%u", 2 * i);
	put(text, used, "\ndefault deny");
	assert_int_equal(read_policy(text, &policy, &error), 0);
	free(policy);
	put(text, used, ",9\ndefault deny");
	assert_int_equal(read_policy(text, &policy, &error), -EINVAL);

	used = (size_t)sprintf(text, "deny");
	for (unsigned i = 0; i < LWF_POLICY_CONDITIONS_MAX; i++)
		used += (size_t)sprintf(text + used, " not pid %u", i);
	put(text, used, "\ndefault deny");
	assert_int_equal(read_policy(text, &policy, &error), 0);
	free(policy);
	put(text, used, " in\ndefault deny");
	assert_int_equal(read_policy(text, &policy, &error), -EINVAL);
	free(text);
}

static void test_too_little_room(void **state)
{
	static const char text[] = "deny in\ndefault allow";
	size_t room = lwf_policy_room(text, strlen(text));
	char *memory = malloc(room);
	struct lwf_policy *policy;
	struct lwf_policy_error error;

	(void)state;
	assert_non_null(memory);
	assert_int_equal(
		lwf_policy_parse(memory, room - 1, text, strlen(text), &users, &policy, &error),
		-ENOBUFS);
	assert_int_equal(lwf_policy_parse(memory, room, text, strlen(text), NULL, &policy, &error),
			 0);
	free(memory);
}

/* ---- what is told of a rule ---- */

static void test_text(void **state)
{
	struct lwf_policy *policy = policy_of("  deny   in\ttcp # why\n"
					      "allow \\\n   program  \"/a  b\" ;default deny#");
	char text[64], few[8];

	(void)state;
	assert_int_equal(lwf_policy_rules(policy), 3);
	lwf_policy_text(policy, 0, text, sizeof(text));
	assert_string_equal(text, "deny in tcp");
	lwf_policy_text(policy, 1, text, sizeof(text));
	assert_string_equal(text, "allow program \"/a  b\"");
	lwf_policy_text(policy, 2, text, sizeof(text));
	assert_string_equal(text, "default deny");
	lwf_policy_text(policy, 3, text, sizeof(text));
	assert_string_equal(text, "");
	lwf_policy_text(policy, 0, few, sizeof(few));
	assert_string_equal(few, "deny in");
	assert_int_equal(lwf_policy_line(policy, 0), 1);
	assert_int_equal(lwf_policy_line(policy, 1), 2);
	assert_int_equal(lwf_policy_line(policy, 2), 3);
	assert_int_equal(lwf_policy_line(policy, 3), 0);
	assert_string_equal(lwf_policy_action_name(LWF_POLICY_REJECT), "reject");
	assert_string_equal(lwf_policy_action_name((enum lwf_policy_action)9), "?");
	free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_match_decides),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_without_ports),
		cmocka_unit_test(test_unknown_owner),
		cmocka_unit_test(test_pending_owner),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_slips),
		cmocka_unit_test(test_not_an_address),
		cmocka_unit_test(test_picture),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_too_little_room),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
