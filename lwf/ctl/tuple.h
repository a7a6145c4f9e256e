/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tuple.h - the two ends of a conversation as people write them: "tcp 10.0.0.5:40000 -> 192.0.2.1:443".
 */
#ifndef LWF_CTL_TUPLE_H
#define LWF_CTL_TUPLE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include <lwf/flow.h>

#define TUPLE_WORDS_MAX 8u

struct tuple {
	char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];
	struct lwf_flow_info info; /* key without adapter, local, initiator; the rest is 0 */
};

/**
 * Reads @words: a protocol, the end that began and the other one, and "in" when that was the other
 * side. Words may be joined by ',' and have "->" or ">" between the ends; an IPv6 address with a port stands
 * in []. 0; -EINVAL with @why.
 */
int tuple_read(const char *const *words, unsigned count, struct tuple *tuple, char *why,
	       size_t why_bytes);

#endif
