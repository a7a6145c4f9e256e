/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_inside.h - what a policy is made of, and what those who read its text share: policy_parse.c
 * (tokens, rules, what is wrong), policy_value.c (addresses, numbers, names). policy.c decides.
 *
 * One block of memory: the policy, its rules, their conditions, their values, its text. Names and
 * paths of programs are places in that text.
 */
#ifndef LWF_POLICY_INSIDE_H
#define LWF_POLICY_INSIDE_H

#include <lwf/policy.h>

/** X(symbol, word, what its values are): the conditions of a rule */
#define POLICY_KIND_LIST(X)                                                                \
	X(DIRECTION, "direction", "in or out")                                             \
	X(PROTOCOL, "protocol", "a protocol, as tcp, or a number up to 255")               \
	X(LOCAL, "local", "an address, as 10.0.0.0/8 or 2001:db8::/32")                    \
	X(REMOTE, "remote", "an address, as 10.0.0.0/8 or 2001:db8::/32")                  \
	X(LOCAL_PORT, "local-port", "a port, or a range as 6000-6063")                     \
	X(REMOTE_PORT, "remote-port", "a port, or a range as 6000-6063")                   \
	X(VLAN, "vlan", "the id of a VLAN up to 4094, 0 for none")                         \
	X(COMMAND, "command", "a command, as the kernel names it")                         \
	X(PROGRAM, "program", "the path of a program, or of a folder with a / at its end") \
	X(PID, "pid", "the number of a process")                                           \
	X(USER, "user", "a user, by name or number")                                       \
	X(OWNER, "owner", "how the owner is known, as exact or unknown")

enum policy_kind {
#define X(sym, word, what) POLICY_##sym,
	POLICY_KIND_LIST(X)
#undef X
		POLICY_KINDS
};

struct policy_value {
	union {
		struct {
			uint64_t high, low; /* the address as a number */
			uint8_t prefix;	    /* bits of it; IPv4: 96 more */
			uint8_t v6;
		} net;
		struct {
			uint32_t low, high;
		} range;
		struct {
			uint32_t at, length; /* in the text */
		} word;
	};
};

/** Half of an address as a number. */
static inline uint64_t policy_half(const uint8_t *bytes)
{
	uint64_t number = 0;

	for (unsigned i = 0; i < 8; i++)
		number = number << 8 | bytes[i];
	return number;
}

struct policy_condition {
	uint8_t kind; /* enum policy_kind */
	bool negated;
	uint16_t count;
	uint32_t first; /* of its values */
};

struct policy_rule {
	uint8_t action, fallback, priority; /* as in lwf_policy_decision */
	uint8_t conditions;
	uint32_t first; /* of its conditions */
	uint32_t line;
	uint32_t at, length; /* in the text */
	uint64_t timeout_ns;
};

struct lwf_policy {
	size_t bytes; /* of the whole block */
	uint32_t rules, conditions, values;
	uint32_t text_bytes;
	struct policy_rule *rule;
	struct policy_condition *condition;
	struct policy_value *value;
	char *text;
};

/** Bytes of the block that @policy is. */
size_t lwf_policy_bytes(const struct lwf_policy *policy);

/** A copy in @memory of lwf_policy_bytes(). */
struct lwf_policy *lwf_policy_copy(void *memory, const struct lwf_policy *policy);

/* ---- reading ---- */

enum policy_token_kind {
	POLICY_TOKEN_END,  /* of the text */
	POLICY_TOKEN_LINE, /* end of a line, or ';' */
	POLICY_TOKEN_WORD, /* anything without a blank, a quote, ',' ';' or '#' */
	POLICY_TOKEN_TEXT, /* "..." without escapes, on one line; the token is what is inside */
	POLICY_TOKEN_COMMA,
};

struct policy_token {
	enum policy_token_kind kind;
	uint32_t line, column;
	uint32_t at, length; /* in the text */
	uint32_t line_at;    /* where its line begins */
};

struct policy_reader {
	struct lwf_policy *policy;
	uint32_t rules_max, pieces_max; /* room */
	const struct lwf_policy_users *users;
	struct lwf_policy_error *error;
	int ret;		    /* not 0: the first problem; every token is END from then on */
	uint32_t at, line, line_at; /* behind the token */
	uint32_t taken_end;	    /* behind the last one that was taken */
	struct policy_token token;  /* the next one, not yet taken */
};

/** Notes what is wrong at @token, unless something was before. */
void lwf_policy_wrong(struct policy_reader *reader, const struct policy_token *token, int ret,
		      const char *format, ...) __attribute__((format(printf, 4, 5)));

/** The token as it can be shown: cut, and without bytes that are no text. */
struct policy_word {
	char text[44];
};
struct policy_word lwf_policy_shown(const struct policy_reader *reader,
				    const struct policy_token *token);

/** Whether it is @word of the language, and so not in quotes; and whether it is @word as a value, which may be. */
bool lwf_policy_is(const struct policy_reader *reader, const struct policy_token *token,
		   const char *word);

bool lwf_policy_says(const struct policy_reader *reader, const struct policy_token *token,
		     const char *word);

/** Reads @token as one value of a condition of @kind; with problem noted when it is none. */
void lwf_policy_read_value(struct policy_reader *reader, enum policy_kind kind,
			   const struct policy_token *token, struct policy_value *value);

/** "tcp", or a number: the number. -1 when it is neither. */
int lwf_policy_protocol(const char *word, uint32_t length);

/** A time with its unit, as 20ms, in nanoseconds; 0 when it is none. */
uint64_t lwf_policy_time_ns(const char *word, uint32_t length);

/** Decimal digits and nothing else, up to @max. */
bool lwf_policy_number(const char *word, uint32_t length, uint32_t max, uint32_t *number);

#endif
