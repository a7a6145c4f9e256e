/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * match.h - lwf_host_ops.compile_match of both hosts.
 */
#ifndef LWF_HOSTS_MATCH_H
#define LWF_HOSTS_MATCH_H

#include <lwf/host.h>
#include <lwf/match.h>

int lwf_compile_match(struct lwf_host *host, const char *text, struct lwf_match *match, char *error,
		      size_t error_bytes);

#endif
