/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - log lines of the daemon, to stderr.
 */
#ifndef LWF_DAEMON_LOG_H
#define LWF_DAEMON_LOG_H

#include <lwf/host.h>

#define LWF_LOG_BURST_LINES 200u /* a second; what is above is counted and told */

/** Lines above @level are dropped from now on. */
void lwf_daemon_log_init(enum lwf_log_level level);

/** A sink for lwf_event_host_create(); any thread. Each line is one write. */
void lwf_daemon_log(enum lwf_log_level level, const char *text);

#endif
