/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_policy.c - any bytes as rules. What is not understood is told in one line with its place; what is
 * understood fits into the memory that was foretold, can be told rule by rule, and decides.
 *
 * Input: 24 bytes of whom is decided about, then the text.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <lwf/policy.h>

#define SUBJECT_BYTES 24u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static int find_user(void *context, const char *name, uint32_t *uid)
{
	(void)context;
	*uid = (uint32_t)strlen(name);
	return name[0] == 'x' ? -ENOENT : 0;
}

static const struct lwf_policy_users users = {.find = find_user};

static void decide(const struct lwf_policy *policy, const uint8_t *data)
{
	struct lwf_flow_key key = {.protocol = data[0], .v6 = data[1] & 1u};
	struct lwf_owner owner = {.pid = data[2], .uid = data[3], .how = data[4] % 6u};
	struct lwf_policy_subject subject = {.key = &key,
					     .local = data[1] >> 1 & 1u,
					     .direction = data[1] >> 2 & 1u,
					     .owner = data[1] & 8u ? &owner : NULL};
	struct lwf_policy_decision decision;
	char text[64];

	memcpy(key.address[0], data + 8, 16);
	memcpy(key.address[1], data + 4, 16);
	key.port[0] = data[5];
	key.port[1] = data[6];
	owner.comm[0] = (char)data[7];
	owner.exe[0] = '/';
	assert(lwf_policy_decide(policy, &subject, &decision) ==
	       (enum lwf_policy_action)decision.action);
	assert(decision.rule < lwf_policy_rules(policy));
	assert(decision.waits == (decision.action == LWF_POLICY_UNSAID));
	assert(!decision.waits || !subject.owner || owner.how == LWF_OWNER_PENDING);
	assert(decision.fallback != LWF_POLICY_ASK && decision.action <= LWF_POLICY_UNSAID);
	for (uint32_t i = 0; i < lwf_policy_rules(policy); i++) {
		lwf_policy_text(policy, i, text, sizeof(text));
		assert(text[0] && memchr(text, 0, sizeof(text)) && lwf_policy_line(policy, i) > 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct lwf_policy *policy = NULL;
	struct lwf_policy_error error;
	size_t room;
	char *text, words[512];
	void *memory;
	int ret;

	if (bytes < SUBJECT_BYTES)
		return 0;
	bytes -= SUBJECT_BYTES;
	text = malloc(bytes ? bytes : 1); /* of exactly its size: one byte too many is seen */
	room = lwf_policy_room((const char *)data + SUBJECT_BYTES, bytes);
	memory = malloc(room);
	if (!text || !memory)
		abort();
	memcpy(text, data + SUBJECT_BYTES, bytes);
	ret = lwf_policy_parse(memory, room, text, bytes, &users, &policy, &error);
	free(text); /* it was copied */
	if (ret) {
		assert(ret == -EINVAL || ret == -E2BIG);
		lwf_policy_error_text(&error, "f", true, words, sizeof(words));
		assert(error.why[0] && memchr(words, 0, sizeof(words)));
		assert(!memchr(error.why, '\n', strlen(error.why)));
		assert(error.caret < sizeof(error.shown));
	} else {
		decide(policy, data);
	}
	free(memory);
	return 0;
}
