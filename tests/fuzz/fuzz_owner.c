/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_owner.c - any bytes as a message of the resolver process or to it, as the kernel's answer about sockets,
 * and as a text of /proc. The first byte says which. Nothing may crash, and what is accepted must hold
 * its promises.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "owner_proc.h"
#include "owner_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_owner(const struct lwf_owner *owner)
{
	assert(memchr(owner->comm, 0, sizeof(owner->comm)));
	assert(memchr(owner->exe, 0, sizeof(owner->exe)));
	assert(!strpbrk(owner->comm, "\n\r\x1b"));
	assert(strcmp(lwf_owner_how_name(owner->how), "?"));
	assert(strcmp(lwf_owner_why_name(owner->why), "?"));
	assert((owner->pid == 0) == (owner->how == LWF_OWNER_UNKNOWN));
	assert((owner->why == LWF_OWNER_WHY_NONE) == (owner->how != LWF_OWNER_UNKNOWN));
}

static void as_message(const uint8_t *data, size_t size, bool from_resolver)
{
	static struct owner_message message;

	memset(&message, 0, sizeof(message));
	memcpy(&message, data, size < sizeof(message) ? size : sizeof(message));
	if (!from_resolver) {
		if (owner_message_from_daemon(&message, size))
			assert(owner_message_bytes(message.head.kind, message.head.count) == size);
		return;
	}
	if (!owner_message_from_resolver(&message, size))
		return;
	assert(size <= sizeof(message));
	for (uint32_t n = 0; n < message.head.count; n++) {
		if (message.head.kind == OWNER_KIND_ANSWER)
			expect_owner(&message.answer[n].owner);
		if (message.head.kind == OWNER_KIND_FOUND)
			expect_owner(&message.found[n].owner);
	}
}

static void as_answer(const uint8_t *data, size_t size)
{
	struct owner_tuple tuple = {.protocol = 6};
	struct owner_socket socket;
	size_t at = 0, before = 0;
	int ret;

	while ((ret = owner_diag_next(data, size, &at, 0, &socket)) == 1) {
		assert(at > before && at <= size);
		before = at;
		(void)owner_diag_match(&tuple, &socket);
		(void)owner_diag_match(&socket.tuple, &socket);
	}
	assert(ret == 0 || (ret < 0 && ret > -4096));
}

static void as_text(const uint8_t *data, size_t size)
{
	struct owner_process process = {0};
	char text[256];

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (owner_proc_parse_stat(text, size, &process))
		assert(process.pid && memchr(process.comm, 0, sizeof(process.comm)));
	(void)owner_proc_parse_link(text, size);
	owner_text_clean(text, sizeof(text));
	assert(memchr(text, 0, sizeof(text)) && !strpbrk(text, "\n\x1b\x7f"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	switch (data[0] & 3) {
	case 0:
	case 1:
		as_message(data + 1, size - 1, data[0] & 1);
		break;
	case 2:
		as_answer(data + 1, size - 1);
		break;
	default:
		as_text(data + 1, size - 1);
		break;
	}
	return 0;
}
