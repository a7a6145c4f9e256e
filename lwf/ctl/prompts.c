/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prompts.c - the prompts of a person, and what is remembered: see prompts.h.
 */
#include "prompts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

/* ---- the list ---- */

const struct prompt *prompts_add(struct prompts *prompts, const struct lwf_ask *ask)
{
	struct prompt *prompt = &prompts->list[prompts->count];

	if (prompts->count == PROMPTS_MAX) {
		prompts->unshown++;
		return NULL;
	}
	prompts->count++;
	prompt->number = ++prompts->last_number;
	prompt->ask = *ask;
	prompt->ask.data = NULL;
	prompt->ask.data_bytes = 0;
	return prompt;
}

static struct prompt *find_ask(struct prompts *prompts, uint64_t ask)
{
	for (uint32_t i = 0; i < prompts->count; i++) {
		if (prompts->list[i].ask.ask == ask)
			return &prompts->list[i];
	}
	return NULL;
}

const struct prompt *prompts_of_ask(const struct prompts *prompts, uint64_t ask)
{
	return find_ask((struct prompts *)(uintptr_t)prompts, ask);
}

const struct prompt *prompts_find(const struct prompts *prompts, uint32_t number)
{
	if (!number)
		return prompts->count ? &prompts->list[0] : NULL;
	for (uint32_t i = 0; i < prompts->count; i++) {
		if (prompts->list[i].number == number)
			return &prompts->list[i];
	}
	return NULL;
}

const struct prompt *prompts_owner(struct prompts *prompts, uint64_t ask,
				   const struct lwf_owner *owner)
{
	struct prompt *prompt = find_ask(prompts, ask);

	if (prompt)
		prompt->ask.info.owner = *owner;
	return prompt;
}

static void take_away(struct prompts *prompts, struct prompt *prompt)
{
	uint32_t behind = prompts->count - (uint32_t)(prompt - prompts->list) - 1;

	memmove(prompt, prompt + 1, behind * sizeof(*prompt));
	prompts->count--;
}

bool prompts_remove(struct prompts *prompts, uint64_t ask)
{
	struct prompt *prompt = find_ask(prompts, ask);

	if (prompt)
		take_away(prompts, prompt);
	return prompt != NULL;
}

bool prompts_expire(struct prompts *prompts, uint64_t now_ns, struct prompt *gone)
{
	for (uint32_t i = 0; i < prompts->count; i++) {
		if (prompts->list[i].ask.deadline_ns > now_ns)
			continue;
		*gone = prompts->list[i];
		take_away(prompts, &prompts->list[i]);
		return true;
	}
	return false;
}

/* ---- programs ---- */

/* What a program is known by; NULL: it is not known surely enough to speak of it. */
static const char *program_of(const struct lwf_owner *owner)
{
	if (owner->how != LWF_OWNER_EXACT && owner->how != LWF_OWNER_INHERITED &&
	    owner->how != LWF_OWNER_LISTENER)
		return NULL;
	if (owner->exe[0])
		return owner->exe;
	return owner->comm[0] ? owner->comm : NULL;
}

static bool is_of(const struct prompt_memory *memory, const struct lwf_owner *owner)
{
	const char *program = program_of(owner);

	return program && owner->uid == memory->uid && !strcmp(program, memory->program);
}

bool prompts_remembered(const struct prompts *prompts, const struct lwf_ask *ask, uint64_t now_ns,
			struct lwf_tell *tell)
{
	for (uint32_t i = prompts->memories; i-- > 0;) { /* the youngest counts */
		const struct prompt_memory *memory = &prompts->memory[i];
		uint64_t left_ns;

		if (memory->until_ns <= now_ns || !is_of(memory, &ask->info.owner))
			continue;
		left_ns = memory->until_ns - now_ns;
		*tell = (struct lwf_tell){
			.ask = ask->ask, .action = memory->action, .scope = LWF_SCOPE_FLOW};
		if (memory->until_ns != UINT64_MAX && left_ns <= LWF_TELL_TTL_MAX_NS) {
			tell->scope = LWF_SCOPE_FLOW_TTL;
			tell->ttl_ns = left_ns;
		}
		return true;
	}
	return false;
}

static void remember(struct prompts *prompts, const struct lwf_ask *ask,
		     const struct prompt_answer *answer, uint64_t now_ns)
{
	const char *program = program_of(&ask->info.owner);
	struct prompt_memory *memory;

	if (!program)
		return;
	if (prompts->memories == PROMPTS_REMEMBERED) {
		memmove(prompts->memory, prompts->memory + 1,
			sizeof(prompts->memory) - sizeof(prompts->memory[0]));
		prompts->memories--;
	}
	memory = &prompts->memory[prompts->memories++];
	snprintf(memory->program, sizeof(memory->program), "%s", program);
	memory->uid = ask->info.owner.uid;
	memory->action = (uint8_t)answer->action;
	memory->until_ns = answer->what == PROMPT_ALWAYS ? UINT64_MAX : now_ns + answer->time_ns;
}

