/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_wire.c - the messages of the resolver process, judged; see owner_wire.h.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "owner_wire.h"

size_t owner_message_bytes(enum owner_kind kind, uint32_t count)
{
	static const struct {
		size_t record;
		uint32_t least, most;
	} kinds[] = {
		[OWNER_KIND_SPACE] = {0, 0, 0},
		[OWNER_KIND_ASK] = {sizeof(struct owner_ask), 1, OWNER_RECORDS_MAX},
		[OWNER_KIND_LIST] = {0, 0, 0},
		[OWNER_KIND_ANSWER] = {sizeof(struct owner_answer), 1, OWNER_RECORDS_MAX},
		[OWNER_KIND_FOUND] = {sizeof(struct owner_found), 1, OWNER_RECORDS_MAX},
		[OWNER_KIND_END] = {sizeof(struct owner_end), 1, 1},
		[OWNER_KIND_PASS] = {sizeof(struct owner_pass), 1, 1},
	};

	if (kind < OWNER_KIND_SPACE || kind > OWNER_KIND_PASS || count < kinds[kind].least ||
	    count > kinds[kind].most)
		return 0;
	return offsetof(struct owner_message, ask) + count * kinds[kind].record;
}

/* How many bytes the UTF-8 character at @text has; 0: it is none, or unfit for a terminal. */
static size_t character(const unsigned char *text, size_t left)
{
	static const struct {
		unsigned char mask, lead, bytes;
		uint32_t least;
	} forms[] = {{0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f;
	for (size_t n = 0; n < sizeof(forms) / sizeof(forms[0]); n++) {
		uint32_t value = text[0] & (unsigned char)~forms[n].mask;

		if ((text[0] & forms[n].mask) != forms[n].lead || forms[n].bytes > left)
			continue;
		for (size_t i = 1; i < forms[n].bytes; i++) {
			if ((text[i] & 0xc0) != 0x80)
				return 0;
			value = value << 6 | (text[i] & 0x3f);
		}
		if (value < forms[n].least || value > 0x10ffff || value < 0xa0 ||
		    (value >= 0xd800 && value < 0xe000))
			return 0;
		return forms[n].bytes;
	}
	return 0;
}

void owner_text_clean(char *text, size_t bytes)
{
	size_t length = strnlen(text, bytes), at = 0;

	if (length == bytes)
		length--;
	memset(text + length, 0, bytes - length);
	while (at < length) {
		size_t step = character((const unsigned char *)text + at, length - at);

		if (!step)
			text[at] = '?';
		at += step ? step : 1;
	}
}

static bool is_zero(const uint8_t *bytes, size_t count)
{
	uint8_t any = 0;

	for (size_t n = 0; n < count; n++)
		any |= bytes[n];
	return !any;
}

static bool is_tuple(const struct owner_tuple *tuple)
{
	return tuple->v6 <= 1 && is_zero(tuple->zero, sizeof(tuple->zero)) &&
	       (tuple->protocol == IPPROTO_TCP || tuple->protocol == IPPROTO_UDP ||
		tuple->protocol == IPPROTO_UDPLITE);
}

/* A named owner has a pid and no reason, an unknown one has a reason and no pid. */
static bool is_owner(struct lwf_owner *owner)
{
	bool unknown = owner->how == LWF_OWNER_UNKNOWN;

	if (owner->how > LWF_OWNER_AMBIGUOUS || owner->how == LWF_OWNER_PENDING ||
	    owner->why >= LWF_OWNER_WHY_COUNT || unknown != (owner->why != LWF_OWNER_WHY_NONE) ||
	    unknown != (owner->pid == 0))
		return false;
	owner_text_clean(owner->comm, sizeof(owner->comm));
	owner_text_clean(owner->exe, sizeof(owner->exe));
	return true;
}

/* Of a sender the pid is known, of a socket its inode. */
static bool is_ask(const struct owner_ask *ask)
{
	bool sender = ask->match == OWNER_MATCH_SENDER;

	return is_tuple(&ask->tuple) && ask->space < OWNER_SPACES_MAX &&
	       ask->match <= OWNER_MATCH_SENDER && ask->match != OWNER_MATCH_NONE &&
	       (ask->inode == 0) == sender && (ask->pid != 0) == sender &&
	       memchr(ask->comm, '\0', sizeof(ask->comm)) && is_zero(ask->zero, sizeof(ask->zero));
}

static bool is_framed(const struct owner_message *message, size_t bytes)
{
	return bytes >= offsetof(struct owner_message, ask) && message->head.magic == OWNER_MAGIC &&
	       !message->head.zero && message->head.space < OWNER_SPACES_MAX &&
	       owner_message_bytes(message->head.kind, message->head.count) == bytes;
}

bool owner_message_from_resolver(struct owner_message *message, size_t bytes)
{
	if (!is_framed(message, bytes))
		return false;
	switch ((enum owner_kind)message->head.kind) {
	case OWNER_KIND_ANSWER:
		for (uint32_t n = 0; n < message->head.count; n++)
			if (!is_owner(&message->answer[n].owner))
				return false;
		return true;
	case OWNER_KIND_FOUND:
		for (uint32_t n = 0; n < message->head.count; n++)
			if (!is_tuple(&message->found[n].tuple) ||
			    !is_owner(&message->found[n].owner))
				return false;
		return true;
	case OWNER_KIND_END:
		return message->end.error <= 0 && message->end.error > -4096;
	case OWNER_KIND_PASS:
		return true;
	case OWNER_KIND_SPACE:
	case OWNER_KIND_ASK:
	case OWNER_KIND_LIST:
		break;
	}
	return false;
}

bool owner_message_from_daemon(const struct owner_message *message, size_t bytes)
{
	if (!is_framed(message, bytes))
		return false;
	switch ((enum owner_kind)message->head.kind) {
	case OWNER_KIND_SPACE:
	case OWNER_KIND_LIST:
		return true;
	case OWNER_KIND_ASK:
		for (uint32_t n = 0; n < message->head.count; n++) {
			if (!is_ask(&message->ask[n]))
				return false;
		}
		return true;
	case OWNER_KIND_ANSWER:
	case OWNER_KIND_FOUND:
	case OWNER_KIND_END:
	case OWNER_KIND_PASS:
		break;
	}
	return false;
}