/* ---- answers ---- */

uint32_t prompts_answer(struct prompts *prompts, const struct prompt_answer *answer,
			uint64_t now_ns, struct lwf_tell *tells)
{
	const struct prompt *found = prompts_find(prompts, answer->number);
	uint32_t count = 0;

	if (!found)
		return 0;
	tells[count++] = (struct lwf_tell){
		.ask = found->ask.ask,
		.action = (uint8_t)answer->action,
		.scope = answer->what == PROMPT_ONCE ? LWF_SCOPE_FLOW_TTL : LWF_SCOPE_FLOW,
		.ttl_ns = answer->what == PROMPT_ONCE ? PROMPTS_ONCE_NS : 0,
	};
	if (answer->what >= PROMPT_PROGRAM) {
		remember(prompts, &found->ask, answer, now_ns);
		prompts_remembered(prompts, &found->ask, now_ns, &tells[0]);
	}
	prompts_remove(prompts, found->ask.ask);
	for (uint32_t i = 0; i < prompts->count && answer->what >= PROMPT_PROGRAM;) {
		if (prompts_remembered(prompts, &prompts->list[i].ask, now_ns, &tells[count])) {
			count++;
			take_away(prompts, &prompts->list[i]);
		} else {
			i++;
		}
	}
	return count;
}

static int wrong(char *why, size_t bytes, const char *text)
{
	snprintf(why, bytes, "%s", text);
	return -EINVAL;
}

static bool is_word(const char *text, const char *word)
{
	return text[0] == word[0] && (!text[1] || !strcmp(text, word));
}

static int read_for(char **words, unsigned count, struct prompt_answer *answer, char *why,
		    size_t why_bytes)
{
	static const char *const names[] = {"once", "flow", "program", "write"};
	const char *word = count > 1 ? words[1] : "flow";
	size_t i = 0;

	while (i < 4 && !is_word(word, names[i]))
		i++;
	if (!strcmp(word, "always"))
		i = PROMPT_ALWAYS;
	if (i == 4)
		return wrong(why, why_bytes, "for what: once, flow, program [TIME] or always");
	answer->what = (enum prompt_for)i;
	answer->time_ns = PROMPTS_PROGRAM_NS;
	if (count > (answer->what == PROMPT_PROGRAM ? 3u : 2u))
		return wrong(why, why_bytes, "a word too many");
	if (count > 2 && (lwf_units_duration(words[2], &answer->time_ns) || !answer->time_ns ||
			  answer->time_ns > LWF_TELL_TTL_MAX_NS))
		return wrong(why, why_bytes,
			     "a time is written with its unit, as in 10m; 168h at most");
	return 0;
}

int prompts_read(const char *line, struct prompt_answer *answer, char *why, size_t why_bytes)
{
	char copy[128], *rest = copy, *word, *words[4];
	unsigned count = 0;
	unsigned long number;
	char *end;

	memset(answer, 0, sizeof(*answer));
	if (strlen(line) >= sizeof(copy))
		return wrong(why, why_bytes, "too long");
	snprintf(copy, sizeof(copy), "%s", line);
	while ((word = strsep(&rest, " \t\r\n"))) {
		if (!*word)
			continue;
		if (!count && !answer->number && *word >= '1' && *word <= '9') {
			number = strtoul(word, &end, 10);
			if (*end || number > UINT32_MAX)
				return wrong(why, why_bytes, "that is no number of a prompt");
			answer->number = (uint32_t)number;
		} else if (count < 4) {
			words[count++] = word;
		}
	}
	if (!count || count == 4)
		return wrong(why, why_bytes,
			     "write [NUMBER] allow|deny|reject [once|flow|program [TIME]|always]");
	if (is_word(words[0], "allow"))
		answer->action = LWF_VERDICT_PERMIT;
	else if (is_word(words[0], "deny"))
		answer->action = LWF_VERDICT_BLOCK;
	else if (is_word(words[0], "reject"))
		answer->action = LWF_VERDICT_RESET;
	else
		return wrong(why, why_bytes, "the answer is allow, deny or reject");
	return read_for(words, count, answer, why, why_bytes);
}

/* ---- texts ---- */

static const char *address(const struct lwf_flow_key *key, unsigned end, char *text, size_t bytes)
{
	if (key->v6)
		return inet_ntop(AF_INET6, key->address[end], text, (socklen_t)bytes);
	return inet_ntop(AF_INET, key->address[end] + 12, text, (socklen_t)bytes);
}

static bool has_ports(const struct lwf_flow_key *key)
{
	return key->protocol == 6 || key->protocol == 17 || key->protocol == 132;
}

static const char *protocol(const struct lwf_flow_key *key, char *text, size_t bytes)
{
	switch (key->protocol) {
	case 1:
		return "icmp";
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 58:
		return "icmpv6";
	default:
		snprintf(text, bytes, "protocol %u", (unsigned)key->protocol);
		return text;
	}
}

/* "10.0.0.1:80", "[fe80::1]:80", "10.0.0.1" */
static void endpoint(const struct lwf_flow_key *key, unsigned end, char *text, size_t bytes)
{
	char host[INET6_ADDRSTRLEN];

	address(key, end, host, sizeof(host));
	if (!has_ports(key))
		snprintf(text, bytes, "%s", host);
	else
		snprintf(text, bytes, key->v6 ? "[%s]:%u" : "%s:%u", host,
			 (unsigned)key->port[end]);
}

/* A process names itself as it likes; a terminal does as it is told. */
static const char *clean(const char *from, char *text, size_t bytes)
{
	size_t i = 0;

	for (; from[i] && i + 1 < bytes; i++)
		text[i] = (unsigned char)from[i] < 0x20 || (unsigned char)from[i] >= 0x7f ? '?'
											  : from[i];
	text[i] = '\0';
	return text;
}

void prompts_describe(const struct prompt *prompt, char *text, size_t bytes)
{
	const struct lwf_flow_info *info = &prompt->ask.info;
	const struct lwf_owner *owner = &info->owner;
	char here[64], there[64], number[16], comm[LWF_OWNER_COMM_BYTES], exe[LWF_OWNER_EXE_BYTES];
	int length;

	endpoint(&info->key, info->local, here, sizeof(here));
	endpoint(&info->key, 1u - info->local, there, sizeof(there));
	length = snprintf(text, bytes, "%s %s %s %s ", protocol(&info->key, number, sizeof(number)),
			  here, info->initiator == info->local ? ">" : "<", there);
	if (length < 0 || (size_t)length >= bytes)
		return;
	if (owner->how == LWF_OWNER_PENDING)
		snprintf(text + length, bytes - (size_t)length, "(looking for the program)");
	else if (!owner->pid)
		snprintf(text + length, bytes - (size_t)length, "(nobody known)");
	else
		snprintf(text + length, bytes - (size_t)length, "%s (pid %u, uid %u%s%s)",
			 clean(owner->comm, comm, sizeof(comm)), owner->pid, owner->uid,
			 owner->exe[0] ? ", " : "", clean(owner->exe, exe, sizeof(exe)));
}

/* A path that can stand in a rule. */
static bool is_plain(const char *path)
{
	size_t length = strlen(path);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)path[i] < 0x20 || (unsigned char)path[i] >= 0x7f ||
		    path[i] == '"' || path[i] == '\\')
			return false;
	return path[0] == '/' && length + 1 < LWF_OWNER_EXE_BYTES; /* a longer one was cut */
}

bool prompts_rule(const struct lwf_ask *ask, enum lwf_verdict_action action, char *text,
		  size_t bytes)
{
	static const char *const words[LWF_VERDICT_ACTIONS] = {[LWF_VERDICT_PERMIT] = "allow",
							       [LWF_VERDICT_BLOCK] = "deny",
							       [LWF_VERDICT_RESET] = "reject"};
	const struct lwf_flow_info *info = &ask->info;
	const struct lwf_owner *owner = &info->owner;
	const char *direction = info->initiator == info->local ? "out" : "in";
	unsigned remote = 1u - info->local;
	char number[16], there[INET6_ADDRSTRLEN];

	if (program_of(owner) && is_plain(owner->exe)) {
		snprintf(text, bytes, "%s %s user %u program \"%s\"", words[action], direction,
			 owner->uid, owner->exe);
		return true;
	}
	/* A deny may reach further than what was meant, an allow may not. */
	if (program_of(owner) && action == LWF_VERDICT_PERMIT)
		return false;
	address(&info->key, remote, there, sizeof(there));
	if (has_ports(&info->key))
		snprintf(text, bytes, "%s %s %s remote %s %s %u", words[action], direction,
			 protocol(&info->key, number, sizeof(number)), there,
			 info->initiator == info->local ? "remote-port" : "local-port",
			 (unsigned)info->key
				 .port[info->initiator == info->local ? remote : info->local]);
	else
		snprintf(text, bytes, "%s %s %s remote %s", words[action], direction,
			 protocol(&info->key, number, sizeof(number)), there);
	return true;
}
